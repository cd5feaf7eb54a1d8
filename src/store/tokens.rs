//! Screens: those that wait to be paired, and those that are. Only the hashes of tokens are kept.

use super::{Snapshot, StoreError, Tx};
use crate::domain::{chain::Hash, time::Timestamp};
use rusqlite::{OptionalExtension as _, Row, params};

/// A screen that was paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Hash of its token.
    pub hash: Hash,
    /// Its role's word.
    pub role: String,
    /// Its name; no other screen has it.
    pub name: String,
    /// When it was paired.
    pub paired_at: Timestamp,
    /// Who paired it, as the log names them.
    pub paired_by: String,
}

/// A screen that waits to be paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// The code that stands on it.
    pub code: String,
    /// Hash of what it asks with.
    pub poll: Hash,
    /// The role it wants.
    pub role: String,
    /// The name it was paired under; none while it waits.
    pub name: Option<String>,
    /// When it asked first.
    pub created_at: Timestamp,
    /// When its code is forgotten.
    pub expires_at: Timestamp,
}

impl Tx<'_> {
    /// Keeps a screen's token.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_screen(&mut self, screen: &Screen) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO tokens (hash, role, name, created_at, paired_by) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hash) DO UPDATE SET name = ?3",
            params![
                screen.hash,
                screen.role,
                screen.name,
                screen.paired_at.as_millis(),
                screen.paired_by
            ],
        )?;
        Ok(())
    }

    /// Forgets a screen's token.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn delete_screen(&mut self, hash: &Hash) -> Result<(), StoreError> {
        self.execute("DELETE FROM tokens WHERE hash = ?1", [hash])?;
        Ok(())
    }

    /// Keeps a screen that waits, or what became of it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_pairing(&mut self, p: &Pairing) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO pairings (code, poll, role, name, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (code) DO UPDATE SET name = ?4, expires_at = ?6",
            params![
                p.code,
                p.poll,
                p.role,
                p.name,
                p.created_at.as_millis(),
                p.expires_at.as_millis()
            ],
        )?;
        Ok(())
    }

    /// Forgets the screens that have waited too long.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn forget_pairings(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM pairings WHERE expires_at <= ?1",
            [now.as_millis()],
        )?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// All paired screens, by name.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn screens(&self) -> Result<Vec<Screen>, StoreError> {
        let rows = self
            .prepare_cached(
                "SELECT hash, role, name, created_at, paired_by FROM tokens ORDER BY name",
            )?
            .query_map([], |r| {
                Ok(Screen {
                    hash: r.get(0)?,
                    role: r.get(1)?,
                    name: r.get(2)?,
                    paired_at: Timestamp::from_millis(r.get(3)?),
                    paired_by: r.get(4)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(rows)
    }

    /// The paired screen of this name.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn screen(&self, name: &str) -> Result<Option<Screen>, StoreError> {
        Ok(self.screens()?.into_iter().find(|s| s.name == name))
    }

    /// Screens that wait, or were paired a moment ago.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn pairings(&self, now: Timestamp) -> Result<Vec<Pairing>, StoreError> {
        let rows = self
            .prepare_cached(
                "SELECT code, poll, role, name, created_at, expires_at FROM pairings
                 WHERE expires_at > ?1 ORDER BY created_at, code",
            )?
            .query_map([now.as_millis()], pairing)?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(rows)
    }

    /// The screen that asks with this.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn pairing_by_poll(
        &self,
        poll: &Hash,
        now: Timestamp,
    ) -> Result<Option<Pairing>, StoreError> {
        Ok(self
            .prepare_cached(
                "SELECT code, poll, role, name, created_at, expires_at FROM pairings
                 WHERE poll = ?1 AND expires_at > ?2",
            )?
            .query_row(params![poll, now.as_millis()], pairing)
            .optional()?)
    }
}

fn pairing(r: &Row<'_>) -> rusqlite::Result<Pairing> {
    Ok(Pairing {
        code: r.get(0)?,
        poll: r.get(1)?,
        role: r.get(2)?,
        name: r.get(3)?,
        created_at: Timestamp::from_millis(r.get(4)?),
        expires_at: Timestamp::from_millis(r.get(5)?),
    })
}
