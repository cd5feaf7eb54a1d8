//! What a guest who orders by itself wants.

use crate::{domain::catalog::Dish, world::Entropy};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn index(chance: &dyn Entropy, count: usize) -> usize {
    usize::try_from(chance.below(count as u64)).unwrap_or(0)
}

/// An order of one or two dishes. `whims` decides how the dishes are wanted and about promotions; it may be `chance`.
pub(crate) fn wish(dishes: &[Dish], chance: &dyn Entropy, whims: &dyn Entropy) -> Value {
    let lines = 1 + chance.below(2);
    let mut picked: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..lines {
        if let Some(dish) = dishes.get(index(chance, dishes.len())) {
            *picked.entry(dish.id.0.as_str()).or_default() += 1;
        }
    }
    let lines: Vec<Value> = picked
        .into_iter()
        .map(|(dish_id, quantity)| {
            let options = choices(dishes, whims, dish_id);
            json!({"dish_id": dish_id, "quantity": quantity, "options": options})
        })
        .collect();
    let language = ["ru", "uz", "en"][index(chance, 3)];
    let mut wish = json!({"language": language, "service": "here", "lines": lines});
    if chance.below(2) == 0 {
        wish["phone"] = format!("+7916{:07}", chance.below(10_000_000)).into();
    }
    if whims.below(6) == 0 {
        wish["promo_code"] = "galley10".into();
    }
    wish
}

/// Now and then a guest wants a dish otherwise than it is described.
fn choices(dishes: &[Dish], whims: &dyn Entropy, dish_id: &str) -> Vec<Value> {
    let options = dishes.iter().filter(|d| d.id.0 == dish_id);
    let mut picks = Vec::new();
    for option in options.flat_map(|d| &d.options) {
        if whims.below(3) > 0 {
            continue;
        }
        if let Some(choice) = option.choices.get(index(whims, option.choices.len())) {
            picks.push(json!({"option": option.id, "choice": choice.id}));
        }
    }
    picks
}
