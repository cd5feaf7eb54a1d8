//! The fiscal drivers as a service of their own: a queue and a journal for each printer behind HTTP, for tills that are
//! not Galley, and for `galley run` where the printer hangs at another box.
//!
//! A till asks for a document under a key of its own choosing. The same key with the same body gives the stored result
//! for ever, after any crash of anybody; with another body it is refused. See `docs/fiscal-gateway.md`.

mod auth;
pub mod client;
mod config;
mod device;
mod dropin;
mod http;
mod journal;
mod metrics;
mod problem;
mod queue;
mod task;
#[cfg(test)]
mod tests;

pub use auth::Role;
pub use config::{GatewayConfig, GatewayFaults};
pub use device::{DeviceSettings, DeviceState, Link};
use futures_util::{FutureExt as _, future::BoxFuture};
pub use journal::{JournalError, Options as JournalOptions};
use problem::Problem;

use crate::world::{Secret, World};
use auth::Tokens;
use axum::Router;
use device::Device;
use dropin::Zone;
use galley_fiscal::PrinterFactory;
use jiff::tz::TimeZone;
use journal::Journal;
use queue::Worker;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast,
    task::JoinSet,
    time::{Instant, interval, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Changes that a waiting request may miss before it reads the journal anew.
const CHANGES: usize = 1024;
/// How long attempts under way are waited for at a stop. What is cut off is found out at the next start.
const STOPPING: Duration = Duration::from_secs(10);
/// How often what is too old is forgotten.
const TIDY: Duration = Duration::from_secs(3600);

/// Everything a gateway is made of.
pub struct Parts {
    /// The machine.
    pub world: World,
    /// The journal's file.
    pub journal: JournalOptions,
    /// The printers; the first is asked when a till names none.
    pub printers: Vec<(DeviceSettings, Arc<dyn PrinterFactory>)>,
    /// Who may come in.
    pub tokens: Vec<(Secret, Role, String)>,
    /// How long decided documents are remembered.
    pub keep: Duration,
    /// Whether the vendor's web requests are taken without a token, as the vendor's server takes them.
    pub vendor_without_token: bool,
    /// Pages, by their origin, that may send the vendor's web requests from a browser.
    pub vendor_origins: Vec<String>,
    /// In which zone the printers' clocks go; the vendor's answers name it.
    pub zone: TimeZone,
}

/// A gateway. Clones are the same one.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    world: World,
    journal: Journal,
    /// In the order of the configuration.
    order: Vec<String>,
    devices: BTreeMap<String, Arc<Device>>,
    tokens: Tokens,
    changes: broadcast::Sender<i64>,
    vendor_without_token: bool,
    vendor_origins: Vec<String>,
    zone: Zone,
    closing: CancellationToken,
}

/// A running gateway.
pub struct Service {
    /// Its doors.
    pub gateway: Gateway,
    shutdown: CancellationToken,
    workers: JoinSet<()>,
    tidy: JoinSet<()>,
}

impl Service {
    /// Opens the journal, takes up what was left undone, and looks after the printers.
    ///
    /// # Errors
    /// When the journal can't be opened.
    pub fn start(parts: Parts) -> BoxFuture<'static, Result<Self, JournalError>> {
        // In a box: so it is compiled here, and not once more in every program that calls it.
        Self::build(parts).boxed()
    }

    async fn build(parts: Parts) -> Result<Self, JournalError> {
        let journal = Journal::open(parts.journal)?;
        let doubted = journal.doubt_sent().await?;
        if doubted > 0 {
            tracing::warn!(
                documents = doubted,
                "attempts were cut by the last stop; finding out what became of them"
            );
        }
        let (changes, _) = broadcast::channel(CHANGES);
        let shutdown = CancellationToken::new();
        let (mut workers, mut tidy) = (JoinSet::new(), JoinSet::new());
        let zone = Zone(parts.zone);
        let (mut order, mut devices) = (Vec::new(), BTreeMap::new());
        for (settings, factory) in parts.printers {
            let id = settings.id.clone();
            let (device, asks) = Device::new(
                settings,
                factory,
                journal.clone(),
                parts.world.clone(),
                changes.clone(),
            );
            workers.spawn(Worker::new(device.clone(), zone.clone(), asks).run(shutdown.clone()));
            order.push(id.clone());
            devices.insert(id, device);
        }
        tidy.spawn(forget(journal.clone(), parts.world.clone(), parts.keep));
        let gateway = Gateway(Arc::new(Inner {
            world: parts.world,
            journal,
            order,
            devices,
            tokens: Tokens::new(parts.tokens),
            changes,
            vendor_without_token: parts.vendor_without_token,
            vendor_origins: parts.vendor_origins,
            zone: zone.clone(),
            closing: shutdown.clone(),
        }));
        Ok(Self {
            gateway,
            shutdown,
            workers,
            tidy,
        })
    }

    /// Ends when the gateway stops.
    #[must_use]
    pub fn closing(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Ends when a worker has died of a bug: the process must be started anew.
    pub async fn broken(&mut self) -> String {
        match self.workers.join_next().await {
            Some(Err(error)) => error.to_string(),
            _ => std::future::pending().await,
        }
    }

    /// Stops in order: attempts under way are brought to their end, for a while.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        self.tidy.shutdown().await;
        let until = Instant::now() + STOPPING;
        while let Ok(Some(_)) = timeout_at(until, self.workers.join_next()).await {}
        self.workers.shutdown().await;
    }

    /// Stops as a power cut does: nothing is finished.
    pub async fn kill(mut self) {
        self.workers.shutdown().await;
        self.tidy.shutdown().await;
        self.shutdown.cancel();
    }
}

impl Gateway {
    /// Its doors on the network.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Its door for technicians on the box itself.
    pub fn local_router(&self) -> Router {
        self.router().layer(axum::Extension(auth::Local))
    }

    /// Whether the journal can be written; for the watchdog.
    ///
    /// # Errors
    /// When it can't.
    pub async fn ping(&self) -> Result<(), JournalError> {
        self.0.journal.ping().await
    }

    /// A printer by its id; the first, when none is named and there is one only.
    fn device(&self, id: Option<&str>) -> Result<&Arc<Device>, Problem> {
        match id {
            Some(id) => self
                .0
                .devices
                .get(id)
                .ok_or_else(|| Problem::not_found(format!("there is no printer {id:?}"))),
            None if self.0.devices.len() == 1 => self
                .0
                .devices
                .values()
                .next()
                .ok_or_else(|| Problem::not_found("there is no printer")),
            None => Err(Problem::invalid(format!(
                "device: there are several printers, name one: {}",
                self.0.order.join(", ")
            ))),
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.0.order.iter().filter_map(|id| self.0.devices.get(id))
    }

    fn journal(&self) -> &Journal {
        &self.0.journal
    }

    fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    fn now(&self) -> i64 {
        self.0.world.clock.now().as_millis()
    }
}

async fn forget(journal: Journal, world: World, keep: Duration) {
    let mut every = interval(TIDY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let before = world.clock.now().as_millis().saturating_sub(keep);
        match journal.prune(before).await {
            Ok(0) => {}
            Ok(documents) => tracing::info!(documents, "old documents were forgotten"),
            Err(error) => tracing::error!(%error, "old documents can't be forgotten"),
        }
    }
}
