//! Thousands of stores that are not there: each has a log of its own that follows from a seed, and sends it by the very
//! task and wire of a real store. Nothing of a log is stored but how far it is; it is written anew where it is read.

mod log;
mod shared;

pub use log::{EmulatedLog, Figures, Latency, Mix};
pub use shared::SharedBroker;

use super::{
    Authority, BrokerAddress, Brokers, HttpUplink, MqttUplink, StoreId, SyncConfig, Uplink,
    UplinkHandle, batch::HexHash, uplink_of,
};
use crate::world::{Clock, Http, Secret, SeededEntropy};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// How a fleet is run.
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// How many stores.
    pub stores: usize,
    /// Their ids are this and a number from 0 with five digits.
    pub prefix: String,
    /// What their logs follow from.
    pub seed: u64,
    /// What happens in them.
    pub mix: Mix,
    /// Bytes of a body, about.
    pub body_bytes: usize,
    /// Events a store has in the end.
    pub events: u64,
    /// Events a second and store; all at once when none.
    pub rate: Option<f64>,
    /// Events in a batch before it grows.
    pub batch: usize,
    /// Pack all events before the first store connects: what machines of their own would do, which an emulated fleet's
    /// stores don't have.
    pub ahead: bool,
    /// How often a store tells its state when nothing happens.
    pub heartbeat: Duration,
    /// The token of each store; what it shows is this, a hyphen and its id.
    pub token: String,
    /// The broker, where stores go through one.
    pub broker: Option<BrokerAddress>,
    /// Who vouches for it.
    pub ca: Authority,
    /// Connections that the stores share at the broker; one each when none.
    pub connections: Option<usize>,
    /// Headquarters' address for the straight route.
    pub url: Option<String>,
}

/// The token of a store.
#[must_use]
pub fn token_of(token: &str, store: &StoreId) -> Secret {
    Secret::new(format!("{token}-{store}"))
}

/// A fleet's ids.
///
/// # Errors
/// When the prefix does not fit an id.
pub fn ids(prefix: &str, stores: usize) -> Result<Vec<StoreId>, super::batch::WireError> {
    (0..stores)
        .map(|n| format!("{prefix}{n:05}").parse())
        .collect()
}

/// How far a store is, and what headquarters must therefore have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Whose.
    pub store_id: StoreId,
    /// Its last event.
    pub head: u64,
    /// The last event that headquarters has said to have committed.
    pub acknowledged: u64,
    /// The hash there, by the store's own log.
    pub hash: HexHash,
}

/// A fleet that runs.
pub struct Fleet {
    logs: Vec<Arc<EmulatedLog>>,
    handles: Vec<UplinkHandle>,
    figures: Arc<Figures>,
    began: Instant,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

/// What a fleet has done so far.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Stores.
    pub stores: usize,
    /// Stores whose uplink is up.
    pub online: usize,
    /// Events that happened.
    pub events: u64,
    /// Events that headquarters has acknowledged.
    pub acknowledged: u64,
    /// Events that were sent more than once.
    pub sent_again: u64,
    /// Acknowledgements of what a store does not have: headquarters has another history.
    pub other_history: u64,
    /// Since the fleet began, seconds.
    pub seconds: f64,
    /// From the first to the last acknowledgement of events, per second.
    pub events_per_second: f64,
    /// From packing a batch to headquarters' word that it is committed.
    pub latency: Latency,
    /// When the last of the stores was answered for the first time, seconds since the fleet began; none when some
    /// were not yet.
    pub all_answered_s: Option<f64>,
}

impl Fleet {
    /// Starts the stores' uplinks, on this runtime.
    ///
    /// # Errors
    /// When the prefix does not fit an id, or an event can't be packed.
    pub fn start(
        config: &FleetConfig,
        clock: &Arc<dyn Clock>,
        brokers: &Arc<dyn Brokers>,
        http: &Arc<dyn Http>,
    ) -> Result<Self, super::log::LogError> {
        let figures = Arc::new(Figures::default());
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let ids = ids(&config.prefix, config.stores)?;
        let shared: Vec<SharedBroker> = match (&config.broker, config.connections) {
            (Some(address), Some(n)) => (0..n.max(1))
                .map(|i| {
                    let stores = ids.iter().skip(i).step_by(n.max(1)).cloned().collect();
                    let client = format!("galley-fleet-{}-{i}", config.prefix);
                    SharedBroker::new(
                        Arc::clone(brokers),
                        (address.clone(), config.ca.clone()),
                        client,
                        stores,
                    )
                })
                .collect(),
            _ => Vec::new(),
        };
        let settings = SyncConfig {
            batch: config.batch,
            heartbeat: config.heartbeat,
            ..SyncConfig::default()
        };
        let mut logs = Vec::new();
        for (n, id) in ids.iter().enumerate() {
            let log = EmulatedLog::new(config, id.clone(), n as u64, Arc::clone(&figures));
            if config.ahead {
                log.pack_ahead(config.events, config.batch)?;
            }
            logs.push(Arc::new(log));
        }
        let began = Instant::now();
        let mut handles = Vec::new();
        for (n, (id, log)) in ids.iter().zip(&logs).enumerate() {
            let token = token_of(&config.token, id);
            let mut routes: Vec<Box<dyn Uplink>> = Vec::new();
            match (&config.broker, shared.get(n % shared.len().max(1))) {
                (Some(_), Some(shared)) => routes.push(Box::new(shared.route(id))),
                (Some(address), None) => routes.push(Box::new(MqttUplink::new(
                    Arc::clone(brokers),
                    id,
                    address.clone(),
                    Some(token.clone()),
                    config.ca.clone(),
                ))),
                (None, _) => {}
            }
            if let Some(url) = &config.url {
                routes.push(Box::new(HttpUplink::new(url, token, Arc::clone(http))));
            }
            let entropy = SeededEntropy::new(config.seed ^ (n as u64) << 20);
            let (handle, task) = uplink_of(
                Arc::clone(log) as _,
                id.clone(),
                (Arc::clone(clock), Arc::new(entropy)),
                &settings,
                routes,
            );
            tasks.spawn(task.run(stop.clone()));
            handles.push(handle);
        }
        let fleet = Self {
            logs,
            handles,
            figures,
            began,
            tasks,
            stop,
        };
        if config.rate.is_none() {
            fleet.happen(config.events);
        }
        Ok(fleet)
    }

    /// Lets events happen at a rate until each store has `events`, or the fleet is told to stop.
    pub fn live(&mut self, rate: f64, events: u64) {
        const STEP: Duration = Duration::from_millis(100);
        let (logs, stop) = (self.logs.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let began = Instant::now();
            let mut tick = tokio::time::interval(STEP);
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    _ = tick.tick() => {}
                }
                let due = began.elapsed().as_secs_f64() * rate;
                for (n, log) in logs.iter().enumerate() {
                    // Not all stores at the same moment.
                    let own = due - rate * (n % 10) as f64 / 10.0;
                    log.grow_to((own.max(0.0) as u64).min(events));
                }
                if due - rate >= events as f64 {
                    return;
                }
            }
        });
    }

    /// Each store has this many events now.
    pub fn happen(&self, events: u64) {
        for log in &self.logs {
            log.grow_to(events);
        }
    }

    /// What it has done so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let online = |h: &&UplinkHandle| h.state().borrow().status == super::Status::Online;
        let (acknowledged, span) = self.figures.acknowledged();
        Report {
            stores: self.logs.len(),
            online: self.handles.iter().filter(online).count(),
            events: self.logs.iter().map(|l| l.standing_now().head).sum(),
            acknowledged: self
                .logs
                .iter()
                .map(|l| l.standing_now().acknowledged)
                .sum(),
            sent_again: self.figures.sent_again(),
            other_history: self.figures.other_history(),
            seconds: self.began.elapsed().as_secs_f64(),
            events_per_second: acknowledged as f64 / span.as_secs_f64().max(0.001),
            latency: self.figures.latency(),
            all_answered_s: self.figures.all_answered(self.logs.len(), self.began),
        }
    }

    /// How far each store is.
    #[must_use]
    pub fn heads(&self) -> Vec<Head> {
        self.logs.iter().map(|l| l.standing_now()).collect()
    }

    /// Waits until headquarters has acknowledged this many events of each store.
    pub async fn drained_to(&self, events: u64) {
        for handle in &self.handles {
            let mut acknowledged = handle.acknowledged();
            // The task outlives this wait: it ends by `stop` only.
            let _ = acknowledged.wait_for(|seq| *seq >= events).await;
        }
    }

    /// Waits until every store was answered.
    pub async fn answered(&self) {
        self.figures.answered(self.logs.len()).await;
    }

    /// Ends the stores.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
