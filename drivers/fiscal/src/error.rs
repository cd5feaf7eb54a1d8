//! What can go wrong with a printer, by what the caller must do.

use serde::{Deserialize, Serialize};

/// What a person can do about a trouble. One sentence, in English; screens translate by `code`.
pub type Advice = String;

/// A failure, by what the caller must distinguish.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum FiscalError {
    /// Nothing left the box; the same can be tried again later.
    #[error("printer is not reachable: {detail}")]
    Unreachable {
        /// What was seen.
        detail: String,
    },
    /// The printer said no and registered nothing.
    #[error("printer refused with code {code:#04x}: {text}")]
    Refused {
        /// The device's code.
        code: u16,
        /// The device's code in words.
        text: String,
        /// What a person can do.
        advice: Advice,
        /// Whether the same request can succeed later without being changed (no paper, cover open, busy).
        retry: bool,
    },
    /// Something left the box and no answer tells whether it was carried out. Only
    /// [`crate::FiscalPrinter::recover`] may follow.
    #[error("it is not known whether the printer registered the document: {detail}")]
    Unknown {
        /// What was seen.
        detail: String,
    },
    /// Another fiscal drive answers than the one the intent was begun with. A person must decide.
    #[error("another fiscal drive answers: expected {expected}, found {found}")]
    OtherDrive {
        /// The drive of the [`crate::Baseline`].
        expected: String,
        /// The drive that answers now.
        found: String,
    },
    /// This back end can't serve this device or this request; says what to configure instead.
    #[error("{0}")]
    Unsupported(String),
    /// The evidence contradicts itself; a person must decide.
    #[error("{0}")]
    NeedsPerson(String),
}
