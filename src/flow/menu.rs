//! What staff take off sale and put on sale again, and what they tell of guests.

use super::{
    Context, FlowError,
    accepting::{self, PAUSE},
    loyalty,
    record::record,
};
use crate::{
    domain::{
        event::Body,
        stops::{Pause, PauseKind, Stop, Stopped},
        time::Timestamp,
    },
    store::{Person, Tx},
};

/// Longest word for why, characters.
const WHY_LIMIT: usize = 200;

/// Takes a dish or an ingredient off sale.
///
/// # Errors
/// No such dish or ingredient, or it would be over already.
pub fn stop(
    tx: &mut Tx<'_>,
    cx: &Context,
    what: Stopped,
    until_at: Option<Timestamp>,
    why: &str,
) -> Result<(), FlowError> {
    match &what {
        Stopped::Dish(id) => cx.catalog.dish(id).map(drop),
        Stopped::Ingredient(id) => cx.catalog.ingredient(id).map(drop),
    }
    .ok_or(FlowError::Unknown("dish or ingredient"))?;
    let stop = stop_of(cx, until_at, why)?;
    tx.put_stop(&what, &stop)?;
    record(tx, cx, None, Body::MenuStopped { what, stop })
}

/// Puts it on sale again.
///
/// # Errors
/// It is not on the stop-list.
pub fn lift(tx: &mut Tx<'_>, cx: &Context, what: Stopped, why: &str) -> Result<(), FlowError> {
    let why = perhaps_said(why)?;
    if !tx.lift_stop(&what)? {
        return Err(FlowError::Conflict("it is not on the stop-list".to_owned()));
    }
    record(tx, cx, None, Body::MenuLifted { what, why })
}

/// Sells nothing for a while.
///
/// # Errors
/// It would be over already.
pub fn pause_sales(
    tx: &mut Tx<'_>,
    cx: &Context,
    kind: PauseKind,
    until_at: Option<Timestamp>,
    why: &str,
) -> Result<(), FlowError> {
    let pause = Pause {
        kind,
        stop: stop_of(cx, until_at, why)?,
    };
    tx.put_document(PAUSE, &Some(&pause))?;
    record(tx, cx, None, Body::SalesPaused { pause })
}

/// Sells again.
///
/// # Errors
/// Nothing is paused.
pub fn resume_sales(tx: &mut Tx<'_>, cx: &Context, why: &str) -> Result<(), FlowError> {
    let why = perhaps_said(why)?;
    if accepting::pause(&tx.snapshot(), cx.now)?.is_none() {
        return Err(FlowError::Conflict("sales are not paused".to_owned()));
    }
    tx.put_document(PAUSE, &None::<Pause>)?;
    record(tx, cx, None, Body::SalesResumed { why })
}

fn stop_of(cx: &Context, until_at: Option<Timestamp>, why: &str) -> Result<Stop, FlowError> {
    if until_at.is_some_and(|until| until <= cx.now) {
        return Err(FlowError::Invalid(
            "until_at lies in the past: it would be over already".to_owned(),
        ));
    }
    Ok(Stop {
        since_at: cx.now,
        until_at,
        who: cx.actor.0.clone(),
        why: said(why)?,
    })
}

/// That the store sells as usual needs no reason.
fn perhaps_said(why: &str) -> Result<String, FlowError> {
    match why.trim() {
        "" => Ok(String::new()),
        why => said(why),
    }
}

fn said(why: &str) -> Result<String, FlowError> {
    let why = why.trim();
    if why.is_empty() || why.chars().count() > WHY_LIMIT {
        return Err(FlowError::Invalid(format!(
            "say why, in 1 to {WHY_LIMIT} characters: it is kept in the log"
        )));
    }
    Ok(why.to_owned())
}

/// Keeps month and day of a guest's birthday, for promotions. Neither enters the log.
///
/// # Errors
/// No such day.
pub fn keep_birthday(
    tx: &mut Tx<'_>,
    cx: &Context,
    phone: &str,
    month: i8,
    day: i8,
) -> Result<(), FlowError> {
    // 2000 was a leap year.
    if jiff::civil::Date::new(2000, month, day).is_err() {
        return Err(FlowError::Invalid("there is no such day".to_owned()));
    }
    let who = tx.snapshot().who(Person::Phone(phone))?;
    let who = who.ok_or(FlowError::Unknown("key of guests' numbers"))?;
    Ok(tx.put_birthday(who, &format!("{month:02}-{day:02}"), cx.now)?)
}

/// Forgets what promotions and the loyalty programme know of a phone number; how much there was.
///
/// # Errors
/// When it can't be written.
pub fn forget_guest(tx: &mut Tx<'_>, cx: &Context, phone: &str) -> Result<usize, FlowError> {
    let Some(who) = tx.snapshot().who(Person::Phone(phone))? else {
        return Ok(0);
    };
    let mut rows = tx.erase_person(who)?;
    if let Some(member) = tx.snapshot().member_by(&who)? {
        rows += loyalty::forget(tx, cx, member.id)?;
    }
    Ok(rows)
}

/// Erases all that is kept of a guest: what promotions know, and the numbers and addresses of their orders. Orders and
/// receipts stay; they name nobody. How many rows there were.
///
/// # Errors
/// When it can't be written.
pub fn erase_guest(tx: &mut Tx<'_>, cx: &Context, phone: &str) -> Result<u64, FlowError> {
    let guest = Person::Phone(phone).plain();
    if guest.chars().filter(char::is_ascii_digit).count() < 5 {
        return Err(FlowError::Invalid("that is no phone number".to_owned()));
    }
    let promotions = forget_guest(tx, cx, phone)?;
    let contacts = tx.erase_contacts_of(|number| Person::Phone(number).plain() == guest)?;
    let rows = u64::try_from(promotions + contacts).unwrap_or(u64::MAX);
    record(tx, cx, None, Body::GuestErased { rows })?;
    Ok(rows)
}
