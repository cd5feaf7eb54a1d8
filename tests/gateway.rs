//! The fiscal gateway as a process of its own, through real HTTP, with two printers on TCP, killed with `kill -9` while
//! tills ask for documents.

#![cfg(feature = "emulators")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

use bytes::Bytes;
use galley::{
    api::Role,
    config::load_catalog,
    devices::fiscal::FiscalSettings,
    domain::{
        event::{Actor, Body},
        policy::Policy,
        stock::Movement,
        text::Text,
    },
    flow::record::record,
    gateway::client::GatewayPrinters,
    run::{Daemon, Wiring},
    store::Options,
    world::{Http as _, ReqwestHttp, Secret, World},
};
use galley_atol::{
    emulator::{AtolEmulator, Durations, EmulatorConfig, Fault, Times, TokioClock},
    local_time::LocalDateTime,
};
use galley_link::Listener;
use http::{Method, Request, header};
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

const TOKEN: &str = "till-token";
const TECHNICIAN: &str = "technician-token";
/// A test that lasts longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

struct Rig {
    folder: tempfile::TempDir,
    printers: Vec<AtolEmulator>,
    base: String,
    http: ReqwestHttp,
    child: Option<Child>,
}

impl Rig {
    async fn start(printers: usize, own_shifts: bool) -> Self {
        // The binary does it for itself; a client in this process needs it too.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let credentials = folder.path().join("credentials");
        fs::create_dir(&credentials).unwrap();
        fs::write(credentials.join("till"), TOKEN).unwrap();
        fs::write(credentials.join("technician"), TECHNICIAN).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap();
        drop(free);
        let mut sections = String::new();
        let mut found = Vec::new();
        for i in 0..printers {
            let (printer, at) = printer(i).await;
            sections += &format!(
                "[[gateway.printers]]\nid = \"kkt-{i}\"\nkind = \"atol_native\"\naddress = \"tcp://{at}\"\n\
                 open_shift = {own_shifts}\n"
            );
            found.push(printer);
        }
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "[gateway]\nlisten = \"{listen}\"\nsocket = \"{}\"\njournal = \"{}\"\ncredentials = \"{}\"\n\
             [[gateway.tokens]]\nname = \"hall\"\nrole = \"till\"\ncredential = \"till\"\n\
             [[gateway.tokens]]\nname = \"anna\"\nrole = \"technician\"\ncredential = \"technician\"\n{sections}",
            at("gateway.sock"),
            at("journal/journal.db"),
            credentials.display(),
        );
        fs::write(folder.path().join("gateway.toml"), config).unwrap();
        let mut rig = Self {
            folder,
            printers: found,
            base: format!("http://{listen}"),
            http: ReqwestHttp::new().unwrap(),
            child: None,
        };
        rig.switch_on().await;
        rig
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn switch_on(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.file("log"))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_galley"))
            .arg("fiscal-gateway")
            .arg("--config")
            .arg(self.file("gateway.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let until = Instant::now() + LIMIT;
        while self
            .send(Method::GET, "/healthz", None)
            .await
            .is_none_or(|(s, _)| s != 200)
        {
            let log = fs::read_to_string(self.file("log")).unwrap_or_default();
            assert!(Instant::now() < until, "it never comes up: {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        send(&self.http, &self.base, method, path, body).await
    }

    /// `galley gateway …` over the Unix socket: its exit code and what it printed.
    async fn technician(&self, args: &[&str]) -> (Option<i32>, String) {
        let out = Command::new(env!("CARGO_BIN_EXE_galley"))
            .arg("gateway")
            .args(args)
            .arg("--yes")
            .arg("--socket")
            .arg(self.file("gateway.sock"))
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned()
            + &String::from_utf8_lossy(&out.stderr);
        (out.status.code(), text)
    }
}

async fn printer(i: usize) -> (AtolEmulator, SocketAddr) {
    let config = EmulatorConfig {
        drive_number: format!("999907890200431{i}"),
        durations: Durations {
            close_receipt_ms: 30,
            open_shift_ms: 30,
            close_shift_ms: 50,
            ..Durations::none()
        },
        ..EmulatorConfig::default()
    };
    let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
    let clock = Arc::new(TokioClock::starting(noon));
    let printer = AtolEmulator::open(None, config, clock).unwrap();
    let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let at = listener.local_addr().unwrap();
    let core = printer.clone();
    tokio::spawn(async move { core.listen(listener).await });
    (printer, at)
}

async fn send(
    http: &ReqwestHttp,
    base: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Option<(u16, Value)> {
    let request = Request::builder()
        .method(method)
        .uri(format!("{base}{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .body(Bytes::from(
            body.map(ToString::to_string).unwrap_or_default(),
        ))
        .unwrap();
    let answer = http.send(request, Duration::from_secs(30)).await.ok()?;
    let value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    Some((answer.status().as_u16(), value))
}

fn sale(device: &str, sum: u64) -> Value {
    json!({
        "device": device, "document": "receipt", "kind": "sale", "tax_system": "general",
        "lines": [{"name": "Борщ", "price_minor": sum, "quantity_milli": 1000, "sum_minor": sum,
                   "vat": "none", "subject": "commodity", "method": "full_payment", "unit": "piece"}],
        "tenders": [{"form": "cash", "sum_minor": sum}],
    })
}

/// A till that does not give up.
async fn insist(http: &ReqwestHttp, base: &str, key: &str, body: &Value) -> Value {
    let path = format!("/v1/fiscal/documents/{key}?wait=10");
    let until = Instant::now() + LIMIT;
    loop {
        match send(http, base, Method::PUT, &path, Some(body)).await {
            Some((200 | 201, document)) => return document,
            None | Some((202 | 503, _)) => {}
            Some((status, problem)) => panic!("{key}: {status} {problem}"),
        }
        assert!(Instant::now() < until, "{key} is never decided");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_the_gateway_prints_each_document_once() {
    let mut rig = Rig::start(2, true).await;
    let tills: Vec<_> = (0..2)
        .map(|t| {
            let (http, base) = (rig.http.clone(), rig.base.clone());
            tokio::spawn(async move {
                for n in 0..25 {
                    let key = format!("till-{t}-{n}");
                    let body = sale(&format!("kkt-{t}"), 1000 + n);
                    let done = insist(&http, &base, &key, &body).await;
                    assert_eq!(done["result"]["total_minor"], 1000 + n);
                }
            })
        })
        .collect();
    let mut kills: u32 = 0;
    while tills.iter().any(|t| !t.is_finished()) && kills < 40 {
        sleep(Duration::from_millis(150 + u64::from(kills * 37 % 200))).await;
        match kills % 4 {
            1 => rig.printers[0].set_fault(Fault::AnswerLost, Times::Once),
            3 => rig.printers[1].set_fault(Fault::LinkLost { carried_out: true }, Times::Once),
            _ => {}
        }
        rig.kill().await;
        rig.switch_on().await;
        kills += 1;
    }
    for till in tills {
        tokio::time::timeout(LIMIT, till).await.unwrap().unwrap();
    }
    assert!(kills > 3, "only {kills} kills");
    for (t, printer) in rig.printers.iter().enumerate() {
        let keys: Vec<String> = printer
            .receipts()
            .into_iter()
            .filter_map(|d| d.key)
            .collect();
        let wanted: Vec<String> = (0..25).map(|n| format!("till-{t}-{n}")).collect();
        assert_eq!(keys, wanted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn technicians_see_and_call_off_what_waits_over_the_socket() {
    let rig = Rig::start(1, true).await;
    insist(&rig.http, &rig.base, "order-1", &sale("kkt-0", 100)).await;
    let (code, text) = rig.technician(&["status"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("kkt-0") && text.contains("up"), "{text}");
    let (code, text) = rig.technician(&["documents"]).await;
    assert!(code == Some(0) && text.contains("order-1"), "{text}");
    rig.printers[0].power_cut();
    let late = "/v1/fiscal/documents/order-2";
    let (status, _) = rig
        .send(Method::PUT, late, Some(&sale("kkt-0", 200)))
        .await
        .unwrap();
    assert_eq!(status, 202);
    let (code, text) = rig.technician(&["cancel", "order-2"]).await;
    assert!(code == Some(0) && text.contains("cancelled"), "{text}");
    let (code, text) = rig.technician(&["show", "order-9"]).await;
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = rig
        .technician(&["resolve", "order-2", "registered", "--reason", "seen"])
        .await;
    assert!(
        code == Some(6) && text.contains("nothing to decide"),
        "{text}"
    );
    let (status, metrics) = rig.send(Method::GET, "/metrics", None).await.unwrap();
    assert_eq!((status, metrics), (200, Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_stops_in_order_and_a_wrong_configuration_is_told_whole() {
    let mut rig = Rig::start(1, true).await;
    let mut child = rig.child.take().unwrap();
    let pid = child.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(kill.await.unwrap().success());
    let ended = tokio::time::timeout(LIMIT, child.wait()).await.unwrap();
    assert!(ended.unwrap().success());
    assert!(!Path::new(&rig.file("gateway.sock")).exists());
    let wrong = rig.file("wrong.toml");
    fs::write(
        &wrong,
        "[gateway]\n[[gateway.printers]]\nid = \"a b\"\nkind = \"gateway\"\naddress = \"nowhere\"\n",
    )
    .unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_galley"))
        .arg("fiscal-gateway")
        .arg("--check")
        .arg("--config")
        .arg(&wrong)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    for fault in [
        "\"a b\" is no id",
        "say which printer",
        "nobody could come in",
    ] {
        assert!(text.contains(fault), "{text}");
    }
}

/// What a service manager hears, datagram by datagram, until `wanted` was among it.
async fn heard(socket: &tokio::net::UnixDatagram, wanted: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut buffer = [0; 512];
    loop {
        let next = tokio::time::timeout(LIMIT, socket.recv(&mut buffer));
        let n = next.await.unwrap_or_else(|_| panic!("{all:?}")).unwrap();
        let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
        let found = text.lines().any(|line| line == wanted);
        all.push(text);
        if found {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_hears_ready_then_alive_then_stopping() {
    let mut rig = Rig::start(1, true).await;
    rig.kill().await;
    let socket = tokio::net::UnixDatagram::bind(rig.file("notify")).unwrap();
    // As in the unit: Type=notify, WatchdogSec; a third of it is the beat.
    let mut child = Command::new(env!("CARGO_BIN_EXE_galley"))
        .arg("fiscal-gateway")
        .arg("--config")
        .arg(rig.file("gateway.toml"))
        .env("NOTIFY_SOCKET", rig.file("notify"))
        .env("WATCHDOG_USEC", "600000")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let first = heard(&socket, "READY=1").await;
    assert!(first[0].contains("READY=1"), "{first:?}");
    // Ready means that it takes documents.
    let done = insist(&rig.http, &rig.base, "order-1", &sale("kkt-0", 100)).await;
    assert_eq!(done["state"], "done");
    heard(&socket, "WATCHDOG=1").await;
    heard(&socket, "WATCHDOG=1").await;
    let pid = child.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(kill.await.unwrap().success());
    heard(&socket, "STOPPING=1").await;
    let ended = tokio::time::timeout(LIMIT, child.wait()).await.unwrap();
    assert!(ended.unwrap().success());
}

/// A store whose printer hangs at the gateway.
async fn store(rig: &Rig) -> (Daemon, String) {
    let world = World::system().unwrap();
    let factory = GatewayPrinters::new(
        world.http.clone(),
        &rig.base,
        "kkt-0",
        Secret::new(TECHNICIAN),
    );
    let catalog = load_catalog(Path::new("src/demo/menu.toml")).unwrap();
    let movements = catalog
        .ingredients
        .iter()
        .map(|i| Movement::receive(&i.id, 1 << 40).unwrap())
        .collect();
    let first = !rig.file("store.db").exists();
    let daemon = Daemon::start(Wiring {
        world,
        database: Options::at(rig.file("store.db")),
        policy: Policy::default(),
        catalog: Some(catalog),
        zone: jiff::tz::TimeZone::UTC,
        name: Text::default(),
        pictures: None,
        printer: Some((
            Arc::new(factory),
            FiscalSettings {
                cashier: Some("Робот 1".to_owned()),
                ..FiscalSettings::default()
            },
            rig.base.clone(),
        )),
        slip_printers: Vec::new(),
        robot: None,
        bank: None,
        one_c: None,
        sms: None,
        sync: None,
        brokers: Arc::new(galley::sync::broker::Mqtt),
        tokens: vec![(Secret::new(TOKEN), Role::Manager, "till".to_owned())],
        keeping: galley::flow::keep::Keeping::default(),
        doors: galley::api::Doors::new(Secret::new("a secret of the test")),
    })
    .await
    .unwrap();
    if first {
        daemon
            .site
            .command(Actor::system(), |tx, cx| {
                record(tx, cx, None, Body::StockMoved { movements })
            })
            .await
            .unwrap();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let router = daemon.api.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (daemon, base)
}

/// Asks the store for something, once.
async fn ask(rig: &Rig, base: &str, path: &str, body: Option<Value>, key: &str) -> Value {
    let method = if body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("{base}/{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header("idempotency-key", key)
        .body(Bytes::from(body.map(|b| b.to_string()).unwrap_or_default()))
        .unwrap();
    let answer = rig.http.send(request, LIMIT).await.unwrap();
    let value: Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(answer.status().is_success(), "{path}: {value}");
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_prints_through_a_gateway_that_dies_and_so_does_the_store() {
    let mut rig = Rig::start(1, false).await;
    let (mut daemon, mut base) = store(&rig).await;
    let mut orders = Vec::new();
    for n in 0..6_u32 {
        let wish = json!({"language": "en", "service": "here", "lines": [{"dish_id": "plov", "quantity": 1}]});
        let order = ask(&rig, &base, "orders", Some(wish), &format!("place-{n}")).await;
        let id = order["id"].as_str().unwrap().to_owned();
        let path = format!("orders/{id}/payments");
        let tender = Some(json!({"tender": "cash"}));
        let payment = ask(&rig, &base, &path, tender, &format!("pay-{n}")).await;
        let path = format!("payments/{}/confirm", payment["id"].as_str().unwrap());
        ask(&rig, &base, &path, Some(json!({})), &format!("took-{n}")).await;
        orders.push(id);
        sleep(Duration::from_millis(u64::from(n * 61 % 250))).await;
        if n % 3 == 2 {
            daemon.kill().await;
            (daemon, base) = store(&rig).await;
        } else {
            rig.kill().await;
            rig.switch_on().await;
        }
    }
    let until = Instant::now() + LIMIT;
    let mut keys = Vec::new();
    for id in &orders {
        let receipt = loop {
            let order = ask(&rig, &base, &format!("orders/{id}"), None, "look").await;
            let receipt = order["receipts"][0].clone();
            if receipt["state"] == "registered" {
                break receipt;
            }
            assert!(Instant::now() < until, "{order:#}");
            sleep(Duration::from_millis(50)).await;
        };
        keys.push(receipt["key"].as_str().unwrap().to_owned());
    }
    let printed: Vec<String> = rig.printers[0]
        .receipts()
        .into_iter()
        .filter_map(|d| d.key)
        .collect();
    assert_eq!(printed, keys);
    daemon.stop().await;
}
