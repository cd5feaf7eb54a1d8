//! The rules behind the manual driver's buttons. No I/O: the driver keeps what comes out.

use super::{
    BookAt,
    state::{Done, ManualJob, ManualState, Shelved},
};
use crate::{
    Ambient, CmdResult, Command, Consumed, Control, Event, JobAbort, JobState, JobStateChanged,
    JobSubmit, JobView, JournalEvent, Machine, MachineCmd, MachineCommand, MachineState,
    MachineStateChanged, Mode, Operation, Outcome, Part, QtySource, RecipeActivate, RecipeBegin,
    RecipeChunk, RecipeState, RecipeStateChanged, RecipeView, Retry, RobotError, Safety, Salvage,
    Snapshot, Unit, digest_text, valid_id,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Command answers remembered. Jobs are protected by their own ids for longer.
const REMEMBERED: usize = 256;
/// Largest recipe, and largest chunk, bytes.
pub(super) const MAX_RECIPE: u32 = 1 << 20;
/// Final jobs remembered.
const FINALS: usize = 200;

/// A button on the kitchen screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    /// Somebody began to cook.
    Started,
    /// The dish stands on the counter.
    Ready,
    /// It can't be cooked.
    Problem {
        /// A failure reason of klink, such as `OUT_OF_STOCK` or `UNKNOWN`.
        reason: String,
        /// The ingredients are used up all the same.
        used: bool,
    },
}

/// One job on the kitchen screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KitchenTicket {
    /// The job.
    pub job_id: String,
    /// Shown to staff, such as the order's number.
    pub order_ref: String,
    /// Name of the dish by language.
    pub name: BTreeMap<String, String>,
    /// The guest's choices.
    pub params: BTreeMap<String, Value>,
    /// Queued, or being cooked.
    pub state: JobState,
    /// What goes in.
    pub lines: Vec<TicketLine>,
}

/// One ingredient on the kitchen screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketLine {
    /// Stock item.
    pub item: String,
    /// Amount, in `unit`.
    pub qty: i64,
    /// Its unit.
    pub unit: Unit,
}

/// The state and its rules.
pub(super) struct Desk {
    pub state: ManualState,
    book_at: BookAt,
    ambient: Ambient,
}

type Reply = Result<Value, RobotError>;

fn no(code: &str, text: impl Into<String>) -> RobotError {
    RobotError::refused(code, text)
}

impl Desk {
    pub fn new(state: ManualState, book_at: BookAt, ambient: Ambient) -> Self {
        Self {
            state,
            book_at,
            ambient,
        }
    }

    /// Takes a controller with this fence.
    pub fn admit(&mut self, fence: u64) -> Result<(), RobotError> {
        if fence < self.state.fence {
            let text = format!("fence {} was here", self.state.fence);
            return Err(no("FENCED", text));
        }
        self.state.fence = fence;
        Ok(())
    }

    pub fn forget_events(&mut self, acked: u64) {
        if acked >= self.state.first_seq && acked < self.state.next_seq {
            self.state.events = self.state.events.split_off(&(acked + 1));
            self.state.first_seq = acked + 1;
        }
    }

    fn emit(&mut self, event: Event) {
        let seq = self.state.next_seq;
        self.state.next_seq += 1;
        let entry = JournalEvent {
            epoch: self.state.epoch,
            seq,
            ts: self.ambient.now_ms(),
            event,
        };
        self.state.events.insert(seq, entry);
    }

    pub fn execute(&mut self, command: &Command) -> Result<CmdResult, RobotError> {
        let digest = command
            .digest()
            .map_err(|e| no("BAD_REQUEST", e.to_string()))?;
        if let Some(done) = self.state.commands.get(&command.id) {
            if done.digest != digest {
                return Err(no("CMD_ID_REUSED", "this id was used for another command"));
            }
            let (seq, answer) = (done.seq, done.answer.clone());
            return answer.map(|r| CmdResult { dup: true, seq, r });
        }
        if command.not_after.is_some_and(|t| self.ambient.now_ms() > t) {
            return Err(no("EXPIRED", "too late"));
        }
        let answer = self.run(&command.op);
        let seq = self.state.next_seq - 1;
        let lasting = match &answer {
            Ok(_) => !command.op.reads_only() && !matches!(command.op, Operation::RecipeChunk(_)),
            Err(RobotError::Refused { retry, .. }) => {
                matches!(retry, Retry::Never | Retry::AfterFix)
            }
            Err(_) => false,
        };
        if lasting {
            let n = self.state.next_number();
            let done = Done {
                n,
                digest,
                seq,
                answer: answer.clone(),
            };
            self.state.commands.insert(command.id, done);
            if self.state.commands.len() > REMEMBERED {
                let oldest = self.state.commands.iter().min_by_key(|(_, d)| d.n);
                if let Some(id) = oldest.map(|(id, _)| *id) {
                    self.state.commands.remove(&id);
                }
            }
        }
        answer.map(|r| CmdResult { dup: false, seq, r })
    }

    fn run(&mut self, op: &Operation) -> Reply {
        match op {
            Operation::JobSubmit(a) => self.submit(a),
            Operation::JobAbort(a) => self.abort(a),
            Operation::JobCollect(a) => self.collect(&a.job_id, &a.outcome),
            Operation::Machine(a) => self.machine(a),
            Operation::RecipeBegin(a) => self.begin(a),
            Operation::RecipeChunk(a) => self.chunk(a),
            Operation::RecipeCommit(a) => self.commit(&a.hash),
            Operation::RecipeActivate(a) => self.activate(a),
            Operation::RecipeRetire(a) => {
                let found = self
                    .state
                    .recipes
                    .iter()
                    .find(|(_, s)| s.id == a.id && s.rev == a.rev);
                let Some(hash) = found.map(|(hash, _)| hash.clone()) else {
                    return Err(no("RECIPE_UNKNOWN", "no such recipe"));
                };
                self.set_recipe(&hash, RecipeState::Retired);
                Ok(json!({"state": "retired"}))
            }
            Operation::RecipeList(_) => Ok(json!({"recipes": self.recipe_views()})),
            _ => Err(no("UNSUPPORTED", "a manual kitchen has no such operation")),
        }
    }

    fn submit(&mut self, a: &JobSubmit) -> Reply {
        if !valid_id(&a.job_id) || a.portions == 0 {
            return Err(no("BAD_REQUEST", "job id or portions"));
        }
        if let Some(job) = self.state.jobs.get(&a.job_id) {
            if job.submit != *a {
                return Err(no("JOB_ID_REUSED", "another job has this id"));
            }
            return Ok(json!({"job_id": a.job_id, "state": job.state}));
        }
        let Some(shelved) = self.state.recipes.get(&a.recipe.hash) else {
            return Err(no("RECIPE_UNKNOWN", "upload the recipe first"));
        };
        if shelved.id != a.recipe.id || shelved.rev != a.recipe.rev {
            return Err(no(
                "RECIPE_HASH_MISMATCH",
                "hash and revision do not belong together",
            ));
        }
        if shelved.state != RecipeState::Active {
            return Err(no("RECIPE_NOT_ACTIVE", "activate the recipe first"));
        }
        let n = self.state.next_number();
        let waiting = self
            .state
            .jobs
            .values()
            .filter(|j| j.state == JobState::Queued);
        let pos = u32::try_from(waiting.count() + 1).unwrap_or(u32::MAX);
        let job = ManualJob {
            submit: a.clone(),
            n,
            state: JobState::Queued,
            booked: false,
            hold_until: None,
            reason: None,
            outcome: None,
        };
        self.state.jobs.insert(a.job_id.clone(), job);
        let mut change = JobStateChanged::new(&a.job_id, None, JobState::Queued);
        change.pos = Some(pos);
        change.order_ref = Some(a.order_ref.clone());
        self.emit(Event::JobState(change));
        Ok(json!({"job_id": a.job_id, "state": "queued", "pos": pos}))
    }

    fn state_of(&self, job_id: &str) -> Result<JobState, RobotError> {
        let job = self.state.jobs.get(job_id);
        job.map(|j| j.state.clone())
            .ok_or_else(|| no("JOB_UNKNOWN", "no such job"))
    }

    fn abort(&mut self, a: &JobAbort) -> Reply {
        let state = self.state_of(&a.job_id)?;
        if state.is_final() {
            return Ok(json!({"job_id": a.job_id, "state": state, "already": true}));
        }
        if state == JobState::Plated {
            return Err(no("JOB_FINAL", "the dish is plated; collect or discard it"));
        }
        let begun = state.in_work();
        if begun {
            // Nobody is there to say what was used: what was taken out is taken as used.
            self.book(&a.job_id);
        }
        self.turn(&a.job_id, JobState::Aborted, |_, change| {
            change.by = Some("cmd".into());
            change.salvage = begun.then_some(Salvage::Inspect);
        });
        Ok(json!({"job_id": a.job_id, "state": "aborted"}))
    }

    fn collect(&mut self, job_id: &str, outcome: &Outcome) -> Reply {
        match self.state_of(job_id)? {
            JobState::Plated => {}
            JobState::Done => {
                return Ok(json!({"job_id": job_id, "state": "done", "already": true}));
            }
            other => return Err(no("WRONG_STATE", format!("the job is {other}"))),
        }
        self.turn(job_id, JobState::Done, |job, change| {
            job.outcome = Some(outcome.clone());
            change.outcome = Some(outcome.clone());
        });
        Ok(json!({"job_id": job_id, "state": "done"}))
    }

    fn machine(&mut self, a: &MachineCmd) -> Reply {
        let to = match a.cmd {
            MachineCommand::Hold => MachineState::Held,
            MachineCommand::Unhold => MachineState::Execute,
            _ => return Err(no("UNSUPPORTED", "a manual kitchen only holds and goes on")),
        };
        let from = std::mem::replace(&mut self.state.machine, to.clone());
        if from == to {
            return Ok(json!({"state": to, "already": true}));
        }
        self.emit(Event::MachineState(MachineStateChanged {
            from,
            to: to.clone(),
            mode: Mode::Automatic,
            why: "cmd".into(),
        }));
        Ok(json!({"state": to}))
    }

    pub fn press(&mut self, job_id: &str, press: Press) -> Result<(), RobotError> {
        let state = self.state_of(job_id)?;
        let wrong = || Err(no("WRONG_STATE", format!("the job is {state}")));
        match press {
            Press::Started | Press::Ready if state == JobState::Queued => {
                if self.state.machine != MachineState::Execute {
                    return Err(no("WRONG_STATE", "the kitchen is held"));
                }
                self.turn(job_id, JobState::Preparing, |_, _| {});
                self.turn(job_id, JobState::Cooking, |_, _| {});
                if self.book_at == BookAt::Started {
                    self.book(job_id);
                }
                if press == Press::Ready {
                    self.plate(job_id);
                }
                Ok(())
            }
            Press::Started if state.in_work() => Ok(()),
            Press::Ready if state.in_work() => {
                self.plate(job_id);
                Ok(())
            }
            Press::Ready if state == JobState::Plated => Ok(()),
            Press::Problem { reason, used } if state == JobState::Queued || state.in_work() => {
                if used {
                    self.book(job_id);
                }
                self.turn(job_id, JobState::Failed, |job, change| {
                    job.reason = Some(reason.clone());
                    change.reason = Some(reason);
                    change.salvage = Some(Salvage::Discard);
                });
                Ok(())
            }
            Press::Problem { .. } if state == JobState::Failed => Ok(()),
            _ => wrong(),
        }
    }

    fn plate(&mut self, job_id: &str) {
        self.book(job_id);
        let stay = self.recipe_of(job_id).map_or(0, |r| r.hold.max_ms);
        let until = i64::try_from(stay)
            .unwrap_or(i64::MAX)
            .saturating_add(self.ambient.now_ms());
        self.turn(job_id, JobState::Plated, |job, change| {
            job.hold_until = Some(until);
            change.hold_until = Some(until);
        });
    }

    fn recipe_of(&self, job_id: &str) -> Option<crate::Recipe> {
        let job = self.state.jobs.get(job_id)?;
        self.state
            .recipes
            .get(&job.submit.recipe.hash)?
            .recipe
            .clone()
    }

    /// Books the planned amounts of a dish, once.
    fn book(&mut self, job_id: &str) {
        let Some(recipe) = self.recipe_of(job_id) else {
            return;
        };
        let Some(job) = self.state.jobs.get_mut(job_id) else {
            return;
        };
        if std::mem::replace(&mut job.booked, true) {
            return;
        }
        let portions = i64::from(job.submit.portions);
        for x in recipe.ingredients {
            let phase = recipe.phases.iter().find(|p| p.uses.contains(&x.r));
            let phase = phase.map_or_else(|| "manual".to_owned(), |p| p.id.clone());
            self.emit(Event::Consumed(Consumed {
                use_id: format!("{job_id}:{phase}:{}:1", x.r),
                job_id: Some(job_id.to_owned()),
                phase: Some(phase),
                bin: None,
                item: x.item,
                qty: x.qty.saturating_mul(portions),
                unit: x.unit,
                lots: Vec::new(),
                src: QtySource::Planned,
                level: None,
            }));
        }
    }

    fn turn(
        &mut self,
        job_id: &str,
        to: JobState,
        fill: impl FnOnce(&mut ManualJob, &mut JobStateChanged),
    ) {
        let Some(job) = self.state.jobs.get_mut(job_id) else {
            return;
        };
        let from = std::mem::replace(&mut job.state, to.clone());
        let mut change = JobStateChanged::new(job_id, Some(from), to);
        fill(job, &mut change);
        self.emit(Event::JobState(change));
        let ended = || self.state.jobs.values().filter(|j| j.state.is_final());
        if ended().count() > FINALS
            && let Some(oldest) = ended().min_by_key(|j| j.n).map(|j| j.submit.job_id.clone())
        {
            self.state.jobs.remove(&oldest);
        }
    }

    fn begin(&mut self, a: &RecipeBegin) -> Reply {
        if a.size > u64::from(MAX_RECIPE) {
            return Err(no("RECIPE_TOO_LARGE", "the recipe is too large"));
        }
        let conflict = self.state.recipes.iter().any(|(hash, s)| {
            s.id == a.id && s.rev == a.rev && *hash != a.hash && s.state != RecipeState::Staged
        });
        if conflict {
            return Err(no(
                "RECIPE_HASH_MISMATCH",
                "this revision has another content",
            ));
        }
        let shelved = self
            .state
            .recipes
            .entry(a.hash.clone())
            .or_insert_with(|| Shelved {
                id: a.id.clone(),
                rev: a.rev,
                size: a.size,
                state: RecipeState::Staged,
                text: String::new(),
                recipe: None,
            });
        let have = shelved.recipe.is_some() || shelved.text.len() as u64 == shelved.size;
        let next = if have {
            shelved.size
        } else {
            shelved.text.len() as u64
        };
        Ok(json!({"have": have, "next": next}))
    }

    fn chunk(&mut self, a: &RecipeChunk) -> Reply {
        let Some(shelved) = self.state.recipes.get_mut(&a.hash) else {
            return Err(no("RECIPE_UNKNOWN", "begin first"));
        };
        let bytes = BASE64_STANDARD
            .decode(&a.data)
            .map_err(|e| no("BAD_REQUEST", e.to_string()))?;
        let next = shelved.text.len();
        if shelved.recipe.is_some() {
            return Ok(json!({"next": shelved.size}));
        }
        if a.off != next as u64 {
            return Err(no("CHUNK_OUT_OF_ORDER", format!("wanted {next}")));
        }
        // A chunk holds a whole recipe: `limits.chunk` is not below `limits.max_recipe`.
        let text = String::from_utf8(bytes).map_err(|e| no("BAD_REQUEST", e.to_string()))?;
        shelved.text.push_str(&text);
        Ok(json!({"next": shelved.text.len()}))
    }

    fn commit(&mut self, hash: &str) -> Reply {
        let Some(shelved) = self.state.recipes.get_mut(hash) else {
            return Err(no("RECIPE_UNKNOWN", "begin first"));
        };
        if let Some(recipe) = &shelved.recipe {
            let est = recipe.planned_ms();
            return Ok(json!({"state": shelved.state, "est_ms": est, "issues": []}));
        }
        if digest_text(shelved.text.as_bytes()) != hash {
            self.state.recipes.remove(hash);
            return Err(no("RECIPE_HASH_MISMATCH", "the bytes have another hash"));
        }
        let recipe: crate::Recipe =
            serde_json::from_str(&shelved.text).map_err(|e| no("RECIPE_INVALID", e.to_string()))?;
        let faults = recipe.faults();
        if !faults.is_empty() {
            self.state.recipes.remove(hash);
            return Err(no("RECIPE_INVALID", faults.join("; ")));
        }
        let est = recipe.planned_ms();
        shelved.text.clear();
        shelved.recipe = Some(recipe);
        self.set_recipe(hash, RecipeState::Verified);
        Ok(json!({"state": "verified", "est_ms": est, "issues": []}))
    }

    fn activate(&mut self, a: &RecipeActivate) -> Reply {
        match self.state.recipes.get(&a.hash) {
            Some(s) if s.state == RecipeState::Active => {
                return Ok(json!({"state": "active", "already": true}));
            }
            Some(s) if s.recipe.is_some() => {}
            _ => return Err(no("RECIPE_UNKNOWN", "upload the recipe first")),
        }
        let others: Vec<String> = self
            .state
            .recipes
            .iter()
            .filter(|(_, s)| a.exclusive && s.id == a.id && s.state == RecipeState::Active)
            .map(|(hash, _)| hash.clone())
            .collect();
        for other in others {
            self.set_recipe(&other, RecipeState::Retired);
        }
        self.set_recipe(&a.hash, RecipeState::Active);
        Ok(json!({"state": "active"}))
    }

    fn set_recipe(&mut self, hash: &str, to: RecipeState) {
        let Some(shelved) = self.state.recipes.get_mut(hash) else {
            return;
        };
        shelved.state = to.clone();
        let event = RecipeStateChanged {
            id: shelved.id.clone(),
            rev: shelved.rev,
            hash: hash.to_owned(),
            to,
        };
        self.emit(Event::RecipeState(event));
    }

    fn recipe_views(&self) -> Vec<RecipeView> {
        let view = |(hash, s): (&String, &Shelved)| RecipeView {
            id: s.id.clone(),
            rev: s.rev,
            hash: hash.clone(),
            state: s.state.clone(),
        };
        self.state.recipes.iter().map(view).collect()
    }

    pub fn job_view(&self, job_id: &str) -> Option<JobView> {
        let job = self.state.jobs.get(job_id)?;
        let held = self.state.machine != MachineState::Execute && job.state == JobState::Queued;
        Some(JobView {
            job_id: job_id.to_owned(),
            state: job.state.clone(),
            paused: false,
            stopping: false,
            blocked: held.then(|| "HELD".to_owned()),
            phase: None,
            progress_pm: None,
            order_ref: Some(job.submit.order_ref.clone()),
            recipe: Some(job.submit.recipe.clone()),
            est_plated: None,
            slot: None,
            hold_until: job.hold_until,
            reason: job.reason.clone(),
            salvage: None,
            outcome: job.outcome.clone(),
        })
    }

    pub fn snapshot(&self, parts: &[Part]) -> Snapshot {
        let machine = Machine {
            state: self.state.machine.clone(),
            mode: Mode::Automatic,
            control: Control::Remote,
            safety: Safety {
                estop: "released".into(),
                pstop: false,
                guard: "none".into(),
                drives: false,
                src: None,
            },
            attention: Vec::new(),
        };
        let jobs = || {
            self.state
                .jobs
                .keys()
                .filter_map(|id| self.job_view(id))
                .collect()
        };
        Snapshot {
            as_of: self.state.next_seq - 1,
            machine: parts.contains(&Part::Machine).then_some(machine),
            jobs: parts.contains(&Part::Jobs).then(jobs),
            bins: parts.contains(&Part::Bins).then(Vec::new),
            recipes: parts.contains(&Part::Recipes).then(|| self.recipe_views()),
            cfg: None,
        }
    }

    pub fn tickets(&self) -> Vec<KitchenTicket> {
        let open = |j: &&ManualJob| j.state == JobState::Queued || j.state.in_work();
        let mut jobs: Vec<&ManualJob> = self.state.jobs.values().filter(open).collect();
        jobs.sort_by_key(|j| {
            (
                j.state == JobState::Queued,
                std::cmp::Reverse(j.submit.prio),
                j.n,
            )
        });
        let ticket = |job: &ManualJob| {
            let recipe = self.recipe_of(&job.submit.job_id);
            let portions = i64::from(job.submit.portions);
            let line = |x: &crate::Ingredient| TicketLine {
                item: x.item.clone(),
                qty: x.qty.saturating_mul(portions),
                unit: x.unit.clone(),
            };
            KitchenTicket {
                job_id: job.submit.job_id.clone(),
                order_ref: job.submit.order_ref.clone(),
                name: recipe.as_ref().map(|r| r.name.clone()).unwrap_or_default(),
                params: job.submit.params.clone(),
                state: job.state.clone(),
                lines: recipe
                    .iter()
                    .flat_map(|r| r.ingredients.iter().map(line))
                    .collect(),
            }
        };
        jobs.into_iter().map(ticket).collect()
    }
}
