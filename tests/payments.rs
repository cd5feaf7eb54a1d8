//! Payments that are given up, contradicted or never shown: no money is lost, taken twice or kept.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod common;

use common::{KIOSK, STAFF, Shop, TILL, eventually, key};
use serde_json::{Value, json};

async fn cancel(shop: &Shop, payment: &str) -> common::Answer {
    let path = format!("payments/{payment}/cancel");
    shop.post(&path, KIOSK, &json!({})).await
}

async fn alerts(shop: &Shop, about: &str) -> Vec<Value> {
    let found = shop.get("alerts", STAFF).await.expect(200);
    let all = found["alerts"].as_array().unwrap();
    all.iter()
        .filter(|a| a["id"].as_str().is_some_and(|i| i.starts_with(about)))
        .cloned()
        .collect()
}

async fn refund_state(shop: &Shop, order: &str, state: &str) -> Value {
    eventually("the refund", async || {
        let seen = shop.order(order).await;
        match seen["refunds"].as_array().unwrap().as_slice() {
            [one] if one["state"] == state => Ok(seen),
            _ => Err(seen.to_string()),
        }
    })
    .await
}

#[tokio::test]
async fn a_cancelled_code_is_closed_at_the_bank_and_another_tender_pays_the_same_order() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    let code = shop.start_payment(&order, "sbp_qr").await;
    shop.await_payment(&code, "waiting").await;

    let closed = cancel(&shop, &code).await.expect(200);
    assert_eq!(closed["state"], "closed");
    assert_eq!(closed["withdrawn"], "asked");
    assert_eq!(closed["qr"], Value::Null);
    let again = cancel(&shop, &code).await.expect(200);
    assert_eq!(again["state"], "closed");
    let seen = shop.order(&order).await;
    assert_eq!(seen["state"], "placed");
    assert_eq!(seen["due_minor"], seen["total_minor"]);

    shop.pay(&order, "cash").await;
    let seen = shop.fetch(&order).await;
    assert_eq!(seen["payments"].as_array().unwrap().len(), 2);
    let books = shop.settled().await;
    assert_eq!(books["differences"], json!([]), "{books}");
    let number = order.replace('-', "");
    let bank = shop.running.outside().bank.orders();
    let at_bank: Vec<_> = bank
        .iter()
        .filter(|o| o.order_number.starts_with(&number))
        .collect();
    assert!(
        at_bank.len() == 1 && at_bank[0].status != 0 && at_bank[0].status != 2,
        "{at_bank:?}"
    );
    shop.close().await;
}

#[tokio::test]
async fn money_that_comes_on_a_cancelled_code_goes_back_and_the_order_is_still_to_pay() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    let code = shop.start_payment(&order, "sbp_qr").await;
    shop.await_payment(&code, "waiting").await;
    // The guest goes back while the store can't reach the bank, and the phone pays.
    shop.switch("internet", false).await;
    shop.await_tender("sbp_qr", false).await;
    cancel(&shop, &code).await.expect(200);
    shop.phone_pays(&order).await;
    shop.switch("internet", true).await;

    let seen = refund_state(&shop, &order, "done").await;
    assert_eq!(seen["state"], "placed", "{seen}");
    assert_eq!(seen["due_minor"], seen["total_minor"]);
    assert_eq!(seen["payments"][0]["refunded_minor"], seen["total_minor"]);
    assert_eq!(seen["receipts"], json!([]));
    shop.pay(&order, "cash").await;
    shop.fetch(&order).await;
    let books = shop.settled().await;
    assert_eq!(books["differences"], json!([]), "{books}");
    shop.close().await;
}

#[tokio::test]
async fn what_waits_at_the_terminal_or_the_counter_is_dropped_and_late_money_is_given_back() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    let cash = shop.start_payment(&order, "cash").await;
    assert_eq!(cancel(&shop, &cash).await.expect(200)["state"], "closed");
    let card = shop.start_payment(&order, "card_terminal").await;
    assert_eq!(cancel(&shop, &card).await.expect(200)["state"], "closed");
    let taken = shop.card_approved(&card).await;
    assert_eq!(taken["state"], "captured");
    let seen = refund_state(&shop, &order, "awaiting_person").await;
    assert_eq!(seen["state"], "placed");
    assert_eq!(seen["due_minor"], seen["total_minor"]);
    assert_eq!(alerts(&shop, "refund:").await.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn captured_money_is_not_called_off_and_a_screen_calls_nothing_off() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    let paid = shop.pay(&order, "cash").await;
    cancel(&shop, &paid)
        .await
        .expect_problem(409, "already_paid");
    let nobody = format!("payments/{}/cancel", key());
    let answer = shop.post(&nobody, KIOSK, &json!({})).await;
    answer.expect_problem(404, "unknown_payment");
    let path = format!("payments/{paid}/cancel");
    let answer = shop.post(&path, common::BOARD, &json!({})).await;
    answer.expect_problem(403, "forbidden");
    shop.close().await;
}

#[tokio::test]
async fn a_code_that_the_bank_never_sends_is_not_waited_for() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    // The network goes in the moment the guest chooses the code: nobody has noticed yet.
    shop.switch("internet", false).await;
    let code = shop.start_payment(&order, "sbp_qr").await;
    let given_up = shop.await_payment(&code, "closed").await;
    assert_eq!(given_up["withdrawn"], "no_code");
    assert!(given_up["reason"]["ru"].as_str().unwrap().contains("код"));
    shop.pay(&order, "cash").await;
    shop.fetch(&order).await;
    shop.switch("internet", true).await;
    let books = shop.settled().await;
    assert_eq!(books["differences"], json!([]), "{books}");
    shop.close().await;
}

async fn report(shop: &Shop, payment: &str, result: &str, operation: &str) -> common::Answer {
    let body = json!({"result": result, "external_id": operation});
    shop.post(&format!("payments/{payment}/result"), TILL, &body)
        .await
}

#[tokio::test]
async fn a_second_card_that_is_approved_pays_after_the_first_was_declined() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    let card = shop.start_payment(&order, "card_terminal").await;
    for _ in 0..2 {
        let told = report(&shop, &card, "declined", "op-1").await.expect(200);
        assert_eq!(told["state"], "declined");
    }
    let told = report(&shop, &card, "approved", "op-2").await.expect(200);
    assert_eq!(told["state"], "captured");
    assert_eq!(alerts(&shop, "terminal:").await, Vec::<Value>::new());
    report(&shop, &card, "approved", "op-2").await.expect(200);
    report(&shop, &card, "declined", "op-2")
        .await
        .expect_problem(409, "conflict");
    let seen = shop.fetch(&order).await;
    assert_eq!(seen["refunds"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn two_outcomes_of_one_operation_take_the_money_in_and_tell_a_person() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    let card = shop.start_payment(&order, "card_terminal").await;
    report(&shop, &card, "declined", "op-1").await.expect(200);
    let told = report(&shop, &card, "approved", "op-1").await.expect(200);
    assert_eq!(told["state"], "captured");
    assert_eq!(alerts(&shop, "terminal:contradiction:").await.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_card_that_is_charged_twice_is_refused_and_a_person_is_told() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    let card = shop.start_payment(&order, "card_terminal").await;
    report(&shop, &card, "approved", "op-1").await.expect(200);
    for _ in 0..2 {
        report(&shop, &card, "approved", "op-2")
            .await
            .expect_problem(409, "conflict");
    }
    let told = alerts(&shop, "terminal:second:").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["severity"], "error");
    assert_eq!(shop.order(&order).await["payments"][0]["state"], "captured");
    shop.close().await;
}

#[tokio::test]
async fn a_declined_card_that_is_charged_after_cash_was_taken_goes_back() {
    let shop = Shop::open(60).await;
    let order = shop.place(&["mors"]).await;
    let card = shop.start_payment(&order, "card_terminal").await;
    report(&shop, &card, "declined", "op-1").await.expect(200);
    shop.pay(&order, "cash").await;
    report(&shop, &card, "approved", "op-2").await.expect(200);
    refund_state(&shop, &order, "awaiting_person").await;
    shop.close().await;
}
