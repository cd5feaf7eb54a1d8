//! What a layer and an open file do, safely: each call looks whether its process still lives, then asks the state.

use crate::{
    Shared,
    locks::{Shm, ShmHeld},
    state::{Id, Refusal, State},
};
use rusqlite::ffi;
use std::{ffi::c_int, sync::Arc};

/// Kinds of files whose first sync brings the whole directory to the disk, when they may have been created: so does
/// SQLite's own layer for Unix. [source: sqlite3.c, UNIXFILE_DIRSYNC]
const JOURNALS: c_int =
    ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;

/// Bytes that are written over themselves at a time.
const PIECE: usize = 64 * 1024;

/// The file layer of one process of a disk.
pub(crate) struct Layer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) process: u64,
}

/// An open file.
pub(crate) struct Handle {
    shared: Arc<Shared>,
    process: u64,
    id: u64,
    inode: Id,
    read_only: bool,
    /// Its first sync is to sync the directory too.
    sync_names: bool,
    shm: Option<(Arc<Shm>, ShmHeld)>,
}

impl Layer {
    /// Opens a file; with what it was really opened for.
    pub(crate) fn open(
        &self,
        name: Option<String>,
        flags: c_int,
    ) -> Result<(Handle, c_int), c_int> {
        let mut state = self.shared.state();
        if state.dead(self.process) {
            return Err(ffi::SQLITE_IOERR);
        }
        // A file that goes with its handle never gets a name that others see.
        let name = name.filter(|_| flags & ffi::SQLITE_OPEN_DELETEONCLOSE == 0);
        let create = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let exclusive = flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0;
        let known = name.as_ref().is_some_and(|n| state.names.contains_key(n));
        if create && exclusive && known {
            return Err(ffi::SQLITE_CANTOPEN);
        }
        let volatile = name.is_none();
        let inode = state.open(name, create).ok_or(ffi::SQLITE_CANTOPEN)?;
        let read_only = flags & ffi::SQLITE_OPEN_READONLY != 0 || (state.read_only && !volatile);
        let flags = if read_only {
            flags & !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE)
                | ffi::SQLITE_OPEN_READONLY
        } else {
            flags
        };
        let id = state.id();
        let handle = Handle {
            shared: Arc::clone(&self.shared),
            process: self.process,
            id,
            inode,
            read_only,
            sync_names: create && !volatile && flags & JOURNALS != 0,
            shm: None,
        };
        Ok((handle, flags))
    }

    /// Writes a file over itself and syncs it; nothing when it is not there.
    pub(crate) fn rewrite(&self, name: &str) -> Result<(), c_int> {
        let told = |code| match code {
            ffi::SQLITE_OK => Ok(()),
            code => Err(code),
        };
        if !self.access(name, ffi::SQLITE_ACCESS_EXISTS)? {
            return Ok(());
        }
        let (mut file, _) = self.open(Some(name.to_owned()), ffi::SQLITE_OPEN_READWRITE)?;
        let mut piece = vec![0; PIECE];
        let len = file.len()?;
        for at in (0..len).step_by(PIECE) {
            let piece = &mut piece[..PIECE.min(len - at)];
            told(file.read(piece, at))?;
            told(file.write(piece, at))?;
        }
        told(file.sync())
    }

    pub(crate) fn delete(&self, name: &str, sync_names: bool) -> c_int {
        self.shared
            .change(self.process, ffi::SQLITE_IOERR_DELETE, |s| {
                s.delete(name)?;
                if sync_names { s.sync_names() } else { Ok(()) }
            })
    }

    pub(crate) fn access(&self, name: &str, flags: c_int) -> Result<bool, c_int> {
        let state = self.shared.state();
        if state.dead(self.process) {
            return Err(ffi::SQLITE_IOERR_ACCESS);
        }
        let Some(inode) = state.names.get(name).and_then(|id| state.inodes.get(id)) else {
            return Ok(false);
        };
        Ok(match flags {
            // As SQLite's own layer: an empty file is as good as none.
            ffi::SQLITE_ACCESS_EXISTS => !inode.content.current.is_empty(),
            ffi::SQLITE_ACCESS_READWRITE => !state.read_only,
            _ => true,
        })
    }
}

impl Shared {
    /// Runs one changing operation; when the process dies of it, tells who waits for that, without the lock.
    fn change(
        &self,
        process: u64,
        dead: c_int,
        work: impl FnOnce(&mut State) -> Result<(), Refusal>,
    ) -> c_int {
        let result = {
            let mut state = self.state();
            if state.dead(process) {
                return dead;
            }
            work(&mut state)
        };
        match result {
            Ok(()) => ffi::SQLITE_OK,
            Err(Refusal::Code(code)) => code,
            Err(Refusal::Dies) => {
                self.tell_stop();
                dead
            }
        }
    }
}

impl Handle {
    /// Runs `work` on the state, unless the process is dead.
    fn with<T>(&self, dead: c_int, work: impl FnOnce(&mut State) -> T) -> Result<T, c_int> {
        let mut state = self.shared.state();
        if state.dead(self.process) {
            return Err(dead);
        }
        Ok(work(&mut state))
    }

    pub(crate) fn read(&self, to: &mut [u8], offset: usize) -> c_int {
        let inode = self.inode;
        let read = self.with(ffi::SQLITE_IOERR_READ, |state| {
            match state.inodes.get(&inode) {
                Some(inode) => inode.content.current.read(to, offset) == to.len(),
                None => {
                    to.fill(0);
                    to.is_empty()
                }
            }
        });
        match read {
            Ok(true) => ffi::SQLITE_OK,
            Ok(false) => ffi::SQLITE_IOERR_SHORT_READ,
            Err(code) => code,
        }
    }

    fn change(
        &self,
        dead: c_int,
        work: impl FnOnce(&mut State, Id) -> Result<(), Refusal>,
    ) -> c_int {
        if self.read_only {
            return ffi::SQLITE_READONLY;
        }
        self.shared
            .change(self.process, dead, |state| work(state, self.inode))
    }

    pub(crate) fn write(&self, data: &[u8], offset: usize) -> c_int {
        self.change(ffi::SQLITE_IOERR_WRITE, |s, id| s.write(id, offset, data))
    }

    pub(crate) fn truncate(&self, len: usize) -> c_int {
        self.change(ffi::SQLITE_IOERR_TRUNCATE, |s, id| s.truncate(id, len))
    }

    pub(crate) fn sync(&mut self) -> c_int {
        let sync_names = self.sync_names;
        let code = self.change(ffi::SQLITE_IOERR_FSYNC, |s, id| {
            s.sync(id)?;
            if sync_names { s.sync_names() } else { Ok(()) }
        });
        self.sync_names &= code != ffi::SQLITE_OK;
        code
    }

    pub(crate) fn len(&self) -> Result<usize, c_int> {
        self.with(ffi::SQLITE_IOERR_FSTAT, |state| {
            state
                .inodes
                .get(&self.inode)
                .map_or(0, |i| i.content.current.len())
        })
    }

    pub(crate) fn lock(&self, level: c_int) -> c_int {
        self.with(ffi::SQLITE_IOERR_LOCK, |state| {
            match state.inodes.get_mut(&self.inode) {
                Some(inode) => inode.locks.lock(self.id, level),
                None => ffi::SQLITE_IOERR_LOCK,
            }
        })
        .unwrap_or_else(|code| code)
    }

    pub(crate) fn unlock(&self, level: c_int) -> c_int {
        self.with(ffi::SQLITE_IOERR_UNLOCK, |state| {
            if let Some(inode) = state.inodes.get_mut(&self.inode) {
                inode.locks.unlock(self.id, level);
            }
            ffi::SQLITE_OK
        })
        .unwrap_or_else(|code| code)
    }

    pub(crate) fn reserved(&self) -> Result<bool, c_int> {
        self.with(ffi::SQLITE_IOERR_CHECKRESERVEDLOCK, |state| {
            state
                .inodes
                .get(&self.inode)
                .is_some_and(|i| i.locks.reserved())
        })
    }

    pub(crate) fn shm_map(
        &mut self,
        region: usize,
        len: usize,
        extend: bool,
    ) -> Result<Option<*mut u8>, c_int> {
        let inode = self.inode;
        let known = self.shm.is_some();
        let found = self.with(ffi::SQLITE_IOERR_SHMMAP, |state| {
            if known {
                return None;
            }
            let inode = state.inodes.get_mut(&inode)?;
            let shm = Arc::clone(inode.shm.get_or_insert_default());
            shm.attach();
            Some(shm)
        })?;
        if let Some(shm) = found {
            self.shm = Some((shm, ShmHeld::default()));
        }
        let (shm, _) = self.shm.as_ref().ok_or(ffi::SQLITE_IOERR_SHMMAP)?;
        Ok(shm.region(region, len, extend))
    }

    pub(crate) fn shm_lock(&mut self, first: usize, count: usize, flags: c_int) -> c_int {
        if let Err(code) = self.with(ffi::SQLITE_IOERR_SHMLOCK, |_| ()) {
            return code;
        }
        match &mut self.shm {
            Some((shm, held)) => shm.lock(held, first, count, flags),
            None => ffi::SQLITE_IOERR_SHMLOCK,
        }
    }

    pub(crate) fn shm_unmap(&mut self) {
        let Some((shm, mut held)) = self.shm.take() else {
            return;
        };
        let mut state = self.shared.state();
        if shm.detach(&mut held)
            && let Some(inode) = state.inodes.get_mut(&self.inode)
            && inode.shm.as_ref().is_some_and(|s| Arc::ptr_eq(s, &shm))
        {
            inode.shm = None;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shm_unmap();
        let mut state = self.shared.state();
        // Those of an ended process are not counted any more.
        if self.process == state.process {
            state.close(self.inode, self.id);
        }
    }
}
