//! The command line without a daemon, or about the box it runs on: doctor, configuration, help, emulators.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod stub;

use axum::body::Bytes;
use serde_json::{Value, json};
use std::{path::PathBuf, process::Stdio};
use stub::*;

#[tokio::test]
async fn the_doctor_works_without_a_daemon_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let config = folder.path().join("galley.toml");
    std::fs::write(&config, "a = = 1\n").unwrap();
    let args = [
        "doctor",
        "--config",
        config.to_str().unwrap(),
        "--data",
        data,
    ];
    let ended = galley(&folder.path().join("none"), &args).await;
    assert_eq!(ended.code, 3, "{}", ended.err);
    for words in ["✗ config", "✓ sqlite", "✗ daemon", "systemctl start galley"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    let ended = galley(
        &folder.path().join("none"),
        &[&args[..], &["--json"]].concat(),
    )
    .await;
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    let bad = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["level"] != "ok");
    for finding in bad {
        assert_ne!(finding["advice"], "", "{finding}");
    }
}

#[tokio::test]
async fn the_doctor_looks_where_the_configuration_keeps_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("galley.toml");
    let data = folder.path().join("kept");
    std::fs::write(&config, format!("[store]\ndata = {data:?}\n")).unwrap();
    let config = config.to_str().unwrap();
    let args = ["doctor", "--config", config, "--only", "data", "--json"];
    let look = async || {
        let ended = galley(&folder.path().join("none"), &args).await;
        let json: Value = serde_json::from_str(&ended.out).unwrap();
        json["findings"][0]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(look().await, format!("{} does not exist", data.display()));
    std::fs::create_dir(&data).unwrap();
    assert_eq!(look().await, format!("{} is there", data.display()));
}

#[tokio::test]
async fn the_doctor_passes_on_what_the_daemon_knows() {
    let stub = Stub::start(|line| match line {
        "GET /api/v1/devices" => ok(json!({"devices": [
            {"id": "robot", "state": "down", "detail": "connection refused", "address": "tcp://10.0.0.9:7460"}
        ]})),
        "GET /api/v1/store" => ok(
            json!({"accepting": {"ok": false, "slug": "paused", "reason": {"en": "Sales are paused"}}}),
        ),
        "GET /api/v1/alerts" => ok(json!({"alerts": [
            {"severity": "error", "title": "A receipt was refused", "detail": "no paper", "advice": "Look.",
                "effect_id": 9, "effect_state": "refused", "order": "17"},
            {"severity": "warning", "title": "1C is slow", "detail": "", "advice": "", "effect_id": 8, "effect_state": "waiting"},
        ]})),
        other => well(other),
    });
    let ended = stub.galley(&["doctor", "--data", "/nowhere"]).await;
    assert_eq!(ended.code, 3);
    for words in [
        "the daemon is ready",
        "robot: down",
        "tcp://10.0.0.9:7460",
        "Sales are paused",
        "galley sales resume",
        "order 17: A receipt was refused",
        "galley effect settle 9 -h",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert!(!ended.out.contains("settle 8"), "{}", ended.out);
    // What is wrong stands before what is fine.
    let at = |words: &str| ended.out.find(words).unwrap();
    assert!(at("A receipt was refused") < at("the daemon is ready"));
}

#[tokio::test]
async fn a_broken_configuration_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("galley.toml");
    std::fs::write(&config, "x = 1\ny = = 2\n").unwrap();
    let none = folder.path().join("none");
    let ended = galley(&none, &["check-config", config.to_str().unwrap()]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("line 2"), "{}", ended.out);
    let ended = galley(&none, &["check-config", "/nowhere/galley.toml"]).await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.err.contains("cannot read /nowhere/galley.toml"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn the_help_is_documentation() {
    let none = PathBuf::from("/nowhere");
    let ended = galley(&none, &["-h"]).await;
    assert_eq!(ended.code, 0);
    for words in ["Examples:", "galley demo", "Exit codes:", "3  unhealthy"] {
        assert!(ended.out.contains(words), "{words}");
    }
    assert!(
        ended.out.lines().all(|l| l.chars().count() <= 80),
        "{}",
        ended.out
    );
    let ended = galley(&none, &["effect", "settle", "-h"]).await;
    assert!(ended.out.contains("does it twice"), "{}", ended.out);
}

#[cfg(feature = "emulators")]
#[tokio::test]
async fn an_emulator_tells_its_address_and_serves_there() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_galley"))
        .args([
            "emulate",
            "sms",
            "--listen",
            "127.0.0.1:0",
            "--fault",
            "mode=no_money",
        ])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(LIMIT, lines.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let base = line.strip_prefix("sms: ").unwrap();
    use galley::world::{Http as _, ReqwestHttp};
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let request = http::Request::post(format!("{base}sms/send"))
        .body(Bytes::from_static(
            b"api_id=galley&to=79001234567&msg=x&json=1",
        ))
        .unwrap();
    let answer = ReqwestHttp::new()
        .unwrap()
        .send(request, LIMIT)
        .await
        .unwrap();
    let json: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        json["status_code"], 201,
        "the fault that was asked for: no money"
    );
    child.kill().await.unwrap();
}

#[cfg(feature = "emulators")]
#[tokio::test]
async fn a_fault_that_an_emulator_does_not_know_is_a_wrong_command_line() {
    let none = PathBuf::from("/nowhere");
    for args in [
        [
            "emulate",
            "sms",
            "--listen",
            "127.0.0.1:0",
            "--fault",
            "mode=nonsense",
        ],
        [
            "emulate",
            "one-c",
            "--listen",
            "127.0.0.1:0",
            "--fault",
            "act=post,fault=no",
        ],
        [
            "emulate",
            "atol",
            "--listen",
            "127.0.0.1:0",
            "--fault",
            "fault=no",
        ],
        [
            "emulate",
            "robot",
            "--listen",
            "127.0.0.1:0",
            "--fault",
            "fault=no",
        ],
    ] {
        let ended = galley(&none, &args).await;
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.err);
    }
}

#[tokio::test]
async fn the_doctor_asks_no_installation_of_a_demonstration() {
    let stub = Stub::start(well);
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o660);
    std::fs::set_permissions(stub.folder.path().join("s"), owner_only).unwrap();
    let ended = stub.galley(&["doctor"]).await;
    assert_eq!(ended.code, 0, "{}", ended.out);
    assert!(!ended.out.contains("/etc/galley"), "{}", ended.out);
    assert!(ended.out.contains("not this box's"), "{}", ended.out);
}

#[tokio::test]
async fn a_box_without_certificates_of_authorities_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/menu.toml");
    let config = format!(
        r#"[store]
id = "S1"
name = {{ ru = "Кафе", uz = "Kafe", en = "Café" }}
zone = "Europe/Moscow"
data = "{}"
listen = "127.0.0.1:0"
socket = "{}"
[catalog]
file = "{catalog}"
"#,
        path("data"),
        path("galley.sock")
    );
    std::fs::write(path("galley.toml"), config).unwrap();
    let notify = tokio::net::UnixDatagram::bind(path("notify")).unwrap();
    let mut run = tokio::process::Command::new(env!("CARGO_BIN_EXE_galley"))
        .args(["run", "--config", &path("galley.toml")])
        .env("NOTIFY_SOCKET", path("notify"))
        .env("SSL_CERT_FILE", path("none.pem"))
        .env("SSL_CERT_DIR", path("none"))
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut told = [0; 512];
    let ready = async {
        loop {
            let n = notify.recv(&mut told).await.unwrap();
            if String::from_utf8_lossy(&told[..n]).contains("READY=1") {
                return;
            }
        }
    };
    let first = async {
        tokio::select! { biased;
            () = ready => {}
            ended = run.wait() => panic!("it ended with {ended:?}"),
        }
    };
    let limit = std::time::Duration::from_secs(60);
    let ready = tokio::time::timeout(limit, first).await;
    ready.expect("ready in a minute");

    // The same again beside it, by whatever door: it ends before it opens anything.
    let config = std::fs::read_to_string(path("galley.toml")).unwrap();
    std::fs::write(
        path("other.toml"),
        config.replace("galley.sock", "other.sock"),
    )
    .unwrap();
    let socket = PathBuf::from(path("galley.sock"));
    for file in ["galley.toml", "other.toml"] {
        let ended = galley(&socket, &["run", "--config", &path(file)]).await;
        assert_eq!(ended.code, 1, "{}", ended.err);
        let told = format!("another galley works with {}", path("data"));
        assert!(ended.err.contains(&told), "{}", ended.err);
    }
    let demo = ["demo", "--port", "0", "--data", &path("data")];
    let ended = galley(&socket, &demo).await;
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("another galley works"), "{}", ended.err);
    let ended = galley(&socket, &["stock", "receive", "rice", "1kg"]).await;
    assert_eq!(ended.code, 0, "the first still writes: {}", ended.err);
}
