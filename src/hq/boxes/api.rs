//! The doors of boxes: for people who add and bar them, and for the boxes themselves.

use super::{
    super::{
        Hq, IngestError,
        api::bearer,
        db::cells,
        down::{Sending, api::Who},
        extract::{Path, Query, Said, Whole},
        hash,
        problem::Problem,
    },
    Code, CodeError, Enrolled,
    codes::{GUESSES, VALID},
};
use crate::{
    domain::{ids::OrderId, time::Timestamp},
    store::StoreError,
    sync::{
        Entry, StoreId,
        batch::HexHash,
        down::{BUNDLE_PATH, DOWN_PATH, ENROL_PATH, LOG_PATH},
    },
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Events in one answer, at most.
const PAGE: u32 = 5_000;
/// The longest a code may be good for.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// For people.
pub(in crate::hq) fn router() -> Router<Hq> {
    Router::new()
        .route("/api/v1/stores/{id}/code", post(code))
        .route("/api/v1/stores/{id}/boxes", get(boxes))
        .route("/api/v1/stores/{id}/bar", post(bar))
        .route("/api/v1/stores/{id}/unbar", post(unbar))
}

/// For boxes, which show their tokens, and for brokers that ask who may come in.
pub(in crate::hq) fn machines() -> Router<Hq> {
    Router::new()
        .route(ENROL_PATH, post(enrol))
        .route(DOWN_PATH, get(waiting))
        .route(LOG_PATH, get(log))
        .route("/v1/broker/auth", post(broker))
        .route(
            &format!("{BUNDLE_PATH}/{{id}}"),
            post(keep_bundle).layer(DefaultBodyLimit::max(super::super::down::MOST_BUNDLE)),
        )
}

fn store_id(text: &str) -> Result<StoreId, Problem> {
    text.parse()
        .map_err(|e| Problem::new(StatusCode::BAD_REQUEST, "invalid", format!("{e}")))
}

#[derive(Default, Deserialize)]
struct NewCode {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    valid_min: Option<u64>,
}

async fn code(
    State(hq): State<Hq>,
    Path(store): Path<String>,
    Who(by): Who,
    Said(new): Said<NewCode>,
) -> Result<(StatusCode, Json<Code>), Problem> {
    let valid = new
        .valid_min
        .map_or(VALID, |m| Duration::from_secs(m.saturating_mul(60)));
    if valid.is_zero() || valid > LONGEST {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid",
            "valid_min: from 1 minute to a week",
        ));
    }
    let code = hq
        .make_code(&store_id(&store)?, new.name, valid, by)
        .await?;
    Ok((StatusCode::CREATED, Json(code)))
}

async fn boxes(
    State(hq): State<Hq>,
    Path(store): Path<String>,
) -> Result<Json<super::BoxRows>, Problem> {
    Ok(Json(hq.boxes_of(&store_id(&store)?).await?))
}

#[derive(Deserialize)]
struct Bar {
    why: String,
}

async fn bar(
    State(hq): State<Hq>,
    Path(store): Path<String>,
    Who(by): Who,
    Said(Bar { why }): Said<Bar>,
) -> Result<Json<super::BoxRows>, Problem> {
    let store = store_id(&store)?;
    tracing::warn!(store.id = %store, by, "a store is barred");
    hq.bar(&store, Some(why), by).await?;
    Ok(Json(hq.boxes_of(&store).await?))
}

async fn unbar(
    State(hq): State<Hq>,
    Path(store): Path<String>,
    Who(by): Who,
) -> Result<Json<super::BoxRows>, Problem> {
    let store = store_id(&store)?;
    hq.bar(&store, None, by).await?;
    Ok(Json(hq.boxes_of(&store).await?))
}

#[derive(Deserialize)]
struct Enrol {
    /// A box of today that asks again shows its token instead.
    #[serde(default)]
    code: Option<String>,
    /// The store that the box takes itself for.
    #[serde(default)]
    store_id: Option<String>,
    /// SHA-256 of the token that the box made for itself.
    token_hash: HexHash,
}

async fn enrol(
    State(hq): State<Hq>,
    headers: HeaderMap,
    Said(ask): Said<Enrol>,
) -> Result<Json<Enrolled>, Problem> {
    let Some(code) = &ask.code else {
        let shown = bearer(&headers).ok_or(IngestError::Unauthorised)?;
        return Ok(Json(hq.enrol_again(shown, ask.token_hash.0).await?));
    };
    let now = Instant::now();
    let told = |e: CodeError| match e {
        CodeError::Wrong | CodeError::OtherStore(_) => {
            Problem::new(StatusCode::FORBIDDEN, "bad_code", e.to_string())
        }
        CodeError::TooMany => Problem {
            retry_after_s: Some(60),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many", e.to_string())
        },
        CodeError::Store(e) => e.into(),
    };
    {
        let mut guesses = hq.0.guesses.lock().await;
        if now.duration_since(guesses.1) >= Duration::from_mins(1) {
            *guesses = (0, now);
        }
        if guesses.0 >= GUESSES {
            return Err(told(CodeError::TooMany));
        }
    }
    match hq
        .enrol_box(code, ask.store_id.as_deref(), ask.token_hash.0)
        .await
    {
        Ok(enrolled) => Ok(Json(enrolled)),
        Err(e) => {
            if matches!(e, CodeError::Wrong) {
                hq.0.guesses.lock().await.0 += 1;
            }
            Err(told(e))
        }
    }
}

/// The store whose box asks.
async fn asking(hq: &Hq, headers: &HeaderMap) -> Result<StoreId, Problem> {
    let token = bearer(headers).ok_or(IngestError::Unauthorised)?;
    Ok(hq.store_of_token(token).await?.0)
}

async fn waiting(State(hq): State<Hq>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let store = asking(&hq, &headers).await?;
    let messages = hq.messages_for(&store, Sending::Asked).await?;
    Ok(Json(json!({ "messages": messages })))
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    limit: Option<u32>,
}

/// What headquarters has of the store's log, for a box that lost its own.
async fn log(
    State(hq): State<Hq>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Json<LogPage>, Problem> {
    let store = asking(&hq, &headers).await?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let (entries, head) = hq.log_of(&store, page.after, limit).await?;
    Ok(Json(LogPage { entries, head }))
}

/// Events as they are: their bodies' very text is what was hashed, so it goes through no [`Value`].
#[derive(Serialize)]
struct LogPage {
    entries: Vec<Entry>,
    head: u64,
}

async fn keep_bundle(
    State(hq): State<Hq>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<StatusCode, Problem> {
    let store = asking(&hq, &headers).await?;
    if hq.keep_bundle(store.as_str(), id, body.to_vec()).await? {
        Ok(StatusCode::CREATED)
    } else {
        Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Nobody asked this store for a bundle of that id",
        ))
    }
}

/// What a broker asks when a client comes: EMQX's HTTP authentication, and whatever else can post JSON.
#[derive(Deserialize)]
struct Client {
    username: String,
    password: String,
}

async fn broker(State(hq): State<Hq>, Said(client): Said<Client>) -> Result<Json<Value>, Problem> {
    let allowed = hq
        .may_use_the_broker(&client.username, &client.password)
        .await;
    let verdict = if allowed { "allow" } else { "deny" };
    Ok(Json(json!({ "result": verdict })))
}

impl Hq {
    /// Whether a broker lets this name in: a store by its token, as at our own door, and headquarters by its own password.
    async fn may_use_the_broker(&self, name: &str, password: &str) -> bool {
        let shown = hash(password);
        let own = self.0.config.broker.as_ref();
        if let Some((user, own)) = own.and_then(|login| login.credentials.as_ref())
            && user == name
        {
            return hash(own.reveal()) == shown;
        }
        let Ok(store) = name.parse::<StoreId>() else {
            return false;
        };
        match self.admit_box(&store, Some(shown), 0).await {
            Ok(Some(())) => true,
            // It has no box that was enrolled with a code: its token is the configuration's.
            Ok(None) => self.knows_configured(&store, &shown),
            Err(_) => false,
        }
    }

    /// Events of a store behind `after`, and the number of the last one here.
    pub(in crate::hq) async fn log_of(
        &self,
        store: &StoreId,
        after: u64,
        limit: u32,
    ) -> Result<(Vec<Entry>, u64), StoreError> {
        let store = store.to_string();
        self.0
            .db
            .read(move |sql| {
                let Some((id, head)) = sql.row(
                    "SELECT id, seq FROM stores WHERE store_id = ?1",
                    &cells![store],
                    |r| Ok((r.get::<i64>(0)?, r.get::<u64>(1)?)),
                )?
                else {
                    return Ok((Vec::new(), 0));
                };
                let entries = sql.rows(
                    "SELECT seq, at, kind, order_id, actor, body, hash FROM events WHERE store = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
                    &cells![id, after, limit],
                    |r| {
                        let seq: u64 = r.get(0)?;
                        Ok(Entry {
                            seq,
                            at: r.get::<Timestamp>(1)?,
                            kind: r.get(2)?,
                            order_id: r.get::<Option<Uuid>>(3)?.map(OrderId),
                            actor: r.get(4)?,
                            body: RawValue::from_string(r.get(5)?)
                                .map_err(|_| StoreError::Damaged(format!("event {seq}")))?,
                            hash: HexHash(r.get(6)?),
                        })
                    },
                )?;
                Ok((entries, head))
            })
            .await
    }
}
