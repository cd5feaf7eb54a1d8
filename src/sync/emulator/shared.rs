//! One connection to the broker that many emulated stores share: 20,000 stores need no 20,000 connections.

use crate::sync::{
    Ack, Authority, BrokerAddress, Brokers, Limits, Message, StoreId, Uplink, UplinkError,
    broker::{Connection, Login},
    mqtt::{down_topic, up_topic},
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

const CONNECT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(15);
const IN_FLIGHT: usize = 16;
/// Of all stores on a connection together.
const UNDER_WAY: u16 = 1_000;

/// The connection. Clones share it.
#[derive(Clone)]
pub struct SharedBroker(Arc<Inner>);

struct Inner {
    brokers: Arc<dyn Brokers>,
    login: Login,
    filters: Vec<String>,
    /// The live connection: where to hand messages to. One store at a time may open it.
    line: tokio::sync::Mutex<Option<Line>>,
    inboxes: Mutex<BTreeMap<StoreId, mpsc::Sender<Ack>>>,
}

struct Line {
    out: mpsc::UnboundedSender<(String, Vec<u8>)>,
    task: JoinHandle<()>,
}

impl SharedBroker {
    /// A connection for these stores; opened when the first of them needs it.
    #[must_use]
    pub fn new(
        brokers: Arc<dyn Brokers>,
        (address, ca): (BrokerAddress, Authority),
        client_id: String,
        stores: Vec<StoreId>,
    ) -> Self {
        Self(Arc::new(Inner {
            brokers,
            login: Login {
                address,
                client_id,
                credentials: None,
                ca,
                will: None,
                under_way: UNDER_WAY,
            },
            filters: stores.iter().map(|s| down_topic(s.as_str())).collect(),
            line: tokio::sync::Mutex::new(None),
            inboxes: Mutex::default(),
        }))
    }

    /// The route of one store over it.
    #[must_use]
    pub fn route(&self, store: &StoreId) -> SharedUplink {
        SharedUplink {
            broker: self.clone(),
            store: store.clone(),
            up: up_topic(store.as_str()),
            steered: None,
            out: None,
            inbox: None,
        }
    }

    async fn open(&self) -> Result<mpsc::UnboundedSender<(String, Vec<u8>)>, UplinkError> {
        let mut line = self.0.line.lock().await;
        if let Some(line) = line.as_ref().filter(|l| !l.task.is_finished()) {
            return Ok(line.out.clone());
        }
        let session = self
            .0
            .brokers
            .open(&self.0.login, &self.0.filters, CONNECT)
            .await?;
        let (out, messages) = mpsc::unbounded_channel();
        let (ready, began) = oneshot::channel();
        let task = tokio::spawn(carry(Arc::clone(&self.0), session, messages, ready));
        // The task has begun, or it has ended.
        let _ = began.await;
        *line = Some(Line {
            out: out.clone(),
            task,
        });
        Ok(out)
    }
}

/// Carries messages both ways until the connection breaks.
async fn carry(
    inner: Arc<Inner>,
    mut session: Box<dyn Connection>,
    mut messages: mpsc::UnboundedReceiver<(String, Vec<u8>)>,
    ready: oneshot::Sender<()>,
) {
    let _ = ready.send(());
    loop {
        tokio::select! {
            biased;
            message = session.next() => {
                let Ok(message) = message else { break };
                let Ok(ack) = Ack::decode(&message.payload) else { continue };
                let inboxes = inner.inboxes.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(inbox) = inboxes.get(&ack.store_id) {
                    // A store that does not read finds out by its patience.
                    let _ = inbox.try_send(ack);
                }
            }
            Some((topic, bytes)) = messages.recv() => {
                if session.publish(&topic, bytes).is_err() {
                    break;
                }
            }
        }
    }
    // All stores on it notice by their closed inboxes.
    inner
        .inboxes
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
}

/// A store's route over a shared connection.
pub struct SharedUplink {
    broker: SharedBroker,
    store: StoreId,
    up: String,
    steered: Option<String>,
    out: Option<mpsc::UnboundedSender<(String, Vec<u8>)>>,
    inbox: Option<mpsc::Receiver<Ack>>,
}

fn gone() -> UplinkError {
    UplinkError::Unreachable("the shared connection is gone".to_owned())
}

#[async_trait]
impl Uplink for SharedUplink {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn limits(&self) -> Limits {
        Limits {
            in_flight: IN_FLIGHT,
            beside: 1,
            growth: 10,
            patience: PATIENCE,
            lossy: true,
        }
    }

    async fn connect(&mut self) -> Result<(), UplinkError> {
        self.steered = None;
        self.out = Some(self.broker.open().await?);
        let (tx, rx) = mpsc::channel(64);
        self.broker
            .0
            .inboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(self.store.clone(), tx);
        self.inbox = Some(rx);
        Ok(())
    }

    fn steer(&mut self, headquarters: Option<&str>) {
        self.steered = headquarters.map(|hq| format!("{}/{hq}", self.up));
    }

    async fn send(&mut self, message: Message) -> Result<(), UplinkError> {
        let topic = self.steered.as_ref().unwrap_or(&self.up).clone();
        self.out
            .as_ref()
            .ok_or_else(gone)?
            .send((topic, message.bytes))
            .map_err(|_| gone())
    }

    async fn answer(&mut self) -> Result<Ack, UplinkError> {
        self.inbox
            .as_mut()
            .ok_or_else(gone)?
            .recv()
            .await
            .ok_or_else(gone)
    }

    async fn close(&mut self) {
        self.out = None;
        self.inbox = None;
        self.broker
            .0
            .inboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.store);
    }
}
