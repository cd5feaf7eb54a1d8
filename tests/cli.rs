//! The command line as a technician or a script meets it: what it asks the daemon, tells and ends with.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod stub;

use serde_json::{Value, json};
use std::path::PathBuf;
use stub::*;
use tokio::net::UnixListener;

#[tokio::test]
async fn a_healthy_store_is_told_in_eighty_columns() {
    let stub = Stub::start(well);
    let ended = stub.galley(&["status"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{}", ended.out);
    for words in [
        "S001 Robot cafe",
        "accepted",
        "cash (off)",
        "10 events wait",
        "ATOL 91F",
        "no alerts",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert!(ended.out.lines().all(|l| l.chars().count() <= 80));
}

#[tokio::test]
async fn a_store_that_takes_no_orders_is_unhealthy_and_says_why() {
    let stub = Stub::start(|line| match line {
        "GET /api/v1/store" => ok(json!({
            "accepting": {"ok": false, "reason": {"en": "The printer is away"}}
        })),
        other => well(other),
    });
    let ended = stub.galley(&["status"]).await;
    assert_eq!(ended.code, 3);
    assert!(
        ended.out.contains("REFUSED: The printer is away"),
        "{}",
        ended.out
    );
    let ended = stub.galley(&["status", "--json"]).await;
    assert_eq!(ended.code, 3);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["store"]["accepting"]["ok"], false);
}

#[tokio::test]
async fn an_order_is_found_by_its_number() {
    let stub = Stub::start(well);
    let ended = stub.galley(&["order", "show", "a17"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    for words in [
        "450.50",
        "sbp_qr",
        "captured",
        "1234567890",
        "plated",
        "Soup",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert_eq!(
        stub.lines(),
        [
            "GET /api/v1/orders?limit=200".to_owned(),
            format!("GET /api/v1/orders/{ORDER}"),
            "GET /api/v1/store".to_owned(),
        ]
    );
    let ended = stub.galley(&["order", "show", "B99"]).await;
    assert_eq!(ended.code, 1, "{}", ended.err);
}

#[tokio::test]
async fn the_log_of_an_order_puts_events_and_attempts_in_the_order_of_time() {
    let stub = Stub::start(well);
    let ended = stub.galley(&["order", "log", ORDER]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let lines: Vec<&str> = ended.out.lines().skip(1).collect();
    assert!(
        lines[0].contains("perform bank.register  unknown  time-out"),
        "{}",
        ended.out
    );
    assert!(lines[1].contains("order.paid"), "{}", ended.out);
}

#[tokio::test]
async fn a_list_of_orders_is_a_table() {
    let stub = Stub::start(well);
    let ended = stub
        .galley(&["order", "list", "--state", "cooking", "--limit", "5"])
        .await;
    assert_eq!(
        ended.out,
        "NUMBER  STATE     TOTAL  PLACED               DISHES\n\
         A17     cooking  450.50  2025-11-22 08:26:40  2× Soup\n"
    );
    assert_eq!(
        stub.lines(),
        [
            "GET /api/v1/orders?state=cooking&limit=5",
            "GET /api/v1/store"
        ]
    );
}

#[tokio::test]
async fn a_refund_carries_exact_money_a_reason_and_a_key_of_its_own() {
    let stub = Stub::start(well);
    let args = [
        "order", "refund", ORDER, "--amount", "120.50", "--reason", "cold", "--yes",
    ];
    let ended = stub.galley(&args).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.out.contains("refund r-1: 120.50; it is on its way"),
        "{}",
        ended.out
    );
    stub.galley(&args).await;
    let asked = stub.asked();
    assert_eq!(
        asked[0].body,
        json!({"amount_minor": 12_050, "reason": "cold"})
    );
    let key = |a: &Asked| a.headers["idempotency-key"].to_str().unwrap().to_owned();
    assert!(key(&asked[0]).parse::<uuid::Uuid>().is_ok());
    assert_ne!(
        key(&asked[0]),
        key(&asked[1]),
        "each invocation is an act of its own"
    );
    assert!(!asked[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_refusal_by_the_state_of_things_is_told_in_the_daemons_words() {
    let stub = Stub::start(|_| problem(409, "refund_too_large", "only 450.00 can go back"));
    let args = ["order", "refund", ORDER, "--reason", "cold", "--yes"];
    let ended = stub.galley(&args).await;
    assert_eq!((ended.code, ended.out.as_str()), (6, ""));
    assert_eq!(
        ended.err,
        "galley: only 450.00 can go back [refund_too_large]\n  \
         amount_minor: is more than was paid\n"
    );
    let ended = stub.galley(&[&args[..], &["--json"]].concat()).await;
    let json: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!((ended.code, &json["slug"]), (6, &json!("refund_too_large")));
    assert_eq!(
        (&json["schema"], &json["exit_code"]),
        (&json!("galley/error/1"), &json!(6))
    );
}

#[tokio::test]
async fn no_daemon_is_told_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let ended = galley(&folder.path().join("none"), &["shift", "show"]).await;
    assert_eq!(ended.code, 5);
    assert!(
        ended.err.contains("systemctl status galley"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn a_lost_answer_is_an_unknown_outcome_with_the_key_to_repeat_it_by() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    // Takes the request and goes away.
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        drop(stream);
    });
    let ended = galley(&socket, &["shift", "close", "--yes"]).await;
    assert_eq!(ended.code, 7, "{}", ended.err);
    let key = ended.err.split("--key ").nth(1).unwrap();
    let key = key.split_whitespace().next().unwrap();

    let stub = Stub::start(well);
    let ended = stub
        .galley(&["shift", "close", "--yes", "--key", key])
        .await;
    assert_eq!(ended.code, 0);
    assert_eq!(stub.asked()[0].headers["idempotency-key"], key);
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_asks_nothing() {
    let stub = Stub::start(well);
    for args in [
        &["order", "refund", ORDER][..],
        &[
            "order", "refund", ORDER, "--reason", "x", "--amount", "12,345",
        ],
        &["order", "list", "--state", "foo"],
        &["stock", "receive", "rice", "1l"],
        // Milligrams are never meant.
        &["stock", "receive", "rice", "100", "--yes"],
        &["stock", "count", "rice", "5", "--reason", "x", "--yes"],
        // It takes away more than half, and there is nobody to ask.
        &["stock", "count", "rice", "5kg", "--reason", "x"],
        &["effect", "settle", "1", "--reason", "x"],
        &[
            "effect",
            "settle",
            "1",
            "--done",
            "{}",
            "--not-done",
            "--reason",
            "x",
        ],
        &["effect", "settle", "1", "--done", "{", "--reason", "x"],
        &["status", "--store", "http://box"],
        &["nonsense"],
    ] {
        assert_eq!(stub.galley(args).await.code, 2, "{args:?}");
    }
    let acts = stub
        .lines()
        .iter()
        .filter(|l| l.starts_with("POST"))
        .count();
    assert_eq!(acts, 0);
}

#[tokio::test]
async fn every_act_reaches_its_own_door() {
    let stub = Stub::start(well);
    for (args, line, body) in [
        (&["shift", "open"][..], "/shift/open", json!({})),
        (
            &["order", "refunded", ORDER, "--reference", "R1"],
            "/refunds/0192f3c5-5d0e-7c1a-9d9e-3c1a0c5b7a10/confirm",
            json!({"reference": "R1"}),
        ),
        (
            &["order", "call-off", ORDER],
            "/payments/0192f3c5-5d0e-7c1a-9d9e-3c1a0c5b7a10/cancel",
            json!({}),
        ),
        (&["shift", "close"], "/shift/close", json!({})),
        (&["shift", "x"], "/shift/x-report", json!({})),
        (&["robot", "pause"], "/robot/pause", json!({})),
        (&["robot", "resume"], "/robot/resume", json!({})),
        (
            &["robot", "clear", "--inspected"],
            "/robot/clear",
            json!({"inspected": true}),
        ),
        (&["robot", "reset"], "/robot/reset", json!({})),
        (&["robot", "start"], "/robot/start", json!({})),
        (
            &["robot", "job", "ready", "j 1"],
            "/robot/jobs/j%201/ready",
            json!({}),
        ),
        (
            &["stock", "receive", "rice", "2.5kg"],
            "/stock/receive",
            json!({"ingredient_id": "rice", "quantity": 2_500_000}),
        ),
        (
            &["stock", "count", "rice", "11kg", "--reason", "counted"],
            "/stock/count",
            json!({"ingredient_id": "rice", "counted": 11_000_000, "reason": "counted"}),
        ),
        (
            &[
                "effect",
                "settle",
                "4711",
                "--done",
                "{\"a\":1}",
                "--reason",
                "seen",
            ],
            "/effects/4711/settle",
            json!({"outcome": "done", "result": {"a": 1}, "reason": "seen"}),
        ),
        (
            &["effect", "settle", "4711", "--not-done", "--reason", "seen"],
            "/effects/4711/settle",
            json!({"outcome": "not_done", "reason": "seen"}),
        ),
    ] {
        let ended = stub.galley(&[args, &["--yes"]].concat()).await;
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.err);
        // The store's zone is asked for where times are told.
        let mut all = stub.asked();
        all.retain(|a| a.line != "GET /api/v1/store");
        let asked = all.pop().unwrap();
        assert_eq!(asked.line, format!("POST /api/v1{line}"));
        assert_eq!(asked.body, body, "{args:?}");
    }
}

#[tokio::test]
async fn a_waiting_payment_and_an_owed_refund_are_found_by_the_number_of_their_order() {
    let stub = Stub::start(|line| {
        if line != format!("GET /api/v1/orders/{ORDER}") {
            return well(line);
        }
        let mut order = order();
        order["payments"] =
            json!([{"id": "p-1", "state": "closed"}, {"id": "p-2", "state": "waiting"}]);
        order["refunds"] =
            json!([{"id": "r-1", "state": "awaiting_person"}, {"id": "r-2", "state": "refused"}]);
        ok(order)
    });
    let ended = stub.galley(&["order", "call-off", "A17", "--yes"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let asked = stub.lines().pop().unwrap();
    assert_eq!(asked, "POST /api/v1/payments/p-2/cancel");
    // Which of two is not guessed.
    let ended = stub.galley(&["order", "refunded", "A17", "--yes"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("r-1\nr-2"), "{}", ended.err);
    assert!(stub.lines().pop().unwrap().starts_with("GET"));
    let stub = Stub::start(well);
    let ended = stub.galley(&["order", "call-off", "A17", "--yes"]).await;
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .err
            .contains("no payment that waits for its money in order A17"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn a_refunded_order_is_not_handed_over() {
    let stub = Stub::start(|line| match line.ends_with(ORDER) {
        true => ok(json!({"id": ORDER, "number": "A17", "state": "refunded"})),
        false => well(line),
    });
    let ended = stub.galley(&["order", "hand-over", "A17"]).await;
    assert_eq!(ended.code, 6, "{}", ended.out);
    assert!(ended.err.contains("order A17 is refunded"), "{}", ended.err);
    assert!(stub.lines().iter().all(|l| l.starts_with("GET")));
}

#[tokio::test]
async fn a_robot_is_cleared_only_by_somebody_who_says_that_they_looked() {
    let stub = Stub::start(well);
    let ended = stub.galley(&["robot", "clear"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("--inspected"), "{}", ended.err);
    assert!(stub.lines().is_empty());
    let stub = Stub::start(|_| problem(503, "device_away", "the robot does not answer"));
    let ended = stub
        .galley(&["robot", "clear", "--inspected", "--yes"])
        .await;
    assert_ne!(ended.code, 0);
    assert!(
        ended.err.contains("the robot does not answer"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn every_look_is_told_or_given_as_it_came() {
    let stub = Stub::start(well);
    for (args, words) in [
        (&["shift", "show"][..], "1200.00"),
        (&["robot", "jobs"], "50%  A17    soup"),
        (&["stock", "list"], "24700"),
        (&["sync", "status"], "4 s"),
        (&["alert", "list"], "no alerts"),
        (&["reconcile"], "no differences"),
    ] {
        let ended = stub.galley(args).await;
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.err);
        assert!(ended.out.contains(words), "{args:?}: {}", ended.out);
        let ended = stub.galley(&[args, &["--json"]].concat()).await;
        assert!(
            serde_json::from_str::<Value>(&ended.out).is_ok(),
            "{args:?}"
        );
    }
}

#[tokio::test]
async fn differences_in_the_books_are_unhealthy() {
    let stub = Stub::start(|_| {
        ok(json!({"totals": {"orders": 1}, "differences": [
            {"subject": "A17 0192f3c5-5d0e-7c1a-9d9e-3c1a0c5b7a10", "what": "money kept differs from money on receipts, and more",
             "left": 45_050, "right": 0, "money": true},
        ]}))
    });
    let ended = stub.galley(&["reconcile", "--day", "2026-11-22"]).await;
    assert_eq!(ended.code, 3);
    assert!(
        ended.out.contains("money on receipts, and more"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("450.50   0.00"), "{}", ended.out);
    assert_eq!(stub.lines(), ["GET /api/v1/reconcile?day=2026-11-22"]);
}

#[tokio::test]
async fn alerts_say_what_a_person_can_do() {
    let stub = Stub::start(|_| {
        ok(json!({"alerts": [
            {"id": "effect:receipt:x", "effect_id": 4711, "severity": "error", "title": "A receipt is in doubt",
             "detail": "The printer does not answer.", "advice": "Check its power.", "since_at": 1},
            {"id": "1", "severity": "warning", "title": "over", "since_at": 1, "cleared_at": 2},
        ]}))
    });
    let ended = stub.galley(&["alert", "list"]).await;
    for words in [
        "ERROR  A receipt is in doubt",
        "effect 4711",
        "Check its power.",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert!(!ended.out.contains("over"));
}

#[tokio::test]
async fn a_store_from_afar_gets_the_token_and_nobody_else_sees_it() {
    let (router, asked) = router(well);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let none = PathBuf::from("/nowhere");
    let ended = galley(
        &none,
        &["shift", "show", "--store", &url, "--token", "s3cret"],
    )
    .await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let seen = asked.lock().unwrap()[0].clone();
    assert_eq!(seen.headers["authorization"], "Bearer s3cret");
    assert!(!ended.out.contains("s3cret") && !ended.err.contains("s3cret"));
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_asked_back_with_the_choices() {
    let stub = Stub::start(well);
    let args = [
        "order", "refund", ORDER, "--reason", "x", "--amount", "1,500",
    ];
    let ended = stub.galley(&args).await;
    assert_eq!(ended.code, 2);
    assert!(
        ended.err.contains("1500") && ended.err.contains("1.50"),
        "{}",
        ended.err
    );
    let ended = stub.galley(&["order", "list", "--state", "foo"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("receipted"), "{}", ended.err);
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_refused_where_nobody_can_be_asked() {
    let stub = Stub::start(well);
    for args in [
        &["order", "refund", ORDER, "--reason", "cold"][..],
        &["order", "refunded", ORDER],
        &["order", "call-off", ORDER],
        &["order", "cancel", ORDER],
        &["payment", "confirm", ORDER],
        &["payment", "cancel", ORDER],
        &["kiosk", "revoke", "K1"],
        &["shift", "close"],
        &["shift", "cash", "out", "100", "--who", "A", "--why", "b"],
        &["robot", "clear", "--inspected"],
        &["robot", "reset"],
        &["robot", "start"],
        &["robot", "resume"],
        &["robot", "job", "problem", "j-1"],
        &["fiscal", "clock", "set"],
        &["fiscal", "table", "set", "2", "1", "3", "--hex", "01"],
        &[
            "fiscal", "correct", "order", ORDER, "--who", "A", "--why", "b",
        ],
        &["effect", "settle", "1", "--not-done", "--reason", "x"],
        &["secret", "remove", "bank"],
        &["secret", "rotate"],
    ] {
        let ended = stub.galley(args).await;
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.err);
        assert!(ended.err.contains("--yes"), "{args:?}: {}", ended.err);
    }
    let acts = stub
        .lines()
        .iter()
        .filter(|l| l.starts_with("POST"))
        .count();
    assert_eq!(acts, 0);
}

#[tokio::test]
async fn every_exit_code_is_reached() {
    let stub = Stub::start(|line| match line {
        "GET /api/v1/robot/status" => problem(403, "forbidden", "a kiosk token may not do this"),
        "GET /api/v1/fiscal/status" => problem(503, "device_away", "the printer is away"),
        "GET /api/v1/stock" => problem(500, "internal", "it broke"),
        "GET /api/v1/sync" => ok(json!({"uplink": "offline", "readers": []})),
        other => well(other),
    });
    for (args, code) in [
        (&["shift", "show"][..], 0),
        (&["stock", "list"], 1),
        (&["shift", "show", "--nonsense"], 2),
        (&["sync", "status"], 3),
        (&["robot", "status"], 4),
        (&["shift", "show", "--socket", "/nowhere/s"], 5),
        (&["fiscal", "status"], 6),
        // 7 has a test of its own: a_lost_answer…
    ] {
        let ended = stub.galley(args).await;
        assert_eq!(ended.code, code, "{args:?}: {}", ended.err);
        if code > 3 {
            let ended = stub.galley(&[args, &["--json"]].concat()).await;
            let json: Value = serde_json::from_str(&ended.err).unwrap();
            assert_eq!(json["exit_code"], code, "{args:?}");
            assert_eq!(json["schema"], "galley/error/1");
        }
    }
}

#[tokio::test]
async fn a_socket_that_is_not_for_everybody_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let stub = Stub::start(well);
    let socket = stub.folder.path().join("s");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).unwrap();
    let ended = stub.galley(&["shift", "show"]).await;
    // Root may open anything.
    if ended.code != 0 {
        assert_eq!(ended.code, 4, "{}", ended.err);
        assert!(ended.err.contains("group galley"), "{}", ended.err);
    }
}

#[tokio::test]
async fn the_log_is_asked_for_as_it_is_wanted_and_told_a_line_each() {
    let stub = Stub::start(well);
    let ended = stub
        .galley(&["logs", "--order", "A17", "--device", "printer", "-n", "5"])
        .await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("receipt.registered"), "{}", ended.out);
    assert!(ended.out.contains("A17"), "{}", ended.out);
    let asked = stub.lines();
    assert!(
        asked.contains(&format!(
            "GET /api/v1/log?order={ORDER}&device=printer&limit=5"
        )),
        "{asked:?}"
    );
    let ended = stub.galley(&["logs", "--json"]).await;
    for line in ended.out.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["schema"], "galley/log/1");
    }
    assert_eq!(stub.galley(&["logs", "--since", "soon"]).await.code, 2);
}

#[tokio::test]
async fn a_secret_comes_from_a_pipe_and_does_not_travel_in_the_clear() {
    let stub = Stub::start(|line| match line {
        "POST /api/v1/secrets" => ok(json!({"name": "bank", "shadowed": true})),
        other => well(other),
    });
    let socket = stub.folder.path().join("s");
    let ended = galley_with(&socket, &["secret", "set", "bank"], "hunter2\n").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(!ended.out.contains("hunter2"));
    assert!(ended.out.contains("comes first"), "{}", ended.out);
    let asked = stub.asked().pop().unwrap();
    assert_eq!(asked.body, json!({"name": "bank", "value": "hunter2"}));
    let args = [
        "secret",
        "set",
        "bank",
        "--store",
        "http://box.example",
        "--token",
        "t",
    ];
    let ended = galley_with(&socket, &args, "hunter2\n").await;
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert_eq!(
        galley_with(&socket, &["secret", "set", "bank"], "")
            .await
            .code,
        2
    );
}
