//! The shift of the till.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A shift may be open this long; then the printer only closes it. [source: 54-FZ, atol.md 6.1]
pub const LONGEST: Duration = Duration::from_hours(24);

/// Where the shift stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShiftState {
    /// Closed.
    #[default]
    Closed,
    /// The printer is being asked to open it.
    Opening,
    /// Open.
    Open,
    /// The printer is being asked to close it.
    Closing,
}

/// The current or last shift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Where it stands.
    pub state: ShiftState,
    /// Its number in the fiscal drive.
    pub number: Option<u32>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// How many shifts this store has asked to open: makes each request's key its own.
    pub ordinal: u32,
}

impl Shift {
    /// Key of the effect that opens or closes the shift with this ordinal.
    #[must_use]
    pub fn key(&self, act: &str) -> String {
        format!("shift:{}:{act}", self.ordinal)
    }

    /// It is open and not past its 24 hours.
    #[must_use]
    pub fn sells(&self, now: Timestamp) -> bool {
        self.state == ShiftState::Open && self.opened_at.is_some_and(|at| now.since(at) < LONGEST)
    }
}
