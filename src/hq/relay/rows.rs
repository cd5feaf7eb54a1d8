//! Calls that are kept, and what they ask of the stores.

use super::GIVE_UP;
use crate::{
    domain::{
        ids::OrderId,
        remote::{Answer, Command},
        time::Timestamp,
    },
    hq::{
        db::{Sql, cells},
        down,
    },
    store::StoreError,
};
use std::time::Duration;
use uuid::Uuid;

/// Calls that are looked at together.
const SOME: u32 = 200;

/// The id of what a call asks: the same call asks once, however often it comes.
pub(super) fn message(provider: &str, key: &str) -> Uuid {
    Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("galley:relay:{provider}:{key}").as_bytes(),
    )
}

/// Keeps a call, unless it is here already.
pub(super) fn keep(
    sql: &Sql<'_>,
    provider: &str,
    key: &str,
    order: OrderId,
    command: &Command,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO relay_calls (provider, key, received_at, order_id, command, state)
         VALUES (?1, ?2, ?3, ?4, ?5, 'waiting') ON CONFLICT (provider, key) DO NOTHING",
        &cells![provider, key, now, order.0, serde_json::to_string(command)?],
    )?;
    Ok(())
}

/// Which store has an order.
pub(super) fn store_of(sql: &Sql<'_>, order: OrderId) -> Result<Option<String>, StoreError> {
    sql.row(
        "SELECT s.store_id FROM orders o JOIN stores s ON s.id = o.store WHERE o.order_id = ?1",
        &cells![order.0],
        |r| r.get(0),
    )
}

/// Passes a call on when its order is here; the store.
pub(super) fn place(
    sql: &Sql<'_>,
    provider: &str,
    key: &str,
    message: Uuid,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let select = format!(
        "SELECT order_id, command FROM relay_calls WHERE provider = ?1 AND key = ?2 AND state = 'waiting'{}",
        sql.lock()
    );
    let Some((order, command)) = sql.row(&select, &cells![provider, key], |r| {
        Ok((OrderId(r.get(0)?), r.get::<String>(1)?))
    })?
    else {
        return Ok(None);
    };
    let Some(store) = store_of(sql, order)? else {
        return Ok(None);
    };
    let command: Command = serde_json::from_str(&command)?;
    tell(sql, message, &store, &command, provider, now, GIVE_UP)?;
    sql.execute(
        "UPDATE relay_calls SET state = 'passed', message = ?3 WHERE provider = ?1 AND key = ?2",
        &cells![provider, key, message],
    )?;
    Ok(Some(store))
}

/// Puts a command on its way, once.
pub(super) fn tell(
    sql: &Sql<'_>,
    id: Uuid,
    store: &str,
    command: &Command,
    provider: &str,
    now: Timestamp,
    lasts: Duration,
) -> Result<(), StoreError> {
    down::put_command(
        sql,
        id,
        store,
        command,
        &format!("relay:{provider}"),
        now,
        now.saturating_add(lasts),
    )
}

/// What the store answered.
pub(super) fn answer(sql: &Sql<'_>, id: Uuid) -> Result<Option<Answer>, StoreError> {
    let answer: Option<Option<String>> = sql.row(
        "SELECT answer FROM down_messages WHERE id = ?1 AND state = 'done'",
        &cells![id],
        |r| r.get(0),
    )?;
    Ok(match answer.flatten() {
        Some(text) => Some(serde_json::from_str(&text)?),
        None => None,
    })
}

/// Calls whose order is not here yet, the oldest first.
pub(super) fn waiting(sql: &Sql<'_>) -> Result<Vec<(String, String)>, StoreError> {
    sql.rows(
        "SELECT provider, key FROM relay_calls WHERE state = 'waiting' ORDER BY received_at LIMIT ?1",
        &cells![SOME],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

/// Lets those go that came before, and forgets those that were passed on then.
pub(super) fn give_up(sql: &Sql<'_>, before: Timestamp) -> Result<(), StoreError> {
    let gone = sql.execute(
        "UPDATE relay_calls SET state = 'given_up' WHERE state = 'waiting' AND received_at < ?1",
        &cells![before],
    )?;
    if gone > 0 {
        tracing::warn!(
            calls = gone,
            "calls from outside were about no order that came here"
        );
    }
    sql.execute(
        "DELETE FROM relay_calls WHERE state <> 'waiting' AND received_at < ?1",
        &cells![Timestamp::from_millis(
            before.as_millis() - 10 * i64::try_from(GIVE_UP.as_millis()).unwrap_or(0)
        )],
    )?;
    Ok(())
}
