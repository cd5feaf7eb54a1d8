//! Alerts of all stores, and of stores that say nothing: since when, what they cost, who must act, how; who looks after
//! them. They close when the store clears them, or when the cause is gone.

use super::{card::Card, card::Condition, series::usual_sales, store::id_of};
use crate::{
    domain::time::Timestamp,
    hq::{
        Hq,
        db::{Sql, cells},
    },
    store::StoreError,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Alerts on a page, when nothing is said, and at most.
const PAGE: usize = 200;
const LONGEST_PAGE: usize = 10_000;
/// How far back alerts that are over are shown.
const OVER_MS: i64 = 7 * 86_400_000;
const DAY_MS: i64 = 86_400_000;
const A_DAY: Duration = Duration::from_hours(24);

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    /// The store's people.
    Staff,
    /// A technician there.
    Technician,
    /// The store's manager.
    Manager,
    /// Who keeps the books.
    Accountant,
    /// Who looks after boxes and networks.
    It,
    /// Headquarters.
    Headquarters,
}

/// What it costs while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cost {
    /// Sales: the store can't sell.
    Sales,
    /// Money of guests or of the till is in question.
    Money,
    /// A law's deadline runs.
    Law,
    /// What is seen here is not what is there.
    Sight,
    /// Nothing yet.
    Nothing,
}

/// What is known of a cause by the beginning of its key.
const CAUSES: &[(&str, Who, Cost)] = &[
    ("hq:offline", Who::It, Cost::Sight),
    ("hq:refused", Who::Headquarters, Cost::Sight),
    ("hq:unproven", Who::Headquarters, Cost::Money),
    ("hq:day", Who::Headquarters, Cost::Money),
    ("hq:backlog", Who::It, Cost::Sight),
    ("hq:blocked", Who::Staff, Cost::Sales),
    ("device:", Who::Technician, Cost::Sales),
    ("printer", Who::Technician, Cost::Sales),
    ("robot:attention", Who::Staff, Cost::Sales),
    ("robot", Who::Technician, Cost::Sales),
    ("fiscal:shift", Who::Staff, Cost::Law),
    ("fiscal:cashier", Who::Manager, Cost::Law),
    ("fiscal", Who::Technician, Cost::Law),
    ("effect:receipt", Who::Technician, Cost::Law),
    ("effect:shift", Who::Technician, Cost::Law),
    ("effect:accounting", Who::Accountant, Cost::Nothing),
    ("accounting", Who::Accountant, Cost::Nothing),
    ("effect:cook", Who::Technician, Cost::Sales),
    ("effect:sms", Who::Headquarters, Cost::Nothing),
    ("effect:", Who::Manager, Cost::Money),
    ("terminal", Who::Manager, Cost::Money),
    ("refund", Who::Staff, Cost::Money),
    ("drawer", Who::Manager, Cost::Money),
    ("cash", Who::Manager, Cost::Money),
    ("marking", Who::Staff, Cost::Law),
    ("pin", Who::Manager, Cost::Nothing),
    ("call", Who::Staff, Cost::Nothing),
    ("backup", Who::It, Cost::Nothing),
    ("database", Who::It, Cost::Sales),
    ("disk", Who::It, Cost::Sales),
    ("uplink", Who::Headquarters, Cost::Sight),
    ("order:numbers", Who::Staff, Cost::Nothing),
    ("box:fenced", Who::It, Cost::Sales),
    ("page:", Who::It, Cost::Nothing),
];

fn cause(key: &str) -> (Who, Cost) {
    CAUSES
        .iter()
        .find(|(begin, ..)| key.starts_with(begin))
        .map_or((Who::Staff, Cost::Nothing), |(_, who, cost)| (*who, *cost))
}

/// An alert.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct Line {
    pub(in crate::hq) store_id: String,
    pub(in crate::hq) name: String,
    pub(in crate::hq) key: String,
    /// `store`: the store raised it. `hq`: headquarters did.
    source: &'static str,
    pub(in crate::hq) severity: String,
    /// In the store's words; empty for headquarters' own, which pages say in their language.
    pub(in crate::hq) title: String,
    pub(in crate::hq) detail: String,
    pub(in crate::hq) advice: String,
    pub(in crate::hq) since_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    cleared_at: Option<Timestamp>,
    who: Who,
    cost: Cost,
    /// Sales that the store usually has in that time, where it can't sell, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_minor: Option<i64>,
    currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<Acknowledged>,
}

impl Line {
    /// Somebody looks after it.
    pub(in crate::hq) fn is_acknowledged(&self) -> bool {
        self.acknowledged.is_some()
    }
}

/// Who looks after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::hq) struct Acknowledged {
    who: String,
    at: Timestamp,
    note: String,
}

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// `open` (nobody looks after it), `acknowledged`, `over`; both of the first when empty.
    #[serde(default)]
    state: String,
    store: Option<String>,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

/// A page of alerts.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    at: Timestamp,
    open: usize,
    acknowledged: usize,
    matching: usize,
    pub(super) alerts: Vec<Line>,
}

type Acks = BTreeMap<(i64, String), Vec<(Timestamp, Acknowledged)>>;

fn acks(sql: &Sql<'_>) -> Result<Acks, StoreError> {
    let mut acks = Acks::new();
    for (key, ack) in sql.rows(
        "SELECT store, key, since_at, who, at, note FROM acknowledged",
        &[],
        |r| {
            Ok((
                (r.get(0)?, r.get(1)?),
                (
                    r.get(2)?,
                    Acknowledged {
                        who: r.get(3)?,
                        at: r.get(4)?,
                        note: r.get(5)?,
                    },
                ),
            ))
        },
    )? {
        acks.entry(key).or_default().push(ack);
    }
    Ok(acks)
}

fn line(card: &Card, key: String, severity: &str, since_at: Timestamp) -> Line {
    let (who, cost) = cause(&key);
    Line {
        store_id: card.store_id.clone(),
        name: card.name.clone(),
        source: if key.starts_with("hq:") {
            "hq"
        } else {
            "store"
        },
        severity: severity.to_owned(),
        title: String::new(),
        detail: String::new(),
        advice: String::new(),
        since_at,
        cleared_at: None,
        who,
        cost,
        cost_minor: None,
        currency: card.currency.clone(),
        acknowledged: None,
        key,
    }
}

/// What headquarters itself says of a store.
fn own(card: &Card, now: Timestamp) -> Vec<Line> {
    let mut own = Vec::new();
    let ago = |ms: u64| Timestamp::from_millis(now.as_millis() - i64::try_from(ms).unwrap_or(0));
    if let (Condition::Offline, Some(seen)) = (card.condition, card.last_seen_at) {
        own.push(line(card, "hq:offline".to_owned(), "error", seen));
    }
    // What the store itself raises an alert of is told once.
    if card.condition == Condition::Blocked && card.errors == 0 {
        own.push(Line {
            detail: card.stopped.clone().unwrap_or_default(),
            ..line(
                card,
                "hq:blocked".to_owned(),
                "error",
                card.stopped_since.unwrap_or(now),
            )
        });
    }
    if let Some(refused) = &card.refused {
        own.push(Line {
            detail: refused.refusal.reason.clone(),
            ..line(card, "hq:refused".to_owned(), "error", refused.at)
        });
    }
    if card.unproven > 0 {
        own.push(Line {
            detail: card.unproven.to_string(),
            ..line(card, "hq:unproven".to_owned(), "error", now)
        });
    }
    if let Some(day) = &card.day_differs {
        own.push(Line {
            detail: day.clone(),
            ..line(card, "hq:day".to_owned(), "error", now)
        });
    }
    // A store that is gone has said so once already.
    if let Some(age) = card
        .oldest_age_ms
        .filter(|age| card.online && *age > 10 * 60 * 1000)
    {
        own.push(Line {
            detail: card.backlog.to_string(),
            ..line(card, "hq:backlog".to_owned(), "warning", ago(age))
        });
    }
    own
}

/// All that are open, the gravest and oldest first.
///
/// # Errors
/// When the database fails.
pub(in crate::hq) async fn open(hq: &Hq) -> Result<Vec<Line>, StoreError> {
    let fleet = hq.fleet().await?;
    let now = fleet.at;
    let cards = fleet.cards.clone();
    hq.0.db
        .read(move |sql| {
            let by_id: BTreeMap<i64, &Arc<Card>> = cards.iter().map(|c| (c.id, c)).collect();
            let acks = acks(sql)?;
            let usual = usual_sales(sql, now)?;
            let mut lines: Vec<(i64, Line)> = sql
                .rows(
                    "SELECT store, key, severity, title, detail, advice, since_at FROM alerts",
                    &[],
                    |r| {
                        let store: i64 = r.get(0)?;
                        let Some(card) = by_id.get(&store) else {
                            return Ok(None);
                        };
                        let severity: String = r.get(2)?;
                        Ok(Some((
                            store,
                            Line {
                                title: r.get(3)?,
                                detail: r.get(4)?,
                                advice: r.get(5)?,
                                ..line(card, r.get(1)?, &severity, r.get(6)?)
                            },
                        )))
                    },
                )?
                .into_iter()
                .flatten()
                .collect();
            lines.extend(
                cards
                    .iter()
                    .flat_map(|c| own(c, now).into_iter().map(|l| (c.id, l))),
            );
            for (store, l) in &mut lines {
                let own = l.source == "hq";
                l.acknowledged = acks
                    .get(&(*store, l.key.clone()))
                    .into_iter()
                    .flatten()
                    .filter(|(since, ack)| {
                        // Where it is not known since when, a person's word holds for a day.
                        let lately = l.since_at == now && now.since(ack.at) < A_DAY;
                        *since == l.since_at || (own && (ack.at >= l.since_at || lately))
                    })
                    .max_by_key(|(_, ack)| ack.at)
                    .map(|(_, ack)| ack.clone());
                let Some(card) = by_id.get(store) else {
                    continue;
                };
                let stops = l.cost == Cost::Sales && card.condition == Condition::Blocked;
                if let (true, Some(a_day)) = (stops, usual.get(store)) {
                    l.cost_minor = Some(lost(card, *a_day, now.since(l.since_at).as_millis()));
                }
            }
            let mut lines: Vec<Line> = lines.into_iter().map(|(_, l)| l).collect();
            lines.sort_by(|a, b| {
                let rank = |l: &Line| (l.severity != "error", l.acknowledged.is_some());
                (rank(a), a.since_at, &a.store_id, &a.key).cmp(&(
                    rank(b),
                    b.since_at,
                    &b.store_id,
                    &b.key,
                ))
            });
            Ok(lines)
        })
        .await
}

/// What a store usually takes in so long, minor units.
fn lost(card: &Card, a_day_minor: i64, ms: u128) -> i64 {
    let ms = i128::try_from(ms).unwrap_or(0);
    let days = ms / i128::from(DAY_MS);
    let rest = (ms % i128::from(DAY_MS)).min(i128::from(card.open_ms_a_day));
    let minor = i128::from(a_day_minor) * (days * i128::from(card.open_ms_a_day.max(1)) + rest)
        / i128::from(card.open_ms_a_day.max(1));
    i64::try_from(minor.max(0)).unwrap_or(i64::MAX)
}

/// Those that are over, the newest first.
async fn over(hq: &Hq) -> Result<Vec<Line>, StoreError> {
    let fleet = hq.fleet().await?;
    let cards = fleet.cards.clone();
    let since = fleet.at.as_millis() - OVER_MS;
    hq.0.db
        .read(move |sql| {
            let by_id: BTreeMap<i64, &Arc<Card>> = cards.iter().map(|c| (c.id, c)).collect();
            let acks = acks(sql)?;
            let lines = sql.rows(
                "SELECT store, key, severity, title, since_at, cleared_at FROM alerts_over WHERE cleared_at >= ?1
                 ORDER BY cleared_at DESC, store, seq LIMIT 2000",
                &cells![since],
                |r| {
                    let store: i64 = r.get(0)?;
                    let Some(card) = by_id.get(&store) else {
                        return Ok(None);
                    };
                    let (key, severity): (String, String) = (r.get(1)?, r.get(2)?);
                    let since_at: Timestamp = r.get(4)?;
                    let acknowledged = acks
                        .get(&(store, key.clone()))
                        .into_iter()
                        .flatten()
                        .find(|(since, _)| *since == since_at)
                        .map(|(_, ack)| ack.clone());
                    Ok(Some(Line {
                        title: r.get(3)?,
                        cleared_at: Some(r.get(5)?),
                        acknowledged,
                        ..line(card, key, &severity, since_at)
                    }))
                },
            )?;
            Ok(lines.into_iter().flatten().collect())
        })
        .await
}

impl Wanted {
    pub(super) async fn page(self, hq: &Hq, most: Option<usize>) -> Result<Page, StoreError> {
        let open = open(hq).await?;
        let at = hq.fleet().await?.at;
        let taken = open.iter().filter(|l| l.acknowledged.is_some()).count();
        let (all, free) = (open.len(), open.len() - taken);
        let lines = match self.state.as_str() {
            "over" => over(hq).await?,
            "open" => open
                .into_iter()
                .filter(|l| l.acknowledged.is_none())
                .collect(),
            "acknowledged" => open
                .into_iter()
                .filter(|l| l.acknowledged.is_some())
                .collect(),
            _ => open,
        };
        let q = self.q.trim().to_lowercase();
        let found = |text: &str| text.to_lowercase().contains(&q);
        let matching: Vec<Line> = lines
            .into_iter()
            .filter(|l| {
                self.store.as_ref().is_none_or(|s| *s == l.store_id)
                    && (self.severity.is_empty() || self.severity == l.severity)
                    && (q.is_empty()
                        || found(&l.name)
                        || found(&l.title)
                        || found(&l.store_id)
                        || found(&l.key))
            })
            .collect();
        let limit = most.unwrap_or_else(|| self.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE));
        Ok(Page {
            at,
            open: free,
            acknowledged: all - free,
            matching: matching.len(),
            alerts: matching.into_iter().skip(self.offset).take(limit).collect(),
        })
    }
}

/// Somebody looks after an alert.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledge {
    pub(super) store_id: String,
    pub(super) key: String,
    pub(super) since_at: Timestamp,
    #[serde(default)]
    pub(super) note: String,
    /// Nobody does any more.
    #[serde(default)]
    pub(super) withdraw: bool,
}

impl Acknowledge {
    /// Whether there is such an alert now. Those of headquarters itself have no beginning that is kept.
    pub(super) async fn is_open(&self, hq: &Hq) -> Result<bool, StoreError> {
        Ok(open(hq).await?.iter().any(|l| {
            l.store_id == self.store_id
                && l.key == self.key
                && (l.source == "hq" || l.since_at == self.since_at)
        }))
    }
}

/// Notes it. False when there is no such store.
pub(super) fn acknowledge(
    sql: &Sql<'_>,
    a: &Acknowledge,
    who: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(store) = id_of(sql, &a.store_id)? else {
        return Ok(false);
    };
    if a.withdraw {
        sql.execute(
            "DELETE FROM acknowledged WHERE store = ?1 AND key = ?2",
            &cells![store, a.key.as_str()],
        )?;
        return Ok(true);
    }
    sql.execute(
        "INSERT INTO acknowledged (store, key, since_at, who, at, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (store, key, since_at) DO UPDATE SET who = excluded.who, at = excluded.at, note = excluded.note",
        &cells![store, a.key.as_str(), a.since_at, who, now, a.note.as_str()],
    )?;
    Ok(true)
}
