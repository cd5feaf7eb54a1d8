//! The stock ledger. A level is the sum of its movements; nothing else changes it.

use super::ids::{IngredientId, JobId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much there is of one ingredient, in its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// In the bins.
    pub on_hand: i64,
    /// Of it promised to orders.
    pub reserved: i64,
}

impl Level {
    /// What new orders can have.
    #[must_use]
    pub fn available(self) -> i64 {
        self.on_hand.saturating_sub(self.reserved)
    }

    /// The level after a movement.
    ///
    /// # Errors
    /// When it would break the ledger's law: nothing goes below zero, except on hand by a person's or a scale's
    /// count.
    pub fn after(self, movement: &Movement) -> Result<Self, StockError> {
        let next = Self {
            on_hand: self
                .on_hand
                .checked_add(movement.on_hand)
                .ok_or(StockError::Overflow)?,
            reserved: self
                .reserved
                .checked_add(movement.reserved)
                .ok_or(StockError::Overflow)?,
        };
        if next.reserved < 0 || (next.on_hand < 0 && movement.kind != MovementKind::Adjust) {
            return Err(StockError::BelowZero(movement.ingredient.clone()));
        }
        Ok(next)
    }
}

/// All levels.
pub type Levels = BTreeMap<IngredientId, Level>;

/// Why stock changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Goods in.
    Receive,
    /// Promised to an order.
    Reserve,
    /// Not promised any more.
    Release,
    /// Taken by the robot.
    Consume,
    /// Thrown away.
    Waste,
    /// Set right after a count by a person or a scale.
    Adjust,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Of what.
    pub ingredient: IngredientId,
    /// Why.
    pub kind: MovementKind,
    /// Change of what is on hand.
    pub on_hand: i64,
    /// Change of what is reserved.
    pub reserved: i64,
    /// The cook job it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job: Option<JobId>,
    /// The outside world's unique id of it: the same id is booked once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub use_id: Option<String>,
    /// In a person's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// The most of one ingredient that comes in, or is counted, at once: 100 t in milligrams.
pub const MOST: i64 = 100_000_000_000;

/// What the ledger refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// It would go below zero.
    #[error("there is not so much of {0} in stock")]
    BelowZero(IngredientId),
    /// No such quantity.
    #[error("the quantity is too large")]
    Overflow,
    /// More than any store has.
    #[error(
        "more than {MOST} at once (100 t, 100 m³) is a slip of the pen: quantities are in mg, µl or pieces"
    )]
    TooMuch,
    /// Quantities of goods in are above zero, counts not below it.
    #[error("the quantity must be above zero")]
    NotPositive,
}

impl Movement {
    fn new(ingredient: &IngredientId, kind: MovementKind, on_hand: i64, reserved: i64) -> Self {
        Self {
            ingredient: ingredient.clone(),
            kind,
            on_hand,
            reserved,
            job: None,
            use_id: None,
            reason: None,
        }
    }

    fn of_job(mut self, job: JobId) -> Self {
        self.job = Some(job);
        self
    }

    /// Goods in.
    ///
    /// # Errors
    /// When the quantity is not above zero, or above [`MOST`].
    pub fn receive(ingredient: &IngredientId, quantity: i64) -> Result<Self, StockError> {
        if quantity <= 0 {
            return Err(StockError::NotPositive);
        }
        if quantity > MOST {
            return Err(StockError::TooMuch);
        }
        Ok(Self::new(ingredient, MovementKind::Receive, quantity, 0))
    }

    /// Sets what is on hand to what was counted.
    ///
    /// # Errors
    /// When the count is below zero, or above [`MOST`].
    pub fn count(
        ingredient: &IngredientId,
        level: Level,
        counted: i64,
        reason: &str,
    ) -> Result<Self, StockError> {
        if counted < 0 {
            return Err(StockError::NotPositive);
        }
        if counted > MOST {
            return Err(StockError::TooMuch);
        }
        let difference = counted
            .checked_sub(level.on_hand)
            .ok_or(StockError::Overflow)?;
        Ok(Self {
            reason: Some(reason.to_owned()),
            ..Self::new(ingredient, MovementKind::Adjust, difference, 0)
        })
    }

    /// The same for one ingredient of one job: so much is promised to it.
    #[must_use]
    pub fn reserve(ingredient: &IngredientId, job: JobId, quantity: i64) -> Self {
        Self::new(ingredient, MovementKind::Reserve, 0, quantity).of_job(job)
    }

    /// What a job still holds is given back.
    #[must_use]
    pub fn release(ingredient: &IngredientId, job: JobId, held: i64) -> Self {
        Self::new(ingredient, MovementKind::Release, 0, -held).of_job(job)
    }
}

/// What the robot took. The job's own reservation (`held`) is used up first. When the robot took more than the
/// book has, the book was wrong: an adjustment sets it right first.
#[must_use]
pub fn consume(
    ingredient: &IngredientId,
    level: Level,
    job: Option<JobId>,
    held: i64,
    quantity: i64,
    use_id: &str,
) -> Vec<Movement> {
    let mut movements = Vec::new();
    if quantity > level.on_hand {
        movements.push(Movement {
            reason: Some("the robot took more than the book had".to_owned()),
            use_id: Some(format!("{use_id}:adjust")),
            job,
            ..Movement::new(
                ingredient,
                MovementKind::Adjust,
                quantity.saturating_sub(level.on_hand),
                0,
            )
        });
    }
    movements.push(Movement {
        job,
        use_id: Some(use_id.to_owned()),
        ..Movement::new(
            ingredient,
            MovementKind::Consume,
            -quantity,
            -held.min(quantity),
        )
    });
    movements
}

/// An amount in a unit (by its word) as people say it, exactly: `1.5 kg`, `800 g`, `12 pcs`.
#[must_use]
pub fn spoken(amount: i64, unit: &str) -> String {
    let size = amount.unsigned_abs();
    let (name, divisor, digits) = match (unit, size >= 1_000_000) {
        ("mg", true) => ("kg", 1_000_000, 6),
        ("mg", false) => ("g", 1_000, 3),
        ("ul", true) => ("l", 1_000_000, 6),
        ("ul", false) => ("ml", 1_000, 3),
        ("piece", _) => return format!("{amount} pcs"),
        (other, _) => return format!("{amount} {other}"),
    };
    let part = format!("{:0digits$}", size % divisor);
    let part = part.trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}{point}{part} {name}", size / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    proptest! {
        #[test]
        fn a_level_is_the_sum_of_its_movements_and_never_below_zero(
            steps in prop::collection::vec((0u8..5, 1i64..5_000), 1..60)
        ) {
            let ingredient = IngredientId::from("beet");
            let mut level = Level::default();
            let mut booked: Vec<Movement> = Vec::new();
            let mut held: BTreeMap<JobId, i64> = BTreeMap::new();
            for (i, (what, quantity)) in steps.into_iter().enumerate() {
                let job = JobId(Uuid::from_u128(i as u128));
                let first = held.first_key_value().map(|(j, h)| (*j, *h));
                let movements = match (what, first) {
                    (0, _) => vec![Movement::receive(&ingredient, quantity).unwrap()],
                    (1, _) if level.available() >= quantity => {
                        held.insert(job, quantity);
                        vec![Movement::reserve(&ingredient, job, quantity)]
                    }
                    (2, Some((job, h))) => {
                        held.remove(&job);
                        vec![Movement::release(&ingredient, job, h)]
                    }
                    (3, Some((job, h))) => {
                        held.insert(job, h - h.min(quantity));
                        consume(&ingredient, level, Some(job), h, quantity, "use")
                    }
                    (4, _) => vec![Movement::count(&ingredient, level, quantity, "count").unwrap()],
                    _ => continue,
                };
                for m in movements {
                    level = level.after(&m).unwrap();
                    booked.push(m);
                }
                prop_assert!(level.on_hand >= 0 && level.reserved >= 0);
                prop_assert_eq!(level.on_hand, booked.iter().map(|m| m.on_hand).sum::<i64>());
                prop_assert_eq!(level.reserved, held.values().sum::<i64>());
            }
        }
    }

    #[test]
    fn stock_that_is_not_there_is_not_taken() {
        let m = Movement {
            kind: MovementKind::Waste,
            ..Movement::receive(&"beet".into(), 5).unwrap()
        };
        let m = Movement { on_hand: -5, ..m };
        assert!(Level::default().after(&m).is_err());
        assert!(Movement::receive(&"beet".into(), 0).is_err());
        assert!(Movement::receive(&"beet".into(), MOST).is_ok());
        assert_eq!(
            Movement::receive(&"beet".into(), MOST + 1),
            Err(StockError::TooMuch)
        );
        let level = Level::default();
        assert_eq!(
            Movement::count(&"beet".into(), level, i64::MAX, "count"),
            Err(StockError::TooMuch)
        );
    }

    #[test]
    fn levels_are_said_as_people_say_them_and_exactly() {
        for (amount, unit, text) in [
            (1_500_000, "mg", "1.5 kg"),
            (25_000_000, "mg", "25 kg"),
            (800_000, "mg", "800 g"),
            (5, "mg", "0.005 g"),
            (0, "mg", "0 g"),
            (-1_250_000, "ul", "-1.25 l"),
            (330_000, "ul", "330 ml"),
            (1_000_001, "ul", "1.000001 l"),
            (12, "piece", "12 pcs"),
        ] {
            assert_eq!(spoken(amount, unit), text);
        }
    }
}
