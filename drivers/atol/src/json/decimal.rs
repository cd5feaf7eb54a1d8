//! Decimal numbers of the vendor's JSON: money in roubles and quantities, as whole kopecks and thousandths on our side.
//!
//! JSON numbers go through doubles here and on the other side. A decimal of at most 15 digits survives that unharmed,
//! so such numbers are turned by their *text*, never by arithmetic on doubles; longer ones are refused.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor, ser::Error as _};
use std::fmt;

/// Most digits that a double carries exactly.
const LARGEST: i64 = 999_999_999_999_999;

/// Money: kopecks here, a JSON number in roubles there.
///
/// ```
/// use galley_atol::json::Kopecks;
/// assert_eq!(serde_json::to_string(&Kopecks(72_985)).unwrap(), "729.85");
/// assert_eq!(serde_json::from_str::<Kopecks>("729.85").unwrap(), Kopecks(72_985));
/// assert!(serde_json::from_str::<Kopecks>("0.005").is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kopecks(pub i64);

/// A quantity: thousandths of the unit here, a JSON number of units there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thousandths(pub i64);

impl Serialize for Kopecks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self.0, 2, serializer)
    }
}

impl<'de> Deserialize<'de> for Kopecks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number { scale: 2 }).map(Self)
    }
}

impl Serialize for Thousandths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self.0, 3, serializer)
    }
}

impl<'de> Deserialize<'de> for Thousandths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number { scale: 3 }).map(Self)
    }
}

fn write<S: Serializer>(value: i64, scale: usize, serializer: S) -> Result<S::Ok, S::Error> {
    if value.checked_abs().is_none_or(|v| v > LARGEST) {
        return Err(S::Error::custom(format!("{value} has too many digits")));
    }
    let unit = 10i64.pow(u32::try_from(scale).unwrap_or(0));
    if value % unit == 0 {
        return serializer.serialize_i64(value / unit);
    }
    let text = decimal_text(value, scale);
    let double: f64 = text.parse().map_err(S::Error::custom)?;
    // What the other side reads must be what was meant.
    match read(&format!("{double}"), scale) {
        Ok(back) if back == value => serializer.serialize_f64(double),
        _ => Err(S::Error::custom(format!("{text} is no number of JSON"))),
    }
}

fn decimal_text(value: i64, scale: usize) -> String {
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{whole}.{part}")
}

/// Reads a decimal. More digits than `scale` are taken when they are the noise of somebody's doubles
/// (`59.699999999999996`), and refused otherwise.
fn read(text: &str, scale: usize) -> Result<i64, String> {
    let wrong = || format!("{text} is no number with at most {scale} decimals");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) {
        return Err(wrong());
    }
    let (kept, rest) = part.split_at(part.len().min(scale));
    let mut value: i64 = format!("{whole}{kept:0<scale$}")
        .parse()
        .map_err(|_| wrong())?;
    if rest.bytes().any(|b| b != b'0') {
        if rest.starts_with("9999") {
            value = value.checked_add(1).ok_or_else(wrong)?;
        } else if !rest.starts_with("0000") {
            return Err(wrong());
        }
    }
    if value > LARGEST {
        return Err(wrong());
    }
    Ok(if negative { -value } else { value })
}

struct Number {
    scale: usize,
}

impl Visitor<'_> for Number {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number with at most {} decimals", self.scale)
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<i64, E> {
        read(&v.to_string(), self.scale).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<i64, E> {
        read(&v.to_string(), self.scale).map_err(E::custom)
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<i64, E> {
        if !v.is_finite() {
            return Err(E::custom("not a number"));
        }
        read(&format!("{v}"), self.scale).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn money_comes_back_as_it_went(kopecks in -LARGEST..=LARGEST) {
            let text = serde_json::to_string(&Kopecks(kopecks)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Kopecks>(&text).unwrap(), Kopecks(kopecks));
            // Read as a decimal by hand, not by a double.
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            let by_hand: i64 = format!("{whole}{part:0<2}").parse().unwrap();
            prop_assert_eq!(by_hand, kopecks);
        }

        #[test]
        fn quantities_come_back_as_they_went(milli in 0..=LARGEST) {
            let text = serde_json::to_string(&Thousandths(milli)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Thousandths>(&text).unwrap(), Thousandths(milli));
        }

        #[test]
        fn a_sum_made_of_doubles_is_taken_for_what_it_means(price in 1i64..10_000_000, n in 1i64..1000) {
            // What a till in JavaScript computes.
            let sum = (price as f64 / 100.0) * n as f64;
            let text = serde_json::to_string(&sum).unwrap();
            prop_assert_eq!(serde_json::from_str::<Kopecks>(&text).unwrap(), Kopecks(price * n));
        }

        #[test]
        fn any_double_is_read_or_refused(v in any::<f64>()) {
            if let Ok(text) = serde_json::to_string(&v) {
                let _ = serde_json::from_str::<Kopecks>(&text);
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "0.005",
            "1.239",
            "\"1\"",
            "true",
            "1e300",
            "-0.001",
            "10000000000000",
        ] {
            assert!(serde_json::from_str::<Kopecks>(text).is_err(), "{text}");
        }
        for (text, kopecks) in [
            ("1e2", 10_000),
            ("-3.5", -350),
            ("0.29", 29),
            ("700.0", 70_000),
        ] {
            assert_eq!(
                serde_json::from_str::<Kopecks>(text).unwrap(),
                Kopecks(kopecks),
                "{text}"
            );
        }
        assert!(serde_json::to_string(&Kopecks(i64::MIN)).is_err());
        assert!(serde_json::to_string(&Kopecks(LARGEST + 1)).is_err());
    }
}
