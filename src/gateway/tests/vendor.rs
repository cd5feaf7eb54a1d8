//! The vendor's web requests, word for word as its clients send them. [source: atol.md 3.6, 4]

use super::*;
use galley_atol::emulator::{Fault, Times};

const UUID: &str = "0ba40014-5fa5-11ea-b5e9-037d4786a49d";

fn sell(sum: f64) -> Value {
    json!({"type": "sell", "taxationType": "osn", "electronically": false,
        "operator": {"name": "Робот 1"},
        "clientInfo": {"emailOrPhone": "+79161234567"},
        "items": [{"type": "position", "name": "Суп дня", "price": sum, "quantity": 1, "amount": sum,
            "measurementUnit": "piece", "paymentMethod": "fullPayment", "paymentObject": "commodity",
            "tax": {"type": "none"}}],
        "payments": [{"type": "electronically", "sum": sum}], "total": sum})
}

impl Rig {
    async fn ask(&self, uuid: &str, request: Value) -> (u16, Value) {
        let body = json!({"uuid": uuid, "request": request, "deviceID": "kkt-0"});
        self.send(TILL, Method::POST, "/api/v2/requests", Some(&body))
            .await
            .unwrap()
    }

    /// Polls as the vendor's clients do, until every task has a final status.
    async fn results(&self, uuid: &str) -> Vec<Value> {
        for _ in 0..1000 {
            let (status, answer) = self.get(&format!("/api/v2/requests/{uuid}")).await;
            assert_eq!(status, 200, "{answer}");
            let results = answer["results"].as_array().unwrap().clone();
            let ended = |r: &Value| {
                ["ready", "error", "interrupted", "canceled"]
                    .iter()
                    .any(|s| r["status"] == *s)
            };
            if results.iter().all(ended) {
                return results;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        panic!("{uuid} is never decided");
    }
}

#[tokio::test(start_paused = true)]
async fn a_till_written_for_the_vendors_server_sells() {
    let rig = Rig::new(1).await;
    let (status, answer) = rig.ask(UUID, json!([sell(799.5)])).await;
    assert_eq!((status, &answer["uuid"]), (201, &json!(UUID)));
    let results = rig.results(UUID).await;
    assert_eq!(results[0]["status"], "ready", "{results:?}");
    assert_eq!(results[0]["error"]["code"], 0);
    let params = &results[0]["result"]["fiscalParams"];
    assert_eq!(params["total"], 799.5);
    assert_eq!(params["fnNumber"], "9999078902004310");
    assert!(params["fiscalDocumentSign"].is_string());
    let at = params["fiscalDocumentDateTime"].as_str().unwrap();
    assert!(
        at.starts_with("2026-11-22T12:") && at.ends_with("+03:00"),
        "{at}"
    );
    assert_eq!(results[0]["result"]["warnings"], json!({}));
    let receipts = rig.receipts();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].total_minor, 79_950);
    assert_eq!(receipts[0].operator.as_deref(), Some("Робот 1"));
}

#[tokio::test(start_paused = true)]
async fn what_is_corrected_must_have_happened() {
    let rig = Rig::new(1).await;
    let mut correction = sell(100.0);
    correction["type"] = json!("sellCorrection");
    correction["correctionType"] = json!("self");
    correction["correctionBaseDate"] = json!("2027.01.01");
    assert_eq!(rig.ask(UUID, correction.clone()).await.0, 201);
    let refused = &rig.results(UUID).await[0];
    assert_eq!(refused["status"], "error", "{refused}");
    assert!(refused.to_string().contains("still to come"), "{refused}");
    assert_eq!(rig.receipts().len(), 0);
    correction["correctionBaseDate"] = json!("2026.11.20");
    let again = UUID.replace("0ba4", "0ba5");
    assert_eq!(rig.ask(&again, correction).await.0, 201);
    let done = &rig.results(&again).await[0];
    assert_eq!(done["status"], "ready", "{done}");
}

#[tokio::test(start_paused = true)]
async fn a_known_uuid_is_a_conflict_and_an_unknown_one_is_not_found() {
    let mut rig = Rig::new(1).await;
    assert_eq!(rig.get(&format!("/api/v2/requests/{UUID}")).await.0, 404);
    assert_eq!(rig.ask(UUID, sell(100.0)).await.0, 201);
    rig.results(UUID).await;
    assert_eq!(rig.ask(UUID, sell(100.0)).await.0, 409);
    rig.restart().await;
    assert_eq!(rig.ask(UUID, sell(100.0)).await.0, 409);
    assert_eq!(rig.results(UUID).await[0]["status"], "ready");
    assert_eq!(rig.receipts().len(), 1);
    let (status, _) = rig
        .send(
            TILL,
            Method::POST,
            "/api/v2/requests",
            Some(&json!({"uuid": 1})),
        )
        .await
        .unwrap();
    assert_eq!(status, 400);
}

#[tokio::test(start_paused = true)]
async fn tasks_run_in_order_and_those_behind_a_failure_are_interrupted() {
    let rig = Rig::new(1).await;
    let tasks = json!([
        {"type": "openShift", "operator": {"name": "Робот 1"}},
        sell(100.0),
        {"type": "flashFirmware", "firmwareFile": "x"},
        sell(200.0),
    ]);
    assert_eq!(rig.ask(UUID, tasks).await.0, 201);
    let results = rig.results(UUID).await;
    let told: Vec<_> = results
        .iter()
        .map(|r| {
            (
                r["status"].as_str().unwrap(),
                r["error"]["code"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("ready", 0),
            ("ready", 0),
            ("error", 11),
            ("interrupted", 502)
        ]
    );
    assert_eq!(kinds(rig.printer()), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_has_the_vendors_code() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.ask("warm", sell(100.0)).await.0, 201);
    rig.results("warm").await;
    // A field is missing.
    rig.ask("bad", json!({"type": "sell", "items": []})).await;
    assert_eq!(rig.results("bad").await[0]["error"]["code"], 501);
    // No paper: an error for the till, nothing registered, and a new uuid afterwards.
    rig.printer().set_fault(Fault::PaperOut, Times::Once);
    rig.ask("paper", sell(200.0)).await;
    let results = rig.results("paper").await;
    assert_eq!(
        (&results[0]["status"], &results[0]["error"]["code"]),
        (&json!("error"), &json!(44))
    );
    rig.printer().set_fault(Fault::PaperBack, Times::Once);
    rig.ask("paper-2", sell(200.0)).await;
    assert_eq!(rig.results("paper-2").await[0]["status"], "ready");
    // No link.
    rig.printer().power_cut();
    rig.ask("link", sell(300.0)).await;
    assert_eq!(rig.results("link").await[0]["error"]["code"], 2);
    rig.printer().restart();
    let sums: Vec<u64> = rig.receipts().iter().map(|d| d.total_minor).collect();
    assert_eq!(sums, [10_000, 20_000]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_the_printer_is_found_out_for_the_vendors_tills_too() {
    for carried_out in [true, false] {
        let rig = Rig::new(1).await;
        rig.ask("warm", sell(100.0)).await;
        rig.results("warm").await;
        rig.printer()
            .set_fault(Fault::LinkLost { carried_out }, Times::Once);
        rig.ask(UUID, sell(200.0)).await;
        assert_eq!(rig.results(UUID).await[0]["status"], "ready");
        assert_eq!(rig.receipts().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn questions_are_answered_in_the_vendors_form() {
    let rig = Rig::new(1).await;
    rig.ask(
        UUID,
        json!([sell(100.0), {"type": "getShiftStatus"}, {"type": "getDeviceStatus"},
        {"type": "getLastFiscalParams"}, {"type": "getFnStatus"}, {"type": "reportX"}]),
    )
    .await;
    let results = rig.results(UUID).await;
    assert!(
        results.iter().all(|r| r["status"] == "ready"),
        "{results:#?}"
    );
    assert_eq!(results[1]["result"]["shiftStatus"]["state"], "opened");
    assert_eq!(results[2]["result"]["deviceStatus"]["paperPresent"], true);
    let number = &results[0]["result"]["fiscalParams"]["fiscalDocumentNumber"];
    assert_eq!(&results[3]["result"]["fiscalDocumentNumber"], number);
    assert_eq!(
        &results[4]["result"]["fnStatus"]["fiscalDocumentNumber"],
        number
    );
    let (status, told) = rig
        .send(
            TILL,
            Method::POST,
            "/api/v2/operations/queryShiftStatus",
            None,
        )
        .await
        .unwrap();
    assert_eq!(
        (status, &told["shiftStatus"]["state"]),
        (200, &json!("opened"))
    );
}

#[tokio::test(start_paused = true)]
async fn version_one_has_its_own_paths_and_form() {
    let rig = Rig::new(1).await;
    let body = json!({"uuid": UUID, "request": sell(100.0)});
    let (status, answer) = rig
        .send(TILL, Method::POST, "/requests", Some(&body))
        .await
        .unwrap();
    assert_eq!((status, &answer["status"]), (201, &json!("ok")));
    rig.results(UUID).await;
    let (_, answer) = rig.get(&format!("/requests/{UUID}")).await;
    assert_eq!(answer["results"][0]["errorCode"], 0);
    assert_eq!(answer["results"][0]["errorDescription"], "Ошибок нет");
}

#[tokio::test(start_paused = true)]
async fn a_queued_request_can_be_called_off() {
    let rig = Rig::new(1).await;
    rig.ask("warm", sell(100.0)).await;
    rig.results("warm").await;
    rig.printer().power_cut();
    rig.ask(UUID, sell(200.0)).await;
    let path = format!("/api/v2/requests/{UUID}");
    let (status, _) = rig.send(TILL, Method::DELETE, &path, None).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(rig.results(UUID).await[0]["status"], "canceled");
    rig.printer().restart();
    rig.ask("next", sell(300.0)).await;
    rig.results("next").await;
    assert_eq!(rig.receipts().len(), 2);
    let (status, _) = rig.send("guess", Method::GET, &path, None).await.unwrap();
    assert_eq!(status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_task_behind_another_tills_document_ends_in_time_when_the_printer_is_dead() {
    let rig = Rig::new(1).await;
    rig.ask("warm", sell(100.0)).await;
    rig.results("warm").await;
    rig.printer().power_cut();
    assert_eq!(rig.put("native", &sale(5_000), 0).await.0, 202);
    rig.until("native", &["queued"]).await;
    // It has long met the dead link when the till of the vendor comes.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let began = tokio::time::Instant::now();
    rig.ask(UUID, json!([sell(200.0), sell(300.0)])).await;
    let results = rig.results(UUID).await;
    let took = began.elapsed();
    assert!(
        (Duration::from_secs(6)..Duration::from_secs(9)).contains(&took),
        "{took:?}"
    );
    let told = |n: usize| {
        (
            results[n]["status"].clone(),
            results[n]["error"]["code"].clone(),
        )
    };
    assert_eq!(told(0), (json!("error"), json!(2)));
    assert_eq!(told(1), (json!("interrupted"), json!(502)));
    // What our own door took waits on, and nothing of the tasks is ever printed.
    assert_eq!(rig.until("native", &["queued"]).await["state"], "queued");
    rig.printer().restart();
    rig.until("native", &["done"]).await;
    let sums: Vec<u64> = rig.receipts().iter().map(|d| d.total_minor).collect();
    assert_eq!(sums, [10_000, 5_000]);
}

#[tokio::test(start_paused = true)]
async fn a_task_behind_a_document_in_doubt_is_blocked_and_goes_on_by_itself() {
    let rig = Rig::new(1).await;
    rig.ask("warm", sell(100.0)).await;
    rig.results("warm").await;
    let power = Fault::PowerCut { carried_out: true };
    rig.printer().set_fault(power, Times::Once);
    assert_eq!(
        rig.put("native", &sale(5_000), 60).await.1["state"],
        "doubt"
    );
    rig.ask(UUID, sell(200.0)).await;
    let path = format!("/api/v2/requests/{UUID}");
    let told = async || rig.get(&path).await.1["results"][0].clone();
    assert_eq!(told().await["status"], "wait");
    tokio::time::sleep(Duration::from_secs(8)).await;
    let blocked = told().await;
    assert_eq!(
        (&blocked["status"], &blocked["error"]["code"]),
        (&json!("blocked"), &json!(2)),
        "{blocked}"
    );
    rig.printer().restart();
    assert_eq!(rig.results(UUID).await[0]["status"], "ready");
    assert_eq!(rig.receipts().len(), 3);
}
