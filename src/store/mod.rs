//! SQLite: the one place that knows SQL.
//!
//! One writer owns the write connection and commits in groups ([`writer`]); a small pool reads. Everything a
//! caller writes goes through [`Store::write`] as one closure, which is all or nothing; everything it reads goes
//! through [`Store::read`], on one consistent snapshot.

mod alerts;
mod api_keys;
pub mod backup;
mod calls;
mod contacts;
mod cursors;
mod documents;
mod effects;
mod error;
mod guests;
mod lock;
mod log;
mod loyalty;
mod marks;
mod migrate;
mod orders;
#[cfg(test)]
mod plans;
mod remote;
mod requests;
mod secrets;
mod shifts;
mod staff;
mod stock;
mod stops;
#[cfg(test)]
mod tests;
mod tokens;
pub mod vault;
mod verify;
mod vitals;
mod webhooks;
mod writer;

pub use api_keys::ApiKey;
pub use calls::Call;
pub use documents::ROBOT;
pub use effects::{Attempt, EffectRow, EffectState, NewEffect, QueueHead};
pub use error::StoreError;
pub use guests::{Person, Who};
pub use lock::FolderLock;
pub use log::{EventRef, Head, LogEntry};
pub use loyalty::{Booking, Member, MoveRow};
pub use orders::OrderFilter;
pub use remote::{Rows, Told, token_is_told};
pub use requests::Replay;
pub use secrets::{SecretRow, read_secrets};
pub use staff::Session;
pub use tokens::{Pairing, Screen};
pub use vitals::Hitch;
pub use writer::Tx;

use crate::disk::{Vfs, settle_wal};
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// The oldest SQLite without the WAL-reset race. [source: sqlite.org/wal.html#walresetbug]
const OLDEST_SQLITE: i32 = 3_051_003;
/// Pages the writer keeps in memory, KiB at most.
const CACHE_KIB: i64 = 16 * 1024;
/// Pages of the WAL (4 KiB each) after which it is copied into the database: a page that changed a hundred times
/// until then is copied once.
const CHECKPOINT_PAGES: i64 = 4096;
/// A database up to this size is checked whole before it is used, which takes some hundredths of a second. A year's
/// takes ten seconds, in which no guest could order: it is checked while it is in use ([`Store::check`]).
const CHECK_AT_OPEN: i64 = 64 * 1024 * 1024;
/// Statements that a connection keeps planned: more than the program has.
pub(crate) const STATEMENTS: usize = 256;
/// A file that another process holds is waited for so long.
pub(crate) const BUSY: std::time::Duration = std::time::Duration::from_secs(5);
/// Connections kept for readers.
const READERS: usize = 4;

/// Where the database lives and how it is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database file.
    pub path: PathBuf,
    /// The SQLite file layer; the system's when none.
    pub vfs: Option<Vfs>,
    /// Whether the writer has a thread of its own, or runs where it is called (single-threaded runtimes, the
    /// simulator).
    pub threads: Threads,
    /// `PRAGMA synchronous`; anything but `Full` loses acknowledged orders in a power cut and exists for the
    /// simulator's controls.
    pub synchronous: Synchronous,
}

impl Options {
    /// Brings to the disk what an earlier process left in the write-ahead log, as [`settle_wal`] says: once, before
    /// the database is opened for the first time, by the only process that has it.
    ///
    /// # Errors
    /// When the disk doesn't take it.
    pub fn settle(&self) -> Result<(), StoreError> {
        settle_wal(&self.path, self.vfs.as_ref()).map_err(|e| {
            StoreError::Open(format!(
                "what {} holds in its write-ahead log can't be brought to the disk: {e}",
                self.path.display()
            ))
        })
    }

    /// The product's way: a writer thread, the system's files, every commit flushed.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            vfs: None,
            threads: Threads::Own,
            synchronous: Synchronous::Full,
        }
    }
}

/// Where the store's work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// Writer and readers have threads.
    Own,
    /// Everything runs inline on the caller's thread.
    Inline,
}

/// How hard a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// Every commit is flushed before it is acknowledged.
    Full,
    /// Checkpoints only.
    Normal,
    /// Never.
    Off,
}

/// The store's database. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    writer: writer::Writer,
    readers: Mutex<Vec<Connection>>,
    head: watch::Receiver<u64>,
    effects: watch::Receiver<()>,
    committed: watch::Receiver<()>,
    vitals: Arc<vitals::Vitals>,
}

impl Store {
    /// Opens the database, creates or migrates it, and checks it.
    ///
    /// # Errors
    /// Too old an SQLite, no access, a damaged file, a database of a newer Galley.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(StoreError::Open(format!(
                "SQLite {} can corrupt the database (WAL-reset race); 3.51.3 or newer is needed",
                rusqlite::version()
            )));
        }
        let (head_tx, head) = watch::channel(0);
        let (effects_tx, effects) = watch::channel(());
        let (committed_tx, committed) = watch::channel(());
        let vitals = Arc::<vitals::Vitals>::default();
        let writer = writer::Writer::start(
            &options,
            head_tx,
            (effects_tx, committed_tx),
            vitals.clone(),
        )?;
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                writer,
                readers: Mutex::new(Vec::new()),
                head,
                effects,
                committed,
                vitals,
            }),
        })
    }

    /// Runs `work` as one all-or-nothing write. When this returns `Ok`, it is on the disk. Callers that come
    /// while a flush runs share the next one.
    ///
    /// # Errors
    /// What `work` refuses (then nothing was written), or the store's own failure.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.inner.writer.run(work).await
    }

    /// Takes no more writes, from any clone: the database may have another owner after this. What was taken
    /// before is on the disk.
    pub async fn close(&self) {
        self.inner.writer.close().await;
    }

    /// Runs `work` on one consistent snapshot.
    ///
    /// # Errors
    /// What `work` says, or the store's own failure.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match self.inner.options.threads {
            Threads::Inline => self.read_here(work),
            Threads::Own => {
                let store = self.clone();
                tokio::task::spawn_blocking(move || store.read_here(work))
                    .await
                    .unwrap_or_else(|_| Err(StoreError::Closed.into()))
            }
        }
    }

    /// [`Store::read`] on the caller's thread, for programs without a runtime.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_here<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let pool = || {
            self.inner
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let pooled = pool().pop();
        let db = match pooled {
            Some(db) => db,
            None => open_reader(&self.inner.options)?,
        };
        let result = snapshot(&db, |db| work(&Snapshot(db)))?;
        let mut pool = pool();
        if pool.len() < READERS {
            pool.push(db);
        }
        result
    }

    /// The sequence number of the last committed event; changes wake those who follow the log.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<u64> {
        self.inner.head.clone()
    }

    /// Changes with every commit that changed an effect; wakes those who carry them out.
    #[must_use]
    pub fn effects_changed(&self) -> watch::Receiver<()> {
        self.inner.effects.clone()
    }

    /// Changes with every commit: for whoever waits for what no event tells.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<()> {
        self.inner.committed.clone()
    }

    /// What keeps it from writing, without asking the writer: it answers while the disk does not.
    #[must_use]
    pub fn hitch(&self) -> Option<Hitch> {
        self.inner.vitals.hitch()
    }

    /// How long the writer has been at what it is at; none when it waits for requests.
    #[must_use]
    pub fn at_work(&self) -> Option<Duration> {
        self.inner.vitals.at_work()
    }

    /// How many groups of requests the writer is through with.
    #[must_use]
    pub fn groups(&self) -> u64 {
        self.inner.vitals.groups()
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.options.path
    }

    /// Whether it was too large to be checked when it was opened.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn is_large(&self) -> Result<bool, StoreError> {
        self.read_here(|s| Ok(size(s)? > CHECK_AT_OPEN))
    }

    /// Walks the whole database while it is in use: its pages, its indexes (a receipt that its index has lost would be
    /// in no shift's books), and every row that a checksum guards.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] says where.
    pub async fn check(&self) -> Result<(), StoreError> {
        let options = self.inner.options.clone();
        self.read(move |s| {
            check(s, &options, "integrity_check")?;
            s.verify()
        })
        .await
    }

    /// Writes a consistent copy of the database to `to`, which must not exist.
    ///
    /// # Errors
    /// When the file exists or can't be written.
    pub async fn backup(&self, to: PathBuf) -> Result<(), StoreError> {
        self.aside(move |options| copy(options, &to)).await
    }

    /// Runs long work on the database file away from those who wait for answers.
    async fn aside<T, E>(
        &self,
        work: impl FnOnce(&Options) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let options = self.inner.options.clone();
        match self.inner.options.threads {
            Threads::Inline => work(&options),
            Threads::Own => tokio::task::spawn_blocking(move || work(&options))
                .await
                .unwrap_or_else(|_| Err(StoreError::Closed.into())),
        }
    }
}

/// A consistent copy, written by a connection of its own.
fn copy(options: &Options, to: &Path) -> Result<(), StoreError> {
    let db = open_reader(options)?;
    // The copy is written by the same connection.
    db.pragma_update(None, "query_only", false)?;
    db.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    Ok(())
}

/// A consistent view; what it can read is spread over the files of this folder.
pub struct Snapshot<'a>(&'a Connection);

impl Deref for Snapshot<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.0
    }
}

fn open_flags(options: &Options, flags: OpenFlags) -> Result<Connection, StoreError> {
    let db = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&options.path, flags, vfs.name()),
        None => Connection::open_with_flags(&options.path, flags),
    }?;
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    plan_once(&db)?;
    Ok(db)
}

/// A statement is planned once, whatever is bound to it. By default SQLite peeks at bound values (of a `LIMIT`, of a
/// partial index) and parses the statement anew whenever another is bound: a tenth of the time of a busy store.
pub(crate) fn plan_once(db: &Connection) -> Result<(), rusqlite::Error> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
}

/// Runs `work` on one consistent snapshot of a reader's connection. One that panics, or can't be brought to its end,
/// takes its connection with it.
pub(crate) fn snapshot<T>(
    db: &Connection,
    work: impl FnOnce(&Connection) -> T,
) -> Result<T, StoreError> {
    // The statements are kept with those of the work: `Connection::transaction` would plan them each time.
    db.prepare_cached("BEGIN")?.execute([])?;
    let result = work(db);
    // A read that failed may have ended it already.
    if !db.is_autocommit() {
        db.prepare_cached("ROLLBACK")?.execute([])?;
    }
    Ok(result)
}

fn open_reader(options: &Options) -> Result<Connection, StoreError> {
    let db = open_flags(
        options,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

fn open_writer(options: &Options) -> Result<Connection, StoreError> {
    let mut db = open_flags(
        options,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|e| {
        StoreError::Open(format!(
            "cannot open the database {}: {e}",
            options.path.display()
        ))
    })?;
    // SQLite opens what can't be written for reading; a writer that began so would stay so for ever.
    if db.is_readonly(rusqlite::MAIN_DB)? {
        return Err(StoreError::Open(format!(
            "the database {} can't be written: its disk or its rights are read-only",
            options.path.display()
        )));
    }
    db.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match options.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
        Synchronous::Off => "OFF",
    };
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update(None, "foreign_keys", true)?;
    // Savepoints keep pages for going back; in files they cost more than the pages' own writes.
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // What a row leaves behind on a page that is written anyway is overwritten; that costs no page more.
    db.pragma_update(None, "secure_delete", "FAST")?;
    if size(&db)? <= CHECK_AT_OPEN {
        check(&db, options, "quick_check")?;
    }
    migrate::migrate(&mut db)?;
    Ok(db)
}

/// Bytes of the database.
fn size(db: &Connection) -> Result<i64, StoreError> {
    let pages: i64 = db.pragma_query_value(None, "page_count", |r| r.get(0))?;
    let page: i64 = db.pragma_query_value(None, "page_size", |r| r.get(0))?;
    Ok(pages.saturating_mul(page))
}

/// Walks every page; `integrity_check` compares the indexes with their tables too, and takes several times as long.
fn check(db: &Connection, options: &Options, how: &str) -> Result<(), StoreError> {
    let verdict: String = db.pragma_query_value(None, how, |r| r.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "{}: {verdict}",
        options.path.display()
    )))
}

/// The first eight bytes of the SHA-256 of the parts: damage of a guarded row shows when it is read.
fn checksum(parts: &[&[u8]]) -> i64 {
    use sha2::{Digest as _, Sha256};
    let mut h = Sha256::new();
    for part in parts {
        h.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        h.update(part);
    }
    let digest = h.finalize();
    let mut first = [0u8; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

fn uuid_from(bytes: &[u8]) -> Result<uuid::Uuid, StoreError> {
    uuid::Uuid::from_slice(bytes).map_err(|_| StoreError::Damaged("an id".to_owned()))
}
