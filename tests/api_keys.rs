//! Keys of other systems, how often they may ask, and what they are told, from outside.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod common;

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use common::{KIOSK, STAFF, Shop, TILL, id, key, wish};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{net::TcpListener, sync::watch, time::timeout};

const LIMIT: Duration = Duration::from_secs(60);

impl Shop {
    async fn key(&self, name: &str, scopes: &[&str]) -> String {
        let body = json!({"name": name, "scopes": scopes});
        let made = self.post("keys", STAFF, &body).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    }

    /// All that the database file and its journal hold.
    async fn bytes_on_disk(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.running.addresses.data).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_file() && name.contains(".db") {
                all.extend(std::fs::read(path).unwrap());
            }
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_say_under_its_own_name_until_it_is_shut_out() {
    let shop = Shop::open(1000).await;
    // What stood in the configuration goes on.
    shop.post("orders", TILL, &wish(&["mors"]))
        .await
        .expect(201);

    let orders = shop.key("shop", &["orders:create"]).await;
    let reads = shop.key("erp", &["orders:read", "stock:read"]).await;
    assert!(orders.starts_with("gk_") && orders.len() > 50);
    let placed = shop
        .post("orders", &orders, &wish(&["mors"]))
        .await
        .expect(201);
    let own = id(&placed);
    let others = shop.place(&["mors"]).await;
    // Its own it sees, others not; who may read sees all and orders nothing.
    shop.get(&format!("orders/{own}"), &orders)
        .await
        .expect(200);
    shop.get(&format!("orders/{others}"), &orders)
        .await
        .expect_problem(404, "unknown_order");
    shop.get("orders", &orders)
        .await
        .expect_problem(403, "forbidden");
    shop.get(&format!("orders/{others}"), &reads)
        .await
        .expect(200);
    shop.get("stock", &reads).await.expect(200);
    // Which store it is, and by which clock and currency it reckons, every key may know.
    let store = shop.get("store", &reads).await.expect(200);
    assert_eq!(store["currency"], "RUB");
    assert!(store["zone"].is_string() && store["name"]["ru"].is_string());
    assert!(store["hours"].is_object(), "{store}");
    assert_eq!(store.get("channels"), None);
    shop.post("orders", &reads, &wish(&["mors"]))
        .await
        .expect_problem(403, "forbidden");
    let told = shop
        .post(
            "stock/receive",
            &reads,
            &json!({"ingredient_id": "rice", "quantity": 1}),
        )
        .await;
    let told = told.expect_problem(403, "forbidden");
    assert!(told["detail"].as_str().unwrap().contains("stock:write"));
    // What is for people is shut to every key.
    let whole: Vec<Value> = shop.get("keys", STAFF).await.expect(200)["scopes"]
        .as_array()
        .unwrap()
        .clone();
    let words: Vec<&str> = whole.iter().map(|s| s["scope"].as_str().unwrap()).collect();
    let all = shop.key("all", &words).await;
    for path in [
        "keys", "webhooks", "users", "secrets", "log", "screens", "backups", "calls",
    ] {
        shop.get(path, &all).await.expect_problem(403, "forbidden");
    }
    shop.post(
        "keys",
        &all,
        &json!({"name": "more", "scopes": ["stock:read"]}),
    )
    .await
    .expect_problem(403, "forbidden");
    let mut meal = wish(&["mors"]);
    meal["staff_card"] = "1234".into();
    shop.post("orders", &all, &meal)
        .await
        .expect_problem(403, "forbidden");

    // The log names it.
    let log = shop
        .get(&format!("log?order={own}&kind=order.placed"), STAFF)
        .await
        .expect(200);
    assert_eq!(log["events"][0]["actor"], "service:shop");

    // Nothing of it is on the disk, and nobody is told it again.
    let list = shop.get("keys", STAFF).await.expect(200);
    let shown = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|k| k["name"] == "shop")
        .unwrap()
        .clone();
    assert_eq!(shown["hint"], orders[..11]);
    assert!(shown["used_at"].as_i64().is_some(), "{shown}");
    assert!(!list.to_string().contains(&orders));
    let disk = shop.bytes_on_disk().await;
    assert!(disk.windows(12).any(|w| w == b"service:shop"));
    assert!(!disk.windows(orders.len()).any(|w| w == orders.as_bytes()));

    // Names are for one.
    for name in ["shop", "pos-bank", "", "a:b"] {
        let refused = shop
            .post(
                "keys",
                STAFF,
                &json!({"name": name, "scopes": ["menu:read"]}),
            )
            .await;
        assert!(
            [409, 422].contains(&refused.status),
            "{name}: {}",
            refused.body
        );
    }
    for scopes in [json!([]), json!(["*"]), json!(["stock"])] {
        shop.post("keys", STAFF, &json!({"name": "x", "scopes": scopes}))
            .await
            .expect_problem(422, "invalid");
    }

    // Renewed: both are good, then one; through a power cut too.
    let made = shop
        .post("keys/shop/rotate", STAFF, &json!({}))
        .await
        .expect(200);
    let renewed = made["key"].as_str().unwrap().to_owned();
    shop.power_cut().await;
    for good in [&orders, &renewed] {
        shop.get(&format!("orders/{own}"), good).await.expect(200);
    }
    let made = shop
        .post("keys/shop/rotate", STAFF, &json!({"grace_s": 0}))
        .await
        .expect(200);
    let last = made["key"].as_str().unwrap().to_owned();
    for bad in [&orders, &renewed] {
        shop.get("menu", bad)
            .await
            .expect_problem(401, "unauthorised");
    }
    shop.get("menu", &last).await.expect(200);
    shop.post("keys/shop/revoke", STAFF, &json!({}))
        .await
        .expect(200);
    shop.get("menu", &last)
        .await
        .expect_problem(401, "unauthorised");
    shop.post("keys/shop/revoke", STAFF, &json!({}))
        .await
        .expect(200);
    shop.post("keys/shop/rotate", STAFF, &json!({}))
        .await
        .expect_problem(409, "conflict");
    shop.power_cut().await;
    shop.get("menu", &last)
        .await
        .expect_problem(401, "unauthorised");
    let again = shop
        .post(
            "keys",
            STAFF,
            &json!({"name": "shop", "scopes": ["menu:read"]}),
        )
        .await;
    again.expect_problem(409, "conflict");
    let log = shop.get("log?kind=key.&limit=100", STAFF).await.expect(200);
    let acts: Vec<_> = log["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["body"]["name"] == "shop")
        .map(|e| e["body"]["act"].clone())
        .collect();
    assert_eq!(acts, ["created", "rotated", "rotated", "revoked"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_waits_and_a_guest_never_does() {
    let shop = Shop::open(1000).await;
    let body = json!({"name": "slow", "scopes": ["menu:read"], "per_minute": 1});
    let slow = shop.post("keys", STAFF, &body).await.expect(201)["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let ask = |token: Option<String>, path: &str| {
        let mut request = shop.http.get(format!("{}/api/v1/{path}", shop.origin));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send()
    };
    let first = ask(Some(slow.clone()), "menu").await.unwrap();
    assert_eq!(
        first.headers()["ratelimit-policy"],
        "\"default\";q=120;w=7200"
    );
    assert_eq!(first.headers()["ratelimit"], "\"default\";r=119;t=60");
    for _ in 0..119 {
        assert_eq!(ask(Some(slow.clone()), "menu").await.unwrap().status(), 200);
    }
    let refused = ask(Some(slow.clone()), "menu").await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["slug"], "too_many");
    // A new key of the same holder is the same holder.
    let made = shop
        .post("keys/slow/rotate", STAFF, &json!({}))
        .await
        .expect(200);
    assert_eq!(
        ask(Some(slow), "menu").await.unwrap().status(),
        200,
        "a renewed key begins anew, once"
    );
    assert!(made["key"].as_str().is_some());

    // Strangers, by address; who has a token is not held up by them.
    let mut statuses = std::collections::BTreeMap::new();
    for _ in 0..400 {
        let status = ask(Some("guess".to_owned()), "menu")
            .await
            .unwrap()
            .status()
            .as_u16();
        *statuses.entry(status).or_insert(0) += 1;
    }
    assert!(
        statuses[&401] >= 300 && statuses.contains_key(&429),
        "{statuses:?}"
    );
    shop.get("menu", KIOSK).await.expect(200);
    // A guest at a kiosk, however much goes on there.
    let order = shop.place(&["mors"]).await;
    for _ in 0..2300 {
        let seen = ask(Some(KIOSK.to_owned()), &format!("orders/{order}"))
            .await
            .unwrap();
        assert_eq!(seen.status(), 200);
        assert!(!seen.headers().contains_key("ratelimit"));
    }
    shop.start_payment(&order, "cash").await;
    shop.close().await;
}

type Inbox = watch::Sender<Vec<(HeaderMap, Value)>>;

/// A receiver at a port of this machine.
async fn receiver() -> (String, Inbox) {
    async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) {
        let value = serde_json::from_slice(&body).unwrap();
        inbox.send_modify(|all| all.push((headers, value)));
    }
    let inbox = Inbox::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/hook", post(take))
        .with_state(inbox.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, inbox)
}

async fn wait_for(inbox: &Inbox, what: impl Fn(&Value) -> bool) {
    let mut all = inbox.subscribe();
    let came = all.wait_for(|all| all.iter().any(|(_, v)| what(v)));
    timeout(LIMIT, came)
        .await
        .expect("it is delivered")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_system_is_told_of_every_event_in_order_through_power_cuts() {
    let shop = Shop::open(1000).await;
    let (url, inbox) = receiver().await;
    let wish = json!({"name": "erp", "url": url, "kinds": ["*"]});
    let made = shop.post("webhooks", STAFF, &wish).await.expect(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(
        !shop
            .get("webhooks", STAFF)
            .await
            .expect(200)
            .to_string()
            .contains(&secret)
    );
    let disk = shop.bytes_on_disk().await;
    assert!(!disk.windows(secret.len()).any(|w| w == secret.as_bytes()));
    let begins = made["cursor"].as_u64().unwrap();
    let mut last = String::new();
    for _ in 0..3 {
        for _ in 0..4 {
            last = shop.place(&["mors"]).await;
        }
        // While deliveries are under way.
        shop.power_cut().await;
    }
    let cancelled = shop
        .post(&format!("orders/{last}/cancel"), STAFF, &json!({}))
        .await;
    cancelled.expect(200);
    wait_for(&inbox, |v| v["kind"] == "order.cancelled").await;
    let came: Vec<Value> = inbox.borrow().iter().map(|(_, v)| v.clone()).collect();
    let mut seqs: Vec<u64> = came.iter().map(|v| v["seq"].as_u64().unwrap()).collect();
    assert!(seqs.windows(2).all(|w| w[0] <= w[1]), "in order: {seqs:?}");
    seqs.dedup();
    // All that the log has of these kinds, and nothing else.
    let kinds = shop.get("webhooks", STAFF).await.expect(200)["kinds"].clone();
    let log = shop
        .get(&format!("log?after={begins}&limit=1000"), STAFF)
        .await
        .expect(200);
    let end = *seqs.last().unwrap();
    let wanted: Vec<u64> = log["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| kinds.as_array().unwrap().contains(&e["kind"]))
        .map(|e| e["seq"].as_u64().unwrap())
        .filter(|seq| *seq <= end)
        .collect();
    assert_eq!(seqs, wanted);
    let ids: std::collections::BTreeSet<_> = came.iter().map(|v| v["id"].to_string()).collect();
    assert_eq!(ids.len(), seqs.len());
    let reader = shop.get("sync", STAFF).await.expect(200);
    assert!(
        reader["readers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["name"] == "webhook:erp")
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_delivered_where_it_must_not_go() {
    let shop = Shop::open(1000).await;
    let before = shop.quiet().await;
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/",
        "http://8.8.8.8/",
        "ftp://127.0.0.1/",
        "https://user:pass@erp.example/",
        "file:///etc/passwd",
        "https://",
    ] {
        let wish = json!({"name": "bad", "url": url, "kinds": ["*"]});
        shop.post("webhooks", STAFF, &wish)
            .await
            .expect_problem(422, "invalid");
    }
    for wish in [
        json!({"name": "bad", "url": "https://erp.example", "kinds": ["session.*"]}),
        json!({"name": "bad", "url": "https://erp.example", "kinds": []}),
        json!({"name": "bad", "url": "https://erp.example", "kinds": ["*"], "secret": "short"}),
    ] {
        shop.post("webhooks", STAFF, &wish)
            .await
            .expect_problem(422, "invalid");
    }
    for act in ["ping", "pause", "resume", "remove", "rotate"] {
        shop.post(&format!("webhooks/nobody/{act}"), STAFF, &json!({}))
            .await
            .expect_problem(404, "not_found");
    }
    shop.post(
        "webhooks/nobody/redeliver",
        STAFF,
        &json!({"from": 1, "seq": 2}),
    )
    .await
    .expect_problem(422, "invalid");
    assert_eq!(shop.head().await, before);
    // A key repeats nothing that it must not know.
    let once = key();
    let (url, _) = receiver().await;
    let wish = json!({"name": "erp", "url": url, "kinds": ["order.*"]});
    shop.post_keyed("webhooks", STAFF, &once, &wish)
        .await
        .expect(201);
    shop.post_keyed("webhooks", STAFF, &once, &wish)
        .await
        .expect_problem(409, "conflict");
    let gone = shop
        .send(Method::GET, "/api/v1/webhooks", Some(KIOSK), None, None)
        .await;
    gone.unwrap().expect_problem(403, "forbidden");
    shop.close().await;
}
