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
        match under_way(view.at("totals")) {
            waits if waits.is_empty() => "no differences\n".to_owned(),
            waits => format!("no differences; still under way: {waits}\n"),
        }
    } else {
        format!("DIFFERENCES\n{}", table.render_whole())
    };
    format!("{}\n{verdict}", facts_of(view.at("totals").0))
}

/// What is not done yet, counted; a message that waits for its provider belongs to no order that waits.
fn under_way(totals: View<'_>) -> String {
    let count = |name: &str| totals.number(name).unwrap_or(0);
    let counted = |n: i64, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let orders = counted(count("under_way"), "order", "orders");
    let acts = counted(
        count("live_effects"),
        "act on an outside system",
        "acts on outside systems (receipts, dishes, messages, accounting …)",
    );
    [orders, acts]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_under_way_is_told_as_the_numbers_have_it() {
        for (orders, acts, exact, verdict) in [
            (0, 0, true, "no differences\n"),
            (
                0,
                1,
                false,
                "no differences; still under way: 1 act on an outside system\n",
            ),
            (1, 0, false, "no differences; still under way: 1 order\n"),
            (
                2,
                3,
                false,
                "no differences; still under way: 2 orders, 3 acts on outside systems (receipts, dishes, messages, accounting …)\n",
            ),
        ] {
            let totals = json!({"under_way": orders, "live_effects": acts});
            let answer = json!({"exact": exact, "totals": totals, "differences": []});
            let shown = show(&answer);
            assert!(shown.ends_with(verdict), "{shown}");
        }
    }
}
