//! What keeps a shift from being written down, and what a person can do about it.

use crate::flow::executor::Refusal;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// Everything that keeps a shift from being written down, at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Obstacles {
    /// Dishes without an item of 1C: id and name.
    pub dishes: BTreeMap<String, String>,
    /// Tenders without a kind of payment.
    pub tenders: BTreeSet<String>,
    /// Words for VAT that we do not know.
    pub vat: BTreeSet<String>,
    /// What contradicts itself in the request.
    pub faults: Vec<String>,
}

impl Obstacles {
    /// A single contradiction.
    pub fn fault(text: impl Into<String>) -> Self {
        Self {
            faults: vec![text.into()],
            ..Self::default()
        }
    }

    /// Whether nothing stands in the way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut part = |part: String| {
            let gap = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{gap}{part}");
        };
        if !self.dishes.is_empty() {
            let list: Vec<_> = self
                .dishes
                .iter()
                .map(|(id, name)| format!("{id} ({name})"))
                .collect();
            part(format!("dishes without an item in 1C: {}", list.join(", ")));
        }
        if !self.tenders.is_empty() {
            let list: Vec<_> = self.tenders.iter().map(String::as_str).collect();
            part(format!(
                "tenders without a kind of payment in 1C: {}",
                list.join(", ")
            ));
        }
        if !self.vat.is_empty() {
            let list: Vec<_> = self.vat.iter().map(String::as_str).collect();
            part(format!("unknown VAT rates: {}", list.join(", ")));
        }
        for fault in &self.faults {
            part(fault.clone());
        }
        text
    }

    /// As the executor's answer.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let mut settings: Vec<String> = Vec::new();
        settings.extend(self.dishes.keys().map(|id| format!("dishes.{id}")));
        settings.extend(self.tenders.iter().map(|id| format!("tenders.{id}")));
        if settings.is_empty() {
            return Refusal::new(
                "report",
                self.text(),
                "The figures of the shift contradict each other: send a support bundle to the makers of \
                 Galley and enter this shift in 1C by hand.",
            );
        }
        Refusal::new(
            "mapping",
            self.text(),
            format!(
                "Set {} to the GUIDs of 1C and let the report be sent again; `galley doctor` checks them.",
                settings.join(", ")
            ),
        )
    }
}
