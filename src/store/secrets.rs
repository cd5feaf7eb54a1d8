//! Secrets that technicians put in: sealed, and never shown.

use super::{
    Options, Snapshot, StoreError, Tx, open_reader,
    vault::{self, Key, SALT, VaultError},
};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};
use std::{collections::BTreeMap, path::Path};

/// What may be told of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Its name: what the configuration calls the credential.
    pub name: String,
    /// When it was set.
    pub at: Timestamp,
    /// Sealed, to see with which key.
    pub sealed: Vec<u8>,
}

impl Tx<'_> {
    /// Keeps a sealed secret, in place of the one with this name.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_secret(
        &mut self,
        name: &str,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO secrets (name, sealed, at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET sealed = ?2, at = ?3",
            params![name, sealed, now.as_millis()],
        )?;
        Ok(())
    }

    /// Forgets a secret; whether there was one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn delete_secret(&mut self, name: &str) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM secrets WHERE name = ?1", [name])? > 0)
    }

    /// Seals every secret with the first of the keys; the number of those that were sealed with another. All or none.
    ///
    /// # Errors
    /// When one can't be opened with any of the keys, or can't be written.
    pub fn reseal_secrets(
        &mut self,
        keys: &[Key],
        mut salt: impl FnMut() -> [u8; SALT],
    ) -> Result<usize, StoreError> {
        let Some(newest) = keys.first() else {
            return Ok(0);
        };
        let mut resealed = 0;
        for row in self.snapshot().secrets()? {
            if vault::is_sealed_with(newest, &row.sealed) {
                continue;
            }
            let text = vault::open(keys, &row.name, &row.sealed)
                .map_err(|e| StoreError::Secret(row.name.clone(), e))?;
            let sealed = vault::seal(newest, salt(), &row.name, &text);
            self.execute(
                "UPDATE secrets SET sealed = ?2 WHERE name = ?1",
                params![row.name, sealed],
            )?;
            resealed += 1;
        }
        Ok(resealed)
    }
}

impl Snapshot<'_> {
    /// All secrets, sealed, by name.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn secrets(&self) -> Result<Vec<SecretRow>, StoreError> {
        rows(self)
    }
}

fn rows(db: &Connection) -> Result<Vec<SecretRow>, StoreError> {
    let rows = db
        .prepare_cached("SELECT name, sealed, at FROM secrets ORDER BY name")?
        .query_map([], |r| {
            Ok(SecretRow {
                name: r.get(0)?,
                sealed: r.get(1)?,
                at: Timestamp::from_millis(r.get(2)?),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// The secrets of a database that nobody has opened yet, as they are needed before the store starts. Those that can't
/// be opened are told by name.
///
/// # Errors
/// When the database is there and can't be read.
pub fn read_secrets(
    database: &Path,
    keys: &[Key],
) -> Result<BTreeMap<String, Result<String, VaultError>>, StoreError> {
    if !database.exists() {
        return Ok(BTreeMap::new());
    }
    let db = open_reader(&Options::at(database))?;
    let known: i64 = db.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'secrets'",
        [],
        |r| r.get(0),
    )?;
    if known == 0 {
        return Ok(BTreeMap::new());
    }
    Ok(rows(&db)?
        .into_iter()
        .map(|row| {
            let text = vault::open(keys, &row.name, &row.sealed);
            (row.name, text)
        })
        .collect())
}
