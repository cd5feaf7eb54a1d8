//! The executor against the emulated bank, with every fault in every place.

use super::{
    AlfaBank, AlfaBankConfig,
    emulator::{BankEmulator, BankFault, Trouble},
};
use crate::{
    domain::time::Timestamp,
    flow::{
        effects::{
            bank_close, bank_refund,
            bank_register::{self, Registered},
            bank_watch::{self, Ended},
        },
        executor::{Call, Executor, Outcome, Refusal, Resolution},
    },
    world::{Clock, HttpFault, RouterHttp, RuntimeClock, Secret, Times},
};
use axum::Router;
use http::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

const HOST: &str = "bank.test";
const NUMBER: &str = "R17-000042-1";
const AMOUNT: i64 = 123_456;
const PASSWORD: &str = "correct horse";

struct Rig {
    http: RouterHttp,
    bank: BankEmulator,
    executor: AlfaBank,
    clock: Arc<RuntimeClock>,
    expires_at: Timestamp,
    /// The daemon crashes when a call takes longer than a second.
    crashes: bool,
}

fn config() -> AlfaBankConfig {
    toml::from_str(&format!(
        "base_url = 'https://{HOST}/payment/rest/'\nuser_name = 'store17-api'\n\
         password_credential = 'alfa-bank'\nreturn_url = 'https://example.com/'"
    ))
    .unwrap()
}

impl Rig {
    fn new() -> Self {
        Self::with_password(PASSWORD)
    }

    fn with_password(password: &str) -> Self {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let clock = Arc::new(RuntimeClock::starting_at(start));
        let bank = BankEmulator::in_memory(clock.clone(), "store17-api", PASSWORD);
        let http = RouterHttp::new().route(HOST, bank.router());
        let executor = AlfaBank::new(
            &config(),
            Secret::new(password),
            Arc::new(http.clone()),
            clock.clone(),
        )
        .unwrap();
        Self {
            http,
            bank,
            executor,
            clock,
            expires_at: start.saturating_add(Duration::from_secs(300)),
            crashes: false,
        }
    }

    fn call(&self, kind: &str, request: &impl Serialize) -> Call {
        Call {
            kind: kind.into(),
            key: format!("{kind}:{NUMBER}"),
            request: serde_json::to_value(request).unwrap(),
            evidence: Value::Null,
            attempt: 1,
        }
    }

    fn register_call(&self) -> Call {
        self.call(
            bank_register::KIND,
            &bank_register::Request {
                order_number: NUMBER.into(),
                amount_minor: AMOUNT,
                currency: "RUB".into(),
                expires_at: self.expires_at,
                description: "Заказ 42".into(),
            },
        )
    }

    fn watch_call(&self, registered: &Registered) -> Call {
        self.call(
            bank_watch::KIND,
            &bank_watch::Request {
                provider_id: registered.provider_id.clone(),
                order_number: NUMBER.into(),
                qr_id: registered.qr_id.clone(),
                amount_minor: AMOUNT,
                expires_at: self.expires_at,
            },
        )
    }

    fn close_call(&self, registered: Option<&Registered>) -> Call {
        self.call(
            bank_close::KIND,
            &bank_close::Request {
                provider_id: registered.map(|r| r.provider_id.clone()),
                order_number: NUMBER.into(),
                qr_id: registered.map(|r| r.qr_id.clone()),
                amount_minor: AMOUNT,
            },
        )
    }

    fn refund_call(&self, registered: &Registered, amount_minor: i64) -> Call {
        self.call(
            bank_refund::KIND,
            &bank_refund::Request {
                provider_id: registered.provider_id.clone(),
                order_number: NUMBER.into(),
                refund_id: "0190f3a1b2c3d4e5".into(),
                amount_minor,
            },
        )
    }

    /// Does what the engine does, until the effect is over.
    async fn carry_out(&self, mut call: Call) -> Result<Value, Refusal> {
        for _ in 0..1000 {
            let performing = self.executor.perform(&call);
            let outcome = if self.crashes {
                tokio::time::timeout(Duration::from_secs(1), performing)
                    .await
                    .ok()
            } else {
                Some(performing.await)
            };
            let backoff = Duration::from_secs(2);
            call.attempt += 1;
            match outcome {
                Some(Outcome::Done(value)) => return Ok(value),
                Some(Outcome::Refused(refusal)) => return Err(refusal),
                Some(Outcome::Pending(after)) => tokio::time::sleep(after).await,
                Some(Outcome::NotSent(_)) => tokio::time::sleep(backoff).await,
                Some(Outcome::Unknown(_)) | None => loop {
                    match self.executor.resolve(&call).await {
                        Resolution::Done(value) => return Ok(value),
                        Resolution::Refused(refusal) | Resolution::NeedsPerson(refusal) => {
                            return Err(refusal);
                        }
                        Resolution::NotDone => {
                            tokio::time::sleep(backoff).await;
                            break;
                        }
                        Resolution::Unknown(_) => {
                            tokio::time::sleep(backoff).await;
                        }
                    }
                },
            }
        }
        panic!("{} goes on for ever", call.kind);
    }

    async fn register(&self) -> Registered {
        result(self.carry_out(self.register_call()).await)
    }
}

fn result<T: DeserializeOwned>(value: Result<Value, Refusal>) -> T {
    serde_json::from_value(value.unwrap()).unwrap()
}

fn paid(ended: &Ended) -> bool {
    matches!(
        ended,
        Ended::Paid {
            amount_minor: AMOUNT,
            reference: Some(_)
        }
    )
}

fn wire_faults() -> Vec<HttpFault> {
    vec![
        HttpFault::Refused,
        HttpFault::RequestLost,
        HttpFault::AnswerLost,
        HttpFault::Hang,
        HttpFault::Slow(Duration::from_secs(5)),
        HttpFault::Status(StatusCode::BAD_GATEWAY),
        HttpFault::Blocked(StatusCode::INTERNAL_SERVER_ERROR),
        HttpFault::Blocked(StatusCode::TOO_MANY_REQUESTS),
        HttpFault::Garbage,
    ]
}

fn bank_faults() -> Vec<BankFault> {
    let mut faults = vec![
        BankFault::Delay(Duration::from_secs(5)),
        BankFault::RefuseClose,
        BankFault::SlowRefund(Duration::from_secs(90)),
    ];
    for trouble in [
        Trouble::Drop,
        Trouble::Hang,
        Trouble::Status(500),
        Trouble::Status(502),
        Trouble::Status(429),
        Trouble::Garbage,
        Trouble::ErrorCode(7),
        Trouble::ErrorCode(99),
    ] {
        faults.push(BankFault::Before(trouble.clone()));
        faults.push(BankFault::After(trouble));
    }
    faults
}

/// A guest who pays, and gets the money back.
async fn paid_and_returned(rig: &Rig, context: &str) {
    let registered = rig.register().await;
    assert_eq!(
        registered.qr_payload,
        format!("https://qr.nspk.ru/{}", registered.qr_id),
        "{context}"
    );
    let guest = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        rig.bank.pay(NUMBER).unwrap();
    };
    let (ended, ()) = tokio::join!(rig.carry_out(rig.watch_call(&registered)), guest);
    assert!(paid(&result(ended)), "{context}");
    let refunded: bank_refund::Refunded =
        result(rig.carry_out(rig.refund_call(&registered, AMOUNT)).await);
    assert_eq!(refunded.amount_minor, AMOUNT, "{context}");
    // Whatever the bank was still busy with.
    tokio::time::sleep(Duration::from_secs(600)).await;
    let orders = rig.bank.orders();
    assert_eq!(orders.len(), 1, "{context}");
    assert_eq!(orders[0].charges, 1, "{context}");
    assert_eq!(orders[0].deposited_minor, AMOUNT, "{context}");
    assert_eq!(orders[0].refunded_minor, AMOUNT, "{context}");
    assert_eq!(
        orders[0].refunds.iter().collect::<Vec<_>>(),
        [(&"0190f3a1b2c3d4e5".to_owned(), &1)],
        "{context}"
    );
}

/// A guest who walks away, or is sent away.
async fn never_paid(rig: &Rig, close_by_hand: bool, context: &str) {
    let registered = rig.register().await;
    let call = if close_by_hand {
        rig.close_call(Some(&registered))
    } else {
        rig.watch_call(&registered)
    };
    let ended: Ended = result(rig.carry_out(call).await);
    assert!(matches!(ended, Ended::Unpaid { .. }), "{context}");
    assert_eq!(
        rig.clock.now() >= rig.expires_at,
        !close_by_hand,
        "{context}"
    );
    let order = rig.bank.order(NUMBER).unwrap();
    assert_eq!((order.status, order.charges), (6, 0), "{context}");
    assert!(rig.bank.pay(NUMBER).is_err(), "{context}");
    assert_eq!(rig.bank.orders().len(), 1, "{context}");
}

#[tokio::test(start_paused = true)]
async fn a_guest_pays_once_and_gets_the_money_back_once() {
    paid_and_returned(&Rig::new(), "no fault").await;
}

#[tokio::test(start_paused = true)]
async fn any_fault_on_the_way_still_gives_one_order_one_charge_one_refund() {
    for fault in wire_faults() {
        for crashes in [false, true] {
            for place in 0..14 {
                for times in 1..4 {
                    let mut rig = Rig::new();
                    rig.crashes = crashes;
                    let faults = rig.http.clone();
                    faults.set_fault(HOST, fault.clone(), Times::After(place));
                    faults.set_fault(HOST, fault.clone(), Times::Next(times - 1));
                    let context = format!("{fault:?} × {times} at {place}, crashes {crashes}");
                    paid_and_returned(&rig, &context).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_fault_at_the_bank_still_gives_one_order_one_charge_one_refund() {
    for fault in bank_faults() {
        for method in [
            "register.do",
            "sbp/c2b/qr/dynamic/get.do",
            "sbp/c2b/qr/status.do",
            "getOrderStatusExtended.do",
            "refund.do",
            BankEmulator::ANY,
        ] {
            for crashes in [false, true] {
                let mut rig = Rig::new();
                rig.crashes = crashes;
                rig.bank.set_fault(method, fault.clone(), 3);
                let context = format!("{fault:?} at {method}, crashes {crashes}");
                paid_and_returned(&rig, &context).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_fault_while_closing_still_ends_in_a_closed_unpaid_order() {
    for close_by_hand in [true, false] {
        for crashes in [false, true] {
            for fault in wire_faults() {
                // The watch polls a hundred times before it closes.
                for place in (0..8).chain(98..108) {
                    let mut rig = Rig::new();
                    rig.crashes = crashes;
                    rig.http.set_fault(HOST, fault.clone(), Times::After(place));
                    let context = format!("{fault:?} at {place}, by hand {close_by_hand}");
                    never_paid(&rig, close_by_hand, &context).await;
                }
            }
            for fault in bank_faults() {
                for method in [
                    "sbp/c2b/qr/dynamic/reject.do",
                    "decline.do",
                    "getOrderStatusExtended.do",
                ] {
                    let mut rig = Rig::new();
                    rig.crashes = crashes;
                    rig.bank.set_fault(method, fault.clone(), 3);
                    let context = format!("{fault:?} at {method}, by hand {close_by_hand}");
                    never_paid(&rig, close_by_hand, &context).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_in_the_last_second_is_paid_and_not_closed() {
    let rig = Rig::new();
    let registered = rig.register().await;
    tokio::time::sleep(Duration::from_secs(301)).await;
    rig.bank.pay(NUMBER).unwrap();
    let ended = rig.carry_out(rig.watch_call(&registered)).await;
    assert!(paid(&result(ended)));
    let closed = rig.carry_out(rig.close_call(Some(&registered))).await;
    assert!(paid(&result(closed)));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_bank_does_not_close_is_watched_until_it_is_settled() {
    let rig = Rig::new();
    let registered = rig.register().await;
    rig.bank.set_fault("decline.do", BankFault::RefuseClose, 8);
    rig.bank
        .set_fault("sbp/c2b/qr/dynamic/reject.do", BankFault::RefuseClose, 8);
    let call = rig.close_call(Some(&registered));
    assert_eq!(
        rig.executor.perform(&call).await,
        Outcome::Pending(Duration::from_secs(3))
    );
    rig.bank.pay(NUMBER).unwrap();
    assert!(paid(&result(rig.carry_out(call).await)));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_payers_bank_ends_the_watch_at_once() {
    let rig = Rig::new();
    let registered = rig.register().await;
    rig.bank.decline(NUMBER).unwrap();
    let ended: Ended = result(rig.carry_out(rig.watch_call(&registered)).await);
    assert!(matches!(ended, Ended::Unpaid { reason } if reason.starts_with("The payer's bank")));
    assert!(rig.clock.now() < rig.expires_at);
    assert_eq!(rig.bank.order(NUMBER).unwrap().status, 6);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_never_registered_is_closed_by_its_number() {
    let rig = Rig::new();
    let ended: Ended = result(rig.carry_out(rig.close_call(None)).await);
    assert!(matches!(ended, Ended::Unpaid { .. }));
    rig.register().await;
    let ended: Ended = result(rig.carry_out(rig.close_call(None)).await);
    assert!(matches!(ended, Ended::Unpaid { .. }));
    assert_eq!(rig.bank.order(NUMBER).unwrap().status, 6);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_bank_forgot_is_not_taken_for_unpaid() {
    let mut rig = Rig::new();
    let registered = rig.register().await;
    rig.bank = BankEmulator::in_memory(rig.clock.clone(), "store17-api", PASSWORD);
    rig.http.set_route(HOST, rig.bank.router());
    for call in [
        rig.close_call(Some(&registered)),
        rig.watch_call(&registered),
    ] {
        let outcome = rig.executor.perform(&call).await;
        assert!(
            matches!(outcome, Outcome::NotSent(_) | Outcome::Unknown(_)),
            "{outcome:?}"
        );
        let resolution = rig.executor.resolve(&call).await;
        assert!(
            matches!(resolution, Resolution::Unknown(_)),
            "{resolution:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn another_sum_than_ours_is_for_a_person() {
    let rig = Rig::new();
    let registered = rig.register().await;
    rig.bank.pay_wrong_sum(NUMBER, AMOUNT - 1).unwrap();
    let watch = rig.watch_call(&registered);
    let refusal = rig.carry_out(watch.clone()).await.unwrap_err();
    assert_eq!(refusal.code, "amount_mismatch");
    assert!(matches!(
        rig.executor.resolve(&watch).await,
        Resolution::NeedsPerson(refusal) if refusal.code == "amount_mismatch"
    ));
    let mut other = rig.register_call();
    other.request["amount_minor"] = 5.into();
    let refusal = rig.carry_out(other).await.unwrap_err();
    assert_eq!(refusal.code, "amount_mismatch");
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_comes_too_late_is_refused_and_leaves_nothing_open() {
    let mut rig = Rig::new();
    rig.expires_at = rig.clock.now();
    let refusal = rig.carry_out(rig.register_call()).await.unwrap_err();
    assert_eq!(refusal.code, "expired");
    assert_eq!(rig.http.requests(HOST), 0);

    let rig = Rig::new();
    let call = rig.register_call();
    rig.bank
        .set_fault("register.do", BankFault::After(Trouble::Drop), 1);
    assert!(matches!(
        rig.executor.perform(&call).await,
        Outcome::Unknown(_)
    ));
    rig.http.set_online(false);
    tokio::time::sleep(Duration::from_secs(310)).await;
    rig.http.set_online(true);
    let retry = Call { attempt: 2, ..call };
    let refusal = rig.carry_out(retry).await.unwrap_err();
    assert_eq!(refusal.code, "expired");
    assert_eq!(rig.bank.order(NUMBER).unwrap().status, 6);
}

#[tokio::test(start_paused = true)]
async fn more_than_the_rest_is_not_given_back_and_not_asked_for_for_ever() {
    let rig = Rig::new();
    let registered = rig.register().await;
    rig.bank.pay(NUMBER).unwrap();
    let refusal = rig
        .carry_out(rig.refund_call(&registered, AMOUNT + 1))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "above_rest");
    for amount in [0, -1] {
        let refusal = rig
            .carry_out(rig.refund_call(&registered, amount))
            .await
            .unwrap_err();
        assert_eq!(refusal.code, "bad_request");
    }
    assert_eq!(rig.bank.order(NUMBER).unwrap().refunded_minor, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refund_of_an_unpaid_order_is_refused() {
    let rig = Rig::new();
    let registered = rig.register().await;
    let refusal = rig
        .carry_out(rig.refund_call(&registered, 1))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "not_paid");
}

#[tokio::test(start_paused = true)]
async fn a_part_may_be_given_back_and_its_repeat_is_not_a_second_refund() {
    let rig = Rig::new();
    let registered = rig.register().await;
    rig.bank.pay(NUMBER).unwrap();
    let call = rig.refund_call(&registered, 50_000);
    let first: bank_refund::Refunded = result(rig.carry_out(call.clone()).await);
    let again: bank_refund::Refunded = result(rig.carry_out(call).await);
    assert_eq!(first, again);
    let order = rig.bank.order(NUMBER).unwrap();
    assert_eq!((order.status, order.refunded_minor), (4, 50_000));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_refuses_money_but_not_the_news_of_it() {
    let good = Rig::new();
    let registered = good.register().await;
    let bad = Rig::with_password("wrong battery");
    let register = bad.executor.perform(&bad.register_call()).await;
    assert!(
        matches!(&register, Outcome::Refused(r) if r.code == "5" && r.advice.contains("password"))
    );
    let watch = bad.executor.perform(&bad.watch_call(&registered)).await;
    assert!(matches!(&watch, Outcome::NotSent(n) if n.advice.contains("password")));
}

#[tokio::test(start_paused = true)]
async fn a_bank_that_repeats_our_password_does_not_get_it_into_a_message() {
    let rig = Rig::new();
    let echo = Router::new().fallback(|body: String| async move {
        let said: String = form_urlencoded::parse(body.as_bytes())
            .map(|(name, value)| format!("{name}={value};"))
            .collect();
        serde_json::json!({"errorCode": "5", "errorMessage": said}).to_string()
    });
    rig.http.set_route(HOST, echo);
    let outcome = format!("{:?}", rig.executor.perform(&rig.register_call()).await);
    assert!(outcome.contains("userName="), "{outcome}");
    assert!(!outcome.contains(PASSWORD), "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn without_a_network_nothing_is_sent_and_nothing_is_lost() {
    let rig = Rig::new();
    rig.http.set_online(false);
    let outcome = rig.executor.perform(&rig.register_call()).await;
    assert!(matches!(outcome, Outcome::NotSent(_)));
    rig.http.set_online(true);
    paid_and_returned(&rig, "online again").await;
}

#[tokio::test(start_paused = true)]
async fn only_roubles_are_taken() {
    let rig = Rig::new();
    let mut call = rig.register_call();
    call.request["currency"] = "UZS".into();
    assert_eq!(rig.carry_out(call).await.unwrap_err().code, "currency");
    assert_eq!(rig.http.requests(HOST), 0);
}
