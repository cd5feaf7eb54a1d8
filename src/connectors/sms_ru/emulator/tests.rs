//! The emulated provider's own wire.

use super::{SmsFault, SmsRuEmulator, Trouble};
use crate::{
    domain::time::Timestamp,
    world::{Http as _, RouterHttp, RuntimeClock},
};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn provider(balance: u64) -> SmsRuEmulator {
    let start = Timestamp::from_millis(1_700_000_000_000);
    SmsRuEmulator::new(Arc::new(RuntimeClock::starting_at(start)), "KEY", balance)
}

async fn call(provider: &SmsRuEmulator, path: &str, body: &str) -> Value {
    let http = RouterHttp::new().route("sms.ru", provider.router());
    let request = Request::post(format!("https://sms.ru{path}"))
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_owned()))
        .unwrap();
    let answer = http.send(request, Duration::from_secs(60)).await.unwrap();
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_recorded_request_is_taken() {
    let provider = provider(100);
    let recorded = "api_id=KEY&json=1&partner_id=358434&to=9161234567&text=%D0%9F";
    let answer = call(&provider, "/sms/send", recorded).await;
    assert_eq!(answer["status_code"], 100);
    let id = answer["sms"]["9161234567"]["sms_id"].as_str().unwrap();
    assert_eq!(id, "202346-10000000");
    assert_eq!(provider.sent()[0].to, "79161234567");
    assert_eq!(provider.sent()[0].text, "П");
    let ask = format!("api_id=KEY&json=1&sms_id={id},0-0");
    let status = call(&provider, "/sms/status", &ask).await;
    assert_eq!(status["sms"][id]["status_code"], 102);
    assert_eq!(status["sms"]["0-0"]["status_code"], -1);
    tokio::time::advance(Duration::from_secs(10)).await;
    let status = call(&provider, "/sms/status", &ask).await;
    assert_eq!(status["sms"][id]["status_code"], 103);
}

#[tokio::test(start_paused = true)]
async fn each_mistake_has_the_providers_code() {
    let provider = provider(2);
    provider.stop("79160000000");
    for (fields, code) in [
        ("to=79161234567&msg=x&test=1", json!(100)),
        ("to=123&msg=x", json!(202)),
        ("to=79161234567", json!(203)),
        ("to=79160000000&msg=x", json!(209)),
        ("to=79161234567&msg=%FF", json!(212)),
        (
            &format!("to=79161234567&msg={}", "x".repeat(1225)),
            json!(205),
        ),
        (
            &format!("to=79161234567&msg={}", "x".repeat(400)),
            json!(201),
        ),
        ("to[79161234567]=x", json!(100)),
    ] {
        let answer = call(
            &provider,
            "/sms/send",
            &format!("api_id=KEY&json=1&{fields}"),
        )
        .await;
        let sms = answer["sms"].as_object().unwrap();
        assert_eq!(
            sms.values().next().unwrap()["status_code"],
            code,
            "{fields}"
        );
    }
    assert_eq!(provider.sent().len(), 1);
    let stranger = call(&provider, "/sms/send", "api_id=X&to=79161234567&msg=x").await;
    assert_eq!(stranger["status_code"], 200);
    let balance = call(&provider, "/my/balance", "api_id=KEY").await;
    assert_eq!(balance["balance"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_person_sees_what_was_sent_and_breaks_things() {
    let provider = provider(10);
    call(&provider, "/_ctl", r#"{"mode":"no_money","count":2}"#).await;
    let no_money = SmsFault::Before(Trouble::Code(201));
    assert_eq!(provider.strike(), Some(no_money.clone()));
    assert_eq!(provider.strike(), Some(no_money));
    assert_eq!(provider.strike(), None);
    let cost = call(&provider, "/sms/cost", "api_id=KEY&to=79161234567&msg=x").await;
    assert_eq!(cost["total_sms"], 1);
    call(&provider, "/sms/send", "api_id=KEY&to=79161234567&msg=x").await;
    let http = RouterHttp::new().route("sms.ru", provider.router());
    let request = Request::get("https://sms.ru/_sent")
        .body(Bytes::new())
        .unwrap();
    let answer = http.send(request, Duration::from_secs(1)).await.unwrap();
    let sent: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        (&sent[0]["encoding"], &sent[0]["segments"]),
        (&json!("gsm7"), &json!(1))
    );
}
