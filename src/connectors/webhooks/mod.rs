//! Webhooks: readers of the log that other systems have subscribed to.
//!
//! Each subscription has a cursor of its own and delivers one event after the other: the next is sent when the other
//! side has answered the last with 2xx, and only that answer moves the cursor. So every event arrives, in order, at
//! least once; one that arrives twice has the same id. See the README beside this file.

mod envelope;
mod sign;
#[cfg(test)]
mod tests;

pub use sign::{SIGNATURE, signature};

use crate::{
    domain::{
        event::Actor,
        time::Timestamp,
        webhook::{State, Webhook, pause, reader, wants},
    },
    flow::{
        FlowError, Site,
        webhooks::{Tried, secret_names, tried},
    },
    store::{
        LogEntry, Snapshot, StoreError,
        vault::{self, Key},
    },
    world::{Reach, reach},
};
use bytes::Bytes;
use envelope::Envelope;
use http::{Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Events read at once.
const PAGE: usize = 200;
/// Events looked through before somebody else gets a turn.
const LOOKED_THROUGH: u64 = 2000;
/// Events that are not wanted, after which the cursor is moved all the same.
const LEAP: u64 = 500;
/// So long the cursor may stay behind events that are not wanted.
const SETTLE: Duration = Duration::from_secs(30);
/// After the database failed.
const AGAIN: Duration = Duration::from_secs(5);
/// The longest that the other side may ask to be left alone.
const LONGEST_WISH: Duration = Duration::from_hours(1);

/// `[webhooks]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Deliveries may go into this network too, there over plain HTTP as well; no.
    pub lan: bool,
    /// How long the other side may take for an answer; 10 seconds.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
    /// A subscription to which nothing could be delivered for so long is suspended; 3 days.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub suspend_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lan: false,
            timeout: Duration::from_secs(10),
            suspend_after: Duration::from_hours(3 * 24),
        }
    }
}

impl Settings {
    /// What is wrong with them.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.timeout < Duration::from_secs(1) || self.timeout > Duration::from_mins(1) {
            faults.push("webhooks.timeout: from 1 second to 1 minute".to_owned());
        }
        if self.suspend_after < Duration::from_mins(10) {
            faults.push("webhooks.suspend_after: at least 10 minutes".to_owned());
        }
        faults
    }
}

/// What came of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The other side's status, if it answered.
    pub status: Option<u16>,
    /// Why it counts as failed; nothing when it arrived.
    pub error: Option<String>,
    /// How long the other side asks to be left alone.
    retry_after: Option<Duration>,
}

impl Answer {
    fn failed(error: impl Into<String>) -> Self {
        Self {
            status: None,
            error: Some(error.into()),
            retry_after: None,
        }
    }
}

/// The deliveries of a store. Clones are the same.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    site: Arc<Site>,
    keys: Vec<Key>,
    settings: Settings,
    changed: watch::Sender<()>,
}

/// What there is to do for a subscription.
enum Look {
    /// Nothing, until somebody changes it: it is gone, or does not run.
    Over,
    /// The next try is due then.
    Later(Timestamp),
    /// Nothing wanted up to here; whether there is more to look through.
    Nothing { stood: u64, at: u64, more: bool },
    /// This one.
    Due {
        webhook: Box<Webhook>,
        stood: u64,
        entry: Box<LogEntry>,
    },
}

impl Webhooks {
    /// The deliveries of this store; `keys` open their secrets.
    #[must_use]
    pub fn new(site: Arc<Site>, keys: Vec<Key>, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            site,
            keys,
            settings,
            changed: watch::Sender::new(()),
        }))
    }

    /// Somebody has changed a subscription.
    pub fn wake(&self) {
        self.0.changed.send_replace(());
    }

    /// How far deliveries to this address may reach.
    ///
    /// # Errors
    /// In words, when nothing may be delivered there.
    pub fn reach(&self, url: &str) -> Result<Reach, String> {
        url.parse::<http::Uri>()
            .map_err(|_| "this is no address".to_owned())?;
        reach(url, self.0.settings.lan)
    }

    /// Delivers until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut changed = self.0.changed.subscribe();
        let mut at_work = BTreeSet::new();
        let mut tasks = JoinSet::new();
        loop {
            changed.borrow_and_update();
            let again = match self.0.site.store.read(|s| s.webhooks()).await {
                Ok(all) => {
                    for w in all.iter().filter(|w| w.state == State::Active) {
                        if at_work.insert(w.id) {
                            let (this, id, shutdown) = (self.clone(), w.id, shutdown.clone());
                            tasks.spawn(async move {
                                this.serve(id, shutdown).await;
                                id
                            });
                        }
                    }
                    false
                }
                Err(error) => {
                    tracing::error!(%error, "the webhooks can't be read");
                    true
                }
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = tasks.join_next() => {
                    if let Ok(id) = ended {
                        at_work.remove(&id);
                    }
                }
                told = changed.changed() => if told.is_err() { break },
                () = sleep(AGAIN), if again => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// One subscription, for as long as it runs.
    async fn serve(&self, id: Uuid, shutdown: CancellationToken) {
        let store = &self.0.site.store;
        let mut head = store.head();
        let mut changed = self.0.changed.subscribe();
        // Where the cursor stood, and how far the log behind it was looked through in vain.
        let mut looked = (0, 0);
        loop {
            head.borrow_and_update();
            changed.borrow_and_update();
            let now = self.0.site.world.clock.now();
            let found = store.read(move |s| look(s, id, looked, now)).await;
            let wait = match found {
                Ok(Look::Over) => return,
                Ok(Look::Later(until)) => Some((until.since(now), false)),
                Ok(Look::Nothing { stood, at, more }) => {
                    looked = (stood, at);
                    if at - stood >= LEAP {
                        looked = (at, at);
                        self.note(
                            id,
                            stood,
                            Tried::Arrived {
                                seq: at,
                                sent: false,
                            },
                        )
                        .await;
                    }
                    if more {
                        continue;
                    }
                    Some((SETTLE, true))
                }
                Ok(Look::Due {
                    webhook,
                    stood,
                    entry,
                }) => {
                    let answer = tokio::select! {
                        biased;
                        () = shutdown.cancelled() => return,
                        answer = self.deliver(&webhook, &entry) => answer,
                    };
                    let seq = entry.seq;
                    let tried = self.judge(&webhook, seq, answer);
                    match self.note(id, stood, tried).await {
                        true => None,
                        false => Some((AGAIN, false)),
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a webhook can't read the log");
                    Some((AGAIN, false))
                }
            };
            let Some((pause, idle)) = wait else {
                continue;
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                told = changed.changed() => if told.is_err() { return },
                moved = head.changed(), if idle => if moved.is_err() { return },
                () = sleep(pause), if !idle || looked.1 > looked.0 => {
                    if idle {
                        let (stood, at) = looked;
                        looked = (at, at);
                        self.note(id, stood, Tried::Arrived { seq: at, sent: false }).await;
                    }
                }
            }
        }
    }

    /// Writes down what became of a try; whether the database took it.
    async fn note(&self, id: Uuid, stood: u64, what: Tried) -> bool {
        let noted = self
            .0
            .site
            .command(Actor::system(), move |tx, cx| {
                tried(tx, cx, id, stood, what)
            })
            .await;
        if let Err(error) = &noted {
            // It is delivered again then.
            tracing::error!(%error, "what became of a delivery can't be written");
        }
        noted.is_ok()
    }

    fn judge(&self, webhook: &Webhook, seq: u64, answer: Answer) -> Tried {
        let Some(error) = answer.error else {
            return Tried::Arrived { seq, sent: true };
        };
        let world = &self.0.site.world;
        let now = world.clock.now();
        let failures = webhook.health.attempts.saturating_add(1);
        let own = pause(failures, world.entropy.below(1000));
        let pause = answer
            .retry_after
            .unwrap_or_default()
            .min(LONGEST_WISH)
            .max(own);
        let since = webhook.health.failing_since.unwrap_or(now);
        let gone = answer.status == Some(StatusCode::GONE.as_u16());
        let give_up = gone || now.since(since) >= self.0.settings.suspend_after;
        tracing::debug!(webhook = webhook.name, seq, error, "a delivery failed");
        Tried::Failed {
            error: format!("event {seq}: {error}"),
            next_at: now.saturating_add(pause),
            give_up,
        }
    }

    async fn deliver(&self, webhook: &Webhook, entry: &LogEntry) -> Answer {
        match self.envelope(entry) {
            Ok(envelope) => self.send(webhook, &envelope).await,
            Err(error) => Answer::failed(error.to_string()),
        }
    }

    fn envelope(&self, entry: &LogEntry) -> Result<Envelope, StoreError> {
        Envelope::of(&self.0.site.policy().store_id, entry)
    }

    async fn send(&self, webhook: &Webhook, envelope: &Envelope) -> Answer {
        let reach = match self.reach(&webhook.url) {
            Ok(reach) => reach,
            Err(why) => return Answer::failed(why),
        };
        let secrets = match self.secrets(webhook).await {
            Ok(secrets) => secrets,
            Err(why) => return Answer::failed(why),
        };
        let body = envelope.bytes();
        let now = self.0.site.world.clock.now();
        let request = Request::post(&webhook.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("galley-event", envelope.kind())
            .header("galley-delivery", envelope.id().to_string())
            .header(SIGNATURE, signature(now, &body, &secrets))
            .body(Bytes::from(body));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Answer::failed(error.to_string()),
        };
        let http = &self.0.site.world.http;
        match http.deliver(request, reach, self.0.settings.timeout).await {
            Ok(answer) => told(&answer),
            Err(error) => Answer::failed(error.to_string()),
        }
    }

    /// The secret in force, and the former one while it signs too.
    async fn secrets(&self, webhook: &Webhook) -> Result<Vec<String>, String> {
        let now = self.0.site.world.clock.now();
        let [current, former] = secret_names(webhook.id);
        let mut names = vec![current];
        if webhook.former_until.is_some_and(|until| now < until) {
            names.push(former);
        }
        let rows = self.0.site.store.read(|s| s.secrets()).await;
        let rows = rows.map_err(|e| e.to_string())?;
        names
            .iter()
            .filter_map(|name| rows.iter().find(|r| r.name == *name))
            .map(|row| {
                vault::open(&self.0.keys, &row.name, &row.sealed)
                    .map_err(|e| format!("its secret can't be opened: {e}"))
            })
            .collect::<Result<Vec<_>, _>>()
            .and_then(|all| match all.is_empty() {
                true => {
                    Err("its secret is gone; give it another: galley webhook rotate".to_owned())
                }
                false => Ok(all),
            })
    }

    /// Sends a test, now.
    ///
    /// # Errors
    /// There is no subscription of this name.
    pub async fn ping(&self, name: &str) -> Result<Answer, FlowError> {
        let webhook = self.find(name).await?;
        let world = &self.0.site.world;
        let envelope = Envelope::ping(
            &self.0.site.policy().store_id,
            world.new_id(),
            world.clock.now(),
        );
        Ok(self.send(&webhook, &envelope).await)
    }

    /// Sends one event again, now, whatever the subscription wants; its cursor stays.
    ///
    /// # Errors
    /// There is no subscription of this name, no such event, or the event does not leave the store.
    pub async fn send_again(&self, name: &str, seq: u64) -> Result<Answer, FlowError> {
        let webhook = self.find(name).await?;
        let entry = self.0.site.store.read(move |s| s.event(seq)).await?;
        let entry = entry.ok_or(FlowError::Unknown("event"))?;
        if !wants(&webhook.kinds, &entry.kind) {
            return Err(FlowError::Conflict(format!(
                "event {seq} is {}, which this webhook does not ask for",
                entry.kind
            )));
        }
        Ok(self.deliver(&webhook, &entry).await)
    }

    async fn find(&self, name: &str) -> Result<Webhook, FlowError> {
        let name = name.to_owned();
        let found = self.0.site.store.read(move |s| s.webhook(&name)).await?;
        found.ok_or(FlowError::Unknown("webhook"))
    }
}

fn told(answer: &http::Response<Bytes>) -> Answer {
    let status = answer.status();
    let seconds = answer
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|v| v.to_str().ok()?.trim().parse().ok());
    let error = match status {
        s if s.is_success() => None,
        s if s.is_redirection() => Some(format!(
            "it answered {s}: deliveries follow no redirects; give the webhook its true address"
        )),
        s => Some(format!("it answered {s}")),
    };
    Answer {
        status: Some(status.as_u16()),
        error,
        retry_after: seconds.map(Duration::from_secs),
    }
}

fn look(
    s: &Snapshot<'_>,
    id: Uuid,
    looked: (u64, u64),
    now: Timestamp,
) -> Result<Look, StoreError> {
    let found = s.webhooks()?.into_iter().find(|w| w.id == id);
    let Some(webhook) = found.filter(|w| w.state == State::Active) else {
        return Ok(Look::Over);
    };
    if let Some(until) = webhook.health.next_at.filter(|at| *at > now) {
        return Ok(Look::Later(until));
    }
    let stood = s.cursor(&reader(&webhook.name))?;
    // Set back meanwhile: all over again.
    let start = if looked.0 == stood {
        looked.1.max(stood)
    } else {
        stood
    };
    let mut at = start;
    while at - start < LOOKED_THROUGH {
        let page = s.events_after(at, PAGE)?;
        if page.is_empty() {
            return Ok(Look::Nothing {
                stood,
                at,
                more: false,
            });
        }
        for entry in page {
            at = entry.seq;
            if wants(&webhook.kinds, &entry.kind) {
                return Ok(Look::Due {
                    webhook: Box::new(webhook),
                    stood,
                    entry: Box::new(entry),
                });
            }
        }
    }
    Ok(Look::Nothing {
        stood,
        at,
        more: true,
    })
}
