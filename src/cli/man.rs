//! `galley man`: manual pages, from the same words as `-h`. For packagers.

use super::{
    Cli,
    exit::{Exit, help},
};
use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use std::{path::PathBuf, process::ExitCode};

/// Write the manual pages into a folder.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley man ./man1",
    "man ./man1/galley-order.1"
))]
pub struct ManArgs {
    /// The folder; it is made if need be
    folder: PathBuf,
}

/// Runs it.
///
/// # Errors
/// When they can't be written.
pub fn execute(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let name = args.folder.display();
    std::fs::create_dir_all(&args.folder)
        .with_context(|| format!("cannot make the folder {name}"))?;
    clap_mangen::generate_to(Cli::command(), &args.folder)
        .with_context(|| format!("cannot write the manual pages into {name}"))?;
    Ok(Exit::Done.into())
}
