//! The stores as headquarters knows them: what is written of a batch, and what screens read.

use super::{
    db::{Row, Sql, cells},
    ingest::Known,
};
use crate::{
    domain::{ids::OrderId, time::Timestamp},
    store::StoreError,
    sync::{
        Refusal, StoreId, Summary,
        batch::HexHash,
        summary::{AlertSummary, ShiftSummary},
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
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
    /// Open alerts there, and one each for what is wrong with its log here.
    pub alerts: u64,
    /// Its program's version.
    pub version: String,
    /// An event of it in whose place another is here: it is not the store that began here.
    pub refused: Option<RefusedAt>,
    /// Events that can't be proven and wait for a person; they count for nothing.
    pub unproven: u64,
    /// The last day that the store has another record of than headquarters.
    pub day_differs: Option<String>,
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

/// A store's name, with its token's hash where it has one.
type Named = (String, Option<[u8; 32]>);

/// The name and the token's hash of every known store, by its id.
pub(super) fn names(sql: &Sql<'_>) -> Result<BTreeMap<String, Named>, StoreError> {
    let rows = sql.rows("SELECT store_id, name, token_hash FROM stores", &[], |r| {
        Ok((r.get(0)?, (r.get(1)?, r.get(2)?)))
    })?;
    Ok(rows.into_iter().collect())
}

/// Makes a store known; its name and token are replaced.
pub(super) fn enrol(
    sql: &Sql<'_>,
    store: &StoreId,
    name: &str,
    token_hash: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO stores (store_id, name, token_hash, enrolled_at, hash) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (store_id) DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash",
        &cells![
            store.as_str(),
            name,
            token_hash,
            now,
            Known::NOTHING.hash.0
        ],
    )?;
    Ok(())
}

/// Makes a store known that gets its token by a code; one that is known keeps what it has, but for a name that is given.
pub(super) fn make_known(
    sql: &Sql<'_>,
    store: &StoreId,
    name: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO stores (store_id, name, enrolled_at, hash) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (store_id) DO NOTHING",
        &cells![
            store.as_str(),
            name.unwrap_or(store.as_str()),
            now,
            Known::NOTHING.hash.0
        ],
    )?;
    if let Some(name) = name {
        sql.execute(
            "UPDATE stores SET name = ?2 WHERE store_id = ?1",
            &cells![store.as_str(), name],
        )?;
    }
    Ok(())
}

/// A store's id, with its token's hash where it has one.
type Token = (String, Option<[u8; 32]>);

/// Every known store.
pub(super) fn tokens(sql: &Sql<'_>) -> Result<Vec<Token>, StoreError> {
    sql.rows(
        "SELECT store_id, token_hash FROM stores ORDER BY store_id",
        &[],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
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
    unproven: u64,
    day_differs: Option<String>,
}

const STORED: &str = "SELECT id, store_id, name, seq, hash, last_event_at, seen_at, summary, summary_at, refused, unproven, day_differs FROM stores";

impl Stored {
    fn from_row(r: &Row) -> Result<Self, StoreError> {
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
            unproven: r.get(10)?,
            day_differs: r.get(11)?,
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
            alerts: summary.map_or(0, |s| s.alerts)
                + u64::from(refused.is_some())
                + u64::from(self.unproven > 0)
                + u64::from(self.day_differs.is_some()),
            version: summary.map(|s| s.version.clone()).unwrap_or_default(),
            refused,
            unproven: self.unproven,
            day_differs: self.day_differs.clone(),
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

fn days(sql: &Sql<'_>, store: i64, limit: u32) -> Result<Vec<Day>, StoreError> {
    sql.rows(
        "SELECT day, orders, captured_minor, refunded_minor FROM days WHERE store = ?1 ORDER BY day DESC LIMIT ?2",
        &cells![store, limit],
        |r| {
            Ok(Day {
                day: r.get(0)?,
                orders: r.get(1)?,
                sales_minor: r.get(2)?,
                returns_minor: r.get(3)?,
            })
        },
    )
}

/// All stores, by id.
pub(super) fn rows(
    sql: &Sql<'_>,
    now: Timestamp,
    offline_after: Duration,
) -> Result<Vec<StoreRow>, StoreError> {
    let stored = sql.rows(
        &format!("{STORED} ORDER BY store_id"),
        &[],
        Stored::from_row,
    )?;
    stored
        .iter()
        .map(|s| Ok(s.row(&days(sql, s.id, DETAILS)?, now, offline_after)))
        .collect()
}

/// All that is known of one store.
pub(super) fn details(
    sql: &Sql<'_>,
    store: &str,
    now: Timestamp,
    offline_after: Duration,
) -> Result<Option<StoreDetails>, StoreError> {
    let Some(stored) = sql.row(
        &format!("{STORED} WHERE store_id = ?1"),
        &cells![store],
        Stored::from_row,
    )?
    else {
        return Ok(None);
    };
    let days = days(sql, stored.id, DETAILS)?;
    let last_events = sql.rows(
        "SELECT seq, at, kind, order_id FROM events WHERE store = ?1 ORDER BY seq DESC LIMIT ?2",
        &cells![stored.id, DETAILS],
        |r| {
            Ok(EventLine {
                seq: r.get(0)?,
                at: r.get(1)?,
                kind: r.get(2)?,
                order_id: r.get::<Option<Uuid>>(3)?.map(OrderId),
            })
        },
    )?;
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
