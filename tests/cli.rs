//! The command line as a technician or a script meets it: the real program against a stub of the daemon on a Unix
//! socket.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::net::UnixListener;

const ORDER: &str = "0192f3c5-5d0e-7c1a-9d9e-3c1a0c5b7a10";
/// No command may take longer; a test that hangs fails.
const LIMIT: Duration = Duration::from_secs(60);

/// What the stub was asked.
#[derive(Clone, Debug)]
struct Asked {
    /// `GET /api/v1/store`
    line: String,
    headers: HeaderMap,
    body: Value,
}

type Answer = fn(&str) -> Response;

#[derive(Clone)]
struct Desk {
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Answer,
}

/// A daemon that answers by a table.
struct Stub {
    folder: TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// How a command ended.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

async fn take(State(desk): State<Desk>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = body.collect().await.unwrap().to_bytes();
    let line = format!("{} {}", parts.method, parts.uri);
    desk.asked.lock().unwrap().push(Asked {
        line: line.clone(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    });
    (desk.answer)(&line)
}

fn router(answer: Answer) -> (Router, Arc<Mutex<Vec<Asked>>>) {
    let asked = Arc::default();
    let desk = Desk {
        asked: Arc::clone(&asked),
        answer,
    };
    (Router::new().fallback(take).with_state(desk), asked)
}

impl Stub {
    fn start(answer: Answer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let (router, asked) = router(answer);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { folder, asked }
    }

    async fn galley(&self, args: &[&str]) -> Ended {
        galley(&self.folder.path().join("s"), args).await
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|a| a.line).collect()
    }
}

async fn galley(socket: &PathBuf, args: &[&str]) -> Ended {
    let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_galley"))
        .args(args)
        .env_clear()
        .env("GALLEY_SOCKET", socket)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT, run)
        .await
        .expect("the command ends in time")
        .unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn ok(value: Value) -> Response {
    Json(value).into_response()
}

fn problem(status: u16, slug: &str, detail: &str) -> Response {
    let body = json!({
        "type": format!("https://galley.invalid/problems/{slug}"),
        "slug": slug, "title": "Refused", "status": status, "detail": detail,
        "errors": [{"field": "amount_minor", "message": "is more than was paid"}],
    });
    (
        StatusCode::from_u16(status).unwrap(),
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

fn order() -> Value {
    json!({
        "id": ORDER, "number": "A17", "state": "cooking", "total_minor": 45_050,
        "due_minor": 0, "placed_at": 1_763_800_000_000_i64, "promised_at": null,
        "lines": [{"quantity": 2, "name": {"ru": "Суп", "uz": "Sho‘rva", "en": "Soup"}}],
        "payments": [{"tender": "sbp_qr", "state": "captured", "amount_minor": 45_050,
            "refunded_minor": 0}],
        "receipts": [{"kind": "sale", "state": "registered", "total_minor": 45_050,
            "document_number": 41, "fiscal_sign": "1234567890"}],
        "dishes": [{"state": "plated", "slot": "slot-1", "name": {"en": "Soup"}}],
        "refunds": [],
    })
}

/// A store in which all is well.
fn well(line: &str) -> Response {
    let path = line.split_once(" /api/v1").map_or(line, |(_, path)| path);
    match path {
        "/store" => ok(json!({
            "store_id": "S001", "name": {"en": "Robot cafe"}, "uplink": "online",
            "accepting": {"ok": true},
            "tenders": [{"tender": "sbp_qr", "available": true}, {"tender": "cash", "available": false}],
        })),
        "/shift" => ok(
            json!({"state": "open", "number": 7, "receipts": 3, "sales_minor": 120_000, "returns_minor": 0, "opened_at": 1_763_800_000_000_i64}),
        ),
        "/devices" => ok(
            json!({"devices": [{"id": "printer", "state": "up", "detail": "ATOL 91F", "since_at": 1_763_800_000_000_i64}]}),
        ),
        "/sync" => ok(json!({"uplink": "online", "readers": [
            {"name": "hq", "cursor": 90, "head": 100, "backlog": 10, "oldest_age_ms": 4000},
        ]})),
        "/alerts" => ok(json!({"alerts": []})),
        "/stock" => ok(json!({"ingredients": [
            {"id": "rice", "name": {"en": "Rice"}, "unit": "mg", "on_hand": 25_000_000, "reserved": 300_000, "available": 24_700_000, "low": false},
        ]})),
        "/robot/jobs" => ok(json!({"jobs": [
            {"job_id": "j-1", "state": "cooking", "progress_pm": 505, "order_ref": "A17", "recipe": {"id": "soup"}},
        ]})),
        "/reconcile" => {
            ok(json!({"totals": {"orders": 3, "captured_minor": 120_000}, "differences": []}))
        }
        _ if line == "GET /ready" => ok(json!({"status": "ready"})),
        _ if path.starts_with("/orders?") => ok(json!({"orders": [order()]})),
        _ if line.starts_with("GET") && path.ends_with(ORDER) => ok(order()),
        _ if path.ends_with("/timeline") => ok(json!({
            "events": [{"seq": 2, "at": 1_763_800_009_000_i64, "actor": "system", "body": {"kind": "order.paid"}}],
            "effects": [{"kind": "bank.register", "attempts": [
                {"at": 1_763_800_000_000_i64, "verb": "perform", "outcome": "unknown", "note": "time-out"},
            ]}],
        })),
        _ if path.ends_with("/refunds") => {
            let refund = json!({"id": "r-1", "amount_minor": 12_050, "state": "pending"});
            ok(json!({"refunds": ["r-1"], "order": {"refunds": [refund]}}))
        }
        _ if line.starts_with("POST") => ok(json!({})),
        _ => problem(404, "not_found", "there is no such thing"),
    }
}

#[tokio::test]
async fn a_healthy_store_is_told_in_eighty_columns() {
    let stub = Stub::start(well);
    let ended = stub.galley(&["status"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{}", ended.out);
    for words in [
        "S001 Robot cafe",
        "accepted",
        "cash (off)",
        "10 events wait",
        "ATOL 91F",
        "no alerts",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert!(ended.out.lines().all(|l| l.chars().count() <= 80));
}

#[tokio::test]
async fn a_store_that_takes_no_orders_ends_with_5_and_its_reason() {
    let stub = Stub::start(|line| match line {
        "GET /api/v1/store" => ok(json!({
            "accepting": {"ok": false, "reason": {"en": "The printer is away"}}
        })),
        other => well(other),
    });
    let ended = stub.galley(&["status"]).await;
    assert_eq!(ended.code, 5);
    assert!(
        ended.out.contains("REFUSED: The printer is away"),
        "{}",
        ended.out
    );
    let ended = stub.galley(&["status", "--json"]).await;
    assert_eq!(ended.code, 5);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["store"]["accepting"]["ok"], false);
}

#[tokio::test]
async fn an_order_is_found_by_its_number() {
    let stub = Stub::start(well);
    let ended = stub.galley(&["order", "show", "a17"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    for words in [
        "450.50",
        "sbp_qr",
        "captured",
        "1234567890",
        "plated",
        "Soup",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert_eq!(
        stub.lines(),
        [
            "GET /api/v1/orders?limit=200".to_owned(),
            format!("GET /api/v1/orders/{ORDER}")
        ]
    );
    let ended = stub.galley(&["order", "show", "B99"]).await;
    assert_eq!(ended.code, 4, "{}", ended.err);
}

#[tokio::test]
async fn the_log_of_an_order_puts_events_and_attempts_in_the_order_of_time() {
    let stub = Stub::start(well);
    let ended = stub.galley(&["order", "log", ORDER]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let lines: Vec<&str> = ended.out.lines().skip(1).collect();
    assert!(
        lines[0].contains("perform bank.register  unknown  time-out"),
        "{}",
        ended.out
    );
    assert!(lines[1].contains("order.paid"), "{}", ended.out);
}

#[tokio::test]
async fn a_list_of_orders_is_a_table() {
    let stub = Stub::start(well);
    let ended = stub
        .galley(&["order", "list", "--state", "cooking", "--limit", "5"])
        .await;
    assert_eq!(
        ended.out,
        "NUMBER  STATE     TOTAL  PLACED               DISHES\n\
         A17     cooking  450.50  2025-11-22 08:26:40  2× Soup\n"
    );
    assert_eq!(stub.lines(), ["GET /api/v1/orders?state=cooking&limit=5"]);
}

#[tokio::test]
async fn a_refund_carries_exact_money_a_reason_and_a_key_of_its_own() {
    let stub = Stub::start(well);
    let args = [
        "order", "refund", ORDER, "--amount", "120.50", "--reason", "cold",
    ];
    let ended = stub.galley(&args).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.out.contains("refund r-1: 120.50; it is on its way"),
        "{}",
        ended.out
    );
    stub.galley(&args).await;
    let asked = stub.asked();
    assert_eq!(
        asked[0].body,
        json!({"amount_minor": 12_050, "reason": "cold"})
    );
    let key = |a: &Asked| a.headers["idempotency-key"].to_str().unwrap().to_owned();
    assert!(key(&asked[0]).parse::<uuid::Uuid>().is_ok());
    assert_ne!(
        key(&asked[0]),
        key(&asked[1]),
        "each invocation is an act of its own"
    );
    assert!(!asked[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_refusal_ends_with_1_in_the_daemons_words() {
    let stub = Stub::start(|_| problem(409, "refund_too_large", "only 450.00 can go back"));
    let args = ["order", "refund", ORDER, "--reason", "cold"];
    let ended = stub.galley(&args).await;
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert_eq!(
        ended.err,
        "galley: only 450.00 can go back [refund_too_large]\n  \
         amount_minor: is more than was paid\n"
    );
    let ended = stub.galley(&[&args[..], &["--json"]].concat()).await;
    let json: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!((ended.code, &json["slug"]), (1, &json!("refund_too_large")));
}

#[tokio::test]
async fn no_daemon_ends_with_3_and_advice() {
    let folder = tempfile::tempdir().unwrap();
    let ended = galley(&folder.path().join("none"), &["shift", "show"]).await;
    assert_eq!(ended.code, 3);
    assert!(
        ended.err.contains("systemctl status galley"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn a_lost_answer_ends_with_6_and_the_key_to_repeat_it_by() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    // Takes the request and goes away.
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        drop(stream);
    });
    let ended = galley(&socket, &["shift", "close"]).await;
    assert_eq!(ended.code, 6, "{}", ended.err);
    let key = ended.err.split("--key ").nth(1).unwrap();
    let key = key.split_whitespace().next().unwrap();

    let stub = Stub::start(well);
    let ended = stub.galley(&["shift", "close", "--key", key]).await;
    assert_eq!(ended.code, 0);
    assert_eq!(stub.asked()[0].headers["idempotency-key"], key);
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_asks_nothing() {
    let stub = Stub::start(well);
    for args in [
        &["order", "refund", ORDER][..],
        &[
            "order", "refund", ORDER, "--reason", "x", "--amount", "12,345",
        ],
        &["stock", "receive", "rice", "1l"],
        &["effect", "settle", "1", "--reason", "x"],
        &[
            "effect",
            "settle",
            "1",
            "--done",
            "{}",
            "--not-done",
            "--reason",
            "x",
        ],
        &["effect", "settle", "1", "--done", "{", "--reason", "x"],
        &["status", "--store", "http://box"],
        &["nonsense"],
    ] {
        assert_eq!(stub.galley(args).await.code, 2, "{args:?}");
    }
    let acts = stub
        .lines()
        .iter()
        .filter(|l| l.starts_with("POST"))
        .count();
    assert_eq!(acts, 0);
}

#[tokio::test]
async fn every_act_reaches_its_own_door() {
    let stub = Stub::start(well);
    for (args, line, body) in [
        (&["shift", "open"][..], "/shift/open", json!({})),
        (&["shift", "close"], "/shift/close", json!({})),
        (&["shift", "x"], "/shift/x-report", json!({})),
        (&["robot", "pause"], "/robot/pause", json!({})),
        (&["robot", "resume"], "/robot/resume", json!({})),
        (
            &["robot", "job", "ready", "j 1"],
            "/robot/jobs/j%201/ready",
            json!({}),
        ),
        (
            &[
                "stock",
                "receive",
                "rice",
                "2.5kg",
                "--lot",
                "L1",
                "--expires",
                "2027-03-01",
            ],
            "/stock/receive",
            json!({"ingredient_id": "rice", "quantity": 2_500_000, "lot": "L1", "expires_at": 1_803_945_600_000_i64}),
        ),
        (
            &["stock", "count", "rice", "11kg", "--reason", "counted"],
            "/stock/count",
            json!({"ingredient_id": "rice", "counted": 11_000_000, "reason": "counted"}),
        ),
        (
            &[
                "effect",
                "settle",
                "4711",
                "--done",
                "{\"a\":1}",
                "--reason",
                "seen",
            ],
            "/effects/4711/settle",
            json!({"outcome": "done", "result": {"a": 1}, "reason": "seen"}),
        ),
        (
            &["effect", "settle", "4711", "--not-done", "--reason", "seen"],
            "/effects/4711/settle",
            json!({"outcome": "not_done", "reason": "seen"}),
        ),
    ] {
        let ended = stub.galley(args).await;
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.err);
        let asked = stub.asked().pop().unwrap();
        assert_eq!(asked.line, format!("POST /api/v1{line}"));
        assert_eq!(asked.body, body, "{args:?}");
    }
}

#[tokio::test]
async fn every_look_is_told_or_given_as_it_came() {
    let stub = Stub::start(well);
    for (args, words) in [
        (&["shift", "show"][..], "1200.00"),
        (&["robot", "jobs"], "50%  A17    soup"),
        (&["stock", "list"], "24700"),
        (&["sync", "status"], "4 s"),
        (&["alert", "list"], "no alerts"),
        (&["reconcile"], "no differences"),
    ] {
        let ended = stub.galley(args).await;
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.err);
        assert!(ended.out.contains(words), "{args:?}: {}", ended.out);
        let ended = stub.galley(&[args, &["--json"]].concat()).await;
        assert!(
            serde_json::from_str::<Value>(&ended.out).is_ok(),
            "{args:?}"
        );
    }
}

#[tokio::test]
async fn differences_in_the_books_end_with_5() {
    let stub = Stub::start(|_| {
        ok(json!({"totals": {"orders": 1}, "differences": [
            {"subject": "A17", "what": "paid, but no receipt", "left": 45_050, "right": 0},
        ]}))
    });
    let ended = stub.galley(&["reconcile", "--day", "2026-11-22"]).await;
    assert_eq!(ended.code, 5);
    assert!(ended.out.contains("paid, but no receipt"), "{}", ended.out);
    assert_eq!(stub.lines(), ["GET /api/v1/reconcile?day=2026-11-22"]);
}

#[tokio::test]
async fn alerts_say_what_a_person_can_do() {
    let stub = Stub::start(|_| {
        ok(json!({"alerts": [
            {"id": "effect:receipt:x", "effect_id": 4711, "severity": "error", "title": "A receipt is in doubt",
             "detail": "The printer does not answer.", "advice": "Check its power.", "since_at": 1},
            {"id": "1", "severity": "warning", "title": "over", "since_at": 1, "cleared_at": 2},
        ]}))
    });
    let ended = stub.galley(&["alert", "list"]).await;
    for words in [
        "ERROR  A receipt is in doubt",
        "effect 4711",
        "Check its power.",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert!(!ended.out.contains("over"));
}

#[tokio::test]
async fn a_store_from_afar_gets_the_token_and_nobody_else_sees_it() {
    let (router, asked) = router(well);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let none = PathBuf::from("/nowhere");
    let ended = galley(
        &none,
        &["shift", "show", "--store", &url, "--token", "s3cret"],
    )
    .await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let seen = asked.lock().unwrap()[0].clone();
    assert_eq!(seen.headers["authorization"], "Bearer s3cret");
    assert!(!ended.out.contains("s3cret") && !ended.err.contains("s3cret"));
}

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
    assert_eq!(ended.code, 5, "{}", ended.err);
    for words in [
        "ERROR    config",
        "ok       sqlite",
        "ERROR    daemon",
        "systemctl start galley",
    ] {
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
async fn the_doctor_passes_on_what_the_daemon_knows() {
    let stub = Stub::start(|line| match line {
        "GET /api/v1/devices" => ok(json!({"devices": [
            {"id": "robot", "state": "down", "detail": "connection refused", "address": "tcp://10.0.0.9:7460"}
        ]})),
        other => well(other),
    });
    let ended = stub.galley(&["doctor", "--data", "/nowhere"]).await;
    assert_eq!(ended.code, 5);
    for words in ["the daemon is ready", "robot: down", "tcp://10.0.0.9:7460"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
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
    for words in ["Examples:", "galley demo", "Exit codes:", "5  unhealthy"] {
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
