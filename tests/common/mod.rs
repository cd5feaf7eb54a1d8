//! A whole demonstration in this process, and people who know it by its public doors only.

#![allow(dead_code, reason = "each test file uses its own part")]

use galley::{
    demo::{Demo, Running},
    world::{Entropy as _, SystemEntropy},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{future::Future, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

pub const KIOSK: &str = "demo-kiosk";
pub const BOARD: &str = "demo-board";
pub const STAFF: &str = "demo-staff";
pub const TILL: &str = "demo-till";

/// Nothing here may take longer; a test that hangs fails.
const LIMIT: Duration = Duration::from_secs(90);
/// How often other processes' doors are looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Waits until `look` gives something; fails after the limit with the last thing that was seen.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let until = Instant::now() + LIMIT;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= until => panic!("waited in vain for {what}: {seen}"),
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub replayed: bool,
    pub body: Value,
}

impl Answer {
    /// The body, if the status is the one that is expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The body, if this is the problem document that is expected.
    #[track_caller]
    pub fn expect_problem(self, status: u16, slug: &str) -> Value {
        assert_eq!(
            (self.status, self.body["slug"].as_str()),
            (status, Some(slug)),
            "{}",
            self.body
        );
        assert_eq!(self.content_type, "application/problem+json");
        assert_eq!(
            self.body["type"],
            format!("https://galley.invalid/problems/{slug}")
        );
        assert_eq!(self.body["status"], status);
        for words in ["title", "detail"] {
            assert!(
                self.body[words].as_str().is_some_and(|w| !w.is_empty()),
                "{}",
                self.body
            );
        }
        self.body
    }
}

/// One store, all around it, and a client.
pub struct Shop {
    pub running: Running,
    pub http: Client,
    pub origin: String,
}

/// Names a thing by its id.
#[track_caller]
pub fn id(value: &Value) -> String {
    value["id"]
        .as_str()
        .unwrap_or_else(|| panic!("it has no id: {value}"))
        .to_owned()
}

/// A new Idempotency-Key.
pub fn key() -> String {
    Uuid::from_u128(SystemEntropy.next_u128()).to_string()
}

/// An order of one dish of each kind.
pub fn wish(dishes: &[&str]) -> Value {
    let lines: Vec<Value> = dishes
        .iter()
        .map(|d| json!({"dish_id": d, "quantity": 1}))
        .collect();
    json!({"language": "en", "service": "here", "lines": lines})
}

impl Shop {
    /// Opens a store whose kitchen works `speed` times faster than its tech cards say; returns when it sells.
    pub async fn open(speed: u32) -> Self {
        let running = Demo {
            data: None,
            speed,
            port: 0,
            broker: None,
            manual_robot: false,
            staff: false,
        }
        .start()
        .await
        .expect("a demonstration starts on any machine");
        let origin = running.addresses.store_api.clone();
        let shop = Self {
            running,
            http: Client::builder().no_proxy().build().unwrap(),
            origin,
        };
        eventually("the devices", async || {
            let devices = shop.get("devices", STAFF).await.body;
            let up = devices["devices"]
                .as_array()
                .is_some_and(|all| all.len() == 3 && all.iter().all(|d| d["state"] == "up"));
            if up { Ok(()) } else { Err(devices.to_string()) }
        })
        .await;
        shop.await_tender("sbp_qr", true).await;
        // The first levels come from the robot, a moment after its link is up.
        eventually("the first stock levels", async || {
            let stock = shop.get("stock", STAFF).await.body;
            let levels = stock["ingredients"].as_array();
            let there = levels.is_some_and(|all| {
                !all.is_empty() && all.iter().all(|l| l["on_hand"].as_i64() > Some(0))
            });
            if there {
                Ok(())
            } else {
                Err(stock.to_string())
            }
        })
        .await;
        shop
    }

    pub async fn close(self) {
        self.running.stop().await;
    }

    /// One request, as it stands; none when there was no answer at all.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> Option<Answer> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.origin))
            .timeout(Duration::from_secs(30));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let answer = request.send().await.ok()?;
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        let (content_type, replayed) = (
            header("content-type").unwrap_or_default(),
            header("idempotency-replayed").is_some(),
        );
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.ok()?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        Some(Answer {
            status,
            content_type,
            replayed,
            body,
        })
    }

    /// Repeats a request without an answer until the store has power again, as a good client does.
    async fn insist(
        &self,
        method: Method,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let path = format!("/api/v1/{path}");
        eventually(&path, async || {
            let body = body.map(|b| b.to_string().into_bytes());
            match self
                .send(method.clone(), &path, Some(token), key, body)
                .await
            {
                Some(a) if a.status != 502 && a.body["slug"] != "internal" => Ok(a),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.insist(Method::GET, path, token, None, None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.post_keyed(path, token, &key(), body).await
    }

    pub async fn post_keyed(&self, path: &str, token: &str, key: &str, body: &Value) -> Answer {
        self.insist(Method::POST, path, token, Some(key), Some(body))
            .await
    }

    /// The number of the last event in the log.
    pub async fn head(&self) -> u64 {
        let sync = self.get("sync", STAFF).await.expect(200);
        sync["readers"][0]["head"].as_u64().unwrap()
    }

    /// The demonstration's switches.
    pub async fn switch(&self, id: &str, on: bool) {
        let body = json!({"id": id, "on": on}).to_string().into_bytes();
        let path = "/demo/api/switch";
        let answer = self.send(Method::POST, path, None, None, Some(body)).await;
        answer.expect("the switches are there").expect(200);
    }

    pub async fn power_cut(&self) {
        self.switch("power", true).await;
    }

    /// What the demonstration's page shows.
    pub async fn state(&self) -> Value {
        let answer = self
            .send(Method::GET, "/demo/api/state", None, None, None)
            .await;
        answer.expect("the page is there").expect(200)
    }

    pub async fn await_tender(&self, tender: &str, available: bool) -> Value {
        eventually(tender, async || {
            let store = self.get("store", KIOSK).await.expect(200);
            let tenders = store["tenders"].as_array().unwrap();
            let found = tenders
                .iter()
                .find(|t| t["tender"] == tender)
                .unwrap()
                .clone();
            if found["available"] == available {
                Ok(found)
            } else {
                Err(found.to_string())
            }
        })
        .await
    }

    pub async fn place(&self, dishes: &[&str]) -> String {
        id(&self.post("orders", KIOSK, &wish(dishes)).await.expect(201))
    }

    pub async fn order(&self, order: &str) -> Value {
        self.get(&format!("orders/{order}"), STAFF)
            .await
            .expect(200)
    }

    /// Begins a payment of all that is due.
    pub async fn start_payment(&self, order: &str, tender: &str) -> String {
        let path = format!("orders/{order}/payments");
        id(&self
            .post(&path, KIOSK, &json!({"tender": tender}))
            .await
            .expect(201))
    }

    pub async fn await_payment(&self, payment: &str, state: &str) -> Value {
        eventually(&format!("the payment to be {state}"), async || {
            let seen = self
                .get(&format!("payments/{payment}"), KIOSK)
                .await
                .expect(200);
            if seen["state"] == state {
                Ok(seen)
            } else {
                Err(seen.to_string())
            }
        })
        .await
    }

    pub async fn await_order(&self, order: &str, states: &[&str]) -> Value {
        eventually(&format!("the order to be one of {states:?}"), async || {
            let seen = self.order(order).await;
            if states.iter().any(|s| seen["state"] == *s) {
                Ok(seen)
            } else {
                Err(seen.to_string())
            }
        })
        .await
    }

    /// The guest's phone pays what the code of this order says.
    pub async fn phone_pays(&self, order: &str) {
        let number = order.replace('-', "");
        let bank = &self.running.outside().bank;
        let open = bank
            .orders()
            .into_iter()
            .rfind(|o| o.order_number.starts_with(&number) && o.status == 0);
        bank.pay(&open.expect("a code is shown").order_number)
            .unwrap();
    }

    /// The till's own link says that the card was charged.
    pub async fn card_approved(&self, payment: &str) -> Value {
        let body = json!({"result": "approved", "external_id": format!("pos-{payment}"), "rrn": "123456789012"});
        self.post(&format!("payments/{payment}/result"), TILL, &body)
            .await
            .expect(200)
    }

    pub async fn cash_taken(&self, payment: &str) -> Value {
        self.post(&format!("payments/{payment}/confirm"), STAFF, &json!({}))
            .await
            .expect(200)
    }

    /// Pays the whole order by this tender.
    pub async fn pay(&self, order: &str, tender: &str) -> String {
        let payment = self.start_payment(order, tender).await;
        match tender {
            "sbp_qr" => {
                self.await_payment(&payment, "waiting").await;
                self.phone_pays(order).await;
            }
            "card_terminal" => drop(self.card_approved(&payment).await),
            _ => drop(self.cash_taken(&payment).await),
        }
        self.await_payment(&payment, "captured").await;
        payment
    }

    /// Waits for the dishes and takes them.
    pub async fn fetch(&self, order: &str) -> Value {
        self.await_order(order, &["ready"]).await;
        let path = format!("orders/{order}/hand-over");
        self.post(&path, STAFF, &json!({})).await.expect(200)
    }

    pub async fn reconcile(&self) -> Value {
        self.get("reconcile", STAFF).await.expect(200)
    }

    /// Waits until nothing is under way any more, and headquarters has it all.
    pub async fn settled(&self) -> Value {
        eventually("everything to settle", async || {
            let books = self.reconcile().await;
            let t = &books["totals"];
            let done =
                t["live_effects"] == 0 && t["under_way"] == 0 && t["events"] == t["hq_events"];
            if done { Ok(books) } else { Err(t.to_string()) }
        })
        .await
    }

    /// The number of the last event when nobody has anything to tell any more.
    pub async fn quiet(&self) -> u64 {
        self.settled().await;
        self.head().await
    }

    /// Closes the shift and waits for accounting and headquarters; answers the exact books.
    pub async fn end_day(&self) -> Value {
        self.settled().await;
        self.post("shift/close", STAFF, &json!({}))
            .await
            .expect(202);
        eventually("the shift to close", async || {
            let shift = self.get("shift", STAFF).await.expect(200);
            if shift["state"] == "closed" {
                Ok(())
            } else {
                Err(shift.to_string())
            }
        })
        .await;
        let books = self.settled().await;
        assert_eq!(books["exact"], true, "{}", books["differences"]);
        assert_eq!(books["totals"]["unknown_effects"], 0);
        books
    }

    /// Sale and return receipts in the fiscal drive with this key.
    pub fn fiscal_documents(&self, key: &str) -> usize {
        let receipts = self.running.outside().printer.receipts();
        receipts
            .iter()
            .filter(|r| r.key.as_deref() == Some(key))
            .count()
    }

    /// How often money of this order was charged at the bank.
    pub fn charges(&self, order: &str) -> u32 {
        let number = order.replace('-', "");
        let orders = self.running.outside().bank.orders();
        orders
            .iter()
            .filter(|o| o.order_number.starts_with(&number))
            .map(|o| o.charges)
            .sum()
    }

    /// Dishes of this order that came out of the robot, and of how many jobs.
    pub fn plated(&self, order: &Value) -> Vec<u32> {
        let dishes = self.running.outside().kitchen.dishes();
        let jobs = order["dishes"].as_array().unwrap().iter();
        jobs.map(|d| {
            dishes
                .get(d["job_id"].as_str().unwrap())
                .map_or(0, |c| c.plated)
        })
        .collect()
    }

    /// Every dish of the order was plated once, its sale is in the fiscal drive once.
    #[track_caller]
    pub fn assert_once(&self, order: &Value) {
        assert!(self.plated(order).iter().all(|n| *n == 1), "{order}");
        let receipts = order["receipts"].as_array().unwrap();
        assert_eq!(receipts.len(), 1, "{order}");
        assert_eq!(receipts[0]["state"], "registered");
        assert_eq!(
            self.fiscal_documents(receipts[0]["key"].as_str().unwrap()),
            1
        );
    }

    /// Follows the live stream from after this event.
    pub async fn live(&self, after: Option<u64>, token: &str) -> Live {
        let url = format!("{}/api/v1/live", self.origin);
        let answer = eventually("the live stream", async || {
            let mut request = self.http.get(&url).bearer_auth(token);
            if let Some(seq) = after {
                request = request.header("last-event-id", seq.to_string());
            }
            match request.send().await {
                Ok(answer) if answer.status() == 200 => Ok(answer),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        Live {
            answer,
            unread: Vec::new(),
        }
    }
}

/// A message of the live stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub seq: u64,
    pub kind: String,
    pub data: Value,
}

/// The live stream.
pub struct Live {
    answer: reqwest::Response,
    unread: Vec<u8>,
}

impl Live {
    /// The next message; none when the stream has ended.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|w| w == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                if let Some(message) = parse(&String::from_utf8(block).unwrap()) {
                    return Some(message);
                }
                continue;
            }
            let chunk = tokio::time::timeout(LIMIT, self.answer.chunk())
                .await
                .expect("the stream is alive");
            self.unread.extend_from_slice(&chunk.ok()??);
        }
    }
}

/// Comments keep the connection alive and are no messages.
fn parse(block: &str) -> Option<Message> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|l| l.strip_prefix(name))
            .map(str::trim)
    };
    Some(Message {
        seq: field("id:")?.parse().unwrap(),
        kind: field("event:")?.to_owned(),
        data: serde_json::from_str(field("data:")?).unwrap(),
    })
}
