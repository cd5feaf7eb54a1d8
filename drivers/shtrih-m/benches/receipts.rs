//! Receipts a second, and how long one takes, through the driver, against the emulator: over a pty and TCP, in both
//! protocols, with a device that takes no time and with one that takes its own.
//!
//! A receipt here is what the store does for one: baseline, register (opened, one line, its tags, closed), proved by the
//! drive's counter. "device" is the time that the emulator's commands and printing took by its own figures; what is
//! above it is the driver's and the line's. Arguments: `zero` or `real` for one half only.

#![allow(clippy::print_stdout, reason = "this is a program")]
#![allow(clippy::expect_used, reason = "a benchmark that can't go on ends")]

use galley_fiscal::{
    Document, FiscalPrinter, Line, LineDetails, MeasureUnit, PrinterFactory as _, Receipt,
    ReceiptDetails, ReceiptKind, SettlementMethod, SettlementSubject, ShiftDocument, TaxSystem,
    TenderForm, TenderSum, VatRate,
};
use galley_link::{Listener, PtyPort, SystemDialer};
use galley_shtrih_m::{
    ProtocolChoice, ShtrihConfig, ShtrihPrinters,
    emulator::{Durations, EmulatorConfig, ShtrihEmulator, TokioClock},
    local_time::LocalDateTime,
};
use std::{env, sync::Arc, time::Duration};
use tokio::time::Instant;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Pty,
    Tcp,
}

fn receipt(n: usize) -> Document {
    Document::Receipt(Receipt {
        key: format!("b{n}"),
        kind: ReceiptKind::Sale,
        operator: None,
        tax_system: TaxSystem::General,
        lines: vec![Line {
            name: "Кофе".into(),
            price_minor: 15_000,
            quantity_milli: 1000,
            sum_minor: 15_000,
            vat: VatRate::None,
            subject: SettlementSubject::Commodity,
            method: SettlementMethod::FullPayment,
            unit: MeasureUnit::Piece,
            details: LineDetails::default(),
        }],
        tenders: vec![TenderSum {
            form: TenderForm::Cash,
            sum_minor: 15_000,
        }],
        buyer_contact: None,
        print: true,
        details: ReceiptDetails::default(),
    })
}

async fn sell(printer: &mut Box<dyn FiscalPrinter>, document: &Document) {
    let baseline = printer.baseline().await.expect("a baseline");
    printer
        .register(document, &baseline)
        .await
        .expect("a receipt");
}

/// Each on a runtime of its own: the emulator on one thread, the driver on this one, as two machines would.
async fn measure(link: Link, protocol: ProtocolChoice, durations: Durations, count: usize) {
    let start = LocalDateTime::new(2026, 7, 1, 12, 30, 0).expect("a time");
    let config = EmulatorConfig {
        durations,
        ..EmulatorConfig::default()
    };
    let clock = Arc::new(TokioClock::starting(start));
    let emulator = ShtrihEmulator::open(None, config, clock).expect("an emulator");
    let serving = emulator.clone();
    let address = match link {
        Link::Pty => {
            let port = PtyPort::open().expect("a pty");
            let address = format!("serial://{}", port.path.display());
            tokio::spawn(async move { serving.serve_pty(port).await });
            address
        }
        Link::Tcp => {
            let any = "127.0.0.1:0".parse().expect("an address");
            let listener = Listener::tcp(any).await.expect("a port");
            let address = format!("tcp://{}", listener.local_addr().expect("its address"));
            tokio::spawn(async move { serving.listen(listener).await });
            address
        }
    };
    let config = ShtrihConfig {
        protocol,
        ..ShtrihConfig::default()
    };
    let dialer = Arc::new(SystemDialer::default());
    let printers = ShtrihPrinters::new(dialer, address.parse().expect("an address"), config);
    let mut printer = printers.open().await.expect("a printer");
    let shift = Document::ShiftOpen(ShiftDocument {
        key: "s".into(),
        operator: None,
    });
    sell(&mut printer, &shift).await;
    sell(&mut printer, &receipt(count)).await;
    let device = emulator.counts().device_ms;
    let mut times: Vec<Duration> = Vec::with_capacity(count);
    let began = Instant::now();
    for n in 0..count {
        let began = Instant::now();
        sell(&mut printer, &receipt(n)).await;
        times.push(began.elapsed());
    }
    let took = began.elapsed();
    let device = Duration::from_millis(emulator.counts().device_ms - device);
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    assert_eq!(emulator.receipts().len(), count + 1);
    let name = match link {
        Link::Pty => "pty",
        Link::Tcp => "tcp",
    };
    let protocol = if protocol == ProtocolChoice::Two {
        2
    } else {
        1
    };
    print!(
        "galley {name} protocol {protocol}: {count} receipts, {:.1}/s, p50 {:.2} ms, p99 {:.2} ms",
        count as f64 / took.as_secs_f64(),
        at(50).as_secs_f64() * 1e3,
        at(99).as_secs_f64() * 1e3,
    );
    if device.is_zero() {
        println!(", device 0");
    } else {
        println!(
            ", device {:.2} ms each, {:.3} of it",
            device.as_secs_f64() * 1e3 / count as f64,
            took.as_secs_f64() / device.as_secs_f64()
        );
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let only = env::args().find(|a| a == "zero" || a == "real");
    for link in [Link::Pty, Link::Tcp] {
        for protocol in [ProtocolChoice::One, ProtocolChoice::Two] {
            if only.as_deref() != Some("real") {
                measure(link, protocol, Durations::none(), 2000).await;
            }
            if only.as_deref() != Some("zero") {
                measure(link, protocol, Durations::default(), 5).await;
            }
        }
    }
}
