//! Subscriptions of other systems to the log.

use super::{Snapshot, StoreError, Tx, uuid_from};
use crate::domain::{
    time::Timestamp,
    webhook::{Health, State, Webhook, reader},
};
use rusqlite::{OptionalExtension as _, Row, params};

const COLUMNS: &str = "id, name, url, kinds, state, created_at, created_by, former_until, attempts, failing_since, next_at, last_error, delivered_at, delivered_seq, delivered";

impl Tx<'_> {
    /// Writes a subscription, new or changed.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_webhook(&mut self, w: &Webhook) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO webhooks (id, name, url, kinds, state, created_at, created_by, former_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET url = ?3, kinds = ?4, state = ?5, former_until = ?8",
            params![
                w.id.into_bytes(),
                w.name,
                w.url,
                serde_json::to_string(&w.kinds)?,
                w.state.word(),
                w.created_at.as_millis(),
                w.created_by,
                w.former_until.map(Timestamp::as_millis),
            ],
        )?;
        self.put_webhook_health(w)
    }

    /// Writes how a subscription's deliveries go.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_webhook_health(&mut self, w: &Webhook) -> Result<(), StoreError> {
        let h = &w.health;
        let at = |t: Option<Timestamp>| t.map(Timestamp::as_millis);
        self.prepare_cached(
            "UPDATE webhooks SET attempts = ?2, failing_since = ?3, next_at = ?4, last_error = ?5,
               delivered_at = ?6, delivered_seq = ?7, delivered = ?8 WHERE id = ?1",
        )?
        .execute(params![
            w.id.into_bytes(),
            h.attempts,
            at(h.failing_since),
            at(h.next_at),
            h.last_error,
            at(h.delivered_at),
            h.delivered_seq,
            h.delivered,
        ])?;
        Ok(())
    }

    /// Forgets a subscription, and where it stood.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn delete_webhook(&mut self, w: &Webhook) -> Result<(), StoreError> {
        self.execute("DELETE FROM webhooks WHERE id = ?1", [w.id.into_bytes()])?;
        self.execute("DELETE FROM cursors WHERE reader = ?1", [reader(&w.name)])?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// All subscriptions, by name.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        let rows = self
            .prepare_cached(&format!("SELECT {COLUMNS} FROM webhooks ORDER BY name"))?
            .query_map([], raw)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(webhook).collect()
    }

    /// The subscription of this name.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn webhook(&self, name: &str) -> Result<Option<Webhook>, StoreError> {
        self.prepare_cached(&format!("SELECT {COLUMNS} FROM webhooks WHERE name = ?1"))?
            .query_row([name], raw)
            .optional()?
            .map(webhook)
            .transpose()
    }
}

/// What needs a second look: id, kinds and state.
type Rest = (Vec<u8>, String, String);

fn raw(r: &Row<'_>) -> rusqlite::Result<(Webhook, Rest)> {
    let at = |i| Ok::<_, rusqlite::Error>(r.get::<_, Option<i64>>(i)?.map(Timestamp::from_millis));
    let webhook = Webhook {
        id: uuid::Uuid::nil(),
        name: r.get(1)?,
        url: r.get(2)?,
        kinds: Vec::new(),
        state: State::Paused,
        created_at: Timestamp::from_millis(r.get(5)?),
        created_by: r.get(6)?,
        former_until: at(7)?,
        health: Health {
            attempts: r.get(8)?,
            failing_since: at(9)?,
            next_at: at(10)?,
            last_error: r.get(11)?,
            delivered_at: at(12)?,
            delivered_seq: r.get(13)?,
            delivered: r.get(14)?,
        },
    };
    Ok((webhook, (r.get(0)?, r.get(3)?, r.get(4)?)))
}

fn webhook((mut w, (id, kinds, state)): (Webhook, Rest)) -> Result<Webhook, StoreError> {
    let damaged = || StoreError::Damaged(format!("the webhook {}", w.name));
    let (kinds, state) = (
        serde_json::from_str(&kinds).map_err(|_| damaged())?,
        State::from_word(&state).ok_or_else(damaged)?,
    );
    w.id = uuid_from(&id)?;
    w.kinds = kinds;
    w.state = state;
    Ok(w)
}
