//! `galley shift`: the fiscal shift.

mod report;

use super::{
    client::{Door, query},
    exit::{Exit, help},
    order::minor,
    output::{View, facts, print, print_json},
    when,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// The fiscal shift.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley shift show",
    "galley shift report    sales by tender, returns, drawer, the printer's view",
    "galley shift report --shift 41 --json | jq .differences",
    "galley shift cash in 5000 --who 'Anna Petrova' --why change",
    "galley shift cash out 42000.50 --who 'Anna Petrova' --why 'to the bank'",
    "galley shift x         prints an X report; nothing is closed",
    "galley shift close     prints the Z report; the day's report goes to accounting",
    "galley shift open      usually not needed: the first receipt opens it"
))]
pub struct ShiftArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Whether it is open, since when, and its sums
    Show,
    /// Open it
    Open,
    /// Close it, with the Z report
    Close,
    /// Print an X report
    X,
    /// The report for people; differences to the printer are named
    #[command(
        after_help = "Of the open shift the printer is asked for its counters now; of a closed one they are those before\n\
        its Z report. As a page: /shift-report/ of the store's address.\n\n\
        Examples:\n  galley shift report\n  galley shift report --shift 41\n  galley shift report --json | jq .drawer.expected_minor"
    )]
    Report {
        /// Number of the shift; the current or last one when none
        #[arg(long)]
        shift: Option<u32>,
    },
    /// Put money into the drawer, or take it out; the printer counts it
    #[command(after_help = "Who and why go into the log and the shift's report.\n\n\
        Examples:\n  galley shift cash in 5000 --who 'Anna Petrova' --why change\n\
        \x20 galley shift cash out 42000.50 --who 'Anna Petrova' --why 'to the bank'")]
    Cash {
        /// Which way
        #[arg(value_parser = ["in", "out"])]
        direction: String,
        /// Sum, such as 5000 or 42000.50
        sum: String,
        /// Who does it
        #[arg(long)]
        who: String,
        /// Why
        #[arg(long)]
        why: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: ShiftArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, said) = match &args.act {
        Act::Show => (client.get("/shift").await?, None),
        Act::Open => (
            client.post("/shift/open", &json!({})).await?,
            Some("the printer opens the shift\n"),
        ),
        Act::Close => {
            if !args.door.yes {
                let now = client.get("/shift").await?;
                let now = View(&now);
                args.door.confirm(&format!(
                    "Shift {} is closed with its Z report: {} receipts, {} of sales. The next sale opens a new one.",
                    now.text("number"),
                    now.text("receipts"),
                    now.money("sales_minor")
                ))?;
            }
            (
                client.post("/shift/close", &json!({})).await?,
                Some("the printer closes the shift; see: galley shift show\n"),
            )
        }
        Act::X => (
            client.post("/shift/x-report", &json!({})).await?,
            Some("the printer prints an X report\n"),
        ),
        Act::Report { shift } => {
            let pairs = [("shift", shift.map(|n| n.to_string()))];
            let path = format!("/shift/report{}", query(&pairs));
            (client.get(&path).await?, None)
        }
        Act::Cash {
            direction,
            sum,
            who,
            why,
        } => {
            let drawer = if direction == "in" { "into" } else { "out of" };
            args.door.confirm(&format!(
                "{sum} goes {drawer} the drawer; the printer registers it, and it can't be taken back."
            ))?;
            let body = json!({
                "direction": direction, "sum_minor": minor("SUM", sum)?, "who": who, "why": why,
            });
            (
                client.post("/shift/cash", &body).await?,
                Some("the printer counts it; see: galley shift report\n"),
            )
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else if let Some(said) = said {
        print(said)?;
    } else if matches!(args.act, Act::Report { .. }) {
        print(&report::show(View(&answer)))?;
    } else {
        let zone = when::told(&client).await;
        print(&show(View(&answer), zone))?;
    }
    let differs = matches!(args.act, Act::Report { .. })
        && View(&answer).each("differences").next().is_some();
    Ok(if differs { Exit::Unhealthy } else { Exit::Done }.into())
}

fn show(shift: View<'_>, zone: String) -> String {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    facts(&[
        pair("state", shift.text("state")),
        pair("number", shift.text("number")),
        pair("opened", shift.time("opened_at")),
        pair("times in", zone),
        pair("sales", shift.money("sales_minor")),
        pair("returns", shift.money("returns_minor")),
        pair("receipts", shift.text("receipts")),
    ])
}
