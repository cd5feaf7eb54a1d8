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
    "galley reconcile                      all days",
    "galley reconcile --day 2026-11-22     orders of one day, and all shifts",
    "galley reconcile --json | jq .totals",
    "galley reconcile || echo 'look into it'"
))]
pub struct ReconcileArgs {
    #[command(flatten)]
    pub(super) door: Door,
    /// Only orders of this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<jiff::civil::Date>,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: ReconcileArgs) -> anyhow::Result<ExitCode> {
    let query = query(&[("day", args.day.map(|d| d.to_string()))]);
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
        ("SUBJECT", Lean::Left),
        ("WHAT", Lean::Left),
    ]);
    for d in view.each("differences") {
        let side = |name: &str| {
            if d.yes("money") {
                d.money(name)
            } else {
                d.text(name)
            }
        };
        table.row([
            side("left"),
            side("right"),
            d.text("subject"),
            d.text("what"),
        ]);
    }
    let verdict = if table.is_empty() {
        match view.at("exact").0.as_bool() {
            Some(false) => "no differences; something is still under way\n".to_owned(),
            _ => "no differences\n".to_owned(),
        }
    } else {
        format!("DIFFERENCES\n{}", table.render_whole())
    };
    format!("{}\n{verdict}", facts_of(view.at("totals").0))
}
