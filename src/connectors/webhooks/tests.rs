//! Deliveries, on paused time, to a receiver that does what a test tells it.

use super::*;
use crate::{
    domain::{
        alert::Alert,
        event::{Actor, Body},
        policy::Policy,
        scope::Scope,
    },
    flow::{record::record, webhooks as acts},
    store::{Options, Store, Threads},
    world::{MemoryDoors, RouterHttp, World},
};
use axum::{
    Router, extract::State as Held, http::HeaderMap, response::IntoResponse as _, routing::post,
};
use std::sync::Mutex;
use tokio::time::timeout;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "whs_of-this-very-test-0001";
/// What takes longer, on the paused clock, does not happen.
const LIMIT: Duration = Duration::from_hours(24 * 30);

/// A receiver: what came, and what it answers.
#[derive(Clone, Default)]
struct Receiver(Arc<Inbox>);

#[derive(Default)]
struct Inbox {
    came: watch::Sender<Vec<(HeaderMap, Bytes)>>,
    /// Answers for the next deliveries; 204 when there are none left.
    answers: Mutex<std::collections::VecDeque<(u16, Option<&'static str>)>>,
    always: Mutex<Option<u16>>,
}

impl Receiver {
    fn router(&self) -> Router {
        Router::new()
            .route("/hook", post(take))
            .with_state(self.clone())
    }

    fn answers(&self, all: &[(u16, Option<&'static str>)]) {
        self.0.answers.lock().unwrap().extend(all);
    }

    fn always(&self, status: Option<u16>) {
        *self.0.always.lock().unwrap() = status;
    }

    async fn wait_for(&self, times: usize) -> Vec<(HeaderMap, Bytes)> {
        let mut came = self.0.came.subscribe();
        let all = came.wait_for(|c| c.len() >= times);
        timeout(LIMIT, all)
            .await
            .expect("deliveries come")
            .unwrap()
            .clone()
    }

    fn seqs(&self) -> Vec<u64> {
        self.0.came.borrow().iter().map(|(_, b)| seq(b)).collect()
    }
}

async fn take(
    Held(r): Held<Receiver>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let next = r.0.answers.lock().unwrap().pop_front();
    let (status, wait) = next.unwrap_or((r.0.always.lock().unwrap().unwrap_or(204), None));
    r.0.came.send_modify(|c| c.push((headers, body)));
    let status = StatusCode::from_u16(status).unwrap();
    match wait {
        Some(wait) => (status, [(header::RETRY_AFTER, wait)]).into_response(),
        None => status.into_response(),
    }
}

fn json(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).unwrap()
}

fn seq(body: &[u8]) -> u64 {
    json(body)["seq"].as_u64().unwrap()
}

struct Rig {
    site: Arc<Site>,
    http: RouterHttp,
    receiver: Receiver,
    webhooks: Webhooks,
    stop: CancellationToken,
    folder: tempfile::TempDir,
}

fn world(http: &RouterHttp) -> World {
    World {
        http: Arc::new(http.clone()),
        ..MemoryDoors::world(Timestamp::from_millis(1_760_000_000_000), 7)
    }
}

async fn open(folder: &tempfile::TempDir, world: World) -> Arc<Site> {
    let store = Store::open(Options {
        threads: Threads::Inline,
        ..Options::at(folder.path().join("galley.db"))
    })
    .unwrap();
    Site::open(
        store,
        world,
        Policy::default(),
        Some(toml::from_str(include_str!("../../demo/menu.toml")).unwrap()),
        jiff::tz::TimeZone::UTC,
    )
    .await
    .unwrap()
}

impl Rig {
    async fn new() -> Self {
        let receiver = Receiver::default();
        let http = RouterHttp::new().route("erp.example", receiver.router());
        let folder = tempfile::tempdir().unwrap();
        let site = open(&folder, world(&http)).await;
        Self::around(site, http, receiver, folder)
    }

    fn around(
        site: Arc<Site>,
        http: RouterHttp,
        receiver: Receiver,
        folder: tempfile::TempDir,
    ) -> Self {
        let keys = vec![Key::new(KEY).unwrap()];
        let webhooks = Webhooks::new(site.clone(), keys, Settings::default());
        let stop = CancellationToken::new();
        tokio::spawn(webhooks.clone().run(stop.clone()));
        Self {
            site,
            http,
            receiver,
            webhooks,
            stop,
            folder,
        }
    }

    /// The plug is pulled, and put in again.
    async fn restart(self) -> Self {
        self.stop.cancel();
        self.site.store.close().await;
        let site = open(&self.folder, world(&self.http)).await;
        Self::around(site, self.http, self.receiver, self.folder)
    }

    async fn act<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut crate::store::Tx<'_>, &crate::flow::Context) -> Result<T, FlowError>
        + Send
        + 'static,
    ) -> T {
        self.site.command(Actor::system(), work).await.unwrap()
    }

    async fn subscribe(&self, kinds: &[&str]) {
        let id = self.site.world.new_id();
        let [place, _] = secret_names(id);
        let sealed = vault::seal(&Key::new(KEY).unwrap(), [3; 32], &place, SECRET);
        let kinds = kinds.iter().map(|k| (*k).to_owned()).collect();
        self.act(move |tx, cx| {
            let new = acts::NewWebhook {
                id,
                name: "erp".to_owned(),
                url: "https://erp.example/hook".to_owned(),
                kinds,
                sealed,
            };
            acts::create(tx, cx, new)
        })
        .await;
        self.webhooks.wake();
    }

    /// Something happens: a device comes or goes.
    async fn happens(&self, times: usize) {
        for n in 0..times {
            self.act(move |tx, cx| {
                let state = if n % 2 == 0 { "down" } else { "up" };
                record(
                    tx,
                    cx,
                    None,
                    Body::DeviceChanged {
                        device: "robot".to_owned(),
                        state: state.to_owned(),
                        detail: "a cable, says Anna".to_owned(),
                    },
                )
            })
            .await;
        }
    }

    async fn row(&self) -> Webhook {
        self.site
            .store
            .read(|s| s.webhook("erp"))
            .await
            .unwrap()
            .unwrap()
    }

    async fn alert(&self) -> Option<Alert> {
        self.site
            .store
            .read(|s| s.alert("webhook:erp"))
            .await
            .unwrap()
    }

    /// Waits until the subscription is as a test wants it.
    async fn until(&self, what: impl Fn(&Webhook) -> bool) -> Webhook {
        let mut head = self.site.store.head();
        let wait = async {
            loop {
                let row = self.row().await;
                if what(&row) {
                    return row;
                }
                let _ = timeout(Duration::from_secs(60), head.changed()).await;
            }
        };
        timeout(LIMIT, wait).await.expect("it comes about")
    }
}

#[tokio::test(start_paused = true)]
async fn events_arrive_once_each_in_order_signed_and_without_what_people_wrote() {
    let rig = Rig::new().await;
    rig.happens(2).await;
    rig.subscribe(&["device.changed"]).await;
    rig.happens(5).await;
    let came = rig.receiver.wait_for(5).await;
    rig.until(|w| w.health.delivered == 5).await;
    assert_eq!(
        rig.receiver.seqs(),
        [5, 6, 7, 8, 9],
        "what was before it was made is not delivered"
    );
    let mut ids = BTreeSet::new();
    for (headers, body) in &came {
        let value = json(body);
        assert_eq!(value["kind"], "device.changed");
        assert_eq!(value["data"]["device"], "robot");
        assert!(!value.to_string().contains("Anna"));
        assert_eq!(headers["galley-delivery"], value["id"].as_str().unwrap());
        assert_eq!(headers["galley-event"], "device.changed");
        let signed = headers[SIGNATURE].to_str().unwrap();
        let seconds: i64 = signed[2..].split(',').next().unwrap().parse().unwrap();
        let again = signature(
            Timestamp::from_millis(seconds * 1000),
            body,
            &[SECRET.to_owned()],
        );
        assert_eq!(signed, again);
        ids.insert(value["id"].to_string());
    }
    assert_eq!(ids.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_failure_holds_what_is_behind_it_and_the_same_event_comes_again() {
    let rig = Rig::new().await;
    rig.receiver
        .answers(&[(500, None), (204, None), (429, Some("1200")), (302, None)]);
    rig.subscribe(&["device.*"]).await;
    let began = rig.site.world.clock.now();
    rig.happens(3).await;
    let came = rig.receiver.wait_for(6).await;
    assert_eq!(rig.receiver.seqs(), [3, 3, 4, 4, 4, 5]);
    assert_eq!(came[0].1, came[1].1, "the same body, the same id");
    assert_ne!(came[0].0[SIGNATURE], came[1].0[SIGNATURE], "signed anew");
    let lasted = rig.site.world.clock.now().since(began);
    assert!(
        lasted >= Duration::from_secs(1200),
        "Retry-After is honoured: {lasted:?}"
    );
    let row = rig.until(|w| w.health.delivered == 3).await;
    assert_eq!(
        (
            row.health.attempts,
            row.health.failing_since,
            row.health.last_error
        ),
        (0, None, None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_or_a_crash_repeats_but_loses_and_reorders_nothing() {
    let mut rig = Rig::new().await;
    rig.subscribe(&["*"]).await;
    use crate::world::{HttpFault, Times};
    for (n, fault) in [HttpFault::AnswerLost, HttpFault::Hang, HttpFault::Refused]
        .into_iter()
        .enumerate()
    {
        rig.http.set_fault("erp.example", fault, Times::ONCE);
        rig.happens(3).await;
        rig.receiver.wait_for(n * 3 + 1).await;
        // In the middle of it.
        rig = rig.restart().await;
    }
    rig.until(|w| w.health.delivered >= 9).await;
    let mut seqs = rig.receiver.seqs();
    assert!(seqs.windows(2).all(|w| w[0] <= w[1]), "in order: {seqs:?}");
    seqs.dedup();
    assert_eq!(seqs, (3..=11).collect::<Vec<_>>(), "every one");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_stays_away_is_told_of_then_suspended_and_goes_on_where_it_stopped() {
    let rig = Rig::new().await;
    rig.receiver.always(Some(503));
    rig.subscribe(&["device.changed"]).await;
    rig.happens(2).await;
    let began = rig.site.world.clock.now();
    rig.until(|w| {
        w.health
            .failing_since
            .is_some_and(|at| rig.site.world.clock.now().since(at) > Duration::from_hours(2))
    })
    .await;
    let alert = rig.alert().await.expect("it is told");
    assert_eq!(alert.severity, crate::domain::alert::Severity::Warning);
    let row = rig.until(|w| w.state == State::Suspended).await;
    let lasted = rig.site.world.clock.now().since(began);
    assert!(
        lasted >= Duration::from_hours(72) && lasted < Duration::from_hours(73),
        "{lasted:?}"
    );
    assert!(row.health.last_error.unwrap().contains("503"));
    let tries = rig.receiver.seqs();
    assert!(
        tries.len() > 280 && tries.len() < 420,
        "{} tries",
        tries.len()
    );
    assert!(tries.iter().all(|s| *s == 3), "nothing overtakes");
    assert_eq!(
        rig.alert().await.unwrap().severity,
        crate::domain::alert::Severity::Error
    );
    // It is suspended: nothing is sent any more.
    rig.happens(1).await;
    tokio::time::sleep(Duration::from_hours(48)).await;
    assert_eq!(rig.receiver.seqs().len(), tries.len());

    rig.receiver.always(None);
    rig.act(|tx, cx| acts::set_running(tx, cx, "erp", true))
        .await;
    rig.webhooks.wake();
    rig.until(|w| w.health.delivered == 3).await;
    let after = rig.receiver.seqs();
    assert_eq!(after[tries.len()..].len(), 3);
    assert_eq!(after[tries.len()], 3);
    assert_eq!(rig.alert().await, None);
}

#[tokio::test(start_paused = true)]
async fn gone_is_gone_and_nobody_is_asked_twice() {
    let rig = Rig::new().await;
    rig.receiver.always(Some(410));
    rig.subscribe(&["device.changed"]).await;
    rig.happens(1).await;
    rig.until(|w| w.state == State::Suspended).await;
    assert_eq!(rig.receiver.seqs(), [3]);
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_is_delivered_again_when_a_person_wants_it() {
    let rig = Rig::new().await;
    rig.subscribe(&["device.changed"]).await;
    rig.happens(3).await;
    rig.until(|w| w.health.delivered == 3).await;
    let first = rig.receiver.wait_for(3).await;
    let one = rig.webhooks.send_again("erp", 4).await.unwrap();
    assert_eq!((one.status, one.error), (Some(204), None));
    assert_eq!(rig.receiver.seqs(), [3, 4, 5, 4]);
    assert_eq!(rig.receiver.wait_for(4).await[3].1, first[1].1);
    rig.act(|tx, cx| acts::rewind(tx, cx, "erp", 4)).await;
    rig.webhooks.wake();
    rig.receiver.wait_for(6).await;
    assert_eq!(rig.receiver.seqs(), [3, 4, 5, 4, 4, 5]);
    for bad in [0, 99] {
        let refused = rig
            .site
            .command(Actor::system(), move |tx, cx| {
                acts::rewind(tx, cx, "erp", bad)
            })
            .await;
        assert!(matches!(refused, Err(FlowError::Invalid(_))), "{bad}");
    }
    assert!(
        rig.webhooks.send_again("erp", 1).await.is_err(),
        "what stays here is not sent by hand either"
    );
    assert!(rig.webhooks.send_again("nobody", 3).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn two_secrets_sign_while_one_takes_over_from_the_other() {
    let rig = Rig::new().await;
    rig.subscribe(&["device.changed"]).await;
    let id = rig.row().await.id;
    let [place, old] = secret_names(id);
    let key = Key::new(KEY).unwrap();
    let sealed = vault::seal(&key, [4; 32], &place, "whs_the-next-secret-of-it-02");
    let former = vault::seal(&key, [5; 32], &old, SECRET);
    rig.act(move |tx, cx| {
        acts::rotate(
            tx,
            cx,
            "erp",
            &sealed,
            Some(&former),
            Duration::from_hours(1),
        )
    })
    .await;
    let answer = rig.webhooks.ping("erp").await.unwrap();
    assert_eq!(answer.error, None);
    let ping = rig.receiver.wait_for(1).await.remove(0);
    assert_eq!(json(&ping.1)["kind"], "ping");
    let both = ping.0[SIGNATURE].to_str().unwrap().to_owned();
    assert_eq!(both.matches("v1=").count(), 2);
    tokio::time::sleep(Duration::from_hours(2)).await;
    rig.webhooks.ping("erp").await.unwrap();
    let later = rig.receiver.wait_for(2).await.remove(1);
    assert_eq!(
        later.0[SIGNATURE].to_str().unwrap().matches("v1=").count(),
        1
    );
    assert_eq!(rig.row().await.health.delivered, 0, "a test is no delivery");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_is_passed_by_and_leaves_no_backlog() {
    let rig = Rig::new().await;
    rig.subscribe(&["order.*"]).await;
    rig.happens(20).await;
    rig.act(|tx, cx| {
        record(
            tx,
            cx,
            None,
            Body::KeyChanged {
                name: "erp".to_owned(),
                scopes: vec![Scope::StockRead],
                act: "created".to_owned(),
            },
        )
    })
    .await;
    tokio::time::sleep(SETTLE * 2).await;
    let (cursor, head) = rig
        .site
        .store
        .read(|s| -> Result<_, StoreError> { Ok((s.cursor("webhook:erp")?, s.head()?.seq)) })
        .await
        .unwrap();
    assert_eq!(cursor, head);
    assert_eq!(rig.receiver.seqs(), [0_u64; 0]);
}
