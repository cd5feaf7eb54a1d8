//! Who the emulated printer is, and how long it takes for what.

use crate::{command::op, config::ProtocolChoice};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The emulated printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmulatorConfig {
    /// Name in the device type. pyshtrih picks its class by it.
    pub model_name: String,
    /// Number of the model.
    pub model: u8,
    /// Serial number.
    pub serial: u32,
    /// Serial number of the fiscal drive, 16 digits.
    pub drive_number: String,
    /// Tag 1037.
    pub registration_number: String,
    /// Tax number.
    pub inn: String,
    /// Printed at the head of every document.
    pub organisation: String,
    /// Last day of the fiscal drive: year, month, day.
    pub drive_valid_until: (u16, u8, u8),
    /// Tax systems it is registered with, bits.
    pub tax_systems: u8,
    /// FFD format in table 17: 2 is 1.05, 3 is 1.1, 4 is 1.2.
    pub ffd: u8,
    /// Cash core: tags of a line come before the line.
    pub cash_core: bool,
    /// Whether replies that register a document have its time behind them (flag 50 and table 17).
    pub extended_replies: bool,
    /// Which protocol it speaks; in automatic mode the first byte of a connection decides.
    pub protocol: ProtocolChoice,
    /// Whether a byte that is neither ENQ nor STX is answered with NAK, as the protocol draws it, or skipped, as one
    /// client in the wild needs it.
    pub nak_garbage: bool,
    /// Whether an ENQ instead of the ACK behind a reply only moves the printer on, as the protocol draws it, or is
    /// answered as one.
    pub strict_confirm: bool,
    /// Characters on a line of paper.
    pub line_width: usize,
    /// Lines of paper that are kept to look at.
    pub paper_lines: usize,
    /// Whether tag 1192 can be read back from the drive.
    pub keys_come_back: bool,
    /// How long commands take.
    pub durations: Durations,
}

impl Default for EmulatorConfig {
    fn default() -> Self {
        Self {
            model_name: "ШТРИХ-М-01Ф".to_owned(),
            model: 250,
            serial: 48_485,
            drive_number: "9999078902019097".to_owned(),
            registration_number: "0000000001002292".to_owned(),
            inn: "9706048530".to_owned(),
            organisation: "РОБОТ-КАФЕ".to_owned(),
            drive_valid_until: (2028, 1, 1),
            tax_systems: 0x37,
            ffd: 4,
            cash_core: true,
            extended_replies: false,
            protocol: ProtocolChoice::Auto,
            nak_garbage: false,
            strict_confirm: true,
            line_width: 48,
            paper_lines: 500,
            keys_come_back: true,
            durations: Durations::default(),
        }
    }
}

/// How long commands take, in milliseconds. Real figures are few: a close was seen to take 381 ms until its reply
/// (S8 #247 of the protocol page).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Durations {
    /// Closing a receipt, until the reply.
    pub close_receipt_ms: u64,
    /// Opening a shift.
    pub open_shift_ms: u64,
    /// The Z report.
    pub close_shift_ms: u64,
    /// The X report.
    pub x_report_ms: u64,
    /// A line of a receipt.
    pub item_ms: u64,
    /// Everything else.
    pub other_ms: u64,
    /// How long a document prints behind its reply.
    pub print_ms: u64,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            close_receipt_ms: 400,
            open_shift_ms: 1500,
            close_shift_ms: 5000,
            x_report_ms: 3000,
            item_ms: 60,
            other_ms: 15,
            print_ms: 1200,
        }
    }
}

impl Durations {
    /// Nothing takes any time.
    #[must_use]
    pub fn none() -> Self {
        Self {
            close_receipt_ms: 0,
            open_shift_ms: 0,
            close_shift_ms: 0,
            x_report_ms: 0,
            item_ms: 0,
            other_ms: 0,
            print_ms: 0,
        }
    }

    /// Everything goes this many times faster; 0 counts as 1.
    #[must_use]
    pub fn divided_by(self, speed: u32) -> Self {
        let n = u64::from(speed.max(1));
        Self {
            close_receipt_ms: self.close_receipt_ms / n,
            open_shift_ms: self.open_shift_ms / n,
            close_shift_ms: self.close_shift_ms / n,
            x_report_ms: self.x_report_ms / n,
            item_ms: self.item_ms / n,
            other_ms: self.other_ms / n,
            print_ms: self.print_ms / n,
        }
    }

    pub(super) fn of(&self, code: u16) -> Duration {
        Duration::from_millis(match code {
            op::FS_CLOSE_RECEIPT | op::CLOSE_RECEIPT | op::FS_CORRECTION => self.close_receipt_ms,
            op::OPEN_SHIFT => self.open_shift_ms,
            op::Z_REPORT => self.close_shift_ms,
            op::X_REPORT => self.x_report_ms,
            op::FS_ITEM | op::SALE..=op::PURCHASE_RETURN => self.item_ms,
            _ => self.other_ms,
        })
    }
}
