//! `galley fiscal`: the printer and its fiscal drive.

use super::{
    client::{CallError, Door},
    exit::{Exit, help},
    output::{facts_of, print, print_json},
};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// The fiscal printer.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley fiscal status         paper, shift, drive, documents that wait for the OFD",
    "galley fiscal last           the last document in the fiscal drive",
    "galley fiscal status --json | jq .unsent_documents"
))]
pub struct FiscalArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Act {
    /// How the printer and its drive do
    Status,
    /// The last fiscal document
    Last,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: FiscalArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let answer = match args.act {
        Act::Status => client.get("/fiscal/status").await?,
        Act::Last => client.get("/fiscal/last").await?,
    };
    if args.door.json {
        print_json(&answer)?;
    } else if answer.is_null() {
        return Err(CallError::NoSuch("document in the fiscal drive".into()).into());
    } else {
        print(&facts_of(&answer))?;
    }
    Ok(Exit::Done.into())
}
