//! The gateway's doors.

mod devices;
mod documents;
mod parts;

use super::{Gateway, Problem, dropin, metrics};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
pub(super) use devices::NO_DOCUMENT;
pub(super) use documents::shown;
pub(super) use parts::{Whole, placed};
use serde_json::json;

pub(super) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/v1/fiscal/documents", get(documents::list))
        .route(
            "/v1/fiscal/documents/{key}",
            put(documents::put)
                .get(documents::show)
                .delete(documents::cancel),
        )
        .route("/v1/fiscal/documents/{key}/cancel", post(documents::cancel))
        .route(
            "/v1/fiscal/documents/{key}/resolve",
            post(documents::resolve),
        )
        .route("/v1/fiscal/devices", get(devices::list))
        .route("/v1/fiscal/backlog", get(devices::backlog))
        .route("/v1/fiscal/devices/{id}", get(devices::show))
        .route("/v1/fiscal/devices/{id}/backlog", get(devices::own_backlog))
        .route(
            "/v1/fiscal/devices/{id}/documents/{number}",
            get(devices::document),
        )
        .route(
            "/v1/fiscal/devices/{id}/{what}",
            get(devices::read).post(devices::act),
        )
        // Of the only printer, or of the one that the query names.
        .route("/v1/fiscal/{what}", get(devices::read_of))
        .route("/healthz", get(health))
        .route("/metrics", get(figures))
        .merge(dropin::router())
        .fallback(async || Problem::not_found("there is nothing at this address"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this address takes another method",
            )
        })
        .layer(axum::middleware::from_fn_with_state(
            gateway.clone(),
            dropin::pages,
        ))
        .with_state(gateway)
}

/// The journal can be written: documents can be taken. No token: it tells nothing about anybody.
async fn health(State(gateway): State<Gateway>) -> Response {
    let (status, why) = match gateway.ping().await {
        Ok(()) => (StatusCode::OK, None),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Some(error.to_string())),
    };
    let body = json!({"ok": why.is_none(), "why": why, "version": env!("CARGO_PKG_VERSION")});
    (status, Json(body)).into_response()
}

async fn figures(State(gateway): State<Gateway>) -> Result<Response, Problem> {
    let mut answer = metrics::text(&gateway)?.into_response();
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    Ok(answer)
}
