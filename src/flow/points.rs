//! What follows for a member's points from what happens to an order. Pure.
//!
//! Points are held when a payment by points begins, and spent when the order is paid; from then on the receipt is sure,
//! so nothing is asked of the programme that might have to be undone. Money back gives points back and takes earned
//! ones.

use super::{
    decide::{Next, effect},
    effects::loyalty,
};
use crate::domain::{
    ids::{MemberId, PaymentId, RefundId},
    loyalty::Act,
    order::Order,
    payment::{Payment, PaymentState},
    refund::Refund,
};
use uuid::Uuid;

/// Key of the effect that holds the points of a payment.
pub(super) fn hold_key(payment: PaymentId) -> String {
    format!("points:{payment}")
}

fn act(
    order: &Order,
    member_id: MemberId,
    key: String,
    item: Option<Uuid>,
    act: Act,
    amount_minor: i64,
    hold: Option<String>,
) -> Next {
    effect(
        loyalty::KIND,
        key,
        // What happens to one member happens in order.
        format!("loyalty:{member_id}"),
        order,
        item,
        &loyalty::Request {
            member_id,
            order_id: order.id,
            act,
            amount_minor,
            hold,
        },
    )
}

/// Holds the points of a payment that begins.
pub(super) fn hold(order: &Order, payment: &Payment) -> Option<Next> {
    let member = order.loyalty.as_ref()?.member_id;
    let points = payment.points?.points;
    Some(act(
        order,
        member,
        hold_key(payment.id),
        Some(payment.id.0),
        Act::Hold { points },
        payment.amount_minor,
        None,
    ))
}

/// The order is paid: what was held is spent, and the money earns.
pub(super) fn paid(order: &Order) -> Vec<Next> {
    let Some(l) = &order.loyalty else {
        return Vec::new();
    };
    let mut next = Vec::new();
    for p in order.payments.iter().filter(|p| p.counts_towards_sale()) {
        let Some(points) = p.points.map(|p| p.points) else {
            continue;
        };
        let hold = hold_key(p.id);
        next.push(act(
            order,
            l.member_id,
            format!("{hold}:spend"),
            Some(p.id.0),
            Act::Spend { points },
            p.captured_minor,
            Some(hold),
        ));
    }
    let points = order.points_due();
    let base_minor = order.earning_minor();
    if base_minor > 0 {
        next.push(act(
            order,
            l.member_id,
            format!("earn:{}", order.id),
            None,
            Act::Earn { points, base_minor },
            base_minor,
            None,
        ));
    }
    next
}

/// Points go back: spent ones come back, held ones are free.
pub(super) fn refund(order: &Order, refund: &Refund) -> Option<Next> {
    let member = order.loyalty.as_ref()?.member_id;
    let payment = order.payment(refund.payment_id)?;
    let worth = payment.captured_minor.checked_div(payment.points?.points)?;
    let points = refund.amount_minor.checked_div(worth)?;
    let spent = order.paid && payment.counts_towards_sale();
    Some(act(
        order,
        member,
        format!("points-back:{}", refund.id),
        Some(refund.id.0),
        match spent {
            true => Act::GiveBack { points },
            false => Act::Release { points },
        },
        refund.amount_minor,
        Some(hold_key(payment.id)),
    ))
}

/// Money went back: what was earned on it goes.
pub(super) fn unearned(order: &Order, refund: RefundId) -> Option<Next> {
    let l = order.loyalty.as_ref().filter(|_| order.paid)?;
    let of = order.refund(refund)?;
    let of = order.payment(of.payment_id)?;
    if of.state != PaymentState::Captured || of.surplus {
        return None;
    }
    let (points, base_minor) = order.unearned_by(refund);
    (points > 0 || base_minor > 0).then(|| {
        act(
            order,
            l.member_id,
            format!("unearn:{refund}"),
            Some(refund.0),
            Act::TakeBack { points, base_minor },
            base_minor,
            None,
        )
    })
}
