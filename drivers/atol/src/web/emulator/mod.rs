//! The vendor's web server, emulated: its queue, its answers, and a printer behind it with a drive of its own.
//! [source: atol.md 4]
//!
//! What is known of the real one is kept (uuids, statuses, both versions of paths and results); what isn't, such as
//! what becomes of a task when the server dies, is a setting ([`AfterCrash`]), so that the driver is tried against
//! every guess.

mod config;
mod drive;
mod raw;
mod serve;
mod state;

pub use config::{AfterCrash, Times, WebAt, WebEmulatorConfig, WebFault};
pub use drive::WebDocument;

use crate::emulator::EmulatorClock;
use state::State;
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Notify, watch};

/// The emulated server. Clones are the same server.
#[derive(Clone)]
pub struct WebEmulator {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn EmulatorClock>,
    /// Rings when the worker may have something to do.
    work: Arc<Notify>,
    /// Changes when connections must break.
    life: Arc<watch::Sender<u64>>,
}

impl WebEmulator {
    /// A server whose base and drive are kept in the file, when there is one.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn open(
        path: Option<PathBuf>,
        config: WebEmulatorConfig,
        clock: Arc<dyn EmulatorClock>,
    ) -> io::Result<Self> {
        let state = State::open(path, config, clock.now())?;
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            clock,
            work: Arc::default(),
            life: Arc::new(watch::Sender::new(0)),
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Arms a fault for the tasks that register a document, or changes a state.
    pub fn set_fault(&self, fault: WebFault, times: Times) {
        self.set_fault_at(fault, WebAt::Acts, times);
    }

    /// Arms a fault.
    pub fn set_fault_at(&self, fault: WebFault, at: WebAt, times: Times) {
        let now = self.clock.now();
        self.with(|s| {
            if fault.is_state() {
                s.change(fault, now);
            } else {
                s.faults.arm(fault, at, times);
            }
        });
        self.work.notify_one();
    }

    /// Disarms every fault.
    pub fn clear_faults(&self) {
        self.with(|s| s.faults.clear());
    }

    /// The faults that wait.
    #[must_use]
    pub fn faults(&self) -> Vec<WebFault> {
        self.with(|s| s.faults.list())
    }

    /// Whether the server runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.with(|s| s.up)
    }

    /// The server dies: connections break, and the task that runs loses its result.
    pub fn crash(&self) {
        self.with(|s| s.up = false);
        self.life.send_modify(|n| *n += 1);
    }

    /// The server comes up again. Its base and its printer are as they were.
    pub fn restart(&self) {
        self.with(State::restart);
        self.work.notify_one();
    }

    /// A person unblocks the queue; the server asks the drive what became of the task.
    pub fn unblock(&self) {
        self.with(State::unblock);
        self.work.notify_one();
    }

    /// The server forgets every request.
    pub fn lose_base(&self) {
        self.with(State::lose_base);
    }

    /// Somebody else registers a sale of so many kopecks.
    pub fn stranger_receipt(&self, total: i64, key: Option<&str>) {
        let now = self.clock.now();
        self.with(|s| s.stranger(total, key, now));
    }

    /// Whether the paper of a registered document is missing.
    #[must_use]
    pub fn print_owed(&self) -> bool {
        self.with(|s| s.printer.print_owed)
    }

    /// The documents of the drive.
    #[must_use]
    pub fn documents(&self) -> Vec<WebDocument> {
        self.with(|s| s.printer.documents.clone())
    }

    /// How often money was put in and taken out in the shift.
    #[must_use]
    pub fn cash_moves(&self) -> (u32, u32) {
        self.with(|s| s.printer.cash_moves())
    }

    /// What was put into the drawer (count, kopecks), taken out of it, and what is in it.
    #[must_use]
    pub fn drawer(&self) -> ((u32, i64), (u32, i64), i64) {
        self.with(|s| s.printer.drawer())
    }

    /// The slips that came out, as their tasks had them.
    #[must_use]
    pub fn slips(&self) -> Vec<serde_json::Value> {
        self.with(|s| s.printer.slips.clone())
    }

    /// Slips, reports, drawers: what came out that is no document, by the name of its task.
    #[must_use]
    pub fn printed(&self) -> Vec<String> {
        self.with(|s| s.printer.printed.clone())
    }

    /// How many requests the server's base holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.with(|s| s.held())
    }

    /// Every task that was carried out or tried, in order.
    #[must_use]
    pub fn tasks(&self) -> Vec<String> {
        self.with(|s| s.ran.clone())
    }
}
