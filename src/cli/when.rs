//! Times ahead and how long, as people write them; the zone that the store's clock on the wall is in.

use super::{
    client::Client,
    exit::{Misuse, Stop},
    output,
};
use crate::{
    domain::time::local,
    world::{Clock as _, SystemClock},
};
use jiff::{SignedDuration, Span, Zoned, civil, tz::TimeZone};
use serde_json::Value;
use std::time::Duration;

/// The time of this machine's clock and zone.
pub(super) fn here() -> Zoned {
    local(SystemClock.now(), &TimeZone::system())
}

/// The zone of the store, whoever asks from wherever; of a daemon that does not tell it, this machine's. Times are
/// told in it from now on.
pub(super) async fn zone(client: &Client) -> anyhow::Result<TimeZone> {
    let store = client.get("/store").await?;
    let zone = zone_of(&store)?;
    output::told_in(zone.clone());
    Ok(zone)
}

fn zone_of(store: &Value) -> Result<TimeZone, Stop> {
    let Some(name) = store.get("zone").and_then(Value::as_str) else {
        return Ok(TimeZone::system());
    };
    TimeZone::get(name).map_err(|_| {
        Stop::refused(format!(
            "the store's time zone {name} is not known on this machine: run it on the box itself"
        ))
    })
}

/// Has times told in the zone that this answer of the store names.
pub(super) fn told_by(store: &Value) {
    if let Ok(zone) = zone_of(store) {
        output::told_in(zone);
    }
}

/// Has times told in the store's zone and names it. What was read already is shown whatever comes of this.
pub(super) async fn told(client: &Client) -> String {
    let zone = zone(client).await.unwrap_or_else(|_| TimeZone::system());
    zone.iana_name().unwrap_or("this machine's zone").to_owned()
}

/// Now, to read `text` by: in the store's zone where that is a time or a day. How long is as long everywhere.
pub(super) async fn now(client: &Client, text: &str) -> anyhow::Result<Zoned> {
    Ok(match on_the_wall(text.trim()) {
        true => local(SystemClock.now(), &zone(client).await?),
        false => here(),
    })
}

/// Whether it is a time or a day rather than how long.
fn on_the_wall(text: &str) -> bool {
    text.parse::<civil::Time>().is_ok()
        || text.parse::<civil::Date>().is_ok()
        || text.parse::<civil::DateTime>().is_ok()
}

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
pub(super) async fn ahead(client: &Client, text: &str) -> anyhow::Result<i64> {
    moment(text.trim(), &now(client, text).await?)
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
    use serde_json::json;

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

    #[test]
    fn a_time_is_the_stores_and_how_long_is_nobodys() {
        for text in ["18:00", "2027-01-31", "2027-01-31 18:00"] {
            assert!(on_the_wall(text), "{text}");
        }
        for text in ["2h", "90m", "3d", "-2h", "2h 30m", "soon", ""] {
            assert!(!on_the_wall(text), "{text}");
        }
        let zone = |store: Value| zone_of(&store);
        assert_eq!(
            zone(json!({"zone": "Asia/Tashkent"})).unwrap().iana_name(),
            Some("Asia/Tashkent")
        );
        assert_eq!(zone(json!({})).unwrap(), TimeZone::system());
        assert!(zone(json!({"zone": "Moon/Crater"})).is_err());
    }
}
