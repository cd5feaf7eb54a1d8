//! The X report: paper only, no fiscal document. A repeat costs paper.

use super::{Kind, parse};
use crate::{
    domain::{event::Body, shift_report::Counters},
    flow::executor::Refusal,
    store::EffectRow,
};
use serde_json::Value;

/// The effect's kind.
pub const KIND: &str = "fiscal.x_report";

/// What follows.
pub(super) struct XReport;

impl Kind for XReport {
    fn name(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "The X report is not printed"
    }

    fn done(&self, _: &EffectRow, result: &Value) -> Result<Vec<Body>, serde_json::Error> {
        let counters: Option<Box<Counters>> = parse(result)?;
        Ok(counters
            .map(|counters| Body::ShiftCounted { counters })
            .into_iter()
            .collect())
    }

    fn refused(&self, _: &EffectRow, _: &Refusal) -> Vec<Body> {
        Vec::new()
    }
}
