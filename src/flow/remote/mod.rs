//! What headquarters told the store, carried out: each message once, through any crash, because what it does and that it
//! was done are one write. The signature was checked before; this is what a signed message may do.

mod commands;
mod documents;

pub(super) use documents::has_menu;
pub use documents::{Held, faults, held, in_force};

use super::{
    Context, FlowError, Site,
    commands::{clear_alert, raise_alert},
    record::record,
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::{Actor, Body},
        remote::{Answer, Command, Envelope, Known, Verdict, What, judge},
    },
    store::{Snapshot, StoreError, Told, Tx},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// Document with headquarters' keys that came after those of the enrolment.
const KEYS: &str = "hq:keys";
/// Document with the generation of the box that took this store over.
const FENCE: &str = "hq:fence";
/// The alert of a box that was replaced.
const FENCED: &str = "box:fenced";
/// Longest reason that is kept, characters.
const REASON: usize = 500;

/// Keys of headquarters that were announced since the enrolment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// Their public halves.
    pub trusted: Vec<String>,
    /// Ids of those that count no more.
    pub retired: Vec<String>,
}

impl Keys {
    /// As they are kept.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn of(s: &Snapshot<'_>) -> Result<Self, StoreError> {
        Ok(s.document(KEYS)?.unwrap_or_default())
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is done.
    Done,
    /// It was done before.
    Again,
    /// It takes a while: to be done now, and told to [`finish`].
    Errand(Command),
    /// It is not done, and why.
    Refused(String),
    /// Another box has this store's place.
    Fenced(u64),
}

/// Takes a signed message.
///
/// # Errors
/// When the database fails: the message is as if it had not come.
pub async fn receive(
    site: &Site,
    generation: u64,
    envelope: Arc<Envelope>,
) -> Result<Taken, FlowError> {
    let actor = Actor(format!("hq:{}", envelope.by));
    let message = Arc::clone(&envelope);
    let taken = site
        .command(actor.clone(), move |tx, cx| {
            take(tx, cx, generation, &message)
        })
        .await;
    let taken = match taken {
        Ok(taken) => taken,
        Err(FlowError::Store(e)) if !matches!(e, StoreError::Stock(_)) => return Err(e.into()),
        Err(refusal) => {
            let reason = refusal.to_string();
            let why = reason.clone();
            site.command(actor, move |tx, cx| {
                refuse(tx, cx, &envelope, &about(&envelope), &why)
            })
            .await?;
            Taken::Refused(reason)
        }
    };
    if matches!(taken, Taken::Done | Taken::Fenced(_)) {
        site.refresh().await?;
    }
    Ok(taken)
}

fn take(
    tx: &mut Tx<'_>,
    cx: &Context,
    generation: u64,
    envelope: &Envelope,
) -> Result<Taken, FlowError> {
    let what = What::deserialize(&envelope.body)
        .map_err(|e| FlowError::Invalid(format!("this program does not know it: {e}")))?;
    let told = tx.snapshot().told(envelope.id)?;
    let versions = documents::versions(&tx.snapshot())?;
    let known = Known {
        store: &cx.policy.store_id,
        generation,
        versions: &versions,
        seen: matches!(told, Some(Told::Done | Told::Refused)),
        now: cx.now,
    };
    match judge(envelope, &what, &known) {
        Verdict::Again => return Ok(Taken::Again),
        Verdict::Fenced(by) => {
            fence(tx, cx, generation, by)?;
            return Ok(Taken::Fenced(by));
        }
        Verdict::Refuse(why) => {
            if told.is_none() {
                refuse(tx, cx, envelope, &about(envelope), &why.to_string())?;
            }
            return Ok(Taken::Refused(why.to_string()));
        }
        Verdict::Take => {}
    }
    let kind = about(envelope);
    match what {
        What::Document {
            document,
            name,
            version,
            content,
        } => {
            let remark = documents::apply(tx, cx, document, &name, version, content)?;
            record(
                tx,
                cx,
                None,
                Body::HqApplied {
                    message_id: envelope.id,
                    document,
                    name,
                    version,
                    remark: remark.map(|text| text.chars().take(REASON).collect()),
                },
            )?;
        }
        What::Command { command } if command.is_errand() => {
            tx.put_told(envelope.id, &kind, Told::Doing, cx.now)?;
            return Ok(Taken::Errand(command));
        }
        What::Command { command } => {
            let answer = commands::carry_out(tx, cx, &command, envelope.id)?;
            answered(tx, cx, envelope.id, &command, answer)?;
        }
        What::Key { public, retires } => {
            let mut keys = Keys::of(&tx.snapshot())?;
            if !keys.trusted.contains(&public) {
                keys.trusted.push(public.clone());
            }
            keys.retired.extend(retires.clone());
            tx.put_document(KEYS, &keys)?;
            record(
                tx,
                cx,
                None,
                Body::HqKeyPinned {
                    message_id: envelope.id,
                    key: public,
                    retires,
                },
            )?;
        }
        What::Fence {} => return Ok(Taken::Again),
    }
    tx.put_told(envelope.id, &kind, Told::Done, cx.now)?;
    Ok(Taken::Done)
}

/// Notes what came of an errand.
///
/// # Errors
/// When it can't be written: the errand is done again when the message comes again.
pub async fn finish(
    site: &Site,
    envelope: Arc<Envelope>,
    command: Command,
    outcome: Result<Answer, String>,
) -> Result<(), FlowError> {
    let actor = Actor(format!("hq:{}", envelope.by));
    site.command(actor, move |tx, cx| {
        if tx.snapshot().told(envelope.id)? != Some(Told::Doing) {
            return Ok(());
        }
        match outcome {
            Ok(answer) => {
                answered(tx, cx, envelope.id, &command, answer)?;
                Ok(tx.put_told(envelope.id, command.word(), Told::Done, cx.now)?)
            }
            Err(reason) => refuse(tx, cx, &envelope, command.word(), &reason),
        }
    })
    .await
}

fn answered(
    tx: &mut Tx<'_>,
    cx: &Context,
    message_id: Uuid,
    command: &Command,
    answer: Answer,
) -> Result<(), FlowError> {
    record(
        tx,
        cx,
        None,
        Body::HqAnswered {
            message_id,
            command: command.word().to_owned(),
            answer,
        },
    )
}

fn refuse(
    tx: &mut Tx<'_>,
    cx: &Context,
    envelope: &Envelope,
    what: &str,
    reason: &str,
) -> Result<(), FlowError> {
    tx.put_told(envelope.id, what, Told::Refused, cx.now)?;
    record(
        tx,
        cx,
        None,
        Body::HqRefused {
            message_id: Some(envelope.id),
            what: what.to_owned(),
            reason: reason.chars().take(REASON).collect(),
        },
    )
}

/// Notes that something came which nobody we trust had signed. `what` must not be the message's own words: whoever sent
/// it would write them into the log.
///
/// # Errors
/// When it can't be written.
pub async fn note_forged(site: &Site, reason: String) -> Result<(), FlowError> {
    site.command(Actor::system(), move |tx, cx| {
        record(
            tx,
            cx,
            None,
            Body::HqRefused {
                message_id: None,
                what: "message".to_owned(),
                reason,
            },
        )
    })
    .await
}

/// Stops selling for good: another box has this store's place.
fn fence(tx: &mut Tx<'_>, cx: &Context, generation: u64, by: u64) -> Result<(), FlowError> {
    if fenced_by(&tx.snapshot())?.is_some_and(|known| known >= by) {
        return Ok(());
    }
    tx.put_document(FENCE, &by)?;
    record(tx, cx, None, Body::BoxFenced { generation, by })?;
    raise_alert(
        tx,
        cx,
        Alert {
            key: FENCED.to_owned(),
            severity: Severity::Error,
            title: "This box was replaced and sells nothing any more".to_owned(),
            detail: format!("Another box has taken the store {} over.", cx.policy.store_id),
            advice: "Switch this box off. If it is to sell again, headquarters gives a code (galley hq enrol), then: \
                     galley sync adopt --code CODE"
                .to_owned(),
            since_at: cx.now,
        },
    )
}

/// The generation of the box that took this store over, if one did.
///
/// # Errors
/// When it can't be read.
pub fn fenced_by(s: &Snapshot<'_>) -> Result<Option<u64>, StoreError> {
    s.document(FENCE)
}

/// A box that has a later generation than the fence is not fenced: it is the one that took over.
///
/// # Errors
/// When it can't be written.
pub async fn lift_fence(site: &Site, generation: u64) -> Result<(), FlowError> {
    let fenced = site.store.read(fenced_by).await?;
    if fenced.is_none_or(|by| by > generation) {
        return Ok(());
    }
    site.command(Actor::system(), |tx, cx| {
        tx.delete_document(FENCE)?;
        clear_alert(tx, cx, FENCED)
    })
    .await?;
    site.refresh().await
}

/// What a message is about, in a word or two; nothing personal.
fn about(envelope: &Envelope) -> String {
    let word = |key: &str| envelope.body.get(key).and_then(|v| v.as_str());
    let text = match word("kind") {
        Some("document") => word("document").unwrap_or("document"),
        Some("command") => envelope
            .body
            .pointer("/command/do")
            .and_then(|v| v.as_str())
            .unwrap_or("command"),
        Some(kind) => kind,
        None => "message",
    };
    text.chars().take(40).collect()
}
