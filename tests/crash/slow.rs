//! A disk that takes its time: every flush a fifth of a second, or one of them half a minute.

use super::{
    disk,
    manager::Manager,
    program::Program,
    rig::{Door, KIOSK, LIMIT, Rig, STAFF},
    writes::{alone, strace},
};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};

/// What a slow disk made of the store.
#[derive(Debug, Default, Serialize)]
pub struct Slow {
    pub orders: usize,
    pub flushes: usize,
    pub orders_a_second: f64,
    pub flushes_a_second: f64,
    /// Answers to a kiosk: orders, the menu, the store.
    pub p99_ms: u128,
    pub worst_ms: u128,
    /// The longest time without a sign of life, and how long it may be.
    pub watchdog_silence_ms: u128,
    pub watchdog_limit_ms: u128,
}

/// A store under strace, heard by a manager.
struct Traced {
    rig: Rig,
    program: Program,
    manager: Manager,
    limit: Duration,
}

impl Traced {
    async fn start(how: &str, limit: Duration) -> Self {
        let rig = disk::rig();
        alone(&rig);
        let socket = rig.path("notify");
        let manager = Manager::listen(&socket);
        let mut program = strace(&rig, "fsync,fdatasync", how);
        program.env.extend(Manager::env(&socket, limit));
        program.start();
        rig.ready().await.unwrap();
        let goods = json!({"ingredient_id": "berries", "quantity": 100_000_000_000_i64});
        let door = rig.door();
        door.post("stock/receive", STAFF, "goods", &goods)
            .await
            .unwrap();
        Self {
            rig,
            program,
            manager,
            limit,
        }
    }

    fn flushes(&self) -> usize {
        let trace = std::fs::read_to_string(self.rig.path("trace")).unwrap_or_default();
        trace.matches("sync(").count()
    }
}

fn wish() -> Value {
    json!({"language": "en", "service": "here", "lines": [{"dish_id": "mors", "quantity": 1}]})
}

/// Every flush takes so long, and so many kiosks order for so long.
pub async fn every_flush(flush: Duration, kiosks: usize, lasts: Duration) -> Slow {
    let how = format!("delay_exit={}", flush.as_micros());
    let limit = Duration::from_secs(3);
    let mut traced = Traced::start(&how, limit).await;
    let (began, flushed) = (Instant::now(), traced.flushes());
    let mut people = JoinSet::new();
    for kiosk in 0..kiosks {
        people.spawn(kiosk_orders(traced.rig.door(), kiosk, began + lasts));
    }
    let (mut orders, mut answers) = (0, Vec::new());
    while let Some(kiosk) = people.join_next().await {
        let (ordered, took) = kiosk.unwrap();
        orders += ordered;
        answers.extend(took);
    }
    answers.sort();
    let seconds = began.elapsed().as_secs_f64();
    let flushes = traced.flushes() - flushed;
    let report = Slow {
        orders,
        flushes,
        orders_a_second: orders as f64 / seconds,
        flushes_a_second: flushes as f64 / seconds,
        p99_ms: answers[answers.len() * 99 / 100].as_millis(),
        worst_ms: answers.last().unwrap().as_millis(),
        watchdog_silence_ms: traced.manager.longest_silence().as_millis(),
        watchdog_limit_ms: traced.limit.as_millis(),
    };
    assert!(traced.program.has_ended().is_none());
    traced.program.kill_below().await;
    report
}

/// Orders and looks until `until`; answers with the orders and how long each answer took.
async fn kiosk_orders(door: Door, kiosk: usize, until: Instant) -> (usize, Vec<Duration>) {
    let (mut orders, mut took) = (0, Vec::new());
    while Instant::now() < until {
        for path in ["store", "menu", "orders"] {
            let asked = Instant::now();
            let url = format!("{}/api/v1/{path}", door.origin);
            let (status, answer) = match path {
                "orders" => {
                    let key = format!("kiosk-{kiosk}-{orders}");
                    let body = wish();
                    door.send(Method::POST, &url, KIOSK, Some(&key), Some(&body))
                        .await
                }
                _ => door.send(Method::GET, &url, KIOSK, None, None).await,
            }
            .expect("the daemon answers");
            assert!(matches!(status, 200 | 201), "{path}: {status} {answer}");
            took.push(asked.elapsed());
        }
        orders += 1;
    }
    (orders, took)
}

/// What one long flush made of the store.
#[derive(Debug, Serialize)]
pub struct Stall {
    pub stall_s: u64,
    /// From the request that met it to the word `degraded`.
    pub told_after_ms: u128,
    pub watchdog_silence_ms: u128,
    pub watchdog_limit_ms: u128,
    pub signs_of_life: u32,
}

/// One flush takes so long: the store says so, reads go on, nobody waits without an answer, the process lives, and
/// what was asked for comes once.
pub async fn one_flush(stall: Duration, limit: Duration) -> Stall {
    let how = format!("delay_exit={}:when=30", stall.as_micros());
    let mut traced = Traced::start(&how, limit).await;
    let door = traced.rig.door();
    let url = format!("{}/api/v1/orders", door.origin);
    let mut keys = Vec::new();
    let met = loop {
        let key = format!("order-{}", keys.len());
        let asked = Instant::now();
        let answer = door
            .send(Method::POST, &url, KIOSK, Some(&key), Some(&wish()))
            .await;
        keys.push(key);
        match answer.expect("an answer, whatever the disk does") {
            (201, _) => assert!(keys.len() < 100, "no flush was ever held up"),
            (status, problem) => {
                assert_eq!((status, &problem["slug"]), (503, &json!("disk_slow")));
                break asked;
            }
        }
    };
    let told = traced.manager.says("degraded", LIMIT).await;
    let told_after_ms = (told - met).as_millis();
    let health = self::health(&door).await;
    assert_eq!(health["status"], "degraded", "{health}");
    for path in ["menu", "stock", "orders?limit=5", "store"] {
        let url = format!("{}/api/v1/{path}", door.origin);
        let answer = door.send(Method::GET, &url, STAFF, None, None).await;
        let (status, body) = answer.expect("reads go on");
        assert_eq!(status, 200, "{path}: {body}");
        if path == "store" {
            assert_eq!(body["accepting"]["ok"], false, "{body}");
        }
    }
    let ready = format!("{}/ready", traced.rig.origin);
    let ready = traced.rig.http.get(ready).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    // It says so as soon as the disk answers.
    traced.manager.says("open", LIMIT + stall).await;
    let health = self::health(&door).await;
    assert_eq!(health["status"], "ok", "{health}");
    // Asked again with its key, each is there, and once.
    let mut orders = std::collections::BTreeSet::new();
    for key in &keys {
        let (status, order) = door.post("orders", KIOSK, key, &wish()).await.unwrap();
        assert_eq!(status, 201, "{order}");
        orders.insert(order["id"].to_string());
    }
    assert_eq!(orders.len(), keys.len());
    let listed = door.get("orders?limit=200", STAFF).await.unwrap();
    assert_eq!(listed["orders"].as_array().unwrap().len(), keys.len());
    assert!(traced.program.has_ended().is_none(), "it was not killed");
    let report = Stall {
        stall_s: stall.as_secs(),
        told_after_ms,
        watchdog_silence_ms: traced.manager.longest_silence().as_millis(),
        watchdog_limit_ms: limit.as_millis(),
        signs_of_life: traced.manager.pings(),
    };
    assert_eq!(traced.manager.ready(), 1);
    traced.program.kill_below().await;
    report
}

async fn health(door: &Door) -> Value {
    let url = format!("{}/health", door.origin);
    let answer = door.http.get(url).send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}
