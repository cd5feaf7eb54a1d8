//! Quarters of an hour: when a store gave signs of life, how far behind it was, what it sold and cooked.

use super::{Fact, Pack};
use crate::{
    domain::{event::Body, time::Timestamp},
    hq::db::{Cell, Kind, Sql, cells},
    store::StoreError,
};
use std::collections::BTreeMap;

/// A quarter of an hour, milliseconds.
pub(in crate::hq) const QUARTER_MS: i64 = 15 * 60 * 1000;
/// Silence up to so many heartbeats is nothing.
const MISSED: i64 = 3;
/// And so is silence up to this, milliseconds.
const USUAL_MS: i64 = 45_000;

#[derive(Default)]
struct Quarter {
    beat_at: Option<i64>,
    usual_ms: i64,
    received: i64,
    backlog: i64,
    oldest_ms: i64,
    orders: i64,
    sales_minor: i64,
    dishes: i64,
    cook_ms: i64,
}

/// What is added to quarters, by store and the quarter's beginning.
#[derive(Default)]
pub(super) struct Quarters(BTreeMap<(i64, i64), Quarter>);

impl Quarters {
    fn of(&mut self, store: i64, at: Timestamp) -> &mut Quarter {
        let begin = at.as_millis().div_euclid(QUARTER_MS) * QUARTER_MS;
        self.0.entry((store, begin)).or_default()
    }

    pub(super) fn sign_of_life(&mut self, pack: &Pack<'_>, now: Timestamp) {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let q = self.of(pack.store, now);
        q.beat_at = Some(now.as_millis());
        q.usual_ms = q.usual_ms.max(USUAL_MS);
        q.received += i64::try_from(pack.entries.len()).unwrap_or(i64::MAX);
        let Some(s) = pack.summary else { return };
        q.usual_ms = q
            .usual_ms
            .max(number(s.heartbeat_ms).saturating_mul(MISSED));
        let backlog = number(s.head.saturating_sub(pack.seq));
        if backlog > 0 {
            q.backlog = q.backlog.max(backlog);
            let age = s.oldest_at.map_or(0, |at| s.at.since(at).as_millis());
            q.oldest_ms = q.oldest_ms.max(i64::try_from(age).unwrap_or(i64::MAX));
        }
    }

    pub(super) fn apply(&mut self, fact: &Fact, cooked_ms: Option<i64>) {
        match &fact.body {
            Body::OrderPaid {} => self.of(fact.store, fact.at).orders += 1,
            Body::PaymentCaptured { amount_minor, .. } => {
                self.of(fact.store, fact.at).sales_minor += amount_minor;
            }
            Body::CookPlated { .. } => {
                let q = self.of(fact.store, fact.at);
                if let Some(ms) = cooked_ms {
                    q.dishes += 1;
                    q.cook_ms += ms;
                }
            }
            _ => {}
        }
    }

    pub(super) fn flush(self, sql: &Sql<'_>) -> Result<(), StoreError> {
        let row = |((store, at), q): (&(i64, i64), &Quarter)| -> Vec<Cell<'static>> {
            cells![
                *store,
                *at,
                q.beat_at,
                q.beat_at,
                0_i64,
                q.received,
                q.backlog,
                q.oldest_ms,
                q.orders,
                q.sales_minor,
                q.dishes,
                q.cook_ms
            ]
            .into()
        };
        // Stores with other heartbeats have other limits, which stand in the statement; there are few of them.
        let mut by_limit: BTreeMap<i64, Vec<Vec<Cell<'static>>>> = BTreeMap::new();
        for entry in &self.0 {
            by_limit
                .entry(entry.1.usual_ms.max(USUAL_MS))
                .or_default()
                .push(row(entry));
        }
        let columns: Vec<(&str, Kind)> = [
            "store",
            "at",
            "first_at",
            "last_at",
            "silent_ms",
            "received",
            "backlog",
            "oldest_ms",
            "orders",
            "sales_minor",
            "dishes",
            "cook_ms",
        ]
        .map(|name| (name, Kind::Int))
        .into();
        let greater = |name: &str| {
            format!(
                "{name} = CASE WHEN excluded.{name} > quarters.{name} THEN excluded.{name} ELSE quarters.{name} END"
            )
        };
        let sum = |name: &str| format!("{name} = quarters.{name} + excluded.{name}");
        for (limit, rows) in by_limit {
            sql.insert_many(
                "quarters",
                &columns,
                &rows,
                &format!(
                    "ON CONFLICT (store, at) DO UPDATE SET
                       silent_ms = quarters.silent_ms +
                         CASE WHEN excluded.last_at - quarters.last_at > {limit}
                              THEN excluded.last_at - quarters.last_at - {limit} ELSE 0 END,
                       first_at = coalesce(quarters.first_at, excluded.first_at),
                       last_at = coalesce(excluded.last_at, quarters.last_at),
                       {}, {}, {}, {}, {}, {}, {}",
                    greater("backlog"),
                    greater("oldest_ms"),
                    sum("received"),
                    sum("orders"),
                    sum("sales_minor"),
                    sum("dishes"),
                    sum("cook_ms"),
                ),
            )?;
        }
        Ok(())
    }
}
