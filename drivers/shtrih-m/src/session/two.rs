//! The host's side of protocol 2 (3): the same number is sent until its reply comes, because the printer carries a
//! number out once.

use super::{Broken, Protocol, Session, SessionError, lost, overall};
use crate::{
    command::{self, Command},
    frame2::{self, Decoder, Frame, Taken},
};
use std::time::Duration;
use tokio::time::Instant;

/// How often "what is your last number" is asked.
const SYNC_LIMIT: u32 = 3;
/// How often a frame is sent, whatever for.
const SEND_LIMIT: u32 = 100;
/// Bytes that are listened to for one frame.
const BYTE_LIMIT: u32 = 16 * 1024;

/// What came.
enum Got {
    Frame(u16, Vec<u8>),
    Damaged,
    Nothing,
}

impl Session {
    /// The printer's last number, if it answers in protocol 2. The reply that comes with it may be that of the act in
    /// doubt.
    pub(super) async fn greet_two(&mut self) -> Result<Option<u16>, Broken> {
        for _ in 0..SYNC_LIMIT {
            self.line.drop_ready().await?;
            let sync = frame2::encode(&Frame::Sync).unwrap_or_default();
            self.line.send(&sync).await?;
            if let Got::Frame(number, reply) =
                self.frame(Instant::now() + self.timeouts.enq()).await?
            {
                if !reply.is_empty() {
                    self.keep(reply, Some(number));
                }
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    pub(super) async fn run_two(
        &mut self,
        command: &Command,
        act: bool,
        limit: Duration,
        last: u16,
    ) -> Result<Vec<u8>, SessionError> {
        let mut sent = false;
        match self.number_run(command, act, limit, last, &mut sent).await {
            Ok(reply) => reply,
            Err(Broken(detail)) if sent => Err(lost(detail)),
            Err(Broken(detail)) => Err(SessionError::NotSent(detail)),
        }
    }

    async fn number_run(
        &mut self,
        command: &Command,
        act: bool,
        limit: Duration,
        last: u16,
        sent: &mut bool,
    ) -> Result<Result<Vec<u8>, SessionError>, Broken> {
        let end = Instant::now() + overall(limit, &self.timeouts);
        let again = limit.min(self.timeouts.silence());
        let body = command.encode();
        let (mut last, mut doubted, mut answered) = (last, false, true);
        // Numbers this command left under: the reply to any of them is its reply.
        let mut mine: Vec<u16> = Vec::new();
        for _ in 0..SEND_LIMIT {
            if Instant::now() >= end {
                break;
            }
            let number = last.wrapping_add(1);
            let Some(frame) = frame2::encode(&Frame::Numbered(number, body.clone())) else {
                return Ok(Err(SessionError::NotSent(
                    "the command is too long".to_owned(),
                )));
            };
            self.leaves(command.code(), Some(number));
            if answered {
                self.line.drop_ready().await?;
            }
            *sent = true;
            if mine.last() != Some(&number) {
                mine.push(number);
            }
            self.line.send(&frame).await?;
            let until = (Instant::now() + again).min(end);
            loop {
                match self.frame(until).await? {
                    Got::Frame(found, reply) if mine.contains(&found) => {
                        self.protocol = Protocol::Two(found);
                        return Ok(if command::is_reply_to(&reply, command.code()) {
                            Ok(reply)
                        } else {
                            Err(lost("the printer answered another command"))
                        });
                    }
                    // The reply before, once more.
                    Got::Frame(found, _) if found == last => {}
                    // Not synchronised. On the first try this is a plain "not carried out"; after a silence the command
                    // may have been carried out and forgotten.
                    Got::Frame(found, _) if !doubted || !act => {
                        (last, answered) = (found, true);
                        self.protocol = Protocol::Two(last);
                        break;
                    }
                    Got::Frame(found, _) => {
                        self.protocol = Protocol::Two(found);
                        return Ok(Err(lost("the printer began to count anew")));
                    }
                    Got::Damaged => {
                        (doubted, answered) = (true, true);
                        break;
                    }
                    Got::Nothing => {
                        (doubted, answered) = (true, false);
                        break;
                    }
                }
            }
        }
        Ok(Err(lost("the reply did not come")))
    }

    async fn frame(&mut self, deadline: Instant) -> Result<Got, Broken> {
        let mut decoder = Decoder::default();
        for _ in 0..BYTE_LIMIT {
            let pause = if decoder.is_inside() {
                deadline.min(Instant::now() + self.timeouts.byte())
            } else {
                deadline
            };
            let Some(byte) = self.line.byte(pause).await? else {
                return Ok(if decoder.is_inside() {
                    Got::Damaged
                } else {
                    Got::Nothing
                });
            };
            match decoder.push(byte) {
                Taken::More | Taken::Whole(Frame::Sync) => {}
                Taken::Damaged => return Ok(Got::Damaged),
                Taken::Whole(Frame::Numbered(number, data)) => return Ok(Got::Frame(number, data)),
            }
        }
        Err(Broken("the line never stops talking".to_owned()))
    }
}
