//! The law on tills against what is known of shift and printer: raises and clears the alerts `fiscal:*`, and says
//! whether anything may be sold.

use super::{
    Context, FlowError,
    commands::{clear_alert, raise_alert},
};
use crate::{
    domain::{
        alert::Alert,
        fiscal_law::{self, Facts, Finding},
        order::OrderState,
        shift::{Shift, ShiftState},
        time::Timestamp,
    },
    store::{Snapshot, StoreError, Tx},
};

/// Document with what the printer last said of itself, its drive and its clock.
pub const FACTS: &str = "fiscal-facts";
/// What stands before a finding's code in the key of its alert.
const ALERT: &str = "fiscal:";

/// What is known now.
///
/// # Errors
/// When the database can't be read.
pub fn facts(s: &Snapshot<'_>) -> Result<Facts, StoreError> {
    facts_beside(s, &s.shift()?)
}

/// [`facts`] where the shift is known already.
///
/// # Errors
/// When the database can't be read.
pub(super) fn facts_beside(s: &Snapshot<'_>, shift: &Shift) -> Result<Facts, StoreError> {
    let open = matches!(shift.state, ShiftState::Open | ShiftState::Closing);
    Ok(Facts {
        shift_open_since: shift.opened_at.filter(|_| open),
        ..s.document(FACTS)?.unwrap_or_default()
    })
}

/// All that is not as the law wants it.
///
/// # Errors
/// When the database can't be read.
pub fn findings(s: &Snapshot<'_>, cx: &Context) -> Result<Vec<Finding>, StoreError> {
    let facts = facts(s)?;
    let mut found = fiscal_law::judge(&cx.policy.law, &facts, cx.now);
    let dishes: Vec<String> = cx
        .catalog
        .dishes
        .iter()
        .filter(|d| {
            cx.catalog
                .vat_on(&d.vat, &cx.day)
                .is_none_or(|rate| !facts.vat.is_empty() && !facts.vat.contains(&rate))
        })
        .map(|d| d.id.0.clone())
        .collect();
    found.extend(fiscal_law::vat_finding(&dishes));
    let marked = cx.catalog.dishes.iter().filter(|d| d.marked.is_some());
    let unsold: Vec<String> = marked
        .filter(|_| facts.marking == Some(false))
        .map(|d| d.id.0.clone())
        .collect();
    found.extend(fiscal_law::marking_finding(&unsold));
    Ok(found)
}

/// Why nothing may be sold, if so.
pub(super) fn blocked(facts: &Facts, cx: &Context) -> Option<Finding> {
    fiscal_law::judge(&cx.policy.law, facts, cx.now)
        .into_iter()
        .find(|f| f.blocks_sales)
}

/// Brings the alerts up to date.
///
/// # Errors
/// When they can't be read or written.
pub(super) fn watch(tx: &mut Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    let found = findings(&tx.snapshot(), cx)?;
    let mut over: Vec<String> = tx
        .snapshot()
        .alerts()?
        .into_iter()
        .map(|a| a.key)
        .filter(|key| key.starts_with(ALERT))
        .collect();
    for finding in found {
        let title = finding.title().to_owned();
        let key = format!("{ALERT}{}", finding.code.word());
        over.retain(|open| *open != key);
        raise_alert(
            tx,
            cx,
            Alert {
                key,
                severity: finding.severity,
                title,
                detail: finding.what,
                advice: finding.advice,
                since_at: finding.since.unwrap_or(cx.now),
            },
        )?;
    }
    for key in over {
        clear_alert(tx, cx, &key)?;
    }
    Ok(())
}

/// Whether the shift is due for closing by itself at the set local time: it was opened before, and no order is under
/// way.
///
/// # Errors
/// When the orders can't be read.
pub(super) fn closing_time(
    s: &Snapshot<'_>,
    cx: &Context,
    opened_at: Timestamp,
) -> Result<bool, FlowError> {
    let due = cx
        .policy
        .law
        .close_at
        .and_then(|at| fiscal_law::last_moment(at, &cx.zone, cx.now))
        .is_some_and(|moment| opened_at < moment);
    // Dishes that wait for their guest need no till.
    Ok(due
        && s.active_orders()?
            .iter()
            .all(|o| o.state == OrderState::Ready))
}
