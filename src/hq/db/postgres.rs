//! Headquarters' database in PostgreSQL.
//!
//! The driver is the blocking one: sessions live on threads of their own, as those of SQLite do.

use super::{
    Job, REOPENING, Reply, Writer,
    cell::{Cell, Kind, Row},
    line::Line,
    migrations::{MIGRATIONS, newest, too_new},
    sql::{Sql, names},
};
use crate::{store::StoreError, world::Secret};
use ::postgres::{
    Client, Statement,
    fallible_iterator::FallibleIterator as _,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};
use bytes::BytesMut;
use std::{
    borrow::Cow, cell::RefCell, collections::BTreeMap, error::Error, sync::Arc, time::Duration,
};
use tokio::sync::Notify;

/// To be connected.
const CONNECT: Duration = Duration::from_secs(10);
/// What every session is set to: an acknowledged commit is on the disk, whatever the server's own default is.
const SETTINGS: &str = "SET synchronous_commit = on; SET TIME ZONE 'UTC'; SET lock_timeout = '30s'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '120s'";
/// Only one headquarters changes the tables at a time: any number, the same for all.
const MIGRATING: i64 = 0x0067_616c_6c65_7900;

/// A connection, with the statements that it has prepared.
pub(super) struct Session {
    client: Client,
    statements: BTreeMap<String, Statement>,
    /// Something was erased for good in this transaction.
    wipe: bool,
}

impl Session {
    pub(super) fn open(url: &Secret) -> Result<Self, StoreError> {
        let mut line = Line::parse(url)?;
        if line.config.get_connect_timeout().is_none() {
            line.config.connect_timeout(CONNECT);
        }
        line.config.application_name("galley-hq");
        let mut client = line
            .connect()
            .map_err(|e| StoreError::Open(format!("cannot connect to PostgreSQL: {}", tell(&e))))?;
        client.batch_execute(SETTINGS).map_err(failed)?;
        Ok(Self {
            client,
            statements: BTreeMap::new(),
            wipe: false,
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.client.batch_execute(sql).map_err(failed)
    }

    pub(super) fn erase(&mut self, sql: &str) -> Result<u64, StoreError> {
        let erased = self.execute(sql, &[])?;
        self.wipe |= erased > 0;
        Ok(erased)
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&numbered(sql)).map_err(failed)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(
        &mut self,
        sql: &str,
        parameters: &[Cell<'_>],
    ) -> Result<u64, StoreError> {
        let statement = self.prepared(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|c| c as _).collect();
        self.client.execute(&statement, &parameters).map_err(failed)
    }

    pub(super) fn rows(
        &mut self,
        sql: &str,
        parameters: &[Cell<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|c| c as _).collect();
        self.client
            .query(&statement, &parameters)
            .map_err(failed)?
            .iter()
            .map(|r| {
                let cell = |i| {
                    r.try_get::<_, Read>(i)
                        .map(|Read(cell)| cell)
                        .map_err(failed)
                };
                Ok(Row((0..r.len()).map(cell).collect::<Result<_, _>>()?))
            })
            .collect()
    }

    pub(super) fn insert_many(
        &mut self,
        table: &str,
        columns: &[(&str, Kind)],
        rows: &[Vec<Cell<'_>>],
        tail: &str,
    ) -> Result<u64, StoreError> {
        let arrays: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(i, (_, kind))| format!("?{}::{}[]", i + 1, type_of(*kind)))
            .collect();
        let sql = format!(
            "INSERT INTO {table} ({}) SELECT * FROM unnest({}) {tail}",
            names(columns),
            arrays.join(", ")
        );
        let statement = self.prepared(&sql)?;
        let columns: Vec<Vec<&Cell<'_>>> = (0..columns.len())
            .map(|i| {
                rows.iter()
                    .map(|row| row.get(i).unwrap_or(&Cell::Null))
                    .collect()
            })
            .collect();
        let parameters: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| c as _).collect();
        self.client.execute(&statement, &parameters).map_err(failed)
    }
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "bigint",
        Kind::Text => "text",
        Kind::Blob => "bytea",
    }
}

/// Runs `work` on one consistent snapshot.
pub(super) fn snapshot<T>(
    session: &RefCell<Session>,
    work: impl FnOnce(&Sql<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    session
        .borrow_mut()
        .batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let result = work(&Sql::postgres(session));
    // A connection that can't even end it is closed, and not used again.
    let ended = session.borrow_mut().batch("COMMIT");
    result.and_then(|value| ended.map(|()| value))
}

/// Clears away what is dead in a table; how many rows had to be left because somebody may still look at what was before.
/// Blocks.
pub(super) fn vacuum(url: &Secret, table: &str) -> Result<u64, StoreError> {
    let mut session = Session::open(url)?;
    // The server passes a table over that is not ours, with no more than a warning.
    let owners = session.rows(
        "SELECT pg_get_userbyid(c.relowner)::text FROM pg_class c JOIN pg_database d ON d.datname = current_database()
         WHERE c.oid = CAST(?1 AS text)::regclass AND NOT (pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE')
           OR CASE WHEN current_setting('server_version_num')::integer < 170000 THEN false
                   ELSE has_table_privilege(c.oid, 'MAINTAIN') END)",
        &[Cell::from(table)],
    )?;
    if let Some(row) = owners.first() {
        return Err(StoreError::Server(format!(
            "only {}, who owns {table}, may run VACUUM on it",
            row.get::<String>(0)?
        )));
    }
    // It takes the time it takes, and keeps nobody from reading or writing.
    session.batch("SET statement_timeout = 0")?;
    session.batch(&format!("VACUUM {table}"))?;
    let left = session.rows(
        "SELECT n_dead_tup FROM pg_stat_all_tables WHERE relid = CAST(?1 AS text)::regclass",
        &[Cell::from(table)],
    )?;
    left.first().map_or(Ok(0), |row| row.get(0))
}

/// Shows what is told on a channel, until it is to stop; a connection that breaks is opened again. Blocks.
pub(in crate::hq) fn listen(
    url: &Secret,
    channel: &str,
    mut show: impl FnMut(&str),
    stop: impl Fn() -> bool,
) {
    const LOOK: Duration = Duration::from_millis(500);
    while !stop() {
        let mut session = match Session::open(url) {
            Ok(session) => session,
            Err(error) => {
                tracing::debug!(%error, "not listening to other headquarters");
                std::thread::park_timeout(LOOK);
                continue;
            }
        };
        if session.batch(&format!("LISTEN {channel}")).is_err() {
            std::thread::park_timeout(LOOK);
            continue;
        }
        while !stop() && !session.is_closed() {
            let mut notices = session.client.notifications();
            let mut notices = notices.timeout_iter(LOOK);
            while let Ok(Some(notice)) = notices.next() {
                show(notice.payload());
            }
        }
    }
}

/// The connection that writes.
pub(super) struct Core {
    session: RefCell<Session>,
    url: Secret,
    broken: bool,
    erased: Arc<Notify>,
}

impl Core {
    /// `erased` is told when something was erased for good.
    pub(super) fn open(url: &Secret, erased: Arc<Notify>) -> Result<Self, StoreError> {
        let mut session = Session::open(url)?;
        migrate(&mut session)?;
        Ok(Self {
            session: RefCell::new(session),
            url: url.clone(),
            broken: false,
            erased,
        })
    }

    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.session.borrow_mut().batch(sql)
    }

    fn failed(&mut self, e: StoreError) -> StoreError {
        tracing::error!(error = %e, "headquarters' database refused a write; connecting anew");
        self.broken = true;
        e
    }
}

impl Writer for Core {
    fn begin(&mut self) -> Result<(), StoreError> {
        if self.broken || self.session.borrow().is_closed() {
            self.session = RefCell::new(Session::open(&self.url)?);
            self.broken = false;
            tracing::info!("headquarters is connected to its database again");
        }
        self.batch("BEGIN").map_err(|e| self.failed(e))
    }

    fn step(&mut self, job: Job) -> Reply {
        if self.broken {
            return job(Err(StoreError::Open(REOPENING.to_owned()))).reply;
        }
        if let Err(e) = self.batch("SAVEPOINT request") {
            let e = self.failed(e);
            return job(Err(e)).reply;
        }
        let ran = job(Ok(&Sql::postgres(&self.session)));
        let ended = self.batch(if ran.keep {
            "RELEASE request"
        } else {
            "ROLLBACK TO request; RELEASE request"
        });
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
        self.batch("COMMIT").map_err(|e| self.failed(e))?;
        if std::mem::take(&mut self.session.borrow_mut().wipe) {
            self.erased.notify_one();
        }
        Ok(())
    }
}

fn migrate(session: &mut Session) -> Result<(), StoreError> {
    // Held until the connection ends or lets go.
    session.execute("SELECT pg_advisory_lock(?1)", &[Cell::Int(MIGRATING)])?;
    session.batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())",
    )?;
    let applied: Vec<i64> = session
        .rows("SELECT number FROM schema_migrations ORDER BY number", &[])?
        .iter()
        .map(|r| r.get(0))
        .collect::<Result<_, _>>()?;
    if let Some(&last) = applied.last()
        && last > newest()
    {
        return Err(StoreError::Open(too_new(last)));
    }
    for migration in MIGRATIONS {
        if applied.contains(&migration.number) {
            continue;
        }
        session.batch(&format!(
            "BEGIN; {}; INSERT INTO schema_migrations (number) VALUES ({}); COMMIT",
            migration.postgres.trim_end().trim_end_matches(';'),
            migration.number
        ))?;
    }
    session.execute("SELECT pg_advisory_unlock(?1)", &[Cell::Int(MIGRATING)])?;
    Ok(())
}

/// `?1` as PostgreSQL writes it, `$1`; text in quotes stays.
fn numbered(sql: &str) -> String {
    let mut quoted = false;
    sql.chars()
        .map(|c| match c {
            '\'' => {
                quoted = !quoted;
                c
            }
            '?' if !quoted => '$',
            c => c,
        })
        .collect()
}

/// The whole chain of causes, without which the driver says little more than "db error".
fn tell(e: &::postgres::Error) -> String {
    if let Some(db) = e.as_db_error() {
        return format!("{} ({})", db.message(), db.code().code());
    }
    match e.source() {
        Some(cause) => format!("{e}: {cause}"),
        None => e.to_string(),
    }
}

fn failed(e: ::postgres::Error) -> StoreError {
    use ::postgres::error::SqlState;
    match e.code() {
        Some(&SqlState::DISK_FULL) => StoreError::DiskFull,
        Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => {
            StoreError::Damaged(tell(&e))
        }
        _ => StoreError::Server(tell(&e)),
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(n) => match *ty {
                Type::INT8 => n.to_sql(ty, out),
                Type::INT4 => i32::try_from(*n)?.to_sql(ty, out),
                Type::INT2 => i16::try_from(*n)?.to_sql(ty, out),
                Type::BOOL => (*n != 0).to_sql(ty, out),
                _ => Err(format!("an integer where {ty} is wanted").into()),
            },
            Self::Real(x) if *ty == Type::FLOAT8 => x.to_sql(ty, out),
            Self::Text(t) if <&str as ToSql>::accepts(ty) => t.as_ref().to_sql(ty, out),
            Self::Blob(b) if *ty == Type::BYTEA => b.as_ref().to_sql(ty, out),
            other => Err(format!("{other:?} where {ty} is wanted").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A cell as it is read.
struct Read(Cell<'static>);

impl<'a> FromSql<'a> for Read {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Cell::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Cell::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Cell::Int(bool::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Cell::Real(f64::from_sql(ty, raw)?),
            Type::BYTEA => Cell::Blob(Cow::Owned(raw.to_vec())),
            _ if <String as FromSql<'_>>::accepts(ty) => {
                Cell::Text(Cow::Owned(String::from_sql(ty, raw)?))
            }
            _ => return Err(format!("{ty} can't be read; cast it in the statement").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Cell::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_as_postgresql_does() {
        assert_eq!(
            numbered("SELECT '?1' || x FROM t WHERE a = ?1 AND b = ?12"),
            "SELECT '?1' || x FROM t WHERE a = $1 AND b = $12"
        );
    }
}
