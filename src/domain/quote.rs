//! What an order comes to, line by line: prices with options, promotions, what is sold out, when it would be ready.
//! Placing an order and asking what it would cost are the same sum.

use super::{
    catalog::Dish,
    ids::{DishId, IngredientId},
    money::Money,
    options::{Chosen, PickError, Variant},
    place::{Refused, Situation, Wish, WishLine},
    promise::promised_at,
    promotion_sum::{Applied, Basket, CodeProblem, Savings, Unit, Use, savings},
    receipt::Vat,
    text::Text,
    time::Timestamp,
};
use jiff::Zoned;
use std::{collections::BTreeMap, time::Duration};

/// What an order would cost, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// As they were asked for.
    pub lines: Vec<QuoteLine>,
    /// To pay, minor units.
    pub total_minor: i64,
    /// Off by promotions, minor units.
    pub discount_minor: i64,
    /// Which.
    pub promotions: Vec<Applied>,
    /// What became of the guest's code.
    pub code: Option<Result<(), CodeProblem>>,
    /// When it would be promised, if anything of it can be had.
    pub ready_at: Option<Timestamp>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteLine {
    /// Which dish.
    pub dish_id: DishId,
    /// How many.
    pub quantity: u32,
    /// Price of one with options, minor units.
    pub price_minor: i64,
    /// `price * quantity`, before discounts.
    pub sum_minor: i64,
    /// Off by promotions.
    pub discount_minor: i64,
    /// Which promotions.
    pub promotions: Vec<String>,
    /// What is wrong with it.
    pub problem: Option<Refused>,
}

impl QuoteLine {
    /// It can be had; perhaps at another price.
    #[must_use]
    pub fn available(&self) -> bool {
        matches!(self.problem, None | Some(Refused::PriceChanged { .. }))
    }
}

/// A line that can be priced.
pub(super) struct Priced<'a> {
    pub(super) dish: &'a Dish,
    pub(super) variant: Variant,
    pub(super) chosen: Vec<Chosen>,
    pub(super) vat: Vat,
    pub(super) quantity: u32,
    pub(super) price_minor: i64,
    pub(super) sum_minor: i64,
}

/// All that is worked out of a wish.
pub(super) struct Work<'a> {
    /// None where there is no such dish or choice.
    pub(super) lines: Vec<Option<Priced<'a>>>,
    pub(super) quote: Quote,
    pub(super) uses: Vec<Use>,
}

/// What the wish would cost. What is wrong with single lines stands in them.
///
/// # Errors
/// There is nothing to price, or more than an order may have.
pub fn quote(wish: &Wish, s: &Situation<'_>) -> Result<Quote, Refused> {
    work(wish, s).map(|w| w.quote)
}

/// The time in the store's zone.
pub(super) fn local(s: &Situation<'_>) -> Zoned {
    super::time::local(s.now, s.zone)
}

pub(super) fn work<'a>(wish: &Wish, s: &Situation<'a>) -> Result<Work<'a>, Refused> {
    if wish.lines.is_empty() {
        return Err(Refused::Empty);
    }
    let at = local(s);
    let mut pieces = 0i64;
    let mut needs: BTreeMap<IngredientId, i64> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut found = Vec::new();
    for line in &wish.lines {
        let max = s.policy.max_pieces;
        let quantity = u32::try_from(line.quantity)
            .ok()
            .filter(|q| *q > 0 && i64::from(*q) <= i64::from(max) - pieces)
            .ok_or(Refused::Quantity {
                quantity: line.quantity,
                max,
            })?;
        pieces += i64::from(quantity);
        let (priced, problem) = match price(line, quantity, s) {
            Ok(priced) => {
                let problem = obstacle(&priced, line, s, &at, &mut needs);
                (Some(priced), problem)
            }
            Err(Refused::TooLarge) => return Err(Refused::TooLarge),
            Err(problem) => (None, Some(problem)),
        };
        found.push(QuoteLine {
            dish_id: line.dish_id.clone(),
            quantity,
            price_minor: priced.as_ref().map_or(0, |p| p.price_minor),
            sum_minor: priced.as_ref().map_or(0, |p| p.sum_minor),
            discount_minor: 0,
            promotions: Vec::new(),
            problem,
        });
        lines.push(priced);
    }
    if pieces > i64::from(s.policy.places) {
        return Err(Refused::TooManyDishes {
            dishes: pieces,
            places: s.policy.places,
        });
    }
    let saved = discounts(wish, s, &at, &lines, &found);
    let mut total = Money::new(0, s.catalog.currency);
    let mut own = Duration::ZERO;
    for (i, line) in found.iter_mut().enumerate() {
        if let Some((off, by)) = saved.lines.get(&i) {
            line.discount_minor = *off;
            line.promotions = by.iter().cloned().collect();
        }
        if let (true, Some(priced)) = (line.available(), &lines[i]) {
            let net = Money::new(line.sum_minor - line.discount_minor, s.catalog.currency);
            total = total.plus(net).map_err(|_| Refused::TooLarge)?;
            own += Duration::from_millis(priced.variant.card.duration_ms()) * line.quantity;
        }
    }
    let any = found.iter().any(QuoteLine::available);
    let quote = Quote {
        lines: found,
        total_minor: total.minor,
        discount_minor: saved.total_minor(),
        promotions: saved.applied,
        code: saved.code,
        ready_at: any.then(|| promised_at(s.now, s.ahead, own, s.policy.arms, s.policy.speed)),
    };
    Ok(Work {
        lines,
        quote,
        uses: saved.uses,
    })
}

/// Dish, card, choices, rate of VAT and price of a line.
fn price<'a>(line: &WishLine, quantity: u32, s: &Situation<'a>) -> Result<Priced<'a>, Refused> {
    let unknown = || Refused::UnknownDish(line.dish_id.clone());
    let dish = s.catalog.dish(&line.dish_id).ok_or_else(unknown)?;
    let card = s.catalog.tech_card(&dish.tech_card).ok_or_else(unknown)?;
    let vat = s
        .catalog
        .vat_on(&dish.vat, s.day)
        .filter(|vat| s.printer_vat.is_empty() || s.printer_vat.contains(vat))
        .ok_or_else(|| Refused::NoVatRate {
            dish: dish.id.clone(),
            class: dish.vat.clone(),
        })?;
    let choices = dish.choices(&line.options).map_err(|e| match e {
        PickError::Gone(pick) => Refused::OptionGone {
            dish: dish.id.clone(),
            option: pick.option,
            choice: pick.choice,
        },
        PickError::Count { option, min, max } => Refused::OptionCount {
            dish: dish.id.clone(),
            option,
            min,
            max,
        },
    })?;
    let price_minor = choices
        .iter()
        .try_fold(dish.price_minor, |sum, (_, c)| {
            sum.checked_add(c.price_minor)
        })
        .ok_or(Refused::TooLarge)?;
    let sum = Money::new(price_minor, s.catalog.currency)
        .times(quantity)
        .map_err(|_| Refused::TooLarge)?;
    Ok(Priced {
        dish,
        variant: card.variant(choices.iter().map(|(_, c)| *c)),
        chosen: Chosen::of(&choices),
        vat,
        quantity,
        price_minor,
        sum_minor: sum.minor,
    })
}

/// Why this line can't be had, or not at that price. What it takes is counted for the lines after it.
fn obstacle(
    priced: &Priced<'_>,
    line: &WishLine,
    s: &Situation<'_>,
    at: &Zoned,
    needs: &mut BTreeMap<IngredientId, i64>,
) -> Option<Refused> {
    let card = &priced.variant.card;
    let dish = || priced.dish.id.clone();
    if let Some(stop) = s.stops.of(priced.dish, card, s.now) {
        return Some(Refused::Stopped {
            dish: dish(),
            message: Box::new(super::stops::sold_out(stop.until_at, at)),
        });
    }
    let mut all = BTreeMap::new();
    for a in &card.ingredients {
        let need = needs
            .get(&a.ingredient)
            .copied()
            .unwrap_or(0)
            .saturating_add(a.quantity.saturating_mul(i64::from(priced.quantity)));
        let level = s.levels.get(&a.ingredient).copied().unwrap_or_default();
        if need > level.available() {
            return Some(Refused::OutOfStock {
                dish: dish(),
                ingredient: a.ingredient.clone(),
            });
        }
        all.insert(a.ingredient.clone(), need);
    }
    needs.extend(all);
    line.price_minor
        .filter(|seen| *seen != priced.price_minor)
        .map(|_| Refused::PriceChanged {
            dish: dish(),
            price_minor: priced.price_minor,
        })
}

fn discounts(
    wish: &Wish,
    s: &Situation<'_>,
    at: &Zoned,
    lines: &[Option<Priced<'_>>],
    found: &[QuoteLine],
) -> Savings {
    let mut units = Vec::new();
    for (i, (priced, line)) in lines.iter().zip(found).enumerate() {
        let Some(priced) = priced.as_ref().filter(|_| line.available()) else {
            continue;
        };
        units.extend((0..priced.quantity).map(|_| Unit {
            line: i,
            dish: priced.dish.id.clone(),
            category: priced.dish.category.clone(),
            price_minor: priced.price_minor,
        }));
    }
    savings(
        &s.catalog.promotions,
        &Basket {
            units: &units,
            service: wish.service,
            at,
            code: wish.promo_code.as_deref(),
            known: s.known,
        },
    )
}

impl Quote {
    /// The words for a code that is not taken.
    #[must_use]
    pub fn code_message(&self) -> Option<Text> {
        self.code.and_then(Result::err).map(CodeProblem::message)
    }
}
