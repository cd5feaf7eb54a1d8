//! A message to the guest's phone. The number itself stays out of the effect: the executor looks it up.

use serde::{Deserialize, Serialize};

/// The effect's kind.
pub const KIND: &str = "sms.send";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whose phone: the order it belongs to.
    pub order_id: uuid::Uuid,
    /// The text, in the guest's language.
    pub text: String,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Sent {
    /// The provider took it.
    Accepted {
        /// The provider's id of the message.
        provider_id: String,
    },
    /// The answer was lost and the provider has no client id: taken for sent, never repeated.
    AssumedSent,
    /// There is no number any more (never given, or erased).
    NoNumber,
}
