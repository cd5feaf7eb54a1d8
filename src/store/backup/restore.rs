//! Back to a backup: what would be missing, and the exchange of the files.

use super::{BackupError, Header, sync_folder};
use crate::store::{Options, Snapshot, StoreError, open_reader};
use rusqlite::{Connection, OpenFlags};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What the database that is there has and a backup has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Whether both are the same log: the backup is a beginning of what is there.
    pub same_log: bool,
    /// Events.
    pub events: u64,
    /// Orders.
    pub orders: u64,
    /// Receipts.
    pub receipts: u64,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the former database is now; empty when there was none.
    pub aside: Vec<PathBuf>,
    /// Acts that the outside world is asked about before anything is done.
    pub asked: usize,
    /// Acts that only a person can decide about.
    pub for_person: usize,
}

/// What would be missing after going back to a backup; none when the database that is there can't be read.
#[must_use]
pub fn missing(database: &Path, header: &Header) -> Option<Missing> {
    let db = open_reader(&Options::at(database)).ok()?;
    let snapshot = Snapshot(&db);
    let head = snapshot.head().ok()?;
    let same_log = match header.seq {
        0 => true,
        seq => snapshot
            .event(seq)
            .ok()?
            .is_some_and(|e| e.hash == header.head),
    };
    let count = |kind: &str| -> Option<u64> {
        db.query_row(
            "SELECT count(*) FROM events WHERE seq > ?1 AND kind = ?2",
            (header.seq, kind),
            |r| r.get(0),
        )
        .ok()
    };
    Some(Missing {
        same_log,
        events: head.seq.saturating_sub(header.seq),
        orders: count("order.placed")?,
        receipts: count("receipt.registered")?,
    })
}

/// Puts an opened and checked backup in the place of `database`, whose files stay beside it under another name. The
/// daemon must not run.
///
/// What was to be done when the backup was made may have been done since: nothing of it is simply done again. The bank,
/// the robot and accounting know our keys and are asked; of what goes to the printer or to a guest a person decides.
///
/// # Errors
/// When a file can't be moved; then the database that was there still is.
pub fn restore(database: &Path, opened: &Path, stamp: &str) -> Result<Restored, BackupError> {
    let (asked, for_person) = put_in_doubt(opened)?;
    let sidecars = ["-wal", "-shm"];
    let mut aside = Vec::new();
    let beside = |ending: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    for ending in ["", "-wal", "-shm"] {
        let from = beside(ending);
        let to = beside(&format!(".before-{stamp}{ending}"));
        match fs::hard_link(&from, &to) {
            Ok(()) => aside.push(to),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            // A file system without links.
            Err(_) => {
                fs::copy(&from, &to).map_err(|e| BackupError::file(&to, &e))?;
                aside.push(to);
            }
        }
    }
    if let Some(folder) = database.parent() {
        sync_folder(folder)?;
    }
    // The sidecars go before the exchange: with another's WAL a database is destroyed.
    for ending in sidecars {
        match fs::remove_file(beside(ending)) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(BackupError::file(&beside(ending), &e)),
        }
    }
    fs::rename(opened, database).map_err(|e| BackupError::file(database, &e))?;
    if let Some(folder) = database.parent() {
        sync_folder(folder)?;
    }
    Ok(Restored {
        aside,
        asked,
        for_person,
    })
}

fn put_in_doubt(opened: &Path) -> Result<(usize, usize), BackupError> {
    let db = Connection::open_with_flags(opened, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(StoreError::from)?;
    let change = || -> Result<(usize, usize), rusqlite::Error> {
        let tx = db.unchecked_transaction()?;
        // An act without evidence never left the box, as far as the backup knows; since then it may have.
        let for_person = tx.execute(
            "UPDATE effects SET state = 'person', next_at = 0,
                    note = 'A backup was restored; it may have been done since the backup was made.',
                    advice = 'Look at the paper, the fiscal drive or the guest''s phone; then: galley effect settle ' || id || ' --done … or --not-done'
             WHERE state = 'waiting' AND kind IN ('fiscal.receipt', 'fiscal.correction', 'fiscal.cash', 'sms.send')",
            [],
        )?;
        let asked = tx.execute(
            "UPDATE effects SET state = 'unknown', next_at = 0
             WHERE state = 'waiting'
               AND kind IN ('bank.register', 'bank.refund', 'robot.cook', 'accounting.shift_report')",
            [],
        )?;
        tx.execute(
            "INSERT OR REPLACE INTO alerts (key, doc)
             SELECT 'effect:' || key, json_object(
                 'key', 'effect:' || key, 'severity', 'error', 'title', 'An act is in doubt after a restore',
                 'detail', kind || ': ' || note, 'advice', advice, 'since_at', created_at)
             FROM effects WHERE state = 'person' AND note LIKE 'A backup was restored%'",
            [],
        )?;
        tx.commit()?;
        Ok((asked, for_person))
    };
    change().map_err(|e| StoreError::from(e).into())
}
