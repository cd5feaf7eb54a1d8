//! A box takes a store's place at headquarters, is lost, and another takes its place: real processes, real files.

#![cfg(feature = "hq")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

#[path = "common/mosquitto.rs"]
mod mosquitto;

use mosquitto::Mosquitto;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::{Instant, timeout},
};

const GALLEY: &str = env!("CARGO_BIN_EXE_galley");
const LIMIT: Duration = Duration::from_secs(60);

/// A process that tells what it does on its standard error.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Program {
    /// Starts it, and waits until it says so.
    async fn start(args: &[&str], says: &str) -> Self {
        let mut child = Command::new(GALLEY)
            .args(args)
            .env("GALLEY_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut program = Self { child, lines };
        program.says(says).await;
        program
    }

    /// Waits for a line that has these words.
    async fn says(&mut self, words: &str) {
        let mut seen = Vec::new();
        let found = timeout(LIMIT, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if line.contains(words) {
                    return true;
                }
                seen.push(line);
            }
            false
        });
        assert!(matches!(found.await, Ok(true)), "{words}: {seen:#?}");
    }

    /// It ends by itself, as after a stop.
    async fn ends(mut self) {
        let ended = timeout(LIMIT, self.child.wait()).await.unwrap();
        assert!(ended.unwrap().success());
    }

    /// The power goes.
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// One command, which prints JSON.
async fn ask(args: &[&str]) -> Value {
    let run = Command::new(GALLEY)
        .args(args)
        .stdin(Stdio::null())
        .output();
    let output = timeout(LIMIT, run).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {told}");
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

struct Place {
    folder: tempfile::TempDir,
    hq_data: String,
    url: String,
    port: u16,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        Self {
            hq_data: folder.path().join("hq").display().to_string(),
            url: format!("http://127.0.0.1:{port}"),
            port,
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A box: its configuration, with a data folder of its own.
    fn config(&self, name: &str) -> String {
        let data = self.path(name);
        std::fs::create_dir_all(&data).unwrap();
        let menu = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/menu.toml");
        let text = format!(
            "[store]\nid = 'S001'\nzone = 'Europe/Moscow'\nname = {{ ru = 'К', uz = 'K', en = 'C' }}\n\
             data = '{}'\nlisten = '127.0.0.1:{}'\nsocket = '{}'\n[catalog]\nfile = '{}'\n[sync]\nheartbeat = '1s'\n",
            data.display(),
            free_port(),
            data.join("socket").display(),
            menu.display(),
        );
        let file = self.path(&format!("{name}.toml"));
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    async fn headquarters(&self, broker: Option<&Mosquitto>) -> Program {
        let listen = format!("127.0.0.1:{}", self.port);
        let mut args = vec!["hq", "--listen", &listen, "--data", &self.hq_data];
        let broker = broker.map(Mosquitto::url);
        if let Some(url) = &broker {
            args.extend(["--broker", url, "--stores-broker", url]);
        }
        Program::start(&args, "headquarters is open").await
    }

    async fn code(&self) -> String {
        let code = ask(&["hq", "enrol", "S001", "--json", "--data", &self.hq_data]).await;
        code["code"].as_str().unwrap().to_owned()
    }

    async fn enrol(&self, config: &str) -> Value {
        let code = self.code().await;
        ask(&[
            "enrol", "--hq", &self.url, "--code", &code, "--config", config, "--yes", "--json",
        ])
        .await
    }

    /// How a box's uplink is once headquarters has all that the box has.
    async fn drained(&self, name: &str) -> Value {
        let socket = self.path(name).join("socket").display().to_string();
        let until = Instant::now() + LIMIT;
        loop {
            let status = ask(&["sync", "status", "--json", "--socket", &socket]).await;
            if status["readers"][0]["backlog"] == 0 {
                return status;
            }
            assert!(Instant::now() < until, "{status}");
        }
    }

    /// Numbers that a box leaves free today, where it leaves some.
    fn numbers_free(&self, name: &str) -> Option<u32> {
        let db = rusqlite::Connection::open(self.path(name).join("galley.db")).unwrap();
        let sql = "SELECT max(value) FROM counters WHERE name LIKE 'number:%'";
        db.query_row(sql, [], |r| r.get(0)).unwrap()
    }

    async fn tell(&self, command: &str) {
        let told = ask(&[
            "hq",
            "tell",
            "S001",
            command,
            "--json",
            "--data",
            &self.hq_data,
        ])
        .await;
        assert_eq!(told["commands"][0]["state"], "waiting");
    }
}

/// The address of a fleet whose one store says that it has so many events: at first, and whenever it is asked again.
async fn heads(first: u64, later: u64) -> String {
    let asked = Arc::new(AtomicBool::new(false));
    let answer = move || {
        let head = if asked.swap(true, Ordering::Relaxed) {
            later
        } else {
            first
        };
        let none = "0".repeat(64);
        let said = json!([{"store_id": "S001", "head": head, "acknowledged": 0, "hash": none}]);
        async move { axum::Json(said) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/heads", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_box_is_enrolled_lost_and_replaced() {
    lost_and_replaced(None).await;
}

#[tokio::test]
async fn a_box_is_enrolled_lost_and_replaced_with_a_broker_in_between() {
    let Some(broker) = Mosquitto::start(&[]).await else {
        return;
    };
    lost_and_replaced(Some(&broker)).await;
}

async fn lost_and_replaced(broker: Option<&Mosquitto>) {
    let place = Place::new();
    let _headquarters = place.headquarters(broker).await;
    let route = broker.map_or("http", |_| "mqtt");
    let first = place.config("first");
    let enrolled = place.enrol(&first).await;
    assert_eq!(enrolled["generation"], 1);
    assert_eq!(enrolled["made_anew"], false);
    let run = ["run", "--config", first.as_str()];
    let mut store = Program::start(&run, "the store is open").await;
    place.tell(r#"{"do": "stop_sales", "why": "recall"}"#).await;
    store.says("a message of headquarters is done").await;
    assert_eq!(place.drained("first").await["route"], route);
    // A poke, and the answer is up: what the log has is acknowledged.
    place.tell("reload").await;
    store.says("the daemon starts anew").await;
    store.ends().await;
    let mut store = Program::start(&run, "the store is open").await;
    place
        .tell(r#"{"do": "resume_sales", "why": "all clear"}"#)
        .await;
    store.says("a message of headquarters is done").await;
    place.drained("first").await;
    store.kill().await;
    // A fleet that says less than headquarters has, and goes on while it is compared; and one that stands.
    for (later, code) in [(1_000_000, 0), (1, 3)] {
        let fleet = heads(1, later).await;
        let walked = Command::new(GALLEY)
            .args(["hq", "verify", "--data", &place.hq_data, "--fleet", &fleet])
            .output()
            .await
            .unwrap();
        let told = String::from_utf8_lossy(&walked.stdout).into_owned();
        assert_eq!(walked.status.code(), Some(code), "{told}");
        assert_eq!(told.contains("1 in the store"), code == 3, "{told}");
    }

    // It takes its place anew: another may have had it meanwhile, and given out numbers that guests still wait with.
    assert_eq!(place.numbers_free("first"), None);
    let enrolled = place.enrol(&first).await;
    assert_eq!(enrolled["generation"], 2);
    assert_eq!(enrolled["made_anew"], false);
    assert_eq!(place.numbers_free("first"), Some(100));

    // The box is gone with all that it had.
    std::fs::remove_dir_all(place.path("first")).unwrap();
    let second = place.config("second");
    let enrolled = place.enrol(&second).await;
    assert_eq!(enrolled["generation"], 3);
    assert_eq!(enrolled["made_anew"], true);
    assert!(enrolled["events"].as_u64().unwrap() > 3, "{enrolled}");
    assert_eq!(place.numbers_free("second"), Some(100));
    let run = ["run", "--config", second.as_str()];
    let mut store = Program::start(&run, "the store is open").await;
    place
        .tell(r#"{"do": "stop_sales", "why": "recall again"}"#)
        .await;
    store.says("a message of headquarters is done").await;
    // A second daemon, or one that is not stopped, is not given a place.
    let code = place.code().await;
    let refused = Command::new(GALLEY)
        .args(["enrol", "--hq", &place.url, "--code", &code])
        .args(["--config", &second, "--yes"])
        .output()
        .await
        .unwrap();
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("stop it first"),
        "{why}"
    );
    store.kill().await;
}

#[tokio::test]
async fn the_first_admin_is_let_in_before_the_first_start_and_no_key_is_made_for_that() {
    use tokio::io::AsyncWriteExt as _;
    let place = Place::new();
    let mut add = Command::new(GALLEY)
        .args(["hq", "user", "add", "anna", "--data", &place.hq_data])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = add.stdin.take().unwrap();
    stdin.write_all(b"seven seas and a spoon\n").await.unwrap();
    drop(stdin);
    assert!(timeout(LIMIT, add.wait()).await.unwrap().unwrap().success());
    assert!(!Path::new(&place.hq_data).join("hq.key").exists());
    // The key of the first start is another one, and nothing was sealed before.
    std::fs::write(place.path("seal"), "k".repeat(32)).unwrap();
    let listen = format!("127.0.0.1:{}", place.port);
    let folder = place.folder.path().display().to_string();
    let args = [
        "hq",
        "--listen",
        &listen,
        "--data",
        &place.hq_data,
        "--credentials",
        &folder,
        "--key-credential",
        "seal",
    ];
    Program::start(&args, "headquarters is open")
        .await
        .kill()
        .await;
}
