//! `galley shift`: the fiscal shift.

use super::{
    client::Door,
    exit::{Exit, help},
    output::{View, facts, print, print_json},
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// The fiscal shift.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley shift show",
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

#[derive(Clone, Copy, Debug, Subcommand)]
enum Act {
    /// Whether it is open, since when, and its sums
    Show,
    /// Open it
    Open,
    /// Close it, with the Z report
    Close,
    /// Print an X report
    X,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: ShiftArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, said) = match args.act {
        Act::Show => (client.get("/shift").await?, None),
        Act::Open => (
            client.post("/shift/open", &json!({})).await?,
            Some("the printer opens the shift\n"),
        ),
        Act::Close => (
            client.post("/shift/close", &json!({})).await?,
            Some("the printer closes the shift; see: galley shift show\n"),
        ),
        Act::X => (
            client.post("/shift/x-report", &json!({})).await?,
            Some("the printer prints an X report\n"),
        ),
    };
    if args.door.json {
        print_json(&answer)?;
    } else if let Some(said) = said {
        print(said)?;
    } else {
        print(&show(View(&answer)))?;
    }
    Ok(Exit::Done.into())
}

fn show(shift: View<'_>) -> String {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    facts(&[
        pair("state", shift.text("state")),
        pair("number", shift.text("number")),
        pair("opened", shift.time("opened_at")),
        pair("sales", shift.money("sales_minor")),
        pair("returns", shift.money("returns_minor")),
        pair("receipts", shift.text("receipts")),
    ])
}
