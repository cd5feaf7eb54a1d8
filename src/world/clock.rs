//! Wall-clock time.

use crate::domain::time::Timestamp;
use tokio::time::Instant;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// A clock that starts at a given time and goes on with the runtime's time, paused or not.
#[derive(Debug)]
pub struct RuntimeClock {
    start: Timestamp,
    began: Instant,
}

impl RuntimeClock {
    /// Starts at `start`, now.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self {
            start,
            began: Instant::now(),
        }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.start.saturating_add(self.began.elapsed())
    }
}
