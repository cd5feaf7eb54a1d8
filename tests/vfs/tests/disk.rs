//! A bare SQLite writer on a disk that fails: what was acknowledged is there after a cut at any operation, and the
//! controls (weaker settings) show that the cuts do harm.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use galley_vfs::{Disk, PowerCut, seed_sqlite};
use rusqlite::{Connection, OpenFlags, Result, ffi};
use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU32, Ordering},
};

const DB: &str = "/box/galley.db";
const ORDERS: i64 = 14;

fn open_in(vfs: &str, journal: &str, synchronous: &str) -> Result<Connection> {
    let db = Connection::open_with_flags_and_vfs(
        DB,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        vfs,
    )?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", journal)?;
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update(None, "wal_autocheckpoint", 12)?;
    Ok(db)
}

fn open(disk: &Disk) -> Result<Connection> {
    open_in(&disk.vfs(), "WAL", "FULL")
}

fn schema(db: &Connection) -> Result<()> {
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, what TEXT);
         CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, order_id INTEGER, name TEXT);
         CREATE INDEX IF NOT EXISTS by_order ON items (order_id, name);",
    )
}

fn order(db: &mut Connection, id: i64) -> Result<()> {
    let tx = db.transaction()?;
    tx.execute("INSERT INTO orders VALUES (?1, 'pelmeni')", [id])?;
    for n in 0..5 {
        tx.execute(
            "INSERT INTO items (order_id, name) VALUES (?1, ?2)",
            (id, format!("{n}-{}", "sour cream ".repeat(30))),
        )?;
    }
    tx.commit()
}

/// Works until the disk refuses; the orders that were acknowledged.
fn work(disk: &Disk, journal: &str, synchronous: &str) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    let mut run = || -> Result<()> {
        let mut db = open_in(&disk.vfs(), journal, synchronous)?;
        schema(&db)?;
        for id in 0..ORDERS {
            order(&mut db, id)?;
            acknowledged.push(id);
        }
        Ok(())
    };
    let _ = run();
    acknowledged
}

/// What is wrong after the restart, if anything.
fn wrong(disk: &Disk, journal: &str, acknowledged: &[i64]) -> Option<String> {
    let look = || -> Result<Option<String>> {
        let mut db = open_in(&disk.vfs(), journal, "FULL")?;
        let verdict: String = db.pragma_query_value(None, "integrity_check", |r| r.get(0))?;
        if verdict != "ok" {
            return Ok(Some(format!("corrupt: {verdict}")));
        }
        schema(&db)?;
        for id in acknowledged {
            let sql =
                "SELECT count(*) FROM orders o JOIN items i ON i.order_id = o.id WHERE o.id = ?1";
            let items: i64 = db.query_row(sql, [id], |r| r.get(0))?;
            if items != 5 {
                return Ok(Some(format!("lost: order {id} has {items} items")));
            }
        }
        order(&mut db, 1000)?;
        Ok(None)
    };
    look().unwrap_or_else(|e| Some(format!("corrupt: {e}")))
}

const CUTS: [PowerCut; 6] = [
    PowerCut::LoseAll,
    PowerCut::KeepAll,
    PowerCut::Torn(1),
    PowerCut::Torn(2),
    PowerCut::Torn(3),
    PowerCut::Torn(4),
];

#[derive(Debug, Default)]
struct Harm {
    runs: u32,
    lost: u32,
    corrupt: u32,
}

impl Harm {
    fn bad(&self) -> u32 {
        self.lost + self.corrupt
    }
}

/// Cuts the power at every operation of the work, in every way.
fn cut_everywhere(journal: &str, synchronous: &str) -> Harm {
    let dry = Disk::new("dry", 1);
    assert_eq!(work(&dry, journal, synchronous).len(), ORDERS as usize);
    let mut harm = Harm::default();
    for operation in 0..=dry.operations() {
        for cut in CUTS {
            let cut = match cut {
                // The first choices of a seed (which names stay) are not to be the same at each operation.
                PowerCut::Torn(n) => PowerCut::Torn(operation * 8 + n),
                other => other,
            };
            let disk = Disk::new("cut", 1);
            disk.stop_at(operation);
            let acknowledged = work(&disk, journal, synchronous);
            disk.power_cut(cut);
            harm.runs += 1;
            match wrong(&disk, journal, &acknowledged) {
                None => {}
                Some(why) if why.starts_with("lost") => harm.lost += 1,
                Some(_) => harm.corrupt += 1,
            }
        }
    }
    println!("{journal} {synchronous}: {harm:?}");
    harm
}

#[test]
fn a_wal_with_every_commit_flushed_survives_a_cut_at_every_operation() {
    let harm = cut_everywhere("WAL", "FULL");
    assert!(harm.runs > 300, "{harm:?}");
    assert_eq!(harm.bad(), 0, "{harm:?}");
}

#[test]
fn a_wal_that_is_flushed_at_checkpoints_only_loses_acknowledged_orders() {
    let harm = cut_everywhere("WAL", "NORMAL");
    assert!(harm.lost > 0, "{harm:?}");
    assert_eq!(harm.corrupt, 0, "{harm:?}");
}

#[test]
fn a_wal_that_is_never_flushed_loses_orders_and_is_damaged() {
    let harm = cut_everywhere("WAL", "OFF");
    assert!(harm.lost > 0 && harm.corrupt > 0, "{harm:?}");
}

#[test]
fn a_rollback_journal_survives_a_cut_at_every_operation_and_not_without_the_folders_sync() {
    assert_eq!(cut_everywhere("DELETE", "EXTRA").bad(), 0);
    let full = cut_everywhere("DELETE", "FULL");
    assert!(full.lost > 0 && full.corrupt == 0, "{full:?}");
    assert!(cut_everywhere("DELETE", "OFF").bad() > 0);
}

#[test]
fn a_kill_at_any_operation_loses_nothing() {
    let mut operation = 0;
    loop {
        let disk = Disk::new("kill", 1);
        disk.stop_at(operation);
        let acknowledged = work(&disk, "WAL", "OFF");
        let stopped = disk.is_stopped();
        disk.kill();
        assert_eq!(wrong(&disk, "WAL", &acknowledged), None, "{operation}");
        if !stopped {
            break;
        }
        operation += 1;
    }
    assert!(operation > 50);
}

#[test]
fn a_reader_keeps_its_snapshot_while_the_writer_writes_checkpoints_and_restarts_the_wal() {
    let disk = Disk::new("two", 1);
    let mut writer = open(&disk).unwrap();
    schema(&writer).unwrap();
    order(&mut writer, 1).unwrap();
    let mut reader =
        Connection::open_with_flags_and_vfs(DB, OpenFlags::SQLITE_OPEN_READ_ONLY, &*disk.vfs())
            .unwrap();
    let count = |db: &Connection| -> i64 {
        db.query_row("SELECT count(*) FROM orders", [], |r| r.get(0))
            .unwrap()
    };
    let snapshot = reader.transaction().unwrap();
    assert_eq!(count(&snapshot), 1);
    order(&mut writer, 2).unwrap();
    let checkpoint = |db: &Connection| -> (i64, i64, i64) {
        db.query_row("PRAGMA wal_checkpoint(RESTART)", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .unwrap()
    };
    assert_eq!(checkpoint(&writer).0, 1, "the reader is in the way");
    assert_eq!(count(&snapshot), 1);
    drop(snapshot);
    assert_eq!(count(&reader), 2);
    let (busy, log, done) = checkpoint(&writer);
    assert_eq!((busy, log), (0, done));
    let before = disk.read("/box/galley.db-wal").unwrap().len();
    order(&mut writer, 3).unwrap();
    let after = disk.read("/box/galley.db-wal").unwrap().len();
    assert_eq!(before, after, "the WAL began anew");
    assert_eq!(count(&reader), 3);

    // Two writers: the second is told that it's busy, without waiting.
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let second = open(&disk).unwrap();
    let refused = second.execute_batch("BEGIN IMMEDIATE").unwrap_err();
    assert_eq!(
        refused.sqlite_error_code(),
        Some(ffi::ErrorCode::DatabaseBusy)
    );
    writer.execute_batch("COMMIT").unwrap();
    second.execute_batch("BEGIN IMMEDIATE; COMMIT").unwrap();
}

/// Those who seed the program's generator, or need it seeded.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|e| e.into_inner())
}

#[test]
fn the_same_seed_leaves_the_same_disk_and_another_one_another() {
    let _alone = alone();
    let run = |salts, seed| {
        seed_sqlite(salts);
        let disk = Disk::new("same", 1);
        disk.stop_at(60);
        work(&disk, "WAL", "OFF");
        disk.power_cut(PowerCut::Torn(seed));
        disk.digest()
    };
    assert_eq!(run(1, 7), run(1, 7));
    assert_eq!(run(1, 7), run(2, 7), "salts don't matter");
    assert_ne!(run(1, 7), run(1, 8));
    seed_sqlite(0);
}

#[test]
fn disks_in_several_threads_do_not_meet() {
    let threads: Vec<_> = (0..4)
        .map(|n| {
            std::thread::spawn(move || {
                let disk = Disk::new("thread", n);
                assert_eq!(work(&disk, "WAL", "FULL").len(), ORDERS as usize);
                disk.power_cut(PowerCut::LoseAll);
                disk.digest()
            })
        })
        .collect();
    let digests: Vec<u64> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(digests.windows(2).all(|d| d[0] == d[1]), "{digests:?}");
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let disk = Disk::new("full", 1);
    let mut db = open(&disk).unwrap();
    schema(&db).unwrap();
    order(&mut db, 1).unwrap();
    let used: usize = disk.files().iter().map(|(_, size)| size).sum();
    disk.set_capacity(Some(used as u64 + 4096));
    let mut refused = None;
    for id in 2..50 {
        if let Err(e) = order(&mut db, id) {
            refused = e.sqlite_error_code();
            break;
        }
    }
    assert_eq!(refused, Some(ffi::ErrorCode::DiskFull));
    disk.set_capacity(None);
    order(&mut db, 100).unwrap();
    drop(db);
    assert_eq!(wrong(&disk, "WAL", &[1, 100]), None);
}

#[test]
fn a_read_only_disk_and_failing_writes_refuse() {
    let disk = Disk::new("ro", 1);
    let mut db = open(&disk).unwrap();
    schema(&db).unwrap();
    disk.set_read_only(true);
    assert!(order(&mut db, 1).is_err());
    disk.set_read_only(false);
    order(&mut db, 2).unwrap();
    disk.fail_writes(1);
    assert!(order(&mut db, 3).is_err());
    order(&mut db, 4).unwrap();
}

#[test]
fn a_failed_sync_is_never_a_success() {
    let disk = Disk::new("fsync", 1);
    let mut db = open(&disk).unwrap();
    schema(&db).unwrap();
    order(&mut db, 1).unwrap();
    disk.fail_syncs(1);
    assert!(order(&mut db, 2).is_err());
    // What the failed sync gave up stays lost, whatever is kept.
    disk.power_cut(PowerCut::KeepAll);
    drop(db);
    let db = open(&disk).unwrap();
    let ids: Vec<i64> = db
        .prepare("SELECT id FROM orders")
        .unwrap()
        .query_map([], |r| r.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(ids, [1]);
}

/// A process is killed behind a flush that failed, and the next one sells on upon what it finds, `settled` or not: what
/// is wrong when the power went afterwards.
fn sold_on_behind_a_failed_flush(settled: bool, cut: PowerCut) -> Option<String> {
    let wal = format!("{DB}-wal");
    let disk = Disk::new("behind", 1);
    let begin = || {
        let db = open(&disk).unwrap();
        db.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        schema(&db).unwrap();
        db
    };
    let mut db = begin();
    order(&mut db, 1).unwrap();
    disk.fail_sync_and_stop();
    assert!(order(&mut db, 2).is_err(), "the flush fails");
    assert!(order(&mut db, 3).is_err(), "and then the process is dead");
    assert!(disk.is_stopped());
    disk.kill();
    drop(db);
    if settled {
        disk.rewrite(&wal).unwrap();
    }
    let mut db = begin();
    let sql = "SELECT count(*) FROM orders WHERE id = 2";
    let believed: i64 = db.query_row(sql, [], |r| r.get(0)).unwrap();
    assert_eq!(believed, 1, "what was not flushed is seen all the same");
    order(&mut db, 4).unwrap();
    disk.power_cut(cut);
    drop(db);
    wrong(&disk, "WAL", if settled { &[1, 2, 4] } else { &[1, 4] })
}

#[test]
fn what_a_failed_flush_left_cuts_off_what_is_built_upon_it_unless_it_is_written_anew() {
    for cut in CUTS {
        let lost = sold_on_behind_a_failed_flush(false, cut);
        assert!(
            lost.as_ref().is_some_and(|why| why.contains("order 4")),
            "{cut:?}: {lost:?}"
        );
        assert_eq!(sold_on_behind_a_failed_flush(true, cut), None, "{cut:?}");
    }
}

#[test]
fn a_file_is_written_anew_or_it_is_told_and_none_is_made() {
    let disk = Disk::new("anew", 1);
    assert_eq!(disk.rewrite("/box/none"), Ok(()));
    assert_eq!(disk.files(), []);
    let mut db = open(&disk).unwrap();
    schema(&db).unwrap();
    disk.fail_sync_and_stop();
    disk.do_not_fail_syncs();
    order(&mut db, 1).unwrap();
    order(&mut db, 2).unwrap();
    let before = disk.snapshot();
    let wal = format!("{DB}-wal");
    disk.rewrite(&wal).unwrap();
    assert_eq!(disk.snapshot(), before);
    disk.fail_syncs(1);
    assert_eq!(disk.rewrite(&wal), Err(ffi::SQLITE_IOERR_FSYNC));
    assert_eq!(disk.rewrite(&wal), Ok(()), "the process is not dead of it");
    disk.set_read_only(true);
    assert!(disk.rewrite(&wal).is_err());
}

#[test]
fn a_connection_of_a_killed_process_changes_nothing() {
    let disk = Disk::new("stale", 1);
    let mut stale = open(&disk).unwrap();
    schema(&stale).unwrap();
    let vfs = disk.vfs();
    disk.kill();
    assert!(open_in(&vfs, "WAL", "FULL").is_err(), "the old name");
    let mut db = open(&disk).unwrap();
    order(&mut db, 1).unwrap();
    let (before, operations) = (disk.snapshot(), disk.operations());
    assert!(order(&mut stale, 2).is_err());
    drop(stale);
    assert_eq!((disk.snapshot(), disk.operations()), (before, operations));
    order(&mut db, 3).unwrap();
}

#[test]
fn who_waits_for_the_stop_is_told_once_and_may_use_the_disk() {
    let disk = Disk::new("told", 1);
    let calls = Arc::new(AtomicU32::new(0));
    let (told, own) = (Arc::clone(&calls), disk.clone());
    disk.on_stop(Box::new(move || {
        assert!(own.is_stopped());
        told.fetch_add(1, Ordering::Relaxed);
    }));
    disk.stop_at(30);
    work(&disk, "WAL", "FULL");
    assert_eq!((calls.load(Ordering::Relaxed), disk.operations()), (1, 30));
    // The hook holds the disk; take it off, so that its files go.
    disk.on_stop(Box::new(|| {}));
}

#[test]
fn a_backup_comes_back_and_a_flipped_bit_shows() {
    let disk = Disk::new("backup", 1);
    work(&disk, "WAL", "FULL");
    let yesterday = disk.snapshot();
    let mut db = open(&disk).unwrap();
    order(&mut db, 500).unwrap();
    disk.restore(&yesterday);
    assert_eq!(disk.snapshot(), yesterday);
    assert!(wrong(&disk, "WAL", &[500]).is_some());
    disk.restore(&yesterday);
    assert_eq!(wrong(&disk, "WAL", &[0, 1]), None);
    assert!(disk.flip_bit(DB, 4096 + 3, 5));
    assert!(wrong(&disk, "WAL", &[]).is_some_and(|w| w.starts_with("corrupt")));
}

#[test]
fn time_is_what_was_set_and_busy_waits_do_not_sleep() {
    let disk = Disk::new("time", 1);
    disk.set_now(1_763_800_000_123);
    let db = open(&disk).unwrap();
    let now: String = db
        .query_row("SELECT strftime('%s', 'now')", [], |r| r.get(0))
        .unwrap();
    assert_eq!(now, "1763800000");
}

#[test]
#[ignore = "a measurement: cargo test --release -p galley-vfs -- --ignored --nocapture"]
#[allow(clippy::disallowed_methods, reason = "measures real time")]
fn commits_each_second() {
    let disk = Disk::new("speed", 1);
    let db = open(&disk).unwrap();
    db.pragma_update(None, "wal_autocheckpoint", 1000).unwrap();
    schema(&db).unwrap();
    let begun = std::time::Instant::now();
    let mut insert = db.prepare("INSERT INTO orders (what) VALUES (?1)").unwrap();
    for _ in 0..100_000 {
        insert.execute(["pelmeni"]).unwrap();
    }
    let rate = 100_000.0 / begun.elapsed().as_secs_f64();
    println!("{rate:.0} commits/s");
    assert!(rate > 20_000.0 || cfg!(debug_assertions));
}
