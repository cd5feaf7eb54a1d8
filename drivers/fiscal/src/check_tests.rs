use super::*;
use crate::{
    CashDocument, CorrectionBasis, LineDetails, Marking, MeasureUnit, ReceiptDetails,
    SettlementMethod, TaxSystem, TenderSum,
};

fn rules(ffd: Ffd) -> Rules {
    Rules {
        ffd,
        vat: vec![VatRate::Vat10, VatRate::None],
        marking: ffd == Ffd::V12,
        operator_needed: true,
        contact_needed: true,
    }
}

fn water() -> Line {
    Line {
        name: "Вода".into(),
        price_minor: 9_950,
        quantity_milli: 1000,
        sum_minor: 9_950,
        vat: VatRate::Vat10,
        subject: SettlementSubject::CommodityWithMarking,
        method: SettlementMethod::FullPayment,
        unit: MeasureUnit::Piece,
        details: LineDetails {
            marking: Some(Marking {
                code: "0104606\u{1d}93abcd".into(),
                status: MarkingStatus::PieceSold,
                fraction: None,
                checked: None,
            }),
            ..LineDetails::default()
        },
    }
}

fn soup() -> Receipt {
    Receipt {
        key: "k-1".into(),
        kind: ReceiptKind::Sale,
        operator: Some(Operator {
            name: "Робот 1".into(),
            inn: Some("123456789047".into()),
        }),
        tax_system: TaxSystem::General,
        lines: vec![Line {
            name: "Суп".into(),
            subject: SettlementSubject::Commodity,
            details: LineDetails::default(),
            ..water()
        }],
        tenders: vec![TenderSum {
            form: TenderForm::Cash,
            sum_minor: 9_950,
        }],
        buyer_contact: None,
        print: true,
        details: ReceiptDetails::default(),
    }
}

fn tags(receipt: Receipt, ffd: Ffd) -> Vec<u16> {
    faults(&Document::Receipt(receipt), &rules(ffd))
        .iter()
        .map(|f| f.tag)
        .collect()
}

type Spoil = fn(&mut Receipt);

#[test]
fn each_fault_names_its_tag_and_a_right_receipt_has_none() {
    let pay = |r: &mut Receipt, form, sum_minor| r.tenders = vec![TenderSum { form, sum_minor }];
    assert!(tags(soup(), Ffd::V105).is_empty());
    let cases: Vec<(u16, Spoil)> = vec![
        (1192, |r| r.key = "ключ".into()),
        (1192, |r| r.key = "x".repeat(17)),
        (1021, |r| r.operator = None),
        (1021, |r| r.operator.as_mut().unwrap().name = "я".repeat(65)),
        (1203, |r| {
            r.operator.as_mut().unwrap().inn = Some("12".into())
        }),
        (1008, |r| r.print = false),
        (1008, |r| r.buyer_contact = Some("x".repeat(65))),
        (1228, |r| r.details.buyer_inn = Some("123456789x".into())),
        (1036, |r| r.details.machine_number = Some("1".repeat(21))),
        (1086, |r| {
            r.details.user_attribute = Some(Attribute {
                name: "заказ".into(),
                value: String::new(),
            });
        }),
        (1059, |r| r.lines.clear()),
        (1030, |r| r.lines[0].name = " ".into()),
        (1030, |r| r.lines[0].name = "я".repeat(129)),
        (1043, |r| r.lines[0].sum_minor = 9_951),
        (1023, |r| r.lines[0].quantity_milli = 0),
        (1079, |r| r.lines[0].price_minor = -9_950),
        (1199, |r| r.lines[0].vat = VatRate::Vat22),
        (1226, |r| {
            r.lines[0].details.agent = Some(Agent {
                kind: crate::AgentKind::Attorney,
                operation: None,
                phones: Vec::new(),
            });
        }),
        (1230, |r| r.lines[0].details.country = Some("RUS".into())),
        (1229, |r| r.lines[0].details.excise_minor = Some(-1)),
        (1212, |r| {
            r.lines[0].subject = SettlementSubject::CommodityWithoutMarking
        }),
        (1260, |r| {
            r.lines[0].details.industry = vec![Industry {
                fois: "030".into(),
                date: "2023-11-21".into(),
                number: "1944".into(),
                value: "UUID=1".into(),
            }];
        }),
        (1031, |r| r.tenders[0].sum_minor = 0),
    ];
    for (tag, spoil) in cases {
        let mut receipt = soup();
        spoil(&mut receipt);
        let found = tags(receipt, Ffd::V105);
        assert!(found.contains(&tag), "{tag}: {found:?}");
    }
    let mut short = soup();
    pay(&mut short, TenderForm::Electronic, 9_949);
    assert_eq!(tags(short, Ffd::V105), [1020]);
}

#[test]
fn change_is_cash_and_only_who_takes_money_gives_it() {
    let tender = |form, sum_minor| TenderSum { form, sum_minor };
    let with = |kind, tenders: Vec<TenderSum>| {
        let mut receipt = soup();
        receipt.kind = kind;
        receipt.tenders = tenders;
        tags(receipt, Ffd::V105)
    };
    use TenderForm::{Cash, Electronic};
    assert!(with(ReceiptKind::Sale, vec![tender(Cash, 10_000)]).is_empty());
    let split = || vec![tender(Electronic, 5_000), tender(Cash, 10_000)];
    assert!(with(ReceiptKind::Sale, split()).is_empty());
    assert_eq!(with(ReceiptKind::SaleReturn, split()), [1081]);
    assert_eq!(
        with(ReceiptKind::Sale, vec![tender(Electronic, 9_951)]),
        [1081]
    );
    let all_change = vec![tender(Electronic, 9_950), tender(Cash, 100)];
    assert_eq!(with(ReceiptKind::Sale, all_change), [1081]);
}

#[test]
fn a_marked_unit_needs_its_format_its_subject_and_its_code() {
    let with = |spoil: Spoil, ffd| {
        let mut receipt = soup();
        receipt.lines[0] = water();
        spoil(&mut receipt);
        tags(receipt, ffd)
    };
    assert!(with(|_| {}, Ffd::V12).is_empty());
    assert_eq!(with(|_| {}, Ffd::V105), [1212, 1163]);
    assert_eq!(
        with(|r| r.lines[0].details.marking = None, Ffd::V12),
        [2000]
    );
    let plain: Spoil = |r| r.lines[0].subject = SettlementSubject::Commodity;
    assert_eq!(with(plain, Ffd::V12), [1212]);
    let returned: Spoil = |r| r.kind = ReceiptKind::SaleReturn;
    assert_eq!(with(returned, Ffd::V12), [2003]);
    let two: Spoil = |r| {
        r.lines[0].quantity_milli = 2000;
        r.lines[0].sum_minor = 19_900;
        r.tenders[0].sum_minor = 19_900;
    };
    assert_eq!(with(two, Ffd::V12), [1023]);
}

#[test]
fn a_correction_needs_its_ground() {
    let with = |by, date: &str, number: Option<&str>| {
        let document = Document::Correction(Correction {
            basis: CorrectionBasis {
                by,
                date: date.into(),
                number: number.map(Into::into),
                description: None,
            },
            receipt: soup(),
        });
        let found = faults(&document, &rules(Ffd::V105));
        found.iter().map(|f| f.tag).collect::<Vec<_>>()
    };
    assert!(with(CorrectionBy::Ourselves, "2026-11-20", None).is_empty());
    assert_eq!(with(CorrectionBy::Instruction, "2026-11-20", None), [1179]);
    for day in ["2026-02-29", "2026-13-01", "20.11.2026", "2026-1-02", ""] {
        assert_eq!(with(CorrectionBy::Ourselves, day, None), [1178], "{day}");
    }
}

#[test]
fn the_sentence_names_line_and_tag() {
    let mut receipt = soup();
    receipt.lines[0].vat = VatRate::Vat22;
    let refused = check(&Document::Receipt(receipt), &rules(Ffd::V105)).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("line 1, tag 1199: the printer has no VAT rate Vat22"),
        "{text}"
    );
    let nothing = Document::CashIn(CashDocument {
        key: "c".into(),
        operator: None,
        sum_minor: 0,
    });
    assert_eq!(faults(&nothing, &rules(Ffd::V105)).len(), 2);
}
