//! The vendor's web server, with a fiscal printer behind it.

use super::{FaultText, fault, till};
use crate::cli::output::print;
use anyhow::Context as _;
use clap::Args;
use galley_atol::web::emulator::{Times, WebEmulator, WebEmulatorConfig};
use galley_link::Listener;
use jiff::tz::TimeZone;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};

/// The ATOL web server: JSON tasks over HTTP, a queue and a fiscal drive that survive
#[derive(Args, Debug)]
pub(super) struct AtolWebArgs {
    /// On this TCP address; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:16732")]
    listen: SocketAddr,
    /// Keep queue and fiscal drive in this file; without it, they are gone at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The clock's time zone, such as Europe/Moscow; this machine's without it
    #[arg(long, value_name = "ZONE", value_parser = TimeZone::get)]
    zone: Option<TimeZone>,
    /// What goes wrong: fault=answer_dropped, fault=blocked,carried_out=true …; times=N for more than once
    #[arg(long = "fault", value_name = "PAIRS", value_parser = fault)]
    faults: Vec<FaultText>,
}

pub(super) async fn execute(args: AtolWebArgs) -> anyhow::Result<()> {
    let config = WebEmulatorConfig::default();
    let now = till::clock(args.zone);
    let server = WebEmulator::open(args.state.clone(), config, Arc::new(now))
        .with_context(|| till::cannot_use(args.state.as_ref()))?;
    for text in args.faults {
        let (fault, times) = till::wanted(text)?;
        server.set_fault(fault, times.map_or(Times::Once, Times::N));
    }
    let listener = Listener::tcp(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let at = listener.local_addr().unwrap_or(args.listen);
    print(&format!("web server: tcp://{at}\n"))?;
    server.listen(listener).await;
    Ok(())
}
