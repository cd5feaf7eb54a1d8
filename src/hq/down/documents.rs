//! Documents and their revisions.

use super::{
    super::{
        Hq,
        db::{Row, Sql, cells},
    },
    DownError,
    diff::{Change, diff},
};
use crate::{
    domain::{remote::DocumentKind, time::Timestamp},
    flow::remote::faults,
    store::StoreError,
    sync::batch::HexHash,
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Longest name, and longest remark, characters.
const NAME: usize = 64;
const NOTE: usize = 300;
/// Bytes of a document.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// A revision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::hq) struct Revision {
    pub(in crate::hq) kind: String,
    pub(in crate::hq) name: String,
    pub(in crate::hq) revision: u64,
    pub(in crate::hq) hash: HexHash,
    pub(in crate::hq) note: String,
    pub(in crate::hq) by: String,
    pub(in crate::hq) at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::hq) content: Option<Value>,
}

/// A document in a list.
#[derive(Clone, Debug, Serialize)]
pub(in crate::hq) struct DocumentRow {
    pub(in crate::hq) kind: String,
    pub(in crate::hq) name: String,
    pub(in crate::hq) latest: Revision,
    /// Stores that have a version of it in force.
    pub(in crate::hq) stores: u64,
}

const COLUMNS: &str = "kind, name, revision, hash, note, made_by, at";

fn read(r: &Row) -> Result<Revision, StoreError> {
    Ok(Revision {
        kind: r.get(0)?,
        name: r.get(1)?,
        revision: r.get(2)?,
        hash: HexHash(r.get(3)?),
        note: r.get(4)?,
        by: r.get(5)?,
        at: r.get(6)?,
        content: None,
    })
}

fn latest(sql: &Sql<'_>, kind: &str, name: &str) -> Result<Option<Revision>, StoreError> {
    sql.row(
        &format!(
            "SELECT {COLUMNS} FROM doc_revisions WHERE kind = ?1 AND name = ?2 ORDER BY revision DESC LIMIT 1"
        ),
        &cells![kind, name],
        read,
    )
}

pub(in crate::hq) fn kind(word: &str) -> Result<DocumentKind, DownError> {
    DocumentKind::from_word(word).ok_or(DownError::Unknown("kind of document"))
}

fn fits(name: &str) -> bool {
    (1..=NAME).contains(&name.chars().count())
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The text of a document that can be, as it is kept.
fn checked(
    kind: DocumentKind,
    name: &str,
    content: &Value,
    note: &str,
) -> Result<String, DownError> {
    if !fits(name) {
        return Err(DownError::Invalid(format!(
            "a document's name has 1 to {NAME} letters, digits, '-', '_' or '.'"
        )));
    }
    if note.chars().count() > NOTE {
        return Err(DownError::Invalid(format!(
            "the remark has at most {NOTE} characters"
        )));
    }
    let faults = faults(kind, content);
    if !faults.is_empty() {
        return Err(DownError::Faults(faults));
    }
    let text = serde_json::to_string(content).map_err(StoreError::from)?;
    if text.len() > MOST_BYTES {
        return Err(DownError::Invalid(format!(
            "a document has at most {MOST_BYTES} bytes"
        )));
    }
    Ok(text)
}

impl Hq {
    /// What a revision would change, and the number of the one before; nothing is written.
    pub(in crate::hq) async fn check_document(
        &self,
        kind: DocumentKind,
        name: &str,
        content: &Value,
        note: &str,
    ) -> Result<(Option<u64>, Vec<Change>), DownError> {
        checked(kind, name, content, note)?;
        let wanted = name.to_owned();
        let last = self
            .0
            .db
            .read(move |sql| latest(sql, kind.word(), &wanted))
            .await?;
        let Some(last) = last else {
            return Ok((None, Vec::new()));
        };
        let was = self.revision(kind, name, last.revision).await?.content;
        Ok((Some(last.revision), diff(&was.unwrap_or_default(), content)))
    }

    /// Writes a revision; the latest again when it says the same. True when it is new.
    pub(in crate::hq) async fn put_document(
        &self,
        kind: DocumentKind,
        name: &str,
        content: Value,
        note: String,
        by: String,
    ) -> Result<(Revision, bool), DownError> {
        let text = checked(kind, name, &content, &note)?;
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let (name, now) = (name.to_owned(), self.0.clock.now());
        Ok(self
            .0
            .db
            .write(move |sql| {
                let last = latest(sql, kind.word(), &name)?;
                if let Some(last) = &last
                    && last.hash == HexHash(hash)
                {
                    return Ok((last.clone(), false));
                }
                let revision = Revision {
                    kind: kind.word().to_owned(),
                    revision: last.map_or(0, |l| l.revision) + 1,
                    name,
                    hash: HexHash(hash),
                    note,
                    by,
                    at: now,
                    content: None,
                };
                sql.execute(
                    "INSERT INTO doc_revisions (kind, name, revision, content, hash, note, made_by, at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    &cells![
                        &revision.kind,
                        &revision.name,
                        revision.revision,
                        text,
                        hash,
                        &revision.note,
                        &revision.by,
                        now
                    ],
                )?;
                Ok((revision, true))
            })
            .await?)
    }

    /// All documents.
    pub(in crate::hq) async fn documents(&self) -> Result<Vec<DocumentRow>, DownError> {
        Ok(self
            .0
            .db
            .read(|sql| {
                let names: Vec<(String, String)> = sql.rows(
                    "SELECT DISTINCT kind, name FROM doc_revisions ORDER BY kind, name",
                    &[],
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )?;
                let mut rows = Vec::new();
                for (kind, name) in names {
                    let stores = sql.row(
                        "SELECT count(*) FROM down_messages m
                         WHERE m.kind = 'document' AND m.name = ?1 AND m.doc_name = ?2 AND m.state = 'applied'
                           AND NOT EXISTS (SELECT 1 FROM down_messages n
                             WHERE n.store = m.store AND n.kind = 'document' AND n.name = m.name
                               AND n.state = 'applied' AND (n.version > m.version OR (n.version = m.version AND n.id > m.id)))",
                        &cells![&kind, &name],
                        |r| r.get(0),
                    )?;
                    if let Some(latest) = latest(sql, &kind, &name)? {
                        rows.push(DocumentRow {
                            kind,
                            name,
                            latest,
                            stores: stores.unwrap_or(0),
                        });
                    }
                }
                Ok(rows)
            })
            .await?)
    }

    /// All revisions of a document, the newest first.
    pub(in crate::hq) async fn revisions(
        &self,
        kind: DocumentKind,
        name: &str,
    ) -> Result<Vec<Revision>, DownError> {
        let name = name.to_owned();
        let rows = self
            .0
            .db
            .read(move |sql| {
                sql.rows(
                    &format!("SELECT {COLUMNS} FROM doc_revisions WHERE kind = ?1 AND name = ?2 ORDER BY revision DESC"),
                    &cells![kind.word(), name],
                    read,
                )
            })
            .await?;
        if rows.is_empty() {
            return Err(DownError::Unknown("document"));
        }
        Ok(rows)
    }

    /// One revision, with what it says.
    pub(in crate::hq) async fn revision(
        &self,
        kind: DocumentKind,
        name: &str,
        revision: u64,
    ) -> Result<Revision, DownError> {
        let name = name.to_owned();
        self.0
            .db
            .read(move |sql| {
                let found = sql.row(
                    &format!("SELECT {COLUMNS}, content FROM doc_revisions WHERE kind = ?1 AND name = ?2 AND revision = ?3"),
                    &cells![kind.word(), name, revision],
                    |r| Ok((read(r)?, r.get::<String>(7)?)),
                )?;
                found
                    .map(|(revision, text)| {
                        Ok(Revision {
                            content: Some(serde_json::from_str(&text)?),
                            ..revision
                        })
                    })
                    .transpose()
            })
            .await?
            .ok_or(DownError::Unknown("revision"))
    }

    /// What changed between two revisions.
    pub(in crate::hq) async fn document_diff(
        &self,
        kind: DocumentKind,
        name: &str,
        from: u64,
        to: u64,
    ) -> Result<Vec<Change>, DownError> {
        let was = self.revision(kind, name, from).await?.content;
        let is = self.revision(kind, name, to).await?.content;
        Ok(diff(&was.unwrap_or_default(), &is.unwrap_or_default()))
    }
}
