//! A store whose printer registers the format 1.2, and people at its HTTP door.

use crate::till_rig::{Parts, Shop, ask, http};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley::{
    domain::{
        marking::{Group, Marked},
        policy::Policy,
    },
    world::ReqwestHttp,
};
use galley_atol::web::{
    AtolWebConfig, AtolWebPrinters,
    emulator::{WebEmulator, WebEmulatorConfig},
};
use galley_fiscal::{LocalDateTime, PrinterFactory, emulator::TokioClock};
use galley_link::{Address, Listener, SystemDialer};
use galley_shtrih_m::{
    ShtrihConfig, ShtrihPrinters,
    emulator::{Durations, EmulatedDocument, EmulatorConfig, ShtrihEmulator},
};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

pub const TOKEN: &str = "manager-token";
pub const GTIN: &str = "04607010350246";
pub const EMAIL: &str = "anna.petrova@example.ru";

/// The printer on the desk: both register the format 1.2.
#[derive(Clone)]
pub enum Till {
    Shtrih(ShtrihEmulator),
    Web(WebEmulator),
}

/// A receipt as the drive keeps it: its sign of settlement, and the codes of its units.
pub type Kept = (Option<u8>, Vec<String>);

impl Till {
    /// What a document has, by its number.
    pub fn kept(&self, number: u64) -> Kept {
        match self {
            Self::Shtrih(printer) => {
                let mut all = printer.documents().into_iter();
                let found = all.find(|d| u64::from(d.number) == number).unwrap();
                (found.operation, units(&found))
            }
            Self::Web(server) => {
                let mut all = server.documents().into_iter();
                let found = all.find(|d| u64::from(d.number) == number).unwrap();
                let items = found.task["items"].as_array().unwrap().iter();
                let codes = items.filter_map(|item| item["imcParams"]["imc"].as_str());
                let codes = codes.map(|code| STANDARD.decode(code).unwrap());
                let codes = codes.map(|code| String::from_utf8(code).unwrap());
                (found.operation, codes.collect())
            }
        }
    }
}

pub struct Store {
    pub folder: tempfile::TempDir,
    pub till: Till,
    pub address: Address,
    pub policy: Policy,
    pub shop: Option<Shop>,
    pub http: ReqwestHttp,
    pub keys: u32,
}

/// A bottle's code with this serial.
pub fn bottle(serial: &str) -> String {
    format!("01{GTIN}21{serial:0>13}\u{1d}93dGVz")
}

/// The printer's clock goes as this machine's.
pub fn clock() -> Arc<TokioClock> {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let part = |n: i8| u8::try_from(n).unwrap();
    let start = LocalDateTime::new(
        u16::try_from(now.year()).unwrap(),
        part(now.month()),
        part(now.day()),
        part(now.hour()),
        part(now.minute()),
        part(now.second()),
    );
    Arc::new(TokioClock::starting(start.unwrap()))
}

impl Store {
    pub async fn open(change: impl FnOnce(&mut Policy)) -> Self {
        let config = EmulatorConfig {
            durations: Durations::default().divided_by(100),
            ..EmulatorConfig::default()
        };
        let printer = ShtrihEmulator::open(None, config, clock()).unwrap();
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap().to_string());
        let core = printer.clone();
        tokio::spawn(async move { core.listen(listener).await });
        Self::at(Till::Shtrih(printer), address, change).await
    }

    pub async fn web() -> Self {
        let server = WebEmulator::open(None, WebEmulatorConfig::default(), clock()).unwrap();
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap().to_string());
        let core = server.clone();
        tokio::spawn(async move { core.listen(listener).await });
        Self::at(Till::Web(server), address, |_| {}).await
    }

    pub async fn at(till: Till, address: Address, change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = Policy::default();
        change(&mut policy);
        let mut store = Self {
            folder: tempfile::tempdir().unwrap(),
            till,
            address,
            policy,
            shop: None,
            http: http(),
            keys: 0,
        };
        store.power_on().await;
        store
    }

    pub fn shtrih(&self) -> &ShtrihEmulator {
        match &self.till {
            Till::Shtrih(printer) => printer,
            Till::Web(_) => panic!("it is no Shtrikh-M"),
        }
    }

    pub async fn power_on(&mut self) {
        let (dialer, address) = (Arc::new(SystemDialer::default()), self.address.clone());
        let printers: Arc<dyn PrinterFactory> = match &self.till {
            Till::Shtrih(_) => Arc::new(ShtrihPrinters::new(
                dialer,
                address,
                ShtrihConfig::default(),
            )),
            Till::Web(_) => Arc::new(AtolWebPrinters::new(
                dialer,
                address,
                AtolWebConfig::default(),
                Arc::new({
                    let world = galley::world::World::system().unwrap();
                    move || world.new_id()
                }),
            )),
        };
        let shop = Shop::open(Parts {
            database: self.folder.path().join("store.db"),
            policy: self.policy.clone(),
            printers,
            address: self.address.to_string(),
            cashier: "Робот 1",
            token: TOKEN,
            menu: |catalog| {
                let drink = catalog.dishes.iter_mut().find(|d| d.id.0 == "mors");
                drink.unwrap().marked = Some(Marked {
                    group: Group::Drinks,
                    gtins: vec![GTIN.to_owned()],
                });
            },
        });
        self.shop = Some(shop.await);
        let law = self
            .until("the printer's facts", "devices/printer/law", |law| {
                law["facts"]["ffd"].is_string()
            })
            .await;
        assert_eq!(
            (&law["facts"]["ffd"], &law["facts"]["marking"]),
            (&json!("1.2"), &json!(true))
        );
    }

    pub async fn power_cut(&mut self) {
        self.shop.take().unwrap().daemon.kill().await;
        self.power_on().await;
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let url = format!("{}/{path}", self.shop.as_ref().unwrap().base);
        let asked = ask(&self.http, method, &url, TOKEN, key, body.as_ref()).await;
        asked.unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(Method::GET, path, "look", None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub async fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        self.send(Method::POST, path, &key, Some(body)).await
    }

    #[track_caller]
    pub fn done((status, body): (u16, Value)) -> Value {
        assert!((200..300).contains(&status), "{status}: {body}");
        body
    }

    #[track_caller]
    pub fn refused((status, body): (u16, Value), slug: &str) {
        assert_eq!(body["slug"], slug, "{status}: {body}");
    }

    pub async fn until(&self, what: &str, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let look = async || {
            // Before the first shift there is no report yet.
            let (status, seen) = self.send(Method::GET, path, "look", None).await;
            match status == 200 && is(&seen) {
                true => Ok(seen),
                false => Err(seen),
            }
        };
        self.shop.as_ref().unwrap().until(what, look).await
    }

    pub async fn place(&mut self, body: Value) -> String {
        let order = Self::done(self.post("orders", body).await);
        order["id"].as_str().unwrap().to_owned()
    }

    pub async fn drinks(&mut self, quantity: u32) -> String {
        self.place(json!({"language": "en", "lines": [{"dish_id": "mors", "quantity": quantity}]}))
            .await
    }

    pub async fn scan(&mut self, order: &str, codes: &[&str]) -> (u16, Value) {
        let codes: Vec<Value> = codes.iter().map(|c| json!({"code": c})).collect();
        self.post(&format!("orders/{order}/codes"), json!({"codes": codes}))
            .await
    }

    pub async fn pay(&mut self, order: &str) {
        let path = format!("orders/{order}/payments");
        let payment = Self::done(self.post(&path, json!({"tender": "cash"})).await);
        let path = format!("payments/{}/confirm", payment["id"].as_str().unwrap());
        Self::done(self.post(&path, json!({})).await);
    }

    /// All receipts of an order, when so many are registered.
    pub async fn receipts(&self, order: &str, count: usize) -> Vec<Value> {
        let registered = |order: &Value| -> Vec<Value> {
            let all = order["receipts"].as_array().unwrap().iter();
            all.filter(|r| r["state"] == "registered")
                .cloned()
                .collect()
        };
        let path = format!("orders/{order}");
        let seen = self
            .until("receipts", &path, |o| registered(o).len() >= count)
            .await;
        let found = registered(&seen);
        assert_eq!(found.len(), count, "{seen:#}");
        found
    }

    pub async fn sold(&mut self, body: Value) -> (String, EmulatedDocument) {
        let order = self.place(body).await;
        self.pay(&order).await;
        let receipts = self.receipts(&order, 1).await;
        (order, self.document(&receipts[0]))
    }

    pub fn document(&self, receipt: &Value) -> EmulatedDocument {
        let number = receipt["document_number"].as_u64().unwrap();
        let all = self.shtrih().documents().into_iter();
        let mut found = all.filter(|d| u64::from(d.number) == number);
        found.next().unwrap()
    }

    pub fn corrections(&self) -> Vec<EmulatedDocument> {
        let all = self.shtrih().documents().into_iter();
        all.filter(|d| d.kind == 31).collect()
    }

    pub async fn give_back(&mut self, order: &str) {
        let path = format!("orders/{order}/refunds");
        let made = Self::done(self.post(&path, json!({"reason": "cold"})).await);
        self.give_back_made(&made).await;
    }

    /// The money of refunds that were made goes back by hand.
    pub async fn give_back_made(&mut self, made: &Value) {
        for refund in made["refunds"].as_array().unwrap() {
            let path = format!("refunds/{}/confirm", refund.as_str().unwrap());
            Self::done(self.post(&path, json!({})).await);
        }
    }

    pub fn kept(&self, receipt: &Value) -> Kept {
        self.till.kept(receipt["document_number"].as_u64().unwrap())
    }

    pub async fn agrees(&self) -> Value {
        let report = self
            .until("the printer's counters", "shift/report", |r| {
                r["end"].is_object()
            })
            .await;
        assert_eq!(report["differences"], json!([]), "{report:#}");
        report
    }
}

pub fn units(document: &EmulatedDocument) -> Vec<String> {
    let marks = document.lines.iter().filter_map(|l| l.marking.clone());
    marks.map(|m| String::from_utf8(m).unwrap()).collect()
}
