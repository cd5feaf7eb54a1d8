//! What of the menu can be had now: by the stop-list, and by what is in stock.

use super::{
    catalog::{Catalog, Dish, TechCard},
    options::{Change, Choice},
    stock::Levels,
    stops::{Stops, sold_out},
    text::Text,
    time::Timestamp,
};
use jiff::Zoned;

/// Ways of having one dish that are tried at most, when it can't be had as it is described.
const MOST_WAYS: usize = 256;

/// Whether a choice needs less of something, or none.
fn takes_away(choice: &Choice) -> bool {
    choice
        .changes
        .iter()
        .any(|change| !matches!(change, Change::Add { .. }))
}

/// What can be had now.
pub struct Shelf<'a> {
    /// What is sold.
    pub catalog: &'a Catalog,
    /// What there is.
    pub levels: Levels,
    /// What is off sale.
    pub stops: Stops,
    /// Now.
    pub now: Timestamp,
    /// Now, at the store.
    pub at: Zoned,
}

impl Shelf<'_> {
    /// Why a dish that is cooked by this card can't be had, and when it can again.
    #[must_use]
    pub fn missing(&self, dish: &Dish, card: &TechCard) -> Option<(Text, Option<Timestamp>, bool)> {
        if let Some(stop) = self.stops.of(dish, card, self.now) {
            return Some((sold_out(stop.until_at, &self.at), stop.until_at, true));
        }
        let short = card.ingredients.iter().any(|a| {
            let level = self.levels.get(&a.ingredient).copied().unwrap_or_default();
            a.quantity > level.available()
        });
        short.then(|| (sold_out(None, &self.at), None, false))
    }

    /// Whether it can be had in some way although not as it is described: with a choice that leaves out or replaces
    /// what is missing. With `fixed`, in a way that has this choice of this option.
    #[must_use]
    pub fn otherwise(&self, dish: &Dish, card: &TechCard, fixed: Option<(&str, &Choice)>) -> bool {
        let ways: Vec<Vec<Option<&Choice>>> = dish
            .options
            .iter()
            .map(|o| match fixed {
                Some((option, choice)) if option == o.id => vec![Some(choice)],
                _ => {
                    let changing = o.choices.iter().filter(|c| takes_away(c)).map(Some);
                    // What changes nothing, or need not be chosen, stands for all that only adds.
                    let idle = o.choices.iter().find(|c| c.changes.is_empty());
                    let first = match idle {
                        Some(idle) => Some(Some(idle)),
                        None if o.min == 0 => Some(None),
                        None => o.choices.iter().find(|c| !takes_away(c)).map(Some),
                    };
                    first.into_iter().chain(changing).collect()
                }
            })
            .collect();
        let count = ways
            .iter()
            .try_fold(1usize, |n, w| n.checked_mul(w.len()))
            .unwrap_or(usize::MAX);
        (0..count.min(MOST_WAYS)).any(|mut n| {
            let chosen: Vec<&Choice> = ways
                .iter()
                .filter_map(|w| {
                    let one = w.get(n % w.len().max(1)).copied().flatten();
                    n /= w.len().max(1);
                    one
                })
                .collect();
            self.missing(dish, &card.variant(chosen).card).is_none()
        })
    }

    /// As it is described.
    #[must_use]
    pub fn is_there(&self, dish: &Dish) -> bool {
        let card = self.catalog.tech_card(&dish.tech_card);
        card.is_some_and(|card| self.missing(dish, card).is_none())
    }

    /// As it is described, or with other choices.
    #[must_use]
    pub fn can_be_had(&self, dish: &Dish) -> bool {
        let card = self.catalog.tech_card(&dish.tech_card);
        card.is_some_and(|card| {
            self.missing(dish, card).is_none() || self.otherwise(dish, card, None)
        })
    }
}
