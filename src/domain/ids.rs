//! Ids. Those made once are UUID v7 and handed in; those that must come out the same again are UUID v5 of
//! what they belong to.

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
    /// A cook job: one dish on the robot, one attempt at it.
    JobId;
}

impl OrderId {
    /// The id of the `attempt`-th try (from 1) at cooking piece `piece` (from 0) of line `line` (from 0).
    #[must_use]
    pub fn job(self, line: usize, piece: u32, attempt: u32) -> JobId {
        JobId(Uuid::new_v5(
            &self.0,
            format!("job:{line}:{piece}:{attempt}").as_bytes(),
        ))
    }

    /// The id of a refund that Galley starts by itself, for `cause`.
    #[must_use]
    pub fn refund(self, cause: &str) -> RefundId {
        RefundId(Uuid::new_v5(&self.0, format!("refund:{cause}").as_bytes()))
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
