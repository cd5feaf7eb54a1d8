//! Days of stores: what their orders, receipts and accounting documents add up to.

use super::orders::{SUMS, Sums};
use crate::{
    hq::db::{Cell, Kind, Sql, cells},
    store::StoreError,
};
use std::collections::BTreeMap;

/// What is added to a day.
#[derive(Default)]
struct Day {
    currency: &'static str,
    sums: Sums,
    corrections_minor: i64,
    accounted_minor: i64,
    unposted: i64,
}

/// What is added to days, by store and day.
#[derive(Default)]
pub(super) struct Days(BTreeMap<(i64, String), Day>);

impl Days {
    fn of(&mut self, store: i64, day: &str) -> &mut Day {
        self.0.entry((store, day.to_owned())).or_default()
    }

    /// An order of the day changed.
    pub(super) fn add(
        &mut self,
        store: i64,
        day: &str,
        currency: &'static str,
        before: Sums,
        after: Sums,
    ) {
        let entry = self.of(store, day);
        entry.currency = currency;
        entry.sums = entry.sums.plus(after.less(before));
    }

    /// A receipt of no order.
    pub(super) fn correct(&mut self, store: i64, day: &str, amount_minor: i64) {
        self.of(store, day).corrections_minor += amount_minor;
    }

    /// Accounting has so much of the day's receipts.
    pub(super) fn account(&mut self, store: i64, day: &str, amount_minor: i64) {
        self.of(store, day).accounted_minor += amount_minor;
    }

    /// So many more shifts with receipts of the day that accounting does not have.
    pub(super) fn unposted(&mut self, store: i64, day: &str, shifts: i64) {
        self.of(store, day).unposted += shifts;
    }

    pub(super) fn flush(self, sql: &Sql<'_>) -> Result<(), StoreError> {
        let rows: Vec<Vec<Cell<'_>>> = self
            .0
            .iter()
            .map(|((store, day), d)| {
                let mut row: Vec<Cell<'_>> = cells![
                    *store,
                    day.as_str(),
                    d.currency,
                    d.corrections_minor,
                    d.accounted_minor,
                    d.unposted
                ]
                .into();
                row.extend(d.sums.values().map(Cell::from));
                row
            })
            .collect();
        let added: Vec<&str> = ["corrections_minor", "accounted_minor", "unposted"]
            .into_iter()
            .chain(SUMS)
            .collect();
        let mut columns = vec![
            ("store", Kind::Int),
            ("day", Kind::Text),
            ("currency", Kind::Text),
        ];
        columns.extend(added.iter().map(|name| (*name, Kind::Int)));
        let set: Vec<String> = added
            .iter()
            .map(|name| format!("{name} = days.{name} + excluded.{name}"))
            .collect();
        sql.insert_many(
            "days",
            &columns,
            &rows,
            &format!(
                "ON CONFLICT (store, day) DO UPDATE SET
                   currency = CASE WHEN excluded.currency = '' THEN days.currency ELSE excluded.currency END, {}",
                set.join(", ")
            ),
        )?;
        Ok(())
    }
}
