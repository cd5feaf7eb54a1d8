//! `galley kiosk`: the screens of the store: kiosks, boards, staff screens.

use super::{
    client::Door,
    exit::{Exit, help},
    output::{Lean, Table, View, ago, clean, print, print_json},
    user::segment,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

/// The screens of the store: kiosks, boards, staff screens.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley kiosk list",
    "galley kiosk pair 482913 --name K1",
    "galley kiosk pair 482913 --name hall --role board",
    "galley kiosk rename K1 window",
    "galley kiosk revoke window",
))]
pub struct KioskArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Screens that are paired, and those that wait
    List,
    /// Pairs the screen that shows a code
    Pair {
        /// The six digits on the screen
        code: String,
        /// Its name; orders and calls from it are named so
        #[arg(long)]
        name: String,
        /// Refused when the screen wants to be something else
        #[arg(long, value_parser = ["kiosk", "board", "staff"])]
        role: Option<String>,
    },
    /// Shuts a screen out, at once
    Revoke {
        /// Its name
        name: String,
    },
    /// Gives a screen another name; orders it placed keep the old one
    Rename {
        /// The name it has
        name: String,
        /// The name it gets
        to: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: KioskArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, said) = match args.act {
        Act::List => {
            let answer = client.get("/screens").await?;
            let text = list(&answer);
            (answer, text)
        }
        Act::Pair { code, name, role } => {
            let mut body = json!({"code": code, "name": name});
            if let Some(role) = role {
                body["role"] = role.into();
            }
            let answer = client.post("/screens", &body).await?;
            let role = View(&answer).text("role");
            (
                answer,
                format!(
                    "{} is paired as {role}; it comes alive by itself\n",
                    clean(&name)
                ),
            )
        }
        Act::Revoke { name } => (
            client
                .post(&format!("/screens/{}/revoke", segment(&name)), &json!({}))
                .await?,
            format!("{} can't come in any more\n", clean(&name)),
        ),
        Act::Rename { name, to } => (
            client
                .post(
                    &format!("/screens/{}/rename", segment(&name)),
                    &json!({"name": to}),
                )
                .await?,
            format!("{} is called {} now\n", clean(&name), clean(&to)),
        ),
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
        ("ROLE", Lean::Left),
        ("PAIRED", Lean::Left),
        ("BY", Lean::Left),
    ]);
    let since = |at: Option<i64>| at.map(ago).unwrap_or_default();
    for screen in View(answer).each("screens") {
        table.row([
            screen.text("name"),
            screen.text("role"),
            since(screen.number("paired_at")),
            screen.text("paired_by"),
        ]);
    }
    let mut text = match table.is_empty() {
        true => "no screen is paired\n".to_owned(),
        false => table.render(),
    };
    for waiting in View(answer).each("waiting") {
        text += &format!(
            "a {} waits, since {}: read the code from it, then galley kiosk pair CODE --name NAME\n",
            waiting.text("role"),
            since(waiting.number("since_at"))
        );
    }
    text
}
