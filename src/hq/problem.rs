//! Answers to what can't be done: `application/problem+json`.

use crate::sync::down::Signed;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// What is wrong, in words for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) slug: &'static str,
    pub(super) title: String,
    /// Seconds after which it may work.
    pub(super) retry_after_s: Option<u32>,
    /// The field or parameter that is wrong.
    pub(super) path: Option<String>,
    /// All that is wrong with what was sent.
    pub(super) faults: Vec<String>,
    /// What headquarters tells the store with its refusal.
    pub(super) message: Option<Box<Signed>>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, slug: &'static str, title: impl Into<String>) -> Self {
        Self {
            status,
            slug,
            title: title.into(),
            retry_after_s: None,
            path: None,
            faults: Vec::new(),
            message: None,
        }
    }

    /// More than is taken in at once.
    pub(super) fn too_long() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The message is too long",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("https://galley.invalid/problems/{}", self.slug),
            "slug": self.slug,
            "title": self.title,
            "status": self.status.as_u16(),
        });
        if let Some(path) = &self.path {
            body["path"] = json!(path);
        }
        if !self.faults.is_empty() {
            body["faults"] = json!(self.faults);
        }
        if let Some(message) = &self.message {
            body["message"] = json!(message);
        }
        let mut answer = (self.status, Json(body)).into_response();
        let headers = answer.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(s) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(s));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}
