//! The live stream: which stores changed, and that the connection is alive. Pages read anew what they show.

use crate::hq::{Hq, StoreRow};
use axum::{
    extract::State,
    response::{Sse, sse},
};
use futures_util::{Stream, stream};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    time::Duration,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::Instant,
};

/// Changes within this time reach the page together.
const TOGETHER: Duration = Duration::from_millis(100);
/// How often the page is told which stores fell silent, and the connection shown to be alive.
const LOOK: Duration = Duration::from_secs(5);
/// Of more changes at once only their number is told.
const FEW: usize = 20;

/// One reader of the live stream.
struct Live {
    hq: Hq,
    changes: broadcast::Receiver<String>,
    /// Stores that changed since the reader was last told; all of them when we lost count.
    changed: BTreeSet<String>,
    all: bool,
    /// How each store was when the reader was last told.
    known: BTreeMap<String, (bool, &'static str)>,
    /// When it is told next.
    due: Instant,
    ready: VecDeque<sse::Event>,
}

pub(super) async fn live(
    State(hq): State<Hq>,
) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let first = Live {
        changes: hq.0.changes.subscribe(),
        changed: BTreeSet::new(),
        all: true,
        known: BTreeMap::new(),
        due: Instant::now(),
        ready: VecDeque::from([sse::Event::default().event("hello").data("{}")]),
        hq,
    };
    Sse::new(stream::unfold(first, |mut live| async move {
        let event = live.next().await?;
        Some((Ok(event), live))
    }))
}

impl Live {
    async fn next(&mut self) -> Option<sse::Event> {
        let stopping = self.hq.0.stopping.clone();
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                () = tokio::time::sleep_until(self.due) => self.tell().await,
                change = self.changes.recv() => {
                    match change {
                        Ok(store) => {
                            self.changed.insert(store);
                        }
                        Err(RecvError::Lagged(_)) => self.all = true,
                        Err(RecvError::Closed) => return None,
                    }
                    self.due = self.due.min(Instant::now() + TOGETHER);
                }
            }
        }
    }

    /// A failing database shows on the page as nothing new, and in the log.
    async fn tell(&mut self) {
        let begun = Instant::now();
        self.due = begun + LOOK;
        let mut changed = std::mem::take(&mut self.changed);
        let all = std::mem::take(&mut self.all);
        let Ok(fleet) = self.hq.fleet().await else {
            return;
        };
        for card in &fleet.cards {
            let now = (card.online, card.condition.word());
            if self.known.get(&card.store_id) != Some(&now) {
                self.known.insert(card.store_id.clone(), now);
                changed.insert(card.store_id.clone());
            }
        }
        if changed.is_empty() && !all {
            self.ready.push_back(sse::Event::default().comment("alive"));
            return;
        }
        let told = json!({ "at": fleet.at, "changed": changed.len(), "stores": fleet.cards.len() });
        self.ready
            .extend(sse::Event::default().event("fleet").json_data(told).ok());
        if changed.len() <= FEW {
            for id in &changed {
                if let Ok(Some(details)) = self.hq.store(id).await {
                    self.ready.extend(event(&details.row));
                }
            }
        }
    }
}

fn event(row: &StoreRow) -> Option<sse::Event> {
    sse::Event::default().event("store").json_data(row).ok()
}
