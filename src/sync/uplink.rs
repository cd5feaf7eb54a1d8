//! Decides what goes to headquarters and when: the newest state first, then the log in order, batch by batch,
//! several under way. The cursor moves only when headquarters says that it has committed, and names the same
//! hash as the store's own log.

use super::{
    Ack, Batch, CURSOR, Entry, GREETING, Identity, Limits, SyncConfig, Uplink, UplinkError,
    batch::HexHash,
    session::{Session, Trouble, UnderWay},
    state::{Status, UplinkHandle, UplinkState},
    summary::{Sales, Summary},
};
use crate::{
    domain::chain::GENESIS,
    protection::{Protection, holds},
    store::{Snapshot, Store, StoreError},
    world::{Clock, Entropy, World},
};
use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Between the beginnings of two attempts: a link that is back is found within this time, and headquarters that
/// is back is not overrun. Each store keeps a phase of its own within it.
const ATTEMPT: Duration = Duration::from_secs(1);
/// A route that answers nothing for this long gives way to the next one.
const PROBE: Duration = Duration::from_secs(10);
/// The least time between two summaries.
const SUMMARY: Duration = Duration::from_secs(2);
/// Bytes of bodies in one batch, before packing.
const BATCH_BYTES: usize = 1024 * 1024;
/// Times headquarters may send us back without taking anything in between.
const REWINDS: u32 = 3;

/// The task; to be run until it is told to stop.
pub struct UplinkTask {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    identity: Arc<Identity>,
    batch: usize,
    heartbeat: Duration,
    routes: Vec<Box<dyn Uplink>>,
    poke: Arc<Notify>,
    state: watch::Sender<UplinkState>,
    acknowledged: watch::Sender<u64>,
    sales: Sales,
    /// Events in the next batch; grows while all is well and shrinks when a batch takes too long.
    size: usize,
    /// Headquarters has answered in this attempt.
    was_up: bool,
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
    let poke = Arc::new(Notify::new());
    let (state, watched) = watch::channel(UplinkState {
        status: Status::Offline,
        since_at: world.clock.now(),
        reason: Some("not connected yet".to_owned()),
        refused: false,
        route: None,
    });
    let (acknowledged, counted) = watch::channel(0);
    let task = UplinkTask {
        store,
        clock: Arc::clone(&world.clock),
        entropy: Arc::clone(&world.entropy),
        identity: Arc::new(identity),
        batch: config.batch.max(1),
        heartbeat: config.heartbeat,
        routes,
        poke: Arc::clone(&poke),
        state,
        acknowledged,
        sales: Sales::default(),
        size: config.batch.max(1),
        was_up: false,
    };
    let handle = UplinkHandle {
        poke,
        state: watched,
        acknowledged: counted,
    };
    (handle, task)
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
        let mut route = 0;
        let mut failures = 0u32;
        let mut next = Instant::now();
        let mut earliest = next;
        while !self.routes.is_empty() {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = self.wait(next, earliest) => {}
            }
            let began = Instant::now();
            earliest = began + ATTEMPT;
            let trouble = tokio::select! {
                biased;
                () = shutdown.cancelled() => None,
                trouble = self.attempt(route, earliest) => Some(trouble),
            };
            self.routes[route].close().await;
            let Some(trouble) = trouble else { break };
            failures = if self.was_up { 1 } else { failures + 1 };
            self.report(&trouble, failures);
            next = earliest.max(Instant::now() + self.pause(&trouble));
            if self.was_up {
                route = 0;
            } else if !matches!(trouble, Trouble::Poked) {
                route = (route + 1) % self.routes.len();
            }
        }
        self.set(Status::Offline, Some("stopped".to_owned()), false, None);
    }

    /// Waits for the time of the next attempt, or for a poke.
    async fn wait(&mut self, next: Instant, earliest: Instant) {
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
    async fn attempt(&mut self, route: usize, patience: Instant) -> Trouble {
        self.was_up = false;
        let poke = Arc::clone(&self.poke);
        let poked = async {
            poke.notified().await;
            sleep_until(patience).await;
        };
        let session = tokio::select! {
            biased;
            session = self.greet(route) => session,
            () = poked => Err(Trouble::Poked),
        };
        let session = match session {
            Ok(session) => session,
            Err(trouble) => return trouble,
        };
        self.was_up = true;
        self.set(Status::Online, None, false, Some(self.routes[route].name()));
        match self.serve(route, session).await {
            Ok(never) => match never {},
            Err(trouble) => trouble,
        }
    }

    /// Connects, tells the newest state, and learns where headquarters stands.
    async fn greet(&mut self, route: usize) -> Result<Session, Trouble> {
        self.routes[route].connect().await?;
        let limits = self.routes[route].limits();
        let (sent, sent_hash) = self.store.read(cursor_and_hash).await?;
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
        };
        let give_up = now + PROBE;
        loop {
            self.send(route, &mut s, Vec::new(), true).await?;
            let repeat = if limits.lossy {
                give_up.min(Instant::now() + ATTEMPT)
            } else {
                give_up
            };
            loop {
                let Ok(answer) = timeout_at(repeat, self.routes[route].answer()).await else {
                    break;
                };
                match self.take(&answer?, &mut s, limits).await? {
                    Taken::Answer => return Ok(s),
                    Taken::Greeting => break,
                    Taken::Stale => {}
                }
            }
            if Instant::now() >= give_up {
                return Err(Trouble::silent());
            }
        }
    }

    /// Sends what there is, as it comes.
    async fn serve(&mut self, route: usize, mut s: Session) -> Result<Infallible, Trouble> {
        let limits = self.routes[route].limits();
        let poke = Arc::clone(&self.poke);
        let mut head = self.store.head();
        self.size = self.size.min(self.batch * limits.growth);
        loop {
            let last = *head.borrow_and_update();
            while s.under_way.len() < limits.in_flight && s.sent < last {
                self.send_events(route, &mut s).await?;
            }
            let room = s.under_way.len() < limits.in_flight;
            let every = if s.stale { SUMMARY } else { self.heartbeat };
            tokio::select! {
                biased;
                answer = self.routes[route].answer() => {
                    if matches!(answer, Err(UplinkError::Silent(_))) {
                        self.size = (self.size / 2).max(1);
                    }
                    if self.take(&answer?, &mut s, limits).await? == Taken::Greeting {
                        self.send(route, &mut s, Vec::new(), true).await?;
                    }
                }
                () = sleep_until(s.progress + limits.patience), if !s.under_way.is_empty() => {
                    self.size = (self.size / 2).max(1);
                    return Err(Trouble::silent());
                }
                changed = head.changed(), if room => changed.map_err(|_| StoreError::Closed)?,
                () = sleep_until(s.last_summary + every), if room => {
                    self.send(route, &mut s, Vec::new(), true).await?;
                }
                () = poke.notified(), if room => {
                    self.send(route, &mut s, Vec::new(), true).await?;
                }
            }
        }
    }

    /// Sends the next events of the log.
    async fn send_events(&mut self, route: usize, s: &mut Session) -> Result<(), Trouble> {
        let (after, most) = (s.sent, self.size);
        let mut events = self
            .store
            .read(move |db| db.events_after(after, most))
            .await?;
        let mut bytes = 0usize;
        let fits = events
            .iter()
            .take_while(|e| {
                let first = bytes == 0;
                bytes = bytes.saturating_add(e.body.len());
                first || bytes <= BATCH_BYTES
            })
            .count();
        events.truncate(fits);
        if events.first().is_none_or(|e| e.seq != after + 1) {
            return Err(Trouble::Dropped(after + 1));
        }
        let entries = events
            .into_iter()
            .map(Entry::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let with_summary = Instant::now() >= s.last_summary + SUMMARY;
        self.send(route, s, entries, with_summary).await
    }

    async fn send(
        &mut self,
        route: usize,
        s: &mut Session,
        entries: Vec<Entry>,
        with_summary: bool,
    ) -> Result<(), Trouble> {
        let summary = if with_summary {
            Some(self.summary().await?)
        } else {
            None
        };
        s.number += 1;
        let batch = Batch {
            store_id: self.identity.store_id.clone(),
            stream: s.stream,
            number: s.number,
            first_seq: s.sent + 1,
            previous: s.sent_hash,
            entries,
            summary,
        };
        self.routes[route].send(&batch).await?;
        let now = Instant::now();
        if s.under_way.is_empty() {
            s.progress = now;
        }
        s.under_way.push_back(UnderWay {
            number: s.number,
            full: batch.entries.len() >= self.size,
        });
        s.stale |= !batch.entries.is_empty();
        if with_summary {
            s.last_summary = now;
            s.stale = false;
        }
        if let Some(last) = batch.entries.last() {
            s.sent = last.seq;
            s.sent_hash = Some(last.hash);
            if !holds(Protection::CursorAfterAck) {
                let (seq, now) = (last.seq, self.clock.now());
                self.store
                    .write(move |tx| tx.advance_cursor(CURSOR, seq, now))
                    .await?;
            }
        }
        Ok(())
    }

    async fn summary(&mut self) -> Result<Summary, StoreError> {
        let mut sales = std::mem::take(&mut self.sales);
        let identity = Arc::clone(&self.identity);
        let now = self.clock.now();
        let heartbeat = u64::try_from(self.heartbeat.as_millis()).unwrap_or(u64::MAX);
        let (summary, sales) = self
            .store
            .read(move |db| {
                sales.catch_up(db, &identity.day(now))?;
                let summary = Summary::of(db, &identity, &sales, heartbeat, now)?;
                Ok::<_, StoreError>((summary, sales))
            })
            .await?;
        self.sales = sales;
        Ok(summary)
    }

    /// Takes headquarters' word: moves the cursor, and finds where to go on.
    async fn take(&mut self, ack: &Ack, s: &mut Session, limits: Limits) -> Result<Taken, Trouble> {
        if ack.store_id != self.identity.store_id {
            return Ok(Taken::Stale);
        }
        if ack.stream == GREETING {
            return Ok(Taken::Greeting);
        }
        if ack.stream != s.stream || ack.number > s.number {
            return Ok(Taken::Stale);
        }
        while let Some(batch) = s.under_way.pop_front_if(|b| b.number <= ack.number) {
            if batch.full && ack.refused.is_none() && !ack.rewind {
                self.size = (self.size * 2).min(self.batch * limits.growth);
            }
        }
        s.progress = Instant::now();
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
        let (seq, rewind) = (ack.seq, ack.rewind);
        let (cursor, head, mine) = self
            .store
            .read(move |db| {
                let mine = hash_of(db, seq)?;
                Ok::<_, StoreError>((db.cursor(CURSOR)?, db.head()?.seq, mine))
            })
            .await?;
        let same = match mine {
            Some(hash) => hash == ack.hash,
            // Old events that every reader has passed may be dropped.
            None => seq <= cursor.min(head),
        };
        if !same {
            return Err(Trouble::OtherHistory(seq));
        }
        let now = self.clock.now();
        if seq > cursor {
            self.store
                .write(move |tx| tx.advance_cursor(CURSOR, seq, now))
                .await?;
        } else if rewind && seq < cursor && holds(Protection::Rewind) {
            self.store
                .write(move |tx| tx.rewind_cursor(CURSOR, seq, now))
                .await?;
        }
        let now_at = if rewind { seq } else { seq.max(cursor) };
        self.acknowledged.send_if_modified(|at| {
            let changed = *at != now_at;
            *at = now_at;
            changed
        });
        Ok(seq > cursor)
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

fn cursor_and_hash(db: &Snapshot<'_>) -> Result<(u64, Option<HexHash>), StoreError> {
    // Never beyond the log's end: a store restored from a backup may have lost events that were sent.
    let cursor = db.cursor(CURSOR)?.min(db.head()?.seq);
    Ok((cursor, hash_of(db, cursor)?))
}

/// The log's hash at an event; none when the log does not have it.
fn hash_of(db: &Snapshot<'_>, seq: u64) -> Result<Option<HexHash>, StoreError> {
    if seq == 0 {
        return Ok(Some(HexHash(GENESIS)));
    }
    Ok(db.event(seq)?.map(|e| HexHash(e.hash)))
}
