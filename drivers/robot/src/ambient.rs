//! Time and chance, handed in.

use std::{fmt, sync::Arc};
use uuid::Uuid;

/// Where a driver takes wall-clock time and random bits from. Clones share the same sources.
///
/// A driver uses the clock for time stamps only and the bits for nonces and for the jitter of its back-off;
/// waiting is done with `tokio::time`.
#[derive(Clone)]
pub struct Ambient {
    now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    random: Arc<dyn Fn() -> u128 + Send + Sync>,
}

impl Ambient {
    /// `now_ms` tells UTC in milliseconds since 1970, `random` gives 128 random bits.
    pub fn new(
        now_ms: impl Fn() -> i64 + Send + Sync + 'static,
        random: impl Fn() -> u128 + Send + Sync + 'static,
    ) -> Self {
        Self {
            now_ms: Arc::new(now_ms),
            random: Arc::new(random),
        }
    }

    /// A clock that starts at `start_ms` and goes on with the runtime's time, and bits that follow from
    /// `seed`: the same run from the same seed. For tests, the simulator and emulators, never for keys.
    #[must_use]
    pub fn seeded(start_ms: i64, seed: u64) -> Self {
        let began = tokio::time::Instant::now();
        let count = std::sync::atomic::AtomicU64::new(seed);
        let next = move || {
            // SplitMix64 (public domain, Steele et al. 2014): one addition and a mixing function.
            let step = 0x9e37_79b9_7f4a_7c15_u64;
            let mut z = count
                .fetch_add(step, std::sync::atomic::Ordering::Relaxed)
                .wrapping_add(step);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self::new(
            move || {
                let gone = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
                start_ms.saturating_add(gone)
            },
            move || (u128::from(next()) << 64) | u128::from(next()),
        )
    }

    /// UTC in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.now_ms)()
    }

    /// 128 random bits.
    #[must_use]
    pub fn random(&self) -> u128 {
        (self.random)()
    }

    /// A random (version 4) UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random().to_be_bytes()).into_uuid()
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ambient")
    }
}
