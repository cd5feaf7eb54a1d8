//! The route through a broker: MQTT 5, QoS 1, batches up on `galley/{store}/up`, acknowledgements down on
//! `galley/{store}/down`.
//!
//! The broker's own acknowledgement (PUBACK) moves nothing: it only says that the broker has the message. At the
//! broker a store is the user with its id and its token for a password, and may use no other topics (Mosquitto:
//! `pattern write galley/%u/up`, `pattern read galley/%u/down`).

use super::{
    Ack, Batch, Limits, StoreId, Uplink, UplinkError,
    broker::{Authority, BrokerAddress, BrokerError, Brokers, Connection, Login},
};
use crate::world::Secret;
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// Batches under way: at 50 ms round trip some 30,000 events a second.
const IN_FLIGHT: usize = 16;
/// For the next acknowledgement: at 32 kbit/s a batch takes some 5 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// To be connected and subscribed.
const CONNECT: Duration = Duration::from_secs(5);

/// The topic a store sends on.
#[must_use]
pub fn up_topic(store: &str) -> String {
    format!("galley/{store}/up")
}

/// The topic headquarters answers on.
#[must_use]
pub fn down_topic(store: &str) -> String {
    format!("galley/{store}/down")
}

/// The store of an up topic.
#[must_use]
pub fn store_of_topic(topic: &str) -> Option<StoreId> {
    topic
        .strip_prefix("galley/")?
        .strip_suffix("/up")?
        .parse()
        .ok()
}

/// The route through a broker.
pub struct MqttUplink {
    brokers: Arc<dyn Brokers>,
    login: Login,
    up: String,
    down: String,
    session: Option<Box<dyn Connection>>,
}

impl MqttUplink {
    /// A route for this store through the broker at `address`.
    #[must_use]
    pub fn new(
        brokers: Arc<dyn Brokers>,
        store: &StoreId,
        address: BrokerAddress,
        token: Option<Secret>,
        ca: Authority,
    ) -> Self {
        Self {
            brokers,
            login: Login {
                address,
                client_id: format!("galley-{store}"),
                credentials: token.map(|t| (store.to_string(), t)),
                ca,
            },
            up: up_topic(store.as_str()),
            down: down_topic(store.as_str()),
            session: None,
        }
    }
}

impl From<BrokerError> for UplinkError {
    fn from(e: BrokerError) -> Self {
        match e {
            BrokerError::Unreachable(_) => Self::Unreachable(e.to_string()),
            BrokerError::Refused(_) => Self::Refused {
                reason: e.to_string(),
                retry_after: None,
            },
        }
    }
}

#[async_trait]
impl Uplink for MqttUplink {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn limits(&self) -> Limits {
        Limits {
            in_flight: IN_FLIGHT,
            growth: 1,
            patience: PATIENCE,
            lossy: true,
        }
    }

    async fn connect(&mut self) -> Result<(), UplinkError> {
        self.session = None;
        let opening = self.brokers.open(&self.login, &self.down, CONNECT);
        self.session = Some(opening.await?);
        Ok(())
    }

    async fn send(&mut self, batch: &Batch) -> Result<(), UplinkError> {
        let bytes = batch.encode().map_err(|e| UplinkError::Refused {
            reason: e.to_string(),
            retry_after: None,
        })?;
        match &self.session {
            Some(session) => Ok(session.publish(&self.up, bytes)?),
            None => Err(UplinkError::Unreachable("not connected".to_owned())),
        }
    }

    async fn answer(&mut self) -> Result<Ack, UplinkError> {
        let Some(session) = &mut self.session else {
            return Err(UplinkError::Unreachable("not connected".to_owned()));
        };
        loop {
            let message = session.next().await?;
            if message.topic != self.down {
                continue;
            }
            match Ack::decode(&message.payload) {
                Ok(ack) => return Ok(ack),
                // Someone else's words on our topic; what they were meant to acknowledge runs into its deadline.
                Err(e) => tracing::warn!(error = %e, "an acknowledgement that is none"),
            }
        }
    }

    async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}
