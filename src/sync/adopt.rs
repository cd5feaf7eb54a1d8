//! Taking a store's place: a box asks headquarters for it, and makes its database anew from the log that headquarters
//! has. What this box had and headquarters has not goes in behind it.

use super::{
    CURSOR, Entry,
    batch::HexHash,
    down::{DOWN_PATH, ENROL_PATH, KeyRing, LOG_PATH, PublicKey, Signed, token_hash},
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        catalog::Catalog,
        event::{Actor, Body},
        policy::Policy,
        remote::{DocumentKind, What},
    },
    flow::{
        Context, FlowError,
        commands::{NUMBERS_TWICE, raise_alert},
        past::Replay,
        record::record,
    },
    store::{LogEntry, Options, Store, StoreError, Tx},
    world::{Clock, Http, HttpError, Secret},
};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

/// Patience with one answer of headquarters.
const PATIENCE: Duration = Duration::from_mins(1);
/// Tries at one page of the log: a link that breaks for a moment does not begin it anew.
const TRIES: u32 = 5;
/// Events of one write.
const TOGETHER: usize = 500;

/// Why a box does not get a store's place.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// There is no way to headquarters; nothing was changed.
    #[error("headquarters can't be reached: {0}")]
    Unreachable(String),
    /// It says no.
    #[error("{0}")]
    Refused(String),
    /// What it sent can't be its log.
    #[error("headquarters' copy of the log is not whole: {0}")]
    Damaged(String),
    /// The new database can't be made.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

impl From<StoreError> for AdoptError {
    fn from(e: StoreError) -> Self {
        Self::Flow(e.into())
    }
}

/// The last event of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: HexHash,
}

/// The place that headquarters gave.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    /// The store.
    pub store_id: String,
    /// Its name.
    pub name: String,
    /// This box's generation.
    pub generation: u64,
    /// Headquarters' keys.
    pub keys: Vec<PublicKey>,
    /// How far the store's log is there.
    pub head: Head,
    /// The broker to use.
    #[serde(default)]
    pub broker: Option<String>,
}

/// By what a box asks for a place.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// A one-time code.
    Code(&'a str),
    /// The token of the place it has.
    Token(&'a Secret),
}

fn address(url: &str, path: &str) -> String {
    format!("{}{path}", url.trim_end_matches('/'))
}

fn refusal(answer: &Response<Bytes>) -> AdoptError {
    let title = serde_json::from_slice::<serde_json::Value>(answer.body())
        .ok()
        .and_then(|p| Some(p.get("title")?.as_str()?.to_owned()))
        .unwrap_or_else(|| format!("headquarters answers {}", answer.status()));
    if answer.status().is_server_error() {
        AdoptError::Unreachable(title)
    } else {
        AdoptError::Refused(title)
    }
}

fn lost(e: HttpError) -> AdoptError {
    match e {
        HttpError::NotSent(why) | HttpError::Unknown(why) => AdoptError::Unreachable(why),
    }
}

/// Asks headquarters for a store's place. `token` is the new one, and must be asked with again when no answer came: then
/// the same answer comes.
///
/// # Errors
/// When there is no way, or headquarters says no.
pub async fn ask(
    http: &dyn Http,
    url: &str,
    by: By<'_>,
    store_id: &str,
    token: &Secret,
) -> Result<Place, AdoptError> {
    let mut body = json!({ "token_hash": HexHash(token_hash(token)), "store_id": store_id });
    let mut request =
        Request::post(address(url, ENROL_PATH)).header(header::CONTENT_TYPE, "application/json");
    match by {
        By::Code(code) => body["code"] = code.into(),
        By::Token(shown) => {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", shown.reveal()));
        }
    }
    let request = request
        .body(Bytes::from(body.to_string()))
        .map_err(|e| AdoptError::Refused(e.to_string()))?;
    let answer = http.send(request, PATIENCE).await.map_err(lost)?;
    if answer.status() != StatusCode::OK {
        return Err(refusal(&answer));
    }
    serde_json::from_slice(answer.body())
        .map_err(|e| AdoptError::Refused(format!("the answer is not headquarters': {e}")))
}

/// What a database is made of.
pub struct Adoption<'a> {
    /// The way.
    pub http: &'a dyn Http,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Headquarters' address.
    pub url: &'a str,
    /// The new token.
    pub token: &'a Secret,
    /// The place.
    pub place: &'a Place,
    /// The store's rules.
    pub policy: Policy,
    /// What is sold, from the box's own file.
    pub catalog: Option<Catalog>,
    /// The store's zone.
    pub zone: TimeZone,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Events from headquarters.
    pub events: u64,
    /// Events of this box that headquarters did not have.
    pub again: u64,
    /// Of those, events that did not fit any more.
    pub dropped: u64,
    /// Order numbers that this box and the other both gave out.
    pub twice: usize,
    /// Acts that were under way.
    pub open: usize,
}

impl Adoption<'_> {
    /// Whether a database goes on from what headquarters has: then it need not be made anew.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn goes_on(&self, former: &Store) -> Result<bool, StoreError> {
        let head = self.place.head;
        former.read_here(|s| {
            Ok(head.seq == 0 || s.event(head.seq)?.is_some_and(|e| e.hash == head.hash.0))
        })
    }

    /// Makes the database at `to` (which must not exist) by way of `draft`. `former` is what this box had.
    ///
    /// # Errors
    /// When headquarters' log can't be had whole, or the database not be written.
    pub async fn build(
        &self,
        draft: Options,
        to: PathBuf,
        former: Option<&Store>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Adopted, AdoptError> {
        let catalog = Arc::new(self.catalog_of(former).await?);
        let policy = Arc::new(self.policy.clone());
        let store = Store::open(draft)?;
        let mut replay = Replay::new(Arc::clone(&policy), Arc::clone(&catalog), self.zone.clone());
        let head = self.place.head;
        let mut at = 0;
        while at < head.seq {
            let page = self.page(at).await?;
            if page.is_empty() {
                return Err(AdoptError::Damaged(format!("event {} is missing", at + 1)));
            }
            for chunk in page.chunks(TOGETHER) {
                let chunk = chunk.to_vec();
                replay = store
                    .write(move |tx| {
                        for entry in chunk {
                            replay.enter(tx, entry)?;
                        }
                        Ok::<_, FlowError>(replay)
                    })
                    .await?;
            }
            at = store.read_here(|s| Ok::<_, StoreError>(s.head()?.seq))?;
            progress(at, head.seq);
        }
        let there = store.read_here(|s| s.head())?;
        if there.seq != head.seq || (head.seq > 0 && there.hash != head.hash.0) {
            return Err(AdoptError::Damaged(format!(
                "it ends at event {} with another hash than was told",
                there.seq
            )));
        }
        let mut again = 0;
        let mut twice = BTreeSet::new();
        if let Some(former) = former {
            let own = forked(former, &store)?;
            let before = store.read_here(|s| s.numbers_given_twice())?;
            let beside = former.read_here(|s| s.beside_the_log())?;
            (replay, again) = store
                .write(move |tx| {
                    let mut again = 0;
                    for entry in &own {
                        again += u64::from(replay.enter_behind(tx, entry)?);
                    }
                    tx.take_over(&beside)?;
                    Ok::<_, FlowError>((replay, again))
                })
                .await?;
            twice = store.read_here(|s| s.numbers_given_twice())?;
            twice.retain(|number| !before.contains(number));
        }
        let now = self.clock.now();
        let cx = Context {
            policy,
            catalog: Arc::clone(&catalog),
            now,
            day: crate::domain::time::local(now, &self.zone)
                .date()
                .to_string(),
            zone: self.zone.clone(),
            actor: Actor::system(),
        };
        let generation = self.place.generation;
        let adopted = store
            .write(move |tx| {
                let open = replay.finish(tx)?;
                if tx.snapshot().document::<Catalog>("catalog")?.is_none() {
                    tx.put_document("catalog", &*catalog)?;
                }
                record(
                    tx,
                    &cx,
                    None,
                    Body::BoxAdopted {
                        generation,
                        from_seq: head.seq,
                        again,
                        dropped: replay.dropped,
                    },
                )?;
                let numbers = twice.len();
                tell_of_numbers(tx, &cx, twice)?;
                tx.advance_cursor(CURSOR, head.seq, now)?;
                Ok::<_, FlowError>(Adopted {
                    events: head.seq,
                    again,
                    dropped: replay.dropped,
                    twice: numbers,
                    open,
                })
            })
            .await?;
        store.check().await?;
        store.backup(to).await?;
        store.close().await;
        Ok(adopted)
    }

    /// The next events that headquarters has.
    async fn page(&self, after: u64) -> Result<Vec<LogEntry>, AdoptError> {
        #[derive(Deserialize)]
        struct Page {
            entries: Vec<Entry>,
        }
        let mut last = AdoptError::Unreachable("no try".to_owned());
        for _ in 0..TRIES {
            let request = Request::get(address(self.url, &format!("{LOG_PATH}?after={after}")))
                .header(
                    header::AUTHORIZATION,
                    format!("Bearer {}", self.token.reveal()),
                )
                .body(Bytes::new())
                .map_err(|e| AdoptError::Refused(e.to_string()))?;
            match self.http.send(request, PATIENCE).await {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    let page: Page = serde_json::from_slice(answer.body())
                        .map_err(|e| AdoptError::Damaged(e.to_string()))?;
                    return Ok(page.entries.into_iter().map(LogEntry::from).collect());
                }
                Ok(answer) => {
                    last = refusal(&answer);
                    if matches!(last, AdoptError::Refused(_)) {
                        return Err(last);
                    }
                }
                Err(e) => last = lost(e),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(last)
    }

    /// What is sold: the box's own file, headquarters' menu, or what the former database had.
    async fn catalog_of(&self, former: Option<&Store>) -> Result<Catalog, AdoptError> {
        if let Some(catalog) = &self.catalog {
            return Ok(catalog.clone());
        }
        if let Some(former) = former
            && let Some(catalog) = former.read_here(|s| s.document::<Catalog>("catalog"))?
        {
            return Ok(catalog);
        }
        #[derive(Deserialize)]
        struct Waiting {
            messages: Vec<Signed>,
        }
        let request = Request::get(address(self.url, DOWN_PATH))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.token.reveal()),
            )
            .body(Bytes::new())
            .map_err(|e| AdoptError::Refused(e.to_string()))?;
        let answer = self.http.send(request, PATIENCE).await.map_err(lost)?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let waiting: Waiting = serde_json::from_slice(answer.body())
            .map_err(|e| AdoptError::Refused(format!("the answer is not headquarters': {e}")))?;
        let ring = KeyRing::of(self.place.keys.iter().copied());
        waiting
            .messages
            .iter()
            .filter_map(|m| ring.open(m).ok())
            .filter_map(|e| What::deserialize(&e.body).ok())
            .find_map(|what| match what {
                What::Document {
                    document: DocumentKind::Menu,
                    content,
                    ..
                } => Catalog::deserialize(&content).ok(),
                _ => None,
            })
            .ok_or_else(|| {
                AdoptError::Refused(
                    "there is no menu: name its file ([catalog] file), or let headquarters roll one out"
                        .to_owned(),
                )
            })
    }
}

/// Guests stand at the counter with these numbers: somebody must know of it.
fn tell_of_numbers(
    tx: &mut Tx<'_>,
    cx: &Context,
    twice: BTreeSet<(String, u32)>,
) -> Result<(), FlowError> {
    if twice.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = twice
        .into_iter()
        .map(|(day, number)| format!("{number} ({day})"))
        .collect();
    raise_alert(
        tx,
        cx,
        Alert {
            key: NUMBERS_TWICE.to_owned(),
            severity: Severity::Warning,
            title: "Order numbers were given out twice".to_owned(),
            detail: format!(
                "This box and another in its place sold at the same time. Two orders each have the number {}.",
                numbers.join(", ")
            ),
            advice: "Ask a guest who comes with such a number what was ordered, and look it up: galley order list. New \
                     orders get other numbers; this is over at the end of the day."
                .to_owned(),
            since_at: cx.now,
        },
    )
}

/// What a former log has behind the last event that both have.
fn forked(former: &Store, new: &Store) -> Result<Vec<LogEntry>, StoreError> {
    let both = |seq: u64| -> Result<bool, StoreError> {
        let ours = former.read_here(|s| s.event(seq))?;
        let theirs = new.read_here(|s| s.event(seq))?;
        // Old events that every reader has passed may be dropped from ours.
        Ok(match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours.hash == theirs.hash,
            (None, Some(_)) => true,
            _ => false,
        })
    };
    let last = former.read_here(|s| s.head())?.seq;
    let (mut low, mut high) = (0, last.min(new.read_here(|s| s.head())?.seq));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if both(middle)? {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let mut own = former.read_here(|s| s.events_after(low, usize::MAX >> 1))?;
    // That it was fenced is over with its new place.
    own.retain(|e| !(e.kind.starts_with("box.") || e.body.contains("\"box:fenced\"")));
    Ok(own)
}

impl From<Entry> for LogEntry {
    fn from(e: Entry) -> Self {
        Self {
            seq: e.seq,
            at: e.at,
            kind: e.kind,
            order_id: e.order_id,
            actor: e.actor,
            body: e.body.get().to_owned(),
            hash: e.hash.0,
        }
    }
}
