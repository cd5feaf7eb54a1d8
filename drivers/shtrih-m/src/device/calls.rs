//! Single commands.

use super::ShtrihPrinter;
use crate::{
    command::{self, Command, ReplyError, op},
    error_table::{CONFIRM_DATE, PRINTING, WAITS},
    session::SessionError,
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Pause before a command is repeated that the printer was too busy for (9).
const BUSY_PAUSE: Duration = Duration::from_millis(100);
/// How often "go on printing" is sent for one command.
const CONTINUE_LIMIT: u32 = 3;

/// A command without success.
#[derive(Debug)]
pub(super) enum CallError {
    /// It did not leave, or was not taken.
    NotSent(String),
    /// It left; whether it was carried out isn't known.
    Lost(String),
    /// The device refused.
    Device(u8),
    /// The device said that it prints, for longer than it was waited for. Nothing was carried out.
    Busy,
    /// The answer can't be read.
    Malformed(&'static str),
}

impl CallError {
    pub(super) fn detail(&self) -> String {
        match self {
            Self::NotSent(detail) | Self::Lost(detail) => detail.clone(),
            Self::Device(code) => format!("device error {code:02X}h"),
            Self::Busy => "the printer stays busy".to_owned(),
            Self::Malformed(what) => format!("the answer to {what} can't be read"),
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

impl ShtrihPrinter {
    /// A command under the operator's password.
    pub(super) fn operator(&self, code: u16) -> Command {
        Command::new(code, self.config.operator_password)
    }

    /// A command under the system administrator's password.
    pub(super) fn admin(&self, code: u16) -> Command {
        Command::new(code, self.config.admin_password)
    }

    /// Runs a command; gives the data behind the error byte. "Printing" and "waiting to go on" are waited out, because
    /// the printer has not carried the command out then (7).
    pub(super) async fn act(&mut self, command: &Command) -> Result<Vec<u8>, CallError> {
        let patience = Instant::now() + self.config.timeouts.busy();
        let mut continued = 0;
        loop {
            match self.once(command).await {
                Err(CallError::Device(PRINTING)) if Instant::now() < patience => {
                    sleep(BUSY_PAUSE).await;
                }
                Err(CallError::Device(PRINTING)) => return Err(CallError::Busy),
                Err(CallError::Device(WAITS)) if continued < CONTINUE_LIMIT => {
                    continued += 1;
                    let go_on = self.admin(op::CONTINUE_PRINT);
                    self.once(&go_on).await?;
                }
                Err(CallError::Device(CONFIRM_DATE))
                    if continued < CONTINUE_LIMIT && command.code() != op::CONFIRM_DATE =>
                {
                    continued += 1;
                    self.confirm_date().await?;
                }
                other => return other,
            }
        }
    }

    /// A command that may be sent again: what was lost is only asked for by the caller.
    pub(super) async fn ask(&mut self, command: &Command) -> Result<Vec<u8>, CallError> {
        self.act(command).await
    }

    pub(super) async fn once(&mut self, command: &Command) -> Result<Vec<u8>, CallError> {
        let body = self.session.run(command).await?;
        match command::reply(&body, command.code()) {
            Ok(data) => Ok(data.to_vec()),
            Err(ReplyError::Device(code)) => Err(CallError::Device(code)),
            Err(ReplyError::Malformed) => Err(CallError::Malformed("a command")),
        }
    }
}
