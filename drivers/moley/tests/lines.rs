//! Real sockets and real pseudo-terminals, in real time.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Store, check_truth, config};
use galley_link::{Address, Listener, PtyPort, SystemDialer};
use galley_moley::{Framing, KlinkConfig, emulator::KitchenEmulator};
use galley_robot::JobState;
use std::sync::Arc;

#[tokio::test]
async fn a_dish_is_cooked_over_tcp_through_a_broken_connection() {
    let mut fast = config(1);
    fast.speed = 100;
    let kitchen = KitchenEmulator::open(None, fast).unwrap();
    let door = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let peer = door.local_addr().unwrap();
    let host = kitchen.clone();
    tokio::spawn(async move { host.listen(door, Framing::Len32).await });
    let config = KlinkConfig::new(Address::Tcp(peer.to_string()), "store-017");
    let store = Store::new(Arc::new(SystemDialer::default()), config, 1);
    store.connect().await.unwrap();
    let recipe = store.teach().await;
    store.submit("J-1", &recipe).await.unwrap();
    kitchen.drop_link();
    let l = store.until_job("J-1", JobState::Plated).await;
    check_truth(&kitchen, &l);
}

#[tokio::test]
async fn a_dish_is_cooked_over_a_serial_line() {
    let mut fast = config(2);
    fast.speed = 100;
    let kitchen = KitchenEmulator::open(None, fast).unwrap();
    let port = PtyPort::open().unwrap();
    // The far end stays open while the driver closes and opens it again, but nobody else holds its lock.
    let _held = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&port.path)
        .unwrap();
    let (stream, path) = {
        let port = port;
        (port.stream, port.path)
    };
    let host = kitchen.clone();
    tokio::spawn(async move { host.serve(stream, Framing::Cobs).await });
    let address = Address::Serial {
        path: path.display().to_string(),
        baud: 115_200,
    };
    let store = Store::new(
        Arc::new(SystemDialer::default()),
        KlinkConfig::new(address, "store-017"),
        2,
    );
    store.connect().await.unwrap();
    let recipe = store.teach().await;
    store.submit("J-1", &recipe).await.unwrap();
    kitchen.drop_link();
    let l = store.until_job("J-1", JobState::Plated).await;
    check_truth(&kitchen, &l);
}
