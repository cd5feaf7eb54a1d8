//! Why the store doesn't do what it is asked. Nothing has changed then.

use super::{accepting::Closed, marking::MarkRefused};
use crate::{
    domain::{
        order::OrderError, payment::Tender, place::Refused, stock::StockError, text::Text,
        time::Timestamp,
    },
    store::StoreError,
};

/// A refusal, by what the caller must distinguish.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FlowError {
    /// The store's database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The order can't be placed as asked.
    #[error(transparent)]
    Place(#[from] Refused),
    /// The order is not open for it.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A marked unit is not sold.
    #[error(transparent)]
    Mark(#[from] MarkRefused),
    /// A unit of marked goods has no code yet, by its name.
    #[error("{}: every unit is marked goods; scan its code first, or no receipt can be registered", .0.en)]
    CodeMissing(Text),
    /// The stock ledger refuses it.
    #[error(transparent)]
    Stock(#[from] StockError),
    /// No such order.
    #[error("there is no such order")]
    UnknownOrder,
    /// No such payment, refund, job, effect, ingredient.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// The store takes no orders now.
    #[error("{}", .0.reason.en)]
    NotAccepting(Box<Closed>),
    /// The tender doesn't work now.
    #[error("{}", .1.en)]
    Tender(Tender, Text),
    /// The money is in: it can be given back, not called off.
    #[error("this payment is captured already; refund the order instead")]
    PaymentCaptured,
    /// A wrong PIN.
    #[error("this PIN is not known")]
    WrongPin,
    /// Asked too often; nothing is looked at before this.
    #[error("asked too often; wait a little")]
    TooMany(Timestamp),
    /// It doesn't fit the state of things.
    #[error("{0}")]
    Conflict(String),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
}
