//! The store's clock is set while guests order, by a library under the daemon that lies about the time.

use super::{
    books,
    guests::{Guest, Told, staff},
    rig::{LIMIT, Part, Rig, STAFF, Wires, eventually},
};
use galley::world::SeededEntropy;
use std::{
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What lies, on the machines that this runs on.
const LIARS: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];
/// Orders between one setting of the clock and the next.
const ORDERS: usize = 8;

/// The library, where it is installed.
pub fn liar() -> Option<&'static str> {
    let there = LIARS.into_iter().find(|file| Path::new(file).exists());
    there.or_else(|| {
        super::rig::has(LIARS[0], "faketime");
        None
    })
}

/// A day on which the clock is set as `offsets` say (faketime's words), each after some orders; answers with all
/// that went wrong.
pub async fn live(liar: &str, offsets: &[&str]) -> Vec<String> {
    let mut rig = Rig::new(Wires {
        pty: false,
        straight: false,
    });
    let dial = rig.path("clock");
    std::fs::write(&dial, "+0").unwrap();
    let store = rig.program(Part::Store);
    for (name, value) in [
        ("LD_PRELOAD", liar.as_ref()),
        ("FAKETIME_TIMESTAMP_FILE", dial.as_os_str()),
        // The file is read at every look at the clock; what measures time goes on as ever.
        ("FAKETIME_NO_CACHE", "1".as_ref()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
    ] {
        store.env.push((name.to_owned(), value.to_owned()));
    }
    rig.all_on();
    let told = Arc::new(Mutex::new(Told::default()));
    if let Err(why) = super::day::opened(&rig).await {
        return vec![why];
    }
    let closing = CancellationToken::new();
    let mut people = JoinSet::new();
    for n in 0..4 {
        let guest = Guest {
            door: rig.door(),
            bank: rig.bank.clone(),
            dishes: rig.catalog.dishes.iter().map(|d| d.id.0.clone()).collect(),
            chance: SeededEntropy::new(n),
            name: format!("clock-{n}"),
            phone: n,
            told: Arc::clone(&told),
        };
        people.spawn(guest.live(closing.clone()));
    }
    let staff = tokio::spawn(staff(rig.door(), "clock".to_owned()));
    let mut wrong = Vec::new();
    for offset in ["+0"].iter().chain(offsets) {
        std::fs::write(&dial, offset).unwrap();
        if let Err(why) = sells(&rig, &told).await {
            wrong.push(format!("with the clock at {offset}: {why}"));
        }
    }
    closing.cancel();
    while let Some(end) = people.join_next().await {
        wrong.extend(end.err().map(|e| e.to_string()));
    }
    let said = std::mem::take(&mut *told.lock().unwrap());
    wrong.extend(books::close(&mut rig, &said).await);
    staff.abort();
    shifts(&rig, &mut wrong).unwrap_or_else(|e| wrong.push(e.to_string()));
    if !wrong.is_empty() {
        wrong.push(format!("see {}", rig.keep().display()));
    }
    wrong
}

/// The clock was seen to be set, and no shift was closed but that which was a day old by it, and the evening's.
fn shifts(rig: &Rig, wrong: &mut Vec<String>) -> rusqlite::Result<()> {
    let db = rusqlite::Connection::open(rig.path("data/galley.db"))?;
    let span: i64 = db.query_row("SELECT max(at) - min(at) FROM events", [], |r| r.get(0))?;
    if span < 28 * 3_600_000 {
        wrong.push(format!(
            "the clock was not set: all events lie within {span} ms"
        ));
    }
    let closed: u32 = db.query_row(
        "SELECT count(*) FROM events WHERE kind = 'shift.closed'",
        [],
        |r| r.get(0),
    )?;
    if !(1..=2).contains(&closed) {
        wrong.push(format!("{closed} shifts were closed"));
    }
    Ok(())
}

/// Waits until so many orders more were taken, with the printer on and the shift open.
async fn sells(rig: &Rig, told: &Arc<Mutex<Told>>) -> Result<(), String> {
    let before = told.lock().unwrap().captured.len();
    eventually("orders", LIMIT, async || {
        let paid = told.lock().unwrap().captured.len() - before;
        if paid >= ORDERS {
            return Ok(());
        }
        Err(format!("{paid} paid"))
    })
    .await?;
    eventually("an open shift", LIMIT, async || {
        let shift = rig.door().get("shift", STAFF).await?;
        match shift["state"].as_str() {
            Some("open") => Ok(()),
            _ => Err(shift.to_string()),
        }
    })
    .await
}
