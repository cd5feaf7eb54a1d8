//! Alerts, decisions, the uplink, and the proof that the books are exact.

use super::{
    Api, Caller, Problem,
    auth::{STAFF, TECHNICIANS},
    body::Post,
    extract::{Path, Query},
};
use crate::{
    domain::{
        alert::Alert,
        reconcile::{Difference, Line, Reconciler, Totals},
        time::Timestamp,
    },
    flow::{FlowError, commands},
    store::{EffectState, StoreError},
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Open alerts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertList {
    #[schema(value_type = Vec<Object>)]
    alerts: Vec<AlertView>,
}

#[derive(Debug, Serialize)]
struct AlertView {
    id: String,
    #[serde(flatten)]
    alert: Alert,
    /// The effect it is about, for a decision.
    effect_id: Option<i64>,
}

/// What needs a person, and what they can do.
#[utoipa::path(get, path = "/alerts", tag = "staff", responses((status = 200, body = AlertList)))]
pub(super) async fn alerts(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<AlertList>, Problem> {
    caller.need(STAFF)?;
    let alerts = api
        .site
        .store
        .read(|s| -> Result<_, StoreError> {
            s.alerts()?
                .into_iter()
                .map(|alert| {
                    let effect_id = match alert.key.strip_prefix("effect:") {
                        Some(key) => s.effect_by_key(key)?.map(|e| e.id),
                        None => None,
                    };
                    Ok(AlertView {
                        id: alert.key.clone(),
                        alert,
                        effect_id,
                    })
                })
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(AlertList { alerts }))
}

/// A person's decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `done` or `not_done`; `not_done` lets it be tried again.
    outcome: String,
    /// The kind's own result, for `done`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    result: Option<serde_json::Value>,
    /// Why; kept in the log.
    reason: String,
}

/// A person decides what became of an effect that nothing outside can tell.
#[utoipa::path(post, path = "/effects/{id}/settle", tag = "technician", params(("id" = i64, Path)), request_body = Decision, responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn settle(
    State(api): State<Api>,
    Path(id): Path<i64>,
    post: Post<Decision>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    if post.body.reason.trim().is_empty() {
        return Err(Problem::invalid("say why: the reason is kept in the log"));
    }
    let done = match post.body.outcome.as_str() {
        "done" => Some(post.body.result.clone().unwrap_or_default()),
        "not_done" => None,
        other => {
            return Err(Problem::invalid(format!(
                "{other:?} is no outcome; there are done and not_done"
            )));
        }
    };
    post.once(&api, StatusCode::OK, move |tx, cx, body| {
        commands::settle_effect(tx, cx, id, done, body.reason.trim())?;
        Ok(serde_json::json!({"settled": true}))
    })
    .await
}

/// Readers of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncView {
    /// `online`, `degraded`, `offline` or `off`.
    uplink: &'static str,
    readers: Vec<ReaderView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ReaderView {
    name: String,
    cursor: u64,
    head: u64,
    backlog: u64,
    /// Age of the oldest event that the reader does not have.
    oldest_age_ms: u64,
}

/// How far the readers of the log have come.
#[utoipa::path(get, path = "/sync", tag = "staff", responses((status = 200, body = SyncView)))]
pub(super) async fn sync(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<SyncView>, Problem> {
    caller.need(STAFF)?;
    let now = api.site.world.clock.now();
    let readers = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let head = s.head()?.seq;
            let mut cursors = s.cursors()?;
            if cursors.is_empty() {
                cursors.push(("hq".to_owned(), 0, Timestamp::default()));
            }
            cursors
                .into_iter()
                .map(|(name, cursor, _)| {
                    let oldest = s.event(cursor + 1)?;
                    Ok(ReaderView {
                        name,
                        cursor,
                        head,
                        backlog: head.saturating_sub(cursor),
                        oldest_age_ms: oldest.map_or(0, |e| {
                            u64::try_from(now.since(e.at).as_millis()).unwrap_or(u64::MAX)
                        }),
                    })
                })
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(SyncView {
        uplink: (api.uplink)(),
        readers,
    }))
}

/// Which orders are compared.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ReconcileQuery {
    /// Only this day, `YYYY-MM-DD`; all days when none. Shifts are always compared, all of them.
    day: Option<String>,
}

/// The whole comparison.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReconcileView {
    /// Nothing differs and nothing is under way.
    exact: bool,
    day: Option<String>,
    #[schema(value_type = Object)]
    totals: TotalsView,
    #[schema(value_type = Vec<Object>)]
    lines: Vec<Line>,
    #[schema(value_type = Vec<Object>)]
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct TotalsView {
    #[serde(flatten)]
    totals: Totals,
    events: u64,
    hq_events: u64,
    unknown_effects: u64,
    live_effects: u64,
}

/// Orders = payments = receipts = dishes = accounting documents, line by line; names every difference.
#[utoipa::path(get, path = "/reconcile", tag = "staff", params(ReconcileQuery), responses((status = 200, body = ReconcileView)))]
pub(super) async fn reconcile(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<ReconcileQuery>,
) -> Result<Json<ReconcileView>, Problem> {
    caller.need(STAFF)?;
    let view = api
        .site
        .store
        .read(move |s| -> Result<_, FlowError> {
            let under_way = s.orders_under_way()?;
            let mut books = Reconciler::default();
            s.each_order(query.day.as_deref(), |o| {
                let busy = under_way.contains(&o.id) || !settled(&o);
                books.order(&o, busy);
            })?;
            let live = s.live_effects()?;
            let closing: std::collections::BTreeSet<&str> = live
                .iter()
                .filter(|e| e.kind == crate::flow::effects::accounting::KIND)
                .map(|e| e.queue.as_str())
                .collect();
            for shift in s.shift_books()? {
                if !closing.contains(format!("accounting:{}", shift.shift).as_str()) {
                    books.shift(&shift);
                }
            }
            let unknown = live
                .iter()
                .filter(|e| matches!(e.state, EffectState::Unknown | EffectState::Person))
                .count();
            let result = books.finish();
            Ok(ReconcileView {
                exact: result.differences.is_empty()
                    && live.is_empty()
                    && result.totals.under_way == 0,
                day: query.day,
                totals: TotalsView {
                    totals: result.totals,
                    events: s.head()?.seq,
                    hq_events: s.cursor("hq")?,
                    unknown_effects: u64::try_from(unknown).unwrap_or(u64::MAX),
                    live_effects: u64::try_from(live.len()).unwrap_or(u64::MAX),
                },
                lines: result.lines,
                differences: result.differences,
            })
        })
        .await?;
    Ok(Json(view))
}

/// Nothing more is to come by itself: every dish is plated or given up, no refund is open.
fn settled(order: &crate::domain::order::Order) -> bool {
    use crate::domain::refund::RefundState;
    // Money of an order that is not fully paid waits for the rest, or for going back.
    let dishes = match order.paid {
        true => order.all_pieces_settled(),
        false => order.given_up.is_some() || order.received_minor() == 0,
    };
    let refunds = order
        .refunds
        .iter()
        .all(|r| matches!(r.state, RefundState::Done));
    dishes && refunds
}
