//! A store's log lived through again, on a box that has only the log: the tables come out as they were, and what was
//! under way outside is in doubt, as after any crash.

use super::{
    Context, FlowError,
    accepting::PAUSE,
    decide::Next,
    effects::{
        accounting, bank_refund, bank_register, cook, correction, loyalty, receipt, shift, sms,
    },
    loyalty::expiry,
    record::{KITCHEN, account, replay},
};
use crate::{
    domain::{
        channel::ChannelOrder,
        event::{Actor, Body},
        ids::{MemberId, OrderId, PaymentId, RefundId},
        loyalty::{Act, PointsMove},
        order::{JobStage, Order, OrderState},
        payment::PaymentState,
        policy::Policy,
        refund::RefundState,
        shift::ShiftState,
        shift_report::CountEntry,
        staff::User,
        stops::Pause,
        text::Language,
        time::{Timestamp, local},
    },
    store::{Booking, LogEntry, NewEffect, Snapshot, StoreError, Tx},
};
use jiff::tz::TimeZone;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

/// Kinds of effect whose outcome matters after the box that was at them is gone.
const KEPT: &[&str] = &[
    receipt::KIND,
    correction::KIND,
    shift::KIND,
    cook::KIND,
    bank_register::KIND,
    bank_refund::KIND,
    loyalty::KIND,
    sms::KIND,
    accounting::KIND,
];

/// What was under way outside at the place in the log that was reached.
#[derive(Debug, Default)]
pub struct Past {
    /// The event as it was written; a new number and hash are given to one without.
    pub(super) entry: Option<LogEntry>,
    open: BTreeMap<Option<OrderId>, Vec<NewEffect>>,
    /// Members' points that moved. They are entered last: the ledger that this box had comes before.
    points: Vec<(Option<OrderId>, Timestamp, PointsMove)>,
    /// Members who asked to be forgotten: the ledger that this box had may be from before.
    forgotten: BTreeSet<MemberId>,
    /// Shifts that were closed, and whose document accounting was to get.
    shifts: BTreeSet<u32>,
}

impl Past {
    pub(super) fn collect(
        &mut self,
        tx: &mut Tx<'_>,
        order: Option<&Order>,
        next: &[Next],
    ) -> Result<(), FlowError> {
        for step in next {
            match step {
                Next::Effect(effect) if KEPT.contains(&effect.kind) => {
                    let open = self.open.entry(effect.order_id).or_default();
                    open.retain(|e| e.key != effect.key);
                    open.push(NewEffect::clone(effect));
                }
                Next::Withdraw(key) => {
                    for open in self.open.values_mut() {
                        open.retain(|e| e.key != *key);
                    }
                }
                Next::Account(number) => {
                    self.shifts.insert(*number);
                }
                _ => {}
            }
        }
        // An order that is over needs nothing any more but what its state says.
        if let Some(order) = order
            && is_over(order)
        {
            let snapshot = tx.snapshot();
            let open = self.open.remove(&Some(order.id)).unwrap_or_default();
            let mut still = Vec::new();
            for effect in open {
                if is_open(&effect, Some(order), &snapshot)? {
                    still.push(effect);
                }
            }
            if !still.is_empty() {
                self.open.insert(Some(order.id), still);
            }
        }
        Ok(())
    }

    /// What became of the members' ledger beside the log.
    fn members(&mut self, entry: &LogEntry, body: &Body) {
        match body {
            Body::PointsMoved { points } => {
                if let Some(open) = self.open.get_mut(&entry.order_id) {
                    open.retain(|e| e.key != points.op);
                }
                self.points.push((entry.order_id, entry.at, points.clone()));
            }
            Body::LoyaltyForgotten { member_id } => {
                self.forgotten.insert(*member_id);
            }
            _ => {}
        }
    }
}

fn is_over(order: &Order) -> bool {
    matches!(
        order.state,
        OrderState::Closed | OrderState::Cancelled | OrderState::Expired | OrderState::Refunded
    )
}

/// Whether what an effect was for has not come about.
fn is_open(
    effect: &NewEffect,
    order: Option<&Order>,
    s: &Snapshot<'_>,
) -> Result<bool, StoreError> {
    let item = effect.item.unwrap_or_default();
    Ok(match effect.kind {
        receipt::KIND | correction::KIND => {
            let key = effect
                .request
                .pointer("/draft/key")
                .and_then(|k| k.as_str());
            match key {
                Some(key) => s.receipt(key)?.is_none(),
                None => true,
            }
        }
        shift::KIND => {
            let now = s.shift()?;
            match now.state {
                ShiftState::Opening => effect.key == now.key("open"),
                ShiftState::Closing => effect.key == now.key("close"),
                ShiftState::Open | ShiftState::Closed => false,
            }
        }
        bank_register::KIND => order
            .and_then(|o| o.payment(PaymentId(item)))
            .is_some_and(|p| p.state == PaymentState::Registering),
        bank_refund::KIND => order
            .and_then(|o| o.refund(RefundId(item)))
            .is_some_and(|r| r.state == RefundState::Pending),
        loyalty::KIND => match serde_json::from_value::<loyalty::Request>(effect.request.clone()) {
            Ok(request) => match (request.act, &request.hold) {
                (Act::Hold { .. }, _) => order
                    .and_then(|o| o.payment(PaymentId(item)))
                    .is_some_and(|p| p.state == PaymentState::Registering),
                // A ledger that never held them has nothing to set free.
                (Act::Release { .. }, Some(hold)) => {
                    s.points_move(hold)?.is_some() && s.points_move(&effect.key)?.is_none()
                }
                _ => s.points_move(&effect.key)?.is_none(),
            },
            Err(_) => true,
        },
        cook::KIND => order
            .and_then(|o| o.pieces.iter().find(|p| p.job_id.0 == item))
            .is_some_and(|p| p.stage == JobStage::Requested),
        // Sent long ago for an order that is over; of another, a person decides.
        sms::KIND => order.is_some_and(|o| !is_over(o) && o.ready),
        _ => true,
    })
}

/// Lives through events, one after the other.
pub struct Replay {
    policy: Arc<Policy>,
    catalog: Arc<crate::domain::catalog::Catalog>,
    zone: TimeZone,
    past: Past,
    /// Events that did not fit any more.
    pub dropped: u64,
}

impl Replay {
    /// With the store's rules and catalog as they are now: what they were then matters only for what is under way.
    #[must_use]
    pub fn new(
        policy: Arc<Policy>,
        catalog: Arc<crate::domain::catalog::Catalog>,
        zone: TimeZone,
    ) -> Self {
        Self {
            policy,
            catalog,
            zone,
            past: Past::default(),
            dropped: 0,
        }
    }

    fn context(&self, entry: &LogEntry) -> Context {
        Context {
            policy: Arc::clone(&self.policy),
            catalog: Arc::clone(&self.catalog),
            now: entry.at,
            day: local(entry.at, &self.zone).date().to_string(),
            zone: self.zone.clone(),
            actor: Actor(entry.actor.clone()),
        }
    }

    /// Enters an event as it was, with its number and its hash.
    ///
    /// # Errors
    /// When it does not follow the last one, was changed, or is of a kind that this program does not know.
    pub fn enter(&mut self, tx: &mut Tx<'_>, entry: LogEntry) -> Result<(), FlowError> {
        let cx = self.context(&entry);
        let body = entry.event()?.body;
        beside(tx, &cx, entry.order_id, &body)?;
        self.past.members(&entry, &body);
        let order_id = entry.order_id;
        self.past.entry = Some(entry);
        replay(tx, &cx, order_id, body, &mut self.past)?;
        Ok(())
    }

    /// Enters an event behind the last one, with another number and hash: another log had it. One that does not fit any
    /// more (no news here, or stock that is gone) is left out, and counted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn enter_behind(&mut self, tx: &mut Tx<'_>, entry: &LogEntry) -> Result<bool, FlowError> {
        let cx = self.context(entry);
        let body = entry.event()?.body;
        self.past.entry = None;
        let movable = match &body {
            Body::StockMoved { movements } => fits(&tx.snapshot(), movements)?,
            _ => true,
        };
        let known = match entry.order_id {
            Some(id) if !matches!(body, Body::OrderPlaced { .. }) => {
                tx.snapshot().order(id)?.is_some()
            }
            _ => true,
        };
        let entered = movable && known && {
            beside(tx, &cx, entry.order_id, &body)?;
            self.past.members(entry, &body);
            replay(tx, &cx, entry.order_id, body, &mut self.past)?
        };
        if !entered {
            self.dropped += 1;
        }
        Ok(entered)
    }

    /// Writes down what is still to be done: it is put in doubt before the daemon starts.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(&mut self, tx: &mut Tx<'_>) -> Result<usize, FlowError> {
        let mut open = 0;
        for (order_id, at, moved) in std::mem::take(&mut self.past.points) {
            let booking = Booking {
                op: &moved.op,
                order_id,
                expires_at: expiry(&self.policy.loyalty, at),
                reason: &moved.reason,
                now: at,
            };
            tx.relive_points(&moved, booking)?;
        }
        for member in std::mem::take(&mut self.past.forgotten) {
            tx.forget_member(member)?;
        }
        for (order, effects) in std::mem::take(&mut self.past.open) {
            let order = match order {
                Some(id) => tx.snapshot().order(id)?,
                None => None,
            };
            for effect in effects {
                if is_open(&effect, order.as_ref(), &tx.snapshot())? {
                    let at = order
                        .as_ref()
                        .map_or_else(Default::default, |o| o.placed_at);
                    tx.intend(&effect, at)?;
                    open += 1;
                }
            }
        }
        let shifts = std::mem::take(&mut self.past.shifts);
        for books in tx.snapshot().shift_books()? {
            if books.posted_minor.is_none() && shifts.contains(&books.shift) {
                let cx = Context {
                    policy: Arc::clone(&self.policy),
                    catalog: Arc::clone(&self.catalog),
                    now: Timestamp::default(),
                    day: String::new(),
                    zone: self.zone.clone(),
                    actor: Actor::system(),
                };
                account(tx, &cx, books.shift)?;
                open += 1;
            }
        }
        let ahead: i64 = tx
            .snapshot()
            .active_orders()?
            .iter()
            .filter(|o| o.paid)
            .flat_map(|o| &o.pieces)
            .filter(|p| p.stage < JobStage::Plated)
            .map(|p| i64::try_from(p.planned_ms).unwrap_or(0))
            .sum();
        let now = tx.snapshot().counter(KITCHEN)?;
        tx.add_to_counter(KITCHEN, ahead - now)?;
        Ok(open)
    }
}

/// Whether the ledger takes these movements.
fn fits(
    s: &Snapshot<'_>,
    movements: &[crate::domain::stock::Movement],
) -> Result<bool, StoreError> {
    let mut levels = BTreeMap::new();
    for m in movements {
        let level = match levels.get(&m.ingredient) {
            Some(level) => *level,
            None => s.level(&m.ingredient)?,
        };
        let Ok(after) = level.after(m) else {
            return Ok(false);
        };
        if let Some(id) = &m.use_id
            && s.is_booked(id)?
        {
            return Ok(false);
        }
        levels.insert(m.ingredient.clone(), after);
    }
    Ok(true)
}

/// Tables that are written beside the log by the commands themselves, and not by what follows from a fact.
fn beside(
    tx: &mut Tx<'_>,
    cx: &Context,
    order_id: Option<OrderId>,
    body: &Body,
) -> Result<(), FlowError> {
    match body {
        Body::MenuStopped { what, stop } => tx.put_stop(what, stop)?,
        Body::MenuLifted { what, .. } => {
            tx.lift_stop(what)?;
        }
        Body::SalesPaused { pause } => tx.put_document(PAUSE, &Some(pause))?,
        Body::SalesResumed { .. } => tx.put_document(PAUSE, &None::<Pause>)?,
        Body::MarkScanned { mark } => {
            if let Some(id) = order_id {
                tx.hold_mark(&mark.code.cis, id, cx.now)?;
            }
        }
        Body::OrderPlaced { order } => {
            if let Some(ChannelOrder { id, number, .. }) = &order.channel {
                let part = Uuid::new_v5(
                    &Uuid::NAMESPACE_OID,
                    format!("channel:{id}:{number}").as_bytes(),
                );
                tx.link_part(part, order.id)?;
            }
        }
        Body::DrawerCounted { count } => tx.file_count(CountEntry {
            at: cx.now,
            who: cx.actor.0.clone(),
            count: (**count).clone(),
        })?,
        // PINs are not in the log: they are set anew.
        Body::UserChanged {
            user_id,
            name,
            role,
            act,
        } => match act.as_str() {
            "removed" => tx.delete_user(*user_id)?,
            act => {
                let known = tx
                    .snapshot()
                    .users()?
                    .into_iter()
                    .find(|u| u.id == *user_id);
                let user = User {
                    id: *user_id,
                    name: name.clone(),
                    role: *role,
                    language: known.as_ref().map_or(Language::Ru, |u| u.language),
                    created_at: known.as_ref().map_or(cx.now, |u| u.created_at),
                    disabled_at: (act == "disabled").then_some(cx.now),
                };
                tx.put_user(&user)?;
            }
        },
        _ => {}
    }
    Ok(())
}
