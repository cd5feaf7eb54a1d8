//! Tells the robot that a plated dish was taken, so that the hand-over place is free. Safe to repeat.

use super::Kind;
use crate::{
    domain::{event::Body, ids::JobId},
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The effect's kind.
pub const KIND: &str = "robot.collect";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whose dish.
    pub job_id: JobId,
}

/// What follows.
pub(super) struct Collect;

impl Kind for Collect {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "The robot doesn't know that a dish was taken"
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
