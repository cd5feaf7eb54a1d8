//! Ids. Those made once are UUID v7 and handed in; those that must come out the same again are made of the order
//! they belong to.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

id! {
    /// An order.
    OrderId;
    /// A payment: one tender's money into one order.
    PaymentId;
    /// A refund: money back out of one payment.
    RefundId;
    /// A member of the loyalty programme; it says nothing of the person.
    MemberId;
    /// A cook job: one dish on the robot, one attempt at it.
    JobId;
}

impl OrderId {
    /// The id of the `attempt`-th try (from 1) at cooking piece `piece` (from 0) of line `line` (from 0).
    #[must_use]
    pub fn job(self, line: usize, piece: u32, attempt: u32) -> JobId {
        JobId(self.part(&format!("job:{line}:{piece}:{attempt}")))
    }

    /// The id of a refund that Galley starts by itself, for `cause`.
    #[must_use]
    pub fn refund(self, cause: &str) -> RefundId {
        RefundId(self.part(&format!("refund:{cause}")))
    }

    /// The id of a part of the order: always the same (UUID v8: the order's time, then 62 bits of a hash over order and
    /// name), and near the order's own, so that an index over a year of parts grows at its end.
    fn part(self, name: &str) -> Uuid {
        let mut bytes = self.0.into_bytes();
        let hash = Uuid::new_v5(&self.0, name.as_bytes()).into_bytes();
        bytes[8..].copy_from_slice(&hash[8..]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        Uuid::from_bytes(bytes)
    }
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    )*};
}

name! {
    /// A dish of the menu.
    DishId;
    /// An ingredient in stock.
    IngredientId;
    /// A tech card.
    TechCardId;
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::{Timestamp, Variant};

    fn order(seconds: u64) -> OrderId {
        OrderId(Uuid::new_v7(Timestamp::from_unix_time(seconds, 0, 0, 0)))
    }

    #[test]
    fn a_part_has_always_the_same_id_and_no_other_part_has_it() {
        let id = order(1_800_000_000);
        let parts = [
            id.job(0, 0, 1).0,
            id.job(0, 0, 2).0,
            id.job(0, 1, 1).0,
            id.job(1, 0, 1).0,
            id.refund("piece:0").0,
            order(1_800_000_001).job(0, 0, 1).0,
        ];
        for (i, part) in parts.iter().enumerate() {
            assert!(!parts[..i].contains(part));
            assert_eq!(part.get_variant(), Variant::RFC4122);
            assert_eq!(part.get_version_num(), 8);
        }
        assert_eq!(parts[0], id.job(0, 0, 1).0);
    }

    #[test]
    fn parts_of_later_orders_sort_behind() {
        let ids: Vec<JobId> = (0..50)
            .map(|n| order(1_800_000_000 + n).job(3, 1, 2))
            .collect();
        assert!(ids.is_sorted());
    }
}
