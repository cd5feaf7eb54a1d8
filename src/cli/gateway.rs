//! `galley gateway`: what technicians ask a fiscal gateway.

use super::{
    ask::confirm,
    client::{Client, Door, query, segment},
    exit::{Exit, Misuse, help},
    output::{Lean, Table, View, ago, facts_of, print, print_json},
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// A fiscal gateway: its printers, its documents, what is in doubt.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley gateway status                     every printer and what waits",
    "galley gateway documents --live           what is not decided yet",
    "galley gateway show order-17              one document, with its attempts",
    "galley gateway cancel order-17",
    "galley gateway resolve order-17 registered --document-number 122 --reason seen",
    "galley gateway accept-drive kkt-1 9999078902004312 --reason \"drive replaced\""
))]
pub struct GatewayArgs {
    #[command(flatten)]
    pub(super) door: GatewayDoor,
    #[command(subcommand)]
    act: Act,
}

/// Which gateway, and how to show its answer.
#[derive(Args, Clone, Debug)]
pub(super) struct GatewayDoor {
    /// The gateway's Unix socket; needs root or the group galley, and no token
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "GALLEY_GATEWAY_SOCKET",
        default_value = "/run/galley-fiscal-gateway/gateway.sock"
    )]
    socket: PathBuf,
    /// A gateway from afar, such as http://box.example:8095 (then --token too)
    #[arg(long, global = true, value_name = "URL", env = "GALLEY_GATEWAY_URL")]
    url: Option<String>,
    /// Access token for --url
    #[arg(
        long,
        global = true,
        value_name = "T",
        env = "GALLEY_GATEWAY_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Print the gateway's answer as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Do not ask before what can't be taken back
    #[arg(short, long, global = true)]
    yes: bool,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Every printer and what waits
    Status,
    /// Documents, the newest first
    Documents {
        /// Of this printer
        #[arg(long, value_name = "ID")]
        device: Option<String>,
        /// In this state: queued, sent, doubt, person, done, refused, cancelled
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Those that are not decided yet
        #[arg(long)]
        live: bool,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// One document, with its attempts
    Show {
        /// Its key
        key: String,
    },
    /// Call a document off, if it does not exist
    Cancel {
        /// Its key
        key: String,
    },
    /// Decide about a document in doubt
    Resolve {
        /// Its key
        key: String,
        /// What became of it
        outcome: Outcome,
        /// How you know
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Number of the fiscal document, where it is registered
        #[arg(long, value_name = "N")]
        document_number: Option<u32>,
    },
    /// Try what waits at once
    Retry {
        /// The printer
        device: String,
    },
    /// Say that a printer has another fiscal drive from now on
    AcceptDrive {
        /// The printer
        device: String,
        /// The drive's serial number
        drive_number: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    /// It exists
    Registered,
    /// It does not exist: print it again
    Retry,
    /// It does not exist and is not wanted any more
    Cancelled,
}

impl GatewayDoor {
    fn client(&self) -> anyhow::Result<Client> {
        if self.url.is_some() && self.token.is_none() {
            let text = "--url needs --token, or GALLEY_GATEWAY_TOKEN in the environment";
            return Err(Misuse(text.into()).into());
        }
        let door = Door {
            socket: self.socket.clone(),
            store: self.url.clone(),
            token: self.token.clone(),
            json: self.json,
            yes: self.yes,
            key: None,
        };
        door.client()
    }
}

/// Runs it.
///
/// # Errors
/// When the gateway refuses, or can't be asked.
pub async fn execute(args: GatewayArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let document = |key: &str, tail: &str| format!("/v1/fiscal/documents/{}{tail}", segment(key));
    let device = |id: &str, tail: &str| format!("/v1/fiscal/devices/{}{tail}", segment(id));
    let (answer, text) = match args.act {
        Act::Status => {
            let answer = client.get_root("/v1/fiscal/devices").await?;
            let text = devices(&answer);
            (answer, text)
        }
        Act::Documents {
            device,
            state,
            live,
            limit,
        } => {
            let query = query(&[
                ("device", device),
                ("state", state),
                ("live", live.then(|| "true".to_owned())),
                ("limit", Some(limit.to_string())),
            ]);
            let path = format!("/v1/fiscal/documents{query}");
            let answer = client.get_root(&path).await?;
            let text = documents(&answer);
            (answer, text)
        }
        Act::Show { key } => shown(client.get_root(&document(&key, "")).await?),
        Act::Cancel { key } => {
            let what =
                format!("Document {key} is called off: if it does not exist yet, it never will.");
            confirm(args.door.yes, &what)?;
            let path = document(&key, "/cancel");
            shown(client.post_root(&path, &json!({})).await?)
        }
        Act::Resolve {
            key,
            outcome,
            reason,
            document_number,
        } => {
            let word = match outcome {
                Outcome::Registered => "registered",
                Outcome::Retry => "retry",
                Outcome::Cancelled => "cancelled",
            };
            let what = match outcome {
                Outcome::Registered => {
                    format!("Document {key} counts as registered. Nothing is printed.")
                }
                Outcome::Retry => format!(
                    "Document {key} counts as never made and is printed again. If it exists, there will be two."
                ),
                Outcome::Cancelled => {
                    format!("Document {key} counts as never made, and is not made any more.")
                }
            };
            confirm(args.door.yes, &what)?;
            let mut body = json!({"outcome": word, "reason": reason});
            if let Some(number) = document_number {
                body["record"] = json!({"document_number": number});
            }
            shown(client.post_root(&document(&key, "/resolve"), &body).await?)
        }
        Act::Retry { device: id } => {
            let path = device(&id, "/retry");
            shown(client.post_root(&path, &json!({})).await?)
        }
        Act::AcceptDrive {
            device: id,
            drive_number,
            reason,
        } => {
            let what = format!(
                "Printer {id} is taken to have the fiscal drive {drive_number} from now on. What waits goes to it."
            );
            confirm(args.door.yes, &what)?;
            let body = json!({"drive_number": drive_number, "reason": reason});
            shown(
                client
                    .post_root(&device(&id, "/accept-drive"), &body)
                    .await?,
            )
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&text)?;
    }
    Ok(Exit::Done.into())
}

fn shown(answer: Value) -> (Value, String) {
    let text = facts_of(&answer);
    (answer, text)
}

fn devices(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("PRINTER", Lean::Left),
        ("LINK", Lean::Left),
        ("SHIFT", Lean::Left),
        ("WAIT", Lean::Right),
        ("UNSENT", Lean::Right),
        ("WHAT IS WRONG", Lean::Left),
    ]);
    for d in View(answer).each("devices") {
        table.row([
            d.text("id"),
            d.text("link"),
            d.text("status.shift"),
            d.text("backlog.live"),
            d.text("status.unsent_documents"),
            d.text("alert.text"),
        ]);
    }
    table.render()
}

fn documents(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("KEY", Lean::Left),
        ("PRINTER", Lean::Left),
        ("WHAT", Lean::Left),
        ("STATE", Lean::Left),
        ("NUMBER", Lean::Right),
        ("ASKED", Lean::Left),
    ]);
    for d in View(answer).each("documents") {
        table.row([
            d.text("key"),
            d.text("device"),
            d.text("document"),
            d.text("state"),
            d.text("result.document_number"),
            d.number("created_at").map_or_else(String::new, ago),
        ]);
    }
    table.render()
}
