//! What people and devices ask of the store. Each command is one write: it is all there, or nothing is.

pub use super::payments::{
    TerminalReport, cancel_payment, payment_result, second_charge, start_payment, tender_works,
    terminal_result,
};
use super::{
    Context, FlowError, decide, effects, faults, law, loyalty,
    marking::MarkRefused,
    payments::{above_zero, give_up_codeless},
    record::record,
};
pub use super::{
    accepting::accepting,
    ordering::{Asks, place_order, quote_order},
};
use crate::{
    domain::{
        contact::{Contact, ReceiptTo},
        event::{Actor, Body},
        ids::{IngredientId, OrderId, RefundId},
        marking::Scan,
        order::{Order, OrderError, OrderState},
        payment::{FiscalBy, Payment, PaymentState},
        refund::{Given, Refund, RefundCause, RefundState},
        shift::ShiftState,
        stock::Movement,
        time::{Timestamp, local},
    },
    store::{EffectRow, EffectState, NewEffect, Snapshot, Tx},
};
use std::time::Duration;
use uuid::Uuid;

/// How the guest of an order wants the receipts of it: on paper when none.
///
/// # Errors
/// No such order, or this store does not offer it.
pub fn want_receipt(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: OrderId,
    contact: Option<&Contact>,
) -> Result<Order, FlowError> {
    let to = contact.map_or(ReceiptTo::Paper, Contact::to);
    if !cx.policy.law.receipt_to.contains(&to) {
        return Err(FlowError::Conflict(format!(
            "this store gives no receipts by {} (fiscal.receipt_to)",
            to.word()
        )));
    }
    tx.put_receipt_contact(id, contact, cx.now)?;
    record(tx, cx, Some(id), Body::ReceiptWanted { to })?;
    load(tx, id)
}

pub(super) fn load(tx: &Tx<'_>, id: OrderId) -> Result<Order, FlowError> {
    tx.snapshot().order(id)?.ok_or(FlowError::UnknownOrder)
}

pub(super) fn load_part(tx: &Tx<'_>, part: Uuid, what: &'static str) -> Result<Order, FlowError> {
    tx.snapshot()
        .order_of_part(part)?
        .ok_or(FlowError::Unknown(what))
}

/// Gives an unpaid order up.
///
/// # Errors
/// No such order, or it is paid.
pub fn cancel_order(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: OrderId,
    reason: &str,
) -> Result<Order, FlowError> {
    let order = load(tx, id)?;
    match order.state {
        OrderState::Cancelled => return Ok(order),
        OrderState::Placed if !order.paid => {}
        state => return Err(OrderError::State(state).into()),
    }
    record(
        tx,
        cx,
        Some(id),
        Body::OrderCancelled {
            reason: reason.to_owned(),
        },
    )?;
    refund_partial_captures(tx, cx, id)?;
    load(tx, id)
}

/// Money of an order that was given up when only a part was paid goes back.
fn refund_partial_captures(tx: &mut Tx<'_>, cx: &Context, id: OrderId) -> Result<(), FlowError> {
    let order = load(tx, id)?;
    for payment in &order.payments {
        let amount = order.refundable_minor(payment);
        if payment.state == PaymentState::Captured && amount > 0 {
            let refund = decide::by_itself(&order, payment, amount, RefundCause::GivenUp, cx.now);
            record(tx, cx, Some(id), Body::RefundRequested { refund })?;
        }
    }
    Ok(())
}

/// What of an order's money is to go back.
#[derive(Clone, Debug)]
pub enum Back {
    /// All that is left.
    All,
    /// A sum, minor units.
    Sum(i64),
    /// Dishes, and scanned codes of marked units.
    Dishes(Given, Vec<Scan>),
}

/// Gives money of a paid order back. `ids` makes the ids of the refunds: one for each payment that gives.
///
/// # Errors
/// No such order, not paid, or more than can go back.
pub fn refund_order(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: OrderId,
    back: &Back,
    reason: &str,
    mut ids: impl FnMut() -> Uuid,
) -> Result<(Order, Vec<RefundId>), FlowError> {
    let order = load(tx, id)?;
    if !order.paid {
        return Err(match order.received_minor() {
            0 => OrderError::NothingPaid,
            _ => OrderError::State(order.state),
        }
        .into());
    }
    let (pieces, amount_minor) = match back {
        Back::All => order.all_left(),
        Back::Sum(sum) => {
            above_zero(*sum)?;
            (Vec::new(), *sum)
        }
        Back::Dishes(given, scans) => {
            let mut given = given.clone();
            for scan in scans {
                let unit = order.unit_scanned(scan).map_err(MarkRefused::from)?;
                given.units.push(unit);
            }
            order.return_of(&given)?
        }
    };
    let parts = match pieces.is_empty() {
        true => order.split_refund(amount_minor)?,
        false => order.split_return(&pieces, amount_minor)?,
    };
    let mut made = Vec::new();
    for (payment_id, amount_minor) in parts {
        let payment = order.payment(payment_id).ok_or(OrderError::NoSuchPayment)?;
        let refund = Refund {
            id: RefundId(ids()),
            payment_id,
            tender: payment.tender,
            amount_minor,
            line: None,
            pieces: pieces.clone(),
            reason: reason.to_owned(),
            state: decide::first_refund_state(payment.tender),
            requested_at: cx.now,
            without_receipt: payment.fiscal_by == FiscalBy::Other || payment.is_discount(),
        };
        made.push(refund.id);
        record(tx, cx, Some(id), Body::RefundRequested { refund })?;
    }
    Ok((load(tx, id)?, made))
}

/// A person says that the money was given back by hand.
///
/// # Errors
/// No such refund, or the bank does it.
pub fn confirm_refund(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: RefundId,
    reference: Option<String>,
) -> Result<Order, FlowError> {
    let order = load_part(tx, id.0, "refund")?;
    let order_id = order.id;
    match order.refund(id).map(|r| r.state) {
        Some(RefundState::Done) => return Ok(order),
        Some(RefundState::AwaitingPerson | RefundState::Refused) => {}
        _ => {
            return Err(FlowError::Conflict(
                "the bank gives this money back".to_owned(),
            ));
        }
    }
    record(
        tx,
        cx,
        Some(order_id),
        Body::RefundDone {
            refund_id: id,
            reference,
        },
    )?;
    let order = load(tx, order_id)?;
    match order.refund(id).map(|r| r.state) {
        Some(RefundState::Done) => Ok(order),
        // Refused once, and the same money is given back otherwise since.
        _ => Err(FlowError::Conflict(
            "this money is on its way back under another refund of the order".to_owned(),
        )),
    }
}

/// The dishes went over the counter.
///
/// # Errors
/// No such order, or it is not ready.
pub fn hand_over(tx: &mut Tx<'_>, cx: &Context, id: OrderId) -> Result<Order, FlowError> {
    let order = load(tx, id)?;
    if order.closed {
        return Ok(order);
    }
    if !order.ready {
        return Err(not_ready(&order));
    }
    record(tx, cx, Some(id), Body::OrderClosed {})?;
    load(tx, id)
}

/// Why nothing of it can be handed over.
pub(super) fn not_ready(order: &Order) -> FlowError {
    use OrderState as S;
    match order.state {
        state @ (S::Placed | S::Paid | S::Receipted | S::Cooking) => {
            OrderError::NotReady(state).into()
        }
        state => FlowError::Conflict(format!(
            "the order is {}: there is nothing to hand over",
            state.word()
        )),
    }
}

/// Opens the shift.
///
/// # Errors
/// It is not closed.
pub fn open_shift(tx: &mut Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    match tx.snapshot().shift()?.state {
        ShiftState::Closed => record(tx, cx, None, Body::ShiftOpening {}),
        state => Err(FlowError::Conflict(format!("the shift is {}", word(state)))),
    }
}

/// Closes the shift with the Z report.
///
/// # Errors
/// It is not open, or money is under way that needs a receipt in this shift.
pub fn close_shift(tx: &mut Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    let state = tx.snapshot().shift()?.state;
    if state != ShiftState::Open {
        return Err(FlowError::Conflict(format!("the shift is {}", word(state))));
    }
    let waiting: Vec<String> = tx
        .snapshot()
        .active_orders()?
        .iter()
        .filter(|o| {
            o.state == OrderState::Paid
                || (o.state == OrderState::Placed && o.payments.iter().any(Payment::is_live))
        })
        .map(|o| o.number.to_string())
        .collect();
    if !waiting.is_empty() {
        return Err(FlowError::Conflict(format!(
            "these orders are being paid or wait for their receipt: {}; close the shift after them",
            waiting.join(", ")
        )));
    }
    record(tx, cx, None, Body::ShiftClosing {})
}

fn word(state: ShiftState) -> &'static str {
    match state {
        ShiftState::Closed => "closed",
        ShiftState::Opening => "being opened",
        ShiftState::Open => "open",
        ShiftState::Closing => "being closed",
    }
}

/// Goods in.
///
/// # Errors
/// No such ingredient, or no such quantity.
pub fn receive_stock(
    tx: &mut Tx<'_>,
    cx: &Context,
    ingredient: &IngredientId,
    quantity: i64,
) -> Result<(), FlowError> {
    known(cx, ingredient)?;
    let movement = Movement::receive(ingredient, quantity)?;
    record(
        tx,
        cx,
        None,
        Body::StockMoved {
            movements: vec![movement],
        },
    )
}

/// What was counted.
///
/// # Errors
/// No such ingredient, or a count below zero.
pub fn count_stock(
    tx: &mut Tx<'_>,
    cx: &Context,
    ingredient: &IngredientId,
    counted: i64,
    reason: &str,
) -> Result<(), FlowError> {
    known(cx, ingredient)?;
    let level = tx.snapshot().level(ingredient)?;
    let movement = Movement::count(ingredient, level, counted, reason)?;
    record(
        tx,
        cx,
        None,
        Body::StockMoved {
            movements: vec![movement],
        },
    )
}

fn known(cx: &Context, ingredient: &IngredientId) -> Result<(), FlowError> {
    cx.catalog
        .ingredient(ingredient)
        .map(drop)
        .ok_or(FlowError::Unknown("ingredient"))
}

/// A single act on a device, asked for by a person: `key` makes it one act.
///
/// # Errors
/// When it can't be written.
pub fn device_act(
    tx: &mut Tx<'_>,
    cx: &Context,
    kind: &'static str,
    queue: &str,
    key: String,
    request: serde_json::Value,
) -> Result<(), FlowError> {
    Ok(tx.intend(
        &NewEffect {
            key,
            kind,
            queue: queue.to_owned(),
            in_order_of_orders: false,
            order_id: None,
            item: None,
            request,
        },
        cx.now,
    )?)
}

/// A person decides what became of an effect that nothing outside can tell, or tries a refused one again.
///
/// # Errors
/// No such effect, or it needs no person; a done one needs its result.
pub fn settle_effect(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: i64,
    done: Option<serde_json::Value>,
    reason: &str,
) -> Result<(), FlowError> {
    let mut row = tx
        .snapshot()
        .effect(id)?
        .ok_or(FlowError::Unknown("effect"))?;
    if !matches!(
        row.state,
        EffectState::Person | EffectState::Unknown | EffectState::Refused
    ) {
        return Err(FlowError::Conflict(format!(
            "the effect is {}; it needs no decision",
            row.state.word()
        )));
    }
    if done.is_none() && is_given(tx, &row)? {
        return Err(FlowError::Conflict(
            "the guest has this money already: another try would give it twice".to_owned(),
        ));
    }
    let kind = effects::kind(&row.kind).ok_or(FlowError::Unknown("kind of effect"))?;
    let outcome = if done.is_some() { "done" } else { "not_done" };
    record(
        tx,
        cx,
        None,
        Body::EffectSettled {
            key: row.key.clone(),
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
        },
    )?;
    let bodies = match &done {
        Some(result) => kind.done(&row, result).map_err(|e| {
            FlowError::Invalid(format!("the result does not fit {}: {e}", row.kind))
        })?,
        None => Vec::new(),
    };
    row.note = Some(format!("settled by {}: {reason}", cx.actor.0));
    row.tries = 0;
    row.next_at = cx.now;
    match done {
        Some(result) => {
            row.state = EffectState::Done;
            row.ended_at = Some(cx.now);
            row.result = Some(result);
        }
        None => {
            row.state = EffectState::Waiting;
            row.ended_at = None;
        }
    }
    tx.put_effect(&row)?;
    for body in bodies {
        record(tx, cx, row.order_id, body)?;
    }
    clear_alert(tx, cx, &super::engine::alert_key(&row.key))
}

/// Whether this is a refund whose money somebody gave back by hand meanwhile.
fn is_given(tx: &Tx<'_>, row: &EffectRow) -> Result<bool, FlowError> {
    let (true, Some(id)) = (row.kind == effects::bank_refund::KIND, row.item) else {
        return Ok(false);
    };
    let order = tx.snapshot().order_of_part(id)?;
    let refund = order.as_ref().and_then(|o| o.refund(RefundId(id)));
    Ok(refund.is_some_and(|r| r.state == RefundState::Done))
}

/// Raises an alert, once a cause.
///
/// # Errors
/// When it can't be written.
pub fn raise_alert(
    tx: &mut Tx<'_>,
    cx: &Context,
    alert: crate::domain::alert::Alert,
) -> Result<(), FlowError> {
    let open = tx.snapshot().alert(&alert.key)?;
    if open.is_some_and(|a| a.detail == alert.detail && a.severity == alert.severity) {
        return Ok(());
    }
    record(tx, cx, None, Body::AlertRaised { alert })
}

/// Clears an alert, if it is open.
///
/// # Errors
/// When it can't be written.
pub fn clear_alert(tx: &mut Tx<'_>, cx: &Context, key: &str) -> Result<(), FlowError> {
    if tx.snapshot().alert(key)?.is_some() {
        record(
            tx,
            cx,
            None,
            Body::AlertCleared {
                key: key.to_owned(),
            },
        )?;
    }
    Ok(())
}

/// What time alone brings: orders that were not paid in time, payments without a QR code, a shift that is about to be too old. Answers when
/// to look again at the latest.
///
/// # Errors
/// When the database fails.
pub fn tick(tx: &mut Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    let cx = Context {
        actor: Actor::system(),
        ..cx.clone()
    };
    for order in tx.snapshot().overdue_orders(cx.now)? {
        record(tx, &cx, Some(order.id), Body::OrderExpired {})?;
        refund_partial_captures(tx, &cx, order.id)?;
    }
    give_up_codeless(tx, &cx)?;
    let shift = tx.snapshot().shift()?;
    if shift.state == ShiftState::Open
        && let Some(opened_at) = shift.opened_at
        && (cx.now.since(opened_at) >= cx.policy.close_shift_after
            || law::closing_time(&tx.snapshot(), &cx, opened_at)?)
        && !lately_refused(&tx.snapshot(), &shift.key("close"), cx.now)?
    {
        // Not while money is under way; the next tick tries again.
        match close_shift(tx, &cx) {
            Ok(()) | Err(FlowError::Conflict(_)) => {}
            Err(e) => return Err(e),
        }
    }
    law::watch(tx, &cx)?;
    keep_house(tx, &cx)
}

/// A shift that the printer would not close is asked to again after so long.
const ASK_AGAIN: Duration = Duration::from_mins(10);

fn lately_refused(s: &Snapshot<'_>, key: &str, now: Timestamp) -> Result<bool, FlowError> {
    let row = s.effect_by_key(key)?;
    let refused = row.filter(|row| row.state == EffectState::Refused);
    Ok(refused
        .and_then(|row| row.ended_at)
        .is_some_and(|at| now.since(at) < ASK_AGAIN))
}

/// Answers to Idempotency-Keys are kept so long: a client that repeats a request does so within minutes.
const REQUESTS_KEPT: Duration = Duration::from_hours(48);
/// That a message of headquarters was done is kept so long; none is repeated after its own time. [ours]
const TOLD_KEPT: Duration = Duration::from_hours(90 * 24);
/// The alert of order numbers that two boxes gave out; guests wait with them until the day is over.
pub const NUMBERS_TWICE: &str = "order:numbers";
/// Counter of the hours in which the house was kept.
const HOUSE: &str = "house_kept_hour";

/// Forgets what is not needed any more, once an hour.
fn keep_house(tx: &mut Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    let now = cx.now;
    let hour = now.as_millis() / 3_600_000;
    let last = tx.snapshot().counter(HOUSE)?;
    if hour == last {
        return Ok(());
    }
    tx.add_to_counter(HOUSE, hour - last)?;
    let before = |kept: Duration| {
        Timestamp::from_millis(
            now.as_millis()
                .saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX)),
        )
    };
    tx.forget_requests(before(REQUESTS_KEPT))?;
    tx.forget_told(before(TOLD_KEPT))?;
    tx.erase_contacts(before(cx.policy.contacts_kept))?;
    tx.erase_people(before(cx.policy.guests_kept))?;
    tx.drop_stops_over(now)?;
    let twice = tx.snapshot().alert(NUMBERS_TWICE)?;
    if twice.is_some_and(|a| local(a.since_at, &cx.zone).date().to_string() != cx.day) {
        clear_alert(tx, cx, NUMBERS_TWICE)?;
    }
    loyalty::expire(tx, cx)?;
    faults::forget(tx, cx)
}
