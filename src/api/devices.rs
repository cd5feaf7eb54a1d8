//! Devices: the printer and the robot.

use super::{
    Api, Caller, Problem,
    auth::{STAFF, TECHNICIANS},
    body::Post,
    extract::Path,
    orders::Nothing,
};
use crate::{
    domain::time::Timestamp,
    flow::{
        commands,
        decide::MACHINE,
        effects::machine::{self, Act},
        record::{DEVICES, Devices},
    },
    store::StoreError,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use galley_robot::JobState;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

/// All devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceList {
    devices: Vec<DeviceView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct DeviceView {
    id: String,
    kind: String,
    /// `up`, `down` or `refused`.
    state: String,
    #[schema(value_type = i64)]
    since_at: Timestamp,
    detail: String,
    address: Option<String>,
}

/// The devices and how they do.
#[utoipa::path(get, path = "/devices", tag = "staff", responses((status = 200, body = DeviceList)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<DeviceList>, Problem> {
    caller.need(STAFF)?;
    let devices: Devices = api
        .site
        .store
        .read(|s| Ok::<_, StoreError>(s.document(DEVICES)?.unwrap_or_default()))
        .await?;
    let now = |id: &str| match id {
        "printer" => api.printer.as_ref()?.health(),
        "robot" => api.robot.as_ref()?.health(),
        id => api.slip_printers.iter().find(|p| p.id() == id)?.health(),
    };
    Ok(Json(DeviceList {
        devices: devices
            .into_iter()
            // One that the configuration has no more is no device any more.
            .filter(|(id, _)| {
                !id.starts_with("slip_") || api.slip_printers.iter().any(|p| p.id() == id)
            })
            .map(|(id, d)| DeviceView {
                kind: id.clone(),
                address: api.addresses.get(&id).cloned(),
                // The log tells when the state changed; the words to it go on changing.
                detail: now(&id)
                    .filter(|(state, _)| *state == d.state)
                    .map_or(d.detail, |(_, detail)| detail),
                id,
                state: d.state,
                since_at: d.since_at,
            })
            .collect(),
    }))
}

pub(super) fn no_printer() -> Problem {
    Problem::not_found("no printer is configured; see [printer] in the configuration")
}

fn no_robot() -> Problem {
    Problem::not_found("no robot is configured; see [robot] in the configuration")
}

/// What the printer says of itself.
#[utoipa::path(get, path = "/fiscal/status", tag = "staff", responses((status = 200), (status = 503, body = Problem)))]
pub(super) async fn fiscal_status(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<galley_fiscal::PrinterStatus>, Problem> {
    caller.need(STAFF)?;
    let printer = api.printer.as_ref().ok_or_else(no_printer)?;
    printer.status().borrow().clone().map(Json).ok_or_else(|| {
        Problem::device_away(
            "the printer does not answer; check that it is on and its cable is plugged in",
        )
    })
}

/// The last document of the fiscal drive.
#[utoipa::path(get, path = "/fiscal/last", tag = "staff", responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn fiscal_last(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<galley_fiscal::FiscalRecord>, Problem> {
    caller.need(STAFF)?;
    let printer = api.printer.as_ref().ok_or_else(no_printer)?;
    let last = printer
        .last_document()
        .await
        .map_err(|e| Problem::device_away(e.to_string()))?;
    last.map(Json)
        .ok_or_else(|| Problem::not_found("the fiscal drive has no document yet"))
}

/// What the robot says of itself.
#[utoipa::path(get, path = "/robot/status", tag = "staff", responses((status = 200), (status = 404, body = Problem)))]
pub(super) async fn robot_status(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<serde_json::Value>, Problem> {
    caller.need(STAFF)?;
    let robot = api.robot.as_ref().ok_or_else(no_robot)?;
    Ok(Json(robot.status().await))
}

/// The robot's jobs.
#[utoipa::path(get, path = "/robot/jobs", tag = "staff", responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn robot_jobs(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<serde_json::Value>, Problem> {
    caller.need(STAFF)?;
    let robot = api.robot.as_ref().ok_or_else(no_robot)?;
    let jobs = robot
        .jobs()
        .await
        .map_err(|e| Problem::device_away(e.to_string()))?;
    Ok(Json(serde_json::json!({ "jobs": jobs })))
}

async fn machine<T: DeserializeOwned + Send + 'static>(
    api: Api,
    post: Post<T>,
    act: Act,
    job: Option<String>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    if api.robot.is_none() {
        return Err(no_robot());
    }
    let key = format!("machine:{}", post.key);
    let by = post.caller.name.clone();
    post.once(&api, StatusCode::ACCEPTED, move |tx, cx, _| {
        let request = serde_json::to_value(machine::Request {
            act,
            job,
            by,
            asked_at: Some(cx.now),
        })
        .map_err(StoreError::from)?;
        commands::device_act(tx, cx, machine::KIND, MACHINE, key, request)?;
        Ok(serde_json::json!({"accepted": true}))
    })
    .await
}

/// Brings the robot to rest at a safe point. An operating function, never an emergency stop.
#[utoipa::path(post, path = "/robot/pause", tag = "technician", request_body = Nothing, responses((status = 202), (status = "4XX", body = Problem)))]
pub(super) async fn robot_pause(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    machine(api, post, Act::Pause, None).await
}

/// Lets the robot go on.
#[utoipa::path(post, path = "/robot/resume", tag = "technician", request_body = Nothing, responses((status = 202), (status = "4XX", body = Problem)))]
pub(super) async fn robot_resume(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    machine(api, post, Act::Resume, None).await
}

/// A person has looked at the cell.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Inspection {
    /// Whoever asks has inspected the cell, and nothing is in the way of the arms.
    inspected: bool,
}

/// Leaves a fault or an emergency stop behind, after somebody has inspected the cell; nothing moves yet.
#[utoipa::path(post, path = "/robot/clear", tag = "technician", request_body = Inspection, responses((status = 202), (status = "4XX", body = Problem)))]
pub(super) async fn robot_clear(
    State(api): State<Api>,
    post: Post<Inspection>,
) -> Result<Response, Problem> {
    if !post.body.inspected {
        return Err(Problem::invalid(
            "inspect the cell first; then send inspected: true",
        ));
    }
    machine(api, post, Act::Clear, None).await
}

/// Makes a stopped robot ready.
#[utoipa::path(post, path = "/robot/reset", tag = "technician", request_body = Nothing, responses((status = 202), (status = "4XX", body = Problem)))]
pub(super) async fn robot_reset(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    machine(api, post, Act::Reset, None).await
}

/// Lets a robot that is ready begin to work.
#[utoipa::path(post, path = "/robot/start", tag = "technician", request_body = Nothing, responses((status = 202), (status = "4XX", body = Problem)))]
pub(super) async fn robot_start(
    State(api): State<Api>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    machine(api, post, Act::Start, None).await
}

/// Gives one job up at its next safe point. What has begun is not cooked again: its price goes back to the guest.
#[utoipa::path(post, path = "/robot/jobs/{job_id}/abort", tag = "technician", params(("job_id" = String, Path)), request_body = Nothing, responses((status = 202), (status = "4XX", body = Problem)))]
pub(super) async fn robot_abort(
    State(api): State<Api>,
    Path(job_id): Path<String>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(TECHNICIANS)?;
    let robot = api.robot.as_ref().ok_or_else(no_robot)?;
    let jobs = robot
        .jobs()
        .await
        .map_err(|e| Problem::device_away(e.to_string()))?;
    let job = jobs
        .iter()
        .find(|job| job.job_id == job_id)
        .ok_or_else(|| Problem::not_found(format!("the robot has no job {job_id}")))?;
    if job.state.is_final() || job.state == JobState::Plated {
        return Err(Problem::conflict(format!(
            "the job is {}: there is nothing to give up",
            job.state
        )));
    }
    machine(api, post, Act::Abort, Some(job_id)).await
}

/// A member of staff says how a dish goes: where a robot has no interface, or does not know it any more.
#[utoipa::path(post, path = "/robot/jobs/{job_id}/{press}", tag = "staff", params(("job_id" = String, Path), ("press" = String, Path)), request_body = Nothing, responses((status = 200), (status = "4XX", body = Problem)))]
pub(super) async fn press(
    State(api): State<Api>,
    Path((job_id, press)): Path<(String, String)>,
    post: Post<Nothing>,
) -> Result<Response, Problem> {
    post.caller.need(STAFF)?;
    let robot = api.robot.clone().ok_or_else(no_robot)?;
    post.act(&api, StatusCode::OK, move |_, caller, _| async move {
        robot
            .press(caller.actor(), &job_id, &press)
            .await
            .map_err(Problem::conflict)?;
        Ok(serde_json::json!({"accepted": true}))
    })
    .await
}
