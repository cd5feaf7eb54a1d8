use super::*;
use crate::{
    connectors::one_c::emulator::{Act, Fault},
    world::{HttpFault, Times},
};
use http::StatusCode;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

const TOTALS: &[i64] = &[506_000, 200_000];

fn report_57() -> Uuid {
    REPORT_57.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_closed_shift_becomes_one_posted_report_and_one_cash_order() {
    let rig = rig(&with_cash_book());
    let end = rig.engine(&shift_57(), 1).await;
    let expected = json!({"ref_key": REPORT_57, "number": "0000-000001", "total_minor": 506_000});
    assert_eq!(end, End::Done(expected));
    rig.assert_posted(TOTALS, "both");
}

/// Every fault of the network, at every request of the way, once: reports, not promises.
#[tokio::test(start_paused = true)]
async fn no_fault_of_the_network_doubles_or_loses_a_document() {
    let calm = rig(&with_cash_book());
    assert!(matches!(calm.engine(&shift_57(), 1).await, End::Done(_)));
    let requests = u32::try_from(calm.http.requests(HOST)).unwrap();
    for fault in [
        HttpFault::Refused,
        HttpFault::RequestLost,
        HttpFault::AnswerLost,
        HttpFault::Hang,
        HttpFault::Slow(Duration::from_secs(1_000)),
        HttpFault::Status(StatusCode::BAD_GATEWAY),
        HttpFault::Status(StatusCode::INTERNAL_SERVER_ERROR),
        HttpFault::Blocked(StatusCode::SERVICE_UNAVAILABLE),
        HttpFault::Blocked(StatusCode::NOT_FOUND),
        HttpFault::Garbage,
    ] {
        for at in 0..requests {
            let why = format!("{fault:?} at request {at} of {requests}");
            let rig = rig(&with_cash_book());
            rig.http.set_fault(HOST, fault.clone(), Times::After(at));
            let end = rig.engine(&shift_57(), 4).await;
            assert!(matches!(end, End::Done(_)), "{why}: {end:?}");
            rig.assert_posted(TOTALS, &why);
            let postings = rig.emulator.documents().iter().map(|d| d.postings).max();
            assert!(postings <= Some(2), "{why}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_fault_of_1c_itself_doubles_or_loses_a_document() {
    for act in [Act::Read, Act::Create, Act::Post] {
        for fault in [
            Fault::AnswerLost,
            Fault::Hang,
            Fault::Error,
            Fault::ErrorAfterAct,
            Fault::Ignored,
        ] {
            let why = format!("{fault:?} on {act:?}");
            let rig = rig(&with_cash_book());
            rig.emulator.inject(act, fault);
            let end = rig.engine(&shift_57(), 4).await;
            assert!(matches!(end, End::Done(_)), "{why}: {end:?}");
            rig.assert_posted(TOTALS, &why);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cable_pulled_at_any_moment_and_a_crash_lose_nothing() {
    for at in 0..20 {
        let rig = rig(&with_cash_book());
        let mut call = call(&shift_57());
        call.evidence = rig.one_c.prepare(&call).await.unwrap();
        // Everything after that many requests is lost, the answer of the last one too.
        if at > 0 {
            rig.http
                .set_fault(HOST, HttpFault::AnswerLost, Times::After(at - 1));
        }
        rig.http.set_fault(HOST, HttpFault::Refused, Times::Always);
        let _lost_in_a_crash = rig.one_c.perform(&call).await;
        rig.http.heal(HOST);
        let end = match rig.settle(&mut call, 2).await {
            Some(end) => end,
            None => rig.engine_from(&mut call, 1).await,
        };
        assert!(matches!(end, End::Done(_)), "after {at}: {end:?}");
        rig.assert_posted(TOTALS, &format!("after {at}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_finds_the_first_and_posts_nothing_twice() {
    let rig = rig(&example());
    let first = rig.engine(&shift_57(), 1).await;
    assert_eq!(rig.engine(&shift_57(), 1).await, first);
    rig.assert_posted(&TOTALS[..1], "once");
    assert_eq!(rig.emulator.documents()[0].postings, 1);
    assert_eq!(rig.emulator.creations(report_57()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_closed_period_keeps_the_report_waiting_with_1cs_words() {
    let rig = rig(&example());
    rig.emulator.close_period(Some("2026-01-31"));
    let mut call = call(&shift_57());
    let End::Waiting(not_now) = rig.engine_from(&mut call, 2).await else {
        panic!("a closed period is no refusal for good");
    };
    assert!(
        not_now.reason.contains("дата документа 2026-01-12"),
        "{not_now:?}"
    );
    let stored = rig.emulator.documents();
    assert_eq!((stored.len(), stored[0].posted), (1, false));
    rig.emulator.close_period(None);
    assert!(matches!(rig.engine_from(&mut call, 3).await, End::Done(_)));
    rig.assert_posted(&TOTALS[..1], "after the period was opened");
}

#[tokio::test(start_paused = true)]
async fn other_contents_under_our_key_are_left_to_a_person() {
    let rig = rig(&example());
    assert!(matches!(rig.engine(&shift_57(), 1).await, End::Done(_)));
    let before = rig.emulator.documents();
    let mut other = shift_57();
    other.sales[0].sum_minor += 100;
    other.payments[2].sum_minor += 100;
    let End::Person(refusal) = rig.engine(&other, 2).await else {
        panic!("must ask a person");
    };
    assert_eq!(refusal.code, "conflict");
    assert!(refusal.text.contains(REPORT_57), "{}", refusal.text);
    assert_eq!(rig.emulator.documents(), before);
}

#[tokio::test(start_paused = true)]
async fn what_an_accountant_has_changed_by_hand_is_left_to_a_person() {
    for (edit, words) in [
        (json!({"DeletionMark": true}), "marked for deletion"),
        (json!({"Комментарий": ""}), "our mark"),
        (
            json!({"Возвраты": []}),
            "its total is 5580, but the shift makes 5060",
        ),
    ] {
        let rig = rig(&example());
        assert!(matches!(rig.engine(&shift_57(), 1).await, End::Done(_)));
        rig.emulator.edit(report_57(), &edit).unwrap();
        let Resolution::NeedsPerson(refusal) = rig.one_c.resolve(&call(&shift_57())).await else {
            panic!("{words}: must ask a person");
        };
        assert!(refusal.text.contains(words), "{}", refusal.text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_without_a_mapping_is_refused_before_anything_is_sent() {
    let mut config = example();
    config.dishes.remove("soup");
    let rig = rig(&config);
    let End::Refused(refusal) = rig.engine(&shift_57(), 1).await else {
        panic!("must be refused");
    };
    assert_eq!(refusal.code, "mapping");
    assert!(refusal.text.contains("soup (Суп дня)"), "{}", refusal.text);
    assert_eq!(rig.http.requests(HOST), 0);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_mended_after_a_lost_answer_does_not_hide_our_report() {
    let rig = rig(&example());
    let mut call = call(&shift_57());
    call.evidence = rig.one_c.prepare(&call).await.unwrap();
    rig.http
        .set_fault(HOST, HttpFault::AnswerLost, Times::After(1));
    rig.http
        .set_fault(HOST, HttpFault::RequestLost, Times::ONCE);
    assert!(matches!(
        rig.one_c.perform(&call).await,
        Outcome::Unknown(_)
    ));
    let mut mended = example();
    mended.dishes.insert("soup".to_owned(), Uuid::from_u128(7));
    rig.one_c.reconfigure(mended, &password());
    assert!(matches!(
        rig.one_c.resolve(&call).await,
        Resolution::Done(_)
    ));
    rig.assert_posted(&TOTALS[..1], "found by its first fingerprint");
}

#[tokio::test(start_paused = true)]
async fn an_unposted_report_is_rewritten_only_when_that_is_allowed() {
    for allowed in [false, true] {
        let mut config = Config {
            allow_rewrite: allowed,
            metadata_check: crate::connectors::one_c::config::MetadataCheck::Warn,
            ..example()
        };
        let rig = rig(&config);
        let soup = config.dishes["soup"];
        rig.emulator.put(
            "Catalog_Номенклатура",
            soup,
            "Супы",
            json!({"IsFolder": true}),
        );
        let mut call = call(&shift_57());
        assert!(matches!(
            rig.engine_from(&mut call, 1).await,
            End::Waiting(_)
        ));
        let mended = Uuid::from_u128(8);
        rig.emulator
            .put("Catalog_Номенклатура", mended, "Суп дня", json!({}));
        config.dishes.insert("soup".to_owned(), mended);
        rig.one_c.reconfigure(config, &password());
        let end = rig.engine_from(&mut call, 2).await;
        if allowed {
            assert!(matches!(end, End::Done(_)), "{end:?}");
            rig.assert_posted(&TOTALS[..1], "rewritten");
        } else {
            assert!(matches!(end, End::Person(_)), "{end:?}");
        }
        assert_eq!(rig.emulator.documents().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_1c_will_never_take_is_refused_for_good() {
    let mut config = example();
    config.vat.insert("vat22".to_owned(), "НДС23".to_owned());
    let rig = rig(&config);
    let End::Refused(refusal) = rig.engine(&shift_57(), 3).await else {
        panic!("must be refused");
    };
    assert_eq!(refusal.code, "1c-4");
    assert!(rig.emulator.documents().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_shift_in_which_nothing_happened_needs_no_document_and_no_1c() {
    let rig = rig(&example());
    let request = Request {
        sales: vec![],
        payments: vec![tender("cash", 0)],
        returns: vec![],
        return_payments: vec![],
        ..shift_57()
    };
    assert!(matches!(rig.engine(&request, 1).await, End::Done(_)));
    assert!(matches!(
        rig.one_c.resolve(&call(&request)).await,
        Resolution::Done(_)
    ));
    assert_eq!(rig.http.requests(HOST), 0);
}

#[tokio::test(start_paused = true)]
async fn documents_may_be_left_to_the_accountant_to_post() {
    let rig = rig(&Config {
        post_documents: false,
        ..example()
    });
    assert!(matches!(rig.engine(&shift_57(), 1).await, End::Done(_)));
    let stored = rig.emulator.documents();
    assert_eq!((stored.len(), stored[0].posted), (1, false));
}
