//! The provider of messages.

use super::{FaultText, fault, serve, set_fault};
use crate::{connectors::sms_ru::emulator::SmsRuEmulator, world::SystemClock};
use anyhow::Context as _;
use clap::Args;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};

/// SMS.RU; GET /_sent shows what was sent
#[derive(Args, Debug)]
pub(super) struct SmsArgs {
    /// On this TCP address; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8102")]
    listen: SocketAddr,
    /// The account's key; nothing real is behind it
    #[arg(long, value_name = "TEXT", default_value = "galley")]
    api_id: String,
    /// Parts of messages that are paid for
    #[arg(long, value_name = "N", default_value_t = 1000)]
    balance: u64,
    /// Keep what was sent in this file; without it, it is gone at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// What goes wrong: mode=…[,count=…][,value=…]; as often as needed
    #[arg(long = "fault", value_name = "PAIRS", value_parser = fault)]
    faults: Vec<FaultText>,
}

pub(super) async fn execute(args: SmsArgs) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock);
    let provider = match &args.state {
        Some(file) => SmsRuEmulator::open(clock, &args.api_id, args.balance, file)
            .with_context(|| format!("cannot use {}", file.display()))?,
        None => SmsRuEmulator::new(clock, &args.api_id, args.balance),
    };
    let router = provider.router();
    for fault in &args.faults {
        set_fault(&router, "/_ctl", fault).await?;
    }
    serve("sms", args.listen, "/", router).await
}
