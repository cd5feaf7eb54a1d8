//! Real processes on real sockets, killed with `kill -9` while guests order. `scripts/crash` runs the same for
//! longer.

#![cfg(all(feature = "hq", feature = "emulators"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that can't go on ends; scripts/crash reads what is printed"
)]

#[path = "crash/books.rs"]
mod books;
#[path = "crash/clock.rs"]
mod clock;
#[path = "crash/day.rs"]
mod day;
#[path = "crash/disk.rs"]
mod disk;
#[path = "crash/guests.rs"]
mod guests;
#[path = "crash/program.rs"]
mod program;
#[path = "crash/rig.rs"]
mod rig;
#[path = "crash/writes.rs"]
mod writes;

use day::Report;
use rig::{MOSQUITTO, Wires};

/// Kills of one day; a longer run has more days.
const DAY: u32 = 24;

/// A number that `scripts/crash` hands in.
fn asked<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_every_acknowledged_order_is_there_once() {
    if !rig::has(MOSQUITTO, "mosquitto") {
        return;
    }
    let (rounds, seed) = (
        asked("GALLEY_CRASH_ROUNDS", 24_u32),
        asked("GALLEY_CRASH_SEED", 1),
    );
    let day_long = DAY.min(rounds.div_ceil(2)).max(1);
    let mut report = Report {
        seed,
        ..Report::default()
    };
    let mut day = 0;
    while report.rounds < rounds {
        let wires = Wires {
            pty: day % 2 == 1,
            straight: day % 3 == 2,
        };
        let length = day_long.min(rounds - report.rounds);
        let lived = day::live(seed + day, length, wires).await;
        let ended_early = lived.rounds < length;
        report.add(lived);
        if ended_early {
            break;
        }
        day += 1;
    }
    println!("\nHUMAN {}", report.in_words());
    println!("CRASH {}", serde_json::to_string(&report).unwrap());
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
    assert!(report.acknowledged > 0 && report.rounds == rounds);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_write_the_daemon_starts_again_with_all_that_it_acknowledged() {
    if !writes::possible() {
        return;
    }
    let most = asked("GALLEY_CRASH_POINTS", 8_u32);
    let (mut points, mut worst_ready_ms, mut violations) = (0_u32, 0, Vec::new());
    'calls: for call in writes::CALLS {
        // A handful looks at each call once; a long run at every one of them.
        let handful = usize::try_from(most).unwrap() <= writes::CALLS.len();
        let mut nth = if handful && call == "pwrite64" { 30 } else { 1 };
        loop {
            if points >= most {
                break 'calls;
            }
            let point = writes::kill_at(call, nth).await;
            violations.extend(point.violations);
            if point.survived {
                break;
            }
            points += 1;
            worst_ready_ms = worst_ready_ms.max(point.ready.as_millis());
            if handful {
                break;
            }
            nth += 1;
        }
    }
    let report = serde_json::json!({
        "points": points, "worst_ready_ms": worst_ready_ms, "violations": violations,
    });
    println!(
        "\nHUMAN killed at {points} system calls, {} violations; longest start of the store {worst_ready_ms} ms",
        violations.len()
    );
    println!("CRASH {report}");
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(points > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_under_load_stops_no_order_and_the_books_stay_exact() {
    let Some(liar) = clock::liar() else { return };
    let wrong = clock::live(liar, &["+1d", "-5h", "+0"]).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_full_disk_refuses_orders_and_recovers_without_a_restart() {
    let rig = disk::rig();
    let Some(disk) = disk::Disk::mount(rig.path("data"), "2m").await else {
        return;
    };
    let mut shop = disk::Shop::open(rig, None).await;
    assert_eq!(shop.order().await.0, 201);
    disk.fill();
    // What was already allocated may take some more.
    let mut refused = shop.order().await;
    for _ in 0..200 {
        if refused.0 != 201 {
            break;
        }
        refused = shop.order().await;
    }
    assert_eq!(refused.0, 507, "{}", refused.1);
    assert!(refused.1["slug"].is_string(), "{}", refused.1);
    shop.reads().await;
    disk.free();
    shop.sells_again().await;
    shop.all_there().await;
}

#[tokio::test]
async fn after_a_failed_write_or_flush_nothing_is_acknowledged_until_the_database_was_read_again() {
    if !writes::possible() {
        return;
    }
    for inject in [
        ("fsync,fdatasync", "error=EIO:when=12..14"),
        // A file system that the kernel has made read-only.
        ("pwrite64", "error=EROFS:when=120..130"),
        ("pwrite64", "error=ENOSPC:when=120..130"),
    ] {
        let mut shop = disk::Shop::open(disk::rig(), Some(inject)).await;
        let mut refused = 0;
        for _ in 0..20 {
            let (status, answer) = shop.order().await;
            if status != 201 {
                assert!(
                    (500..600).contains(&status),
                    "{inject:?}: {status} {answer}"
                );
                assert!(answer["slug"].is_string(), "{inject:?}: {answer}");
                shop.reads().await;
                refused += 1;
            }
        }
        assert!(refused > 0, "{inject:?} did nothing");
        shop.sells_again().await;
        shop.all_there().await;
    }
}
