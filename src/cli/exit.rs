//! Exit codes: stable, for scripts. Every `-h` tells them, and `docs/cli.md`.

use super::client::CallError;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or all is well.
    Done,
    /// It failed: no such thing, a request that makes no sense, a file that can't be read.
    Failed,
    /// The command line makes no sense, or it wants a person's yes and nobody can be asked.
    Usage,
    /// It was looked at, and it is not as it should be.
    Unhealthy,
    /// Whoever asks may not.
    NotAllowed,
    /// Nobody answers at the socket or address.
    Unreachable,
    /// It does not fit the state of things: an order that is not paid, a device that is away, a full disk.
    Refused,
    /// The answer was lost: it may have been done. Look before it is repeated.
    Unknown,
}

/// Refusals that are about the state of things though their HTTP status is another's.
const STATE: &[&str] = &["refund_too_large"];

impl Exit {
    /// The number a shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unhealthy => 3,
            Self::NotAllowed => 4,
            Self::Unreachable => 5,
            Self::Refused => 6,
            Self::Unknown => 7,
        }
    }

    /// What an error means to a script.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        if let Some(call) = error.downcast_ref::<CallError>() {
            return match call {
                CallError::Refused(p) => match p.status {
                    401 | 403 => Self::NotAllowed,
                    409 | 412 | 423 | 503 | 507 => Self::Refused,
                    _ if STATE.contains(&p.slug.as_str()) => Self::Refused,
                    _ => Self::Failed,
                },
                CallError::NoSuch(_) | CallError::Odd { .. } => Self::Failed,
                CallError::NotAllowed { .. } => Self::NotAllowed,
                CallError::Unreachable { .. } => Self::Unreachable,
                // What only reads changes nothing when it is repeated.
                CallError::AnswerLost { key: None, .. } => Self::Unreachable,
                CallError::AnswerLost { .. } => Self::Unknown,
            };
        }
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return stop.exit;
        }
        if error.is::<Misuse>() {
            return Self::Usage;
        }
        if let Some(e) = error.downcast_ref::<std::io::Error>()
            && e.kind() == std::io::ErrorKind::PermissionDenied
        {
            return Self::NotAllowed;
        }
        Self::Failed
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

/// An error whose code is known where it arises.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Stop {
    /// The code.
    pub exit: Exit,
    /// What is wrong, and what to do.
    pub text: String,
}

impl Stop {
    /// It does not fit the state of things.
    #[must_use]
    pub fn refused(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Refused,
            text: text.into(),
        }
    }
}

/// The end of every help page: examples, then the exit codes.
macro_rules! help {
    ($($example:literal),+ $(,)?) => {
        concat!(
            "Examples:\n",
            $("  ", $example, "\n",)+
            "\nExit codes:\n",
            "  0  done, all is well          4  not allowed\n",
            "  1  failed                     5  the daemon can't be reached\n",
            "  2  wrong command line         6  refused: it doesn't fit the state\n",
            "  3  unhealthy, differences     7  outcome unknown: look, then repeat",
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
        let refused = |status, slug: &str| {
            anyhow::Error::from(CallError::Refused(Box::new(Problem {
                status,
                slug: slug.to_owned(),
                ..Problem::default()
            })))
        };
        for (status, slug, exit) in [
            (409, "already_paid", Exit::Refused),
            (422, "refund_too_large", Exit::Refused),
            (503, "device_away", Exit::Refused),
            (507, "disk_full", Exit::Refused),
            (401, "unauthorised", Exit::NotAllowed),
            (403, "forbidden", Exit::NotAllowed),
            (404, "unknown_order", Exit::Failed),
            (422, "invalid", Exit::Failed),
            (500, "internal", Exit::Failed),
        ] {
            assert_eq!(Exit::of(&refused(status, slug)), exit, "{status} {slug}");
        }
        let lost = |key| CallError::AnswerLost {
            door: "here".into(),
            why: "cut".into(),
            key,
        };
        let act = anyhow::Error::from(lost(Some(uuid::Uuid::nil()))).context("paying");
        assert_eq!(Exit::of(&act), Exit::Unknown);
        // What only read did nothing.
        assert_eq!(Exit::of(&lost(None).into()), Exit::Unreachable);
        assert_eq!(
            Exit::of(&anyhow::Error::from(Misuse("no".into()))),
            Exit::Usage
        );
        assert_eq!(Exit::of(&Stop::refused("open").into()), Exit::Refused);
        assert_eq!(Exit::of(&anyhow::anyhow!("else")), Exit::Failed);
        let codes: Vec<u8> = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Unhealthy,
            Exit::NotAllowed,
            Exit::Unreachable,
            Exit::Refused,
            Exit::Unknown,
        ]
        .map(Exit::code)
        .to_vec();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
