//! Headquarters at the broker: takes batches from `galley/+/up`, and answers on `galley/{store}/down` after the
//! commit.

use super::{BrokerLogin, Hq, IngestError, Proof};
use crate::{
    domain::chain::GENESIS,
    sync::{
        Ack, Batch, GREETING,
        batch::HexHash,
        broker::{BrokerError, Brokers, Connection, Login, Message},
        mqtt::{down_topic, store_of_topic, up_topic},
    },
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Between the beginnings of two attempts to connect.
const ATTEMPT: Duration = Duration::from_secs(1);
/// To be connected and subscribed.
const CONNECT: Duration = Duration::from_secs(5);
/// Batches that wait for their flush before the broker is not read any more.
const PENDING: usize = 256;

/// Serves at the broker until told to stop. A broker that is away is looked for every second.
pub(super) async fn run(
    hq: Hq,
    brokers: Arc<dyn Brokers>,
    login: BrokerLogin,
    shutdown: CancellationToken,
) {
    let login = Login {
        address: login.address,
        client_id: "galley-hq".to_owned(),
        credentials: login.credentials,
        ca: login.ca,
    };
    let mut up = true;
    loop {
        let began = Instant::now();
        let error = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            error = connection(&hq, &*brokers, &login, &mut up) => error,
        };
        if up {
            tracing::warn!(broker = %login.address, error = %error, "no connection to the broker");
            up = false;
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = sleep_until(began + ATTEMPT) => {}
        }
    }
}

async fn connection(hq: &Hq, brokers: &dyn Brokers, login: &Login, up: &mut bool) -> BrokerError {
    let session = match brokers.open(login, &up_topic("+"), CONNECT).await {
        Ok(session) => session,
        Err(e) => return e,
    };
    tracing::info!(broker = %login.address, "listening at the broker");
    *up = true;
    match serve(hq, session).await {
        Ok(never) => match never {},
        Err(e) => e,
    }
}

async fn serve(hq: &Hq, mut session: Box<dyn Connection>) -> Result<Infallible, BrokerError> {
    // What stores sent while nobody listened is lost: they are to look after it now, and not after a time-out.
    let stores: Vec<_> = hq.enrolled().keys().cloned().collect();
    for store_id in stores {
        let greeting = Ack {
            stream: GREETING,
            number: 0,
            seq: 0,
            hash: HexHash(GENESIS),
            rewind: false,
            refused: None,
            store_id,
        };
        session.publish(&down_topic(greeting.store_id.as_str()), greeting.encode())?;
    }
    let mut pending = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(done) = pending.next(), if !pending.is_empty() => match done {
                Ok(ack) => {
                    let ack: Ack = ack;
                    session.publish(&down_topic(ack.store_id.as_str()), ack.encode())?;
                }
                // No acknowledgement: the store sends it again.
                Err(e) => tracing::error!(error = %e, "a batch was not written"),
            },
            message = session.next(), if pending.len() < PENDING => {
                match take(hq, &message?).await {
                    Ok(submitted) => pending.push(submitted.done()),
                    Err(e) => tracing::warn!(error = %e, "a message was not taken in"),
                }
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("no store sends on topic {0:?}")]
    Topic(String),
    #[error(transparent)]
    Wire(#[from] crate::sync::batch::WireError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

async fn take(hq: &Hq, message: &Message) -> Result<super::Submitted, NotTaken> {
    let store =
        store_of_topic(&message.topic).ok_or_else(|| NotTaken::Topic(message.topic.clone()))?;
    let batch = Batch::decode(&message.payload)?;
    Ok(hq.submit(batch, Proof::Topic(&store)).await?)
}
