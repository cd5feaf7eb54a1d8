//! The messages of klink 3.3 to 3.7, exactly as on the wire.

use galley_robot::Retry;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Any message. A `t` that is not here is ignored by the receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Message {
    /// Controller opens a session.
    Hello(Hello),
    /// Cell demands a proof.
    Challenge(Challenge),
    /// Controller proves its key.
    Auth(Auth),
    /// Cell accepts.
    Welcome(Box<Welcome>),
    /// Either side ends.
    Bye(Bye),
    /// Controller commands.
    Cmd(Cmd),
    /// Cell answers.
    Res(Res),
    /// Journal event.
    Evt(Evt),
    /// Everything up to here is committed.
    Evack(Evack),
    /// Progress and temperatures.
    Tele(Tele),
    /// Sign of life wanted.
    Ping(Ping),
    /// Sign of life.
    Pong(Ping),
}

impl Message {
    /// The payload bytes.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("messages have text keys only")
    }

    /// The session named in it, where it names one.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match self {
            Self::Bye(m) => m.s.as_deref(),
            Self::Cmd(m) => Some(&m.s),
            Self::Res(m) => Some(&m.s),
            Self::Evt(m) => Some(&m.s),
            Self::Evack(m) => Some(&m.s),
            Self::Tele(m) => Some(&m.s),
            Self::Ping(m) | Self::Pong(m) => Some(&m.s),
            Self::Hello(_) | Self::Challenge(_) | Self::Auth(_) | Self::Welcome(_) => None,
        }
    }
}

/// Opens a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Always `klink`.
    pub proto: String,
    /// Always 1.
    pub major: u32,
    /// Minor versions offered.
    pub minors: Vec<u32>,
    /// `controller` or `observer`.
    pub role: String,
    /// The store's id.
    pub controller_id: String,
    /// New per process start.
    pub instance: Uuid,
    /// See [`galley_robot::RobotDriver::connect`].
    #[serde(default)]
    pub fence: u64,
    /// Heartbeat wanted, ms.
    pub hb_ms: u64,
    /// Largest payload taken, bytes.
    pub max_frame: u64,
    /// 32 random hex digits.
    #[serde(default)]
    pub nonce: String,
    /// `none`, `psk`.
    #[serde(default)]
    pub auth: Vec<String>,
    /// Where the controller stands in the journal.
    pub resume: Option<Resume>,
    /// Software version.
    #[serde(default)]
    pub sw: String,
    /// Controller's clock, UTC ms.
    #[serde(default)]
    pub ts: i64,
}

/// Where the controller stands in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Name of the journal.
    pub epoch: Uuid,
    /// Last event committed.
    pub last_seq: u64,
}

/// Demands a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The cell.
    pub cell_id: String,
    /// 32 random hex digits.
    pub nonce: String,
}

/// Proves the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// Which key.
    pub key_id: String,
    /// The proof.
    pub mac: String,
}

/// Accepts a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Id of the session, 16 hex digits.
    pub s: String,
    /// Version in use.
    pub major: u32,
    /// Version in use.
    pub minor: u32,
    /// Identity.
    pub cell_id: String,
    /// Identity.
    #[serde(default)]
    pub vendor: String,
    /// Identity.
    #[serde(default)]
    pub model: String,
    /// Identity.
    #[serde(default)]
    pub serial: String,
    /// Identity.
    #[serde(default)]
    pub sw: String,
    /// New per power-up.
    pub boot: Uuid,
    /// Heartbeat in use, ms.
    pub hb_ms: u64,
    /// Silence that ends the session, ms.
    pub dead_ms: u64,
    /// Largest payload the cell takes.
    pub max_frame: u64,
    /// Unacknowledged events in flight.
    #[serde(default)]
    pub evt_window: u64,
    /// How long command ids are remembered.
    #[serde(default)]
    pub cmd_retention_ms: u64,
    /// Name of the journal.
    pub epoch: Uuid,
    /// Oldest event kept.
    pub first_seq: u64,
    /// Number of the next event.
    pub next_seq: u64,
    /// Events between the controller's cursor and `first_seq` are lost.
    pub gap: bool,
    /// Capabilities.
    #[serde(default)]
    pub caps: BTreeSet<String>,
    /// Bounds.
    pub limits: WireLimits,
    /// Cell's clock, UTC ms.
    #[serde(default)]
    pub ts: i64,
    /// Proof of the cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

/// Bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLimits {
    /// Jobs stored at the cell.
    pub max_jobs: u32,
    /// Bytes of a chunk before base64.
    pub chunk: u32,
    /// Bytes of a recipe.
    pub max_recipe: u32,
    /// Bins.
    pub bins: u32,
}

/// Ends a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// The session, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s: Option<String>,
    /// Why.
    pub code: String,
    /// Why, in words.
    #[serde(default)]
    pub msg: String,
    /// The fence the cell has stored, with `FENCED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<u64>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cmd {
    /// The session.
    pub s: String,
    /// Id of the intention.
    pub id: Uuid,
    /// Operation.
    pub op: String,
    /// Controller's clock, UTC ms.
    #[serde(default)]
    pub ts: i64,
    /// Not to be executed after, UTC ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<i64>,
    /// Who wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Value>,
    /// Arguments.
    #[serde(default)]
    pub a: Value,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Res {
    /// The session.
    pub s: String,
    /// As in the command.
    pub id: Uuid,
    /// Done, or refused.
    pub ok: bool,
    /// The stored answer of an earlier execution.
    #[serde(default)]
    pub dup: bool,
    /// Last journal event when it was stored.
    #[serde(default)]
    pub seq: u64,
    /// Result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r: Option<Value>,
    /// Refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err: Option<WireError>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireError {
    /// Stable code.
    pub code: String,
    /// Its number.
    #[serde(default)]
    pub num: u16,
    /// When to try again.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// In words.
    #[serde(default)]
    pub msg: String,
    /// More.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// A journal event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evt {
    /// The session.
    pub s: String,
    /// Its number.
    pub seq: u64,
    /// Cell's clock, UTC ms.
    #[serde(default)]
    pub ts: i64,
    /// Kind.
    pub ev: String,
    /// Data.
    #[serde(default)]
    pub d: Value,
}

/// Acknowledges events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evack {
    /// The session.
    pub s: String,
    /// Everything up to here is committed.
    pub seq: u64,
}

/// Telemetry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tele {
    /// The session.
    pub s: String,
    /// Cell's clock, UTC ms.
    #[serde(default)]
    pub ts: i64,
    /// Data.
    #[serde(default)]
    pub d: Value,
}

/// A sign of life, wanted or given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// The session.
    pub s: String,
    /// Counter, echoed.
    pub k: u64,
    /// Sender's clock, UTC ms.
    #[serde(default)]
    pub ts: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str) -> Message {
        let members = json::parse(text.as_bytes()).unwrap();
        serde_json::from_value(Value::Object(members)).unwrap()
    }

    /// Frames of the example session (klink 3.20): each is read, and written again with equal content.
    #[test]
    fn the_example_session_is_read_and_written() {
        for text in include_str!("../tests/vectors/session.jsonl").lines() {
            let again: Value = serde_json::from_slice(&read(text).to_payload()).unwrap();
            let once: Value = serde_json::from_str(text).unwrap();
            assert_eq!(again, once, "{text}");
            assert_eq!(again.to_string().len(), text.len(), "{text}");
        }
    }

    #[test]
    fn unknown_members_are_ignored() {
        let m = read(r#"{"t":"evack","s":"0","seq":1,"color":"red"}"#);
        assert_eq!(m.session(), Some("0"));
    }
}
