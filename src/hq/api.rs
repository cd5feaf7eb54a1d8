//! Headquarters' HTTP: `POST /v1/ingest` for stores; the page, its data and a live stream for people; health and
//! figures for machines.

use super::{
    Hq, IngestError, Proof, boxes, down, page, people, problem::Problem, seldom::Seldom, view,
};
use crate::{
    store::StoreError,
    sync::{
        Batch, StoreId,
        batch::{MOST_BYTES, WireError},
        down::WAITING,
        http::INGEST_PATH,
    },
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use std::sync::Arc;

pub(super) fn router(hq: Hq) -> Router {
    let people = Router::new()
        .route("/api/v1/stores", get(stores))
        .merge(view::router())
        .merge(people::router())
        .route("/metrics", get(metrics))
        .merge(down::api::router())
        .merge(boxes::api::router())
        .layer(from_fn_with_state(hq.clone(), people::admit));
    Router::new()
        .route(INGEST_PATH, post(ingest))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .merge(boxes::api::machines())
        .merge(people)
        .merge(people::open())
        .route("/health", get(health))
        .fallback(page::serve)
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "not_found",
                "This address is not used that way",
            )
        })
        .with_state(hq.clone())
        .merge(
            hq.0.config
                .relay
                .as_ref()
                .map_or_else(Router::new, |relay| Arc::clone(relay).router(hq.clone())),
        )
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn unauthorised(title: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", title)
}

async fn ingest(
    State(hq): State<Hq>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let token = bearer(&headers).ok_or(IngestError::Unauthorised)?;
    if !hq.knows_token(token).await? {
        return Err(IngestError::Unauthorised.into());
    }
    let body = body?;
    let batch = Batch::decode(&body).map_err(|e| match e {
        WireError::TooLong => Problem::too_long(),
        e => Problem::new(StatusCode::BAD_REQUEST, "bad_json", e.to_string()),
    })?;
    let store = batch.store_id.clone();
    let submitted = match hq.submit(batch, Proof::Token(token)).await {
        Ok(submitted) => submitted,
        Err(e) => return Err(refusal(&hq, &store, e).await),
    };
    let taken = submitted.done().await?;
    let mut ack = taken.ack;
    if let Some(theirs) = taken.root {
        ack.root = Some(hq.compare_day(&store, theirs).await?);
    }
    let mut answer = Json(ack).into_response();
    if hq.boxes().await?.waits(store.as_str()) {
        let waiting = HeaderValue::from_static("1");
        answer.headers_mut().insert(WAITING, waiting);
    }
    Ok(answer)
}

/// A box that was replaced is told so in headquarters' own hand, or it would not believe it.
async fn refusal(hq: &Hq, store: &StoreId, e: IngestError) -> Problem {
    let fenced = match e {
        IngestError::Fenced(by) => hq.fence_for(store, by).await.ok(),
        _ => None,
    };
    Problem {
        message: fenced.and_then(|mut f| f.pop()).map(Box::new),
        ..e.into()
    }
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
            IngestError::Barred => Self::new(StatusCode::FORBIDDEN, "barred", e.to_string()),
            IngestError::Fenced(_) => Self::new(StatusCode::FORBIDDEN, "fenced", e.to_string()),
            IngestError::Store(e) => e.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Self {
        static FAILED: Seldom = Seldom::new();
        // What failed is for the log; the other side only needs to know that it may try again.
        if let Some(unsaid) = FAILED.trouble() {
            tracing::error!(error = %e, unsaid, "headquarters' database failed");
        }
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

async fn health(State(hq): State<Hq>) -> Result<Json<serde_json::Value>, Problem> {
    hq.db()
        .read(|sql| sql.row("SELECT 1", &[], |_| Ok(())))
        .await?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn metrics(State(hq): State<Hq>) -> Result<Response, Problem> {
    let text = hq.0.metrics.text(&hq.stores().await?);
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
