//! Events that can't be proven: kept as they came, counted for nothing, until a person has looked.

use super::{
    Hq,
    db::{Sql, cells},
    projections::{Pack, project},
};
use crate::{
    domain::time::Timestamp,
    store::StoreError,
    sync::{Entry, StoreId},
};
use serde::Serialize;

/// An event that is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// Whose.
    pub store_id: String,
    /// Its number.
    pub seq: u64,
    /// When it came.
    pub received_at: Timestamp,
    /// What does not fit.
    pub reason: String,
    /// The event as it came, JSON.
    pub entry: String,
    /// What a person decided: `accepted` or `rejected`.
    pub verdict: Option<String>,
    /// Who.
    pub settled_by: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// When.
    pub settled_at: Option<Timestamp>,
}

/// What a person decides about an event that is set aside.
#[derive(Clone, Debug)]
pub struct Settling {
    /// Whether it is what happened, and counts from now on.
    pub accept: bool,
    /// Who decides.
    pub by: String,
    /// Why.
    pub note: String,
}

impl Hq {
    /// Events that are set aside, of one store or all; those that wait for a person first.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn aside(&self, store: Option<&StoreId>) -> Result<Vec<Aside>, StoreError> {
        let store = store.map(ToString::to_string);
        self.db()
            .read(move |sql| {
                sql.rows(
                    "SELECT s.store_id, q.seq, q.received_at, q.reason, q.entry, q.verdict, q.settled_by, q.note, q.settled_at
                     FROM quarantine q JOIN stores s ON s.id = q.store
                     WHERE ?1 = '' OR s.store_id = ?1
                     ORDER BY CASE WHEN q.verdict IS NULL THEN 0 ELSE 1 END, q.received_at DESC LIMIT 1000",
                    &cells![store.as_deref().unwrap_or_default()],
                    |r| {
                        Ok(Aside {
                            store_id: r.get(0)?,
                            seq: r.get(1)?,
                            received_at: r.get(2)?,
                            reason: r.get(3)?,
                            entry: r.get(4)?,
                            verdict: r.get(5)?,
                            settled_by: r.get(6)?,
                            note: r.get(7)?,
                            settled_at: r.get(8)?,
                        })
                    },
                )
            })
            .await
    }

    /// Settles an event that is set aside, once. Its row stays, and so does the mark at the event: a walk over the log
    /// never takes it for proven. False when nothing waits under this number.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn settle_aside(
        &self,
        store: &StoreId,
        seq: u64,
        how: Settling,
    ) -> Result<bool, StoreError> {
        let (store, now) = (store.to_string(), self.0.clock.now());
        let settled = {
            let store = store.clone();
            self.db()
                .write(move |sql| settle(sql, &store, seq, &how, now))
                .await?
        };
        if settled {
            let _ = self.0.changes.send(store.clone());
            self.note_change(&store);
        }
        Ok(settled)
    }
}

/// As [`Hq::settle_aside`], in a transaction under way.
pub(super) fn settle(
    sql: &Sql<'_>,
    store: &str,
    seq: u64,
    how: &Settling,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let select = format!("SELECT id FROM stores WHERE store_id = ?1{}", sql.lock());
    let Some(id) = sql.row(&select, &cells![store], |r| r.get::<i64>(0))? else {
        return Ok(false);
    };
    let entry: Option<String> = sql.row(
        "SELECT entry FROM quarantine WHERE store = ?1 AND seq = ?2 AND verdict IS NULL",
        &cells![id, seq],
        |r| r.get(0),
    )?;
    let Some(entry) = entry else {
        return Ok(false);
    };
    sql.execute(
        "UPDATE quarantine SET verdict = ?3, settled_by = ?4, note = ?5, settled_at = ?6 WHERE store = ?1 AND seq = ?2",
        &cells![
            id,
            seq,
            if how.accept { "accepted" } else { "rejected" },
            &how.by,
            &how.note,
            now
        ],
    )?;
    sql.execute(
        "UPDATE stores SET unproven = unproven - 1 WHERE id = ?1 AND unproven > 0",
        &cells![id],
    )?;
    if how.accept
        && let Ok(entry) = serde_json::from_str::<Entry>(&entry)
    {
        let pack = Pack {
            store: id,
            entries: std::slice::from_ref(&entry),
            summary: None,
            seq,
        };
        project(sql, &[pack], now)?;
    }
    Ok(true)
}
