//! Headquarters' database: SQLite, which needs nothing installed, or PostgreSQL. One writer that commits in groups, a
//! small pool of readers.
//!
//! Requests are written in the order in which they were submitted, and acknowledged only after the commit of their
//! group. After a failed commit nothing is taken for written: the database is opened again and read anew.

mod cell;
mod line;
mod migrations;
mod postgres;
mod sql;
mod sqlite;

#[cfg(test)]
pub(super) mod tests;

pub(super) use cell::cells;
pub use cell::{Cell, Kind, Row};
pub(super) use postgres::listen;
pub use sql::Sql;

use crate::{
    store::{self, StoreError, Threads},
    world::Secret,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Requests that wait for the writer before callers wait themselves.
const QUEUE: usize = 1024;
/// Requests of one commit.
const GROUP: usize = 256;
/// Connections that write to PostgreSQL: while one waits for its commit, another goes on.
const WRITERS: usize = 3;
/// Connections kept for readers.
const READERS: usize = 4;

const REOPENING: &str = "the database failed; it is being opened again, try again";

/// Which database.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file.
    Sqlite(store::Options),
    /// A PostgreSQL server, by its connection string (`postgres://user:password@host/database`).
    Postgres(Secret),
}

/// Whether a job's part of the transaction stays, and what tells its caller after the commit.
pub(super) struct Ran {
    keep: bool,
    reply: Reply,
}

type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(Result<&Sql<'_>, StoreError>) -> Ran + Send>;

/// One connection that writes.
trait Writer: Send {
    /// Begins a transaction; opens the connection again before, when it had failed.
    fn begin(&mut self) -> Result<(), StoreError>;
    /// Runs a job within the transaction; what fails takes nothing of the others back.
    fn step(&mut self, job: Job) -> Reply;
    /// Commits.
    fn commit(&mut self) -> Result<(), StoreError>;
}

/// Runs a group of requests in one transaction, commits, and answers.
fn group(writer: &mut dyn Writer, first: Job, mut next: impl FnMut() -> Option<Job>) {
    let begun = writer.begin();
    let mut replies = Vec::new();
    let mut job = Some(first);
    while let Some(run) = job.take() {
        replies.push(match &begun {
            Ok(()) => writer.step(run),
            Err(e) => run(Err(e.clone())).reply,
        });
        if replies.len() < GROUP {
            job = next();
        }
    }
    let committed = begun.and_then(|()| writer.commit());
    for reply in replies {
        reply(committed.clone());
    }
}

/// Gives a writer a thread of its own; `ended` is told when that ends, however it does.
fn serve(
    mut writer: Box<dyn Writer>,
    ended: CancellationToken,
) -> Result<mpsc::Sender<Job>, StoreError> {
    let (tx, mut rx) = mpsc::channel::<Job>(QUEUE);
    std::thread::Builder::new()
        .name("hq-writer".to_owned())
        .spawn(move || {
            let _ended = ended.drop_guard();
            while let Some(first) = rx.blocking_recv() {
                group(&mut *writer, first, || rx.try_recv().ok());
            }
        })
        .map_err(|e| StoreError::Open(format!("cannot start the writer thread: {e}")))?;
    Ok(tx)
}

/// The database. Clones share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    place: Place,
    writers: Vec<Queue>,
    readers: Mutex<Vec<Reader>>,
    /// In PostgreSQL something was erased for good, and is to be cleared away.
    erased: Arc<Notify>,
    /// A writer's thread is gone.
    ended: CancellationToken,
    /// Behind the connections, so that it is let go of after them.
    _opened: Option<sqlite::Opened>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let readers = std::mem::take(
            self.readers
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if matches!(self.place, Place::Postgres(_)) && !readers.is_empty() {
            // A session says good-bye to the server, which blocks, and must not on a runtime's thread. Without a
            // thread for it the server notices by itself.
            let _ = std::thread::Builder::new()
                .name("hq-closing".to_owned())
                .spawn(move || drop(readers));
        }
    }
}

enum Queue {
    Thread(mpsc::Sender<Job>),
    Inline(Mutex<Box<dyn Writer>>),
}

enum Reader {
    Sqlite(rusqlite::Connection),
    Postgres(Box<std::cell::RefCell<postgres::Session>>),
}

/// A submitted request; its place in the order is settled.
pub(super) struct Pending<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Pending<T> {
    /// Waits for the commit.
    pub(super) async fn done(self) -> Result<T, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Db {
    /// Opens the database, creates or migrates it, and checks it.
    ///
    /// # Errors
    /// Too old an SQLite, no access, a damaged file, a database of a newer Galley.
    pub async fn open(place: Place) -> Result<Self, StoreError> {
        let threads = match &place {
            Place::Sqlite(options) => options.threads,
            Place::Postgres(_) => Threads::Own,
        };
        let opening = place.clone();
        let erased = Arc::new(Notify::new());
        let told = Arc::clone(&erased);
        let open = move || -> Result<Box<dyn Writer>, StoreError> {
            Ok(match &opening {
                Place::Sqlite(options) => Box::new(sqlite::Core::open(options)?),
                Place::Postgres(url) => Box::new(postgres::Core::open(url, Arc::clone(&told))?),
            })
        };
        let opened = match &place {
            Place::Sqlite(options) => {
                let options = options.clone();
                let enter = move || sqlite::enter(&options);
                Some(match threads {
                    Threads::Inline => enter()?,
                    Threads::Own => tokio::task::spawn_blocking(enter)
                        .await
                        .unwrap_or(Err(StoreError::Closed))?,
                })
            }
            Place::Postgres(_) => None,
        };
        let count = match &place {
            Place::Sqlite(_) => 1,
            Place::Postgres(_) => WRITERS,
        };
        let mut writers = Vec::new();
        let ended = CancellationToken::new();
        for _ in 0..count {
            let open = open.clone();
            writers.push(match threads {
                Threads::Inline => Queue::Inline(Mutex::new(open()?)),
                Threads::Own => {
                    let core = tokio::task::spawn_blocking(open)
                        .await
                        .unwrap_or(Err(StoreError::Closed))?;
                    Queue::Thread(serve(core, ended.clone())?)
                }
            });
        }
        Ok(Self(Arc::new(Inner {
            place,
            writers,
            readers: Mutex::new(Vec::new()),
            erased,
            ended,
            _opened: opened,
        })))
    }

    /// The database file, where it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0.place {
            Place::Sqlite(options) => Some(&options.path),
            Place::Postgres(_) => None,
        }
    }

    /// How many connections write.
    pub(super) fn writers(&self) -> usize {
        self.0.writers.len()
    }

    /// Waits until nothing can be written any more because a writer's thread is gone: a bug.
    pub(super) async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Puts `work` in the first writer's queue as one all-or-nothing write.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Pending<T>, StoreError> {
        self.submit_to(0, work).await
    }

    /// The same with one of the writers; what goes to the same one is written in this order.
    pub(super) async fn submit_to<T: Send + 'static>(
        &self,
        writer: usize,
        work: impl FnOnce(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Pending<T>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |sql| {
            // A bug that one store's words wake must not end the writer that all stores wait for. What it wrote is taken
            // back, and nothing else outlives it.
            let result = catch_unwind(AssertUnwindSafe(|| sql.and_then(work)))
                .unwrap_or(Err(StoreError::Panicked));
            Ran {
                keep: result.is_ok(),
                // Nobody waits any more when the receiver is gone; what was written stays.
                reply: Box::new(move |committed| {
                    let _ = reply.send(result.and_then(|value| committed.map(|()| value)));
                }),
            }
        });
        match &self.0.writers[writer % self.0.writers.len()] {
            Queue::Inline(writer) => group(
                &mut **writer.lock().unwrap_or_else(PoisonError::into_inner),
                job,
                || None,
            ),
            Queue::Thread(queue) => queue.send(job).await.map_err(|_| StoreError::Closed)?,
        }
        Ok(Pending(answer))
    }

    /// Runs `work` as one all-or-nothing write. When this returns `Ok`, it is on the disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(work).await?.done().await
    }

    /// Runs `work` on one consistent snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.0.writers[0] {
            Queue::Inline(_) => self.read_here(work),
            Queue::Thread(_) => {
                let db = self.clone();
                tokio::task::spawn_blocking(move || db.read_here(work))
                    .await
                    .unwrap_or(Err(StoreError::Closed))
            }
        }
    }

    /// [`Db::read`] on the caller's thread, which may block.
    fn read_here<T>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let pool = || {
            self.0
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let pooled = pool().pop();
        let mut reader = match pooled {
            Some(Reader::Postgres(session)) if session.borrow().is_closed() => self.reader()?,
            Some(reader) => reader,
            None => self.reader()?,
        };
        let result = match &mut reader {
            Reader::Sqlite(db) => crate::store::snapshot(db, |db| work(&Sql::sqlite(db, None)))?,
            Reader::Postgres(session) => postgres::snapshot(session, work),
        };
        let mut pool = pool();
        if pool.len() < READERS {
            pool.push(reader);
        }
        result
    }

    fn reader(&self) -> Result<Reader, StoreError> {
        Ok(match &self.0.place {
            Place::Sqlite(options) => Reader::Sqlite(sqlite::open_reader(options)?),
            Place::Postgres(url) => Reader::Postgres(Box::new(std::cell::RefCell::new(
                postgres::Session::open(url)?,
            ))),
        })
    }

    /// Waits until something was erased for good that has to be cleared away by [`Self::vacuum`].
    pub(super) async fn erased(&self) {
        self.0.erased.notified().await;
    }

    /// Clears away what is dead in a table, where the database does not by itself; how many rows had to be left because
    /// somebody may still look at what was before.
    pub(super) async fn vacuum(&self, table: &'static str) -> Result<u64, StoreError> {
        let Place::Postgres(url) = self.0.place.clone() else {
            return Ok(0);
        };
        tokio::task::spawn_blocking(move || postgres::vacuum(&url, table))
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Writes a consistent copy of an SQLite database to `to`, which must not exist.
    ///
    /// # Errors
    /// When the file exists or can't be written, or the database is PostgreSQL, which has its own tools for that.
    pub async fn backup(&self, to: PathBuf) -> Result<(), StoreError> {
        let Place::Sqlite(options) = self.0.place.clone() else {
            return Err(StoreError::Open(
                "the database is PostgreSQL: back it up with pg_dump or pg_basebackup".to_owned(),
            ));
        };
        let threads = options.threads;
        let work = move || sqlite::backup(&options, &to);
        match threads {
            Threads::Inline => work(),
            Threads::Own => tokio::task::spawn_blocking(work)
                .await
                .unwrap_or(Err(StoreError::Closed)),
        }
    }
}
