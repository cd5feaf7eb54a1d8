//! Refunds: money back.

use super::{
    ids::{PaymentId, RefundId},
    payment::Tender,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// The bank is being asked.
    Pending,
    /// A person gives the money back, and confirms it.
    AwaitingPerson,
    /// The guest has the money.
    Done,
    /// The bank refused for good; a person must act.
    Refused,
}

/// Money back out of one payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id; the bank knows it too.
    pub id: RefundId,
    /// Out of this payment.
    pub payment_id: PaymentId,
    /// The payment's tender.
    pub tender: Tender,
    /// Minor units.
    pub amount_minor: i64,
    /// The order line it is for, when it is for one dish.
    pub line: Option<usize>,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub state: RefundState,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The money pays for nothing that was sold: it gets no return receipt.
    pub without_receipt: bool,
}

impl Refund {
    /// It is done or still can be: the money counts as spoken for.
    #[must_use]
    pub fn holds_money(&self) -> bool {
        self.state != RefundState::Refused
    }
}
