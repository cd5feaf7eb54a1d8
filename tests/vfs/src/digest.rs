//! A number for what the disk holds for certain, the same for the same run.
//!
//! SQLite draws the salts of a WAL, and the nonce of a rollback journal, from one generator for the whole program,
//! so that runs in parallel threads differ in them and in nothing else. They, and the checksums that follow from
//! them, are left out: of a salt it counts only when it was first seen.

use sha2::{Digest as _, Sha256};

/// A WAL begins with a header of 32 bytes; each frame has one of 24. [source: sqlite.org/fileformat2.html#walformat]
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

pub(crate) struct Digest(Sha256);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn file(&mut self, name: &str, bytes: &[u8]) {
        self.number(name.len() as u64);
        self.0.update(name);
        self.number(bytes.len() as u64);
        if name.ends_with("-wal") {
            self.wal(bytes);
        } else if !name.ends_with("-journal") {
            self.0.update(bytes);
        }
    }

    fn number(&mut self, n: u64) {
        self.0.update(n.to_le_bytes());
    }

    fn wal(&mut self, bytes: &[u8]) {
        let mut salts: Vec<&[u8]> = vec![&[0; 8]];
        let mut seen = |salt| match salts.iter().position(|s| *s == salt) {
            Some(at) => at as u64,
            None => {
                salts.push(salt);
                salts.len() as u64 - 1
            }
        };
        let Some((header, mut frames)) = bytes.split_at_checked(WAL_HEADER) else {
            return;
        };
        self.0.update(&header[..16]);
        self.number(seen(&header[16..24]));
        let page = match u32::from_be_bytes([header[8], header[9], header[10], header[11]]) {
            size @ 512..=65_536 => size as usize,
            // The header was lost; SQLite's default.
            _ => 4096,
        };
        while let Some((head, rest)) = frames.split_at_checked(FRAME_HEADER) {
            let (body, rest) = rest.split_at(page.min(rest.len()));
            self.0.update(&head[..8]);
            self.number(seen(&head[8..16]));
            self.0.update(body);
            frames = rest;
        }
    }

    pub(crate) fn finish(self) -> u64 {
        let hash = self.0.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        u64::from_be_bytes(first)
    }
}
