//! `galley simulate`: whole store days from a seed, with every fault, and every promise checked.

use super::{
    exit::{Exit, Misuse, help},
    output::{print, print_json_line},
};
use crate::simulate::{
    Fate, Matrix, MatrixReport, Report, SimulateError, Simulation, Soak, SoakReport, Which, matrix,
    rot, sabotages, simulate, soak, troubles,
};
use anyhow::Context as _;
use clap::Args;
use std::{
    fmt::Write as _, io::IsTerminal as _, ops::RangeInclusive, process::ExitCode, str::FromStr,
};

/// Lives that are lived when nobody says which.
const SEEDS: RangeInclusive<u64> = 1..=100;

/// Live whole store days from a seed, among faults, and check every promise.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley simulate --seeds 1..1000          a thousand stores",
    "galley simulate --seeds 4711             one seed again: the same story, byte for byte",
    "galley simulate --seeds 1..2000 --sabotage no-resolve --first",
    "                                         a protection is off: it must be found out",
    "galley simulate --sabotage list          what can be switched off",
    "galley simulate --faults list            what can go wrong",
    "galley simulate --matrix fiscal          every fault at every point of each fiscal document",
    "galley simulate --matrix fiscal --cell sale-receipt/link-cut/7",
    "                                         one cell of it again",
    "galley simulate --soak 72                three days and nights at three times the peak"
))]
pub struct SimulateArgs {
    /// Which lives: one seed, or A..B with both ends; 1..100 unless told. The matrix, rot and a soak take one seed, 1
    #[arg(long, value_name = "A..B")]
    pub seeds: Option<Seeds>,
    /// Days of each life
    #[arg(long, value_name = "D", default_value_t = 2, conflicts_with_all = ["matrix", "rot", "soak"], value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub days: u32,
    /// Switch one protection off; `list` prints their names
    #[arg(long, value_name = "NAME", conflicts_with_all = ["rot", "soak"])]
    pub sabotage: Option<String>,
    /// Only these faults, by name, with commas; `list` prints their names, `none` is a calm life
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["matrix", "rot"])]
    pub faults: Vec<String>,
    /// Without these faults
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["matrix", "rot"])]
    pub without: Vec<String>,
    /// Flip so many bits of a store's database, one at a time, and look whether the damage is noticed
    #[arg(long, value_name = "N", conflicts_with = "matrix", value_parser = clap::value_parser!(u64).range(1..))]
    pub rot: Option<u64>,
    /// Stop at the first life that breaks a promise
    #[arg(long, conflicts_with_all = ["matrix", "rot", "soak"])]
    pub first: bool,
    /// Don't look for the shortest story
    #[arg(long, conflicts_with_all = ["matrix", "rot", "soak"])]
    pub no_shrink: bool,
    /// Instead of lives, try every fault at every point of every act: fiscal, robot or bank
    #[arg(long, value_name = "WHICH")]
    pub matrix: Option<Which>,
    /// Of the matrix, only cells whose name begins like this: ACT, ACT/FAULT, or ACT/FAULT/POINT, whose story is told
    #[arg(long, value_name = "CELL", requires = "matrix", default_value = "")]
    pub cell: String,
    /// Of the matrix, only every N-th point
    #[arg(long, value_name = "N", requires = "matrix", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub every: u64,
    /// Instead of days, one store for so many hours without a night, every promise checked after each
    #[arg(long, value_name = "HOURS", conflicts_with_all = ["matrix", "rot"], value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub soak: Option<u32>,
    /// Guests of each hour of a soak
    #[arg(long, value_name = "N", requires = "soak", default_value_t = Soak::GUESTS, value_parser = clap::value_parser!(u64).range(1..))]
    pub guests: u64,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// Seeds from the command line.
#[derive(Clone, Debug)]
pub struct Seeds(pub RangeInclusive<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |t: &str| {
            t.parse::<u64>()
                .map_err(|_| format!("{t:?} is no seed; write a number, or A..B"))
        };
        let (first, last) = match text.split_once("..") {
            Some((a, b)) => (number(a)?, number(b.trim_start_matches('='))?),
            None => (number(text)?, number(text)?),
        };
        if first > last {
            return Err(format!("{first} is behind {last}"));
        }
        Ok(Self(first..=last))
    }
}

impl SimulateArgs {
    /// The one seed of what lives no more than one.
    fn one_seed(&self) -> Result<u64, Misuse> {
        match &self.seeds {
            None => Ok(1),
            Some(Seeds(seeds)) if seeds.start() == seeds.end() => Ok(*seeds.start()),
            Some(_) => Err(Misuse(
                "--seeds: one seed here, not a range of them".to_owned(),
            )),
        }
    }

    /// Only which troubles, and which not; the word `none` among them stands alone.
    fn troubles(&self) -> Result<(Vec<String>, Vec<String>), Misuse> {
        if !self.faults.iter().any(|f| f == "none") {
            return Ok((self.faults.clone(), self.without.clone()));
        }
        if self.faults.len() > 1 || !self.without.is_empty() {
            return Err(Misuse(
                "--faults none is a calm life: no other fault can be named with it".to_owned(),
            ));
        }
        Ok((Vec::new(), troubles()))
    }
}

/// A word that is none, told as what it is: a wrong command line.
fn misuse(error: SimulateError) -> anyhow::Error {
    match error {
        SimulateError::Calm(..) => error.into(),
        SimulateError::Trouble(..) | SimulateError::Sabotage(..) | SimulateError::Cell(_) => {
            Misuse(error.to_string()).into()
        }
    }
}

fn list(names: &[String], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        print_json_line(&serde_json::to_value(names)?)?;
    } else {
        print(&(names.join("\n") + "\n"))?;
    }
    Ok(Exit::Done.into())
}

/// Lives them.
///
/// # Errors
/// A name that is none.
pub async fn execute(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    if args.sabotage.as_deref() == Some("list") {
        let names: Vec<_> = sabotages().map(str::to_owned).collect();
        return list(&names, args.json);
    }
    if args.faults.iter().any(|f| f == "list") {
        return list(&troubles(), args.json);
    }
    if let Some(flips) = args.rot {
        return bit_rot(flips, args).await;
    }
    if let Some(which) = args.matrix {
        return fault_matrix(which, args).await;
    }
    if let Some(hours) = args.soak {
        return long_life(hours, args).await;
    }
    let (only, without) = args.troubles()?;
    let simulation = Simulation {
        seeds: args.seeds.map_or(SEEDS, |seeds| seeds.0),
        days: args.days,
        only,
        without,
        sabotage: args.sabotage.clone(),
        stop_at_first: args.first,
        shrink: !args.no_shrink,
    };
    let talkative = !args.json && std::io::stderr().is_terminal();
    // A life has a runtime of its own, and keeps its thread busy.
    let report = tokio::task::spawn_blocking(move || {
        simulate(&simulation, |seed, report| {
            if talkative && seed % 10 == 0 {
                eprint_progress(seed, report);
            }
        })
    })
    .await
    .context("the simulator died")?
    .map_err(misuse)?;
    if args.json {
        print_json_line(&serde_json::to_value(&report)?)?;
    } else {
        print(&told(&report))?;
    }
    Ok(if report.violations == 0 {
        Exit::Done.into()
    } else {
        Exit::Unhealthy.into()
    })
}

async fn bit_rot(flips: u64, args: SimulateArgs) -> anyhow::Result<ExitCode> {
    let seed = args.one_seed()?;
    let found = tokio::task::spawn_blocking(move || rot(seed, flips))
        .await
        .context("the simulator died")??;
    if args.json {
        print_json_line(&serde_json::to_value(&found)?)?;
    } else {
        let mut text = format!(
            "{} bits flipped: {} noticed, {} in places that hold nothing, {} silent\n",
            found.flips, found.noticed, found.harmless, found.silent
        );
        for example in &found.examples {
            let _ = writeln!(text, "  silent: {example}");
        }
        print(&text)?;
    }
    Ok(if found.silent == 0 {
        Exit::Done.into()
    } else {
        Exit::Unhealthy.into()
    })
}

async fn long_life(hours: u32, args: SimulateArgs) -> anyhow::Result<ExitCode> {
    let (only, without) = args.troubles()?;
    let wanted = Soak {
        seed: args.one_seed()?,
        hours,
        guests: args.guests,
        only,
        without,
    };
    let talkative = !args.json && std::io::stderr().is_terminal();
    let report = tokio::task::spawn_blocking(move || {
        soak(&wanted, |fate| {
            if talkative {
                eprint_hour(fate);
            }
        })
    })
    .await
    .context("the simulator died")?
    .map_err(misuse)?;
    if args.json {
        print(&(serde_json::to_string(&report)? + "\n"))?;
    } else {
        print(&lived(&report))?;
    }
    Ok(if report.violations.is_empty() {
        Exit::Done.into()
    } else {
        Exit::Unhealthy.into()
    })
}

fn lived(report: &SoakReport) -> String {
    let mut text = String::new();
    for v in &report.violations {
        let _ = writeln!(text, "  broken: {}: {}", v.invariant, v.what);
    }
    for line in &report.story {
        let _ = writeln!(text, "    {line}");
    }
    let faults: u64 = report.faults.values().sum();
    let _ = writeln!(
        text,
        "{} hours from seed {}, {} orders, {} effects, {} events, {faults} faults of {} kinds, {} crashes ({} with the \
         power), violations: {}; the database has {} bytes an order: {} in the first half, {} in the second; {:.1} s",
        report.hours,
        report.seed,
        report.orders,
        report.effects,
        report.events,
        report.faults.len(),
        report.crashes,
        report.power_cuts,
        report.violations.len(),
        report.bytes_an_order,
        report.first_half,
        report.second_half,
        report.seconds
    );
    text
}

async fn fault_matrix(which: Which, args: SimulateArgs) -> anyhow::Result<ExitCode> {
    let wanted = Matrix {
        which,
        seed: args.one_seed()?,
        only: args.cell,
        every: args.every,
        sabotage: args.sabotage,
    };
    let talkative = !args.json && std::io::stderr().is_terminal();
    let report = tokio::task::spawn_blocking(move || {
        matrix(&wanted, |cell, report| {
            if talkative {
                eprint_cell(cell, report);
            }
        })
    })
    .await
    .context("the simulator died")?
    .map_err(misuse)?;
    if args.json {
        print_json_line(&serde_json::to_value(&report)?)?;
    } else {
        print(&table(&report))?;
    }
    Ok(if report.holds() {
        Exit::Done.into()
    } else {
        Exit::Unhealthy.into()
    })
}

fn table(report: &MatrixReport) -> String {
    let mut text = String::new();
    for broken in &report.broken {
        let _ = writeln!(text, "{}", broken.cell);
        for v in &broken.violations {
            let _ = writeln!(text, "  broken: {}: {}", v.invariant, v.what);
        }
        for line in &broken.story {
            let _ = writeln!(text, "    {line}");
        }
    }
    for line in &report.story {
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(
        text,
        "{:<21} {:<28} {:>7} {:>7} {:>7} {:>7}",
        "operation", "fault", "points", "cells", "hold", "score"
    );
    for row in &report.rows {
        let _ = writeln!(
            text,
            "{:<21} {:<28} {:>7} {:>7} {:>7} {:>7}",
            row.operation,
            row.fault,
            row.points,
            row.cells,
            row.held,
            score(row.held, row.cells)
        );
    }
    let _ = writeln!(
        text,
        "{} of {} cells hold ({}), {:.1} s",
        report.held,
        report.cells,
        score(report.held, report.cells),
        report.seconds
    );
    text
}

/// A share in percent, never rounded up to the whole.
fn score(held: u64, cells: u64) -> String {
    if cells == 0 {
        return "-".to_owned();
    }
    let tenths = held * 1000 / cells;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[allow(clippy::print_stderr, reason = "a line of progress on a terminal")]
fn eprint_cell(cell: &str, report: &MatrixReport) {
    eprint!(
        "\r{cell}: {} rows, {} broken, {:.0} s\u{1b}[K ",
        report.rows.len(),
        report.broken.len(),
        report.seconds
    );
}

#[allow(clippy::print_stderr, reason = "a line of progress on a terminal")]
fn eprint_progress(seed: u64, report: &Report) {
    eprint!(
        "\rseed {seed}: {} days, {} orders, {} crashes, broken: {}, {:.1} days/s ",
        report.days, report.orders, report.crashes, report.violations, report.days_a_second
    );
}

#[allow(clippy::print_stderr, reason = "a line of progress on a terminal")]
fn eprint_hour(fate: &Fate) {
    eprint!(
        "\rhour {}: {} orders, {} crashes, broken: {} ",
        fate.days,
        fate.orders,
        fate.crashes,
        fate.violations.len()
    );
}

fn told(report: &Report) -> String {
    let mut text = String::new();
    for found in &report.found {
        let _ = writeln!(text, "seed {}", found.seed);
        for v in &found.violations {
            let _ = writeln!(text, "  broken: {}: {}", v.invariant, v.what);
        }
        let _ = writeln!(text, "  the shortest plan that breaks it:");
        for line in &found.plan {
            let _ = writeln!(text, "    {line}");
        }
        if !found.story.is_empty() {
            let _ = writeln!(text, "  what happened:");
        }
        for line in &found.story {
            let _ = writeln!(text, "    {line}");
        }
    }
    let faults: u64 = report.faults.values().sum();
    let _ = writeln!(
        text,
        "{} lives, {} store days, {} orders, {} effects, {} events, {faults} faults of {} kinds, {} crashes \
         ({} with the power), lives that broke a promise: {}, {:.1} s, {:.1} store days a second, digest {}",
        report.seeds,
        report.days,
        report.orders,
        report.effects,
        report.events,
        report.faults.len(),
        report.crashes,
        report.power_cuts,
        report.violations,
        report.seconds,
        report.days_a_second,
        report.digest.get(..16).unwrap_or_default()
    );
    text
}
