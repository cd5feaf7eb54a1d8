//! How the writer does, for those who can't wait for its answer.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// A disk that takes longer than this for one group of requests is told of.
const SLOW: Duration = Duration::from_secs(2);

/// What keeps the store from writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hitch {
    /// The disk has not answered for so long.
    Stalled(Duration),
    /// The last write or flush failed, and none has succeeded since.
    Failed,
}

impl fmt::Display for Hitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled(since) => {
                write!(f, "the disk has not answered for {} s", since.as_secs())
            }
            Self::Failed => f.write_str("the disk refused the last write"),
        }
    }
}

/// What the writer shows of itself.
#[derive(Debug, Default)]
pub(super) struct Vitals {
    /// When the group of requests began that it is at.
    began: Mutex<Option<Instant>>,
    groups: AtomicU64,
    failed: AtomicBool,
}

impl Vitals {
    pub(super) fn begin(&self) {
        *self.began() = Some(Instant::now());
    }

    pub(super) fn end(&self, failed: bool) {
        *self.began() = None;
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.failed.store(failed, Ordering::Relaxed);
    }

    /// How long it has been at a group of requests.
    pub(super) fn at_work(&self) -> Option<Duration> {
        self.began().map(|began| began.elapsed())
    }

    /// Groups that it is through with.
    pub(super) fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    pub(super) fn hitch(&self) -> Option<Hitch> {
        match self.at_work() {
            Some(since) if since >= SLOW => Some(Hitch::Stalled(since)),
            _ if self.failed.load(Ordering::Relaxed) => Some(Hitch::Failed),
            _ => None,
        }
    }

    fn began(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_is_at_it_for_seconds_is_told_of_until_it_answers() {
        let vitals = Vitals::default();
        assert_eq!(vitals.hitch(), None);
        vitals.begin();
        tokio::time::advance(SLOW / 2).await;
        assert_eq!(vitals.hitch(), None, "an ordinary flush");
        tokio::time::advance(SLOW).await;
        assert_eq!(vitals.hitch(), Some(Hitch::Stalled(SLOW * 3 / 2)));
        vitals.end(true);
        assert_eq!(vitals.hitch(), Some(Hitch::Failed));
        vitals.begin();
        vitals.end(false);
        assert_eq!(vitals.hitch(), None);
    }
}
