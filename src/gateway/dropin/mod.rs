//! The drop-in face: the web requests of the ATOL vendor's server, so that tills and back offices written for it work
//! with the gateway, and with any make of printer behind it. [source: atol.md 3, 4]
//!
//! A request's uuid is its key. Each of its tasks is a document of the journal with the rest of its promises: once,
//! whatever dies. What differs from our own door is patience, because the vendor's clients look at a trouble
//! themselves: without paper a task ends with error 44 and nothing registered, and is asked for again under a new
//! uuid. What no document can say, or a printer can't do, ends with code 11.

mod answers;
mod codes;
mod marks;
mod server;
mod tags;
mod tasks;

use super::{
    Gateway, Problem,
    auth::{Caller, Role},
    device::{Act, Device},
    http::{Whole, placed},
    journal::{Door, JournalError, NewRow, Row},
};
pub(super) use answers::Zone;
use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, Query as InQuery, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
pub(super) use codes::{out_of_patience, patience_left};
use futures_util::FutureExt as _;
use galley_atol::json::Task as VendorTask;
pub(super) use marks::{Marks, wrong as wrong_unit};
use serde::Deserialize;
use serde_json::{Value, json};
pub(super) use server::pages;
use std::sync::Arc;
pub(super) use tasks::{Query, read};

/// Longest id of a request.
const LONGEST_UUID: usize = 64;
/// Tasks of one request.
const MOST_TASKS: usize = 64;

pub(super) fn router() -> Router<Gateway> {
    Router::new()
        .route("/api/v2/requests", post(ask_v2))
        .route("/api/v2/requests/{uuid}", get(look).delete(cancel))
        .route("/api/v2/operations/{operation}", post(operate))
        .route("/requests", post(ask_v1))
        .route("/requests/{uuid}", get(look).delete(cancel))
        .merge(server::router())
}

/// A request's answer that is no success, in the vendor's form.
struct Fault(StatusCode, u16, String);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Self(status, code, description) = self;
        let body = json!({"error": {"code": code, "description": description}});
        let mut answer = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED
            && let Ok(value) = "Basic realm=\"galley\"".parse()
        {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        answer
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self(problem.status, codes::BAD_TASK, problem.detail)
    }
}

impl From<JournalError> for Fault {
    fn from(error: JournalError) -> Self {
        tracing::error!(%error, "a request failed in the journal");
        let text = "The gateway's journal failed; ask again with the same uuid.";
        Self(
            StatusCode::SERVICE_UNAVAILABLE,
            codes::WEB_FAIL,
            text.to_owned(),
        )
    }
}

/// The name under which clients ask for the first printer.
const DEFAULT_DEVICE: &str = "default";

/// Who asks, and for which printer. The vendor's server asks nobody, so that may be configured here too.
struct Client(Caller, Option<String>);

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "deviceID")]
    device: Option<String>,
}

/// The printer that a request names: in its body, in the address, in a header; without a name it is the first one, as at
/// the vendor's server.
fn chosen<'g>(gateway: &'g Gateway, named: Option<&str>) -> Result<&'g Arc<Device>, Fault> {
    let id = match named {
        None | Some("" | DEFAULT_DEVICE) => gateway.0.order.first().map(String::as_str),
        named => named,
    };
    gateway
        .device(id)
        .map_err(|p| Fault(StatusCode::BAD_REQUEST, codes::BAD_TASK, p.detail))
}

impl FromRequestParts<Gateway> for Client {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Fault> {
        let caller = Caller::of(parts, gateway).or_else(|| {
            gateway.0.vendor_without_token.then(|| Caller {
                role: Role::Till,
                name: "vendor".to_owned(),
            })
        });
        let in_address = InQuery::<Named>::try_from_uri(&parts.uri)
            .ok()
            .and_then(|query| query.0.device);
        let in_header = || {
            let value = parts.headers.get("deviceID")?.to_str().ok()?;
            Some(value.to_owned())
        };
        let device = in_address.or_else(in_header);
        match caller {
            Some(caller) => Ok(Self(caller, device)),
            None => Err(Fault(
                StatusCode::UNAUTHORIZED,
                codes::WEB_FAIL,
                "send a known token, as a bearer or as a basic password".to_owned(),
            )),
        }
    }
}

#[derive(Deserialize)]
struct Request {
    uuid: String,
    request: Value,
    #[serde(rename = "deviceID")]
    device: Option<String>,
}

async fn ask_v2(
    State(gateway): State<Gateway>,
    client: Client,
    body: Result<Whole, Problem>,
) -> Result<Response, Fault> {
    let (uuid, number, device) = ask(&gateway, client, body).await?;
    let mut body = json!({"uuid": uuid, "number": number});
    server::tell_blocked(&gateway, &device, &mut body)?;
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn ask_v1(
    State(gateway): State<Gateway>,
    client: Client,
    body: Result<Whole, Problem>,
) -> Result<Response, Fault> {
    let (uuid, ..) = ask(&gateway, client, body).await?;
    let body = json!({"status": "ok", "uuid": uuid});
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Writes a request down. Its uuid, its place in the queue, and whose queue.
async fn ask(
    gateway: &Gateway,
    Client(caller, header): Client,
    body: Result<Whole, Problem>,
) -> Result<(String, u32, Arc<Device>), Fault> {
    let bad = |text: String| Fault(StatusCode::BAD_REQUEST, codes::BAD_TASK, text);
    let Whole(body) = body?;
    let mut json = serde_json::Deserializer::from_slice(&body);
    let request: Request =
        serde_path_to_error::deserialize(&mut json).map_err(|e| bad(placed(&e)))?;
    json.end().map_err(|e| bad(e.to_string()))?;
    let uuid = request.uuid;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:-{}".contains(&b);
    if uuid.is_empty() || uuid.len() > LONGEST_UUID || !uuid.bytes().all(plain) {
        return Err(bad("uuid: must be a UUID".to_owned()));
    }
    let tasks = match request.request {
        Value::Array(tasks) => tasks,
        one @ Value::Object(_) => vec![one],
        _ => return Err(bad("request: must be a task or a list of tasks".to_owned())),
    };
    if tasks.is_empty() || tasks.len() > MOST_TASKS {
        return Err(bad(format!("request: 1 to {MOST_TASKS} tasks")));
    }
    let named = request.device.or(header);
    let device = chosen(gateway, named.as_deref())?;
    let parts = tasks
        .into_iter()
        .zip(0..)
        .map(|(request, item)| NewRow {
            // No key of our own door has this character.
            key: format!("{uuid}~{item}"),
            device: device.id().to_owned(),
            door: Door::Vendor,
            bundle: Some((uuid.clone(), item)),
            rank: 1,
            request,
            asked_by: caller.actor(),
        })
        .collect();
    let written = gateway
        .journal()
        .submit_bundle(parts, gateway.now())
        .await?;
    if written.is_none() {
        return Err(Fault(
            StatusCode::CONFLICT,
            codes::WEB_FAIL,
            "a request with this uuid is known already".to_owned(),
        ));
    }
    device.wake.notify_one();
    let number = gateway.journal().counts(device.id())?.live;
    Ok((uuid, number, device.clone()))
}

fn parts_of(gateway: &Gateway, uuid: &str) -> Result<Vec<Row>, Fault> {
    let rows = gateway.journal().bundle(uuid)?;
    if rows.is_empty() {
        return Err(unknown());
    }
    Ok(rows)
}

fn unknown() -> Fault {
    let text = "there is no request with this uuid";
    Fault(StatusCode::NOT_FOUND, codes::WEB_FAIL, text.to_owned())
}

async fn look(
    State(gateway): State<Gateway>,
    Path(uuid): Path<String>,
    _client: Client,
) -> Result<Json<Value>, Fault> {
    let rows = parts_of(&gateway, &uuid)?;
    Ok(Json(results(&gateway, &rows)?))
}

fn results(gateway: &Gateway, rows: &[Row]) -> Result<Value, JournalError> {
    let each: Result<Vec<Value>, JournalError> = rows
        .iter()
        .map(|row| answers::shown(gateway, row))
        .collect();
    Ok(json!({"results": each?}))
}

/// Calls off what has not begun. [memory: atol.md 4.1]
async fn cancel(
    State(gateway): State<Gateway>,
    Path(uuid): Path<String>,
    Client(caller, _): Client,
) -> Result<Json<Value>, Fault> {
    let rows = gateway
        .journal()
        .cancel_bundle(uuid, caller.actor(), gateway.now())
        .await?;
    if rows.is_empty() {
        return Err(unknown());
    }
    for row in &rows {
        if let Some(device) = row.device.as_ref().and_then(|id| gateway.0.devices.get(id)) {
            device.poke.notify_one();
        }
    }
    Ok(Json(results(&gateway, &rows)?))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Operation {
    #[serde(rename = "deviceID")]
    device: Option<String>,
}

/// A question that is answered at once. [source: atol.md 4.1, the operations' names]
async fn operate(
    State(gateway): State<Gateway>,
    Path(operation): Path<String>,
    Client(_, header): Client,
    body: Result<Whole, Problem>,
) -> Result<Json<Value>, Fault> {
    let task = match operation.as_str() {
        "queryDeviceInfo" => VendorTask::GetDeviceInfo,
        "queryDeviceStatus" => VendorTask::GetDeviceStatus,
        "queryShiftStatus" => VendorTask::GetShiftStatus,
        "queryShiftTotals" => VendorTask::GetShiftTotals,
        "queryFnInfo" => VendorTask::GetFnInfo,
        "queryFnStatus" => VendorTask::GetFnStatus,
        "queryOfdExchangeStatus" => VendorTask::OfdExchangeStatus,
        _ => {
            return Err(Fault(
                StatusCode::NOT_IMPLEMENTED,
                codes::NOT_SUPPORTED,
                format!("{operation}: {}", codes::words(codes::NOT_SUPPORTED)),
            ));
        }
    };
    let Whole(body) = body?;
    let asked: Operation = serde_json::from_slice(&body).unwrap_or_default();
    let named = asked.device.or(header);
    let device = chosen(&gateway, named.as_deref())?;
    let zone = gateway.0.zone.clone();
    let query = Query::new(task, zone);
    let act: Act =
        Box::new(move |p| async move { query.answer(p, &mut Marks::default()).await }.boxed());
    match device.ask(act).await {
        Ok(answer) => Ok(Json(answer)),
        Err(e) => {
            let backend = device.state().info.map(|i| i.backend);
            let (code, text) = codes::of_error(&e, backend.as_deref());
            Err(Fault(StatusCode::UNPROCESSABLE_ENTITY, code, text))
        }
    }
}
