//! Gives money back through the bank.

use super::{Kind, parse, refund_of};
use crate::{domain::event::Body, flow::executor::Refusal, store::EffectRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// What follows.
pub(super) struct BankRefund;

impl Kind for BankRefund {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "Money is not given back by the bank"
    }

    fn alert_when_refused(&self) -> bool {
        true
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let refunded: Refunded = parse(result)?;
        Ok(refund_of(row)
            .map(|refund_id| Body::RefundDone {
                refund_id,
                reference: refunded.reference,
            })
            .into_iter()
            .collect())
    }

    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        refund_of(row)
            .map(|refund_id| Body::RefundRefused {
                refund_id,
                reason: format!("{}: {}", refusal.code, refusal.text),
            })
            .into_iter()
            .collect()
    }
}
