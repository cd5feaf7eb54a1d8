//! Commands: their codes, how they are put together, how long they may take, and whether they may be sent twice (4, 9).

use std::{fmt, time::Duration};

/// Codes. Those of two bytes are written FFxx.
pub mod op {
    /// Stops the output of data.
    pub const END_DUMP: u16 = 0x03;
    /// Short status.
    pub const SHORT_STATUS: u16 = 0x10;
    /// Full status.
    pub const STATUS: u16 = 0x11;
    /// Reads the exchange parameters of a port.
    pub const READ_EXCHANGE: u16 = 0x15;
    /// Technical reset.
    pub const TECHNICAL_RESET: u16 = 0x16;
    /// Prints a line.
    pub const PRINT_LINE: u16 = 0x17;
    /// Money register.
    pub const MONEY_REGISTER: u16 = 0x1A;
    /// Operation register.
    pub const OPERATION_REGISTER: u16 = 0x1B;
    /// Writes a table's field.
    pub const WRITE_TABLE: u16 = 0x1E;
    /// Reads a table's field.
    pub const READ_TABLE: u16 = 0x1F;
    /// Sets the time.
    pub const SET_TIME: u16 = 0x21;
    /// Sets the date.
    pub const SET_DATE: u16 = 0x22;
    /// Confirms the date.
    pub const CONFIRM_DATE: u16 = 0x23;
    /// Cuts the paper.
    pub const CUT: u16 = 0x25;
    /// Opens the drawer.
    pub const DRAWER: u16 = 0x28;
    /// Feeds paper.
    pub const FEED: u16 = 0x29;
    /// Stops the test run.
    pub const END_TEST: u16 = 0x2B;
    /// Structure of a table.
    pub const TABLE_STRUCTURE: u16 = 0x2D;
    /// Structure of a field.
    pub const FIELD_STRUCTURE: u16 = 0x2E;
    /// Prints a line in a font.
    pub const PRINT_FONT_LINE: u16 = 0x2F;
    /// X report.
    pub const X_REPORT: u16 = 0x40;
    /// Z report: closes the shift.
    pub const Z_REPORT: u16 = 0x41;
    /// Money put in.
    pub const CASH_IN: u16 = 0x50;
    /// Money taken out.
    pub const CASH_OUT: u16 = 0x51;
    /// An error's text.
    pub const ERROR_TEXT: u16 = 0x6B;
    /// Sale; the classic path.
    pub const SALE: u16 = 0x80;
    /// Purchase; the classic path.
    pub const PURCHASE: u16 = 0x81;
    /// Return of a sale; the classic path.
    pub const SALE_RETURN: u16 = 0x82;
    /// Return of a purchase; the classic path.
    pub const PURCHASE_RETURN: u16 = 0x83;
    /// Closes a receipt; the classic path.
    pub const CLOSE_RECEIPT: u16 = 0x85;
    /// Cancels the open receipt.
    pub const CANCEL_RECEIPT: u16 = 0x88;
    /// Subtotal.
    pub const SUBTOTAL: u16 = 0x89;
    /// Prints the last document again.
    pub const REPEAT_DOCUMENT: u16 = 0x8C;
    /// Opens a receipt.
    pub const OPEN_RECEIPT: u16 = 0x8D;
    /// Goes on printing.
    pub const CONTINUE_PRINT: u16 = 0xB0;
    /// Loads a block of data, for a 2-D code.
    pub const LOAD_DATA: u16 = 0xDD;
    /// Prints a 2-D code.
    pub const PRINT_2D: u16 = 0xDE;
    /// Opens a shift.
    pub const OPEN_SHIFT: u16 = 0xE0;
    /// Extended request; 01 asks for the model's parameters.
    pub const EXTENDED: u16 = 0xF7;
    /// Device type.
    pub const DEVICE_TYPE: u16 = 0xFC;
    /// State of the fiscal drive.
    pub const FS_STATUS: u16 = 0xFF01;
    /// Number of the fiscal drive.
    pub const FS_NUMBER: u16 = 0xFF02;
    /// Last day of the fiscal drive.
    pub const FS_EXPIRY: u16 = 0xFF03;
    /// Version of the fiscal drive.
    pub const FS_VERSION: u16 = 0xFF04;
    /// Cancels the drive's open document.
    pub const FS_CANCEL: u16 = 0xFF08;
    /// Totals of the registration.
    pub const FS_REGISTRATION: u16 = 0xFF09;
    /// A document by its number.
    pub const FS_DOCUMENT: u16 = 0xFF0A;
    /// A tag of the receipt or report.
    pub const FS_TAG: u16 = 0xFF0C;
    /// Writes into the drive's buffer.
    pub const FS_BUFFER_BEGIN: u16 = 0xFF32;
    /// A piece of the buffer.
    pub const FS_BUFFER_WRITE: u16 = 0xFF33;
    /// Begins a correction; before FFD 1.1.
    pub const FS_CORRECTION_BEGIN: u16 = 0xFF35;
    /// OFD exchange.
    pub const FS_EXCHANGE: u16 = 0xFF39;
    /// Opens a document for reading.
    pub const FS_READ_BEGIN: u16 = 0xFF3A;
    /// A piece of the document.
    pub const FS_READ_NEXT: u16 = 0xFF3B;
    /// How many documents the OFD has not confirmed.
    pub const FS_UNCONFIRMED: u16 = 0xFF3F;
    /// The shift in the drive.
    pub const FS_SHIFT: u16 = 0xFF40;
    /// Begins the opening of a shift.
    pub const FS_OPEN_SHIFT_BEGIN: u16 = 0xFF41;
    /// Begins the closing of a shift.
    pub const FS_CLOSE_SHIFT_BEGIN: u16 = 0xFF42;
    /// Closes a receipt.
    pub const FS_CLOSE_RECEIPT: u16 = 0xFF45;
    /// A line of a receipt.
    pub const FS_ITEM: u16 = 0xFF46;
    /// A correction receipt; FFD 1.05.
    pub const FS_CORRECTION: u16 = 0xFF4A;
    /// A tag of a line.
    pub const FS_ITEM_TAG: u16 = 0xFF4D;
    /// Checks a marked unit.
    pub const FS_CHECK_MARK: u16 = 0xFF61;
    /// How full the drive is.
    pub const FS_MEMORY: u16 = 0xFF63;
    /// Sends the buffer as a tag.
    pub const FS_BUFFER_TAG: u16 = 0xFF64;
    /// Ties a marked unit to the line.
    pub const FS_BIND_MARK: u16 = 0xFF67;
    /// Accepts or rejects the checked unit.
    pub const FS_ACCEPT_MARK: u16 = 0xFF69;
    /// State of marked goods.
    pub const FS_MARK_STATUS: u16 = 0xFF70;
}

/// Most bytes a command's TLV may have (4.4).
pub const MAX_TLV: usize = 250;

/// A command with its parameters. `Debug` tells only the code: parameters hold passwords and what guests are called.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    code: u16,
    body: Vec<u8>,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({:02X}h, {} bytes)", self.code, self.body.len())
    }
}

impl Command {
    /// A command without parameters.
    #[must_use]
    pub fn bare(code: u16) -> Self {
        Self {
            code,
            body: Vec::new(),
        }
    }

    /// A command that begins with a password.
    #[must_use]
    pub fn new(code: u16, password: u32) -> Self {
        Self::bare(code).bytes(&password.to_le_bytes())
    }

    /// With more bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body.extend(bytes);
        self
    }

    /// With the low `width` bytes of a number, low byte first.
    #[must_use]
    pub fn number(self, value: u64, width: usize) -> Self {
        self.bytes(&value.to_le_bytes()[..width.min(8)])
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Code and parameters as they go into a frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + 2);
        push_code(&mut bytes, self.code);
        bytes.extend(&self.body);
        bytes
    }
}

/// Writes a code of one or two bytes.
pub fn push_code(bytes: &mut Vec<u8>, code: u16) {
    if code > 0xFF {
        bytes.push((code >> 8) as u8);
    }
    bytes.push(code as u8);
}

/// The code at the head of a frame's body, and what follows it.
#[must_use]
pub fn split_code(body: &[u8]) -> Option<(u16, &[u8])> {
    match body {
        [0xFF, low, rest @ ..] => Some((0xFF00 | u16::from(*low), rest)),
        [0xFF] | [] => None,
        [code, rest @ ..] => Some((u16::from(*code), rest)),
    }
}

/// Whether a body is the reply to `code`. A printer that doesn't know a command of two bytes may answer FFh and the
/// error alone (2).
#[must_use]
pub fn is_reply_to(body: &[u8], code: u16) -> bool {
    match split_code(body) {
        Some((found, _)) if found == code => true,
        _ => code > 0xFF && matches!(body, [0xFF, _]),
    }
}

/// A reply that is not a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// The device's error.
    Device(u8),
    /// It can't be read.
    Malformed,
}

/// The data behind the error byte of the reply to `code`.
pub fn reply(body: &[u8], code: u16) -> Result<&[u8], ReplyError> {
    match split_code(body) {
        Some((found, [0, data @ ..])) if found == code => Ok(data),
        Some((found, [error, ..])) if found == code => Err(ReplyError::Device(*error)),
        _ => match body {
            [0xFF, error] if code > 0xFF => Err(ReplyError::Device(*error)),
            _ => Err(ReplyError::Malformed),
        },
    }
}

/// Whether sending a command twice does what sending it once does (9): it only reads, or it sets a value.
#[must_use]
pub fn is_idempotent(code: u16) -> bool {
    matches!(
        code,
        op::DEVICE_TYPE
            | op::EXTENDED
            | op::SHORT_STATUS
            | op::STATUS
            | op::READ_EXCHANGE
            | op::MONEY_REGISTER
            | op::OPERATION_REGISTER
            | op::READ_TABLE
            | op::WRITE_TABLE
            | op::SET_TIME
            | op::SET_DATE
            | op::CONFIRM_DATE
            | op::TABLE_STRUCTURE
            | op::FIELD_STRUCTURE
            | op::SUBTOTAL
            | op::ERROR_TEXT
            | op::LOAD_DATA
            | op::FS_STATUS
            | op::FS_NUMBER
            | op::FS_EXPIRY
            | op::FS_VERSION
            | op::FS_REGISTRATION
            | op::FS_DOCUMENT
            | op::FS_EXCHANGE
            | op::FS_READ_BEGIN
            | op::FS_UNCONFIRMED
            | op::FS_SHIFT
            | op::FS_MEMORY
            | op::FS_MARK_STATUS
    )
}

/// Whether a command registers a document or moves the drawer's counters.
#[must_use]
pub fn registers(code: u16) -> bool {
    matches!(
        code,
        op::FS_CLOSE_RECEIPT
            | op::FS_CORRECTION
            | op::OPEN_SHIFT
            | op::Z_REPORT
            | op::CASH_IN
            | op::CASH_OUT
            | op::CLOSE_RECEIPT
    )
}

/// How long a command may take (2.3).
#[must_use]
pub fn time_limit(code: u16) -> Duration {
    Duration::from_secs(match code {
        op::SHORT_STATUS | op::STATUS => 3,
        op::Z_REPORT => 65,
        op::OPEN_SHIFT => 120,
        op::FS_CHECK_MARK | op::FS_BIND_MARK => 40,
        op::TECHNICAL_RESET => 60,
        _ => 30,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_two_byte_command_is_told_by_its_error_alone() {
        assert_eq!(reply(&[0xFF, 0x37], 0xFF63), Err(ReplyError::Device(0x37)));
        assert_eq!(
            reply(&[0xFF, 0x63, 0x37], 0xFF63),
            Err(ReplyError::Device(0x37))
        );
        assert_eq!(reply(&[0x10, 0], 0x11), Err(ReplyError::Malformed));
        assert!(is_reply_to(&[0xFF, 0x37], 0xFF63));
        assert!(!is_reply_to(&[0xFF, 0x01, 0x00], 0xFF63));
    }

    #[test]
    fn nothing_that_registers_or_prints_may_be_sent_twice() {
        for code in [
            0x80, 0x85, 0x8D, 0x8E, 0x50, 0x51, 0x41, 0xE0, 0x8C, 0x17, 0x25, 0xFF46, 0xFF45,
            0xFF0C, 0xFF4D, 0xFF67, 0xFF0B, 0xFF36, 0xFF38, 0xFF43, 0xFF4A, 0xFF3B, 0x40, 0x88,
        ] {
            assert!(!is_idempotent(code), "{code:04X}");
        }
    }

    #[test]
    fn debug_output_shows_no_parameters() {
        let command = Command::new(op::FS_TAG, 30).bytes(b"+79990000000");
        assert_eq!(format!("{command:?}"), "Command(FF0Ch, 16 bytes)");
    }
}
