//! A cashier's whole day through a real gateway on either make of printer: a store, `galley fiscal-gateway` as a process
//! of its own, and a printer on TCP, with paper that ends, a cable that is pulled in the middle of a receipt, a printer
//! that loses its power, and boxes that are switched off. The drive has exactly the documents that were asked for, and
//! the shift's report agrees with the printer to the kopeck.

#![cfg(feature = "emulators")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

use bytes::Bytes;
use galley::{
    api::Role,
    config::load_catalog,
    devices::fiscal::FiscalSettings,
    domain::{
        event::{Actor, Body},
        policy::Policy,
        stock::Movement,
        text::Text,
    },
    flow::record::record,
    gateway::client::GatewayPrinters,
    run::{Daemon, Wiring},
    store::Options,
    world::{Http as _, ReqwestHttp, Secret, World},
};
use galley_atol::emulator as atol;
use galley_link::Listener;
use galley_shtrih_m::emulator as shtrih;
use http::{Method, Request, header};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

const TOKEN: &str = "store-token";
/// A test that lasts longer hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// Documents of the law by their form: opening, receipt, closing, correction.
const FORMS: [u8; 4] = [2, 3, 5, 31];

/// What goes wrong in the middle of a document.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    PaperOut,
    PaperEnds { registered: bool },
    Cable { carried_out: bool },
    Power { carried_out: bool },
    GatewayOff { after_ms: u64 },
    StoreOff,
}

const DAY: [Trouble; 11] = [
    Trouble::None,
    Trouble::PaperOut,
    Trouble::PaperEnds { registered: true },
    Trouble::PaperEnds { registered: false },
    Trouble::Cable { carried_out: true },
    Trouble::Cable { carried_out: false },
    Trouble::Power { carried_out: true },
    Trouble::Power { carried_out: false },
    Trouble::GatewayOff { after_ms: 60 },
    Trouble::GatewayOff { after_ms: 250 },
    Trouble::StoreOff,
];

/// A document as the drive keeps it: form, sign of settlement, total, key.
type Kept = (u8, Option<u8>, u64, Option<String>);

/// The printer on the desk.
enum Till {
    Atol(atol::AtolEmulator),
    Shtrih(shtrih::ShtrihEmulator),
}

impl Till {
    /// A printer that takes some time for each document, and where it is.
    async fn new(make: &str) -> (Self, &'static str, SocketAddr) {
        let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let at = listener.local_addr().unwrap();
        if make == "atol" {
            let config = atol::EmulatorConfig {
                durations: atol::Durations {
                    close_receipt_ms: 200,
                    ..atol::Durations::none()
                },
                ..atol::EmulatorConfig::default()
            };
            let noon = galley_atol::local_time::LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
            let clock = Arc::new(atol::TokioClock::starting(noon));
            let printer = atol::AtolEmulator::open(None, config, clock).unwrap();
            let core = printer.clone();
            tokio::spawn(async move { core.listen(listener).await });
            return (Self::Atol(printer), "atol_native", at);
        }
        let config = shtrih::EmulatorConfig {
            durations: shtrih::Durations {
                close_receipt_ms: 200,
                ..shtrih::Durations::none()
            },
            ..shtrih::EmulatorConfig::default()
        };
        let noon = galley_shtrih_m::local_time::LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
        let clock = Arc::new(shtrih::TokioClock::starting(noon));
        let printer = shtrih::ShtrihEmulator::open(None, config, clock).unwrap();
        let core = printer.clone();
        tokio::spawn(async move { core.listen(listener).await });
        (Self::Shtrih(printer), "shtrih_m", at)
    }

    fn set(&self, trouble: Trouble) {
        match self {
            Self::Atol(printer) => {
                use atol::{Fault, Times};
                let fault = match trouble {
                    Trouble::PaperOut => Fault::PaperOut,
                    Trouble::PaperEnds { registered } => Fault::PaperEnds { registered },
                    Trouble::Cable { carried_out } => Fault::LinkLost { carried_out },
                    Trouble::Power { carried_out } => Fault::PowerCut { carried_out },
                    _ => return,
                };
                printer.set_fault(fault, Times::Once);
            }
            Self::Shtrih(printer) => {
                use shtrih::{Fault, Times};
                let fault = match trouble {
                    Trouble::PaperOut => Fault::PaperOut,
                    Trouble::PaperEnds { registered } => Fault::PaperEnds { registered },
                    Trouble::Cable { carried_out } => Fault::LinkLost { carried_out },
                    Trouble::Power { carried_out } => Fault::PowerCut { carried_out },
                    _ => return,
                };
                printer.set_fault(fault, Times::Once);
            }
        }
    }

    /// Whether what was set has struck.
    fn has_struck(&self, trouble: Trouble) -> bool {
        let (powered, paper) = match self {
            Self::Atol(printer) => {
                let now = printer.snapshot();
                (now.powered, now.paper)
            }
            Self::Shtrih(printer) => {
                let now = printer.snapshot();
                (now.powered, now.paper)
            }
        };
        match trouble {
            Trouble::Power { .. } => !powered,
            Trouble::PaperOut | Trouble::PaperEnds { .. } => !paper,
            _ => true,
        }
    }

    /// What a person does: paper in, power on.
    fn repair(&self) {
        match self {
            Self::Atol(printer) => {
                use atol::{Fault, Times};
                printer.set_fault(Fault::PaperBack, Times::Once);
                if !printer.snapshot().powered {
                    printer.restart();
                }
            }
            Self::Shtrih(printer) => {
                use shtrih::{Fault, Times};
                printer.set_fault(Fault::PaperBack, Times::Once);
                if !printer.snapshot().powered {
                    printer.restart();
                }
            }
        }
    }

    /// What the drive keeps of the day, in order.
    fn kept(&self) -> Vec<Kept> {
        let all: Vec<Kept> = match self {
            Self::Atol(printer) => printer
                .documents()
                .into_iter()
                .map(|d| (d.kind, d.operation, d.total_minor, d.key))
                .collect(),
            Self::Shtrih(printer) => printer
                .documents()
                .into_iter()
                .map(|d| {
                    let key = d.text(1192);
                    (d.kind, d.operation, d.total_minor, key)
                })
                .collect(),
        };
        all.into_iter().filter(|d| FORMS.contains(&d.0)).collect()
    }
}

struct Shop {
    folder: tempfile::TempDir,
    till: Till,
    gateway: String,
    http: ReqwestHttp,
    child: Option<Child>,
    store: Option<(Daemon, String)>,
    asked: u32,
}

impl Shop {
    async fn open(make: &str) -> Self {
        // The binary does it for itself; a client in this process needs it too.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let credentials = folder.path().join("credentials");
        fs::create_dir(&credentials).unwrap();
        fs::write(credentials.join("store"), TOKEN).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap();
        drop(free);
        let (till, kind, at) = Till::new(make).await;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "[gateway]\nlisten = \"{listen}\"\nsocket = \"{}\"\njournal = \"{}\"\ncredentials = \"{}\"\n\
             [[gateway.tokens]]\nname = \"store\"\nrole = \"technician\"\ncredential = \"store\"\n\
             [[gateway.printers]]\nid = \"kkt\"\nkind = \"{kind}\"\naddress = \"tcp://{at}\"\n",
            path("gateway.sock"),
            path("journal.db"),
            credentials.display(),
        );
        fs::write(folder.path().join("gateway.toml"), config).unwrap();
        let mut shop = Self {
            folder,
            till,
            gateway: format!("http://{listen}"),
            http: ReqwestHttp::new().unwrap(),
            child: None,
            store: None,
            asked: 0,
        };
        shop.gateway_on().await;
        shop.store_on().await;
        shop
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn gateway_on(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.file("log"))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_galley"))
            .arg("fiscal-gateway")
            .arg("--config")
            .arg(self.file("gateway.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let until = Instant::now() + LIMIT;
        let url = format!("{}/healthz", self.gateway);
        while self
            .send(Method::GET, &url, None, "")
            .await
            .is_none_or(|(status, _)| status != 200)
        {
            let log = fs::read_to_string(self.file("log")).unwrap_or_default();
            assert!(Instant::now() < until, "it never comes up: {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn gateway_off(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }

    async fn store_on(&mut self) {
        let world = World::system().unwrap();
        let secret = Secret::new(TOKEN);
        let factory = GatewayPrinters::new(world.http.clone(), &self.gateway, "kkt", secret);
        let catalog = load_catalog(Path::new("src/demo/menu.toml")).unwrap();
        let movements = catalog
            .ingredients
            .iter()
            .map(|i| Movement::receive(&i.id, 1 << 40).unwrap())
            .collect();
        let first = !self.file("store.db").exists();
        let daemon = Daemon::start(Wiring {
            world,
            database: Options::at(self.file("store.db")),
            policy: Policy {
                accounting: false,
                messages: false,
                bank: false,
                ..Policy::default()
            },
            catalog: Some(catalog),
            zone: jiff::tz::TimeZone::UTC,
            name: Text::default(),
            pictures: None,
            printer: Some((
                Arc::new(factory),
                FiscalSettings {
                    cashier: Some("Иванова".to_owned()),
                    ..FiscalSettings::default()
                },
                self.gateway.clone(),
            )),
            slip_printers: Vec::new(),
            robot: None,
            bank: None,
            one_c: None,
            sms: None,
            sync: None,
            brokers: Arc::new(galley::sync::broker::Mqtt),
            tokens: vec![(Secret::new(TOKEN), Role::Manager, "anna".to_owned())],
            keeping: galley::flow::keep::Keeping::default(),
            doors: galley::api::Doors::new(Secret::new("a secret of the test")),
        })
        .await
        .unwrap();
        if first {
            daemon
                .site
                .command(Actor::system(), |tx, cx| {
                    record(tx, cx, None, Body::StockMoved { movements })
                })
                .await
                .unwrap();
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/v1", listener.local_addr().unwrap());
        let router = daemon.api.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        self.store = Some((daemon, base));
    }

    async fn store_off(&mut self) {
        if let Some((daemon, _)) = self.store.take() {
            daemon.kill().await;
        }
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        key: &str,
    ) -> Option<(u16, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header("idempotency-key", key)
            .body(Bytes::from(
                body.map(ToString::to_string).unwrap_or_default(),
            ))
            .unwrap();
        let answer = self.http.send(request, LIMIT).await.ok()?;
        let value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        Some((answer.status().as_u16(), value))
    }

    fn at_store(&self, path: &str) -> String {
        format!("{}/{path}", self.store.as_ref().unwrap().1)
    }

    async fn get(&self, path: &str) -> Value {
        let url = self.at_store(path);
        let (status, value) = self.send(Method::GET, &url, None, "look").await.unwrap();
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.asked += 1;
        let key = format!("ask-{}", self.asked);
        let url = self.at_store(path);
        let (status, value) = self
            .send(Method::POST, &url, Some(&body), &key)
            .await
            .unwrap();
        assert!((200..300).contains(&status), "{path}: {status} {value}");
        value
    }

    /// Waits until what `path` shows is as `is` wants it.
    async fn until(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LIMIT;
        loop {
            let now = self.get(path).await;
            if is(&now) {
                return now;
            }
            let log = fs::read_to_string(self.file("log")).unwrap_or_default();
            assert!(Instant::now() < until, "{path}: {now:#}\n{log}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A guest pays, and the trouble comes while the receipt is on its way. The order's id and total.
    async fn sell(&mut self, card: bool, trouble: Trouble) -> (String, u64) {
        let wish = json!({"language": "ru", "service": "here", "lines": [{"dish_id": "plov", "quantity": 1}]});
        let order = self.post("orders", wish).await;
        let id = order["id"].as_str().unwrap().to_owned();
        let tender = if card { "card_terminal" } else { "cash" };
        let payment = self
            .post(&format!("orders/{id}/payments"), json!({"tender": tender}))
            .await;
        let payment_id = payment["id"].as_str().unwrap().to_owned();
        self.till.set(trouble);
        if card {
            let path = format!("payments/{payment_id}/result");
            let said = json!({"result": "approved", "external_id": format!("t-{payment_id}"),
                "amount_minor": order["total_minor"]});
            self.post(&path, said).await;
        } else {
            let path = format!("payments/{payment_id}/confirm");
            self.post(&path, json!({})).await;
        }
        self.live_through(trouble).await;
        let path = format!("orders/{id}");
        self.until(&path, |o| o["receipts"][0]["state"] == "registered")
            .await;
        (id, order["total_minor"].as_u64().unwrap())
    }

    async fn live_through(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::GatewayOff { after_ms } => {
                sleep(Duration::from_millis(after_ms)).await;
                self.gateway_off().await;
                self.gateway_on().await;
            }
            Trouble::StoreOff => {
                sleep(Duration::from_millis(100)).await;
                self.store_off().await;
                self.store_on().await;
            }
            trouble => {
                let until = Instant::now() + LIMIT;
                while !self.till.has_struck(trouble) {
                    assert!(Instant::now() < until, "{trouble:?} never strikes");
                    sleep(Duration::from_millis(20)).await;
                }
                sleep(Duration::from_millis(100)).await;
                self.till.repair();
            }
        }
    }
}

async fn a_day(make: &str) {
    let mut shop = Shop::open(make).await;
    shop.post("shift/open", json!({})).await;
    shop.until("shift", |s| s["state"] == "open").await;
    let float = json!({"direction": "in", "sum_minor": 500_000, "who": "Анна", "why": "размен"});
    shop.post("shift/cash", float).await;
    let mut sold = Vec::new();
    for (n, trouble) in DAY.into_iter().enumerate() {
        sold.push(shop.sell(n % 3 == 2, trouble).await);
    }
    // One guest gets the money back; the gateway is switched off in the middle.
    let (regretted, given_back) = sold[0].clone();
    let path = format!("orders/{regretted}/refunds");
    let refund = shop.post(&path, json!({"reason": "остыло"})).await;
    let path = format!("refunds/{}/confirm", refund["refunds"][0].as_str().unwrap());
    shop.post(&path, json!({})).await;
    shop.live_through(Trouble::GatewayOff { after_ms: 60 })
        .await;
    let path = format!("orders/{regretted}");
    shop.until(&path, |o| {
        let receipts = o["receipts"].as_array().unwrap();
        receipts.len() == 2 && receipts.iter().all(|r| r["state"] == "registered")
    })
    .await;
    // A sale went past the till.
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let missed = json!({"sum_minor": 12_345, "tender": "cash", "vat": "none", "name": "Чай",
        "date": day.date().to_string(), "who": "Анна Петрова", "why": "касса не печатала"});
    shop.post("shift/correction", missed).await;
    shop.live_through(Trouble::StoreOff).await;
    let out = json!({"direction": "out", "sum_minor": 100_050, "who": "Анна", "why": "инкассация"});
    shop.post("shift/cash", out).await;
    shop.post("shift/x-report", json!({})).await;
    shop.live_through(Trouble::GatewayOff { after_ms: 100 })
        .await;
    shop.until("shift/report", |r| {
        r["corrections"]["count"] == 1
            && r["drawer"]["moves"].as_array().unwrap().len() == 2
            && r["end"].is_object()
    })
    .await;
    shop.post("shift/close", json!({})).await;
    shop.live_through(Trouble::GatewayOff { after_ms: 60 })
        .await;
    shop.until("shift", |s| s["state"] == "closed").await;

    // The drive has what was asked for, in its order, and nothing else.
    let kept = shop.till.kept();
    let mut wanted: Vec<(u8, Option<u8>, u64)> = vec![(2, None, 0)];
    wanted.extend(sold.iter().map(|(_, total)| (3, Some(1), *total)));
    wanted.push((3, Some(2), given_back));
    wanted.push((31, None, 12_345));
    wanted.push((5, None, 0));
    let found: Vec<_> = kept
        .iter()
        .map(|(form, sign, total, _)| {
            let receipt = matches!(form, 3 | 31);
            // Makes differ in what they note of a correction here.
            (
                *form,
                sign.filter(|_| *form == 3),
                if receipt { *total } else { 0 },
            )
        })
        .collect();
    assert_eq!(found, wanted, "{make}");
    let mut keys = BTreeSet::new();
    for (id, _) in &sold {
        let order = shop.get(&format!("orders/{id}")).await;
        for receipt in order["receipts"].as_array().unwrap() {
            keys.insert(receipt["key"].as_str().unwrap().to_owned());
        }
    }
    let receipts = kept.iter().filter(|d| d.0 == 3);
    let printed: Vec<String> = receipts.filter_map(|d| d.3.clone()).collect();
    assert_eq!(printed.len(), keys.len(), "{make}");
    assert_eq!(printed.into_iter().collect::<BTreeSet<_>>(), keys, "{make}");

    // The report is of the closed shift, and the two sides agree to the kopeck.
    let report = shop.get("shift/report").await;
    let sum: u64 = sold.iter().map(|(_, total)| total).sum();
    assert_eq!(report["differences"], json!([]), "{make}: {report:#}");
    assert_eq!(report["state"], "closed");
    assert_eq!(report["returns"]["sum_minor"].as_u64(), Some(given_back));
    assert_eq!(report["corrections"]["sum_minor"], 12_345);
    let sales = report["sales"]["sum_minor"].as_u64().unwrap();
    assert!([sum, sum + 12_345].contains(&sales), "{make}: {report:#}");
    assert_eq!(
        report["end"]["drawer"]["cash_minor"], report["drawer"]["expected_minor"],
        "{make}: {report:#}"
    );
    if let Some((daemon, _)) = shop.store.take() {
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cashiers_day_with_every_trouble_on_an_atol_gives_the_documents_that_were_asked_for() {
    a_day("atol").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cashiers_day_with_every_trouble_on_a_shtrikh_gives_the_documents_that_were_asked_for() {
    a_day("shtrih").await;
}
