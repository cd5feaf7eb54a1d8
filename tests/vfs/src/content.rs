//! One file: what its readers see, what the disk has for certain, and what was written since.

use crate::{PowerCut, bytes::Bytes, rng::Rng};

/// What a disk writes as a whole: a sector.
pub(crate) const SECTOR: usize = 512;

/// One file's bytes. What is seen is `current`; `durable` plus any part of `unsynced` is what a power cut leaves.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) current: Bytes,
    pub(crate) durable: Bytes,
    unsynced: Vec<Change>,
    /// The bytes of `unsynced`, one after the other, so that a write allocates nothing in the long run.
    bytes: Vec<u8>,
}

enum Change {
    Write { offset: usize, len: usize },
    Truncate(usize),
}

impl Content {
    pub(crate) fn durable(bytes: Bytes) -> Self {
        Self {
            current: bytes.clone(),
            durable: bytes,
            ..Self::default()
        }
    }

    /// Writes without a log, for files that nobody expects after a restart.
    pub(crate) fn write_volatile(&mut self, offset: usize, data: &[u8]) {
        self.current.write(offset, data);
    }

    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        self.current.write(offset, data);
        let len = data.len();
        self.unsynced.push(Change::Write { offset, len });
        self.bytes.extend_from_slice(data);
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        // Longer is allowed, and zeros.
        self.current.resize(len);
        self.unsynced.push(Change::Truncate(len));
    }

    pub(crate) fn dirty(&self) -> bool {
        !self.unsynced.is_empty()
    }

    pub(crate) fn sync(&mut self) {
        let mut bytes = self.bytes.as_slice();
        for change in &self.unsynced {
            match *change {
                Change::Write { offset, len } => {
                    let (data, rest) = bytes.split_at(len);
                    self.durable.write(offset, data);
                    bytes = rest;
                }
                Change::Truncate(len) => self.durable.resize(len),
            }
        }
        self.forget();
    }

    /// A sync that failed: the system takes the pages for clean, and never writes them again.
    pub(crate) fn forget(&mut self) {
        self.unsynced.clear();
        self.bytes.clear();
    }

    /// The power goes: what is left becomes all there is.
    pub(crate) fn cut(&mut self, how: PowerCut, rng: &mut Rng, keep: u64) {
        match how {
            PowerCut::LoseAll => {}
            PowerCut::KeepAll => self.sync(),
            PowerCut::Torn(_) => self.tear(rng, keep),
        }
        self.forget();
        self.current.clone_from(&self.durable);
    }

    /// Each sector of each write, and each truncation, is kept or lost on its own.
    fn tear(&mut self, rng: &mut Rng, keep: u64) {
        let mut bytes = self.bytes.as_slice();
        for change in &self.unsynced {
            match *change {
                Change::Write { offset, len } => {
                    let (mut data, rest) = bytes.split_at(len);
                    bytes = rest;
                    let mut at = offset;
                    while !data.is_empty() {
                        let (part, more) = data.split_at((SECTOR - at % SECTOR).min(data.len()));
                        if rng.eighths(keep) {
                            self.durable.write(at, part);
                        }
                        at += part.len();
                        data = more;
                    }
                }
                Change::Truncate(len) => {
                    if rng.eighths(keep) {
                        self.durable.resize(len);
                    }
                }
            }
        }
    }
}
