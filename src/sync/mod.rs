//! The way to headquarters: a reader of the log that sends it in batches and moves its cursor only by
//! headquarters' own word that the events are in its database.
//!
//! [`UplinkTask`] decides what is sent and when; an [`Uplink`] is one route: [`mqtt`] through a broker, [`http`]
//! straight there. What travels is in [`batch`], the newest state of the store in [`summary`].

pub mod adopt;
pub mod batch;
pub mod broker;
mod config;
pub mod down;
#[cfg(feature = "emulators")]
pub mod emulator;
pub mod health;
pub mod http;
pub mod log;
pub mod mqtt;
pub mod pack;
mod session;
mod state;
pub mod summary;
mod uplink;
#[cfg(test)]
mod uplink_tests;

pub use batch::{Ack, Batch, DayRoot, Entry, Refusal, StoreId};
pub use broker::{Authority, BrokerAddress, Brokers, Mqtt};
pub use config::{ConfigError, SyncConfig};
pub use http::HttpUplink;
pub use log::{Log, StoreLog};
pub use mqtt::MqttUplink;
pub use state::{DayCheck, Status, UplinkHandle, UplinkState};
pub use summary::{Backlog, Identity, Summary};
pub use uplink::{UplinkTask, uplink, uplink_of, uplink_watching};

use crate::world::{Http, Secret};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// Name of the cursor that headquarters' acknowledgements move.
pub const CURSOR: &str = "hq";

/// Stream of an acknowledgement that answers nothing: headquarters has just come to the broker, and what was
/// under way may be lost. No batch has it.
pub const GREETING: u64 = 0;

/// What a route can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Batches of events under way at the same time.
    pub in_flight: usize,
    /// How many signs of life may go beside them, so that the newest state does not wait for slow events.
    pub beside: usize,
    /// How many times the configured batch may grow while a backlog drains: what a route lacks in batches under
    /// way it makes up by their size.
    pub growth: usize,
    /// How long headquarters may take for the next answer.
    pub patience: Duration,
    /// Whether a message can vanish without an error, because something stands in between. Then the first
    /// message is repeated until headquarters answers.
    pub lossy: bool,
}

/// A batch as it travels.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many events it has.
    pub events: usize,
}

/// One route to headquarters. The task calls `connect` before anything else and after every error.
#[async_trait]
pub trait Uplink: Send {
    /// Its name in logs and on screens.
    fn name(&self) -> &'static str;

    /// What it can carry.
    fn limits(&self) -> Limits;

    /// Brings the route up; nothing of an earlier connection may be left over.
    ///
    /// # Errors
    /// When there is no way.
    async fn connect(&mut self) -> Result<(), UplinkError>;

    /// Sends what follows to this one of several headquarters, or to whichever; until the next `connect`.
    fn steer(&mut self, headquarters: Option<&str>) {
        let _ = headquarters;
    }

    /// Hands a message over for sending. Headquarters' answer comes out of [`Uplink::answer`].
    ///
    /// # Errors
    /// When it can't be sent.
    async fn send(&mut self, message: Message) -> Result<(), UplinkError>;

    /// The next answer of headquarters; waits for ever when nothing was sent. May be dropped and called again
    /// without losing an answer.
    ///
    /// # Errors
    /// When the route broke, headquarters refused, or an answer is overdue.
    async fn answer(&mut self) -> Result<Ack, UplinkError>;

    /// Takes the route down.
    async fn close(&mut self);
}

/// Why a route does not carry, by what the store does then.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum UplinkError {
    /// There is no way to headquarters.
    #[error("{0}")]
    Unreachable(String),
    /// The way is there, but headquarters does not answer.
    #[error("{0}")]
    Silent(String),
    /// Headquarters answered with a refusal; asking again at once would not help.
    #[error("{reason}")]
    Refused {
        /// Its words.
        reason: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
}

/// The configured routes, the preferred one first: through the broker, then straight. What comes down on them goes
/// into the inbox.
///
/// # Errors
/// When the settings are wrong.
pub fn routes(
    config: &SyncConfig,
    store: &StoreId,
    token: &Secret,
    http: &Arc<dyn Http>,
    brokers: &Arc<dyn Brokers>,
    inbox: Option<&down::Inbox>,
) -> Result<Vec<Box<dyn Uplink>>, ConfigError> {
    config.validate()?;
    let mut routes: Vec<Box<dyn Uplink>> = Vec::new();
    if let Some(broker) = &config.broker {
        let address = broker.parse().map_err(ConfigError::Broker)?;
        let route = MqttUplink::new(
            Arc::clone(brokers),
            store,
            address,
            Some(token.clone()),
            config.authority()?,
        );
        routes.push(Box::new(route.bringing(inbox.cloned())));
    }
    if let Some(url) = &config.url {
        let route = HttpUplink::new(url, token.clone(), Arc::clone(http));
        routes.push(Box::new(route.bringing(inbox.cloned())));
    }
    Ok(routes)
}
