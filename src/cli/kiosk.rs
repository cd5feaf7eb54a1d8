//! `galley kiosk`: the screens of the store: kiosks, boards, staff screens.

use super::{
    client::Door,
    exit::{Exit, Stop, help},
    output::{Lean, Table, View, ago, clean, print, print_json},
    qr,
    user::segment,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// The screens of the store: kiosks, boards, staff screens.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley kiosk list",
    "galley kiosk pair 482913 --name K1",
    "galley kiosk pair 482913 --name hall --role board",
    "galley kiosk rename K1 window",
    "galley kiosk revoke window",
    "galley kiosk qr              the store's address, to scan with a new screen",
    "galley kiosk qr --print      the same on paper",
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
    /// The store's address for a new screen, as a QR code
    Qr {
        /// What the screen is to be
        #[arg(long, default_value = "kiosk", value_parser = ["kiosk", "board", "staff"])]
        role: String,
        /// On paper, at the receipt printer; no fiscal document
        #[arg(long, conflicts_with = "svg")]
        print: bool,
        /// Into this file, as a drawing
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
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
        Act::Revoke { name } => {
            args.door.confirm(&format!(
                "The screen {} is shut out, at once; to come back it is paired anew.",
                clean(&name)
            ))?;
            let path = format!("/screens/{}/revoke", segment(&name));
            let answer = client.post(&path, &json!({})).await?;
            (answer, format!("{} can't come in any more\n", clean(&name)))
        }
        Act::Rename { name, to } => (
            client
                .post(
                    &format!("/screens/{}/rename", segment(&name)),
                    &json!({"name": to}),
                )
                .await?,
            format!("{} is called {} now\n", clean(&name), clean(&to)),
        ),
        Act::Qr {
            role, print: true, ..
        } => {
            let slip = json!({"kind": "screen", "role": role});
            (
                client.post("/devices/printer/slips", &slip).await?,
                "printed\n".to_owned(),
            )
        }
        Act::Qr { role, svg, .. } => {
            let answer = client.get("/screens").await?;
            let text = address(&answer, &role, svg)?;
            (answer, text)
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    Ok(Exit::Done.into())
}

/// Where a new screen goes, and what is to be done there.
fn address(answer: &Value, role: &str, svg: Option<PathBuf>) -> anyhow::Result<String> {
    let all: Vec<String> = answer
        .get("addresses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|a| a.as_str().map(|a| format!("{}/{role}/", clean(a))))
        .collect();
    let Some(best) = all.first() else {
        let text = "screens on the LAN can't reach this store: it listens on this machine alone (store.listen, api.tls.listen)";
        return Err(Stop {
            exit: Exit::Refused,
            text: text.to_owned(),
        }
        .into());
    };
    let mut text = match svg {
        Some(file) => {
            qr::to_file(best, &file)?;
            format!("written to {}\n", file.display())
        }
        None => qr::terminal(best)?,
    };
    text += &format!("{best}\n");
    if all.len() > 1 {
        text += &format!("also {}\n", all[1..].join("\n     "));
    }
    text += &format!(
        "Open it on the new screen; it shows six digits. Then:\n  galley kiosk pair CODE --name NAME --role {role}\n"
    );
    Ok(text)
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
