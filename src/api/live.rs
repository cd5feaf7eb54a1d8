//! Live events: the log itself, read behind a cursor, so that a client that comes back misses nothing.

use super::{
    Api, Caller, Problem,
    auth::{ANYONE, Role},
};
use crate::{
    domain::{ids::OrderId, webhook},
    store::{LogEntry, StoreError},
};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use std::{collections::BTreeMap, convert::Infallible, time::Duration};

/// Events read at once.
const PAGE: usize = 200;
/// How far back a client may resume; one that was away longer starts at the end and reads the state anew.
const MEMORY: u64 = 10_000;

/// Live events (SSE). Resume with `Last-Event-ID`; the first message is `hello`.
#[utoipa::path(get, path = "/live", tag = "guest", responses((status = 200, content_type = "text/event-stream")))]
pub(super) async fn live(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.need(ANYONE)?;
    let head_seq = *api.site.store.head().borrow();
    let resumed = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<u64>().ok())
        .filter(|seq| *seq <= head_seq && head_seq - seq <= MEMORY);
    let reader = Reader {
        head: api.site.store.head(),
        api,
        caller,
        seq: resumed.unwrap_or(head_seq),
        queue: vec![
            Event::default()
                .id(resumed.unwrap_or(head_seq).to_string())
                .event("hello")
                .data(format!(
                    r#"{{"seq":{head_seq},"resumed":{}}}"#,
                    resumed.is_some()
                )),
        ],
        own: BTreeMap::new(),
    };
    let events = stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(10)))
        .into_response())
}

struct Reader {
    api: Api,
    caller: Caller,
    head: tokio::sync::watch::Receiver<u64>,
    seq: u64,
    /// What is read and not sent, the last one first.
    queue: Vec<Event>,
    /// Whether an order is the kiosk's own.
    own: BTreeMap<OrderId, bool>,
}

impl Reader {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if !self.caller.is_still_in(&self.api) {
                return None;
            }
            if let Some(event) = self.queue.pop() {
                return Some(event);
            }
            self.head.borrow_and_update();
            let seq = self.seq;
            let entries: Result<Vec<LogEntry>, StoreError> = self
                .api
                .site
                .store
                .read(move |s| s.events_after(seq, PAGE))
                .await;
            match entries {
                Ok(entries) if entries.is_empty() => {
                    tokio::select! {
                        biased;
                        () = self.api.closing.cancelled() => return None,
                        changed = self.head.changed() => changed.ok()?,
                    }
                }
                Ok(entries) => {
                    self.seq = entries.last().map_or(self.seq, |e| e.seq);
                    for entry in &entries {
                        if self.may_see(entry).await {
                            self.queue.push(message(entry));
                        }
                    }
                    self.queue.reverse();
                }
                Err(error) => {
                    tracing::error!(%error, "live events can't be read");
                    return None;
                }
            }
        }
    }

    async fn may_see(&mut self, entry: &LogEntry) -> bool {
        // What happens among people and screens is nothing to other systems.
        if self.caller.scopes.is_some() {
            return webhook::is_outward(&entry.kind);
        }
        match self.caller.role {
            Role::Kiosk => match entry.order_id {
                Some(id) => self.is_own(id).await,
                None => ["shift.", "stock.", "menu.", "sales.", "device.", "call."]
                    .iter()
                    .any(|p| entry.kind.starts_with(p)),
            },
            // Nobody has come in there yet.
            Role::Staff => ["call.", "menu.", "shift."]
                .iter()
                .any(|p| entry.kind.starts_with(p)),
            Role::Board => ["order.", "cook.", "receipt."]
                .iter()
                .any(|p| entry.kind.starts_with(p)),
            _ => true,
        }
    }

    async fn is_own(&mut self, id: OrderId) -> bool {
        if let Some(own) = self.own.get(&id) {
            return *own;
        }
        let order = self.api.site.store.read(move |s| s.order(id)).await;
        let own = matches!(order, Ok(Some(o)) if self.caller.placed(&o));
        if self.own.len() > 1000 {
            self.own.clear();
        }
        self.own.insert(id, own);
        own
    }
}

/// What a screen needs to know to read again what changed; never personal data.
fn message(entry: &LogEntry) -> Event {
    let body: serde_json::Value = serde_json::from_str(&entry.body).unwrap_or_default();
    let mut data = serde_json::json!({"seq": entry.seq, "kind": entry.kind, "at": entry.at});
    if let Some(id) = entry.order_id {
        data["order_id"] = id.to_string().into();
    }
    let nested = [
        ("payment_id", &body["payment_id"]),
        ("payment_id", &body["payment"]["id"]),
        ("job_id", &body["job_id"]),
        ("number", &body["order"]["number"]),
        ("number", &body["number"]),
        ("device", &body["device"]),
        ("state", &body["state"]),
    ];
    for (name, value) in nested {
        if !value.is_null() {
            data[name] = value.clone();
        }
    }
    Event::default()
        .id(entry.seq.to_string())
        .event(&entry.kind)
        .data(data.to_string())
}
