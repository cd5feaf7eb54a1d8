//! What the fiscal drive says (4.6). Functions take the data behind the error byte.

use crate::{local_time::LocalDateTime, text};

/// Kinds of documents in the answer of FF0Ah.
pub mod kind {
    /// Registration.
    pub const REGISTRATION: u8 = 0x01;
    /// Opening of a shift.
    pub const SHIFT_OPEN: u8 = 0x02;
    /// Receipt.
    pub const RECEIPT: u8 = 0x03;
    /// Strict receipt form (БСО).
    pub const FORM: u8 = 0x04;
    /// Closing of a shift.
    pub const SHIFT_CLOSE: u8 = 0x05;
    /// Correction receipt. \[memory\]
    pub const CORRECTION: u8 = 0x1F;
    /// Correction of a strict receipt form. \[memory\]
    pub const FORM_CORRECTION: u8 = 0x29;
}

/// The drive has no such data.
pub const NO_DATA: u8 = 0x08;

/// Phase in which documents are registered: configured and opened, neither closed nor finished.
pub const FISCAL_PHASE: u8 = 0x03;

/// State of the drive, FF01h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveStatus {
    /// Phase of life, bits.
    pub phase: u8,
    /// Document that is being made; 0 none.
    pub current: u8,
    /// A shift is open.
    pub shift_open: bool,
    /// Warnings; see the methods.
    pub warnings: u8,
    /// Its serial number.
    pub number: String,
    /// Its last document.
    pub last_document: u32,
}

impl DriveStatus {
    /// Must be replaced within 3 days (bit 0).
    #[must_use]
    pub fn urgent(&self) -> bool {
        self.warnings & 1 != 0
    }

    /// Must be replaced within 30 days (bit 1).
    #[must_use]
    pub fn ends(&self) -> bool {
        self.warnings & 2 != 0
    }

    /// 90 % full (bit 2).
    #[must_use]
    pub fn nearly_full(&self) -> bool {
        self.warnings & 4 != 0
    }

    /// The OFD has not answered for too long (bit 3).
    #[must_use]
    pub fn ofd_overdue(&self) -> bool {
        self.warnings & 8 != 0
    }

    /// It is broken (bit 7 of the drive's own description). \[memory\]
    #[must_use]
    pub fn critical(&self) -> bool {
        self.warnings & 0x80 != 0
    }
}

/// Reads the state of the drive.
#[must_use]
pub fn status(data: &[u8]) -> Option<DriveStatus> {
    let d = data.first_chunk::<30>()?;
    Some(DriveStatus {
        phase: d[0],
        current: d[1],
        shift_open: d[3] != 0,
        warnings: d[4],
        number: text::ascii(&d[10..26]),
        last_document: u32::from_le_bytes([d[26], d[27], d[28], d[29]]),
    })
}

/// Last day and how often it can be registered again, FF03h.
#[must_use]
pub fn expiry(data: &[u8]) -> Option<(LocalDateTime, Option<u8>)> {
    let [y, m, d, rest @ ..] = data else {
        return None;
    };
    let day = LocalDateTime::new(2000 + u16::from(*y), *m, *d, 0, 0, 0)?;
    Some((day, rest.first().copied()))
}

/// A document's head, FF0Ah.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveDocument {
    /// See [`kind`].
    pub kind: u8,
    /// The OFD has confirmed it.
    pub confirmed: bool,
    /// When it was made.
    pub time: LocalDateTime,
    /// Number of the document.
    pub number: u32,
    /// Fiscal sign.
    pub sign: u32,
    /// Settlement sign and total of a receipt or correction.
    pub receipt: Option<(u8, u64)>,
    /// Shift, of a shift's documents.
    pub shift: Option<u16>,
}

/// Reads a document's head.
#[must_use]
pub fn document(data: &[u8]) -> Option<DriveDocument> {
    let (head, tail) = data.split_at_checked(15)?;
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let receipt = match (head[0], tail) {
        (
            kind::RECEIPT | kind::FORM | kind::CORRECTION | kind::FORM_CORRECTION,
            [sign, sum @ ..],
        ) => crate::tlv::number(sum.first_chunk::<5>()?).map(|sum| (*sign, sum)),
        _ => None,
    };
    let shift = match (head[0], tail) {
        (kind::SHIFT_OPEN | kind::SHIFT_CLOSE, [low, high, ..]) => {
            Some(u16::from_le_bytes([*low, *high]))
        }
        _ => None,
    };
    Some(DriveDocument {
        kind: head[0],
        confirmed: head[1] != 0,
        time: LocalDateTime::from_binary(&head[2..7])?,
        number: number(7),
        sign: number(11),
        receipt,
        shift,
    })
}

/// OFD exchange, FF39h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Documents that wait.
    pub unsent: u16,
    /// Number of the first of them.
    pub first: u32,
    /// Its time; none when there is none.
    pub first_time: Option<LocalDateTime>,
}

/// Reads the OFD exchange.
#[must_use]
pub fn exchange(data: &[u8]) -> Option<Exchange> {
    let d = data.first_chunk::<13>()?;
    Some(Exchange {
        unsent: u16::from_le_bytes([d[2], d[3]]),
        first: u32::from_le_bytes([d[4], d[5], d[6], d[7]]),
        first_time: LocalDateTime::from_binary(&d[8..13]),
    })
}

/// The shift in the drive, FF40h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriveShift {
    /// It is open.
    pub open: bool,
    /// Its number, of the last one when closed.
    pub number: u16,
    /// Receipts in it.
    pub receipt: u16,
}

/// Reads the shift.
#[must_use]
pub fn shift(data: &[u8]) -> Option<DriveShift> {
    let d = data.first_chunk::<5>()?;
    Some(DriveShift {
        open: d[0] != 0,
        number: u16::from_le_bytes([d[1], d[2]]),
        receipt: u16::from_le_bytes([d[3], d[4]]),
    })
}

/// Totals of the registration, FF09h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveRegistration {
    /// Tax number.
    pub inn: String,
    /// Registration number of the printer.
    pub registration: String,
    /// Tax systems, bits.
    pub tax_systems: u8,
    /// Work mode, bits.
    pub work_mode: u8,
}

/// Bit of the work mode: automatic device. \[memory\]
pub const MODE_AUTOMATIC: u8 = 0x04;

/// Reads the totals of the registration.
#[must_use]
pub fn registration(data: &[u8]) -> Option<DriveRegistration> {
    let d = data.first_chunk::<39>()?;
    Some(DriveRegistration {
        inn: text::ascii(&d[5..17]),
        registration: text::ascii(&d[17..37]),
        tax_systems: d[37],
        work_mode: d[38],
    })
}

/// How full the drive is, FF63h: documents for five years that it can still take.
#[must_use]
pub fn memory(data: &[u8]) -> Option<u32> {
    data.first_chunk::<4>().map(|d| u32::from_le_bytes(*d))
}

/// What a check of a marked unit said, FF61h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkCheck {
    /// Tag 2004: what the drive itself found.
    pub local: u8,
    /// Tag 2106, where the state's server was asked and answered.
    pub result: Option<u8>,
}

/// Reads a check.
#[must_use]
pub fn mark_check(data: &[u8]) -> Option<MarkCheck> {
    let [local, _reason, _kind, extra, rest @ ..] = data else {
        return None;
    };
    let result = match rest {
        // The drive's answer code must be 0: 20h and FFh mean that the server's answer is no use.
        [0, result, ..] if *extra >= 2 => Some(*result),
        _ => None,
    };
    Some(MarkCheck {
        local: *local,
        result,
    })
}
