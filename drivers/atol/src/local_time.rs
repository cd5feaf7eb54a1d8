//! The printer's local time as protocol 3 writes it (2.4, 2.5): BCD.

use crate::bcd;
pub use galley_fiscal::LocalDateTime;

/// A local time in BCD.
pub trait BcdTime: Sized {
    /// From BCD bytes `YY MM DD HH MM SS` of this century.
    fn from_bcd_ymd(bytes: &[u8]) -> Option<Self>;

    /// From BCD bytes `DD MM YY`, then `HH MM`, then `SS` where given.
    fn from_bcd_dmy(bytes: &[u8]) -> Option<Self>;

    /// BCD `DD MM YY HH MM SS`.
    #[must_use]
    fn to_bcd_dmy(self) -> [u8; 6];
}

impl BcdTime for LocalDateTime {
    fn from_bcd_ymd(bytes: &[u8]) -> Option<Self> {
        let b = bytes.first_chunk::<6>()?;
        let n = |byte: u8| bcd::decode(&[byte]).map(|v| v as u8);
        Self::new(
            2000 + u16::from(n(b[0])?),
            n(b[1])?,
            n(b[2])?,
            n(b[3])?,
            n(b[4])?,
            n(b[5])?,
        )
    }

    fn from_bcd_dmy(bytes: &[u8]) -> Option<Self> {
        let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
        if bytes.len() < 3 {
            return None;
        }
        Self::from_bcd_ymd(&[at(2), at(1), at(0), at(3), at(4), at(5)])
    }

    fn to_bcd_dmy(self) -> [u8; 6] {
        [
            self.day,
            self.month,
            self.short_year(),
            self.hour,
            self.minute,
            self.second,
        ]
        .map(bcd::byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            let _ = (LocalDateTime::from_bcd_ymd(&bytes), LocalDateTime::from_bcd_dmy(&bytes));
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_written() {
        let t = LocalDateTime::new(2026, 11, 22, 9, 8, 7).unwrap();
        assert_eq!(t.to_bcd_dmy(), [0x22, 0x11, 0x26, 0x09, 0x08, 0x07]);
        assert_eq!(LocalDateTime::from_bcd_dmy(&t.to_bcd_dmy()), Some(t));
        assert_eq!(LocalDateTime::from_bcd_dmy(&[0x22, 0x13, 0x26]), None);
    }
}
