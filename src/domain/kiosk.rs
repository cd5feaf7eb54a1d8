//! What the kiosk shows, and when: `[kiosk]` of the configuration.

use super::{hours::Window, order::Service};
use jiff::Zoned;
use serde::{Deserialize, Serialize};

/// `[kiosk]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kiosk {
    /// Where guests can eat: `here`, `to_go`; both.
    pub services: Vec<Service>,
    /// Steps that are shown.
    pub steps: Steps,
    /// Times at which steps are left out.
    pub quiet: Vec<Quiet>,
    /// What a kiosk does that nobody touches.
    pub idle: Idle,
    /// Where a receipt can go: `paper`, `sms`, `email`; all of them.
    pub receipt_to: Vec<ReceiptWay>,
}

/// Where a receipt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptWay {
    /// On paper.
    Paper,
    /// To a phone number.
    Sms,
    /// To an e-mail address.
    Email,
}

impl Default for Kiosk {
    fn default() -> Self {
        Self {
            services: vec![Service::Here, Service::ToGo],
            steps: Steps::default(),
            quiet: Vec::new(),
            idle: Idle::default(),
            receipt_to: vec![ReceiptWay::Paper, ReceiptWay::Sms, ReceiptWay::Email],
        }
    }
}

/// A step of the kiosk that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Here or to go.
    Service,
    /// One suggestion.
    Suggestion,
    /// The phone number for the message that the order is ready.
    Contact,
    /// The guest's card or number in a loyalty programme.
    Loyalty,
    /// Where the receipt goes.
    Receipt,
}

/// Steps that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    /// Here or to go; only where there are both.
    pub service: bool,
    /// One suggestion.
    pub suggestion: bool,
    /// The phone number for the message that the order is ready.
    pub contact: bool,
    /// The guest's card or number in a loyalty programme; only with a connector to one.
    pub loyalty: bool,
    /// Where the receipt goes.
    pub receipt: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            service: true,
            suggestion: true,
            contact: true,
            loyalty: true,
            receipt: true,
        }
    }
}

/// A time at which steps are left out: at noon nobody is asked more than needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// Which.
    pub skip: Vec<Step>,
    /// When.
    pub when: Window,
}

/// What a kiosk does that nobody touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Idle {
    /// Seconds without a touch before it asks whether the guest is still there; 60.
    pub reset_s: u32,
    /// Seconds that it waits for the answer; 15.
    pub ask_s: u32,
    /// Both times so much longer in the accessible modes; 2.
    pub calm_factor: u32,
}

impl Default for Idle {
    fn default() -> Self {
        Self {
            reset_s: 60,
            ask_s: 15,
            calm_factor: 2,
        }
    }
}

impl Kiosk {
    /// The steps that are shown now. `loyalty`: a programme is connected.
    #[must_use]
    pub fn steps_at(&self, at: &Zoned, loyalty: bool) -> Steps {
        let skipped = |step: Step| {
            self.quiet
                .iter()
                .any(|q| q.skip.contains(&step) && q.when.ends(at).is_some())
        };
        let s = self.steps;
        Steps {
            service: s.service && self.services.len() > 1 && !skipped(Step::Service),
            suggestion: s.suggestion && !skipped(Step::Suggestion),
            contact: s.contact && !skipped(Step::Contact),
            loyalty: s.loyalty && loyalty && !skipped(Step::Loyalty),
            receipt: s.receipt && !skipped(Step::Receipt),
        }
    }

    /// All that is wrong with it, one sentence each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.services.is_empty() {
            faults.push("kiosk.services: at least one of here, to_go".to_owned());
        }
        let twice = |s: &Service| self.services.iter().filter(|o| *o == s).count() > 1;
        if self.services.iter().any(twice) {
            faults.push("kiosk.services: each once".to_owned());
        }
        if self.receipt_to.is_empty() {
            faults.push("kiosk.receipt_to: at least one of paper, sms, email".to_owned());
        }
        if self.idle.reset_s < 10 || self.idle.ask_s < 5 || self.idle.calm_factor == 0 {
            faults.push(
                "kiosk.idle: reset_s at least 10, ask_s at least 5, calm_factor at least 1"
                    .to_owned(),
            );
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_left_out_at_their_time_and_where_they_make_no_sense() {
        let kiosk: Kiosk = toml::from_str(
            r#"
            services = ["to_go"]
            steps = { contact = false }
            quiet = [{ skip = ["suggestion"], when = { days = ["mon"], from = "12:00", until = "14:00" } }]
            "#,
        )
        .unwrap();
        assert_eq!(kiosk.faults(), Vec::<String>::new());
        let at = |text: &str| text.parse::<Zoned>().unwrap();
        let noon = kiosk.steps_at(&at("2026-11-23T13:00[Europe/Moscow]"), false);
        assert!(!noon.service && !noon.suggestion && !noon.contact && !noon.loyalty);
        assert!(noon.receipt);
        assert!(
            kiosk
                .steps_at(&at("2026-11-23T14:00[Europe/Moscow]"), true)
                .suggestion
        );
        assert!(
            kiosk
                .steps_at(&at("2026-11-24T13:00[Europe/Moscow]"), true)
                .loyalty
        );
    }
}
