//! A slip for the kitchen, where people cook: paper only. A repeat costs paper.

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

    fn repeatable(&self) -> bool {
        true
    }

    fn done(&self, _: &EffectRow, _: &Value) -> Result<Vec<Body>, serde_json::Error> {
        Ok(Vec::new())
    }

    fn refused(&self, _: &EffectRow, _: &Refusal) -> Vec<Body> {
        Vec::new()
    }
}
