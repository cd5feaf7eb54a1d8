//! The one writer: runs requests one after the other and commits them in groups.
//!
//! While one flush runs, further requests queue up; the next flush carries all of them. Each request
//! but the first has a savepoint, so that one that refuses takes nothing of the others back. A request is acknowledged
//! only after its flush. After a failed flush the writer takes nothing for written: it reopens the file and
//! starts again from what is really there.

use super::{Options, Snapshot, StoreError, Threads, log::Head, open_writer, vitals::Vitals};
use crate::protection::{Protection, holds};
use rusqlite::Connection;
use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that wait for the writer before callers wait themselves.
const QUEUE: usize = 1024;
/// Requests of one flush.
const GROUP: usize = 256;

const REOPENING: &str = "the disk failed; the database is being reopened, try again";

/// Tells a caller how its request ended, once the flush has.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&mut Core) -> Reply + Send>;

pub(super) enum Writer {
    Thread(mpsc::Sender<Job>),
    Inline(Box<Mutex<Core>>),
}

/// The write connection and what is known of the database without asking it.
pub(super) struct Core {
    db: Connection,
    options: Options,
    pub(super) head: Head,
    published: watch::Sender<u64>,
    /// A request changed what is to be done outside; told with the flush.
    pub(super) effects_changed: bool,
    effects: watch::Sender<()>,
    committed: watch::Sender<()>,
    /// A person's data was erased: it is to be gone from the WAL, too.
    wipe: bool,
    /// The open transaction holds work of an earlier request of the group.
    shared: bool,
    broken: bool,
    closed: bool,
    vitals: Arc<Vitals>,
}

/// One write, not yet committed. Reads through it see what it wrote.
pub struct Tx<'a> {
    pub(super) core: &'a mut Core,
}

impl Tx<'_> {
    /// Runs what erases a person's data: pages that come free by it are overwritten. Elsewhere they are not, because that
    /// would write more pages with every order.
    pub(super) fn erasing<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.pragma_update(None, "secure_delete", true)?;
        let erased = work(self);
        self.pragma_update(None, "secure_delete", "FAST")?;
        erased
    }

    /// With the flush, nothing of what was erased stays in the WAL either.
    pub(super) fn wipe_behind(&mut self) {
        self.core.wipe = true;
    }

    /// Reads through this write.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot(&self.core.db)
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.core.db
    }
}

impl Writer {
    pub(super) fn start(
        options: &Options,
        published: watch::Sender<u64>,
        (effects, committed): (watch::Sender<()>, watch::Sender<()>),
        vitals: Arc<Vitals>,
    ) -> Result<Self, StoreError> {
        let db = open_writer(options)?;
        let head = Head::load(&db)?;
        published.send_replace(head.seq);
        let mut core = Core {
            db,
            options: options.clone(),
            head,
            published,
            effects_changed: false,
            effects,
            committed,
            wipe: false,
            shared: false,
            broken: false,
            closed: false,
            vitals,
        };
        if options.threads == Threads::Inline {
            return Ok(Self::Inline(Box::new(Mutex::new(core))));
        }
        let (tx, mut rx) = mpsc::channel::<Job>(QUEUE);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                while let Some(first) = rx.blocking_recv() {
                    core.group(first, || rx.try_recv().ok());
                }
            })
            .map_err(|e| StoreError::Open(format!("cannot start the writer thread: {e}")))?;
        Ok(Self::Thread(tx))
    }

    /// Takes no more requests; those that were taken before are through when this returns.
    pub(super) async fn close(&self) {
        match self {
            Self::Inline(core) => core.lock().unwrap_or_else(PoisonError::into_inner).closed = true,
            Self::Thread(queue) => {
                let (reply, closed) = oneshot::channel();
                let job: Job = Box::new(move |core| {
                    core.closed = true;
                    Box::new(move |_| {
                        let _ = reply.send(());
                    })
                });
                // Either end is gone only when the writer is.
                if queue.send(job).await.is_ok() {
                    let _ = closed.await;
                }
            }
        }
    }

    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |core| {
            let result = core.step(work);
            Box::new(move |flushed| {
                // A refusal stands whatever the flush says: it wrote nothing.
                let _ = reply.send(match (result, flushed) {
                    (Ok(value), Ok(())) => Ok(value),
                    (Ok(_), Err(e)) => Err(e.into()),
                    (Err(e), _) => Err(e),
                });
            })
        });
        match self {
            Self::Inline(core) => core
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .group(job, || None),
            Self::Thread(queue) => queue
                .send(job)
                .await
                .map_err(|_| E::from(StoreError::Closed))?,
        }
        answer
            .await
            .unwrap_or_else(|_| Err(E::from(StoreError::Closed)))
    }
}

impl Core {
    /// Runs a group of requests in one transaction, flushes, and answers.
    fn group(&mut self, first: Job, mut next: impl FnMut() -> Option<Job>) {
        self.vitals.begin();
        let begun = self.begin();
        let mut replies = Vec::new();
        let mut job = Some(first);
        while let Some(run) = job.take() {
            replies.push(run(self));
            if replies.len() < GROUP {
                job = next();
            }
        }
        if !holds(Protection::CommitBeforeAck) {
            // Acknowledged first, and committed with whatever comes next.
            self.vitals.end(begun.is_err());
            for reply in replies {
                reply(begun.clone());
            }
            return;
        }
        let flushed = begun.and_then(|()| self.commit());
        if self.wipe && flushed.is_ok() {
            self.empty_the_wal();
        }
        // What comes now is not the disk's.
        self.vitals.end(flushed.is_err());
        if flushed.is_ok() {
            self.published.send_if_modified(|head| {
                let changed = *head != self.head.seq;
                *head = self.head.seq;
                changed
            });
            if std::mem::take(&mut self.effects_changed) {
                self.effects.send_replace(());
            }
            self.committed.send_replace(());
        }
        for reply in replies {
            reply(flushed.clone());
        }
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        if self.broken {
            self.reopen()?;
        }
        self.shared = false;
        if !holds(Protection::CommitBeforeAck) && !self.db.is_autocommit() {
            self.commit()?;
        }
        self.sql("BEGIN IMMEDIATE").map_err(|e| self.failed(e))
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Open(REOPENING.to_owned()));
        }
        self.sql("COMMIT").map_err(|e| self.failed(e))
    }

    /// Copies the WAL into the database and cuts it to nothing: what was erased is in no file then. A reader that still
    /// looks at what was before is not waited for; it is tried again behind the next write.
    fn empty_the_wal(&mut self) {
        let emptied = self.db.busy_timeout(Duration::ZERO).and_then(|()| {
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            let busy = self.db.query_row(sql, [], |r| r.get::<_, i64>(0));
            self.db.busy_timeout(super::BUSY)?;
            busy
        });
        match emptied {
            Ok(busy) => self.wipe = busy != 0,
            Err(error) => tracing::warn!(%error, "what was erased is still in the write-ahead log"),
        }
    }

    /// One request within the group.
    fn step<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.closed {
            return Err(StoreError::Closed.into());
        }
        if self.broken || self.db.is_autocommit() {
            return Err(StoreError::Open(REOPENING.to_owned()).into());
        }
        let head = self.head.clone();
        // A request that comes first can take the whole transaction back: a savepoint would copy every page it
        // touches for nothing.
        let alone = !self.shared;
        if !alone {
            self.sql("SAVEPOINT request")?;
        }
        let result = work(&mut Tx { core: self });
        if result.is_err() {
            self.head = head;
        }
        let ended = match (&result, alone) {
            (Ok(_), true) => {
                self.shared = true;
                Ok(())
            }
            (Ok(_), false) => self.sql("RELEASE request"),
            (Err(_), true) => self
                .sql("ROLLBACK")
                .and_then(|()| self.sql("BEGIN IMMEDIATE")),
            (Err(_), false) => self
                .sql("ROLLBACK TO request")
                .and_then(|()| self.sql("RELEASE request")),
        };
        match (result, ended) {
            (result, Ok(())) => result,
            (Ok(_), Err(e)) => Err(self.failed(e).into()),
            (Err(first), Err(e)) => {
                self.failed(e);
                Err(first)
            }
        }
    }

    fn sql(&self, statement: &str) -> Result<(), StoreError> {
        self.db.prepare_cached(statement)?.execute([])?;
        Ok(())
    }

    /// Nothing is known of the file any more: it is read again before anything else.
    fn failed(&mut self, e: StoreError) -> StoreError {
        tracing::error!(error = %e, "the database refused a write; reopening it");
        self.broken = holds(Protection::Reopen);
        e
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let db = open_writer(&self.options)?;
        self.head = Head::load(&db)?;
        self.db = db;
        self.broken = false;
        tracing::info!(seq = self.head.seq, "the database is open again");
        Ok(())
    }
}
