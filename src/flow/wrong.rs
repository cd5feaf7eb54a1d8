//! A receipt that was registered and is wrong: it is taken back by a correction with the opposite sign and the same
//! lines, and what is right is registered anew. [source: atol.md 6.5]

use super::{
    Context, FlowError,
    commands::load,
    law,
    record::record,
    till::{CorrectionWish, must_open, named, prescribed, rate, settled_on},
};
use crate::{
    domain::{
        event::Body,
        ids::OrderId,
        payment::Tender,
        receipt::{Correction, Receipt, ReceiptDraft, ReceiptLine, Registered, Subject, Wrong},
        vat::VatClass,
    },
    store::Tx,
};

/// What should have stood in a line of the receipt. What is none is right as it is.
#[derive(Clone, Debug, Default)]
pub struct RightLine {
    /// Its number in the receipt, from 0.
    pub line: usize,
    /// What was sold, in words.
    pub name: Option<String>,
    /// Class of VAT.
    pub vat: Option<VatClass>,
    /// Settlement subject.
    pub subject: Option<Subject>,
    /// Price of one, minor units.
    pub price_minor: Option<i64>,
}

/// What the receipt should have said. What is empty is right as it is.
#[derive(Clone, Debug, Default)]
pub struct Right {
    /// Lines that were wrong.
    pub lines: Vec<RightLine>,
    /// How it was paid: tender and minor units.
    pub tenders: Vec<(Tender, i64)>,
}

/// Has a wrong receipt taken back, and the right one registered after it. Without `right`, nothing comes after it: the
/// receipt should never have been. Answers with the order, if it is of one, and what is asked of the printer first.
///
/// # Errors
/// No such receipt, one that is not registered or taken back already, a right one that does not add up or is the
/// same, a printer that can't.
pub fn correct_receipt(
    tx: &mut Tx<'_>,
    cx: &Context,
    key: &str,
    wish: &CorrectionWish,
    right: Option<&Right>,
) -> Result<(Option<OrderId>, ReceiptDraft), FlowError> {
    let (owner, receipt) = tx
        .snapshot()
        .receipt(key)?
        .ok_or(FlowError::Unknown("registered receipt"))?;
    let order = (!owner.0.is_nil()).then_some(owner);
    let (registered, wrong) = may_be_corrected(&receipt)?;
    must_open(tx, cx)?;
    let (who, why) = named(&wish.who, &wish.why)?;
    let prescription = prescribed(cx, wish.prescription.as_ref())?;
    let plain = match law::facts(&tx.snapshot())?.ffd.as_deref() {
        None => {
            return Err(FlowError::Conflict(
                "the printer has not told yet which format it registers; try again when it is there: galley fiscal info"
                    .to_owned(),
            ));
        }
        Some(ffd) => ffd == "1.05",
    };
    if plain && prescription.is_some() {
        return Err(FlowError::Conflict(
            "this printer registers format 1.05, whose corrections can't take a receipt back; ask the accountant what the tax office wants registered, then: galley fiscal correct sale"
                .to_owned(),
        ));
    }
    let told = registered.local_time.get(..10).unwrap_or(&cx.day);
    let date = settled_on(cx, wish.date.as_deref().unwrap_or(told))?;
    let correction = |takes_back: bool, then: Option<Box<ReceiptDraft>>| Correction {
        date: date.clone(),
        who: who.clone(),
        why: why.clone(),
        served: true,
        prescription: prescription.clone(),
        wrong: Some(Wrong {
            key: wrong.key.clone(),
            document_number: registered.document_number,
            fiscal_sign: registered.fiscal_sign,
            local_time: registered.local_time.clone(),
            takes_back,
            plain,
            then,
        }),
    };
    let then = match right {
        None => None,
        Some(right) => {
            let (lines, tenders) = made_right(tx, cx, wrong, right, &date, order.is_some())?;
            let mut draft =
                ReceiptDraft::right(owner, wrong, lines, tenders, correction(false, None));
            draft.total_minor = draft.lines.iter().map(|l| l.sum_minor).sum();
            Some(Box::new(draft))
        }
    };
    let draft = ReceiptDraft::take_back(owner, wrong, correction(true, then));
    let effect = format!("correction:{}", draft.key);
    if tx.snapshot().effect_by_key(&effect)?.is_some() {
        return Err(FlowError::Conflict(
            "this receipt is taken back already; correct the one that came after it".to_owned(),
        ));
    }
    if let Some(id) = order {
        // Its money and its receipts are one story.
        load(tx, id)?;
    }
    let body = Body::CorrectionRequested {
        draft: draft.clone(),
    };
    record(tx, cx, order, body)?;
    Ok((order, draft))
}

fn may_be_corrected(receipt: &Receipt) -> Result<(&Registered, &ReceiptDraft), FlowError> {
    let Some(registered) = receipt.registered.as_ref() else {
        return Err(FlowError::Conflict(
            "this receipt is not registered; there is nothing to take back".to_owned(),
        ));
    };
    if receipt.draft.takes_back() {
        return Err(FlowError::Conflict(
            "this receipt takes another one back; it is no sale that could be wrong".to_owned(),
        ));
    }
    Ok((registered, &receipt.draft))
}

type Said = (Vec<ReceiptLine>, Vec<(Tender, i64)>);

/// Lines and tenders as they should have been.
fn made_right(
    tx: &Tx<'_>,
    cx: &Context,
    wrong: &ReceiptDraft,
    right: &Right,
    date: &str,
    of_order: bool,
) -> Result<Said, FlowError> {
    let invalid = |why: String| Err(FlowError::Invalid(why));
    let mut lines = wrong.lines.clone();
    for wanted in &right.lines {
        let count = lines.len();
        let Some(line) = lines.get_mut(wanted.line) else {
            return invalid(format!(
                "the receipt has {count} lines, counted from 0; there is no line {}",
                wanted.line
            ));
        };
        if let Some(name) = &wanted.name {
            let name = name.trim();
            if !(1..=128).contains(&name.chars().count()) {
                return invalid("say what was sold, in 1 to 128 characters".to_owned());
            }
            name.clone_into(&mut line.name);
        }
        if let Some(class) = &wanted.vat {
            line.vat = rate(tx, cx, class, date)?;
        }
        line.subject = wanted.subject.unwrap_or(line.subject);
        if let Some(price) = wanted.price_minor {
            let sum = i128::from(price) * i128::from(line.quantity_milli);
            let sum = i64::try_from((sum + 500).div_euclid(1000)).unwrap_or(0);
            if price < 0 || sum <= 0 {
                return invalid("a price must be above zero".to_owned());
            }
            (line.price_minor, line.sum_minor) = (price, sum);
        }
    }
    let total = lines
        .iter()
        .try_fold(0i64, |sum, l| sum.checked_add(l.sum_minor));
    let Some(total) = total else {
        return invalid("the sum is too large".to_owned());
    };
    if of_order && total != wrong.total_minor {
        return invalid(format!(
            "the right lines come to {total} minor units, and the receipt is of {}, which is what the guest paid; give money back by a refund",
            wrong.total_minor
        ));
    }
    let tenders = match (right.tenders.as_slice(), wrong.tenders.as_slice()) {
        ([], [(tender, _)]) => vec![(*tender, total)],
        ([], _) => wrong.tenders.clone(),
        (said, _) => said.to_vec(),
    };
    if tenders.iter().any(|t| t.1 <= 0) || tenders.iter().map(|t| t.1).sum::<i64>() != total {
        return invalid(format!(
            "the tenders must add up to {total} minor units, which the lines come to"
        ));
    }
    if lines == wrong.lines && tenders == wrong.tenders {
        return invalid("say what was wrong: the right receipt would be the same".to_owned());
    }
    Ok((lines, tenders))
}
