//! The conversation with the task buffer (1.4, 1.6): one task at a time, its result fetched whatever the wire does.
//!
//! What is repeated here is only what can't be carried out twice: asking for a task by its id (`Req`), adding a
//! task again that *reads*, adding a task that the buffer said it did not take. A task id is used at most once
//! between two Aborts, so that an old result is never taken for a new one.

use crate::{
    buffer::{HostCommand, Status, flags},
    config::Timeouts,
    frame::{self, Decoder, Found, Frame},
};
use galley_link::BoxStream;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep, timeout_at},
};

/// How long the vendor's host waits after "queue full".
const OVERFLOW_PAUSE: Duration = Duration::from_millis(500);
/// Damaged answers that are asked for again at once; after that the silence rule takes over, so that a noisy
/// line does not make a storm.
const DAMAGE_LIMIT: u32 = 4;
/// How often a reading task is added again, or any task that the buffer did not take.
const ADD_LIMIT: u32 = 4;
/// What the vendor's host sends to find a platform 5.0 printer; harmless to others, which skip it.
const PLATFORM_50_PROBE: [u8; 13] = [
    0x24, 0x40, 0x0D, 0x00, 0x20, 0x01, 0xF7, 0x40, 0x74, 0x65, 0x73, 0x74, 0x65,
];

/// What outlives a connection: ids go on counting, and the act whose end was not seen is remembered.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    packet: u8,
    task: u8,
    /// The task id of an act that was added and whose result is not known.
    pub(crate) pending: Option<u8>,
}

/// [`Ids`] of one printer.
pub(crate) type SharedIds = Arc<Mutex<Ids>>;

/// The end of a conversation.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// The task did not leave, or not whole, or the buffer said that it did not take it.
    NotSent(String),
    /// It left, and its result is not known.
    Lost(String),
}

/// Why no session could be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The stream began `24 40`.
    Platform50,
    /// Nothing came.
    Silent,
    /// It still runs a task of an earlier session, or the link broke.
    Broken(String),
}

/// The answer of a task.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A3 or A6.
    Done(Vec<u8>),
    /// A4 or A7.
    Failed(Vec<u8>),
}

/// Whether a task may be carried out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// It only reads.
    Read,
    /// It changes something.
    Act,
}

/// One connection.
pub(crate) struct Session {
    stream: BoxStream,
    decoder: Decoder,
    inbox: VecDeque<Found>,
    ids: SharedIds,
    silence: Duration,
    /// The buffer must be cleared before the next task.
    unclean: bool,
}

impl Session {
    /// Begins a session: waits for the end of a task of ours that may still run, then clears the buffer.
    pub(crate) async fn open(
        stream: BoxStream,
        ids: SharedIds,
        timeouts: &Timeouts,
    ) -> Result<Self, OpenError> {
        let mut session = Self {
            stream,
            decoder: Decoder::default(),
            inbox: VecDeque::new(),
            ids,
            silence: timeouts.silence(),
            unclean: false,
        };
        let pending = session.with_ids(|ids| ids.pending);
        if let Some(tid) = pending {
            session.outlast(tid, timeouts).await?;
        }
        session.greet(timeouts.probe()).await?;
        session.with_ids(|ids| ids.pending = None);
        Ok(session)
    }

    /// The Abort probe (0.2); when nothing comes, the platform 5.0 probe tells a foreign protocol from silence.
    async fn greet(&mut self, limit: Duration) -> Result<(), OpenError> {
        let broken = |e: SessionError| match e {
            SessionError::NotSent(d) | SessionError::Lost(d) => OpenError::Broken(d),
        };
        for foreign in [false, true] {
            let until = Instant::now() + limit;
            if foreign {
                self.send_bytes(&PLATFORM_50_PROBE, until)
                    .await
                    .map_err(broken)?;
            }
            let id = self
                .send(&HostCommand::Abort, until)
                .await
                .map_err(broken)?;
            while let Some(found) = self.next(until).await.map_err(OpenError::Broken)? {
                if let Found::Frame(f) = found
                    && f.id == id
                    && matches!(Status::decode(&f.data), Some(Status::Result(_)))
                {
                    return Ok(());
                }
            }
            if self.decoder.stray().windows(2).any(|w| w == [0x24, 0x40]) {
                return Err(OpenError::Platform50);
            }
        }
        Err(OpenError::Silent)
    }

    /// Waits until the task `tid` of an earlier session isn't running any more.
    async fn outlast(&mut self, tid: u8, timeouts: &Timeouts) -> Result<(), OpenError> {
        let broken = |e: SessionError| match e {
            SessionError::NotSent(d) | SessionError::Lost(d) => OpenError::Broken(d),
        };
        let deadline = Instant::now() + timeouts.z();
        let mut heard = false;
        loop {
            let until = Instant::now() + timeouts.probe();
            let id = self
                .send(&HostCommand::Req(tid), until)
                .await
                .map_err(broken)?;
            let mut running = false;
            while let Some(found) = self.next(until).await.map_err(OpenError::Broken)? {
                let Found::Frame(f) = found else { continue };
                match Status::decode(&f.data) {
                    Some(
                        Status::AsyncResult { tid: t, .. } | Status::AsyncError { tid: t, .. },
                    ) if t == tid => return Ok(()),
                    Some(Status::Pending | Status::InProgress | Status::Waiting) if f.id == id => {
                        running = true;
                    }
                    Some(_) if f.id == id => return Ok(()),
                    _ => {}
                }
            }
            heard |= running;
            if !running && !heard {
                // Nobody there, or another protocol: the probe tells which.
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(OpenError::Broken(
                    "the printer still runs an earlier task".to_owned(),
                ));
            }
        }
    }

    /// Runs one task to its end, or to `limit`.
    pub(crate) async fn run(
        &mut self,
        task: &[u8],
        nature: Nature,
        limit: Duration,
    ) -> Result<Answer, SessionError> {
        let deadline = Instant::now() + limit;
        if self.unclean {
            self.abort(deadline)
                .await
                .map_err(|e| SessionError::NotSent(e.detail()))?;
        }
        let tid = self.take_tid(deadline).await?;
        if nature == Nature::Act {
            self.with_ids(|ids| ids.pending = Some(tid));
        }
        let answer = self.exchange(task, tid, nature, deadline).await;
        if !matches!(answer, Err(SessionError::Lost(_))) && nature == Nature::Act {
            self.with_ids(|ids| ids.pending = None);
        }
        match &answer {
            // The result is known; a lost acknowledgement costs a place in the buffer, no more.
            Ok(Answer::Done(_)) => {
                let _ = self.send(&HostCommand::Ack(tid), deadline).await;
            }
            Ok(Answer::Failed(_)) => {
                self.unclean = true;
                let _ = self.abort(Instant::now() + self.silence * 2).await;
            }
            Err(_) => {}
        }
        answer
    }

    async fn exchange(
        &mut self,
        task: &[u8],
        tid: u8,
        nature: Nature,
        deadline: Instant,
    ) -> Result<Answer, SessionError> {
        let add = HostCommand::Add {
            flags: flags::NEED_RESULT,
            tid,
            task: task.to_vec(),
        };
        let ask = HostCommand::Req(tid);
        // From here on the task may have arrived.
        let mut sent = vec![self.send(&add, deadline).await?];
        let (mut adds, mut damages) = (1, 0);
        let mut until = deadline.min(Instant::now() + self.silence);
        loop {
            let frame = match self.next(until).await.map_err(SessionError::Lost)? {
                Some(Found::Frame(frame)) => Some(frame),
                Some(Found::Damaged) => None,
                None if Instant::now() >= deadline => {
                    return Err(SessionError::Lost("no answer in time".to_owned()));
                }
                None => {
                    sent.push(self.send_later(&ask, deadline).await?);
                    until = deadline.min(Instant::now() + self.silence);
                    continue;
                }
            };
            let status = match &frame {
                Some(Frame { id, data }) if !data.is_empty() => {
                    let unasked = *id == frame::ASYNC_ID;
                    match Status::decode(data) {
                        Some(Status::AsyncResult { tid: t, answer }) if unasked && t == tid => {
                            return Ok(Answer::Done(answer));
                        }
                        Some(Status::AsyncError { tid: t, answer }) if unasked && t == tid => {
                            return Ok(Answer::Failed(answer));
                        }
                        Some(status) if sent.contains(id) => status,
                        // The answer to an acknowledgement, or to nothing of ours.
                        _ => continue,
                    }
                }
                // Damaged, or "repeat": what came was meant for us, so ask for it.
                _ => {
                    damages += 1;
                    if damages <= DAMAGE_LIMIT {
                        sent.push(self.send_later(&ask, deadline).await?);
                        until = deadline.min(Instant::now() + self.silence);
                    }
                    continue;
                }
            };
            // Whether the task is certainly not in the buffer and was not carried out.
            let not_taken = match status {
                Status::Result(answer) => return Ok(Answer::Done(answer)),
                Status::Error(answer) => return Ok(Answer::Failed(answer)),
                Status::Pending | Status::InProgress => {
                    until = deadline.min(Instant::now() + self.silence);
                    continue;
                }
                Status::AlreadyExists => {
                    // Our own Add, delivered twice: its result is ours.
                    sent.push(self.send_later(&ask, deadline).await?);
                    continue;
                }
                Status::NotFound if nature == Nature::Act => {
                    return Err(SessionError::Lost(
                        "the printer does not know the task any more".to_owned(),
                    ));
                }
                Status::NotFound => true,
                Status::Stopped(_) => {
                    self.abort(deadline).await?;
                    true
                }
                Status::Overflow => {
                    sleep(OVERFLOW_PAUSE).await;
                    if adds > 1 {
                        self.abort(deadline).await?;
                    }
                    true
                }
                // The vendor's host takes these for silence.
                Status::Waiting
                | Status::IllegalValue
                | Status::AsyncResult { .. }
                | Status::AsyncError { .. } => false,
            };
            if not_taken {
                adds += 1;
                if adds > ADD_LIMIT || Instant::now() >= deadline {
                    return Err(SessionError::NotSent(
                        "the printer takes no task".to_owned(),
                    ));
                }
                sent.push(self.send_later(&add, deadline).await?);
                until = deadline.min(Instant::now() + self.silence);
            }
        }
    }

    /// Clears the buffer and waits for the answer.
    async fn abort(&mut self, deadline: Instant) -> Result<(), SessionError> {
        for _ in 0..2 {
            let id = self.send(&HostCommand::Abort, deadline).await?;
            let until = deadline.min(Instant::now() + self.silence);
            while let Some(found) = self.next(until).await.map_err(SessionError::Lost)? {
                if let Found::Frame(f) = found
                    && f.id == id
                    && matches!(Status::decode(&f.data), Some(Status::Result(_)))
                {
                    self.unclean = false;
                    return Ok(());
                }
            }
        }
        Err(SessionError::Lost("no answer to Abort".to_owned()))
    }

    async fn take_tid(&mut self, deadline: Instant) -> Result<u8, SessionError> {
        let tid = self.with_ids(|ids| advance(&mut ids.task));
        if tid == frame::LAST_ID {
            // The next one is 0 again: forget all results before it can meet an old one.
            self.abort(deadline)
                .await
                .map_err(|e| SessionError::NotSent(e.detail()))?;
        }
        Ok(tid)
    }

    fn with_ids<T>(&self, f: impl FnOnce(&mut Ids) -> T) -> T {
        f(&mut self.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends after the task has left: any failure is a lost task.
    async fn send_later(
        &mut self,
        command: &HostCommand,
        until: Instant,
    ) -> Result<u8, SessionError> {
        self.send(command, until)
            .await
            .map_err(|e| SessionError::Lost(e.detail()))
    }

    async fn send(&mut self, command: &HostCommand, until: Instant) -> Result<u8, SessionError> {
        let id = self.with_ids(|ids| advance(&mut ids.packet));
        let bytes = frame::encode(id, &command.encode())
            .map_err(|e| SessionError::NotSent(e.to_string()))?;
        self.send_bytes(&bytes, until).await?;
        Ok(id)
    }

    /// A frame that left in part can't be carried out, so a failure in here is "not sent".
    async fn send_bytes(&mut self, bytes: &[u8], until: Instant) -> Result<(), SessionError> {
        let mut sent = 0;
        while sent < bytes.len() {
            // No flush: sockets and lines send at once, and flushing a serial line blocks the thread.
            match timeout_at(until, self.stream.write(&bytes[sent..])).await {
                Ok(Ok(n)) if n > 0 => sent += n,
                Ok(Ok(_)) => return Err(SessionError::NotSent("the link is closed".to_owned())),
                Ok(Err(e)) => return Err(SessionError::NotSent(format!("the link broke: {e}"))),
                Err(_) => {
                    return Err(SessionError::NotSent("the link takes no bytes".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// What comes next; `None` when nothing came until `until`.
    async fn next(&mut self, until: Instant) -> Result<Option<Found>, String> {
        let mut buffer = [0; 512];
        loop {
            if let Some(found) = self.inbox.pop_front() {
                return Ok(Some(found));
            }
            // A line that never stops talking must not hold us: look at the clock, not only at the timer.
            if Instant::now() >= until {
                return Ok(None);
            }
            match timeout_at(until, self.stream.read(&mut buffer)).await {
                Err(_) => return Ok(None),
                Ok(Ok(0)) => return Err("the printer closed the connection".to_owned()),
                Ok(Ok(n)) => self.inbox.extend(self.decoder.push_all(&buffer[..n])),
                Ok(Err(e)) => return Err(format!("the link broke: {e}")),
            }
        }
    }
}

impl SessionError {
    pub(crate) fn detail(self) -> String {
        match self {
            Self::NotSent(detail) | Self::Lost(detail) => detail,
        }
    }
}

fn advance(id: &mut u8) -> u8 {
    let taken = *id;
    *id = if taken >= frame::LAST_ID {
        0
    } else {
        taken + 1
    };
    taken
}
