//! The emulated printer behind its lines: one command at a time, its reply kept until the host has it, faults.

use super::{
    fault::{Fault, Faults},
    machine::Machine,
};
use crate::{
    command,
    error_table::{NO_PAPER, PRINTING},
};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// A command that is being carried out.
struct Job {
    code: u16,
    body: Vec<u8>,
    due: Instant,
    took: Duration,
    faults: Vec<Fault>,
    /// Its number in protocol 2.
    number: Option<u16>,
}

/// A reply that the host doesn't have yet.
pub(super) struct Pending {
    pub(super) body: Vec<u8>,
    /// What happens to it on its first way.
    pub(super) faults: Vec<Fault>,
}

/// How a command was taken.
pub(super) enum Began {
    /// It was not seen.
    Unseen,
    /// It was refused on the line.
    NotTaken,
    /// It is being carried out.
    Taken { ack: bool, stray: bool },
}

/// What was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Connections that were taken.
    pub sessions: u64,
    /// Commands that were carried out, by code in hexadecimal.
    pub commands: BTreeMap<String, u64>,
    /// Time that commands and printing took by the emulator's own figures, in milliseconds.
    pub device_ms: u64,
}

pub(super) struct Device {
    pub(super) machine: Machine,
    pub(super) faults: Faults,
    pub(super) powered: bool,
    /// Moves when connections must drop.
    pub(super) drops: u64,
    job: Option<Job>,
    pub(super) pending: Option<Pending>,
    /// The reply before.
    pub(super) previous: Option<Vec<u8>>,
    /// Protocol 2: the last number, and the reply to it.
    pub(super) last: (u16, Vec<u8>),
    pub(super) counts: Counts,
    /// The last commands, code and parameters without the password.
    journal: Vec<String>,
}

/// Commands that the journal keeps.
const JOURNAL: usize = 1000;

impl Device {
    pub(super) fn new(machine: Machine) -> Self {
        Self {
            machine,
            faults: Faults::default(),
            powered: true,
            drops: 0,
            job: None,
            pending: None,
            previous: None,
            last: (0, Vec::new()),
            counts: Counts::default(),
            journal: Vec::new(),
        }
    }

    pub(super) fn journal(&self) -> &[String] {
        &self.journal
    }

    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    pub(super) fn runs_number(&self) -> Option<u16> {
        self.job.as_ref().and_then(|job| job.number)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.job.as_ref().map(|job| job.due)
    }

    /// Takes a command off the line.
    pub(super) fn begin(&mut self, body: Vec<u8>, number: Option<u16>, now: Instant) -> Began {
        let Some((code, _)) = command::split_code(&body) else {
            return Began::NotTaken;
        };
        let faults = self.faults.strike(code);
        if faults.contains(&Fault::Silence) {
            return Began::Unseen;
        }
        if faults.contains(&Fault::NotTaken) && number.is_none() {
            return Began::NotTaken;
        }
        let mut took = self.machine.config.durations.of(code);
        for fault in &faults {
            if let Fault::Delay { ms } = fault {
                took += Duration::from_millis(*ms);
            }
        }
        let taken = Began::Taken {
            ack: !faults.contains(&Fault::AckLost),
            stray: faults.contains(&Fault::StrayByte),
        };
        self.pending = None;
        self.job = Some(Job {
            code,
            body,
            due: now + took,
            took,
            faults,
            number,
        });
        self.advance(now);
        taken
    }

    /// Lets happen what is due.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.job.as_ref().is_none_or(|job| job.due > now) {
            return;
        }
        let Some(job) = self.job.take() else { return };
        let mut carried = true;
        let (mut cut_power, mut cut_link) = (false, false);
        let mut refusal = None;
        let mut ends = false;
        for fault in &job.faults {
            match fault {
                Fault::Busy => refusal = Some(PRINTING),
                Fault::Refuse { err } => refusal = Some(*err),
                Fault::PaperEnds { registered: true } => ends = true,
                Fault::PaperEnds { registered: false } => {
                    self.machine.paper = false;
                    refusal = Some(NO_PAPER);
                }
                Fault::LinkLost { carried_out } => (cut_link, carried) = (true, *carried_out),
                Fault::PowerCut { carried_out } => (cut_power, carried) = (true, *carried_out),
                _ => {}
            }
        }
        if carried {
            let reply = self.reply(&job, refusal, ends, now);
            if let Some(number) = job.number {
                self.last = (number, reply.clone());
            }
            self.pending = Some(Pending {
                body: reply,
                faults: job.faults,
            });
        }
        if cut_power {
            self.lose_power();
        }
        if cut_link {
            self.drops += 1;
        }
    }

    fn reply(&mut self, job: &Job, refusal: Option<u8>, ends: bool, now: Instant) -> Vec<u8> {
        let mut reply = Vec::new();
        command::push_code(&mut reply, job.code);
        let prints = self.machine.prints_until;
        let outcome = match refusal {
            Some(err) => Err(err),
            None => {
                let parameters = command::split_code(&job.body).map_or(&[][..], |(_, rest)| rest);
                let outcome = self.machine.execute(job.code, parameters, now, ends);
                self.note(job.code, parameters, &outcome);
                outcome
            }
        };
        // What is answered while it prints takes no time of its own.
        if prints.is_none_or(|until| now >= until) {
            self.counts.device_ms += u64::try_from(job.took.as_millis()).unwrap_or(0);
        }
        if self.machine.prints_until != prints {
            self.counts.device_ms += self.machine.config.durations.print_ms;
        }
        match outcome {
            Ok(data) => {
                reply.push(0);
                reply.extend(data);
            }
            Err(err) => reply.push(err),
        }
        reply
    }

    fn note(&mut self, code: u16, parameters: &[u8], outcome: &Result<Vec<u8>, u8>) {
        if outcome.is_ok() {
            *self
                .counts
                .commands
                .entry(format!("{code:02X}"))
                .or_default() += 1;
        }
        if self.journal.len() >= JOURNAL {
            self.journal.remove(0);
        }
        let err = outcome.as_ref().err().copied().unwrap_or(0);
        let mut line = format!("{code:02X} {err:02X}");
        // Reads are many and say nothing.
        if !command::is_idempotent(code) {
            for byte in parameters.get(4..).unwrap_or(&[]) {
                line.push_str(&format!(" {byte:02X}"));
            }
        }
        self.journal.push(line);
    }

    pub(super) fn lose_power(&mut self) {
        self.powered = false;
        self.job = None;
        self.pending = None;
        self.previous = None;
        self.last = (0, Vec::new());
        self.drops += 1;
        self.machine.lose_power();
    }
}
