//! Alerts, decisions, the uplink, and the proof that the books are exact.

use super::{
    Api, Caller, Problem,
    auth::{STAFF, TECHNICIANS},
    body::Post,
    extract::Query,
    orders::Nothing,
    settle,
};
use crate::{
    domain::{
        alert::Alert,
        reconcile::{Difference, Line, Reconciler, Totals},
        time::Timestamp,
    },
    flow::FlowError,
    store::{EffectState, StoreError},
};
use axum::{Json, extract::State, http::StatusCode};
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
    /// Where that effect stands: it can be settled when it is `refused`, `unknown` or `person`.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect_state: Option<&'static str>,
    /// The number of the order that waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    /// What somebody who says that it was done must have seen; left out where only the command line can say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect_asks: Option<&'static [&'static str]>,
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
                    let effect = match alert.key.strip_prefix("effect:") {
                        Some(key) => s.effect_by_key(key)?,
                        None => None,
                    };
                    let order = match effect.as_ref().and_then(|e| e.order_id) {
                        Some(id) => s.order(id)?,
                        None => None,
                    };
                    Ok(AlertView {
                        effect_state: effect.as_ref().map(|e| e.state.word()),
                        order: order.map(|o| o.number.to_string()),
                        id: alert.key.clone(),
                        alert,
                        effect_asks: effect.as_ref().and_then(|e| settle::asks(&e.kind)),
                        effect_id: effect.map(|e| e.id),
                    })
                })
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(AlertList { alerts }))
}

/// Readers of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct SyncView {
    /// `online`, `degraded`, `offline` or `off`.
    uplink: &'static str,
    /// By which route: `mqtt` or `http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'static str>,
    /// Since when it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    since_at: Option<Timestamp>,
    /// Why it is not online.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
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
            if !cursors.iter().any(|(name, ..)| name == "hq") {
                cursors.insert(0, ("hq".to_owned(), 0, Timestamp::default()));
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
    let state = api
        .headquarters
        .as_ref()
        .map(|h| h.state().borrow().clone());
    Ok(Json(SyncView {
        uplink: (api.uplink)(),
        route: state.as_ref().and_then(|s| s.route),
        since_at: state.as_ref().map(|s| s.since_at),
        reason: state.and_then(|s| s.reason),
        readers,
    }))
}

/// Tries the way to headquarters now instead of when its turn comes; online, the newest state is told.
#[utoipa::path(post, path = "/sync/now", tag = "technician", request_body = Nothing, responses((status = 202), (status = "4XX", body = Problem)))]
pub(super) async fn sync_now(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<(StatusCode, Json<serde_json::Value>), Problem> {
    post.caller.need(TECHNICIANS)?;
    let headquarters = api
        .headquarters
        .as_ref()
        .ok_or_else(|| Problem::conflict("no way to headquarters is configured; see [sync]"))?;
    headquarters.poke();
    // What waits for other services is tried again with it.
    api.poke.poke();
    Ok((
        StatusCode::ACCEPTED,
        Json(serde_json::json!({"accepted": true})),
    ))
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
    let accounting = api.site.policy().accounting;
    let view = api
        .site
        .store
        .read(move |s| -> Result<_, FlowError> {
            let under_way = s.orders_under_way()?;
            let mut books = Reconciler::default();
            let mut failed = None;
            s.each_order(query.day.as_deref(), |o| {
                let busy = under_way.contains(&o.id) || !settled(&o);
                let points = match o.loyalty {
                    Some(_) => s.order_points(o.id).map_err(|e| failed = Some(e)).ok(),
                    None => None,
                };
                books.order(&o, busy, &points.unwrap_or_default());
            })?;
            if let Some(error) = failed {
                return Err(error.into());
            }
            books.points(&s.points_books()?);
            let live = s.live_effects()?;
            let closing: std::collections::BTreeSet<&str> = live
                .iter()
                .filter(|e| e.kind == crate::flow::effects::accounting::KIND)
                .map(|e| e.queue.as_str())
                .collect();
            for shift in s.shift_books()? {
                // Where no accounting system is connected, none can lack a document.
                if !accounting && shift.documents == 0 {
                    continue;
                }
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
