//! Effects: what is to be done outside, and what became of it.

use super::{Snapshot, StoreError, Tx, checksum, uuid_from};
use crate::domain::{ids::OrderId, time::Timestamp};
use rusqlite::{OptionalExtension as _, Row, params};
use serde_json::Value;
use uuid::Uuid;

/// Where an effect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectState {
    /// Nothing has left the box, or it is proven that nothing was done.
    Waiting,
    /// An attempt has begun: it may have left the box.
    Sent,
    /// An attempt ended without an answer.
    Unknown,
    /// Nothing outside can tell; a person must decide.
    Person,
    /// Done.
    Done,
    /// Refused for good.
    Refused,
    /// Not wanted any more, before it was done.
    Withdrawn,
}

impl EffectState {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Person => "person",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        Ok(match word {
            "waiting" => Self::Waiting,
            "sent" => Self::Sent,
            "unknown" => Self::Unknown,
            "person" => Self::Person,
            "done" => Self::Done,
            "refused" => Self::Refused,
            "withdrawn" => Self::Withdrawn,
            _ => return Err(StoreError::Damaged(format!("effect state {word:?}"))),
        })
    }

    /// Something is still to happen.
    #[must_use]
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Done | Self::Refused | Self::Withdrawn)
    }
}

/// An intent, written with its cause.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEffect {
    /// Unique for ever; the same intent never gets two.
    pub key: String,
    /// Kind.
    pub kind: &'static str,
    /// Effects of one queue come one at a time and in order.
    pub queue: String,
    /// It comes with the first effect of its order in this queue, before those of later orders.
    pub in_order_of_orders: bool,
    /// The order it belongs to.
    pub order_id: Option<OrderId>,
    /// The payment, refund or cook job it is about.
    pub item: Option<Uuid>,
    /// The kind's own request.
    pub request: Value,
}

/// An effect as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRow {
    /// Number in order of intent.
    pub id: i64,
    /// As in [`NewEffect`].
    pub key: String,
    /// As in [`NewEffect`].
    pub kind: String,
    /// As in [`NewEffect`].
    pub queue: String,
    /// As in [`NewEffect`].
    pub order_id: Option<OrderId>,
    /// As in [`NewEffect`].
    pub item: Option<Uuid>,
    /// As in [`NewEffect`].
    pub request: Value,
    /// What the executor read before the last attempt.
    pub evidence: Value,
    /// Where it stands.
    pub state: EffectState,
    /// Number of attempts that were begun.
    pub attempt: u32,
    /// Calls since the last progress; the backoff grows with it.
    pub tries: u32,
    /// When it was written.
    pub created_at: Timestamp,
    /// Not before.
    pub next_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What was seen last.
    pub note: Option<String>,
    /// What a person can do.
    pub advice: Option<String>,
    /// The kind's own result.
    pub result: Option<Value>,
}

/// The effect of a queue whose turn it is, as far as one must know to tell when. The engine looks at all of them after
/// every write, and a long outage leaves hundreds: what they ask for is read when they are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueHead {
    /// Number of the effect.
    pub id: i64,
    /// The queue.
    pub queue: String,
    /// Where it stands.
    pub state: EffectState,
    /// Not before.
    pub next_at: Timestamp,
}

/// One call of an executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// `prepare`, `perform` or `resolve`.
    pub verb: String,
    /// How it ended.
    pub outcome: String,
    /// What was seen.
    pub note: Option<String>,
}

impl NewEffect {
    fn as_row(&self, now: Timestamp) -> EffectRow {
        EffectRow {
            id: 0,
            key: self.key.clone(),
            kind: self.kind.to_owned(),
            queue: self.queue.clone(),
            order_id: self.order_id,
            item: self.item,
            request: Value::Null,
            evidence: Value::Null,
            state: EffectState::Waiting,
            attempt: 0,
            tries: 0,
            created_at: now,
            next_at: now,
            ended_at: None,
            note: None,
            advice: None,
            result: None,
        }
    }
}

const COLUMNS: &str = "id, key, kind, queue, order_id, item, request, evidence, state, attempt, tries, created_at, next_at, ended_at, note, advice, result, sum";

struct RawEffect {
    row: EffectRow,
    request: String,
    evidence: String,
    state: String,
    result: Option<String>,
    sum: Option<i64>,
}

/// Guards what an effect asks for and what came of it; when it is tried again and how often may be changed beside.
fn sum_of(row: &EffectRow, request: &str, evidence: &str, result: Option<&str>) -> i64 {
    let order = row.order_id.map(|id| id.0.into_bytes());
    let item = row.item.map(Uuid::into_bytes);
    checksum(&[
        row.key.as_bytes(),
        row.kind.as_bytes(),
        row.queue.as_bytes(),
        order.as_ref().map_or(&[], |b| b.as_slice()),
        item.as_ref().map_or(&[], |b| b.as_slice()),
        request.as_bytes(),
        evidence.as_bytes(),
        result.unwrap_or_default().as_bytes(),
    ])
}

fn raw(r: &Row<'_>) -> rusqlite::Result<RawEffect> {
    let order_id: Option<[u8; 16]> = r.get(4)?;
    let item: Option<[u8; 16]> = r.get(5)?;
    Ok(RawEffect {
        request: r.get(6)?,
        evidence: r.get(7)?,
        state: r.get(8)?,
        result: r.get(16)?,
        sum: r.get(17)?,
        row: EffectRow {
            id: r.get(0)?,
            key: r.get(1)?,
            kind: r.get(2)?,
            queue: r.get(3)?,
            order_id: order_id.map(|b| OrderId(Uuid::from_bytes(b))),
            item: item.map(Uuid::from_bytes),
            request: Value::Null,
            evidence: Value::Null,
            state: EffectState::Waiting,
            attempt: r.get(9)?,
            tries: r.get(10)?,
            created_at: Timestamp::from_millis(r.get(11)?),
            next_at: Timestamp::from_millis(r.get(12)?),
            ended_at: r.get::<_, Option<i64>>(13)?.map(Timestamp::from_millis),
            note: r.get(14)?,
            advice: r.get(15)?,
            result: None,
        },
    })
}

fn cooked(raw: RawEffect) -> Result<EffectRow, StoreError> {
    let seen = sum_of(&raw.row, &raw.request, &raw.evidence, raw.result.as_deref());
    if raw.sum.is_some_and(|sum| sum != seen) {
        return Err(StoreError::Damaged(format!("effect {}", raw.row.id)));
    }
    Ok(EffectRow {
        request: serde_json::from_str(&raw.request)?,
        evidence: serde_json::from_str(&raw.evidence)?,
        state: EffectState::from_word(&raw.state)?,
        result: raw
            .result
            .as_deref()
            .map(serde_json::from_str)
            .transpose()?,
        ..raw.row
    })
}

impl Tx<'_> {
    /// Writes an intent; an intent with the same key is there already: nothing changes.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn intend(&mut self, effect: &NewEffect, now: Timestamp) -> Result<(), StoreError> {
        self.core.effects_changed = true;
        let request = effect.request.to_string();
        let sum = sum_of(&effect.as_row(now), &request, "null", None);
        self.prepare_cached(
            "INSERT INTO effects (key, kind, queue, order_id, item, request, state, created_at, next_at, sum, turn)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'waiting', ?7, ?7, ?9, coalesce(
               (SELECT min(turn) FROM effects WHERE ?8 AND order_id = ?4 AND queue = ?3),
               (SELECT coalesce(max(id), 0) + 1 FROM effects)
             )) ON CONFLICT (key) DO NOTHING",
        )?
        .execute(params![
            effect.key,
            effect.kind,
            effect.queue,
            effect.order_id.map(|id| id.0.into_bytes()),
            effect.item.map(Uuid::into_bytes),
            request,
            now.as_millis(),
            effect.in_order_of_orders,
            sum
        ])?;
        Ok(())
    }

    /// Writes an effect back after a change.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_effect(&mut self, e: &EffectRow) -> Result<(), StoreError> {
        self.core.effects_changed = true;
        let evidence = e.evidence.to_string();
        let result = e.result.as_ref().map(Value::to_string);
        let sum = sum_of(e, &e.request.to_string(), &evidence, result.as_deref());
        self.prepare_cached(
            "UPDATE effects SET evidence = ?2, state = ?3, attempt = ?4, tries = ?5, next_at = ?6, ended_at = ?7,
             note = ?8, advice = ?9, result = ?10, sum = ?11 WHERE id = ?1",
        )?
        .execute(params![
            e.id,
            evidence,
            e.state.word(),
            e.attempt,
            e.tries,
            e.next_at.as_millis(),
            e.ended_at.map(Timestamp::as_millis),
            e.note,
            e.advice,
            result,
            sum
        ])?;
        Ok(())
    }

    /// Notes a call of an executor.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn note_attempt(&mut self, effect: i64, attempt: &Attempt) -> Result<(), StoreError> {
        self.prepare_cached(
            "INSERT INTO attempts (effect_id, at, verb, outcome, note) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            effect,
            attempt.at.as_millis(),
            attempt.verb,
            attempt.outcome,
            attempt.note
        ])?;
        Ok(())
    }

    /// Live effects wait for no later time than now.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn end_pauses(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.core.effects_changed = true;
        self.execute(
            "UPDATE effects INDEXED BY effects_live SET next_at = ?1
             WHERE state IN ('waiting', 'sent', 'unknown', 'person') AND next_at > ?1",
            [now.as_millis()],
        )?;
        Ok(())
    }

    /// What of an order goes to the bank waits for no later time than now; how many effects.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn look_at_bank(&mut self, order: OrderId, now: Timestamp) -> Result<usize, StoreError> {
        self.core.effects_changed = true;
        Ok(self.execute(
            "UPDATE effects SET next_at = ?1
             WHERE order_id = ?2 AND kind LIKE 'bank.%' AND state IN ('waiting', 'sent', 'unknown', 'person') AND next_at > ?1",
            params![now.as_millis(), order.0.into_bytes()],
        )?)
    }

    /// After a start: every attempt that had begun may have left the box.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn doubt_sent_effects(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        const WHY: &str = "the daemon stopped during the attempt";
        self.core.effects_changed = true;
        self.execute(
            "INSERT INTO attempts (effect_id, at, verb, outcome, note)
             SELECT id, ?1, 'perform', 'unknown', ?2 FROM effects INDEXED BY effects_live
              WHERE state IN ('waiting', 'sent', 'unknown', 'person') AND state = 'sent' ORDER BY id",
            params![now.as_millis(), WHY],
        )?;
        Ok(self.execute(
            "UPDATE effects INDEXED BY effects_live SET state = 'unknown', next_at = ?1, note = ?2
             WHERE state IN ('waiting', 'sent', 'unknown', 'person') AND state = 'sent'",
            params![now.as_millis(), WHY],
        )?)
    }
}

impl Snapshot<'_> {
    fn effect_where(
        &self,
        clause: &str,
        p: impl rusqlite::Params,
    ) -> Result<Vec<EffectRow>, StoreError> {
        self.effects_from(&format!("effects WHERE {clause}"), p)
    }

    /// Live effects, in order of intent. Without being told, SQLite walks all effects that there ever were, as they
    /// lie in that order.
    fn live_where(
        &self,
        clause: &str,
        p: impl rusqlite::Params,
    ) -> Result<Vec<EffectRow>, StoreError> {
        let live = "effects INDEXED BY effects_live
                    WHERE state IN ('waiting', 'sent', 'unknown', 'person')";
        self.effects_from(&format!("{live} {clause} ORDER BY id"), p)
    }

    fn effects_from(
        &self,
        what: &str,
        p: impl rusqlite::Params,
    ) -> Result<Vec<EffectRow>, StoreError> {
        let rows = self
            .prepare_cached(&format!("SELECT {COLUMNS} FROM {what}"))?
            .query_map(p, raw)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(cooked).collect()
    }

    /// The live effect of every queue whose turn it is, in order of intent. What was begun ends before the next.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn queue_heads(&self) -> Result<Vec<QueueHead>, StoreError> {
        // The id is that of the row with the minimum: https://sqlite.org/lang_select.html#bareagg
        let mut heads = self.prepare_cached(
            "SELECT id, queue, state, next_at FROM effects WHERE id IN (SELECT id FROM (
               SELECT id, min(turn + (state = 'waiting') * 0x4000000000000000)
                 FROM effects INDEXED BY effects_live
                WHERE state IN ('waiting', 'sent', 'unknown', 'person') GROUP BY queue
             )) ORDER BY id",
        )?;
        let rows = heads.query_map([], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get::<_, String>(2)?, r.get(3)?))
        })?;
        rows.map(|row| {
            let (id, queue, state, next_at) = row?;
            Ok(QueueHead {
                id,
                queue,
                state: EffectState::from_word(&state)?,
                next_at: Timestamp::from_millis(next_at),
            })
        })
        .collect()
    }

    /// Whether this effect is live, and none of its queue is live whose turn is before it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn is_first(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self
            .prepare_cached(
                "SELECT e.state IN ('waiting', 'sent', 'unknown', 'person') AND NOT EXISTS (
                   SELECT 1 FROM effects INDEXED BY effects_live
                    WHERE state IN ('waiting', 'sent', 'unknown', 'person')
                      AND queue = e.queue AND turn < e.turn
                 ) FROM effects e WHERE e.key = ?1",
            )?
            .query_row([key], |r| r.get(0))
            .optional()?
            .unwrap_or(false))
    }

    /// All live effects, in order of intent.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn live_effects(&self) -> Result<Vec<EffectRow>, StoreError> {
        self.live_where("", [])
    }

    /// What the live effects of a kind are about.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn live_items(&self, kind: &str) -> Result<Vec<Uuid>, StoreError> {
        let rows = self.live_where("AND kind = ?1", [kind])?;
        Ok(rows.into_iter().filter_map(|row| row.item).collect())
    }

    /// The effect with this number.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn effect(&self, id: i64) -> Result<Option<EffectRow>, StoreError> {
        Ok(self.effect_where("id = ?1", [id])?.pop())
    }

    /// The effect with this key.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn effect_by_key(&self, key: &str) -> Result<Option<EffectRow>, StoreError> {
        Ok(self.effect_where("key = ?1", [key])?.pop())
    }

    /// At most so many effects after this one, in order of intent.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub(super) fn effects_after(
        &self,
        id: i64,
        at_most: usize,
    ) -> Result<Vec<EffectRow>, StoreError> {
        self.effect_where("id > ?1 ORDER BY id LIMIT ?2", params![id, at_most])
    }

    /// All effects of an order, in order of intent.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn effects_of(&self, order: OrderId) -> Result<Vec<EffectRow>, StoreError> {
        self.effect_where("order_id = ?1 ORDER BY id", [order.0.into_bytes()])
    }

    /// Orders with a live effect.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn orders_under_way(&self) -> Result<std::collections::BTreeSet<OrderId>, StoreError> {
        let rows: Vec<Vec<u8>> = self
            .prepare_cached(
                "SELECT DISTINCT order_id FROM effects INDEXED BY effects_live
                 WHERE state IN ('waiting', 'sent', 'unknown', 'person') AND order_id IS NOT NULL",
            )?
            .query_map([], |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        rows.iter().map(|b| uuid_from(b).map(OrderId)).collect()
    }

    /// How many live effects of a kind stand where.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn live_effect_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        let rows = self
            .prepare_cached(
                "SELECT kind, state, count(*) FROM effects INDEXED BY effects_live
                 WHERE state IN ('waiting', 'sent', 'unknown', 'person') GROUP BY kind, state",
            )?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// How many effects there ever were.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn effect_count(&self) -> Result<u64, StoreError> {
        Ok(self.query_row("SELECT count(*) FROM effects", [], |r| r.get(0))?)
    }

    /// All calls of an effect's executor, in order.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn attempts(&self, effect: i64) -> Result<Vec<Attempt>, StoreError> {
        let rows = self
            .prepare_cached(
                "SELECT at, verb, outcome, note FROM attempts WHERE effect_id = ?1 ORDER BY rowid",
            )?
            .query_map([effect], |r| {
                Ok(Attempt {
                    at: Timestamp::from_millis(r.get(0)?),
                    verb: r.get(1)?,
                    outcome: r.get(2)?,
                    note: r.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// The result of the effect with this key, once done.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn effect_result(&self, key: &str) -> Result<Option<Value>, StoreError> {
        let text: Option<Option<String>> = self
            .query_row("SELECT result FROM effects WHERE key = ?1", [key], |r| {
                r.get(0)
            })
            .optional()?;
        Ok(text
            .flatten()
            .map(|t| serde_json::from_str(&t))
            .transpose()?)
    }
}
