//! Keys of other systems. Only their hashes are kept.

use super::{Snapshot, StoreError, Tx};
use crate::domain::{chain::Hash, scope::Scope, time::Timestamp};
use rusqlite::{OptionalExtension as _, Row, params};

/// A key of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name: no other key has or had it.
    pub name: String,
    /// Hash of the key.
    pub hash: Hash,
    /// The first characters of the key, by which its holder knows it.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Requests a minute; the store's usual number when none.
    pub per_minute: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, as the log names them.
    pub created_by: String,
    /// It opens nothing from then on.
    pub expires_at: Option<Timestamp>,
    /// Hash of the key that it was before, and until when that one is good too.
    pub former: Option<(Hash, Timestamp)>,
    /// When it was used last; written at most once a minute.
    pub used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

const COLUMNS: &str = "name, hash, hint, scopes, per_minute, created_at, created_by, expires_at, former_hash, former_until, used_at, revoked_at";

impl Tx<'_> {
    /// Writes a key, new or changed.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO api_keys (name, hash, hint, scopes, per_minute, created_at, created_by, expires_at, former_hash, former_until, used_at, revoked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (name) DO UPDATE SET hash = ?2, hint = ?3, scopes = ?4, per_minute = ?5, expires_at = ?8,
               former_hash = ?9, former_until = ?10, used_at = ?11, revoked_at = ?12",
            params![
                key.name,
                key.hash,
                key.hint,
                serde_json::to_string(&key.scopes)?,
                key.per_minute,
                key.created_at.as_millis(),
                key.created_by,
                key.expires_at.map(Timestamp::as_millis),
                key.former.map(|(hash, _)| hash),
                key.former.map(|(_, until)| until.as_millis()),
                key.used_at.map(Timestamp::as_millis),
                key.revoked_at.map(Timestamp::as_millis),
            ],
        )?;
        Ok(())
    }

    /// Notes that a key was used.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn use_api_key(&mut self, name: &str, now: Timestamp) -> Result<(), StoreError> {
        self.prepare_cached("UPDATE api_keys SET used_at = ?2 WHERE name = ?1")?
            .execute(params![name, now.as_millis()])?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// All keys, revoked ones too, by name.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = self
            .prepare_cached(&format!("SELECT {COLUMNS} FROM api_keys ORDER BY name"))?
            .query_map([], raw)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(key).collect()
    }

    /// The key of this name.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn api_key(&self, name: &str) -> Result<Option<ApiKey>, StoreError> {
        self.prepare_cached(&format!("SELECT {COLUMNS} FROM api_keys WHERE name = ?1"))?
            .query_row([name], raw)
            .optional()?
            .map(key)
            .transpose()
    }
}

fn raw(r: &Row<'_>) -> rusqlite::Result<(ApiKey, String)> {
    let at = |i| Ok::<_, rusqlite::Error>(r.get::<_, Option<i64>>(i)?.map(Timestamp::from_millis));
    let key = ApiKey {
        name: r.get(0)?,
        hash: r.get(1)?,
        hint: r.get(2)?,
        scopes: Vec::new(),
        per_minute: r.get(4)?,
        created_at: Timestamp::from_millis(r.get(5)?),
        created_by: r.get(6)?,
        expires_at: at(7)?,
        former: r.get::<_, Option<Hash>>(8)?.zip(at(9)?),
        used_at: at(10)?,
        revoked_at: at(11)?,
    };
    Ok((key, r.get(3)?))
}

fn key((mut key, scopes): (ApiKey, String)) -> Result<ApiKey, StoreError> {
    key.scopes = serde_json::from_str(&scopes)
        .map_err(|_| StoreError::Damaged(format!("the key {}", key.name)))?;
    Ok(key)
}
