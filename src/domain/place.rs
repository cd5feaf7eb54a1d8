//! Placing an order: the store prices it (a kiosk's prices are never trusted), holds the stock and promises a time.

use super::{
    catalog::Catalog,
    contact::ReceiptTo,
    ids::{DishId, IngredientId, OrderId},
    money::Money,
    order::{JobStage, Order, OrderLine, OrderState, Piece, Service},
    policy::Policy,
    promise::promised_at,
    receipt::Vat,
    stock::{Levels, Movement},
    text::Language,
    time::Timestamp,
    vat::VatClass,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// What the guest asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The guest's language.
    pub language: Language,
    /// Here or to go.
    pub service: Service,
    /// The dishes.
    pub lines: Vec<WishLine>,
}

/// One dish, so many times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishLine {
    /// Which.
    pub dish_id: DishId,
    /// How many.
    pub quantity: i64,
    /// The price of one that the guest saw, minor units.
    pub price_minor: Option<i64>,
}

/// What the store knows at that moment.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// What is sold.
    pub catalog: &'a Catalog,
    /// What there is.
    pub levels: &'a Levels,
    /// The rules.
    pub policy: &'a Policy,
    /// Planned time of all dishes that are ordered and not plated.
    pub ahead: Duration,
    /// Now.
    pub now: Timestamp,
    /// The store's day, `YYYY-MM-DD`.
    pub day: &'a str,
    /// The new order's id.
    pub id: OrderId,
    /// The new order's number.
    pub number: u32,
    /// Who places it.
    pub by: &'a str,
    /// A phone number was left.
    pub has_contact: bool,
    /// Rates of VAT that the printer can register; empty when it does not say.
    pub printer_vat: &'a [Vat],
}

/// Why an order is not taken. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No lines.
    #[error("the order has no lines")]
    Empty,
    /// No such dish.
    #[error("there is no dish {0}")]
    UnknownDish(DishId),
    /// Its class has no rate of VAT today, or one that the printer can't register: a receipt would be wrong.
    #[error("{dish} can't be sold: the class {:?} has no rate of VAT today that the printer knows", .class.0)]
    NoVatRate {
        /// Which dish.
        dish: DishId,
        /// Its class.
        class: VatClass,
    },
    /// It is marked goods, and the printer can't register them.
    #[error(
        "{0} can't be sold: it is marked goods, and this printer registers none (FFD 1.2 is needed)"
    )]
    NoMarking(DishId),
    /// Not a number of pieces that can be ordered.
    #[error("{quantity} pieces can't be ordered; an order has 1 to {max}")]
    Quantity {
        /// What was asked for.
        quantity: i64,
        /// Most pieces of an order.
        max: u32,
    },
    /// The guest saw another price.
    #[error("{dish} costs {price_minor} minor units now")]
    PriceChanged {
        /// Which dish.
        dish: DishId,
        /// Its price now, minor units.
        price_minor: i64,
    },
    /// Not enough of an ingredient.
    #[error("{dish} is sold out: not enough {ingredient}")]
    OutOfStock {
        /// The first dish that can't be made.
        dish: DishId,
        /// What is missing.
        ingredient: IngredientId,
    },
    /// The kitchen could not make it within the longest wait.
    #[error("the kitchen is too busy: it would be ready in {minutes} minutes")]
    TooBusy {
        /// When it would be ready, from now.
        minutes: u64,
    },
    /// The sum does not fit.
    #[error("the sum is too large")]
    TooLarge,
}

/// Prices the wish and makes the order and the movements that hold its stock.
///
/// # Errors
/// [`Refused`], and then nothing has changed.
pub fn place(wish: &Wish, s: &Situation<'_>) -> Result<(Order, Vec<Movement>), Refused> {
    if wish.lines.is_empty() {
        return Err(Refused::Empty);
    }
    let mut lines = Vec::new();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut total = Money::new(0, s.catalog.currency);
    let mut own = Duration::ZERO;
    let mut needs: BTreeMap<&IngredientId, i64> = BTreeMap::new();
    let mut movements = Vec::new();
    for (index, line) in wish.lines.iter().enumerate() {
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
        let max = s.policy.max_pieces;
        let room = i64::from(max) - i64::try_from(pieces.len()).unwrap_or(i64::MAX);
        let quantity = u32::try_from(line.quantity)
            .ok()
            .filter(|q| *q > 0 && i64::from(*q) <= room)
            .ok_or(Refused::Quantity {
                quantity: line.quantity,
                max,
            })?;
        if line
            .price_minor
            .is_some_and(|seen| seen != dish.price_minor)
        {
            return Err(Refused::PriceChanged {
                dish: dish.id.clone(),
                price_minor: dish.price_minor,
            });
        }
        let sum = Money::new(dish.price_minor, s.catalog.currency)
            .times(quantity)
            .map_err(|_| Refused::TooLarge)?;
        total = total.plus(sum).map_err(|_| Refused::TooLarge)?;
        for nth in 0..quantity {
            let job_id = s.id.job(index, nth, 1);
            for amount in &card.ingredients {
                let need = needs.entry(&amount.ingredient).or_default();
                *need = need.saturating_add(amount.quantity);
                let level = s
                    .levels
                    .get(&amount.ingredient)
                    .copied()
                    .unwrap_or_default();
                if *need > level.available() {
                    return Err(Refused::OutOfStock {
                        dish: dish.id.clone(),
                        ingredient: amount.ingredient.clone(),
                    });
                }
                movements.push(Movement::reserve(
                    &amount.ingredient,
                    job_id,
                    amount.quantity,
                ));
            }
            own += Duration::from_millis(card.duration_ms());
            pieces.push(Piece {
                line: index,
                nth,
                job_id,
                attempt: 1,
                stage: JobStage::Waiting,
                progress_pm: None,
                planned_ms: card.duration_ms(),
                slot: None,
                reason: None,
            });
        }
        lines.push(OrderLine {
            dish_id: dish.id.clone(),
            name: dish.name.clone(),
            quantity,
            price_minor: dish.price_minor,
            sum_minor: sum.minor,
            vat,
            vat_class: Some(dish.vat.clone()),
            subject: dish.subject,
            marked: dish.marked.clone(),
        });
    }
    let promised_at = promised_at(s.now, s.ahead, own, s.policy.arms, s.policy.speed);
    let wait = promised_at.since(s.now);
    if wait > s.policy.max_wait {
        return Err(Refused::TooBusy {
            minutes: wait.as_secs() / 60,
        });
    }
    let order = Order {
        id: s.id,
        number: s.number,
        day: s.day.to_owned(),
        language: wish.language,
        service: wish.service,
        lines,
        total_minor: total.minor,
        currency: s.catalog.currency,
        placed_at: s.now,
        promised_at,
        expires_at: s.now.saturating_add(s.policy.pay_within),
        placed_by: s.by.to_owned(),
        has_contact: s.has_contact,
        payments: Vec::new(),
        receipts: Vec::new(),
        pieces,
        refunds: Vec::new(),
        given_up: None,
        paid: false,
        ready: false,
        closed: false,
        marks: Vec::new(),
        receipt_to: ReceiptTo::Paper,
        state: OrderState::Placed,
    };
    Ok((order, movements))
}
