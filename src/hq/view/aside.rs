//! Events that were set aside because they can't be proven: who may see and settle them.

use crate::hq::{
    Hq, Settling,
    aside::settle,
    extract::{Path, Query, Said},
    people::{Role, Who, audit},
    problem::Problem,
};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<Hq> {
    Router::new()
        .route("/api/v1/aside", get(list))
        .route("/api/v1/aside/{store}/{seq}", post(decide))
}

#[derive(Deserialize)]
struct Wanted {
    store: Option<String>,
}

async fn list(
    State(hq): State<Hq>,
    who: Who,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    // The events are shown whole, with all that may stand in them.
    who.need(Role::Manager)?;
    let store = wanted.store.as_deref().map(str::parse).transpose();
    let store = store.map_err(|_| no_such())?;
    Ok(Json(json!({ "aside": hq.aside(store.as_ref()).await? })))
}

#[derive(Deserialize)]
struct Decision {
    accept: bool,
    note: String,
}

async fn decide(
    State(hq): State<Hq>,
    who: Who,
    Path((store, seq)): Path<(String, u64)>,
    Said(given): Said<Decision>,
) -> Result<Json<Value>, Problem> {
    who.need(Role::Manager)?;
    if given.note.trim().is_empty() || given.note.chars().count() > 500 {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "Say why, in at most 500 characters",
        ));
    }
    let now = hq.0.clock.now();
    let (name, accept) = (who.name.clone(), given.accept);
    let settled =
        hq.0.db
            .write(move |sql| {
                let how = Settling {
                    accept: given.accept,
                    by: who.name.clone(),
                    note: given.note,
                };
                if !settle(sql, &store, seq, &how, now)? {
                    return Ok(false);
                }
                let act = if how.accept {
                    "event.accepted"
                } else {
                    "event.rejected"
                };
                audit::note(sql, &who, now, act, &format!("{store} {seq}"), &how.note)?;
                Ok(true)
            })
            .await?;
    hq.touched();
    if !settled {
        return Err(no_such());
    }
    Ok(Json(json!({ "accepted": accept, "who": name, "at": now })))
}

fn no_such() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "No event waits under this number",
    )
}
