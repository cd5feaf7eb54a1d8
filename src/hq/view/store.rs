//! One store: its state, its orders, and the time line of an order.

use super::{card::Card, fleet, strip};
use crate::{
    domain::{event::Body, ids::OrderId, time::Timestamp},
    hq::{
        Hq,
        db::{Cell, Row, cells},
        projections::replay,
    },
    store::StoreError,
    sync::health::Shortage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Days in the details of a store.
const DAYS: u32 = 14;
/// Orders or events on a page, when nothing is said, and at most.
const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 500;

/// All that the page of a store begins with.
#[derive(Debug, Serialize)]
pub(super) struct Details {
    at: Timestamp,
    #[serde(flatten)]
    card: Card,
    strip: String,
    shortages_all: Vec<Shortage>,
    days: Vec<Day>,
    last_events: Vec<EventLine>,
}

/// One day.
#[derive(Debug, Serialize)]
struct Day {
    day: String,
    orders: i64,
    sales_minor: i64,
    returns_minor: i64,
    dishes: i64,
    waiting: i64,
    unequal: i64,
}

/// One event in short.
#[derive(Debug, Serialize)]
pub(super) struct EventLine {
    seq: u64,
    at: Timestamp,
    received_at: Timestamp,
    kind: String,
    order_id: Option<OrderId>,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

/// One order as its projection has it.
#[derive(Debug, Serialize)]
pub(super) struct OrderLine {
    order_id: OrderId,
    day: String,
    number: u32,
    state: String,
    currency: String,
    placed_at: Timestamp,
    updated_at: Timestamp,
    total_minor: i64,
    sold_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    receipted_minor: i64,
    returned_minor: i64,
    elsewhere_minor: i64,
    dishes: i64,
    plated: i64,
    waiting: bool,
    unequal: bool,
    events: u64,
    #[serde(skip)]
    first_seq: u64,
    #[serde(skip)]
    last_seq: u64,
}

const ORDER: &str = "order_id, day, number, state, currency, placed_at, updated_at, total_minor, sold_minor, captured_minor,
    refunded_minor, receipted_minor, returned_minor, elsewhere_minor, dishes, plated, waiting, unequal, events, first_seq,
    last_seq";

fn order_line(r: &Row) -> Result<OrderLine, StoreError> {
    Ok(OrderLine {
        order_id: OrderId(r.get(0)?),
        day: r.get(1)?,
        number: r.get(2)?,
        state: r.get(3)?,
        currency: r.get(4)?,
        placed_at: r.get(5)?,
        updated_at: r.get(6)?,
        total_minor: r.get(7)?,
        sold_minor: r.get(8)?,
        captured_minor: r.get(9)?,
        refunded_minor: r.get(10)?,
        receipted_minor: r.get(11)?,
        returned_minor: r.get(12)?,
        elsewhere_minor: r.get(13)?,
        dishes: r.get(14)?,
        plated: r.get(15)?,
        waiting: r.get(16)?,
        unequal: r.get(17)?,
        events: r.get(18)?,
        first_seq: r.get(19)?,
        last_seq: r.get(20)?,
    })
}

/// One order with its whole story.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    at: Timestamp,
    store_id: String,
    name: String,
    /// The store's time zone.
    zone: String,
    order: OrderLine,
    /// The order as its events leave it.
    now: Option<Value>,
    events: Vec<EventLine>,
}

/// Which orders are wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Orders {
    day: Option<String>,
    state: Option<String>,
    /// Only those whose sums don't agree.
    #[serde(default)]
    unequal: String,
    number: Option<u32>,
    #[serde(default)]
    offset: u32,
    limit: Option<u32>,
}

/// Which events are wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Events {
    /// Those before this one.
    before: Option<u64>,
    kind: Option<String>,
    limit: Option<u32>,
}

fn event_line(r: &Row) -> Result<EventLine, StoreError> {
    let body: Option<String> = r.get(6)?;
    Ok(EventLine {
        seq: r.get(0)?,
        at: r.get(1)?,
        received_at: r.get(2)?,
        kind: r.get(3)?,
        order_id: r.get::<Option<Uuid>>(4)?.map(OrderId),
        actor: r.get(5)?,
        body: body.and_then(|text| serde_json::from_str(&text).ok()),
    })
}

/// The state of a store.
pub(super) async fn details(hq: &Hq, store: &str) -> Result<Option<Details>, StoreError> {
    let (now, after, store) = (
        hq.0.clock.now(),
        hq.0.config.offline_after,
        store.to_owned(),
    );
    hq.0.db
        .read(move |sql| {
            let Some(mut card) = fleet::card(sql, &store, now, after)? else {
                return Ok(None);
            };
            let days = sql.rows(
                "SELECT day, orders, captured_minor, refunded_minor, dishes, waiting, unequal FROM days
                 WHERE store = ?1 ORDER BY day DESC LIMIT ?2",
                &cells![card.id, DAYS],
                |r| {
                    Ok(Day {
                        day: r.get(0)?,
                        orders: r.get(1)?,
                        sales_minor: r.get(2)?,
                        returns_minor: r.get(3)?,
                        dishes: r.get(4)?,
                        waiting: r.get(5)?,
                        unequal: r.get(6)?,
                    })
                },
            )?;
            let last_events = sql.rows(
                "SELECT seq, at, received_at, kind, order_id, actor, NULL FROM events WHERE store = ?1
                 ORDER BY seq DESC LIMIT 30",
                &cells![card.id],
                event_line,
            )?;
            let strip = strip::of(sql, &[(card.id, card.heartbeat_ms)], now)?
                .remove(&card.id)
                .unwrap_or_default();
            Ok(Some(Details {
                at: now,
                shortages_all: std::mem::take(&mut card.all_shortages),
                strip,
                days,
                last_events,
                card,
            }))
        })
        .await
}

/// Its orders, the newest first.
pub(super) async fn orders(
    hq: &Hq,
    store: &str,
    wanted: Orders,
) -> Result<Option<Vec<OrderLine>>, StoreError> {
    let store = store.to_owned();
    hq.0.db
        .read(move |sql| {
            let Some(id) = id_of(sql, &store)? else {
                return Ok(None);
            };
            let mut conditions = vec!["store = ?1".to_owned()];
            let mut parameters: Vec<Cell<'_>> = cells![id].into();
            let mut also = |column: &str, value: Cell<'static>| {
                parameters.push(value);
                conditions.push(format!("{column} = ?{}", parameters.len()));
            };
            if let Some(day) = wanted.day {
                also("day", day.into());
            }
            if let Some(state) = wanted.state {
                also("state", state.into());
            }
            if let Some(number) = wanted.number {
                also("number", number.into());
            }
            if !wanted.unequal.is_empty() {
                conditions.push("(unequal = 1 OR waiting = 1)".to_owned());
            }
            let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
            sql.rows(
                &format!(
                    "SELECT {ORDER} FROM orders WHERE {} ORDER BY order_id DESC LIMIT {limit} OFFSET {}",
                    conditions.join(" AND "),
                    wanted.offset
                ),
                &parameters,
                order_line,
            )
            .map(Some)
        })
        .await
}

/// One order with its events.
pub(super) async fn order(hq: &Hq, store: &str, id: Uuid) -> Result<Option<Story>, StoreError> {
    let (now, after, store) = (
        hq.0.clock.now(),
        hq.0.config.offline_after,
        store.to_owned(),
    );
    hq.0.db
        .read(move |sql| {
            let Some(card) = fleet::card(sql, &store, now, after)? else {
                return Ok(None);
            };
            let Some(order) = sql.row(
                &format!("SELECT {ORDER} FROM orders WHERE store = ?1 AND order_id = ?2"),
                &cells![card.id, id],
                order_line,
            )?
            else {
                return Ok(None);
            };
            let events = sql.rows(
                "SELECT seq, at, received_at, kind, order_id, actor, body FROM events
                 WHERE store = ?1 AND seq >= ?2 AND seq <= ?3 AND order_id = ?4 ORDER BY seq",
                &cells![card.id, order.first_seq, order.last_seq, id],
                event_line,
            )?;
            let bodies: Vec<(Timestamp, Body)> = events
                .iter()
                .filter_map(|e| {
                    let body = e.body.clone()?;
                    Some((e.at, serde_json::from_value(body).ok()?))
                })
                .collect();
            let doc = replay(bodies.iter().map(|(at, body)| (*at, body)));
            Ok(Some(Story {
                at: now,
                store_id: card.store_id,
                name: card.name,
                zone: card.zone,
                order,
                now: doc
                    .map(|doc| serde_json::to_value(&doc.order))
                    .transpose()?,
                events,
            }))
        })
        .await
}

/// Its events, the newest first.
pub(super) async fn events(
    hq: &Hq,
    store: &str,
    wanted: Events,
) -> Result<Option<Vec<EventLine>>, StoreError> {
    let store = store.to_owned();
    hq.0.db
        .read(move |sql| {
            let Some(id) = id_of(sql, &store)? else {
                return Ok(None);
            };
            let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
            let before = wanted.before.unwrap_or(u64::MAX);
            let (also, kind) = match wanted.kind {
                Some(kind) => ("AND kind = ?3", kind),
                None => ("AND ?3 = ''", String::new()),
            };
            sql.rows(
                &format!(
                    "SELECT seq, at, received_at, kind, order_id, actor, body FROM events
                     WHERE store = ?1 AND seq < ?2 {also} ORDER BY seq DESC LIMIT {limit}"
                ),
                &cells![id, before, kind],
                event_line,
            )
            .map(Some)
        })
        .await
}

/// A store's number in the database.
pub(super) fn id_of(sql: &crate::hq::db::Sql<'_>, store: &str) -> Result<Option<i64>, StoreError> {
    sql.row(
        "SELECT id FROM stores WHERE store_id = ?1",
        &cells![store],
        |r| r.get(0),
    )
}
