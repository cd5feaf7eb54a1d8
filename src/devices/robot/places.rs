//! Which dish the robot gets next, and when. Dishes of an order leave their hand-over places together, so dishes of
//! more orders than can be completed would hold every place and wait for each other for ever. Orders therefore come
//! in line, and an order of several dishes is begun only where all that is begun of such orders can stand.
//!
//! Why that is enough: when the first dish of an order goes to the robot, every earlier order is there with all of
//! its dishes, and each has a place. A dish that fails keeps its order's turn, and its place with it; so the earliest
//! order always comes to its end, is handed over, and frees its places for the next. An order of one dish is ready as
//! soon as it stands, so it waits for nobody.

use super::{CHECK, JOBS_PER_ARM, Known, Robot, idle::way_back};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Actor,
        ids::{JobId, OrderId},
        order::Order,
    },
    flow::{
        commands::{clear_alert, raise_alert},
        executor::{Call, NotNow},
    },
    store::{Snapshot, StoreError},
};
use futures_util::FutureExt as _;
use std::time::Duration;
use tokio::time::Instant;

/// How long a dish waits for a robot that does not work before that is noted.
const ROOM: Duration = Duration::from_mins(1);
/// Places that hold a dish up longer than that are told.
const HOLD_UP: Duration = Duration::from_mins(2);
/// Cause of that alert.
const FULL: &str = "robot:places";

/// What is to be done with the dish whose turn it seemed to be.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// To the robot with it.
    Now,
    /// It waits for the end of others.
    Wait,
    /// It waits for places to come free.
    WaitForPlaces,
    /// A dish of an earlier order goes first, or this one is not wanted any more.
    Over,
}

impl Robot {
    /// Waits until this dish can go to the robot.
    pub(super) async fn room(&self, call: &Call) -> Result<(), NotNow> {
        let noted = Instant::now() + ROOM;
        let mut known = self.known.subscribe();
        let mut effects = self.site.store.effects_changed();
        loop {
            effects.borrow_and_update();
            // Known first: what the robot has told is in the database by then, so a dish that failed is either
            // still counted, or is seen to go first.
            let seen = known.borrow_and_update().clone();
            let works = seen.works();
            if works {
                match self.turn(call, seen).await {
                    Ok(Turn::Now) => {
                        self.waits(false);
                        return Ok(());
                    }
                    Ok(Turn::Over) => {
                        self.waits(false);
                        return Err(NotNow::in_line("a dish of an earlier order goes first"));
                    }
                    Ok(turn) => self.waits(turn == Turn::WaitForPlaces),
                    Err(error) => return Err(NotNow::new(error.to_string(), CHECK)),
                }
            }
            tokio::select! {
                biased;
                _ = known.changed() => {}
                changed = effects.changed() => if changed.is_err() {
                    return Err(NotNow::in_line("the store closes"));
                },
                () = tokio::time::sleep_until(noted), if !works => {
                    let known = self.known.borrow().clone();
                    let why = format!("the robot takes no dish now: {}", known.detail);
                    return Err(NotNow::new(why, way_back(&known)));
                }
            }
        }
    }

    async fn turn(&self, call: &Call, seen: Known) -> Result<Turn, StoreError> {
        let (arms, places) = {
            let policy = self.site.policy();
            (policy.arms, policy.places)
        };
        let key = call.key.clone();
        self.site
            .store
            .read(move |s| {
                if !s.is_first(&key)? {
                    return Ok(Turn::Over);
                }
                if seen.at_work.len() >= as_len(arms.saturating_mul(JOBS_PER_ARM)) {
                    return Ok(Turn::Wait);
                }
                let Some(order) = s.effect_by_key(&key)?.and_then(|row| row.order_id) else {
                    return Ok(Turn::Now);
                };
                if s.order(order)?.as_ref().is_none_or(|o| !completes(o)) {
                    return Ok(Turn::Now);
                }
                let held = held(s, &seen)?;
                let of_others = held.iter().any(|holder| *holder != order);
                Ok(if of_others && held.len() >= as_len(places) {
                    Turn::WaitForPlaces
                } else {
                    Turn::Now
                })
            })
            .await
    }

    fn waits(&self, waits: bool) {
        self.known.send_if_modified(|k| {
            let news = k.waits != waits;
            k.waits = waits;
            news
        });
    }

    /// Tells people when full hand-over places hold dishes up, and takes it back when they don't. Never ends: what
    /// is watched lives as long as the robot does.
    pub(super) async fn watch_places(&self) {
        let mut known = self.known.subscribe();
        // What the last run of the daemon told may be over.
        let mut told = known.wait_for(|k| k.ready).await.is_ok();
        loop {
            if told && !self.held_up(&known.borrow_and_update()) {
                self.tell_places(None).await;
                told = false;
            }
            let _ = known.wait_for(|k| self.held_up(k)).await;
            let freed = known.wait_for(|k| !self.held_up(k)).map(drop);
            if tokio::time::timeout(HOLD_UP, freed).await.is_err() {
                let standing = self.known.borrow().standing.len();
                self.tell_places(Some(standing)).await;
                told = true;
                let _ = known.wait_for(|k| !self.held_up(k)).await;
            }
        }
    }

    /// Nothing goes on before somebody takes a dish.
    fn held_up(&self, k: &Known) -> bool {
        let full = k.standing.len() >= as_len(self.site.policy().places);
        k.ready && ((full && !k.at_work.is_empty()) || (k.waits && k.at_work.is_empty()))
    }

    async fn tell_places(&self, standing: Option<usize>) {
        let told = self
            .site
            .command(Actor(String::from("robot")), move |tx, cx| match standing {
                None => clear_alert(tx, cx, FULL),
                Some(n) => raise_alert(
                    tx,
                    cx,
                    Alert {
                        key: FULL.to_owned(),
                        severity: Severity::Warning,
                        title: "Dishes wait for a hand-over place".to_owned(),
                        detail: format!("{n} ready dishes stand at the robot"),
                        advice: "Hand over what stands there. Set the dishes of an order that is not complete \
                                 aside, and tell the robot at its panel that they were taken."
                            .to_owned(),
                        since_at: cx.now,
                    },
                ),
            })
            .await;
        if let Err(error) = told {
            tracing::error!(%error, "an alert about the hand-over places can't be written");
        }
    }
}

fn as_len(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Its dishes wait for each other on the hand-over places.
fn completes(order: &Order) -> bool {
    order.pieces.len() > 1 && !order.ready
}

/// Whose the places are that are taken, or will be by what is at work, for longer than guests need to come.
fn held(s: &Snapshot<'_>, seen: &Known) -> Result<Vec<OrderId>, StoreError> {
    let mut held = Vec::new();
    for job in seen.at_work.union(&seen.standing) {
        let Some(job) = job.parse().ok().map(JobId) else {
            continue;
        };
        if let Some(order) = s.order_of_part(job.0)?
            && completes(&order)
        {
            held.push(order.id);
        }
    }
    Ok(held)
}
