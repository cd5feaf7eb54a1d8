//! A day of the store, seen from outside: the public doors, and the systems around it.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{KIOSK, STAFF, Shop, eventually, id};
use serde_json::{Value, json};

fn words(order: &Value, list: &str, field: &str) -> Vec<String> {
    let items = order[list].as_array().unwrap().iter();
    items
        .map(|i| i[field].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_every_tender_leaves_exact_books_everywhere() {
    let shop = Shop::open(1000).await;
    let mut live = shop.live(None, STAFF).await;
    assert_eq!(live.next().await.unwrap().kind, "hello");

    // By QR code.
    let by_qr = shop.place(&["borscht", "mors"]).await;
    let placed = shop.order(&by_qr).await;
    assert_eq!(placed["state"], "placed");
    assert_eq!(
        (&placed["total_minor"], &placed["due_minor"]),
        (&json!(47000), &json!(47000))
    );
    let payment = shop.start_payment(&by_qr, "sbp_qr").await;
    let shown = shop.await_payment(&payment, "waiting").await;
    assert!(
        shown["qr"]["payload"]
            .as_str()
            .unwrap()
            .starts_with("https://"),
        "{shown}"
    );
    assert_eq!(shop.order(&by_qr).await["due_minor"], 0);
    shop.phone_pays(&by_qr).await;
    shop.await_payment(&payment, "captured").await;
    // By card, in cash; the fourth regrets it.
    let by_card = shop.place(&["plov"]).await;
    shop.pay(&by_card, "card_terminal").await;
    let in_cash = shop.place(&["caesar", "green-tea"]).await;
    shop.pay(&in_cash, "cash").await;
    let regretted = shop.place(&["syrniki"]).await;
    shop.pay(&regretted, "sbp_qr").await;

    for order in [&by_qr, &by_card, &in_cash] {
        let closed = shop.fetch(order).await;
        assert_eq!(closed["state"], "closed");
        assert!(
            words(&closed, "dishes", "state")
                .iter()
                .all(|s| s == "done"),
            "{closed}"
        );
        shop.assert_once(&closed);
    }
    shop.await_order(&regretted, &["ready"]).await;
    let refund = json!({"reason": "cold"});
    let path = format!("orders/{regretted}/refunds");
    let asked = shop.post(&path, STAFF, &refund).await.expect(201);
    assert_eq!(asked["refunds"].as_array().unwrap().len(), 1);
    let refunded = eventually("the return receipt", async || {
        let order = shop.order(&regretted).await;
        let states = words(&order, "receipts", "state");
        if order["state"] == "refunded" && states == ["registered", "registered"] {
            Ok(order)
        } else {
            Err(order.to_string())
        }
    })
    .await;
    assert_eq!(
        words(&refunded, "receipts", "kind"),
        ["sale", "sale_return"]
    );
    assert_eq!(refunded["payments"][0]["refunded_minor"], 27000);

    // The fiscal drive has each receipt once, with our key, number and sign.
    let drive = shop.running.outside().printer.receipts();
    assert_eq!(drive.len(), 5);
    for order in [&by_qr, &by_card, &in_cash, &regretted] {
        for receipt in shop.order(order).await["receipts"].as_array().unwrap() {
            let key = receipt["key"].as_str().unwrap();
            let found: Vec<_> = drive
                .iter()
                .filter(|d| d.key.as_deref() == Some(key))
                .collect();
            assert_eq!(found.len(), 1, "{key}");
            assert_eq!(json!(found[0].number), receipt["document_number"]);
            assert_eq!(json!(found[0].sign), receipt["fiscal_sign"]);
            assert_eq!(json!(found[0].total_minor), receipt["total_minor"]);
        }
    }

    let before = shop.get("shift", STAFF).await.expect(200);
    assert_eq!(before["sales_minor"], 47000 + 42000 + 45000 + 27000);
    assert_eq!(
        (&before["returns_minor"], &before["receipts"]),
        (&json!(27000), &json!(5))
    );
    let books = shop.end_day().await;
    let t = &books["totals"];
    assert_eq!((&t["orders"], &t["cook_jobs_done"]), (&json!(4), &json!(6)));
    assert_eq!(
        (&t["captured_minor"], &t["refunded_minor"]),
        (&json!(161_000), &json!(27000))
    );
    assert_eq!(
        (&t["receipted_minor"], &t["returned_minor"]),
        (&json!(161_000), &json!(27000))
    );
    assert_eq!(t["accounting_minor"], 134_000);

    // 1C has the report of the shift, once and posted.
    let documents = shop.running.outside().one_c.documents();
    let posted: Vec<_> = documents.iter().filter(|d| d.posted).collect();
    assert_eq!(posted.len(), documents.len(), "{documents:?}");
    assert!(posted.iter().all(|d| d.postings == 1), "{documents:?}");
    assert_eq!(
        posted.iter().map(|d| d.total_minor).sum::<i64>(),
        134_000,
        "{documents:?}"
    );
    assert_eq!(posted.len(), 1, "{documents:?}");

    // Headquarters has every event.
    let head = shop.head().await;
    let stores = format!("{}api/v1/stores", shop.running.addresses.hq);
    eventually("headquarters", async || {
        let text = shop
            .http
            .get(&stores)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let rows: Value = serde_json::from_str(&text).unwrap();
        let row = &rows["stores"][0];
        if row["events"] == head
            && row["backlog"] == 0
            && row["sales_today_minor"] == 161_000 - 27_000
        {
            Ok(())
        } else {
            Err(format!("{text}; the head is {head}"))
        }
    })
    .await;

    // Everything was told to those who watch, in the order in which it happened.
    let mut kinds = Vec::new();
    while let Some(message) = live.next().await {
        if message.data["order_id"] == by_qr.as_str()
            && !["cook.", "stock."]
                .iter()
                .any(|p| message.kind.starts_with(p))
        {
            kinds.push(message.kind.clone());
        }
        if message.seq >= head {
            break;
        }
    }
    let story = [
        "order.placed",
        "payment.started",
        "payment.shown",
        "payment.captured",
        "order.paid",
        "receipt.requested",
        "receipt.registered",
        "order.ready",
        "order.closed",
    ];
    assert_eq!(kinds, story);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_never_goes_a_step_back() {
    let shop = Shop::open(200).await;
    let order = shop.place(&["achichuk"]).await;
    let mut seen = vec!["placed".to_owned()];
    let mut live = shop.live(None, KIOSK).await;
    let payment = shop.start_payment(&order, "card_terminal").await;
    shop.card_approved(&payment).await;
    loop {
        let message = live.next().await.unwrap();
        if message.data["order_id"] != order.as_str() {
            continue;
        }
        let now = shop.order(&order).await["state"]
            .as_str()
            .unwrap()
            .to_owned();
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        if seen.last().is_some_and(|s| s == "ready") {
            break;
        }
    }
    let all = ["placed", "paid", "receipted", "cooking", "ready"];
    // A quick step may pass between two looks; none may come out of turn.
    let mut rest = all.iter();
    for state in &seen {
        assert!(rest.any(|s| s == state), "{seen:?}");
    }
    assert_eq!(id(&shop.order(&order).await), order);
    shop.close().await;
}
