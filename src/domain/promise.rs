//! The promised time: when the guest's dishes will stand on the hand-over place.
//!
//! The model without phases of robot.md 6.2 ("fallback"): the time to clear the kitchen is the sum of the
//! remaining work by the number of arms; the new order comes behind it.

use super::time::Timestamp;
use std::time::Duration;

/// Slack added to every promise. [inferred: robot.md 6.2, c = 15 s]
const SLACK: Duration = Duration::from_secs(15);

/// The promise, rounded up to the full minute. `ahead` is the planned time of all that is not yet plated,
/// `own` of the new order's dishes.
#[must_use]
pub fn promised_at(
    now: Timestamp,
    ahead: Duration,
    own: Duration,
    arms: u32,
    speed: u32,
) -> Timestamp {
    let work = ahead.saturating_add(own) / arms.max(1) / speed.max(1) + SLACK;
    let exact = now.saturating_add(work).as_millis();
    let minute = 60_000;
    Timestamp::from_millis(
        exact.div_euclid(minute) * minute
            + if exact.rem_euclid(minute) > 0 {
                minute
            } else {
                0
            },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_a_full_minute_and_never_earlier_than_the_work() {
        let now = Timestamp::from_millis(61_234);
        let at = promised_at(
            now,
            Duration::from_secs(300),
            Duration::from_secs(240),
            2,
            1,
        );
        assert_eq!(at.as_millis() % 60_000, 0);
        assert!(at.since(now) >= Duration::from_secs(285));
        assert!(at.since(now) < Duration::from_secs(285 + 60));
    }
}
