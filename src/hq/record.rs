//! What is written of batches: those of many stores that wait together, in one transaction and a few statements.

use super::{
    db::{Cell, Kind, Sql, cells},
    down,
    fleet::RefusedAt,
    ingest::{self, Decision, Known, Unproven},
    projections::{Pack, project},
};
use crate::{
    domain::time::Timestamp,
    protection::{Protection, holds},
    store::StoreError,
    sync::{Ack, Batch, DayRoot, Entry, Refusal, batch::HexHash},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

/// Columns of an event.
pub(super) const EVENT: &[(&str, Kind)] = &[
    ("store", Kind::Int),
    ("seq", Kind::Int),
    ("at", Kind::Int),
    ("kind", Kind::Text),
    ("order_id", Kind::Blob),
    ("actor", Kind::Text),
    ("body", Kind::Text),
    ("hash", Kind::Blob),
    ("received_at", Kind::Int),
    ("unproven", Kind::Int),
];
/// Columns of a store that a batch changes; those that are only there because a row must have them come first.
const STORE: &[(&str, Kind)] = &[
    ("store_id", Kind::Text),
    ("name", Kind::Text),
    ("enrolled_at", Kind::Int),
    ("seq", Kind::Int),
    ("hash", Kind::Blob),
    ("last_event_at", Kind::Int),
    ("seen_at", Kind::Int),
    ("summary", Kind::Text),
    ("summary_at", Kind::Int),
    ("no_accounting", Kind::Int),
    ("refused", Kind::Text),
    ("unproven", Kind::Int),
];
/// Rows of one statement.
const ROWS: usize = 1_000;
/// All batches under way to one headquarters, about, when many stores drain at the same time.
const WINDOW: usize = 256;

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) ack: Ack,
    pub(super) inserted: u64,
    /// Kinds this program doesn't know; those of a whole group stand in its first.
    pub(super) unknown: u64,
    /// Events that were set aside.
    pub(super) unproven: u64,
    /// A day of the store that can be compared now.
    pub(super) root: Option<DayRoot>,
}

/// A store while a group is worked out.
struct Working {
    id: i64,
    known: Known,
    /// Events of this group, by number: they are not in the database yet.
    fresh: BTreeMap<u64, HexHash>,
    last_event_at: Option<Timestamp>,
    summary: Option<String>,
    /// No accounting system is connected to it, as its newest summary says.
    no_accounting: Option<bool>,
    refused: Option<RefusedAt>,
    unproven: u64,
    /// The generation of the box that has the store's place.
    generation: u64,
}

/// Writes what batches bring, in their order, and says how far each store's log is here then.
pub(super) fn record<'a>(
    sql: &Sql<'_>,
    batches: &'a [Batch],
    now: Timestamp,
) -> Result<Vec<Recorded>, StoreError> {
    let mut stores = load(sql, batches)?;
    let mut packs: Vec<Pack<'a>> = Vec::new();
    let mut rows: Vec<Vec<Cell<'_>>> = Vec::new();
    let mut aside: Vec<Vec<Cell<'_>>> = Vec::new();
    let mut recorded = Vec::with_capacity(batches.len());
    for batch in batches {
        let store = stores
            .get_mut(batch.store_id.as_str())
            .ok_or_else(|| StoreError::Damaged(format!("the row of store {}", batch.store_id)))?;
        if batch.generation < store.generation {
            recorded.push(of_former_box(batch, store));
            continue;
        }
        let decision = decide(sql, batch, store)?;
        let new = &batch.entries[decision.insert.clone()];
        let mut unproven = decision.unproven.iter().peekable();
        // What is not proven counts for nothing: what stands between counts.
        let mut counts = decision.insert.start;
        let mut summary = batch.summary.as_ref();
        let mut count = |packs: &mut Vec<Pack<'a>>, upto: usize, from: usize| {
            if from < upto || summary.is_some() {
                packs.push(Pack {
                    store: store.id,
                    entries: &batch.entries[from..upto],
                    summary: summary.take(),
                    seq: decision.known.seq,
                });
            }
        };
        for (index, e) in decision.insert.clone().zip(new) {
            let doubt = unproven.next_if(|u| u.index == index);
            if let Some(doubt) = doubt {
                count(&mut packs, index, counts);
                counts = index + 1;
                aside.push(set_aside(batch, e, doubt, store.id, now)?);
            }
            if doubt.is_none() && e.kind.starts_with("hq.") {
                down::note(sql, batch.store_id.as_str(), e, now)?;
            }
            rows.push(row(e, store.id, now, doubt.is_some()));
            store.fresh.insert(e.seq, e.hash);
        }
        count(&mut packs, decision.insert.end, counts);
        store.unproven += decision.unproven.len() as u64;
        store.known = decision.known;
        store.last_event_at = new.last().map(|e| e.at).or(store.last_event_at);
        if let Some(summary) = &batch.summary {
            store.summary = Some(serde_json::to_string(summary)?);
            store.no_accounting = summary.health.as_ref().map(|h| h.no_accounting);
        }
        note_refusal(store, batch, &decision, now);
        recorded.push(Recorded {
            inserted: new.len() as u64,
            unknown: 0,
            unproven: decision.unproven.len() as u64,
            root: batch
                .root
                .clone()
                .filter(|r| r.seq <= decision.known.seq && decision.refused.is_none()),
            ack: Ack {
                store_id: batch.store_id.clone(),
                stream: batch.stream,
                number: batch.number,
                seq: decision.known.seq,
                hash: decision.known.hash,
                rewind: decision.rewind,
                refused: decision.refused,
                window: None,
                via: None,
                root: None,
            },
        });
    }
    for rows in rows.chunks(ROWS) {
        sql.insert_many("events", EVENT, rows, "")?;
    }
    sql.insert_many(
        "quarantine",
        &[
            ("store", Kind::Int),
            ("seq", Kind::Int),
            ("received_at", Kind::Int),
            ("reason", Kind::Text),
            ("entry", Kind::Text),
        ],
        &aside,
        "ON CONFLICT DO NOTHING",
    )?;
    let unknown = project(sql, &packs, now)?;
    if let Some(first) = recorded.first_mut() {
        first.unknown = unknown;
    }
    save(sql, &stores, now)?;
    let window = window(batches);
    for r in &mut recorded {
        r.ack.window = window;
    }
    Ok(recorded)
}

/// When the batches of many stores wait together, each is to have fewer under way.
fn window(batches: &[Batch]) -> Option<u16> {
    let busy: BTreeSet<&str> = batches
        .iter()
        .filter(|b| !b.entries.is_empty())
        .map(|b| b.store_id.as_str())
        .collect();
    if busy.len() < 16 {
        return None;
    }
    u16::try_from((WINDOW / busy.len()).max(1)).ok()
}

/// The stores of a group, kept for this transaction alone, always in the same order: two headquarters that take in the
/// same stores wait for each other, and never in a ring.
fn load(sql: &Sql<'_>, batches: &[Batch]) -> Result<BTreeMap<String, Working>, StoreError> {
    let ids: BTreeSet<&str> = batches.iter().map(|b| b.store_id.as_str()).collect();
    let list = serde_json::to_string(&ids)?;
    let select = format!(
        "SELECT id, store_id, seq, hash, last_event_at, refused, unproven FROM stores WHERE store_id IN ({}) ORDER BY store_id{}",
        sql.listed(),
        sql.lock()
    );
    let rows = sql.rows(&select, &cells![&list], |r| {
        let refused: Option<String> = r.get(5)?;
        Ok((
            r.get::<String>(1)?,
            Working {
                id: r.get(0)?,
                known: Known {
                    seq: r.get(2)?,
                    hash: HexHash(r.get(3)?),
                },
                fresh: BTreeMap::new(),
                last_event_at: r.get(4)?,
                summary: None,
                no_accounting: None,
                refused: refused.and_then(|text| serde_json::from_str(&text).ok()),
                unproven: r.get(6)?,
                generation: 0,
            },
        ))
    })?;
    let mut stores: BTreeMap<String, Working> = rows.into_iter().collect();
    // Asked for behind the lock: whoever gives a place away locks the store's row first, and a batch that was let in
    // before that is not written behind it.
    let places = format!(
        "SELECT store, max(generation) FROM boxes WHERE store IN ({}) GROUP BY store",
        sql.listed()
    );
    for (store, generation) in sql.rows(&places, &cells![list], |r| {
        Ok((r.get::<String>(0)?, r.get::<u64>(1)?))
    })? {
        if let Some(store) = stores.get_mut(&store) {
            store.generation = generation;
        }
    }
    Ok(stores)
}

/// The answer to a box whose place another has had since its batch was let in: nothing of it is written.
fn of_former_box(batch: &Batch, store: &Working) -> Recorded {
    Recorded {
        inserted: 0,
        unknown: 0,
        unproven: 0,
        root: None,
        ack: Ack {
            store_id: batch.store_id.clone(),
            stream: batch.stream,
            number: batch.number,
            seq: store.known.seq,
            hash: store.known.hash,
            rewind: false,
            refused: Some(Refusal {
                seq: batch.first_seq,
                reason: "another box has taken this store over".to_owned(),
            }),
            window: None,
            via: None,
            root: None,
        },
    }
}

fn decide(sql: &Sql<'_>, batch: &Batch, store: &Working) -> Result<Decision, StoreError> {
    let known = if holds(Protection::GapCheck) {
        store.known
    } else {
        // Whatever comes is taken for the next.
        Known {
            seq: store.known.seq.max(batch.first_seq - 1),
            hash: batch.previous.unwrap_or(store.known.hash),
        }
    };
    ingest::decide(batch, known, |range| {
        let mut here: BTreeMap<u64, HexHash> = store
            .fresh
            .range(range.clone())
            .map(|(seq, hash)| (*seq, *hash))
            .collect();
        let first_fresh = store.fresh.first_key_value().map(|(seq, _)| *seq);
        if first_fresh.is_none_or(|first| *range.start() < first) {
            here.extend(hashes(sql, store.id, range)?);
        }
        Ok(here)
    })
}

/// The hashes of a store's events in a range.
fn hashes(
    sql: &Sql<'_>,
    store: i64,
    range: RangeInclusive<u64>,
) -> Result<Vec<(u64, HexHash)>, StoreError> {
    sql.rows(
        "SELECT seq, hash FROM events WHERE store = ?1 AND seq BETWEEN ?2 AND ?3",
        &cells![store, *range.start(), *range.end()],
        |r| Ok((r.get(0)?, HexHash(r.get(1)?))),
    )
}

fn row(e: &Entry, store: i64, now: Timestamp, unproven: bool) -> Vec<Cell<'_>> {
    let text = |t: &'_ str| t.replace('\0', "\u{fffd}");
    let (kind, actor) = if unproven {
        (Cell::from(text(&e.kind)), Cell::from(text(&e.actor)))
    } else {
        (Cell::from(&e.kind), Cell::from(&e.actor))
    };
    vec![
        Cell::from(store),
        Cell::from(e.seq),
        Cell::from(e.at),
        kind,
        Cell::from(e.order_id.map(|o| o.0)),
        actor,
        Cell::from(e.body.get()),
        Cell::from(&e.hash.0),
        Cell::from(now),
        Cell::from(unproven),
    ]
}

/// An event that can't be proven, as it came; it stays there whatever a person decides.
fn set_aside(
    batch: &Batch,
    e: &Entry,
    doubt: &Unproven,
    store: i64,
    now: Timestamp,
) -> Result<Vec<Cell<'static>>, StoreError> {
    tracing::error!(
        store.id = %batch.store_id,
        event.seq = e.seq,
        reason = %doubt.reason,
        "an event of a store is set aside"
    );
    let entry = serde_json::to_string(e)?;
    Ok(cells![store, e.seq, now, doubt.reason.clone(), entry].into())
}

/// Notes that a store has another history than the one that began here, and forgets it when it has proven otherwise.
fn note_refusal(store: &mut Working, batch: &Batch, decision: &Decision, now: Timestamp) {
    let Some(refusal) = &decision.refused else {
        // A sign of life behind the refused event proves nothing about it.
        let proved = !decision.rewind && batch.last_seq() >= decision.known.seq;
        if proved
            && store
                .refused
                .as_ref()
                .is_some_and(|r| r.refusal.seq <= decision.known.seq)
        {
            store.refused = None;
        }
        return;
    };
    if store.refused.as_ref().is_none_or(|r| r.refusal != *refusal) {
        tracing::error!(
            store.id = %batch.store_id,
            event.seq = refusal.seq,
            reason = %refusal.reason,
            "an event of a store is not taken"
        );
        store.refused = Some(RefusedAt {
            refusal: refusal.clone(),
            at: now,
        });
    }
}

fn save(
    sql: &Sql<'_>,
    stores: &BTreeMap<String, Working>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = stores
        .iter()
        .map(|(store_id, s)| {
            let refused = s.refused.as_ref().map(serde_json::to_string).transpose()?;
            Ok(cells![
                store_id,
                "",
                0,
                s.known.seq,
                &s.known.hash.0,
                s.last_event_at,
                now,
                s.summary.as_deref(),
                s.summary.is_some().then_some(now),
                s.no_accounting.map(i64::from),
                refused,
                s.unproven
            ]
            .into())
        })
        .collect::<Result<Vec<Vec<_>>, StoreError>>()?;
    sql.insert_many(
        "stores",
        STORE,
        &rows,
        // The rows are there and kept: this is an update of many.
        "ON CONFLICT (store_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash,
           last_event_at = excluded.last_event_at, seen_at = excluded.seen_at,
           summary = coalesce(excluded.summary, stores.summary),
           summary_at = coalesce(excluded.summary_at, stores.summary_at),
           no_accounting = coalesce(excluded.no_accounting, stores.no_accounting),
           refused = excluded.refused, unproven = excluded.unproven",
    )?;
    Ok(())
}
