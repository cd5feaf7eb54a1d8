//! Health, readiness and metrics. No token: they tell nothing about guests or money.

use super::{Api, Problem, openapi};
use crate::{
    flow::record::{DEVICES, Devices},
    store::StoreError,
};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use std::time::Duration;
use tokio::time::timeout;

/// How long the store may take to write before it counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(utoipa::OpenApi)]
#[openapi(paths(health, ready, metrics, description))]
pub(super) struct Described;

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(description))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "health", responses((status = 200, body = Object)))]
async fn description() -> Json<serde_json::Value> {
    Json(openapi::document())
}

/// The process answers: `ok`, or `degraded` and why while the disk keeps it from writing.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Object)))]
async fn health(State(api): State<Api>) -> Json<serde_json::Value> {
    let version = env!("CARGO_PKG_VERSION");
    Json(match api.site.store.hitch() {
        None => serde_json::json!({"status": "ok", "version": version}),
        Some(hitch) => {
            serde_json::json!({"status": "degraded", "why": hitch.to_string(), "version": version})
        }
    })
}

/// The store can write: orders can be taken.
#[utoipa::path(get, path = "/ready", tag = "health", responses((status = 200, body = Object), (status = 503, body = Object)))]
async fn ready(State(api): State<Api>) -> Response {
    let store = &api.site.store;
    let probe = store.write(|tx| tx.add_to_counter("ready", 0));
    let wrote = match timeout(PATIENCE, probe).await {
        Ok(wrote) => wrote.map_err(|e| e.to_string()),
        Err(_) => Err("the disk does not answer".to_owned()),
    };
    match wrote {
        Ok(()) => Json(serde_json::json!({"ready": true})).into_response(),
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(serde_json::json!({"ready": false, "why": error})),
        )
            .into_response(),
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EffectLabels {
    kind: String,
    state: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NameLabel {
    name: String,
}

/// Prometheus metrics.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, content_type = "application/openmetrics-text", body = String)))]
async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let now = api.site.world.clock.now();
    let (head, cursors, effects, alerts, devices, shift) = api
        .site
        .store
        .read(|s| -> Result<_, StoreError> {
            Ok((
                s.head()?.seq,
                s.cursors()?,
                s.live_effect_counts()?,
                s.alerts()?.len(),
                s.document::<Devices>(DEVICES)?.unwrap_or_default(),
                s.shift()?,
            ))
        })
        .await?;
    let int = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut registry = Registry::with_prefix("galley");
    let events: Gauge = Gauge::default();
    events.set(int(head));
    registry.register("log_events", "Events in the store's log", events);
    let backlog = Family::<NameLabel, Gauge>::default();
    let age = Family::<NameLabel, Gauge>::default();
    for (name, seq, at) in cursors {
        let label = NameLabel { name };
        backlog
            .get_or_create(&label)
            .set(int(head.saturating_sub(seq)));
        age.get_or_create(&label)
            .set(i64::try_from(now.since(at).as_secs()).unwrap_or(i64::MAX));
    }
    registry.register(
        "reader_backlog_events",
        "Events a reader of the log does not have yet",
        backlog,
    );
    registry.register(
        "reader_cursor_age_seconds",
        "Since a reader's cursor moved last",
        age,
    );
    let live = Family::<EffectLabels, Gauge>::default();
    for (kind, state, n) in effects {
        live.get_or_create(&EffectLabels { kind, state })
            .set(int(n));
    }
    registry.register("effects_live", "Effects that are not finished", live);
    let open: Gauge = Gauge::default();
    open.set(i64::try_from(alerts).unwrap_or(i64::MAX));
    registry.register("alerts_open", "Alerts that need a person", open);
    let degraded: Gauge = Gauge::default();
    degraded.set(i64::from(api.site.store.hitch().is_some()));
    registry.register(
        "degraded",
        "1 while the disk keeps the store from writing",
        degraded,
    );
    let up = Family::<NameLabel, Gauge>::default();
    for (name, d) in devices {
        up.get_or_create(&NameLabel { name })
            .set(i64::from(d.state == "up"));
    }
    registry.register("device_up", "1 when the device answers", up);
    let selling: Gauge = Gauge::default();
    selling.set(i64::from(shift.sells(now)));
    registry.register("shift_open", "1 while the shift takes receipts", selling);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|e| Problem::internal(e.to_string()))?;
    Ok((
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response())
}
