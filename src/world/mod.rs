//! What the daemon asks of the machine: time, chance, streams to devices, HTTP.
//!
//! Everything that runs in a store gets a [`World`] where it is wired together and asks nothing of the
//! system by itself. The real one is [`World::system`]; tests and the simulator hand in others, on a
//! single-threaded runtime with paused time. Time-outs are `tokio::time`'s, which the runtime pauses.

mod clock;
mod entropy;
#[cfg(any(test, feature = "emulators"))]
mod file;
mod http;
mod reach;
#[cfg(any(test, feature = "emulators"))]
mod router_http;
mod secret;

pub use clock::{Clock, RuntimeClock, SystemClock};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
#[cfg(any(test, feature = "emulators"))]
pub(crate) use file::replace_file;
pub use http::{Http, HttpError, ReqwestHttp};
pub use reach::{Reach, reach, refused};
#[cfg(any(test, feature = "emulators"))]
pub use router_http::{HttpFault, RouterHttp, Times};
pub use secret::Secret;

use galley_link::{Dialer, SystemDialer};
use std::sync::Arc;

/// The machine, as the daemon sees it.
#[derive(Clone)]
pub struct World {
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Chance: ids and jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Streams to devices.
    pub dialer: Arc<dyn Dialer>,
    /// Requests to services.
    pub http: Arc<dyn Http>,
}

impl World {
    /// The real machine.
    ///
    /// # Errors
    /// When the HTTP client can't be built (no usable TLS roots).
    pub fn system() -> Result<Self, HttpError> {
        Ok(Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            dialer: Arc::new(SystemDialer::default()),
            http: Arc::new(ReqwestHttp::new()?),
        })
    }

    /// A new id, sortable by the world's time (UUID v7).
    #[must_use]
    pub fn new_id(&self) -> uuid::Uuid {
        entropy::uuid_v7(self.clock.now(), self.entropy.next_u128())
    }
}

/// A world for tests: the runtime's time, chance from a seed, no streams and no network.
#[cfg(test)]
pub(crate) struct MemoryDoors;

#[cfg(test)]
impl MemoryDoors {
    pub(crate) fn world(start: crate::domain::time::Timestamp, seed: u64) -> World {
        World {
            clock: Arc::new(RuntimeClock::starting_at(start)),
            entropy: Arc::new(SeededEntropy::new(seed)),
            dialer: Arc::new(galley_link::MemoryNet::new()),
            http: Arc::new(RouterHttp::new()),
        }
    }
}
