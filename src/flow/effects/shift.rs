//! Opening and closing the till's shift.

use super::{Kind, parse};
use crate::{
    domain::{event::Body, receipt::Registered, shift_report::Counters},
    flow::executor::Refusal,
    store::EffectRow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The effect's kind.
pub const KIND: &str = "fiscal.shift";

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Request {
    /// Open it.
    Open,
    /// Close it with the Z report.
    Close,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Number of the shift.
    pub number: u32,
    /// The fiscal document. The last one where the shift already stood as asked.
    pub registered: Registered,
    /// What the printer had counted: after opening, before closing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Box<Counters>>,
}

/// What follows.
pub(super) struct Shift;

impl Kind for Shift {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "The shift of the till can't be opened or closed"
    }

    fn done(&self, row: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let Done {
            number,
            registered,
            counters,
        } = parse(result)?;
        Ok(vec![match parse(&row.request)? {
            Request::Open => Body::ShiftOpened {
                number,
                registered,
                counters,
            },
            Request::Close => Body::ShiftClosed {
                number,
                registered,
                counters,
            },
        }])
    }

    fn refused(&self, _: &EffectRow, refusal: &Refusal) -> Vec<Body> {
        vec![Body::ShiftRefused {
            reason: refusal.text.clone(),
        }]
    }

    fn alert_when_refused(&self) -> bool {
        true
    }
}
