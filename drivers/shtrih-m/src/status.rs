//! What the printer says of itself: device type, model parameters, short and full status (4.1, 4.2).
//!
//! Functions take the data behind the error byte.

use crate::{local_time::LocalDateTime, text};

/// Modes, low nibble of the mode byte.
pub mod mode {
    /// It puts out data.
    pub const DUMP: u8 = 1;
    /// The shift is open.
    pub const SHIFT_OPEN: u8 = 2;
    /// The shift is open for more than 24 hours.
    pub const SHIFT_EXPIRED: u8 = 3;
    /// The shift is closed.
    pub const SHIFT_CLOSED: u8 = 4;
    /// It waits for its date to be confirmed.
    pub const DATE: u8 = 6;
    /// A document is open; the high nibble tells which.
    pub const DOCUMENT: u8 = 8;
    /// A technical reset is allowed.
    pub const RESET: u8 = 9;
    /// Test run.
    pub const TEST: u8 = 10;
}

/// Submodes.
pub mod submode {
    /// Paper is in, nothing happens.
    pub const IDLE: u8 = 0;
    /// Paper is out.
    pub const PAPER_OUT: u8 = 1;
    /// Paper ran out while printing.
    pub const PAPER_RAN_OUT: u8 = 2;
    /// Paper is back; it waits to go on.
    pub const WAITS: u8 = 3;
    /// It prints a report.
    pub const PRINTS_REPORT: u8 = 4;
    /// It prints.
    pub const PRINTS: u8 = 5;
}

/// Device type, FCh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceType {
    /// 0 is a printer.
    pub kind: u8,
    /// Number of the model.
    pub model: u8,
    /// Name of the model.
    pub name: String,
}

/// Reads a device type.
#[must_use]
pub fn device_type(data: &[u8]) -> Option<DeviceType> {
    let [kind, _, _, _, model, _, name @ ..] = data else {
        return None;
    };
    Some(DeviceType {
        kind: *kind,
        model: *model,
        name: text::from_cp1251(name),
    })
}

/// Characters in a line of a model's paper, as pyshtrih has them; none for models it doesn't know.
#[must_use]
pub fn columns(model: u8) -> Option<u8> {
    Some(match model {
        250 => 48,
        252 => 32,
        50 | 51 => 50,
        22 => 42,
        249 | 44 | 25 => 36,
        _ => return None,
    })
}

/// Model parameters, F7 01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelParameters {
    flags: u64,
    /// Table and field that hold the FFD version, where the firmware says it.
    pub ffd_field: Option<(u8, u8)>,
}

/// Shortest reply with model parameters that makes sense: the flags alone would do, older firmware has 28 (4.1).
const PARAMETERS: usize = 28;

/// Reads model parameters.
#[must_use]
pub fn model_parameters(data: &[u8]) -> Option<ModelParameters> {
    let flags = data
        .first_chunk::<8>()
        .filter(|_| data.len() >= PARAMETERS)?;
    let ffd = match data.get(34..36) {
        Some(&[table, field]) if table != 0 && field != 0 => Some((table, field)),
        _ => None,
    };
    Some(ModelParameters {
        flags: u64::from_le_bytes(*flags),
        ffd_field: ffd,
    })
}

impl ModelParameters {
    /// Parameters with these flags set; for tests and emulators.
    #[must_use]
    pub fn with_flags(bits: &[u8]) -> Self {
        Self {
            flags: bits.iter().fold(0, |flags, bit| flags | 1 << bit),
            ffd_field: None,
        }
    }

    /// The flags as they are on the wire.
    #[must_use]
    pub fn flags(&self) -> u64 {
        self.flags
    }

    fn has(self, bit: u8) -> bool {
        self.flags >> bit & 1 == 1
    }

    /// It can cut (flag 13).
    #[must_use]
    pub fn cutter(self) -> bool {
        self.has(13)
    }

    /// Cash core: tags of a line come before the line (flag 23).
    #[must_use]
    pub fn cash_core(self) -> bool {
        self.has(23)
    }

    /// It speaks protocol 2 (flag 28).
    #[must_use]
    pub fn protocol_2(self) -> bool {
        self.has(28)
    }

    /// A correction is registered like a receipt (flag 48).
    #[must_use]
    pub fn correction_as_receipt(self) -> bool {
        self.has(48)
    }

    /// Its error codes have four bytes (flag 54): another wire.
    #[must_use]
    pub fn wide_errors(self) -> bool {
        self.has(54)
    }
}

/// What the flag word of both statuses says that a printer with a fiscal drive fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// Paper is seen (bit 7). Bit 1, the roll, was seen clear on a real printer that had paper.
    #[must_use]
    pub fn paper(self) -> bool {
        self.0 >> 7 & 1 == 1
    }

    /// The cover is open (bit 10).
    #[must_use]
    pub fn cover_open(self) -> bool {
        self.0 >> 10 & 1 == 1
    }

    /// The drawer is open (bit 11).
    #[must_use]
    pub fn drawer_open(self) -> bool {
        self.0 >> 11 & 1 == 1
    }
}

/// Short status, 10h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortStatus {
    /// Flags.
    pub flags: Flags,
    /// Mode, low nibble; see [`mode`].
    pub mode: u8,
    /// Its status, high nibble.
    pub mode_status: u8,
    /// See [`submode`].
    pub submode: u8,
    /// Operations in the open receipt.
    pub operations: u16,
}

/// Reads a short status.
#[must_use]
pub fn short_status(data: &[u8]) -> Option<ShortStatus> {
    let d = data.first_chunk::<11>()?;
    Some(ShortStatus {
        flags: Flags(u16::from_le_bytes([d[1], d[2]])),
        mode: d[3] & 0x0F,
        mode_status: d[3] >> 4,
        submode: d[4],
        operations: u16::from_le_bytes([d[5], d[10]]),
    })
}

/// Full status, 11h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Firmware: version, build, date.
    pub firmware: String,
    /// Through number of the last document on paper.
    pub document: u16,
    /// Flags.
    pub flags: Flags,
    /// Mode, low nibble.
    pub mode: u8,
    /// Submode.
    pub submode: u8,
    /// The printer's clock.
    pub time: LocalDateTime,
    /// Serial number; none when there is none.
    pub serial: Option<u64>,
    /// Last closed shift.
    pub last_shift: u16,
    /// Tax number of the owner; none when there is none.
    pub inn: Option<u64>,
}

/// Reads a full status.
#[must_use]
pub fn status(data: &[u8]) -> Option<Status> {
    let d = data.first_chunk::<46>()?;
    let at = |offset: usize| d[offset - 2];
    let word = |offset: usize| u16::from_le_bytes([at(offset), at(offset + 1)]);
    let number = |offset: usize, width: usize| {
        (0..width)
            .rev()
            .fold(0u64, |value, i| value << 8 | u64::from(at(offset + i)))
    };
    // The high word is at the end of newer replies, offset 50 of the whole.
    let high = data
        .get(48..50)
        .map_or(0, |h| u64::from(h[0]) | u64::from(h[1]) << 8);
    let serial = number(32, 4);
    let inn = number(42, 6);
    Some(Status {
        firmware: format!(
            "{}.{} build {} of {:02}.{:02}.{:02}",
            text::ascii(&[at(3)]),
            text::ascii(&[at(4)]),
            word(5),
            at(7),
            at(8),
            at(9)
        ),
        document: word(11),
        flags: Flags(word(13)),
        mode: at(15) & 0x0F,
        submode: at(16),
        time: LocalDateTime::from_dmy(&d[23..26], &d[26..29])?,
        serial: (serial != 0xFFFF_FFFF)
            .then_some(serial | if high == 0xFFFF { 0 } else { high << 32 }),
        last_shift: word(36),
        inn: (inn != 0xFFFF_FFFF_FFFF).then_some(inn),
    })
}
