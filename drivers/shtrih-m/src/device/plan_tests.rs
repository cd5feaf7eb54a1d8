//! What is sent for documents, against the vectors of chapter 8.

use super::*;
use crate::frame1;
use galley_fiscal::{
    CorrectionBasis, CorrectionBy, Fraction, LineDetails, MarkingStatus, ReceiptDetails,
    SettlementMethod, SettlementSubject, TaxSystem, TenderSum,
};

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|b| u8::from_str_radix(b, 16).unwrap())
        .collect()
}

fn coffee() -> Receipt {
    Receipt {
        key: "k1".into(),
        kind: ReceiptKind::Sale,
        operator: None,
        tax_system: TaxSystem::General,
        lines: vec![Line {
            name: "Кофе".into(),
            price_minor: 15_000,
            quantity_milli: 1000,
            sum_minor: 15_000,
            vat: VatRate::None,
            subject: SettlementSubject::Commodity,
            method: SettlementMethod::FullPayment,
            unit: MeasureUnit::Piece,
            details: LineDetails::default(),
        }],
        tenders: vec![TenderSum {
            form: TenderForm::Cash,
            sum_minor: 15_000,
        }],
        buyer_contact: Some("+79990000000".into()),
        print: true,
        details: ReceiptDetails::default(),
    }
}

fn config() -> ShtrihConfig {
    ShtrihConfig {
        operator_password: 1,
        send_units: false,
        ..ShtrihConfig::default()
    }
}

const TARGET: Target = Target {
    ffd: Ffd::V12,
    tags_first: true,
    correction_as_receipt: true,
};

const OLD: Target = Target {
    ffd: Ffd::V105,
    tags_first: false,
    correction_as_receipt: false,
};

fn planned(document: &Document, target: Target) -> Result<Vec<Vec<u8>>, FiscalError> {
    plan(document, &config(), target).map(|p| {
        p.steps
            .iter()
            .map(|s| frame1::encode(&s.command.encode()).unwrap())
            .collect()
    })
}

fn codes(document: &Document, target: Target) -> Vec<u16> {
    let plan = plan(document, &config(), target).unwrap();
    plan.steps.iter().map(|s| s.command.code()).collect()
}

#[test]
fn a_sale_is_laid_out_in_the_frames_of_chapter_8() {
    let frames = planned(&Document::Receipt(coffee()), TARGET).unwrap();
    assert_eq!(frames[0], hex("02 06 8D 01 00 00 00 00 8A"));
    // The vector leaves the amount to the printer; the driver gives it.
    let mut item = hex(
        "02 24 FF 46 01 00 00 00 01 40 42 0F 00 00 00 98 3A 00 00 00 FF FF FF FF FF FF FF FF FF FF 08 01 04 01 CA EE F4 E5 0B",
    );
    item[20..25].copy_from_slice(&[0x98, 0x3A, 0, 0, 0]);
    let body = item[2..item.len() - 1].to_vec();
    assert_eq!(frames[1], frame1::encode(&body).unwrap());
    // 1192, then 1008.
    assert_eq!(
        frames[3],
        hex("02 16 FF 0C 1E 00 00 00 F0 03 0C 00 2B 37 39 39 39 30 30 30 30 30 30 30 11")
    );
    let mut close = hex("02 76 FF 45 01 00 00 00 98 3A 00 00 00");
    close.extend([0; 75 + 1 + 30]);
    close.extend([0x01, 0x6E]);
    assert_eq!(frames[4], close);
}

#[test]
fn returns_purchases_and_corrections_have_their_types() {
    let types = [
        (ReceiptKind::Sale, 0u8, 1u8),
        (ReceiptKind::Purchase, 1, 3),
        (ReceiptKind::SaleReturn, 2, 2),
        (ReceiptKind::PurchaseReturn, 3, 4),
    ];
    for (kind, opened, item) in types {
        let receipt = Receipt { kind, ..coffee() };
        let frames = planned(&Document::Receipt(receipt.clone()), TARGET).unwrap();
        assert_eq!((frames[0][7], frames[1][8]), (opened, item), "{kind:?}");
        let frames = planned(&Document::Correction(corrected(receipt)), TARGET).unwrap();
        assert_eq!(
            (frames[0][7], frames[1][8]),
            (opened | 0x80, item),
            "{kind:?}"
        );
    }
    let frames = planned(
        &Document::Receipt(Receipt {
            kind: ReceiptKind::SaleReturn,
            ..coffee()
        }),
        TARGET,
    )
    .unwrap();
    assert_eq!(frames[0], hex("02 06 8D 01 00 00 00 02 88"));
}

fn corrected(receipt: Receipt) -> Correction {
    Correction {
        basis: CorrectionBasis {
            by: CorrectionBy::Instruction,
            date: "2026-11-20".into(),
            number: Some("12-34".into()),
            description: Some("не пробито".into()),
        },
        receipt,
    }
}

#[test]
fn a_correction_of_ffd_105_is_one_command_of_69_bytes() {
    let mut receipt = coffee();
    receipt.lines[0].vat = VatRate::Vat10;
    let document = Document::Correction(corrected(receipt.clone()));
    assert_eq!(
        codes(&document, OLD),
        [0xFF35, 0xFF0C, 0xFF0C, 0xFF0C, 0xFF4A]
    );
    let plan = plan(&document, &config(), OLD).unwrap();
    let close = plan.steps.last().unwrap().command.encode();
    assert_eq!(close.len(), 69);
    // By order, a sale, the total, cash, and 10 % inside 150.00 is 13.64.
    assert_eq!(close[6..13], [1, 1, 0x98, 0x3A, 0, 0, 0]);
    assert_eq!(close[13..15], [0x98, 0x3A]);
    assert_eq!(close[43..45], 1364u16.to_le_bytes());
    let back = Receipt {
        kind: ReceiptKind::SaleReturn,
        ..receipt
    };
    assert!(planned(&Document::Correction(corrected(back)), OLD).is_err());
}

#[test]
fn tags_of_a_line_come_before_it_on_a_cash_core_and_behind_it_elsewhere() {
    let mut receipt = coffee();
    receipt.lines[0].details.attribute = Some("A1".into());
    let document = Document::Receipt(receipt);
    assert_eq!(
        codes(&document, TARGET),
        [0x8D, 0xFF4D, 0xFF46, 0xFF0C, 0xFF0C, 0xFF45]
    );
    assert_eq!(
        codes(&document, OLD),
        [0x8D, 0xFF46, 0xFF4D, 0xFF0C, 0xFF0C, 0xFF45]
    );
    let frames = planned(&document, TARGET).unwrap();
    assert_eq!(
        frames[1],
        hex("02 0C FF 4D 1E 00 00 00 A7 04 02 00 41 31 71")
    );
}

#[test]
fn a_marked_unit_is_checked_first_and_bound_last() {
    let mut receipt = coffee();
    receipt.lines[0].details.marking = Some(Marking {
        code: "010460\u{1D}93dGVz".into(),
        status: MarkingStatus::PieceSold,
        fraction: Some(Fraction {
            numerator: 1,
            denominator: 2,
        }),
        checked: None,
    });
    let document = Document::Receipt(receipt);
    assert_eq!(
        codes(&document, TARGET),
        [
            0x8D, 0xFF61, 0xFF69, 0xFF4D, 0xFF46, 0xFF67, 0xFF0C, 0xFF0C, 0xFF45
        ]
    );
    let plan = plan(&document, &config(), TARGET).unwrap();
    let check = plan.steps[1].command.encode();
    assert_eq!(check[6..11], [1, 0, 13, 0, b'0']);
    assert!(planned(&document, OLD).is_err());
}

#[test]
fn a_tag_too_long_for_a_command_goes_through_the_drives_buffer() {
    let mut receipt = coffee();
    receipt.details.user_attribute = Some(galley_fiscal::Attribute {
        name: "n".repeat(64),
        value: "v".repeat(256),
    });
    assert_eq!(
        codes(&Document::Receipt(receipt), TARGET)[4..],
        [0xFF32, 0xFF33, 0xFF33, 0xFF33, 0xFF64, 0xFF45]
    );
}

#[test]
fn what_cannot_be_registered_is_refused_before_a_byte_leaves() {
    let broken: Vec<fn(&mut Receipt)> = vec![
        |r| r.lines.clear(),
        |r| r.key = "a key of more than sixteen".into(),
        |r| r.key = "ключ".into(),
        |r| r.lines[0].sum_minor = 15_001,
        |r| r.lines[0].name = "  ".into(),
        |r| r.lines[0].price_minor = -1,
        |r| r.tenders[0].sum_minor = 14_999,
        |r| r.tenders[0].sum_minor = 0,
        |r| {
            r.tenders[0] = TenderSum {
                form: TenderForm::Electronic,
                sum_minor: 15_001,
            }
        },
        |r| {
            r.lines[0].price_minor = 1 << 41;
            r.lines[0].sum_minor = 1 << 41;
        },
    ];
    for (i, change) in broken.iter().enumerate() {
        let mut receipt = coffee();
        change(&mut receipt);
        let refused = planned(&Document::Receipt(receipt), TARGET);
        assert!(matches!(refused, Err(FiscalError::Unsupported(_))), "{i}");
    }
    let mut change = coffee();
    change.tenders[0].sum_minor = 20_000;
    assert!(planned(&Document::Receipt(change), TARGET).is_ok());
    let mut config = config();
    config.vat_codes.remove(&VatRate::None);
    assert!(plan(&Document::Receipt(coffee()), &config, TARGET).is_err());
}

#[test]
fn cash_and_shifts_are_the_frames_of_chapter_8() {
    let cash = Document::CashIn(CashDocument {
        key: "c".into(),
        operator: None,
        sum_minor: 100_000,
    });
    assert_eq!(
        planned(&cash, TARGET).unwrap(),
        [hex("02 0A 50 01 00 00 00 A0 86 01 00 00 7C")]
    );
    let shift = |operator| ShiftDocument {
        key: "s".into(),
        operator,
    };
    let open = Document::ShiftOpen(shift(None));
    assert_eq!(
        planned(&open, TARGET).unwrap(),
        [hex("02 05 E0 01 00 00 00 E4")]
    );
    let named = Document::ShiftClose(shift(Some(Operator {
        name: "Иванов".into(),
        inn: Some("123456789047".into()),
    })));
    assert_eq!(codes(&named, TARGET), [0xFF42, 0xFF0C, 0xFF0C, 0x41]);
    let frames = planned(&named, TARGET).unwrap();
    assert_eq!(frames[3], hex("02 05 41 1E 00 00 00 5A"));
}

#[test]
fn taxes_are_given_only_where_the_printer_wants_them_and_has_a_place() {
    let config = ShtrihConfig {
        send_taxes: true,
        ..config()
    };
    let mut receipt = coffee();
    receipt.lines[0].vat = VatRate::Vat10;
    let with = plan(&Document::Receipt(receipt.clone()), &config, TARGET).unwrap();
    let item = with.steps[1].command.encode();
    assert_eq!(item[23..28], [0x54, 0x05, 0, 0, 0]);
    let close = with.steps.last().unwrap().command.encode();
    assert_eq!(close[92..94], [0x54, 0x05]);
    receipt.lines[0].vat = VatRate::Vat22;
    assert!(plan(&Document::Receipt(receipt), &config, TARGET).is_err());
}
