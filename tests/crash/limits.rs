//! Too little of what the machine gives: descriptors, memory, time on the processor.

use super::{
    disk,
    manager::Manager,
    program::Program,
    rig::{Door, GALLEY, KIOSK, LIMIT, Rig, STAFF, eventually},
    writes::{alone, strace},
};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};

/// The daemon, started by a shell that sets `limit` first.
fn limited(rig: &Rig, limit: &str) -> Program {
    let config = rig.path("galley.toml").display().to_string();
    let script = format!("{limit}; exec \"$0\" run --config \"$1\"");
    let words = ["sh", "-c", &script, GALLEY, &config];
    Program::new(words.map(str::to_owned), rig.path("limited.out"))
}

async fn goods(rig: &Rig) {
    let goods = json!({"ingredient_id": "berries", "quantity": 100_000_000_000_i64});
    rig.door()
        .post("stock/receive", STAFF, "goods", &goods)
        .await
        .unwrap();
}

async fn order(door: &Door, key: &str) -> Option<(u16, Value)> {
    let body =
        json!({"language": "en", "service": "here", "lines": [{"dish_id": "mors", "quantity": 1}]});
    let url = format!("{}/api/v1/orders", door.origin);
    door.send(Method::POST, &url, KIOSK, Some(key), Some(&body))
        .await
}

/// Of so many descriptors, idle connections take all: who has a connection orders on, and when the others go the door
/// is open again. Answers with how long that took.
pub async fn descriptors(most: u32, idle: usize) -> Duration {
    let rig = disk::rig();
    alone(&rig);
    let mut program = limited(&rig, &format!("ulimit -n {most}"));
    program.start();
    rig.ready().await.unwrap();
    goods(&rig).await;
    let door = rig.door();
    assert_eq!(order(&door, "before").await.unwrap().0, 201);
    let address = rig.origin.trim_start_matches("http://").to_owned();
    let mut held = Vec::new();
    for _ in 0..idle {
        held.push(TcpStream::connect(&address).await.unwrap());
    }
    // The kiosk's own connection was there before, and is kept.
    for n in 0..10 {
        let (status, answer) = order(&door, &format!("within-{n}"))
            .await
            .expect("an answer on the kiosk's connection");
        assert_eq!(status, 201, "{answer}");
    }
    let gone = Instant::now();
    drop(held);
    let took = eventually("a new connection to be served", LIMIT, async || {
        let fresh = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(2))
            .build()
            .unwrap();
        let door = Door {
            http: fresh,
            ..rig.door()
        };
        match order(&door, "after").await {
            Some((201, _)) => Ok(gone.elapsed()),
            other => Err(format!("{other:?}")),
        }
    })
    .await
    .unwrap();
    let listed = door.get("orders?limit=200", STAFF).await.unwrap();
    assert_eq!(listed["orders"].as_array().unwrap().len(), 12);
    assert!(program.has_ended().is_none());
    program.kill().await;
    took
}

/// The kernel has no descriptor for the next connections, for a while: the door opens again by itself.
pub async fn no_descriptor_for_a_guest() -> Duration {
    let rig = disk::rig();
    alone(&rig);
    // After the connection of the one who looks whether it is ready.
    let mut program = strace(&rig, "accept4", "error=EMFILE:when=2..4");
    program.start();
    rig.ready().await.unwrap();
    goods(&rig).await;
    let asked = Instant::now();
    let fresh = Door {
        http: reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap(),
        ..rig.door()
    };
    let (status, answer) = order(&fresh, "order").await.expect("an answer");
    assert_eq!(status, 201, "{answer}");
    let took = asked.elapsed();
    let trace = std::fs::read_to_string(rig.path("trace")).unwrap();
    assert!(trace.contains("EMFILE"), "nothing was refused: {trace}");
    program.kill_below().await;
    took
}

/// A process that stands still says nothing, is ended by its manager, and the next one has every order.
pub async fn standing_still(limit: Duration) -> Duration {
    let rig = disk::rig();
    alone(&rig);
    let socket = rig.path("notify");
    let manager = Manager::listen(&socket);
    let mut program = limited(&rig, "true");
    program.env.extend(Manager::env(&socket, limit));
    program.start();
    rig.ready().await.unwrap();
    goods(&rig).await;
    let mut told = Vec::new();
    let quick = Door {
        http: reqwest::Client::builder()
            .no_proxy()
            .timeout(limit)
            .build()
            .unwrap(),
        ..rig.door()
    };
    let stopped = loop {
        if told.len() == 5 {
            let pid = program.pid().unwrap().to_string();
            let mut stop = tokio::process::Command::new("kill");
            stop.args(["-STOP", &pid]).status().await.unwrap();
        }
        let key = format!("order-{}", told.len());
        match order(&quick, &key).await {
            Some((201, order)) => told.push((key, order["id"].clone())),
            _ => break Instant::now() - limit,
        }
        assert!(told.len() < 1000, "it never stood still");
    };
    // As systemd does: no word within the limit, and it is ended.
    tokio::time::timeout(LIMIT, manager.falls_silent(limit))
        .await
        .expect("it never fell silent");
    let noticed = stopped.elapsed();
    program.kill().await;
    manager.forget().await;
    let config = rig.path("galley.toml").display().to_string();
    let words = [GALLEY, "run", "--config", &config];
    let mut next = Program::new(words.map(str::to_owned), rig.path("next.out"));
    next.env.extend(Manager::env(&socket, limit));
    next.start();
    rig.ready().await.unwrap();
    for (key, id) in &told {
        let (status, again) = order(&rig.door(), key).await.unwrap();
        assert_eq!((status, &again["id"]), (201, id));
    }
    manager.is_ready(LIMIT).await;
    next.kill().await;
    noticed
}

/// What a store in little memory did.
#[derive(Debug, Serialize)]
pub struct Memory {
    pub limit_mib: u64,
    pub highest_mib: u64,
    pub orders: usize,
    pub busy: usize,
}

/// A group of processes with a limit of memory; gone when dropped.
struct Group {
    folder: PathBuf,
    v2: bool,
}

impl Group {
    /// None, with a word, where this user or machine has none.
    #[allow(clippy::print_stderr, reason = "a test that is left out must be seen")]
    fn new(bytes: u64) -> Option<Self> {
        let name = format!("galley-crash-{}", std::process::id());
        let root = PathBuf::from("/sys/fs/cgroup");
        let (v2, home) = match root.join("cgroup.controllers").exists() {
            true => (true, root),
            false => (false, root.join("memory")),
        };
        let group = Self {
            folder: home.join(name),
            v2,
        };
        let limit = if v2 {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        };
        let made = std::fs::create_dir(&group.folder)
            .and_then(|()| std::fs::write(group.folder.join(limit), bytes.to_string()));
        match made {
            Ok(()) => Some(group),
            Err(why) => {
                eprintln!("SKIPPED: no group with a limit of memory here: {why}");
                None
            }
        }
    }

    fn highest(&self) -> u64 {
        let file = match self.v2 {
            true => "memory.peak",
            false => "memory.max_usage_in_bytes",
        };
        let text = std::fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// With so little memory and a disk that takes its time, a crowd orders: nothing grows without bound, and nobody is
/// left without an answer.
pub async fn memory(mib: u64, crowd: usize, each: usize) -> Option<Memory> {
    let group = Group::new(mib << 20)?;
    let rig = disk::rig();
    alone(&rig);
    let enter = format!("echo $$ > {}/cgroup.procs", group.folder.display());
    let mut program = limited(&rig, &enter);
    program.start();
    rig.ready().await.unwrap();
    goods(&rig).await;
    let mut people = JoinSet::new();
    for guest in 0..crowd {
        let door = Door {
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(LIMIT)
                .build()
                .unwrap(),
            ..rig.door()
        };
        people.spawn(async move {
            let (mut taken, mut busy) = (0, 0);
            for n in 0..each {
                match order(&door, &format!("crowd-{guest}-{n}")).await {
                    Some((201, _)) => taken += 1,
                    Some((503, _)) => busy += 1,
                    other => panic!("guest {guest} got {other:?}"),
                }
            }
            (taken, busy)
        });
    }
    let (mut orders, mut busy) = (0, 0);
    while let Some(guest) = people.join_next().await {
        let (taken, refused) = guest.unwrap();
        orders += taken;
        busy += refused;
    }
    assert!(program.has_ended().is_none(), "{}", program.last_words(5));
    rig.ready().await.unwrap();
    program.kill().await;
    Some(Memory {
        limit_mib: mib,
        highest_mib: group.highest() >> 20,
        orders,
        busy,
    })
}
