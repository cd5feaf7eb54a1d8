//! Keys of other systems: made, renewed, revoked.

use super::{Context, FlowError, record::record};
use crate::{
    domain::{chain::Hash, event::Body, scope::Scope, staff, time::Timestamp},
    store::{ApiKey, Tx},
};
use std::time::Duration;

/// The longest that a renewed key's former one may still be good.
pub const LONGEST_GRACE: Duration = Duration::from_hours(7 * 24);

/// What a new key is to be.
pub struct NewKey {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Requests a minute; the store's usual number when none.
    pub per_minute: Option<u32>,
    /// It opens nothing from then on.
    pub expires_at: Option<Timestamp>,
}

/// A key's hash, and the characters by which its holder knows it.
pub struct Made {
    /// What is kept of it.
    pub hash: Hash,
    /// Its first characters.
    pub hint: String,
}

fn changed(tx: &mut Tx<'_>, cx: &Context, key: &ApiKey, act: &str) -> Result<(), FlowError> {
    record(
        tx,
        cx,
        None,
        Body::KeyChanged {
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            act: act.to_owned(),
        },
    )
}

/// Makes a key.
///
/// # Errors
/// A name that a key has or had, or an end that has passed.
pub fn create(tx: &mut Tx<'_>, cx: &Context, new: NewKey, made: Made) -> Result<ApiKey, FlowError> {
    let name = staff::name(&new.name).map_err(FlowError::Invalid)?;
    if tx.snapshot().api_key(&name)?.is_some() {
        return Err(FlowError::Conflict(format!(
            "there is, or was, a key {name}; take another name"
        )));
    }
    if new.expires_at.is_some_and(|at| at <= cx.now) {
        return Err(FlowError::Invalid("expires_at has passed".to_owned()));
    }
    let key = ApiKey {
        name,
        hash: made.hash,
        hint: made.hint,
        scopes: new.scopes,
        per_minute: new.per_minute,
        created_at: cx.now,
        created_by: cx.actor.0.clone(),
        expires_at: new.expires_at,
        former: None,
        used_at: None,
        revoked_at: None,
    };
    tx.put_api_key(&key)?;
    changed(tx, cx, &key, "created")?;
    Ok(key)
}

fn find(tx: &Tx<'_>, name: &str) -> Result<ApiKey, FlowError> {
    tx.snapshot()
        .api_key(name)?
        .ok_or(FlowError::Unknown("key"))
}

/// Gives a key's holder another one; the former is good for a while longer.
///
/// # Errors
/// No such key, or a revoked one.
pub fn rotate(
    tx: &mut Tx<'_>,
    cx: &Context,
    name: &str,
    made: Made,
    grace: Duration,
) -> Result<ApiKey, FlowError> {
    let mut key = find(tx, name)?;
    if key.revoked_at.is_some() {
        return Err(FlowError::Conflict(format!("the key {name} was revoked")));
    }
    if grace > LONGEST_GRACE {
        return Err(FlowError::Invalid(
            "the former key is good for 7 days at most".to_owned(),
        ));
    }
    key.former = (!grace.is_zero()).then(|| (key.hash, cx.now.saturating_add(grace)));
    key.hash = made.hash;
    key.hint = made.hint;
    tx.put_api_key(&key)?;
    changed(tx, cx, &key, "rotated")?;
    Ok(key)
}

/// Shuts a key out. Twice is once.
///
/// # Errors
/// No such key.
pub fn revoke(tx: &mut Tx<'_>, cx: &Context, name: &str) -> Result<ApiKey, FlowError> {
    let mut key = find(tx, name)?;
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    key.revoked_at = Some(cx.now);
    key.former = None;
    tx.put_api_key(&key)?;
    changed(tx, cx, &key, "revoked")?;
    Ok(key)
}
