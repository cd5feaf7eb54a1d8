//! Playing a wire log back to a driver: the device's bytes come from the log, and the driver's must be those of the
//! log.

use crate::{Address, BoxStream, Dialer, LinkError, WireEvent, WireRecord};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::sleep,
};

/// Bytes on their way before a writer waits.
const PIPE: usize = 64 * 1024;

/// Where a driver and the log parted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It sent other bytes.
    #[error("connection {connection}: sent {sent:02x?} where the log has {recorded:02x?}")]
    Sent {
        /// Which connection of the log.
        connection: u64,
        /// The log's bytes.
        recorded: Vec<u8>,
        /// The driver's.
        sent: Vec<u8>,
    },
    /// It let go of the connection although the log goes on.
    #[error("connection {connection}: let go where the log has {left} more records")]
    LetGo {
        /// Which connection of the log.
        connection: u64,
        /// Records that were left.
        left: usize,
    },
    /// It sent more than the log has.
    #[error("connection {connection}: sent {sent:02x?} behind the end of the log")]
    Surplus {
        /// Which connection of the log.
        connection: u64,
        /// The driver's bytes.
        sent: Vec<u8>,
    },
    /// It opened more connections than the log has, or fewer.
    #[error("{0} connections of the log were not opened")]
    Unopened(usize),
}

/// A dialer that plays a log back, connection by connection, in the log's own pace.
#[derive(Clone)]
pub struct Replay(Arc<Mutex<State>>);

struct State {
    scripts: VecDeque<(u64, Vec<WireRecord>)>,
    playing: usize,
    mismatches: Vec<Mismatch>,
}

impl Replay {
    /// Plays `records`.
    #[must_use]
    pub fn new(records: &[WireRecord]) -> Self {
        let mut scripts: BTreeMap<u64, Vec<WireRecord>> = BTreeMap::new();
        for record in records {
            scripts
                .entry(record.connection)
                .or_default()
                .push(record.clone());
        }
        Self(Arc::new(Mutex::new(State {
            scripts: scripts.into_iter().collect(),
            playing: 0,
            mismatches: Vec::new(),
        })))
    }

    /// Waits until every opened connection came to its end, then tells whether the driver did what the log says.
    ///
    /// # Errors
    /// The first point where they parted.
    pub async fn finish(&self) -> Result<(), Mismatch> {
        while self.with(|s| s.playing > 0 && s.mismatches.is_empty()) {
            sleep(Duration::from_millis(10)).await;
        }
        self.with(|state| {
            if let Some(first) = state.mismatches.first() {
                return Err(first.clone());
            }
            match state.scripts.len() {
                0 => Ok(()),
                left => Err(Mismatch::Unopened(left)),
            }
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Dialer for Replay {
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError> {
        let unreachable = |source: io::Error| LinkError::Unreachable {
            address: address.clone(),
            source,
        };
        let Some((connection, script)) = self.with(|s| s.scripts.pop_front()) else {
            return Err(unreachable(io::ErrorKind::ConnectionRefused.into()));
        };
        if let Some(WireEvent::Failed(text)) = script.first().map(|r| &r.event) {
            return Err(unreachable(io::Error::other(text.clone())));
        }
        let (near, far) = tokio::io::duplex(PIPE);
        self.with(|s| s.playing += 1);
        let replay = self.clone();
        tokio::spawn(async move {
            let played = play(connection, script, far).await;
            replay.with(|s| {
                s.playing -= 1;
                s.mismatches.extend(played.err());
            });
        });
        Ok(Box::new(near))
    }
}

async fn play(
    connection: u64,
    script: Vec<WireRecord>,
    mut far: DuplexStream,
) -> Result<(), Mismatch> {
    let total = script.len();
    let mut before = script.first().map_or(0, |r| r.ms);
    for (i, record) in script.into_iter().enumerate() {
        let let_go = Mismatch::LetGo {
            connection,
            left: total - i,
        };
        match record.event {
            WireEvent::Out(recorded) => {
                let mut sent = vec![0; recorded.len()];
                if far.read_exact(&mut sent).await.is_err() {
                    return Err(let_go);
                }
                if sent != recorded {
                    return Err(Mismatch::Sent {
                        connection,
                        recorded,
                        sent,
                    });
                }
            }
            WireEvent::In(bytes) => {
                sleep(Duration::from_millis(record.ms.saturating_sub(before))).await;
                if far.write_all(&bytes).await.is_err() {
                    return Err(let_go);
                }
            }
            WireEvent::Open(_) | WireEvent::Failed(_) | WireEvent::Close(()) => {}
        }
        before = record.ms;
    }
    // The log ends here; whatever comes now is too much.
    let mut sent = vec![0; 256];
    match far.read(&mut sent).await {
        Ok(0) | Err(_) => Ok(()),
        Ok(n) => {
            sent.truncate(n);
            Err(Mismatch::Surplus { connection, sent })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Vec<WireRecord> {
        let record = |ms, event| WireRecord {
            connection: 1,
            ms,
            event,
        };
        vec![
            record(0, WireEvent::Open("mem://x".into())),
            record(1, WireEvent::Out(b"ask".to_vec())),
            record(2_001, WireEvent::In(b"told".to_vec())),
            record(2_002, WireEvent::Close(())),
        ]
    }

    async fn asked(replay: &Replay, question: &[u8], wait: bool) -> Result<(), Mismatch> {
        let mut stream = replay.open(&"mem://x".parse().unwrap()).await.unwrap();
        stream.write_all(question).await.unwrap();
        if wait {
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"told");
        }
        drop(stream);
        replay.finish().await
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_answers_who_asks_what_it_says_and_in_its_own_time() {
        let begun = tokio::time::Instant::now();
        assert_eq!(asked(&Replay::new(&script()), b"ask", true).await, Ok(()));
        assert!(begun.elapsed() >= Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_another_thing_is_told_where() {
        let other = asked(&Replay::new(&script()), b"axk", false).await;
        assert!(matches!(other, Err(Mismatch::Sent { .. })), "{other:?}");
        let early = asked(&Replay::new(&script()), b"ask", false).await;
        assert!(matches!(early, Err(Mismatch::LetGo { .. })), "{early:?}");
        let replay = Replay::new(&script());
        assert_eq!(replay.finish().await, Err(Mismatch::Unopened(1)));
        let mut all = script();
        all.truncate(2);
        let surplus = asked(&Replay::new(&all), b"ask twice", false).await;
        assert!(
            matches!(surplus, Err(Mismatch::Surplus { .. })),
            "{surplus:?}"
        );
    }
}
