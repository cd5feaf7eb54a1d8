//! Guests who order by themselves, through the public door, and keep at it until they are served: a request
//! without an answer is repeated with the same key, as a good kiosk does.

use super::{door::Door, trouble, wishes};
use crate::world::{Entropy, Http as _, HttpError, ReqwestHttp, SeededEntropy, SystemEntropy};
use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Guests at the same time.
const AT_ONCE: usize = 8;
/// Pause before a request that was not answered is repeated.
const AGAIN: Duration = Duration::from_millis(200);
/// How often a guest looks at the order.
const LOOK: Duration = Duration::from_millis(150);
/// A guest who is not served by then gives the story up; the books tell what became of it.
const PATIENCE: Duration = Duration::from_mins(15);
/// How long the evening may take: everything settles, the shift closes, headquarters hears of it.
const EVENING: Duration = Duration::from_mins(10);

/// The day's books.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Books {
    /// Orders that were paid.
    pub orders: u64,
    /// Money in, minor units.
    pub captured_minor: i64,
    /// Money back.
    pub refunded_minor: i64,
    /// On sale receipts.
    pub receipted_minor: i64,
    /// On return receipts.
    pub returned_minor: i64,
    /// Dishes that came.
    pub cook_jobs_done: u64,
    /// Sales less returns in accounting.
    pub accounting_minor: i64,
    /// Events in the store's log.
    pub events: u64,
    /// Of them at headquarters.
    pub hq_events: u64,
    /// Acts whose outcome is not known.
    pub unknown_effects: u64,
    /// Everything that is not as it should be; empty when the books are exact.
    pub differences: Vec<Value>,
    /// Troubles that were made.
    pub troubles: u32,
    /// Guests who went away without paying.
    pub gone: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Books {
    /// Nothing differs.
    #[must_use]
    pub fn exact(&self) -> bool {
        self.differences.is_empty()
    }
}

/// The client of the demonstration's people.
#[derive(Clone)]
pub(super) struct Client(ReqwestHttp);

pub(super) fn client() -> Client {
    Client(ReqwestHttp::new().expect("the same client was made a moment ago"))
}

impl Client {
    pub(super) async fn get(&self, url: &str, token: &str) -> anyhow::Result<(u16, Value)> {
        self.send("GET", url, token, None, &Value::Null).await
    }

    pub(super) async fn post(
        &self,
        url: &str,
        token: &str,
        key: &str,
        body: &Value,
    ) -> anyhow::Result<(u16, Value)> {
        self.send("POST", url, token, Some(key), body).await
    }

    async fn send(
        &self,
        method: &str,
        url: &str,
        token: &str,
        key: Option<&str>,
        body: &Value,
    ) -> anyhow::Result<(u16, Value)> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let payload = match body {
            Value::Null => Bytes::new(),
            body => Bytes::from(body.to_string()),
        };
        let answer = self
            .0
            .send(request.body(payload)?, Duration::from_secs(20))
            .await
            .map_err(|e: HttpError| anyhow::anyhow!("{e}"))?;
        let status = answer.status().as_u16();
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        Ok((status, body))
    }

    /// Repeats a request until it is answered with a verdict.
    async fn insist(
        &self,
        method: &str,
        url: &str,
        token: &str,
        key: Option<&str>,
        body: &Value,
        until: Instant,
    ) -> anyhow::Result<(u16, Value)> {
        loop {
            match self.send(method, url, token, key, body).await {
                Ok((status, answer)) if status < 500 || answer["slug"] == "not_accepting" => {
                    return Ok((status, answer));
                }
                Ok((status, _)) if Instant::now() >= until => {
                    anyhow::bail!("{method} {url}: {status}")
                }
                Err(error) if Instant::now() >= until => return Err(error),
                _ => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

/// Lives a day: orders, evening, books.
pub(super) async fn live_a_day(
    door: &Door,
    orders: u32,
    faults: Option<u64>,
    mut progress: impl FnMut(usize),
) -> anyhow::Result<Books> {
    let began = Instant::now();
    let stop = CancellationToken::new();
    let trouble = faults.map(|seed| tokio::spawn(trouble::make(door.clone(), seed, stop.clone())));
    let run = SystemEntropy.next_u128();
    let ends: Vec<End> = stream::iter(0..orders)
        .map(|n| {
            let guest = Guest {
                client: client(),
                door: door.clone(),
                key: format!("{run:032x}-{n}"),
                chance: SeededEntropy::new(
                    faults.unwrap_or(0).wrapping_mul(1_000_003) + u64::from(n),
                ),
                until: Instant::now() + PATIENCE,
            };
            async move { guest.visit().await }
        })
        .buffer_unordered(AT_ONCE)
        .enumerate()
        .map(|(done, end)| {
            progress(done + 1);
            end
        })
        .collect()
        .await;
    stop.cancel();
    let troubles = match trouble {
        Some(task) => task.await.context("the troubles ended badly")?,
        None => 0,
    };
    door.mend_all().await;
    let mut books = evening(door).await?;
    books.troubles = troubles;
    for (n, end) in ends.into_iter().enumerate() {
        match end {
            End::Served => {}
            End::Gone => books.gone += 1,
            End::Stuck(why) => books.differences.push(json!({
                "subject": format!("guest {n}"), "what": why, "left": 1, "right": 0,
            })),
        }
    }
    look_outside(door, &mut books);
    books.seconds = began.elapsed().as_secs_f64();
    Ok(books)
}

enum End {
    /// Has the dishes, or all the money.
    Served,
    /// Left before paying.
    Gone,
    /// Still waits.
    Stuck(String),
}

struct Guest {
    client: Client,
    door: Door,
    key: String,
    chance: SeededEntropy,
    until: Instant,
}

impl Guest {
    async fn visit(self) -> End {
        match self.story().await {
            Ok(end) => end,
            Err(error) => End::Stuck(format!("{error:#}")),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.door.origin())
    }

    async fn post(
        &self,
        token: &str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> anyhow::Result<(u16, Value)> {
        let key = format!("{}-{key}", self.key);
        self.client
            .insist("POST", &self.url(path), token, Some(&key), body, self.until)
            .await
    }

    async fn order(&self, id: &str) -> anyhow::Result<Value> {
        let url = self.url(&format!("orders/{id}"));
        let (_, order) = self
            .client
            .insist("GET", &url, "demo-kiosk", None, &Value::Null, self.until)
            .await?;
        Ok(order)
    }

    async fn story(&self) -> anyhow::Result<End> {
        let wish = wishes::wish(
            &self.door.outside().catalog.dishes,
            &self.chance,
            &self.chance,
        );
        let mut attempt = 0;
        let order = loop {
            let (status, answer) = self
                .post("demo-kiosk", "orders", &format!("place-{attempt}"), &wish)
                .await?;
            if status == 201 {
                break answer;
            }
            // The store takes no orders for a while; a patient guest asks again, which is a new request.
            if Instant::now() >= self.until || !matches!(status, 503 | 409) {
                anyhow::bail!("the order was refused: {answer}");
            }
            attempt += 1;
            tokio::time::sleep(AGAIN * 5).await;
        };
        let id = order["id"]
            .as_str()
            .context("an order has an id")?
            .to_owned();
        if self.chance.below(100) < 3 {
            self.post(
                "demo-kiosk",
                &format!("orders/{id}/cancel"),
                "cancel",
                &json!({}),
            )
            .await?;
            return Ok(End::Gone);
        }
        if !self.pay(&id).await? {
            return Ok(End::Gone);
        }
        let regret = self.chance.below(100) < 4;
        loop {
            let order = self.order(&id).await?;
            match order["state"].as_str().unwrap_or_default() {
                "ready" if regret => {
                    let (status, answer) = self
                        .post(
                            "demo-staff",
                            &format!("orders/{id}/refunds"),
                            "refund",
                            &json!({"reason": "the guest did not like it"}),
                        )
                        .await?;
                    // Some of the money may have gone back already for a dish that did not come.
                    if status != 201 {
                        anyhow::bail!("the refund was refused: {answer}");
                    }
                }
                "ready" => {
                    self.post(
                        "demo-staff",
                        &format!("orders/{id}/hand-over"),
                        "fetch",
                        &json!({}),
                    )
                    .await?;
                    return Ok(End::Served);
                }
                "closed" | "refunded" => return Ok(End::Served),
                "cancelled" | "expired" => return Ok(End::Gone),
                state if Instant::now() >= self.until => {
                    anyhow::bail!("order {} is still {state}", order["number"])
                }
                _ => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Pays by one tender after the other until one works; false when the order was given up meanwhile.
    async fn pay(&self, id: &str) -> anyhow::Result<bool> {
        let mut tender = match self.chance.below(10) {
            0..5 => "sbp_qr",
            5..8 => "card_terminal",
            _ => "cash",
        };
        for attempt in 0.. {
            let (status, payment) = self
                .post(
                    "demo-kiosk",
                    &format!("orders/{id}/payments"),
                    &format!("pay-{attempt}"),
                    &json!({"tender": tender}),
                )
                .await?;
            match (status, payment["slug"].as_str()) {
                (201, _) => {}
                (_, Some("tender_unavailable")) => {
                    tender = "card_terminal";
                    continue;
                }
                (_, Some("already_paid")) => return Ok(true),
                (_, Some("conflict")) => return Ok(false),
                _ => anyhow::bail!("the payment was refused: {payment}"),
            }
            let payment_id = payment["id"].as_str().context("a payment has an id")?;
            if self.wait_for_money(id, payment_id).await? {
                return Ok(true);
            }
            if Instant::now() >= self.until {
                return Ok(false);
            }
        }
        Ok(false)
    }

    async fn wait_for_money(&self, order: &str, payment: &str) -> anyhow::Result<bool> {
        let number = order.replace('-', "");
        let url = self.url(&format!("payments/{payment}"));
        loop {
            let (_, seen) = self
                .client
                .insist("GET", &url, "demo-kiosk", None, &Value::Null, self.until)
                .await?;
            match seen["state"].as_str().unwrap_or_default() {
                "captured" => return Ok(true),
                "declined" | "closed" => return Ok(false),
                "waiting" if seen["qr"].is_object() => {
                    // The guest's phone: knows the code, and pays at the bank.
                    let bank = &self.door.outside().bank;
                    let open = bank
                        .orders()
                        .into_iter()
                        .filter(|o| o.order_number.starts_with(&number) && o.status == 0)
                        .map(|o| o.order_number)
                        .next_back();
                    if let Some(open) = open {
                        // It may be paid or closed by now: the next look tells.
                        let _ = bank.pay(&open);
                    }
                }
                state if Instant::now() >= self.until => {
                    anyhow::bail!("payment {payment} is still {state}")
                }
                _ => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Waits until everything has settled, closes the shift, waits for accounting and headquarters, and reads the books.
async fn evening(door: &Door) -> anyhow::Result<Books> {
    let client = client();
    let until = Instant::now() + EVENING;
    let url = |path: &str| format!("{}/api/v1/{path}", door.origin());
    let read = async |path: &str| -> anyhow::Result<Value> {
        let (_, value) = client
            .insist("GET", &url(path), "demo-staff", None, &Value::Null, until)
            .await?;
        Ok(value)
    };
    // Readers poll the state here on purpose: they stand for people outside the process.
    let settled = async |until: Instant| -> anyhow::Result<()> {
        loop {
            let books = read("reconcile").await?;
            let live = books["totals"]["live_effects"].as_u64().unwrap_or(1);
            let under_way = books["totals"]["under_way"].as_u64().unwrap_or(1);
            if (live == 0 && under_way == 0) || Instant::now() >= until {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    settled(until - EVENING / 2).await?;
    for attempt in 0.. {
        let state = read("shift").await?["state"].clone();
        if state == "closed" || Instant::now() >= until {
            break;
        }
        if state == "open" {
            let key = format!("evening-{attempt}-{:032x}", SystemEntropy.next_u128());
            client
                .insist(
                    "POST",
                    &url("shift/close"),
                    "demo-staff",
                    Some(&key),
                    &json!({}),
                    until,
                )
                .await?;
        }
        tokio::time::sleep(LOOK).await;
    }
    settled(until).await?;
    loop {
        let sync = read("sync").await?;
        let backlog = sync["readers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|r| r["backlog"].as_u64().unwrap_or(1))
            .sum::<u64>();
        if backlog == 0 || Instant::now() >= until {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let seen = read("reconcile").await?;
    let t = &seen["totals"];
    let int = |name: &str| t[name].as_i64().unwrap_or(0);
    let count = |name: &str| t[name].as_u64().unwrap_or(0);
    let mut books = Books {
        orders: count("orders"),
        captured_minor: int("captured_minor"),
        refunded_minor: int("refunded_minor"),
        receipted_minor: int("receipted_minor"),
        returned_minor: int("returned_minor"),
        cook_jobs_done: count("cook_jobs_done"),
        accounting_minor: int("accounting_minor"),
        events: count("events"),
        hq_events: count("hq_events"),
        unknown_effects: count("unknown_effects"),
        differences: seen["differences"].as_array().cloned().unwrap_or_default(),
        ..Books::default()
    };
    for name in ["live_effects", "under_way"] {
        differ(&mut books, "the store", name, int(name), 0);
    }
    let rows = door.hq().stores().await?;
    let at_hq = rows.iter().map(|r| r.events).max().unwrap_or(0);
    let (events, at_hq) = (
        i64::try_from(books.events).unwrap_or(-1),
        i64::try_from(at_hq).unwrap_or(-1),
    );
    differ(
        &mut books,
        "headquarters",
        "events in its database",
        at_hq,
        events,
    );
    Ok(books)
}

fn differ(books: &mut Books, subject: &str, what: &str, left: i64, right: i64) {
    if left != right {
        books
            .differences
            .push(json!({"subject": subject, "what": what, "left": left, "right": right}));
    }
}

/// Compares the store's books with what the outside systems themselves say.
fn look_outside(door: &Door, books: &mut Books) {
    let outside = door.outside();
    let receipts = outside.printer.receipts();
    let sum = |operation: u8| -> i64 {
        receipts
            .iter()
            .filter(|r| r.operation == Some(operation))
            .map(|r| i64::try_from(r.total_minor).unwrap_or(i64::MAX))
            .sum()
    };
    let (receipted, returned) = (books.receipted_minor, books.returned_minor);
    differ(
        books,
        "printer",
        "sales in the fiscal drive",
        sum(1),
        receipted,
    );
    differ(
        books,
        "printer",
        "returns in the fiscal drive",
        sum(2),
        returned,
    );
    let mut keys = BTreeMap::new();
    for key in receipts.iter().filter_map(|r| r.key.as_ref()) {
        *keys.entry(key.clone()).or_insert(0) += 1;
    }
    for (key, n) in keys.into_iter().filter(|(_, n)| *n > 1) {
        differ(
            books,
            "printer",
            &format!("receipts with the key {key}"),
            n,
            1,
        );
    }
    for order in outside.bank.orders() {
        let number = format!("bank order {}", order.order_number);
        if order.charges > 1 {
            differ(books, &number, "charges", i64::from(order.charges), 1);
        }
        for (id, n) in order.refunds.iter().filter(|(_, n)| **n > 1) {
            differ(
                books,
                &number,
                &format!("refunds with the id {id}"),
                i64::from(*n),
                1,
            );
        }
    }
    for (job, dish) in outside.kitchen.dishes() {
        if dish.plated > 1 {
            differ(
                books,
                &format!("job {job}"),
                "dishes",
                i64::from(dish.plated),
                1,
            );
        }
    }
    let posted = outside.one_c.documents();
    let accounting: i64 = posted
        .iter()
        .filter(|d| d.posted)
        .map(|d| d.total_minor)
        .sum();
    let unposted = posted.iter().filter(|d| !d.posted).count();
    differ(
        books,
        "1C",
        "documents that are not posted",
        i64::try_from(unposted).unwrap_or(-1),
        0,
    );
    let net = receipted - returned;
    differ(
        books,
        "1C",
        "sales less returns in posted reports",
        accounting,
        net,
    );
}
