use super::*;
use galley_fiscal::{
    Agent, AgentKind, Attribute, CashDocument, Correction, CorrectionBasis, CorrectionBy, Line,
    LineDetails, MeasureUnit, Receipt, ReceiptDetails, ReceiptKind, SettlementMethod,
    SettlementSubject, ShiftDocument, Supplier, TaxSystem, TenderForm, TenderSum, VatRate,
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

/// Hexadecimal digits, as the captures have them.
fn hex(text: &str) -> Vec<u8> {
    text.split(' ')
        .map(|two| u8::from_str_radix(two, 16).unwrap())
        .collect()
}

fn shown(steps: &[Step]) -> Vec<Vec<u8>> {
    steps
        .iter()
        .map(|s| [&[s.command], s.parameters.as_slice()].concat())
        .collect()
}

// The vectors of the tests below: the vendor's host 10.8.0.0, given the same as JSON tasks.

#[test]
fn every_tag_of_a_line_is_written_as_the_vendors_host_writes_it() {
    let mut receipt = soup();
    receipt.lines[0].details = LineDetails {
        attribute: Some("доп реквизит".into()),
        agent: Some(Agent {
            kind: AgentKind::PayingAgent,
            operation: Some("Приём".into()),
            phones: vec!["+79000000001".into(), "+79000000002".into()],
        }),
        supplier: Some(Supplier {
            inn: "1234567890".into(),
            name: Some("Поставщик".into()),
            phones: vec!["+79000000005".into(), "+79000000006".into()],
        }),
        excise_minor: Some(1234),
        country: Some("056".into()),
        customs_declaration: Some("10702030/010119/0000001".into()),
        ..LineDetails::default()
    };
    let config = AtolConfig {
        send_units: false,
        ..AtolConfig::default()
    };
    let plan = plan(&Document::Receipt(receipt), &config, Ffd::V105).unwrap();
    let begin = plan.acts.iter().position(|s| s.command == 0xEA).unwrap();
    let end = plan.acts.iter().position(|s| s.command == 0xEB).unwrap();
    let expected = [
        hex("e8 01 01 00 c6 04 01 00 04"),
        hex("e8 01 01 00 ca 04 0c 00 31 32 33 34 35 36 37 38 39 30 20 20"),
        hex(
            "e8 01 01 00 c7 04 29 00 14 04 05 00 8f e0 a8 f1 ac 31 04 0c 00 2b 37 39 30 30 30 30 30 30 30 30 31 \
             31 04 0c 00 2b 37 39 30 30 30 30 30 30 30 30 32",
        ),
        hex(
            "e8 01 01 00 c8 04 2d 00 c9 04 09 00 8f ae e1 e2 a0 a2 e9 a8 aa 93 04 0c 00 2b 37 39 30 30 30 30 30 \
             30 30 30 35 93 04 0c 00 2b 37 39 30 30 30 30 30 30 30 30 36",
        ),
        hex("e8 01 01 00 cd 04 02 00 d2 04"),
        hex("e8 01 01 00 ce 04 03 00 30 35 36"),
        hex(
            "e8 01 01 00 cf 04 17 00 31 30 37 30 32 30 33 30 2f 30 31 30 31 31 39 2f 30 30 30 30 30 30 31",
        ),
        hex("e8 01 01 00 a7 04 0c 00 a4 ae af 20 e0 a5 aa a2 a8 a7 a8 e2"),
    ];
    assert_eq!(shown(&plan.acts[begin + 1..end]), expected);
}

#[test]
fn every_tag_of_a_receipt_is_written_as_the_vendors_host_writes_it() {
    let mut receipt = soup();
    receipt.key = "k-0001".into();
    receipt.buyer_contact = Some("+79161234567".into());
    receipt.details = ReceiptDetails {
        buyer_name: Some("ООО Ромашка".into()),
        buyer_inn: Some("1234567890".into()),
        place: Some("Киоск 1".into()),
        machine_number: Some("0001".into()),
        user_attribute: Some(Attribute {
            name: "заказ".into(),
            value: "42".into(),
        }),
        ..ReceiptDetails::default()
    };
    let plan = planned(receipt).unwrap();
    let all = shown(&plan.acts);
    let before = [
        hex("92 00 01"),
        hex("e8 01 01 00 1f 04 01 00 01"),
        hex("e8 01 01 00 f0 03 0c 00 2b 37 39 31 36 31 32 33 34 35 36 37"),
        hex("e8 01 01 00 cb 04 0b 00 8e 8e 8e 20 90 ae ac a0 e8 aa a0"),
        hex("e8 01 01 00 cc 04 0c 00 31 32 33 34 35 36 37 38 39 30 20 20"),
        hex("e8 01 01 00 a3 04 07 00 8a a8 ae e1 aa 20 31"),
        hex("e8 01 01 00 0c 04 04 00 30 30 30 31"),
        hex("ea 00 01 00"),
    ];
    assert_eq!(all[..8], before);
    let behind = [
        hex("e8 01 01 00 3c 04 0f 00 3d 04 05 00 a7 a0 aa a0 a7 3e 04 02 00 34 32"),
        hex("e8 01 01 00 a8 04 06 00 6b 2d 30 30 30 31"),
    ];
    assert_eq!(all[10..12], behind);
}

#[test]
fn a_long_tag_goes_in_blocks_of_a_hundred_bytes() {
    let mut receipt = soup();
    receipt.details.place = Some("я".repeat(200));
    let plan = planned(receipt).unwrap();
    let blocks: Vec<_> = plan.acts[2..5].iter().map(|s| &s.parameters).collect();
    let heads: Vec<_> = blocks.iter().map(|b| (b[..3].to_vec(), b.len())).collect();
    let expected = [
        (vec![1, 3, 0], 103),
        (vec![1, 3, 1], 103),
        (vec![1, 3, 2], 7),
    ];
    assert_eq!(heads, expected);
    assert_eq!(blocks[0][3..7], [0xA3, 0x04, 0xC8, 0x00]);
}

fn correction(kind: ReceiptKind, by: CorrectionBy, tenders: &[(TenderForm, i64)]) -> Document {
    let line = |name: &str, vat, sum| Line {
        name: name.into(),
        price_minor: sum,
        quantity_milli: 1000,
        sum_minor: sum,
        vat,
        ..soup().lines[0].clone()
    };
    let order = by == CorrectionBy::Instruction;
    Document::Correction(Correction {
        basis: CorrectionBasis {
            by,
            date: "2026-11-20".into(),
            number: order.then(|| "15/3".into()),
            description: order.then(|| "Основание".into()),
        },
        receipt: Receipt {
            kind,
            key: "k-0002".into(),
            lines: vec![
                line("Суп", VatRate::Vat20, 6_000),
                line("Хлеб", VatRate::Vat10, 2_750),
                line("Тара", VatRate::None, 1_250),
            ],
            tenders: tenders
                .iter()
                .map(|(form, sum_minor)| TenderSum {
                    form: *form,
                    sum_minor: *sum_minor,
                })
                .collect(),
            ..soup()
        },
    })
}

#[test]
fn a_correction_of_ffd_1_05_is_laid_out_as_the_vendors_host_does_it() {
    let document = correction(
        ReceiptKind::Sale,
        CorrectionBy::Instruction,
        &[(TenderForm::Cash, 6_000), (TenderForm::Electronic, 4_000)],
    );
    let plan = plan(&document, &AtolConfig::default(), Ffd::V105).unwrap();
    let expected = [
        hex("92 00 07"),
        hex("e8 01 01 00 1f 04 01 00 01"),
        hex("e8 01 01 00 95 04 01 00 01"),
        hex(
            "e8 01 01 00 96 04 1d 00 99 04 09 00 8e e1 ad ae a2 a0 ad a8 a5 9a 04 04 00 80 8d ff 6a 9b 04 04 00 31 \
             35 2f 33",
        ),
        hex("ea 00 01 00"),
        hex(
            "eb 02 00 00 00 00 01 00 00 00 00 00 10 00 00 00 00 00 01 00 00 05 00 00 00 00 00 00 00 00 00 00 00 00 \
             00 00 00 00 00 00 00 00",
        ),
        hex("e8 01 01 00 50 04 04 00 00 00 00 00"),
        hex("e8 01 01 00 4e 04 04 00 e8 03 00 00"),
        hex("e8 01 01 00 4f 04 04 00 fa 00 00 00"),
        hex("e8 01 01 00 51 04 04 00 e2 04 00 00"),
        hex("99 00 02 00 00 00 40 00"),
        hex("99 00 01 00 00 00 60 00"),
        hex("4a 00 01 00 00 00 00 00"),
    ];
    assert_eq!(shown(&plan.acts), expected);
}

#[test]
fn a_correction_of_ffd_1_05_drops_what_its_format_has_no_place_for() {
    let Document::Correction(mut inner) = correction(
        ReceiptKind::Sale,
        CorrectionBy::Ourselves,
        &[(TenderForm::Cash, 10_000)],
    ) else {
        panic!("no correction");
    };
    inner.receipt.buyer_contact = Some("+79161234567".into());
    inner.receipt.details.machine_number = Some("0001".into());
    inner.receipt.details.place = Some("Киоск 1".into());
    let document = Document::Correction(inner);
    let tags = |ffd| -> Vec<u16> {
        let plan = plan(&document, &AtolConfig::default(), ffd).unwrap();
        let written = plan.acts.iter().filter(|s| s.command == 0xE8);
        written
            .map(|s| u16::from_le_bytes([s.parameters[3], s.parameters[4]]))
            .collect()
    };
    let old = [1055, 1173, 1174, 1036, 1104, 1102, 1103, 1105];
    assert_eq!(tags(Ffd::V105), old);
    let new = tags(Ffd::V11);
    assert!(
        [1008, 1187, 1036, 1192].iter().all(|t| new.contains(t)),
        "{new:?}"
    );
}

#[test]
fn a_correction_of_ffd_1_1_has_lines_and_key_and_may_be_of_a_return() {
    let document = correction(
        ReceiptKind::SaleReturn,
        CorrectionBy::Ourselves,
        &[(TenderForm::Cash, 10_000)],
    );
    let config = AtolConfig::default();
    assert!(matches!(
        plan(&document, &config, Ffd::V105),
        Err(FiscalError::Unsupported(text)) if text.contains("tag 1054") && text.contains("web server")
    ));
    let plan = plan(&document, &config, Ffd::V11).unwrap();
    let all = shown(&plan.acts);
    let head = [
        hex("92 00 08"),
        hex("e8 01 01 00 95 04 01 00 00"),
        hex("e8 01 01 00 96 04 08 00 9a 04 04 00 80 8d ff 6a"),
        hex("e8 01 01 00 1f 04 01 00 01"),
        hex("ea 00 01 00"),
    ];
    assert_eq!(all[..5], head);
    assert_eq!(all.iter().filter(|s| s[0] == 0xEB).count(), 3);
    assert!(all.contains(&hex("e8 01 01 00 a8 04 06 00 6b 2d 30 30 30 32")));
}

#[test]
fn money_in_and_out_is_one_command() {
    let money = |sum_minor| CashDocument {
        key: "c-1".into(),
        operator: None,
        sum_minor,
    };
    let config = AtolConfig::default();
    let into = plan(&Document::CashIn(money(100_050)), &config, Ffd::V105).unwrap();
    assert_eq!(shown(&into.acts), [hex("49 00 00 00 10 00 50")]);
    let out = plan(&Document::CashOut(money(5_000)), &config, Ffd::V105).unwrap();
    assert_eq!(shown(&out.acts), [hex("4f 00 00 00 00 50 00")]);
    for wrong in [0, -1, 10_000_000_000] {
        assert!(plan(&Document::CashIn(money(wrong)), &config, Ffd::V105).is_err());
    }
}

#[test]
fn payments_go_from_the_highest_type_down_and_change_is_cash() {
    let mut receipt = soup();
    let pay = |form, sum_minor| TenderSum { form, sum_minor };
    receipt.tenders = vec![
        pay(TenderForm::Cash, 50_000),
        pay(TenderForm::Electronic, 30_000),
        pay(TenderForm::Other, 10_000),
    ];
    let plan = planned(receipt.clone()).unwrap();
    let types: Vec<u8> = plan
        .acts
        .iter()
        .filter(|s| s.command == 0x99)
        .map(|s| s.parameters[1])
        .collect();
    assert_eq!(types, [5, 2, 1]);
    receipt.tenders = vec![pay(TenderForm::Electronic, 70_001)];
    assert!(planned(receipt).is_err());
}
