//! Plots: what happened in each quarter of an hour, hour or day, of one store or of all.

use super::books::date;
use crate::{
    domain::time::Timestamp,
    hq::{
        Hq,
        db::{Cell, cells},
        projections::QUARTER_MS,
    },
    store::StoreError,
};
use serde::{Deserialize, Serialize};

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// How far back; 24 when nothing is said, 35 days at most.
    hours: Option<i64>,
    store: Option<String>,
    /// Minutes by which the clock that is shown is ahead of UTC: hours and days begin by it.
    #[serde(default)]
    offset_min: i64,
}

/// Points, the oldest first; each list has one value a point.
#[derive(Debug, Default, Serialize)]
pub(super) struct Series {
    now: Timestamp,
    /// Milliseconds between two points.
    step_ms: i64,
    at: Vec<i64>,
    orders: Vec<i64>,
    sales_minor: Vec<i64>,
    /// Milliseconds on the robot, a dish on average; none where nothing was cooked.
    cook_ms: Vec<Option<i64>>,
    dishes: Vec<i64>,
    /// The most events that were in a store only, and the age of the oldest of them.
    backlog: Vec<i64>,
    oldest_ms: Vec<i64>,
    /// Events that came in.
    received: Vec<i64>,
    /// Stores that were heard of.
    heard: Vec<i64>,
    silent_ms: Vec<i64>,
}

/// The points. None when there is no such store.
pub(super) async fn series(hq: &Hq, wanted: Wanted) -> Result<Option<Series>, StoreError> {
    let now = hq.0.clock.now();
    let hours = wanted.hours.unwrap_or(24).clamp(1, 35 * 24);
    let step_ms = match hours {
        ..=48 => QUARTER_MS,
        49..=240 => 4 * QUARTER_MS,
        _ => 96 * QUARTER_MS,
    };
    // Quarters of an hour are what was counted.
    let ahead =
        (wanted.offset_min.clamp(-14 * 60, 14 * 60) * 60_000).div_euclid(QUARTER_MS) * QUARTER_MS;
    let last = (now.as_millis() + ahead).div_euclid(step_ms) * step_ms - ahead;
    let first = last - (hours * 3_600_000 / step_ms - 1).max(0) * step_ms;
    hq.0.db
        .read(move |sql| {
            let mut parameters: Vec<Cell<'_>> = cells![first, step_ms].into();
            let mut of = String::new();
            if let Some(store) = &wanted.store {
                let Some(id) = super::store::id_of(sql, store)? else {
                    return Ok(None);
                };
                parameters.push(Cell::from(id));
                of.push_str(" AND store = ?3");
            }
            let rows = sql.rows(
                &format!(
                    "SELECT ((at + {ahead}) / ?2) * ?2 - {ahead}, CAST(sum(orders) AS BIGINT), CAST(sum(sales_minor) AS BIGINT),
                       CAST(sum(cook_ms) AS BIGINT), CAST(sum(dishes) AS BIGINT), max(backlog), max(oldest_ms),
                       CAST(sum(received) AS BIGINT), count(DISTINCT CASE WHEN first_at IS NULL THEN NULL ELSE store END),
                       CAST(sum(silent_ms) AS BIGINT)
                     FROM quarters WHERE at >= ?1{of} GROUP BY 1 ORDER BY 1"
                ),
                &parameters,
                |r| {
                    let mut of = [0_i64; 10];
                    for (i, n) in of.iter_mut().enumerate() {
                        *n = r.get(i)?;
                    }
                    Ok(of)
                },
            )?;
            let mut s = Series {
                now,
                step_ms,
                ..Series::default()
            };
            let mut rows = rows.into_iter().peekable();
            let mut at = first;
            while at <= last {
                let row = rows.next_if(|r| r[0] == at).unwrap_or([0; 10]);
                s.at.push(at);
                s.orders.push(row[1]);
                s.sales_minor.push(row[2]);
                s.cook_ms.push((row[4] > 0).then(|| row[3] / row[4]));
                s.dishes.push(row[4]);
                s.backlog.push(row[5]);
                s.oldest_ms.push(row[6]);
                s.received.push(row[7]);
                s.heard.push(row[8]);
                s.silent_ms.push(row[9]);
                at += step_ms;
            }
            Ok(Some(s))
        })
        .await
}

/// What each store takes in a day, on average over the last week; by its number in the database.
pub(super) fn usual_sales(
    sql: &crate::hq::db::Sql<'_>,
    now: Timestamp,
) -> Result<std::collections::BTreeMap<i64, i64>, StoreError> {
    let rows = sql.rows(
        "SELECT store, CAST(sum(captured_minor - refunded_minor) AS BIGINT), count(*) FROM days
         WHERE day >= ?1 AND day < ?2 GROUP BY store",
        &cells![date(now, -7), date(now, 0)],
        |r| {
            let (sum, days): (i64, i64) = (r.get(1)?, r.get(2)?);
            Ok((r.get::<i64>(0)?, sum / days.max(1)))
        },
    )?;
    Ok(rows.into_iter().collect())
}
