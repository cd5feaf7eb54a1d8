//! The last 24 hours of a store, a sign for each quarter of an hour.

use crate::{
    domain::time::Timestamp,
    hq::{
        db::{Cell, Sql, cells},
        projections::QUARTER_MS,
    },
    store::StoreError,
};
use std::collections::BTreeMap;

/// Quarters of a day.
pub(super) const QUARTERS: i64 = 96;
/// Silence that is nothing, milliseconds, where the store's heartbeat is not slower.
const USUAL_MS: i64 = 45_000;
/// Stores that are read at once.
const AT_ONCE: usize = 250;

/// For each store (with its heartbeat) 96 signs, the oldest first: `-` nothing was heard, `g` with gaps, `l` heard and
/// behind, `o` heard all the time. Before a store was first heard of there was nobody to be silent.
pub(super) fn of(
    sql: &Sql<'_>,
    stores: &[(i64, u64)],
    now: Timestamp,
) -> Result<BTreeMap<i64, String>, StoreError> {
    let last = now.as_millis().div_euclid(QUARTER_MS) * QUARTER_MS;
    let first = last - (QUARTERS - 1) * QUARTER_MS;
    let mut signs: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
    let heartbeats: BTreeMap<i64, u64> = stores.iter().copied().collect();
    for part in stores.chunks(AT_ONCE) {
        let mut parameters: Vec<Cell<'_>> = cells![first].into();
        parameters.extend(part.iter().map(|(id, _)| Cell::from(*id)));
        let places: Vec<String> = (2..2 + part.len()).map(|n| format!("?{n}")).collect();
        let rows = sql.rows(
            &format!(
                "SELECT store, at, first_at, last_at, silent_ms, oldest_ms,
                        CAST(CASE WHEN EXISTS (SELECT 1 FROM quarters earlier WHERE earlier.store = quarters.store
                          AND earlier.at < quarters.at AND earlier.first_at IS NOT NULL) THEN 0 ELSE 1 END AS BIGINT)
                 FROM quarters WHERE at >= ?1 AND store IN ({})",
                places.join(", ")
            ),
            &parameters,
            |r| {
                Ok((
                    r.get::<i64>(0)?,
                    r.get::<i64>(1)?,
                    r.get::<Option<i64>>(2)?,
                    r.get::<Option<i64>>(3)?,
                    r.get::<i64>(4)?,
                    r.get::<i64>(5)?,
                    r.get::<i64>(6)? == 1,
                ))
            },
        )?;
        for (store, at, begun, ended, silent_ms, oldest_ms, is_first) in rows {
            let (Some(begun), Some(ended)) = (begun, ended) else {
                continue;
            };
            let heartbeat = heartbeats
                .get(&store)
                .map_or(0, |ms| i64::try_from(*ms).unwrap_or(i64::MAX));
            let usual = USUAL_MS.max(heartbeat.saturating_mul(3));
            let end = (at + QUARTER_MS).min(now.as_millis());
            let before = if is_first { 0 } else { begun - at - usual };
            let silent = silent_ms + before.max(0) + (end - ended - usual).max(0);
            let sign = match () {
                () if silent > 0 => b'g',
                () if oldest_ms > 60_000 => b'l',
                () => b'o',
            };
            let index = usize::try_from((at - first) / QUARTER_MS).unwrap_or(usize::MAX);
            let line = signs
                .entry(store)
                .or_insert_with(|| vec![b'-'; usize::try_from(QUARTERS).unwrap_or(0)]);
            if let Some(place) = line.get_mut(index) {
                *place = sign;
            }
        }
    }
    Ok(stores
        .iter()
        .map(|(id, _)| {
            let line = signs
                .remove(id)
                .and_then(|line| String::from_utf8(line).ok())
                .unwrap_or_else(|| "-".repeat(usize::try_from(QUARTERS).unwrap_or(0)));
            (*id, line)
        })
        .collect())
}
