//! A log of what went over the wire: every chunk of bytes with its time, its direction and its connection, in a ring
//! in memory and, if asked for, in a file of JSON lines that is rotated by size.
//!
//! The bytes of a receipt name the buyer's phone or e-mail: a file is readable by its owner only, and the log is for a
//! while, not for good.

use crate::{Address, BoxStream, Dialer, Direction, LinkError, Tapped, WireTap};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::time::Instant;

/// Something that happened on a wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireRecord {
    /// Which connection, from 1.
    pub connection: u64,
    /// Milliseconds since the log was begun.
    pub ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: WireEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireEvent {
    /// A connection came up, to this address.
    Open(String),
    /// It did not come up.
    Failed(String),
    /// Bytes from the box to the device.
    Out(#[serde(with = "hex")] Vec<u8>),
    /// Bytes from the device to the box.
    In(#[serde(with = "hex")] Vec<u8>),
    /// The box let go of the connection.
    Close(()),
}

/// Where the log is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFile {
    /// The file; older ones get `.1`, `.2` … behind their name.
    pub path: PathBuf,
    /// Size above which a new file is begun.
    pub max_bytes: u64,
    /// How many older files are kept.
    pub keep: u32,
}

/// The log. Clones are the same log.
#[derive(Clone)]
pub struct WireLog(Arc<Mutex<Inner>>);

struct Inner {
    begun: Instant,
    connections: u64,
    ring: VecDeque<WireRecord>,
    capacity: usize,
    file: Option<OnDisk>,
}

struct OnDisk {
    at: WireFile,
    file: File,
    size: u64,
}

impl WireLog {
    /// A log that remembers the last `capacity` records, and writes them to `file` too.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn new(capacity: usize, file: Option<WireFile>) -> io::Result<Self> {
        let file = file.map(OnDisk::open).transpose()?;
        Ok(Self(Arc::new(Mutex::new(Inner {
            begun: Instant::now(),
            connections: 0,
            ring: VecDeque::new(),
            capacity: capacity.max(1),
            file,
        }))))
    }

    /// What is remembered, the oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<WireRecord> {
        self.with(|inner| inner.ring.iter().cloned().collect())
    }

    /// A dialer that logs what goes through `inner`.
    #[must_use]
    pub fn dialer(&self, inner: Arc<dyn Dialer>) -> LoggingDialer {
        LoggingDialer {
            inner,
            log: self.clone(),
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, connection: u64, event: WireEvent) {
        self.with(|inner| inner.add(connection, event));
    }
}

impl Inner {
    fn add(&mut self, connection: u64, event: WireEvent) {
        let record = WireRecord {
            connection,
            ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            event,
        };
        if let Some(file) = &mut self.file
            && let Err(e) = file.write(&record)
        {
            // The device's work goes on; only the log ends.
            tracing::warn!(error = %e, file = %file.at.path.display(), "the wire log can't be written; it ends here");
            self.file = None;
        }
        if self.ring.len() >= self.capacity {
            self.ring.pop_front();
        }
        self.ring.push_back(record);
    }
}

impl OnDisk {
    fn open(at: WireFile) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&at.path)?;
        let size = file.metadata()?.len();
        Ok(Self { at, file, size })
    }

    fn write(&mut self, record: &WireRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        if self.size > 0 && self.size + line.len() as u64 > self.at.max_bytes {
            self.rotate()?;
        }
        self.file.write_all(&line)?;
        self.size += line.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.at.keep == 0 {
            self.file.set_len(0)?;
            self.size = 0;
            return Ok(());
        }
        for n in (1..self.at.keep).rev() {
            let from = numbered(&self.at.path, n);
            if from.exists() {
                fs::rename(from, numbered(&self.at.path, n + 1))?;
            }
        }
        fs::rename(&self.at.path, numbered(&self.at.path, 1))?;
        *self = Self::open(self.at.clone())?;
        Ok(())
    }
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

/// Reads a file of the log. A last line that a crash cut off is left out.
///
/// # Errors
/// When the file can't be read, or another line is no record.
pub fn read_wire_log(path: &Path) -> io::Result<Vec<WireRecord>> {
    let text = fs::read_to_string(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).map_err(io::Error::from))
        .collect()
}

/// A dialer whose connections are logged.
pub struct LoggingDialer {
    inner: Arc<dyn Dialer>,
    log: WireLog,
}

#[async_trait]
impl Dialer for LoggingDialer {
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError> {
        let opened = self.inner.open(address).await;
        let connection = self.log.with(|inner| {
            inner.connections += 1;
            let event = match &opened {
                Ok(_) => WireEvent::Open(address.to_string()),
                Err(e) => WireEvent::Failed(e.to_string()),
            };
            inner.add(inner.connections, event);
            inner.connections
        });
        let tap = Tap {
            log: self.log.clone(),
            connection,
        };
        Ok(Box::new(Tapped::new(opened?, Arc::new(tap))))
    }
}

/// One connection's tap; it is dropped with its stream.
struct Tap {
    log: WireLog,
    connection: u64,
}

impl WireTap for Tap {
    fn bytes(&self, direction: Direction, bytes: &[u8]) {
        let event = match direction {
            Direction::Out => WireEvent::Out(bytes.to_vec()),
            Direction::In => WireEvent::In(bytes.to_vec()),
        };
        self.log.add(self.connection, event);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.log.add(self.connection, WireEvent::Close(()));
    }
}

/// Bytes as hexadecimal digits.
mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let pairs = text.as_bytes().chunks(2).map(|two| {
            let two = std::str::from_utf8(two).ok().filter(|t| t.len() == 2)?;
            u8::from_str_radix(two, 16).ok()
        });
        pairs
            .collect::<Option<_>>()
            .ok_or_else(|| D::Error::custom("bytes must be pairs of hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(connection: u64, event: WireEvent) -> WireRecord {
        WireRecord {
            connection,
            ms: 0,
            event,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_ring_and_the_files_keep_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wire.jsonl");
        let file = WireFile {
            path: path.clone(),
            max_bytes: 120,
            keep: 2,
        };
        let log = WireLog::new(3, Some(file)).unwrap();
        for n in 0..20u8 {
            log.add(1, WireEvent::Out(vec![n]));
        }
        let kept: Vec<WireEvent> = log.records().into_iter().map(|r| r.event).collect();
        let last = [17, 18, 19].map(|n| WireEvent::Out(vec![n]));
        assert_eq!(kept, last);
        let mut all = Vec::new();
        for name in ["wire.jsonl.2", "wire.jsonl.1", "wire.jsonl"] {
            let path = folder.path().join(name);
            assert!(fs::metadata(&path).unwrap().len() <= 120, "{name}");
            all.extend(read_wire_log(&path).unwrap());
        }
        assert!(!folder.path().join("wire.jsonl.3").exists());
        assert_eq!(all.last().unwrap().event, WireEvent::Out(vec![19]));
        let steps: Vec<u8> = all
            .iter()
            .map(|r| match &r.event {
                WireEvent::Out(bytes) => bytes[0],
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(steps.windows(2).all(|w| w[1] == w[0] + 1), "{steps:?}");
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_another_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wire.jsonl");
        let good = serde_json::to_string(&record(1, WireEvent::In(vec![0xFE]))).unwrap();
        fs::write(&path, format!("{good}\n{{\"conn")).unwrap();
        assert_eq!(read_wire_log(&path).unwrap().len(), 1);
        fs::write(&path, format!("nonsense\n{good}\n")).unwrap();
        assert!(read_wire_log(&path).is_err());
    }

    proptest! {
        #[test]
        fn a_record_survives(connection: u64, ms: u64, bytes: Vec<u8>, kind in 0u8..5) {
            let event = match kind {
                0 => WireEvent::Open("tcp://h:1".into()),
                1 => WireEvent::Failed("no".into()),
                2 => WireEvent::Out(bytes),
                3 => WireEvent::In(bytes),
                _ => WireEvent::Close(()),
            };
            let record = WireRecord { connection, ms, event };
            let line = serde_json::to_string(&record).unwrap();
            prop_assert_eq!(serde_json::from_str::<WireRecord>(&line).unwrap(), record);
        }
    }
}
