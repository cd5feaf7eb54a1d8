//! A robot with few hand-over places: orders must not wait for each other's dishes for ever.

#![cfg(all(feature = "hq", feature = "emulators"))]
#![allow(clippy::unwrap_used)]

mod memory;

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
async fn an_order_of_more_dishes_than_places_is_refused_before_it_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), 3, 2).await;
    rig.opened().await;
    let lines = json!([{"dish_id": "mors", "quantity": 1}, {"dish_id": "borscht", "quantity": 2}]);
    let wish = json!({"language": "en", "service": "here", "lines": lines});
    for path in ["quote", "orders"] {
        let (status, problem) = rig.send("POST", path, wish.clone()).await;
        assert_eq!(
            (status.as_u16(), &problem["slug"]),
            (422, &json!("bad_quantity")),
            "{path}: {problem}"
        );
        let (detail, message) = (
            problem["detail"].as_str().unwrap(),
            &problem["message"]["en"],
        );
        assert!(detail.contains("robot.places"), "{detail}");
        assert_eq!(
            message,
            "The robot serves up to 2 dishes an order. Please order the rest separately."
        );
    }
    // As many dishes as places are an order.
    let id = rig.order(&["mors", "green-tea"]).await;
    rig.until("the dishes", &format!("orders/{id}"), |o| {
        o["state"] == "ready"
    })
    .await;
    rig.daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn dishes_that_nobody_fetches_ask_for_a_person_and_the_others_go_on_after_that() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path(), 3, 2).await;
    rig.opened().await;
    let mut orders = Vec::new();
    for dish in ["green-tea", "mors", "borscht"] {
        orders.push(format!("orders/{}", rig.order(&[dish]).await));
    }
    for path in &orders[..2] {
        rig.until("the dish", path, |o| o["state"] == "ready").await;
    }
    rig.alert("robot:places", true).await;
    let early = format!("{}/hand-over", orders[2]);
    let (status, problem) = rig.send("POST", &early, json!({})).await;
    assert_eq!(
        (status.as_u16(), &problem["slug"]),
        (409, &json!("not_ready")),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("cooking"),
        "{problem}"
    );
    rig.call("POST", &format!("{}/hand-over", orders[0]), json!({}))
        .await;
    rig.alert("robot:places", false).await;
    rig.until("the last dish", &orders[2], |o| o["state"] == "ready")
        .await;
    rig.daemon.stop().await;
}
