//! What a printer behind the web server does besides registering, and what the emulated server is like.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod web_bench;

use bytes::Bytes;
use galley_atol::{
    emulator::TokioClock,
    web::{
        Api, AtolWebConfig, AtolWebPrinters, Credentials,
        emulator::{AfterCrash, Times, WebEmulator, WebEmulatorConfig, WebFault},
    },
};
use galley_fiscal::{
    Align, Ffd, FiscalError, Marking, MarkingStatus, PrinterFactory as _, ReceiptKind, Recovered,
    SettlementSubject, Slip, SlipItem, TableCell, TaxSystem, TenderForm,
};
use galley_link::{Address, Dialer as _, MemoryNet};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use web_bench::{
    Bench, cash_in, cash_out, correction, ids, noon, receipt, sale, shift_close, shift_open,
};

#[tokio::test(start_paused = true)]
async fn the_printer_says_who_it_is_and_how_it_does() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let info = printer.info().clone();
    assert_eq!(info.model, "АТОЛ 91Ф");
    assert_eq!(info.backend, "atol_web");
    assert_eq!(info.capabilities.ffd, Ffd::V12);
    assert!(info.capabilities.marking);
    assert_eq!(printer.columns(), 32);
    let status = printer.status().await.unwrap();
    assert_eq!(status.drive_number, "9999078902004312");
    assert_eq!((status.last_document, status.shift_number), (2, 1));
    assert!(status.paper && status.cover_closed && !status.receipt_open);
    assert!(
        status.local_time.starts_with("2026-11-22T12:00:"),
        "{}",
        status.local_time
    );
    assert_eq!(status.drive_valid_until.as_deref(), Some("2028-01-01"));
    assert_eq!(
        (status.unsent_documents, status.oldest_unsent),
        (Some(0), None)
    );
    bench.server.set_fault(WebFault::PaperOut, Times::Once);
    assert!(!printer.status().await.unwrap().paper);
    let registration = printer.registration().await.unwrap();
    assert_eq!(registration.registration_number, "0000000001002292");
    assert_eq!(
        registration.tax_systems,
        [TaxSystem::General, TaxSystem::SimplifiedIncome]
    );
    assert_eq!(registration.automatic, Some(false));
    let drive = printer.drive().await.unwrap();
    assert_eq!(drive.number, "9999078902004312");
    assert_eq!(drive.registrations_left, Some(29));
    assert!(!drive.critical && drive.first_unsent.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_totals_are_those_of_the_shift() {
    let mut bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    bench.carry_out(&sale("k-1"), false).await;
    bench.carry_out(&sale("k-2"), false).await;
    let back = galley_fiscal::Document::Receipt(receipt(ReceiptKind::SaleReturn, "k-3"));
    bench.carry_out(&back, false).await;
    bench.carry_out(&cash_out("k-4", 10_001), false).await;
    let totals = bench.open().await.totals().await.unwrap();
    let sales = totals.of(ReceiptKind::Sale);
    assert_eq!((sales.count, sales.sum_minor), (2, 145_970));
    assert!(sales.tenders.contains(&(TenderForm::Electronic, 140_000)));
    assert!(sales.tenders.contains(&(TenderForm::Cash, 5_970)));
    assert_eq!(totals.of(ReceiptKind::SaleReturn).count, 1);
    assert_eq!(totals.of(ReceiptKind::Purchase).count, 0);
    assert_eq!((totals.cash.ins, totals.cash.in_minor), (1, 500_000));
    assert_eq!((totals.cash.outs, totals.cash.out_minor), (1, 10_001));
    assert_eq!(totals.cash.drawer_minor, 500_000 + 5_970 - 2_985 - 10_001);
    assert_eq!(totals.shift_number, 1);
}

#[tokio::test(start_paused = true)]
async fn documents_are_read_back_from_the_drive() {
    let mut bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let done = bench
        .carry_out(&correction(ReceiptKind::Sale, "k-9"), false)
        .await;
    let mut printer = bench.open().await;
    let mut last = printer.last_document().await.unwrap().unwrap();
    last.printed = done.record.printed;
    assert_eq!(last, done.record);
    assert_eq!(printer.document(99).await.unwrap(), None);
    let registration = printer.document(1).await.unwrap().unwrap();
    assert_eq!(registration.kind, galley_fiscal::RecordKind::Other(1));
    assert!(done.record.qr_text().unwrap().ends_with("&n=1"));
}

#[tokio::test(start_paused = true)]
async fn a_marked_unit_is_checked_sold_and_forgotten() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let marking = Marking {
        code: "0104606994064366\u{1d}21aXWy7fMf1GN32\u{1d}91ffd0".into(),
        status: MarkingStatus::PieceSold,
        fraction: None,
        checked: None,
    };
    let checked = printer.check_marking(&marking).await.unwrap();
    assert_eq!(checked.tag_2106(), 15);
    let mut sold = receipt(ReceiptKind::Sale, "k-1");
    sold.lines[0].subject = SettlementSubject::CommodityWithMarking;
    sold.lines[0].details.marking = Some(Marking {
        checked: Some(checked),
        ..marking.clone()
    });
    let before = printer.baseline().await.unwrap();
    printer
        .register(&galley_fiscal::Document::Receipt(sold), &before)
        .await
        .unwrap();
    let task = bench.server.documents().pop().unwrap().task;
    let imc = &task["items"][0]["imcParams"];
    assert_eq!(
        imc["imc"],
        "MDEwNDYwNjk5NDA2NDM2Nh0yMWFYV3k3Zk1mMUdOMzIdOTFmZmQw"
    );
    assert_eq!(imc["itemInfoCheckResult"]["imcCheckFlag"], true);
    let tasks = bench.server.tasks();
    let position = |name: &str| tasks.iter().position(|t| t == name).unwrap();
    assert!(position("cancelMarkingCodeValidation") < position("beginMarkingCodeValidation"));
    assert!(position("acceptMarkingCode") < position("sell"));
    assert!(position("sell") < position("clearMarkingCodeValidationResult"));
    let old = Bench::new(WebEmulatorConfig {
        ffd: "1.05".into(),
        ..WebEmulatorConfig::default()
    });
    let refused = old.open().await.check_marking(&marking).await;
    assert!(
        matches!(refused, Err(FiscalError::Unsupported(_))),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn slips_reports_copies_and_the_drawer_are_no_documents() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    let mut printer = bench.open().await;
    let before = bench.server.documents().len();
    let slip = Slip {
        items: vec![
            SlipItem::Text {
                text: "Заказ 42".into(),
                align: Align::Center,
                wide: true,
            },
            SlipItem::Pair {
                left: "Суп".into(),
                right: "350.00".into(),
            },
            SlipItem::Qr {
                data: "https://example.org/42".into(),
                scale: 4,
                align: Align::Center,
            },
        ],
        cut: true,
    };
    printer.slip(&slip).await.unwrap();
    printer.x_report().await.unwrap();
    printer.copy_last().await.unwrap();
    printer.print_document(1).await.unwrap();
    printer.open_drawer().await.unwrap();
    printer.continue_print().await.unwrap();
    assert_eq!(
        bench.server.printed(),
        [
            "nonFiscal",
            "reportX",
            "printLastReceiptCopy",
            "printFnDocument",
            "openCashDrawer"
        ]
    );
    assert_eq!(bench.server.documents().len(), before);
    bench.server.set_fault(WebFault::PaperOut, Times::Once);
    let refused = printer.slip(&slip).await;
    assert!(
        matches!(
            refused,
            Err(FiscalError::Refused {
                code: 44,
                retry: true,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_set_with_a_closed_shift_only_and_tables_are_out_of_reach() {
    let mut bench = Bench::new(WebEmulatorConfig::default());
    let mut printer = bench.open().await;
    printer.set_clock("2026-11-22T12:00:00").await.unwrap();
    assert!(printer.set_clock("22.11.2026").await.is_err());
    bench.carry_out(&shift_open(), false).await;
    let refused = printer.set_clock("2026-11-22T12:00:00").await;
    assert!(
        matches!(refused, Err(FiscalError::Refused { code: 83, .. })),
        "{refused:?}"
    );
    let cell = TableCell {
        table: 2,
        row: 1,
        field: 1,
    };
    for result in [
        printer.read_table(cell).await.map(|_| ()),
        printer.write_table(cell, &[1]).await,
    ] {
        assert!(
            matches!(result, Err(FiscalError::Unsupported(_))),
            "{result:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn money_is_not_moved_while_the_shift_is_closed() {
    let bench = Bench::new(WebEmulatorConfig::default());
    let mut printer = bench.open().await;
    let before = printer.baseline().await.unwrap();
    let refused = printer.register(&cash_in("k-1", 100), &before).await;
    assert!(
        matches!(
            refused,
            Err(FiscalError::Refused {
                code: 73,
                retry: true,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(bench.server.documents().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_interface_is_served_too() {
    let clock = TokioClock::starting(noon());
    let server = WebEmulator::open(
        None,
        WebEmulatorConfig {
            v1_results: true,
            ..WebEmulatorConfig::default()
        },
        Arc::new(clock.clone()),
    )
    .unwrap();
    let config = AtolWebConfig {
        api: Api::V1,
        ..AtolWebConfig::default()
    };
    let mut bench = Bench::of(server, clock, config);
    bench.start().await;
    let done = bench.carry_out(&sale("k-1"), false).await;
    assert_eq!(done.record.document_number, 3);
    bench.carry_out(&shift_close(), false).await;
}

#[tokio::test(start_paused = true)]
async fn answered_reads_are_forgotten_where_that_is_wanted_and_attempts_never() {
    for (forget_reads, held) in [(true, 3), (false, 5)] {
        let clock = TokioClock::starting(noon());
        let server =
            WebEmulator::open(None, WebEmulatorConfig::default(), Arc::new(clock.clone())).unwrap();
        let config = AtolWebConfig {
            forget_reads,
            ..AtolWebConfig::default()
        };
        let mut bench = Bench::of(server, clock, config);
        bench.start().await;
        bench.carry_out(&sale("k-1"), false).await;
        if forget_reads {
            assert_eq!(bench.server.held(), held);
        } else {
            assert!(bench.server.held() > held);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_is_sent_where_one_is_asked_for() {
    let net = MemoryNet::new();
    let door = net.listen("web");
    let config = WebEmulatorConfig {
        credentials: Some(("till".into(), "secret".into())),
        ..WebEmulatorConfig::default()
    };
    let clock = TokioClock::starting(noon());
    let server = WebEmulator::open(None, config, Arc::new(clock)).unwrap();
    tokio::spawn(async move { server.listen(door).await });
    let address: Address = "mem://web".parse().unwrap();
    let with = |credentials: Option<Credentials>| {
        AtolWebPrinters::new(
            Arc::new(net.clone()),
            address.clone(),
            AtolWebConfig::default(),
            ids(),
        )
        .with_credentials(credentials)
    };
    let right = Credentials {
        user: "till".into(),
        password: "secret".into(),
    };
    assert!(!format!("{right:?}").contains("secret"));
    assert!(with(Some(right.clone())).open().await.is_ok());
    let info = with(Some(right)).server_info().await.unwrap();
    assert!(info.contains("version"), "{info}");
    let Err(refused) = with(None).open().await else {
        panic!("no password was asked for");
    };
    assert!(
        matches!(&refused, FiscalError::Unsupported(t) if t.contains("password")),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_unreachable() {
    let bench = Bench::open_shift(WebEmulatorConfig::default()).await;
    bench.server.crash();
    let Err(error) = bench.printers.open().await else {
        panic!("it is away");
    };
    assert!(matches!(error, FiscalError::Unreachable { .. }), "{error}");
    bench.server.restart();
    bench.server.set_fault(WebFault::PrinterOff, Times::Once);
    let Err(error) = bench.printers.open().await else {
        panic!("the printer is off");
    };
    assert!(matches!(error, FiscalError::Unreachable { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn base_and_drive_outlive_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("base.json");
    for after_crash in [AfterCrash::Fails, AfterCrash::Blocked, AfterCrash::Recovers] {
        drop(std::fs::remove_file(&file));
        let config = WebEmulatorConfig {
            after_crash,
            ..WebEmulatorConfig::default()
        };
        let clock = TokioClock::starting(noon());
        let server = || {
            WebEmulator::open(Some(file.clone()), config.clone(), Arc::new(clock.clone())).unwrap()
        };
        let mut bench = Bench::of(server(), clock.clone(), AtolWebConfig::default());
        bench.start().await;
        let mut printer = bench.open().await;
        let before = printer.baseline().await.unwrap();
        bench
            .server
            .set_fault(WebFault::Crash { carried_out: true }, Times::Once);
        let doubt = printer.register(&sale("k-1"), &before).await;
        assert!(
            matches!(doubt, Err(FiscalError::Unknown { .. })),
            "{doubt:?}"
        );
        // Another process, with what the file kept.
        let bench = Bench::of(server(), clock.clone(), AtolWebConfig::default());
        bench.server.unblock();
        let mut printer = bench.open().await;
        let recovered = printer.recover(&sale("k-1"), &before).await.unwrap();
        let Recovered::Registered(record) = recovered else {
            panic!("{after_crash:?}: it is in the drive");
        };
        assert_eq!(record.document_number, 3, "{after_crash:?}");
        assert_eq!(bench.server.documents().len(), 3, "{after_crash:?}");
    }
}

/// A bare client, as a till of another make would be.
async fn raw(net: &MemoryNet, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let stream = net.open(&"mem://web".parse().unwrap()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

#[tokio::test(start_paused = true)]
async fn the_server_keeps_the_rules_of_its_queue() {
    let net = MemoryNet::new();
    let door = net.listen("web");
    let server = WebEmulator::open(
        None,
        WebEmulatorConfig::default(),
        Arc::new(TokioClock::starting(noon())),
    )
    .unwrap();
    tokio::spawn(async move { server.listen(door).await });
    let requests = "/api/v2/requests";
    let open = json!({"uuid": "u-1", "request": [{"type": "openShift"}, {"type": "openShift"}, {"type": "getFnInfo"}]});
    let (status, body) = raw(&net, Method::POST, requests, open.clone()).await;
    assert_eq!((status, &body["number"]), (StatusCode::CREATED, &json!(1)));
    let (status, _) = raw(&net, Method::POST, requests, open).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (_, body) = raw(&net, Method::GET, "/api/v2/requests/u-1", Value::Null).await;
    assert_eq!(body["results"][0]["status"], "inProgress");
    let waiting = json!({"uuid": "u-2", "request": {"type": "registration"}});
    raw(&net, Method::POST, "/requests", waiting).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (_, body) = raw(&net, Method::GET, "/requests/u-1", Value::Null).await;
    let ends: Vec<_> = (0..3)
        .map(|i| {
            (
                body["results"][i]["status"].clone(),
                body["results"][i]["error"]["code"].clone(),
            )
        })
        .collect();
    assert_eq!(
        ends,
        [
            (json!("ready"), json!(0)),
            (json!("error"), json!(83)),
            (json!("interrupted"), json!(502))
        ]
    );
    assert_eq!(
        body["results"][0]["result"]["fiscalParams"]["fiscalDocumentNumber"],
        2
    );
    // Setup is no task here.
    let (_, body) = raw(&net, Method::GET, "/requests/u-2", Value::Null).await;
    assert_eq!(body["results"][0]["error"]["code"], 501);
    let (status, _) = raw(&net, Method::GET, "/requests/u-3", Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = raw(&net, Method::POST, requests, json!({"uuid": "u-4"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, body) = raw(
        &net,
        Method::POST,
        "/api/v2/operations/queryFnStatus",
        json!({}),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["fnStatus"]["fiscalDocumentNumber"], 2);
    // A request is taken out of the queue before it runs.
    raw(
        &net,
        Method::POST,
        requests,
        json!({"uuid": "u-5", "request": [{"type": "closeShift"}]}),
    )
    .await;
    raw(
        &net,
        Method::POST,
        requests,
        json!({"uuid": "u-6", "request": [{"type": "openShift"}]}),
    )
    .await;
    raw(&net, Method::DELETE, "/api/v2/requests/u-6", Value::Null).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (_, body) = raw(&net, Method::GET, "/api/v2/requests/u-6", Value::Null).await;
    assert_eq!(body["results"][0]["status"], "canceled");
}
