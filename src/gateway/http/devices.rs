//! Printers: how they do, what waits, and what can be asked of them between documents.

use super::parts::{Asks, At, Whole, read as read_body};
use crate::gateway::{
    Gateway, Problem,
    auth::Caller,
    device::{Act, Device},
    journal::{Filter, JournalError, Pinned},
};
use axum::{Json, extract::State, http::StatusCode};
use futures_util::FutureExt as _;
use galley_fiscal::{FiscalError, Marking, Slip, TableCell};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The fiscal drive has no such document.
pub(in crate::gateway) const NO_DOCUMENT: &str = "no_such_document";
/// Documents of a backlog that are shown.
const SHOWN: u32 = 200;

fn overview(gateway: &Gateway, device: &Device) -> Result<Value, JournalError> {
    let state = device.state();
    let pinned = gateway.journal().pinned(device.id())?;
    Ok(json!({
        "id": device.id(),
        "link": state.link,
        "detail": state.detail,
        "info": state.info,
        "status": state.status,
        "status_at": state.status_at,
        "paper_owed": state.paper_owed,
        "drive_number": pinned.as_ref().map(|p| &p.drive_number),
        "drive_since_at": pinned.as_ref().map(|p| p.since_at),
        "backlog": gateway.journal().counts(device.id())?,
        "alert": device.alert()?,
    }))
}

/// All printers.
pub(super) async fn list(
    State(gateway): State<Gateway>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    let devices: Result<Vec<Value>, JournalError> = gateway
        .in_order()
        .map(|device| overview(&gateway, device))
        .collect();
    Ok(Json(json!({"devices": devices?})))
}

/// One printer, as of the last look.
pub(super) async fn show(
    State(gateway): State<Gateway>,
    At(id): At<String>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    let device = gateway.device(Some(&id))?;
    Ok(Json(overview(&gateway, device)?))
}

/// What is not decided, of all printers.
pub(super) async fn backlog(
    State(gateway): State<Gateway>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    let devices: Result<Vec<Value>, JournalError> = gateway
        .in_order()
        .map(|device| waiting(&gateway, device))
        .collect();
    Ok(Json(json!({"devices": devices?})))
}

/// What is not decided, of one printer.
pub(super) async fn own_backlog(
    State(gateway): State<Gateway>,
    At(id): At<String>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    let device = gateway.device(Some(&id))?;
    Ok(Json(waiting(&gateway, device)?))
}

fn waiting(gateway: &Gateway, device: &Device) -> Result<Value, JournalError> {
    let filter = Filter {
        device: Some(device.id().to_owned()),
        live: true,
        limit: SHOWN,
        ..Filter::default()
    };
    let mut rows = gateway.journal().list(&filter)?;
    rows.reverse();
    let documents: Result<Vec<Value>, JournalError> =
        rows.iter().map(|row| super::shown(gateway, row)).collect();
    Ok(json!({
        "id": device.id(),
        "counts": gateway.journal().counts(device.id())?,
        "documents": documents?,
        "alert": device.alert()?,
    }))
}

/// Reads something from a live printer.
pub(super) async fn read(
    State(gateway): State<Gateway>,
    At((id, what)): At<(String, String)>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    reading(gateway.device(Some(&id))?, &what).await
}

#[derive(Deserialize)]
pub(super) struct Of {
    device: Option<String>,
}

/// Reads something from the printer that the query names.
pub(super) async fn read_of(
    State(gateway): State<Gateway>,
    At(what): At<String>,
    Asks(of): Asks<Of>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    reading(gateway.device(of.device.as_deref())?, &what).await
}

async fn reading(device: &Device, what: &str) -> Result<Json<Value>, Problem> {
    let act: Act = match what {
        "status" => Box::new(|p| async { told(p.status().await) }.boxed()),
        "counters" => Box::new(|p| async { told(p.totals().await) }.boxed()),
        "registration" => Box::new(|p| async { told(p.registration().await) }.boxed()),
        "drive" => Box::new(|p| async { told(p.drive().await) }.boxed()),
        "last" => Box::new(|p| async { told(p.last_document().await) }.boxed()),
        "baseline" => Box::new(|p| async { told(p.baseline().await) }.boxed()),
        "info" => Box::new(|p| {
            let info = json!({"info": p.info(), "columns": p.columns()});
            async { Ok(info) }.boxed()
        }),
        _ => {
            return Err(Problem::not_found(format!(
                "{what}: is none of status, counters, registration, drive, last, baseline, info, backlog"
            )));
        }
    };
    match ask(device, act).await? {
        Value::Null => Err(no_document("the fiscal drive has no document yet")),
        told => Ok(Json(told)),
    }
}

/// A document of the fiscal drive.
pub(super) async fn document(
    State(gateway): State<Gateway>,
    At((id, number)): At<(String, String)>,
    _caller: Caller,
) -> Result<Json<Value>, Problem> {
    let device = gateway.device(Some(&id))?;
    let absent = || no_document(format!("the fiscal drive has no document {number}"));
    let wanted: u32 = number.parse().map_err(|_| absent())?;
    let act: Act = Box::new(move |p| async move { told(p.document(wanted).await) }.boxed());
    match ask(device, act).await? {
        Value::Null => Err(absent()),
        found => Ok(Json(found)),
    }
}

/// A document of the drive that is not there. Its code tells it from a printer that is not there.
fn no_document(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, NO_DOCUMENT, detail)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    local_time: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    cell: TableCell,
    #[serde(default)]
    value: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptDrive {
    drive_number: String,
    reason: String,
}

/// Does something that is no document. A repeat costs paper only.
pub(super) async fn act(
    State(gateway): State<Gateway>,
    At((id, what)): At<(String, String)>,
    caller: Caller,
    Whole(body): Whole,
) -> Result<Json<Value>, Problem> {
    let device = gateway.device(Some(&id))?;
    let act: Act = match what.as_str() {
        "x-report" => Box::new(|p| async { told(p.x_report().await) }.boxed()),
        "copy" => Box::new(|p| async { told(p.copy_last().await) }.boxed()),
        "drawer" => Box::new(|p| async { told(p.open_drawer().await) }.boxed()),
        "continue-print" => Box::new(|p| async { told(p.continue_print().await) }.boxed()),
        "slip" => {
            let slip: Slip = read_body(&body)?;
            Box::new(move |p| async move { told(p.slip(&slip).await) }.boxed())
        }
        "check-marking" => {
            let marking: Marking = read_body(&body)?;
            Box::new(move |p| async move { told(p.check_marking(&marking).await) }.boxed())
        }
        "clock" => {
            caller.technician()?;
            let clock: Clock = read_body(&body)?;
            Box::new(move |p| async move { told(p.set_clock(&clock.local_time).await) }.boxed())
        }
        "read-table" => {
            caller.technician()?;
            let table: Table = read_body(&body)?;
            Box::new(move |p| async move { told(p.read_table(table.cell).await) }.boxed())
        }
        "write-table" => {
            caller.technician()?;
            let table: Table = read_body(&body)?;
            Box::new(move |p| {
                async move { told(p.write_table(table.cell, &table.value).await) }.boxed()
            })
        }
        "retry" => {
            caller.technician()?;
            device.poke.notify_one();
            device.wake.notify_one();
            return retried(&gateway, device).await;
        }
        "accept-drive" => {
            caller.technician()?;
            let accept: AcceptDrive = read_body(&body)?;
            return accept_drive(&gateway, device, &caller, accept).await;
        }
        _ => {
            return Err(Problem::not_found(format!(
                "{what}: is none of x-report, copy, slip, drawer, continue-print, check-marking, clock, read-table, \
                 write-table, retry, accept-drive"
            )));
        }
    };
    Ok(Json(ask(device, act).await?))
}

/// What waits is tried again. A printer that does not answer, or whose queue stands still, is told so: nothing has come of
/// the trying.
async fn retried(gateway: &Gateway, device: &Device) -> Result<Json<Value>, Problem> {
    let status: Act = Box::new(|p| async { told(p.status().await) }.boxed());
    let status = ask(device, status).await?;
    let pinned = gateway.journal().pinned(device.id())?;
    let other = |p: &Pinned| status["drive_number"] != p.drive_number;
    match device.state().stop {
        Some(why) if pinned.as_ref().is_some_and(other) => {
            Err(Problem::of(StatusCode::CONFLICT, &why))
        }
        _ => Ok(Json(overview(gateway, device)?)),
    }
}

/// Length of a fiscal drive's serial number (tag 1041). [source: FFD 1.2, table 4]
const DRIVE_DIGITS: usize = 16;

/// A technician says that the printer has another fiscal drive from now on.
async fn accept_drive(
    gateway: &Gateway,
    device: &Device,
    caller: &Caller,
    accept: AcceptDrive,
) -> Result<Json<Value>, Problem> {
    let number = &accept.drive_number;
    let whole = number.len() == DRIVE_DIGITS && number.bytes().all(|b| b.is_ascii_digit());
    if accept.reason.trim().is_empty() || !whole {
        return Err(Problem::invalid(format!(
            "drive_number, reason: say which drive it is now ({DRIVE_DIGITS} digits), and why"
        )));
    }
    // One that is not there would stop the queue with the next document. A printer that is away tells nothing.
    let status: Act = Box::new(|p| async { told(p.status().await) }.boxed());
    if let Ok(status) = ask(device, status).await
        && let Some(found) = status["drive_number"].as_str()
        && !found.is_empty()
        && found != number
    {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "other_drive",
            format!("the printer has the drive {found}"),
        ));
    }
    let by = format!("{}: {}", caller.actor(), accept.reason.trim());
    tracing::warn!(
        device = device.id(),
        drive = accept.drive_number,
        by,
        "another fiscal drive was accepted"
    );
    gateway
        .journal()
        .pin(
            device.id().to_owned(),
            accept.drive_number,
            Some(by),
            gateway.now(),
        )
        .await?;
    device.poke.notify_one();
    device.wake.notify_one();
    Ok(Json(overview(gateway, device)?))
}

async fn ask(device: &Device, act: Act) -> Result<Value, Problem> {
    device.ask(act).await.map_err(|e| Problem::from(&e))
}

fn told<T: Serialize>(answer: Result<T, FiscalError>) -> Result<Value, FiscalError> {
    answer.map(|value| json!(value))
}
