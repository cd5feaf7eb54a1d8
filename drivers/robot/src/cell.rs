//! Who answers at the other end, and what it can promise.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The cell of a session. Two sessions belong to the same memory only if `epoch` is equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellInfo {
    /// The cell's own id.
    pub cell_id: String,
    /// Maker, as the cell says.
    pub vendor: String,
    /// Model, as the cell says.
    pub model: String,
    /// Serial number, as the cell says.
    pub serial: String,
    /// Software version, as the cell says.
    pub sw: String,
    /// New at every power-up of the cell. If it changed, nothing may be started without a person.
    pub boot: Uuid,
    /// Name of the event journal; new only if the journal was lost or replaced.
    pub epoch: Uuid,
    /// Oldest event the cell can still give.
    pub first_seq: u64,
    /// Number the next event will get.
    pub next_seq: u64,
    /// Events were lost between the caller's cursor and `first_seq`, or the epoch is another one: the jobs
    /// and bins must be reconciled with a person's decisions.
    pub gap: bool,
    /// What the cell can do, in klink's words (`jobs`, `recipes`, `inventory`, `pause` …).
    pub caps: BTreeSet<String>,
    /// Its bounds.
    pub limits: Limits,
    /// What this connection can promise. The daemon chooses its policy from these, not from a driver's name.
    pub quality: Quality,
}

/// Bounds of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Jobs that may be stored at the cell and not be final.
    pub max_jobs: u32,
    /// Largest piece of a recipe upload, bytes before base64.
    pub chunk: u32,
    /// Largest recipe, bytes.
    pub max_recipe: u32,
    /// Number of bins.
    pub bins: u32,
}

/// What a driver can promise on its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// A command may be executed again with the same id without a second effect.
    pub exactly_once: bool,
    /// How events survive a lost link.
    pub journal: JournalQuality,
    /// What is known about amounts.
    pub inventory: InventoryQuality,
    /// Recipes can be uploaded.
    pub recipes: bool,
    /// Jobs can be paused.
    pub pause: bool,
    /// Mode and machine commands exist.
    pub modes: bool,
}

/// How events survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalQuality {
    /// The cell keeps them until they are acknowledged.
    Cell,
    /// The driver keeps them in the daemon's own store.
    Local,
    /// Events are made up from polled state; some may be missed.
    None,
}

/// What is known about amounts in bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InventoryQuality {
    /// Some bins are weighed.
    Weighed,
    /// Counted down by the recipes' amounts.
    Planned,
    /// Nothing.
    None,
}
