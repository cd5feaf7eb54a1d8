//! Closes a registered payment that is not wanted any more. It may turn out to be paid: then that is the result.

use super::{Kind, parse, payment_of};
use crate::{domain::event::Body, flow::executor::Refusal, store::EffectRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// What follows.
pub(super) struct BankClose;

impl Kind for BankClose {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "A payment can't be closed at the bank"
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
