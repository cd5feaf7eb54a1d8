//! What people ask of the till besides sales: money into the drawer and out of it, and corrections of sales that went
//! without a receipt. Receipts that are wrong are in [`super::wrong`].

use super::{
    Context, FlowError,
    commands::{clear_alert, load},
    effects::cash,
    law,
    record::record,
};
use crate::{
    domain::{
        event::Body,
        ids::{DishId, OrderId},
        money::Money,
        order::{Order, OrderError},
        payment::Tender,
        receipt::{Correction, Prescription, Receipt, ReceiptDraft, ReceiptLine, Subject, Vat},
        shift::ShiftState,
        shift_report::{CashMove, Direction, ShiftReport},
        vat::VatClass,
    },
    store::{EffectState, Tx},
};
use uuid::Uuid;

/// Characters of a name in a fiscal document (tag 1021).
const LONGEST_NAME: usize = 64;
/// Characters of a reason. [ours]
const LONGEST_REASON: usize = 200;
/// The dish that a correction without an order is booked under. Accounting maps it like any other.
pub const CORRECTED_SALE: &str = "correction";

/// Who and why, as a document keeps them.
pub(super) fn named(who: &str, why: &str) -> Result<(String, String), FlowError> {
    let text = |text: &str, what: &str, longest: usize| {
        let text = text.trim();
        let fits = (1..=longest).contains(&text.chars().count());
        fits.then(|| text.to_owned())
            .ok_or_else(|| FlowError::Invalid(format!("say {what}, in 1 to {longest} characters")))
    };
    Ok((
        text(who, "who does it", LONGEST_NAME)?,
        text(why, "why", LONGEST_REASON)?,
    ))
}

pub(super) fn must_open(tx: &Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    let closed = tx.snapshot().shift()?.state == ShiftState::Closed;
    if closed && !cx.policy.auto_open_shift {
        return Err(FlowError::Conflict(
            "the shift is closed; open it first: galley shift open".to_owned(),
        ));
    }
    Ok(())
}

/// No more is taken out than lies there, as far as the books know what lies there: the printer would refuse it, and
/// somebody would have to tell it that.
fn is_in_drawer(tx: &Tx<'_>, cx: &Context, sum_minor: i64) -> Result<(), FlowError> {
    let snapshot = tx.snapshot();
    let shift = snapshot.shift()?;
    let open = shift.number.filter(|_| shift.state == ShiftState::Open);
    let Some(number) = open else { return Ok(()) };
    let receipts = snapshot.receipts_of_shift(number)?;
    let drawer = ShiftReport::of(number, &snapshot.shift_folder(number)?, &receipts, None).drawer;
    if drawer.start_minor.is_none() {
        return Ok(());
    }
    let mut there = drawer.expected_minor;
    for effect in snapshot.live_effects()? {
        if effect.kind == cash::KIND {
            // One that can't be read is the engine's to tell.
            let Ok(cash::Request { cash }) = serde_json::from_value(effect.request) else {
                continue;
            };
            match cash.direction {
                Direction::In => there = there.saturating_add(cash.sum_minor),
                Direction::Out => there = there.saturating_sub(cash.sum_minor),
            }
        }
    }
    if sum_minor <= there {
        return Ok(());
    }
    let money = |minor| Money::new(minor, cx.catalog.currency);
    Err(FlowError::Conflict(format!(
        "{} can't be taken out: by the books {} lie in the drawer",
        money(sum_minor),
        money(there)
    )))
}

/// Puts money into the drawer or takes it out; `id` makes it one act.
///
/// # Errors
/// A sum that is not above zero, nobody named, more than lies in the drawer, or a closed shift that may not be opened by
/// itself.
pub fn move_cash(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: Uuid,
    direction: Direction,
    sum_minor: i64,
    who: &str,
    why: &str,
) -> Result<CashMove, FlowError> {
    if sum_minor <= 0 {
        return Err(FlowError::Invalid("the sum must be above zero".to_owned()));
    }
    let (who, why) = named(who, why)?;
    must_open(tx, cx)?;
    if direction == Direction::Out {
        is_in_drawer(tx, cx, sum_minor)?;
    }
    let cash = CashMove {
        key: format!("cash:{id}"),
        direction,
        sum_minor,
        who,
        why,
    };
    record(tx, cx, None, Body::CashRequested { cash: cash.clone() })?;
    Ok(cash)
}

/// What a person says about a sale that went without a receipt.
#[derive(Clone, Debug)]
pub struct CorrectionWish {
    /// Who decides it.
    pub who: String,
    /// Why.
    pub why: String,
    /// The day of the settlement, `YYYY-MM-DD`; the order's own day when none.
    pub date: Option<String>,
    /// The guest has the dishes.
    pub served: bool,
    /// The tax office's order to do it; of one's own accord when none.
    pub prescription: Option<Prescription>,
}

/// Characters of the number of the tax office's order (tag 1179). [memory: the format's table]
const LONGEST_NUMBER: usize = 32;

/// The tax office's order, if it can be one.
pub(super) fn prescribed(
    cx: &Context,
    order: Option<&Prescription>,
) -> Result<Option<Prescription>, FlowError> {
    let Some(order) = order else {
        return Ok(None);
    };
    let number = order.number.trim();
    if !(1..=LONGEST_NUMBER).contains(&number.chars().count()) {
        return Err(FlowError::Invalid(format!(
            "say the number of the tax office's order, in 1 to {LONGEST_NUMBER} characters"
        )));
    }
    Ok(Some(Prescription {
        number: number.to_owned(),
        date: settled_on(cx, &order.date)?,
    }))
}

/// Has a paid order without a receipt made good by a correction receipt. One an order.
///
/// # Errors
/// No such order, nothing to correct, a receipt that may still come, or a rate of VAT that did not exist that day.
pub fn correct_order(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: OrderId,
    wish: &CorrectionWish,
) -> Result<Order, FlowError> {
    let order = load(tx, id)?;
    if !order.paid {
        return Err(match order.received_minor() {
            0 => OrderError::NothingPaid,
            _ => OrderError::State(order.state),
        }
        .into());
    }
    if order.is_fiscal_elsewhere() {
        return Err(FlowError::Conflict(
            "the channel that took the money gives this sale its receipt".to_owned(),
        ));
    }
    if order.sale_receipt().is_some_and(|r| r.registered.is_some()) {
        return Err(FlowError::Conflict(
            "this sale has its receipt; if that is wrong: galley fiscal correct receipt".to_owned(),
        ));
    }
    if order.receipts.iter().any(|r| r.draft.correction.is_some()) {
        return Err(FlowError::Conflict(
            "a correction of this order is under way already".to_owned(),
        ));
    }
    must_open(tx, cx)?;
    let (who, why) = named(&wish.who, &wish.why)?;
    let date = settled_on(cx, wish.date.as_deref().unwrap_or(&order.day))?;
    let prescription = prescribed(cx, wish.prescription.as_ref())?;
    let mut draft = ReceiptDraft::correction(
        &order,
        Correction {
            date: date.clone(),
            who,
            why,
            served: wish.served,
            prescription,
            wrong: None,
        },
    );
    for line in &mut draft.lines {
        let Some(ordered) = line.line.and_then(|i| order.lines.get(i)) else {
            continue;
        };
        let own = || VatClass(ordered.vat.word().to_owned());
        let class = ordered.vat_class.clone().unwrap_or_else(own);
        line.vat = rate(tx, cx, &class, &date)?;
    }
    let sale = order.sale_receipt().cloned();
    call_off(tx, cx, sale.as_ref())?;
    record(tx, cx, Some(id), Body::CorrectionRequested { draft })?;
    load(tx, id)
}

/// The receipt that did not come must not come any more.
fn call_off(tx: &mut Tx<'_>, cx: &Context, sale: Option<&Receipt>) -> Result<(), FlowError> {
    let Some(sale) = sale else {
        return Ok(());
    };
    let key = format!("receipt:{}", sale.draft.key);
    let Some(mut row) = tx.snapshot().effect_by_key(&key)? else {
        return Ok(());
    };
    match row.state {
        EffectState::Waiting | EffectState::Refused => {
            row.state = EffectState::Withdrawn;
            row.ended_at = Some(cx.now);
            tx.put_effect(&row)?;
            clear_alert(tx, cx, &super::engine::alert_key(&key))
        }
        EffectState::Withdrawn => Ok(()),
        EffectState::Person => Err(FlowError::Conflict(format!(
            "nobody knows whether this sale has a receipt; look at the printer's documents, then decide: galley effect settle {}",
            row.id
        ))),
        _ => Err(FlowError::Conflict(
            "the receipt of this sale is under way; wait for what becomes of it".to_owned(),
        )),
    }
}

/// A sale that Galley knows no order of.
#[derive(Clone, Debug)]
pub struct LooseSale {
    /// Minor units.
    pub sum_minor: i64,
    /// How it was paid.
    pub tender: Tender,
    /// Class of VAT.
    pub vat: VatClass,
    /// What was sold, in words.
    pub name: String,
    /// Settlement subject.
    pub subject: Subject,
}

/// Has a sale that Galley knows no order of made good by a correction receipt; `id` makes it one.
///
/// # Errors
/// A sum that is not above zero, a day that is to come, an unknown rate of VAT, nobody named.
pub fn correct_loose_sale(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: Uuid,
    sale: &LooseSale,
    wish: &CorrectionWish,
) -> Result<ReceiptDraft, FlowError> {
    if sale.sum_minor <= 0 {
        return Err(FlowError::Invalid("the sum must be above zero".to_owned()));
    }
    let (who, why) = named(&wish.who, &wish.why)?;
    let Some(date) = wish.date.as_deref() else {
        return Err(FlowError::Invalid(
            "say the day of the settlement: without an order Galley does not know it".to_owned(),
        ));
    };
    let date = settled_on(cx, date)?;
    let vat = rate(tx, cx, &sale.vat, &date)?;
    let name = sale.name.trim();
    if !(1..=128).contains(&name.chars().count()) {
        return Err(FlowError::Invalid(
            "say what was sold, in 1 to 128 characters".to_owned(),
        ));
    }
    must_open(tx, cx)?;
    let line = ReceiptLine {
        dish_id: DishId(CORRECTED_SALE.to_owned()),
        name: name.to_owned(),
        price_minor: sale.sum_minor,
        quantity_milli: 1000,
        sum_minor: sale.sum_minor,
        vat,
        subject: sale.subject,
        line: None,
        marking: None,
    };
    let correction = Correction {
        date,
        who,
        why,
        served: true,
        prescription: prescribed(cx, wish.prescription.as_ref())?,
        wrong: None,
    };
    let draft = ReceiptDraft::correction_without_order(id, line, sale.tender, correction);
    record(
        tx,
        cx,
        None,
        Body::CorrectionRequested {
            draft: draft.clone(),
        },
    )?;
    Ok(draft)
}

/// The day of a settlement, if it can be one.
pub(super) fn settled_on(cx: &Context, date: &str) -> Result<String, FlowError> {
    let day: jiff::civil::Date = date
        .parse()
        .map_err(|_| FlowError::Invalid(format!("{date:?} is no day, write YYYY-MM-DD")))?;
    let day = day.to_string();
    if day > cx.day {
        return Err(FlowError::Invalid(format!(
            "{day} is still to come; a correction is of a settlement that was"
        )));
    }
    Ok(day)
}

/// The rate that a class had on a day, if the printer can register it.
pub(super) fn rate(
    tx: &Tx<'_>,
    cx: &Context,
    class: &VatClass,
    day: &str,
) -> Result<Vat, FlowError> {
    let rate = cx.catalog.vat_on(class, day).ok_or_else(|| {
        FlowError::Invalid(format!(
            "the class {:?} has no rate of VAT on {day}; ask an accountant, and complete vat_rates in the catalog",
            class.0
        ))
    })?;
    let known = law::facts(&tx.snapshot())?.vat;
    if !known.is_empty() && !known.contains(&rate) {
        return Err(FlowError::Invalid(format!(
            "the printer can't register the rate {} of {day}",
            rate.word()
        )));
    }
    Ok(rate)
}
