//! A printer as the gateway's doors see it: how it does, what waits, and a way to ask it something.

use super::journal::{Journal, JournalError, Row, Trouble};
use crate::world::World;
use futures_util::future::BoxFuture;
use galley_fiscal::{
    FiscalError, FiscalPrinter, Operator, PrinterFactory, PrinterInfo, PrinterStatus, TaxSystem,
};
use serde::Serialize;
use serde_json::Value;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

/// Requests that wait for a printer's worker before callers wait themselves.
const ASKS: usize = 64;
/// How long an answer of a printer is waited for. A Z report takes up to 60 s, and asks wait behind it.
const PATIENCE: Duration = Duration::from_secs(90);

/// How the gateway deals with one printer.
#[derive(Clone, Debug)]
pub struct DeviceSettings {
    /// Its id, as tills name it.
    pub id: String,
    /// Whether a shift is opened by itself before the first document that needs one.
    pub open_shift: bool,
    /// Whether a shift of more than 24 hours is closed by itself before the next document.
    pub close_expired_shift: bool,
    /// Who is named in documents that the gateway registers by itself.
    pub operator: Option<Operator>,
    /// The tax system of receipts that name none, which only the vendor's face allows.
    pub tax_system: TaxSystem,
}

/// Whether a printer answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// It was not asked yet.
    #[default]
    Starting,
    /// It answers.
    Up,
    /// It does not.
    Down,
    /// It can't be served by this back end.
    Refused,
    /// It answers, and its queue stands still until a technician has acted.
    Stopped,
}

/// How a printer does.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DeviceState {
    /// Whether it answers.
    pub link: Link,
    /// What was seen last, where something is wrong.
    pub detail: String,
    /// Who answered.
    pub info: Option<PrinterInfo>,
    /// How it does, as of the last look.
    pub status: Option<PrinterStatus>,
    /// When that was, milliseconds since 1970.
    pub status_at: Option<i64>,
    /// A registered document's paper is missing.
    pub paper_owed: bool,
    /// Why its queue stands still.
    pub stop: Option<Trouble>,
}

/// Something to do with a live printer.
pub(super) type Act = Box<
    dyn for<'p> FnOnce(&'p mut dyn FiscalPrinter) -> BoxFuture<'p, Result<Value, FiscalError>>
        + Send,
>;

pub(super) struct Ask {
    pub(super) act: Act,
    pub(super) reply: oneshot::Sender<Result<Value, FiscalError>>,
}

/// What was counted since the start.
#[derive(Debug, Default)]
pub struct Tally {
    /// Documents registered, or done.
    pub done: AtomicU64,
    /// Documents refused.
    pub refused: AtomicU64,
    /// Attempts that ended in doubt.
    pub doubted: AtomicU64,
    /// Documents in doubt that evidence decided.
    pub recovered: AtomicU64,
}

impl Tally {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// One printer.
pub struct Device {
    pub(super) settings: DeviceSettings,
    pub(super) factory: Arc<dyn PrinterFactory>,
    pub(super) journal: Journal,
    pub(super) world: World,
    pub(super) state: watch::Sender<DeviceState>,
    pub(super) tally: Tally,
    pub(super) changes: broadcast::Sender<i64>,
    /// Something is in the queue.
    pub(super) wake: Notify,
    /// Something is about to be.
    pub(super) hint: Notify,
    /// What waits for its pause is tried at once.
    pub(super) poke: Notify,
    asks: mpsc::Sender<Ask>,
}

impl Device {
    pub(super) fn new(
        settings: DeviceSettings,
        factory: Arc<dyn PrinterFactory>,
        journal: Journal,
        world: World,
        changes: broadcast::Sender<i64>,
    ) -> (Arc<Self>, mpsc::Receiver<Ask>) {
        let (asks, inbox) = mpsc::channel(ASKS);
        let device = Self {
            settings,
            factory,
            journal,
            world,
            state: watch::Sender::default(),
            tally: Tally::default(),
            changes,
            wake: Notify::new(),
            hint: Notify::new(),
            poke: Notify::new(),
            asks,
        };
        (Arc::new(device), inbox)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.settings.id
    }

    /// How it does.
    #[must_use]
    pub fn state(&self) -> DeviceState {
        self.state.borrow().clone()
    }

    /// Does something with the printer, between documents.
    ///
    /// # Errors
    /// The printer's; `Unknown` when it takes too long.
    pub(super) async fn ask(&self, act: Act) -> Result<Value, FiscalError> {
        let gone = || FiscalError::Unreachable {
            detail: "the gateway is going down".to_owned(),
        };
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.asks
                .send(Ask { act, reply })
                .await
                .map_err(|_| gone())?;
            answer.await.unwrap_or_else(|_| Err(gone()))
        };
        tokio::time::timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| {
                Err(FiscalError::Unknown {
                    detail: format!("the printer did not answer within {PATIENCE:?}"),
                })
            })
    }

    pub(super) fn now(&self) -> i64 {
        self.world.clock.now().as_millis()
    }

    /// Tells whoever waits that a document has changed.
    pub(super) fn changed(&self, row: &Row) {
        // Nobody waits when there is no receiver.
        let _ = self.changes.send(row.id);
    }

    /// Why the queue stands still: the drive, the head of the queue, or the printer itself.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub fn alert(&self) -> Result<Option<Trouble>, JournalError> {
        let state = self.state();
        if state.stop.is_some() {
            return Ok(state.stop);
        }
        let head = match self.journal.head(self.id()) {
            Err(JournalError::Damaged(what)) => {
                return Ok(Some(Trouble::new(
                    "journal_damaged",
                    format!("damaged data in {what}"),
                    "Keep the journal's file, move it aside, and compare the printer's documents with the tills'.",
                )));
            }
            head => head?,
        };
        if let Some(trouble) = head.and_then(|row| row.trouble) {
            return Ok(Some(trouble));
        }
        let paper = state
            .status
            .as_ref()
            .is_some_and(|s| !s.paper || !s.cover_closed);
        Ok(match state.link {
            Link::Down | Link::Refused => Some(Trouble::new(
                "unreachable",
                state.detail,
                "Check that the printer is on and its cable is plugged in.",
            )),
            _ if paper || state.paper_owed => Some(Trouble::new(
                "paper",
                "there is no paper, or the cover is open",
                "Put paper in and close the cover; printing goes on by itself.",
            )),
            _ => None,
        })
    }
}
