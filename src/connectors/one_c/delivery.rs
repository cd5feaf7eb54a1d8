//! One document on its way: create, post, read back, and what is found at 1C at any point of that.
//!
//! Every step may be repeated: 1C refuses a second document with the same key, and posting a posted
//! document changes nothing. So after any lost answer the way goes on from what a reading finds.

use super::{
    client::{CallError, Client, EXISTS},
    config::Config,
    map::{self, Document, Plan},
    money::MONEY,
};
use crate::flow::executor::{NotNow, Refusal};
use std::collections::BTreeSet;

/// A document as 1C keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub number: String,
    /// Its version; another one after every write.
    pub version: String,
    /// Whether it is in the books.
    pub posted: bool,
    /// Whether somebody has marked it for deletion.
    pub deletion_mark: bool,
    /// Its total, minor units.
    pub total_minor: i64,
    /// Its comment, with our fingerprint.
    pub comment: String,
}

/// How a document stands at 1C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none with its key.
    Absent,
    /// It is ours and waits to be posted.
    Unposted,
    /// It is ours, not posted, with older contents that we may replace; holds its version.
    Outdated(String),
    /// It is as it should be.
    Done(Found),
    /// It is there and differs; a person must decide. Says how.
    Conflict(String),
}

/// Why a document has not arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// 1C will never take it as it is.
    Refused(Refusal),
    /// 1C surely has not got any further; later.
    Later(NotNow),
    /// A reading must tell.
    Unknown(NotNow),
}

const PROPERTIES: &[&str] = &[
    "Ref_Key",
    "Number",
    "DataVersion",
    "Posted",
    "DeletionMark",
    "СуммаДокумента",
    "Комментарий",
];

const CONFLICT_ADVICE: &str = "Compare the document in 1C with the shift; `galley doctor` shows both. Then settle it in 1C and mark the effect as done.";

/// Reads what 1C has under the document's key.
///
/// # Errors
/// When it can't be read.
pub async fn find(client: &Client, plan: &Plan) -> Result<Option<Found>, CallError> {
    let Some(object) = client.read(plan.set.name, plan.ref_key, PROPERTIES).await? else {
        return Ok(None);
    };
    let names = client.names();
    let text = |name| object.text(names.of(name));
    let flag = |name| object.flag(names.of(name));
    let found = (|| {
        Some(Found {
            number: text("Number")?.trim().to_owned(),
            version: text("DataVersion")?,
            posted: flag("Posted")?,
            deletion_mark: flag("DeletionMark")?,
            total_minor: object.number(names.of("СуммаДокумента"), MONEY)?,
            comment: text("Комментарий")?,
        })
    })();
    // An object without the properties that we asked for is not 1C's answer.
    found.map(Some).ok_or(CallError::Stranger(200))
}

/// The fingerprints that make a document ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints {
    /// Of what would be sent now; `None` when the mapping has lost an entry since.
    pub current: Option<String>,
    /// Of earlier attempts, before the mapping was changed.
    pub earlier: BTreeSet<String>,
}

/// Compares what was found with what should be.
#[must_use]
pub fn judge(found: Option<Found>, plan: &Plan, ours: &Fingerprints, config: &Config) -> Standing {
    let Some(found) = found else {
        return Standing::Absent;
    };
    if found.deletion_mark {
        return Standing::Conflict("it is marked for deletion".to_owned());
    }
    let Some(fingerprint) = map::fingerprint_in(&found.comment, &plan.key) else {
        return Standing::Conflict("its comment does not carry our mark".to_owned());
    };
    let is_current = ours.current.as_ref() == Some(&fingerprint);
    let is_ours = is_current || ours.earlier.contains(&fingerprint);
    // What is in the books stays, whichever attempt wrote it. What is not must be what we would write now.
    let is_fit = is_current || (is_ours && (found.posted || ours.current.is_none()));
    if !is_fit {
        if config.allow_rewrite && !found.posted {
            return Standing::Outdated(found.version);
        }
        let how = if is_ours {
            "it is ours, not posted, and written before the mapping was changed; post it in 1C by hand, or set one_c.allow_rewrite"
        } else {
            "it was written with other contents"
        };
        return Standing::Conflict(how.to_owned());
    }
    if config.post_documents && !found.posted {
        return Standing::Unposted;
    }
    if found.total_minor != plan.total_minor {
        return Standing::Conflict(format!(
            "its total is {}, but the shift makes {}",
            super::money::decimal(found.total_minor, MONEY),
            super::money::decimal(plan.total_minor, MONEY)
        ));
    }
    Standing::Done(found)
}

/// Brings a document to 1C and into the books, from wherever it stands.
///
/// # Errors
/// Tells what may be known about how far it came.
pub async fn deliver(client: &Client, config: &Config, document: &Document) -> Result<Found, Halt> {
    let plan = &document.plan;
    let ours = Fingerprints {
        current: Some(document.fingerprint.clone()),
        earlier: BTreeSet::new(),
    };
    let look = async || {
        find(client, plan)
            .await
            .map(|found| judge(found, plan, &ours, config))
    };
    let mut standing = match client.create(plan.set.name, &document.json).await {
        Ok(()) => Standing::Unposted,
        Err(error) if error.code() == Some(EXISTS) || error.is_ambiguous() => {
            match look().await.map_err(|e| unknown(&e))? {
                Standing::Absent if matches!(error, CallError::Said { .. }) => {
                    return Err(Halt::Later(refused("store", &error)));
                }
                Standing::Absent => return Err(unknown(&error)),
                standing => standing,
            }
        }
        Err(error) => return Err(definite(error)),
    };
    if let Standing::Outdated(version) = &standing {
        client
            .change(plan.set.name, plan.ref_key, &document.json, version)
            .await
            .map_err(|error| match error {
                CallError::NotSent(_) | CallError::Denied(_) => definite(error),
                _ if error.is_final() => definite(error),
                _ => unknown(&error),
            })?;
        standing = Standing::Unposted;
    }
    let posting = match standing {
        Standing::Unposted if config.post_documents => {
            client.post(plan.set.name, plan.ref_key).await
        }
        Standing::Done(found) => return Ok(found),
        Standing::Conflict(how) => return Err(conflicting(plan, &how)),
        _ => Ok(()),
    };
    match (look().await.map_err(|e| unknown(&e))?, posting) {
        (Standing::Done(found), _) => Ok(found),
        (Standing::Unposted, Ok(())) => Err(Halt::Later(NotNow::new(
            "1C says that the report is posted, but shows it as not posted",
            "Post the document in 1C by hand and read what it says.",
        ))),
        (Standing::Unposted, Err(error @ CallError::Said { .. })) => {
            Err(Halt::Later(refused("post", &error)))
        }
        (Standing::Unposted, Err(error)) if error.is_ambiguous() => Err(unknown(&error)),
        (Standing::Unposted, Err(error)) => Err(Halt::Later(not_now(&error))),
        (Standing::Conflict(how), _) => Err(conflicting(plan, &how)),
        (Standing::Absent | Standing::Outdated(_), _) => Err(Halt::Unknown(NotNow::new(
            "1C took the report, but does not show it",
            "Check that nobody restores or cleans the infobase now.",
        ))),
    }
}

/// As an executor's "not now".
#[must_use]
pub fn not_now(error: &CallError) -> NotNow {
    NotNow::new(error.to_string(), error.advice())
}

/// As a refusal that a person must settle.
#[must_use]
pub fn conflict(plan: &Plan, how: &str) -> Refusal {
    Refusal::new(
        "conflict",
        format!(
            "1C has another document under {} ({}): {how}",
            plan.key, plan.ref_key
        ),
        CONFLICT_ADVICE,
    )
}

/// The engine asks [`judge`] through `resolve` and calls a person.
fn conflicting(plan: &Plan, how: &str) -> Halt {
    let refusal = conflict(plan, how);
    Halt::Unknown(NotNow::new(refusal.text, refusal.advice))
}

fn unknown(error: &CallError) -> Halt {
    Halt::Unknown(not_now(error))
}

fn definite(error: CallError) -> Halt {
    if error.is_final() {
        let code = error.code().map_or_else(String::new, |c| c.to_string());
        return Halt::Refused(Refusal::new(
            format!("1c-{code}"),
            error.to_string(),
            error.advice(),
        ));
    }
    Halt::Later(not_now(&error))
}

/// 1C keeps its word for it: a closed period, or checks of the configuration. It mends itself as soon as
/// an accountant has acted, so it is tried again.
fn refused(what: &str, error: &CallError) -> NotNow {
    NotNow::new(
        format!("1C refuses to {what} the report: {error}"),
        "Show 1C's words to the accountant (a closed period, an item or account of the wrong kind). The \
         report goes on by itself once that is mended.",
    )
}
