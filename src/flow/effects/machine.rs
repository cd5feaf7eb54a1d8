//! A command to the robot as a machine: pause, resume, and the way back after a stop. Operating functions, never safety functions.

use super::Kind;
use crate::{
    domain::{event::Body, time::Timestamp},
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The effect's kind.
pub const KIND: &str = "robot.machine";

/// So long after it was asked for, whoever asked is taken to be still at the robot, and the cell as they saw it.
const STANDS: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What to do.
    pub act: Act,
    /// The job it is about, for [`Act::Abort`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Who asks; the robot starts motion only for a person.
    pub by: String,
    /// When it was asked.
    #[serde(default)]
    pub asked_at: Option<Timestamp>,
}

impl Request {
    /// Why it is not carried out any more: what may set the arms moving is not done when the robot comes back
    /// hours later and nobody expects it. Bringing it to rest is never too late.
    #[must_use]
    pub fn too_late(&self, now: Timestamp) -> Option<Refusal> {
        let moves = !matches!(self.act, Act::Pause | Act::Abort);
        let late = moves && self.asked_at.is_none_or(|asked| now.since(asked) > STANDS);
        late.then(|| {
            Refusal::new(
                "too_late",
                "the robot did not take it when it was asked, and it is not done later: nobody may be at the robot \
                 any more",
                "Look into the cell and at galley robot status, ask for it again if it is still wanted, then settle \
                 this effect as done.",
            )
        })
    }
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
    /// Give one job up at its next safe point.
    Abort,
}

/// What follows.
pub(super) struct Machine;

impl Kind for Machine {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "The robot doesn't do what it was asked"
    }

    fn done(&self, _: &EffectRow, _: &Value) -> Result<Vec<Body>, serde_json::Error> {
        Ok(Vec::new())
    }

    fn refused(&self, _: &EffectRow, _: &Refusal) -> Vec<Body> {
        Vec::new()
    }
}
