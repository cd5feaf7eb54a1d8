//! What to do with a batch: a plain function of it and of what is known.

use crate::{
    domain::chain::{self, GENESIS},
    sync::{Batch, Entry, Refusal, batch::HexHash},
};
use serde::Deserialize;
use std::ops::Range;

/// How far a store's log is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// All events up to this one.
    pub seq: u64,
    /// Its hash.
    pub hash: HexHash,
}

impl Known {
    /// Nothing yet.
    pub const NOTHING: Self = Self {
        seq: 0,
        hash: HexHash(GENESIS),
    };
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which of the batch's entries are new and good.
    pub insert: Range<usize>,
    /// How far the log is here after that.
    pub known: Known,
    /// Events before the batch are missing: the store must go back.
    pub rewind: bool,
    /// The event that is not taken.
    pub refused: Option<Refusal>,
}

/// Decides. `hash_at` tells the hash of an event that is here.
///
/// # Errors
/// Those of `hash_at`.
pub fn decide<E>(
    batch: &Batch,
    known: Known,
    hash_at: impl Fn(u64) -> Result<Option<HexHash>, E>,
) -> Result<Decision, E> {
    let mut decision = Decision {
        insert: 0..0,
        known,
        rewind: false,
        refused: None,
    };
    let before = batch.first_seq - 1;
    if before > known.seq {
        decision.rewind = true;
        return Ok(decision);
    }
    let at = |seq: u64| match seq {
        0 => Ok(Some(HexHash(GENESIS))),
        seq if seq == known.seq => Ok(Some(known.hash)),
        seq => hash_at(seq),
    };
    let differs = |seq: u64| {
        Some(Refusal {
            seq,
            reason: format!("event {seq} is here already, with other content"),
        })
    };
    if let (Some(theirs), Some(ours)) = (batch.previous, at(before)?)
        && theirs != ours
    {
        decision.refused = differs(before);
        return Ok(decision);
    }
    let repeated = batch
        .entries
        .partition_point(|entry| entry.seq <= known.seq);
    for entry in &batch.entries[..repeated] {
        if at(entry.seq)?.is_some_and(|ours| ours != entry.hash) {
            decision.refused = differs(entry.seq);
            return Ok(decision);
        }
    }
    let mut end = repeated;
    for entry in &batch.entries[repeated..] {
        if let Err(reason) = check(entry, decision.known.hash) {
            decision.refused = Some(Refusal {
                seq: entry.seq,
                reason,
            });
            break;
        }
        decision.known = Known {
            seq: entry.seq,
            hash: entry.hash,
        };
        end += 1;
    }
    decision.insert = repeated..end;
    Ok(decision)
}

/// The event is the one that was hashed when it was written, and follows its predecessor.
fn check(entry: &Entry, previous: HexHash) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let hash = chain::link(
        &previous.0,
        entry.seq,
        entry.at,
        entry.order_id,
        &entry.actor,
        entry.body.get(),
    );
    if hash != entry.hash.0 {
        return Err(format!(
            "event {} does not fit its hash and its predecessor: it was changed after it was written",
            entry.seq
        ));
    }
    // The hash guards the body only; the word beside it is for finding.
    let kind: Kind = serde_json::from_str(entry.body.get())
        .map_err(|e| format!("event {} has no kind: {e}", entry.seq))?;
    if kind.kind != entry.kind {
        return Err(format!(
            "event {} is called {:?} and is {:?}",
            entry.seq, entry.kind, kind.kind
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;
    use serde_json::value::RawValue;
    use std::convert::Infallible;

    fn log(n: u64) -> Vec<Entry> {
        let mut previous = GENESIS;
        (1..=n)
            .map(|seq| {
                let at = Timestamp::from_millis(i64::try_from(seq).unwrap());
                let body = format!(r#"{{"kind":"alert.cleared","key":"{seq}"}}"#);
                previous = chain::link(&previous, seq, at, None, "system", &body);
                Entry {
                    seq,
                    at,
                    kind: "alert.cleared".to_owned(),
                    order_id: None,
                    actor: "system".to_owned(),
                    body: RawValue::from_string(body).unwrap(),
                    hash: HexHash(previous),
                }
            })
            .collect()
    }

    fn batch(log: &[Entry], first_seq: u64, last_seq: u64) -> Batch {
        let index = |seq: u64| usize::try_from(seq).unwrap();
        Batch {
            store_id: "s".parse().unwrap(),
            stream: 1,
            number: 1,
            first_seq,
            previous: Some(
                log[..index(first_seq) - 1]
                    .last()
                    .map_or(HexHash(GENESIS), |e| e.hash),
            ),
            entries: log[index(first_seq) - 1..index(last_seq)].to_vec(),
            summary: None,
        }
    }

    fn known(log: &[Entry], seq: usize) -> Known {
        log[..seq].last().map_or(Known::NOTHING, |e| Known {
            seq: e.seq,
            hash: e.hash,
        })
    }

    fn run(batch: &Batch, log: &[Entry], seq: usize) -> Decision {
        let hash_at = |s: u64| {
            Ok::<_, Infallible>(
                log[..seq]
                    .get(usize::try_from(s).unwrap() - 1)
                    .map(|e| e.hash),
            )
        };
        match decide(batch, known(log, seq), hash_at) {
            Ok(decision) => decision,
            Err(never) => match never {},
        }
    }

    #[test]
    fn a_batch_that_overlaps_brings_only_what_is_new() {
        let log = log(10);
        let d = run(&batch(&log, 3, 8), &log, 5);
        assert_eq!(d.insert, 3..6);
        assert_eq!(d.known, known(&log, 8));
        assert!(!d.rewind && d.refused.is_none());
    }

    #[test]
    fn a_batch_after_a_hole_sends_the_store_back() {
        let log = log(10);
        for b in [batch(&log, 7, 8), batch(&log, 7, 6)] {
            let d = run(&b, &log, 5);
            assert!(d.rewind && d.insert.is_empty());
            assert_eq!(d.known, known(&log, 5));
        }
    }

    #[test]
    fn nothing_after_a_changed_event_is_taken() {
        let log = log(10);
        let mut b = batch(&log, 1, 10);
        b.entries[5].actor = "staff:eve".to_owned();
        let d = run(&b, &log, 2);
        assert_eq!(d.insert, 2..5);
        assert_eq!(d.known, known(&log, 5));
        assert_eq!(d.refused.unwrap().seq, 6);
    }

    #[test]
    fn an_event_under_a_false_name_is_not_taken() {
        let log = log(3);
        let mut b = batch(&log, 1, 3);
        b.entries[1].kind = "order.paid".to_owned();
        assert_eq!(run(&b, &log, 0).refused.unwrap().seq, 2);
    }

    #[test]
    fn another_history_is_noticed_even_by_a_sign_of_life() {
        let log = log(10);
        let mut sign = batch(&log, 6, 5);
        assert!(run(&sign, &log, 8).refused.is_none());
        sign.previous = Some(HexHash([7; 32]));
        assert_eq!(run(&sign, &log, 8).refused.unwrap().seq, 5);
        let mut b = batch(&log, 4, 10);
        b.entries[1].hash = HexHash([7; 32]);
        let d = run(&b, &log, 8);
        assert_eq!(d.refused.unwrap().seq, 5);
        assert_eq!(d.known, known(&log, 8));
    }

    proptest! {
        /// Whatever comes, in whatever order and however often, the log here grows without a hole.
        #[test]
        fn any_deliveries_leave_a_log_without_holes(
            deliveries in proptest::collection::vec((1u64..=30, 0u64..10), 1..60),
        ) {
            let log = log(40);
            let mut have = 0usize;
            for (first, extra) in deliveries {
                let b = batch(&log, first, first + extra);
                let d = run(&b, &log, have);
                prop_assert!(d.refused.is_none());
                for e in &b.entries[d.insert.clone()] {
                    prop_assert_eq!(e.seq, have as u64 + 1);
                    have += 1;
                }
                prop_assert_eq!(d.known, known(&log, have));
                prop_assert_eq!(d.rewind, first > have as u64 + 1);
            }
        }
    }
}
