//! What follows from a fact: the next facts and the next effects. Pure.

use super::{
    effects::{
        bank_close, bank_refund, bank_register, bank_watch, cash, collect, cook, correction,
        receipt, shift, slip, sms,
    },
    points,
};
use crate::{
    domain::{
        catalog::Catalog,
        event::Body,
        ids::{JobId, PaymentId, RefundId},
        order::{JobStage, Order, OrderState},
        payment::{FiscalBy, Payment, Tender, Unpaid},
        policy::Policy,
        receipt::{ReceiptDraft, ReceiptKind},
        refund::{Refund, RefundCause, RefundState},
        shift::{Shift, ShiftState},
        text::Language,
        time::Timestamp,
    },
    protection::{Protection, holds},
    store::NewEffect,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Queue of the printer: one document at a time, in order.
pub const PRINTER: &str = "printer";
/// Queue of the kitchen's slips, where the kitchen has a printer of its own.
pub const SLIPS: &str = "kitchen-slips";
/// Queue of the robot's jobs.
pub const ROBOT: &str = "robot";
/// Queue of commands to the robot as a machine: they must not wait behind jobs.
pub const MACHINE: &str = "robot-machine";

/// What is to happen next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// A further fact about the same order (or the store).
    Fact(Box<Body>),
    /// An act on the outside world.
    Effect(NewEffect),
    /// An act that is not wanted any more, if it can still be called off without a doubt.
    Withdraw(String),
    /// What a cook job still holds of the stock goes free.
    Release(JobId),
    /// A dish failed: cook it again if the stock allows, or give its price back.
    CookAgain(usize),
    /// A dish will not come: its price goes back.
    RefundPiece(usize),
    /// A dish is not wanted any more: it is not cooked, if the robot was not asked yet.
    CallOff(JobId),
    /// The accounting of a closed shift.
    Account(u32),
}

/// What the decision may look at besides the fact.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The order after the fact.
    pub order: Option<&'a Order>,
    /// The shift after the fact.
    pub shift: &'a Shift,
    /// The rules.
    pub policy: &'a Policy,
    /// What is sold.
    pub catalog: &'a Catalog,
    /// Now.
    pub now: Timestamp,
    /// The store's day, `YYYY-MM-DD`.
    pub day: &'a str,
}

/// What follows from `body`.
#[must_use]
pub fn decide(body: &Body, f: &Facts<'_>) -> Vec<Next> {
    match (body, f.order) {
        (Body::ShiftOpening {}, _) => vec![shift_effect(f.shift, "open", shift::Request::Open)],
        (Body::ShiftClosing {}, _) => vec![shift_effect(f.shift, "close", shift::Request::Close)],
        (Body::ShiftClosed { number, .. }, _) if f.policy.accounting => {
            vec![Next::Account(*number)]
        }
        (Body::CashRequested { cash }, _) => {
            let mut next = open_shift(f);
            next.push(till_effect(
                cash::KIND,
                &cash.key,
                f.order,
                &cash::Request { cash: cash.clone() },
            ));
            next
        }
        (Body::CorrectionRequested { draft }, order) => {
            let mut next = open_shift(f);
            next.push(till_effect(
                correction::KIND,
                &format!("correction:{}", draft.key),
                order,
                &correction::Request {
                    draft: draft.clone(),
                },
            ));
            next
        }
        // A wrong receipt was taken back: now the right one, and nothing is cooked for it.
        (Body::CorrectionRegistered { draft, .. }, _) if draft.corrects().is_some() => draft
            .corrects()
            .and_then(|w| w.then.as_deref())
            .map(|right| {
                fact(Body::CorrectionRequested {
                    draft: right.clone(),
                })
            })
            .into_iter()
            .collect(),
        (_, Some(order)) => of_order(body, order, f),
        _ => Vec::new(),
    }
}

fn of_order(body: &Body, order: &Order, f: &Facts<'_>) -> Vec<Next> {
    match body {
        Body::OrderCancelled { .. } | Body::OrderExpired {} => order
            .pieces
            .iter()
            .map(|p| Next::Release(p.job_id))
            .chain(close_live_payments(order))
            .collect(),
        Body::PaymentStarted { payment } => payment_started(order, payment),
        Body::PaymentShown { payment_id, .. } => watch(order, *payment_id),
        Body::PaymentWithdrawn { payment_id, .. } => {
            let payment = order.payment(*payment_id).into_iter();
            payment.flat_map(|p| close_payment(order, p)).collect()
        }
        Body::PaymentCaptured { payment_id, .. } => captured(order, *payment_id, f.now),
        Body::PaymentClosed { payment_id, .. } | Body::PaymentDeclined { payment_id, .. } => {
            vec![Next::Withdraw(watch_key(*payment_id))]
        }
        // Who took the money gives the receipt: the kitchen waits for nothing.
        Body::OrderPaid {} if order.is_fiscal_elsewhere() => close_live_payments(order)
            .chain(points::paid(order))
            .chain(cook_all(order, f.policy))
            .collect(),
        Body::OrderPaid {} => close_live_payments(order)
            .chain(points::paid(order))
            .chain([fact(Body::ReceiptRequested {
                draft: settled_today(ReceiptDraft::sale(order), order, f),
            })])
            .collect(),
        Body::ReceiptRequested { draft } => {
            let mut next = open_shift(f);
            next.push(effect(
                receipt::KIND,
                format!("receipt:{}", draft.key),
                PRINTER.to_owned(),
                order,
                draft.refund.map(|r| r.0),
                &receipt::Request {
                    draft: draft.clone(),
                },
            ));
            next
        }
        Body::ReceiptRegistered { key, .. } => order
            .receipts
            .iter()
            .find(|r| &r.draft.key == key && r.draft.kind == ReceiptKind::Sale)
            .map(|_| cook_all(order, f.policy))
            .unwrap_or_default(),
        Body::CorrectionRegistered { draft, .. } => match &draft.correction {
            Some(c) if c.served => order
                .pieces
                .iter()
                .filter(|p| p.stage < JobStage::Plated)
                .map(|p| {
                    fact(Body::CookPlated {
                        job_id: p.job_id,
                        slot: None,
                    })
                })
                .collect(),
            _ => cook_all(order, f.policy),
        },
        Body::CookRequested { piece, job_id, .. } => cook_effect(order, *piece, *job_id, f.catalog),
        Body::CookPlated { job_id, .. } => [Next::Release(*job_id)]
            .into_iter()
            .chain(ready(order))
            .collect(),
        Body::CookFailed { job_id, retry, .. } => failed(order, *job_id, *retry, f.policy),
        Body::RefundRequested { refund } => {
            let mut next = vec![];
            if refund.tender == Tender::LoyaltyPoints {
                next.extend(points::refund(order, refund));
            } else if refund.state == RefundState::Pending {
                next.extend(bank_refund(order, refund));
            }
            if matches!(order.state, OrderState::Refunding | OrderState::Refunded) {
                next.extend(order.pieces.iter().map(|p| Next::CallOff(p.job_id)));
            } else {
                let named = refund.pieces.iter().filter_map(|i| order.pieces.get(*i));
                let open = named.filter(|p| p.stage < JobStage::Plated);
                next.extend(open.map(|p| Next::CallOff(p.job_id)));
            }
            next.extend(ready(order));
            next
        }
        Body::RefundDone { refund_id, .. } => order
            .refund(*refund_id)
            .filter(|r| !r.without_receipt)
            .map(|r| {
                fact(Body::ReceiptRequested {
                    draft: ReceiptDraft::sale_return(order, r),
                })
            })
            .into_iter()
            .chain(points::unearned(order, *refund_id))
            .collect(),
        Body::OrderClosed {} => order
            .pieces
            .iter()
            .filter(|p| p.stage == JobStage::Plated)
            .map(|p| {
                effect(
                    collect::KIND,
                    format!("collect:{}", p.job_id),
                    MACHINE.to_owned(),
                    order,
                    Some(p.job_id.0),
                    &collect::Request { job_id: p.job_id },
                )
            })
            .collect(),
        Body::OrderReady {} if order.has_contact && f.policy.messages => vec![effect(
            sms::KIND,
            format!("sms:ready:{}", order.id),
            "sms".to_owned(),
            order,
            None,
            &sms::Request {
                order_id: order.id.0,
                text: ready_text(order),
            },
        )],
        _ => Vec::new(),
    }
}

/// What a document needs besides itself: an open shift.
fn open_shift(f: &Facts<'_>) -> Vec<Next> {
    let closed = matches!(f.shift.state, ShiftState::Closed | ShiftState::Closing);
    if closed && !f.shift.reopening {
        vec![fact(Body::ShiftOpening {})]
    } else {
        Vec::new()
    }
}

/// The sale with the rates of VAT of today, when it is settled: midnight, and the year, may have turned since the
/// order was placed. A class that has lost its rate meanwhile keeps the one it was sold with.
fn settled_today(mut draft: ReceiptDraft, order: &Order, f: &Facts<'_>) -> ReceiptDraft {
    for line in &mut draft.lines {
        let ordered = line.line.and_then(|i| order.lines.get(i));
        let rate = ordered.and_then(|l| l.vat_class.as_ref());
        line.vat = rate
            .and_then(|class| f.catalog.vat_on(class, f.day))
            .unwrap_or(line.vat);
    }
    draft
}

/// Key of the effect that watches a payment.
#[must_use]
pub fn watch_key(payment: PaymentId) -> String {
    format!("watch:{payment}")
}

fn payment_started(order: &Order, payment: &Payment) -> Vec<Next> {
    match payment.tender {
        Tender::SbpQr => vec![effect(
            bank_register::KIND,
            format!("pay:{}", payment.id),
            bank_queue(payment.id),
            order,
            Some(payment.id.0),
            &bank_register::Request {
                order_number: payment.order_number.clone(),
                amount_minor: payment.amount_minor,
                currency: order.currency.code().to_owned(),
                expires_at: payment.expires_at.unwrap_or(order.expires_at),
                description: format!("Заказ {}", order.number),
            },
        )],
        // The till's own link drives the terminal, a cashier takes cash: both tell us.
        Tender::CardTerminal | Tender::Cash | Tender::Prepaid => Vec::new(),
        Tender::LoyaltyPoints => points::hold(order, payment).into_iter().collect(),
    }
}

fn bank_queue(payment: PaymentId) -> String {
    format!("bank:{payment}")
}

fn watch(order: &Order, id: PaymentId) -> Vec<Next> {
    // The closing of a withdrawn payment tells its end.
    let Some(p) = order.payment(id).filter(|p| p.withdrawn.is_none()) else {
        return Vec::new();
    };
    let (Some(provider_id), Some(qr_id)) = (p.provider_id.clone(), p.qr_id.clone()) else {
        return Vec::new();
    };
    vec![effect(
        bank_watch::KIND,
        watch_key(id),
        watch_key(id),
        order,
        Some(id.0),
        &bank_watch::Request {
            provider_id,
            order_number: p.order_number.clone(),
            qr_id,
            amount_minor: p.amount_minor,
            expires_at: p.expires_at.unwrap_or(order.expires_at),
        },
    )]
}

fn captured(order: &Order, id: PaymentId, now: Timestamp) -> Vec<Next> {
    let mut next = vec![Next::Withdraw(watch_key(id))];
    let Some(p) = order.payment(id) else {
        return next;
    };
    if p.surplus && holds(Protection::LateMoney) {
        next.push(fact(Body::RefundRequested {
            refund: by_itself(order, p, p.captured_minor, RefundCause::Late, now),
        }));
        return next;
    }
    let over = order.captured_minor() - order.total_minor;
    if over >= 0 {
        next.push(fact(Body::OrderPaid {}));
    }
    if over > 0 {
        next.push(fact(Body::RefundRequested {
            refund: by_itself(order, p, over, RefundCause::Over, now),
        }));
    }
    next
}

/// Money that pays for nothing goes back, without a receipt.
pub(super) fn by_itself(
    order: &Order,
    payment: &Payment,
    amount_minor: i64,
    cause: RefundCause,
    now: Timestamp,
) -> Refund {
    let word = cause.word().unwrap_or_default();
    refund_of(order, payment, amount_minor, word, None, now, true)
}

/// A refund that Galley starts by itself.
#[must_use]
pub fn refund_of(
    order: &Order,
    payment: &Payment,
    amount_minor: i64,
    cause: &str,
    line: Option<usize>,
    now: Timestamp,
    without_receipt: bool,
) -> Refund {
    Refund {
        id: order.id.refund(&format!("{cause}:{}", payment.id)),
        payment_id: payment.id,
        tender: payment.tender,
        amount_minor,
        line,
        pieces: Vec::new(),
        reason: cause.to_owned(),
        state: first_refund_state(payment.tender),
        requested_at: now,
        without_receipt: without_receipt
            || payment.fiscal_by == FiscalBy::Other
            || payment.is_discount(),
    }
}

/// The bank or the loyalty programme is asked, or a person.
#[must_use]
pub fn first_refund_state(tender: Tender) -> RefundState {
    if tender.refunded_by_itself() {
        RefundState::Pending
    } else {
        RefundState::AwaitingPerson
    }
}

fn close_live_payments(order: &Order) -> impl Iterator<Item = Next> + '_ {
    let live = order.payments.iter().filter(|p| p.is_live());
    live.flat_map(|p| close_payment(order, p))
}

fn close_payment(order: &Order, p: &Payment) -> Vec<Next> {
    if p.tender != Tender::SbpQr || !holds(Protection::CloseAtBank) {
        let closed = fact(Body::PaymentClosed {
            payment_id: p.id,
            reason: Unpaid::NotWanted.reason().to_owned(),
        });
        // Points that are held all the same are money that came late: they go back.
        let hold = p.points.map(|_| Next::Withdraw(points::hold_key(p.id)));
        return hold.into_iter().chain([closed]).collect();
    }
    vec![effect(
        bank_close::KIND,
        format!("close:{}", p.id),
        bank_queue(p.id),
        order,
        Some(p.id.0),
        &bank_close::Request {
            provider_id: p.provider_id.clone(),
            order_number: p.order_number.clone(),
            qr_id: p.qr_id.clone(),
            amount_minor: p.amount_minor,
        },
    )]
}

fn bank_refund(order: &Order, refund: &Refund) -> Option<Next> {
    let payment = order.payment(refund.payment_id)?;
    Some(effect(
        bank_refund::KIND,
        format!("refund:{}", refund.id),
        bank_queue(payment.id),
        order,
        Some(refund.id.0),
        &bank_refund::Request {
            provider_id: payment.provider_id.clone()?,
            order_number: payment.order_number.clone(),
            refund_id: bank_refund_id(refund.id),
            amount_minor: refund.amount_minor,
        },
    ))
}

/// The bank's longest refund id is 30 characters [source: alfa-bank.md 3.8]; 120 of the id's bits are plenty.
fn bank_refund_id(id: RefundId) -> String {
    id.0.simple().to_string().split_off(2)
}

fn cook_all(order: &Order, policy: &Policy) -> Vec<Next> {
    let slip = policy.kitchen_slips.then(|| {
        let request = slip::Request { order_id: order.id };
        let key = format!("slip:{}", order.id);
        let queue = match policy.kitchen_printer {
            true => SLIPS,
            false => PRINTER,
        };
        effect_in(queue, slip::KIND, &key, Some(order), &request)
    });
    order
        .pieces
        .iter()
        .enumerate()
        .filter(|(_, p)| p.stage == JobStage::Waiting)
        .map(|(piece, p)| {
            fact(Body::CookRequested {
                piece,
                job_id: p.job_id,
                attempt: p.attempt,
            })
        })
        .chain(slip)
        .collect()
}

fn cook_effect(order: &Order, piece: usize, job_id: JobId, catalog: &Catalog) -> Vec<Next> {
    let line = order
        .pieces
        .get(piece)
        .and_then(|p| order.lines.get(p.line));
    let Some((line, variant)) = line.and_then(|l| Some((l, catalog.variant_of(l)?))) else {
        // The dish, or what was chosen with it, left the catalog after it was sold.
        return vec![fact(Body::CookFailed {
            job_id,
            reason: "the dish is not in the catalog any more".to_owned(),
            retry: false,
        })];
    };
    vec![effect(
        cook::KIND,
        format!("cook:{job_id}"),
        ROBOT.to_owned(),
        order,
        Some(job_id.0),
        &cook::Request {
            job_id,
            dish_id: line.dish_id.clone(),
            dish: line.full_name(Language::Ru),
            tech_card: variant.card.id.clone(),
            own_card: variant.own_card.then(|| Box::new(variant.card)),
            params: variant.params,
            order_number: order.number,
        },
    )]
}

fn failed(order: &Order, job: JobId, retry: bool, policy: &Policy) -> Vec<Next> {
    let again = order
        .piece_of(job)
        .map(|(i, piece)| (i, retry && piece.attempt < policy.cook_attempts));
    // First, so that the dish holds its stock once, and can have what it held.
    let mut next = vec![Next::Release(job)];
    if !holds(Protection::ReserveOnce) && again.is_some_and(|(_, again)| again) {
        next.clear();
    }
    next.extend(again.map(|(i, again)| match again {
        true => Next::CookAgain(i),
        false => Next::RefundPiece(i),
    }));
    next
}

/// The order is ready when every dish is plated or given up, and at least one came. (A dish that is tried again is
/// asked for anew in the very write that notes its failure.)
#[must_use]
pub fn ready(order: &Order) -> Option<Next> {
    let came = order.pieces.iter().any(|p| p.stage == JobStage::Plated);
    (came && order.all_pieces_settled() && !order.ready).then(|| fact(Body::OrderReady {}))
}

fn ready_text(order: &Order) -> String {
    match order.language {
        Language::Ru => format!("Заказ {} готов. Приятного аппетита!", order.number),
        Language::Uz => format!("{}-buyurtma tayyor. Yoqimli ishtaha!", order.number),
        Language::En => format!("Order {} is ready. Enjoy your meal!", order.number),
    }
}

fn shift_effect(shift: &Shift, act: &str, request: shift::Request) -> Next {
    Next::Effect(NewEffect {
        key: shift.key(act),
        kind: shift::KIND,
        queue: PRINTER.to_owned(),
        in_order_of_orders: false,
        order_id: None,
        item: None,
        request: json(&request),
    })
}

fn till_effect(
    kind: &'static str,
    key: &str,
    order: Option<&Order>,
    request: &impl Serialize,
) -> Next {
    effect_in(PRINTER, kind, key, order, request)
}

fn effect_in(
    queue: &str,
    kind: &'static str,
    key: &str,
    order: Option<&Order>,
    request: &impl Serialize,
) -> Next {
    Next::Effect(NewEffect {
        key: key.to_owned(),
        kind,
        queue: queue.to_owned(),
        in_order_of_orders: false,
        order_id: order.map(|o| o.id),
        item: None,
        request: json(request),
    })
}

pub(super) fn fact(body: Body) -> Next {
    Next::Fact(Box::new(body))
}

pub(super) fn effect(
    kind: &'static str,
    key: String,
    queue: String,
    order: &Order,
    item: Option<Uuid>,
    request: &impl Serialize,
) -> Next {
    Next::Effect(NewEffect {
        key,
        kind,
        // A dish that is cooked again goes before the dishes of later orders: its sisters stand on the hand-over
        // places until it comes.
        in_order_of_orders: queue == ROBOT,
        queue,
        order_id: Some(order.id),
        item,
        request: json(request),
    })
}

fn json(request: &impl Serialize) -> Value {
    serde_json::to_value(request).expect("requests are plain structs with string keys")
}
