//! The fiscal printer.

use super::{
    Wire,
    till::{self, TillArgs},
};
use anyhow::Context as _;
use clap::Args;
use galley_atol::emulator::{AtolEmulator, Durations, EmulatorConfig, Times};
use std::sync::Arc;

/// The ATOL 91F: protocol 3, with a fiscal drive that survives; prints its paper here
#[derive(Args, Debug)]
pub(super) struct AtolArgs {
    #[command(flatten)]
    till: TillArgs,
}

pub(super) async fn execute(AtolArgs { till: args }: AtolArgs) -> anyhow::Result<()> {
    let now = till::clock(args.zone.clone());
    let config = EmulatorConfig {
        durations: Durations::default().divided_by(args.speed),
        ..EmulatorConfig::default()
    };
    let printer = AtolEmulator::open(args.state.clone(), config, Arc::new(now))
        .with_context(|| till::cannot_use(args.state.as_ref()))?;
    for text in args.faults {
        let (fault, times) = till::wanted(text)?;
        printer.set_fault(fault, times.map_or(Times::Once, Times::N));
    }
    let wire = args.line.open("printer").await?;
    let served = async {
        match wire {
            Wire::Tcp(listener) => printer.listen(listener).await,
            Wire::Pty(port) => printer.serve_pty(port).await,
        }
    };
    till::serve(served, || printer.printed_lines(), |n| printer.paper(n)).await
}
