//! `galley hq`: headquarters.

use super::{
    exit::help,
    run::{stopped, tell_systemd},
};
use crate::{
    config::credential,
    hq::{BrokerLogin, Enrolment, Hq, HqConfig},
    sync::Authority,
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
    "galley hq --broker mqtts://broker.example --broker-password-credential broker",
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
    /// Name at the broker; used with --broker-password-credential
    #[arg(
        long,
        value_name = "NAME",
        env = "GALLEY_HQ_BROKER_USER",
        default_value = "galley-hq"
    )]
    pub broker_user: String,
    /// Credential that holds the password at the broker; without it, headquarters comes without a name
    #[arg(
        long,
        value_name = "NAME",
        env = "GALLEY_HQ_BROKER_PASSWORD_CREDENTIAL"
    )]
    pub broker_password_credential: Option<String>,
    /// Certificates, in PEM, of who vouches for the broker, instead of those that the system trusts
    #[arg(long, value_name = "FILE", env = "GALLEY_HQ_BROKER_CA")]
    pub broker_ca: Option<PathBuf>,
    /// Folder of the credentials, one file each; systemd's without it
    #[arg(long, value_name = "DIR", env = "GALLEY_HQ_CREDENTIALS")]
    pub credentials: Option<PathBuf>,
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
        let credentials = match &args.broker_password_credential {
            Some(name) => {
                let password = credential(args.credentials.as_deref(), "--credentials", name)
                    .map_err(anyhow::Error::msg)?;
                Some((args.broker_user, password))
            }
            None => None,
        };
        config.broker = Some(BrokerLogin {
            address: url
                .parse()
                .map_err(anyhow::Error::msg)
                .context("--broker")?,
            credentials,
            ca: Authority::load(args.broker_ca.as_deref())
                .map_err(anyhow::Error::msg)
                .context("--broker-ca")?,
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
