//! Back to a backup: what would be missing, and the exchange of the files.

use super::{BackupError, Header, stamp, sync_folder};
use crate::{
    domain::time::Timestamp,
    store::{Options, ROBOT, Snapshot, StoreError, open_reader},
};
use rusqlite::{Connection, OpenFlags, params};
use std::{
    collections::BTreeMap,
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

/// When another database, or another box, goes on in a store's place.
#[derive(Clone, Debug)]
pub struct Handover {
    /// Now.
    pub now: Timestamp,
    /// The day at the store, where its zone is known.
    pub day: Option<String>,
    /// Another box may have sold meanwhile, and told nobody.
    pub other_box: bool,
    /// The generation of the box that goes on, given by headquarters; 0 without one.
    pub generation: u64,
}

/// What a generation counts for in a fence, in milliseconds: more than any clock shows, for three hundred years, so that a
/// box is above every former one at the robot whatever its clock says.
const GENERATION: i64 = 10_000_000_000_000;
/// Generations that a fence counts: with more of them it would not be exact in every reader of JSON.
const GENERATIONS: u64 = 900;

impl Handover {
    /// The least fence of whoever goes on.
    fn fence(&self) -> i64 {
        let generation = i64::try_from(self.generation.min(GENERATIONS)).unwrap_or(0);
        generation * GENERATION + self.now.as_millis()
    }
}

/// Numbers of a day that are left free, where it is not known which were given out: guests wait with them.
const NUMBERS_FREE: u32 = 100;

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
pub fn restore(
    database: &Path,
    opened: &Path,
    handover: &Handover,
) -> Result<Restored, BackupError> {
    let (asked, for_person) = put_in_doubt(opened)?;
    go_on(opened, handover, given_out(database).as_ref())?;
    let stamp = stamp(handover.now);
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

/// Lets a database that stays as it is go on in a store's place that another box had. The daemon must not run.
///
/// # Errors
/// When it can't be written.
pub fn hand_over(database: &Path, handover: &Handover) -> Result<(), BackupError> {
    go_on(database, handover, given_out(database).as_ref())
}

/// The last number of each day that the database that is there gave out; none when it can't be read.
fn given_out(database: &Path) -> Option<BTreeMap<String, u32>> {
    let db = open_reader(&Options::at(database)).ok()?;
    let mut statement = db
        .prepare("SELECT day, max(number) FROM orders GROUP BY day ORDER BY day DESC LIMIT 3")
        .ok()?;
    let rows = statement
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
        .ok()?;
    rows.collect::<Result<_, _>>().ok()
}

/// The robot takes nothing any more of whoever had the place, and no guest gets a number that another waits with.
fn go_on(
    opened: &Path,
    handover: &Handover,
    former: Option<&BTreeMap<String, u32>>,
) -> Result<(), BackupError> {
    let db = Connection::open_with_flags(opened, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(StoreError::from)?;
    let change = || -> Result<(), rusqlite::Error> {
        let tx = db.unchecked_transaction()?;
        // By the clock, too: the box that had the place meanwhile took its fence from its own.
        let raised = tx.execute(
            "UPDATE documents SET body = json_set(body, '$.fence', max(json_extract(body, '$.fence') + 1, ?2))
             WHERE name = ?1",
            params![ROBOT, handover.fence()],
        )?;
        if raised == 0 && handover.generation > 0 {
            tx.execute(
                "INSERT INTO documents (name, body) VALUES (?1, json_object('fence', ?2, 'cursor', NULL))",
                params![ROBOT, handover.fence()],
            )?;
        }
        let mut days: BTreeMap<String, u32> = tx
            .prepare("SELECT day, max(number) FROM orders GROUP BY day ORDER BY day DESC LIMIT 1")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<Result<_, _>>()?;
        if let Some(day) = &handover.day {
            days.entry(day.clone()).or_default();
        }
        for (day, last) in former.into_iter().flatten() {
            let known = days.entry(day.clone()).or_default();
            *known = (*known).max(*last);
        }
        let free = match former {
            Some(_) if !handover.other_box => 0,
            _ => NUMBERS_FREE,
        };
        for (day, last) in days {
            tx.execute(
                "INSERT INTO counters (name, value) VALUES ('number:' || ?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = max(value, ?2)",
                params![day, last + free],
            )?;
        }
        tx.commit()
    };
    change().map_err(|e| StoreError::from(e).into())
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
