//! `galley tls`: the store's own certificates.

use super::{
    client::Door,
    exit::{Exit, Misuse, help},
    output::{View, facts, print, print_json, time},
    qr,
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// HTTPS for the screens: the store's own authority and certificate.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley tls show              fingerprints, names, and until when",
    "galley tls ca > galley-ca.crt        the file that a kiosk is taught to trust",
    "galley tls ca --out /media/usb/galley-ca.crt",
    "galley tls ca --qr           its fingerprint, to compare with a phone",
    "galley tls renew             a new certificate now; screens notice nothing"
))]
pub struct TlsArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// What the store shows its screens, and what they trust
    Show,
    /// The authority's certificate: to be trusted by every screen, once
    Ca {
        /// Write it to this file instead of to standard output
        #[arg(long, value_name = "FILE", conflicts_with = "qr")]
        out: Option<PathBuf>,
        /// Its fingerprint as a QR code on the terminal
        #[arg(long)]
        qr: bool,
    },
    /// A new certificate now, before the old one ends
    Renew {
        /// A new authority, too: every screen must then be taught to trust it
        #[arg(long)]
        authority: bool,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked, or the file can't be written.
pub async fn execute(args: TlsArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, said) = match args.act {
        Act::Show => {
            let answer = client.get("/tls").await?;
            let text = shown(&answer);
            (answer, text)
        }
        Act::Ca { out, qr: draw } => {
            let answer = client.get("/tls").await?;
            let view = View(&answer);
            let pem = view.at("authority").text("pem");
            if view.at("authority.pem").0.is_null() {
                return Err(Misuse(
                    "this store has no authority: set api.tls.listen, and see galley tls show"
                        .to_owned(),
                )
                .into());
            }
            let text = match out {
                Some(file) => {
                    std::fs::write(&file, &pem)
                        .with_context(|| format!("cannot write {}", file.display()))?;
                    format!(
                        "written to {}\nSHA-256 {}\n",
                        file.display(),
                        view.text("authority.fingerprint")
                    )
                }
                None if draw => {
                    let print = view.text("authority.fingerprint");
                    format!("{}SHA-256 {print}\n", qr::terminal(&print)?)
                }
                None => pem,
            };
            (answer, text)
        }
        Act::Renew { authority } => {
            if authority {
                args.door.confirm(
                    "The store gets a new authority. No screen trusts it: each one that came in by HTTPS is shut out \
                     until the new certificate is put on it (galley tls ca).",
                )?;
            }
            let answer = client
                .post("/tls/renew", &json!({"authority": authority}))
                .await?;
            let text = format!("renewed\n{}", shown(&answer));
            (answer, text)
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    let well = !View(&answer).yes("enabled") || View(&answer).at("trouble").0.is_null();
    Ok(if well { Exit::Done } else { Exit::Unhealthy }.into())
}

fn shown(answer: &Value) -> String {
    let view = View(answer);
    if !view.yes("enabled") {
        return "HTTPS is off: api.tls.listen says where it is served\n".to_owned();
    }
    let mut pairs = vec![("served at".to_owned(), view.text("listen"))];
    if !view.at("trouble").0.is_null() {
        pairs.push(("TROUBLE".to_owned(), view.text("trouble")));
    }
    for (part, name) in [("authority", "trust this"), ("server", "certificate")] {
        let one = view.at(part);
        if one.0.is_null() {
            continue;
        }
        let names: Vec<String> = one
            .0
            .get("names")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|n| n.as_str().map(super::output::clean))
            .collect();
        pairs.push((name.to_owned(), names.join(", ")));
        pairs.push(("  SHA-256".to_owned(), one.text("fingerprint")));
        let until = one.number("until_at").map(time).unwrap_or_default();
        pairs.push(("  until".to_owned(), until));
    }
    facts(&pairs)
}
