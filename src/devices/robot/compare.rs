//! After a reconnect: what the robot has against what the store believes (klink 3.18). The store's effects send,
//! repeat and collect by themselves; here the robot's word is taken in and what nobody can tell goes to a person.

use super::apply;
use crate::{
    domain::{
        alert::{Alert, Severity},
        ids::JobId,
        order::JobStage,
    },
    flow::{Context, FlowError, commands::raise_alert},
    store::{EffectState, Snapshot, StoreError, Tx},
};
use galley_robot::{JobState, JobView, Record, Step, reconcile};
use std::collections::BTreeMap;

/// What the store knows of the dishes that are at the robot, or on their way to it. A dish on the hand-over place
/// needs no comparison: it was made.
pub(super) fn records(s: &Snapshot<'_>) -> Result<BTreeMap<String, Record>, StoreError> {
    let mut records = BTreeMap::new();
    for order in s.active_orders()? {
        for piece in &order.pieces {
            let record = match piece.stage {
                JobStage::Waiting | JobStage::Plated => continue,
                JobStage::Requested => {
                    let effect = s.effect_by_key(&format!("cook:{}", piece.job_id))?;
                    match effect.map(|e| e.state) {
                        Some(EffectState::Sent | EffectState::Unknown) => Record::Sent,
                        _ => Record::NotSent,
                    }
                }
                JobStage::Queued | JobStage::Preparing | JobStage::Cooking => Record::Accepted,
                JobStage::Failed => Record::Final,
            };
            records.insert(piece.job_id.to_string(), record);
        }
    }
    Ok(records)
}

/// Takes in what the robot says of every job, in one write. Doing it again changes nothing.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    cx: &Context,
    records: &BTreeMap<String, Record>,
    jobs: &[JobView],
    lost: bool,
) -> Result<(), FlowError> {
    for (job, step) in reconcile(records, jobs, lost) {
        let view = jobs.iter().find(|j| j.job_id == job);
        match (step, view) {
            (Step::Take, Some(view)) => apply::standing(tx, cx, view)?,
            // What the store only believed to be at the robot waits in the engine otherwise.
            (Step::AskPerson { contradiction }, _)
                if records.get(&job) == Some(&Record::Accepted) =>
            {
                let why = if contradiction {
                    "the robot had taken it, and does not know it any more"
                } else {
                    "the robot's memory was lost"
                };
                ask(
                    tx,
                    cx,
                    &job,
                    "The robot does not know a dish that it took",
                    why,
                    "Look whether the dish was made: galley robot job ready ID. If it was not: galley robot job problem ID; \
                     then it is cooked again, or its price goes back.",
                )?;
            }
            (Step::Foreign, Some(view)) => stranger(tx, cx, view)?,
            (Step::Contradiction, _) => contradiction(tx, cx, &job)?,
            _ => {}
        }
    }
    Ok(())
}

/// A job that the comparison does not know: of an order that is over, or not ours at all.
fn stranger(tx: &mut Tx<'_>, cx: &Context, view: &JobView) -> Result<(), FlowError> {
    let job = view.job_id.parse().ok().map(JobId);
    let ours = match job {
        Some(job) => tx.snapshot().order_of_part(job.0)?.map(|o| (o, job)),
        None => None,
    };
    let Some((order, job)) = ours else {
        return ask(
            tx,
            cx,
            &view.job_id,
            "The robot works on a dish that is not this store's",
            view.order_ref.as_deref().unwrap_or("it names no order"),
            "Find out who sent it. Galley does not touch it, and books what it uses.",
        );
    };
    let failed = order
        .piece_of(job)
        .is_none_or(|(_, p)| p.stage == JobStage::Failed);
    if failed && view.state != JobState::Plated {
        return contradiction(tx, cx, &view.job_id);
    }
    Ok(())
}

fn contradiction(tx: &mut Tx<'_>, cx: &Context, job: &str) -> Result<(), FlowError> {
    ask(
        tx,
        cx,
        job,
        "The robot works on a dish that was given up",
        "its money is settled already",
        "Let it end and throw the dish away, or stop it at the robot's panel.",
    )
}

/// Cause of the alert about a dish that nobody but a person can tell of.
pub(super) fn alert_of(job: &str) -> String {
    format!("robot:job:{job}")
}

fn ask(
    tx: &mut Tx<'_>,
    cx: &Context,
    job: &str,
    title: &str,
    detail: &str,
    advice: &str,
) -> Result<(), FlowError> {
    raise_alert(
        tx,
        cx,
        Alert {
            key: alert_of(job),
            severity: Severity::Error,
            title: title.to_owned(),
            detail: format!("job {job}: {detail}"),
            advice: advice.to_owned(),
            since_at: cx.now,
        },
    )
}

#[cfg(test)]
mod tests;
