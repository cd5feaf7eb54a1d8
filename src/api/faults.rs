//! Pages tell of their own faults.

use super::{Api, Problem, auth::ANYONE, body::Post};
use crate::flow::faults;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

/// A fault that a page met in itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PageFault {
    /// Which page: `kiosk`, `board`, `staff` …
    page: String,
    /// `words` (a text that a language lacks), `script` or `build`.
    kind: String,
    /// What was seen; the first 300 characters are kept.
    detail: String,
}

/// Tells of a fault of a page; it becomes an alert that is gone after a day.
#[utoipa::path(post, path = "/client-errors", tag = "guest", request_body = PageFault, responses((status = 202, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn tell(
    State(api): State<Api>,
    post: Post<PageFault>,
) -> Result<Response, Problem> {
    post.caller.need(ANYONE)?;
    post.once(&api, StatusCode::ACCEPTED, |tx, cx, body| {
        let page: String = body.page.chars().take(32).collect();
        faults::tell(tx, cx, &body.kind, &format!("{page}: {}", body.detail))?;
        Ok(serde_json::json!({}))
    })
    .await
}
