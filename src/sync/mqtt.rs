//! The route through a broker: MQTT 5, QoS 1, batches up on `galley/{store}/up`, acknowledgements down on
//! `galley/{store}/down`.
//!
//! The broker's own acknowledgement (PUBACK) moves nothing: it only says that the broker has the message. At the
//! broker a store is the user with its id and its token for a password, and may use no other topics (Mosquitto:
//! `pattern write galley/%u/up/#`, `pattern read galley/%u/down/#`, which is
//! `galley/%u/down` too).
//!
//! Several headquarters share what comes on `galley/{store}/up`, so the broker may give every batch to another one.
//! The one that answers the first says who it is, and the rest goes to `galley/{store}/up/{headquarters}`: a store's
//! batches stay in order. When that one is gone, another greets the stores, and they begin anew.

use super::{
    Ack, Limits, Message, StoreId, Uplink, UplinkError,
    broker::{Authority, BrokerAddress, BrokerError, Brokers, Connection, Login},
    down::{Inbox, Incoming, message_topic},
};
use crate::world::Secret;
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// Batches under way: with the largest batches that are grown, 300,000 events a second at 50 ms round trip. Not
/// more than Mosquitto hands out without waiting (20).
const IN_FLIGHT: usize = 16;
/// Messages on their way to the broker: the batches, and what goes beside them.
const UNDER_WAY: u16 = 32;
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

/// The topic on which one of several headquarters alone listens to a store.
#[must_use]
pub fn up_topic_of(store: &str, headquarters: &str) -> String {
    format!("galley/{store}/up/{headquarters}")
}

/// The store of an up topic.
#[must_use]
pub fn store_of_topic(topic: &str) -> Option<StoreId> {
    let mut levels = topic.split('/');
    let (galley, store, up) = (levels.next()?, levels.next()?, levels.next()?);
    let one_more = levels.next().is_none_or(|hq| !hq.is_empty()) && levels.next().is_none();
    if galley == "galley" && up == "up" && one_more {
        store.parse().ok()
    } else {
        None
    }
}

/// The route through a broker.
pub struct MqttUplink {
    brokers: Arc<dyn Brokers>,
    login: Login,
    up: String,
    /// Where the rest of a session goes.
    steered: Option<String>,
    down: String,
    /// Below `down`: what headquarters tells the store.
    message: String,
    inbox: Option<Inbox>,
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
                will: None,
                under_way: UNDER_WAY,
            },
            steered: None,
            up: up_topic(store.as_str()),
            down: down_topic(store.as_str()),
            message: message_topic(store.as_str()),
            inbox: None,
            session: None,
        }
    }

    /// Brings what headquarters tells the store, too.
    #[must_use]
    pub fn bringing(mut self, inbox: Option<Inbox>) -> Self {
        self.inbox = inbox;
        self
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
            beside: 1,
            growth: 10,
            patience: PATIENCE,
            lossy: true,
        }
    }

    async fn connect(&mut self) -> Result<(), UplinkError> {
        self.session = None;
        self.steered = None;
        // The level itself and all below it.
        let filters = [format!("{}/#", self.down)];
        let opening = self.brokers.open(&self.login, &filters, CONNECT);
        self.session = Some(opening.await?);
        Ok(())
    }

    fn steer(&mut self, headquarters: Option<&str>) {
        self.steered = headquarters
            .filter(|hq| hq.parse::<StoreId>().is_ok())
            .map(|hq| format!("{}/{hq}", self.up));
    }

    async fn send(&mut self, message: Message) -> Result<(), UplinkError> {
        match &self.session {
            Some(session) => {
                let topic = self.steered.as_ref().unwrap_or(&self.up);
                Ok(session.publish(topic, message.bytes)?)
            }
            None => Err(UplinkError::Unreachable("not connected".to_owned())),
        }
    }

    async fn answer(&mut self) -> Result<Ack, UplinkError> {
        let Some(session) = &mut self.session else {
            return Err(UplinkError::Unreachable("not connected".to_owned()));
        };
        loop {
            let message = session.next().await?;
            if message.topic == self.message
                && let Some(inbox) = &self.inbox
            {
                inbox.put(Incoming::Message(message.payload));
                continue;
            }
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
