//! Answers to requests with an idempotency key, kept in the same write as what the request did.

use super::{Snapshot, StoreError, Tx};
use crate::domain::{chain::Hash, time::Timestamp};
use rusqlite::{OptionalExtension as _, params};

/// What was answered to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Hash of the request that used the key first.
    pub fingerprint: Hash,
    /// HTTP status of the answer.
    pub status: u16,
    /// Its body.
    pub body: String,
}

impl Tx<'_> {
    /// Keeps the answer to a key.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn remember(
        &mut self,
        key: &str,
        replay: &Replay,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.prepare_cached(
            "INSERT INTO requests (key, fingerprint, status, body, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            key,
            replay.fingerprint,
            replay.status,
            replay.body,
            now.as_millis()
        ])?;
        Ok(())
    }

    /// Forgets answers older than `before`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn forget_requests(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self.execute("DELETE FROM requests WHERE at < ?1", [before.as_millis()])?)
    }
}

impl Snapshot<'_> {
    /// What was answered to this key, if it was used.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn replay(&self, key: &str) -> Result<Option<Replay>, StoreError> {
        Ok(self
            .prepare_cached("SELECT fingerprint, status, body FROM requests WHERE key = ?1")?
            .query_row([key], |r| {
                Ok(Replay {
                    fingerprint: r.get(0)?,
                    status: r.get(1)?,
                    body: r.get(2)?,
                })
            })
            .optional()?)
    }
}
