//! The gateway's journal: its own small SQLite, apart from the store's. The one place of the gateway that knows SQL.
//!
//! One writer commits in groups, each commit flushed before anybody is told (WAL, `synchronous=FULL`). Reads are
//! single rows by key on a connection of their own. After a failed flush nothing is taken for written: the file is
//! opened again and read anew.

mod acts;
mod rows;
#[cfg(test)]
mod tests;

pub use acts::{Ending, Resolution, Submitted};
pub use rows::{Door, Filter, NewRow, Pinned, Row, State, Trouble};

use crate::disk::{open_lock, settle_wal};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// In order; the number of those applied is the database's `user_version`. Only ever added.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_init.sql")];
/// The oldest SQLite without the WAL-reset race. [source: sqlite.org/wal.html#walresetbug]
const OLDEST_SQLITE: i32 = 3_051_003;
/// Requests that wait for the writer before callers wait themselves.
const QUEUE: usize = 1024;
/// Requests of one flush.
const GROUP: usize = 256;
/// Commits after which the log is copied into the database as soon as no printer has anything to do. A copy flushes
/// twice, and a receipt that came in meanwhile would wait for that.
const CHECKPOINT: u32 = 128;
/// Commits after which it is copied all the same: by then the log has some 25 MB.
const CHECKPOINT_BUSY: u32 = 2048;

const REOPENING: &str = "the disk failed; the journal is being reopened, try again";

/// A failure of the journal. Nothing of the failed write is in it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk is full.
    #[error("the disk is full; free some space, the gateway goes on by itself")]
    DiskFull,
    /// The disk refused.
    #[error("the disk failed: {0}")]
    Disk(String),
    /// A row is not what was written.
    #[error("damaged data in {0}")]
    Damaged(String),
    /// It can't be opened.
    #[error("{0}")]
    Open(String),
    /// The gateway is going down.
    #[error("the journal is closed")]
    Closed,
    /// SQL or JSON that can't be: a bug.
    #[error("journal: {0}")]
    Bug(String),
}

impl From<rusqlite::Error> for JournalError {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        match e.sqlite_error_code() {
            Some(C::DiskFull) => Self::DiskFull,
            Some(C::SystemIoFailure | C::ReadOnly | C::CannotOpen) => Self::Disk(e.to_string()),
            Some(C::DatabaseCorrupt | C::NotADatabase) => Self::Damaged(e.to_string()),
            _ => Self::Bug(e.to_string()),
        }
    }
}

impl From<serde_json::Error> for JournalError {
    fn from(e: serde_json::Error) -> Self {
        Self::Bug(e.to_string())
    }
}

/// Where the journal lives and how it is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// Whether writes run where they are called (single-threaded runtimes) instead of on a thread of their own.
    pub inline: bool,
    /// The writer dies at this commit; for tests of what a crash leaves behind.
    #[cfg(test)]
    pub crash: Option<Crash>,
}

impl Options {
    /// The product's way: a writer thread.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            inline: false,
            #[cfg(test)]
            crash: None,
        }
    }
}

/// Where the writer dies.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub struct Crash {
    /// At which commit, from 1.
    pub at: u32,
    /// Whether that commit reaches the disk; either way nobody is told.
    pub written: bool,
}

type Reply = Box<dyn FnOnce(Result<(), JournalError>) + Send>;
type Job = Box<dyn FnOnce(&mut Core) -> Reply + Send>;

/// The journal. Clones share it.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    writer: Writer,
    reader: Mutex<Connection>,
    /// Held for as long as the journal is open; the system lets go of it with the process, however that ends.
    _lock: Option<File>,
}

/// What the writer's thread is told.
enum Work {
    Write(Job),
    Rest,
}

enum Writer {
    Thread(mpsc::Sender<Work>),
    Inline(Box<Mutex<Core>>),
}

struct Core {
    db: Connection,
    options: Options,
    broken: bool,
    commits: u32,
    /// Of them, those that are in the log only.
    in_log: u32,
    #[cfg(test)]
    dead: bool,
}

impl Journal {
    /// Opens the journal, creates or migrates it, and checks it.
    ///
    /// # Errors
    /// Too old an SQLite, no access, a damaged file, a journal of a newer Galley.
    pub fn open(options: Options) -> Result<Self, JournalError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(JournalError::Open(format!(
                "SQLite {} can corrupt the journal (WAL-reset race); 3.51.3 or newer is needed",
                rusqlite::version()
            )));
        }
        let lock = if options.inline {
            None
        } else {
            let lock = lock(&options.path)?;
            settle_wal(&options.path, None).map_err(|e| {
                JournalError::Open(format!(
                    "what {} holds in its write-ahead log can't be brought to the disk: {e}",
                    options.path.display()
                ))
            })?;
            Some(lock)
        };
        let mut core = Core {
            db: open_writer(&options)?,
            options: options.clone(),
            broken: false,
            commits: 0,
            in_log: 0,
            #[cfg(test)]
            dead: false,
        };
        let reader = open_reader(&options)?;
        let writer = if options.inline {
            Writer::Inline(Box::new(Mutex::new(core)))
        } else {
            let (tx, mut rx) = mpsc::channel::<Work>(QUEUE);
            std::thread::Builder::new()
                .name("gateway-journal".to_owned())
                .spawn(move || {
                    while let Some(first) = rx.blocking_recv() {
                        match first {
                            Work::Write(job) => core.group(job, || more(&mut rx)),
                            Work::Rest => core.tidy_log(CHECKPOINT),
                        }
                    }
                })
                .map_err(|e| JournalError::Open(format!("cannot start the writer thread: {e}")))?;
            Writer::Thread(tx)
        };
        Ok(Self(Arc::new(Inner {
            writer,
            reader: Mutex::new(reader),
            _lock: lock,
        })))
    }

    /// Runs `work` as one all-or-nothing write. When this returns `Ok`, it is on the disk.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |core| {
            let result = core.step(work);
            // Nobody waits any more when the receiver is gone; what was written stays.
            Box::new(move |flushed| {
                let _ = reply.send(result.and_then(|value| flushed.map(|()| value)));
            })
        });
        match &self.0.writer {
            Writer::Inline(core) => core
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .group(job, || None),
            Writer::Thread(queue) => queue
                .send(Work::Write(job))
                .await
                .map_err(|_| JournalError::Closed)?,
        }
        answer.await.unwrap_or(Err(JournalError::Closed))
    }

    /// Reads on the caller's thread: a few rows by an index, which the writer never holds up.
    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.0.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody has anything to do: what is put off for such a moment is done now.
    pub fn rest(&self) {
        match &self.0.writer {
            Writer::Inline(core) => core
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .tidy_log(CHECKPOINT),
            // A writer that is busy has no rest.
            Writer::Thread(queue) => drop(queue.try_send(Work::Rest)),
        }
    }

    /// Whether the journal can be written.
    ///
    /// # Errors
    /// When it can't.
    pub async fn ping(&self) -> Result<(), JournalError> {
        self.write(|db| {
            db.query_row("PRAGMA user_version", [], |_| Ok(()))
                .optional()?;
            Ok(())
        })
        .await
    }
}

/// Two gateways on one journal would take the printers from each other in the middle of a document.
fn lock(journal: &Path) -> Result<File, JournalError> {
    let path = journal.with_extension("lock");
    let told =
        |e: std::io::Error| JournalError::Open(format!("cannot open {}: {e}", path.display()));
    let file = open_lock(&path).map_err(told)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Open(format!(
            "another gateway works with {}; stop it first",
            journal.display()
        ))),
        Err(TryLockError::Error(e)) => Err(told(e)),
    }
}

/// Another write that waits already. A word of rest among them has come too early.
fn more(rx: &mut mpsc::Receiver<Work>) -> Option<Job> {
    loop {
        match rx.try_recv().ok()? {
            Work::Write(job) => return Some(job),
            Work::Rest => {}
        }
    }
}

impl Core {
    /// Runs a group of requests in one transaction, flushes, and answers.
    fn group(&mut self, first: Job, mut next: impl FnMut() -> Option<Job>) {
        let begun = self.begin();
        let mut replies = Vec::new();
        let mut job = Some(first);
        while let Some(run) = job.take() {
            replies.push(run(self));
            if replies.len() < GROUP {
                job = next();
            }
        }
        let flushed = begun.and_then(|()| self.commit());
        for reply in replies {
            reply(flushed.clone());
        }
        self.tidy_log(CHECKPOINT_BUSY);
    }

    /// Copies the log into the database, when so many commits are in it.
    fn tidy_log(&mut self, due: u32) {
        if self.in_log < due || self.broken {
            return;
        }
        self.in_log = 0;
        // One that can't be made now is made later; nothing depends on it.
        let made = self
            .db
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = made {
            tracing::warn!(%error, "the journal's log can't be copied now");
        }
    }

    fn begin(&mut self) -> Result<(), JournalError> {
        #[cfg(test)]
        if self.dead {
            return Err(JournalError::Closed);
        }
        if self.broken {
            self.db = open_writer(&self.options)?;
            self.broken = false;
            tracing::info!("the gateway's journal is open again");
        }
        self.sql("BEGIN IMMEDIATE").map_err(|e| self.failed(e))
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Open(REOPENING.to_owned()));
        }
        self.commits = self.commits.wrapping_add(1);
        self.in_log = self.in_log.saturating_add(1);
        #[cfg(test)]
        if let Some(crash) = self.options.crash
            && crash.at == self.commits
        {
            self.dead = true;
            let end = if crash.written { "COMMIT" } else { "ROLLBACK" };
            self.sql(end)?;
            return Err(JournalError::Closed);
        }
        self.sql("COMMIT").map_err(|e| self.failed(e))
    }

    /// One request within the group: one that fails takes nothing of the others back.
    fn step<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        #[cfg(test)]
        if self.dead {
            return Err(JournalError::Closed);
        }
        if self.broken || self.db.is_autocommit() {
            return Err(JournalError::Open(REOPENING.to_owned()));
        }
        self.sql("SAVEPOINT request")?;
        let result = work(&self.db);
        let ended = match &result {
            Ok(_) => self.sql("RELEASE request"),
            Err(_) => self
                .sql("ROLLBACK TO request")
                .and_then(|()| self.sql("RELEASE request")),
        };
        match ended {
            Ok(()) => result,
            Err(e) => Err(self.failed(e)),
        }
    }

    fn sql(&self, statement: &str) -> Result<(), JournalError> {
        self.db.prepare_cached(statement)?.execute([])?;
        Ok(())
    }

    fn failed(&mut self, e: JournalError) -> JournalError {
        tracing::error!(error = %e, "the gateway's journal refused a write; reopening it");
        self.broken = true;
        e
    }
}

fn configure(db: &Connection) -> Result<(), JournalError> {
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn open_reader(options: &Options) -> Result<Connection, JournalError> {
    let db = Connection::open_with_flags(
        &options.path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    configure(&db)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

fn open_writer(options: &Options) -> Result<Connection, JournalError> {
    let path = options.path.display();
    let mut db = Connection::open_with_flags(
        &options.path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|e| JournalError::Open(format!("cannot open the journal {path}: {e}")))?;
    if db.is_readonly(rusqlite::MAIN_DB)? {
        return Err(JournalError::Open(format!(
            "the journal {path} can't be written: its disk or its rights are read-only"
        )));
    }
    configure(&db)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // What was left from the last run; from here on it is done between requests.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "foreign_keys", true)?;
    let verdict: String = db.pragma_query_value(None, "quick_check", |r| r.get(0))?;
    if verdict != "ok" {
        return Err(JournalError::Damaged(format!("{path}: {verdict}")));
    }
    migrate(&mut db)?;
    Ok(db)
}

fn migrate(db: &mut Connection) -> Result<(), JournalError> {
    let applied: usize = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if applied > MIGRATIONS.len() {
        return Err(JournalError::Open(format!(
            "the journal is of a newer Galley (schema {applied}, this one knows {}); install that version",
            MIGRATIONS.len()
        )));
    }
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(applied) {
        let tx = db.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", i + 1)?;
        tx.commit()?;
    }
    Ok(())
}
