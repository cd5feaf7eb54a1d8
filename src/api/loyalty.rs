//! The loyalty programme at the door: who is a member, joining, whose order it is, and a member's account for staff.
//! A number that is asked for is answered with as little as a guest needs to know themselves: an initial and points.

use super::{
    Api, Caller, Problem,
    auth::{CASHIERS, ORDERING, STAFF, TECHNICIANS},
    body::{Asked, Post},
    extract::Path,
    orders::{Nothing, check_phone, guard},
    view::{self, OrderView},
};
use crate::{
    domain::{
        ids::{MemberId, OrderId},
        loyalty::{Level, Programme},
        loyalty_order::most_points,
        quote::Quote,
        text::Text,
        time::Timestamp,
    },
    flow::{
        Context, FlowError,
        loyalty::{self, Known, Standing},
    },
    store::{Member, MoveRow, Snapshot},
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// So many numbers may be asked for by one door …
const ASKED: usize = 30;
/// … in so long: more than a queue of guests types, fewer than it takes to find numbers out.
const WITHIN: Duration = Duration::from_mins(1);
/// Longest card number.
const MAX_CARD: usize = 40;
/// Longest first name.
const MAX_NAME: usize = 40;
/// Lines of an account that staff see.
const LINES: u32 = 50;

/// When which door asked.
#[derive(Default)]
pub(super) struct Lookups(Mutex<BTreeMap<String, VecDeque<Timestamp>>>);

impl Lookups {
    fn ask(&self, door: &str, now: Timestamp) -> Result<(), FlowError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, times| times.back().is_some_and(|at| now.since(*at) < WITHIN));
        let times = all.entry(door.to_owned()).or_default();
        times.retain(|at| now.since(*at) < WITHIN);
        if let (true, Some(first)) = (times.len() >= ASKED, times.front()) {
            return Err(FlowError::TooMany(first.saturating_add(WITHIN)));
        }
        times.push_back(now);
        Ok(())
    }
}

/// By what a guest is known: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The phone number.
    #[serde(default)]
    phone: Option<String>,
    /// The number of the card, as the scanner reads it.
    #[serde(default)]
    card: Option<String>,
}

/// A member, as a kiosk may show them.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// For an order; it says nothing of the person.
    member: Uuid,
    /// First letter of the name, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    initial: Option<String>,
    /// Points.
    balance: i64,
    /// Points that may be spent now.
    spendable: i64,
    /// What comes back of money, basis points.
    earn_bp: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    level: Option<LevelView>,
    /// They joined just now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    new: bool,
}

#[derive(Debug, Serialize)]
struct LevelView {
    id: String,
    name: Text,
}

impl From<&Level> for LevelView {
    fn from(level: &Level) -> Self {
        Self {
            id: level.id.clone(),
            name: level.name.clone(),
        }
    }
}

fn shown(standing: &Standing, programme: &Programme, new: bool) -> MemberView {
    let m = &standing.member;
    let initial = m.name.chars().next();
    MemberView {
        member: m.id.0,
        initial: initial.map(|c| c.to_uppercase().collect()),
        balance: m.account.balance,
        spendable: standing.spendable,
        earn_bp: standing.earn_bp,
        level: programme.level(m.account.spent_minor).map(LevelView::from),
        new,
    }
}

fn known(phone: Option<&str>, card: Option<&str>) -> Result<Known, Problem> {
    let said = |text: Option<&str>| {
        let text = text.map(str::trim).filter(|t| !t.is_empty());
        text.map(str::to_owned)
    };
    let known = Known {
        phone: said(phone),
        card: said(card),
    };
    if let Some(phone) = &known.phone {
        check_phone(phone)?;
    }
    if let Some(card) = &known.card {
        let plain = card.chars().filter(char::is_ascii_alphanumeric).count();
        if card.len() > MAX_CARD || plain < 4 {
            return Err(Problem::invalid("this is no number of a card"));
        }
    }
    if known.phone.is_none() && known.card.is_none() {
        return Err(Problem::invalid("a phone number or a card"));
    }
    Ok(known)
}

/// Who a guest is to the programme. Asked too often, a door waits.
#[utoipa::path(post, path = "/loyalty/lookup", tag = "guest", request_body = Lookup, responses((status = 200, body = MemberView), (status = "4XX", body = Problem)))]
pub(super) async fn lookup(
    State(api): State<Api>,
    asked: Asked<Lookup>,
) -> Result<Json<MemberView>, Problem> {
    asked.caller.need(ORDERING)?;
    let cx = api.site.context(asked.caller.actor());
    if !cx.policy.loyalty.enabled {
        return Err(FlowError::Unknown("loyalty programme").into());
    }
    let known = known(asked.body.phone.as_deref(), asked.body.card.as_deref())?;
    api.inner.lookups.ask(&asked.caller.actor().0, cx.now)?;
    let found = api
        .site
        .store
        .read(move |s| -> Result<_, FlowError> {
            let member = known.find(s)?;
            let standing = member.map(|m| loyalty::standing(s, &cx, m)).transpose()?;
            Ok(standing.map(|standing| shown(&standing, &cx.policy.loyalty, false)))
        })
        .await?;
    found.map(Json).ok_or_else(|| {
        Problem::unknown_member("nobody is known by this").telling(Text::new(
            "Этого номера ещё нет в программе.",
            "Bu raqam dasturda hali yo‘q.",
            "This number is not in the programme yet.",
        ))
    })
}

/// A guest who joins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// The phone number.
    #[serde(default)]
    phone: Option<String>,
    /// The number of a card.
    #[serde(default)]
    card: Option<String>,
    /// First name, if they want to give it.
    #[serde(default)]
    name: Option<String>,
    /// Version of the terms that the guest has agreed to, as `GET /store` shows them.
    terms: String,
}

/// Takes a guest in who has agreed to the terms. Who is a member already stays the one they are.
#[utoipa::path(post, path = "/loyalty/members", tag = "guest", request_body = NewMember, responses((status = 201, body = MemberView), (status = "4XX", body = Problem)))]
pub(super) async fn join(
    State(api): State<Api>,
    post: Post<NewMember>,
) -> Result<Response, Problem> {
    post.caller.need(ORDERING)?;
    let known = known(post.body.phone.as_deref(), post.body.card.as_deref())?;
    let name = post.body.name.clone().unwrap_or_default();
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Problem::invalid("this is no name"));
    }
    let now = api.site.world.clock.now();
    // Joining tells who is a member already: it is asked for no oftener than that.
    if post.replay(&api).await?.is_none() {
        api.inner.lookups.ask(&post.caller.actor().0, now)?;
    }
    let id = MemberId(api.site.world.new_id());
    post.once(&api, StatusCode::CREATED, move |tx, cx, body| {
        let member = loyalty::join(tx, cx, id, &known, &name, &body.terms)?;
        let new = member.id == id;
        let standing = loyalty::standing(&tx.snapshot(), cx, member)?;
        Ok(shown(&standing, &cx.policy.loyalty, new))
    })
    .await
}

/// Whose order it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    /// The member, as the lookup names them.
    member: Uuid,
}

/// Makes an unpaid order a member's: it earns, and points can pay for a part of it.
#[utoipa::path(post, path = "/orders/{id}/loyalty", tag = "guest", params(("id" = Uuid, Path)), request_body = Attached, responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn attach(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Attached>,
) -> Result<Response, Problem> {
    post.caller.need(ORDERING)?;
    let caller = post.caller.clone();
    post.once(&api, StatusCode::OK, move |tx, cx, body| {
        guard(tx.snapshot().order(OrderId(id))?, &caller)?;
        let order = loyalty::attach(tx, cx, OrderId(id), MemberId(body.member))?;
        Ok(view::order(&order, &Default::default()))
    })
    .await
}

/// What an order would earn, and how many points can pay for a part of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuotePoints {
    /// Points that the guest has.
    balance: i64,
    /// Points earned when all of it is paid in money.
    earns: i64,
    /// Points that can pay for a part of it.
    spendable: i64,
    /// What they are worth, minor units.
    spendable_minor: i64,
}

/// The points of a quote.
pub(super) fn of_quote(
    s: &Snapshot<'_>,
    cx: &Context,
    quote: &Quote,
    member: MemberId,
) -> Result<QuotePoints, FlowError> {
    let programme = &cx.policy.loyalty;
    let standing = loyalty::standing(s, cx, loyalty::member(s, cx, member)?)?;
    let open = || {
        quote.lines.iter().filter(|l| {
            let category = cx.catalog.dish(&l.dish_id).map(|d| d.category.as_str());
            let category = category.unwrap_or_default();
            l.available() && !programme.exclude.takes(&l.dish_id, category)
        })
    };
    let net = |l: &crate::domain::quote::QuoteLine| l.sum_minor - l.discount_minor;
    let most = most_points(
        quote.total_minor,
        open().map(|l| (net(l), l.quantity)),
        programme.max_share_bp,
        programme.worth_minor,
    );
    let spendable = Some(most.min(standing.spendable)).filter(|n| *n >= programme.least_points);
    let spendable = spendable.unwrap_or(0);
    let base = open().map(net).sum();
    Ok(QuotePoints {
        balance: standing.member.account.balance,
        earns: Programme::points_for(base, standing.earn_bp, programme.worth_minor),
        spendable,
        spendable_minor: spendable * programme.worth_minor,
    })
}

/// The programme, as the store shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProgrammeView {
    #[schema(value_type = Object)]
    name: Text,
    /// What a point is worth, minor units.
    worth_minor: i64,
    /// What comes back of money, basis points; members may have more.
    earn_bp: u32,
    /// How much of an order may be paid by points, basis points.
    max_share_bp: u32,
    /// What a guest agrees to who joins.
    terms_version: String,
    #[schema(value_type = Object)]
    terms: Text,
    /// The true balance can't be asked for: points are what they last were, and spent within limits.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    offline: bool,
}

/// The programme, as the store shows it; none when there is none.
pub(super) fn programme(p: &Programme) -> Option<ProgrammeView> {
    p.enabled.then(|| ProgrammeView {
        name: p.name.clone(),
        worth_minor: p.worth_minor,
        earn_bp: p.earn_bp,
        max_share_bp: p.max_share_bp,
        terms_version: p.terms.version.clone(),
        terms: p.terms.text.clone(),
        offline: p.elsewhere,
    })
}

/// A member's account, for staff.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    member: Uuid,
    /// First letter of the name, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    initial: Option<String>,
    balance: i64,
    /// Points of the balance that open orders hold.
    held: i64,
    /// Points that the next ones earned make good.
    owed: i64,
    spendable: i64,
    /// Paid in money, minor units; refunds off.
    spent_minor: i64,
    earn_bp: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    level: Option<LevelView>,
    /// Version of the terms they agreed to.
    terms: String,
    #[schema(value_type = i64)]
    joined_at: Timestamp,
    /// The newest first.
    moves: Vec<MoveView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct MoveView {
    #[schema(value_type = i64)]
    at: Timestamp,
    /// `earn`, `hold`, `spend`, `release`, `give_back`, `take_back`, `adjust` or `expire`.
    act: String,
    /// More, or fewer, in the balance.
    points: i64,
    /// More, or fewer, held.
    held: i64,
    /// The balance after it.
    balance: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

impl From<MoveRow> for MoveView {
    fn from(m: MoveRow) -> Self {
        Self {
            at: m.at,
            act: m.act,
            points: m.points,
            held: m.held,
            balance: m.balance,
            order_id: m.order_id.map(|o| o.0),
            reason: m.reason,
        }
    }
}

fn account(s: &Snapshot<'_>, cx: &Context, member: Member) -> Result<AccountView, FlowError> {
    let programme = &cx.policy.loyalty;
    let moves = s.points_moves(member.id, LINES)?;
    let Standing {
        member,
        spendable,
        earn_bp,
    } = loyalty::standing(s, cx, member)?;
    let a = member.account;
    let initial = member.name.chars().next();
    Ok(AccountView {
        member: member.id.0,
        initial: initial.map(|c| c.to_uppercase().collect()),
        balance: a.balance,
        held: a.held,
        owed: a.owed,
        spendable,
        spent_minor: a.spent_minor,
        earn_bp,
        level: programme.level(a.spent_minor).map(LevelView::from),
        terms: member.terms,
        joined_at: member.joined_at,
        moves: moves.into_iter().map(MoveView::from).collect(),
    })
}

/// A member's account.
#[utoipa::path(get, path = "/loyalty/members/{id}", tag = "staff", params(("id" = Uuid, Path)), responses((status = 200, body = AccountView), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<AccountView>, Problem> {
    caller.need(STAFF)?;
    let cx = api.site.context(caller.actor());
    let view = api
        .site
        .store
        .read(move |s| account(s, &cx, loyalty::member(s, &cx, MemberId(id))?))
        .await?;
    Ok(Json(view))
}

/// What a person puts right.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    /// How many points more, or fewer.
    points: i64,
    /// Why; kept in the log.
    reason: String,
}

/// Puts a member's points right. Only this can take a balance below zero.
#[utoipa::path(post, path = "/loyalty/members/{id}/adjust", tag = "technician", params(("id" = Uuid, Path)), request_body = Adjustment, responses((status = 200, body = AccountView), (status = "4XX", body = Problem)))]
pub(super) async fn adjust(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Adjustment>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    let op = format!("adjust:{}", api.site.world.new_id());
    post.once(&api, StatusCode::OK, move |tx, cx, body| {
        let member = loyalty::adjust(tx, cx, MemberId(id), body.points, &body.reason, &op)?;
        account(&tx.snapshot(), cx, member)
    })
    .await
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct Forgotten {
    /// Numbers and cards.
    rows: usize,
}

/// Forgets who a member is: number, card and name. What moved stays, nobody's.
#[utoipa::path(post, path = "/loyalty/members/{id}/forget", tag = "staff", params(("id" = Uuid, Path)), request_body = Nothing, responses((status = 200, body = Forgotten), (status = "4XX", body = Problem)))]
pub(super) async fn forget(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(CASHIERS)?;
    post.once(&api, StatusCode::OK, move |tx, cx, _| {
        loyalty::member(&tx.snapshot(), cx, MemberId(id))?;
        let rows = loyalty::forget(tx, cx, MemberId(id))?;
        Ok(Forgotten { rows })
    })
    .await
}
