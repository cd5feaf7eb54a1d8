//! Where batches wait for the writer: what comes while it is busy is written together, in one transaction. A store's
//! batches always wait in the same lane, so they stay in order.

use super::{
    db::Db,
    record::{self, Recorded},
};
use crate::{domain::time::Timestamp, store::StoreError, sync::Batch};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

type Answer = oneshot::Sender<Result<Recorded, StoreError>>;

struct Waiting {
    batch: Batch,
    reply: Answer,
}

/// What a writer took out of a lane. It is kept here while it is written, so that whoever waits is answered whatever
/// becomes of that.
#[derive(Default)]
struct Group {
    batches: Vec<Batch>,
    replies: Vec<Answer>,
}

#[derive(Default)]
struct Lane {
    waiting: Mutex<Vec<Waiting>>,
}

impl Lane {
    fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The lanes, one for each connection that writes.
pub(super) struct Intake {
    db: Db,
    lanes: Vec<Arc<Lane>>,
}

/// A batch that waits; its place in the order is settled.
pub(super) struct Pending(oneshot::Receiver<Result<Recorded, StoreError>>);

impl Pending {
    /// Waits for the commit.
    pub(super) async fn done(self) -> Result<Recorded, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Intake {
    pub(super) fn new(db: Db) -> Self {
        let lanes = (0..db.writers()).map(|_| Arc::default()).collect();
        Self { db, lanes }
    }

    /// Puts a batch into its lane.
    pub(super) fn submit(&self, batch: Batch, now: Timestamp) -> Pending {
        let at = lane_of(batch.store_id.as_str(), self.lanes.len());
        let lane = &self.lanes[at];
        let (reply, answer) = oneshot::channel();
        let first = {
            let mut waiting = lane.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(Waiting { batch, reply });
            waiting.len() == 1
        };
        if first {
            // Not the caller's: one who goes away while the writer's queue is full would leave a lane that nobody
            // comes to.
            tokio::spawn(write(self.db.clone(), at, Arc::clone(lane), now));
        }
        Pending(answer)
    }
}

/// Has a writer take all that waits in a lane when it comes to it, and answers whoever waited: after the commit, and
/// when it fails.
async fn write(db: Db, at: usize, lane: Arc<Lane>, now: Timestamp) {
    let taken: Arc<Mutex<Group>> = Arc::default();
    let (group, waiting) = (Arc::clone(&taken), Arc::clone(&lane));
    let submitted = db.submit_to(at, move |sql| {
        let mut group = group.lock().unwrap_or_else(PoisonError::into_inner);
        for Waiting { batch, reply } in waiting.take() {
            group.batches.push(batch);
            group.replies.push(reply);
        }
        record::record(sql, &group.batches, now)
    });
    let written = match submitted.await {
        Ok(pending) => pending.done().await,
        Err(e) => Err(e),
    };
    let group = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
    match written {
        Ok(recorded) => {
            for (reply, recorded) in group.replies.into_iter().zip(recorded) {
                // Who went away asks again.
                let _ = reply.send(Ok(recorded));
            }
        }
        // One of them may be at fault: the others must not suffer for it.
        Err(e) if group.batches.len() > 1 && e.is_about_content() => {
            tracing::error!(error = %e, batches = group.batches.len(), "a group of batches is written one by one");
            for (batch, reply) in group.batches.into_iter().zip(group.replies) {
                let alone = db
                    .submit_to(at, move |sql| {
                        record::record(sql, std::slice::from_ref(&batch), now)
                    })
                    .await;
                let written = match alone {
                    Ok(pending) => pending.done().await,
                    Err(e) => Err(e),
                };
                let one = written.and_then(|r| r.into_iter().next().ok_or(StoreError::Closed));
                let _ = reply.send(one);
            }
        }
        Err(e) => {
            // The writer may not have come as far as the lane: left there, what waits would keep whoever comes next from
            // being the first, and nobody would write any more.
            let mut replies = group.replies;
            if replies.is_empty() {
                replies.extend(lane.take().into_iter().map(|w| w.reply));
            }
            for reply in replies {
                let _ = reply.send(Err(e.clone()));
            }
        }
    }
}

/// Always the same for a store (FNV-1a).
fn lane_of(store: &str, lanes: usize) -> usize {
    let hash = store.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash % lanes.max(1) as u64).unwrap_or(0)
}
