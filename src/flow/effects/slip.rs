//! A slip for the kitchen, where people cook: paper only, at least once. It is written down before it is sent, so that
//! one that is printed again after an unknown outcome can say so.

use super::Kind;
use crate::{
    domain::{event::Body, ids::OrderId},
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The effect's kind.
pub const KIND: &str = "kitchen.slip";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whose dishes.
    pub order_id: OrderId,
}

/// What follows.
pub(super) struct Slip;

impl Kind for Slip {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "The kitchen has no slip of an order"
    }

    fn done(&self, _: &EffectRow, _: &Value) -> Result<Vec<Body>, serde_json::Error> {
        Ok(Vec::new())
    }

    fn refused(&self, _: &EffectRow, _: &Refusal) -> Vec<Body> {
        Vec::new()
    }
}
