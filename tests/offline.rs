//! The store on its own: without the network, with its cables pulled, without power. Whatever happens, one charge,
//! one receipt, one dish; and everything drains by itself afterwards.

#![cfg(all(feature = "emulators", feature = "hq"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::{KIOSK, STAFF, Shop, eventually, id, wish};
use futures_util::future::join_all;
use galley_atol::emulator::{Fault, Times};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_network_dishes_are_sold_and_everything_drains_afterwards() {
    let shop = Shop::open(1000).await;
    // One code is shown before the network goes.
    let early = shop.place(&["mors"]).await;
    let code = shop.start_payment(&early, "sbp_qr").await;
    shop.await_payment(&code, "waiting").await;
    let at_hq = shop.settled_but(1).await["totals"]["hq_events"]
        .as_u64()
        .unwrap();
    shop.switch("internet", false).await;
    let tender = shop.await_tender("sbp_qr", false).await;
    assert_eq!(
        tender["reason"]["uz"],
        "Bank bilan aloqa yo‘q. Karta yoki naqd pul bilan to‘lang."
    );

    let orders = [shop.place(&["plov"]).await, shop.place(&["caesar"]).await];
    let pay = format!("orders/{}/payments", orders[0]);
    let head = shop.head().await;
    let refused = shop.post(&pay, KIOSK, &json!({"tender": "sbp_qr"})).await;
    let problem = refused.expect_problem(409, "tender_unavailable");
    assert_eq!(problem["message"], tender["reason"]);
    assert_eq!(shop.head().await, head);
    shop.pay(&orders[0], "card_terminal").await;
    shop.pay(&orders[1], "cash").await;
    for order in &orders {
        let closed = shop.fetch(order).await;
        assert_eq!(closed["state"], "closed");
        shop.assert_once(&closed);
    }
    // The guest paid the old code meanwhile: the bank knows, the store does not.
    shop.phone_pays(&early).await;
    assert_eq!(shop.order(&early).await["state"], "placed");
    let sync = shop.get("sync", STAFF).await.expect(200);
    assert!(
        sync["readers"][0]["backlog"].as_u64().unwrap() > 10,
        "{sync}"
    );
    // A power cut while there is no network loses nothing of it.
    shop.power_cut().await;
    assert_eq!(shop.state().await["hq"]["events"], at_hq);

    shop.switch("internet", true).await;
    let served = shop.fetch(&early).await;
    shop.assert_once(&served);
    assert_eq!(shop.charges(&early), 1);
    shop.await_tender("sbp_qr", true).await;
    let books = shop.end_day().await;
    assert_eq!(books["totals"]["accounting_minor"], 12000 + 42000 + 36000);
    assert_eq!(books["totals"]["orders"], 3);
    // Headquarters takes only what follows on what it has: all of them means all in order.
    let head = shop.head().await;
    eventually("headquarters", async || {
        let stores = format!("{}api/v1/stores", shop.running.addresses.hq);
        let text = shop
            .http
            .get(&stores)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let rows: Value = serde_json::from_str(&text).unwrap();
        if rows["stores"][0]["events"] == head {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await;
    shop.close().await;
}

impl Shop {
    /// Waits until headquarters has it all, while `live` acts go on.
    async fn settled_but(&self, live: u64) -> Value {
        eventually("headquarters to have it all", async || {
            let books = self.reconcile().await;
            let t = &books["totals"];
            let done = t["live_effects"] == live && t["events"] == t["hq_events"];
            if done { Ok(books) } else { Err(t.to_string()) }
        })
        .await
    }

    async fn await_device(&self, device: &str, state: &str) {
        eventually(&format!("{device} to be {state}"), async || {
            let devices = self.get("devices", STAFF).await.expect(200);
            let all = devices["devices"].as_array().unwrap();
            let found = all.iter().any(|d| d["id"] == device && d["state"] == state);
            if found {
                Ok(())
            } else {
                Err(devices.to_string())
            }
        })
        .await;
    }

    /// Waits until an alert is open, and answers it; or until none is.
    async fn await_alerts(&self, open: bool) -> Value {
        eventually(&format!("alerts to be open: {open}"), async || {
            let alerts = self.get("alerts", STAFF).await.expect(200);
            let all = alerts["alerts"].as_array().unwrap();
            if all.is_empty() != open {
                Ok(all.first().cloned().unwrap_or_default())
            } else {
                Err(alerts.to_string())
            }
        })
        .await
    }

    async fn await_dish(&self, order: &str, state: &str) -> Value {
        eventually(&format!("a dish to be {state}"), async || {
            let seen = self.order(order).await;
            if seen["dishes"][0]["state"] == state {
                Ok(seen)
            } else {
                Err(seen.to_string())
            }
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_whose_cable_is_pulled_in_the_middle_comes_once() {
    let shop = Shop::open(1000).await;
    // Before the printer heard of it, after it printed it, and with its answer lost or cut on the way.
    let faults = [
        Fault::LinkLost { carried_out: false },
        Fault::LinkLost { carried_out: true },
        Fault::AnswerLost,
        Fault::FrameCut,
        Fault::PowerCut { carried_out: true },
        Fault::PowerCut { carried_out: false },
    ];
    for fault in faults {
        let order = shop.place(&["mors"]).await;
        let payment = shop.start_payment(&order, "cash").await;
        shop.running.outside().printer.set_fault(fault, Times::Once);
        shop.cash_taken(&payment).await;
        eventually("the fault to strike", async || {
            let waiting = shop.running.outside().printer.snapshot().faults;
            if waiting.is_empty() {
                Ok(())
            } else {
                Err(format!("{waiting:?}"))
            }
        })
        .await;
        shop.switch("printer_cable", false).await;
        shop.await_device("printer", "down").await;
        assert_eq!(shop.order(&order).await["payments"][0]["state"], "captured");
        shop.running.outside().printer.restart();
        shop.switch("printer_cable", true).await;
        let served = shop.fetch(&order).await;
        shop.assert_once(&served);
    }
    let books = shop.end_day().await;
    assert_eq!(books["totals"]["receipted_minor"], 6 * 12000);
    assert_eq!(shop.running.outside().printer.receipts().len(), 6);
    shop.close().await;
}

/// Where the power goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    Placed,
    Registering,
    Shown,
    Paid,
    Receipt,
    Cooking,
    Ready,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_point_leaves_one_charge_one_receipt_one_dish() {
    // Slow enough that a dish is really on the heat when the power goes.
    let shop = Shop::open(100).await;
    let cuts = [
        Cut::Placed,
        Cut::Registering,
        Cut::Shown,
        Cut::Paid,
        Cut::Receipt,
        Cut::Cooking,
        Cut::Ready,
    ];
    for at in cuts {
        let order = shop.place(&["borscht"]).await;
        if at == Cut::Placed {
            shop.power_cut().await;
        }
        let payment = shop.start_payment(&order, "sbp_qr").await;
        if at == Cut::Registering {
            shop.power_cut().await;
        }
        shop.await_payment(&payment, "waiting").await;
        if at == Cut::Shown {
            shop.power_cut().await;
        }
        shop.phone_pays(&order).await;
        if at == Cut::Paid {
            shop.power_cut().await;
        }
        shop.await_payment(&payment, "captured").await;
        if at == Cut::Receipt {
            shop.power_cut().await;
        }
        if at == Cut::Cooking {
            shop.await_dish(&order, "cooking").await;
            shop.power_cut().await;
        }
        shop.await_order(&order, &["ready"]).await;
        if at == Cut::Ready {
            shop.power_cut().await;
        }
        let served = shop.fetch(&order).await;
        shop.assert_once(&served);
        assert_eq!(shop.charges(&order), 1, "{at:?}");
        assert_eq!(served["payments"].as_array().unwrap().len(), 1);
        assert_eq!(
            served["dishes"][0]["attempt"], 1,
            "the robot did not lose its power"
        );
    }
    let books = shop.end_day().await;
    assert_eq!(books["totals"]["cook_jobs_done"], cuts.len());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_meet_a_power_cut_are_carried_out_once() {
    let shop = Shop::open(1000).await;
    let guests = join_all((0..16).map(async |_| {
        let order = shop.place(&["green-tea"]).await;
        shop.pay(&order, "cash").await;
        order
    }));
    let cuts = async {
        for _ in 0..5 {
            shop.power_cut().await;
            // The store answers again, and something has begun, before the next one.
            shop.get("store", KIOSK).await.expect(200);
        }
    };
    let (orders, ()) = tokio::join!(guests, cuts);
    let listed = shop.get("orders?limit=200", STAFF).await.expect(200);
    assert_eq!(listed["orders"].as_array().unwrap().len(), orders.len());
    for order in &orders {
        let served = shop.fetch(order).await;
        shop.assert_once(&served);
        assert_eq!(served["payments"].as_array().unwrap().len(), 1);
    }
    let books = shop.end_day().await;
    assert_eq!(books["totals"]["captured_minor"], 16 * 9000);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_paper_receipts_wait_and_come_once() {
    let shop = Shop::open(1000).await;
    shop.switch("paper", false).await;
    let order = shop.place(&["mors"]).await;
    shop.pay(&order, "cash").await;
    // Staff are told, in words that help.
    let alert = shop.await_alerts(true).await;
    assert!(
        alert["advice"].as_str().is_some_and(|a| !a.is_empty()),
        "{alert}"
    );
    shop.power_cut().await;
    shop.switch("paper", true).await;
    let served = shop.fetch(&order).await;
    shop.assert_once(&served);
    let printed: Vec<String> = shop.running.outside().printer.paper(200);
    assert!(printed.iter().any(|l| l.contains("120.00")), "{printed:?}");
    shop.await_alerts(false).await;
    shop.end_day().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jammed_robot_cooks_again_or_the_money_goes_back() {
    let shop = Shop::open(100).await;
    let order = shop.place(&["borscht", "plov"]).await;
    shop.pay(&order, "sbp_qr").await;
    shop.await_dish(&order, "cooking").await;
    shop.switch("robot_jam", true).await;
    shop.await_alerts(true).await;
    shop.power_cut().await;
    assert!(shop.await_alerts(true).await["advice"].is_string());
    shop.switch("robot_jam", false).await;
    let settled = shop.await_order(&order, &["ready", "refunded"]).await;
    let books = shop.end_day().await;
    let t = &books["totals"];
    let (captured, back) = (
        t["captured_minor"].as_i64().unwrap(),
        t["refunded_minor"].as_i64().unwrap(),
    );
    assert_eq!(captured, 35000 + 42000);
    // What was plated is paid for, and nothing else.
    let kept: i64 = shop
        .plated(&settled)
        .iter()
        .zip([35000, 42000])
        .map(|(n, price)| i64::from(*n) * price)
        .sum();
    assert_eq!(captured - back, kept, "{settled}");
    shop.await_alerts(false).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_that_loses_its_power_leaves_no_dish_unpaid_or_unserved() {
    let shop = Shop::open(100).await;
    let order = shop.place(&["plov"]).await;
    shop.pay(&order, "sbp_qr").await;
    shop.await_dish(&order, "cooking").await;
    shop.running.outside().kitchen.power_cut();
    shop.await_device("robot", "down").await;
    shop.running.outside().kitchen.restart();
    let settled = shop.await_order(&order, &["ready", "refunded"]).await;
    if settled["state"] == "ready" {
        assert_eq!(shop.plated(&settled), [1], "{settled}");
        let attempt = settled["dishes"][0]["attempt"].as_u64().unwrap();
        assert_eq!(
            attempt, 2,
            "a dish that was on the heat without power is not served: {settled}"
        );
    } else {
        assert_eq!(shop.plated(&settled), [0], "{settled}");
        assert_eq!(settled["payments"][0]["refunded_minor"], 42000);
    }
    shop.end_day().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_robots_cable_may_be_pulled_while_it_cooks() {
    let shop = Shop::open(100).await;
    let order = id(&shop
        .post("orders", KIOSK, &wish(&["borscht", "mors"]))
        .await
        .expect(201));
    shop.pay(&order, "card_terminal").await;
    shop.await_dish(&order, "cooking").await;
    shop.switch("robot_link", false).await;
    shop.await_device("robot", "down").await;
    shop.switch("robot_link", true).await;
    let served = shop.fetch(&order).await;
    shop.assert_once(&served);
    shop.end_day().await;
    shop.close().await;
}
