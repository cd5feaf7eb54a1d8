//! One store on the fleet's page: what it last told of itself, and what that means now.

use crate::{
    domain::{alert::Severity, stops::Stop, text::Text, time::Timestamp},
    hq::fleet::RefusedAt,
    sync::{
        Summary,
        health::{Shortage, Till},
        summary::ShiftSummary,
    },
};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// A backlog whose oldest event is younger is the normal rhythm of sending.
const LAG: Duration = Duration::from_secs(30);
/// Shortages that are told by name on the fleet's page.
const SHORTAGES: usize = 3;

/// How a store is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::hq) enum Condition {
    /// Not heard of, though it should be open.
    Offline,
    /// Open, and something keeps it from selling.
    Blocked,
    /// A person must act.
    Alert,
    /// It sells, and its events come late.
    Lagging,
    /// Somebody stopped its sales: its people or headquarters.
    Paused,
    /// Headquarters does not listen to it, by a person's word.
    Barred,
    /// Something is odd; nothing is lost.
    Warning,
    /// Enrolled, and never heard of.
    New,
    /// All is well.
    Ok,
    /// Outside its hours.
    Closed,
}

impl Condition {
    pub(in crate::hq) const ALL: [Self; 10] = [
        Self::Offline,
        Self::Blocked,
        Self::Alert,
        Self::Lagging,
        Self::Paused,
        Self::Barred,
        Self::Warning,
        Self::New,
        Self::Ok,
        Self::Closed,
    ];

    pub(in crate::hq) fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Blocked => "blocked",
            Self::Alert => "alert",
            Self::Lagging => "lagging",
            Self::Paused => "paused",
            Self::Barred => "barred",
            Self::Warning => "warning",
            Self::New => "new",
            Self::Ok => "ok",
            Self::Closed => "closed",
        }
    }

    /// Somebody should look.
    pub(in crate::hq) fn needs_a_person(self) -> bool {
        self < Self::Paused
    }
}

/// A store's row, as it is read.
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) store_id: String,
    pub(super) name: String,
    pub(super) seq: u64,
    pub(super) last_event_at: Option<Timestamp>,
    pub(super) seen_at: Option<Timestamp>,
    pub(super) summary: Option<Summary>,
    pub(super) summary_at: Option<Timestamp>,
    pub(super) refused: Option<RefusedAt>,
    pub(super) place: Option<Place>,
    pub(super) unproven: u64,
    pub(super) day_differs: Option<String>,
    pub(super) barred: Option<Barred>,
}

/// Since when nothing of a store is taken in, by whose word and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::hq) struct Barred {
    pub(in crate::hq) at: Timestamp,
    pub(in crate::hq) by: String,
    pub(in crate::hq) why: String,
}

/// Where a store stands, in millionths of a degree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::hq) struct Place {
    pub(in crate::hq) latitude: i64,
    pub(in crate::hq) longitude: i64,
    pub(in crate::hq) city: String,
}

/// One store on the fleet's page.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct Card {
    #[serde(skip)]
    pub(in crate::hq) id: i64,
    pub(in crate::hq) store_id: String,
    pub(in crate::hq) name: String,
    pub(in crate::hq) condition: Condition,
    /// What keeps it from selling: `robot`, `printer`, `shift`, `fiscal_drive`, `paused`, `cleaning`, `menu` …
    pub(in crate::hq) stopped: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) stopped_since: Option<Timestamp>,
    /// Who stopped sales, until when and why, where a person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) stopped_by: Option<Stop>,
    /// Its time zone's name; empty before it has told.
    pub(in crate::hq) zone: String,
    pub(in crate::hq) online: bool,
    pub(in crate::hq) last_seen_at: Option<Timestamp>,
    pub(in crate::hq) heartbeat_ms: u64,
    /// Open by its hours now, and until when that is so.
    pub(in crate::hq) open: bool,
    pub(in crate::hq) until_at: Option<Timestamp>,
    pub(in crate::hq) backlog: u64,
    pub(in crate::hq) oldest_age_ms: Option<u64>,
    pub(in crate::hq) shift: ShiftSummary,
    pub(in crate::hq) till: Till,
    pub(in crate::hq) devices: BTreeMap<String, String>,
    pub(in crate::hq) shortages: Vec<Text>,
    pub(in crate::hq) short: u64,
    pub(in crate::hq) day: Option<String>,
    pub(in crate::hq) currency: String,
    pub(in crate::hq) sales_today_minor: i64,
    pub(in crate::hq) orders_today: u64,
    /// Open alerts, and those of them that need a person.
    pub(in crate::hq) alerts: u64,
    pub(in crate::hq) errors: u64,
    /// The gravest, in the store's words.
    pub(in crate::hq) worst: Option<String>,
    pub(in crate::hq) version: String,
    pub(in crate::hq) events: u64,
    pub(in crate::hq) refused: Option<RefusedAt>,
    /// Events that can't be proven and wait for a person.
    pub(in crate::hq) unproven: u64,
    /// The last day that the store has another record of.
    pub(in crate::hq) day_differs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) place: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) barred: Option<Barred>,
    #[serde(skip)]
    pub(in crate::hq) all_shortages: Vec<Shortage>,
    /// How long it is open in a day, on average, milliseconds.
    #[serde(skip)]
    pub(in crate::hq) open_ms_a_day: i64,
}

impl Card {
    pub(super) fn of(s: Stored, now: Timestamp, offline_after: Duration) -> Self {
        let summary = s.summary.as_ref();
        let health = summary
            .and_then(|s| s.health.as_deref().cloned())
            .unwrap_or_default();
        let heartbeat_ms = summary.map_or(0, |s| s.heartbeat_ms);
        let limit = offline_after.max(Duration::from_millis(heartbeat_ms).saturating_mul(3));
        let online = s.seen_at.is_some_and(|at| now.since(at) <= limit);
        let backlog = summary.map_or(0, |sum| sum.head.saturating_sub(s.seq));
        let oldest_age_ms = (backlog > 0).then(|| oldest_age_ms(&s, now)).flatten();
        let (open, until_at) = health.hours.at(now);
        let day = summary.map(|s| s.day.clone());
        let today = jiff::tz::TimeZone::get(&health.zone)
            .ok()
            .map(|zone| crate::domain::time::local(now, &zone).date().to_string());
        // What an absent store sold on another day was not sold today.
        let is_today = today.is_none() || today == day;
        let grave = summary.map_or(0, |s| {
            s.open_alerts
                .iter()
                .filter(|a| a.severity == Severity::Error)
                .count() as u64
        });
        let refused = u64::from(s.refused.is_some())
            + u64::from(s.unproven > 0)
            + u64::from(s.day_differs.is_some());
        let alerts = summary.map_or(0, |s| s.alerts) + refused;
        let mut card = Self {
            id: s.id,
            name: summary
                .map(|s| s.name.clone())
                .filter(|n| !n.is_empty())
                .unwrap_or_else(|| s.name.clone()),
            condition: Condition::Ok,
            stopped: health.stopped.clone().filter(|_| online),
            stopped_since: health.stopped_since.filter(|_| online),
            stopped_by: health.stopped_by.filter(|_| online),
            zone: health.zone,
            online,
            last_seen_at: s.seen_at,
            heartbeat_ms,
            open,
            until_at,
            backlog,
            oldest_age_ms,
            shift: summary.map_or_else(ShiftSummary::default, |s| s.shift),
            till: health.till,
            devices: health.devices,
            shortages: health
                .shortages
                .iter()
                .take(SHORTAGES)
                .map(|s| s.name.clone())
                .collect(),
            short: health.short,
            currency: if health.currency.is_empty() {
                "RUB".to_owned()
            } else {
                health.currency
            },
            sales_today_minor: summary
                .filter(|_| is_today)
                .map_or(0, |s| s.sales_today_minor),
            orders_today: summary.filter(|_| is_today).map_or(0, |s| s.orders_today),
            day: today.or(day),
            alerts,
            errors: grave + refused,
            worst: summary.and_then(|s| s.open_alerts.first().map(|a| a.title.clone())),
            version: summary.map(|s| s.version.clone()).unwrap_or_default(),
            events: s.seq,
            open_ms_a_day: open_ms_a_day(&health.hours.changes, health.hours.open),
            all_shortages: health.shortages,
            store_id: s.store_id,
            refused: s.refused,
            unproven: s.unproven,
            day_differs: s.day_differs,
            place: s.place,
            barred: s.barred,
        };
        card.condition = card.judged();
        card
    }

    fn judged(&self) -> Condition {
        // Whatever it last said, nobody is to run for it.
        if self.barred.is_some() {
            return Condition::Barred;
        }
        if self.last_seen_at.is_none() {
            return Condition::New;
        }
        if !self.online {
            // Whoever switches a box off for the night does nothing wrong.
            return if self.open {
                Condition::Offline
            } else {
                Condition::Closed
            };
        }
        let by_people = |slug: &str| matches!(slug, "paused" | "cleaning");
        match self.stopped.as_deref() {
            Some(slug) if slug != "hours" && !by_people(slug) && self.open => {
                return Condition::Blocked;
            }
            _ if self.errors > 0 => return Condition::Alert,
            _ => {}
        }
        let lag = u64::try_from(LAG.as_millis()).unwrap_or(u64::MAX);
        if self.oldest_age_ms.is_some_and(|ms| ms > lag) {
            return Condition::Lagging;
        }
        match self.stopped.as_deref() {
            Some(slug) if by_people(slug) => Condition::Paused,
            _ if self.alerts > 0 => Condition::Warning,
            _ if !self.open => Condition::Closed,
            _ => Condition::Ok,
        }
    }
}

/// The oldest event that is not here is not older than the last that is. Ages are by the store's own clock up to its
/// summary, and by ours from then on, so that a wrong clock there does no harm.
fn oldest_age_ms(s: &Stored, now: Timestamp) -> Option<u64> {
    let summary = s.summary.as_ref()?;
    let oldest = summary.oldest_at.max(s.last_event_at)?;
    let age = summary.at.since(oldest) + now.since(s.summary_at?);
    u64::try_from(age.as_millis()).ok()
}

/// How long a store is open in a day, as far as it has told its hours.
fn open_ms_a_day(changes: &[Timestamp], open: bool) -> i64 {
    const DAY: i64 = 86_400_000;
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else {
        return DAY;
    };
    let span = last.as_millis() - first.as_millis();
    if span < DAY / 2 {
        return DAY / 2;
    }
    let opened: i64 = changes
        .windows(2)
        .enumerate()
        .filter(|(n, _)| n.is_multiple_of(2) != open)
        .map(|(_, pair)| pair[1].as_millis() - pair[0].as_millis())
        .sum();
    (i128::from(opened) * i128::from(DAY) / i128::from(span))
        .try_into()
        .unwrap_or(DAY)
}
