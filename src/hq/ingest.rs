//! What to do with a batch: a plain function of it and of what is known.

use crate::{
    domain::chain::{self, GENESIS},
    sync::{Batch, Entry, Refusal, batch::HexHash},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    ops::{Range, RangeInclusive},
};

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
    /// Which of the batch's entries are new.
    pub insert: Range<usize>,
    /// Those among them that can't be proven, and why: they are set aside, and count for nothing until a person has
    /// looked. The log goes on from the hash that they claim.
    pub unproven: Vec<Unproven>,
    /// How far the log is here after that.
    pub known: Known,
    /// Events before the batch are missing: the store must go back.
    pub rewind: bool,
    /// The event in whose place another is here: this is not the log that began here.
    pub refused: Option<Refusal>,
}

/// An event that does not fit its hash, its predecessor or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproven {
    /// Its place in the batch.
    pub index: usize,
    /// What does not fit.
    pub reason: String,
}

/// Decides. `hashes` tells the hashes of the events in a range that are here.
///
/// # Errors
/// Those of `hashes`.
pub fn decide<E>(
    batch: &Batch,
    known: Known,
    hashes: impl Fn(RangeInclusive<u64>) -> Result<BTreeMap<u64, HexHash>, E>,
) -> Result<Decision, E> {
    let mut decision = Decision {
        insert: 0..0,
        unproven: Vec::new(),
        known,
        rewind: false,
        refused: None,
    };
    let before = batch.first_seq - 1;
    if before > known.seq {
        decision.rewind = true;
        return Ok(decision);
    }
    let repeated = batch
        .entries
        .partition_point(|entry| entry.seq <= known.seq);
    // Mostly the batch begins where the log ends, and nothing has to be asked.
    let first = before.max(1);
    let last = known.seq.min(batch.last_seq().max(before));
    // A sign of life from before the first event asks for none.
    let mut ours = if before < known.seq && first <= last {
        hashes(first..=last)?
    } else {
        BTreeMap::new()
    };
    ours.insert(known.seq, known.hash);
    let differs = |seq: u64, theirs: HexHash| {
        let ours = match seq {
            0 => Some(HexHash(GENESIS)),
            seq => ours.get(&seq).copied(),
        };
        (ours.is_some_and(|ours| ours != theirs)).then(|| Refusal {
            seq,
            reason: format!("event {seq} is here already, with other content"),
        })
    };
    decision.refused = batch
        .previous
        .and_then(|theirs| differs(before, theirs))
        .or_else(|| {
            let entries = &batch.entries[..repeated];
            entries.iter().find_map(|e| differs(e.seq, e.hash))
        });
    if decision.refused.is_some() {
        return Ok(decision);
    }
    for (index, entry) in batch.entries.iter().enumerate().skip(repeated) {
        if let Err(reason) = check(entry, decision.known.hash) {
            decision.unproven.push(Unproven { index, reason });
        }
        decision.known = Known {
            seq: entry.seq,
            hash: entry.hash,
        };
    }
    decision.insert = repeated..batch.entries.len();
    Ok(decision)
}

/// The event is the one that was hashed when it was written, and follows its predecessor.
fn check(entry: &Entry, previous: HexHash) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    if !fits(entry, previous) {
        return Err(format!(
            "event {} does not fit its hash and its predecessor: it was changed after it was written",
            entry.seq
        ));
    }
    // The hash guards the body only; the word beside it is for finding.
    let body = entry.body.get();
    let at_first_sight = body
        .strip_prefix(r#"{"kind":""#)
        .and_then(|rest| rest.strip_prefix(entry.kind.as_str()))
        .is_some_and(|rest| rest.starts_with('"'));
    if !at_first_sight {
        let kind: Kind = serde_json::from_str(body)
            .map_err(|e| format!("event {} has no kind: {e}", entry.seq))?;
        if kind.kind != entry.kind {
            return Err(format!(
                "event {} is called {:?} and is {:?}",
                entry.seq, entry.kind, kind.kind
            ));
        }
    }
    // PostgreSQL keeps no such text, and no word of ours has it.
    if entry.kind.contains('\0') || entry.actor.contains('\0') {
        return Err(format!("event {} has a zero in its words", entry.seq));
    }
    Ok(())
}

/// Whether its hash is the one that follows from its predecessor's.
pub(super) fn fits(entry: &Entry, previous: HexHash) -> bool {
    entry.hash.0
        == chain::link(
            &previous.0,
            entry.seq,
            entry.at,
            entry.order_id,
            &entry.actor,
            entry.body.get(),
        )
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
            generation: 0,
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
            root: None,
        }
    }

    fn known(log: &[Entry], seq: usize) -> Known {
        log[..seq].last().map_or(Known::NOTHING, |e| Known {
            seq: e.seq,
            hash: e.hash,
        })
    }

    fn run(batch: &Batch, log: &[Entry], seq: usize) -> Decision {
        let hashes = |range: RangeInclusive<u64>| {
            assert!(!range.is_empty());
            let here = log[..seq].iter().filter(|e| range.contains(&e.seq));
            Ok::<_, Infallible>(here.map(|e| (e.seq, e.hash)).collect())
        };
        match decide(batch, known(log, seq), hashes) {
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
    fn a_changed_event_is_told_and_does_not_hold_up_what_follows() {
        let log = log(10);
        let mut b = batch(&log, 1, 10);
        b.entries[5].actor = "staff:eve".to_owned();
        let d = run(&b, &log, 2);
        assert_eq!(d.insert, 2..10);
        assert_eq!(d.known, known(&log, 10));
        assert!(d.refused.is_none());
        let told: Vec<usize> = d.unproven.iter().map(|u| u.index).collect();
        assert_eq!(told, [5]);
    }

    #[test]
    fn an_event_whose_hash_was_changed_is_told_and_so_is_the_one_that_follows_the_true_one() {
        let log = log(10);
        let mut b = batch(&log, 1, 10);
        b.entries[5].hash = HexHash([7; 32]);
        let d = run(&b, &log, 0);
        let told: Vec<usize> = d.unproven.iter().map(|u| u.index).collect();
        assert_eq!(told, [5, 6]);
        assert_eq!(d.known, known(&log, 10));
    }

    #[test]
    fn an_event_under_a_false_name_is_told() {
        let log = log(3);
        let mut b = batch(&log, 1, 3);
        b.entries[1].kind = "order.paid".to_owned();
        assert_eq!(run(&b, &log, 0).unproven[0].index, 1);
        // A name that only begins alike is another name.
        b.entries[1].kind = "alert.clear".to_owned();
        assert_eq!(run(&b, &log, 0).unproven[0].index, 1);
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

    #[test]
    fn a_sign_of_life_from_before_the_first_event_asks_for_none() {
        let log = log(10);
        let d = run(&batch(&log, 1, 0), &log, 8);
        assert!(d.insert.is_empty() && !d.rewind && d.refused.is_none());
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
                prop_assert!(d.refused.is_none() && d.unproven.is_empty());
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
