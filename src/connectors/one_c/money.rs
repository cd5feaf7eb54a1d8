//! Decimal numbers of 1C from and to integers, and the VAT inside a sum. Nothing here is ever a float.

/// Decimals of a sum of money (1C declares them 15.2).
pub const MONEY: u32 = 2;
/// Decimals of a quantity (15.3).
pub const QUANTITY: u32 = 3;

/// `value` units of `10^-scale` as a JSON number: no exponent, no needless zeros.
#[must_use]
pub fn decimal(value: i64, scale: u32) -> String {
    let unit = 10u64.pow(scale);
    let (whole, rest) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let sign = if value < 0 { "-" } else { "" };
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{rest:0width$}", width = scale as usize);
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// The reverse of [`decimal`]; also reads needless zeros and an exponent. `None` for anything that is not
/// a number, does not fit, or has more decimals than `scale`.
#[must_use]
pub fn parse(text: &str, scale: u32) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = [whole, fraction].concat();
    if whole.is_empty() || all.len() > 40 || !all.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut value: i128 = all.trim_start_matches('0').parse().unwrap_or(0);
    let decimals = i32::try_from(fraction.len()).ok()?;
    let mut shift = i32::try_from(scale)
        .ok()?
        .checked_add(exponent)?
        .checked_sub(decimals)?;
    while shift > 0 && value != 0 {
        value = value.checked_mul(10)?;
        shift -= 1;
    }
    while shift < 0 && value != 0 {
        if value % 10 != 0 {
            return None;
        }
        value /= 10;
        shift += 1;
    }
    i64::try_from(if negative { -value } else { value }).ok()
}

/// The VAT inside a sum, half a kopeck rounded up: `sum * percent / (100 + percent)`. `None` when the sum
/// is negative (returns are rows of their own, with positive sums).
#[must_use]
pub fn vat_inside(sum_minor: i64, percent: u32) -> Option<i64> {
    if sum_minor < 0 {
        return None;
    }
    let whole = 100 + i128::from(percent);
    let twice = 2 * i128::from(sum_minor) * i128::from(percent);
    i64::try_from((twice + whole) / (2 * whole)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_control_sums_of_vat_come_out() {
        for (sum, percent, vat) in [
            (350_000, 22, 63_115),
            (208_000, 22, 37_508),
            (52_000, 22, 9_377),
            (0, 22, 0),
            (12_000, 20, 2_000),
            (11_000, 10, 1_000),
            (21, 5, 1),
            (30, 5, 1),
            (10_000, 0, 0),
            // Half a kopeck goes up: 0.33 * 20 / 120 = 0.055.
            (33, 20, 6),
        ] {
            assert_eq!(vat_inside(sum, percent), Some(vat), "{sum} at {percent}");
        }
        assert_eq!(vat_inside(-1, 22), None);
    }

    #[test]
    fn decimals_are_printed_without_zeros_and_exponents() {
        for (value, scale, text) in [
            (63_115, MONEY, "631.15"),
            (35_000, MONEY, "350"),
            (10, MONEY, "0.1"),
            (-5, MONEY, "-0.05"),
            (10_000, QUANTITY, "10"),
            (1_250, QUANTITY, "1.25"),
            (i64::MIN, MONEY, "-92233720368547758.08"),
        ] {
            assert_eq!(decimal(value, scale), text);
        }
    }

    #[test]
    fn what_1c_may_print_is_read() {
        for (text, value) in [
            ("5060", Some(506_000)),
            ("5060.00", Some(506_000)),
            ("5060.0000", Some(506_000)),
            ("5.06E3", Some(506_000)),
            ("-0.05", Some(-5)),
            ("0", Some(0)),
            ("0e999999999", Some(0)),
            ("1e999999999", None),
            ("0.005", None),
            ("", None),
            ("-", None),
            ("1,5", None),
            ("٣", None),
        ] {
            assert_eq!(parse(text, MONEY), value, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_decimal_reads_back(value: i64, scale in 0u32..=4) {
            prop_assert_eq!(parse(&decimal(value, scale), scale), Some(value));
        }

        #[test]
        fn vat_is_the_nearest_kopeck(sum in 0i64..1_000_000_000_000, percent in 0u32..=22) {
            let vat = i128::from(vat_inside(sum, percent).unwrap());
            let (whole, exact) = (100 + i128::from(percent), i128::from(sum) * i128::from(percent));
            prop_assert!(2 * (vat * whole - exact) <= whole && 2 * (exact - vat * whole) < whole);
        }
    }
}
