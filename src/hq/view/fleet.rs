//! The fleet: every store, worst first, filtered, page by page.

use super::{
    card::{Barred, Card, Condition, Place, Stored},
    strip,
};
use crate::{
    domain::time::Timestamp,
    hq::{
        Hq,
        db::{Row, Sql, cells},
    },
    store::StoreError,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// The fleet is read anew at most this often, however many look at it, while something changes …
const BUSY: Duration = Duration::from_millis(250);
/// … and this often while nothing does, because time itself makes stores offline.
const QUIET: Duration = Duration::from_secs(2);
/// Stores on a page, when nothing is said, and at most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 500;

const STORED: &str = "SELECT s.id, s.store_id, s.name, s.seq, s.last_event_at, s.seen_at, s.summary, s.summary_at, s.refused,
    p.latitude, p.longitude, p.city, s.unproven, s.day_differs, b.at, b.barred_by, b.why
    FROM stores s LEFT JOIN places p ON p.store = s.id LEFT JOIN barred b ON b.store = s.store_id";

fn stored(r: &Row) -> Result<Stored, StoreError> {
    let summary: Option<String> = r.get(6)?;
    let refused: Option<String> = r.get(8)?;
    let latitude: Option<i64> = r.get(9)?;
    let place = match latitude {
        Some(latitude) => Some(Place {
            latitude,
            longitude: r.get(10)?,
            city: r.get(11)?,
        }),
        None => None,
    };
    let barred = match r.get::<Option<Timestamp>>(14)? {
        Some(at) => Some(Barred {
            at,
            by: r.get(15)?,
            why: r.get(16)?,
        }),
        None => None,
    };
    Ok(Stored {
        id: r.get(0)?,
        store_id: r.get(1)?,
        name: r.get(2)?,
        seq: r.get(3)?,
        last_event_at: r.get(4)?,
        seen_at: r.get(5)?,
        // One of another program that can't be read any more is as good as none.
        summary: summary.and_then(|text| serde_json::from_str(&text).ok()),
        summary_at: r.get(7)?,
        refused: refused.and_then(|text| serde_json::from_str(&text).ok()),
        place,
        unproven: r.get(12)?,
        day_differs: r.get(13)?,
        barred,
    })
}

/// All stores at one time, worst first.
pub(in crate::hq) struct Fleet {
    pub(in crate::hq) at: Timestamp,
    pub(in crate::hq) cards: Vec<Arc<Card>>,
}

/// The fleet as it was read last.
#[derive(Default)]
pub(in crate::hq) struct Cache(tokio::sync::Mutex<Option<(Instant, Arc<Fleet>)>>);

#[cfg(test)]
impl Cache {
    /// The next reader reads anew.
    pub(in crate::hq) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

/// One store.
pub(super) fn card(
    sql: &Sql<'_>,
    store: &str,
    now: Timestamp,
    offline_after: Duration,
) -> Result<Option<Card>, StoreError> {
    let row = sql.row(
        &format!("{STORED} WHERE s.store_id = ?1"),
        &cells![store],
        stored,
    )?;
    Ok(row.map(|s| Card::of(s, now, offline_after)))
}

impl Hq {
    /// All stores, not older than a moment.
    pub(in crate::hq) async fn fleet(&self) -> Result<Arc<Fleet>, StoreError> {
        let mut cached = self.0.fleet.0.lock().await;
        let changed = self.0.changed.load(Ordering::Acquire);
        if let Some((read, fleet)) = cached.as_ref()
            && read.elapsed() < if changed { BUSY } else { QUIET }
        {
            return Ok(Arc::clone(fleet));
        }
        self.0.changed.store(false, Ordering::Release);
        let (now, after) = (self.0.clock.now(), self.0.config.offline_after);
        let begun = Instant::now();
        let mut cards = self
            .0
            .db
            .read(move |sql| {
                sql.rows(STORED, &[], |r| {
                    Ok(Arc::new(Card::of(stored(r)?, now, after)))
                })
            })
            .await?;
        cards.sort_by(|a, b| worst(a).cmp(&worst(b)));
        let fleet = Arc::new(Fleet { at: now, cards });
        *cached = Some((begun, Arc::clone(&fleet)));
        Ok(fleet)
    }
}

#[cfg(test)]
impl Hq {
    /// The next look reads the database.
    pub(in crate::hq) async fn forget_fleet(&self) {
        *self.0.fleet.0.lock().await = None;
    }
}

/// What needs a person first stands first; what stands still does not jump about.
fn worst(c: &Card) -> impl Ord + use<'_> {
    let lag = c.oldest_age_ms.unwrap_or(0) / 30_000;
    (
        c.condition,
        std::cmp::Reverse(c.errors),
        std::cmp::Reverse(lag),
        std::cmp::Reverse(c.alerts),
        c.store_id.as_str(),
    )
}

/// What of the fleet is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
pub(in crate::hq) struct Wanted {
    /// Words of conditions, separated by commas; `needy` is all that need a person.
    #[serde(default)]
    state: String,
    /// A part of name, id or city.
    #[serde(default)]
    q: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    city: String,
    /// `worst`, `name`, `seen`, `backlog`, `sales`, `orders` or `version`; `-` before it turns it round.
    #[serde(default)]
    sort: String,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
    /// Whether the heartbeats of the last 24 hours are wanted.
    #[serde(default)]
    strip: String,
}

/// A page of the fleet.
#[derive(Debug, Serialize)]
pub(in crate::hq) struct Page {
    /// When it was so, by headquarters' clock.
    at: Timestamp,
    /// Stores in all, and those that match.
    total: usize,
    matching: usize,
    /// How many are in each condition, of all that match but for the condition.
    conditions: BTreeMap<&'static str, usize>,
    needy: usize,
    online: usize,
    versions: BTreeMap<String, usize>,
    /// Of those that match, by currency.
    sales: BTreeMap<String, i64>,
    orders: u64,
    backlog: u64,
    stores: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    card: Card,
    #[serde(skip_serializing_if = "Option::is_none")]
    strip: Option<String>,
}

impl Wanted {
    fn takes(&self, c: &Card) -> bool {
        let q = self.q.trim().to_lowercase();
        let found = |text: &str| text.to_lowercase().contains(&q);
        let city = c.place.as_ref().map_or("", |p| p.city.as_str());
        (q.is_empty() || found(&c.name) || found(&c.store_id) || found(city))
            && (self.version.is_empty() || c.version == self.version)
            && (self.city.is_empty() || city == self.city)
    }

    fn takes_condition(&self, condition: Condition) -> bool {
        self.state.is_empty()
            || self.state.split(',').any(|word| {
                word == condition.word() || (word == "needy" && condition.needs_a_person())
            })
    }

    /// The matching stores in the wanted order.
    pub(super) fn select(&self, fleet: &Fleet) -> Vec<Arc<Card>> {
        let mut cards: Vec<Arc<Card>> = fleet
            .cards
            .iter()
            .filter(|c| self.takes(c) && self.takes_condition(c.condition))
            .cloned()
            .collect();
        let (sort, turned) = match self.sort.strip_prefix('-') {
            Some(sort) => (sort, true),
            None => (self.sort.as_str(), false),
        };
        match sort {
            "name" => cards.sort_by_key(|card| card.name.to_lowercase()),
            "seen" => cards.sort_by_key(|c| c.last_seen_at),
            "backlog" => cards.sort_by_key(|c| std::cmp::Reverse((c.backlog, c.oldest_age_ms))),
            "sales" => cards.sort_by_key(|c| std::cmp::Reverse(c.sales_today_minor)),
            "orders" => cards.sort_by_key(|c| std::cmp::Reverse(c.orders_today)),
            "version" => cards.sort_by(|a, b| a.version.cmp(&b.version)),
            _ => {}
        }
        if turned {
            cards.reverse();
        }
        cards
    }

    /// A page of it.
    pub(super) async fn page(&self, hq: &Hq) -> Result<Page, StoreError> {
        let fleet = hq.fleet().await?;
        let mut conditions: BTreeMap<&'static str, usize> =
            Condition::ALL.iter().map(|c| (c.word(), 0)).collect();
        let mut versions = BTreeMap::new();
        for c in fleet.cards.iter().filter(|c| self.takes(c)) {
            *conditions.entry(c.condition.word()).or_default() += 1;
        }
        for c in &fleet.cards {
            if !c.version.is_empty() {
                *versions.entry(c.version.clone()).or_default() += 1;
            }
        }
        let cards = self.select(&fleet);
        let mut sales: BTreeMap<String, i64> = BTreeMap::new();
        for c in &cards {
            if c.sales_today_minor != 0 || sales.is_empty() {
                *sales.entry(c.currency.clone()).or_default() += c.sales_today_minor;
            }
        }
        let limit = self.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let shown: Vec<Arc<Card>> = cards
            .iter()
            .skip(self.offset)
            .take(limit)
            .cloned()
            .collect();
        let mut strips = BTreeMap::new();
        if !self.strip.is_empty() {
            let wanted: Vec<(i64, u64)> = shown.iter().map(|c| (c.id, c.heartbeat_ms)).collect();
            let now = fleet.at;
            strips =
                hq.0.db
                    .read(move |sql| strip::of(sql, &wanted, now))
                    .await?;
        }
        Ok(Page {
            at: fleet.at,
            total: fleet.cards.len(),
            matching: cards.len(),
            needy: cards
                .iter()
                .filter(|c| c.condition.needs_a_person())
                .count(),
            online: cards.iter().filter(|c| c.online).count(),
            conditions,
            versions,
            sales,
            orders: cards.iter().map(|c| c.orders_today).sum(),
            backlog: cards.iter().map(|c| c.backlog).sum(),
            stores: shown
                .into_iter()
                .map(|card| Line {
                    strip: strips.remove(&card.id),
                    card: Card::clone(&card),
                })
                .collect(),
        })
    }
}
