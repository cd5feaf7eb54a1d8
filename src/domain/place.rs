//! Placing an order: the store prices it (a kiosk's prices are never trusted), holds the stock and promises a time.

use super::{
    catalog::{Amount, Catalog},
    contact::ReceiptTo,
    ids::{DishId, IngredientId, OrderId},
    options::Pick,
    order::{JobStage, Order, OrderLine, OrderState, Piece, Service},
    policy::Policy,
    promotion::{Known, plain_code},
    promotion_sum::{CodeProblem, Use},
    quote::{self, Quote, Work},
    receipt::Vat,
    stock::{Levels, Movement},
    stops::Stops,
    text::{Language, Text},
    time::Timestamp,
    vat::VatClass,
};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the guest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The guest's language.
    pub language: Language,
    /// Here or to go.
    pub service: Service,
    /// The dishes.
    pub lines: Vec<WishLine>,
    /// A code of a promotion.
    pub promo_code: Option<String>,
    /// What the guest saw to pay, minor units.
    pub total_minor: Option<i64>,
}

/// One dish, so many times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishLine {
    /// Which.
    pub dish_id: DishId,
    /// How many.
    pub quantity: i64,
    /// What the guest chose.
    pub options: Vec<Pick>,
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
    /// What staff took off sale.
    pub stops: &'a Stops,
    /// The store's time zone.
    pub zone: &'a TimeZone,
    /// What is known of who orders.
    pub known: &'a Known,
    /// The store closes then: what would be ready later is not taken. [source: robot.md 6.3]
    pub closes_at: Option<Timestamp>,
}

/// An order that can be taken in.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The order.
    pub order: Order,
    /// Movements that hold its stock.
    pub movements: Vec<Movement>,
    /// What is counted of promotions.
    pub uses: Vec<Use>,
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
    /// Its dishes could never stand at the robot together: it would be paid and never be ready.
    #[error(
        "{dishes} dishes can't be one order: the robot has {places} hand-over places (robot.places), and all dishes of an order stand there until the last is ready; place several orders"
    )]
    TooManyDishes {
        /// How many were asked for.
        dishes: i64,
        /// Hand-over places of the robot.
        places: u32,
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
    /// Staff took it off sale.
    #[error("{dish} is off sale: {}", .message.en)]
    Stopped {
        /// Which dish.
        dish: DishId,
        /// That it is sold out, and when it is back.
        message: Box<Text>,
    },
    /// The dish has no such choice any more.
    #[error("{dish} has no choice {option}: {choice}")]
    OptionGone {
        /// Which dish.
        dish: DishId,
        /// The option.
        option: String,
        /// The choice.
        choice: String,
    },
    /// Too many or too few choices.
    #[error("{dish}, {option}: choose {min} to {max}, each once")]
    OptionCount {
        /// Which dish.
        dish: DishId,
        /// The option.
        option: String,
        /// At least.
        min: u32,
        /// At most.
        max: u32,
    },
    /// The guest's code is not taken.
    #[error("the promo code is not taken: {}", .0.message().en)]
    Code(CodeProblem),
    /// The guest saw another total.
    #[error("it comes to {} minor units now", .quote.total_minor)]
    TotalChanged {
        /// What it comes to.
        quote: Box<Quote>,
    },
    /// The kitchen could not make it within the longest wait.
    #[error("the kitchen is too busy: it would be ready in {minutes} minutes")]
    TooBusy {
        /// When it would be ready, from now.
        minutes: u64,
    },
    /// It would be ready after the store closes.
    #[error("it would be ready after the store closes")]
    AfterClosing,
    /// The sum does not fit.
    #[error("the sum is too large")]
    TooLarge,
}

/// Prices the wish and makes the order, the movements that hold its stock, and what promotions count.
///
/// # Errors
/// [`Refused`], and then nothing has changed.
pub fn place(wish: &Wish, s: &Situation<'_>) -> Result<Placed, Refused> {
    let Work {
        lines: priced,
        quote,
        uses,
    } = quote::work(wish, s)?;
    if let Some(problem) = quote.lines.iter().find_map(|l| l.problem.clone()) {
        return Err(problem);
    }
    if let Some(Err(problem)) = quote.code {
        return Err(Refused::Code(problem));
    }
    if wish
        .total_minor
        .is_some_and(|seen| seen != quote.total_minor)
    {
        return Err(Refused::TotalChanged {
            quote: Box::new(quote),
        });
    }
    let promised_at = quote.ready_at.unwrap_or(s.now);
    let wait = promised_at.since(s.now);
    if wait > s.policy.max_wait {
        return Err(Refused::TooBusy {
            minutes: wait.as_secs() / 60,
        });
    }
    if s.closes_at.is_some_and(|end| promised_at > end) {
        return Err(Refused::AfterClosing);
    }
    let mut lines = Vec::new();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut movements = Vec::new();
    for (index, (p, q)) in priced.into_iter().flatten().zip(&quote.lines).enumerate() {
        let card = &p.variant.card;
        for nth in 0..p.quantity {
            let job_id = s.id.job(index, nth, 1);
            let reserve = |a: &Amount| Movement::reserve(&a.ingredient, job_id, a.quantity);
            movements.extend(card.ingredients.iter().map(reserve));
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
            dish_id: p.dish.id.clone(),
            name: p.dish.name.clone(),
            options: p.chosen,
            quantity: p.quantity,
            price_minor: p.price_minor,
            sum_minor: p.sum_minor,
            discount_minor: q.discount_minor,
            vat: p.vat,
            vat_class: Some(p.dish.vat.clone()),
            subject: p.dish.subject,
            marked: p.dish.marked.clone(),
        });
    }
    let order = Order {
        id: s.id,
        number: s.number,
        day: s.day.to_owned(),
        language: wish.language,
        service: wish.service,
        lines,
        promotions: quote.promotions,
        promo_code: wish.promo_code.as_deref().map(plain_code),
        total_minor: quote.total_minor,
        currency: s.catalog.currency,
        placed_at: s.now,
        promised_at,
        expires_at: s.now.saturating_add(s.policy.pay_within),
        placed_by: s.by.to_owned(),
        channel: None,
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
        loyalty: None,
        state: OrderState::Placed,
    };
    Ok(Placed {
        order,
        movements,
        uses,
    })
}
