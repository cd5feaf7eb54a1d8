//! The host's side of protocol 1 (2.2).

use super::{Broken, Session, SessionError, lost, overall};
use crate::{
    command::{self, Command},
    frame1::{self, ACK, Collector, ENQ, NAK, STRAY, STX, Taken},
};
use std::time::Duration;
use tokio::time::Instant;

/// How often ENQ is sent before the printer counts as absent.
const ENQ_LIMIT: u32 = 4;
/// How often a command that the printer refused to take, or a reply that was damaged, is tried again (2.2).
const ATTEMPTS: u32 = 10;
/// Bytes that are skipped while a frame is waited for.
const SKIP_LIMIT: u32 = 4096;

/// What ENQ found.
enum Ready {
    /// It waits for a command.
    Free,
    /// It owed this reply.
    Owed(Vec<u8>),
    /// Nothing comes.
    Silent,
}

/// What came instead of a frame.
enum Got {
    Reply(Vec<u8>),
    Damaged,
    Nothing,
}

impl Session {
    /// Whether the printer answers in protocol 1. A reply that it owed is taken in.
    pub(super) async fn greet_one(&mut self) -> Result<bool, Broken> {
        let deadline = Instant::now() + self.timeouts.busy();
        for _ in 0..ATTEMPTS {
            match self.ready(deadline).await? {
                Ready::Free => return Ok(true),
                Ready::Owed(body) => self.keep(body, None),
                Ready::Silent => return Ok(false),
            }
        }
        Err(Broken("the printer never stops owing replies".to_owned()))
    }

    pub(super) async fn run_one(
        &mut self,
        command: &Command,
        act: bool,
        limit: Duration,
    ) -> Result<Vec<u8>, SessionError> {
        let frame = frame1::encode(&command.encode())
            .ok_or_else(|| SessionError::NotSent("the command is too long".to_owned()))?;
        // Whether the frame left since the printer last said that it had not taken it.
        let mut sent = false;
        match self
            .exchange(command.code(), &frame, act, limit, &mut sent)
            .await
        {
            Ok(reply) => reply,
            Err(Broken(detail)) if sent => Err(lost(detail)),
            Err(Broken(detail)) => Err(SessionError::NotSent(detail)),
        }
    }

    async fn exchange(
        &mut self,
        code: u16,
        frame: &[u8],
        act: bool,
        limit: Duration,
        sent: &mut bool,
    ) -> Result<Result<Vec<u8>, SessionError>, Broken> {
        let end = Instant::now() + overall(limit, &self.timeouts);
        let silence = limit.min(self.timeouts.silence());
        let mut attempts = 0;
        while attempts < ATTEMPTS && Instant::now() < end {
            attempts += 1;
            match self.ready(end).await? {
                Ready::Owed(body) if *sent && command::is_reply_to(&body, code) => {
                    return Ok(Ok(body));
                }
                Ready::Owed(body) => {
                    self.keep(body, None);
                    continue;
                }
                // The printer was asked and owes nothing: it never took the command, or it took it, and lost the reply
                // with its power. The counters know.
                Ready::Free if *sent && act => {
                    return Ok(Err(lost("the printer has no reply to the command")));
                }
                Ready::Free => {}
                Ready::Silent if *sent => break,
                Ready::Silent => {
                    return Ok(Err(SessionError::NotSent(
                        "the printer does not answer".to_owned(),
                    )));
                }
            }
            self.leaves(code, None);
            *sent = true;
            self.line.send(frame).await?;
            match self.control(Instant::now() + self.timeouts.ack()).await? {
                Some(NAK) => {
                    *sent = false;
                    continue;
                }
                // The ACK was lost, and the reply is here.
                Some(STX) => {}
                Some(ACK) => {
                    if !self.skip_to_frame(Instant::now() + silence).await? {
                        continue;
                    }
                }
                Some(_) => {
                    self.line.drop_until_silent(self.timeouts.byte()).await?;
                    continue;
                }
                None => continue,
            }
            // Behind STX, as often as replies of other commands come first.
            for _ in 0..ATTEMPTS {
                match self.collect().await? {
                    Got::Reply(body) if command::is_reply_to(&body, code) => return Ok(Ok(body)),
                    Got::Reply(body) => self.keep(body, None),
                    Got::Damaged => {
                        self.line.send(&[NAK]).await?;
                        break;
                    }
                    Got::Nothing => break,
                }
                if !self.skip_to_frame(Instant::now() + silence).await? {
                    break;
                }
            }
        }
        Ok(Err(if *sent {
            lost("the reply did not come")
        } else {
            SessionError::NotSent("the printer does not take the command".to_owned())
        }))
    }

    /// ENQ, until the printer says what it waits for.
    async fn ready(&mut self, end: Instant) -> Result<Ready, Broken> {
        let mut silent = 0;
        while silent < ENQ_LIMIT {
            self.line.drop_ready().await?;
            self.line.send(&[ENQ]).await?;
            match self.control(Instant::now() + self.timeouts.enq()).await? {
                Some(NAK) => return Ok(Ready::Free),
                Some(byte @ (ACK | STX)) => {
                    if byte == ACK {
                        // It prepares a reply. Should it lose that with its power, the next ENQ tells.
                        let pause = Instant::now() + self.timeouts.silence();
                        if !self.skip_to_frame(pause.min(end)).await? {
                            if Instant::now() >= end {
                                break;
                            }
                            continue;
                        }
                    }
                    match self.collect().await? {
                        Got::Reply(body) => return Ok(Ready::Owed(body)),
                        Got::Damaged | Got::Nothing => {
                            silent += 1;
                            self.line.send(&[NAK]).await?;
                        }
                    }
                }
                Some(_) => {
                    silent += 1;
                    self.line.drop_until_silent(self.timeouts.byte()).await?;
                }
                None => silent += 1,
            }
        }
        Ok(Ready::Silent)
    }

    /// The next byte that is no stray FFh.
    async fn control(&mut self, deadline: Instant) -> Result<Option<u8>, Broken> {
        for _ in 0..SKIP_LIMIT {
            match self.line.byte(deadline).await? {
                Some(STRAY) => {}
                other => return Ok(other),
            }
        }
        Err(Broken("the line never stops talking".to_owned()))
    }

    /// Skips what comes before STX; whether it came.
    async fn skip_to_frame(&mut self, deadline: Instant) -> Result<bool, Broken> {
        for _ in 0..SKIP_LIMIT {
            match self.line.byte(deadline).await? {
                Some(STX) => return Ok(true),
                Some(_) => {}
                None => return Ok(false),
            }
        }
        Err(Broken("the line never stops talking".to_owned()))
    }

    /// The frame behind STX; a whole one is confirmed.
    async fn collect(&mut self) -> Result<Got, Broken> {
        let mut collector = Collector::default();
        loop {
            let Some(byte) = self
                .line
                .byte(Instant::now() + self.timeouts.byte())
                .await?
            else {
                return Ok(Got::Damaged);
            };
            match collector.push(byte) {
                Taken::More => {}
                Taken::Damaged => {
                    self.line.drop_until_silent(self.timeouts.byte()).await?;
                    return Ok(Got::Damaged);
                }
                Taken::Whole(body) => {
                    self.line.send(&[ACK]).await?;
                    return Ok(if body.is_empty() {
                        Got::Nothing
                    } else {
                        Got::Reply(body)
                    });
                }
            }
        }
    }
}
