//! The cell's state at one point of its journal.

use crate::{
    BinState, Choice, Control, JobState, MachineState, Mode, Outcome, QtySource, RecipeRef,
    RecipeState, Salvage, Unit, event::Safety,
};
use serde::{Deserialize, Serialize};

/// State as of one event. Where the caller has applied events above `as_of` already, the events win.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Number of the last event contained.
    pub as_of: u64,
    /// Present if asked for.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// Present if asked for; jobs that are not final, and the recent final ones.
    #[serde(default)]
    pub jobs: Option<Vec<JobView>>,
    /// Present if asked for.
    #[serde(default)]
    pub bins: Option<Vec<BinView>>,
    /// Present if asked for.
    #[serde(default)]
    pub recipes: Option<Vec<RecipeView>>,
    /// Revision of the cell's configuration.
    #[serde(default)]
    pub cfg: Option<CfgView>,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its state.
    pub state: MachineState,
    /// Its mode.
    pub mode: Mode,
    /// Who may move it.
    pub control: Control,
    /// Its safety circuits, as reported.
    pub safety: Safety,
    /// Open questions to a person.
    #[serde(default)]
    pub attention: Vec<Attention>,
}

/// An open question to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Its id.
    pub attn: String,
    /// What happened, such as `OUT_OF_STOCK` or `GRIPPER_JAM`.
    pub code: String,
    /// The job that waits.
    #[serde(default)]
    pub job_id: Option<String>,
    /// The bin concerned.
    #[serde(default)]
    pub bin: Option<String>,
    /// Key of the text for screens.
    #[serde(default)]
    pub text_key: String,
    /// What may be answered.
    #[serde(default)]
    pub options: Vec<Choice>,
    /// What happens after the time is over.
    #[serde(default)]
    pub default: Option<Choice>,
    /// How long a person has, ms.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
}

/// A job as the cell sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// The job.
    pub job_id: String,
    /// Where it stands.
    pub state: JobState,
    /// Paused at a safe point.
    #[serde(default)]
    pub paused: bool,
    /// An abort was accepted, the safe point not yet reached.
    #[serde(default)]
    pub stopping: bool,
    /// Why it can't begin.
    #[serde(default)]
    pub blocked: Option<String>,
    /// Phase it is in.
    #[serde(default)]
    pub phase: Option<String>,
    /// Share done, per mille.
    #[serde(default)]
    pub progress_pm: Option<u32>,
    /// As submitted.
    #[serde(default)]
    pub order_ref: Option<String>,
    /// As submitted.
    #[serde(default)]
    pub recipe: Option<RecipeRef>,
    /// Expected on the hand-over place, UTC ms.
    #[serde(default)]
    pub est_plated: Option<i64>,
    /// Hand-over place.
    #[serde(default)]
    pub slot: Option<String>,
    /// Not to be served after, UTC ms.
    #[serde(default)]
    pub hold_until: Option<i64>,
    /// Why it failed.
    #[serde(default)]
    pub reason: Option<String>,
    /// What to do with the food.
    #[serde(default)]
    pub salvage: Option<Salvage>,
    /// What became of the dish.
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

/// A bin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinView {
    /// Its id.
    pub bin: String,
    /// How it is.
    pub state: BinState,
    /// Ingredient in it.
    #[serde(default)]
    pub item: Option<String>,
    /// Amount, in `unit`.
    pub level: i64,
    /// Its unit.
    pub unit: Unit,
    /// How much it holds.
    pub cap: i64,
    /// Level that counts as low.
    #[serde(default)]
    pub low: Option<i64>,
    /// What is in it, by lot.
    #[serde(default)]
    pub layers: Vec<Layer>,
    /// How the level is known.
    #[serde(default)]
    pub src: Option<QtySource>,
}

/// One lot in a bin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The lot.
    pub lot: String,
    /// How much of it.
    pub qty: i64,
    /// Use by, UTC ms.
    pub expiry: i64,
}

/// A recipe at the cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeView {
    /// Its id.
    pub id: String,
    /// Its revision.
    pub rev: u32,
    /// Digest of its canonical bytes.
    pub hash: String,
    /// Where it stands.
    pub state: RecipeState,
}

/// The cell's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CfgView {
    /// Goes up with every change.
    pub rev: u64,
}
