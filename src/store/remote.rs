//! What headquarters told this store, by the message's id.

use super::{Options, Snapshot, StoreError, Tx, open_reader};
use crate::domain::time::Timestamp;
use rusqlite::{OptionalExtension as _, params, types::Value};
use std::path::Path;
use uuid::Uuid;

/// Name of headquarters' cursor.
const READER: &str = "hq";

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was begun, and takes a while.
    Doing,
    /// It is done.
    Done,
    /// It will not be done.
    Refused,
}

impl Told {
    fn word(self) -> &'static str {
        match self {
            Self::Doing => "doing",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

impl Tx<'_> {
    /// Notes how far a message is.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_told(
        &mut self,
        id: Uuid,
        kind: &str,
        told: Told,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO told (id, kind, state, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET state = ?3, at = ?4",
            params![id.into_bytes(), kind, told.word(), now.as_millis()],
        )?;
        Ok(())
    }

    /// Forgets messages that nobody repeats any more.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn forget_told(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self.execute("DELETE FROM told WHERE at < ?1", [before.as_millis()])?)
    }
}

impl Snapshot<'_> {
    /// How far a message is; none when it never came.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn told(&self, id: Uuid) -> Result<Option<Told>, StoreError> {
        let word: Option<String> = self
            .prepare_cached("SELECT state FROM told WHERE id = ?1")?
            .query_row([id.into_bytes()], |r| r.get(0))
            .optional()?;
        word.map(|w| match w.as_str() {
            "doing" => Ok(Told::Doing),
            "done" => Ok(Told::Done),
            "refused" => Ok(Told::Refused),
            other => Err(StoreError::Damaged(format!("a message's state {other:?}"))),
        })
        .transpose()
    }
}

/// Whether headquarters has acknowledged the event that tells it of a token, by the token's hash in hexadecimal digits. Of
/// a database that nobody has opened yet.
///
/// # Errors
/// When the database is there and can't be read.
pub fn token_is_told(database: &Path, hash: &str) -> Result<bool, StoreError> {
    if !database.exists() {
        return Ok(false);
    }
    let db = open_reader(&Options::at(database))?;
    let told: Option<u64> = db
        .query_row(
            "SELECT seq FROM events WHERE kind = 'hq.answered' AND json_extract(body, '$.answer.token_hash') = ?1
             ORDER BY seq DESC LIMIT 1",
            [hash],
            |r| r.get(0),
        )
        .optional()?;
    let cursor = Snapshot(&db).cursor(READER)?;
    Ok(told.is_some_and(|seq| seq <= cursor))
}

/// Tables beside the log that a box keeps when its log is made anew: they are in no log.
const BESIDE: &[&str] = &[
    "secrets",
    "tokens",
    "contacts",
    "receipt_contacts",
    "promotion_uses",
    "guests",
    "loyalty_members",
    "loyalty_keys",
    "loyalty_moves",
    "requests",
    "told",
];

/// Rows of one table.
#[derive(Clone, Debug)]
pub struct Rows {
    table: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

fn rows_of(db: &Snapshot<'_>, table: &'static str, which: &str) -> Result<Rows, StoreError> {
    let mut statement = db.prepare(&format!("SELECT * FROM {table} {which}"))?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let rows = statement
        .query_map([], |r| (0..columns.len()).map(|i| r.get(i)).collect())?
        .collect::<Result<_, _>>()?;
    Ok(Rows {
        table,
        columns,
        rows,
    })
}

impl Snapshot<'_> {
    /// What this box keeps beside its log: people's PINs, screens, secrets, guests' numbers, members and their points, and
    /// documents that are not headquarters'.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn beside_the_log(&self) -> Result<Vec<Rows>, StoreError> {
        let mut all = BESIDE
            .iter()
            .map(|table| rows_of(self, table, ""))
            .collect::<Result<Vec<_>, _>>()?;
        all.push(rows_of(self, "users", "")?);
        all.push(rows_of(self, "documents", "WHERE name NOT LIKE 'hq:%'")?);
        all.push(rows_of(
            self,
            "cursors",
            &format!("WHERE reader <> '{READER}'"),
        )?);
        Ok(all)
    }
}

impl Tx<'_> {
    /// Takes over what another database kept beside the log; what is here already stays, but for people, who come with
    /// their PINs.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn take_over(&mut self, all: &[Rows]) -> Result<(), StoreError> {
        for rows in all {
            if rows.table == "users" && !rows.rows.is_empty() {
                self.execute("DELETE FROM users", [])?;
            }
            let marks: Vec<String> = (1..=rows.columns.len()).map(|n| format!("?{n}")).collect();
            let sql = format!(
                "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
                rows.table,
                rows.columns.join(", "),
                marks.join(", ")
            );
            let mut statement = self.prepare(&sql)?;
            for row in &rows.rows {
                statement.execute(rusqlite::params_from_iter(row))?;
            }
        }
        Ok(())
    }
}
