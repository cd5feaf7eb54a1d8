//! Driver and emulated web server together, in simulated time: every fault, every document, exactly one document in
//! the end, and a truthful answer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod web_bench;

use galley_atol::web::emulator::{AfterCrash, Times, WebAt, WebEmulatorConfig, WebFault};
use galley_fiscal::{Document, FiscalError, ReceiptKind, RecordKind, Recovered, ShiftState};
use std::time::Duration;
use web_bench::{
    Bench, Done, cash_in, cash_out, correction, receipt, sale, shift_close, shift_open,
};

fn documents() -> Vec<Document> {
    let mut all = vec![
        shift_open(),
        cash_in("k-in", 12_345),
        cash_out("k-out", 6_789),
    ];
    for kind in ReceiptKind::ALL {
        all.push(Document::Receipt(receipt(*kind, "k-1")));
        all.push(correction(*kind, "k-2"));
    }
    all.push(shift_close());
    all
}

async fn bench_for(document: &Document, config: WebEmulatorConfig) -> Bench {
    match document {
        Document::ShiftOpen(_) => Bench::new(config),
        _ => Bench::open_shift(config).await,
    }
}

/// Kind of the document in the drive and settlement sign; none for money.
fn drive_kind(document: &Document) -> Option<(u8, Option<u8>)> {
    match document {
        Document::ShiftOpen(_) => Some((2, None)),
        Document::ShiftClose(_) => Some((5, None)),
        Document::Receipt(r) => Some((3, Some(r.kind.tag_1054()))),
        Document::Correction(c) => Some((31, Some(c.receipt.kind.tag_1054()))),
        Document::CashIn(_) | Document::CashOut(_) => None,
    }
}

fn record_kind(document: &Document) -> RecordKind {
    match document {
        Document::ShiftOpen(_) => RecordKind::ShiftOpen,
        Document::ShiftClose(_) => RecordKind::ShiftClose,
        Document::Receipt(r) => RecordKind::Receipt(r.kind),
        Document::Correction(c) => RecordKind::Correction(c.receipt.kind),
        Document::CashIn(_) => RecordKind::CashIn,
        Document::CashOut(_) => RecordKind::CashOut,
    }
}

fn check(bench: &Bench, document: &Document, done: &Done, what: &str) {
    let record = &done.record;
    assert_eq!(record.kind, record_kind(document), "{what}");
    let Some((kind, operation)) = drive_kind(document) else {
        // One to fill the drawer, and ours.
        let (moves, minor) = match document {
            Document::CashIn(d) => ((2, 0), d.sum_minor),
            Document::CashOut(d) => ((1, 1), d.sum_minor),
            _ => unreachable!(),
        };
        assert_eq!(bench.server.cash_moves(), moves, "{what}");
        assert_eq!(record.total_minor, Some(minor), "{what}");
        return;
    };
    let all = bench.server.documents();
    let ours: Vec<_> = all
        .iter()
        .filter(|d| d.kind == kind && d.operation == operation)
        .collect();
    assert_eq!(ours.len(), 1, "{what}: {all:?}");
    assert_eq!(record.document_number, ours[0].number, "{what}");
    assert_eq!(record.fiscal_sign, ours[0].sign, "{what}");
    assert_eq!(record.drive_number, "9999078902004312", "{what}");
    if let Some(receipt) = document.receipt() {
        assert_eq!(record.total_minor, receipt.total_minor(), "{what}");
        assert_eq!(ours[0].total, receipt.total_minor().unwrap(), "{what}");
    }
}

/// Every fault that strikes at a task that registers.
const FAULTS: [WebFault; 22] = [
    WebFault::AnswerDropped,
    WebFault::RequestDropped,
    WebFault::RequestLate { ms: 200 },
    WebFault::RequestLate { ms: 4_000 },
    WebFault::RequestLate { ms: 60_000 },
    WebFault::Status { status: 503 },
    WebFault::Delayed { ms: 4_000 },
    WebFault::Delayed { ms: 45_000 },
    WebFault::Crash { carried_out: true },
    WebFault::Crash { carried_out: false },
    WebFault::LinkLost { carried_out: true },
    WebFault::LinkLost { carried_out: false },
    WebFault::LinkLostEarly { ms: 2_000 },
    WebFault::Blocked { carried_out: true },
    WebFault::Blocked { carried_out: false },
    WebFault::PaperEnds { registered: true },
    WebFault::PaperEnds { registered: false },
    WebFault::PaperError,
    WebFault::Refuse { code: 55 },
    WebFault::Refuse { code: 15 },
    WebFault::BaseLost { carried_out: true },
    WebFault::BaseLost { carried_out: false },
];

async fn every_fault(times: Times, config: &WebEmulatorConfig) {
    for (n, fault) in FAULTS.into_iter().enumerate() {
        for (m, document) in documents().into_iter().enumerate() {
            // With the process dying after every doubt and without, in turns.
            let crash = (n + m) % 2 == 0;
            let what = format!("{fault:?} {times:?} {:?} {crash}", record_kind(&document));
            let mut bench = bench_for(&document, config.clone()).await;
            bench.server.set_fault(fault, times);
            let done = bench.carry_out(&document, crash).await;
            check(&bench, &document, &done, &what);
            // Nothing comes in behind.
            tokio::time::sleep(Duration::from_secs(300)).await;
            check(&bench, &document, &done, &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_document_is_registered_with_what_was_meant() {
    for document in documents() {
        let mut bench = bench_for(&document, WebEmulatorConfig::default()).await;
        let done = bench.carry_out(&document, false).await;
        assert_eq!((done.unknowns, done.refusals), (0, 0));
        check(&bench, &document, &done, "plain");
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document() {
    every_fault(Times::Once, &WebEmulatorConfig::default()).await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document_when_it_strikes_three_times() {
    every_fault(Times::N(3), &WebEmulatorConfig::default()).await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document_however_the_server_comes_back() {
    for after_crash in [
        AfterCrash::Blocked,
        AfterCrash::Recovers,
        AfterCrash::Forgets,
    ] {
        let config = WebEmulatorConfig {
            after_crash,
            ..WebEmulatorConfig::default()
        };
        for carried_out in [true, false] {
            for document in documents() {
                for crash in [false, true] {
                    let what =
                        format!("{after_crash:?} {carried_out} {:?}", record_kind(&document));
                    let mut bench = bench_for(&document, config.clone()).await;
                    bench
                        .server
                        .set_fault(WebFault::Crash { carried_out }, Times::Once);
                    let done = bench.carry_out(&document, crash).await;
                    check(&bench, &document, &done, &what);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document_with_results_of_the_first_version_and_short_documents()
 {
    let config = WebEmulatorConfig {
        v1_results: true,
        short_documents: true,
        keys_come_back: false,
        ffd: "1.05".to_owned(),
        ..WebEmulatorConfig::default()
    };
    every_fault(Times::Once, &config).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_by_its_uuid_without_any_doubt() {
    let mut bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    bench.server.set_fault(WebFault::AnswerDropped, Times::Once);
    let done = bench.carry_out(&sale("k-1"), false).await;
    assert_eq!(done.unknowns, 0);
    assert_eq!(done.record.printed, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_in_after_recovery_said_no_is_never_carried_out() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let before = printer.baseline().await.unwrap();
    bench
        .server
        .set_fault(WebFault::RequestLate { ms: 600_000 }, Times::Once);
    let doubt = printer.register(&sale("k-1"), &before).await;
    assert!(
        matches!(doubt, Err(FiscalError::Unknown { .. })),
        "{doubt:?}"
    );
    let mut printer = bench.open().await;
    assert_eq!(
        printer.recover(&sale("k-1"), &before).await.unwrap(),
        Recovered::NotRegistered
    );
    tokio::time::sleep(Duration::from_secs(1200)).await;
    assert_eq!(
        bench.server.documents().len(),
        2,
        "the late request was fenced off"
    );
    // And a new attempt with the very same baseline goes through.
    let record = printer.register(&sale("k-1"), &before).await.unwrap();
    assert_eq!(record.document_number, 3);
}

#[tokio::test(start_paused = true)]
async fn an_unprinted_document_stands_and_its_paper_is_owed() {
    for fault in [
        WebFault::PaperEnds { registered: true },
        WebFault::PaperError,
    ] {
        let mut bench = Bench::open_shift(WebEmulatorConfig::default()).await;
        bench.server.set_fault(fault, Times::Once);
        let done = bench.carry_out(&sale("k-1"), false).await;
        assert_eq!((done.unknowns, done.refusals), (0, 0), "{fault:?}");
        assert_eq!(done.record.printed, Some(false), "{fault:?}");
        assert!(bench.server.print_owed());
        bench.open().await.continue_print().await.unwrap();
        assert!(!bench.server.print_owed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_as_what_it_is_and_a_second_attempt_has_another_uuid() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let before = printer.baseline().await.unwrap();
    for _ in 0..11 {
        bench
            .server
            .set_fault(WebFault::PaperEnds { registered: false }, Times::Once);
        let refused = printer.register(&sale("k-1"), &before).await;
        assert!(
            matches!(
                refused,
                Err(FiscalError::Refused {
                    code: 44,
                    retry: true,
                    ..
                })
            ),
            "{refused:?}"
        );
    }
    bench
        .server
        .set_fault(WebFault::Refuse { code: 143 }, Times::Once);
    let refused = printer.register(&sale("k-1"), &before).await;
    assert!(
        matches!(
            refused,
            Err(FiscalError::Refused {
                code: 143,
                retry: false,
                ..
            })
        ),
        "{refused:?}"
    );
    let record = printer.register(&sale("k-1"), &before).await.unwrap();
    assert_eq!(record.document_number, 3);
}

#[tokio::test(start_paused = true)]
async fn codes_that_leave_it_open_are_never_a_refusal() {
    for code in [1, 2, 4, 5, 6, 15, 151, 175, 177, 241, 603, 777] {
        let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
        let mut printer = bench.open().await;
        let before = printer.baseline().await.unwrap();
        bench
            .server
            .set_fault(WebFault::Refuse { code }, Times::Once);
        let doubt = printer.register(&sale("k-1"), &before).await;
        assert!(
            matches!(doubt, Err(FiscalError::Unknown { .. })),
            "{code}: {doubt:?}"
        );
        let recovered = printer.recover(&sale("k-1"), &before).await;
        assert_eq!(recovered.unwrap(), Recovered::NotRegistered, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_queue_is_blocked_nothing_is_decided_and_nothing_else_begun() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let before = printer.baseline().await.unwrap();
    bench
        .server
        .set_fault(WebFault::Blocked { carried_out: true }, Times::Once);
    let doubt = printer.register(&sale("k-1"), &before).await;
    let Err(FiscalError::Unknown { detail }) = doubt else {
        panic!("{doubt:?}");
    };
    assert!(detail.contains("blocked"), "{detail}");
    for _ in 0..3 {
        let doubt = printer.recover(&sale("k-1"), &before).await;
        assert!(
            matches!(doubt, Err(FiscalError::Unknown { .. })),
            "{doubt:?}"
        );
    }
    bench.server.unblock();
    let Recovered::Registered(record) = printer.recover(&sale("k-1"), &before).await.unwrap()
    else {
        panic!("it is registered");
    };
    assert_eq!(record.document_number, 3);
    assert_eq!(bench.server.documents().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_receipt_of_the_same_total_is_not_taken_for_ours() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let before = printer.baseline().await.unwrap();
    bench
        .server
        .set_fault(WebFault::RequestDropped, Times::Once);
    assert!(printer.register(&sale("k-1"), &before).await.is_err());
    bench.server.stranger_receipt(72_985, Some("k-other"));
    assert_eq!(
        printer.recover(&sale("k-1"), &before).await.unwrap(),
        Recovered::NotRegistered
    );
}

#[tokio::test(start_paused = true)]
async fn another_drive_and_a_moved_counter_stop_an_attempt() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let before = printer.baseline().await.unwrap();
    bench.server.stranger_receipt(100, None);
    let moved = printer.register(&sale("k-1"), &before).await;
    assert!(
        matches!(moved, Err(FiscalError::Refused { retry: true, .. })),
        "{moved:?}"
    );
    bench.server.set_fault(WebFault::OtherDrive, Times::Once);
    for result in [
        printer.register(&sale("k-1"), &before).await.map(|_| ()),
        printer.recover(&sale("k-1"), &before).await.map(|_| ()),
    ] {
        assert!(
            matches!(result, Err(FiscalError::OtherDrive { .. })),
            "{result:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_shift_is_seen_and_refuses_receipts() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    assert_eq!(printer.status().await.unwrap().shift, ShiftState::Open);
    bench.server.set_fault(WebFault::ShiftExpired, Times::Once);
    assert_eq!(printer.status().await.unwrap().shift, ShiftState::Expired);
    let before = printer.baseline().await.unwrap();
    let refused = printer.register(&sale("k-1"), &before).await;
    assert!(
        matches!(
            refused,
            Err(FiscalError::Refused {
                code: 68,
                retry: true,
                ..
            })
        ),
        "{refused:?}"
    );
    printer.register(&shift_close(), &before).await.unwrap();
    assert_eq!(printer.status().await.unwrap().shift, ShiftState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_uncounted_drawer_needs_a_person_after_a_doubt_and_nobody_without_one() {
    let config = WebEmulatorConfig {
        counts_cash: false,
        ..WebEmulatorConfig::default()
    };
    let bench = Bench::open_shift(config).await;
    let mut printer = bench.open().await;
    let before = printer.baseline().await.unwrap();
    assert_eq!(before.cash, None);
    printer
        .register(&cash_in("k-1", 100), &before)
        .await
        .unwrap();
    bench
        .server
        .set_fault(WebFault::LinkLost { carried_out: true }, Times::Once);
    assert!(
        printer
            .register(&cash_in("k-2", 100), &before)
            .await
            .is_err()
    );
    let result = printer.recover(&cash_in("k-2", 100), &before).await;
    assert!(
        matches!(result, Err(FiscalError::NeedsPerson(_))),
        "{result:?}"
    );
    // What the server itself knows to be done needs nobody.
    let recovered = printer.recover(&cash_in("k-1", 100), &before).await;
    assert!(
        matches!(recovered, Ok(Recovered::Registered(_))),
        "{recovered:?}"
    );
    assert_eq!(bench.server.cash_moves().0, 3);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_that_the_server_closed_is_opened_again() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    printer.status().await.unwrap();
    bench.server.crash();
    bench.server.restart();
    printer.status().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn faults_of_reads_are_told_and_pass() {
    for fault in [
        WebFault::AnswerDropped,
        WebFault::RequestDropped,
        WebFault::Status { status: 500 },
        WebFault::LinkLost { carried_out: false },
        WebFault::Delayed { ms: 60_000 },
    ] {
        let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
        let mut printer = bench.open().await;
        bench.server.set_fault_at(fault, WebAt::Reads, Times::Once);
        let first = printer.baseline().await;
        match fault {
            WebFault::AnswerDropped
            | WebFault::RequestDropped
            | WebFault::Status { status: 500 } => assert!(first.is_ok(), "{fault:?} {first:?}"),
            _ => assert!(
                matches!(first, Err(FiscalError::Unreachable { .. })),
                "{fault:?} {first:?}"
            ),
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(
            printer.baseline().await.unwrap().last_document,
            2,
            "{fault:?}"
        );
    }
}
