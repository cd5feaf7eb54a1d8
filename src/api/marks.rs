//! Marking codes of an order, and how its guest wants the receipt.

use super::{
    Api, Problem, auth::ORDERING, body::Post, extract::Path, orders::guard, view::OrderView,
};
use crate::{
    domain::{
        contact::{Contact, ReceiptTo},
        ids::OrderId,
        marking::{self, Check, Scan, UnitMark, Wanted},
        order::OrderState,
        permit::Permission,
    },
    flow::{
        commands,
        marking::{self as flow, MarkRefused, Permits, Said},
    },
    store::StoreError,
};
use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley_fiscal::{FiscalError, Marking, MarkingStatus};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Most codes of one request.
const MOST: usize = 50;

/// A scanned code: as text, with `\u001d` for every group separator, or as base64 of the scanner's bytes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCode {
    /// As text.
    #[serde(default)]
    code: Option<String>,
    /// As base64.
    #[serde(default)]
    base64: Option<String>,
    /// Index of the line it is for; the first that wants it when none.
    #[serde(default)]
    line: Option<usize>,
}

impl NewCode {
    fn scan(&self, line: Option<usize>) -> Result<Scan, Problem> {
        let bytes = match (&self.code, &self.base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(text)) => STANDARD
                .decode(text.trim())
                .map_err(|_| Problem::bad_code("base64: this is no base64"))?,
            _ => return Err(Problem::invalid("say either code or base64")),
        };
        Ok(Scan {
            bytes,
            line: line.or(self.line),
        })
    }
}

/// Codes of lines as they came with a new order.
pub(super) fn scans<'a>(
    codes: impl Iterator<Item = (Option<usize>, &'a NewCode)>,
) -> Result<Vec<Scan>, Problem> {
    let all: Vec<Scan> = codes
        .map(|(line, code)| code.scan(line))
        .collect::<Result<_, _>>()?;
    if all.len() > MOST {
        return Err(Problem::invalid(format!("at most {MOST} codes at once")));
    }
    Ok(all)
}

/// What the printer and the state say of the units that these scans would put into an order.
pub(super) async fn asked(
    api: &Api,
    lines: &[Wanted<'_>],
    have: &[UnitMark],
    scans: &[Scan],
) -> Result<Said, Problem> {
    let new = marking::assign(lines, have, scans).map_err(MarkRefused::from)?;
    let permits = match api.permits() {
        Some(permits) => Some(permitted(api, permits, lines, &new).await),
        None => None,
    };
    let checks = checked(api, new).await;
    Ok(Said { checks, permits })
}

/// What the state says of new units.
async fn permitted(
    api: &Api,
    permits: &dyn Permits,
    lines: &[Wanted<'_>],
    new: &[UnitMark],
) -> BTreeMap<String, Permission> {
    let wish = |mark: &UnitMark| {
        let line = lines.iter().find(|l| l.line == mark.line)?;
        Some(flow::Wish {
            code: mark.code.clone(),
            group: line.marked.group,
            price: line.price,
        })
    };
    let wishes: Vec<flow::Wish> = new.iter().filter_map(wish).collect();
    let drive = api.printer.as_ref().and_then(|p| {
        let status = p.status().borrow().clone();
        status.map(|s| s.drive_number).filter(|n| !n.is_empty())
    });
    permits.ask(&wishes, drive.as_deref()).await
}

/// What the printer says of new units; nothing of those it can't check.
async fn checked(api: &Api, new: Vec<UnitMark>) -> BTreeMap<String, Check> {
    let mut checks = BTreeMap::new();
    let Some(printer) = api.printer.as_ref() else {
        return checks;
    };
    for mark in new {
        let marking = Marking {
            code: mark.code.code,
            status: MarkingStatus::PieceSold,
            fraction: None,
            checked: None,
        };
        let said = printer
            .ask(|p| Box::pin(async move { p.check_marking(&marking).await }))
            .await;
        match said {
            Ok(check) => {
                checks.insert(mark.code.cis, Check(check.tag_2106()));
            }
            Err(error @ (FiscalError::Refused { .. } | FiscalError::Unsupported(_))) => {
                tracing::warn!(%error, "the printer did not check a marked unit");
            }
            // It is away, and would be for the next one.
            Err(_) => break,
        }
    }
    checks
}

/// Scanned codes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCodes {
    codes: Vec<NewCode>,
}

/// Puts the codes of marked goods into an unpaid order. The printer checks each of them first. A unit is sold once.
#[utoipa::path(post, path = "/orders/{id}/codes", tag = "guest", params(("id" = Uuid, Path)), request_body = NewCodes, responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn scan(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<NewCodes>,
) -> Result<Response, Problem> {
    post.caller.need(ORDERING)?;
    let scans = scans(post.body.codes.iter().map(|c| (None, c)))?;
    if scans.is_empty() {
        return Err(Problem::invalid("codes: at least one"));
    }
    let said = if post.replay(&api).await?.is_some() {
        Said::default()
    } else {
        let found = api
            .site
            .store
            .read(move |s| -> Result<_, StoreError> { s.order(OrderId(id)) })
            .await?;
        let order = guard(found, &post.caller)?;
        if order.state == OrderState::Placed {
            let wanted: Vec<_> = order.wanted_marks().collect();
            asked(&api, &wanted, &order.marks, &scans).await?
        } else {
            Said::default()
        }
    };
    post.on_order(&api, ORDERING, id, move |tx, cx, id, _| {
        flow::scan(tx, cx, id, &scans, &said)
    })
    .await
}

/// A unit of an order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// What identifies it, as the order shows it.
    cis: String,
}

/// Takes a unit out of an unpaid order again: the wrong package was scanned.
#[utoipa::path(post, path = "/orders/{id}/codes/release", tag = "guest", params(("id" = Uuid, Path)), request_body = Unit, responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn release(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<Unit>,
) -> Result<Response, Problem> {
    post.on_order(&api, ORDERING, id, |tx, cx, id, body| {
        flow::release(tx, cx, id, &body.cis)
    })
    .await
}

/// How the guest wants the receipt.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptWish {
    /// `paper`, `sms` or `email`.
    #[schema(value_type = String)]
    kind: ReceiptTo,
    /// The phone or the e-mail address; not for paper.
    #[serde(default)]
    address: Option<String>,
}

impl ReceiptWish {
    /// Where it goes; for a message without an address, to `phone`.
    pub(super) fn contact(&self, phone: Option<&str>) -> Result<Option<Contact>, Problem> {
        let other = phone.filter(|_| self.kind == ReceiptTo::Sms);
        Contact::read(self.kind, self.address.as_deref().or(other))
            .map_err(|e| Problem::invalid(e.to_string()))
    }
}

/// Says how the guest wants the receipts of an order. The address is kept apart from the log, and erased in time.
#[utoipa::path(post, path = "/orders/{id}/receipt-to", tag = "guest", params(("id" = Uuid, Path)), request_body = ReceiptWish, responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
pub(super) async fn receipt_to(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    post: Post<ReceiptWish>,
) -> Result<Response, Problem> {
    let contact = post.body.contact(None)?;
    post.on_order(&api, ORDERING, id, move |tx, cx, id, _| {
        commands::want_receipt(tx, cx, id, contact.as_ref())
    })
    .await
}
