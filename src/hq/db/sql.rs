//! One SQL for both databases.
//!
//! Statements are written once, in what SQLite and PostgreSQL have in common, with parameters `?1`, `?2` …; only the
//! making of tables is written twice ([`super::migrations`]).

use super::{
    cell::{Cell, Kind, Row},
    postgres, sqlite,
};
use crate::store::StoreError;
use std::cell::RefCell;

/// A transaction under way.
pub struct Sql<'a>(Inner<'a>);

enum Inner<'a> {
    Sqlite(&'a rusqlite::Connection, Option<&'a std::cell::Cell<bool>>),
    Postgres(&'a RefCell<postgres::Session>),
}

impl<'a> Sql<'a> {
    /// `wipe` is set when something was erased for good.
    pub(super) fn sqlite(
        db: &'a rusqlite::Connection,
        wipe: Option<&'a std::cell::Cell<bool>>,
    ) -> Self {
        Self(Inner::Sqlite(db, wipe))
    }

    pub(super) fn postgres(db: &'a RefCell<postgres::Session>) -> Self {
        Self(Inner::Postgres(db))
    }

    /// Runs a statement; how many rows it changed.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn execute(&self, sql: &str, parameters: &[Cell<'_>]) -> Result<u64, StoreError> {
        match self.0 {
            Inner::Sqlite(db, _) => sqlite::execute(db, sql, parameters),
            Inner::Postgres(db) => db.borrow_mut().execute(sql, parameters),
        }
    }

    /// Runs a statement that erases a person's data: in SQLite's files nothing of it stays behind the commit. In PostgreSQL
    /// what is dead is cleared away after it, by [`super::Db::vacuum`].
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn erase(&self, sql: &str) -> Result<u64, StoreError> {
        let (db, wipe) = match self.0 {
            Inner::Sqlite(db, wipe) => (db, wipe),
            Inner::Postgres(db) => return db.borrow_mut().erase(sql),
        };
        db.pragma_update(None, "secure_delete", true)?;
        let erased = self.execute(sql, &[]);
        db.pragma_update(None, "secure_delete", "FAST")?;
        if let (Ok(1..), Some(wipe)) = (&erased, wipe) {
            wipe.set(true);
        }
        erased
    }

    /// All rows of an answer.
    ///
    /// # Errors
    /// When the database refuses it, or `read` a row.
    pub fn rows<T>(
        &self,
        sql: &str,
        parameters: &[Cell<'_>],
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match self.0 {
            Inner::Sqlite(db, _) => sqlite::rows(db, sql, parameters, read),
            Inner::Postgres(db) => db
                .borrow_mut()
                .rows(sql, parameters)?
                .iter()
                .map(read)
                .collect(),
        }
    }

    /// The first row of an answer.
    ///
    /// # Errors
    /// As [`Sql::rows`].
    pub fn row<T>(
        &self,
        sql: &str,
        parameters: &[Cell<'_>],
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, parameters, read)?.into_iter().next())
    }

    /// Puts many rows in at once, `tail` is an `ON CONFLICT` clause or nothing; how many were put in.
    ///
    /// # Errors
    /// When the database refuses one; then none is in.
    pub fn insert_many(
        &self,
        table: &str,
        columns: &[(&str, Kind)],
        rows: &[Vec<Cell<'_>>],
        tail: &str,
    ) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        match self.0 {
            Inner::Sqlite(db, _) => sqlite::insert_many(db, table, columns, rows, tail),
            Inner::Postgres(db) => db.borrow_mut().insert_many(table, columns, rows, tail),
        }
    }

    /// The sub-select that `?1`, a JSON array of texts, stands for: `WHERE id IN ({listed})`.
    #[must_use]
    pub fn listed(&self) -> &'static str {
        match self.0 {
            Inner::Sqlite(..) => "SELECT value FROM json_each(?1)",
            Inner::Postgres(_) => "SELECT json_array_elements_text(CAST(CAST(?1 AS text) AS json))",
        }
    }

    /// Whether events lie in a table a month.
    #[must_use]
    pub fn is_partitioned(&self) -> bool {
        matches!(self.0, Inner::Postgres(_))
    }

    /// What a `SELECT` ends with so that nobody else changes the row before this transaction ends. SQLite has one
    /// writer, and needs nothing.
    #[must_use]
    pub fn lock(&self) -> &'static str {
        match self.0 {
            Inner::Sqlite(..) => "",
            Inner::Postgres(_) => " FOR UPDATE",
        }
    }
}

/// `a, b, c` of the columns.
pub(super) fn names(columns: &[(&str, Kind)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}
