//! What people of the store do besides orders: they come in with a PIN, pair screens, answer guests' calls, count the
//! drawer, call a number again.

use super::{
    Context, FlowError,
    commands::{clear_alert, load, raise_alert},
    record::record,
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        chain::Hash,
        event::Body,
        ids::OrderId,
        money::Money,
        order::Order,
        payment::Payment,
        shift::ShiftState,
        shift_report::{CountEntry, DrawerCount, ShiftReport},
        staff::{self, Denomination, Guard, Position, TELLING, User},
        text::Language,
        time::Timestamp,
    },
    store::{Call, Pairing, Screen, Session, Snapshot, Tx},
};
use std::time::Duration;
use uuid::Uuid;

/// A code stands on a screen so long.
pub const CODE_VALID: Duration = Duration::from_mins(10);
/// A paired screen that lost its answer may ask for it again so long.
const ASK_AGAIN: Duration = Duration::from_mins(2);
/// Screens that may ask for a code within a minute, all together.
const ASKING: usize = 10;
/// Digits of a code.
const CODE: u64 = 1_000_000;
/// Characters of a remark. [ours]
const LONGEST_NOTE: usize = 200;

/// Why a guest may call.
pub const CALLS: [&str; 5] = ["help", "payment", "spill", "allergy", "other"];

fn user_by_name(tx: &Tx<'_>, name: &str) -> Result<User, FlowError> {
    tx.snapshot().user(name)?.ok_or(FlowError::Unknown("user"))
}

fn changed(tx: &mut Tx<'_>, cx: &Context, user: &User, act: &str) -> Result<(), FlowError> {
    record(
        tx,
        cx,
        None,
        Body::UserChanged {
            user_id: user.id,
            name: user.name.clone(),
            role: user.role,
            act: act.to_owned(),
        },
    )
}

fn pin_is_free(s: &Snapshot<'_>, user: Uuid, pin: &Hash) -> Result<(), FlowError> {
    match s.user_by_pin(pin)? {
        // Whose it is, is not told.
        Some(other) if other.id != user => Err(FlowError::Conflict(
            "this PIN can't be had; take another".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Adds a person; `pin` is what is made of the PIN.
///
/// # Errors
/// A name or a PIN that somebody has already, or no name.
pub fn add_user(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: Uuid,
    name: &str,
    role: Position,
    language: Language,
    pin: &Hash,
) -> Result<User, FlowError> {
    let name = staff::name(name).map_err(FlowError::Invalid)?;
    if tx.snapshot().user(&name)?.is_some() {
        return Err(FlowError::Conflict(format!(
            "there is a user {name} already"
        )));
    }
    pin_is_free(&tx.snapshot(), id, pin)?;
    let user = User {
        id,
        name,
        role,
        language,
        created_at: cx.now,
        disabled_at: None,
    };
    tx.put_user(&user)?;
    tx.put_pin(id, pin)?;
    changed(tx, cx, &user, "added")?;
    Ok(user)
}

/// Gives a person another PIN; what they are at ends.
///
/// # Errors
/// No such person, or somebody else's PIN.
pub fn set_pin(tx: &mut Tx<'_>, cx: &Context, name: &str, pin: &Hash) -> Result<User, FlowError> {
    let user = user_by_name(tx, name)?;
    pin_is_free(&tx.snapshot(), user.id, pin)?;
    tx.put_pin(user.id, pin)?;
    tx.end_sessions_of(user.id)?;
    changed(tx, cx, &user, "pin_set")?;
    Ok(user)
}

/// Shuts a person out, or lets them in again.
///
/// # Errors
/// No such person.
pub fn enable_user(
    tx: &mut Tx<'_>,
    cx: &Context,
    name: &str,
    enabled: bool,
) -> Result<User, FlowError> {
    let mut user = user_by_name(tx, name)?;
    if user.disabled_at.is_none() == enabled {
        return Ok(user);
    }
    user.disabled_at = (!enabled).then_some(cx.now);
    tx.put_user(&user)?;
    tx.end_sessions_of(user.id)?;
    changed(tx, cx, &user, if enabled { "enabled" } else { "disabled" })?;
    Ok(user)
}

/// Removes a person. What they did stays in the log under their name.
///
/// # Errors
/// No such person.
pub fn remove_user(tx: &mut Tx<'_>, cx: &Context, name: &str) -> Result<User, FlowError> {
    let user = user_by_name(tx, name)?;
    tx.delete_user(user.id)?;
    changed(tx, cx, &user, "removed")?;
    Ok(user)
}

fn guard_alert(door: &str) -> String {
    format!("pin:{door}")
}

/// Counts an attempt at a door before the PIN is looked at. It is on the disk before anything is compared: pulling
/// the plug gives no further guesses.
///
/// # Errors
/// [`FlowError::TooMany`] while the door is shut.
pub fn knock(tx: &mut Tx<'_>, cx: &Context, door: &str) -> Result<Guard, FlowError> {
    let guard = tx
        .snapshot()
        .guard(door)?
        .attempt(cx.now)
        .map_err(FlowError::TooMany)?;
    tx.put_guard(door, guard)?;
    Ok(guard)
}

/// Lets the person with this PIN in, or notes that nobody has it.
///
/// # Errors
/// When it can't be written.
pub fn come_in(
    tx: &mut Tx<'_>,
    cx: &Context,
    door: &str,
    guard: Guard,
    pin: &Hash,
    token: Hash,
    lasts: Duration,
) -> Result<Option<(User, Session)>, FlowError> {
    let found = tx.snapshot().user_by_pin(pin)?;
    let Some(user) = found.filter(|u| u.disabled_at.is_none()) else {
        refused(tx, cx, door, guard)?;
        return Ok(None);
    };
    tx.delete_guard(door)?;
    clear_alert(tx, cx, &guard_alert(door))?;
    tx.forget_sessions(cx.now)?;
    let session = Session {
        hash: token,
        user_id: user.id,
        door: door.to_owned(),
        opened_at: cx.now,
        seen_at: cx.now,
        expires_at: cx.now.saturating_add(lasts),
    };
    tx.put_session(&session)?;
    record(
        tx,
        cx,
        None,
        Body::SessionOpened {
            user_id: user.id,
            name: user.name.clone(),
            role: user.role,
            door: door.to_owned(),
        },
    )?;
    Ok(Some((user, session)))
}

fn refused(tx: &mut Tx<'_>, cx: &Context, door: &str, guard: Guard) -> Result<(), FlowError> {
    record(
        tx,
        cx,
        None,
        Body::PinRefused {
            door: door.to_owned(),
            wrong: guard.wrong,
        },
    )?;
    if guard.wrong < TELLING {
        return Ok(());
    }
    raise_alert(
        tx,
        cx,
        Alert {
            key: guard_alert(door),
            severity: Severity::Warning,
            title: format!("Somebody tries PINs at {door}"),
            detail: format!("{} wrong PINs in a row", guard.wrong),
            advice: format!(
                "Look who stands there. The door opens again by itself; to open it now: galley user unlock '{door}'"
            ),
            since_at: cx.now,
        },
    )
}

/// Forgets wrong PINs at a door.
///
/// # Errors
/// There were none.
pub fn unlock(tx: &mut Tx<'_>, cx: &Context, door: &str) -> Result<(), FlowError> {
    if !tx.delete_guard(door)? {
        return Err(FlowError::Unknown("door with wrong PINs"));
    }
    clear_alert(tx, cx, &guard_alert(door))
}

/// Ends a session.
///
/// # Errors
/// When it can't be written.
pub fn go_out(
    tx: &mut Tx<'_>,
    cx: &Context,
    token: &Hash,
    user_id: Uuid,
    door: &str,
) -> Result<(), FlowError> {
    if !tx.end_session(token)? {
        return Ok(());
    }
    record(
        tx,
        cx,
        None,
        Body::SessionClosed {
            user_id,
            door: door.to_owned(),
        },
    )
}

/// A screen without a token asks to be paired: `poll` is the hash of what it will ask with, `chance` gives numbers
/// below a bound.
///
/// # Errors
/// [`FlowError::TooMany`] when too many ask.
pub fn ask_pairing(
    tx: &mut Tx<'_>,
    now: Timestamp,
    role: &str,
    poll: Hash,
    mut chance: impl FnMut(u64) -> u64,
) -> Result<Pairing, FlowError> {
    const MINUTE: Duration = Duration::from_secs(60);
    tx.forget_pairings(now)?;
    let open = tx.snapshot().pairings(now)?;
    let lately: Vec<_> = open
        .iter()
        .filter(|p| now.since(p.created_at) < MINUTE)
        .collect();
    if let Some(first) = lately.first().filter(|_| lately.len() >= ASKING) {
        return Err(FlowError::TooMany(first.created_at.saturating_add(MINUTE)));
    }
    // At most a hundred codes of a million are open: a free one comes soon.
    let code = loop {
        let code = format!("{:06}", chance(CODE));
        if open.iter().all(|p| p.code != code) {
            break code;
        }
    };
    let pairing = Pairing {
        code,
        poll,
        role: role.to_owned(),
        name: None,
        created_at: now,
        expires_at: now.saturating_add(CODE_VALID),
    };
    tx.put_pairing(&pairing)?;
    Ok(pairing)
}

/// Pairs the screen with this code under a name; `token` makes its token's hash out of the hash it asks with.
///
/// # Errors
/// No such code, another role, a name that is taken.
pub fn pair(
    tx: &mut Tx<'_>,
    cx: &Context,
    code: &str,
    name: &str,
    role: Option<&str>,
    token: impl FnOnce(&Hash) -> Hash,
) -> Result<Screen, FlowError> {
    let name = staff::name(name).map_err(FlowError::Invalid)?;
    let pairing = tx
        .snapshot()
        .pairings(cx.now)?
        .into_iter()
        .find(|p| p.code == code)
        .ok_or(FlowError::Unknown(
            "code; read it from the screen again, it changes every ten minutes",
        ))?;
    if let Some(role) = role.filter(|role| *role != pairing.role) {
        return Err(FlowError::Conflict(format!(
            "this code stands on a screen that wants to be a {}, not a {role}",
            pairing.role
        )));
    }
    if let Some(paired) = &pairing.name {
        // The same request again.
        if let Some(screen) = tx.snapshot().screen(paired)?.filter(|_| *paired == name) {
            return Ok(screen);
        }
        return Err(FlowError::Conflict(format!(
            "this screen is paired already, as {paired}"
        )));
    }
    name_is_free(&tx.snapshot(), &name)?;
    let screen = Screen {
        hash: token(&pairing.poll),
        role: pairing.role.clone(),
        name: name.clone(),
        paired_at: cx.now,
        paired_by: cx.actor.0.clone(),
    };
    tx.put_screen(&screen)?;
    tx.put_pairing(&Pairing {
        name: Some(name.clone()),
        expires_at: cx.now.saturating_add(ASK_AGAIN),
        ..pairing
    })?;
    record(
        tx,
        cx,
        None,
        Body::ScreenPaired {
            name,
            role: screen.role.clone(),
        },
    )?;
    Ok(screen)
}

fn name_is_free(s: &Snapshot<'_>, name: &str) -> Result<(), FlowError> {
    match s.screen(name)? {
        None => Ok(()),
        Some(_) => Err(FlowError::Conflict(format!(
            "there is a screen {name} already; revoke it first, or take another name"
        ))),
    }
}

fn screen(tx: &Tx<'_>, name: &str) -> Result<Screen, FlowError> {
    tx.snapshot()
        .screen(name)?
        .ok_or(FlowError::Unknown("paired screen"))
}

/// Gives a screen another name. People who came in under the old one come in again.
///
/// # Errors
/// No such screen, or a name that is taken.
pub fn rename_screen(
    tx: &mut Tx<'_>,
    cx: &Context,
    name: &str,
    to: &str,
) -> Result<Screen, FlowError> {
    let to = staff::name(to).map_err(FlowError::Invalid)?;
    let mut screen = screen(tx, name)?;
    if to == name {
        return Ok(screen);
    }
    name_is_free(&tx.snapshot(), &to)?;
    tx.end_sessions_at(&format!("{}:{name}", screen.role))?;
    screen.name.clone_from(&to);
    tx.put_screen(&screen)?;
    record(
        tx,
        cx,
        None,
        Body::ScreenRenamed {
            name: name.to_owned(),
            to,
        },
    )?;
    Ok(screen)
}

/// Shuts a screen out, and ends what people began at it. To a guest who is paying there a person is called; `call_id`
/// is the id of that call.
///
/// # Errors
/// No such screen.
pub fn revoke_screen(
    tx: &mut Tx<'_>,
    cx: &Context,
    name: &str,
    call_id: Uuid,
) -> Result<Screen, FlowError> {
    let screen = screen(tx, name)?;
    let door = format!("{}:{}", screen.role, screen.name);
    tx.delete_screen(&screen.hash)?;
    tx.end_sessions_at(&door)?;
    // A guest who is paying there can't call any more, and is told that somebody was called.
    let active = tx.snapshot().active_orders()?;
    let mut left = active.iter().filter(|o| o.placed_by == door);
    if left.any(|o| o.payments.iter().any(Payment::is_live)) {
        call_from(tx, cx, call_id, door, "payment")?;
    }
    record(
        tx,
        cx,
        None,
        Body::ScreenRevoked {
            name: screen.name.clone(),
            role: screen.role.clone(),
        },
    )?;
    Ok(screen)
}

fn call_alert(door: &str) -> String {
    format!("call:{door}")
}

/// A guest at a kiosk calls for a person. Calling again is the same call.
///
/// # Errors
/// A reason that is none.
pub fn call(tx: &mut Tx<'_>, cx: &Context, id: Uuid, why: &str) -> Result<Call, FlowError> {
    if !CALLS.contains(&why) {
        return Err(FlowError::Invalid(format!(
            "{why:?} is no reason to call; there are {}",
            CALLS.join(", ")
        )));
    }
    call_from(tx, cx, id, cx.actor.0.clone(), why)
}

fn call_from(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: Uuid,
    door: String,
    why: &str,
) -> Result<Call, FlowError> {
    let open = tx.snapshot().calls()?.into_iter().find(|c| c.door == door);
    if let Some(open) = open.clone().filter(|c| c.why == why) {
        return Ok(open);
    }
    let call = Call {
        id: open.as_ref().map_or(id, |c| c.id),
        at: open.as_ref().map_or(cx.now, |c| c.at),
        door: door.clone(),
        why: why.to_owned(),
    };
    tx.put_call(&call)?;
    record(
        tx,
        cx,
        None,
        Body::CallRaised {
            call_id: call.id,
            door: door.clone(),
            why: why.to_owned(),
        },
    )?;
    raise_alert(
        tx,
        cx,
        Alert {
            key: call_alert(&door),
            severity: Severity::Warning,
            title: format!("A guest calls at {door}"),
            detail: format!("why: {why}"),
            advice: "Go there, then mark the call as answered.".to_owned(),
            since_at: call.at,
        },
    )?;
    Ok(call)
}

/// A person goes to the guest. Answering twice changes nothing.
///
/// # Errors
/// When it can't be written.
pub fn answer_call(tx: &mut Tx<'_>, cx: &Context, id: Uuid) -> Result<(), FlowError> {
    let open = tx.snapshot().calls()?.into_iter().find(|c| c.id == id);
    let Some(call) = open else {
        return Ok(());
    };
    tx.delete_call(id)?;
    record(
        tx,
        cx,
        None,
        Body::CallAnswered {
            call_id: id,
            door: call.door.clone(),
        },
    )?;
    clear_alert(tx, cx, &call_alert(&call.door))
}

/// A person counted the drawer. A difference to the books is an alert until a count without one.
///
/// # Errors
/// No open shift, or a count that makes no sense.
pub fn count_drawer(
    tx: &mut Tx<'_>,
    cx: &Context,
    denominations: Vec<Denomination>,
    note: &str,
) -> Result<DrawerCount, FlowError> {
    const KEY: &str = "drawer:difference";
    let shift = tx.snapshot().shift()?;
    let number = shift
        .number
        .filter(|_| shift.state == ShiftState::Open)
        .ok_or_else(|| FlowError::Conflict("the shift is not open".to_owned()))?;
    let note = note.trim();
    if note.chars().count() > LONGEST_NOTE {
        return Err(FlowError::Invalid(format!(
            "the remark has at most {LONGEST_NOTE} characters"
        )));
    }
    let counted_minor = staff::counted(&denominations).map_err(FlowError::Invalid)?;
    let expected_minor = expected_cash(&tx.snapshot(), number)?;
    let count = DrawerCount {
        shift: number,
        denominations: denominations.into_iter().filter(|d| d.count > 0).collect(),
        counted_minor,
        expected_minor,
        note: note.to_owned(),
    };
    tx.file_count(CountEntry {
        at: cx.now,
        who: cx.actor.0.clone(),
        count: count.clone(),
    })?;
    record(
        tx,
        cx,
        None,
        Body::DrawerCounted {
            count: Box::new(count.clone()),
        },
    )?;
    if counted_minor == expected_minor {
        clear_alert(tx, cx, KEY)?;
        return Ok(count);
    }
    let money = |minor| Money::new(minor, cx.catalog.currency);
    raise_alert(
        tx,
        cx,
        Alert {
            key: KEY.to_owned(),
            severity: Severity::Warning,
            title: format!("The drawer of shift {number} differs from the books"),
            detail: format!(
                "counted {}, expected {}, by {}{}{note}",
                money(counted_minor),
                money(expected_minor),
                cx.actor.0,
                if note.is_empty() { "" } else { ": " },
            ),
            advice: "Count again. What is really missing or too much is put right by money out or in, with the reason."
                .to_owned(),
            since_at: cx.now,
        },
    )?;
    Ok(count)
}

/// What must lie in the drawer of the shift by the books.
///
/// # Errors
/// When the books can't be read.
pub fn expected_cash(s: &Snapshot<'_>, shift: u32) -> Result<i64, FlowError> {
    let receipts = s.receipts_of_shift(shift)?;
    let report = ShiftReport::of(shift, &s.shift_folder(shift)?, &receipts, None);
    Ok(report.drawer.expected_minor)
}

/// Calls an order's number again; one that was handed over by mistake comes back to the hand-over place.
///
/// # Errors
/// No such order, it is not ready, or it was handed over on another day.
pub fn recall(tx: &mut Tx<'_>, cx: &Context, id: OrderId) -> Result<Order, FlowError> {
    let order = load(tx, id)?;
    let body = Body::OrderRecalled {
        number: order.number,
    };
    if !order.takes(&body) {
        return Err(super::commands::not_ready(&order));
    }
    if order.closed && order.day != cx.day {
        let why = "the order was handed over on another day";
        return Err(FlowError::Conflict(why.to_owned()));
    }
    record(tx, cx, Some(id), body)?;
    load(tx, id)
}
