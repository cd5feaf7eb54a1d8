//! The robot's bins and the store's book of its stock: the book follows the journal, movement by movement, and the bins
//! must come to the same. [source: robot.md 3.18: a difference is never overwritten in silence]

use super::{Robot, apply, fence};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Actor,
        ids::IngredientId,
        stock::{Levels, spoken},
    },
    flow::{
        Context, FlowError,
        commands::{clear_alert, raise_alert},
    },
    protection::{Protection, holds},
    store::Tx,
};
use galley_robot::{BinView, Cursor, Part};
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// Cause of the alert about a difference.
const KEY: &str = "robot:levels";
/// While there is one, the bins are looked at again no more often than that.
const AGAIN: Duration = Duration::from_secs(5);

impl Robot {
    /// Compares the bins with the book, and books the first levels, when the report is of the very event that was
    /// applied last: an older one would hide movements that are booked, a newer one would count those to come twice.
    /// Otherwise after the next event.
    pub(super) async fn book_levels(&self, bins: Option<Vec<BinView>>, as_of: u64) {
        let Some(bins) = bins else { return };
        let epoch = self.known.borrow().cell.as_ref().map(|c| c.epoch);
        let booked = self
            .site
            .command(Actor(String::from("robot")), move |tx, cx| {
                let applied = fence::cursor(&tx.snapshot())?;
                if !is_of_the_last_event(applied, epoch, as_of) {
                    return Ok(None);
                }
                let differs = compare(tx, cx, &bins)?;
                apply::first_levels(tx, cx, &bins)?;
                Ok(Some(differs))
            })
            .await;
        match booked {
            Ok(differs) => self.known.send_modify(|k| {
                k.levels_due = differs.is_none();
                k.differs = differs.unwrap_or(k.differs);
            }),
            Err(error) => tracing::error!(%error, "the robot's bins can't be compared"),
        }
    }

    /// While the bins differ from the book, looks again when something was booked: a person counts, and the alert
    /// goes.
    pub(super) async fn watch_bins(&self) {
        let mut known = self.known.subscribe();
        let mut booked = self.site.store.head();
        loop {
            let differs = known.wait_for(|k| k.ready && k.differs).await.is_ok();
            if !differs || booked.changed().await.is_err() {
                return;
            }
            if let Ok(snapshot) = self.driver.snapshot(&[Part::Bins]).await {
                self.book_levels(snapshot.bins, snapshot.as_of).await;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Tells people of what differs, or that nothing does; whether something does. The book stays as it is: a person counts.
fn compare(tx: &mut Tx<'_>, cx: &Context, bins: &[BinView]) -> Result<bool, FlowError> {
    let differences = differ(&tx.snapshot().levels()?, bins, |id| {
        cx.catalog.ingredient(id).map_or("piece", |i| i.unit.word())
    });
    if differences.is_empty() || !holds(Protection::CompareBins) {
        clear_alert(tx, cx, KEY)?;
        return Ok(false);
    }
    raise_alert(
        tx,
        cx,
        Alert {
            key: KEY.to_owned(),
            severity: Severity::Warning,
            title: "The robot's bins differ from the book".to_owned(),
            detail: differences.join(", "),
            advice: "Count what is in the bins and book it: galley stock count. What the robot is filled with, it books \
                     by itself."
                .to_owned(),
            since_at: cx.now,
        },
    )?;
    Ok(true)
}

/// What there is more, or less, of in the bins than in the book. What is taken on both sides changes nothing of it, so
/// that the same difference is told once.
fn differ(
    book: &Levels,
    bins: &[BinView],
    unit: impl Fn(&IngredientId) -> &'static str,
) -> Vec<String> {
    let mut seen: BTreeMap<IngredientId, i64> = BTreeMap::new();
    for bin in bins {
        if let Some(item) = &bin.item {
            *seen.entry(IngredientId(item.clone())).or_default() += bin.level;
        }
    }
    seen.iter()
        .filter_map(|(id, seen)| Some((id, seen.saturating_sub(book.get(id)?.on_hand))))
        .filter(|(_, more)| *more != 0)
        .map(|(id, more)| {
            let amount = spoken(more.saturating_abs(), unit(id));
            let word = if more > 0 { "more" } else { "less" };
            format!("{}: {amount} {word} there than booked", id.0)
        })
        .collect()
}

/// Whether a report was made after the very event that was applied last.
fn is_of_the_last_event(applied: Option<Cursor>, epoch: Option<Uuid>, as_of: u64) -> bool {
    // Before a journal's first event there is no cursor of it, and nothing that could have been missed.
    applied
        .filter(|c| epoch.is_none_or(|e| e == c.epoch))
        .is_none_or(|c| c.last_seq == as_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stock::Level;

    #[test]
    fn levels_are_booked_only_by_a_report_of_the_last_event_that_was_applied() {
        let (ours, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at = |last_seq| {
            Some(Cursor {
                epoch: ours,
                last_seq,
            })
        };
        for (applied, epoch, as_of, current) in [
            (at(5), Some(ours), 5, true),
            // It would hide a movement that is booked, or one that is to come would count twice.
            (at(5), Some(ours), 4, false),
            (at(5), Some(ours), 6, false),
            // Another journal, or the first connection: nothing of it was applied.
            (at(5), Some(other), 6, true),
            (None, Some(ours), 6, true),
        ] {
            assert_eq!(is_of_the_last_event(applied, epoch, as_of), current);
        }
    }

    #[test]
    fn only_levels_that_differ_are_told() {
        let bin = |item: &str, level: i64| -> BinView {
            serde_json::from_value(serde_json::json!({
                "bin": "b", "state": "ok", "item": item, "level": level, "unit": "mg", "cap": 9000
            }))
            .unwrap()
        };
        let level = |on_hand| Level {
            on_hand,
            reserved: 0,
        };
        let id = |name: &str| IngredientId(name.to_owned());
        let book = Levels::from([
            (id("beet"), level(500)),
            (id("rice"), level(2_500)),
            (id("salt"), level(7)),
        ]);
        let bins = [
            bin("beet", 200),
            bin("beet", 300),
            bin("rice", 1_000),
            bin("salt", 9),
            bin("new", 5),
        ];
        assert_eq!(
            differ(&book, &bins, |id| if id.0 == "salt" {
                "piece"
            } else {
                "mg"
            }),
            [
                "rice: 1.5 g less there than booked",
                "salt: 2 pcs more there than booked"
            ]
        );
    }
}
