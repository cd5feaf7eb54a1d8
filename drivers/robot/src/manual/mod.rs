//! The manual driver: no wire. A person cooks, or starts the robot at its own panel, and presses buttons on
//! the kitchen screen: started, ready, problem.
//!
//! It is the driver of the first day for any robot whose interface is closed. To the daemon it looks like any
//! other: the same commands, the same journal, kept in the daemon's own store.

mod desk;
mod state;

pub use desk::{KitchenTicket, Press, TicketLine};
pub use state::{Forgetful, ManualState, ManualStore};

use crate::{
    Ambient, ByeCode, CellInfo, CmdResult, Command, Cursor, Incoming, InventoryQuality, JobView,
    JournalQuality, Limits, LinkState, Part, Quality, RobotDriver, RobotError, RobotFactory,
    Snapshot,
};
use async_trait::async_trait;
use desk::Desk;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// When the planned amounts of a dish count as used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BookAt {
    /// When a person presses "started".
    Started,
    /// When a person presses "ready".
    #[default]
    Ready,
}

/// A robot, or a cook, without an interface.
pub struct ManualDriver {
    /// Taken over a save: presses and commands come one after another.
    desk: tokio::sync::Mutex<Desk>,
    store: Arc<dyn ManualStore>,
    boot: Uuid,
    inner: Mutex<Inner>,
    arrived: Notify,
    link: watch::Sender<LinkState>,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Incoming>,
    connected: bool,
    closed: bool,
    read: u64,
    /// Acknowledged; taken off the journal at the next save.
    acked: u64,
}

/// Gives the one manual driver of a store. The kitchen screen needs the driver itself, so it is made outside.
#[derive(Clone)]
pub struct ManualFactory(pub Arc<ManualDriver>);

#[async_trait]
impl RobotFactory for ManualFactory {
    async fn open(&self) -> Result<Arc<dyn RobotDriver>, RobotError> {
        let driver: Arc<ManualDriver> = Arc::clone(&self.0);
        Ok(driver)
    }
}

impl ManualDriver {
    /// A driver with the state of the last start, or [`ManualState::new`].
    pub fn new(
        state: ManualState,
        store: Arc<dyn ManualStore>,
        book_at: BookAt,
        ambient: Ambient,
    ) -> Self {
        Self {
            boot: ambient.uuid(),
            desk: tokio::sync::Mutex::new(Desk::new(state, book_at, ambient)),
            store,
            inner: Mutex::default(),
            arrived: Notify::new(),
            link: watch::Sender::new(LinkState::Idle),
        }
    }

    /// A person pressed a button of a job. Pressing again what was pressed already is harmless.
    ///
    /// # Errors
    /// `Refused` with `JOB_UNKNOWN` or `WRONG_STATE`; `STORAGE_ERROR` if it could not be kept, press again.
    pub async fn press(&self, job_id: &str, press: Press) -> Result<(), RobotError> {
        self.change(|desk| desk.press(job_id, press)).await
    }

    /// What the kitchen screen shows: jobs that wait or are being cooked, in order.
    pub async fn tickets(&self) -> Vec<KitchenTicket> {
        self.desk.lock().await.tickets()
    }

    /// Changes the state, keeps it, and only then lets it be seen. What failed to be kept has not happened.
    async fn change<T>(
        &self,
        act: impl FnOnce(&mut Desk) -> Result<T, RobotError>,
    ) -> Result<T, RobotError> {
        let mut desk = self.desk.lock().await;
        let before = desk.state.clone();
        let acked = self.lock().acked;
        desk.forget_events(acked);
        let outcome = act(&mut desk);
        if desk.state != before
            && let Err(detail) = self.store.save(&desk.state).await
        {
            desk.state = before;
            return Err(RobotError::refused("STORAGE_ERROR", detail));
        }
        let fresh = desk.state.events.range(before.next_seq..);
        {
            let mut inner = self.lock();
            if inner.connected {
                let fresh = fresh.map(|(_, e)| Incoming::Event(Box::new(e.clone())));
                inner.queue.extend(fresh);
            }
        }
        self.arrived.notify_one();
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RobotDriver for ManualDriver {
    async fn connect(&self, fence: u64, resume: Option<Cursor>) -> Result<CellInfo, RobotError> {
        self.change(|desk| desk.admit(fence)).await?;
        let desk = self.desk.lock().await;
        let state = &desk.state;
        let last = match resume {
            Some(c) if c.epoch == state.epoch => Some(c.last_seq),
            Some(_) => None,
            None => Some(0),
        };
        let from = last.filter(|l| l + 1 >= state.first_seq && *l < state.next_seq);
        let info = CellInfo {
            cell_id: "manual".into(),
            vendor: "galley".into(),
            model: "manual".into(),
            serial: String::new(),
            sw: env!("CARGO_PKG_VERSION").into(),
            boot: self.boot,
            epoch: state.epoch,
            first_seq: state.first_seq,
            next_seq: state.next_seq,
            gap: from.is_none(),
            caps: ["jobs", "recipes"].map(str::to_owned).into(),
            limits: Limits {
                max_jobs: 1000,
                chunk: desk::MAX_RECIPE,
                max_recipe: desk::MAX_RECIPE,
                bins: 0,
            },
            quality: Quality {
                exactly_once: true,
                journal: JournalQuality::Local,
                inventory: InventoryQuality::Planned,
                recipes: true,
                pause: false,
                modes: false,
            },
        };
        let from = from.unwrap_or(state.first_seq - 1);
        let replay = state.events.range(from + 1..);
        {
            let mut inner = self.lock();
            inner.queue.clear();
            inner.queue.push_back(Incoming::Up(Box::new(info.clone())));
            let replay = replay.map(|(_, e)| Incoming::Event(Box::new(e.clone())));
            inner.queue.extend(replay);
            let seq = state.next_seq - 1;
            inner.queue.push_back(Incoming::CaughtUp { seq });
            inner.connected = true;
            inner.closed = false;
            inner.read = from;
            inner.acked = inner.acked.max(from);
        }
        self.arrived.notify_one();
        self.link.send_replace(LinkState::Up {
            cell_id: info.cell_id.clone(),
            clock_offset_ms: Some(0),
        });
        Ok(info)
    }

    async fn execute(&self, command: &Command) -> Result<CmdResult, RobotError> {
        if !self.lock().connected {
            let detail = "not connected".to_owned();
            return Err(RobotError::LinkDown { detail });
        }
        // A refusal is an answer too: it must be kept, so it comes out of `change` as a value.
        self.change(|desk| Ok(desk.execute(command))).await?
    }

    async fn snapshot(&self, parts: &[Part]) -> Result<Snapshot, RobotError> {
        Ok(self.desk.lock().await.snapshot(parts))
    }

    async fn job(&self, job_id: &str) -> Result<Option<JobView>, RobotError> {
        Ok(self.desk.lock().await.job_view(job_id))
    }

    async fn next(&self) -> Result<Incoming, RobotError> {
        loop {
            {
                let mut inner = self.lock();
                if let Some(incoming) = inner.queue.pop_front() {
                    if let Incoming::Event(event) = &incoming {
                        inner.read = event.seq;
                    }
                    return Ok(incoming);
                }
                if inner.closed {
                    let detail = "the driver is closed".to_owned();
                    return Err(RobotError::LinkDown { detail });
                }
            }
            self.arrived.notified().await;
        }
    }

    async fn ack(&self, seq: u64) -> Result<(), RobotError> {
        let mut inner = self.lock();
        if seq > inner.read {
            let text = format!("event {seq} was never delivered");
            return Err(RobotError::refused("BAD_REQUEST", text));
        }
        inner.acked = inner.acked.max(seq);
        Ok(())
    }

    fn link(&self) -> watch::Receiver<LinkState> {
        self.link.subscribe()
    }

    async fn close(&self, _code: ByeCode) {
        {
            let mut inner = self.lock();
            inner.connected = false;
            inner.closed = true;
        }
        self.arrived.notify_one();
        self.link.send_replace(LinkState::Idle);
    }
}
