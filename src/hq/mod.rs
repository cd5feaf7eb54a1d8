//! Headquarters: takes the stores' events in, keeps them, and shows the stores on one page.
//!
//! What comes in is in [`ingest`] (pure) and [`fleet`] (its rows); [`api`] and [`mqtt`] are the doors. A store is
//! told "committed" only after the flush.

mod api;
mod db;
pub mod fleet;
pub mod ingest;
mod metrics;
mod mqtt;
mod page;
mod problem;
mod totals;

#[cfg(test)]
mod tests;

pub use db::Db;
pub use fleet::{StoreDetails, StoreRow};

use crate::{
    store::{StoreError, Threads},
    sync::{Ack, Authority, Batch, BrokerAddress, Brokers, Mqtt, StoreId},
    world::{Clock, Secret},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, sync::broadcast};
use tokio_util::sync::CancellationToken;

/// Changes that a slow reader of the live stream may be behind before it is told everything anew.
const CHANGES: usize = 1024;

/// How headquarters is run.
#[derive(Clone, Debug)]
pub struct HqConfig {
    /// The database file.
    pub database: PathBuf,
    /// Name of the SQLite file layer (VFS); the system's when none.
    pub vfs: Option<String>,
    /// Whether the writer has a thread of its own, or runs inline (the simulator).
    pub threads: Threads,
    /// The stores that may send. Their tokens are the whole truth: a store that is taken out is shut out.
    pub stores: Vec<Enrolment>,
    /// Take in any store; the first token that a store shows becomes its own. For the demo only.
    pub accept_unknown: bool,
    /// The broker to listen at, beside HTTP.
    pub broker: Option<BrokerLogin>,
    /// Who wants to see the page must show this token; none leaves it open to whoever reaches it.
    pub viewer_token: Option<Secret>,
    /// A store that is not heard of for so long counts as offline (three of its own heartbeats where that is
    /// longer).
    pub offline_after: Duration,
}

impl HqConfig {
    /// No stores yet, no broker, an open page, 45 s until a silent store counts as offline.
    #[must_use]
    pub fn at(database: impl Into<PathBuf>) -> Self {
        Self {
            database: database.into(),
            vfs: None,
            threads: Threads::Own,
            stores: Vec::new(),
            accept_unknown: false,
            broker: None,
            viewer_token: None,
            offline_after: Duration::from_secs(45),
        }
    }
}

/// A store that may send, and how it proves itself. Read from text it is `ID=TOKEN`.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Its id.
    pub store_id: StoreId,
    /// Its name, until it tells its own.
    pub name: Option<String>,
    /// Its token.
    pub token: Secret,
}

impl FromStr for Enrolment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The text is never repeated in the error: it holds a token.
        let (id, token) = text.split_once('=').ok_or("a store is given as ID=TOKEN")?;
        if token.len() < 8 {
            return Err("a store's token has at least 8 characters".to_owned());
        }
        Ok(Self {
            store_id: id.parse().map_err(|e| format!("{e}"))?,
            name: None,
            token: Secret::new(token),
        })
    }
}

/// Where the broker is, and who headquarters is there.
#[derive(Clone, Debug)]
pub struct BrokerLogin {
    /// Its address.
    pub address: BrokerAddress,
    /// Name and password.
    pub credentials: Option<(String, Secret)>,
    /// Who vouches for it.
    pub ca: Authority,
}

/// Headquarters. Clones share it.
#[derive(Clone)]
pub struct Hq(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    config: HqConfig,
    /// Stores that may send, with the hash of their token where they have one.
    enrolled: Mutex<BTreeMap<StoreId, Option<[u8; 32]>>>,
    changes: broadcast::Sender<String>,
    metrics: metrics::Metrics,
    stopping: CancellationToken,
}

/// Why a batch is not taken in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IngestError {
    /// No store has this token.
    #[error("no store is known by this token")]
    Unauthorised,
    /// The token, or the topic, is another store's.
    #[error("this is the token of another store")]
    OtherStore,
    /// The database failed; nothing was taken in.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a sender proves who it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof<'a> {
    /// By its token.
    Token(&'a str),
    /// By the topic, which the broker gives to nobody else.
    Topic(&'a StoreId),
}

/// A batch that is in the writer's queue.
pub(super) struct Submitted {
    hq: Hq,
    store: StoreId,
    pending: db::Pending<fleet::Recorded>,
}

impl Submitted {
    /// Waits for the flush.
    pub(super) async fn done(self) -> Result<Ack, IngestError> {
        let recorded = self.pending.done().await?;
        self.hq.0.metrics.recorded(&recorded);
        // Nobody looks at the page when this fails.
        let _ = self.hq.0.changes.send(self.store.to_string());
        Ok(recorded.ack)
    }
}

impl Hq {
    /// Opens the database and enrols the configured stores.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open(config: HqConfig, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let db = Db::open(crate::store::Options {
            path: config.database.clone(),
            vfs: config.vfs.clone(),
            threads: config.threads,
            synchronous: crate::store::Synchronous::Full,
        })?;
        let (stores, now) = (config.stores.clone(), clock.now());
        db.write(move |tx| {
            for s in &stores {
                let name = s.name.as_deref().unwrap_or(s.store_id.as_str());
                fleet::enrol(tx, &s.store_id, name, Some(hash(s.token.reveal())), now)?;
            }
            Ok(())
        })
        .await?;
        let mut enrolled: BTreeMap<StoreId, Option<[u8; 32]>> = config
            .stores
            .iter()
            .map(|s| (s.store_id.clone(), Some(hash(s.token.reveal()))))
            .collect();
        if config.accept_unknown {
            for (store, token) in db.read(fleet::tokens).await? {
                if let Ok(store) = store.parse() {
                    enrolled.entry(store).or_insert(token);
                }
            }
        }
        let (changes, _) = broadcast::channel(CHANGES);
        Ok(Self(Arc::new(Inner {
            db,
            clock,
            config,
            enrolled: Mutex::new(enrolled),
            changes,
            metrics: metrics::Metrics::new(),
            stopping: CancellationToken::new(),
        })))
    }

    /// The doors: ingest, the page and its data. For [`axum::serve`], or for calls within the process.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// Serves on `listener`, and at the broker where one is configured, until told to stop.
    ///
    /// # Errors
    /// When serving fails.
    pub async fn run(
        &self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> std::io::Result<()> {
        let stopping = self.0.stopping.clone();
        let broker = self.0.config.broker.clone().map(|login| {
            tokio::spawn(
                self.clone()
                    .run_broker(Arc::new(Mqtt), login, shutdown.clone()),
            )
        });
        let result = axum::serve(listener, self.router())
            .with_graceful_shutdown(async move {
                shutdown.cancelled().await;
                // Live streams would keep their connections open for ever.
                stopping.cancel();
            })
            .await;
        self.0.stopping.cancel();
        if let Some(task) = broker {
            task.abort();
            // Either it had ended by itself or it has now.
            let _ = task.await;
        }
        result
    }

    /// Listens at a broker until told to stop; [`Hq::run`] does so by itself for the configured one.
    pub async fn run_broker(
        self,
        brokers: Arc<dyn Brokers>,
        login: BrokerLogin,
        shutdown: CancellationToken,
    ) {
        mqtt::run(self, brokers, login, shutdown).await;
    }

    /// All stores as the page shows them, by id.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn stores(&self) -> Result<Vec<StoreRow>, StoreError> {
        let (now, after) = (self.0.clock.now(), self.0.config.offline_after);
        self.0.db.read(move |db| fleet::rows(db, now, after)).await
    }

    /// All that is known of one store.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn store(&self, store: &str) -> Result<Option<StoreDetails>, StoreError> {
        let (now, after, store) = (
            self.0.clock.now(),
            self.0.config.offline_after,
            store.to_owned(),
        );
        self.0
            .db
            .read(move |db| fleet::details(db, &store, now, after))
            .await
    }

    /// Its database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Whether any store has this token, so that a stranger's message need not be unpacked.
    pub(super) fn knows_token(&self, token: &str) -> bool {
        let token = hash(token);
        self.0.config.accept_unknown || self.enrolled().values().any(|t| *t == Some(token))
    }

    /// Puts a batch in the writer's queue; batches are written in this order.
    pub(super) async fn submit(
        &self,
        batch: Batch,
        proof: Proof<'_>,
    ) -> Result<Submitted, IngestError> {
        self.admit(&batch.store_id, proof).await?;
        let now = self.0.clock.now();
        let store = batch.store_id.clone();
        let pending = self
            .0
            .db
            .submit(move |db| fleet::record(db, &batch, now))
            .await?;
        Ok(Submitted {
            hq: self.clone(),
            store,
            pending,
        })
    }

    async fn admit(&self, store: &StoreId, proof: Proof<'_>) -> Result<(), IngestError> {
        let shown = match proof {
            Proof::Token(token) => Some(hash(token)),
            Proof::Topic(topic) if topic == store => None,
            Proof::Topic(_) => return Err(IngestError::OtherStore),
        };
        let known = self.enrolled().get(store).copied();
        match (known, shown) {
            // By topic; or by the right token.
            (Some(_), None) => return Ok(()),
            (Some(Some(token)), Some(shown)) if token == shown => return Ok(()),
            (Some(Some(_)), Some(_)) => return Err(IngestError::OtherStore),
            (Some(None) | None, _) if !self.0.config.accept_unknown => {
                return Err(IngestError::Unauthorised);
            }
            (Some(None) | None, _) => {}
        }
        let (id, now) = (store.clone(), self.0.clock.now());
        self.0
            .db
            .write(move |db| fleet::enrol(db, &id, id.as_str(), shown, now))
            .await?;
        self.enrolled().insert(store.clone(), shown);
        tracing::info!(store.id = %store, "a new store");
        Ok(())
    }

    fn enrolled(&self) -> std::sync::MutexGuard<'_, BTreeMap<StoreId, Option<[u8; 32]>>> {
        self.0
            .enrolled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tokens are kept and compared as hashes only.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
