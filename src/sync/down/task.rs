//! Takes what headquarters says: proves it, has it carried out, and lets the log answer.

use super::{BUNDLE_PATH, DOWN_PATH, KeyError, KeyRing, PublicKey, Signed, new_token, token_hash};
use crate::{
    domain::{
        remote::{Answer, Command, Envelope},
        time::Timestamp,
    },
    flow::{
        FlowError, Site,
        keep::back_up,
        remote::{self, Keys, Taken},
    },
    store::{StoreError, backup::Plan},
    world::{Http, HttpError, Secret},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use http::{Request, header};
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages that came in and were not looked at yet; more are left to come again.
const INBOX: usize = 64;
/// Patience with headquarters when it is asked for messages.
const FETCH: Duration = Duration::from_secs(20);
/// Headquarters is asked at most this often.
const ASK: Duration = Duration::from_secs(2);
/// Patience with a bundle on its way up: at 256 kbit/s some 9 MB.
const UPLOAD: Duration = Duration::from_mins(5);
/// The log tells of messages that nobody trusted had signed at most this often.
const FORGED_EVERY: Duration = Duration::from_hours(1);
/// A new token is waited for until headquarters has it; then it is taken at the next start.
const TOKEN_WAIT: Duration = Duration::from_mins(10);

/// What a route brings.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A message, as it travels.
    Message(Bytes),
    /// A message that came with an answer.
    Signed(Box<Signed>),
    /// Headquarters says that something waits.
    Waiting,
}

/// Where routes put what they bring. Clones share it.
#[derive(Clone, Debug)]
pub struct Inbox(mpsc::Sender<Incoming>);

impl Inbox {
    /// Puts it there; what finds no room comes again.
    pub fn put(&self, incoming: Incoming) {
        if self.0.try_send(incoming).is_err() {
            tracing::debug!("a message of headquarters found no room; it comes again");
        }
    }
}

/// Gathers a support bundle, without anything that must not leave the box.
#[async_trait]
pub trait Bundler: Send + Sync {
    /// The archive's bytes.
    ///
    /// # Errors
    /// Why there is none, in words.
    async fn gather(&self) -> Result<Vec<u8>, String>;
}

/// Keeps a token for the next start.
pub trait TokenKeeper: Send + Sync {
    /// Keeps `token` beside the one in force; a start takes it once headquarters has the event that tells its hash.
    ///
    /// # Errors
    /// Why it can't, in words.
    fn stage(&self, token: &Secret) -> Result<(), String>;
}

/// What the task works with.
pub struct Wiring {
    /// The generation of this box.
    pub generation: u64,
    /// Headquarters' keys from the enrolment.
    pub keys: Vec<PublicKey>,
    /// Headquarters' address, and the store's token, where there is a straight way.
    pub straight: Option<(String, Secret)>,
    /// How backups are made.
    pub plan: Option<Plan>,
    /// Who gathers support bundles.
    pub bundler: Option<Arc<dyn Bundler>>,
    /// Who keeps a new token.
    pub keeper: Option<Arc<dyn TokenKeeper>>,
    /// Cancelled when the daemon is to start anew.
    pub restart: CancellationToken,
}

/// The task; to be run until it is told to stop.
pub struct DownTask {
    site: Arc<Site>,
    wiring: Wiring,
    http: Arc<dyn Http>,
    acknowledged: Option<watch::Receiver<u64>>,
    inbox: mpsc::Receiver<Incoming>,
    /// Errands under way: a message that comes again meanwhile is not done twice.
    under_way: Mutex<BTreeSet<Uuid>>,
    forged_at: Mutex<Option<Timestamp>>,
}

/// The end that routes put messages into, and the task that takes them out.
#[must_use]
pub fn down(site: &Arc<Site>, wiring: Wiring) -> (Inbox, DownTask) {
    let (tx, inbox) = mpsc::channel(INBOX);
    let task = DownTask {
        http: Arc::clone(&site.world.http),
        site: Arc::clone(site),
        wiring,
        acknowledged: None,
        inbox,
        under_way: Mutex::default(),
        forged_at: Mutex::default(),
    };
    (Inbox(tx), task)
}

type Errand<'a> = BoxFuture<'a, ()>;

impl DownTask {
    /// Lets it wait for headquarters to have an event.
    #[must_use]
    pub fn after(mut self, acknowledged: watch::Receiver<u64>) -> Self {
        self.acknowledged = Some(acknowledged);
        self
    }

    /// Runs until told to stop. An errand that is under way then is done again when its message comes again.
    pub async fn run(mut self, shutdown: CancellationToken) {
        if let Err(error) = remote::lift_fence(&self.site, self.wiring.generation).await {
            tracing::error!(%error, "whether this box was replaced can't be read");
        }
        let (_, empty) = mpsc::channel(1);
        let mut inbox = std::mem::replace(&mut self.inbox, empty);
        let this = &self;
        let mut asked: Option<Instant> = None;
        let mut errands: FuturesUnordered<Errand<'_>> = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(()) = errands.next(), if !errands.is_empty() => {}
                incoming = inbox.recv() => match incoming {
                    Some(Incoming::Message(bytes)) => {
                        errands.extend(this.take_bytes(&bytes).await);
                    }
                    Some(Incoming::Signed(message)) => errands.extend(this.take(&message).await),
                    // Every answer says so while a backlog drains.
                    Some(Incoming::Waiting) if asked.is_some_and(|at| at.elapsed() < ASK) => {}
                    Some(Incoming::Waiting) => {
                        asked = Some(Instant::now());
                        // A headquarters that does not answer must not hold a stop up.
                        let messages = tokio::select! {
                            biased;
                            () = shutdown.cancelled() => return,
                            messages = this.fetch() => messages,
                        };
                        for message in messages {
                            errands.extend(this.take(&message).await);
                        }
                    }
                    None => return,
                }
            }
        }
    }

    async fn take_bytes(&self, bytes: &[u8]) -> Option<Errand<'_>> {
        match Signed::decode(bytes) {
            Ok(message) => self.take(&message).await,
            Err(e) => {
                self.distrust(&e).await;
                None
            }
        }
    }

    /// Takes a message; what is left to do of it.
    async fn take(&self, message: &Signed) -> Option<Errand<'_>> {
        let envelope = match self.ring().await.map(|ring| ring.open(message)) {
            Ok(Ok(envelope)) => Arc::new(envelope),
            Ok(Err(e)) => {
                self.distrust(&e).await;
                return None;
            }
            Err(error) => {
                tracing::error!(%error, "headquarters' keys can't be read");
                return None;
            }
        };
        if self.errands().contains(&envelope.id) {
            return None;
        }
        match remote::receive(&self.site, self.wiring.generation, Arc::clone(&envelope)).await {
            Ok(Taken::Errand(command)) => {
                self.errands().insert(envelope.id);
                Some(self.errand(envelope, command).boxed())
            }
            Ok(Taken::Refused(reason)) => {
                tracing::warn!(message.id = %envelope.id, reason, "a message of headquarters is not taken");
                None
            }
            Ok(Taken::Fenced(by)) => {
                tracing::error!(generation = by, "another box has taken this store over");
                None
            }
            Ok(Taken::Done) => {
                tracing::info!(message.id = %envelope.id, by = envelope.by, "a message of headquarters is done");
                None
            }
            Ok(Taken::Again) => None,
            Err(error) => {
                tracing::error!(%error, "a message of headquarters can't be written; it comes again");
                None
            }
        }
    }

    fn errands(&self) -> std::sync::MutexGuard<'_, BTreeSet<Uuid>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of the enrolment, and those that were announced since.
    async fn ring(&self) -> Result<KeyRing, StoreError> {
        let later = self.site.store.read(Keys::of).await?;
        let mut ring = KeyRing::of(self.wiring.keys.iter().copied());
        for key in later.trusted.iter().filter_map(|k| k.parse().ok()) {
            ring.add(key);
        }
        for id in &later.retired {
            ring.retire(id);
        }
        Ok(ring)
    }

    /// Tells the log of a message that is nobody's, but not of each.
    async fn distrust(&self, why: &KeyError) {
        let now = self.site.world.clock.now();
        {
            let mut last = self
                .forged_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|at| now.since(at) < FORGED_EVERY) {
                return;
            }
            *last = Some(now);
        }
        tracing::warn!(error = %why, "a message is not headquarters'");
        if let Err(error) = remote::note_forged(&self.site, why.to_string()).await {
            tracing::error!(%error, "that a message was refused can't be written");
        }
    }

    /// Asks headquarters for what waits.
    async fn fetch(&self) -> Vec<Signed> {
        #[derive(Deserialize)]
        struct Waiting {
            messages: Vec<Signed>,
        }
        let Some((url, token)) = &self.wiring.straight else {
            return Vec::new();
        };
        let request = Request::get(format!("{}{DOWN_PATH}", url.trim_end_matches('/')))
            .header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
            .body(Bytes::new());
        let Ok(request) = request else {
            return Vec::new();
        };
        // What fails is asked for again with the next sign of life.
        match self.http.send(request, FETCH).await {
            Ok(answer) if answer.status().is_success() => {
                serde_json::from_slice::<Waiting>(answer.body()).map_or_else(
                    |error| {
                        tracing::warn!(%error, "headquarters' messages can't be read");
                        Vec::new()
                    },
                    |w| w.messages,
                )
            }
            Ok(answer) => {
                tracing::warn!(status = %answer.status(), "headquarters gives no messages");
                Vec::new()
            }
            Err(error) => {
                tracing::debug!(%error, "headquarters' messages can't be had");
                Vec::new()
            }
        }
    }

    async fn errand(&self, envelope: Arc<Envelope>, command: Command) {
        let id = envelope.id;
        let outcome = match &command {
            Command::BackUp {} => self.back_up().await,
            Command::SupportBundle {} => self.bundle(id).await,
            Command::Reload {} => Ok(Answer::said("the daemon starts anew")),
            Command::RotateToken {} => self.new_token(),
            _ => Err("it is no errand".to_owned()),
        };
        let done = outcome.is_ok();
        let restart = done && matches!(command, Command::Reload {});
        let switch = done && matches!(command, Command::RotateToken {});
        let written: Result<(), FlowError> =
            remote::finish(&self.site, envelope, command, outcome).await;
        self.errands().remove(&id);
        match written {
            // Told first, so that the new start does not find it undone.
            Ok(()) if restart => self.wiring.restart.cancel(),
            Ok(()) if switch => self.switch().await,
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "what came of a command can't be written"),
        }
    }

    async fn back_up(&self) -> Result<Answer, String> {
        let plan = self
            .wiring
            .plan
            .as_ref()
            .ok_or("this box has no key to seal backups with")?;
        let made = back_up(&self.site, plan, "headquarters")
            .await
            .map_err(|e| e.to_string())?;
        let name = made.file.file_name().unwrap_or_default().to_string_lossy();
        Ok(Answer::said(format!(
            "{name}, up to event {}",
            made.header.seq
        )))
    }

    async fn bundle(&self, id: Uuid) -> Result<Answer, String> {
        let bundler = self
            .wiring
            .bundler
            .as_ref()
            .ok_or("this program gathers no bundles")?;
        let (url, token) = self
            .wiring
            .straight
            .as_ref()
            .ok_or("a bundle goes over HTTPS, and sync.url is not set")?;
        let bytes = bundler.gather().await?;
        let size = bytes.len();
        let request = Request::post(format!("{}{BUNDLE_PATH}/{id}", url.trim_end_matches('/')))
            .header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
            .header(header::CONTENT_TYPE, "application/gzip")
            .body(Bytes::from(bytes))
            .map_err(|e| e.to_string())?;
        match self.http.send(request, UPLOAD).await {
            Ok(answer) if answer.status().is_success() => {
                Ok(Answer::said(format!("{size} bytes were sent")))
            }
            Ok(answer) => Err(format!("headquarters answers {}", answer.status())),
            Err(HttpError::NotSent(why) | HttpError::Unknown(why)) => Err(why),
        }
    }

    /// Makes a token, and keeps it beside the one in force.
    fn new_token(&self) -> Result<Answer, String> {
        let keeper = self
            .wiring
            .keeper
            .as_ref()
            .ok_or("this box was not enrolled: its token is a credential of its own")?;
        let token = new_token(self.site.world.entropy.as_ref());
        keeper.stage(&token)?;
        Ok(Answer {
            text: "a new token is taken as soon as headquarters knows it".to_owned(),
            token_hash: Some(super::sign::hex(&token_hash(&token))),
        })
    }

    /// Starts anew with the new token as soon as headquarters has it.
    async fn switch(&self) {
        let Some(mut acknowledged) = self.acknowledged.clone() else {
            return;
        };
        let seq = *self.site.store.head().borrow();
        let known = acknowledged.wait_for(|a| *a >= seq);
        if let Ok(Ok(_)) = tokio::time::timeout(TOKEN_WAIT, known).await {
            self.wiring.restart.cancel();
        }
    }
}
