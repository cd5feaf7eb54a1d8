//! The same over real links: TCP and a pty, in both protocols, with real time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, cash_in, noon, of_kind, shift_close, shift_open};
use galley_fiscal::{FiscalError, PrinterFactory as _, ReceiptKind};
use galley_link::{Cable, CableDialer, Listener, MemoryNet, PtyPort, SystemDialer};
use galley_shtrih_m::{
    ProtocolChoice, ShtrihConfig, ShtrihPrinters, Timeouts,
    emulator::{Durations, EmulatorConfig, Fault, ShtrihEmulator, Times, TokioClock},
};
use std::{sync::Arc, time::Duration};

fn quick(protocol: ProtocolChoice) -> ShtrihConfig {
    ShtrihConfig {
        protocol,
        timeouts: Timeouts {
            enq_ms: 300,
            ack_ms: 300,
            silence_ms: 300,
            longest_ms: 1500,
            grace_ms: 500,
            busy_ms: 3000,
            settle_ms: 50,
            ..Timeouts::default()
        },
        ..ShtrihConfig::default()
    }
}

fn emulator() -> (ShtrihEmulator, TokioClock) {
    let clock = TokioClock::starting(noon());
    let config = EmulatorConfig {
        durations: Durations {
            close_receipt_ms: 20,
            print_ms: 30,
            ..Durations::none()
        },
        ..EmulatorConfig::default()
    };
    let emulator = ShtrihEmulator::open(None, config, Arc::new(clock.clone())).unwrap();
    (emulator, clock)
}

async fn limited<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work)
        .await
        .unwrap()
}

/// A day: a shift, cash, sales and a return under faults, the Z report.
async fn a_day(bench: &mut Bench) {
    bench.patience = Duration::from_millis(50);
    bench.carry_out(&shift_open(), false, "open").await;
    bench.carry_out(&cash_in("c", 100_000), false, "cash").await;
    for (n, fault) in [
        Fault::AckLost,
        Fault::ReplyLost,
        Fault::ReplyCut,
        Fault::WrongSum,
        Fault::ReplyTwice,
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
        let sale = of_kind(ReceiptKind::Sale, &format!("s-{n}"));
        bench
            .carry_out(&sale, n % 2 == 0, &format!("{fault:?}"))
            .await;
        bench.emulator.clear_faults();
    }
    bench
        .carry_out(&of_kind(ReceiptKind::SaleReturn, "back"), false, "back")
        .await;
    bench.carry_out(&shift_close(), false, "close").await;
    let keys: Vec<_> = bench
        .emulator
        .receipts()
        .iter()
        .filter_map(|d| d.key())
        .collect();
    let mut expected: Vec<_> = (0..10).map(|n| format!("s-{n}")).collect();
    expected.push("back".into());
    assert_eq!(keys, expected);
    // The printer's registration, the shift's opening, eleven receipts, the shift's closing.
    assert_eq!(bench.emulator.documents().len(), 14);
}

async fn over_tcp(protocol: ProtocolChoice) {
    let (emulator, clock) = emulator();
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let serving = emulator.clone();
    tokio::spawn(async move { serving.listen(listener).await });
    let dialer = Arc::new(SystemDialer::default());
    let mut bench = Bench::at(emulator, clock, dialer, &address, quick(protocol));
    limited(a_day(&mut bench)).await;
}

async fn over_a_pty(protocol: ProtocolChoice) {
    let (emulator, clock) = emulator();
    let port = PtyPort::open().unwrap();
    let address = format!("serial://{}", port.path.display());
    let serving = emulator.clone();
    tokio::spawn(async move { serving.serve_pty(port).await });
    let dialer = Arc::new(SystemDialer::default());
    let mut config = quick(protocol);
    config.probe_speeds = false;
    let mut bench = Bench::at(emulator, clock, dialer, &address, config);
    limited(a_day(&mut bench)).await;
}

#[tokio::test]
async fn a_day_over_tcp() {
    over_tcp(ProtocolChoice::Auto).await;
}

#[tokio::test]
async fn a_day_over_tcp_in_protocol_2() {
    over_tcp(ProtocolChoice::Two).await;
}

#[tokio::test]
async fn a_day_over_a_serial_line() {
    over_a_pty(ProtocolChoice::Auto).await;
}

#[tokio::test]
async fn a_day_over_a_serial_line_in_protocol_2() {
    over_a_pty(ProtocolChoice::Two).await;
}

#[tokio::test(start_paused = true)]
async fn a_pulled_cable_before_the_act_is_unreachable_and_within_it_unknown() {
    let (emulator, _clock) = emulator();
    let net = MemoryNet::new();
    let door = net.listen("shtrih");
    let serving = emulator.clone();
    tokio::spawn(async move { serving.listen(door).await });
    let cable = Cable::default();
    let dialer = Arc::new(CableDialer::new(net, cable.clone()));
    let printers = ShtrihPrinters::new(
        dialer,
        "mem://shtrih".parse().unwrap(),
        quick(ProtocolChoice::Auto),
    );
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
    let closed = printers.open().await.err().unwrap();
    assert!(
        matches!(closed, FiscalError::Unreachable { .. }),
        "{closed}"
    );
    cable.plug();
    let mut printer = printers.open().await.unwrap();
    emulator.set_fault(Fault::Delay { ms: 1000 }, Times::Once);
    let pulling = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cable.pull();
    };
    let document = shift_open();
    let (within, ()) = tokio::join!(printer.register(&document, &baseline), pulling);
    let within = within.unwrap_err();
    assert!(matches!(within, FiscalError::Unknown { .. }), "{within}");
}
