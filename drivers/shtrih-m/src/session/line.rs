//! Bytes with time limits.

use super::Broken;
use galley_link::BoxStream;
use std::time::Duration;
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
            Ok(Ok(0)) => Err(Broken("the printer closed the connection".to_owned())),
            Ok(Ok(n)) => {
                self.ahead.extend(&chunk[..n]);
                Ok(true)
            }
            Ok(Err(e)) => Err(Broken(format!("the link broke: {e}"))),
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

    /// Drops what has come.
    pub(super) async fn drop_ready(&mut self) -> Result<(), Broken> {
        for _ in 0..NOISE_LIMIT / 512 {
            if !self.fill(Instant::now()).await? {
                break;
            }
        }
        self.at = self.ahead.len();
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
