//! Subscriptions of other systems to the log.

use super::{
    Api, Caller, Problem, api_keys::Grace, auth::MANAGERS, body::Post, extract::Path, keys,
    orders::Nothing,
};
use crate::{
    connectors::webhooks::Answer,
    domain::{
        time::Timestamp,
        webhook::{Webhook, reader},
    },
    flow::{
        keep::salt,
        webhooks::{self, NewWebhook, secret_names},
    },
    store::{StoreError, vault},
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a secret begins with that was made here.
const PREFIX: &str = "whs_";
/// Fewest characters of a secret that somebody brings along.
const LEAST_SECRET: usize = 24;
/// Most.
const MOST_SECRET: usize = 200;

/// Subscriptions.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookList {
    webhooks: Vec<WebhookView>,
    /// Kinds of events that can be asked for.
    kinds: Vec<&'static str>,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    name: String,
    url: String,
    kinds: Vec<String>,
    /// `active`, `paused` (by a person) or `suspended` (it failed for too long).
    state: &'static str,
    #[schema(value_type = i64)]
    created_at: Timestamp,
    created_by: String,
    /// Everything up to this event was delivered or is not wanted.
    cursor: u64,
    /// The newest event.
    head: u64,
    delivered: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    delivered_at: Option<Timestamp>,
    /// Tries of the event that is due, so far.
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    failing_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    next_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// Until then the former secret signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    former_until: Option<Timestamp>,
}

impl WebhookView {
    fn of(w: Webhook, cursor: u64, head: u64, now: Timestamp) -> Self {
        Self {
            name: w.name,
            url: w.url,
            kinds: w.kinds,
            state: w.state.word(),
            created_at: w.created_at,
            created_by: w.created_by,
            cursor,
            head,
            delivered: w.health.delivered,
            delivered_seq: w.health.delivered_seq,
            delivered_at: w.health.delivered_at,
            attempts: w.health.attempts,
            failing_since: w.health.failing_since,
            next_at: w.health.next_at,
            last_error: w.health.last_error,
            former_until: w.former_until.filter(|at| *at > now),
        }
    }
}

/// A subscription with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct WebhookMade {
    /// What deliveries are signed with.
    secret: String,
    #[serde(flatten)]
    view: WebhookView,
}

async fn view(api: &Api, w: Webhook) -> Result<WebhookView, Problem> {
    let now = api.site.world.clock.now();
    let reader = reader(&w.name);
    let (cursor, head) = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> { Ok((s.cursor(&reader)?, s.head()?.seq)) })
        .await?;
    Ok(WebhookView::of(w, cursor, head, now))
}

/// All subscriptions, and how their deliveries go.
#[utoipa::path(get, path = "/webhooks", tag = "manager", responses((status = 200, body = WebhookList), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<WebhookList>, Problem> {
    caller.need(MANAGERS)?;
    let now = api.site.world.clock.now();
    let webhooks = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let head = s.head()?.seq;
            s.webhooks()?
                .into_iter()
                .map(|w| {
                    let cursor = s.cursor(&reader(&w.name))?;
                    Ok(WebhookView::of(w, cursor, head, now))
                })
                .collect::<Result<Vec<_>, StoreError>>()
        })
        .await?;
    Ok(Json(WebhookList {
        webhooks,
        kinds: crate::domain::webhook::KINDS
            .iter()
            .map(|(kind, _)| *kind)
            .collect(),
    }))
}

/// A subscription to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookWish {
    /// Its name; no other has it.
    #[schema(example = "erp", min_length = 1, max_length = 64)]
    name: String,
    /// Where deliveries go: `https`, or what the configuration lets in.
    #[schema(example = "https://erp.example/galley")]
    url: String,
    /// `order.placed`, `order.*`, `*`.
    #[schema(example = json!(["order.*", "stock.moved"]), min_items = 1)]
    kinds: Vec<String>,
    /// What deliveries are signed with, 24 to 200 characters; made up when none is given.
    #[serde(default)]
    secret: Option<String>,
}

/// A secret, and the same sealed for its place in the vault.
fn secret(api: &Api, given: Option<String>, place: &str) -> Result<(String, Vec<u8>), Problem> {
    let entropy = api.site.world.entropy.as_ref();
    let text = match given {
        None => format!("{PREFIX}{}{}", keys::token(entropy), keys::token(entropy)),
        Some(text) => {
            let fits = (LEAST_SECRET..=MOST_SECRET).contains(&text.len());
            if !fits || !text.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(Problem::invalid(
                    "a secret has 24 to 200 printable characters, without spaces",
                ));
            }
            text
        }
    };
    let key = api.keeping.keys.first();
    let key = key.ok_or_else(super::keep::no_key)?;
    let sealed = vault::seal(key, salt(entropy), place, &text);
    Ok((text, sealed))
}

/// Subscribes another system to the log, from the next event on. The answer tells the secret, and nothing ever does
/// again.
#[utoipa::path(post, path = "/webhooks", tag = "manager", request_body = WebhookWish, responses((status = 201, body = WebhookMade), (status = "4XX", body = Problem)))]
pub(super) async fn create(
    State(api): State<Api>,
    post: Post<WebhookWish>,
) -> Result<(StatusCode, Json<WebhookMade>), Problem> {
    post.caller.need(MANAGERS)?;
    let wish = post.body;
    api.webhooks.reach(&wish.url).map_err(Problem::invalid)?;
    let id = api.site.world.new_id();
    let (text, sealed) = secret(&api, wish.secret, &secret_names(id)[0])?;
    let new = NewWebhook {
        id,
        name: wish.name,
        url: wish.url,
        kinds: wish.kinds,
        sealed,
    };
    let made = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            webhooks::create(tx, cx, new)
        })
        .await?;
    api.webhooks.wake();
    let made = WebhookMade {
        secret: text,
        view: view(&api, made).await?,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Another secret. The former signs beside it for a while, so that the receiver can change over without losing any.
#[utoipa::path(post, path = "/webhooks/{name}/rotate", tag = "manager", params(("name" = String, Path)), request_body = Grace, responses((status = 200, body = WebhookMade), (status = "4XX", body = Problem)))]
pub(super) async fn rotate(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Grace>,
) -> Result<Json<WebhookMade>, Problem> {
    post.caller.need(MANAGERS)?;
    let wanted = name.clone();
    let (found, rows) = api
        .site
        .store
        .read(move |s| -> Result<_, StoreError> { Ok((s.webhook(&wanted)?, s.secrets()?)) })
        .await?;
    let found = found.ok_or_else(|| Problem::not_found("there is no such webhook"))?;
    let [current, old] = secret_names(found.id);
    let (text, sealed) = secret(&api, None, &current)?;
    // What is sealed is sealed for its place.
    let former = rows
        .iter()
        .find(|r| r.name == current)
        .and_then(|r| vault::open(&api.keeping.keys, &r.name, &r.sealed).ok())
        .map(|former| secret(&api, Some(former), &old))
        .transpose()?;
    let grace = post.body.lasts();
    let changed = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            let former = former.as_ref().map(|(_, sealed)| sealed.as_slice());
            webhooks::rotate(tx, cx, &name, &sealed, former, grace)
        })
        .await?;
    Ok(Json(WebhookMade {
        secret: text,
        view: view(&api, changed).await?,
    }))
}

/// Stops deliveries; none is lost, they wait.
#[utoipa::path(post, path = "/webhooks/{name}/pause", tag = "manager", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = WebhookView), (status = "4XX", body = Problem)))]
pub(super) async fn pause(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Nothing>,
) -> Result<Json<WebhookView>, Problem> {
    set_running(&api, name, post, false).await
}

/// Goes on where deliveries stopped, and tries at once.
#[utoipa::path(post, path = "/webhooks/{name}/resume", tag = "manager", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = WebhookView), (status = "4XX", body = Problem)))]
pub(super) async fn resume(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Nothing>,
) -> Result<Json<WebhookView>, Problem> {
    set_running(&api, name, post, true).await
}

async fn set_running(
    api: &Api,
    name: String,
    post: Post<Nothing>,
    runs: bool,
) -> Result<Json<WebhookView>, Problem> {
    post.caller.need(MANAGERS)?;
    let changed = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            webhooks::set_running(tx, cx, &name, runs)
        })
        .await?;
    api.webhooks.wake();
    Ok(Json(view(api, changed).await?))
}

/// Ends a subscription, and forgets its secrets.
#[utoipa::path(post, path = "/webhooks/{name}/remove", tag = "manager", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = WebhookView), (status = "4XX", body = Problem)))]
pub(super) async fn remove(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Nothing>,
) -> Result<Json<WebhookView>, Problem> {
    post.caller.need(MANAGERS)?;
    let gone = api
        .site
        .command(post.caller.actor(), move |tx, cx| {
            webhooks::remove(tx, cx, &name)
        })
        .await?;
    api.webhooks.wake();
    Ok(Json(view(&api, gone).await?))
}

/// What came of one delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivered {
    /// It arrived: the other side answered with 2xx.
    arrived: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Answer> for Delivered {
    fn from(answer: Answer) -> Self {
        Self {
            arrived: answer.error.is_none(),
            status: answer.status,
            error: answer.error,
        }
    }
}

/// Sends a test now, of the kind `ping`, and tells what came of it. It is no event and moves nothing.
#[utoipa::path(post, path = "/webhooks/{name}/ping", tag = "manager", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = Delivered), (status = "4XX", body = Problem)))]
pub(super) async fn ping(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Nothing>,
) -> Result<Json<Delivered>, Problem> {
    post.caller.need(MANAGERS)?;
    Ok(Json(api.webhooks.ping(&name).await?.into()))
}

/// What is delivered again: one of the three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// This event alone, now.
    #[serde(default)]
    seq: Option<u64>,
    /// This event and all behind it, in order: the subscription is set back.
    #[serde(default)]
    from: Option<u64>,
    /// The same from this moment on, Unix milliseconds.
    #[serde(default)]
    since: Option<i64>,
}

/// Delivered again, or to be.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveredAgain {
    /// What came of the one event.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<Delivered>,
    /// Where the subscription stands now.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<u64>,
}

/// Delivers again: one event now, or all from one on. Ids stay the same.
#[utoipa::path(post, path = "/webhooks/{name}/redeliver", tag = "manager", params(("name" = String, Path)), request_body = Again, responses((status = 200, body = DeliveredAgain), (status = "4XX", body = Problem)))]
pub(super) async fn redeliver(
    State(api): State<Api>,
    Path(name): Path<String>,
    post: Post<Again>,
) -> Result<Json<DeliveredAgain>, Problem> {
    post.caller.need(MANAGERS)?;
    let Again { seq, from, since } = post.body;
    let cursor = match (seq, from, since) {
        (Some(seq), None, None) => {
            let answer = api.webhooks.send_again(&name, seq).await?;
            return Ok(Json(DeliveredAgain {
                delivered: Some(answer.into()),
                cursor: None,
            }));
        }
        (None, Some(_), None) | (None, None, Some(_)) => {
            api.site
                .command(post.caller.actor(), move |tx, cx| {
                    let from = match (from, since) {
                        (Some(from), _) => from,
                        (None, since) => {
                            let at = Timestamp::from_millis(since.unwrap_or_default());
                            tx.snapshot().first_event_since(at)?
                        }
                    };
                    webhooks::rewind(tx, cx, &name, from)
                })
                .await?
        }
        _ => {
            return Err(Problem::invalid("say one of seq, from and since"));
        }
    };
    api.webhooks.wake();
    Ok(Json(DeliveredAgain {
        delivered: None,
        cursor: Some(cursor),
    }))
}
