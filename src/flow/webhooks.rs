//! Subscriptions of other systems to the log: made, stopped, set back, and how their deliveries went.

use super::{
    Context, FlowError,
    commands::{clear_alert, raise_alert},
    record::record,
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Body,
        staff,
        time::Timestamp,
        webhook::{Health, State, Webhook, check_kinds, reader},
    },
    store::Tx,
};
use std::time::Duration;
use uuid::Uuid;

/// Subscriptions a store may have.
const MOST: usize = 50;
/// The longest that a renewed secret's former one may still sign.
pub const LONGEST_GRACE: Duration = Duration::from_hours(7 * 24);
/// Deliveries that fail for so long are told to people, though they go on.
const TOLD_AFTER: Duration = Duration::from_hours(1);

/// The alert of a subscription.
#[must_use]
pub fn alert_key(name: &str) -> String {
    format!("webhook:{name}")
}

/// Names of its secrets in the vault: the one in force, and the former.
#[must_use]
pub fn secret_names(id: Uuid) -> [String; 2] {
    [format!("webhook-{id}"), format!("webhook-{id}-old")]
}

fn changed(tx: &mut Tx<'_>, cx: &Context, w: &Webhook, act: &str) -> Result<(), FlowError> {
    record(
        tx,
        cx,
        None,
        Body::WebhookChanged {
            name: w.name.clone(),
            act: act.to_owned(),
        },
    )
}

/// The subscription of this name.
///
/// # Errors
/// There is none.
pub fn find(tx: &Tx<'_>, name: &str) -> Result<Webhook, FlowError> {
    tx.snapshot()
        .webhook(name)?
        .ok_or(FlowError::Unknown("webhook"))
}

/// What a new subscription is to be; its address was checked.
pub struct NewWebhook {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Where to.
    pub url: String,
    /// Which events.
    pub kinds: Vec<String>,
    /// What signs, sealed.
    pub sealed: Vec<u8>,
}

/// Makes a subscription. It begins behind the newest event.
///
/// # Errors
/// A name that another has, or kinds that are none.
pub fn create(tx: &mut Tx<'_>, cx: &Context, new: NewWebhook) -> Result<Webhook, FlowError> {
    let name = staff::name(&new.name).map_err(FlowError::Invalid)?;
    let kinds = check_kinds(&new.kinds).map_err(FlowError::Invalid)?;
    let others = tx.snapshot().webhooks()?;
    if others.iter().any(|w| w.name == name) {
        return Err(FlowError::Conflict(format!(
            "there is a webhook {name} already"
        )));
    }
    if others.len() >= MOST {
        return Err(FlowError::Conflict(format!(
            "there are {MOST} webhooks already"
        )));
    }
    let webhook = Webhook {
        id: new.id,
        name,
        url: new.url,
        kinds,
        state: State::Active,
        created_at: cx.now,
        created_by: cx.actor.0.clone(),
        former_until: None,
        health: Health::default(),
    };
    tx.put_webhook(&webhook)?;
    let [current, _] = secret_names(webhook.id);
    tx.put_secret(&current, &new.sealed, cx.now)?;
    let head = tx.snapshot().head()?.seq;
    tx.rewind_cursor(&reader(&webhook.name), head, cx.now)?;
    changed(tx, cx, &webhook, "created")?;
    Ok(webhook)
}

/// Stops a subscription, or lets it go on where it stood.
///
/// # Errors
/// There is none of this name.
pub fn set_running(
    tx: &mut Tx<'_>,
    cx: &Context,
    name: &str,
    runs: bool,
) -> Result<Webhook, FlowError> {
    let mut w = find(tx, name)?;
    let state = if runs { State::Active } else { State::Paused };
    clear_alert(tx, cx, &alert_key(name))?;
    if w.state == state && w.health.failing_since.is_none() {
        return Ok(w);
    }
    w.state = state;
    // It is tried at once, and has its whole time again.
    w.health.attempts = 0;
    w.health.failing_since = None;
    w.health.next_at = None;
    tx.put_webhook(&w)?;
    changed(tx, cx, &w, if runs { "resumed" } else { "paused" })?;
    Ok(w)
}

/// Forgets a subscription and its secrets.
///
/// # Errors
/// There is none of this name.
pub fn remove(tx: &mut Tx<'_>, cx: &Context, name: &str) -> Result<Webhook, FlowError> {
    let w = find(tx, name)?;
    for secret in secret_names(w.id) {
        tx.delete_secret(&secret)?;
    }
    tx.delete_webhook(&w)?;
    clear_alert(tx, cx, &alert_key(name))?;
    changed(tx, cx, &w, "removed")?;
    Ok(w)
}

/// Another secret; the former signs beside it for a while, when it could be opened and sealed anew.
///
/// # Errors
/// There is no subscription of this name.
pub fn rotate(
    tx: &mut Tx<'_>,
    cx: &Context,
    name: &str,
    sealed: &[u8],
    former: Option<&[u8]>,
    grace: Duration,
) -> Result<Webhook, FlowError> {
    let mut w = find(tx, name)?;
    if grace > LONGEST_GRACE {
        return Err(FlowError::Invalid(
            "the former secret signs for 7 days at most".to_owned(),
        ));
    }
    let [current, old] = secret_names(w.id);
    w.former_until = None;
    match former.filter(|_| !grace.is_zero()) {
        Some(former) => {
            tx.put_secret(&old, former, cx.now)?;
            w.former_until = Some(cx.now.saturating_add(grace));
        }
        None => {
            tx.delete_secret(&old)?;
        }
    }
    tx.put_secret(&current, sealed, cx.now)?;
    tx.put_webhook(&w)?;
    changed(tx, cx, &w, "rotated")?;
    Ok(w)
}

/// Sets a subscription back, so that what lies behind `from` is delivered again, in order.
///
/// # Errors
/// There is none of this name, or it has not come so far.
pub fn rewind(tx: &mut Tx<'_>, cx: &Context, name: &str, from: u64) -> Result<u64, FlowError> {
    let w = find(tx, name)?;
    let reader = reader(name);
    let stands = tx.snapshot().cursor(&reader)?;
    let to = from.saturating_sub(1);
    if from == 0 || to >= stands {
        return Err(FlowError::Invalid(format!(
            "deliveries stand behind event {stands}: what is newer comes by itself"
        )));
    }
    tx.rewind_cursor(&reader, to, cx.now)?;
    changed(tx, cx, &w, "rewound")?;
    Ok(to)
}

/// What became of a try.
pub enum Tried {
    /// Up to this event everything has arrived, or is not wanted; whether this very one was sent.
    Arrived {
        /// Where the reader stands now.
        seq: u64,
        /// The event was wanted, and was delivered.
        sent: bool,
    },
    /// Not this time.
    Failed {
        /// Why.
        error: String,
        /// When again.
        next_at: Timestamp,
        /// No more tries: the other side has said so, or it went on for too long.
        give_up: bool,
    },
}

/// Notes what became of a try, if the reader still stands where it stood (`stood`): somebody may have set it back.
/// Answers whether it was noted.
///
/// # Errors
/// When it can't be written.
pub fn tried(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: Uuid,
    stood: u64,
    what: Tried,
) -> Result<bool, FlowError> {
    let found = tx.snapshot().webhooks()?.into_iter().find(|w| w.id == id);
    let Some(mut w) = found else {
        return Ok(false);
    };
    let reader = reader(&w.name);
    if tx.snapshot().cursor(&reader)? != stood {
        return Ok(false);
    }
    match what {
        Tried::Arrived { seq, sent } => {
            tx.advance_cursor(&reader, seq, cx.now)?;
            if !sent {
                return Ok(true);
            }
            if w.health.failing_since.is_some() {
                clear_alert(tx, cx, &alert_key(&w.name))?;
            }
            w.health = Health {
                attempts: 0,
                failing_since: None,
                next_at: None,
                last_error: None,
                delivered_at: Some(cx.now),
                delivered_seq: Some(seq),
                delivered: w.health.delivered.saturating_add(1),
            };
            tx.put_webhook_health(&w)?;
        }
        Tried::Failed {
            error,
            next_at,
            give_up,
        } => {
            let since = *w.health.failing_since.get_or_insert(cx.now);
            w.health.attempts = w.health.attempts.saturating_add(1);
            w.health.next_at = (!give_up).then_some(next_at);
            w.health.last_error = Some(error);
            if give_up && w.state == State::Active {
                w.state = State::Suspended;
                tx.put_webhook(&w)?;
                changed(tx, cx, &w, "suspended")?;
                alert(tx, cx, &w, since, Severity::Error)?;
            } else {
                tx.put_webhook_health(&w)?;
                if cx.now.since(since) >= TOLD_AFTER {
                    alert(tx, cx, &w, since, Severity::Warning)?;
                }
            }
        }
    }
    Ok(true)
}

fn alert(
    tx: &mut Tx<'_>,
    cx: &Context,
    w: &Webhook,
    since_at: Timestamp,
    severity: Severity,
) -> Result<(), FlowError> {
    let key = alert_key(&w.name);
    // While it fails on, its words may change with every try; the alert is one.
    let open = tx.snapshot().alert(&key)?;
    if open.is_some_and(|a| a.severity == severity) {
        return Ok(());
    }
    let suspended = severity == Severity::Error;
    raise_alert(
        tx,
        cx,
        Alert {
            key,
            severity,
            title: match suspended {
                true => format!("Webhook {} is suspended", w.name),
                false => format!("Webhook {} does not get through", w.name),
            },
            detail: w.health.last_error.clone().unwrap_or_default(),
            advice: format!(
                "Tell whoever looks after the other system. Nothing is lost: {}; to try now: galley webhook ping '{}'",
                match suspended {
                    true => format!(
                        "galley webhook resume '{}' goes on where it stopped",
                        w.name
                    ),
                    false => "it goes on by itself".to_owned(),
                },
                w.name
            ),
            since_at,
        },
    )
}
