//! What is kept: the cases, the messages that are still to be sent, and which headquarters sends them.

use super::case::{Cases, What};
use crate::{
    domain::time::Timestamp,
    hq::db::{Sql, cells},
    store::StoreError,
};
use std::time::Duration;
use uuid::Uuid;

/// Messages of one turn.
const SOME: u32 = 50;

/// Takes or keeps the lease for `holder`; false while another headquarters has it.
pub(super) fn lease(
    sql: &Sql<'_>,
    holder: Uuid,
    now: Timestamp,
    lasts: Duration,
) -> Result<bool, StoreError> {
    let until = now.saturating_add(lasts);
    let taken = sql.execute(
        "INSERT INTO leases (name, holder, until) VALUES ('notify', ?1, ?2)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
         WHERE leases.holder = excluded.holder OR leases.until < ?3",
        &cells![holder, until, now],
    )?;
    Ok(taken == 1)
}

pub(super) fn cases(sql: &Sql<'_>) -> Result<Cases, StoreError> {
    let doc: Option<String> = sql.row("SELECT doc FROM notify_cases WHERE id = 1", &[], |r| {
        r.get(0)
    })?;
    Ok(match doc {
        Some(doc) => serde_json::from_str(&doc)?,
        None => Cases::default(),
    })
}

pub(super) fn keep(sql: &Sql<'_>, cases: &Cases) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO notify_cases (id, doc) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
        &cells![serde_json::to_string(cases)?],
    )?;
    Ok(())
}

/// A message to one channel.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) id: Uuid,
    pub(super) channel: String,
    pub(super) what: What,
    pub(super) at: Timestamp,
    pub(super) attempts: u32,
}

pub(super) fn put(
    sql: &Sql<'_>,
    id: Uuid,
    channel: &str,
    what: &What,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO notices (id, channel, what, at, attempts, next_at) VALUES (?1, ?2, ?3, ?4, 0, ?4)",
        &cells![id, channel, serde_json::to_string(what)?, now],
    )?;
    Ok(())
}

/// Those whose time has come, the oldest first.
pub(super) fn due(sql: &Sql<'_>, now: Timestamp) -> Result<Vec<Due>, StoreError> {
    sql.rows(
        "SELECT id, channel, what, at, attempts FROM notices
         WHERE next_at IS NOT NULL AND next_at <= ?1 ORDER BY at, id LIMIT ?2",
        &cells![now, SOME],
        |r| {
            Ok(Due {
                id: r.get(0)?,
                channel: r.get(1)?,
                what: serde_json::from_str(&r.get::<String>(2)?)?,
                at: r.get(3)?,
                attempts: r.get(4)?,
            })
        },
    )
}

/// It was sent; what is kept of it says when.
pub(super) fn sent(sql: &Sql<'_>, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE notices SET sent_at = ?2, next_at = NULL, error = NULL WHERE id = ?1",
        &cells![id, now],
    )?;
    Ok(())
}

/// It was not; it is tried again at `next`, or never.
pub(super) fn failed(
    sql: &Sql<'_>,
    id: Uuid,
    next: Option<Timestamp>,
    error: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE notices SET attempts = attempts + 1, next_at = ?2, error = ?3 WHERE id = ?1",
        &cells![id, next, error],
    )?;
    Ok(())
}

/// Drops what is older and done.
pub(super) fn prune(sql: &Sql<'_>, before: Timestamp) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM notices WHERE next_at IS NULL AND at < ?1",
        &cells![before],
    )?;
    Ok(())
}
