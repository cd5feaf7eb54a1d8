//! How far each reader of the log has come.

use super::{Snapshot, StoreError, Tx};
use crate::domain::time::Timestamp;
use rusqlite::{OptionalExtension as _, params};

impl Tx<'_> {
    /// Moves a reader's cursor, forward only.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn advance_cursor(
        &mut self,
        reader: &str,
        seq: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.prepare_cached(
            "INSERT INTO cursors (reader, seq, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (reader) DO UPDATE SET seq = max(seq, ?2), at = ?3",
        )?
        .execute(params![reader, seq, now.as_millis()])?;
        Ok(())
    }

    /// Sets a reader's cursor back, because the reader lost what it had.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn rewind_cursor(
        &mut self,
        reader: &str,
        seq: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO cursors (reader, seq, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (reader) DO UPDATE SET seq = ?2, at = ?3",
            params![reader, seq, now.as_millis()],
        )?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// Where a reader stands; 0 when it has read nothing.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn cursor(&self, reader: &str) -> Result<u64, StoreError> {
        Ok(self
            .prepare_cached("SELECT seq FROM cursors WHERE reader = ?1")?
            .query_row([reader], |r| r.get(0))
            .optional()?
            .unwrap_or(0))
    }

    /// All readers and where they stand.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn cursors(&self) -> Result<Vec<(String, u64, Timestamp)>, StoreError> {
        let rows = self
            .prepare_cached("SELECT reader, seq, at FROM cursors ORDER BY reader")?
            .query_map([], |r| {
                Ok((r.get(0)?, r.get(1)?, Timestamp::from_millis(r.get(2)?)))
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}
