//! A store's process with nothing but its database and its uplink.

use galley::{
    domain::{
        event::{Actor, Body},
        ids::PaymentId,
        time::Timestamp,
    },
    store::{Options, Store, StoreError, Tx},
    sync::{Authority, CURSOR, Identity, Mqtt, MqttUplink, Status, SyncConfig, uplink},
    world::{Secret, World},
};
use std::{path::Path, sync::Arc, time::Instant};
use tokio_util::sync::CancellationToken;

/// `store FOLDER BROKER_PORT EVENTS`: writes so many events and waits to be killed; with none, drains and tells how long
/// it took.
pub fn run(args: &[String]) {
    let (folder, port, events): (_, u16, u64) = (
        Path::new(&args[0]),
        args[1].parse().unwrap(),
        args[2].parse().unwrap(),
    );
    std::fs::create_dir_all(folder).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::system().unwrap();
        let store = Store::open(Options::at(folder.join("store.db"))).unwrap();
        let identity = Identity {
            store_id: "S001".parse().unwrap(),
            name: "A store".to_owned(),
            version: "0".to_owned(),
            zone: jiff::tz::TimeZone::UTC,
            generation: 0,
        };
        let address = format!("mqtt://127.0.0.1:{port}").parse().unwrap();
        let route = MqttUplink::new(
            Arc::new(Mqtt),
            &identity.store_id,
            address,
            Some(Secret::new("a long token")),
            Authority::default(),
        );
        let (handle, task) = uplink(
            store.clone(),
            &world,
            identity,
            &SyncConfig::default(),
            vec![Box::new(route)],
        );
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(task.run(shutdown.clone()));
        let at = world.clock.now();
        for pack in 0..events / 1_000 {
            fill(&store, at, pack).await;
        }
        if events > 0 {
            println!("filled");
            return std::future::pending().await;
        }
        let head = store.read_here(|db| db.head()).unwrap().seq;
        let mut state = handle.state();
        state
            .wait_for(|s| s.status == Status::Online)
            .await
            .unwrap();
        let began = Instant::now();
        let mut acknowledged = handle.acknowledged();
        acknowledged.wait_for(|seq| *seq >= head).await.unwrap();
        let took = began.elapsed();
        assert_eq!(store.read_here(|db| db.cursor(CURSOR)).unwrap(), head);
        shutdown.cancel();
        running.await.unwrap();
        println!("{}", serde_json::json!({ "drain_s": took.as_secs_f64() }));
    });
}

async fn fill(store: &Store, at: Timestamp, pack: u64) {
    store
        .write(move |tx: &mut Tx<'_>| {
            for i in 0..1_000u64 {
                let n = pack * 1_000 + i;
                let mut reason = format!("refused by the bank at terminal {n} ");
                while reason.len() < 160 {
                    reason.push_str(
                        WORDS[usize::try_from((n * 31 + reason.len() as u64) % 8).unwrap()],
                    );
                }
                let body = Body::PaymentDeclined {
                    payment_id: PaymentId(uuid::Uuid::from_u128(u128::from(n) << 64 | 7)),
                    reason,
                    reference: None,
                };
                tx.append(at, None, &Actor::system(), body)?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
}

const WORDS: [&str; 8] = [
    "limit ",
    "no answer ",
    "code 116 ",
    "try another ",
    "card ",
    "expired ",
    "at 12:40 ",
    "terminal ",
];
