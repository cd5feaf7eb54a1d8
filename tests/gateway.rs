//! The fiscal gateway as a process of its own, through real HTTP, with two printers on TCP, killed with `kill -9` while
//! tills ask for documents.

#![cfg(feature = "emulators")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod till_rig;

use galley::{
    domain::policy::Policy,
    gateway::client::GatewayPrinters,
    world::{ReqwestHttp, Secret, World},
};
use galley_atol::{
    emulator::{AtolEmulator, Durations, EmulatorConfig, Fault, Times, TokioClock},
    local_time::LocalDateTime,
};
use galley_link::Listener;
use http::Method;
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use till_rig::{Gateway, LIMIT, Parts, Shop, ask, http};
use tokio::{process::Command, sync::watch, task::JoinSet, time::timeout};

const TOKEN: &str = "till-token";
const TECHNICIAN: &str = "technician-token";
/// How often the gateway is killed: each place and each fault at least once.
const KILLS: usize = 6;

struct Rig {
    _folder: tempfile::TempDir,
    printers: Vec<AtolEmulator>,
    gateway: Gateway,
    http: ReqwestHttp,
}

impl Rig {
    async fn start(printers: usize, own_shifts: bool) -> Self {
        let http = http();
        let folder = tempfile::tempdir().unwrap();
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
        let tokens = [("hall", "till", TOKEN), ("anna", "technician", TECHNICIAN)];
        let mut gateway = Gateway::new(folder.path(), &tokens, &sections);
        gateway.on().await;
        Self {
            _folder: folder,
            printers: found,
            gateway,
            http,
        }
    }

    async fn fall(&mut self) {
        self.gateway.off().await;
        self.gateway.on().await;
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let url = format!("{}{path}", self.gateway.base);
        ask(&self.http, method, &url, TOKEN, "look", body).await
    }

    /// A till that does not give up.
    async fn insist(&self, key: &str, body: &Value) -> Value {
        let (http, base) = (self.http.clone(), self.gateway.base.clone());
        insist(&http, &base, self.gateway.up(), key, body).await
    }

    /// `galley gateway …` over the Unix socket: its exit code and what it printed.
    async fn technician(&self, args: &[&str]) -> (Option<i32>, String) {
        let out = Command::new(env!("CARGO_BIN_EXE_galley"))
            .arg("gateway")
            .args(args)
            .arg("--yes")
            .arg("--socket")
            .arg(self.gateway.file("gateway.sock"))
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

fn sale(device: &str, sum: u64) -> Value {
    json!({
        "device": device, "document": "receipt", "kind": "sale", "tax_system": "general",
        "lines": [{"name": "Борщ", "price_minor": sum, "quantity_milli": 1000, "sum_minor": sum,
                   "vat": "none", "subject": "commodity", "method": "full_payment", "unit": "piece"}],
        "tenders": [{"form": "cash", "sum_minor": sum}],
    })
}

/// A till that does not give up: when nobody answers it waits until the gateway is on again.
async fn insist(
    http: &ReqwestHttp,
    base: &str,
    mut up: watch::Receiver<u32>,
    key: &str,
    body: &Value,
) -> Value {
    let url = format!("{base}/v1/fiscal/documents/{key}?wait=10");
    let decided = async {
        let mut unheard = 0;
        loop {
            up.borrow_and_update();
            match ask(http, Method::PUT, &url, TOKEN, "-", Some(body)).await {
                Some((200 | 201, document)) => return document,
                Some((202 | 503, _)) => {}
                Some((status, problem)) => panic!("{key}: {status} {problem}"),
                // A connection of before the fall; then the gateway is off.
                None if unheard < 3 => unheard += 1,
                None => {
                    up.changed().await.unwrap();
                    unheard = 0;
                }
            }
        }
    };
    let decided = timeout(LIMIT, decided).await;
    decided.unwrap_or_else(|_| panic!("{key} is never decided"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_the_gateway_prints_each_document_once() {
    let mut rig = Rig::start(2, true).await;
    let mut tills = JoinSet::new();
    // The tills sell as long as the gateway is killed: a slow machine has as many kills as a quick one.
    let enough = Arc::new(AtomicBool::new(false));
    for t in 0..2_usize {
        let (http, base, up) = (rig.http.clone(), rig.gateway.base.clone(), rig.gateway.up());
        let enough = Arc::clone(&enough);
        tills.spawn(async move {
            let mut n = 0_u64;
            while n < 25 || !enough.load(Ordering::Relaxed) {
                let key = format!("till-{t}-{n}");
                let body = sale(&format!("kkt-{t}"), 1000 + n);
                let done = insist(&http, &base, up.clone(), &key, &body).await;
                assert_eq!(done["result"]["total_minor"], 1000 + n);
                n += 1;
            }
            (t, n)
        });
    }
    let mut kills: usize = 0;
    let mut sold = [0_u64; 2];
    let fallen = async {
        while kills < KILLS {
            // In the middle of a receipt, or as soon as one or two more are registered.
            let printer = &rig.printers[kills % 2];
            let before = printer.snapshot().documents + kills % 3;
            let open = kills.is_multiple_of(2);
            tokio::select! {
                biased;
                done = tills.join_next() => panic!("a till gave up: {done:?}"),
                _ = printer.until(|s| s.documents > before || open && s.receipt_open) => {}
            }
            match kills % 4 {
                1 => rig.printers[0].set_fault(Fault::AnswerLost, Times::Once),
                3 => rig.printers[1].set_fault(Fault::LinkLost { carried_out: true }, Times::Once),
                _ => {}
            }
            rig.fall().await;
            kills += 1;
        }
        enough.store(true, Ordering::Relaxed);
        while let Some(done) = tills.join_next().await {
            let (t, n) = done.unwrap();
            sold[t] = n;
        }
    };
    timeout(LIMIT, fallen).await.unwrap();
    for (t, printer) in rig.printers.iter().enumerate() {
        let keys: Vec<String> = printer
            .receipts()
            .into_iter()
            .filter_map(|d| d.key)
            .collect();
        let wanted: Vec<String> = (0..sold[t]).map(|n| format!("till-{t}-{n}")).collect();
        assert_eq!(keys, wanted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn technicians_see_and_call_off_what_waits_over_the_socket() {
    let rig = Rig::start(1, true).await;
    rig.insist("order-1", &sale("kkt-0", 100)).await;
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
    // Nothing has come of the trying: a script must see it.
    let (code, text) = rig.technician(&["retry", "kkt-0"]).await;
    assert!(
        code == Some(6) && text.contains("not reachable"),
        "{code:?} {text}"
    );
    let (code, text) = rig.technician(&["show", "order-9"]).await;
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = rig
        .technician(&[
            "resolve",
            "order-2",
            "registered",
            "--document-number",
            "3",
            "--reason",
            "seen",
        ])
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
    let mut child = rig.gateway.child.take().unwrap();
    let pid = child.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(kill.await.unwrap().success());
    let ended = timeout(LIMIT, child.wait()).await.unwrap();
    assert!(ended.unwrap().success());
    assert!(!Path::new(&rig.gateway.file("gateway.sock")).exists());
    let wrong = rig.gateway.file("wrong.toml");
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
        let next = timeout(LIMIT, socket.recv(&mut buffer));
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
    rig.gateway.off().await;
    let socket = tokio::net::UnixDatagram::bind(rig.gateway.file("notify")).unwrap();
    // As in the unit: Type=notify, WatchdogSec; a third of it is the beat.
    let mut child = rig
        .gateway
        .command()
        .env("NOTIFY_SOCKET", rig.gateway.file("notify"))
        .env("WATCHDOG_USEC", "600000")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let first = heard(&socket, "READY=1").await;
    assert!(first[0].contains("READY=1"), "{first:?}");
    // Ready means that it takes documents.
    let done = rig.insist("order-1", &sale("kkt-0", 100)).await;
    assert_eq!(done["state"], "done");
    heard(&socket, "WATCHDOG=1").await;
    heard(&socket, "WATCHDOG=1").await;
    let pid = child.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(kill.await.unwrap().success());
    heard(&socket, "STOPPING=1").await;
    let ended = timeout(LIMIT, child.wait()).await.unwrap();
    assert!(ended.unwrap().success());
}

/// A store whose printer hangs at the gateway.
async fn store(rig: &Rig) -> Shop {
    let http = World::system().unwrap().http;
    let secret = Secret::new(TECHNICIAN);
    Shop::open(Parts {
        database: rig.gateway.file("store.db"),
        policy: Policy::default(),
        printers: Arc::new(GatewayPrinters::new(
            http,
            &rig.gateway.base,
            "kkt-0",
            secret,
        )),
        address: rig.gateway.base.clone(),
        cashier: "Робот 1",
        token: TOKEN,
        menu: |_| {},
    })
    .await
}

/// Asks the store for something, once.
async fn at_store(rig: &Rig, store: &Shop, path: &str, body: Option<Value>, key: &str) -> Value {
    let method = match body {
        Some(_) => Method::POST,
        None => Method::GET,
    };
    let url = format!("{}/{path}", store.base);
    let asked = ask(&rig.http, method, &url, TOKEN, key, body.as_ref()).await;
    let (status, value) = asked.unwrap();
    assert!((200..300).contains(&status), "{path}: {value}");
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_prints_through_a_gateway_that_dies_and_so_does_the_store() {
    let mut rig = Rig::start(1, false).await;
    let mut shop = store(&rig).await;
    let mut orders = Vec::new();
    for n in 0..6_u32 {
        let wish = json!({"language": "en", "service": "here", "lines": [{"dish_id": "plov", "quantity": 1}]});
        let order = at_store(&rig, &shop, "orders", Some(wish), &format!("place-{n}")).await;
        let id = order["id"].as_str().unwrap().to_owned();
        let path = format!("orders/{id}/payments");
        let tender = Some(json!({"tender": "cash"}));
        let payment = at_store(&rig, &shop, &path, tender, &format!("pay-{n}")).await;
        let path = format!("payments/{}/confirm", payment["id"].as_str().unwrap());
        let before = rig.printers[0].snapshot().documents;
        at_store(&rig, &shop, &path, Some(json!({})), &format!("took-{n}")).await;
        orders.push(id);
        // In the middle of the receipt, or as soon as the drive has it.
        let open = n.is_multiple_of(2);
        let moment = rig.printers[0].until(|s| s.documents > before || open && s.receipt_open);
        timeout(LIMIT, moment).await.unwrap();
        if n % 3 == 2 {
            shop.daemon.kill().await;
            shop = store(&rig).await;
        } else {
            rig.fall().await;
        }
    }
    let mut keys = Vec::new();
    for id in &orders {
        let path = format!("orders/{id}");
        let look = async || {
            let order = at_store(&rig, &shop, &path, None, "look").await;
            let receipt = order["receipts"][0].clone();
            match receipt["state"] == "registered" {
                true => Ok(receipt),
                false => Err(order),
            }
        };
        let receipt = shop.until("the receipt", look).await;
        keys.push(receipt["key"].as_str().unwrap().to_owned());
    }
    let printed: Vec<String> = rig.printers[0]
        .receipts()
        .into_iter()
        .filter_map(|d| d.key)
        .collect();
    assert_eq!(printed, keys);
    shop.daemon.stop().await;
}
