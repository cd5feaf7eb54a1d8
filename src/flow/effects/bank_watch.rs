//! Watches a registered payment until it is paid or surely closed. Reads, and closes it when its time is over.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The effect's kind.
pub const KIND: &str = "bank.watch";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The bank's `orderId`.
    pub provider_id: String,
    /// The bank's `orderNumber`.
    pub order_number: String,
    /// The bank's `qrId`.
    pub qr_id: String,
    /// Minor units that make it paid.
    pub amount_minor: i64,
    /// When to close it unpaid.
    pub expires_at: Timestamp,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Ended {
    /// Paid.
    Paid {
        /// Minor units, as the bank says.
        amount_minor: i64,
        /// Reference of the bank's operation (RRN or the SBP operation), where it gives one.
        reference: Option<String>,
    },
    /// Closed, and nothing was paid: it can't be paid any more.
    Unpaid {
        /// Why, in words.
        reason: String,
    },
}
