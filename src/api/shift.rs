//! The shift of the till.

use super::{Api, Caller, Problem, auth::STAFF, body::Post, orders::Nothing};
use crate::{
    domain::{
        receipt::ReceiptKind,
        shift::{Shift, ShiftState},
        time::Timestamp,
    },
    flow::{FlowError, commands, decide::PRINTER, effects::x_report},
    store::Snapshot,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The current or last shift.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShiftView {
    /// `closed`, `opening`, `open` or `closing`.
    #[schema(value_type = String)]
    state: ShiftState,
    number: Option<u32>,
    #[schema(value_type = Option<i64>)]
    opened_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    closed_at: Option<Timestamp>,
    /// On sale receipts, minor units.
    sales_minor: i64,
    /// On return receipts, minor units.
    returns_minor: i64,
    receipts: usize,
}

pub(super) fn shown(s: &Snapshot<'_>, shift: &Shift) -> Result<ShiftView, FlowError> {
    let receipts = match shift.number {
        Some(number) => s.receipts_of_shift(number)?,
        None => Vec::new(),
    };
    let sum = |kind: ReceiptKind| {
        receipts
            .iter()
            .filter(|r| r.draft.kind == kind)
            .map(|r| r.draft.total_minor)
            .sum()
    };
    Ok(ShiftView {
        state: shift.state,
        number: shift.number,
        opened_at: shift.opened_at,
        closed_at: shift.closed_at,
        sales_minor: sum(ReceiptKind::Sale),
        returns_minor: sum(ReceiptKind::SaleReturn),
        receipts: receipts.len(),
    })
}

/// The shift.
#[utoipa::path(get, path = "/shift", tag = "staff", responses((status = 200, body = ShiftView)))]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<ShiftView>, Problem> {
    caller.need(STAFF)?;
    let view = api.site.store.read(|s| shown(s, &s.shift()?)).await?;
    Ok(Json(view))
}

/// Asks the printer to open the shift.
#[utoipa::path(post, path = "/shift/open", tag = "staff", request_body = Nothing, responses((status = 202, body = ShiftView), (status = "4XX", body = Problem)))]
pub(super) async fn open(State(api): State<Api>, post: Post<Nothing>) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::ACCEPTED, |tx, cx, _| {
        commands::open_shift(tx, cx)?;
        let s = tx.snapshot();
        shown(&s, &s.shift()?)
    })
    .await
}

/// Asks the printer to close the shift with the Z report.
#[utoipa::path(post, path = "/shift/close", tag = "staff", request_body = Nothing, responses((status = 202, body = ShiftView), (status = "4XX", body = Problem)))]
pub(super) async fn close(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    post.once(&api, StatusCode::ACCEPTED, |tx, cx, _| {
        commands::close_shift(tx, cx)?;
        let s = tx.snapshot();
        shown(&s, &s.shift()?)
    })
    .await
}

/// Prints the X report.
#[utoipa::path(post, path = "/shift/x-report", tag = "staff", request_body = Nothing, responses((status = 202), (status = "4XX", body = Problem)))]
pub(super) async fn x_report(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    let key = format!("x:{}", post.key);
    post.once(&api, StatusCode::ACCEPTED, move |tx, cx, _| {
        commands::device_act(tx, cx, x_report::KIND, PRINTER, key, serde_json::json!({}))?;
        Ok(serde_json::json!({"accepted": true}))
    })
    .await
}
