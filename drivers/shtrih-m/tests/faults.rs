//! Driver and emulator together, in simulated time: every fault, every document, exactly one document in the end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, Done, cash_in, cash_out, correction, noon, of_kind, shift_close, shift_open};
use galley_fiscal::{Document, ReceiptKind, RecordKind};
use galley_shtrih_m::{
    ProtocolChoice, ShtrihConfig,
    emulator::{At, EmulatorConfig, Fault, ShtrihEmulator, Times, TokioClock},
};
use std::sync::Arc;

/// Every fault that strikes at a command.
const FAULTS: [Fault; 24] = [
    Fault::AckLost,
    Fault::ReplyLost,
    Fault::WrongSum,
    Fault::ReplyCut,
    Fault::ReplyTwice,
    Fault::ReplyOfBefore,
    Fault::StrayByte,
    Fault::Garbage,
    Fault::Silence,
    Fault::NotTaken,
    Fault::Busy,
    Fault::Delay { ms: 2_000 },
    Fault::Delay { ms: 31_000 },
    Fault::Delay { ms: 400_000 },
    Fault::Refuse { err: 0x2F },
    Fault::Refuse { err: 0x58 },
    Fault::Refuse { err: 0xC0 },
    Fault::LinkLost { carried_out: true },
    Fault::LinkLost { carried_out: false },
    Fault::PowerCut { carried_out: true },
    Fault::PowerCut { carried_out: false },
    Fault::PaperEnds { registered: true },
    Fault::PaperEnds { registered: false },
    Fault::Refuse { err: 0x4A },
];

fn documents() -> Vec<Document> {
    vec![
        shift_open(),
        of_kind(ReceiptKind::Sale, "k-1"),
        of_kind(ReceiptKind::SaleReturn, "k-2"),
        of_kind(ReceiptKind::Purchase, "k-3"),
        of_kind(ReceiptKind::PurchaseReturn, "k-4"),
        correction(ReceiptKind::Sale, "k-5"),
        cash_in("c-1", 12_300),
        cash_out("c-2", 4_500),
        shift_close(),
    ]
}

/// What the drive must hold, by kind and settlement sign.
fn kind_of(document: &Document) -> (u8, Option<u8>) {
    match document {
        Document::ShiftOpen(_) => (2, None),
        Document::ShiftClose(_) => (5, None),
        Document::Receipt(r) => (3, Some(r.kind.tag_1054())),
        Document::Correction(c) => (31, Some(c.receipt.kind.tag_1054())),
        Document::CashIn(_) | Document::CashOut(_) => (0, None),
    }
}

fn act_of(document: &Document) -> u16 {
    match document {
        Document::ShiftOpen(_) => 0xE0,
        Document::ShiftClose(_) => 0x41,
        Document::Receipt(_) | Document::Correction(_) => 0xFF45,
        Document::CashIn(_) => 0x50,
        Document::CashOut(_) => 0x51,
    }
}

/// Commands before the act, and those that read the evidence.
fn early(document: &Document) -> &'static [u16] {
    match document {
        Document::Receipt(_) | Document::Correction(_) => &[
            0xFC, 0xF7, 0x10, 0x11, 0xFF01, 0xFF40, 0x1A, 0x8D, 0xFF4D, 0xFF46, 0xFF0C, 0xFF0A,
        ],
        Document::CashIn(_) | Document::CashOut(_) => &[0x1B, 0x1A, 0xFF01],
        _ => &[0xFF41, 0xFF42, 0xFF0C, 0x1F],
    }
}

fn new_bench(config: &EmulatorConfig, protocol: ProtocolChoice) -> Bench {
    let clock = TokioClock::starting(noon());
    let emulator = ShtrihEmulator::open(None, config.clone(), Arc::new(clock.clone())).unwrap();
    let driver = ShtrihConfig {
        protocol,
        ..ShtrihConfig::default()
    };
    Bench::with(emulator, clock, driver)
}

async fn bench_for(
    document: &Document,
    config: &EmulatorConfig,
    protocol: ProtocolChoice,
) -> Bench {
    let bench = new_bench(config, protocol);
    match document {
        Document::ShiftOpen(_) => bench,
        _ => bench.opened().await,
    }
}

fn check(bench: &Bench, document: &Document, done: &Done, what: &str) {
    let (kind, operation) = kind_of(document);
    let all = bench.emulator.documents();
    let cash = bench.emulator.snapshot().cash;
    match document {
        Document::CashIn(c) => {
            assert_eq!(
                (cash.ins, cash.in_minor),
                (2, 50_000 + c.sum_minor),
                "{what}"
            );
            assert_eq!(done.record.kind, RecordKind::CashIn, "{what}");
            assert_eq!(done.record.document_number, 2, "{what}");
        }
        Document::CashOut(c) => {
            assert_eq!((cash.outs, cash.out_minor), (1, c.sum_minor), "{what}");
            assert_eq!(done.record.document_number, 1, "{what}");
        }
        _ => {
            let ours: Vec<_> = all
                .iter()
                .filter(|d| d.kind == kind && d.operation == operation)
                .collect();
            assert_eq!(ours.len(), 1, "{what}: {all:?}");
            assert_eq!(done.record.document_number, ours[0].number, "{what}");
            assert_eq!(done.record.fiscal_sign, ours[0].sign, "{what}");
            if let Some(receipt) = document.receipt() {
                assert_eq!(
                    ours[0].key().as_deref(),
                    Some(receipt.key.as_str()),
                    "{what}"
                );
                assert_eq!(
                    done.record.key.as_deref(),
                    Some(receipt.key.as_str()),
                    "{what}"
                );
                assert_eq!(done.record.total_minor, receipt.total_minor(), "{what}");
                assert_eq!(ours[0].lines.len(), receipt.lines.len(), "{what}");
            }
        }
    }
    assert!(!bench.emulator.snapshot().receipt_open, "{what}");
}

async fn every_fault(
    at: impl Fn(&Document) -> Vec<At>,
    times: Times,
    config: &EmulatorConfig,
    protocol: ProtocolChoice,
) {
    for (f, fault) in FAULTS.into_iter().enumerate() {
        for (d, document) in documents().into_iter().enumerate() {
            for (i, at) in at(&document).into_iter().enumerate() {
                // Of the many commands before the act every third pair, each fault and each command often enough;
                // and with a death of the process only the first.
                if i > 0 && (f + d + i) % 3 != 0 {
                    continue;
                }
                for crash in if i == 0 { &[false, true][..] } else { &[false] } {
                    let crash = *crash;
                    let what = format!(
                        "{fault:?} {at:X?} {times:?} {:?} crash {crash} {protocol:?}",
                        kind_of(&document)
                    );
                    let mut bench = bench_for(&document, config, protocol).await;
                    bench.emulator.set_fault_at(fault, at, times);
                    let done = bench.carry_out(&document, crash, &what).await;
                    check(&bench, &document, &done, &what);
                }
            }
        }
    }
}

fn act(document: &Document) -> Vec<At> {
    vec![At::Command(act_of(document))]
}

#[tokio::test(start_paused = true)]
async fn every_fault_at_the_act_leaves_exactly_one_document() {
    every_fault(
        act,
        Times::Once,
        &EmulatorConfig::default(),
        ProtocolChoice::Auto,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document_when_it_strikes_three_times() {
    every_fault(
        act,
        Times::N(3),
        &EmulatorConfig::default(),
        ProtocolChoice::Auto,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_before_the_act_leaves_exactly_one_document() {
    let early = |d: &Document| early(d).iter().map(|c| At::Command(*c)).collect();
    every_fault(
        early,
        Times::Once,
        &EmulatorConfig::default(),
        ProtocolChoice::Auto,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_in_protocol_2_leaves_exactly_one_document() {
    every_fault(
        act,
        Times::Once,
        &EmulatorConfig::default(),
        ProtocolChoice::Two,
    )
    .await;
    every_fault(
        act,
        Times::N(2),
        &EmulatorConfig::default(),
        ProtocolChoice::Two,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_exactly_one_document_on_an_older_printer_that_keeps_no_keys() {
    let config = EmulatorConfig {
        keys_come_back: false,
        cash_core: false,
        extended_replies: true,
        strict_confirm: false,
        nak_garbage: true,
        ..EmulatorConfig::default()
    };
    every_fault(act, Times::Once, &config, ProtocolChoice::Auto).await;
}

#[tokio::test(start_paused = true)]
async fn noise_by_chance_through_a_day_leaves_every_document_once() {
    for seed in 1..=6u32 {
        for protocol in [ProtocolChoice::One, ProtocolChoice::Two] {
            let mut bench = new_bench(&EmulatorConfig::default(), protocol);
            for (i, fault) in [
                Fault::ReplyLost,
                Fault::AckLost,
                Fault::WrongSum,
                Fault::ReplyCut,
                Fault::ReplyTwice,
                Fault::Silence,
                Fault::Busy,
                Fault::LinkLost { carried_out: true },
                Fault::LinkLost { carried_out: false },
                Fault::PowerCut { carried_out: true },
            ]
            .into_iter()
            .enumerate()
            {
                let chance = Times::Chance {
                    per_mille: 15,
                    seed: seed * 100 + i as u32,
                };
                bench.emulator.set_fault_at(fault, At::Any, chance);
            }
            let what = format!("seed {seed} {protocol:?}");
            bench.carry_out(&shift_open(), false, &what).await;
            for n in 0..12 {
                let key = format!("s-{n}");
                let done = bench
                    .carry_out(&of_kind(ReceiptKind::Sale, &key), n % 3 == 0, &what)
                    .await;
                assert_eq!(done.record.key.as_deref(), Some(key.as_str()), "{what}");
            }
            bench.carry_out(&shift_close(), false, &what).await;
            let keys: Vec<_> = bench
                .emulator
                .receipts()
                .iter()
                .filter_map(|d| d.key())
                .collect();
            let expected: Vec<_> = (0..12).map(|n| format!("s-{n}")).collect();
            assert_eq!(keys, expected, "{what}");
        }
    }
}
