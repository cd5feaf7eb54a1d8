//! Headquarters' database as an SQLite file.

use super::{
    Job, REOPENING, Reply, Writer,
    cell::{Cell, Kind, Row},
    migrations::{MIGRATIONS, newest, too_new},
    sql::{Sql, names},
};
use crate::{
    disk::{open_lock, settle_wal},
    store::{Options, StoreError},
};
use rusqlite::{
    Connection, OpenFlags, ToSql,
    types::{ToSqlOutput, Value, ValueRef},
};
use std::{
    borrow::Cow,
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

/// The oldest SQLite without the WAL-reset race. [source: sqlite.org/wal.html#walresetbug]
const OLDEST_SQLITE: i32 = 3_051_003;

/// Held by everybody who has the file open: headquarters, and the commands that a person gives beside it.
#[derive(Debug)]
pub(super) struct Opened {
    _held: Option<File>,
}

/// Opens the way to a file. Whoever comes when nobody has it brings its write-ahead log to the disk before anything of it is
/// read ([`settle_wal`]); whoever comes later finds that done.
pub(super) fn enter(options: &Options) -> Result<Opened, StoreError> {
    let settle = || {
        settle_wal(&options.path, options.vfs.as_ref()).map_err(|e| {
            StoreError::Open(format!(
                "the write-ahead log of {} can't be brought to the disk: {e}",
                options.path.display()
            ))
        })
    };
    if options.vfs.is_some() {
        // A file layer within this process, which nobody else sees.
        settle()?;
        return Ok(Opened { _held: None });
    }
    let mut path = options.path.clone().into_os_string();
    path.push("-open");
    let told = |e: std::io::Error| {
        StoreError::Open(format!("cannot open {}: {e}", Path::new(&path).display()))
    };
    let held = open_lock(Path::new(&path)).map_err(told)?;
    match held.try_lock() {
        Ok(()) => {
            settle()?;
            held.unlock().map_err(told)?;
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(e)) => return Err(told(e)),
    }
    // Waits for one who is just settling it, no longer.
    held.lock_shared().map_err(told)?;
    Ok(Opened { _held: Some(held) })
}

/// The connection that writes.
pub(super) struct Core {
    db: Connection,
    options: Options,
    broken: bool,
    /// Something was erased for good: it is to be gone from the WAL, too.
    wipe: std::cell::Cell<bool>,
}

impl Core {
    pub(super) fn open(options: &Options) -> Result<Self, StoreError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(StoreError::Open(format!(
                "SQLite {} can corrupt the database (WAL-reset race); 3.51.3 or newer is needed",
                rusqlite::version()
            )));
        }
        Ok(Self {
            db: open_writer(options)?,
            options: options.clone(),
            broken: false,
            wipe: std::cell::Cell::new(false),
        })
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

impl Writer for Core {
    fn begin(&mut self) -> Result<(), StoreError> {
        if self.broken {
            self.db = open_writer(&self.options)?;
            self.broken = false;
            tracing::info!("headquarters' database is open again");
        }
        self.sql("BEGIN IMMEDIATE").map_err(|e| self.failed(e))
    }

    fn step(&mut self, job: Job) -> Reply {
        if self.broken || self.db.is_autocommit() {
            return job(Err(StoreError::Open(REOPENING.to_owned()))).reply;
        }
        if let Err(e) = self.sql("SAVEPOINT request") {
            let e = self.failed(e);
            return job(Err(e)).reply;
        }
        let ran = job(Ok(&Sql::sqlite(&self.db, Some(&self.wipe))));
        let ended = if ran.keep {
            self.sql("RELEASE request")
        } else {
            self.sql("ROLLBACK TO request")
                .and_then(|()| self.sql("RELEASE request"))
        };
        // The commit fails then, and with it every request of the group.
        if let Err(e) = ended {
            self.failed(e);
        }
        ran.reply
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Open(REOPENING.to_owned()));
        }
        self.sql("COMMIT").map_err(|e| self.failed(e))?;
        if self.wipe.get() {
            // Not waiting for whoever still looks at what was before: it is tried again behind the next write.
            let _ = self.db.busy_timeout(std::time::Duration::ZERO);
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            match self.db.query_row(sql, [], |r| r.get::<_, i64>(0)) {
                Ok(busy) => self.wipe.set(busy != 0),
                Err(error) => {
                    tracing::warn!(%error, "what was erased is still in the write-ahead log");
                }
            }
            let _ = self.db.busy_timeout(crate::store::BUSY);
        }
        Ok(())
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(n) => ToSqlOutput::Owned(Value::Integer(*n)),
            Self::Real(x) => ToSqlOutput::Owned(Value::Real(*x)),
            Self::Text(t) => ToSqlOutput::Borrowed(ValueRef::Text(t.as_bytes())),
            Self::Blob(b) => ToSqlOutput::Borrowed(ValueRef::Blob(b)),
        })
    }
}

fn row(r: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<Row> {
    let cell = |i| {
        Ok(match r.get_ref(i)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(n) => Cell::Int(n),
            ValueRef::Real(x) => Cell::Real(x),
            ValueRef::Text(t) => Cell::Text(Cow::Owned(String::from_utf8_lossy(t).into_owned())),
            ValueRef::Blob(b) => Cell::Blob(Cow::Owned(b.to_vec())),
        })
    };
    Ok(Row((0..columns)
        .map(cell)
        .collect::<rusqlite::Result<_>>()?))
}

pub(super) fn execute(
    db: &Connection,
    sql: &str,
    parameters: &[Cell<'_>],
) -> Result<u64, StoreError> {
    let changed = db
        .prepare_cached(sql)?
        .execute(rusqlite::params_from_iter(parameters))?;
    Ok(changed as u64)
}

pub(super) fn rows<T>(
    db: &Connection,
    sql: &str,
    parameters: &[Cell<'_>],
    mut read: impl FnMut(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut found = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut rows = Vec::new();
    while let Some(r) = found.next()? {
        rows.push(read(&row(r, columns)?)?);
    }
    Ok(rows)
}

pub(super) fn insert_many(
    db: &Connection,
    table: &str,
    columns: &[(&str, Kind)],
    rows: &[Vec<Cell<'_>>],
    tail: &str,
) -> Result<u64, StoreError> {
    let marks: Vec<String> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
    let mut statement = db.prepare_cached(&format!(
        "INSERT INTO {table} ({}) VALUES ({}) {tail}",
        names(columns),
        marks.join(", ")
    ))?;
    let mut changed = 0;
    for row in rows {
        changed += statement.execute(rusqlite::params_from_iter(row))? as u64;
    }
    Ok(changed)
}

/// Writes a consistent copy to `to`, which must not exist.
pub(super) fn backup(options: &Options, to: &Path) -> Result<(), StoreError> {
    let db = open_reader(options)?;
    // It writes another file only, but "query_only" forbids that too.
    db.pragma_update(None, "query_only", false)?;
    db.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    Ok(())
}

fn configure(db: &Connection) -> Result<(), StoreError> {
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(crate::store::STATEMENTS);
    crate::store::plan_once(db)?;
    Ok(())
}

fn open_flags(options: &Options, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&options.path, flags, vfs.name()),
        None => Connection::open_with_flags(&options.path, flags),
    }
}

pub(super) fn open_reader(options: &Options) -> Result<Connection, StoreError> {
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
    db.pragma_update(None, "secure_delete", "FAST")?;
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
    let applied: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if applied > newest() {
        return Err(StoreError::Open(too_new(applied)));
    }
    for migration in MIGRATIONS.iter().filter(|m| m.number > applied) {
        let tx = db.transaction()?;
        tx.execute_batch(migration.sqlite)?;
        tx.pragma_update(None, "user_version", migration.number)?;
        tx.commit()?;
    }
    Ok(())
}
