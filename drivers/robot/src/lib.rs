//! What every cooking robot looks like to the daemon.
//!
//! This crate owns the trait [`RobotDriver`], its factory, the words both sides use (commands, journal
//! events, snapshots, recipes) and two things that need no wire: the manual driver, for robots that have no
//! interface, and the rules of reconciliation after a reconnect.
//!
//! Left out on purpose: framing, sessions and every vendor's word; they belong to the driver crates. Nothing
//! here reads a clock or takes a random number: both come in as [`Ambient`].
//!
//! Wire facts follow the open interface "kitchen-robot link" (klink/1) of this project, which borrows its
//! vocabulary from PackML, ISA-88, ISA-95 and VDA 5050; see the README.

mod ambient;
mod canonical;
mod cell;
mod command;
mod driver;
mod error;
mod event;
pub mod manual;
mod recipe;
mod reconcile;
mod snapshot;
mod upload;
mod words;

pub use ambient::Ambient;
pub use canonical::{NotCanonical, canonical_bytes, digest_text};
pub use cell::{CellInfo, InventoryQuality, JournalQuality, Limits, Quality};
pub use command::{
    Actor, ActorRole, AttnAnswer, BeginReply, ChunkReply, CmdResult, Command, CommitReply,
    InvAdjust, InvLoad, InvUnload, JobAbort, JobCollect, JobReply, JobSubmit, JobUpdate, LoadMode,
    MachineCmd, ModeSet, OneJob, Operation, RecipeActivate, RecipeBegin, RecipeChunk, RecipeHash,
    RecipeKey, RecipeListArgs, RecipeRef, SubmitReply, valid_id,
};
pub use driver::{
    ByeCode, Cursor, Incoming, LinkState, Part, RobotDriver, RobotFactory, Telemetry, TelemetryJob,
    TelemetryTemp,
};
pub use error::{Retry, RobotError, lookup};
pub use event::{
    AttentionCleared, AttentionRaised, BinStateChanged, CellBoot, CellFault, Consumed,
    CriticalPoint, Discrepancy, Event, HoldExpired, InvAdjusted, JobEta, JobPhase, JobStateChanged,
    JournalEvent, JournalPressure, LinkLost, LinkRestored, Loaded, LotQty, MachineControl,
    MachineMode, MachineStateChanged, OtherEvent, RecipeStateChanged, Safety, Unloaded,
};
pub use recipe::{
    Ccp, Hold, Ingredient, ParamKind, Phase, Program, RECIPE_SCHEMA, Recipe, RecipeParam,
};
pub use reconcile::{Record, Step, look, reconcile};
pub use snapshot::{Attention, BinView, CfgView, JobView, Layer, Machine, RecipeView, Snapshot};
pub use upload::upload;
pub use words::{
    AbortHow, BinState, Choice, Control, JobKind, JobState, MachineCommand, MachineState, Mode,
    Outcome, PhaseOp, QtySource, RecipeState, Release, Salvage, Stage, Unit,
};
