//! The table of recovery decisions.

use super::*;
use crate::{ReceiptKind, ShiftDocument, TaxSystem};

const DRIVE: &str = "9999078902004312";

fn baseline() -> Baseline {
    Baseline {
        drive_number: DRIVE.into(),
        last_document: 121,
        shift_number: 13,
        shift_open: true,
        cash: None,
    }
}

fn sale(total: i64) -> Document {
    Document::Receipt(Receipt {
        key: "k-ours".into(),
        kind: ReceiptKind::Sale,
        operator: None,
        tax_system: TaxSystem::General,
        lines: vec![crate::Line {
            name: "Суп".into(),
            price_minor: total,
            quantity_milli: 1000,
            sum_minor: total,
            vat: crate::VatRate::Vat10,
            subject: crate::SettlementSubject::Commodity,
            method: crate::SettlementMethod::FullPayment,
            unit: crate::MeasureUnit::Piece,
            details: crate::LineDetails::default(),
        }],
        tenders: vec![],
        buyer_contact: None,
        print: true,
        details: crate::ReceiptDetails::default(),
    })
}

fn found(number: u32, kind: RecordKind, total: Option<i64>, key: KeyEvidence) -> Found {
    Found {
        record: FiscalRecord {
            kind,
            document_number: number,
            fiscal_sign: 1,
            drive_number: DRIVE.into(),
            registration_number: None,
            shift_number: Some(13),
            receipt_number: None,
            local_time: "2026-11-22T12:00".into(),
            total_minor: total,
            key: None,
            printed: None,
        },
        key,
    }
}

fn receipt(number: u32, total: i64, key: KeyEvidence) -> Found {
    found(
        number,
        RecordKind::Receipt(ReceiptKind::Sale),
        Some(total),
        key,
    )
}

fn evidence(documents: Vec<Found>) -> Evidence {
    Evidence {
        drive_number: DRIVE.into(),
        last_document: 121 + documents.len() as u32,
        receipt_open: false,
        local_time: "2026-11-22T12:00".into(),
        cash: None,
        documents,
        unreadable: 0,
        keys_come_back: false,
    }
}

fn ours() -> KeyEvidence {
    KeyEvidence::Present("k-ours".into())
}

fn theirs() -> KeyEvidence {
    KeyEvidence::Present("k-theirs".into())
}

/// The number of the document that was found, or the name of the decision.
fn verdict(document: &Document, evidence: &Evidence) -> String {
    match decide(document, &baseline(), evidence) {
        Decision::Registered(r) => r.document_number.to_string(),
        Decision::NotRegistered => "none".into(),
        Decision::CancelReceipt => "cancel".into(),
        Decision::OtherDrive => "drive".into(),
        Decision::NeedsPerson(_) => "person".into(),
    }
}

#[test]
fn the_shift_of_a_document_is_told_by_those_before_it() {
    let untold = |mut found: Found| {
        found.record.shift_number = None;
        found
    };
    let sold = |number| untold(receipt(number, 700, ours()));
    let turn = |number, kind| found(number, kind, None, KeyEvidence::Unread);
    let of = |documents: Vec<Found>, unreadable| {
        let last = documents.last().unwrap().record.clone();
        let seen = Evidence {
            unreadable,
            ..evidence(documents)
        };
        shift_of(&last, &baseline(), &seen)
    };
    assert_eq!(of(vec![sold(122), sold(123)], 0), Some(13));
    assert_eq!(of(vec![sold(123)], 1), None);
    assert_eq!(
        of(vec![turn(122, RecordKind::ShiftClose), sold(123)], 0),
        None
    );
    let mut opened = turn(123, RecordKind::ShiftOpen);
    opened.record.shift_number = Some(14);
    let closed = turn(122, RecordKind::ShiftClose);
    assert_eq!(of(vec![closed, opened, sold(124)], 0), Some(14));
    // What the document says itself stands.
    assert_eq!(of(vec![receipt(122, 700, ours())], 1), Some(13));
}

#[test]
fn a_receipt_is_decided_by_counter_key_kind_and_total() {
    use KeyEvidence::{Absent, Unread};
    let table: Vec<(&str, Vec<Found>, &str)> = vec![
        ("the counter did not move", vec![], "none"),
        ("ours, with its key", vec![receipt(122, 700, ours())], "122"),
        ("ours, key unread", vec![receipt(122, 700, Unread)], "122"),
        (
            "ours, keys never come back",
            vec![receipt(122, 700, Absent)],
            "122",
        ),
        (
            "a stranger's key",
            vec![receipt(122, 700, theirs())],
            "none",
        ),
        (
            "a stranger's total",
            vec![receipt(122, 701, Unread)],
            "none",
        ),
        (
            "a stranger's return of the same total",
            vec![found(
                122,
                RecordKind::Receipt(ReceiptKind::SaleReturn),
                Some(700),
                Unread,
            )],
            "none",
        ),
        (
            "a shift opening came between",
            vec![
                found(122, RecordKind::ShiftOpen, None, Unread),
                receipt(123, 700, ours()),
            ],
            "123",
        ),
        (
            "a stranger before us",
            vec![receipt(122, 700, theirs()), receipt(123, 700, ours())],
            "123",
        ),
        (
            "a stranger after us, without a key",
            vec![receipt(122, 700, ours()), receipt(123, 700, Absent)],
            "122",
        ),
        (
            "two that look like ours",
            vec![receipt(122, 700, Unread), receipt(123, 700, Unread)],
            "person",
        ),
        (
            "our key twice",
            vec![receipt(122, 700, ours()), receipt(123, 700, ours())],
            "person",
        ),
        (
            "our key with another total",
            vec![receipt(122, 9, ours())],
            "none",
        ),
    ];
    for (what, documents, expected) in table {
        assert_eq!(
            verdict(&sale(700), &evidence(documents)),
            expected,
            "{what}"
        );
    }
}

#[test]
fn an_absent_key_is_a_stranger_where_keys_come_back() {
    let mut e = evidence(vec![receipt(122, 700, KeyEvidence::Absent)]);
    e.keys_come_back = true;
    assert_eq!(verdict(&sale(700), &e), "none");
}

#[test]
fn an_open_receipt_is_cancelled_only_when_ours_is_not_registered() {
    let mut e = evidence(vec![]);
    e.receipt_open = true;
    assert_eq!(verdict(&sale(700), &e), "cancel");
    let mut e = evidence(vec![receipt(122, 700, ours())]);
    e.receipt_open = true;
    assert_eq!(verdict(&sale(700), &e), "122");
}

#[test]
fn another_drive_a_smaller_counter_and_unreadable_documents_need_a_person() {
    let mut e = evidence(vec![]);
    e.drive_number = "9999078902009999".into();
    assert_eq!(verdict(&sale(700), &e), "drive");
    let mut e = evidence(vec![]);
    e.last_document = 120;
    assert_eq!(verdict(&sale(700), &e), "person");
    let mut e = evidence(vec![]);
    (e.last_document, e.unreadable) = (122, 1);
    assert_eq!(verdict(&sale(700), &e), "person");
    let mut e = evidence(vec![receipt(122, 700, ours())]);
    (e.last_document, e.unreadable) = (123, 1);
    assert_eq!(verdict(&sale(700), &e), "122");
}

#[test]
fn a_shift_is_decided_by_its_number() {
    let shift = |key: &str| ShiftDocument {
        key: key.into(),
        operator: None,
    };
    let of = |number, kind, shift| {
        let mut f = found(number, kind, None, KeyEvidence::Unread);
        f.record.shift_number = Some(shift);
        f
    };
    let close = Document::ShiftClose(shift("z"));
    let open = Document::ShiftOpen(shift("o"));
    use RecordKind::{ShiftClose, ShiftOpen};
    assert_eq!(verdict(&close, &evidence(vec![])), "none");
    assert_eq!(
        verdict(&close, &evidence(vec![of(122, ShiftClose, 13)])),
        "122"
    );
    assert_eq!(
        verdict(&close, &evidence(vec![of(122, ShiftClose, 14)])),
        "none"
    );
    assert_eq!(
        verdict(&open, &evidence(vec![of(122, ShiftOpen, 14)])),
        "122"
    );
    assert_eq!(
        verdict(&open, &evidence(vec![of(122, ShiftOpen, 13)])),
        "none"
    );
    let both = evidence(vec![of(122, ShiftClose, 13), of(123, ShiftOpen, 14)]);
    assert_eq!(verdict(&close, &both), "122");
    assert_eq!(verdict(&open, &both), "123");
}

mod cash {
    use super::*;

    fn counters(ins: u32, in_minor: i64) -> Option<CashCounters> {
        Some(CashCounters {
            ins,
            in_minor,
            drawer_minor: in_minor,
            ..CashCounters::default()
        })
    }

    fn decided(before: Option<CashCounters>, now: Option<CashCounters>) -> Decision {
        let document = Document::CashIn(CashDocument {
            key: "float".into(),
            operator: None,
            sum_minor: 500_000,
        });
        let baseline = Baseline {
            cash: before,
            ..baseline()
        };
        let evidence = Evidence {
            cash: now,
            ..evidence(vec![])
        };
        decide(&document, &baseline, &evidence)
    }

    #[test]
    fn one_more_of_the_very_sum_is_ours() {
        let decision = decided(counters(2, 100), counters(3, 500_100));
        let Decision::Registered(record) = decision else {
            panic!("{decision:?}");
        };
        assert_eq!(record.kind, RecordKind::CashIn);
        assert_eq!(record.document_number, 3);
        assert_eq!(record.total_minor, Some(500_000));
    }

    #[test]
    fn counters_that_stand_still_say_that_nothing_happened() {
        assert_eq!(
            decided(counters(2, 100), counters(2, 100)),
            Decision::NotRegistered
        );
    }

    #[test]
    fn another_sum_twice_or_no_counters_need_a_person() {
        for (before, now) in [
            (counters(2, 100), counters(3, 400_100)),
            (counters(2, 100), counters(4, 1_000_100)),
            (counters(2, 100), counters(0, 0)),
            (None, counters(3, 500_100)),
            (counters(2, 100), None),
        ] {
            assert!(
                matches!(decided(before, now), Decision::NeedsPerson(_)),
                "{before:?} {now:?}"
            );
        }
    }
}

#[test]
fn a_correction_is_no_receipt() {
    let Document::Receipt(receipt) = sale(70_000) else {
        unreachable!()
    };
    let correction = Document::Correction(crate::Correction {
        basis: crate::CorrectionBasis {
            by: crate::CorrectionBy::Ourselves,
            date: "2026-11-20".into(),
            number: None,
            description: None,
        },
        receipt,
    });
    let as_receipt = evidence(vec![self::receipt(122, 70_000, ours())]);
    assert_eq!(
        decide(&correction, &baseline(), &as_receipt),
        Decision::NotRegistered
    );
    let as_correction = evidence(vec![found(
        122,
        RecordKind::Correction(ReceiptKind::Sale),
        Some(70_000),
        ours(),
    )]);
    assert!(matches!(
        decide(&correction, &baseline(), &as_correction),
        Decision::Registered(_)
    ));
}
