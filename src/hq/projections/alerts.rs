//! Alerts: those that are open in the stores, as far as their logs are here, and those that are over.

use super::Fact;
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Body,
        time::Timestamp,
    },
    hq::db::{Cell, Kind, Sql, cells},
    store::StoreError,
};
use std::collections::{BTreeMap, BTreeSet};

/// Its word in the database.
pub(in crate::hq) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

struct Open {
    alert: Alert,
    /// The event that raised it.
    raised: u64,
}

struct Over {
    store: i64,
    seq: u64,
    alert: Alert,
    cleared_at: Timestamp,
}

/// What becomes of the alerts of the stores that say something about theirs.
#[derive(Default)]
pub(super) struct Alerts {
    open: BTreeMap<(i64, String), Open>,
    /// To be written.
    changed: BTreeSet<(i64, String)>,
    /// Those that stand in the database.
    written: BTreeSet<(i64, String)>,
    over: Vec<Over>,
}

impl Alerts {
    pub(super) fn load(&mut self, sql: &Sql<'_>, facts: &[Fact]) -> Result<(), StoreError> {
        let stores: BTreeSet<i64> = facts
            .iter()
            .filter(|f| matches!(f.body, Body::AlertRaised { .. } | Body::AlertCleared { .. }))
            .map(|f| f.store)
            .collect();
        for store in stores {
            let rows = sql.rows(
                "SELECT key, severity, title, detail, advice, since_at, raised FROM alerts WHERE store = ?1",
                &cells![store],
                |r| {
                    let severity: String = r.get(1)?;
                    Ok(Open {
                        alert: Alert {
                            key: r.get(0)?,
                            severity: if severity == "error" {
                                Severity::Error
                            } else {
                                Severity::Warning
                            },
                            title: r.get(2)?,
                            detail: r.get(3)?,
                            advice: r.get(4)?,
                            since_at: r.get(5)?,
                        },
                        raised: r.get(6)?,
                    })
                },
            )?;
            for open in rows {
                let key = (store, open.alert.key.clone());
                self.written.insert(key.clone());
                self.open.insert(key, open);
            }
        }
        Ok(())
    }

    pub(super) fn apply(&mut self, fact: &Fact) {
        match &fact.body {
            Body::AlertRaised { alert } => {
                let key = (fact.store, alert.key.clone());
                // Raised again with other words it is still the same alert.
                let (since_at, raised) =
                    self.open.get(&key).map_or((alert.since_at, fact.seq), |o| {
                        (o.alert.since_at.min(alert.since_at), o.raised)
                    });
                self.changed.insert(key.clone());
                self.open.insert(
                    key,
                    Open {
                        alert: Alert {
                            since_at,
                            ..alert.clone()
                        },
                        raised,
                    },
                );
            }
            Body::AlertCleared { key } => {
                let key = (fact.store, key.clone());
                if let Some(open) = self.open.remove(&key) {
                    self.changed.insert(key);
                    self.over.push(Over {
                        store: fact.store,
                        seq: fact.seq,
                        alert: open.alert,
                        cleared_at: fact.at,
                    });
                }
            }
            _ => {}
        }
    }

    pub(super) fn flush(self, sql: &Sql<'_>) -> Result<(), StoreError> {
        let mut rows: Vec<Vec<Cell<'_>>> = Vec::new();
        for key in &self.changed {
            match self.open.get(key) {
                Some(Open { alert, raised }) => rows.push(Vec::from(cells![
                    key.0,
                    alert.key.as_str(),
                    word(alert.severity),
                    alert.title.as_str(),
                    alert.detail.as_str(),
                    alert.advice.as_str(),
                    alert.since_at,
                    *raised
                ])),
                None if self.written.contains(key) => {
                    sql.execute(
                        "DELETE FROM alerts WHERE store = ?1 AND key = ?2",
                        &cells![key.0, key.1.as_str()],
                    )?;
                }
                None => {}
            }
        }
        sql.insert_many(
            "alerts",
            &[
                ("store", Kind::Int),
                ("key", Kind::Text),
                ("severity", Kind::Text),
                ("title", Kind::Text),
                ("detail", Kind::Text),
                ("advice", Kind::Text),
                ("since_at", Kind::Int),
                ("raised", Kind::Int),
            ],
            &rows,
            "ON CONFLICT (store, key) DO UPDATE SET severity = excluded.severity, title = excluded.title,
               detail = excluded.detail, advice = excluded.advice, since_at = excluded.since_at, raised = excluded.raised",
        )?;
        let over: Vec<Vec<Cell<'_>>> = self
            .over
            .iter()
            .map(|o| {
                Vec::from(cells![
                    o.store,
                    o.seq,
                    o.alert.key.as_str(),
                    word(o.alert.severity),
                    o.alert.title.as_str(),
                    o.alert.since_at,
                    o.cleared_at
                ])
            })
            .collect();
        sql.insert_many(
            "alerts_over",
            &[
                ("store", Kind::Int),
                ("seq", Kind::Int),
                ("key", Kind::Text),
                ("severity", Kind::Text),
                ("title", Kind::Text),
                ("since_at", Kind::Int),
                ("cleared_at", Kind::Int),
            ],
            &over,
            "ON CONFLICT (store, seq) DO NOTHING",
        )?;
        Ok(())
    }
}
