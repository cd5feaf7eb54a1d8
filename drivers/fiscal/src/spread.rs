//! A discount of the whole receipt, spread over its lines: the law knows lines only, so the discount must go into
//! their prices, to the kopeck.
//!
//! A line says `sum = price × quantity`, rounded half up, and prices are whole kopecks. Where a line's share doesn't
//! divide, the line is split in two whose prices differ by one kopeck. Whole units are moved to the dearer part: such
//! a part has no fraction to round, so that a split that adds up exactly always exists.

use crate::Line;

/// A line before the discount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priced {
    /// Price of one unit, minor units.
    pub price_minor: i64,
    /// Thousandths of the unit, above zero.
    pub quantity_milli: i64,
}

/// A line after the discount, or one of its two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which of the lines it comes from.
    pub line: usize,
    /// Price of one unit, minor units.
    pub price_minor: i64,
    /// Thousandths of the unit.
    pub quantity_milli: i64,
    /// `price × quantity`, rounded half up.
    pub sum_minor: i64,
}

/// Why a discount can't be spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpreadError {
    /// It is negative, or above the sum of the lines.
    #[error("the discount must lie between nothing and the sum of the lines")]
    Discount,
    /// A price below zero, a quantity not above it, or numbers too large to count with.
    #[error("a line has no sum that a discount could be taken from")]
    Line,
}

/// `price × quantity`, rounded half up to a minor unit; `None` when it does not fit.
///
/// ```
/// assert_eq!(galley_fiscal::sum_of(1990, 1500), Some(2985));
/// assert_eq!(galley_fiscal::sum_of(1, 500), Some(1));
/// ```
#[must_use]
pub fn sum_of(price_minor: i64, quantity_milli: i64) -> Option<i64> {
    let exact = i128::from(price_minor) * i128::from(quantity_milli);
    i64::try_from((exact + 500).div_euclid(1000)).ok()
}

/// Takes `discount_minor` off the lines in proportion to their sums, the odd kopecks by the largest remainder.
///
/// The parts come in the order of the lines; a line that loses nothing keeps its price, and no part has a price above
/// that of its line or below zero.
///
/// # Errors
/// [`SpreadError`].
pub fn spread(lines: &[Priced], discount_minor: i64) -> Result<Vec<Part>, SpreadError> {
    let sums = lines
        .iter()
        .map(|l| {
            (l.price_minor >= 0 && l.quantity_milli > 0)
                .then(|| sum_of(l.price_minor, l.quantity_milli))
                .flatten()
                .ok_or(SpreadError::Line)
        })
        .collect::<Result<Vec<i64>, _>>()?;
    let total = sums
        .iter()
        .try_fold(0i64, |all, sum| all.checked_add(*sum))
        .ok_or(SpreadError::Line)?;
    if !(0..=total).contains(&discount_minor) {
        return Err(SpreadError::Discount);
    }
    let mut parts = Vec::with_capacity(lines.len() + 1);
    for (i, share) in shares(&sums, total, discount_minor).into_iter().enumerate() {
        priced(i, lines[i], sums[i] - share, share == 0, &mut parts);
    }
    Ok(parts)
}

/// The same for the lines of a receipt. Excise is divided like the sum.
///
/// # Errors
/// [`SpreadError`].
pub fn spread_lines(lines: &[Line], discount_minor: i64) -> Result<Vec<Line>, SpreadError> {
    let priced: Vec<Priced> = lines
        .iter()
        .map(|l| Priced {
            price_minor: l.price_minor,
            quantity_milli: l.quantity_milli,
        })
        .collect();
    let parts = spread(&priced, discount_minor)?;
    let mut out = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        let mut line = lines[part.line].clone();
        line.price_minor = part.price_minor;
        line.quantity_milli = part.quantity_milli;
        line.sum_minor = part.sum_minor;
        if let Some(excise) = lines[part.line].details.excise_minor {
            let whole = i128::from(lines[part.line].quantity_milli);
            let first = i128::from(excise) * i128::from(part.quantity_milli) / whole;
            let first = i64::try_from(first).unwrap_or(0);
            let second = i > 0 && parts[i - 1].line == part.line;
            // The second part gets what the first one left.
            let left = || {
                let before = i128::from(excise) * i128::from(parts[i - 1].quantity_milli) / whole;
                excise - i64::try_from(before).unwrap_or(0)
            };
            line.details.excise_minor = Some(if second { left() } else { first });
        }
        out.push(line);
    }
    Ok(out)
}

/// What each line loses: in proportion, by the largest remainder; the earlier line first where remainders are equal.
fn shares(sums: &[i64], total: i64, discount: i64) -> Vec<i64> {
    if total == 0 {
        return vec![0; sums.len()];
    }
    let whole = i128::from(total);
    let exact = |sum: i64| i128::from(discount) * i128::from(sum);
    // Shares are below their sums, which are i64.
    let mut out: Vec<i64> = sums
        .iter()
        .map(|s| i64::try_from(exact(*s) / whole).unwrap_or(*s))
        .collect();
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(exact(sums[*i]) % whole));
    let left = discount - out.iter().sum::<i64>();
    // Fewer kopecks are left than lines have a remainder.
    for i in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        out[i] += 1;
    }
    out
}

/// The parts of one line that must come to `target`.
fn priced(line: usize, before: Priced, target: i64, untouched: bool, parts: &mut Vec<Part>) {
    let quantity = before.quantity_milli;
    let part = |price_minor: i64, quantity_milli: i64| Part {
        line,
        price_minor,
        quantity_milli,
        sum_minor: sum_of(price_minor, quantity_milli).unwrap_or(0),
    };
    if untouched {
        return parts.push(part(before.price_minor, quantity));
    }
    let thousand = i128::from(target) * 1000;
    let of = i128::from(quantity);
    let nearest = i64::try_from((thousand * 2 + of) / (of * 2)).unwrap_or(0);
    if sum_of(nearest, quantity) == Some(target) {
        return parts.push(part(nearest, quantity));
    }
    // No price gives the target: the quantity is above one unit. The price below it, and a kopeck more for as many
    // whole units as kopecks are missing.
    let mut price = nearest;
    while price > 0 && sum_of(price, quantity).is_none_or(|sum| sum > target) {
        price -= 1;
    }
    let missing = target - sum_of(price, quantity).unwrap_or(0);
    let dearer = missing * 1000;
    parts.push(part(price + 1, dearer));
    parts.push(part(price, quantity - dearer));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(price_minor: i64, quantity_milli: i64) -> Priced {
        Priced {
            price_minor,
            quantity_milli,
        }
    }

    fn shown(parts: &[Part]) -> Vec<(usize, i64, i64, i64)> {
        parts
            .iter()
            .map(|p| (p.line, p.price_minor, p.quantity_milli, p.sum_minor))
            .collect()
    }

    #[test]
    fn a_kopeck_that_does_not_divide_splits_the_line() {
        // Three at 33.34 less 0.02 is 100.00, which three equal prices can't give.
        let parts = spread(&[line(3_334, 3000)], 2).unwrap();
        assert_eq!(
            shown(&parts),
            [(0, 3_334, 1000, 3_334), (0, 3_333, 2000, 6_666)]
        );
        // 1.5 kg: prices give every second kopeck or so only.
        let parts = spread(&[line(1_990, 1500)], 1).unwrap();
        let sum: i64 = parts.iter().map(|p| p.sum_minor).sum();
        assert_eq!(sum, 2_984);
    }

    #[test]
    fn ten_per_cent_go_where_the_money_is() {
        let parts = spread(
            &[line(35_000, 2000), line(9_950, 1000), line(0, 1000)],
            7_995,
        )
        .unwrap();
        assert_eq!(
            shown(&parts),
            [
                (0, 31_500, 2000, 63_000),
                (1, 8_955, 1000, 8_955),
                (2, 0, 1000, 0)
            ]
        );
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let soup = line(100, 1000);
        assert_eq!(spread(&[soup], 101), Err(SpreadError::Discount));
        assert_eq!(spread(&[soup], -1), Err(SpreadError::Discount));
        assert_eq!(spread(&[line(100, 0)], 0), Err(SpreadError::Line));
        assert_eq!(spread(&[line(-1, 1000)], 0), Err(SpreadError::Line));
        assert_eq!(spread(&[line(i64::MAX, 5000)], 0), Err(SpreadError::Line));
        assert_eq!(spread(&[], 0), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn lines_add_up_to_the_total_and_each_keeps_its_law(
            lines in proptest::collection::vec((0i64..2_000_000, prop_oneof![(1i64..12).prop_map(|n| n * 1000), 1i64..9_000]), 1..12),
            part in 0u32..=1_000,
        ) {
            let lines: Vec<Priced> = lines.into_iter().map(|(p, q)| line(p, q)).collect();
            let total: i64 = lines.iter().map(|l| sum_of(l.price_minor, l.quantity_milli).unwrap()).sum();
            for discount in [total * i64::from(part) / 1000, (total * i64::from(part) / 1000 + 1).min(total)] {
                let parts = spread(&lines, discount).unwrap();
                prop_assert_eq!(parts.iter().map(|p| p.sum_minor).sum::<i64>(), total - discount);
                for (i, before) in lines.iter().enumerate() {
                    let of: Vec<&Part> = parts.iter().filter(|p| p.line == i).collect();
                    prop_assert!(matches!(of.len(), 1 | 2));
                    prop_assert_eq!(of.iter().map(|p| p.quantity_milli).sum::<i64>(), before.quantity_milli);
                    for p in of {
                        prop_assert!(p.quantity_milli > 0);
                        prop_assert!((0..=before.price_minor).contains(&p.price_minor));
                        prop_assert_eq!(Some(p.sum_minor), sum_of(p.price_minor, p.quantity_milli));
                    }
                }
            }
        }

        #[test]
        fn no_line_loses_more_than_its_share_and_a_kopeck(
            sums in proptest::collection::vec(0i64..1_000_000, 1..10), part in 0u32..=1_000,
        ) {
            let total: i64 = sums.iter().sum();
            let discount = total * i64::from(part) / 1000;
            let found = shares(&sums, total, discount);
            prop_assert_eq!(found.iter().sum::<i64>(), discount);
            for (share, sum) in found.iter().zip(&sums) {
                prop_assert!(share <= sum);
                let exact = i128::from(discount) * i128::from(*sum);
                prop_assert!((i128::from(*share) * i128::from(total) - exact).abs() < i128::from(total.max(1)));
            }
        }
    }
}
