//! Roll-outs: one revision to many stores, the canaries first.

use super::{
    super::{
        Hq,
        db::{Row, Sql, cells},
    },
    DownError,
    messages::Message,
};
use crate::{
    domain::{remote::DocumentKind, time::Timestamp},
    store::StoreError,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A roll-out.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct Rollout {
    pub(in crate::hq) id: Uuid,
    pub(in crate::hq) version: u64,
    pub(in crate::hq) kind: String,
    pub(in crate::hq) name: String,
    pub(in crate::hq) revision: u64,
    /// `canary`, `all` or `stopped`.
    pub(in crate::hq) stage: String,
    pub(in crate::hq) by: String,
    pub(in crate::hq) at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) undoes: Option<Uuid>,
    /// Another one took it back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::hq) undone: bool,
    /// Stores by their state.
    pub(in crate::hq) counts: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) stores: Option<Vec<Target>>,
}

/// One store of a roll-out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::hq) struct Target {
    pub(in crate::hq) store_id: String,
    pub(in crate::hq) canary: bool,
    pub(in crate::hq) state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) sent_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) ended_at: Option<Timestamp>,
}

/// What a store has of a document, or is to get.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct OfStore {
    kind: String,
    name: String,
    revision: u64,
    version: u64,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    at: Timestamp,
}

/// What was rolled back, and which stores had nothing before.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct RolledBack {
    pub(in crate::hq) rollouts: Vec<Rollout>,
    pub(in crate::hq) kept: Vec<String>,
}

/// What is to be rolled out.
#[derive(Clone, Debug)]
pub(in crate::hq) struct Plan {
    pub(in crate::hq) kind: DocumentKind,
    pub(in crate::hq) name: String,
    pub(in crate::hq) revision: u64,
    pub(in crate::hq) stores: BTreeSet<String>,
    pub(in crate::hq) canary: BTreeSet<String>,
}

const COLUMNS: &str = "id, version, kind, name, revision, stage, made_by, at, undoes,
    (SELECT count(*) FROM rollouts later WHERE later.undoes = rollouts.id)";

fn read(r: &Row) -> Result<Rollout, StoreError> {
    Ok(Rollout {
        id: r.get(0)?,
        version: r.get(1)?,
        kind: r.get(2)?,
        name: r.get(3)?,
        revision: r.get(4)?,
        stage: r.get(5)?,
        by: r.get(6)?,
        at: r.get(7)?,
        undoes: r.get(8)?,
        undone: r.get::<i64>(9)? > 0,
        counts: BTreeMap::new(),
        stores: None,
    })
}

pub(in crate::hq) fn reason(answer: Option<&str>) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(answer?).ok()?;
    Some(answer.get("text")?.as_str()?.to_owned())
}

fn load(sql: &Sql<'_>, id: Uuid) -> Result<Option<Rollout>, StoreError> {
    let found = sql.row(
        &format!("SELECT {COLUMNS} FROM rollouts WHERE id = ?1{}", sql.lock()),
        &cells![id],
        read,
    )?;
    found.map(|rollout| with_stores(sql, rollout)).transpose()
}

fn with_stores(sql: &Sql<'_>, rollout: Rollout) -> Result<Rollout, StoreError> {
    let stores = sql.rows(
        "SELECT store, canary, state, answer, sent_at, ended_at FROM down_messages WHERE rollout = ?1 ORDER BY store",
        &cells![rollout.id],
        |r| {
            Ok(Target {
                store_id: r.get(0)?,
                canary: r.get(1)?,
                state: r.get(2)?,
                reason: reason(r.get::<Option<String>>(3)?.as_deref()),
                sent_at: r.get(4)?,
                ended_at: r.get(5)?,
            })
        },
    )?;
    Ok(counted(sql, rollout)?.having(stores))
}

fn counted(sql: &Sql<'_>, rollout: Rollout) -> Result<Rollout, StoreError> {
    let counts = sql.rows(
        "SELECT state, count(*) FROM down_messages WHERE rollout = ?1 GROUP BY state",
        &cells![rollout.id],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    Ok(Rollout {
        counts: counts.into_iter().collect(),
        ..rollout
    })
}

impl Rollout {
    fn having(self, stores: Vec<Target>) -> Self {
        Self {
            stores: Some(stores),
            ..self
        }
    }
}

/// Ids and the time for one write.
struct Made {
    ids: Vec<Uuid>,
    now: Timestamp,
    by: String,
}

impl Made {
    fn id(&mut self) -> Result<Uuid, StoreError> {
        self.ids
            .pop()
            .ok_or_else(|| StoreError::Damaged("the number of stores changed".to_owned()))
    }
}

fn begin(
    sql: &Sql<'_>,
    plan: &Plan,
    undoes: Option<Uuid>,
    made: &mut Made,
) -> Result<Rollout, StoreError> {
    let highest: Option<Option<u64>> =
        sql.row("SELECT max(version) FROM rollouts", &[], |r| r.get(0))?;
    let rollout = Rollout {
        id: made.id()?,
        version: highest.flatten().unwrap_or(0) + 1,
        kind: plan.kind.word().to_owned(),
        name: plan.name.clone(),
        revision: plan.revision,
        stage: if plan.canary.is_empty() {
            "all"
        } else {
            "canary"
        }
        .to_owned(),
        by: made.by.clone(),
        at: made.now,
        undoes,
        undone: false,
        counts: BTreeMap::new(),
        stores: None,
    };
    sql.execute(
        "INSERT INTO rollouts (id, version, kind, name, revision, stage, made_by, at, undoes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &cells![
            rollout.id,
            rollout.version,
            &rollout.kind,
            &rollout.name,
            rollout.revision,
            &rollout.stage,
            &rollout.by,
            rollout.at,
            undoes
        ],
    )?;
    for store in &plan.stores {
        let canary = plan.canary.contains(store);
        let now_sent = canary || plan.canary.is_empty();
        let message = Message {
            doc_name: Some(plan.name.clone()),
            revision: Some(plan.revision),
            version: Some(rollout.version),
            state: if now_sent { "waiting" } else { "planned" }.to_owned(),
            ..Message::new(
                made.id()?,
                store,
                "document",
                plan.kind.word(),
                &made.by,
                made.now,
            )
        };
        if now_sent {
            supersede(sql, store, plan.kind.word(), rollout.version, made.now)?;
        }
        message.put(sql, Some(rollout.id), canary)?;
    }
    with_stores(sql, rollout)
}

/// A store takes no older version any more: what waits of them need not be sent.
fn supersede(
    sql: &Sql<'_>,
    store: &str,
    kind: &str,
    version: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE down_messages SET state = 'superseded', ended_at = ?4
         WHERE store = ?1 AND kind = 'document' AND name = ?2 AND version < ?3 AND state IN ('waiting', 'planned')",
        &cells![store, kind, version, now],
    )?;
    Ok(())
}

impl Hq {
    /// The stores that are meant: those named, or all that ever had a box.
    pub(in crate::hq) async fn meant(
        &self,
        stores: Option<Vec<String>>,
    ) -> Result<BTreeSet<String>, DownError> {
        let enrolled: BTreeSet<String> = self
            .0
            .db
            .read(|sql| sql.rows("SELECT DISTINCT store FROM boxes", &[], |r| r.get(0)))
            .await?
            .into_iter()
            .collect();
        let Some(named) = stores else {
            return Ok(enrolled);
        };
        match named.iter().find(|s| !enrolled.contains(*s)) {
            Some(store) => Err(DownError::Conflict(format!(
                "the store {store} has no box that was enrolled with a code: nothing can be sent to it"
            ))),
            None => Ok(named.into_iter().collect()),
        }
    }

    fn made(&self, ids: usize, by: String) -> Made {
        let now = self.0.clock.now();
        Made {
            ids: (0..ids).map(|_| self.0.config.chance.id(now)).collect(),
            now,
            by,
        }
    }

    /// Begins a roll-out.
    pub(in crate::hq) async fn roll_out(
        &self,
        plan: Plan,
        by: String,
    ) -> Result<Rollout, DownError> {
        self.revision(plan.kind, &plan.name, plan.revision).await?;
        if plan.stores.is_empty() {
            return Err(DownError::Invalid("name at least one store".to_owned()));
        }
        if let Some(other) = plan.canary.difference(&plan.stores).next() {
            return Err(DownError::Invalid(format!(
                "the canary {other} is none of the stores"
            )));
        }
        let mut made = self.made(plan.stores.len() + 1, by);
        let rollout = self
            .0
            .db
            .write(move |sql| begin(sql, &plan, None, &mut made))
            .await?;
        self.push(targets(&rollout)).await;
        Ok(rollout)
    }

    /// All roll-outs, the newest first.
    pub(in crate::hq) async fn rollouts(&self, limit: u32) -> Result<Vec<Rollout>, DownError> {
        Ok(self
            .0
            .db
            .read(move |sql| {
                sql.rows(
                    &format!("SELECT {COLUMNS} FROM rollouts ORDER BY version DESC LIMIT ?1"),
                    &cells![limit],
                    read,
                )?
                .into_iter()
                .map(|r| counted(sql, r))
                .collect()
            })
            .await?)
    }

    /// One roll-out, with its stores.
    pub(in crate::hq) async fn rollout(&self, id: Uuid) -> Result<Rollout, DownError> {
        let found = self.0.db.write(move |sql| load(sql, id)).await?;
        found.ok_or(DownError::Unknown("roll-out"))
    }

    /// From the canaries to all.
    pub(in crate::hq) async fn promote(&self, id: Uuid, force: bool) -> Result<Rollout, DownError> {
        let before = self.rollout(id).await?;
        if before.stage != "canary" {
            return Err(DownError::Conflict(format!(
                "the roll-out is at {:?}; only one at its canaries can go on to all",
                before.stage
            )));
        }
        let stores = before.stores.unwrap_or_default();
        let late: Vec<&str> = stores
            .iter()
            .filter(|t| t.canary && t.state != "applied")
            .map(|t| t.store_id.as_str())
            .collect();
        if !late.is_empty() && !force {
            return Err(DownError::Conflict(format!(
                "these canaries have not applied it: {}",
                late.join(", ")
            )));
        }
        let now = self.0.clock.now();
        let rollout = self
            .0
            .db
            .write(move |sql| {
                let Some(rollout) = load(sql, id)? else {
                    return Ok(None);
                };
                for target in rollout.stores.iter().flatten().filter(|t| t.state == "planned") {
                    supersede(sql, &target.store_id, &rollout.kind, rollout.version, now)?;
                }
                sql.execute(
                    "UPDATE down_messages SET state = 'waiting', issued_at = ?2 WHERE rollout = ?1 AND state = 'planned'",
                    &cells![id, now],
                )?;
                sql.execute("UPDATE rollouts SET stage = 'all' WHERE id = ?1", &cells![id])?;
                load(sql, id)
            })
            .await?
            .ok_or(DownError::Unknown("roll-out"))?;
        self.push(targets(&rollout)).await;
        Ok(rollout)
    }

    /// Nothing more of it is sent.
    pub(in crate::hq) async fn stop_rollout(&self, id: Uuid) -> Result<Rollout, DownError> {
        let now = self.0.clock.now();
        let rollout = self
            .0
            .db
            .write(move |sql| {
                sql.execute(
                    "UPDATE down_messages SET state = 'stopped', ended_at = ?2 WHERE rollout = ?1 AND state IN ('planned', 'waiting')",
                    &cells![id, now],
                )?;
                sql.execute("UPDATE rollouts SET stage = 'stopped' WHERE id = ?1", &cells![id])?;
                load(sql, id)
            })
            .await?
            .ok_or(DownError::Unknown("roll-out"))?;
        self.push([]).await;
        Ok(rollout)
    }

    /// Every store that may have it gets what it had before, under a new version. Once: a second press would send the
    /// same again, over whatever was rolled out since.
    pub(in crate::hq) async fn roll_back(
        &self,
        id: Uuid,
        by: String,
    ) -> Result<RolledBack, DownError> {
        let again = || {
            DownError::Conflict(
                "this roll-out is rolled back already: look at how far that is, and roll the wanted document out \
                 if it is not in force"
                    .to_owned(),
            )
        };
        if self.rollout(id).await?.undone {
            return Err(again());
        }
        let stopped = self.stop_rollout(id).await?;
        let kind = super::documents::kind(&stopped.kind)?;
        let targets: Vec<Target> = stopped.stores.clone().unwrap_or_default();
        // A roll-out a store, at most, and a message a store.
        let mut made = self.made(2 * targets.len() + 1, by);
        let undone = self
            .0
            .db
            .write(move |sql| {
                // Asked once more behind the lock, which the first reading takes: two may press at the same time.
                load(sql, id)?;
                if load(sql, id)?.is_none_or(|r| r.undone) {
                    return Ok(None);
                }
                let mut before: BTreeMap<(String, u64), BTreeSet<String>> = BTreeMap::new();
                let mut kept = Vec::new();
                for target in &targets {
                    // One that was never sent needs nothing; one that was, may have been applied by now.
                    if target.state != "applied" && target.sent_at.is_none() {
                        continue;
                    }
                    let had = sql.row(
                        "SELECT doc_name, revision FROM down_messages
                         WHERE store = ?1 AND kind = 'document' AND name = ?2 AND state = 'applied' AND version < ?3
                         ORDER BY version DESC LIMIT 1",
                        &cells![&target.store_id, kind.word(), stopped.version],
                        |r| Ok((r.get::<String>(0)?, r.get::<u64>(1)?)),
                    )?;
                    match had {
                        Some(had) => {
                            before.entry(had).or_default().insert(target.store_id.clone());
                        }
                        None if target.state == "applied" => kept.push(target.store_id.clone()),
                        None => {}
                    }
                }
                let mut rollouts = Vec::new();
                for ((name, revision), stores) in before {
                    let plan = Plan {
                        kind,
                        name,
                        revision,
                        stores,
                        canary: BTreeSet::new(),
                    };
                    rollouts.push(begin(sql, &plan, Some(id), &mut made)?);
                }
                Ok(Some(RolledBack { rollouts, kept }))
            })
            .await?
            .ok_or_else(again)?;
        for rollout in &undone.rollouts {
            self.push(self::targets(rollout)).await;
        }
        Ok(undone)
    }

    /// What a store has of documents, and what is on its way there.
    pub(in crate::hq) async fn documents_of(&self, store: &str) -> Result<Vec<OfStore>, DownError> {
        let store = store.to_owned();
        Ok(self
            .0
            .db
            .read(move |sql| {
                let all = sql.rows(
                    &format!(
                        "SELECT {} FROM down_messages WHERE store = ?1 AND kind = 'document' ORDER BY version DESC, id DESC",
                        Message::COLUMNS
                    ),
                    &cells![store],
                    Message::read,
                )?;
                // The newest word about each kind, and what is in force until it counts.
                let mut told: BTreeMap<String, bool> = BTreeMap::new();
                let mut rows = Vec::new();
                for m in all {
                    let first = !told.contains_key(&m.name);
                    let settled = told.entry(m.name.clone()).or_default();
                    if *settled || !(first || m.state == "applied") {
                        continue;
                    }
                    *settled = m.state == "applied";
                    rows.push(OfStore {
                        reason: reason(m.answer.as_deref()),
                        kind: m.name,
                        name: m.doc_name.unwrap_or_default(),
                        revision: m.revision.unwrap_or(0),
                        version: m.version.unwrap_or(0),
                        at: m.ended_at.or(m.sent_at).unwrap_or(m.issued_at),
                        state: m.state,
                    });
                }
                Ok(rows)
            })
            .await?)
    }
}

fn targets(rollout: &Rollout) -> Vec<String> {
    rollout
        .stores
        .iter()
        .flatten()
        .filter(|t| t.state == "waiting")
        .map(|t| t.store_id.clone())
        .collect()
}
