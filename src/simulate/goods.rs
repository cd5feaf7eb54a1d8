//! Ingredients that come in, by the robot's bins and by the book, and are counted in the evening: the book must be what
//! lies in the bins, whatever was repeated, lost or cut off on the way.

use super::{
    check::Books,
    plan::Delivery,
    rig::{Rig, STAFF},
};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// What staff remember of the goods.
pub(super) type Goods = Rc<RefCell<Memory>>;

/// What was acknowledged to them.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Booked in by hand, by ingredient.
    booked: BTreeMap<String, i64>,
    /// Of these the bins know nothing: they are counted in the evening.
    uncounted: BTreeSet<String>,
}

/// A till or a tablet that is not answered asks again.
const AGAIN: Duration = Duration::from_secs(1);
/// A difference that was counted away is not told any more after this time.
const TOLD: Duration = Duration::from_mins(2);
/// The alert of the store that its book is not what lies in the bins.
const DIFFERS: &str = "robot:levels";

/// Ingredients come.
pub(super) async fn deliver(rig: &Rig, delivery: Delivery, key: String, goods: &Goods) {
    let kitchen = &rig.outside().kitchen;
    let bins = kitchen.bins();
    let pick = delivery.number / 4 % (bins.len() as u64).max(1);
    let one = usize::try_from(pick).ok().and_then(|n| bins.get(n));
    let most = |room: i64| {
        let some = i64::try_from(delivery.number >> 8).unwrap_or(0);
        (room > 0).then(|| 1 + some % room)
    };
    match (delivery.number % 4, one) {
        // Whatever is half empty is filled. Nobody fills a robot whose panel is dark.
        (0, _) if kitchen.is_on() => {
            for bin in bins.iter().filter(|b| b.level * 2 < b.cap) {
                if let Some(item) = &bin.item {
                    kitchen.fill(&bin.bin, item, bin.cap - bin.level, "round");
                }
            }
        }
        (1 | 2, Some(bin)) if kitchen.is_on() => {
            if let (Some(item), Some(quantity)) = (&bin.item, most(bin.cap - bin.level)) {
                kitchen.fill(&bin.bin, item, quantity, "delivery");
            }
        }
        // A carton is booked in at the tablet, and the robot is never told of it.
        (3, Some(bin)) => {
            if let (Some(item), Some(quantity)) = (&bin.item, most(bin.cap)) {
                book(rig, item, quantity, key, goods).await;
            }
        }
        _ => {}
    }
}

async fn book(rig: &Rig, item: &str, quantity: i64, key: String, goods: &Goods) {
    let body = json!({"ingredient_id": item, "quantity": quantity});
    goods.borrow_mut().uncounted.insert(item.to_owned());
    loop {
        let answer = rig
            .call("POST", "stock/receive", STAFF, Some(&key), &body)
            .await;
        match answer {
            Some((status, _)) if status < 300 => {
                *goods
                    .borrow_mut()
                    .booked
                    .entry(item.to_owned())
                    .or_default() += quantity;
                return;
            }
            Some((status, answer)) if status < 500 => {
                tracing::debug!(status, %answer, "goods are refused");
                return;
            }
            _ => sleep(AGAIN).await,
        }
    }
}

/// What lies in the bins.
fn in_bins(rig: &Rig) -> BTreeMap<String, i64> {
    let mut levels: BTreeMap<String, i64> = BTreeMap::new();
    for bin in rig.outside().kitchen.bins() {
        if let Some(item) = bin.item {
            *levels.entry(item).or_default() += bin.level;
        }
    }
    levels
}

async fn differs(rig: &Rig) -> Option<bool> {
    let (_, seen) = rig.call("GET", "alerts", STAFF, None, &Value::Null).await?;
    let alerts = seen["alerts"].as_array()?;
    Some(alerts.iter().any(|a| a["id"] == DIFFERS))
}

/// Nothing cooks any more: staff count what was booked without the robot, and all of it where the store says that
/// its book differs.
pub(super) async fn count(rig: &Rig, day: u64, goods: &Goods) -> Result<(), String> {
    let until = Instant::now() + TOLD;
    for attempt in 0.. {
        let told = differs(rig).await;
        if told == Some(false) && goods.borrow().uncounted.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(
                "the book was set to what lies in the bins, and the store says that it differs"
                    .to_owned(),
            );
        }
        for (item, level) in in_bins(rig) {
            if told != Some(true) && !goods.borrow().uncounted.contains(&item) {
                continue;
            }
            let body = json!({"ingredient_id": item, "counted": level, "reason": "evening"});
            let key = format!("count-{day}-{attempt}-{item}");
            let answer = rig
                .call("POST", "stock/count", STAFF, Some(&key), &body)
                .await;
            if answer.is_some_and(|(status, _)| status < 300) {
                goods.borrow_mut().uncounted.remove(&item);
            }
        }
        sleep(AGAIN * 2).await;
    }
    Ok(())
}

/// What is wrong with the book of the stock, in sentences.
pub(super) fn wrong(rig: &Rig, books: &Books, goods: &Goods) -> Vec<String> {
    let mut wrong = Vec::new();
    let there = in_bins(rig);
    for (item, level) in &there {
        let (booked, _) = books.levels.get(item).copied().unwrap_or_default();
        if booked != *level {
            wrong.push(format!(
                "{level} of {item} lie in the bins, and {booked} are booked"
            ));
        }
    }
    let told = &goods.borrow().booked;
    for item in there.keys().chain(told.keys()).collect::<BTreeSet<_>>() {
        let (told, booked) = (told.get(item), books.by_hand.get(item));
        if told.copied().unwrap_or(0) != booked.copied().unwrap_or(0) {
            wrong.push(format!(
                "{told:?} of {item} were acknowledged to those who booked them in, the log has {booked:?}"
            ));
        }
    }
    wrong
}
