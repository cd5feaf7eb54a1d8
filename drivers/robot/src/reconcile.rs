//! What to do after a reconnect, job by job (klink 3.18). Pure: the caller carries it out.

use crate::{JobState, JobView, Part, RobotDriver, RobotError, Snapshot};
use std::collections::BTreeMap;

/// What the daemon knows about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Not yet sent.
    NotSent,
    /// Sent, no answer came.
    Sent,
    /// The cell had accepted it.
    Accepted,
    /// An abort was sent, no answer came.
    AbortSent,
    /// Cancelled before it was ever sent.
    CancelledUnsent,
    /// Cancelled after the cell had it, the abort was not sent yet.
    Cancelled,
    /// Final, as the cell had said.
    Final,
    /// Staff said the dish was taken, the cell was not told yet.
    DoneByStaff,
}

/// What to do about one job. The numbers are the rows of klink 3.18.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// 9: nothing.
    Nothing,
    /// 1: send it when allowed.
    Send,
    /// 2: repeat the command with the same id.
    Repeat,
    /// 3, 4, 7, 12: take the cell's state, and close the command that waits for an answer.
    Take,
    /// 5, 6: nobody can tell whether the dish was made. Ask a person; never cook it again by itself.
    AskPerson {
        /// 5: the cell should know it. Otherwise (6) its memory was lost.
        contradiction: bool,
    },
    /// 8: repeat the abort with the same id.
    RepeatAbort,
    /// 10: send an abort.
    Abort,
    /// 11: not ours; don't touch it, book what it uses, tell a person.
    Foreign,
    /// 13: the cell works on what we took for finished. Believe the cell for motion, keep the money facts,
    /// tell a person.
    Contradiction,
    /// 14: tell the cell that the dish was taken.
    Collect,
}

/// Compares the daemon's jobs with the cell's. `lost` is [`crate::CellInfo::gap`]: the cell's memory does not
/// reach back to ours. Doing the steps and comparing again gives no new steps of a kind that acts.
///
/// `jobs` must hold the cell's word on *every* record: use [`look`], which asks for those that a snapshot
/// leaves out.
#[must_use]
pub fn reconcile(
    records: &BTreeMap<String, Record>,
    jobs: &[JobView],
    lost: bool,
) -> BTreeMap<String, Step> {
    let at_cell: BTreeMap<&str, &JobView> = jobs.iter().map(|j| (j.job_id.as_str(), j)).collect();
    let mut steps: BTreeMap<String, Step> = records
        .iter()
        .map(|(id, record)| (id.clone(), judge(*record, at_cell.get(id.as_str()), lost)))
        .collect();
    for job in jobs {
        if !records.contains_key(&job.job_id) {
            let step = if job.state.is_final() {
                Step::Take
            } else {
                Step::Foreign
            };
            steps.insert(job.job_id.clone(), step);
        }
    }
    steps
}

fn judge(record: Record, job: Option<&&JobView>, lost: bool) -> Step {
    let Some(job) = job else {
        return match record {
            Record::NotSent => Step::Send,
            Record::Sent if !lost => Step::Repeat,
            // An abort of a job that the cell never had is done.
            Record::CancelledUnsent | Record::Final => Step::Nothing,
            Record::Sent
            | Record::Accepted
            | Record::AbortSent
            | Record::Cancelled
            | Record::DoneByStaff => Step::AskPerson {
                contradiction: !lost,
            },
        };
    };
    let ended = job.state.is_final();
    match record {
        Record::NotSent | Record::Sent | Record::Accepted => Step::Take,
        Record::AbortSent if !ended => Step::RepeatAbort,
        Record::Cancelled | Record::CancelledUnsent if !ended => Step::Abort,
        Record::DoneByStaff if job.state == JobState::Plated => Step::Collect,
        Record::Final if !ended => Step::Contradiction,
        Record::Final => Step::Nothing,
        Record::AbortSent | Record::Cancelled | Record::CancelledUnsent | Record::DoneByStaff => {
            Step::Take
        }
    }
}

/// Takes a snapshot and asks one by one for the records it leaves out, because a cell lists only the newest
/// final jobs. Call it after [`crate::Incoming::CaughtUp`].
///
/// # Errors
/// As [`RobotDriver::snapshot`].
pub async fn look(
    driver: &dyn RobotDriver,
    records: &BTreeMap<String, Record>,
) -> Result<Snapshot, RobotError> {
    let mut snapshot = driver.snapshot(&Part::ALL).await?;
    let jobs = snapshot.jobs.get_or_insert_default();
    for (id, record) in records {
        let settled = matches!(
            record,
            Record::NotSent | Record::CancelledUnsent | Record::Final
        );
        if settled || jobs.iter().any(|j| &j.job_id == id) {
            continue;
        }
        jobs.extend(driver.job(id).await?);
    }
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(id: &str, state: &str) -> JobView {
        serde_json::from_value(json!({"job_id": id, "state": state})).unwrap()
    }

    #[test]
    fn every_row_of_the_table_is_kept() {
        let ask = |contradiction| Step::AskPerson { contradiction };
        for (row, record, state, lost, step) in [
            (1, Record::NotSent, None, false, Step::Send),
            (2, Record::Sent, None, false, Step::Repeat),
            (3, Record::Sent, Some("queued"), false, Step::Take),
            (4, Record::Accepted, Some("cooking"), false, Step::Take),
            (5, Record::Accepted, None, false, ask(true)),
            (6, Record::Accepted, None, true, ask(false)),
            (6, Record::Sent, None, true, ask(false)),
            (7, Record::Accepted, Some("failed"), false, Step::Take),
            (
                8,
                Record::AbortSent,
                Some("cooking"),
                false,
                Step::RepeatAbort,
            ),
            (8, Record::AbortSent, Some("aborted"), false, Step::Take),
            (9, Record::CancelledUnsent, None, false, Step::Nothing),
            (10, Record::Cancelled, Some("queued"), false, Step::Abort),
            (
                13,
                Record::Final,
                Some("cooking"),
                false,
                Step::Contradiction,
            ),
            (
                14,
                Record::DoneByStaff,
                Some("plated"),
                false,
                Step::Collect,
            ),
        ] {
            let records = BTreeMap::from([("J".to_owned(), record)]);
            let jobs: Vec<JobView> = state.map(|s| job("J", s)).into_iter().collect();
            assert_eq!(reconcile(&records, &jobs, lost)["J"], step, "row {row}");
        }
        let strangers = [job("A", "cooking"), job("B", "done")];
        let steps = reconcile(&BTreeMap::new(), &strangers, false);
        assert_eq!((steps["A"], steps["B"]), (Step::Foreign, Step::Take));
    }

    #[test]
    fn a_second_comparison_finds_nothing_to_do() {
        let records = BTreeMap::from([
            ("taken".to_owned(), Record::Accepted),
            ("ended".to_owned(), Record::Final),
        ]);
        let jobs = [job("taken", "cooking"), job("ended", "done")];
        let acts = |s: &Step| !matches!(s, Step::Nothing | Step::Take);
        assert!(!reconcile(&records, &jobs, false).values().any(acts));
    }
}
