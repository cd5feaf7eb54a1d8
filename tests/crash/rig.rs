//! A store and all around it as real processes on real sockets, each of which may lose its power.

use super::program::Program;
use galley::{
    config::parse_catalog,
    domain::catalog::Catalog,
    world::{Clock as _, SystemClock},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

pub const GALLEY: &str = env!("CARGO_BIN_EXE_galley");
pub const MOSQUITTO: &str = "/usr/sbin/mosquitto";
pub const KIOSK: &str = "kiosk-token";
pub const STAFF: &str = "staff-token";
pub const TILL: &str = "till-token";
const MENU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/menu.toml");

/// Nothing that is waited for may take longer.
pub const LIMIT: Duration = Duration::from_secs(60);
/// How often other processes' doors are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What can lose its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Store,
    Broker,
    Headquarters,
    Printer,
    Robot,
    Bank,
    OneC,
    Sms,
}

impl Part {
    pub const ALL: [Self; 8] = [
        Self::Store,
        Self::Broker,
        Self::Headquarters,
        Self::Printer,
        Self::Robot,
        Self::Bank,
        Self::OneC,
        Self::Sms,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Broker => "mosquitto",
            Self::Headquarters => "hq",
            Self::Printer => "printer",
            Self::Robot => "robot",
            Self::Bank => "bank",
            Self::OneC => "one_c",
            Self::Sms => "sms",
        }
    }
}

/// How a rig is built.
#[derive(Clone, Copy, Debug)]
pub struct Wires {
    /// The printer hangs on a pty, as if on a serial line; else on TCP.
    pub pty: bool,
    /// Headquarters is also reached straight, besides through the broker.
    pub straight: bool,
}

/// All of it.
pub struct Rig {
    pub folder: TempDir,
    pub programs: BTreeMap<Part, Program>,
    pub origin: String,
    pub bank: String,
    pub http: Client,
    pub catalog: Catalog,
}

/// A port that is free, below those that the system gives out by itself.
fn port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let base = u16::try_from(std::process::id() % 170).unwrap() * 100;
        let port = 15_000 + (base + n) % 17_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until `look` gives something; tells the last thing that was seen when it takes too long.
pub async fn eventually<T, F>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    let until = Instant::now() + limit;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(seen) if Instant::now() >= until => {
                return Err(format!("waited in vain for {what}: {seen}"));
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// The key of 1C of this thing.
fn guid(what: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, what.as_bytes())
}

impl Rig {
    /// Builds it; nothing runs yet.
    pub fn new(wires: Wires) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("galley-crash-")
            .tempdir()
            .unwrap();
        let catalog = parse_catalog(&std::fs::read_to_string(MENU).unwrap(), MENU).unwrap();
        let (store, broker, hq, bank, one_c, sms, printer, robot) = (
            port(),
            port(),
            port(),
            port(),
            port(),
            port(),
            port(),
            port(),
        );
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("credentials")).unwrap();
        for (name, text) in [
            ("kiosk", KIOSK),
            ("staff", STAFF),
            ("till", TILL),
            ("bank", "galley"),
            ("one_c", "galley"),
            ("sms", "galley"),
            ("hq_token", "hq-token"),
        ] {
            std::fs::write(at("credentials").join(name), text).unwrap();
        }
        let dishes: BTreeMap<&str, Uuid> = catalog
            .dishes
            .iter()
            .map(|d| (d.id.0.as_str(), guid(&d.id.0)))
            .collect();
        let books = json!({
            "base_url": format!("http://127.0.0.1:{one_c}/base/odata/standard.odata/"),
            "user": "galley", "password": "one_c", "timeout_s": 5,
            "organisation": guid("organisation"), "warehouse": guid("warehouse"),
            "cash_account": guid("cash"), "currency": guid("rub"), "dishes": dishes,
            "tenders": {"sbp_qr": guid("sbp"), "card_terminal": guid("card")},
        });
        std::fs::write(at("one-c.toml"), toml::to_string(&books).unwrap()).unwrap();
        let printer_at = match wires.pty {
            true => format!("serial://{}", at("printer").display()),
            false => format!("tcp://127.0.0.1:{printer}"),
        };
        let mut sync = json!({"broker": format!("mqtt://127.0.0.1:{broker}")});
        if wires.straight {
            sync["url"] = format!("http://127.0.0.1:{hq}").into();
        }
        let token =
            |name: &str, role: &str| json!({"name": name, "role": role, "credential": name});
        let config = json!({
            "store": {
                "id": "S001", "zone": "Europe/Moscow", "data": at("data"),
                "name": {"ru": "Кафе", "uz": "Kafe", "en": "Cafe"},
                "listen": format!("127.0.0.1:{store}"), "socket": at("galley.sock"),
                "credentials": at("credentials"),
            },
            "catalog": {"file": MENU},
            // The kitchen is some hundred times faster than it says.
            "policy": {"max_wait": "1000h"},
            "printer": {"kind": "atol_native", "address": printer_at, "receipt": {"cashier": "Robot"}},
            "robot": {"kind": "klink", "address": format!("tcp://127.0.0.1:{robot}"), "arms": 2, "places": 3},
            "connectors": {
                "alfa_bank": {
                    "base_url": format!("http://127.0.0.1:{bank}/payment/rest/"),
                    "user_name": "galley-api", "password_credential": "bank",
                    "return_url": "https://example.invalid/", "poll_interval": "200ms",
                    "not_found_wait": "200ms", "money_timeout": "5s", "read_timeout": "5s",
                },
                "one_c": books,
                "sms_ru": {
                    "base_url": format!("http://127.0.0.1:{sms}"), "api_id_credential": "sms",
                    "assume_sent_after": "1s", "timeout": "5s",
                },
            },
            "sync": sync,
            "tokens": [token("kiosk", "kiosk"), token("staff", "manager"), token("till", "service")],
        });
        std::fs::write(at("galley.toml"), toml::to_string(&config).unwrap()).unwrap();
        std::fs::write(
            at("mosquitto.conf"),
            format!(
                "listener {broker} 127.0.0.1\nallow_anonymous true\npersistence false\n\
                 log_dest stderr\nuser root\n"
            ),
        )
        .unwrap();
        let listen = |port: u16| format!("127.0.0.1:{port}");
        let path = |name: &str| at(name).display().to_string();
        let emulator = |words: &[&str]| -> Vec<String> {
            ["emulate"]
                .iter()
                .chain(words)
                .map(|w| (*w).to_owned())
                .collect()
        };
        let printer_line = match wires.pty {
            true => vec!["--pty".to_owned(), "--link".to_owned(), path("printer")],
            false => vec!["--listen".to_owned(), listen(printer)],
        };
        let mut atol = emulator(&["atol", "--speed", "30", "--state", &path("printer.fn")]);
        atol.extend(printer_line);
        let store_config = path("galley.toml");
        let words: [(Part, Vec<String>); 7] = [
            (
                Part::Store,
                vec!["run".into(), "--config".into(), store_config],
            ),
            (
                Part::Headquarters,
                ["hq", "--listen", &listen(hq), "--data", &path("hq")]
                    .iter()
                    .chain(&["--broker", &format!("mqtt://127.0.0.1:{broker}")])
                    .chain(&["--store", "S001=hq-token"])
                    .map(|w| (*w).to_owned())
                    .collect(),
            ),
            (Part::Printer, atol),
            (
                Part::Robot,
                emulator(&[
                    "robot",
                    "--speed",
                    "2000",
                    "--portions",
                    "5000",
                    // Few, so that orders would wait for each other if the store let them.
                    "--slots",
                    "3",
                    "--listen",
                    &listen(robot),
                    "--state",
                    &path("kitchen.log"),
                ]),
            ),
            (
                Part::Bank,
                emulator(&[
                    "bank",
                    "--listen",
                    &listen(bank),
                    "--state",
                    &path("bank.json"),
                ]),
            ),
            (
                Part::OneC,
                emulator(&[
                    "one-c",
                    "--listen",
                    &listen(one_c),
                    "--state",
                    &path("one-c.json"),
                    "--stock",
                    &path("one-c.toml"),
                ]),
            ),
            (
                Part::Sms,
                emulator(&[
                    "sms",
                    "--listen",
                    &listen(sms),
                    "--state",
                    &path("sms.json"),
                    "--balance",
                    "1000000",
                ]),
            ),
        ];
        let mut programs: BTreeMap<Part, Program> = words
            .into_iter()
            .map(|(part, words)| {
                let command = [GALLEY.to_owned()].into_iter().chain(words);
                let log = at(&format!("{}.out", part.word()));
                let mut program = Program::new(command, log);
                let level = std::env::var_os("GALLEY_LOG").unwrap_or_else(|| "warn".into());
                program.env.push(("GALLEY_LOG".to_owned(), level));
                (part, program)
            })
            .collect();
        let mosquitto = [
            MOSQUITTO.to_owned(),
            "-c".to_owned(),
            path("mosquitto.conf"),
        ];
        programs.insert(Part::Broker, Program::new(mosquitto, at("mosquitto.out")));
        Self {
            programs,
            origin: format!("http://127.0.0.1:{store}"),
            bank: format!("http://127.0.0.1:{bank}"),
            http: Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(10))
                .build()
                .unwrap(),
            catalog,
            folder,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives every part power that has none.
    pub fn all_on(&mut self) {
        for program in self.programs.values_mut() {
            program.start();
        }
    }

    pub fn program(&mut self, part: Part) -> &mut Program {
        self.programs.get_mut(&part).unwrap()
    }

    /// Waits until the store can write; answers with how long it took.
    pub async fn ready(&self) -> Result<Duration, String> {
        let began = Instant::now();
        eventually("the store to be ready", LIMIT, async || {
            let url = format!("{}/ready", self.origin);
            match self.http.get(&url).send().await {
                Ok(answer) if answer.status() == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        Ok(began.elapsed())
    }

    /// What a person at the store's console is told.
    pub async fn galley(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = tokio::process::Command::new(GALLEY)
            .args(args)
            .env("GALLEY_SOCKET", self.path("galley.sock"))
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), out)
    }

    pub fn door(&self) -> Door {
        Door {
            http: self.http.clone(),
            origin: self.origin.clone(),
        }
    }

    /// Keeps the folder for whoever looks for the reason.
    pub fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

/// The store's HTTP door, as a good client uses it.
#[derive(Clone)]
pub struct Door {
    pub http: Client,
    pub origin: String,
}

impl Door {
    /// One request; none when there was no whole answer.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        token: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Option<(u16, Value)> {
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.ok()?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        Some((status, body))
    }

    /// Repeats a request with the same key until it is answered with a verdict.
    pub async fn insist(
        &self,
        method: Method,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let url = format!("{}/api/v1/{path}", self.origin);
        eventually(path, LIMIT, async || {
            match self.send(method.clone(), &url, token, key, body).await {
                Some((status, body)) if status < 500 || body["slug"] == "not_accepting" => {
                    Ok((status, body))
                }
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    pub async fn get(&self, path: &str, token: &str) -> Result<Value, String> {
        Ok(self.insist(Method::GET, path, token, None, None).await?.1)
    }

    pub async fn post(
        &self,
        path: &str,
        token: &str,
        key: &str,
        body: &Value,
    ) -> Result<(u16, Value), String> {
        self.insist(Method::POST, path, token, Some(key), Some(body))
            .await
    }
}

/// Whether this machine has a program; says so when it has not.
#[allow(clippy::print_stderr, reason = "a test that is left out must be seen")]
pub fn has(program: &str, package: &str) -> bool {
    let there = Path::new(program).exists();
    if !there {
        eprintln!("SKIPPED: {program} is missing; install Debian's package `{package}`");
    }
    there
}

/// Wall-clock time, ms.
pub fn now_ms() -> i64 {
    SystemClock.now().as_millis()
}
