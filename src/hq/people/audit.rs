//! Who did what, when, from where. Lines are only ever added, in the same transaction as what they tell.

use super::Who;
use crate::{
    domain::time::Timestamp,
    hq::{
        Hq,
        db::{Cell, Sql, cells},
    },
    store::StoreError,
};
use serde::{Deserialize, Serialize};

/// Lines on a page, when nothing is said, and at most.
const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 10_000;

/// What is to be said of an act that the door notes: whoever did it puts it into its answer's extensions.
#[derive(Clone, Debug)]
pub(in crate::hq) struct Detail(pub(in crate::hq) String);

/// Notes what somebody did: `act` is a word (`user.added`), `subject` whom or what it is about.
///
/// # Errors
/// When it can't be written; then what it tells must not happen either.
pub(in crate::hq) fn note(
    sql: &Sql<'_>,
    who: &Who,
    now: Timestamp,
    act: &str,
    subject: &str,
    detail: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO audit (at, who, address, act, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &cells![
            now,
            who.name.as_str(),
            who.address.as_str(),
            act,
            subject,
            detail
        ],
    )?;
    Ok(())
}

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// Those before this one.
    before: Option<i64>,
    #[serde(default)]
    who: String,
    #[serde(default)]
    act: String,
    #[serde(default)]
    q: String,
    limit: Option<u32>,
}

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) at: Timestamp,
    pub(super) who: String,
    pub(super) address: String,
    pub(super) act: String,
    pub(super) subject: String,
    pub(super) detail: String,
}

/// The lines, the newest first.
pub(super) async fn lines(hq: &Hq, w: Wanted, most: Option<u32>) -> Result<Vec<Line>, StoreError> {
    hq.0.db
        .read(move |sql| {
            let mut parameters: Vec<Cell<'_>> = cells![w.before.unwrap_or(i64::MAX)].into();
            let mut conditions = "id < ?1".to_owned();
            let mut also = |condition: &str, value: String| {
                parameters.push(Cell::from(value));
                let place = format!("?{}", parameters.len());
                conditions.push_str(" AND ");
                conditions.push_str(&condition.replace('#', &place));
            };
            if !w.who.is_empty() {
                also("who = #", w.who);
            }
            if !w.act.is_empty() {
                also("act LIKE #", format!("{}%", plain(&w.act)));
            }
            if !w.q.is_empty() {
                also(
                    "lower(who || ' ' || act || ' ' || subject || ' ' || detail) LIKE #",
                    format!("%{}%", plain(&w.q.to_lowercase())),
                );
            }
            let limit = most.unwrap_or_else(|| w.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE));
            sql.rows(
                &format!(
                    "SELECT id, at, who, address, act, subject, detail FROM audit WHERE {conditions}
                     ORDER BY id DESC LIMIT {limit}"
                ),
                &parameters,
                |r| {
                    Ok(Line {
                        id: r.get(0)?,
                        at: r.get(1)?,
                        who: r.get(2)?,
                        address: r.get(3)?,
                        act: r.get(4)?,
                        subject: r.get(5)?,
                        detail: r.get(6)?,
                    })
                },
            )
        })
        .await
}

/// Without the signs that LIKE reads.
fn plain(text: &str) -> String {
    text.replace(['%', '_', '\\'], "")
}
