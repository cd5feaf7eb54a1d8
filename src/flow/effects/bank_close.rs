//! Closes a registered payment that is not wanted any more. It may turn out to be paid: then that is the result.

use serde::{Deserialize, Serialize};

pub use super::bank_watch::Ended;

/// The effect's kind.
pub const KIND: &str = "bank.close";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The bank's `orderId`; none when the registration's own answer was never seen.
    pub provider_id: Option<String>,
    /// The bank's `orderNumber`.
    pub order_number: String,
    /// The bank's `qrId`.
    pub qr_id: Option<String>,
    /// Minor units that make it paid.
    pub amount_minor: i64,
}
