//! One store for days without a night, at several times its peak, among all faults; every promise is checked after
//! each hour.

use super::{
    Fate, SimulateError, Simulation, Violation, allowed,
    life::{self, Way},
    plan::Plan,
};
use crate::store::Synchronous;
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// What to live.
#[derive(Clone, Debug)]
pub struct Soak {
    /// Everything follows from it.
    pub seed: u64,
    /// How many hours.
    pub hours: u32,
    /// Guests of each.
    pub guests: u64,
    /// Only these troubles; all when empty.
    pub only: Vec<String>,
    /// Not these troubles.
    pub without: Vec<String>,
}

impl Soak {
    /// Three times what the ordinary days of the simulator have: 7 guests in 150 s are 168 an hour.
    pub const GUESTS: u64 = 504;
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct SoakReport {
    /// The seed.
    pub seed: u64,
    /// Hours lived.
    pub hours: u64,
    /// Orders that were accepted.
    pub orders: u64,
    /// Effects.
    pub effects: u64,
    /// Events in the log.
    pub events: u64,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Ends of the store's process, in any way.
    pub crashes: u64,
    /// Of them with the power.
    pub power_cuts: u64,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// The story of the first.
    pub story: Vec<String>,
    /// The store's files after each hour, bytes.
    pub sizes: Vec<u64>,
    /// What the files hold for an order, bytes.
    pub bytes_an_order: u64,
    /// What they grew by in an hour of the first half, and of the second; bytes.
    pub first_half: u64,
    /// As [`SoakReport::first_half`].
    pub second_half: u64,
    /// How long it took, s.
    pub seconds: f64,
}

/// Lives it; `progress` is told after each hour.
///
/// # Errors
/// An unknown name of a trouble.
pub fn soak(wanted: &Soak, mut progress: impl FnMut(&Fate)) -> Result<SoakReport, SimulateError> {
    let allowed = allowed(&Simulation {
        seeds: wanted.seed..=wanted.seed,
        days: wanted.hours,
        only: wanted.only.clone(),
        without: wanted.without.clone(),
        sabotage: None,
        stop_at_first: true,
        shrink: false,
    })?;
    let began = Instant::now();
    let plan = Plan::soak(wanted.seed, wanted.hours, wanted.guests, &allowed);
    let way = Way {
        synchronous: Synchronous::Full,
        tell: true,
    };
    let fate = life::live(&plan, way, &mut progress);
    let (first, second) = fate.sizes.split_at(fate.sizes.len() / 2);
    let last = |sizes: &[u64]| sizes.last().copied().unwrap_or(0);
    let an_hour = |bytes: u64, hours: &[u64]| bytes / (hours.len() as u64).max(1);
    Ok(SoakReport {
        seed: wanted.seed,
        hours: fate.days,
        orders: fate.orders,
        effects: fate.effects,
        events: fate.events,
        crashes: fate.crashes,
        power_cuts: fate.power_cuts,
        bytes_an_order: last(&fate.sizes) / fate.orders.max(1),
        first_half: an_hour(last(first), first),
        second_half: an_hour(last(second).saturating_sub(last(first)), second),
        faults: fate.troubles,
        violations: fate.violations,
        story: fate.story,
        sizes: fate.sizes,
        seconds: began.elapsed().as_secs_f64(),
    })
}
