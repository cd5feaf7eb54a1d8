//! What happens to documents, each in one durable write.

use super::{
    Journal, JournalError,
    rows::{
        self, Attempt, Counts, Filter, NewRow, Pinned, Row, State, Trouble, bundle, by_id, by_key,
        insert, put, sent,
    },
};
use crate::gateway::journal::Door;
use galley_fiscal::Baseline;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

/// How a request to write a document down ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// It is in the queue.
    New(Row),
    /// It was asked for before.
    Same(Row),
    /// Something else was asked for under this key, or somebody else asked.
    Other(Row),
}

/// How an attempt, or a look at the evidence of one, ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It exists; its record or answer.
    Done(Value),
    /// Refused before any effect, for good.
    Refused(Trouble),
    /// Nothing of it is in the printer; it is tried again, unless it was called off.
    Back(Option<Trouble>),
    /// Nobody knows yet.
    Doubt(Trouble),
    /// Nobody will know without a person.
    Person(Trouble),
    /// It isn't needed any more.
    Needless(Trouble),
}

/// What a technician decides about a document in doubt.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// It exists; what is known of it.
    Registered(Value),
    /// It does not exist, and is to be tried again.
    Retry,
    /// It does not exist, and is not wanted any more.
    Cancel,
}

impl Journal {
    /// Writes a document down, once for each key.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn submit(&self, new: NewRow, now: i64) -> Result<Submitted, JournalError> {
        self.write(move |db| {
            Ok(match by_key(db, &new.key)? {
                None => Submitted::New(insert(db, &new, State::Queued, now)?),
                // A key that was called off before anything was asked under it stays called off.
                Some(row) if row.device.is_none() || row.is_of(&new.request, &new.asked_by) => {
                    Submitted::Same(row)
                }
                Some(row) => Submitted::Other(row),
            })
        })
        .await
    }

    /// Writes the parts of one request down, all or none; none when its id is known.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn submit_bundle(
        &self,
        parts: Vec<NewRow>,
        now: i64,
    ) -> Result<Option<Vec<Row>>, JournalError> {
        self.write(move |db| {
            for part in &parts {
                if let Some((uuid, _)) = &part.bundle
                    && !bundle(db, uuid)?.is_empty()
                {
                    return Ok(None);
                }
            }
            let rows: Result<Vec<Row>, JournalError> = parts
                .iter()
                .map(|part| insert(db, part, State::Queued, now))
                .collect();
            rows.map(Some)
        })
        .await
    }

    /// Writes down that an attempt may leave the box now, with the counters that it will be compared with. None when
    /// the document was called off meanwhile.
    ///
    /// # Errors
    /// When the journal can't be written; then nothing may be sent.
    pub async fn start(
        &self,
        id: i64,
        baseline: Option<Baseline>,
        now: i64,
    ) -> Result<Option<Row>, JournalError> {
        self.write(move |db| {
            let Some(mut row) = by_id(db, id)?.filter(|r| r.state == State::Queued) else {
                return Ok(None);
            };
            row.state = State::Sent;
            row.attempt = row.attempt.saturating_add(1);
            row.baseline = baseline;
            row.trouble = None;
            put(db, &row)?;
            db.prepare_cached(
                "INSERT INTO attempts (document, number, began_at) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![row.id, row.attempt, now])?;
            Ok(Some(row))
        })
        .await
    }

    /// Writes down how an attempt ended. A document that was decided meanwhile stays as it is.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn finish(
        &self,
        id: i64,
        ending: Ending,
        device_us: Option<i64>,
        now: i64,
    ) -> Result<Option<Row>, JournalError> {
        self.write(move |db| {
            let Some(row) = by_id(db, id)? else {
                return Ok(None);
            };
            if row.state.is_final() {
                return Ok(Some(row));
            }
            let row = end(db, row, ending, now)?;
            let detail = row.trouble.as_ref().map(|t| t.text.clone());
            db.prepare_cached(
                "UPDATE attempts SET ended_at = ?3, device_us = ?4, outcome = ?5, detail = ?6
                 WHERE document = ?1 AND number = ?2 AND ended_at IS NULL",
            )?
            .execute(params![
                row.id,
                row.attempt,
                now,
                device_us,
                row.state.word(),
                detail
            ])?;
            Ok(Some(row))
        })
        .await
    }

    /// Puts a waiting document before all others of its printer; false when it does not wait any more.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn put_first(&self, id: i64) -> Result<bool, JournalError> {
        self.write(move |db| {
            let Some(row) = by_id(db, id)?.filter(|r| r.state == State::Queued) else {
                return Ok(false);
            };
            db.prepare_cached("UPDATE documents SET rank = 0 WHERE id = ?1")?
                .execute([id])?;
            // The row's checksum covers its rank.
            put(db, &row)?;
            Ok(true)
        })
        .await
    }

    /// Calls a document off; only who asked for it may, or `anybody`. One that may exist is only marked: it is called off as soon as the evidence says that it
    /// does not exist. A key that nothing was asked under yet is called off beforehand. Tells too whether this very call
    /// decided it; nothing when the document is somebody else's.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn cancel(
        &self,
        key: String,
        by: String,
        anybody: bool,
        now: i64,
    ) -> Result<Option<(Row, bool)>, JournalError> {
        self.write(move |db| match by_key(db, &key)? {
            Some(row) if !anybody && row.asked_by != by => Ok(None),
            Some(row) => {
                let before = row.state.is_final();
                let row = call_off(db, row, &by, now)?;
                let decided = !before && row.state.is_final();
                Ok(Some((row, decided)))
            }
            None => {
                let tombstone = NewRow {
                    key,
                    device: String::new(),
                    door: Door::Native,
                    bundle: None,
                    rank: 1,
                    request: Value::Null,
                    asked_by: by,
                };
                Ok(Some((insert(db, &tombstone, State::Cancelled, now)?, true)))
            }
        })
        .await
    }

    /// Calls off what is left of a request; what it was made of, or nothing when there is no such request.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn cancel_bundle(
        &self,
        uuid: String,
        by: String,
        now: i64,
    ) -> Result<Vec<Row>, JournalError> {
        self.write(move |db| {
            bundle(db, &uuid)?
                .into_iter()
                .map(|row| call_off(db, row, &by, now))
                .collect()
        })
        .await
    }

    /// A technician decides about a document in doubt. `Err` of the inner result: there is nothing to decide.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn resolve(
        &self,
        key: String,
        resolution: Resolution,
        by: String,
        now: i64,
    ) -> Result<Option<Result<Row, Row>>, JournalError> {
        self.write(move |db| {
            let Some(mut row) = by_key(db, &key)? else {
                return Ok(None);
            };
            if !matches!(row.state, State::Doubt | State::Person) {
                return Ok(Some(Err(row)));
            }
            row.decided_by = Some(by);
            let ending = match resolution {
                Resolution::Registered(value) => Ending::Done(value),
                Resolution::Retry => {
                    row.cancel_wanted = false;
                    Ending::Back(None)
                }
                Resolution::Cancel => {
                    row.cancel_wanted = true;
                    Ending::Back(row.trouble.clone())
                }
            };
            end(db, row, ending, now).map(|row| Some(Ok(row)))
        })
        .await
    }

    /// After a stop: whatever was being sent may have left the box. How many there were.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn doubt_sent(&self) -> Result<usize, JournalError> {
        self.write(|db| {
            let rows = sent(db)?;
            for row in &rows {
                let trouble = Trouble::new(
                    "unknown",
                    "the gateway was stopped before the printer answered",
                    "Wait; it is found out by itself.",
                );
                put(
                    db,
                    &Row {
                        state: State::Doubt,
                        trouble: Some(trouble),
                        ..row.clone()
                    },
                )?;
            }
            Ok(rows.len())
        })
        .await
    }

    /// Which drive a printer's documents live on from now on.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn pin(
        &self,
        device: String,
        drive: String,
        by: Option<String>,
        now: i64,
    ) -> Result<(), JournalError> {
        self.write(move |db| {
            db.prepare_cached(
                "INSERT INTO devices (id, drive_number, since_at, accepted_by) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET drive_number = ?2, since_at = ?3, accepted_by = ?4",
            )?
            .execute(params![device, drive, now, by])?;
            Ok(())
        })
        .await
    }

    /// Forgets documents that were decided before `before`. How many.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn prune(&self, before: i64) -> Result<usize, JournalError> {
        self.write(move |db| {
            Ok(db
                .prepare_cached("DELETE FROM documents WHERE decided_at < ?1")?
                .execute([before])?)
        })
        .await
    }

    /// Which drive a printer's documents live on.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub fn pinned(&self, device: &str) -> Result<Option<Pinned>, JournalError> {
        Ok(self
            .reader()
            .prepare_cached("SELECT drive_number, since_at FROM devices WHERE id = ?1")?
            .query_row([device], |r| {
                Ok(Pinned {
                    drive_number: r.get(0)?,
                    since_at: r.get(1)?,
                })
            })
            .optional()?)
    }

    /// A document by its key.
    ///
    /// # Errors
    /// When the journal can't be read, or the row is damaged.
    pub fn document(&self, key: &str) -> Result<Option<Row>, JournalError> {
        by_key(&self.reader(), key)
    }

    /// The first document of a printer that is not decided.
    ///
    /// # Errors
    /// As [`Journal::document`].
    pub fn head(&self, device: &str) -> Result<Option<Row>, JournalError> {
        rows::head(&self.reader(), device)
    }

    /// The parts of a request, in order.
    ///
    /// # Errors
    /// As [`Journal::document`].
    pub fn bundle(&self, uuid: &str) -> Result<Vec<Row>, JournalError> {
        bundle(&self.reader(), uuid)
    }

    /// Documents, the newest first.
    ///
    /// # Errors
    /// As [`Journal::document`].
    pub fn list(&self, filter: &Filter) -> Result<Vec<Row>, JournalError> {
        rows::list(&self.reader(), filter)
    }

    /// The attempts of a document.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub fn attempts(&self, id: i64) -> Result<Vec<Attempt>, JournalError> {
        let db = self.reader();
        let mut statement = db.prepare_cached(
            "SELECT number, began_at, ended_at, device_us, outcome, detail FROM attempts WHERE document = ?1
             ORDER BY number",
        )?;
        let found = statement.query_map([id], |r| {
            Ok(Attempt {
                number: r.get(0)?,
                began_at: r.get(1)?,
                ended_at: r.get(2)?,
                device_us: r.get(3)?,
                outcome: r.get(4)?,
                detail: r.get(5)?,
            })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// What waits at a printer.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub fn counts(&self, device: &str) -> Result<Counts, JournalError> {
        Ok(self
            .reader()
            .prepare_cached(
                "SELECT count(*), count(*) FILTER (WHERE state = 'doubt'), count(*) FILTER (WHERE state = 'person'),
                     min(created_at)
                 FROM documents WHERE device = ?1 AND state IN ('queued', 'sent', 'doubt', 'person')",
            )?
            .query_row([device], |r| {
                Ok(Counts {
                    live: r.get(0)?,
                    doubt: r.get(1)?,
                    person: r.get(2)?,
                    oldest_at: r.get(3)?,
                })
            })?)
    }
}

fn end(db: &Connection, mut row: Row, ending: Ending, now: i64) -> Result<Row, JournalError> {
    (row.state, row.trouble) = match ending {
        Ending::Done(value) => {
            row.result = Some(value);
            (State::Done, None)
        }
        Ending::Refused(trouble) => (State::Refused, Some(trouble)),
        Ending::Back(trouble) if row.cancel_wanted => (State::Cancelled, trouble),
        Ending::Back(trouble) => (State::Queued, trouble),
        Ending::Doubt(trouble) => (State::Doubt, Some(trouble)),
        Ending::Person(trouble) => (State::Person, Some(trouble)),
        Ending::Needless(trouble) => (State::Cancelled, Some(trouble)),
    };
    if row.state.is_final() {
        row.decided_at = Some(now);
    }
    put(db, &row)?;
    if matches!(row.state, State::Refused | State::Cancelled) {
        interrupt_rest(db, &row, now)?;
    }
    Ok(row)
}

/// What came in one request with a part that failed, and after it, is not done.
fn interrupt_rest(db: &Connection, failed: &Row, now: i64) -> Result<(), JournalError> {
    let Some(uuid) = &failed.bundle else {
        return Ok(());
    };
    for row in bundle(db, uuid)? {
        if row.item > failed.item && row.state == State::Queued {
            put(
                db,
                &Row {
                    state: State::Cancelled,
                    trouble: Some(Trouble::new(
                        "interrupted",
                        "an earlier task of the same request failed",
                        "Ask for it again with a new id.",
                    )),
                    decided_at: Some(now),
                    ..row
                },
            )?;
        }
    }
    Ok(())
}

fn call_off(db: &Connection, mut row: Row, by: &str, now: i64) -> Result<Row, JournalError> {
    match row.state {
        State::Queued => {
            row.decided_by = Some(by.to_owned());
            row.cancel_wanted = true;
            let trouble = row.trouble.take();
            end(db, row, Ending::Back(trouble), now)
        }
        State::Sent | State::Doubt | State::Person => {
            row.cancel_wanted = true;
            put(db, &row)?;
            Ok(row)
        }
        State::Done | State::Refused | State::Cancelled => Ok(row),
    }
}
