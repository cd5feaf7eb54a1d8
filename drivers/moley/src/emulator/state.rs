//! What an emulated cell keeps through a power loss, as a list of small changes.

use crate::message::WireError;
use galley_robot::{
    Attention, BinState, Control, JobState, JobSubmit, Layer, MachineState, Mode, Outcome,
    QtySource, RecipeState, Salvage, Unit,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everything durable.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub epoch: Uuid,
    /// Oldest event kept.
    pub first_seq: u64,
    pub next_seq: u64,
    pub events: BTreeMap<u64, Entry>,
    /// Source of the cell's own ids.
    pub counter: u64,
    pub controller: Option<String>,
    pub fence: u64,
    pub commands: BTreeMap<Uuid, StoredCommand>,
    pub jobs: BTreeMap<String, Job>,
    pub bins: BTreeMap<String, Bin>,
    pub recipes: BTreeMap<String, StoredRecipe>,
    pub machine: MachineNow,
    pub attentions: BTreeMap<String, Attention>,
    /// Digest by load id.
    pub loads: BTreeMap<String, String>,
    /// The truth about dishes, apart from the protocol.
    pub cooked: BTreeMap<String, Cooked>,
}

/// One event of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub seq: u64,
    pub ts: i64,
    pub ev: String,
    pub d: Value,
}

/// A command and its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredCommand {
    pub id: Uuid,
    /// Age: the smallest is forgotten first.
    pub n: u64,
    pub digest: String,
    pub seq: u64,
    pub answer: Result<Value, WireError>,
}

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub submit: JobSubmit,
    pub digest: String,
    /// Order of submission.
    pub n: u64,
    pub state: JobState,
    pub phase: Option<String>,
    pub paused: bool,
    pub stopping: bool,
    pub slot: Option<String>,
    pub hold_until: Option<i64>,
    pub hold_expired: bool,
    pub reason: Option<String>,
    pub salvage: Option<Salvage>,
    pub outcome: Option<Outcome>,
}

/// A bin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bin {
    pub bin: String,
    pub state: BinState,
    pub item: Option<String>,
    pub unit: Unit,
    pub cap: i64,
    pub low: i64,
    pub scale: bool,
    pub layers: Vec<Layer>,
}

impl Bin {
    pub fn level(&self) -> i64 {
        self.layers.iter().map(|l| l.qty).sum()
    }

    /// How amounts of this bin are known.
    pub fn source(&self) -> QtySource {
        if self.scale {
            QtySource::Scale
        } else {
            QtySource::Planned
        }
    }

    /// The state that follows from the level.
    pub fn natural_state(&self) -> BinState {
        match self.level() {
            0 => BinState::Empty,
            n if n <= self.low => BinState::Low,
            _ => BinState::Ok,
        }
    }
}

/// A recipe, whole or being uploaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredRecipe {
    pub id: String,
    pub rev: u32,
    pub hash: String,
    pub size: u64,
    pub state: RecipeState,
    #[serde(with = "base64_text")]
    pub data: Vec<u8>,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MachineNow {
    pub state: MachineState,
    pub mode: Mode,
    pub control: Control,
    pub estop: bool,
    pub guard_open: bool,
    pub boot: Uuid,
}

/// How often the arm really began and finished a dish of one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cooked {
    /// The arm began.
    pub begun: u32,
    /// A dish stood on the hand-over place.
    pub plated: u32,
}

/// One change. A transaction is a list of them, written at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// A new journal; everything before is gone.
    Birth {
        epoch: Uuid,
        counter: u64,
    },
    Event(Entry),
    Acked(u64),
    Counter(u64),
    Controller {
        id: String,
        fence: u64,
    },
    Command(Box<StoredCommand>),
    Forget(Uuid),
    Job(Box<Job>),
    DropJob(String),
    Bin(Box<Bin>),
    Recipe(Box<StoredRecipe>),
    DropRecipe(String),
    Machine(Box<MachineNow>),
    Attention(Box<Attention>),
    AttentionGone(String),
    Load {
        id: String,
        digest: String,
    },
    Cooked {
        job_id: String,
        cooked: Cooked,
    },
}

impl State {
    /// A cell that has never lived.
    pub fn unborn() -> Self {
        Self {
            epoch: Uuid::nil(),
            first_seq: 1,
            next_seq: 1,
            events: BTreeMap::new(),
            counter: 0,
            controller: None,
            fence: 0,
            commands: BTreeMap::new(),
            jobs: BTreeMap::new(),
            bins: BTreeMap::new(),
            recipes: BTreeMap::new(),
            machine: MachineNow {
                state: MachineState::Undefined,
                mode: Mode::Manual,
                control: Control::Remote,
                estop: false,
                guard_open: false,
                boot: Uuid::nil(),
            },
            attentions: BTreeMap::new(),
            loads: BTreeMap::new(),
            cooked: BTreeMap::new(),
        }
    }

    pub fn is_born(&self) -> bool {
        !self.epoch.is_nil()
    }

    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Birth { epoch, counter } => {
                *self = Self {
                    epoch,
                    counter,
                    ..Self::unborn()
                };
            }
            Change::Event(entry) => {
                self.next_seq = entry.seq + 1;
                if self.events.is_empty() {
                    self.first_seq = entry.seq;
                }
                self.events.insert(entry.seq, entry);
            }
            Change::Acked(seq) => {
                self.events = self.events.split_off(&(seq + 1));
                self.first_seq = seq + 1;
                self.next_seq = self.next_seq.max(seq + 1);
            }
            Change::Counter(n) => self.counter = n,
            Change::Controller { id, fence } => {
                self.controller = Some(id);
                self.fence = fence;
            }
            Change::Command(command) => {
                self.commands.insert(command.id, *command);
            }
            Change::Forget(id) => {
                self.commands.remove(&id);
            }
            Change::Job(job) => {
                self.jobs.insert(job.submit.job_id.clone(), *job);
            }
            Change::DropJob(id) => {
                self.jobs.remove(&id);
            }
            Change::Bin(bin) => {
                self.bins.insert(bin.bin.clone(), *bin);
            }
            Change::Recipe(recipe) => {
                self.recipes.insert(recipe.hash.clone(), *recipe);
            }
            Change::DropRecipe(hash) => {
                self.recipes.remove(&hash);
            }
            Change::Machine(machine) => self.machine = *machine,
            Change::Attention(attention) => {
                self.attentions.insert(attention.attn.clone(), *attention);
            }
            Change::AttentionGone(id) => {
                self.attentions.remove(&id);
            }
            Change::Load { id, digest } => {
                self.loads.insert(id, digest);
            }
            Change::Cooked { job_id, cooked } => {
                self.cooked.insert(job_id, cooked);
            }
        }
    }

    /// The changes that make this state from nothing.
    pub fn as_changes(&self) -> Vec<Change> {
        let mut all = vec![Change::Birth {
            epoch: self.epoch,
            counter: self.counter,
        }];
        all.push(Change::Acked(self.first_seq - 1));
        all.extend(self.events.values().cloned().map(Change::Event));
        if let Some(id) = self.controller.clone() {
            let fence = self.fence;
            all.push(Change::Controller { id, fence });
        }
        all.extend(
            self.commands
                .values()
                .cloned()
                .map(|x| Change::Command(Box::new(x))),
        );
        all.extend(
            self.jobs
                .values()
                .cloned()
                .map(|x| Change::Job(Box::new(x))),
        );
        all.extend(
            self.bins
                .values()
                .cloned()
                .map(|x| Change::Bin(Box::new(x))),
        );
        all.extend(
            self.recipes
                .values()
                .cloned()
                .map(|x| Change::Recipe(Box::new(x))),
        );
        all.push(Change::Machine(Box::new(self.machine.clone())));
        all.extend(
            self.attentions
                .values()
                .cloned()
                .map(|x| Change::Attention(Box::new(x))),
        );
        all.extend(self.loads.iter().map(|(id, digest)| Change::Load {
            id: id.clone(),
            digest: digest.clone(),
        }));
        all.extend(self.cooked.iter().map(|(job_id, cooked)| Change::Cooked {
            job_id: job_id.clone(),
            cooked: *cooked,
        }));
        all
    }
}

mod base64_text {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(data))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map_err(D::Error::custom)
    }
}
