//! API keys: for programs. A key is shown once, when it is made.

use super::{Role, random};
use crate::{
    domain::time::Timestamp,
    hq::{
        db::{Row, Sql, cells},
        hash,
    },
    store::StoreError,
    world::{Entropy, Secret},
};
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

/// What every key begins with, so that one that lies about is found.
pub(super) const BEGIN: &str = "ghk_";
/// That a key was used is noted so often.
const SEEN: Duration = Duration::from_mins(1);

/// A key, without itself.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Key {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) created_by: String,
    pub(super) created_at: Timestamp,
    pub(super) used_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
}

const KEY: &str =
    "SELECT id, name, role, created_by, created_at, used_at, revoked_at FROM api_keys";

fn key(r: &Row) -> Result<Key, StoreError> {
    let role: String = r.get(2)?;
    Ok(Key {
        id: r.get(0)?,
        name: r.get(1)?,
        role: role.parse().map_err(StoreError::Damaged)?,
        created_by: r.get(3)?,
        created_at: r.get(4)?,
        used_at: r.get(5)?,
        revoked_at: r.get(6)?,
    })
}

pub(super) fn all(sql: &Sql<'_>) -> Result<Vec<Key>, StoreError> {
    sql.rows(&format!("{KEY} ORDER BY created_at DESC, id"), &[], key)
}

pub(super) fn by_id(sql: &Sql<'_>, id: Uuid) -> Result<Option<Key>, StoreError> {
    sql.row(&format!("{KEY} WHERE id = ?1"), &cells![id], key)
}

/// A new key's text.
pub(super) fn make(entropy: &dyn Entropy) -> Secret {
    Secret::new(format!("{BEGIN}{}", random(entropy).reveal()))
}

pub(super) fn add(
    sql: &Sql<'_>,
    id: Uuid,
    text: &Secret,
    name: &str,
    role: Role,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO api_keys (id, hash, name, role, created_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &cells![id, hash(text.reveal()), name, role.word(), by, now],
    )?;
    Ok(())
}

/// The key with this text, if it holds; and whether it should be noted that it was used.
pub(super) fn holds(
    sql: &Sql<'_>,
    text: &str,
    now: Timestamp,
) -> Result<Option<(Key, bool)>, StoreError> {
    let found = sql.row(
        &format!("{KEY} WHERE hash = ?1 AND revoked_at IS NULL"),
        &cells![hash(text)],
        key,
    )?;
    Ok(found.map(|key| {
        let stale = key.used_at.is_none_or(|at| now.since(at) > SEEN);
        (key, stale)
    }))
}

pub(super) fn used(sql: &Sql<'_>, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE api_keys SET used_at = ?2 WHERE id = ?1",
        &cells![id, now],
    )?;
    Ok(())
}

pub(super) fn revoke(sql: &Sql<'_>, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
    Ok(sql.execute(
        "UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
        &cells![id, now],
    )? == 1)
}
