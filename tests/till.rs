//! The till besides sales, from outside: money in the drawer, the shift's report beside the printer's own counters, a
//! correction of a sale without a receipt, and what people ask of the printer directly.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{KIOSK, STAFF, Shop, TILL, eventually};
use serde_json::{Value, json};

async fn report(shop: &Shop, wanted: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(wanted, async || {
        let report = shop.get("shift/report", STAFF).await.expect(200);
        if is(&report) {
            Ok(report)
        } else {
            Err(report.to_string())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_shift_and_the_printers_counters_are_the_same_to_the_kopeck() {
    let shop = Shop::open(1000).await;
    shop.get("shift/report", STAFF)
        .await
        .expect_problem(404, "not_found");
    for (dish, tender) in [
        ("plov", "cash"),
        ("borscht", "card_terminal"),
        ("mors", "cash"),
    ] {
        let order = shop.place(&[dish]).await;
        shop.pay(&order, tender).await;
        shop.fetch(&order).await;
    }
    let refunded = shop.place(&["caesar"]).await;
    shop.pay(&refunded, "sbp_qr").await;
    shop.await_order(&refunded, &["ready"]).await;
    let path = format!("orders/{refunded}/refunds");
    shop.post(&path, STAFF, &json!({"reason": "cold"}))
        .await
        .expect(201);
    for (direction, sum) in [("in", 500_000), ("out", 120_050)] {
        let cash = json!({"direction": direction, "sum_minor": sum, "who": "Анна Петрова", "why": "размен"});
        shop.post("shift/cash", KIOSK, &cash)
            .await
            .expect_problem(403, "forbidden");
        shop.post("shift/cash", STAFF, &cash).await.expect(202);
    }
    let all =
        json!({"direction": "out", "sum_minor": 99_999_900, "who": "Анна Петрова", "why": "всё"});
    shop.post("shift/cash", STAFF, &all)
        .await
        .expect_problem(409, "conflict");
    let open = report(&shop, "the counted cash and the return", |r| {
        r["drawer"]["moves"].as_array().unwrap().len() == 2
            && r["returns"]["count"] == 1
            && r["end"].is_object()
    })
    .await;
    assert_eq!(open["differences"], json!([]), "{open}");
    let in_cash = open["sales"]["tenders"][0].clone();
    assert_eq!(in_cash["tender"], "cash");
    assert_eq!(
        open["drawer"]["expected_minor"].as_i64(),
        in_cash["sum_minor"]
            .as_i64()
            .map(|sum| sum + 500_000 - 120_050)
    );
    assert_eq!(open["drawer"]["moves"][0]["who"], "Анна Петрова");

    shop.end_day().await;
    let closed = report(&shop, "the closed shift", |r| r["state"] == "closed").await;
    assert_eq!(closed["differences"], json!([]), "{closed}");
    assert!(
        closed["start"].is_object() && closed["end"].is_object(),
        "{closed}"
    );
    assert_eq!(
        closed["end"]["drawer"]["cash_minor"],
        closed["drawer"]["expected_minor"]
    );
    assert_eq!(closed["net_minor"], open["net_minor"]);
    assert!(closed["closing_document"].as_u64() > closed["opening_document"].as_u64());
    let number = closed["shift"].as_u64().unwrap();
    let again = shop
        .get(&format!("shift/report?shift={number}"), STAFF)
        .await;
    assert_eq!(again.expect(200)["net_minor"], closed["net_minor"]);
    shop.get("shift/report?shift=999", STAFF)
        .await
        .expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_went_without_a_receipt_gets_a_correction_and_exact_books() {
    let shop = Shop::open(1000).await;
    // The shift is open, and the printer is there when the order is placed.
    let first = shop.place(&["mors"]).await;
    shop.pay(&first, "cash").await;
    shop.fetch(&first).await;
    shop.switch("printer_cable", false).await;
    let order = shop.place(&["plov"]).await;
    shop.pay(&order, "cash").await;
    shop.await_order(&order, &["paid"]).await;
    let path = format!("orders/{order}/correction");
    let wish = json!({"who": "Анна Петрова", "why": "касса не печатала", "served": false});
    shop.post(&path, TILL, &wish)
        .await
        .expect_problem(403, "forbidden");
    let nobody = json!({"who": " ", "why": "x"});
    shop.post(&path, STAFF, &nobody)
        .await
        .expect_problem(422, "invalid");
    let asked = eventually("a receipt that is not under way", async || {
        let answer = shop.post(&path, STAFF, &wish).await;
        match answer.status {
            202 => Ok(answer.body),
            _ => Err(answer.body.to_string()),
        }
    })
    .await;
    assert_eq!(
        asked["receipts"][1]["correction"]["why"],
        "касса не печатала"
    );
    shop.post(&path, STAFF, &wish)
        .await
        .expect_problem(409, "conflict");
    shop.switch("printer_cable", true).await;
    let done = shop.fetch(&order).await;
    assert_eq!(done["state"], "closed");
    let states: Vec<&str> = done["receipts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["pending", "registered"], "{done}");
    let report = report(&shop, "the correction", |r| {
        r["corrections"]["count"] == 1 && r["end"].is_object()
    })
    .await;
    assert_eq!(report["corrections"]["sum_minor"], 42_000);
    assert_eq!(report["differences"], json!([]), "{report}");
    let books = shop.end_day().await;
    let t = &books["totals"];
    assert_eq!(t["receipted_minor"], t["captured_minor"]);
    assert_eq!(t["accounting_minor"], t["captured_minor"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_the_drawer_is_counted_once_through_power_cuts() {
    let shop = Shop::open(1000).await;
    let order = shop.place(&["mors"]).await;
    shop.pay(&order, "cash").await;
    shop.fetch(&order).await;
    for round in 1..=3 {
        let cash = json!({"direction": "in", "sum_minor": 100_000 * round, "who": "Анна", "why": "размен"});
        shop.post("shift/cash", STAFF, &cash).await.expect(202);
        shop.power_cut().await;
    }
    let report = report(&shop, "all of the cash", |r| {
        r["drawer"]["moves"].as_array().unwrap().len() == 3 && r["end"].is_object()
    })
    .await;
    assert_eq!(report["end"]["drawer"]["ins"], 3, "{report}");
    assert_eq!(report["drawer"]["in_minor"], 600_000);
    assert_eq!(report["differences"], json!([]), "{report}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_ask_of_the_printer_is_done_or_refused_in_words_and_stands_in_the_log() {
    let shop = Shop::open(1000).await;
    let printer = |what: &str| format!("devices/printer/{what}");
    shop.get(&printer("info"), KIOSK)
        .await
        .expect_problem(403, "forbidden");
    let info = eventually("the printer", async || {
        let answer = shop.get(&printer("info"), STAFF).await;
        match answer.status {
            200 => Ok(answer.body),
            _ => Err(answer.body.to_string()),
        }
    })
    .await;
    assert_eq!(info["backend"], "atol_native");
    for what in [
        "registration",
        "drive",
        "ofd",
        "totals",
        "clock",
        "tables/2/1/1",
    ] {
        shop.get(&printer(what), STAFF).await.expect(200);
    }
    shop.get(&printer("documents/999999"), STAFF)
        .await
        .expect_problem(404, "not_found");
    let law = shop.get(&printer("law"), STAFF).await.expect(200);
    assert_eq!(
        (&law["blocked"], &law["findings"]),
        (&json!(false), &json!([]))
    );

    let order = shop.place(&["plov"]).await;
    let slips = printer("slips");
    shop.post(
        &slips,
        STAFF,
        &json!({"kind": "pre_bill", "order_id": order}),
    )
    .await
    .expect(200);
    shop.post(&slips, STAFF, &json!({"kind": "text", "lines": []}))
        .await
        .expect_problem(422, "invalid");
    shop.post(&printer("drawer"), STAFF, &json!({}))
        .await
        .expect_problem(409, "device_cannot");
    shop.pay(&order, "cash").await;
    shop.fetch(&order).await;
    shop.post(&printer("clock"), STAFF, &json!({}))
        .await
        .expect_problem(409, "conflict");
    shop.post("shift/close", STAFF, &json!({}))
        .await
        .expect(202);
    eventually("the closed shift", async || {
        let shift = shop.get("shift", STAFF).await.expect(200);
        if shift["state"] == "closed" {
            Ok(())
        } else {
            Err(shift.to_string())
        }
    })
    .await;
    let clock = shop.post(&printer("clock"), STAFF, &json!({})).await;
    assert!(clock.expect(200)["ahead_s"].as_i64().unwrap().abs() < 60);
    shop.switch("printer_cable", false).await;
    shop.get(&printer("drive"), STAFF)
        .await
        .expect_problem(503, "device_away");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_on_the_printer_is_done_once_for_its_key() {
    let shop = Shop::open(1000).await;
    let order = shop.place(&["mors"]).await;
    shop.pay(&order, "cash").await;
    shop.fetch(&order).await;
    shop.settled().await;
    let printer = &shop.running.outside().printer;
    let slip = json!({"kind": "text", "lines": ["Once"]});
    let path = "devices/printer/slips";
    let printed = || {
        let paper = printer.paper(usize::MAX);
        paper.iter().filter(|line| line.contains("Once")).count()
    };
    let k = common::key();
    // At the same time, and later.
    let both =
        futures_util::future::join_all((0..3).map(|_| shop.post_keyed(path, STAFF, &k, &slip)))
            .await;
    assert_eq!(both.iter().filter(|a| !a.replayed).count(), 1, "{both:?}");
    assert!(
        both.iter()
            .all(|a| a.status == 200 && a.body == both[0].body),
        "{both:?}"
    );
    shop.power_cut().await;
    let later = shop.post_keyed(path, STAFF, &k, &slip).await;
    assert!(later.replayed);
    assert_eq!(later.expect(200), both[0].body);
    assert_eq!(printed(), 1);
    let other = json!({"kind": "text", "lines": ["Twice"]});
    shop.post_keyed(path, STAFF, &k, &other)
        .await
        .expect_problem(409, "idempotency_key_reused");
    shop.post_keyed("devices/printer/copy-last", STAFF, &k, &json!({}))
        .await
        .expect_problem(409, "idempotency_key_reused");

    // An act that was refused keeps no key: with the cable in again it is done.
    let k = common::key();
    let copy = "devices/printer/copy-last";
    shop.switch("printer_cable", false).await;
    shop.post_keyed(copy, STAFF, &k, &json!({}))
        .await
        .expect_problem(503, "device_away");
    shop.switch("printer_cable", true).await;
    let copied = shop.post_keyed(copy, STAFF, &k, &json!({})).await;
    assert!(!copied.replayed);
    copied.expect(200);
    assert!(shop.post_keyed(copy, STAFF, &k, &json!({})).await.replayed);
    // A pocket model has no knife.
    shop.post("devices/printer/cut", STAFF, &json!({}))
        .await
        .expect_problem(409, "device_cannot");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_of_format_1_05_takes_a_wrong_receipt_back_by_an_ordinary_return() {
    let shop = Shop::open(1000).await;
    let order = shop.place(&["plov"]).await;
    shop.pay(&order, "cash").await;
    let sold = shop.fetch(&order).await;
    let number = sold["receipts"][0]["document_number"].as_u64().unwrap();
    let sign = sold["receipts"][0]["fiscal_sign"].as_u64().unwrap();
    let path = format!("receipts/{number}/correction");
    let mut wish = json!({"who": "Анна Петрова", "why": "оплатили картой",
        "right": {"tenders": [{"tender": "card_terminal", "sum_minor": 42_000}]}});
    shop.post(&path, TILL, &wish)
        .await
        .expect_problem(403, "forbidden");
    wish["prescription"] = json!({"number": "5", "date": "2026-01-20"});
    shop.post(&path, STAFF, &wish)
        .await
        .expect_problem(409, "conflict");
    wish["prescription"] = Value::Null;
    shop.post(&path, STAFF, &wish).await.expect(202);
    // The cable comes out in the middle of it.
    shop.switch("printer_cable", false).await;
    shop.power_cut().await;
    shop.switch("printer_cable", true).await;
    eventually("the right receipt", async || {
        let order = shop.order(&order).await;
        let all = order["receipts"].as_array().unwrap();
        if all.len() == 3 && all.iter().all(|r| r["state"] == "registered") {
            Ok(())
        } else {
            Err(order.to_string())
        }
    })
    .await;
    let documents = shop.running.outside().printer.receipts();
    let signed = documents
        .iter()
        .filter(|d| d.key.as_deref() == Some(sign.to_string().as_str()));
    let said: Vec<_> = signed.map(|d| (d.operation, d.tenders.clone())).collect();
    assert_eq!(
        said,
        [(Some(2), vec![(1, 42_000)]), (Some(1), vec![(2, 42_000)])]
    );
    let report = report(&shop, "all of it", |r| {
        r["end"].is_object() && r["sales"]["count"] == 2
    })
    .await;
    assert_eq!(report["differences"], json!([]), "{report}");
    let books = shop.end_day().await;
    let t = &books["totals"];
    assert_eq!(
        (&t["receipted_minor"], &t["returned_minor"]),
        (&json!(42_000), &json!(0))
    );
    assert_eq!(t["accounting_minor"], t["captured_minor"]);
    shop.close().await;
}
