//! Phone numbers that messages can be sent to.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Knows the phones of orders. They are kept apart from the log, and can be erased at any time.
#[async_trait]
pub trait PhoneBook: Send + Sync {
    /// The phone of an order's guest; none when it was never given, or is erased.
    async fn phone(&self, order_id: Uuid) -> Option<Phone>;
}

/// A country whose numbers we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Country {
    /// Russia, +7.
    Ru,
    /// Uzbekistan, +998.
    Uz,
}

/// A phone number in its international form, without the plus. It does not show itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    digits: String,
    country: Country,
}

/// Not a number of a country that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number of Russia or Uzbekistan")]
pub struct BadPhone;

impl Phone {
    /// Reads a number as people write it: `+7 916 123-45-67`, `8 (916) 1234567`, `9161234567`,
    /// `+998 90 123 45 67`.
    ///
    /// # Errors
    /// When it is not a number of Russia or Uzbekistan.
    ///
    /// ```
    /// use galley::connectors::sms_ru::Phone;
    /// assert_eq!(Phone::parse("8 (916) 123-45-67").unwrap().digits(), "79161234567");
    /// ```
    pub fn parse(text: &str) -> Result<Self, BadPhone> {
        let text = text.trim();
        let (international, rest) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let filler = |c: &char| matches!(c, ' ' | '-' | '(' | ')' | '.' | '\u{a0}');
        let digits: String = rest.chars().filter(|c| !filler(c)).collect();
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadPhone);
        }
        let (digits, country) = match (digits.len(), digits.as_bytes().first()) {
            (11, Some(b'7')) => (digits, Country::Ru),
            (11, Some(b'8')) if !international => (format!("7{}", &digits[1..]), Country::Ru),
            (10, _) if !international => (format!("7{digits}"), Country::Ru),
            (12, _) if digits.starts_with("998") => (digits, Country::Uz),
            _ => return Err(BadPhone),
        };
        Ok(Self { digits, country })
    }

    /// The number with its country code, digits only. For the provider's wire; never for logs.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Whose number it is.
    #[must_use]
    pub fn country(&self) -> Country {
        self.country
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({:?} …)", self.country)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in [
            "79161234567",
            "+7 916 123-45-67",
            "8 (916) 123.45.67",
            "89161234567",
            "9161234567",
        ] {
            let phone = Phone::parse(text).unwrap();
            assert_eq!(phone.digits(), "79161234567", "{text}");
            assert_eq!(phone.country(), Country::Ru);
        }
        let phone = Phone::parse("+998 90 123 45 67").unwrap();
        assert_eq!(
            (phone.digits(), phone.country()),
            ("998901234567", Country::Uz)
        );
    }

    #[test]
    fn other_numbers_are_refused() {
        for text in [
            "",
            "+",
            "112",
            "+89161234567",
            "+9161234567",
            "998 90 123 45 6",
            "+1 202 555 0100",
            "7916123456a",
            "٧٩١٦١٢٣٤٥٦٧",
        ] {
            assert_eq!(Phone::parse(text), Err(BadPhone), "{text}");
        }
    }

    #[test]
    fn a_phone_does_not_show_itself() {
        let shown = format!("{:?}", Phone::parse("79161234567").unwrap());
        assert!(!shown.contains("916"), "{shown}");
    }

    proptest! {
        #[test]
        fn a_number_read_twice_is_the_same(text in "[+]?[0-9 ()-]{0,16}") {
            if let Ok(phone) = Phone::parse(&text) {
                prop_assert_eq!(Phone::parse(phone.digits()), Ok(phone));
            }
        }
    }
}
