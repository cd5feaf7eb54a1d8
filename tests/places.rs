//! A robot with few hand-over places: orders must not wait for each other's dishes for ever.

#![cfg(all(feature = "hq", feature = "emulators"))]
#![allow(clippy::unwrap_used)]

mod memory;

use galley_robot::JobState;
use memory::Rig;
use serde_json::{Value, json};

/// Dishes of this order that stand on a hand-over place.
fn plated(order: &Value) -> usize {
    let dishes = order["dishes"].as_array().unwrap();
    dishes.iter().filter(|d| d["state"] == "plated").count()
}

#[tokio::test(start_paused = true)]
async fn orders_whose_dishes_are_cooked_again_do_not_lock_the_few_places_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), 3, 2).await;
    rig.opened().await;
    let mut orders = Vec::new();
    for dishes in [
        ["green-tea", "borscht"],
        ["mors", "plov"],
        ["green-tea", "mors"],
        ["mors", "green-tea"],
    ] {
        orders.push(rig.order(&dishes).await);
    }
    // The first order waits for its second dish when the power fails.
    let first = format!("orders/{}", orders[0]);
    rig.until("one dish of two", &first, |o| plated(o) == 1)
        .await;
    rig.kitchen.power_cut();
    rig.kitchen.restart();
    for id in orders {
        let path = format!("orders/{id}");
        let order = rig
            .until("both dishes", &path, |o| o["state"] == "ready")
            .await;
        assert_eq!(plated(&order), 2, "{order}");
        rig.call("POST", &format!("{path}/hand-over"), json!({}))
            .await;
    }
    assert!(rig.kitchen.dishes().values().all(|d| d.plated <= 1));
    rig.daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_of_more_dishes_than_places_asks_for_a_person_and_goes_on_after_that() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), 3, 2).await;
    rig.opened().await;
    let large = rig.order(&["green-tea", "mors", "borscht"]).await;
    let other = rig.order(&["mors", "green-tea"]).await;
    rig.alert("robot:places", true).await;
    let standing = rig.kitchen.jobs();
    let standing = standing.iter().find(|j| j.state == JobState::Plated);
    rig.kitchen.collect(&standing.unwrap().job_id);
    rig.alert("robot:places", false).await;
    for id in [large, other] {
        let path = format!("orders/{id}");
        rig.until("the dishes", &path, |o| o["state"] == "ready")
            .await;
        rig.call("POST", &format!("{path}/hand-over"), json!({}))
            .await;
    }
    rig.daemon.stop().await;
}
