//! Commands to stores.

use super::{
    super::{
        Hq,
        db::{Sql, cells},
    },
    DownError,
    messages::Message,
};
use crate::{
    domain::{
        remote::{Command, What},
        time::Timestamp,
    },
    store::StoreError,
    sync::down::PublicKey,
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

/// A command is done within this time, or not at all, when nothing is said.
pub(in crate::hq) const EXPIRES: Duration = Duration::from_mins(15);
/// The longest it may wait. An erasure waits for a store that is shut for the summer.
pub(in crate::hq) const LONGEST: Duration = Duration::from_hours(24 * 90);
/// Bundles are kept so long.
const BUNDLES: Duration = Duration::from_hours(24 * 30);
/// Bytes of a bundle.
pub(in crate::hq) const MOST_BUNDLE: usize = 64 * 1024 * 1024;

/// A command as the API tells of it.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct CommandRow {
    pub(in crate::hq) id: Uuid,
    pub(in crate::hq) store_id: String,
    #[serde(rename = "do")]
    pub(in crate::hq) act: String,
    pub(in crate::hq) command: Value,
    pub(in crate::hq) state: String,
    pub(in crate::hq) by: String,
    pub(in crate::hq) issued_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) sent_at: Option<Timestamp>,
    pub(in crate::hq) sends: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) answer: Option<Value>,
}

fn row(m: Message, now: Timestamp) -> CommandRow {
    let parse = |text: Option<String>| text.and_then(|t| serde_json::from_str::<Value>(&t).ok());
    let over = m.state == "waiting" && m.expires_at.is_some_and(|at| now >= at);
    let mut command = parse(m.body)
        .and_then(|mut body| Some(body.get_mut("command")?.take()))
        .unwrap_or_default();
    // A number is for the store's eyes only.
    if let Some(phone) = command.get_mut("phone") {
        *phone = "".into();
    }
    CommandRow {
        id: m.id,
        store_id: m.store,
        act: m.name,
        command,
        state: if over { "expired".to_owned() } else { m.state },
        by: m.by,
        issued_at: m.issued_at,
        expires_at: m.expires_at,
        sent_at: m.sent_at,
        sends: m.sends,
        ended_at: m.ended_at,
        answer: parse(m.answer),
    }
}

/// Puts a command on its way, unless one with this id is already.
pub(in crate::hq) fn put_command(
    sql: &Sql<'_>,
    id: Uuid,
    store: &str,
    command: &Command,
    by: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let known = sql.row(
        "SELECT 1 FROM down_messages WHERE id = ?1",
        &cells![id],
        |r| r.get::<i64>(0),
    )?;
    if known.is_some() {
        return Ok(());
    }
    let body = serde_json::to_string(&What::Command {
        command: command.clone(),
    })?;
    Message {
        body: Some(body),
        expires_at: Some(expires_at),
        ..Message::new(id, store, "command", command.word(), by, now)
    }
    .put(sql, None, false)
}

impl Hq {
    /// Asks stores for something.
    pub(in crate::hq) async fn command(
        &self,
        stores: BTreeSet<String>,
        command: Command,
        within: Duration,
        by: String,
    ) -> Result<Vec<CommandRow>, DownError> {
        if within.is_zero() || within > LONGEST {
            return Err(DownError::Invalid(format!(
                "expires_in_s: from 1 to {}",
                LONGEST.as_secs()
            )));
        }
        let now = self.0.clock.now();
        let name = command.word();
        let body = serde_json::to_string(&What::Command { command }).map_err(StoreError::from)?;
        let messages: Vec<Message> = stores
            .iter()
            .map(|store| Message {
                body: Some(body.clone()),
                expires_at: Some(now.saturating_add(within)),
                ..Message::new(
                    self.0.config.chance.id(now),
                    store,
                    "command",
                    name,
                    &by,
                    now,
                )
            })
            .collect();
        tracing::info!(command = name, stores = stores.len(), by, "stores are told");
        let rows = self
            .0
            .db
            .write(move |sql| {
                for message in &messages {
                    message.put(sql, None, false)?;
                }
                Ok(messages.into_iter().map(|m| row(m, now)).collect())
            })
            .await?;
        self.push(stores).await;
        Ok(rows)
    }

    /// A store's commands, the newest first.
    pub(in crate::hq) async fn commands_of(
        &self,
        store: &str,
        limit: u32,
    ) -> Result<Vec<CommandRow>, DownError> {
        let (store, now) = (store.to_owned(), self.0.clock.now());
        Ok(self
            .0
            .db
            .read(move |sql| {
                sql.rows(
                    &format!(
                        "SELECT {} FROM down_messages WHERE store = ?1 AND kind = 'command' ORDER BY issued_at DESC, id DESC LIMIT ?2",
                        Message::COLUMNS
                    ),
                    &cells![store, limit],
                    |r| Ok(row(Message::read(r)?, now)),
                )
            })
            .await?)
    }

    /// One command.
    pub(in crate::hq) async fn command_by(&self, id: Uuid) -> Result<CommandRow, DownError> {
        let now = self.0.clock.now();
        let found = self
            .0
            .db
            .read(move |sql| {
                sql.row(
                    &format!(
                        "SELECT {} FROM down_messages WHERE id = ?1 AND kind = 'command'",
                        Message::COLUMNS
                    ),
                    &cells![id],
                    |r| Ok(row(Message::read(r)?, now)),
                )
            })
            .await?;
        found.ok_or(DownError::Unknown("command"))
    }

    /// It is sent no more.
    pub(in crate::hq) async fn cancel_command(&self, id: Uuid) -> Result<CommandRow, DownError> {
        let now = self.0.clock.now();
        let changed = self
            .0
            .db
            .write(move |sql| {
                sql.execute(
                    "UPDATE down_messages SET state = 'cancelled', ended_at = ?2 WHERE id = ?1 AND kind = 'command' AND state = 'waiting'",
                    &cells![id, now],
                )
            })
            .await?;
        let command = self.command_by(id).await?;
        if changed == 0 {
            return Err(DownError::Conflict(format!(
                "the command is {} already",
                command.state
            )));
        }
        Ok(command)
    }

    /// Announces a key to every store under the one it knows.
    pub(in crate::hq) async fn announce(
        &self,
        key: PublicKey,
        by: String,
    ) -> Result<usize, DownError> {
        let stores = self.meant(None).await?;
        let now = self.0.clock.now();
        let body = serde_json::to_string(&What::Key {
            public: key.to_string(),
            retires: None,
        })
        .map_err(StoreError::from)?;
        let messages: Vec<Message> = stores
            .iter()
            .map(|store| Message {
                body: Some(body.clone()),
                ..Message::new(
                    self.0.config.chance.id(now),
                    store,
                    "key",
                    &key.id(),
                    &by,
                    now,
                )
            })
            .collect();
        let count = messages.len();
        self.0
            .db
            .write(move |sql| {
                for message in &messages {
                    message.put(sql, None, false)?;
                }
                Ok(())
            })
            .await?;
        self.push(stores).await;
        Ok(count)
    }

    /// Keeps a bundle that a store was asked for. False when nobody asked it.
    pub(in crate::hq) async fn keep_bundle(
        &self,
        store: &str,
        id: Uuid,
        bytes: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let (store, now) = (store.to_owned(), self.0.clock.now());
        let old = Timestamp::from_millis(
            now.as_millis() - i64::try_from(BUNDLES.as_millis()).unwrap_or(i64::MAX),
        );
        self.0
            .db
            .write(move |sql| {
                let asked = sql.row(
                    "SELECT 1 FROM down_messages WHERE id = ?1 AND store = ?2 AND name = 'support_bundle'",
                    &cells![id, &store],
                    |r| r.get::<i64>(0),
                )?;
                if asked.is_none() {
                    return Ok(false);
                }
                sql.execute("DELETE FROM bundles WHERE at < ?1", &cells![old])?;
                sql.execute(
                    "INSERT INTO bundles (id, store, at, bytes) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (id) DO UPDATE SET at = excluded.at, bytes = excluded.bytes",
                    &cells![id, store, now, bytes],
                )?;
                Ok(true)
            })
            .await
    }

    /// A bundle.
    pub(in crate::hq) async fn bundle(&self, id: Uuid) -> Result<Vec<u8>, DownError> {
        let found = self
            .0
            .db
            .read(move |sql| {
                sql.row(
                    "SELECT bytes FROM bundles WHERE id = ?1",
                    &cells![id],
                    |r| r.get(0),
                )
            })
            .await?;
        found.ok_or(DownError::Unknown("bundle"))
    }
}
