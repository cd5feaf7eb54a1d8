//! Puts facts into the log, and changes the tables that explain themselves by them, in one write.

use super::{
    Context, FlowError,
    decide::{self, Facts, Next, decide},
    effects::{accounting, shift},
    past::Past,
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Body,
        ids::OrderId,
        marking::Becomes,
        money::Money,
        order::{JobStage, Order},
        receipt::{Receipt, ReceiptKind},
        refund::{Refund, RefundState, piece_cause},
        shift::Shift,
        stock::Movement,
    },
    protection::{Protection, holds},
    store::{EffectState, NewEffect, Tx},
};
use std::collections::{BTreeMap, VecDeque};

/// Document with the devices' states.
pub const DEVICES: &str = "devices";
/// Counter of the planned milliseconds of all dishes that are paid and not plated.
pub(super) const KITCHEN: &str = "kitchen_ms";

/// A device as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeviceState {
    /// `up`, `down` or `refused`.
    pub state: String,
    /// What was seen.
    pub detail: String,
    /// Since when.
    pub since_at: crate::domain::time::Timestamp,
}

/// The devices' states by name.
pub type Devices = BTreeMap<String, DeviceState>;

/// Records one fact and all that follows from it. Facts that are no news (they came twice, too late, out of turn)
/// change nothing and don't enter the log.
///
/// # Errors
/// When the database or the stock ledger refuses; nothing is written then.
pub fn record(
    tx: &mut Tx<'_>,
    cx: &Context,
    order_id: Option<OrderId>,
    body: Body,
) -> Result<(), FlowError> {
    let recorder = Recorder {
        tx,
        cx,
        order: None,
        dirty: false,
        queue: VecDeque::from([body]),
        past: None,
    };
    recorder.about(order_id)?.run()
}

/// Enters a fact of the past: the tables change as they did then. What followed from it stands in the log itself; what
/// was to be done outside is collected in `past`. False when it was no news.
pub(super) fn replay(
    tx: &mut Tx<'_>,
    cx: &Context,
    order_id: Option<OrderId>,
    body: Body,
    past: &mut Past,
) -> Result<bool, FlowError> {
    let recorder = Recorder {
        tx,
        cx,
        order: None,
        dirty: false,
        queue: VecDeque::from([body]),
        past: Some(past),
    };
    let mut recorder = recorder.about(order_id)?;
    let before = recorder.tx.head_seq();
    if let Some(body) = recorder.queue.pop_front() {
        recorder.one(body)?;
    }
    recorder.keep_order()?;
    Ok(recorder.tx.head_seq() > before)
}

struct Recorder<'a, 'b> {
    tx: &'a mut Tx<'b>,
    cx: &'a Context,
    order: Option<Order>,
    dirty: bool,
    queue: VecDeque<Body>,
    /// It happened before, on another box.
    past: Option<&'a mut Past>,
}

impl Recorder<'_, '_> {
    fn about(mut self, order_id: Option<OrderId>) -> Result<Self, FlowError> {
        if let Some(id) = order_id
            && !matches!(self.queue.front(), Some(Body::OrderPlaced { .. }))
        {
            let order = self.tx.snapshot().order(id)?;
            self.order = Some(order.ok_or(FlowError::UnknownOrder)?);
        }
        Ok(self)
    }

    fn run(mut self) -> Result<(), FlowError> {
        while let Some(body) = self.queue.pop_front() {
            self.one(body)?;
        }
        self.keep_order()
    }

    fn keep_order(&mut self) -> Result<(), FlowError> {
        if self.dirty
            && let Some(order) = &self.order
        {
            self.tx.put_order(order)?;
        }
        Ok(())
    }

    fn one(&mut self, body: Body) -> Result<(), FlowError> {
        // Few facts have to do with the shift; the others need not read it.
        let about_shift = body.kind().starts_with("shift.")
            || matches!(
                body,
                Body::ReceiptRequested { .. }
                    | Body::CorrectionRequested { .. }
                    | Body::CashRequested { .. }
            );
        let mut shift = if about_shift {
            self.tx.snapshot().shift()?
        } else {
            Shift::default()
        };
        let before = shift.clone();
        let written = self.is_written();
        match &body {
            Body::OrderPlaced { order } => {
                self.order = Some(Order::clone(order));
                self.dirty = true;
            }
            Body::ShiftOpening {}
            | Body::ShiftOpened { .. }
            | Body::ShiftClosing {}
            | Body::ShiftClosed { .. }
            | Body::ShiftRefused { .. } => {
                if !shift.apply(self.cx.now, &body) && !written {
                    return Ok(());
                }
            }
            _ => {
                if let Some(order) = &mut self.order {
                    if order.takes(&body) {
                        order.apply(self.cx.now, &body);
                        self.dirty = true;
                    } else if !written {
                        return Ok(());
                    }
                }
            }
        }
        if shift != before {
            self.tx.put_shift(&shift)?;
        }
        self.project(&body)?;
        let id = self.order.as_ref().map(|o| o.id).filter(|_| {
            // What happens to the store on the way is not the order's.
            !body.kind().starts_with("shift.")
        });
        let next = decide(
            &body,
            &Facts {
                order: self.order.as_ref(),
                shift: &shift,
                policy: &self.cx.policy,
                catalog: &self.cx.catalog,
                now: self.cx.now,
                day: &self.cx.day,
            },
        );
        match &mut self.past {
            None => {
                self.tx.append(self.cx.now, id, &self.cx.actor, body)?;
            }
            Some(past) => {
                past.collect(self.tx, self.order.as_ref(), &next)?;
                match past.entry.take() {
                    Some(entry) => self.tx.append_again(&entry)?,
                    None => {
                        self.tx.append(self.cx.now, id, &self.cx.actor, body)?;
                    }
                }
                return Ok(());
            }
        }
        for step in next {
            self.follow(step)?;
        }
        Ok(())
    }

    /// It stands in a log with this number and hash already, and so it must in this one.
    fn is_written(&self) -> bool {
        self.past.as_ref().is_some_and(|p| p.entry.is_some())
    }

    /// Changes the tables beside the order.
    fn project(&mut self, body: &Body) -> Result<(), FlowError> {
        let order_id = self.order.as_ref().map(|o| o.id);
        match (body, order_id) {
            // What it was to count goes back with it.
            (Body::OrderCancelled { .. } | Body::OrderExpired {}, Some(id)) => {
                let marks = self.order.iter().flat_map(|o| &o.marks);
                for mark in marks {
                    self.tx.release_mark(&mark.code.cis, id)?;
                }
                self.tx.undo_promotion_uses(id)?;
            }
            (Body::PaymentStarted { payment }, Some(id)) => self.tx.link_part(payment.id.0, id)?,
            (Body::CookRequested { job_id, .. }, Some(id)) => self.tx.link_part(job_id.0, id)?,
            (Body::RefundRequested { refund }, Some(id)) => {
                self.tx.link_part(refund.id.0, id)?;
                if refund.state == RefundState::AwaitingPerson {
                    self.ask_person(refund)?;
                }
            }
            (Body::RefundDone { refund_id, .. }, _) => {
                let key = format!("refund:{refund_id}");
                // Where the bank had refused it.
                let refused = super::engine::alert_key(&key);
                if self.tx.snapshot().alert(&refused)?.is_some() {
                    let cleared = Body::AlertCleared { key: refused };
                    self.queue.push_back(cleared);
                }
                self.queue.push_back(Body::AlertCleared { key });
            }
            (Body::OrderPaid {}, Some(_)) => self.kitchen(|o| {
                o.pieces
                    .iter()
                    .map(|p| i64::try_from(p.planned_ms).unwrap_or(0))
                    .sum()
            })?,
            (Body::CookPlated { job_id, .. }, Some(_)) => {
                let job_id = *job_id;
                self.kitchen(|o| {
                    o.piece_of(job_id)
                        .map_or(0, |(_, p)| -i64::try_from(p.planned_ms).unwrap_or(0))
                })?;
            }
            (Body::ReceiptRegistered { key, .. }, Some(id)) => {
                let receipt = self
                    .order
                    .as_ref()
                    .and_then(|o| o.receipts.iter().find(|r| &r.draft.key == key))
                    .cloned();
                if let Some(receipt) = receipt {
                    self.tx.put_receipt(id, &receipt)?;
                    // Sold again, it needs its code again.
                    for cis in receipt.draft.units(Becomes::Returned) {
                        self.tx.release_mark(cis, id)?;
                    }
                }
            }
            (Body::MarkReleased { cis }, Some(id)) => self.tx.release_mark(cis, id)?,
            (Body::CorrectionRegistered { draft, registered }, order) => {
                let receipt = Receipt {
                    draft: draft.clone(),
                    requested_at: self.cx.now,
                    registered: Some(registered.clone()),
                };
                // One without an order belongs to its shift alone.
                let order = order.unwrap_or(OrderId(uuid::Uuid::nil()));
                self.tx.put_receipt(order, &receipt)?;
                // Taken back for good: the sale never was.
                if draft.corrects().is_some_and(|w| w.then.is_none()) {
                    for cis in draft.units(Becomes::Returned) {
                        self.tx.release_mark(cis, order)?;
                    }
                }
            }
            (Body::ShiftOpened { .. } | Body::ShiftCounted { .. } | Body::CashMoved { .. }, _) => {
                self.tx.file_in_folder(body, self.cx.now)?;
            }
            (Body::StockMoved { movements }, _) => self.tx.move_stock(movements)?,
            (
                Body::ShiftClosed {
                    number, registered, ..
                },
                _,
            ) => {
                self.tx.file_in_folder(body, self.cx.now)?;
                self.tx.open_books(
                    *number,
                    registered.registration_number.as_deref().unwrap_or(""),
                    self.cx.now,
                )?;
                self.tx
                    .put_document(&closed_name(*number), &Context::closed_local(registered))?;
            }
            (
                Body::AccountingPosted {
                    shift, total_minor, ..
                },
                _,
            ) => self.tx.post_books(*shift, *total_minor)?,
            (
                Body::DeviceChanged {
                    device,
                    state,
                    detail,
                },
                _,
            ) => {
                let mut devices: Devices =
                    self.tx.snapshot().document(DEVICES)?.unwrap_or_default();
                devices.insert(
                    device.clone(),
                    DeviceState {
                        state: state.clone(),
                        detail: detail.clone(),
                        since_at: self.cx.now,
                    },
                );
                self.tx.put_document(DEVICES, &devices)?;
            }
            (Body::AlertRaised { alert }, _) => self.tx.put_alert(alert)?,
            (Body::AlertCleared { key }, _) => self.tx.delete_alert(key)?,
            _ => {}
        }
        Ok(())
    }

    fn ask_person(&mut self, refund: &crate::domain::refund::Refund) -> Result<(), FlowError> {
        let Some(order) = &self.order else {
            return Ok(());
        };
        let alert = Alert {
            key: format!("refund:{}", refund.id),
            severity: Severity::Warning,
            title: format!("Give money back for order {}", order.number),
            detail: format!(
                "{}, paid by {}",
                Money::new(refund.amount_minor, order.currency),
                refund.tender.word()
            ),
            advice: "Give the money back at the till, then confirm the refund.".to_owned(),
            since_at: self.cx.now,
        };
        self.queue.push_back(Body::AlertRaised { alert });
        Ok(())
    }

    fn kitchen(&mut self, change: impl Fn(&Order) -> i64) -> Result<(), FlowError> {
        // Of the past, what is left to cook is summed up in the end.
        if let (Some(order), None) = (&self.order, &self.past) {
            self.tx.add_to_counter(KITCHEN, change(order))?;
        }
        Ok(())
    }

    fn follow(&mut self, step: Next) -> Result<(), FlowError> {
        match step {
            Next::Fact(body) => self.queue.push_back(*body),
            Next::Effect(effect) => {
                // A shift that the printer would not turn is asked for again under the same key.
                let refused = self
                    .tx
                    .snapshot()
                    .effect_by_key(&effect.key)?
                    .filter(|row| effect.kind == shift::KIND && row.state == EffectState::Refused);
                match refused {
                    Some(mut row) => {
                        row.state = EffectState::Waiting;
                        row.ended_at = None;
                        row.tries = 0;
                        row.next_at = self.cx.now;
                        self.tx.put_effect(&row)?;
                    }
                    None => self.tx.intend(&effect, self.cx.now)?,
                }
            }
            Next::Withdraw(key) => {
                self.withdraw(&key)?;
            }
            Next::CallOff(job) => {
                // Before the receipt nobody was asked to cook it.
                let unasked = self.order.as_ref().is_some_and(|o| {
                    let piece = o.piece_of(job);
                    o.paid && piece.is_some_and(|(_, p)| p.stage == JobStage::Waiting)
                });
                if self.withdraw(&format!("cook:{job}"))? || unasked {
                    self.queue.push_back(Body::CookFailed {
                        job_id: job,
                        reason: "the order was refunded".to_owned(),
                        retry: false,
                    });
                }
            }
            Next::Release(_) if !holds(Protection::Release) => {}
            Next::Release(job) => {
                let movements: Vec<Movement> = self
                    .tx
                    .snapshot()
                    .held_for(job)?
                    .iter()
                    .map(|(ingredient, held)| Movement::release(ingredient, job, *held))
                    .collect();
                if !movements.is_empty() {
                    self.queue.push_back(Body::StockMoved { movements });
                }
            }
            Next::CookAgain(piece) => self.cook_again(piece)?,
            Next::RefundPiece(piece) => self.refund_piece(piece)?,
            Next::Account(number) => account(self.tx, self.cx, number)?,
        }
        Ok(())
    }

    /// Calls an effect off where that leaves no doubt: it never left the box, or it only looks.
    fn withdraw(&mut self, key: &str) -> Result<bool, FlowError> {
        if let Some(mut row) = self.tx.snapshot().effect_by_key(key)?
            && (row.state == EffectState::Waiting
                || (row.state.is_live()
                    && super::effects::kind(&row.kind).is_some_and(|k| k.repeatable())))
        {
            row.state = EffectState::Withdrawn;
            row.ended_at = Some(self.cx.now);
            self.tx.put_effect(&row)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn cook_again(&mut self, index: usize) -> Result<(), FlowError> {
        let Some((order, piece)) = self
            .order
            .as_ref()
            .and_then(|o| Some((o, o.pieces.get(index)?)))
        else {
            return Ok(());
        };
        let attempt = piece.attempt + 1;
        let job_id = order.id.job(piece.line, piece.nth, attempt);
        let variant = order
            .lines
            .get(piece.line)
            .and_then(|l| self.cx.catalog.variant_of(l));
        let mut movements = Vec::new();
        let mut enough = variant.is_some();
        for amount in variant.iter().flat_map(|v| &v.card.ingredients) {
            let level = self.tx.snapshot().level(&amount.ingredient)?;
            enough &= level.available() >= amount.quantity;
            movements.push(Movement::reserve(
                &amount.ingredient,
                job_id,
                amount.quantity,
            ));
        }
        if !enough {
            return self.refund_piece(index);
        }
        self.queue.push_back(Body::StockMoved { movements });
        self.queue.push_back(Body::CookRequested {
            piece: index,
            job_id,
            attempt,
        });
        Ok(())
    }

    fn refund_piece(&mut self, index: usize) -> Result<(), FlowError> {
        let Some(order) = &self.order else {
            return Ok(());
        };
        let Some(piece) = order
            .pieces
            .get(index)
            .filter(|p| p.stage == JobStage::Failed)
        else {
            return Ok(());
        };
        let line = piece.line;
        let planned = -i64::try_from(piece.planned_ms).unwrap_or(0);
        let price = order.piece_minor(piece);
        let cause = piece_cause(index);
        // Staff may have given part of the money back already: then what is left goes back.
        let owed = match order.is_returned(index) {
            true => 0,
            false => price.min(order.left_minor()),
        };
        let parts = order.split_return(&[index], owed).unwrap_or_default();
        for (payment_id, amount) in parts {
            if let Some(payment) = order.payment(payment_id) {
                let refund = decide::refund_of(
                    order,
                    payment,
                    amount,
                    &cause,
                    Some(line),
                    self.cx.now,
                    false,
                );
                let refund = Refund {
                    pieces: vec![index],
                    ..refund
                };
                self.queue.push_back(Body::RefundRequested { refund });
            }
        }
        if self.queue.is_empty()
            && let Some(Next::Fact(body)) = decide::ready(order)
        {
            self.queue.push_back(*body);
        }
        self.tx.add_to_counter(KITCHEN, planned)?;
        Ok(())
    }
}

/// Accounting's document about a closed shift.
pub(super) fn account(tx: &mut Tx<'_>, cx: &Context, shift: u32) -> Result<(), FlowError> {
    let snapshot = tx.snapshot();
    let receipts = snapshot.receipts_of_shift(shift)?;
    let registration = snapshot.registration_number(shift)?.unwrap_or_default();
    let closed: String = snapshot.document(&closed_name(shift))?.unwrap_or_default();
    let mut sales = BTreeMap::new();
    for receipt in receipts
        .iter()
        .filter(|r| r.draft.kind == ReceiptKind::SaleReturn)
    {
        if let Some(sale) = snapshot
            .sale_behind(&receipt.draft.key)?
            .and_then(|s| s.registered)
        {
            sales.insert(receipt.draft.key.clone(), sale);
        }
    }
    let request = accounting::Request::of_shift(
        &cx.policy.store_id,
        &registration,
        shift,
        &closed,
        &receipts,
        |receipt| sales.get(&receipt.draft.key).cloned(),
    );
    if let Some(request) = request {
        let request = serde_json::to_value(&request).map_err(crate::store::StoreError::from)?;
        tx.intend(
            &NewEffect {
                key: format!("accounting:{registration}:{shift}"),
                kind: accounting::KIND,
                queue: format!("accounting:{shift}"),
                in_order_of_orders: false,
                order_id: None,
                item: None,
                request,
            },
            cx.now,
        )?;
    }
    Ok(())
}

fn closed_name(shift: u32) -> String {
    format!("shift-closed:{shift}")
}

/// Planned time of all dishes that are paid and not plated.
///
/// # Errors
/// When it can't be read.
pub fn kitchen_ahead(
    snapshot: &crate::store::Snapshot<'_>,
) -> Result<std::time::Duration, FlowError> {
    let ms = snapshot.counter(KITCHEN)?;
    Ok(std::time::Duration::from_millis(
        u64::try_from(ms).unwrap_or(0),
    ))
}
