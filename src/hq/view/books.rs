//! The books, day by day and store by store: orders = payments = receipts = accounting, to the kopeck.

use crate::{
    domain::time::Timestamp,
    hq::{
        Hq,
        db::{Cell, Row, cells},
    },
    store::StoreError,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days that are looked at, when nothing is said.
const DAYS: i64 = 7;
/// Lines on a page, when nothing is said, and at most.
const PAGE: u32 = 200;
const LONGEST_PAGE: u32 = 10_000;

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// `YYYY-MM-DD`, both included.
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) store: Option<String>,
    /// `different`, `waiting`, `equal`; all when empty.
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) offset: u32,
    pub(super) limit: Option<u32>,
}

/// How a day's books are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Sums that should be the same are not.
    Different,
    /// They are not yet: something is under way.
    Waiting,
    /// They are.
    Equal,
}

/// One day of one store. All money in minor units.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) store_id: String,
    pub(super) name: String,
    pub(super) day: String,
    pub(super) currency: String,
    pub(super) state: State,
    /// Orders that were paid.
    pub(super) orders: i64,
    /// What was sold, less what came back.
    pub(super) orders_minor: i64,
    /// Money in less money back.
    pub(super) payments_minor: i64,
    /// Sale receipts less return receipts, here and elsewhere.
    pub(super) receipts_minor: i64,
    /// Of them, those that are registered elsewhere.
    pub(super) elsewhere_minor: i64,
    /// Correction receipts of no order.
    pub(super) corrections_minor: i64,
    /// What accounting has of the till's receipts.
    pub(super) accounted_minor: i64,
    /// No accounting system is connected to the store: nothing is to be there.
    pub(super) no_accounting: bool,
    /// Shifts whose document accounting does not have.
    pub(super) unposted: i64,
    /// Orders with something under way, and orders whose sums don't agree.
    pub(super) waiting: i64,
    pub(super) unequal: i64,
}

/// All of them.
#[derive(Debug, Serialize)]
pub(super) struct Books {
    at: Timestamp,
    from: String,
    to: String,
    different: i64,
    waiting: i64,
    equal: i64,
    totals: BTreeMap<String, Totals>,
    pub(super) lines: Vec<Line>,
}

/// Sums over all that matches.
#[derive(Debug, Default, Serialize)]
struct Totals {
    orders: i64,
    orders_minor: i64,
    payments_minor: i64,
    receipts_minor: i64,
    accounted_minor: i64,
    /// What accounting is to have: the receipts of the tills of stores that have accounting.
    booked_minor: i64,
    elsewhere_minor: i64,
    corrections_minor: i64,
}

const KEPT: &str = "(d.captured_minor - d.refunded_minor)";
const PAPERS: &str = "(d.receipted_minor - d.returned_minor + d.elsewhere_minor)";
/// What accounting is to have: the till's own receipts.
const BOOKED: &str = "(d.receipted_minor - d.returned_minor + d.corrections_minor)";

/// Whether no accounting system is connected to the store.
const ALONE: &str = "(coalesce(s.no_accounting, 0) = 1)";

/// Shifts of which a document is on its way. Where no accounting is connected, none is.
fn unposted_sql() -> String {
    format!("CASE WHEN {ALONE} THEN 0 ELSE d.unposted END")
}

/// What accounting is to have of the day; in a store without it, what it got in better days.
fn owed_sql() -> String {
    format!("CASE WHEN {ALONE} AND d.unposted > 0 THEN d.accounted_minor ELSE {BOOKED} END")
}

/// The word of a line's state, in SQL.
fn state_sql() -> String {
    format!(
        "CASE WHEN d.unequal > 0 OR (d.unposted = 0 AND d.accounted_minor <> {BOOKED})
                OR (d.waiting = 0 AND (d.sold_minor <> {KEPT} OR {KEPT} <> {PAPERS})) THEN 0
              WHEN d.waiting > 0 OR {} > 0 THEN 1 ELSE 2 END",
        unposted_sql()
    )
}

fn state(n: i64) -> State {
    match n {
        0 => State::Different,
        1 => State::Waiting,
        _ => State::Equal,
    }
}

fn line(r: &Row) -> Result<Line, StoreError> {
    Ok(Line {
        store_id: r.get(0)?,
        name: r.get(1)?,
        day: r.get(2)?,
        currency: r.get(3)?,
        orders: r.get(4)?,
        orders_minor: r.get(5)?,
        payments_minor: r.get(6)?,
        receipts_minor: r.get(7)?,
        elsewhere_minor: r.get(8)?,
        corrections_minor: r.get(9)?,
        accounted_minor: r.get(10)?,
        unposted: r.get(11)?,
        waiting: r.get(12)?,
        unequal: r.get(13)?,
        state: state(r.get(14)?),
        no_accounting: r.get::<i64>(15)? == 1,
    })
}

/// `YYYY-MM-DD` in UTC, so many days after `at`.
pub(super) fn date(at: Timestamp, days: i64) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis() + days * 86_400_000)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .to_string()
}

/// The books.
pub(super) async fn books(hq: &Hq, wanted: Wanted, most: Option<u32>) -> Result<Books, StoreError> {
    let now = hq.0.clock.now();
    // The last day begins first where clocks are ahead of ours.
    let to = wanted.to.clone().unwrap_or_else(|| date(now, 1));
    let from = wanted.from.clone().unwrap_or_else(|| date(now, 1 - DAYS));
    // By the name that every other page has.
    let names: BTreeMap<String, String> = hq
        .fleet()
        .await?
        .cards
        .iter()
        .map(|c| (c.store_id.clone(), c.name.clone()))
        .collect();
    hq.0.db
        .read(move |sql| {
            let state_of = state_sql();
            let mut parameters: Vec<Cell<'_>> = cells![from.as_str(), to.as_str()].into();
            let mut conditions = "d.day >= ?1 AND d.day <= ?2".to_owned();
            if let Some(store) = &wanted.store {
                parameters.push(Cell::from(store.as_str()));
                conditions.push_str(" AND s.store_id = ?3");
            }
            let mut books = Books {
                at: now,
                different: 0,
                waiting: 0,
                equal: 0,
                totals: BTreeMap::new(),
                lines: Vec::new(),
                from: from.clone(),
                to: to.clone(),
            };
            let sums = sql.rows(
                &format!(
                    "SELECT d.currency, {state_of}, count(*), CAST(sum(d.orders) AS BIGINT), CAST(sum(d.sold_minor) AS BIGINT),
                       CAST(sum({KEPT}) AS BIGINT), CAST(sum({PAPERS}) AS BIGINT), CAST(sum(d.accounted_minor) AS BIGINT),
                       CAST(sum(d.elsewhere_minor) AS BIGINT), CAST(sum(d.corrections_minor) AS BIGINT),
                       CAST(sum({}) AS BIGINT)
                     FROM days d JOIN stores s ON s.id = d.store WHERE {conditions} GROUP BY 1, 2",
                    owed_sql()
                ),
                &parameters,
                |r| {
                    let mut of = [0_i64; 10];
                    for (i, n) in of.iter_mut().enumerate() {
                        *n = r.get(i + 1)?;
                    }
                    Ok((r.get::<String>(0)?, of))
                },
            )?;
            for (currency, [n, count, orders, sold, kept, papers, accounted, elsewhere, corrections, owed]) in sums {
                let (kind, word) = match state(n) {
                    State::Different => (&mut books.different, "different"),
                    State::Waiting => (&mut books.waiting, "waiting"),
                    State::Equal => (&mut books.equal, "equal"),
                };
                *kind += count;
                if !wanted.state.is_empty() && wanted.state != word {
                    continue;
                }
                let t = books.totals.entry(currency).or_default();
                t.orders += orders;
                t.orders_minor += sold;
                t.payments_minor += kept;
                t.receipts_minor += papers;
                t.accounted_minor += accounted;
                t.elsewhere_minor += elsewhere;
                t.corrections_minor += corrections;
                t.booked_minor += owed;
            }
            let only = match wanted.state.as_str() {
                "different" => format!(" AND {state_of} = 0"),
                "waiting" => format!(" AND {state_of} = 1"),
                "equal" => format!(" AND {state_of} = 2"),
                _ => String::new(),
            };
            let limit = most.unwrap_or_else(|| wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE));
            books.lines = sql.rows(
                &format!(
                    "SELECT s.store_id, s.name, d.day, d.currency, d.orders, d.sold_minor, {KEPT}, {PAPERS}, d.elsewhere_minor,
                       d.corrections_minor, d.accounted_minor, {}, d.waiting, d.unequal, {state_of},
                       CASE WHEN {ALONE} THEN 1 ELSE 0 END
                     FROM days d JOIN stores s ON s.id = d.store WHERE {conditions}{only}
                     ORDER BY 15, d.day DESC, s.store_id LIMIT {limit} OFFSET {}",
                    unposted_sql(),
                    wanted.offset
                ),
                &parameters,
                line,
            )?;
            for line in &mut books.lines {
                if let Some(name) = names.get(&line.store_id) {
                    line.name.clone_from(name);
                }
            }
            Ok(books)
        })
        .await
}
