//! Payments.

use super::{
    Api, Caller, Problem,
    auth::{ORDERING, STAFF, TILLS},
    body::Post,
    extract::Path,
    orders::{Nothing, guard, may_see, unclear},
    view::{self, PaymentView},
};
use crate::{
    domain::{
        ids::{OrderId, PaymentId},
        order::Order,
        payment::{Tender, Withdrawal},
    },
    flow::{
        FlowError,
        commands::{self, TerminalReport},
    },
    store::StoreError,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use fast_qr::convert::{Builder as _, Shape, svg::SvgBuilder};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// A new payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    /// `sbp_qr`, `card_terminal`, `cash`, or `loyalty_points` for a part of a member's order.
    tender: String,
    /// Minor units; all that is due when none, and of points as many as the order takes.
    #[serde(default)]
    amount_minor: Option<i64>,
}

/// Begins a payment.
#[utoipa::path(post, path = "/orders/{id}/payments", tag = "guest", params(("id" = Uuid, Path)), request_body = NewPayment, responses((status = 201, body = PaymentView), (status = "4XX", body = Problem)))]
pub(super) async fn start(
    State(api): State<Api>,
    Path(order_id): Path<Uuid>,
    post: Post<NewPayment>,
) -> Result<Response, Problem> {
    post.caller.need(ORDERING)?;
    let caller = post.caller.clone();
    let tender = Tender::from_word(&post.body.tender).ok_or_else(|| {
        Problem::invalid(format!(
            "{:?} is no tender; there are sbp_qr, card_terminal, cash and loyalty_points",
            post.body.tender
        ))
    })?;
    let id = PaymentId(api.site.world.new_id());
    let online = *api.bank_online.borrow();
    post.once(&api, StatusCode::CREATED, move |tx, cx, body| {
        guard(tx.snapshot().order(OrderId(order_id))?, &caller)?;
        let order = commands::start_payment(
            tx,
            cx,
            OrderId(order_id),
            id,
            tender,
            body.amount_minor,
            online,
        )?;
        shown(&order, id)
    })
    .await
}

fn shown(order: &Order, id: PaymentId) -> Result<PaymentView, FlowError> {
    let payment = order.payment(id).ok_or(FlowError::Unknown("payment"))?;
    Ok(view::payment(order, payment, &BTreeSet::new()))
}

async fn find(api: &Api, caller: &Caller, id: Uuid) -> Result<(Order, PaymentView), Problem> {
    caller.need(ORDERING)?;
    let found = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let Some(order) = s.order_of_part(id)? else {
                return Ok(None);
            };
            let unclear = unclear(s, &order)?;
            let view = order
                .payment(PaymentId(id))
                .map(|p| view::payment(&order, p, &unclear));
            Ok(view.map(|v| (order, v)))
        })
        .await?;
    found
        .filter(|(order, _)| may_see(caller, order))
        .ok_or_else(|| Problem::unknown_payment("there is no such payment"))
}

/// A payment.
#[utoipa::path(get, path = "/payments/{id}", tag = "guest", params(("id" = Uuid, Path)), responses((status = 200, body = PaymentView), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<PaymentView>, Problem> {
    let (_, view) = find(&api, &caller, id).await?;
    Ok(Json(view))
}

/// The QR code of a payment as a picture.
#[utoipa::path(get, path = "/payments/{id}/qr.svg", tag = "guest", params(("id" = Uuid, Path)), responses((status = 200, content_type = "image/svg+xml"), (status = 404, body = Problem)))]
pub(super) async fn qr(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let (_, view) = find(&api, &caller, id).await?;
    let payload = view
        .qr
        .ok_or_else(|| Problem::not_found("this payment shows no QR code now"))?
        .payload;
    let code = fast_qr::QRBuilder::new(payload)
        .build()
        .map_err(|e| Problem::internal(format!("the QR code can't be drawn: {e:?}")))?;
    let svg = SvgBuilder::default().shape(Shape::Square).to_str(&code);
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

/// What the till's own link to the bank says of a card payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminalResult {
    /// `approved` or `declined`.
    result: String,
    /// The link's own id of the operation.
    external_id: String,
    /// Minor units.
    #[serde(default)]
    amount_minor: Option<i64>,
    /// Reference of the bank's operation.
    #[serde(default)]
    rrn: Option<String>,
    /// Code of the approval.
    #[serde(default)]
    auth_code: Option<String>,
    /// Which terminal.
    #[serde(default)]
    terminal_id: Option<String>,
}

/// Records the outcome of a card payment. The same report twice changes nothing. `approved` after `declined` is taken
/// in (another card was tried); `declined` after `approved`, and a second approved operation, are refused, and of the
/// latter a person is told.
#[utoipa::path(post, path = "/payments/{id}/result", tag = "till", params(("id" = Uuid, Path)), request_body = TerminalResult, responses((status = 200, body = PaymentView), (status = "4XX", body = Problem)))]
pub(super) async fn result(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<TerminalResult>,
) -> Result<Response, Problem> {
    post.caller.need(TILLS)?;
    let approved = match post.body.result.as_str() {
        "approved" => true,
        "declined" => false,
        other => {
            return Err(Problem::invalid(format!(
                "{other:?} is no result; there are approved and declined"
            )));
        }
    };
    if post.body.external_id.trim().is_empty() {
        return Err(Problem::invalid(
            "external_id is empty: send the link's own id of the operation",
        ));
    }
    let report = TerminalReport {
        approved,
        operation: post.body.external_id.trim().to_owned(),
        amount_minor: post.body.amount_minor,
        rrn: post.body.rrn.clone(),
        auth_code: post.body.auth_code.clone(),
        terminal_id: post.body.terminal_id.clone(),
    };
    let (second, actor) = (report.clone(), post.caller.actor());
    let told = post
        .once(&api, StatusCode::OK, move |tx, cx, _| {
            let order = commands::terminal_result(tx, cx, PaymentId(id), &report)?;
            shown(&order, PaymentId(id))
        })
        .await;
    if let Err(problem) = &told
        && problem.is("conflict")
    {
        // A refusal writes nothing, but a guest who was charged twice must not be forgotten.
        api.site
            .command(actor, move |tx, cx| {
                commands::second_charge(tx, cx, PaymentId(id), &second)
            })
            .await?;
    }
    told
}

/// A cashier took the cash.
#[utoipa::path(post, path = "/payments/{id}/confirm", tag = "staff", params(("id" = Uuid, Path)), request_body = Nothing, responses((status = 200, body = PaymentView), (status = "4XX", body = Problem)))]
pub(super) async fn confirm(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::OK, move |tx, cx, _| {
        let order = tx
            .snapshot()
            .order_of_part(id)?
            .ok_or(FlowError::Unknown("payment"))?;
        if order.payment(PaymentId(id)).map(|p| p.tender) != Some(Tender::Cash) {
            return Err(FlowError::Conflict(
                "this payment is not in cash".to_owned(),
            ));
        }
        let order = commands::payment_result(tx, cx, PaymentId(id), true, None, None)?;
        shown(&order, PaymentId(id))
    })
    .await
}

/// Gives up a payment that is not paid yet; another way to pay can be chosen. Repeating it changes nothing.
#[utoipa::path(post, path = "/payments/{id}/cancel", tag = "guest", params(("id" = Uuid, Path)), request_body = Nothing, responses((status = 200, body = PaymentView), (status = "4XX", body = Problem)))]
pub(super) async fn cancel(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(ORDERING)?;
    let caller = post.caller.clone();
    post.once(&api, StatusCode::OK, move |tx, cx, _| {
        tx.snapshot()
            .order_of_part(id)?
            .filter(|o| may_see(&caller, o))
            .ok_or(FlowError::Unknown("payment"))?;
        let order = commands::cancel_payment(tx, cx, PaymentId(id), Withdrawal::Asked)?;
        shown(&order, PaymentId(id))
    })
    .await
}
