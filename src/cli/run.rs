//! `galley run`: the store daemon.

use super::exit::help;
use clap::Args;
use std::{path::PathBuf, process::ExitCode};

/// Where the daemon's configuration is when nobody says otherwise.
pub const CONFIG: &str = "/etc/galley/galley.toml";

/// Run the store (what systemd starts as galley.service).
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley run",
    "galley run --config ./galley.toml",
    "GALLEY_LOG=galley=debug galley run       more in the log",
    "systemctl start galley"
))]
pub struct RunArgs {
    /// The configuration
    #[arg(long, value_name = "FILE", env = "GALLEY_CONFIG", default_value = CONFIG)]
    pub config: PathBuf,
}

/// Runs it until it is told to stop.
///
/// # Errors
/// When it can't start.
pub async fn execute(args: RunArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("the store is not wired yet ({})", args.config.display())
}
