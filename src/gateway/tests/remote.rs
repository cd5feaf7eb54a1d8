//! A store's printer behind the gateway: the driver's contract over HTTP, with lost requests and answers.

use super::*;
use crate::{
    gateway::client::GatewayPrinters,
    world::{HttpFault, Times as HttpTimes},
};
use galley_atol::emulator::{Fault, Times};
use galley_fiscal::{
    Document, FiscalError, FiscalPrinter, PrinterFactory as _, Recovered, ShiftDocument,
};

impl Rig {
    fn remote(&self) -> GatewayPrinters {
        let http = Arc::new(self.http.clone());
        GatewayPrinters::new(http, "http://gateway/", "kkt-0", Secret::new(TECHNICIAN))
    }

    async fn remote_printer(&self) -> Box<dyn FiscalPrinter> {
        self.remote().open().await.unwrap()
    }
}

fn document(key: &str, sum: i64) -> Document {
    let mut body = sale(sum);
    body.as_object_mut().unwrap().remove("device");
    body["key"] = json!(key);
    serde_json::from_value(body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_store_prints_through_the_gateway_as_if_the_printer_were_its_own() {
    let mut rig = Rig::new(1).await;
    rig.own_shifts = false;
    rig.restart().await;
    let mut printer = rig.remote_printer().await;
    assert!(printer.info().model.contains("91"));
    let open = Document::ShiftOpen(ShiftDocument {
        key: "open".to_owned(),
        operator: None,
    });
    let baseline = printer.baseline().await.unwrap();
    printer.register(&open, &baseline).await.unwrap();
    let baseline = printer.baseline().await.unwrap();
    let record = printer
        .register(&document("s-1", 700), &baseline)
        .await
        .unwrap();
    assert_eq!(
        (record.total_minor, record.key.as_deref()),
        (Some(700), Some("s-1"))
    );
    assert_eq!(printer.document(9_999).await.unwrap(), None);
    assert_eq!(
        printer
            .last_document()
            .await
            .unwrap()
            .unwrap()
            .document_number,
        record.document_number
    );
    let status = printer.status().await.unwrap();
    assert_eq!(status.last_document, record.document_number);
    // A repeat of the same attempt is the same document.
    let again = printer
        .register(&document("s-1", 700), &baseline)
        .await
        .unwrap();
    assert_eq!(again.document_number, record.document_number);
    assert_eq!(rig.keys(), ["s-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_or_answer_is_found_out_and_never_printed_twice() {
    for (fault, exists) in [
        (HttpFault::RequestLost, false),
        (HttpFault::AnswerLost, true),
        (HttpFault::Hang, true),
        (HttpFault::Garbage, true),
    ] {
        let rig = Rig::new(1).await;
        assert_eq!(rig.put("warm", &sale(100), 60).await.0, 201);
        let mut printer = rig.remote_printer().await;
        let baseline = printer.baseline().await.unwrap();
        rig.http
            .set_fault("gateway", fault.clone(), HttpTimes::ONCE);
        let lost = printer.register(&document("s-1", 700), &baseline).await;
        assert!(
            matches!(lost, Err(FiscalError::Unknown { .. })),
            "{fault:?}: {lost:?}"
        );
        // The daemon may have died meanwhile: nothing is remembered.
        let mut printer = rig.remote_printer().await;
        let found = printer
            .recover(&document("s-1", 700), &baseline)
            .await
            .unwrap();
        assert_eq!(
            matches!(found, Recovered::Registered(_)),
            exists,
            "{fault:?}"
        );
        if !exists {
            // The same counters, and yet another attempt.
            let next = printer.baseline().await.unwrap();
            assert_eq!(next, baseline);
            printer
                .register(&document("s-1", 700), &next)
                .await
                .unwrap();
        }
        assert_eq!(rig.keys(), ["warm", "s-1"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn not_registered_is_final_even_for_a_request_that_is_still_on_its_way() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("warm", &sale(100), 60).await.0, 201);
    let printers = rig.remote();
    let mut printer = printers.open().await.unwrap();
    let baseline = printer.baseline().await.unwrap();
    let found = printer
        .recover(&document("s-1", 700), &baseline)
        .await
        .unwrap();
    assert_eq!(found, Recovered::NotRegistered);
    // The request of the attempt that was given up arrives now: its generation is the first.
    let (_, list) = rig.get("/v1/fiscal/documents?state=cancelled").await;
    let key = list["documents"][0]["key"].as_str().unwrap().to_owned();
    assert!(key.ends_with("-0"), "{key}");
    let (status, _) = rig.put(&key, &sale(700), 60).await;
    assert_eq!(status, 410);
    assert_eq!(rig.keys(), ["warm"]);
    printer
        .register(&document("s-1", 700), &baseline)
        .await
        .unwrap();
    assert_eq!(rig.keys(), ["warm", "s-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_printer_without_paper_is_told_to_the_store_and_leaves_nothing_behind() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("warm", &sale(100), 60).await.0, 201);
    let mut printer = rig.remote_printer().await;
    let baseline = printer.baseline().await.unwrap();
    rig.printer().set_fault(Fault::PaperOut, Times::Once);
    for _ in 0..3 {
        let refused = printer.register(&document("s-1", 700), &baseline).await;
        assert!(
            matches!(refused, Err(FiscalError::Refused { retry: true, .. })),
            "{refused:?}"
        );
    }
    rig.printer().set_fault(Fault::PaperBack, Times::Once);
    printer
        .register(&document("s-1", 700), &baseline)
        .await
        .unwrap();
    assert_eq!(rig.keys(), ["warm", "s-1"]);
    let (_, backlog) = rig.get("/v1/fiscal/backlog").await;
    assert_eq!(backlog["devices"][0]["counts"]["live"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_away_or_does_not_know_us_is_told_apart() {
    let rig = Rig::new(1).await;
    rig.http
        .set_fault("gateway", HttpFault::Refused, HttpTimes::ONCE);
    let opened = rig.remote().open().await;
    assert!(matches!(opened, Err(FiscalError::Unreachable { .. })));
    let stranger = GatewayPrinters::new(
        Arc::new(rig.http.clone()),
        "http://gateway",
        "kkt-0",
        Secret::new("guess"),
    );
    let opened = stranger.open().await;
    assert!(matches!(opened, Err(FiscalError::Unsupported(_))));
    rig.printer().power_cut();
    let opened = rig.remote().open().await;
    assert!(matches!(opened, Err(FiscalError::Unreachable { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_has_lost_its_journal_is_not_believed_against_the_drive() {
    let mut rig = Rig::new(1).await;
    assert_eq!(rig.put("warm", &sale(100), 60).await.0, 201);
    let mut printer = rig.remote_printer().await;
    let baseline = printer.baseline().await.unwrap();
    rig.http
        .set_fault("gateway", HttpFault::AnswerLost, HttpTimes::ONCE);
    let lost = printer.register(&document("s-1", 700), &baseline).await;
    assert!(matches!(lost, Err(FiscalError::Unknown { .. })));
    rig.kill().await;
    for file in std::fs::read_dir(rig.folder.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    rig.start(None).await.unwrap();
    let mut printer = rig.remote_printer().await;
    let found = printer.recover(&document("s-1", 700), &baseline).await;
    assert!(matches!(found, Ok(Recovered::Registered(_))), "{found:?}");
    assert_eq!(rig.keys(), ["warm", "s-1"]);
}
