//! What the pages on the screens tell of their own faults: an alert for each screen and kind, gone after a day.

use super::{
    Context, FlowError,
    commands::{clear_alert, raise_alert},
};
use crate::{
    domain::alert::{Alert, Severity},
    store::Tx,
};
use std::time::Duration;

/// What stands before screen and kind in the key of such an alert.
const ALERT: &str = "page:";
/// Nobody tells when a page is well again, so its alert is gone after so long.
const SHOWN: Duration = Duration::from_hours(24);
/// Characters of a fault that are kept.
const DETAIL: usize = 300;

/// A fault of a page; `kind` is `words` (a text that a language lacks), `script` or `build`.
///
/// # Errors
/// No such kind, or it can't be written.
pub fn tell(tx: &mut Tx<'_>, cx: &Context, kind: &str, detail: &str) -> Result<(), FlowError> {
    let (title, advice) = match kind {
        "words" => (
            "A text is missing on a screen",
            "The guest sees it in another language. Tell the makers, with the words below.",
        ),
        "script" => (
            "A screen has met a fault",
            "Look at the screen; reload its page when it does not answer. Tell the makers, with the words below.",
        ),
        "build" => (
            "A screen can't load its new pages",
            "Reload the page on the screen by hand.",
        ),
        other => {
            return Err(FlowError::Invalid(format!(
                "{other:?} is no kind of fault; there are words, script, build"
            )));
        }
    };
    let detail: String = detail
        .chars()
        .filter(|c| !c.is_control())
        .take(DETAIL)
        .collect();
    let screen = &cx.actor.0;
    let alert = Alert {
        key: format!("{ALERT}{screen}:{kind}"),
        severity: Severity::Warning,
        title: title.to_owned(),
        detail: format!("{screen}: {detail}"),
        advice: advice.to_owned(),
        since_at: cx.now,
    };
    // Of many faults of a screen the first is told: it is the cause of the others more often than not.
    match tx.snapshot().alert(&alert.key)? {
        Some(_) => Ok(()),
        None => raise_alert(tx, cx, alert),
    }
}

/// Closes what was told more than a day ago.
pub(super) fn forget(tx: &mut Tx<'_>, cx: &Context) -> Result<(), FlowError> {
    for alert in tx.snapshot().alerts()? {
        if alert.key.starts_with(ALERT) && cx.now.since(alert.since_at) > SHOWN {
            clear_alert(tx, cx, &alert.key)?;
        }
    }
    Ok(())
}
