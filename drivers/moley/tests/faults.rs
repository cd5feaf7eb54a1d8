//! Every fault of the wire and the power, against submitting and aborting: one dish a job, no event lost or
//! doubled, bins that add up.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Ledger, check_truth, config, scene};
use galley_moley::{Framing, emulator::Fault};
use galley_robot::{
    Command, Event, Incoming, JobState, JobSubmit, LinkState, Operation, RobotDriver as _,
    RobotError,
};
use std::time::Duration;

/// Faults of the wire that end by themselves, or that a line can live with.
fn faults(op: &str, framing: Framing) -> Vec<Fault> {
    let op = || op.to_owned();
    let mut all = vec![
        Fault::LoseAnswer { op: op() },
        Fault::CutBeforeAct { op: op() },
        Fault::CutAfterAct { op: op() },
        Fault::Duplicate,
        Fault::Delay(300),
        Fault::Delay(2500),
        Fault::Reorder,
        Fault::CutFrame,
        Fault::DropOut(3),
        Fault::DropIn(3),
    ];
    // On TCP a flipped bit ends the connection; with one in twenty it still gets through.
    all.push(Fault::FlipBit(if framing == Framing::Cobs {
        3
    } else {
        20
    }));
    all
}

async fn submit_under(framing: Framing, fault: Fault, seed: u64) {
    let s = scene(framing, config(seed), None).await;
    s.kitchen.inject(fault.clone());
    s.store.submit("J-1", &s.recipe).await.unwrap();
    let l = s.store.until_job("J-1", JobState::Plated).await;
    assert_eq!(s.kitchen.dishes()["J-1"].plated, 1, "{fault:?}");
    check_truth(&s.kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn a_dish_is_cooked_once_under_every_fault_of_a_connection() {
    for (seed, fault) in (100..).zip(faults("job.submit", Framing::Len32)) {
        submit_under(Framing::Len32, fault, seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_dish_is_cooked_once_under_every_fault_of_a_line() {
    for (seed, fault) in (200..).zip(faults("job.submit", Framing::Cobs)) {
        submit_under(Framing::Cobs, fault, seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_the_dish_under_every_fault() {
    for framing in [Framing::Len32, Framing::Cobs] {
        for (seed, fault) in (300..).zip(faults("job.abort", framing)) {
            let s = scene(framing, config(seed), None).await;
            s.store.submit("J-1", &s.recipe).await.unwrap();
            s.store.until_job("J-1", JobState::Preparing).await;
            s.kitchen.inject(fault.clone());
            s.store.abort("J-1").await.unwrap();
            let l = s.store.until_job("J-1", JobState::Aborted).await;
            assert_eq!(s.kitchen.dishes()["J-1"].plated, 0, "{fault:?}");
            check_truth(&s.kitchen, &l);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_uncertain_submit_the_job_can_be_asked_for() {
    for (fault, there) in [
        (
            Fault::CutAfterAct {
                op: "job.submit".into(),
            },
            true,
        ),
        (
            Fault::CutBeforeAct {
                op: "job.submit".into(),
            },
            false,
        ),
    ] {
        let s = scene(Framing::Len32, config(40), None).await;
        s.kitchen.inject(fault);
        let submit = JobSubmit::cook("J-1", s.recipe.clone(), "A-1");
        let command = Command::new(s.store.id(), Operation::JobSubmit(submit));
        let lost = s.store.driver.execute(&command).await.unwrap_err();
        assert!(matches!(lost, RobotError::Uncertain { .. }), "{lost:?}");
        s.store.up().await;
        assert_eq!(s.store.driver.job("J-1").await.unwrap().is_some(), there);
        let again = s.store.driver.execute(&command).await.unwrap();
        assert_eq!(again.dup, there);
        let l = s.store.until_job("J-1", JobState::Plated).await;
        check_truth(&s.kitchen, &l);
    }
}

#[tokio::test(start_paused = true)]
async fn a_power_loss_at_the_submit_costs_no_second_dish() {
    for framing in [Framing::Len32, Framing::Cobs] {
        for after_commit in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let s = scene(framing, config(50), Some(folder.path().join("cell"))).await;
            let op = "job.submit".to_owned();
            s.kitchen.inject(Fault::PowerLoss { op, after_commit });
            let kitchen = s.kitchen.clone();
            let electrician = async {
                let mut changes = kitchen.changes();
                while kitchen.is_on() {
                    changes.changed().await.unwrap();
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
                kitchen.restart();
            };
            let (submitted, ()) = tokio::join!(s.store.submit("J-1", &s.recipe), electrician);
            submitted.unwrap();
            // Written, it had begun at once and died with the power; unwritten, it never was.
            let end = if after_commit {
                JobState::Failed
            } else {
                JobState::Plated
            };
            let l = s.store.until_job("J-1", end).await;
            check_truth(&s.kitchen, &l);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_power_loss_in_every_phase_fails_the_dish_and_books_what_was_used() {
    // In p1 before and after dispensing, in p2 before and after, in p3.
    for (ms, used) in [(100, 0), (2000, 1), (4500, 1), (12_000, 2), (25_000, 2)] {
        let s = scene(Framing::Len32, config(60), None).await;
        s.store.submit("J-1", &s.recipe).await.unwrap();
        s.store.until_job("J-1", JobState::Preparing).await;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        s.kitchen.power_cut();
        tokio::time::sleep(Duration::from_secs(60)).await;
        s.kitchen.restart();
        let l = s.store.until_job("J-1", JobState::Failed).await;
        let failed = l.events.iter().rev().find_map(|e| match &e.event {
            Event::JobState(j) if j.to == JobState::Failed => Some(j.clone()),
            _ => None,
        });
        let failed = failed.unwrap();
        assert_eq!(failed.reason.as_deref(), Some("POWER_LOSS"));
        assert!(failed.phase.is_some());
        assert_eq!(l.used.len(), used, "after {ms} ms");
        // The same job again: the cell says how it ended, and cooks nothing.
        s.store.submit("J-1", &s.recipe).await.unwrap();
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(s.kitchen.jobs()[0].state, JobState::Failed);
        check_truth(&s.kitchen, &s.store.ledger.borrow());
    }
}

#[tokio::test(start_paused = true)]
async fn a_half_open_link_is_given_up_and_built_anew() {
    let s = scene(Framing::Len32, config(70), None).await;
    s.kitchen.inject(Fault::Silence);
    let mut link = s.store.driver.link();
    link.wait_for(|l| matches!(l, LinkState::Connecting { attempt: 1.., .. }))
        .await
        .unwrap();
    s.kitchen.clear_faults();
    s.store.submit("J-1", &s.recipe).await.unwrap();
    let l = s.store.until_job("J-1", JobState::Plated).await;
    assert_eq!((l.ups, l.gaps), (2, 0));
    check_truth(&s.kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn without_a_link_the_dish_in_work_is_finished_and_no_other_begun() {
    let s = scene(Framing::Len32, config(71), None).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    s.store.until_job("J-1", JobState::Cooking).await;
    s.kitchen.inject(Fault::Silence);
    s.kitchen.drop_link();
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(s.kitchen.jobs()[0].state, JobState::Plated);
    s.kitchen.clear_faults();
    let l = s.store.until_job("J-1", JobState::Plated).await;
    for name in ["link.lost", "link.restored"] {
        s.store
            .until(name, |l| l.names().iter().any(|n| n == name))
            .await;
    }
    check_truth(&s.kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn another_cell_in_the_same_place_is_noticed() {
    let s = scene(Framing::Len32, config(72), None).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    s.store.until_job("J-1", JobState::Cooking).await;
    s.kitchen.replace_cell();
    s.store.until("a gap", |l| l.gaps == 1).await;
    s.store.until("caught up", |l| l.caught_up == 2).await;
    assert_eq!(s.store.driver.job("J-1").await.unwrap(), None);
    // Reconnecting to the same new cell is no gap any more.
    s.kitchen.drop_link();
    let l = s.store.until("up again", |l| l.ups == 3).await;
    assert_eq!(l.gaps, 1);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_dies_reads_on_from_its_cursor() {
    let s = scene(Framing::Len32, config(73), None).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    let before: Ledger = s.store.until_job("J-1", JobState::Cooking).await;
    let common::Scene {
        net,
        kitchen,
        store,
        ..
    } = s;
    drop(store);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let klink = common::klink(Framing::Len32);
    let store = common::Store::resumed(std::sync::Arc::new(net), klink, 74, before);
    store.connect().await.unwrap();
    let l = store.until_job("J-1", JobState::Plated).await;
    assert_eq!(l.gaps, 0);
    check_truth(&kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn only_one_controller_holds_the_cell() {
    let s = scene(Framing::Len32, config(75), None).await;
    let mut other = common::klink(Framing::Len32);
    other.controller_id = "store-018".into();
    let thief = common::Store::new(std::sync::Arc::new(s.net.clone()), other, 76);
    let busy = thief.connect().await.unwrap_err();
    assert_eq!(busy.code(), Some("BUSY_CONTROLLER"));
    let taken = thief.driver.connect(43, None).await;
    assert!(taken.is_ok(), "a higher fence takes over");
    let mut link = s.store.driver.link();
    let refused = link
        .wait_for(|l| matches!(l, LinkState::Refused(_)))
        .await
        .unwrap()
        .clone();
    assert!(
        matches!(&refused, LinkState::Refused(e) if e.code() == Some("SUPERSEDED")),
        "{refused:?}"
    );
    assert_eq!(s.store.connect().await.unwrap_err().code(), Some("FENCED"));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_for_now_and_loses_nothing() {
    let s = scene(Framing::Len32, config(77), None).await;
    s.kitchen.inject(Fault::DiskFull);
    let submit = JobSubmit::cook("J-1", s.recipe.clone(), "A-1");
    let command = Command::new(s.store.id(), Operation::JobSubmit(submit));
    let full = s.store.driver.execute(&command).await.unwrap_err();
    assert_eq!(full.code(), Some("STORAGE_ERROR"));
    assert!(full.may_repeat());
    s.kitchen.clear_faults();
    assert!(!s.store.driver.execute(&command).await.unwrap().dup);
    s.store.until_job("J-1", JobState::Plated).await;
}

#[tokio::test(start_paused = true)]
async fn a_missed_control_point_discards_the_dish() {
    let s = scene(Framing::Len32, config(78), None).await;
    s.kitchen.inject(Fault::MissControlPoint);
    s.store.submit("J-1", &s.recipe).await.unwrap();
    let l = s.store.until_job("J-1", JobState::Failed).await;
    assert!(matches!(&l.events.last().unwrap().event,
        Event::JobState(j) if j.reason.as_deref() == Some("CCP_MISSED")));
}

/// A day of many dishes while the cable is pulled again and again.
#[tokio::test(start_paused = true)]
async fn a_bad_day_ends_with_the_books_in_order() {
    let mut config = config(80);
    config.collect_after_ms = Some(5000);
    config.bins.iter_mut().for_each(|b| b.level = b.cap);
    let s = scene(Framing::Len32, config, None).await;
    let kitchen = s.kitchen.clone();
    let vandal = tokio::spawn(async move {
        for n in 1u64.. {
            tokio::time::sleep(Duration::from_millis(1700 + n * 977 % 9000)).await;
            match n % 4 {
                0 => kitchen.inject(Fault::CutAfterAct {
                    op: "job.submit".into(),
                }),
                1 => kitchen.inject(Fault::LoseAnswer {
                    op: "job.submit".into(),
                }),
                2 => kitchen.inject(Fault::CutFrame),
                _ => kitchen.drop_link(),
            }
        }
    });
    for n in 0..30 {
        s.store.submit(&format!("J-{n}"), &s.recipe).await.unwrap();
    }
    let l = s.store.until_job("J-29", JobState::Done).await;
    vandal.abort();
    let l = s
        .store
        .until("all done", |l| {
            l.jobs.values().all(|s| *s == JobState::Done)
        })
        .await
        .jobs
        .len()
        .max(l.jobs.len());
    assert_eq!(l, 30);
    assert!(s.kitchen.dishes().values().all(|c| c.plated == 1));
    check_truth(&s.kitchen, &s.store.ledger.borrow());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waits_for_its_commit_comes_once_a_connect() {
    let s = scene(Framing::Len32, config(90), None).await;
    let cursor = s.store.ledger.borrow().cursor;
    let common::Scene {
        net,
        kitchen,
        store,
        recipe,
    } = s;
    drop(store);
    let ambient = galley_robot::Ambient::seeded(common::START_MS, 91);
    let klink = common::klink(Framing::Len32);
    let driver = galley_moley::KlinkDriver::new(std::sync::Arc::new(net), klink, ambient);
    driver.connect(42, cursor).await.unwrap();
    let submit = JobSubmit::cook("J-1", recipe, "A-1");
    let command = Command::new(uuid::Uuid::from_u128(1), Operation::JobSubmit(submit));
    driver.execute(&command).await.unwrap();
    // Events read until the session is open for the second time and has caught up.
    let read = async |ups: u32| {
        let mut seen = Vec::new();
        let mut up = 0;
        loop {
            match driver.next().await.unwrap() {
                Incoming::Up(_) => up += 1,
                Incoming::Event(event) => seen.push(event.seq),
                Incoming::CaughtUp { .. } if up == ups => return seen,
                _ => {}
            }
        }
    };
    tokio::time::sleep(Duration::from_secs(10)).await;
    kitchen.drop_link();
    let first = read(2).await;
    assert!(first.len() > 2);
    assert!(first.windows(2).all(|w| w[1] == w[0] + 1), "{first:?}");
    // The commit failed: the caller reads again from its cursor, and gets all of them again.
    driver.connect(42, cursor).await.unwrap();
    let again = read(1).await;
    assert_eq!(again[..first.len()], first);
}
