//! What of the configuration headquarters may change: what can't keep a store from working, and can be taken back.

use super::{hours::Hours, kiosk::Kiosk, policy::Policy};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings from headquarters. What is left out stays as the store's own configuration has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// When the store sells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// What the kiosk shows, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kiosk: Option<Kiosk>,
    /// As [`Policy::pay_within`], seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_within_s: Option<u64>,
    /// As [`Policy::qr_valid`], seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr_valid_s: Option<u64>,
    /// As [`Policy::qr_within`], seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr_within_s: Option<u64>,
    /// As [`Policy::max_pieces`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pieces: Option<u32>,
    /// As [`Policy::max_wait`], seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_wait_s: Option<u64>,
    /// As [`Policy::cook_attempts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cook_attempts: Option<u32>,
    /// As [`Policy::auto_open_shift`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_open_shift: Option<bool>,
    /// As [`Policy::robot_grace`], seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robot_grace_s: Option<u64>,
    /// As [`Policy::printer_grace`], seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printer_grace_s: Option<u64>,
    /// As [`Policy::close_shift_after`], seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_shift_after_s: Option<u64>,
    /// As [`Policy::contacts_kept`], days: the country's rule, for all its stores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts_kept_days: Option<u64>,
    /// As [`Policy::guests_kept`], days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guests_kept_days: Option<u64>,
}

impl Settings {
    /// All that is wrong with them, one sentence each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        // Limits so wide that a working store needs no others, and so tight that none stops one. [ours]
        let mut within = |key: &str, value: Option<u64>, least: u64, most: u64| {
            if value.is_some_and(|v| !(least..=most).contains(&v)) {
                faults.push(format!("{key}: from {least} to {most}"));
            }
        };
        within("pay_within_s", self.pay_within_s, 60, 3600);
        within("qr_valid_s", self.qr_valid_s, 60, 1800);
        within("qr_within_s", self.qr_within_s, 5, 120);
        within("max_pieces", self.max_pieces.map(u64::from), 1, 200);
        within("max_wait_s", self.max_wait_s, 300, 14_400);
        within("cook_attempts", self.cook_attempts.map(u64::from), 1, 5);
        within("robot_grace_s", self.robot_grace_s, 10, 900);
        within("printer_grace_s", self.printer_grace_s, 10, 3600);
        // A fiscal drive takes no receipt in a shift older than 24 hours.
        within(
            "close_shift_after_s",
            self.close_shift_after_s,
            3600,
            86_340,
        );
        within("contacts_kept_days", self.contacts_kept_days, 1, 400);
        within("guests_kept_days", self.guests_kept_days, 1, 1100);
        faults.extend(self.hours.iter().flat_map(Hours::faults));
        faults.extend(self.kiosk.iter().flat_map(Kiosk::faults));
        faults
    }

    /// The rules with these settings over the store's own.
    #[must_use]
    pub fn over(&self, own: &Policy) -> Policy {
        let seconds = |ours: Option<u64>, own: Duration| ours.map_or(own, Duration::from_secs);
        let days = |ours: Option<u64>, own: Duration| {
            ours.map_or(own, |d| Duration::from_secs(d.saturating_mul(86_400)))
        };
        Policy {
            contacts_kept: days(self.contacts_kept_days, own.contacts_kept),
            guests_kept: days(self.guests_kept_days, own.guests_kept),
            hours: self.hours.clone().unwrap_or_else(|| own.hours.clone()),
            kiosk: self.kiosk.clone().unwrap_or_else(|| own.kiosk.clone()),
            pay_within: seconds(self.pay_within_s, own.pay_within),
            qr_valid: seconds(self.qr_valid_s, own.qr_valid),
            qr_within: seconds(self.qr_within_s, own.qr_within),
            max_pieces: self.max_pieces.unwrap_or(own.max_pieces),
            max_wait: seconds(self.max_wait_s, own.max_wait),
            cook_attempts: self.cook_attempts.unwrap_or(own.cook_attempts),
            auto_open_shift: self.auto_open_shift.unwrap_or(own.auto_open_shift),
            robot_grace: seconds(self.robot_grace_s, own.robot_grace),
            printer_grace: seconds(self.printer_grace_s, own.printer_grace),
            close_shift_after: seconds(self.close_shift_after_s, own.close_shift_after),
            ..own.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_changes() {
        let own = Policy::default();
        assert_eq!(Settings::default().over(&own), own);
        let settings: Settings = serde_json::from_str(r#"{"max_pieces": 7}"#).unwrap();
        assert!(settings.faults().is_empty());
        let with = settings.over(&own);
        assert_eq!(with.max_pieces, 7);
        assert_eq!(
            Policy {
                max_pieces: 50,
                ..with
            },
            own
        );
    }

    #[test]
    fn what_would_stop_a_store_is_refused() {
        for text in [
            r#"{"max_pieces": 0}"#,
            r#"{"close_shift_after_s": 90000}"#,
            r#"{"pay_within_s": 1}"#,
            r#"{"kiosk": {"services": []}}"#,
        ] {
            let settings: Settings = serde_json::from_str(text).unwrap();
            assert_eq!(settings.faults().len(), 1, "{text}");
        }
        for unknown in [r#"{"bank": false}"#, r#"{"store_id": "S2"}"#] {
            assert!(serde_json::from_str::<Settings>(unknown).is_err());
        }
    }
}
