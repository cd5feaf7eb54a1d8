//! Faults on demand.

use crate::command::op;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The command is carried out, its answer is not sent; the buffer keeps it.
    AnswerLost,
    /// Half of the answer's frame is sent.
    FrameCut,
    /// The answer's CRC is wrong.
    WrongCrc,
    /// A frame that comes in is not seen at all.
    Silence,
    /// Bytes of no meaning come before the answer.
    Garbage,
    /// The command takes longer.
    AnswerDelayed {
        /// By so many milliseconds.
        ms: u64,
    },
    /// "The previous operation is still running."
    Busy,
    /// The command is refused.
    Refuse {
        /// With this code.
        err: u8,
    },
    /// The link drops when the command is due; the task buffer stays.
    LinkLost {
        /// Whether the command is carried out before.
        carried_out: bool,
    },
    /// The power goes off when the command is due; the task buffer is lost. On again by
    /// [`super::AtolEmulator::restart`].
    PowerCut {
        /// Whether the command is carried out before.
        carried_out: bool,
    },
    /// The paper ends in the middle of a document.
    PaperEnds {
        /// Whether the document is registered all the same.
        registered: bool,
    },
    /// The paper is out. Lasts until [`Fault::PaperBack`].
    PaperOut,
    /// Paper is put in.
    PaperBack,
    /// The cover is open. Lasts until [`Fault::CoverClosed`].
    CoverOpen,
    /// The cover is closed.
    CoverClosed,
    /// The open shift becomes older than 24 hours.
    ShiftExpired,
    /// A new fiscal drive is in.
    OtherDrive,
    /// The printer speaks platform 5.0. Lasts until [`Fault::Platform25`].
    Platform50,
    /// The printer speaks platform 2.5 again.
    Platform25,
}

impl Fault {
    /// Whether it changes a state at once instead of waiting for a command.
    #[must_use]
    pub fn is_state(&self) -> bool {
        matches!(
            self,
            Self::PaperOut
                | Self::PaperBack
                | Self::CoverOpen
                | Self::CoverClosed
                | Self::ShiftExpired
                | Self::OtherDrive
                | Self::Platform50
                | Self::Platform25
        )
    }
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// Once.
    Once,
    /// So many times.
    N(u32),
    /// Until [`super::AtolEmulator::clear_faults`].
    Always,
}

/// Which commands a fault strikes at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Any.
    Any,
    /// Those that register a document or move cash: 9A, 4A, 5A, 49, 4F.
    Acts,
    /// This one, by its code.
    Command(u8),
}

impl At {
    fn fits(self, command: Option<u8>) -> bool {
        match (self, command) {
            (Self::Any, _) => true,
            (_, None) => false,
            (Self::Acts, Some(c)) => {
                matches!(
                    c,
                    op::OPEN_SHIFT
                        | op::CLOSE_RECEIPT
                        | op::CLOSE_SHIFT
                        | op::CASH_IN
                        | op::CASH_OUT
                )
            }
            (Self::Command(wanted), Some(c)) => wanted == c,
        }
    }
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    at: At,
    left: Option<u32>,
}

/// The faults that wait for their command.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Armed>);

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault, at: At, times: Times) {
        let left = match times {
            Times::Once => Some(1),
            Times::N(n) => Some(n),
            Times::Always => None,
        };
        self.0.push(Armed { fault, at, left });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn list(&self) -> Vec<Fault> {
        self.0.iter().map(|armed| armed.fault).collect()
    }

    /// The first armed fault for `command` that `pick` wants; it has struck once more.
    pub(super) fn strike<T>(
        &mut self,
        command: Option<u8>,
        pick: impl Fn(Fault) -> Option<T>,
    ) -> Option<T> {
        let mut struck = None;
        for armed in &mut self.0 {
            if armed.left != Some(0)
                && armed.at.fits(command)
                && let Some(picked) = pick(armed.fault)
            {
                armed.left = armed.left.map(|n| n - 1);
                struck = Some(picked);
                break;
            }
        }
        self.0.retain(|armed| armed.left != Some(0));
        struck
    }

    pub(super) fn strikes(&mut self, command: Option<u8>, wanted: Fault) -> bool {
        self.strike(command, |f| (f == wanted).then_some(()))
            .is_some()
    }
}
