//! A store and headquarters with a real Mosquitto in between: it may die and forget everything.

#![cfg(feature = "hq")]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "common/mosquitto.rs"]
mod mosquitto;

use galley::{
    domain::{
        event::{Actor, Body},
        time::Timestamp,
    },
    hq::{BrokerLogin, Hq, HqConfig},
    store::{Options, Store, StoreError, Tx},
    sync::{
        Ack, Batch, CURSOR, GREETING, Identity, Mqtt, MqttUplink, Status, SyncConfig, UplinkHandle,
        UplinkState, batch::HexHash, uplink,
    },
    world::{Clock, Secret, World},
};
use mosquitto::Mosquitto;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, PublishOptions, QoS};
use std::{sync::Arc, time::Duration};
use tokio::{process::Command, time::timeout};
use tokio_util::sync::CancellationToken;

const STORE: &str = "spb-01";
const TOKEN: &str = "a long token";
const HQ_PASSWORD: &str = "another one";
const USERS: &[(&str, &str)] = &[(STORE, TOKEN), ("galley-hq", HQ_PASSWORD)];
/// No step takes longer, unless it hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// A store with its uplink, and headquarters at the same broker when told.
struct Rig {
    dir: tempfile::TempDir,
    broker: Mosquitto,
    world: World,
    store: Store,
    sync: UplinkHandle,
    stop: CancellationToken,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Rig {
    async fn new() -> Option<Self> {
        Self::with_token(TOKEN).await
    }

    async fn with_token(token: &str) -> Option<Self> {
        Some(Self::at(Mosquitto::start(USERS).await?, token, None))
    }

    /// A store at this broker that trusts those of the file `ca`.
    fn at(broker: Mosquitto, token: &str, ca: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = World::system().unwrap();
        let store = Store::open(Options::at(dir.path().join("store.db"))).unwrap();
        let identity = Identity {
            store_id: STORE.parse().unwrap(),
            generation: 0,
            name: "Nevsky, 1".to_owned(),
            version: "0.1.0".to_owned(),
            zone: jiff::tz::TimeZone::UTC,
        };
        let route = MqttUplink::new(
            Arc::new(Mqtt),
            &identity.store_id,
            broker.address(),
            Some(Secret::new(token)),
            broker.authority(ca),
        );
        let config = SyncConfig {
            batch: 20,
            ..SyncConfig::default()
        };
        let (sync, task) = uplink(
            store.clone(),
            &world,
            identity,
            &config,
            vec![Box::new(route)],
        );
        let stop = CancellationToken::new();
        tokio::spawn(task.run(stop.clone()));
        Self {
            dir,
            broker,
            world,
            store,
            sync,
            stop,
        }
    }

    async fn hq(&self, database: &str) -> (Hq, CancellationToken) {
        let config = HqConfig {
            stores: vec![format!("{STORE}={TOKEN}").parse().unwrap()],
            ..HqConfig::at(self.dir.path().join(database))
        };
        let clock: Arc<dyn Clock> = Arc::clone(&self.world.clock);
        let hq = Hq::open(config, clock).await.unwrap();
        let login = BrokerLogin {
            address: self.broker.address(),
            credentials: Some(("galley-hq".to_owned(), Secret::new(HQ_PASSWORD))),
            ca: self.broker.authority(self.broker.tls.then_some("ca.pem")),
        };
        let stop = self.stop.child_token();
        tokio::spawn({
            let (hq, stop) = (hq.clone(), stop.clone());
            async move { hq.run_broker(Arc::new(Mqtt), login, stop).await }
        });
        (hq, stop)
    }

    /// Writes `n` events in one transaction.
    async fn happen(&self, n: u64) {
        let at: Timestamp = self.world.clock.now();
        self.store
            .write(move |tx: &mut Tx<'_>| {
                for i in 0..n {
                    let key = format!("cause {i}");
                    tx.append(at, None, &Actor::system(), Body::AlertCleared { key })?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }

    fn cursor(&self) -> u64 {
        self.store.read_here(|db| db.cursor(CURSOR)).unwrap()
    }

    async fn acknowledged(&self, wanted: impl Fn(u64) -> bool) {
        let mut at = self.sync.acknowledged();
        timeout(LIMIT, at.wait_for(|a| wanted(*a)))
            .await
            .unwrap_or_else(|_| panic!("{:?} {:?}", self.cursor(), self.sync.state().borrow()))
            .unwrap();
    }

    async fn drained(&self, hq: &Hq) {
        let mine = self.store.read_here(|db| db.head()).unwrap();
        let head = mine.seq;
        self.acknowledged(|a| a == head).await;
        assert_eq!(self.cursor(), head);
        // The same number of events and the same hash at the end: the same log, event by event.
        let details = hq.store(STORE).await.unwrap().unwrap();
        assert_eq!(
            (details.row.events, details.hash),
            (head, HexHash(mine.hash))
        );
        let kept: u64 = rusqlite::Connection::open(hq.db().path().unwrap())
            .unwrap()
            .query_row("SELECT count(*) FROM events", [], |r| r.get(0))
            .unwrap();
        assert_eq!(kept, head);
    }
}

#[tokio::test]
async fn events_come_through_the_broker_once_and_in_order() {
    let Some(rig) = Rig::new().await else { return };
    let (hq, _stop) = rig.hq("hq.db").await;
    rig.happen(500).await;
    rig.drained(&hq).await;
    rig.happen(1).await;
    rig.drained(&hq).await;
    let state = rig.sync.state().borrow().clone();
    assert_eq!((state.status, state.route), (Status::Online, Some("mqtt")));
}

#[tokio::test]
async fn a_broker_that_is_killed_and_forgets_everything_loses_nothing() {
    let Some(mut rig) = Rig::new().await else {
        return;
    };
    let (hq, _stop) = rig.hq("hq.db").await;
    for round in 1..=3u64 {
        rig.happen(4000).await;
        let middle = round * 4000 - 3500;
        rig.acknowledged(|a| a >= middle).await;
        rig.broker.kill().await;
        rig.happen(10).await;
        assert!(rig.cursor() < round * 4010);
        let mut state = rig.sync.state();
        timeout(LIMIT, state.wait_for(|s| s.status != Status::Online))
            .await
            .unwrap()
            .unwrap();
        rig.broker.run().await;
        rig.drained(&hq).await;
    }
}

#[tokio::test]
async fn headquarters_that_restarts_in_the_middle_loses_nothing() {
    let Some(rig) = Rig::new().await else { return };
    let (_, stop) = rig.hq("hq.db").await;
    rig.happen(4000).await;
    rig.acknowledged(|a| a >= 200).await;
    stop.cancel();
    rig.happen(10).await;
    let (hq, _stop) = rig.hq("hq.db").await;
    rig.drained(&hq).await;
}

/// Someone else at the broker, in headquarters' or in the store's place.
struct Spy {
    client: AsyncClient,
    events: EventLoop,
}

impl Spy {
    /// Is subscribed when this returns.
    async fn new(broker: &Mosquitto, user: &str, password: &'static str, topic: &str) -> Self {
        let mut options = MqttOptions::new("spy", ("127.0.0.1", broker.port));
        options.set_credentials(user, password);
        options.set_max_packet_size(Some(4 * 1024 * 1024));
        let (client, events) = AsyncClient::builder(options).build();
        client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
        let mut spy = Self { client, events };
        while !matches!(spy.packet().await, Packet::SubAck(_)) {}
        spy
    }

    async fn at_headquarters(broker: &Mosquitto) -> Self {
        Self::new(broker, "galley-hq", HQ_PASSWORD, "galley/+/up/#").await
    }

    async fn packet(&mut self) -> Packet {
        loop {
            let event = timeout(LIMIT, self.events.poll()).await.unwrap().unwrap();
            if let Event::Incoming(packet) = event {
                return packet;
            }
        }
    }

    async fn payload(&mut self) -> Vec<u8> {
        loop {
            if let Packet::Publish(publish) = self.packet().await {
                return publish.payload.to_vec();
            }
        }
    }

    async fn batch(&mut self) -> Batch {
        Batch::decode(&self.payload().await).unwrap()
    }
}

#[tokio::test]
async fn the_cursor_moves_only_by_headquarters_own_acknowledgement() {
    let Some(rig) = Rig::new().await else { return };
    let mut spy = Spy::at_headquarters(&rig.broker).await;
    rig.happen(40).await;
    // It answers the sign of life, so that the store sends its events, and then no more.
    let sign = spy.batch().await;
    assert!(sign.entries.is_empty() && sign.summary.is_some());
    let ack = Ack {
        store_id: sign.store_id.clone(),
        stream: sign.stream,
        number: sign.number,
        seq: 0,
        hash: HexHash([0; 32]),
        rewind: false,
        refused: None,
        window: None,
        via: None,
        root: None,
    };
    let down = format!("galley/{STORE}/down");
    spy.client
        .publish(&down, ack.encode(), PublishOptions::at_least_once())
        .await
        .unwrap();
    let mut passed = 0;
    while passed < 40 {
        passed = passed.max(spy.batch().await.last_seq());
    }
    // The broker has acknowledged and delivered every event, and that means nothing.
    assert_eq!(rig.cursor(), 0);
    // Nor does the word of one who does not know the events' hash.
    let lie = Ack {
        seq: 40,
        number: 1,
        hash: HexHash([1; 32]),
        ..ack
    };
    spy.client
        .publish(&down, lie.encode(), PublishOptions::at_least_once())
        .await
        .unwrap();
    let refused = async {
        let mut state = rig.sync.state();
        state.wait_for(|s| s.refused).await.unwrap();
    };
    let reading = async {
        loop {
            spy.batch().await;
        }
    };
    tokio::select! {
        biased;
        () = refused => {}
        () = reading => {}
    }
    assert_eq!(rig.cursor(), 0);
    drop(spy);
    let (hq, _stop) = rig.hq("hq.db").await;
    rig.sync.poke();
    rig.drained(&hq).await;
}

#[tokio::test]
async fn what_was_sent_while_headquarters_was_away_is_sent_again_as_soon_as_it_is_back() {
    let Some(rig) = Rig::new().await else { return };
    let (_, stop) = rig.hq("hq.db").await;
    rig.happen(5).await;
    rig.acknowledged(|a| a == 5).await;
    stop.cancel();
    // A spy sees these pass into nowhere.
    let mut spy = Spy::at_headquarters(&rig.broker).await;
    rig.happen(5).await;
    while spy.batch().await.last_seq() < 10 {}
    drop(spy);
    let down = format!("galley/{STORE}/down");
    let mut spy = Spy::new(&rig.broker, STORE, TOKEN, &down).await;
    let (hq, _stop) = rig.hq("hq.db").await;
    // Headquarters greets the stores; without that they would wait for their next sign of life.
    assert_eq!(Ack::decode(&spy.payload().await).unwrap().stream, GREETING);
    rig.drained(&hq).await;
}

#[tokio::test]
async fn a_store_that_the_broker_does_not_know_is_told_so() {
    let Some(rig) = Rig::with_token("not its token").await else {
        return;
    };
    let mut state = rig.sync.state();
    let state = timeout(LIMIT, state.wait_for(|s| s.refused)).await.unwrap();
    let reason = state.unwrap().reason.clone().unwrap();
    assert!(reason.contains("broker refuses"), "{reason}");
}

#[tokio::test]
async fn over_tls_a_store_reaches_headquarters_by_the_authority_that_it_trusts() {
    let Some(broker) = Mosquitto::with_certificate(USERS, true).await else {
        return;
    };
    let rig = Rig::at(broker, TOKEN, Some("ca.pem"));
    let (hq, _stop) = rig.hq("hq.db").await;
    rig.happen(50).await;
    rig.drained(&hq).await;
}

#[tokio::test]
async fn a_broker_for_which_nobody_vouches_that_the_store_trusts_is_not_spoken_to() {
    for ca in [Some("other.pem"), None] {
        let Some(broker) = Mosquitto::with_certificate(USERS, true).await else {
            return;
        };
        let rig = Rig::at(broker, TOKEN, ca);
        let (_hq, _stop) = rig.hq("hq.db").await;
        rig.happen(5).await;
        let mut state = rig.sync.state();
        let told = |s: &UplinkState| {
            s.reason
                .as_deref()
                .is_some_and(|r| r.contains("certificate"))
        };
        timeout(LIMIT, state.wait_for(told)).await.unwrap().unwrap();
        assert_eq!(rig.cursor(), 0);
    }
}

/// `galley hq` as a process, at the broker with the password that its credential holds.
#[tokio::test]
async fn headquarters_logs_in_with_the_password_of_its_credential() {
    let Some(rig) = Rig::new().await else { return };
    let path = |name: &str| rig.dir.path().join(name);
    std::fs::create_dir(path("credentials")).unwrap();
    std::fs::write(path("credentials/broker"), HQ_PASSWORD).unwrap();
    let mut hq = Command::new(env!("CARGO_BIN_EXE_galley"));
    hq.args([
        "hq",
        "--listen",
        "127.0.0.1:0",
        "--broker",
        &rig.broker.url(),
    ])
    .args(["--broker-password-credential", "broker"])
    .args(["--store", &format!("{STORE}={TOKEN}")])
    .arg("--data")
    .arg(path("hq"))
    .env("CREDENTIALS_DIRECTORY", path("credentials"))
    .kill_on_drop(true);
    let _hq = hq.spawn().unwrap();
    rig.happen(50).await;
    rig.acknowledged(|a| a == 50).await;
}
