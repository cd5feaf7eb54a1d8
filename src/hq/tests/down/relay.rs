//! Calls from outside reach the store that they are about.

use super::*;
use crate::hq::relay::{Answering, Call, Provider, Relay, RelayConfig, Wanted};
use axum::response::{IntoResponse as _, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use std::fmt::Write as _;

const OUTSIDE: &str = "relay.test";

fn relay() -> Relay {
    let config = RelayConfig::parse(
        "[[alfa_bank]]\nshop = \"msk\"\ncheck = \"hmac\"\nsecret_credential = \"callback\"\n",
    )
    .unwrap();
    Relay::new(config, &|name| {
        assert_eq!(name, "callback");
        Ok(Secret::new("shared"))
    })
    .unwrap()
}

/// The address of a callback, signed as the bank does.
fn callback(number: &str, operation: &str, secret: &str) -> String {
    let fields = [
        ("mdOrder", "3ff6962a"),
        ("operation", operation),
        ("orderNumber", number),
        ("status", "1"),
    ];
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mut query = String::new();
    for (name, value) in fields {
        mac.update(format!("{name};{value};").as_bytes());
        write!(query, "{name}={value}&").unwrap();
    }
    let mut checksum = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(checksum, "{byte:02X}").unwrap();
    }
    format!("https://{OUTSIDE}/relay/alfa-bank/msk?{query}checksum={checksum}")
}

async fn get(head: &Head, url: &str) -> (u16, String) {
    let request = Request::get(url).body(Bytes::new()).unwrap();
    let answer = head.http.send(request, LONG).await.unwrap();
    (
        answer.status().as_u16(),
        String::from_utf8_lossy(answer.body()).into_owned(),
    )
}

/// An order whose payment waits for the bank, for an hour.
async fn waits_for_bank(one: &Box_, id: u128) -> Order {
    let order = one.place_order(id).await;
    let (order_id, payment) = (order.id, PaymentId(Uuid::from_u128(id + 1000)));
    one.command(move |tx, cx| {
        commands::start_payment(tx, cx, order_id, payment, Tender::SbpQr, None, true)?;
        for mut effect in tx.snapshot().effects_of(order_id)? {
            effect.next_at = cx.now.saturating_add(Duration::from_hours(1));
            tx.put_effect(&effect)?;
        }
        Ok(())
    })
    .await
    .unwrap();
    order
}

/// Whether something of the order goes to the bank at once.
fn is_looked_at(one: &Box_, order: OrderId) -> bool {
    let now = one.site.context(Actor::system()).now;
    let effects = one.site.store.read_here(|s| s.effects_of(order)).unwrap();
    assert!(!effects.is_empty());
    effects
        .iter()
        .any(|e| e.kind.starts_with("bank.") && e.next_at <= now)
}

async fn shop() -> (Head, Box_) {
    let head = Head::new().await;
    head.http
        .set_route(OUTSIDE, Arc::new(relay()).router(head.hq.clone()));
    let one = head.new_box("S1", "token-of-s1").await;
    one.open_shop().await;
    (head, one)
}

#[tokio::test(start_paused = true)]
async fn the_banks_call_has_the_store_ask_the_bank_once() {
    let (head, one) = shop().await;
    let order = waits_for_bank(&one, 1).await;
    one.drained().await;
    let url = callback(&format!("{}-1", order.id.0.simple()), "deposited", "shared");
    assert_eq!(get(&head, &url).await.0, 200);
    one.until("hq.answered", 1).await;
    assert!(is_looked_at(&one, order.id));
    // The bank repeats it, as it does when our answer was lost: nothing more is asked.
    assert_eq!(get(&head, &url).await.0, 200);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(one.count("hq.answered"), 1);
    // Another operation is another call.
    let other = callback(&format!("{}-1", order.id.0.simple()), "refunded", "shared");
    assert_eq!(get(&head, &other).await.0, 200);
    one.until("hq.answered", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_false_call_has_no_effect() {
    let (head, one) = shop().await;
    let order = waits_for_bank(&one, 1).await;
    one.drained().await;
    let number = format!("{}-1", order.id.0.simple());
    let good = callback(&number, "deposited", "shared");
    for bad in [
        callback(&number, "deposited", "guessed"),
        good.replace("status=1", "status=0"),
        good.replace("&checksum=", "&status=0&checksum="),
        good.split("&checksum").next().unwrap().to_owned(),
    ] {
        assert_eq!(get(&head, &bad).await.0, 400, "{bad}");
    }
    assert_eq!(get(&head, &good.replace("/msk", "/spb")).await.0, 404);
    // What else the shop sells is not ours, and nothing to complain of.
    let foreign = callback("89312", "deposited", "shared");
    assert_eq!(get(&head, &foreign).await.0, 200);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!is_looked_at(&one, order.id));
    let commands = head
        .ok("GET", "/stores/S1/commands", serde_json::Value::Null)
        .await;
    assert_eq!(commands["commands"].as_array().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_before_its_order_waits_for_it() {
    let (head, one) = shop().await;
    one.drained().await;
    let passing = tokio::spawn(head.hq.clone().pass_on(CancellationToken::new()));
    // The store has no way up while the guest pays.
    head.http.set_route(HQ, axum::Router::new());
    let order = waits_for_bank(&one, 1).await;
    let url = callback(&format!("{}-1", order.id.0.simple()), "deposited", "shared");
    assert_eq!(get(&head, &url).await.0, 200);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!is_looked_at(&one, order.id));
    head.http.set_route(HQ, head.hq.router());
    one.until("hq.answered", 1).await;
    assert!(is_looked_at(&one, order.id));
    passing.abort();
}

/// A provider that wants the store's own answer, or its own when the store is silent.
struct Asking;

impl Provider for Asking {
    fn read(&self, call: &Call<'_>) -> Result<Wanted, Response> {
        assert!(call.body.is_empty() && call.headers.get("authorization").is_none());
        let order = OrderId(Uuid::try_parse(call.query).unwrap());
        Ok(Wanted {
            key: call.query.to_owned(),
            order,
            ask: Command::LookAtPayment { order_id: order },
            answering: Answering::Store {
                deadline: Duration::from_secs(4),
                with: |answer| answer.text.clone().into_response(),
                late: || "not now".into_response(),
                must: false,
            },
        })
    }
}

#[tokio::test(start_paused = true)]
async fn the_stores_own_answer_is_given_within_the_deadline_or_the_providers_for_that() {
    let (head, one) = shop().await;
    let relay = relay().with("asking", "msk", Box::new(Asking));
    head.http
        .set_route(OUTSIDE, Arc::new(relay).router(head.hq.clone()));
    let (first, second) = (
        waits_for_bank(&one, 1).await.id,
        waits_for_bank(&one, 2).await.id,
    );
    one.drained().await;
    let url = |order: OrderId| format!("https://{OUTSIDE}/relay/asking/msk?{}", order.0);
    // The store fetches what waits with its sign of life; here it comes because something happens.
    let (first, second) = (url(first), (url(second), second));
    let (answer, ()) = tokio::join!(get(&head, &first), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        one.fact(None, Body::AlertCleared { key: "x".into() }).await;
    });
    assert_eq!(
        answer,
        (200, "the bank is asked about 1 of its acts".to_owned())
    );
    // The same call again has the same answer, and nothing is done again.
    assert_eq!(get(&head, &first).await, answer);
    assert_eq!(one.count("hq.answered"), 1);
    // A silent store: the provider's answer for that after the deadline, and the command does nothing later.
    head.http.set_route(HQ, axum::Router::new());
    let began = tokio::time::Instant::now();
    assert_eq!(get(&head, &second.0).await.1, "not now");
    assert_eq!(began.elapsed().as_secs(), 4);
    head.http.set_route(HQ, head.hq.router());
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(one.count("hq.answered"), 1);
    assert!(!is_looked_at(&one, second.1));
}
