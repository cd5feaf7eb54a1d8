//! `galley run`: the store daemon.

use super::{exit::help, printers};
use crate::{
    api::Role,
    config::{Config, RobotKind, credential_folder, load_catalog},
    credentials::Credentials,
    devices::manual,
    flow::keep::Keeping,
    run::{Daemon, RobotWiring, Wiring},
    store::{Hitch, Options, Store, StoreError, backup::Plan},
    sync::Mqtt,
    world::{Entropy as _, Secret, SystemEntropy, World},
};
use anyhow::Context as _;
use clap::Args;
use galley_moley::{KlinkConfig, KlinkDriver};
use galley_robot::RobotDriver;
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, UnixListener},
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// Where the daemon's configuration is when nobody says otherwise.
pub const CONFIG: &str = crate::config::DEFAULT_PATH;
/// The store's own secret, in its data folder.
const OWN_SECRET: &str = "door.key";
/// Who may use the socket: its owner and the group `galley`.
const SOCKET_MODE: u32 = 0o660;

/// A disk that is silent for longer is given up, and with it the process: only a new one may find it again.
const LONGEST_STALL: Duration = Duration::from_mins(5);

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
    let config = Config::load(&args.config)?;
    let daemon = Daemon::start(wiring(&config)?).await?;
    let lan = TcpListener::bind(config.store.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.store.listen))?;
    let local = bind_socket(&config.store.socket)?;
    let closing = daemon.closing();
    let serve = serve(&daemon, lan, local, &closing);
    tracing::info!(
        store.id = config.store.id,
        address = %config.store.listen,
        "the store is open"
    );
    tell_systemd(&[
        sd_notify::NotifyState::Ready,
        sd_notify::NotifyState::Status("open"),
    ]);
    let watchdog = tokio::spawn(watchdog(daemon.site.store.clone()));
    stopped().await?;
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    watchdog.abort();
    daemon.stop().await;
    serve.await;
    // It is ours, and a file without a listener only misleads.
    let _ = std::fs::remove_file(&config.store.socket);
    Ok(ExitCode::SUCCESS)
}

/// Serves both doors until `closing`.
fn serve(
    daemon: &Daemon,
    lan: TcpListener,
    local: UnixListener,
    closing: &CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let lan = tokio::spawn(
        axum::serve(lan, daemon.api.router())
            .with_graceful_shutdown(closing.clone().cancelled_owned())
            .into_future(),
    );
    let local = tokio::spawn(
        axum::serve(local, daemon.api.local_router())
            .with_graceful_shutdown(closing.clone().cancelled_owned())
            .into_future(),
    );
    async move {
        // Clients that hang on to their connections do not keep the daemon from stopping.
        let both = async { drop(tokio::join!(lan, local)) };
        let _ = tokio::time::timeout(Duration::from_secs(5), both).await;
    }
}

/// The store as the configuration has it.
fn wiring(config: &Config) -> anyhow::Result<Wiring> {
    let world = World::system().context("cannot set up HTTP")?;
    let credentials = Credentials::of(config).map_err(anyhow::Error::msg)?;
    let secret = |name: &str| credentials.get(name).map_err(anyhow::Error::msg);
    let catalog = config
        .catalog
        .file
        .as_deref()
        .map(load_catalog)
        .transpose()?;
    let printer = match &config.printer {
        None => None,
        Some(p) => Some((
            printers::open(p, &world, &secret).context("[printer]")?,
            p.receipt.clone(),
            p.address.clone(),
        )),
    };
    let slip_printers = printers::open_slip_printers(config, &world)?;
    let robot = match &config.robot {
        None => None,
        Some(r) if r.kind == RobotKind::Manual => Some(RobotWiring::Manual),
        Some(r) => {
            let text = r.address.clone().context("robot.address")?;
            let address = text.parse().context("robot.address")?;
            let driver: Arc<dyn RobotDriver> = Arc::new(KlinkDriver::new(
                world.dialer.clone(),
                KlinkConfig::new(address, config.store.id.clone()),
                manual::ambient(&world),
            ));
            Some(RobotWiring::Driver(driver, text))
        }
    };
    let c = &config.connectors;
    let bank = match &c.alfa_bank {
        Some(b) => Some((b.clone(), secret(&b.password_credential)?)),
        None => None,
    };
    let one_c = match &c.one_c {
        Some(o) => Some((o.clone(), secret(&o.password)?)),
        None => None,
    };
    let sms = match &c.sms_ru {
        Some(s) => Some((s.clone(), secret(&s.api_id_credential)?)),
        None => None,
    };
    let sync = match config.sync.is_enabled() {
        true => Some((config.sync.clone(), secret(&config.sync.token_credential)?)),
        false => None,
    };
    let tokens = config
        .tokens
        .iter()
        .map(|t| {
            let role = Role::from_word(&t.role).context("tokens.role")?;
            Ok((secret(&t.credential)?, role, t.name.clone()))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    std::fs::create_dir_all(&config.store.data)
        .with_context(|| format!("cannot make the folder {}", config.store.data.display()))?;
    let own = match &config.staff.secret_credential {
        Some(name) => secret(name)?,
        None => own_secret(&config.store.data.join(OWN_SECRET))?,
    };
    Ok(Wiring {
        world,
        database: Options::at(config.store.data.join("galley.db")),
        policy: config.policy(),
        catalog,
        zone: jiff::tz::TimeZone::get(&config.store.zone).context("store.zone")?,
        name: config.store.name.clone(),
        pictures: config.catalog.pictures.clone(),
        printer,
        slip_printers,
        robot,
        bank,
        one_c,
        sms,
        sync,
        brokers: Arc::new(Mqtt),
        tokens,
        keeping: keeping(config, &credentials),
        doors: config.staff.doors(own),
    })
}

/// Backups and secrets are kept where the box has a key for them.
fn keeping(config: &Config, credentials: &Credentials) -> Keeping {
    let keys = credentials.keys().to_vec();
    if keys.is_empty() {
        tracing::warn!(
            credential = config.store.key_credential,
            "the box has no key: no backups are made, and no secrets kept; see: galley backup -h"
        );
    }
    Keeping {
        plan: (!keys.is_empty()).then(|| Plan {
            folder: config.backups(),
            keep: config.backup.keep,
            keys: keys.clone(),
            store_id: config.store.id.clone(),
        }),
        keys,
        every: config.backup.every,
        credentials: credential_folder(config.store.credentials.as_deref()),
    }
}

/// Reads the store's own secret, or makes one at the first start. It is no part of the database and of its backups.
fn own_secret(file: &Path) -> anyhow::Result<Secret> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let told = || format!("the store's own secret, {}", file.display());
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim().len() >= 32 => return Ok(Secret::new(text.trim())),
        Ok(_) => anyhow::bail!(
            "{} is too short; remove it, and set everybody's PIN anew",
            told()
        ),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(e).with_context(told),
    }
    let text = format!(
        "{:032x}{:032x}",
        SystemEntropy.next_u128(),
        SystemEntropy.next_u128()
    );
    let draft = file.with_extension("new");
    let _ = std::fs::remove_file(&draft);
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .with_context(told)?;
    writeln!(out, "{text}")
        .and_then(|()| out.sync_all())
        .and_then(|()| std::fs::rename(&draft, file))
        .with_context(told)?;
    Ok(Secret::new(text))
}

pub(super) fn bind_socket(path: &Path) -> anyhow::Result<UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        anyhow::bail!("another daemon serves {}; stop it first", path.display());
    }
    // Left over from a crash: nobody listens there.
    let _ = std::fs::remove_file(path);
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))
        .with_context(|| format!("cannot set the mode of {}", path.display()))?;
    Ok(listener)
}

/// Ends at SIGTERM or SIGINT.
pub(super) async fn stopped() -> anyhow::Result<()> {
    let mut term = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut int = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    tokio::select! {
        biased;
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

pub(super) fn tell_systemd(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd is not listening");
    }
}

/// Tells systemd that the store lives: that its runtime turns, and its writer answers or waits for the disk.
async fn watchdog(store: Store) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut every = tokio::time::interval(limit / 3);
    loop {
        every.tick().await;
        if lives(&store, limit / 3).await {
            tell_systemd(&[sd_notify::NotifyState::Watchdog]);
        }
    }
}

/// Whether the store is worth keeping. A full or slow disk is no reason to be killed: reads, printing and cooking go
/// on, and no start makes it faster.
async fn lives(store: &Store, patience: Duration) -> bool {
    let before = store.groups();
    // One that is stalled already is not asked: its queue is for guests.
    if !matches!(store.hitch(), Some(Hitch::Stalled(_))) {
        let probe = store.write(|tx| tx.add_to_counter("ready", 0));
        if let Ok(wrote) = tokio::time::timeout(patience, probe).await {
            return !matches!(wrote, Err(StoreError::Closed));
        }
    }
    match store.at_work() {
        Some(since) => {
            tracing::warn!(seconds = since.as_secs(), "the disk does not answer");
            since < LONGEST_STALL
        }
        // With nothing to do and a request in its queue, it stands still.
        None => store.groups() != before,
    }
}
