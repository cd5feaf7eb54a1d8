//! A store with everything outside in memory, on a runtime with paused time.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "every test looks at another part of it")]

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use galley::{
    api::Role,
    demo::outside::{Outside, Served, zone},
    devices::{fiscal::FiscalSettings, manual},
    domain::{policy::Policy, text::Text, time::Timestamp},
    hq::{Hq, HqConfig, Place},
    run::{Daemon, RobotWiring, Wiring},
    store::{Options, Synchronous, Threads},
    sync::{Mqtt, SyncConfig},
    world::{Clock, RouterHttp, RuntimeClock, Secret, SeededEntropy, World},
};
use galley_atol::AtolPrinters;
use galley_link::MemoryNet;
use galley_moley::{
    Framing, KlinkConfig, KlinkDriver,
    emulator::{EmulatorConfig, KitchenEmulator},
};
use galley_robot::Ambient;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use tower::ServiceExt as _;

const TOKEN: &str = "test-manager";
/// How much faster than its tech cards the kitchen cooks.
const SPEED: u32 = 60;

/// A store with everything outside in memory.
pub struct Rig {
    pub daemon: Daemon,
    pub outside: Outside,
    /// The kitchen that cooks: with as many hand-over places as asked for.
    pub kitchen: KitchenEmulator,
    pub hq: Hq,
    /// What the store's requests go to, by address.
    pub http: RouterHttp,
    key: u32,
}

impl Rig {
    /// Opens it; with so many hand-over places at the robot.
    pub async fn start(folder: &Path, seed: u64, places: u32) -> Self {
        Self::start_with(folder, seed, places, |_| {}).await
    }

    /// Opens one that is wired otherwise.
    pub async fn start_with(
        folder: &Path,
        seed: u64,
        places: u32,
        otherwise: impl FnOnce(&mut Wiring),
    ) -> Self {
        // A Sunday noon; nothing depends on it.
        let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(
            1_795_338_000_000,
        )));
        let outside = Outside::open(None, clock.clone(), SPEED, 12, seed).unwrap();
        let net = MemoryNet::new();
        let (printer, robot) = (net.listen("printer"), net.listen("robot"));
        let ambient = {
            let clock = clock.clone();
            Ambient::new(move || clock.now().as_millis(), || 0)
        };
        let mut setup = EmulatorConfig {
            speed: SPEED,
            auto_production: true,
            stock_portions: 50,
            max_jobs: 8,
            ..EmulatorConfig::new(seed, ambient)
        };
        for (name, n) in [("arm", 2), ("hob", 6), ("oven", 3), ("slot", places)] {
            setup.equipment.insert(name.to_owned(), n);
        }
        let kitchen = KitchenEmulator::open(None, setup).unwrap();
        let (core, cell) = (outside.printer.clone(), kitchen.clone());
        tokio::spawn(async move { core.listen(printer).await });
        tokio::spawn(async move { cell.listen(robot, Framing::Len32).await });

        let mut hq_config = HqConfig::on(Place::Sqlite(Options {
            threads: Threads::Inline,
            ..Options::at(folder.join("hq.db"))
        }));
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
            slips: "mem://slips".parse().unwrap(),
            robot: "mem://robot".parse().unwrap(),
        };
        let world = World {
            clock,
            entropy: Arc::new(SeededEntropy::new(seed)),
            dialer: Arc::new(net),
            http: Arc::new(http.clone()),
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
        let mut wiring = Wiring {
            world,
            database: Options {
                path: folder.join("store.db"),
                vfs: None,
                threads: Threads::Inline,
                synchronous: Synchronous::Full,
            },
            policy: Policy {
                arms: 2,
                places,
                speed: SPEED,
                ..Policy::default()
            },
            catalog: Some(outside.catalog.clone()),
            zone: zone().unwrap(),
            name: Text::new("Т", "T", "T"),
            pictures: None,
            printer: Some((
                Arc::new(printers),
                FiscalSettings {
                    cashier: Some("Test".to_owned()),
                    ..FiscalSettings::default()
                },
                "mem://printer".to_owned(),
            )),
            slip_printers: Vec::new(),
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
            down: None,
            brokers: Arc::new(Mqtt),
            points: galley::run::Points::House,
            tokens: vec![(Secret::new(TOKEN), Role::Manager, "test".to_owned())],
            keeping: galley::flow::keep::Keeping::default(),
            doors: galley::api::Doors::new(Secret::new("a secret of the test")),
        };
        otherwise(&mut wiring);
        let daemon = Daemon::start(wiring).await.unwrap();
        Self {
            daemon,
            outside,
            kitchen,
            hq,
            http,
            key: 0,
        }
    }

    /// One request, which succeeds.
    pub async fn call(&mut self, method: &str, path: &str, body: Value) -> Value {
        let (status, value) = self.send(method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {value}");
        value
    }

    /// One request, and whatever is answered.
    pub async fn send(&mut self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
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
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The key of the last request, as the store knows it.
    pub fn last_key(&self) -> String {
        format!("manager:test:key-{}", self.key)
    }

    /// Awaits the log, not the clock: looks again whenever something happened.
    pub async fn until(&mut self, what: &str, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
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

    /// Places an order of one dish of each kind and pays it by card; answers its id.
    pub async fn order(&mut self, dishes: &[&str]) -> String {
        let lines: Vec<Value> = dishes
            .iter()
            .map(|d| json!({"dish_id": d, "quantity": 1}))
            .collect();
        let order = json!({"language": "en", "service": "here", "lines": lines});
        let order = self.call("POST", "orders", order).await;
        let id = order["id"].as_str().unwrap().to_owned();
        let tender = json!({"tender": "card_terminal"});
        let path = format!("orders/{id}/payments");
        let payment = self.call("POST", &path, tender).await;
        let path = format!("payments/{}/result", payment["id"].as_str().unwrap());
        let paid = json!({"result": "approved", "external_id": id});
        self.call("POST", &path, paid).await;
        id
    }

    /// Waits until there is an alert with this id, or none.
    pub async fn alert(&mut self, id: &str, there: bool) -> Option<Value> {
        let find = |a: &Value| {
            let mut open = a["alerts"].as_array().unwrap().iter();
            open.find(|a| a["id"] == id).cloned()
        };
        let seen = self
            .until(id, "alerts", |a| find(a).is_some() == there)
            .await;
        find(&seen)
    }

    /// Waits until robot, printer and bank are there.
    pub async fn opened(&mut self) {
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
        self.until("the bank", "store", |s| {
            s["tenders"][0]["available"] == true
        })
        .await;
    }
}
