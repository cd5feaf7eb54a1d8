//! The API's description: it is served as it is committed, and every route of it is there.

use super::{
    NOBODY,
    common::{KIOSK, STAFF, Shop},
};
use reqwest::Method;
use serde_json::Value;
use std::path::Path;

/// Set to anything, the committed description is written anew.
const UPDATE: &str = "UPDATE_OPENAPI";

#[tokio::test(flavor = "multi_thread")]
async fn every_described_route_is_served_and_asks_for_a_token_and_a_key() {
    let shop = Shop::open(1000).await;
    let answer = shop
        .send(Method::GET, "/openapi.json", None, None, None)
        .await
        .unwrap();
    let document = answer.expect(200);
    let before = shop.quiet().await;
    let mut served = 0;
    for open in ["/health", "/ready", "/metrics", "/openapi.json"] {
        assert!(document["paths"][open]["get"].is_object(), "{open}");
        let answer = shop.send(Method::GET, open, None, None, None).await;
        answer.unwrap().expect(200);
    }
    let paths = document["paths"].as_object().unwrap();
    for (template, verbs) in paths.iter().filter(|(p, _)| p.starts_with("/api/")) {
        let path = template
            .replace(
                "{id}",
                if template.contains("/effects/") {
                    "1"
                } else {
                    NOBODY
                },
            )
            .replace("{job_id}", NOBODY)
            .replace("{press}", "ready")
            .replace("{name}", "nobody")
            .replace("{act}", "enable")
            .replace("{number}", "1")
            .replace("{table}", "1")
            .replace("{row}", "1")
            .replace("{field}", "1");
        for verb in verbs.as_object().unwrap().keys() {
            // Who has no token yet asks for one; nothing of it is remembered.
            let entrance = ["/pairing", "/sessions"].iter().any(|p| path.ends_with(p));
            if entrance && verb == "post" {
                served += 1;
                continue;
            }
            let method = Method::from_bytes(verb.to_uppercase().as_bytes()).unwrap();
            let send = |token, key| shop.send(method.clone(), &path, token, key, None);
            send(None, Some("k"))
                .await
                .unwrap()
                .expect_problem(401, "unauthorised");
            send(Some("guess"), Some("k"))
                .await
                .unwrap()
                .expect_problem(401, "unauthorised");
            // A question changes nothing, so it needs no key.
            let question = ["/quote", "/loyalty/lookup"]
                .iter()
                .any(|p| path.ends_with(p));
            if method == Method::POST && !question {
                // Who may not is told so first; only guests call for a person.
                let who = if path.ends_with("/calls") {
                    KIOSK
                } else {
                    STAFF
                };
                send(Some(who), None)
                    .await
                    .unwrap()
                    .expect_problem(400, "idempotency_key_missing");
                let long = "k".repeat(129);
                send(Some(who), Some(&long))
                    .await
                    .unwrap()
                    .expect_problem(400, "idempotency_key_missing");
            }
            served += 1;
        }
    }
    assert!(served >= 35, "only {served} routes");
    // A token in the address opens only what browsers can't send headers to.
    let sneaky = format!("/api/v1/orders?token={STAFF}");
    shop.send(Method::GET, &sneaky, None, None, None)
        .await
        .unwrap()
        .expect_problem(401, "unauthorised");
    assert_eq!(shop.head().await, before);
    shop.close().await;
}

#[test]
fn the_description_of_the_api_is_the_committed_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi.json");
    let mut now = serde_json::to_string_pretty(&galley::api::document()).unwrap();
    now.push('\n');
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let (now, committed): (Value, Value) = (
        serde_json::from_str(&now).unwrap(),
        serde_json::from_str(&committed).unwrap_or_default(),
    );
    assert!(
        now == committed,
        "the API's description differs from tests/openapi.json; if the change is meant, run\n    \
         {UPDATE}=1 cargo test --test api the_description\nand commit the file"
    );
}
