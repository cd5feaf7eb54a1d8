//! Driver and emulator together, in simulated time: every fault, every document, exactly one document in the end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, Done, cash, correction, receipt, sale, sale_return, shift_close, shift_open};
use galley_atol::emulator::{At, AtolEmulator, EmulatorConfig, Fault, Times, TokioClock};
use galley_fiscal::{
    Document, FiscalError, PrinterFactory as _, ReceiptKind, RecordKind, Recovered, ShiftState,
    VatRate,
};
use std::sync::Arc;

fn code(kind: ReceiptKind) -> u8 {
    match kind {
        ReceiptKind::Sale => 1,
        ReceiptKind::SaleReturn => 2,
        ReceiptKind::Purchase => 4,
        ReceiptKind::PurchaseReturn => 5,
    }
}

fn kind_of(document: &Document) -> (u8, Option<u8>) {
    match document {
        Document::ShiftOpen(_) => (2, None),
        Document::ShiftClose(_) => (5, None),
        Document::Receipt(r) => (3, Some(code(r.kind))),
        Document::Correction(c) => (31, Some(c.receipt.kind.tag_1054() + 6)),
        Document::CashIn(_) => (0x49, None),
        Document::CashOut(_) => (0x4F, None),
    }
}

async fn bench_for(document: &Document, config: EmulatorConfig) -> Bench {
    match document {
        Document::ShiftOpen(_) => Bench::new(config),
        Document::CashOut(_) => {
            let mut bench = Bench::open_shift(config).await;
            bench
                .carry_out(&Document::CashIn(cash(90_000)), false)
                .await;
            bench
        }
        _ => Bench::open_shift(config).await,
    }
}

fn act_of(document: &Document) -> u8 {
    match document {
        Document::ShiftOpen(_) => 0x9A,
        Document::ShiftClose(_) => 0x5A,
        Document::Receipt(_) | Document::Correction(_) => 0x4A,
        Document::CashIn(_) => 0x49,
        Document::CashOut(_) => 0x4F,
    }
}

fn check(bench: &Bench, document: &Document, done: &Done, what: &str) {
    if let Document::CashIn(money) | Document::CashOut(money) = document {
        return check_cash(bench, document, money.sum_minor, done, what);
    }
    let (kind, operation) = kind_of(document);
    let all = bench.emulator.documents();
    let ours: Vec<_> = all
        .iter()
        .filter(|d| d.kind == kind && d.operation == operation)
        .collect();
    assert_eq!(ours.len(), 1, "{what}: {all:?}");
    assert_eq!(done.record.document_number, ours[0].number, "{what}");
    assert_eq!(done.record.fiscal_sign, ours[0].sign, "{what}");
    if let Some(receipt) = document.receipt() {
        // A correction of FFD 1.05 carries neither key nor lines.
        let whole = matches!(document, Document::Receipt(_));
        let key = whole.then_some(receipt.key.as_str());
        assert_eq!(ours[0].key.as_deref(), key, "{what}");
        assert_eq!(
            done.record.key.as_deref(),
            Some(receipt.key.as_str()),
            "{what}"
        );
        assert_eq!(done.record.total_minor, receipt.total_minor(), "{what}");
        let lines = if whole { receipt.lines.len() } else { 0 };
        assert_eq!(ours[0].lines.len(), lines, "{what}");
    }
    assert!(!bench.emulator.snapshot().receipt_open, "{what}");
}

fn check_cash(bench: &Bench, document: &Document, sum: i64, done: &Done, what: &str) {
    let out = matches!(document, Document::CashOut(_));
    let all = bench.emulator.cash();
    let ours: Vec<_> = all.iter().filter(|c| c.out == out).collect();
    assert_eq!(ours.len(), 1, "{what}: {all:?}");
    assert_eq!(i64::try_from(ours[0].sum_minor), Ok(sum), "{what}");
    let kind = if out {
        RecordKind::CashOut
    } else {
        RecordKind::CashIn
    };
    let record = &done.record;
    assert_eq!(
        (record.kind, record.total_minor),
        (kind, Some(sum)),
        "{what}"
    );
    assert_eq!(
        (record.document_number, record.fiscal_sign),
        (1, 0),
        "{what}"
    );
    assert_eq!(record.key.as_deref(), Some(document.key()), "{what}");
}

fn documents() -> [Document; 8] {
    [
        shift_open(),
        Document::Receipt(receipt(ReceiptKind::Purchase, "k-1-p")),
        correction(ReceiptKind::Sale, "k-1-c"),
        Document::CashIn(cash(50_000)),
        Document::CashOut(cash(40_000)),
        sale("k-1"),
        sale_return("k-1-r"),
        shift_close(),
    ]
}

/// Every fault that strikes at a command.
const FAULTS: [Fault; 16] = [
    Fault::AnswerLost,
    Fault::FrameCut,
    Fault::WrongCrc,
    Fault::Silence,
    Fault::Garbage,
    Fault::Busy,
    Fault::AnswerDelayed { ms: 4_000 },
    Fault::AnswerDelayed { ms: 25_000 },
    Fault::AnswerDelayed { ms: 90_000 },
    Fault::Refuse { err: 0xD1 },
    Fault::LinkLost { carried_out: true },
    Fault::LinkLost { carried_out: false },
    Fault::PowerCut { carried_out: true },
    Fault::PowerCut { carried_out: false },
    Fault::PaperEnds { registered: true },
    Fault::PaperEnds { registered: false },
];

async fn every_fault(at: impl Fn(&Document) -> Vec<At>, times: Times, config: &EmulatorConfig) {
    for fault in FAULTS {
        for document in documents() {
            for crash in [false, true] {
                for at in at(&document) {
                    let what = format!(
                        "{fault:?} {at:?} {times:?} {:?} {crash}",
                        kind_of(&document)
                    );
                    let mut bench = bench_for(&document, config.clone()).await;
                    bench.emulator.set_fault_at(fault, at, times);
                    let done = bench.carry_out(&document, crash).await;
                    check(&bench, &document, &done, &what);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_at_the_act_leaves_exactly_one_document() {
    let act = |d: &Document| vec![At::Command(act_of(d))];
    every_fault(act, Times::Once, &EmulatorConfig::default()).await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document_when_it_strikes_three_times() {
    let act = |d: &Document| vec![At::Command(act_of(d))];
    every_fault(act, Times::N(3), &EmulatorConfig::default()).await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_before_the_act_leaves_exactly_one_document() {
    let early = |d: &Document| {
        let codes: &[u8] = match d {
            Document::Receipt(_) | Document::Correction(_) => {
                &[0x3F, 0xA4, 0x56, 0x92, 0xE8, 0xEA, 0xEB, 0x99]
            }
            Document::CashIn(_) | Document::CashOut(_) => &[0x3F, 0xA4, 0x56, 0xE8, 0x91],
            _ => &[0x3F, 0xA4, 0x56, 0xE8],
        };
        codes.iter().map(|c| At::Command(*c)).collect()
    };
    every_fault(early, Times::Once, &EmulatorConfig::default()).await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document_on_a_printer_that_answers_late_and_keeps_no_keys()
{
    let act = |d: &Document| vec![At::Command(act_of(d))];
    let config = EmulatorConfig {
        async_answers: false,
        keys_come_back: false,
        receipt_survives_power_cut: false,
        ..EmulatorConfig::default()
    };
    every_fault(act, Times::Once, &config).await;
}

#[tokio::test(start_paused = true)]
async fn silence_of_any_length_at_any_frame_leaves_exactly_one_receipt() {
    for frames in 1..60 {
        let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
        let document = sale("k-1");
        // Strikes from the first frame of the session on, and once more within the receipt.
        bench
            .emulator
            .set_fault_at(Fault::Silence, At::Command(0x4A), Times::N(frames % 7));
        bench.emulator.set_fault(Fault::Silence, Times::N(frames));
        let done = bench.carry_out(&document, frames % 2 == 0).await;
        check(&bench, &document, &done, &format!("{frames} frames"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_sale_has_everything() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    let done = bench.carry_out(&sale("k-77"), false).await;
    let record = done.record;
    assert_eq!(done.unknowns, 0);
    assert_eq!(record.kind, RecordKind::Receipt(ReceiptKind::Sale));
    assert_eq!(record.document_number, 3);
    assert_eq!(record.drive_number, "9999078902004312");
    assert_eq!(
        record.registration_number.as_deref(),
        Some("0000000001002292")
    );
    assert_eq!(
        (record.shift_number, record.receipt_number),
        (Some(1), Some(1))
    );
    assert_eq!(record.total_minor, Some(72_985));
    assert_eq!(record.printed, Some(true));
    assert!(
        record
            .qr_text()
            .unwrap()
            .contains("&s=729.85&fn=9999078902004312&i=3&")
    );
    let stored = bench.emulator.receipts().pop().unwrap();
    assert_eq!(stored.tenders, [(2, 70_000), (1, 2_985)]);
    assert_eq!(stored.operator.as_deref(), Some("Робот 1"));
    assert_eq!(stored.buyer_contact.as_deref(), Some("guest@example.org"));
    assert_eq!(stored.tax_system, Some(1));
    assert_eq!(stored.lines[1].name, "Хлеб \"Бородинский\"");
    assert_eq!(stored.lines[1].unit.as_deref(), Some("шт"));
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
async fn the_status_tells_paper_cover_shift_and_backlog() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    assert_eq!(printer.info().model, "АТОЛ 91Ф");
    assert_eq!(printer.info().serial, "00106900000123");
    assert_eq!(printer.info().firmware, "5.8.7671");
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
    bench.carry_out(&sale("k-1"), false).await;
    bench.carry_out(&sale("k-2"), false).await;
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
async fn a_shift_of_more_than_a_day_must_be_closed_before_the_next_receipt() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    tokio::time::advance(std::time::Duration::from_secs(24 * 3600 + 60)).await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let refused = printer.register(&sale("k-1"), &baseline).await.unwrap_err();
    let FiscalError::Refused {
        code,
        advice,
        retry,
        ..
    } = refused
    else {
        panic!("{refused}");
    };
    assert_eq!((code, retry), (0x88, true));
    assert!(advice.contains("Z report"));
    drop(printer);
    let z = bench.carry_out(&shift_close(), false).await.record;
    assert_eq!((z.kind, z.shift_number), (RecordKind::ShiftClose, Some(1)));
    let open = bench.carry_out(&shift_open(), false).await.record;
    assert_eq!(
        (open.kind, open.shift_number),
        (RecordKind::ShiftOpen, Some(2))
    );
    let sold = bench.carry_out(&sale("k-1"), false).await.record;
    assert_eq!((sold.shift_number, sold.receipt_number), (Some(2), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn paper_that_ends_after_registration_is_a_success_whose_print_is_finished_later() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench
        .emulator
        .set_fault(Fault::PaperEnds { registered: true }, Times::Once);
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let record = printer.register(&sale("k-1"), &baseline).await.unwrap();
    assert_eq!(record.printed, Some(false));
    assert!(matches!(
        printer.continue_print().await,
        Err(FiscalError::Refused {
            code: 0x67,
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
async fn paper_that_ends_before_registration_is_a_refusal_and_the_receipt_is_cancelled() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench
        .emulator
        .set_fault(Fault::PaperEnds { registered: false }, Times::Once);
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let refused = printer.register(&sale("k-1"), &baseline).await;
    assert!(matches!(
        refused,
        Err(FiscalError::Refused {
            code: 0x67,
            retry: true,
            ..
        })
    ));
    let seen = bench.emulator.snapshot();
    assert_eq!((seen.receipt_open, seen.cancelled), (false, 1));
    assert!(bench.emulator.receipts().is_empty());
    // Without paper nothing begins at all.
    let refused = printer.register(&sale("k-1"), &baseline).await;
    assert!(matches!(
        refused,
        Err(FiscalError::Refused { code: 0x67, .. })
    ));
    // An electronic receipt needs none.
    let mut electronic = receipt(ReceiptKind::Sale, "k-2");
    electronic.print = false;
    let record = printer
        .register(&Document::Receipt(electronic), &baseline)
        .await
        .unwrap();
    assert_eq!(record.printed, None);
    assert!(bench.emulator.receipts()[0].electronic);
    drop(printer);
    bench.emulator.set_fault(Fault::PaperBack, Times::Once);
    bench.carry_out(&sale("k-1"), false).await;
    assert_eq!(bench.emulator.receipts().len(), 2);
}

/// An attempt whose link breaks at the act.
async fn broken(bench: &Bench, fault: Fault) -> galley_fiscal::Baseline {
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    bench.emulator.set_fault(fault, Times::Once);
    let unknown = printer.register(&sale("k-ours"), &baseline).await;
    assert!(
        matches!(unknown, Err(FiscalError::Unknown { .. })),
        "{unknown:?}"
    );
    baseline
}

#[tokio::test(start_paused = true)]
async fn a_strangers_document_in_between_is_never_taken_for_ours() {
    let total = 72_985;
    for (carried_out, key) in [
        (true, Some("k-theirs")),
        (false, Some("k-theirs")),
        (true, None),
        (false, None),
    ] {
        let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
        // An earlier receipt of ours shows that this drive gives keys back.
        bench.carry_out(&sale("k-before"), false).await;
        let baseline = broken(&bench, Fault::LinkLost { carried_out }).await;
        let stranger = bench.emulator.stranger_receipt(true, total, key).unwrap();
        let recovered = bench
            .open()
            .await
            .recover(&sale("k-ours"), &baseline)
            .await
            .unwrap();
        match (recovered, carried_out) {
            (Recovered::Registered(record), true) => {
                assert_eq!(record.document_number, stranger - 1);
                assert_eq!(record.key.as_deref(), Some("k-ours"));
            }
            (Recovered::NotRegistered, false) => {
                assert_eq!(bench.emulator.snapshot().cancelled, 1);
            }
            (other, _) => panic!("{key:?} {carried_out}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_receipts_that_could_be_ours_need_a_person_where_keys_do_not_come_back() {
    let config = EmulatorConfig {
        keys_come_back: false,
        ..EmulatorConfig::default()
    };
    let bench = Bench::open_shift(config).await;
    let baseline = broken(&bench, Fault::LinkLost { carried_out: true }).await;
    bench.emulator.stranger_receipt(true, 72_985, None).unwrap();
    let error = bench.open().await.recover(&sale("k-ours"), &baseline).await;
    assert!(
        matches!(error, Err(FiscalError::NeedsPerson(_))),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_fiscal_drive_stops_everything() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    let baseline = broken(&bench, Fault::PowerCut { carried_out: true }).await;
    bench.emulator.set_fault(Fault::OtherDrive, Times::Once);
    bench.emulator.restart();
    let mut printer = bench.open().await;
    for error in [
        printer
            .recover(&sale("k-ours"), &baseline)
            .await
            .unwrap_err(),
        printer
            .register(&sale("k-ours"), &baseline)
            .await
            .unwrap_err(),
    ] {
        let FiscalError::OtherDrive { expected, found } = error else {
            panic!("{error}");
        };
        assert_eq!(expected, "9999078902004312");
        assert_eq!(found, "9999078902004313");
    }
    assert!(bench.emulator.receipts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_old_baseline_registers_nothing() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    printer.register(&sale("k-1"), &baseline).await.unwrap();
    let again = printer.register(&sale("k-1"), &baseline).await;
    assert!(
        matches!(again, Err(FiscalError::Refused { retry: true, .. })),
        "{again:?}"
    );
    assert_eq!(bench.emulator.receipts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_the_printer_cannot_serve_sends_no_byte_of_an_act() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let before = bench.emulator.counts().frames_in;
    let mut new_rate = receipt(ReceiptKind::Sale, "k-1");
    new_rate.lines[0].vat = VatRate::Vat22;
    let error = printer
        .register(&Document::Receipt(new_rate), &baseline)
        .await;
    assert!(matches!(error, Err(FiscalError::Unsupported(_))));
    assert_eq!(bench.emulator.counts().frames_in, before);
}

#[tokio::test(start_paused = true)]
async fn the_x_report_is_no_fiscal_document() {
    let mut bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench.carry_out(&sale("k-1"), false).await;
    bench.open().await.x_report().await.unwrap();
    assert_eq!(bench.emulator.documents().len(), 3);
    assert!(bench.emulator.paper(12).join("\n").contains("729.85"));
    bench.carry_out(&sale("k-2"), false).await;
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_commands_in_one_session_reuse_ids_without_mixing_results() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    // Acknowledgements are lost all the time, so that results stay in the buffer.
    for round in 0..120 {
        if round % 3 == 0 {
            bench
                .emulator
                .set_fault_at(Fault::AnswerLost, At::Any, Times::Once);
        }
        assert_eq!(printer.status().await.unwrap().last_document, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_survives_the_loss_of_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive");
    let clock = TokioClock::starting(bench::noon());
    let open = || {
        let clock = Arc::new(clock.clone());
        AtolEmulator::open(Some(path.clone()), EmulatorConfig::default(), clock).unwrap()
    };
    let mut first = Bench::of(open(), clock.clone());
    first.carry_out(&shift_open(), false).await;
    let baseline = broken(&first, Fault::PowerCut { carried_out: true }).await;
    drop(first);
    let second = Bench::of(open(), clock.clone());
    let recovered = second
        .open()
        .await
        .recover(&sale("k-ours"), &baseline)
        .await
        .unwrap();
    let Recovered::Registered(record) = recovered else {
        panic!("not found");
    };
    assert_eq!(
        (record.document_number, record.key.as_deref()),
        (3, Some("k-ours"))
    );
    assert!(second.emulator.snapshot().shift_open);
}

#[tokio::test(start_paused = true)]
async fn a_printer_that_is_off_is_unreachable_and_comes_back() {
    let bench = Bench::open_shift(EmulatorConfig::default()).await;
    bench.emulator.power_cut();
    let off = bench.printers.open().await.err().unwrap();
    assert!(matches!(off, FiscalError::Unreachable { .. }), "{off}");
    bench.emulator.restart();
    assert!(bench.printers.open().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_act_that_ends_after_the_first_look_is_found_by_the_second() {
    let config = EmulatorConfig {
        answers_while_running: true,
        ..EmulatorConfig::default()
    };
    let mut bench = Bench::new(config);
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    let document = shift_open();
    let cut = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        bench.emulator.drop_link();
    };
    let (unknown, ()) = tokio::join!(printer.register(&document, &baseline), cut);
    assert!(
        matches!(unknown, Err(FiscalError::Unknown { .. })),
        "{unknown:?}"
    );
    bench.crash();
    let recovered = bench
        .open()
        .await
        .recover(&document, &baseline)
        .await
        .unwrap();
    assert!(matches!(recovered, Recovered::Registered(r) if r.kind == RecordKind::ShiftOpen));
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document_on_a_printer_that_answers_while_it_runs() {
    let act = |d: &Document| vec![At::Command(act_of(d))];
    let config = EmulatorConfig {
        answers_while_running: true,
        ..EmulatorConfig::default()
    };
    every_fault(act, Times::Once, &config).await;
}
