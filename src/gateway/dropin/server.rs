//! What the vendor's server tells of itself and lets be set: its version, its printers, its queue. Our printers are set
//! up in the gateway's configuration and nowhere else, so what would change them is refused.
//!
//! [source: atol.md 4.1; the addresses of devices and of the queue, who is asked for a password, and `?deviceID=` as a
//! public program does it that was written after the description in Web Requests 1.0.4.0]

use super::{Client, Fault, chosen, codes};
use crate::gateway::{
    Gateway,
    device::{Device, Link},
    journal::{Filter, State as DocState},
};
use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn router() -> Router<Gateway> {
    Router::new()
        .route("/api/v2/serverInfo", get(server_info))
        .route("/api/v2/settings", get(settings).put(fixed))
        .route("/api/v2/devices", get(devices).post(fixed))
        .route("/api/v2/devices/{id}", get(device).put(fixed).delete(fixed))
        .route("/api/v2/setDefaultDevice", post(fixed))
        .route("/api/v2/activateDevice", post(activate))
        .route("/api/v2/deactivateDevice", post(fixed))
        .route("/api/v2/getRequestsQueueStatus", get(queue))
}

/// The vendor's server tells this to anybody.
async fn server_info(State(gateway): State<Gateway>) -> Json<Value> {
    let now = jiff::Timestamp::from_millisecond(gateway.now())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(gateway.0.zone.0.clone());
    Json(json!({
        "product": "galley fiscal-gateway",
        "serverVersion": env!("CARGO_PKG_VERSION"),
        "driverVersion": env!("CARGO_PKG_VERSION"),
        "os": std::env::consts::OS,
        "currentDateTime": now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    }))
}

async fn settings(State(gateway): State<Gateway>, _client: Client) -> Json<Value> {
    Json(json!({
        "defaultDevice": gateway.0.order.first(),
        "devices": all(&gateway),
    }))
}

async fn devices(State(gateway): State<Gateway>, _client: Client) -> Json<Value> {
    Json(json!(all(&gateway)))
}

fn all(gateway: &Gateway) -> Vec<Value> {
    gateway
        .in_order()
        .map(|device| described(gateway, device))
        .collect()
}

fn described(gateway: &Gateway, device: &Device) -> Value {
    let state = device.state();
    let model = state.info.map(|info| info.model);
    json!({
        "id": device.id(),
        "name": model.unwrap_or_else(|| device.id().to_owned()),
        "isActive": true,
        "isDefault": gateway.0.order.first().is_some_and(|first| first == device.id()),
        "lastError": state.detail,
    })
}

async fn device(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    _client: Client,
) -> Result<Json<Value>, Fault> {
    let device = chosen(&gateway, Some(&id))
        .map_err(|Fault(_, _, why)| Fault(StatusCode::NOT_FOUND, codes::WEB_FAIL, why))?;
    Ok(Json(described(&gateway, device)))
}

/// Every printer of the configuration is active, always.
async fn activate(
    State(gateway): State<Gateway>,
    Client(_, named): Client,
) -> Result<Json<Value>, Fault> {
    chosen(&gateway, named.as_deref())?;
    Ok(Json(json!({})))
}

async fn fixed(_client: Client) -> Fault {
    let why = "Кассы настраиваются в файле конфигурации шлюза, не по сети";
    Fault(StatusCode::FORBIDDEN, codes::WEB_FAIL, why.to_owned())
}

async fn queue(
    State(gateway): State<Gateway>,
    Client(_, named): Client,
) -> Result<Json<Value>, Fault> {
    let device = chosen(&gateway, named.as_deref())?;
    let mut body = json!({"number": gateway.journal().counts(device.id())?.live});
    tell_blocked(&gateway, device, &mut body)?;
    Ok(Json(body))
}

/// Whether a printer's queue waits for a technician, and for which request's sake. [memory: atol.md 4.1]
pub(super) fn tell_blocked(
    gateway: &Gateway,
    device: &Arc<Device>,
    body: &mut Value,
) -> Result<(), Fault> {
    let waits = gateway.journal().list(&Filter {
        device: Some(device.id().to_owned()),
        state: Some(DocState::Person),
        live: true,
        before: None,
        limit: 1,
    })?;
    let stopped = device.state().link == Link::Stopped;
    body["isBlocked"] = json!(stopped || !waits.is_empty());
    if let Some(row) = waits.first() {
        body["blockedUUID"] = json!(row.bundle.as_ref().unwrap_or(&row.key));
    }
    Ok(())
}

/// Lets pages of the configured origins ask from a browser: some tills are pages. Any other page that a browser shows in
/// the shop must not print: a browser names the page's origin, and it is turned away.
pub(in crate::gateway) async fn pages(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let vendors = path.starts_with("/api/v2/") || path.starts_with("/requests");
    let origin = request.headers().get(header::ORIGIN).cloned();
    let Some(origin) = origin.filter(|_| vendors) else {
        return next.run(request).await;
    };
    if !allowed(&gateway, &origin) {
        let why = "Эта страница не названа в vendor_origins";
        return Fault(StatusCode::FORBIDDEN, codes::WEB_FAIL, why.to_owned()).into_response();
    }
    let preflight = request.method() == Method::OPTIONS;
    let wanted = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .cloned();
    let mut answer = match preflight {
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    };
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    if preflight {
        may(headers, wanted);
    }
    answer
}

fn allowed(gateway: &Gateway, origin: &HeaderValue) -> bool {
    let origins = &gateway.0.vendor_origins;
    origins.iter().any(|o| o.as_bytes() == origin.as_bytes())
}

fn may(headers: &mut HeaderMap, wanted: Option<HeaderValue>) {
    const PRIVATE_NETWORK: &str = "access-control-allow-private-network";
    let usual = HeaderValue::from_static("Content-Type, Authorization, deviceID");
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, DELETE, OPTIONS"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        wanted.unwrap_or(usual),
    );
    // A page of the internet asks an address of the shop's own network.
    headers.insert(PRIVATE_NETWORK, HeaderValue::from_static("true"));
}
