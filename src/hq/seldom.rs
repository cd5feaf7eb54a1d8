//! What goes on for hours is told when it begins, and then seldom: a database that is away fails every request.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Between two lines about the same trouble.
const EVERY: Duration = Duration::from_mins(10);

/// When a trouble was last told of, and how often it was not told since.
pub(super) struct Seldom(Mutex<Option<(Instant, u64)>>);

impl Seldom {
    /// No trouble yet.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// It happened: whether that is to be told now, and then how often it happened unsaid.
    pub(super) fn trouble(&self) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some((at, unsaid)) if at.elapsed() < EVERY => {
                *unsaid += 1;
                None
            }
            told => {
                let unsaid = told.map_or(0, |(_, unsaid)| unsaid);
                *told = Some((Instant::now(), 0));
                Some(unsaid)
            }
        }
    }

    /// It is over: the next time is told at once.
    pub(super) fn over(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_goes_on_is_told_once_and_then_seldom() {
        let trouble = Seldom::new();
        let mut told = Vec::new();
        for _ in 0..1500 {
            told.extend(trouble.trouble());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(told, [0, 599, 599]);
        trouble.over();
        assert_eq!(trouble.trouble(), Some(0));
    }
}
