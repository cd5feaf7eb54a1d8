//! What emulated fiscal printers of any make have in common here.

use super::{FaultText, Line, fault};
use crate::{
    cli::{exit::Misuse, output::print},
    domain::time::Timestamp,
    world::{Clock as _, SystemClock},
};
use clap::Args;
use galley_fiscal::LocalDateTime;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use std::{path::PathBuf, time::Duration};

/// How often the paper is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Lines that are shown at once at most; the emulators keep no more.
const LINES: u64 = 500;

#[derive(Args, Debug)]
pub(super) struct TillArgs {
    #[command(flatten)]
    pub(super) line: Line,
    /// Keep the fiscal drive in this file; without it, it is gone at the end
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    /// Print so many times faster than a real one
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) speed: u32,
    /// The clock's time zone, such as Europe/Moscow; this machine's without it
    #[arg(long, value_name = "ZONE", value_parser = TimeZone::get)]
    pub(super) zone: Option<TimeZone>,
    /// What goes wrong: fault=paper_ends,registered=true, fault=refuse,err=8 …; times=N for more than once
    #[arg(long = "fault", value_name = "PAIRS", value_parser = fault)]
    pub(super) faults: Vec<FaultText>,
}

/// A fault in the emulator's own words, and how often it strikes; once when nothing is said.
pub(super) fn wanted<F: DeserializeOwned>(mut text: FaultText) -> Result<(F, Option<u32>), Misuse> {
    let shown = text.0.to_string();
    let times = text
        .0
        .as_object_mut()
        .and_then(|fields| fields.remove("times"))
        .and_then(|n| u32::try_from(n.as_u64()?).ok());
    let fault =
        serde_json::from_value(text.0).map_err(|e| Misuse(format!("--fault {shown}: {e}")))?;
    Ok((fault, times))
}

/// What to say when a state file can't be used.
pub(super) fn cannot_use(state: Option<&PathBuf>) -> String {
    state.map_or_else(String::new, |f| format!("cannot use {}", f.display()))
}

/// Serves until the end, and shows each line of paper as it comes out. `printed` counts the lines that ever came out,
/// `last` gives the last ones.
pub(super) async fn serve(
    served: impl Future<Output = ()>,
    printed: impl Fn() -> u64,
    last: impl Fn(usize) -> Vec<String>,
) -> anyhow::Result<()> {
    tokio::select! {
        biased;
        shown = show_paper(printed, last) => shown,
        () = served => Ok(()),
    }
}

async fn show_paper(
    printed: impl Fn() -> u64,
    last: impl Fn(usize) -> Vec<String>,
) -> anyhow::Result<()> {
    let mut seen = printed();
    loop {
        tokio::time::sleep(LOOK).await;
        let now = printed();
        let new = now.saturating_sub(seen).min(LINES);
        seen = now;
        for line in last(usize::try_from(new).unwrap_or(0)) {
            print(&format!("{line}\n"))?;
        }
    }
}

/// What the printer's clock shows: the time of the store, where it stands in another zone than this machine.
pub(super) fn clock(zone: Option<TimeZone>) -> impl Fn() -> LocalDateTime + Send + Sync + 'static {
    let zone = zone.unwrap_or_else(TimeZone::system);
    move || shown(SystemClock.now(), &zone)
}

fn shown(now: Timestamp, zone: &TimeZone) -> LocalDateTime {
    let now = crate::domain::time::local(now, zone);
    // Years and the rest of a real clock are in range.
    let small = |n: i8| u8::try_from(n).unwrap_or(0);
    LocalDateTime {
        year: u16::try_from(now.year()).unwrap_or(2000),
        month: small(now.month()),
        day: small(now.day()),
        hour: small(now.hour()),
        minute: small(now.minute()),
        second: small(now.second()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_the_time_of_its_zone() {
        let at = Timestamp::from_millis(1_790_000_000_000);
        let hour = |zone| shown(at, &TimeZone::get(zone).unwrap()).hour;
        assert_eq!((hour("UTC") + 3) % 24, hour("Europe/Moscow"));
        assert_eq!((hour("UTC") + 5) % 24, hour("Asia/Tashkent"));
    }

    #[test]
    fn faults_are_named_as_the_emulators_name_them() {
        use galley_atol::emulator::Fault as Atol;
        use galley_shtrih_m::emulator::Fault as Shtrih;
        let parse = |text| wanted::<Atol>(fault(text).unwrap());
        assert!(matches!(
            parse("fault=answer_lost").unwrap(),
            (Atol::AnswerLost, None)
        ));
        assert!(matches!(
            parse("fault=refuse,err=8,times=3").unwrap(),
            (Atol::Refuse { err: 8 }, Some(3))
        ));
        assert!(parse("fault=ack_lost").is_err());
        assert!(matches!(
            wanted::<Shtrih>(fault("fault=ack_lost").unwrap()).unwrap(),
            (Shtrih::AckLost, None)
        ));
    }
}
