//! Everything a printer is asked for, against the emulator.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, cash_in, cash_out, correction, of_kind, receipt, shift_close, shift_open};
use galley_fiscal::{
    Align, Document, Ffd, FiscalError, Marking, MarkingStatus, PrinterFactory as _, ReceiptKind,
    RecordKind, ShiftState, Slip, SlipItem, TableCell, TaxSystem, TenderForm, TenderSum, VatRate,
};
use galley_shtrih_m::{
    ShtrihConfig,
    emulator::{At, EmulatorConfig, Fault, Times},
    tlv::tag,
};
use std::time::Duration;

async fn open_shift() -> Bench {
    Bench::open_shift(EmulatorConfig::default()).await
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_sale_has_everything() {
    let mut bench = open_shift().await;
    let done = bench
        .carry_out(&of_kind(ReceiptKind::Sale, "k-77"), false, "sale")
        .await;
    let record = done.record;
    assert_eq!(done.unknowns, 0);
    assert_eq!(record.kind, RecordKind::Receipt(ReceiptKind::Sale));
    assert_eq!(record.document_number, 3);
    assert_eq!(record.drive_number, "9999078902019097");
    assert_eq!(
        record.registration_number.as_deref(),
        Some("0000000001002292")
    );
    assert_eq!(
        (record.shift_number, record.receipt_number),
        (Some(1), Some(1))
    );
    assert_eq!(
        (record.total_minor, record.printed),
        (Some(72_985), Some(true))
    );
    assert!(
        record
            .qr_text()
            .unwrap()
            .contains("&s=729.85&fn=9999078902019097&i=3&")
    );
    let stored = bench.emulator.receipts().pop().unwrap();
    assert_eq!(stored.tenders, [(1, 2_985), (2, 70_000)]);
    assert_eq!(stored.text(tag::OPERATOR).as_deref(), Some("Робот 1"));
    assert_eq!(
        stored.text(tag::OPERATOR_INN).as_deref(),
        Some("123456789047")
    );
    assert_eq!(
        stored.text(tag::BUYER_CONTACT).as_deref(),
        Some("guest@example.org")
    );
    assert_eq!(stored.tax_system, Some(1));
    assert_eq!(stored.lines[1].name, "Хлеб \"Бородинский\"");
    assert_eq!(stored.lines[1].quantity_micro, 1_500_000);
    assert_eq!(stored.lines[1].tag(tag::MEASURE), Some(&[0][..]));
    assert_eq!(stored.lines[0].vat, 0x02);
    let mut printer = bench.open().await;
    let read = printer.document(3).await.unwrap().unwrap();
    assert_eq!(read.key.as_deref(), Some("k-77"));
    assert_eq!((read.shift_number, read.receipt_number), (Some(1), Some(1)));
    let last = printer.last_document().await.unwrap().unwrap();
    assert_eq!((last.document_number, last.printed), (3, Some(true)));
    assert_eq!(printer.document(4).await.unwrap(), None);
    let paper = bench.emulator.paper(40).join("\n");
    assert!(
        paper.contains("КАССОВЫЙ ЧЕК / ПРИХОД") && paper.contains("k-77"),
        "{paper}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_answers_and_how_it_does() {
    let mut bench = open_shift().await;
    let mut printer = bench.open().await;
    let info = printer.info().clone();
    assert_eq!(
        (info.model.as_str(), info.serial.as_str()),
        ("ШТРИХ-М-01Ф", "00048485")
    );
    assert_eq!(info.firmware, "C.3 build 664 of 21.01.26");
    assert_eq!(
        (info.capabilities.ffd, info.capabilities.columns),
        (Ffd::V12, 48)
    );
    assert!(info.capabilities.cutter && info.capabilities.marking);
    assert_eq!(info.capabilities.vat.len(), 12);
    let status = printer.status().await.unwrap();
    assert_eq!(status.shift, ShiftState::Open);
    assert_eq!((status.shift_number, status.last_document), (1, 2));
    assert!(status.paper && status.cover_closed && !status.receipt_open);
    assert_eq!(
        (status.unsent_documents, status.oldest_unsent),
        (Some(0), None)
    );
    assert_eq!(status.drive_valid_until.as_deref(), Some("2028-01-01"));
    assert!(status.local_time.starts_with("2026-11-22T12:0"));
    drop(printer);
    bench.emulator.set_ofd_connected(false);
    for key in ["k-1", "k-2"] {
        bench
            .carry_out(&of_kind(ReceiptKind::Sale, key), false, key)
            .await;
    }
    let drive = bench.open().await.drive().await.unwrap();
    assert_eq!((drive.unsent_documents, drive.first_unsent), (2, Some(3)));
    assert!(drive.ofd_overdue && !drive.replace_urgently && !drive.memory_nearly_full);
    assert_eq!(drive.registrations_left, Some(29));
    bench.emulator.set_fault(Fault::PaperOut, Times::Once);
    bench.emulator.set_fault(Fault::CoverOpen, Times::Once);
    bench.clock.shift_by(25 * 3600);
    let status = bench.open().await.status().await.unwrap();
    assert_eq!(status.shift, ShiftState::Expired);
    assert!(!status.paper && !status.cover_closed);
    assert_eq!(status.unsent_documents, Some(2));
    assert_eq!(status.oldest_unsent.as_deref(), Some("2026-11-22"));
}

#[tokio::test(start_paused = true)]
async fn the_registration_is_read() {
    let bench = Bench::new(EmulatorConfig {
        tax_systems: 0x05,
        ..EmulatorConfig::default()
    });
    let registration = bench.open().await.registration().await.unwrap();
    assert_eq!(registration.inn, "9706048530");
    assert_eq!(registration.registration_number, "0000000001002292");
    assert_eq!(registration.organisation.as_deref(), Some("РОБОТ-КАФЕ"));
    assert_eq!(registration.ofd.as_deref(), Some("Пробный ОФД"));
    assert_eq!(registration.automatic, Some(true));
    assert_eq!(
        registration.tax_systems,
        [TaxSystem::General, TaxSystem::SimplifiedIncomeMinusExpense]
    );
}

#[tokio::test(start_paused = true)]
async fn totals_are_what_was_registered() {
    let mut bench = open_shift().await;
    let mut change = receipt(ReceiptKind::Sale, "k-1");
    change.tenders = vec![TenderSum {
        form: TenderForm::Cash,
        sum_minor: 100_000,
    }];
    let mut advance = receipt(ReceiptKind::Sale, "k-2");
    advance.tenders = vec![
        TenderSum {
            form: TenderForm::Advance,
            sum_minor: 12_985,
        },
        TenderSum {
            form: TenderForm::Electronic,
            sum_minor: 60_000,
        },
    ];
    for document in [
        Document::Receipt(change),
        Document::Receipt(advance),
        of_kind(ReceiptKind::SaleReturn, "k-3"),
        cash_in("c-1", 7_700),
        cash_out("c-2", 20_000),
    ] {
        bench.carry_out(&document, false, "totals").await;
    }
    let totals = bench.open().await.totals().await.unwrap();
    assert_eq!(totals.shift_number, 1);
    let sales = totals.of(ReceiptKind::Sale);
    assert_eq!((sales.count, sales.sum_minor), (2, 2 * 72_985));
    assert_eq!(
        sales.tenders,
        [
            (TenderForm::Cash, 72_985),
            (TenderForm::Electronic, 60_000),
            (TenderForm::Advance, 12_985)
        ]
    );
    let back = totals.of(ReceiptKind::SaleReturn);
    assert_eq!((back.count, back.sum_minor), (1, 72_985));
    assert_eq!((totals.cash.ins, totals.cash.in_minor), (2, 57_700));
    assert_eq!((totals.cash.outs, totals.cash.out_minor), (1, 20_000));
    assert_eq!(totals.cash.drawer_minor, 57_700 + 72_985 - 2_985 - 20_000);
    bench.carry_out(&shift_close(), false, "z").await;
    let totals = bench.open().await.totals().await.unwrap();
    assert!(totals.receipts.is_empty());
    assert_eq!(totals.cash.drawer_minor, 107_700);
}

#[tokio::test(start_paused = true)]
async fn corrections_are_registered_in_the_way_of_their_ffd() {
    for (ffd, kinds) in [
        (4, ReceiptKind::ALL),
        (2, &[ReceiptKind::Sale, ReceiptKind::Purchase]),
    ] {
        let mut bench = Bench::open_shift(EmulatorConfig {
            ffd,
            ..EmulatorConfig::default()
        })
        .await;
        for (i, kind) in kinds.iter().enumerate() {
            let document = correction(*kind, &format!("k-{i}"));
            let record = bench.carry_out(&document, false, "correction").await.record;
            assert_eq!(record.kind, RecordKind::Correction(*kind));
            let stored = bench.emulator.documents().pop().unwrap();
            assert_eq!((stored.kind, stored.total_minor), (31, 72_985));
            assert_eq!(stored.tag(tag::CORRECTION_BY), Some(&[0][..]));
            assert!(stored.tag(tag::CORRECTION_BASIS).is_some());
            let own_command = bench.emulator.counts().commands.contains_key("FF4A");
            assert_eq!(own_command, ffd == 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shift_of_more_than_a_day_must_be_closed_before_the_next_receipt() {
    let mut bench = open_shift().await;
    tokio::time::advance(Duration::from_secs(24 * 3600 + 60)).await;
    let sale = of_kind(ReceiptKind::Sale, "k-1");
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let refused = printer.register(&sale, &baseline).await.unwrap_err();
    let FiscalError::Refused {
        code,
        advice,
        retry,
        ..
    } = refused
    else {
        panic!("{refused}");
    };
    assert_eq!((code, retry), (0x4E, true));
    assert!(advice.contains("Z report"));
    drop(printer);
    let z = bench.carry_out(&shift_close(), false, "z").await.record;
    assert_eq!((z.kind, z.shift_number), (RecordKind::ShiftClose, Some(1)));
    let open = bench.carry_out(&shift_open(), false, "open").await.record;
    assert_eq!(
        (open.kind, open.shift_number),
        (RecordKind::ShiftOpen, Some(2))
    );
    let stored = bench.emulator.documents().pop().unwrap();
    assert_eq!(stored.text(tag::OPERATOR).as_deref(), Some("Робот 1"));
    let sold = bench.carry_out(&sale, false, "sale").await.record;
    assert_eq!((sold.shift_number, sold.receipt_number), (Some(2), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn paper_that_ends_after_registration_is_a_success_whose_print_is_finished_later() {
    let bench = open_shift().await;
    bench
        .emulator
        .set_fault(Fault::PaperEnds { registered: true }, Times::Once);
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let sale = of_kind(ReceiptKind::Sale, "k-1");
    let record = printer.register(&sale, &baseline).await.unwrap();
    assert_eq!(record.printed, Some(false));
    assert!(matches!(
        printer.continue_print().await,
        Err(FiscalError::Refused {
            code: 0x6B,
            retry: true,
            ..
        })
    ));
    bench.emulator.set_fault(Fault::PaperBack, Times::Once);
    printer.continue_print().await.unwrap();
    printer.continue_print().await.unwrap();
    assert_eq!(
        printer.last_document().await.unwrap().unwrap().printed,
        Some(true)
    );
    assert_eq!(bench.emulator.snapshot().unprinted_lines, 0);
    assert_eq!(bench.emulator.receipts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_paper_nothing_begins_and_an_electronic_receipt_needs_none() {
    let bench = open_shift().await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    bench.emulator.set_fault(Fault::PaperOut, Times::Once);
    let refused = printer
        .register(&of_kind(ReceiptKind::Sale, "k-1"), &baseline)
        .await;
    assert!(matches!(
        refused,
        Err(FiscalError::Refused {
            code: 0x6B,
            retry: true,
            ..
        })
    ));
    assert_eq!(bench.emulator.snapshot().cancelled, 0);
    let mut electronic = receipt(ReceiptKind::Sale, "k-2");
    electronic.print = false;
    let record = printer
        .register(&Document::Receipt(electronic), &baseline)
        .await
        .unwrap();
    assert_eq!(record.printed, None);
    assert!(bench.emulator.receipts()[0].electronic);
    bench.emulator.set_fault(Fault::PaperBack, Times::Once);
    let baseline = printer.baseline().await.unwrap();
    let record = printer
        .register(&of_kind(ReceiptKind::Sale, "k-3"), &baseline)
        .await
        .unwrap();
    assert_eq!(record.printed, Some(true));
    assert!(!bench.emulator.receipts()[1].electronic);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_without_paper_that_died_does_not_keep_the_next_one_off_it() {
    let mut bench = open_shift().await;
    let mut electronic = receipt(ReceiptKind::Sale, "k-1");
    electronic.print = false;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    // The link breaks at its first command, behind the setting.
    let lost = Fault::LinkLost { carried_out: false };
    bench
        .emulator
        .set_fault_at(lost, At::Command(0x8D), Times::Once);
    let broken = printer
        .register(&Document::Receipt(electronic), &baseline)
        .await;
    assert!(
        matches!(broken, Err(FiscalError::Unreachable { .. })),
        "{broken:?}"
    );
    drop(printer);
    let done = bench
        .carry_out(&of_kind(ReceiptKind::Sale, "k-2"), true, "next")
        .await;
    assert_eq!(done.record.printed, Some(true));
    assert!(!bench.emulator.receipts()[0].electronic);
}

#[tokio::test(start_paused = true)]
async fn slips_drawer_copies_and_reports_come_out() {
    let mut bench = open_shift().await;
    bench
        .carry_out(&of_kind(ReceiptKind::Sale, "k-1"), false, "sale")
        .await;
    let before = bench.emulator.documents().len();
    let mut printer = bench.open().await;
    let slip = Slip {
        items: vec![
            SlipItem::Text {
                text: "СЧЁТ".into(),
                align: Align::Center,
                wide: true,
            },
            SlipItem::Pair {
                left: "Суп".into(),
                right: "350.00".into(),
            },
            SlipItem::Qr {
                data: "https://example.org/pay/".to_owned() + &"x".repeat(100),
                scale: 4,
                align: Align::Center,
            },
            SlipItem::Rule,
            SlipItem::Feed { lines: 2 },
        ],
        cut: true,
    };
    printer.slip(&slip).await.unwrap();
    let paper = bench.emulator.paper(6);
    assert_eq!(paper[0].trim(), "СЧЁТ");
    assert!(
        paper[1].starts_with("Суп ...") && paper[1].ends_with("350.00"),
        "{paper:?}"
    );
    assert!(
        paper[2].starts_with("[https://example.org/pay/xxx"),
        "{paper:?}"
    );
    assert_eq!(paper[3], "-".repeat(48));
    printer.open_drawer().await.unwrap();
    printer.copy_last().await.unwrap();
    printer.x_report().await.unwrap();
    printer.continue_print().await.unwrap();
    let seen = bench.emulator.snapshot();
    assert_eq!((seen.cuts, seen.drawer_opened), (1, 1));
    assert_eq!(seen.documents, before);
}

#[tokio::test(start_paused = true)]
async fn tables_and_the_clock_are_read_and_set() {
    let mut bench = Bench::new(EmulatorConfig::default());
    let mut printer = bench.open().await;
    let cell = TableCell {
        table: 17,
        row: 1,
        field: 12,
    };
    assert_eq!(printer.read_table(cell).await.unwrap(), [0]);
    printer.write_table(cell, &[7]).await.unwrap();
    assert_eq!(printer.read_table(cell).await.unwrap(), [7]);
    let nowhere = TableCell { table: 99, ..cell };
    assert!(matches!(
        printer.read_table(nowhere).await,
        Err(FiscalError::Refused { code: 0x5D, .. })
    ));
    printer.set_clock("2026-12-31T23:58:07").await.unwrap();
    let time = printer.status().await.unwrap().local_time;
    assert!(time.starts_with("2026-12-31T23:58:0"), "{time}");
    assert!(matches!(
        printer.set_clock("31.12.2026").await,
        Err(FiscalError::Unsupported(_))
    ));
    drop(printer);
    bench.carry_out(&shift_open(), false, "open").await;
    let refused = bench.open().await.set_clock("2026-12-31T23:58:07").await;
    assert!(matches!(
        refused,
        Err(FiscalError::Refused { code: 0x73, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn marked_goods_are_checked_and_registered() {
    let mut bench = open_shift().await;
    let good = Marking {
        code: "0104600000000000215!abc\u{1D}93dGVz".into(),
        status: MarkingStatus::PieceSold,
        fraction: None,
        checked: None,
    };
    let mut printer = bench.open().await;
    let check = printer.check_marking(&good).await.unwrap();
    assert!(check.checked && check.right && check.status_right && !check.stand_alone);
    let bad = Marking {
        code: "BAD".into(),
        ..good.clone()
    };
    assert!(!printer.check_marking(&bad).await.unwrap().right);
    bench.emulator.set_ofd_connected(false);
    let alone = printer.check_marking(&good).await.unwrap();
    assert!(alone.right && alone.stand_alone && !alone.status_known);
    drop(printer);
    let mut marked = receipt(ReceiptKind::Sale, "k-1");
    marked.lines[1].details.marking = Some(good.clone());
    bench
        .carry_out(&Document::Receipt(marked), false, "marked")
        .await;
    let stored = bench.emulator.receipts().pop().unwrap();
    assert_eq!(stored.lines[0].marking, None);
    assert_eq!(
        stored.lines[1].marking.as_deref(),
        Some(good.code.as_bytes())
    );
}

#[tokio::test(start_paused = true)]
async fn a_rate_without_a_byte_is_refused_and_22_percent_has_the_models_byte() {
    let fresh = open_shift().await;
    let mut config = ShtrihConfig::default();
    config.vat_codes.insert(VatRate::Vat22, 0x90);
    config.vat_codes.remove(&VatRate::Vat5);
    let mut bench = Bench::with(fresh.emulator.clone(), fresh.clock.clone(), config);
    let mut receipt = receipt(ReceiptKind::Sale, "k-1");
    receipt.lines[0].vat = VatRate::Vat22;
    bench
        .carry_out(&Document::Receipt(receipt.clone()), false, "22")
        .await;
    assert_eq!(bench.emulator.receipts()[0].lines[0].vat, 0x90);
    receipt.lines[0].vat = VatRate::Vat5;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let journal = bench.emulator.journal().len();
    let refused = printer
        .register(&Document::Receipt(receipt), &baseline)
        .await;
    assert!(
        matches!(refused, Err(FiscalError::Unsupported(_))),
        "{refused:?}"
    );
    assert_eq!(bench.emulator.journal().len(), journal);
}

#[tokio::test(start_paused = true)]
async fn more_than_the_drawer_has_is_refused_and_cash_needs_a_shift() {
    let mut bench = Bench::new(EmulatorConfig::default());
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let refused = printer.register(&cash_in("c", 100), &baseline).await;
    assert!(
        matches!(refused, Err(FiscalError::Refused { code: 0x3D, .. })),
        "{refused:?}"
    );
    drop(printer);
    bench.carry_out(&shift_open(), false, "open").await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let refused = printer.register(&cash_out("c", 100), &baseline).await;
    assert!(
        matches!(refused, Err(FiscalError::Refused { code: 0x46, .. })),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_receipt_and_a_document_left_open_are_cancelled_first() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut bench = open_shift().await;
    // Another program, as operator 5, opens a receipt and goes away; then one leaves a report begun.
    for (frame, kinds) in [
        (vec![0x02, 0x06, 0x8D, 5, 0, 0, 0, 0, 0x8E], "sale"),
        (vec![0x02, 0x06, 0xFF, 0x42, 30, 0, 0, 0, 0xA5], "close"),
    ] {
        let (mut near, far) = tokio::io::duplex(4096);
        let serving = bench.emulator.clone();
        let served = tokio::spawn(async move { serving.serve(Box::new(far)).await });
        near.write_all(&frame).await.unwrap();
        let mut answer = [0; 2];
        near.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x06, 0x02], "{kinds}");
        near.write_all(&[0x06]).await.unwrap();
        drop(near);
        served.await.unwrap();
        bench
            .carry_out(&of_kind(ReceiptKind::Sale, kinds), false, kinds)
            .await;
    }
    assert_eq!(bench.emulator.receipts().len(), 2);
    assert_eq!(bench.emulator.snapshot().cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_drive_in_a_file_lives_through_a_restart_of_the_emulator() {
    use galley_shtrih_m::emulator::{ShtrihEmulator, TokioClock};
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive");
    for round in 1..=2u32 {
        let clock = TokioClock::starting(bench::noon());
        let emulator = ShtrihEmulator::open(
            Some(path.clone()),
            EmulatorConfig::default(),
            Arc::new(clock.clone()),
        )
        .unwrap();
        let mut bench = Bench::of(emulator, clock);
        if round == 1 {
            bench.carry_out(&shift_open(), false, "open").await;
        }
        let key = format!("k-{round}");
        let record = bench
            .carry_out(&of_kind(ReceiptKind::Sale, &key), false, &key)
            .await
            .record;
        assert_eq!(record.receipt_number, Some(round));
        let printer = bench.printers.open().await;
        assert!(printer.is_ok());
    }
}
