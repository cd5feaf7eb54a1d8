//! Marked goods in a receipt (FFD 1.2), and the printer's own check of a code. [source: marking.md 8, atol.md 3.5, 6.7]

use serde::{Deserialize, Serialize};

/// A marked unit in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marking {
    /// Tag 2000: the whole code as it was scanned, group separators (0x1D) and all.
    pub code: String,
    /// Tag 2003: what becomes of the unit.
    pub status: MarkingStatus,
    /// Tags 1291 to 1294: which part of the unit is sold.
    #[serde(default)]
    pub fraction: Option<Fraction>,
    /// Tag 2106: what the printer's check said; none when it wasn't asked.
    #[serde(default)]
    pub checked: Option<MarkingCheck>,
}

/// Tag 2003. [memory in marking.md 8; the numbers agree with the vendor's header, atol.md 3.4]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkingStatus {
    /// A piece is sold (1).
    PieceSold,
    /// A measured part is being sold (2).
    PartSold,
    /// A piece comes back (3).
    PieceReturned,
    /// A measured part comes back (4).
    PartReturned,
    /// It stays what it was (255).
    Unchanged,
}

impl MarkingStatus {
    /// The number of tag 2003.
    #[must_use]
    pub fn tag_2003(self) -> u8 {
        match self {
            Self::PieceSold => 1,
            Self::PartSold => 2,
            Self::PieceReturned => 3,
            Self::PartReturned => 4,
            Self::Unchanged => 255,
        }
    }
}

/// A part of a marked unit, tags 1293 and 1294.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fraction {
    /// Tag 1293.
    pub numerator: u32,
    /// Tag 1294.
    pub denominator: u32,
}

/// The result of the printer's check, bits of tag 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkingCheck {
    /// Bit 0: the code's signature was checked.
    pub checked: bool,
    /// Bit 1: and is right.
    pub right: bool,
    /// Bit 2: the state's server told its status.
    pub status_known: bool,
    /// Bit 3: and the planned status is allowed.
    pub status_right: bool,
    /// Bit 4: the printer works without the server.
    pub stand_alone: bool,
}

impl MarkingCheck {
    /// The bits of tag 2106.
    #[must_use]
    pub fn tag_2106(self) -> u8 {
        u8::from(self.checked)
            | u8::from(self.right) << 1
            | u8::from(self.status_known) << 2
            | u8::from(self.status_right) << 3
            | u8::from(self.stand_alone) << 4
    }

    /// The result with these bits.
    #[must_use]
    pub fn from_bits(bits: u8) -> Self {
        Self {
            checked: bits & 1 != 0,
            right: bits & 2 != 0,
            status_known: bits & 4 != 0,
            status_right: bits & 8 != 0,
            stand_alone: bits & 16 != 0,
        }
    }
}
