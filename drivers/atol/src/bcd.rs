//! BCD numbers: two decimal digits a byte, the most significant first (2.1).

/// `value` in exactly `N` bytes; `None` when it has more digits.
///
/// ```
/// assert_eq!(galley_atol::bcd::encode::<3>(1234), Some([0x00, 0x12, 0x34]));
/// assert_eq!(galley_atol::bcd::encode::<1>(100), None);
/// ```
#[must_use]
pub fn encode<const N: usize>(mut value: u64) -> Option<[u8; N]> {
    let mut out = [0; N];
    for byte in out.iter_mut().rev() {
        let two = (value % 100) as u8;
        *byte = ((two / 10) << 4) | (two % 10);
        value /= 100;
    }
    (value == 0).then_some(out)
}

/// The number in `bytes`; `None` when a digit is above 9 or the number does not fit.
///
/// ```
/// assert_eq!(galley_atol::bcd::decode(&[0x00, 0x12, 0x34]), Some(1234));
/// assert_eq!(galley_atol::bcd::decode(&[0x1A]), None);
/// ```
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0u64, |sum, byte| {
        let (high, low) = (byte >> 4, byte & 0x0F);
        if high > 9 || low > 9 {
            return None;
        }
        sum.checked_mul(100)?
            .checked_add(u64::from(high * 10 + low))
    })
}

/// `value` (0 to 99) as one byte; larger values are cut to their last two digits.
#[must_use]
pub fn byte(value: u8) -> u8 {
    let two = value % 100;
    ((two / 10) << 4) | (two % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_survives(value in 0u64..10_000_000_000) {
            prop_assert_eq!(decode(&encode::<5>(value).unwrap()), Some(value));
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = decode(&bytes);
        }
    }
}
