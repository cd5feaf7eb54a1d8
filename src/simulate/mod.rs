//! The fault simulator: whole store days lived from a seed, on simulated wires, a simulated clock and a simulated
//! disk, with faults everywhere and the process killed between any two steps; then every promise is checked.
//!
//! The store is the real one: domain, flow, store, drivers and connectors, wired by [`crate::run`] as in the
//! product, against the emulators' cores. One thread, one seed, one story: the same seed gives the same log, byte
//! for byte. `--sabotage` switches one protection off, and the simulator must find that out.

mod broker;
mod check;
mod clock;
mod goods;
mod heart;
mod life;
mod matrix;
mod net;
mod people;
mod plan;
mod points;
mod rig;
mod rot;
mod shrink;
mod soak;
mod steps;
mod tell;
mod trouble;
mod unsteady;
mod wire;

pub use check::Violation;
pub use life::Fate;
pub use matrix::{Broken, Matrix, MatrixReport, Row, Which, matrix};
pub use rot::{Rot, rot};
pub use soak::{Soak, SoakReport, soak};

use crate::{
    protection::{Protection, without},
    store::Synchronous,
};
use life::Way;
use plan::{Plan, Trouble};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};
use tokio::time::Instant;

/// A protection that can be switched off, or the disk's honesty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Off {
    Protection(Protection),
    Synchronous(Synchronous),
}

/// Names of the sabotages, and what each switches off.
const SABOTAGES: &[(&str, Off)] = &[
    ("no-resolve", Off::Protection(Protection::Resolve)),
    ("no-sent-mark", Off::Protection(Protection::SentMark)),
    (
        "ack-before-commit",
        Off::Protection(Protection::CommitBeforeAck),
    ),
    (
        "no-idempotency-key",
        Off::Protection(Protection::IdempotencyKey),
    ),
    (
        "forget-document-counter",
        Off::Protection(Protection::Evidence),
    ),
    (
        "cursor-before-ack",
        Off::Protection(Protection::CursorAfterAck),
    ),
    ("double-reserve", Off::Protection(Protection::ReserveOnce)),
    ("never-release", Off::Protection(Protection::Release)),
    ("keep-late-money", Off::Protection(Protection::LateMoney)),
    (
        "forget-open-payments",
        Off::Protection(Protection::CloseAtBank),
    ),
    ("no-gap-check", Off::Protection(Protection::GapCheck)),
    ("no-rewind", Off::Protection(Protection::Rewind)),
    (
        "any-fiscal-drive",
        Off::Protection(Protection::DriveBinding),
    ),
    ("no-reopen", Off::Protection(Protection::Reopen)),
    ("no-settle", Off::Protection(Protection::SettleLog)),
    ("no-bin-check", Off::Protection(Protection::CompareBins)),
    ("points-twice", Off::Protection(Protection::PointsOnce)),
    ("synchronous-normal", Off::Synchronous(Synchronous::Normal)),
    ("synchronous-off", Off::Synchronous(Synchronous::Off)),
];

/// What to live.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// Lives to live, by seed.
    pub seeds: RangeInclusive<u64>,
    /// Days of each.
    pub days: u32,
    /// Only these troubles; all when empty.
    pub only: Vec<String>,
    /// Not these troubles.
    pub without: Vec<String>,
    /// The protection that is switched off.
    pub sabotage: Option<String>,
    /// Stop at the first life that breaks a promise.
    pub stop_at_first: bool,
    /// Find the shortest plan that still breaks it, and tell the story.
    pub shrink: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Lives lived.
    pub seeds: u64,
    /// Store days lived.
    pub days: u64,
    /// Orders that were accepted.
    pub orders: u64,
    /// Effects.
    pub effects: u64,
    /// Events in the logs.
    pub events: u64,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Ends of the store's process, in any way.
    pub crashes: u64,
    /// Of them with the power.
    pub power_cuts: u64,
    /// Lives that broke a promise.
    pub violations: u64,
    /// The lives that did, and how; the first few.
    pub found: Vec<Found>,
    /// The sabotage, if any.
    pub sabotage: Option<String>,
    /// Hash over all logs, in hex.
    pub digest: String,
    /// How long it took.
    pub seconds: f64,
    /// Store days a second.
    pub days_a_second: f64,
}

/// A life that broke a promise.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Its seed.
    pub seed: u64,
    /// What was broken.
    pub violations: Vec<Violation>,
    /// The shortest list of guests and troubles that was found to break it too.
    pub plan: Vec<String>,
    /// The time line.
    pub story: Vec<String>,
}

/// Lives told in full, at most.
const TOLD: usize = 5;

/// Why a simulation can't begin.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// No such trouble.
    #[error("there is no trouble {0:?}; there are: {1}")]
    Trouble(String, String),
    /// No such sabotage.
    #[error("there is no sabotage {0:?}; there are: {1}")]
    Sabotage(String, String),
    /// No such cell.
    #[error(
        "there is no cell {0:?} in this matrix, or its fault does not strike there; the table shows the acts, their \
             faults, and how many points each has"
    )]
    Cell(String),
    /// An act of the matrix that does not hold by itself.
    #[error("{0} does not even hold when nothing goes wrong: {1}")]
    Calm(String, String),
}

/// Names of all sabotages.
pub fn sabotages() -> impl Iterator<Item = &'static str> {
    SABOTAGES.iter().map(|(name, _)| *name)
}

/// Names of all troubles.
#[must_use]
pub fn troubles() -> Vec<String> {
    Trouble::all().into_iter().map(Trouble::name).collect()
}

/// Lives all seeds; `progress` is told after each.
///
/// # Errors
/// An unknown name.
pub fn simulate(
    simulation: &Simulation,
    mut progress: impl FnMut(u64, &Report),
) -> Result<Report, SimulateError> {
    let allowed = allowed(simulation)?;
    let off = match &simulation.sabotage {
        None => None,
        Some(name) => Some(
            SABOTAGES
                .iter()
                .find(|(n, _)| n == name)
                .ok_or_else(|| {
                    let names: Vec<_> = sabotages().collect();
                    SimulateError::Sabotage(name.clone(), names.join(", "))
                })?
                .1,
        ),
    };
    let began = Instant::now();
    let mut report = Report {
        sabotage: simulation.sabotage.clone(),
        ..Report::default()
    };
    let mut digest = [0u8; 32];
    for seed in simulation.seeds.clone() {
        let plan = Plan::draw(seed, simulation.days, &allowed);
        let fate = live(&plan, off, false);
        report.seeds += 1;
        report.days += fate.days;
        report.orders += fate.orders;
        report.effects += fate.effects;
        report.events += fate.events;
        report.crashes += fate.crashes;
        report.power_cuts += fate.power_cuts;
        for (name, n) in &fate.troubles {
            *report.faults.entry(name.clone()).or_default() += n;
        }
        digest = Sha256::new()
            .chain_update(digest)
            .chain_update(fate.log)
            .finalize()
            .into();
        if !fate.violations.is_empty() {
            report.violations += 1;
            if report.found.len() < TOLD {
                report
                    .found
                    .push(found(plan, &fate, off, simulation.shrink));
            }
        }
        report.seconds = began.elapsed().as_secs_f64();
        report.days_a_second = report.days as f64 / report.seconds.max(0.001);
        progress(seed, &report);
        if simulation.stop_at_first && report.violations > 0 {
            break;
        }
    }
    report.digest = digest.iter().map(|b| format!("{b:02x}")).collect();
    Ok(report)
}

fn allowed(simulation: &Simulation) -> Result<Vec<Trouble>, SimulateError> {
    let all = Trouble::all();
    let named = |names: &[String]| -> Result<BTreeSet<Trouble>, SimulateError> {
        names
            .iter()
            .map(|name| {
                all.iter()
                    .copied()
                    .find(|t| t.name() == *name)
                    .ok_or_else(|| SimulateError::Trouble(name.clone(), troubles().join(", ")))
            })
            .collect()
    };
    let (only, without) = (named(&simulation.only)?, named(&simulation.without)?);
    Ok(all
        .into_iter()
        .filter(|t| (only.is_empty() || only.contains(t)) && !without.contains(t))
        .collect())
}

fn live(plan: &Plan, off: Option<Off>, tell: bool) -> Fate {
    let (protection, synchronous) = match off {
        Some(Off::Protection(protection)) => (Some(protection), Synchronous::Full),
        Some(Off::Synchronous(synchronous)) => (None, synchronous),
        None => (None, Synchronous::Full),
    };
    without(protection, || {
        life::live(plan, Way { synchronous, tell }, &mut |_| ())
    })
}

fn found(plan: Plan, fate: &Fate, off: Option<Off>, shorten: bool) -> Found {
    let seed = plan.seed;
    let plan = if shorten {
        let wanted: BTreeSet<&str> = fate.violations.iter().map(|v| v.invariant).collect();
        shrink::shrink(plan, |p| {
            live(p, off, false)
                .violations
                .iter()
                .any(|v| wanted.contains(v.invariant))
        })
    } else {
        plan
    };
    let told = live(&plan, off, true);
    Found {
        seed,
        violations: if told.violations.is_empty() {
            fate.violations.clone()
        } else {
            told.violations
        },
        plan: shrink::describe(&plan),
        story: told.story,
    }
}
