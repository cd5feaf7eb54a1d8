//! What a request's address says, refused with our own problem document where it says nothing.

use super::{Api, Problem, auth::token_of};
use axum::{
    extract::{self, FromRequestParts},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

/// Parts of the path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match extract::Path::from_request_parts(parts, api).await {
            Ok(extract::Path(found)) => Ok(Self(found)),
            Err(rejection) => Err(Problem::not_found(rejection.body_text())),
        }
    }
}

/// The query.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match extract::Query::from_request_parts(parts, api).await {
            Ok(extract::Query(found)) => Ok(Self(found)),
            Err(rejection) => Err(Problem::invalid(rejection.body_text())),
        }
    }
}

/// The token of a request, whoever it is of.
pub(super) struct Bearer(pub(super) String);

impl FromRequestParts<Api> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        token_of(parts)
            .map(|token| Self(token.to_owned()))
            .ok_or_else(|| Problem::unauthorised("send a token: Authorization: Bearer …"))
    }
}
