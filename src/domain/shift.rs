//! The shift of the till.

use super::{event::Body, time::Timestamp};
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
    /// While it closes, the next one was asked for.
    #[serde(default)]
    pub reopening: bool,
    /// Serial number of the fiscal drive it was opened on.
    #[serde(default)]
    pub drive_number: Option<String>,
    /// The till's registration number (tag 1037) with that drive, where a document told it.
    #[serde(default)]
    pub registration_number: Option<String>,
}

impl Shift {
    /// Key of the effect that opens or closes the shift with this ordinal.
    #[must_use]
    pub fn key(&self, act: &str) -> String {
        format!("shift:{}:{act}", self.ordinal)
    }

    /// Takes in what happened; false when it changes nothing.
    pub fn apply(&mut self, at: Timestamp, body: &Body) -> bool {
        match (body, self.state) {
            (Body::ShiftOpening {}, ShiftState::Closed) => {
                self.ordinal += 1;
                self.state = ShiftState::Opening;
            }
            (Body::ShiftOpening {}, ShiftState::Closing) if !self.reopening => {
                self.ordinal += 1;
                self.reopening = true;
            }
            (
                Body::ShiftOpened {
                    number, registered, ..
                },
                ShiftState::Opening | ShiftState::Closed,
            ) => {
                self.state = ShiftState::Open;
                let known = self.registration_on(&registered.drive_number);
                self.registration_number = registered.registration_number.clone().or(known);
                self.drive_number = Some(registered.drive_number.clone());
                self.number = Some(*number);
                self.opened_at = Some(at);
                self.closed_at = None;
            }
            (Body::ShiftClosing {}, ShiftState::Open) => self.state = ShiftState::Closing,
            (Body::ShiftClosed { .. }, ShiftState::Closing | ShiftState::Open) => {
                self.state = if self.reopening {
                    ShiftState::Opening
                } else {
                    ShiftState::Closed
                };
                self.reopening = false;
                self.closed_at = Some(at);
            }
            (Body::ShiftRefused { .. }, ShiftState::Opening) => self.state = ShiftState::Closed,
            (Body::ShiftRefused { .. }, ShiftState::Closing) => {
                self.state = ShiftState::Open;
                self.reopening = false;
            }
            _ => return false,
        }
        true
    }

    /// Whether documents may go to this fiscal drive now: a shift lives and ends on the drive it was opened on.
    #[must_use]
    pub fn lives_on(&self, drive_number: &str) -> bool {
        let bound = matches!(self.state, ShiftState::Open | ShiftState::Closing);
        !bound
            || self
                .drive_number
                .as_deref()
                .is_none_or(|d| d == drive_number)
    }

    /// The till's registration number with this fiscal drive, as far as it is known.
    #[must_use]
    pub fn registration_on(&self, drive_number: &str) -> Option<String> {
        self.registration_number
            .clone()
            .filter(|_| self.drive_number.as_deref() == Some(drive_number))
    }

    /// It is open and not past its 24 hours.
    #[must_use]
    pub fn sells(&self, now: Timestamp) -> bool {
        self.state == ShiftState::Open && self.opened_at.is_some_and(|at| now.since(at) < LONGEST)
    }
}
