//! The driver over real sockets and ptys, and against things that are no printer of platform 2.5.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, noon, sale, sale_return, shift_close, shift_open};
use galley_atol::{
    AtolConfig, AtolPrinters, Timeouts,
    emulator::{AtolEmulator, Durations, EmulatorConfig, Fault, Times, TokioClock},
};
use galley_fiscal::{FiscalError, PrinterFactory as _};
use galley_link::{Cable, CableDialer, Listener, MemoryNet, PtyPort, SystemDialer};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Quick enough for real time.
fn quick() -> AtolConfig {
    AtolConfig {
        timeouts: Timeouts {
            probe_ms: 300,
            silence_ms: 150,
            read_ms: 1000,
            act_ms: 2000,
            z_ms: 2000,
            busy_ms: 3000,
            settle_ms: 100,
        },
        ..AtolConfig::default()
    }
}

fn emulator() -> (AtolEmulator, TokioClock) {
    let clock = TokioClock::starting(noon());
    let config = EmulatorConfig {
        durations: Durations {
            close_receipt_ms: 30,
            ..Durations::none()
        },
        ..EmulatorConfig::default()
    };
    let emulator = AtolEmulator::open(None, config, Arc::new(clock.clone())).unwrap();
    (emulator, clock)
}

async fn limited<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work)
        .await
        .unwrap()
}

/// A day: a shift, a sale and a return under faults, the Z report.
async fn a_day(bench: &mut Bench) {
    bench.patience = Duration::from_millis(50);
    bench.carry_out(&shift_open(), false).await;
    for (n, fault) in [
        Fault::AnswerLost,
        Fault::FrameCut,
        Fault::WrongCrc,
        Fault::LinkLost { carried_out: true },
        Fault::LinkLost { carried_out: false },
        Fault::PowerCut { carried_out: true },
        Fault::PowerCut { carried_out: false },
        Fault::PaperEnds { registered: true },
    ]
    .into_iter()
    .enumerate()
    {
        bench.emulator.set_fault(fault, Times::Once);
        bench.carry_out(&sale(&format!("s-{n}")), n % 2 == 0).await;
    }
    bench.carry_out(&sale_return("s-0-r"), false).await;
    bench.carry_out(&shift_close(), false).await;
    let keys: Vec<_> = bench
        .emulator
        .receipts()
        .into_iter()
        .filter_map(|d| d.key)
        .collect();
    let expected = [
        "s-0", "s-1", "s-2", "s-3", "s-4", "s-5", "s-6", "s-7", "s-0-r",
    ];
    assert_eq!(keys, expected);
    // The printer's registration, the shift's opening, nine receipts, the shift's closing.
    assert_eq!(bench.emulator.documents().len(), 12);
}

#[tokio::test]
async fn a_day_over_tcp() {
    let (emulator, clock) = emulator();
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let serving = emulator.clone();
    tokio::spawn(async move { serving.listen(listener).await });
    let dialer = Arc::new(SystemDialer::default());
    let mut bench = Bench::at(emulator, clock, dialer, &address, quick());
    limited(a_day(&mut bench)).await;
}

#[tokio::test]
async fn a_day_over_a_serial_line() {
    let (emulator, clock) = emulator();
    let port = PtyPort::open().unwrap();
    let address = format!("serial://{}", port.path.display());
    let serving = emulator.clone();
    tokio::spawn(async move { serving.serve_pty(port).await });
    let dialer = Arc::new(SystemDialer::default());
    let mut bench = Bench::at(emulator, clock, dialer, &address, quick());
    limited(a_day(&mut bench)).await;
}

#[tokio::test(start_paused = true)]
async fn a_platform_50_printer_is_told_from_silence() {
    let (emulator, clock) = emulator();
    emulator.set_fault(Fault::Platform50, Times::Once);
    let bench = Bench::of(emulator.clone(), clock);
    let error = bench.printers.open().await.err().unwrap();
    assert!(
        matches!(&error, FiscalError::Unsupported(text) if text.contains("web server")),
        "{error}"
    );
    emulator.set_fault(Fault::Platform25, Times::Once);
    assert!(bench.printers.open().await.is_ok());
}

/// A stream that answers whatever comes with `answer`, for ever when `flood`.
async fn stub(net: &MemoryNet, answer: &'static [u8], flood: bool) {
    let mut door = net.listen("stub");
    tokio::spawn(async move {
        while let Some(mut stream) = door.accept().await {
            let mut buffer = [0; 64];
            while matches!(stream.read(&mut buffer).await, Ok(n) if n > 0) {
                while stream.write_all(answer).await.is_ok() && flood {}
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn answers_that_begin_24_40_are_platform_50() {
    let net = MemoryNet::new();
    stub(&net, &[0x24, 0x40, 0x10, 0x00], false).await;
    let printers = AtolPrinters::new(Arc::new(net), "mem://stub".parse().unwrap(), quick());
    let error = printers.open().await.err().unwrap();
    assert!(matches!(error, FiscalError::Unsupported(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_unreachable_and_names_the_other_back_end() {
    let net = MemoryNet::new();
    stub(&net, &[], false).await;
    let printers = AtolPrinters::new(Arc::new(net), "mem://stub".parse().unwrap(), quick());
    let error = printers.open().await.err().unwrap();
    assert!(
        matches!(&error, FiscalError::Unreachable { detail } if detail.contains("web server back end")),
        "{error}"
    );
}

#[tokio::test]
async fn a_line_that_never_stops_talking_does_not_hold_the_driver() {
    let net = MemoryNet::new();
    stub(&net, &[0x41; 512], true).await;
    let printers = AtolPrinters::new(Arc::new(net), "mem://stub".parse().unwrap(), quick());
    let error = limited(printers.open()).await.err().unwrap();
    assert!(matches!(error, FiscalError::Unreachable { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_pulled_cable_before_the_act_is_unreachable_and_within_it_unknown() {
    let (emulator, _clock) = emulator();
    let net = MemoryNet::new();
    let door = net.listen("atol");
    let serving = emulator.clone();
    tokio::spawn(async move { serving.listen(door).await });
    let cable = Cable::default();
    let dialer = Arc::new(CableDialer::new(net, cable.clone()));
    let printers = AtolPrinters::new(dialer, "mem://atol".parse().unwrap(), quick());
    let mut printer = printers.open().await.unwrap();
    let baseline = printer.baseline().await.unwrap();
    cable.pull();
    let before = printer
        .register(&shift_open(), &baseline)
        .await
        .unwrap_err();
    assert!(
        matches!(before, FiscalError::Unreachable { .. }),
        "{before}"
    );
    assert!(matches!(
        printers.open().await.err().unwrap(),
        FiscalError::Unreachable { .. }
    ));
    cable.plug();
    let mut printer = printers.open().await.unwrap();
    emulator.set_fault(Fault::AnswerDelayed { ms: 1000 }, Times::Once);
    let pulling = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cable.pull();
    };
    let document = shift_open();
    let (within, ()) = tokio::join!(printer.register(&document, &baseline), pulling);
    let within = within.unwrap_err();
    assert!(matches!(within, FiscalError::Unknown { .. }), "{within}");
}
