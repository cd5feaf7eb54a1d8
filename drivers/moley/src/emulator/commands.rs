//! The cell's side of commands: the durable command journal (klink 3.6) and the operations on jobs and the
//! machine (klink 3.8 to 3.10).

use super::{
    faults::Fault,
    kitchen::Kitchen,
    machine::{self, Move},
    state::{Change, Job, StoredCommand},
};
use crate::message::{Cmd, Res, WireError};
use galley_robot::{
    AbortHow, Actor, ActorRole, BinView, CfgView, Control, JobAbort, JobCollect, JobKind, JobState,
    JobSubmit, JobUpdate, JobView, Machine, MachineCmd, MachineCommand, MachineState, Mode,
    ModeSet, OneJob, Operation, RecipeState, RecipeView, Release, Retry, Snapshot, canonical_bytes,
    digest_text, lookup, valid_id,
};
use serde_json::{Value, json};

/// Command ids remembered at least; twice as many at most.
const REMEMBERED: usize = 4096;
/// How late a command may be by the cell's clock, ms (klink 3.6).
const CLOCK_GRACE_MS: i64 = 2000;
/// Final jobs in one answer.
const LISTED_FINALS: usize = 50;
/// Recipes in one answer on a line with small frames.
const PAGE: usize = 16;

/// A refusal with its code and words.
pub(super) fn refuse(code: &str, msg: impl Into<String>) -> WireError {
    let (num, retry, _) = lookup(code);
    WireError {
        code: code.to_owned(),
        num,
        retry: Some(retry),
        msg: msg.into(),
        detail: None,
    }
}

impl Kitchen {
    /// Runs one command, once for ever, and answers.
    pub fn command(&mut self, cmd: &Cmd, reader_only: bool, max_frame: usize) -> Res {
        let answer =
            |kitchen: &Self, dup, seq: Option<u64>, outcome: Result<Value, WireError>| Res {
                s: cmd.s.clone(),
                id: cmd.id,
                ok: outcome.is_ok(),
                dup,
                seq: seq.unwrap_or(kitchen.state.next_seq - 1),
                r: outcome.as_ref().ok().cloned(),
                err: outcome.err(),
            };
        self.advance();
        if let Some(read) = self.read(cmd, max_frame) {
            return answer(self, false, None, read);
        }
        if reader_only {
            let no = refuse("FORBIDDEN", "observers only read");
            return answer(self, false, None, Err(no));
        }
        let digest = canonical_bytes(&json!({"op": cmd.op, "a": cmd.a})).map(|b| digest_text(&b));
        let Ok(digest) = digest else {
            let no = refuse("BAD_REQUEST", "a number is no integer");
            return answer(self, false, None, Err(no));
        };
        if let Some(stored) = self.state.commands.get(&cmd.id) {
            if stored.digest != digest {
                let no = refuse("CMD_ID_REUSED", "this id was used for another command");
                return answer(self, false, None, Err(no));
            }
            let (seq, outcome) = (stored.seq, stored.answer.clone());
            return answer(self, true, Some(seq), outcome);
        }
        if self.faults.has(&Fault::DiskFull) {
            let no = refuse("STORAGE_ERROR", "the disk is full");
            return answer(self, false, None, Err(no));
        }
        let outcome = self.run(cmd);
        let stored = match &outcome {
            Ok(_) => cmd.op != "recipe.chunk",
            Err(e) => !matches!(e.retry, Some(Retry::Later | Retry::Now)),
        };
        if stored {
            *self.executions.entry(cmd.id).or_insert(0) += 1;
            let n = self.next_number();
            let command = StoredCommand {
                id: cmd.id,
                n,
                digest,
                seq: self.state.next_seq - 1,
                answer: outcome.clone(),
            };
            self.put(Change::Command(Box::new(command)));
            self.forget_old_commands();
        }
        let seq = self.state.next_seq - 1;
        self.commit();
        self.advance();
        answer(self, false, Some(seq), outcome)
    }

    fn forget_old_commands(&mut self) {
        if self.state.commands.len() <= 2 * REMEMBERED {
            return;
        }
        let mut by_age: Vec<_> = self.state.commands.values().map(|c| (c.n, c.id)).collect();
        by_age.sort_unstable();
        by_age.truncate(REMEMBERED);
        for (_, id) in by_age {
            self.put(Change::Forget(id));
            self.executions.remove(&id);
        }
    }

    fn run(&mut self, cmd: &Cmd) -> Result<Value, WireError> {
        if cmd
            .not_after
            .is_some_and(|t| self.wall() > t.saturating_add(CLOCK_GRACE_MS))
        {
            return Err(refuse("EXPIRED", "too late"));
        }
        let known = json!({"op": cmd.op, "a": cmd.a});
        let op: Operation = serde_json::from_value(known).map_err(|e| {
            let text = e.to_string();
            if text.starts_with("unknown variant") {
                refuse("UNKNOWN_OP", format!("{} is not known", cmd.op))
            } else {
                refuse("BAD_REQUEST", text)
            }
        })?;
        let by: Option<Actor> = cmd.by.clone().and_then(|v| serde_json::from_value(v).ok());
        let person = by
            .as_ref()
            .is_some_and(|a| matches!(a.role, ActorRole::Staff | ActorRole::Technician));
        match op {
            Operation::JobSubmit(a) => self.submit(a),
            Operation::JobStart(a) => self.start_job(&a),
            Operation::JobUpdate(a) => self.update_job(&a),
            Operation::JobPause(a) => self.pause(&a, true),
            Operation::JobResume(a) => self.pause(&a, false),
            Operation::JobAbort(a) => self.abort(&a),
            Operation::JobCollect(a) => self.collect_command(&a),
            Operation::Machine(a) => self.machine_command(&a, person),
            Operation::ModeSet(a) => self.mode_command(&a),
            Operation::AttnAnswer(a) => {
                let Some(open) = self.state.attentions.get(&a.attn) else {
                    return Err(refuse("ATTENTION_UNKNOWN", "no such question is open"));
                };
                if !open.options.contains(&a.choice) {
                    return Err(refuse("BAD_REQUEST", "that choice was not offered"));
                }
                let who = if person { "staff" } else { "system" };
                self.answer_attention(&a.attn, &a.choice, who);
                Ok(json!({"ok": true}))
            }
            Operation::RecipeBegin(a) => self.recipe_begin(&a),
            Operation::RecipeChunk(a) => self.recipe_chunk(&a),
            Operation::RecipeCommit(a) => self.recipe_commit(&a.hash),
            Operation::RecipeActivate(a) => self.recipe_activate(&a),
            Operation::RecipeRetire(a) => self.recipe_retire(&a),
            Operation::InvLoad(a) => self.inv_load(a),
            Operation::InvUnload(a) => self.inv_unload(&a),
            Operation::InvAdjust(a) => self.inv_adjust(&a),
            Operation::RecipeList(_) => Err(refuse("UNKNOWN_OP", "reads are answered elsewhere")),
        }
    }

    /// Operations without a side effect; `None` for all others.
    fn read(&self, cmd: &Cmd, max_frame: usize) -> Option<Result<Value, WireError>> {
        let small = max_frame < 16_384;
        Some(match cmd.op.as_str() {
            "snapshot.get" => {
                let wanted = |part: &str| {
                    cmd.a["parts"]
                        .as_array()
                        .is_some_and(|p| p.iter().any(|x| x == part))
                };
                let finals = if small { 4 } else { LISTED_FINALS };
                let snapshot = Snapshot {
                    as_of: self.state.next_seq - 1,
                    machine: wanted("machine").then(|| self.machine_view()),
                    jobs: wanted("jobs").then(|| self.job_views(finals)),
                    bins: wanted("bins").then(|| self.bin_views()),
                    recipes: wanted("recipes").then(|| self.recipe_views()),
                    cfg: wanted("cfg").then_some(CfgView { rev: 1 }),
                };
                serde_json::to_value(snapshot).map_err(|e| refuse("INTERNAL", e.to_string()))
            }
            "job.get" => {
                let job = cmd.a["job_id"]
                    .as_str()
                    .and_then(|id| self.state.jobs.get(id));
                match job {
                    Some(job) => Ok(json!({"jobs": [self.job_view(job)]})),
                    None => Err(refuse("JOB_UNKNOWN", "no such job")),
                }
            }
            "job.list" => Ok(json!({"jobs": self.job_views(LISTED_FINALS)})),
            "inv.list" => Ok(json!({"bins": self.bin_views()})),
            "attn.list" => Ok(json!({"attention": self.machine_view().attention})),
            "recipe.list" => {
                let all = self.recipe_views();
                let from = cmd.a["from"].as_u64().and_then(|n| usize::try_from(n).ok());
                match from {
                    Some(from) => {
                        let page: Vec<_> = all.iter().skip(from).take(PAGE).collect();
                        let next = from.saturating_add(page.len());
                        let next = (next < all.len()).then_some(next);
                        Ok(json!({"recipes": page, "next": next}))
                    }
                    None => Ok(json!({"recipes": all})),
                }
            }
            op if [
                "param.",
                "cal.",
                "diag.",
                "log.",
                "time.",
                "recipe.check",
                "recipe.get",
            ]
            .iter()
            .any(|p| op.starts_with(p)) =>
            {
                Err(refuse("UNSUPPORTED", "this cell has no such capability"))
            }
            _ => return None,
        })
    }

    pub fn machine_view(&self) -> Machine {
        let m = &self.state.machine;
        Machine {
            state: m.state.clone(),
            mode: m.mode.clone(),
            control: m.control.clone(),
            safety: self.safety(),
            attention: self.state.attentions.values().cloned().collect(),
        }
    }

    /// Jobs that are not final, in order, and the newest final ones.
    pub fn job_views(&self, finals: usize) -> Vec<JobView> {
        let ended = self.jobs_in(JobState::is_final);
        let newest = ended.len().saturating_sub(finals);
        let open = self.jobs_in(|s| !s.is_final());
        ended[newest..]
            .iter()
            .chain(&open)
            .filter_map(|id| self.state.jobs.get(id))
            .map(|job| self.job_view(job))
            .collect()
    }

    pub fn job_view(&self, job: &Job) -> JobView {
        let blocked = (job.state == JobState::Queued && !self.may_begin())
            .then(|| self.state.machine.state.as_str().to_uppercase());
        JobView {
            job_id: job.submit.job_id.clone(),
            state: job.state.clone(),
            paused: job.paused,
            stopping: job.stopping,
            blocked,
            phase: job.phase.clone(),
            progress_pm: Some(self.progress_pm(job)),
            order_ref: Some(job.submit.order_ref.clone()),
            recipe: Some(job.submit.recipe.clone()),
            est_plated: (!job.state.is_final() && job.state != JobState::Plated)
                .then(|| self.estimate(job)),
            slot: job.slot.clone(),
            hold_until: job.hold_until,
            reason: job.reason.clone(),
            salvage: job.salvage.clone(),
            outcome: job.outcome.clone(),
        }
    }

    /// Share of the planned time that is done, per mille.
    pub fn progress_pm(&self, job: &Job) -> u32 {
        let planned = self.recipe_of(job).map_or(1, |r| r.planned_ms().max(1));
        match (&job.state, self.running.get(&job.submit.job_id)) {
            (JobState::Plated | JobState::Done, _) => 1000,
            (_, Some(running)) => {
                let until = running.frozen_at.unwrap_or_else(|| self.now());
                let here = if running.active {
                    until.saturating_sub(running.started)
                } else {
                    0
                };
                let here = here.saturating_mul(u64::from(self.config.speed.max(1)));
                let share = running.done_ms.saturating_add(here).saturating_mul(1000) / planned;
                u32::try_from(share.min(999)).unwrap_or(999)
            }
            _ => 0,
        }
    }

    /// Expected time on the hand-over place: everything before it one after another. An upper bound.
    fn estimate(&self, job: &Job) -> i64 {
        let rank = |j: &Job| {
            (
                j.state == JobState::Queued,
                std::cmp::Reverse(j.submit.prio),
                j.n,
            )
        };
        let mine = rank(job);
        let left: u64 = self
            .state
            .jobs
            .values()
            .filter(|j| j.state == JobState::Queued || j.state.in_work())
            .filter(|j| rank(j) <= mine)
            .filter_map(|j| {
                let planned = self.recipe_of(j)?.planned_ms();
                let done = u64::from(self.progress_pm(j));
                Some(planned.saturating_mul(1000 - done) / 1000)
            })
            .sum();
        let ms = i64::try_from(self.scaled(left)).unwrap_or(i64::MAX);
        self.wall().saturating_add(ms)
    }

    pub fn bin_views(&self) -> Vec<BinView> {
        let wall = self.wall();
        self.state
            .bins
            .values()
            .map(|b| {
                let stale = !b.layers.is_empty() && b.layers.iter().all(|l| l.expiry <= wall);
                BinView {
                    bin: b.bin.clone(),
                    state: if stale {
                        galley_robot::BinState::Expired
                    } else {
                        b.state.clone()
                    },
                    item: b.item.clone(),
                    level: b.level(),
                    unit: b.unit.clone(),
                    cap: b.cap,
                    low: Some(b.low),
                    layers: b.layers.clone(),
                    src: Some(b.source()),
                }
            })
            .collect()
    }

    fn recipe_views(&self) -> Vec<RecipeView> {
        let view = |r: &super::state::StoredRecipe| RecipeView {
            id: r.id.clone(),
            rev: r.rev,
            hash: r.hash.clone(),
            state: r.state.clone(),
        };
        self.state.recipes.values().map(view).collect()
    }

    fn job(&self, id: &str) -> Result<Job, WireError> {
        let job = self.state.jobs.get(id).cloned();
        job.ok_or_else(|| refuse("JOB_UNKNOWN", "no such job"))
    }

    fn needs_remote(&self) -> Result<(), WireError> {
        if self.state.machine.control == Control::Remote {
            return Ok(());
        }
        Err(refuse("CONTROL_LOCAL", "the key switch stands on local"))
    }

    fn submit(&mut self, a: JobSubmit) -> Result<Value, WireError> {
        let digest = serde_json::to_value(&a)
            .ok()
            .and_then(|v| canonical_bytes(&v).ok())
            .map(|b| digest_text(&b))
            .ok_or_else(|| refuse("BAD_REQUEST", "the job has no canonical form"))?;
        if let Some(job) = self.state.jobs.get(&a.job_id) {
            if job.digest != digest {
                return Err(refuse("JOB_ID_REUSED", "another job has this id"));
            }
            let est = self.estimate(job);
            return Ok(json!({"job_id": a.job_id, "state": job.state, "est_plated": est}));
        }
        self.may_submit(&a)?;
        let n = self.next_number();
        let queued = self.jobs_in(|s| *s == JobState::Queued).len();
        let pos = u32::try_from(queued + 1).unwrap_or(u32::MAX);
        let job_id = a.job_id.clone();
        let mut change = galley_robot::JobStateChanged::new(&job_id, None, JobState::Queued);
        change.pos = Some(pos);
        change.order_ref = Some(a.order_ref.clone());
        self.emit(&galley_robot::Event::JobState(change));
        let job = Job {
            submit: a,
            digest,
            n,
            state: JobState::Queued,
            phase: None,
            paused: false,
            stopping: false,
            slot: None,
            hold_until: None,
            hold_expired: false,
            reason: None,
            salvage: None,
            outcome: None,
        };
        self.put(Change::Job(Box::new(job.clone())));
        let est = self.estimate(&job);
        Ok(json!({"job_id": job_id, "state": "queued", "pos": pos, "est_plated": est}))
    }

    fn may_submit(&self, a: &JobSubmit) -> Result<(), WireError> {
        let m = &self.state.machine;
        if !valid_id(&a.job_id) || a.portions == 0 || a.prio > 100 {
            return Err(refuse("BAD_REQUEST", "job id, portions or priority"));
        }
        if a.portions > 1 {
            return Err(refuse("UNSUPPORTED", "one portion a job"));
        }
        self.needs_remote()?;
        let mode = match a.kind {
            JobKind::Cook => Mode::Automatic,
            JobKind::Clean => Mode::Cleaning,
            JobKind::Maint => Mode::Maintenance,
            JobKind::Other(_) => return Err(refuse("BAD_REQUEST", "unknown kind of job")),
        };
        if !machine::takes_jobs(&m.state) {
            let text = format!("the machine is {}", m.state);
            return Err(refuse("NOT_ACCEPTING", text));
        }
        if m.mode != mode {
            return Err(refuse("WRONG_MODE", format!("the mode is {}", m.mode)));
        }
        if self.state.events.len() >= self.config.journal_cap {
            return Err(refuse("JOURNAL_FULL", "read the events first"));
        }
        let open = self
            .jobs_in(|s| *s == JobState::Queued || s.in_work())
            .len();
        if open >= usize::try_from(self.config.max_jobs).unwrap_or(usize::MAX) {
            return Err(refuse("QUEUE_FULL", "too many jobs are stored"));
        }
        let Some(stored) = self.state.recipes.get(&a.recipe.hash) else {
            return Err(refuse("RECIPE_UNKNOWN", "upload the recipe first"));
        };
        if stored.id != a.recipe.id || stored.rev != a.recipe.rev {
            return Err(refuse(
                "RECIPE_HASH_MISMATCH",
                "hash and revision do not belong together",
            ));
        }
        if stored.state != RecipeState::Active {
            return Err(refuse("RECIPE_NOT_ACTIVE", "activate the recipe first"));
        }
        let recipe: galley_robot::Recipe = serde_json::from_slice(&stored.data)
            .map_err(|e| refuse("RECIPE_INVALID", e.to_string()))?;
        for (name, value) in &a.params {
            let known = recipe.params.iter().find(|p| p.id == *name);
            let fits = known.is_some_and(|p| p.values.is_empty() || p.values.contains(value));
            if !fits {
                return Err(refuse("PARAM_INVALID", format!("parameter {name}")));
            }
        }
        for x in &recipe.ingredients {
            let items = || std::iter::once(&x.item).chain(&x.alt);
            if !items().any(|item| self.supply(item).0 >= x.qty) {
                let stale = items().any(|item| self.supply(item).1 >= x.qty);
                let code = if stale {
                    "INGREDIENT_EXPIRED"
                } else {
                    "OUT_OF_STOCK"
                };
                return Err(refuse(code, format!("not enough of {}", x.item)));
            }
        }
        Ok(())
    }

    fn start_job(&mut self, a: &OneJob) -> Result<Value, WireError> {
        self.needs_remote()?;
        let mut job = self.job(&a.job_id)?;
        if job.state != JobState::Queued {
            return Err(refuse(
                "JOB_NOT_QUEUED",
                format!("the job is {}", job.state),
            ));
        }
        let already = job.submit.release == Release::Auto;
        job.submit.release = Release::Auto;
        self.put(Change::Job(Box::new(job)));
        Ok(json!({"job_id": a.job_id, "state": "queued", "already": already}))
    }

    fn update_job(&mut self, a: &JobUpdate) -> Result<Value, WireError> {
        let mut job = self.job(&a.job_id)?;
        if job.state != JobState::Queued {
            return Err(refuse(
                "JOB_NOT_QUEUED",
                format!("the job is {}", job.state),
            ));
        }
        job.submit.prio = a.prio.unwrap_or(job.submit.prio);
        job.submit.not_before = a.not_before.or(job.submit.not_before);
        job.submit.due = a.due.or(job.submit.due);
        self.put(Change::Job(Box::new(job)));
        Ok(json!({"job_id": a.job_id, "state": "queued"}))
    }

    fn pause(&mut self, a: &OneJob, pause: bool) -> Result<Value, WireError> {
        let job = self.job(&a.job_id)?;
        if !job.state.in_work() {
            return Err(refuse("WRONG_STATE", format!("the job is {}", job.state)));
        }
        if !pause {
            self.needs_remote()?;
        }
        let already = job.paused == pause;
        if !already {
            self.change_job(&a.job_id, job.state.clone(), |job, change| {
                job.paused = pause;
                change.paused = Some(pause);
            });
        }
        Ok(json!({"job_id": a.job_id, "state": job.state, "already": already}))
    }

    fn abort(&mut self, a: &JobAbort) -> Result<Value, WireError> {
        let job = self.job(&a.job_id)?;
        if job.state.is_final() {
            return Ok(json!({"job_id": a.job_id, "state": job.state, "already": true}));
        }
        if job.state == JobState::Plated {
            return Err(refuse(
                "JOB_FINAL",
                "the dish is plated; collect or discard it",
            ));
        }
        let running = self.running.get(&a.job_id);
        let between = running.is_none_or(|r| !r.active || r.stuck);
        if between || a.how == AbortHow::Now {
            self.abort_in_work(&a.job_id);
        } else if !job.stopping {
            self.change_job(&a.job_id, job.state.clone(), |job, change| {
                job.stopping = true;
                change.stopping = Some(true);
            });
        }
        let job = self.job(&a.job_id)?;
        Ok(json!({"job_id": a.job_id, "state": job.state, "stopping": job.stopping}))
    }

    fn collect_command(&mut self, a: &JobCollect) -> Result<Value, WireError> {
        let job = self.job(&a.job_id)?;
        match job.state {
            JobState::Plated => self.collect(&a.job_id, a.outcome.clone(), false),
            JobState::Done => {
                return Ok(json!({"job_id": a.job_id, "state": "done", "already": true}));
            }
            other => return Err(refuse("WRONG_STATE", format!("the job is {other}"))),
        }
        Ok(json!({"job_id": a.job_id, "state": "done"}))
    }

    fn machine_command(&mut self, a: &MachineCmd, person: bool) -> Result<Value, WireError> {
        use MachineCommand as C;
        let m = self.state.machine.clone();
        let moves = !matches!(
            a.cmd,
            C::Stop | C::Hold | C::Abort | C::Suspend | C::Complete
        );
        if moves {
            self.needs_remote()?;
        }
        match machine::judge(&m.state, &m.mode, &a.cmd) {
            Move::Already => return Ok(json!({"state": m.state, "already": true})),
            Move::WrongState => {
                let text = format!("{} is not possible in {}", a.cmd, m.state);
                return Err(refuse("WRONG_STATE", text));
            }
            Move::WrongMode => return Err(refuse("WRONG_MODE", format!("the mode is {}", m.mode))),
            Move::Go => {}
        }
        if matches!(a.cmd, C::Clear | C::Start | C::Unhold) && !person {
            return Err(refuse("FORBIDDEN", "a person at the robot must do this"));
        }
        if moves && m.estop {
            let mut no = refuse("ESTOP_ACTIVE", "E-stop ES1 is pressed");
            no.detail = Some(json!({"src": "ES1"}));
            return Err(no);
        }
        if moves && m.guard_open {
            return Err(refuse("GUARD_OPEN", "the guard door is open"));
        }
        if a.cmd == C::Clear && a.inspected != Some(true) {
            return Err(refuse("INSPECTION_REQUIRED", "inspect the cell first"));
        }
        if a.cmd == C::Unhold && !self.state.attentions.is_empty() {
            return Err(refuse(
                "ATTENTION_PENDING",
                "answer the open questions first",
            ));
        }
        self.go(machine::target(&a.cmd), "cmd");
        if a.cmd == C::Abort {
            for job in self.jobs_in(JobState::in_work) {
                self.abort_in_work(&job);
            }
        }
        Ok(json!({"state": self.state.machine.state}))
    }

    fn mode_command(&mut self, a: &ModeSet) -> Result<Value, WireError> {
        let m = &self.state.machine;
        if m.mode == a.mode {
            return Ok(json!({"mode": m.mode, "already": true}));
        }
        if matches!(a.mode, Mode::Other(_)) {
            return Err(refuse("BAD_REQUEST", "unknown mode"));
        }
        let resting = matches!(
            m.state,
            MachineState::Stopped | MachineState::Idle | MachineState::Aborted
        );
        if !resting || !self.running.is_empty() {
            return Err(refuse(
                "MODE_CHANGE_REFUSED",
                format!("the machine is {}", m.state),
            ));
        }
        self.set_mode(a.mode.clone());
        Ok(json!({"mode": a.mode}))
    }
}
