//! Watches a registered payment until it is paid or surely closed. Reads, and closes it when its time is over.

use super::{Kind, parse, payment_of};
use crate::domain::time::Timestamp;
use crate::{
    domain::{event::Body, ids::PaymentId},
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

impl Ended {
    /// What it means for the payment.
    #[must_use]
    pub fn event(self, payment_id: PaymentId) -> Body {
        match self {
            Self::Paid {
                amount_minor,
                reference,
            } => Body::PaymentCaptured {
                payment_id,
                amount_minor,
                reference,
            },
            Self::Unpaid { reason } => Body::PaymentClosed { payment_id, reason },
        }
    }
}

/// What follows.
pub(super) struct BankWatch;

impl Kind for BankWatch {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "It is not known whether a payment was made"
    }

    fn repeatable(&self) -> bool {
        true
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        Ok(payment_of(row)
            .map(|payment_id| parse::<Ended>(result).map(|ended| ended.event(payment_id)))
            .transpose()?
            .into_iter()
            .collect())
    }

    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        let _ = (row, refusal);
        Vec::new()
    }
}
