//! Arbitrary bytes at both ends: nobody panics, nobody waits for ever.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, noon, of_kind, shift_open};
use galley_fiscal::{FiscalError, PrinterFactory as _, ReceiptKind};
use galley_link::MemoryNet;
use galley_shtrih_m::{
    ProtocolChoice, ShtrihConfig, ShtrihPrinters, drive,
    emulator::{Durations, EmulatorConfig, ShtrihEmulator, TokioClock},
    frame1, frame2, status,
};
use proptest::prelude::*;
use std::{future::Future, sync::Arc};
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
const CODES: [u16; 44] = [
    0x10, 0x11, 0x17, 0x1A, 0x1B, 0x1E, 0x1F, 0x21, 0x22, 0x25, 0x28, 0x29, 0x2D, 0x2E, 0x2F, 0x40,
    0x41, 0x50, 0x51, 0x80, 0x85, 0x88, 0x89, 0x8C, 0x8D, 0xB0, 0xDD, 0xDE, 0xE0, 0xF7, 0xFC,
    0xFF01, 0xFF0A, 0xFF0C, 0xFF32, 0xFF33, 0xFF3A, 0xFF3B, 0xFF41, 0xFF45, 0xFF46, 0xFF4A, 0xFF4D,
    0xFF61,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_emulator_takes_any_commands(
        commands in proptest::collection::vec(
            (0usize..CODES.len(), proptest::collection::vec(any::<u8>(), 0..130), any::<bool>()),
            1..40,
        ),
        noise in proptest::collection::vec(any::<u8>(), 0..60),
        two: bool,
    ) {
        in_simulated_time(async {
            let config = EmulatorConfig { durations: Durations::none(), ..EmulatorConfig::default() };
            let clock = Arc::new(TokioClock::starting(noon()));
            let printer = ShtrihEmulator::open(None, config, clock).unwrap();
            let (mut near, far) = tokio::io::duplex(1 << 20);
            let serving = printer.clone();
            let served = tokio::spawn(async move { serving.serve(Box::new(far)).await });
            if !two {
                near.write_all(&noise).await.unwrap();
            }
            for (i, (code, parameters, named)) in commands.iter().enumerate() {
                let code = CODES[*code];
                let mut body = Vec::new();
                galley_shtrih_m::command::push_code(&mut body, code);
                if *named {
                    body.extend([30, 0, 0, 0]);
                }
                body.extend(parameters);
                let frame = if two {
                    frame2::encode(&frame2::Frame::Numbered(i as u16 + 1, body))
                } else {
                    frame1::encode(&body)
                };
                near.write_all(&frame.unwrap()).await.unwrap();
                // Long enough for every limit of the device's side.
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            drop(near);
            served.await.unwrap();
            prop_assert!(printer.snapshot().powered);
            Ok(())
        })?;
    }

    #[test]
    fn the_driver_takes_any_answers(
        answers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..30),
        framed: bool,
        two: bool,
    ) {
        in_simulated_time(async {
            let net = MemoryNet::new();
            let mut door = net.listen("stub");
            tokio::spawn(async move {
                while let Some(mut stream) = door.accept().await {
                    let mut buffer = [0; 512];
                    let mut n = 0usize;
                    while matches!(stream.read(&mut buffer).await, Ok(n) if n > 0) {
                        let answer = &answers[n % answers.len()];
                        n += 1;
                        let bytes = match (framed && !answer.is_empty(), two) {
                            (true, false) if buffer[0] == 0x05 => vec![0x15],
                            (true, false) => {
                                let mut bytes = vec![0x06];
                                bytes.extend(frame1::encode(answer).unwrap());
                                bytes
                            }
                            (true, true) => {
                                frame2::encode(&frame2::Frame::Numbered(n as u16, answer.clone())).unwrap()
                            }
                            (false, _) => answer.clone(),
                        };
                        if stream.write_all(&bytes).await.is_err() {
                            break;
                        }
                    }
                }
            });
            let config = ShtrihConfig {
                protocol: if two { ProtocolChoice::Two } else { ProtocolChoice::Auto },
                ..ShtrihConfig::default()
            };
            let printers = ShtrihPrinters::new(Arc::new(net), "mem://stub".parse().unwrap(), config);
            let opened = tokio::time::timeout(std::time::Duration::from_secs(3600), printers.open()).await;
            let told = match opened {
                Ok(Ok(_)) => true,
                Ok(Err(e)) => matches!(e, FiscalError::Unreachable { .. } | FiscalError::Unsupported(_)),
                Err(_) => false,
            };
            prop_assert!(told);
            Ok(())
        })?;
    }

    #[test]
    fn decoders_of_replies_take_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = (status::device_type(&data), status::model_parameters(&data), status::short_status(&data));
        let _ = (status::status(&data), drive::status(&data), drive::expiry(&data), drive::document(&data));
        let _ = (drive::exchange(&data), drive::shift(&data), drive::registration(&data));
        let _ = (drive::memory(&data), drive::mark_check(&data));
    }

    #[test]
    fn bytes_that_flip_on_the_way_never_register_twice(
        flips in proptest::collection::vec((0usize..4000, 1u8..=255), 1..12),
        two: bool,
    ) {
        in_simulated_time(async {
            let flips: std::collections::BTreeMap<usize, u8> = flips.into_iter().collect();
            let net = MemoryNet::new();
            let door = net.listen("shtrih");
            let clock = TokioClock::starting(noon());
            let emulator =
                ShtrihEmulator::open(None, EmulatorConfig::default(), Arc::new(clock.clone())).unwrap();
            let serving = emulator.clone();
            tokio::spawn(async move { serving.listen(door).await });
            let noisy = Noisy { inner: net, flips: Arc::new(flips) };
            let config = ShtrihConfig {
                protocol: if two { ProtocolChoice::Two } else { ProtocolChoice::One },
                ..ShtrihConfig::default()
            };
            let mut bench = Bench::at(emulator, clock, Arc::new(noisy), "mem://shtrih", config);
            bench.carry_out(&shift_open(), false, "open").await;
            for key in ["k-1", "k-2"] {
                bench.carry_out(&of_kind(ReceiptKind::Sale, key), false, key).await;
            }
            let keys: Vec<_> = bench.emulator.receipts().iter().filter_map(|d| d.key()).collect();
            prop_assert_eq!(keys, ["k-1", "k-2"]);
            Ok(())
        })?;
    }
}

/// A dialer whose first streams flip bytes on their way to the host.
struct Noisy {
    inner: MemoryNet,
    flips: Arc<std::collections::BTreeMap<usize, u8>>,
}

#[async_trait::async_trait]
impl galley_link::Dialer for Noisy {
    async fn open(
        &self,
        address: &galley_link::Address,
    ) -> Result<galley_link::BoxStream, galley_link::LinkError> {
        let mut far = self.inner.open(address).await?;
        let (near, mut middle) = tokio::io::duplex(1 << 16);
        let flips = Arc::clone(&self.flips);
        tokio::spawn(async move {
            let (mut to_host, mut to_printer) = ([0; 256], [0; 256]);
            let mut at = 0;
            loop {
                tokio::select! {
                    biased;
                    read = far.read(&mut to_host) => match read {
                        Ok(n) if n > 0 => {
                            for byte in &mut to_host[..n] {
                                *byte ^= flips.get(&at).copied().unwrap_or(0);
                                at += 1;
                            }
                            if middle.write_all(&to_host[..n]).await.is_err() { return }
                        }
                        _ => return,
                    },
                    read = middle.read(&mut to_printer) => match read {
                        Ok(n) if n > 0 => {
                            if far.write_all(&to_printer[..n]).await.is_err() { return }
                        }
                        _ => return,
                    },
                }
            }
        });
        Ok(Box::new(near))
    }
}
