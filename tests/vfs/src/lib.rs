//! An SQLite file layer (VFS) in memory that can lose power, for Galley's deterministic fault simulator.
//!
//! A [`Disk`] is a directory of files. SQLite reaches it under the name [`Disk::vfs`]; whoever simulates holds the
//! disk itself and ends the process between any two writes ([`Disk::stop_at`]), kills it ([`Disk::kill`]), cuts
//! the power ([`Disk::power_cut`]), or makes the disk fail.
//!
//! # What it models
//! - Every file has what its readers see, what is on the disk for certain, and what was written since its last sync
//!   (`xSync`). A kill leaves what the readers saw; a power cut leaves what is certain plus any part of the rest:
//!   each 512-byte sector of each write, each truncation, creation and deletion on its own, in any order.
//! - A file's name is on the disk with its first sync. A deletion is when the directory is synced (then all
//!   names are): when SQLite asks for it, and with the first sync of a WAL or journal, as in SQLite's own layer for
//!   Unix. Until then a power cut may bring the file back.
//! - A failed sync: what it was to bring to the disk is taken for clean, as by Linux, and lost at the next power
//!   cut, whatever later syncs say.
//! - Overwriting one part of a sector never harms the rest of it (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`, as SQLite's
//!   own layer for Unix assumes).
//! - A full disk, a read-only one, writes that fail, bits that flip.
//! - SQLite's locks between connections of one process, and the shared WAL index. Nothing waits: who finds a lock
//!   taken is told `SQLITE_BUSY`, and a busy timeout counts its sleeps without sleeping.
//! - Time is what [`Disk::set_now`] said. A process has a file layer of its own: a connection of a dead one, kept by
//!   mistake, changes nothing and sees nothing of its successor.
//!
//! # What it does not model
//! - A disk that lies: one that says a sync is done and loses the data all the same, that tears within a sector, or
//!   writes to another place. (Bits flip only where [`Disk::flip_bit`] says.)
//! - A file system whose own structure is damaged; folders (a name is any text); links; permissions.
//! - After a failed sync Linux may write a page whole when it's written to again; here only the bytes written again
//!   come to the disk.
//! - Several processes at once on one disk; memory-mapped reads.
//!
//! SQLite draws the salts of its WAL from one generator for the whole program, not from the layer:
//! [`seed_sqlite`] makes it repeat a run byte for byte where a program simulates on one thread at a time.
//! [`Disk::digest`] leaves out what depends on it.

mod bytes;
mod content;
mod digest;
mod handle;
mod locks;
mod raw;
mod rng;
mod state;

use bytes::Bytes;
pub use state::Failure;
use state::State;
use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Seeds the generator that SQLite has for the whole program (WAL salts, `random()`). Zero gives it back to the
/// system's chance. Connections of other threads draw from the same one.
pub fn seed_sqlite(seed: u32) {
    raw::seed_program(seed);
}

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCut {
    /// Nothing.
    LoseAll,
    /// Everything (but what a failed sync gave up).
    KeepAll,
    /// Each sector of each write, and each truncation, creation and deletion, by chance from this seed.
    Torn(u64),
}

/// Is told that the process ended.
type OnStop = Box<dyn FnMut() + Send>;

thread_local! {
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

/// Disks of this thread that somebody still holds, and with them all their bytes.
#[must_use]
pub fn alive() -> usize {
    ALIVE.get()
}

/// What the disk and the files on it share.
struct Shared {
    state: Mutex<State>,
    on_stop: Mutex<Option<OnStop>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hook(&self) -> MutexGuard<'_, Option<OnStop>> {
        self.on_stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_stop(&self) {
        // Out of the lock: it may call the disk.
        let Some(mut hook) = self.hook().take() else {
            return;
        };
        hook();
        self.hook().get_or_insert(hook);
    }
}

/// A disk in memory. Clones are the same disk; with the last one its files go.
#[derive(Clone)]
pub struct Disk(Arc<Owner>);

struct Owner {
    name: String,
    shared: Arc<Shared>,
    layer: Mutex<(String, raw::Registration)>,
}

/// All files of a disk at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, Bytes>);

impl Disk {
    /// An empty disk. `seed` is for what SQLite asks the layer for chance; `name` shows up in [`Disk::vfs`] and
    /// needn't be unique.
    #[must_use]
    pub fn new(name: &str, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(seed)),
            on_stop: Mutex::new(None),
        });
        let layer = Mutex::new(register(name, &shared, 0));
        let name = name.to_owned();
        ALIVE.set(ALIVE.get() + 1);
        Self(Arc::new(Owner {
            name,
            shared,
            layer,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.shared.state()
    }

    /// The name SQLite knows this disk by, for the process that lives now: another one after every
    /// [`Disk::kill`], [`Disk::power_cut`] and [`Disk::restore`]. Under the old name nothing opens any more.
    #[must_use]
    pub fn vfs(&self) -> String {
        self.layer().0.clone()
    }

    fn layer(&self) -> MutexGuard<'_, (String, raw::Registration)> {
        self.0.layer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What SQLite takes for the time, in milliseconds since 1970.
    pub fn set_now(&self, unix_millis: i64) {
        self.state().now = unix_millis;
    }

    /// Changing operations so far: writes, syncs, truncations and deletions, also failed ones. Temporary files
    /// don't count. Also the number of the next operation.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Ends the process when the operation of this number is about to run: it and everything after it fails with
    /// `SQLITE_IOERR` and changes nothing, until [`Disk::kill`] or [`Disk::power_cut`].
    pub fn stop_at(&self, operation: u64) {
        self.state().stop_at = Some(operation);
    }

    /// Takes [`Disk::stop_at`] back, where it has not happened yet.
    pub fn do_not_stop(&self) {
        self.state().stop_at = None;
    }

    /// Calls `hook` whenever [`Disk::stop_at`] happens, within SQLite's call, with no lock of the disk held. It must
    /// not panic: there is C between it and the caller.
    pub fn on_stop(&self, hook: Box<dyn FnMut() + Send>) {
        *self.0.shared.hook() = Some(hook);
    }

    /// Whether [`Disk::stop_at`] has happened.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// The process dies now: what it wrote stays, its handles are stale, its locks and shared memory are gone.
    pub fn kill(&self) {
        self.end_process(State::end_process);
    }

    /// The power goes now: as [`Disk::kill`], and of what was not synced only a part is left, which is durable.
    pub fn power_cut(&self, how: PowerCut) {
        self.end_process(|state| state.power_cut(how));
    }

    fn end_process(&self, end: impl FnOnce(&mut State)) {
        let process = {
            let mut state = self.state();
            end(&mut state);
            state.process
        };
        *self.layer() = register(&self.0.name, &self.0.shared, process);
    }

    /// How many bytes fit in all; beyond, writes fail with `SQLITE_FULL`. None: any number.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Whether changes are refused, as by a file system that was remounted read-only after an error: open files get
    /// I/O errors, files opened now are read-only. What was not synced never will be while it lasts.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().read_only = read_only;
    }

    /// The next `n` writes fail with `SQLITE_IOERR_WRITE` and change nothing.
    pub fn fail_writes(&self, n: u64) {
        self.state().fail_writes = n;
    }

    /// The next `n` syncs fail with `SQLITE_IOERR_FSYNC`. What they should have brought to the disk is lost at the
    /// next power cut, even when a later sync succeeds.
    pub fn fail_syncs(&self, n: u64) {
        self.state().fail_syncs = n;
    }

    /// The next sync fails as by [`Disk::fail_syncs`], and the process ends before the changing operation behind it.
    pub fn fail_sync_and_stop(&self) {
        let mut state = self.state();
        state.fail_syncs = 1;
        state.stop_behind = true;
    }

    /// Takes [`Disk::fail_syncs`] and [`Disk::fail_sync_and_stop`] back, where they have not happened yet.
    pub fn do_not_fail_syncs(&self) {
        let mut state = self.state();
        state.fail_syncs = 0;
        state.stop_behind = false;
    }

    /// Writes a file over itself, piece by piece, and syncs it, for the process that lives now: what a failed sync lost
    /// is on the disk then. Nothing happens where there is no such file.
    ///
    /// # Errors
    /// SQLite's code, when the process is dead or the disk refuses.
    pub fn rewrite(&self, path: &str) -> Result<(), i32> {
        let process = self.state().process;
        handle::Layer {
            shared: Arc::clone(&self.0.shared),
            process,
        }
        .rewrite(path)
    }

    /// The changing operation of this number fails, if it is of that kind; what it was to do is not done.
    pub fn fail_at(&self, operation: u64, failure: Failure) {
        self.state().fail_at = Some((operation, failure));
    }

    /// Takes [`Disk::fail_at`] back, where it has not happened yet.
    pub fn do_not_fail(&self) {
        self.state().fail_at = None;
    }

    /// How often [`Disk::fail_at`] has happened.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.state().failures
    }

    /// Flips one bit (0 to 7) of a file, on the disk and for its readers; false when there's no such byte.
    pub fn flip_bit(&self, path: &str, byte: usize, bit: u8) -> bool {
        let mut state = self.state();
        let id = state.names.get(path).copied();
        let Some(inode) = id.and_then(|id| state.inodes.get_mut(&id)) else {
            return false;
        };
        let mask = 1 << (bit & 7);
        inode.content.durable.flip(byte, mask);
        inode.content.current.flip(byte, mask)
    }

    /// Names and sizes in bytes of the files, in order of names.
    #[must_use]
    pub fn files(&self) -> Vec<(String, usize)> {
        let state = self.state();
        let size = |id| state.inodes.get(id).map_or(0, |i| i.content.current.len());
        state
            .names
            .iter()
            .map(|(name, id)| (name.clone(), size(id)))
            .collect()
    }

    /// A file as its readers see it.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.inodes.get(state.names.get(path)?)?;
        Some(inode.content.current.to_vec())
    }

    /// Puts a file there, durable at once. Handles of one that had this name keep the old one.
    pub fn write_file(&self, path: &str, bytes: Vec<u8>) {
        self.state().put(path, bytes.into());
    }

    /// All files as their readers see them: a copy of the disk.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let bytes = |id| {
            let inode = state.inodes.get(id);
            inode.map_or_else(Bytes::default, |i| i.content.current.clone())
        };
        Snapshot(
            state
                .names
                .iter()
                .map(|(name, id)| (name.clone(), bytes(id)))
                .collect(),
        )
    }

    /// Kills the process and makes the disk's files those of the snapshot, no others, all durable.
    pub fn restore(&self, from: &Snapshot) {
        self.end_process(|state| {
            state.end_process();
            state.clear();
            for (name, bytes) in &from.0 {
                state.put(name, bytes.clone());
            }
        });
    }

    /// A number for what is on the disk for certain: equal for equal runs, whatever chance SQLite drew for salts.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let state = self.state();
        let mut digest = digest::Digest::new();
        for (name, id) in &state.durable_names {
            if let Some(inode) = state.inodes.get(id) {
                digest.file(name, &inode.content.durable.to_vec());
            }
        }
        digest.finish()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Disk");
        text.field("name", &self.0.name)
            .field("operations", &self.operations())
            .field("files", &self.files())
            .finish()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // What is still open stays until it's closed.
        self.shared.state().clear();
        self.shared.hook().take();
        ALIVE.set(ALIVE.get().saturating_sub(1));
    }
}

fn register(name: &str, shared: &Arc<Shared>, process: u64) -> (String, raw::Registration) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let registration = raw::Registration::new(&name, Arc::clone(shared), process);
    (name, registration)
}
