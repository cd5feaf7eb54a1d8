//! What counts, whatever comes on the way, and once.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_money_of_an_event_that_can_not_be_proven_counts_when_a_person_says_so() {
    let rig = Rig::new().await;
    rig.http.set_online(false);
    let id = OrderId(Uuid::from_u128(9));
    let order = order(id, "2026-08-01", 500);
    rig.write(
        Some(id),
        Body::OrderPlaced {
            order: Box::new(order),
        },
    )
    .await;
    let captured = Body::PaymentCaptured {
        payment_id: PaymentId(Uuid::from_u128(3)),
        amount_minor: 500,
        reference: None,
    };
    let payment = story::payment(PaymentId(Uuid::from_u128(3)), 500);
    rig.write(Some(id), Body::PaymentStarted { payment }).await;
    rig.write(Some(id), captured).await;
    rig.store
        .write(|tx: &mut Tx<'_>| {
            tx.execute(
                "UPDATE events SET body = replace(body, '500', '900') WHERE seq = 3",
                [],
            )?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    rig.http.set_online(true);
    rig.drained().await;
    let sales = async || {
        let details = rig.hq.store("spb-01").await.unwrap().unwrap();
        details.days.first().map_or(0, |d| d.sales_minor)
    };
    assert_eq!(sales().await, 0);
    let how = Settling {
        accept: true,
        by: "anna".to_owned(),
        note: String::new(),
    };
    let store = "spb-01".parse().unwrap();
    assert!(rig.hq.settle_aside(&store, 3, how).await.unwrap());
    assert_eq!(sales().await, 900);
}

#[tokio::test(start_paused = true)]
async fn sales_are_counted_from_the_events_on_the_day_of_the_order() {
    let rig = Rig::new().await;
    let refund_id = RefundId(Uuid::from_u128(77));
    for (n, day, amount_minor) in [
        (1, "2026-08-01", 45_000),
        (2, "2026-08-01", 5_050),
        (3, "2026-07-31", 900),
    ] {
        let id = OrderId(Uuid::from_u128(n));
        let payment_id = PaymentId(Uuid::from_u128(n));
        let placed = order(id, day, amount_minor);
        for body in [
            Body::OrderPlaced {
                order: Box::new(placed),
            },
            Body::PaymentStarted {
                payment: story::payment(payment_id, amount_minor),
            },
            Body::PaymentCaptured {
                payment_id,
                amount_minor,
                reference: None,
            },
            Body::OrderPaid {},
        ] {
            rig.write(Some(id), body).await;
        }
    }
    let id = OrderId(Uuid::from_u128(1));
    let refund = Refund {
        id: refund_id,
        payment_id: PaymentId(Uuid::from_u128(1)),
        tender: Tender::SbpQr,
        amount_minor: 15_000,
        line: None,
        pieces: Vec::new(),
        reason: "cold".to_owned(),
        state: RefundState::Pending,
        requested_at: Timestamp::from_millis(START),
        without_receipt: false,
    };
    rig.write(Some(id), Body::RefundRequested { refund }).await;
    rig.drained().await;
    // Asked for is not given back.
    assert_eq!(rig.row().await.sales_today_minor, 50_050);
    rig.write(
        Some(id),
        Body::RefundDone {
            refund_id,
            reference: None,
        },
    )
    .await;
    rig.drained().await;
    let row = rig.row().await;
    assert_eq!(row.day.as_deref(), Some("2026-08-01"));
    assert_eq!((row.sales_today_minor, row.orders_today), (35_050, 2));
    let details = rig.hq.store("spb-01").await.unwrap().unwrap();
    let days: Vec<_> = details
        .days
        .iter()
        .map(|d| (d.day.as_str(), d.orders, d.sales_minor, d.returns_minor))
        .collect();
    assert_eq!(
        days,
        [("2026-08-01", 2, 50_050, 15_000), ("2026-07-31", 1, 900, 0)]
    );
    // Sent again, it counts once.
    assert_eq!(ack(&rig.post(&rig.batch(1, 14)).await).seq, 14);
    assert_eq!(rig.row().await.sales_today_minor, 35_050);
}

fn any_fault() -> impl Strategy<Value = HttpFault> {
    prop_oneof![
        Just(HttpFault::Refused),
        Just(HttpFault::RequestLost),
        Just(HttpFault::AnswerLost),
        Just(HttpFault::Hang),
        Just(HttpFault::Slow(Duration::from_secs(7))),
        Just(HttpFault::Status(StatusCode::BAD_GATEWAY)),
        Just(HttpFault::Blocked(StatusCode::SERVICE_UNAVAILABLE)),
        Just(HttpFault::Garbage),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever happens on the way, and if headquarters falls back to a copy in the middle: all is there at last.
    #[test]
    fn no_faults_on_the_way_lose_or_double_an_event(
        faults in proptest::collection::vec((any_fault(), 0u32..4), 0..12),
        before in 0u64..60,
        after in 1u64..60,
        fall_back: bool,
    ) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async {
                let mut rig = Rig::new().await;
                for (fault, wait) in faults {
                    rig.http.set_fault(HQ, fault, Times::After(wait));
                }
                rig.happen(before).await;
                let copy = rig.dir.path().join("copy.db");
                rig.hq.db().backup(copy.clone()).await.unwrap();
                tokio::time::sleep(Duration::from_secs(20)).await;
                rig.happen(after).await;
                if fall_back {
                    rig.hq = Hq::open(hq_config(copy), Arc::clone(&rig.world.clock)).await.unwrap();
                    rig.http.set_route(HQ, rig.hq.router());
                    // The fall-back may come after all was acknowledged: a sign of life finds it.
                    tokio::time::sleep(Duration::from_mins(5)).await;
                }
                rig.drained().await;
            });
    }
}
