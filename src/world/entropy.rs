//! Chance.

use crate::domain::time::Timestamp;
use rand::{
    Rng as _, SeedableRng as _, TryRng as _,
    rngs::{StdRng, SysRng},
};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// A source of random bits.
pub trait Entropy: Send + Sync {
    /// 128 random bits.
    fn next_u128(&self) -> u128;

    /// A number in `0..bound`; 0 when `bound` is 0. The bias of the remainder is below 2⁻⁶⁴.
    fn below(&self, bound: u64) -> u64 {
        u64::try_from(self.next_u128().checked_rem(u128::from(bound)).unwrap_or(0)).unwrap_or(0)
    }
}

/// The system's randomness, fit for secrets.
#[derive(Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn next_u128(&self) -> u128 {
        let mut bytes = [0u8; 16];
        SysRng
            .try_fill_bytes(&mut bytes)
            .expect("the kernel gives random bytes once it has booted");
        u128::from_be_bytes(bytes)
    }
}

/// The same numbers from the same seed; for tests and the simulator only.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<StdRng>);

impl SeededEntropy {
    /// Starts from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn next_u128(&self) -> u128 {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64())
    }
}

/// A UUID v7 from its parts.
pub(super) fn uuid_v7(at: Timestamp, random: u128) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    let bytes = random.to_be_bytes();
    let mut tail = [0u8; 10];
    tail.copy_from_slice(&bytes[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}
