//! Who the emulated server's printer is, and what can go wrong.

use serde::{Deserialize, Serialize};

pub use crate::emulator::Times;

/// The emulated server and its printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebEmulatorConfig {
    /// Name of the model.
    pub model_name: String,
    /// Serial number.
    pub serial: String,
    /// Serial number of the fiscal drive, 16 digits.
    pub drive_number: String,
    /// Tag 1037.
    pub registration_number: String,
    /// `1.05`, `1.1`, `1.2`.
    pub ffd: String,
    /// Whether results have `error` (v2) or `errorCode` (v1).
    pub v1_results: bool,
    /// User and password, when they are asked for.
    pub credentials: Option<(String, String)>,
    /// What becomes of the task that ran when the server died.
    pub after_crash: AfterCrash,
    /// Whether tag 1192 can be read back from the drive.
    pub keys_come_back: bool,
    /// Whether documents are told in the short form, which lacks tags and kopecks.
    pub short_documents: bool,
    /// Whether the printer counts its drawer.
    pub counts_cash: bool,
    /// How long a task that registers or prints takes, in milliseconds.
    pub act_ms: u64,
    /// How long a task that reads takes, in milliseconds.
    pub read_ms: u64,
}

impl Default for WebEmulatorConfig {
    fn default() -> Self {
        Self {
            model_name: "АТОЛ 91Ф".to_owned(),
            serial: "00106900000123".to_owned(),
            drive_number: "9999078902004312".to_owned(),
            registration_number: "0000000001002292".to_owned(),
            ffd: "1.2".to_owned(),
            v1_results: false,
            credentials: None,
            after_crash: AfterCrash::default(),
            keys_come_back: true,
            short_documents: false,
            counts_cash: true,
            act_ms: 1500,
            read_ms: 20,
        }
    }
}

/// What becomes of the task that ran when the server died. How the vendor's server does it is not known, so all of
/// these are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterCrash {
    /// It ends with error 2, "no link".
    #[default]
    Fails,
    /// The queue is blocked until somebody unblocks it.
    Blocked,
    /// The server asks the drive and tells the truth.
    Recovers,
    /// It is forgotten: 404.
    Forgets,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum WebFault {
    /// The request is taken into the queue, and the connection closes without an answer.
    AnswerDropped,
    /// The connection closes, and the request is never seen.
    RequestDropped,
    /// The connection closes, and the request comes in later.
    RequestLate {
        /// By so many milliseconds.
        ms: u64,
    },
    /// The request is answered with this status and not taken.
    Status {
        /// The status.
        status: u16,
    },
    /// The task takes longer.
    Delayed {
        /// By so many milliseconds.
        ms: u64,
    },
    /// The server dies when the task is due, and its result is not stored. Back by [`super::WebEmulator::restart`].
    Crash {
        /// Whether the printer carries it out before.
        carried_out: bool,
    },
    /// The server's driver loses the printer: error 2.
    LinkLost {
        /// Whether the printer carries it out.
        carried_out: bool,
    },
    /// The server's driver loses the printer and says error 2, while the printer goes on and carries it out later.
    LinkLostEarly {
        /// By so many milliseconds.
        ms: u64,
    },
    /// The driver loses the printer and the queue is blocked, until [`super::WebEmulator::unblock`].
    Blocked {
        /// Whether the printer carries it out.
        carried_out: bool,
    },
    /// The paper ends within the document: `notPrinted`, or error 44 when nothing was registered.
    PaperEnds {
        /// Whether the document is registered.
        registered: bool,
    },
    /// The document is registered, and the driver answers error 44 all the same.
    PaperError,
    /// The task fails with this code, and nothing is registered.
    Refuse {
        /// The driver's code.
        code: u16,
    },
    /// The server loses its base of requests, this one among them, when the task is due.
    BaseLost {
        /// Whether the printer carries it out before.
        carried_out: bool,
    },
    /// The paper is out. Lasts until [`WebFault::PaperBack`].
    PaperOut,
    /// Paper is put in.
    PaperBack,
    /// The open shift becomes older than 24 hours.
    ShiftExpired,
    /// A new fiscal drive is in.
    OtherDrive,
    /// The printer is off: every task fails with error 2. Lasts until [`WebFault::PrinterOn`].
    PrinterOff,
    /// The printer is on again.
    PrinterOn,
}

impl WebFault {
    /// Whether it changes a state at once instead of waiting for a task.
    #[must_use]
    pub fn is_state(&self) -> bool {
        matches!(
            self,
            Self::PaperOut
                | Self::PaperBack
                | Self::ShiftExpired
                | Self::OtherDrive
                | Self::PrinterOff
                | Self::PrinterOn
        )
    }

    /// Whether it strikes at the HTTP request rather than at the task.
    pub(super) fn is_http(&self) -> bool {
        matches!(
            self,
            Self::AnswerDropped
                | Self::RequestDropped
                | Self::RequestLate { .. }
                | Self::Status { .. }
        )
    }
}

/// Which tasks a fault strikes at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebAt {
    /// Any.
    Any,
    /// Those that register a document or move money.
    Acts,
    /// Those that read.
    Reads,
}

/// The faults that wait for their task.
#[derive(Debug, Default)]
pub(super) struct WebFaults(Vec<(WebFault, WebAt, Option<u32>)>);

impl WebFaults {
    pub(super) fn arm(&mut self, fault: WebFault, at: WebAt, times: Times) {
        let left = match times {
            Times::Once => Some(1),
            Times::N(n) => Some(n),
            Times::Always => None,
        };
        self.0.push((fault, at, left));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn list(&self) -> Vec<WebFault> {
        self.0.iter().map(|f| f.0).collect()
    }

    /// The first armed fault of the HTTP or of the task's side; it has struck once more.
    pub(super) fn strike(&mut self, act: bool, http: bool) -> Option<WebFault> {
        let found = self.0.iter_mut().find(|(fault, at, left)| {
            let fits = match at {
                WebAt::Any => true,
                WebAt::Acts => act,
                WebAt::Reads => !act,
            };
            fits && fault.is_http() == http && *left != Some(0)
        });
        let struck = found.map(|(fault, _, left)| {
            *left = left.map(|n| n - 1);
            *fault
        });
        self.0.retain(|(_, _, left)| *left != Some(0));
        struck
    }
}
