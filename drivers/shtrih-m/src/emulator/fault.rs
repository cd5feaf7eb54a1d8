//! Faults on demand.

use crate::command::registers;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The command is taken and carried out, its ACK is not sent. Protocol 1 only.
    AckLost,
    /// The command is carried out, its reply is not sent; the printer keeps it.
    ReplyLost,
    /// The reply's checksum is wrong.
    WrongSum,
    /// Half of the reply is sent.
    ReplyCut,
    /// The reply is sent twice.
    ReplyTwice,
    /// The reply of the command before comes first.
    ReplyOfBefore,
    /// A stray FFh comes before the ACK and before the reply.
    StrayByte,
    /// Bytes of no meaning come before the reply.
    Garbage,
    /// The command is not seen at all.
    Silence,
    /// The printer says that it did not take the command. Protocol 1 only.
    NotTaken,
    /// The command takes longer.
    Delay {
        /// By so many milliseconds.
        ms: u64,
    },
    /// "It prints the previous command."
    Busy,
    /// The command is refused.
    Refuse {
        /// With this code.
        err: u8,
    },
    /// The link drops when the command is due; the printer keeps its reply.
    LinkLost {
        /// Whether the command is carried out before.
        carried_out: bool,
    },
    /// The power goes off when the command is due; reply and open receipt are lost. On again by
    /// [`super::ShtrihEmulator::restart`].
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
    /// The printer's clock is off.
    ClockDrift {
        /// By so many seconds.
        seconds: i64,
    },
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
                | Self::ClockDrift { .. }
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
    /// Until [`super::ShtrihEmulator::clear_faults`].
    Always,
    /// By chance, until cleared.
    Chance {
        /// Of a thousand commands.
        per_mille: u16,
        /// The same seed gives the same day.
        seed: u32,
    },
}

/// Which commands a fault strikes at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Any.
    Any,
    /// Those that register: FF45, FF4A, E0, 41, 50, 51, 85.
    Acts,
    /// This one, by its code.
    Command(u16),
}

impl At {
    fn fits(self, code: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Acts => registers(code),
            Self::Command(wanted) => wanted == code,
        }
    }
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    at: At,
    times: Times,
}

impl Armed {
    /// Whether it strikes now; counts down, or draws.
    fn strikes(&mut self) -> bool {
        match &mut self.times {
            Times::Once => self.times = Times::N(0),
            Times::N(0) => return false,
            Times::N(n) => *n -= 1,
            Times::Always => {}
            Times::Chance { per_mille, seed } => {
                // xorshift32.
                let mut s = (*seed).max(1);
                s ^= s << 13;
                s ^= s >> 17;
                s ^= s << 5;
                *seed = s;
                return s % 1000 < u32::from(*per_mille);
            }
        }
        true
    }
}

/// The faults that wait for their command.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Armed>);

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault, at: At, times: Times) {
        self.0.push(Armed { fault, at, times });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn list(&self) -> Vec<Fault> {
        self.0.iter().map(|armed| armed.fault).collect()
    }

    /// The faults that strike a command.
    pub(super) fn strike(&mut self, code: u16) -> Vec<Fault> {
        let mut struck: Vec<Fault> = Vec::new();
        for armed in &mut self.0 {
            if armed.at.fits(code) && !struck.contains(&armed.fault) && armed.strikes() {
                struck.push(armed.fault);
            }
        }
        self.0.retain(|armed| armed.times != Times::N(0));
        struck
    }
}
