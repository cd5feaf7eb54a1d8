//! `galley hq`: headquarters.

use super::{
    exit::help,
    run::{stopped, tell_systemd},
};
use crate::{
    hq::{BrokerLogin, Enrolment, Hq, HqConfig},
    world::SystemClock,
};
use anyhow::Context as _;
use clap::Args;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Run headquarters: takes in the logs of all stores and shows them.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley hq --store S001=\"$TOKEN1\" --store S002=\"$TOKEN2\"",
    "galley hq --listen 0.0.0.0:8443 --data /var/lib/galley-hq",
    "galley hq --broker mqtt://broker:1883",
    "systemctl start galley-hq"
))]
pub struct HqArgs {
    /// Where the dashboard and the stores come in
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "GALLEY_HQ_LISTEN",
        default_value = "127.0.0.1:8090"
    )]
    pub listen: SocketAddr,
    /// Where its database lives
    #[arg(
        long,
        value_name = "DIR",
        env = "GALLEY_HQ_DATA",
        default_value = "/var/lib/galley-hq"
    )]
    pub data: PathBuf,
    /// Also take in over this MQTT broker
    #[arg(long, value_name = "URL", env = "GALLEY_HQ_BROKER")]
    pub broker: Option<String>,
    /// A store and its token; as often as there are stores. In the environment: separated by commas
    #[arg(
        long = "store",
        value_name = "ID=TOKEN",
        env = "GALLEY_HQ_STORES",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub stores: Vec<Enrolment>,
}

/// Runs it until it is told to stop.
///
/// # Errors
/// When it can't start.
pub async fn execute(args: HqArgs) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.data)
        .with_context(|| format!("cannot make the folder {}", args.data.display()))?;
    let mut config = HqConfig::at(args.data.join("hq.db"));
    config.stores = args.stores;
    if let Some(url) = &args.broker {
        config.broker = Some(BrokerLogin {
            address: url
                .parse()
                .map_err(anyhow::Error::msg)
                .context("--broker")?,
            credentials: None,
        });
    }
    let hq = Hq::open(config, Arc::new(SystemClock)).await?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    tracing::info!(address = %args.listen, "headquarters is open");
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn({
        let (hq, shutdown) = (hq.clone(), shutdown.clone());
        async move { hq.run(listener, shutdown).await }
    });
    tell_systemd(&[sd_notify::NotifyState::Ready]);
    stopped().await?;
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    shutdown.cancel();
    serving.await??;
    Ok(ExitCode::SUCCESS)
}
