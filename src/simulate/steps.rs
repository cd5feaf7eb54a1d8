//! Counts the steps on one wire, and lets something happen just before one of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What becomes of the bytes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// They go on, as far as the wire lets them.
    On,
    /// They are lost, and nobody is told.
    Lost,
}

/// Is told how many bytes the step has.
type Trap = Box<dyn FnOnce(usize) -> Passing + Send>;

/// The steps of one wire: every read and every write, or every request. Clones count together.
#[derive(Clone, Default)]
pub(super) struct Steps(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    taken: u64,
    trap: Option<(u64, Trap)>,
}

impl Steps {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Steps so far; also the number of the next one.
    pub(super) fn taken(&self) -> u64 {
        self.inner().taken
    }

    /// Calls `trap` just before the step that is so many ahead.
    pub(super) fn set_trap(
        &self,
        ahead: u64,
        trap: impl FnOnce(usize) -> Passing + Send + 'static,
    ) {
        let mut inner = self.inner();
        inner.trap = Some((inner.taken.saturating_add(ahead), Box::new(trap)));
    }

    /// Whether the trap still waits for its step.
    pub(super) fn is_trapped(&self) -> bool {
        self.inner().trap.is_some()
    }

    /// Takes the trap away.
    pub(super) fn clear(&self) {
        self.inner().trap = None;
    }

    /// One step, of `n` bytes.
    pub(super) fn step(&self, n: usize) -> Passing {
        let trap = {
            let mut inner = self.inner();
            let step = inner.taken;
            inner.taken += 1;
            inner.trap.take_if(|(at, _)| *at == step)
        };
        // Out of the lock: it may ask for the count.
        trap.map_or(Passing::On, |(_, trap)| trap(n))
    }
}
