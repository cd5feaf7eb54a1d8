//! The manual driver: a dish cooked by buttons, and a daemon that dies in between.
#![allow(clippy::unwrap_used)]

use async_trait::async_trait;
use galley_robot::{
    Ambient, Command, Cursor, Event, Incoming, JobAbort, JobCollect, JobState, JobSubmit,
    Operation, Outcome, Part, Recipe, RecipeRef, RobotDriver as _, RobotError,
    manual::{BookAt, ManualDriver, ManualState, ManualStore, Press},
    upload,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;
use uuid::Uuid;

fn recipe() -> Recipe {
    serde_json::from_str(
        r#"{"schema":"klink.recipe/1","id":"borsch","rev":7,"name":{"en":"Borscht"},"card":"TK-112","portion_mg":350000,
        "requires":[],"ingredients":[{"ref":"beet","item":"ING-0042","qty":80000,"unit":"mg","tol_pm":50},
        {"ref":"stock","item":"ING-0007","qty":250000,"unit":"ul","tol_pm":30}],"params":[],
        "phases":[{"id":"p1","op":"dispense","use":["beet","stock"],"res":["arm"],"dur_ms":1000,"stage":"preparing"}],
        "ccp":[],"hold":{"max_ms":900000,"min_mc":63000},"allergens":[],"programs":[]}"#,
    )
    .unwrap()
}

/// The daemon's table: keeps the last state, as JSON.
#[derive(Default)]
struct Table {
    saved: Mutex<Option<String>>,
    broken: Mutex<bool>,
}

#[async_trait]
impl ManualStore for Table {
    async fn save(&self, state: &ManualState) -> Result<(), String> {
        if *self.broken.lock().unwrap() {
            return Err("the disk is full".into());
        }
        *self.saved.lock().unwrap() = Some(serde_json::to_string(state).unwrap());
        Ok(())
    }
}

impl Table {
    fn start(self: &Arc<Self>) -> ManualDriver {
        let saved = self.saved.lock().unwrap().clone();
        let state = saved.map_or_else(
            || ManualState::new(Uuid::from_u128(77)),
            |text| serde_json::from_str(&text).unwrap(),
        );
        let store: Arc<dyn ManualStore> = self.clone();
        ManualDriver::new(state, store, BookAt::Ready, Ambient::seeded(1000, 1))
    }
}

async fn teach(driver: &ManualDriver) -> RecipeRef {
    let mut n = 1000;
    let known = recipe();
    let new_id = || {
        n += 1;
        Uuid::from_u128(n)
    };
    upload(driver, &known, 1 << 20, new_id).await.unwrap()
}

fn submit(recipe: RecipeRef) -> Command {
    let job = JobSubmit::cook("J-1", recipe, "A-17/1");
    Command::new(Uuid::from_u128(1), Operation::JobSubmit(job))
}

/// Reads and acknowledges until nothing more comes.
async fn drain(driver: &ManualDriver) -> Vec<(u64, Event)> {
    let mut all = Vec::new();
    while let Ok(incoming) = timeout(Duration::from_millis(1), driver.next()).await {
        if let Incoming::Event(event) = incoming.unwrap() {
            driver.ack(event.seq).await.unwrap();
            all.push((event.seq, event.event));
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_dish_is_cooked_by_buttons_and_its_amounts_are_booked_once() {
    let driver = Arc::new(Table::default()).start();
    driver.connect(1, None).await.unwrap();
    let name = teach(&driver).await;
    let first = driver.execute(&submit(name.clone())).await.unwrap();
    assert!(!first.dup);
    assert!(driver.execute(&submit(name)).await.unwrap().dup);
    let tickets = driver.tickets().await;
    assert_eq!((tickets.len(), tickets[0].lines.len()), (1, 2));
    assert_eq!(tickets[0].name["en"], "Borscht");
    driver.press("J-1", Press::Started).await.unwrap();
    driver.press("J-1", Press::Started).await.unwrap();
    driver.press("J-1", Press::Ready).await.unwrap();
    driver.press("J-1", Press::Ready).await.unwrap();
    let collect = Operation::JobCollect(JobCollect {
        job_id: "J-1".into(),
        outcome: Outcome::Collected,
    });
    let command = Command::new(Uuid::from_u128(2), collect);
    driver.execute(&command).await.unwrap();
    let events = drain(&driver).await;
    let names: Vec<String> = events.iter().map(|(_, e)| e.to_wire().0).collect();
    assert_eq!(
        names,
        [
            "recipe.state",
            "recipe.state",
            "job.state",
            "job.state",
            "job.state",
            "inv.consumed",
            "inv.consumed",
            "job.state",
            "job.state"
        ]
    );
    assert!(events.iter().map(|(seq, _)| *seq).eq(1..=9));
    assert!(driver.press("J-1", Press::Started).await.is_err());
    assert!(driver.tickets().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_dies_finds_the_job_and_the_events_again() {
    let table = Arc::new(Table::default());
    let driver = table.start();
    driver.connect(1, None).await.unwrap();
    let name = teach(&driver).await;
    driver.execute(&submit(name.clone())).await.unwrap();
    let read = drain(&driver).await.len() as u64;
    driver.press("J-1", Press::Started).await.unwrap();
    drop(driver);
    let driver = table.start();
    let cursor = Cursor {
        epoch: Uuid::from_u128(77),
        last_seq: read,
    };
    let info = driver.connect(1, Some(cursor)).await.unwrap();
    assert!(!info.gap);
    let missed = drain(&driver).await;
    assert!(missed.iter().map(|(seq, _)| *seq).eq(read + 1..=read + 2));
    assert!(driver.execute(&submit(name)).await.unwrap().dup);
    let job = driver.job("J-1").await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Cooking);
    let older = driver.connect(0, None).await.unwrap_err();
    assert_eq!(older.code(), Some("FENCED"));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_kept_has_not_happened() {
    let table = Arc::new(Table::default());
    let driver = table.start();
    driver.connect(1, None).await.unwrap();
    let name = teach(&driver).await;
    drain(&driver).await;
    *table.broken.lock().unwrap() = true;
    let failed = driver.execute(&submit(name.clone())).await.unwrap_err();
    assert_eq!(failed.code(), Some("STORAGE_ERROR"));
    assert!(failed.may_repeat());
    assert_eq!(driver.job("J-1").await.unwrap(), None);
    assert!(drain(&driver).await.is_empty());
    *table.broken.lock().unwrap() = false;
    assert!(!driver.execute(&submit(name)).await.unwrap().dup);
    assert_eq!(drain(&driver).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_problem_and_an_abort_end_a_job_with_what_was_used() {
    let driver = Arc::new(Table::default()).start();
    driver.connect(1, None).await.unwrap();
    let name = teach(&driver).await;
    for (n, used) in [(10u128, false), (11, true)] {
        let job = format!("J-{n}");
        let cook = JobSubmit::cook(&job, name.clone(), "A");
        driver
            .execute(&Command::new(
                Uuid::from_u128(n),
                Operation::JobSubmit(cook),
            ))
            .await
            .unwrap();
        let reason = "OUT_OF_STOCK".to_owned();
        driver
            .press(&job, Press::Problem { reason, used })
            .await
            .unwrap();
    }
    let cook = JobSubmit::cook("J-12", name, "A");
    driver
        .execute(&Command::new(
            Uuid::from_u128(12),
            Operation::JobSubmit(cook),
        ))
        .await
        .unwrap();
    let abort = JobAbort {
        job_id: "J-12".into(),
        how: galley_robot::AbortHow::Now,
        reason: "guest".into(),
    };
    driver
        .execute(&Command::new(
            Uuid::from_u128(13),
            Operation::JobAbort(abort),
        ))
        .await
        .unwrap();
    let booked = drain(&driver)
        .await
        .into_iter()
        .filter_map(|(_, e)| match e {
            Event::Consumed(c) => c.job_id,
            _ => None,
        });
    assert_eq!(booked.collect::<Vec<_>>(), ["J-11", "J-11"]);
    let snapshot = driver.snapshot(&Part::ALL).await.unwrap();
    let states: Vec<JobState> = snapshot
        .jobs
        .unwrap()
        .into_iter()
        .map(|j| j.state)
        .collect();
    assert_eq!(
        states,
        [JobState::Failed, JobState::Failed, JobState::Aborted]
    );
    let unsupported = Operation::InvAdjust(galley_robot::InvAdjust {
        load_id: "L".into(),
        bin: "B".into(),
        level: 1,
        reason: String::new(),
    });
    let refused = driver
        .execute(&Command::new(Uuid::from_u128(14), unsupported))
        .await;
    assert!(matches!(refused, Err(RobotError::Refused { code, .. }) if code == "UNSUPPORTED"));
}
