//! What follows from the stores' events at headquarters, written in the same transaction: orders with their sums, days,
//! shifts and what accounting has of them, alerts, and quarters of an hour.
//!
//! A pack of events is read, worked out in memory and written back in few statements, whatever its length. All of it
//! follows from the events alone (but for the signs of life), so it can be made anew from them: [`renew`].

mod alerts;
mod days;
mod orders;
mod quarters;
mod shifts;

#[cfg(test)]
mod tests;

use super::db::{Sql, cells};
use crate::{
    domain::{event::Body, ids::OrderId, time::Timestamp},
    store::StoreError,
    sync::{Entry, Summary},
};

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

pub(super) use orders::replay;
pub(super) use quarters::QUARTER_MS;

/// The shape that this program gives the projections; with another one they are made anew.
const SHAPE: i64 = 1;
/// Events that are read at once when the projections are made anew.
const AT_ONCE: i64 = 2_000;

/// Which events count: those that are proven, and those that a person has accepted.
const COUNTS: &str =
    "(events.unproven = 0 OR EXISTS (SELECT 1 FROM quarantine q WHERE q.store = events.store
    AND q.seq = events.seq AND q.verdict = 'accepted'))";

/// What a store brought.
pub(super) struct Pack<'a> {
    /// Its number in the database.
    pub(super) store: i64,
    /// New events, in order.
    pub(super) entries: &'a [Entry],
    /// Its newest state.
    pub(super) summary: Option<&'a Summary>,
    /// Its last event that is here, these included.
    pub(super) seq: u64,
}

/// One event, understood.
struct Fact {
    store: i64,
    seq: u64,
    at: Timestamp,
    order: Option<OrderId>,
    body: Body,
}

/// All that a pack of events changes.
#[derive(Default)]
struct Changes {
    orders: orders::Orders,
    days: days::Days,
    shifts: shifts::Shifts,
    quarters: quarters::Quarters,
    alerts: alerts::Alerts,
}

/// Takes in what stores brought. How many events are of kinds this program doesn't know: they are kept, and count for
/// nothing.
///
/// # Errors
/// When the database fails.
pub(super) fn project(
    sql: &Sql<'_>,
    packs: &[Pack<'_>],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut changes = Changes::default();
    let mut unknown = 0;
    let mut facts = Vec::new();
    for pack in packs {
        for e in pack.entries {
            if !matters(&e.kind, e.order_id) && is_known(e) {
                continue;
            }
            match serde_json::from_str(e.body.get()) {
                Ok(body) if !makes_sense(&body) => tracing::warn!(
                    store = pack.store,
                    event.seq = e.seq,
                    "an event counts for nothing: what it says can't be"
                ),
                Ok(body) => facts.push(Fact {
                    store: pack.store,
                    seq: e.seq,
                    at: e.at,
                    order: e.order_id,
                    body,
                }),
                Err(_) => unknown += 1,
            }
        }
        changes.quarters.sign_of_life(pack, now);
    }
    changes.take(sql, &facts)?;
    changes.flush(sql)?;
    Ok(unknown)
}

/// Whether anything follows from events of this kind: the bodies of others need not be read.
fn matters(kind: &str, order: Option<OrderId>) -> bool {
    const WITHOUT_ORDER: [&str; 7] = [
        "order.placed",
        "shift.opened",
        "shift.closed",
        "accounting.posted",
        "correction.registered",
        "alert.raised",
        "alert.cleared",
    ];
    match order {
        // Neither changes a sum, and there are many of them.
        Some(_) => !matches!(kind, "stock.moved" | "cook.progressed"),
        None => WITHOUT_ORDER.contains(&kind),
    }
}

/// No single sum is larger, in minor units: a number that can't be money must not make the day's sum overflow.
const MOST_MINOR: i64 = 1_000_000_000_000;

/// Whether what an event says can be added up.
fn makes_sense(body: &Body) -> bool {
    let money = |minor: i64| (-MOST_MINOR..=MOST_MINOR).contains(&minor);
    match body {
        Body::OrderPlaced { order } => {
            money(order.total_minor)
                && order.day.len() == 10
                && order.day.parse::<jiff::civil::Date>().is_ok()
        }
        Body::PaymentStarted { payment } => {
            money(payment.amount_minor) && money(payment.captured_minor)
        }
        Body::PaymentCaptured { amount_minor, .. } => money(*amount_minor),
        Body::RefundRequested { refund } => money(refund.amount_minor),
        Body::ReceiptRequested { draft }
        | Body::CorrectionRequested { draft }
        | Body::CorrectionRegistered { draft, .. } => money(draft.total_minor),
        Body::AccountingPosted { total_minor, .. } => money(*total_minor),
        _ => true,
    }
}

/// Whether this program has read a body of the kind before: what was read once is known.
fn is_known(entry: &Entry) -> bool {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.contains(entry.kind.as_str()) {
        return true;
    }
    let read = serde_json::from_str::<Body>(entry.body.get()).is_ok();
    if read {
        known.insert(entry.kind.clone());
    }
    read
}

impl Changes {
    fn take(&mut self, sql: &Sql<'_>, facts: &[Fact]) -> Result<(), StoreError> {
        self.orders.load(sql, facts)?;
        self.shifts.load(sql, facts)?;
        self.alerts.load(sql, facts)?;
        for fact in facts {
            let before = self.orders.sums(fact);
            let registered = self.orders.apply(fact);
            if let Some(kept) = self.orders.of(fact) {
                self.days
                    .add(fact.store, kept.day(), kept.currency(), before, kept.sums());
            }
            self.shifts.apply(fact, registered, &mut self.days);
            self.quarters.apply(fact, self.orders.cooked(fact));
            self.alerts.apply(fact);
        }
        Ok(())
    }

    fn flush(self, sql: &Sql<'_>) -> Result<(), StoreError> {
        self.orders.flush(sql)?;
        self.days.flush(sql)?;
        self.shifts.flush(sql)?;
        self.quarters.flush(sql)?;
        self.alerts.flush(sql)
    }
}

/// Makes the projections anew from the events, where they have another shape than this program's. Signs of life stay.
///
/// # Errors
/// When the database fails.
pub(super) fn renew(sql: &Sql<'_>) -> Result<(), StoreError> {
    let shape: Option<i64> = sql.row("SELECT shape FROM projected WHERE id = 1", &[], |r| {
        r.get(0)
    })?;
    if shape == Some(SHAPE) {
        return Ok(());
    }
    for table in ["orders", "days", "shifts", "alerts", "alerts_over"] {
        sql.execute(&format!("DELETE FROM {table}"), &[])?;
    }
    sql.execute(
        "UPDATE quarters SET orders = 0, sales_minor = 0, dishes = 0, cook_ms = 0",
        &[],
    )?;
    for store in sql.rows("SELECT id FROM stores ORDER BY id", &[], |r| {
        r.get::<i64>(0)
    })? {
        again(sql, store)?;
    }
    sql.execute(
        "INSERT INTO projected (id, shape) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET shape = ?1",
        &cells![SHAPE],
    )?;
    Ok(())
}

/// All events of a store, once more.
fn again(sql: &Sql<'_>, store: i64) -> Result<(), StoreError> {
    let mut seq = 0_u64;
    loop {
        let read = sql.rows(
            &format!(
                "SELECT seq, at, order_id, body, kind FROM events WHERE store = ?1 AND seq > ?2 AND {COUNTS} ORDER BY seq LIMIT ?3"
            ),
            &cells![store, seq, AT_ONCE],
            |r| {
                let body: String = r.get(3)?;
                let seq: u64 = r.get(0)?;
                let order = r.get::<Option<uuid::Uuid>>(2)?.map(OrderId);
                let kind: String = r.get(4)?;
                let at = r.get(1)?;
                let body = matters(&kind, order)
                    .then(|| serde_json::from_str(&body).ok())
                    .flatten()
                    .filter(makes_sense);
                Ok((
                    seq,
                    body.map(|body| Fact {
                        store,
                        seq,
                        at,
                        order,
                        body,
                    }),
                ))
            },
        )?;
        let Some((last, _)) = read.last() else {
            return Ok(());
        };
        seq = *last;
        let facts: Vec<Fact> = read.into_iter().filter_map(|(_, fact)| fact).collect();
        let mut changes = Changes::default();
        changes.take(sql, &facts)?;
        changes.flush(sql)?;
    }
}

/// `?2, ?3 …`: so many parameters, from number `first` on.
fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|n| format!("?{n}")).collect();
    places.join(", ")
}
