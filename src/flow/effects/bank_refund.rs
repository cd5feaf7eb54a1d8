//! Gives money back through the bank.

use serde::{Deserialize, Serialize};

/// The effect's kind.
pub const KIND: &str = "bank.refund";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The bank's `orderId`.
    pub provider_id: String,
    /// The bank's `orderNumber`.
    pub order_number: String,
    /// Our id of the refund, the bank's `externalRefundId`: the same id never gives two refunds.
    pub refund_id: String,
    /// Minor units.
    pub amount_minor: i64,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// Minor units, as the bank says.
    pub amount_minor: i64,
    /// Reference of the bank's operation, where it gives one.
    pub reference: Option<String>,
}
