//! Messages on their way: which wait, how they are signed, and what the stores' logs say of them.

use super::super::{
    Hq, boxes,
    db::{Row, Sql, cells},
    keys::{Chance, Keys},
};
use crate::{
    domain::{
        event::Body,
        remote::{DocumentKind, Envelope, What},
        time::Timestamp,
    },
    store::StoreError,
    sync::{Entry, StoreId, down::Signed},
};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Over a broker a message goes again after so long without an answer.
const AGAIN: Duration = Duration::from_secs(10);
/// Messages that are sent together.
const TOGETHER: u32 = 20;

/// Whom messages are fetched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hq) enum Sending {
    /// The store asked: it gets whatever waits.
    Asked,
    /// Headquarters sends by itself, and not everything again and again.
    Pushed,
}

/// A message as it is kept.
pub(in crate::hq) struct Message {
    pub(in crate::hq) id: Uuid,
    pub(in crate::hq) store: String,
    pub(in crate::hq) kind: String,
    pub(in crate::hq) name: String,
    pub(in crate::hq) doc_name: Option<String>,
    pub(in crate::hq) revision: Option<u64>,
    pub(in crate::hq) version: Option<u64>,
    pub(in crate::hq) body: Option<String>,
    pub(in crate::hq) by: String,
    pub(in crate::hq) state: String,
    pub(in crate::hq) issued_at: Timestamp,
    pub(in crate::hq) expires_at: Option<Timestamp>,
    pub(in crate::hq) sent_at: Option<Timestamp>,
    pub(in crate::hq) sends: u64,
    pub(in crate::hq) ended_at: Option<Timestamp>,
    pub(in crate::hq) answer: Option<String>,
}

impl Message {
    pub(in crate::hq) const COLUMNS: &str = "id, store, kind, name, doc_name, revision, version, body, made_by, state, issued_at, expires_at, sent_at, sends, ended_at, answer";

    pub(in crate::hq) fn read(r: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: r.get(0)?,
            store: r.get(1)?,
            kind: r.get(2)?,
            name: r.get(3)?,
            doc_name: r.get(4)?,
            revision: r.get(5)?,
            version: r.get(6)?,
            body: r.get(7)?,
            by: r.get(8)?,
            state: r.get(9)?,
            issued_at: r.get(10)?,
            expires_at: r.get(11)?,
            sent_at: r.get(12)?,
            sends: r.get(13)?,
            ended_at: r.get(14)?,
            answer: r.get(15)?,
        })
    }

    /// A new one, waiting to be sent.
    pub(in crate::hq) fn new(
        id: Uuid,
        store: &str,
        kind: &str,
        name: &str,
        by: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            store: store.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            doc_name: None,
            revision: None,
            version: None,
            body: None,
            by: by.to_owned(),
            state: "waiting".to_owned(),
            issued_at: now,
            expires_at: None,
            sent_at: None,
            sends: 0,
            ended_at: None,
            answer: None,
        }
    }

    pub(in crate::hq) fn put(
        &self,
        sql: &Sql<'_>,
        rollout: Option<Uuid>,
        canary: bool,
    ) -> Result<(), StoreError> {
        sql.execute(
            "INSERT INTO down_messages (id, store, kind, name, rollout, canary, doc_name, revision, version, body, made_by, state, issued_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            &cells![
                self.id,
                &self.store,
                &self.kind,
                &self.name,
                rollout,
                canary,
                self.doc_name.clone(),
                self.revision,
                self.version,
                self.body.clone(),
                &self.by,
                &self.state,
                self.issued_at,
                self.expires_at
            ],
        )?;
        Ok(())
    }
}

/// What is to be signed for one store.
struct Batch {
    generation: u64,
    key_id: String,
    bodies: Vec<(Message, Value)>,
}

/// What waits for a store, oldest first, and notes that it is being sent.
fn due(
    sql: &Sql<'_>,
    store: &str,
    sending: Sending,
    now: Timestamp,
) -> Result<Option<Batch>, StoreError> {
    let Some((generation, key_id)) = sql.row(
        "SELECT generation, key_id FROM boxes WHERE store = ?1 ORDER BY generation DESC LIMIT 1",
        &cells![store],
        |r| Ok((r.get(0)?, r.get::<String>(1)?)),
    )?
    else {
        return Ok(None);
    };
    sql.execute(
        "UPDATE down_messages SET state = 'expired', ended_at = expires_at WHERE store = ?1 AND state = 'waiting' AND expires_at <= ?2",
        &cells![store, now],
    )?;
    forget_numbers(sql)?;
    let lately = match sending {
        Sending::Asked => Timestamp::from_millis(i64::MAX),
        Sending::Pushed => Timestamp::from_millis(
            now.as_millis() - i64::try_from(AGAIN.as_millis()).unwrap_or(i64::MAX),
        ),
    };
    let waiting = sql.rows(
        &format!(
            "SELECT {} FROM down_messages
             WHERE store = ?1 AND state = 'waiting' AND (sent_at IS NULL OR sent_at <= ?2)
             ORDER BY issued_at, id LIMIT ?3",
            Message::COLUMNS
        ),
        &cells![store, lately, TOGETHER],
        Message::read,
    )?;
    let mut bodies = Vec::new();
    for message in waiting {
        let body = match (&message.doc_name, message.revision, message.version) {
            (Some(name), Some(revision), Some(version)) => {
                let content: Option<String> = sql.row(
                    "SELECT content FROM doc_revisions WHERE kind = ?1 AND name = ?2 AND revision = ?3",
                    &cells![&message.name, name, revision],
                    |r| r.get(0),
                )?;
                let content: Value = serde_json::from_str(&content.unwrap_or_default())?;
                json!({"kind": "document", "document": message.name, "name": name, "version": version, "content": content})
            }
            _ => serde_json::from_str(message.body.as_deref().unwrap_or_default())?,
        };
        sql.execute(
            "UPDATE down_messages SET sent_at = ?2, sends = sends + 1 WHERE id = ?1",
            &cells![message.id, now],
        )?;
        bodies.push((message, body));
    }
    Ok(Some(Batch {
        generation,
        key_id,
        bodies,
    }))
}

fn sign(keys: &Keys, key_id: &str, envelope: &Envelope) -> Result<Signed, StoreError> {
    let key = keys
        .get(key_id)
        .ok_or_else(|| StoreError::Damaged(format!("the signing key {key_id}")))?;
    Ok(key.sign(envelope)?)
}

impl Hq {
    /// What waits for a store, signed.
    pub(in crate::hq) async fn messages_for(
        &self,
        store: &StoreId,
        sending: Sending,
    ) -> Result<Vec<Signed>, StoreError> {
        if !self.boxes().await?.waits(store.as_str()) && sending == Sending::Pushed {
            return Ok(Vec::new());
        }
        let (id, now) = (store.to_string(), self.0.clock.now());
        let batch = self
            .0
            .db
            .write(move |sql| due(sql, &id, sending, now))
            .await?;
        let Some(batch) = batch.filter(|b| !b.bodies.is_empty()) else {
            return Ok(Vec::new());
        };
        let keys = self.signing_keys().await?;
        batch
            .bodies
            .into_iter()
            .map(|(message, body)| {
                let envelope = Envelope {
                    id: message.id,
                    store: message.store,
                    generation: batch.generation,
                    issued_at: message.issued_at,
                    expires_at: message.expires_at,
                    by: message.by,
                    body,
                };
                sign(&keys, &batch.key_id, &envelope)
            })
            .collect()
    }

    /// Tells a box that it was replaced, signed with a key that it knows.
    pub(in crate::hq) async fn fence_for(
        &self,
        store: &StoreId,
        generation: u64,
    ) -> Result<Vec<Signed>, StoreError> {
        let keys = self.signing_keys().await?;
        let now = self.0.clock.now();
        let id = store.to_string();
        // The box may be any of the former ones: each key that one of them knew.
        let known: Vec<String> = self
            .0
            .db
            .read(move |sql| {
                sql.rows(
                    "SELECT DISTINCT key_id FROM boxes WHERE store = ?1 AND fenced_at IS NOT NULL",
                    &cells![id],
                    |r| r.get(0),
                )
            })
            .await?;
        let envelope = Envelope {
            id: Uuid::new_v5(
                &Uuid::NAMESPACE_OID,
                format!("fence:{store}:{generation}").as_bytes(),
            ),
            store: store.to_string(),
            generation,
            issued_at: now,
            expires_at: None,
            by: "headquarters".to_owned(),
            body: serde_json::to_value(What::Fence {})?,
        };
        known
            .iter()
            .map(|key| sign(&keys, key, &envelope))
            .collect()
    }

    /// Something new waits for these stores: they are told now, where there is a way.
    pub(in crate::hq) async fn push(&self, stores: impl IntoIterator<Item = String>) {
        self.forget_boxes().await;
        for store in stores {
            // Nobody listens where there is no broker; the store's next sign of life brings it.
            let _ = self.0.pushes.send(store);
        }
    }
}

/// What a store's log says of a message. The store answers for its own only.
pub(in crate::hq) fn note(
    sql: &Sql<'_>,
    store: &str,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Ok(body) = serde_json::from_str::<Body>(entry.body.get()) else {
        return Ok(());
    };
    let end = |id: Uuid, state: &str, answer: Value| {
        sql.execute(
            "UPDATE down_messages SET state = ?3, ended_at = ?4, answer = ?5 WHERE id = ?1 AND store = ?2 AND state <> 'done' AND state <> 'applied'",
            &cells![id, store, state, now, answer.to_string()],
        )?;
        forget_numbers(sql)
    };
    match body {
        Body::HqApplied {
            message_id, remark, ..
        } => {
            let answer = remark.map_or_else(|| json!({}), |text| json!({"text": text}));
            end(message_id, "applied", answer)?;
        }
        Body::HqAnswered {
            message_id, answer, ..
        } => {
            end(message_id, "done", serde_json::to_value(&answer)?)?;
            let token = answer
                .token_hash
                .and_then(|h| serde_json::from_value::<crate::sync::batch::HexHash>(h.into()).ok());
            if let Some(token) = token {
                boxes::take_token(sql, store, token.0, now)?;
            }
        }
        Body::HqRefused {
            message_id: Some(id),
            reason,
            ..
        } => {
            end(id, "refused", json!({"text": reason}))?;
        }
        Body::HqKeyPinned {
            message_id, key, ..
        } => {
            end(message_id, "done", json!({"text": key}))?;
            let known: Option<String> = sql.row(
                "SELECT id FROM signing_keys WHERE public = ?1",
                &cells![key],
                |r| r.get(0),
            )?;
            if let Some(id) = known {
                sql.execute(
                    "UPDATE boxes SET key_id = ?2 WHERE store = ?1 AND fenced_at IS NULL",
                    &cells![store, id],
                )?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whose number was to be erased is nobody's business any more when that is done, or will not be.
pub(in crate::hq) fn forget_numbers(sql: &Sql<'_>) -> Result<(), StoreError> {
    sql.erase(
        "UPDATE down_messages SET body = NULL WHERE kind = 'command' AND name = 'erase_guest' AND body IS NOT NULL AND state <> 'waiting'",
    )?;
    Ok(())
}

/// A box that took a store's place gets the documents that the former one had.
pub(in crate::hq) fn requeue_documents(
    sql: &Sql<'_>,
    store: &str,
    chance: &Chance,
    now: Timestamp,
) -> Result<(), StoreError> {
    for kind in DocumentKind::ALL {
        let last = sql.row(
            &format!(
                "SELECT {} FROM down_messages
                 WHERE store = ?1 AND kind = 'document' AND name = ?2 AND state IN ('applied', 'waiting')
                 ORDER BY version DESC LIMIT 1",
                Message::COLUMNS
            ),
            &cells![store, kind.word()],
            Message::read,
        )?;
        if let Some(last) = last.filter(|m| m.state == "applied") {
            let again = Message {
                id: chance.id(now),
                state: "waiting".to_owned(),
                issued_at: now,
                sent_at: None,
                sends: 0,
                ended_at: None,
                answer: None,
                ..last
            };
            again.put(sql, None, false)?;
        }
    }
    Ok(())
}
