//! The emulator by itself, so that a client tested against it works against 1C.

use super::*;
use crate::world::Http as _;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;
use std::time::Duration;

const SET: &str = "Document_%D0%9E%D1%82%D1%87%D0%B5%D1%82%D0%9E%D0%A0%D0%BE%D0%B7%D0%BD%D0%B8%D1%87%D0%BD%D1%8B%D1%85%D0%9F%D1%80%D0%BE%D0%B4%D0%B0%D0%B6%D0%B0%D1%85";

impl Rig {
    async fn ask(&self, method: &str, path: &str, body: &Value) -> Response<Bytes> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://{HOST}/bp/odata/standard.odata/{path}"))
            .header("Authorization", "Basic ZWRnZTpzZWNyZXQ=")
            .header(
                "If-Match",
                body["version"].as_str().unwrap_or("AAAAAQAAAAA="),
            )
            .body(Bytes::from(body["json"].to_string()))
            .unwrap();
        self.http
            .send(request, Duration::from_secs(9))
            .await
            .unwrap()
    }

    async fn json(&self, method: &str, path: &str, json: Value) -> (StatusCode, Value) {
        let answer = self.ask(method, path, &json!({ "json": json })).await;
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status(), body)
    }

    async fn code(&self, method: &str, path: &str, json: Value) -> (u16, String) {
        let (status, body) = self.json(method, path, json).await;
        let code = body["odata.error"]["code"].as_str().unwrap_or("none");
        (status.as_u16(), code.to_owned())
    }
}

fn bare() -> Rig {
    rig_with(&example(), Emulator::new("edge", "secret"))
}

fn report(key: &str) -> Value {
    json!({"Ref_Key": key, "Date": "2026-01-12T23:58:41", "Товары": [{"LineNumber": 1, "Сумма": 0.1}]})
}

#[tokio::test(start_paused = true)]
async fn what_the_disk_does_not_take_is_refused_and_has_not_happened() {
    let folder = tempfile::tempdir().unwrap();
    let books = folder.path().join("books");
    std::fs::create_dir(&books).unwrap();
    let emulator = Emulator::open("edge", "secret", books.join("one-c.json")).unwrap();
    let rig = rig_with(&example(), emulator);
    std::fs::remove_dir_all(&books).unwrap();
    let refused = rig.code("POST", SET, report(REPORT_57)).await;
    assert_eq!(refused, (500, "-1".to_owned()));
    let one = format!("{SET}(guid'{REPORT_57}')");
    assert_eq!(rig.code("GET", &one, Value::Null).await.0, 404);
    std::fs::create_dir(&books).unwrap();
    assert_eq!(rig.code("POST", SET, report(REPORT_57)).await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn a_created_object_is_numbered_versioned_and_complete() {
    let rig = bare();
    let answer = rig
        .ask("POST", SET, &json!({"json": report(REPORT_57)}))
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(
        location.ends_with(&format!("{SET}(guid'{REPORT_57}')")),
        "{location}"
    );
    let object: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(object["Number"], "0000-000001");
    assert_eq!(object["DataVersion"], "AAAAAQAAAAA=");
    assert_eq!(object["Posted"], false);
    assert_eq!(object["СуммаДокумента"].to_string(), "0.1");
    assert_eq!(
        object["Товары"][0]["LineNumber"], "1",
        "long integers are strings"
    );
    assert_eq!(object["Склад_Key"], "00000000-0000-0000-0000-000000000000");
    let (_, next) = rig
        .json("POST", SET, json!({"Date": "2026-02-01T00:00:00"}))
        .await;
    assert_eq!(next["Number"], "0000-000002");
    let (_, next) = rig
        .json("POST", SET, json!({"Date": "2027-01-01T00:00:00"}))
        .await;
    assert_eq!(next["Number"], "0000-000001", "numbers are yearly");
}

#[tokio::test(start_paused = true)]
async fn refusals_carry_the_platforms_codes() {
    let rig = bare();
    rig.json("POST", SET, report(REPORT_57)).await;
    let date = "2026-01-12T23:58:41";
    let one = format!("{SET}(guid'{REPORT_57}')");
    let none = format!("{SET}(guid'00000000-0000-0000-0000-000000000001')?$format=json");
    let no_line = json!({"Date": date, "Товары": [{"Сумма": 1}]});
    for (method, path, body, status, code) in [
        ("POST", SET, report(REPORT_57), 400, "15"),
        ("POST", SET, json!({"Комментарий": ""}), 400, "5"),
        ("POST", SET, json!({"Date": date, "Нет": 1}), 400, "10"),
        ("POST", SET, json!({"Date": "2026-01-12"}), 400, "4"),
        (
            "POST",
            SET,
            json!({"Date": date, "КурсДокумента": 1.00001}),
            400,
            "4",
        ),
        ("POST", SET, json!([]), 400, "2"),
        ("POST", SET, no_line, 500, "-1"),
        ("POST", &format!("{one}/Post"), Value::Null, 500, "-1"),
        ("POST", &format!("{one}/Dance"), Value::Null, 404, "11"),
        ("GET", &none, Value::Null, 404, "9"),
        ("GET", "Catalog_X", Value::Null, 404, "8"),
        (
            "GET",
            &format!("{SET}?$filter=Date"),
            Value::Null,
            400,
            "14",
        ),
        ("GET", &format!("{SET}?$select=X"), Value::Null, 400, "10"),
        ("PUT", SET, Value::Null, 405, "19"),
        ("GET", &format!("{SET}(7)"), Value::Null, 400, "6"),
    ] {
        let found = rig.code(method, path, body).await;
        assert_eq!(found, (status, code.to_owned()), "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_posted_flag_in_a_body_makes_no_records() {
    let rig = bare();
    let mut body = report(REPORT_57);
    body["Posted"] = json!(true);
    rig.json("POST", SET, body).await;
    assert!(!rig.emulator.documents()[0].posted);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_an_older_version_is_refused() {
    let rig = bare();
    rig.json("POST", SET, report(REPORT_57)).await;
    let one = format!("{SET}(guid'{REPORT_57}')");
    let change = json!({"Комментарий": "x", "Товары": []});
    let (status, object) = rig.json("PATCH", &one, change.clone()).await;
    assert_eq!(
        (status, &object["Комментарий"]),
        (StatusCode::OK, &json!("x"))
    );
    assert_eq!(
        object["Товары"],
        json!([]),
        "a table part is replaced as a whole"
    );
    let (status, _) = rig.json("PATCH", &one, change).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test(start_paused = true)]
async fn lists_are_filtered_ordered_and_counted() {
    let rig = bare();
    for day in 10..15 {
        rig.json(
            "POST",
            SET,
            json!({"Date": format!("2026-01-{day}T12:00:00")}),
        )
        .await;
    }
    let query = "$format=json&$select=Date&$filter=Date%20ge%20datetime'2026-01-11T00:00:00'%20and%20Date%20lt%20datetime'2026-01-14T00:00:00'&$orderby=Date%20desc&$skip=1&$top=1&$inlinecount=allpages";
    let (status, page) = rig
        .json("GET", &format!("{SET}?{query}"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["value"], json!([{"Date": "2026-01-12T12:00:00"}]));
    assert_eq!(page["odata.count"], "3");
}

#[tokio::test(start_paused = true)]
async fn posting_checks_what_1c_checks() {
    type Spoil = fn(&mut Value);
    let spoils: [(&str, Spoil); 6] = [
        ("Вид операции", |d| d["ВидОперации"] = json!("")),
        ("Склад_Key", |d| d["Склад_Key"] = json!(REPORT_57)),
        ("ставка НДС", |d| {
            d["Товары"][0]["СтавкаНДС"] = json!("НДС0")
        }),
        ("превышает выручку", |d| {
            d["Оплата"][0]["СуммаОплаты"] = json!(5580)
        }),
        ("превышает сумму возвратов", |d| {
            d["ВозвратОплаты"][0]["СуммаОплаты"] = json!(520.01)
        }),
        ("позже даты", |d| {
            d["Возвраты"][0]["ДатаРеализации"] = json!("2026-01-13T00:00:00")
        }),
    ];
    for (words, spoil) in spoils {
        let rig = rig(&example());
        let document = crate::connectors::one_c::map::documents(&shift_57(), &example())
            .unwrap()
            .remove(0);
        let mut body: Value = serde_json::from_str(&document.json).unwrap();
        spoil(&mut body);
        let (status, answer) = rig.json("POST", SET, body).await;
        assert_eq!(status, StatusCode::CREATED, "{words}: {answer}");
        let post = format!("{SET}(guid'{REPORT_57}')/Post?PostingModeOperational=false");
        let (status, answer) = rig.json("POST", &post, Value::Null).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let message = answer["odata.error"]["message"]["value"].as_str().unwrap();
        assert!(message.contains(words), "{words}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn books_in_a_file_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Emulator::open("edge", "secret", folder.path().join("1c.json")).unwrap();
    let rig = rig_with(&example(), open());
    rig.emulator.stock(&example());
    assert!(matches!(rig.engine(&shift_57(), 1).await, End::Done(_)));
    let before = rig.emulator.documents();
    assert_eq!(before.len(), 1);
    drop(rig);
    let again = rig_with(&example(), open());
    assert_eq!(again.emulator.documents(), before);
    assert!(matches!(again.engine(&shift_57(), 1).await, End::Done(_)));
    assert_eq!(again.emulator.documents(), before);
}
