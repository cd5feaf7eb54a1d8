//! What headquarters takes in: a store's backlog through Mosquitto after an outage, a fleet into SQLite and PostgreSQL
//! beside the same rows by COPY and by batched INSERT, and 20,000 stores that come back at once. Real processes; prints
//! figures; fails on none.
//!
//! `cargo bench --bench hq -- [drain] [ingest] [herd] [page]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

mod plain;
#[path = "../../tests/common/postgres.rs"]
mod postgres;
mod relay;
mod store;

use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const GALLEY: &str = env!("CARGO_BIN_EXE_galley");

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    match args.first().map(String::as_str) {
        Some("store") => return store::run(&args[1..]),
        Some("relay") => return relay::run(&args[1..]),
        _ => {}
    }
    let wanted = |name: &str| args.is_empty() || args.iter().any(|a| a == name);
    // On the disk that holds the build, not on a tmpfs: flushes must cost what they cost.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if wanted("drain") {
        for ms in [0, 50] {
            drain(&folder.path().join(format!("drain{ms}")), ms);
        }
    }
    if wanted("ingest") {
        ingest(folder.path());
    }
    if wanted("herd") {
        herd(&folder.path().join("herd"));
    }
    if wanted("page") {
        page(&folder.path().join("page"));
    }
}

/// A process that ends with us.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn mosquitto(folder: &Path) -> (Ends, u16) {
    std::fs::create_dir_all(folder).unwrap();
    let port = free_port();
    let file = folder.join("mosquitto.conf");
    std::fs::write(
        &file,
        format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n\
             set_tcp_nodelay true\nmax_queued_messages 100000\nmax_inflight_messages 1000\nlog_type error\n"
        ),
    )
    .unwrap();
    let child = Command::new("/usr/sbin/mosquitto")
        .arg("-c")
        .arg(&file)
        .spawn()
        .unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    (Ends(child), port)
}

/// Headquarters as people run it; ready when this returns.
fn hq(folder: &Path, database: &[String], stores: &Path, broker: u16) -> (Ends, u16) {
    std::fs::create_dir_all(folder).unwrap();
    let port = free_port();
    let mut command = Command::new(GALLEY);
    command
        .args(["hq", "--data"])
        .arg(folder)
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--broker", &format!("mqtt://127.0.0.1:{broker}")])
        .arg("--stores-file")
        .arg(stores)
        .args(database)
        .stdout(Stdio::null())
        .env("RUST_LOG", "warn");
    let child = command.spawn().unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    // The broker's subscription follows.
    std::thread::sleep(Duration::from_millis(500));
    (Ends(child), port)
}

fn stores_file(folder: &Path, stores: usize) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let file = folder.join("stores");
    let done = Command::new(GALLEY)
        .args([
            "emulate",
            "fleet",
            "--stores",
            &stores.to_string(),
            "--write-stores",
        ])
        .arg(&file)
        .status();
    assert!(done.unwrap().success());
    file
}

fn drain(folder: &Path, ms: u64) {
    const EVENTS: u64 = 100_000;
    let (_mosquitto, broker) = mosquitto(folder);
    let stores = folder.join("stores");
    std::fs::write(&stores, "S001=a long token\n").unwrap();
    let (_hq, _) = hq(folder, &[], &stores, broker);
    let me = std::env::current_exe().unwrap();
    let port = free_port();
    // The outage: nobody listens where the store looks for the broker.
    let mut filling = Command::new(&me)
        .arg("store")
        .arg(folder.join("store"))
        .args([port.to_string(), EVENTS.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(filling.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "filled");
    filling.kill().unwrap();
    filling.wait().unwrap();
    let relay = Command::new(&me)
        .args([
            "relay",
            &port.to_string(),
            &broker.to_string(),
            &ms.to_string(),
        ])
        .spawn();
    let _relay = Ends(relay.unwrap());
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let began = Instant::now();
    let mut draining = Command::new(&me)
        .arg("store")
        .arg(folder.join("store"))
        .args([port.to_string(), "0".to_owned()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said: Vec<String> = BufReader::new(draining.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    let whole = began.elapsed();
    draining.wait().unwrap();
    let figures: Value = serde_json::from_str(said.last().unwrap()).unwrap();
    let verdict = verify(&["--data".to_owned(), folder.display().to_string()], None);
    println!(
        "drain of {EVENTS} events of 256 bytes through Mosquitto, {ms} ms round trip, store killed in the outage: {:.0}/s \
         from link-up ({:.2} s), {:.2} s from its start; lost {}, log at headquarters {}",
        EVENTS as f64 / figures["drain_s"].as_f64().unwrap(),
        figures["drain_s"].as_f64().unwrap(),
        whole.as_secs_f64(),
        EVENTS - verdict["events"].as_u64().unwrap(),
        if verdict["clean"] == true {
            "whole, each event once and in order"
        } else {
            "NOT CLEAN"
        },
    );
}

fn verify(database: &[String], fleet: Option<&Path>) -> Value {
    let mut command = Command::new(GALLEY);
    command.args(["hq", "verify", "--json"]).args(database);
    if let Some(file) = fleet {
        command.arg("--fleet").arg(file);
    }
    let out = command.output().unwrap();
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)))
}

fn fleet(folder: &Path, more: &[&str]) -> Value {
    let heads = folder.join("heads");
    let out = Command::new(GALLEY)
        .args(["emulate", "fleet", "--until-drained", "--heads"])
        .arg(&heads)
        .args(more)
        .env("RUST_LOG", "error")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn ingest(folder: &Path) {
    const STORES: usize = 1_000;
    const EACH: u64 = 1_000;
    let url = postgres::database();
    let inserted = plain::insert(&url, 1_000_000);
    let copied = plain::copy(&url, 1_000_000);
    println!(
        "the same rows into PostgreSQL by batched INSERT (packs of 1,000, a cursor a store): {inserted:.0}/s"
    );
    println!("the same rows into PostgreSQL by COPY (text): {copied:.0}/s");
    // The rows of the INSERT lie ready too; but a machine that has to do all of it is told of as well.
    for (mix, ahead) in [
        ("plain", true),
        ("sales", true),
        ("plain", false),
        ("sales", false),
    ] {
        for database in ["SQLite", "PostgreSQL"] {
            let folder = folder.join(format!("{database}-{mix}-{ahead}"));
            let place = match database {
                "SQLite" => vec!["--data".to_owned(), folder.display().to_string()],
                _ => vec!["--postgres".to_owned(), postgres::database()],
            };
            let stores = stores_file(&folder, STORES);
            let (_mosquitto, broker) = mosquitto(&folder);
            let (hq, _) = hq(
                &folder,
                if database == "SQLite" { &[] } else { &place },
                &stores,
                broker,
            );
            let (stores, each) = (STORES.to_string(), EACH.to_string());
            let broker = format!("mqtt://127.0.0.1:{broker}");
            let mut words = vec!["--stores", &stores, "--events-per-store", &each];
            words.extend(["--mix", mix, "--broker", &broker]);
            if ahead {
                words.extend(["--ahead", "--batch", "500"]);
            }
            let report = fleet(&folder, &words);
            drop(hq);
            let verdict = verify(&place, Some(&folder.join("heads")));
            println!(
                "{STORES} stores with {EACH} events each ({mix}, {}) through Mosquitto into {database}, acknowledged end to end: \
                 {:.0}/s, {:.2} x batched INSERT; acknowledgement p50 {:.0} ms, p99 {:.0} ms; sent again {}, {}",
                if ahead {
                    "packed before"
                } else {
                    "made and packed by the same machine"
                },
                report["events_per_second"].as_f64().unwrap(),
                report["events_per_second"].as_f64().unwrap() / inserted,
                report["latency"]["p50_ms"].as_f64().unwrap(),
                report["latency"]["p99_ms"].as_f64().unwrap(),
                report["sent_again"],
                if verdict["clean"] == true {
                    "clean"
                } else {
                    "NOT CLEAN"
                },
            );
        }
    }
}

fn herd(folder: &Path) {
    const STORES: usize = 20_000;
    let stores = stores_file(folder, STORES);
    for database in ["SQLite", "PostgreSQL"] {
        let place = match database {
            "SQLite" => Vec::new(),
            _ => vec!["--postgres".to_owned(), postgres::database()],
        };
        let folder = folder.join(database);
        let (_mosquitto, broker) = mosquitto(&folder);
        let (_hq, port) = hq(&folder, &place, &stores, broker);
        let report = fleet(
            &folder,
            &[
                "--stores",
                &STORES.to_string(),
                "--events-per-store",
                "20",
                "--connections",
                "200",
                "--broker",
                &format!("mqtt://127.0.0.1:{broker}"),
            ],
        );
        println!(
            "{STORES} stores with 20 events each come at once ({database}): all answered after {:.1} s; headquarters' own time \
             for a batch p99 at most {:.0} ms; from packing to the acknowledgement p50 {:.0} ms, p99 {:.0} ms",
            report["all_answered_s"].as_f64().unwrap(),
            own_time(port, 0.99) * 1000.0,
            report["latency"]["p50_ms"].as_f64().unwrap(),
            report["latency"]["p99_ms"].as_f64().unwrap(),
        );
    }
}

/// Seconds that headquarters itself had batches for at most, but for the slowest; as fine as its histogram is.
fn own_time(port: u16, share: f64) -> f64 {
    let out = Command::new("curl")
        .args(["-s", &format!("http://127.0.0.1:{port}/metrics")])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let buckets: Vec<(f64, f64)> = text
        .lines()
        .filter_map(|line| {
            let line = line.strip_prefix("galley_hq_answer_seconds_bucket{le=\"")?;
            let (most, count) = line.split_once("\"} ")?;
            Some((most.parse().ok()?, count.parse().ok()?))
        })
        .collect();
    let all = buckets.iter().map(|(_, count)| *count).fold(0.0, f64::max);
    let found = buckets.iter().find(|(_, count)| *count >= all * share);
    found.unwrap().0
}

fn page(folder: &Path) {
    const STORES: usize = 5_000;
    let stores = stores_file(folder, STORES);
    for database in ["SQLite", "PostgreSQL"] {
        let place = match database {
            "SQLite" => Vec::new(),
            _ => vec!["--postgres".to_owned(), postgres::database()],
        };
        let folder = folder.join(database);
        let (_mosquitto, broker) = mosquitto(&folder);
        let (_hq, port) = hq(&folder, &place, &stores, broker);
        fleet(
            &folder,
            &[
                "--stores",
                &STORES.to_string(),
                "--events-per-store",
                "100",
                "--connections",
                "50",
                "--broker",
                &format!("mqtt://127.0.0.1:{broker}"),
            ],
        );
        let mut took: Vec<f64> = (0..30)
            .map(|_| {
                let out = Command::new("curl")
                    .args(["-s", "-o", "/dev/null", "-w", "%{time_total}"])
                    .arg(format!("http://127.0.0.1:{port}/api/v1/fleet"))
                    .output()
                    .unwrap();
                String::from_utf8(out.stdout)
                    .unwrap()
                    .parse::<f64>()
                    .unwrap()
                    * 1000.0
            })
            .collect();
        took.sort_by(f64::total_cmp);
        println!(
            "the fleet page's data with {STORES} stores ({database}): p50 {:.0} ms, slowest of 30 {:.0} ms",
            took[15], took[29]
        );
    }
}
