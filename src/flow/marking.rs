//! Marked goods: codes are scanned into an unpaid order, held for it, and let go with it.

use super::{
    Context, FlowError,
    commands::{load, raise_alert},
    record::record,
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Body,
        ids::OrderId,
        marking::{self, Answer, Check, Group, MarkCode, Scan, UnitMark, Verdict},
        money::Money,
        order::{Order, OrderError, OrderState},
        permit::{Denial, LONGEST, Permission},
    },
    store::Tx,
};
use async_trait::async_trait;
use std::collections::BTreeMap;

/// Why a unit is not sold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkRefused {
    /// It is no code, or fits nowhere.
    #[error(transparent)]
    Scan(#[from] marking::ScanFault),
    /// Another order has it.
    #[error("this unit was sold already, or is in another order: {cis}")]
    Taken {
        /// Which.
        cis: String,
    },
    /// The printer's check speaks against it.
    #[error("the printer's check says of {cis}: {verdict}")]
    Check {
        /// Which.
        cis: String,
        /// What it says.
        verdict: Verdict,
    },
    /// The printer could not check it.
    #[error(
        "the printer could not check {cis}; look after the printer, or ask a manager (fiscal.marking.on_no_check)"
    )]
    Unchecked {
        /// Which.
        cis: String,
    },
    /// The state forbids it.
    #[error("{cis} may not be sold: {why}")]
    Forbidden {
        /// Which.
        cis: String,
        /// Why.
        why: Denial,
    },
    /// The state's check could not be asked.
    #[error(
        "the state's check could not be asked about {cis}; look after the network and the local module, or ask a manager (fiscal.marking.on_no_permit)"
    )]
    Unasked {
        /// Which.
        cis: String,
    },
}

/// A unit that somebody wants to buy.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Its code.
    pub code: MarkCode,
    /// Which goods.
    pub group: Group,
    /// What it costs.
    pub price: Money,
}

/// Asks the state's permissive check (разрешительный режим), on-line or through the local module. [source: marking.md 4]
#[async_trait]
pub trait Permits: Send + Sync {
    /// What may be sold, by CIS. `drive`: number of the fiscal drive, where it is known. Called when codes are scanned,
    /// never while a guest pays, and has a limit of its own. What could not be asked is not in the answer; it has no
    /// effect outside, and may be asked again.
    async fn ask(&self, units: &[Wish], drive: Option<&str>) -> BTreeMap<String, Permission>;
}

/// What was said of scanned units, by CIS.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// By the printer; what it was not asked, or could not answer, is not in it.
    pub checks: BTreeMap<String, Check>,
    /// By the state's permissive check; none where nobody is to be asked.
    pub permits: Option<BTreeMap<String, Permission>>,
}

/// Puts scanned codes into an unpaid order. `said`: what is known of them. All of them are taken, or none.
///
/// # Errors
/// The order is not open for it, or [`MarkRefused`].
pub fn scan(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: OrderId,
    scans: &[Scan],
    said: &Said,
) -> Result<Order, FlowError> {
    let order = load(tx, id)?;
    if order.state != OrderState::Placed || order.paid {
        return Err(OrderError::State(order.state).into());
    }
    let wanted: Vec<_> = order.wanted_marks().collect();
    let new = marking::assign(&wanted, &order.marks, scans).map_err(MarkRefused::from)?;
    let rules = cx.policy.law.marking;
    let mut doubts = Vec::new();
    for mut mark in new {
        let cis = mark.code.cis.clone();
        mark.check = said.checks.get(&cis).copied();
        let (answer, refused) = match mark.check.map(Check::verdict) {
            Some(Verdict::Right | Verdict::Offline) => (None, None),
            Some(verdict) => {
                let cis = cis.clone();
                (
                    Some(rules.on_negative),
                    Some(MarkRefused::Check { cis, verdict }),
                )
            }
            None => {
                let cis = cis.clone();
                (
                    Some(rules.on_no_check),
                    Some(MarkRefused::Unchecked { cis }),
                )
            }
        };
        match (answer, refused) {
            (Some(Answer::Block), Some(refused)) => return Err(refused.into()),
            (_, Some(refused)) => doubts.push(refused.to_string()),
            (_, None) => {}
        }
        doubts.extend(permitted(&mut mark, said, rules)?.map(|doubt| doubt.to_string()));
        if !tx.hold_mark(&cis, id, cx.now)? {
            return Err(MarkRefused::Taken { cis }.into());
        }
        record(tx, cx, Some(id), Body::MarkScanned { mark })?;
    }
    if !doubts.is_empty() {
        raise_alert(tx, cx, doubtful(&order, &doubts.join("; "), cx))?;
    }
    load(tx, id)
}

/// What the state says of a unit: written to it, or why it is not sold. The doubt that staff are told of, if any.
fn permitted(
    mark: &mut UnitMark,
    said: &Said,
    rules: marking::Rules,
) -> Result<Option<MarkRefused>, MarkRefused> {
    let Some(permits) = &said.permits else {
        return Ok(None);
    };
    let cis = mark.code.cis.clone();
    match permits.get(&cis) {
        Some(Permission::Emergency) => {}
        Some(Permission::Denied(why)) => return Err(MarkRefused::Forbidden { cis, why: *why }),
        Some(Permission::Granted(permit)) if permit.to_string().len() <= LONGEST => {
            mark.permit = Some(permit.clone());
        }
        // One that does not fit a receipt is none: the state compares it letter for letter.
        Some(Permission::Granted(_)) | None => {
            let refused = MarkRefused::Unasked { cis };
            return match rules.on_no_permit {
                Answer::Block => Err(refused),
                Answer::Warn => Ok(Some(refused)),
            };
        }
    }
    Ok(None)
}

fn doubtful(order: &Order, detail: &str, cx: &Context) -> Alert {
    Alert {
        key: format!("marking:{}", order.id),
        severity: Severity::Warning,
        title: format!("A marked unit of order {} is in doubt", order.number),
        detail: detail.to_owned(),
        advice: "It is sold nevertheless, as fiscal.marking says. Take the goods off the shelf if their supplier can't explain it."
            .to_owned(),
        since_at: cx.now,
    }
}

/// Takes a unit out of an unpaid order again: the wrong bottle was scanned.
///
/// # Errors
/// The order is not open for it, or has no such unit.
pub fn release(tx: &mut Tx<'_>, cx: &Context, id: OrderId, cis: &str) -> Result<Order, FlowError> {
    let order = load(tx, id)?;
    if order.state != OrderState::Placed || order.paid {
        return Err(OrderError::State(order.state).into());
    }
    if order.marks.iter().all(|m| m.code.cis != cis) {
        return Err(FlowError::Unknown("unit in this order"));
    }
    let cis = cis.to_owned();
    record(tx, cx, Some(id), Body::MarkReleased { cis })?;
    load(tx, id)
}

/// What the printer said of the units of a receipt that is registered now, where it speaks against one: the money is
/// in, so the receipt is due, and staff are told.
///
/// # Errors
/// When the database fails.
pub fn tell_doubts(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: OrderId,
    cis: &[String],
) -> Result<(), FlowError> {
    let order = load(tx, id)?;
    let detail = format!(
        "At the receipt the printer's check spoke against: {}.",
        cis.join(", ")
    );
    raise_alert(tx, cx, doubtful(&order, &detail, cx))
}
