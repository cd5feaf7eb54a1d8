//! The state's permissive check of a marked unit: whether it may be sold, asked before the receipt, and what the receipt
//! says of it (tag 1260). [source: marking.md 4 to 7] Who asks stands elsewhere; this is what an answer means.

use super::money::Money;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Tag 1262: the body that asks for the check. [source: marking.md 7]
pub const BODY: &str = "030";
/// Tag 1263: the day of its act, `YYYY-MM-DD`. [source: marking.md 7]
pub const ACT_DATE: &str = "2023-11-21";
/// Tag 1264: the number of its act. [source: marking.md 7]
pub const ACT_NUMBER: &str = "1944";
/// Bytes of tag 1265. [memory, marking.md 7]
pub const LONGEST: usize = 256;

/// A unit may be sold: the answer that the receipt names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// The server's id of the request.
    pub request_id: Uuid,
    /// The server's time of it, Unix milliseconds.
    pub at_ms: i64,
    /// The local module answered, as there was no network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalModule>,
}

/// Which local module answered, and by which edition of its lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalModule {
    /// Its instance.
    pub instance: String,
    /// Its database's version, letter for letter.
    pub version: String,
}

impl fmt::Display for Permit {
    /// The value of tag 1265. [source: marking.md 7]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UUID={}&Time={}", self.request_id, self.at_ms)?;
        match &self.local {
            None => Ok(()),
            Some(local) => write!(f, "&Inst={}&Ver={}", local.instance, local.version),
        }
    }
}

/// What the check says of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// It may be sold, and the receipt says why.
    Granted(Permit),
    /// The state's system is in emergency: everything may be sold, and the receipt says nothing. [source: marking.md 4.4]
    Emergency,
    /// It may not be sold.
    Denied(Denial),
}

/// Why a unit may not be sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// Nobody ever ordered this code.
    #[error("the state's system does not know it")]
    Unknown,
    /// It is built wrongly.
    #[error("the code is built wrongly")]
    Malformed,
    /// Its check part is forged.
    #[error("the code is forged")]
    Forged,
    /// An authority has stopped it.
    #[error("its sale is forbidden by an authority")]
    Blocked,
    /// It was sold already.
    #[error("it was sold already")]
    Sold,
    /// The code is on no goods yet.
    #[error("the code was not put on goods yet")]
    NotApplied,
    /// The goods are not in circulation.
    #[error("the goods are not in circulation")]
    NotInCirculation,
    /// Its shelf life is over.
    #[error("its shelf life is over")]
    Expired,
    /// It is sold for less than may be.
    #[error("it is sold below its lowest price")]
    TooCheap,
}

/// What the server says of a code; what it does not say is not true. [source: marking.md 4.3]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "these are the server's own flags, each by itself"
)]
pub struct Facts {
    /// Known to the state's system.
    pub found: bool,
    /// Built rightly.
    pub valid: bool,
    /// Its check part is right.
    pub verified: bool,
    /// Put on goods.
    pub utilised: bool,
    /// The goods may be sold.
    pub realizable: bool,
    /// Withdrawn from circulation.
    pub sold: bool,
    /// Stopped by an authority.
    pub blocked: bool,
    /// Made before marking began, and of goods of which that may be sold nevertheless: tobacco.
    pub gray_zone: bool,
    /// The last day of its shelf life, `YYYY-MM-DD`.
    pub expires: Option<String>,
    /// The lowest price it may be sold for, minor units.
    pub lowest_minor: Option<i64>,
}

impl Facts {
    /// The online rule, in the order in which it is decided. `today`: the store's local day, `YYYY-MM-DD`.
    /// [source: marking.md 4.5]
    #[must_use]
    pub fn denial(&self, today: &str, price: Money) -> Option<Denial> {
        let rules = [
            (!self.found, Denial::Unknown),
            (!self.valid, Denial::Malformed),
            (!self.verified, Denial::Forged),
            (self.blocked, Denial::Blocked),
            (self.sold, Denial::Sold),
            (!self.utilised, Denial::NotApplied),
            (
                !self.realizable && !self.gray_zone,
                Denial::NotInCirculation,
            ),
            (
                self.expires.as_deref().is_some_and(|last| last < today),
                Denial::Expired,
            ),
            (self.too_cheap(price), Denial::TooCheap),
        ];
        rules.into_iter().find(|(is, _)| *is).map(|(_, why)| why)
    }

    /// The offline rule: the local module knows only what is stopped, what was sold, and lowest prices.
    /// [source: marking.md 6]
    #[must_use]
    pub fn local_denial(&self, price: Money) -> Option<Denial> {
        let rules = [
            (self.blocked, Denial::Blocked),
            (self.sold, Denial::Sold),
            (self.too_cheap(price), Denial::TooCheap),
        ];
        rules.into_iter().find(|(is, _)| *is).map(|(_, why)| why)
    }

    fn too_cheap(&self, price: Money) -> bool {
        self.lowest_minor.is_some_and(|lowest| price.minor < lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::{Denial, Facts, LONGEST, LocalModule, Permit};
    use crate::domain::money::{Currency, Money};

    fn permit() -> Permit {
        Permit {
            request_id: "c117ab9a-8514-4084-a690-954af05e9b2b".parse().unwrap(),
            at_ms: 1_773_404_760_587,
            local: None,
        }
    }

    #[test]
    fn the_receipt_names_the_answer_as_the_server_compares_it() {
        // Source: marking.md 7, recorded.
        let online = "UUID=c117ab9a-8514-4084-a690-954af05e9b2b&Time=1773404760587";
        assert_eq!(permit().to_string(), online);
        let local = Permit {
            local: Some(LocalModule {
                instance: "3032e539-c794-4b38-bafc-29f8956c1ece".to_owned(),
                version: "db version".to_owned(),
            }),
            ..permit()
        };
        let text = local.to_string();
        assert_eq!(
            text,
            format!("{online}&Inst=3032e539-c794-4b38-bafc-29f8956c1ece&Ver=db version")
        );
        assert_eq!((text.len(), online.len()), (117, 60));
        assert!(text.len() <= LONGEST);
    }

    #[test]
    fn a_unit_is_denied_by_the_first_rule_that_speaks_against_it() {
        let fine = Facts {
            found: true,
            valid: true,
            verified: true,
            utilised: true,
            realizable: true,
            ..Facts::default()
        };
        let price = Money::new(10_000, Currency::Rub);
        let denial = |change: fn(&mut Facts)| {
            let mut facts = fine.clone();
            change(&mut facts);
            facts.denial("2026-11-22", price)
        };
        assert_eq!(denial(|_| {}), None);
        assert_eq!(denial(|f| f.found = false), Some(Denial::Unknown));
        assert_eq!(denial(|f| f.verified = false), Some(Denial::Forged));
        assert_eq!(denial(|f| f.blocked = true), Some(Denial::Blocked));
        assert_eq!(denial(|f| f.sold = true), Some(Denial::Sold));
        assert_eq!(denial(|f| f.utilised = false), Some(Denial::NotApplied));
        assert_eq!(
            denial(|f| f.realizable = false),
            Some(Denial::NotInCirculation)
        );
        assert_eq!(
            denial(|f| (f.realizable, f.gray_zone) = (false, true)),
            None
        );
        let day = |f: &mut Facts, day: &str| f.expires = Some(day.to_owned());
        let mut last = fine.clone();
        day(&mut last, "2026-11-22");
        assert_eq!(last.denial("2026-11-22", price), None);
        day(&mut last, "2026-11-21");
        assert_eq!(last.denial("2026-11-22", price), Some(Denial::Expired));
        assert_eq!(
            denial(|f| f.lowest_minor = Some(10_001)),
            Some(Denial::TooCheap)
        );
        assert_eq!(denial(|f| f.lowest_minor = Some(10_000)), None);
        // What was not said is not true, and the first rule is told.
        assert_eq!(
            Facts::default().denial("2026-11-22", price),
            Some(Denial::Unknown)
        );
        let local = |facts: Facts| facts.local_denial(price);
        assert_eq!(local(Facts::default()), None);
        let stopped = Facts {
            blocked: true,
            sold: true,
            ..Facts::default()
        };
        assert_eq!(local(stopped), Some(Denial::Blocked));
    }
}
