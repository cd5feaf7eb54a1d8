//! What the daemon asks of a robot.

use crate::{
    AbortHow, Choice, JobKind, JobState, MachineCommand, Mode, NotCanonical, Outcome, Release,
    Unit,
    canonical::{canonical_bytes, digest_text},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// One intention. Store it durably before [`crate::RobotDriver::execute`]; one intention has one id for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Chosen by the caller.
    pub id: Uuid,
    /// What to do.
    #[serde(flatten)]
    pub op: Operation,
    /// Who wants it; `None` is the system. `clear`, `start` and `unhold` need a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// After this time by the cell's clock (UTC ms) the command must not be executed any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<i64>,
}

impl Command {
    /// A command of the system.
    #[must_use]
    pub fn new(id: Uuid, op: Operation) -> Self {
        Self {
            id,
            op,
            by: None,
            not_after: None,
        }
    }

    /// The same, wanted by a person.
    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        self.by = Some(actor);
        self
    }

    /// Digest over operation and arguments only: equal for repetitions of one intention (klink 3.6).
    ///
    /// # Errors
    /// When an argument holds a number that JSON peers don't keep exactly.
    pub fn digest(&self) -> Result<String, NotCanonical> {
        let value = serde_json::to_value(&self.op).map_err(|e| NotCanonical(e.to_string()))?;
        let op = value.get("op").cloned().unwrap_or(Value::Null);
        let a = value.get("a").cloned().unwrap_or(Value::Null);
        let both = serde_json::json!({"op": op, "a": a});
        Ok(digest_text(&canonical_bytes(&both)?))
    }
}

/// Who stands behind a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// In which role.
    #[serde(rename = "actor")]
    pub role: ActorRole,
    /// The person's id in the daemon, never a name or phone.
    pub name: String,
}

/// Roles that klink knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorRole {
    /// The daemon by itself.
    System,
    /// A person who works in the store.
    Staff,
    /// A technician.
    Technician,
}

/// The operations Galley uses; serialises to `{"op": …, "a": {…}}` as on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", content = "a")]
pub enum Operation {
    /// Hands a job over.
    #[serde(rename = "job.submit")]
    JobSubmit(JobSubmit),
    /// Releases a job that was submitted with [`Release::Hold`].
    #[serde(rename = "job.start")]
    JobStart(OneJob),
    /// Changes a queued job.
    #[serde(rename = "job.update")]
    JobUpdate(JobUpdate),
    /// Pauses a job in work at its next safe point.
    #[serde(rename = "job.pause")]
    JobPause(OneJob),
    /// Goes on with a paused job.
    #[serde(rename = "job.resume")]
    JobResume(OneJob),
    /// Gives a job up.
    #[serde(rename = "job.abort")]
    JobAbort(JobAbort),
    /// Says that a plated dish was taken.
    #[serde(rename = "job.collect")]
    JobCollect(JobCollect),
    /// A command to the machine. Never an emergency stop.
    #[serde(rename = "machine.cmd")]
    Machine(MachineCmd),
    /// Changes the mode.
    #[serde(rename = "mode.set")]
    ModeSet(ModeSet),
    /// Answers a call for attention.
    #[serde(rename = "attn.answer")]
    AttnAnswer(AttnAnswer),
    /// Opens or continues an upload.
    #[serde(rename = "recipe.begin")]
    RecipeBegin(RecipeBegin),
    /// One piece of an upload. Safe to repeat by content.
    #[serde(rename = "recipe.chunk")]
    RecipeChunk(RecipeChunk),
    /// Ends an upload; the cell checks size, hash and content.
    #[serde(rename = "recipe.commit")]
    RecipeCommit(RecipeHash),
    /// Lets a verified recipe be cooked.
    #[serde(rename = "recipe.activate")]
    RecipeActivate(RecipeActivate),
    /// Takes a recipe out of use.
    #[serde(rename = "recipe.retire")]
    RecipeRetire(RecipeKey),
    /// Lists the recipes. Reads only.
    #[serde(rename = "recipe.list")]
    RecipeList(RecipeListArgs),
    /// Books a filling.
    #[serde(rename = "inv.load")]
    InvLoad(InvLoad),
    /// Books what was taken out by hand.
    #[serde(rename = "inv.unload")]
    InvUnload(InvUnload),
    /// Books a count.
    #[serde(rename = "inv.adjust")]
    InvAdjust(InvAdjust),
}

impl Operation {
    /// The word on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::JobSubmit(_) => "job.submit",
            Self::JobStart(_) => "job.start",
            Self::JobUpdate(_) => "job.update",
            Self::JobPause(_) => "job.pause",
            Self::JobResume(_) => "job.resume",
            Self::JobAbort(_) => "job.abort",
            Self::JobCollect(_) => "job.collect",
            Self::Machine(_) => "machine.cmd",
            Self::ModeSet(_) => "mode.set",
            Self::AttnAnswer(_) => "attn.answer",
            Self::RecipeBegin(_) => "recipe.begin",
            Self::RecipeChunk(_) => "recipe.chunk",
            Self::RecipeCommit(_) => "recipe.commit",
            Self::RecipeActivate(_) => "recipe.activate",
            Self::RecipeRetire(_) => "recipe.retire",
            Self::RecipeList(_) => "recipe.list",
            Self::InvLoad(_) => "inv.load",
            Self::InvUnload(_) => "inv.unload",
            Self::InvAdjust(_) => "inv.adjust",
        }
    }

    /// Whether it only reads, so that a repetition needs no memory.
    #[must_use]
    pub fn reads_only(&self) -> bool {
        matches!(self, Self::RecipeList(_))
    }
}

/// Whether a text may be an id on the wire: `[A-Za-z0-9._:-]{1,64}`.
#[must_use]
pub fn valid_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

/// A recipe revision by identity and content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeRef {
    /// The recipe's id.
    pub id: String,
    /// Its revision; a change always raises it.
    pub rev: u32,
    /// `sha256:` digest of the canonical bytes.
    pub hash: String,
}

/// One dish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmit {
    /// Chosen by the caller, unique for ever. Submitting the same job again with equal content is harmless.
    pub job_id: String,
    /// What for.
    pub kind: JobKind,
    /// What to cook; must be active at the cell.
    pub recipe: RecipeRef,
    /// Portions; 1 without capability `batch`.
    pub portions: u32,
    /// The guest's choices.
    pub params: BTreeMap<String, Value>,
    /// 0 to 100, higher first; usually 50.
    pub prio: u8,
    /// When it may begin.
    pub release: Release,
    /// Not to begin before, UTC ms.
    pub not_before: Option<i64>,
    /// Wanted ready, UTC ms.
    pub due: Option<i64>,
    /// Shown on the hand-over screen, opaque to the cell.
    pub order_ref: String,
}

impl JobSubmit {
    /// One portion with usual priority, to begin as soon as its turn comes.
    pub fn cook(
        job_id: impl Into<String>,
        recipe: RecipeRef,
        order_ref: impl Into<String>,
    ) -> Self {
        Self {
            job_id: job_id.into(),
            kind: JobKind::Cook,
            recipe,
            portions: 1,
            params: BTreeMap::new(),
            prio: 50,
            release: Release::Auto,
            not_before: None,
            due: None,
            order_ref: order_ref.into(),
        }
    }
}

/// Names one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneJob {
    /// The job.
    pub job_id: String,
}

/// Changes a queued job; `None` leaves a value as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobUpdate {
    /// The job.
    pub job_id: String,
    /// New priority.
    pub prio: Option<u8>,
    /// New earliest begin, UTC ms.
    pub not_before: Option<i64>,
    /// New wanted time, UTC ms.
    pub due: Option<i64>,
}

/// Gives a job up. A job that is final already answers `already: true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAbort {
    /// The job.
    pub job_id: String,
    /// How fast.
    pub how: AbortHow,
    /// Why, for the journal.
    pub reason: String,
}

/// A plated dish was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCollect {
    /// The job.
    pub job_id: String,
    /// By the guest, or into the bin.
    pub outcome: Outcome,
}

/// A command to the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineCmd {
    /// Which.
    pub cmd: MachineCommand,
    /// A person has inspected the cell; needed for `clear`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspected: Option<bool>,
}

/// Changes the mode; accepted in stopped, idle and aborted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeSet {
    /// The new mode.
    pub mode: Mode,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Answers a call for attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttnAnswer {
    /// Which call.
    pub attn: String,
    /// One of the options it offered.
    pub choice: Choice,
}

/// Opens an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeBegin {
    /// The recipe's id.
    pub id: String,
    /// Its revision.
    pub rev: u32,
    /// Bytes of the canonical form.
    pub size: u64,
    /// Digest of the canonical form.
    pub hash: String,
}

/// One piece of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeChunk {
    /// Which upload.
    pub hash: String,
    /// Position of the first byte; the cell's `next`, or before it.
    pub off: u64,
    /// The bytes, base64.
    pub data: String,
}

/// Names a recipe by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeHash {
    /// Digest of the canonical form.
    pub hash: String,
}

/// Names a recipe revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeKey {
    /// The recipe's id.
    pub id: String,
    /// Its revision.
    pub rev: u32,
}

/// Lets a recipe be cooked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeActivate {
    /// The recipe's id.
    pub id: String,
    /// Its revision.
    pub rev: u32,
    /// Digest of the canonical form.
    pub hash: String,
    /// Retires the other revisions of the same id.
    pub exclusive: bool,
}

/// No arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeListArgs {}

/// Books a filling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvLoad {
    /// Chosen by the caller, unique for ever.
    pub load_id: String,
    /// Which bin.
    pub bin: String,
    /// What ingredient.
    pub item: String,
    /// Add to what is there, or take that out first.
    pub mode: LoadMode,
    /// How much, in `unit`.
    pub qty: i64,
    /// Unit of the bin.
    pub unit: Unit,
    /// The lot.
    pub lot: String,
    /// Use by, UTC ms.
    pub expiry: i64,
    /// Opened, UTC ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<i64>,
    /// Marking codes of the opened packages.
    pub marks: Vec<String>,
}

/// What a filling does with the rest in the bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadMode {
    /// Keeps it.
    Add,
    /// Takes it out first.
    Replace,
}

/// Books what was taken out by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvUnload {
    /// Chosen by the caller, unique for ever.
    pub load_id: String,
    /// Which bin.
    pub bin: String,
    /// How much; `None` is everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty: Option<i64>,
    /// `waste`, `return` or `expired`.
    pub reason: String,
}

/// Books a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvAdjust {
    /// Chosen by the caller, unique for ever.
    pub load_id: String,
    /// Which bin.
    pub bin: String,
    /// The counted level.
    pub level: i64,
    /// Why.
    pub reason: String,
}

/// The one answer to a command: stored durably and begun, not finished. Progress comes as events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CmdResult {
    /// The cell had executed this id before; the answer is the stored one.
    pub dup: bool,
    /// Number of the last journal event when the effect was stored.
    pub seq: u64,
    /// The operation's own answer.
    pub r: Value,
}

impl CmdResult {
    /// The answer as the operation's own type ([`SubmitReply`], [`JobReply`] …).
    ///
    /// # Errors
    /// When the cell's answer lacks a required member.
    pub fn reply<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(self.r.clone())
    }
}

/// Answer to `job.submit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitReply {
    /// The job.
    pub job_id: String,
    /// Where it stood when it was stored.
    pub state: JobState,
    /// Position in the cell's queue, from 1.
    #[serde(default)]
    pub pos: Option<u32>,
    /// Expected on the hand-over place, UTC ms.
    #[serde(default)]
    pub est_plated: Option<i64>,
}

/// Answer to the other operations on one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReply {
    /// The job.
    pub job_id: String,
    /// Where it stands.
    pub state: JobState,
    /// Nothing had to be done.
    #[serde(default)]
    pub already: bool,
}

/// Answer to `recipe.begin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginReply {
    /// The cell has all bytes; skip to commit.
    pub have: bool,
    /// First byte it wants.
    pub next: u64,
}

/// Answer to `recipe.chunk`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkReply {
    /// First byte it wants.
    pub next: u64,
}

/// Answer to `recipe.commit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitReply {
    /// `verified`, or `active` if it was in use already.
    pub state: crate::RecipeState,
    /// Planned duration, ms.
    #[serde(default)]
    pub est_ms: Option<u64>,
    /// What the cell complains about.
    #[serde(default)]
    pub issues: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_the_example_sessions_submit_is_met() {
        let recipe = RecipeRef {
            id: "borsch".into(),
            rev: 7,
            hash: "sha256:42c8ea060eb714db80f893549c26bf91b358e7ff1c84d79fffa3bfbfa18cde86".into(),
        };
        let mut submit = JobSubmit::cook("J-20261122-0001", recipe, "A-17/1");
        submit.params.insert("salt".into(), "std".into());
        submit.due = Some(1_795_309_800_000);
        let mut command = Command::new(Uuid::from_u128(1), Operation::JobSubmit(submit));
        let expected = "sha256:13502af63993e2ec2cfefdbf81daa155a5ef7b186008ae861bf17e8892df6db1";
        assert_eq!(command.digest().unwrap(), expected);
        command.not_after = Some(5);
        command.id = Uuid::from_u128(2);
        assert_eq!(command.digest().unwrap(), expected, "only op and a count");
    }

    #[test]
    fn a_stored_command_is_read_back_unchanged() {
        let command = Command::new(
            Uuid::from_u128(7),
            Operation::Machine(MachineCmd {
                cmd: MachineCommand::Clear,
                inspected: Some(true),
            }),
        )
        .by(Actor {
            role: ActorRole::Staff,
            name: "u-12".into(),
        });
        let text = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command);
        assert!(text.contains(r#""op":"machine.cmd""#), "{text}");
    }

    #[test]
    fn ids_keep_to_the_wires_alphabet() {
        assert!(valid_id("J-1:p1.beet_2"));
        for bad in ["", "ü", "a b", "a/b", &"x".repeat(65)] {
            assert!(!valid_id(bad), "{bad}");
        }
    }
}
