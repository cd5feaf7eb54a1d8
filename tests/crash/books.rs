//! The end of a day: everything settles, the shift closes, and what the store says is compared with what each
//! outside system has in its own file.

use super::{
    guests::Told,
    rig::{Part, Rig, STAFF, eventually, now_ms},
};
use galley::{
    connectors::{
        alfa_bank::emulator::BankEmulator, one_c::emulator::Emulator as OneCEmulator,
        sms_ru::emulator::SmsRuEmulator,
    },
    world::SystemClock,
};
use galley_atol::{
    emulator::{AtolEmulator, EmulatorConfig},
    local_time::LocalDateTime,
};
use galley_moley::emulator::{EmulatorConfig as KitchenConfig, KitchenEmulator};
use galley_robot::Ambient;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

/// How long the evening may take: every effect that was in doubt is asked for and done.
const EVENING: Duration = Duration::from_secs(180);

/// Waits until nothing is under way in the store and headquarters has its log.
async fn settled(rig: &Rig) -> Result<Value, String> {
    let door = rig.door();
    eventually("everything to settle", EVENING, async || {
        let books = door.get("reconcile", STAFF).await?;
        let t = &books["totals"];
        let done = t["live_effects"] == 0 && t["under_way"] == 0 && t["events"] == t["hq_events"];
        if done {
            Ok(books)
        } else {
            let alerts = door.get("alerts", STAFF).await?;
            Err(format!("{t} {alerts}"))
        }
    })
    .await
}

/// Ends the day and compares; answers with all that is not as it should be.
pub async fn close(rig: &mut Rig, told: &Told) -> Vec<String> {
    let mut wrong = told.violations.clone();
    if let Err(why) = end_day(rig, &mut wrong).await {
        wrong.push(why);
    }
    for part in Part::ALL {
        let program = rig.program(part);
        if let Some(status) = program.has_ended() {
            wrong.push(format!(
                "{} ended by itself ({status}): {}",
                part.word(),
                program.last_words(5)
            ));
        }
        program.kill().await;
    }
    compare(rig, told, &mut wrong).unwrap_or_else(|e| wrong.push(format!("the books: {e}")));
    wrong
}

async fn end_day(rig: &Rig, wrong: &mut Vec<String>) -> Result<(), String> {
    settled(rig).await?;
    let door = rig.door();
    eventually("the shift to close", EVENING, async || {
        let shift = door.get("shift", STAFF).await?;
        match shift["state"].as_str() {
            Some("closed") => return Ok(()),
            Some("open") => {
                let key = format!("evening-{}", now_ms());
                door.post("shift/close", STAFF, &key, &json!({})).await?;
            }
            _ => {}
        }
        Err(shift.to_string())
    })
    .await?;
    settled(rig).await?;
    let (code, out) = rig.galley(&["reconcile", "--json"]).await;
    let books: Value = serde_json::from_str(&out).unwrap_or(Value::Null);
    if code != Some(0) || books["exact"] != true || books["totals"]["unknown_effects"] != 0 {
        let (totals, differences) = (&books["totals"], &books["differences"]);
        wrong.push(format!(
            "galley reconcile ends with {code:?}: {totals} {differences}"
        ));
    }
    Ok(())
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    // The files of a process that was killed: their write-ahead logs are read in.
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Every number of this query's two columns.
fn pairs(db: &Connection, sql: &str) -> rusqlite::Result<BTreeMap<String, i64>> {
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
    rows.collect()
}

/// Every order that a guest was told of is in the log once, and nothing else; the chain has no hole.
pub fn acknowledged_are_there(
    store: &Connection,
    told: &Told,
    wrong: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let verdict: String = store.query_row("PRAGMA integrity_check", [], |r| r.get(0))?;
    if verdict != "ok" {
        wrong.push(format!("the database is damaged: {verdict}"));
    }
    let placed = pairs(
        store,
        "SELECT lower(hex(order_id)), count(*) FROM events WHERE kind = 'order.placed' GROUP BY 1",
    )?;
    for order in told.acknowledged.keys() {
        match placed.get(&order.replace('-', "")) {
            Some(1) => {}
            n => wrong.push(format!("acknowledged order {order} was placed {n:?} times")),
        }
    }
    let captured = pairs(
        store,
        "SELECT json_extract(body, '$.payment_id'), count(*) FROM events
          WHERE kind = 'payment.captured' GROUP BY 1",
    )?;
    for payment in told.captured.keys() {
        if captured.get(payment) != Some(&1) {
            let n = captured.get(payment);
            wrong.push(format!("payment {payment} was captured {n:?} times"));
        }
    }
    let (events, last): (i64, i64) =
        store.query_row("SELECT count(*), max(seq) FROM events", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?;
    if events != last {
        wrong.push(format!("{events} events, and the last is number {last}"));
    }
    Ok(())
}

fn compare(
    rig: &Rig,
    told: &Told,
    wrong: &mut Vec<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let store = open(&rig.path("data/galley.db"))?;
    acknowledged_are_there(&store, told, wrong)?;
    let orders: usize = store.query_row("SELECT count(*) FROM orders", [], |r| r.get(0))?;
    if orders != told.acknowledged.len() {
        // Guests repeat until they are told, so every order was told of.
        let n = told.acknowledged.len();
        wrong.push(format!(
            "{orders} orders in the store, {n} were acknowledged"
        ));
    }
    headquarters(rig, &store, wrong)?;
    printer(rig, &store, wrong)?;
    bank(rig, &store, wrong)?;
    kitchen(rig, &store, wrong)?;
    one_c(rig, &store, wrong)?;
    sms(rig, wrong)?;
    Ok(())
}

fn headquarters(rig: &Rig, store: &Connection, wrong: &mut Vec<String>) -> rusqlite::Result<()> {
    let hq = open(&rig.path("hq/hq.db"))?;
    let log = "SELECT seq || ' ' || kind || ' ' || hex(hash), seq FROM events";
    let (ours, theirs) = (pairs(store, log)?, pairs(&hq, log)?);
    if ours != theirs {
        let (a, b) = (ours.len(), theirs.len());
        wrong.push(format!(
            "headquarters has {b} events, the store {a}; they differ"
        ));
    }
    let odd: i64 = hq.query_row("SELECT count(*) FROM quarantine", [], |r| r.get(0))?;
    if odd != 0 {
        wrong.push(format!("{odd} events in headquarters' quarantine"));
    }
    Ok(())
}

/// Both sides have the same things, and each once.
fn same(
    what: &str,
    store: &BTreeMap<String, i64>,
    outside: &BTreeMap<String, i64>,
    wrong: &mut Vec<String>,
) {
    for (key, n) in store {
        if outside.get(key) != Some(n) {
            let there = outside.get(key);
            wrong.push(format!("{what} {key}: {n} in the store, {there:?} outside"));
        }
    }
    for (key, n) in outside.iter().filter(|(key, _)| !store.contains_key(*key)) {
        wrong.push(format!("{what} {key}: unknown to the store, {n} outside"));
    }
}

/// One receipt in the fiscal drive for each in the log.
fn printer(
    rig: &Rig,
    store: &Connection,
    wrong: &mut Vec<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let clock = || LocalDateTime {
        year: 2026,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
    };
    let file = Some(rig.path("printer.fn"));
    let printer = AtolEmulator::open(file, EmulatorConfig::default(), Arc::new(clock))?;
    let mut printed = BTreeMap::new();
    for receipt in printer.receipts() {
        *printed.entry(receipt.key.unwrap_or_default()).or_insert(0) += 1;
    }
    let registered = pairs(
        store,
        "SELECT json_extract(body, '$.key'), count(*) FROM events
          WHERE kind = 'receipt.registered' GROUP BY 1",
    )?;
    same("receipt", &registered, &printed, wrong);
    Ok(())
}

/// Money of each order that was paid by code: the same at the bank, charged once.
fn bank(
    rig: &Rig,
    store: &Connection,
    wrong: &mut Vec<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let file = rig.path("bank.json");
    let bank = BankEmulator::open(Arc::new(SystemClock), "galley-api", "galley", &file)?;
    let mut charged = BTreeMap::new();
    for order in bank.orders() {
        if order.charges > 1 || order.refunds.values().any(|n| *n > 1) {
            wrong.push(format!("the bank charged or gave back twice: {order:?}"));
        }
        if order.charges > 0 {
            // The number at the bank is the order's id and, from the second on, the payment's number.
            let id: String = order.order_number.chars().take(32).collect();
            *charged.entry(id).or_insert(0) += order.deposited_minor;
        }
    }
    let captured = pairs(
        store,
        "SELECT lower(hex(c.order_id)), sum(json_extract(c.body, '$.amount_minor'))
           FROM events c JOIN events s ON s.kind = 'payment.started'
            AND json_extract(s.body, '$.payment.id') = json_extract(c.body, '$.payment_id')
          WHERE c.kind = 'payment.captured' AND json_extract(s.body, '$.payment.tender') = 'sbp_qr'
          GROUP BY 1",
    )?;
    same("money of order", &captured, &charged, wrong);
    Ok(())
}

/// One dish for each that the log tells of; no job was cooked twice.
fn kitchen(
    rig: &Rig,
    store: &Connection,
    wrong: &mut Vec<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let config = KitchenConfig::new(1, Ambient::new(now_ms, || 0));
    let kitchen = KitchenEmulator::open(Some(rig.path("kitchen.log")), config)?;
    let mut plated = BTreeMap::new();
    for (job, cooked) in kitchen.dishes() {
        if cooked.begun > 1 || cooked.plated > 1 {
            wrong.push(format!("job {job} was cooked more than once: {cooked:?}"));
        }
        if cooked.plated > 0 {
            plated.insert(job, i64::from(cooked.plated));
        }
    }
    let told = pairs(
        store,
        "SELECT json_extract(body, '$.job_id'), count(*) FROM events WHERE kind = 'cook.plated' GROUP BY 1",
    )?;
    same("dish of job", &told, &plated, wrong);
    Ok(())
}

/// As many documents as the store knows of, all of them posted, with the right total.
fn one_c(
    rig: &Rig,
    store: &Connection,
    wrong: &mut Vec<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let books = OneCEmulator::open("galley", "galley", rig.path("one-c.json"))?;
    let documents = books.documents();
    let (known, posted): (usize, i64) = store.query_row(
        "SELECT total(documents), total(posted_minor) FROM shift_books",
        [],
        |r| Ok((r.get::<_, f64>(0)? as usize, r.get::<_, f64>(1)? as i64)),
    )?;
    let unposted = documents.iter().filter(|d| !d.posted).count();
    let total: i64 = documents
        .iter()
        .map(|d| match d.set.contains("Возврат") {
            true => -d.total_minor,
            false => d.total_minor,
        })
        .sum();
    if (documents.len(), unposted, total) != (known, 0, posted) {
        wrong.push(format!(
            "1C has {} documents of {total}, {unposted} not posted; the store knows {known} of {posted}",
            documents.len()
        ));
    }
    Ok(())
}

/// No guest got a message twice.
fn sms(rig: &Rig, wrong: &mut Vec<String>) -> std::io::Result<()> {
    let provider = SmsRuEmulator::open(Arc::new(SystemClock), "galley", 0, &rig.path("sms.json"))?;
    let mut sent = BTreeMap::new();
    for sms in provider.sent() {
        *sent.entry((sms.to, sms.text)).or_insert(0) += 1;
    }
    for ((to, text), n) in sent.into_iter().filter(|(_, n)| *n > 1) {
        wrong.push(format!("{to} got {text:?} {n} times"));
    }
    Ok(())
}
