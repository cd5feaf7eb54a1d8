//! The catalog: what is sold, what it is made of, and how the robot makes it.

use super::{
    ids::{DishId, IngredientId, TechCardId},
    money::Currency,
    options::{self, CardParam, DishOption, Pick, Variant},
    order::OrderLine,
    promotion::{self, Promotion},
    receipt::{Subject, Vat},
    text::Text,
    vat::{self, VatClass, VatRule},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Menu, ingredients and tech cards, as one document with one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Changes whenever anything in it does.
    pub version: String,
    /// All prices are in it.
    pub currency: Currency,
    /// In the order of the kiosk.
    pub categories: Vec<Category>,
    /// In the order of the kiosk.
    pub dishes: Vec<Dish>,
    /// What stock is kept of.
    pub ingredients: Vec<Ingredient>,
    /// What the robot can cook.
    pub tech_cards: Vec<TechCard>,
    /// Rates of VAT by class and day; what is not in it is what the program knows of the law.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vat_rates: Vec<VatRule>,
    /// What makes an order cheaper.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Promotion>,
}

/// A group of dishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Text,
}

/// What a guest can order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dish {
    /// Its id.
    pub id: DishId,
    /// Id of its category.
    pub category: String,
    /// Its name; the Russian one is printed on the receipt.
    pub name: Text,
    /// What it is, for the guest.
    #[serde(default)]
    pub description: Text,
    /// Price of one, minor units, VAT included.
    pub price_minor: i64,
    /// Its class for VAT: a word of `vat_rates`, `standard`, `reduced`, or a rate's own word such as `none`.
    pub vat: VatClass,
    /// Settlement subject.
    #[serde(default)]
    pub subject: Subject,
    /// Mass of a portion in grams.
    pub weight_g: u32,
    /// Energy of a portion in kcal.
    pub kcal: u32,
    /// Allergens, by stable word: `gluten`, `milk`, `egg` …
    #[serde(default)]
    pub allergens: Vec<String>,
    /// How it is cooked.
    pub tech_card: TechCardId,
    /// What the guest may choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<DishOption>,
    /// Dishes that go well with it; the kiosk proposes one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggest: Vec<DishId>,
    /// Hash of its picture, as `galley menu pictures` made it; a file `HASH-SIZE.webp` of `catalog.pictures`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// What stock is kept of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingredient {
    /// Its id.
    pub id: IngredientId,
    /// Its name.
    pub name: Text,
    /// What quantities count.
    pub unit: Unit,
    /// Below this much available it is short.
    pub low: i64,
}

/// The smallest unit an ingredient is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Milligrams.
    #[serde(rename = "mg")]
    Milligram,
    /// Microlitres.
    #[serde(rename = "ul")]
    Microlitre,
    /// Pieces.
    #[serde(rename = "piece")]
    Piece,
}

impl Unit {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Milligram => "mg",
            Self::Microlitre => "ul",
            Self::Piece => "piece",
        }
    }
}

/// The robot's recipe for one dish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TechCard {
    /// Its id.
    pub id: TechCardId,
    /// Revision; a change always raises it.
    pub rev: u32,
    /// Mass of a portion in milligrams.
    pub portion_mg: i64,
    /// What goes into one portion.
    pub ingredients: Vec<Amount>,
    /// What the robot does, one after the other.
    pub phases: Vec<Phase>,
    /// How long the plated dish may wait, in seconds.
    pub hold_s: u32,
    /// What the robot's recipe lets the guest choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<CardParam>,
}

impl TechCard {
    /// Planned time of one portion in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.phases
            .iter()
            .map(|p| u64::from(p.seconds) * 1000)
            .sum()
    }
}

/// How much of an ingredient one portion takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Which.
    pub ingredient: IngredientId,
    /// In the ingredient's unit.
    pub quantity: i64,
}

/// One step of a tech card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its id within the card.
    pub id: String,
    /// What is done: `dispense`, `transfer`, `heat`, `stir`, `wait`, `plate`, `clean`.
    pub op: String,
    /// Planned time in seconds.
    pub seconds: u32,
    /// Ingredients that leave their bins in this step; those that no step names leave in the first.
    #[serde(default)]
    pub uses: Vec<IngredientId>,
    /// Equipment it occupies: `arm`, `hob`, `oven`, `fryer`, `slot`.
    #[serde(default)]
    pub equipment: Vec<String>,
}

impl Catalog {
    /// The dish with this id.
    #[must_use]
    pub fn dish(&self, id: &DishId) -> Option<&Dish> {
        self.dishes.iter().find(|d| &d.id == id)
    }

    /// The tech card with this id.
    #[must_use]
    pub fn tech_card(&self, id: &TechCardId) -> Option<&TechCard> {
        self.tech_cards.iter().find(|c| &c.id == id)
    }

    /// The ingredient with this id.
    #[must_use]
    pub fn ingredient(&self, id: &IngredientId) -> Option<&Ingredient> {
        self.ingredients.iter().find(|i| &i.id == id)
    }

    /// The tech card of an order's line, with what was chosen; none when dish or choice are not there any more.
    #[must_use]
    pub fn variant_of(&self, line: &OrderLine) -> Option<Variant> {
        let dish = self.dish(&line.dish_id)?;
        let picks: Vec<Pick> = line.options.iter().map(|c| c.pick.clone()).collect();
        let choices = dish.choices(&picks).ok()?;
        let card = self.tech_card(&dish.tech_card)?;
        Some(card.variant(choices.into_iter().map(|(_, c)| c)))
    }

    /// The rate of VAT of a class on a day, `YYYY-MM-DD`; none when it has none that day.
    #[must_use]
    pub fn vat_on(&self, class: &VatClass, day: &str) -> Option<Vat> {
        vat::rate_on(&self.vat_rates, class, day)
    }

    /// All that is wrong with it, one sentence each; empty when it can be used.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = vat::faults(&self.vat_rates);
        let mut unique = |what: &str, id: &str, seen: &mut BTreeSet<String>| {
            if !seen.insert(id.to_owned()) {
                faults.push(format!("{what} {id:?} stands there twice"));
            }
        };
        let mut categories = BTreeSet::new();
        let mut dishes = BTreeSet::new();
        let mut ingredients = BTreeSet::new();
        let mut cards = BTreeSet::new();
        for c in &self.categories {
            unique("category", &c.id, &mut categories);
        }
        for d in &self.dishes {
            unique("dish", &d.id.0, &mut dishes);
        }
        for i in &self.ingredients {
            unique("ingredient", &i.id.0, &mut ingredients);
        }
        for c in &self.tech_cards {
            unique("tech card", &c.id.0, &mut cards);
        }
        promotion::faults(&self.promotions, &dishes, &categories, &mut faults);
        for d in &self.dishes {
            if let Some(card) = self.tech_card(&d.tech_card) {
                options::faults(d, card, &ingredients, &mut faults);
            }
            for other in &d.suggest {
                if !dishes.contains(&other.0) || other == &d.id {
                    faults.push(format!(
                        "dish {:?} suggests {:?}, which is no other dish",
                        d.id.0, other.0
                    ));
                }
            }
            if d.picture.as_deref().is_some_and(|hash| !is_picture(hash)) {
                faults.push(format!(
                    "dish {:?}: a picture is named by its hash, 16 to 64 hexadecimal digits; galley menu pictures tells it",
                    d.id.0
                ));
            }
            if !categories.contains(&d.category) {
                faults.push(format!(
                    "dish {:?} is in the unknown category {:?}",
                    d.id.0, d.category
                ));
            }
            if !cards.contains(&d.tech_card.0) {
                faults.push(format!(
                    "dish {:?} has the unknown tech card {:?}",
                    d.id.0, d.tech_card.0
                ));
            }
            if !vat::is_known(&self.vat_rates, &d.vat) {
                faults.push(format!(
                    "dish {:?} has the unknown class of VAT {:?}",
                    d.id.0, d.vat.0
                ));
            }
            if d.price_minor <= 0 {
                faults.push(format!("dish {:?} has no price above zero", d.id.0));
            }
            if d.name.ru.is_empty() || d.name.ru.chars().count() > 128 {
                faults.push(format!(
                    "dish {:?}: the Russian name goes on the receipt and must have 1 to 128 characters",
                    d.id.0
                ));
            }
        }
        for c in &self.tech_cards {
            options::param_faults(c, &mut faults);
            let mut amounts = BTreeMap::new();
            for a in &c.ingredients {
                if !ingredients.contains(&a.ingredient.0) {
                    faults.push(format!(
                        "tech card {:?} uses the unknown ingredient {:?}",
                        c.id.0, a.ingredient.0
                    ));
                }
                if a.quantity <= 0 || amounts.insert(&a.ingredient, a.quantity).is_some() {
                    faults.push(format!(
                        "tech card {:?}: ingredient {:?} must stand once, with a quantity above zero",
                        c.id.0, a.ingredient.0
                    ));
                }
            }
            for used in c.phases.iter().flat_map(|p| &p.uses) {
                if !amounts.contains_key(used) {
                    faults.push(format!(
                        "tech card {:?}: a phase uses {:?}, which the card has no quantity of",
                        c.id.0, used.0
                    ));
                }
            }
            if c.phases.is_empty() || c.duration_ms() == 0 {
                faults.push(format!(
                    "tech card {:?} has no phases that take time",
                    c.id.0
                ));
            }
        }
        faults
    }
}

/// Whether this is a hash that names a picture.
#[must_use]
pub fn is_picture(hash: &str) -> bool {
    (16..=64).contains(&hash.len()) && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
