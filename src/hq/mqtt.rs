//! Headquarters at the broker: takes batches from `galley/+/up`, and answers on `galley/{store}/down` after the
//! commit.
//!
//! Several headquarters share `galley/+/up`; the one that answers a store first has it send the rest to itself. The two are
//! read over connections of their own: when 20,000 stores come at once, those that were let in are not kept waiting by
//! those at the door. One that goes tells the others on `galley/hq/{name}/gone`, by its will when it was killed, and they greet its stores.

use super::{BrokerLogin, Hq, IngestError, Proof, Taken, down::Sending, seldom::Seldom};
use crate::{
    domain::chain::GENESIS,
    store::StoreError,
    sync::{
        Ack, Batch, DayRoot, GREETING, StoreId,
        batch::HexHash,
        broker::{BrokerError, Brokers, Connection, Login, Message},
        down::{Signed, message_topic},
        mqtt::{down_topic, store_of_topic, up_topic, up_topic_of},
    },
};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Between the beginnings of two attempts to connect.
const ATTEMPT: Duration = Duration::from_secs(1);
/// To be connected and subscribed.
const CONNECT: Duration = Duration::from_secs(5);
/// Batches that wait for their commit before the broker is not read any more.
const PENDING: usize = 256;
/// Messages on their way to the broker: answers to thousands of stores.
const UNDER_WAY: u16 = 1_000;
/// Messages of stores that were let in before one of a store at the door has its turn.
const IN_TURN: u32 = 8;
/// Days that are compared at the same time.
const COMPARING: usize = 4;

/// A database that is away refuses every batch.
static UNWRITTEN: Seldom = Seldom::new();
static UNREAD: Seldom = Seldom::new();

fn gone_topic(instance: &str) -> String {
    format!("galley/hq/{instance}/gone")
}

/// Who went, from the topic of that.
fn gone(topic: &str) -> Option<&str> {
    topic.strip_prefix("galley/hq/")?.strip_suffix("/gone")
}

/// Serves at the broker until told to stop. A broker that is away is looked for every second.
pub(super) async fn run(
    hq: Hq,
    brokers: Arc<dyn Brokers>,
    login: BrokerLogin,
    shutdown: CancellationToken,
) {
    let login = Login {
        address: login.address,
        client_id: format!("galley-hq-{}", hq.0.config.instance),
        credentials: login.credentials,
        ca: login.ca,
        will: Some((
            gone_topic(&hq.0.config.instance),
            hq.0.config.instance.clone().into_bytes(),
        )),
        under_way: UNDER_WAY,
    };
    let mut up = true;
    loop {
        let began = Instant::now();
        let Some(error) = connection(&hq, &*brokers, &login, &mut up, &shutdown).await else {
            return;
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

async fn connection(
    hq: &Hq,
    brokers: &dyn Brokers,
    login: &Login,
    up: &mut bool,
    shutdown: &CancellationToken,
) -> Option<BrokerError> {
    let opened = tokio::select! {
        biased;
        () = shutdown.cancelled() => return None,
        opened = Lines::open(brokers, login, &hq.0.config.instance) => opened,
    };
    let lines = match opened {
        Ok(lines) => lines,
        Err(e) => return Some(e),
    };
    tracing::info!(broker = %login.address, "listening at the broker");
    *up = true;
    let mut desk = Desk {
        hq,
        lines,
        pending: FuturesUnordered::new(),
        comparing: FuturesUnordered::new(),
        unwritten: BTreeSet::new(),
    };
    let served = tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        served = desk.serve() => Some(served),
    };
    match served {
        Some(Ok(never)) => match never {},
        Some(Err(e)) => Some(e),
        None => {
            // A goodbye is no loss: the will is not told, so we tell it.
            let name = hq.0.config.instance.clone();
            let _ = desk
                .lines
                .inside
                .publish(&gone_topic(&name), name.into_bytes());
            desk.lines.door.close().await;
            desk.lines.inside.close().await;
            None
        }
    }
}

/// The connections at the broker.
struct Lines {
    /// Stores that were let in, and the other headquarters; all answers go out here.
    inside: Box<dyn Connection>,
    /// Stores that begin, shared with the other headquarters.
    door: Box<dyn Connection>,
    /// Messages from inside since the last one from the door.
    in_turn: u32,
}

impl Lines {
    async fn open(
        brokers: &dyn Brokers,
        login: &Login,
        instance: &str,
    ) -> Result<Self, BrokerError> {
        let filters = [up_topic_of("+", instance), gone_topic("+")];
        let inside = brokers.open(login, &filters, CONNECT).await?;
        let login = Login {
            client_id: format!("{}-door", login.client_id),
            will: None,
            ..login.clone()
        };
        let filters = [format!("$share/galley-hq/{}", up_topic("+"))];
        Ok(Self {
            inside,
            door: brokers.open(&login, &filters, CONNECT).await?,
            in_turn: 0,
        })
    }

    /// The next message. Who was let in goes first, and nobody stands at the door for ever.
    async fn next(&mut self) -> Result<Message, BrokerError> {
        let (first, second) = match self.in_turn < IN_TURN {
            true => (&mut self.inside, &mut self.door),
            false => (&mut self.door, &mut self.inside),
        };
        let (message, of_first) = tokio::select! {
            biased;
            message = first.next() => (message, true),
            message = second.next() => (message, false),
        };
        let from_door = of_first == (self.in_turn >= IN_TURN);
        self.in_turn = if from_door {
            0
        } else {
            self.in_turn.saturating_add(1)
        };
        message
    }
}

/// One connection at work.
struct Desk<'a> {
    hq: &'a Hq,
    lines: Lines,
    pending: FuturesUnordered<BoxFuture<'static, (StoreId, Result<Taken, IngestError>)>>,
    comparing: FuturesUnordered<BoxFuture<'static, (StoreId, Result<DayRoot, StoreError>)>>,
    /// Stores whose batches were not written because the database failed: they are greeted when it is back, and need
    /// not wait for their patience to end.
    unwritten: BTreeSet<StoreId>,
}

impl Desk<'_> {
    async fn serve(&mut self) -> Result<Infallible, BrokerError> {
        // What stores sent while nobody listened is lost: they are to look after it now, and not after a time-out.
        self.greet_all().await?;
        let mut pushes = self.hq.0.pushes.subscribe();
        let mut look = Instant::now();
        loop {
            tokio::select! {
                biased;
                Some((store, done)) = self.pending.next(), if !self.pending.is_empty() => {
                    if !self.unwritten.is_empty() && done.is_ok() {
                        self.greet_unwritten()?;
                    }
                    self.answer(store, done)?;
                }
                Some((store, compared)) = self.comparing.next(), if !self.comparing.is_empty() => {
                    match compared {
                        Ok(root) => self.say(Ack { root: Some(root), ..greeting(store) })?,
                        Err(e) => tracing::error!(error = %e, "a day was not compared"),
                    }
                }
                () = sleep_until(look), if !self.unwritten.is_empty() => {
                    look = Instant::now() + ATTEMPT;
                    let alive = self.hq.db().write(|sql| sql.row("SELECT 1", &[], |_| Ok(()))).await;
                    if alive.is_ok() {
                        self.greet_unwritten()?;
                    }
                }
                pushed = pushes.recv() => if let Ok(store) = pushed {
                    tell(self.hq, &*self.lines.inside, &store).await?;
                },
                message = self.lines.next(), if self.pending.len() < PENDING => {
                    let message = message?;
                    if let Some(name) = gone(&message.topic) {
                        if name != self.hq.0.config.instance {
                            tracing::warn!(name, "another headquarters is gone; its stores are greeted");
                            self.greet_all().await?;
                        }
                        continue;
                    }
                    match take(self.hq, &message).await {
                        Ok((submitted, alive)) => {
                            let store = submitted.store().clone();
                            self.pending.push(submitted.done().map(|done| (store, done)).boxed());
                            if let Some(store) = alive {
                                tell(self.hq, &*self.lines.inside, store.as_str()).await?;
                            }
                        }
                        Err(e) => {
                            tracing::warn!(error = %e, "a message was not taken in");
                            if let NotTaken::Ingest(IngestError::Store(_)) = e {
                                self.unwritten.extend(store_of_topic(&message.topic));
                            }
                            refuse(self.hq, &*self.lines.inside, &message, &e).await?;
                        }
                    }
                }
            }
        }
    }

    fn answer(
        &mut self,
        store: StoreId,
        done: Result<Taken, IngestError>,
    ) -> Result<(), BrokerError> {
        match done {
            Ok(taken) => {
                UNWRITTEN.over();
                if let Some(theirs) = taken.root
                    && self.comparing.len() < COMPARING
                {
                    let (hq, id) = (self.hq.clone(), store);
                    self.comparing.push(
                        async move {
                            let compared = hq.compare_day(&id, theirs).await;
                            (id, compared)
                        }
                        .boxed(),
                    );
                }
                self.say(Ack {
                    via: Some(self.hq.0.config.instance.clone()),
                    ..taken.ack
                })
            }
            Err(e) => {
                // No acknowledgement: the store sends it again.
                if let Some(unsaid) = UNWRITTEN.trouble() {
                    tracing::error!(error = %e, unsaid, "batches are not written; the stores send them again");
                }
                self.unwritten.insert(store);
                Ok(())
            }
        }
    }

    fn say(&self, ack: Ack) -> Result<(), BrokerError> {
        self.lines
            .inside
            .publish(&down_topic(ack.store_id.as_str()), ack.encode())
    }

    async fn greet_all(&mut self) -> Result<(), BrokerError> {
        let mut stores: BTreeSet<StoreId> = self.hq.enrolled().keys().cloned().collect();
        if let Ok(boxes) = self.hq.boxes().await {
            stores.extend(boxes.stores());
        }
        stores.into_iter().try_for_each(|s| self.say(greeting(s)))
    }

    fn greet_unwritten(&mut self) -> Result<(), BrokerError> {
        for store in std::mem::take(&mut self.unwritten) {
            self.say(greeting(store))?;
        }
        Ok(())
    }
}

fn greeting(store_id: StoreId) -> Ack {
    Ack {
        stream: GREETING,
        number: 0,
        seq: 0,
        hash: HexHash(GENESIS),
        rewind: false,
        refused: None,
        window: None,
        via: None,
        root: None,
        store_id,
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

/// Takes a batch; with it the store, when it was a sign of life.
async fn take(hq: &Hq, message: &Message) -> Result<(super::Submitted, Option<StoreId>), NotTaken> {
    let store =
        store_of_topic(&message.topic).ok_or_else(|| NotTaken::Topic(message.topic.clone()))?;
    let batch = Batch::decode(&message.payload)?;
    let alive = batch.summary.is_some();
    let submitted = hq.submit(batch, Proof::Topic(&store)).await?;
    Ok((submitted, alive.then_some(store)))
}

/// Sends what waits for a store. What can't be had now waits for the next sign of life.
async fn tell(hq: &Hq, session: &dyn Connection, store: &str) -> Result<(), BrokerError> {
    let Ok(id) = store.parse::<StoreId>() else {
        return Ok(());
    };
    match hq.messages_for(&id, Sending::Pushed).await {
        Ok(messages) => publish(session, store, &messages),
        Err(error) => {
            if let Some(unsaid) = UNREAD.trouble() {
                tracing::error!(%error, unsaid, "what waits for a store can't be read");
            }
            Ok(())
        }
    }
}

/// A box that was replaced is told so.
async fn refuse(
    hq: &Hq,
    session: &dyn Connection,
    message: &Message,
    e: &NotTaken,
) -> Result<(), BrokerError> {
    if let (NotTaken::Ingest(IngestError::Fenced(by)), Some(store)) =
        (e, store_of_topic(&message.topic))
        && let Ok(fences) = hq.fence_for(&store, *by).await
    {
        publish(session, store.as_str(), &fences)?;
    }
    Ok(())
}

fn publish(session: &dyn Connection, store: &str, messages: &[Signed]) -> Result<(), BrokerError> {
    for message in messages {
        match message.encode() {
            Ok(bytes) => session.publish(&message_topic(store), bytes)?,
            Err(error) => tracing::error!(%error, "a message can't be packed"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::collections::VecDeque;

    /// A connection on which these messages wait.
    struct Waiting(VecDeque<&'static str>);

    fn waiting(topic: &'static str, messages: usize) -> Box<dyn Connection> {
        Box::new(Waiting(std::iter::repeat_n(topic, messages).collect()))
    }

    #[async_trait]
    impl Connection for Waiting {
        fn publish(&self, _: &str, _: Vec<u8>) -> Result<(), BrokerError> {
            Ok(())
        }

        async fn next(&mut self) -> Result<Message, BrokerError> {
            match self.0.pop_front() {
                Some(topic) => Ok(Message {
                    topic: topic.to_owned(),
                    payload: bytes::Bytes::new(),
                }),
                None => std::future::pending().await,
            }
        }

        async fn close(self: Box<Self>) {}
    }

    #[tokio::test]
    async fn who_was_let_in_goes_first_and_nobody_stands_at_the_door_for_ever() {
        let mut lines = Lines {
            inside: waiting("inside", 20),
            door: waiting("door", 5),
            in_turn: 0,
        };
        let mut came = String::new();
        for _ in 0..25 {
            let topic = lines.next().await.unwrap().topic;
            came.push(if topic == "door" { 'D' } else { '.' });
        }
        assert_eq!(came, "........D........D....DDD");
    }
}
