//! Documents and commands, from a person's request to the store's log and back.

use super::*;
use crate::{store::Snapshot, sync::health::Health};
use serde_json::{Value, json};

async fn roll_out(head: &Head, price: i64, stores: &Value, canary: &Value) -> Value {
    let revision = head
        .ok(
            "POST",
            "/documents/menu/russia",
            json!({"content": menu_content(price), "note": "prices"}),
        )
        .await;
    head.ok(
        "POST",
        "/rollouts",
        json!({"kind": "menu", "name": "russia", "revision": revision["revision"], "stores": stores, "canary": canary}),
    )
    .await
}

fn price(store: &Box_) -> i64 {
    store.site.catalog().dishes[0].price_minor
}

fn path(rollout: &Value) -> String {
    format!("/rollouts/{}", rollout["id"].as_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_menu_goes_to_the_canary_then_to_all_and_back_again() {
    let head = Head::new().await;
    let (one, two) = (
        head.new_box("S1", "token-of-s1").await,
        head.new_box("S2", "token-of-s2").await,
    );
    let own = price(&one);
    let first = roll_out(&head, 100, &json!("all"), &json!([])).await;
    head.until(&path(&first), |r| r["counts"]["applied"] == 2)
        .await;
    assert_eq!((price(&one), price(&two)), (100, 100));

    let second = roll_out(&head, 200, &json!("all"), &json!(["S1"])).await;
    assert_eq!(second["stage"], "canary");
    // Nobody goes past a canary that has not sung.
    let (status, _) = head
        .call("POST", &format!("{}/promote", path(&second)), Value::Null)
        .await;
    assert_eq!(status, 409);
    head.until(&path(&second), |r| r["counts"]["applied"] == 1)
        .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!((price(&one), price(&two)), (200, 100));
    head.ok("POST", &format!("{}/promote", path(&second)), Value::Null)
        .await;
    head.until(&path(&second), |r| r["counts"]["applied"] == 2)
        .await;
    assert_eq!((price(&one), price(&two)), (200, 200));

    let undone = head
        .ok("POST", &format!("{}/roll-back", path(&second)), Value::Null)
        .await;
    let third = &undone["rollouts"][0];
    assert_eq!(third["revision"], 1);
    assert!(third["version"].as_u64() > second["version"].as_u64());
    let again = head.ok("GET", &path(&second), Value::Null).await;
    assert_eq!(
        (&again["undone"], third.get("undone")),
        (&json!(true), None)
    );
    // While it is on its way, and after it has come: a second press does nothing.
    let before = head.ok("GET", "/rollouts", Value::Null).await;
    for _ in 0..2 {
        let (status, problem) = head
            .call("POST", &format!("{}/roll-back", path(&second)), Value::Null)
            .await;
        assert_eq!(status, 409, "{problem}");
        let told = problem.to_string();
        assert!(told.contains("rolled back already"), "{told}");
        let there = head.ok("GET", "/rollouts", Value::Null).await;
        let count = |page: &Value| page["rollouts"].as_array().unwrap().len();
        assert_eq!(count(&there), count(&before));
        head.until(&path(third), |r| r["counts"]["applied"] == 2)
            .await;
    }
    assert_eq!((price(&one), price(&two)), (100, 100));
    assert_ne!(own, 100);
    // Each version stands in the log once.
    assert_eq!(one.count("hq.applied"), 3);
    let there = head.ok("GET", "/stores/S1/documents", Value::Null).await;
    assert_eq!(there["documents"][0]["version"], third["version"]);
    // It holds over a restart, against the box's own file.
    let (given, file) = (one.given.clone(), one.site.store.path().to_owned());
    one.end().await;
    let one = Box_::start(&head, given, "token-of-s1", file).await;
    assert_eq!(price(&one), 100);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_a_store_can_not_use_is_refused_with_its_reason() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    let mut wrong = menu_content(100);
    wrong["dishes"][0]["price_minor"] = 0.into();
    let (status, problem) = head
        .call("POST", "/documents/menu/russia", json!({"content": wrong}))
        .await;
    assert_eq!(status, 422);
    assert!(problem["faults"][0].as_str().unwrap().contains("price"));
    // Another country's prices are no fault in themselves; this store can't sell by them.
    let mut foreign = menu_content(100);
    foreign["currency"] = "UZS".into();
    let revision = head
        .ok(
            "POST",
            "/documents/menu/tashkent",
            json!({"content": foreign}),
        )
        .await;
    let rollout = head
        .ok(
            "POST",
            "/rollouts",
            json!({"kind": "menu", "name": "tashkent", "revision": revision["revision"], "stores": ["S1"]}),
        )
        .await;
    let after = head
        .until(&path(&rollout), |r| r["counts"]["refused"] == 1)
        .await;
    let why = after["stores"][0]["reason"].as_str().unwrap();
    assert!(why.contains("sells in"), "{why}");
    assert_eq!(price(&one), menu().dishes[0].price_minor);
    assert_eq!(one.count("menu.applied"), 1);
}

#[tokio::test(start_paused = true)]
async fn settings_and_the_stop_list_come_from_headquarters_and_what_staff_stopped_stays() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    one.open_shop().await;
    one.command(|tx, cx| {
        let what = crate::domain::stops::Stopped::Dish("mors".into());
        crate::flow::menu::stop(tx, cx, what, None, "spilt")
    })
    .await
    .unwrap();
    let send = async |kind: &str, content: Value| {
        let r = head
            .ok(
                "POST",
                &format!("/documents/{kind}/all"),
                json!({ "content": content }),
            )
            .await;
        let rollout = head
            .ok(
                "POST",
                "/rollouts",
                json!({"kind": kind, "name": "all", "revision": r["revision"], "stores": ["S1"]}),
            )
            .await;
        head.until(&path(&rollout), |r| r["counts"]["applied"] == 1)
            .await["stores"][0]["reason"]
            .clone()
    };
    send("settings", json!({"max_pieces": 3})).await;
    assert_eq!(one.site.policy().max_pieces, 3);
    let stops = || {
        let stops = one.site.store.read_here(|s| s.stops()).unwrap().0;
        let mut ids: Vec<String> = stops.keys().map(|k| format!("{k:?}")).collect();
        ids.sort();
        ids.len()
    };
    let list = json!({"stops": [
        {"what": {"dish": "plov"}, "why": "recall"},
        {"what": {"dish": "mors"}, "why": "recall"},
        {"what": {"dish": "not-sold-here"}, "why": "recall"},
    ]});
    // The rest of it holds, and headquarters reads what did not.
    assert_eq!(send("stops", list).await, "not known here: not-sold-here");
    assert_eq!(stops(), 2);
    send("stops", json!({"stops": []})).await;
    assert_eq!(stops(), 1);
    // Everything is off sale, and then sales are stopped: the summary says so, and by whom.
    let health = || {
        let s = |s: &Snapshot<'_>| Health::of(&one.site, s);
        one.site.store.read_here(s).unwrap()
    };
    assert_eq!(health().stopped, None);
    let all: Vec<Value> = menu()
        .dishes
        .iter()
        .map(|d| json!({"what": {"dish": d.id}, "why": "recall"}))
        .collect();
    send("stops", json!({ "stops": all })).await;
    assert_eq!(health().stopped.as_deref(), Some("menu"));
    one.command(|tx, cx| {
        let kind = crate::domain::stops::PauseKind::Paused;
        crate::flow::menu::pause_sales(tx, cx, kind, None, "a flood")
    })
    .await
    .unwrap();
    let told = health();
    assert_eq!(told.stopped.as_deref(), Some("paused"));
    let by = told.stopped_by.unwrap();
    assert_eq!(
        (by.why.as_str(), Some(by.since_at)),
        ("a flood", told.stopped_since)
    );
    // Back to the store's own.
    send("settings", json!({})).await;
    assert_eq!(one.site.policy().max_pieces, 50);
    // A store to which no accounting system is connected says so, and nobody waits for its documents.
    assert!(!health().no_accounting);
    let policy = Policy {
        accounting: false,
        ..Policy::clone(&one.site.policy())
    };
    let (store, world) = (one.site.store.clone(), one.site.world.clone());
    let alone = Site::open(store, world, policy, None, jiff::tz::TimeZone::UTC)
        .await
        .unwrap();
    let told = alone.store.read_here(|s| Health::of(&alone, s)).unwrap();
    assert!(told.no_accounting);
}

#[tokio::test(start_paused = true)]
async fn a_command_is_carried_out_once_and_its_answer_comes_back() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    one.open_shop().await;
    let order = one.sell(1).await;
    let told = head
        .ok(
            "POST",
            "/stores/S1/commands",
            json!({"command": {"do": "refund", "order_id": order.id, "reason": "cold"}}),
        )
        .await;
    let path = format!("/commands/{}", told["id"].as_str().unwrap());
    // It comes again before its answer is there: the store was cut off in between.
    let store = "S1".parse().unwrap();
    for _ in 0..3 {
        for message in head
            .hq
            .messages_for(&store, super::super::super::down::Sending::Asked)
            .await
            .unwrap()
        {
            one.inbox.put(Incoming::Signed(Box::new(message)));
        }
    }
    let done = head.until(&path, |c| c["state"] == "done").await;
    assert!(done["answer"]["text"].as_str().unwrap().contains("order 1"));
    assert_eq!(one.count("refund.requested"), 1);
    assert_eq!(one.count("hq.answered"), 1);
    // Who asked stands in the log.
    let by = one
        .site
        .store
        .read_here(|s| s.events_after(0, 1000))
        .unwrap()
        .into_iter()
        .find(|e| e.kind == "refund.requested")
        .unwrap()
        .actor;
    assert_eq!(by, "hq:open");
    // What does not fit is refused, and nothing is left half done.
    let again = head
        .ok(
            "POST",
            "/stores/S1/commands",
            json!({"command": {"do": "resume_sales", "why": "all clear"}}),
        )
        .await;
    let path = format!("/commands/{}", again["id"].as_str().unwrap());
    let refused = head.until(&path, |c| c["state"] == "refused").await;
    assert!(
        refused["answer"]["text"]
            .as_str()
            .unwrap()
            .contains("not paused")
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_time_is_over_is_not_carried_out() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    one.drained().await;
    head.http.set_online(false);
    let stop = json!({"do": "stop_sales", "why": "recall"});
    let admin = Admin::new(head.hq.clone(), "anna".to_owned());
    let told = admin.tell("S1", stop, 2).await.unwrap();
    let id = told["commands"][0]["id"].as_str().unwrap().to_owned();
    tokio::time::sleep(Duration::from_mins(3)).await;
    head.http.set_online(true);
    let over = head
        .until(&format!("/commands/{id}"), |c| c["state"] == "expired")
        .await;
    assert_eq!(over["sends"], 0);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(one.count("sales.paused"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bundle_is_gathered_sent_up_and_can_be_fetched() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    let told = head
        .ok(
            "POST",
            "/stores/S1/commands",
            json!({"command": {"do": "support_bundle"}}),
        )
        .await;
    let id = told["id"].as_str().unwrap().to_owned();
    head.until(&format!("/commands/{id}"), |c| c["state"] == "done")
        .await;
    assert_eq!(one.count("hq.answered"), 1);
    let request = Request::get(format!("https://{HQ}/api/v1/bundles/{id}"))
        .body(Bytes::new())
        .unwrap();
    let bundle = head.http.send(request, LONG).await.unwrap();
    assert_eq!(&bundle.body()[..], b"a bundle");
    // Nobody sends what was not asked for.
    let request = Request::post(format!("https://{HQ}/v1/bundles/{}", Uuid::from_u128(5)))
        .header(header::AUTHORIZATION, "Bearer token-of-s1")
        .body(Bytes::from_static(b"x"))
        .unwrap();
    let refused = head.http.send(request, LONG).await.unwrap();
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn what_headquarters_did_not_sign_is_not_done_and_the_log_says_so() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    let envelope = |store: &str, generation: u64| Envelope {
        id: Uuid::from_u128(9),
        store: store.to_owned(),
        generation,
        issued_at: Timestamp::from_millis(START),
        expires_at: None,
        by: "eve".to_owned(),
        body: serde_json::to_value(What::Command {
            command: Command::StopSales {
                why: "mischief".to_owned(),
                until_at: None,
                cleaning: false,
            },
        })
        .unwrap(),
    };
    let eve = SigningKey::from_seed([66; 32]);
    let forged = eve.sign(&envelope("S1", 1)).unwrap();
    one.inbox
        .put(Incoming::Message(forged.encode().unwrap().into()));
    one.until("hq.refused", 1).await;
    // Under headquarters' name, it is forged still.
    let ours = head.hq.signing_keys().await.unwrap();
    let ours = ours.newest().unwrap();
    let named = Signed {
        key: ours.public().id(),
        ..forged
    };
    one.inbox.put(Incoming::Signed(Box::new(named)));
    // Nor does what is truly signed do anything in another store, or in a former box.
    let other = ours.sign(&envelope("S2", 1)).unwrap();
    one.inbox.put(Incoming::Signed(Box::new(other)));
    one.until("hq.refused", 2).await;
    let former = Envelope {
        id: Uuid::from_u128(10),
        ..envelope("S1", 0)
    };
    one.inbox
        .put(Incoming::Signed(Box::new(ours.sign(&former).unwrap())));
    one.until("hq.refused", 3).await;
    assert_eq!(one.count("sales.paused"), 0);
    let fine = Envelope {
        id: Uuid::from_u128(11),
        ..envelope("S1", 1)
    };
    one.inbox
        .put(Incoming::Signed(Box::new(ours.sign(&fine).unwrap())));
    one.until("sales.paused", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_announced_under_the_old_one_and_then_used() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    one.drained().await;
    let before = head
        .hq
        .signing_keys()
        .await
        .unwrap()
        .newest()
        .unwrap()
        .public();
    head.ok("POST", "/keys/rotate", json!({})).await;
    one.until("hq.key_pinned", 1).await;
    one.drained().await;
    let told = head
        .ok(
            "POST",
            "/stores/S1/commands",
            json!({"command": {"do": "stop_sales", "why": "recall"}}),
        )
        .await;
    let store = "S1".parse().unwrap();
    let sent = head
        .hq
        .messages_for(&store, super::super::super::down::Sending::Asked)
        .await
        .unwrap();
    assert_ne!(sent[0].key, before.id());
    let path = format!("/commands/{}", told["id"].as_str().unwrap());
    head.until(&path, |c| c["state"] == "done").await;
    assert_eq!(one.count("sales.paused"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_changed_without_a_moment_outside() {
    let head = Head::new().await;
    let one = head.new_box("S1", "token-of-s1").await;
    head.ok(
        "POST",
        "/stores/S1/commands",
        json!({"command": {"do": "rotate_token"}}),
    )
    .await;
    // It starts anew only when headquarters knows the new one.
    tokio::time::timeout(LIMIT, one.restart.cancelled())
        .await
        .unwrap();
    let new = one.keeper.0.lock().unwrap().clone().unwrap();
    let (given, file) = (one.given.clone(), one.site.store.path().to_owned());
    one.end().await;
    let one = Box_::start(&head, given, new.reveal(), file).await;
    one.fact(None, Body::AlertCleared { key: "x".into() }).await;
    one.drained().await;
    // The former one works a day longer, and no more.
    head.hq.forget_boxes().await;
    assert!(head.hq.store_of_token("token-of-s1").await.is_ok());
    tokio::time::sleep(Duration::from_hours(25)).await;
    assert!(head.hq.store_of_token("token-of-s1").await.is_err());
    assert!(head.hq.store_of_token(new.reveal()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_guest_is_erased_in_every_store_and_headquarters_forgets_the_number() {
    let head = Head::new().await;
    let (one, two) = (
        head.new_box("S1", "token-of-s1").await,
        head.new_box("S2", "token-of-s2").await,
    );
    for store in [&one, &two] {
        store.open_shop().await;
        store.sell(1).await;
    }
    let contact = |store: &Box_| {
        store
            .site
            .store
            .read_here(|s| s.contact(OrderId(Uuid::from_u128(1))))
            .unwrap()
    };
    assert!(contact(&one).is_some());
    let told = head
        .ok("POST", "/guests/erase", json!({"phone": "8 916 123-45-67"}))
        .await;
    assert_eq!(told["commands"].as_array().unwrap().len(), 2);
    assert!(!told.to_string().contains("123-45"));
    let files = [
        ("hq.db", "8 916 123-45-67"),
        ("token-of-s1.db", "+79161234567"),
        ("token-of-s2.db", "+79161234567"),
    ];
    let in_files = || {
        let mut holding = Vec::new();
        for (file, number) in files {
            for ending in ["", "-wal"] {
                let path = head.dir.path().join(format!("{file}{ending}"));
                let bytes = std::fs::read(&path).unwrap_or_default();
                if bytes.windows(number.len()).any(|w| w == number.as_bytes()) {
                    holding.push(format!("{file}{ending}"));
                }
            }
        }
        holding
    };
    assert!(!in_files().is_empty());
    for store in [&one, &two] {
        store.until("guest.erased", 1).await;
        store.drained().await;
        assert_eq!(contact(store), None);
    }
    let kept: Vec<Option<String>> = head
        .hq
        .db()
        .read(|sql| sql.rows("SELECT body FROM down_messages", &[], |r| r.get(0)))
        .await
        .unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(Option::is_none), "{kept:?}");
    // Neither a page that came free nor a write-ahead log has it, in the stores and here.
    assert_eq!(in_files(), Vec::<String>::new());
    // Nor does any log have it.
    for (_, _, _, body, _) in events(&head.hq).await {
        assert!(!body.contains("916123"), "{body}");
    }
}
