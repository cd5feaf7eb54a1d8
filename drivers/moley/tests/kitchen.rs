//! A day in the emulated kitchen, without faults on the wire.
#![allow(clippy::unwrap_used)]

mod common;

use common::{check_truth, config, scene};
use galley_moley::{Framing, Key};
use galley_robot::{
    Actor, ActorRole, AttnAnswer, Choice, Command, Event, InvLoad, JobCollect, JobState, LoadMode,
    MachineCmd, MachineCommand, MachineState, Mode, ModeSet, Operation, Outcome, Part,
    RobotDriver as _, Unit,
};

fn staff() -> Actor {
    Actor {
        role: ActorRole::Staff,
        name: "u-12".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_dish_goes_from_the_queue_to_the_guest() {
    let s = scene(Framing::Len32, config(1), None).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    let l = s.store.until_job("J-1", JobState::Plated).await;
    let at = l.names().iter().position(|n| n == "job.state").unwrap();
    assert_eq!(
        l.names()[at..],
        [
            "job.state",
            "job.state",
            "inv.consumed",
            "job.phase",
            "job.state",
            "inv.consumed",
            "job.ccp",
            "job.phase",
            "job.phase",
            "job.state"
        ]
    );
    let collect = JobCollect {
        job_id: "J-1".into(),
        outcome: Outcome::Collected,
    };
    s.store
        .surely(Operation::JobCollect(collect))
        .await
        .unwrap();
    let l = s.store.until_job("J-1", JobState::Done).await;
    assert_eq!(s.kitchen.dishes()["J-1"].plated, 1);
    check_truth(&s.kitchen, &l);
    let snapshot = s.store.driver.snapshot(&Part::ALL).await.unwrap();
    assert_eq!(snapshot.as_of, l.cursor.unwrap().last_seq);
    assert_eq!(snapshot.jobs.unwrap()[0].state, JobState::Done);
    assert_eq!(snapshot.bins.unwrap().len(), 2);
    let job = s.store.driver.job("J-1").await.unwrap().unwrap();
    assert_eq!(job.outcome, Some(Outcome::Collected));
    assert_eq!(s.store.driver.job("J-2").await.unwrap(), None);
    assert_eq!(s.kitchen.unacknowledged(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_arm_and_two_hobs_work_on_two_dishes_at_once() {
    let s = scene(Framing::Len32, config(2), None).await;
    let began = tokio::time::Instant::now();
    for job in ["J-1", "J-2", "J-3"] {
        s.store.submit(job, &s.recipe).await.unwrap();
    }
    s.store.until_job("J-2", JobState::Plated).await;
    let took = began.elapsed().as_millis();
    assert!(
        (31_000..32_000).contains(&took),
        "{took} ms: 4 s arm, then 27 s beside the first"
    );
    // Both hand-over places are taken: the third dish waits for one.
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    assert_eq!(s.kitchen.jobs()[2].state, JobState::Cooking);
    s.kitchen.collect("J-1");
    let l = s.store.until_job("J-3", JobState::Plated).await;
    check_truth(&s.kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn speed_shortens_cooking_and_not_the_wire() {
    let mut fast = config(3);
    fast.speed = 100;
    let s = scene(Framing::Len32, fast, None).await;
    let began = tokio::time::Instant::now();
    s.store.submit("J-1", &s.recipe).await.unwrap();
    s.store.until_job("J-1", JobState::Plated).await;
    assert!(began.elapsed().as_millis() < 400);
}

#[tokio::test(start_paused = true)]
async fn the_example_session_of_the_protocol_is_lived_through() {
    let mut by_rule = config(4);
    by_rule.auto_production = false;
    by_rule.collect_after_ms = Some(40_000);
    by_rule.key = Some(Key::new("k1", "correct horse battery staple"));
    let net = galley_link::MemoryNet::new();
    let kitchen = galley_moley::emulator::KitchenEmulator::open(None, by_rule).unwrap();
    let (host, door) = (kitchen.clone(), net.listen("cell"));
    tokio::spawn(async move { host.listen(door, Framing::Len32).await });
    let mut klink = common::klink(Framing::Len32);
    klink.key = Some(Key::new("k1", "correct horse battery staple"));
    let store = common::Store::new(std::sync::Arc::new(net), klink, 4);
    store.connect().await.unwrap();
    let recipe = store.teach().await;
    assert_eq!(
        store.submit("J-0", &recipe).await.unwrap_err().code(),
        Some("WRONG_MODE")
    );
    let run = async |op: Operation, by: Option<Actor>| {
        let mut command = Command::new(store.id(), op);
        command.by = by;
        store.driver.execute(&command).await
    };
    let load = InvLoad {
        load_id: "LD-1".into(),
        bin: "B03".into(),
        item: "ING-0042".into(),
        mode: LoadMode::Add,
        qty: 2_000_000,
        unit: Unit::Mg,
        lot: "L-77".into(),
        expiry: common::START_MS + 3600 * 1000,
        opened: None,
        marks: Vec::new(),
    };
    let loaded = run(Operation::InvLoad(load), Some(staff())).await.unwrap();
    assert_eq!(loaded.r["level"], 7_000_000);
    let mode = ModeSet {
        mode: Mode::Automatic,
        reason: None,
    };
    run(Operation::ModeSet(mode), Some(staff())).await.unwrap();
    let machine = |cmd, inspected| Operation::Machine(MachineCmd { cmd, inspected });
    run(machine(MachineCommand::Reset, None), Some(staff()))
        .await
        .unwrap();
    let is = |state: MachineState| {
        move |l: &common::Ledger| {
            matches!(l.events.iter().rev().find_map(|e| match &e.event {
                Event::MachineState(m) => Some(m.to.clone()),
                _ => None,
            }), Some(s) if s == state)
        }
    };
    store.until("idle", is(MachineState::Idle)).await;
    let alone = run(machine(MachineCommand::Start, None), None).await;
    assert_eq!(alone.unwrap_err().code(), Some("FORBIDDEN"));
    run(machine(MachineCommand::Start, None), Some(staff()))
        .await
        .unwrap();
    store.until("execute", is(MachineState::Execute)).await;
    store.submit("J-1", &recipe).await.unwrap();
    store.until_job("J-1", JobState::Done).await;
    store.submit("J-2", &recipe).await.unwrap();
    store.until_job("J-2", JobState::Preparing).await;
    kitchen.estop(true);
    let l = store.until_job("J-2", JobState::Failed).await;
    assert!(
        matches!(&l.events.last().unwrap().event, Event::JobState(j) if j.reason.as_deref() == Some("ESTOP"))
    );
    store.until("aborted", is(MachineState::Aborted)).await;
    let clear = || machine(MachineCommand::Clear, Some(true));
    let pressed = run(clear(), Some(staff())).await.unwrap_err();
    assert_eq!(pressed.code(), Some("ESTOP_ACTIVE"));
    assert!(!pressed.may_repeat());
    kitchen.estop(false);
    let blind = run(machine(MachineCommand::Clear, None), Some(staff()))
        .await
        .unwrap_err();
    assert_eq!(blind.code(), Some("INSPECTION_REQUIRED"));
    run(clear(), Some(staff())).await.unwrap();
    let l = store.until("stopped", is(MachineState::Stopped)).await;
    check_truth(&kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn a_jam_calls_a_person_and_the_dish_goes_on_after_the_answer() {
    let s = scene(Framing::Len32, config(5), None).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    s.store.until_job("J-1", JobState::Preparing).await;
    s.kitchen.jam(true);
    let l = s
        .store
        .until("attention", |l| {
            l.names().contains(&"attention.raised".into())
        })
        .await;
    let attn = l.events.iter().find_map(|e| match &e.event {
        Event::AttentionRaised(a) => Some(a.clone()),
        _ => None,
    });
    let attn = attn.unwrap();
    assert_eq!(
        (attn.code.as_str(), attn.job_id.as_deref()),
        ("GRIPPER_JAM", Some("J-1"))
    );
    s.kitchen.jam(false);
    let answer = AttnAnswer {
        attn: attn.attn,
        choice: Choice::Retry,
    };
    s.store.surely(Operation::AttnAnswer(answer)).await.unwrap();
    let unhold = Operation::Machine(MachineCmd {
        cmd: MachineCommand::Unhold,
        inspected: None,
    });
    s.store
        .until("held", |l| {
            l.events
                .iter()
                .any(|e| matches!(&e.event, Event::MachineState(m) if m.to == MachineState::Held))
        })
        .await;
    let go_on = Command::new(s.store.id(), unhold).by(staff());
    s.store.driver.execute(&go_on).await.unwrap();
    let l = s.store.until_job("J-1", JobState::Plated).await;
    check_truth(&s.kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn the_panel_clears_a_jam_without_a_command() {
    let s = scene(Framing::Len32, config(6), None).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    s.store.until_job("J-1", JobState::Preparing).await;
    s.kitchen.jam(true);
    s.store
        .until("attention", |l| {
            l.names().contains(&"attention.raised".into())
        })
        .await;
    s.kitchen.clear_attention();
    let l = s.store.until_job("J-1", JobState::Plated).await;
    check_truth(&s.kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn a_question_nobody_answers_fails_the_dish() {
    let s = scene(Framing::Len32, config(7), None).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    s.store.until_job("J-1", JobState::Preparing).await;
    s.kitchen.drain("B07");
    let l = s.store.until_job("J-1", JobState::Failed).await;
    let reason = l.events.iter().rev().find_map(|e| match &e.event {
        Event::JobState(j) => j.reason.clone(),
        _ => None,
    });
    assert_eq!(reason.as_deref(), Some("OUT_OF_STOCK"));
    assert!(
        l.used.contains("J-1:p1:beet:1"),
        "what left its bin is booked"
    );
    assert_eq!(
        s.store.submit("J-2", &s.recipe).await.unwrap_err().code(),
        Some("OUT_OF_STOCK")
    );
    check_truth(&s.kitchen, &l);
}

#[tokio::test(start_paused = true)]
async fn the_kitchen_remembers_everything_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cell");
    let mut wanted = config(8);
    wanted.max_jobs = 10;
    let s = scene(Framing::Len32, wanted.clone(), Some(path.clone())).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    let l = s.store.until_job("J-1", JobState::Plated).await;
    let (bins, machine) = (s.kitchen.bins(), s.kitchen.machine());
    assert_eq!(machine.state, MachineState::Execute);
    drop(s);
    let again = galley_moley::emulator::KitchenEmulator::open(Some(path), wanted).unwrap();
    assert_eq!(again.bins(), bins);
    assert_eq!(again.jobs()[0].state, JobState::Plated);
    assert_eq!(again.dishes()["J-1"].plated, 1);
    check_truth(&again, &l);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_journal() {
    let day = async || {
        let mut noisy = config(9);
        noisy.noise = true;
        let s = scene(Framing::Len32, noisy, None).await;
        for job in ["J-1", "J-2"] {
            s.store.submit(job, &s.recipe).await.unwrap();
        }
        s.store.until_job("J-2", JobState::Plated).await.events
    };
    let first = day().await;
    assert_eq!(first, day().await);
    assert!(first.iter().any(|e| matches!(&e.event, Event::Consumed(c) if c.qty != 80_000 && c.bin.as_deref() == Some("B03"))));
}

#[tokio::test(start_paused = true)]
async fn a_dish_that_stands_too_long_is_reported() {
    let s = scene(Framing::Len32, config(10), None).await;
    s.store.submit("J-1", &s.recipe).await.unwrap();
    s.store.until_job("J-1", JobState::Plated).await;
    s.store
        .until("hold expired", |l| {
            l.names().contains(&"job.hold_expired".into())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn stock_can_come_with_the_recipe() {
    let mut endless = config(11);
    endless.bins.clear();
    endless.stock_portions = 3;
    let s = scene(Framing::Len32, endless, None).await;
    for (n, job) in ["J-1", "J-2", "J-3"].into_iter().enumerate() {
        s.store.submit(job, &s.recipe).await.unwrap();
        s.store.until_job(job, JobState::Plated).await;
        s.kitchen.collect(job);
        let left = 2 - i64::try_from(n).unwrap();
        assert_eq!(s.kitchen.bins()[0].level, left * 80_000);
    }
    assert_eq!(
        s.store.submit("J-4", &s.recipe).await.unwrap_err().code(),
        Some("OUT_OF_STOCK")
    );
}
