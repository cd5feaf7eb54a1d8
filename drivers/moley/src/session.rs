//! One klink session from the controller's side: messages in, messages out, time in. No I/O.
//!
//! The driver feeds payloads and the time, and takes payloads and notes out. A session ends by itself; a new
//! one is a new value. What survives a session (cursor, unanswered commands) belongs to the driver.

use crate::{
    auth::{Facts, Key, Side, hex},
    json,
    message::{Auth, Bye, Cmd, Evack, Evt, Hello, Message, Ping, Res, Resume, Welcome},
};
use galley_robot::{
    CellInfo, CmdResult, Cursor, Event, InventoryQuality, JournalEvent, JournalQuality, Limits,
    Quality, RobotError, Telemetry, lookup,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// Commands that may be unanswered at a time (klink 3.6).
pub const MAX_UNANSWERED: usize = 8;
/// Repetitions of one command before the session is given up.
const REPEATS: u32 = 3;
/// Silence before the welcome that ends an attempt, ms.
const HELLO_MS: u64 = 6000;
/// Least time between two complaints about a hole in the events, ms.
const COMPLAIN_MS: u64 = 200;
/// Events kept for a reader that doesn't come; more are left to be sent again.
pub const MAX_UNREAD: usize = 256;
/// Clock samples kept.
const SAMPLES: usize = 9;

/// The moment: a clock that never jumps, and the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since any fixed moment.
    pub mono_ms: u64,
    /// UTC ms.
    pub wall_ms: i64,
}

/// What holds for every session of a driver.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The store's id.
    pub controller_id: String,
    /// New per process start.
    pub instance: Uuid,
    /// Shared key, if the cell has one.
    pub key: Option<Key>,
    /// Heartbeat wanted, ms.
    pub hb_ms: u64,
    /// How long an answer may take, ms.
    pub answer_ms: u64,
    /// Largest payload of the framing, bytes.
    pub max_frame: usize,
    /// A payload that can't be read is dropped instead of ending the session.
    pub forgiving: bool,
    /// Software version.
    pub sw: String,
}

/// What one session starts from.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// See [`galley_robot::RobotDriver::connect`].
    pub fence: u64,
    /// Last event committed by the caller.
    pub acked: Option<Cursor>,
    /// Last event handed to the caller's queue.
    pub seen: Option<Cursor>,
    /// Random bits.
    pub nonce: u128,
}

/// What the driver learns from a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The session is open.
    Up(Box<CellInfo>),
    /// The next event.
    Event(Box<JournalEvent>),
    /// All events stored at the opening have come.
    CaughtUp(u64),
    /// Telemetry.
    Telemetry(Telemetry),
    /// A command was answered.
    Answered(Uuid, Result<CmdResult, RobotError>),
    /// The cell's clock minus ours, ms.
    ClockOffset(i64),
    /// The session is over.
    Ended {
        /// Why.
        detail: String,
        /// Trying again is pointless.
        refused: Option<RobotError>,
    },
}

/// A command on its way.
struct Pending {
    frame: Vec<u8>,
    reads_only: bool,
    /// Times sent; 0 waits for the window.
    sent: u32,
    due_ms: u64,
}

#[derive(PartialEq)]
enum Stage {
    Greeting { cell: Option<(String, String)> },
    Open,
    Over,
}

/// The state machine.
pub struct Session {
    config: SessionConfig,
    start: Start,
    nonce: String,
    stage: Stage,
    began_ms: u64,
    heard_ms: u64,
    spoke_ms: u64,
    s: String,
    hb_ms: u64,
    dead_ms: u64,
    max_frame: usize,
    epoch: Uuid,
    seen: u64,
    acked: u64,
    replay_to: Option<u64>,
    complained_ms: Option<u64>,
    unread: usize,
    order: VecDeque<Uuid>,
    pending: BTreeMap<Uuid, Pending>,
    pings: u64,
    ping_sent: Option<(u64, i64)>,
    samples: VecDeque<i64>,
    out: VecDeque<Vec<u8>>,
    notes: VecDeque<Note>,
}

impl Session {
    /// Says hello.
    #[must_use]
    pub fn new(config: SessionConfig, start: Start, now: Now) -> Self {
        let nonce = hex(&start.nonce.to_be_bytes());
        let auth = if config.key.is_some() { "psk" } else { "none" };
        let hello = Message::Hello(Hello {
            proto: "klink".into(),
            major: 1,
            minors: vec![0],
            role: "controller".into(),
            controller_id: config.controller_id.clone(),
            instance: config.instance,
            fence: start.fence,
            hb_ms: config.hb_ms,
            max_frame: config.max_frame as u64,
            nonce: nonce.clone(),
            auth: vec![auth.into()],
            resume: start.acked.map(|c| Resume {
                epoch: c.epoch,
                last_seq: c.last_seq,
            }),
            sw: config.sw.clone(),
            ts: now.wall_ms,
        });
        let mut session = Self {
            nonce,
            start,
            stage: Stage::Greeting { cell: None },
            began_ms: now.mono_ms,
            heard_ms: now.mono_ms,
            spoke_ms: now.mono_ms,
            s: String::new(),
            hb_ms: config.hb_ms,
            dead_ms: HELLO_MS,
            max_frame: config.max_frame,
            config,
            epoch: Uuid::nil(),
            seen: 0,
            acked: 0,
            replay_to: None,
            complained_ms: None,
            unread: 0,
            order: VecDeque::new(),
            pending: BTreeMap::new(),
            pings: 0,
            ping_sent: None,
            samples: VecDeque::new(),
            out: VecDeque::new(),
            notes: VecDeque::new(),
        };
        session.send(&hello, now);
        session
    }

    /// The next payload to be framed and written.
    pub fn next_payload(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// The next thing the driver must know.
    pub fn next_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Largest payload both sides take.
    #[must_use]
    pub fn max_frame(&self) -> usize {
        self.max_frame
    }

    /// Tells how many events the caller has not read yet, so that a slow reader is not flooded.
    pub fn set_unread(&mut self, unread: usize) {
        self.unread = unread;
    }

    /// When [`Session::on_time`] must be called at the latest, in [`Now::mono_ms`].
    #[must_use]
    pub fn deadline(&self) -> u64 {
        let silence = self.heard_ms.saturating_add(self.dead_ms);
        if self.stage != Stage::Open {
            return silence.min(self.began_ms.saturating_add(HELLO_MS));
        }
        let ping = self.spoke_ms.saturating_add(self.hb_ms);
        self.pending
            .values()
            .filter(|p| p.sent > 0)
            .map(|p| p.due_ms)
            .fold(silence.min(ping), u64::min)
    }

    /// Takes a payload.
    pub fn on_payload(&mut self, payload: &[u8], now: Now) {
        if self.is_over() {
            return;
        }
        let members = match json::parse(payload) {
            Ok(members) => members,
            Err(_) if self.config.forgiving => return,
            Err(e) => return self.end_with_bye("BAD_JSON", &e.to_string(), now),
        };
        // A message of a newer release, or one with members of the wrong kind, is skipped: what it should
        // have brought is asked for again by its sender's time-out.
        let Ok(message) = serde_json::from_value::<Message>(Value::Object(members)) else {
            return;
        };
        if let Some(s) = message.session()
            && s != self.s
        {
            return;
        }
        self.heard_ms = now.mono_ms;
        match message {
            Message::Challenge(m) => self.on_challenge(m.cell_id, m.nonce, now),
            Message::Welcome(m) => self.on_welcome(*m, now),
            Message::Bye(m) => self.on_bye(m),
            Message::Res(m) => self.on_res(m, now),
            Message::Evt(m) => self.on_evt(m, now),
            Message::Tele(m) => {
                let mut telemetry: Telemetry = serde_json::from_value(m.d).unwrap_or_default();
                telemetry.ts = m.ts;
                self.notes.push_back(Note::Telemetry(telemetry));
            }
            Message::Ping(m) => {
                let pong = Message::Pong(Ping {
                    s: self.s.clone(),
                    k: m.k,
                    ts: now.wall_ms,
                });
                self.send(&pong, now);
            }
            Message::Pong(m) => self.on_pong(&m, now),
            Message::Hello(_) | Message::Auth(_) | Message::Cmd(_) | Message::Evack(_) => {}
        }
    }

    /// The stream can't be followed any more.
    pub fn on_bad_frame(&mut self, code: &str, detail: &str, now: Now) {
        if !self.is_over() {
            self.end_with_bye(code, detail, now);
        }
    }

    /// Lets time pass: pings, repeats unanswered commands, notices silence.
    pub fn on_time(&mut self, now: Now) {
        if self.is_over() {
            return;
        }
        let since_heard = now.mono_ms.saturating_sub(self.heard_ms);
        if self.stage != Stage::Open {
            if now.mono_ms.saturating_sub(self.began_ms) >= HELLO_MS {
                self.end("nobody answered the hello".into(), None);
            }
            return;
        }
        if since_heard >= self.dead_ms {
            return self.end_with_bye("DEAD_PEER", "nothing was heard", now);
        }
        let mut tired = false;
        let mut again = Vec::new();
        for pending in self.pending.values_mut() {
            if pending.sent > 0 && pending.due_ms <= now.mono_ms {
                if pending.sent > REPEATS {
                    tired = true;
                } else {
                    pending.sent += 1;
                    pending.due_ms = now.mono_ms.saturating_add(self.config.answer_ms);
                    again.push(pending.frame.clone());
                }
            }
        }
        if tired {
            return self.end_with_bye("DEAD_PEER", "a command was never answered", now);
        }
        for frame in again {
            self.spoke_ms = now.mono_ms;
            self.out.push_back(frame);
        }
        if now.mono_ms.saturating_sub(self.spoke_ms) >= self.hb_ms {
            self.pings += 1;
            self.ping_sent = Some((self.pings, now.wall_ms));
            let ping = Message::Ping(Ping {
                s: self.s.clone(),
                k: self.pings,
                ts: now.wall_ms,
            });
            self.send(&ping, now);
        }
    }

    /// Sends a command, now or as soon as fewer than [`MAX_UNANSWERED`] are open. One that is open already is
    /// not sent twice.
    pub fn command(&mut self, mut cmd: Cmd, reads_only: bool, now: Now) {
        let id = cmd.id;
        if self.stage != Stage::Open {
            let detail = "the session is not open".to_owned();
            return self.answer(id, Err(RobotError::NotSent { detail }));
        }
        if self.pending.contains_key(&id) {
            return;
        }
        cmd.s.clone_from(&self.s);
        cmd.ts = now.wall_ms;
        let frame = Message::Cmd(cmd).to_payload();
        if frame.len() > self.max_frame {
            let text = format!(
                "{} bytes do not fit a frame of {}",
                frame.len(),
                self.max_frame
            );
            return self.answer(id, Err(RobotError::refused("FRAME_TOO_LARGE", text)));
        }
        self.pending.insert(
            id,
            Pending {
                frame,
                reads_only,
                sent: 0,
                due_ms: 0,
            },
        );
        self.order.push_back(id);
        self.fill_window(now);
    }

    /// Acknowledges events, after the commit.
    pub fn ack(&mut self, seq: u64, now: Now) {
        if self.stage == Stage::Open && seq > self.acked && seq <= self.seen {
            self.acked = seq;
            self.send_evack(now);
        }
    }

    /// Ends the session with a word.
    pub fn close(&mut self, code: &str, now: Now) {
        if !self.is_over() {
            self.end_with_bye(code, "closed", now);
        }
    }

    /// The stream broke.
    pub fn on_broken(&mut self, detail: String) {
        if !self.is_over() {
            self.end(detail, None);
        }
    }

    fn on_challenge(&mut self, cell_id: String, nonce_r: String, now: Now) {
        if !matches!(self.stage, Stage::Greeting { .. }) {
            return;
        }
        let Some(key) = &self.config.key else {
            let text = "the robot asks for a key and none is configured";
            return self.end(text.into(), Some(RobotError::refused("AUTH_FAILED", text)));
        };
        let auth = Message::Auth(Auth {
            key_id: key.id.clone(),
            mac: key.proof(Side::Controller, &self.facts(&cell_id, &nonce_r)),
        });
        self.stage = Stage::Greeting {
            cell: Some((cell_id, nonce_r)),
        };
        self.send(&auth, now);
    }

    fn facts<'a>(&'a self, cell_id: &'a str, nonce_r: &'a str) -> Facts<'a> {
        Facts {
            controller_id: &self.config.controller_id,
            cell_id,
            nonce_c: &self.nonce,
            nonce_r,
            fence: self.start.fence,
        }
    }

    fn on_welcome(&mut self, w: Welcome, now: Now) {
        let Stage::Greeting { cell } = &self.stage else {
            return;
        };
        if let Some(key) = &self.config.key {
            // A cell that skips the challenge can't prove itself: whoever answers there is not trusted.
            let proven = cell.as_ref().is_some_and(|(cell_id, nonce_r)| {
                let facts = self.facts(cell_id, nonce_r);
                *cell_id == w.cell_id
                    && w.mac
                        .as_deref()
                        .is_some_and(|mac| key.verify(Side::Cell, &facts, mac))
            });
            if !proven {
                let text = "the robot did not prove that it knows the key";
                return self.end(text.into(), Some(RobotError::refused("AUTH_FAILED", text)));
            }
        }
        if w.major != 1 || w.first_seq == 0 || w.next_seq < w.first_seq {
            let text = "the robot's welcome makes no sense";
            return self.end(
                text.into(),
                Some(RobotError::refused("PROTO_MISMATCH", text)),
            );
        }
        self.s = w.s;
        self.hb_ms = w.hb_ms.clamp(100, 3_600_000);
        self.dead_ms = w.dead_ms.max(self.hb_ms);
        let theirs = usize::try_from(w.max_frame).unwrap_or(usize::MAX);
        self.max_frame = self.config.max_frame.min(theirs).max(1024);
        self.epoch = w.epoch;
        let mut gap = w.gap;
        let mine = self.start.acked.filter(|c| c.epoch == w.epoch);
        let from = match mine {
            Some(c) if c.last_seq + 1 >= w.first_seq && c.last_seq < w.next_seq => c.last_seq,
            // Another journal, or one that lost its beginning or its end.
            _ => {
                gap |= self.start.acked.is_some() || w.first_seq > 1;
                w.first_seq - 1
            }
        };
        self.acked = from;
        let seen = self.start.seen.filter(|c| c.epoch == w.epoch && !gap);
        self.seen = seen.map_or(from, |c| c.last_seq.clamp(from, w.next_seq - 1));
        self.stage = Stage::Open;
        // Room for the frame around the base64 text.
        let room = u32::try_from(self.max_frame.saturating_sub(400) / 4 * 3).unwrap_or(u32::MAX);
        let info = CellInfo {
            cell_id: w.cell_id,
            vendor: w.vendor,
            model: w.model,
            serial: w.serial,
            sw: w.sw,
            boot: w.boot,
            epoch: w.epoch,
            first_seq: w.first_seq,
            next_seq: w.next_seq,
            gap,
            limits: Limits {
                max_jobs: w.limits.max_jobs,
                chunk: w.limits.chunk.min(room),
                max_recipe: w.limits.max_recipe,
                bins: w.limits.bins,
            },
            quality: quality(&w.caps),
            caps: w.caps,
        };
        self.notes.push_back(Note::Up(Box::new(info)));
        self.replay_to = Some(w.next_seq - 1);
        self.look_caught_up();
        self.spoke_ms = now.mono_ms;
    }

    fn on_bye(&mut self, bye: Bye) {
        let detail = format!("the robot ended the session: {} {}", bye.code, bye.msg);
        let lasting = [
            "PROTO_MISMATCH",
            "AUTH_FAILED",
            "FENCED",
            "BUSY_CONTROLLER",
            "SUPERSEDED",
        ];
        let refused = lasting
            .contains(&bye.code.as_str())
            .then(|| RobotError::refused(bye.code, bye.msg));
        self.end(detail, refused);
    }

    fn on_res(&mut self, res: Res, now: Now) {
        let Some(pending) = self.pending.get(&res.id) else {
            return;
        };
        if pending.sent == 0 {
            return;
        }
        self.pending.remove(&res.id);
        let result = if res.ok {
            Ok(CmdResult {
                dup: res.dup,
                seq: res.seq,
                r: res.r.unwrap_or_else(|| json!({})),
            })
        } else {
            let err = res.err.unwrap_or_else(|| crate::message::WireError {
                code: "INTERNAL".into(),
                num: 901,
                retry: None,
                msg: "refused without a reason".into(),
                detail: None,
            });
            let (_, retry, advice) = lookup(&err.code);
            Err(RobotError::Refused {
                retry: err.retry.unwrap_or(retry),
                code: err.code,
                text: err.msg,
                advice: advice.to_owned(),
            })
        };
        self.answer(res.id, result);
        self.fill_window(now);
    }

    fn on_evt(&mut self, evt: Evt, now: Now) {
        if self.stage != Stage::Open {
            return;
        }
        if evt.seq == self.seen + 1 {
            if self.unread >= MAX_UNREAD {
                return;
            }
            self.seen = evt.seq;
            self.unread += 1;
            self.complained_ms = None;
            self.notes.push_back(Note::Event(Box::new(JournalEvent {
                epoch: self.epoch,
                seq: evt.seq,
                ts: evt.ts,
                event: Event::from_wire(&evt.ev, evt.d),
            })));
            self.look_caught_up();
        } else if evt.seq <= self.acked || evt.seq > self.seen {
            // Committed already, or a hole before it: tell the cell where we stand, but not for each of a
            // burst, or the two sides would chase each other.
            let quiet = self
                .complained_ms
                .is_none_or(|at| now.mono_ms.saturating_sub(at) >= COMPLAIN_MS);
            if quiet {
                self.complained_ms = Some(now.mono_ms);
                self.send_evack(now);
            }
        }
    }

    fn look_caught_up(&mut self) {
        if let Some(to) = self.replay_to
            && self.seen >= to
        {
            self.replay_to = None;
            self.notes.push_back(Note::CaughtUp(to));
        }
    }

    fn on_pong(&mut self, pong: &Ping, now: Now) {
        let Some((k, sent)) = self.ping_sent.take() else {
            return;
        };
        if k != pong.k {
            return;
        }
        // Halves added apart: a peer's clock may say anything.
        let offset = pong
            .ts
            .saturating_sub(sent / 2)
            .saturating_sub(now.wall_ms / 2);
        self.samples.push_back(offset);
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
        let mut sorted: Vec<i64> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        self.notes
            .push_back(Note::ClockOffset(sorted[sorted.len() / 2]));
    }

    fn fill_window(&mut self, now: Now) {
        let mut open = self.pending.values().filter(|p| p.sent > 0).count();
        while open < MAX_UNANSWERED
            && let Some(id) = self.order.pop_front()
        {
            let Some(pending) = self.pending.get_mut(&id) else {
                continue;
            };
            pending.sent = 1;
            pending.due_ms = now.mono_ms.saturating_add(self.config.answer_ms);
            self.out.push_back(pending.frame.clone());
            self.spoke_ms = now.mono_ms;
            open += 1;
        }
    }

    fn answer(&mut self, id: Uuid, result: Result<CmdResult, RobotError>) {
        self.notes.push_back(Note::Answered(id, result));
    }

    fn send_evack(&mut self, now: Now) {
        let evack = Message::Evack(Evack {
            s: self.s.clone(),
            seq: self.acked,
        });
        self.send(&evack, now);
    }

    fn send(&mut self, message: &Message, now: Now) {
        self.spoke_ms = now.mono_ms;
        self.out.push_back(message.to_payload());
    }

    fn end_with_bye(&mut self, code: &str, detail: &str, now: Now) {
        let bye = Message::Bye(Bye {
            s: (self.stage == Stage::Open).then(|| self.s.clone()),
            code: code.to_owned(),
            msg: detail.to_owned(),
            stored: None,
        });
        self.send(&bye, now);
        self.end(format!("{code}: {detail}"), None);
    }

    fn end(&mut self, detail: String, refused: Option<RobotError>) {
        self.stage = Stage::Over;
        for (id, pending) in std::mem::take(&mut self.pending) {
            let detail = detail.clone();
            // A read changed nothing, sent or not.
            let error = if pending.sent == 0 || pending.reads_only {
                RobotError::NotSent { detail }
            } else {
                RobotError::Uncertain { detail }
            };
            self.answer(id, Err(error));
        }
        self.notes.push_back(Note::Ended { detail, refused });
    }
}

fn quality(caps: &std::collections::BTreeSet<String>) -> Quality {
    let has = |cap: &str| caps.contains(cap);
    Quality {
        exactly_once: true,
        journal: JournalQuality::Cell,
        inventory: match (has("inventory"), has("inv_scale")) {
            (true, true) => InventoryQuality::Weighed,
            (true, false) => InventoryQuality::Planned,
            _ => InventoryQuality::None,
        },
        recipes: has("recipes"),
        pause: has("pause"),
        modes: has("modes"),
    }
}
