//! People with PINs, paired screens, guests' calls, and what staff do with orders and money, from outside.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

mod common;
#[path = "staff/counter.rs"]
mod counter;

use common::{Answer, BOARD, KIOSK, STAFF, Shop, eventually, id, key, wish};
use reqwest::Method;
use serde_json::{Value, json};

/// The demonstration's staff screen.
const COUNTER: &str = "demo-counter";
const ANNA: &str = "2846";

impl Shop {
    async fn knock(&self, screen: &str, pin: &str) -> Answer {
        let body = json!({"pin": pin, "device": "staff"});
        self.post("sessions", screen, &body).await
    }

    async fn come_in(&self, pin: &str) -> String {
        let session = self.knock(COUNTER, pin).await.expect(201);
        session["token"].as_str().unwrap().to_owned()
    }

    async fn bare(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let body = body.map(|b| b.to_string().into_bytes());
        self.send(method, path, token, Some(&key()), body)
            .await
            .expect("the store answers")
    }

    async fn events(&self, order: &str) -> Vec<(String, String)> {
        let timeline = self
            .get(&format!("orders/{order}/timeline"), STAFF)
            .await
            .expect(200);
        let word = |v: &Value| v.as_str().unwrap().to_owned();
        let events = timeline["events"].as_array().unwrap();
        events
            .iter()
            .map(|e| (word(&e["body"]["kind"]), word(&e["actor"])))
            .collect()
    }

    async fn alert(&self, prefix: &str) -> Option<Value> {
        let alerts = self.get("alerts", STAFF).await.expect(200);
        let all = alerts["alerts"].as_array().unwrap();
        all.iter()
            .find(|a| a["id"].as_str().unwrap().starts_with(prefix))
            .cloned()
    }

    /// Asks for a code as a new screen does: the code and what it asks with.
    async fn ask_pairing(&self, role: &str) -> (String, String) {
        let asked = self
            .bare(
                Method::POST,
                "/api/v1/pairing",
                None,
                Some(json!({"role": role})),
            )
            .await
            .expect(201);
        let word = |k: &str| asked[k].as_str().unwrap().to_owned();
        (word("code"), word("poll_token"))
    }

    async fn poll(&self, poll: &str) -> Answer {
        self.bare(Method::GET, "/api/v1/pairing", Some(poll), None)
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_comes_in_with_a_pin_and_every_write_names_them() {
    let shop = Shop::open(1000).await;
    let session = shop.knock(COUNTER, ANNA).await.expect(201);
    assert_eq!(
        (&session["name"], &session["role"], &session["language"]),
        (&json!("Анна"), &json!("cashier"), &json!("ru"))
    );
    let anna = session["token"].as_str().unwrap();
    // A lost answer does no harm: coming in again is another session, and nothing of the token is kept.
    let again = shop.knock(COUNTER, ANNA).await.expect(201);
    assert_ne!(again["token"], session["token"]);

    let order = id(&shop
        .post("orders", anna, &wish(&["plov"]))
        .await
        .expect(201));
    let payment = id(&shop
        .post(
            &format!("orders/{order}/payments"),
            anna,
            &json!({"tender": "cash"}),
        )
        .await
        .expect(201));
    shop.post(&format!("payments/{payment}/confirm"), anna, &json!({}))
        .await
        .expect(200);
    shop.await_order(&order, &["ready"]).await;
    shop.post(&format!("orders/{order}/hand-over"), anna, &json!({}))
        .await
        .expect(200);
    for kind in [
        "order.placed",
        "payment.started",
        "payment.captured",
        "order.closed",
    ] {
        let who: Vec<_> = shop
            .events(&order)
            .await
            .into_iter()
            .filter(|(k, _)| k == kind)
            .collect();
        assert_eq!(who, [(kind.to_owned(), "cashier:Анна".to_owned())]);
    }
    // A cashier looks after neither people nor screens.
    for path in ["users", "screens"] {
        shop.get(path, anna).await.expect_problem(403, "forbidden");
    }
    assert_eq!(
        shop.get("sessions/current", anna).await.expect(200)["name"],
        "Анна"
    );
    shop.power_cut().await;
    shop.get("orders", anna).await.expect(200);

    let out = shop
        .bare(Method::DELETE, "/api/v1/sessions/current", Some(anna), None)
        .await;
    out.expect(200);
    shop.get("orders", anna)
        .await
        .expect_problem(401, "unauthorised");
    // The screen alone opens nothing.
    shop.get("orders", COUNTER)
        .await
        .expect_problem(403, "forbidden");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_pins_shut_the_door_through_a_power_cut_and_a_manager_opens_it() {
    let shop = Shop::open(1000).await;
    for _ in 0..3 {
        let problem = shop
            .knock(COUNTER, "9071")
            .await
            .expect_problem(401, "wrong_pin");
        assert_eq!(problem["message"]["ru"], "Неверный PIN-код.");
    }
    // The right one is not even looked at.
    let shut = shop
        .knock(COUNTER, ANNA)
        .await
        .expect_problem(429, "too_many");
    assert!(shut["retry_at"].as_i64().unwrap() > 0);
    shop.power_cut().await;
    shop.knock(COUNTER, ANNA)
        .await
        .expect_problem(429, "too_many");
    // Another door is open.
    shop.knock(KIOSK, ANNA).await.expect(201);
    let door = json!({"door": "staff:counter"});
    shop.post("sessions/unlock", KIOSK, &door)
        .await
        .expect_problem(403, "forbidden");
    shop.post("sessions/unlock", STAFF, &door).await.expect(200);
    shop.knock(COUNTER, ANNA).await.expect(201);
    shop.post("sessions/unlock", STAFF, &door)
        .await
        .expect_problem(404, "not_found");
    let nobody = shop
        .bare(
            Method::POST,
            "/api/v1/sessions",
            None,
            Some(json!({"pin": ANNA})),
        )
        .await;
    nobody.expect_problem(401, "unauthorised");
    shop.knock(COUNTER, "12ab")
        .await
        .expect_problem(422, "invalid");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_takes_people_on_gives_pins_and_shuts_people_out_at_once() {
    let shop = Shop::open(1000).await;
    let maria = shop.come_in("7391").await;
    let new = |name: &str, pin: &str| json!({"name": name, "role": "cashier", "language": "uz", "pin": pin});
    shop.post("users", &maria, &new("Bek", "5063"))
        .await
        .expect(201);
    shop.post("users", &maria, &new("Bek", "5064"))
        .await
        .expect_problem(409, "conflict");
    shop.post("users", &maria, &new("Aziz", ANNA))
        .await
        .expect_problem(409, "conflict");
    for weak in ["1234", "0000", "12", "no"] {
        shop.post("users", &maria, &new("Aziz", weak))
            .await
            .expect_problem(422, "invalid");
    }
    shop.post(
        "users",
        &maria,
        &json!({"name": "X", "role": "hq", "pin": "5065"}),
    )
    .await
    .expect_problem(422, "invalid");
    let bek = shop.come_in("5063").await;
    let users = shop.get("users", &maria).await.expect(200);
    let row = users["users"]
        .as_array()
        .unwrap()
        .iter()
        .find(|u| u["name"] == "Bek")
        .unwrap()
        .clone();
    assert_eq!(row["at"], json!(["staff:counter"]));
    assert!(row.get("pin").is_none());

    shop.post("users/Bek/pin", &maria, &json!({"pin": "6054"}))
        .await
        .expect(200);
    shop.get("orders", &bek)
        .await
        .expect_problem(401, "unauthorised");
    shop.knock(KIOSK, "5063")
        .await
        .expect_problem(401, "wrong_pin");
    let bek = shop.come_in("6054").await;
    shop.post("users/Bek/disable", &maria, &json!({}))
        .await
        .expect(200);
    shop.get("orders", &bek)
        .await
        .expect_problem(401, "unauthorised");
    shop.knock(KIOSK, "6054")
        .await
        .expect_problem(401, "wrong_pin");
    shop.post("users/Bek/enable", &maria, &json!({}))
        .await
        .expect(200);
    shop.knock(KIOSK, "6054").await.expect(201);
    shop.post("users/Bek/remove", &maria, &json!({}))
        .await
        .expect(200);
    shop.post("users/Bek/dance", &maria, &json!({}))
        .await
        .expect_problem(404, "not_found");
    shop.post("users/Bek/enable", &maria, &json!({}))
        .await
        .expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_paired_by_the_code_on_it_and_revoked_at_once() {
    let shop = Shop::open(1000).await;
    let (code, poll) = shop.ask_pairing("kiosk").await;
    assert!(
        code.len() == 6 && code.bytes().all(|c| c.is_ascii_digit()),
        "{code}"
    );
    let waits = shop.poll(&poll).await.expect(200);
    assert_eq!(
        (&waits["state"], waits.get("token")),
        (&json!("waiting"), None)
    );
    // What it asks with is no token for anything else.
    shop.get("menu", &poll)
        .await
        .expect_problem(401, "unauthorised");
    let pair = json!({"code": code, "name": "K1"});
    shop.post("screens", KIOSK, &pair)
        .await
        .expect_problem(403, "forbidden");
    shop.post("screens", STAFF, &json!({"code": "000000x", "name": "K1"}))
        .await
        .expect_problem(404, "not_found");
    shop.post(
        "screens",
        STAFF,
        &json!({"code": code, "name": "K1", "role": "board"}),
    )
    .await
    .expect_problem(409, "conflict");
    shop.post("screens", STAFF, &json!({"code": code, "name": "front"}))
        .await
        .expect_problem(409, "conflict");
    shop.post("screens", STAFF, &pair).await.expect(201);
    shop.power_cut().await;
    let paired = eventually("the paired screen", async || {
        let answer = shop.poll(&poll).await;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(answer.body.to_string())
        }
    })
    .await;
    assert_eq!(
        (&paired["state"], &paired["name"], &paired["role"]),
        (&json!("paired"), &json!("K1"), &json!("kiosk"))
    );
    let token = paired["token"].as_str().unwrap().to_owned();
    // A lost answer is asked for again.
    assert_eq!(shop.poll(&poll).await.expect(200)["token"], paired["token"]);

    let order = id(&shop
        .post("orders", &token, &wish(&["mors"]))
        .await
        .expect(201));
    assert_eq!(
        shop.events(&order).await[0],
        ("order.placed".to_owned(), "kiosk:K1".to_owned())
    );
    shop.get("orders", &token)
        .await
        .expect_problem(403, "forbidden");
    shop.get(&format!("orders/{order}"), KIOSK)
        .await
        .expect_problem(404, "unknown_order");

    let (second, _) = shop.ask_pairing("board").await;
    shop.post("screens", STAFF, &json!({"code": second, "name": "K1"}))
        .await
        .expect_problem(409, "conflict");
    let list = shop.get("screens", STAFF).await.expect(200);
    assert_eq!(list["screens"][0]["name"], "K1");
    assert_eq!(list["waiting"][0]["role"], "board");
    assert!(
        !list.to_string().contains(&second),
        "a code is read from its screen"
    );

    let anna = shop.knock(&token, ANNA).await.expect(201)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut live = shop.live(None, &token).await;
    assert_eq!(live.next().await.unwrap().kind, "hello");
    // A guest is paying there when it is shut out: nobody can call from it any more, so the box does.
    let path = format!("orders/{order}/payments");
    shop.post(&path, &token, &json!({"tender": "card_terminal"}))
        .await
        .expect(201);
    assert_eq!(
        shop.get("calls", STAFF).await.expect(200)["calls"],
        json!([])
    );
    shop.post("screens/K1/rename", STAFF, &json!({"name": "window"}))
        .await
        .expect(200);
    // Who came in under the old name comes in again.
    shop.get("menu", &anna)
        .await
        .expect_problem(401, "unauthorised");
    shop.get("menu", &token).await.expect(200);
    // Its order keeps the name that it was placed under, and stays on its guest's screen.
    let kept = shop.get(&format!("orders/{order}"), &token).await;
    assert_eq!(kept.expect(200)["state"], "placed");
    let again = id(&shop
        .post("orders", &token, &wish(&["mors"]))
        .await
        .expect(201));
    let path = format!("orders/{again}/payments");
    shop.post(&path, &token, &json!({"tender": "card_terminal"}))
        .await
        .expect(201);
    shop.post("screens/window/revoke", STAFF, &json!({}))
        .await
        .expect(200);
    let calls = shop.get("calls", STAFF).await.expect(200);
    assert_eq!(calls["calls"][0]["kiosk"], "window", "{calls}");
    assert_eq!(calls["calls"][0]["why"], "payment");
    for gone in [&token, &anna] {
        shop.get("menu", gone)
            .await
            .expect_problem(401, "unauthorised");
    }
    // A line that is open ends with the next thing that happens.
    shop.place(&["mors"]).await;
    while live.next().await.is_some() {}
    shop.poll("guess").await.expect_problem(401, "unauthorised");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_screens_may_ask_within_a_minute() {
    let shop = Shop::open(1000).await;
    let mut codes = std::collections::BTreeSet::new();
    for _ in 0..10 {
        codes.insert(shop.ask_pairing("kiosk").await.0);
    }
    assert_eq!(codes.len(), 10, "no two screens show one code");
    let one_more = shop
        .bare(
            Method::POST,
            "/api/v1/pairing",
            None,
            Some(json!({"role": "kiosk"})),
        )
        .await;
    one_more.expect_problem(429, "too_many");
    let manager = shop
        .bare(
            Method::POST,
            "/api/v1/pairing",
            None,
            Some(json!({"role": "manager"})),
        )
        .await;
    manager.expect_problem(422, "invalid");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_calls_once_and_is_answered() {
    let shop = Shop::open(1000).await;
    let mut live = shop.live(None, KIOSK).await;
    let call = shop
        .post("calls", KIOSK, &json!({"why": "help"}))
        .await
        .expect(201);
    let again = shop
        .post("calls", KIOSK, &json!({"why": "spill"}))
        .await
        .expect(201);
    assert_eq!(call["id"], again["id"]);
    let open = shop.get("calls", STAFF).await.expect(200);
    assert_eq!(open["calls"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&open["calls"][0]["kiosk"], &open["calls"][0]["why"]),
        (&json!("front"), &json!("spill"))
    );
    assert_eq!(shop.alert("call:").await.unwrap()["id"], "call:kiosk:front");
    shop.post("calls", BOARD, &json!({"why": "help"}))
        .await
        .expect_problem(403, "forbidden");
    shop.post("calls", KIOSK, &json!({"why": "dance"}))
        .await
        .expect_problem(422, "invalid");
    let path = format!("calls/{}/answer", id(&call));
    shop.post(&path, KIOSK, &json!({}))
        .await
        .expect_problem(403, "forbidden");
    shop.post(&path, STAFF, &json!({})).await.expect(200);
    shop.post(&path, STAFF, &json!({})).await.expect(200);
    assert_eq!(
        shop.get("calls", KIOSK).await.expect(200)["calls"],
        json!([])
    );
    assert_eq!(shop.alert("call:").await, None);
    let mut heard = Vec::new();
    while heard.last().map(String::as_str) != Some("call.answered") {
        heard.push(live.next().await.unwrap().kind);
    }
    assert!(heard.contains(&"call.raised".to_owned()), "{heard:?}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_meets_a_fault_is_an_alert_with_its_first_words() {
    let shop = Shop::open(1000).await;
    let fault = |kind: &str, detail: &str| json!({"page": "kiosk", "kind": kind, "detail": detail});
    for detail in ["uz: cart.title", "uz: cart.empty"] {
        shop.post("client-errors", KIOSK, &fault("words", detail))
            .await
            .expect(202);
    }
    let alert = shop.alert("page:kiosk:").await.unwrap();
    let told = alert["detail"].as_str().unwrap();
    assert!(told.ends_with("kiosk: uz: cart.title"), "{told}");
    shop.post("client-errors", KIOSK, &fault("mood", "bad"))
        .await
        .expect_problem(422, "invalid");
    let nobody = shop
        .bare(
            Method::POST,
            "/api/v1/client-errors",
            None,
            Some(fault("words", "x")),
        )
        .await;
    nobody.expect_problem(401, "unauthorised");
    shop.close().await;
}
