//! The fault matrix: one act of the store, one fault, and every point at which that fault can strike.
//!
//! A calm run of the act is measured first: how many changing operations the disk sees, how many reads and writes
//! each wire, how many requests the bank. Then the same act is done again, from the same beginning, once for each
//! fault and each point; the fault is mended, and when nothing is under way any more every promise of
//! [`super::check`] must hold, the device must have exactly one document (one dish, one movement of money) of the
//! act, and the store's answer at its door must be what the device says.

mod act;
mod cell;
mod fault;
mod judge;

use super::{Off, SABOTAGES, SimulateError, Violation, sabotages};
use crate::{protection::without, store::Synchronous};
use act::Act;
use cell::Way;
use fault::Fault;
use serde::Serialize;
use std::str::FromStr;
use tokio::time::Instant;

/// Cells told in full, at most.
const TOLD: usize = 20;

/// Which acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Documents of the fiscal drive.
    Fiscal,
    /// Jobs of the robot.
    Robot,
    /// Payments at the bank.
    Bank,
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fiscal" => Ok(Self::Fiscal),
            "robot" => Ok(Self::Robot),
            "bank" => Ok(Self::Bank),
            _ => Err(format!(
                "there is no matrix {text:?}; there are fiscal, robot and bank"
            )),
        }
    }
}

/// What to try.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Which acts.
    pub which: Which,
    /// Only the cell of this name (`act/fault/point`), or those whose name begins like this.
    pub only: String,
    /// Only every so-manieth point; 1 is all.
    pub every: u64,
    /// Seed of every cell.
    pub seed: u64,
    /// The protection that is switched off.
    pub sabotage: Option<String>,
}

/// One act and one fault.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The act.
    pub operation: String,
    /// The fault.
    pub fault: String,
    /// Points at which the fault could strike in a calm run.
    pub points: u64,
    /// Points that were tried, and at which it did strike.
    pub cells: u64,
    /// Of them, those after which every promise held.
    pub held: u64,
}

/// A cell that did not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Broken {
    /// `act/fault/point`.
    pub cell: String,
    /// What was broken.
    pub violations: Vec<Violation>,
    /// The time line.
    pub story: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixReport {
    /// Which acts.
    pub matrix: Which,
    /// A line for each act and fault.
    pub rows: Vec<Row>,
    /// All cells.
    pub cells: u64,
    /// Those that hold.
    pub held: u64,
    /// Those that don't; the first few.
    pub broken: Vec<Broken>,
    /// The time line of the one cell that was asked for, where it holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub story: Vec<String>,
    /// The sabotage, if any.
    pub sabotage: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

impl MatrixReport {
    /// Whether every cell holds, and there is one.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.cells > 0 && self.held == self.cells
    }
}

/// Tries every cell; `progress` is told after each.
///
/// # Errors
/// An unknown sabotage, or an act that does not even come to its end when nothing goes wrong.
pub fn matrix(
    matrix: &Matrix,
    mut progress: impl FnMut(&str, &MatrixReport),
) -> Result<MatrixReport, SimulateError> {
    let off = match &matrix.sabotage {
        None => None,
        Some(name) => {
            let found = SABOTAGES.iter().find(|(n, _)| n == name);
            Some(
                found
                    .ok_or_else(|| {
                        let names: Vec<_> = sabotages().collect();
                        SimulateError::Sabotage(name.clone(), names.join(", "))
                    })?
                    .1,
            )
        }
    };
    let (protection, synchronous) = match off {
        Some(Off::Protection(protection)) => (Some(protection), Synchronous::Full),
        Some(Off::Synchronous(synchronous)) => (None, synchronous),
        None => (None, Synchronous::Full),
    };
    let began = Instant::now();
    let mut report = MatrixReport {
        matrix: matrix.which,
        rows: Vec::new(),
        cells: 0,
        held: 0,
        broken: Vec::new(),
        story: Vec::new(),
        sabotage: matrix.sabotage.clone(),
        seconds: 0.0,
    };
    let one = matrix.only.matches('/').count() == 2;
    for act in Act::of(matrix.which) {
        if !overlap(act.name(), &matrix.only) {
            continue;
        }
        let way = |fault| Way {
            act: *act,
            fault,
            seed: matrix.seed,
            synchronous,
            tell: one,
        };
        // What holds without a fault is known with every protection on, so the points are counted with them.
        let calm = cell::measure(way(None)).map_err(|e| {
            let why: Vec<_> = e.iter().map(told).collect();
            SimulateError::Calm(act.name().to_owned(), why.join("; "))
        })?;
        for fault in Fault::of(matrix.which) {
            let name = format!("{}/{}", act.name(), fault.name());
            if !overlap(&format!("{name}/"), &matrix.only) {
                continue;
            }
            let points = fault.points(*act, &calm);
            let mut row = Row {
                operation: act.name().to_owned(),
                fault: fault.name().to_owned(),
                points,
                cells: 0,
                held: 0,
            };
            let mut next = 0;
            for point in 0..points {
                let cell = format!("{name}/{point}");
                if if one {
                    cell != matrix.only
                } else {
                    point < next
                } {
                    continue;
                }
                let fate = without(protection, || cell::live(way(Some((fault, point)))));
                // Where it does not strike, the next point stands for it: every row has its share.
                let Some(fate) = fate else { continue };
                next = point + matrix.every.max(1);
                row.cells += 1;
                if fate.violations.is_empty() {
                    row.held += 1;
                    report.story = fate.story;
                } else if report.broken.len() < TOLD {
                    report.broken.push(Broken {
                        cell: cell.clone(),
                        violations: fate.violations,
                        story: fate.story,
                    });
                }
                report.seconds = began.elapsed().as_secs_f64();
                progress(&cell, &report);
            }
            report.cells += row.cells;
            report.held += row.held;
            report.rows.push(row);
        }
    }
    report.seconds = began.elapsed().as_secs_f64();
    if report.cells == 0 {
        return Err(SimulateError::Cell(matrix.only.clone()));
    }
    Ok(report)
}

/// Whether one is the beginning of the other.
fn overlap(name: &str, only: &str) -> bool {
    name.starts_with(only) || only.starts_with(name)
}

fn told(violation: &Violation) -> String {
    format!("{}: {}", violation.invariant, violation.what)
}
