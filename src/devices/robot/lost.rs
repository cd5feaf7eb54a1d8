//! Dishes that the robot does not know any more, and only a person can tell of: it lost its journal, or another robot
//! stands in its place.

use super::compare::alert_of;
use crate::{
    domain::{
        event::{Actor, Body},
        ids::JobId,
    },
    flow::{
        FlowError, Site,
        commands::{clear_alert, settle_effect},
        record::record,
    },
    store::EffectState,
};
use serde_json::json;

/// Why a person settles it; in the log.
const REASON: &str = "somebody looked for the dish";

/// Takes a person's word for a dish: `ready`, it was made; `problem`, it was not, and is cooked again or refunded.
/// Only where an alert asks for it, or the robot can't tell whether it was asked.
pub(super) async fn settle(site: &Site, by: Actor, job: &str, button: &str) -> Result<(), String> {
    let id = job
        .parse()
        .map(JobId)
        .map_err(|_| format!("{job:?} is no job"))?;
    let body = match button {
        "ready" => Body::CookPlated {
            job_id: id,
            slot: None,
        },
        "problem" => Body::CookFailed {
            job_id: id,
            reason: "it did not come out of the robot".to_owned(),
            retry: true,
        },
        _ => {
            return Err(
                "this robot reports by itself; only ready and problem can be told".to_owned(),
            );
        }
    };
    let alert = alert_of(&id.to_string());
    site.command(by, move |tx, cx| {
        let asked = tx.snapshot().alert(&alert)?.is_some();
        let doubt = tx
            .snapshot()
            .effect_by_key(&format!("cook:{id}"))?
            .filter(|row| row.state == EffectState::Person);
        if !asked && doubt.is_none() {
            return Err(FlowError::Conflict(
                "this robot reports by itself, and nothing is in doubt about this dish".to_owned(),
            ));
        }
        let order = tx.snapshot().order_of_part(id.0)?;
        let order = order.ok_or(FlowError::Unknown("dish"))?.id;
        if let Some(row) = doubt {
            // It was asked, or counts as asked: made again it is another job.
            settle_effect(tx, cx, row.id, Some(json!({"job_id": id})), REASON)?;
        }
        record(tx, cx, Some(order), body)?;
        clear_alert(tx, cx, &alert)
    })
    .await
    .map_err(|e| e.to_string())
}
