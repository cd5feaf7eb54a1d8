//! What became of an attempt in doubt: a decision over values, without a wire, the same for every make.
//! [source: atol.md 7.2]
//!
//! A document exists if and only if the fiscal drive gave it a number. So the drive's counter is compared with
//! the baseline, and every document behind the baseline is looked at. Our key in tag 1192 is the proof; kind
//! and total are what is left where the drive gives no key back.

use crate::{Baseline, CashCounters, CashDocument, Document, FiscalRecord, Receipt, RecordKind};

/// What a look at tag 1192 gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEvidence {
    /// Nobody looked, or the drive could not say.
    Unread,
    /// The document has none.
    Absent,
    /// The document's key.
    Present(String),
}

/// A document behind the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The document.
    pub record: FiscalRecord,
    /// Its key.
    pub key: KeyEvidence,
}

/// What was read from the printer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Serial number of the drive that answers.
    pub drive_number: String,
    /// Its last document.
    pub last_document: u32,
    /// A receipt is open in the printer.
    pub receipt_open: bool,
    /// The printer's local time, `YYYY-MM-DDTHH:MM`.
    pub local_time: String,
    /// The documents behind the baseline that could be read.
    pub documents: Vec<Found>,
    /// How many could not be read.
    pub unreadable: u32,
    /// What the printer has counted of its drawer, where it says it.
    pub cash: Option<CashCounters>,
    /// Whether this drive is known to give keys back, so that an absent key means "not ours".
    pub keys_come_back: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The document exists.
    Registered(FiscalRecord),
    /// It does not exist.
    NotRegistered,
    /// It does not exist yet, and its receipt is open: cancel it, then look again.
    CancelReceipt,
    /// Another drive answers.
    OtherDrive,
    /// The evidence contradicts itself.
    NeedsPerson(String),
}

/// How well a document of the drive fits the intent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    No,
    /// Kind and total fit, and no key speaks against it.
    Looks,
    /// The key is ours.
    Ours,
}

/// Decides.
#[must_use]
pub fn decide(document: &Document, baseline: &Baseline, evidence: &Evidence) -> Decision {
    if evidence.drive_number != baseline.drive_number {
        return Decision::OtherDrive;
    }
    if evidence.last_document < baseline.last_document {
        return Decision::NeedsPerson(format!(
            "the counter of the fiscal drive went back from {} to {}",
            baseline.last_document, evidence.last_document
        ));
    }
    match document {
        Document::CashIn(money) => return cash(money, baseline, evidence, Flow::In),
        Document::CashOut(money) => return cash(money, baseline, evidence, Flow::Out),
        _ => {}
    }
    let fits = |wanted: Fit| -> Vec<&Found> {
        evidence
            .documents
            .iter()
            .filter(|found| fit(document, baseline, found, evidence.keys_come_back) == wanted)
            .collect()
    };
    let (ours, looks) = (fits(Fit::Ours), fits(Fit::Looks));
    match (ours.as_slice(), looks.as_slice()) {
        ([one], _) => Decision::Registered(one.record.clone()),
        ([], _) if evidence.unreadable > 0 => Decision::NeedsPerson(format!(
            "{} documents of the fiscal drive behind number {} can't be read",
            evidence.unreadable, baseline.last_document
        )),
        ([], [one]) => Decision::Registered(one.record.clone()),
        ([], []) => match document {
            // An open receipt is no part of a shift's document: leave it to its own attempt.
            Document::Receipt(_) | Document::Correction(_) if evidence.receipt_open => {
                Decision::CancelReceipt
            }
            _ => Decision::NotRegistered,
        },
        (many, others) => {
            let numbers: Vec<String> = many
                .iter()
                .chain(others)
                .map(|f| f.record.document_number.to_string())
                .collect();
            Decision::NeedsPerson(format!(
                "several documents of the fiscal drive fit: {}",
                numbers.join(", ")
            ))
        }
    }
}

/// The shift that a document behind the baseline was made in, as far as the drive's other documents tell it: that of the
/// baseline, if none between began or ended one.
#[must_use]
pub fn shift_of(record: &FiscalRecord, baseline: &Baseline, evidence: &Evidence) -> Option<u32> {
    // What can't be read may have been such a one.
    let whole = evidence.unreadable == 0;
    let open = (baseline.shift_open && whole).then_some(baseline.shift_number);
    let before = evidence
        .documents
        .iter()
        .filter(|f| f.record.document_number < record.document_number);
    let known = before.fold(open, |shift, f| match f.record.kind {
        RecordKind::ShiftOpen => f.record.shift_number,
        RecordKind::ShiftClose => None,
        _ => shift,
    });
    record.shift_number.or(known)
}

fn fit(document: &Document, baseline: &Baseline, found: &Found, keys_come_back: bool) -> Fit {
    let record = &found.record;
    match document {
        Document::ShiftOpen(_) => {
            let next = baseline.shift_number.checked_add(1);
            shift_fit(record, RecordKind::ShiftOpen, next)
        }
        Document::ShiftClose(_) => {
            shift_fit(record, RecordKind::ShiftClose, Some(baseline.shift_number))
        }
        Document::Receipt(receipt) => receipt_fit(
            receipt,
            RecordKind::Receipt(receipt.kind),
            found,
            keys_come_back,
        ),
        Document::Correction(correction) => receipt_fit(
            &correction.receipt,
            RecordKind::Correction(correction.receipt.kind),
            found,
            keys_come_back,
        ),
        // The drive keeps no document of it.
        Document::CashIn(_) | Document::CashOut(_) => Fit::No,
    }
}

fn receipt_fit(receipt: &Receipt, kind: RecordKind, found: &Found, keys_come_back: bool) -> Fit {
    let same = found.record.kind == kind && found.record.total_minor == receipt.total_minor();
    match &found.key {
        KeyEvidence::Present(key) if *key == receipt.key && same => Fit::Ours,
        KeyEvidence::Present(_) => Fit::No,
        KeyEvidence::Absent if keys_come_back => Fit::No,
        _ if same => Fit::Looks,
        _ => Fit::No,
    }
}

#[derive(Clone, Copy)]
enum Flow {
    In,
    Out,
}

/// Money put in or taken out: the printer counts how often and how much, and nothing else moves these counters. The
/// shift bounds them: another shift starts them at nought, so a turned shift needs a person.
fn cash(money: &CashDocument, baseline: &Baseline, evidence: &Evidence, flow: Flow) -> Decision {
    let (Some(before), Some(now)) = (baseline.cash, evidence.cash) else {
        return Decision::NeedsPerson(
            "the printer doesn't say how often money was put in or taken out".to_owned(),
        );
    };
    // Another shift counts from nought: what its counters say proves nothing of the shift before.
    let turned = |f: &Found| {
        matches!(
            f.record.kind,
            RecordKind::ShiftOpen | RecordKind::ShiftClose
        )
    };
    if evidence.unreadable > 0 || evidence.documents.iter().any(turned) {
        return Decision::NeedsPerson(
            "the shift was turned since, so the drawer's counters prove nothing".to_owned(),
        );
    }
    let of = |c: CashCounters| match flow {
        Flow::In => (c.ins, c.in_minor),
        Flow::Out => (c.outs, c.out_minor),
    };
    let ((count, sum), (count_now, sum_now)) = (of(before), of(now));
    if count_now == count && sum_now == sum {
        return Decision::NotRegistered;
    }
    if count_now == count.saturating_add(1) && sum_now == sum.saturating_add(money.sum_minor) {
        return Decision::Registered(FiscalRecord {
            kind: match flow {
                Flow::In => RecordKind::CashIn,
                Flow::Out => RecordKind::CashOut,
            },
            document_number: count_now,
            fiscal_sign: 0,
            drive_number: evidence.drive_number.clone(),
            registration_number: None,
            shift_number: Some(baseline.shift_number),
            receipt_number: None,
            local_time: evidence.local_time.clone(),
            total_minor: Some(money.sum_minor),
            key: Some(money.key.clone()),
            printed: None,
        });
    }
    Decision::NeedsPerson(format!(
        "the drawer's counters moved from {count} times, {sum} to {count_now} times, {sum_now}, which is not this one sum of \
         {}",
        money.sum_minor
    ))
}

/// A shift's document carries no key. One that opened or closed that very shift has done what was asked for,
/// whoever sent it.
fn shift_fit(record: &FiscalRecord, kind: RecordKind, number: Option<u32>) -> Fit {
    let same = record.kind == kind
        && match (record.shift_number, number) {
            (Some(found), Some(wanted)) => found == wanted,
            _ => true,
        };
    if same { Fit::Looks } else { Fit::No }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
