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
        receipt::{Prescription, Subject},
        shift::ShiftState,
        shift_report::{Direction, ShiftReport},
        time::Timestamp,
        vat::VatClass,
    },
    flow::{
        FlowError,
        decide::PRINTER,
        till::{self, CorrectionWish, LooseSale},
        wrong::{self, Right, RightLine},
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
    /// IANA name of the store's time zone: the printer's times are in it.
    zone: String,
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
        zone: api.site.zone().iana_name().unwrap_or("UTC").to_owned(),
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
    /// The tax office's order to do it; of one's own accord when none.
    #[serde(default)]
    prescription: Option<PrescriptionBody>,
}

/// The tax office's order to correct something.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrescriptionBody {
    /// Its number (tag 1179).
    number: String,
    /// Its date, `YYYY-MM-DD`.
    date: String,
}

fn prescribed(body: Option<PrescriptionBody>) -> Option<Prescription> {
    body.map(|b| Prescription {
        number: b.number,
        date: b.date,
    })
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
            prescription: prescribed(body.prescription),
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
    /// The tax office's order to do it; of one's own accord when none.
    #[serde(default)]
    prescription: Option<PrescriptionBody>,
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
                prescription: prescribed(body.prescription),
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

/// What a wrong receipt should have said, who corrects it and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptCorrection {
    /// Who decides it.
    who: String,
    /// Why: what was wrong.
    why: String,
    /// Day of the settlement, `YYYY-MM-DD`; the wrong receipt's own when none.
    #[serde(default)]
    date: Option<String>,
    /// The tax office's order to do it; of one's own accord when none.
    #[serde(default)]
    prescription: Option<PrescriptionBody>,
    /// What is right; without it, the receipt is only taken back: it should never have been.
    #[serde(default)]
    right: Option<RightBody>,
}

/// What is right. What is left out is right as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RightBody {
    /// Lines that were wrong.
    #[serde(default)]
    lines: Vec<RightLineBody>,
    /// How it was paid.
    #[serde(default)]
    tenders: Vec<RightTender>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RightLineBody {
    /// Its number in the receipt, from 0.
    line: usize,
    /// What was sold, in words.
    #[serde(default)]
    name: Option<String>,
    /// Class of VAT, as in the catalog; its rate is that of the day.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    vat: Option<VatClass>,
    /// `commodity` or `service`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    subject: Option<Subject>,
    /// Price of one, minor units.
    #[serde(default)]
    price_minor: Option<i64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RightTender {
    /// `cash`, `card_terminal`, `sbp_qr`.
    #[schema(value_type = String)]
    tender: Tender,
    /// Minor units.
    sum_minor: i64,
}

impl From<RightBody> for Right {
    fn from(body: RightBody) -> Self {
        Self {
            lines: body
                .lines
                .into_iter()
                .map(|l| RightLine {
                    line: l.line,
                    name: l.name,
                    vat: l.vat,
                    subject: l.subject,
                    price_minor: l.price_minor,
                })
                .collect(),
            tenders: body
                .tenders
                .into_iter()
                .map(|t| (t.tender, t.sum_minor))
                .collect(),
        }
    }
}

/// Has a wrong receipt taken back, and then the right one registered. `receipt` is our key of it (tag 1192), or its
/// fiscal document number.
#[utoipa::path(post, path = "/receipts/{receipt}/correction", tag = "technician", params(("receipt" = String, Path)), request_body = ReceiptCorrection, responses((status = 202, body = Object), (status = "4XX", body = Problem)))]
pub(super) async fn correct_receipt(
    State(api): State<Api>,
    Path(receipt): Path<String>,
    post: Post<ReceiptCorrection>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    post.once(
        &api,
        StatusCode::ACCEPTED,
        move |tx, cx, body| -> Result<_, FlowError> {
            let key = match receipt.parse::<u32>() {
                Ok(number) => one_of(tx.snapshot().receipts_by_document(number)?)?,
                Err(_) => receipt,
            };
            let wish = CorrectionWish {
                who: body.who,
                why: body.why,
                date: body.date,
                served: true,
                prescription: prescribed(body.prescription),
            };
            let right = body.right.map(Right::from);
            let (_, draft) = wrong::correct_receipt(tx, cx, &key, &wish, right.as_ref())?;
            Ok(draft)
        },
    )
    .await
}

fn one_of(mut keys: Vec<String>) -> Result<String, FlowError> {
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (Some(_), false) => Err(FlowError::Conflict(
            "several fiscal drives have a document of this number; name the receipt by its key: galley order show --json"
                .to_owned(),
        )),
        (None, _) => Err(FlowError::Unknown("registered receipt")),
    }
}
