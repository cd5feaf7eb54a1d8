//! Connections of the emulator.

use super::{AtolEmulator, tasks::Out};
use crate::frame::Decoder;
use galley_link::{BoxStream, Listener, PtyPort};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    select,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// What the vendor's host begins its platform 5.0 probe with, and how long the probe is.
const PLATFORM_50_START: [u8; 2] = [0x24, 0x40];
const PLATFORM_50_PROBE: usize = 13;

/// What ends a connection's part.
#[derive(PartialEq, Eq)]
enum End {
    /// The peer is gone, or a newer connection took over.
    Gone,
    /// The printer dropped it.
    Dropped,
}

impl AtolEmulator {
    /// Serves one connection until it ends. A newer connection takes over: the printer has one host at a time.
    pub async fn serve(&self, mut stream: BoxStream) {
        self.converse_on(&mut stream).await;
    }

    /// Serves the far end of a pty; the driver opens [`PtyPort::path`].
    pub async fn serve_pty(&self, port: PtyPort) {
        // The rest of the port stays alive to the end of this function, and with it the line.
        self.serve_line(port.stream).await;
    }

    /// Serves a line that can't be hung up, such as the far end of a pty: when the printer drops the
    /// connection, only what was said is lost, and the line goes on when the power is back.
    pub async fn serve_line(&self, mut stream: BoxStream) {
        loop {
            match self.converse_on(&mut stream).await {
                End::Gone => return,
                End::Dropped => {
                    let mut changed = self.changed.subscribe();
                    let mut lost = [0; 256];
                    while !self.is_powered() {
                        select! {
                            biased;
                            _ = changed.changed() => {}
                            read = stream.read(&mut lost) => {
                                if !matches!(read, Ok(n) if n > 0) {
                                    return;
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Takes connections until the listener ends.
    pub async fn listen(&self, mut listener: Listener) {
        // Dropping this future ends its connections too.
        let mut connections = JoinSet::new();
        loop {
            select! {
                biased;
                stream = listener.accept() => {
                    let Some(stream) = stream else { break };
                    let emulator = self.clone();
                    connections.spawn(async move { emulator.serve(stream).await });
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        while connections.join_next().await.is_some() {}
    }

    async fn converse_on(&self, stream: &mut BoxStream) -> End {
        let Some(session) = self.begin_session() else {
            return End::Dropped;
        };
        let mut changed = self.changed.subscribe();
        let mut decoder = Decoder::default();
        let mut foreign: Vec<u8> = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            let Some((outbox, due)) = self.pump(session) else {
                return End::Gone;
            };
            for out in outbox {
                match out {
                    Out::Bytes(bytes) => {
                        if stream.write_all(&bytes).await.is_err() {
                            return End::Gone;
                        }
                    }
                    Out::Drop => return End::Dropped,
                }
            }
            let timer = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let read = select! {
                biased;
                _ = changed.changed() => continue,
                () = timer => continue,
                read = stream.read(&mut buffer) => read,
            };
            let bytes = match read {
                Ok(n) if n > 0 => &buffer[..n],
                _ => return End::Gone,
            };
            if self.is_platform_50() {
                foreign.extend(bytes);
                self.answer_as_platform_50(&mut foreign);
                continue;
            }
            foreign.clear();
            for found in decoder.push_all(bytes) {
                self.with(|inner| {
                    if inner.session == session {
                        inner.device.take(found, Instant::now());
                    }
                });
            }
        }
    }

    /// Echoes the platform 5.0 probe and knows nothing else, as such a printer was seen to begin.
    fn answer_as_platform_50(&self, bytes: &mut Vec<u8>) {
        while let Some(at) = bytes.windows(2).position(|w| w == PLATFORM_50_START) {
            let Some(probe) = bytes.get(at..at + PLATFORM_50_PROBE) else {
                return;
            };
            let echo = probe.to_vec();
            bytes.drain(..at + PLATFORM_50_PROBE);
            self.with(|inner| inner.device.outbox.push(Out::Bytes(echo)));
        }
        bytes.clear();
    }
}
