//! `galley sync`: the readers of the log, headquarters among them.

use super::{
    client::Door,
    exit::{Exit, help},
    output::{Lean, Table, View, duration, print, print_json},
};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Headquarters and the other readers of the log.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley sync status           ends with 3 while headquarters is out of reach",
    "galley sync status --json | jq '.readers[].backlog'"
))]
pub struct SyncArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Act {
    /// How far each reader has come, and the uplink
    Status,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: SyncArgs) -> anyhow::Result<ExitCode> {
    let Act::Status = args.act;
    let answer = args.door.client()?.get("/sync").await?;
    let view = View(&answer);
    if args.door.json {
        print_json(&answer)?;
    } else {
        let mut table = Table::new(&[
            ("READER", Lean::Left),
            ("AT", Lean::Right),
            ("OF", Lean::Right),
            ("BACKLOG", Lean::Right),
            ("OLDEST", Lean::Right),
        ]);
        for r in view.each("readers") {
            table.row([
                r.text("name"),
                r.text("cursor"),
                r.text("head"),
                r.text("backlog"),
                r.number("oldest_age_ms")
                    .map_or_else(|| "-".to_owned(), duration),
            ]);
        }
        print(&format!(
            "uplink  {}\n\n{}",
            view.text("uplink"),
            table.render()
        ))?;
    }
    Ok(if view.is("uplink", "offline") {
        Exit::Unhealthy
    } else {
        Exit::Done
    }
    .into())
}
