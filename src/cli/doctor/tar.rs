//! An archive of a few small files, as every `tar` reads it (POSIX ustar).

use std::io::{self, Write};

/// Bytes of a block.
const BLOCK: usize = 512;
/// Longest name without a prefix.
const NAME: usize = 100;

/// Writes archives.
pub(super) struct Tar<W>(W);

impl<W: Write> Tar<W> {
    /// Into this.
    pub(super) fn new(to: W) -> Self {
        Self(to)
    }

    /// One file, with the time of its change in seconds.
    ///
    /// # Errors
    /// When it can't be written, or its name is too long.
    pub(super) fn file(&mut self, name: &str, bytes: &[u8], at_s: i64) -> io::Result<()> {
        if name.len() >= NAME {
            return Err(io::Error::other("the name is too long for an archive"));
        }
        let mut head = [0u8; BLOCK];
        let mut put = |at: usize, text: &str| {
            head[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        put(0, name);
        put(100, "0000600\0");
        put(108, "0000000\0");
        put(116, "0000000\0");
        put(124, &format!("{:011o}\0", bytes.len()));
        put(136, &format!("{:011o}\0", at_s.max(0)));
        // The sum is made as if it were spaces itself.
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\0");
        put(263, "00");
        let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.write_all(&head)?;
        self.0.write_all(bytes)?;
        let rest = bytes.len().next_multiple_of(BLOCK) - bytes.len();
        self.0.write_all(&[0; BLOCK][..rest])
    }

    /// The end.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.0.write_all(&[0; 2 * BLOCK])?;
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tar_reads_it() {
        let mut tar = Tar::new(Vec::new());
        tar.file("a/b.txt", b"hello", 1).unwrap();
        tar.file("empty", b"", 1).unwrap();
        tar.file("block", &[b'x'; BLOCK], 1).unwrap();
        assert!(tar.file(&"n".repeat(NAME), b"", 1).is_err());
        let bytes = tar.finish().unwrap();
        assert_eq!(bytes.len(), BLOCK * (2 + 1 + 2 + 2));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.tar");
        std::fs::write(&file, bytes).unwrap();
        let run = |args: &[&str]| {
            let output = std::process::Command::new("tar")
                .args(args)
                .arg(&file)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(run(&["-tf"]), "a/b.txt\nempty\nblock\n");
        assert_eq!(run(&["-xO", "-f"]), format!("hello{}", "x".repeat(BLOCK)));
    }
}
