//! Bytes with time limits.

use super::Broken;
use galley_link::BoxStream;
use std::{
    future::{Future as _, poll_fn},
    io,
    pin::pin,
    task::Poll,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, timeout, timeout_at},
};

/// How long the system may take to take bytes.
const WRITE_LIMIT: Duration = Duration::from_secs(3);
/// Bytes of no meaning that are listened to before a line counts as mad.
const NOISE_LIMIT: usize = 16 * 1024;

/// A stream and what was read from it ahead.
pub(super) struct Line {
    stream: BoxStream,
    ahead: Vec<u8>,
    at: usize,
}

impl Line {
    pub(super) fn new(stream: BoxStream) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
            at: 0,
        }
    }

    /// The next byte; `None` when none comes in time.
    pub(super) async fn byte(&mut self, deadline: Instant) -> Result<Option<u8>, Broken> {
        if self.at == self.ahead.len() && !self.fill(deadline).await? {
            return Ok(None);
        }
        let byte = self.ahead[self.at];
        self.at += 1;
        Ok(Some(byte))
    }

    /// Reads what comes until the deadline; whether something came.
    async fn fill(&mut self, deadline: Instant) -> Result<bool, Broken> {
        self.at = 0;
        self.ahead.clear();
        let mut chunk = [0; 512];
        match timeout_at(deadline, self.stream.read(&mut chunk)).await {
            Err(_) => Ok(false),
            Ok(end) => {
                let n = taken(end)?;
                self.ahead.extend(&chunk[..n]);
                Ok(true)
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let write = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(WRITE_LIMIT, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(Broken(format!("the link broke: {e}"))),
            Err(_) => Err(Broken("the link takes no bytes".to_owned())),
        }
    }

    /// Drops what has come. Looks once, without a timer: one would cost a millisecond a command.
    pub(super) async fn drop_ready(&mut self) -> Result<(), Broken> {
        self.at = self.ahead.len();
        let mut chunk = [0; 512];
        for _ in 0..NOISE_LIMIT / chunk.len() {
            let read = {
                let mut read = pin!(self.stream.read(&mut chunk));
                poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await
            };
            match read {
                Poll::Pending => break,
                Poll::Ready(end) => {
                    taken(end)?;
                }
            }
        }
        Ok(())
    }

    /// Drops what comes until nothing comes for `pause`.
    pub(super) async fn drop_until_silent(&mut self, pause: Duration) -> Result<(), Broken> {
        for _ in 0..NOISE_LIMIT {
            if !self.fill(Instant::now() + pause).await? {
                return Ok(());
            }
        }
        self.at = self.ahead.len();
        Err(Broken("the line never stops talking".to_owned()))
    }
}

/// How many bytes a read gave.
fn taken(end: io::Result<usize>) -> Result<usize, Broken> {
    match end {
        Ok(0) => Err(Broken("the printer closed the connection".to_owned())),
        Ok(n) => Ok(n),
        Err(e) => Err(Broken(format!("the link broke: {e}"))),
    }
}
