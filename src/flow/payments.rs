//! Payments as people, tills and time bring them on.

use super::{
    Context, FlowError,
    commands::{load, load_part, raise_alert},
    loyalty,
    record::record,
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Body,
        ids::{OrderId, PaymentId},
        loyalty_order::PaidPoints,
        money::Money,
        order::{Order, OrderError, OrderState},
        payment::{FiscalBy, Payment, PaymentState, Tender, Withdrawal},
        text::Text,
    },
    store::Tx,
};
use uuid::Uuid;

/// Begins a payment: `id` is its new id. Without an amount it is for all that is due. `online`: the bank can be
/// reached.
///
/// # Errors
/// The tender doesn't work now, nothing is due, or less is.
pub fn start_payment(
    tx: &mut Tx<'_>,
    cx: &Context,
    order_id: OrderId,
    id: PaymentId,
    tender: Tender,
    amount_minor: Option<i64>,
    online: bool,
) -> Result<Order, FlowError> {
    let order = load(tx, order_id)?;
    if order.state != OrderState::Placed || order.expires_at <= cx.now {
        return Err(OrderError::State(order.state).into());
    }
    if let Some(line) = order.unscanned() {
        return Err(FlowError::CodeMissing(line.name.clone()));
    }
    let due = order.due_minor();
    if due <= 0 {
        return Err(OrderError::NothingDue.into());
    }
    if let Some(minor) = amount_minor {
        above_zero(minor)?;
    }
    let by_points = tender == Tender::LoyaltyPoints;
    let (points, amount_minor) = match by_points {
        true => {
            let (points, minor) = loyalty::points_for(&tx.snapshot(), cx, &order, amount_minor)?;
            let on_receipt = order.loyalty.as_ref().map(|l| l.on_receipt);
            let on_receipt = on_receipt.unwrap_or_default();
            (Some(PaidPoints { points, on_receipt }), minor)
        }
        false => (None, amount_minor.unwrap_or(due)),
    };
    if amount_minor > due {
        return Err(OrderError::TooMuch {
            due: Money::new(due, order.currency),
        }
        .into());
    }
    if let Err(reason) = tender_works(cx, tender, online) {
        return Err(FlowError::Tender(tender, reason));
    }
    let attempt = u32::try_from(order.payments.len()).unwrap_or(u32::MAX) + 1;
    // The bank's longest number is 36 characters [source: alfa-bank.md 3.1]: the order's id without dashes and
    // the attempt fit, and are unique without asking anyone.
    let order_number = format!("{}-{attempt}", order.id.0.simple());
    let waits_for_bank = tender == Tender::SbpQr;
    let payment = Payment {
        id,
        tender,
        amount_minor,
        state: if waits_for_bank || by_points {
            PaymentState::Registering
        } else {
            PaymentState::Waiting
        },
        captured_minor: 0,
        refunded_minor: 0,
        started_at: cx.now,
        expires_at: waits_for_bank.then(|| {
            cx.now
                .saturating_add(cx.policy.qr_valid)
                .min(order.expires_at)
        }),
        attempt,
        order_number,
        provider_id: None,
        qr_id: None,
        qr_payload: None,
        reference: None,
        reason: None,
        fiscal_by: FiscalBy::Store,
        surplus: false,
        withdrawn: None,
        points,
    };
    record(tx, cx, Some(order_id), Body::PaymentStarted { payment })?;
    load(tx, order_id)
}

pub(super) fn above_zero(amount_minor: i64) -> Result<(), FlowError> {
    if amount_minor > 0 {
        return Ok(());
    }
    Err(FlowError::Invalid(
        "the amount must be above zero".to_owned(),
    ))
}

/// Whether a tender works now, and if not, why, for guests.
///
/// # Errors
/// The reason.
pub fn tender_works(cx: &Context, tender: Tender, online: bool) -> Result<(), Text> {
    if !tender.works_offline() && (!online || !cx.policy.bank) {
        return Err(Text::new(
            "Нет связи с банком. Оплатите картой или наличными.",
            "Bank bilan aloqa yo‘q. Karta yoki naqd pul bilan to‘lang.",
            "The bank can't be reached. Please pay by card or in cash.",
        ));
    }
    Ok(())
}

/// What the till's own link says of one operation of its card terminal.
#[derive(Clone, Debug)]
pub struct TerminalReport {
    /// Approved, or declined.
    pub approved: bool,
    /// The link's own id of the operation.
    pub operation: String,
    /// Minor units.
    pub amount_minor: Option<i64>,
    /// Reference of the bank's operation (RRN).
    pub rrn: Option<String>,
    /// Code of the approval.
    pub auth_code: Option<String>,
    /// Which terminal.
    pub terminal_id: Option<String>,
}

impl TerminalReport {
    /// What is kept of it: the operation first.
    fn reference(&self) -> String {
        [
            Some(self.operation.as_str()),
            self.rrn.as_deref(),
            self.auth_code.as_deref(),
            self.terminal_id.as_deref(),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("/")
    }

    /// One operation of a terminal pays one payment: it is findable like a part of the order.
    fn part(&self) -> Uuid {
        let terminal = self.terminal_id.as_deref().unwrap_or_default();
        let name = format!("terminal:{terminal}:{}", self.operation);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}

/// What the till's own link says of a card payment. The same report twice changes nothing.
///
/// Money that was taken is never turned away. A guest whose card was declined tries another one, so *approved* after
/// *declined* is taken in. When both are told of one and the same operation, a person is asked to look as well. An
/// approval that comes when the payment was withdrawn or the order paid otherwise is taken in and goes back.
///
/// # Errors
/// No such payment, another tender, *declined* after *approved*, an operation that has paid something else. A second
/// operation that was approved for a payment that has its money is refused too: see [`second_charge`].
pub fn terminal_result(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: PaymentId,
    report: &TerminalReport,
) -> Result<Order, FlowError> {
    let order = load_part(tx, id.0, "payment")?;
    let payment = order.payment(id).ok_or(FlowError::Unknown("payment"))?;
    if payment.tender != Tender::CardTerminal {
        return Err(FlowError::Conflict(
            "this payment is not the card terminal's".to_owned(),
        ));
    }
    let reference = report.reference();
    let mut contradicted = None;
    if report.approved {
        let part = report.part();
        let other_order = tx
            .snapshot()
            .order_of_part(part)?
            .is_some_and(|o| o.id != order.id);
        let other_payment = order.payments.iter().any(|p| {
            p.id != id
                && p.state == PaymentState::Captured
                && p.reference.as_deref() == Some(reference.as_str())
        });
        if other_order || other_payment {
            return Err(FlowError::Conflict(
                "this operation of the terminal has paid something else already".to_owned(),
            ));
        }
        tx.link_part(part, order.id)?;
        if payment.state == PaymentState::Declined
            && payment
                .reference
                .as_deref()
                .is_some_and(|r| same_operation(r, &report.operation))
        {
            contradicted = Some(Alert {
                key: format!("terminal:contradiction:{id}"),
                severity: Severity::Warning,
                title: format!(
                    "The terminal told two outcomes of one operation, order {}",
                    order.number
                ),
                detail: format!(
                    "operation {}: first declined, then approved; {} are taken for paid",
                    report.operation,
                    Money::new(payment.amount_minor, order.currency)
                ),
                advice: "Look the operation up on the terminal. If no money was taken, refund the order and settle with the guest.".to_owned(),
                since_at: cx.now,
            });
        }
    }
    let order = payment_result(
        tx,
        cx,
        id,
        report.approved,
        report.amount_minor,
        Some(reference),
    )?;
    if let Some(alert) = contradicted {
        raise_alert(tx, cx, alert)?;
    }
    Ok(order)
}

fn same_operation(reference: &str, operation: &str) -> bool {
    reference
        .strip_prefix(operation)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A terminal approved a second operation for a payment that has its money: the payment can't take it in, but a
/// guest was charged twice. A person is told to give it back at the terminal. Nothing when it is no such case.
///
/// # Errors
/// When the database fails.
pub fn second_charge(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: PaymentId,
    report: &TerminalReport,
) -> Result<(), FlowError> {
    let Some(order) = tx.snapshot().order_of_part(id.0)? else {
        return Ok(());
    };
    let Some(payment) = order.payment(id) else {
        return Ok(());
    };
    let known = payment
        .reference
        .as_deref()
        .is_some_and(|r| same_operation(r, &report.operation));
    let card = payment.tender == Tender::CardTerminal;
    if !card || !report.approved || payment.state != PaymentState::Captured || known {
        return Ok(());
    }
    let amount = report.amount_minor.unwrap_or(payment.amount_minor);
    raise_alert(
        tx,
        cx,
        Alert {
            key: format!("terminal:second:{}", report.part()),
            severity: Severity::Error,
            title: format!("A card was charged twice for order {}", order.number),
            detail: format!(
                "operation {}: {} above what the order took",
                report.reference(),
                Money::new(amount, order.currency)
            ),
            advice:
                "Cancel this operation on the terminal; Galley has not recorded it as money in."
                    .to_owned(),
            since_at: cx.now,
        },
    )
}

/// What the till's own link says of a card payment, or a cashier of cash. The same report twice changes nothing.
///
/// # Errors
/// No such payment, another tender, a report that contradicts an earlier one.
pub fn payment_result(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: PaymentId,
    approved: bool,
    amount_minor: Option<i64>,
    reference: Option<String>,
) -> Result<Order, FlowError> {
    let order = load_part(tx, id.0, "payment")?;
    let payment = order.payment(id).ok_or(FlowError::Unknown("payment"))?;
    if payment.tender.refunded_by_itself() {
        return Err(FlowError::Conflict(
            "this payment's outcome comes from the bank or the loyalty programme".to_owned(),
        ));
    }
    if payment.state == PaymentState::Captured {
        let same = approved
            && amount_minor.is_none_or(|a| a == payment.captured_minor)
            && (reference.is_none() || reference == payment.reference);
        return if same {
            Ok(order)
        } else {
            Err(FlowError::Conflict(
                "another outcome is recorded for this payment already".to_owned(),
            ))
        };
    }
    let body = if approved {
        let amount_minor = amount_minor.unwrap_or(payment.amount_minor);
        if amount_minor != payment.amount_minor {
            return Err(FlowError::Invalid(format!(
                "the payment is for {} minor units, not {amount_minor}",
                payment.amount_minor
            )));
        }
        Body::PaymentCaptured {
            payment_id: id,
            amount_minor,
            reference,
        }
    } else {
        Body::PaymentDeclined {
            payment_id: id,
            reason: "declined by the terminal".to_owned(),
            reference,
        }
    };
    let order_id = order.id;
    record(tx, cx, Some(order_id), body)?;
    load(tx, order_id)
}

/// Gives one payment up that is not paid yet; the order stays placed, so that another way to pay can be chosen. At
/// the bank the payment is closed by an effect; money that comes nevertheless goes back by itself. A payment that
/// has ended unpaid already is left as it is.
///
/// # Errors
/// No such payment, or its money is in.
pub fn cancel_payment(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: PaymentId,
    why: Withdrawal,
) -> Result<Order, FlowError> {
    let order = load_part(tx, id.0, "payment")?;
    let payment = order.payment(id).ok_or(FlowError::Unknown("payment"))?;
    match payment.state {
        PaymentState::Captured => return Err(FlowError::PaymentCaptured),
        PaymentState::Declined | PaymentState::Closed => return Ok(order),
        PaymentState::Registering | PaymentState::Waiting => {}
    }
    let order_id = order.id;
    let body = Body::PaymentWithdrawn {
        payment_id: id,
        why,
    };
    record(tx, cx, Some(order_id), body)?;
    load(tx, order_id)
}

/// Payments whose QR code the bank did not give in time are given up: the guest is not left before an empty frame.
///
/// # Errors
/// When the database fails.
pub(super) fn give_up_codeless(tx: &mut Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    let late = tx
        .snapshot()
        .live_items(super::effects::bank_register::KIND)?;
    for id in late.into_iter().map(PaymentId) {
        let Some(order) = tx.snapshot().order_of_part(id.0)? else {
            continue;
        };
        let waits_in_vain = order.payment(id).is_some_and(|p| {
            p.state == PaymentState::Registering
                && p.withdrawn.is_none()
                && cx.now.since(p.started_at) >= cx.policy.qr_within
        });
        if waits_in_vain {
            cancel_payment(tx, cx, id, Withdrawal::NoCode)?;
        }
    }
    Ok(())
}
