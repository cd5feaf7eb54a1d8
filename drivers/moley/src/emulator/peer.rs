//! The cell's side of one connection: sessions, events, liveness (klink 3.4, 3.5, 3.7). No I/O.

use super::{
    faults::Fault,
    kitchen::Kitchen,
    state::{Change, Entry},
    stores::MAX_RECIPE,
};
use crate::{
    auth::{Facts, Side, hex},
    frame::Framing,
    json,
    message::{Bye, Challenge, Cmd, Evack, Evt, Hello, Message, Ping, Tele, Welcome, WireLimits},
};
use galley_robot::{JobState, TelemetryJob};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Unacknowledged events in flight.
const WINDOW: u64 = 32;
/// Observers at a time.
const OBSERVERS: u32 = 4;
/// A wrong proof is answered this late.
const AUTH_DELAY_MS: u64 = 1000;
/// Least time between two replays for the same complaint.
const GO_BACK_MS: u64 = 100;

/// One connection.
pub(super) struct Peer {
    id: u64,
    framing: Framing,
    stage: Stage,
    told_no_session: bool,
    /// Payloads to send and when; `None` is the order to end the connection.
    pub out: VecDeque<(u64, Option<Vec<u8>>)>,
}

enum Stage {
    Waiting,
    Challenged { hello: Box<Hello>, nonce: String },
    Open(Open),
}

struct Open {
    s: String,
    observer: bool,
    hb_ms: u64,
    dead_ms: u64,
    max_frame: usize,
    heard: u64,
    spoke: u64,
    sent: u64,
    acked: u64,
    moved: u64,
    went_back: Option<u64>,
    tele_due: u64,
    pings: u64,
}

/// What the connection must do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    Go,
    /// Break now, without a word.
    Cut,
}

impl Peer {
    pub fn new(id: u64, framing: Framing) -> Self {
        Self {
            id,
            framing,
            stage: Stage::Waiting,
            told_no_session: false,
            out: VecDeque::new(),
        }
    }

    /// The session is gone without a word.
    pub fn forget(&mut self, kitchen: &mut Kitchen) {
        if let Stage::Open(open) = &self.stage {
            if open.observer {
                kitchen.observers = kitchen.observers.saturating_sub(1);
            } else {
                kitchen.controller_left(self.id);
            }
        }
        self.stage = Stage::Waiting;
        self.told_no_session = false;
        self.out.clear();
    }

    fn resend_ms(&self) -> u64 {
        match self.framing {
            Framing::Len32 => 5000,
            Framing::Cobs => 1500,
        }
    }

    /// When [`Peer::on_time`] must be called at the latest.
    pub fn deadline(&self, kitchen: &Kitchen) -> u64 {
        let Stage::Open(open) = &self.stage else {
            return u64::MAX;
        };
        let mut at = (open.heard + open.dead_ms).min(open.spoke + open.hb_ms);
        if open.sent > open.acked && !open.observer {
            at = at.min(open.moved + self.resend_ms());
        }
        if telemetry_wanted(kitchen) {
            at = at.min(open.tele_due);
        }
        at
    }

    /// Takes a payload.
    pub fn on_payload(&mut self, kitchen: &mut Kitchen, payload: &[u8]) -> Reaction {
        let now = kitchen.now();
        let members = match json::parse(payload) {
            Ok(members) => members,
            Err(_) if self.framing.resynchronises() => return Reaction::Go,
            Err(e) => {
                self.end(kitchen, "BAD_JSON", &e.to_string(), now);
                return Reaction::Go;
            }
        };
        let named = members.get("s").and_then(Value::as_str).map(str::to_owned);
        let Ok(message) = serde_json::from_value::<Message>(Value::Object(members)) else {
            return Reaction::Go;
        };
        match message {
            Message::Hello(hello) => {
                self.on_hello(kitchen, hello, now);
                return Reaction::Go;
            }
            Message::Auth(auth) => {
                self.on_auth(kitchen, &auth.key_id, &auth.mac, now);
                return Reaction::Go;
            }
            _ => {}
        }
        let Stage::Open(open) = &mut self.stage else {
            if !self.told_no_session && !matches!(message, Message::Bye(_)) {
                self.told_no_session = true;
                let bye = bye(named, "NO_SESSION", "say hello first");
                self.out.push_back((now, Some(bye)));
            }
            return Reaction::Go;
        };
        if named.as_deref() != Some(&open.s) {
            return Reaction::Go;
        }
        open.heard = now;
        match message {
            Message::Cmd(cmd) => return self.on_cmd(kitchen, &cmd, now),
            Message::Evack(Evack { seq, .. }) => self.on_evack(kitchen, seq, now),
            Message::Ping(ping) => {
                let s = open.s.clone();
                let ts = kitchen.wall();
                self.send(&Message::Pong(Ping { s, k: ping.k, ts }), now);
            }
            Message::Bye(_) => {
                self.forget(kitchen);
                if !self.framing.resynchronises() {
                    return Reaction::Cut;
                }
            }
            _ => {}
        }
        Reaction::Go
    }

    /// Lets time pass: events out, pings, telemetry, silence, and a newer controller elsewhere.
    pub fn on_time(&mut self, kitchen: &mut Kitchen) {
        let now = kitchen.now();
        let resend = self.resend_ms();
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        if !open.observer && kitchen.owner != Some(self.id) {
            return self.end(kitchen, "SUPERSEDED", "a newer session has begun", now);
        }
        if now.saturating_sub(open.heard) >= open.dead_ms {
            return self.end(kitchen, "DEAD_PEER", "nothing was heard", now);
        }
        if open.sent > open.acked && !open.observer && now >= open.moved + resend {
            open.sent = open.acked;
            open.moved = now;
        }
        if now >= open.spoke + open.hb_ms {
            open.pings += 1;
            let ping = Message::Ping(Ping {
                s: open.s.clone(),
                k: open.pings,
                ts: kitchen.wall(),
            });
            self.send(&ping, now);
        }
        self.pump(kitchen, now);
        self.telemetry(kitchen, now);
    }

    fn pump(&mut self, kitchen: &mut Kitchen, now: u64) {
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        if open.sent == open.acked {
            open.moved = now;
        }
        let limit = if open.observer {
            u64::MAX
        } else {
            open.acked + WINDOW
        };
        let mut batch: Vec<Vec<u8>> = Vec::new();
        let range = open.sent + 1
            ..kitchen
                .state
                .next_seq
                .min(limit.saturating_add(1))
                .max(open.sent + 1);
        for Entry { seq, ts, ev, d } in kitchen.state.events.range(range).map(|(_, e)| e) {
            open.sent = *seq;
            let evt = Message::Evt(Evt {
                s: open.s.clone(),
                seq: *seq,
                ts: *ts,
                ev: ev.clone(),
                d: d.clone(),
            });
            batch.push(evt.to_payload());
        }
        if batch.is_empty() {
            return;
        }
        open.spoke = now;
        if kitchen.faults.has(&Fault::Reorder) {
            for pair in batch.chunks_mut(2) {
                pair.reverse();
            }
        }
        self.out.extend(batch.into_iter().map(|p| (now, Some(p))));
    }

    fn telemetry(&mut self, kitchen: &Kitchen, now: u64) {
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        if !telemetry_wanted(kitchen) || now < open.tele_due {
            return;
        }
        open.tele_due = now + kitchen.config.tele_ms;
        let in_work = kitchen.jobs_in(JobState::in_work);
        let jobs: Vec<TelemetryJob> = in_work
            .iter()
            .filter_map(|id| kitchen.state.jobs.get(id))
            .map(|job| TelemetryJob {
                job_id: job.submit.job_id.clone(),
                phase: job.phase.clone(),
                progress_pm: kitchen.progress_pm(job),
            })
            .collect();
        let tele = Message::Tele(Tele {
            s: open.s.clone(),
            ts: kitchen.wall(),
            d: json!({"jobs": jobs}),
        });
        self.send(&tele, now);
    }

    fn on_hello(&mut self, kitchen: &mut Kitchen, hello: Hello, now: u64) {
        self.forget(kitchen);
        if hello.proto != "klink" || hello.major != 1 || !hello.minors.contains(&0) {
            return self.end(kitchen, "PROTO_MISMATCH", "supported: klink 1.0", now);
        }
        if kitchen.config.key.is_some() {
            let nonce = hex(&kitchen.next_uuid().into_bytes());
            let challenge = Message::Challenge(Challenge {
                cell_id: kitchen.config.cell_id.clone(),
                nonce: nonce.clone(),
            });
            self.stage = Stage::Challenged {
                hello: Box::new(hello),
                nonce,
            };
            return self.send(&challenge, now);
        }
        self.open(kitchen, &hello, None, now);
    }

    fn on_auth(&mut self, kitchen: &mut Kitchen, key_id: &str, mac: &str, now: u64) {
        let Stage::Challenged { hello, nonce } = std::mem::replace(&mut self.stage, Stage::Waiting)
        else {
            return;
        };
        let facts = Facts {
            controller_id: &hello.controller_id,
            cell_id: &kitchen.config.cell_id.clone(),
            nonce_c: &hello.nonce,
            nonce_r: &nonce,
            fence: hello.fence,
        };
        let key = kitchen.config.key.clone();
        let right = key.filter(|k| k.id == key_id && k.verify(Side::Controller, &facts, mac));
        match right {
            Some(key) => {
                let proof = key.proof(Side::Cell, &facts);
                self.open(kitchen, &hello, Some(proof), now);
            }
            None => self.end(kitchen, "AUTH_FAILED", "wrong proof", now + AUTH_DELAY_MS),
        }
    }

    fn open(&mut self, kitchen: &mut Kitchen, hello: &Hello, mac: Option<String>, now: u64) {
        let observer = hello.role == "observer";
        if observer {
            if kitchen.observers >= OBSERVERS {
                return self.end(kitchen, "BUSY_CONTROLLER", "too many observers", now);
            }
            kitchen.observers += 1;
        } else {
            let stored = kitchen.state.fence;
            let same = kitchen
                .state
                .controller
                .as_deref()
                .is_none_or(|c| c == hello.controller_id);
            if hello.fence < stored {
                let bye = Message::Bye(Bye {
                    s: None,
                    code: "FENCED".into(),
                    msg: format!("a controller with fence {stored} was here"),
                    stored: Some(stored),
                });
                self.out.push_back((now, Some(bye.to_payload())));
                return self.finish(now);
            }
            if !same && hello.fence == stored {
                return self.end(
                    kitchen,
                    "BUSY_CONTROLLER",
                    "another controller holds the cell",
                    now,
                );
            }
            kitchen.put(Change::Controller {
                id: hello.controller_id.clone(),
                fence: hello.fence,
            });
            kitchen.controller_came(self.id);
        }
        let state = &kitchen.state;
        let (epoch, first_seq, next_seq) = (state.epoch, state.first_seq, state.next_seq);
        let last = match hello.resume {
            Some(r) if r.epoch == epoch => Some(r.last_seq),
            Some(_) => None,
            None => Some(0),
        };
        let resumable = last.filter(|l| l + 1 >= first_seq && *l < next_seq);
        let from = resumable.unwrap_or(first_seq - 1);
        let hb_ms = hello.hb_ms.clamp(500, 3_600_000);
        let own = self.framing.max_frame();
        let serial = self.framing == Framing::Cobs;
        let s = hex(&kitchen.next_uuid().into_bytes()[..8]);
        kitchen.commit();
        let dead_ms = 3 * hb_ms + if serial { 360 } else { 0 };
        let welcome = Welcome {
            s: s.clone(),
            major: 1,
            minor: 0,
            cell_id: kitchen.config.cell_id.clone(),
            vendor: "emulator".into(),
            model: "K1".into(),
            serial: format!("EMU-{:04}", kitchen.config.seed),
            sw: env!("CARGO_PKG_VERSION").into(),
            boot: kitchen.state.machine.boot,
            hb_ms,
            dead_ms,
            max_frame: own as u64,
            evt_window: WINDOW,
            cmd_retention_ms: 259_200_000,
            epoch,
            first_seq,
            next_seq,
            gap: resumable.is_none(),
            caps: caps(kitchen),
            limits: WireLimits {
                max_jobs: kitchen.config.max_jobs,
                chunk: if serial { 2500 } else { 65_536 },
                max_recipe: MAX_RECIPE,
                bins: u32::try_from(kitchen.state.bins.len()).unwrap_or(u32::MAX),
            },
            ts: kitchen.wall(),
            mac,
        };
        let theirs = usize::try_from(hello.max_frame).unwrap_or(usize::MAX);
        // An observer gets what comes, not what was.
        let sent = if observer { next_seq - 1 } else { from };
        self.stage = Stage::Open(Open {
            s,
            observer,
            hb_ms,
            dead_ms,
            max_frame: own.min(theirs).max(1024),
            heard: now,
            spoke: now,
            sent,
            acked: sent,
            moved: now,
            went_back: None,
            tele_due: now,
            pings: 0,
        });
        self.told_no_session = false;
        self.send(&Message::Welcome(Box::new(welcome)), now);
    }

    fn on_cmd(&mut self, kitchen: &mut Kitchen, cmd: &Cmd, now: u64) -> Reaction {
        let Stage::Open(open) = &self.stage else {
            return Reaction::Go;
        };
        let (observer, max_frame) = (open.observer, open.max_frame);
        let op = cmd.op.as_str();
        let faults = &mut kitchen.faults;
        if faults
            .take(|f| matches!(f, Fault::CutBeforeAct { op: o } if o == op))
            .is_some()
        {
            return Reaction::Cut;
        }
        let fails = faults.take(|f| matches!(f, Fault::PowerLoss { op: o, .. } if o == op));
        if fails
            == Some(Fault::PowerLoss {
                op: op.to_owned(),
                after_commit: false,
            })
        {
            kitchen.power_down();
            return Reaction::Cut;
        }
        let res = kitchen.command(cmd, observer, max_frame);
        if fails.is_some() {
            kitchen.power_down();
            return Reaction::Cut;
        }
        let faults = &mut kitchen.faults;
        if faults
            .take(|f| matches!(f, Fault::CutAfterAct { op: o } if o == op))
            .is_some()
        {
            return Reaction::Cut;
        }
        if faults
            .take(|f| matches!(f, Fault::LoseAnswer { op: o } if o == op))
            .is_some()
        {
            return Reaction::Go;
        }
        let mut payload = Message::Res(res.clone()).to_payload();
        if payload.len() > max_frame {
            let no = super::commands::refuse("INTERNAL", "the answer does not fit a frame");
            let res = crate::message::Res {
                ok: false,
                r: None,
                err: Some(no),
                ..res
            };
            payload = Message::Res(res).to_payload();
        }
        if let Stage::Open(open) = &mut self.stage {
            open.spoke = now;
        }
        self.out.push_back((now, Some(payload)));
        Reaction::Go
    }

    fn on_evack(&mut self, kitchen: &mut Kitchen, seq: u64, now: u64) {
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        if open.observer || seq > open.sent {
            return;
        }
        if seq > open.acked {
            open.acked = seq;
            open.moved = now;
            kitchen.put(Change::Acked(seq));
            kitchen.commit();
        } else if open.sent > open.acked && open.went_back.is_none_or(|t| now >= t + GO_BACK_MS) {
            // The controller stands still while events are out: it misses one.
            open.went_back = Some(now);
            open.sent = open.acked;
            open.moved = now;
        }
    }

    fn send(&mut self, message: &Message, now: u64) {
        if let Stage::Open(open) = &mut self.stage {
            open.spoke = now;
        }
        self.out.push_back((now, Some(message.to_payload())));
    }

    /// Ends the session with a word, sent at `at`.
    fn end(&mut self, kitchen: &mut Kitchen, code: &str, msg: &str, at: u64) {
        let s = match &self.stage {
            Stage::Open(open) => Some(open.s.clone()),
            _ => None,
        };
        self.forget(kitchen);
        self.out.push_back((at, Some(bye(s, code, msg))));
        self.finish(at);
    }

    fn finish(&mut self, at: u64) {
        if !self.framing.resynchronises() {
            self.out.push_back((at, None));
        }
    }
}

fn bye(s: Option<String>, code: &str, msg: &str) -> Vec<u8> {
    Message::Bye(Bye {
        s,
        code: code.to_owned(),
        msg: msg.to_owned(),
        stored: None,
    })
    .to_payload()
}

fn telemetry_wanted(kitchen: &Kitchen) -> bool {
    kitchen.config.tele_ms > 0 && !kitchen.running.is_empty()
}

fn caps(kitchen: &Kitchen) -> std::collections::BTreeSet<String> {
    let mut caps = vec![
        "handover_sensor",
        "inventory",
        "jobs",
        "modes",
        "pause",
        "recipes",
        "telemetry",
    ];
    if kitchen.state.bins.values().any(|b| b.scale) {
        caps.push("inv_scale");
    }
    caps.into_iter().map(str::to_owned).collect()
}
