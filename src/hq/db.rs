//! Headquarters' own SQLite: one writer that commits in groups, a small pool of readers.
//!
//! Requests are written in the order in which they were submitted, and acknowledged only after the flush of their
//! group. After a failed flush nothing is taken for written: the file is opened again and read anew.

use crate::store::{Options, StoreError, Threads};
use rusqlite::{Connection, OpenFlags};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
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
/// Connections kept for readers.
const READERS: usize = 4;

const REOPENING: &str = "the disk failed; the database is being reopened, try again";

type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&mut Core) -> Reply + Send>;

/// The database. Clones share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    options: Options,
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
}

enum Writer {
    Thread(mpsc::Sender<Job>),
    Inline(Box<Mutex<Core>>),
}

struct Core {
    db: Connection,
    options: Options,
    broken: bool,
}

/// A submitted request; its place in the order is settled.
pub(super) struct Pending<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Pending<T> {
    /// Waits for the flush.
    pub(super) async fn done(self) -> Result<T, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Db {
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
        let mut core = Core {
            db: open_writer(&options)?,
            options: options.clone(),
            broken: false,
        };
        let writer = match options.threads {
            Threads::Inline => Writer::Inline(Box::new(Mutex::new(core))),
            Threads::Own => {
                let (tx, mut rx) = mpsc::channel::<Job>(QUEUE);
                std::thread::Builder::new()
                    .name("hq-writer".to_owned())
                    .spawn(move || {
                        while let Some(first) = rx.blocking_recv() {
                            core.group(first, || rx.try_recv().ok());
                        }
                    })
                    .map_err(|e| {
                        StoreError::Open(format!("cannot start the writer thread: {e}"))
                    })?;
                Writer::Thread(tx)
            }
        };
        Ok(Self(Arc::new(Inner {
            options,
            writer,
            readers: Mutex::new(Vec::new()),
        })))
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.options.path
    }

    /// Puts `work` in the writer's queue as one all-or-nothing write.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Pending<T>, StoreError> {
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
            Writer::Thread(queue) => queue.send(job).await.map_err(|_| StoreError::Closed)?,
        }
        Ok(Pending(answer))
    }

    /// Runs `work` as one all-or-nothing write. When this returns `Ok`, it is on the disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(work).await?.done().await
    }

    /// Runs `work` on one consistent snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.0.options.threads {
            Threads::Inline => self.read_here(work),
            Threads::Own => {
                let db = self.clone();
                tokio::task::spawn_blocking(move || db.read_here(work))
                    .await
                    .unwrap_or(Err(StoreError::Closed))
            }
        }
    }

    /// [`Db::read`] on the caller's thread.
    pub(super) fn read_here<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let pool = || {
            self.0
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let pooled = pool().pop();
        let mut db = match pooled {
            Some(db) => db,
            None => open_reader(&self.0.options)?,
        };
        let result = {
            let tx = db.transaction()?;
            work(&tx)
        };
        let mut pool = pool();
        if pool.len() < READERS {
            pool.push(db);
        }
        result
    }

    /// Writes a consistent copy of the database to `to`, which must not exist.
    ///
    /// # Errors
    /// When the file exists or can't be written.
    pub async fn backup(&self, to: PathBuf) -> Result<(), StoreError> {
        let options = self.0.options.clone();
        let work = move || {
            let db = open_reader(&options)?;
            // It writes another file only, but "query_only" forbids that too.
            db.pragma_update(None, "query_only", false)?;
            db.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
            Ok(())
        };
        match self.0.options.threads {
            Threads::Inline => work(),
            Threads::Own => tokio::task::spawn_blocking(work)
                .await
                .unwrap_or(Err(StoreError::Closed)),
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
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        if self.broken {
            self.db = open_writer(&self.options)?;
            self.broken = false;
            tracing::info!("headquarters' database is open again");
        }
        self.sql("BEGIN IMMEDIATE").map_err(|e| self.failed(e))
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Open(REOPENING.to_owned()));
        }
        self.sql("COMMIT").map_err(|e| self.failed(e))
    }

    /// One request within the group: one that fails takes nothing of the others back.
    fn step<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.broken || self.db.is_autocommit() {
            return Err(StoreError::Open(REOPENING.to_owned()));
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

    fn sql(&self, statement: &str) -> Result<(), StoreError> {
        self.db.prepare_cached(statement)?.execute([])?;
        Ok(())
    }

    fn failed(&mut self, e: StoreError) -> StoreError {
        tracing::error!(error = %e, "headquarters' database refused a write; reopening it");
        self.broken = true;
        e
    }
}

fn configure(db: &Connection) -> Result<(), StoreError> {
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(64);
    crate::store::plan_once(db)?;
    Ok(())
}

fn open_flags(options: &Options, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&options.path, flags, vfs.as_str()),
        None => Connection::open_with_flags(&options.path, flags),
    }
}

fn open_reader(options: &Options) -> Result<Connection, StoreError> {
    let db = open_flags(
        options,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    configure(&db)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

fn open_writer(options: &Options) -> Result<Connection, StoreError> {
    let open = |e: rusqlite::Error| {
        StoreError::Open(format!(
            "cannot open the database {}: {e}",
            options.path.display()
        ))
    };
    let mut db = open_flags(
        options,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(open)?;
    if db.is_readonly(rusqlite::MAIN_DB)? {
        return Err(StoreError::Open(format!(
            "the database {} can't be written: its disk or its rights are read-only",
            options.path.display()
        )));
    }
    configure(&db)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    let verdict: String = db.pragma_query_value(None, "quick_check", |r| r.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Damaged(format!(
            "{}: {verdict}",
            options.path.display()
        )));
    }
    migrate(&mut db)?;
    Ok(db)
}

fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let applied: usize = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if applied > MIGRATIONS.len() {
        return Err(StoreError::Open(format!(
            "the database is of a newer Galley (schema {applied}, this one knows {}); install that version",
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
