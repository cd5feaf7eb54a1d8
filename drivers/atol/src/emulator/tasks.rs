//! The emulated task buffer: tasks in order, their results by id, and what faults do to them.
//!
//! It outlives connections. A running task that is aborted runs on, as nothing can take back what the fiscal
//! drive has begun; its result is forgotten.

use super::{
    fault::{Fault, Faults},
    machine::{Machine, Outcome},
};
use crate::{
    buffer::{HostCommand, Status, flags},
    command::op,
    frame::{self, Found},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// What a connection has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Out {
    Bytes(Vec<u8>),
    /// The connection ends, after what is before it was sent.
    Drop,
}

/// What was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that came in whole.
    pub frames_in: u64,
    /// Frames that came in damaged.
    pub bad_frames: u64,
    /// Frames that went out.
    pub frames_out: u64,
    /// Connections.
    pub sessions: u64,
    /// Commands that were carried out, refused ones included, by code.
    pub commands: BTreeMap<u8, u64>,
}

#[derive(Debug)]
enum State {
    Queued,
    Running { due: Instant },
    Done { answer: Vec<u8>, failed: bool },
    Stopped,
}

#[derive(Debug)]
struct Entry {
    tid: u8,
    flags: u8,
    command: u8,
    parameters: Vec<u8>,
    /// The packet that is answered when the task ends; `None` when "pending" was answered.
    packet: Option<u8>,
    state: State,
}

/// The printer with its buffer.
pub(super) struct Device {
    pub(super) machine: Machine,
    pub(super) faults: Faults,
    pub(super) counts: Counts,
    pub(super) powered: bool,
    pub(super) outbox: Vec<Out>,
    entries: Vec<Entry>,
    /// The running task that was aborted.
    orphan: Option<(u8, Vec<u8>, Instant)>,
    /// The answer of the task that failed; the queue stands until Abort.
    halted: Option<Vec<u8>>,
}

impl Device {
    pub(super) fn new(machine: Machine) -> Self {
        Self {
            machine,
            faults: Faults::default(),
            counts: Counts::default(),
            powered: true,
            outbox: Vec::new(),
            entries: Vec::new(),
            orphan: None,
            halted: None,
        }
    }

    /// When something happens next by itself.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let running = self.entries.iter().find_map(|e| match e.state {
            State::Running { due } => Some(due),
            _ => None,
        });
        running.or(self.orphan.as_ref().map(|(_, _, due)| *due))
    }

    /// Takes a frame.
    pub(super) fn take(&mut self, found: Found, now: Instant) {
        let frame = match found {
            Found::Frame(frame) if self.powered => frame,
            _ => {
                self.counts.bad_frames += 1;
                return;
            }
        };
        self.counts.frames_in += 1;
        let command = HostCommand::decode(&frame.data);
        let code = match &command {
            Some(HostCommand::Add { task, .. } | HostCommand::AckAdd { task, .. }) => {
                task.get(2).copied()
            }
            Some(HostCommand::Req(tid)) => self.entry(*tid).map(|e| e.command),
            _ => None,
        };
        if self.faults.strikes(code, Fault::Silence) {
            return;
        }
        match command {
            Some(HostCommand::Add { flags, tid, task }) => {
                self.add(frame.id, flags, tid, &task, now);
            }
            Some(HostCommand::AckAdd {
                ack,
                flags,
                tid,
                task,
            }) => {
                self.forget(ack);
                self.add(frame.id, flags, tid, &task, now);
            }
            Some(HostCommand::Ack(tid)) => {
                let status = if self.forget(tid) {
                    Status::Result(Vec::new())
                } else {
                    Status::NotFound
                };
                self.send(frame.id, &status);
            }
            Some(HostCommand::Req(tid)) => self.request(frame.id, tid),
            Some(HostCommand::Abort) => {
                self.abort();
                self.send(frame.id, &Status::Result(Vec::new()));
            }
            None => self.send(frame.id, &Status::IllegalValue),
        }
    }

    fn entry(&self, tid: u8) -> Option<&Entry> {
        self.entries.iter().find(|e| e.tid == tid)
    }

    fn forget(&mut self, tid: u8) -> bool {
        let before = self.entries.len();
        self.entries
            .retain(|e| e.tid != tid || !matches!(e.state, State::Done { .. } | State::Stopped));
        self.entries.len() < before
    }

    fn abort(&mut self) {
        for entry in self.entries.drain(..) {
            if let State::Running { due } = entry.state {
                self.orphan = Some((entry.command, entry.parameters, due));
            }
        }
        self.halted = None;
    }

    fn add(&mut self, packet: u8, task_flags: u8, tid: u8, task: &[u8], now: Instant) {
        let Some((&command, parameters)) = task.get(2..).and_then(<[u8]>::split_first) else {
            return self.send(packet, &Status::IllegalValue);
        };
        if self.entry(tid).is_some() {
            return self.send(packet, &Status::AlreadyExists);
        }
        if self.entries.len() >= self.machine.config.buffer_size {
            return self.send(packet, &Status::Overflow);
        }
        let mut entry = Entry {
            tid,
            flags: task_flags,
            command,
            parameters: parameters.to_vec(),
            packet: Some(packet),
            state: State::Queued,
        };
        if let Some(answer) = &self.halted {
            let stopped = Status::Stopped(answer.clone());
            entry.state = State::Stopped;
            self.entries.push(entry);
            return self.send(packet, &stopped);
        }
        self.entries.push(entry);
        self.begin_next(now);
        self.advance(now);
        let asynchronous = self.machine.config.async_answers;
        if let Some(entry) = self.entries.iter_mut().find(|e| e.tid == tid)
            && matches!(entry.state, State::Queued | State::Running { .. })
            && asynchronous
        {
            entry.packet = None;
            self.send(packet, &Status::Pending);
        }
    }

    fn request(&mut self, packet: u8, tid: u8) {
        let Some(entry) = self.entry(tid) else {
            return self.send(packet, &Status::NotFound);
        };
        let command = entry.command;
        let status = match &entry.state {
            State::Queued => Status::Pending,
            State::Running { .. } => Status::InProgress,
            State::Stopped => Status::Stopped(self.halted.clone().unwrap_or_default()),
            State::Done { answer, failed } => finished(answer, *failed),
        };
        let ended = matches!(status, Status::Result(_) | Status::Error(_));
        self.answer(packet, command, &status, ended);
    }

    /// Starts the first queued task when none runs.
    fn begin_next(&mut self, now: Instant) {
        let running = |e: &Entry| matches!(e.state, State::Running { .. });
        if self.halted.is_some() || self.entries.iter().any(running) {
            return;
        }
        let durations = self.machine.config.durations;
        let queued = |e: &&mut Entry| matches!(e.state, State::Queued);
        if let Some(entry) = self.entries.iter_mut().find(queued) {
            let code = Some(entry.command);
            let delay = self.faults.strike(code, |f| match f {
                Fault::AnswerDelayed { ms } => Some(Duration::from_millis(ms)),
                _ => None,
            });
            // A busy printer refuses at once.
            let length = if self.orphan.is_some() && !self.machine.config.answers_while_running {
                Duration::ZERO
            } else {
                durations.of(entry.command) + delay.unwrap_or_default()
            };
            entry.state = State::Running { due: now + length };
        }
    }

    /// Ends every task whose time has come.
    pub(super) fn advance(&mut self, now: Instant) {
        if let Some((command, parameters, due)) = self.orphan.take() {
            if due <= now {
                self.count(command);
                let _ = self.machine.execute(command, &parameters);
            } else {
                self.orphan = Some((command, parameters, due));
            }
        }
        while self.powered {
            let ripe = self
                .entries
                .iter()
                .position(|e| matches!(e.state, State::Running { due } if due <= now));
            let Some(index) = ripe else { break };
            self.end(index);
            self.begin_next(now);
        }
    }

    fn count(&mut self, command: u8) {
        *self.counts.commands.entry(command).or_default() += 1;
    }

    /// Carries out the task at `index`.
    fn end(&mut self, index: usize) {
        let command = self.entries[index].command;
        let code = Some(command);
        let cut = self.faults.strike(code, |f| match f {
            Fault::PowerCut { carried_out } => Some((true, carried_out)),
            Fault::LinkLost { carried_out } => Some((false, carried_out)),
            _ => None,
        });
        if let Some((_, false)) = cut {
            self.entries.remove(index);
        } else {
            self.execute(index);
        }
        match cut {
            Some((true, _)) => self.lose_power(),
            Some((false, _)) => self.outbox.push(Out::Drop),
            None => self.report(index),
        }
    }

    fn execute(&mut self, index: usize) {
        let (command, parameters) = {
            let entry = &self.entries[index];
            (entry.command, entry.parameters.clone())
        };
        let code = Some(command);
        self.count(command);
        if let Some(registered) = self.faults.strike(code, |f| match f {
            Fault::PaperEnds { registered } => Some(registered),
            _ => None,
        }) {
            self.machine.paper_ends = Some(registered);
        }
        let refusal = self.faults.strike(code, |f| match f {
            Fault::Busy => Some(crate::error_table::BUSY),
            Fault::Refuse { err } => Some(err),
            _ => None,
        });
        let outcome: Outcome = match refusal {
            Some(err) => Err(err),
            None if self.orphan.is_some() && !self.machine.config.answers_while_running => {
                self.machine.execute_busy(command, &parameters)
            }
            None => self.machine.execute(command, &parameters),
        };
        let (answer, failed) = match outcome {
            Ok(answer) => (answer, false),
            Err(err) if command == op::DEVICE_TYPE => (vec![err], true),
            Err(err) => (vec![0x55, err, 0x00], true),
        };
        let entry = &mut self.entries[index];
        if failed && entry.flags & flags::IGNORE_ERROR == 0 {
            self.halted = Some(answer.clone());
        }
        entry.state = State::Done { answer, failed };
        if failed {
            for waiting in &mut self.entries {
                if matches!(waiting.state, State::Queued) && self.halted.is_some() {
                    waiting.state = State::Stopped;
                }
            }
        }
    }

    /// Tells the host that the task at `index` has ended.
    fn report(&mut self, index: usize) {
        let entry = &self.entries[index];
        let State::Done { answer, failed } = &entry.state else {
            return;
        };
        let (tid, answer) = (entry.tid, answer.clone());
        let (id, status) = match (entry.packet, *failed) {
            (Some(packet), failed) => (packet, finished(&answer, failed)),
            (None, false) => (frame::ASYNC_ID, Status::AsyncResult { tid, answer }),
            (None, true) => (frame::ASYNC_ID, Status::AsyncError { tid, answer }),
        };
        let command = entry.command;
        if entry.flags & flags::NEED_RESULT == 0 {
            self.entries.remove(index);
        }
        self.answer(id, command, &status, true);
    }

    /// Sends an answer about a task; faults may spoil one that tells the task's end.
    fn answer(&mut self, id: u8, command: u8, status: &Status, ended: bool) {
        if !ended {
            return self.send(id, status);
        }
        let code = Some(command);
        if self.faults.strikes(code, Fault::AnswerLost) {
            return;
        }
        if self.faults.strikes(code, Fault::Garbage) {
            self.outbox.push(Out::Bytes(vec![0x00, 0x41, 0xFD, 0xFF]));
        }
        self.send(id, status);
        let cut = self.faults.strikes(code, Fault::FrameCut);
        let spoilt = !cut && self.faults.strikes(code, Fault::WrongCrc);
        if let Some(Out::Bytes(bytes)) = self.outbox.last_mut() {
            if cut {
                bytes.truncate(bytes.len() / 2);
            }
            if spoilt && let Some(crc) = bytes.last_mut() {
                // Another value below FD: neither an escape nor the start of a frame.
                *crc = (*crc ^ 0x01) & 0x7F;
            }
        }
    }

    fn send(&mut self, id: u8, status: &Status) {
        // Answers are far shorter than a frame can be.
        if let Ok(bytes) = frame::encode(id, &status.encode()) {
            self.counts.frames_out += 1;
            self.outbox.push(Out::Bytes(bytes));
        }
    }

    /// The power goes off: the buffer and the connection are gone.
    pub(super) fn lose_power(&mut self) {
        self.powered = false;
        self.entries.clear();
        self.orphan = None;
        self.halted = None;
        self.machine.lose_power();
        self.outbox.push(Out::Drop);
    }
}

fn finished(answer: &[u8], failed: bool) -> Status {
    if failed {
        Status::Error(answer.to_vec())
    } else {
        Status::Result(answer.to_vec())
    }
}
