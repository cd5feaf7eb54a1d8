//! Arbitrary bytes at both ends: nobody panics, nobody waits for ever.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, noon, sale, shift_open};
use galley_atol::{
    AtolConfig, AtolPrinters,
    buffer::HostCommand,
    emulator::{AtolEmulator, Durations, EmulatorConfig, TokioClock},
    frame::{self, Decoder, Found},
};
use galley_fiscal::{FiscalError, PrinterFactory as _};
use galley_link::MemoryNet;
use proptest::prelude::*;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn in_simulated_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

/// Codes that the emulator knows, so that arbitrary parameters reach deep.
const CODES: [u8; 33] = [
    0x3F, 0x45, 0xA5, 0x91, 0x46, 0x56, 0x48, 0x9A, 0x5A, 0x67, 0x92, 0xE8, 0xE9, 0xEA, 0xEB, 0x43,
    0x99, 0x4A, 0x59, 0x49, 0x4F, 0x4C, 0x95, 0xEE, 0xA4, 0x73, 0x00, 0x80, 0xC1, 0xC2, 0xED, 0x50,
    0x9D,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_emulator_takes_any_tasks(
        tasks in proptest::collection::vec(
            (0usize..CODES.len(), proptest::collection::vec(any::<u8>(), 0..50), any::<u8>(), 0u8..6),
            1..60,
        ),
        noise in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        in_simulated_time(async {
            let config = EmulatorConfig { durations: Durations::none(), ..EmulatorConfig::default() };
            let clock = Arc::new(TokioClock::starting(noon()));
            let printer = AtolEmulator::open(None, config, clock).unwrap();
            let (mut near, far) = tokio::io::duplex(1 << 20);
            let serving = printer.clone();
            let served = tokio::spawn(async move { serving.serve(Box::new(far)).await });
            near.write_all(&noise).await.unwrap();
            let enter = HostCommand::Add { flags: 0, tid: 0, task: vec![0, 0, 0x56, 1, 0, 0, 0, 0x30] };
            near.write_all(&frame::encode(0, &enter.encode()).unwrap()).await.unwrap();
            for (i, (code, parameters, tid, kind)) in tasks.iter().enumerate() {
                let command = match kind {
                    0 => HostCommand::Abort,
                    1 => HostCommand::Req(*tid),
                    2 => HostCommand::Ack(*tid),
                    _ => HostCommand::Add {
                        flags: kind - 3,
                        tid: *tid,
                        task: [&[0, 0, CODES[*code]], parameters.as_slice()].concat(),
                    },
                };
                near.write_all(&frame::encode(i as u8, &command.encode()).unwrap()).await.unwrap();
            }
            near.shutdown().await.unwrap();
            let mut answers = Vec::new();
            near.read_to_end(&mut answers).await.unwrap();
            served.await.unwrap();
            let found = Decoder::default().push_all(&answers);
            assert!(found.iter().all(|f| matches!(f, Found::Frame(_))));
        });
    }

    #[test]
    fn the_driver_takes_any_answers(
        answers in proptest::collection::vec(
            (0usize..12, proptest::collection::vec(any::<u8>(), 0..40)), 1..80,
        ),
        good in 0usize..12,
    ) {
        in_simulated_time(async {
            let net = MemoryNet::new();
            let mut door = net.listen("stub");
            tokio::spawn(async move {
                const STATUSES: [u8; 12] =
                    [0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xB1, 0xB2, 0xB3, 0xB4, 0xA3];
                let mut answers = answers.into_iter().cycle();
                while let Some(mut stream) = door.accept().await {
                    let mut decoder = Decoder::default();
                    let mut buffer = [0; 256];
                    let mut heard = 0;
                    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                        for found in decoder.push_all(&buffer[..n]) {
                            let Found::Frame(f) = found else { continue };
                            heard += 1;
                            let (status, mut data) = answers.next().unwrap();
                            // Some truth first, so that the driver gets past the greeting.
                            let status = if heard <= good { 0xA3 } else { STATUSES[status] };
                            if heard <= good && f.data.first() == Some(&0xC4) {
                                data.clear();
                            }
                            let bytes = [&[status], data.as_slice()].concat();
                            let id = if matches!(status, 0xA6 | 0xA7) { 0xF0 } else { f.id };
                            if stream.write_all(&frame::encode(id, &bytes).unwrap()).await.is_err() {
                                break;
                            }
                        }
                    }
                }
            });
            let printers =
                AtolPrinters::new(Arc::new(net), "mem://stub".parse().unwrap(), AtolConfig::default());
            let work = async {
                if let Ok(mut printer) = printers.open().await {
                    let _ = printer.status().await;
                    let _ = printer.document(7).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(3600), work).await.unwrap();
        });
    }

    /// The line forgets, changes and adds bytes at random, both ways; the emulator is never asked for a second
    /// document, and the driver never says "registered" without one.
    #[test]
    fn a_bad_line_never_makes_two_receipts(gaps in proptest::collection::vec((10u32..4000, 0u8..3), 1..60)) {
        in_simulated_time(async {
            let clock = TokioClock::starting(noon());
            let config = EmulatorConfig::default();
            let emulator = AtolEmulator::open(None, config, Arc::new(clock.clone())).unwrap();
            let mut good = Bench::of(emulator.clone(), clock.clone());
            good.carry_out(&shift_open(), false).await;
            let net = MemoryNet::new();
            let mut door = net.listen("bad");
            let serving = emulator.clone();
            tokio::spawn(async move {
                let mut gaps = gaps.into_iter().cycle();
                let (mut left, mut kind) = gaps.next().unwrap();
                while let Some(host) = door.accept().await {
                    let (near, far) = tokio::io::duplex(1 << 16);
                    let printer = serving.clone();
                    tokio::spawn(async move { printer.serve(Box::new(far)).await });
                    let (mut hr, mut hw) = tokio::io::split(host);
                    let (mut pr, mut pw) = tokio::io::split(near);
                    let (mut up, mut down) = ([0; 1], [0; 1]);
                    let mut spoil = || {
                        if left > 0 {
                            left -= 1;
                            return None;
                        }
                        let struck = kind;
                        (left, kind) = gaps.next().unwrap();
                        Some(struck)
                    };
                    loop {
                        tokio::select! {
                            biased;
                            n = hr.read(&mut up) => {
                                if !matches!(n, Ok(1)) || pass(&mut pw, up[0], spoil()).await.is_err() { break }
                            }
                            n = pr.read(&mut down) => {
                                if !matches!(n, Ok(1)) || pass(&mut hw, down[0], spoil()).await.is_err() { break }
                            }
                        }
                    }
                }
            });
            let bad =
                AtolPrinters::new(Arc::new(net), "mem://bad".parse().unwrap(), AtolConfig::default());
            let mut known = None;
            for _ in 0..3 {
                let Ok(mut printer) = bad.open().await else { continue };
                let Ok(baseline) = printer.baseline().await else { continue };
                match printer.register(&sale("k-1"), &baseline).await {
                    Ok(record) => {
                        known = Some(record.document_number);
                        break;
                    }
                    Err(FiscalError::Unknown { .. }) => {
                        // The rest over a good line.
                        let mut printer = good.open().await;
                        let recovered = printer.recover(&sale("k-1"), &baseline).await.unwrap();
                        if let galley_fiscal::Recovered::Registered(record) = recovered {
                            known = Some(record.document_number);
                            break;
                        }
                    }
                    Err(_) => {}
                }
            }
            let receipts = emulator.receipts();
            assert_eq!(receipts.first().map(|d| d.number), known);
            assert!(receipts.len() <= 1);
        });
    }
}

/// Most bytes pass; some are lost, changed or doubled.
async fn pass<W: tokio::io::AsyncWrite + Unpin>(
    to: &mut W,
    byte: u8,
    damage: Option<u8>,
) -> std::io::Result<()> {
    match damage {
        Some(0) => Ok(()),
        Some(1) => to.write_all(&[byte ^ 0x40]).await,
        Some(_) => to.write_all(&[byte, byte]).await,
        None => to.write_all(&[byte]).await,
    }
}
