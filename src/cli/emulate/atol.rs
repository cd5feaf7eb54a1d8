//! The fiscal printer.

use super::{FaultText, Line, Wire, fault};
use crate::{
    cli::{exit::Misuse, output::print},
    world::{Clock as _, SystemClock},
};
use anyhow::Context as _;
use clap::Args;
use galley_atol::{
    emulator::{AtolEmulator, Durations, EmulatorConfig, Fault, Times},
    local_time::LocalDateTime,
};
use jiff::tz::TimeZone;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// How often the paper is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Lines that are shown at once at most; the emulator keeps no more.
const LINES: u64 = 500;

/// The ATOL 91F: protocol 3, with a fiscal drive that survives; prints its paper here
#[derive(Args, Debug)]
pub(super) struct AtolArgs {
    #[command(flatten)]
    line: Line,
    /// Keep the fiscal drive in this file; without it, it is gone at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Print so many times faster than a real one
    #[arg(long, value_name = "N", default_value_t = 1)]
    speed: u32,
    /// What goes wrong: fault=answer_lost, fault=refuse,err=8 …; times=N for more than once
    #[arg(long = "fault", value_name = "PAIRS", value_parser = fault)]
    faults: Vec<FaultText>,
}

pub(super) async fn execute(args: AtolArgs) -> anyhow::Result<()> {
    let file = args.state.as_ref();
    let printer = AtolEmulator::open(
        args.state.clone(),
        EmulatorConfig {
            durations: Durations::default().divided_by(args.speed),
            ..EmulatorConfig::default()
        },
        Arc::new(local_now),
    )
    .with_context(|| file.map_or_else(String::new, |f| format!("cannot use {}", f.display())))?;
    for text in args.faults {
        let (fault, times) = wanted(text)?;
        printer.set_fault(fault, times);
    }
    let wire = args.line.open("printer").await?;
    let served = async {
        match wire {
            Wire::Tcp(listener) => printer.listen(listener).await,
            Wire::Pty(port) => printer.serve_pty(port).await,
        }
    };
    tokio::select! {
        biased;
        shown = show_paper(&printer) => shown,
        () = served => Ok(()),
    }
}

fn wanted(mut text: FaultText) -> Result<(Fault, Times), Misuse> {
    let shown = text.0.to_string();
    let times = text
        .0
        .as_object_mut()
        .and_then(|fields| fields.remove("times"))
        .and_then(|n| u32::try_from(n.as_u64()?).ok())
        .map_or(Times::Once, Times::N);
    let fault =
        serde_json::from_value(text.0).map_err(|e| Misuse(format!("--fault {shown}: {e}")))?;
    Ok((fault, times))
}

/// Shows each line of paper as it comes out.
async fn show_paper(printer: &AtolEmulator) -> anyhow::Result<()> {
    let mut seen = printer.printed_lines();
    loop {
        tokio::time::sleep(LOOK).await;
        let printed = printer.printed_lines();
        let new = printed.saturating_sub(seen).min(LINES);
        seen = printed;
        for line in printer.paper(usize::try_from(new).unwrap_or(0)) {
            print(&format!("{line}\n"))?;
        }
    }
}

/// The printer stands in the zone of this machine.
fn local_now() -> LocalDateTime {
    let local = jiff::Timestamp::from_millisecond(SystemClock.now().as_millis())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(TimeZone::system());
    // Years and the rest of a real clock are in range.
    let small = |n: i8| u8::try_from(n).unwrap_or(0);
    LocalDateTime {
        year: u16::try_from(local.year()).unwrap_or(2000),
        month: small(local.month()),
        day: small(local.day()),
        hour: small(local.hour()),
        minute: small(local.minute()),
        second: small(local.second()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_as_the_emulator_names_them() {
        let parse = |text| wanted(fault(text).unwrap());
        assert!(matches!(
            parse("fault=answer_lost").unwrap(),
            (Fault::AnswerLost, Times::Once)
        ));
        assert!(matches!(
            parse("fault=refuse,err=8,times=3").unwrap(),
            (Fault::Refuse { err: 8 }, Times::N(3))
        ));
        assert!(parse("fault=nonsense").is_err());
    }
}
