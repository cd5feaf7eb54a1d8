//! Simulable by construction: a whole order, device drivers and connectors included, lived twice on a
//! single-threaded runtime with paused time, gives the same log byte for byte. Links are pipes in memory to the
//! emulators' cores, HTTP goes to their routers, the writer runs inline, ids and jitter come from one seed.

#![allow(clippy::unwrap_used)]

mod memory;

use galley::store::{LogEntry, StoreError};
use memory::Rig;
use serde_json::json;

/// One order by QR code and one by card, to the plate; then the shift is closed and accounted for.
async fn live(rig: &mut Rig) {
    rig.opened().await;
    for tender in ["sbp_qr", "card_terminal"] {
        let order = rig
                .call(
                    "POST",
                    "orders",
                    json!({"language": "uz", "phone": "+79161234567",
                           "lines": [{"dish_id": "borscht", "quantity": 1}, {"dish_id": "mors", "quantity": 2}]}),
                )
                .await;
        let id = order["id"].as_str().unwrap().to_owned();
        let payment = rig
            .call(
                "POST",
                &format!("orders/{id}/payments"),
                json!({"tender": tender}),
            )
            .await;
        let payment = payment["id"].as_str().unwrap().to_owned();
        if tender == "sbp_qr" {
            rig.until("the QR code", &format!("payments/{payment}"), |p| {
                p["qr"].is_object()
            })
            .await;
            rig.outside.bank.pay_newest().unwrap();
        } else {
            let body = json!({"result": "approved", "external_id": "1"});
            rig.call("POST", &format!("payments/{payment}/result"), body)
                .await;
        }
        rig.until("the dishes", &format!("orders/{id}"), |o| {
            o["state"] == "ready"
        })
        .await;
        rig.call("POST", &format!("orders/{id}/hand-over"), json!({}))
            .await;
    }
    rig.call("POST", "shift/close", json!({})).await;
    rig.until("exact books", "reconcile", |r| {
        r["exact"] == true && r["totals"]["accounting_minor"] == 118_000
    })
    .await;
}

async fn log(rig: &Rig) -> Vec<LogEntry> {
    rig.daemon
        .site
        .store
        .read(|s| -> Result<_, StoreError> {
            s.verify_log()?;
            s.events_after(0, 100_000)
        })
        .await
        .unwrap()
}

fn live_from(seed: u64) -> Vec<LogEntry> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path(), seed, 12).await;
        live(&mut rig).await;
        let receipts = rig.outside.printer.receipts();
        assert_eq!(receipts.len(), 2);
        assert_eq!(rig.outside.bank.charges(), 1);
        assert!(rig.kitchen.dishes().values().all(|d| d.plated == 1));
        assert_eq!(rig.kitchen.dishes().len(), 6);
        let _ = rig.hq.stores().await.unwrap();
        let log = log(&rig).await;
        rig.daemon.stop().await;
        log
    })
}

#[test]
fn the_same_seed_gives_the_same_log_byte_for_byte() {
    let (first, second) = (live_from(7), live_from(7));
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a, b, "the two lives part at event {}", a.seq);
    }
    assert_eq!(first.len(), second.len());
    assert!(first.len() > 50, "{} events", first.len());
}

#[test]
fn another_seed_gives_other_ids() {
    assert_ne!(
        live_from(7).last().map(|e| e.hash),
        live_from(8).last().map(|e| e.hash)
    );
}
