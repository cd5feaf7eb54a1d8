//! The effect engine: the only one that calls executors.
//!
//! Effects of one queue come one at a time and in order, queues side by side. Before an attempt may leave the box
//! it is written down as *sent* together with its evidence; whatever was *sent* when the daemon died is *unknown*
//! at the next start and must be resolved before it is performed again.

use super::{
    Context, Site,
    commands::{clear_alert, raise_alert},
    effects::{self, Kind},
    executor::{Call, Executor, NotNow, Outcome, Refusal, Resolution},
    record::record,
    upkeep,
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Actor,
        time::Timestamp,
    },
    flow::FlowError,
    protection::{Protection, holds},
    store::{Attempt, EffectRow, EffectState, QueueHead, StoreError, Tx},
};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, OptionFuture},
    stream::FuturesUnordered,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// First pause after an attempt that got nowhere; doubles with every further one.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// Longest pause.
const BACKOFF_LONGEST: Duration = Duration::from_secs(15);
/// A clock that is so much behind was set back, and does not only run slow.
const SET_BACK: Duration = Duration::from_secs(1);
/// How often time alone is looked at (unpaid orders, old shifts).
const TICK: Duration = Duration::from_secs(5);

/// Cause of the alert about an effect.
#[must_use]
pub fn alert_key(effect_key: &str) -> String {
    format!("effect:{effect_key}")
}

/// Wakes the engine: what waits for its backoff is tried at once.
#[derive(Clone, Default)]
pub struct Poke(Arc<Notify>);

impl Poke {
    /// Something outside came back.
    pub fn poke(&self) {
        self.0.notify_one();
    }
}

/// The engine.
pub struct Engine {
    site: Arc<Site>,
    executors: BTreeMap<&'static str, Arc<dyn Executor>>,
    poke: Poke,
    /// Effects that only look, and when to look again. Not worth a write.
    pending: Mutex<BTreeMap<i64, Timestamp>>,
}

impl Engine {
    /// An engine with these executors. A kind without one waits, and becomes an alert.
    #[must_use]
    pub fn new(site: Arc<Site>, executors: Vec<Arc<dyn Executor>>, poke: Poke) -> Self {
        let executors = executors
            .into_iter()
            .flat_map(|e| e.kinds().iter().map(move |k| (*k, e.clone())))
            .collect();
        Self {
            site,
            executors,
            poke,
            pending: Mutex::default(),
        }
    }

    /// Carries effects out until `shutdown`. Attempts under way are not awaited: they are *sent*, and resolved at
    /// the next start.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        if let Err(error) = self.recover().await {
            tracing::error!(%error, "the effects of the last run can't be taken up");
        }
        let mut changes = self.site.store.effects_changed();
        let mut running: BTreeSet<String> = BTreeSet::new();
        let mut steps: FuturesUnordered<BoxFuture<'static, String>> = FuturesUnordered::new();
        let mut all_due = false;
        let mut hand = Hand::new(self.site.world.clock.now());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            changes.borrow_and_update();
            if hand.was_set_back(self.site.world.clock.now())
                && let Err(error) = self.end_pauses().await
            {
                tracing::error!(%error, "the pauses can't be ended after the clock was set back");
            }
            let mut next_due = None;
            match self.site.store.read(|s| s.queue_heads()).await {
                Ok(heads) => {
                    let now = self.site.world.clock.now();
                    self.forget_all_but(&heads);
                    // The box that took the store over carries its effects out.
                    let fenced = self.site.policy().fenced_by.is_some();
                    for head in heads {
                        if fenced
                            || running.contains(&head.queue)
                            || head.state == EffectState::Person
                        {
                            continue;
                        }
                        let due = self.due(&head);
                        if all_due || due <= now {
                            running.insert(head.queue.clone());
                            steps.push(self.clone().step(head).boxed());
                        } else {
                            next_due = Some(next_due.map_or(due, |d: Timestamp| d.min(due)));
                        }
                    }
                }
                Err(error) => {
                    let error: StoreError = error;
                    tracing::error!(%error, "the effects can't be read");
                    next_due = Some(self.site.world.clock.now().saturating_add(BACKOFF_LONGEST));
                }
            }
            all_due = false;
            let nap: OptionFuture<_> = next_due
                .map(|due| tokio::time::sleep(due.since(self.site.world.clock.now())))
                .into();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(queue) = steps.next(), if !steps.is_empty() => {
                    running.remove(&queue);
                }
                changed = changes.changed() => if changed.is_err() { return },
                () = self.poke.0.notified() => all_due = true,
                _ = tick.tick() => self.tick().await,
                Some(()) = nap => {}
            }
        }
    }

    /// Whatever was sent when the daemon stopped may have left the box.
    async fn recover(&self) -> Result<(), StoreError> {
        // By which clock the pauses of the last run were meant is not known.
        self.end_pauses().await?;
        let now = self.site.world.clock.now();
        let doubted = self
            .site
            .store
            .write(move |tx| tx.doubt_sent_effects(now))
            .await?;
        if doubted > 0 {
            tracing::warn!(
                effects = doubted,
                "attempts were cut by the last stop; finding out what became of them"
            );
        }
        Ok(())
    }

    /// Whatever waits for a time by the clock waits no longer.
    async fn end_pauses(&self) -> Result<(), StoreError> {
        let now = self.site.world.clock.now();
        self.pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.site.store.write(move |tx| tx.end_pauses(now)).await
    }

    async fn tick(&self) {
        let result = self
            .site
            .command(Actor::system(), super::commands::tick)
            .await;
        if let Err(error) = result {
            tracing::error!(%error, "what is overdue can't be looked at");
        }
    }

    fn due(&self, head: &QueueHead) -> Timestamp {
        self.pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&head.id)
            .copied()
            .unwrap_or(head.next_at)
    }

    fn look_again(&self, id: i64, at: Option<Timestamp>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        match at {
            Some(at) => pending.insert(id, at),
            None => pending.remove(&id),
        };
    }

    fn forget_all_but(&self, heads: &[QueueHead]) {
        self.pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            // In order of their numbers.
            .retain(|id, _| heads.binary_search_by_key(id, |head| head.id).is_ok());
    }

    /// One step of one effect; answers its queue.
    async fn step(self: Arc<Self>, head: QueueHead) -> String {
        let QueueHead { id, queue, .. } = head;
        match self.site.store.read(move |s| s.effect(id)).await {
            Ok(Some(row)) if row.state.is_live() && row.state != EffectState::Person => {
                if let Err(error) = self.advance(row).await {
                    // The store refuses writes; the row stands as it was and is taken up again.
                    tracing::error!(%error, queue, "an effect's outcome can't be written");
                    tokio::time::sleep(BACKOFF_FIRST).await;
                }
            }
            // Called off meanwhile.
            Ok(_) => {}
            Err(error) => {
                let error: StoreError = error;
                tracing::error!(%error, queue, "an effect can't be read");
                // Nobody need wait for the daily walk to hear of it.
                if let StoreError::Damaged(what) = error
                    && let Err(error) = upkeep::tell_of_damage(&self.site, what).await
                {
                    tracing::error!(%error, "the database's alert can't be written");
                }
                tokio::time::sleep(BACKOFF_LONGEST).await;
            }
        }
        queue
    }

    async fn advance(&self, row: EffectRow) -> Result<(), FlowError> {
        let (Some(kind), Some(executor)) = (
            effects::kind(&row.kind),
            self.executors.get(row.kind.as_str()).cloned(),
        ) else {
            let why = NotNow::new(
                format!("nothing is connected that does {}", row.kind),
                "Complete the configuration and restart the daemon.",
            );
            return self.end(row, "perform", Ending::Later(why)).await;
        };
        let mut call = Call {
            kind: row.kind.clone(),
            key: row.key.clone(),
            request: row.request.clone(),
            evidence: row.evidence.clone(),
            attempt: row.attempt,
        };
        let in_doubt = matches!(row.state, EffectState::Sent | EffectState::Unknown);
        if in_doubt && !kind.repeatable() && holds(Protection::Resolve) {
            let ending = match executor.resolve(&call).await {
                Resolution::Done(result) => Ending::Done(result),
                Resolution::NotDone => Ending::NotDone,
                Resolution::Refused(refusal) => Ending::Refused(refusal),
                Resolution::Unknown(why) => Ending::Doubt(why),
                Resolution::NeedsPerson(refusal) => Ending::Person(refusal),
            };
            return self.end(row, "resolve", ending).await;
        }
        let mut row = row;
        call.attempt += 1;
        if !kind.repeatable() {
            match executor.prepare(&call).await {
                Ok(evidence) => call.evidence = evidence,
                Err(why) => return self.end(row, "prepare", Ending::Later(why)).await,
            }
            row.evidence = call.evidence.clone();
            row.attempt = call.attempt;
            row.state = EffectState::Sent;
            if holds(Protection::SentMark) && !self.mark_sent(row.clone()).await? {
                return Ok(());
            }
        }
        let ending = match executor.perform(&call).await {
            Outcome::Done(result) => Ending::Done(result),
            Outcome::Refused(refusal) => Ending::Refused(refusal),
            Outcome::NotSent(why) => Ending::Later(why),
            Outcome::Unknown(why) if kind.repeatable() => Ending::Later(why),
            Outcome::Unknown(why) => Ending::Doubt(why),
            Outcome::Pending(pause) => Ending::Again(pause),
        };
        self.end(row, "perform", ending).await
    }

    /// Writes down that the attempt may leave the box now. False when the effect was called off meanwhile.
    async fn mark_sent(&self, row: EffectRow) -> Result<bool, FlowError> {
        self.site
            .command(Actor::system(), move |tx, _| {
                let live = tx.snapshot().effect(row.id)?.is_some_and(|now| {
                    now.state == EffectState::Waiting
                        || !holds(Protection::Resolve) && now.state.is_live()
                });
                if live {
                    tx.put_effect(&row)?;
                }
                Ok(live)
            })
            .await
    }

    async fn end(
        &self,
        row: EffectRow,
        verb: &'static str,
        ending: Ending,
    ) -> Result<(), FlowError> {
        if let Ending::Again(pause) = &ending
            && row.state == EffectState::Waiting
            && row.tries == 0
        {
            let at = self.site.world.clock.now().saturating_add(*pause);
            self.look_again(row.id, Some(at));
            return Ok(());
        }
        let jitter = self.site.world.entropy.below(400);
        let id = row.id;
        self.site
            .command(Actor::system(), move |tx, cx| {
                finish(tx, cx, row, verb, ending, jitter)
            })
            .await?;
        self.look_again(id, None);
        Ok(())
    }
}

/// Watches the clock's hand: pauses end by the clock, so one that is set back would make them as much longer.
struct Hand {
    began: Instant,
    /// What the clock showed at `began`.
    showed: Timestamp,
}

impl Hand {
    fn new(now: Timestamp) -> Self {
        Self {
            began: Instant::now(),
            showed: now,
        }
    }

    /// Whether somebody has set the clock back since the last look.
    fn was_set_back(&mut self, now: Timestamp) -> bool {
        let expected = self.showed.saturating_add(self.began.elapsed());
        let back = now.saturating_add(SET_BACK) < expected;
        *self = Self::new(now);
        back
    }
}

/// How one call of an executor ended, whichever verb it was.
enum Ending {
    Done(Value),
    Refused(Refusal),
    NotDone,
    Later(NotNow),
    Doubt(NotNow),
    Again(Duration),
    Person(Refusal),
}

impl Ending {
    fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
            Self::NotDone => "not_done",
            Self::Later(_) => "not_sent",
            Self::Doubt(_) => "unknown",
            Self::Again(_) => "pending",
            Self::Person(_) => "person",
        }
    }

    fn note(&self) -> Option<String> {
        match self {
            Self::Refused(r) | Self::Person(r) => Some(format!("{}: {}", r.code, r.text)),
            Self::Later(n) | Self::Doubt(n) => Some(n.reason.clone()),
            Self::Done(_) | Self::NotDone | Self::Again(_) => None,
        }
    }

    fn advice(&self) -> Option<&str> {
        match self {
            Self::Refused(r) | Self::Person(r) => Some(&r.advice),
            Self::Later(n) | Self::Doubt(n) => Some(&n.advice),
            Self::Done(_) | Self::NotDone | Self::Again(_) => None,
        }
    }
}

/// Writes the ending and all that follows from it, in one write.
fn finish(
    tx: &mut Tx<'_>,
    cx: &Context,
    mut row: EffectRow,
    verb: &str,
    ending: Ending,
    jitter: u64,
) -> Result<(), FlowError> {
    let Some(stored) = tx.snapshot().effect(row.id)? else {
        return Ok(());
    };
    let called_off = !stored.state.is_live();
    let kind = effects::kind(&row.kind);
    tx.note_attempt(
        row.id,
        &Attempt {
            at: cx.now,
            verb: verb.to_owned(),
            outcome: ending.word().to_owned(),
            note: ending.note(),
        },
    )?;
    row.note = ending.note().or(row.note);
    row.advice = ending.advice().map(str::to_owned).or(row.advice);
    let mut facts = Vec::new();
    let mut alert = None;
    match ending {
        Ending::Done(result) => {
            if let Some(kind) = kind {
                match kind.done(&row, &result) {
                    Ok(bodies) => facts = bodies,
                    Err(e) => {
                        tracing::error!(effect.key = row.key, error = %e, "an effect's result can't be read");
                        alert = Some(Severity::Error);
                    }
                }
            }
            row.state = EffectState::Done;
            row.result = Some(result);
            if let Some(key) = kind.and_then(Kind::alert_of_all) {
                clear_alert(tx, cx, key)?;
            }
        }
        Ending::Refused(refusal) => {
            row.state = EffectState::Refused;
            if let Some(key) = kind.and_then(Kind::alert_of_all) {
                let alert = alert_of(&row, kind, Severity::Error, cx.now);
                let key = key.to_owned();
                raise_alert(tx, cx, Alert { key, ..alert })?;
            }
            if let Some(kind) = kind {
                facts = kind.refused(&row, &refusal);
                if facts.is_empty() || kind.alert_when_refused() {
                    alert = Some(Severity::Error);
                }
            }
        }
        Ending::NotDone => {
            row.state = EffectState::Waiting;
            row.tries += 1;
            row.next_at = cx.now.saturating_add(backoff(row.tries, jitter));
        }
        Ending::Later(why) => {
            row.state = EffectState::Waiting;
            row.tries += 1;
            row.next_at = cx.now.saturating_add(backoff(row.tries, jitter));
            let told = !why.in_line && impatient(kind, &row, cx.now);
            alert = told.then_some(Severity::Warning);
        }
        Ending::Doubt(_) => {
            row.tries = if row.state == EffectState::Unknown {
                row.tries + 1
            } else {
                1
            };
            row.state = EffectState::Unknown;
            row.next_at = cx.now.saturating_add(backoff(row.tries, jitter));
            alert = impatient(kind, &row, cx.now).then_some(Severity::Error);
        }
        Ending::Again(pause) => {
            row.state = EffectState::Waiting;
            row.tries = 0;
            row.next_at = cx.now.saturating_add(pause);
        }
        Ending::Person(_) => {
            row.state = EffectState::Person;
            alert = Some(Severity::Error);
        }
    }
    if !row.state.is_live() {
        row.ended_at = Some(cx.now);
    }
    // An effect that was called off stays so, but what it found out counts.
    if !called_off {
        tx.put_effect(&row)?;
    }
    for body in facts {
        record(tx, cx, row.order_id, body)?;
    }
    match alert {
        Some(severity) if !called_off => {
            raise_alert(tx, cx, alert_of(&row, kind, severity, cx.now))
        }
        _ if row.state.is_live() && row.tries > 0 => Ok(()),
        _ => clear_alert(tx, cx, &alert_key(&row.key)),
    }
}

fn impatient(kind: Option<&dyn Kind>, row: &EffectRow, now: Timestamp) -> bool {
    let patience = kind.map_or(Duration::ZERO, Kind::patience);
    now.since(row.created_at) >= patience
}

fn alert_of(row: &EffectRow, kind: Option<&dyn Kind>, severity: Severity, now: Timestamp) -> Alert {
    Alert {
        key: alert_key(&row.key),
        severity,
        title: kind.map_or("An act can't proceed", Kind::title).to_owned(),
        detail: row.note.clone().unwrap_or_default(),
        advice: row.advice.clone().unwrap_or_default(),
        since_at: now,
    }
}

/// The pause before the next call: doubles, with ±20 % jitter (`jitter` in 0..400).
fn backoff(tries: u32, jitter: u64) -> Duration {
    let exact = BACKOFF_FIRST
        .saturating_mul(1 << tries.saturating_sub(1).min(10))
        .min(BACKOFF_LONGEST);
    exact * u32::try_from(800 + jitter).unwrap_or(1000) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_and_stays_within_its_limits() {
        for jitter in [0, 200, 399] {
            assert!(backoff(1, jitter) >= BACKOFF_FIRST * 8 / 10);
            assert!(backoff(2, 200) > backoff(1, 200));
            assert!(backoff(60, jitter) <= BACKOFF_LONGEST * 12 / 10);
        }
    }
}
