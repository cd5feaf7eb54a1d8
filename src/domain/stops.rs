//! What staff take off sale: single dishes or ingredients (the stop-list), or everything for a while.

use super::{
    catalog::{Dish, TechCard},
    ids::{DishId, IngredientId},
    text::Text,
    time::{Timestamp, local},
};
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is taken off sale.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// A dish.
    Dish(DishId),
    /// An ingredient, and so every dish that needs it.
    Ingredient(IngredientId),
}

/// Since when, until when, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Since when.
    pub since_at: Timestamp,
    /// It is over by itself then; when none, staff lift it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_at: Option<Timestamp>,
    /// Who did it.
    pub who: String,
    /// Why.
    pub why: String,
}

impl Stop {
    /// Whether it still holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until_at.is_none_or(|until| now < until)
    }
}

/// The stop-list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops(pub BTreeMap<Stopped, Stop>);

impl Stops {
    fn get(&self, what: &Stopped, now: Timestamp) -> Option<&Stop> {
        self.0.get(what).filter(|stop| stop.holds(now))
    }

    /// Why this dish, cooked by this card, is off sale; the longest stop of several.
    #[must_use]
    pub fn of(&self, dish: &Dish, card: &TechCard, now: Timestamp) -> Option<&Stop> {
        let own = self.get(&Stopped::Dish(dish.id.clone()), now);
        let parts = card.ingredients.iter();
        parts
            .filter_map(|a| self.of_ingredient(&a.ingredient, now))
            .chain(own)
            .max_by_key(|stop| stop.until_at.unwrap_or(Timestamp::from_millis(i64::MAX)))
    }

    /// Why this ingredient is off sale.
    #[must_use]
    pub fn of_ingredient(&self, ingredient: &IngredientId, now: Timestamp) -> Option<&Stop> {
        self.get(&Stopped::Ingredient(ingredient.clone()), now)
    }
}

/// That something is sold out, and when it is back if that is known.
#[must_use]
pub fn sold_out(until: Option<Timestamp>, at: &Zoned) -> Text {
    let Some(until) = until else {
        return Text::new("Закончилось", "Tugadi", "Sold out");
    };
    let back = local(until, at.time_zone());
    if back.date() == at.date() {
        let time = back.strftime("%H:%M");
        Text::new(
            format!("Закончилось, будет после {time}"),
            format!("Tugadi, soat {time} dan keyin bo‘ladi"),
            format!("Sold out, back after {time}"),
        )
    } else {
        let day = back.strftime("%d.%m");
        Text::new(
            format!("Закончилось, будет {day}"),
            format!("Tugadi, {day} kuni bo‘ladi"),
            format!("Sold out, back on {day}"),
        )
    }
}

/// Why staff sell nothing for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseKind {
    /// For whatever reason.
    Paused,
    /// Hall or kitchen is being cleaned.
    Cleaning,
}

/// Staff sell nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What for.
    pub kind: PauseKind,
    /// Since when, until when, by whom and why.
    #[serde(flatten)]
    pub stop: Stop,
}
