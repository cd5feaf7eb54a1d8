//! The engine against executors that do what a test tells them.

use super::{
    Site, commands,
    decide::{MACHINE, PRINTER},
    effects::{bank_register, bank_watch, machine, x_report},
    engine::{Engine, Poke, alert_key},
    executor::{Call, Executor, NotNow, Outcome, Refusal, Resolution},
    testing,
};
use crate::{
    domain::{alert::Alert, event::Actor, policy::Policy, time::Timestamp},
    store::{EffectRow, EffectState, StoreError},
    world::{Clock, RuntimeClock},
};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What takes longer, on the paused clock, does not happen.
const LIMIT: Duration = Duration::from_hours(1);

/// Answers from a script and notes every call.
struct Scripted {
    kinds: &'static [&'static str],
    performs: Mutex<VecDeque<Outcome>>,
    resolves: Mutex<VecDeque<Resolution>>,
    calls: watch::Sender<Vec<String>>,
}

impl Scripted {
    fn new(
        kinds: &'static [&'static str],
        performs: impl IntoIterator<Item = Outcome>,
        resolves: impl IntoIterator<Item = Resolution>,
    ) -> Arc<Self> {
        Arc::new(Self {
            kinds,
            performs: Mutex::new(performs.into_iter().collect()),
            resolves: Mutex::new(resolves.into_iter().collect()),
            calls: watch::Sender::default(),
        })
    }

    fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    fn note(&self, verb: &str, about: &str) {
        self.calls
            .send_modify(|c| c.push(format!("{verb} {about}")));
    }

    /// Lets paused time pass until it was called so often.
    async fn called(&self, times: usize) {
        let mut calls = self.calls.subscribe();
        let there = calls.wait_for(|c| c.len() >= times);
        tokio::time::timeout(LIMIT, there).await.unwrap().unwrap();
    }
}

#[async_trait]
impl Executor for Scripted {
    fn kinds(&self) -> &'static [&'static str] {
        self.kinds
    }

    async fn prepare(&self, call: &Call) -> Result<Value, NotNow> {
        self.note("prepare", &call.key);
        Ok(json!({"read before attempt": call.attempt}))
    }

    async fn perform(&self, call: &Call) -> Outcome {
        self.note("perform", &call.key);
        let next = self.performs.lock().unwrap().pop_front();
        match next {
            Some(outcome) => outcome,
            // The script is over: the other side never answers.
            None => std::future::pending().await,
        }
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        self.note("resolve", &format!("{} {}", call.key, call.evidence));
        let next = self.resolves.lock().unwrap().pop_front();
        match next {
            Some(resolution) => resolution,
            None => std::future::pending().await,
        }
    }
}

fn not_now() -> NotNow {
    NotNow::new("nobody answers", "Plug it in.")
}

struct Rig {
    site: Arc<Site>,
    folder: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = open(&folder).await;
        Self { site, folder }
    }

    async fn intend(&self, kind: &'static str, queue: &'static str, key: &'static str) {
        self.intend_with(kind, queue, key, json!({})).await;
    }

    async fn intend_with(
        &self,
        kind: &'static str,
        queue: &'static str,
        key: &'static str,
        request: Value,
    ) {
        self.site
            .command(Actor::system(), move |tx, cx| {
                commands::device_act(tx, cx, kind, queue, key.to_owned(), request)?;
                // Whatever is intended comes with its cause in the log.
                super::record::record(
                    tx,
                    cx,
                    None,
                    crate::domain::event::Body::AlertCleared {
                        key: key.to_owned(),
                    },
                )
            })
            .await
            .unwrap();
    }

    fn run(&self, executors: Vec<Arc<dyn Executor>>) -> CancellationToken {
        let stop = CancellationToken::new();
        let engine = Arc::new(Engine::new(self.site.clone(), executors, Poke::default()));
        tokio::spawn(engine.run(stop.clone()));
        stop
    }

    async fn effect(&self, key: &'static str) -> EffectRow {
        let row: Result<_, StoreError> = self.site.store.read(move |s| s.effect_by_key(key)).await;
        row.unwrap().unwrap()
    }

    /// Lets paused time pass until the effect is as wanted.
    async fn until(&self, key: &'static str, state: EffectState) -> EffectRow {
        let mut changes = self.site.store.effects_changed();
        let there = async {
            loop {
                changes.borrow_and_update();
                let row = self.effect(key).await;
                if row.state == state {
                    return row;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LIMIT, there)
            .await
            .unwrap_or_else(|_| panic!("{key} never became {}", state.word()))
    }

    async fn alert(&self, effect: &'static str) -> Option<Alert> {
        self.alert_with(alert_key(effect)).await
    }

    async fn alert_with(&self, key: String) -> Option<Alert> {
        let alert: Result<_, StoreError> = self.site.store.read(move |s| s.alert(&key)).await;
        alert.unwrap()
    }

    /// Lets paused time pass until there is an alert about the effect.
    async fn until_alert(&self, effect: &'static str) -> Alert {
        self.until_alert_with(&alert_key(effect)).await
    }

    async fn until_alert_with(&self, key: &str) -> Alert {
        let mut head = self.site.store.head();
        let raised = async {
            loop {
                head.borrow_and_update();
                if let Some(alert) = self.alert_with(key.to_owned()).await {
                    return alert;
                }
                head.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LIMIT, raised)
            .await
            .expect("nobody was told")
    }
}

async fn open(folder: &tempfile::TempDir) -> Arc<Site> {
    let start = Timestamp::from_millis(1_795_338_000_000);
    open_by(folder, Arc::new(RuntimeClock::starting_at(start))).await
}

async fn open_by(folder: &tempfile::TempDir, clock: Arc<dyn Clock>) -> Arc<Site> {
    let start = Timestamp::from_millis(1_795_338_000_000);
    testing::site_by(folder, clock, start, Policy::default()).await
}

#[tokio::test(start_paused = true)]
async fn after_an_unknown_outcome_nothing_is_performed_before_it_is_resolved() {
    let rig = Rig::new().await;
    let printer = Scripted::new(
        &[machine::KIND],
        [Outcome::Unknown(not_now()), Outcome::Done(json!(2))],
        [
            Resolution::Unknown(not_now()),
            Resolution::Unknown(not_now()),
            Resolution::NotDone,
        ],
    );
    rig.intend(machine::KIND, MACHINE, "a").await;
    rig.run(vec![printer.clone()]);
    let row = rig.until("a", EffectState::Done).await;
    assert_eq!(row.attempt, 2);
    let evidence = r#"{"read before attempt":1}"#;
    assert_eq!(
        printer.calls(),
        [
            "prepare a".to_owned(),
            "perform a".to_owned(),
            format!("resolve a {evidence}"),
            format!("resolve a {evidence}"),
            format!("resolve a {evidence}"),
            "prepare a".to_owned(),
            "perform a".to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_when_the_power_failed_is_resolved_first_and_not_done_again() {
    let rig = Rig::new().await;
    let before = Scripted::new(&[machine::KIND], [], []);
    rig.intend(machine::KIND, MACHINE, "a").await;
    let stop = rig.run(vec![before.clone()]);
    rig.until("a", EffectState::Sent).await;
    stop.cancel();
    assert_eq!(before.calls(), ["prepare a", "perform a"]);
    let Rig { site, folder } = rig;
    drop(site);
    let rig = Rig {
        site: open(&folder).await,
        folder,
    };
    let after = Scripted::new(
        &[machine::KIND],
        [],
        [Resolution::Done(json!("it had happened"))],
    );
    rig.run(vec![after.clone()]);
    let row = rig.until("a", EffectState::Done).await;
    assert_eq!(row.result, Some(json!("it had happened")));
    assert_eq!(after.calls(), [r#"resolve a {"read before attempt":1}"#]);
}

#[tokio::test(start_paused = true)]
async fn one_queue_keeps_its_order_and_another_goes_on_beside_it() {
    let rig = Rig::new().await;
    let slow = Scripted::new(
        &[machine::KIND],
        [
            Outcome::NotSent(not_now()),
            Outcome::NotSent(not_now()),
            Outcome::Done(Value::Null),
            Outcome::Done(Value::Null),
        ],
        [],
    );
    let quick = Scripted::new(&[x_report::KIND], [Outcome::Done(Value::Null)], []);
    rig.intend(machine::KIND, MACHINE, "first").await;
    rig.intend(machine::KIND, MACHINE, "second").await;
    rig.intend(x_report::KIND, PRINTER, "beside").await;
    rig.run(vec![slow.clone(), quick]);
    rig.until("beside", EffectState::Done).await;
    assert!(rig.effect("first").await.state.is_live());
    rig.until("second", EffectState::Done).await;
    let performed: Vec<_> = slow
        .calls()
        .into_iter()
        .filter(|c| c.starts_with("perform"))
        .collect();
    assert_eq!(
        performed,
        [
            "perform first",
            "perform first",
            "perform first",
            "perform second"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_compensation_becomes_an_alert_with_what_to_do_and_a_person_settles_it() {
    let rig = Rig::new().await;
    let robot = Scripted::new(
        &[machine::KIND],
        [
            Outcome::Refused(Refusal::new("WRONG_STATE", "it is stopped", "Start it.")),
            Outcome::Done(Value::Null),
        ],
        [],
    );
    rig.intend(machine::KIND, MACHINE, "a").await;
    rig.run(vec![robot]);
    let row = rig.until("a", EffectState::Refused).await;
    assert_eq!(rig.alert("a").await.unwrap().advice, "Start it.");
    rig.site
        .command(Actor("staff:anna".to_owned()), move |tx, cx| {
            commands::settle_effect(tx, cx, row.id, None, "it was started by hand")
        })
        .await
        .unwrap();
    rig.until("a", EffectState::Done).await;
    assert_eq!(rig.alert("a").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_bank_that_refuses_the_store_is_told_once_until_it_takes_a_payment() {
    let rig = Rig::new().await;
    let refused = || {
        Outcome::Refused(Refusal::new(
            "5",
            "Access denied",
            "Check login and password.",
        ))
    };
    let taken = json!({"provider_id": "p", "qr_id": "q", "qr_payload": "https://qr"});
    let bank = Scripted::new(
        &[bank_register::KIND],
        [refused(), refused(), Outcome::Done(taken)],
        [],
    );
    let told = async || {
        let alert: Result<Option<Alert>, StoreError> =
            rig.site.store.read(|s| s.alert("bank:refuses")).await;
        alert.unwrap()
    };
    rig.intend(bank_register::KIND, "bank", "a").await;
    rig.run(vec![bank]);
    rig.until("a", EffectState::Refused).await;
    let first = told().await.unwrap();
    assert_eq!(first.advice, "Check login and password.");
    rig.intend(bank_register::KIND, "bank", "b").await;
    rig.until("b", EffectState::Refused).await;
    assert_eq!(told().await.unwrap().since_at, first.since_at);
    rig.intend(bank_register::KIND, "bank", "c").await;
    rig.until("c", EffectState::Done).await;
    assert_eq!(told().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_waits_too_long_becomes_an_alert_and_the_alert_goes_with_it() {
    let rig = Rig::new().await;
    let mut script = vec![Outcome::NotSent(not_now()); 30];
    script.push(Outcome::Done(Value::Null));
    let robot = Scripted::new(&[machine::KIND], script, []);
    rig.intend(machine::KIND, MACHINE, "a").await;
    rig.run(vec![robot]);
    rig.until_alert("a").await;
    assert!(rig.effect("a").await.state.is_live());
    rig.until("a", EffectState::Done).await;
    assert_eq!(rig.alert("a").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_effect_is_an_alert_at_once_and_the_others_go_on() {
    let rig = Rig::new().await;
    rig.intend_with(machine::KIND, MACHINE, "spoilt", json!({"sum": "unspoilt"}))
        .await;
    rig.intend(x_report::KIND, PRINTER, "beside").await;
    let Rig { site, folder } = rig;
    // A copy is one file: nothing of it is in a log.
    let copy = folder.path().join("copy.db");
    site.store.backup(copy.clone()).await.unwrap();
    drop(site);
    // Rot: the request reads well and is another one.
    let damaged = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(&copy).unwrap();
    let mut places = bytes
        .windows(8)
        .enumerate()
        .filter(|(_, b)| b == b"unspoilt");
    let (at, _) = places.next().unwrap();
    assert!(places.next().is_none(), "it is in the effect's row only");
    bytes[at] ^= 1;
    std::fs::write(damaged.path().join("store.db"), bytes).unwrap();

    let site = open(&damaged).await;
    let rig = Rig {
        site,
        folder: damaged,
    };
    let machine = Scripted::new(&[machine::KIND], [Outcome::Done(Value::Null)], []);
    let printer = Scripted::new(&[x_report::KIND], [Outcome::Done(Value::Null)], []);
    rig.run(vec![machine.clone(), printer]);
    rig.until("beside", EffectState::Done).await;
    let alert = rig.until_alert_with("store:damaged").await;
    assert!(alert.detail.contains("effect"), "{}", alert.detail);
    assert_eq!(machine.calls(), Vec::<String>::new());
}

/// A clock that somebody sets.
struct SetClock(RuntimeClock, std::sync::atomic::AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let by = self.1.load(std::sync::atomic::Ordering::Relaxed);
        Timestamp::from_millis(self.0.now().as_millis() + by)
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_no_pause_longer() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SetClock(
        RuntimeClock::starting_at(Timestamp::from_millis(1_795_338_000_000)),
        std::sync::atomic::AtomicI64::new(0),
    ));
    let site = open_by(&folder, clock.clone()).await;
    let rig = Rig { site, folder };
    let mut script = vec![Outcome::NotSent(not_now()); 8];
    script.push(Outcome::Done(Value::Null));
    script.push(Outcome::Done(Value::Null));
    let robot = Scripted::new(&[machine::KIND], script, []);
    rig.intend(machine::KIND, MACHINE, "a").await;
    rig.intend(machine::KIND, MACHINE, "behind it").await;
    rig.run(vec![robot.clone()]);
    robot.called(6).await;
    let five_hours = 5 * 3_600_000;
    clock
        .1
        .store(-five_hours, std::sync::atomic::Ordering::Relaxed);
    let began = tokio::time::Instant::now();
    rig.until("a", EffectState::Done).await;
    rig.until("behind it", EffectState::Done).await;
    assert!(began.elapsed() < Duration::from_mins(2));
}

#[tokio::test(start_paused = true)]
async fn looking_again_and_again_costs_no_write() {
    let rig = Rig::new().await;
    let watch = Scripted::new(
        &[bank_watch::KIND],
        vec![Outcome::Pending(Duration::from_secs(3)); 100],
        [],
    );
    rig.intend(bank_watch::KIND, "watch", "a").await;
    rig.run(vec![watch.clone()]);
    watch.called(1).await;
    let mut writes = rig.site.store.effects_changed();
    writes.borrow_and_update();
    watch.called(50).await;
    assert!(!writes.has_changed().unwrap());
    let row = rig.effect("a").await;
    assert_eq!(
        (row.state, row.attempt, row.tries),
        (EffectState::Waiting, 0, 0)
    );
    assert!(watch.calls().iter().all(|c| c == "perform a"));
}

#[tokio::test(start_paused = true)]
async fn phone_numbers_are_erased_when_their_time_is_over_and_not_before() {
    let rig = Rig::new().await;
    let order = crate::domain::ids::OrderId(uuid::Uuid::from_u128(1));
    rig.site
        .command(Actor::system(), move |tx, cx| {
            Ok(tx.put_contact(order, "79161234567", cx.now)?)
        })
        .await
        .unwrap();
    let tick = async |hours: u64| {
        tokio::time::advance(Duration::from_hours(hours)).await;
        rig.site
            .command(Actor::system(), commands::tick)
            .await
            .unwrap();
        let phone: Result<_, StoreError> = rig.site.store.read(move |s| s.contact(order)).await;
        phone.unwrap()
    };
    assert!(tick(29 * 24).await.is_some());
    assert!(tick(2 * 24).await.is_none());
}
