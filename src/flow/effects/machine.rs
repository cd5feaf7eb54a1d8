//! A command to the robot as a machine: pause, resume, and the way back after a stop. Operating functions, never safety functions.

use super::Kind;
use crate::{domain::event::Body, flow::executor::Refusal, store::EffectRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The effect's kind.
pub const KIND: &str = "robot.machine";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What to do.
    pub act: Act,
    /// Who asks; the robot starts motion only for a person.
    pub by: String,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Come to rest at a safe point.
    Pause,
    /// Go on.
    Resume,
    /// Leave the fault behind; whoever asks has inspected the cell.
    Clear,
    /// Make ready.
    Reset,
    /// Begin to work.
    Start,
}

/// What follows.
pub(super) struct Machine;

impl Kind for Machine {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "The robot doesn't pause or go on"
    }

    fn done(&self, _: &EffectRow, _: &Value) -> Result<Vec<Body>, serde_json::Error> {
        Ok(Vec::new())
    }

    fn refused(&self, _: &EffectRow, _: &Refusal) -> Vec<Body> {
        Vec::new()
    }
}
