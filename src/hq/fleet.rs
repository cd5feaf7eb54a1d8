//! The stores as headquarters knows them: what is written of a batch, and what screens read.

use super::{
    ingest::{self, Known},
    totals,
};
use crate::{
    domain::{ids::OrderId, time::Timestamp},
    protection::{Protection, holds},
    store::StoreError,
    sync::{
        Ack, Batch, Refusal, StoreId, Summary,
        batch::HexHash,
        summary::{AlertSummary, ShiftSummary},
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// Days and events in the details of a store.
const DETAILS: u32 = 20;

/// One line of the dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreRow {
    /// Its id.
    pub store_id: String,
    /// Its name for people.
    pub name: String,
    /// When it was last heard of, by headquarters' clock.
    pub last_seen_at: Option<Timestamp>,
    /// It was heard of lately.
    pub online: bool,
    /// Events that are in the store and not here, as far as is known.
    pub backlog: u64,
    /// Age of the oldest of them, milliseconds.
    pub oldest_age_ms: Option<u64>,
    /// Its shift.
    pub shift: ShiftSummary,
    /// The store's day that the next two are of.
    pub day: Option<String>,
    /// Money in less money back for orders of the day, minor units.
    pub sales_today_minor: i64,
    /// Orders of the day that were paid.
    pub orders_today: u64,
    /// Events that are here, without a hole.
    pub events: u64,
    /// Open alerts there, and one for an event that is not taken here.
    pub alerts: u64,
    /// Its program's version.
    pub version: String,
    /// An event of it that is not taken.
    pub refused: Option<RefusedAt>,
}

/// An event that is not taken, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedAt {
    /// Which, and why.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// Since when, by headquarters' clock.
    pub at: Timestamp,
}

/// All that the dashboard shows of one store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreDetails {
    /// The line.
    #[serde(flatten)]
    pub row: StoreRow,
    /// Hash of its last event here.
    pub hash: HexHash,
    /// Its open alerts, the gravest first.
    pub open_alerts: Vec<AlertSummary>,
    /// The last days, the newest first, from the events that are here.
    pub days: Vec<Day>,
    /// The last events, the newest first.
    pub last_events: Vec<EventLine>,
}

/// One day of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// `YYYY-MM-DD`, the store's.
    pub day: String,
    /// Orders of the day that were paid.
    pub orders: u64,
    /// Money in, minor units.
    pub sales_minor: i64,
    /// Money back, minor units.
    pub returns_minor: i64,
}

/// One event in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventLine {
    /// Its number.
    pub seq: u64,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// Its kind.
    pub kind: String,
    /// Its order.
    pub order_id: Option<OrderId>,
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) ack: Ack,
    pub(super) inserted: u64,
    /// Kinds this program doesn't know.
    pub(super) unknown: u64,
}

/// Makes a store known; its name and token are replaced.
pub(super) fn enrol(
    db: &Connection,
    store: &StoreId,
    name: &str,
    token_hash: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO stores (store_id, name, token_hash, enrolled_at, hash) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (store_id) DO UPDATE SET name = ?2, token_hash = ?3",
        params![
            store.as_str(),
            name,
            token_hash,
            now.as_millis(),
            Known::NOTHING.hash.0
        ],
    )?;
    Ok(())
}

/// A store's id, with its token's hash where it has one.
type Token = (String, Option<[u8; 32]>);

/// Every known store.
pub(super) fn tokens(db: &Connection) -> Result<Vec<Token>, StoreError> {
    let rows = db
        .prepare_cached("SELECT store_id, token_hash FROM stores ORDER BY store_id")?
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// Writes what a batch brings, and says how far the log is here then.
pub(super) fn record(
    db: &Connection,
    batch: &Batch,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    let (id, known): (i64, Known) = db
        .prepare_cached("SELECT id, seq, hash FROM stores WHERE store_id = ?1")?
        .query_row([batch.store_id.as_str()], |r| {
            Ok((
                r.get(0)?,
                Known {
                    seq: r.get(1)?,
                    hash: HexHash(r.get(2)?),
                },
            ))
        })
        .optional()?
        .ok_or_else(|| StoreError::Damaged(format!("the row of store {}", batch.store_id)))?;
    let known = if holds(Protection::GapCheck) {
        known
    } else {
        // Whatever comes is taken for the next.
        Known {
            seq: known.seq.max(batch.first_seq - 1),
            hash: batch.previous.unwrap_or(known.hash),
        }
    };
    let decision = ingest::decide(batch, known, |seq| hash_at(db, id, seq))?;
    let new = &batch.entries[decision.insert.clone()];
    let mut unknown = 0;
    for e in new {
        db.prepare_cached(
            "INSERT INTO events (store, seq, at, kind, order_id, actor, body, hash, received_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id,
            e.seq,
            e.at.as_millis(),
            e.kind,
            e.order_id.map(|o| o.0.into_bytes()),
            e.actor,
            e.body.get(),
            e.hash.0,
            now.as_millis()
        ])?;
        if !totals::apply(db, id, e)? {
            unknown += 1;
        }
    }
    db.prepare_cached(
        "UPDATE stores SET seq = ?2, hash = ?3, last_event_at = coalesce(?4, last_event_at), seen_at = ?5 WHERE id = ?1",
    )?
    .execute(params![
        id,
        decision.known.seq,
        decision.known.hash.0,
        new.last().map(|e| e.at.as_millis()),
        now.as_millis()
    ])?;
    if let Some(summary) = &batch.summary {
        db.prepare_cached("UPDATE stores SET summary = ?2, summary_at = ?3 WHERE id = ?1")?
            .execute(params![
                id,
                serde_json::to_string(summary)?,
                now.as_millis()
            ])?;
    }
    note_refusal(db, id, batch, &decision, now)?;
    Ok(Recorded {
        ack: Ack {
            store_id: batch.store_id.clone(),
            stream: batch.stream,
            number: batch.number,
            seq: decision.known.seq,
            hash: decision.known.hash,
            rewind: decision.rewind,
            refused: decision.refused,
        },
        inserted: new.len() as u64,
        unknown,
    })
}

/// Puts an event that is not taken aside, and forgets it when a good one has come in its place.
fn note_refusal(
    db: &Connection,
    id: i64,
    batch: &Batch,
    decision: &ingest::Decision,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(refusal) = &decision.refused else {
        if !decision.insert.is_empty() {
            db.prepare_cached("DELETE FROM quarantine WHERE store = ?1 AND seq <= ?2")?
                .execute(params![id, decision.known.seq])?;
        }
        // A sign of life behind the refused event proves nothing about it.
        let proved = !decision.rewind && batch.last_seq() >= decision.known.seq;
        db.prepare_cached(
            "UPDATE stores SET refused = NULL
             WHERE id = ?1 AND refused IS NOT NULL AND ?2 AND json_extract(refused, '$.seq') <= ?3",
        )?
        .execute(params![id, proved, decision.known.seq])?;
        return Ok(());
    };
    if let Some(entry) = batch.entries.iter().find(|e| e.seq == refusal.seq) {
        db.prepare_cached(
            "INSERT INTO quarantine (store, seq, received_at, reason, entry) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET received_at = ?3, reason = ?4, entry = ?5",
        )?
        .execute(params![
            id,
            refusal.seq,
            now.as_millis(),
            refusal.reason,
            serde_json::to_string(entry)?
        ])?;
    }
    let before: Option<String> = db
        .prepare_cached("SELECT refused FROM stores WHERE id = ?1")?
        .query_row([id], |r| r.get(0))?;
    let before = before.and_then(|text| serde_json::from_str::<RefusedAt>(&text).ok());
    if before.is_none_or(|b| b.refusal != *refusal) {
        let refused = RefusedAt {
            refusal: refusal.clone(),
            at: now,
        };
        db.prepare_cached("UPDATE stores SET refused = ?2 WHERE id = ?1")?
            .execute(params![id, serde_json::to_string(&refused)?])?;
        tracing::error!(
            store.id = %batch.store_id,
            event.seq = refusal.seq,
            reason = %refusal.reason,
            "an event of a store is not taken"
        );
    }
    Ok(())
}

fn hash_at(db: &Connection, store: i64, seq: u64) -> Result<Option<HexHash>, StoreError> {
    Ok(db
        .prepare_cached("SELECT hash FROM events WHERE store = ?1 AND seq = ?2")?
        .query_row(params![store, seq], |r| Ok(HexHash(r.get(0)?)))
        .optional()?)
}

/// A store as it is written, with what its events say of each day.
struct Stored {
    id: i64,
    store_id: String,
    name: String,
    seq: u64,
    hash: HexHash,
    last_event_at: Option<Timestamp>,
    seen_at: Option<Timestamp>,
    summary: Option<Summary>,
    summary_at: Option<Timestamp>,
    refused: Option<RefusedAt>,
}

const STORED: &str = "SELECT id, store_id, name, seq, hash, last_event_at, seen_at, summary, summary_at, refused FROM stores";

impl Stored {
    fn from_row(r: &Row<'_>) -> rusqlite::Result<Self> {
        let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let summary: Option<String> = r.get(7)?;
        let refused: Option<String> = r.get(9)?;
        Ok(Self {
            id: r.get(0)?,
            store_id: r.get(1)?,
            name: r.get(2)?,
            seq: r.get(3)?,
            hash: HexHash(r.get(4)?),
            last_event_at: time(r.get(5)?),
            seen_at: time(r.get(6)?),
            // One of an older or newer program that can't be read any more is as good as none.
            summary: summary.and_then(|text| serde_json::from_str(&text).ok()),
            summary_at: time(r.get(8)?),
            refused: refused.and_then(|text| serde_json::from_str(&text).ok()),
        })
    }

    fn row(&self, days: &[Day], now: Timestamp, offline_after: Duration) -> StoreRow {
        let summary = self.summary.as_ref();
        let backlog = summary.map_or(0, |s| s.head.saturating_sub(self.seq));
        let day = summary
            .map(|s| s.day.clone())
            .or_else(|| days.first().map(|d| d.day.clone()));
        let heartbeat = Duration::from_millis(summary.map_or(0, |s| s.heartbeat_ms));
        let limit = offline_after.max(heartbeat.saturating_mul(3));
        // With a backlog the store knows its sales better than we do; without one the events tell.
        let (sales_today_minor, orders_today) = match summary {
            Some(s) if backlog > 0 => (s.sales_today_minor, s.orders_today),
            _ => days
                .iter()
                .find(|d| Some(&d.day) == day.as_ref())
                .map_or((0, 0), |d| (d.sales_minor - d.returns_minor, d.orders)),
        };
        let refused = self.refused.clone();
        StoreRow {
            store_id: self.store_id.clone(),
            name: summary
                .map(|s| s.name.clone())
                .filter(|n| !n.is_empty())
                .unwrap_or_else(|| self.name.clone()),
            last_seen_at: self.seen_at,
            online: self.seen_at.is_some_and(|at| now.since(at) <= limit),
            backlog,
            oldest_age_ms: (backlog > 0).then(|| self.oldest_age_ms(now)).flatten(),
            shift: summary.map_or_else(ShiftSummary::default, |s| s.shift),
            day,
            sales_today_minor,
            orders_today,
            events: self.seq,
            alerts: summary.map_or(0, |s| s.alerts) + u64::from(refused.is_some()),
            version: summary.map(|s| s.version.clone()).unwrap_or_default(),
            refused,
        }
    }

    /// The oldest event that is not here is not older than the last that is. Ages are by the store's own clock
    /// up to its summary, and by ours from then on, so that a wrong clock there does no harm.
    fn oldest_age_ms(&self, now: Timestamp) -> Option<u64> {
        let summary = self.summary.as_ref()?;
        let oldest = summary.oldest_at.max(self.last_event_at)?;
        let age = summary.at.since(oldest) + now.since(self.summary_at?);
        u64::try_from(age.as_millis()).ok()
    }
}

fn days(db: &Connection, store: i64, limit: u32) -> Result<Vec<Day>, StoreError> {
    let rows = db
        .prepare_cached(
            "SELECT day, orders, sales_minor, returns_minor FROM days WHERE store = ?1 ORDER BY day DESC LIMIT ?2",
        )?
        .query_map(params![store, limit], |r| {
            Ok(Day {
                day: r.get(0)?,
                orders: r.get(1)?,
                sales_minor: r.get(2)?,
                returns_minor: r.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// All stores, by id.
pub(super) fn rows(
    db: &Connection,
    now: Timestamp,
    offline_after: Duration,
) -> Result<Vec<StoreRow>, StoreError> {
    let stored: Vec<Stored> = db
        .prepare_cached(&format!("{STORED} ORDER BY store_id"))?
        .query_map([], Stored::from_row)?
        .collect::<Result<_, _>>()?;
    stored
        .iter()
        .map(|s| Ok(s.row(&days(db, s.id, DETAILS)?, now, offline_after)))
        .collect()
}

/// All that is known of one store.
pub(super) fn details(
    db: &Connection,
    store: &str,
    now: Timestamp,
    offline_after: Duration,
) -> Result<Option<StoreDetails>, StoreError> {
    let Some(stored) = db
        .prepare_cached(&format!("{STORED} WHERE store_id = ?1"))?
        .query_row([store], Stored::from_row)
        .optional()?
    else {
        return Ok(None);
    };
    let days = days(db, stored.id, DETAILS)?;
    let last_events = db
        .prepare_cached(
            "SELECT seq, at, kind, order_id FROM events WHERE store = ?1 ORDER BY seq DESC LIMIT ?2",
        )?
        .query_map(params![stored.id, DETAILS], |r| {
            let order_id: Option<[u8; 16]> = r.get(3)?;
            Ok(EventLine {
                seq: r.get(0)?,
                at: Timestamp::from_millis(r.get(1)?),
                kind: r.get(2)?,
                order_id: order_id.map(|b| OrderId(Uuid::from_bytes(b))),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Some(StoreDetails {
        row: stored.row(&days, now, offline_after),
        hash: stored.hash,
        open_alerts: stored
            .summary
            .as_ref()
            .map(|s| s.open_alerts.clone())
            .unwrap_or_default(),
        days,
        last_events,
    }))
}
