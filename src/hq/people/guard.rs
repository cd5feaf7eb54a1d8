//! How often may be tried: passwords from one address, calls of one key.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A window of time in which tries are counted.
const WINDOW: Duration = Duration::from_mins(1);
/// Sign-ins from one address in a window.
const SIGN_INS: u32 = 10;
/// Calls with one key in a window.
const CALLS: u32 = 1200;
/// Names that are remembered; with more, those whose window is over are forgotten.
const NAMES: usize = 20_000;

/// Counts tries.
#[derive(Default)]
pub(in crate::hq) struct Guards(Mutex<BTreeMap<String, (Instant, u32)>>);

impl Guards {
    /// Counts a sign-in; seconds to wait when there were too many.
    pub(super) fn sign_in(&self, address: &str) -> Result<(), u32> {
        self.count(format!("sign-in {address}"), SIGN_INS)
    }

    /// Counts a call with a key.
    pub(super) fn call(&self, key: &str) -> Result<(), u32> {
        self.count(format!("call {key}"), CALLS)
    }

    fn count(&self, name: String, most: u32) -> Result<(), u32> {
        let now = Instant::now();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= NAMES {
            counts.retain(|_, (begun, _)| now.duration_since(*begun) < WINDOW);
        }
        let (begun, count) = counts.entry(name).or_insert((now, 0));
        let passed = now.duration_since(*begun);
        if passed >= WINDOW {
            (*begun, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count <= most {
            return Ok(());
        }
        let left = WINDOW.saturating_sub(passed).as_secs() + 1;
        Err(u32::try_from(left).unwrap_or(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_address_can_not_try_on_and_on_and_others_are_not_kept_out() {
        let guards = Guards::default();
        for _ in 0..SIGN_INS {
            guards.sign_in("10.0.0.1").unwrap();
        }
        assert_eq!(guards.sign_in("10.0.0.1"), Err(61));
        guards.sign_in("10.0.0.2").unwrap();
        tokio::time::sleep(WINDOW).await;
        guards.sign_in("10.0.0.1").unwrap();
    }
}
