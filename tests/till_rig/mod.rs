//! What tests of fiscal printers, of the gateway and of a store behind them have in common: the gateway as a process, a
//! store in this process, and people who know both by their doors only.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

use bytes::Bytes;
use galley::{
    api::Role,
    config::load_catalog,
    devices::fiscal::FiscalSettings,
    domain::{
        catalog::Catalog,
        event::{Actor, Body},
        policy::Policy,
        stock::Movement,
        text::Text,
    },
    flow::record::record,
    run::{Daemon, Wiring},
    store::Options,
    world::{Http as _, ReqwestHttp, Secret, World},
};
use galley_fiscal::PrinterFactory;
use http::{Method, Request, header};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::UnixDatagram,
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

/// A test that lasts longer hangs.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A client of both.
pub fn http() -> ReqwestHttp {
    // The binary does it for itself; a client in this process needs it too.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ReqwestHttp::new().unwrap()
}

/// Asks once; none when nobody answers.
pub async fn ask(
    http: &ReqwestHttp,
    method: Method,
    url: &str,
    token: &str,
    key: &str,
    body: Option<&Value>,
) -> Option<(u16, Value)> {
    let body = body.map(ToString::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("idempotency-key", key)
        .body(Bytes::from(body))
        .unwrap();
    let answer = http.send(request, LIMIT).await.ok()?;
    let value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    Some((answer.status().as_u16(), value))
}

/// `galley fiscal-gateway`, switched on and off.
pub struct Gateway {
    folder: PathBuf,
    pub base: String,
    pub child: Option<Child>,
    notify: UnixDatagram,
    /// How often it was switched on.
    up: watch::Sender<u32>,
}

impl Gateway {
    /// Configured in `folder`, and off. `tokens`: name, role and secret; `printers`: its sections of the configuration.
    pub fn new(folder: &Path, tokens: &[(&str, &str, &str)], printers: &str) -> Self {
        let credentials = folder.join("credentials");
        fs::create_dir(&credentials).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap();
        drop(free);
        let at = |name: &str| folder.join(name).display().to_string();
        let mut config = format!(
            "[gateway]\nlisten = \"{listen}\"\nsocket = \"{}\"\njournal = \"{}\"\ncredentials = \"{}\"\n",
            at("gateway.sock"),
            at("journal/journal.db"),
            credentials.display(),
        );
        for (name, role, secret) in tokens {
            fs::write(credentials.join(name), secret).unwrap();
            config += &format!(
                "[[gateway.tokens]]\nname = \"{name}\"\nrole = \"{role}\"\ncredential = \"{name}\"\n"
            );
        }
        fs::write(folder.join("gateway.toml"), config + printers).unwrap();
        Self {
            folder: folder.to_owned(),
            base: format!("http://{listen}"),
            child: None,
            notify: UnixDatagram::bind(folder.join("ready")).unwrap(),
            up: watch::Sender::new(0),
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Changes whenever it is on again.
    pub fn up(&self) -> watch::Receiver<u32> {
        self.up.subscribe()
    }

    /// The command that runs it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_galley"));
        command
            .arg("fiscal-gateway")
            .arg("--config")
            .arg(self.file("gateway.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Switches it on; it takes documents when this ends.
    pub async fn on(&mut self) {
        let log = self.file("log");
        let append = fs::File::options().create(true).append(true).open(&log);
        let mut child = self
            .command()
            .env("NOTIFY_SOCKET", self.file("ready"))
            .stderr(append.unwrap())
            .spawn()
            .unwrap();
        let ready = async {
            let mut told = [0; 512];
            loop {
                tokio::select! {
                    biased;
                    n = self.notify.recv(&mut told) => {
                        if String::from_utf8_lossy(&told[..n.unwrap()]).contains("READY=1") {
                            return true;
                        }
                    }
                    _ = child.wait() => return false,
                }
            }
        };
        let ready = timeout(LIMIT, ready).await.unwrap_or(false);
        let log = fs::read_to_string(&log).unwrap_or_default();
        assert!(ready, "it never comes up: {log}");
        self.child = Some(child);
        self.up.send_modify(|n| *n += 1);
    }

    /// Kills it, as a power cut does.
    pub async fn off(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }
}

/// A store with all its stock, in this process.
pub struct Shop {
    pub daemon: Daemon,
    pub base: String,
}

/// What a test's store is made of.
pub struct Parts {
    pub database: PathBuf,
    pub policy: Policy,
    pub printers: Arc<dyn PrinterFactory>,
    /// Where they are, for screens.
    pub address: String,
    pub cashier: &'static str,
    pub token: &'static str,
    /// Changes the demonstration's menu.
    pub menu: fn(&mut Catalog),
}

impl Shop {
    pub async fn open(parts: Parts) -> Self {
        let first = !parts.database.exists();
        let mut catalog = load_catalog(Path::new("src/demo/menu.toml")).unwrap();
        (parts.menu)(&mut catalog);
        let ingredients = catalog.ingredients.iter();
        let movements: Vec<Movement> = ingredients
            .map(|i| Movement::receive(&i.id, 1 << 36).unwrap())
            .collect();
        let daemon = Daemon::start(Wiring {
            world: World::system().unwrap(),
            database: Options::at(parts.database),
            policy: Policy {
                accounting: false,
                messages: false,
                bank: false,
                ..parts.policy
            },
            catalog: Some(catalog),
            zone: jiff::tz::TimeZone::UTC,
            name: Text::default(),
            pictures: None,
            slip_printers: Vec::new(),
            printer: Some((
                parts.printers,
                FiscalSettings {
                    cashier: Some(parts.cashier.to_owned()),
                    ..FiscalSettings::default()
                },
                parts.address,
            )),
            robot: None,
            bank: None,
            one_c: None,
            sms: None,
            sync: None,
            down: None,
            brokers: Arc::new(galley::sync::broker::Mqtt),
            points: galley::run::Points::House,
            tokens: vec![(Secret::new(parts.token), Role::Manager, "till".to_owned())],
            keeping: galley::flow::keep::Keeping::default(),
            doors: galley::api::Doors::new(Secret::new("a secret of the test")),
        })
        .await
        .unwrap();
        if first {
            let site = &daemon.site;
            site.command(Actor::system(), |tx, cx| {
                record(tx, cx, None, Body::StockMoved { movements })
            })
            .await
            .unwrap();
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/v1", listener.local_addr().unwrap());
        let router = daemon.api.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { daemon, base }
    }

    /// Waits until `look` has seen what it wants; it looks again whenever the store has written something.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Result<T, Value>) -> T {
        let mut written = self.daemon.site.store.committed();
        let mut last = Value::Null;
        let seen = timeout(LIMIT, async {
            loop {
                written.borrow_and_update();
                match look().await {
                    Ok(seen) => return seen,
                    Err(other) => last = other,
                }
                written.changed().await.unwrap();
            }
        });
        let seen = seen.await;
        seen.unwrap_or_else(|_| panic!("waited in vain for {what}: {last:#}"))
    }
}
