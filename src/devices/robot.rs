//! The robot's supervisor: applies its journal, hands jobs over, keeps its recipes, tells its health.

mod apply;
mod bins;
mod compare;
mod fence;
mod idle;
mod lost;
mod places;
mod recipes;
mod variant;

use super::Health;
use crate::{
    domain::event::Actor,
    flow::{
        Site,
        effects::{collect, cook, machine},
        engine::Poke,
        executor::{Call, Executor, NotNow, Outcome, Refusal, Resolution},
    },
};
use async_trait::async_trait;
#[cfg(feature = "emulators")]
pub(crate) use fence::cursor as journal_cursor;
use fence::{JOURNAL, Place};
use futures_util::future::BoxFuture;
use galley_robot::{
    AbortHow, Actor as RobotActor, ActorRole, CellInfo, Command, Cursor, Event, Incoming, JobAbort,
    JobCollect, JobState, JobSubmit, JobView, MachineCmd, MachineCommand, MachineState, Operation,
    Outcome as Taken, Part, RobotDriver, RobotError,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Jobs handed over for each arm: one at work and one queued; the rest stays cheap to cancel. [source: robot.md 3.10]
const JOBS_PER_ARM: u32 = 2;
/// What is said of a robot whose link is up and that does not work.
pub(crate) const TAKES_NONE: &str = "it answers, and takes no dishes";
/// Pause after the robot refused the session.
const REFUSED: Duration = Duration::from_secs(30);

/// Buttons of the manual driver.
pub type Press =
    Arc<dyn Fn(String, String) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What is known of the robot right now.
#[derive(Clone, Debug, Default)]
struct Known {
    cell: Option<CellInfo>,
    machine: Option<MachineState>,
    ready: bool,
    /// Its bins are to be looked at after its next event.
    levels_due: bool,
    /// Its bins are not as the book says.
    differs: bool,
    /// Jobs at the robot that are neither plated nor over.
    at_work: BTreeSet<String>,
    /// Jobs whose dish stands on a hand-over place.
    standing: BTreeSet<String>,
    /// A dish waits in the store for places to come free.
    waits: bool,
    detail: String,
}

impl Known {
    /// The robot carries out dishes that it has.
    fn works(&self) -> bool {
        self.ready
            && self.machine.as_ref().is_some_and(|state| {
                matches!(
                    state,
                    MachineState::Execute
                        | MachineState::Idle
                        | MachineState::Starting
                        | MachineState::Suspending
                        | MachineState::Suspended
                        | MachineState::Unsuspending
                        | MachineState::Unholding
                )
            })
    }

    /// Takes in where a job stands now.
    fn stands(&mut self, job: &str, state: &JobState) {
        self.at_work.remove(job);
        self.standing.remove(job);
        if *state == JobState::Plated {
            self.standing.insert(job.to_owned());
        } else if !state.is_final() {
            self.at_work.insert(job.to_owned());
        }
    }
}

/// The robot of the store.
pub struct Robot {
    site: Arc<Site>,
    driver: Arc<dyn RobotDriver>,
    press: Option<Press>,
    poke: Poke,
    health: Health,
    known: watch::Sender<Known>,
    recipes: Mutex<recipes::Recipes>,
    /// Hashes of recipes of guests' choices that the robot has.
    brought: Mutex<BTreeSet<String>>,
}

impl Robot {
    /// Takes the robot over. `press`: the buttons, where staff do the robot's talking.
    #[must_use]
    pub fn new(
        site: Arc<Site>,
        driver: Arc<dyn RobotDriver>,
        press: Option<Press>,
        poke: Poke,
    ) -> Arc<Self> {
        Arc::new(Self {
            site,
            driver,
            press,
            poke,
            health: Health::of("robot"),
            known: watch::Sender::default(),
            recipes: Mutex::default(),
            brought: Mutex::default(),
        })
    }

    /// How it does, for screens.
    pub async fn status(&self) -> Value {
        let known = self.known.borrow().clone();
        let attention = match self.driver.snapshot(&[Part::Machine]).await {
            Ok(snapshot) if known.ready => snapshot.machine.map(|m| json!(m.attention)),
            _ => None,
        };
        json!({
            "state": known.machine.as_ref().map_or("unknown", MachineState::as_str),
            "ready": known.ready,
            "detail": known.detail,
            "cell": known.cell.as_ref().map(|c| json!({
                "cell_id": c.cell_id, "vendor": c.vendor, "model": c.model, "serial": c.serial, "sw": c.sw,
            })),
            "jobs_at_work": known.at_work.len(),
            "attention": attention,
            "manual": self.press.is_some(),
        })
    }

    /// Whether it is there, and what it says of itself; none before it was asked.
    #[must_use]
    pub fn health(&self) -> Option<(&'static str, String)> {
        self.health.now()
    }

    /// Its jobs.
    ///
    /// # Errors
    /// When it doesn't answer.
    pub async fn jobs(&self) -> Result<Vec<JobView>, RobotError> {
        Ok(self
            .driver
            .snapshot(&[Part::Jobs])
            .await?
            .jobs
            .unwrap_or_default())
    }

    /// A member of staff says how a dish goes. Of a robot that talks for itself only what it can't know any more.
    ///
    /// # Errors
    /// The robot talks for itself, or there is no such job or button; in words.
    pub async fn press(&self, by: Actor, job: &str, button: &str) -> Result<(), String> {
        match &self.press {
            Some(press) => press(job.to_owned(), button.to_owned()).await,
            None => lost::settle(&self.site, by, job, button).await,
        }
    }

    /// Looks after the robot until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let places = self.watch_places();
        let idleness = self.watch_idleness();
        let bins = self.watch_bins();
        tokio::pin!(places, idleness, bins);
        let mut told = String::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    self.driver.close(galley_robot::ByeCode::Shutdown).await;
                    return;
                }
                () = &mut places => return,
                () = &mut idleness => return,
                () = &mut bins => return,
                why = self.session() => {
                    // A robot that goes on refusing says the same every time.
                    if why != told {
                        tracing::warn!(device.id = "robot", why, "the robot's session ended; opening others");
                        told = why;
                    }
                    // A daemon that is stopped does not sit a refusal out.
                    tokio::select! {
                        biased;
                        () = shutdown.cancelled() => {}
                        () = tokio::time::sleep(REFUSED) => {}
                    }
                }
            }
        }
    }

    /// One life of the driver's connection; answers why it ended.
    async fn session(&self) -> String {
        let place = match fence::place(&self.site).await {
            Ok(place) => place,
            Err(why) => return why,
        };
        if let Err(e) = self.driver.connect(place.fence, place.cursor).await {
            self.away(&e).await;
            if !matches!(e, RobotError::LinkDown { .. }) {
                return e.to_string();
            }
        }
        let mut cursor = place.cursor;
        loop {
            let incoming = match self.driver.next().await {
                Ok(incoming) => incoming,
                Err(e) => return e.to_string(),
            };
            match incoming {
                Incoming::Up(cell) => {
                    if cell.gap || cursor.is_some_and(|c| c.epoch != cell.epoch) {
                        self.alert_gap(&cell).await;
                    }
                    if cursor.is_none_or(|c| c.epoch != cell.epoch) {
                        cursor = Some(Cursor {
                            epoch: cell.epoch,
                            last_seq: cell.first_seq.saturating_sub(1),
                        });
                    }
                    self.known.send_modify(|k| k.cell = Some(*cell));
                }
                Incoming::Event(event) => {
                    let at = Cursor {
                        epoch: event.epoch,
                        last_seq: event.seq,
                    };
                    if let Err(e) = self.apply(&event.event, place.fence, at).await {
                        return format!("an event can't be written: {e}");
                    }
                    cursor = Some(at);
                    self.follow(&event.event).await;
                    if let Err(e) = self.driver.ack(event.seq).await {
                        return e.to_string();
                    }
                    if self.known.borrow().levels_due
                        && let Ok(snapshot) = self.driver.snapshot(&[Part::Bins]).await
                    {
                        self.book_levels(snapshot.bins, snapshot.as_of).await;
                    }
                }
                Incoming::CaughtUp { .. } => {
                    if let Err(e) = self.catch_up().await {
                        self.away(&e).await;
                    }
                }
                Incoming::Telemetry(_) => {}
                Incoming::Down { detail, refused } => {
                    let e = refused.clone().unwrap_or(RobotError::LinkDown { detail });
                    self.away(&e).await;
                    if refused.is_some() {
                        return e.to_string();
                    }
                }
            }
        }
    }

    /// Applies one journal event and moves the cursor, in one write.
    async fn apply(
        &self,
        event: &Event,
        fence: u64,
        at: Cursor,
    ) -> Result<(), crate::flow::FlowError> {
        let event = event.clone();
        self.site
            .command(Actor(String::from("robot")), move |tx, cx| {
                apply::apply(tx, cx, &event)?;
                tx.put_document(
                    JOURNAL,
                    &Place {
                        fence,
                        cursor: Some(at),
                    },
                )?;
                Ok(())
            })
            .await
    }

    /// Keeps what is known in memory in step with an event.
    async fn follow(&self, event: &Event) {
        match event {
            Event::JobState(e) => self.known.send_modify(|k| k.stands(&e.job_id, &e.to)),
            Event::MachineState(e) => {
                self.known.send_modify(|k| k.machine = Some(e.to.clone()));
                self.tell_machine().await;
            }
            _ => {}
        }
    }

    /// The journal is read up to date: compare, bring the recipes, and only then take effects up again.
    async fn catch_up(&self) -> Result<(), RobotError> {
        let records = match self.site.store.read(compare::records).await {
            Ok(records) => records,
            Err(error) => {
                let error: crate::store::StoreError = error;
                tracing::error!(%error, "the dishes under way can't be read");
                std::collections::BTreeMap::new()
            }
        };
        let snapshot = galley_robot::look(&*self.driver, &records).await?;
        let jobs = snapshot.jobs.unwrap_or_default();
        self.settle(records, jobs.clone()).await;
        let catalog = self.site.catalog();
        let wanted =
            recipes::Recipes::of(&catalog).map_err(|e| RobotError::refused("RECIPE_INVALID", e))?;
        let quality = self
            .known
            .borrow()
            .cell
            .as_ref()
            .map(|c| (c.quality, c.limits));
        if let Some((quality, limits)) = quality
            && quality.recipes
        {
            let have = snapshot.recipes.unwrap_or_default();
            let world = self.site.world.clone();
            recipes::upload(&*self.driver, &wanted, &have, limits, move || {
                world.new_id()
            })
            .await?;
        }
        *self.recipes.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        self.brought
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.book_levels(snapshot.bins, snapshot.as_of).await;
        self.known.send_modify(|k| {
            k.machine = snapshot.machine.map(|m| m.state).or(k.machine.take());
            k.at_work.clear();
            k.standing.clear();
            for job in &jobs {
                k.stands(&job.job_id, &job.state);
            }
            k.ready = true;
        });
        self.tell_machine().await;
        self.poke.poke();
        Ok(())
    }

    /// Takes in what the robot says of the jobs, and tells people what nobody can know.
    async fn settle(
        &self,
        records: std::collections::BTreeMap<String, galley_robot::Record>,
        jobs: Vec<JobView>,
    ) {
        let Some(cell) = self.known.borrow().cell.clone() else {
            return;
        };
        // A robot without a memory of its own forgets; that proves nothing.
        if !cell.quality.exactly_once {
            return;
        }
        let settled = self
            .site
            .command(Actor(String::from("robot")), move |tx, cx| {
                compare::settle(tx, cx, &records, &jobs, cell.gap)
            })
            .await;
        if let Err(error) = settled {
            tracing::error!(%error, "the robot's jobs can't be taken in");
        }
    }

    async fn tell_machine(&self) {
        let known = self.known.borrow().clone();
        if !known.ready {
            return;
        }
        let works = known.works();
        let state = known.machine.as_ref().unwrap_or(&MachineState::Undefined);
        let cell = known.cell.as_ref().map_or_else(String::new, |c| {
            format!("{} {} {}", c.vendor, c.model, c.serial)
        });
        let mut detail = format!("{}, {state}", cell.trim());
        self.known.send_modify(|k| k.detail.clone_from(&detail));
        let word = if works { "up" } else { "down" };
        if !works && !idle::is_passing(&known) {
            // The link is up: what to mend is the machine's state, not the cable.
            detail = format!("{detail}: {TAKES_NONE}. {}", idle::way_back(&known));
        }
        if self.health.set(&self.site, word, &detail).await && works {
            self.poke.poke();
        }
    }

    async fn away(&self, e: &RobotError) {
        self.known.send_modify(|k| {
            k.ready = false;
            k.detail = e.to_string();
        });
        let state = if matches!(e, RobotError::Refused { .. }) {
            "refused"
        } else {
            "down"
        };
        self.health.set(&self.site, state, &e.to_string()).await;
    }

    async fn alert_gap(&self, cell: &CellInfo) {
        let detail = format!(
            "The robot {} came back with another journal, or lost events: what became of dishes under way is not known.",
            cell.cell_id
        );
        let raised = self
            .site
            .command(Actor::system(), move |tx, cx| {
                apply::alert_gap(tx, cx, detail)
            })
            .await;
        if let Err(error) = raised {
            tracing::error!(%error, "an alert can't be written");
        }
    }

    fn submit(&self, call: &Call) -> Result<Command, Refusal> {
        let request: cook::Request = call.request()?;
        let mut job = JobSubmit::cook(
            request.job_id.to_string(),
            self.recipe_for(&request)?,
            format!("{} {}", request.order_number, request.dish),
        );
        job.params = variant::params(&request);
        Ok(Command::new(
            command_id(&call.key),
            Operation::JobSubmit(job),
        ))
    }

    fn command(&self, call: &Call) -> Result<Command, Refusal> {
        match call.kind.as_str() {
            cook::KIND => self.submit(call),
            collect::KIND => {
                let request: collect::Request = call.request()?;
                Ok(Command::new(
                    command_id(&call.key),
                    Operation::JobCollect(JobCollect {
                        job_id: request.job_id.to_string(),
                        outcome: Taken::Collected,
                    }),
                ))
            }
            _ => {
                let request: machine::Request = call.request()?;
                if let Some(refusal) = request.too_late(self.site.world.clock.now()) {
                    return Err(refusal);
                }
                let by = RobotActor {
                    role: ActorRole::Staff,
                    name: request.by,
                };
                let cmd = match request.act {
                    machine::Act::Pause => MachineCommand::Hold,
                    machine::Act::Resume => MachineCommand::Unhold,
                    machine::Act::Clear => MachineCommand::Clear,
                    machine::Act::Reset => MachineCommand::Reset,
                    machine::Act::Start => MachineCommand::Start,
                    machine::Act::Abort => {
                        let abort = JobAbort {
                            job_id: request.job.unwrap_or_default(),
                            how: AbortHow::SafePoint,
                            reason: format!("given up by {}", by.name),
                        };
                        let op = Operation::JobAbort(abort);
                        return Ok(Command::new(command_id(&call.key), op).by(by));
                    }
                };
                // The robot clears a fault only for a person who has looked. [source: robot.md 2.8]
                let inspected = (request.act == machine::Act::Clear).then_some(true);
                Ok(Command::new(
                    command_id(&call.key),
                    Operation::Machine(MachineCmd { cmd, inspected }),
                )
                .by(by))
            }
        }
    }
}

/// The robot knows a command by this id, through any number of attempts.
fn command_id(key: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("galley:{key}").as_bytes())
}

/// What a person can do about a robot that doesn't answer.
const CHECK: &str =
    "Check that the robot is on, its cable is plugged in, and its panel shows no question.";

fn not_now(e: &RobotError) -> NotNow {
    let advice = match e {
        RobotError::Refused { advice, .. } => advice.clone(),
        _ => CHECK.to_owned(),
    };
    NotNow::new(e.to_string(), advice)
}

#[async_trait]
impl Executor for Robot {
    fn kinds(&self) -> &'static [&'static str] {
        &[cook::KIND, collect::KIND, machine::KIND]
    }

    async fn prepare(&self, call: &Call) -> Result<Value, NotNow> {
        if call.kind == cook::KIND {
            self.room(call).await?;
            self.bring_recipe(call).await?;
            let epoch = self.known.borrow().cell.as_ref().map(|c| c.epoch);
            return Ok(json!({ "epoch": epoch }));
        }
        Ok(Value::Null)
    }

    async fn perform(&self, call: &Call) -> Outcome {
        let command = match self.command(call) {
            Ok(command) => command,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        if !self.known.borrow().ready {
            return Outcome::NotSent(NotNow::new("the robot is not connected", CHECK));
        }
        match self.driver.execute(&command).await {
            Ok(result) => {
                if let Operation::JobSubmit(job) = &command.op {
                    self.known.send_modify(|k| {
                        k.at_work.insert(job.job_id.clone());
                    });
                }
                Outcome::Done(result.r)
            }
            // The dish was taken already, or the cell has forgotten it: the place is free.
            Err(RobotError::Refused { .. }) if call.kind == collect::KIND => {
                Outcome::Done(Value::Null)
            }
            Err(e) if e.may_repeat() => Outcome::NotSent(not_now(&e)),
            Err(RobotError::Refused {
                code, text, advice, ..
            }) => Outcome::Refused(Refusal::new(code, text, advice)),
            Err(e) => Outcome::Unknown(not_now(&e)),
        }
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        let known = self.known.borrow().clone();
        let Some(cell) = known.cell.filter(|_| known.ready) else {
            return Resolution::Unknown(NotNow::new("the robot is not connected", CHECK));
        };
        if call.kind != cook::KIND {
            // The cell keeps the answer to a command: the same id is safe.
            return if cell.quality.exactly_once {
                Resolution::NotDone
            } else {
                Resolution::NeedsPerson(Refusal::new(
                    "unknown",
                    "this robot can't tell whether it carried the command out",
                    "Look at the robot, then settle the effect.",
                ))
            };
        }
        let job = match call.request::<cook::Request>() {
            Ok(request) => request.job_id.to_string(),
            Err(refusal) => return Resolution::NeedsPerson(refusal),
        };
        // Another journal says nothing of what was told to the one before it, in whichever session that is asked.
        let same = match call.evidence.get("epoch") {
            Some(Value::String(epoch)) => *epoch == cell.epoch.to_string(),
            _ => true,
        };
        match self.driver.job(&job).await {
            Ok(Some(view)) => Resolution::Done(json!({"job_id": view.job_id})),
            Ok(None) if cell.quality.exactly_once && !cell.gap && same => Resolution::NotDone,
            Ok(None) => Resolution::NeedsPerson(Refusal::new(
                "unknown",
                "the robot has no such job, and may have lost it",
                "Look whether the dish was made: galley robot job ready ID, or galley robot job problem ID.",
            )),
            Err(e) => Resolution::Unknown(not_now(&e)),
        }
    }
}
