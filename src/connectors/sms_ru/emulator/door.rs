//! The provider's wire: routes, key, fields, answers.

use super::{SmsFault, SmsRuEmulator, Trouble};
use crate::connectors::sms_ru::measure;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, io, time::Duration};

/// The most numbers of one call.
const NUMBERS_MOST: usize = 100;

pub(super) fn router(provider: SmsRuEmulator) -> Router {
    Router::new()
        .route("/sms/{method}", any(sms))
        .route("/my/{method}", any(my))
        .route("/_sent", get(sent))
        .route("/_ctl", post(control))
        .with_state(provider)
}

type Fields = BTreeMap<String, String>;

fn fields(query: Option<String>, body: &Bytes) -> Fields {
    let mut fields = Fields::new();
    for part in [query.unwrap_or_default().as_bytes(), body.as_ref()] {
        fields.extend(form_urlencoded::parse(part).into_owned());
    }
    fields
}

fn refused(code: i64) -> Value {
    json!({"status": "ERROR", "status_code": code, "status_text": words(code)})
}

fn words(code: i64) -> &'static str {
    match code {
        -1 => "Сообщение не найдено",
        200 => "Неправильный api_id",
        201 => "Не хватает средств на лицевом счету",
        202 => "Неправильно указан номер телефона получателя",
        203 => "Нет текста сообщения",
        205 => "Сообщение слишком длинное",
        209 => "Вы добавили этот номер в стоп-лист",
        220 => "Сервис временно недоступен, попробуйте чуть позже",
        _ => "Ошибка",
    }
}

async fn sms(
    State(provider): State<SmsRuEmulator>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let fields = fields(query, &body);
    if method != "send" {
        return Json(ask(&provider, &method, &fields)).into_response();
    }
    let fault = provider.strike();
    match &fault {
        Some(SmsFault::Before(trouble)) => return run_into(trouble).await,
        Some(SmsFault::Delay(by)) => tokio::time::sleep(*by).await,
        _ => {}
    }
    let answer = send(&provider, &fields);
    match (&fault, answer) {
        (Some(SmsFault::After(trouble)), _) => run_into(trouble).await,
        (_, Ok(answer)) => Json(answer).into_response(),
        (_, Err(error)) => {
            tracing::error!(%error, "the emulated provider can't write its file");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn run_into(trouble: &Trouble) -> Response {
    match trouble {
        Trouble::Hang => std::future::pending().await,
        Trouble::Drop => {
            let cut = futures_util::stream::once(async {
                Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset))
            });
            Response::new(Body::from_stream(cut))
        }
        Trouble::Status(status) => StatusCode::from_u16(*status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response(),
        Trouble::Garbage => "<html><body>Technical works</body></html>".into_response(),
        Trouble::Code(code) => Json(refused(*code)).into_response(),
    }
}

fn known(provider: &SmsRuEmulator, fields: &Fields) -> bool {
    fields.get("api_id") == Some(&provider.0.api_id)
}

/// Numbers and texts, in both of the wire's spellings: `to=…&msg=…` and `to[…]=…`.
fn messages(fields: &Fields) -> Vec<(String, String)> {
    let text = fields.get("msg").or(fields.get("text"));
    let listed = fields
        .get("to")
        .map(String::as_str)
        .unwrap_or("")
        .split(',')
        .filter(|to| !to.is_empty())
        .map(|to| (to.trim().to_owned(), text.cloned().unwrap_or_default()));
    let single = fields.iter().filter_map(|(name, text)| {
        let to = name.strip_prefix("to[")?.strip_suffix(']')?;
        Some((to.to_owned(), text.clone()))
    });
    listed.chain(single).collect()
}

fn send(provider: &SmsRuEmulator, fields: &Fields) -> io::Result<Value> {
    if !known(provider, fields) {
        return Ok(refused(200));
    }
    let messages = messages(fields);
    if messages.is_empty() {
        return Ok(refused(202));
    }
    if messages.len() > NUMBERS_MOST {
        return Ok(refused(213));
    }
    let test = fields.get("test").is_some_and(|test| test == "1");
    let now = provider.0.clock.now();
    provider.change(|shelf| {
        let sms: Map<String, Value> = messages
            .into_iter()
            .map(|(to, text)| {
                let said = match shelf.take(&to, &text, test, now) {
                    Ok(id) => json!({"status": "OK", "status_code": 100, "sms_id": id}),
                    Err(code) => refused(code),
                };
                (to, said)
            })
            .collect();
        json!({"status": "OK", "status_code": 100, "sms": sms, "balance": shelf.balance()})
    })
}

fn ask(provider: &SmsRuEmulator, method: &str, fields: &Fields) -> Value {
    if !known(provider, fields) {
        return refused(200);
    }
    let now = provider.0.clock.now();
    let shelf = provider.shelf();
    match method {
        "status" => {
            let sms: Map<String, Value> = fields
                .get("sms_id")
                .map(String::as_str)
                .unwrap_or("")
                .split(',')
                .map(|id| {
                    let said = match shelf.status(id, now) {
                        -1 => refused(-1),
                        code => json!({
                            "status": "OK", "status_code": code, "cost": 1.0,
                            "status_text": "Сообщение принято",
                        }),
                    };
                    (id.to_owned(), said)
                })
                .collect();
            json!({"status": "OK", "status_code": 100, "sms": sms, "balance": shelf.balance()})
        }
        "cost" => {
            let mut total = 0;
            let sms: Map<String, Value> = messages(fields)
                .into_iter()
                .map(|(to, text)| {
                    let parts = measure(&text).parts;
                    total += parts;
                    let said =
                        json!({"status": "OK", "status_code": 100, "cost": parts, "sms": parts});
                    (to, said)
                })
                .collect();
            json!({
                "status": "OK", "status_code": 100, "sms": sms,
                "total_cost": total, "total_sms": total,
            })
        }
        _ => refused(211),
    }
}

async fn my(
    State(provider): State<SmsRuEmulator>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Json<Value> {
    if !known(&provider, &fields(query, &body)) {
        return Json(refused(200));
    }
    let shelf = provider.shelf();
    let used = shelf.sent().len();
    let mut answer = json!({"status": "OK", "status_code": 100});
    match method.as_str() {
        "balance" => answer["balance"] = shelf.balance().into(),
        "limit" => {
            answer["total_limit"] = 1000.into();
            answer["used_today"] = used.into();
        }
        "free" => {
            answer["total_free"] = 0.into();
            answer["used_today"] = 0.into();
        }
        "senders" => answer["senders"] = json!([]),
        _ => return Json(refused(211)),
    }
    Json(answer)
}

async fn sent(State(provider): State<SmsRuEmulator>) -> Response {
    Json(provider.sent()).into_response()
}

/// A fault, as a person asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    mode: String,
    /// How many sends; one when absent.
    count: Option<u32>,
    /// Milliseconds of `delay_ms`, or the code of `code`.
    #[serde(default)]
    value: u32,
}

async fn control(
    State(provider): State<SmsRuEmulator>,
    Json(control): Json<Control>,
) -> StatusCode {
    let code = |code| SmsFault::Before(Trouble::Code(code));
    let fault = match control.mode.as_str() {
        "ok" => {
            provider.heal();
            return StatusCode::NO_CONTENT;
        }
        "no_money" => code(201),
        "bad_auth" => code(200),
        "throttle" => code(230),
        "code" => code(control.value.into()),
        "500" => SmsFault::Before(Trouble::Status(500)),
        "drop_before" => SmsFault::Before(Trouble::Drop),
        "drop_after_accept" => SmsFault::After(Trouble::Drop),
        "hang_after_accept" => SmsFault::After(Trouble::Hang),
        "garbage_body" => SmsFault::After(Trouble::Garbage),
        "delay_ms" => SmsFault::Delay(Duration::from_millis(control.value.into())),
        _ => return StatusCode::BAD_REQUEST,
    };
    provider.set_fault(fault, control.count.unwrap_or(1));
    StatusCode::NO_CONTENT
}
