//! What a key of another system may do. Pure.

use serde::{Deserialize, Serialize};

macro_rules! scopes {
    ($($name:ident $word:literal $says:literal;)*) => {
        /// One thing that a key may be good for. A key has none of them unless it was given.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Scope {
            $(#[doc = $says] #[serde(rename = $word)] $name,)*
        }

        impl Scope {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it is good for.
            #[must_use]
            pub fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }
        }
    };
}

scopes! {
    MenuRead "menu:read" "The store, its menu, quotes, the board.";
    OrdersCreate "orders:create" "Place orders, and read, pay for and cancel those it placed itself.";
    OrdersRead "orders:read" "Read every order and its payments.";
    OrdersHandOver "orders:hand_over" "Say that an order was handed to the guest (lockers, delivery).";
    PaymentsReport "payments:report" "Report what a card terminal did.";
    RefundsCreate "refunds:create" "Give money back.";
    StockRead "stock:read" "Read the stock and the stop-list.";
    StockWrite "stock:write" "Receive and count stock.";
    StopsWrite "stops:write" "Take dishes and ingredients off sale, and put them back.";
    SalesRead "sales:read" "Read the shift, its report and the reconciliation.";
    DevicesRead "devices:read" "Read devices, alerts and how the box does.";
    EventsRead "events:read" "Follow the live events.";
}

impl Scope {
    /// The scope with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|s| s.word() == word)
    }

    /// The scopes of these words, in order and once each.
    ///
    /// # Errors
    /// In words, when there are none or one is not known.
    pub fn read(words: &[String]) -> Result<Vec<Self>, String> {
        let mut scopes = words
            .iter()
            .map(|word| {
                Self::from_word(word).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|s| s.word()).collect();
                    format!("{word:?} is no scope; there are {}", all.join(", "))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err("a key without a scope opens nothing: give it at least one".to_owned());
        }
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_once_each_and_never_guessed() {
        let words = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            Scope::read(&words(&["stock:read", "menu:read", "stock:read"])),
            Ok(vec![Scope::MenuRead, Scope::StockRead])
        );
        assert!(Scope::read(&[]).is_err());
        for bad in ["stock", "*", "Stock:read", ""] {
            assert!(Scope::read(&words(&["menu:read", bad])).is_err(), "{bad}");
        }
        for scope in Scope::ALL {
            let json = serde_json::to_value(scope).unwrap();
            assert_eq!(json, scope.word());
        }
    }
}
