//! The real program against a stub of the daemon on a Unix socket.

#![allow(dead_code, reason = "each test file uses its own part")]

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

pub const ORDER: &str = "0192f3c5-5d0e-7c1a-9d9e-3c1a0c5b7a10";
/// No command may take longer; a test that hangs fails.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What the stub was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET /api/v1/store`
    pub line: String,
    pub headers: HeaderMap,
    pub body: Value,
}

pub type Answer = fn(&str) -> Response;

#[derive(Clone)]
pub struct Desk {
    pub asked: Arc<Mutex<Vec<Asked>>>,
    pub answer: Answer,
}

/// A daemon that answers by a table.
pub struct Stub {
    pub folder: TempDir,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub async fn take(State(desk): State<Desk>, request: Request) -> Response {
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

pub fn router(answer: Answer) -> (Router, Arc<Mutex<Vec<Asked>>>) {
    let asked = Arc::default();
    let desk = Desk {
        asked: Arc::clone(&asked),
        answer,
    };
    (Router::new().fallback(take).with_state(desk), asked)
}

impl Stub {
    pub fn start(answer: Answer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let (router, asked) = router(answer);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { folder, asked }
    }

    pub async fn galley(&self, args: &[&str]) -> Ended {
        galley(&self.folder.path().join("s"), args).await
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|a| a.line).collect()
    }
}

pub async fn galley(socket: &PathBuf, args: &[&str]) -> Ended {
    galley_with(socket, args, "").await
}

/// The program with something on its standard input.
pub async fn galley_with(socket: &PathBuf, args: &[&str], input: &str) -> Ended {
    use tokio::io::AsyncWriteExt as _;
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_galley"))
        .args(args)
        .env_clear()
        .env("GALLEY_SOCKET", socket)
        .env("PATH", "/usr/bin:/bin")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that does not read is fine.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(LIMIT, child.wait_with_output())
        .await
        .expect("the command ends in time")
        .unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn ok(value: Value) -> Response {
    Json(value).into_response()
}

pub fn problem(status: u16, slug: &str, detail: &str) -> Response {
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

pub fn order() -> Value {
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
pub fn well(line: &str) -> Response {
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
        "/box" => ok(json!({
            "version": "0.1.0", "now_at": 1_763_800_100_000_i64,
            "disk": {"free_bytes": 12_000_000_000_u64, "total_bytes": 30_000_000_000_u64},
            "outbox": {"waiting": 0, "in_doubt": 0, "person": 0, "oldest_at": null},
            "bank": {"configured": true, "online": true},
            "drive": {"number": "9999078902004312", "valid_until_at": 1_795_000_000_000_i64, "unsent": 2,
                "oldest_unsent_at": 1_763_800_000_000_i64, "broken": false},
            "backup": {"enabled": true, "last_at": 1_763_790_000_000_i64},
            "printer_clock_ahead_s": 2,
        })),
        _ if path.starts_with("/log") => ok(json!({"next": 41, "events": [
            {"seq": 41, "at": 1_763_800_000_000_i64, "kind": "receipt.registered", "order_id": ORDER, "actor": "system",
                "body": {"kind": "receipt.registered", "total_minor": 45_050}},
        ]})),
        "/backups" => ok(
            json!({"enabled": true, "folder": "/var/lib/galley/backups", "every_ms": 86_400_000, "keep": 14,
            "backups": [{"file": "/var/lib/galley/backups/S001-20251122T040000Z.backup", "file_bytes": 1_200_000,
                "store_id": "S001", "at": 1_763_784_000_000_i64, "reason": "schedule", "seq": 900, "head": "00",
                "database_schema": 5, "version": "0.1.0", "bytes": 9_000_000, "key": "aa"}]}),
        ),
        "/secrets" => ok(json!({"enabled": true, "secrets": [
            {"name": "bank", "set_at": 1_763_784_000_000_i64, "sealed_with": "current", "shadowed": false},
        ]})),
        "/keys" => ok(json!({
            "keys": [{"name": "erp", "hint": "gk_7n3kq0vb", "scopes": ["stock:read"], "state": "active",
                "created_at": 1_763_784_000_000_i64, "created_by": "manager:socket", "used_at": 1_763_784_060_000_i64}],
            "scopes": [{"scope": "stock:read", "says": "Read the stock and the stop-list."}],
        })),
        "/webhooks" => ok(json!({
            "webhooks": [{"name": "erp", "url": "https://erp.example/galley", "kinds": ["order.*"], "state": "suspended",
                "created_at": 1_763_784_000_000_i64, "created_by": "manager:socket", "cursor": 90, "head": 120, "delivered": 12,
                "delivered_seq": 90, "delivered_at": 1_763_784_060_000_i64, "attempts": 31,
                "failing_since": 1_763_784_120_000_i64, "last_error": "event 93: it answered 500 Internal Server Error"}],
            "kinds": ["order.placed"],
        })),
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
