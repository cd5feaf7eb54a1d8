//! A store with a printer that registers format 1.2, through its HTTP door: marked goods from the scan to the receipt and
//! back, wrong receipts put right by corrections, receipts to a guest's e-mail.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley::{
    api::Role,
    config::load_catalog,
    devices::fiscal::FiscalSettings,
    domain::{
        event::{Actor, Body},
        marking::{Answer, Group, Marked},
        policy::Policy,
        stock::Movement,
        text::Text,
    },
    flow::record::record,
    run::{Daemon, Wiring},
    store::Options,
    world::{Secret, World},
};
use galley_fiscal::{LocalDateTime, emulator::TokioClock};
use galley_link::{Address, Listener, SystemDialer};
use galley_shtrih_m::{
    ShtrihConfig, ShtrihPrinters,
    emulator::{Durations, EmulatedDocument, EmulatorConfig, ShtrihEmulator},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

const TOKEN: &str = "manager-token";
const LIMIT: Duration = Duration::from_secs(60);
const GTIN: &str = "04607010350246";
const EMAIL: &str = "anna.petrova@example.ru";

struct Store {
    folder: tempfile::TempDir,
    printer: ShtrihEmulator,
    address: Address,
    policy: Policy,
    daemon: Option<Daemon>,
    base: String,
    http: Client,
    keys: u32,
}

/// A bottle's code with this serial.
fn bottle(serial: &str) -> String {
    format!("01{GTIN}21{serial:0>13}\u{1d}93dGVz")
}

impl Store {
    async fn open(change: impl FnOnce(&mut Policy)) -> Self {
        let now: jiff::Zoned = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
        let part = |n: i8| u8::try_from(n).unwrap();
        let start = LocalDateTime::new(
            u16::try_from(now.year()).unwrap(),
            part(now.month()),
            part(now.day()),
            part(now.hour()),
            part(now.minute()),
            part(now.second()),
        );
        let config = EmulatorConfig {
            durations: Durations::default().divided_by(100),
            ..EmulatorConfig::default()
        };
        let clock = Arc::new(TokioClock::starting(start.unwrap()));
        let printer = ShtrihEmulator::open(None, config, clock).unwrap();
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap().to_string());
        let core = printer.clone();
        tokio::spawn(async move { core.listen(listener).await });
        let mut policy = Policy::default();
        change(&mut policy);
        let mut store = Self {
            folder: tempfile::tempdir().unwrap(),
            printer,
            address,
            policy,
            daemon: None,
            base: String::new(),
            http: Client::builder().no_proxy().build().unwrap(),
            keys: 0,
        };
        store.power_on().await;
        let all: Vec<Movement> = store
            .daemon
            .as_ref()
            .unwrap()
            .site
            .catalog()
            .ingredients
            .iter()
            .map(|i| Movement::receive(&i.id, 1 << 40).unwrap())
            .collect();
        store
            .daemon
            .as_ref()
            .unwrap()
            .site
            .command(Actor::system(), |tx, cx| {
                record(tx, cx, None, Body::StockMoved { movements: all })
            })
            .await
            .unwrap();
        store
    }

    async fn power_on(&mut self) {
        let mut catalog = load_catalog(Path::new("src/demo/menu.toml")).unwrap();
        let drink = catalog.dishes.iter_mut().find(|d| d.id.0 == "mors");
        drink.unwrap().marked = Some(Marked {
            group: Group::Drinks,
            gtins: vec![GTIN.to_owned()],
        });
        let printers = ShtrihPrinters::new(
            Arc::new(SystemDialer::default()),
            self.address.clone(),
            ShtrihConfig::default(),
        );
        let daemon = Daemon::start(Wiring {
            world: World::system().unwrap(),
            database: Options::at(self.folder.path().join("store.db")),
            policy: Policy {
                accounting: false,
                messages: false,
                bank: false,
                ..self.policy.clone()
            },
            catalog: Some(catalog),
            zone: jiff::tz::TimeZone::UTC,
            name: Text::default(),
            pictures: None,
            slip_printers: Vec::new(),
            printer: Some((
                Arc::new(printers),
                FiscalSettings {
                    cashier: Some("Робот 1".to_owned()),
                    ..FiscalSettings::default()
                },
                self.address.to_string(),
            )),
            robot: None,
            bank: None,
            one_c: None,
            sms: None,
            sync: None,
            brokers: Arc::new(galley::sync::broker::Mqtt),
            tokens: vec![(Secret::new(TOKEN), Role::Manager, "till".to_owned())],
            keeping: galley::flow::keep::Keeping::default(),
            doors: galley::api::Doors::new(Secret::new("a secret of the test")),
        })
        .await
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.base = format!("http://{}/api/v1", listener.local_addr().unwrap());
        let router = daemon.api.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        self.daemon = Some(daemon);
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

    async fn power_cut(&mut self) {
        self.daemon.take().unwrap().kill().await;
        self.power_on().await;
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self
            .http
            .request(method, format!("{}/{path}", self.base))
            .bearer_auth(TOKEN)
            .header("idempotency-key", key);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(Method::GET, path, "look", None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        self.send(Method::POST, path, &key, Some(body)).await
    }

    #[track_caller]
    fn done((status, body): (u16, Value)) -> Value {
        assert!((200..300).contains(&status), "{status}: {body}");
        body
    }

    #[track_caller]
    fn refused((status, body): (u16, Value), slug: &str) {
        assert_eq!(body["slug"], slug, "{status}: {body}");
    }

    async fn until(&self, what: &str, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let limit = Instant::now() + LIMIT;
        loop {
            // Before the first shift there is no report yet.
            let (status, seen) = self.send(Method::GET, path, "look", None).await;
            if status == 200 && is(&seen) {
                return seen;
            }
            assert!(
                Instant::now() < limit,
                "waited in vain for {what}: {seen:#}"
            );
            sleep(Duration::from_millis(25)).await;
        }
    }

    async fn place(&mut self, body: Value) -> String {
        let order = Self::done(self.post("orders", body).await);
        order["id"].as_str().unwrap().to_owned()
    }

    async fn drinks(&mut self, quantity: u32) -> String {
        self.place(json!({"language": "en", "lines": [{"dish_id": "mors", "quantity": quantity}]}))
            .await
    }

    async fn scan(&mut self, order: &str, codes: &[&str]) -> (u16, Value) {
        let codes: Vec<Value> = codes.iter().map(|c| json!({"code": c})).collect();
        self.post(&format!("orders/{order}/codes"), json!({"codes": codes}))
            .await
    }

    async fn pay(&mut self, order: &str) {
        let path = format!("orders/{order}/payments");
        let payment = Self::done(self.post(&path, json!({"tender": "cash"})).await);
        let path = format!("payments/{}/confirm", payment["id"].as_str().unwrap());
        Self::done(self.post(&path, json!({})).await);
    }

    /// All receipts of an order, when so many are registered.
    async fn receipts(&self, order: &str, count: usize) -> Vec<Value> {
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

    async fn sold(&mut self, body: Value) -> (String, EmulatedDocument) {
        let order = self.place(body).await;
        self.pay(&order).await;
        let receipts = self.receipts(&order, 1).await;
        (order, self.document(&receipts[0]))
    }

    fn document(&self, receipt: &Value) -> EmulatedDocument {
        let number = receipt["document_number"].as_u64().unwrap();
        let all = self.printer.documents().into_iter();
        let mut found = all.filter(|d| u64::from(d.number) == number);
        found.next().unwrap()
    }

    fn corrections(&self) -> Vec<EmulatedDocument> {
        let all = self.printer.documents().into_iter();
        all.filter(|d| d.kind == 31).collect()
    }

    async fn give_back(&mut self, order: &str) {
        let path = format!("orders/{order}/refunds");
        let made = Self::done(self.post(&path, json!({"reason": "cold"})).await);
        let path = format!("refunds/{}/confirm", made["refunds"][0].as_str().unwrap());
        Self::done(self.post(&path, json!({})).await);
    }

    async fn agrees(&self) -> Value {
        let report = self
            .until("the printer's counters", "shift/report", |r| {
                r["end"].is_object()
            })
            .await;
        assert_eq!(report["differences"], json!([]), "{report:#}");
        report
    }
}

/// Whether the ground of a correction (tag 1174) has this number (tag 1179) behind the day of the settlement (1178).
fn ordered_by(document: &EmulatedDocument, number: &str) -> bool {
    let ground = document.tag(1174).unwrap();
    let has = |part: &[u8]| ground.windows(part.len()).any(|found| found == part);
    let length = u8::try_from(number.len()).unwrap();
    let mut numbered = vec![0x9b, 0x04, length, 0];
    numbered.extend(number.bytes());
    has(&[0x9a, 0x04, 4, 0]) && has(&numbered)
}

fn units(document: &EmulatedDocument) -> Vec<String> {
    let marks = document.lines.iter().filter_map(|l| l.marking.clone());
    marks.map(|m| String::from_utf8(m).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marked_bottle_goes_from_the_scan_to_the_receipt_once_and_comes_back() {
    let mut store = Store::open(|_| {}).await;
    let menu = store.get("menu").await;
    let dish = |id: &str| {
        let all = menu["dishes"].as_array().unwrap().iter();
        all.clone().find(|d| d["id"] == id).unwrap().clone()
    };
    assert_eq!(
        (&dish("mors")["marked"], &dish("plov")["marked"]),
        (&json!(true), &Value::Null)
    );

    let order = store.drinks(2).await;
    let payments = format!("orders/{order}/payments");
    Store::refused(
        store.post(&payments, json!({"tender": "cash"})).await,
        "code_missing",
    );
    let (one, two) = (bottle("one"), bottle("two"));
    let seen = Store::done(store.scan(&order, &[&one]).await);
    assert_eq!(seen["lines"][0]["marked"]["missing"], 1);
    Store::refused(
        store.post(&payments, json!({"tender": "cash"})).await,
        "code_missing",
    );
    Store::refused(store.scan(&order, &[&one]).await, "bad_code");
    Store::refused(store.scan(&order, &["4607010350246"]).await, "bad_code");
    let elsewhere = store.drinks(1).await;
    Store::refused(store.scan(&elsewhere, &[&one]).await, "code_taken");
    // The wrong bottle is put back, and its code is free again.
    let third = bottle("three");
    Store::done(store.scan(&elsewhere, &[&third]).await);
    let cis = format!("01{GTIN}21{:0>13}", "three");
    let release = format!("orders/{elsewhere}/codes/release");
    Store::done(store.post(&release, json!({"cis": cis})).await);
    Store::done(store.scan(&elsewhere, &[&third]).await);
    Store::done(
        store
            .post(&format!("orders/{elsewhere}/cancel"), json!({}))
            .await,
    );
    let last = store.drinks(1).await;
    Store::done(store.scan(&last, &[&third]).await);
    // A scanner's bytes, symbology and all, as base64.
    let bytes = STANDARD.encode(format!("]d2{two}\r\n"));
    let path = format!("orders/{order}/codes");
    let seen = Store::done(
        store
            .post(&path, json!({"codes": [{"base64": bytes}]}))
            .await,
    );
    assert_eq!(seen["lines"][0]["marked"]["missing"], 0);
    store.power_cut().await;

    store.pay(&order).await;
    let receipts = store.receipts(&order, 1).await;
    let sale = store.document(&receipts[0]);
    assert_eq!(units(&sale), [one.clone(), two.clone()]);
    assert!(
        sale.lines
            .iter()
            .all(|l| l.subject == 33 && l.quantity_micro == 1_000_000)
    );
    Store::refused(store.scan(&last, &[&one]).await, "bad_code");
    let again = store.drinks(1).await;
    Store::refused(store.scan(&again, &[&one]).await, "code_taken");

    store.give_back(&order).await;
    let receipts = store.receipts(&order, 2).await;
    let back = store.document(&receipts[1]);
    assert_eq!(
        (back.operation, units(&back)),
        (Some(2), vec![one.clone(), two])
    );
    Store::done(store.scan(&again, &[&one]).await);
    store.pay(&again).await;
    let receipts = store.receipts(&again, 1).await;
    assert_eq!(units(&store.document(&receipts[0])), [one]);
    store.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_may_come_with_the_order_and_a_repeat_holds_them_once() {
    let mut store = Store::open(|_| {}).await;
    let code = bottle("a");
    let body = json!({"language": "en", "lines": [
        {"dish_id": "plov", "quantity": 1},
        {"dish_id": "mors", "quantity": 1, "codes": [{"code": code}]},
    ]});
    let place = async |store: &Store, key: &str| {
        store
            .send(Method::POST, "orders", key, Some(body.clone()))
            .await
    };
    let first = Store::done(place(&store, "k").await);
    assert_eq!(Store::done(place(&store, "k").await), first);
    Store::refused(place(&store, "other").await, "code_taken");
    let orders = store.get("orders").await;
    assert_eq!(
        orders["orders"].as_array().unwrap().len(),
        1,
        "nothing was placed"
    );
    let id = first["id"].as_str().unwrap().to_owned();
    store.pay(&id).await;
    let receipts = store.receipts(&id, 1).await;
    let sale = store.document(&receipts[0]);
    let subjects: Vec<u8> = sale.lines.iter().map(|l| l.subject).collect();
    assert_eq!((subjects, units(&sale)), (vec![1, 33], vec![code]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_printers_check_says_is_obeyed_as_configured() {
    let mut strict = Store::open(|_| {}).await;
    let order = strict.drinks(1).await;
    let forged = bottle("BAD");
    Store::refused(strict.scan(&order, &[&forged]).await, "code_refused");
    // Without the state's server the printer's own word does.
    strict.printer.set_ofd_connected(false);
    Store::done(strict.scan(&order, &[&bottle("offline")]).await);
    strict.pay(&order).await;
    strict.receipts(&order, 1).await;

    let mut lenient = Store::open(|p| p.law.marking.on_negative = Answer::Warn).await;
    let order = lenient.drinks(1).await;
    Store::done(lenient.scan(&order, &[&forged]).await);
    let alerts = lenient.get("alerts").await;
    let warned = alerts["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .any(|a| a["key"].as_str().is_some_and(|k| k.starts_with("marking:")));
    assert!(warned, "{alerts:#}");
    lenient.pay(&order).await;
    lenient.receipts(&order, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_receipt_is_taken_back_and_the_right_one_is_registered_through_power_cuts() {
    let mut store = Store::open(|_| {}).await;
    let plov = json!({"language": "en", "lines": [{"dish_id": "plov", "quantity": 1}]});
    let (order, wrong) = store.sold(plov).await;
    let key = store.receipts(&order, 1).await[0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("receipts/{key}/correction");
    let who = json!({"who": "Анна Петрова", "why": "не та ставка"});
    let with = |right: Value| {
        let mut body = who.clone();
        body["right"] = right;
        body
    };
    Store::refused(
        store
            .post("receipts/777777/correction", with(json!({})))
            .await,
        "not_found",
    );
    for same in [
        json!({}),
        json!({"lines": [{"line": 0, "price_minor": 1}]}),
        json!({"lines": [{"line": 7, "name": "x"}]}),
        json!({"tenders": [{"tender": "cash", "sum_minor": 5}]}),
        json!({"lines": [{"line": 0, "vat": "no such class"}]}),
    ] {
        Store::refused(store.post(&path, with(same)).await, "invalid");
    }
    let mut body = with(json!({
        "lines": [{"line": 0, "vat": "vat10", "name": "Плов чайханский"}],
        "tenders": [{"tender": "card_terminal", "sum_minor": 42_000}],
    }));
    body["prescription"] = json!({"number": "17-05/123", "date": "2026-01-10"});
    Store::done(store.post(&path, body.clone()).await);
    store.power_cut().await;
    let receipts = store.receipts(&order, 3).await;
    let (back, right) = (store.document(&receipts[1]), store.document(&receipts[2]));
    assert_eq!((back.kind, right.kind), (31, 31));
    assert_eq!((back.operation, right.operation), (Some(2), Some(1)));
    assert_eq!((back.total_minor, right.total_minor), (42_000, 42_000));
    assert_eq!(back.lines[0].vat, wrong.lines[0].vat);
    assert_ne!(right.lines[0].vat, wrong.lines[0].vat);
    assert_eq!(right.lines[0].name, "Плов чайханский");
    assert_ne!(right.tenders, back.tenders);
    for document in [&back, &right] {
        assert_eq!(document.text(1192), Some(wrong.sign.to_string()));
        assert_eq!(document.tag(1173), Some([1].as_slice()));
        assert!(ordered_by(document, "17-05/123"));
    }
    assert_eq!(receipts[1]["correction"]["wrong"]["takes_back"], true);
    assert_eq!(receipts[2]["correction"]["why"], "не та ставка");
    Store::refused(store.post(&path, body).await, "conflict");

    let report = store.agrees().await;
    assert_eq!(
        (
            &report["corrections"]["count"],
            &report["return_corrections"]["count"]
        ),
        (&json!(1), &json!(1))
    );
    assert_eq!(report["net_minor"], 42_000);
    let books = store.get("reconcile").await;
    assert_eq!(books["totals"]["receipted_minor"], 42_000, "{books:#}");
    assert_eq!(books["totals"]["returned_minor"], 0);
    let about_receipts = books["differences"]
        .as_array()
        .unwrap()
        .iter()
        .any(|d| d["what"].as_str().unwrap().contains("receipt"));
    assert!(!about_receipts, "{books:#}");

    // The new one can be wrong too, and a receipt can be one that should never have been.
    let path = format!("receipts/{}/correction", receipts[2]["document_number"]);
    Store::done(store.post(&path, with(Value::Null)).await);
    let receipts = store.receipts(&order, 4).await;
    let last = store.document(&receipts[3]);
    assert_eq!(last.text(1192), Some(right.sign.to_string()));
    // The money has no receipt now, and the books say so.
    let told = store.get("reconcile").await;
    assert_eq!(told["totals"]["receipted_minor"], 0, "{told:#}");
    store.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_without_an_order_is_corrected_by_the_tax_offices_order_and_again_when_it_was_wrong()
{
    let mut store = Store::open(|_| {}).await;
    let sale = json!({"sum_minor": 45_000, "tender": "cash", "vat": "none", "date": "2026-01-10", "name": "Плов",
        "who": "Анна", "why": "акт проверки", "prescription": {"number": "5", "date": "2026-01-20"}});
    let mut nameless = sale.clone();
    nameless["prescription"]["number"] = json!(" ");
    Store::refused(store.post("shift/correction", nameless).await, "invalid");
    let asked = Store::done(store.post("shift/correction", sale).await);
    store
        .until("the correction", "shift/report", |r| {
            r["corrections"]["count"] == 1
        })
        .await;
    let first = store.corrections().pop().unwrap();
    assert_eq!(first.tag(1173), Some([1].as_slice()));
    assert!(ordered_by(&first, "5"));
    let path = format!("receipts/{}/correction", asked["key"].as_str().unwrap());
    let right = json!({"who": "Анна", "why": "сумма", "right": {"lines": [{"line": 0, "price_minor": 54_000}]}});
    Store::done(store.post(&path, right).await);
    let report = store
        .until("both", "shift/report", |r| r["corrections"]["count"] == 2)
        .await;
    assert_eq!(
        (&report["net_minor"], &report["return_corrections"]["count"]),
        (&json!(54_000), &json!(1))
    );
    let documents = store.corrections();
    let right = documents.last().unwrap();
    assert_eq!(
        (right.total_minor, right.text(1192)),
        (54_000, Some(first.sign.to_string()))
    );
    assert_eq!(right.tag(1173), Some([0].as_slice()));
    store.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_has_the_receipt_by_mail_without_paper_and_the_log_does_not_know_where() {
    let mut store = Store::open(|_| {}).await;
    let shown = store.get("store").await;
    assert_eq!(shown["receipt_to"], json!(["paper", "sms", "email"]));
    let wish = |to: Value| json!({"language": "en", "receipt_to": to, "lines": [{"dish_id": "plov", "quantity": 1}]});
    for bad in [
        json!({"kind": "email"}),
        json!({"kind": "email", "address": "anna"}),
        json!({"kind": "sms", "address": "12"}),
    ] {
        Store::refused(store.post("orders", wish(bad)).await, "invalid");
    }
    let (order, document) = store
        .sold(wish(json!({"kind": "email", "address": EMAIL})))
        .await;
    assert_eq!(document.text(1008).as_deref(), Some(EMAIL));
    assert!(document.electronic);
    assert_eq!(
        store.get(&format!("orders/{order}")).await["receipt_to"],
        "email"
    );
    store.give_back(&order).await;
    let receipts = store.receipts(&order, 2).await;
    assert_eq!(
        store.document(&receipts[1]).text(1008).as_deref(),
        Some(EMAIL)
    );
    let log = store
        .get(&format!("orders/{order}/timeline"))
        .await
        .to_string();
    assert!(
        log.contains("order.receipt_wanted") && !log.contains(EMAIL),
        "{log}"
    );

    let (_, paper) = store.sold(wish(json!({"kind": "paper"}))).await;
    assert_eq!((paper.text(1008), paper.electronic), (None, false));
    let order = store.place(wish(json!({"kind": "paper"}))).await;
    let path = format!("orders/{order}/receipt-to");
    let phone = json!({"kind": "sms", "address": "8 916 123-45-67"});
    Store::done(store.post(&path, phone).await);
    store.pay(&order).await;
    let receipts = store.receipts(&order, 1).await;
    assert_eq!(
        store.document(&receipts[0]).text(1008).as_deref(),
        Some("+79161234567")
    );
}
