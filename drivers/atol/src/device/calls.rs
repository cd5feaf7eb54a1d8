//! Single commands.

use super::AtolPrinter;
use crate::{
    command::{self, AnswerError, DeviceError, mode, op},
    error_table::{BUSY, SEE_REGISTER_55},
    register,
    session::{Answer, Nature, SessionError},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Pause before a command is repeated that the printer was too busy for (1.4).
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// A command without success.
#[derive(Debug)]
pub(super) enum CallError {
    /// It did not leave.
    NotSent(String),
    /// It left; whether it was carried out isn't known.
    Lost(String),
    /// The device refused.
    Device(DeviceError),
    /// The answer can't be read.
    Malformed(&'static str),
}

impl CallError {
    pub(super) fn detail(&self) -> String {
        match self {
            Self::NotSent(detail) | Self::Lost(detail) => detail.clone(),
            Self::Device(e) => format!("device error {:#04x}.{}", e.err, e.ext),
            Self::Malformed(what) => format!("the answer to {what} can't be read"),
        }
    }
}

impl From<AnswerError> for CallError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Device(e) => Self::Device(e),
            AnswerError::Malformed(what) => Self::Malformed(what),
        }
    }
}

impl From<SessionError> for CallError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotSent(detail) => Self::NotSent(detail),
            SessionError::Lost(detail) => Self::Lost(detail),
        }
    }
}

impl AtolPrinter {
    /// Runs a command; "busy" is waited out, because a busy printer has not carried it out.
    pub(super) async fn call(
        &mut self,
        code: u8,
        parameters: &[u8],
        nature: Nature,
        limit: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let task = command::task(self.passwords.access, code, parameters);
        let patience = Instant::now() + self.config.timeouts.busy();
        loop {
            match self.session.run(&task, nature, limit).await? {
                Answer::Done(answer) if !is_busy(code, &answer) => return Ok(answer),
                Answer::Failed(answer) if !is_busy(code, &answer) => {
                    return Err(self.refusal(code, &answer).await);
                }
                _ if Instant::now() < patience => sleep(BUSY_PAUSE).await,
                _ => return Err(CallError::Device(DeviceError { err: BUSY, ext: 0 })),
            }
        }
    }

    /// A command whose answer is `55 ERR EXT DATA`; gives DATA.
    pub(super) async fn command(
        &mut self,
        code: u8,
        parameters: &[u8],
        nature: Nature,
        limit: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let answer = self.call(code, parameters, nature, limit).await?;
        Ok(command::standard(&answer, "a command")?.to_vec())
    }

    /// A command that only reads.
    pub(super) async fn ask(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, CallError> {
        let limit = self.config.timeouts.read();
        self.call(code, parameters, Nature::Read, limit).await
    }

    /// The value of a register.
    pub(super) async fn read_register(
        &mut self,
        number: u8,
        p1: u8,
        p2: u8,
    ) -> Result<Vec<u8>, CallError> {
        let answer = self.ask(op::REGISTER, &[number, p1, p2]).await?;
        Ok(command::value(&answer, "a register")?.to_vec())
    }

    /// Goes into a mode, unless the printer is in it.
    pub(super) async fn enter_mode(&mut self, wanted: u8) -> Result<(), CallError> {
        let now = self.state().await?.mode;
        let limit = self.config.timeouts.act();
        if now == wanted {
            return Ok(());
        }
        if now != mode::IDLE {
            self.command(op::LEAVE_MODE, &[], Nature::Act, limit)
                .await?;
        }
        let parameters = command::enter_mode(wanted, self.passwords.mode);
        self.command(op::ENTER_MODE, &parameters, Nature::Act, limit)
            .await?;
        Ok(())
    }

    /// The error in the answer of a failed task.
    async fn refusal(&mut self, code: u8, answer: &[u8]) -> CallError {
        let error = match *answer {
            // The answer to "device type" has no 55.
            [err, ..] if code == op::DEVICE_TYPE && err != 0 => DeviceError { err, ext: 0 },
            [0x55, err, ref rest @ ..] if err != 0 => DeviceError {
                err,
                ext: rest.first().copied().unwrap_or(0),
            },
            _ => return CallError::Malformed("a failed command"),
        };
        if error.err != SEE_REGISTER_55 {
            return CallError::Device(error);
        }
        // Which byte of register 55 holds the code is not known; the first is taken. [inferred]
        let task = command::task(
            self.passwords.access,
            op::REGISTER,
            &[register::EXTENDED_ERROR, 0, 0],
        );
        let limit = self.config.timeouts.read();
        let ext = match self.session.run(&task, Nature::Read, limit).await {
            Ok(Answer::Done(a)) => command::value(&a, "register 55")
                .ok()
                .and_then(|v| v.first().copied()),
            _ => None,
        };
        CallError::Device(DeviceError {
            err: error.err,
            ext: ext.unwrap_or(0),
        })
    }
}

fn is_busy(code: u8, answer: &[u8]) -> bool {
    match code {
        // These answers have no error byte where the others have it.
        op::STATE | op::STATUS => false,
        op::DEVICE_TYPE => answer.first() == Some(&BUSY),
        _ => answer.starts_with(&[0x55, BUSY]),
    }
}
