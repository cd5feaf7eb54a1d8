//! Options of a dish: what a guest may choose, and what the choice changes on the tech card. A choice that changes
//! amounts makes a card of its own, named by its content; one that only sets parameters of the robot's recipe is the
//! same card with other parameters (klink 3.11, `params`).

use super::{
    catalog::{Amount, Dish, TechCard},
    ids::{IngredientId, TechCardId},
    text::{Language, Text},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// Longest name of a receipt's line, tag 1030. [source: FFD 1.2; memory for the number of characters]
const NAME_LIMIT: usize = 128;

/// One thing a guest can choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DishOption {
    /// Its id within the dish.
    pub id: String,
    /// What is chosen.
    pub name: Text,
    /// At least so many choices.
    #[serde(default)]
    pub min: u32,
    /// At most so many.
    #[serde(default = "one")]
    pub max: u32,
    /// In the order of the kiosk.
    pub choices: Vec<Choice>,
}

fn one() -> u32 {
    1
}

/// One choice of an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its id within the option.
    pub id: String,
    /// Its name.
    pub name: Text,
    /// Added to the dish's price, minor units; may be below zero.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub price_minor: i64,
    /// Allergens that come with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allergens: Vec<String>,
    /// Allergens of the dish that are not in it any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_allergens: Vec<String>,
    /// The dish as it is described: it holds when the guest chooses nothing, and changes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standard: bool,
    /// What it changes on the tech card.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Parameters of the robot's recipe.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamValue>,
}

pub(super) fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// A change to the ingredients of one portion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// More of it, or something new.
    Add {
        /// Of what.
        ingredient: IngredientId,
        /// How much more.
        quantity: i64,
        /// The step in which something new leaves its bin; the first when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase: Option<String>,
    },
    /// Another amount.
    Set {
        /// Of what.
        ingredient: IngredientId,
        /// How much instead.
        quantity: i64,
    },
    /// Without it.
    Remove {
        /// What.
        ingredient: IngredientId,
    },
    /// Something else in its place.
    Replace {
        /// What.
        ingredient: IngredientId,
        /// By what.
        with: IngredientId,
        /// How much; as much as before when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quantity: Option<i64>,
    },
}

/// A parameter of the robot's recipe: what the guest may choose there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardParam {
    /// Its name.
    pub id: String,
    /// What holds when nothing is said; its kind is the parameter's.
    pub def: ParamValue,
    /// Words to choose from, for words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// Largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

impl CardParam {
    /// Whether this value can be set.
    #[must_use]
    pub fn takes(&self, value: &ParamValue) -> bool {
        match (&self.def, value) {
            (ParamValue::Flag(_), ParamValue::Flag(_)) => true,
            (ParamValue::Number(_), ParamValue::Number(n)) => {
                self.min.is_none_or(|min| *n >= min) && self.max.is_none_or(|max| *n <= max)
            }
            (ParamValue::Word(_), ParamValue::Word(word)) => self.values.contains(word),
            _ => false,
        }
    }
}

/// A value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A word.
    Word(String),
}

/// What the guest picks: a choice of an option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pick {
    /// Id of the option.
    pub option: String,
    /// Id of the choice.
    pub choice: String,
}

/// What was chosen for a line of an order, with its names at that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The option and the choice.
    #[serde(flatten)]
    pub pick: Pick,
    /// The option's name.
    pub name: Text,
    /// The choice's name.
    pub choice_name: Text,
    /// Added to the price of one, minor units.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub price_minor: i64,
    /// The dish as it is described; not worth a word on the receipt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standard: bool,
}

/// Why a choice can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// The dish has no such option, or the option no such choice (any more).
    #[error("there is no choice {}: {}", .0.option, .0.choice)]
    Gone(Pick),
    /// Too many or too few.
    #[error("{option}: choose {min} to {max}")]
    Count {
        /// Of which option.
        option: String,
        /// At least.
        min: u32,
        /// At most.
        max: u32,
    },
}

/// The tech card with the guest's choices, and the parameters for the robot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The card; its id names its content where amounts are changed.
    pub card: TechCard,
    /// Parameters that are not as the card says.
    pub params: BTreeMap<String, ParamValue>,
    /// The amounts are not those of the dish's own card.
    pub own_card: bool,
}

impl Dish {
    /// The choices behind `picks`, in the order of the dish's options; where the guest says nothing, the standard
    /// ones.
    ///
    /// # Errors
    /// A choice is gone, or there are too many or too few.
    pub fn choices<'a>(
        &'a self,
        picks: &[Pick],
    ) -> Result<Vec<(&'a DishOption, &'a Choice)>, PickError> {
        for pick in picks {
            let option = self.options.iter().find(|o| o.id == pick.option);
            let known = option.is_some_and(|o| o.choices.iter().any(|c| c.id == pick.choice));
            if !known {
                return Err(PickError::Gone(pick.clone()));
            }
        }
        let mut all = Vec::new();
        for option in &self.options {
            let count = || PickError::Count {
                option: option.id.clone(),
                min: option.min,
                max: option.max,
            };
            let picked: Vec<&Pick> = picks.iter().filter(|p| p.option == option.id).collect();
            let once: BTreeSet<&str> = picked.iter().map(|p| p.choice.as_str()).collect();
            if once.len() != picked.len() {
                return Err(count());
            }
            let chosen: Vec<&Choice> = option
                .choices
                .iter()
                .filter(|c| match picked.is_empty() {
                    true => c.standard,
                    false => once.contains(c.id.as_str()),
                })
                .collect();
            let number = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
            if number < option.min || number > option.max {
                return Err(count());
            }
            all.extend(chosen.into_iter().map(|c| (option, c)));
        }
        Ok(all)
    }
}

impl Chosen {
    /// What an order keeps of these choices.
    #[must_use]
    pub fn of(choices: &[(&DishOption, &Choice)]) -> Vec<Self> {
        choices
            .iter()
            .map(|(option, choice)| Self {
                pick: Pick {
                    option: option.id.clone(),
                    choice: choice.id.clone(),
                },
                name: option.name.clone(),
                choice_name: choice.name.clone(),
                price_minor: choice.price_minor,
                standard: choice.standard,
            })
            .collect()
    }
}

/// The name of a dish with what was chosen, for receipt and kitchen: what is as usual is left out.
#[must_use]
pub fn full_name(dish: &Text, chosen: &[Chosen], language: Language) -> String {
    let mut name = dish.get(language).to_owned();
    for (i, c) in chosen.iter().filter(|c| !c.standard).enumerate() {
        name += if i == 0 { ": " } else { ", " };
        name += c.choice_name.get(language);
    }
    if name.chars().count() > NAME_LIMIT {
        name = name.chars().take(NAME_LIMIT - 1).collect();
        name.push('…');
    }
    name
}

impl TechCard {
    /// The card with these choices.
    #[must_use]
    pub fn variant<'a>(&self, choices: impl IntoIterator<Item = &'a Choice>) -> Variant {
        let mut card = self.clone();
        let mut params = BTreeMap::new();
        for choice in choices {
            for change in &choice.changes {
                card.change(change);
            }
            for (name, value) in &choice.params {
                let as_usual = self.params.iter().any(|p| &p.id == name && &p.def == value);
                if as_usual {
                    params.remove(name);
                } else {
                    params.insert(name.clone(), value.clone());
                }
            }
        }
        let own_card = card != *self;
        if own_card {
            card.id = card.name_of_content(&self.id);
        }
        Variant {
            card,
            params,
            own_card,
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Add {
                ingredient,
                quantity,
                phase,
            } => {
                if let Some(a) = self.amount_mut(ingredient) {
                    a.quantity = a.quantity.saturating_add(*quantity);
                    return;
                }
                self.ingredients.push(Amount {
                    ingredient: ingredient.clone(),
                    quantity: *quantity,
                });
                if let Some(p) = self
                    .phases
                    .iter_mut()
                    .find(|p| phase.as_deref() == Some(p.id.as_str()))
                {
                    p.uses.push(ingredient.clone());
                }
            }
            Change::Set {
                ingredient,
                quantity,
            } => {
                if let Some(a) = self.amount_mut(ingredient) {
                    a.quantity = *quantity;
                }
            }
            Change::Remove { ingredient } => {
                self.ingredients.retain(|a| &a.ingredient != ingredient);
                for p in &mut self.phases {
                    p.uses.retain(|i| i != ingredient);
                }
            }
            Change::Replace {
                ingredient,
                with,
                quantity,
            } => self.replace(ingredient, with, *quantity),
        }
    }

    fn replace(&mut self, out: &IngredientId, with: &IngredientId, quantity: Option<i64>) {
        let Some(at) = self.ingredients.iter().position(|a| &a.ingredient == out) else {
            return;
        };
        let quantity = quantity.unwrap_or(self.ingredients[at].quantity);
        if let Some(other) = self.amount_mut(with) {
            other.quantity = other.quantity.saturating_add(quantity);
            return self.change(&Change::Remove {
                ingredient: out.clone(),
            });
        }
        self.ingredients[at] = Amount {
            ingredient: with.clone(),
            quantity,
        };
        for used in self.phases.iter_mut().flat_map(|p| &mut p.uses) {
            if used == out {
                *used = with.clone();
            }
        }
    }

    fn amount_mut(&mut self, ingredient: &IngredientId) -> Option<&mut Amount> {
        self.ingredients
            .iter_mut()
            .find(|a| &a.ingredient == ingredient)
    }

    /// The card's id, a dot and 12 hexadecimal digits of a hash over amounts and steps: the robot refuses another
    /// content under a known id and revision.
    fn name_of_content(&self, base: &TechCardId) -> TechCardId {
        let mut h = Sha256::new();
        for a in &self.ingredients {
            h.update(a.ingredient.0.as_bytes());
            h.update([0]);
            h.update(a.quantity.to_be_bytes());
        }
        for p in &self.phases {
            h.update([1]);
            h.update(p.id.as_bytes());
            for used in &p.uses {
                h.update([0]);
                h.update(used.0.as_bytes());
            }
        }
        let mut id = format!("{}.", base.0);
        for byte in &h.finalize()[..6] {
            let _ = write!(id, "{byte:02x}");
        }
        TechCardId(id)
    }
}

/// All that is wrong with the options of a dish, one sentence each.
pub(super) fn faults(
    dish: &Dish,
    card: &TechCard,
    ingredients: &BTreeSet<String>,
    faults: &mut Vec<String>,
) {
    let name = &dish.id.0;
    let mut seen = BTreeSet::new();
    let mut cheapest = dish.price_minor;
    for o in &dish.options {
        let at = format!("dish {name:?}, option {:?}", o.id);
        if o.id.is_empty() || !seen.insert(&o.id) {
            faults.push(format!("{at} must stand once, with an id"));
        }
        let choices = u32::try_from(o.choices.len()).unwrap_or(u32::MAX);
        if o.max == 0 || o.min > o.max || o.min > choices {
            faults.push(format!(
                "{at}: min {} and max {} do not fit its {choices} choices",
                o.min, o.max
            ));
        }
        let standard = o.choices.iter().filter(|c| c.standard).count();
        if u32::try_from(standard).unwrap_or(u32::MAX) > o.max {
            faults.push(format!("{at}: more standard choices than can be chosen"));
        }
        let mut ids = BTreeSet::new();
        let mut below: Vec<i64> = Vec::new();
        for c in &o.choices {
            let at = format!("{at}, choice {:?}", c.id);
            if c.id.is_empty() || !ids.insert(&c.id) {
                faults.push(format!("{at} must stand once, with an id"));
            }
            if c.name.ru.is_empty() || o.name.ru.is_empty() {
                faults.push(format!(
                    "{at}: the names go on the receipt and can't be empty"
                ));
            }
            let changes = c.price_minor != 0 || !c.changes.is_empty();
            if c.standard && changes {
                faults.push(format!(
                    "{at} is standard, so it can't change price or ingredients"
                ));
            }
            if c.price_minor.saturating_abs() > 100_000_000 {
                faults.push(format!("{at}: such a price makes no sense"));
            }
            below.push(c.price_minor.min(0));
            for change in &c.changes {
                if let Some(why) = change_fault(change, card, ingredients) {
                    faults.push(format!("{at}: {why}"));
                }
            }
            for (param, value) in &c.params {
                if !card.params.iter().any(|p| &p.id == param && p.takes(value)) {
                    faults.push(format!(
                        "{at}: tech card {:?} has no parameter {param:?} that can be {value:?}",
                        card.id.0
                    ));
                }
            }
            if card.variant([c]).card.ingredients.is_empty() {
                faults.push(format!("{at} leaves nothing of the dish"));
            }
        }
        below.sort_unstable();
        let most = usize::try_from(o.max).unwrap_or(usize::MAX);
        cheapest += below.iter().take(most).sum::<i64>();
    }
    if !dish.options.is_empty() && cheapest <= 0 {
        faults.push(format!(
            "dish {name:?}: with its cheapest choices it has no price above zero"
        ));
    }
}

fn change_fault(
    change: &Change,
    card: &TechCard,
    ingredients: &BTreeSet<String>,
) -> Option<String> {
    let on_card = |i: &IngredientId| card.ingredients.iter().any(|a| &a.ingredient == i);
    let missing = |i: &IngredientId| {
        (!on_card(i)).then(|| format!("tech card {:?} has no {:?}", card.id.0, i.0))
    };
    let unknown = |i: &IngredientId| {
        (!ingredients.contains(&i.0)).then(|| format!("there is no ingredient {:?}", i.0))
    };
    let amount = |q: i64| {
        (q <= 0).then(|| "a quantity must be above zero; to leave it out: remove".to_owned())
    };
    match change {
        Change::Add {
            ingredient,
            quantity,
            phase,
        } => unknown(ingredient)
            .or_else(|| amount(*quantity))
            .or_else(|| {
                let phase = phase.as_ref()?;
                (!card.phases.iter().any(|p| &p.id == phase))
                    .then(|| format!("tech card {:?} has no phase {phase:?}", card.id.0))
            }),
        Change::Set {
            ingredient,
            quantity,
        } => missing(ingredient).or_else(|| amount(*quantity)),
        Change::Remove { ingredient } => missing(ingredient),
        Change::Replace {
            ingredient,
            with,
            quantity,
        } => missing(ingredient)
            .or_else(|| unknown(with))
            .or_else(|| quantity.and_then(amount)),
    }
}

/// All that is wrong with the parameters of a tech card, one sentence each.
pub(super) fn param_faults(card: &TechCard, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for p in &card.params {
        if p.id.is_empty() || !seen.insert(&p.id) || !p.takes(&p.def) {
            faults.push(format!(
                "tech card {:?}, parameter {:?}: it must stand once, and its usual value must be one it takes",
                card.id.0, p.id
            ));
        }
    }
}
