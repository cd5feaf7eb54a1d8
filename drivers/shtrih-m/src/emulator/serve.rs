//! Connections of the emulator.

use super::{ShtrihEmulator, port::Port};
use galley_link::{BoxStream, Listener, PtyPort};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    select,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// What ends a connection's part.
#[derive(PartialEq, Eq)]
enum End {
    /// The peer is gone, or a newer connection took over.
    Gone,
    /// The printer dropped it.
    Dropped,
}

impl ShtrihEmulator {
    /// Serves one connection until it ends. A newer connection takes over: the printer has one host at a time.
    pub async fn serve(&self, mut stream: BoxStream) {
        self.converse_on(&mut stream).await;
    }

    /// Serves the far end of a pty; the driver opens [`PtyPort::path`].
    pub async fn serve_pty(&self, port: PtyPort) {
        // The rest of the port stays alive to the end of this function, and with it the line.
        self.serve_line(port.stream).await;
    }

    /// Serves a line that can't be hung up, such as the far end of a pty: when the printer drops the connection, only
    /// what was said is lost, and the line goes on when the power is back.
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
        let Some((session, drops, protocol)) = self.begin_session() else {
            return End::Dropped;
        };
        let mut changed = self.changed.subscribe();
        let mut port = Port::new(protocol);
        let mut buffer = [0; 1024];
        loop {
            let Some((due, dropped)) = self.pump(session, drops, &mut port) else {
                return End::Gone;
            };
            let out = port.take_out();
            if !out.is_empty() && stream.write_all(&out).await.is_err() {
                return End::Gone;
            }
            if dropped {
                return End::Dropped;
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
                // A drained pty says this when nobody holds its other end.
                _ => return End::Gone,
            };
            self.with(|inner| {
                if inner.session == session {
                    let now = Instant::now();
                    for byte in bytes {
                        port.take(&mut inner.device, *byte, now);
                    }
                }
            });
        }
    }
}
