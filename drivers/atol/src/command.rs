//! Tasks and their answers (2.1 to 2.4), but for registers, positions and the fiscal drive.
//!
//! A task is `PASSWORD(2) COMMAND(1) PARAMETERS`; an answer is usually `55 ERR EXT DATA`.

use crate::{
    bcd,
    local_time::{BcdTime as _, LocalDateTime},
    text, tlv,
};

/// Command codes.
pub mod op {
    /// Full status.
    pub const STATUS: u8 = 0x3F;
    /// State code: mode and flags.
    pub const STATE: u8 = 0x45;
    /// Device type.
    pub const DEVICE_TYPE: u8 = 0xA5;
    /// Read a register.
    pub const REGISTER: u8 = 0x91;
    /// Read a table.
    pub const TABLE: u8 = 0x46;
    /// Enter a mode.
    pub const ENTER_MODE: u8 = 0x56;
    /// Leave the mode.
    pub const LEAVE_MODE: u8 = 0x48;
    /// Open the shift.
    pub const OPEN_SHIFT: u8 = 0x9A;
    /// Close the shift (mode 3).
    pub const CLOSE_SHIFT: u8 = 0x5A;
    /// Report without reset (mode 2).
    pub const REPORT: u8 = 0x67;
    /// Demo and info prints.
    pub const INFO_PRINT: u8 = 0x82;
    /// Open a receipt.
    pub const OPEN_RECEIPT: u8 = 0x92;
    /// Write a fiscal property (a tag).
    pub const WRITE_TAG: u8 = 0xE8;
    /// Read a registration property.
    pub const READ_TAG: u8 = 0xE9;
    /// Begin a position.
    pub const BEGIN_POSITION: u8 = 0xEA;
    /// End a position.
    pub const END_POSITION: u8 = 0xEB;
    /// Discount on the receipt.
    pub const DISCOUNT: u8 = 0x43;
    /// Payment.
    pub const PAYMENT: u8 = 0x99;
    /// Close the receipt.
    pub const CLOSE_RECEIPT: u8 = 0x4A;
    /// Cancel the receipt.
    pub const CANCEL_RECEIPT: u8 = 0x59;
    /// Cash in.
    pub const CASH_IN: u8 = 0x49;
    /// Cash out.
    pub const CASH_OUT: u8 = 0x4F;
    /// Print a line of text.
    pub const PRINT_LINE: u8 = 0x4C;
    /// Print a barcode.
    pub const BARCODE: u8 = 0xC1;
    /// More data of a barcode: their place, and as many bytes again. (captured)
    pub const BARCODE_MORE: u8 = 0xC2;
    /// Version of a unit.
    pub const VERSION: u8 = 0x9D;
    /// Print a raster line.
    pub const RASTER: u8 = 0x8E;
    /// Footer and cut (mode 2).
    pub const FOOTER: u8 = 0x73;
    /// Open the drawer: not on the portable models, says atol4j.
    pub const DRAWER: u8 = 0x80;
    /// Write a table (mode 4). \[memory\]: its layout was never seen on the wire.
    pub const WRITE_TABLE: u8 = 0x50;
    /// Copy of the last document.
    pub const COPY: u8 = 0x95;
    /// Print a document of the fiscal drive, by its number, in mode 6. (captured)
    pub const PRINT_DOCUMENT: u8 = 0xAB;
    /// Finish printing an unprinted document.
    pub const FINISH_PRINT: u8 = 0xEE;
    /// Set date and time.
    pub const SET_CLOCK: u8 = 0xED;
    /// Tell the driver's version.
    pub const DRIVER_VERSION: u8 = 0xEF;
    /// Reboot or power off.
    pub const REBOOT: u8 = 0xCE;
    /// A command to the fiscal drive.
    pub const DRIVE: u8 = 0xA4;
}

/// Modes (2.2): the low nibble of the mode byte.
pub mod mode {
    /// Selection.
    pub const IDLE: u8 = 0;
    /// Registration: receipts, opening of the shift.
    pub const REGISTRATION: u8 = 1;
    /// Reports without reset.
    pub const X_REPORTS: u8 = 2;
    /// Reports with reset.
    pub const Z_REPORTS: u8 = 3;
    /// Programming: tables.
    pub const PROGRAMMING: u8 = 4;
    /// Reports of the fiscal drive.
    pub const DRIVE_REPORTS: u8 = 6;
}

/// Bit 2 of the flags of [`op::OPEN_RECEIPT`]: no paper. The vendor's host sends it; atol4j says bit 1.
pub const OPEN_RECEIPT_ELECTRONIC: u8 = 0x04;

/// What the device said no with: ERR and EXT of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceError {
    /// ERR.
    pub err: u8,
    /// EXT, 0 where the answer has none.
    pub ext: u8,
}

/// An answer that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The device refused.
    #[error("device error {:#04x}.{}", .0.err, .0.ext)]
    Device(DeviceError),
    /// The answer is shorter than it must be, or has a digit where none can be.
    #[error("the answer to {0} can't be read")]
    Malformed(&'static str),
}

/// The bytes of a task.
#[must_use]
pub fn task(password: [u8; 2], command: u8, parameters: &[u8]) -> Vec<u8> {
    [&password[..], &[command], parameters].concat()
}

/// DATA of a `55 ERR EXT DATA` answer.
///
/// # Errors
/// The device's error, or an answer of another form.
pub fn standard<'a>(answer: &'a [u8], what: &'static str) -> Result<&'a [u8], AnswerError> {
    match *answer {
        [0x55, 0] => Ok(&[]),
        [0x55, 0, _, ref data @ ..] => Ok(data),
        _ => Err(refusal(answer, what)),
    }
}

/// VALUE of a `55 ERR VALUE` answer: registers, tables, tags and the fiscal drive.
///
/// # Errors
/// The device's error, or an answer of another form.
pub fn value<'a>(answer: &'a [u8], what: &'static str) -> Result<&'a [u8], AnswerError> {
    match *answer {
        [0x55, 0, ref data @ ..] => Ok(data),
        _ => Err(refusal(answer, what)),
    }
}

fn refusal(answer: &[u8], what: &'static str) -> AnswerError {
    match *answer {
        [0x55, err, ref rest @ ..] if err != 0 => AnswerError::Device(DeviceError {
            err,
            ext: rest.first().copied().unwrap_or(0),
        }),
        _ => AnswerError::Malformed(what),
    }
}

/// Parameters of [`op::ENTER_MODE`].
#[must_use]
pub fn enter_mode(mode: u8, password: [u8; 4]) -> Vec<u8> {
    [&[mode], &password[..]].concat()
}

/// Bytes of a TLV in one [`op::WRITE_TAG`]. (captured)
pub const TAG_BLOCK: usize = 100;

/// Parameters of [`op::WRITE_TAG`] for each block of a tag: `FLAGS BLOCKS BLOCK` and a part of the TLV.
#[must_use]
pub fn write_tag(tag: u16, value: &[u8]) -> Vec<Vec<u8>> {
    let bytes = tlv::encode(tag, value);
    let parts = bytes.chunks(TAG_BLOCK);
    let count = parts.len() as u8;
    (0..count)
        .zip(parts)
        .map(|(block, part)| [&[0x01, count, block], part].concat())
        .collect()
}

/// Parameters of [`op::PAYMENT`] and [`op::CLOSE_RECEIPT`]; `None` when the sum has more than ten digits.
#[must_use]
pub fn payment(kind: u8, sum_minor: u64) -> Option<Vec<u8>> {
    Some([&[0x00, kind], &bcd::encode::<5>(sum_minor)?[..]].concat())
}

/// The answer to a payment: what is left to pay, and the change, in minor units.
///
/// # Errors
/// The device's error, or a short answer.
pub fn payment_answer(answer: &[u8]) -> Result<(u64, u64), AnswerError> {
    let data = standard(answer, "payment")?;
    let sum = |from: usize| data.get(from..from + 5).and_then(bcd::decode);
    sum(0).zip(sum(5)).ok_or(AnswerError::Malformed("payment"))
}

/// The answer to [`op::DEVICE_TYPE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceType {
    /// 82 for ATOL 91F.
    pub model: u8,
    /// Such as `5.8.7671`.
    pub version: String,
    /// As the device writes it.
    pub name: String,
}

/// Reads `ERR PROTO TYPE MODEL MODE(2) VER(5) NAME`; this answer has no `55`.
///
/// # Errors
/// The device's error, or a short answer.
pub fn device_type(answer: &[u8]) -> Result<DeviceType, AnswerError> {
    const WHAT: &str = "device type";
    match *answer {
        [
            0,
            _proto,
            _type,
            model,
            _,
            _,
            major,
            minor,
            _lang,
            b0,
            b1,
            ref name @ ..,
        ] => {
            let digits = |b: &[u8]| bcd::decode(b).ok_or(AnswerError::Malformed(WHAT));
            Ok(DeviceType {
                model,
                version: format!(
                    "{}.{}.{}",
                    digits(&[major])?,
                    digits(&[minor])?,
                    digits(&[b0, b1])?
                ),
                name: text::decode(name).trim_end_matches(['\0', ' ']).to_owned(),
            })
        }
        [err, ..] if err != 0 => Err(AnswerError::Device(DeviceError { err, ext: 0 })),
        _ => Err(AnswerError::Malformed(WHAT)),
    }
}

/// The answer to [`op::STATE`]: `55 MODE FLAGS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCode {
    /// Low nibble of the mode byte; see [`mode`].
    pub mode: u8,
    /// High nibble: what goes on within the mode.
    pub submode: u8,
    /// Bit 0: no paper.
    pub no_paper: bool,
    /// Bits 1 to 4: the print mechanism is in trouble.
    pub mechanism_fault: bool,
}

/// Reads the answer to [`op::STATE`].
///
/// # Errors
/// A short answer.
pub fn state_code(answer: &[u8]) -> Result<StateCode, AnswerError> {
    match *answer {
        [0x55, byte, flags, ..] => Ok(StateCode {
            mode: byte & 0x0F,
            submode: byte >> 4,
            no_paper: flags & 0x01 != 0,
            mechanism_fault: flags & 0x1E != 0,
        }),
        _ => Err(AnswerError::Malformed("state code")),
    }
}

/// The answer to [`op::STATUS`] (2.4), as far as this crate needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullStatus {
    /// The printer's clock.
    pub time: LocalDateTime,
    /// Bit 1 of the flags.
    pub shift_open: bool,
    /// Bit 3.
    pub paper: bool,
    /// Bit 5.
    pub cover_open: bool,
    /// Model code.
    pub model: u8,
    /// Mode byte.
    pub mode: u8,
    /// Type of the open receipt, 0 when none is open.
    pub receipt_type: u8,
    /// Number of the last shift.
    pub last_shift: u32,
}

/// Reads the answer to [`op::STATUS`], by offset; surplus bytes are ignored.
///
/// # Errors
/// A short answer, or a date that can't be.
pub fn full_status(answer: &[u8]) -> Result<FullStatus, AnswerError> {
    const WHAT: &str = "full status";
    let bad = || AnswerError::Malformed(WHAT);
    if answer.first() != Some(&0x44) {
        return Err(refusal(answer, WHAT));
    }
    let b = answer.get(..23).ok_or_else(bad)?;
    let flags = b[9];
    Ok(FullStatus {
        time: LocalDateTime::from_bcd_ymd(&b[3..9]).ok_or_else(bad)?,
        shift_open: flags & 0x02 != 0,
        paper: flags & 0x08 != 0,
        cover_open: flags & 0x20 != 0,
        model: b[14],
        mode: b[17],
        receipt_type: b[22],
        last_shift: bcd::decode(&b[20..22]).ok_or_else(bad)? as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_device_type_of_the_worked_session_is_read() {
        let answer = [
            0x00, 0x03, 0x01, 0x52, 0x00, 0x00, 0x05, 0x08, 0x00, 0x76, 0x71, 0x80, 0x92, 0x8E,
            0x8B, 0x20, 0x39, 0x31, 0x94,
        ];
        let read = device_type(&answer).unwrap();
        assert_eq!(read.model, 82);
        assert_eq!(read.version, "5.8.7671");
        assert_eq!(read.name, "АТОЛ 91Ф");
    }

    #[test]
    fn a_refusal_is_told_from_nonsense() {
        let no_cash = AnswerError::Device(DeviceError { err: 0x98, ext: 0 });
        assert_eq!(standard(&[0x55, 0x98, 0x00], "x"), Err(no_cash));
        assert_eq!(
            standard(&[0x44, 0x98], "x"),
            Err(AnswerError::Malformed("x"))
        );
        assert_eq!(standard(&[], "x"), Err(AnswerError::Malformed("x")));
        assert_eq!(standard(&[0x55, 0, 0, 7, 8], "x"), Ok(&[7, 8][..]));
        assert_eq!(value(&[0x55, 0, 7, 8], "x"), Ok(&[7, 8][..]));
    }

    #[test]
    fn a_payment_of_the_worked_session_is_written() {
        let bytes = task([0, 0], op::PAYMENT, &payment(2, 70_000).unwrap());
        assert_eq!(
            bytes,
            [0, 0, 0x99, 0x00, 0x02, 0x00, 0x00, 0x07, 0x00, 0x00]
        );
        assert_eq!(payment(1, 10_000_000_000), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_taken(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (full_status(&bytes), device_type(&bytes), state_code(&bytes), payment_answer(&bytes));
        }
    }
}
