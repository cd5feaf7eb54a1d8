//! `galley alert`: what needs a person.

use super::{
    client::Door,
    exit::{Exit, help},
    output::{View, ago, clean, print, print_json, wrap},
};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::process::ExitCode;

/// What needs a person.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley alert list",
    "galley alert list --json | jq '.alerts[] | select(.severity==\"error\")'"
))]
pub struct AlertArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Act {
    /// Open alerts, with what to do about each
    List,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: AlertArgs) -> anyhow::Result<ExitCode> {
    let Act::List = args.act;
    let answer = args.door.client()?.get("/alerts").await?;
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&list(&answer))?;
    }
    Ok(Exit::Done.into())
}

/// What waits for the effect, and how it can be settled, if it can: one that still tries needs nobody's word.
fn effect(alert: View<'_>, id: i64) -> String {
    let order = match alert.0["order"].as_str() {
        Some(number) => format!("order {}, ", clean(number)),
        None => String::new(),
    };
    match settled_by(alert, id) {
        Some(command) => format!("{order}effect {id} {} ({command})", stands(alert)),
        None => format!("{order}effect {id} is tried again by itself"),
    }
}

/// How it stands, for people.
fn stands(alert: View<'_>) -> &'static str {
    match alert.text("effect_state").as_str() {
        "refused" => "was refused for good",
        "unknown" => "is in doubt",
        _ => "needs a person",
    }
}

/// The command that settles the effect of an alert.
pub(super) fn settled_by(alert: View<'_>, id: i64) -> Option<String> {
    // A daemon that does not tell how it stands is an older one.
    let settles = ["refused", "unknown", "person", "-"];
    settles
        .contains(&alert.text("effect_state").as_str())
        .then(|| format!("galley effect settle {id} -h"))
}

/// Alerts that are open, as text.
pub(super) fn list(answer: &Value) -> String {
    let mut text = String::new();
    for alert in View(answer).each("alerts") {
        if alert.number("cleared_at").is_some() {
            continue;
        }
        let since = alert.number("since_at").map(ago).unwrap_or_default();
        text += &format!(
            "{}  {}  ({since})\n",
            clean(&alert.text("severity")).to_uppercase(),
            clean(&alert.word("title"))
        );
        text += &format!("  {}\n", clean(&alert.text("id")));
        if let Some(id) = alert.number("effect_id") {
            text += &format!("  {}\n", effect(alert, id));
        }
        for part in ["detail", "advice"] {
            if let Some(words) = alert.at(part).0.as_str() {
                text += &wrap(words, 2);
            }
        }
    }
    if text.is_empty() {
        "no alerts\n".clone_into(&mut text);
    }
    text
}
