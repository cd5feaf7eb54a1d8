//! Loyalty: the seam to a programme, the house's own one behind it, and what people ask of it.

use super::{
    Context, FlowError,
    commands::load,
    effects::loyalty::{Done, KIND, Request},
    executor::{Call, Executor, NotNow, Outcome, Refusal, Resolution},
    record::record,
};
use crate::{
    domain::{
        event::{Actor, Body},
        ids::{MemberId, OrderId},
        loyalty::{Act, PointsMove, PointsRefused, Programme},
        loyalty_order::OrderLoyalty,
        order::{Order, OrderError, OrderState},
        time::Timestamp,
    },
    protection::{Protection, holds},
    store::{Booking, Member, Person, Snapshot, Store, StoreError, Tx},
    world::Clock,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// A loyalty programme: the house's own, or a connector to one elsewhere. The key of an act is the operation's id: the
/// same key with the same request is done once, however often it is asked for.
#[async_trait]
pub trait LoyaltyProgramme: Send + Sync {
    /// Does it, once.
    async fn act(&self, op: &str, request: &Request) -> Outcome;

    /// Whether it was done. Must not do it.
    async fn find(&self, op: &str, request: &Request) -> Resolution;
}

/// Carries effects of the kind `loyalty` out by a programme.
pub struct Loyalty(Arc<dyn LoyaltyProgramme>);

impl Loyalty {
    /// By this programme.
    #[must_use]
    pub fn by(programme: Arc<dyn LoyaltyProgramme>) -> Self {
        Self(programme)
    }
}

#[async_trait]
impl Executor for Loyalty {
    fn kinds(&self) -> &'static [&'static str] {
        &[KIND]
    }

    async fn perform(&self, call: &Call) -> Outcome {
        match call.request() {
            Ok(request) => self.0.act(&call.key, &request).await,
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        match call.request() {
            Ok(request) => self.0.find(&call.key, &request).await,
            Err(refusal) => Resolution::NeedsPerson(refusal),
        }
    }
}

/// The house's own programme: its ledger is the store's database.
pub struct House {
    store: Store,
    clock: Arc<dyn Clock>,
    programme: Programme,
}

impl House {
    /// The ledger of this store under these rules.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, programme: Programme) -> Self {
        Self {
            store,
            clock,
            programme,
        }
    }
}

#[async_trait]
impl LoyaltyProgramme for House {
    async fn act(&self, op: &str, request: &Request) -> Outcome {
        let now = self.clock.now();
        let (op, request, programme) = (op.to_owned(), request.clone(), self.programme.clone());
        let booked = self
            .store
            .write(move |tx| -> Result<_, StoreError> {
                // Without its protection an act that is repeated is booked again.
                let op = match holds(Protection::PointsOnce) {
                    true => op,
                    false => again(&tx.snapshot(), op)?,
                };
                if let Some(refused) = on_trust(&tx.snapshot(), &programme, &request, &op, now)? {
                    return Ok(Some(Err(refused)));
                }
                let booking = Booking {
                    op: &op,
                    order_id: Some(request.order_id),
                    expires_at: expiry(&programme, now),
                    reason: "",
                    now,
                };
                tx.book_points(request.member_id, request.act, booking)
            })
            .await;
        match booked {
            Ok(Some(Ok(moved))) => match serde_json::to_value(done(&moved)) {
                Ok(value) => Outcome::Done(value),
                Err(error) => Outcome::Unknown(broken(&error)),
            },
            Ok(Some(Err(refused))) => Outcome::Refused(no(refused)),
            Ok(None) => Outcome::Refused(nobody()),
            // Whether it was written is open: it is looked up before anything else.
            Err(error) => Outcome::Unknown(broken(&error)),
        }
    }

    async fn find(&self, op: &str, _: &Request) -> Resolution {
        if !holds(Protection::PointsOnce) {
            return Resolution::NotDone;
        }
        let op = op.to_owned();
        match self.store.read(move |s| s.points_move(&op)).await {
            Ok(Some(moved)) => match serde_json::to_value(done(&moved)) {
                Ok(value) => Resolution::Done(value),
                Err(error) => Resolution::Unknown(broken(&error)),
            },
            Ok(None) => Resolution::NotDone,
            Err(error) => Resolution::Unknown(broken(&error)),
        }
    }
}

fn again(s: &Snapshot<'_>, op: String) -> Result<String, StoreError> {
    let mut key = op.clone();
    let mut nth = 1;
    while s.points_move(&key)?.is_some() {
        nth += 1;
        key = format!("{op}#{nth}");
    }
    Ok(key)
}

/// Where the true balance is elsewhere, points are held only as far as trust goes.
fn on_trust(
    s: &Snapshot<'_>,
    programme: &Programme,
    request: &Request,
    op: &str,
    now: Timestamp,
) -> Result<Option<PointsRefused>, StoreError> {
    let Act::Hold { points } = request.act else {
        return Ok(None);
    };
    if !programme.elsewhere || s.points_move(op)?.is_some() {
        return Ok(None);
    }
    let Some(member) = s.member(request.member_id)? else {
        return Ok(None);
    };
    let available = trusted(s, programme, &member, now)?;
    Ok((points > available).then_some(PointsRefused::NotEnough { available }))
}

/// Points that a member may spend now.
fn trusted(
    s: &Snapshot<'_>,
    programme: &Programme,
    member: &Member,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let available = member.account.available();
    if !programme.elsewhere {
        return Ok(available);
    }
    let since = now
        .as_millis()
        .saturating_sub(i64::try_from(Duration::from_hours(24).as_millis()).unwrap_or(0));
    let used = s.held_since(member.id, Timestamp::from_millis(since))?;
    // What is held and spent is off the balance already.
    let known = available.saturating_add(used);
    Ok(programme.offline.most(known, used, used).min(available))
}

pub(super) fn expiry(programme: &Programme, now: Timestamp) -> Option<Timestamp> {
    let days = u64::from(programme.expire_days);
    (days > 0).then(|| now.saturating_add(Duration::from_hours(24 * days)))
}

fn done(moved: &PointsMove) -> Done {
    Done {
        change: moved.change,
        balance: moved.balance,
    }
}

fn no(refused: PointsRefused) -> Refusal {
    Refusal::new(
        "points",
        refused.to_string(),
        "Look at the member's account: galley loyalty show.",
    )
}

fn nobody() -> Refusal {
    Refusal::new(
        "no_member",
        "there is no such member",
        "The member was never taken in by this store; settle with the guest.",
    )
}

fn broken(error: &dyn std::error::Error) -> NotNow {
    NotNow::new(
        format!("the ledger can't be read or written: {error}"),
        "Look at the database: galley doctor.",
    )
}

/// By what a guest is known at the door.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The phone number.
    pub phone: Option<String>,
    /// The number of the card.
    pub card: Option<String>,
}

impl Known {
    fn persons(&self) -> impl Iterator<Item = (Person<'_>, &'static str)> {
        let phone = self.phone.as_deref().map(|p| (Person::Phone(p), "phone"));
        // A member's card is no card of the store's own people.
        let card = self.card.as_deref().map(|c| (Person::Member(c), "card"));
        phone.into_iter().chain(card)
    }

    /// The member who is known by it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn find(&self, s: &Snapshot<'_>) -> Result<Option<Member>, FlowError> {
        for (person, _) in self.persons() {
            if let Some(who) = s.who(person)?
                && let Some(member) = s.member_by(&who)?
            {
                return Ok(Some(member));
            }
        }
        Ok(None)
    }
}

/// What a member has and may do now.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who.
    pub member: Member,
    /// Points that may be spent now.
    pub spendable: i64,
    /// What comes back of money, basis points.
    pub earn_bp: u32,
}

/// What a member has and may do now.
///
/// # Errors
/// When it can't be read.
pub fn standing(s: &Snapshot<'_>, cx: &Context, member: Member) -> Result<Standing, FlowError> {
    let programme = &cx.policy.loyalty;
    Ok(Standing {
        spendable: trusted(s, programme, &member, cx.now)?,
        earn_bp: programme.earn_bp_of(member.account.spent_minor),
        member,
    })
}

fn on(cx: &Context) -> Result<&Programme, FlowError> {
    let programme = &cx.policy.loyalty;
    match programme.enabled {
        true => Ok(programme),
        false => Err(FlowError::Unknown("loyalty programme")),
    }
}

/// A member, or that there is none.
///
/// # Errors
/// No programme, or no such member.
pub fn member(s: &Snapshot<'_>, cx: &Context, id: MemberId) -> Result<Member, FlowError> {
    on(cx)?;
    s.member(id)?.ok_or(FlowError::Unknown("member"))
}

/// Takes a guest in who agreed to the terms of this version. Who is a member already stays the one they are; a number or
/// card that is new is theirs too.
///
/// # Errors
/// No programme, other terms than those in force, nothing to know them by, a number of somebody else.
pub fn join(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: MemberId,
    known: &Known,
    name: &str,
    terms: &str,
) -> Result<Member, FlowError> {
    let programme = on(cx)?;
    if terms != programme.terms.version {
        return Err(FlowError::Conflict(format!(
            "the terms in force are version {}",
            programme.terms.version
        )));
    }
    let mut fresh = Vec::new();
    let mut found: Option<Member> = None;
    for (person, kind) in known.persons() {
        let who = tx.snapshot().who(person)?;
        let who = who.ok_or(FlowError::Unknown("key of guests' numbers"))?;
        match (tx.snapshot().member_by(&who)?, &found) {
            (Some(member), Some(other)) if other.id != member.id => {
                return Err(FlowError::Conflict(
                    "the number and the card belong to two members".to_owned(),
                ));
            }
            (Some(member), _) => found = Some(member),
            (None, _) => fresh.push((who, kind)),
        }
    }
    if let Some(member) = found {
        // A card that nobody has is given to who shows it with their number; a number is never added to a card.
        for (who, kind) in fresh.iter().filter(|(_, kind)| *kind == "card") {
            tx.add_member_key(member.id, who, kind)?;
        }
        return Ok(member);
    }
    if fresh.is_empty() {
        return Err(FlowError::Invalid("a phone number or a card".to_owned()));
    }
    let member = tx.add_member(id, name.trim(), terms, &fresh, cx.now)?;
    let by: Vec<&str> = fresh.iter().map(|(_, kind)| *kind).collect();
    record(
        tx,
        cx,
        None,
        Body::LoyaltyJoined {
            member_id: id,
            by: by.join("+"),
            terms: terms.to_owned(),
        },
    )?;
    Ok(member)
}

/// Makes an unpaid order a member's.
///
/// # Errors
/// No programme, no such member or order; it is paid, or points pay for it already.
pub fn attach(
    tx: &mut Tx<'_>,
    cx: &Context,
    order_id: OrderId,
    member_id: MemberId,
) -> Result<Order, FlowError> {
    let order = load(tx, order_id)?;
    if order.loyalty.as_ref().map(|l| l.member_id) == Some(member_id) {
        return Ok(order);
    }
    if order.state != OrderState::Placed {
        return Err(OrderError::State(order.state).into());
    }
    if order.is_fiscal_elsewhere() || order.payments.iter().any(|p| p.points.is_some()) {
        return Err(FlowError::Conflict(
            "this order is another's already, or was sold elsewhere".to_owned(),
        ));
    }
    let member = member(&tx.snapshot(), cx, member_id)?;
    let loyalty = OrderLoyalty::new(
        &cx.policy.loyalty,
        member_id,
        member.account.spent_minor,
        &order.lines,
        &cx.catalog,
    );
    record(tx, cx, Some(order_id), Body::LoyaltyAttached { loyalty })?;
    load(tx, order_id)
}

/// Points for a payment of `amount_minor` by points, or for as much as can be paid by them when none.
///
/// # Errors
/// No member, fewer points than the least, more than the order takes or the member has, not a whole number.
pub(super) fn points_for(
    s: &Snapshot<'_>,
    cx: &Context,
    order: &Order,
    amount_minor: Option<i64>,
) -> Result<(i64, i64), FlowError> {
    let loyalty = order.loyalty.as_ref().filter(|_| cx.policy.loyalty.enabled);
    let l = loyalty.ok_or_else(|| FlowError::Conflict("the order is no member's".to_owned()))?;
    if order
        .payments
        .iter()
        .any(|p| p.points.is_some() && (p.covers() || p.counts_towards_sale()))
    {
        return Err(FlowError::Conflict(
            "points pay for this order already".to_owned(),
        ));
    }
    let member = member(s, cx, l.member_id)?;
    let spendable = standing(s, cx, member)?.spendable;
    let most = order
        .most_points()
        .min(order.due_minor() / l.worth_minor.max(1))
        .min(spendable);
    let points = match amount_minor {
        None => most,
        Some(minor) if minor % l.worth_minor == 0 => minor / l.worth_minor,
        Some(_) => {
            return Err(FlowError::Invalid(format!(
                "a point is worth {} minor units: pay a whole number of them",
                l.worth_minor
            )));
        }
    };
    if points < l.least_points || points > most {
        return Err(FlowError::Conflict(format!(
            "{points} points can't be spent here: {} to {most} can",
            l.least_points
        )));
    }
    Ok((points, points * l.worth_minor))
}

/// A person puts a member's points right.
///
/// # Errors
/// No such member, no points, no reason; the true balance is elsewhere.
pub fn adjust(
    tx: &mut Tx<'_>,
    cx: &Context,
    member_id: MemberId,
    points: i64,
    reason: &str,
    op: &str,
) -> Result<Member, FlowError> {
    let programme = on(cx)?;
    member(&tx.snapshot(), cx, member_id)?;
    if programme.elsewhere {
        return Err(FlowError::Conflict(
            "the true balance is kept elsewhere: put it right there".to_owned(),
        ));
    }
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(FlowError::Invalid(
            "say why, in 1 to 200 characters: it is kept in the log".to_owned(),
        ));
    }
    let booking = Booking {
        op,
        order_id: None,
        expires_at: expiry(programme, cx.now),
        reason,
        now: cx.now,
    };
    book(tx, cx, member_id, Act::Adjust { points }, booking)?;
    member(&tx.snapshot(), cx, member_id)
}

fn book(
    tx: &mut Tx<'_>,
    cx: &Context,
    member_id: MemberId,
    act: Act,
    booking: Booking<'_>,
) -> Result<(), FlowError> {
    let booked = tx.book_points(member_id, act, booking)?;
    match booked.ok_or(FlowError::Unknown("member"))? {
        Ok(points) => record(tx, cx, None, Body::PointsMoved { points }),
        Err(refused) => Err(FlowError::Invalid(refused.to_string())),
    }
}

/// Forgets who a member is; the account stays, nobody's.
///
/// # Errors
/// When it can't be written.
pub fn forget(tx: &mut Tx<'_>, cx: &Context, id: MemberId) -> Result<usize, FlowError> {
    let rows = tx.forget_member(id)?;
    if rows > 0 {
        record(tx, cx, None, Body::LoyaltyForgotten { member_id: id })?;
    }
    Ok(rows)
}

/// So many accounts are looked at in one write.
const AT_ONCE: u32 = 200;

/// Takes points off that are too old. The house's own ledger only: elsewhere others do it.
///
/// # Errors
/// When it can't be read or written.
pub(super) fn expire(tx: &mut Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    let programme = &cx.policy.loyalty;
    if !programme.enabled || programme.elsewhere {
        return Ok(());
    }
    let cx = Context {
        actor: Actor::system(),
        ..cx.clone()
    };
    for id in tx.snapshot().members_to_look_at(cx.now, AT_ONCE)? {
        let (over, next) = tx.snapshot().points_too_old(id, cx.now)?;
        let account = tx.snapshot().member(id)?.map(|m| m.account);
        let account = account.unwrap_or_default();
        let points = over.min(account.available());
        if points > 0 {
            let op = format!("expire:{id}:{}", cx.now.as_millis());
            let booking = Booking {
                op: &op,
                order_id: None,
                expires_at: None,
                reason: "",
                now: cx.now,
            };
            book(tx, &cx, id, Act::Expire { points }, booking)?;
        }
        // What an open order holds is looked at when the order is through.
        let soon = cx.now.saturating_add(Duration::from_hours(1));
        let next = match over > points && account.held > 0 {
            true => Some(next.map_or(soon, |at| at.min(soon))),
            false => next,
        };
        tx.look_at_member_again(id, next)?;
    }
    Ok(())
}
