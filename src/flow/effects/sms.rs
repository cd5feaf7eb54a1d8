//! A message to the guest's phone. The number itself stays out of the effect: the executor looks it up.

use super::{Kind, parse};
use crate::{domain::event::Body, flow::executor::Refusal, store::EffectRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// What follows.
pub(super) struct Sms;

impl Kind for Sms {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "A message to a guest is not sent"
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let _ = row;
        let state = match parse::<Sent>(result)? {
            Sent::Accepted { .. } => "accepted",
            Sent::AssumedSent => "assumed_sent",
            Sent::NoNumber => "no_number",
        };
        Ok(vec![Body::MessageSent {
            state: state.to_owned(),
        }])
    }

    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        let _ = (row, refusal);
        Vec::new()
    }
}
