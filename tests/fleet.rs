//! A fleet, a real Mosquitto, two real headquarters on one real PostgreSQL; each of them is killed while the stores sell.

#![cfg(all(feature = "hq", feature = "emulators"))]
#![allow(clippy::unwrap_used)]

#[path = "common/mosquitto.rs"]
mod mosquitto;
#[path = "common/postgres.rs"]
mod postgres;

use galley::{
    hq::{Hq, Place, verify::Claim},
    sync::{
        Authority, Brokers, Mqtt,
        emulator::{Fleet, FleetConfig, Mix, ids, token_of},
    },
    world::{Clock, Http, ReqwestHttp, Secret, SystemClock},
};
use mosquitto::Mosquitto;
use std::{fmt::Write as _, path::Path, process::Stdio, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

const STORES: usize = 60;
const EVENTS: u64 = 400;
/// Events a second and store.
const RATE: f64 = 20.0;
/// No step takes longer, unless it hangs.
const LIMIT: Duration = Duration::from_secs(90);

/// Starts a process and waits for a line of its log.
async fn start(mut command: Command, ready: &str) -> Child {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let told = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains(ready) {
                return;
            }
        }
        panic!("it ended: {command:?}");
    };
    timeout(LIMIT, told).await.expect("it starts");
    // It would stop at a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    child
}

async fn headquarters(folder: &Path, name: &str, url: &str, broker: u16) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_galley"));
    command
        .args([
            "hq",
            "--listen",
            "127.0.0.1:0",
            "--name",
            name,
            "--postgres",
            url,
        ])
        .args(["--broker", &format!("mqtt://127.0.0.1:{broker}")])
        .arg("--data")
        .arg(folder.join(name))
        .arg("--stores-file")
        .arg(folder.join("stores"));
    start(command, "listening at the broker").await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_the_broker_a_headquarters_and_the_database_are_killed_in_turn()
 {
    let server = tokio::task::spawn_blocking(postgres::own).await.unwrap();
    let url = server.database();
    let dir = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start(&[]).await;
    let mut broker = broker.expect("Debian's package mosquitto is installed");
    let port = broker.port;
    let mut stores = String::new();
    for id in ids("fleet-", STORES).unwrap() {
        writeln!(stores, "{id}={}", token_of("fleet-token", &id).reveal()).unwrap();
    }
    std::fs::write(dir.path().join("stores"), stores).unwrap();
    let mut first = headquarters(dir.path(), "a", &url, port).await;
    // Headquarters on one database seal their signing keys with one key of their own.
    std::fs::create_dir(dir.path().join("b")).unwrap();
    std::fs::copy(dir.path().join("a/hq.key"), dir.path().join("b/hq.key")).unwrap();
    let second = headquarters(dir.path(), "b", &url, port).await;

    let config = FleetConfig {
        stores: STORES,
        prefix: "fleet-".to_owned(),
        seed: 7,
        mix: Mix::Sales,
        body_bytes: 256,
        events: EVENTS,
        rate: Some(RATE),
        batch: 100,
        ahead: false,
        heartbeat: Duration::from_secs(5),
        token: "fleet-token".to_owned(),
        broker: Some(broker.address()),
        ca: Authority::default(),
        connections: None,
        url: None,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let brokers: Arc<dyn Brokers> = Arc::new(Mqtt);
    let http: Arc<dyn Http> = Arc::new(ReqwestHttp::new().unwrap());
    let mut fleet = Fleet::start(&config, &clock, &brokers, &http).unwrap();
    fleet.live(RATE, EVENTS);
    let reached = async |events: u64| {
        let drained = timeout(LIMIT, fleet.drained_to(events)).await;
        assert!(drained.is_ok(), "{:?}", fleet.report());
    };
    reached(20).await;
    broker.kill().await;
    broker.run().await;
    reached(60).await;
    first.kill().await.unwrap();
    reached(120).await;
    first = headquarters(dir.path(), "a", &url, port).await;
    reached(160).await;
    let server = tokio::task::spawn_blocking(move || {
        server.crash();
        server
    })
    .await
    .unwrap();
    reached(EVENTS).await;

    let claims: Vec<Claim> = fleet
        .heads()
        .into_iter()
        .map(|h| Claim {
            store_id: h.store_id.to_string(),
            head: h.head,
            acknowledged: h.acknowledged,
            hash: h.hash,
        })
        .collect();
    assert!(claims.iter().all(|c| c.acknowledged == EVENTS));
    let place = Place::Postgres(Secret::new(url));
    let found = Hq::verify(place, None, Some(&claims), false).await.unwrap();
    assert!(found.clean, "{found:?}");
    assert_eq!(found.events, STORES as u64 * EVENTS);
    assert_eq!(fleet.report().other_history, 0);
    fleet.stop().await;
    drop((first, second, broker, server));
}
