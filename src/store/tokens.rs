//! Who may do what: only the hashes of tokens are kept.

use super::{Snapshot, StoreError, Tx};
use crate::domain::{chain::Hash, time::Timestamp};
use rusqlite::{OptionalExtension as _, params};

impl Tx<'_> {
    /// Keeps a token's hash with its role and holder.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_token(
        &mut self,
        hash: &Hash,
        role: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO tokens (hash, role, name, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (hash) DO UPDATE SET role = ?2, name = ?3",
            params![hash, role, name, now.as_millis()],
        )?;
        Ok(())
    }

    /// Revokes all tokens of a holder; the number of them.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn revoke_tokens(&mut self, name: &str) -> Result<usize, StoreError> {
        Ok(self.execute("DELETE FROM tokens WHERE name = ?1", [name])?)
    }
}

impl Snapshot<'_> {
    /// Role and holder of a token.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn token(&self, hash: &Hash) -> Result<Option<(String, String)>, StoreError> {
        Ok(self
            .prepare_cached("SELECT role, name FROM tokens WHERE hash = ?1")?
            .query_row([hash], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?)
    }
}
