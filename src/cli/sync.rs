//! `galley sync`: the readers of the log, headquarters among them.

use super::{
    client::{Client, Door},
    enrol,
    exit::{Exit, help},
    output::{Lean, Table, View, clean, duration, print, print_json, time},
    progress::Progress,
    when,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

/// Headquarters and the other readers of the log.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley sync status           ends with 3 while headquarters is out of reach",
    "galley sync now              tries at once, and waits until all is there",
    "galley sync status --json | jq '.readers[].backlog'",
    "galley sync adopt            after galley restore, with the daemon stopped"
))]
pub struct SyncArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// How far each reader has come, and the uplink
    Status,
    /// Take up the log that headquarters has, with the daemon stopped: after a restore of an old backup, or when
    /// another box had this one's place
    Adopt {
        /// A one-time code (galley hq enrol), where the box's own token does not count any more
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
        #[command(flatten)]
        place: enrol::PlaceArgs,
    },
    /// Tries the way to headquarters at once, and waits until everything is there
    Now {
        /// Wait no longer than so many seconds
        #[arg(long, default_value_t = 60, value_name = "S")]
        within: u64,
    },
}

/// How often is looked.
const LOOK: Duration = Duration::from_millis(500);

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: SyncArgs) -> anyhow::Result<ExitCode> {
    if let Act::Adopt { code, place } = &args.act {
        return enrol::adopt(place, code.as_deref(), args.door.json).await;
    }
    let client = args.door.client()?;
    let mut tried = false;
    let answer = match args.act {
        Act::Now { within } => {
            tried = true;
            client.post("/sync/now", &json!({})).await?;
            there(&client, Duration::from_secs(within)).await?
        }
        Act::Status | Act::Adopt { .. } => client.get("/sync").await?,
    };
    let in_vain = tried && backlog(&answer) > 0;
    let view = View(&answer);
    if args.door.json {
        print_json(&answer)?;
    } else {
        when::told(&client).await;
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
        let mut uplink = format!("uplink  {}", view.text("uplink"));
        if let Some(route) = view.0.get("route").and_then(Value::as_str) {
            uplink += &format!(" by {}", clean(route));
        }
        if let Some(since) = view.number("since_at") {
            uplink += &format!(", since {}", time(since));
        }
        if let Some(reason) = view.0.get("reason").and_then(Value::as_str) {
            uplink += &format!("\n        {}", clean(reason));
        }
        print(&format!("{uplink}\n\n{}", table.render()))?;
    }
    Ok(if in_vain || view.is("uplink", "offline") {
        Exit::Unhealthy
    } else {
        Exit::Done
    }
    .into())
}

/// How far headquarters is behind, in events.
fn backlog(answer: &Value) -> i64 {
    View(answer)
        .each("readers")
        .find(|r| r.is("name", "hq"))
        .and_then(|r| r.number("backlog"))
        .unwrap_or(0)
}

/// Waits until headquarters has what is there now, or until the time is over.
async fn there(client: &Client, within: Duration) -> anyhow::Result<Value> {
    let end = tokio::time::Instant::now() + within;
    let mut answer = client.get("/sync").await?;
    let mut progress = Progress::of("events");
    let all = backlog(&answer);
    while backlog(&answer) > 0 && tokio::time::Instant::now() < end {
        let done = u64::try_from(all - backlog(&answer)).unwrap_or(0);
        progress.at(done, u64::try_from(all).ok());
        tokio::time::sleep(LOOK).await;
        answer = client.get("/sync").await?;
    }
    drop(progress);
    Ok(answer)
}
