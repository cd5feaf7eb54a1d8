//! Parses the command line and hands over.

use galley::cli::{Cli, log_to_machine};
use std::process::ExitCode;
use tracing_subscriber::{EnvFilter, fmt};

/// Says what to log, in `tracing`'s words: `galley=debug`, `warn` …
const LOG: &str = "GALLEY_LOG";

fn main() -> ExitCode {
    // One TLS provider for every library, before the first of them asks. It is the first call of the process, so
    // that nobody can have installed another.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("no TLS provider is installed before main");
    galley::cli::complete();
    let cli = galley::cli::parse();
    log(&cli);
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let code = runtime.block_on(cli.run());
            // What still runs is cut: whatever it was doing is written down, and taken up at the next start.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            tracing::error!(%error, "the runtime can't be started");
            ExitCode::FAILURE
        }
    }
}

fn log(cli: &Cli) {
    let filter = EnvFilter::builder()
        .with_default_directive(
            cli.log_level()
                .parse()
                .expect("levels are valid directives"),
        )
        .with_env_var(LOG)
        .from_env_lossy();
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if log_to_machine(cli) {
        lines.json().init();
    } else {
        lines.init();
    }
}
