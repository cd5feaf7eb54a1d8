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
            text += &format!("  effect {id} (galley effect settle {id} -h)\n");
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
