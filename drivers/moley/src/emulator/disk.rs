//! The cell's disk: an append-only file of transactions, one a line, each with its CRC. A line that was torn
//! by a power loss ends the file; nothing before it is lost.

use super::state::{Change, State};
use crate::frame::crc32;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
};

/// Where transactions go.
pub(super) struct Disk {
    place: Option<(PathBuf, File)>,
}

impl Disk {
    /// A cell without a file: it keeps its memory as long as the process lives.
    pub fn none() -> Self {
        Self { place: None }
    }

    /// Reads the file, drops a torn tail, and writes it anew in its shortest form.
    pub fn open(path: PathBuf) -> io::Result<(Self, State)> {
        let mut state = State::unborn();
        match std::fs::read(&path) {
            Ok(bytes) => {
                for line in bytes.split_inclusive(|b| *b == b'\n') {
                    let Some(changes) = read_line(line) else {
                        break;
                    };
                    for change in changes {
                        state.apply(change);
                    }
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        let fresh = path.with_extension("new");
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(&fresh)?;
        if state.is_born() {
            file.write_all(&line(&state.as_changes())?)?;
        }
        file.sync_data()?;
        std::fs::rename(&fresh, &path)?;
        let file = OpenOptions::new().append(true).open(&path)?;
        Ok((
            Self {
                place: Some((path, file)),
            },
            state,
        ))
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<&PathBuf> {
        self.place.as_ref().map(|(path, _)| path)
    }

    /// Writes one transaction and flushes it.
    pub fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let Some((_, file)) = &mut self.place else {
            return Ok(());
        };
        file.write_all(&line(changes)?)?;
        file.sync_data()
    }
}

fn line(changes: &[Change]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(changes)?;
    let mut out = format!("{:08x} ", crc32(&json)).into_bytes();
    out.extend(json);
    out.push(b'\n');
    Ok(out)
}

fn read_line(line: &[u8]) -> Option<Vec<Change>> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, rest) = line.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    if crc32(json) != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_torn_transaction_is_dropped_whole_and_the_rest_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cell");
        let (mut disk, state) = Disk::open(path.clone()).unwrap();
        assert!(!state.is_born());
        let epoch = Uuid::from_u128(5);
        disk.append(&[Change::Birth { epoch, counter: 1 }]).unwrap();
        disk.append(&[Change::Counter(2), Change::Acked(7)])
            .unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (_, state) = Disk::open(path.clone()).unwrap();
            match state.counter {
                0 => assert!(!state.is_born()),
                1 => assert_eq!(state.first_seq, 1),
                _ => assert_eq!((state.first_seq, cut), (8, whole.len())),
            }
        }
    }
}
