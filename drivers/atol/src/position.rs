//! A position of a receipt: the command that ends it (2.6).

use crate::{bcd, text};

/// Parameters of the command that begins a position; constant in all captures.
pub const BEGIN: [u8; 3] = [0x00, 0x01, 0x00];

/// Most characters of a name, tag 1030.
pub const MAX_NAME: usize = 128;

const FLAG_ALWAYS: u8 = 0x02;
/// The printer computes the tax by its index.
const FLAG_TAX_BY_TYPE: u8 = 0x08;

/// Parameters of the command that ends a position. Money in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The printer computes the tax by its index.
    pub tax_by_index: bool,
    /// Price of one unit.
    pub price_minor: u64,
    /// Quantity in thousandths.
    pub quantity_milli: u64,
    /// Sum of the position.
    pub sum_minor: u64,
    /// Tax index of the firmware: 1 = 20 %, 2 = 10 %, 3 = 20/120, 4 = 10/110, 5 = 0 %, 6 = none.
    pub tax_index: u8,
    /// Department.
    pub department: u8,
    /// Tag 1212.
    pub subject: u8,
    /// Tag 1214.
    pub method: u8,
    /// Tag 1030.
    pub name: String,
}

impl Position {
    /// The bytes after the command code; `None` when a number has too many digits.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let tax = if self.tax_by_index {
            FLAG_TAX_BY_TYPE
        } else {
            0
        };
        let mut out = vec![FLAG_ALWAYS | tax];
        out.extend(bcd::encode::<7>(self.price_minor)?);
        out.extend(bcd::encode::<5>(self.quantity_milli)?);
        out.extend(bcd::encode::<7>(self.sum_minor)?);
        out.push(self.tax_index);
        out.extend([0; 7]);
        out.extend([self.department, bcd::byte(self.subject), self.method]);
        out.extend([0; 10]);
        out.extend(text::encode(&self.name, MAX_NAME));
        Some(out)
    }

    /// Reads the bytes after the command code.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let number = |from: usize, len: usize| bcd::decode(bytes.get(from..from + len)?);
        Some(Self {
            tax_by_index: bytes.first()? & FLAG_TAX_BY_TYPE != 0,
            price_minor: number(1, 7)?,
            quantity_milli: number(8, 5)?,
            sum_minor: number(13, 7)?,
            tax_index: *bytes.get(20)?,
            department: *bytes.get(28)?,
            subject: number(29, 1)? as u8,
            method: *bytes.get(30)?,
            name: text::decode(bytes.get(41..)?),
        })
    }
}

/// `price * quantity`, rounded half up to a minor unit.
#[must_use]
pub fn sum_of(price_minor: u64, quantity_milli: u64) -> Option<u64> {
    let exact = u128::from(price_minor) * u128::from(quantity_milli);
    u64::try_from((exact + 500) / 1000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_position_of_the_worked_session_is_written() {
        let position = Position {
            tax_by_index: true,
            price_minor: 35_000,
            quantity_milli: 2000,
            sum_minor: 70_000,
            tax_index: 2,
            department: 1,
            subject: 1,
            method: 4,
            name: "Суп дня".into(),
        };
        let bytes = position.encode().unwrap();
        let expected = [
            0x0A, 0, 0, 0, 0, 0x03, 0x50, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0x07, 0, 0, 2, 0, 0, 0,
            0, 0, 0, 0, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x91, 0xE3, 0xAF, 0x20, 0xA4, 0xAD,
            0xEF,
        ];
        assert_eq!(bytes, expected);
        assert_eq!(Position::decode(&bytes), Some(position));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Position::decode(&bytes);
        }
    }
}
