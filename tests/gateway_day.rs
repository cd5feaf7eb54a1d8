//! A cashier's whole day through a real gateway on either make of printer: a store, `galley fiscal-gateway` as a process
//! of its own, and a printer on TCP, with paper that ends, a cable that is pulled in the middle of a receipt, a printer
//! that loses its power, and boxes that are switched off. The drive has exactly the documents that were asked for, and
//! the shift's report agrees with the printer to the kopeck.

#![cfg(feature = "emulators")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod till_rig;

use galley::{
    domain::policy::Policy,
    gateway::client::GatewayPrinters,
    world::{Secret, World},
};
use galley_atol::emulator as atol;
use galley_link::Listener;
use galley_shtrih_m::emulator as shtrih;
use http::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};
use till_rig::{Gateway, LIMIT, Parts, Shop as Store, ask, http};
use tokio::time::timeout;

const TOKEN: &str = "store-token";
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
    GatewayOff { registered: bool },
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
    Trouble::GatewayOff { registered: false },
    Trouble::GatewayOff { registered: true },
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

    /// Waits until what was set has struck: `before` documents were in the drive when it was set.
    async fn struck(&self, trouble: Trouble, before: usize) {
        // Paper that ends and power that fails show; a pulled cable is gone from what waits.
        let has =
            |powered: bool, paper: bool, waiting: bool, open: bool, documents: usize| match trouble
            {
                Trouble::None => true,
                Trouble::Power { .. } => !powered,
                Trouble::PaperOut | Trouble::PaperEnds { .. } => !paper,
                Trouble::Cable { .. } => !waiting,
                Trouble::GatewayOff { registered: true } => documents > before,
                Trouble::GatewayOff { registered: false } | Trouble::StoreOff => {
                    open || documents > before
                }
            };
        let there = async {
            match self {
                Self::Atol(printer) => {
                    let is = |s: &atol::Snapshot| {
                        has(
                            s.powered,
                            s.paper,
                            !s.faults.is_empty(),
                            s.receipt_open,
                            s.documents,
                        )
                    };
                    printer.until(is).await;
                }
                Self::Shtrih(printer) => {
                    let is = |s: &shtrih::Snapshot| {
                        has(
                            s.powered,
                            s.paper,
                            !s.faults.is_empty(),
                            s.receipt_open,
                            s.documents,
                        )
                    };
                    printer.until(is).await;
                }
            }
        };
        let struck = timeout(LIMIT, there).await;
        struck.unwrap_or_else(|_| panic!("{trouble:?} never strikes"));
    }

    fn documents(&self) -> usize {
        match self {
            Self::Atol(printer) => printer.snapshot().documents,
            Self::Shtrih(printer) => printer.snapshot().documents,
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
    gateway: Gateway,
    http: galley::world::ReqwestHttp,
    store: Option<Store>,
    asked: u32,
}

impl Shop {
    async fn open(make: &str) -> Self {
        let http = http();
        let folder = tempfile::tempdir().unwrap();
        let (till, kind, at) = Till::new(make).await;
        let printer = format!(
            "[[gateway.printers]]\nid = \"kkt\"\nkind = \"{kind}\"\naddress = \"tcp://{at}\"\n"
        );
        let tokens = [("store", "technician", TOKEN)];
        let mut shop = Self {
            gateway: Gateway::new(folder.path(), &tokens, &printer),
            folder,
            till,
            http,
            store: None,
            asked: 0,
        };
        shop.gateway.on().await;
        shop.store_on().await;
        shop
    }

    async fn store_on(&mut self) {
        let http = World::system().unwrap().http;
        let secret = Secret::new(TOKEN);
        let factory = GatewayPrinters::new(http, &self.gateway.base, "kkt", secret);
        let parts = Parts {
            database: self.folder.path().join("store.db"),
            policy: Policy::default(),
            printers: Arc::new(factory),
            address: self.gateway.base.clone(),
            cashier: "Иванова",
            token: TOKEN,
            menu: |_| {},
        };
        self.store = Some(Store::open(parts).await);
    }

    async fn store_off(&mut self) {
        if let Some(store) = self.store.take() {
            store.daemon.kill().await;
        }
    }

    fn at_store(&self, path: &str) -> String {
        format!("{}/{path}", self.store.as_ref().unwrap().base)
    }

    async fn get(&self, path: &str) -> Value {
        let url = self.at_store(path);
        let asked = ask(&self.http, Method::GET, &url, TOKEN, "look", None).await;
        let (status, value) = asked.unwrap();
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.asked += 1;
        let key = format!("ask-{}", self.asked);
        let url = self.at_store(path);
        let asked = ask(&self.http, Method::POST, &url, TOKEN, &key, Some(&body)).await;
        let (status, value) = asked.unwrap();
        assert!((200..300).contains(&status), "{path}: {status} {value}");
        value
    }

    /// Waits until what `path` shows is as `is` wants it.
    async fn until(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let look = async || {
            let now = self.get(path).await;
            if is(&now) { Ok(now) } else { Err(now) }
        };
        self.store.as_ref().unwrap().until(path, look).await
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
        let before = self.till.documents();
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
        self.live_through(trouble, before).await;
        let path = format!("orders/{id}");
        self.until(&path, |o| o["receipts"][0]["state"] == "registered")
            .await;
        (id, order["total_minor"].as_u64().unwrap())
    }

    /// Waits until the trouble is there, and has people do what they do. `before` documents were in the drive before.
    async fn live_through(&mut self, trouble: Trouble, before: usize) {
        self.till.struck(trouble, before).await;
        match trouble {
            Trouble::GatewayOff { .. } => self.gateway_falls().await,
            Trouble::StoreOff => {
                self.store_off().await;
                self.store_on().await;
            }
            _ => self.till.repair(),
        }
    }

    async fn gateway_falls(&mut self) {
        self.gateway.off().await;
        self.gateway.on().await;
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
    let before = shop.till.documents();
    shop.post(&path, json!({})).await;
    shop.live_through(Trouble::GatewayOff { registered: false }, before)
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
    let before = shop.till.documents();
    shop.post("shift/correction", missed).await;
    shop.live_through(Trouble::StoreOff, before).await;
    let out = json!({"direction": "out", "sum_minor": 100_050, "who": "Анна", "why": "инкассация"});
    shop.post("shift/cash", out).await;
    shop.post("shift/x-report", json!({})).await;
    shop.gateway_falls().await;
    shop.until("shift/report", |r| {
        r["corrections"]["count"] == 1
            && r["drawer"]["moves"].as_array().unwrap().len() == 2
            && r["end"].is_object()
    })
    .await;
    let before = shop.till.documents();
    shop.post("shift/close", json!({})).await;
    shop.live_through(Trouble::GatewayOff { registered: true }, before)
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
    if let Some(store) = shop.store.take() {
        store.daemon.stop().await;
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
