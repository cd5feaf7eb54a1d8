//! The vendor's own driver as an oracle: it spends a day with our emulated printer, then our driver does the same
//! things with another one, and both fiscal drives must hold documents of the same meaning.
//!
//! Ignored by default: the vendor's library is not ours to ship. `scripts/oracles` fetches it and runs this.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, operator, shift_close, shift_open};
use galley_atol::emulator::{
    At, AtolEmulator, Durations, EmulatedCash, EmulatedDocument, EmulatorConfig, Fault, Times,
    TokioClock,
};
use galley_fiscal::{
    Agent, AgentKind, Align, Attribute, CashDocument, Correction, CorrectionBasis, CorrectionBy,
    Document, Line, LineDetails, MeasureUnit, Receipt, ReceiptDetails, ReceiptKind,
    SettlementMethod, SettlementSubject, Slip, SlipItem, Supplier, TaxSystem, TenderForm,
    TenderSum, VatRate,
};
use galley_link::Listener;
use serde_json::Value;
use std::{path::Path, sync::Arc, time::Duration};

/// Where `scripts/oracles` has put the vendor's library.
const LIBRARY: &str = "GALLEY_FPTR_LIBRARY";

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracles/atol")
}

fn emulator(path: Option<std::path::PathBuf>) -> (AtolEmulator, TokioClock) {
    of(path, EmulatorConfig::default())
}

/// A printer whose open receipt goes with the power.
fn forgetful() -> (AtolEmulator, TokioClock) {
    let config = EmulatorConfig {
        receipt_survives_power_cut: false,
        ..EmulatorConfig::default()
    };
    of(None, config)
}

fn of(path: Option<std::path::PathBuf>, config: EmulatorConfig) -> (AtolEmulator, TokioClock) {
    let config = EmulatorConfig {
        durations: Durations::default().divided_by(20),
        ..config
    };
    let clock = TokioClock::starting(bench::noon());
    let printer = AtolEmulator::open(path, config, Arc::new(clock.clone())).unwrap();
    (printer, clock)
}

/// Lets the vendor's driver run the tasks of a file on `printer`; gives its answers.
async fn vendor(printer: &AtolEmulator, tasks: &Path) -> Vec<Value> {
    let door = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let at = door.local_addr().unwrap();
    let serving = printer.clone();
    let served = tokio::spawn(async move { serving.listen(door).await });
    let home = tempfile::tempdir().unwrap();
    let library = std::env::var(LIBRARY).expect("scripts/oracles names the vendor's library");
    let output = tokio::process::Command::new("python3")
        .arg(folder().join("fptr.py"))
        .args(["talk", &library, &at.to_string()])
        .arg(tasks)
        // Its settings and logs.
        .env("HOME", home.path())
        .output()
        .await
        .unwrap();
    served.abort();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        !text.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn line(name: &str, price_minor: i64, quantity_milli: i64, vat: VatRate) -> Line {
    Line {
        vat,
        ..bench::line(name, price_minor, quantity_milli)
    }
}

fn tender(form: TenderForm, sum_minor: i64) -> TenderSum {
    TenderSum { form, sum_minor }
}

fn receipt(kind: ReceiptKind, key: &str, lines: Vec<Line>, tenders: Vec<TenderSum>) -> Receipt {
    Receipt {
        key: key.into(),
        kind,
        operator: Some(operator()),
        tax_system: TaxSystem::General,
        lines,
        tenders,
        buyer_contact: None,
        print: true,
        details: ReceiptDetails::default(),
    }
}

/// The first sale: everything that FFD 1.05 has.
fn full_sale() -> Receipt {
    let water = Line {
        subject: SettlementSubject::Composite,
        method: SettlementMethod::FullPayment,
        details: LineDetails {
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
            excise_minor: Some(1_234),
            country: Some("056".into()),
            customs_declaration: Some("10702030/010119/0000001".into()),
            ..LineDetails::default()
        },
        ..line("Вода", 9_950, 1_000, VatRate::Vat20)
    };
    let mut sale = receipt(
        ReceiptKind::Sale,
        "k-0001",
        vec![line("Суп дня", 35_000, 2_000, VatRate::Vat10), water],
        vec![
            tender(TenderForm::Electronic, 70_000),
            tender(TenderForm::Cash, 20_000),
        ],
    );
    sale.buyer_contact = Some("+79161234567".into());
    sale.details = ReceiptDetails {
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
    sale
}

fn electronic_sale() -> Receipt {
    let cheese = Line {
        unit: MeasureUnit::Kilogram,
        ..line("Сыр", 1_990, 1_500, VatRate::None)
    };
    let tenders = vec![
        tender(TenderForm::Advance, 1_000),
        tender(TenderForm::Credit, 985),
        tender(TenderForm::Other, 1_000),
    ];
    Receipt {
        buyer_contact: Some("guest@example.org".into()),
        print: false,
        ..receipt(ReceiptKind::Sale, "k-0002", vec![cheese], tenders)
    }
}

fn correction() -> Correction {
    Correction {
        basis: CorrectionBasis {
            by: CorrectionBy::Instruction,
            date: "2026-11-20".into(),
            number: Some("15/3".into()),
            description: Some("Основание".into()),
        },
        receipt: receipt(
            ReceiptKind::Sale,
            "k-0006",
            vec![
                line("Суп", 6_000, 1_000, VatRate::Vat20),
                line("Хлеб", 2_750, 1_000, VatRate::Vat10),
                line("Тара", 1_250, 1_000, VatRate::None),
            ],
            vec![
                tender(TenderForm::Cash, 6_000),
                tender(TenderForm::Electronic, 4_000),
            ],
        ),
    }
}

/// What `day.json` says, in our words.
fn our_day() -> Vec<Document> {
    let cash = |sum_minor| CashDocument {
        key: "cash".into(),
        operator: Some(operator()),
        sum_minor,
    };
    let one = |kind, key, line: Line| {
        let paid = tender(TenderForm::Cash, line.sum_minor);
        Document::Receipt(receipt(kind, key, vec![line], vec![paid]))
    };
    let water = line("Вода", 9_950, 1_000, VatRate::Vat20);
    vec![
        shift_open(),
        Document::CashIn(cash(100_050)),
        Document::Receipt(full_sale()),
        Document::Receipt(electronic_sale()),
        one(ReceiptKind::SaleReturn, "k-0003", water),
        one(
            ReceiptKind::Purchase,
            "k-0004",
            line("Тара", 1_000, 3_000, VatRate::None),
        ),
        one(
            ReceiptKind::PurchaseReturn,
            "k-0005",
            line("Тара", 1_000, 1_000, VatRate::None),
        ),
        Document::Correction(correction()),
        Document::CashOut(cash(5_000)),
    ]
}

/// A document without what differs from run to run: time, sign, and the order of tags.
fn meaning(mut document: EmulatedDocument) -> EmulatedDocument {
    document.time = bench::noon();
    document.sign = 0;
    document.tenders.sort_unstable();
    document.tags.sort_by_key(|t| t.tag);
    for line in &mut document.lines {
        line.tags.sort_by_key(|t| t.tag);
    }
    document
}

fn moved(cash: Vec<EmulatedCash>) -> Vec<(bool, u64, u32)> {
    cash.into_iter()
        .map(|c| (c.out, c.sum_minor, c.shift))
        .collect()
}

#[tokio::test]
#[ignore = "needs the vendor's library: scripts/oracles"]
async fn the_vendors_driver_and_ours_leave_the_same_day_behind() {
    let kept = tempfile::tempdir().unwrap();
    let path = kept.path().join("drive");
    let (theirs, _) = emulator(Some(path.clone()));
    let answers = vendor(&theirs, &folder().join("day.json")).await;
    for answer in &answers {
        assert!(answer.get("ok").is_some(), "{answer}");
    }
    assert_eq!(answers.len(), 20);
    // What the vendor's driver read back is what the drive holds: read again from its file.
    drop(theirs);
    let (theirs, _) = emulator(Some(path));
    let documents = theirs.documents();
    let of = |kind: &'static str| answers.iter().filter(move |a| a["type"] == kind);
    let sales: Vec<f64> = of("sell")
        .map(|a| a["ok"]["fiscalParams"]["total"].as_f64().unwrap())
        .collect();
    assert_eq!(sales, [799.5, 29.85]);
    let signed = |number: u64| {
        documents
            .iter()
            .find(|d| u64::from(d.number) == number)
            .unwrap()
    };
    for answer in answers
        .iter()
        .filter(|a| a["ok"]["fiscalParams"].is_object())
    {
        let told = &answer["ok"]["fiscalParams"];
        let stored = signed(told["fiscalDocumentNumber"].as_u64().unwrap());
        assert_eq!(
            told["fiscalDocumentSign"],
            stored.sign.to_string(),
            "{answer}"
        );
        assert_eq!(told["shiftNumber"], 1, "{answer}");
        if let Some(total) = told["total"].as_f64() {
            assert_eq!(
                (total * 100.0).round(),
                stored.total_minor as f64,
                "{answer}"
            );
        }
    }
    let totals: Vec<(u8, Option<u8>, u64)> = documents
        .iter()
        .map(|d| (d.kind, d.operation, d.total_minor))
        .collect();
    assert_eq!(
        totals,
        [
            (1, None, 0),
            (2, None, 0),
            (3, Some(1), 79_950),
            (3, Some(1), 2_985),
            (3, Some(2), 9_950),
            (3, Some(4), 3_000),
            (3, Some(5), 1_000),
            (31, Some(7), 10_000),
            (5, None, 0),
        ]
    );

    let full = &documents[2];
    assert!(full.tag(1084).is_some() && full.lines[1].tag(1223).is_some());

    let (ours, clock) = emulator(None);
    let mut bench = Bench::of(ours, clock);
    for document in our_day() {
        bench.carry_out(&document, false).await;
    }
    let mut printer = bench.open().await;
    let totals = printer.totals().await.unwrap();
    let told = &of("getShiftTotals").next().unwrap()["ok"]["shiftTotals"];
    for (kind, name) in [
        (ReceiptKind::Sale, "sell"),
        (ReceiptKind::SaleReturn, "sellReturn"),
        (ReceiptKind::Purchase, "buy"),
        (ReceiptKind::PurchaseReturn, "buyReturn"),
    ] {
        let (ours, theirs) = (totals.of(kind), &told["receipts"][name]);
        assert_eq!(theirs["count"], ours.count, "{name}");
        let sum = theirs["sum"].as_f64().unwrap() * 100.0;
        assert_eq!(sum.round(), ours.sum_minor as f64, "{name}");
        let cash = ours.tenders.iter().find(|(f, _)| *f == TenderForm::Cash);
        let sum = theirs["payments"]["cash"].as_f64().unwrap() * 100.0;
        assert_eq!(sum.round(), cash.map_or(0.0, |(_, n)| *n as f64), "{name}");
    }
    let drawer = told["cashDrawer"]["sum"].as_f64().unwrap() * 100.0;
    assert_eq!(drawer.round(), totals.cash.drawer_minor as f64);
    drop(printer);
    bench.carry_out(&shift_close(), false).await;
    let ours: Vec<_> = bench
        .emulator
        .documents()
        .into_iter()
        .map(meaning)
        .collect();
    let theirs_all: Vec<_> = documents.into_iter().map(meaning).collect();
    for (one, other) in ours.iter().zip(&theirs_all) {
        assert_eq!(one, other);
    }
    assert_eq!(ours.len(), theirs_all.len());
    assert_eq!(moved(bench.emulator.cash()), moved(theirs.cash()));
}

#[tokio::test]
#[ignore = "needs the vendor's library: scripts/oracles"]
async fn the_vendors_driver_and_ours_print_the_same_slip() {
    let tasks = tempfile::tempdir().unwrap();
    let file = tasks.path().join("slip.json");
    let all: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(folder().join("day.json")).unwrap()).unwrap();
    let slip: Vec<&Value> = all.iter().filter(|t| t["type"] == "nonFiscal").collect();
    std::fs::write(&file, serde_json::to_string(&slip).unwrap()).unwrap();
    let (theirs, _) = emulator(None);
    let answers = vendor(&theirs, &file).await;
    assert!(answers[0].get("ok").is_some(), "{answers:?}");
    let (ours, clock) = emulator(None);
    let bench = Bench::of(ours, clock);
    let slip = Slip {
        items: vec![
            SlipItem::Text {
                text: "Заказ 42".into(),
                align: Align::Center,
                wide: true,
            },
            SlipItem::Text {
                text: "длинная строка, которая не помещается в ширину бумаги".into(),
                align: Align::Left,
                wide: false,
            },
            SlipItem::Qr {
                data: "https://example.org/42".into(),
                scale: 4,
                align: Align::Center,
            },
        ],
        cut: false,
    };
    bench.open().await.slip(&slip).await.unwrap();
    assert_eq!(bench.emulator.paper(50), theirs.paper(50));
}

/// The vendor's driver meets a fault while it closes a receipt, recovers in its own way, and one receipt is left:
/// our emulator's faults are those of a printer that it knows.
#[tokio::test]
#[ignore = "needs the vendor's library: scripts/oracles"]
async fn the_vendors_driver_recovers_from_the_emulators_faults() {
    let tasks = tempfile::tempdir().unwrap();
    let file = tasks.path().join("sale.json");
    let all: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(folder().join("day.json")).unwrap()).unwrap();
    let sale: Vec<&Value> = all[..3].iter().filter(|t| t["type"] != "cashIn").collect();
    std::fs::write(&file, serde_json::to_string(&sale).unwrap()).unwrap();
    for (fault, printed) in [
        (Fault::AnswerLost, true),
        (Fault::WrongCrc, true),
        (Fault::Busy, true),
        (Fault::LinkLost { carried_out: true }, true),
        (Fault::LinkLost { carried_out: false }, true),
        (Fault::PowerCut { carried_out: true }, true),
        (Fault::PowerCut { carried_out: false }, true),
        (Fault::PaperEnds { registered: true }, false),
    ] {
        let (printer, _) = emulator(None);
        let hand = tokio::spawn(hand(printer.clone()));
        printer.set_fault_at(fault, At::Command(0x4A), Times::Once);
        let answers = vendor(&printer, &file).await;
        let told = answers.last().unwrap();
        assert!(told.get("ok").is_some(), "{fault:?}: {told}");
        let not_printed = told["ok"]["warnings"]["notPrinted"] == true;
        assert_eq!(!not_printed, printed, "{fault:?}: {told}");
        assert_eq!(printer.receipts().len(), 1, "{fault:?}");
        hand.abort();
    }
    for (fault, code) in [
        (Fault::PaperEnds { registered: false }, 44),
        // "The document was cancelled": the power took the open receipt with it.
        (Fault::PowerCut { carried_out: false }, 249),
    ] {
        let (printer, _) = forgetful();
        let hand = tokio::spawn(hand(printer.clone()));
        printer.set_fault_at(fault, At::Command(0x4A), Times::Once);
        let answers = vendor(&printer, &file).await;
        assert_eq!(answers.last().unwrap()["error"], code, "{answers:?}");
        let seen = printer.snapshot();
        assert!(printer.receipts().is_empty() && !seen.receipt_open);
        hand.abort();
    }
}

/// Somebody switches it on again.
async fn hand(printer: AtolEmulator) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if !printer.snapshot().powered {
            printer.restart();
        }
    }
}
