//! `galley hq enrol`, `bar` and others: what a person does at headquarters, on its database. It need not be stopped.

use super::{
    ask::confirm,
    exit::{Exit, Stop},
    output::{print, print_json, time},
};
use crate::hq::{Admin, Hq};
use clap::Subcommand;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum HqAct {
    Verify(super::hq_verify::VerifyArgs),
    /// Let people in
    #[command(subcommand)]
    User(super::hq_people::UserAct),
    /// A one-time code for a new store, or for a box that takes a store's place
    Enrol {
        /// The store's id
        store: String,
        /// Its name for people
        #[arg(long)]
        name: Option<String>,
        /// For how many minutes the code is good
        #[arg(long, value_name = "MINUTES", default_value_t = 60)]
        valid: u64,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take nothing of a store in any more: its box was lost
    Bar {
        /// The store's id
        store: String,
        /// Why
        #[arg(long)]
        why: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Let a store in again
    Unbar {
        /// The store's id
        store: String,
    },
    /// A new key to sign with, announced to every store under the one it knows
    RotateKey,
    /// Tell a store to do something: close_shift, back_up, support_bundle … or a whole command as JSON
    Tell {
        /// The store's id, or "all"
        store: String,
        /// What: a word, or {"do": "stop_sales", "why": "recall"}
        command: String,
        /// For how many minutes it holds
        #[arg(long, value_name = "MINUTES", default_value_t = 15)]
        within: u64,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Erase all that is kept of a guest, in every store
    EraseGuest {
        /// The guest's phone number
        phone: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Put a revision of a document in: menu, promotions, settings or stops
    Document {
        /// Its kind
        kind: String,
        /// Its name
        name: String,
        /// A file, TOML or JSON
        file: PathBuf,
        /// What changed
        #[arg(long, default_value = "")]
        note: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Roll a revision out
    RollOut {
        /// The document's kind
        kind: String,
        /// Its name
        name: String,
        /// Which revision
        revision: u64,
        /// The stores, with commas; all of them without it
        #[arg(long, value_name = "STORE", value_delimiter = ',')]
        stores: Vec<String>,
        /// The stores that get it first, with commas
        #[arg(long, value_name = "STORE", value_delimiter = ',')]
        canary: Vec<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Who asks, for the stores' logs: the person at this machine.
fn who() -> String {
    let user = ["SUDO_USER", "USER"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "operator".to_owned());
    user.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(40)
        .collect()
}

/// Does it.
///
/// # Errors
/// When headquarters' database refuses, or the answer is no.
pub async fn execute(hq: &Hq, act: HqAct) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(hq.clone(), who());
    let refused = |e: String| anyhow::Error::from(Stop::refused(e));
    let (answer, text, as_json): (Value, String, bool) = match act {
        // It needs no key and opens nothing for writing: `galley hq` carries it out before.
        HqAct::Verify(_) | HqAct::User(_) => return Ok(Exit::Done.into()),
        HqAct::Enrol {
            store,
            name,
            valid,
            json,
        } => {
            let a = admin.enrol(&store, name, valid).await.map_err(refused)?;
            let replaces = a["replaces"].as_u64().unwrap_or(0);
            let mut text = format!(
                "{}\n  for the store {store}, once, until {}\n  on the box: galley enrol --hq URL --code {}\n",
                a["code"].as_str().unwrap_or_default(),
                time(a["expires_at"].as_i64().unwrap_or(0)),
                a["code"].as_str().unwrap_or_default(),
            );
            if replaces > 0 {
                text += &format!(
                    "  the box that is there now (generation {replaces}) is shut out when the code is used\n"
                );
            }
            (a, text, json)
        }
        HqAct::Bar { store, why, yes } => {
            confirm(
                yes,
                &format!(
                    "Nothing of the store {store} is taken in any more, until it is let in again."
                ),
            )?;
            admin.bar(&store, Some(why)).await.map_err(refused)?;
            let text =
                format!("{store} is barred; bar it at the broker, too (docs/enrolment.md)\n");
            (json!({}), text, false)
        }
        HqAct::Unbar { store } => {
            admin.bar(&store, None).await.map_err(refused)?;
            (json!({}), format!("{store} may come in again\n"), false)
        }
        HqAct::RotateKey => {
            let a = admin.rotate_key().await.map_err(refused)?;
            let text = format!("{} is announced to {} stores\n", a["id"], a["stores"]);
            (a, text, false)
        }
        HqAct::Tell {
            store,
            command,
            within,
            json,
        } => {
            let command = if command.trim_start().starts_with('{') {
                serde_json::from_str(&command)?
            } else {
                json!({ "do": command })
            };
            let a = admin.tell(&store, command, within).await.map_err(refused)?;
            let text = told(&a);
            (a, text, json)
        }
        HqAct::EraseGuest { phone, yes } => {
            confirm(
                yes,
                "All that is kept of this guest is erased, in every store.",
            )?;
            let a = admin
                .tell("all", json!({"do": "erase_guest", "phone": phone}), 0)
                .await
                .map_err(refused)?;
            let text = told(&a);
            (a, text, false)
        }
        HqAct::Document {
            kind,
            name,
            file,
            note,
            json,
        } => {
            let text = std::fs::read_to_string(&file)?;
            let content: Value = if file.extension().is_some_and(|e| e == "json") {
                serde_json::from_str(&text)?
            } else {
                toml::from_str(&text)?
            };
            let a = admin
                .document(&kind, &name, content, note)
                .await
                .map_err(refused)?;
            let text = format!("{kind} {name}: revision {}\n", a["revision"]);
            (a, text, json)
        }
        HqAct::RollOut {
            kind,
            name,
            revision,
            stores,
            canary,
            json,
        } => {
            let stores = (!stores.is_empty()).then_some(stores);
            let a = admin
                .roll_out(&kind, &name, revision, stores, canary)
                .await
                .map_err(refused)?;
            let text = format!(
                "roll-out {}, version {}: {}\n",
                a["id"].as_str().unwrap_or_default(),
                a["version"],
                a["counts"]
            );
            (a, text, json)
        }
    };
    if as_json {
        print_json(&answer)?;
    } else {
        print(&text)?;
    }
    Ok(Exit::Done.into())
}

fn told(answer: &Value) -> String {
    let commands = answer["commands"].as_array().cloned().unwrap_or_default();
    let mut text = String::new();
    for c in &commands {
        text += &format!(
            "{}  {}  {}\n",
            c["id"].as_str().unwrap_or_default(),
            c["store_id"].as_str().unwrap_or_default(),
            c["state"].as_str().unwrap_or_default()
        );
    }
    text + "it goes with each store's next sign of life\n"
}
