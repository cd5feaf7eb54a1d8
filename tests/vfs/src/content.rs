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
    /// A sync failed: `current` holds what is neither durable nor in `unsynced`.
    apart: bool,
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
        if self.apart {
            self.replay();
        } else {
            self.share();
        }
        self.drop_log();
    }

    /// What is seen is what is durable, so they share their blocks.
    fn share(&mut self) {
        for change in &self.unsynced {
            match *change {
                Change::Write { offset, len } => self.durable.share(&self.current, offset, len),
                // What was cut off and written again is nowhere else.
                Change::Truncate(_) => return self.durable.clone_from(&self.current),
            }
        }
    }

    fn replay(&mut self) {
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
    }

    /// A sync that failed: the system takes the pages for clean, and never writes them again.
    pub(crate) fn forget(&mut self) {
        self.apart |= self.dirty();
        self.drop_log();
    }

    fn drop_log(&mut self) {
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
        self.drop_log();
        self.current.clone_from(&self.durable);
        self.apart = false;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_leaves_what_is_seen_whatever_was_done_before() {
        let mut n = {
            let mut seed = 5_u64;
            move |below: usize| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(seed >> 33).unwrap() % below
            }
        };
        let (mut file, mut replayed) = (Content::default(), Content::default());
        for step in 0..4000 {
            match n(12) {
                0 => {
                    let len = n(40_000);
                    file.truncate(len);
                    replayed.truncate(len);
                }
                1 | 2 => {
                    file.sync();
                    replayed.apart = true;
                    replayed.sync();
                    if !file.apart {
                        assert_eq!(file.durable, file.current, "step {step}");
                    }
                }
                3 if n(4) == 0 => {
                    file.forget();
                    replayed.forget();
                }
                4 if n(4) == 0 => {
                    let how = PowerCut::Torn(step);
                    file.cut(how, &mut Rng::new(step), 4);
                    replayed.cut(how, &mut Rng::new(step), 4);
                }
                _ => {
                    let (at, len) = (n(36_000), 1 + n(9_000));
                    let data = vec![u8::try_from(step % 251).unwrap(); len];
                    file.write(at, &data);
                    replayed.write(at, &data);
                }
            }
            assert_eq!(file.current, replayed.current, "step {step}");
            assert_eq!(file.durable, replayed.durable, "step {step}");
        }
    }
}
