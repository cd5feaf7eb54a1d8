//! Whatever door is asked for whatever nonsense: it answers with a problem document, and nothing breaks.

use super::{
    down::{Head, menu},
    *,
};
use crate::sync::{
    down::{BUNDLE_PATH, DOWN_PATH, ENROL_PATH, LOG_PATH},
    http::INGEST_PATH,
};
use serde_json::{Value, json};

/// Where routes are written down. A router of another file is found by the count below.
const ROUTERS: &[&str] = &[
    include_str!("../api.rs"),
    include_str!("../boxes/api.rs"),
    include_str!("../down/api.rs"),
    include_str!("../people/routes.rs"),
    include_str!("../view/aside.rs"),
    include_str!("../view/routes.rs"),
];

/// Every address, with its methods, as the routers have them.
fn routes() -> Vec<(String, Vec<&'static str>)> {
    let mut found = Vec::new();
    for text in ROUTERS {
        for part in text.split(".route(").skip(1) {
            let Some(path) = part.trim_start().strip_prefix('"') else {
                continue;
            };
            let (path, rest) = path.split_once('"').unwrap();
            let rest = rest.split(".route(").next().unwrap();
            let rest = rest.split("\n}").next().unwrap();
            let methods = ["get", "post", "put", "patch"]
                .into_iter()
                .filter(|m| rest.contains(&format!("{m}(")))
                .collect();
            found.push((path.to_owned(), methods));
        }
    }
    found
}

/// Addresses of a route: with names that nothing has, and with what is no name.
fn addresses(route: &str) -> Vec<String> {
    let fill = |word: &str| {
        let mut path = String::new();
        for (n, part) in route.split(['{', '}']).enumerate() {
            path.push_str(if n % 2 == 1 { word } else { part });
        }
        path
    };
    vec![fill("nothing"), fill("%ff"), fill("7")]
}

const NONSENSE: &[&str] = &[
    "",
    "{",
    "[]",
    "null",
    r#"{"no": 1}"#,
    r#"{"role": 7, "name": [], "phone": {}, "stores": 7, "command": {"do": "no such"}, "revision": "x"}"#,
];
const QUERY: &str =
    "limit=x&offset=-&hours=x&from=x&to=x&before=x&store=%20%20&day=x&unequal=x&number=x";

#[tokio::test(start_paused = true)]
async fn whatever_is_asked_for_is_answered_or_refused_with_a_problem_document() {
    let head = Head::new().await;
    let mut routes = routes();
    assert!(routes.len() > 50, "{routes:?}");
    // Those of machines, whose addresses are not written at the routers, and one that is nobody's.
    for path in [INGEST_PATH, ENROL_PATH, DOWN_PATH, LOG_PATH, "/no/such"] {
        routes.push((path.to_owned(), vec!["post"]));
    }
    routes.push((format!("{BUNDLE_PATH}/{{id}}"), vec!["post"]));
    let mut refused = 0;
    for (route, methods) in routes {
        // What it streams has no end.
        if route == "/api/v1/live" {
            continue;
        }
        assert!(!methods.is_empty(), "{route}");
        for method in ["get", "post", "put", "patch", "delete"] {
            for path in addresses(&route) {
                for (body, query) in NONSENSE
                    .iter()
                    .map(|body| (*body, ""))
                    .chain([("", QUERY), ("", "token=a&token=b")])
                {
                    let asked = format!("{method} {path}?{query} {body}");
                    let request = Request::builder()
                        .method(method.to_uppercase().as_str())
                        .uri(format!("https://{HQ}{path}?{query}"))
                        .header(header::CONTENT_TYPE, "application/json")
                        .body(Bytes::from(body))
                        .unwrap();
                    let answer = head.http.send(request, LONG).await.unwrap();
                    assert!(answer.status().as_u16() < 500, "{asked}: {answer:?}");
                    if answer.status().as_u16() < 400 {
                        continue;
                    }
                    refused += 1;
                    assert_eq!(
                        answer.headers()[header::CONTENT_TYPE],
                        "application/problem+json",
                        "{asked}: {answer:?}"
                    );
                    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
                    for field in ["type", "slug", "title"] {
                        assert!(problem[field].is_string(), "{asked}: {problem}");
                    }
                    assert_eq!(problem["status"], answer.status().as_u16(), "{asked}");
                }
            }
        }
    }
    assert!(refused > 2_000, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_missing_or_wrong_is_told_by_its_path() {
    let head = Head::new().await;
    for (method, path, body, field) in [
        ("POST", "/users", json!({"name": "bek"}), "role"),
        (
            "POST",
            "/users",
            json!({"name": "bek", "role": "king"}),
            "role",
        ),
        (
            "PATCH",
            "/users/0198f000-0000-7000-8000-000000000001",
            json!({"disabled": 1}),
            "disabled",
        ),
        (
            "POST",
            "/api-keys",
            json!({"name": 7, "role": "viewer"}),
            "name",
        ),
        (
            "POST",
            "/rollouts",
            json!({"kind": "menu", "name": "x", "stores": "all"}),
            "revision",
        ),
        (
            "POST",
            "/rollouts/0198f000-0000-7000-8000-000000000001/promote",
            json!({"force": "yes"}),
            "force",
        ),
        ("POST", "/commands", json!({"stores": "all"}), "command"),
        (
            "POST",
            "/stores/S1/commands",
            json!({"command": {"do": "open_shift"}, "expires_in_s": -1}),
            "expires_in_s",
        ),
        (
            "POST",
            "/stores/S1/code",
            json!({"valid_min": "ten"}),
            "valid_min",
        ),
        ("POST", "/stores/S1/bar", json!({}), "why"),
        (
            "PUT",
            "/stores/S1/place",
            json!({"latitude": 1, "longitude": 2.5, "city": ""}),
            "longitude",
        ),
        (
            "POST",
            "/alerts/acknowledge",
            json!({"store_id": "S1", "key": "x"}),
            "since_at",
        ),
        ("POST", "/aside/S1/7", json!({"accept": true}), "note"),
        ("POST", "/guests/erase", Value::Null, "phone"),
        ("GET", "/rollouts?limit=many", Value::Null, "limit"),
        ("GET", "/documents/menu/x/diff?from=1", Value::Null, "to"),
    ] {
        let (status, problem) = head.call(method, path, body).await;
        assert_eq!(status, 400, "{method} {path}: {problem}");
        assert_eq!(problem["path"], field, "{method} {path}: {problem}");
        assert!(
            problem["title"].as_str().unwrap().contains(field),
            "{problem}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_checked_and_compared_and_nothing_is_written() {
    let head = Head::new().await;
    let mut content = serde_json::to_value(menu()).unwrap();
    let check = "/documents/menu/russia/check";
    let first = head.ok("POST", check, json!({"content": content})).await;
    assert_eq!(first, json!({"latest": null, "changes": []}));
    let none = head.ok("GET", "/documents", Value::Null).await;
    assert_eq!(none, json!({"documents": []}));
    head.ok(
        "POST",
        "/documents/menu/russia",
        json!({"content": content}),
    )
    .await;
    content["dishes"][0]["price_minor"] = 7_700.into();
    let text = serde_json::to_string_pretty(&content).unwrap();
    let second = head.ok("POST", check, json!({"json": text})).await;
    assert_eq!(second["latest"], 1);
    assert_eq!(second["changes"].as_array().unwrap().len(), 1, "{second}");
    assert_eq!(second["changes"][0]["is"], 7_700);
    let kept = head.ok("GET", "/documents/menu/russia", Value::Null).await;
    assert_eq!(kept["revisions"].as_array().unwrap().len(), 1);
    // The audit knows of what was written, and of no look.
    let audit = head
        .ok("GET", "/audit?act=documents.menu", Value::Null)
        .await;
    assert_eq!(audit["lines"].as_array().unwrap().len(), 1, "{audit}");
    // A fault is told by its line, or by its path.
    let fault = async |body: Value| {
        let (status, problem) = head.call("POST", check, body).await;
        assert_eq!(status, 422, "{problem}");
        problem["faults"][0].as_str().unwrap().to_owned()
    };
    let cut = fault(json!({"json": "{\n  \"dishes\": [\n  }"})).await;
    assert!(cut.contains("line 3"), "{cut}");
    let toml = fault(json!({"toml": "a = 1\nb ="})).await;
    assert!(toml.contains("line 2"), "{toml}");
    content["dishes"][3]["price_minor"] = "dear".into();
    let wrong = fault(json!({"content": content})).await;
    assert!(wrong.contains("dishes[3].price_minor"), "{wrong}");
}
