//! What people see, and who may see and change it; over both databases.

use super::{
    story::{Far, Log, summary},
    *,
};
use crate::{
    domain::{alert::Severity, stops::Stop},
    hq::{
        db::tests::each_database,
        people::{NewUser, Role},
    },
    sync::health::{Health, Opening, Till},
};
use axum::body::Body as HttpBody;
use serde_json::{Value, json};

const DAY: &str = "2026-08-01";
const PASSWORD: &str = "seven seas and a spoon";

struct Office {
    hq: Hq,
    clock: Arc<RuntimeClock>,
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }

    fn cookie(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(
            set.contains("HttpOnly") && set.contains("SameSite=Strict"),
            "{set}"
        );
        set.split(';').next().unwrap().to_owned()
    }
}

impl Office {
    async fn open(place: Place, change: impl FnOnce(&mut HqConfig)) -> Self {
        let clock = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
        let mut config = HqConfig {
            stores: ["a", "b", "c"]
                .map(|id| format!("{id}={TOKEN}{id}").parse().unwrap())
                .into(),
            ..HqConfig::on(place)
        };
        change(&mut config);
        let hq = Hq::open(config, Arc::clone(&clock) as Arc<dyn Clock>)
            .await
            .unwrap();
        Self { hq, clock }
    }

    async fn bring(&self, store: &str, log: &Log, first: u64, health: Option<Health>) {
        let told = health.map(|h| summary(store, log.entries.len() as u64, h));
        let token = format!("{TOKEN}{store}");
        let ack = self
            .hq
            .submit(log.batch(store, first, told), Proof::Token(&token))
            .await
            .unwrap()
            .done()
            .await
            .unwrap()
            .ack;
        assert_eq!(ack.seq, log.entries.len() as u64);
        self.hq.0.fleet.forget().await;
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(HttpBody::empty, |b| HttpBody::from(b.to_string()));
        let answer = self
            .hq
            .router()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, None, &[]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    async fn person(&self, name: &str, role: Role) {
        let new = NewUser {
            name: name.to_owned(),
            full_name: String::new(),
            role,
            password: Some(Secret::new(PASSWORD)),
        };
        self.hq.add_user(new).await.unwrap();
    }

    async fn sign_in(&self, name: &str) -> String {
        let body = json!({"name": name, "password": PASSWORD});
        let answer = self.ask("POST", "/api/v1/sign-in", Some(body), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.cookie()
    }
}

fn open_as(role: Role) -> impl FnOnce(&mut HqConfig) {
    move |config| config.people.open_as = Some(role)
}

fn ids(page: &Value) -> Vec<&str> {
    page["stores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["store_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_fleet_stands_worst_first_and_is_filtered_and_paged() {
    each_database(|place| async {
        let office = Office::open(place, open_as(Role::Viewer)).await;
        let log = Log::new();
        let fine = Health {
            currency: "UZS".to_owned(),
            ..Health::default()
        };
        office.bring("a", &log, 1, Some(fine)).await;
        let blocked = Health {
            stopped: Some("robot".to_owned()),
            till: Till {
                ofd_unsent: 3,
                ..Till::default()
            },
            ..Health::default()
        };
        office.bring("b", &log, 1, Some(blocked)).await;
        let page = office.get("/api/v1/fleet?strip=1").await;
        assert_eq!(ids(&page), ["b", "c", "a"]);
        let conditions: Vec<&Value> = page["stores"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| &s["condition"])
            .collect();
        assert_eq!(conditions, ["blocked", "new", "ok"]);
        assert_eq!(page["needy"], 1);
        assert_eq!(page["stores"][0]["till"]["ofd_unsent"], 3);
        // The store has raised no alert of it: headquarters does.
        let alerts = office.get("/api/v1/alerts").await;
        let alert = &alerts["alerts"][0];
        assert_eq!(
            (
                &alert["key"],
                &alert["detail"],
                &alert["cost"],
                &alert["who"]
            ),
            (
                &json!("hq:blocked"),
                &json!("robot"),
                &json!("sales"),
                &json!("staff")
            )
        );
        // Heard of for the first time in this quarter of an hour: nothing was missed before.
        let strip = page["stores"][2]["strip"].as_str().unwrap();
        assert!(
            strip.len() == 96 && strip.starts_with('-') && strip.ends_with('o'),
            "{strip}"
        );
        assert_eq!(ids(&office.get("/api/v1/fleet?state=needy").await), ["b"]);
        assert_eq!(ids(&office.get("/api/v1/fleet?q=A").await), ["a"]);
        let page = office
            .get("/api/v1/fleet?sort=-name&limit=1&offset=1")
            .await;
        assert_eq!((ids(&page), &page["matching"]), (vec!["b"], &json!(3)));
        let csv = office.ask("GET", "/api/v1/fleet.csv?q=b", None, &[]).await;
        assert_eq!(csv.text.lines().count(), 2);
        assert!(csv.text.contains("\r\nb,b,,blocked,"), "{}", csv.text);
    })
    .await;
}

#[tokio::test]
async fn a_silent_store_is_red_in_its_hours_and_grey_outside_them() {
    each_database(|place| async {
        let office = Office::open(place, |config| {
            config.people.open_as = Some(Role::Viewer);
            config.offline_after = Duration::ZERO;
        })
        .await;
        let hours = |changes: &[i64]| Health {
            hours: Opening {
                open: true,
                changes: changes
                    .iter()
                    .map(|h| Timestamp::from_millis(START + h * 3_600_000))
                    .collect(),
            },
            ..Health::default()
        };
        // A clock of the future: both have been silent for longer than three heartbeats.
        office
            .bring("a", &Log::new(), 1, Some(hours(&[6, 18])))
            .await;
        office
            .bring("b", &Log::new(), 1, Some(hours(&[-1, 18])))
            .await;
        office
            .hq
            .db()
            .write(|sql| {
                sql.execute(
                    "UPDATE stores SET seen_at = seen_at - 60000 WHERE seen_at IS NOT NULL",
                    &[],
                )
            })
            .await
            .unwrap();
        office.hq.0.fleet.forget().await;
        let page = office.get("/api/v1/fleet?sort=name").await;
        assert_eq!(page["stores"][0]["condition"], "offline");
        assert_eq!(page["stores"][1]["condition"], "closed");
        let alerts = office.get("/api/v1/alerts").await;
        assert_eq!(alerts["alerts"][0]["key"], "hq:offline");
        assert_eq!(alerts["matching"], 1);
        let _ = office.clock.now();
    })
    .await;
}

#[tokio::test]
async fn from_a_difference_in_the_books_one_comes_to_the_order_and_its_story() {
    each_database(|place| async {
        let office = Office::open(place, open_as(Role::Viewer)).await;
        let mut log = Log::new();
        log.open_shift(7, DAY);
        log.sell(1, DAY, 45_000, 7, Far::Closed);
        log.sell(2, DAY, 5_000, 7, Far::Wrong);
        office.bring("a", &log, 1, None).await;
        let mut other = Log::new();
        other.sell(9, DAY, 1_000, 3, Far::Closed);
        other.post(3, 1_000);
        office.bring("b", &other, 1, None).await;
        let books = office
            .get("/api/v1/books?from=2026-08-01&to=2026-08-01")
            .await;
        assert_eq!(
            (&books["different"], &books["equal"]),
            (&json!(1), &json!(1))
        );
        let line = &books["lines"][0];
        assert_eq!(
            (&line["store_id"], &line["state"], &line["unequal"]),
            (&json!("a"), &json!("different"), &json!(1))
        );
        assert_eq!(
            (&line["orders_minor"], &line["receipts_minor"]),
            (&json!(50_000), &json!(49_900))
        );
        assert_eq!(books["totals"]["RUB"]["orders"], 3);
        assert_eq!(
            office
                .get("/api/v1/books?from=2026-08-02&to=2026-08-09")
                .await["lines"],
            json!([])
        );
        let orders = office
            .get("/api/v1/stores/a/orders?day=2026-08-01&unequal=1")
            .await;
        assert_eq!(orders["orders"].as_array().unwrap().len(), 1);
        let id = orders["orders"][0]["order_id"].as_str().unwrap();
        let story = office.get(&format!("/api/v1/stores/a/orders/{id}")).await;
        let kinds: Vec<&str> = story["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds.first(), Some(&"order.placed"));
        assert_eq!(kinds.last(), Some(&"order.closed"));
        assert_eq!(story["now"]["state"], "closed");
        assert_eq!(
            office
                .ask(
                    "GET",
                    "/api/v1/stores/b/orders/00000000-0000-0000-0000-000000000002",
                    None,
                    &[]
                )
                .await
                .status,
            404
        );
        let events = office.get("/api/v1/stores/a/events?limit=2&before=4").await;
        assert_eq!(
            (&events["events"][0]["seq"], &events["events"][1]["seq"]),
            (&json!(3), &json!(2))
        );
        let series = office.get("/api/v1/series?store=a&hours=24").await;
        let sold: i64 = series["sales_minor"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_i64)
            .sum();
        assert_eq!(sold, 50_000);
        let details = office.get("/api/v1/stores/a").await;
        assert_eq!(
            (
                &details["days"][0]["orders"],
                &details["days"][0]["unequal"]
            ),
            (&json!(2), &json!(1))
        );
    })
    .await;
}

#[tokio::test]
async fn a_store_without_accounting_owes_it_nothing() {
    each_database(|place| async {
        let office = Office::open(place, open_as(Role::Viewer)).await;
        let mut log = Log::new();
        log.open_shift(7, DAY);
        log.sell(1, DAY, 45_000, 7, Far::Closed);
        let alone = Health {
            no_accounting: true,
            ..Health::default()
        };
        // A store of an older program tells nothing of it: its documents are waited for.
        office.bring("a", &log, 1, Some(alone)).await;
        office.bring("b", &log, 1, Some(Health::default())).await;
        let path = "/api/v1/books?from=2026-08-01&to=2026-08-01";
        let books = office.get(path).await;
        let lines = books["lines"].as_array().unwrap();
        let told: Vec<_> = lines
            .iter()
            .map(|l| {
                (
                    &l["store_id"],
                    &l["state"],
                    &l["unposted"],
                    &l["no_accounting"],
                )
            })
            .map(|(id, state, n, alone)| json!([id, state, n, alone]))
            .collect();
        assert_eq!(
            told,
            [
                json!(["b", "waiting", 1, false]),
                json!(["a", "equal", 0, true])
            ]
        );
        let sums = &books["totals"]["RUB"];
        assert_eq!(
            (&sums["booked_minor"], &sums["receipts_minor"]),
            (&json!(45_000), &json!(90_000))
        );
        assert_eq!(
            office.get(&format!("{path}&state=equal")).await["lines"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        // What it lacks elsewhere it lacks all the same.
        let first = log.entries.len() as u64 + 1;
        log.sell(2, DAY, 5_000, 7, Far::Wrong);
        office.bring("a", &log, first, None).await;
        assert_eq!(office.get(path).await["lines"][0]["state"], "different");
        // When accounting is connected, it is to have the shift.
        office
            .bring("a", &log, first, Some(Health::default()))
            .await;
        let line = &office.get(path).await["lines"][0];
        assert_eq!(
            (&line["store_id"], &line["unposted"]),
            (&json!("a"), &json!(1))
        );
    })
    .await;
}

#[tokio::test]
async fn days_of_plots_begin_when_they_begin_by_the_clock_that_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let office = Office::open(
        hq_config(dir.path().join("hq.db")).database,
        open_as(Role::Viewer),
    )
    .await;
    let mut log = Log::new();
    log.open_shift(7, DAY);
    log.sell(1, DAY, 45_000, 7, Far::Closed);
    office.bring("a", &log, 1, None).await;
    for minutes in [0, 300, -210, 345] {
        let series = office
            .get(&format!("/api/v1/series?hours=840&offset_min={minutes}"))
            .await;
        let begins = series["at"].as_array().unwrap();
        let day = 86_400_000;
        assert!(
            begins
                .iter()
                .all(|at| (at.as_i64().unwrap() + minutes * 60_000) % day == 0),
            "{minutes}: {series}"
        );
        let sum = |name: &str| {
            series[name]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n.as_i64().unwrap())
                .sum::<i64>()
        };
        assert_eq!(
            (sum("orders"), sum("sales_minor")),
            (1, 45_000),
            "{minutes}"
        );
    }
}

#[tokio::test]
async fn somebody_takes_an_alert_by_name_and_it_closes_itself() {
    each_database(|place| async {
        let office = Office::open(place, |_| {}).await;
        office.person("anna", Role::Operator).await;
        let cookie = office.sign_in("anna").await;
        let by_anna = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
        let mut log = Log::new();
        log.alarm("device:printer", Severity::Error);
        office.bring("a", &log, 1, None).await;
        let alert = office.ask("GET", "/api/v1/alerts", None, &by_anna).await.json()["alerts"][0].clone();
        assert_eq!((&alert["who"], &alert["cost"], &alert["advice"]), (&json!("technician"), &json!("sales"), &json!("mend it")));
        let taken = json!({"store_id": "a", "key": "device:printer", "since_at": alert["since_at"], "note": "on my way"});
        // Another site can't make her browser do it.
        let foreign = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
        assert_eq!(office.ask("POST", "/api/v1/alerts/acknowledge", Some(taken.clone()), &foreign).await.status, 403);
        for (word, value) in [("key", json!("device:robot")), ("store_id", json!("b")), ("since_at", json!(1))] {
            let mut other = taken.clone();
            other[word] = value;
            let answer = office.ask("POST", "/api/v1/alerts/acknowledge", Some(other), &by_anna).await;
            assert_eq!(answer.status, 404, "{word}");
        }
        assert_eq!(office.ask("POST", "/api/v1/alerts/acknowledge", Some(taken), &by_anna).await.status, 200);
        let page = office.ask("GET", "/api/v1/alerts?state=acknowledged", None, &by_anna).await.json();
        assert_eq!((&page["open"], &page["acknowledged"]), (&json!(0), &json!(1)));
        assert_eq!(page["alerts"][0]["acknowledged"]["who"], "anna");
        log.calm("device:printer");
        // What begins anew is nobody's.
        log.alarm("device:printer", Severity::Error);
        office.bring("a", &log, 2, None).await;
        let page = office.ask("GET", "/api/v1/alerts", None, &by_anna).await.json();
        assert_eq!((&page["open"], &page["acknowledged"]), (&json!(1), &json!(0)));
        let over = office.ask("GET", "/api/v1/alerts?state=over", None, &by_anna).await.json();
        assert_eq!(over["alerts"][0]["acknowledged"]["note"], "on my way");
    })
    .await;
}

#[tokio::test]
async fn a_store_whose_sales_were_stopped_says_by_whom_and_one_that_is_barred_comes_behind() {
    each_database(|place| async {
        let office = Office::open(place, open_as(Role::Viewer)).await;
        let log = Log::new();
        let stopped = Health {
            zone: "Asia/Tashkent".to_owned(),
            stopped: Some("paused".to_owned()),
            stopped_since: Some(Timestamp::from_millis(START)),
            stopped_by: Some(Stop {
                since_at: Timestamp::from_millis(START),
                until_at: None,
                who: "hq:anna".to_owned(),
                why: "recall".to_owned(),
            }),
            ..Health::default()
        };
        let sold_out = Health {
            stopped: Some("menu".to_owned()),
            ..Health::default()
        };
        office.bring("a", &log, 1, Some(stopped)).await;
        office.bring("b", &log, 1, Some(sold_out)).await;
        office.bring("c", &log, 1, Some(Health::default())).await;
        let store: StoreId = "c".parse().unwrap();
        office
            .hq
            .bar(&store, Some("stolen".to_owned()), "anna".to_owned())
            .await
            .unwrap();
        office.hq.0.fleet.forget().await;
        let page = office.get("/api/v1/fleet").await;
        let seen: Vec<(&str, &str)> = page["stores"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| {
                (
                    s["store_id"].as_str().unwrap(),
                    s["condition"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(seen, [("b", "blocked"), ("a", "paused"), ("c", "barred")]);
        assert_eq!(page["needy"], 1);
        assert_eq!(page["conditions"]["barred"], 1);
        let paused = &page["stores"][1];
        assert_eq!(
            (
                &paused["stopped_by"]["who"],
                &paused["stopped_by"]["why"],
                &paused["zone"]
            ),
            (&json!("hq:anna"), &json!("recall"), &json!("Asia/Tashkent"))
        );
    })
    .await;
}
