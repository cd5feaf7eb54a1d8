//! Documents: asked for, looked at, called off, resolved.

use super::parts::{Asks, At, Whole, read, read_value};
use crate::gateway::{
    Gateway, Problem,
    auth::{Caller, Role},
    journal::{Door, Filter, JournalError, NewRow, Resolution, Row, State as DocState, Submitted},
    task::{Asked, Task, not_to_come, valid_key},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{sync::broadcast::error::RecvError, time::Instant};

/// Longest time that a request waits for a document.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// Codes of what ends a document without anybody's word.
const ENDS: [&str; 2] = ["expired", "needless"];
/// Documents on one page.
const PAGE: u32 = 200;

#[derive(Deserialize)]
pub(super) struct Wait {
    /// Seconds.
    #[serde(default)]
    wait: u32,
}

/// Asks for a document.
pub(super) async fn put(
    State(gateway): State<Gateway>,
    At(key): At<String>,
    Asks(wait): Asks<Wait>,
    caller: Caller,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    if !valid_key(&key) {
        return Err(Problem::invalid(
            "key: 1 to 64 letters, digits, dots, colons, underscores and dashes",
        ));
    }
    let request = read_value(&body)?;
    let mut changes = gateway.0.changes.subscribe();
    // A repeat gets what is stored, whatever the configuration or the rules say by now.
    let known = gateway.journal().document(&key)?;
    let submitted = match known {
        Some(row) if row.device.is_none() || row.is_of(&request, &caller.actor()) => {
            Submitted::Same(row)
        }
        Some(row) => Submitted::Other(row),
        None => {
            let asked = Asked::read(&key, &request)
                .map_err(|t| Problem::of(StatusCode::UNPROCESSABLE_ENTITY, &t))?;
            not_to_come(&asked.task, gateway.now())
                .map_err(|t| Problem::of(StatusCode::UNPROCESSABLE_ENTITY, &t))?;
            let device = gateway.device(asked.device.as_deref())?;
            let new = NewRow {
                key: key.clone(),
                device: device.id().to_owned(),
                door: Door::Native,
                bundle: None,
                rank: 1,
                request,
                asked_by: caller.actor(),
            };
            if matches!(asked.task, Task::Fiscal(_)) {
                device.hint.notify_one();
            }
            let submitted = gateway.journal().submit(new, gateway.now()).await?;
            device.wake.notify_one();
            submitted
        }
    };
    let (row, new) = match submitted {
        Submitted::New(row) => (row, true),
        Submitted::Same(row) => (row, false),
        Submitted::Other(row) => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "key_reused",
                "something else was asked for under this key, or another till did; nothing was done",
            )
            .with("document", shown(&gateway, &row)?));
        }
    };
    let limit = Duration::from_secs(wait.wait.into()).min(LONGEST_WAIT);
    let row = decided(&gateway, row, limit, &mut changes).await?;
    answer(&gateway, &row, new)
}

/// Waits until a document is decided, at most so long.
async fn decided(
    gateway: &Gateway,
    mut row: Row,
    limit: Duration,
    changes: &mut tokio::sync::broadcast::Receiver<i64>,
) -> Result<Row, JournalError> {
    let until = Instant::now() + limit;
    while !row.state.is_final() && Instant::now() < until {
        tokio::select! {
            biased;
            changed = changes.recv() => match changed {
                Ok(id) if id != row.id => continue,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(row),
            },
            () = gateway.0.closing.cancelled() => return Ok(row),
            () = tokio::time::sleep_until(until) => {}
        }
        if let Some(now) = gateway.journal().document(&row.key)? {
            row = now;
        }
    }
    Ok(row)
}

fn answer(gateway: &Gateway, row: &Row, new: bool) -> Result<Response, Problem> {
    let mut body = shown(gateway, row)?;
    body["replayed"] = json!(!new);
    let status = match row.state {
        DocState::Done if new => StatusCode::CREATED,
        DocState::Done => StatusCode::OK,
        DocState::Refused => {
            let trouble = row.trouble.clone().unwrap_or_else(|| unsaid("refused"));
            return Err(
                Problem::of(StatusCode::UNPROCESSABLE_ENTITY, &trouble).with("document", body)
            );
        }
        DocState::Cancelled => {
            // What kept it waiting before it was called off is not why it ended.
            let why = row
                .trouble
                .clone()
                .filter(|t| ENDS.contains(&t.code.as_str()));
            let trouble = why.unwrap_or_else(|| unsaid("cancelled"));
            return Err(Problem::of(StatusCode::GONE, &trouble).with("document", body));
        }
        _ => StatusCode::ACCEPTED,
    };
    let mut answer = (status, Json(body)).into_response();
    let headers = answer.headers_mut();
    if let Ok(at) = HeaderValue::from_str(&address(&row.key)) {
        headers.insert(header::LOCATION, at);
    }
    if !new {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(answer)
}

fn unsaid(code: &str) -> crate::gateway::journal::Trouble {
    crate::gateway::journal::Trouble::new(
        code,
        format!("the document was {code}; nothing was printed"),
        "Ask for it again under another key, if it is still wanted.",
    )
}

fn address(key: &str) -> String {
    format!("/v1/fiscal/documents/{key}")
}

/// A document as doors show it.
pub(in crate::gateway) fn shown(gateway: &Gateway, row: &Row) -> Result<Value, JournalError> {
    Ok(json!({
        "key": row.key,
        "device": row.device,
        "door": row.door,
        "state": row.state,
        "document": row.request.get("document").or_else(|| row.request.get("type")),
        "cancel_wanted": row.cancel_wanted,
        "result": row.result,
        "trouble": row.trouble,
        "asked_by": row.asked_by,
        "decided_by": row.decided_by,
        "created_at": row.created_at,
        "decided_at": row.decided_at,
        "attempts": gateway.journal().attempts(row.id)?,
        "url": address(&row.key),
    }))
}

/// Looks at a document.
pub(super) async fn show(
    State(gateway): State<Gateway>,
    At(key): At<String>,
    Asks(wait): Asks<Wait>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    let mut changes = gateway.0.changes.subscribe();
    let row = gateway
        .journal()
        .document(&key)?
        .ok_or_else(|| Problem::not_found("nothing was asked for under this key"))?;
    let limit = Duration::from_secs(wait.wait.into()).min(LONGEST_WAIT);
    let row = decided(&gateway, row, limit, &mut changes).await?;
    let mut body = shown(&gateway, &row)?;
    body["request"] = row.request;
    body["baseline"] = json!(row.baseline);
    Ok(Json(body))
}

#[derive(Deserialize)]
pub(super) struct Which {
    device: Option<String>,
    state: Option<String>,
    #[serde(default)]
    live: bool,
    before: Option<i64>,
    limit: Option<u32>,
}

/// Lists documents, the newest first.
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Asks(which): Asks<Which>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    let state = match which.state.as_deref() {
        None => None,
        Some(word) => Some(
            DocState::from_word(word)
                .ok_or_else(|| Problem::invalid(format!("state: there is no {word:?}")))?,
        ),
    };
    let filter = Filter {
        device: which.device,
        state,
        live: which.live,
        before: which.before,
        limit: which.limit.unwrap_or(PAGE).clamp(1, PAGE),
    };
    let rows = gateway.journal().list(&filter)?;
    let next = (rows.len() == usize::try_from(filter.limit).unwrap_or(usize::MAX))
        .then(|| rows.last().map(|r| r.id))
        .flatten();
    let documents: Result<Vec<Value>, JournalError> =
        rows.iter().map(|row| shown(&gateway, row)).collect();
    Ok(Json(json!({"documents": documents?, "before": next})))
}

/// Calls a document off. What may exist is called off as soon as the evidence says that it doesn't.
pub(super) async fn cancel(
    State(gateway): State<Gateway>,
    At(key): At<String>,
    Asks(wait): Asks<Wait>,
    caller: Caller,
) -> Result<Response, Problem> {
    if gateway.journal().document(&key)?.is_none() && !valid_key(&key) {
        return Err(Problem::not_found("nothing was asked for under this key"));
    }
    let mut changes = gateway.0.changes.subscribe();
    let anybody = caller.role == Role::Technician;
    let (row, at_once) = gateway
        .journal()
        .cancel(key, caller.actor(), anybody, gateway.now())
        .await?
        .ok_or_else(|| {
            Problem::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "another till asked for it; that till, or a technician, can call it off",
            )
        })?;
    wake(&gateway, &row);
    let limit = Duration::from_secs(wait.wait.into()).min(LONGEST_WAIT);
    let before = row.state.is_final();
    let row = decided(&gateway, row, limit, &mut changes).await?;
    let mut body = shown(&gateway, &row)?;
    // Whether it was live until this very request.
    body["decided_now"] = json!(at_once || !before && row.state.is_final());
    Ok(match row.state {
        DocState::Cancelled | DocState::Refused => (StatusCode::OK, Json(body)).into_response(),
        DocState::Done => Problem::new(
            StatusCode::CONFLICT,
            "already_done",
            "it is registered already; ask for a return instead",
        )
        .with("document", body)
        .into_response(),
        _ => (StatusCode::ACCEPTED, Json(body)).into_response(),
    })
}

fn wake(gateway: &Gateway, row: &Row) {
    // Nobody waits when there is no receiver.
    let _ = gateway.0.changes.send(row.id);
    if let Some(device) = row.device.as_ref().and_then(|id| gateway.0.devices.get(id)) {
        device.poke.notify_one();
        device.wake.notify_one();
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    outcome: Outcome,
    reason: String,
    #[serde(default)]
    record: Option<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Registered,
    Retry,
    Cancelled,
}

/// A technician decides about a document in doubt.
pub(super) async fn resolve(
    State(gateway): State<Gateway>,
    At(key): At<String>,
    caller: Caller,
    Whole(body): Whole,
) -> Result<Json<Value>, Problem> {
    caller.technician()?;
    debug_assert_eq!(caller.role, Role::Technician);
    let decision: Decision = read(&body)?;
    if decision.reason.trim().is_empty() {
        return Err(Problem::invalid("reason: say how you know"));
    }
    let resolution = match decision.outcome {
        // Whoever asked for it has to name it: to a guest, in a return, in a correction.
        Outcome::Registered => match decision.record {
            Some(record) if record["document_number"].is_u64() => Resolution::Registered(record),
            _ => {
                return Err(Problem::invalid(
                    "record: say which document it is, as {\"document_number\": 123}; it is on the paper, and the drive tells it",
                ));
            }
        },
        Outcome::Retry => Resolution::Retry,
        Outcome::Cancelled => Resolution::Cancel,
    };
    let by = format!("{}: {}", caller.actor(), decision.reason.trim());
    let resolved = gateway
        .journal()
        .resolve(key, resolution, by, gateway.now())
        .await?
        .ok_or_else(|| Problem::not_found("nothing was asked for under this key"))?;
    match resolved {
        Ok(row) => {
            tracing::info!(
                key = row.key,
                by = row.decided_by,
                "a technician decided about a document"
            );
            wake(&gateway, &row);
            Ok(Json(shown(&gateway, &row)?))
        }
        Err(row) => Err(Problem::new(
            StatusCode::CONFLICT,
            "not_in_doubt",
            "there is nothing to decide about this document",
        )
        .with("document", shown(&gateway, &row)?)),
    }
}
