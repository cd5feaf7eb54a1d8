//! The bank's gateway.

use super::{FaultText, fault, serve, set_fault};
use crate::{connectors::alfa_bank::emulator::BankEmulator, world::SystemClock};
use anyhow::Context as _;
use clap::Args;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};

/// The bank: Alfa-Bank's gateway with SBP codes; POST /__emu/orders/ID/pay pays one
#[derive(Args, Debug)]
pub(super) struct BankArgs {
    /// On this TCP address; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8101")]
    listen: SocketAddr,
    /// The shop's login
    #[arg(long, value_name = "NAME", default_value = "galley-api")]
    user: String,
    /// Its password; nothing real is behind it
    #[arg(long, value_name = "TEXT", default_value = "galley")]
    password: String,
    /// Keep the account book in this file; without it, it is gone at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// What goes wrong: mode=…[,method=…][,count=…][,value=…]; as often as needed
    #[arg(long = "fault", value_name = "PAIRS", value_parser = fault)]
    faults: Vec<FaultText>,
}

pub(super) async fn execute(args: BankArgs) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock);
    let bank = match &args.state {
        Some(file) => BankEmulator::open(clock, &args.user, &args.password, file)
            .with_context(|| format!("cannot use {}", file.display()))?,
        None => BankEmulator::in_memory(clock, &args.user, &args.password),
    };
    let router = bank.router();
    for fault in &args.faults {
        set_fault(&router, "/__emu/faults", fault).await?;
    }
    serve("bank", args.listen, "/payment/rest/", router).await
}
