//! The printer's error codes (2.9): what they say, what a person can do, whether waiting helps.
//!
//! The codes were mapped by answering every value to the vendor's host; the words are ours.

use crate::command::DeviceError;
use galley_fiscal::FiscalError;

/// No paper.
pub const NO_PAPER: u8 = 0x67;
/// The previous operation still runs: wait a second, repeat.
pub const BUSY: u8 = 0x76;
/// The shift is longer than 24 hours.
pub const SHIFT_EXPIRED: u8 = 0x88;
/// Wrong mode.
pub const WRONG_MODE: u8 = 0x66;
/// The receipt is closed: what cancelling answers when none is open.
pub const RECEIPT_CLOSED: u8 = 0x9A;
/// The real code is in register 55.
pub const SEE_REGISTER_55: u8 = 0xEE;
const EXTENDED: u8 = 0xF6;

/// A receipt is open.
pub const RECEIPT_OPEN: u8 = 0x9B;
/// The shift is open.
pub const SHIFT_OPEN: u8 = 0x9C;
/// The shift is closed.
pub const SHIFT_CLOSED: u8 = 0x8F;

/// Codes of [`FiscalError::Refused`] above this are the driver's own, not the device's.
pub const OWN_CODES: u16 = 0xFF00;
/// The drive's counter moved since the baseline was read; read it again.
pub const COUNTERS_MOVED: u16 = OWN_CODES + 1;
/// The drive is not in the phase that registers documents.
pub const WRONG_PHASE: u16 = OWN_CODES + 2;

const SERVICE: &str = "Call the service engineer.";
const DRIVE: &str = "The fiscal drive must be checked or replaced by the service engineer.";
const WAIT: &str = "Wait; it is tried again by itself.";
const PROGRAM: &str = "Report it: the request does not suit this printer.";
const PAPER: &str = "Put in paper and close the cover.";
const CLOSE_SHIFT: &str = "Close the shift (Z report).";
const CLOCK: &str = "Check the printer's date and time.";

/// One row: what it says, what to do, whether the same request can succeed later unchanged.
fn row(err: u8) -> Option<(&'static str, &'static str, bool)> {
    Some(match err {
        0x08 => ("wrong price or sum", PROGRAM, false),
        0x0A => ("wrong quantity", PROGRAM, false),
        0x0B => ("cash counter overflow", CLOSE_SHIFT, true),
        0x0C..=0x0E => ("the last operation can't be reversed", PROGRAM, false),
        0x0F | 0x10 => ("discount is not possible", PROGRAM, false),
        0x11 | 0x12 => ("wrong commodity code", PROGRAM, false),
        0x13 | 0xF2 | 0xF4 => ("wrong command format", PROGRAM, false),
        0x14 => ("wrong length", PROGRAM, false),
        0x15 | 0x16 => (
            "the printer waits for its date to be confirmed",
            CLOCK,
            true,
        ),
        0x18 | 0x6B | 0xAD | 0xAF => ("no more data", PROGRAM, false),
        0x19 => ("a sale is neither confirmed nor cancelled", WAIT, true),
        0x1A => ("a closing report was interrupted", CLOSE_SHIFT, true),
        0x1E => (
            "entry to the mode is blocked",
            "Check the mode password in the configuration, then restart the printer.",
            true,
        ),
        0x1F => ("date and time must be checked", CLOCK, true),
        0x20 => ("the clock is behind the last fiscal document", CLOCK, true),
        0x21 => ("the archive can't be closed", SERVICE, false),
        0x3F => ("the receipt is too long for the printer", PROGRAM, false),
        0x46 => ("incorrect data", PROGRAM, false),
        WRONG_MODE => ("not available in this mode", WAIT, true),
        NO_PAPER => ("no paper", PAPER, true),
        0x68 => (
            "the link to the print head is lost",
            "Restart the printer; then the service engineer.",
            true,
        ),
        0x69 => (
            "mechanical fault of the print head",
            "Open the cover, look for jammed paper, restart the printer.",
            true,
        ),
        0x6A => ("wrong receipt type", PROGRAM, false),
        0x6C | 0x7A | 0xA3 => (
            "this firmware does not know the command",
            "Update the printer's firmware or configure another back end.",
            false,
        ),
        0x71 => ("non-cash payments exceed the total", PROGRAM, false),
        0x72 | 0x86 => ("the receipt is not paid in full", PROGRAM, false),
        0x73 => ("the counter is smaller than the return", PROGRAM, false),
        0x75 | 0x7F | 0x81 => ("sum overflow", PROGRAM, false),
        BUSY => ("the previous operation is still running", WAIT, true),
        0x7D => ("wrong department", PROGRAM, false),
        0x7E => ("wrong payment type", PROGRAM, false),
        0x80 => (
            "forbidden by the printer's settings",
            "Check the printer's settings.",
            false,
        ),
        0x82 | 0x87 | 0x89 => ("another receipt is open", WAIT, true),
        0x84 => ("the journal is full", CLOSE_SHIFT, true),
        0x8E => ("the printer is busy", WAIT, true),
        SHIFT_EXPIRED | 0xF0 => ("the shift is longer than 24 hours", CLOSE_SHIFT, true),
        0x8A => ("the fiscal memory is full", DRIVE, false),
        0x8C | 0xA4 => (
            "wrong password",
            "Check the mode password in the configuration.",
            false,
        ),
        SHIFT_CLOSED => ("the shift is closed", "Open the shift.", true),
        0x91..=0x93 => ("wrong table, row or field", PROGRAM, false),
        0x94 | 0x95 => ("wrong date or time", CLOCK, true),
        0x96 | 0x97 => ("wrong reversal or change", PROGRAM, false),
        0x98 => (
            "not enough cash in the drawer",
            // No cash-in can overtake it: waiting would hold every receipt behind it.
            "Register a cash-in, then ask for it again.",
            false,
        ),
        RECEIPT_CLOSED => ("the receipt is closed", WAIT, true),
        RECEIPT_OPEN => ("a receipt is open", WAIT, true),
        SHIFT_OPEN => ("the shift is open already", CLOSE_SHIFT, false),
        0x9E | 0x9F => ("serial number or re-registrations used up", SERVICE, false),
        0xA2 | 0xA5..=0xA7 => ("wrong shift, serial or tax number", SERVICE, false),
        0xA8 | 0xA9 => ("the printer is not registered", SERVICE, false),
        0xAA => ("no reports", PROGRAM, false),
        0xAB => ("the mode is not activated", SERVICE, false),
        DOCUMENT_ABSENT => ("the document's data are absent", PROGRAM, false),
        0xAE | 0xB1 => ("the licence does not allow it", SERVICE, false),
        0xB0 => ("the printer needs a general reset", SERVICE, false),
        0xB2 | 0xB3 => (
            "the receipt can't be closed with this payment",
            PROGRAM,
            false,
        ),
        0xBA => ("exchange with the fiscal module failed", SERVICE, true),
        0xBE => ("maintenance is needed", SERVICE, false),
        0xBF => (
            "shift numbers of printer and fiscal drive differ",
            SERVICE,
            false,
        ),
        0xC8 | 0xC9 => ("no link with an external device", SERVICE, true),
        0xCB | 0xF3 => ("wrong number of positions", PROGRAM, false),
        0xD0 => ("the fiscal drive can't be activated here", DRIVE, false),
        0xD1 => ("the print head is too hot", WAIT, true),
        0xD2 | 0xE9 => ("no exchange with the fiscal drive", DRIVE, true),
        0xD3..=0xD5 => (
            "format, state or fatal fault of the fiscal drive",
            DRIVE,
            false,
        ),
        0xD6 | 0xEA => ("the cryptography of the fiscal drive ended", DRIVE, false),
        0xD7 | 0xD8 => ("the fiscal drive is used up", DRIVE, false),
        0xD9 => ("the fiscal drive refuses the date", CLOCK, true),
        0xDA => ("the fiscal drive has no such data", PROGRAM, false),
        0xDB | 0xDC => ("overflow in the fiscal drive", DRIVE, false),
        0xDD | 0xDE => ("second fiscal copy or journal", SERVICE, false),
        0xDF | 0xE0 | 0xE4 => ("wrong tax", PROGRAM, false),
        0xE1 => ("wrong number of the fiscal drive", DRIVE, false),
        0xE6 => (
            "not enough power",
            "Plug in the charger; check the battery.",
            true,
        ),
        0xE7 | 0xE8 => ("the fiscal drive refuses the parameters", PROGRAM, false),
        0xEB => (
            "documents were not sent to the OFD for 30 days",
            "Restore the printer's connection to the OFD and wait until the documents are sent.",
            true,
        ),
        0xEC => ("the fiscal drive refused the OFD's message", SERVICE, false),
        0xED => (
            "the fiscal drive has unsent documents",
            "Restore the printer's connection to the OFD.",
            true,
        ),
        0xEF => ("the resource of OFD messages ended", DRIVE, false),
        0xF1 => (
            "wrong time between operations of the fiscal drive",
            CLOCK,
            true,
        ),
        0xF5 => ("excise goods are not allowed", PROGRAM, false),
        _ => return None,
    })
}

const DOCUMENT_ABSENT: u8 = crate::drive::DATA_ABSENT;

/// The refusal that a device error means.
///
/// ```
/// use galley_atol::{command::DeviceError, error_table::refused};
/// use galley_fiscal::FiscalError;
/// let no_paper = refused(DeviceError { err: 0x67, ext: 0 });
/// assert!(matches!(no_paper, FiscalError::Refused { code: 0x67, retry: true, .. }));
/// ```
#[must_use]
pub fn refused(error: DeviceError) -> FiscalError {
    let extended = matches!(error.err, EXTENDED | SEE_REGISTER_55);
    let (text, advice, retry) = match (error.err, error.ext) {
        (EXTENDED, 0) => ("wrong number of positions", PROGRAM, false),
        (EXTENDED, 1) => ("wrong FFD version", SERVICE, false),
        (EXTENDED, 3) => ("internal fault of the printer", SERVICE, true),
        (EXTENDED, 4) => ("the setting can't be changed", PROGRAM, false),
        (EXTENDED, 8) => ("wrong settlement subject (tag 1212)", PROGRAM, false),
        (EXTENDED, 9) => ("wrong settlement method (tag 1214)", PROGRAM, false),
        (err, _) => row(err).unwrap_or(("unknown error", SERVICE, false)),
    };
    FiscalError::Refused {
        code: if extended {
            u16::from_be_bytes([error.err, error.ext])
        } else {
            u16::from(error.err)
        },
        text: text.to_owned(),
        advice: advice.to_owned(),
        retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_and_an_advice() {
        for err in 0..=0xFF {
            for ext in [0, 1, 3, 4, 8, 9, 77] {
                let FiscalError::Refused { text, advice, .. } = refused(DeviceError { err, ext })
                else {
                    panic!("a device error is a refusal");
                };
                assert!(!text.is_empty() && advice.ends_with('.'), "{err:#04x}");
            }
        }
    }

    #[test]
    fn waiting_helps_with_paper_and_shift_but_not_with_a_dead_drive() {
        let retry = |err| match refused(DeviceError { err, ext: 0 }) {
            FiscalError::Refused { retry, .. } => retry,
            other => panic!("{other}"),
        };
        for err in [0x67, 0x76, 0x88, 0xF0, 0x8F, 0xD1, 0xEB] {
            assert!(retry(err), "{err:#04x}");
        }
        for err in [0xD5, 0xD7, 0xD8, 0x08, 0x8C, 0xA8] {
            assert!(!retry(err), "{err:#04x}");
        }
    }
}
