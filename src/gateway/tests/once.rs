//! One document for each key, whatever dies.

use super::*;
use crate::gateway::journal::Crash;
use galley_atol::emulator::{Fault, Times};

#[tokio::test(start_paused = true)]
async fn the_same_key_and_body_give_the_stored_result() {
    let mut rig = Rig::new(1).await;
    let (status, first) = rig.put("order-1", &sale(70_000), 60).await;
    assert_eq!(status, 201, "{first}");
    assert_eq!(first["state"], "done");
    assert_eq!(first["result"]["total_minor"], 70_000);
    assert!(first["result"]["qr"].as_str().unwrap().contains("s=700.00"));
    let (status, again) = rig.put("order-1", &sale(70_000), 60).await;
    assert_eq!((status, &again["result"]), (200, &first["result"]));
    rig.restart().await;
    let (status, again) = rig.put("order-1", &sale(70_000), 0).await;
    assert_eq!((status, &again["result"]), (200, &first["result"]));
    // The shift, opened by the gateway itself, and the receipt.
    assert_eq!(kinds(rig.printer()), [2, 3]);
    assert_eq!(rig.keys(), ["order-1"]);
}

#[tokio::test(start_paused = true)]
async fn another_body_under_the_same_key_is_refused_and_prints_nothing() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("order-1", &sale(70_000), 60).await.0, 201);
    let (status, problem) = rig.put("order-1", &sale(80_000), 60).await;
    assert_eq!(status, 409);
    assert_eq!(problem["slug"], "key_reused");
    // Another till's document that looks the same is another document: it must not pass for printed.
    let path = "/v1/fiscal/documents/order-1?wait=60";
    let body = sale(70_000);
    let other = rig.send(TECHNICIAN, Method::PUT, path, Some(&body)).await;
    assert_eq!(other.unwrap().0, 409);
    assert_eq!(rig.receipts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_our_code_the_devices_code_and_advice() {
    let rig = Rig::new(1).await;
    // Wrong from the start: nothing is written down, so the same key serves the corrected one.
    let mut wrong = sale(70_000);
    wrong["tenders"][0]["sum_minor"] = json!(1);
    let (status, problem) = rig.put("order-1", &wrong, 60).await;
    assert_eq!((status, &problem["slug"]), (422, &json!("invalid")));
    assert!(problem["advice"].is_string());
    assert_eq!(rig.put("order-1", &sale(70_000), 60).await.0, 201);
    // By the device, before any effect: stored.
    rig.printer()
        .set_fault(Fault::Refuse { err: 0x0A }, Times::Once);
    let (status, problem) = rig.put("order-2", &sale(70_000), 60).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(problem["slug"], "device_refused");
    assert_eq!(problem["device_code"], 0x0A);
    assert!(!problem["advice"].as_str().unwrap().is_empty());
    let (status, again) = rig.put("order-2", &sale(70_000), 60).await;
    assert_eq!((status, &again["slug"]), (422, &problem["slug"]));
    assert_eq!(rig.receipts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_of_the_journal_leaves_exactly_one_document() {
    let mut survived = 0;
    for at in 1.. {
        for written in [false, true] {
            let mut rig = Rig::new(1).await;
            rig.kill().await;
            if rig.start(Some(Crash { at, written })).await.is_err() {
                // It died while it took up the last run.
                rig.restart().await;
            }
            let done = rig.insist("order-1", &sale(70_000)).await;
            assert_eq!(done["state"], "done");
            let close = rig.insist("z-1", &shift("shift_close")).await;
            assert_eq!(close["state"], "done");
            let when = format!("commit {at}, written: {written}");
            assert_eq!(kinds(rig.printer()), [2, 3, 5], "{when}");
            assert_eq!(rig.keys(), ["order-1"], "{when}");
            if rig.restarts == 0 {
                survived += 1;
            }
        }
        // The day has fewer writes than that.
        if survived >= 2 {
            assert!(at > 8, "there were only {at} writes to die at");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_box_that_dies_at_any_moment_prints_what_was_asked_for_once() {
    let step = 97;
    let mut until = 0;
    loop {
        let mut rig = Rig::new(1).await;
        let body = sale(70_000);
        let died = tokio::select! {
            biased;
            answer = rig.put("order-1", &body, 60) => {
                assert_eq!(answer.0, 201);
                false
            }
            () = tokio::time::sleep(Duration::from_millis(until)) => true,
        };
        rig.restart().await;
        let done = rig.insist("order-1", &body).await;
        assert_eq!(done["state"], "done", "died after {until} ms");
        assert_eq!(rig.keys(), ["order-1"], "died after {until} ms");
        if !died {
            break;
        }
        until += step;
    }
    assert!(until > 1500, "a receipt takes its time: {until}");
}

#[tokio::test(start_paused = true)]
async fn a_cable_that_is_cut_in_the_middle_of_a_receipt_costs_no_document_and_gives_none_twice() {
    for fault in [
        Fault::AnswerLost,
        Fault::FrameCut,
        Fault::WrongCrc,
        Fault::LinkLost { carried_out: true },
        Fault::LinkLost { carried_out: false },
        Fault::PowerCut { carried_out: true },
        Fault::PowerCut { carried_out: false },
        Fault::PaperEnds { registered: true },
        Fault::PaperEnds { registered: false },
    ] {
        let mut rig = Rig::new(1).await;
        rig.insist("open", &shift("shift_open")).await;
        rig.printer().set_fault(fault, Times::Once);
        let mender = {
            let printer = rig.printer().clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(20)).await;
                    printer.restart();
                    printer.set_fault(Fault::PaperBack, Times::Once);
                }
            })
        };
        let done = rig.insist("order-1", &sale(70_000)).await;
        let next = rig.insist("order-2", &sale(10_000)).await;
        mender.abort();
        assert_eq!(
            (&done["state"], &next["state"]),
            (&json!("done"), &json!("done"))
        );
        assert_eq!(rig.keys(), ["order-1", "order-2"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_paper_a_document_waits_and_says_so_and_comes_when_paper_is_back() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("order-1", &sale(100), 60).await.0, 201);
    rig.printer().set_fault(Fault::PaperOut, Times::Once);
    let (status, waiting) = rig.put("order-2", &sale(200), 30).await;
    assert_eq!(
        (status, &waiting["state"]),
        (202, &json!("queued")),
        "{waiting}"
    );
    assert!(waiting["trouble"]["advice"].is_string(), "{waiting}");
    let (_, device) = rig.get("/v1/fiscal/devices/kkt-0").await;
    assert!(!device["alert"].is_null());
    rig.printer().set_fault(Fault::PaperBack, Times::Once);
    let done = rig.until("order-2", &["done"]).await;
    assert_eq!(done["result"]["total_minor"], 200);
    assert_eq!(rig.keys(), ["order-1", "order-2"]);
    // Nothing is left unprinted.
    assert_eq!(rig.printer().snapshot().unprinted_lines, 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_can_be_called_off_and_a_late_request_prints_nothing() {
    let rig = Rig::new(1).await;
    rig.insist_open().await;
    rig.printer().power_cut();
    assert_eq!(rig.put("order-1", &sale(100), 1).await.0, 202);
    let (status, gone) = rig.delete("order-1").await;
    assert_eq!((status, &gone["state"]), (200, &json!("cancelled")));
    // A key that nothing was asked under yet.
    let (status, gone) = rig.delete("order-2").await;
    assert_eq!((status, &gone["decided_now"]), (200, &json!(true)));
    rig.printer().restart();
    for key in ["order-1", "order-2"] {
        let (status, problem) = rig.put(key, &sale(100), 60).await;
        assert_eq!(status, 410, "{key}: {problem}");
    }
    assert_eq!(rig.put("order-3", &sale(100), 60).await.0, 201);
    assert_eq!(rig.keys(), ["order-3"]);
    // What exists can't be called off.
    let (status, problem) = rig.delete("order-3").await;
    assert_eq!((status, &problem["slug"]), (409, &json!("already_done")));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_nobody_waits_for_any_more_is_given_up() {
    let rig = Rig::new(1).await;
    rig.printer().power_cut();
    let mut body = sale(100);
    body["options"] = json!({"give_up_after_s": 30});
    assert_eq!(rig.put("order-1", &body, 0).await.0, 202);
    let gone = rig.until("order-1", &["cancelled"]).await;
    assert_eq!(gone["trouble"]["code"], "expired");
    rig.printer().restart();
    assert_eq!(rig.put("order-2", &sale(100), 60).await.0, 201);
    assert_eq!(rig.keys(), ["order-2"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_shift_is_turned_where_that_is_configured() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("order-1", &sale(100), 60).await.0, 201);
    rig.printer().set_fault(Fault::ShiftExpired, Times::Once);
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(rig.put("order-2", &sale(100), 60).await.0, 201);
    assert_eq!(kinds(rig.printer()), [2, 3, 5, 2, 3]);
    let (_, list) = rig.get("/v1/fiscal/documents?limit=10").await;
    let own = list["documents"].as_array().unwrap().iter();
    assert_eq!(own.filter(|d| d["door"] == "own").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_those_who_may_come_in() {
    let rig = Rig::new(1).await;
    let send = |token, method, path| rig.send(token, method, path, None);
    let devices = "/v1/fiscal/devices";
    assert_eq!(send("guess", Method::GET, devices).await.unwrap().0, 401);
    assert_eq!(send(TILL, Method::GET, devices).await.unwrap().0, 200);
    let resolve = "/v1/fiscal/documents/x/resolve";
    assert_eq!(send(TILL, Method::POST, resolve).await.unwrap().0, 403);
    assert_eq!(send("", Method::GET, "/healthz").await.unwrap().0, 200);
    assert_eq!(send("", Method::GET, "/metrics").await.unwrap().0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_is_asked_for_passes_what_waits_for_it() {
    let mut rig = Rig::new(1).await;
    rig.own_shifts = false;
    rig.restart().await;
    let (status, waiting) = rig.put("order-1", &sale(100), 5).await;
    assert_eq!((status, &waiting["state"]), (202, &json!("queued")));
    assert_eq!(rig.put("order-2", &sale(200), 0).await.0, 202);
    rig.insist_open().await;
    rig.until("order-2", &["done"]).await;
    assert_eq!(kinds(rig.printer()), [2, 3, 3]);
    // Over 24 hours the sale waits for the shift's end, and then for the next one.
    rig.printer().set_fault(Fault::ShiftExpired, Times::Once);
    let (status, waiting) = rig.put("order-3", &sale(300), 5).await;
    assert_eq!((status, &waiting["state"]), (202, &json!("queued")));
    let (status, closed) = rig.put("z", &shift("shift_close"), 60).await;
    assert_eq!(status, 201, "{closed}");
    assert_eq!(rig.put("open-2", &shift("shift_open"), 60).await.0, 201);
    rig.until("order-3", &["done"]).await;
    assert_eq!(kinds(rig.printer()), [2, 3, 3, 5, 2, 3]);
    // A closed one is not closed again, and holds nobody up.
    assert_eq!(rig.put("z-2", &shift("shift_close"), 60).await.0, 201);
    let (status, refused) = rig.put("z-3", &shift("shift_close"), 60).await;
    assert_eq!((status, &refused["slug"]), (422, &json!("shift_closed")));
}

#[tokio::test(start_paused = true)]
async fn what_was_called_off_says_so_and_only_its_own_till_does_it() {
    let rig = Rig::new(1).await;
    rig.printer().power_cut();
    assert_eq!(rig.put("order-1", &sale(100), 5).await.0, 202);
    let path = "/v1/fiscal/documents/order-2";
    let theirs = sale(100);
    let asked = rig.send(TECHNICIAN, Method::PUT, path, Some(&theirs));
    assert_eq!(asked.await.unwrap().0, 202);
    assert_eq!(rig.delete("order-2").await.0, 403);
    assert_eq!(rig.delete("order-1").await.0, 200);
    let (status, gone) = rig.put("order-1", &sale(100), 0).await;
    assert_eq!((status, &gone["slug"]), (410, &json!("cancelled")));
}

impl Rig {
    async fn insist_open(&self) {
        let (status, answer) = self.put("open", &shift("shift_open"), 60).await;
        assert_eq!(status, 201, "{answer}");
    }
}
