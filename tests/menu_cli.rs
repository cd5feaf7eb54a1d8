//! The menu on the command line: what it asks the daemon, tells and ends with.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod stub;

use serde_json::json;
use stub::*;

fn daemon(line: &str) -> axum::response::Response {
    match line {
        "GET /api/v1/menu" => ok(json!({
            "dishes": [
                {"id": "borscht", "price_minor": 35_000, "available": true, "name": {"en": "Borscht"},
                 "options": [{"choices": [{"id": "a"}, {"id": "b"}]}]},
                {"id": "plov", "price_minor": 42_000, "available": false, "stopped": true, "name": {"en": "Plov"}, "options": []},
                {"id": "mors", "price_minor": 12_000, "available": false, "name": {"en": "Mors"}, "options": []},
            ],
            "promotions": [{"id": "lunch", "kind": "combo", "dishes": ["borscht"], "name": {"en": "Lunch"}}],
        })),
        "GET /api/v1/menu/stops" => ok(json!({
            "stops": [{"ingredient_id": "beef", "since_at": 1, "who": "manager:anna", "why": "not delivered"}],
            "pause": {"kind": "cleaning", "since_at": 1, "why": "the floor"},
        })),
        "POST /api/v1/menu/stops"
        | "POST /api/v1/menu/stops/lift"
        | "POST /api/v1/sales/pause"
        | "POST /api/v1/sales/resume" => ok(json!({"stops": []})),
        other => well(other),
    }
}

#[tokio::test]
async fn the_menu_shows_prices_choices_and_what_is_not_to_be_had() {
    let stub = Stub::start(daemon);
    let ended = stub.galley(&["menu", "list"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    for words in ["350.00", "OFF SALE", "SOLD OUT", "Borscht"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    let ended = stub.galley(&["menu", "promotions"]).await;
    assert!(ended.out.contains("combo"), "{}", ended.out);
    let ended = stub.galley(&["menu", "stops"]).await;
    for words in [
        "SALES ARE PAUSED (cleaning)",
        "beef",
        "ingredient",
        "lifted",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
}

#[tokio::test]
async fn staff_stop_lift_pause_and_resume_with_a_reason() {
    let stub = Stub::start(daemon);
    let body = |n: usize| stub.asked.lock().unwrap()[n].body.clone();
    let ended = stub
        .galley(&["menu", "stop", "beef", "--ingredient", "--why", "late"])
        .await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(body(0), json!({"ingredient_id": "beef", "why": "late"}));
    let hint = "galley menu lift beef --ingredient\n";
    assert!(ended.out.contains(hint), "{}", ended.out);
    stub.galley(&["menu", "stop", "plov", "--why", "late", "--until", "2h"])
        .await;
    assert_eq!(body(1)["dish_id"], "plov");
    assert!(body(1)["until_at"].is_i64());
    stub.galley(&["menu", "lift", "plov", "--why", "here"])
        .await;
    assert_eq!(body(2), json!({"dish_id": "plov", "why": "here"}));
    let ended = stub
        .galley(&["sales", "pause", "--cleaning", "--why", "the floor"])
        .await;
    let hint = "galley sales resume\n";
    assert!(ended.out.contains(hint), "{}", ended.out);
    assert_eq!(body(3), json!({"kind": "cleaning", "why": "the floor"}));
    stub.galley(&["sales", "resume", "--why", "dry"]).await;
    assert_eq!(body(4), json!({"why": "dry"}));
    let ended = stub
        .galley(&["menu", "stop", "plov", "--why", "x", "--until", "soon"])
        .await;
    assert_eq!(ended.code, 2);
    let ended = stub.galley(&["menu", "stop", "plov"]).await;
    assert_eq!(ended.code, 2, "a reason is asked for");
    assert_eq!(stub.asked.lock().unwrap().len(), 5);
    // That all is as usual again needs no reason.
    stub.galley(&["menu", "lift", "plov"]).await;
    assert_eq!(body(5), json!({"dish_id": "plov"}));
    let ended = stub.galley(&["sales", "resume"]).await;
    assert_eq!((ended.code, body(6)), (0, json!({})), "{}", ended.err);
}

#[tokio::test]
async fn a_time_is_that_of_the_stores_clock() {
    let stub = Stub::start(|line| match line {
        // The program runs in UTC.
        "GET /api/v1/store" => ok(json!({"zone": "Asia/Tashkent"})),
        other => daemon(other),
    });
    let until = |n: usize| stub.asked.lock().unwrap()[n].body["until_at"].as_i64();
    for (n, args) in [
        (1, &["menu", "stop", "plov", "--why", "x"][..]),
        (3, &["sales", "pause", "--why", "x"]),
    ] {
        let ended = stub.galley(&[args, &["--until", "18:00"]].concat()).await;
        assert_eq!(ended.code, 0, "{}", ended.err);
        // 18:00 in Tashkent is 13:00 UTC all the year.
        assert_eq!(until(n).unwrap() % 86_400_000, 13 * 3_600_000);
    }
    let ended = stub.galley(&["shift", "show"]).await;
    for words in ["2025-11-22 13:26:40", "Asia/Tashkent"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    // What a technician reads beside the clock on the wall: five hours later than UTC, everywhere.
    for (args, words) in [
        (&["order", "list"][..], "2025-11-22 13:26:40"),
        (&["order", "show", "A17"], "2025-11-22 13:26:40"),
        (&["order", "log", ORDER], "2025-11-22 13:26:40"),
        (&["status"], "2025-11-22 13:28:20"),
        (&["secret", "list"], "2025-11-22 09:00:00"),
    ] {
        let ended = stub.galley(args).await;
        assert!(ended.out.contains(words), "{args:?}: {}", ended.out);
    }
}

#[tokio::test]
async fn a_catalogs_file_is_checked_without_a_daemon() {
    let stub = Stub::start(daemon);
    let menu = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/menu.toml");
    let ended = stub.galley(&["menu", "check", menu]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("can be used"), "{}", ended.out);
    let wrong = stub.folder.path().join("wrong.toml");
    let text = std::fs::read_to_string(menu).unwrap();
    std::fs::write(&wrong, text.replace("n = 3 }", "n = 1 }")).unwrap();
    let ended = stub
        .galley(&["menu", "check", wrong.to_str().unwrap()])
        .await;
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("n must be at least 2"), "{}", ended.out);
    assert!(stub.lines().is_empty());
}
