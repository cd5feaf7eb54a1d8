//! What the robot's journal means to the store: one event, one write. Applying twice changes nothing.

use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Body,
        ids::{IngredientId, JobId, OrderId},
        order::JobStage,
        stock::{self, Level, MOST, Movement, MovementKind},
    },
    flow::{
        Context, FlowError,
        commands::{clear_alert, raise_alert},
        record::record,
    },
    store::Tx,
};
use galley_robot::{BinView, Event, JobPhase, JobState, JobStateChanged, JobView};
use std::collections::BTreeMap;

pub(super) fn apply(tx: &mut Tx<'_>, cx: &Context, event: &Event) -> Result<(), FlowError> {
    match event {
        Event::JobState(e) => job_state(tx, cx, e),
        Event::JobPhase(e) => job_phase(tx, cx, e),
        Event::Consumed(e) => {
            let job = e.job_id.as_deref().and_then(job_id);
            consumed(tx, cx, &IngredientId(e.item.clone()), e.qty, job, &e.use_id)
        }
        Event::Loaded(e) => moved(tx, cx, &e.item, MovementKind::Receive, e.qty, &e.load_id),
        Event::Unloaded(e) => moved(tx, cx, &e.item, MovementKind::Waste, -e.qty, &e.load_id),
        Event::Adjusted(e) => match &e.item {
            Some(item) => moved(tx, cx, item, MovementKind::Adjust, e.delta, &e.load_id),
            None => Ok(()),
        },
        Event::AttentionRaised(e) => raise_alert(
            tx,
            cx,
            Alert {
                key: format!("robot:attention:{}", e.attn),
                severity: Severity::Error,
                title: "The robot needs a person".to_owned(),
                detail: match &e.bin {
                    Some(bin) => format!("{} at bin {bin}", e.code),
                    None => e.code.clone(),
                },
                advice: galley_robot::lookup(&e.code).2.to_owned(),
                since_at: cx.now,
            },
        ),
        Event::AttentionCleared(e) => clear_alert(tx, cx, &format!("robot:attention:{}", e.attn)),
        Event::JobCcp(e) if !e.ok => raise_alert(
            tx,
            cx,
            Alert {
                key: format!("robot:ccp:{}", e.job_id),
                severity: Severity::Error,
                title: "A dish missed a critical control point".to_owned(),
                detail: format!("point {} of job {}", e.ccp, e.job_id),
                advice: "Throw the dish away; it is cooked again or refunded by itself.".to_owned(),
                since_at: cx.now,
            },
        ),
        Event::HoldExpired(e) => raise_alert(
            tx,
            cx,
            Alert {
                key: format!("robot:hold:{}", e.job_id),
                severity: Severity::Warning,
                title: "A dish stood too long".to_owned(),
                detail: format!("job {}", e.job_id),
                advice: "Throw the dish away and offer the guest a new one or the money back."
                    .to_owned(),
                since_at: cx.now,
            },
        ),
        _ => Ok(()),
    }
}

fn job_id(text: &str) -> Option<JobId> {
    text.parse().ok().map(JobId)
}

/// The order that one of whose cook jobs this is; none for jobs that are not ours.
fn order_of(tx: &Tx<'_>, job: JobId) -> Result<Option<OrderId>, FlowError> {
    Ok(tx.snapshot().order_of_part(job.0)?.map(|o| o.id))
}

fn job_state(tx: &mut Tx<'_>, cx: &Context, e: &JobStateChanged) -> Result<(), FlowError> {
    moved_to(
        tx,
        cx,
        &e.job_id,
        &e.to,
        e.slot.as_deref(),
        e.reason.as_deref(),
    )
}

fn moved_to(
    tx: &mut Tx<'_>,
    cx: &Context,
    job: &str,
    to: &JobState,
    slot: Option<&str>,
    reason: Option<&str>,
) -> Result<(), FlowError> {
    let Some(job_id) = job_id(job) else {
        return Ok(());
    };
    let Some(order) = order_of(tx, job_id)? else {
        return Ok(());
    };
    let progressed = |stage| Body::CookProgressed {
        job_id,
        stage,
        progress_pm: None,
    };
    let failed = |why: &str, retry| Body::CookFailed {
        job_id,
        reason: reason.unwrap_or(why).to_owned(),
        retry,
    };
    let body = match to {
        JobState::Queued => Body::CookSubmitted { job_id },
        JobState::Preparing => progressed(JobStage::Preparing),
        JobState::Cooking => progressed(JobStage::Cooking),
        JobState::Plated | JobState::Done => Body::CookPlated {
            job_id,
            slot: slot.map(str::to_owned),
        },
        JobState::Failed => failed("failed", true),
        JobState::Aborted => failed("aborted", false),
        JobState::Other(_) => return Ok(()),
    };
    record(tx, cx, Some(order), body)
}

/// Where the robot says a job stands, as if it had just come there. What is known already is no news.
pub(super) fn standing(tx: &mut Tx<'_>, cx: &Context, view: &JobView) -> Result<(), FlowError> {
    moved_to(
        tx,
        cx,
        &view.job_id,
        &view.state,
        view.slot.as_deref(),
        view.reason.as_deref(),
    )
}

/// Every phase that ended moves the dish on by its share of the planned time.
fn job_phase(tx: &mut Tx<'_>, cx: &Context, e: &JobPhase) -> Result<(), FlowError> {
    let Some(job_id) = job_id(&e.job_id) else {
        return Ok(());
    };
    let Some(order) = tx.snapshot().order_of_part(job_id.0)? else {
        return Ok(());
    };
    let Some((_, piece)) = order.piece_of(job_id) else {
        return Ok(());
    };
    let card = order
        .lines
        .get(piece.line)
        .and_then(|l| cx.catalog.dish(&l.dish_id))
        .and_then(|d| cx.catalog.tech_card(&d.tech_card));
    let Some(card) = card else {
        return Ok(());
    };
    let mut done = 0;
    for phase in &card.phases {
        done += u64::from(phase.seconds) * 1000;
        if phase.id == e.phase {
            break;
        }
    }
    let progress = (done * 1000)
        .checked_div(card.duration_ms())
        .and_then(|pm| u16::try_from(pm).ok())
        .unwrap_or(0);
    record(
        tx,
        cx,
        Some(order.id),
        Body::CookProgressed {
            job_id,
            stage: piece.stage,
            progress_pm: Some(progress.min(1000)),
        },
    )
}

fn consumed(
    tx: &mut Tx<'_>,
    cx: &Context,
    ingredient: &IngredientId,
    quantity: i64,
    job: Option<JobId>,
    use_id: &str,
) -> Result<(), FlowError> {
    let s = tx.snapshot();
    if quantity <= 0 || s.is_booked(use_id)? {
        return Ok(());
    }
    let held = match job {
        Some(job) => s.held_for(job)?.get(ingredient).copied().unwrap_or(0),
        None => 0,
    };
    let level = s.level(ingredient)?;
    let movements = stock::consume(ingredient, level, job, held, quantity, use_id);
    let order = match job {
        Some(job) => order_of(tx, job)?,
        None => None,
    };
    record(tx, cx, order, Body::StockMoved { movements })
}

/// A movement at the robot's bins, booked once.
fn moved(
    tx: &mut Tx<'_>,
    cx: &Context,
    item: &str,
    kind: MovementKind,
    on_hand: i64,
    use_id: &str,
) -> Result<(), FlowError> {
    if on_hand == 0 || tx.snapshot().is_booked(use_id)? {
        return Ok(());
    }
    let ingredient = IngredientId(item.to_owned());
    let level = tx.snapshot().level(&ingredient)?;
    // What leaves the bins can't be more than the book has: the rest sets the book right.
    let kind = if level.on_hand.saturating_add(on_hand) < 0 {
        MovementKind::Adjust
    } else {
        kind
    };
    record(
        tx,
        cx,
        None,
        Body::StockMoved {
            movements: vec![Movement {
                ingredient,
                kind,
                on_hand: on_hand.max(-level.on_hand),
                reserved: 0,
                job: None,
                use_id: Some(use_id.to_owned()),
                reason: None,
            }],
        },
    )
}

/// A store that has never booked an ingredient takes its first level from the robot's bins.
pub(super) fn first_levels(
    tx: &mut Tx<'_>,
    cx: &Context,
    bins: &[BinView],
) -> Result<(), FlowError> {
    let levels = tx.snapshot().levels()?;
    let mut first: BTreeMap<IngredientId, i64> = BTreeMap::new();
    for bin in bins {
        if let Some(item) = &bin.item {
            let id = IngredientId(item.clone());
            if !levels.contains_key(&id) && cx.catalog.ingredient(&id).is_some() {
                *first.entry(id).or_default() += bin.level;
            }
        }
    }
    let movements: Vec<Movement> = first
        .into_iter()
        .filter(|(_, level)| (1..=MOST).contains(level))
        .map(|(ingredient, level)| {
            Movement::count(
                &ingredient,
                Level::default(),
                level,
                "first count by the robot",
            )
        })
        .collect::<Result<_, _>>()?;
    if movements.is_empty() {
        return Ok(());
    }
    record(tx, cx, None, Body::StockMoved { movements })
}

pub(super) fn alert_gap(tx: &mut Tx<'_>, cx: &Context, detail: String) -> Result<(), FlowError> {
    raise_alert(
        tx,
        cx,
        Alert {
            key: "robot:gap".to_owned(),
            severity: Severity::Error,
            title: "The robot lost part of its memory".to_owned(),
            detail,
            advice: "Look which dishes came, and settle the effects of those that did not."
                .to_owned(),
            since_at: cx.now,
        },
    )
}
