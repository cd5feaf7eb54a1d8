//! A person decides what became of an effect that nothing outside can tell. Who says that it was done says what they
//! saw, in words of the trade; the effect's own result is made of that here, and checked where it can be.

use super::{Api, Problem, auth::TECHNICIANS, body::Post, extract::Path};
use crate::{
    devices::fiscal::registered,
    domain::receipt::ReceiptDraft,
    flow::{
        commands,
        effects::{
            bank_refund, bank_watch, cash, collect, cook, correction, machine, receipt, slip, sms,
            x_report,
        },
    },
    store::{EffectRow, EffectState, StoreError},
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Longest reference that is kept.
const LONGEST: usize = 64;

/// A person's decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `done` or `not_done`; `not_done` lets it be tried again.
    outcome: String,
    /// The kind's own result, for `done`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// What was seen, for `done`, in place of the result; what is asked stands in the alert.
    #[serde(default)]
    seen: Option<Seen>,
    /// Why; kept in the log.
    reason: String,
}

/// What a person saw of an act outside.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Seen {
    /// Number of the fiscal document (FD), as on paper; it is read from the drive and compared.
    document_number: Option<u32>,
    /// The bank's reference of its operation.
    reference: Option<String>,
    /// Whether the guest's money came.
    paid: Option<bool>,
}

/// What somebody must have seen who says that an effect of this kind was done; none where a person's words are not
/// enough for its result.
pub(super) fn asks(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        receipt::KIND | correction::KIND => &["document_number"],
        bank_refund::KIND => &["reference"],
        bank_watch::KIND => &["paid", "reference"],
        cash::KIND
        | cook::KIND
        | collect::KIND
        | machine::KIND
        | slip::KIND
        | sms::KIND
        | x_report::KIND => &[],
        _ => return None,
    })
}

fn request<T: DeserializeOwned>(row: &EffectRow) -> Result<T, Problem> {
    serde_json::from_value(row.request.clone())
        .map_err(|e| Problem::internal(format!("the effect's request can't be read: {e}")))
}

fn value(result: impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(result).map_err(|e| Problem::internal(e.to_string()))
}

/// The result that follows from what was seen.
async fn result(api: &Api, row: &EffectRow, seen: Seen) -> Result<Value, Problem> {
    let reference = seen
        .reference
        .map(|r| r.trim().to_owned())
        .filter(|r| !r.is_empty());
    if reference.as_ref().is_some_and(|r| r.len() > LONGEST) {
        return Err(Problem::invalid("reference: at most 64 characters"));
    }
    match row.kind.as_str() {
        receipt::KIND => {
            document(
                api,
                &request::<receipt::Request>(row)?.draft,
                seen.document_number,
            )
            .await
        }
        correction::KIND => {
            document(
                api,
                &request::<correction::Request>(row)?.draft,
                seen.document_number,
            )
            .await
        }
        bank_refund::KIND => value(bank_refund::Refunded {
            amount_minor: request::<bank_refund::Request>(row)?.amount_minor,
            reference,
        }),
        bank_watch::KIND => value(match seen.paid {
            Some(true) => bank_watch::Ended::Paid {
                amount_minor: request::<bank_watch::Request>(row)?.amount_minor,
                reference,
            },
            Some(false) => bank_watch::Ended::Unpaid {
                reason: "a person has looked at the bank".to_owned(),
            },
            None => return Err(Problem::invalid("seen.paid: say whether the money came")),
        }),
        cash::KIND => {
            let shift = api.site.store.read(|s| s.shift()).await?;
            let shift = shift
                .number
                .ok_or_else(|| Problem::conflict("no shift has been opened yet"))?;
            value(cash::Done { shift })
        }
        sms::KIND => value(sms::Sent::AssumedSent),
        cook::KIND | collect::KIND | machine::KIND | slip::KIND | x_report::KIND => Ok(Value::Null),
        other => Err(Problem::invalid(format!(
            "of {other} a person's words are not enough: give its result (galley effect settle --done)"
        ))),
    }
}

/// The document that was seen, out of the drive: it must be the one that was asked for.
async fn document(api: &Api, draft: &ReceiptDraft, number: Option<u32>) -> Result<Value, Problem> {
    let number = number.ok_or_else(|| {
        Problem::invalid("seen.document_number: the number (ФД) of the document that you found")
    })?;
    let printer = api
        .printer
        .as_ref()
        .ok_or_else(super::devices::no_printer)?;
    let record = printer
        .ask(|p| p.document(number))
        .await?
        .ok_or_else(|| Problem::conflict(format!("the fiscal drive has no document {number}")))?;
    if record.total_minor != Some(draft.total_minor) {
        return Err(Problem::conflict(format!(
            "document {number} is of another sum: it is not the one in doubt"
        )));
    }
    let drive = record.drive_number.clone();
    let taken = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            for key in s.receipts_by_document(number)? {
                let known = s.receipt(&key)?.and_then(|(_, r)| r.registered);
                if known.is_some_and(|r| r.drive_number == drive) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await?;
    if taken {
        return Err(Problem::conflict(format!(
            "document {number} is known already: it belongs to another receipt"
        )));
    }
    value(registered(&record))
}

/// A person decides what became of an effect that nothing outside can tell.
#[utoipa::path(post, path = "/effects/{id}/settle", tag = "technician", params(("id" = i64, Path)), request_body = Decision, responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn settle(
    State(api): State<Api>,
    Path(id): Path<i64>,
    post: Post<Decision>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    if post.body.reason.trim().is_empty() {
        return Err(Problem::invalid("say why: the reason is kept in the log"));
    }
    let done = match (post.body.outcome.as_str(), &post.body.seen) {
        ("done", Some(_)) if post.body.result.is_some() => {
            return Err(Problem::invalid("seen or result: not both"));
        }
        ("done", Some(seen)) => {
            let seen = seen.clone();
            let row = api
                .site
                .store
                .read(move |s| -> Result<_, StoreError> { s.effect(id) })
                .await?
                .ok_or_else(|| Problem::not_found(format!("there is no effect {id}")))?;
            // What is settled already is told by the act itself, not by the drive.
            let open = matches!(
                row.state,
                EffectState::Person | EffectState::Unknown | EffectState::Refused
            );
            Some(match open {
                true => result(&api, &row, seen).await?,
                false => json!({}),
            })
        }
        ("done", None) => Some(post.body.result.clone().unwrap_or_default()),
        ("not_done", _) => None,
        (other, _) => {
            return Err(Problem::invalid(format!(
                "{other:?} is no outcome; there are done and not_done"
            )));
        }
    };
    post.once(&api, StatusCode::OK, move |tx, cx, body| {
        commands::settle_effect(tx, cx, id, done, body.reason.trim())?;
        Ok(json!({"settled": true}))
    })
    .await
}
