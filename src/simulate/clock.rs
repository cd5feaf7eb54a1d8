//! True time, and what the store's box takes for it.

use crate::{domain::time::Timestamp, world::Clock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// A clock that goes with the runtime and can be moved. Clones are the same clock.
#[derive(Clone)]
pub(super) struct SimClock {
    base_ms: i64,
    began: Instant,
    /// What the nights and the jumps added, ms.
    moved: Arc<AtomicI64>,
    /// A clock that this one follows, and its own difference from it.
    follows: Option<Arc<SimClock>>,
}

impl SimClock {
    /// True time, from `start` on.
    pub(super) fn starting_at(start: Timestamp) -> Self {
        Self {
            base_ms: start.as_millis(),
            began: Instant::now(),
            moved: Arc::default(),
            follows: None,
        }
    }

    /// The clock of a box: true time, until it is moved.
    pub(super) fn follower(&self) -> Self {
        Self {
            base_ms: 0,
            began: self.began,
            moved: Arc::default(),
            follows: Some(Arc::new(self.clone())),
        }
    }

    /// Moves it, forward or back.
    pub(super) fn shift(&self, by_ms: i64) {
        self.moved.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Right again.
    pub(super) fn correct(&self) {
        self.moved.store(0, Ordering::Relaxed);
    }

    /// Moves it forward by so much.
    pub(super) fn sleep_through(&self, night: Duration) {
        self.shift(i64::try_from(night.as_millis()).unwrap_or(i64::MAX));
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let base = match &self.follows {
            Some(truth) => truth.now().as_millis(),
            None => {
                self.base_ms + i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
            }
        };
        Timestamp::from_millis(base + self.moved.load(Ordering::Relaxed))
    }
}
