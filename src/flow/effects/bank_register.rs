//! Registers a payment at the bank and gets the QR code that the guest pays by.

use super::{Kind, parse, payment_of};
use crate::domain::time::Timestamp;
use crate::{domain::event::Body, flow::executor::Refusal, store::EffectRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// What follows.
pub(super) struct BankRegister;

impl Kind for BankRegister {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "A payment can't be registered at the bank"
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let registered: Registered = parse(result)?;
        Ok(payment_of(row)
            .map(|payment_id| Body::PaymentShown {
                payment_id,
                provider_id: Some(registered.provider_id),
                qr_id: Some(registered.qr_id),
                qr_payload: Some(registered.qr_payload),
            })
            .into_iter()
            .collect())
    }

    /// No guest has done anything yet: a bank that refuses this refuses the store.
    fn alert_of_all(&self) -> Option<&'static str> {
        Some("bank:refuses")
    }

    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        payment_of(row)
            .map(|payment_id| Body::PaymentDeclined {
                payment_id,
                reason: format!("{}: {}", refusal.code, refusal.text),
                reference: None,
            })
            .into_iter()
            .collect()
    }
}
