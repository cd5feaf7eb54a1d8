//! The printer's own clock: local time without a zone.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A local date and time, to the second. Ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalDateTime {
    /// Full year.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl LocalDateTime {
    /// From its parts; `None` when there is no such time.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let days = match month {
            2 if year.is_multiple_of(4)
                && (!year.is_multiple_of(100) || year.is_multiple_of(400)) =>
            {
                29
            }
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let fits = (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60;
        fits.then_some(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        })
    }

    /// From binary bytes `DD MM YY`, then `hh mm ss`, as command 11h tells date and time.
    #[must_use]
    pub fn from_dmy(date: &[u8], time: &[u8]) -> Option<Self> {
        let ([d, m, y], [hh, mm, ss]) = (date.first_chunk::<3>()?, time.first_chunk::<3>()?);
        Self::new(2000 + u16::from(*y), *m, *d, *hh, *mm, *ss)
    }

    /// From text `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
        let part = |text: &str, width: usize| {
            (text.len() == width && text.bytes().all(|b| b.is_ascii_digit()))
                .then(|| text.parse::<u16>().ok())
                .flatten()
        };
        let date: Vec<&str> = date.split('-').collect();
        let time: Vec<&str> = time.split(':').collect();
        let ([y, m, d], [hh, mm, ss]) = (date.as_slice(), time.as_slice()) else {
            return None;
        };
        let two = |text: &str| part(text, 2).map(|n| n as u8);
        Self::new(part(y, 4)?, two(m)?, two(d)?, two(hh)?, two(mm)?, two(ss)?)
    }

    /// From binary bytes `YY MM DD HH MM`, as the fiscal drive writes them.
    #[must_use]
    pub fn from_binary(b: &[u8]) -> Option<Self> {
        let b = b.first_chunk::<5>()?;
        Self::new(2000 + u16::from(b[0]), b[1], b[2], b[3], b[4], 0)
    }

    /// Last two digits of the year.
    #[must_use]
    pub fn short_year(&self) -> u8 {
        (self.year % 100) as u8
    }

    /// Binary `YY MM DD HH MM`.
    #[must_use]
    pub fn to_binary(self) -> [u8; 5] {
        [
            self.short_year(),
            self.month,
            self.day,
            self.hour,
            self.minute,
        ]
    }

    /// Binary `DD MM YY`.
    #[must_use]
    pub fn to_dmy(self) -> [u8; 3] {
        [self.day, self.month, self.short_year()]
    }

    /// Binary `hh mm ss`.
    #[must_use]
    pub fn to_hms(self) -> [u8; 3] {
        [self.hour, self.minute, self.second]
    }

    /// Seconds since 1970-01-01 00:00 of the same local time.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        // Days from the civil date, by the calendar's 400-year eras.
        let (m, d) = (i64::from(self.month), i64::from(self.day));
        let y = i64::from(self.year) - i64::from(m <= 2);
        let era = y.div_euclid(400);
        let year_of_era = y.rem_euclid(400);
        let day_of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        days * 86_400
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }

    /// The inverse of [`LocalDateTime::seconds`], for the years 2000 to 2099; times outside are moved to the nearest.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        let seconds = seconds.clamp(946_684_800, 4_102_444_799);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let mp = (5 * day_of_year + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        Self {
            year: (year_of_era + era * 400 + i64::from(month <= 2)) as u16,
            month: month as u8,
            day: (day_of_year - (153 * mp + 2) / 5 + 1) as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
        }
    }

    /// `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `YYYY-MM-DDTHH:MM`.
    #[must_use]
    pub fn to_minute(&self) -> String {
        format!("{}T{:02}:{:02}", self.date(), self.hour, self.minute)
    }
}

impl fmt::Display for LocalDateTime {
    /// `YYYY-MM-DDTHH:MM:SS`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:02}", self.to_minute(), self.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_seconds_of_a_known_day_are_right() {
        let t = LocalDateTime::new(2026, 11, 20, 0, 0, 0).unwrap();
        assert_eq!(t.seconds(), 1_795_132_800);
        assert_eq!(LocalDateTime::new(2026, 2, 29, 0, 0, 0), None);
        assert!(LocalDateTime::new(2028, 2, 29, 0, 0, 0).is_some());
    }

    proptest! {
        #[test]
        fn seconds_and_dates_agree(seconds in 946_684_800i64..4_102_444_799) {
            let t = LocalDateTime::from_seconds(seconds);
            prop_assert_eq!(t.seconds(), seconds);
            prop_assert_eq!(LocalDateTime::new(t.year, t.month, t.day, t.hour, t.minute, t.second), Some(t));
        }

        #[test]
        fn any_bytes_and_any_text_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..8), text: String) {
            let _ = (LocalDateTime::from_dmy(&bytes, &bytes), LocalDateTime::from_binary(&bytes), LocalDateTime::parse(&text));
        }
    }

    #[test]
    fn text_is_read_as_it_is_written() {
        let t = LocalDateTime::new(2026, 11, 22, 9, 8, 7).unwrap();
        assert_eq!(LocalDateTime::parse(&t.to_string()), Some(t));
        assert_eq!(LocalDateTime::parse("2026-11-22").unwrap().hour, 0);
        assert_eq!(LocalDateTime::parse("2026-13-22"), None);
        assert_eq!(LocalDateTime::parse("22.11.2026"), None);
    }
}
