//! Times of the day and of the week, in the store's zone: when it is open, when a promotion holds, when a step of the
//! kiosk is left out.

use super::time::Timestamp;
use jiff::{
    ToSpan as _, Zoned,
    civil::{Date, Time, Weekday},
};
use serde::{Deserialize, Serialize};

/// How far ahead the next opening is looked for.
const LOOK_AHEAD: i64 = 60;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    fn of(date: Date) -> Self {
        match date.weekday() {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

/// A time of the day on some days of the week. One that ends at or before its beginning goes past midnight:
/// `18:00` to `02:00`, or `00:00` to `00:00` for the whole day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The days on which it begins: `mon`, `tue` …; every day when none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// Its beginning, `HH:MM`.
    pub from: Time,
    /// Its end, `HH:MM`.
    pub until: Time,
}

impl Window {
    /// When it ends, if `at` is within it.
    #[must_use]
    pub fn ends(&self, at: &Zoned) -> Option<Timestamp> {
        let today = at.date();
        let yesterday = today.yesterday().ok();
        [Some(today), yesterday]
            .into_iter()
            .flatten()
            .filter(|day| self.days.is_empty() || self.days.contains(&Day::of(*day)))
            .filter_map(|day| span(day, self.from, self.until, at))
            .find(|(from, until)| from <= at && at < until)
            .map(|(_, until)| stamp(&until))
    }
}

/// One opening: from, until.
fn span(day: Date, from: Time, until: Time, at: &Zoned) -> Option<(Zoned, Zoned)> {
    let last = if until <= from {
        day.tomorrow().ok()?
    } else {
        day
    };
    let zoned = |day: Date, time: Time| day.to_datetime(time).to_zoned(at.time_zone().clone()).ok();
    Some((zoned(day, from)?, zoned(last, until)?))
}

fn stamp(at: &Zoned) -> Timestamp {
    Timestamp::from_millis(at.timestamp().as_millisecond())
}

/// When the store sells, `[hours]` of the configuration. Always, when no week is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hours {
    /// The usual week.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub week: Vec<Window>,
    /// Days that are not as usual.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
}

/// A day that is not as usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Which, `YYYY-MM-DD`.
    pub day: Date,
    /// Its openings begin at these times; closed all day when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<Opening>,
}

/// An opening on an exceptional day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Its beginning, `HH:MM`.
    pub from: Time,
    /// Its end, `HH:MM`; past midnight when not after the beginning.
    pub until: Time,
}

/// Whether the store is open by its hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is; until then, when it has hours at all.
    Open(Option<Timestamp>),
    /// It is not; it opens then, if that is near.
    Closed(Option<Timestamp>),
}

impl Hours {
    /// Whether the store is open.
    #[must_use]
    pub fn at(&self, at: &Zoned) -> Standing {
        if self.week.is_empty() && self.exceptions.is_empty() {
            return Standing::Open(None);
        }
        let mut next: Option<Zoned> = None;
        // Openings that follow one another without a pause are one.
        let mut end: Option<Zoned> = None;
        for ahead in -1..=LOOK_AHEAD {
            let Ok(day) = at.date().checked_add(ahead.days()) else {
                break;
            };
            let before = end.clone();
            let mut openings = self.openings(day, at);
            openings.sort();
            for (from, until) in openings {
                let now = end.as_ref().unwrap_or(at);
                if from <= *now && *now < until {
                    end = Some(until);
                    continue;
                }
                if from > *at && next.as_ref().is_none_or(|n| from < *n) {
                    next = Some(from);
                }
            }
            let settled = if end.is_some() {
                end == before
            } else {
                next.is_some()
            };
            if ahead > 0 && settled {
                break;
            }
        }
        if let Some(end) = end {
            let far = at
                .checked_add((LOOK_AHEAD - 2).days())
                .unwrap_or_else(|_| at.clone());
            let always = far < end;
            return Standing::Open((!always).then(|| stamp(&end)));
        }
        Standing::Closed(next.as_ref().map(stamp))
    }

    fn openings(&self, day: Date, at: &Zoned) -> Vec<(Zoned, Zoned)> {
        if let Some(e) = self.exceptions.iter().find(|e| e.day == day) {
            let open = e.open.iter();
            return open
                .filter_map(|o| span(day, o.from, o.until, at))
                .collect();
        }
        if self.week.is_empty() {
            return span(day, Time::midnight(), Time::midnight(), at)
                .into_iter()
                .collect();
        }
        self.week
            .iter()
            .filter(|w| w.days.is_empty() || w.days.contains(&Day::of(day)))
            .filter_map(|w| span(day, w.from, w.until, at))
            .collect()
    }

    /// All that is wrong with them, one sentence each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (i, e) in self.exceptions.iter().enumerate() {
            if self.exceptions[..i].iter().any(|o| o.day == e.day) {
                faults.push(format!("hours.exceptions: {} stands there twice", e.day));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn at(text: &str) -> Zoned {
        let civil: jiff::civil::DateTime = text.parse().unwrap();
        civil
            .to_zoned(TimeZone::get("Asia/Tashkent").unwrap())
            .unwrap()
    }

    fn hours(text: &str) -> Hours {
        toml::from_str(text).unwrap()
    }

    const WEEK: &str = r#"
        week = [
          { days = ["mon", "tue", "wed", "thu", "fri"], from = "09:00", until = "22:00" },
          { days = ["sat"], from = "10:00", until = "02:00" },
        ]
        exceptions = [
          { day = "2026-11-25" },
          { day = "2026-11-26", open = [{ from = "12:00", until = "15:00" }, { from = "18:00", until = "20:00" }] },
        ]
    "#;

    #[test]
    fn a_store_is_open_by_its_week_and_its_exceptions() {
        let h = hours(WEEK);
        let opens = |text| match h.at(&at(text)) {
            Standing::Closed(at) => at,
            Standing::Open(_) => panic!("{text}: it is open"),
        };
        let closes = |text| match h.at(&at(text)) {
            Standing::Open(at) => at,
            Standing::Closed(_) => panic!("{text}: it is closed"),
        };
        let then = |text| Some(stamp(&at(text)));
        // Monday the 23rd.
        assert_eq!(opens("2026-11-23T08:59"), then("2026-11-23T09:00"));
        assert_eq!(closes("2026-11-23T09:00"), then("2026-11-23T22:00"));
        assert_eq!(opens("2026-11-23T22:00"), then("2026-11-24T09:00"));
        // The 25th is closed, the 26th has two openings.
        assert_eq!(opens("2026-11-24T23:00"), then("2026-11-26T12:00"));
        assert_eq!(opens("2026-11-26T16:00"), then("2026-11-26T18:00"));
        // Saturday goes past midnight; there is no Sunday.
        assert_eq!(closes("2026-11-29T01:59"), then("2026-11-29T02:00"));
        assert_eq!(opens("2026-11-29T02:00"), then("2026-11-30T09:00"));
    }

    #[test]
    fn a_store_without_hours_is_always_open() {
        assert_eq!(
            Hours::default().at(&at("2026-01-01T03:00")),
            Standing::Open(None)
        );
        assert!(hours(WEEK).faults().is_empty());
        let twice = r#"exceptions = [{ day = "2026-11-25" }, { day = "2026-11-25" }]"#;
        assert_eq!(hours(twice).faults().len(), 1);
        // Only the exceptions are not as always.
        let one = hours(r#"exceptions = [{ day = "2026-11-25" }]"#);
        assert!(matches!(one.at(&at("2026-11-24T03:00")), Standing::Open(_)));
        assert!(matches!(
            one.at(&at("2026-11-25T03:00")),
            Standing::Closed(Some(_))
        ));
    }

    proptest! {
        #[test]
        fn what_is_said_to_open_or_end_then_does(minutes in 0i64..20_160) {
            let h = hours(WEEK);
            let now = &at("2026-11-22T00:00") + minutes.minutes();
            let again = |t: Timestamp| jiff::Timestamp::from_millisecond(t.as_millis()).unwrap().to_zoned(now.time_zone().clone());
            match h.at(&now) {
                Standing::Open(Some(end)) => {
                    prop_assert!(end > stamp(&now));
                    prop_assert!(matches!(h.at(&again(end)), Standing::Closed(_)));
                }
                Standing::Closed(Some(next)) => {
                    prop_assert!(next > stamp(&now));
                    prop_assert!(matches!(h.at(&again(next)), Standing::Open(_)));
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
