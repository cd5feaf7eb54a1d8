//! The executor against the emulated provider, with every fault.

use super::{
    Phone, PhoneBook, SmsRu, SmsRuConfig,
    emulator::{SmsFault, SmsRuEmulator, Trouble},
};
use crate::{
    domain::time::Timestamp,
    flow::{
        effects::sms::{self, Sent},
        executor::{Call, Executor, Outcome, Refusal, Resolution},
    },
    world::{Clock, HttpFault, RouterHttp, RuntimeClock, Secret, Times},
};
use async_trait::async_trait;
use axum::Router;
use http::StatusCode;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use uuid::Uuid;

const HOST: &str = "sms.test";
const KEY: &str = "00000000-0000-0000-0000-00000000c0de";
const PHONE: &str = "79161234567";
const ORDER: Uuid = Uuid::from_u128(1);
const ORDER_OF_UZBEK: Uuid = Uuid::from_u128(2);
const ORDER_WITHOUT: Uuid = Uuid::from_u128(3);

struct Book(BTreeMap<Uuid, Phone>);

#[async_trait]
impl PhoneBook for Book {
    async fn phone(&self, order_id: Uuid) -> Option<Phone> {
        self.0.get(&order_id).cloned()
    }
}

struct Rig {
    http: RouterHttp,
    provider: SmsRuEmulator,
    executor: SmsRu,
    clock: Arc<RuntimeClock>,
    crashes: bool,
}

impl Rig {
    fn new() -> Self {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let clock = Arc::new(RuntimeClock::starting_at(start));
        let provider = SmsRuEmulator::new(clock.clone(), KEY, 100);
        let http = RouterHttp::new().route(HOST, provider.router());
        let config: SmsRuConfig = toml::from_str(&format!(
            "base_url = 'https://{HOST}'\napi_id_credential = 'sms-ru'"
        ))
        .unwrap();
        let phones = BTreeMap::from([
            (ORDER, Phone::parse(PHONE).unwrap()),
            (ORDER_OF_UZBEK, Phone::parse("998901234567").unwrap()),
        ]);
        let executor = SmsRu::new(
            &config,
            Secret::new(KEY),
            Arc::new(Book(phones)),
            Arc::new(http.clone()),
            clock.clone(),
        )
        .unwrap();
        Self {
            http,
            provider,
            executor,
            clock,
            crashes: false,
        }
    }

    fn call(&self, order_id: Uuid, text: &str) -> Call {
        let request = sms::Request {
            order_id,
            text: text.into(),
        };
        Call {
            kind: sms::KIND.into(),
            key: format!("sms.send:{order_id}"),
            request: serde_json::to_value(request).unwrap(),
            evidence: Value::Null,
            attempt: 1,
        }
    }

    /// Does what the engine does, until the effect is over.
    async fn carry_out(&self, mut call: Call) -> Result<Sent, Refusal> {
        let backoff = Duration::from_secs(2);
        for _ in 0..100 {
            call.evidence = self.executor.prepare(&call).await.unwrap();
            let performing = self.executor.perform(&call);
            let outcome = if self.crashes {
                tokio::time::timeout(Duration::from_secs(1), performing)
                    .await
                    .ok()
            } else {
                Some(performing.await)
            };
            call.attempt += 1;
            match outcome {
                Some(Outcome::Done(sent)) => return Ok(serde_json::from_value(sent).unwrap()),
                Some(Outcome::Refused(refusal)) => return Err(refusal),
                Some(Outcome::Pending(after)) => tokio::time::sleep(after).await,
                Some(Outcome::NotSent(_)) => tokio::time::sleep(backoff).await,
                Some(Outcome::Unknown(_)) | None => loop {
                    match self.executor.resolve(&call).await {
                        Resolution::Done(sent) => {
                            return Ok(serde_json::from_value(sent).unwrap());
                        }
                        Resolution::Refused(refusal) | Resolution::NeedsPerson(refusal) => {
                            return Err(refusal);
                        }
                        Resolution::NotDone => break,
                        Resolution::Unknown(_) => tokio::time::sleep(backoff).await,
                    }
                },
            }
        }
        panic!("it goes on for ever");
    }
}

fn accepted(sent: &Sent) -> bool {
    matches!(sent, Sent::Accepted { provider_id } if provider_id.contains('-'))
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_once_in_its_normal_form() {
    let rig = Rig::new();
    let sent = rig
        .carry_out(rig.call(ORDER, "Заказ №42 – готов"))
        .await
        .unwrap();
    assert!(accepted(&sent));
    let taken = rig.provider.sent();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].to, PHONE);
    assert_eq!(taken[0].text, "Заказ N42 - готов");
}

#[tokio::test(start_paused = true)]
async fn no_fault_on_the_way_sends_a_message_twice() {
    for (fault, sent_in_the_end) in [
        (HttpFault::Refused, 1),
        (HttpFault::RequestLost, 0),
        (HttpFault::AnswerLost, 1),
        (HttpFault::Hang, 1),
        (HttpFault::Slow(Duration::from_secs(5)), 1),
        (HttpFault::Status(StatusCode::BAD_GATEWAY), 1),
        (HttpFault::Status(StatusCode::NOT_FOUND), 1),
        (HttpFault::Blocked(StatusCode::INTERNAL_SERVER_ERROR), 0),
        (HttpFault::Blocked(StatusCode::TOO_MANY_REQUESTS), 1),
        (HttpFault::Garbage, 1),
    ] {
        for crashes in [false, true] {
            for times in 1..4 {
                let mut rig = Rig::new();
                rig.crashes = crashes;
                rig.http.set_fault(HOST, fault.clone(), Times::Next(times));
                let context = format!("{fault:?} × {times}, crashes {crashes}");
                let end = rig.carry_out(rig.call(ORDER, "ready")).await;
                let refused = fault == HttpFault::Status(StatusCode::NOT_FOUND);
                assert_eq!(end.is_err(), refused, "{context}: {end:?}");
                assert_eq!(rig.provider.sent().len(), sent_in_the_end, "{context}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_fault_at_the_provider_sends_a_message_twice() {
    for trouble in [
        Trouble::Drop,
        Trouble::Hang,
        Trouble::Status(500),
        Trouble::Status(503),
        Trouble::Garbage,
    ] {
        for crashes in [false, true] {
            for (fault, sent_in_the_end) in [
                (SmsFault::Before(trouble.clone()), 0),
                (SmsFault::After(trouble.clone()), 1),
            ] {
                let mut rig = Rig::new();
                rig.crashes = crashes;
                rig.provider.set_fault(fault.clone(), 3);
                let end = rig.carry_out(rig.call(ORDER, "ready")).await;
                assert_eq!(end, Ok(Sent::AssumedSent), "{fault:?}");
                assert_eq!(rig.provider.sent().len(), sent_in_the_end, "{fault:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_that_may_pass_is_tried_again_and_says_what_to_do() {
    for (code, advice) in [
        (201, "Top up"),
        (206, "limit"),
        (230, "limit"),
        (231, "limit"),
        (220, "wait"),
        (500, "wait"),
    ] {
        let rig = Rig::new();
        rig.provider
            .set_fault(SmsFault::Before(Trouble::Code(code)), 3);
        let call = rig.call(ORDER, "ready");
        let outcome = rig.executor.perform(&call).await;
        assert!(
            matches!(&outcome, Outcome::NotSent(n) if n.advice.contains(advice)),
            "{outcome:?}"
        );
        assert!(accepted(&rig.carry_out(call).await.unwrap()));
        assert_eq!(rig.provider.sent().len(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_final_is_a_refusal() {
    for code in [200, 202, 207, 209, 301, 204, 208, 999] {
        let rig = Rig::new();
        rig.provider
            .set_fault(SmsFault::Before(Trouble::Code(code)), 1);
        let refusal = rig.carry_out(rig.call(ORDER, "ready")).await.unwrap_err();
        assert_eq!(refusal.code, code.to_string());
        assert!(rig.provider.sent().is_empty());
    }
    let rig = Rig::new();
    rig.provider.stop(PHONE);
    let refusal = rig.carry_out(rig.call(ORDER, "ready")).await.unwrap_err();
    assert_eq!(refusal.code, "209");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_taken_for_sent_after_a_minute_and_not_before() {
    let rig = Rig::new();
    let mut call = rig.call(ORDER, "ready");
    assert_eq!(rig.executor.resolve(&call).await, Resolution::NotDone);
    call.evidence = rig.executor.prepare(&call).await.unwrap();
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(matches!(
        rig.executor.resolve(&call).await,
        Resolution::Unknown(_)
    ));
    tokio::time::advance(Duration::from_secs(1)).await;
    let assumed = serde_json::to_value(Sent::AssumedSent).unwrap();
    assert_eq!(
        rig.executor.resolve(&call).await,
        Resolution::Done(assumed.clone())
    );
    let future = rig
        .clock
        .now()
        .saturating_add(Duration::from_secs(1_000_000));
    call.evidence["at"] = future.as_millis().into();
    assert_eq!(
        rig.executor.resolve(&call).await,
        Resolution::Done(assumed),
        "the clock was set back"
    );
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_sent_does_not_reach_the_provider() {
    let rig = Rig::new();
    let end = |order, text: &str| rig.carry_out(rig.call(order, text));
    assert_eq!(end(ORDER_WITHOUT, "ready").await, Ok(Sent::NoNumber));
    let long = "П".repeat(8 * 67 + 1);
    for (order, text, code) in [
        (ORDER_OF_UZBEK, "tayyor", "country"),
        (ORDER, " ", "empty"),
        (ORDER, &long, "too_long"),
    ] {
        assert_eq!(end(order, text).await.unwrap_err().code, code);
    }
    assert_eq!(rig.http.requests(HOST), 0);
}

#[tokio::test(start_paused = true)]
async fn neither_the_key_nor_the_phone_gets_into_a_message() {
    let rig = Rig::new();
    let echo = Router::new().fallback(|body: String| async move {
        serde_json::json!({"status": "ERROR", "status_code": 202, "status_text": body}).to_string()
    });
    rig.http.set_route(HOST, echo);
    let outcome = rig.executor.perform(&rig.call(ORDER, "ready")).await;
    let shown = format!("{outcome:?}");
    assert!(shown.contains("api_id="), "{shown}");
    assert!(
        !shown.contains(KEY) && !shown.contains("9161234567"),
        "{shown}"
    );
}
