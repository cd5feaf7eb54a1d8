//! `galley guest`: what is kept of guests.

use super::{
    client::Door,
    exit::{Exit, help},
    output::{View, print, print_json},
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// What is kept of guests: phone numbers and addresses, apart from the log.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley guest erase '+7 916 123-45-67'",
    "",
    "Numbers and addresses of the guest's orders go, and what promotions have",
    "counted. Orders and receipts stay; they name nobody. In all stores at once:",
    "galley hq erase-guest PHONE"
))]
pub struct GuestArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Erase all that is kept of a guest
    Erase {
        /// The guest's phone number
        phone: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: GuestArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let Act::Erase { phone } = args.act;
    args.door
        .confirm("All that is kept of this guest is erased. It can't be had back.")?;
    let answer = client
        .post("/guests/forget", &json!({ "phone": phone }))
        .await?;
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&format!(
            "{} rows were erased\n",
            View(&answer).text("rows")
        ))?;
    }
    Ok(Exit::Done.into())
}
