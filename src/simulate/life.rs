//! One life of a store, as a plan says: days, nights, troubles, and a judgement after every day.

use super::{
    check::{self, Violation},
    goods::{self, Goods},
    people::{Memories, Memory, Staff, Visit},
    plan::{Day, Plan, Trouble},
    rig::{Rig, STAFF},
    trouble,
};
use crate::store::{StoreError, Synchronous};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};
use tokio::{
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, sleep_until},
};

/// When everything works again, the store must have settled everything within this time.
const SETTLE: Duration = Duration::from_mins(20);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What became of a life.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// Days lived.
    pub days: u64,
    /// Orders that were accepted.
    pub orders: u64,
    /// Effects in the store's table.
    pub effects: u64,
    /// Events in its log.
    pub events: u64,
    /// Hash over the whole log.
    pub log: [u8; 32],
    /// Process ends, of any kind.
    pub crashes: u64,
    /// Of them power cuts.
    pub power_cuts: u64,
    /// Troubles by name.
    pub troubles: BTreeMap<String, u64>,
    /// The store's database after each day, bytes.
    pub sizes: Vec<u64>,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// The story of the order that the first violation is about, or of the store's last effects.
    pub story: Vec<String>,
}

/// How a life is lived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// `PRAGMA synchronous` of the store.
    pub(super) synchronous: Synchronous,
    /// Tell the story of what went wrong.
    pub(super) tell: bool,
}

/// Lives a plan from its first morning to its last night, or to the first broken promise; `evening` is told after each
/// day.
pub(super) fn live(plan: &Plan, way: Way, evening: &mut dyn FnMut(&Fate)) -> Fate {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing of the machine");
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async {
        match whole(plan, way, evening).await {
            Ok(fate) => fate,
            Err(error) => Fate {
                violations: vec![Violation {
                    invariant: "the simulator",
                    what: format!("{error:#}"),
                    order: None,
                }],
                ..Fate::default()
            },
        }
    }))
}

/// The store's files after the first day of a plan, with its process stopped in order.
pub(super) fn files_after(plan: &Plan) -> anyhow::Result<galley_vfs::Snapshot> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        let rig = Rig::build(plan.seed, plan.ground, Synchronous::Full).await?;
        let (memories, goods) = (Memories::default(), Goods::default());
        let mut keepers = JoinSet::new();
        keepers.spawn_local(rig.clone().keep_running());
        keepers.spawn_local(Staff::new(rig.clone()).live());
        rig.power_on();
        if let Some(day) = plan.days.first() {
            live_a_day(&rig, day, 0, &memories, &goods).await;
        }
        settle(&rig, 0, &goods).await.map_err(anyhow::Error::msg)?;
        keepers.shutdown().await;
        rig.end().await;
        Ok(rig.disk().snapshot())
    }))
}

async fn whole(plan: &Plan, way: Way, evening: &mut dyn FnMut(&Fate)) -> anyhow::Result<Fate> {
    let rig = Rig::build(plan.seed, plan.ground, way.synchronous).await?;
    let mut fate = Fate::default();
    let (memories, goods) = (Memories::default(), Goods::default());
    let mut keepers = JoinSet::new();
    keepers.spawn_local(rig.clone().keep_running());
    keepers.spawn_local(Staff::new(rig.clone()).live());
    rig.power_on();
    let seen_ahead = Rc::new(Cell::new(None));
    let restored = plan
        .days
        .iter()
        .flat_map(|d| &d.troubles)
        .any(|t| t.trouble == Trouble::HqRestored);
    if !restored {
        keepers.spawn_local(watch_cursor(rig.clone(), seen_ahead.clone()));
    }
    for day in &plan.days {
        for event in &day.troubles {
            *fate.troubles.entry(event.trouble.name()).or_default() += 1;
        }
        live_a_day(&rig, day, fate.days, &memories, &goods).await;
        fate.days += 1;
        fate.sizes.push(bytes_on_disk(&rig));
        let seen: Vec<Memory> = memories.borrow().clone();
        fate.orders = seen.iter().filter(|m| m.order.is_some()).count() as u64;
        fate.violations = match settle(&rig, fate.days, &goods).await {
            Ok(()) => {
                let mut violations = check::check(&rig, &seen, &goods).await;
                violations.sort();
                violations
            }
            Err(what) => vec![Violation {
                invariant: "nothing hangs",
                what,
                order: None,
            }],
        };
        if let Some((cursor, there)) = seen_ahead.get() {
            fate.violations.push(Violation {
                invariant: "cursor",
                what: format!(
                    "the store took {cursor} events for safe while headquarters had {there}"
                ),
                order: None,
            });
        }
        (fate.crashes, fate.power_cuts) = rig.crashes();
        evening(&fate);
        if !fate.violations.is_empty() {
            if way.tell {
                fate.story = super::tell::story(&rig, &fate.violations).await;
            }
            break;
        }
        night(&rig, day).await;
    }
    (fate.crashes, fate.power_cuts) = rig.crashes();
    if let Some(site) = rig.site() {
        let log = site
            .store
            .read(|s| -> Result<_, StoreError> {
                let mut hash = Sha256::new();
                let head = s.head()?;
                for entry in s.events_after(0, usize::MAX >> 1)? {
                    hash.update(entry.hash);
                    hash.update(entry.body.as_bytes());
                }
                let effects: u64 = s.effect_count()?;
                Ok((head.seq, hash.finalize().into(), effects))
            })
            .await;
        if let Ok((events, log, effects)) = log {
            fate.events = events;
            fate.log = log;
            fate.effects = effects;
        }
    }
    keepers.shutdown().await;
    rig.end().await;
    Ok(fate)
}

/// All files of the store.
fn bytes_on_disk(rig: &Rig) -> u64 {
    let files = rig.disk().files();
    files.into_iter().map(|(_, bytes)| bytes as u64).sum()
}

/// Nothing counts as safe at headquarters that its database doesn't hold. Looks all the time, as later the events
/// may have arrived all the same.
async fn watch_cursor(rig: Rig, seen_ahead: Rc<Cell<Option<(u64, u64)>>>) {
    // Headquarters loses nothing by itself: what it had once need not be looked for again.
    let mut had = 0;
    loop {
        sleep(LOOK / 2).await;
        let (Some(site), Some(hq)) = (rig.site(), rig.hq()) else {
            continue;
        };
        let cursor: Result<u64, StoreError> = site.store.read(|s| s.cursor("hq")).await;
        let Some(cursor) = cursor.ok().filter(|cursor| *cursor > had) else {
            continue;
        };
        if let Ok(rows) = hq.stores().await {
            had = rows.iter().map(|r| r.events).max().unwrap_or(0);
            if cursor > had {
                seen_ahead.set(Some((cursor, had)));
                return;
            }
        }
    }
}

/// Doors open, guests come, troubles strike; ends when the last guest has left and everything works again.
async fn live_a_day(rig: &Rig, day: &Day, number: u64, memories: &Memories, goods: &Goods) {
    let morning = Instant::now();
    let closing = tokio::sync::watch::Sender::new(false);
    let mut guests = JoinSet::new();
    for guest in &day.guests {
        let visit = Visit::new(rig.clone(), *guest, memories.clone(), closing.subscribe());
        let at = morning + Duration::from_millis(guest.at_ms);
        guests.spawn_local(async move {
            sleep_until(at).await;
            visit.live().await;
        });
    }
    let mut deliveries = JoinSet::new();
    for (n, delivery) in day.deliveries.iter().enumerate() {
        let (rig, delivery, goods) = (rig.clone(), *delivery, goods.clone());
        deliveries.spawn_local(async move {
            sleep_until(morning + Duration::from_millis(delivery.at_ms)).await;
            goods::deliver(&rig, delivery, format!("goods-{number}-{n}"), &goods).await;
        });
    }
    let mut troubles = JoinSet::new();
    let backup = rig.hq_disk().snapshot();
    for event in &day.troubles {
        let (rig, event, backup) = (rig.clone(), *event, backup.clone());
        troubles.spawn_local(async move {
            sleep_until(morning + Duration::from_millis(event.at_ms)).await;
            tracing::debug!(%event, "trouble");
            if event.trouble == Trouble::HqRestored {
                rig.kill_hq(None);
                rig.hq_disk().restore(&backup);
                if let Err(error) = rig.open_hq().await {
                    tracing::error!(%error, "headquarters does not come back");
                }
                return;
            }
            trouble::strike(&rig, &event);
            sleep(Duration::from_millis(event.lasts_ms)).await;
            trouble::mend(&rig, event.trouble).await;
        });
    }
    while troubles.join_next().await.is_some() {}
    sleep_until(morning + Duration::from_millis(day.open_ms)).await;
    trouble::mend_all(rig).await;
    closing.send_replace(true);
    while guests.join_next().await.is_some() {}
    while deliveries.join_next().await.is_some() {}
}

/// Waits until nothing is under way, has the stock counted, closes the shift, and waits again.
async fn settle(rig: &Rig, day: u64, goods: &Goods) -> Result<(), String> {
    quiet(rig).await?;
    goods::count(rig, day, goods).await?;
    let until = Instant::now() + SETTLE;
    for attempt in 0.. {
        let state = rig
            .call("GET", "shift", STAFF, None, &serde_json::Value::Null)
            .await
            .map(|(_, s)| s["state"].clone());
        match state {
            Some(state) if state == "closed" => break,
            Some(state) if state == "open" => {
                let key = format!("close-{day}-{attempt}");
                rig.call("POST", "shift/close", STAFF, Some(&key), &json!({}))
                    .await;
            }
            _ => {}
        }
        if Instant::now() >= until {
            return Err("the shift can't be closed".to_owned());
        }
        sleep(LOOK).await;
    }
    quiet(rig).await
}

/// Staff give up what nobody came back for: an order that was placed while the clock was ahead expires hours late.
async fn clear_away(rig: &Rig) {
    let path = "orders?state=placed&limit=200";
    let nobody = &serde_json::Value::Null;
    let seen = rig.call("GET", path, STAFF, None, nobody).await;
    let orders = seen.map(|(_, seen)| seen["orders"].clone());
    for order in orders
        .as_ref()
        .and_then(|o| o.as_array())
        .into_iter()
        .flatten()
    {
        let id = order["id"].as_str().unwrap_or_default();
        let path = format!("orders/{id}/cancel");
        let key = format!("away-{id}");
        rig.call("POST", &path, STAFF, Some(&key), &json!({})).await;
    }
}

async fn quiet(rig: &Rig) -> Result<(), String> {
    let until = Instant::now() + SETTLE;
    let evening = Instant::now() + SETTLE * 3 / 4;
    loop {
        let Some(what) = check::unsettled(rig).await else {
            return Ok(());
        };
        if Instant::now() >= evening {
            clear_away(rig).await;
        }
        if Instant::now() >= until {
            return Err(format!(
                "{} minutes after everything works again, this is still under way: {what}",
                SETTLE.as_secs() / 60
            ));
        }
        sleep(LOOK).await;
    }
}

async fn night(rig: &Rig, day: &Day) {
    if day.off_at_night {
        rig.power_off();
        sleep(LOOK).await;
    }
    rig.truth()
        .sleep_through(Duration::from_millis(day.night_ms));
    rig.power_on();
    sleep(LOOK).await;
}
