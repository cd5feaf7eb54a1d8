//! Commands to the fiscal drive (2.7): `A4 xx`, answered `55 ERR DATA`. Numbers in DATA are little-endian.

use crate::{local_time::LocalDateTime, text, tlv};

/// Exchange with the OFD.
pub const EXCHANGE: u8 = 0x20;
/// State of the drive.
pub const STATUS: u8 = 0x30;
/// Serial number of the drive.
pub const NUMBER: u8 = 0x31;
/// A document by its number.
pub const DOCUMENT: u8 = 0x40;
/// Begin reading the TLVs of a document.
pub const BEGIN_TLV: u8 = 0x45;
/// The next TLV.
pub const NEXT_TLV: u8 = 0x46;

/// [`DriveStatus::phase`] of a drive that registers documents.
pub const FISCAL_PHASE: u8 = 3;

/// ERR: the drive has no such data; also ends the reading of TLVs.
pub const NO_SUCH_DATA: u8 = 0xDA;
/// ERR: the document's data are absent.
pub const DATA_ABSENT: u8 = 0xAC;

/// Kinds of documents in the drive.
pub mod kind {
    /// Registration of the printer.
    pub const REGISTRATION: u8 = 1;
    /// Opening of a shift.
    pub const SHIFT_OPEN: u8 = 2;
    /// Receipt.
    pub const RECEIPT: u8 = 3;
    /// Closing of a shift.
    pub const SHIFT_CLOSE: u8 = 5;
    /// Correction receipt.
    pub const CORRECTION: u8 = 31;
}

/// The answer to [`STATUS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveStatus {
    /// 0 initial, 1 ready, 3 fiscal, 7 after closing, 15 archive.
    pub phase: u8,
    /// The shift is open.
    pub shift_open: bool,
    /// Bits: 0 replace urgently, 1 resource ends, 2 memory full, 3 OFD overdue, 7 critical error.
    pub warnings: u8,
    /// 16 digits.
    pub number: String,
    /// Number of the last fiscal document.
    pub last_document: u32,
}

/// Bits of [`DriveStatus::warnings`]. (captured; the days are from memory)
pub mod warning {
    /// Replace urgently: 3 days are left.
    pub const REPLACE: u8 = 1 << 0;
    /// Its resource ends within 30 days.
    pub const RESOURCE: u8 = 1 << 1;
    /// Its memory is full to 99 %.
    pub const MEMORY: u8 = 1 << 2;
    /// The OFD has not answered for too long.
    pub const OFD: u8 = 1 << 3;
    /// It is broken.
    pub const CRITICAL: u8 = 1 << 7;
}

/// Reads the answer to [`STATUS`].
#[must_use]
pub fn status(data: &[u8]) -> Option<DriveStatus> {
    Some(DriveStatus {
        phase: *data.first()?,
        shift_open: *data.get(3)? != 0,
        warnings: *data.get(4)?,
        number: text::ascii(data.get(10..26)?),
        last_document: tlv::number(data.get(26..30)?)? as u32,
    })
}

/// The answer to [`EXCHANGE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Documents that wait for the OFD.
    pub unsent: u16,
    /// The number of the oldest of them.
    pub oldest: u32,
    /// Its time; `None` when nothing waits.
    pub oldest_time: Option<LocalDateTime>,
}

/// Reads the answer to [`EXCHANGE`].
#[must_use]
pub fn exchange(data: &[u8]) -> Option<Exchange> {
    let unsent = tlv::number(data.get(2..4)?)? as u16;
    Some(Exchange {
        unsent,
        oldest: tlv::number(data.get(4..8)?)? as u32,
        oldest_time: (unsent > 0)
            .then(|| data.get(8..13).and_then(LocalDateTime::from_binary))
            .flatten(),
    })
}

/// The answer to [`DOCUMENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriveDocument {
    /// One of [`kind`].
    pub kind: u8,
    /// To the minute.
    pub time: LocalDateTime,
    /// Number of the document.
    pub number: u32,
    /// Fiscal sign.
    pub sign: u32,
    /// Settlement sign (1 sale, 2 return) and sum in minor units; receipts only.
    pub receipt: Option<(u8, u64)>,
    /// Shift number; openings and closings of shifts only.
    pub shift: Option<u32>,
}

/// Reads the answer to [`DOCUMENT`].
#[must_use]
pub fn document(data: &[u8]) -> Option<DriveDocument> {
    let kind = *data.first()?;
    let shift = match kind {
        kind::SHIFT_OPEN | kind::SHIFT_CLOSE => Some(tlv::number(data.get(15..17)?)? as u32),
        _ => None,
    };
    let receipt = match kind {
        // 3 receipt, 4 strict form, 31 and 41 their corrections.
        3 | 4 | 31 | 41 => Some((*data.get(15)?, tlv::number(data.get(16..21)?)?)),
        _ => None,
    };
    Some(DriveDocument {
        kind,
        time: LocalDateTime::from_binary(data.get(2..7)?)?,
        number: tlv::number(data.get(7..11)?)? as u32,
        sign: tlv::number(data.get(11..15)?)? as u32,
        receipt,
        shift,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // The vectors of this module: 9.3, captured.

    #[test]
    fn a_receipt_of_the_drive_is_read() {
        let data = [
            0x03, 0x00, 0x1A, 0x0B, 0x16, 0x0C, 0x00, 0x7A, 0x00, 0x00, 0x00, 0x8D, 0x03, 0xEE,
            0x62, 0x02, 0xDC, 0x05, 0x00, 0x00, 0x00,
        ];
        let read = document(&data).unwrap();
        assert_eq!((read.kind, read.number), (kind::RECEIPT, 122));
        assert_eq!(read.time.to_minute(), "2026-11-22T12:00");
        assert_eq!(read.sign, 1_659_765_645);
        assert_eq!(read.receipt, Some((2, 1500)));
    }

    #[test]
    fn the_backlog_of_the_ofd_is_read() {
        let data = [
            0x03, 0x00, 0x05, 0x00, 0xCE, 0x04, 0x00, 0x00, 0x1A, 0x0B, 0x16, 0x0C, 0x1E,
        ];
        let read = exchange(&data).unwrap();
        assert_eq!((read.unsent, read.oldest), (5, 1230));
        assert_eq!(read.oldest_time.unwrap().to_minute(), "2026-11-22T12:30");
    }

    proptest! {
        #[test]
        fn any_data_are_taken(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (status(&data), exchange(&data), document(&data));
        }
    }
}
