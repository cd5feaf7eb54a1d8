//! A broker between the store and headquarters, as [`Brokers`] promises it: clean sessions, at least once. What it
//! took it may lose, repeat or keep back; what it never had it invents not.
//!
//! The MQTT client itself is not in here: it is tested against a real broker (`tests/mqtt.rs`, `scripts/crash`).

use super::heart::Heart;
use crate::sync::broker::{BrokerError, Brokers, Connection, Login, Message};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// The broker's address in the settings.
pub(super) const ADDRESS: &str = "mqtt://localhost:5";
/// From one end to the other, when all is well.
const TRAVELS: Duration = Duration::from_millis(15);
/// Both ends notice a link that is gone after so long: 1.5 times the keep-alive of the real connection.
const NOTICED: Duration = Duration::from_secs(15);

/// The broker. Clones are the same one.
#[derive(Clone, Default)]
pub(super) struct SimBroker(Arc<State>);

struct State {
    inner: Mutex<Inner>,
    /// Goes up whenever a waiting end must look again.
    changed: watch::Sender<u64>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                up: true,
                ..Inner::default()
            }),
            changed: watch::Sender::new(0),
        }
    }
}

#[derive(Default)]
struct Inner {
    up: bool,
    /// Since when the stores' network is gone.
    offline: Option<Instant>,
    /// Taken, and not delivered yet; in the order in which they will be.
    under_way: BTreeMap<(Instant, u64), Message>,
    sessions: BTreeMap<u64, Session>,
    /// Messages and sessions, counted.
    count: u64,
    /// What is taken last is delivered no earlier, so that the order stays.
    latest: Option<Instant>,
    delay: Duration,
    /// The next messages that come twice, and how much later the second time.
    repeats: (u64, Duration),
    /// The next messages that are acknowledged and lost.
    loses: u64,
}

struct Session {
    client: String,
    filters: Vec<String>,
    /// It is in the store, and goes through the stores' network.
    far: bool,
    inbox: VecDeque<Message>,
    /// Written to a link that carries nothing, and not lost yet.
    held: Vec<Message>,
}

impl SimBroker {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and lets all look again.
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.inner());
        self.0.changed.send_modify(|n| *n += 1);
        result
    }

    /// Stops it or starts it again. It keeps nothing: no session is to outlive its connection.
    pub(super) fn run(&self, up: bool) {
        self.change(|b| {
            b.up = up;
            if !up {
                b.forget();
            }
        });
    }

    /// It is killed and started again, and has lost everything: sessions, what it had taken and acknowledged.
    pub(super) fn lose_everything(&self) {
        self.change(Inner::forget);
    }

    /// It keeps every message back for so long.
    pub(super) fn delay(&self, delay: Duration) {
        self.change(|b| b.delay = delay);
    }

    /// It brings the next messages twice, the second time so much later.
    pub(super) fn repeat(&self, messages: u64, later: Duration) {
        self.change(|b| b.repeats = (messages, later));
    }

    /// It acknowledges the next messages and loses them, as one whose queue is full does.
    pub(super) fn lose(&self, messages: u64) {
        self.change(|b| b.loses = messages);
    }

    /// The stores' network goes or comes.
    pub(super) fn set_online(&self, online: bool) {
        self.change(|b| {
            if online {
                b.look();
                b.offline = None;
                let held: Vec<Message> = b
                    .sessions
                    .values_mut()
                    .flat_map(|s| std::mem::take(&mut s.held))
                    .collect();
                for message in held {
                    b.take(message);
                }
            } else {
                b.offline.get_or_insert_with(Instant::now);
            }
        });
    }

    /// The way for one end: the store's, for as long as its process lives, or headquarters' own.
    pub(super) fn way(&self, heart: Option<Heart>) -> Arc<dyn Brokers> {
        Arc::new(Way {
            broker: self.clone(),
            heart,
        })
    }
}

impl Inner {
    fn forget(&mut self) {
        self.sessions.clear();
        self.under_way.clear();
        self.latest = None;
    }

    fn take(&mut self, message: Message) {
        if self.loses > 0 {
            self.loses -= 1;
            return;
        }
        let now = Instant::now();
        let due = (now + TRAVELS + self.delay).max(self.latest.unwrap_or(now));
        self.latest = Some(due);
        if self.repeats.0 > 0 {
            self.repeats.0 -= 1;
            self.count += 1;
            let again = (due + self.repeats.1, self.count);
            self.under_way.insert(again, message.clone());
        }
        self.count += 1;
        self.under_way.insert((due, self.count), message);
    }

    /// Delivers what is due to whoever is there for it, and ends what was offline for too long.
    fn look(&mut self) {
        let now = Instant::now();
        if self.offline.is_some_and(|since| now >= since + NOTICED) {
            self.sessions.retain(|_, s| !s.far);
        }
        while let Some(first) = self.under_way.first_entry().filter(|e| e.key().0 <= now) {
            let message = first.remove();
            for session in self.sessions.values_mut() {
                if session.filters.iter().any(|f| matches(f, &message.topic)) {
                    session.inbox.push_back(message.clone());
                }
            }
        }
    }

    /// When something comes about by itself.
    fn next(&self) -> Option<Instant> {
        let noticed = self.offline.map(|since| since + NOTICED);
        let due = self.under_way.first_key_value().map(|(key, _)| key.0);
        [noticed.filter(|at| *at > Instant::now()), due]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Whether a subscription is for a topic; `+` stands for one level, `#` for this one and all below. One that is shared
/// has nobody to share with here.
fn matches(filter: &str, topic: &str) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(shared) => shared.split_once('/').map_or(shared, |(_, filter)| filter),
        None => filter,
    };
    let (mut wanted, mut there) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), there.next()) {
            (None, None) | (Some("#"), _) => return true,
            (Some(w), Some(t)) if w == "+" || w == t => {}
            _ => return false,
        }
    }
}

fn broken(why: &str) -> BrokerError {
    BrokerError::Unreachable(why.to_owned())
}

struct Way {
    broker: SimBroker,
    heart: Option<Heart>,
}

#[async_trait]
impl Brokers for Way {
    async fn open(
        &self,
        login: &Login,
        filters: &[String],
        patience: Duration,
    ) -> Result<Box<dyn Connection>, BrokerError> {
        if self.heart.as_ref().is_some_and(|heart| !heart.beat()) {
            return std::future::pending().await;
        }
        let far = self.heart.is_some();
        if far && self.broker.inner().offline.is_some() {
            tokio::time::sleep(patience).await;
            return Err(broken("nothing answers"));
        }
        tokio::time::sleep(TRAVELS * 2).await;
        let id = self.broker.change(|b| {
            if !b.up {
                return None;
            }
            // What was due before is nobody's.
            b.look();
            // A second connection with the same id ends the first one.
            b.sessions.retain(|_, s| s.client != login.client_id);
            b.count += 1;
            let session = Session {
                client: login.client_id.clone(),
                filters: filters.to_vec(),
                far,
                inbox: VecDeque::new(),
                held: Vec::new(),
            };
            b.sessions.insert(b.count, session);
            Some(b.count)
        });
        Ok(Box::new(Line {
            id: id.ok_or_else(|| broken("connection refused"))?,
            changed: self.broker.0.changed.subscribe(),
            broker: self.broker.clone(),
            heart: self.heart.clone(),
        }))
    }
}

/// One connection.
struct Line {
    broker: SimBroker,
    id: u64,
    heart: Option<Heart>,
    changed: watch::Receiver<u64>,
}

/// What there is for one end.
enum Look {
    Message(Message),
    /// Nothing before then, or before something changes.
    Until(Option<Instant>),
}

impl Line {
    fn look(&self) -> Result<Look, BrokerError> {
        let mut b = self.broker.inner();
        b.look();
        let offline = b.offline.is_some();
        let session = b.sessions.get_mut(&self.id);
        let session = session.ok_or_else(|| broken("the connection broke"))?;
        let carries = !(session.far && offline);
        let message = session.inbox.pop_front_if(|_| carries);
        Ok(message.map_or_else(|| Look::Until(b.next()), Look::Message))
    }
}

#[async_trait]
impl Connection for Line {
    fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), BrokerError> {
        if self.heart.as_ref().is_some_and(|heart| !heart.beat()) {
            return Err(broken("dead"));
        }
        let message = Message {
            topic: topic.to_owned(),
            payload: payload.into(),
        };
        self.broker.change(|b| {
            b.look();
            let offline = b.offline.is_some();
            let session = b.sessions.get_mut(&self.id);
            let session = session.ok_or_else(|| broken("the connection is closed"))?;
            if session.far && offline {
                session.held.push(message);
            } else {
                b.take(message);
            }
            Ok(())
        })
    }

    async fn next(&mut self) -> Result<Message, BrokerError> {
        loop {
            self.changed.borrow_and_update();
            let next = match self.look()? {
                Look::Message(message) => {
                    if self.heart.as_ref().is_some_and(|heart| !heart.beat()) {
                        return std::future::pending().await;
                    }
                    return Ok(message);
                }
                Look::Until(next) => next,
            };
            let due = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = self.changed.changed() => {
                    changed.map_err(|_| broken("there is no broker"))?;
                }
                () = due => {}
            }
        }
    }

    async fn close(self: Box<Self>) {}
}

impl Drop for Line {
    fn drop(&mut self) {
        self.broker.inner().sessions.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Authority, mqtt::up_topic};

    fn login(client: &str) -> Login {
        Login {
            address: ADDRESS.parse().unwrap(),
            client_id: client.to_owned(),
            credentials: None,
            ca: Authority::default(),
            will: None,
            under_way: 1,
        }
    }

    async fn end(broker: &SimBroker, client: &str, filter: &str) -> Box<dyn Connection> {
        let way = broker.way(None);
        way.open(&login(client), &[filter.to_owned()], NOTICED)
            .await
            .unwrap()
    }

    async fn ends(broker: &SimBroker) -> (Box<dyn Connection>, Box<dyn Connection>) {
        let store = end(broker, "s", "galley/s/down").await;
        (store, end(broker, "hq", &up_topic("+")).await)
    }

    async fn comes(end: &mut Box<dyn Connection>) -> Option<Vec<u8>> {
        let next = tokio::time::timeout(Duration::from_secs(60), end.next()).await;
        next.ok()?.ok().map(|m| m.payload.to_vec())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_published_comes_once_and_in_order() {
        let (store, mut hq) = ends(&SimBroker::default()).await;
        for n in 0..3 {
            store.publish("galley/s/up", vec![n]).unwrap();
        }
        for n in 0..3 {
            assert_eq!(comes(&mut hq).await, Some(vec![n]));
        }
        assert_eq!(comes(&mut hq).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_repeated_comes_twice() {
        let broker = SimBroker::default();
        let (store, mut hq) = ends(&broker).await;
        broker.repeat(1, Duration::from_secs(3));
        store.publish("galley/s/up", vec![1]).unwrap();
        store.publish("galley/s/up", vec![2]).unwrap();
        for n in [1, 2, 1] {
            assert_eq!(comes(&mut hq).await, Some(vec![n]));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_lost_everything_has_ended_all_connections() {
        let broker = SimBroker::default();
        let (store, mut hq) = ends(&broker).await;
        store.publish("galley/s/up", vec![1]).unwrap();
        broker.lose_everything();
        assert!(hq.next().await.is_err());
        assert!(store.publish("galley/s/up", vec![2]).is_err());
        let (_, mut hq) = ends(&broker).await;
        assert_eq!(comes(&mut hq).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_for_whoever_is_not_there() {
        let broker = SimBroker::default();
        let (store, hq) = ends(&broker).await;
        drop(hq);
        store.publish("galley/s/up", vec![1]).unwrap();
        tokio::time::sleep(TRAVELS * 2).await;
        let mut hq = end(&broker, "hq", &up_topic("+")).await;
        assert_eq!(comes(&mut hq).await, None);
    }
}
