//! How a store is, beside its sales: what headquarters' screen shows of its hours, till, devices and stock.

use crate::{
    domain::{
        event::Actor,
        hours::{Hours, Standing},
        ids::IngredientId,
        shelf::Shelf,
        shift::ShiftState,
        stock::Level,
        stops::Stop,
        text::Text,
        time::{Timestamp, local},
    },
    flow::{
        FlowError, Site,
        accepting::{EMPTY_MENU, accepting, pause},
        law, record,
    },
    store::Snapshot,
};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Openings and closings that are told ahead.
const CHANGES: usize = 14;
/// Shortages that are told by name; all are counted.
const SHORTAGES: usize = 12;

/// How a store is. What an older program does not tell is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// ISO 4217 letters of its money.
    pub currency: String,
    /// Its time zone's name.
    pub zone: String,
    /// When it sells.
    pub hours: Opening,
    /// Why it takes no orders now: `hours`, `paused`, `cleaning`, `shift`, `robot`, `printer`, `fiscal_drive`, `replaced`,
    /// or `menu` when everything is sold out.
    pub stopped: Option<String>,
    /// Since when that is so, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_since: Option<Timestamp>,
    /// Who stopped sales, until when and why, where a person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<Stop>,
    /// The till.
    pub till: Till,
    /// Its devices by name: `up`, `down` or `refused`.
    pub devices: BTreeMap<String, String>,
    /// Ingredients of which there is less than enough, the worst first.
    pub shortages: Vec<Shortage>,
    /// How many there are.
    pub short: u64,
    /// No accounting system is connected: none can lack a document.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_accounting: bool,
}

/// When a store sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Opening {
    /// Open by its hours when the summary was made.
    pub open: bool,
    /// When that changes, and changes again.
    pub changes: Vec<Timestamp>,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            open: true,
            changes: Vec::new(),
        }
    }
}

impl Opening {
    /// The next changes of a week's hours.
    #[must_use]
    pub fn of(hours: &Hours, zone: &TimeZone, now: Timestamp) -> Self {
        let mut changes = Vec::new();
        let mut open = true;
        let mut at = now;
        for n in 0..CHANGES {
            let (is_open, next) = match hours.at(&local(at, zone)) {
                Standing::Open(until) => (true, until),
                Standing::Closed(until) => (false, until),
            };
            if n == 0 {
                open = is_open;
            }
            let Some(next) = next.filter(|next| *next > at) else {
                break;
            };
            changes.push(next);
            at = next;
        }
        Self { open, changes }
    }

    /// Whether it is open at a time after the summary, and until when.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> (bool, Option<Timestamp>) {
        let passed = self.changes.partition_point(|change| *change <= at);
        (
            self.open == passed.is_multiple_of(2),
            self.changes.get(passed).copied(),
        )
    }
}

/// The till.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Till {
    /// When its shift was opened, while it is open.
    pub shift_opened_at: Option<Timestamp>,
    /// Serial number of the fiscal drive.
    pub drive: String,
    /// End of the drive's last day.
    pub drive_until: Option<Timestamp>,
    /// The drive itself warns: its memory, its resource, or it is broken.
    pub drive_warns: bool,
    /// Documents that wait for the OFD.
    pub ofd_unsent: u32,
    /// When the oldest of them was registered.
    pub ofd_since: Option<Timestamp>,
}

/// An ingredient of which there is less than enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// Which.
    pub id: IngredientId,
    /// Its name.
    pub name: Text,
    /// What new orders can have, in its unit.
    pub available: i64,
    /// What would be enough.
    pub enough: i64,
    /// `mg`, `ul` or `piece`.
    pub unit: String,
}

impl Health {
    /// Of a store, on a snapshot.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn of(site: &Site, s: &Snapshot<'_>) -> Result<Self, FlowError> {
        let cx = site.context(Actor::system());
        let facts = law::facts(s)?;
        let shift = s.shift()?;
        let open = matches!(shift.state, ShiftState::Open | ShiftState::Closing);
        let devices: record::Devices = s.document(record::DEVICES)?.unwrap_or_default();
        let levels = s.levels()?;
        let stopped = match accepting(s, &cx)? {
            Err(closed) => Some(closed.slug),
            // Every order would be refused.
            Ok(()) => {
                let shelf = Shelf {
                    catalog: &cx.catalog,
                    levels: levels.clone(),
                    stops: s.stops()?,
                    now: cx.now,
                    at: local(cx.now, &cx.zone),
                };
                let any = cx.catalog.dishes.iter().any(|d| shelf.can_be_had(d));
                (!any).then_some(EMPTY_MENU)
            }
        };
        let by_people = matches!(stopped, Some("paused" | "cleaning"));
        let stopped_by = pause(s, cx.now)?.filter(|_| by_people).map(|p| p.stop);
        let stopped_since = match (&stopped_by, stopped) {
            (Some(stop), _) => Some(stop.since_at),
            (None, Some(slug)) => devices.get(slug).map(|d| d.since_at),
            (None, None) => None,
        };
        let mut shortages: Vec<Shortage> = cx
            .catalog
            .ingredients
            .iter()
            .filter_map(|i| {
                let level: Level = levels.get(&i.id).copied().unwrap_or_default();
                (level.available() < i.low).then(|| Shortage {
                    id: i.id.clone(),
                    name: i.name.clone(),
                    available: level.available(),
                    enough: i.low,
                    unit: i.unit.word().to_owned(),
                })
            })
            .collect();
        // By what part of enough there is.
        shortages.sort_by(|a, b| {
            let part = |s: &Shortage| i128::from(s.available) * 1000 / i128::from(s.enough.max(1));
            (part(a), &a.id).cmp(&(part(b), &b.id))
        });
        let short = shortages.len() as u64;
        shortages.truncate(SHORTAGES);
        let drive = &facts.drive;
        Ok(Self {
            currency: cx.catalog.currency.code().to_owned(),
            zone: cx.zone.iana_name().unwrap_or_default().to_owned(),
            hours: Opening::of(&cx.policy.hours, &cx.zone, cx.now),
            stopped: stopped.map(str::to_owned),
            stopped_since,
            stopped_by,
            till: Till {
                shift_opened_at: shift.opened_at.filter(|_| open),
                drive: drive.number.clone(),
                drive_until: drive.valid_until,
                drive_warns: drive.critical
                    || drive.replace_urgently
                    || drive.resource_ends
                    || drive.memory_nearly_full,
                ofd_unsent: drive.unsent,
                ofd_since: drive.oldest_unsent_at.filter(|_| drive.unsent > 0),
            },
            devices: devices
                .into_iter()
                .map(|(name, d)| (name, d.state))
                .collect(),
            shortages,
            short,
            no_accounting: !cx.policy.accounting,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WEEK: &str = r#"
        [[week]]
        days = ["mon", "tue", "wed", "thu", "fri"]
        from = "09:00"
        until = "22:00"
        [[week]]
        days = ["sat", "sun"]
        from = "11:00"
        until = "01:00"
    "#;

    #[test]
    fn a_store_without_hours_is_always_open() {
        let zone = TimeZone::get("Asia/Tashkent").unwrap();
        let opening = Opening::of(&Hours::default(), &zone, Timestamp::from_millis(0));
        assert_eq!(opening, Opening::default());
        assert_eq!(opening.at(Timestamp::from_millis(i64::MAX)), (true, None));
    }

    proptest! {
        /// What headquarters works out days later is what the store would say then.
        #[test]
        fn hours_told_ahead_are_the_hours(now in 1_780_000_000_000_i64..1_790_000_000_000, later in 0_i64..5 * 86_400_000) {
            let hours: Hours = toml::from_str(WEEK).unwrap();
            let zone = TimeZone::get("Asia/Tashkent").unwrap();
            let told = Opening::of(&hours, &zone, Timestamp::from_millis(now));
            let at = Timestamp::from_millis(now + later);
            let want = match hours.at(&local(at, &zone)) {
                Standing::Open(until) => (true, until),
                Standing::Closed(until) => (false, until),
            };
            prop_assert_eq!(told.at(at), want);
        }
    }
}
