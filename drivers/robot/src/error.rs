//! What can go wrong with a robot, by what the caller must do.

use serde::{Deserialize, Serialize};

/// Whether and when a refused command may be tried again (klink 3.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Never.
    Never,
    /// After a person removed the cause, with a **new** id: the cell remembers the refusal under this one.
    AfterFix,
    /// Later, with the same id.
    Later,
    /// At once, with the same id.
    Now,
}

/// A failure, by what the caller must distinguish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum RobotError {
    /// A definite no; nothing was done.
    #[error("robot refused with {code}: {text}")]
    Refused {
        /// The stable code, such as `RECIPE_NOT_ACTIVE`.
        code: String,
        /// Whether it may be tried again.
        retry: Retry,
        /// What the robot said, in words.
        text: String,
        /// What a person can do. One sentence, in English; screens translate by `code`.
        advice: String,
    },
    /// The command did not leave the box. The same id can be tried again.
    #[error("the command was not sent: {detail}")]
    NotSent {
        /// What was seen.
        detail: String,
    },
    /// The command left the box and no answer came: it may have been executed. With
    /// [`crate::Quality::exactly_once`] the same id may be executed again, or [`crate::RobotDriver::job`]
    /// asked; without it a person decides.
    #[error("it is not known whether the robot executed the command: {detail}")]
    Uncertain {
        /// What was seen.
        detail: String,
    },
    /// There is no session with the robot now; nothing left the box.
    #[error("the robot is not connected: {detail}")]
    LinkDown {
        /// What was seen.
        detail: String,
    },
}

impl RobotError {
    /// A refusal with its code and words; retry and advice follow from the code.
    pub fn refused(code: impl Into<String>, text: impl Into<String>) -> Self {
        let code = code.into();
        let (_, retry, advice) = lookup(&code);
        Self::Refused {
            code,
            retry,
            text: text.into(),
            advice: advice.to_owned(),
        }
    }

    /// Whether the same command with the same id may simply be tried later without asking anybody.
    #[must_use]
    pub fn may_repeat(&self) -> bool {
        match self {
            Self::Refused { retry, .. } => matches!(retry, Retry::Later | Retry::Now),
            Self::NotSent { .. } | Self::LinkDown { .. } => true,
            Self::Uncertain { .. } => false,
        }
    }

    /// The code of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// Number, retry class and advice of an error code; unknown codes are taken as "after a fix".
#[must_use]
pub fn lookup(code: &str) -> (u16, Retry, &'static str) {
    TABLE
        .iter()
        .find(|row| row.1 == code)
        .map_or((0, Retry::AfterFix, ASK_VENDOR), |row| {
            (row.0, row.2, row.3)
        })
}

const ASK_VENDOR: &str =
    "Look at the robot's own panel and call its service if the cause is not plain.";
const BUG: &str = "Send a support bundle to the makers of Galley.";
const WAIT: &str = "Nothing to do; it is tried again by itself.";

/// klink 3.17.
const TABLE: &[(u16, &str, Retry, &str)] = &[
    (101, "BAD_FRAME", Retry::Now, BUG),
    (102, "FRAME_TOO_LARGE", Retry::Never, BUG),
    (103, "BAD_JSON", Retry::Never, BUG),
    (104, "NO_SESSION", Retry::Now, WAIT),
    (
        105,
        "PROTO_MISMATCH",
        Retry::AfterFix,
        "Update the robot's software or Galley.",
    ),
    (
        106,
        "AUTH_FAILED",
        Retry::AfterFix,
        "Check the robot's key in the secrets of this store.",
    ),
    (
        107,
        "FENCED",
        Retry::AfterFix,
        "Another controller took the robot over; a technician must confirm this box as the right one.",
    ),
    (
        108,
        "BUSY_CONTROLLER",
        Retry::AfterFix,
        "Another controller holds the robot; disconnect it, or confirm this box as the right one.",
    ),
    (
        109,
        "SUPERSEDED",
        Retry::AfterFix,
        "Two daemons of this store run at once; stop one.",
    ),
    (110, "DEAD_PEER", Retry::Now, WAIT),
    (111, "SHUTDOWN", Retry::Later, WAIT),
    (201, "BAD_REQUEST", Retry::Never, BUG),
    (202, "UNKNOWN_OP", Retry::Never, BUG),
    (
        203,
        "UNSUPPORTED",
        Retry::Never,
        "This robot can't do that.",
    ),
    (204, "CMD_ID_REUSED", Retry::Never, BUG),
    (205, "EXPIRED", Retry::Never, "Check the robot's clock."),
    (206, "RATE_LIMITED", Retry::Later, WAIT),
    (
        207,
        "FORBIDDEN",
        Retry::Never,
        "A person at the robot must do this.",
    ),
    (
        208,
        "JOURNAL_FULL",
        Retry::Later,
        "The robot waits for its events to be read; check the link.",
    ),
    (
        209,
        "STORAGE_ERROR",
        Retry::Later,
        "The robot's disk refuses to write; call its service.",
    ),
    (
        301,
        "WRONG_STATE",
        Retry::Later,
        "Bring the robot to the state it asks for.",
    ),
    (
        302,
        "WRONG_MODE",
        Retry::AfterFix,
        "Set the robot's mode at its panel or in the technician's screen.",
    ),
    (
        303,
        "CONTROL_LOCAL",
        Retry::AfterFix,
        "Turn the robot's key switch to remote.",
    ),
    (
        304,
        "MODE_CHANGE_REFUSED",
        Retry::Later,
        "Stop the robot before its mode is changed.",
    ),
    (
        305,
        "DRIVES_OFF",
        Retry::AfterFix,
        "Switch the robot's drives on.",
    ),
    (
        306,
        "NOT_HOMED",
        Retry::AfterFix,
        "Reset the robot so that it finds its home position.",
    ),
    (
        307,
        "NOT_CALIBRATED",
        Retry::AfterFix,
        "Calibrate the robot in maintenance mode.",
    ),
    (320, "GUARD_OPEN", Retry::AfterFix, "Close the guard door."),
    (
        321,
        "ESTOP_ACTIVE",
        Retry::AfterFix,
        "Release the emergency stop at the robot.",
    ),
    (
        322,
        "PROTECTIVE_STOP",
        Retry::AfterFix,
        "Clear the protective stop at the robot.",
    ),
    (
        323,
        "INSPECTION_REQUIRED",
        Retry::AfterFix,
        "Inspect the robot cell, then confirm the inspection.",
    ),
    (
        330,
        "ATTENTION_PENDING",
        Retry::Later,
        "Answer the robot's question first.",
    ),
    (
        331,
        "ATTENTION_UNKNOWN",
        Retry::Never,
        "The question was answered already.",
    ),
    (
        401,
        "RECIPE_UNKNOWN",
        Retry::AfterFix,
        "Upload the tech card to the robot.",
    ),
    (
        402,
        "RECIPE_HASH_MISMATCH",
        Retry::Never,
        "The robot holds another tech card under this revision; raise the revision.",
    ),
    (
        403,
        "RECIPE_INVALID",
        Retry::Never,
        "Correct the tech card.",
    ),
    (
        404,
        "RECIPE_NOT_ACTIVE",
        Retry::AfterFix,
        "Activate the tech card at the robot.",
    ),
    (405, "RECIPE_IN_USE", Retry::Later, WAIT),
    (
        406,
        "RECIPE_TOO_LARGE",
        Retry::Never,
        "Shorten the tech card.",
    ),
    (407, "CHUNK_OUT_OF_ORDER", Retry::Now, WAIT),
    (
        408,
        "EQUIPMENT_MISSING",
        Retry::AfterFix,
        "The robot lacks equipment this dish needs.",
    ),
    (
        409,
        "RECIPE_STORE_FULL",
        Retry::AfterFix,
        "Delete retired tech cards at the robot.",
    ),
    (
        501,
        "JOB_UNKNOWN",
        Retry::Never,
        "The robot doesn't know this job.",
    ),
    (502, "JOB_ID_REUSED", Retry::Never, BUG),
    (503, "JOB_FINAL", Retry::Never, "The job has ended already."),
    (504, "QUEUE_FULL", Retry::Later, WAIT),
    (
        505,
        "JOB_NOT_QUEUED",
        Retry::Never,
        "The robot works on this job already.",
    ),
    (
        506,
        "PARAM_INVALID",
        Retry::Never,
        "Correct the choices of the dish.",
    ),
    (
        507,
        "OUT_OF_STOCK",
        Retry::AfterFix,
        "Fill the bin the robot names.",
    ),
    (
        508,
        "INGREDIENT_EXPIRED",
        Retry::AfterFix,
        "Replace the expired ingredient.",
    ),
    (
        509,
        "NO_OUTPUT_SLOT",
        Retry::Later,
        "Clear a hand-over place.",
    ),
    (
        510,
        "NOT_ACCEPTING",
        Retry::Later,
        "Start the robot's production.",
    ),
    (
        601,
        "BIN_UNKNOWN",
        Retry::Never,
        "The robot has no such bin.",
    ),
    (602, "BIN_BUSY", Retry::Later, WAIT),
    (
        603,
        "BIN_WRONG_ITEM",
        Retry::AfterFix,
        "Another ingredient is in that bin; unload it first.",
    ),
    (604, "BIN_OVERFLOW", Retry::AfterFix, "Load less."),
    (
        605,
        "LOT_REQUIRED",
        Retry::Never,
        "Name the lot of the ingredient.",
    ),
    (606, "LOAD_ID_REUSED", Retry::Never, BUG),
    (
        607,
        "UNIT_MISMATCH",
        Retry::Never,
        "The bin counts in another unit.",
    ),
    (
        608,
        "BIN_LOCKED",
        Retry::AfterFix,
        "Release the bin from quarantine.",
    ),
    (
        701,
        "PARAM_UNKNOWN",
        Retry::Never,
        "The robot has no such parameter.",
    ),
    (
        702,
        "PARAM_RANGE",
        Retry::Never,
        "Keep to the parameter's range.",
    ),
    (
        703,
        "CFG_REV_CONFLICT",
        Retry::AfterFix,
        "The robot's parameters were changed meanwhile; read them again.",
    ),
    (
        704,
        "PARAM_READONLY",
        Retry::Never,
        "Only the vendor may change this.",
    ),
    (
        705,
        "CAL_UNKNOWN",
        Retry::Never,
        "The robot has no such calibration.",
    ),
    (706, "CAL_RUNNING", Retry::Later, WAIT),
    (
        707,
        "CAL_NEEDS_LOCAL",
        Retry::AfterFix,
        "Use the enabling device at the robot.",
    ),
    (901, "INTERNAL", Retry::Later, ASK_VENDOR),
    (902, "HARDWARE_FAULT", Retry::AfterFix, ASK_VENDOR),
];
