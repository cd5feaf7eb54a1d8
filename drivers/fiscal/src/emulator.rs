//! What emulated printers of every make have: a clock that is handed in, so that a shift can grow older than a day
//! within a test, and paper.

pub mod paper;

use crate::LocalDateTime;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// Tells the printer's local time.
pub trait EmulatorClock: Send + Sync {
    /// The local time now.
    fn now(&self) -> LocalDateTime;
}

/// Goes on with `tokio`'s time from a given start; follows a paused runtime, and can be moved by hand.
#[derive(Clone, Debug)]
pub struct TokioClock(Arc<Mutex<(LocalDateTime, Instant)>>);

impl TokioClock {
    /// It is `start` now.
    #[must_use]
    pub fn starting(start: LocalDateTime) -> Self {
        Self(Arc::new(Mutex::new((start, Instant::now()))))
    }

    /// Moves the clock by so many seconds, forth or back.
    pub fn shift_by(&self, seconds: i64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = LocalDateTime::from_seconds(state.0.seconds() + seconds);
    }
}

impl EmulatorClock for TokioClock {
    fn now(&self) -> LocalDateTime {
        let (start, at) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = i64::try_from(at.elapsed().as_secs()).unwrap_or(i64::MAX / 2);
        LocalDateTime::from_seconds(start.seconds() + passed)
    }
}

impl<F: Fn() -> LocalDateTime + Send + Sync> EmulatorClock for F {
    fn now(&self) -> LocalDateTime {
        self()
    }
}
