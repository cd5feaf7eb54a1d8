//! The core of the emulated cell: durable state, the machine, and time. Everything here is synchronous; the
//! caller holds the lock, lets time pass with [`Kitchen::advance`] and asks when to come again.

use super::{
    config::EmulatorConfig,
    disk::Disk,
    faults::Faults,
    machine,
    state::{Bin, Change, Entry, Job, MachineNow, State},
};
use galley_robot::{
    CellBoot, Choice, Event, JobState, JobStateChanged, LinkLost, LinkRestored, MachineMode,
    MachineState, MachineStateChanged, Mode, Recipe, Salvage, digest_text,
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::time::Instant;
use uuid::Uuid;

/// Final jobs remembered; older ones are forgotten.
const FINAL_JOBS: usize = 200;
/// Acting states without work of their own last this long, ms before speed.
const STEP_MS: u64 = 500;
/// An abort is this quick.
const ABORT_MS: u64 = 50;

/// The cell.
pub(super) struct Kitchen {
    pub config: EmulatorConfig,
    pub state: State,
    pub faults: Faults,
    pub power: bool,
    /// Mechanically stuck.
    pub jam: bool,
    /// Recipes read from their bytes, by hash.
    pub recipes: BTreeMap<String, Arc<Recipe>>,
    /// Work in progress; gone with the power.
    pub running: BTreeMap<String, Running>,
    /// Connection that is the controller now.
    pub owner: Option<u64>,
    /// Observers connected.
    pub observers: u32,
    /// Executions by command id: never above one.
    pub executions: BTreeMap<Uuid, u32>,
    /// Changes whenever somebody outside may want to look.
    pub version: u64,
    pub(super) disk: Disk,
    pub(super) tx: Vec<Change>,
    began: Instant,
    /// End of the acting state.
    acting_until: Option<u64>,
    /// Since when no controller is connected; `None` while one is, or none ever was.
    silent_since: Option<u64>,
    link_lost: bool,
    pub(super) attention_until: BTreeMap<String, u64>,
    pub(super) collect_at: BTreeMap<String, u64>,
    /// Came up by itself; leads the machine to execute.
    pub(super) auto_rise: bool,
}

/// A job the arm has begun.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub index: usize,
    /// Claims the phase's equipment and runs; otherwise it waits for equipment.
    pub active: bool,
    /// Waits for an answer to an attention.
    pub stuck: bool,
    pub started: u64,
    pub dispense_at: Option<u64>,
    pub end_at: u64,
    /// Ingredients of this phase that have left their bins.
    pub dispensed: Vec<String>,
    /// Equipment kept between phases.
    pub kept: Vec<String>,
    pub frozen_at: Option<u64>,
    pub done_ms: u64,
}

impl Kitchen {
    /// A cell with a loaded or unborn state; powered on at once.
    pub fn new(config: EmulatorConfig, disk: Disk, state: State) -> Self {
        let mut kitchen = Self {
            config,
            state,
            faults: Faults::default(),
            power: false,
            jam: false,
            recipes: BTreeMap::new(),
            running: BTreeMap::new(),
            owner: None,
            observers: 0,
            executions: BTreeMap::new(),
            version: 0,
            disk,
            tx: Vec::new(),
            began: Instant::now(),
            acting_until: None,
            silent_since: None,
            link_lost: false,
            attention_until: BTreeMap::new(),
            collect_at: BTreeMap::new(),
            auto_rise: false,
        };
        if !kitchen.state.is_born() {
            kitchen.be_born();
        }
        kitchen.power_up("power_on");
        kitchen
    }

    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn began(&self) -> Instant {
        self.began
    }

    pub fn wall(&self) -> i64 {
        self.config.ambient.now_ms()
    }

    /// A duration of the recipe or of the machine, sped up.
    pub fn scaled(&self, ms: u64) -> u64 {
        (ms / u64::from(self.config.speed.max(1))).max(1)
    }

    /// Remembers a change and makes it.
    pub fn put(&mut self, change: Change) {
        if self.disk.path().is_some() {
            self.tx.push(change.clone());
        }
        if let Change::Recipe(stored) = &change {
            self.learn(&stored.hash, &stored.data);
        }
        self.state.apply(change);
        self.version += 1;
    }

    /// Reads a recipe once it is whole.
    fn learn(&mut self, hash: &str, data: &[u8]) {
        if !self.recipes.contains_key(hash)
            && let Ok(recipe) = serde_json::from_slice::<Recipe>(data)
        {
            self.recipes.insert(hash.to_owned(), Arc::new(recipe));
        }
    }

    /// Writes what was put since the last commit.
    pub fn commit(&mut self) {
        let changes = std::mem::take(&mut self.tx);
        if !changes.is_empty()
            && let Err(e) = self.disk.append(&changes)
        {
            tracing::error!("the emulator's file can't be written: {e}");
        }
    }

    pub fn emit(&mut self, event: &Event) {
        let (ev, d) = event.to_wire();
        let entry = Entry {
            seq: self.state.next_seq,
            ts: self.wall(),
            ev,
            d,
        };
        self.put(Change::Event(entry));
        let used = self.state.events.len() * 1000 / self.config.journal_cap.max(1);
        if used == 900 && self.state.events.len() * 10 == self.config.journal_cap * 9 {
            let pressure = galley_robot::JournalPressure { used_pm: 900 };
            let (ev, d) = Event::JournalPressure(pressure).to_wire();
            let seq = self.state.next_seq;
            let ts = self.wall();
            self.put(Change::Event(Entry { seq, ts, ev, d }));
        }
    }

    /// The cell's next own number.
    pub fn next_number(&mut self) -> u64 {
        let n = self.state.counter + 1;
        self.put(Change::Counter(n));
        n
    }

    /// The cell's next own UUID: follows from seed and counter alone.
    pub fn next_uuid(&mut self) -> Uuid {
        let n = self.next_number();
        let text =
            digest_text(format!("{}/{}/{n}", self.config.seed, self.config.cell_id).as_bytes());
        let bits = u128::from_str_radix(&text[7..39], 16).unwrap_or(u128::from(n));
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }

    fn be_born(&mut self) {
        let epoch = self.next_uuid();
        let counter = self.state.counter;
        self.put(Change::Birth { epoch, counter });
        for bin in self.config.bins.clone() {
            let layers = match (&bin.item, bin.level) {
                (Some(_), 1..) => vec![galley_robot::Layer {
                    lot: bin.lot,
                    qty: bin.level,
                    expiry: bin.expiry,
                }],
                _ => Vec::new(),
            };
            let mut bin = Bin {
                bin: bin.bin,
                state: galley_robot::BinState::Ok,
                item: bin.item,
                unit: bin.unit,
                cap: bin.cap,
                low: bin.low,
                scale: bin.scale,
                layers,
            };
            bin.state = bin.natural_state();
            self.put(Change::Bin(Box::new(bin)));
        }
        self.commit();
    }

    /// Another cell, or one that lost its memory, stands in the same place.
    pub fn replace(&mut self) {
        self.power_down();
        self.be_born();
        self.power_up("power_on");
    }

    pub fn power_down(&mut self) {
        self.power = false;
        self.running.clear();
        self.owner = None;
        self.acting_until = None;
        self.silent_since = None;
        self.link_lost = false;
        self.attention_until.clear();
        self.collect_at.clear();
        self.tx.clear();
        self.version += 1;
    }

    /// Reads the disk again, if there is one, and comes up.
    pub fn power_up(&mut self, cause: &str) {
        if let Some(path) = self.disk.path().cloned() {
            match Disk::open(path) {
                Ok((disk, state)) if state.is_born() => {
                    self.disk = disk;
                    self.state = state;
                }
                Ok(_) => {}
                Err(e) => tracing::error!("the emulator's file can't be read: {e}"),
            }
        }
        for (hash, stored) in self.state.recipes.clone() {
            self.learn(&hash, &stored.data);
        }
        self.power = true;
        let boot = self.next_uuid();
        self.emit(&Event::CellBoot(CellBoot {
            boot,
            cause: cause.into(),
            clean: false,
        }));
        let machine = MachineNow {
            state: MachineState::Undefined,
            mode: Mode::Manual,
            boot,
            ..self.state.machine.clone()
        };
        self.put(Change::Machine(Box::new(machine)));
        self.go(MachineState::Stopped, "boot");
        self.fail_all("POWER_LOSS", Salvage::Discard);
        for id in self.state.attentions.keys().cloned().collect::<Vec<_>>() {
            self.clear_attention(&id, None, "restart");
        }
        let plated: Vec<String> = self.jobs_in(|s| *s == JobState::Plated);
        for job in plated {
            self.plan_collection(&job);
        }
        self.auto_rise = self.config.auto_production;
        if self.auto_rise {
            self.set_mode(Mode::Automatic);
            self.rise();
        }
        self.commit();
    }

    /// Takes the next step to production, as a person would.
    fn rise(&mut self) {
        let blocked = self.state.machine.estop || self.state.machine.guard_open;
        match self.state.machine.state {
            MachineState::Stopped if !blocked => self.go(MachineState::Resetting, "cmd"),
            MachineState::Idle if !blocked => self.go(MachineState::Starting, "cmd"),
            MachineState::Execute => self.auto_rise = false,
            _ => {}
        }
    }

    pub fn set_mode(&mut self, mode: Mode) {
        let from = self.state.machine.mode.clone();
        if from != mode {
            self.emit(&Event::MachineMode(MachineMode {
                from,
                to: mode.clone(),
            }));
            let machine = MachineNow {
                mode,
                ..self.state.machine.clone()
            };
            self.put(Change::Machine(Box::new(machine)));
        }
    }

    /// Changes the machine's state and does what belongs to it.
    pub fn go(&mut self, to: MachineState, why: &str) {
        let from = self.state.machine.state.clone();
        self.emit(&Event::MachineState(MachineStateChanged {
            from: from.clone(),
            to: to.clone(),
            mode: self.state.machine.mode.clone(),
            why: why.to_owned(),
        }));
        let machine = MachineNow {
            state: to.clone(),
            ..self.state.machine.clone()
        };
        self.put(Change::Machine(Box::new(machine)));
        let takes = match to {
            MachineState::Resetting => Some(self.scaled(self.config.reset_ms)),
            MachineState::Starting => Some(self.scaled(self.config.warmup_ms)),
            MachineState::Aborting => Some(ABORT_MS),
            // These end with the last dish, or at once.
            MachineState::Stopping | MachineState::Completing => Some(1),
            _ => machine::completion(&to).map(|_| self.scaled(STEP_MS)),
        };
        self.acting_until = takes.map(|ms| self.now() + ms);
        self.freeze(!machine::works(&to));
    }

    /// Stops or restarts the clocks of the dishes in work.
    pub(super) fn freeze(&mut self, frozen: bool) {
        let now = self.now();
        for running in self.running.values_mut() {
            match (frozen || running.stuck, running.frozen_at) {
                (true, None) => running.frozen_at = Some(now),
                (false, Some(at)) => {
                    let shift = now - at;
                    running.started += shift;
                    running.end_at += shift;
                    running.dispense_at = running.dispense_at.map(|t| t + shift);
                    running.frozen_at = None;
                }
                _ => {}
            }
        }
    }

    pub fn jobs_in(&self, wanted: impl Fn(&JobState) -> bool) -> Vec<String> {
        let mut jobs: Vec<&Job> = self
            .state
            .jobs
            .values()
            .filter(|j| wanted(&j.state))
            .collect();
        jobs.sort_by_key(|j| j.n);
        jobs.into_iter().map(|j| j.submit.job_id.clone()).collect()
    }

    /// Ends every dish in work.
    pub(super) fn fail_all(&mut self, reason: &str, salvage: Salvage) {
        for job in self.jobs_in(JobState::in_work) {
            self.fail(&job, reason, salvage.clone());
        }
    }

    pub fn fail(&mut self, job_id: &str, reason: &str, salvage: Salvage) {
        self.end_job(job_id, JobState::Failed, |job, change| {
            job.reason = Some(reason.to_owned());
            job.salvage = Some(salvage.clone());
            change.reason = Some(reason.to_owned());
            change.salvage = Some(salvage);
            change.phase.clone_from(&job.phase);
        });
    }

    /// Ends a job, frees what it held, and forgets the oldest ones.
    pub fn end_job(
        &mut self,
        job_id: &str,
        to: JobState,
        fill: impl FnOnce(&mut Job, &mut JobStateChanged),
    ) {
        self.running.remove(job_id);
        self.collect_at.remove(job_id);
        self.change_job(job_id, to, |job, change| {
            job.paused = false;
            job.stopping = false;
            fill(job, change);
        });
        let open: Vec<String> = self
            .state
            .attentions
            .values()
            .filter(|a| a.job_id.as_deref() == Some(job_id))
            .map(|a| a.attn.clone())
            .collect();
        for attn in open {
            self.clear_attention(&attn, Some(Choice::Abort), "job ended");
        }
        let finals = self.jobs_in(JobState::is_final);
        for old in finals.iter().take(finals.len().saturating_sub(FINAL_JOBS)) {
            self.put(Change::DropJob(old.clone()));
        }
    }

    /// Moves a job to a state, stores it and says so.
    pub fn change_job(
        &mut self,
        job_id: &str,
        to: JobState,
        fill: impl FnOnce(&mut Job, &mut JobStateChanged),
    ) {
        let Some(mut job) = self.state.jobs.get(job_id).cloned() else {
            return;
        };
        let mut change = JobStateChanged::new(job_id, Some(job.state.clone()), to.clone());
        job.state = to;
        fill(&mut job, &mut change);
        self.emit(&Event::JobState(change));
        self.put(Change::Job(Box::new(job)));
    }

    pub fn plan_collection(&mut self, job_id: &str) {
        if let Some(after) = self.config.collect_after_ms {
            let at = self.now() + after;
            self.collect_at.insert(job_id.to_owned(), at);
        }
    }

    /// A controller is there.
    pub fn controller_came(&mut self, owner: u64) {
        self.owner = Some(owner);
        let silent_ms = self.silent_since.take().map_or(0, |t| self.now() - t);
        if std::mem::take(&mut self.link_lost) {
            self.emit(&Event::LinkRestored(LinkRestored {
                silent_ms,
                did: "finish_current".into(),
            }));
            self.commit();
        }
    }

    /// A controller is gone.
    pub fn controller_left(&mut self, owner: u64) {
        if self.owner == Some(owner) {
            self.owner = None;
            self.silent_since = Some(self.now());
            self.version += 1;
        }
    }

    /// Whether a new dish may be begun.
    pub fn may_begin(&self) -> bool {
        self.state.machine.state == MachineState::Execute && !self.link_lost
    }

    /// When [`Kitchen::advance`] must be called at the latest.
    pub fn next_due(&self) -> Option<u64> {
        if !self.power {
            return None;
        }
        let work = self
            .running
            .values()
            .filter(|r| r.active && r.frozen_at.is_none())
            .flat_map(|r| [Some(r.end_at), r.dispense_at])
            .flatten();
        let silence = self
            .silent_since
            .filter(|_| !self.link_lost)
            .map(|t| t + self.config.link_grace_ms);
        let wall = self.wall();
        let now = self.now();
        let later = |at: i64| now + u64::try_from(at.saturating_sub(wall)).unwrap_or(0);
        let calendar = self.state.jobs.values().filter_map(|j| match j.state {
            JobState::Plated if !j.hold_expired => j.hold_until,
            JobState::Queued if j.submit.not_before.is_some_and(|t| t > wall) => {
                j.submit.not_before
            }
            _ => None,
        });
        work.chain(self.acting_due())
            .chain(silence)
            .chain(self.attention_until.values().copied())
            .chain(self.collect_at.values().copied())
            .chain(calendar.map(later))
            .min()
    }

    fn acting_due(&self) -> Option<u64> {
        let finishing = matches!(
            self.state.machine.state,
            MachineState::Stopping | MachineState::Completing
        );
        // The last dish ends first; its own time wakes us.
        self.acting_until
            .filter(|_| !finishing || self.running.is_empty())
    }

    /// Lets everything happen that is due by now.
    pub fn advance(&mut self) {
        if !self.power {
            return;
        }
        let now = self.now();
        // Bounded, so that a mistake in here can't hang the process.
        for _ in 0..10_000 {
            if !self.step(now) {
                break;
            }
        }
        self.commit();
    }

    /// Does the one thing that is due first; false if nothing is.
    fn step(&mut self, now: u64) -> bool {
        if self.acting_due().is_some_and(|t| t <= now) {
            self.acting_until = None;
            if let Some(next) = machine::completion(&self.state.machine.state) {
                self.go(next, "sc");
                if self.auto_rise {
                    self.rise();
                }
            }
            return true;
        }
        if !self.link_lost
            && self
                .silent_since
                .is_some_and(|t| t + self.config.link_grace_ms <= now)
        {
            self.link_lost = true;
            self.emit(&Event::LinkLost(LinkLost {
                policy: "finish_current".into(),
            }));
            return true;
        }
        if let Some(attn) = first_due(&self.attention_until, now) {
            self.answer_attention(&attn, &Choice::Abort, "timeout");
            return true;
        }
        if let Some(job) = first_due(&self.collect_at, now) {
            self.collect(&job, galley_robot::Outcome::Collected, true);
            return true;
        }
        self.expire_holds() || self.work(now) || self.begin_work(now)
    }
}

fn first_due(due: &BTreeMap<String, u64>, now: u64) -> Option<String> {
    due.iter()
        .filter(|(_, at)| **at <= now)
        .min_by_key(|(_, at)| **at)
        .map(|(id, _)| id.clone())
}
