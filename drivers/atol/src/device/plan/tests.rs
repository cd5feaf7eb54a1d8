use super::*;
use galley_fiscal::{
    Line, LineDetails, MeasureUnit, Receipt, ReceiptDetails, ReceiptKind, SettlementMethod,
    SettlementSubject, ShiftDocument, TaxSystem, TenderForm, TenderSum, VatRate,
};

fn soup() -> Receipt {
    Receipt {
        key: "k1".into(),
        kind: ReceiptKind::Sale,
        operator: Some(Operator {
            name: "Иванов".into(),
            inn: Some("1234567890".into()),
        }),
        tax_system: TaxSystem::General,
        lines: vec![Line {
            name: "Суп дня".into(),
            price_minor: 35_000,
            quantity_milli: 2000,
            sum_minor: 70_000,
            vat: VatRate::Vat10,
            subject: SettlementSubject::Commodity,
            method: SettlementMethod::FullPayment,
            unit: MeasureUnit::Piece,
            details: LineDetails::default(),
        }],
        tenders: vec![TenderSum {
            form: TenderForm::Electronic,
            sum_minor: 70_000,
        }],
        buyer_contact: None,
        print: true,
        details: ReceiptDetails::default(),
    }
}

fn planned(receipt: Receipt) -> Result<Plan, FiscalError> {
    plan(
        &Document::Receipt(receipt),
        &AtolConfig::default(),
        Ffd::V105,
    )
}

#[test]
fn a_sale_is_laid_out_as_in_the_worked_session() {
    let plan = planned(soup()).unwrap();
    let codes: Vec<u8> = plan.acts.iter().map(|s| s.command).collect();
    assert_eq!(codes, [0x92, 0xE8, 0xEA, 0xE8, 0xEB, 0xE8, 0x99, 0x4A]);
    assert_eq!(plan.acts[0].parameters, [0x00, 0x01]);
    // Source: 1.5, frames 0A and 0C.
    assert_eq!(
        plan.before[0].parameters,
        [1, 1, 0, 0xFD, 3, 6, 0, 0x88, 0xA2, 0xA0, 0xAD, 0xAE, 0xA2]
    );
    assert_eq!(plan.acts[1].parameters, [1, 1, 0, 0x1F, 4, 1, 0, 1]);
    assert_eq!(plan.before[1].parameters[7..], *b"1234567890  ");
    assert_eq!(plan.acts[7].parameters, [0, 1, 0, 0, 0, 0, 0]);
}

#[test]
fn a_receipt_without_paper_is_electronic() {
    let mut receipt = soup();
    receipt.print = false;
    assert_eq!(planned(receipt).unwrap().acts[0].parameters, [0x04, 0x01]);
}

#[test]
fn a_rate_that_the_firmware_lacks_is_refused_and_never_replaced() {
    let mut receipt = soup();
    receipt.lines[0].vat = VatRate::Vat22;
    assert!(matches!(planned(receipt), Err(FiscalError::Unsupported(_))));
}

#[test]
fn a_receipt_that_does_not_add_up_is_refused() {
    let broken: [fn(&mut Receipt); 8] = [
        |r| r.lines.clear(),
        |r| r.tenders[0].sum_minor = 1,
        |r| r.tenders.clear(),
        |r| r.key = "12345678901234567".into(),
        |r| r.key = "ключ".into(),
        |r| r.lines[0].sum_minor = 70_001,
        |r| r.lines[0].price_minor = -35_000,
        |r| r.lines[0].name = " ".into(),
    ];
    for (i, f) in broken.iter().enumerate() {
        let mut receipt = soup();
        f(&mut receipt);
        assert!(planned(receipt).is_err(), "case {i}");
    }
}

#[test]
fn the_configured_operator_is_named_when_the_document_names_nobody() {
    let config = AtolConfig {
        operator: Some(Operator {
            name: "Робот 1".into(),
            inn: None,
        }),
        ..AtolConfig::default()
    };
    let document = Document::ShiftOpen(ShiftDocument {
        key: "s".into(),
        operator: None,
    });
    assert_eq!(plan(&document, &config, Ffd::V105).unwrap().before.len(), 1);
    assert!(
        plan(&document, &AtolConfig::default(), Ffd::V105)
            .unwrap()
            .before
            .is_empty()
    );
}
