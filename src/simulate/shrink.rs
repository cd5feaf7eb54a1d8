//! Finds a shorter plan that still breaks the promise: fewer days, troubles, guests, deliveries.

use super::plan::{Ground, Plan};

/// Lives that may be lived to shorten one plan.
const LIVES: u32 = 120;

/// The shortest plan that was found for which `breaks` still holds.
pub(super) fn shrink(plan: Plan, breaks: impl Fn(&Plan) -> bool) -> Plan {
    let mut best = plan;
    let mut lives = 0;
    let mut attempt = |candidate: &Plan| {
        lives += 1;
        lives <= LIVES && breaks(candidate)
    };
    // Days after the broken one were never lived; earlier ones may not matter.
    while best.days.len() > 1 {
        let mut shorter = best.clone();
        shorter.days.remove(0);
        if attempt(&shorter) {
            best = shorter;
            continue;
        }
        let mut shorter = best.clone();
        shorter.days.pop();
        if !attempt(&shorter) {
            break;
        }
        best = shorter;
    }
    let mut simpler = best.clone();
    simpler.ground = Ground::default();
    if simpler != best && attempt(&simpler) {
        best = simpler;
    }
    loop {
        let size = |p: &Plan| (p.troubles(), p.guests(), p.deliveries());
        let before = size(&best);
        for day in 0..best.days.len() {
            best = without_each(best, day, |d| &mut d.troubles, &mut attempt);
            best = without_each(best, day, |d| &mut d.guests, &mut attempt);
            best = without_each(best, day, |d| &mut d.deliveries, &mut attempt);
            if best.days.get(day).is_some_and(|d| d.off_at_night) {
                let mut calmer = best.clone();
                if let Some(day) = calmer.days.get_mut(day) {
                    day.off_at_night = false;
                }
                if attempt(&calmer) {
                    best = calmer;
                }
            }
        }
        if size(&best) == before {
            return best;
        }
    }
}

/// Leaves out what is not needed: halves first, then one by one.
fn without_each<T>(
    mut best: Plan,
    day: usize,
    list: impl Fn(&mut super::plan::Day) -> &mut Vec<T>,
    attempt: &mut impl FnMut(&Plan) -> bool,
) -> Plan {
    let mut size = best.days.get_mut(day).map_or(0, |d| list(d).len());
    while size > 0 {
        let mut at = 0;
        loop {
            let mut shorter = best.clone();
            let Some(items) = shorter.days.get_mut(day).map(&list) else {
                return best;
            };
            if at >= items.len() {
                break;
            }
            let end = (at + size).min(items.len());
            items.drain(at..end);
            if attempt(&shorter) {
                best = shorter;
            } else {
                at = end;
            }
        }
        size /= 2;
    }
    best
}

/// A plan in lines for people.
pub(super) fn describe(plan: &Plan) -> Vec<String> {
    let mut lines = vec![plan.ground.to_string()];
    for (n, day) in plan.days.iter().enumerate() {
        lines.push(format!("day {}", n + 1));
        for guest in &day.guests {
            lines.push(format!(
                "  at {:>5}.{:03} s  a guest comes ({:?}, {:016x})",
                guest.at_ms / 1000,
                guest.at_ms % 1000,
                guest.mood,
                guest.seed
            ));
        }
        for delivery in &day.deliveries {
            lines.push(format!(
                "  at {:>5}.{:03} s  ingredients come ({:010x})",
                delivery.at_ms / 1000,
                delivery.at_ms % 1000,
                delivery.number
            ));
        }
        for trouble in &day.troubles {
            lines.push(format!("  {trouble}"));
        }
        if day.off_at_night {
            lines.push("  the box is switched off at night".to_owned());
        }
    }
    lines
}
