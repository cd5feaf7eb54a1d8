//! One connection to an MQTT 5 broker, for a store or for headquarters.
//!
//! Every connection is a new client with a clean session: what was under way is sent again from the log, so the
//! broker's memory, and the client's, are never relied on.
//!
//! The route and headquarters know a broker by [`Brokers`] and [`Connection`] only; [`Mqtt`] is the real one.

use super::{batch::MOST_BYTES, config::is_this_machine};
use crate::world::Secret;
use async_trait::async_trait;
use bytes::Bytes;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, Packet,
    Publish, PublishOptions, QoS, SubscribeFilterInput, SubscribeReasonCode, Transport,
};
use std::{fmt, path::Path, str::FromStr, sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle};

/// The broker hears from us at least this often, and notices within 1.5 times that we are gone. Our side
/// notices a dead broker within the same time.
const KEEP_ALIVE_S: u16 = 10;
/// Messages that came in and were not taken yet; then the connection is not read any more.
const INBOX: usize = 64;
/// What a polite goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Where a broker is: `mqtts://host:8883`, or `mqtt://host:1883` on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Its name or number.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the way is encrypted.
    pub tls: bool,
}

impl FromStr for BrokerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no address such as mqtts://broker.example:8883 (mqtt only for this machine)"
            )
        };
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("mqtts") => true,
            Some("mqtt") => false,
            _ => return Err(wrong()),
        };
        let host = uri
            .host()
            .filter(|h| !h.is_empty() && (tls || is_this_machine(h)))
            .ok_or_else(wrong)?;
        let nothing_more = uri.query().is_none()
            && matches!(uri.path(), "" | "/")
            && !uri.authority().is_some_and(|a| a.as_str().contains('@'));
        if !nothing_more {
            return Err(wrong());
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 8883 } else { 1883 }),
            tls,
        })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// Who connects where.
#[derive(Clone, Debug)]
pub struct Login {
    /// Where the broker is.
    pub address: BrokerAddress,
    /// A second connection with the same id ends the first one.
    pub client_id: String,
    /// Name and password at the broker.
    pub credentials: Option<(String, Secret)>,
    /// Who vouches for the broker, where the way is encrypted.
    pub ca: Authority,
    /// What the broker tells others when this connection is lost: topic and words.
    pub will: Option<(String, Vec<u8>)>,
    /// Messages that may be on their way to the broker at a time. The client keeps a place for each: with as many as
    /// MQTT has numbers it is 16 MB a connection.
    pub under_way: u16,
}

/// Who vouches for a broker: certificates in PEM, or those that the system trusts.
#[derive(Clone, Debug, Default)]
pub struct Authority(Option<Arc<[u8]>>);

impl Authority {
    /// Reads a file of certificates; without one: whom the system trusts.
    ///
    /// # Errors
    /// When the file can't be read or holds no certificate; in words.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else {
            return Ok(Self::default());
        };
        let pem = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let mark = b"-----BEGIN CERTIFICATE-----";
        if !pem.windows(mark.len()).any(|w| w == mark) {
            return Err(format!("{}: no certificate in PEM", file.display()));
        }
        Ok(Self(Some(pem.into())))
    }
}

/// No connection, or it broke.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// There is no way, or the connection broke.
    #[error("broker: {0}")]
    Unreachable(String),
    /// The broker does not let us in; trying again at once would not help.
    #[error("the broker refuses us: {0}")]
    Refused(String),
}

impl BrokerError {
    fn broken(e: impl fmt::Display) -> Self {
        Self::Unreachable(e.to_string())
    }
}

/// A message that came in.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where it was sent to.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
}

/// The way to brokers.
#[async_trait]
pub trait Brokers: Send + Sync {
    /// Connects with a clean session and subscribes to `filters`, at least once.
    ///
    /// # Errors
    /// When there is no way within `patience`, or the broker does not let us in.
    async fn open(
        &self,
        login: &Login,
        filters: &[String],
        patience: Duration,
    ) -> Result<Box<dyn Connection>, BrokerError>;
}

/// A live connection, subscribed. Dropping it cuts it.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Queues a message for sending, at least once, not retained.
    ///
    /// # Errors
    /// When the connection is gone.
    fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), BrokerError>;

    /// The next message; waits for ever when none comes. May be dropped and called again without losing one.
    ///
    /// # Errors
    /// When the connection broke.
    async fn next(&mut self) -> Result<Message, BrokerError>;

    /// Says goodbye, so that the broker need not wait for us.
    async fn close(self: Box<Self>);
}

/// Real brokers: MQTT 5 over TCP or TLS.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mqtt;

struct Session {
    client: AsyncClient,
    inbox: mpsc::Receiver<Result<Message, BrokerError>>,
    driver: JoinHandle<()>,
}

#[async_trait]
impl Brokers for Mqtt {
    async fn open(
        &self,
        login: &Login,
        filters: &[String],
        patience: Duration,
    ) -> Result<Box<dyn Connection>, BrokerError> {
        let mut options = MqttOptions::new(
            login.client_id.clone(),
            (login.address.host.clone(), login.address.port),
        );
        options
            .set_keep_alive(KEEP_ALIVE_S)
            .set_clean_start(true)
            .set_outgoing_inflight_upper_limit(login.under_way)
            .set_connect_timeout(patience)
            .set_max_packet_size(u32::try_from(MOST_BYTES).ok());
        // An answer is not kept back until the one before it was acknowledged: that is 40 ms each time.
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        if let Some((user, password)) = &login.credentials {
            options.set_credentials(user.clone(), Bytes::from(password.reveal().to_owned()));
        }
        if login.address.tls {
            options.set_transport(match &login.ca.0 {
                Some(pem) => Transport::tls(pem.to_vec(), None, None),
                None => Transport::try_tls_with_default_config().map_err(BrokerError::broken)?,
            });
        }
        if let Some((topic, words)) = &login.will {
            options.set_last_will(LastWill::new(
                topic.clone(),
                words.clone(),
                QoS::AtLeastOnce,
                false,
                None,
            ));
        }
        // Unbounded: what is under way is bounded by who sends, and a sender that waits here while the driver
        // waits for it to read would be a deadlock.
        let (client, mut events) = AsyncClient::builder(options)
            .unbounded()
            .try_build()
            .map_err(BrokerError::broken)?;
        client
            .try_subscribe_many(
                filters
                    .iter()
                    .map(|f| SubscribeFilterInput::new(f.as_str(), QoS::AtLeastOnce)),
            )
            .map_err(BrokerError::broken)?;
        tokio::time::timeout(patience, subscribed(&mut events))
            .await
            .map_err(|_| BrokerError::broken(format!("nothing within {patience:?}")))??;
        let (tx, inbox) = mpsc::channel(INBOX);
        Ok(Box::new(Session {
            client,
            inbox,
            driver: tokio::spawn(drive(events, tx)),
        }))
    }
}

#[async_trait]
impl Connection for Session {
    fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), BrokerError> {
        self.client
            .try_publish(topic, payload, PublishOptions::at_least_once())
            .map_err(BrokerError::broken)
    }

    async fn next(&mut self) -> Result<Message, BrokerError> {
        match self.inbox.recv().await {
            Some(message) => message,
            None => Err(BrokerError::broken("the connection is closed")),
        }
    }

    async fn close(mut self: Box<Self>) {
        self.inbox.close();
        if self.client.try_disconnect().is_ok() {
            // Only courtesy: the connection ends in either case.
            let _ = tokio::time::timeout(GOODBYE, &mut self.driver).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn subscribed(events: &mut EventLoop) -> Result<(), BrokerError> {
    loop {
        if let Event::Incoming(Packet::SubAck(ack)) = events.poll().await.map_err(describe)? {
            let refused = ack
                .return_codes
                .iter()
                .find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
            return match refused {
                None => Ok(()),
                Some(code) => Err(BrokerError::Refused(format!("no subscription: {code:?}"))),
            };
        }
    }
}

/// Keeps the connection going; a task of its own, so that nobody's waiting cuts a packet in half.
async fn drive(mut events: EventLoop, inbox: mpsc::Sender<Result<Message, BrokerError>>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let message = message(publish);
                // A closed inbox means a goodbye is under way: go on until it is said.
                let _ = inbox.send(Ok(message)).await;
            }
            Ok(Event::Incoming(Packet::Disconnect(goodbye))) => {
                let why = format!("the broker closed: {:?}", goodbye.reason_code);
                let _ = inbox.send(Err(BrokerError::broken(why))).await;
                return;
            }
            Ok(_) => {}
            Err(e) => {
                let _ = inbox.send(Err(describe(e))).await;
                return;
            }
        }
    }
}

fn message(publish: Publish) -> Message {
    Message {
        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
        payload: publish.payload,
    }
}

fn describe(e: ConnectionError) -> BrokerError {
    use rumqttc::ConnectReturnCode as Code;
    match e {
        ConnectionError::ConnectionRefused(
            code @ (Code::BadUserNamePassword
            | Code::NotAuthorized
            | Code::Banned
            | Code::BadAuthenticationMethod
            | Code::ClientIdentifierNotValid),
        ) => BrokerError::Refused(format!("{code:?}")),
        other => BrokerError::broken(other),
    }
}
