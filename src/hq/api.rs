//! Headquarters' HTTP: `POST /v1/ingest` for stores; the page, its data and a live stream for people; health and
//! figures for machines.

use super::{Hq, IngestError, Proof, StoreRow, page, problem::Problem};
use crate::{
    store::StoreError,
    sync::{
        Ack, Batch,
        batch::{MOST_BYTES, WireError},
        http::INGEST_PATH,
    },
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, Request, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response, Sse, sse},
    routing::{get, post},
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    time::Duration,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::Instant,
};

/// Changes within this time reach the page together.
const TOGETHER: Duration = Duration::from_millis(100);
/// How often the page is told which stores fell silent, and the connection shown to be alive.
const LOOK: Duration = Duration::from_secs(5);

pub(super) fn router(hq: Hq) -> Router {
    let people = Router::new()
        .route("/api/v1/stores", get(stores))
        .route("/api/v1/stores/{id}", get(store))
        .route("/api/v1/live", get(live))
        .route("/metrics", get(metrics))
        .layer(from_fn_with_state(hq.clone(), viewer));
    Router::new()
        .route(INGEST_PATH, post(ingest))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .merge(people)
        .route("/health", get(health))
        .fallback(get(page::serve))
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "not_found",
                "This address is not used that way",
            )
        })
        .with_state(hq)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn unauthorised(title: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", title)
}

/// Lets in who shows the viewer's token, where one is set. `EventSource` can't send headers, so the token may
/// stand in the address.
async fn viewer(
    State(hq): State<Hq>,
    Query(query): Query<TokenQuery>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(token) = &hq.0.config.viewer_token {
        let shown = bearer(request.headers()).or(query.token.as_deref());
        // Hashes are compared, so that the time it takes tells nothing of the token.
        if shown.map(super::hash) != Some(super::hash(token.reveal())) {
            return Err(unauthorised("Show the viewer's token"));
        }
    }
    Ok(next.run(request).await)
}

#[derive(Deserialize)]
struct TokenQuery {
    token: Option<String>,
}

async fn ingest(
    State(hq): State<Hq>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Ack>, Problem> {
    let token = bearer(&headers)
        .filter(|t| hq.knows_token(t))
        .ok_or_else(|| unauthorised("No store is known by this token"))?;
    let too_long = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The message is too long",
        )
    };
    let body = body.map_err(|e| {
        if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
            too_long()
        } else {
            Problem::new(e.status(), "bad_json", "The message was cut")
        }
    })?;
    let batch = Batch::decode(&body).map_err(|e| match e {
        WireError::TooLong => too_long(),
        e => Problem::new(StatusCode::BAD_REQUEST, "bad_json", e.to_string()),
    })?;
    let submitted = hq.submit(batch, Proof::Token(token)).await?;
    Ok(Json(submitted.done().await?))
}

impl From<IngestError> for Problem {
    fn from(e: IngestError) -> Self {
        match e {
            IngestError::Unauthorised => unauthorised("No store is known by this token"),
            IngestError::OtherStore => Self::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "This is the token of another store",
            ),
            IngestError::Store(e) => e.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Self {
        // What failed is for the log; the other side only needs to know that it may try again.
        tracing::error!(error = %e, "headquarters' database failed");
        Self {
            retry_after_s: Some(5),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "internal",
                "Headquarters' database failed; nothing was taken in, try again",
            )
        }
    }
}

async fn stores(State(hq): State<Hq>) -> Result<Json<serde_json::Value>, Problem> {
    Ok(Json(json!({ "stores": hq.stores().await? })))
}

async fn store(State(hq): State<Hq>, Path(id): Path<String>) -> Result<Response, Problem> {
    match hq.store(&id).await? {
        Some(details) => Ok(Json(details).into_response()),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "No such store",
        )),
    }
}

async fn health(State(hq): State<Hq>) -> Result<Json<serde_json::Value>, Problem> {
    hq.db()
        .read(|db| Ok(db.query_row("SELECT 1", [], |_| Ok(()))?))
        .await?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn metrics(State(hq): State<Hq>) -> Result<Response, Problem> {
    let text = hq.0.metrics.text(&hq.stores().await?);
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// One reader of the live stream.
struct Live {
    hq: Hq,
    changes: broadcast::Receiver<String>,
    /// Stores that changed since the reader was last told; all of them when we lost count.
    changed: BTreeSet<String>,
    all: bool,
    /// Whether each store was online when the reader was last told.
    online: BTreeMap<String, bool>,
    /// When it is told next.
    due: Instant,
    ready: VecDeque<sse::Event>,
}

async fn live(State(hq): State<Hq>) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let first = Live {
        changes: hq.0.changes.subscribe(),
        changed: BTreeSet::new(),
        all: true,
        online: BTreeMap::new(),
        due: Instant::now(),
        ready: VecDeque::from([sse::Event::default().event("hello").data("{}")]),
        hq,
    };
    Sse::new(stream::unfold(first, |mut live| async move {
        let event = live.next().await?;
        Some((Ok(event), live))
    }))
}

impl Live {
    async fn next(&mut self) -> Option<sse::Event> {
        let stopping = self.hq.0.stopping.clone();
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                () = tokio::time::sleep_until(self.due) => self.tell().await,
                change = self.changes.recv() => {
                    match change {
                        Ok(store) => {
                            self.changed.insert(store);
                        }
                        Err(RecvError::Lagged(_)) => self.all = true,
                        Err(RecvError::Closed) => return None,
                    }
                    self.due = self.due.min(Instant::now() + TOGETHER);
                }
            }
        }
    }

    async fn tell(&mut self) {
        self.due = Instant::now() + LOOK;
        let changed = std::mem::take(&mut self.changed);
        let all = std::mem::take(&mut self.all);
        // A failing database shows on the page as nothing new, and in the log.
        for row in self.hq.stores().await.unwrap_or_default() {
            let flipped = self.online.get(&row.store_id) != Some(&row.online);
            if flipped || all || changed.contains(&row.store_id) {
                self.online.insert(row.store_id.clone(), row.online);
                self.ready.extend(event(&row));
            }
        }
        if self.ready.is_empty() {
            self.ready.push_back(sse::Event::default().comment("alive"));
        }
    }
}

fn event(row: &StoreRow) -> Option<sse::Event> {
    sse::Event::default().event("store").json_data(row).ok()
}
