//! The X report: paper only, no fiscal document. A repeat costs paper.

use super::Kind;
use crate::{domain::event::Body, flow::executor::Refusal, store::EffectRow};
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

    fn done(&self, _: &EffectRow, _: &Value) -> Result<Vec<Body>, serde_json::Error> {
        Ok(Vec::new())
    }

    fn refused(&self, _: &EffectRow, _: &Refusal) -> Vec<Body> {
        Vec::new()
    }
}
