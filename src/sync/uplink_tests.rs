//! How often a store asks when headquarters is silent: time is paused, and the route only counts.

use super::{
    Ack, GREETING, Limits, Message, Summary, SyncConfig, Uplink, UplinkError,
    batch::{DayRoot, HexHash},
    log::{Doing, Log, NO_ROOT, Settled},
    pack::Pack,
    summary::ShiftSummary,
    uplink::uplink_of,
};
use crate::{
    domain::{shift::ShiftState, time::Timestamp},
    world::{RuntimeClock, SeededEntropy},
};
use async_trait::async_trait;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// A log in which nothing happened.
struct Nothing(watch::Sender<u64>);

fn done<T: Send + 'static>(value: T) -> Doing<T> {
    Box::pin(async { Ok(value) })
}

impl Log for Nothing {
    fn head(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    fn standing(&self) -> Doing<(u64, Option<HexHash>)> {
        done((0, None))
    }

    fn pack(&self, _: u64, _: usize) -> Doing<Option<Pack>> {
        done(None)
    }

    fn acknowledge(&self, _: u64, _: HexHash, _: bool, _: Timestamp) -> Doing<Settled> {
        done(Settled {
            same: true,
            cursor: 0,
            own: None,
        })
    }

    fn pretend(&self, _: u64, _: Timestamp) -> Doing<()> {
        done(())
    }

    fn summary(&self, _: Duration, now: Timestamp) -> Doing<Summary> {
        done(Summary {
            at: now,
            name: "Store".to_owned(),
            version: "1".to_owned(),
            heartbeat_ms: 15_000,
            day: "2026-06-01".to_owned(),
            shift: ShiftSummary {
                state: ShiftState::Open,
                number: None,
            },
            head: 0,
            backlog: 0,
            oldest_at: None,
            sales_today_minor: 0,
            orders_today: 0,
            alerts: 0,
            open_alerts: Vec::new(),
            health: None,
        })
    }

    fn yesterday(&self, _: Timestamp) -> String {
        "2026-05-31".to_owned()
    }

    fn root(&self, _: Timestamp) -> Doing<Option<DayRoot>> {
        done(None)
    }
}

/// What happened on the routes, and the second in which it did.
type Seen = Arc<Mutex<Vec<(&'static str, u64)>>>;

/// A route that carries every message, and brings no answer but, at one second, headquarters' word that it is there.
struct Mute {
    name: &'static str,
    lossy: bool,
    began: Instant,
    seen: Seen,
    greeted_at: Option<u64>,
}

impl Mute {
    fn note(&self, what: &'static str) {
        let seconds = self.began.elapsed().as_secs();
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((what, seconds));
    }
}

#[async_trait]
impl Uplink for Mute {
    fn name(&self) -> &'static str {
        self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            in_flight: 4,
            beside: 1,
            growth: 1,
            patience: Duration::from_secs(15),
            lossy: self.lossy,
        }
    }

    async fn connect(&mut self) -> Result<(), UplinkError> {
        Ok(())
    }

    async fn send(&mut self, _: Message) -> Result<(), UplinkError> {
        self.note(self.name);
        Ok(())
    }

    async fn answer(&mut self) -> Result<Ack, UplinkError> {
        let Some(at) = self.greeted_at else {
            return std::future::pending().await;
        };
        sleep_until(self.began + Duration::from_secs(at)).await;
        self.greeted_at = None;
        Ok(Ack {
            store_id: "s1".parse().unwrap(),
            stream: GREETING,
            number: 0,
            seq: 0,
            hash: NO_ROOT,
            rewind: false,
            refused: None,
            window: None,
            via: None,
            root: None,
        })
    }

    async fn close(&mut self) {}
}

/// What is seen within a time of a store on such routes.
async fn within(
    seconds: u64,
    routes: &[(&'static str, bool, Option<u64>)],
) -> Vec<(&'static str, u64)> {
    let seen = Seen::default();
    let began = Instant::now();
    let routes = routes.iter().map(|(name, lossy, greeted_at)| {
        Box::new(Mute {
            name,
            lossy: *lossy,
            began,
            seen: Arc::clone(&seen),
            greeted_at: *greeted_at,
        }) as Box<dyn Uplink>
    });
    let (_handle, task) = uplink_of(
        Arc::new(Nothing(watch::channel(0).0)),
        "s1".parse().unwrap(),
        (
            Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(0))),
            Arc::new(SeededEntropy::new(1)),
        ),
        &SyncConfig::default(),
        routes.collect(),
    );
    let stop = CancellationToken::new();
    let running = tokio::spawn(task.run(stop.clone()));
    sleep_until(began + Duration::from_secs(seconds)).await;
    stop.cancel();
    running.await.unwrap();
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.clone()
}

fn on(name: &'static str, seconds: &[u64]) -> Vec<(&'static str, u64)> {
    seconds.iter().map(|s| (name, *s)).collect()
}

#[tokio::test(start_paused = true)]
async fn on_the_only_route_a_silent_headquarters_is_asked_less_and_less_often() {
    let seen = within(62, &[("mqtt", true, None)]).await;
    assert_eq!(seen, on("mqtt", &[0, 1, 3, 7, 15, 31, 60, 61]));
}

#[tokio::test(start_paused = true)]
async fn headquarters_that_says_it_is_back_is_asked_at_once_and_often_again() {
    let seen = within(25, &[("mqtt", true, Some(20))]).await;
    assert_eq!(seen, on("mqtt", &[0, 1, 3, 7, 15, 20, 21, 23]));
}

#[tokio::test(start_paused = true)]
async fn a_silent_route_gives_way_to_the_other_after_ten_seconds() {
    let seen = within(21, &[("mqtt", true, None), ("http", false, None)]).await;
    let mut expected = on("mqtt", &[0, 1, 3, 7]);
    expected.extend(on("http", &[10]));
    expected.extend(on("mqtt", &[20]));
    assert_eq!(seen, expected);
}
