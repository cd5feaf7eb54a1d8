//! `galley hq`: headquarters.

use super::{
    exit::help,
    hq_admin::{self, HqAct},
    hq_outside::OutsideArgs,
    hq_people::{self, PeopleArgs},
    hq_verify,
    run::{own_secret, stopped, tell_systemd},
};
use crate::{
    config::credential,
    hq::{BrokerLogin, Enrolment, Hq, HqConfig, LEAST_MONTHS, Place},
    store::vault::Key,
    sync::{Authority, StoreId},
    world::{Entropy as _, Secret, SystemClock, SystemEntropy},
};
use anyhow::Context as _;
use clap::Args;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Headquarters' own key, in its data folder.
const OWN_KEY: &str = "hq.key";

/// Run headquarters: takes in the logs of all stores and shows them.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley hq --store S001=\"$TOKEN1\" --store S002=\"$TOKEN2\"",
    "galley hq --listen 0.0.0.0:8443 --data /var/lib/galley-hq",
    "galley hq user add anna                  the first admin",
    "galley hq --broker mqtts://broker.example --broker-password-credential broker",
    "galley hq --postgres postgres://galley@/galley --name hq2 --broker mqtts://broker.example",
    "galley hq verify --data /var/lib/galley-hq",
    "galley hq enrol S001                     a one-time code for a box",
    "galley hq tell S001 back_up",
    "systemctl start galley-hq"
))]
#[command(
    args_conflicts_with_subcommands = false,
    subcommand_negates_reqs = true
)]
pub struct HqArgs {
    #[command(subcommand)]
    pub act: Option<HqAct>,
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
        global = true,
        default_value = "/var/lib/galley-hq"
    )]
    pub data: PathBuf,
    /// A PostgreSQL server instead of a file under --data: postgres://USER:PASSWORD@HOST/DATABASE. One on another
    /// machine is spoken to under TLS; ?sslrootcert=FILE names who vouches for it, ?sslmode=disable does without
    #[arg(
        long,
        value_name = "URL",
        env = "GALLEY_HQ_POSTGRES",
        global = true,
        hide_env_values = true
    )]
    pub postgres: Option<String>,
    /// Credential that holds the address of the PostgreSQL server, password and all
    #[arg(
        long,
        value_name = "NAME",
        env = "GALLEY_HQ_POSTGRES_CREDENTIAL",
        global = true,
        conflicts_with = "postgres"
    )]
    pub postgres_credential: Option<String>,
    /// Its name among several headquarters on one broker and database; made up anew at each start without it
    #[arg(long, value_name = "NAME", env = "GALLEY_HQ_NAME")]
    pub name: Option<StoreId>,
    /// Drop events after so many whole months (at least 2); kept for ever without it
    #[arg(long, value_name = "MONTHS", env = "GALLEY_HQ_KEEP_MONTHS", value_parser = clap::value_parser!(u32).range(i64::from(LEAST_MONTHS)..))]
    pub keep_months: Option<u32>,
    /// More stores, one ID=TOKEN a line
    #[arg(long, value_name = "FILE", env = "GALLEY_HQ_STORES_FILE")]
    pub stores_file: Option<PathBuf>,
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
    #[arg(long, value_name = "DIR", env = "GALLEY_HQ_CREDENTIALS", global = true)]
    pub credentials: Option<PathBuf>,
    /// Credential that holds headquarters' own key, which seals its signing keys; hq.key under --data without it.
    /// Several headquarters on one database need the same
    #[arg(
        long,
        value_name = "NAME",
        env = "GALLEY_HQ_KEY_CREDENTIAL",
        global = true
    )]
    pub key_credential: Option<String>,
    /// The broker that boxes are told to use when they are enrolled
    #[arg(long, value_name = "URL", env = "GALLEY_HQ_STORES_BROKER")]
    pub stores_broker: Option<String>,
    /// A store and its token; as often as there are stores. In the environment: separated by commas
    #[arg(
        long = "store",
        value_name = "ID=TOKEN",
        env = "GALLEY_HQ_STORES",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub stores: Vec<Enrolment>,
    #[command(flatten)]
    pub people: PeopleArgs,
    #[command(flatten)]
    pub outside: OutsideArgs,
}

/// Where the database is.
fn place(args: &HqArgs) -> anyhow::Result<Place> {
    let server = match &args.postgres_credential {
        Some(name) => Some(
            credential(args.credentials.as_deref(), "--credentials", name)
                .map_err(anyhow::Error::msg)?,
        ),
        None => args.postgres.clone().map(Secret::new),
    };
    Ok(match server {
        Some(url) => Place::Postgres(url),
        None => HqConfig::at(args.data.join("hq.db")).database,
    })
}

/// Runs it until it is told to stop.
///
/// # Errors
/// When it can't start.
pub async fn execute(args: HqArgs) -> anyhow::Result<ExitCode> {
    let place = place(&args)?;
    if let Some(HqAct::Verify(verify_args)) = args.act {
        return hq_verify::execute(place, verify_args).await;
    }
    std::fs::create_dir_all(&args.data)
        .with_context(|| format!("cannot make the folder {}", args.data.display()))?;
    let mut config = HqConfig::on(place);
    config.instance = args.name.map_or_else(
        || format!("{:08x}", SystemEntropy.next_u128() >> 96),
        |name| name.to_string(),
    );
    config.keep_months = args.keep_months;
    config.key = match (&args.key_credential, &args.act) {
        // People need no key, and one made here would not be that of a first start with a credential.
        (_, Some(HqAct::User(_))) => None,
        (Some(name), _) => {
            let text = credential(args.credentials.as_deref(), "--credentials", name)
                .map_err(anyhow::Error::msg)?;
            Some(Key::new(text.reveal()).with_context(|| format!("credential {name}"))?)
        }
        (None, _) => Some(Key::new(own_secret(&args.data.join(OWN_KEY))?.reveal())?),
    };
    config.stores_broker = args.stores_broker;
    if let Some(act) = args.act {
        let hq = Hq::open(config, Arc::new(SystemClock)).await?;
        return match act {
            HqAct::User(act) => hq_people::execute(&hq, act).await,
            act => hq_admin::execute(&hq, act).await,
        };
    }
    config.stores = args.stores;
    args.people
        .apply(&mut config, args.credentials.as_deref())?;
    if let Some(file) = &args.stores_file {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let store = line.trim().parse().map_err(anyhow::Error::msg);
            config
                .stores
                .push(store.with_context(|| file.display().to_string())?);
        }
    }
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
    config.relay = args
        .outside
        .relay(args.credentials.as_deref())?
        .map(Arc::new);
    let hq = Hq::open(config, Arc::new(SystemClock)).await?;
    let notifier = args.outside.notifier(&hq, args.credentials.as_deref())?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    tracing::info!(address = %args.listen, "headquarters is open");
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn({
        let (hq, shutdown) = (hq.clone(), shutdown.clone());
        async move { hq.run(listener, shutdown).await }
    });
    if let Some(notifier) = notifier {
        tokio::spawn(notifier.run(shutdown.clone()));
    }
    tell_systemd(&[sd_notify::NotifyState::Ready]);
    stopped().await?;
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    shutdown.cancel();
    serving.await??;
    Ok(ExitCode::SUCCESS)
}
