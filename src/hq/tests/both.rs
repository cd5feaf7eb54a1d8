//! What headquarters promises, over both databases.

use super::{order, *};
use crate::{
    domain::chain::{self, GENESIS},
    hq::db::{cells, tests::each_database},
    store::vault::Key,
    sync::DayRoot,
};
use serde_json::value::RawValue;

const NOW: i64 = START;

/// A store's log that is written by hand.
#[derive(Clone)]
struct Log {
    store: StoreId,
    entries: Vec<Entry>,
}

impl Log {
    fn new(store: &str) -> Self {
        Self {
            store: store.parse().unwrap(),
            entries: Vec::new(),
        }
    }

    fn push(&mut self, order: Option<OrderId>, body: &Body) {
        let seq = self.entries.len() as u64 + 1;
        let at = Timestamp::from_millis(NOW + i64::try_from(seq).unwrap());
        let previous = self.entries.last().map_or(GENESIS, |e| e.hash.0);
        let text = serde_json::to_string(body).unwrap();
        let hash = chain::link(&previous, seq, at, order, "system", &text);
        self.entries.push(Entry {
            seq,
            at,
            kind: body.kind().to_owned(),
            order_id: order,
            actor: "system".to_owned(),
            body: RawValue::from_string(text).unwrap(),
            hash: HexHash(hash),
        });
    }

    fn of(store: &str, n: u64) -> Self {
        let mut log = Self::new(store);
        for i in 0..n {
            log.push(
                None,
                &Body::AlertCleared {
                    key: format!("ключ {i}"),
                },
            );
        }
        log
    }

    fn batch(&self, first: u64, last: u64) -> Batch {
        let at = |seq: u64| usize::try_from(seq).unwrap();
        let before = self.entries[..at(first) - 1].last();
        Batch {
            store_id: self.store.clone(),
            generation: 0,
            stream: 1,
            number: first,
            first_seq: first,
            previous: Some(before.map_or(HexHash(GENESIS), |e| e.hash)),
            entries: self.entries[at(first) - 1..at(last)].to_vec(),
            summary: None,
            root: None,
        }
    }

    fn claim(&self, acknowledged: u64) -> verify::Claim {
        let hash = self.entries[..usize::try_from(acknowledged).unwrap()].last();
        verify::Claim {
            store_id: self.store.to_string(),
            head: self.entries.len() as u64,
            acknowledged,
            hash: hash.map_or(HexHash(GENESIS), |e| e.hash),
        }
    }
}

async fn open(place: Place, instance: &str) -> Hq {
    let config = HqConfig {
        accept_unknown: true,
        instance: instance.to_owned(),
        ..HqConfig::on(place)
    };
    let clock = RuntimeClock::starting_at(Timestamp::from_millis(NOW));
    Hq::open(config, Arc::new(clock)).await.unwrap()
}

async fn take(hq: &Hq, batch: Batch) -> Ack {
    let store = batch.store_id.clone();
    let submitted = hq.submit(batch, Proof::Topic(&store)).await.unwrap();
    submitted.done().await.unwrap().ack
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_kept_once_however_often_it_comes_and_a_gap_sends_the_store_back() {
    each_database(|place| async {
        let hq = open(place, "a").await;
        let log = Log::of("s", 100);
        assert_eq!(take(&hq, log.batch(1, 40)).await.seq, 40);
        assert_eq!(take(&hq, log.batch(1, 40)).await.seq, 40);
        assert_eq!(take(&hq, log.batch(20, 60)).await.seq, 60);
        let ahead = take(&hq, log.batch(71, 80)).await;
        assert!(ahead.rewind && ahead.seq == 60 && ahead.hash == log.entries[59].hash);
        assert_eq!(take(&hq, log.batch(61, 100)).await.seq, 100);
        assert_eq!(events(&hq).await.len(), 100);
        let mut other = log.clone();
        other.entries[99].hash = HexHash([7; 32]);
        let refused = take(&hq, other.batch(100, 100)).await.refused.unwrap();
        assert_eq!(refused.seq, 100);
        let found = verify::verify(hq.db(), None, Some(&[log.claim(100)]), false)
            .await
            .unwrap();
        assert!(found.clean, "{found:?}");
    })
    .await;
}

/// A store that was not answered says again that it is there, and both its words and its first events wait for the
/// writer together.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_of_life_that_comes_behind_the_first_events_is_answered_with_them() {
    each_database(|place| async {
        let hq = open(place, "a").await;
        let log = Log::of("s", 40);
        assert_eq!(take(&hq, log.batch(1, 0)).await.seq, 0);
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let mut held = Vec::new();
        let gate = std::sync::Arc::new(std::sync::Mutex::new(gate));
        for writer in 0..hq.db().writers() {
            let gate = std::sync::Arc::clone(&gate);
            let hold = hq.db().submit_to(writer, move |_| {
                gate.lock().unwrap().recv().unwrap();
                Ok(())
            });
            held.push(hold.await.unwrap());
        }
        let store = log.store.clone();
        let proof = || Proof::Topic(&store);
        let events = hq.submit(log.batch(1, 40), proof()).await.unwrap();
        let again = hq.submit(log.batch(1, 0), proof()).await.unwrap();
        for _ in &held {
            go.send(()).unwrap();
        }
        for hold in held {
            hold.done().await.unwrap();
        }
        assert_eq!(events.done().await.unwrap().ack.seq, 40);
        let ack = again.done().await.unwrap().ack;
        assert!(ack.seq == 40 && !ack.rewind && ack.refused.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_stores_that_send_at_once_each_keep_their_order() {
    each_database(|place| async {
        let hq = open(place, "a").await;
        let logs: Vec<Log> = (0..40).map(|n| Log::of(&format!("s{n}"), 60)).collect();
        let mut waiting = Vec::new();
        for first in [1, 21, 41] {
            for log in &logs {
                let batch = log.batch(first, first + 19);
                let submitted = hq.submit(batch, Proof::Topic(&log.store)).await.unwrap();
                waiting.push(submitted.done());
            }
        }
        for done in waiting {
            let ack = done.await.unwrap().ack;
            assert!(!ack.rewind && ack.refused.is_none());
        }
        let claims: Vec<_> = logs.iter().map(|l| l.claim(60)).collect();
        let found = verify::verify(hq.db(), None, Some(&claims), false)
            .await
            .unwrap();
        assert_eq!((found.clean, found.events), (true, 2_400), "{found:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_counted_on_the_day_of_the_order_however_the_events_are_cut_into_batches() {
    each_database(|place| async {
        let hq = open(place, "a").await;
        let mut log = Log::new("s");
        let id = OrderId(Uuid::from_u128(5));
        let refund = Refund {
            id: RefundId(Uuid::from_u128(6)),
            payment_id: PaymentId(Uuid::from_u128(7)),
            tender: Tender::SbpQr,
            amount_minor: 200,
            line: None,
            pieces: Vec::new(),
            reason: "cold".to_owned(),
            state: RefundState::Pending,
            requested_at: Timestamp::from_millis(NOW),
            without_receipt: false,
        };
        log.push(
            Some(id),
            &Body::OrderPlaced {
                order: Box::new(order(id, "2026-08-01", 500)),
            },
        );
        let payment = super::story::payment(PaymentId(Uuid::from_u128(7)), 500);
        log.push(Some(id), &Body::PaymentStarted { payment });
        log.push(
            Some(id),
            &Body::PaymentCaptured {
                payment_id: PaymentId(Uuid::from_u128(7)),
                amount_minor: 500,
                reference: None,
            },
        );
        log.push(Some(id), &Body::OrderPaid {});
        log.push(Some(id), &Body::RefundRequested { refund });
        log.push(
            Some(id),
            &Body::RefundDone {
                refund_id: RefundId(Uuid::from_u128(6)),
                reference: None,
            },
        );
        // All at once for one store, one by one for another.
        let mut single = log.clone();
        single.store = "t".parse().unwrap();
        take(&hq, log.batch(1, 6)).await;
        for n in 1..=6 {
            take(&hq, single.batch(n, n)).await;
        }
        for store in ["s", "t"] {
            let day = hq.store(store).await.unwrap().unwrap().days[0].clone();
            assert_eq!(
                (
                    day.day.as_str(),
                    day.orders,
                    day.sales_minor,
                    day.returns_minor
                ),
                ("2026-08-01", 1, 500, 200)
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_headquarters_lost_with_its_database_comes_again() {
    each_database(|place| async {
        let hq = open(place, "a").await;
        let log = Log::of("s", 50);
        take(&hq, log.batch(1, 50)).await;
        // As restored from a copy that was made after event 20.
        let hash = log.entries[19].hash.0;
        hq.db()
            .write(move |sql| {
                sql.execute("DELETE FROM events WHERE seq > 20", &[])?;
                sql.execute("UPDATE stores SET seq = 20, hash = ?1", &cells![hash])
            })
            .await
            .unwrap();
        let sign = take(&hq, log.batch(51, 50)).await;
        assert!(sign.rewind && sign.seq == 20 && sign.hash == log.entries[19].hash);
        take(&hq, log.batch(21, 50)).await;
        let found = verify::verify(hq.db(), None, Some(&[log.claim(50)]), false)
            .await
            .unwrap();
        assert_eq!((found.clean, found.events), (true, 50), "{found:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_can_not_be_proven_is_found_however_it_was_changed() {
    each_database(|place| async {
        let hq = open(place, "a").await;
        let mut log = Log::of("s", 30);
        log.entries[9].actor = "staff:eve\0".to_owned();
        assert_eq!(take(&hq, log.batch(1, 30)).await.seq, 30);
        let row = &hq.stores().await.unwrap()[0];
        assert_eq!((row.events, row.unproven), (30, 1));
        let found = verify::verify(hq.db(), None, None, false).await.unwrap();
        assert_eq!((found.clean, found.unproven), (false, 1));
        // Who takes the mark away, or the note, is found as well.
        for hide in [
            "UPDATE events SET unproven = 0",
            "UPDATE stores SET unproven = 0",
            "DELETE FROM quarantine",
        ] {
            hq.db()
                .write(move |sql| sql.execute(hide, &[]))
                .await
                .unwrap();
            assert!(
                !verify::verify(hq.db(), None, None, false)
                    .await
                    .unwrap()
                    .clean,
                "{hide}"
            );
        }
        let root = DayRoot {
            day: "2026-08-01".to_owned(),
            seq: 30,
            hash: log.entries[29].hash,
        };
        let ours = hq.compare_day(&log.store, root.clone()).await.unwrap();
        assert_ne!(ours.hash, root.hash);
    })
    .await;
}

async fn quarters(hq: &Hq) -> i64 {
    let all = hq.db().read(|sql| {
        let count = "SELECT count(*) FROM quarters";
        sql.row(count, &[], |r| r.get(0))
    });
    all.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_dropped_after_their_time_and_not_before() {
    each_database(|place| async {
        let hq = open(place, "a").await;
        let log = Log::of("s", 30);
        take(&hq, log.batch(1, 30)).await;
        let later = |months: i64| Timestamp::from_millis(NOW + months * 31 * 86_400_000);
        keep::make_ahead(hq.db(), later(3)).await.unwrap();
        assert_eq!(keep::drop_old(hq.db(), later(2), 3).await.unwrap(), 0);
        assert_eq!(events(&hq).await.len(), 30);
        assert!(quarters(&hq).await > 0);
        assert!(keep::drop_old(hq.db(), later(5), 3).await.unwrap() > 0);
        assert_eq!(events(&hq).await.len(), 0);
        assert_eq!(quarters(&hq).await, 0);
        // The log goes on all the same.
        let mut log = log;
        log.push(None, &Body::OrderClosed {});
        assert_eq!(take(&hq, log.batch(31, 31)).await.seq, 31);
        assert!(
            verify::verify(hq.db(), None, None, false)
                .await
                .unwrap()
                .clean
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_headquarters_on_one_database_keep_a_stores_order_and_tell_each_other() {
    let url = tokio::task::spawn_blocking(crate::hq::db::tests::new_server_database)
        .await
        .unwrap();
    let place = || Place::Postgres(Secret::new(url.clone()));
    let (a, b) = (open(place(), "a").await, open(place(), "b").await);
    let stop = CancellationToken::new();
    relive::start(&a, &stop);
    relive::start(&b, &stop);
    let mut seen_by_b = b.0.changes.subscribe();
    let log = Log::of("s", 400);
    take(&a, log.batch(1, 1)).await;
    // The listener of b may come up after this: what is told again and again is seen.
    let told = async {
        loop {
            a.note_change("s");
            if let Ok(Ok(store)) =
                tokio::time::timeout(Duration::from_millis(500), seen_by_b.recv()).await
            {
                return store;
            }
        }
    };
    assert_eq!(tokio::time::timeout(LONG, told).await.unwrap(), "s");
    // The same batches through both at the same time, as often as they like.
    let mut known = 1;
    while known < 400 {
        let next = log.batch(known + 1, (known + 20).min(400));
        let (one, two) = tokio::join!(take(&a, next.clone()), take(&b, next));
        assert!(one.refused.is_none() && two.refused.is_none());
        known = one.seq.max(two.seq);
    }
    let found = verify::verify(a.db(), None, Some(&[log.claim(400)]), false)
        .await
        .unwrap();
    assert_eq!((found.clean, found.events), (true, 400), "{found:?}");
    stop.cancel();
}

#[tokio::test]
async fn a_headquarters_with_another_key_than_the_others_does_not_start() {
    each_database(|place| async move {
        let open = |letter: &str| {
            let mut config = HqConfig::on(place.clone());
            config.key = Some(Key::new(&letter.repeat(32)).unwrap());
            Hq::open(
                config,
                Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(NOW))),
            )
        };
        drop(open("k").await.unwrap());
        let refused = open("o").await.err().expect("the keys were sealed by k");
        assert!(
            refused.to_string().contains("--key-credential"),
            "{refused}"
        );
        drop(open("k").await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_goes_on_while_it_is_compared_is_no_difference() {
    each_database(|place| async {
        let hq = open(place, "a").await;
        let log = Log::of("s", 100);
        take(&hq, log.batch(1, 60)).await;
        // What it said before the walk, and after it: twenty more were on their way.
        let said = |acknowledged: u64, head: u64| verify::Claim {
            head,
            ..log.claim(acknowledged)
        };
        let (before, after) = ([said(40, 40)], [said(60, 80)]);
        let mut found = verify::verify(hq.db(), None, Some(&before), true)
            .await
            .unwrap();
        found.settle(&after);
        assert!(found.clean, "{found:?}");
        // Events that the store never had are a fault whenever it is asked.
        let mut found = verify::verify(hq.db(), None, Some(&before), true)
            .await
            .unwrap();
        found.settle(&[said(40, 50)]);
        assert!(
            !found.clean && found.told[0].contains("60 events here, 50 in the store"),
            "{found:?}"
        );
        let found = verify::verify(hq.db(), None, Some(&before), false)
            .await
            .unwrap();
        assert!(!found.clean, "{found:?}");
        let found = verify::verify(hq.db(), None, Some(&[said(60, 80)]), false)
            .await
            .unwrap();
        assert!(found.clean && found.behind == 20, "{found:?}");
    })
    .await;
}
