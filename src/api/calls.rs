//! Guests at a kiosk who call for a person, numbers that are called again, and the count of the drawer.

use super::{
    Api, Caller, Problem, Role,
    auth::{ORDERING, STAFF},
    body::Post,
    extract::Path,
    orders::Nothing,
    view::OrderView,
};
use crate::{
    domain::{staff::Denomination, time::Timestamp},
    flow::staff,
    store::Call,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A guest calls.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    /// `help`, `payment`, `spill`, `allergy` or `other`.
    why: String,
}

/// A call that is not answered yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallView {
    id: Uuid,
    /// The kiosk's name.
    kiosk: String,
    why: String,
    #[schema(value_type = i64)]
    at: Timestamp,
}

impl From<Call> for CallView {
    fn from(c: Call) -> Self {
        Self {
            id: c.id,
            kiosk: c
                .door
                .split_once(':')
                .map_or(c.door.clone(), |(_, name)| name.to_owned()),
            why: c.why,
            at: c.at,
        }
    }
}

/// Calls for a person. Calling again is the same call.
#[utoipa::path(post, path = "/calls", tag = "guest", request_body = NewCall, responses((status = 201, body = CallView), (status = "4XX", body = Problem)))]
pub(super) async fn call(State(api): State<Api>, post: Post<NewCall>) -> Result<Response, Problem> {
    post.caller.need(&[Role::Kiosk])?;
    let id = api.site.world.new_id();
    post.once(&api, StatusCode::CREATED, move |tx, cx, body| {
        Ok(CallView::from(staff::call(tx, cx, id, &body.why)?))
    })
    .await
}

/// Open calls.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallList {
    calls: Vec<CallView>,
}

/// Calls that nobody has answered yet; a kiosk sees its own.
#[utoipa::path(get, path = "/calls", tag = "staff", responses((status = 200, body = CallList), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<CallList>, Problem> {
    caller.need(ORDERING)?;
    let own = (caller.role == Role::Kiosk).then(|| caller.actor().0);
    let calls = api.site.store.read(|s| s.calls()).await?;
    let calls = calls
        .into_iter()
        .filter(|c| own.as_ref().is_none_or(|own| c.door == *own))
        .map(CallView::from)
        .collect();
    Ok(Json(CallList { calls }))
}

/// A person goes to the guest. Answering twice changes nothing.
#[utoipa::path(post, path = "/calls/{id}/answer", tag = "staff", params(("id" = Uuid, Path)), request_body = Nothing, responses((status = 200, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn answer(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::OK, move |tx, cx, _| {
        staff::answer_call(tx, cx, id)?;
        Ok(serde_json::json!({"answered": id}))
    })
    .await
}

/// Calls an order's number again; one that was handed over by mistake comes back.
#[utoipa::path(post, path = "/orders/{id}/recall", tag = "staff", params(("id" = Uuid, Path)), request_body = Nothing, responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn recall(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.on_order(&api, STAFF, id, |tx, cx, id, _| staff::recall(tx, cx, id))
        .await
}

/// The drawer as a person counted it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCount {
    /// `[{minor, count}]`: value of a note or coin in minor units, and how many.
    #[schema(value_type = Vec<Object>)]
    denominations: Vec<Denomination>,
    /// What the person says of a difference.
    #[serde(default)]
    note: String,
}

/// Notes what was counted in the drawer beside what the books say.
#[utoipa::path(post, path = "/shift/count", tag = "staff", request_body = NewCount, responses((status = 201, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn count(
    State(api): State<Api>,
    post: Post<NewCount>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::CREATED, |tx, cx, body| {
        staff::count_drawer(tx, cx, body.denominations, &body.note)
    })
    .await
}
