//! The till besides sales: the shift's report, money in the drawer, correction receipts.

use super::{
    Api, Caller, Problem,
    auth::{STAFF, TECHNICIANS},
    body::Post,
    extract::{Path, Query},
    view::{self, OrderView},
};
use crate::{
    domain::{
        ids::OrderId,
        payment::Tender,
        receipt::Subject,
        shift::ShiftState,
        shift_report::{Direction, ShiftReport},
        time::Timestamp,
        vat::VatClass,
    },
    flow::{
        FlowError,
        decide::PRINTER,
        till::{self, CorrectionWish, LooseSale},
    },
    store::StoreError,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which shift.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ReportQuery {
    /// Its number; the current or last one when none.
    shift: Option<u32>,
}

/// A shift's report.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportView {
    /// The store's name.
    #[schema(value_type = Object)]
    store: crate::domain::text::Text,
    /// Of all money in it.
    currency: &'static str,
    /// `open`, `closed` …; of an older shift `closed`.
    #[schema(value_type = String)]
    state: ShiftState,
    /// When the report was made.
    #[schema(value_type = i64)]
    made_at: Timestamp,
    /// Why the printer's counters were not read now, where they might have been.
    not_counted: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    report: ShiftReport,
}

/// What was sold and given back in a shift, what is in the drawer, what the printer counted, and where the two differ.
#[utoipa::path(get, path = "/shift/report", tag = "staff", params(ReportQuery), responses((status = 200, body = ReportView), (status = "4XX", body = Problem)))]
pub(super) async fn report(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<ReportQuery>,
) -> Result<Json<ReportView>, Problem> {
    caller.need(STAFF)?;
    let (shift, busy) = api
        .site
        .store
        .read(|s| -> Result<_, StoreError> {
            let live = s.live_effects()?;
            Ok((s.shift()?, live.iter().any(|e| e.queue == PRINTER)))
        })
        .await?;
    let number = query
        .shift
        .or(shift.number)
        .ok_or_else(|| Problem::not_found("there was no shift yet"))?;
    let current = shift.number == Some(number);
    let open = current && shift.state != ShiftState::Closed;
    let mut live = None;
    let mut not_counted = None;
    if let Some(printer) = api.printer.as_ref().filter(|_| open) {
        // A document that is being registered would be counted on one side only.
        if busy {
            not_counted = Some("the printer is busy with a document".to_owned());
        } else {
            match printer.counters().await {
                Ok(Some(counters)) => live = Some((api.site.world.clock.now(), counters)),
                Ok(None) => not_counted = Some("the printer does not tell its counters".to_owned()),
                Err(e) => not_counted = Some(e.to_string()),
            }
        }
    }
    let report = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let folder = s.shift_folder(number)?;
            let receipts = s.receipts_of_shift(number)?;
            let any = folder.opened_at.is_some() || !receipts.is_empty();
            Ok(any.then(|| ShiftReport::of(number, &folder, &receipts, live)))
        })
        .await?
        .ok_or_else(|| Problem::not_found(format!("there is no shift {number} in the books")))?;
    Ok(Json(ReportView {
        store: api.store_name.clone(),
        currency: api.site.catalog().currency.code(),
        state: if current {
            shift.state
        } else {
            ShiftState::Closed
        },
        made_at: api.site.world.clock.now(),
        not_counted,
        report,
    }))
}

/// Money into the drawer or out of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CashBody {
    /// `in` or `out`.
    #[schema(value_type = String)]
    direction: Direction,
    /// Minor units, above zero.
    sum_minor: i64,
    /// Who does it.
    who: String,
    /// Why.
    why: String,
}

/// Puts money into the drawer or takes it out, and has the printer count it.
#[utoipa::path(post, path = "/shift/cash", tag = "staff", request_body = CashBody, responses((status = 202, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn cash(
    State(api): State<Api>,
    post: Post<CashBody>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    let id = id_of(&post.key);
    post.once(&api, StatusCode::ACCEPTED, move |tx, cx, body| {
        till::move_cash(
            tx,
            cx,
            id,
            body.direction,
            body.sum_minor,
            &body.who,
            &body.why,
        )
    })
    .await
}

/// A request has one id through any number of repeats.
fn id_of(key: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes())
}

/// Who corrects, why, and of which day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderCorrection {
    /// Who decides it.
    who: String,
    /// Why the sale went without a receipt.
    why: String,
    /// Day of the settlement, `YYYY-MM-DD`; the order's own when none.
    #[serde(default)]
    date: Option<String>,
    /// The guest has the dishes; otherwise those that wait are cooked now.
    #[serde(default)]
    served: bool,
}

/// Has a paid order without a receipt made good by a correction receipt.
#[utoipa::path(post, path = "/orders/{id}/correction", tag = "technician", params(("id" = Uuid, Path)), request_body = OrderCorrection, responses((status = 202, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn correct_order(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<OrderCorrection>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    post.once(&api, StatusCode::ACCEPTED, move |tx, cx, body| {
        let wish = CorrectionWish {
            who: body.who,
            why: body.why,
            date: body.date,
            served: body.served,
        };
        let order = till::correct_order(tx, cx, OrderId(id), &wish)?;
        Ok(view::order(&order, &BTreeSet::new()))
    })
    .await
}

/// A sale that Galley knows no order of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LooseCorrection {
    /// Minor units.
    sum_minor: i64,
    /// How it was paid: `cash`, `card_terminal`, `sbp_qr`.
    #[schema(value_type = String)]
    tender: Tender,
    /// Class of VAT, as in the catalog; its rate is that of the day.
    #[schema(value_type = String)]
    vat: VatClass,
    /// What was sold, in words.
    name: String,
    /// `commodity` or `service`.
    #[serde(default)]
    #[schema(value_type = String)]
    subject: Subject,
    /// Day of the settlement, `YYYY-MM-DD`.
    date: String,
    /// Who decides it.
    who: String,
    /// Why the sale went without a receipt.
    why: String,
}

/// Has a sale that went past Galley made good by a correction receipt.
#[utoipa::path(post, path = "/shift/correction", tag = "technician", request_body = LooseCorrection, responses((status = 202, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn correct_loose(
    State(api): State<Api>,
    post: Post<LooseCorrection>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    let id = id_of(&post.key);
    post.once(
        &api,
        StatusCode::ACCEPTED,
        move |tx, cx, body| -> Result<_, FlowError> {
            let wish = CorrectionWish {
                who: body.who,
                why: body.why,
                date: Some(body.date),
                served: true,
            };
            let sale = LooseSale {
                sum_minor: body.sum_minor,
                tender: body.tender,
                vat: body.vat,
                name: body.name,
                subject: body.subject,
            };
            till::correct_loose_sale(tx, cx, id, &sale, &wish)
        },
    )
    .await
}
