//! `galley backup`: copies of the store, sealed, and proven by opening them.

use super::{
    client::{CallError, Client, Door},
    complete,
    exit::{Exit, Misuse, help},
    output::{Lean, Table, View, ago, print, print_json},
    progress::Progress,
    status::size,
};
use crate::world::{Entropy as _, SystemEntropy};
use base64::Engine as _;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

/// A year's database takes a while to be copied and walked through.
const PATIENCE: Duration = Duration::from_hours(1);
/// How often the bar moves.
const TICK: Duration = Duration::from_millis(200);

/// Copies of the store, in case the disk or the box is lost.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley backup now",
    "galley backup list",
    "galley backup verify                     the newest, opened to its last event",
    "galley backup verify S001-20261122T040000Z.backup",
    "galley backup key                        a new key for the box",
    "galley restore FILE                      go back to one",
    "",
    "Backups need the box's key, which the configuration names",
    "(store.key_credential). Keep the key in another place than the backups:",
    "nobody can open them without it."
))]
pub struct BackupArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Make one now, and open it again to be sure
    Now,
    /// Those that are there, the oldest first
    List,
    /// Open one whole: its seal, the database, its log
    Verify {
        /// Its file, as in the list; the newest when none
        #[arg(add = ArgValueCompleter::new(complete::backups))]
        file: Option<String>,
    },
    /// Print a new key for a box
    #[command(
        after_help = "Examples:\n  galley backup key | systemd-creds encrypt --name=galley-key - \\\n      /etc/galley/credentials/galley-key\n  systemctl edit galley       LoadCredentialEncrypted=galley-key:/etc/galley/credentials/galley-key"
    )]
    Key,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: BackupArgs) -> anyhow::Result<ExitCode> {
    if matches!(args.act, Act::Key) {
        print(&new_key())?;
        return Ok(Exit::Done.into());
    }
    let client = args.door.client()?.patient(PATIENCE);
    let (answer, text) = match args.act {
        Act::Key => return Ok(Exit::Done.into()),
        Act::Now => {
            let answer = waiting("backup", client.post("/backups", &json!({}))).await?;
            let text = told(View(&answer), "made and opened again");
            (answer, text)
        }
        Act::List => {
            let answer = client.get("/backups").await?;
            let text = list(&answer);
            (answer, text)
        }
        Act::Verify { file } => {
            let file = match file {
                Some(file) => file_name(&file).to_owned(),
                None => newest(&client).await?,
            };
            let answer = waiting(
                "opening",
                client.post("/backups/verify", &json!({ "file": file })),
            )
            .await?;
            let text = told(View(&answer), "whole");
            (answer, text)
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&text)?;
    }
    Ok(Exit::Done.into())
}

/// 256 random bits.
fn new_key() -> String {
    let bytes = [SystemEntropy.next_u128(), SystemEntropy.next_u128()].map(u128::to_be_bytes);
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.concat());
    format!("{text}\n")
}

async fn newest(client: &Client) -> anyhow::Result<String> {
    let answer = client.get("/backups").await?;
    let newest = View(&answer).each("backups").last().map(|b| b.text("file"));
    newest
        .map(|file| file_name(&file).to_owned())
        .ok_or_else(|| CallError::NoSuch("backup yet; make one: galley backup now".into()).into())
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Shows that something is going on.
async fn waiting(
    what: &str,
    call: impl Future<Output = Result<Value, CallError>>,
) -> Result<Value, CallError> {
    let mut progress = Progress::of(&format!("{what}, seconds:"));
    let began = tokio::time::Instant::now();
    tokio::pin!(call);
    loop {
        tokio::select! {
            biased;
            answer = &mut call => return answer,
            () = tokio::time::sleep(TICK) => progress.at(began.elapsed().as_secs(), None),
        }
    }
}

fn told(backup: View<'_>, verdict: &str) -> String {
    let bytes = |name: &str| size(backup.at(name).0.as_u64().unwrap_or(0));
    format!(
        "{}\n  {verdict}: {} events, {} of database in {}\n",
        backup.text("file"),
        backup.text("seq"),
        bytes("bytes"),
        bytes("file_bytes")
    )
}

fn list(answer: &Value) -> String {
    let view = View(answer);
    if !view.yes("enabled") {
        return "this box has no key, so no backups are made; see: galley backup key -h\n"
            .to_owned();
    }
    let mut table = Table::new(&[
        ("FILE", Lean::Left),
        ("AGE", Lean::Right),
        ("EVENTS", Lean::Right),
        ("SIZE", Lean::Right),
        ("WHY", Lean::Left),
    ]);
    for b in view.each("backups") {
        table.row([
            file_name(&b.text("file")).to_owned(),
            b.number("at").map(ago).unwrap_or_default(),
            b.text("seq"),
            size(b.at("file_bytes").0.as_u64().unwrap_or(0)),
            b.text("reason"),
        ]);
    }
    let folder = format!("in {}\n", view.text("folder"));
    if table.is_empty() {
        return format!("no backups yet {folder}");
    }
    format!("{}\n{folder}", table.render_whole())
}

/// A file that was named in vain.
pub(super) fn no_such_file(file: &std::path::Path) -> Misuse {
    Misuse(format!(
        "{}: there is no such file; see: galley backup list",
        file.display()
    ))
}
