//! Online channels: orders that guests place and pay elsewhere.

use super::{order::Order, payment::FiscalBy, text::Text};
use serde::{Deserialize, Serialize};

/// An online channel whose orders people type in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its id: small letters, digits, underscores.
    pub id: String,
    /// Its name for people.
    pub name: Text,
    /// Who registers the receipt: the channel, which took the money, or this store.
    #[serde(default = "elsewhere")]
    pub fiscal_by: FiscalBy,
}

fn elsewhere() -> FiscalBy {
    FiscalBy::Other
}

impl Channel {
    /// What is wrong with it, in words.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        let fine = (1..=32).contains(&self.id.len()) && self.id.bytes().all(plain);
        (!fine).then(|| {
            format!(
                "channels: {:?}: an id has 1 to 32 small letters, digits and underscores",
                self.id
            )
        })
    }
}

/// An order of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelOrder {
    /// The channel.
    pub id: String,
    /// Its name at that time.
    pub name: Text,
    /// The order's number there.
    pub number: String,
}

/// Characters of an order's number in a channel. [ours]
pub const LONGEST_NUMBER: usize = 64;

impl Order {
    /// All of its money is receipted by somebody else: this store's till has nothing to say about it.
    #[must_use]
    pub fn is_fiscal_elsewhere(&self) -> bool {
        let mut paid = self.payments.iter().filter(|p| p.counts_towards_sale());
        self.paid && paid.clone().next().is_some() && paid.all(|p| p.fiscal_by == FiscalBy::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_plain_word() {
        let channel = |id: &str| Channel {
            id: id.to_owned(),
            name: Text::default(),
            fiscal_by: FiscalBy::Other,
        };
        assert_eq!(channel("yandex_eda").fault(), None);
        for bad in ["", "Yandex", "a b", "x:y", &"a".repeat(33)] {
            assert!(channel(bad).fault().is_some(), "{bad}");
        }
    }
}
