//! Answers to what can't be done: `application/problem+json`, with our code, the device's own, and what a person can
//! do about it.

use super::journal::{JournalError, Trouble};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use galley_fiscal::FiscalError;
use serde_json::{Map, Value, json};

/// A problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub(super) status: StatusCode,
    pub(super) slug: String,
    pub(super) detail: String,
    extra: Map<String, Value>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, slug: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            slug: slug.to_owned(),
            detail: detail.into(),
            extra: Map::new(),
        }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// One more field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// A trouble, with this status.
    pub(super) fn of(status: StatusCode, trouble: &Trouble) -> Self {
        let mut problem =
            Self::new(status, &trouble.code, &trouble.text).with("advice", trouble.advice.clone());
        if let Some(code) = trouble.device_code {
            problem = problem.with("device_code", code);
        }
        if let Some(error) = &trouble.error {
            problem = problem.with("error", (**error).clone());
        }
        if let Some(field) = &trouble.field {
            problem = problem.with("field", field.clone());
        }
        problem
    }
}

impl From<&FiscalError> for Problem {
    fn from(error: &FiscalError) -> Self {
        let status = match error {
            FiscalError::Unreachable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            FiscalError::Refused { .. } | FiscalError::Unsupported(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            FiscalError::Unknown { .. } => StatusCode::GATEWAY_TIMEOUT,
            FiscalError::OtherDrive { .. } | FiscalError::NeedsPerson(_) => StatusCode::CONFLICT,
        };
        Self::of(status, &Trouble::of(error))
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        tracing::error!(%error, "a request failed in the journal");
        match error {
            JournalError::DiskFull => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "disk_full",
                error.to_string(),
            ),
            JournalError::Damaged(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "journal_damaged",
                error.to_string(),
            ),
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "journal",
                "The gateway's journal failed; see its log. Ask again with the same key.",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.extra;
        let title = self.status.canonical_reason().unwrap_or_default();
        for (name, value) in [
            (
                "type",
                json!(format!("https://galley.invalid/problems/{}", self.slug)),
            ),
            ("slug", json!(self.slug)),
            ("title", json!(title)),
            ("status", json!(self.status.as_u16())),
            ("detail", json!(self.detail)),
        ] {
            body.insert(name.to_owned(), value);
        }
        let mut answer = (self.status, Json(body)).into_response();
        let headers = answer.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}
