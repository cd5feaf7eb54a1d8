//! What evidence can't decide at once, and what only a person can.

use super::*;
use galley_atol::emulator::{At, Fault, Times};

#[tokio::test(start_paused = true)]
async fn a_printer_in_doubt_blocks_only_its_own_queue() {
    let rig = Rig::new(2).await;
    assert_eq!(rig.put("a-1", &sale(100), 60).await.0, 201);
    let power = Fault::PowerCut { carried_out: true };
    rig.printer().set_fault(power, Times::Once);
    let (status, doubt) = rig.put("a-2", &sale(200), 100).await;
    assert_eq!((status, &doubt["state"]), (202, &json!("doubt")), "{doubt}");
    assert_eq!(rig.put("a-3", &sale(300), 0).await.0, 202);
    for n in 0..5 {
        let body = on("kkt-1", sale(1000 + n));
        assert_eq!(rig.put(&format!("b-{n}"), &body, 60).await.0, 201);
    }
    assert_eq!(rig.printers[1].receipts().len(), 5);
    let (_, backlog) = rig.get("/v1/fiscal/devices/kkt-0/backlog").await;
    assert_eq!(backlog["counts"]["live"], 2);
    assert_eq!(backlog["counts"]["doubt"], 1);
    rig.printer().restart();
    rig.until("a-3", &["done"]).await;
    // The one in doubt was registered before the power went: it is found, not repeated.
    assert_eq!(
        rig.until("a-2", &["done"]).await["attempts"][0]["number"],
        1
    );
    assert_eq!(rig.keys(), ["a-1", "a-2", "a-3"]);
}

#[tokio::test(start_paused = true)]
async fn a_document_in_doubt_that_is_called_off_is_cancelled_only_if_it_does_not_exist() {
    for carried_out in [true, false] {
        let rig = Rig::new(1).await;
        assert_eq!(rig.put("a-1", &sale(100), 60).await.0, 201);
        rig.printer()
            .set_fault(Fault::PowerCut { carried_out }, Times::Once);
        assert_eq!(rig.put("a-2", &sale(200), 100).await.1["state"], "doubt");
        let (status, wanted) = rig.delete("a-2").await;
        assert_eq!((status, &wanted["cancel_wanted"]), (202, &json!(true)));
        rig.printer().restart();
        let expected = if carried_out { "done" } else { "cancelled" };
        rig.until("a-2", &["done", "cancelled"]).await;
        assert_eq!(rig.until("a-2", &[expected]).await["state"], expected);
        assert_eq!(rig.receipts().len(), if carried_out { 2 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn another_fiscal_drive_stops_the_queue_until_a_technician_accepts_it() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("a-1", &sale(100), 60).await.0, 201);
    rig.printer().set_fault(Fault::OtherDrive, Times::Once);
    let (status, waiting) = rig.put("a-2", &sale(200), 20).await;
    assert_eq!((status, &waiting["state"]), (202, &json!("queued")));
    assert_eq!(waiting["trouble"]["code"], "other_drive");
    let (_, device) = rig.get("/v1/fiscal/devices/kkt-0").await;
    assert_eq!(
        (&device["link"], &device["alert"]["code"]),
        (&json!("stopped"), &json!("other_drive"))
    );
    let found = rig.printer().snapshot().drive_number;
    let path = "/v1/fiscal/devices/kkt-0/accept-drive";
    let (status, _) = rig
        .post(path, &json!({"drive_number": found, "reason": ""}))
        .await;
    assert_eq!(status, 422);
    let (status, _) = rig
        .post(
            path,
            &json!({"drive_number": found, "reason": "the drive was full"}),
        )
        .await;
    assert_eq!(status, 200);
    rig.until("a-2", &["done"]).await;
    assert_eq!(rig.keys(), ["a-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_document_whose_drive_was_taken_away_waits_for_a_technicians_word() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("a-1", &sale(100), 60).await.0, 201);
    let power = Fault::PowerCut { carried_out: true };
    rig.printer().set_fault(power, Times::Once);
    assert_eq!(rig.put("a-2", &sale(200), 100).await.1["state"], "doubt");
    rig.printer().set_fault(Fault::OtherDrive, Times::Once);
    rig.printer().restart();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let doubt = rig.until("a-2", &["doubt", "person"]).await;
    assert_eq!(doubt["trouble"]["code"], "other_drive");
    let path = "/v1/fiscal/documents/a-2/resolve";
    let (status, _) = rig
        .post(path, &json!({"outcome": "registered", "reason": " "}))
        .await;
    assert_eq!(status, 422);
    let word = json!({"outcome": "registered", "reason": "on paper: document 4",
                      "record": {"document_number": 4}});
    let (status, resolved) = rig.post(path, &word).await;
    assert_eq!((status, &resolved["state"]), (200, &json!("done")));
    assert_eq!(
        resolved["decided_by"],
        "technician:anna: on paper: document 4"
    );
    // There is nothing left to decide.
    assert_eq!(rig.post(path, &word).await.0, 409);
    let (status, again) = rig.put("a-2", &sale(200), 0).await;
    assert_eq!(
        (status, &again["result"]["document_number"]),
        (200, &json!(4))
    );
}

#[tokio::test(start_paused = true)]
async fn paper_that_is_no_document_is_asked_for_by_key_or_at_once() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("a-1", &sale(100), 60).await.0, 201);
    let x = json!({"device": "kkt-0", "document": "x_report"});
    assert_eq!(rig.put("x-1", &x, 60).await.0, 201);
    let lines = rig.printer().printed_lines();
    assert_eq!(rig.put("x-1", &x, 60).await.0, 200);
    assert_eq!(
        rig.printer().printed_lines(),
        lines,
        "a repeat of the key prints nothing"
    );
    assert_eq!(
        rig.post("/v1/fiscal/devices/kkt-0/x-report", &json!({}))
            .await
            .0,
        200
    );
    assert!(rig.printer().printed_lines() > lines);
    let (status, last) = rig.get("/v1/fiscal/last").await;
    assert_eq!((status, &last["total_minor"]), (200, &json!(100)));
    let (status, status_now) = rig.get("/v1/fiscal/devices/kkt-0/status").await;
    assert_eq!((status, &status_now["shift"]), (200, &json!("open")));
    assert_eq!(kinds(rig.printer()), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_cashiers_day_with_every_trouble_gives_exactly_the_documents_that_were_asked_for() {
    let mut rig = Rig::new(1).await;
    let mut wanted = Vec::new();
    rig.insist("morning", &shift("shift_open")).await;
    let faults = [
        Fault::AnswerLost,
        Fault::LinkLost { carried_out: true },
        Fault::LinkLost { carried_out: false },
        Fault::PowerCut { carried_out: true },
        Fault::PowerCut { carried_out: false },
        Fault::PaperEnds { registered: true },
        Fault::FrameCut,
        Fault::Busy,
    ];
    let printer = rig.printer().clone();
    let mender = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(45)).await;
            printer.restart();
            printer.set_fault(Fault::PaperBack, Times::Once);
        }
    });
    for n in 0..48_usize {
        let key = format!("order-{n}");
        let kind = if n % 7 == 6 { "sale_return" } else { "sale" };
        let body = receipt(kind, 1000 + i64::try_from(n).unwrap());
        if n % 3 == 1 {
            rig.printer()
                .set_fault_at(faults[n / 3 % faults.len()], At::Acts, Times::Once);
        }
        if n % 5 == 2 {
            // The box is power-cycled in the middle.
            let moment = Duration::from_millis(u64::try_from(n * 83).unwrap());
            tokio::select! {
                biased;
                _ = rig.put(&key, &body, 60) => {}
                () = tokio::time::sleep(moment) => {}
            }
            rig.restart().await;
        }
        rig.insist(&key, &body).await;
        wanted.push((key, body["tenders"][0]["sum_minor"].as_u64().unwrap()));
    }
    rig.insist("evening", &shift("shift_close")).await;
    mender.abort();
    let found: Vec<(String, u64)> = rig
        .receipts()
        .into_iter()
        .map(|d| (d.key.unwrap_or_default(), d.total_minor))
        .collect();
    assert_eq!(found, wanted);
    let shifts: Vec<u8> = kinds(rig.printer())
        .into_iter()
        .filter(|k| *k != 3)
        .collect();
    assert_eq!(shifts, [2, 5]);
}
