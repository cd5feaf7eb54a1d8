//! The driver: runs sessions over streams of a [`Dialer`], reconnects, and hands events to one reader.

use crate::{
    auth::Key,
    frame::Framing,
    message::Cmd,
    session::{Now, SessionConfig},
};
use async_trait::async_trait;
use galley_link::{Address, Dialer};
use galley_robot::{
    Ambient, ByeCode, CellInfo, CmdResult, Command, Cursor, Incoming, JobView, LinkState, Part,
    RobotDriver, RobotError, RobotFactory, Snapshot,
};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

/// Frames below this size make the driver read a snapshot piece by piece.
const SMALL_FRAME: usize = 16_384;

/// How a cell is reached.
#[derive(Clone, Debug)]
pub struct KlinkConfig {
    /// Where it is.
    pub address: Address,
    /// How payloads are framed.
    pub framing: Framing,
    /// The store's id.
    pub controller_id: String,
    /// Shared key, if the cell has one.
    pub key: Option<Key>,
    /// Heartbeat, ms.
    pub hb_ms: u64,
    /// How long an answer may take before the command is repeated, ms.
    pub answer_ms: u64,
    /// Name and version of the daemon.
    pub sw: String,
}

impl KlinkConfig {
    /// The defaults of klink 7 for that medium: `len32` on TCP and in memory, `cobs` on a serial line.
    #[must_use]
    pub fn new(address: Address, controller_id: impl Into<String>) -> Self {
        let serial = matches!(address, Address::Serial { .. });
        Self {
            address,
            framing: if serial {
                Framing::Cobs
            } else {
                Framing::Len32
            },
            controller_id: controller_id.into(),
            key: None,
            hb_ms: if serial { 5000 } else { 2000 },
            answer_ms: if serial { 4000 } else { 2000 },
            sw: concat!("galley ", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// Makes klink drivers.
pub struct KlinkFactory {
    dialer: Arc<dyn Dialer>,
    config: KlinkConfig,
    ambient: Ambient,
}

impl KlinkFactory {
    /// Drivers for the cell of `config`, over streams of `dialer`.
    pub fn new(dialer: Arc<dyn Dialer>, config: KlinkConfig, ambient: Ambient) -> Self {
        Self {
            dialer,
            config,
            ambient,
        }
    }
}

#[async_trait]
impl RobotFactory for KlinkFactory {
    async fn open(&self) -> Result<Arc<dyn RobotDriver>, RobotError> {
        if !galley_robot::valid_id(&self.config.controller_id) {
            let text = format!("store id {:?} is no klink id", self.config.controller_id);
            return Err(RobotError::refused("BAD_REQUEST", text));
        }
        Ok(Arc::new(KlinkDriver::new(
            Arc::clone(&self.dialer),
            self.config.clone(),
            self.ambient.clone(),
        )))
    }
}

/// A cell that speaks klink.
pub struct KlinkDriver {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

pub(crate) struct Shared {
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) config: KlinkConfig,
    pub(crate) session: SessionConfig,
    pub(crate) ambient: Ambient,
    pub(crate) began: Instant,
    pub(crate) inner: Mutex<Inner>,
    pub(crate) arrived: Notify,
    pub(crate) link: watch::Sender<LinkState>,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) queue: VecDeque<Incoming>,
    /// Events among them.
    pub(crate) unread: usize,
    /// To the running session.
    pub(crate) session: Option<mpsc::UnboundedSender<Ask>>,
    pub(crate) max_frame: usize,
    /// Journal the reader is in, and how far it has read.
    pub(crate) reader: Option<Cursor>,
    pub(crate) acked: Option<Cursor>,
    pub(crate) seen: Option<Cursor>,
    pub(crate) closed: bool,
}

pub(crate) type Answer = Result<CmdResult, RobotError>;

pub(crate) enum Ask {
    Run {
        cmd: Cmd,
        reads_only: bool,
        reply: oneshot::Sender<Answer>,
    },
    Ack(Cursor),
    Close(ByeCode, oneshot::Sender<()>),
}

impl KlinkDriver {
    /// A driver that is not connected yet.
    pub fn new(dialer: Arc<dyn Dialer>, config: KlinkConfig, ambient: Ambient) -> Self {
        let session = SessionConfig {
            controller_id: config.controller_id.clone(),
            instance: ambient.uuid(),
            key: config.key.clone(),
            hb_ms: config.hb_ms,
            answer_ms: config.answer_ms,
            max_frame: config.framing.max_frame(),
            forgiving: config.framing.resynchronises(),
            sw: config.sw.clone(),
        };
        Self {
            shared: Arc::new(Shared {
                dialer,
                config,
                session,
                ambient,
                began: Instant::now(),
                inner: Mutex::default(),
                arrived: Notify::new(),
                link: watch::Sender::new(LinkState::Idle),
            }),
            task: Mutex::default(),
        }
    }

    /// Stops the task and gives it back, so that a caller can wait until it is really gone.
    fn stop_task(&self) -> Option<JoinHandle<()>> {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let task = task.take();
        if let Some(task) = &task {
            task.abort();
        }
        task
    }

    async fn stop(&self) {
        if let Some(task) = self.stop_task() {
            // Cancelled or finished: either way it is gone.
            let _ = task.await;
        }
    }

    async fn read(&self, op: &str, a: Value) -> Answer {
        let cmd = Cmd {
            s: String::new(),
            id: self.shared.ambient.uuid(),
            op: op.to_owned(),
            ts: 0,
            not_after: None,
            by: None,
            a,
        };
        match self.run(cmd, true).await {
            Err(RobotError::Uncertain { detail }) => Err(RobotError::NotSent { detail }),
            other => other,
        }
    }

    async fn run(&self, cmd: Cmd, reads_only: bool) -> Answer {
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Run {
            cmd,
            reads_only,
            reply,
        };
        let sent = match &self.shared.lock().session {
            Some(session) => session.send(ask).is_ok(),
            None => false,
        };
        if !sent {
            let detail = "no session is open".to_owned();
            return Err(RobotError::LinkDown { detail });
        }
        // A dropped sender means that the session's task was stopped in the middle.
        answer.await.unwrap_or_else(|_| {
            let detail = "the driver was stopped".to_owned();
            Err(RobotError::Uncertain { detail })
        })
    }

    async fn read_parts(&self, parts: &[Part]) -> Result<Snapshot, RobotError> {
        let answer = self.read("snapshot.get", json!({"parts": parts})).await?;
        answer.reply().map_err(|e| senseless(&e))
    }
}

fn senseless(error: &serde_json::Error) -> RobotError {
    RobotError::refused(
        "INTERNAL",
        format!("the robot's answer makes no sense: {error}"),
    )
}

impl Drop for KlinkDriver {
    fn drop(&mut self) {
        let _ = self.stop_task();
    }
}

#[async_trait]
impl RobotDriver for KlinkDriver {
    async fn connect(&self, fence: u64, resume: Option<Cursor>) -> Result<CellInfo, RobotError> {
        self.stop().await;
        let (first, outcome) = oneshot::channel();
        {
            let mut inner = self.shared.lock();
            *inner = Inner {
                acked: resume,
                seen: resume,
                ..Inner::default()
            };
        }
        let task = tokio::spawn(crate::run::keep_connected(
            Arc::clone(&self.shared),
            fence,
            first,
        ));
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        outcome.await.unwrap_or_else(|_| {
            let detail = "the driver was stopped".to_owned();
            Err(RobotError::LinkDown { detail })
        })
    }

    async fn execute(&self, command: &Command) -> Result<CmdResult, RobotError> {
        let bad = |e: &dyn std::fmt::Display| RobotError::refused("BAD_REQUEST", e.to_string());
        command.digest().map_err(|e| bad(&e))?;
        let mut op = serde_json::to_value(&command.op).map_err(|e| bad(&e))?;
        let by = command.by.as_ref().map(serde_json::to_value).transpose();
        let cmd = Cmd {
            s: String::new(),
            id: command.id,
            op: command.op.name().to_owned(),
            ts: 0,
            not_after: command.not_after,
            by: by.map_err(|e| bad(&e))?,
            a: op["a"].take(),
        };
        self.run(cmd, command.op.reads_only()).await
    }

    async fn snapshot(&self, parts: &[Part]) -> Result<Snapshot, RobotError> {
        let small = self.shared.lock().max_frame < SMALL_FRAME;
        if !small {
            return self.read_parts(parts).await;
        }
        // On a serial line one answer can't hold everything: part by part, recipes page by page. What
        // happens between them comes as events above the lowest `as_of`, which win.
        let mut whole = Snapshot {
            as_of: u64::MAX,
            ..Snapshot::default()
        };
        for part in parts {
            if *part == Part::Recipes {
                let mut recipes = Vec::new();
                let mut from = Some(0);
                while let Some(start) = from {
                    let answer = self.read("recipe.list", json!({"from": start})).await?;
                    whole.as_of = whole.as_of.min(answer.seq);
                    let page = answer.r.get("recipes").cloned().unwrap_or_default();
                    let page: Vec<_> = serde_json::from_value(page).map_err(|e| senseless(&e))?;
                    from = answer.r.get("next").and_then(Value::as_u64);
                    recipes.extend(page);
                    from = from.filter(|next| *next > start);
                }
                whole.recipes = Some(recipes);
                continue;
            }
            let one = self.read_parts(std::slice::from_ref(part)).await?;
            whole.as_of = whole.as_of.min(one.as_of);
            whole.machine = one.machine.or(whole.machine);
            whole.jobs = one.jobs.or(whole.jobs);
            whole.bins = one.bins.or(whole.bins);
            whole.cfg = one.cfg.or(whole.cfg);
        }
        if whole.as_of == u64::MAX {
            whole.as_of = 0;
        }
        Ok(whole)
    }

    async fn job(&self, job_id: &str) -> Result<Option<JobView>, RobotError> {
        match self.read("job.get", json!({"job_id": job_id})).await {
            Ok(answer) => {
                let job = answer.r.pointer("/jobs/0").cloned().unwrap_or_default();
                serde_json::from_value(job)
                    .map(Some)
                    .map_err(|e| senseless(&e))
            }
            Err(e) if e.code() == Some("JOB_UNKNOWN") => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn next(&self) -> Result<Incoming, RobotError> {
        loop {
            {
                let mut inner = self.shared.lock();
                if let Some(incoming) = inner.queue.pop_front() {
                    inner.note_read(&incoming);
                    return Ok(incoming);
                }
                if inner.closed {
                    let detail = "the driver is closed".to_owned();
                    return Err(RobotError::LinkDown { detail });
                }
            }
            self.shared.arrived.notified().await;
        }
    }

    async fn ack(&self, seq: u64) -> Result<(), RobotError> {
        let mut inner = self.shared.lock();
        let Some(reader) = inner.reader.filter(|r| seq <= r.last_seq) else {
            let text = format!("event {seq} was never delivered");
            return Err(RobotError::refused("BAD_REQUEST", text));
        };
        let cursor = Cursor {
            epoch: reader.epoch,
            last_seq: seq,
        };
        if inner
            .acked
            .is_some_and(|a| a.epoch == cursor.epoch && a.last_seq >= seq)
        {
            return Ok(());
        }
        inner.acked = Some(cursor);
        if let Some(session) = &inner.session {
            // A session that ends right now learns it at the next hello.
            let _ = session.send(Ask::Ack(cursor));
        }
        Ok(())
    }

    fn link(&self) -> watch::Receiver<LinkState> {
        self.shared.link.subscribe()
    }

    async fn close(&self, code: ByeCode) {
        let (done, wait) = oneshot::channel();
        let told = match &self.shared.lock().session {
            Some(session) => session.send(Ask::Close(code, done)).is_ok(),
            None => false,
        };
        if told {
            let _ = tokio::time::timeout(Duration::from_secs(1), wait).await;
        }
        self.stop().await;
        {
            let mut inner = self.shared.lock();
            inner.closed = true;
            inner.session = None;
        }
        self.shared.arrived.notify_one();
        self.shared.link.send_replace(LinkState::Idle);
    }
}

impl Inner {
    fn note_read(&mut self, incoming: &Incoming) {
        match incoming {
            Incoming::Up(info) => {
                let same = self.reader.is_some_and(|r| r.epoch == info.epoch);
                if !same || info.gap {
                    let last_seq = self
                        .acked
                        .filter(|a| a.epoch == info.epoch && !info.gap)
                        .map_or(info.first_seq - 1, |a| a.last_seq);
                    self.reader = Some(Cursor {
                        epoch: info.epoch,
                        last_seq,
                    });
                }
            }
            Incoming::Event(event) => {
                self.unread = self.unread.saturating_sub(1);
                self.reader = Some(Cursor {
                    epoch: event.epoch,
                    last_seq: event.seq,
                });
            }
            _ => {}
        }
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            mono_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            wall_ms: self.ambient.now_ms(),
        }
    }

    pub(crate) fn push(&self, incoming: Incoming) {
        {
            let mut inner = self.lock();
            match &incoming {
                Incoming::Event(event) => {
                    inner.unread += 1;
                    inner.seen = Some(Cursor {
                        epoch: event.epoch,
                        last_seq: event.seq,
                    });
                }
                // Newest only.
                Incoming::Telemetry(_) => {
                    if matches!(inner.queue.back(), Some(Incoming::Telemetry(_))) {
                        inner.queue.pop_back();
                    }
                }
                _ => {}
            }
            inner.queue.push_back(incoming);
        }
        self.arrived.notify_one();
    }
}
