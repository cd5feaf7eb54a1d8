//! Who comes in, and what they may.

use super::{NewUser, PeopleConfig, Role};
use crate::{
    domain::time::Timestamp,
    hq::{Hq, HqConfig, Place, db::tests::each_database, tests::story::START},
    store::vault::Key,
    world::{Clock, RuntimeClock, Secret},
};
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;

const PASSWORD: &str = "seven seas and a spoon";

async fn open(place: Place, people: PeopleConfig) -> Hq {
    let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
    let config = HqConfig {
        people,
        ..HqConfig::on(place)
    };
    Hq::open(config, clock).await.unwrap()
}

async fn person(hq: &Hq, name: &str, role: Role) {
    let new = NewUser {
        name: name.to_owned(),
        full_name: String::new(),
        role,
        password: Some(Secret::new(PASSWORD)),
    };
    hq.add_user(new).await.unwrap();
}

pub(super) async fn ask(
    hq: &Hq,
    method: &str,
    path: &str,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> (u16, http::HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = body.map_or_else(Body::empty, |b| Body::from(b.to_string()));
    let answer = hq
        .router()
        .oneshot(request.body(body).unwrap())
        .await
        .unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (
        parts.status.as_u16(),
        parts.headers,
        String::from_utf8_lossy(&bytes).into_owned(),
    )
}

async fn try_in(hq: &Hq, name: &str, password: &str) -> (u16, http::HeaderMap, String) {
    let body = json!({"name": name, "password": password});
    ask(hq, "POST", "/api/v1/sign-in", Some(body), &[]).await
}

async fn sign_in(hq: &Hq, name: &str) -> String {
    let (status, headers, text) = try_in(hq, name, PASSWORD).await;
    assert_eq!(status, 200, "{text}");
    let set = headers[header::SET_COOKIE].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"))
}

#[tokio::test]
async fn until_there_is_somebody_all_may_look_and_nobody_change() {
    each_database(|place| async {
        let hq = open(place, PeopleConfig::default()).await;
        assert_eq!(ask(&hq, "GET", "/api/v1/fleet", None, &[]).await.0, 200);
        let user = json!({"name": "eve", "role": "admin", "password": PASSWORD});
        assert_eq!(
            ask(&hq, "POST", "/api/v1/users", Some(user), &[]).await.0,
            403
        );
        person(&hq, "Anna", Role::Admin).await;
        let (status, _, text) = ask(&hq, "GET", "/api/v1/fleet", None, &[]).await;
        assert_eq!(
            (status, parsed(&text)["slug"].as_str()),
            (401, Some("sign_in"))
        );
        let door = parsed(&ask(&hq, "GET", "/api/v1/door", None, &[]).await.2);
        assert_eq!(
            door,
            json!({"open": false, "passwords": true, "provider": null})
        );
        // The page itself and the state of the service need nobody.
        assert_eq!(ask(&hq, "GET", "/", None, &[]).await.0, 200);
        assert_eq!(ask(&hq, "GET", "/health", None, &[]).await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn somebody_signs_in_works_and_signs_out_and_the_audit_tells_it() {
    each_database(|place| async {
        let hq = open(place, PeopleConfig::default()).await;
        person(&hq, "anna", Role::Admin).await;
        let cookie = sign_in(&hq, "ANNA ").await;
        let anna = [("cookie", cookie.as_str())];
        let me = parsed(&ask(&hq, "GET", "/api/v1/me", None, &anna).await.2);
        assert_eq!((&me["name"], &me["role"], &me["way"]), (&json!("anna"), &json!("admin"), &json!("session")));
        let bek = json!({"name": "bek", "full_name": "Бек", "role": "operator", "password": "a long enough word"});
        assert_eq!(ask(&hq, "POST", "/api/v1/users", Some(bek.clone()), &anna).await.0, 201);
        assert_eq!(ask(&hq, "POST", "/api/v1/users", Some(bek), &anna).await.0, 409);
        let weak = json!({"name": "zed", "role": "viewer", "password": "short"});
        assert_eq!(ask(&hq, "POST", "/api/v1/users", Some(weak), &anna).await.0, 422);
        assert_eq!(ask(&hq, "POST", "/api/v1/sign-out", Some(json!({})), &anna).await.0, 200);
        assert_eq!(ask(&hq, "GET", "/api/v1/me", None, &anna).await.0, 401);
        let cookie = sign_in(&hq, "anna").await;
        let lines = parsed(&ask(&hq, "GET", "/api/v1/audit", None, &[("cookie", &cookie)]).await.2);
        let acts: Vec<&str> = lines["lines"].as_array().unwrap().iter().map(|l| l["act"].as_str().unwrap()).collect();
        assert_eq!(acts, ["session.opened", "session.closed", "user.added", "session.opened", "user.added"]);
        let csv = ask(&hq, "GET", "/api/v1/audit.csv?act=user", None, &[("cookie", &cookie)]).await.2;
        assert_eq!(csv.lines().count(), 3, "{csv}");
    })
    .await;
}

#[tokio::test]
async fn the_audit_says_what_was_sent_to_stores_and_never_a_number() {
    each_database(|place| async {
        let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
        let config = HqConfig {
            key: Some(Key::new(&"k".repeat(32)).unwrap()),
            ..HqConfig::on(place)
        };
        let hq = Hq::open(config, clock).await.unwrap();
        person(&hq, "anna", Role::Admin).await;
        let cookie = sign_in(&hq, "anna").await;
        let anna = [("cookie", cookie.as_str())];
        for (n, store) in [(1, "S1"), (2, "S2")] {
            let valid = std::time::Duration::from_mins(5);
            let code = hq.make_code(&store.parse().unwrap(), None, valid, "anna".to_owned()).await.unwrap();
            hq.enrol_box(&code.code, Some(store), [n; 32]).await.unwrap();
        }
        let order = "00000000-0000-0000-0000-000000000002";
        let refund = json!({"do": "refund", "order_id": order, "amount_minor": 45_000, "reason": "rang from +79161234567"});
        for (path, body) in [
            ("/api/v1/documents/stops/main", json!({"content": {"stops": []}})),
            ("/api/v1/documents/stops/main", json!({"content": {"stops": []}})),
            ("/api/v1/rollouts", json!({"kind": "stops", "name": "main", "revision": 1, "stores": "all", "canary": ["S1"]})),
            ("/api/v1/stores/S1/commands", json!({"command": refund})),
            ("/api/v1/commands", json!({"stores": "all", "command": {"do": "back_up"}})),
            ("/api/v1/guests/erase", json!({"phone": "+79161234567"})),
        ] {
            let (status, _, text) = ask(&hq, "POST", path, Some(body), &anna).await;
            assert!(matches!(status, 200 | 201), "{path}: {status} {text}");
        }
        let text = ask(&hq, "GET", "/api/v1/audit?limit=6", None, &anna).await.2;
        assert!(!text.contains("79161234567"), "{text}");
        let lines = parsed(&text);
        let told: Vec<[&str; 3]> = lines["lines"].as_array().unwrap().iter().map(|l| ["act", "subject", "detail"].map(|k| l[k].as_str().unwrap())).collect();
        let refunded = format!("command: refund; order: {order}; amount: 450.00; store: S1");
        assert_eq!(told, [
            ["guests.erase", "", "command: erase_guest; stores: 2"],
            ["commands", "", "command: back_up; stores: 2"],
            ["stores.commands", "S1", refunded.as_str()],
            ["rollouts", "", "kind: stops; name: main; revision: 1; stores: 2; canaries: 1"],
            ["documents.stops", "stops main", "kind: stops; name: main; unchanged: 1"],
            ["documents.stops", "stops main", "kind: stops; name: main; revision: 1"],
        ]);
    })
    .await;
}

#[tokio::test]
async fn wrong_passwords_shut_the_door_for_a_while_and_say_nothing_of_who_there_is() {
    each_database(|place| async {
        let hq = open(place, PeopleConfig::default()).await;
        person(&hq, "anna", Role::Admin).await;
        let (status, _, nobody) = try_in(&hq, "nobody", "whatever it was").await;
        assert_eq!(status, 401);
        for n in 1..=3 {
            let (status, _, text) = try_in(&hq, "anna", "not her password").await;
            assert_eq!((status, text.as_str()), (401, nobody.as_str()), "{n}");
        }
        // Even the right one is not looked at now.
        let (status, headers, _) = try_in(&hq, "anna", PASSWORD).await;
        assert_eq!(status, 429);
        assert!(headers.contains_key(header::RETRY_AFTER));
    })
    .await;
}

#[tokio::test]
async fn everybody_may_what_their_role_says_and_the_last_admin_stays() {
    each_database(|place| async {
        let hq = open(place, PeopleConfig::default()).await;
        for (name, role) in [
            ("vera", Role::Viewer),
            ("oleg", Role::Operator),
            ("mira", Role::Manager),
            ("anna", Role::Admin),
        ] {
            person(&hq, name, role).await;
        }
        let mut cookies = Vec::new();
        for name in ["vera", "oleg", "mira", "anna"] {
            cookies.push(sign_in(&hq, name).await);
        }
        let status = |n: usize, method: &'static str, path: &'static str, body: Option<Value>| {
            let (hq, cookie) = (hq.clone(), cookies[n].clone());
            async move { ask(&hq, method, path, body, &[("cookie", &cookie)]).await.0 }
        };
        let ack = Some(json!({"store_id": "x", "key": "k", "since_at": 1}));
        let place = Some(json!({"latitude": 1, "longitude": 1, "city": "x"}));
        for (n, want) in [403, 404, 404, 404].into_iter().enumerate() {
            assert_eq!(
                status(n, "POST", "/api/v1/alerts/acknowledge", ack.clone()).await,
                want,
                "{n}"
            );
        }
        for (n, want) in [403, 403, 404, 404].into_iter().enumerate() {
            assert_eq!(
                status(n, "PUT", "/api/v1/stores/x/place", place.clone()).await,
                want,
                "{n}"
            );
        }
        // Of others' addresses: what is not named needs much, and money more than a command.
        for (path, body, refused) in [
            ("/api/v1/rollouts", json!({}), 2),
            ("/api/v1/stores/x/bar", json!({}), 2),
            ("/api/v1/keys/rotate", json!({}), 3),
            ("/api/v1/stores/x/commands", json!({"command": {"do": "back_up"}}), 1),
            ("/api/v1/stores/x/commands", json!({"command": {"do": "refund", "order_id": "00000000-0000-0000-0000-000000000002", "reason": "cold"}}), 2),
        ] {
            for n in 0..3 {
                let shut = status(n, "POST", path, Some(body.clone())).await == 403;
                assert_eq!(shut, n < refused, "{path} {body} {n}");
            }
        }
        for (n, want) in [403, 403, 200, 200].into_iter().enumerate() {
            assert_eq!(status(n, "GET", "/api/v1/audit", None).await, want, "{n}");
        }
        for (n, want) in [403, 403, 403, 200].into_iter().enumerate() {
            assert_eq!(status(n, "GET", "/api/v1/users", None).await, want, "{n}");
        }
        let users = parsed(
            &ask(
                &hq,
                "GET",
                "/api/v1/users",
                None,
                &[("cookie", &cookies[3])],
            )
            .await
            .2,
        );
        let id = |name: &str| {
            users["users"]
                .as_array()
                .unwrap()
                .iter()
                .find(|u| u["name"] == name)
                .unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let change = |name: &str, body: Value| {
            let (hq, cookie, path) = (
                hq.clone(),
                cookies[3].clone(),
                format!("/api/v1/users/{}", id(name)),
            );
            async move {
                ask(&hq, "PATCH", &path, Some(body), &[("cookie", &cookie)])
                    .await
                    .0
            }
        };
        assert_eq!(change("anna", json!({"role": "viewer"})).await, 409);
        assert_eq!(change("anna", json!({"disabled": true})).await, 409);
        // Whoever is shut out is out at once.
        assert_eq!(change("mira", json!({"disabled": true})).await, 200);
        assert_eq!(status(2, "GET", "/api/v1/me", None).await, 401);
        assert_eq!(try_in(&hq, "mira", PASSWORD).await.0, 401);
        assert_eq!(change("oleg", json!({"role": "admin"})).await, 200);
        assert_eq!(change("anna", json!({"role": "viewer"})).await, 200);
    })
    .await;
}

#[tokio::test]
async fn a_key_opens_what_its_role_says_until_it_is_revoked_and_is_kept_as_a_hash() {
    each_database(|place| async {
        let hq = open(place, PeopleConfig::default()).await;
        person(&hq, "anna", Role::Admin).await;
        let cookie = sign_in(&hq, "anna").await;
        let anna = [("cookie", cookie.as_str())];
        let (status, _, text) = ask(
            &hq,
            "POST",
            "/api/v1/api-keys",
            Some(json!({"name": "BI", "role": "manager"})),
            &anna,
        )
        .await;
        assert_eq!(status, 201, "{text}");
        let made = parsed(&text);
        let token = made["token"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {token}");
        let key = [("authorization", bearer.as_str())];
        assert_eq!(ask(&hq, "GET", "/api/v1/fleet", None, &key).await.0, 200);
        assert_eq!(ask(&hq, "GET", "/api/v1/users", None, &key).await.0, 403);
        assert_eq!(
            ask(
                &hq,
                "GET",
                "/api/v1/fleet",
                None,
                &[("authorization", "Bearer ghk_none")]
            )
            .await
            .0,
            401
        );
        let (_, _, listed) = ask(&hq, "GET", "/api/v1/api-keys", None, &anna).await;
        assert!(!listed.contains(&token), "{listed}");
        assert!(parsed(&listed)["keys"][0]["used_at"].is_i64());
        let path = format!(
            "/api/v1/api-keys/{}/revoke",
            made["key"]["id"].as_str().unwrap()
        );
        assert_eq!(ask(&hq, "POST", &path, Some(json!({})), &anna).await.0, 200);
        assert_eq!(ask(&hq, "GET", "/api/v1/fleet", None, &key).await.0, 401);
    })
    .await;
}

#[tokio::test]
async fn behind_tls_the_cookie_is_for_https_only() {
    let dir = tempfile::tempdir().unwrap();
    let people = PeopleConfig {
        behind_tls: true,
        ..PeopleConfig::default()
    };
    let place = Place::Sqlite(crate::store::Options::at(dir.path().join("hq.db")));
    let hq = open(place, people).await;
    person(&hq, "anna", Role::Admin).await;
    let (_, headers, _) = try_in(&hq, "anna", PASSWORD).await;
    let set = headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        set.starts_with("__Host-galley_hq=") && set.ends_with("; Secure"),
        "{set}"
    );
    let cookie = set.split(';').next().unwrap();
    assert_eq!(
        ask(&hq, "GET", "/api/v1/me", None, &[("cookie", cookie)])
            .await
            .0,
        200
    );
}
