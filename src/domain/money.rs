//! Money: an integer of minor units with its currency, never a float.

use serde::{Deserialize, Serialize};
use std::fmt;

/// ISO 4217 currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Currency {
    /// Russian rouble, 100 kopecks.
    #[serde(rename = "RUB")]
    Rub,
    /// Uzbek sum, 100 tiyin.
    #[serde(rename = "UZS")]
    Uzs,
}

impl Currency {
    /// ISO 4217 letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Rub => "RUB",
            Self::Uzs => "UZS",
        }
    }
}

/// An amount.
///
/// ```
/// use galley::domain::money::{Currency, Money};
/// let dish = Money::new(35_000, Currency::Rub);
/// assert_eq!(dish.times(2), Ok(Money::new(70_000, Currency::Rub)));
/// assert_eq!(dish.to_string(), "350.00 RUB");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units.
    pub minor: i64,
    /// Of this currency.
    pub currency: Currency,
}

/// Sums that can't be formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The sum does not fit 64 bits.
    #[error("the sum is too large")]
    Overflow,
    /// The two amounts are of different currencies.
    #[error("amounts of different currencies")]
    Currency,
}

impl Money {
    /// An amount of minor units.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum of two amounts.
    ///
    /// # Errors
    /// Different currencies, or no room.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currency);
        }
        let minor = self
            .minor
            .checked_add(other.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The amount, `n` times.
    ///
    /// # Errors
    /// No room.
    pub fn times(self, n: u32) -> Result<Self, MoneyError> {
        let minor = self
            .minor
            .checked_mul(i64::from(n))
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// Splits the amount over `weights` so that the parts add up to it exactly; the largest remainders get the
    /// odd units, the earlier line first. Weights of zero get nothing; no weight at all gives all to the first.
    #[must_use]
    pub fn spread(minor: i64, weights: &[i64]) -> Vec<i64> {
        let whole: i128 = weights.iter().map(|w| i128::from(*w.max(&0))).sum();
        if weights.is_empty() {
            return Vec::new();
        }
        if whole == 0 {
            let mut parts = vec![0; weights.len()];
            parts[0] = minor;
            return parts;
        }
        let mut parts = Vec::with_capacity(weights.len());
        let mut remainders = Vec::with_capacity(weights.len());
        for (i, w) in weights.iter().enumerate() {
            let product = i128::from(minor) * i128::from(*w.max(&0));
            parts.push(i64::try_from(product / whole).unwrap_or(0));
            remainders.push((product % whole, i));
        }
        let mut odd = minor - parts.iter().sum::<i64>();
        remainders.sort_by(|a, b| b.0.abs().cmp(&a.0.abs()).then(a.1.cmp(&b.1)));
        for (_, i) in remainders {
            if odd == 0 {
                break;
            }
            parts[i] += odd.signum();
            odd -= odd.signum();
        }
        parts
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        write!(
            f,
            "{sign}{}.{:02} {}",
            minor / 100,
            minor % 100,
            self.currency.code()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_of_two_currencies_is_not_added() {
        let a = Money::new(1, Currency::Rub);
        let b = Money::new(1, Currency::Uzs);
        assert_eq!(a.plus(b), Err(MoneyError::Currency));
        assert_eq!(
            Money::new(i64::MAX, Currency::Rub).times(2),
            Err(MoneyError::Overflow)
        );
    }

    proptest! {
        #[test]
        fn the_parts_of_a_spread_add_up(minor in 0i64..10_000_000_000, weights in prop::collection::vec(0i64..1_000_000, 1..20)) {
            let parts = Money::spread(minor, &weights);
            prop_assert_eq!(parts.len(), weights.len());
            prop_assert_eq!(parts.iter().sum::<i64>(), minor);
            prop_assert!(parts.iter().all(|p| *p >= 0));
            let whole: i64 = weights.iter().sum();
            if whole > 0 {
                for (part, weight) in parts.iter().zip(&weights) {
                    let exact = i128::from(minor) * i128::from(*weight) / i128::from(whole);
                    prop_assert!((i128::from(*part) - exact).abs() <= 1);
                }
            }
        }
    }
}
