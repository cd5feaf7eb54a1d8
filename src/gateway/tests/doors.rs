//! What the doors say to requests that make no sense, and to things that are not there: problem documents, with the place.

use super::*;
use crate::gateway::journal::Trouble;
use galley_atol::emulator::{Fault, Times};

impl Rig {
    /// Sends bytes as they are; the status, whether a problem document came back, and the answer.
    async fn raw(&self, method: Method, path: &str, body: impl Into<Bytes>) -> (u16, bool, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://gateway{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {TILL}"))
            .body(body.into())
            .unwrap();
        let answer = self.http.send(request, LONG).await.unwrap();
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let problem = kind.is_some_and(|kind| kind == "application/problem+json");
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status().as_u16(), problem, body)
    }
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_a_problem_document_that_says_where() {
    let rig = Rig::new(1).await;
    let whole = sale(100).to_string();
    let twice = whole.replacen("\"vat\"", "\"vat\": \"vat22\", \"vat\"", 1);
    let large = " ".repeat(1024 * 1024 + 1);
    let sell = "/v1/fiscal/documents/a-1";
    for (method, path, body, status, slug, said) in [
        (
            Method::PUT,
            "/v1/fiscal/documents/a-1?wait=soon",
            &*whole,
            400,
            "bad_query",
            "wait",
        ),
        (
            Method::GET,
            "/v1/fiscal/documents?limit=-1",
            "",
            400,
            "bad_query",
            "limit",
        ),
        (Method::PUT, sell, "{\"document\": ", 400, "bad_json", "EOF"),
        (
            Method::PUT,
            sell,
            &*twice,
            400,
            "bad_json",
            "\"vat\" is said twice",
        ),
        (Method::PUT, sell, &*large, 413, "body_too_large", "1 MB"),
        (Method::PUT, sell, "[1]", 422, "invalid", "object"),
        (
            Method::POST,
            "/v1/fiscal/devices/kkt-0/slip",
            "[[], true]",
            400,
            "bad_json",
            "object",
        ),
        (
            Method::POST,
            "/v1/fiscal/devices/kkt-0/slip",
            "{\"items\": [], \"cut\": 1}",
            400,
            "bad_json",
            "cut: ",
        ),
        (
            Method::GET,
            "/v1/fiscal/devices/kkt-0/documents/99999",
            "",
            404,
            "no_such_document",
            "99999",
        ),
        (
            Method::GET,
            "/v1/fiscal/devices/kkt-0/documents/first",
            "",
            404,
            "no_such_document",
            "first",
        ),
        (
            Method::GET,
            "/v1/fiscal/devices/kkt-9/documents/1",
            "",
            404,
            "not_found",
            "kkt-9",
        ),
        (
            Method::GET,
            "/v1/fiscal/documents/a-9",
            "",
            404,
            "not_found",
            "nothing",
        ),
        (
            Method::GET,
            "/v1/fiscal/documents/%ff",
            "",
            404,
            "not_found",
            "",
        ),
    ] {
        let (told, problem, answer) = rig.raw(method, path, body.to_owned()).await;
        assert_eq!((told, problem), (status, true), "{path}: {answer}");
        assert_eq!(answer["slug"], slug, "{path}: {answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{path}: {detail}");
    }
    // The vendor's face has the vendor's form.
    let (status, _, answer) = rig.raw(Method::POST, "/api/v2/requests", large).await;
    assert_eq!((status, &answer["error"]["code"]), (413, &json!(501)));
    assert!(rig.receipts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_field_is_told_by_its_path() {
    let rig = Rig::new(1).await;
    let mut wrong = sale(100);
    wrong["lines"][0]["vat"] = json!("vat18");
    let (status, problem) = rig.put("a-1", &wrong, 60).await;
    assert_eq!((status, &problem["field"]), (422, &json!("lines[0].vat")));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("lines[0].vat: "), "{detail}");
    // Nothing is written down: the same key serves the corrected body.
    assert_eq!(rig.put("a-1", &sale(100), 60).await.0, 201);
    let mut receipt = sale(100);
    for field in ["device", "document"] {
        receipt.as_object_mut().unwrap().remove(field);
    }
    let mut correction = json!({"document": "correction", "receipt": receipt,
        "basis": {"by": "ourselves", "date": "2027-01-01"}});
    let (status, problem) = rig.put("a-2", &correction, 60).await;
    assert_eq!((status, &problem["field"]), (422, &json!("basis.date")));
    correction["basis"]["date"] = json!("2026-11-20");
    let (status, done) = rig.put("a-2", &correction, 60).await;
    assert_eq!(status, 201, "{done}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_says_the_same_in_other_words_is_the_same_request() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("a-1", &sale(100), 60).await.0, 201);
    let mut same = sale(100);
    same["options"] = json!({});
    same["print"] = json!(true);
    let (status, again) = rig.put("a-1", &same, 60).await;
    assert_eq!((status, &again["replayed"]), (200, &json!(true)));
    same["options"] = json!({"check_marking": true});
    assert_eq!(rig.put("a-1", &same, 60).await.0, 409);
    assert_eq!(rig.receipts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_printer_that_is_asked_again_in_vain_says_so() {
    let rig = Rig::new(1).await;
    assert_eq!(rig.put("a-1", &sale(100), 60).await.0, 201);
    let retry = "/v1/fiscal/devices/kkt-0/retry";
    assert_eq!(rig.post(retry, &json!({})).await.0, 200);
    rig.printer().power_cut();
    let (status, problem) = rig.post(retry, &json!({})).await;
    assert_eq!((status, &problem["slug"]), (503, &json!("unreachable")));
    assert!(problem["advice"].is_string());
    rig.printer().restart();
    assert_eq!(rig.post(retry, &json!({})).await.0, 200);
    rig.printer().set_fault(Fault::OtherDrive, Times::Once);
    assert_eq!(rig.put("a-2", &sale(200), 20).await.0, 202);
    let (status, problem) = rig.post(retry, &json!({})).await;
    assert_eq!((status, &problem["slug"]), (409, &json!("other_drive")));
}

/// An Atol that is registered for the general tax system only.
#[tokio::test(start_paused = true)]
async fn a_tax_system_that_is_not_registered_is_refused_before_anything_leaves_the_box() {
    let mut rig = Rig::new(1).await;
    let mut patent = sale(100);
    patent["tax_system"] = json!("patent");
    let (status, problem) = rig.put("a-1", &patent, 60).await;
    assert_eq!((status, &problem["slug"]), (422, &json!("tax_system")));
    assert_eq!(problem["field"], "tax_system");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("patent (tag 1055), only for general"),
        "{detail}"
    );
    assert!(problem["advice"].as_str().unwrap().contains("new key"));
    // Not even the shift was opened for it.
    assert!(kinds(rig.printer()).is_empty());
    // It stays refused.
    rig.restart().await;
    assert_eq!(rig.put("a-1", &patent, 60).await.0, 422);
    let mut receipt = patent.clone();
    for field in ["device", "document"] {
        receipt.as_object_mut().unwrap().remove(field);
    }
    let correction = json!({"device": "kkt-0", "document": "correction", "receipt": receipt,
        "basis": {"by": "ourselves", "date": "2026-11-20"}});
    let (status, problem) = rig.put("a-2", &correction, 60).await;
    assert_eq!((status, &problem["slug"]), (422, &json!("tax_system")));
    assert_eq!(rig.put("a-3", &sale(100), 60).await.0, 201);
    assert_eq!(kinds(rig.printer()), [2, 3]);
}

#[test]
fn a_trouble_of_an_older_journal_is_read() {
    let old = json!({"code": "unreachable", "text": "t", "advice": "a"});
    let read: Trouble = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(read.field, None);
    assert_eq!(json!(read), old);
}
