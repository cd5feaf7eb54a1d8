//! Members' points through the public door: joined, spent with another tender beside them, given back, and whole after
//! power cuts.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{KIOSK, STAFF, Shop, eventually, id, key, wish};
use galley::domain::ids::MemberId;
use serde_json::{Value, json};

const PHONE: &str = "+7 916 123-45-67";

async fn join(shop: &Shop, phone: &str) -> String {
    let body = json!({"phone": phone, "terms": "1"});
    let member = shop.post("loyalty/members", KIOSK, &body).await.expect(201);
    member["member"].as_str().unwrap().to_owned()
}

async fn adjust(shop: &Shop, member: &str, points: i64) -> Value {
    let path = format!("loyalty/members/{member}/adjust");
    let body = json!({"points": points, "reason": "a gift"});
    shop.post(&path, STAFF, &body).await.expect(200)
}

async fn account(shop: &Shop, member: &str) -> Value {
    let path = format!("loyalty/members/{member}");
    shop.get(&path, STAFF).await.expect(200)
}

async fn await_balance(shop: &Shop, member: &str, balance: i64) -> Value {
    eventually(&format!("a balance of {balance}"), async || {
        let now = account(shop, member).await;
        match now["balance"] == balance && now["held"] == 0 {
            true => Ok(now),
            false => Err(now.to_string()),
        }
    })
    .await
}

async fn place(shop: &Shop, member: &str, dishes: &[&str]) -> String {
    let mut wish = wish(dishes);
    wish["member"] = member.into();
    id(&shop.post("orders", KIOSK, &wish).await.expect(201))
}

/// A part by points, the rest by card.
async fn pay(shop: &Shop, order: &str, points: i64) {
    let path = format!("orders/{order}/payments");
    let body = json!({"tender": "loyalty_points", "amount_minor": points * 100});
    let payment = id(&shop.post(&path, KIOSK, &body).await.expect(201));
    let paid = shop.await_payment(&payment, "captured").await;
    assert_eq!(paid["points"], points);
    shop.pay(order, "card_terminal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_with_points_leaves_exact_books_everywhere() {
    let shop = Shop::open(1000).await;
    // Nobody yet; the answer says no more than that.
    let ask = json!({"phone": PHONE});
    shop.post("loyalty/lookup", KIOSK, &ask)
        .await
        .expect_problem(404, "unknown_member");
    let old = json!({"phone": PHONE, "terms": "0"});
    shop.post("loyalty/members", KIOSK, &old)
        .await
        .expect_problem(409, "conflict");
    let member = join(&shop, PHONE).await;
    // Written otherwise it is the same number, and the same member.
    assert_eq!(join(&shop, "89161234567").await, member);
    adjust(&shop, &member, 300).await;

    // The quote: 420 roubles, at most 30 % by points, 5 % of the rest earned.
    let mut asked = wish(&["plov"]);
    asked["member"] = member.as_str().into();
    let quote = shop.post("quote", KIOSK, &asked).await.expect(200);
    assert_eq!(
        quote["points"],
        json!({"balance": 300, "earns": 21, "spendable": 126, "spendable_minor": 12600})
    );

    // Too many, or a part of one, are not taken; nobody's order takes none.
    let order = place(&shop, &member, &["plov"]).await;
    let path = format!("orders/{order}/payments");
    for (minor, status, slug) in [(12_700, 409, "conflict"), (12_550, 422, "invalid")] {
        let body = json!({"tender": "loyalty_points", "amount_minor": minor});
        shop.post(&path, KIOSK, &body)
            .await
            .expect_problem(status, slug);
    }
    let nobodys = shop.place(&["mors"]).await;
    shop.post(
        &format!("orders/{nobodys}/payments"),
        KIOSK,
        &json!({"tender": "loyalty_points"}),
    )
    .await
    .expect_problem(409, "conflict");
    shop.pay(&nobodys, "cash").await;
    shop.fetch(&nobodys).await;

    // 126 points and 294 roubles: the receipt is about the roubles.
    pay(&shop, &order, 126).await;
    let closed = shop.fetch(&order).await;
    let receipt = &closed["receipts"][0];
    assert_eq!(
        (&receipt["total_minor"], &closed["points"]["spent"]),
        (&json!(29_400), &json!(126))
    );
    let drive = shop.running.outside().printer.receipts();
    let found = drive
        .iter()
        .find(|d| d.key.as_deref() == receipt["key"].as_str());
    assert_eq!(found.map(|d| d.total_minor), Some(29_400));
    let now = await_balance(&shop, &member, 300 - 126 + 14).await;
    assert_eq!(
        (&now["spent_minor"], &now["moves"][0]["balance"]),
        (&json!(29_400), &json!(188))
    );

    // Two dishes, one of which goes back: its points come back, and what its money earned goes.
    let two = place(&shop, &member, &["caesar", "borscht"]).await;
    pay(&shop, &two, 71).await;
    shop.fetch(&two).await;
    let earned = (71_000 - 7_100) * 5 / 10_000;
    await_balance(&shop, &member, 188 - 71 + earned).await;
    let body = json!({"reason": "cold", "lines": [{"line_id": 0, "quantity": 1}]});
    let refund = shop
        .post(&format!("orders/{two}/refunds"), STAFF, &body)
        .await
        .expect(201);
    let parts: Vec<(String, i64)> = refund["order"]["refunds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (
                r["tender"].as_str().unwrap().to_owned(),
                r["amount_minor"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("loyalty_points".to_owned(), 3_600),
            ("card_terminal".to_owned(), 32_400)
        ]
    );
    for r in refund["refunds"].as_array().unwrap() {
        let r = r.as_str().unwrap();
        let path = format!("refunds/{r}/confirm");
        // The programme gives points back by itself; the card is a person's.
        let _ = shop.post(&path, STAFF, &json!({})).await;
    }
    let left = (35_000 - 3_500) * 5 / 10_000;
    await_balance(&shop, &member, 188 - 71 + 36 + left).await;

    // Given up before it is paid, what was held is free.
    let left_alone = place(&shop, &member, &["syrniki"]).await;
    let path = format!("orders/{left_alone}/payments");
    let held = id(&shop
        .post(&path, KIOSK, &json!({"tender": "loyalty_points"}))
        .await
        .expect(201));
    shop.await_payment(&held, "captured").await;
    assert!(account(&shop, &member).await["held"].as_i64().unwrap() > 0);
    let path = format!("orders/{left_alone}/cancel");
    shop.post(&path, KIOSK, &json!({})).await.expect(200);
    await_balance(&shop, &member, 188 - 71 + 36 + left).await;

    let books = shop.end_day().await;
    assert_eq!(books["differences"], json!([]), "{books}");
    let t = &books["totals"];
    assert_eq!(t["captured_minor"], 12_000 + 29_400 + 63_900);
    assert_eq!(t["receipted_minor"], t["captured_minor"]);
    assert_eq!(t["returned_minor"], 32_400);
    assert_eq!(t["points"], 126 + 35);
    assert_eq!(t["points_balance"], 188 - 71 + 36 + left);

    // No number is in the log; forgotten, nobody is known by it any more, and the points stay nobody's.
    let log = shop.get("log?limit=1000", STAFF).await.body.to_string();
    assert!(!log.contains("9161234567"), "the log has a phone number");
    let path = format!("loyalty/members/{member}/forget");
    assert_eq!(
        shop.post(&path, STAFF, &json!({})).await.expect(200)["rows"],
        1
    );
    shop.post("loyalty/lookup", KIOSK, &ask)
        .await
        .expect_problem(404, "unknown_member");
    assert_eq!(
        account(&shop, &member).await["balance"],
        188 - 71 + 36 + left
    );
    shop.close().await;
}

/// Power off, and on again.
async fn cut(shop: &Shop) {
    shop.power_cut().await;
    eventually("the store", async || {
        match shop.get("store", KIOSK).await.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_in_the_middle_moves_no_point_twice() {
    let shop = Shop::open(1000).await;
    let member = join(&shop, PHONE).await;
    adjust(&shop, &member, 1_000).await;
    let mut spent = 0;
    for _ in 0..3 {
        let order = place(&shop, &member, &["plov"]).await;
        let path = format!("orders/{order}/payments");
        let (body, again) = (
            json!({"tender": "loyalty_points", "amount_minor": 5_000}),
            key(),
        );
        let first = shop
            .post_keyed(&path, KIOSK, &again, &body)
            .await
            .expect(201);
        cut(&shop).await;
        // The kiosk never heard the answer, and repeats.
        let second = shop
            .post_keyed(&path, KIOSK, &again, &body)
            .await
            .expect(201);
        assert_eq!(id(&first), id(&second));
        shop.await_payment(&id(&first), "captured").await;
        shop.pay(&order, "cash").await;
        cut(&shop).await;
        shop.fetch(&order).await;
        spent += 50;
    }
    let earned = 3 * ((42_000 - 5_000) * 5 / 10_000);
    await_balance(&shop, &member, 1_000 - spent + earned).await;
    let books = shop.end_day().await;
    assert_eq!(books["differences"], json!([]), "{books}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_asks_for_many_numbers_is_made_to_wait() {
    let shop = Shop::open(1000).await;
    let mut refused = None;
    for n in 0..40 {
        let ask = json!({"phone": format!("+7916000{n:04}")});
        let answer = shop.post("loyalty/lookup", KIOSK, &ask).await;
        if answer.status == 429 {
            refused = Some((n, answer.body["retry_at"].is_number()));
            break;
        }
        assert_eq!(answer.status, 404);
    }
    assert_eq!(refused, Some((30, true)));
    // Another door is not kept waiting by it.
    let ask = json!({"phone": PHONE});
    shop.post("loyalty/lookup", STAFF, &ask)
        .await
        .expect_problem(404, "unknown_member");
    let nobody = MemberId(uuid::Uuid::from_u128(1));
    shop.get(&format!("loyalty/members/{nobody}"), STAFF)
        .await
        .expect_problem(404, "unknown_member");
    // A kiosk sees no accounts and adjusts none.
    shop.get(&format!("loyalty/members/{nobody}"), KIOSK)
        .await
        .expect_problem(403, "forbidden");
    shop.close().await;
}
