//! The bytes of a file, in blocks. A copy shares its blocks until one of the two writes: copies of a whole disk cost
//! little, a growing file is never moved, and no block is so large that the system would have to be asked for it.

use std::sync::Arc;

/// Bytes of a block: a page of SQLite.
const BLOCK: usize = 4096;

type Block = Arc<[u8; BLOCK]>;

/// A file's bytes. What was never written is zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes {
    /// None where there are zeros only. Beyond `len` a block holds zeros.
    blocks: Vec<Option<Block>>,
    len: usize,
}

impl Bytes {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `to` from `offset` on, with zeros where there is nothing; with how many bytes there were.
    pub(crate) fn read(&self, to: &mut [u8], offset: usize) -> usize {
        let there = self.len.saturating_sub(offset).min(to.len());
        let mut done = 0;
        while done < there {
            let at = offset + done;
            let part = (BLOCK - at % BLOCK).min(there - done);
            let into = &mut to[done..done + part];
            match &self.blocks[at / BLOCK] {
                Some(block) => into.copy_from_slice(&block[at % BLOCK..at % BLOCK + part]),
                None => into.fill(0),
            }
            done += part;
        }
        to[there..].fill(0);
        there
    }

    /// Writes `data` at `offset`, zeros in between.
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        if end > self.len {
            self.blocks.resize(end.div_ceil(BLOCK), None);
            self.len = end;
        }
        let mut done = 0;
        while done < data.len() {
            let at = offset + done;
            let part = (BLOCK - at % BLOCK).min(data.len() - done);
            let from = &data[done..done + part];
            let slot = &mut self.blocks[at / BLOCK];
            match <&[u8; BLOCK]>::try_from(from) {
                // Whole: what was there need not be copied first.
                Ok(whole) if slot.as_mut().is_none_or(|b| Arc::get_mut(b).is_none()) => {
                    *slot = Some(Arc::new(*whole));
                }
                _ => {
                    let block = slot.get_or_insert_with(|| Arc::new([0; BLOCK]));
                    Arc::make_mut(block)[at % BLOCK..at % BLOCK + part].copy_from_slice(from);
                }
            }
            done += part;
        }
    }

    /// Takes the blocks of `from` that hold these bytes, and its length.
    pub(crate) fn share(&mut self, from: &Self, offset: usize, len: usize) {
        self.blocks.resize(from.blocks.len(), None);
        self.len = from.len;
        let end = (offset + len).div_ceil(BLOCK).min(from.blocks.len());
        let first = (offset / BLOCK).min(end);
        self.blocks[first..end].clone_from_slice(&from.blocks[first..end]);
    }

    /// Cuts it, or makes it longer by zeros.
    pub(crate) fn resize(&mut self, len: usize) {
        self.blocks.resize(len.div_ceil(BLOCK), None);
        if len < self.len
            && !len.is_multiple_of(BLOCK)
            && let Some(Some(last)) = self.blocks.last_mut()
        {
            Arc::make_mut(last)[len % BLOCK..].fill(0);
        }
        self.len = len;
    }

    /// Changes the bits of one byte; false when there is no such byte.
    pub(crate) fn flip(&mut self, at: usize, mask: u8) -> bool {
        let mut byte = [0];
        let there = at < self.len && self.read(&mut byte, at) == 1;
        if there {
            self.write(at, &[byte[0] ^ mask]);
        }
        there
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut all = vec![0; self.len];
        self.read(&mut all, 0);
        all
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        let mut all = Self::default();
        all.write(0, &bytes);
        all
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.to_vec() == other.to_vec()
    }
}

impl Eq for Bytes {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look like chance, from a seed.
    fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
        move |below| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(seed >> 33).unwrap() % below
        }
    }

    #[test]
    fn blocks_are_as_good_as_one_piece() {
        for seed in 0..40 {
            let mut n = numbers(seed);
            let (mut blocks, mut piece) = (Bytes::default(), Vec::new());
            let mut copies: Vec<(Bytes, Vec<u8>)> = Vec::new();
            for step in 0..60 {
                match n(4) {
                    0 => {
                        let len = n(5 * BLOCK);
                        blocks.resize(len);
                        piece.resize(len, 0);
                    }
                    1 => copies.push((blocks.clone(), piece.clone())),
                    kind => {
                        let (at, len) = match kind {
                            2 => (n(4) * BLOCK, BLOCK),
                            _ => (n(4 * BLOCK), n(2 * BLOCK)),
                        };
                        let data = vec![u8::try_from(step).unwrap() + 1; len];
                        blocks.write(at, &data);
                        let end = piece.len().max(at + len);
                        piece.resize(end, 0);
                        piece[at..at + len].copy_from_slice(&data);
                    }
                }
                assert_eq!(blocks.to_vec(), piece, "seed {seed}, step {step}");
                let at = n(5 * BLOCK);
                let mut seen = [9; 700];
                let there = blocks.read(&mut seen, at);
                assert_eq!(there, piece.len().saturating_sub(at).min(700));
                assert!(seen[there..].iter().all(|b| *b == 0));
            }
            for (blocks, piece) in copies {
                assert_eq!(blocks.to_vec(), piece, "a copy changed, seed {seed}");
            }
        }
    }
}
