//! Alerts: what a person must know, and what they can do.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Odd; nothing is lost.
    Warning,
    /// A person must act.
    Error,
}

/// One cause, one alert; it closes itself when the cause is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The cause, such as `effect:pay:…` or `device:printer`; one open alert a cause.
    pub key: String,
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// What was seen.
    pub detail: String,
    /// What a person can do.
    pub advice: String,
    /// Since when.
    pub since_at: Timestamp,
}
