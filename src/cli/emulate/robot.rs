//! The kitchen robot.

use super::{FaultText, Line, Wire, fault};
use crate::{
    cli::{exit::Misuse, output::print},
    world::{Clock as _, Entropy as _, SystemClock, SystemEntropy},
};
use anyhow::Context as _;
use clap::Args;
use galley_moley::{
    Framing,
    emulator::{EmulatorConfig, Fault, KitchenEmulator},
};
use galley_robot::Ambient;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// A robotic kitchen that speaks klink/1; tells here what becomes of its jobs
#[derive(Args, Debug)]
pub(super) struct RobotArgs {
    #[command(flatten)]
    line: Line,
    /// Keep the kitchen's memory in this file; without it, it is gone at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Cook so many times faster than the recipes say
    #[arg(long, value_name = "N", default_value_t = 1)]
    speed: u32,
    /// Portions of every ingredient that the bins hold at birth
    #[arg(long, value_name = "N", default_value_t = 50)]
    portions: u32,
    /// Hand-over places
    #[arg(long, value_name = "N", default_value_t = 2)]
    slots: u32,
    /// Begin stopped and in manual mode, as a real cell does, until a person acts
    #[arg(long)]
    stopped: bool,
    /// Where ids and noise come from: the same seed, the same kitchen
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What goes wrong: fault=lose_answer,op=job.submit; fault=delay,ms=500; fault=silence …;
    /// as often as needed
    #[arg(long = "fault", value_name = "PAIRS", value_parser = fault)]
    faults: Vec<FaultText>,
}

/// The emulator's faults, as a person asks for them.
#[derive(Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
enum Wanted {
    LoseAnswer { op: String },
    CutBeforeAct { op: String },
    CutAfterAct { op: String },
    PowerLoss { op: String, after_commit: bool },
    Duplicate {},
    Delay { ms: u64 },
    DropOut { every: u32 },
    DropIn { every: u32 },
    Reorder {},
    CutFrame {},
    FlipBit { every: u32 },
    Silence {},
    DiskFull {},
    MissControlPoint {},
    Slow { times: u32 },
}

impl From<Wanted> for Fault {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::LoseAnswer { op } => Self::LoseAnswer { op },
            Wanted::CutBeforeAct { op } => Self::CutBeforeAct { op },
            Wanted::CutAfterAct { op } => Self::CutAfterAct { op },
            Wanted::PowerLoss { op, after_commit } => Self::PowerLoss { op, after_commit },
            Wanted::Duplicate {} => Self::Duplicate,
            Wanted::Delay { ms } => Self::Delay(ms),
            Wanted::DropOut { every } => Self::DropOut(every),
            Wanted::DropIn { every } => Self::DropIn(every),
            Wanted::Reorder {} => Self::Reorder,
            Wanted::CutFrame {} => Self::CutFrame,
            Wanted::FlipBit { every } => Self::FlipBit(every),
            Wanted::Silence {} => Self::Silence,
            Wanted::DiskFull {} => Self::DiskFull,
            Wanted::MissControlPoint {} => Self::MissControlPoint,
            Wanted::Slow { times } => Self::Slow(times),
        }
    }
}

pub(super) async fn execute(args: RobotArgs) -> anyhow::Result<()> {
    let ambient = Ambient::new(
        || SystemClock.now().as_millis(),
        || SystemEntropy.next_u128(),
    );
    let mut config = EmulatorConfig {
        speed: args.speed.max(1),
        auto_production: !args.stopped,
        stock_portions: args.portions,
        ..EmulatorConfig::new(args.seed, ambient)
    };
    config.equipment.insert("slot".to_owned(), args.slots);
    let file = args.state.as_ref();
    let kitchen = KitchenEmulator::open(args.state.clone(), config).with_context(|| {
        file.map_or_else(String::new, |f| format!("cannot use {}", f.display()))
    })?;
    for text in args.faults {
        kitchen.inject(wanted(text)?);
    }
    let wire = args.line.open("robot").await?;
    let served = async {
        match wire {
            Wire::Tcp(listener) => kitchen.listen(listener, Framing::Len32).await,
            // The rest of the port stays alive to the end of this block, and with it the line.
            Wire::Pty(port) => kitchen.serve(port.stream, Framing::Cobs).await,
        }
    };
    tokio::select! {
        biased;
        told = tell_jobs(&kitchen) => told,
        () = served => Ok(()),
    }
}

fn wanted(text: FaultText) -> Result<Fault, Misuse> {
    let shown = text.0.to_string();
    serde_json::from_value::<Wanted>(text.0)
        .map(Fault::from)
        .map_err(|e| Misuse(format!("--fault {shown}: {e}")))
}

/// Tells each job's states as they change.
async fn tell_jobs(kitchen: &KitchenEmulator) -> anyhow::Result<()> {
    let mut changes = kitchen.changes();
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    loop {
        for job in kitchen.jobs() {
            let state = serde_json::to_value(job.state)?;
            let state = state.as_str().unwrap_or_default();
            if told.get(&job.job_id).map(String::as_str) != Some(state) {
                print(&format!("job {}: {state}\n", job.job_id))?;
                told.insert(job.job_id.clone(), state.to_owned());
            }
        }
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_pairs() {
        let parse = |text| wanted(fault(text).unwrap());
        assert_eq!(parse("fault=silence").unwrap(), Fault::Silence);
        assert_eq!(
            parse("fault=power_loss,op=job.submit,after_commit=true").unwrap(),
            Fault::PowerLoss {
                op: "job.submit".into(),
                after_commit: true
            }
        );
        assert!(parse("fault=silence,ms=4").is_err());
        assert!(parse("fault=delay").is_err());
    }
}
