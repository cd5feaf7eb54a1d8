//! Where the guest wants the receipt: on paper, or to a phone or an e-mail address by the OFD (tag 1008). The address is
//! personal data: it is kept apart from the log, and what has it does not show it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Characters of tag 1008. [memory: the format's table]
const LONGEST: usize = 64;

/// How the guest wants the receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptTo {
    /// On paper.
    #[default]
    Paper,
    /// As a message to a phone.
    Sms,
    /// By e-mail.
    Email,
}

impl ReceiptTo {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Paper, Self::Sms, Self::Email];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }

    /// On paper only.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub fn is_paper(&self) -> bool {
        *self == Self::Paper
    }
}

/// Where a receipt goes. Its text is never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    to: ReceiptTo,
    address: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contact({})", self.to.word())
    }
}

/// What is wrong with an address; it does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactFault {
    /// None was given.
    #[error("say where the receipt goes: receipt_to.address")]
    Missing,
    /// No phone number.
    #[error("receipt_to.address: this is no phone number")]
    Phone,
    /// No e-mail address.
    #[error("receipt_to.address: this is no e-mail address")]
    Email,
}

impl Contact {
    /// Reads an address; none for paper.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(to: ReceiptTo, address: Option<&str>) -> Result<Option<Self>, ContactFault> {
        let given = address.map(str::trim).filter(|a| !a.is_empty());
        let address = match (to, given) {
            (ReceiptTo::Paper, _) => return Ok(None),
            (_, None) => return Err(ContactFault::Missing),
            (ReceiptTo::Sms, Some(text)) => phone(text).ok_or(ContactFault::Phone)?,
            (ReceiptTo::Email, Some(text)) if is_email(text) => text.to_owned(),
            (ReceiptTo::Email, Some(_)) => return Err(ContactFault::Email),
        };
        Ok(Some(Self { to, address }))
    }

    /// How it goes there.
    #[must_use]
    pub fn to(&self) -> ReceiptTo {
        self.to
    }

    /// The address as tag 1008 has it: a phone with its plus, or an e-mail address.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.address
    }
}

/// `+` and the digits with the country's code; a Russian number may begin with 8 or with its area.
fn phone(text: &str) -> Option<String> {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_digit() || " -().+".contains(c));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let whole = match (digits.len(), digits.as_bytes().first()?) {
        (10, b'9') if !text.starts_with('+') => format!("7{digits}"),
        (11, b'8') if !text.starts_with('+') => format!("7{}", &digits[1..]),
        _ => digits,
    };
    let fits = plain && (11..=15).contains(&whole.len()) && !whole.starts_with('0');
    fits.then(|| format!("+{whole}"))
}

/// One `@`, something before it, a name with a dot behind it, no blanks, and short enough for the tag. Whether it
/// exists only the mail can tell.
fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else {
        return false;
    };
    let ascii = text.bytes().all(|b| b.is_ascii_graphic());
    let dotted = host.split('.').count() >= 2 && host.split('.').all(|part| !part.is_empty());
    ascii && text.len() <= LONGEST && !name.is_empty() && !host.contains('@') && dotted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(to: ReceiptTo, text: &str) -> Result<String, ContactFault> {
        Contact::read(to, Some(text)).map(|c| c.unwrap().reveal().to_owned())
    }

    #[test]
    fn a_phone_is_written_with_its_country() {
        for (text, whole) in [
            ("+7 916 123-45-67", "+79161234567"),
            ("8 (916) 123 45 67", "+79161234567"),
            ("9161234567", "+79161234567"),
            ("+998 90 123 45 67", "+998901234567"),
        ] {
            assert_eq!(read(ReceiptTo::Sms, text).as_deref(), Ok(whole), "{text}");
        }
        for bad in ["123", "+0123456789012", "916123456a", "a@b.c"] {
            assert_eq!(read(ReceiptTo::Sms, bad), Err(ContactFault::Phone), "{bad}");
        }
    }

    #[test]
    fn an_address_is_taken_as_it_is_when_it_can_be_one() {
        assert_eq!(
            read(ReceiptTo::Email, " Anna.P+1@mail.ru ").as_deref(),
            Ok("Anna.P+1@mail.ru")
        );
        let long = format!("{}@mail.ru", "a".repeat(60));
        for bad in [
            "anna",
            "@mail.ru",
            "a@b",
            "a@.ru",
            "a@b@c.ru",
            "а@mail.ru",
            "a b@c.ru",
            &long,
        ] {
            assert_eq!(
                read(ReceiptTo::Email, bad),
                Err(ContactFault::Email),
                "{bad}"
            );
        }
    }

    #[test]
    fn paper_needs_no_address_and_the_others_do() {
        assert_eq!(Contact::read(ReceiptTo::Paper, Some("x")), Ok(None));
        assert_eq!(
            Contact::read(ReceiptTo::Email, Some(" ")),
            Err(ContactFault::Missing)
        );
        let shown = Contact::read(ReceiptTo::Email, Some("a@b.ru")).unwrap();
        assert_eq!(format!("{shown:?}"), "Some(Contact(email))");
    }
}
