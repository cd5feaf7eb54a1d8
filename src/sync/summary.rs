//! The newest state of a store in a few hundred bytes: it goes ahead of the history, so that headquarters' screen
//! is right as soon as there is a link.

use super::{CURSOR, batch::StoreId, health::Health};
use crate::{
    domain::{alert::Severity, ids::OrderId, order::Order, shift::ShiftState, time::Timestamp},
    store::{Snapshot, StoreError},
};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Open alerts that are told in words; all are counted.
const ALERTS: usize = 20;
/// Events that are read one by one to bring the day's sales up to date; with more, the day's orders are read.
const FEW_EVENTS: u64 = 5_000;

/// Who the store is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its id, given by headquarters.
    pub store_id: StoreId,
    /// The generation of its box; 0 of one that was not enrolled with a code.
    pub generation: u64,
    /// Its name for people.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// Where the store's day begins.
    pub zone: TimeZone,
}

impl Identity {
    /// The store's day at a time, `YYYY-MM-DD`.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        jiff::Timestamp::from_millisecond(at.as_millis())
            .unwrap_or_default()
            .to_zoned(self.zone.clone())
            .date()
            .to_string()
    }

    /// The store's last full day at a time, when it began, and when it ended.
    #[must_use]
    pub fn yesterday(&self, at: Timestamp) -> (String, Timestamp, Timestamp) {
        let today = jiff::Timestamp::from_millisecond(at.as_millis())
            .unwrap_or_default()
            .to_zoned(self.zone.clone())
            .date();
        let day = today.yesterday().unwrap_or(today);
        let begins = |day: jiff::civil::Date| {
            let at = day.to_zoned(self.zone.clone());
            Timestamp::from_millis(at.map_or(0, |at| at.timestamp().as_millisecond()))
        };
        (day.to_string(), begins(day), begins(today))
    }
}

/// What headquarters' screen shows of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// When it was made, by the store's clock.
    pub at: Timestamp,
    /// The store's name.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// How often it comes when nothing happens, milliseconds.
    pub heartbeat_ms: u64,
    /// The store's day, `YYYY-MM-DD`.
    pub day: String,
    /// The shift.
    pub shift: ShiftSummary,
    /// Last event in the store.
    pub head: u64,
    /// Events that headquarters has not acknowledged.
    pub backlog: u64,
    /// When the oldest of them happened.
    pub oldest_at: Option<Timestamp>,
    /// Money in less money back for orders of the day, minor units.
    pub sales_today_minor: i64,
    /// Orders of the day that were paid.
    pub orders_today: u64,
    /// How many alerts are open.
    pub alerts: u64,
    /// The gravest of them.
    pub open_alerts: Vec<AlertSummary>,
    /// How the store is; an older program does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Box<Health>>,
}

/// The shift in short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftSummary {
    /// Where it stands.
    pub state: ShiftState,
    /// Its number.
    pub number: Option<u32>,
}

/// An open alert in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertSummary {
    /// Its cause.
    pub key: String,
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// Since when.
    pub since_at: Timestamp,
}

/// How far a reader of the log is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// Where it stands.
    pub cursor: u64,
    /// Last event in the store.
    pub head: u64,
    /// When the oldest event that it has not passed happened.
    pub oldest_at: Option<Timestamp>,
}

impl Backlog {
    /// Of one reader.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn of(store: &Snapshot<'_>, reader: &str) -> Result<Self, StoreError> {
        let cursor = store.cursor(reader)?;
        let oldest = store.events_after(cursor, 1)?.pop();
        Ok(Self {
            cursor,
            head: store.head()?.seq,
            oldest_at: oldest.map(|e| e.at),
        })
    }

    /// Events it has not passed.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.head.saturating_sub(self.cursor)
    }
}

impl Summary {
    /// The state of the store on a snapshot. `sales` must have caught up with the same snapshot.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn of(
        store: &Snapshot<'_>,
        identity: &Identity,
        sales: &Sales,
        heartbeat_ms: u64,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let backlog = Backlog::of(store, CURSOR)?;
        let shift = store.shift()?;
        let mut alerts = store.alerts()?;
        alerts.sort_by(|a, b| {
            (b.severity, a.since_at, &a.key).cmp(&(a.severity, b.since_at, &b.key))
        });
        Ok(Self {
            at: now,
            name: identity.name.clone(),
            version: identity.version.clone(),
            heartbeat_ms,
            day: sales.day.clone(),
            shift: ShiftSummary {
                state: shift.state,
                number: shift.number,
            },
            head: backlog.head,
            backlog: backlog.events(),
            oldest_at: backlog.oldest_at,
            sales_today_minor: sales.net_minor(),
            orders_today: sales.orders(),
            alerts: alerts.len() as u64,
            open_alerts: alerts
                .into_iter()
                .take(ALERTS)
                .map(|a| AlertSummary {
                    key: a.key,
                    severity: a.severity,
                    title: a.title,
                    since_at: a.since_at,
                })
                .collect(),
            health: None,
        })
    }
}

/// The sales of one day, kept up to date from the log, so that a summary does not read all orders of the day.
#[derive(Clone, Debug, Default)]
pub struct Sales {
    day: String,
    seen: u64,
    orders: BTreeMap<OrderId, (bool, i64)>,
}

impl Sales {
    /// Brings the sales of `day` up to the snapshot.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn catch_up(&mut self, store: &Snapshot<'_>, day: &str) -> Result<(), StoreError> {
        let head = store.head()?.seq;
        if self.day != day || head < self.seen || head - self.seen > FEW_EVENTS {
            let mut orders = BTreeMap::new();
            store.each_order(Some(day), |o| {
                orders.insert(o.id, figures(&o));
            })?;
            *self = Self {
                day: day.to_owned(),
                seen: head,
                orders,
            };
            return Ok(());
        }
        let mut touched = BTreeSet::new();
        while self.seen < head {
            let events = store.events_after(self.seen, 500)?;
            let Some(last) = events.last() else { break };
            self.seen = last.seq;
            touched.extend(events.iter().filter_map(|e| e.order_id));
        }
        for id in touched {
            if let Some(order) = store.order(id)?.filter(|o| o.day == day) {
                self.orders.insert(id, figures(&order));
            }
        }
        Ok(())
    }

    fn net_minor(&self) -> i64 {
        self.orders.values().map(|(_, net)| net).sum()
    }

    fn orders(&self) -> u64 {
        self.orders.values().filter(|(paid, _)| *paid).count() as u64
    }
}

fn figures(order: &Order) -> (bool, i64) {
    (
        order.paid,
        order.money_received_minor() - order.money_refunded_minor(),
    )
}
