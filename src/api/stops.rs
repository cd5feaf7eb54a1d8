//! What staff take off sale and put on sale again; what they tell of guests.

use super::{
    Api, Caller, Problem,
    auth::{CASHIERS, STAFF, TECHNICIANS},
    body::Post,
};
use crate::{
    domain::{
        stops::{PauseKind, Stopped},
        time::Timestamp,
    },
    flow::{FlowError, accepting, menu},
    store::Snapshot,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The stop-list, and the pause of sales.
#[derive(Debug, Serialize, ToSchema)]
pub struct StopList {
    stops: Vec<StopView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<PauseView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct StopView {
    #[serde(skip_serializing_if = "Option::is_none")]
    dish_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingredient_id: Option<String>,
    #[schema(value_type = i64)]
    since_at: Timestamp,
    /// It is over by itself then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    until_at: Option<Timestamp>,
    who: String,
    why: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct PauseView {
    /// `paused` or `cleaning`.
    #[schema(value_type = String)]
    kind: PauseKind,
    #[schema(value_type = i64)]
    since_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    until_at: Option<Timestamp>,
    who: String,
    why: String,
}

fn shown(s: &Snapshot<'_>, now: Timestamp) -> Result<StopList, FlowError> {
    let stops = s.stops()?.0.into_iter();
    Ok(StopList {
        stops: stops
            .filter(|(_, stop)| stop.holds(now))
            .map(|(what, stop)| {
                let (dish_id, ingredient_id) = match what {
                    Stopped::Dish(id) => (Some(id.0), None),
                    Stopped::Ingredient(id) => (None, Some(id.0)),
                };
                StopView {
                    dish_id,
                    ingredient_id,
                    since_at: stop.since_at,
                    until_at: stop.until_at,
                    who: stop.who,
                    why: stop.why,
                }
            })
            .collect(),
        pause: accepting::pause(s, now)?.map(|p| PauseView {
            kind: p.kind,
            since_at: p.stop.since_at,
            until_at: p.stop.until_at,
            who: p.stop.who,
            why: p.stop.why,
        }),
    })
}

/// What is off sale, and whether sales are paused.
#[utoipa::path(get, path = "/menu/stops", tag = "staff", responses((status = 200, body = StopList)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<StopList>, Problem> {
    caller.need(STAFF)?;
    let now = api.site.world.clock.now();
    Ok(Json(api.site.store.read(move |s| shown(s, now)).await?))
}

/// A dish or an ingredient to take off sale.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStop {
    #[serde(default)]
    dish_id: Option<String>,
    /// Every dish that needs it is off sale.
    #[serde(default)]
    ingredient_id: Option<String>,
    /// It is over by itself then; when none, staff lift it.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    until_at: Option<Timestamp>,
    /// Kept in the log.
    why: String,
}

fn one_of(dish: Option<String>, ingredient: Option<String>) -> Result<Stopped, FlowError> {
    match (dish, ingredient) {
        (Some(id), None) => Ok(Stopped::Dish(id.as_str().into())),
        (None, Some(id)) => Ok(Stopped::Ingredient(id.as_str().into())),
        _ => Err(FlowError::Invalid(
            "name either a dish_id or an ingredient_id".to_owned(),
        )),
    }
}

/// Takes a dish or an ingredient off sale.
#[utoipa::path(post, path = "/menu/stops", tag = "staff", request_body = NewStop, responses((status = 200, body = StopList), (status = "4XX", body = Problem)))]
pub(super) async fn stop(State(api): State<Api>, post: Post<NewStop>) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        let what = one_of(body.dish_id, body.ingredient_id)?;
        menu::stop(tx, cx, what, body.until_at, &body.why)?;
        shown(&tx.snapshot(), cx.now)
    })
    .await
}

/// What to put on sale again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    #[serde(default)]
    dish_id: Option<String>,
    #[serde(default)]
    ingredient_id: Option<String>,
    /// Kept in the log; need not be said.
    #[serde(default)]
    why: String,
}

/// Puts a dish or an ingredient on sale again.
#[utoipa::path(post, path = "/menu/stops/lift", tag = "staff", request_body = Lift, responses((status = 200, body = StopList), (status = "4XX", body = Problem)))]
pub(super) async fn lift(State(api): State<Api>, post: Post<Lift>) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        let what = one_of(body.dish_id, body.ingredient_id)?;
        menu::lift(tx, cx, what, &body.why)?;
        shown(&tx.snapshot(), cx.now)
    })
    .await
}

/// A pause of sales.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPause {
    /// Kept in the log.
    why: String,
    /// It is over by itself then.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    until_at: Option<Timestamp>,
    /// `paused` or `cleaning`: what guests are told.
    #[serde(default = "paused")]
    #[schema(value_type = String)]
    kind: PauseKind,
}

fn paused() -> PauseKind {
    PauseKind::Paused
}

/// Sells nothing for a while; orders that are placed go on.
#[utoipa::path(post, path = "/sales/pause", tag = "staff", request_body = NewPause, responses((status = 200, body = StopList), (status = "4XX", body = Problem)))]
pub(super) async fn pause(
    State(api): State<Api>,
    post: Post<NewPause>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        menu::pause_sales(tx, cx, body.kind, body.until_at, &body.why)?;
        shown(&tx.snapshot(), cx.now)
    })
    .await
}

/// Why sales go on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Kept in the log; need not be said.
    #[serde(default)]
    why: String,
}

/// Sells again.
#[utoipa::path(post, path = "/sales/resume", tag = "staff", request_body = Resume, responses((status = 200, body = StopList), (status = "4XX", body = Problem)))]
pub(super) async fn resume(
    State(api): State<Api>,
    post: Post<Resume>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        menu::resume_sales(tx, cx, &body.why)?;
        shown(&tx.snapshot(), cx.now)
    })
    .await
}

/// A guest's birthday, as a cashier has seen it in a document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Birthday {
    phone: String,
    /// 1 to 12.
    month: i8,
    /// 1 to 31.
    day: i8,
}

/// Done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kept {
    /// What was kept, or erased.
    rows: usize,
}

/// Keeps a guest's birthday for promotions: month and day, under a keyed hash of the phone number.
#[utoipa::path(post, path = "/guests/birthday", tag = "staff", request_body = Birthday, responses((status = 200, body = Kept), (status = "4XX", body = Problem)))]
pub(super) async fn birthday(
    State(api): State<Api>,
    post: Post<Birthday>,
) -> Result<Response, Problem> {
    post.caller.need(CASHIERS)?;
    super::orders::check_phone(&post.body.phone)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        menu::keep_birthday(tx, cx, &body.phone, body.month, body.day)?;
        Ok(Kept { rows: 1 })
    })
    .await
}

/// A guest who wants to be forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    phone: String,
}

/// Erases all that is kept of a guest: what promotions and the loyalty programme know of the phone number, and the
/// numbers and addresses of their orders. Orders and receipts stay; they name nobody.
#[utoipa::path(post, path = "/guests/forget", tag = "staff", request_body = Forget, responses((status = 200, body = Kept), (status = "4XX", body = Problem)))]
pub(super) async fn forget(
    State(api): State<Api>,
    post: Post<Forget>,
) -> Result<Response, Problem> {
    post.caller.need(CASHIERS)?;
    super::orders::check_phone(&post.body.phone)?;
    post.once(&api, StatusCode::OK, |tx, cx, body| {
        let rows = menu::erase_guest(tx, cx, &body.phone)?;
        Ok(Kept {
            rows: usize::try_from(rows).unwrap_or(usize::MAX),
        })
    })
    .await
}
