//! The webhook relay: outside services call headquarters, because nobody on the internet can call a store.
//!
//! A provider is a folder here: it knows whether a call is genuine, which order it is about, and how it is answered.
//! What it asks of the store goes down as a command, at least once and done once. Two ways are there, by what the
//! provider's rules want:
//! - [`Answering::Kept`]: the call is kept on the disk and answered at once; the store is told when it can be. A call
//!   whose order is not here yet waits for it.
//! - [`Answering::Store`]: the store answers within a deadline. Where it does not, the provider's own answer for that
//!   is given, and the command is called off where the call must have no effect then.

mod alfa_bank;
mod config;
mod rows;

pub use config::RelayConfig;

use super::{Hq, extract::Path, problem::Problem, seldom::Seldom};
use crate::{
    domain::{
        ids::OrderId,
        remote::{Answer, Command},
        time::Timestamp,
    },
    store::StoreError,
    world::Secret,
};
use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Bytes of a call; the longest of those we know have a few kilobytes.
const MOST_BYTES: usize = 64 * 1024;
/// Between two looks at calls whose order is not here yet.
const LOOK: Duration = Duration::from_secs(2);
/// A store that is told of something by then has found it out by itself long ago.
const GIVE_UP: Duration = Duration::from_hours(72);

/// A call from outside.
pub(in crate::hq) struct Call<'a> {
    pub(in crate::hq) method: &'a Method,
    /// The query, as it came.
    pub(in crate::hq) query: &'a str,
    #[cfg_attr(not(test), expect(dead_code, reason = "Payme shows a password there"))]
    pub(in crate::hq) headers: &'a HeaderMap,
    #[cfg_attr(not(test), expect(dead_code, reason = "Payme and Click send one"))]
    pub(in crate::hq) body: &'a Bytes,
}

/// What a genuine call wants.
pub(in crate::hq) struct Wanted {
    /// The same for the same call when it is repeated, and for no other.
    pub(in crate::hq) key: String,
    /// Whose it is.
    pub(in crate::hq) order: OrderId,
    /// What the store is asked.
    pub(in crate::hq) ask: Command,
    pub(in crate::hq) answering: Answering,
}

/// Reads the store's answer.
pub(in crate::hq) type Read = fn(&Answer) -> Response;

/// How the caller is answered.
pub(in crate::hq) enum Answering {
    /// At once, when the call is on the disk.
    Kept {
        /// With this.
        with: fn() -> Response,
    },
    /// By the store.
    #[cfg_attr(not(test), expect(dead_code, reason = "for Payme and Click"))]
    Store {
        /// Within this time.
        deadline: Duration,
        /// With this, when it answered.
        with: Read,
        /// With this, when it did not.
        late: fn() -> Response,
        /// The store must do it, however late; otherwise it is called off.
        must: bool,
    },
}

/// One shop at one provider.
pub(in crate::hq) trait Provider: Send + Sync {
    /// What the call wants; or the answer to one that is not genuine or makes no sense, which has no effect.
    #[expect(clippy::result_large_err, reason = "one answer a call")]
    fn read(&self, call: &Call<'_>) -> Result<Wanted, Response>;
}

/// All shops, by provider and name.
pub struct Relay {
    shops: BTreeMap<(&'static str, String), Box<dyn Provider>>,
}

impl Relay {
    /// With its shops; `credential` opens secrets by name.
    ///
    /// # Errors
    /// A sentence that says what is wrong in the configuration.
    pub fn new(
        config: RelayConfig,
        credential: &dyn Fn(&str) -> Result<Secret, String>,
    ) -> Result<Self, String> {
        let mut relay = Self {
            shops: BTreeMap::new(),
        };
        for shop in config.alfa_bank {
            let wrong = |e: String| format!("[[alfa_bank]] {:?}: {e}", shop.shop);
            let made = alfa_bank::AlfaBank::new(&shop, credential).map_err(wrong)?;
            if relay
                .shops
                .contains_key(&(alfa_bank::NAME, shop.shop.clone()))
            {
                return Err(wrong("it is there twice".to_owned()));
            }
            relay = relay.with(alfa_bank::NAME, &shop.shop, Box::new(made));
        }
        Ok(relay)
    }

    /// Adds a shop of a provider.
    pub(in crate::hq) fn with(
        mut self,
        provider: &'static str,
        shop: &str,
        made: Box<dyn Provider>,
    ) -> Self {
        self.shops.insert((provider, shop.to_owned()), made);
        self
    }

    /// The public doors: `/relay/{provider}/{shop}`.
    pub fn router(self: Arc<Self>, hq: Hq) -> Router {
        Router::new()
            .route("/relay/{provider}/{shop}", any(call))
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .layer(Extension(self))
            .with_state(hq)
    }
}

async fn call(
    State(hq): State<Hq>,
    Extension(relay): Extension<Arc<Relay>>,
    Path((provider, shop)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let shop = relay
        .shops
        .iter()
        .find(|((p, s), _)| *p == provider && *s == shop);
    let Some(((provider, _), shop)) = shop else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Nobody is called here",
        ));
    };
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MOST_BYTES).await.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The message is too long",
        )
    })?;
    let wanted = shop.read(&Call {
        method: &parts.method,
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
    });
    match wanted {
        Ok(wanted) => hq.relay(provider, wanted).await,
        Err(answer) => {
            tracing::warn!(provider, status = %answer.status(), "a call from outside was refused");
            Ok(answer)
        }
    }
}

impl Hq {
    async fn relay(&self, provider: &'static str, wanted: Wanted) -> Result<Response, Problem> {
        let Wanted {
            key,
            order,
            ask,
            answering,
        } = wanted;
        let now = self.0.clock.now();
        match answering {
            Answering::Kept { with } => {
                let message = rows::message(provider, &key);
                let store = self
                    .0
                    .db
                    .write(move |sql| {
                        rows::keep(sql, provider, &key, order, &ask, now)?;
                        rows::place(sql, provider, &key, message, now)
                    })
                    .await?;
                if let Some(store) = store {
                    self.push([store]).await;
                }
                Ok(with())
            }
            Answering::Store {
                deadline,
                with,
                late,
                must,
            } => {
                let asked = self.ask(provider, &key, order, ask, deadline, must);
                Ok(asked.await?.map_or_else(late, |answer| with(&answer)))
            }
        }
    }

    /// Asks the store that has the order; none when it is unknown or silent.
    async fn ask(
        &self,
        provider: &'static str,
        key: &str,
        order: OrderId,
        command: Command,
        deadline: Duration,
        must: bool,
    ) -> Result<Option<Answer>, StoreError> {
        let until = tokio::time::Instant::now() + deadline;
        let mut changes = self.0.changes.subscribe();
        let (id, now) = (rows::message(provider, key), self.0.clock.now());
        let lasts = if must { GIVE_UP } else { deadline };
        let store = self
            .0
            .db
            .write(move |sql| {
                let Some(store) = rows::store_of(sql, order)? else {
                    return Ok(None);
                };
                rows::tell(sql, id, &store, &command, provider, now, lasts)?;
                Ok(Some(store))
            })
            .await?;
        let Some(store) = store else {
            return Ok(None);
        };
        self.push([store]).await;
        loop {
            if let Some(answer) = self.0.db.read(move |sql| rows::answer(sql, id)).await? {
                return Ok(Some(answer));
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(until) => return Ok(None),
                // Whatever changed: it may be this. One that is closed or lags is looked after all the same.
                _ = changes.recv() => {}
            }
        }
    }

    /// Passes calls on whose order has come, until told to stop.
    pub async fn pass_on(self, shutdown: CancellationToken) {
        let failing = Seldom::new();
        loop {
            match self.pass_on_once().await {
                Ok(()) => failing.over(),
                Err(error) => {
                    if let Some(unsaid) = failing.trouble() {
                        tracing::warn!(%error, unsaid, "calls from outside could not be passed on");
                    }
                }
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn pass_on_once(&self) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        let stores = self
            .0
            .db
            .write(move |sql| {
                let mut stores = Vec::new();
                for (provider, key) in rows::waiting(sql)? {
                    let message: Uuid = rows::message(&provider, &key);
                    stores.extend(rows::place(sql, &provider, &key, message, now)?);
                }
                let old = now.as_millis() - i64::try_from(GIVE_UP.as_millis()).unwrap_or(i64::MAX);
                rows::give_up(sql, Timestamp::from_millis(old))?;
                Ok(stores)
            })
            .await?;
        if !stores.is_empty() {
            self.push(stores).await;
        }
        Ok(())
    }
}

/// An answer without words.
fn plain(status: StatusCode) -> Response {
    status.into_response()
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.shops.keys()).finish()
    }
}
