//! Who the emulated printer is, and how long it takes for what.

use crate::command::op;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The emulated printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmulatorConfig {
    /// Name in the device type.
    pub model_name: String,
    /// Serial number, up to 14 digits.
    pub serial: u64,
    /// Serial number of the fiscal drive, 16 digits.
    pub drive_number: String,
    /// Tag 1037.
    pub registration_number: String,
    /// Tag 1048; printed at the head of every document.
    pub organisation: String,
    /// Tag 1018.
    pub organisation_inn: String,
    /// Tag 1009 of the registration.
    pub address: String,
    /// Tag 1046.
    pub ofd: String,
    /// Tag 1062: tax systems, a mask.
    pub tax_systems: u8,
    /// Tag 1001.
    pub automatic: bool,
    /// Format of register 54: 2 is FFD 1.05, 3 is 1.1.
    pub format: u8,
    /// Model code; 82 is the 91F.
    pub model: u8,
    /// Password of the modes, eight digits.
    pub mode_password: String,
    /// Last day of the fiscal drive: year, month, day.
    pub drive_valid_until: (u16, u8, u8),
    /// Characters on a line of paper.
    pub line_width: usize,
    /// Lines of paper that are kept to look at.
    pub paper_lines: usize,
    /// Tasks that the buffer holds. The real size is not known.
    pub buffer_size: usize,
    /// Whether slow commands are answered "pending" at once and their result sent unasked, or answered late.
    pub async_answers: bool,
    /// Whether a printer that runs an aborted task answers others at once, or tells that it is busy. The former
    /// is the worse one to recover from.
    pub answers_while_running: bool,
    /// Whether a receipt that was open stays open through a power cut.
    pub receipt_survives_power_cut: bool,
    /// Whether tag 1192 can be read back from the drive.
    pub keys_come_back: bool,
    /// How long commands take.
    pub durations: Durations,
}

impl Default for EmulatorConfig {
    fn default() -> Self {
        Self {
            model_name: "АТОЛ 91Ф".to_owned(),
            serial: 106_900_000_123,
            drive_number: "9999078902004312".to_owned(),
            registration_number: "0000000001002292".to_owned(),
            organisation: "РОБОТ-КАФЕ".to_owned(),
            organisation_inn: "7700000005".to_owned(),
            address: "Москва, ул. Пекарская, д. 1".to_owned(),
            ofd: "ООО \"Пробный ОФД\"".to_owned(),
            tax_systems: 0x01,
            automatic: false,
            format: 2,
            model: 82,
            mode_password: "00000030".to_owned(),
            drive_valid_until: (2028, 1, 1),
            line_width: 32,
            paper_lines: 500,
            buffer_size: 16,
            async_answers: true,
            answers_while_running: false,
            receipt_survives_power_cut: true,
            keys_come_back: true,
            durations: Durations::default(),
        }
    }
}

/// How long commands take, in milliseconds; those that aren't named take [`Durations::other_ms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Durations {
    /// Closing a receipt. A real one takes 1 to 3 s.
    pub close_receipt_ms: u64,
    /// Opening a shift; money in and out.
    pub open_shift_ms: u64,
    /// The Z report.
    pub close_shift_ms: u64,
    /// The X report.
    pub x_report_ms: u64,
    /// Printing the rest of a document.
    pub finish_print_ms: u64,
    /// Everything else.
    pub other_ms: u64,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            close_receipt_ms: 1500,
            open_shift_ms: 1500,
            close_shift_ms: 5000,
            x_report_ms: 3000,
            finish_print_ms: 1000,
            other_ms: 0,
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
            finish_print_ms: 0,
            other_ms: 0,
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
            finish_print_ms: self.finish_print_ms / n,
            other_ms: self.other_ms / n,
        }
    }

    pub(super) fn of(&self, command: u8) -> Duration {
        Duration::from_millis(match command {
            op::CLOSE_RECEIPT => self.close_receipt_ms,
            op::OPEN_SHIFT | op::CASH_IN | op::CASH_OUT => self.open_shift_ms,
            op::CLOSE_SHIFT => self.close_shift_ms,
            op::REPORT => self.x_report_ms,
            op::FINISH_PRINT => self.finish_print_ms,
            _ => self.other_ms,
        })
    }
}
