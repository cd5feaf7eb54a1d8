//! Down to the stores: documents, roll-outs, commands; each a signed message that is sent until the store's log has
//! answered it.

pub(super) mod api;
mod commands;
mod diff;
mod documents;
mod messages;
mod rollouts;
mod told;

pub(super) use commands::{LONGEST, MOST_BUNDLE, put_command};
pub(super) use documents::kind;
pub(super) use messages::{Sending, note, requeue_documents};
pub(super) use rollouts::Plan;

use super::problem::Problem;
use crate::store::StoreError;
use axum::http::StatusCode;

/// Why something can't be asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum DownError {
    /// There is no such thing.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// It makes no sense, and why.
    #[error("{0}")]
    Invalid(String),
    /// A document that can't be: all that is wrong with it.
    #[error("the document can't be used: {}", .0.join("; "))]
    Faults(Vec<String>),
    /// It does not fit the state of things.
    #[error("{0}")]
    Conflict(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DownError> for Problem {
    fn from(e: DownError) -> Self {
        let title = e.to_string();
        match e {
            DownError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "not_found", title),
            DownError::Invalid(_) => Self::new(StatusCode::BAD_REQUEST, "invalid", title),
            DownError::Faults(faults) => Self {
                faults,
                ..Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "invalid",
                    "The document can't be used",
                )
            },
            DownError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", title),
            DownError::Store(e) => e.into(),
        }
    }
}
