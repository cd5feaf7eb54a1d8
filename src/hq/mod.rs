//! Headquarters: takes the stores' events in, keeps them, and shows the stores on one page.
//!
//! What comes in is in [`ingest`] (pure) and [`fleet`] (its rows); [`api`] and [`mqtt`] are the doors. A store is
//! told "committed" only after the flush.

mod admin;
mod api;
mod aside;
mod boxes;
mod db;
mod down;
mod extract;
pub mod fleet;
pub mod ingest;
mod intake;
mod keep;
mod keys;
mod metrics;
mod mqtt;
pub mod notify;
mod page;
pub mod people;
mod problem;
mod projections;
mod record;
pub mod relay;
mod relive;
mod roots;
mod seldom;
pub mod verify;
mod view;

#[cfg(test)]
pub(super) mod tests;

pub use admin::Admin;
pub use aside::{Aside, Settling};
pub use db::{Db, Place};
pub use fleet::{StoreDetails, StoreRow};
pub use keep::LEAST_MONTHS;
pub use keys::Chance;

use crate::{
    store::{self, StoreError, Threads, vault::Key},
    sync::{Ack, Authority, Batch, BrokerAddress, Brokers, DayRoot, Mqtt, StoreId},
    world::{Clock, Entropy, Secret, SystemEntropy},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::broadcast};
use tokio_util::sync::CancellationToken;

/// Changes that a slow reader of the live stream may be behind before it is told everything anew.
const CHANGES: usize = 1024;

/// What a polite goodbye at the broker may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// How headquarters is run.
#[derive(Clone, Debug)]
pub struct HqConfig {
    /// The database.
    pub database: Place,
    /// The stores that may send. Their tokens are the whole truth: a store that is taken out is shut out.
    pub stores: Vec<Enrolment>,
    /// Take in any store; the first token that a store shows becomes its own. For the demo only.
    pub accept_unknown: bool,
    /// The broker to listen at, beside HTTP.
    pub broker: Option<BrokerLogin>,
    /// What the signing keys are sealed with. Without it nothing can be sent to stores, and none enrolled with a code.
    pub key: Option<Key>,
    /// Chance, for keys, codes and ids.
    pub chance: Chance,
    /// The broker that boxes are told to use when they are enrolled.
    pub stores_broker: Option<String>,
    /// Who wants to see the page must show this token; none leaves it open to whoever reaches it.
    pub viewer_token: Option<Secret>,
    /// Its name among several headquarters on one broker and database: 1 to 64 of `a–z A–Z 0–9 - _ .`.
    pub instance: String,
    /// Whole months that events are kept; for ever when none.
    pub keep_months: Option<u32>,
    /// A store that is not heard of for so long counts as offline (three of its own heartbeats where that is
    /// longer).
    pub offline_after: Duration,
    /// How people come in.
    pub people: people::PeopleConfig,
    /// Outside services that call.
    pub relay: Option<Arc<relay::Relay>>,
}

impl HqConfig {
    /// An SQLite file; no stores yet, no broker, an open page, 45 s until a silent store counts as offline.
    #[must_use]
    pub fn at(file: impl Into<PathBuf>) -> Self {
        Self::on(Place::Sqlite(store::Options {
            path: file.into(),
            vfs: None,
            threads: Threads::Own,
            synchronous: store::Synchronous::Full,
        }))
    }

    /// The same on any database.
    #[must_use]
    pub fn on(database: Place) -> Self {
        Self {
            database,
            stores: Vec::new(),
            accept_unknown: false,
            broker: None,
            key: None,
            chance: Chance(Arc::new(SystemEntropy)),
            stores_broker: None,
            viewer_token: None,
            instance: "hq".to_owned(),
            keep_months: None,
            offline_after: Duration::from_secs(45),
            people: people::PeopleConfig::default(),
            relay: None,
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
    /// For sessions and keys.
    entropy: Arc<dyn Entropy>,
    config: HqConfig,
    /// Stores that may send, with the hash of their token where they have one.
    enrolled: Mutex<BTreeMap<StoreId, Option<[u8; 32]>>>,
    intake: intake::Intake,
    changes: broadcast::Sender<String>,
    /// Stores that changed here, until the other headquarters are told.
    changed_here: Mutex<std::collections::BTreeSet<String>>,
    /// Stores that something new waits for.
    pushes: broadcast::Sender<String>,
    boxes: tokio::sync::Mutex<boxes::Cache>,
    /// Wrong codes, and since when they are counted.
    guesses: tokio::sync::Mutex<(u32, tokio::time::Instant)>,
    metrics: metrics::Metrics,
    fleet: view::fleet::Cache,
    /// Something changed since the fleet was read.
    changed: AtomicBool,
    guards: people::Guards,
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
    /// A person has barred it.
    #[error("this store is barred; headquarters can let it in again")]
    Barred,
    /// Another box has its place.
    #[error(
        "another box has taken this store over (generation {0}); this one must sell nothing any more"
    )]
    Fenced(u64),
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
    pending: intake::Pending,
    since: tokio::time::Instant,
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Taken {
    /// The word to the store.
    pub(super) ack: Ack,
    /// The store's day that can be compared now.
    pub(super) root: Option<DayRoot>,
}

impl Submitted {
    /// Whose it is.
    pub(super) fn store(&self) -> &StoreId {
        &self.store
    }

    /// Waits for the commit.
    pub(super) async fn done(self) -> Result<Taken, IngestError> {
        let recorded = self.pending.done().await?;
        self.hq.0.metrics.recorded(&recorded, self.since.elapsed());
        self.hq.touched();
        // Nobody looks at the page when this fails.
        let _ = self.hq.0.changes.send(self.store.to_string());
        self.hq.note_change(self.store.as_str());
        Ok(Taken {
            ack: recorded.ack,
            root: recorded.root,
        })
    }
}

impl Hq {
    /// Opens the database and enrols the configured stores.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn open(
        config: HqConfig,
        clock: Arc<dyn Clock>,
    ) -> BoxFuture<'static, Result<Self, StoreError>> {
        // In a box: so it is compiled here, and not once more in every program that calls it.
        Self::build(config, clock).boxed()
    }

    async fn build(config: HqConfig, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let db = Db::open(config.database.clone()).await?;
        let (stores, now) = (config.stores.clone(), clock.now());
        db.write(move |tx| {
            // Another headquarters takes in what these stores send and holds their rows: those that are as they should be
            // are left alone, or the two would wait for each other in a ring.
            let known = fleet::names(tx)?;
            for s in &stores {
                let name = s.name.as_deref().unwrap_or(s.store_id.as_str());
                let entry = (name.to_owned(), Some(hash(s.token.reveal())));
                if known.get(s.store_id.as_str()) != Some(&entry) {
                    fleet::enrol(tx, &s.store_id, name, entry.1, now)?;
                }
            }
            Ok(())
        })
        .await?;
        db.write(projections::renew).await?;
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
        keep::make_ahead(&db, now).await?;
        let (changes, _) = broadcast::channel(CHANGES);
        let hq = Self(Arc::new(Inner {
            intake: intake::Intake::new(db.clone()),
            changed_here: Mutex::default(),
            db,
            clock,
            entropy: Arc::clone(&config.chance.0),
            config,
            enrolled: Mutex::new(enrolled),
            changes,
            pushes: broadcast::channel(CHANGES).0,
            boxes: tokio::sync::Mutex::default(),
            guesses: tokio::sync::Mutex::new((0, tokio::time::Instant::now())),
            metrics: metrics::Metrics::new(),
            fleet: view::fleet::Cache::default(),
            changed: AtomicBool::new(true),
            guards: people::Guards::default(),
            stopping: CancellationToken::new(),
        }));
        if hq.0.config.key.is_some() {
            // Whoever has another key than the others learns it now, not when a store is to be told something.
            hq.signing_keys().await?;
        }
        Ok(hq)
    }

    /// The doors: ingest, the page and its data. For [`axum::serve`], or for calls within the process.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// Serves on `listener`, and at the broker where one is configured, until told to stop.
    ///
    /// # Errors
    /// When serving fails.
    pub fn run(
        &self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> BoxFuture<'_, std::io::Result<()>> {
        // In a box: so it is compiled here, and not once more in every program that calls it.
        self.serve(listener, shutdown).boxed()
    }

    async fn serve(
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
        let keeping = tokio::spawn(keep::run(
            self.clone(),
            self.0.config.keep_months,
            shutdown.clone(),
        ));
        tokio::spawn(keep::clear(self.0.db.clone(), shutdown.clone()));
        relive::start(self, &shutdown);
        if self.0.config.relay.is_some() {
            tokio::spawn(self.clone().pass_on(shutdown.clone()));
        }
        let service = self
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            shutdown.cancelled().await;
            // Live streams would keep their connections open for ever.
            stopping.cancel();
        });
        let result = tokio::select! {
            biased;
            result = serving.into_future() => result,
            // Better started anew by whoever watches over it than up and deaf.
            () = self.0.db.ended() => Err(std::io::Error::other(
                "nothing can be written to the database any more: a bug, its words are in the log",
            )),
        };
        self.0.stopping.cancel();
        keeping.abort();
        if let Some(mut task) = broker {
            // It says goodbye, so that the stores turn to another headquarters at once.
            if tokio::time::timeout(GOODBYE, &mut task).await.is_err() {
                task.abort();
            }
        }
        result
    }

    /// Walks every store's log as it is stored, and compares it with what the stores say.
    ///
    /// # Errors
    /// When the database can't be opened or read.
    pub fn verify<'a>(
        place: Place,
        only: Option<&'a str>,
        claims: Option<&'a [verify::Claim]>,
        running: bool,
    ) -> BoxFuture<'a, Result<verify::Verdict, StoreError>> {
        async move {
            let db = Db::open(place).await?;
            verify::verify(&db, only, claims, running).await
        }
        .boxed()
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

    /// What is shown may have changed.
    fn touched(&self) {
        self.0.changed.store(true, Ordering::Release);
    }

    /// A new id, sortable by time (UUID v7).
    fn new_id(&self) -> uuid::Uuid {
        let at = u64::try_from(self.0.clock.now().as_millis()).unwrap_or(0);
        let mut random = [0; 10];
        random.copy_from_slice(&self.0.entropy.next_u128().to_be_bytes()[..10]);
        uuid::Builder::from_unix_timestamp_millis(at, &random).into_uuid()
    }

    /// Its database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Whether any store has this token, so that a stranger's message need not be unpacked.
    pub(super) async fn knows_token(&self, token: &str) -> Result<bool, StoreError> {
        let shown = hash(token);
        let configured =
            self.0.config.accept_unknown || self.enrolled().values().any(|t| *t == Some(shown));
        Ok(configured || self.is_box_token(token).await?)
    }

    /// Whether this is the token that the configuration has for a store.
    fn knows_configured(&self, store: &StoreId, token: &[u8; 32]) -> bool {
        self.enrolled().get(store) == Some(&Some(*token))
    }

    /// Puts a batch in the writer's queue; batches are written in this order.
    pub(super) async fn submit(
        &self,
        batch: Batch,
        proof: Proof<'_>,
    ) -> Result<Submitted, IngestError> {
        self.admit(&batch.store_id, batch.generation, proof).await?;
        let now = self.0.clock.now();
        let store = batch.store_id.clone();
        let pending = self.0.intake.submit(batch, now);
        Ok(Submitted {
            hq: self.clone(),
            store,
            pending,
            since: tokio::time::Instant::now(),
        })
    }

    /// Compares a day of a store; what headquarters comes out at.
    pub(super) async fn compare_day(
        &self,
        store: &StoreId,
        theirs: DayRoot,
    ) -> Result<DayRoot, StoreError> {
        roots::answer(&self.0.db, store, theirs, self.0.clock.now()).await
    }

    async fn admit(
        &self,
        store: &StoreId,
        generation: u64,
        proof: Proof<'_>,
    ) -> Result<(), IngestError> {
        let shown = match proof {
            Proof::Token(token) => Some(hash(token)),
            Proof::Topic(topic) if topic == store => None,
            Proof::Topic(_) => return Err(IngestError::OtherStore),
        };
        if self.admit_box(store, shown, generation).await?.is_some() {
            return Ok(());
        }
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

    fn note_change(&self, store: &str) {
        if matches!(self.0.config.database, Place::Postgres(_)) {
            self.changed_here().insert(store.to_owned());
        }
    }

    fn changed_here(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeSet<String>> {
        self.0
            .changed_here
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
