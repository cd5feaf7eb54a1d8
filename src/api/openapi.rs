//! The API's description, made from the same routes that are served.

use super::{Problem, access, health, routes_v1};
use crate::domain::scope::Scope;
use serde_json::{Value, json};
use std::sync::LazyLock;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Galley, the store's API",
        description = "Orders, payments, refunds, stock, shift, devices. Every POST that changes something takes an Idempotency-Key; money is an integer of minor units; times are milliseconds since 1970, UTC. A guide with examples: docs/api.md."
    ),
    components(schemas(Problem)),
    tags(
        (name = "guest", description = "Kiosk, board, customers' systems"),
        (name = "staff", description = "Cashiers and managers"),
        (name = "till", description = "The card terminal's own link"),
        (name = "technician", description = "Devices and decisions"),
        (name = "manager", description = "People and screens"),
        (name = "health", description = "For monitoring; no token")
    )
)]
struct Base;

/// The OpenAPI document.
#[must_use]
pub fn document() -> Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(make);
    DOCUMENT.clone()
}

fn make() -> Value {
    let (_, v1) = routes_v1().split_for_parts();
    let mut document = Base::openapi().nest(access::PREFIX, v1);
    document.merge(health::Described::openapi());
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let mut document = serde_json::to_value(document).expect("a description has string keys only");
    document["components"]["securitySchemes"] = schemes();
    let Some(paths) = document["paths"].as_object_mut() else {
        return document;
    };
    for (path, verbs) in paths {
        let Some(verbs) = verbs.as_object_mut() else {
            continue;
        };
        for (verb, operation) in verbs {
            tell(&verb.to_uppercase(), path, operation);
        }
    }
    document
}

/// How a request says who sends it.
fn schemes() -> Value {
    let scopes: Vec<_> = Scope::ALL
        .iter()
        .map(|s| format!("`{}`: {}", s.word(), s.says()))
        .collect();
    json!({
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "The token of a screen, of a person who came in with a PIN, or of the configuration. What it may do hangs on its role.",
        },
        "key": {
            "type": "http", "scheme": "bearer", "bearerFormat": "gk_…",
            "description": format!("The key of another system, made by `galley key create`. It is good for its scopes and for nothing else. {}", scopes.join(" ")),
        },
        "token_in_address": {
            "type": "apiKey", "in": "query", "name": "token",
            "description": "The same token or key, where a browser can send no header.",
        },
    })
}

/// Who may do it without a token: what is outside of the API, and what gives tokens.
fn is_open(method: &str, path: &str) -> bool {
    !path.starts_with(access::PREFIX)
        || path.ends_with("/pairing")
        || (method, path) == ("POST", "/api/v1/sessions")
}

/// What is sent as a POST because it is long, or must not stand in an address; it changes nothing.
fn is_question(path: &str) -> bool {
    path.ends_with("/quote") || path.ends_with("/loyalty/lookup")
}

/// Says of an operation what all of its kind have in common.
fn tell(method: &str, path: &str, operation: &mut Value) {
    let open = is_open(method, path);
    if let Some(route) = access::route(method, path) {
        operation["operationId"] = route.2.into();
        if let Some(example) = example(route.2) {
            operation["requestBody"]["content"]["application/json"]["example"] = example;
        }
        operation["security"] = security(path, open, route.3);
    } else {
        operation["security"] = json!([]);
    }
    // What gives tokens is not remembered, nor is a question.
    let asks = open || is_question(path);
    if method == "POST" && !asks {
        push(
            &mut operation["parameters"],
            json!({
                "name": "Idempotency-Key", "in": "header", "required": true,
                "description": "A new UUID for each intention; the same one only to repeat a request whose answer was lost.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
                "example": "7f1c6a52-9f0e-4c57-8f53-0d3a8b9f8a01",
            }),
        );
    }
    if !path.starts_with(access::PREFIX) {
        return;
    }
    let answers = &mut operation["responses"];
    let mut answer = |status: &str, says: &str| {
        if answers[status].is_null() {
            answers[status] = json!({"description": says, "content": problem()});
        }
    };
    answer("4XX", "Refused; nothing has changed.");
    answer("5XX", "The store, its disk or a device can't do it now.");
    if !open {
        answer(
            "401",
            "No token, or one that is not known, has expired or was revoked.",
        );
        answer(
            "403",
            "This token's role, or this key's scopes, do not allow it.",
        );
    }
    answer(
        "429",
        "Too many requests: wait as long as Retry-After says.",
    );
    answers["429"]["headers"] = json!({
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
        "RateLimit": {"description": "What is left: `\"default\";r=REQUESTS;t=SECONDS`.", "schema": {"type": "string"}},
        "RateLimit-Policy": {"description": "What there is: `\"default\";q=REQUESTS;w=SECONDS`.", "schema": {"type": "string"}},
    });
    let Some(answers) = answers.as_object_mut() else {
        return;
    };
    for answer in answers.values_mut() {
        // Problems have a type of their own.
        let plain = &answer["content"]["application/json"]["schema"]["$ref"];
        if plain == PROBLEM {
            answer["content"] = problem();
        }
    }
}

const PROBLEM: &str = "#/components/schemas/Problem";

fn problem() -> Value {
    json!({"application/problem+json": {"schema": {"$ref": PROBLEM}}})
}

fn security(path: &str, open: bool, scopes: &[Scope]) -> Value {
    if open {
        return match path.ends_with("/sessions") {
            true => json!([{}, {"token": []}]),
            false => json!([]),
        };
    }
    let mut ways: Vec<Value> = scopes.iter().map(|s| json!({"key": [s.word()]})).collect();
    ways.push(json!({"token": []}));
    if path.ends_with("/live") || path.ends_with("/qr.svg") {
        ways.push(json!({"token_in_address": []}));
    }
    ways.into()
}

fn push(list: &mut Value, item: Value) {
    match list {
        Value::Array(all) => all.push(item),
        other => *other = json!([item]),
    }
}

/// What a request of this name may look like.
fn example(operation: &str) -> Option<Value> {
    Some(match operation {
        "place_order" => {
            json!({"language": "en", "service": "to_go", "lines": [{"dish_id": "plov", "quantity": 2}]})
        }
        "quote" => {
            json!({"language": "en", "service": "here", "lines": [{"dish_id": "mors", "quantity": 1}]})
        }
        "start_payment" => json!({"tender": "sbp_qr"}),
        "report_terminal_result" => {
            json!({"result": "approved", "external_id": "op-1", "rrn": "432101234567"})
        }
        "refund_order" => json!({"reason": "cold"}),
        "receive_stock" => json!({"ingredient_id": "rice", "quantity": 5_000_000}),
        "count_stock" => {
            json!({"ingredient_id": "rice", "counted": 4_000_000, "reason": "stock-taking"})
        }
        "stop_sale" => json!({"dish_id": "plov", "why": "no lamb"}),
        "lift_stop" => json!({"dish_id": "plov", "why": "lamb is here"}),
        "create_key" => json!({"name": "erp", "scopes": ["stock:read"]}),
        "create_webhook" => {
            json!({"name": "erp", "url": "https://erp.example/galley", "kinds": ["order.*"]})
        }
        "redeliver_webhook" => json!({"from": 1200}),
        "open_session" => json!({"pin": "2846"}),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_has_a_name_of_its_own_says_who_may_and_how_it_is_refused() {
        let document = document();
        let mut names = BTreeSet::new();
        let mut keyed = 0;
        for (path, verbs) in document["paths"].as_object().unwrap() {
            for (verb, o) in verbs.as_object().unwrap() {
                let name = o["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} twice");
                let security = o["security"].as_array();
                assert!(security.is_some(), "{verb} {path} says nothing of who may");
                if !path.starts_with("/api/") {
                    continue;
                }
                for status in ["4XX", "429"] {
                    let problem = &o["responses"][status]["content"]["application/problem+json"];
                    assert!(problem.is_object(), "{verb} {path} {status}: {o}");
                }
                let key = o["parameters"].as_array().into_iter().flatten();
                let keys = key.filter(|p| p["name"] == "Idempotency-Key").count();
                let asks = is_open("POST", path) || is_question(path);
                assert_eq!(keys, usize::from(verb == "post" && !asks), "{verb} {path}");
                for way in security.unwrap() {
                    for scope in way["key"].as_array().into_iter().flatten() {
                        assert!(Scope::from_word(scope.as_str().unwrap()).is_some());
                        keyed += 1;
                    }
                }
            }
        }
        assert!(keyed >= 30, "{keyed}");
    }
}
