//! Times ahead and how long, as people write them.

use super::exit::Misuse;
use jiff::{SignedDuration, Span, Zoned, civil};
use std::time::Duration;

/// How long: `24h`, `7d`, `0s`. A day has 24 hours.
pub(super) fn span(text: &str) -> anyhow::Result<Duration> {
    let wrong = || Misuse(format!("{text}: write how long, such as 30m, 24h or 7d"));
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let long: SignedDuration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Ok(Duration::try_from(long).map_err(|_| wrong())?)
}

/// A moment to come: how long from now, a day, or a day and a time. Milliseconds since 1970, UTC.
pub(super) fn ahead(text: &str) -> anyhow::Result<i64> {
    moment(text.trim(), &super::menu::now())
}

fn moment(text: &str, now: &Zoned) -> anyhow::Result<i64> {
    let zone = now.time_zone().clone();
    let at = if let Ok(at) = text.parse::<civil::DateTime>() {
        at.to_zoned(zone)?
    } else if let Ok(day) = text.parse::<civil::Date>() {
        day.to_zoned(zone)?
    } else {
        let long = span(text).map_err(|_| {
            Misuse(format!(
                "{text}: write how long from now (90d, 12h), 2027-01-31 or '2027-01-31 18:00'"
            ))
        })?;
        now.checked_add(long)?
    };
    if at <= *now {
        return Err(Misuse(format!("{text}: this has passed")).into());
    }
    Ok(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_to_come_is_written_as_people_do() {
        let now: Zoned = "2026-11-22T14:00:00+00:00[UTC]".parse().unwrap();
        let at = |text: &str| {
            let ms = moment(text, &now).unwrap();
            jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
        };
        assert_eq!(at("90d"), "2027-02-20T14:00:00Z");
        assert_eq!(at("12h"), "2026-11-23T02:00:00Z");
        assert_eq!(at("2027-01-31"), "2027-01-31T00:00:00Z");
        assert_eq!(at("2027-01-31 18:00"), "2027-01-31T18:00:00Z");
        for bad in ["", "soon", "2026-11-22", "-2h", "0s"] {
            assert!(moment(bad, &now).is_err(), "{bad}");
        }
        assert_eq!(span("0s").unwrap(), Duration::ZERO);
        assert_eq!(span("7d").unwrap(), Duration::from_hours(168));
        assert!(span("-1h").is_err());
    }
}
