//! The disk's files, names and faults. Everything here is plain data behind one lock.

use crate::{
    PowerCut,
    bytes::Bytes,
    content::Content,
    locks::{FileLocks, Shm},
    rng::Rng,
};
use rusqlite::ffi;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::c_int,
    sync::Arc,
};

/// Which file, whatever it is called (an inode).
pub(crate) type Id = u64;

pub(crate) struct Inode {
    pub(crate) content: Content,
    pub(crate) locks: FileLocks,
    pub(crate) shm: Option<Arc<Shm>>,
    /// Handles that have it open.
    pub(crate) open: u32,
    /// Has no name; nobody expects it after a restart.
    pub(crate) volatile: bool,
}

/// A change to the directory that is not on the disk yet.
enum NameChange {
    Create(String, Id),
    Delete(String, Id),
}

pub(crate) struct State {
    pub(crate) inodes: BTreeMap<Id, Inode>,
    pub(crate) names: BTreeMap<String, Id>,
    pub(crate) durable_names: BTreeMap<String, Id>,
    unsynced_names: Vec<NameChange>,
    next_id: u64,
    pub(crate) rng: Rng,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
    /// Number of the process that lives now: what belongs to another is stale.
    pub(crate) process: u64,
    pub(crate) operations: u64,
    pub(crate) stop_at: Option<u64>,
    pub(crate) stopped: bool,
    pub(crate) capacity: Option<u64>,
    used: u64,
    pub(crate) read_only: bool,
    pub(crate) fail_writes: u64,
    pub(crate) fail_syncs: u64,
    /// The process dies behind the next sync that fails by [`State::fail_syncs`].
    pub(crate) stop_behind: bool,
    pub(crate) fail_at: Option<(u64, Failure)>,
    pub(crate) failures: u64,
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A write, a truncation or a deletion: `SQLITE_IOERR`, and nothing is changed.
    Write,
    /// A sync: what it was to bring to the disk is lost at the next power cut, whatever later syncs say.
    Sync,
}

/// Why a changing operation does not happen.
pub(crate) enum Refusal {
    /// This code is the answer.
    Code(c_int),
    /// The process dies here: whoever waits for it is to be told.
    Dies,
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            next_id: 1,
            rng: Rng::new(seed),
            now: 0,
            process: 0,
            operations: 0,
            stop_at: None,
            stopped: false,
            capacity: None,
            used: 0,
            read_only: false,
            fail_writes: 0,
            fail_syncs: 0,
            stop_behind: false,
            fail_at: None,
            failures: 0,
        }
    }

    pub(crate) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Whether calls of this process are refused.
    pub(crate) fn dead(&self, process: u64) -> bool {
        self.stopped || process != self.process
    }

    /// Counts one changing operation, or ends the process before it. True when it is to fail.
    fn operation(&mut self, kind: Failure) -> Result<bool, Refusal> {
        if self.stop_at.is_some_and(|at| self.operations >= at) {
            self.stop_at = None;
            self.stopped = true;
            return Err(Refusal::Dies);
        }
        let here = self.fail_at.take_if(|(at, _)| *at <= self.operations);
        self.operations += 1;
        let fails = here.is_some_and(|(_, failure)| failure == kind);
        self.failures += u64::from(fails);
        Ok(fails)
    }

    /// Opens or creates a file; none when it is not there and may not be created.
    pub(crate) fn open(&mut self, name: Option<String>, create: bool) -> Option<Id> {
        let known = name.as_ref().and_then(|n| self.names.get(n)).copied();
        let id = match (known, name) {
            (Some(id), _) => id,
            (None, Some(_)) if !create || self.read_only => return None,
            (None, name) => {
                let id = self.id();
                self.add(id, Content::default(), name.is_none());
                if let Some(name) = name {
                    self.names.insert(name.clone(), id);
                    self.unsynced_names.push(NameChange::Create(name, id));
                }
                id
            }
        };
        self.inodes.get_mut(&id)?.open += 1;
        Some(id)
    }

    fn add(&mut self, id: Id, content: Content, volatile: bool) {
        self.used += content.current.len() as u64;
        let inode = Inode {
            content,
            locks: FileLocks::default(),
            shm: None,
            open: 0,
            volatile,
        };
        self.inodes.insert(id, inode);
    }

    pub(crate) fn close(&mut self, id: Id, handle: u64) {
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.open -= 1;
            inode.locks.unlock(handle, ffi::SQLITE_LOCK_NONE);
            if inode.open == 0 {
                self.sweep();
            }
        }
    }

    pub(crate) fn write(&mut self, id: Id, offset: usize, data: &[u8]) -> Result<(), Refusal> {
        let Some(inode) = self.inodes.get(&id) else {
            return Err(Refusal::Code(ffi::SQLITE_IOERR_WRITE));
        };
        let volatile = inode.volatile;
        let grows = (offset + data.len()).saturating_sub(inode.content.current.len()) as u64;
        if !volatile {
            let fails = self.operation(Failure::Write)?;
            if fails || self.read_only {
                return Err(Refusal::Code(ffi::SQLITE_IOERR_WRITE));
            }
            if self.fail_writes > 0 {
                self.fail_writes -= 1;
                return Err(Refusal::Code(ffi::SQLITE_IOERR_WRITE));
            }
        }
        if grows > 0 && self.capacity.is_some_and(|c| self.used + grows > c) {
            return Err(Refusal::Code(ffi::SQLITE_FULL));
        }
        self.used += grows;
        if let Some(inode) = self.inodes.get_mut(&id) {
            if volatile {
                inode.content.write_volatile(offset, data);
            } else {
                inode.content.write(offset, data);
            }
        }
        Ok(())
    }

    pub(crate) fn truncate(&mut self, id: Id, len: usize) -> Result<(), Refusal> {
        let failed = Refusal::Code(ffi::SQLITE_IOERR_TRUNCATE);
        let Some(inode) = self.inodes.get(&id) else {
            return Err(failed);
        };
        let was = inode.content.current.len() as u64;
        if !inode.volatile {
            let fails = self.operation(Failure::Write)?;
            if fails || self.read_only {
                return Err(failed);
            }
        }
        self.used = self.used - was + len as u64;
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.content.truncate(len);
        }
        Ok(())
    }

    pub(crate) fn sync(&mut self, id: Id) -> Result<(), Refusal> {
        let failed = Refusal::Code(ffi::SQLITE_IOERR_FSYNC);
        let Some(volatile) = self.inodes.get(&id).map(|i| i.volatile) else {
            return Err(failed);
        };
        if volatile {
            return Ok(());
        }
        let fails = self.operation(Failure::Sync)?;
        let Some(inode) = self.inodes.get_mut(&id) else {
            return Err(failed);
        };
        if fails || self.fail_syncs > 0 || (self.read_only && inode.content.dirty()) {
            if self.fail_syncs > 0 && std::mem::take(&mut self.stop_behind) {
                self.stop_at = Some(self.operations);
            }
            self.fail_syncs = self.fail_syncs.saturating_sub(1);
            inode.content.forget();
            return Err(failed);
        }
        inode.content.sync();
        // A file's first sync brings its name to the disk as well.
        if !self.unsynced_names.is_empty() {
            self.sync_name(id);
        }
        Ok(())
    }

    fn sync_name(&mut self, id: Id) {
        let created = self
            .unsynced_names
            .iter()
            .rposition(|c| matches!(c, NameChange::Create(_, made) if *made == id));
        let Some(at) = created else { return };
        let NameChange::Create(name, _) = self.unsynced_names.remove(at) else {
            return;
        };
        self.durable_names.insert(name.clone(), id);
        // What happened to the same name before is overtaken.
        let mut index = 0;
        self.unsynced_names.retain(|c| {
            let (NameChange::Create(n, _) | NameChange::Delete(n, _)) = c;
            index += 1;
            index > at || *n != name
        });
        self.sweep();
    }

    pub(crate) fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        if !self.names.contains_key(name) {
            return Err(Refusal::Code(ffi::SQLITE_IOERR_DELETE_NOENT));
        }
        let fails = self.operation(Failure::Write)?;
        if fails || self.read_only {
            return Err(Refusal::Code(ffi::SQLITE_IOERR_DELETE));
        }
        if let Some(id) = self.names.remove(name) {
            self.unsynced_names
                .push(NameChange::Delete(name.to_owned(), id));
            self.sweep();
        }
        Ok(())
    }

    /// All changes of names are on the disk after this.
    pub(crate) fn sync_names(&mut self) -> Result<(), Refusal> {
        let fails = self.operation(Failure::Sync)?;
        if fails || self.fail_syncs > 0 || self.read_only {
            self.fail_syncs = self.fail_syncs.saturating_sub(1);
            return Err(Refusal::Code(ffi::SQLITE_IOERR_DIR_FSYNC));
        }
        for change in std::mem::take(&mut self.unsynced_names) {
            self.settle(change);
        }
        self.sweep();
        Ok(())
    }

    fn settle(&mut self, change: NameChange) {
        match change {
            NameChange::Create(name, id) => {
                self.durable_names.insert(name, id);
            }
            NameChange::Delete(name, id) => {
                if self.durable_names.get(&name) == Some(&id) {
                    self.durable_names.remove(&name);
                }
            }
        }
    }

    /// Drops files that nobody can reach any more.
    fn sweep(&mut self) {
        let mut reachable: BTreeSet<Id> = self.names.values().copied().collect();
        reachable.extend(self.durable_names.values());
        reachable.extend(self.unsynced_names.iter().map(|c| match c {
            NameChange::Create(_, id) | NameChange::Delete(_, id) => *id,
        }));
        let live: BTreeSet<Id> = self.names.values().copied().collect();
        let mut used = 0;
        self.inodes.retain(|id, inode| {
            if inode.open > 0 || live.contains(id) {
                used += inode.content.current.len() as u64;
            }
            inode.open > 0 || reachable.contains(id)
        });
        self.used = used;
    }

    /// The process is gone, and with it its handles, locks and shared memory.
    pub(crate) fn end_process(&mut self) {
        self.process += 1;
        self.stopped = false;
        self.stop_at = None;
        self.stop_behind = false;
        for inode in self.inodes.values_mut() {
            inode.open = 0;
            inode.locks = FileLocks::default();
            inode.shm = None;
        }
        self.sweep();
    }

    pub(crate) fn power_cut(&mut self, how: PowerCut) {
        self.end_process();
        let mut rng = Rng::new(match how {
            PowerCut::Torn(seed) => seed,
            PowerCut::LoseAll | PowerCut::KeepAll => 0,
        });
        // Some cuts lose nearly all, some nearly nothing.
        let keep = 1 + rng.next() % 7;
        for change in std::mem::take(&mut self.unsynced_names) {
            let kept = match how {
                PowerCut::LoseAll => false,
                PowerCut::KeepAll => true,
                PowerCut::Torn(_) => rng.eighths(keep),
            };
            if kept {
                self.settle(change);
            }
        }
        self.names = self.durable_names.clone();
        for inode in self.inodes.values_mut() {
            inode.content.cut(how, &mut rng, keep);
        }
        self.sweep();
    }

    /// Puts a file there from outside, durable at once.
    pub(crate) fn put(&mut self, name: &str, bytes: Bytes) {
        let id = self.id();
        self.add(id, Content::durable(bytes), false);
        self.names.insert(name.to_owned(), id);
        self.durable_names.insert(name.to_owned(), id);
        self.unsynced_names.retain(|c| {
            let (NameChange::Create(n, _) | NameChange::Delete(n, _)) = c;
            n != name
        });
        self.sweep();
    }

    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.durable_names.clear();
        self.unsynced_names.clear();
        self.sweep();
    }
}
