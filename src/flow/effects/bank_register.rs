//! Registers a payment at the bank and gets the QR code that the guest pays by.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The effect's kind.
pub const KIND: &str = "bank.register";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The bank's `orderNumber`: `<store>-<order>-<attempt>`, at most 36 characters, never used twice.
    pub order_number: String,
    /// Minor units.
    pub amount_minor: i64,
    /// ISO 4217 letters.
    pub currency: String,
    /// Until when the guest may pay.
    pub expires_at: Timestamp,
    /// What the guest reads in the bank's app.
    pub description: String,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The bank's `orderId`.
    pub provider_id: String,
    /// The bank's `qrId`.
    pub qr_id: String,
    /// The text of the QR code (an SBP link).
    pub qr_payload: String,
}
