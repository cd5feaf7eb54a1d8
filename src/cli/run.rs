//! `galley run`: the store daemon.

use super::{exit::help, printers};
use crate::{
    api::{Announcement, Role, tls_service},
    config::{Config, RobotKind, credential_folder, load_catalog},
    credentials::Credentials,
    devices::manual,
    enrolment::{Enrolment, FileKeeper},
    flow::keep::Keeping,
    run::{Daemon, RobotWiring, Wiring},
    store::{FolderLock, Hitch, Options, Store, StoreError, backup::Plan},
    sync::{
        Mqtt, SyncConfig,
        down::{self, Bundler},
    },
    world::{Entropy as _, Secret, SystemEntropy, World},
};
use anyhow::Context as _;
use async_trait::async_trait;
use clap::Args;
use galley_moley::{KlinkConfig, KlinkDriver};
use galley_robot::RobotDriver;
use std::{
    net::SocketAddr,
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
/// How long a support bundle may take.
const BUNDLE: Duration = Duration::from_mins(3);

/// What `systemctl status` shows of a store that can write.
const OPEN: &str = "open";

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
    // Before anything is opened: a second daemon would take database and devices from the first.
    std::fs::create_dir_all(&config.store.data)
        .with_context(|| format!("cannot make the folder {}", config.store.data.display()))?;
    let _held = FolderLock::take(&config.store.data)?;
    let restart = CancellationToken::new();
    let mut daemon = Daemon::start(wiring(&config, &args.config, &restart)?).await?;
    let lan = TcpListener::bind(config.store.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.store.listen))?;
    let secure = match config.api.tls.listen {
        None => None,
        Some(at) => Some(
            TcpListener::bind(at)
                .await
                .with_context(|| format!("api.tls.listen: cannot listen on {at}"))?,
        ),
    };
    let local = bind_socket(&config.store.socket)?;
    let closing = daemon.closing();
    let serve = serve(&daemon, lan, secure, local, &closing);
    // Without multicast the store sells as well: screens are given its address.
    let announced = announcement(&config).tell().unwrap_or_else(|error| {
        tracing::warn!(%error, "screens can't find the store by themselves");
        None
    });
    tracing::info!(
        store.id = config.store.id,
        address = %config.store.listen,
        "the store is open"
    );
    tell_systemd(&[
        sd_notify::NotifyState::Ready,
        sd_notify::NotifyState::Status(OPEN),
    ]);
    let watchdog = tokio::spawn(watchdog(daemon.site.store.clone()));
    let status = tokio::spawn(status(daemon.site.store.clone()));
    tokio::select! {
        biased;
        ended = stopped() => ended?,
        // As after kill -9: nothing more is written, and the next start asks the outside world what has happened.
        broken = daemon.broken() => {
            daemon.kill().await;
            return Err(broken);
        }
        // Whoever started us starts us again, with the configuration as it is then.
        () = restart.cancelled() => tracing::info!("the daemon starts anew, as headquarters asked"),
    }
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    watchdog.abort();
    status.abort();
    drop(announced);
    // A file without a listener only misleads. Once the database is let go, the file may be the next daemon's.
    let _ = std::fs::remove_file(&config.store.socket);
    daemon.stop().await;
    serve.await;
    Ok(ExitCode::SUCCESS)
}

/// What the LAN is told of the store.
fn announcement(config: &Config) -> Announcement {
    Announcement {
        store_id: config.store.id.clone(),
        name: config.store.name.ru.clone(),
        plain: config.store.listen,
        tls: config.api.tls.listen,
        settings: config.api.discovery.clone(),
    }
}

/// Serves the doors until `closing`.
fn serve(
    daemon: &Daemon,
    lan: TcpListener,
    secure: Option<TcpListener>,
    local: UnixListener,
    closing: &CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let lan = tokio::spawn(
        axum::serve(
            lan,
            daemon
                .api
                .router()
                .into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(closing.clone().cancelled_owned())
        .into_future(),
    );
    let secure = secure.zip(daemon.tls.as_ref()).map(|(tcp, keeper)| {
        tokio::spawn(
            axum::serve(keeper.listener(tcp), tls_service(daemon.api.router()))
                .with_graceful_shutdown(closing.clone().cancelled_owned())
                .into_future(),
        )
    });
    let local = tokio::spawn(
        axum::serve(local, daemon.api.local_router())
            .with_graceful_shutdown(closing.clone().cancelled_owned())
            .into_future(),
    );
    async move {
        // Clients that hang on to their connections do not keep the daemon from stopping.
        let all = async {
            drop(tokio::join!(lan, local));
            if let Some(secure) = secure {
                drop(secure.await);
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), all).await;
    }
}

/// The store as the configuration has it.
fn wiring(config: &Config, file: &Path, restart: &CancellationToken) -> anyhow::Result<Wiring> {
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
    let keeping = keeping(config, &credentials);
    let (sync, down) = match place_of(config, &keeping)? {
        Some(place) => place.wiring(config, file, &keeping, restart),
        None if config.sync.is_enabled() => {
            let token = secret(&config.sync.token_credential)?;
            (Some((config.sync.clone(), token)), None)
        }
        None => (None, None),
    };
    let tokens = config
        .tokens
        .iter()
        .map(|t| {
            let role = Role::from_word(&t.role).context("tokens.role")?;
            Ok((secret(&t.credential)?, role, t.name.clone()))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
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
        down,
        brokers: Arc::new(Mqtt),
        points: crate::run::Points::House,
        tokens,
        keeping,
        doors: config.doors(own),
    })
}

/// The place at headquarters that this box was given with a code.
fn place_of(config: &Config, keeping: &Keeping) -> anyhow::Result<Option<OwnPlace>> {
    let data = &config.store.data;
    let Some(mut enrolment) = Enrolment::load(data, &keeping.keys).map_err(anyhow::Error::msg)?
    else {
        return Ok(None);
    };
    let promoted = enrolment
        .promote(&data.join("galley.db"))
        .map_err(anyhow::Error::msg)?;
    if promoted {
        enrolment
            .save(data, &keeping.keys)
            .map_err(anyhow::Error::msg)?;
    }
    let Some(token) = enrolment.token.clone() else {
        tracing::warn!(
            "galley enrol was begun and not ended: this box has no place at headquarters yet"
        );
        return Ok(None);
    };
    anyhow::ensure!(
        enrolment.store_id == config.store.id,
        "this box was enrolled as the store {}, and the configuration says {} (store.id)",
        enrolment.store_id,
        config.store.id
    );
    Ok(Some(OwnPlace { enrolment, token }))
}

struct OwnPlace {
    enrolment: Enrolment,
    token: Secret,
}

impl OwnPlace {
    /// What the configuration says of the way comes before what headquarters said.
    fn wiring(
        self,
        config: &Config,
        file: &Path,
        keeping: &Keeping,
        restart: &CancellationToken,
    ) -> (Option<(SyncConfig, Secret)>, Option<down::Wiring>) {
        let Self { enrolment, token } = self;
        let mut sync = config.sync.clone();
        sync.url.get_or_insert_with(|| enrolment.url.clone());
        if sync.broker.is_none() {
            sync.broker.clone_from(&enrolment.broker);
        }
        let wiring = down::Wiring {
            generation: enrolment.generation,
            keys: enrolment.keys.clone(),
            straight: sync.url.clone().map(|url| (url, token.clone())),
            plan: keeping.plan.clone(),
            bundler: Some(Arc::new(DoctorsBundle {
                config: file.to_owned(),
                socket: config.store.socket.clone(),
                data: config.store.data.clone(),
            })),
            keeper: Some(Arc::new(FileKeeper::new(
                config.store.data.clone(),
                keeping.keys.clone(),
                enrolment,
            ))),
            restart: restart.clone(),
        };
        (Some((sync, token)), Some(wiring))
    }
}

/// The bundle that `galley doctor --bundle` gathers, by the same program.
struct DoctorsBundle {
    config: PathBuf,
    socket: PathBuf,
    data: PathBuf,
}

#[async_trait]
impl Bundler for DoctorsBundle {
    async fn gather(&self) -> Result<Vec<u8>, String> {
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let file = self.data.join(".bundle.tar.gz");
        let _ = std::fs::remove_file(&file);
        let run = tokio::process::Command::new(program)
            .arg("doctor")
            .arg("--config")
            .arg(&self.config)
            .arg("--socket")
            .arg(&self.socket)
            .arg("--bundle")
            .arg(&file)
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(BUNDLE, run)
            .await
            .map_err(|_| format!("nothing within {BUNDLE:?}"))?
            .map_err(|e| e.to_string())?;
        let bytes = std::fs::read(&file);
        let _ = std::fs::remove_file(&file);
        // The doctor ends with a code of its own when something is wrong: that is when a bundle is wanted.
        bytes.map_err(|_| {
            String::from_utf8_lossy(&output.stderr)
                .chars()
                .take(300)
                .collect()
        })
    }
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
pub(super) fn own_secret(file: &Path) -> anyhow::Result<Secret> {
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

/// Tells systemd, and whoever asks it, whether the store can write; only when that changes.
async fn status(store: Store) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    let mut said = OPEN;
    loop {
        every.tick().await;
        let now = match store.hitch() {
            None => OPEN,
            Some(Hitch::Stalled(_)) => "degraded: the disk does not answer",
            Some(Hitch::Failed) => "degraded: the disk refused the last write",
        };
        if now != said {
            tell_systemd(&[sd_notify::NotifyState::Status(now)]);
            said = now;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every section that names a credential, with this printer.
    fn full(folder: &Path, printer: &str) -> Config {
        let id = "'00000000-0000-0000-0000-000000000001'";
        let text = format!(
            "[store]\nid = 'S001'\nzone = 'UTC'\nname = {{ ru = 'К', uz = 'K', en = 'C' }}\ndata = '{0}/data'\ncredentials = '{0}'\n\
             {printer}\n[printer.receipt]\ncashier = 'К'\ntax_system = 'general'\n\
             [connectors.alfa_bank]\nbase_url = 'https://bank.example.com/'\nuser_name = 'u'\npassword_credential = 'bank'\nreturn_url = 'https://example.com/'\n\
             [connectors.one_c]\nbase_url = 'https://1c.example.com/'\nuser = 'u'\npassword = 'one-c'\norganisation = {id}\nwarehouse = {id}\ncash_account = {id}\ncurrency = {id}\n\
             [connectors.sms_ru]\napi_id_credential = 'sms'\n[sync]\nurl = 'https://hq.example.com'\n\
             [staff]\nsecret_credential = 'door'\n[[tokens]]\nname = 'till'\nrole = 'staff'\ncredential = 'till'\n",
            folder.display()
        );
        std::fs::create_dir_all(folder.join("data")).unwrap();
        let file = folder.join("galley.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(&file).unwrap()
    }

    #[test]
    fn the_daemon_asks_for_the_credentials_that_are_looked_for_and_no_others() {
        let printers = [
            "[printer]\nkind = 'atol_web'\naddress = 'tcp://127.0.0.1:16732'\n[printer.web_login]\nuser = 'u'\npassword_credential = 'web'",
            "[printer]\nkind = 'gateway'\naddress = 'http://127.0.0.1:8095'\n[printer.gateway]\ndevice = 'd'\ntoken_credential = 'gateway'",
        ];
        for printer in printers {
            let folder = tempfile::tempdir().unwrap();
            let config = full(folder.path(), printer);
            let names = config.credential_names();
            assert_eq!(names.len(), 7, "{names:?}");
            let put = |name: &str| {
                std::fs::write(folder.path().join(name), "a secret, and a long one at that")
                    .unwrap()
            };
            names.iter().for_each(|(_, name)| put(name));
            let start = || wiring(&config, Path::new("galley.toml"), &CancellationToken::new());
            start().unwrap();
            for (setting, name) in names {
                std::fs::remove_file(folder.path().join(name)).unwrap();
                let error = format!("{:#}", start().err().unwrap());
                assert!(error.contains(name), "{setting}: {error}");
                put(name);
            }
        }
    }
}
