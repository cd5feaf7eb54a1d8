//! Every JSON task that the serialiser can produce, an example a kind and option: each is read back as it was written,
//! and with `GALLEY_TASKS_DIR=folder` each is also written there, one file a task, for the vendor's own validator
//! (`scripts/oracles tasks`).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod web_bench;

use galley_atol::json::{
    DateTimeTask, FnDocumentTask, MarkingTask, ShiftTask, Style, Task, from_date_time,
    from_document, imc_params, slip_task, to_document,
};
use galley_fiscal::{
    Agent, AgentKind, Align, Attribute, Correction, CorrectionBasis, CorrectionBy, Document, Ffd,
    Fraction, Industry, Line, Marking, MarkingCheck, MarkingStatus, MeasureUnit, Operation,
    Receipt, ReceiptKind, SettlementMethod, SettlementSubject, Slip, SlipItem, Supplier, TaxSystem,
    TenderForm, TenderSum, VatRate,
};
use std::collections::BTreeMap;
use web_bench::{cash_in, cash_out, line, operator, receipt, shift_close, shift_open};

fn style(ffd: Ffd) -> Style {
    Style {
        operator: None,
        print_receipts: true,
        ffd,
    }
}

fn industry() -> Industry {
    Industry {
        fois: "030".into(),
        date: "2023-11-21".into(),
        number: "1944".into(),
        value: "UUID=5dc96da7-aade-4d6b-8c94-0a1d3b3f0a11&Time=1700000000000".into(),
    }
}

fn marking() -> Marking {
    Marking {
        code: "0104606994064366\u{1d}21aXWy7fMf1GN32\u{1d}91ffd0".into(),
        status: MarkingStatus::PieceSold,
        fraction: None,
        checked: Some(MarkingCheck::from_bits(15)),
    }
}

fn base() -> Receipt {
    receipt(ReceiptKind::Sale, "k-1")
}

fn one_line(change: impl FnOnce(&mut Line)) -> Receipt {
    let mut r = base();
    r.lines = vec![line("Вода 0,5", 9_950, 1000)];
    change(&mut r.lines[0]);
    let total = r.total_minor().unwrap();
    r.tenders = vec![TenderSum {
        form: TenderForm::Electronic,
        sum_minor: total,
    }];
    r
}

/// Receipts, by what is special of them.
fn receipts() -> BTreeMap<String, Receipt> {
    let mut all = BTreeMap::new();
    for kind in ReceiptKind::ALL {
        all.insert(format!("kind_{kind:?}"), receipt(*kind, "k-1"));
    }
    for v in VatRate::ALL {
        all.insert(format!("vat_{v:?}"), one_line(|l| l.vat = *v));
    }
    for v in SettlementSubject::ALL {
        all.insert(format!("subject_{v:?}"), one_line(|l| l.subject = *v));
    }
    for v in SettlementMethod::ALL {
        all.insert(format!("method_{v:?}"), one_line(|l| l.method = *v));
    }
    for v in MeasureUnit::ALL {
        let fraction = one_line(|l| {
            l.unit = *v;
            l.quantity_milli = 1_235;
            l.sum_minor = (l.price_minor * 1_235 + 500) / 1000;
        });
        all.insert(format!("unit_{v:?}"), fraction);
    }
    for v in TaxSystem::ALL {
        let mut r = base();
        r.tax_system = *v;
        all.insert(format!("system_{v:?}"), r);
    }
    for form in TenderForm::ALL {
        let mut r = base();
        r.tenders = vec![TenderSum {
            form,
            sum_minor: r.total_minor().unwrap(),
        }];
        all.insert(format!("tender_{form:?}"), r);
    }
    let mut change = base();
    change.tenders = vec![TenderSum {
        form: TenderForm::Cash,
        sum_minor: 100_000,
    }];
    all.insert("change".into(), change);
    for kind in AgentKind::ALL {
        let r = one_line(|l| {
            l.details.agent = Some(Agent {
                kind: *kind,
                operation: Some("Платёж".into()),
                phones: vec!["+79161234567".into()],
            });
            l.details.supplier = Some(Supplier {
                inn: "7700000001".into(),
                name: Some("ООО Ферма".into()),
                phones: vec!["+79161234567".into()],
            });
        });
        all.insert(format!("agent_{kind:?}"), r);
    }
    for status in [
        MarkingStatus::PieceSold,
        MarkingStatus::PartSold,
        MarkingStatus::PieceReturned,
        MarkingStatus::PartReturned,
        MarkingStatus::Unchanged,
    ] {
        for checked in [
            None,
            Some(MarkingCheck::from_bits(15)),
            Some(MarkingCheck::from_bits(16)),
        ] {
            let r = one_line(|l| {
                l.subject = SettlementSubject::CommodityWithMarking;
                l.details.industry = vec![industry()];
                l.details.marking = Some(Marking {
                    status,
                    checked,
                    fraction: (status == MarkingStatus::PartSold).then_some(Fraction {
                        numerator: 1,
                        denominator: 2,
                    }),
                    ..marking()
                });
            });
            let bits = checked.map_or(255, MarkingCheck::tag_2106);
            all.insert(format!("marking_{status:?}_{bits}"), r);
        }
    }
    let mut full = one_line(|l| {
        l.details.attribute = Some("без лука".into());
        l.details.excise_minor = Some(1_001);
        l.details.country = Some("643".into());
        l.details.customs_declaration = Some("10702020/060520/0013422".into());
        l.subject = SettlementSubject::Excise;
    });
    full.print = false;
    full.details.buyer_name = Some("Иванов".into());
    full.details.buyer_inn = Some("123456789047".into());
    full.details.place = Some("Киоск 1".into());
    full.details.address = Some("Москва, Красная площадь, 1".into());
    full.details.machine_number = Some("0001".into());
    full.details.internet = true;
    full.details.user_attribute = Some(Attribute {
        name: "Заказ".into(),
        value: "42".into(),
    });
    full.details.industry = vec![industry()];
    full.details.operation = Some(Operation {
        id: 1,
        data: "данные".into(),
        at: "2026-11-22T12:00:00".into(),
    });
    all.insert("full".into(), full);
    let mut anonymous = base();
    anonymous.operator = None;
    anonymous.buyer_contact = None;
    all.insert("anonymous".into(), anonymous);
    all
}

fn corrections() -> BTreeMap<String, Correction> {
    let mut all = BTreeMap::new();
    for kind in ReceiptKind::ALL {
        for by in CorrectionBy::ALL {
            let basis = CorrectionBasis {
                by: *by,
                date: "2026-11-20".into(),
                number: (*by == CorrectionBy::Instruction).then(|| "12/3".into()),
                description: (*by == CorrectionBy::Ourselves).then(|| "сбой".into()),
            };
            let correction = Correction {
                basis,
                receipt: receipt(*kind, "k-1"),
            };
            all.insert(format!("{kind:?}_{by:?}"), correction);
        }
    }
    all
}

fn documents() -> BTreeMap<String, Document> {
    let mut all: BTreeMap<String, Document> = BTreeMap::new();
    for (name, r) in receipts() {
        all.insert(format!("receipt_{name}"), Document::Receipt(r));
    }
    for (name, c) in corrections() {
        all.insert(format!("correction_{name}"), Document::Correction(c));
    }
    all.insert("shift_open".into(), shift_open());
    all.insert("shift_close".into(), shift_close());
    all.insert("cash_in".into(), cash_in("k-1", 100_050));
    all.insert("cash_out".into(), cash_out("k-1", 1));
    all
}

fn tasks() -> BTreeMap<String, Task> {
    let mut all = BTreeMap::new();
    for (ffd, name) in [(Ffd::V12, "12"), (Ffd::V105, "105")] {
        for (what, document) in documents() {
            if ffd == Ffd::V105 && what.contains("marking_") {
                continue;
            }
            let task = from_document(&document, &style(ffd)).unwrap();
            all.insert(format!("{what}_ffd{name}"), task);
        }
    }
    let slip = Slip {
        items: vec![
            SlipItem::Text {
                text: "Заказ 42".into(),
                align: Align::Center,
                wide: true,
            },
            SlipItem::Pair {
                left: "Суп дня".into(),
                right: "350.00".into(),
            },
            SlipItem::Rule,
            SlipItem::Qr {
                data: "https://example.org/42".into(),
                scale: 4,
                align: Align::Right,
            },
            SlipItem::Feed { lines: 2 },
        ],
        cut: true,
    };
    let number = FnDocumentTask {
        fiscal_document_number: 121,
        with_raw_data: Some(true),
    };
    let paper = ShiftTask {
        operator: Some((&operator()).into()),
        electronically: None,
    };
    let plain = [
        Task::ReportX(paper.clone()),
        Task::ReportX(ShiftTask::default()),
        Task::GetDeviceStatus,
        Task::GetDeviceInfo,
        Task::GetShiftStatus,
        Task::GetShiftTotals,
        Task::GetOverallTotals,
        Task::GetCashDrawerStatus,
        Task::GetRegistrationInfo,
        Task::GetFnInfo,
        Task::GetFnStatus,
        Task::GetFnDocument(number),
        Task::GetLastFiscalParams,
        Task::OfdExchangeStatus,
        Task::NonFiscal(slip_task(&slip, 32)),
        Task::PrintLastReceiptCopy(paper),
        Task::ContinuePrint,
        Task::PrintFnDocument(FnDocumentTask {
            fiscal_document_number: 121,
            with_raw_data: None,
        }),
        Task::OpenCashDrawer,
        Task::SetDateTime(DateTimeTask {
            date_time: from_date_time("2026-11-22T12:00:00").unwrap(),
        }),
        Task::BeginMarkingCodeValidation(MarkingTask {
            params: imc_params(&Marking {
                checked: None,
                ..marking()
            }),
        }),
        Task::GetMarkingCodeValidationStatus,
        Task::AcceptMarkingCode,
        Task::DeclineMarkingCode,
        Task::CancelMarkingCodeValidation,
        Task::ClearMarkingCodeValidationResult,
    ];
    for (i, task) in plain.into_iter().enumerate() {
        all.insert(format!("plain_{i:02}_{}", task.name()), task);
    }
    all
}

#[test]
fn every_task_is_read_back_as_it_was_written() {
    let folder = std::env::var_os("GALLEY_TASKS_DIR").map(std::path::PathBuf::from);
    let mut names = std::collections::BTreeSet::new();
    for (name, task) in tasks() {
        let text = serde_json::to_string_pretty(&task).unwrap();
        let back: Task = serde_json::from_str(&text).unwrap();
        assert_eq!(back, task, "{name}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["type"], task.name(), "{name}");
        names.insert(task.name());
        if let Some(folder) = &folder {
            std::fs::write(folder.join(format!("{name}.json")), text).unwrap();
        }
    }
    assert_eq!(names.len(), 37, "a type of task has no example: {names:?}");
}

#[test]
fn every_document_comes_back_from_its_task() {
    for ffd in [Ffd::V12, Ffd::V11, Ffd::V105] {
        for (name, document) in documents() {
            if ffd != Ffd::V12 && name.contains("marking_") {
                let refused = from_document(&document, &style(ffd));
                assert!(refused.is_err(), "{name}");
                continue;
            }
            let task = from_document(&document, &style(ffd)).unwrap();
            let taken = to_document(&task, Some(document.key()), None).unwrap();
            assert_eq!(taken.document, document, "{name}");
        }
    }
}

#[test]
fn a_receipt_is_written_as_the_protocol_page_shows_it() {
    let mut r = one_line(|l| {
        *l = line("Суп дня", 35_000, 2000);
        l.vat = VatRate::Vat22;
    });
    r.operator = None;
    r.buyer_contact = Some("+79161234567".into());
    r.details.place = Some("Киоск 1".into());
    r.details.machine_number = Some("0001".into());
    let task = from_document(&Document::Receipt(r), &style(Ffd::V12)).unwrap();
    let expected = serde_json::json!({
        "type": "sell", "taxationType": "osn", "electronically": false,
        "clientInfo": {"emailOrPhone": "+79161234567"}, "paymentsPlace": "Киоск 1", "machineNumber": "0001",
        "items": [
            {"type": "position", "name": "Суп дня", "price": 350, "quantity": 2, "amount": 700, "measurementUnit": 0,
             "paymentMethod": "fullPayment", "paymentObject": "commodity", "tax": {"type": "vat22"}},
            {"type": "additionalAttribute", "value": "k-1", "print": false}],
        "payments": [{"type": "electronically", "sum": 700}], "total": 700});
    assert_eq!(serde_json::to_value(task).unwrap(), expected);
}

#[test]
fn the_examples_of_the_protocol_page_are_read() {
    // Source: atol.md 3.6, tried against the vendor's validator.
    let sell = r#"{"type":"sell","taxationType":"osn","electronically":false,
        "operator":{"name":"Робот 1"},"clientInfo":{"emailOrPhone":"+79161234567"},
        "paymentsPlace":"Киоск 1","machineNumber":"0001",
        "items":[
        {"type":"position","name":"Суп дня","price":350.0,"quantity":2,"amount":700.0,
        "measurementUnit":"piece","paymentMethod":"fullPayment","paymentObject":"commodity","tax":{"type":"vat22"}},
        {"type":"position","name":"Вода 0,5","price":99.5,"quantity":1,"amount":99.5,"measurementUnit":"piece",
        "paymentMethod":"fullPayment","paymentObject":"commodityWithMarking","tax":{"type":"vat22"},
        "imcParams":{"imcType":"auto","imc":"MDEwNDYwNjk5NDA2NDM2NjIxYVhXeTdmTWYxR04zMjM5MWZmZDA=",
        "itemEstimatedStatus":"itemPieceSold","imcModeProcessing":0,
        "itemInfoCheckResult":{"imcCheckFlag":true,"imcCheckResult":true,"imcStatusInfo":true,"imcEstimatedStatusCorrect":true,"ecrStandAloneFlag":false}},
        "industryInfo":[{"fois":"030","date":"2023.11.21","number":"1944","industryAttribute":"UUID=5dc96da7-aade-4d6b-8c94-0a1d3b3f0a11&Time=1700000000000"}]}],
        "payments":[{"type":"electronically","sum":799.5}],"total":799.5}"#;
    let task: Task = serde_json::from_str(sell).unwrap();
    let taken = to_document(&task, Some("till-7"), None).unwrap();
    assert_eq!(taken.dropped, Vec::<&str>::new());
    let receipt = taken.document.receipt().unwrap();
    assert_eq!(receipt.total_minor(), Some(79_950));
    let marking = receipt.lines[1].details.marking.as_ref().unwrap();
    assert_eq!(marking.checked.unwrap().tag_2106(), 15);
    assert_eq!(receipt.lines[1].details.industry[0].date, "2023-11-21");
    let correction = r#"{"type":"sellCorrection","taxationType":"osn","correctionType":"self","correctionBaseDate":"2026.11.20",
        "correctionBaseNumber":"1","operator":{"name":"Робот 1"},
        "items":[{"type":"position","name":"Суп дня","price":100,"quantity":1,"amount":100,"tax":{"type":"vat20"}}],
        "payments":[{"type":"cash","sum":100}],"taxes":[{"type":"vat20","sum":16.67}]}"#;
    let task: Task = serde_json::from_str(correction).unwrap();
    let taken = to_document(&task, Some("till-8"), None).unwrap();
    assert_eq!(taken.dropped, ["taxes"]);
    let Document::Correction(c) = taken.document else {
        panic!("a correction");
    };
    assert_eq!(c.basis.date, "2026-11-20");
    assert_eq!(
        VatRate::Vat20.inside(c.receipt.total_minor().unwrap()),
        1_667
    );
}

#[test]
fn what_a_document_would_lose_is_refused_and_what_paper_would_lose_is_named() {
    let with = |extra: &str, item: &str| -> Task {
        let text = format!(
            r#"{{"type":"sell","taxationType":"osn"{extra},
            "items":[{{"type":"position","name":"Суп","price":1,"quantity":1,"amount":1,"tax":{{"type":"none"}}{item}}},
            {{"type":"text","text":"Спасибо"}}],"payments":[{{"type":"cash","sum":1}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    let fine = to_document(&with("", ""), Some("k"), None).unwrap();
    assert_eq!(fine.dropped, ["items: text"]);
    for (extra, item) in [
        (r#","paymentsAddInfo":{"sum":1}"#, ""),
        (r#","total":0.5"#, ""),
        (r#","useVAT18":true"#, ""),
        (r#","clientInfo":{"birthDate":"01.01.2000"}"#, ""),
        ("", r#","nomenclatureCode":"RE0=""#),
        ("", r#","measurementUnit":"ton""#),
        ("", r#","paymentObject":"lottery""#),
    ] {
        let refused = to_document(&with(extra, item), Some("k"), None);
        assert!(refused.is_err(), "{extra} {item}: {refused:?}");
    }
    let wrong_rate = r#"{"type":"sell","taxationType":"osn","items":[{"type":"position","name":"Суп","price":1,
        "quantity":1,"amount":1,"tax":{"type":"vat18"}}],"payments":[{"type":"cash","sum":1}]}"#;
    let task: Task = serde_json::from_str(wrong_rate).unwrap();
    assert!(to_document(&task, Some("k"), None).is_err());
    assert!(to_document(&Task::GetFnInfo, Some("k"), None).is_err());
}

#[test]
fn a_position_with_its_discount_named_is_registered_at_the_price_after_it() {
    let sale = |price: &str, quantity: &str, amount: &str, discount: &str| {
        let text = format!(
            r#"{{"type":"sell","taxationType":"osn","items":[{{"type":"position","name":"Чипсы","price":{price},
            "quantity":{quantity},"amount":{amount},"infoDiscountAmount":{discount},"tax":{{"type":"none"}}}}],
            "payments":[{{"type":"cash","sum":{amount}}}]}}"#
        );
        let task: Task = serde_json::from_str(&text).unwrap();
        let taken = to_document(&task, Some("k"), None).unwrap();
        assert_eq!(taken.dropped, ["infoDiscountAmount"]);
        let lines = taken.document.receipt().unwrap().lines.clone();
        lines
            .iter()
            .map(|l| (l.price_minor, l.quantity_milli, l.sum_minor))
            .collect::<Vec<_>>()
    };
    // The price before the discount, the sum after it.
    assert_eq!(
        sale("73.99", "5", "359.95", "10.0"),
        [(7_199, 5_000, 35_995)]
    );
    // Where no price comes to the sum, some pieces are a kopeck dearer.
    assert_eq!(
        sale("100", "3", "290", "10"),
        [(9_667, 2_000, 19_334), (9_666, 1_000, 9_666)]
    );
    // Both after it, and a discount of nothing.
    assert_eq!(sale("90", "1", "90", "10"), [(9_000, 1_000, 9_000)]);
    assert_eq!(sale("90", "1", "90", "0"), [(9_000, 1_000, 9_000)]);
    // What does not add up is left to the printer's own check.
    assert_eq!(sale("90", "1", "70", "10"), [(9_000, 1_000, 7_000)]);
}

#[test]
fn setup_tasks_can_neither_be_read_nor_written() {
    for name in [
        "registration",
        "changeRegistrationParameters",
        "fnChange",
        "closeArchive",
        "flashFirmware",
        "writeDeviceLicense",
        "setDeviceParameters",
        "softLockInit",
    ] {
        let text = format!(r#"{{"type":"{name}"}}"#);
        assert!(serde_json::from_str::<Task>(&text).is_err(), "{name}");
    }
}

#[test]
fn what_no_printer_would_take_is_refused_before_it_leaves() {
    let broken: [fn(&mut Receipt); 10] = [
        |r| r.lines.clear(),
        |r| r.tenders[0].sum_minor = 1,
        |r| r.tenders[0].sum_minor = 80_000,
        |r| r.tenders.clear(),
        |r| r.key = "12345678901234567".into(),
        |r| r.key = "ключ".into(),
        |r| r.lines[0].sum_minor = 70_001,
        |r| r.lines[0].price_minor = -35_000,
        |r| r.lines[0].name = " ".into(),
        |r| {
            r.details.industry = vec![Industry {
                date: "21.11.2023".into(),
                ..industry()
            }];
        },
    ];
    for (i, f) in broken.iter().enumerate() {
        let mut r = base();
        f(&mut r);
        let refused = from_document(&Document::Receipt(r), &style(Ffd::V12));
        assert!(refused.is_err(), "case {i}");
    }
    let mut change = corrections().remove("Sale_Ourselves").unwrap();
    change.receipt.tenders[1].sum_minor += 100;
    for ffd in [Ffd::V12, Ffd::V105] {
        let refused = from_document(&Document::Correction(change.clone()), &style(ffd));
        assert!(refused.is_err(), "a correction with change");
    }
}
