//! Asking what an order would cost, and placing it: the same sum over the same facts.

use super::{Context, FlowError, accepting::accepting_now, law, loyalty, record};
use crate::{
    domain::{
        event::Body,
        fiscal_law,
        hours::Standing,
        ids::{IngredientId, MemberId, OrderId},
        order::Order,
        place::{self, Placed, Situation, Wish},
        promotion::{Known, Promotion, Rule, plain_code},
        quote::{self, Quote},
        receipt::Vat,
        shift::ShiftState,
        stock::Levels,
        stops::Stops,
        time::local,
    },
    store::{Person, Snapshot, Tx, Who},
};
use std::time::Duration;

/// Who orders, beside the wish.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asks<'a> {
    /// The guest's phone number.
    pub phone: Option<&'a str>,
    /// The card of one of the store's own people; only where a cashier or a manager takes it.
    pub staff_card: Option<&'a str>,
    /// The member of the loyalty programme.
    pub member: Option<MemberId>,
}

/// What pricing needs to know of the store at this moment.
struct Facts {
    levels: Levels,
    ahead: Duration,
    vat: Vec<Vat>,
    /// Whether the printer can register marked goods, where it says so.
    marking: Option<bool>,
    stops: Stops,
    known: Known,
    guest: Option<Who>,
    staff: Option<Who>,
}

impl Facts {
    fn read(
        s: &Snapshot<'_>,
        cx: &Context,
        wish: &Wish,
        asks: &Asks<'_>,
        till: fiscal_law::Facts,
    ) -> Result<Self, FlowError> {
        let (known, guest, staff) = known(s, cx, wish, asks)?;
        Ok(Self {
            levels: levels_for(s, cx, wish)?,
            ahead: record::kitchen_ahead(s)?,
            vat: till.vat,
            marking: till.marking,
            stops: s.stops()?,
            known,
            guest,
            staff,
        })
    }

    fn situation<'a>(&'a self, cx: &'a Context, id: OrderId, number: u32) -> Situation<'a> {
        Situation {
            catalog: &cx.catalog,
            levels: &self.levels,
            policy: &cx.policy,
            ahead: self.ahead,
            now: cx.now,
            day: &cx.day,
            id,
            number,
            by: &cx.actor.0,
            has_contact: false,
            printer_vat: &self.vat,
            stops: &self.stops,
            zone: &cx.zone,
            known: &self.known,
            closes_at: match cx.policy.hours.at(&local(cx.now, &cx.zone)) {
                Standing::Open(until) => until,
                Standing::Closed(_) => None,
            },
        }
    }
}

/// What an order would cost. It changes nothing.
///
/// # Errors
/// There is nothing to price, or the database can't be read.
pub fn quote_order(
    s: &Snapshot<'_>,
    cx: &Context,
    wish: &Wish,
    asks: &Asks<'_>,
) -> Result<Quote, FlowError> {
    let facts = Facts::read(s, cx, wish, asks, law::facts(s)?)?;
    let nobody = OrderId(uuid::Uuid::nil());
    Ok(quote::quote(wish, &facts.situation(cx, nobody, 0))?)
}

/// Places an order: `id` is its new id.
///
/// # Errors
/// The store takes no orders, or not this one.
pub fn place_order(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: OrderId,
    wish: &Wish,
    asks: &Asks<'_>,
) -> Result<Order, FlowError> {
    place_with(tx, cx, id, wish, asks, |_| {})
}

/// [`place_order`], and `finish` adds what the order says besides.
pub(super) fn place_with(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: OrderId,
    wish: &Wish,
    asks: &Asks<'_>,
    finish: impl FnOnce(&mut Order),
) -> Result<Order, FlowError> {
    // Read once: every order of every guest comes through here.
    let shift = tx.snapshot().shift()?;
    let till = law::facts_beside(&tx.snapshot(), &shift)?;
    accepting_now(&tx.snapshot(), cx, &shift, &till)?
        .map_err(|closed| FlowError::NotAccepting(Box::new(closed)))?;
    let facts = Facts::read(&tx.snapshot(), cx, wish, asks, till)?;
    let mut wished = wish
        .lines
        .iter()
        .filter_map(|l| cx.catalog.dish(&l.dish_id));
    if facts.marking == Some(false)
        && let Some(dish) = wished.find(|d| d.marked.is_some())
    {
        return Err(place::Refused::NoMarking(dish.id.clone()).into());
    }
    let number = tx.snapshot().next_number(&cx.day)?;
    let situation = Situation {
        has_contact: asks.phone.is_some(),
        ..facts.situation(cx, id, number)
    };
    let Placed {
        mut order,
        movements,
        uses,
    } = place::place(wish, &situation)?;
    finish(&mut order);
    if shift.state == ShiftState::Closed {
        record::record(tx, cx, None, Body::ShiftOpening {})?;
    }
    record::record(
        tx,
        cx,
        Some(id),
        Body::OrderPlaced {
            order: Box::new(order.clone()),
        },
    )?;
    if !movements.is_empty() {
        record::record(tx, cx, None, Body::StockMoved { movements })?;
    }
    if let Some(member) = asks.member {
        order = loyalty::attach(tx, cx, id, member)?;
    }
    tx.put_promotion_uses(id, &uses, facts.guest, facts.staff, &cx.day, cx.now)?;
    if let Some(phone) = asks.phone {
        tx.put_contact(id, phone, cx.now)?;
    }
    Ok(order)
}

/// What promotions know of who orders; nothing is looked up that none of them asks for.
fn known(
    s: &Snapshot<'_>,
    cx: &Context,
    wish: &Wish,
    asks: &Asks<'_>,
) -> Result<(Known, Option<Who>, Option<Who>), FlowError> {
    let promotions = &cx.catalog.promotions;
    let mut known = Known::default();
    let code = wish.promo_code.as_deref().map(plain_code);
    if let Some(code) = &code
        && promotions.iter().any(|p| p.has_code(code))
    {
        known.code_uses = s.code_uses(code)?;
    }
    let mut guest = None;
    let phone = match (asks.phone, asks.member) {
        _ if !promotions.iter().any(Promotion::needs_guest) => None,
        (Some(phone), _) => s.who(Person::Phone(phone))?,
        // A member is known by the number they joined with.
        (None, Some(member)) => s.member_phone(member)?,
        (None, None) => None,
    };
    if let Some(who) = phone {
        known.guest = Some(s.guest(&who, code.as_deref(), cx.now)?);
        guest = Some(who);
    }
    let mut staff = None;
    if let Some(card) = asks.staff_card
        && promotions
            .iter()
            .any(|p| matches!(p.rule, Rule::StaffMeal { .. }))
        && let Some(who) = s.who(Person::Card(card))?
    {
        known.staff = Some(s.staff_meals(&who, &cx.day)?);
        staff = Some(who);
    }
    Ok((known, guest, staff))
}

/// The levels of what the wished dishes can be made of.
fn levels_for(s: &Snapshot<'_>, cx: &Context, wish: &Wish) -> Result<Levels, FlowError> {
    let mut levels = Levels::new();
    let mut add = |ingredient: &IngredientId| -> Result<(), FlowError> {
        if !levels.contains_key(ingredient) {
            levels.insert(ingredient.clone(), s.level(ingredient)?);
        }
        Ok(())
    };
    for line in &wish.lines {
        let Some(dish) = cx.catalog.dish(&line.dish_id) else {
            continue;
        };
        let Some(card) = cx.catalog.tech_card(&dish.tech_card) else {
            continue;
        };
        // Choices that can't be had together are refused when they are priced.
        let choices = dish.choices(&line.options).unwrap_or_default();
        let variant = card.variant(choices.into_iter().map(|(_, c)| c));
        for amount in &variant.card.ingredients {
            add(&amount.ingredient)?;
        }
    }
    Ok(levels)
}
