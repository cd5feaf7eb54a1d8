//! What a client may rely on when its line is bad: a repeated request is carried out once, and the live stream
//! goes on where it stopped.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{KIOSK, Message, STAFF, Shop, TILL, id, key, wish};
use futures_util::future::join_all;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_carried_out_once() {
    let shop = Shop::open(1000).await;
    let (k, body) = (key(), wish(&["plov", "mors"]));
    let first = shop.post_keyed("orders", KIOSK, &k, &body).await;
    assert!(!first.replayed);
    let placed = first.clone().expect(201);
    let before = shop.quiet().await;
    let again = shop.post_keyed("orders", KIOSK, &k, &body).await;
    assert!(again.replayed);
    assert_eq!((again.status, &again.body), (201, &placed));
    // Another body is another request.
    let reused = (409, "idempotency_key_reused");
    shop.post_keyed("orders", KIOSK, &k, &wish(&["plov"]))
        .await
        .expect_problem(reused.0, reused.1);
    assert_eq!(shop.head().await, before);
    // Another's key is another key.
    let other = shop.post_keyed("orders", TILL, &k, &body).await.expect(201);
    assert_ne!(id(&other), id(&placed));
    // So is the same body at another address.
    let (k, nothing) = (key(), json!({}));
    let cancel = |order: &Value| format!("orders/{}/cancel", id(order));
    shop.post_keyed(&cancel(&other), STAFF, &k, &nothing)
        .await
        .expect(200);
    shop.post_keyed(&cancel(&placed), STAFF, &k, &nothing)
        .await
        .expect_problem(reused.0, reused.1);
    assert_eq!(shop.order(&id(&placed)).await["state"], "placed");
    // A refused request keeps no key: put right, it goes through.
    let k = key();
    shop.post_keyed("orders", KIOSK, &k, &wish(&["pizza"]))
        .await
        .expect_problem(422, "unknown_dish");
    shop.post_keyed("orders", KIOSK, &k, &body)
        .await
        .expect(201);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_at_the_same_time_is_carried_out_once() {
    let shop = Shop::open(1000).await;
    for round in 0..5 {
        let (k, body) = (key(), wish(&["mors"]));
        let answers = join_all((0..16).map(|_| shop.post_keyed("orders", KIOSK, &k, &body))).await;
        assert!(
            answers
                .iter()
                .all(|a| a.status == 201 && a.body == answers[0].body),
            "{answers:?}"
        );
        assert_eq!(answers.iter().filter(|a| !a.replayed).count(), 1);
        let order = id(&answers[0].body);
        let (k, path, tender) = (
            key(),
            format!("orders/{order}/payments"),
            json!({"tender": "cash"}),
        );
        let payments = join_all((0..8).map(|_| shop.post_keyed(&path, KIOSK, &k, &tender))).await;
        assert!(
            payments
                .iter()
                .all(|a| a.status == 201 && a.body == payments[0].body),
            "{payments:?}"
        );
        // Several cashiers, each with a key of their own: the money came once.
        let payment = id(&payments[0].body);
        join_all((0..4).map(|_| shop.cash_taken(&payment))).await;
        let seen = shop.order(&order).await;
        assert_eq!(seen["payments"].as_array().unwrap().len(), 1);
        let listed = shop.get("orders?limit=200", STAFF).await.expect(200);
        assert_eq!(listed["orders"].as_array().unwrap().len(), round + 1);
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payment_wins_when_several_begin_at_once() {
    let shop = Shop::open(1000).await;
    let order = shop.place(&["mors"]).await;
    let (path, body) = (
        format!("orders/{order}/payments"),
        json!({"tender": "cash"}),
    );
    let answers = join_all((0..12).map(|_| shop.post(&path, KIOSK, &body))).await;
    let begun = answers.iter().filter(|a| a.status == 201).count();
    assert_eq!(begun, 1, "{answers:?}");
    for refused in answers.into_iter().filter(|a| a.status != 201) {
        refused.expect_problem(409, "already_paid");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_stream_resumes_over_power_cuts_without_a_hole_or_a_repeat() {
    let shop = Shop::open(1000).await;
    let mut live = shop.live(None, STAFF).await;
    let hello = live.next().await.unwrap();
    assert_eq!(
        (hello.kind.as_str(), &hello.data["resumed"]),
        ("hello", &json!(false))
    );
    let mut seen: Vec<Message> = Vec::new();
    let mut last = hello.seq;
    let mut cuts = 0;
    let guests = async {
        for n in 0..6 {
            let order = shop.place(&["mors"]).await;
            let payment = shop.start_payment(&order, "cash").await;
            if n % 2 == 0 {
                shop.power_cut().await;
            }
            shop.cash_taken(&payment).await;
            shop.fetch(&order).await;
        }
        shop.settled().await;
        shop.head().await
    };
    let mut guests = Box::pin(guests);
    let mut end = None;
    while end.is_none_or(|head| last < head) {
        tokio::select! {
            biased;
            head = &mut guests, if end.is_none() => end = Some(head),
            message = live.next() => match message {
                Some(message) => {
                    last = message.seq;
                    seen.push(message);
                }
                None => {
                    cuts += 1;
                    live = shop.live(Some(last), STAFF).await;
                    let hello = live.next().await.unwrap();
                    assert_eq!((hello.kind.as_str(), hello.seq, &hello.data["resumed"]), ("hello", last, &json!(true)));
                }
            },
        }
    }
    drop(guests);
    assert_eq!(cuts, 3);
    let expected: Vec<u64> = (hello.seq + 1..=last).collect();
    assert_eq!(seen.iter().map(|m| m.seq).collect::<Vec<_>>(), expected);
    assert_eq!(seen.iter().filter(|m| m.kind == "order.closed").count(), 6);
    // Who resumes from the middle gets the same events again.
    let middle = seen.len() / 2;
    let mut again = shop.live(Some(seen[middle].seq), STAFF).await;
    assert_eq!(again.next().await.unwrap().kind, "hello");
    for message in &seen[middle + 1..] {
        assert_eq!(again.next().await.as_ref(), Some(message));
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kiosk_hears_of_its_own_orders_only() {
    let shop = Shop::open(1000).await;
    let mut live = shop.live(None, KIOSK).await;
    live.next().await.unwrap();
    let others = id(&shop
        .post("orders", TILL, &wish(&["mors"]))
        .await
        .expect(201));
    let own = shop.place(&["mors"]).await;
    loop {
        let message = live.next().await.unwrap();
        assert_ne!(message.data["order_id"], others.as_str(), "{message:?}");
        if message.data["order_id"] == own.as_str() {
            break;
        }
    }
    shop.close().await;
}
