//! What the manual driver must remember. The daemon keeps it in its own store.

use crate::{JobState, JobSubmit, JournalEvent, MachineState, Recipe, RecipeState, RobotError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everything a manual driver knows. Opaque to the caller: keep it as JSON, hand it back at the next start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualState {
    pub(super) epoch: Uuid,
    pub(super) fence: u64,
    pub(super) first_seq: u64,
    pub(super) next_seq: u64,
    pub(super) events: BTreeMap<u64, JournalEvent>,
    pub(super) counter: u64,
    pub(super) commands: BTreeMap<Uuid, Done>,
    pub(super) jobs: BTreeMap<String, ManualJob>,
    pub(super) recipes: BTreeMap<String, Shelved>,
    pub(super) machine: MachineState,
}

/// A command and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    pub n: u64,
    pub digest: String,
    pub seq: u64,
    pub answer: Result<Value, RobotError>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ManualJob {
    pub submit: JobSubmit,
    pub n: u64,
    pub state: JobState,
    pub booked: bool,
    pub hold_until: Option<i64>,
    pub reason: Option<String>,
    pub outcome: Option<crate::Outcome>,
}

/// A recipe, whole or being uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shelved {
    pub id: String,
    pub rev: u32,
    pub size: u64,
    pub state: RecipeState,
    pub text: String,
    pub recipe: Option<Recipe>,
}

impl ManualState {
    /// The state of the very first start. `epoch` names its journal: a new random id.
    #[must_use]
    pub fn new(epoch: Uuid) -> Self {
        Self {
            epoch,
            fence: 0,
            first_seq: 1,
            next_seq: 1,
            events: BTreeMap::new(),
            counter: 0,
            commands: BTreeMap::new(),
            jobs: BTreeMap::new(),
            recipes: BTreeMap::new(),
            machine: MachineState::Execute,
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }
}

/// Where the state is kept. The driver answers only after `save` has returned.
#[async_trait]
pub trait ManualStore: Send + Sync {
    /// Keeps the state durably, in place of the one before. An error refuses whatever caused it.
    async fn save(&self, state: &ManualState) -> Result<(), String>;
}

/// Keeps nothing. For tests: a crash of the daemon loses the manual jobs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

#[async_trait]
impl ManualStore for Forgetful {
    async fn save(&self, _state: &ManualState) -> Result<(), String> {
        Ok(())
    }
}
