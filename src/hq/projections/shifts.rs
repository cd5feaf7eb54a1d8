//! Shifts: their receipts, by the day of the orders, and what accounting made of them.

use super::{Fact, days::Days, orders::NewReceipt, orders::signed, places};
use crate::{
    domain::{event::Body, receipt::Registered, time::Timestamp},
    hq::db::{Cell, Kind, Sql, cells},
    store::StoreError,
};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers that are read at once.
const AT_ONCE: usize = 500;

#[derive(Default)]
struct Shift {
    opened_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    posted_at: Option<Timestamp>,
    posted_minor: Option<i64>,
    document: Option<String>,
    /// Sales less returns, minor units, by the day of the orders.
    receipts: BTreeMap<String, i64>,
}

/// The shifts that events touch: by store, the shift's number, and the fiscal drive's.
#[derive(Default)]
pub(super) struct Shifts(BTreeMap<(i64, u32, String), Shift>);

/// The number of the shift that an event is about.
fn number_of(body: &Body) -> Option<u32> {
    match body {
        Body::ShiftOpened { number, .. } | Body::ShiftClosed { number, .. } => Some(*number),
        Body::AccountingPosted { shift, .. } => Some(*shift),
        Body::ReceiptRegistered { registered, .. }
        | Body::CorrectionRegistered { registered, .. } => Some(shift_of(registered)),
        _ => None,
    }
}

/// A drive that does not tell the shift has all its receipts in shift 0.
fn shift_of(registered: &Registered) -> u32 {
    registered.shift_number.unwrap_or(0)
}

/// The local date of a fiscal document, `YYYY-MM-DD`.
fn date_of(registered: &Registered) -> &str {
    registered.local_time.get(..10).unwrap_or("")
}

impl Shifts {
    pub(super) fn load(&mut self, sql: &Sql<'_>, facts: &[Fact]) -> Result<(), StoreError> {
        let mut wanted: BTreeMap<i64, BTreeSet<u32>> = BTreeMap::new();
        for fact in facts {
            if let Some(number) = number_of(&fact.body) {
                wanted.entry(fact.store).or_default().insert(number);
            }
        }
        for (store, numbers) in wanted {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            for part in numbers.chunks(AT_ONCE) {
                let mut parameters: Vec<Cell<'_>> = cells![store].into();
                parameters.extend(part.iter().map(|n| Cell::from(*n)));
                let rows = sql.rows(
                    &format!(
                        "SELECT number, drive, opened_at, closed_at, posted_at, posted_minor, document, receipts
                         FROM shifts WHERE store = ?1 AND number IN ({})",
                        places(2, part.len())
                    ),
                    &parameters,
                    |r| {
                        let receipts: String = r.get(7)?;
                        Ok((
                            (store, r.get(0)?, r.get(1)?),
                            Shift {
                                opened_at: r.get(2)?,
                                closed_at: r.get(3)?,
                                posted_at: r.get(4)?,
                                posted_minor: r.get(5)?,
                                document: r.get(6)?,
                                receipts: serde_json::from_str(&receipts)?,
                            },
                        ))
                    },
                )?;
                self.0.extend(rows);
            }
        }
        Ok(())
    }

    fn of(&mut self, store: i64, number: u32, drive: &str) -> &mut Shift {
        self.0.entry((store, number, drive.to_owned())).or_default()
    }

    pub(super) fn apply(&mut self, fact: &Fact, receipt: Option<NewReceipt>, days: &mut Days) {
        match &fact.body {
            Body::ShiftOpened {
                number, registered, ..
            } => {
                self.of(fact.store, *number, &registered.drive_number)
                    .opened_at = Some(fact.at)
            }
            Body::ShiftClosed {
                number, registered, ..
            } => {
                self.of(fact.store, *number, &registered.drive_number)
                    .closed_at = Some(fact.at)
            }
            Body::CorrectionRegistered { draft, registered } if receipt.is_none() => {
                let amount_minor = signed(draft.kind, draft.total_minor);
                let day = date_of(registered).to_owned();
                days.correct(fact.store, &day, amount_minor);
                let receipt = NewReceipt {
                    day,
                    amount_minor,
                    registered: registered.clone(),
                };
                self.register(fact.store, &receipt, days);
            }
            Body::AccountingPosted {
                shift,
                total_minor,
                number,
                ..
            } => self.post(fact, *shift, *total_minor, number, days),
            _ => {}
        }
        if let Some(receipt) = receipt {
            self.register(fact.store, &receipt, days);
        }
    }

    fn register(&mut self, store: i64, receipt: &NewReceipt, days: &mut Days) {
        let r = &receipt.registered;
        let shift = self.of(store, shift_of(r), &r.drive_number);
        if shift.posted_at.is_none() && !shift.receipts.contains_key(&receipt.day) {
            days.unposted(store, &receipt.day, 1);
        }
        *shift.receipts.entry(receipt.day.clone()).or_default() += receipt.amount_minor;
    }

    /// Numbers begin anew with each fiscal drive: it is the one that was opened last.
    fn post(
        &mut self,
        fact: &Fact,
        number: u32,
        total_minor: i64,
        document: &str,
        days: &mut Days,
    ) {
        let found = self
            .0
            .range_mut((fact.store, number, String::new())..)
            .take_while(|((store, n, _), _)| (*store, *n) == (fact.store, number))
            .max_by_key(|(_, shift)| (shift.posted_at.is_none(), shift.opened_at))
            .map(|(_, shift)| shift);
        let Some(shift) = found else { return };
        if shift.posted_at.is_some() {
            return;
        }
        shift.posted_at = Some(fact.at);
        shift.posted_minor = Some(total_minor);
        shift.document = Some(document.to_owned());
        // What accounting has too much or too little stands on the last day.
        let over = total_minor - shift.receipts.values().sum::<i64>();
        let last = shift.receipts.keys().next_back().cloned();
        for (day, amount_minor) in &shift.receipts {
            let more = if Some(day) == last.as_ref() { over } else { 0 };
            days.account(fact.store, day, amount_minor + more);
            days.unposted(fact.store, day, -1);
        }
    }

    pub(super) fn flush(self, sql: &Sql<'_>) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(self.0.len());
        for ((store, number, drive), s) in &self.0 {
            rows.push(Vec::from(cells![
                *store,
                *number,
                drive.as_str(),
                s.opened_at,
                s.closed_at,
                s.posted_at,
                s.posted_minor,
                s.document.as_deref(),
                serde_json::to_string(&s.receipts)?,
            ]));
        }
        sql.insert_many(
            "shifts",
            &[
                ("store", Kind::Int),
                ("number", Kind::Int),
                ("drive", Kind::Text),
                ("opened_at", Kind::Int),
                ("closed_at", Kind::Int),
                ("posted_at", Kind::Int),
                ("posted_minor", Kind::Int),
                ("document", Kind::Text),
                ("receipts", Kind::Text),
            ],
            &rows,
            "ON CONFLICT (store, drive, number) DO UPDATE SET opened_at = excluded.opened_at, closed_at = excluded.closed_at,
               posted_at = excluded.posted_at, posted_minor = excluded.posted_minor, document = excluded.document,
               receipts = excluded.receipts",
        )?;
        Ok(())
    }
}
