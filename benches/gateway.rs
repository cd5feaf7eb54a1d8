//! What the fiscal gateway costs: the time of a request without the printer's own, with a journal that flushes every
//! word, and how much four printers do beside one. Prints figures; fails on none.
//!
//! `cargo bench --bench gateway -- [--documents N] [--close-ms N] [--journal DIR]`

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use bytes::Bytes;
use galley::{
    gateway::{DeviceSettings, JournalOptions, Parts, Role, Service},
    world::{Http as _, ReqwestHttp, Secret, World},
};
use galley_atol::{
    AtolConfig, AtolPrinters,
    emulator::{AtolEmulator, Durations, EmulatorConfig, TokioClock},
    local_time::LocalDateTime,
};
use galley_link::Listener;
use http::{Request, header};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinSet};

const TOKEN: &str = "bench";

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let number = |name: &str, default: u64| {
        let mut args = std::env::args();
        args.find(|a| a == name)
            .and_then(|_| args.next())
            .and_then(|n| n.parse().ok())
            .unwrap_or(default)
    };
    let (documents, close_ms) = (number("--documents", 500), number("--close-ms", 20));
    // On the disk that holds the build, not on a tmpfs: flushes must cost what they cost.
    let mut args = std::env::args();
    let disk = args
        .find(|a| a == "--journal")
        .and_then(|_| args.next())
        .unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").to_owned());
    let folder = tempfile::tempdir_in(disk).unwrap();
    let flush = flush_ms(&folder.path().join("raw"), 200);
    println!(
        "bare flush of the disk: p50 {:.2} ms, p99 {:.2} ms",
        flush.0, flush.1
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let rig = Rig::start(&folder.path().join("overhead.db"), 1, close_ms).await;
        let mut overheads = Vec::new();
        for n in 0..documents + 20 {
            let overhead = rig.sell(0, n).await;
            // The first ones open the shift and warm the connection up.
            if n >= 20 {
                overheads.push(overhead);
            }
        }
        overheads.sort_by(f64::total_cmp);
        println!(
            "gateway's own share of a receipt, {documents} receipts of {close_ms} ms: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms",
            at(&overheads, 50),
            at(&overheads, 99),
            overheads.last().unwrap()
        );
        rig.stop().await;
        let one = throughput(&folder.path().join("one.db"), 1, close_ms, documents).await;
        let four = throughput(&folder.path().join("four.db"), 4, close_ms, documents).await;
        println!(
            "one printer {one:.1} receipts/s, four printers {four:.1} receipts/s: {:.2} times as much",
            four / one
        );
    });
}

async fn throughput(journal: &Path, printers: usize, close_ms: u64, documents: u64) -> f64 {
    let rig = Arc::new(Rig::start(journal, printers, close_ms).await);
    for device in 0..printers {
        rig.sell(device, 1_000_000).await;
    }
    let began = Instant::now();
    let mut tills = JoinSet::new();
    for device in 0..printers {
        let rig = rig.clone();
        tills.spawn(async move {
            for n in 0..documents {
                rig.sell(device, n).await;
            }
        });
    }
    while let Some(done) = tills.join_next().await {
        done.unwrap();
    }
    let all = u32::try_from(documents).unwrap() * u32::try_from(printers).unwrap();
    let rate = f64::from(all) / began.elapsed().as_secs_f64();
    if let Ok(rig) = Arc::try_unwrap(rig) {
        rig.stop().await;
    }
    rate
}

struct Rig {
    service: Service,
    base: String,
    http: ReqwestHttp,
}

impl Rig {
    async fn start(journal: &Path, printers: usize, close_ms: u64) -> Self {
        let world = World::system().unwrap();
        let mut found: Vec<(DeviceSettings, Arc<dyn galley_fiscal::PrinterFactory>)> = Vec::new();
        for i in 0..printers {
            let address = emulator(i, close_ms).await;
            let address = format!("tcp://{address}").parse().unwrap();
            let settings = DeviceSettings {
                id: format!("kkt-{i}"),
                open_shift: true,
                close_expired_shift: false,
                operator: None,
                tax_system: galley_fiscal::TaxSystem::General,
            };
            let dialer = world.dialer.clone();
            let factory = AtolPrinters::new(dialer, address, AtolConfig::default());
            found.push((settings, Arc::new(factory)));
        }
        let service = Service::start(Parts {
            world,
            journal: JournalOptions::at(journal),
            printers: found,
            tokens: vec![(Secret::new(TOKEN), Role::Till, "bench".to_owned())],
            keep: Duration::from_secs(3600),
            vendor_without_token: false,
            vendor_origins: Vec::new(),
            zone: jiff::tz::TimeZone::UTC,
        })
        .await
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = service.gateway.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            service,
            base,
            http: ReqwestHttp::new().unwrap(),
        }
    }

    async fn stop(self) {
        self.service.stop().await;
    }

    /// Sells; what the request took beyond the printer's own time, milliseconds.
    async fn sell(&self, device: usize, n: u64) -> f64 {
        let key = format!("{device}-{n}");
        let body = json!({
            "device": format!("kkt-{device}"), "document": "receipt", "kind": "sale", "tax_system": "general",
            "lines": [{"name": "Борщ", "price_minor": 100, "quantity_milli": 1000, "sum_minor": 100,
                       "vat": "none", "subject": "commodity", "method": "full_payment", "unit": "piece"}],
            "tenders": [{"form": "cash", "sum_minor": 100}],
        });
        let request = Request::put(format!("{}/v1/fiscal/documents/{key}?wait=60", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let began = Instant::now();
        let answer = self
            .http
            .send(request, Duration::from_secs(60))
            .await
            .unwrap();
        let took = began.elapsed().as_secs_f64() * 1000.0;
        let document: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(document["state"], "done", "{document}");
        let attempt = &document["attempts"][0]["device_us"];
        took - attempt.as_f64().unwrap() / 1000.0
    }
}

async fn emulator(i: usize, close_ms: u64) -> SocketAddr {
    let config = EmulatorConfig {
        drive_number: format!("999907890200431{i}"),
        durations: Durations {
            close_receipt_ms: close_ms,
            ..Durations::none()
        },
        ..EmulatorConfig::default()
    };
    let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
    let clock = Arc::new(TokioClock::starting(noon));
    let printer = AtolEmulator::open(None, config, clock).unwrap();
    let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { printer.listen(listener).await });
    address
}

/// What one flush of a little file takes.
fn flush_ms(file: &Path, times: usize) -> (f64, f64) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(file).unwrap();
    let mut took: Vec<f64> = (0..times)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[0; 4096]).unwrap();
            file.sync_data().unwrap();
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    took.sort_by(f64::total_cmp);
    (at(&took, 50), at(&took, 99))
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
