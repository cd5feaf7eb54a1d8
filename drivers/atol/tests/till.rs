//! What a till does beside selling: corrections, the drawer, slips, copies, totals, the registration, tables, the
//! clock; and a wire log that is played back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, cash, correction, receipt, sale, sale_return, shift_close, shift_open};
use galley_atol::{
    AtolConfig, AtolPrinters,
    emulator::{AtolEmulator, EmulatorConfig, Fault, Times, TokioClock},
};
use galley_fiscal::{
    Align, Document, Ffd, FiscalError, Industry, PrinterFactory as _, ReceiptKind, RecordKind,
    Recovered, SettlementSubject, Slip, SlipItem, TableCell, TaxSystem, TenderForm, TenderSum,
    VatRate,
};
use galley_link::{MemoryNet, Replay, WireEvent, WireLog};
use std::sync::Arc;

fn tender(form: TenderForm, sum_minor: i64) -> TenderSum {
    TenderSum { form, sum_minor }
}

#[tokio::test(start_paused = true)]
async fn a_correction_says_why_and_is_told_from_a_receipt() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench.carry_out(&sale("k-1"), false).await;
    let done = bench
        .carry_out(&correction(ReceiptKind::Sale, "k-2"), false)
        .await;
    let record = done.record;
    assert_eq!(record.kind, RecordKind::Correction(ReceiptKind::Sale));
    assert_eq!(record.total_minor, Some(72_985));
    assert_eq!(record.receipt_number, Some(2));
    assert!(record.qr_text().unwrap().ends_with("&n=1"));
    let stored = bench.emulator.corrections().pop().unwrap();
    assert_eq!(stored.operation, Some(7));
    assert!(stored.lines.is_empty() && stored.key.is_none());
    assert_eq!(stored.tag(1173).unwrap().bytes(), [1]);
    // All at 10 %: 729.85 * 10 / 110, line by line.
    let vat = stored.tag(1103).unwrap().bytes();
    assert_eq!(vat, u32::to_le_bytes(6_364 + 271));
    assert_eq!(stored.tag(1104).unwrap().bytes(), [0; 4]);
    assert_eq!(stored.tenders, [(2, 70_000), (1, 2_985)]);
}

#[tokio::test(start_paused = true)]
async fn a_correction_of_ffd_1_1_may_be_of_a_return_and_is_found_by_its_key() {
    let config = EmulatorConfig {
        format: 3,
        ..EmulatorConfig::default()
    };
    let mut bench = Bench::open_shift(config).await;
    assert_eq!(bench.open().await.info().capabilities.ffd, Ffd::V11);
    bench
        .emulator
        .set_fault(Fault::LinkLost { carried_out: true }, Times::Once);
    let document = correction(ReceiptKind::SaleReturn, "k-3");
    let done = bench.carry_out(&document, true).await;
    assert_eq!(done.record.key.as_deref(), Some("k-3"));
    assert_eq!(
        done.record.kind,
        RecordKind::Correction(ReceiptKind::SaleReturn)
    );
    let stored = bench.emulator.corrections();
    assert_eq!((stored.len(), stored[0].operation), (1, Some(8)));
    assert_eq!(stored[0].lines.len(), 2);
    assert_eq!(stored[0].key.as_deref(), Some("k-3"));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_with_the_same_total_is_not_taken_for_a_lost_correction() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    let document = correction(ReceiptKind::Sale, "k-2");
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    bench
        .emulator
        .set_fault(Fault::LinkLost { carried_out: false }, Times::Once);
    let unknown = printer.register(&document, &baseline).await;
    assert!(matches!(unknown, Err(FiscalError::Unknown { .. })));
    bench.emulator.stranger_receipt(true, 72_985, None).unwrap();
    let recovered = bench.open().await.recover(&document, &baseline).await;
    assert_eq!(recovered.unwrap(), Recovered::NotRegistered);
}

#[tokio::test(start_paused = true)]
async fn change_is_given_from_cash_and_only_from_cash() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    let mut paid = receipt(ReceiptKind::Sale, "k-1");
    paid.tenders = vec![
        tender(TenderForm::Cash, 50_000),
        tender(TenderForm::Electronic, 30_000),
    ];
    let done = bench.carry_out(&Document::Receipt(paid), false).await;
    assert_eq!(done.record.total_minor, Some(72_985));
    let stored = bench.emulator.receipts().pop().unwrap();
    assert_eq!(stored.tenders, [(2, 30_000), (1, 42_985)]);
    assert_eq!(bench.emulator.snapshot().drawer_minor, 42_985);
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let before = bench.emulator.counts().frames_in;
    let mut over = receipt(ReceiptKind::Sale, "k-2");
    over.tenders = vec![tender(TenderForm::Electronic, 72_986)];
    let refused = printer.register(&Document::Receipt(over), &baseline).await;
    assert!(matches!(refused, Err(FiscalError::Unsupported(_))));
    assert_eq!(bench.emulator.counts().frames_in, before);
}

#[tokio::test(start_paused = true)]
async fn what_ffd_1_05_can_not_carry_is_refused_before_the_first_byte() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let before = bench.emulator.counts().frames_in;
    let spoils: [fn(&mut galley_fiscal::Receipt); 3] = [
        |r| r.lines[0].vat = VatRate::Vat22,
        |r| r.lines[0].subject = SettlementSubject::CommodityWithMarking,
        |r| {
            r.lines[0].details.industry = vec![Industry {
                fois: "030".into(),
                date: "2023-11-21".into(),
                number: "1944".into(),
                value: "UUID=1".into(),
            }];
        },
    ];
    for spoil in spoils {
        let mut wrong = receipt(ReceiptKind::Sale, "k-1");
        spoil(&mut wrong);
        let refused = printer.register(&Document::Receipt(wrong), &baseline).await;
        let Err(FiscalError::Unsupported(text)) = refused else {
            panic!("{refused:?}");
        };
        assert!(text.contains("web server"), "{text}");
    }
    let marking = galley_fiscal::Marking {
        code: "0104606".into(),
        status: galley_fiscal::MarkingStatus::PieceSold,
        fraction: None,
        checked: None,
    };
    let unchecked = printer.check_marking(&marking).await;
    assert!(matches!(unchecked, Err(FiscalError::Unsupported(t)) if t.contains("web server")));
    assert_eq!(bench.emulator.counts().frames_in, before);
}

#[tokio::test(start_paused = true)]
async fn totals_are_what_was_registered() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench
        .carry_out(&Document::CashIn(cash(100_000)), false)
        .await;
    bench.carry_out(&sale("k-1"), false).await;
    bench.carry_out(&sale("k-2"), false).await;
    bench.carry_out(&sale_return("k-3"), false).await;
    let purchase = Document::Receipt(receipt(ReceiptKind::Purchase, "k-4"));
    bench.carry_out(&purchase, false).await;
    bench
        .carry_out(&Document::CashOut(cash(30_000)), false)
        .await;
    let totals = bench.open().await.totals().await.unwrap();
    assert_eq!(totals.shift_number, 1);
    let sales = totals.of(ReceiptKind::Sale);
    assert_eq!((sales.count, sales.sum_minor), (2, 145_970));
    let split = [(TenderForm::Cash, 5_970), (TenderForm::Electronic, 140_000)];
    assert_eq!(sales.tenders, split);
    let purchases = totals.of(ReceiptKind::Purchase);
    assert_eq!((purchases.count, purchases.sum_minor), (1, 72_985));
    assert_eq!(totals.of(ReceiptKind::PurchaseReturn).count, 0);
    let c = totals.cash;
    assert_eq!(
        (c.ins, c.in_minor, c.outs, c.out_minor),
        (1, 100_000, 1, 30_000)
    );
    // 1000 in, 300 out, two sales, a return and a purchase of 29.85 in cash each.
    assert_eq!(c.drawer_minor, 70_000);
}

#[tokio::test(start_paused = true)]
async fn more_cash_than_there_is_is_refused_and_a_closed_shift_takes_none() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench
        .carry_out(&Document::CashIn(cash(10_000)), false)
        .await;
    let out = Document::CashOut(cash(10_001));
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let refused = printer.register(&out, &baseline).await;
    assert!(
        matches!(
            refused,
            Err(FiscalError::Refused {
                code: 0x98,
                retry: false,
                ..
            })
        ),
        "{refused:?}"
    );
    // A baseline that somebody's cash has overtaken begins nothing.
    let old = baseline.clone();
    printer
        .register(&Document::CashIn(cash(1)), &baseline)
        .await
        .unwrap();
    let moved = printer.register(&Document::CashIn(cash(1)), &old).await;
    assert!(matches!(
        moved,
        Err(FiscalError::Refused { retry: true, .. })
    ));
    drop(printer);
    bench.carry_out(&shift_close(), false).await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let closed = printer
        .register(&Document::CashIn(cash(1)), &baseline)
        .await;
    assert!(matches!(
        closed,
        Err(FiscalError::Refused { code: 0x8F, .. })
    ));
    assert_eq!(bench.emulator.cash().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn money_in_a_turned_shift_needs_a_person() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    let document = Document::CashIn(cash(5_000));
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    bench
        .emulator
        .set_fault(Fault::LinkLost { carried_out: true }, Times::Once);
    let unknown = printer.register(&document, &baseline).await;
    assert!(matches!(unknown, Err(FiscalError::Unknown { .. })));
    drop(printer);
    bench.carry_out(&shift_close(), false).await;
    bench.carry_out(&shift_open(), false).await;
    let recovered = bench.open().await.recover(&document, &baseline).await;
    assert!(
        matches!(recovered, Err(FiscalError::NeedsPerson(_))),
        "{recovered:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn cash_is_counted_through_the_loss_of_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive");
    let clock = TokioClock::starting(bench::noon());
    let open = || {
        let clock = Arc::new(clock.clone());
        AtolEmulator::open(Some(path.clone()), EmulatorConfig::default(), clock).unwrap()
    };
    let mut first = Bench::of(open(), clock.clone());
    first.carry_out(&shift_open(), false).await;
    let document = Document::CashIn(cash(5_000));
    let mut printer = first.open().await;
    let baseline = printer.baseline().await.unwrap();
    first
        .emulator
        .set_fault(Fault::PowerCut { carried_out: true }, Times::Once);
    let unknown = printer.register(&document, &baseline).await;
    assert!(matches!(unknown, Err(FiscalError::Unknown { .. })));
    drop((printer, first));
    let second = Bench::of(open(), clock.clone());
    let recovered = second.open().await.recover(&document, &baseline).await;
    let Recovered::Registered(record) = recovered.unwrap() else {
        panic!("not found");
    };
    assert_eq!(
        (record.kind, record.document_number),
        (RecordKind::CashIn, 1)
    );
    assert_eq!(second.emulator.snapshot().drawer_minor, 5_000);
}

#[tokio::test(start_paused = true)]
async fn slips_and_copies_are_paper_only() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench.carry_out(&sale("k-1"), false).await;
    let mut printer = bench.open().await;
    assert_eq!(printer.columns(), 32);
    let link = format!("https://qr.example.org/{}", "x".repeat(180));
    let slip = Slip {
        items: vec![
            SlipItem::Text {
                text: "Заказ 42".into(),
                align: Align::Center,
                wide: true,
            },
            SlipItem::Pair {
                left: "Борщ".into(),
                right: "350.00".into(),
            },
            SlipItem::Rule,
            SlipItem::Qr {
                data: link.clone(),
                scale: 4,
                align: Align::Center,
            },
            SlipItem::Feed { lines: 2 },
        ],
        cut: true,
    };
    printer.slip(&slip).await.unwrap();
    let paper = bench.emulator.paper(9);
    assert!(paper.contains(&"    Заказ 42".to_owned()), "{paper:?}");
    assert!(paper.contains(&format!("[QR {link}]")), "{paper:?}");
    assert!(
        paper
            .iter()
            .any(|l| l.starts_with("Борщ ..") && l.ends_with(" 350.00"))
    );
    printer.copy_last().await.unwrap();
    assert!(bench.emulator.paper(30).contains(&"КОПИЯ".to_owned()));
    // Any document of the drive, by its number.
    let before = bench.emulator.printed_lines();
    printer.print_document(2).await.unwrap();
    assert!(bench.emulator.printed_lines() > before);
    let absent = printer.print_document(900).await;
    assert!(matches!(absent, Err(FiscalError::Refused { .. })));
    assert_eq!(bench.emulator.documents().len(), 3);
    // The next receipt goes as if nothing had been.
    drop(printer);
    bench.carry_out(&sale("k-2"), false).await;
    bench.emulator.set_fault(Fault::PaperOut, Times::Once);
    let refused = bench.open().await.slip(&slip).await;
    assert!(matches!(
        refused,
        Err(FiscalError::Refused {
            code: 0x67,
            retry: true,
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_pocket_printer_has_no_drawer_and_a_desk_printer_has() {
    let bench = Bench::new(EmulatorConfig::default());
    let mut printer = bench.open().await;
    let can = printer.info().capabilities.clone();
    assert!(!can.drawer && !can.cutter && !can.marking);
    assert_eq!((can.ffd, can.columns), (Ffd::V105, 32));
    assert!(can.vat.contains(&VatRate::Vat10) && !can.vat.contains(&VatRate::Vat22));
    let none = printer.open_drawer().await;
    assert!(matches!(none, Err(FiscalError::Unsupported(_))));
    let bench = Bench::new(EmulatorConfig {
        model: 62,
        ..EmulatorConfig::default()
    });
    bench.open().await.open_drawer().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_set_with_a_closed_shift_only() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let refused = printer.set_clock("2026-11-22T15:00:00").await;
    let Err(FiscalError::Refused { code, advice, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(code, 0x9C);
    assert!(advice.contains("Z report"), "{advice}");
    drop(printer);
    bench.carry_out(&shift_close(), false).await;
    let mut printer = bench.open().await;
    printer.set_clock("2026-11-22T15:00:00").await.unwrap();
    assert_eq!(bench.emulator.local_time().to_minute(), "2026-11-22T15:00");
    let back = printer.set_clock("2026-11-22T11:00:00").await;
    assert!(matches!(back, Err(FiscalError::Refused { code: 0x94, .. })));
    let nonsense = printer.set_clock("soon").await;
    assert!(matches!(nonsense, Err(FiscalError::Unsupported(_))));
}

#[tokio::test(start_paused = true)]
async fn registration_drive_and_tables_are_read() {
    let config = EmulatorConfig {
        tax_systems: 0x21,
        organisation:
            "Общество с ограниченной ответственностью \"Очень длинное название робота-кафе\" "
                .repeat(2),
        ..EmulatorConfig::default()
    };
    let organisation = config.organisation.trim_end().to_owned();
    let mut bench = Bench::open_shift(config).await;
    bench.emulator.set_ofd_connected(false);
    bench.carry_out(&sale("k-1"), false).await;
    let mut printer = bench.open().await;
    let registration = printer.registration().await.unwrap();
    assert_eq!(registration.registration_number, "0000000001002292");
    assert_eq!(registration.inn, "7700000005");
    assert_eq!(registration.organisation, Some(organisation));
    assert_eq!(
        registration.tax_systems,
        [TaxSystem::General, TaxSystem::Patent]
    );
    assert_eq!(registration.automatic, Some(false));
    let drive = printer.drive().await.unwrap();
    assert_eq!(drive.number, "9999078902004312");
    assert_eq!(drive.valid_until.as_deref(), Some("2028-01-01"));
    assert_eq!(drive.registrations_left, Some(11));
    assert_eq!((drive.unsent_documents, drive.first_unsent), (1, Some(3)));
    assert!(drive.first_unsent_at.unwrap().starts_with("2026-11-22T12:"));
    assert!(!drive.critical && !drive.replace_urgently && !drive.ofd_overdue);
    let cell = TableCell {
        table: 2,
        row: 1,
        field: 119,
    };
    assert_eq!(printer.read_table(cell).await.unwrap(), [0]);
    printer.write_table(cell, &[7]).await.unwrap();
    assert_eq!(printer.read_table(cell).await.unwrap(), [7]);
    drop(printer);
    bench.carry_out(&sale("k-2"), false).await;
}

#[tokio::test(start_paused = true)]
async fn a_logged_day_is_played_back_byte_for_byte() {
    let clock = TokioClock::starting(bench::noon());
    let emulator =
        AtolEmulator::open(None, EmulatorConfig::default(), Arc::new(clock.clone())).unwrap();
    let net = MemoryNet::new();
    let door = net.listen("atol");
    let serving = emulator.clone();
    tokio::spawn(async move { serving.listen(door).await });
    let log = WireLog::new(100_000, None).unwrap();
    let day = [
        shift_open(),
        sale("k-1"),
        Document::CashIn(cash(5_000)),
        correction(ReceiptKind::Sale, "k-2"),
    ];
    let dialer = Arc::new(log.dialer(Arc::new(net)));
    let mut bench = Bench::at(emulator, clock, dialer, "mem://atol", AtolConfig::default());
    let mut recorded = Vec::new();
    for document in &day {
        recorded.push(bench.carry_out(document, false).await.record);
    }
    let records = log.records();
    assert!(
        records
            .iter()
            .any(|r| matches!(&r.event, WireEvent::Out(b) if b.starts_with(&[0xFE])))
    );
    let replay = Replay::new(&records);
    let printers = AtolPrinters::new(
        Arc::new(replay.clone()),
        "mem://atol".parse().unwrap(),
        AtolConfig::default(),
    );
    for (document, before) in day.iter().zip(&recorded) {
        let mut printer = printers.open().await.unwrap();
        let baseline = printer.baseline().await.unwrap();
        let again = printer.register(document, &baseline).await.unwrap();
        assert_eq!(again, *before);
    }
    replay.finish().await.unwrap();
}
