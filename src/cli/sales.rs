//! `galley sales`: sell nothing for a while, and sell again.

use super::{
    client::Door,
    exit::{Exit, help},
    menu::moment,
    output::{print, print_json},
    when,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// Pause and resume sales; orders that are placed go on.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley sales pause --why 'fire drill'",
    "galley sales pause --cleaning --why 'closing time' --until 22:30",
    "galley sales resume"
))]
pub struct SalesArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Take no new orders
    Pause {
        /// Tell guests that it is being cleaned
        #[arg(long)]
        cleaning: bool,
        /// Sell again by itself: store time (18:00) or after so long (30m, 2h)
        #[arg(long, value_name = "WHEN")]
        until: Option<String>,
        /// Why, for the books
        #[arg(long)]
        why: String,
    },
    /// Take orders again
    Resume {
        /// Why, for the books
        #[arg(long)]
        why: Option<String>,
    },
}

/// What is said of a pause: the command goes as it stands.
const RESUMED_BY: &str = "no new orders are taken; to take them again: galley sales resume\n";

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: SalesArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, said) = match args.act {
        Act::Pause {
            cleaning,
            until,
            why,
        } => {
            let kind = if cleaning { "cleaning" } else { "paused" };
            let mut body = json!({"kind": kind, "why": why});
            if let Some(until) = until {
                body["until_at"] = moment(&until, &when::now(&client, &until).await?)?.into();
            }
            let answer = client.post("/sales/pause", &body).await?;
            (answer, RESUMED_BY)
        }
        Act::Resume { why } => {
            let body = why.map_or_else(|| json!({}), |why| json!({"why": why}));
            let answer = client.post("/sales/resume", &body).await?;
            (answer, "orders are taken again\n")
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(said)?;
    }
    Ok(Exit::Done.into())
}
