//! Real processes on real sockets, killed with `kill -9` while guests order. `scripts/crash` runs the same for
//! longer.

#![cfg(all(feature = "hq", feature = "emulators"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that can't go on ends; scripts/crash reads what is printed"
)]

#[path = "crash/blocks.rs"]
mod blocks;
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
#[path = "crash/limits.rs"]
mod limits;
#[path = "crash/links.rs"]
mod links;
#[path = "crash/manager.rs"]
mod manager;
#[path = "crash/power.rs"]
mod power;
#[path = "crash/program.rs"]
mod program;
#[path = "crash/relay.rs"]
mod relay;
#[path = "crash/rig.rs"]
mod rig;
#[path = "crash/slow.rs"]
mod slow;
#[path = "crash/soak.rs"]
mod soak;
#[path = "crash/writes.rs"]
mod writes;

use day::Report;
use relay::Line;
use rig::{MOSQUITTO, Wires};
use std::time::Duration;

/// A run of this length has the machine to itself, and looks at more.
const LONG: Duration = Duration::from_secs(30);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_power_cut_at_any_flush_every_order_that_was_told_of_is_on_the_disk() {
    let orders = asked("GALLEY_CRASH_ORDERS", 40);
    let states = asked("GALLEY_CRASH_STATES", 120);
    let Some((tape, keys)) = power::record(orders, power::Writes::Shipped).await else {
        return;
    };
    let verdict = power::judge(&tape, &keys, states, states.div_ceil(60), 1).await;
    println!(
        "\nHUMAN {} orders, {} writes, {} flushes; {} states after a power cut, the store started in {}: {} bad",
        verdict.orders,
        verdict.writes,
        verdict.flushes,
        verdict.states,
        verdict.started,
        verdict.bad
    );
    println!("CRASH {}", serde_json::to_string(&verdict).unwrap());
    assert_eq!(verdict.bad, 0, "{:#?}", verdict.violations);
    assert!(verdict.states >= states.min(100) && verdict.started > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_flushes_less_is_found_out_by_a_power_cut() {
    if !writes::possible() {
        return;
    }
    for how in [power::Writes::Unflushed, power::Writes::Normal] {
        let Some((tape, keys)) = power::record(20, how).await else {
            return;
        };
        let verdict = power::judge(&tape, &keys, 40, 0, 1).await;
        println!(
            "\nHUMAN control, {how:?}: {} of {} states are bad",
            verdict.bad, verdict.states
        );
        let control = format!("{how:?}");
        let report =
            serde_json::json!({"control": control, "states": verdict.states, "bad": verdict.bad});
        println!("CRASH {report}");
        assert!(verdict.bad > 0, "{how:?} lost nothing: {verdict:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_slow_disk_orders_share_flushes_and_kiosks_are_answered() {
    if !writes::possible() {
        return;
    }
    let seconds = asked("GALLEY_CRASH_SECONDS", 4);
    let slow = slow::every_flush(Duration::from_millis(200), 64, Duration::from_secs(seconds));
    let slow = slow.await;
    println!(
        "\nHUMAN flushes of 200 ms: {} orders by {} flushes in {seconds} s; answers to a kiosk {} ms at p99, {} ms at \
         most; longest silence before the watchdog {} ms of {} ms",
        slow.orders,
        slow.flushes,
        slow.p99_ms,
        slow.worst_ms,
        slow.watchdog_silence_ms,
        slow.watchdog_limit_ms
    );
    println!("CRASH {}", serde_json::to_string(&slow).unwrap());
    assert!(slow.flushes_a_second <= 5.5, "{slow:?}");
    assert!(slow.orders >= 8 * slow.flushes, "{slow:?}");
    // Among other tests the processor is what is slow; the long run has it to itself.
    if seconds >= LONG.as_secs() {
        assert!(slow.orders_a_second >= 100.0, "{slow:?}");
        assert!(slow.p99_ms <= 1000, "{slow:?}");
    }
    assert!(
        slow.watchdog_silence_ms < slow.watchdog_limit_ms,
        "{slow:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_stalls_degrades_the_store_and_kills_nothing() {
    if !writes::possible() {
        return;
    }
    // The unit's limit is as long as the stall of the long run.
    let stall = asked("GALLEY_CRASH_STALL", 10);
    let limit = if stall >= 30 { 30 } else { 3 };
    let stalled = slow::one_flush(Duration::from_secs(stall), Duration::from_secs(limit)).await;
    println!(
        "\nHUMAN a flush of {} s: told as degraded after {} ms; longest silence before the watchdog {} ms of {} ms; not \
         killed, every order once",
        stalled.stall_s,
        stalled.told_after_ms,
        stalled.watchdog_silence_ms,
        stalled.watchdog_limit_ms
    );
    println!("CRASH {}", serde_json::to_string(&stalled).unwrap());
    assert!(
        stalled.watchdog_silence_ms < stalled.watchdog_limit_ms,
        "{stalled:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_fall_silent_are_noticed_and_nothing_is_done_twice() {
    if !rig::has(MOSQUITTO, "mosquitto") {
        return;
    }
    let silent = links::fall_silent(asked("GALLEY_CRASH_TIMES", 1)).await;
    println!(
        "\nHUMAN lines that fell silent: noticed after {:?} ms at most; {} orders, {} violations",
        silent.noticed_ms,
        silent.orders,
        silent.violations.len()
    );
    println!("CRASH {}", serde_json::to_string(&silent).unwrap());
    assert!(silent.violations.is_empty(), "{silent:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_bad_line_headquarters_catches_up_without_a_storm_of_attempts() {
    if !rig::has(MOSQUITTO, "mosquitto") {
        return;
    }
    let lasts = Duration::from_secs(asked("GALLEY_CRASH_SECONDS", 6));
    let ms = Duration::from_millis;
    let flapping = Line {
        flaps: Some((ms(100), ms(400))),
        ..Line::default()
    };
    let narrow = Line {
        delay: ms(300),
        rate: 4000,
        lost: 10,
        ..Line::default()
    };
    let (broker, straight) = (["sync", "broker"], ["sync", "url"]);
    let cut = Line {
        cuts: true,
        ..flapping
    };
    let (a, b, c, d) = tokio::join!(
        links::catch_up("flapping, broker", flapping, broker, lasts),
        links::catch_up("flapping, straight", flapping, straight, lasts),
        links::catch_up("narrow, broker", narrow, broker, lasts),
        links::catch_up("narrow, straight", narrow, straight, lasts),
    );
    let mut all = vec![a, b, c, d];
    if lasts >= LONG {
        // Connections break every half second: between two attempts a second passes, and few meet a line that is up.
        let (broker, straight) = tokio::join!(
            links::catch_up("breaking, broker", cut, broker, lasts),
            links::catch_up("breaking, straight", cut, straight, lasts),
        );
        all.extend([broker, straight]);
    }
    for bad in &all {
        println!(
            "\nHUMAN {}: {} events in {:.1} s, {} idle seconds of link time, {:.1} s without an event at most, {} \
             attempts, {:?} ms between two at least",
            bad.line,
            bad.events,
            bad.seconds,
            bad.idle_seconds,
            bad.longest_without_event_s,
            bad.attempts,
            bad.least_between_attempts_ms
        );
    }
    println!("CRASH {}", serde_json::to_string(&all).unwrap());
    for bad in &all {
        assert!(bad.violations.is_empty(), "{bad:#?}");
        assert!(
            bad.idle_seconds == 0 || bad.line.starts_with("breaking"),
            "{bad:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_the_door_stays_alive() {
    let took = limits::descriptors(32, 60).await;
    println!("\nHUMAN 32 descriptors, 60 idle connections: served {took:?} after they went");
    assert!(took < Duration::from_secs(10), "{took:?}");
    if !writes::possible() {
        return;
    }
    let took = limits::no_descriptor_for_a_guest().await;
    println!("HUMAN accept4 refused with EMFILE: a guest is served after {took:?}");
    let report = serde_json::json!({"served_after_emfile_ms": took.as_millis()});
    println!("CRASH {report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_stands_still_is_ended_in_time_and_the_next_has_every_order() {
    if !writes::possible() {
        return;
    }
    let limit = Duration::from_secs(3);
    let noticed = limits::standing_still(limit).await;
    println!("\nHUMAN a process that stands still: ended after {noticed:?}, limit {limit:?}");
    let report = serde_json::json!({"ended_after_ms": noticed.as_millis()});
    println!("CRASH {report}");
    // Its last word may have been said just before.
    assert!(noticed <= limit * 2, "{noticed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_served_in_little_memory() {
    let crowd = asked("GALLEY_CRASH_CROWD", 150);
    let Some(memory) = limits::memory(64, crowd, 4).await else {
        return;
    };
    println!(
        "\nHUMAN {crowd} guests at once in {} MiB: {} orders, {} asked to come again, {} MiB at most",
        memory.limit_mib, memory.orders, memory.busy, memory.highest_mib
    );
    println!("CRASH {}", serde_json::to_string(&memory).unwrap());
    assert!(memory.orders > 0);
}

/// The short form: what a day leaves behind is exact, and its memory is looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_some_busy_seconds_the_books_are_exact() {
    soak(8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as it is asked for: scripts/crash --soak"]
async fn the_daemons_memory_does_not_grow_with_the_day() {
    soak(asked("GALLEY_CRASH_SECONDS", 60)).await;
}

async fn soak(seconds: u64) {
    if !rig::has(MOSQUITTO, "mosquitto") {
        return;
    }
    let soaked = soak::live(Duration::from_secs(seconds)).await;
    println!(
        "\nHUMAN {} orders in {:.0} s; memory {:?} KiB at the beginning, in the middle, at the end: {:.1} KiB a minute; \
         {} bytes of files an order; {} violations",
        soaked.orders,
        soaked.seconds,
        soaked.rss_kib,
        soaked.kib_a_minute,
        soaked.file_bytes_an_order,
        soaked.violations.len()
    );
    println!("CRASH {}", serde_json::to_string(&soaked).unwrap());
    assert!(soaked.violations.is_empty(), "{soaked:#?}");
    assert!(soaked.orders > 0 && soaked.rss_kib[0] > 0, "{soaked:?}");
}
