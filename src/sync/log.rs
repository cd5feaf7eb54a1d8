//! The log as the uplink needs it: the store's own, or an emulated one.

use super::{
    CURSOR, Identity, Summary,
    batch::{DayRoot, HexHash, WireError},
    health::Health,
    pack::{Pack, Packer},
    summary::Sales,
};
use crate::{
    domain::{
        chain::{self, GENESIS, Hash},
        time::Timestamp,
    },
    flow::Site,
    store::{Snapshot, Store, StoreError},
};
use std::{
    future::Future,
    ops::ControlFlow,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Text of the events of one batch, before packing.
const BATCH_BYTES: usize = 1024 * 1024;
/// What a walk comes out at that can't be gone: no event has this hash.
pub const NO_ROOT: HexHash = HexHash(GENESIS);

/// Work that is under way.
pub type Doing<T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send>>;

/// Why the log gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Events can't be packed.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// What became of headquarters' word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Headquarters has what this log has; otherwise nothing was moved.
    pub same: bool,
    /// Where the cursor stood before.
    pub cursor: u64,
    /// Where it is not the same: the event that this log has there, or its last one, and its hash.
    pub own: Option<(u64, HexHash)>,
}

/// A log that is sent to headquarters.
pub trait Log: Send + Sync {
    /// The generation of the store's box; 0 of one that was not enrolled with a code.
    fn generation(&self) -> u64 {
        0
    }

    /// Its last event, now and as it changes.
    fn head(&self) -> watch::Receiver<u64>;

    /// What headquarters has acknowledged, and the hash there when the log still has that event.
    fn standing(&self) -> Doing<(u64, Option<HexHash>)>;

    /// Up to `most` events after `after`, packed; none when there are none.
    fn pack(&self, after: u64, most: usize) -> Doing<Option<Pack>>;

    /// Takes headquarters' word that all up to `seq` is committed, and that the last has `hash`; moves the cursor
    /// back only when `rewind` says so.
    fn acknowledge(&self, seq: u64, hash: HexHash, rewind: bool, now: Timestamp) -> Doing<Settled>;

    /// Moves the cursor without headquarters' word; for the simulator's control alone.
    fn pretend(&self, seq: u64, now: Timestamp) -> Doing<()>;

    /// The newest state.
    fn summary(&self, heartbeat: Duration, now: Timestamp) -> Doing<Summary>;

    /// The last full day, `YYYY-MM-DD`.
    fn yesterday(&self, now: Timestamp) -> String;

    /// Walks the last full day; none when nothing happened until its end.
    fn root(&self, now: Timestamp) -> Doing<Option<DayRoot>>;
}

/// The log of a store.
pub struct StoreLog {
    store: Store,
    identity: Arc<Identity>,
    sales: Arc<Mutex<Sales>>,
    /// The store whose health is told.
    site: Option<Arc<Site>>,
}

impl StoreLog {
    /// Of this store.
    #[must_use]
    pub fn new(store: Store, identity: Identity) -> Self {
        Self {
            store,
            identity: Arc::new(identity),
            sales: Arc::default(),
            site: None,
        }
    }

    /// Tells headquarters how the store is, too.
    #[must_use]
    pub fn watching(mut self, site: Arc<Site>) -> Self {
        self.site = Some(site);
        self
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, LogError> + Send + 'static,
    ) -> Doing<T> {
        let store = self.store.clone();
        Box::pin(async move { store.read(work).await })
    }
}

impl Log for StoreLog {
    fn generation(&self) -> u64 {
        self.identity.generation
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.store.head()
    }

    fn standing(&self) -> Doing<(u64, Option<HexHash>)> {
        self.read(|db| {
            // Never beyond the log's end: a store restored from a backup may have lost events that were sent.
            let cursor = db.cursor(CURSOR)?.min(db.head()?.seq);
            Ok((cursor, hash_of(db, cursor)?))
        })
    }

    fn pack(&self, after: u64, most: usize) -> Doing<Option<Pack>> {
        self.read(move |db| {
            let mut packer = Packer::default();
            db.each_event_after(after, most, |e| {
                // A hole ends the batch; what stands behind it is never sent as if it followed.
                if packer.next_seq().is_some_and(|next| next != e.seq) {
                    return Ok(ControlFlow::Break(()));
                }
                packer.push(&e)?;
                Ok::<_, LogError>(if packer.bytes() >= BATCH_BYTES {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })?;
            Ok(packer.finish()?)
        })
    }

    fn acknowledge(&self, seq: u64, hash: HexHash, rewind: bool, now: Timestamp) -> Doing<Settled> {
        let store = self.store.clone();
        Box::pin(async move {
            let (cursor, head, mine, last) = store
                .read(move |db| {
                    let head = db.head()?.seq;
                    let last = hash_of(db, seq.min(head))?;
                    Ok::<_, StoreError>((db.cursor(CURSOR)?, head, hash_of(db, seq)?, last))
                })
                .await?;
            let same = match mine {
                Some(mine) => mine == hash,
                // Old events that every reader has passed may be dropped.
                None => seq <= cursor.min(head),
            };
            if same && seq > cursor {
                store
                    .write(move |tx| tx.advance_cursor(CURSOR, seq, now))
                    .await?;
            } else if same && rewind && seq < cursor {
                store
                    .write(move |tx| tx.rewind_cursor(CURSOR, seq, now))
                    .await?;
            }
            let own = match last {
                Some(last) if !same => Some((seq.min(head), last)),
                _ => None,
            };
            Ok(Settled { same, cursor, own })
        })
    }

    fn pretend(&self, seq: u64, now: Timestamp) -> Doing<()> {
        let store = self.store.clone();
        Box::pin(async move {
            Ok(store
                .write(move |tx| tx.advance_cursor(CURSOR, seq, now))
                .await?)
        })
    }

    fn summary(&self, heartbeat: Duration, now: Timestamp) -> Doing<Summary> {
        let (sales, identity) = (Arc::clone(&self.sales), Arc::clone(&self.identity));
        let site = self.site.clone();
        let heartbeat = u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX);
        self.read(move |db| {
            let mut sales = sales.lock().unwrap_or_else(PoisonError::into_inner);
            sales.catch_up(db, &identity.day(now))?;
            let mut summary = Summary::of(db, &identity, &sales, heartbeat, now)?;
            if let Some(site) = site {
                match Health::of(&site, db) {
                    Ok(health) => summary.health = Some(Box::new(health)),
                    // The rest is worth more than none.
                    Err(error) => tracing::warn!(%error, "the store's health can't be told"),
                }
            }
            Ok(summary)
        })
    }

    fn yesterday(&self, now: Timestamp) -> String {
        self.identity.yesterday(now).0
    }

    fn root(&self, now: Timestamp) -> Doing<Option<DayRoot>> {
        let (day, began, ended) = self.identity.yesterday(now);
        self.read(move |db| {
            let first = db.first_event_since(began)?;
            let last = db.first_event_since(ended)?.saturating_sub(1);
            if last == 0 {
                return Ok(None);
            }
            let hash = walk(db, first.min(last), last)?.map_or(NO_ROOT, HexHash);
            Ok(Some(DayRoot {
                day,
                seq: last,
                hash,
            }))
        })
    }
}

/// The hash at `last`, by a walk over the stored events from `first`; none when one is missing or changed.
fn walk(db: &Snapshot<'_>, first: u64, last: u64) -> Result<Option<Hash>, StoreError> {
    let mut at = match first {
        0 | 1 => Some(GENESIS),
        // Of what came before, the hash is all that is needed; it may be dropped already.
        _ => db.event(first - 1)?.map(|e| e.hash),
    };
    let mut next = first.max(1);
    db.each_event_after(next - 1, usize::MAX >> 1, |e| {
        if e.seq > last {
            return Ok(ControlFlow::Break(()));
        }
        let hash = match at {
            Some(before) => {
                chain::link(&before, e.seq, e.at, e.order_id, &e.actor, &e.body) == e.hash
            }
            None => next == first,
        };
        if !hash || e.seq != next {
            at = None;
            return Ok(ControlFlow::Break(()));
        }
        at = Some(e.hash);
        next += 1;
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    Ok(at.filter(|_| next == last + 1))
}

/// The log's hash at an event; none when the log does not have it.
fn hash_of(db: &Snapshot<'_>, seq: u64) -> Result<Option<HexHash>, StoreError> {
    if seq == 0 {
        return Ok(Some(HexHash(GENESIS)));
    }
    Ok(db.event(seq)?.map(|e| HexHash(e.hash)))
}
