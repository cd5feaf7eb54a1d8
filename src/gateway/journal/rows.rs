//! Rows of the journal, with their checksum.

use super::JournalError;
use crate::gateway::task;
use galley_fiscal::{Baseline, FiscalError};
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for its turn; nothing of it is in the printer.
    Queued,
    /// An attempt may have left the box.
    Sent,
    /// An attempt ended without an answer; the evidence is being looked at.
    Doubt,
    /// The evidence contradicts itself; a technician must decide.
    Person,
    /// It is registered (or, where it is no fiscal document, done).
    Done,
    /// It was refused before any effect.
    Refused,
    /// It was called off before any effect, and can't come into being any more.
    Cancelled,
}

impl State {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Doubt => "doubt",
            Self::Person => "person",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Sent,
            Self::Doubt,
            Self::Person,
            Self::Done,
            Self::Refused,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|s| s.word() == word)
    }

    /// Whether it stays so.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::Cancelled)
    }
}

/// Through which door a document came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// `/v1/fiscal/documents`.
    Native,
    /// The vendor's web requests.
    Vendor,
    /// The gateway itself: a shift that had to be turned first.
    Own,
}

impl Door {
    fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Vendor => "vendor",
            Self::Own => "own",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Native, Self::Vendor, Self::Own]
            .into_iter()
            .find(|d| d.word() == word)
    }
}

/// Why a document is not done, for whoever asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Our stable code.
    pub code: String,
    /// The device's own code, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_code: Option<u16>,
    /// What happened, in words.
    pub text: String,
    /// What a person can do.
    pub advice: String,
    /// The driver's whole answer, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<Value>>,
    /// The path of the request's field that is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Trouble {
    /// A trouble of ours.
    pub fn new(code: &str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            device_code: None,
            text: text.into(),
            advice: advice.into(),
            error: None,
            field: None,
        }
    }

    /// A driver's answer as a trouble.
    #[must_use]
    pub fn of(error: &FiscalError) -> Self {
        const CHECK: &str = "Check that the printer is on and its cable is plugged in.";
        let (code, advice) = match error {
            FiscalError::Unreachable { .. } => ("unreachable", CHECK.to_owned()),
            FiscalError::Refused { advice, .. } => ("device_refused", advice.clone()),
            FiscalError::Unknown { .. } => ("unknown", CHECK.to_owned()),
            FiscalError::OtherDrive { .. } => (
                "other_drive",
                "Put the fiscal drive back, or have a technician accept the new one.".to_owned(),
            ),
            FiscalError::Unsupported(_) => (
                "unsupported",
                "Change the document, or the printer's configuration.".to_owned(),
            ),
            FiscalError::NeedsPerson(_) => (
                "needs_person",
                "Compare the printer's last documents with what was asked for, then resolve it."
                    .to_owned(),
            ),
        };
        Self {
            code: code.to_owned(),
            device_code: match error {
                FiscalError::Refused { code, .. } => Some(*code),
                _ => None,
            },
            text: error.to_string(),
            advice,
            error: serde_json::to_value(error).ok().map(Box::new),
            field: None,
        }
    }
}

/// A document to be written down.
#[derive(Clone, Debug)]
pub struct NewRow {
    /// Its key.
    pub key: String,
    /// Its printer.
    pub device: String,
    /// Through which door.
    pub door: Door,
    /// The request of the vendor's face that it is a part of, and which part.
    pub bundle: Option<(String, u32)>,
    /// 0 for own documents, which come first; 1 for the others.
    pub rank: u32,
    /// What was asked for, as it came.
    pub request: Value,
    /// Who asked.
    pub asked_by: String,
}

/// A document of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its place in the order.
    pub id: i64,
    /// Its key.
    pub key: String,
    /// Its printer; none for a key that was called off before anything was asked.
    pub device: Option<String>,
    /// Through which door it came.
    pub door: Door,
    /// The vendor's request that it is a part of.
    pub bundle: Option<String>,
    /// Which part.
    pub item: u32,
    /// What was asked for.
    pub request: Value,
    /// Where it stands.
    pub state: State,
    /// Whoever asked wants it called off, if it does not exist.
    pub cancel_wanted: bool,
    /// How often it was tried.
    pub attempt: u32,
    /// The counters before the last attempt.
    pub baseline: Option<Baseline>,
    /// What came of it: a record, or an answer.
    pub result: Option<Value>,
    /// Why it is not done.
    pub trouble: Option<Trouble>,
    /// Who asked.
    pub asked_by: String,
    /// When, milliseconds since 1970.
    pub created_at: i64,
    /// When it was decided.
    pub decided_at: Option<i64>,
    /// Who decided it and why, where a person did.
    pub decided_by: Option<String>,
}

impl Row {
    /// Whether this is what `who` asks for now. Two tills that happen upon the same key want two documents, even if
    /// these look the same.
    #[must_use]
    pub fn is_of(&self, request: &Value, who: &str) -> bool {
        let device = self.device.as_deref().unwrap_or_default();
        self.asked_by == who && task::same(&self.key, device, &self.request, request)
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub began_at: i64,
    /// When it ended; none while it runs, and for one that a crash cut off.
    pub ended_at: Option<i64>,
    /// How long the printer was busy, microseconds.
    pub device_us: Option<i64>,
    /// The state it ended in.
    pub outcome: Option<String>,
    /// What was seen.
    pub detail: Option<String>,
}

/// Which fiscal drive a printer's documents live on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Serial number.
    pub drive_number: String,
    /// Since when.
    pub since_at: i64,
}

/// Which documents to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this printer.
    pub device: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Those that are not decided yet.
    pub live: bool,
    /// Older than this id.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// What waits at a printer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Documents that are not decided.
    pub live: u32,
    /// Of these, in doubt.
    pub doubt: u32,
    /// Of these, waiting for a technician.
    pub person: u32,
    /// When the oldest was asked for.
    pub oldest_at: Option<i64>,
}

const COLUMNS: &str = "id, key, device, door, bundle, item, request, state, cancel_wanted, attempt, baseline, result, \
                       trouble, asked_by, created_at, decided_at, decided_by, sum, rank";

/// A row as SQLite has it: JSON is text.
pub(super) struct Raw {
    pub(super) row: Row,
    pub(super) rank: u32,
    pub(super) texts: Texts,
    pub(super) sum: i64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub(super) request: String,
    pub(super) baseline: Option<String>,
    pub(super) result: Option<String>,
    pub(super) trouble: Option<String>,
}

fn raw(r: &SqlRow<'_>) -> rusqlite::Result<(Raw, String, String)> {
    let texts = Texts {
        request: r.get(6)?,
        baseline: r.get(10)?,
        result: r.get(11)?,
        trouble: r.get(12)?,
    };
    let (door, state): (String, String) = (r.get(3)?, r.get(7)?);
    let row = Row {
        id: r.get(0)?,
        key: r.get(1)?,
        device: r.get(2)?,
        door: Door::Native,
        bundle: r.get(4)?,
        item: r.get(5)?,
        request: Value::Null,
        state: State::Queued,
        cancel_wanted: r.get(8)?,
        attempt: r.get(9)?,
        baseline: None,
        result: None,
        trouble: None,
        asked_by: r.get(13)?,
        created_at: r.get(14)?,
        decided_at: r.get(15)?,
        decided_by: r.get(16)?,
    };
    let raw = Raw {
        row,
        rank: r.get(18)?,
        texts,
        sum: r.get(17)?,
    };
    Ok((raw, door, state))
}

fn checked((mut raw, door, state): (Raw, String, String)) -> Result<Row, JournalError> {
    let damaged = || JournalError::Damaged(format!("document {}", raw.row.key));
    let door = Door::from_word(&door).ok_or_else(damaged)?;
    let state = State::from_word(&state).ok_or_else(damaged)?;
    raw.row.door = door;
    raw.row.state = state;
    if sum_of(&raw.row, raw.rank, &raw.texts) != raw.sum {
        return Err(JournalError::Damaged(format!("document {}", raw.row.key)));
    }
    let Raw { mut row, texts, .. } = raw;
    row.request = serde_json::from_str(&texts.request)?;
    row.baseline = parse(texts.baseline.as_deref())?;
    row.result = parse(texts.result.as_deref())?;
    row.trouble = parse(texts.trouble.as_deref())?;
    Ok(row)
}

fn parse<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, JournalError> {
    Ok(text.map(serde_json::from_str).transpose()?)
}

/// Guards everything that decides what is printed.
pub(super) fn sum_of(row: &Row, rank: u32, texts: &Texts) -> i64 {
    let mut h = Sha256::new();
    let mut part = |bytes: &[u8]| {
        h.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        h.update(bytes);
    };
    let optional =
        |text: &Option<String>| text.clone().map_or_else(String::new, |t| format!("+{t}"));
    part(&row.id.to_be_bytes());
    part(row.key.as_bytes());
    part(optional(&row.device).as_bytes());
    part(row.door.word().as_bytes());
    part(optional(&row.bundle).as_bytes());
    part(&row.item.to_be_bytes());
    part(&rank.to_be_bytes());
    part(texts.request.as_bytes());
    part(row.state.word().as_bytes());
    part(&[u8::from(row.cancel_wanted)]);
    part(&row.attempt.to_be_bytes());
    for text in [&texts.baseline, &texts.result, &texts.trouble] {
        part(optional(text).as_bytes());
    }
    part(row.asked_by.as_bytes());
    part(&row.created_at.to_be_bytes());
    part(&row.decided_at.unwrap_or(-1).to_be_bytes());
    part(optional(&row.decided_by).as_bytes());
    let digest = h.finalize();
    let mut first = [0u8; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

fn texts_of(row: &Row) -> Result<Texts, JournalError> {
    let text = |v: Option<serde_json::Result<String>>| v.transpose();
    Ok(Texts {
        request: serde_json::to_string(&row.request)?,
        baseline: text(row.baseline.as_ref().map(serde_json::to_string))?,
        result: text(row.result.as_ref().map(serde_json::to_string))?,
        trouble: text(row.trouble.as_ref().map(serde_json::to_string))?,
    })
}

pub(super) fn by_key(db: &Connection, key: &str) -> Result<Option<Row>, JournalError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM documents WHERE key = ?1"))?
        .query_row([key], raw)
        .optional()?
        .map(checked)
        .transpose()
}

pub(super) fn by_id(db: &Connection, id: i64) -> Result<Option<Row>, JournalError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM documents WHERE id = ?1"))?
        .query_row([id], raw)
        .optional()?
        .map(checked)
        .transpose()
}

/// The first document of a printer that is not decided.
pub(super) fn head(db: &Connection, device: &str) -> Result<Option<Row>, JournalError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM documents WHERE device = ?1 AND state IN ('queued', 'sent', 'doubt', 'person')
         ORDER BY rank, id LIMIT 1"
    ))?
    .query_row([device], raw)
    .optional()?
    .map(checked)
    .transpose()
}

pub(super) fn bundle(db: &Connection, bundle: &str) -> Result<Vec<Row>, JournalError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM documents WHERE bundle = ?1 ORDER BY item"
    ))?
    .query_map([bundle], raw)?
    .map(|r| checked(r?))
    .collect()
}

/// Documents that are not decided yet. Without being told, SQLite walks all that there ever were, as they lie in the order
/// that is asked for.
const LIVE: &str =
    "documents INDEXED BY documents_live WHERE state IN ('queued', 'sent', 'doubt', 'person')";

/// What was being sent when the gateway stopped.
pub(super) fn sent(db: &Connection) -> Result<Vec<Row>, JournalError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {LIVE} AND state = ?1 ORDER BY id"
    ))?
    .query_map([State::Sent.word()], raw)?
    .map(|r| checked(r?))
    .collect()
}

pub(super) fn list(db: &Connection, filter: &Filter) -> Result<Vec<Row>, JournalError> {
    let from = if filter.live {
        LIVE
    } else {
        "documents WHERE true"
    };
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {from}
           AND (?1 IS NULL OR device = ?1) AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR id < ?3)
         ORDER BY id DESC LIMIT ?4"
    ))?
    .query_map(
        params![
            filter.device,
            filter.state.map(State::word),
            filter.before,
            filter.limit
        ],
        raw,
    )?
    .map(|r| checked(r?))
    .collect()
}

pub(super) fn insert(
    db: &Connection,
    new: &NewRow,
    state: State,
    now: i64,
) -> Result<Row, JournalError> {
    let mut row = Row {
        id: 0,
        key: new.key.clone(),
        device: (!new.device.is_empty()).then(|| new.device.clone()),
        door: new.door,
        bundle: new.bundle.as_ref().map(|(uuid, _)| uuid.clone()),
        item: new.bundle.as_ref().map_or(0, |(_, item)| *item),
        request: new.request.clone(),
        state,
        cancel_wanted: false,
        attempt: 0,
        baseline: None,
        result: None,
        trouble: None,
        asked_by: new.asked_by.clone(),
        created_at: now,
        decided_at: state.is_final().then_some(now),
        decided_by: None,
    };
    let texts = texts_of(&row)?;
    db.prepare_cached(
        "INSERT INTO documents (key, device, door, bundle, item, rank, request, state, asked_by, created_at, decided_at, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0)",
    )?
    .execute(params![
        row.key,
        row.device,
        row.door.word(),
        row.bundle,
        row.item,
        new.rank,
        texts.request,
        row.state.word(),
        row.asked_by,
        row.created_at,
        row.decided_at
    ])?;
    row.id = db.last_insert_rowid();
    // The place in the order is guarded too, and is known only now.
    db.prepare_cached("UPDATE documents SET sum = ?2 WHERE id = ?1")?
        .execute(params![row.id, sum_of(&row, new.rank, &texts)])?;
    Ok(row)
}

/// Writes what changes in a document's life.
pub(super) fn put(db: &Connection, row: &Row) -> Result<(), JournalError> {
    let texts = texts_of(row)?;
    let rank: u32 = db
        .prepare_cached("SELECT rank FROM documents WHERE id = ?1")?
        .query_row([row.id], |r| r.get(0))?;
    db.prepare_cached(
        "UPDATE documents SET state = ?2, cancel_wanted = ?3, attempt = ?4, baseline = ?5, result = ?6, trouble = ?7,
             decided_at = ?8, decided_by = ?9, sum = ?10 WHERE id = ?1",
    )?
    .execute(params![
        row.id,
        row.state.word(),
        row.cancel_wanted,
        row.attempt,
        texts.baseline,
        texts.result,
        texts.trouble,
        row.decided_at,
        row.decided_by,
        sum_of(row, rank, &texts)
    ])?;
    Ok(())
}
