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
    "galley effect settle 4711 --seen document=123 --reason 'found on the tape'",
    "                             it was done: what you saw, see the alert",
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
    #[command(after_help = help!(
        "galley effect settle 4711 --seen document=123 --reason 'found on the tape'",
        "galley effect settle 4711 --not-done --reason 'the drive has no such receipt'",
        "",
        "Which one? The alert says what was seen; then look outside.",
        "  in doubt, and it did happen      --seen (or --done with its JSON)",
        "  in doubt, and it did not         --not-done: it is done now",
        "  refused, the cause is mended     --not-done: it is tried again",
        "  refused, and it can never be     never --not-done: it is refused again.",
        "    a slip, SMS, X report, job     --seen - closes it, nothing else changes",
        "    a receipt or a correction      galley fiscal correct; never --done",
        "    a refund by the bank           hand the money out: galley order refunded",
        "--done is for what is so: it enters the books and can't be taken back."
    ))]
    #[command(group = clap::ArgGroup::new("outcome").required(true).args(["done", "seen", "not_done"]))]
    Settle {
        /// The effect, as its alert names it
        #[arg(add = ArgValueCompleter::new(complete::effects))]
        id: i64,
        /// It was done, with this result
        #[arg(long, value_name = "JSON")]
        done: Option<String>,
        /// It was done, and this was seen: document=123, paid=yes or no, reference=R-1; - when nothing is asked
        #[arg(long, value_name = "WORD=VALUE")]
        seen: Vec<String>,
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
        seen,
        not_done: _,
        reason,
    } = args.act;
    let result = done
        .map(|text| {
            serde_json::from_str::<Value>(&text)
                .map_err(|e| Misuse(format!("--done: this is no JSON: {e}")))
        })
        .transpose()?;
    let seen = match seen.is_empty() {
        true => None,
        false => Some(words(&seen)?),
    };
    let outcome = if result.is_some() || seen.is_some() {
        "done"
    } else {
        "not_done"
    };
    let mut body = json!({"outcome": outcome, "reason": reason});
    if let Some(result) = &result {
        body["result"] = result.clone();
    }
    if let Some(seen) = &seen {
        body["seen"] = seen.clone();
    }
    let what = if outcome == "done" {
        format!("Effect {id} counts as done, as you saw it. It is never done again.")
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

/// What was seen, as the daemon takes it.
fn words(seen: &[String]) -> Result<Value, Misuse> {
    let mut all = json!({});
    for one in seen.iter().filter(|one| *one != "-") {
        let wrong = || {
            Misuse(format!(
                "--seen {one}: document=123, paid=yes, paid=no or reference=R-1"
            ))
        };
        let (word, value) = one.split_once('=').ok_or_else(wrong)?;
        match (word, value) {
            ("document", number) => {
                all["document_number"] = number.parse::<u32>().map_err(|_| wrong())?.into();
            }
            ("paid", "yes") => all["paid"] = true.into(),
            ("paid", "no") => all["paid"] = false.into(),
            ("reference", text) => all["reference"] = text.into(),
            _ => return Err(wrong()),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_told_in_words_of_the_trade() {
        let all = |list: &[&str]| words(&list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            all(&["document=12", "paid=no", "reference=R=1"]).unwrap(),
            json!({"document_number": 12, "paid": false, "reference": "R=1"})
        );
        assert_eq!(all(&["-"]).unwrap(), json!({}));
        for wrong in ["document=x", "paid=maybe", "sum=5", "document"] {
            assert!(all(&[wrong]).is_err(), "{wrong}");
        }
    }
}
