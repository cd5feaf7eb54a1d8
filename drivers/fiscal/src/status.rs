//! Who a printer is and how it does.

use serde::{Deserialize, Serialize};

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrinterInfo {
    /// Name of the model, as the driver knows it.
    pub model: String,
    /// Serial number of the printer.
    pub serial: String,
    /// Firmware, as the device writes it.
    pub firmware: String,
    /// Which back end talks to it, such as `atol_native`.
    pub backend: String,
}

/// How it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrinterStatus {
    /// Serial number of the fiscal drive; empty when none is in.
    pub drive_number: String,
    /// Number of the last fiscal document.
    pub last_document: u32,
    /// The shift.
    pub shift: ShiftState,
    /// Number of the current or last shift.
    pub shift_number: u32,
    /// Paper is in.
    pub paper: bool,
    /// The cover is closed.
    pub cover_closed: bool,
    /// A receipt is open in the printer.
    pub receipt_open: bool,
    /// The printer's own clock, local time `YYYY-MM-DDTHH:MM:SS`.
    pub local_time: String,
    /// Documents that wait for the OFD, where the printer says it.
    pub unsent_documents: Option<u32>,
    /// Date of the oldest of them, `YYYY-MM-DD`.
    pub oldest_unsent: Option<String>,
    /// Last day of the fiscal drive, `YYYY-MM-DD`, where the printer says it.
    pub drive_valid_until: Option<String>,
}

/// The shift, as the printer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShiftState {
    /// Closed.
    Closed,
    /// Open.
    Open,
    /// Open for more than 24 hours: it can only be closed.
    Expired,
}
