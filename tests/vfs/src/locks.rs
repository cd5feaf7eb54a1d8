//! The two kinds of locks SQLite's files have, in memory: one per file handle (rollback journals), and eight slots
//! beside the shared WAL index. Neither ever waits.

use rusqlite::ffi;
use std::{
    collections::BTreeMap,
    ffi::c_int,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

/// Slots of the WAL index's locks.
const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

/// Who holds which lock on one file.
#[derive(Default)]
pub(crate) struct FileLocks(BTreeMap<u64, c_int>);

impl FileLocks {
    /// Raises `handle`'s lock to `want`, or says `SQLITE_BUSY`. As in SQLite's own layer for Unix, a writer that
    /// has to wait for readers keeps new readers out (`PENDING`).
    pub(crate) fn lock(&mut self, handle: u64, want: c_int) -> c_int {
        let own = self
            .0
            .get(&handle)
            .copied()
            .unwrap_or(ffi::SQLITE_LOCK_NONE);
        if own >= want {
            return ffi::SQLITE_OK;
        }
        let others = self
            .0
            .iter()
            .filter(|(id, _)| **id != handle)
            .map(|(_, level)| *level)
            .max()
            .unwrap_or(ffi::SQLITE_LOCK_NONE);
        let free = match want {
            ffi::SQLITE_LOCK_SHARED => others < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => others < ffi::SQLITE_LOCK_RESERVED,
            _ => {
                if own >= ffi::SQLITE_LOCK_RESERVED {
                    self.0.insert(handle, ffi::SQLITE_LOCK_PENDING);
                }
                others == ffi::SQLITE_LOCK_NONE
            }
        };
        if !free {
            return ffi::SQLITE_BUSY;
        }
        self.0.insert(handle, want);
        ffi::SQLITE_OK
    }

    /// Lowers `handle`'s lock to `SHARED` or none.
    pub(crate) fn unlock(&mut self, handle: u64, to: c_int) {
        if to == ffi::SQLITE_LOCK_NONE {
            self.0.remove(&handle);
        } else if let Some(level) = self.0.get_mut(&handle) {
            *level = to.min(*level);
        }
    }

    /// Whether anybody is about to write.
    pub(crate) fn reserved(&self) -> bool {
        self.0.values().any(|l| *l >= ffi::SQLITE_LOCK_RESERVED)
    }
}

/// The WAL index of one database: memory that its connections share, and its locks. It lives as long as somebody
/// maps it, so that a connection of a killed process still points at valid memory, seen by nobody else.
#[derive(Default)]
pub(crate) struct Shm(Mutex<ShmInner>);

#[derive(Default)]
struct ShmInner {
    /// Atomics: SQLite reads and writes them through the pointers it was given. Behind `Arc`, so that they never
    /// move.
    regions: Vec<Arc<[AtomicU64]>>,
    slots: [Slot; SLOTS],
    connections: usize,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    shared: u32,
    exclusive: bool,
}

/// What one connection holds of a WAL index.
#[derive(Clone, Copy, Default)]
pub(crate) struct ShmHeld {
    shared: u8,
    exclusive: u8,
}

impl Shm {
    fn inner(&self) -> MutexGuard<'_, ShmInner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One connection more.
    pub(crate) fn attach(&self) {
        self.inner().connections += 1;
    }

    /// One connection less, with all it held; tells whether it was the last.
    pub(crate) fn detach(&self, held: &mut ShmHeld) -> bool {
        let mut inner = self.inner();
        for slot in 0..SLOTS {
            inner.release(slot, held);
        }
        inner.connections -= 1;
        inner.connections == 0
    }

    /// The region of this number, made (zeroed, with all before it) when `extend`.
    pub(crate) fn region(&self, number: usize, bytes: usize, extend: bool) -> Option<*mut u8> {
        let mut inner = self.inner();
        while extend && inner.regions.len() <= number {
            let words = bytes.div_ceil(8);
            inner
                .regions
                .push((0..words).map(|_| AtomicU64::new(0)).collect());
        }
        inner
            .regions
            .get(number)
            .map(|r| r.as_ptr().cast_mut().cast())
    }

    /// `xShmLock`: takes or gives back `count` slots from `first`, all or none.
    pub(crate) fn lock(
        &self,
        held: &mut ShmHeld,
        first: usize,
        count: usize,
        flags: c_int,
    ) -> c_int {
        let slots = first..first + count;
        if slots.end > SLOTS {
            return ffi::SQLITE_IOERR_SHMLOCK;
        }
        let mut inner = self.inner();
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            for slot in slots {
                inner.release(slot, held);
            }
            return ffi::SQLITE_OK;
        }
        let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        let taken = |slot: usize| {
            let others = inner.slots[slot].shared - u32::from(held.shared >> slot & 1);
            let foreign = inner.slots[slot].exclusive && held.exclusive >> slot & 1 == 0;
            foreign || (exclusive && others > 0)
        };
        if slots.clone().any(taken) {
            return ffi::SQLITE_BUSY;
        }
        for slot in slots {
            if exclusive {
                inner.slots[slot].exclusive = true;
                held.exclusive |= 1 << slot;
            } else if held.shared >> slot & 1 == 0 {
                inner.slots[slot].shared += 1;
                held.shared |= 1 << slot;
            }
        }
        ffi::SQLITE_OK
    }
}

impl ShmInner {
    fn release(&mut self, slot: usize, held: &mut ShmHeld) {
        if held.shared >> slot & 1 == 1 {
            self.slots[slot].shared -= 1;
        }
        if held.exclusive >> slot & 1 == 1 {
            self.slots[slot].exclusive = false;
        }
        held.shared &= !(1 << slot);
        held.exclusive &= !(1 << slot);
    }
}
