//! The way down: what headquarters tells a store, signed.
//!
//! Messages come on the same connections as acknowledgements: at the broker on a topic below the store's own, and over
//! HTTPS by a request of the store's, when an answer says that something waits. Either route may bring a message twice,
//! late or not at all; [`task`] takes each once.

pub mod sign;
pub mod task;
mod token;

pub use sign::{KeyError, KeyRing, PublicKey, Signed, SigningKey};
pub use task::{Bundler, DownTask, Inbox, Incoming, TokenKeeper, Wiring, down};
pub use token::{new_token, token_hash};

/// Where a store asks for what waits for it, after headquarters' address.
pub const DOWN_PATH: &str = "/v1/down";
/// Where a store sends a support bundle; the command's id follows.
pub const BUNDLE_PATH: &str = "/v1/bundles";
/// Where a box takes a store's place.
pub const ENROL_PATH: &str = "/v1/enrol";
/// Where a box that took a store's place reads what headquarters has of its log.
pub const LOG_PATH: &str = "/v1/log";
/// Header of an answer to a batch: how many messages wait.
pub const WAITING: &str = "galley-waiting";

/// The topic of messages to a store.
#[must_use]
pub fn message_topic(store: &str) -> String {
    format!("galley/{store}/down/message")
}
