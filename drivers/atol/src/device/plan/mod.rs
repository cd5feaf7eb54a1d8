//! From a document to commands: everything is laid out and checked before the first byte leaves.

mod correction;
mod details;
mod receipt;

use crate::{
    bcd,
    command::{self, mode, op},
    config::AtolConfig,
    text,
    tlv::tag,
};
use galley_fiscal::{
    Document, Ffd, FiscalError, Operator,
    check::{self, Rules, Why},
};

/// Most characters of tags 1021 and 1008.
const MAX_TEXT: usize = 64;
/// Digits of a tax number as it is written, padded with blanks (2.6).
const INN: usize = 12;

/// What another back end can do that this one can't.
const OTHER_BACKEND: &str =
    "platform 2.5 ends at FFD 1.05 and VAT of 20 %: configure the web server back end for it";

/// A command: its code and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: u8,
    pub(super) parameters: Vec<u8>,
}

impl Step {
    pub(super) fn new(command: u8, parameters: impl Into<Vec<u8>>) -> Self {
        Self {
            command,
            parameters: parameters.into(),
        }
    }

    /// A tag, in as many blocks as it needs.
    fn tag(tag: u16, value: &[u8]) -> impl Iterator<Item = Self> + use<> {
        command::write_tag(tag, value)
            .into_iter()
            .map(|block| Self::new(op::WRITE_TAG, block))
    }
}

/// What is sent for a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) mode: u8,
    /// Sent before the act begins; leaves nothing behind when it stays alone.
    pub(super) before: Vec<Step>,
    /// The act.
    pub(super) acts: Vec<Step>,
    /// Paper is to come out.
    pub(super) prints: bool,
}

/// Lays out `document` for a printer that registers `ffd`.
///
/// # Errors
/// [`FiscalError::Unsupported`] for what this printer can't register as it stands.
pub(super) fn plan(
    document: &Document,
    config: &AtolConfig,
    ffd: Ffd,
) -> Result<Plan, FiscalError> {
    checked(document, config, ffd)?;
    let operator = |given: &Option<Operator>| operator(given.as_ref().or(config.operator.as_ref()));
    let plan = |mode, given: &Option<Operator>, acts, prints| Plan {
        mode,
        before: operator(given),
        acts,
        prints,
    };
    Ok(match document {
        Document::ShiftOpen(d) => {
            let acts = vec![Step::new(op::OPEN_SHIFT, [0x00])];
            plan(mode::REGISTRATION, &d.operator, acts, true)
        }
        Document::ShiftClose(d) => {
            let acts = vec![Step::new(op::CLOSE_SHIFT, [])];
            plan(mode::Z_REPORTS, &d.operator, acts, true)
        }
        Document::CashIn(d) => {
            let acts = vec![cash(op::CASH_IN, d.sum_minor)?];
            plan(mode::REGISTRATION, &d.operator, acts, true)
        }
        Document::CashOut(d) => {
            let acts = vec![cash(op::CASH_OUT, d.sum_minor)?];
            plan(mode::REGISTRATION, &d.operator, acts, true)
        }
        Document::Receipt(r) => {
            let prints = r.print && config.print_receipts;
            let acts = receipt::steps(r, config, prints)?;
            plan(mode::REGISTRATION, &r.operator, acts, prints)
        }
        Document::Correction(c) => {
            let prints = c.receipt.print && config.print_receipts;
            let acts = correction::steps(c, config, prints, ffd)?;
            plan(mode::REGISTRATION, &c.receipt.operator, acts, prints)
        }
    })
}

fn checked(document: &Document, config: &AtolConfig, ffd: Ffd) -> Result<(), FiscalError> {
    let rules = Rules {
        ffd,
        vat: config.vat_indexes.keys().copied().collect(),
        marking: false,
        operator_needed: false,
        contact_needed: false,
    };
    check::check(document, &rules).map_err(|e| {
        let elsewhere = |why: &Why| matches!(why, Why::Rate(_) | Why::Format { .. } | Why::Marking);
        let other = check::faults(document, &rules)
            .iter()
            .any(|f| elsewhere(&f.why));
        match e {
            FiscalError::Unsupported(text) if other => {
                FiscalError::Unsupported(format!("{text}; {OTHER_BACKEND}"))
            }
            e => e,
        }
    })
}

fn operator(who: Option<&Operator>) -> Vec<Step> {
    let Some(who) = who else {
        return Vec::new();
    };
    let mut steps: Vec<Step> =
        Step::tag(tag::OPERATOR, &text::encode(&who.name, MAX_TEXT)).collect();
    if let Some(inn) = &who.inn {
        steps.extend(Step::tag(tag::OPERATOR_INN, &padded_inn(inn)));
    }
    steps
}

/// A tax number in 12 places, blanks behind (captured for 1203, 1226 and 1228).
fn padded_inn(inn: &str) -> Vec<u8> {
    let mut value = text::encode(inn, INN);
    value.resize(INN, b' ');
    value
}

fn cash(code: u8, sum_minor: i64) -> Result<Step, FiscalError> {
    u64::try_from(sum_minor)
        .ok()
        .and_then(bcd::encode::<5>)
        .map(|sum| Step::new(code, [&[0x00], &sum[..]].concat()))
        .ok_or_else(|| too_large("the sum"))
}

fn too_large(what: &str) -> FiscalError {
    FiscalError::Unsupported(format!("{what} does not fit into the printer"))
}

#[cfg(test)]
mod tests;
