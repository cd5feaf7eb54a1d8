//! Money put into the drawer or taken out of it. The printer counts it; the fiscal drive keeps no document of it.

use super::{Kind, parse};
use crate::{
    domain::{event::Body, shift_report::CashMove},
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The effect's kind.
pub const KIND: &str = "fiscal.cash";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Which way, how much, who and why.
    pub cash: CashMove,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Number of the shift it was counted in.
    pub shift: u32,
}

/// What follows.
pub(super) struct Cash;

impl Kind for Cash {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "Money of the drawer is not counted by the printer"
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let Request { cash } = parse(&row.request)?;
        let Done { shift } = parse(result)?;
        Ok(vec![Body::CashMoved { cash, shift }])
    }

    fn refused(&self, row: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        match parse::<Request>(&row.request) {
            Ok(Request { cash }) => vec![Body::CashRefused {
                cash,
                reason: refusal.text.clone(),
            }],
            Err(_) => Vec::new(),
        }
    }

    fn alert_when_refused(&self) -> bool {
        true
    }
}
