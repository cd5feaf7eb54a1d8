//! The printer's error codes (7): what they say, what a person can do, whether waiting helps.
//!
//! The printer and its fiscal drive share one byte; 01 to 20h are the drive's.

use galley_fiscal::FiscalError;

/// Wrong state of the drive.
pub const DRIVE_STATE: u8 = 0x02;
/// Not supported by this printer.
pub const NOT_SUPPORTED: u8 = 0x37;
/// Not in this model.
pub const NOT_IN_MODEL: u8 = 0x36;
/// Wrong parameters.
pub const WRONG_PARAMETERS: u8 = 0x33;
/// The shift is open.
pub const SHIFT_OPEN: u8 = 0x3C;
/// The shift is not open.
pub const SHIFT_NOT_OPEN: u8 = 0x3D;
/// Payments less than the total.
pub const UNDERPAID: u8 = 0x45;
/// No cash for a payout.
pub const NO_CASH: u8 = 0x46;
/// Not in a receipt of this type.
pub const WRONG_TYPE: u8 = 0x49;
/// A receipt is open.
pub const RECEIPT_OPEN: u8 = 0x4A;
/// The shift is longer than 24 hours.
pub const SHIFT_EXPIRED: u8 = 0x4E;
/// Wrong password.
pub const WRONG_PASSWORD: u8 = 0x4F;
/// It prints the previous command; this one was not carried out.
pub const PRINTING: u8 = 0x50;
/// The receipt is closed.
pub const RECEIPT_CLOSED: u8 = 0x55;
/// It waits for "go on printing".
pub const WAITS: u8 = 0x58;
/// A document of another operator.
pub const OTHER_OPERATOR: u8 = 0x59;
/// No receipt paper.
pub const NO_PAPER: u8 = 0x6B;
/// Not in this submode.
pub const WRONG_SUBMODE: u8 = 0x72;
/// Not in this mode.
pub const WRONG_MODE: u8 = 0x73;
/// Wrong length.
pub const WRONG_LENGTH: u8 = 0x7E;
/// Date and time must be confirmed.
pub const CONFIRM_DATE: u8 = 0xC0;

/// Codes of [`FiscalError::Refused`] above this are the driver's own, not the device's.
pub const OWN_CODES: u16 = 0xFF00;
/// The drive's counter moved since the baseline was read; read it again.
pub const COUNTERS_MOVED: u16 = OWN_CODES + 1;
/// The drive is not in the phase that registers documents.
pub const WRONG_PHASE: u16 = OWN_CODES + 2;
/// The printer stays busy.
pub const STAYS_BUSY: u16 = OWN_CODES + 3;
/// A service mode that only a person may end.
pub const SERVICE_MODE: u16 = OWN_CODES + 4;

const SERVICE: &str = "Call the service engineer.";
const DRIVE: &str = "The fiscal drive must be checked or replaced by the service engineer.";
const WAIT: &str = "Wait; it is tried again by itself.";
const PROGRAM: &str = "Report it: the request does not suit this printer.";
const PAPER: &str = "Put in paper and close the cover.";
const CLOSE_SHIFT: &str = "Close the shift (Z report).";
const CLOCK: &str = "Check the printer's date and time.";
const OFD: &str = "Connect the printer to the OFD: it must send its documents.";
const SETTINGS: &str = "Check the printer's settings.";

/// One row: what it says, what to do, whether the same request can succeed later unchanged.
fn row(code: u8) -> Option<(&'static str, &'static str, bool)> {
    Some(match code {
        0x01 => ("fiscal drive: unknown command or format", PROGRAM, false),
        DRIVE_STATE => ("fiscal drive: wrong state", WAIT, true),
        0x03 => ("fiscal drive: failure", DRIVE, false),
        0x04 => ("fiscal drive: cryptography failure", DRIVE, false),
        0x05 => ("fiscal drive: its life has ended", DRIVE, false),
        0x06 => ("fiscal drive: the archive is full", DRIVE, false),
        0x07 => ("fiscal drive: wrong date or time", CLOCK, true),
        0x08 => ("fiscal drive: no such data", PROGRAM, false),
        0x09 => ("fiscal drive: wrong value of a parameter", PROGRAM, false),
        0x10 => ("fiscal drive: a tag is too long", PROGRAM, false),
        0x11 => ("fiscal drive: no transport connection", OFD, true),
        0x12 => ("fiscal drive: cryptography resource used up", DRIVE, false),
        0x14 => ("fiscal drive: the store for the OFD is used up", OFD, true),
        0x15 => (
            "fiscal drive: documents wait for the OFD for more than 30 days",
            OFD,
            true,
        ),
        0x16 => (
            "fiscal drive: the shift is longer than 24 hours",
            CLOSE_SHIFT,
            true,
        ),
        0x17 => (
            "fiscal drive: the clock differs by more than 5 minutes",
            CLOCK,
            true,
        ),
        0x20 => (
            "fiscal drive: the OFD's message was rejected",
            SERVICE,
            false,
        ),
        0x2E | NO_CASH => (
            "not enough cash in the drawer",
            // No cash-in can overtake it: waiting would hold every receipt behind it.
            "Register a cash-in, then ask for it again.",
            false,
        ),
        0x2F | 0x30 => (
            "the fiscal drive does not answer",
            "Restart the printer; then the service engineer.",
            true,
        ),
        WRONG_PARAMETERS => ("wrong parameters", PROGRAM, false),
        0x34 => ("no data", PROGRAM, false),
        0x35 => ("not with these settings", SETTINGS, false),
        NOT_IN_MODEL => ("not in this model", PROGRAM, false),
        NOT_SUPPORTED => (
            "this firmware does not know the command",
            "Update the printer's firmware.",
            false,
        ),
        0x38 | 0x39 => ("internal failure", SERVICE, false),
        SHIFT_OPEN => ("the shift is open", CLOSE_SHIFT, false),
        SHIFT_NOT_OPEN => ("the shift is not open", "Open the shift.", true),
        UNDERPAID => ("the payments are less than the total", PROGRAM, false),
        WRONG_TYPE => ("not possible in a receipt of this type", PROGRAM, false),
        RECEIPT_OPEN => ("a receipt is open", WAIT, true),
        0x4B | 0x94 => ("the receipt is too long for the printer", PROGRAM, false),
        0x4D => ("the non-cash payments exceed the total", PROGRAM, false),
        SHIFT_EXPIRED => ("the shift is longer than 24 hours", CLOSE_SHIFT, true),
        WRONG_PASSWORD => (
            "wrong password",
            "Check the passwords in the configuration against the printer's table 2.",
            false,
        ),
        PRINTING => ("the previous document is being printed", WAIT, true),
        RECEIPT_CLOSED => ("the receipt is closed", WAIT, true),
        0x56 => ("there is no document to repeat", PROGRAM, false),
        WAITS => ("it waits to go on printing", WAIT, true),
        OTHER_OPERATOR => (
            "a document of another operator is open",
            "Cancel it with that operator's password.",
            true,
        ),
        0x5D..=0x5F => ("wrong table, operation or negative total", PROGRAM, false),
        0x60..=0x63 => ("a price, quantity or sum is too big", PROGRAM, false),
        NO_PAPER => ("no paper", PAPER, true),
        0x71 => (
            "the cutter is jammed",
            "Open the cover, look for jammed paper, restart the printer.",
            true,
        ),
        WRONG_SUBMODE => ("not in this submode", WAIT, true),
        WRONG_MODE => ("not in this mode", WAIT, true),
        0x74 | 0x75 | 0x77 | 0x7B => (
            "a fault of memory, power or sensors",
            "Restart the printer; then the service engineer.",
            true,
        ),
        0x78 => (
            "the firmware was changed: a technical reset is due",
            SERVICE,
            false,
        ),
        0x7A => ("the field can't be changed", SETTINGS, false),
        0x7C | 0x7D => ("the date is wrong", CLOCK, true),
        WRONG_LENGTH => ("wrong length", PROGRAM, false),
        0x7F => ("total overflow", PROGRAM, false),
        0x84..=0x8D => ("a counter of the shift is full", CLOSE_SHIFT, true),
        0x8E => ("the total is zero", PROGRAM, false),
        0x8F => ("the printer is not registered", SERVICE, false),
        0x90..=0x93 => (
            "text outside the paper, or memory recovered",
            PROGRAM,
            false,
        ),
        0x9B..=0x9E => ("the goods base refuses", PROGRAM, false),
        0xA0 => (
            "marked goods were ruled out at registration",
            "Register the printer again with marked goods.",
            false,
        ),
        0xA1 => ("marked goods: wrong order of commands", PROGRAM, false),
        0xA2 => (
            "marked goods: blocked, the store of notifications is full",
            OFD,
            true,
        ),
        0xA3 => (
            "marked goods: more than 128 codes in a receipt",
            PROGRAM,
            false,
        ),
        0xA4 => ("marked goods: a tag is missing", PROGRAM, false),
        0xA5 | 0xAA | 0xAC => (
            "marked goods: the code was not checked before",
            PROGRAM,
            false,
        ),
        CONFIRM_DATE => ("date and time must be confirmed", CLOCK, true),
        0xC2 => ("wrong voltage", SERVICE, true),
        0xC4 => ("shift numbers differ", SERVICE, false),
        0xC7 => ("the field can't be changed in this mode", SETTINGS, false),
        0xC8 => (
            "no link to the print head",
            "Restart the printer; then the service engineer.",
            true,
        ),
        0xC9 => ("the print head is too hot", WAIT, true),
        0xCB => ("wrong subtotal", PROGRAM, false),
        0xCE | 0xCF | 0xD1 | 0xD5 => ("memory limit, date reset or load error", SERVICE, false),
        0xD3 => (
            "marked goods: sold already, or never put into circulation",
            PROGRAM,
            false,
        ),
        0xD4 => ("marked goods: the code is forged", PROGRAM, false),
        0xE0..=0xE4 => ("the bill acceptor refuses", SERVICE, false),
        _ => return None,
    })
}

/// What a code says.
#[must_use]
pub fn text(code: u8) -> String {
    row(code).map_or_else(
        || format!("error {code:02X}h"),
        |(text, _, _)| text.to_owned(),
    )
}

/// A device's refusal in the words of the trait.
#[must_use]
pub fn refused(code: u8) -> FiscalError {
    let (_, advice, retry) = row(code).unwrap_or(("", SERVICE, false));
    FiscalError::Refused {
        code: u16::from(code),
        text: text(code),
        advice: advice.to_owned(),
        retry,
    }
}

/// A refusal of the driver's own.
#[must_use]
pub(crate) fn own(code: u16, text: impl Into<String>, advice: &str, retry: bool) -> FiscalError {
    FiscalError::Refused {
        code,
        text: text.into(),
        advice: advice.to_owned(),
        retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_and_the_waiting_ones_are_retriable() {
        for code in 1..=255u8 {
            let FiscalError::Refused {
                text,
                advice,
                retry,
                ..
            } = refused(code)
            else {
                panic!("{code}");
            };
            assert!(!text.is_empty() && !advice.is_empty(), "{code:02X}");
            if matches!(
                code,
                PRINTING | WAITS | NO_PAPER | SHIFT_EXPIRED | SHIFT_NOT_OPEN
            ) {
                assert!(retry, "{code:02X}");
            }
            if matches!(code, 0x03 | 0x33 | 0x45 | 0x4F | 0x7E) {
                assert!(!retry, "{code:02X}");
            }
        }
    }
}
