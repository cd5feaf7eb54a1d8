//! The proof that the books are exact, where nothing but the store itself keeps them.

#![cfg(all(feature = "hq", feature = "emulators"))]
#![allow(clippy::unwrap_used)]

mod memory;

use memory::Rig;
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn a_store_without_accounting_lacks_no_document_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start_with(folder.path(), 3, 3, |wiring| {
        wiring.one_c = None;
        wiring.policy.accounting = false;
    })
    .await;
    rig.opened().await;
    let order = rig.order(&["mors", "green-tea"]).await;
    let path = format!("orders/{order}");
    rig.until("the dishes", &path, |o| o["state"] == "ready")
        .await;
    rig.call("POST", &format!("{path}/hand-over"), json!({}))
        .await;
    rig.call("POST", "shift/close", json!({})).await;
    rig.until("the shift's end", "shift", |s| s["state"] == "closed")
        .await;
    let quiet = |b: &Value| b["totals"]["live_effects"] == 0 && b["totals"]["under_way"] == 0;
    let books = rig.until("the books", "reconcile", quiet).await;
    let totals = &books["totals"];
    assert_eq!(books["differences"], json!([]), "{books}");
    assert_eq!(books["exact"], true, "{books}");
    assert_eq!(totals["orders"], 1);
    assert!(totals["captured_minor"].as_i64().unwrap() > 0, "{totals}");
    assert_eq!(totals["captured_minor"], totals["receipted_minor"]);
    assert_eq!(totals["accounting_minor"], 0, "{totals}");
    rig.daemon.stop().await;
}
