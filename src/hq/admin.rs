//! What a person does at headquarters' own machine, without its door.

use super::{
    Hq,
    down::{self, DownError},
};
use crate::{domain::remote::Command, sync::StoreId};
use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// A person at the machine. Errors are in words.
pub struct Admin {
    hq: Hq,
    by: String,
}

fn words(e: impl std::fmt::Display) -> String {
    e.to_string()
}

fn value(of: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(of).map_err(words)
}

impl Admin {
    /// Acts as `by`.
    #[must_use]
    pub fn new(hq: Hq, by: String) -> Self {
        Self { hq, by }
    }

    /// A one-time code, good for so many minutes.
    ///
    /// # Errors
    /// No such id, or the database fails.
    pub async fn enrol(
        &self,
        store: &str,
        name: Option<String>,
        minutes: u64,
    ) -> Result<Value, String> {
        let id: StoreId = store.parse().map_err(words)?;
        let valid = Duration::from_secs(minutes.clamp(1, 7 * 24 * 60) * 60);
        let code = self
            .hq
            .make_code(&id, name, valid, self.by.clone())
            .await
            .map_err(words)?;
        value(&code)
    }

    /// Shuts a store out, or lets it in again.
    ///
    /// # Errors
    /// No such id, or the database fails.
    pub async fn bar(&self, store: &str, why: Option<String>) -> Result<(), String> {
        let id: StoreId = store.parse().map_err(words)?;
        self.hq.bar(&id, why, self.by.clone()).await.map_err(words)
    }

    /// Makes a key and announces it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_key(&self) -> Result<Value, String> {
        let keys = self.hq.rotate_key().await.map_err(words)?;
        let key = keys.newest().ok_or("there is no key")?.public();
        let stores = self
            .hq
            .announce(key, self.by.clone())
            .await
            .map_err(words)?;
        Ok(json!({ "id": key.id(), "stores": stores }))
    }

    /// Tells one store, or all, to do something within so many minutes; 0 is as long as may be.
    ///
    /// # Errors
    /// No such store or command, or the database fails.
    pub async fn tell(&self, store: &str, command: Value, minutes: u64) -> Result<Value, String> {
        let command = Command::deserialize(command).map_err(words)?;
        let named = (store != "all").then(|| vec![store.to_owned()]);
        let stores = self.hq.meant(named).await.map_err(words)?;
        let within = match minutes {
            0 => down::LONGEST,
            n => Duration::from_secs(n.saturating_mul(60)),
        };
        let commands = self
            .hq
            .command(stores, command, within, self.by.clone())
            .await
            .map_err(words)?;
        Ok(json!({ "commands": commands }))
    }

    /// Puts a revision of a document in.
    ///
    /// # Errors
    /// What is wrong with it, or the database fails.
    pub async fn document(
        &self,
        kind: &str,
        name: &str,
        content: Value,
        note: String,
    ) -> Result<Value, String> {
        let kind = down::kind(kind).map_err(words)?;
        let put = self
            .hq
            .put_document(kind, name, content, note, self.by.clone())
            .await
            .map_err(words)?;
        value(&put.0)
    }

    /// Rolls a revision out to stores, to all without any, to the canaries first.
    ///
    /// # Errors
    /// No such revision or store, or the database fails.
    pub async fn roll_out(
        &self,
        kind: &str,
        name: &str,
        revision: u64,
        stores: Option<Vec<String>>,
        canary: Vec<String>,
    ) -> Result<Value, String> {
        let plan = || async {
            Ok::<_, DownError>(down::Plan {
                kind: down::kind(kind)?,
                name: name.to_owned(),
                revision,
                stores: self.hq.meant(stores.clone()).await?,
                canary: canary.iter().cloned().collect(),
            })
        };
        let plan = plan().await.map_err(words)?;
        let rollout = self
            .hq
            .roll_out(plan, self.by.clone())
            .await
            .map_err(words)?;
        value(&rollout)
    }
}
