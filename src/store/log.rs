//! The log: append, and read behind a cursor.

use super::{Snapshot, StoreError, Tx, uuid_from};
use crate::domain::{
    chain::{self, GENESIS, Hash},
    event::{Actor, Body, Event},
    ids::OrderId,
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params, types::ValueRef};
use std::{borrow::Cow, ops::ControlFlow};

/// The last event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its sequence number; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// An event as it is stored: the body's very text, so that its hash can be checked anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place in the log.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The kind's word.
    pub kind: String,
    /// The order it belongs to.
    pub order_id: Option<OrderId>,
    /// Who did it.
    pub actor: String,
    /// The body, JSON.
    pub body: String,
    /// The chain's hash at this event.
    pub hash: Hash,
}

/// An event as it lies in the database; its texts are not copied. What is no text any more comes with signs of it, so
/// that damage does not hide what stands behind it.
#[derive(Clone, Debug)]
pub struct EventRef<'a> {
    /// Its place in the log.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The kind's word.
    pub kind: Cow<'a, str>,
    /// The order it belongs to.
    pub order_id: Option<OrderId>,
    /// Who did it.
    pub actor: Cow<'a, str>,
    /// The body, JSON.
    pub body: Cow<'a, str>,
    /// The chain's hash at this event.
    pub hash: Hash,
}

impl LogEntry {
    /// The event, read from its text.
    ///
    /// # Errors
    /// When the text is of a kind this program doesn't know.
    pub fn event(&self) -> Result<Event, StoreError> {
        Ok(Event {
            seq: self.seq,
            at: self.at,
            order_id: self.order_id,
            actor: Actor(self.actor.clone()),
            body: serde_json::from_str(&self.body)?,
        })
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let order_id: Option<[u8; 16]> = row.get(3)?;
        Ok(Self {
            seq: row.get(0)?,
            at: Timestamp::from_millis(row.get(1)?),
            kind: row.get(2)?,
            order_id: order_id.map(|b| OrderId(uuid::Uuid::from_bytes(b))),
            actor: row.get(4)?,
            body: row.get(5)?,
            hash: row.get(6)?,
        })
    }
}

impl<'a> EventRef<'a> {
    fn from_row(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        let text = |i: usize| match row.get_ref(i)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(String::from_utf8_lossy(bytes)),
            other => Err(rusqlite::Error::InvalidColumnType(
                i,
                "text".to_owned(),
                other.data_type(),
            )),
        };
        let order_id: Option<[u8; 16]> = row.get(3)?;
        Ok(Self {
            seq: row.get(0)?,
            at: Timestamp::from_millis(row.get(1)?),
            kind: text(2)?,
            order_id: order_id.map(|b| OrderId(uuid::Uuid::from_bytes(b))),
            actor: text(4)?,
            body: text(5)?,
            hash: row.get(6)?,
        })
    }
}

impl Head {
    pub(super) fn load(db: &Connection) -> Result<Self, StoreError> {
        Ok(db
            .query_row(
                "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1",
                [],
                |r| {
                    Ok(Self {
                        seq: r.get(0)?,
                        hash: r.get(1)?,
                    })
                },
            )
            .optional()?
            .unwrap_or(Self {
                seq: 0,
                hash: GENESIS,
            }))
    }
}

impl Tx<'_> {
    /// Appends an event to the log.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn append(
        &mut self,
        at: Timestamp,
        order_id: Option<OrderId>,
        actor: &Actor,
        body: Body,
    ) -> Result<Event, StoreError> {
        let seq = self.core.head.seq + 1;
        let text = serde_json::to_string(&body)?;
        let hash = chain::link(&self.core.head.hash, seq, at, order_id, &actor.0, &text);
        self.prepare_cached(
            "INSERT INTO events (seq, at, kind, order_id, actor, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            seq,
            at.as_millis(),
            body.kind(),
            order_id.map(|id| id.0.into_bytes()),
            actor.0,
            text,
            hash
        ])?;
        self.core.head = Head { seq, hash };
        Ok(Event {
            seq,
            at,
            order_id,
            actor: actor.clone(),
            body,
        })
    }
}

impl Tx<'_> {
    /// The number of the last event.
    #[must_use]
    pub fn head_seq(&self) -> u64 {
        self.core.head.seq
    }

    /// Enters an event that was written before, as it was.
    ///
    /// # Errors
    /// When it does not follow the last one, or is not what was written then.
    pub fn append_again(&mut self, e: &LogEntry) -> Result<(), StoreError> {
        let previous = &self.core.head;
        let hash = chain::link(
            &previous.hash,
            previous.seq + 1,
            e.at,
            e.order_id,
            &e.actor,
            &e.body,
        );
        if e.seq != previous.seq + 1 || e.hash != hash {
            return Err(StoreError::Damaged(format!(
                "event {} of the log, after event {}",
                e.seq, previous.seq
            )));
        }
        self.prepare_cached(
            "INSERT INTO events (seq, at, kind, order_id, actor, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            e.seq,
            e.at.as_millis(),
            e.kind,
            e.order_id.map(|id| id.0.into_bytes()),
            e.actor,
            e.body,
            hash
        ])?;
        self.core.head = Head { seq: e.seq, hash };
        Ok(())
    }
}

impl Snapshot<'_> {
    /// The last event.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        Head::load(self)
    }

    /// Up to `limit` events after `seq`, in order.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let rows = self
            .prepare_cached(
                "SELECT seq, at, kind, order_id, actor, body, hash FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?
            // Numbers that are no numbers of events are behind all of them.
            .query_map(
                params![i64::try_from(seq).unwrap_or(i64::MAX), limit],
                LogEntry::from_row,
            )?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Shows up to `limit` events after `seq`, in order, to `look`, until it has seen enough.
    ///
    /// # Errors
    /// When they can't be read, or those of `look`.
    pub fn each_event_after<E: From<StoreError>>(
        &self,
        seq: u64,
        limit: usize,
        mut look: impl FnMut(EventRef<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut statement = self
            .prepare_cached(
                "SELECT seq, at, kind, order_id, actor, body, hash FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )
            .map_err(StoreError::from)?;
        let mut rows = statement
            .query(params![seq, limit])
            .map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let event = EventRef::from_row(row).map_err(StoreError::from)?;
            if look(event)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The number of the first event at `at` or later; one behind the last when there is none. Times go up with the
    /// numbers but for a clock that was set back, so it is found by halving.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn first_event_since(&self, at: Timestamp) -> Result<u64, StoreError> {
        let (mut low, mut high) = (1, self.head()?.seq + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.event(middle)? {
                Some(e) if e.at < at => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The event with this number.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn event(&self, seq: u64) -> Result<Option<LogEntry>, StoreError> {
        Ok(self
            .events_after(seq.saturating_sub(1), 1)?
            .pop()
            .filter(|e| e.seq == seq))
    }

    /// All events of an order, in order.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn events_of(&self, order: OrderId) -> Result<Vec<LogEntry>, StoreError> {
        let rows = self
            .prepare_cached(
                "SELECT seq, at, kind, order_id, actor, body, hash FROM events WHERE order_id = ?1 ORDER BY seq",
            )?
            .query_map([order.0.into_bytes()], LogEntry::from_row)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Walks the whole chain; the number of events that are whole.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] names the first event that is missing or changed.
    pub fn verify_log(&self) -> Result<u64, StoreError> {
        let mut previous = GENESIS;
        let mut seq = 0;
        loop {
            let batch = self.events_after(seq, 1000)?;
            if batch.is_empty() {
                return Ok(seq);
            }
            for e in batch {
                let hash = chain::link(&previous, seq + 1, e.at, e.order_id, &e.actor, &e.body);
                // The hash guards the body only; the word beside it is for finding.
                let named = e.body.starts_with(&format!(r#"{{"kind":"{}""#, e.kind));
                if e.seq != seq + 1 || e.hash != hash || !named {
                    return Err(StoreError::Damaged(format!("event {} of the log", seq + 1)));
                }
                previous = hash;
                seq = e.seq;
            }
        }
    }
}

pub(super) fn order_id(bytes: &[u8]) -> Result<OrderId, StoreError> {
    uuid_from(bytes).map(OrderId)
}
