//! The emulated bank's own wire.

use super::{BankEmulator, BankFault};
use crate::{
    domain::time::Timestamp,
    world::{Http as _, RouterHttp, RuntimeClock},
};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};

const LOGIN: &str = "userName=u&password=p%26+1";

fn clock() -> Arc<RuntimeClock> {
    Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(
        1_700_000_000_000,
    )))
}

fn bank() -> BankEmulator {
    BankEmulator::in_memory(clock(), "u", "p& 1")
}

async fn send(bank: &BankEmulator, path: &str, body: String) -> (u16, Value) {
    let http = RouterHttp::new().route("bank.test", bank.router());
    let request = Request::post(format!("https://bank.test{path}"))
        .header("content-type", "application/json")
        .body(Bytes::from(body))
        .unwrap();
    let answer = http.send(request, Duration::from_secs(60)).await.unwrap();
    let json = serde_json::from_slice(answer.body()).unwrap_or_default();
    (answer.status().as_u16(), json)
}

async fn call(bank: &BankEmulator, method: &str, fields: &str) -> Value {
    let body = format!("{LOGIN}&{fields}");
    send(bank, &format!("/payment/rest/{method}"), body).await.1
}

async fn register(bank: &BankEmulator, fields: &str) -> String {
    let answer = call(
        bank,
        "register.do",
        &format!("orderNumber=A-1&amount=1000&returnUrl=https://x/&{fields}"),
    )
    .await;
    answer["orderId"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn fields_are_taken_from_the_body_and_from_the_query_string() {
    let bank = bank();
    let fields = "orderNumber=A-1&amount=1000&returnUrl=https%3A%2F%2Fx%2F";
    let path = format!("/payment/rest/register.do?{LOGIN}&{fields}");
    let (status, answer) = send(&bank, &path, String::new()).await;
    assert_eq!(status, 200);
    assert!(answer["formUrl"].as_str().unwrap().contains("mdOrder="));
    assert!(answer.get("errorCode").is_none());
    let again = call(&bank, "register.do", fields).await;
    assert_eq!(again["errorCode"], "1");
}

#[tokio::test(start_paused = true)]
async fn each_mistake_has_the_gateways_code() {
    let bank = bank();
    let order = "orderNumber=A-2&amount=5&returnUrl=https://x/";
    for (method, fields, code) in [
        ("register.do", "orderNumber=A-2&amount=5", "4"),
        ("register.do", "orderNumber=A-2&amount=5&returnUrl=/x", "4"),
        ("register.do", "amount=5&returnUrl=https://x/", "4"),
        ("register.do", &format!("{order}&currency=999"), "3"),
        ("register.do", &format!("{order}&amount=x"), "5"),
        ("register.do", &format!("{order}&password=wrong"), "5"),
        ("getOrderStatusExtended.do", "orderNumber=A-9", "6"),
        ("getOrderStatusExtended.do", "x=1", "1"),
        ("refund.do", "orderId=x&amount=1", "6"),
    ] {
        let answer = call(&bank, method, fields).await;
        assert_eq!(answer["errorCode"], code, "{method} {fields}");
    }
    assert!(bank.orders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_basket_must_add_up() {
    let item = |amount: i64| {
        json!({"cartItems": {"items": [
            {"quantity": {"value": 1.5}, "itemPrice": 600, "itemAmount": amount},
            {"quantity": {"value": 1}, "itemAmount": 100},
        ]}})
        .to_string()
    };
    for (amount, good) in [(900, true), (901, false)] {
        let bundle: String = form_urlencoded::byte_serialize(item(amount).as_bytes()).collect();
        let id = register(&bank(), &format!("orderBundle={bundle}")).await;
        assert_eq!(!id.is_empty(), good, "{amount}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_runs_out_of_time() {
    let bank = bank();
    let id = register(&bank, "sessionTimeoutSecs=10").await;
    call(&bank, "sbp/c2b/qr/dynamic/get.do", &format!("mdOrder={id}")).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    let status = call(&bank, "getOrderStatusExtended.do", "orderNumber=A-1").await;
    assert_eq!(
        (&status["orderStatus"], &status["actionCode"]),
        (&json!(6), &json!(-2007))
    );
    assert!(bank.pay("A-1").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_refund_is_given_once_for_an_id_and_never_above_the_rest() {
    let bank = bank();
    let id = register(&bank, "").await;
    call(&bank, "sbp/c2b/qr/dynamic/get.do", &format!("mdOrder={id}")).await;
    assert_eq!(bank.pay_newest().unwrap(), "A-1");
    for (fields, code) in [
        ("amount=600&externalRefundId=r1", json!(0)),
        ("amount=600&externalRefundId=r1", json!(0)),
        ("amount=600&externalRefundId=r2", json!("7")),
        ("amount=100&expectedDepositedAmount=1000", json!("7")),
        ("amount=100&expectedDepositedAmount=400", json!(0)),
    ] {
        let answer = call(&bank, "refund.do", &format!("orderId={id}&{fields}")).await;
        assert_eq!(answer["errorCode"], code, "{fields}");
    }
    assert_eq!(bank.order("A-1").unwrap().refunded_minor, 700);
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_deposited_and_a_reverse_has_one_chance() {
    let bank = bank();
    let answer = call(
        &bank,
        "registerPreAuth.do",
        "orderNumber=A-1&amount=1000&returnUrl=https://x/",
    )
    .await;
    let id = answer["orderId"].as_str().unwrap();
    let order = format!("orderId={id}");
    let early = call(&bank, "reverse.do", &order).await;
    assert_eq!(early["errorCode"], "7");
    call(&bank, "sbp/c2b/qr/dynamic/get.do", &format!("mdOrder={id}")).await;
    bank.pay("A-1").unwrap();
    assert_eq!(bank.order("A-1").unwrap().status, 1);
    assert_eq!(call(&bank, "reverse.do", &order).await["errorCode"], "7");
    let deposit = call(&bank, "deposit.do", &format!("{order}&amount=0")).await;
    assert_eq!(deposit["errorCode"], 0);
    assert_eq!(bank.charges(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_day_is_listed() {
    let bank = bank();
    register(&bank, "").await;
    // 1 700 000 000 is 2023-11-15 01:13:20 in Moscow.
    let list = "size=200&transactionStates=CREATED,DEPOSITED&merchants=";
    let today = call(
        &bank,
        "getLastOrdersForMerchants.do",
        &format!("{list}&from=20231115000000&to=20231115235959"),
    )
    .await;
    assert_eq!(today["totalCount"], 1);
    assert_eq!(today["orderStatuses"][0]["orderNumber"], "A-1");
    let earlier = call(
        &bank,
        "getLastOrdersForMerchants.do",
        &format!("{list}&from=20231114000000&to=20231114235959"),
    )
    .await;
    assert_eq!(earlier["totalCount"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_book_in_a_file_outlives_the_bank() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.json");
    let open = |file: &Path| BankEmulator::open(clock(), "u", "p& 1", file).unwrap();
    let bank = open(&file);
    let id = register(&bank, "").await;
    call(&bank, "sbp/c2b/qr/dynamic/get.do", &format!("mdOrder={id}")).await;
    bank.pay("A-1").unwrap();
    assert_eq!(open(&file).orders(), bank.orders());
    assert_eq!(open(&file).charges(), 1);
    std::fs::write(&file, "{").unwrap();
    assert!(BankEmulator::open(clock(), "u", "p", &file).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_person_pays_and_breaks_things_through_the_control_door() {
    let bank = bank();
    let id = register(&bank, "").await;
    let pay = format!("/__emu/orders/{id}/pay");
    assert_eq!(send(&bank, &pay, String::new()).await.0, 409);
    call(&bank, "sbp/c2b/qr/dynamic/get.do", &format!("mdOrder={id}")).await;
    assert_eq!(send(&bank, &pay, String::new()).await.0, 204);
    assert_eq!(
        send(&bank, "/__emu/orders/x/pay", String::new()).await.0,
        404
    );
    let fault = json!({"method": "refund.do", "mode": "slow_refund", "value": 5000});
    assert_eq!(send(&bank, "/__emu/faults", fault.to_string()).await.0, 204);
    assert_eq!(
        bank.faults().strike("refund.do"),
        Some(BankFault::SlowRefund(Duration::from_secs(5)))
    );
}
