//! What the cell reports, in the order it happened.

use crate::{
    Attention, BinState, Choice, Control, JobState, MachineState, Mode, Outcome, QtySource,
    RecipeState, Salvage, Unit,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// One entry of the cell's journal. Apply it and store (`epoch`, `seq`) in one transaction, then call
/// [`crate::RobotDriver::ack`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEvent {
    /// Name of the journal.
    pub epoch: Uuid,
    /// Number in it: 1, 2, 3 … without holes.
    pub seq: u64,
    /// Time by the cell's clock, UTC ms. For display; order is `seq`.
    pub ts: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened; serialises to `{"ev": …, "d": {…}}` as on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ev", content = "d")]
pub enum Event {
    /// The cell came up.
    #[serde(rename = "cell.boot")]
    CellBoot(CellBoot),
    /// A device of the cell failed.
    #[serde(rename = "cell.fault")]
    CellFault(CellFault),
    /// The cell lost the controller.
    #[serde(rename = "link.lost")]
    LinkLost(LinkLost),
    /// The controller is back.
    #[serde(rename = "link.restored")]
    LinkRestored(LinkRestored),
    /// The journal fills up.
    #[serde(rename = "journal.pressure")]
    JournalPressure(JournalPressure),
    /// The machine changed its state.
    #[serde(rename = "machine.state")]
    MachineState(MachineStateChanged),
    /// The machine changed its mode.
    #[serde(rename = "machine.mode")]
    MachineMode(MachineMode),
    /// The key switch was turned.
    #[serde(rename = "machine.control")]
    MachineControl(MachineControl),
    /// A safety circuit changed.
    #[serde(rename = "safety.changed")]
    Safety(Safety),
    /// A person is needed.
    #[serde(rename = "attention.raised")]
    AttentionRaised(AttentionRaised),
    /// A person is not needed any more.
    #[serde(rename = "attention.cleared")]
    AttentionCleared(AttentionCleared),
    /// A job changed its state.
    #[serde(rename = "job.state")]
    JobState(JobStateChanged),
    /// A phase ended.
    #[serde(rename = "job.phase")]
    JobPhase(JobPhase),
    /// A critical control point was measured.
    #[serde(rename = "job.ccp")]
    JobCcp(CriticalPoint),
    /// The expected time moved by more than 30 s.
    #[serde(rename = "job.eta")]
    JobEta(JobEta),
    /// A plated dish stood too long: it must be discarded.
    #[serde(rename = "job.hold_expired")]
    HoldExpired(HoldExpired),
    /// A recipe changed its state.
    #[serde(rename = "recipe.state")]
    RecipeState(RecipeStateChanged),
    /// A bin was filled.
    #[serde(rename = "inv.loaded")]
    Loaded(Loaded),
    /// Ingredient left a bin for a dish.
    #[serde(rename = "inv.consumed")]
    Consumed(Consumed),
    /// Ingredient was taken out by hand.
    #[serde(rename = "inv.unloaded")]
    Unloaded(Unloaded),
    /// A count corrected a level.
    #[serde(rename = "inv.adjusted")]
    Adjusted(InvAdjusted),
    /// Scale and book differ.
    #[serde(rename = "inv.discrepancy")]
    Discrepancy(Discrepancy),
    /// A bin changed its state.
    #[serde(rename = "bin.state")]
    BinState(BinStateChanged),
    /// An event this release doesn't know, or one that lacks a required member: keep it, tell a person.
    #[serde(untagged)]
    Other(OtherEvent),
}

impl Event {
    /// The event of a wire's name and data; never fails, see [`Event::Other`].
    #[must_use]
    pub fn from_wire(ev: &str, d: Value) -> Self {
        let whole = serde_json::json!({"ev": ev, "d": d});
        serde_json::from_value(whole).unwrap_or_else(|_| {
            Self::Other(OtherEvent {
                ev: ev.to_owned(),
                d,
            })
        })
    }

    /// The wire's name and data.
    #[must_use]
    pub fn to_wire(&self) -> (String, Value) {
        match serde_json::to_value(self) {
            Ok(mut whole) => (
                whole["ev"].as_str().unwrap_or_default().to_owned(),
                whole["d"].take(),
            ),
            // Only a map with keys that are no text could fail, and there is none.
            Err(_) => (String::new(), Value::Null),
        }
    }

    /// The job it speaks of.
    #[must_use]
    pub fn job_id(&self) -> Option<&str> {
        match self {
            Self::JobState(e) => Some(&e.job_id),
            Self::JobPhase(e) => Some(&e.job_id),
            Self::JobCcp(e) => Some(&e.job_id),
            Self::JobEta(e) => Some(&e.job_id),
            Self::HoldExpired(e) => Some(&e.job_id),
            Self::Consumed(e) => e.job_id.as_deref(),
            Self::AttentionRaised(e) => e.job_id.as_deref(),
            _ => None,
        }
    }
}

/// An event kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherEvent {
    /// Its name.
    pub ev: String,
    /// Its data.
    #[serde(default)]
    pub d: Value,
}

/// The cell came up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellBoot {
    /// Id of this power-up.
    pub boot: Uuid,
    /// `power_on`, `restart`, `watchdog` or `update`.
    pub cause: String,
    /// It had been shut down in order.
    pub clean: bool,
}

/// A device of the cell failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellFault {
    /// Which.
    pub device: String,
    /// The vendor's code.
    pub code: String,
}

/// The cell lost the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkLost {
    /// What it does meanwhile.
    pub policy: String,
}

/// The controller is back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRestored {
    /// How long nothing was heard, ms.
    pub silent_ms: u64,
    /// What the cell did about it.
    pub did: String,
}

/// The journal fills up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPressure {
    /// Share used, per mille.
    pub used_pm: u32,
}

/// The machine changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineStateChanged {
    /// From this state.
    pub from: MachineState,
    /// To that.
    pub to: MachineState,
    /// In this mode.
    pub mode: Mode,
    /// `cmd`, `sc` (by itself), `estop`, `fault`, `link` or `boot`.
    pub why: String,
}

/// The machine changed its mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineMode {
    /// From this mode.
    pub from: Mode,
    /// To that.
    pub to: Mode,
}

/// The key switch was turned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineControl {
    /// Who may move the robot now.
    pub to: Control,
}

/// The safety circuits as the cell reports them. This is information, never a safety function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Safety {
    /// `released`, `pressed` or `unknown`; unknown counts as pressed.
    pub estop: String,
    /// Protective stop.
    pub pstop: bool,
    /// `open`, `closed` or `none`.
    pub guard: String,
    /// Drives are powered.
    pub drives: bool,
    /// Which button or door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<String>,
}

impl Safety {
    /// Whether nothing stands against motion.
    #[must_use]
    pub fn allows_motion(&self) -> bool {
        self.estop == "released" && !self.pstop && self.guard != "open"
    }
}

/// A person is needed.
pub type AttentionRaised = Attention;

/// A person is not needed any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionCleared {
    /// Which call.
    pub attn: String,
    /// What was answered.
    #[serde(default)]
    pub choice: Option<Choice>,
    /// `staff`, `technician`, `timeout` …
    #[serde(default)]
    pub by: Option<String>,
}

/// A job changed its state, or a flag beside it (`from` equals `to` then).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStateChanged {
    /// The job.
    pub job_id: String,
    /// From this state; `None` when it was submitted.
    pub from: Option<JobState>,
    /// To that.
    pub to: JobState,
    /// Phase it is in, or was in when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Position in the queue, when submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<u32>,
    /// As submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_ref: Option<String>,
    /// Hand-over place, when plated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Not to be served after, UTC ms, when plated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_until: Option<i64>,
    /// What became of the dish, when done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<QtySource>,
    /// Why it failed: `POWER_LOSS`, `ESTOP`, `OUT_OF_STOCK`, `CCP_MISSED` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do with the food of a failed or aborted job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salvage: Option<Salvage>,
    /// Who aborted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Paused at a safe point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// An abort was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<bool>,
    /// Why it can't begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
}

impl JobStateChanged {
    /// A change with nothing beside it.
    pub fn new(job_id: impl Into<String>, from: Option<JobState>, to: JobState) -> Self {
        Self {
            job_id: job_id.into(),
            from,
            to,
            phase: None,
            pos: None,
            order_ref: None,
            slot: None,
            hold_until: None,
            outcome: None,
            src: None,
            reason: None,
            salvage: None,
            by: None,
            paused: None,
            stopping: None,
            blocked: None,
        }
    }
}

/// A phase ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPhase {
    /// The job.
    pub job_id: String,
    /// The phase.
    pub phase: String,
    /// `ok`, `skipped` or `failed`.
    pub result: String,
    /// How long it took, ms.
    pub took_ms: u64,
}

/// A critical control point was measured. `ok: false`: the dish must not be handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriticalPoint {
    /// The job.
    pub job_id: String,
    /// Which point of the recipe.
    pub ccp: String,
    /// Reached and held.
    pub ok: bool,
    /// Temperature, millidegrees Celsius.
    pub value_mc: i64,
    /// For how long, ms.
    pub held_ms: u64,
}

/// The expected time moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEta {
    /// The job.
    pub job_id: String,
    /// Expected on the hand-over place, UTC ms.
    pub est_plated: i64,
}

/// A plated dish stood too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExpired {
    /// The job.
    pub job_id: String,
    /// Where it stands.
    #[serde(default)]
    pub slot: Option<String>,
}

/// A recipe changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeStateChanged {
    /// Its id.
    pub id: String,
    /// Its revision.
    pub rev: u32,
    /// Digest of its canonical bytes.
    pub hash: String,
    /// To this state.
    pub to: RecipeState,
}

/// Ingredient left a bin for a dish, booked at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumed {
    /// Unique for ever (job:phase:ref:n): the key of the stock movement.
    pub use_id: String,
    /// The job.
    #[serde(default)]
    pub job_id: Option<String>,
    /// The phase.
    #[serde(default)]
    pub phase: Option<String>,
    /// The bin; `None` when staff cook and nobody says from where.
    #[serde(default)]
    pub bin: Option<String>,
    /// The ingredient.
    pub item: String,
    /// How much, in `unit`.
    pub qty: i64,
    /// The unit.
    pub unit: Unit,
    /// From which lots.
    #[serde(default)]
    pub lots: Vec<LotQty>,
    /// How the amount is known.
    pub src: QtySource,
    /// Level of the bin after it.
    #[serde(default)]
    pub level: Option<i64>,
}

/// An amount of one lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotQty {
    /// The lot.
    pub lot: String,
    /// How much.
    pub qty: i64,
}

/// A bin was filled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// As in the command: the key of the stock movement.
    pub load_id: String,
    /// The bin.
    pub bin: String,
    /// The ingredient.
    pub item: String,
    /// The lot.
    pub lot: String,
    /// How much it really was.
    pub qty: i64,
    /// How much the person said.
    pub said: i64,
    /// The unit.
    pub unit: Unit,
    /// How the amount is known.
    pub src: QtySource,
    /// Level after it.
    pub level: i64,
}

/// Ingredient was taken out by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unloaded {
    /// As in the command; `:replace` is appended when a filling replaced the rest.
    pub load_id: String,
    /// The bin.
    pub bin: String,
    /// The ingredient.
    pub item: String,
    /// How much.
    pub qty: i64,
    /// The unit.
    pub unit: Unit,
    /// `waste`, `return` or `expired`.
    pub reason: String,
    /// From which lots.
    #[serde(default)]
    pub lots: Vec<LotQty>,
    /// Level after it.
    pub level: i64,
}

/// A count corrected a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvAdjusted {
    /// As in the command.
    pub load_id: String,
    /// The bin.
    pub bin: String,
    /// The ingredient.
    #[serde(default)]
    pub item: Option<String>,
    /// Difference to the level before.
    pub delta: i64,
    /// The unit.
    pub unit: Unit,
    /// Level after it.
    pub level: i64,
    /// Why.
    pub reason: String,
}

/// Scale and book differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// The bin.
    pub bin: String,
    /// Level by the book.
    pub book: i64,
    /// Level by the scale.
    pub scale: i64,
}

/// A bin changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinStateChanged {
    /// The bin.
    pub bin: String,
    /// From this state.
    pub from: BinState,
    /// To that.
    pub to: BinState,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_event_and_an_unknown_word_are_kept() {
        let e = Event::from_wire("x_dance.begun", json!({"tempo": 3}));
        assert_eq!(
            e.to_wire(),
            ("x_dance.begun".to_owned(), json!({"tempo": 3}))
        );
        let e = Event::from_wire("job.state", json!({"job_id":"J","from":null,"to":"frozen"}));
        let Event::JobState(s) = &e else {
            panic!("{e:?}")
        };
        assert_eq!(s.to, JobState::Other("frozen".into()));
        assert!(!s.to.is_final());
        let e = Event::from_wire("job.state", json!({"to": 5}));
        assert!(matches!(e, Event::Other(_)));
    }

    #[test]
    fn a_journal_entry_is_read_back_unchanged() {
        for (ev, d) in [
            (
                "job.state",
                json!({"job_id":"J","from":"cooking","to":"plated","slot":"S1","hold_until":5}),
            ),
            ("machine.mode", json!({"from":"manual","to":"automatic"})),
            ("x_new", json!(null)),
        ] {
            let entry = JournalEvent {
                epoch: Uuid::from_u128(3),
                seq: 9,
                ts: 10,
                event: Event::from_wire(ev, d.clone()),
            };
            let text = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<JournalEvent>(&text).unwrap(), entry);
            assert_eq!(entry.event.to_wire(), (ev.to_owned(), d));
        }
    }
}
