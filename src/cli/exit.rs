//! Exit codes: stable, for scripts. Every `-h` tells them.

use super::client::CallError;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or all is well.
    Done,
    /// The daemon refused it, or it failed.
    Refused,
    /// The command line makes no sense.
    Usage,
    /// Nobody answers at the socket or address.
    Unreachable,
    /// There is no such thing.
    NotFound,
    /// It was looked at, and it is not as it should be.
    Unhealthy,
    /// The answer was lost: it may have been done.
    Unclear,
}

impl Exit {
    /// The number a shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::NotFound => 4,
            Self::Unhealthy => 5,
            Self::Unclear => 6,
        }
    }

    /// What an error means to a script.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        if let Some(call) = error.downcast_ref::<CallError>() {
            return match call {
                CallError::NoSuch(_) => Self::NotFound,
                CallError::Refused(p) if p.status == 404 => Self::NotFound,
                CallError::Refused(_) | CallError::Odd { .. } => Self::Refused,
                CallError::Unreachable { .. } => Self::Unreachable,
                CallError::AnswerLost { .. } => Self::Unclear,
            };
        }
        if error.is::<Misuse>() {
            return Self::Usage;
        }
        Self::Refused
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The command line makes no sense, which clap could not see.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misuse(pub String);

/// The end of every help page: examples, then the exit codes.
macro_rules! help {
    ($($example:literal),+ $(,)?) => {
        concat!(
            "Examples:\n",
            $("  ", $example, "\n",)+
            "\nExit codes:\n",
            "  0  done, all is well          4  there is no such thing\n",
            "  1  refused, or failed         5  unhealthy, or differences found\n",
            "  2  wrong command line         6  answer lost: it may have been done\n",
            "  3  the daemon can't be reached",
        )
    };
}
pub(crate) use help;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::Problem;

    #[test]
    fn each_way_to_fail_has_a_code_of_its_own() {
        let refused = |status| {
            anyhow::Error::from(CallError::Refused(Box::new(Problem {
                status,
                ..Problem::default()
            })))
        };
        assert_eq!(Exit::of(&refused(409)), Exit::Refused);
        assert_eq!(Exit::of(&refused(404)), Exit::NotFound);
        let lost = CallError::AnswerLost {
            door: "here".into(),
            why: "cut".into(),
            key: None,
        };
        assert_eq!(
            Exit::of(&anyhow::Error::from(lost).context("paying")),
            Exit::Unclear
        );
        assert_eq!(
            Exit::of(&anyhow::Error::from(Misuse("no".into()))),
            Exit::Usage
        );
        assert_eq!(Exit::of(&anyhow::anyhow!("else")), Exit::Refused);
    }
}
