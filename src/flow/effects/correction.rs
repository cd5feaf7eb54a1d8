//! A correction receipt, for a sale that went without a receipt.

use super::{Kind, parse};
use crate::{
    domain::{
        event::Body,
        receipt::{ReceiptDraft, Registered},
    },
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The effect's kind.
pub const KIND: &str = "fiscal.correction";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What it is to say.
    pub draft: ReceiptDraft,
}

/// What follows.
pub(super) struct Correction;

impl Kind for Correction {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "A correction receipt is not registered"
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let request: Request = parse(&row.request)?;
        let registered: Registered = parse(result)?;
        Ok(vec![Body::CorrectionRegistered {
            draft: request.draft,
            registered,
        }])
    }

    fn refused(&self, _: &EffectRow, _: &Refusal) -> Vec<Body> {
        Vec::new()
    }
}
