//! What a request says: its address and its body, refused with a problem document where they say nothing.

use super::problem::Problem;
use crate::body;
use axum::{
    body::Bytes,
    extract::{self, FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

/// Parts of the path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(found)) => Ok(Self(found)),
            Err(rejection) => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "not_found",
                rejection.body_text(),
            )),
        }
    }
}

/// The query.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(found)) => Ok(Self(found)),
            Err(rejection) => {
                let text = rejection.body_text();
                let said = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                Err(Problem {
                    path: parameter(said).map(str::to_owned),
                    ..Problem::new(StatusCode::BAD_REQUEST, "invalid", said)
                })
            }
        }
    }
}

/// The parameter that is wrong: `limit: invalid digit found in string`, or one that is missing.
fn parameter(said: &str) -> Option<&str> {
    let named = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    body::missing(said).or_else(|| said.split_once(": ").map(|(name, _)| name).filter(named))
}

/// A body of JSON. An empty one says nothing of what may be left out.
pub(super) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Whole(bytes) = Whole::from_request(request, state).await?;
        body::read(&bytes).map(Self).map_err(|e| Problem {
            path: e.path.clone(),
            ..Problem::new(StatusCode::BAD_REQUEST, "bad_json", e.to_string())
        })
    }
}

/// A body as it came.
pub(super) struct Whole(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state)
            .await
            .map(Self)
            .map_err(Problem::from)
    }
}

impl From<BytesRejection> for Problem {
    fn from(e: BytesRejection) -> Self {
        if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Self::too_long()
        } else {
            Self::new(e.status(), "bad_json", "The message was cut")
        }
    }
}
