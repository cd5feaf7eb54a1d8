//! `galley reconcile`: orders = payments = receipts = dishes = accounting, to the kopeck.

use super::{
    client::{Door, query},
    exit::{Exit, help},
    output::{Lean, Table, View, facts_of, print, print_json},
};
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;

/// Compare the books: orders, money, receipts, dishes, accounting.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley reconcile                      today",
    "galley reconcile --day 2026-11-22",
    "galley reconcile --shift 41 --json",
    "galley reconcile || echo 'look into it'"
))]
pub struct ReconcileArgs {
    #[command(flatten)]
    pub(super) door: Door,
    /// One day of the store
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<jiff::civil::Date>,
    /// One shift, by its number
    #[arg(long, conflicts_with = "day")]
    shift: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: ReconcileArgs) -> anyhow::Result<ExitCode> {
    let query = query(&[
        ("day", args.day.map(|d| d.to_string())),
        ("shift", args.shift.map(|s| s.to_string())),
    ]);
    let answer = args
        .door
        .client()?
        .get(&format!("/reconcile{query}"))
        .await?;
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&show(&answer))?;
    }
    Ok(if View(&answer).each("differences").next().is_some() {
        Exit::Unhealthy
    } else {
        Exit::Done
    }
    .into())
}

fn show(answer: &Value) -> String {
    let view = View(answer);
    let mut table = Table::new(&[
        ("LEFT", Lean::Right),
        ("RIGHT", Lean::Right),
        ("ORDER", Lean::Left),
        ("WHAT", Lean::Left),
    ]);
    for d in view.each("differences") {
        let subject = match d.text("order").as_str() {
            "-" => d.text("subject"),
            order => order.to_owned(),
        };
        table.row([d.text("left"), d.text("right"), subject, d.text("what")]);
    }
    let verdict = if table.is_empty() {
        "no differences\n".to_owned()
    } else {
        format!("DIFFERENCES\n{}", table.render())
    };
    format!("{}\n{verdict}", facts_of(view.at("totals").0))
}
