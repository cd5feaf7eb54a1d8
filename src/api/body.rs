//! Requests that change something: read whole and checked, done once for each Idempotency-Key.

use super::{
    Api, Caller, Problem,
    auth::{Local, token_of},
};
use crate::{
    body::{self, NotWhole},
    domain::chain::Hash,
    flow::{Context, FlowError},
    protection::{Protection, holds},
    store::{Replay, Tx},
};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts as _, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

/// Bytes a request's body may have. An order of 50 lines has about 5 kB.
const MAX_BODY: usize = 256 * 1024;
/// How long a request waits for the disk: less than a kiosk waits for its answer. Whether it was written is open then,
/// and the same key tells.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest Idempotency-Key.
const MAX_KEY: usize = 128;
/// Header by which a client sees that an answer is the stored one.
const REPLAYED: &str = "idempotency-replayed";

/// A POST: who, with which key, and what.
pub struct Post<T> {
    pub caller: Caller,
    pub key: String,
    pub body: T,
    fingerprint: Hash,
}

impl<T: DeserializeOwned> FromRequest<Api> for Post<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, api).await?;
        let sent = parts.headers.get("idempotency-key");
        let key = sent
            .and_then(|v| v.to_str().ok())
            .map(str::trim)
            .filter(|k| (1..=MAX_KEY).contains(&k.len()))
            .filter(|k| k.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| {
                Problem::idempotency_key_missing(match sent {
                    None => "send the header Idempotency-Key, a new UUID for each intention; repeat it only to repeat the request".to_owned(),
                    Some(_) => format!("the Idempotency-Key must be 1 to {MAX_KEY} printable ASCII characters without spaces; a UUID is best"),
                })
            })?
            .to_owned();
        let path = parts.uri.path().to_owned();
        let bytes = read_whole(body).await?;
        let mut h = Sha256::new();
        h.update(path.as_bytes());
        h.update([0]);
        h.update(&bytes);
        let body = read_json(&bytes)?;
        Ok(Self {
            key: format!("{}:{key}", caller.actor().0),
            caller,
            body,
            fingerprint: h.finalize().into(),
        })
    }
}

/// A question that is sent as a POST because it is long: it changes nothing, so it needs no key.
pub struct Asked<T> {
    pub caller: Caller,
    pub body: T,
}

impl<T: DeserializeOwned> FromRequest<Api> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, api).await?;
        let bytes = read_whole(body).await?;
        Ok(Self {
            caller,
            body: read_json(&bytes)?,
        })
    }
}

/// A POST of somebody who may have no token yet. Nothing of it is remembered.
pub struct Loose {
    pub caller: Option<Caller>,
    bytes: Vec<u8>,
}

impl FromRequest<Api> for Loose {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        // Who sends a token must have a good one.
        let known = token_of(&parts).is_some() || parts.extensions.get::<Local>().is_some();
        let caller = match known {
            true => Some(Caller::from_request_parts(&mut parts, api).await?),
            false => None,
        };
        let bytes = read_whole(body).await?;
        Ok(Self { caller, bytes })
    }
}

impl Loose {
    /// What the body says.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        read_json(&self.bytes)
    }
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    body::read(bytes).map_err(|e| Problem::bad_json(e.to_string()))
}

async fn read_whole(body: Body) -> Result<Vec<u8>, Problem> {
    body::whole(body, MAX_BODY).await.map_err(|e| match e {
        NotWhole::Cut => Problem::bad_json("the body was cut"),
        NotWhole::TooLarge => Problem::body_too_large("a body has at most 256 kB"),
    })
}

/// Acts on a device that are under way, by Idempotency-Key: the same request that comes meanwhile waits for its answer.
#[derive(Default)]
pub(super) struct Acts(Mutex<BTreeMap<String, Turn>>);

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Acts {
    fn turn(&self, key: &str) -> Turn {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key.to_owned()).or_default().clone()
    }

    fn leave(&self, key: &str, turn: Turn) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Ours and the map's: nobody else waits.
        if Arc::strong_count(&turn) <= 2 {
            all.remove(key);
        }
    }
}

impl<T: Send + 'static> Post<T> {
    /// Has `work` done outside of the database, and keeps what came of it: a key that was used before is answered with
    /// the stored answer, and nothing is done. An act that is refused or gets nowhere keeps no key. One that a crash of
    /// the daemon cut off is done again when it is asked for again: it is for paper, drawer, clock and tables, where a
    /// repeat does no harm; never for a fiscal document.
    pub(super) async fn act<R, F>(
        self,
        api: &Api,
        status: StatusCode,
        work: impl FnOnce(Api, Caller, T) -> F + Send + 'static,
    ) -> Result<Response, Problem>
    where
        R: Serialize,
        F: Future<Output = Result<R, Problem>> + Send + 'static,
    {
        let api = api.clone();
        // A client that goes away does not stop what has begun: it may come back for the answer.
        tokio::spawn(async move {
            let key = self.key.clone();
            let turn = api.inner.acts.turn(&key);
            let first = turn.lock().await;
            let answer = self.act_in_turn(&api, status, work).await;
            drop(first);
            api.inner.acts.leave(&key, turn);
            answer
        })
        .await
        .unwrap_or_else(|error| {
            tracing::error!(%error, "an act on a device was cut off");
            Err(Problem::internal(
                "the act was cut off; see the daemon's log",
            ))
        })
    }

    async fn act_in_turn<R, F>(
        self,
        api: &Api,
        status: StatusCode,
        work: impl FnOnce(Api, Caller, T) -> F + Send,
    ) -> Result<Response, Problem>
    where
        R: Serialize,
        F: Future<Output = Result<R, Problem>> + Send + 'static,
    {
        if let Some(replay) = self.replay(api).await? {
            return Ok(answer(replay, true));
        }
        let Self {
            caller,
            key,
            body,
            fingerprint,
        } = self;
        let answered = {
            let made = work(api.clone(), caller, body).await?;
            serde_json::to_string(&made).map_err(crate::store::StoreError::from)?
        };
        let replay = Replay {
            fingerprint,
            status: status.as_u16(),
            body: answered,
        };
        let (kept, now) = (replay.clone(), api.site.world.clock.now());
        if holds(Protection::IdempotencyKey) {
            api.site
                .store
                .write(move |tx| tx.remember(&key, &kept, now))
                .await?;
        }
        Ok(answer(replay, false))
    }
}

impl<T> Post<T> {
    /// The stored answer to this very request, if there is one.
    ///
    /// # Errors
    /// The key belongs to another request, or the database fails.
    pub(super) fn replay(
        &self,
        api: &Api,
    ) -> impl Future<Output = Result<Option<Replay>, Problem>> + Send + use<T> {
        let (key, fingerprint, store) =
            (self.key.clone(), self.fingerprint, api.site.store.clone());
        async move {
            let replay = store.read(move |s| s.replay(&key)).await?;
            match replay.filter(|_| holds(Protection::IdempotencyKey)) {
                Some(replay) if replay.fingerprint != fingerprint => Err(reused()),
                replay => Ok(replay),
            }
        }
    }

    /// Does `work` as one write and answers with what it makes; a key that was used before is answered from the
    /// same write that did it.
    pub(super) async fn once<R: Serialize + 'static>(
        self,
        api: &Api,
        status: StatusCode,
        work: impl FnOnce(&mut Tx<'_>, &Context, T) -> Result<R, FlowError> + Send + 'static,
    ) -> Result<Response, Problem>
    where
        T: Send + 'static,
    {
        let Self {
            caller,
            key,
            body,
            fingerprint,
        } = self;
        let cx = api.site.context(caller.actor());
        let written = api
            .site
            .store
            .write(move |tx| -> Result<(Replay, bool), Problem> {
                let replay = tx.snapshot().replay(&key)?;
                if let Some(replay) = replay.filter(|_| holds(Protection::IdempotencyKey)) {
                    if replay.fingerprint != fingerprint {
                        return Err(reused());
                    }
                    return Ok((replay, true));
                }
                let made = work(tx, &cx, body)?;
                let replay = Replay {
                    fingerprint,
                    status: status.as_u16(),
                    body: serde_json::to_string(&made).map_err(crate::store::StoreError::from)?,
                };
                if holds(Protection::IdempotencyKey) {
                    tx.remember(&key, &replay, cx.now)?;
                }
                Ok((replay, false))
            });
        let (replay, replayed) = timeout(PATIENCE, written)
            .await
            .unwrap_or_else(|_| Err(Problem::slow_disk()))
            .inspect_err(|problem| api.disk_is_full(problem.is("disk_full")))?;
        api.disk_is_full(false);
        Ok(answer(replay, replayed))
    }
}

fn reused() -> Problem {
    Problem::idempotency_key_reused(
        "this Idempotency-Key belongs to another request; take a new one",
    )
}

fn answer(replay: Replay, replayed: bool) -> Response {
    let status = StatusCode::from_u16(replay.status).unwrap_or(StatusCode::OK);
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        replay.body,
    )
        .into_response();
    if replayed {
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
