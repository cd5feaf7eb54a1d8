//! The box itself: room, what waits to be done outside, the bank's line, backups.

use super::{Api, Caller, Problem, auth::STAFF};
use crate::{
    domain::time::Timestamp,
    flow::law,
    store::{EffectState, StoreError, backup},
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// The box, for `galley status`.
#[derive(Debug, Serialize, ToSchema)]
pub struct BoxView {
    version: &'static str,
    #[schema(value_type = i64)]
    now_at: Timestamp,
    disk: Option<DiskView>,
    outbox: OutboxView,
    bank: BankView,
    drive: DriveView,
    backup: BackupView,
    /// The printer's clock less the box's, seconds; none while no printer has said so.
    printer_clock_ahead_s: Option<i64>,
}

/// The disk of the database.
#[derive(Debug, Serialize, ToSchema)]
struct DiskView {
    free_bytes: u64,
    total_bytes: u64,
}

/// What is still to be done outside.
#[derive(Debug, Serialize, ToSchema)]
struct OutboxView {
    /// It goes out by itself.
    waiting: usize,
    /// The outside world is being asked whether it was done.
    in_doubt: usize,
    /// A person must decide.
    person: usize,
    /// Since when the oldest of them waits.
    #[schema(value_type = Option<i64>)]
    oldest_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
struct BankView {
    configured: bool,
    online: bool,
}

/// The fiscal drive, as the printer told of it last.
#[derive(Debug, Serialize, ToSchema)]
struct DriveView {
    number: String,
    #[schema(value_type = Option<i64>)]
    valid_until_at: Option<Timestamp>,
    /// Documents that wait for the OFD.
    unsent: u32,
    #[schema(value_type = Option<i64>)]
    oldest_unsent_at: Option<Timestamp>,
    broken: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct BackupView {
    enabled: bool,
    #[schema(value_type = Option<i64>)]
    last_at: Option<Timestamp>,
}

/// How the box does.
#[utoipa::path(get, path = "/box", tag = "staff", responses((status = 200, body = BoxView)))]
pub(super) async fn show(State(api): State<Api>, caller: Caller) -> Result<Json<BoxView>, Problem> {
    caller.need(STAFF)?;
    let (live, facts) = api
        .site
        .store
        .read(|s| -> Result<_, StoreError> { Ok((s.live_effects()?, law::facts(s)?)) })
        .await?;
    let count = |states: &[EffectState]| live.iter().filter(|e| states.contains(&e.state)).count();
    // A payment that is watched is no work that is late.
    let oldest_at = live
        .iter()
        .filter(|e| e.kind != crate::flow::effects::bank_watch::KIND)
        .map(|e| e.created_at)
        .min();
    let disk = api
        .site
        .store
        .path()
        .parent()
        .and_then(|folder| rustix::fs::statvfs(folder).ok())
        .map(|d| DiskView {
            free_bytes: d.f_bavail.saturating_mul(d.f_frsize),
            total_bytes: d.f_blocks.saturating_mul(d.f_frsize),
        });
    let plan = api.keeping.plan.as_ref();
    let drive = facts.drive;
    Ok(Json(BoxView {
        version: env!("CARGO_PKG_VERSION"),
        now_at: api.site.world.clock.now(),
        disk,
        outbox: OutboxView {
            waiting: count(&[EffectState::Waiting, EffectState::Sent]),
            in_doubt: count(&[EffectState::Unknown]),
            person: count(&[EffectState::Person]),
            oldest_at,
        },
        bank: BankView {
            configured: api.site.policy().bank,
            online: *api.bank_online.borrow(),
        },
        printer_clock_ahead_s: (!drive.number.is_empty()).then_some(facts.clock_ahead_s),
        drive: DriveView {
            broken: drive.critical,
            valid_until_at: drive.valid_until,
            unsent: drive.unsent,
            oldest_unsent_at: drive.oldest_unsent_at,
            number: drive.number,
        },
        backup: BackupView {
            enabled: plan.is_some(),
            last_at: plan
                .and_then(|p| backup::list(&p.folder).ok())
                .and_then(|all| Some(all.last()?.header.at)),
        },
    }))
}
