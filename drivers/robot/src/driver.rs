//! The trait a robot's driver keeps.

use crate::{CellInfo, CmdResult, Command, JobView, JournalEvent, RobotError, Snapshot};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

/// Makes drivers of one kind. Apart from the device, so that configuration and wiring stay in one place.
#[async_trait]
pub trait RobotFactory: Send + Sync {
    /// Makes a driver that is not connected yet; checks the configuration, touches no wire. Called once at
    /// start, and again if a driver ended for good.
    async fn open(&self) -> Result<Arc<dyn RobotDriver>, RobotError>;
}

/// A robot. Calls may come from several tasks at once, except [`RobotDriver::next`], which has one reader.
///
/// The order after every [`Incoming::Up`] is fixed (klink 3.18): apply the events until
/// [`Incoming::CaughtUp`], take a [`RobotDriver::snapshot`], compare ([`crate::reconcile`]), and only then
/// repeat commands that are still wanted, with their old ids.
#[async_trait]
pub trait RobotDriver: Send + Sync {
    /// Opens the session, in the name of `fence`, behind the event `resume` (the stored cursor; `None` only
    /// on the very first connection). Called at start, and when the caller wants to read again from its
    /// stored cursor because it failed to commit. Afterwards the driver reconnects by itself, until
    /// [`RobotDriver::close`], and reads on from the last acknowledged event.
    ///
    /// `fence` goes up by one whenever the daemon's database is created, restored or moved, never at a plain
    /// restart; a restored database must not connect before a person confirmed the raise.
    ///
    /// # Errors
    /// `LinkDown` when nobody answers: the driver goes on trying, and [`Incoming::Up`] tells when it got
    /// through. `Refused` (`FENCED`, `BUSY_CONTROLLER`, `AUTH_FAILED`, `PROTO_MISMATCH`): it stops trying
    /// until `connect` is called again.
    async fn connect(&self, fence: u64, resume: Option<Cursor>) -> Result<CellInfo, RobotError>;

    /// Runs one command. Its id must have been stored durably before this call. The driver never invents
    /// ids and never retries under a new one; within one session it repeats the same id if no answer comes.
    /// Returns when the cell has stored the command durably and begun, not when it has finished.
    ///
    /// # Errors
    /// See [`RobotError`]: the four classes must be treated differently. Dropping the future is the same as
    /// [`RobotError::Uncertain`].
    async fn execute(&self, command: &Command) -> Result<CmdResult, RobotError>;

    /// Reads the state. Call it only between [`Incoming::CaughtUp`] and [`Incoming::Down`].
    ///
    /// # Errors
    /// `LinkDown`, `NotSent`, or `Refused` if the cell lacks a part; never `Uncertain`, as nothing changes.
    async fn snapshot(&self, parts: &[Part]) -> Result<Snapshot, RobotError>;

    /// Asks for one job; `Ok(None)` means that the cell has no such job *and*, on a transport with
    /// `exactly_once`, that no earlier attempt to submit it can arrive any more. That is how an attempt that
    /// ended [`RobotError::Uncertain`] is resolved. With [`CellInfo::gap`] an absent job may have been
    /// cooked: a person decides.
    ///
    /// # Errors
    /// As [`RobotDriver::snapshot`].
    async fn job(&self, job_id: &str) -> Result<Option<JobView>, RobotError>;

    /// The next event or change of the link: in order, without holes, each once per [`RobotDriver::connect`].
    /// After a restart of the daemon events behind the cursor come again; applying must be idempotent.
    /// Waits for ever if nothing happens. Safe to drop and call again (cancel safe).
    ///
    /// # Errors
    /// `LinkDown` only after [`RobotDriver::close`].
    async fn next(&self) -> Result<Incoming, RobotError>;

    /// Tells the cell that everything up to `seq` is committed. Called only after the database commit;
    /// cumulative; at the latest 200 ms or 16 events after the oldest one that was applied (the cell sends at
    /// most 32 unacknowledged). While the link is down the driver remembers it for the next session.
    ///
    /// # Errors
    /// `Refused` if `seq` was never delivered: a bug of the caller.
    async fn ack(&self, seq: u64) -> Result<(), RobotError>;

    /// State of the link, for screens and health.
    fn link(&self) -> watch::Receiver<LinkState>;

    /// Ends the session and stops reconnecting. Commands that wait for an answer end `Uncertain`.
    async fn close(&self, code: ByeCode);
}

/// Where the caller stands in the cell's journal; stored in the same transaction as the events' effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Name of the journal.
    pub epoch: Uuid,
    /// Last event applied; 0 for none.
    pub last_seq: u64,
}

/// What [`RobotDriver::next`] brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A session is open. Events follow, then `CaughtUp`. If [`CellInfo::gap`] is set, or the epoch is not
    /// the caller's, events were lost: every job whose end is not known needs a person's decision, and the
    /// cursor starts anew in this epoch.
    Up(Box<CellInfo>),
    /// A journal event.
    Event(Box<JournalEvent>),
    /// All events that were stored when the session opened have been delivered.
    CaughtUp {
        /// Number of the last of them.
        seq: u64,
    },
    /// Progress and temperatures; newest only, may be lost, no stock meaning.
    Telemetry(Telemetry),
    /// The session ended. The driver tries again by itself unless `refused` is set.
    Down {
        /// What was seen.
        detail: String,
        /// A definite refusal (`FENCED`, `SUPERSEDED` …): the driver has stopped trying.
        refused: Option<RobotError>,
    },
}

/// State of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Not asked to connect, or closed.
    Idle,
    /// Trying.
    Connecting {
        /// Failed attempts in a row.
        attempt: u32,
        /// Why the last one failed.
        detail: String,
    },
    /// A session is open.
    Up {
        /// The cell's id.
        cell_id: String,
        /// The cell's clock minus ours, ms, where it is known.
        clock_offset_ms: Option<i64>,
    },
    /// Refused for good; a person must do something.
    Refused(RobotError),
}

/// Parts of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// State, mode, safety, open questions.
    Machine,
    /// Jobs.
    Jobs,
    /// Bins.
    Bins,
    /// Recipes.
    Recipes,
    /// Revision of the configuration.
    Cfg,
}

impl Part {
    /// All of them, as reconciliation wants.
    pub const ALL: [Self; 5] = [
        Self::Machine,
        Self::Jobs,
        Self::Bins,
        Self::Recipes,
        Self::Cfg,
    ];
}

/// Progress and temperatures of the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Time by the cell's clock, UTC ms.
    #[serde(default)]
    pub ts: i64,
    /// Jobs in work.
    #[serde(default)]
    pub jobs: Vec<TelemetryJob>,
    /// Temperatures.
    #[serde(default)]
    pub temps: Vec<TelemetryTemp>,
}

/// Progress of one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryJob {
    /// The job.
    pub job_id: String,
    /// Its phase.
    #[serde(default)]
    pub phase: Option<String>,
    /// Share done, per mille.
    pub progress_pm: u32,
}

/// One temperature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryTemp {
    /// Where.
    pub id: String,
    /// Millidegrees Celsius.
    pub mc: i64,
}

/// Why a session is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByeCode {
    /// The daemon stops or restarts.
    Shutdown,
    /// The peer is silent.
    DeadPeer,
}

impl ByeCode {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shutdown => "SHUTDOWN",
            Self::DeadPeer => "DEAD_PEER",
        }
    }
}
