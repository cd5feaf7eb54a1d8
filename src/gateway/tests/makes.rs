//! The vendor's face in front of other printers than its own: Shtrikh-M, and the vendor's server with the format 1.2.

use super::*;
use galley_atol::web::{
    AtolWebConfig, AtolWebPrinters,
    emulator::{WebEmulator, WebEmulatorConfig},
};
use galley_fiscal::PrinterFactory;
use galley_shtrih_m::{
    ShtrihConfig, ShtrihPrinters,
    emulator::{
        At, EmulatorConfig as ShtrihSetup, Fault as ShtrihFault, ShtrihEmulator,
        Times as ShtrihTimes, TokioClock as ShtrihClock,
    },
};
use std::sync::atomic::{AtomicU64, Ordering};

/// Base64 of the code of atol.md 3.6, with its group separator.
const MARK: &str = "MDEwNDYwNjk5NDA2NDM2Nh0yMWFYV3k3Zk1mMUdOMzIdOTFmZmQw";

/// A gateway with one printer of any make, and a client of the vendor's web requests.
struct Face {
    _folder: tempfile::TempDir,
    http: RouterHttp,
    service: Service,
    asked: std::cell::Cell<u32>,
}

impl Face {
    async fn new(factory: Arc<dyn PrinterFactory>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = DeviceSettings {
            id: "kkt-0".to_owned(),
            open_shift: true,
            close_expired_shift: true,
            operator: None,
            tax_system: galley_fiscal::TaxSystem::General,
        };
        let service = Service::start(Parts {
            world: MemoryDoors::world(Timestamp::from_millis(NOON), 7),
            journal: JournalOptions {
                path: folder.path().join("journal.db"),
                inline: true,
                crash: None,
            },
            printers: vec![(settings, factory)],
            tokens: vec![(Secret::new(TILL), Role::Till, "hall".to_owned())],
            keep: Duration::from_secs(3600),
            vendor_without_token: false,
            vendor_origins: Vec::new(),
            zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(3)),
        })
        .await
        .unwrap();
        let http = RouterHttp::new().route("gateway", service.gateway.router());
        Self {
            _folder: folder,
            http,
            service,
            asked: std::cell::Cell::new(0),
        }
    }

    async fn shtrih() -> (ShtrihEmulator, Self) {
        Self::shtrih_of(ShtrihSetup::default()).await
    }

    async fn shtrih_of(setup: ShtrihSetup) -> (ShtrihEmulator, Self) {
        let net = MemoryNet::new();
        let noon = galley_shtrih_m::local_time::LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
        let clock = Arc::new(ShtrihClock::starting(noon));
        let printer = ShtrihEmulator::open(None, setup, clock).unwrap();
        let (core, door) = (printer.clone(), net.listen("kkt-0"));
        tokio::spawn(async move { core.listen(door).await });
        let address = "mem://kkt-0".parse().unwrap();
        let factory = ShtrihPrinters::new(Arc::new(net), address, ShtrihConfig::default());
        (printer, Self::new(Arc::new(factory)).await)
    }

    async fn web() -> (WebEmulator, Self) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let net = MemoryNet::new();
        let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
        let clock = Arc::new(TokioClock::starting(noon));
        let server = WebEmulator::open(None, WebEmulatorConfig::default(), clock).unwrap();
        let (core, door) = (server.clone(), net.listen("web"));
        tokio::spawn(async move { core.listen(door).await });
        let factory = AtolWebPrinters::new(
            Arc::new(net),
            "mem://web".parse().unwrap(),
            AtolWebConfig::default(),
            Arc::new(|| {
                uuid::Uuid::from_u128(
                    0xB000 << 64 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed)),
                )
            }),
        );
        (server, Self::new(Arc::new(factory)).await)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://gateway{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {TILL}"))
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let answer = self.http.send(request, LONG).await.unwrap();
        let value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status().as_u16(), value)
    }

    /// Asks for tasks under a new uuid, and looks as the vendor's clients do, whenever a document has moved on.
    async fn ask(&self, tasks: Value) -> Vec<Value> {
        self.asked.set(self.asked.get() + 1);
        let uuid = format!("00000000-0000-0000-0000-{:012}", self.asked.get());
        let body = json!({"uuid": uuid, "request": tasks, "deviceID": "default"});
        let mut changes = self
            .service
            .gateway
            .device(None)
            .unwrap()
            .changes
            .subscribe();
        let (status, answer) = self.send(Method::POST, "/api/v2/requests", &body).await;
        assert_eq!(status, 201, "{answer}");
        let decided = async {
            loop {
                let path = format!("/api/v2/requests/{uuid}");
                let (_, answer) = self.send(Method::GET, &path, &Value::Null).await;
                let results = answer["results"].as_array().unwrap().clone();
                let live = |r: &Value| r["status"] == "wait" || r["status"] == "inProgress";
                if !results.iter().any(live) {
                    return results;
                }
                let told = changes.recv().await;
                assert!(!matches!(
                    told,
                    Err(tokio::sync::broadcast::error::RecvError::Closed)
                ));
            }
        };
        let decided = tokio::time::timeout(LONG, decided).await;
        decided.unwrap_or_else(|_| panic!("{uuid} is never decided"))
    }

    /// The answer of one task that must succeed.
    async fn fine(&self, task: Value) -> Value {
        let result = self.ask(json!([task])).await.remove(0);
        assert_eq!(result["status"], "ready", "{result}");
        result["result"].clone()
    }

    /// The code of one task that must fail.
    async fn code(&self, task: Value) -> i64 {
        let result = self.ask(json!([task])).await.remove(0);
        assert_eq!(result["status"], "error", "{result}");
        let code = result["error"]["code"].as_i64().unwrap();
        assert_eq!(result["errorCode"], code);
        assert_eq!(result["errorDescription"], result["error"]["description"]);
        code
    }
}

/// A sale as the "Market" till of F-Lab builds it: numbers for words, every form of payment, most of them empty.
fn sale_of_a_real_till(sum: f64) -> Value {
    json!({"type": "sell", "electronically": false, "taxationType": "osn", "validateMarkingCodes": false,
        "operator": {"name": "Иванова", "vatin": null},
        "items": [
            {"type": "position", "name": "Плов", "price": sum, "quantity": 1.0, "amount": sum, "infoDiscountAmount": 0.0,
             "measurementUnit": 0, "itemUnits": 0, "paymentObject": "1", "paymentMethod": "fullPayment",
             "industryInfo": [null], "tax": {"type": "none"}},
            {"type": "text", "text": "Спасибо"}],
        "payments": [
            {"type": "cash", "sum": 0.0}, {"type": "electronically", "sum": sum},
            {"type": "prepaid", "sum": 0.0}, {"type": "credit", "sum": 0.0}]})
}

fn mark() -> Value {
    json!({"imc": MARK, "imcType": 256, "itemEstimatedStatus": 1, "imcModeProcessing": 0})
}

#[tokio::test(start_paused = true)]
async fn a_till_written_for_the_vendors_server_sells_at_a_shtrikh() {
    let (printer, face) = Face::shtrih().await;
    let sold = face.fine(sale_of_a_real_till(350.0)).await;
    assert_eq!(sold["fiscalParams"]["total"], 350.0);
    assert_eq!(printer.receipts().len(), 1);
    let number = &sold["fiscalParams"]["fiscalDocumentNumber"];
    let document = face
        .fine(json!({"type": "getFnDocument", "fiscalDocumentNumber": number}))
        .await;
    let tags = &document["documentTLV"];
    assert_eq!(tags["1020"], 350.0);
    assert_eq!(tags["1054"], 1);
    assert_eq!(tags["fiscalDocumentType"], "receipt");
    assert_eq!(tags["short"], false);
    assert_eq!(tags["1059"][0]["1030"], "Плов");
    assert_eq!(tags["1059"][0]["1079"], 350.0);
    let raw = json!({"type": "getFnDocument", "fiscalDocumentNumber": number, "withRawData": true});
    let raw = face.fine(raw).await;
    assert!(
        raw["rawData"]
            .as_str()
            .is_some_and(|bytes| bytes.len() > 100)
    );
    let sign: u32 = sold["fiscalParams"]["fiscalDocumentSign"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(tags["1077"], format!("{sign:08X}"));
    // Clients read dates wherever the vendor has one.
    let status = face.fine(json!({"type": "ofdExchangeStatus"})).await;
    let shift = face.fine(json!({"type": "getShiftStatus"})).await;
    for date in [
        &status["status"]["notSentFirstDocDateTime"],
        &shift["shiftStatus"]["expiredTime"],
    ] {
        let text = date.as_str().unwrap();
        assert!(text.parse::<jiff::Timestamp>().is_ok(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tax_system_that_a_shtrikh_is_not_registered_for_never_reaches_it() {
    let general = ShtrihSetup {
        tax_systems: 1,
        ..ShtrihSetup::default()
    };
    let (printer, face) = Face::shtrih_of(general.clone()).await;
    let mut patent = sale_of_a_real_till(100.0);
    patent["taxationType"] = json!("patent");
    assert_eq!(face.code(patent.clone()).await, 13);
    assert_eq!(printer.documents().len(), 1, "the registration only");
    face.fine(sale_of_a_real_till(100.0)).await;
    // One that does not say how it is registered judges by itself, at the end of the receipt.
    let (printer, face) = Face::shtrih_of(general).await;
    let asked = At::Command(galley_shtrih_m::command::op::FS_REGISTRATION);
    let missing = ShtrihFault::Refuse { err: 0x37 };
    printer.set_fault_at(missing, asked, ShtrihTimes::Always);
    face.code(patent).await;
    assert_eq!(printer.documents().len(), 2, "a shift was opened for it");
}

#[tokio::test(start_paused = true)]
async fn a_position_with_its_discount_named_is_sold_at_every_make() {
    let with_discount = || {
        let mut sale = sale_of_a_real_till(359.95);
        sale["items"][0]["price"] = json!(73.99);
        sale["items"][0]["quantity"] = json!(5);
        sale["items"][0]["infoDiscountAmount"] = json!(10.0);
        sale
    };
    let (printer, face) = Face::shtrih().await;
    let sold = face.fine(with_discount()).await;
    assert_eq!(sold["fiscalParams"]["total"], 359.95);
    let line = &printer.receipts()[0].lines[0];
    assert_eq!((line.price_minor, line.quantity_micro), (7_199, 5_000_000));
    let (server, face) = Face::web().await;
    face.fine(with_discount()).await;
    let sold = server.documents().pop().unwrap().task;
    assert_eq!(sold["items"][0]["price"], 71.99);
    let rig = Rig::new(1).await;
    let body = json!({"uuid": "discount", "request": with_discount()});
    let (status, _) = rig
        .send(TILL, Method::POST, "/api/v2/requests", Some(&body))
        .await
        .unwrap();
    assert_eq!(status, 201);
    let done = rig.until("discount~0", &["done", "refused"]).await;
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(rig.receipts()[0].total_minor, 35_995);
}

#[tokio::test(start_paused = true)]
async fn a_shtrikhs_refusals_are_the_vendors_errors_in_words_for_a_cashier() {
    let (printer, face) = Face::shtrih().await;
    face.fine(sale_of_a_real_till(100.0)).await;
    // No such document, by number; its bytes; on paper, which this make can't.
    let absent = json!({"type": "getFnDocument", "fiscalDocumentNumber": 900});
    assert_eq!(face.code(absent).await, 123);
    let paper = json!({"type": "printFnDocument", "fiscalDocumentNumber": 2});
    assert_eq!(face.code(paper).await, 11);
    // More money out of the drawer than is in it.
    let out = face
        .ask(json!([{"type": "cashOut", "cashSum": 5000.0}]))
        .await;
    assert_eq!(out[0]["error"]["code"], 80, "{out:?}");
    let words = out[0]["error"]["description"].as_str().unwrap();
    assert!(
        words.starts_with("В ящике недостаточно наличных"),
        "{words}"
    );
    // A shift that is open already, a clock that can't be set now.
    assert_eq!(face.code(json!({"type": "openShift"})).await, 83);
    // A code of its own that no other make has.
    let report = At::Command(galley_shtrih_m::command::op::X_REPORT);
    printer.set_fault_at(ShtrihFault::Refuse { err: 0xD4 }, report, ShtrihTimes::Once);
    assert_eq!(face.code(json!({"type": "reportX"})).await, 409);
    printer.set_fault(ShtrihFault::PaperOut, ShtrihTimes::Once);
    assert_eq!(face.code(sale_of_a_real_till(200.0)).await, 44);
    printer.set_fault(ShtrihFault::PaperBack, ShtrihTimes::Once);
    face.fine(sale_of_a_real_till(300.0)).await;
    let sums: Vec<u64> = printer.receipts().iter().map(|d| d.total_minor).collect();
    assert_eq!(sums, [10_000, 30_000]);
}

/// A bottle that the face is to have checked by itself.
fn sale_to_be_checked(code: &str) -> Value {
    let code = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, code);
    let mut sale = sale_of_a_real_till(100.0);
    sale["validateMarkingCodes"] = json!(true);
    sale["items"][0]["paymentObject"] = json!("commodityWithMarking");
    sale["items"][0]["imcParams"] = json!({"imc": code, "imcType": "auto", "itemEstimatedStatus": "itemPieceSold",
        "imcModeProcessing": 0});
    sale
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_wants_its_units_checked_is_sold_or_refused_by_what_the_printer_says() {
    let good = "0104607010350246215kRdG-1%2(UmV\u{1d}93dGVz";
    let forged = "0104607010350246215BAD-1%2(UmV\u{1d}93dGVz";
    let (server, face) = Face::web().await;
    assert_eq!(face.code(sale_to_be_checked(forged)).await, 409);
    face.fine(sale_to_be_checked(good)).await;
    let sold = server.documents();
    assert_eq!(sold.iter().filter(|d| d.kind == 3).count(), 1);
    let imc = &sold.last().unwrap().task["items"][0]["imcParams"];
    assert_eq!(
        imc["itemInfoCheckResult"]["imcEstimatedStatusCorrect"],
        true
    );

    let (printer, face) = Face::shtrih().await;
    assert_eq!(face.code(sale_to_be_checked(forged)).await, 409);
    face.fine(sale_to_be_checked(good)).await;
    let receipts = printer.receipts();
    assert_eq!(receipts.len(), 1);
    assert_eq!(
        receipts[0].lines[0].marking.as_deref(),
        Some(good.as_bytes())
    );
}

#[tokio::test(start_paused = true)]
async fn a_marked_unit_is_checked_step_by_step_and_sold() {
    let (server, face) = Face::web().await;
    // What such tills begin with, whatever was before.
    face.fine(json!({"type": "cancelMarkingCodeValidation"}))
        .await;
    face.fine(json!({"type": "clearMarkingCodeValidationResult"}))
        .await;
    let begun = face
        .fine(json!({"type": "beginMarkingCodeValidation", "params": mark()}))
        .await;
    assert_eq!(begun["offlineValidation"]["fmCheck"], true);
    assert_eq!(begun["offlineValidation"]["fmCheckErrorReason"], "checked");
    // One at a time.
    let again = json!({"type": "beginMarkingCodeValidation", "params": mark()});
    assert_eq!(face.code(again).await, 401);
    let status = face
        .fine(json!({"type": "getMarkingCodeValidationStatus"}))
        .await;
    assert_eq!(
        (
            &status["ready"],
            &status["driverError"]["code"],
            &status["sentImcRequest"]
        ),
        (&json!(true), &json!(0), &json!(true))
    );
    let told = &status["onlineValidation"]["itemInfoCheckResult"];
    assert_eq!(told["imcEstimatedStatusCorrect"], true);
    let accepted = face.fine(json!({"type": "acceptMarkingCode"})).await;
    assert_eq!(&accepted["itemInfoCheckResult"], told);
    // It is over: there is nothing to look at or to accept.
    for step in [
        "getMarkingCodeValidationStatus",
        "acceptMarkingCode",
        "declineMarkingCode",
    ] {
        assert_eq!(face.code(json!({"type": step})).await, 404, "{step}");
    }
    let mut sale = sale_of_a_real_till(99.5);
    sale["items"][0]["paymentObject"] = json!("33");
    sale["items"][0]["imcParams"] = mark();
    sale["items"][0]["imcParams"]["itemInfoCheckResult"] = told.clone();
    face.fine(sale).await;
    let sold = server.documents().pop().unwrap().task;
    assert_eq!(sold["items"][0]["imcParams"]["imc"], MARK);
    let tasks = server.tasks();
    let count = |name: &str| tasks.iter().filter(|t| *t == name).count();
    assert_eq!(count("acceptMarkingCode"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_declined_unit_is_declined_at_the_printer_and_several_are_checked_at_once() {
    let (server, face) = Face::web().await;
    face.fine(json!({"type": "beginMarkingCodeValidation", "params": mark()}))
        .await;
    face.fine(json!({"type": "declineMarkingCode"})).await;
    let answer = face
        .fine(json!({"type": "validateMarks", "timeout": 5000, "params": [mark(), {"imc": "", "imcModeProcessing": 0}]}))
        .await;
    assert_eq!(
        answer[0]["onlineValidation"]["itemInfoCheckResult"]["imcCheckResult"],
        true
    );
    assert_eq!(answer[0]["itemInfoCheckResult"]["imcCheckResult"], true);
    // One that can't be read does not keep the others from it.
    assert_eq!(answer[1]["driverError"]["code"], 501);
    let ready = face
        .fine(json!({"type": "checkMarkingCodeValidationsReady"}))
        .await;
    assert_eq!(ready["validationReady"], true);
    let tasks = server.tasks();
    let count = |name: &str| tasks.iter().filter(|t| *t == name).count();
    assert_eq!(
        (count("declineMarkingCode"), count("acceptMarkingCode")),
        (1, 1)
    );
    let missing = json!({"type": "beginMarkingCodeValidation"});
    assert_eq!(face.code(missing).await, 501);
}

#[tokio::test(start_paused = true)]
async fn setup_is_refused_and_what_nobody_knows_is_told_from_it() {
    let (_printer, face) = Face::shtrih().await;
    assert_eq!(face.code(json!({"type": "fnChange"})).await, 11);
    assert_eq!(face.code(json!({"type": "sel"})).await, 501);
    let asked = face
        .fine(json!({"type": "getDeviceParameters", "keys": [1, 57]}))
        .await;
    let codes: Vec<_> = asked["deviceParameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["key"].as_i64().unwrap(), p["errorCode"].as_i64().unwrap()))
        .collect();
    assert_eq!(codes, [(1, 11), (57, 11)]);
    let set = face
        .fine(
            json!({"type": "setDeviceParameters", "deviceParameters": [{"key": 1, "value": "x"}]}),
        )
        .await;
    assert_eq!(set["deviceParameters"][0]["errorCode"], 11);
    for (method, path, status) in [
        (Method::GET, "/api/v2/serverInfo", 200),
        (Method::GET, "/api/v2/settings", 200),
        (Method::PUT, "/api/v2/settings", 403),
        (Method::GET, "/api/v2/devices", 200),
        (Method::GET, "/api/v2/devices/default", 200),
        (Method::GET, "/api/v2/devices/kkt-9", 404),
        (Method::DELETE, "/api/v2/devices/kkt-0", 403),
        (Method::POST, "/api/v2/setDefaultDevice", 403),
        (Method::POST, "/api/v2/activateDevice?deviceID=kkt-0", 200),
        (Method::POST, "/api/v2/deactivateDevice?deviceID=kkt-0", 403),
        (
            Method::GET,
            "/api/v2/getRequestsQueueStatus?deviceID=default",
            200,
        ),
        (
            Method::POST,
            "/api/v2/operations/queryShiftStatus?deviceID=kkt-0",
            200,
        ),
        (Method::POST, "/api/v2/operations/queryLicenses", 501),
        (
            Method::POST,
            "/api/v2/operations/queryShiftStatus?deviceID=kkt-9",
            400,
        ),
    ] {
        let (told, answer) = face.send(method.clone(), path, &json!({})).await;
        assert_eq!(told, status, "{method} {path}: {answer}");
        if status >= 400 {
            assert!(
                answer["error"]["code"].is_number(),
                "{method} {path}: {answer}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_origin_gets_no_answer_from_a_browser() {
    let rig = Rig::new(1).await;
    let ask = |origin: &'static str, method: Method| {
        let request = Request::builder()
            .method(method)
            .uri("http://gateway/api/v2/requests")
            .header(header::ORIGIN, origin)
            .header(header::AUTHORIZATION, format!("Bearer {TILL}"))
            .body(Bytes::from_static(br#"{"uuid": "x", "request": []}"#))
            .unwrap();
        rig.http.send(request, LONG)
    };
    let known = ask("https://till.example.org", Method::OPTIONS)
        .await
        .unwrap();
    assert_eq!(known.status(), 204);
    assert_eq!(
        known.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN],
        "https://till.example.org"
    );
    let known = ask("https://till.example.org", Method::POST).await.unwrap();
    assert_eq!(known.status(), 400);
    assert!(
        known
            .headers()
            .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
    );
    for method in [Method::OPTIONS, Method::POST] {
        let stranger = ask("https://elsewhere.example", method).await.unwrap();
        assert_eq!(stranger.status(), 403);
        let headers = stranger.headers();
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}
