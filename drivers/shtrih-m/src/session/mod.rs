//! The conversation: one command, one reply, whatever the line does.
//!
//! What is sent again here is only what can't be carried out twice: a command that only reads or sets a value, one that
//! the printer said it did not take, and in protocol 2 the same number. A reply that nobody waited for any more is kept
//! for recovery, which finds out with it what became of an act in doubt.

mod line;
mod one;
mod two;

use crate::{
    command::{self, Command},
    config::{ProtocolChoice, Timeouts},
};
use galley_link::BoxStream;
use line::Line;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What outlives a connection.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The act that left and whose reply was not seen: its code, and its number in protocol 2.
    in_flight: Option<(u16, Option<u16>)>,
    /// The reply to it, when it came after all.
    kept: Option<(u16, Vec<u8>)>,
}

/// [`Memory`] of one printer.
pub(crate) type SharedMemory = Arc<Mutex<Memory>>;

/// The end of a conversation.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// The command did not leave, or the printer did not take it.
    NotSent(String),
    /// It left, and its reply is not known.
    Lost(String),
}

/// Why no session could be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Nothing came in either protocol.
    Silent,
    /// The link broke.
    Broken(String),
}

/// The link is gone.
#[derive(Debug)]
struct Broken(String);

enum Protocol {
    One,
    /// With the last number.
    Two(u16),
}

/// A printer that answers.
pub(crate) struct Session {
    line: Line,
    protocol: Protocol,
    memory: SharedMemory,
    timeouts: Timeouts,
}

impl Session {
    /// Finds out which protocol the printer speaks, and takes in what it still owes.
    pub(crate) async fn open(
        stream: BoxStream,
        choice: ProtocolChoice,
        memory: SharedMemory,
        timeouts: Timeouts,
    ) -> Result<Self, OpenError> {
        let mut session = Self {
            line: Line::new(stream),
            protocol: Protocol::One,
            memory,
            timeouts,
        };
        let broken = |Broken(detail)| OpenError::Broken(detail);
        if choice != ProtocolChoice::Two && session.greet_one().await.map_err(broken)? {
            return Ok(session);
        }
        if choice != ProtocolChoice::One
            && let Some(number) = session.greet_two().await.map_err(broken)?
        {
            session.protocol = Protocol::Two(number);
            return Ok(session);
        }
        Err(OpenError::Silent)
    }

    /// Sends a command and gives its reply, code and all.
    pub(crate) async fn run(&mut self, command: &Command) -> Result<Vec<u8>, SessionError> {
        let act = !command::is_idempotent(command.code());
        let limit = command::time_limit(command.code()).min(self.timeouts.longest());
        let reply = match self.protocol {
            Protocol::One => self.run_one(command, act, limit).await,
            Protocol::Two(last) => self.run_two(command, act, limit, last).await,
        };
        if command::registers(command.code()) && !matches!(reply, Err(SessionError::Lost(_))) {
            self.remember(|m| m.in_flight = None);
        }
        reply
    }

    /// Which protocol is spoken.
    pub(crate) fn protocol_number(&self) -> u8 {
        match self.protocol {
            Protocol::One => 1,
            Protocol::Two(_) => 2,
        }
    }

    /// The reply to the act that was in doubt, when it came after all. Forgets it.
    pub(crate) fn take_kept(&mut self) -> Option<(u16, Vec<u8>)> {
        self.remember(|m| m.kept.take())
    }

    /// Forgets what earlier acts left.
    pub(crate) fn forget(&mut self) {
        self.remember(|m| *m = Memory::default());
    }

    fn remember<T>(&self, f: impl FnOnce(&mut Memory) -> T) -> T {
        f(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that a command leaves which registers something, so that its reply is known when it comes late.
    fn leaves(&self, code: u16, number: Option<u16>) {
        if command::registers(code) {
            self.remember(|m| {
                m.in_flight = Some((code, number));
                m.kept = None;
            });
        }
    }

    /// A reply that nobody waits for: that of the act in doubt is kept.
    fn keep(&self, body: Vec<u8>, number: Option<u16>) {
        self.remember(|m| match m.in_flight {
            Some((code, in_flight))
                if command::is_reply_to(&body, code)
                    && (number.is_none() || number == in_flight) =>
            {
                tracing::info!(
                    command = format_args!("{code:02X}h"),
                    "the reply to a command in doubt came after all"
                );
                m.in_flight = None;
                m.kept = Some((code, body));
            }
            _ => tracing::debug!("a reply that nobody waits for is dropped"),
        });
    }
}

fn lost(detail: impl Into<String>) -> SessionError {
    SessionError::Lost(detail.into())
}

/// How long a whole exchange may take.
fn overall(limit: Duration, timeouts: &Timeouts) -> Duration {
    limit + timeouts.grace()
}
