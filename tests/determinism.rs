//! Simulable by construction: a whole order, device drivers and connectors included, lived twice on a
//! single-threaded runtime with paused time, gives the same log byte for byte. Links are pipes in memory to the
//! emulators' cores, HTTP goes to their routers, the writer runs inline, ids and jitter come from one seed.

#![allow(clippy::unwrap_used)]

use galley::{
    api::Role,
    demo::outside::{Outside, Served, zone},
    devices::{fiscal::FiscalSettings, manual},
    domain::{policy::Policy, text::Text, time::Timestamp},
    hq::{Hq, HqConfig},
    run::{Daemon, RobotWiring, Wiring},
    store::{LogEntry, Options, StoreError, Synchronous, Threads},
    sync::SyncConfig,
    world::{Clock, RouterHttp, RuntimeClock, Secret, SeededEntropy, World},
};
use axum::{body::Body, http::Request};
use galley_atol::AtolPrinters;
use galley_link::MemoryNet;
use galley_moley::{Framing, KlinkConfig, KlinkDriver};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use tower::ServiceExt as _;

const TOKEN: &str = "test-manager";

/// A store with everything outside in memory.
struct Rig {
    daemon: Daemon,
    outside: Outside,
    hq: Hq,
    key: u32,
}

impl Rig {
    async fn start(folder: &Path, seed: u64) -> Self {
        // A Sunday noon; nothing depends on it.
        let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(
            1_795_338_000_000,
        )));
        let outside = Outside::open(None, clock.clone(), 60, seed).unwrap();
        let net = MemoryNet::new();
        let (printer, robot) = (net.listen("printer"), net.listen("robot"));
        let (core, kitchen) = (outside.printer.clone(), outside.kitchen.clone());
        tokio::spawn(async move { core.listen(printer).await });
        tokio::spawn(async move { kitchen.listen(robot, Framing::Len32).await });

        let mut hq_config = HqConfig::at(folder.join("hq.db"));
        hq_config.threads = Threads::Inline;
        hq_config.accept_unknown = true;
        let hq = Hq::open(hq_config, clock.clone()).await.unwrap();
        let http = RouterHttp::new()
            .route("localhost:1", outside.bank.router())
            .route("localhost:2", outside.one_c.router())
            .route("localhost:3", outside.sms.router())
            .route("localhost:4", hq.router());
        let served = Served {
            bank: "localhost:1".to_owned(),
            one_c: "localhost:2".to_owned(),
            sms: "localhost:3".to_owned(),
            printer: "mem://printer".parse().unwrap(),
            robot: "mem://robot".parse().unwrap(),
        };
        let world = World {
            clock,
            entropy: Arc::new(SeededEntropy::new(seed)),
            dialer: Arc::new(net),
            http: Arc::new(http),
        };
        let printers = AtolPrinters::new(
            world.dialer.clone(),
            served.printer.clone(),
            galley_atol::AtolConfig::default(),
        );
        let driver = KlinkDriver::new(
            world.dialer.clone(),
            KlinkConfig::new(served.robot.clone(), "S001"),
            manual::ambient(&world),
        );
        let daemon = Daemon::start(Wiring {
            world,
            database: Options {
                path: folder.join("store.db"),
                vfs: None,
                threads: Threads::Inline,
                synchronous: Synchronous::Full,
            },
            policy: Policy {
                arms: 2,
                speed: 60,
                ..Policy::default()
            },
            catalog: Some(outside.catalog.clone()),
            zone: zone().unwrap(),
            name: Text::new("Т", "T", "T"),
            printer: Some((
                Arc::new(printers),
                FiscalSettings::default(),
                "mem://printer".to_owned(),
            )),
            robot: Some(RobotWiring::Driver(
                Arc::new(driver),
                "mem://robot".to_owned(),
            )),
            bank: Some(served.bank_config()),
            one_c: Some(served.one_c_config(&outside.catalog)),
            sms: Some(served.sms_config().unwrap()),
            sync: Some((
                SyncConfig {
                    url: Some("http://localhost:4".to_owned()),
                    ..SyncConfig::default()
                },
                Secret::new("test-store-token"),
            )),
            tokens: vec![(Secret::new(TOKEN), Role::Manager, "test".to_owned())],
        })
        .await
        .unwrap();
        Self {
            daemon,
            outside,
            hq,
            key: 0,
        }
    }

    async fn call(&mut self, method: &str, path: &str, body: Value) -> Value {
        self.key += 1;
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("idempotency-key", format!("key-{}", self.key))
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.daemon.api.router().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        assert!(status.is_success(), "{method} {path}: {status} {value}");
        value
    }

    /// Awaits the log, not the clock: looks again whenever something happened.
    async fn until(&mut self, what: &str, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut head = self.daemon.site.store.head();
        let limit = tokio::time::sleep(Duration::from_secs(1800));
        tokio::pin!(limit);
        loop {
            head.borrow_and_update();
            let seen = self.call("GET", path, Value::Null).await;
            if holds(&seen) {
                return seen;
            }
            tokio::select! {
                biased;
                changed = head.changed() => changed.unwrap(),
                () = &mut limit => panic!("waited in vain for {what}: {seen}"),
            }
        }
    }

    /// One order by QR code and one by card, to the plate; then the shift is closed and accounted for.
    async fn live(&mut self) {
        self.until("the robot", "devices", |d| {
            d["devices"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|d| d["state"] == "up")
                .count()
                == 2
        })
        .await;
        self.until("the bank", "store", |s| s["tenders"][0]["available"] == true)
            .await;
        for tender in ["sbp_qr", "card_terminal"] {
            let order = self
                .call(
                    "POST",
                    "orders",
                    json!({"language": "uz", "phone": "+79161234567",
                           "lines": [{"dish_id": "borscht", "quantity": 1}, {"dish_id": "mors", "quantity": 2}]}),
                )
                .await;
            let id = order["id"].as_str().unwrap().to_owned();
            let payment = self
                .call("POST", &format!("orders/{id}/payments"), json!({"tender": tender}))
                .await;
            let payment = payment["id"].as_str().unwrap().to_owned();
            if tender == "sbp_qr" {
                self.until("the QR code", &format!("payments/{payment}"), |p| {
                    p["qr"].is_object()
                })
                .await;
                self.outside.bank.pay_newest().unwrap();
            } else {
                let body = json!({"result": "approved", "external_id": "1"});
                self.call("POST", &format!("payments/{payment}/result"), body)
                    .await;
            }
            self.until("the dishes", &format!("orders/{id}"), |o| o["state"] == "ready")
                .await;
            self.call("POST", &format!("orders/{id}/hand-over"), json!({}))
                .await;
        }
        self.call("POST", "shift/close", json!({})).await;
        self.until("exact books", "reconcile", |r| {
            r["exact"] == true && r["totals"]["accounting_minor"] == 118_000
        })
        .await;
    }

    async fn log(&self) -> Vec<LogEntry> {
        self.daemon
            .site
            .store
            .read(|s| -> Result<_, StoreError> {
                s.verify_log()?;
                s.events_after(0, 100_000)
            })
            .await
            .unwrap()
    }
}

fn live_from(seed: u64) -> Vec<LogEntry> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path(), seed).await;
        rig.live().await;
        let receipts = rig.outside.printer.receipts();
        assert_eq!(receipts.len(), 2);
        assert_eq!(rig.outside.bank.charges(), 1);
        assert!(rig.outside.kitchen.dishes().values().all(|d| d.plated == 1));
        assert_eq!(rig.outside.kitchen.dishes().len(), 6);
        let _ = rig.hq.stores().await.unwrap();
        let log = rig.log().await;
        rig.daemon.stop().await;
        log
    })
}

#[test]
fn the_same_seed_gives_the_same_log_byte_for_byte() {
    let (first, second) = (live_from(7), live_from(7));
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a, b, "the two lives part at event {}", a.seq);
    }
    assert_eq!(first.len(), second.len());
    assert!(first.len() > 50, "{} events", first.len());
}

#[test]
fn another_seed_gives_other_ids() {
    assert_ne!(
        live_from(7).last().map(|e| e.hash),
        live_from(8).last().map(|e| e.hash)
    );
}
