//! What an effect asks for as a document of the printer, and what a document of the drive means as its result.

use super::{Evidence, Printer, Session, map};
use crate::{
    domain::{
        contact::Contact,
        event::Actor,
        ids::OrderId,
        marking::{Becomes, Check, Verdict},
        receipt::ReceiptDraft,
        shift_report::Counters,
    },
    flow::{
        effects::{cash, correction, receipt, shift},
        executor::{Call, Refusal},
        marking::tell_doubts,
    },
    store::StoreError,
};
use galley_fiscal::{
    Baseline, Document, FiscalError, FiscalRecord, Marking, MarkingStatus, ShiftDocument,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the printer said of units, by CIS.
pub(super) type Checks = BTreeMap<String, Check>;

impl Printer {
    pub(super) fn shift_document(&self, key: &str, open: bool) -> Document {
        let document = ShiftDocument {
            key: key.to_owned(),
            operator: self.settings.operator(),
        };
        if open {
            Document::ShiftOpen(document)
        } else {
            Document::ShiftClose(document)
        }
    }

    pub(super) async fn document(&self, call: &Call) -> Result<Document, Refusal> {
        let Some(draft) = draft_of(call)? else {
            if call.kind == cash::KIND {
                return Ok(map::FiscalSettings::cash(
                    &call.request::<cash::Request>()?.cash,
                ));
            }
            let open = call.request::<shift::Request>()? == shift::Request::Open;
            return Ok(self.shift_document(&call.key, open));
        };
        if let Some(line) = draft.unscanned() {
            return Err(Refusal::new(
                "code_missing",
                format!(
                    "{} is marked goods, and its code was never scanned: the law allows no receipt without it",
                    line.name
                ),
                "Give the money back (galley order refund), and sell it anew with its code.",
            ));
        }
        let contact = match draft.electronic {
            Some(order) => self.contact(order).await,
            None => None,
        };
        let paper_too = self.site.policy().law.paper_too;
        let checks = call
            .evidence::<Evidence>()?
            .map(|e| e.marks)
            .unwrap_or_default();
        Ok(self
            .settings
            .drafted(&draft, contact.as_ref(), paper_too, &checks))
    }

    /// Where a receipt goes. What can't be read, or was erased, comes out on paper.
    async fn contact(&self, order: OrderId) -> Option<Contact> {
        let read: Result<_, StoreError> = self
            .site
            .store
            .read(move |s| s.receipt_contact(order))
            .await;
        read.unwrap_or_else(|error| {
            tracing::error!(%error, "where a receipt goes can't be read; it is printed");
            None
        })
    }

    /// Has the printer check the marked units of a receipt before it. What it refuses to check keeps what was said when
    /// it was scanned.
    pub(super) async fn check_units(
        &self,
        session: &mut Session,
        call: &Call,
    ) -> Result<Checks, FiscalError> {
        let mut checks = Checks::new();
        let Ok(Some(draft)) = draft_of(call) else {
            return Ok(checks);
        };
        for mark in draft.lines.iter().filter_map(|l| l.marking.as_ref()) {
            let Some(code) = mark.code.as_ref() else {
                continue;
            };
            let marking = Marking {
                code: code.code.clone(),
                status: status(mark.becomes),
                fraction: None,
                checked: None,
            };
            match self.open(session).await?.check_marking(&marking).await {
                Ok(check) => {
                    checks.insert(code.cis.clone(), Check(check.tag_2106()));
                }
                Err(error @ (FiscalError::Refused { .. } | FiscalError::Unsupported(_))) => {
                    tracing::warn!(%error, "the printer did not check a marked unit");
                }
                Err(e) => return Err(e),
            }
        }
        Ok(checks)
    }

    /// Staff are told of units that the check before the receipt spoke against.
    pub(super) async fn tell_of_units(&self, call: &Call, checks: &Checks) {
        let wrong: Vec<String> = checks
            .iter()
            .filter(|(_, check)| check.verdict() == Verdict::Wrong)
            .map(|(cis, _)| cis.clone())
            .collect();
        if wrong.is_empty() {
            return;
        }
        let Ok(Some(draft)) = draft_of(call) else {
            return;
        };
        let key = draft.key.clone();
        let told = self
            .site
            .command(Actor::system(), move |tx, cx| {
                let owner = tx.snapshot().mark(&wrong[0])?;
                match owner {
                    Some(order) => tell_doubts(tx, cx, order, &wrong),
                    None => Ok(()),
                }
            })
            .await;
        if let Err(error) = told {
            tracing::error!(%error, receipt = key, "an alert can't be written");
        }
    }

    /// What a document of the drive means as the effect's result.
    pub(super) fn result(
        call: &Call,
        baseline: &Baseline,
        record: &FiscalRecord,
        counters: Option<Box<Counters>>,
    ) -> Value {
        // The link may break after the registration, before the shift's number is read. It is known all the same, and
        // a receipt without it would be in no shift's books.
        let shift = match call.request::<shift::Request>() {
            Ok(shift::Request::Open) if !baseline.shift_open => {
                baseline.shift_number.saturating_add(1)
            }
            _ => baseline.shift_number,
        };
        let record = &FiscalRecord {
            shift_number: record.shift_number.or(Some(shift)),
            ..record.clone()
        };
        let registered = map::registered(record);
        let number = record.shift_number.unwrap_or(0);
        let json = match call.kind.as_str() {
            receipt::KIND | correction::KIND => serde_json::to_value(registered),
            cash::KIND => serde_json::to_value(cash::Done { shift: number }),
            _ => serde_json::to_value(shift::Done {
                number,
                registered,
                counters,
            }),
        };
        json.unwrap_or(Value::Null)
    }
}

/// The receipt or correction that is asked for; none for what is neither.
fn draft_of(call: &Call) -> Result<Option<ReceiptDraft>, Refusal> {
    Ok(match call.kind.as_str() {
        receipt::KIND => Some(call.request::<receipt::Request>()?.draft),
        correction::KIND => Some(call.request::<correction::Request>()?.draft),
        _ => None,
    })
}

pub(super) fn status(becomes: Becomes) -> MarkingStatus {
    match becomes {
        Becomes::Sold => MarkingStatus::PieceSold,
        Becomes::Returned => MarkingStatus::PieceReturned,
        Becomes::Unchanged => MarkingStatus::Unchanged,
    }
}
