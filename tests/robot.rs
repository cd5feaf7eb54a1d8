//! The robot on bad days, as technicians see it and help it.

#![cfg(all(feature = "hq", feature = "emulators"))]
#![allow(clippy::unwrap_used)]

mod memory;

use galley_link::MemoryNet;
use galley_moley::{Framing, KlinkConfig, KlinkDriver, emulator::Fault};
use galley_robot::{Ambient, MachineState, RobotDriver as _};
use memory::Rig;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// What takes longer does not happen.
const LIMIT: Duration = Duration::from_hours(1);

/// Waits until the list of devices says this of the robot; the log need not tell it.
async fn until_robot(rig: &mut Rig, word: &str) {
    let mut changes = rig.kitchen.changes();
    loop {
        changes.borrow_and_update();
        let seen = rig.call("GET", "devices", Value::Null).await;
        let mut devices = seen["devices"].as_array().unwrap().iter();
        let robot = devices.find(|d| d["id"] == "robot").unwrap();
        // The machine's state, and after a colon what to do about it.
        let detail = robot["detail"].as_str().unwrap();
        if detail.split(':').next().unwrap().ends_with(word) {
            return;
        }
        tokio::time::timeout(LIMIT, changes.changed())
            .await
            .unwrap_or_else(|_| panic!("never {word}: {robot}"))
            .unwrap();
    }
}

/// What the log tells of devices that came and went.
async fn told(rig: &Rig) -> usize {
    let read: Result<_, galley::store::StoreError> = rig
        .daemon
        .site
        .store
        .read(|s| s.events_after(0, 10_000))
        .await;
    let read = read.unwrap();
    read.iter().filter(|e| e.kind == "device.changed").count()
}

/// A store whose robot was stopped in the middle of two dishes; the button is released again.
async fn stopped(folder: &std::path::Path) -> (Rig, String) {
    let mut rig = Rig::start(folder, 3, 3).await;
    rig.opened().await;
    let order = rig.order(&["borscht", "plov"]).await;
    rig.until("the cooking", &format!("orders/{order}"), |o| {
        o["state"] == "cooking"
    })
    .await;
    rig.kitchen.estop(true);
    until_robot(&mut rig, "aborted").await;
    rig.kitchen.estop(false);
    (rig, order)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_the_robot_refuses_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), 3, 3).await;
    rig.opened().await;
    // The box that took this one's place: its fence is higher.
    let net = MemoryNet::new();
    let (listener, kitchen) = (net.listen("robot"), rig.kitchen.clone());
    tokio::spawn(async move { kitchen.listen(listener, Framing::Len32).await });
    let other = KlinkDriver::new(
        Arc::new(net),
        KlinkConfig::new("mem://robot".parse().unwrap(), "S001"),
        Ambient::new(|| 1_795_338_000_000, || 0),
    );
    other.connect(u64::MAX >> 12, None).await.unwrap();
    rig.until("the refusal", "devices", |seen| {
        let devices = seen["devices"].as_array().unwrap();
        devices
            .iter()
            .any(|d| d["id"] == "robot" && d["state"] == "refused")
    })
    .await;
    let began = tokio::time::Instant::now();
    rig.daemon.stop().await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_of_which_a_part_breaks_off_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), 3, 3).await;
    rig.opened().await;
    let well = tokio::time::timeout(Duration::from_mins(5), rig.daemon.broken()).await;
    assert!(well.is_err(), "{well:?}");
    // A bug in the part that speaks with headquarters, met at the next sign of life.
    let bug = axum::Router::new().fallback(async || -> axum::http::StatusCode {
        panic!("it met what it does not know");
    });
    rig.http.set_route("localhost:4", bug);
    let told = tokio::time::timeout(LIMIT, rig.daemon.broken()).await;
    let told = format!("{:#}", told.expect("it is told"));
    assert!(told.contains("it met what it does not know"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_robot_is_told_and_brought_back_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let (mut rig, order) = stopped(folder.path()).await;
    let before = told(&rig).await;
    rig.call("POST", "robot/clear", json!({"inspected": true}))
        .await;
    until_robot(&mut rig, "stopped").await;
    assert_eq!(told(&rig).await, before, "the detail is no event");
    // Its dishes wait in the store, which says what the robot waits for.
    rig.until("the way back", "alerts", |a| {
        a.to_string()
            .contains("galley robot reset, galley robot start")
    })
    .await;
    rig.call("POST", "robot/reset", json!({})).await;
    until_robot(&mut rig, "idle").await;
    // It has its dishes again, and nobody lets it begin.
    let alert = rig.alert("robot:idle", true).await.unwrap();
    assert_eq!(alert["severity"], "error");
    assert_eq!(
        alert["advice"],
        "Look into the cell; then: galley robot start."
    );
    rig.call("POST", "robot/start", json!({})).await;
    until_robot(&mut rig, "execute").await;
    rig.alert("robot:idle", false).await;
    rig.until("the dishes", &format!("orders/{order}"), |o| {
        o["state"] == "ready"
    })
    .await;
    rig.daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_robot_is_not_cleared_before_somebody_has_looked_into_the_cell() {
    let folder = tempfile::tempdir().unwrap();
    let (mut rig, _) = stopped(folder.path()).await;
    for body in [
        json!({}),
        json!({"inspected": false}),
        json!({"inspected": "yes"}),
    ] {
        let (status, said) = rig.send("POST", "robot/clear", body).await;
        assert!(status.is_client_error(), "{status} {said}");
    }
    let (_, said) = rig
        .send("POST", "robot/clear", json!({"inspected": false}))
        .await;
    assert!(
        said["detail"]
            .as_str()
            .unwrap()
            .contains("inspect the cell"),
        "{said}"
    );
    let effects = rig.daemon.site.store.read(|s| s.live_effects()).await;
    let effects: Vec<galley::store::EffectRow> =
        effects.map_err(|e: galley::store::StoreError| e).unwrap();
    assert!(effects.iter().all(|e| e.kind != "robot.machine"));
    assert_eq!(rig.kitchen.machine().state, MachineState::Aborted);
    rig.daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_robot_refuses_is_an_alert_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (mut rig, _) = stopped(folder.path()).await;
    rig.kitchen.estop(true);
    rig.call("POST", "robot/clear", json!({"inspected": true}))
        .await;
    let alert = format!("effect:machine:{}", rig.last_key());
    let alert = rig.alert(&alert, true).await.unwrap();
    let said = alert.to_string();
    assert!(
        said.contains("ESTOP_ACTIVE") && said.contains("Release the emergency stop"),
        "{said}"
    );
    assert_eq!(rig.kitchen.machine().state, MachineState::Aborted);
    rig.daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_robot_could_not_take_does_not_move_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let (mut rig, _) = stopped(folder.path()).await;
    rig.kitchen.inject(Fault::Silence);
    rig.kitchen.drop_link();
    rig.until("the robot to be away", "devices", |d| {
        let mut all = d["devices"].as_array().unwrap().iter();
        all.any(|d| d["id"] == "robot" && !d["detail"].as_str().unwrap().ends_with("aborted"))
    })
    .await;
    rig.call("POST", "robot/clear", json!({"inspected": true}))
        .await;
    let late = format!("effect:machine:{}", rig.last_key());
    rig.call("POST", "robot/pause", json!({})).await;
    let pause = rig.last_key();
    let alert = rig.alert(&late, true).await.unwrap();
    assert!(alert.to_string().contains("too_late"), "{alert}");
    rig.kitchen.clear_faults();
    until_robot(&mut rig, "aborted").await;
    // The pause comes behind it in the same queue, and is not too late; an aborted robot refuses it in its own words.
    let key = format!("machine:{pause}");
    let row: Result<_, galley::store::StoreError> = rig
        .daemon
        .site
        .store
        .read(move |s| s.effect_by_key(&key))
        .await;
    let row = row.unwrap().unwrap();
    assert!(row.state.is_live(), "{row:?}");
    assert_eq!(rig.kitchen.machine().state, MachineState::Aborted);
    rig.daemon.stop().await;
}
