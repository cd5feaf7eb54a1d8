//! Promotions: what makes an order cheaper, as the catalog configures it. What they come to is worked out in
//! [`super::promotion_sum`].

use super::{hours::Window, ids::DishId, order::Service, text::Text, time::Timestamp};
use jiff::{Zoned, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// Its id.
    pub id: String,
    /// Its name, for the guest's cart.
    pub name: Text,
    /// What it is, for the guest.
    #[serde(default)]
    pub note: Text,
    /// The higher one is applied first; equal ones in the order of the catalog.
    #[serde(default)]
    pub priority: i32,
    /// It also takes in dishes that another promotion has made cheaper; otherwise each dish takes part in one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stacks: bool,
    /// It never goes together with another promotion in one order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// Promotions that it never goes together with in one order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// Only here or only to go; both when none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Date>,
    /// Last day, included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Date>,
    /// Only at these times; always when none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// What it does.
    pub rule: Rule,
}

/// What a promotion does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// Several dishes together at a price of their own, as often as the order has them.
    Combo {
        /// What belongs to it.
        items: Vec<Item>,
        /// All of it together, minor units.
        price_minor: i64,
    },
    /// Cheaper at certain times (see `windows`).
    HappyHour {
        /// What.
        #[serde(default)]
        on: Target,
        /// By how much.
        off: Off,
    },
    /// Of every n dishes the cheapest is free.
    NthFree {
        /// Which dishes count.
        #[serde(default)]
        on: Target,
        /// Of how many.
        n: u32,
        /// Counted over all orders of a phone number, not within one order.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        per_guest: bool,
    },
    /// For who has a code.
    Code {
        /// The codes; capitals and small letters are the same.
        codes: Vec<String>,
        /// What.
        #[serde(default)]
        on: Target,
        /// By how much.
        off: Off,
        /// Orders that each code can be used for; any number when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uses: Option<u32>,
        /// Orders that one phone number can use each code for; a number is asked for then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uses_per_guest: Option<u32>,
        /// Least sum of the order before discounts, minor units.
        #[serde(default, skip_serializing_if = "super::options::is_zero")]
        least_minor: i64,
    },
    /// For a phone number whose birthday is known, once a year.
    Birthday {
        /// What.
        #[serde(default)]
        on: Target,
        /// By how much.
        off: Off,
        /// From so many days before it.
        #[serde(default = "three")]
        days_before: u32,
        /// To so many days after it.
        #[serde(default = "three")]
        days_after: u32,
    },
    /// For the store's own people, by their card, at a cashier's or manager's till.
    StaffMeal {
        /// What.
        #[serde(default)]
        on: Target,
        /// By how much.
        off: Off,
        /// So many orders a day.
        #[serde(default = "one")]
        meals_per_day: u32,
    },
}

fn one() -> u32 {
    1
}

fn three() -> u32 {
    3
}

/// A part of a combo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// One of these.
    pub of: Target,
    /// So many.
    #[serde(default = "one")]
    pub quantity: u32,
}

/// Which dishes: of these ids or these categories, all when neither is named; never the exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Target {
    /// Dishes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dishes: Vec<DishId>,
    /// Categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Not these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<DishId>,
}

impl Target {
    /// Whether a dish is meant.
    #[must_use]
    pub fn takes(&self, dish: &DishId, category: &str) -> bool {
        let all = self.dishes.is_empty() && self.categories.is_empty();
        (all || self.dishes.contains(dish) || self.categories.iter().any(|c| c == category))
            && !self.except.contains(dish)
    }
}

/// By how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// Hundredths of a percent of each dish; 1 to 9900: a receipt has no line without a price.
    PercentBp(u32),
    /// Off all of it together, once an order, minor units.
    AmountMinor(i64),
    /// Off each dish, minor units.
    EachMinor(i64),
}

/// What the store knows about who orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Orders that the code which was given was used for.
    pub code_uses: u32,
    /// A phone number was left.
    pub guest: Option<Guest>,
    /// A card of the store's own people was shown at a till that may take it.
    pub staff: Option<Staff>,
}

/// What is known of a phone number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    /// Dishes that counted, by promotion.
    pub bought: BTreeMap<String, u32>,
    /// Orders that the code which was given was used for.
    pub code_uses: u32,
    /// Month and day.
    pub birthday: Option<(i8, i8)>,
    /// Promotions of the birthday that were used within the last 300 days.
    pub birthday_used: BTreeSet<String>,
}

/// What is known of a card of the store's own people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staff {
    /// Orders of today, by promotion.
    pub meals_today: BTreeMap<String, u32>,
}

/// A code as it is compared: without spaces around it, in capitals.
#[must_use]
pub fn plain_code(code: &str) -> String {
    code.trim().to_uppercase()
}

impl Promotion {
    /// Its kind, as the API names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.rule {
            Rule::Combo { .. } => "combo",
            Rule::HappyHour { .. } => "happy_hour",
            Rule::NthFree { .. } => "nth_free",
            Rule::Code { .. } => "code",
            Rule::Birthday { .. } => "birthday",
            Rule::StaffMeal { .. } => "staff_meal",
        }
    }

    /// Whether it holds at this time: none when it does not, else when it ends, where that is near.
    #[must_use]
    pub fn holds(&self, at: &Zoned) -> Option<Option<Timestamp>> {
        let day = at.date();
        if self.first_day.is_some_and(|first| day < first)
            || self.last_day.is_some_and(|last| day > last)
        {
            return None;
        }
        if self.windows.is_empty() {
            return Some(None);
        }
        let ends = self.windows.iter().filter_map(|w| w.ends(at)).max()?;
        Some(Some(ends))
    }

    /// Whether this is one of its codes.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        let code = plain_code(code);
        match &self.rule {
            Rule::Code { codes, .. } => codes.iter().any(|c| plain_code(c) == code),
            _ => false,
        }
    }

    /// It needs to know the guest's phone number.
    #[must_use]
    pub fn needs_guest(&self) -> bool {
        match &self.rule {
            Rule::NthFree { per_guest, .. } => *per_guest,
            Rule::Code { uses_per_guest, .. } => uses_per_guest.is_some(),
            Rule::Birthday { .. } => true,
            Rule::Combo { .. } | Rule::HappyHour { .. } | Rule::StaffMeal { .. } => false,
        }
    }

    /// The dishes it is about.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        let (one, many) = match &self.rule {
            Rule::Combo { items, .. } => (None, items.as_slice()),
            Rule::HappyHour { on, .. }
            | Rule::NthFree { on, .. }
            | Rule::Code { on, .. }
            | Rule::Birthday { on, .. }
            | Rule::StaffMeal { on, .. } => (Some(on), [].as_slice()),
        };
        one.into_iter().chain(many.iter().map(|i| &i.of))
    }

    fn off(&self) -> Option<Off> {
        match &self.rule {
            Rule::HappyHour { off, .. }
            | Rule::Code { off, .. }
            | Rule::Birthday { off, .. }
            | Rule::StaffMeal { off, .. } => Some(*off),
            Rule::Combo { .. } | Rule::NthFree { .. } => None,
        }
    }
}

/// All that is wrong with them, one sentence each.
pub(super) fn faults(
    promotions: &[Promotion],
    dishes: &BTreeSet<String>,
    categories: &BTreeSet<String>,
    faults: &mut Vec<String>,
) {
    let mut ids = BTreeSet::new();
    let mut codes: BTreeSet<String> = BTreeSet::new();
    for p in promotions {
        let at = format!("promotion {:?}", p.id);
        let mut fault = |why: String| faults.push(format!("{at}{why}"));
        if p.id.is_empty() || !ids.insert(&p.id) {
            fault(" must stand once, with an id".to_owned());
        }
        if p.name.ru.is_empty() {
            fault(" has no Russian name".to_owned());
        }
        for other in &p.excludes {
            if !promotions.iter().any(|o| &o.id == other) || other == &p.id {
                fault(format!(" excludes {other:?}, which is no other promotion"));
            }
        }
        if let (Some(first), Some(last)) = (p.first_day, p.last_day)
            && last < first
        {
            fault(" ends before it begins".to_owned());
        }
        for t in p.targets() {
            for d in t.dishes.iter().chain(&t.except) {
                if !dishes.contains(&d.0) {
                    fault(format!(" names the unknown dish {:?}", d.0));
                }
            }
            for c in &t.categories {
                if !categories.contains(c) {
                    fault(format!(" names the unknown category {c:?}"));
                }
            }
        }
        match p.off() {
            Some(Off::PercentBp(bp)) if !(1..=9_900).contains(&bp) => {
                fault(": percent_bp must be 1 to 9900 (99 %)".to_owned());
            }
            Some(Off::AmountMinor(minor) | Off::EachMinor(minor)) if minor <= 0 => {
                fault(": the amount off must be above zero".to_owned());
            }
            _ => {}
        }
        match &p.rule {
            Rule::Combo { items, price_minor } => {
                let pieces: u32 = items.iter().map(|i| i.quantity).sum();
                if pieces < 2 || items.iter().any(|i| i.quantity == 0) || *price_minor <= 0 {
                    fault(" needs two dishes or more and a price above zero".to_owned());
                }
            }
            Rule::NthFree { n, .. } if *n < 2 => {
                fault(": n must be at least 2".to_owned());
            }
            Rule::HappyHour { .. } if p.windows.is_empty() && p.first_day.is_none() => {
                fault(" is a happy hour without windows or days".to_owned());
            }
            Rule::Code { codes: own, .. } => {
                if own.is_empty() {
                    fault(" has no codes".to_owned());
                }
                for code in own {
                    let plain = plain_code(code);
                    if plain.len() < 3 || plain.len() > 40 || plain.chars().any(char::is_whitespace)
                    {
                        fault(format!(
                            ": the code {code:?} must have 3 to 40 characters without spaces"
                        ));
                    }
                    if !codes.insert(plain) {
                        fault(format!(": the code {code:?} stands there twice"));
                    }
                }
            }
            Rule::StaffMeal {
                meals_per_day: 0, ..
            } => {
                fault(": meals_per_day must be at least 1".to_owned());
            }
            _ => {}
        }
    }
}
