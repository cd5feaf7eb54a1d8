//! `galley demo`: the store with every outside system emulated, in one process.

use super::exit::help;
use clap::Args;
use std::{path::PathBuf, process::ExitCode};

/// Try it: a whole store, with bank, printer, robot, 1C and SMS emulated.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley demo                              prints the address to open in a browser",
    "galley demo --speed 60                   a minute of cooking takes a second",
    "galley demo --orders 200 --faults 7 --json",
    "                                         200 orders among faults, then the books",
    "galley demo --data ./demo                what happened is still there next time",
    "galley demo --manual-robot               cook yourself: galley robot job ready ID"
))]
pub struct DemoArgs {
    /// Keep the data in this folder; without it, it is gone at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The kitchen works so many times faster
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub speed: u32,
    /// Place that many orders by itself, wait until all is settled, print the books and end
    #[arg(long, value_name = "N")]
    pub orders: Option<u32>,
    /// Let things go wrong meanwhile; the same seed, the same faults
    #[arg(long, value_name = "SEED", requires = "orders")]
    pub faults: Option<u64>,
    /// Print the addresses, and at the end the books, as JSON
    #[arg(long)]
    pub json: bool,
    /// Send to headquarters over this MQTT broker, such as mqtt://127.0.0.1:1883, instead of over HTTP
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    /// Port of the store's pages on loopback; 0 takes a free one
    #[arg(long, value_name = "P", default_value_t = 8080)]
    pub port: u16,
    /// No robot: a person tells what became of each dish
    #[arg(long)]
    pub manual_robot: bool,
}

/// Runs it until it is told to stop, or the orders are settled.
///
/// # Errors
/// When it can't start.
pub async fn execute(args: DemoArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("the demo is not wired yet (port {})", args.port)
}
