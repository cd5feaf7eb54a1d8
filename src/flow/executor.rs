//! The contract between the effect engine and whoever acts on the outside world.

use async_trait::async_trait;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;

/// Acts on one outside system. Devices and connectors implement it; the engine calls it.
///
/// For one effect the engine calls, in this order: [`Executor::prepare`], whose answer it stores durably;
/// [`Executor::perform`]; and, whenever an attempt may have left the box without an answer (also after a
/// crash of the daemon at any point of `perform`), [`Executor::resolve`] before any further `perform`.
/// Effects of one queue come one at a time and in order; effects of different queues come at the same time.
#[async_trait]
pub trait Executor: Send + Sync {
    /// The kinds of effect it carries out.
    fn kinds(&self) -> &'static [&'static str];

    /// Reads what `resolve` will need to compare with, such as a document counter. Must not change
    /// anything outside. An error means: not now, try again later; nothing has left the box.
    async fn prepare(&self, _call: &Call) -> Result<Value, NotNow> {
        Ok(Value::Null)
    }

    /// Does it, once.
    async fn perform(&self, call: &Call) -> Outcome;

    /// Finds out whether an earlier attempt did it. Must not do it.
    async fn resolve(&self, call: &Call) -> Resolution;
}

/// One effect, as an executor sees it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The kind, such as `bank.refund`.
    pub kind: String,
    /// The effect's key: the same through any number of attempts and crashes.
    pub key: String,
    /// What to do; the kind's own `Request`.
    pub request: Value,
    /// What [`Executor::prepare`] answered before the last attempt; null before the first.
    pub evidence: Value,
    /// Number of this attempt, from 1.
    pub attempt: u32,
}

impl Call {
    /// The request as the kind's own type.
    ///
    /// # Errors
    /// When the stored request is not of that type: a bug, or a database of a newer release.
    pub fn request<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_value(self.request.clone()).map_err(|e| Refusal::bug("request", &e))
    }

    /// The evidence as the executor's own type; `None` when there is none yet.
    ///
    /// # Errors
    /// As [`Call::request`].
    pub fn evidence<T: DeserializeOwned>(&self) -> Result<Option<T>, Refusal> {
        serde_json::from_value(self.evidence.clone()).map_err(|e| Refusal::bug("evidence", &e))
    }
}

/// What an attempt came to.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done; the kind's own `Result`.
    Done(Value),
    /// The other side said no, and nothing was done. Asking again without a change is pointless.
    Refused(Refusal),
    /// Nothing reached the other side, or it asked to come later: the engine tries again with backoff.
    NotSent(NotNow),
    /// It may have been done. The engine calls [`Executor::resolve`] before anything else.
    Unknown(NotNow),
    /// The other side works on it (or we watch something): the engine calls `perform` again after that
    /// time. Only for acts that are safe to repeat.
    Pending(Duration),
}

/// What [`Executor::resolve`] found out.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// It had been done.
    Done(Value),
    /// It had not been done and can't happen any more without a new `perform`.
    NotDone,
    /// The other side has refused it for good.
    Refused(Refusal),
    /// The other side can't be asked now, or doesn't know yet.
    Unknown(NotNow),
    /// The outside world contradicts itself, or can't ever tell: a person must decide.
    NeedsPerson(Refusal),
}

/// Not now; for logs and the technician.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotNow {
    /// What was seen, one sentence.
    pub reason: String,
    /// What a person can do, if the engine's own patience does not help.
    pub advice: String,
    /// Nothing is wrong, others only come first: nobody is told, however long it takes.
    #[serde(default)]
    pub in_line: bool,
}

impl NotNow {
    /// Others come first.
    pub fn in_line(reason: impl Into<String>) -> Self {
        Self {
            in_line: true,
            ..Self::new(reason, "")
        }
    }

    /// What was seen, and what a person can do about it.
    pub fn new(reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            advice: advice.into(),
            in_line: false,
        }
    }
}

/// A definite no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable code, ours or the other side's.
    pub code: String,
    /// What the other side said, in words.
    pub text: String,
    /// What a person can do.
    pub advice: String,
}

impl Refusal {
    /// A refusal with its code, words and advice.
    pub fn new(
        code: impl Into<String>,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            text: text.into(),
            advice: advice.into(),
        }
    }

    fn bug(what: &str, error: &serde_json::Error) -> Self {
        Self::new(
            "internal",
            format!("the stored {what} can't be read: {error}"),
            "Send a support bundle to the makers of Galley.",
        )
    }
}
