//! Tells what went wrong: the time line of an order, or of the store's last acts.

use super::{check::Violation, rig::Rig};
use crate::{domain::ids::OrderId, store::StoreError};

/// Lines of a story, at most.
const LINES: usize = 120;
/// Effects of a story of nobody's, at most.
const EFFECTS: i64 = 20;

/// Events, effects and attempts of the order that the first violation names; of the whole store's end, if none.
pub(super) async fn story(rig: &Rig, violations: &[Violation]) -> Vec<String> {
    let Some(site) = rig.site() else {
        return vec!["the store does not run".to_owned()];
    };
    let order = violations
        .iter()
        .find_map(|v| v.order.as_deref())
        .and_then(|id| id.parse().ok())
        .map(OrderId);
    let told = site
        .store
        .read(move |s| -> Result<_, StoreError> {
            let mut lines: Vec<(i64, String)> = Vec::new();
            let events = match order {
                Some(order) => s.events_of(order)?,
                None => {
                    let head = s.head()?.seq;
                    s.events_after(head.saturating_sub(60), 60)?
                }
            };
            for e in events {
                let body: String = e.body.chars().take(220).collect();
                lines.push((
                    e.at.as_millis(),
                    format!("event {:>4}  {}  {body}", e.seq, e.actor),
                ));
            }
            let effects = match order {
                Some(order) => s.effects_of(order)?,
                None => {
                    let last = i64::try_from(s.effect_count()?).unwrap_or(i64::MAX);
                    let ids = last.saturating_sub(EFFECTS).max(0) + 1..=last;
                    let effects: Result<Vec<_>, _> = ids.map(|id| s.effect(id)).collect();
                    effects?.into_iter().flatten().collect()
                }
            };
            for e in effects {
                lines.push((
                    e.created_at.as_millis(),
                    format!(
                        "effect {:>3}  {} is now {}, begun {} times",
                        e.id,
                        e.key,
                        e.state.word(),
                        e.attempt
                    ),
                ));
                for a in s.attempts(e.id)? {
                    lines.push((
                        a.at.as_millis(),
                        format!(
                            "effect {:>3}  {}: {} {}",
                            e.id,
                            a.verb,
                            a.outcome,
                            a.note.unwrap_or_default()
                        ),
                    ));
                }
            }
            // What happened at one moment stays in its order: events first, then what was done about them.
            lines.sort_by_key(|(at, _)| *at);
            Ok(lines)
        })
        .await;
    match told {
        Ok(lines) => {
            let first = lines.first().map_or(0, |l| l.0);
            lines
                .into_iter()
                .take(LINES)
                .map(|(at, line)| {
                    let ms = at - first;
                    format!("{:>9}.{:03}  {line}", ms / 1000, ms.rem_euclid(1000))
                })
                .collect()
        }
        Err(error) => vec![format!("the story can't be read: {error}")],
    }
}
