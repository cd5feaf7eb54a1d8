//! The store's door and those who don't know how to use it: every wrong request gets its problem document, and
//! changes nothing.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

mod common;
#[path = "api/described.rs"]
mod described;

use common::{BOARD, KIOSK, STAFF, Shop, TILL, id, key, wish};
use reqwest::Method;
use serde_json::{Value, json};

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// A request that must be refused.
struct Wrong {
    what: &'static str,
    token: &'static str,
    path: String,
    body: String,
    status: u16,
    slug: &'static str,
}

fn wrong(
    what: &'static str,
    token: &'static str,
    path: impl Into<String>,
    body: impl ToString,
    (status, slug): (u16, &'static str),
) -> Wrong {
    Wrong {
        what,
        token,
        path: path.into(),
        body: body.to_string(),
        status,
        slug,
    }
}

impl Shop {
    /// Sends all of them; none may leave a trace in the log.
    async fn refuse_all(&self, all: Vec<Wrong>) {
        let before = self.quiet().await;
        for w in all {
            let path = format!("/api/v1/{}", w.path);
            let answer = self
                .send(
                    Method::POST,
                    &path,
                    Some(w.token),
                    Some(&key()),
                    Some(w.body.into_bytes()),
                )
                .await
                .unwrap_or_else(|| panic!("{}: no answer", w.what));
            assert_eq!(
                (answer.status, answer.body["slug"].as_str()),
                (w.status, Some(w.slug)),
                "{}: {}",
                w.what,
                answer.body
            );
            answer.expect_problem(w.status, w.slug);
            assert_eq!(self.head().await, before, "{} left a trace", w.what);
        }
    }
}

fn line(dish: &str, quantity: Value) -> Value {
    json!({"language": "ru", "lines": [{"dish_id": dish, "quantity": quantity}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_order_is_refused_and_changes_nothing() {
    let shop = Shop::open(1000).await;
    let bad_json = (400, "bad_json");
    let quantity = (422, "bad_quantity");
    let priced = json!({"language": "uz", "lines": [{"dish_id": "plov", "quantity": 1, "price_minor": 41999}]});
    let mut unknown_field = wish(&["plov"]);
    unknown_field["discount"] = json!(50);
    let mut unknown_line_field = wish(&["plov"]);
    unknown_line_field["lines"][0]["sum_minor"] = json!(1);
    let mut phone = wish(&["plov"]);
    phone["phone"] = json!("12");
    let order = |what, body: Value, problem| wrong(what, KIOSK, "orders", body, problem);
    shop.refuse_all(vec![
        order("unknown dish", wish(&["pizza"]), (422, "unknown_dish")),
        order("no pieces", line("plov", json!(0)), quantity),
        order("fewer than no pieces", line("plov", json!(-1)), quantity),
        order("10,001 pieces", line("plov", json!(10_001)), quantity),
        order("the most pieces there are", line("plov", json!(i64::MAX)), quantity),
        order("pieces that no number holds", line("plov", json!(1e30)), bad_json),
        order("half a piece", line("plov", json!(0.5)), bad_json),
        order("26 and 25 of a dish", json!({"language": "en", "lines": [{"dish_id": "mors", "quantity": 26}, {"dish_id": "mors", "quantity": 25}]}), quantity),
        order("another price", priced, (409, "price_changed")),
        order("empty order", wish(&[]), (422, "empty_order")),
        order("unknown field", unknown_field, bad_json),
        order("unknown field of a line", unknown_line_field, bad_json),
        order("unknown language", json!({"language": "fr", "lines": []}), bad_json),
        order("no phone number", phone, (422, "invalid")),
        order("no object", json!([]), bad_json),
        order("no body", Value::Null, bad_json),
        wrong("cut JSON", KIOSK, "orders", r#"{"language": "ru", "lines": [{"#, bad_json),
        wrong("two bodies", KIOSK, "orders", format!("{}{}", wish(&["plov"]), wish(&["plov"])), bad_json),
        wrong("deep nesting", KIOSK, "orders", "[".repeat(100_000), bad_json),
    ])
    .await;
    // The price that counts is the store's, in the guest's words.
    let answer = shop.post("orders", KIOSK, &json!({"language": "uz", "lines": [{"dish_id": "plov", "quantity": 1, "price_minor": 1}]})).await;
    let problem = answer.expect_problem(409, "price_changed");
    assert!(
        problem["message"]["uz"]
            .as_str()
            .unwrap()
            .starts_with("Narx o‘zgardi")
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_do_something_is_told_so_before_anything_that_was_sent_is_read() {
    /// What who has no token does, and what every screen may.
    const OPEN: &[&str] = &["/client-errors", "/pairing", "/sessions"];
    let shop = Shop::open(1000).await;
    let described = shop.send(Method::GET, "/openapi.json", None, None, None);
    let described = described.await.unwrap().expect(200);
    let before = shop.quiet().await;
    let mut looked = 0;
    for (path, verbs) in described["paths"].as_object().unwrap() {
        let own = path.trim_start_matches("/api/v1");
        if verbs.get("post").is_none() || OPEN.contains(&own) {
            continue;
        }
        let path = match path.contains("/effects/") || path.contains("/tables/") {
            true => path
                .replace("{id}", "1")
                .replace("{table}/{row}/{field}", "1/1/1"),
            false => path.replace("{id}", NOBODY).replace("{receipt}", NOBODY),
        };
        let sent = shop.send(Method::POST, &path, Some(BOARD), None, Some(b"{".to_vec()));
        sent.await.unwrap().expect_problem(403, "forbidden");
        looked += 1;
    }
    assert!(looked > 60, "{looked}");
    assert_eq!(shop.head().await, before);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_ten_megabytes_is_refused() {
    let shop = Shop::open(1000).await;
    let before = shop.quiet().await;
    let body = format!(r#"{{"language": "{}"}}"#, "x".repeat(10 * 1024 * 1024)).into_bytes();
    for _ in 0..20 {
        let key = key();
        let sent = shop.send(
            Method::POST,
            "/api/v1/orders",
            Some(KIOSK),
            Some(&key),
            Some(body.clone()),
        );
        sent.await
            .expect("an answer, not a reset connection")
            .expect_problem(413, "body_too_large");
    }
    assert_eq!(shop.head().await, before);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_payments_and_refunds_are_refused_and_change_nothing() {
    let shop = Shop::open(1000).await;
    let paid = shop.place(&["mors"]).await;
    let cash = shop.pay(&paid, "cash").await;
    shop.fetch(&paid).await;
    let carded = shop.place(&["mors"]).await;
    let card = shop.start_payment(&carded, "card_terminal").await;
    let reported = json!({"result": "approved", "external_id": "op-1", "amount_minor": 12000});
    let result = format!("payments/{card}/result");
    // A sum that was not asked for is nobody's money.
    shop.post(
        &result,
        TILL,
        &json!({"result": "approved", "external_id": "op-1", "amount_minor": 11999}),
    )
    .await
    .expect_problem(422, "invalid");
    assert_eq!(shop.order(&carded).await["state"], "placed");
    shop.post(&result, TILL, &reported).await.expect(200);
    shop.fetch(&carded).await;
    // One operation of the terminal pays one order.
    let twin = shop.place(&["mors"]).await;
    let twin_card = shop.start_payment(&twin, "card_terminal").await;
    shop.post(&format!("payments/{twin_card}/result"), TILL, &reported)
        .await
        .expect_problem(409, "conflict");
    assert_eq!(shop.order(&twin).await["state"], "placed");
    shop.post(&format!("orders/{twin}/cancel"), KIOSK, &json!({}))
        .await
        .expect(200);
    let cancelled = shop.place(&["mors"]).await;
    shop.post(&format!("orders/{cancelled}/cancel"), KIOSK, &json!({}))
        .await
        .expect(200);
    let unpaid = shop.place(&["mors"]).await;
    let qr = shop.start_payment(&unpaid, "sbp_qr").await;
    shop.await_payment(&qr, "waiting").await;
    // Waiting for a guest's money is no rest: this one is given up too, with what the bank knows of it.
    shop.post(&format!("orders/{unpaid}/cancel"), KIOSK, &json!({}))
        .await
        .expect(200);
    shop.await_payment(&qr, "closed").await;

    let (conflict, invalid, forbidden) = ((409, "conflict"), (422, "invalid"), (403, "forbidden"));
    let pay = |o: &str| format!("orders/{o}/payments");
    let refund = |o: &str| format!("orders/{o}/refunds");
    let too_large = (422, "refund_too_large");
    shop.refuse_all(vec![
        wrong(
            "second payment of a paid order",
            KIOSK,
            pay(&paid),
            json!({"tender": "cash"}),
            (409, "already_paid"),
        ),
        wrong(
            "payment of a cancelled order",
            KIOSK,
            pay(&cancelled),
            json!({"tender": "cash"}),
            conflict,
        ),
        wrong(
            "payment of an unknown order",
            KIOSK,
            pay(NOBODY),
            json!({"tender": "cash"}),
            (404, "unknown_order"),
        ),
        wrong(
            "payment of no id",
            KIOSK,
            pay("17"),
            json!({"tender": "cash"}),
            (404, "not_found"),
        ),
        wrong(
            "unknown tender",
            KIOSK,
            pay(&paid),
            json!({"tender": "barter"}),
            invalid,
        ),
        wrong(
            "unknown field",
            KIOSK,
            pay(&paid),
            json!({"tender": "cash", "tip": 1}),
            (400, "bad_json"),
        ),
        wrong(
            "cancelling a paid order",
            STAFF,
            format!("orders/{paid}/cancel"),
            json!({}),
            (409, "already_paid"),
        ),
        wrong(
            "cancelling an unknown order",
            STAFF,
            format!("orders/{NOBODY}/cancel"),
            json!({}),
            (404, "unknown_order"),
        ),
        wrong(
            "handing an unpaid order over",
            STAFF,
            format!("orders/{cancelled}/hand-over"),
            json!({}),
            conflict,
        ),
        wrong(
            "refund above what was paid",
            STAFF,
            refund(&paid),
            json!({"amount_minor": 12001, "reason": "x"}),
            too_large,
        ),
        wrong(
            "refund of nothing",
            STAFF,
            refund(&paid),
            json!({"amount_minor": 0, "reason": "x"}),
            invalid,
        ),
        wrong(
            "refund below nothing",
            STAFF,
            refund(&paid),
            json!({"amount_minor": -1, "reason": "x"}),
            invalid,
        ),
        wrong(
            "refund of an unpaid order",
            STAFF,
            refund(&cancelled),
            json!({"reason": "x"}),
            conflict,
        ),
        wrong(
            "refund without a reason",
            STAFF,
            refund(&paid),
            json!({"reason": " "}),
            invalid,
        ),
        wrong(
            "refund by a kiosk",
            KIOSK,
            refund(&paid),
            json!({"reason": "x"}),
            forbidden,
        ),
        wrong(
            "refund by the till's link",
            TILL,
            refund(&paid),
            json!({"reason": "x"}),
            forbidden,
        ),
        wrong(
            "unknown refund",
            STAFF,
            format!("refunds/{NOBODY}/confirm"),
            json!({}),
            (404, "not_found"),
        ),
        wrong(
            "result of an unknown payment",
            TILL,
            format!("payments/{NOBODY}/result"),
            reported.clone(),
            (404, "unknown_payment"),
        ),
        wrong(
            "result of a payment by QR",
            TILL,
            format!("payments/{qr}/result"),
            reported.clone(),
            conflict,
        ),
        wrong(
            "result of a payment in cash",
            TILL,
            format!("payments/{cash}/result"),
            reported.clone(),
            conflict,
        ),
        wrong(
            "result by a kiosk",
            KIOSK,
            result.clone(),
            reported.clone(),
            forbidden,
        ),
        wrong(
            "a result that contradicts: declined",
            TILL,
            result.clone(),
            json!({"result": "declined", "external_id": "op-1"}),
            conflict,
        ),
        wrong(
            "a result that contradicts: sum",
            TILL,
            result.clone(),
            json!({"result": "approved", "external_id": "op-1", "amount_minor": 1}),
            conflict,
        ),
        wrong(
            "a result without the operation's id",
            TILL,
            result.clone(),
            json!({"result": "approved", "external_id": " "}),
            invalid,
        ),
        wrong(
            "no result",
            TILL,
            result.clone(),
            json!({"result": "maybe", "external_id": "op-1"}),
            invalid,
        ),
        wrong(
            "cash confirmed for a card",
            STAFF,
            format!("payments/{card}/confirm"),
            json!({}),
            conflict,
        ),
        wrong(
            "cash confirmed by a kiosk",
            KIOSK,
            format!("payments/{cash}/confirm"),
            json!({}),
            forbidden,
        ),
    ])
    .await;

    // The same report again is no news.
    let before = shop.quiet().await;
    let again = shop.post(&result, TILL, &reported).await.expect(200);
    assert_eq!(again["state"], "captured");
    shop.cash_taken(&cash).await;
    assert_eq!(shop.head().await, before);
    shop.end_day().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_under_way_leaves_nothing_due() {
    let shop = Shop::open(1000).await;
    let order = shop.place(&["plov"]).await;
    let path = format!("orders/{order}/payments");
    for amount in [0, -1, 42001] {
        let body = json!({"tender": "cash", "amount_minor": amount});
        shop.post(&path, KIOSK, &body)
            .await
            .expect_problem(422, "invalid");
    }
    let card = shop.start_payment(&order, "card_terminal").await;
    shop.post(&path, KIOSK, &json!({"tender": "cash"}))
        .await
        .expect_problem(409, "already_paid");
    // Declined: the guest may try again.
    let declined = json!({"result": "declined", "external_id": "op-1"});
    let result = format!("payments/{card}/result");
    assert_eq!(
        shop.post(&result, TILL, &declined).await.expect(200)["state"],
        "declined"
    );
    let before = shop.quiet().await;
    shop.post(&result, TILL, &declined).await.expect(200);
    assert_eq!(shop.head().await, before, "the same report twice");
    assert_eq!(shop.order(&order).await["due_minor"], 42000);
    shop.pay(&order, "cash").await;
    shop.fetch(&order).await;
    shop.end_day().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_does_what_is_not_theirs() {
    let shop = Shop::open(1000).await;
    let others = id(&shop
        .post("orders", TILL, &wish(&["mors"]))
        .await
        .expect(201));
    let pay = json!({"tender": "cash"});
    let others_pay = format!("orders/{others}/payments");
    let payment = id(&shop.post(&others_pay, TILL, &pay).await.expect(201));
    let forbidden = (403, "forbidden");
    let unknown = (404, "unknown_order");
    let mut all: Vec<Wrong> = [
        "shift/open",
        "shift/close",
        "shift/x-report",
        "robot/pause",
        "robot/resume",
        "robot/jobs/x/abort",
        "sync/now",
        "tls/renew",
    ]
    .into_iter()
    .flat_map(|path| {
        [KIOSK, BOARD, TILL].map(|token| wrong(path, token, path, json!({}), forbidden))
    })
    .collect();
    all.extend([
        wrong(
            "stock in",
            KIOSK,
            "stock/receive",
            json!({"ingredient_id": "rice", "quantity": 1}),
            forbidden,
        ),
        wrong(
            "stock counted",
            KIOSK,
            "stock/count",
            json!({"ingredient_id": "rice", "counted": 1, "reason": "x"}),
            forbidden,
        ),
        wrong(
            "deciding",
            KIOSK,
            "effects/1/settle",
            json!({"outcome": "done", "reason": "x"}),
            forbidden,
        ),
        wrong(
            "pressing",
            KIOSK,
            "robot/jobs/x/ready",
            json!({}),
            forbidden,
        ),
        wrong(
            "handing over",
            KIOSK,
            format!("orders/{others}/hand-over"),
            json!({}),
            forbidden,
        ),
        wrong(
            "refunding",
            KIOSK,
            format!("orders/{others}/refunds"),
            json!({"reason": "x"}),
            forbidden,
        ),
        wrong(
            "a board orders",
            BOARD,
            "orders",
            wish(&["plov"]),
            forbidden,
        ),
        wrong("another's order paid", KIOSK, others_pay, pay, unknown),
        wrong(
            "another's order cancelled",
            KIOSK,
            format!("orders/{others}/cancel"),
            json!({}),
            unknown,
        ),
        wrong(
            "stock of nothing known",
            STAFF,
            "stock/receive",
            json!({"ingredient_id": "gold", "quantity": 1}),
            (404, "not_found"),
        ),
        wrong(
            "a list for no arguments",
            STAFF,
            "backups",
            json!([]),
            (400, "bad_json"),
        ),
        wrong(
            "no stock in",
            STAFF,
            "stock/receive",
            json!({"ingredient_id": "rice", "quantity": 0}),
            (422, "invalid"),
        ),
        wrong(
            "stock in beyond all measure",
            STAFF,
            "stock/receive",
            json!({"ingredient_id": "rice", "quantity": i64::MAX}),
            (422, "invalid"),
        ),
        wrong(
            "stock counted beyond all measure",
            STAFF,
            "stock/count",
            json!({"ingredient_id": "rice", "counted": 1_000_000_000_000_000_i64, "reason": "x"}),
            (422, "invalid"),
        ),
        wrong(
            "stock counted below nothing",
            STAFF,
            "stock/count",
            json!({"ingredient_id": "rice", "counted": -1, "reason": "x"}),
            (422, "invalid"),
        ),
    ]);
    // Before the order is settled there is no rest: it is waiting for cash, which nobody but a cashier takes.
    shop.refuse_all(all).await;
    for path in [
        "orders",
        "stock",
        "shift",
        "devices",
        "alerts",
        "sync",
        "reconcile",
        "fiscal/status",
        "fiscal/last",
        "robot/status",
        "robot/jobs",
    ] {
        shop.get(path, KIOSK).await.expect_problem(403, "forbidden");
    }
    shop.get(&format!("orders/{others}"), KIOSK)
        .await
        .expect_problem(404, "unknown_order");
    shop.get(&format!("orders/{others}"), BOARD)
        .await
        .expect_problem(403, "forbidden");
    shop.get(&format!("orders/{NOBODY}"), KIOSK)
        .await
        .expect_problem(404, "unknown_order");
    shop.get("orders/no-id", KIOSK)
        .await
        .expect_problem(404, "not_found");
    shop.get("orders?limit=many", STAFF)
        .await
        .expect_problem(422, "invalid");
    shop.get("orders?state=lost", STAFF)
        .await
        .expect_problem(422, "invalid");
    shop.get(&format!("payments/{payment}"), KIOSK)
        .await
        .expect_problem(404, "unknown_payment");
    shop.get(&format!("payments/{payment}/qr.svg"), KIOSK)
        .await
        .expect_problem(404, "unknown_payment");
    shop.get("nothing", STAFF)
        .await
        .expect_problem(404, "not_found");
    let wrong_way = shop
        .send(Method::DELETE, "/api/v1/orders", Some(STAFF), None, None)
        .await;
    wrong_way.unwrap().expect_problem(405, "method_not_allowed");
    // Its own order it may see.
    let own = shop.place(&["mors"]).await;
    shop.get(&format!("orders/{own}"), KIOSK).await.expect(200);
    shop.close().await;
}
