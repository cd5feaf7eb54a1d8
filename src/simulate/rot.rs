//! Bit rot: flips single bits in the database of a store that has lived a day, and looks whether the damage is
//! noticed. SQLite by itself serves most of such damage as if it were data.

use super::{life, plan::Plan, rig::file_layer};
use crate::{
    flow::FlowError,
    store::{Options, Snapshot, Store, StoreError, Synchronous, Threads},
    world::{Entropy as _, SeededEntropy},
};
use futures_util::FutureExt as _;
use galley_vfs::{Disk, Snapshot as Files};
use serde::Serialize;
use std::fmt::Write as _;

/// What became of the flips.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rot {
    /// Bits flipped, one at a time.
    pub flips: u64,
    /// Noticed: at opening, or when what is damaged is read.
    pub noticed: u64,
    /// In places that hold nothing: everything reads as before.
    pub harmless: u64,
    /// Other data than before, and nobody notices.
    pub silent: u64,
    /// The first few of those.
    pub examples: Vec<String>,
}

/// Examples that are kept.
const EXAMPLES: usize = 8;

/// Lives a calm day from `seed` and flips `flips` bits of its database, one at a time.
///
/// # Errors
/// When the day itself can't be lived.
pub fn rot(seed: u64, flips: u64) -> anyhow::Result<Rot> {
    let files = at_rest(&life::files_after(&Plan::draw(seed, 1, &[]))?)?;
    let truth = read(&files).map_err(anyhow::Error::msg)?;
    let chance = SeededEntropy::new(seed);
    let places: Vec<(String, usize)> = {
        let disk = Disk::new("rot", seed);
        disk.restore(&files);
        let all = disk.files().into_iter();
        all.filter(|(name, size)| *size > 0 && !name.ends_with("-shm"))
            .collect()
    };
    let bytes: u64 = places.iter().map(|(_, size)| *size as u64).sum();
    let mut rot = Rot::default();
    for _ in 0..flips {
        let mut at = chance.below(bytes);
        let bit = u8::try_from(chance.below(8)).unwrap_or(0);
        let disk = Disk::new("rot", seed);
        disk.restore(&files);
        for (name, size) in &places {
            if at < *size as u64 {
                disk.flip_bit(name, usize::try_from(at)?, bit);
                rot.flips += 1;
                match read(&disk.snapshot()) {
                    Err(_) => rot.noticed += 1,
                    Ok(seen) if seen == truth => rot.harmless += 1,
                    Ok(seen) => {
                        rot.silent += 1;
                        if rot.examples.len() < EXAMPLES {
                            rot.examples
                                .push(format!("{name}, byte {at}: {}", differs(&truth, &seen)));
                        }
                    }
                }
                break;
            }
            at -= *size as u64;
        }
    }
    Ok(rot)
}

/// The files of a store that was stopped in order: its write-ahead log is in the database. (Damage in the log itself
/// cuts off what is behind it at the next start, as the lack of a power cut's tail would; headquarters, which has
/// those events, tells.)
fn at_rest(files: &Files) -> anyhow::Result<Files> {
    let disk = Disk::new("rot", 1);
    disk.restore(files);
    drop(Store::open(options(&disk))?);
    Ok(disk.snapshot())
}

fn options(disk: &Disk) -> Options {
    Options {
        path: "/store.db".into(),
        vfs: Some(file_layer(disk)),
        threads: Threads::Inline,
        synchronous: Synchronous::Full,
    }
}

/// Everything of value, as text; an error when damage is noticed: at the start, when a row is read, or by the walk that
/// a store does every day.
fn read(files: &Files) -> Result<String, String> {
    let disk = Disk::new("rot", 1);
    disk.restore(files);
    let store = Store::open(options(&disk)).map_err(|e| e.to_string())?;
    let text = store.read_here(everything).map_err(|e| e.to_string())?;
    // Inline, nothing in here waits.
    match store.check().now_or_never() {
        Some(Err(e)) => Err(e.to_string()),
        _ => Ok(text),
    }
}

fn everything(s: &Snapshot<'_>) -> Result<String, FlowError> {
    let mut text = String::new();
    s.verify_log()?;
    for e in s.events_after(0, 1_000_000)? {
        let _ = writeln!(text, "event {e:?}");
    }
    let mut orders = Vec::new();
    s.each_order(None, |o| orders.push(o))?;
    for o in orders {
        let _ = writeln!(text, "order {o:?}");
        for e in s.effects_of(o.id)? {
            let what = (&e.key, &e.kind, &e.queue, &e.request, &e.evidence, e.state);
            let _ = writeln!(text, "effect {what:?} {:?}", e.result);
        }
        let contact = s.contact(o.id)?;
        if o.has_contact && contact.is_none() {
            // The product tells it too: the message of this order ends as "no number".
            return Err(StoreError::Damaged(format!("the phone number of {}", o.id)).into());
        }
        let _ = writeln!(text, "contact {contact:?}");
    }
    for (ingredient, level) in s.levels()? {
        let _ = writeln!(text, "level {ingredient:?} {level:?}");
    }
    let _ = writeln!(text, "shift {:?}", s.shift()?);
    let _ = writeln!(text, "books {:?}", s.shift_books()?);
    let _ = writeln!(text, "cursors {:?}", s.cursors()?);
    let _ = writeln!(text, "alerts {:?}", s.alerts()?);
    Ok(text)
}

/// The first line that is another one.
fn differs(a: &str, b: &str) -> String {
    let other = a.lines().zip(b.lines()).find(|(a, b)| a != b);
    other.map_or_else(
        || format!("{} lines against {}", a.lines().count(), b.lines().count()),
        |(_, b)| b.chars().take(160).collect(),
    )
}
