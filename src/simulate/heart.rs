//! Whether the store's process is alive, and when it dies: at any step that the outside could tell apart.
//!
//! Every changing operation on its disk, every request and every read or write on a wire is a step. A process that
//! is told to die at a step has done all before it and does nothing from it on.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::sync::watch;

/// One life of the process. Clones are the same life.
#[derive(Clone)]
pub(super) struct Heart(Arc<Inner>);

struct Inner {
    alive: AtomicBool,
    steps: AtomicU64,
    last: Mutex<Option<u64>>,
    died: watch::Sender<bool>,
    /// Stops the disk at the same moment.
    stop_disk: Box<dyn Fn() + Send + Sync>,
}

impl Heart {
    /// A life that begins; `stop_disk` is called when it ends.
    pub(super) fn new(stop_disk: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            alive: AtomicBool::new(true),
            steps: AtomicU64::new(0),
            last: Mutex::new(None),
            died: watch::Sender::new(false),
            stop_disk: Box::new(stop_disk),
        }))
    }

    /// The process dies after so many further steps on the wires.
    pub(super) fn die_after(&self, steps: u64) {
        let at = self.0.steps.load(Ordering::Relaxed).saturating_add(steps);
        *self.last() = Some(at);
    }

    /// Steps on the wires so far.
    pub(super) fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::Relaxed)
    }

    /// Takes [`Heart::die_after`] back.
    pub(super) fn do_not_die(&self) {
        *self.last() = None;
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step on a wire; false when the process did not live to take it.
    pub(super) fn beat(&self) -> bool {
        if !self.is_alive() {
            return false;
        }
        let step = self.0.steps.fetch_add(1, Ordering::Relaxed);
        let last = *self.last();
        if last.is_some_and(|last| step >= last) {
            self.die();
            return false;
        }
        true
    }

    /// The process dies now.
    pub(super) fn die(&self) {
        if self.0.alive.swap(false, Ordering::Relaxed) {
            (self.0.stop_disk)();
            self.0.died.send_replace(true);
        }
    }

    /// Whether it lives.
    pub(super) fn is_alive(&self) -> bool {
        self.0.alive.load(Ordering::Relaxed)
    }

    /// Ends with the process.
    pub(super) async fn died(&self) {
        let mut died = self.0.died.subscribe();
        // The sender lives in this very heart.
        let _ = died.wait_for(|died| *died).await;
    }
}
