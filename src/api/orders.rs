//! Orders.

use super::{
    Api, Caller, Problem,
    auth::{CASHIERS, ORDERING, Role, STAFF, TILLS},
    body::Post,
    extract::{Path, Query},
    follow,
    marks::{self, NewCode, ReceiptWish},
    view::{self, OrderView},
};
use crate::{
    domain::{
        ids::{MemberId, OrderId, PaymentId, RefundId},
        marking::{Scan, Wanted},
        money::Money,
        options::Pick,
        order::{Order, OrderState, Service},
        place::{Wish, WishLine},
        refund::Given,
        text::Language,
        time::Timestamp,
    },
    flow::{
        Context, FlowError, channels,
        commands::{self, Asks, Back},
        marking::{self, Said},
    },
    store::{EffectState, OrderFilter, Snapshot, StoreError, Tx},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Most orders of one page.
const PAGE: usize = 200;
/// Longest phone number, with separators.
const MAX_PHONE: usize = 24;
/// Longest promo code or card.
const MAX_WORD: usize = 64;

/// A new order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    #[schema(value_type = String)]
    language: Language,
    #[serde(default)]
    #[schema(value_type = String)]
    service: Service,
    lines: Vec<NewLine>,
    /// For the message that the order is ready, and for promotions that are counted by phone number.
    #[serde(default)]
    phone: Option<String>,
    /// How the guest wants the receipt; on paper when none.
    #[serde(default)]
    receipt_to: Option<ReceiptWish>,
    /// A code of a promotion.
    #[serde(default)]
    promo_code: Option<String>,
    /// What the guest saw to pay; another total is refused, with the new quote.
    #[serde(default)]
    total_minor: Option<i64>,
    /// The card of one of the store's own people; only a cashier or a manager takes it.
    #[serde(default)]
    staff_card: Option<String>,
    /// The member of the loyalty programme whose order it is, as the lookup names them.
    #[serde(default)]
    member: Option<Uuid>,
    /// The online channel that sold it, and took the money; for a cashier, a manager or another system.
    #[serde(default)]
    channel: Option<String>,
    /// The order's number there; it comes in once.
    #[serde(default)]
    channel_number: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLine {
    dish_id: String,
    quantity: i64,
    /// What the guest chose; where nothing is said, the dish as it is described.
    #[serde(default)]
    options: Vec<PickView>,
    /// What the guest saw of one, with its options; another price is refused.
    #[serde(default)]
    price_minor: Option<i64>,
    /// Codes of its units, where it is marked goods; they may come later too.
    #[serde(default)]
    codes: Vec<NewCode>,
}

/// A choice of an option.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PickView {
    /// Id of the option.
    option: String,
    /// Id of the choice.
    choice: String,
}

impl From<NewLine> for WishLine {
    fn from(l: NewLine) -> Self {
        Self {
            dish_id: l.dish_id.as_str().into(),
            quantity: l.quantity,
            options: l
                .options
                .into_iter()
                .map(|o| Pick {
                    option: o.option,
                    choice: o.choice,
                })
                .collect(),
            price_minor: l.price_minor,
        }
    }
}

/// What can't be a phone number is refused.
pub(super) fn check_phone(phone: &str) -> Result<(), Problem> {
    if phone.len() > MAX_PHONE || phone.chars().filter(char::is_ascii_digit).count() < 9 {
        return Err(Problem::invalid("this is no phone number"));
    }
    Ok(())
}

/// Who orders: a number or a card that can't be one is refused.
pub(super) fn check_asks(
    caller: &Caller,
    phone: Option<&str>,
    promo_code: Option<&str>,
    staff_card: Option<&str>,
) -> Result<(), Problem> {
    if let Some(phone) = phone.map(str::trim).filter(|p| !p.is_empty()) {
        check_phone(phone)?;
    }
    if promo_code.is_some_and(|c| c.len() > MAX_WORD) {
        return Err(Problem::invalid("this is no promo code"));
    }
    if let Some(card) = staff_card {
        caller.need_role(CASHIERS)?;
        if card.trim().is_empty() || card.len() > MAX_WORD {
            return Err(Problem::invalid("this is no card"));
        }
    }
    Ok(())
}

/// Places an order. The store prices it, holds the stock and promises a time.
#[utoipa::path(post, path = "/orders", tag = "guest", request_body = NewOrder, responses((status = 201, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn place(
    State(api): State<Api>,
    headers: HeaderMap,
    post: Post<NewOrder>,
) -> Result<Response, Problem> {
    post.caller.need(ORDERING)?;
    let body = &post.body;
    check_asks(
        &post.caller,
        body.phone.as_deref(),
        body.promo_code.as_deref(),
        body.staff_card.as_deref(),
    )?;
    if body.channel.is_some() {
        post.caller.need(TILLS)?;
    }
    if body.channel.is_some() != body.channel_number.is_some() {
        return Err(Problem::invalid(
            "channel and channel_number belong together",
        ));
    }
    if body.channel.is_some() && body.member.is_some() {
        return Err(Problem::invalid(
            "a channel's order is no member's: its money was not paid here",
        ));
    }
    let phone = body
        .phone
        .as_deref()
        .map(str::trim)
        .filter(|p| !p.is_empty());
    let contact = match &body.receipt_to {
        Some(wish) => wish.contact(phone)?,
        None => None,
    };
    let (scans, said) = codes(&api, &post).await?;
    let id = OrderId(api.site.world.new_id());
    let payment_id = PaymentId(api.site.world.new_id());
    let door = api.clone();
    post.once(&api, StatusCode::CREATED, move |tx, cx, body| {
        let wish = Wish {
            language: body.language,
            service: body.service,
            lines: body.lines.into_iter().map(WishLine::from).collect(),
            promo_code: body.promo_code,
            total_minor: body.total_minor,
        };
        let phone = body
            .phone
            .as_deref()
            .map(str::trim)
            .filter(|p| !p.is_empty());
        let asks = Asks {
            phone,
            staff_card: body.staff_card.as_deref(),
            member: body.member.map(MemberId),
        };
        let mut order = match body.channel.as_deref().zip(body.channel_number.as_deref()) {
            Some((channel, number)) => {
                let ids = (id, payment_id);
                channels::take_in(tx, cx, ids, &wish, &asks, channel, number)?
            }
            None => commands::place_order(tx, cx, id, &wish, &asks)?,
        };
        if contact.is_some() {
            order = commands::want_receipt(tx, cx, id, contact.as_ref())?;
        }
        if !scans.is_empty() {
            order = marking::scan(tx, cx, id, &scans, &said)?;
        }
        let mut view = view::order(&order, &BTreeSet::new());
        view.follow = follow::link(&door, &order, &headers);
        Ok(view)
    })
    .await
}

/// The scanned codes of a new order, and what the printer says of them.
async fn codes(api: &Api, post: &Post<NewOrder>) -> Result<(Vec<Scan>, Said), Problem> {
    let lines = post.body.lines.iter().enumerate();
    let each = lines.flat_map(|(i, l)| l.codes.iter().map(move |c| (Some(i), c)));
    let scans = marks::scans(each)?;
    if scans.is_empty() || post.replay(api).await?.is_some() {
        return Ok((scans, Said::default()));
    }
    let catalog = api.site.catalog();
    let lines = post.body.lines.iter().enumerate();
    let wanted: Vec<Wanted<'_>> = lines
        .filter_map(|(line, l)| {
            let dish = catalog.dish(&l.dish_id.as_str().into())?;
            Some(Wanted {
                line,
                marked: dish.marked.as_ref()?,
                quantity: u32::try_from(l.quantity).unwrap_or(0),
                price: Money::new(dish.price_minor, catalog.currency),
            })
        })
        .collect();
    let said = marks::asked(api, &wanted, &[], &scans).await?;
    Ok((scans, said))
}

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
pub struct OrderQuery {
    /// In this state.
    state: Option<String>,
    /// Of this day, `YYYY-MM-DD`.
    day: Option<String>,
    /// Placed before this time.
    before: Option<i64>,
    /// At most so many.
    limit: Option<usize>,
    /// `true`: only those that somebody still waits for.
    active: Option<bool>,
}

/// Orders, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderList {
    orders: Vec<OrderView>,
}

/// Lists orders, the newest first.
#[utoipa::path(get, path = "/orders", tag = "staff", params(OrderQuery), responses((status = 200, body = OrderList)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<OrderQuery>,
) -> Result<Json<OrderList>, Problem> {
    caller.need(STAFF)?;
    let state = match query.state.as_deref() {
        None => None,
        Some(word) => Some(
            serde_json::from_value::<OrderState>(word.into())
                .map_err(|_| Problem::invalid(format!("{word:?} is no state of an order")))?,
        ),
    };
    let filter = OrderFilter {
        state,
        day: query.day,
        before: query.before.map(Timestamp::from_millis),
        limit: query.limit.unwrap_or(50).min(PAGE),
    };
    let active = query.active == Some(true);
    let orders = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let found = match active {
                true => {
                    let mut all = s.active_orders()?;
                    all.retain(|o| filter.state.is_none_or(|state| o.state == state));
                    all.truncate(filter.limit);
                    all
                }
                false => s.orders(&filter)?,
            };
            found
                .iter()
                .map(|o| Ok(view::order(o, &unclear(s, o)?)))
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(OrderList { orders }))
}

/// Payments of the order whose outcome nobody knows at the moment.
pub(super) fn unclear(s: &Snapshot<'_>, order: &Order) -> Result<BTreeSet<Uuid>, StoreError> {
    if !order
        .payments
        .iter()
        .any(crate::domain::payment::Payment::is_live)
    {
        return Ok(BTreeSet::new());
    }
    Ok(s.effects_of(order.id)?
        .into_iter()
        .filter(|e| {
            (e.kind.starts_with("bank.") || e.kind == crate::flow::effects::loyalty::KIND)
                && matches!(e.state, EffectState::Unknown | EffectState::Person)
        })
        .filter_map(|e| e.item)
        .collect())
}

/// A kiosk sees what it placed, and so does a key that may only order; staff see all.
pub(super) fn may_see(caller: &Caller, order: &Order) -> bool {
    !caller.sees_own_only() || caller.placed(order)
}

/// An order.
#[utoipa::path(get, path = "/orders/{id}", tag = "guest", params(("id" = Uuid, Path)), responses((status = 200, body = OrderView), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
) -> Result<Json<OrderView>, Problem> {
    caller.need(ORDERING)?;
    let found = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let Some(order) = s.order(OrderId(id))? else {
                return Ok(None);
            };
            let view = view::order(&order, &unclear(s, &order)?);
            Ok(Some((order, view)))
        })
        .await?;
    match found {
        Some((order, mut view)) if may_see(&caller, &order) => {
            view.follow = follow::link(&api, &order, &headers);
            Ok(Json(view))
        }
        _ => Err(Problem::unknown_order("there is no such order")),
    }
}

/// All that happened to an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline {
    events: Vec<serde_json::Value>,
    effects: Vec<serde_json::Value>,
}

/// The time line of an order: events, effects and every attempt.
#[utoipa::path(get, path = "/orders/{id}/timeline", tag = "staff", params(("id" = Uuid, Path)), responses((status = 200, body = Timeline)))]
pub(super) async fn timeline(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Timeline>, Problem> {
    caller.need(STAFF)?;
    let timeline = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let mut events = Vec::new();
            for e in s.events_of(OrderId(id))? {
                events.push(serde_json::json!({
                    "seq": e.seq, "at": e.at, "actor": e.actor,
                    "body": serde_json::from_str::<serde_json::Value>(&e.body)?,
                }));
            }
            let mut effects = Vec::new();
            for e in s.effects_of(OrderId(id))? {
                let attempts: Vec<_> = s
                    .attempts(e.id)?
                    .into_iter()
                    .map(|a| serde_json::json!({"at": a.at, "verb": a.verb, "outcome": a.outcome, "note": a.note}))
                    .collect();
                effects.push(serde_json::json!({
                    "id": e.id, "key": e.key, "kind": e.kind, "state": e.state.word(), "attempt": e.attempt,
                    "created_at": e.created_at, "ended_at": e.ended_at, "note": e.note, "advice": e.advice,
                    "attempts": attempts,
                }));
            }
            Ok(Timeline { events, effects })
        })
        .await?;
    if timeline.events.is_empty() {
        return Err(Problem::unknown_order("there is no such order"));
    }
    Ok(Json(timeline))
}

/// No arguments.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Gives an unpaid order up.
#[utoipa::path(post, path = "/orders/{id}/cancel", tag = "guest", params(("id" = Uuid, Path)), request_body = Nothing, responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn cancel(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    let by = format!("by {}", post.caller.role.word());
    post.on_order(&api, ORDERING, id, move |tx, cx, id, _| {
        commands::cancel_order(tx, cx, id, &by)
    })
    .await
}

impl<T: Send + 'static> Post<T> {
    /// An act of one of `roles` on an order that the caller may touch; answered with the order as it is then.
    pub(super) async fn on_order(
        self,
        api: &Api,
        roles: &[Role],
        id: Uuid,
        act: impl FnOnce(&mut Tx<'_>, &Context, OrderId, T) -> Result<Order, FlowError> + Send + 'static,
    ) -> Result<Response, Problem> {
        self.caller.need(roles)?;
        let caller = self.caller.clone();
        self.once(api, StatusCode::OK, move |tx, cx, body| {
            guard(tx.snapshot().order(OrderId(id))?, &caller)?;
            let order = act(tx, cx, OrderId(id), body)?;
            Ok(view::order(&order, &BTreeSet::new()))
        })
        .await
    }
}

/// The order, if this caller may touch it.
pub(super) fn guard(order: Option<Order>, caller: &Caller) -> Result<Order, FlowError> {
    order
        .filter(|o| may_see(caller, o))
        .ok_or(FlowError::UnknownOrder)
}

/// The dishes went over the counter.
#[utoipa::path(post, path = "/orders/{id}/hand-over", tag = "staff", params(("id" = Uuid, Path)), request_body = Nothing, responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn hand_over(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.on_order(&api, STAFF, id, |tx, cx, id, _| {
        commands::hand_over(tx, cx, id)
    })
    .await
}

/// A refund.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// Minor units; all that is left when neither a sum nor lines are named.
    #[serde(default)]
    amount_minor: Option<i64>,
    /// Dishes instead of a sum.
    #[serde(default)]
    lines: Vec<ReturnedLine>,
    /// Marked units that come back, by their codes, scanned again, or by what identifies them; instead of a sum, beside
    /// lines.
    #[serde(default)]
    codes: Vec<NewCode>,
    /// Of a line of marked goods that are all the same, any units are taken: nobody can tell which came back.
    #[serde(default)]
    any_unit: bool,
    /// Why.
    reason: String,
}

/// So many dishes of a line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnedLine {
    line_id: usize,
    quantity: u32,
}

/// The refunds that were begun, one for each payment that gives money back.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundsView {
    refunds: Vec<Uuid>,
    order: OrderView,
}

/// Gives money of a paid order back.
#[utoipa::path(post, path = "/orders/{id}/refunds", tag = "staff", params(("id" = Uuid, Path)), request_body = NewRefund, responses((status = 201, body = RefundsView), (status = "4XX", body = Problem)))]
pub(super) async fn refund(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<NewRefund>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    if post.body.reason.trim().is_empty() {
        return Err(Problem::invalid("say why: the reason is kept in the log"));
    }
    let units = marks::scans(post.body.codes.iter().map(|c| (None, c)))?;
    let named = !post.body.lines.is_empty() || !units.is_empty();
    if post.body.amount_minor.is_some() && named {
        return Err(Problem::invalid("name a sum or dishes, not both"));
    }
    let world = api.site.world.clone();
    post.once(&api, StatusCode::CREATED, move |tx, cx, body| {
        let lines = body.lines.iter().map(|l| (l.line_id, l.quantity));
        let back = match body.amount_minor {
            Some(sum) => Back::Sum(sum),
            None if !named => Back::All,
            None => {
                let given = Given {
                    lines: lines.collect(),
                    units: Vec::new(),
                    any_unit: body.any_unit,
                };
                Back::Dishes(given, units)
            }
        };
        let (order, refunds) =
            commands::refund_order(tx, cx, OrderId(id), &back, body.reason.trim(), || {
                world.new_id()
            })?;
        Ok(RefundsView {
            refunds: refunds.iter().map(|r| r.0).collect(),
            order: view::order(&order, &BTreeSet::new()),
        })
    })
    .await
}

/// How money was given back by hand.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The terminal's reference (RRN), if there is one.
    #[serde(default)]
    reference: Option<String>,
}

/// A person says that the money was given back by hand.
#[utoipa::path(post, path = "/refunds/{id}/confirm", tag = "staff", params(("id" = Uuid, Path)), request_body = Confirmation, responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn confirm_refund(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Confirmation>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::OK, move |tx, cx, body| {
        let order = commands::confirm_refund(tx, cx, RefundId(id), body.reference)?;
        Ok(view::order(&order, &BTreeSet::new()))
    })
    .await
}
