//! Keys of other systems: made, listed, renewed, revoked. A key is told once, in the answer to its making.

use super::{
    Api, Caller, Problem, Role,
    auth::{MANAGERS, hash_token},
    body::Post,
    extract::Path,
    keys,
    orders::Nothing,
};
use crate::{
    domain::{scope::Scope, time::Timestamp},
    flow::api_keys::{self, Made, NewKey},
    store::ApiKey,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// What a key begins with, so that one that lies around is known for what it is.
const PREFIX: &str = "gk_";
/// Characters of a key that are shown later on: too few to guess the rest by.
const HINT: usize = 8;
/// How long the former key is good after a renewal, when nobody says.
const GRACE_S: u64 = 24 * 60 * 60;
/// Most requests a minute that a key may be given.
const MOST_A_MINUTE: u32 = 60_000;

/// Keys of other systems.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyList {
    keys: Vec<KeyView>,
    /// What keys may be good for.
    scopes: Vec<ScopeView>,
}

/// What a key may be good for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScopeView {
    scope: &'static str,
    says: &'static str,
}

/// A key, without itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Its writes are in the log as `service:` and this.
    name: String,
    /// Its first characters.
    hint: String,
    scopes: Vec<&'static str>,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    /// Requests a minute, if it has a number of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_minute: Option<u32>,
    #[schema(value_type = i64)]
    created_at: Timestamp,
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    expires_at: Option<Timestamp>,
    /// Until then the key that it was before is good too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    former_until: Option<Timestamp>,
    /// When it was used last, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    used_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    revoked_at: Option<Timestamp>,
}

impl KeyView {
    fn of(key: ApiKey, now: Timestamp) -> Self {
        let state = match (key.revoked_at, key.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(at)) if at <= now => "expired",
            _ => "active",
        };
        Self {
            name: key.name,
            hint: key.hint,
            scopes: key.scopes.iter().map(|s| s.word()).collect(),
            state,
            per_minute: key.per_minute,
            created_at: key.created_at,
            created_by: key.created_by,
            expires_at: key.expires_at,
            former_until: key.former.map(|(_, until)| until).filter(|at| *at > now),
            used_at: key.used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// A new key. It is shown this once.
#[derive(Serialize, ToSchema)]
pub struct KeyMade {
    /// What the other system sends: `Authorization: Bearer …`.
    key: String,
    #[serde(flatten)]
    view: KeyView,
}

/// All keys.
#[utoipa::path(get, path = "/keys", tag = "manager", responses((status = 200, body = KeyList), (status = "4XX", body = Problem)))]
pub(super) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<KeyList>, Problem> {
    caller.need(MANAGERS)?;
    let now = api.site.world.clock.now();
    let keys = api.site.store.read(|s| s.api_keys()).await?;
    Ok(Json(KeyList {
        keys: keys.into_iter().map(|k| KeyView::of(k, now)).collect(),
        scopes: Scope::ALL
            .iter()
            .map(|s| ScopeView {
                scope: s.word(),
                says: s.says(),
            })
            .collect(),
    }))
}

/// A key to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyWish {
    /// The other system's name; no key has or had it.
    #[schema(example = "erp", min_length = 1, max_length = 64)]
    name: String,
    /// What it may do; nothing else.
    #[schema(example = json!(["stock:read", "orders:create"]), min_items = 1)]
    scopes: Vec<String>,
    /// It opens nothing from then on, Unix milliseconds.
    #[serde(default)]
    expires_at: Option<i64>,
    /// Requests a minute, instead of the store's usual number.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 60000)]
    per_minute: Option<u32>,
}

/// A key, and what is kept of it.
fn make(api: &Api) -> (String, Made) {
    let entropy = api.site.world.entropy.as_ref();
    let key = format!("{PREFIX}{}{}", keys::token(entropy), keys::token(entropy));
    let made = Made {
        hash: hash_token(&key),
        hint: key.chars().take(PREFIX.len() + HINT).collect(),
    };
    (key, made)
}

/// Makes a key. The answer tells it, and nothing ever does again.
// Not remembered by its Idempotency-Key: the key would lie in the database.
#[utoipa::path(post, path = "/keys", tag = "manager", request_body = KeyWish, responses((status = 201, body = KeyMade), (status = "4XX", body = Problem)))]
pub(super) async fn create(
    State(api): State<Api>,
    post: Post<KeyWish>,
) -> Result<(StatusCode, Json<KeyMade>), Problem> {
    post.caller.need(MANAGERS)?;
    let wish = post.body;
    // The log could not tell the two apart.
    if api.tokens.is_configured(Role::Service, wish.name.trim()) {
        return Err(Problem::conflict(format!(
            "the configuration has a token of the name {}; take another",
            wish.name.trim()
        )));
    }
    if wish
        .per_minute
        .is_some_and(|n| !(1..=MOST_A_MINUTE).contains(&n))
    {
        return Err(Problem::invalid("per_minute: from 1 to 60000"));
    }
    let new = NewKey {
        scopes: Scope::read(&wish.scopes).map_err(Problem::invalid)?,
        name: wish.name,
        per_minute: wish.per_minute,
        expires_at: wish.expires_at.map(Timestamp::from_millis),
    };
    let (text, made) = make(&api);
    let key = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            api_keys::create(tx, cx, new, made)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(told(&api, text, key))))
}

fn told(api: &Api, text: String, key: ApiKey) -> KeyMade {
    api.tokens.insert_key(&key);
    KeyMade {
        key: text,
        view: KeyView::of(key, api.site.world.clock.now()),
    }
}

/// How long the former one is good.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grace {
    /// Seconds; a day when nothing is said, 0 ends it at once, 7 days at most.
    #[serde(default)]
    #[schema(maximum = 604_800)]
    pub(super) grace_s: Option<u64>,
}

impl Grace {
    pub(super) fn lasts(&self) -> Duration {
        Duration::from_secs(self.grace_s.unwrap_or(GRACE_S))
    }
}

/// Another key in place of this one; scopes and name stay. The former is good for a while longer.
#[utoipa::path(post, path = "/keys/{name}/rotate", tag = "manager", params(("name" = String, Path)), request_body = Grace, responses((status = 200, body = KeyMade), (status = "4XX", body = Problem)))]
pub(super) async fn rotate(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Grace>,
) -> Result<Json<KeyMade>, Problem> {
    post.caller.need(MANAGERS)?;
    let (text, made) = make(&api);
    let grace = post.body.lasts();
    let key = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            api_keys::rotate(tx, cx, &name, made, grace)
        })
        .await?;
    Ok(Json(told(&api, text, key)))
}

/// Shuts a key out, at once and for good. Twice is once.
#[utoipa::path(post, path = "/keys/{name}/revoke", tag = "manager", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = KeyView), (status = "4XX", body = Problem)))]
pub(super) async fn revoke(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Nothing>,
) -> Result<Json<KeyView>, Problem> {
    post.caller.need(MANAGERS)?;
    let key = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            api_keys::revoke(tx, cx, &name)
        })
        .await?;
    api.tokens.insert_key(&key);
    Ok(Json(KeyView::of(key, api.site.world.clock.now())))
}
