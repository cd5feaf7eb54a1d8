//! The daemon is killed at one of its system calls, by strace, while orders come in; then it starts again.

use super::{
    books::acknowledged_are_there,
    guests::Told,
    program::Program,
    rig::{GALLEY, KIOSK, Part, Rig, STAFF, Wires},
};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

pub const STRACE: &str = "/usr/bin/strace";
/// Orders of one run.
const ORDERS: usize = 4;
/// System calls by which the daemon changes anything outside of its memory.
pub const CALLS: [&str; 8] = [
    "pwrite64",
    "fdatasync",
    "fsync",
    "ftruncate",
    "unlink",
    "sendto",
    "writev",
    "write",
];

/// What came of one kill.
pub struct Point {
    /// The daemon lived to the end: there is no such call any more.
    pub survived: bool,
    pub violations: Vec<String>,
    pub ready: Duration,
}

/// Kills the daemon at the `nth` call of this name (of any of its threads), and lets it start again.
pub async fn kill_at(call: &str, nth: u32) -> Point {
    let mut rig = Rig::new(Wires {
        pty: false,
        straight: false,
    });
    alone(&rig);
    let mut traced = under_strace(&rig, call, &format!("signal=KILL:when={nth}"));
    let mut told = Told::default();
    let (survived, open) = orders(&rig, &mut traced, &mut told).await;
    traced.kill_below().await;
    let mut point = Point {
        survived,
        violations: Vec::new(),
        ready: Duration::ZERO,
    };
    rig.program(Part::Store).start();
    if let Err(why) = again(&rig, open, &mut told, &mut point).await {
        point.violations.push(why);
    }
    rig.program(Part::Store).kill().await;
    let checked = Connection::open(rig.path("data/galley.db")).and_then(|db| {
        let orders: usize = db.query_row("SELECT count(*) FROM orders", [], |r| r.get(0))?;
        if orders != ORDERS {
            point
                .violations
                .push(format!("{orders} orders of {ORDERS}"));
        }
        acknowledged_are_there(&db, &told, &mut point.violations)
    });
    if let Err(e) = checked {
        point.violations.push(e.to_string());
    }
    for what in &mut point.violations {
        *what = format!("{call} {nth}: {what}");
    }
    point
}

/// Starts the rig's daemon under strace, which tampers with these calls; what it saw of them is in `trace`.
pub fn under_strace(rig: &Rig, calls: &str, how: &str) -> Program {
    let mut traced = strace(rig, calls, how);
    traced.start();
    traced
}

/// As [`under_strace`], not started yet.
pub fn strace(rig: &Rig, calls: &str, how: &str) -> Program {
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{how}"));
    let (log, config) = (rig.path("trace"), rig.path("galley.toml"));
    let (log, config) = (log.display().to_string(), config.display().to_string());
    let words = [
        STRACE, "-f", "-qq", "-o", &log, "-e", &trace, "-e", &inject, GALLEY, "run", "--config",
        &config,
    ];
    Program::new(words.map(str::to_owned), rig.path("traced.out"))
}

/// A store without devices and services: only its own writes count here.
pub fn alone(rig: &Rig) {
    let file = rig.path("galley.toml");
    let mut config: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    for section in ["printer", "robot", "connectors", "sync"] {
        config.remove(section);
    }
    std::fs::write(file, config.to_string()).unwrap();
}

/// The day's requests: goods come in, then guests order. Path, token and body of the `n`th.
fn request(n: usize) -> (&'static str, &'static str, Value) {
    match n {
        0 => {
            let body = json!({"ingredient_id": "berries", "quantity": 1_000_000});
            ("stock/receive", STAFF, body)
        }
        _ => {
            let lines = json!([{"dish_id": "mors", "quantity": 1}]);
            let body = json!({"language": "en", "service": "here", "lines": lines});
            ("orders", KIOSK, body)
        }
    }
}

/// Keeps what the store has acknowledged.
fn keep(told: &mut Told, n: usize, answer: &Value) {
    if n > 0 {
        let id = answer["id"].as_str().unwrap_or_default().to_owned();
        told.acknowledged.insert(id, format!("request-{n}"));
    }
}

/// Orders until the daemon dies; answers with whether it lived, and the number of the request without an answer.
async fn orders(rig: &Rig, traced: &mut Program, told: &mut Told) -> (bool, usize) {
    let door = rig.door();
    let mut n = 0;
    while n <= ORDERS {
        let (path, token, body) = request(n);
        let url = format!("{}/api/v1/{path}", rig.origin);
        let key = format!("request-{n}");
        match door
            .send(Method::POST, &url, token, Some(&key), Some(&body))
            .await
        {
            Some((200 | 201, answer)) => {
                keep(told, n, &answer);
                n += 1;
            }
            Some((status, problem)) => {
                told.violations
                    .push(format!("request {n} got {status}: {problem}"));
                return (false, n);
            }
            None if traced.has_ended().is_some() => return (false, n),
            // It has not opened its door yet, or is about to be reaped.
            None => tokio::time::sleep(Duration::from_millis(3)).await,
        }
    }
    (traced.has_ended().is_none(), n)
}

/// The daemon starts again; whoever got no answer repeats.
async fn again(rig: &Rig, open: usize, told: &mut Told, point: &mut Point) -> Result<(), String> {
    point.ready = rig.ready().await?;
    point.violations.append(&mut told.violations);
    let door = rig.door();
    for n in open..=ORDERS {
        let (path, token, body) = request(n);
        let key = format!("request-{n}");
        let (status, answer) = door.post(path, token, &key, &body).await?;
        if !matches!(status, 200 | 201) {
            return Err(format!("request {n} got {status}: {answer}"));
        }
        keep(told, n, &answer);
    }
    for (id, key) in &told.acknowledged {
        let (path, token, body) = request(1);
        let (_, order) = door.post(path, token, key, &body).await?;
        if order["id"] != id.as_str() {
            return Err(format!(
                "order {id} was acknowledged, its repetition gives {order}"
            ));
        }
    }
    Ok(())
}

/// Whether this machine can do it; says so when not.
pub fn possible() -> bool {
    super::rig::has(STRACE, "strace") && Path::new("/proc/self/task").exists()
}
