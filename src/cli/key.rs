//! `galley key`: keys of other systems, and what they are good for.

use super::{
    client::Door,
    exit::{Exit, help},
    output::{Lean, Table, View, ago, clean, print, print_json, time},
    user::segment,
    when,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Keys of other systems, and what they are good for.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley key list",
    "galley key create --name erp --scope stock:read --scope sales:read",
    "galley key create --name shop --scope orders:create --expires 90d",
    "galley key scopes",
    "galley key rotate erp                the former key is good for a day more",
    "galley key rotate erp --grace 0s     it is shut out at once",
    "galley key revoke erp",
))]
pub struct KeyArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Keys, what they may do, and when they were used last
    List,
    /// What a key may be good for
    Scopes,
    /// Makes a key, and shows it this once
    Create {
        /// The other system's name; no key has or had it
        #[arg(long)]
        name: String,
        /// What it may do, such as stock:read (several times for several)
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<String>,
        /// It opens nothing from then on: 90d, 2027-01-31
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// Requests a minute, instead of the store's usual number
        #[arg(long, value_name = "N")]
        per_minute: Option<u32>,
    },
    /// Another key in place of this one; the former is good for a while more
    Rotate {
        /// Whose
        name: String,
        /// How long the former key is still good: 24h, 0s
        #[arg(long, default_value = "24h", value_name = "TIME")]
        grace: String,
    },
    /// Shuts a key out, at once and for good
    Revoke {
        /// Whose
        name: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: KeyArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, said) = match args.act {
        Act::List => {
            let answer = client.get("/keys").await?;
            when::told(&client).await;
            let text = list(&answer);
            (answer, text)
        }
        Act::Scopes => {
            let answer = client.get("/keys").await?;
            let text = scopes(&answer);
            (answer, text)
        }
        Act::Create {
            name,
            scopes,
            expires,
            per_minute,
        } => {
            let mut body = json!({"name": name, "scopes": scopes});
            if let Some(text) = expires {
                body["expires_at"] = when::ahead(&client, &text).await?.into();
            }
            if let Some(n) = per_minute {
                body["per_minute"] = n.into();
            }
            let answer = client.post("/keys", &body).await?;
            let said = format!(
                "{} may come in with this key; it is shown this once:\n{}\n",
                clean(&name),
                View(&answer).text("key")
            );
            (answer, said)
        }
        Act::Rotate { name, grace } => {
            let body = json!({"grace_s": when::span(&grace)?.as_secs()});
            let path = format!("/keys/{}/rotate", segment(&name));
            let answer = client.post(&path, &body).await?;
            when::told(&client).await;
            let view = View(&answer);
            let former = match view.number("former_until") {
                Some(at) => format!("the former is good until {}", time(at)),
                None => "the former is shut out".to_owned(),
            };
            let said = format!(
                "{} has another key, and {former}; it is shown this once:\n{}\n",
                clean(&name),
                view.text("key")
            );
            (answer, said)
        }
        Act::Revoke { name } => {
            args.door.confirm(&format!(
                "The key {} opens nothing any more, at once and for good.",
                clean(&name)
            ))?;
            let path = format!("/keys/{}/revoke", segment(&name));
            let answer = client.post(&path, &json!({})).await?;
            (answer, format!("{} can't come in any more\n", clean(&name)))
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    Ok(Exit::Done.into())
}

fn list(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("NAME", Lean::Left),
        ("KEY", Lean::Left),
        ("STATE", Lean::Left),
        ("USED", Lean::Left),
        ("EXPIRES", Lean::Left),
        ("SCOPES", Lean::Left),
    ]);
    for key in View(answer).each("keys") {
        let scopes: Vec<&str> = key.each("scopes").filter_map(|s| s.0.as_str()).collect();
        table.row([
            key.text("name"),
            format!("{}…", key.text("hint")),
            key.text("state"),
            key.number("used_at")
                .map_or_else(|| "never".to_owned(), ago),
            key.number("expires_at")
                .map_or_else(|| "-".to_owned(), time),
            scopes.join(" "),
        ]);
    }
    if table.is_empty() {
        return "there are no keys: galley key create --name erp --scope stock:read\n".to_owned();
    }
    table.render()
}

fn scopes(answer: &Value) -> String {
    let mut table = Table::new(&[("SCOPE", Lean::Left), ("", Lean::Left)]);
    for scope in View(answer).each("scopes") {
        table.row([scope.text("scope"), scope.text("says")]);
    }
    table.render()
}
