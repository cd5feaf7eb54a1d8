//! Dishes in work: phases, equipment, dispensing, plating, hand-over.
//!
//! As simple as honest: the phases of one dish run one after another in the recipe's order (which keeps every
//! `after`), equipment is a count a kind, and a begun dish comes before a queued one.

use super::{
    faults::Fault,
    kitchen::{Kitchen, Running},
    machine,
    state::{Bin, Change, Job},
};
use galley_robot::{
    BinState, BinStateChanged, Choice, Consumed, CriticalPoint, Event, HoldExpired, Ingredient,
    JobPhase, JobState, LotQty, Outcome, Phase, QtySource, Recipe, Release, Salvage, Stage,
};
use std::{collections::BTreeMap, sync::Arc};

/// Share of a phase after which its ingredients have left the bins.
const DISPENSE_PART: u64 = 10;

impl Kitchen {
    /// The recipe of a job.
    pub fn recipe_of(&self, job: &Job) -> Option<Arc<Recipe>> {
        self.recipes.get(&job.submit.recipe.hash).cloned()
    }

    fn phase_of(&self, job_id: &str) -> Option<(Job, Arc<Recipe>, Phase)> {
        let job = self.state.jobs.get(job_id)?.clone();
        let recipe = self.recipe_of(&job)?;
        let index = self.running.get(job_id).map_or(0, |r| r.index);
        let phase = recipe.phases.get(index)?.clone();
        Some((job, recipe, phase))
    }

    pub(super) fn uses_of_phase(&self, job_id: &str) -> Vec<String> {
        self.phase_of(job_id)
            .map_or_else(Vec::new, |(_, _, phase)| phase.uses)
    }

    /// Equipment claimed now, by kind.
    fn claimed(&self) -> BTreeMap<String, u32> {
        let mut claimed = BTreeMap::new();
        let mut claim = |name: &str| *claimed.entry(name.to_owned()).or_insert(0) += 1;
        for (job_id, running) in &self.running {
            running.kept.iter().for_each(|name| claim(name));
            if running.active
                && let Some((_, _, phase)) = self.phase_of(job_id)
            {
                let held = &running.kept;
                phase
                    .res
                    .iter()
                    .filter(|name| !held.contains(name))
                    .for_each(|name| claim(name));
            }
        }
        for job in self.state.jobs.values() {
            if job.state == JobState::Plated {
                claim("slot");
            }
        }
        claimed
    }

    fn is_free(&self, phase: &Phase, kept: &[String]) -> bool {
        let claimed = self.claimed();
        phase
            .res
            .iter()
            .filter(|name| !kept.contains(name))
            .all(|name| {
                let there = self.config.equipment.get(name).copied().unwrap_or(0);
                claimed.get(name).copied().unwrap_or(0) < there
            })
    }

    /// Begins what can be begun; true if something was.
    pub(super) fn begin_work(&mut self, now: u64) -> bool {
        if !machine::works(&self.state.machine.state) {
            return false;
        }
        let mut begun: Vec<String> = self.running.keys().cloned().collect();
        begun.sort_by_key(|id| self.state.jobs.get(id).map(|j| j.n));
        for job_id in begun {
            let waits = self
                .running
                .get(&job_id)
                .is_some_and(|r| !r.active && !r.stuck);
            if waits && self.begin_phase(&job_id, now) {
                return true;
            }
        }
        if !self.may_begin() {
            return false;
        }
        let Some(next) = self.head_of_queue() else {
            return false;
        };
        let Some((_, _, phase)) = self.phase_of(&next) else {
            self.fail(&next, "RECIPE_INVALID", Salvage::Discard);
            return true;
        };
        if !self.is_free(&phase, &[]) {
            return false;
        }
        self.running.insert(
            next.clone(),
            Running {
                index: 0,
                active: false,
                stuck: false,
                started: now,
                dispense_at: None,
                end_at: now,
                dispensed: Vec::new(),
                kept: Vec::new(),
                frozen_at: None,
                done_ms: 0,
            },
        );
        let mut cooked = self.state.cooked.get(&next).copied().unwrap_or_default();
        cooked.begun += 1;
        self.put(Change::Cooked {
            job_id: next.clone(),
            cooked,
        });
        self.change_job(&next, JobState::Preparing, |job, change| {
            job.phase = Some(phase.id.clone());
            change.phase = Some(phase.id.clone());
        });
        self.begin_phase(&next, now)
    }

    /// The job whose turn it is: higher priority first, then the older one; a held one is passed over.
    pub(super) fn head_of_queue(&self) -> Option<String> {
        let wall = self.wall();
        self.state
            .jobs
            .values()
            .filter(|j| j.state == JobState::Queued && j.submit.release == Release::Auto)
            .filter(|j| j.submit.not_before.is_none_or(|t| t <= wall))
            .min_by_key(|j| (std::cmp::Reverse(j.submit.prio), j.n))
            .map(|j| j.submit.job_id.clone())
    }

    fn begin_phase(&mut self, job_id: &str, now: u64) -> bool {
        let Some((job, _, phase)) = self.phase_of(job_id) else {
            return false;
        };
        let kept = self
            .running
            .get(job_id)
            .map_or_else(Vec::new, |r| r.kept.clone());
        if job.paused || !self.is_free(&phase, &kept) {
            return false;
        }
        if phase.stage == Stage::Cooking && job.state == JobState::Preparing {
            self.change_job(job_id, JobState::Cooking, |job, change| {
                job.phase = Some(phase.id.clone());
                change.phase = Some(phase.id.clone());
            });
        } else if job.phase.as_deref() != Some(&phase.id) {
            let mut job = job;
            job.phase = Some(phase.id.clone());
            self.put(Change::Job(Box::new(job)));
        }
        let takes = self
            .scaled(phase.dur_ms)
            .saturating_mul(self.faults.slowness());
        if let Some(running) = self.running.get_mut(job_id) {
            running.active = true;
            running.started = now;
            running.end_at = now + takes;
            let left = phase.uses.iter().any(|u| !running.dispensed.contains(u));
            running.dispense_at = left.then_some(now + takes / DISPENSE_PART);
        }
        if self.jam && phase.res.iter().any(|r| r == "arm") {
            self.raise("GRIPPER_JAM", job_id, None, &[Choice::Retry, Choice::Abort]);
        }
        true
    }

    /// The gripper jams, or is freed.
    pub fn set_jam(&mut self, jam: bool) {
        self.jam = jam;
        if jam && machine::works(&self.state.machine.state) {
            let held: Vec<String> = self
                .running
                .iter()
                .filter(|(_, r)| r.active && !r.stuck)
                .map(|(id, _)| id.clone())
                .filter(|id| {
                    self.phase_of(id)
                        .is_some_and(|(_, _, phase)| phase.res.iter().any(|r| r == "arm"))
                })
                .collect();
            for job in held {
                self.raise("GRIPPER_JAM", &job, None, &[Choice::Retry, Choice::Abort]);
            }
        }
        self.commit();
    }

    /// Goes on with the dish whose time has come first.
    pub(super) fn work(&mut self, now: u64) -> bool {
        let due = self
            .running
            .iter()
            .filter(|(_, r)| r.active && !r.stuck && r.frozen_at.is_none())
            .map(|(id, r)| (r.dispense_at.unwrap_or(r.end_at).min(r.end_at), id.clone()))
            .filter(|(at, _)| *at <= now)
            .min();
        let Some((_, job_id)) = due else {
            return false;
        };
        let dispenses = self
            .running
            .get(&job_id)
            .is_some_and(|r| r.dispense_at.is_some());
        if dispenses {
            self.dispense(&job_id);
        } else {
            self.end_phase(&job_id, now);
        }
        true
    }

    fn dispense(&mut self, job_id: &str) {
        let Some((job, recipe, phase)) = self.phase_of(job_id) else {
            return;
        };
        for used in &phase.uses {
            let done = self
                .running
                .get(job_id)
                .is_some_and(|r| r.dispensed.contains(used));
            let Some(ingredient) = recipe.ingredients.iter().find(|x| &x.r == used) else {
                continue;
            };
            if done {
                continue;
            }
            if let Err(code) = self.draw(&job, &phase, ingredient) {
                let options = [Choice::Retry, Choice::Skip, Choice::Abort];
                let bin = self
                    .bins_with(&ingredient.item)
                    .first()
                    .map(|b| b.bin.clone());
                return self.raise(code, job_id, bin, &options);
            }
            if let Some(running) = self.running.get_mut(job_id) {
                running.dispensed.push(used.clone());
            }
        }
        if let Some(running) = self.running.get_mut(job_id) {
            running.dispense_at = None;
        }
    }

    /// Bins of an ingredient that may be drawn from, in the order of their ids.
    fn bins_with(&self, item: &str) -> Vec<&Bin> {
        self.state
            .bins
            .values()
            .filter(|b| b.item.as_deref() == Some(item))
            .filter(|b| {
                !matches!(
                    b.state,
                    BinState::Locked | BinState::Jammed | BinState::Absent
                )
            })
            .collect()
    }

    /// How much of an ingredient may be used now, and how much is there in all.
    pub(super) fn supply(&self, item: &str) -> (i64, i64) {
        let wall = self.wall();
        let layers = || self.bins_with(item).into_iter().flat_map(|b| &b.layers);
        let fresh = layers().filter(|l| l.expiry > wall).map(|l| l.qty).sum();
        (fresh, layers().map(|l| l.qty).sum())
    }

    /// Takes one ingredient out of its bins and books it at that moment.
    fn draw(
        &mut self,
        job: &Job,
        phase: &Phase,
        ingredient: &Ingredient,
    ) -> Result<(), &'static str> {
        let planned = ingredient
            .qty
            .saturating_mul(i64::from(job.submit.portions));
        let item = std::iter::once(&ingredient.item)
            .chain(&ingredient.alt)
            .find(|item| self.supply(item).0 >= planned)
            .cloned();
        let Some(item) = item else {
            let expired = self.supply(&ingredient.item).1 >= planned;
            return Err(if expired {
                "INGREDIENT_EXPIRED"
            } else {
                "OUT_OF_STOCK"
            });
        };
        let wall = self.wall();
        let noise = self.noise(ingredient, planned);
        let mut left = planned;
        let mut n = 0;
        let bins: Vec<Bin> = self.bins_with(&item).into_iter().cloned().collect();
        for mut bin in bins {
            let fresh: i64 = bin
                .layers
                .iter()
                .filter(|l| l.expiry > wall)
                .map(|l| l.qty)
                .sum();
            // The scale knows what really fell; the last bin of a draw carries the deviation.
            let wanted = if bin.scale && left <= fresh {
                left + noise
            } else {
                left
            };
            let qty = wanted.clamp(0, fresh);
            if qty == 0 || left == 0 {
                continue;
            }
            let mut lots = Vec::new();
            let mut rest = qty;
            bin.layers.sort_by_key(|l| l.expiry);
            for layer in bin.layers.iter_mut().filter(|l| l.expiry > wall) {
                let part = rest.min(layer.qty);
                if part > 0 {
                    layer.qty -= part;
                    rest -= part;
                    lots.push(LotQty {
                        lot: layer.lot.clone(),
                        qty: part,
                    });
                }
            }
            bin.layers.retain(|l| l.qty > 0);
            n += 1;
            left = if left <= fresh { 0 } else { left - qty };
            let job_id = &job.submit.job_id;
            self.emit(&Event::Consumed(Consumed {
                use_id: format!("{job_id}:{}:{}:{n}", phase.id, ingredient.r),
                job_id: Some(job_id.clone()),
                phase: Some(phase.id.clone()),
                bin: Some(bin.bin.clone()),
                item: item.clone(),
                qty,
                unit: bin.unit.clone(),
                lots,
                src: bin.source(),
                level: Some(bin.level()),
            }));
            self.store_bin(bin);
        }
        Ok(())
    }

    /// Deviation of a weighed amount: within a third of the tolerance, from the seed.
    fn noise(&mut self, ingredient: &Ingredient, planned: i64) -> i64 {
        let span = planned / 1000 * i64::from(ingredient.tol_pm) / 3;
        if !self.config.noise || span == 0 {
            return 0;
        }
        let bits = self.next_uuid().as_u128() % (2 * span.unsigned_abs() as u128 + 1);
        i64::try_from(bits).unwrap_or(0) - span
    }

    /// Stores a bin, and says so if its state changed.
    pub(super) fn store_bin(&mut self, mut bin: Bin) {
        let from = bin.state.clone();
        if !matches!(from, BinState::Locked | BinState::Jammed | BinState::Absent) {
            bin.state = bin.natural_state();
        }
        if bin.state != from {
            self.emit(&Event::BinState(BinStateChanged {
                bin: bin.bin.clone(),
                from,
                to: bin.state.clone(),
            }));
        }
        self.put(Change::Bin(Box::new(bin)));
    }

    fn end_phase(&mut self, job_id: &str, now: u64) {
        let Some((job, recipe, phase)) = self.phase_of(job_id) else {
            return self.fail(job_id, "RECIPE_INVALID", Salvage::Discard);
        };
        for point in recipe.ccp.iter().filter(|c| c.phase == phase.id) {
            let missed = self
                .faults
                .take(|f| *f == Fault::MissControlPoint)
                .is_some();
            self.emit(&Event::JobCcp(CriticalPoint {
                job_id: job_id.to_owned(),
                ccp: point.id.clone(),
                ok: !missed,
                value_mc: if missed {
                    point.min_mc - 5000
                } else {
                    point.min_mc
                },
                held_ms: if missed { 0 } else { point.hold_ms },
            }));
            if missed {
                return self.fail(job_id, "CCP_MISSED", Salvage::Discard);
            }
        }
        let started = self.running.get(job_id).map_or(now, |r| r.started);
        self.emit(&Event::JobPhase(JobPhase {
            job_id: job_id.to_owned(),
            phase: phase.id.clone(),
            result: "ok".into(),
            took_ms: (now - started).saturating_mul(u64::from(self.config.speed.max(1))),
        }));
        if job.stopping {
            return self.abort_in_work(job_id);
        }
        let Some(running) = self.running.get_mut(job_id) else {
            return;
        };
        running.index += 1;
        running.active = false;
        running.dispensed.clear();
        running.done_ms += phase.dur_ms;
        let keeps = phase
            .args
            .as_ref()
            .and_then(|a| a.get("keep"))
            .and_then(serde_json::Value::as_bool)
            .unwrap_or(false);
        if keeps {
            let hobs = phase.res.iter().filter(|r| *r != "arm" && *r != "slot");
            for name in hobs {
                if !running.kept.contains(name) {
                    running.kept.push(name.clone());
                }
            }
        }
        if running.index >= recipe.phases.len() {
            self.plate(job_id, &recipe);
        }
    }

    fn plate(&mut self, job_id: &str, recipe: &Recipe) {
        self.running.remove(job_id);
        let taken: Vec<String> = self
            .state
            .jobs
            .values()
            .filter(|j| j.state == JobState::Plated)
            .filter_map(|j| j.slot.clone())
            .collect();
        let slot = (1..).map(|n| format!("S{n}")).find(|s| !taken.contains(s));
        let stay = i64::try_from(recipe.hold.max_ms).unwrap_or(i64::MAX);
        let hold_until = self.wall().saturating_add(stay);
        let mut cooked = self.state.cooked.get(job_id).copied().unwrap_or_default();
        cooked.plated += 1;
        self.put(Change::Cooked {
            job_id: job_id.to_owned(),
            cooked,
        });
        if self
            .state
            .jobs
            .get(job_id)
            .is_some_and(|j| j.state == JobState::Preparing)
        {
            self.change_job(job_id, JobState::Cooking, |_, _| {});
        }
        self.change_job(job_id, JobState::Plated, |job, change| {
            job.slot.clone_from(&slot);
            job.hold_until = Some(hold_until);
            change.slot = slot;
            change.hold_until = Some(hold_until);
        });
        self.plan_collection(job_id);
    }

    /// A plated dish was taken.
    pub fn collect(&mut self, job_id: &str, outcome: Outcome, sensor: bool) {
        if self
            .state
            .jobs
            .get(job_id)
            .is_none_or(|j| j.state != JobState::Plated)
        {
            return;
        }
        self.end_job(job_id, JobState::Done, |job, change| {
            job.outcome = Some(outcome.clone());
            change.outcome = Some(outcome);
            change.src = sensor.then_some(QtySource::Sensor);
        });
    }

    pub(super) fn abort_in_work(&mut self, job_id: &str) {
        self.end_job(job_id, JobState::Aborted, |job, change| {
            change.by = Some("cmd".into());
            change.phase.clone_from(&job.phase);
            if job.phase.is_some() {
                job.salvage = Some(Salvage::Discard);
                change.salvage = Some(Salvage::Discard);
            }
        });
    }

    /// Tells about dishes that stood too long.
    pub(super) fn expire_holds(&mut self) -> bool {
        let wall = self.wall();
        let job = self.state.jobs.values().find(|j| {
            j.state == JobState::Plated
                && !j.hold_expired
                && j.hold_until.is_some_and(|t| t <= wall)
        });
        let Some(mut job) = job.cloned() else {
            return false;
        };
        job.hold_expired = true;
        self.emit(&Event::HoldExpired(HoldExpired {
            job_id: job.submit.job_id.clone(),
            slot: job.slot.clone(),
        }));
        self.put(Change::Job(Box::new(job)));
        true
    }
}
