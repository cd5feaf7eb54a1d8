//! `galley effect`: a person's decision about an act whose outcome nobody can find out.

use super::{
    client::Door,
    complete,
    exit::{Exit, Misuse, help},
    output::{print, print_json},
};
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Acts on the outside world that need a person.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley alert list            names the effect and what to look at first",
    "galley effect settle 4711 --not-done --reason 'no such receipt in the drive'",
    "                             it is done anew",
    "galley effect settle 4711 --done '{\"bank_refund_id\":\"R-1\"}' \\",
    "    --reason 'seen in the bank cabinet'",
    "                             it counts as done, with that result"
))]
pub struct EffectArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Decide whether it was done. Look at the outside world first: a wrong "not done" does it twice
    #[command(group = clap::ArgGroup::new("outcome").required(true).args(["done", "not_done"]))]
    Settle {
        /// The effect, as its alert names it
        #[arg(add = ArgValueCompleter::new(complete::effects))]
        id: i64,
        /// It was done, with this result
        #[arg(long, value_name = "JSON")]
        done: Option<String>,
        /// It was not done, and shall be done now
        #[arg(long)]
        not_done: bool,
        /// What you saw, for the books
        #[arg(long)]
        reason: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: EffectArgs) -> anyhow::Result<ExitCode> {
    let Act::Settle {
        id,
        done,
        not_done: _,
        reason,
    } = args.act;
    let result = done
        .map(|text| {
            serde_json::from_str::<Value>(&text)
                .map_err(|e| Misuse(format!("--done: this is no JSON: {e}")))
        })
        .transpose()?;
    let outcome = if result.is_some() { "done" } else { "not_done" };
    let mut body = json!({"outcome": outcome, "reason": reason});
    if let Some(result) = &result {
        body["result"] = result.clone();
    }
    let what = if result.is_some() {
        format!("Effect {id} counts as done, with the result you give. It is never done again.")
    } else {
        format!("Effect {id} counts as not done and is DONE NOW. If it was done, it happens twice.")
    };
    args.door.confirm(&what)?;
    let path = format!("/effects/{id}/settle");
    let answer = args.door.client()?.post(&path, &body).await?;
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&format!("effect {id}: settled as {outcome}\n"))?;
    }
    Ok(Exit::Done.into())
}
