//! How long events are kept: in PostgreSQL by the month, each in a table of its own that is made ahead and dropped after
//! its time; in SQLite by age.

use super::{
    Hq,
    db::{Db, Sql, cells},
};
use crate::{domain::time::Timestamp, store::StoreError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Months whose tables are made ahead.
const AHEAD: i32 = 3;
/// How often it is looked after.
const EVERY: Duration = Duration::from_hours(6);
/// How soon what was erased is cleared away again, where something had to be left.
const AGAIN: Duration = Duration::from_mins(5);
/// Where the number of a guest stands who is to be erased.
const ERASED: &str = "down_messages";
/// Rows of one transaction, where rows are deleted one by one.
const STEP: u64 = 10_000;
/// Not less is kept: reconciliation, replacement boxes and the comparison of days need what is younger.
pub const LEAST_MONTHS: u32 = 2;

/// A month of events.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Month {
    table: String,
    from: i64,
    to: i64,
}

/// The month that is `offset` after the one of a time, in UTC.
fn month(at: Timestamp, offset: i32) -> Option<Month> {
    let date = jiff::Timestamp::from_millisecond(at.as_millis())
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .first_of_month();
    let begins = |n: i32| {
        let first = date
            .checked_add(jiff::Span::new().try_months(n).ok()?)
            .ok()?;
        let at = first.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some((first, at.timestamp().as_millisecond()))
    };
    let ((first, from), (_, to)) = (begins(offset)?, begins(offset + 1)?);
    Some(Month {
        table: format!("events_{:04}_{:02}", first.year(), first.month()),
        from,
        to,
    })
}

/// Makes the tables of this month and the next ones, where there are such.
pub(super) async fn make_ahead(db: &Db, now: Timestamp) -> Result<(), StoreError> {
    db.write(move |sql| {
        if !sql.is_partitioned() {
            return Ok(());
        }
        for offset in 0..=AHEAD {
            let Some(m) = month(now, offset) else {
                continue;
            };
            // The names and numbers are our own.
            sql.execute(
                &format!(
                    "CREATE TABLE IF NOT EXISTS {} PARTITION OF events FOR VALUES FROM ({}) TO ({})",
                    m.table, m.from, m.to
                ),
                &[],
            )?;
        }
        Ok(())
    })
    .await
}

/// Drops what is older than so many whole months, and the quarters of an hour that were counted then; how many tables
/// or events went.
pub(super) async fn drop_old(db: &Db, now: Timestamp, months: u32) -> Result<u64, StoreError> {
    let months = i32::try_from(months.max(LEAST_MONTHS)).unwrap_or(i32::MAX / 2);
    let Some(first_kept) = month(now, -months) else {
        return Ok(0);
    };
    let cut = first_kept.from;
    while db.write(move |sql| delete_a_quarter(sql, cut)).await? > 0 {}
    let tables = db
        .write(move |sql| {
            if !sql.is_partitioned() {
                return Ok(None);
            }
            let tables: Vec<String> = sql.rows(
                "SELECT CAST(c.relname AS text) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                 WHERE i.inhparent = CAST('events' AS regclass)",
                &[],
                |r| r.get(0),
            )?;
            // The names are in the order of time.
            let old = |t: &&String| **t < first_kept.table && is_month(t);
            let old: Vec<&String> = tables.iter().filter(old).collect();
            for table in &old {
                sql.execute(&format!("DROP TABLE {table}"), &[])?;
                tracing::info!(table, "events older than they are kept are dropped");
            }
            Ok(Some(old.len() as u64))
        })
        .await?;
    if let Some(tables) = tables {
        return Ok(tables);
    }
    let mut gone = 0;
    loop {
        let step = db.write(move |sql| delete_some(sql, cut)).await?;
        gone += step;
        if step < STEP {
            return Ok(gone);
        }
    }
}

fn is_month(table: &str) -> bool {
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    table
        .strip_prefix("events_")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(year, month)| {
            year.len() == 4 && month.len() == 2 && digits(year) && digits(month)
        })
}

fn delete_some(sql: &Sql<'_>, cut: i64) -> Result<u64, StoreError> {
    // Rows lie in the order in which they came: behind the first that is kept nothing is looked for.
    sql.execute(
        "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE rowid < coalesce(
           (SELECT rowid FROM events WHERE received_at >= ?1 ORDER BY rowid LIMIT 1), 9223372036854775807
         ) ORDER BY rowid LIMIT ?2)",
        &cells![cut, STEP],
    )
}

/// The oldest quarter of an hour of all stores.
fn delete_a_quarter(sql: &Sql<'_>, cut: i64) -> Result<u64, StoreError> {
    sql.execute(
        "DELETE FROM quarters WHERE at = (SELECT min(at) FROM quarters WHERE at < ?1)",
        &cells![cut],
    )
}

/// Looks after it until told to stop.
pub(super) async fn run(hq: Hq, months: Option<u32>, shutdown: CancellationToken) {
    loop {
        let now = hq.0.clock.now();
        let made = make_ahead(hq.db(), now).await;
        if let Err(error) = made {
            tracing::error!(%error, "the tables of the next months can't be made");
        }
        if let Some(months) = months
            && let Err(error) = drop_old(hq.db(), now, months).await
        {
            tracing::error!(%error, "old events can't be dropped");
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Has PostgreSQL clear away what was erased for good, as soon as nobody looks at what was before, until told to stop.
/// SQLite does it with the commit.
pub(super) async fn clear(db: Db, shutdown: CancellationToken) {
    // What a headquarters erased that was killed before it came here is cleared away by the next one.
    let mut next = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = db.erased() => {}
            () = tokio::time::sleep(next) => {}
        }
        next = match db.vacuum(ERASED).await {
            Ok(0) => EVERY,
            Ok(_) => AGAIN,
            Err(error) => {
                tracing::warn!(%error, table = ERASED, "what was erased can't be cleared away; it is tried again, or run VACUUM yourself");
                AGAIN
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_without_a_hole() {
        let now = Timestamp::from_millis(1_795_370_000_000); // 2026-11-22
        let months: Vec<Month> = (-2..=3).filter_map(|n| month(now, n)).collect();
        assert_eq!(months[2].table, "events_2026_11");
        assert_eq!(months[4].table, "events_2027_01");
        assert!(
            months
                .windows(2)
                .all(|m| m[0].to == m[1].from && m[0].table < m[1].table)
        );
        assert!(months[2].from <= now.as_millis() && now.as_millis() < months[2].to);
    }

    #[test]
    fn only_tables_of_a_month_are_dropped() {
        assert!(is_month("events_2026_01"));
        for other in [
            "events",
            "events_other",
            "events_2026_1",
            "events_2026_01_copy",
        ] {
            assert!(!is_month(other), "{other}");
        }
    }
}
