//! A store and headquarters in one process, over the straight route, with faults in between.

mod both;
mod counted;
mod doors;
mod down;
mod every_door;
mod history;
pub(super) mod story;
mod watched;

use super::*;
use crate::{
    domain::{
        event::{Actor, Body},
        ids::{OrderId, PaymentId, RefundId},
        money::Currency,
        order::{Order, OrderState},
        payment::Tender,
        refund::{Refund, RefundState},
        text::Language,
        time::Timestamp,
    },
    store::{Options, Store, Synchronous, Tx},
    sync::{
        CURSOR, Entry, HttpUplink, Identity, Status, SyncConfig, UplinkHandle, batch::HexHash,
        uplink,
    },
    world::{Http as _, HttpFault, RouterHttp, RuntimeClock, SeededEntropy, Times, World},
};
use bytes::Bytes;
use galley_link::MemoryNet;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use tokio::sync::watch;
use tower::ServiceExt as _;
use uuid::Uuid;

const HQ: &str = "hq.test";
const TOKEN: &str = "a long token";
const LONG: Duration = Duration::from_secs(20);
const START: i64 = 1_785_585_600_000; // 2026-08-01 12:00 in UTC

struct Rig {
    dir: tempfile::TempDir,
    world: World,
    http: RouterHttp,
    store: Store,
    hq: Hq,
    sync: UplinkHandle,
    stop: CancellationToken,
}

fn hq_config(database: PathBuf) -> HqConfig {
    HqConfig {
        stores: vec![format!("spb-01={TOKEN}").parse().unwrap()],
        // What is not about people is tested by whoever comes.
        people: people::PeopleConfig {
            open_as: Some(people::Role::Admin),
            ..people::PeopleConfig::default()
        },
        ..HqConfig::on(Place::Sqlite(Options {
            threads: Threads::Inline,
            ..Options::at(database)
        }))
    }
}

impl Rig {
    async fn new() -> Self {
        Self::with_token(TOKEN).await
    }

    async fn with_token(token: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let http = RouterHttp::new();
        let world = World {
            clock: Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START))),
            entropy: Arc::new(SeededEntropy::new(7)),
            dialer: Arc::new(MemoryNet::new()),
            http: Arc::new(http.clone()),
        };
        let store = Store::open(Options {
            threads: Threads::Inline,
            synchronous: Synchronous::Off,
            ..Options::at(dir.path().join("store.db"))
        })
        .unwrap();
        let hq = Hq::open(
            hq_config(dir.path().join("hq.db")),
            Arc::clone(&world.clock),
        )
        .await
        .unwrap();
        http.set_route(HQ, hq.router());
        let identity = Identity {
            store_id: "spb-01".parse().unwrap(),
            generation: 0,
            name: "Невский, 1".to_owned(),
            version: "0.1.0".to_owned(),
            zone: jiff::tz::TimeZone::get("Europe/Moscow").unwrap(),
        };
        let route = HttpUplink::new(
            &format!("https://{HQ}"),
            Secret::new(token),
            Arc::clone(&world.http),
        );
        let config = SyncConfig {
            batch: 10,
            ..SyncConfig::default()
        };
        let (sync, task) = uplink(
            store.clone(),
            &world,
            identity,
            &config,
            vec![Box::new(route)],
        );
        let stop = CancellationToken::new();
        tokio::spawn(task.run(stop.clone()));
        Self {
            dir,
            world,
            http,
            store,
            hq,
            sync,
            stop,
        }
    }

    /// Writes `n` events.
    async fn happen(&self, n: u64) {
        for i in 0..n {
            self.write(
                None,
                Body::AlertCleared {
                    key: format!("é {i}"),
                },
            )
            .await;
        }
    }

    async fn write(&self, order: Option<OrderId>, body: Body) {
        let at = self.world.clock.now();
        self.store
            .write(move |tx: &mut Tx<'_>| tx.append(at, order, &Actor::system(), body))
            .await
            .unwrap();
    }

    /// Waits until headquarters has acknowledged all that is in the store.
    async fn drained(&self) {
        let head = *self.store.head().borrow();
        self.acknowledged(head).await;
        self.complete().await;
    }

    /// The same by another uplink of this store.
    async fn drained_by(&self, sync: &UplinkHandle) {
        let head = self.store.read_here(|db| db.head()).unwrap().seq;
        let mut at = sync.acknowledged();
        tokio::time::timeout(Duration::from_mins(1), at.wait_for(|a| *a == head))
            .await
            .unwrap()
            .unwrap();
    }

    async fn acknowledged(&self, seq: u64) {
        let mut at = self.sync.acknowledged();
        tokio::time::timeout(Duration::from_mins(10), at.wait_for(|a| *a == seq))
            .await
            .unwrap_or_else(|_| panic!("not acknowledged: {:?}", self.sync.state().borrow()))
            .unwrap();
        assert_eq!(self.store.read_here(|db| db.cursor(CURSOR)).unwrap(), seq);
    }

    async fn status(&self, wanted: impl Fn(&crate::sync::UplinkState) -> bool) {
        let mut state = self.sync.state();
        tokio::time::timeout(Duration::from_mins(10), state.wait_for(wanted))
            .await
            .unwrap_or_else(|_| panic!("{:?}", self.sync.state().borrow()))
            .unwrap();
    }

    /// Every event of the store is at headquarters, once, in order, to the last byte.
    async fn complete(&self) {
        let here = self
            .store
            .read_here(|db| db.events_after(0, 1_000_000))
            .unwrap();
        let there = events(&self.hq).await;
        let here: Vec<_> = here
            .into_iter()
            .map(|e| (e.seq, e.kind, e.actor, e.body, HexHash(e.hash)))
            .collect();
        assert_eq!(here, there);
    }

    async fn row(&self) -> StoreRow {
        self.hq.stores().await.unwrap().remove(0)
    }

    fn batch(&self, first: u64, last: u64) -> Batch {
        let events = self
            .store
            .read_here(|db| db.events_after(first - 1, usize::try_from(last + 1 - first).unwrap()))
            .unwrap();
        Batch {
            store_id: "spb-01".parse().unwrap(),
            generation: 0,
            stream: 9,
            number: 1,
            first_seq: first,
            previous: None,
            entries: events
                .into_iter()
                .map(|e| Entry::try_from(e).unwrap())
                .collect(),
            summary: None,
            root: None,
        }
    }

    async fn post(&self, batch: &Batch) -> http::Response<Bytes> {
        self.post_bytes(batch.encode().unwrap(), TOKEN).await
    }

    async fn post_bytes(&self, body: Vec<u8>, token: &str) -> http::Response<Bytes> {
        let request = Request::post(format!("https://{HQ}/v1/ingest"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Bytes::from(body))
            .unwrap();
        self.world.http.send(request, LONG).await.unwrap()
    }

    async fn get(&self, path: &str) -> http::Response<Bytes> {
        let request = Request::get(format!("https://{HQ}{path}"))
            .body(Bytes::new())
            .unwrap();
        self.world.http.send(request, LONG).await.unwrap()
    }
}

type EventRow = (u64, String, String, String, HexHash);

async fn events(hq: &Hq) -> Vec<EventRow> {
    hq.db()
        .read(|sql| {
            sql.rows(
                "SELECT seq, kind, actor, body, hash FROM events ORDER BY store, seq",
                &[],
                |r| {
                    Ok((
                        r.get(0)?,
                        r.get(1)?,
                        r.get(2)?,
                        r.get(3)?,
                        HexHash(r.get(4)?),
                    ))
                },
            )
        })
        .await
        .unwrap()
}

fn ack(answer: &http::Response<Bytes>) -> Ack {
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    Ack::decode(answer.body()).unwrap()
}

fn problem(answer: &http::Response<Bytes>) -> (u16, String) {
    assert_eq!(
        answer.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    (
        answer.status().as_u16(),
        body["slug"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test(start_paused = true)]
async fn every_event_reaches_headquarters_once_and_in_order() {
    let rig = Rig::new().await;
    rig.happen(35).await;
    rig.drained().await;
    rig.happen(1).await;
    rig.drained().await;
    assert_eq!(rig.sync.state().borrow().status, Status::Online);
    let row = rig.row().await;
    assert_eq!((row.events, row.backlog, row.online), (36, 0, true));
    assert_eq!(
        (row.name.as_str(), row.version.as_str()),
        ("Невский, 1", "0.1.0")
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_or_acknowledgement_is_made_up_for() {
    for fault in [
        HttpFault::Refused,
        HttpFault::RequestLost,
        HttpFault::AnswerLost,
        HttpFault::Hang,
        HttpFault::Slow(Duration::from_mins(1)),
        HttpFault::Status(StatusCode::BAD_GATEWAY),
        HttpFault::Blocked(StatusCode::SERVICE_UNAVAILABLE),
        HttpFault::Garbage,
    ] {
        // The first request is a sign of life; the second and third carry events.
        for nth in 0..3 {
            let rig = Rig::new().await;
            rig.http.set_fault(HQ, fault.clone(), Times::After(nth));
            rig.happen(25).await;
            rig.drained().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_is_not_headquarters_moves_nothing() {
    let rig = Rig::new().await;
    rig.http.set_fault(HQ, HttpFault::Garbage, Times::Always);
    rig.happen(3).await;
    rig.status(|s| s.status == Status::Degraded).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(rig.store.read_here(|db| db.cursor(CURSOR)).unwrap(), 0);
    rig.http.heal(HQ);
    rig.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_twice_is_kept_once() {
    let rig = Rig::new().await;
    rig.stop.cancel();
    rig.happen(6).await;
    let first = ack(&rig.post(&rig.batch(1, 4)).await);
    assert_eq!((first.seq, first.rewind), (4, false));
    let again = ack(&rig.post(&rig.batch(1, 4)).await);
    assert_eq!(again, first);
    let overlapping = ack(&rig.post(&rig.batch(3, 6)).await);
    assert_eq!((overlapping.seq, overlapping.refused), (6, None));
    rig.complete().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_ahead_of_its_turn_is_not_kept_and_sends_the_store_back() {
    let rig = Rig::new().await;
    rig.stop.cancel();
    rig.happen(9).await;
    assert_eq!(ack(&rig.post(&rig.batch(1, 3)).await).seq, 3);
    let early = ack(&rig.post(&rig.batch(7, 9)).await);
    assert_eq!((early.seq, early.rewind), (3, true));
    assert_eq!(events(&rig.hq).await.len(), 3);
    assert_eq!(ack(&rig.post(&rig.batch(4, 6)).await).seq, 6);
    assert_eq!(ack(&rig.post(&rig.batch(7, 9)).await).seq, 9);
    rig.complete().await;
}

#[tokio::test(start_paused = true)]
async fn headquarters_from_an_older_copy_gets_what_it_lost() {
    let mut rig = Rig::new().await;
    rig.happen(20).await;
    rig.drained().await;
    let copy = rig.dir.path().join("copy.db");
    rig.hq.db().backup(copy.clone()).await.unwrap();
    rig.happen(30).await;
    rig.drained().await;
    rig.hq = Hq::open(hq_config(copy), Arc::clone(&rig.world.clock))
        .await
        .unwrap();
    rig.http.set_route(HQ, rig.hq.router());
    assert_eq!(events(&rig.hq).await.len(), 20);
    // Nothing new happens in the store: its sign of life is enough.
    let mut changes = rig.hq.0.changes.subscribe();
    tokio::time::timeout(Duration::from_secs(16), async {
        while events(&rig.hq).await.len() < 50 {
            changes.recv().await.unwrap();
        }
    })
    .await
    .unwrap();
    rig.drained().await;
    assert_eq!(rig.sync.state().borrow().status, Status::Online);
}

#[tokio::test(start_paused = true)]
async fn a_changed_event_is_set_aside_and_does_not_hold_up_what_follows() {
    let rig = Rig::new().await;
    rig.http.set_online(false);
    rig.happen(30).await;
    rig.store
        .write(|tx: &mut Tx<'_>| {
            tx.execute("UPDATE events SET actor = 'staff:eve' WHERE seq = 15", [])?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    rig.http.set_online(true);
    rig.drained().await;
    let row = rig.row().await;
    assert_eq!((row.events, row.alerts, row.unproven), (30, 1, 1));
    let aside = rig.hq.aside(None).await.unwrap();
    assert_eq!((aside.len(), aside[0].seq), (1, 15));
    assert!(aside[0].entry.contains("staff:eve"));
    // Whoever walks the log finds it, whatever its row says.
    let found = verify::verify(rig.hq.db(), None, None, false)
        .await
        .unwrap();
    assert_eq!((found.clean, found.unproven, found.faults), (false, 1, 1));
    // A person has looked; the mark stays.
    let store = "spb-01".parse().unwrap();
    let how = Settling {
        accept: true,
        by: "anna".to_owned(),
        note: "asked the store".to_owned(),
    };
    assert!(rig.hq.settle_aside(&store, 15, how.clone()).await.unwrap());
    assert!(!rig.hq.settle_aside(&store, 15, how).await.unwrap());
    let row = rig.row().await;
    assert_eq!((row.alerts, row.unproven), (0, 0));
    let found = verify::verify(rig.hq.db(), None, None, false)
        .await
        .unwrap();
    assert!(found.clean);
    let kept = rig.hq.aside(Some(&store)).await.unwrap();
    assert_eq!(kept[0].settled_by.as_deref(), Some("anna"));
}

#[tokio::test(start_paused = true)]
async fn a_full_day_is_compared_and_a_change_on_either_side_shows_on_both() {
    let rig = Rig::new().await;
    rig.happen(20).await;
    rig.drained().await;
    let mut day = rig.sync.day();
    tokio::time::sleep(Duration::from_hours(24)).await;
    day.wait_for(|d| matches!(d, crate::sync::DayCheck::Same(root) if root.seq == 20))
        .await
        .unwrap();
    assert_eq!(rig.row().await.day_differs, None);
    // The next day something is written, and changed at headquarters.
    rig.happen(5).await;
    rig.drained().await;
    rig.hq
        .db()
        .write(|sql| sql.execute("UPDATE events SET actor = 'staff:eve' WHERE seq = 22", &[]))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_hours(24)).await;
    day.wait_for(|d| matches!(d, crate::sync::DayCheck::Differs(..)))
        .await
        .unwrap();
    let row = rig.row().await;
    assert_eq!(row.day_differs.as_deref(), Some("2026-08-02"));
    assert_eq!(row.alerts, 1);
}

/// A route that carries only while it is open.
struct Gate {
    inner: HttpUplink,
    open: watch::Receiver<bool>,
}

#[async_trait::async_trait]
impl crate::sync::Uplink for Gate {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn limits(&self) -> crate::sync::Limits {
        self.inner.limits()
    }

    async fn connect(&mut self) -> Result<(), crate::sync::UplinkError> {
        if *self.open.borrow() {
            return self.inner.connect().await;
        }
        // As behind a firewall that says nothing.
        tokio::time::sleep(Duration::from_secs(5)).await;
        Err(crate::sync::UplinkError::Unreachable("blocked".to_owned()))
    }

    async fn send(
        &mut self,
        message: crate::sync::Message,
    ) -> Result<(), crate::sync::UplinkError> {
        self.inner.send(message).await
    }

    async fn answer(&mut self) -> Result<Ack, crate::sync::UplinkError> {
        let mut open = self.open.clone();
        tokio::select! {
            biased;
            answer = self.inner.answer() => answer,
            _ = open.wait_for(|open| !open) => {
                Err(crate::sync::UplinkError::Unreachable("cut".to_owned()))
            }
        }
    }

    async fn close(&mut self) {
        self.inner.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_changes_over_where_the_preferred_route_is_blocked_and_back_when_it_carries() {
    let rig = Rig::new().await;
    rig.stop.cancel();
    let (gate, open) = watch::channel(false);
    let route = || {
        HttpUplink::new(
            &format!("https://{HQ}"),
            Secret::new(TOKEN),
            Arc::clone(&rig.world.http),
        )
    };
    let identity = Identity {
        store_id: "spb-01".parse().unwrap(),
        name: "Невский, 1".to_owned(),
        version: "0.1.0".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        generation: 0,
    };
    let (sync, task) = uplink(
        rig.store.clone(),
        &rig.world,
        identity,
        &SyncConfig::default(),
        vec![
            Box::new(Gate {
                inner: route(),
                open,
            }),
            Box::new(route()),
        ],
    );
    let stop = CancellationToken::new();
    tokio::spawn(task.run(stop.clone()));
    let on = async |name: &'static str, within: Duration| {
        let mut state = sync.state();
        tokio::time::timeout(within, state.wait_for(|s| s.route == Some(name)))
            .await
            .unwrap()
            .unwrap();
    };
    on("http", Duration::from_secs(10)).await;
    rig.happen(20).await;
    rig.drained_by(&sync).await;
    gate.send_replace(true);
    on("mqtt", Duration::from_mins(3)).await;
    rig.happen(20).await;
    rig.drained_by(&sync).await;
    gate.send_replace(false);
    on("http", Duration::from_secs(15)).await;
    rig.happen(20).await;
    rig.drained_by(&sync).await;
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_offline_drains_in_order_within_a_second_and_without_a_storm() {
    let rig = Rig::new().await;
    rig.happen(5).await;
    rig.drained().await;
    rig.http.set_online(false);
    rig.happen(1000).await;
    rig.status(|s| s.status == Status::Offline).await;
    let before = rig.http.requests(HQ);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(rig.http.requests(HQ) - before <= 600);
    let row = rig.row().await;
    assert!(!row.online);
    rig.http.set_online(true);
    let back = tokio::time::Instant::now();
    let mut at = rig.sync.acknowledged();
    at.wait_for(|a| *a > 5).await.unwrap();
    assert!(
        back.elapsed() <= Duration::from_secs(1),
        "{:?}",
        back.elapsed()
    );
    let before = rig.http.requests(HQ);
    rig.drained().await;
    // Ten events in the first batch, a hundred in the later ones.
    assert!(rig.http.requests(HQ) - before <= 20);
    assert!(rig.row().await.online);
}

#[tokio::test(start_paused = true)]
async fn a_poke_tries_at_once_but_never_twice_in_a_second() {
    let rig = Rig::new().await;
    rig.happen(5).await;
    rig.drained().await;
    rig.http.set_online(false);
    rig.happen(1).await;
    rig.status(|s| s.status == Status::Offline).await;
    let before = rig.http.requests(HQ);
    for _ in 0..100 {
        rig.sync.poke();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let tried = rig.http.requests(HQ) - before;
    assert!((9..=11).contains(&tried), "{tried}");
    rig.http.set_online(true);
    rig.sync.poke();
    rig.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_poke_ends_an_attempt_that_hangs() {
    let rig = Rig::new().await;
    rig.http.set_fault(HQ, HttpFault::Hang, Times::ONCE);
    tokio::time::sleep(Duration::from_secs(2)).await;
    rig.happen(1).await;
    rig.sync.poke();
    let poked = tokio::time::Instant::now();
    rig.drained().await;
    assert!(poked.elapsed() < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_token_is_told_and_not_tried_every_second() {
    let rig = Rig::with_token("some other token").await;
    rig.happen(1).await;
    rig.status(|s| s.refused).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(rig.http.requests(HQ) <= 10);
    assert_eq!(events(&rig.hq).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_newest_state_comes_before_the_history() {
    let rig = Rig::new().await;
    rig.happen(1).await;
    rig.drained().await;
    rig.http.set_online(false);
    rig.happen(50).await;
    rig.status(|s| s.status == Status::Offline).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    // The sign of life gets through; the first events don't.
    rig.http.set_fault(HQ, HttpFault::Refused, Times::After(1));
    rig.http.set_online(true);
    let mut live = rig.hq.0.changes.subscribe();
    live.recv().await.unwrap();
    let row = rig.row().await;
    assert_eq!((row.events, row.backlog, row.online), (1, 50, true));
    assert!((100_000..105_000).contains(&row.oldest_age_ms.unwrap()));
    rig.drained().await;
    assert_eq!(rig.row().await.oldest_age_ms, None);
}

pub(super) fn order(id: OrderId, day: &str, total_minor: i64) -> Order {
    Order {
        id,
        number: 1,
        day: day.to_owned(),
        language: Language::Ru,
        service: crate::domain::order::Service::Here,
        lines: Vec::new(),
        promotions: Vec::new(),
        promo_code: None,
        total_minor,
        currency: Currency::Rub,
        placed_at: Timestamp::from_millis(START),
        promised_at: Timestamp::from_millis(START),
        expires_at: Timestamp::from_millis(START),
        placed_by: "kiosk".to_owned(),
        channel: None,
        has_contact: false,
        payments: Vec::new(),
        receipts: Vec::new(),
        pieces: Vec::new(),
        refunds: Vec::new(),
        given_up: None,
        paid: false,
        ready: false,
        closed: false,
        marks: Vec::new(),
        receipt_to: crate::domain::contact::ReceiptTo::Paper,
        loyalty: None,
        state: OrderState::Placed,
    }
}
