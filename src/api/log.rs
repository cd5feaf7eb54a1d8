//! The log, for technicians: its end, or from a moment on, and what comes next.

use super::{Api, Caller, Problem, auth::STAFF, extract::Query};
use crate::{
    domain::{ids::OrderId, time::Timestamp},
    store::{LogEntry, Snapshot, StoreError},
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Events of one answer.
const MOST: usize = 1000;
/// Events that are looked through for one answer.
const LOOKED_THROUGH: u64 = 20_000;
/// Events read at once.
const PAGE: usize = 500;
/// Longest that an empty answer is held back.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// Which events.
#[derive(Clone, Debug, Deserialize, IntoParams)]
pub struct LogQuery {
    /// Those behind this one.
    after: Option<u64>,
    /// Those from this moment on, Unix milliseconds.
    since: Option<i64>,
    /// Those of an order.
    order: Option<Uuid>,
    /// Those that a device has to do with: `printer`, `robot`, `bank`.
    device: Option<String>,
    /// Those whose kind begins so: `payment.`
    kind: Option<String>,
    /// At most so many; 50.
    limit: Option<usize>,
    /// When there are none behind `after`, wait so long for one, milliseconds.
    wait_ms: Option<u64>,
}

/// Events, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogView {
    events: Vec<EventView>,
    /// Ask for what is behind this one next.
    next: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct EventView {
    seq: u64,
    #[schema(value_type = i64)]
    at: Timestamp,
    kind: String,
    #[schema(value_type = Option<Uuid>)]
    order_id: Option<OrderId>,
    actor: String,
    #[schema(value_type = Object)]
    body: serde_json::Value,
}

/// Kinds of events that a device has to do with.
const DEVICES: &[(&str, &[&str])] = &[
    (
        "printer",
        &["receipt.", "correction.", "shift.", "cash.", "printer."],
    ),
    ("robot", &["cook.", "stock."]),
    ("bank", &["payment.", "refund."]),
];

impl LogQuery {
    fn wants(&self, entry: &LogEntry) -> bool {
        let kind = self.kind.as_ref().is_none_or(|k| entry.kind.starts_with(k));
        let order = self
            .order
            .is_none_or(|id| entry.order_id == Some(OrderId(id)));
        kind && order && self.device.as_ref().is_none_or(|d| touches(d, entry))
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(50).clamp(1, MOST)
    }
}

fn touches(device: &str, entry: &LogEntry) -> bool {
    let kinds = DEVICES.iter().find(|(name, _)| *name == device);
    if kinds.is_some_and(|(_, kinds)| kinds.iter().any(|k| entry.kind.starts_with(k))) {
        return true;
    }
    // Its health, and alerts about it.
    (entry.kind.starts_with("device.") || entry.kind.starts_with("alert."))
        && entry.body.contains(device)
}

/// The log.
#[utoipa::path(get, path = "/log", tag = "staff", params(LogQuery), responses((status = 200, body = LogView), (status = "4XX", body = Problem)))]
pub(super) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<LogQuery>,
) -> Result<Json<LogView>, Problem> {
    caller.need(STAFF)?;
    let wait = Duration::from_millis(query.wait_ms.unwrap_or(0)).min(LONGEST_WAIT);
    let until = tokio::time::Instant::now() + wait;
    let mut head = api.site.store.head();
    let mut from = query.after;
    loop {
        head.borrow_and_update();
        let mut asked = query.clone();
        asked.after = from;
        let view = api.site.store.read(move |s| find(s, &asked)).await?;
        // What was looked through in vain is not looked through again.
        from = Some(view.next);
        if !view.events.is_empty() || wait.is_zero() {
            return Ok(Json(view));
        }
        let caught_up = view.next >= *api.site.store.head().borrow();
        tokio::select! {
            biased;
            () = api.closing.cancelled() => return Ok(Json(view)),
            () = tokio::time::sleep_until(until) => return Ok(Json(view)),
            changed = head.changed(), if caught_up => if changed.is_err() { return Ok(Json(view)) },
            () = std::future::ready(()), if !caught_up => {}
        }
    }
}

fn find(s: &Snapshot<'_>, query: &LogQuery) -> Result<LogView, StoreError> {
    let head = s.head()?.seq;
    let mut found = Vec::new();
    let next = match (query.after, query.since, query.order) {
        (None, None, Some(order)) => {
            found = s.events_of(OrderId(order))?;
            found.retain(|e| query.wants(e));
            let surplus = found.len().saturating_sub(query.limit());
            found.drain(..surplus);
            head
        }
        (None, None, None) => {
            tail(s, query, head, &mut found)?;
            head
        }
        (after, since, _) => {
            let start = match (after, since) {
                (Some(seq), _) => seq,
                (None, since) => s
                    .first_event_since(Timestamp::from_millis(since.unwrap_or(0)))?
                    .saturating_sub(1),
            };
            forward(s, query, start, &mut found)?.max(start)
        }
    };
    let events = found
        .into_iter()
        .map(|e| {
            Ok(EventView {
                body: serde_json::from_str(&e.body)?,
                seq: e.seq,
                at: e.at,
                kind: e.kind,
                order_id: e.order_id,
                actor: e.actor,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(LogView { events, next })
}

/// From `start` on; how far it came.
fn forward(
    s: &Snapshot<'_>,
    query: &LogQuery,
    start: u64,
    found: &mut Vec<LogEntry>,
) -> Result<u64, StoreError> {
    let mut at = start;
    while at - start < LOOKED_THROUGH {
        let page = s.events_after(at, PAGE)?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            at = entry.seq;
            if query.wants(&entry) {
                found.push(entry);
                if found.len() == query.limit() {
                    return Ok(at);
                }
            }
        }
    }
    Ok(at)
}

/// The last ones.
fn tail(
    s: &Snapshot<'_>,
    query: &LogQuery,
    head: u64,
    found: &mut Vec<LogEntry>,
) -> Result<(), StoreError> {
    let mut end = head;
    while end > 0 && head - end < LOOKED_THROUGH && found.len() < query.limit() {
        let start = end.saturating_sub(PAGE as u64);
        let page = s.events_after(start, PAGE)?;
        for entry in page.into_iter().rev().filter(|e| e.seq <= end) {
            if query.wants(&entry) && found.len() < query.limit() {
                found.push(entry);
            }
        }
        end = start;
    }
    found.reverse();
    Ok(())
}
