//! Headquarters' doors: who gets in, what they see, what is refused.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_can_not_be_taken_in_is_a_problem_and_changes_nothing() {
    let rig = Rig::new().await;
    rig.stop.cancel();
    rig.happen(2).await;
    let good = rig.batch(1, 2).encode().unwrap();
    assert_eq!(
        problem(&rig.post_bytes(good.clone(), "nobody's token").await),
        (401, "unauthorised".to_owned())
    );
    assert_eq!(
        problem(&rig.post_bytes(b"{}".to_vec(), TOKEN).await),
        (400, "bad_json".to_owned())
    );
    assert_eq!(
        problem(&rig.post_bytes(vec![b' '; 5_000_000], TOKEN).await),
        (413, "body_too_large".to_owned())
    );
    let mut other = rig.batch(1, 2);
    other.store_id = "tas-01".parse().unwrap();
    assert_eq!(
        problem(&rig.post(&other).await),
        (401, "unauthorised".to_owned())
    );
    assert_eq!(
        problem(&rig.get("/api/v1/stores/nowhere").await),
        (404, "not_found".to_owned())
    );
    assert_eq!(
        problem(&rig.get("/../secret").await),
        (404, "not_found".to_owned())
    );
    assert_eq!(events(&rig.hq).await.len(), 0);
    assert_eq!(ack(&rig.post_bytes(good, TOKEN).await).seq, 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_opens_only_its_own_store() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
    let mut config = hq_config(dir.path().join("hq.db"));
    config.stores.push("tas-01=another token".parse().unwrap());
    let hq = Hq::open(config, Arc::clone(&clock)).await.unwrap();
    let sign = |store: &str| Batch {
        store_id: store.parse().unwrap(),
        generation: 0,
        stream: 1,
        number: 1,
        first_seq: 1,
        previous: None,
        entries: Vec::new(),
        summary: None,
        root: None,
    };
    let submit = |store: &'static str, token: &'static str| {
        let hq = hq.clone();
        async move {
            hq.submit(sign(store), Proof::Token(token))
                .await
                .map(|_| ())
        }
    };
    submit("spb-01", TOKEN).await.unwrap();
    submit("tas-01", "another token").await.unwrap();
    assert!(matches!(
        submit("tas-01", TOKEN).await,
        Err(IngestError::OtherStore)
    ));
    // A store that is taken out of the configuration is shut out, though its events stay.
    let hq = Hq::open(hq_config(dir.path().join("hq.db")), clock)
        .await
        .unwrap();
    assert_eq!(hq.stores().await.unwrap().len(), 2);
    assert!(matches!(
        hq.submit(sign("tas-01"), Proof::Token("another token"))
            .await
            .map(|_| ()),
        Err(IngestError::Unauthorised)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_demo_takes_in_any_store_and_keeps_its_first_token() {
    let dir = tempfile::tempdir().unwrap();
    let config = HqConfig {
        stores: Vec::new(),
        accept_unknown: true,
        ..hq_config(dir.path().join("hq.db"))
    };
    let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
    for _ in 0..2 {
        let hq = Hq::open(config.clone(), Arc::clone(&clock)).await.unwrap();
        let sign = || Batch {
            store_id: "demo".parse().unwrap(),
            generation: 0,
            stream: 1,
            number: 1,
            first_seq: 1,
            previous: None,
            entries: Vec::new(),
            summary: None,
            root: None,
        };
        hq.submit(sign(), Proof::Token("first")).await.unwrap();
        assert!(hq.submit(sign(), Proof::Token("second")).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn the_page_its_data_and_the_figures_are_served() {
    let rig = Rig::new().await;
    rig.happen(3).await;
    rig.drained().await;
    let page = rig.get("/").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(
        page.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let stores: serde_json::Value =
        serde_json::from_slice(rig.get("/api/v1/stores").await.body()).unwrap();
    let row = &stores["stores"][0];
    for key in [
        "store_id",
        "name",
        "last_seen_at",
        "online",
        "backlog",
        "oldest_age_ms",
        "sales_today_minor",
        "orders_today",
        "events",
        "alerts",
        "version",
    ] {
        assert!(row.get(key).is_some(), "{key}");
    }
    assert_eq!(row["shift"]["state"], "closed");
    assert_eq!(row["events"], 3);
    let metrics = rig.get("/metrics").await;
    let metrics = std::str::from_utf8(metrics.body()).unwrap();
    assert!(metrics.contains("galley_hq_events_total 3"), "{metrics}");
    assert_eq!(rig.get("/health").await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_page_can_be_kept_for_those_with_the_viewers_token() {
    let dir = tempfile::tempdir().unwrap();
    let config = HqConfig {
        viewer_token: Some(Secret::new("look")),
        people: people::PeopleConfig::default(),
        ..hq_config(dir.path().join("hq.db"))
    };
    let clock = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
    let hq = Hq::open(config, clock).await.unwrap();
    let status = |path: &'static str, token: Option<&'static str>| {
        let router = hq.router();
        async move {
            let mut request = Request::get(path);
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let request = request.body(axum::body::Body::empty()).unwrap();
            router.oneshot(request).await.unwrap().status().as_u16()
        }
    };
    for path in ["/api/v1/stores", "/api/v1/live", "/metrics"] {
        assert_eq!(status(path, None).await, 401, "{path}");
        assert_eq!(status(path, Some("wrong")).await, 401, "{path}");
        assert_eq!(status(path, Some("look")).await, 200, "{path}");
    }
    assert_eq!(status("/api/v1/stores?token=look", None).await, 200);
    assert_eq!(status("/", None).await, 200);
    assert_eq!(status("/health", None).await, 200);
}

#[tokio::test(start_paused = true)]
async fn the_live_stream_tells_changes_and_ends_when_headquarters_stops() {
    let rig = Rig::new().await;
    let request = Request::get("/api/v1/live")
        .body(axum::body::Body::empty())
        .unwrap();
    let mut live = rig.hq.router().oneshot(request).await.unwrap().into_body();
    let mut text = String::new();
    macro_rules! read_until {
        ($what:expr) => {
            while !text.contains($what) {
                let frame = live.frame().await.expect("more").unwrap();
                text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
    }
    read_until!("event: hello");
    rig.happen(4).await;
    read_until!(r#""events":4"#);
    // Silence is a change too.
    rig.stop.cancel();
    text.clear();
    read_until!(r#""online":false"#);
    rig.hq.0.stopping.cancel();
    while let Some(frame) = live.frame().await {
        frame.unwrap();
    }
}

#[tokio::test]
async fn headquarters_is_served_on_a_socket_with_its_writer_on_a_thread() {
    let dir = tempfile::tempdir().unwrap();
    let config = HqConfig {
        database: Place::Sqlite(Options::at(dir.path().join("hq.db"))),
        ..hq_config(dir.path().join("hq.db"))
    };
    let clock = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
    let hq = Hq::open(config, clock).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let (hq, stop) = (hq.clone(), stop.clone());
        async move { hq.run(listener, stop).await }
    });
    let sign = Batch {
        store_id: "spb-01".parse().unwrap(),
        generation: 0,
        stream: 1,
        number: 1,
        first_seq: 1,
        previous: None,
        entries: Vec::new(),
        summary: None,
        root: None,
    };
    let request = Request::post(format!("http://{address}/v1/ingest"))
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .body(Bytes::from(sign.encode().unwrap()))
        .unwrap();
    let http = crate::world::ReqwestHttp::new().unwrap();
    assert_eq!(ack(&http.send(request, LONG).await.unwrap()).seq, 0);
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_asks_lets_in_whom_headquarters_lets_in_and_headquarters_itself() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
    let mut config = hq_config(dir.path().join("hq.db"));
    config.broker = Some(BrokerLogin {
        address: "mqtts://broker.example".parse().unwrap(),
        credentials: Some(("galley-hq".to_owned(), Secret::new("headquarters' own"))),
        ca: crate::sync::Authority::default(),
    });
    let hq = Hq::open(config, clock).await.unwrap();
    let http = RouterHttp::new();
    http.set_route(HQ, hq.router());
    let may = async |name: &str, password: &str| {
        let request = Request::post(format!("https://{HQ}/v1/broker/auth"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(
                serde_json::json!({"username": name, "password": password}).to_string(),
            ))
            .unwrap();
        let answer = http.send(request, Duration::from_secs(5)).await.unwrap();
        assert_eq!(answer.status(), 200);
        serde_json::from_slice::<serde_json::Value>(answer.body()).unwrap()["result"] == "allow"
    };
    // A store of the configuration, which never had a code.
    assert!(may("spb-01", TOKEN).await);
    assert!(!may("spb-01", "another").await && !may("tas-01", TOKEN).await);
    assert!(may("galley-hq", "headquarters' own").await);
    assert!(!may("galley-hq", TOKEN).await && !may("spb-01", "headquarters' own").await);
    assert!(!may("", "").await && !may("galley-hq", "").await);
    let store: StoreId = "spb-01".parse().unwrap();
    hq.bar(&store, Some("stolen".to_owned()), "anna".to_owned())
        .await
        .unwrap();
    assert!(!may("spb-01", TOKEN).await);
}
