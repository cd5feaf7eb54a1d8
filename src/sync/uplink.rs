//! Decides what goes to headquarters and when: the newest state first, then the log in order, batch by batch,
//! several under way. The cursor moves only when headquarters says that it has committed, and names the same
//! hash as the store's own log.

use super::{
    Ack, GREETING, Identity, Limits, Message, SyncConfig, Uplink, UplinkError,
    batch::{DayRoot, HexHash, StoreId},
    log::{Log, StoreLog},
    pack::{Header, Pack},
    session::{Pace, Session, Trouble, UnderWay},
    state::{DayCheck, Status, UplinkHandle, UplinkState},
};
use crate::{
    flow::Site,
    protection::{Protection, holds},
    store::{Store, StoreError},
    world::{Clock, Entropy, World},
};
use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Between the beginnings of two attempts: a link that is back is found within this time, and headquarters that
/// is back is not overrun. Each store keeps a phase of its own within it.
const ATTEMPT: Duration = Duration::from_secs(1);
/// A route that answers nothing for this long gives way to the next one.
const PROBE: Duration = Duration::from_secs(10);
/// The same on the only route, through a broker: headquarters says when it is back, and thousands of stores that begin
/// anew too early only lengthen the queue that they wait in.
const PROBE_ALONE: Duration = Duration::from_mins(1);
/// The least time between two summaries.
const SUMMARY: Duration = Duration::from_secs(2);
/// Times headquarters may send us back without taking anything in between.
const REWINDS: u32 = 3;
/// On another route than the preferred one, how long until that is looked for; twice as long each time that it did
/// not carry.
const BETTER: Duration = Duration::from_secs(30);
/// The longest time between two looks.
const BETTER_MOST: Duration = Duration::from_mins(10);

/// The task; to be run until it is told to stop.
pub struct UplinkTask {
    core: Core,
    routes: Vec<Box<dyn Uplink>>,
}

/// All but the routes.
struct Core {
    log: Arc<dyn Log>,
    store_id: StoreId,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    heartbeat: Duration,
    poke: Arc<Notify>,
    state: watch::Sender<UplinkState>,
    acknowledged: watch::Sender<u64>,
    day: watch::Sender<DayCheck>,
    /// The root that headquarters has not answered yet, or has.
    root: Option<DayRoot>,
    /// The day that is compared.
    compared: Option<String>,
    pace: Pace,
    /// Headquarters has answered in this attempt.
    was_up: bool,
    /// How long until the preferred route is looked for.
    better: Duration,
    /// Headquarters has another history: the event that shows it, and its hash here. The next sign of life follows it, so
    /// that headquarters sees it too, and says so to those who can do something about it.
    contested: Option<(u64, HexHash)>,
}

/// The uplink of a store over `routes`, the preferred one first.
#[must_use]
pub fn uplink(
    store: Store,
    world: &World,
    identity: Identity,
    config: &SyncConfig,
    routes: Vec<Box<dyn Uplink>>,
) -> (UplinkHandle, UplinkTask) {
    let store_id = identity.store_id.clone();
    let log = Arc::new(StoreLog::new(store, identity));
    uplink_of(
        log,
        store_id,
        (Arc::clone(&world.clock), Arc::clone(&world.entropy)),
        config,
        routes,
    )
}

/// The uplink of a store that also tells how it is.
#[must_use]
pub fn uplink_watching(
    site: Arc<Site>,
    world: &World,
    identity: Identity,
    config: &SyncConfig,
    routes: Vec<Box<dyn Uplink>>,
) -> (UplinkHandle, UplinkTask) {
    let store_id = identity.store_id.clone();
    let log = StoreLog::new(site.store.clone(), identity).watching(site);
    uplink_of(
        Arc::new(log),
        store_id,
        (Arc::clone(&world.clock), Arc::clone(&world.entropy)),
        config,
        routes,
    )
}

/// The uplink of any log.
#[must_use]
pub fn uplink_of(
    log: Arc<dyn Log>,
    store_id: StoreId,
    (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    config: &SyncConfig,
    routes: Vec<Box<dyn Uplink>>,
) -> (UplinkHandle, UplinkTask) {
    let poke = Arc::new(Notify::new());
    let (state, watched) = watch::channel(UplinkState {
        status: Status::Offline,
        since_at: clock.now(),
        reason: Some("not connected yet".to_owned()),
        refused: false,
        route: None,
    });
    let (acknowledged, counted) = watch::channel(0);
    let (day, compared) = watch::channel(DayCheck::Open);
    let core = Core {
        log,
        store_id,
        clock,
        entropy,
        heartbeat: config.heartbeat,
        poke: Arc::clone(&poke),
        state,
        acknowledged,
        day,
        root: None,
        compared: None,
        pace: Pace::new(config.batch.max(1)),
        was_up: false,
        better: BETTER,
        contested: None,
    };
    let handle = UplinkHandle {
        poke,
        state: watched,
        acknowledged: counted,
        day: compared,
    };
    (handle, UplinkTask { core, routes })
}

/// What an acknowledgement was.
#[derive(PartialEq, Eq)]
enum Taken {
    /// Headquarters' answer to this session.
    Answer,
    /// Headquarters is new on the route: what was under way may be lost.
    Greeting,
    /// An answer to something earlier.
    Stale,
}

impl UplinkTask {
    /// Runs until told to stop. What is under way then is sent again next time.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let core = &mut self.core;
        let mut route = 0;
        let mut failures = 0u32;
        let mut next = Instant::now();
        let mut earliest = next;
        while !self.routes.is_empty() {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = core.wait(next, earliest) => {}
            }
            let began = Instant::now();
            earliest = began + ATTEMPT;
            let (before, rest) = self.routes.split_at_mut(route);
            let Some((current, rest)) = rest.split_first_mut() else {
                break;
            };
            let preferred = before.first_mut();
            let alone = preferred.is_none() && rest.is_empty();
            let trouble = tokio::select! {
                biased;
                () = shutdown.cancelled() => None,
                trouble = core.attempt(&mut **current, preferred, alone, earliest) => Some(trouble),
            };
            current.close().await;
            let Some(trouble) = trouble else { break };
            if matches!(trouble, Trouble::Better) {
                core.better = (core.better * 2).min(BETTER_MOST);
                next = began;
                earliest = began;
            } else {
                failures = if core.was_up { 1 } else { failures + 1 };
                core.report(&trouble, failures);
                next = earliest.max(Instant::now() + core.pause(&trouble));
            }
            if core.was_up {
                route = 0;
            } else if !matches!(trouble, Trouble::Poked) {
                route = (route + 1) % self.routes.len();
            }
        }
        core.set(Status::Offline, Some("stopped".to_owned()), false, None);
    }
}

/// Waits until the preferred route can be connected.
async fn carries_again(route: Option<&mut Box<dyn Uplink>>, every: Duration) {
    let Some(route) = route else {
        return std::future::pending().await;
    };
    let mut every = every;
    loop {
        sleep(every).await;
        let connected = route.connect().await;
        route.close().await;
        if connected.is_ok() {
            return;
        }
        every = (every * 2).min(BETTER_MOST);
    }
}

impl Core {
    /// Waits for the time of the next attempt, or for a poke.
    async fn wait(&self, next: Instant, earliest: Instant) {
        tokio::select! {
            biased;
            () = self.poke.notified() => sleep_until(earliest.min(next)).await,
            () = sleep_until(next) => {}
        }
    }

    /// How long to leave headquarters alone, beyond the second between attempts.
    fn pause(&self, trouble: &Trouble) -> Duration {
        let chance = Duration::from_millis(self.entropy.below(1000));
        match trouble {
            Trouble::Poked => Duration::ZERO,
            Trouble::Route(UplinkError::Refused {
                retry_after: Some(pause),
                ..
            }) => *pause + chance,
            trouble if trouble.refuses() => self.heartbeat + chance,
            // Stores that lose headquarters together come back spread over a second, and keep that phase.
            _ if self.was_up => chance,
            _ => Duration::ZERO,
        }
    }

    /// One connection, from its beginning to its end.
    async fn attempt(
        &mut self,
        route: &mut dyn Uplink,
        preferred: Option<&mut Box<dyn Uplink>>,
        alone: bool,
        patience: Instant,
    ) -> Trouble {
        self.was_up = false;
        let poke = Arc::clone(&self.poke);
        let poked = async {
            poke.notified().await;
            sleep_until(patience).await;
        };
        let session = tokio::select! {
            biased;
            session = self.greet(route, alone) => session,
            () = poked => Err(Trouble::Poked),
        };
        let session = match session {
            Ok(session) => session,
            Err(trouble) => return trouble,
        };
        self.was_up = true;
        if preferred.is_none() {
            self.better = BETTER;
        }
        self.set(Status::Online, None, false, Some(route.name()));
        let every = self.better;
        tokio::select! {
            biased;
            served = self.serve(route, session) => match served {
                Ok(never) => match never {},
                Err(trouble) => trouble,
            },
            () = carries_again(preferred, every) => Trouble::Better,
        }
    }

    /// Connects, tells the newest state, and learns where headquarters stands.
    async fn greet(&mut self, route: &mut dyn Uplink, alone: bool) -> Result<Session, Trouble> {
        route.connect().await?;
        let limits = route.limits();
        self.pace.begin(limits);
        let (sent, sent_hash) = match self.contested {
            Some((seq, hash)) => (seq, Some(hash)),
            None => self.log.standing().await?,
        };
        let now = Instant::now();
        let mut s = Session {
            stream: self.stream(),
            number: 0,
            sent,
            sent_hash,
            under_way: VecDeque::new(),
            progress: now,
            last_summary: now,
            stale: false,
            rewinds: 0,
            ready: None,
            packing: None,
        };
        let give_up = match alone && limits.lossy {
            true => now + PROBE_ALONE,
            false => now + PROBE,
        };
        let mut every = ATTEMPT;
        loop {
            self.send(route, &mut s, None, true).await?;
            let repeat = if limits.lossy {
                give_up.min(Instant::now() + every)
            } else {
                give_up
            };
            // Silence may be a long queue: less and less often.
            every *= 2;
            loop {
                let Ok(answer) = timeout_at(repeat, route.answer()).await else {
                    break;
                };
                let answer = answer?;
                match self.take(&answer, &mut s, limits).await? {
                    Taken::Answer => {
                        route.steer(answer.via.as_deref());
                        return Ok(s);
                    }
                    Taken::Greeting => {
                        every = ATTEMPT;
                        break;
                    }
                    Taken::Stale => {}
                }
            }
            if Instant::now() >= give_up {
                return Err(Trouble::silent());
            }
            if Instant::now() >= now + PROBE {
                self.report(&Trouble::silent(), 2);
            }
        }
    }

    /// Sends what there is, as it comes.
    async fn serve(
        &mut self,
        route: &mut dyn Uplink,
        mut s: Session,
    ) -> Result<Infallible, Trouble> {
        let limits = route.limits();
        let poke = Arc::clone(&self.poke);
        let mut head = self.log.head();
        loop {
            let last = *head.borrow_and_update();
            let room = s.loads() < self.pace.window && s.under_way.len() < limits.in_flight;
            if room && let Some(pack) = s.ready.take() {
                // Headquarters may have had more than we knew of, or less.
                if pack.first_seq == s.sent + 1 {
                    let with_summary = Instant::now() >= s.last_summary + SUMMARY;
                    self.send(route, &mut s, Some(pack), with_summary).await?;
                }
                continue;
            }
            if s.ready.is_none() && s.packing.is_none() && s.sent < last {
                s.packing = Some(self.log.pack(s.sent, self.pace.size));
            }
            let aside = s.under_way.len() < limits.in_flight + limits.beside;
            let every = if s.stale { SUMMARY } else { self.heartbeat };
            let (due, starved) = (s.last_summary + every, s.progress + limits.patience);
            let busy = !s.under_way.is_empty();
            tokio::select! {
                biased;
                answer = route.answer() => {
                    if matches!(answer, Err(UplinkError::Silent(_))) {
                        self.pace.starve();
                    }
                    let answer = answer?;
                    match self.take(&answer, &mut s, limits).await? {
                        // Which headquarters is there now is told by the answer.
                        Taken::Greeting => {
                            route.steer(None);
                            self.send(route, &mut s, None, true).await?;
                        }
                        Taken::Answer => route.steer(answer.via.as_deref()),
                        Taken::Stale => {}
                    }
                }
                () = sleep_until(starved), if busy => {
                    self.pace.starve();
                    return Err(Trouble::silent());
                }
                pack = s.packed() => {
                    let after = s.sent;
                    match pack? {
                        Some(pack) if pack.first_seq <= after + 1 => s.ready = Some(pack),
                        _ => return Err(Trouble::Dropped(after + 1)),
                    }
                }
                changed = head.changed(), if s.sent == last => changed.map_err(|_| StoreError::Closed)?,
                () = sleep_until(due), if aside => self.send(route, &mut s, None, true).await?,
                () = poke.notified(), if aside => self.send(route, &mut s, None, true).await?,
            }
        }
    }

    async fn send(
        &mut self,
        route: &mut dyn Uplink,
        s: &mut Session,
        pack: Option<Pack>,
        with_summary: bool,
    ) -> Result<(), Trouble> {
        let mut summary = None;
        let mut root = None;
        if with_summary {
            let now = self.clock.now();
            summary = Some(self.log.summary(self.heartbeat, now).await?);
            root = self.root().await?;
        }
        s.number += 1;
        let header = Header {
            store_id: &self.store_id,
            generation: self.log.generation(),
            stream: s.stream,
            number: s.number,
            first_seq: s.sent + 1,
            previous: s.sent_hash,
            summary: summary.as_ref(),
            root: root.as_ref(),
        };
        let bytes = header.message(pack.as_ref())?;
        let events = pack.as_ref().map_or(0, |p| p.events);
        route.send(Message { bytes, events }).await?;
        let now = Instant::now();
        if s.under_way.is_empty() {
            s.progress = now;
        }
        s.under_way.push_back(UnderWay {
            number: s.number,
            events,
            full: events >= self.pace.size,
        });
        s.stale |= events > 0;
        if with_summary {
            s.last_summary = now;
            s.stale = false;
        }
        if let Some(pack) = pack {
            s.sent = pack.last_seq;
            s.sent_hash = Some(pack.last_hash);
            if !holds(Protection::CursorAfterAck) {
                let now = self.clock.now();
                self.log.pretend(pack.last_seq, now).await?;
            }
        }
        Ok(())
    }

    /// The root of the last full day, until headquarters has answered.
    async fn root(&mut self) -> Result<Option<DayRoot>, Trouble> {
        let now = self.clock.now();
        let day = self.log.yesterday(now);
        if self.compared.as_ref() == Some(&day) {
            return Ok(None);
        }
        if self.root.as_ref().is_none_or(|r| r.day != day) {
            self.root = self.log.root(now).await?;
        }
        if self.root.is_none() {
            self.compared = Some(day);
        }
        Ok(self.root.clone())
    }

    /// Takes headquarters' root of a day.
    fn compare(&mut self, theirs: &DayRoot) {
        let Some(ours) = self.root.as_ref().filter(|r| r.day == theirs.day) else {
            return;
        };
        self.compared = Some(ours.day.clone());
        let check = if ours == theirs && ours.hash != super::log::NO_ROOT {
            DayCheck::Same(ours.clone())
        } else {
            tracing::error!(day = ours.day, "headquarters has another root of this day");
            DayCheck::Differs(ours.clone(), theirs.clone())
        };
        self.day.send_replace(check);
    }

    /// Takes headquarters' word: moves the cursor, and finds where to go on.
    async fn take(&mut self, ack: &Ack, s: &mut Session, limits: Limits) -> Result<Taken, Trouble> {
        if ack.store_id != self.store_id {
            return Ok(Taken::Stale);
        }
        if let Some(root) = &ack.root {
            self.compare(root);
        }
        if ack.stream == GREETING {
            // Without a word about a day, it is one.
            return Ok(if ack.root.is_some() {
                Taken::Stale
            } else {
                Taken::Greeting
            });
        }
        if ack.stream != s.stream || ack.number > s.number {
            return Ok(Taken::Stale);
        }
        let now = Instant::now();
        let took = now - s.progress;
        while let Some(batch) = s.under_way.pop_front_if(|b| b.number <= ack.number) {
            if batch.events > 0 && ack.refused.is_none() && !ack.rewind {
                self.pace.answered(batch.full, took, ack.window, limits);
            }
        }
        s.progress = now;
        let moved = self.move_cursor(ack).await?;
        if let Some(refusal) = &ack.refused {
            return Err(Trouble::NotTaken {
                seq: refusal.seq,
                reason: refusal.reason.clone(),
            });
        }
        if moved {
            s.rewinds = 0;
        }
        let missing = s.under_way.is_empty() && ack.seq < s.sent;
        if (ack.rewind || missing) && holds(Protection::Rewind) {
            s.rewinds += 1;
            if s.rewinds > REWINDS {
                return Err(Trouble::Circles(ack.seq));
            }
            tracing::warn!(
                seq = ack.seq,
                "headquarters misses events; sending again from there"
            );
            s.restart(self.stream(), ack.seq, ack.hash);
        } else if ack.seq > s.sent {
            s.sent = ack.seq;
            s.sent_hash = Some(ack.hash);
        }
        Ok(Taken::Answer)
    }

    /// Moves the cursor to what headquarters has committed, if that is what this store wrote. True when it went
    /// forward.
    async fn move_cursor(&mut self, ack: &Ack) -> Result<bool, Trouble> {
        let rewind = ack.rewind && holds(Protection::Rewind);
        let now = self.clock.now();
        let settled = self.log.acknowledge(ack.seq, ack.hash, rewind, now).await?;
        self.contested = settled.own;
        if !settled.same {
            return Err(Trouble::OtherHistory(ack.seq));
        }
        let now_at = if ack.rewind {
            ack.seq
        } else {
            ack.seq.max(settled.cursor)
        };
        self.acknowledged.send_if_modified(|at| {
            let changed = *at != now_at;
            *at = now_at;
            changed
        });
        Ok(ack.seq > settled.cursor)
    }

    /// A new stream's mark.
    fn stream(&self) -> u64 {
        self.entropy.below(u64::MAX - 1) + 1
    }

    fn report(&self, trouble: &Trouble, failures: u32) {
        if matches!(trouble, Trouble::Poked) {
            return;
        }
        // One lost message is no lost link.
        let status = match trouble.status() {
            Status::Offline if failures < 2 => Status::Degraded,
            status => status,
        };
        self.set(status, Some(trouble.to_string()), trouble.refuses(), None);
    }

    fn set(
        &self,
        status: Status,
        reason: Option<String>,
        refused: bool,
        route: Option<&'static str>,
    ) {
        let now = self.clock.now();
        self.state.send_if_modified(|state| {
            let since_at = if state.status == status {
                state.since_at
            } else {
                now
            };
            let new = UplinkState {
                status,
                since_at,
                reason,
                refused,
                route,
            };
            if *state == new {
                return false;
            }
            if state.status != status || state.refused != refused {
                let reason = new.reason.as_deref().unwrap_or_default();
                match (status, refused) {
                    (_, true) => tracing::error!(reason, "headquarters refuses this store"),
                    (Status::Online, _) => {
                        tracing::info!(route, "the uplink to headquarters is up");
                    }
                    _ => tracing::warn!(
                        status = status.word(),
                        reason,
                        "the uplink to headquarters is not up"
                    ),
                }
            }
            *state = new;
            true
        });
    }
}
