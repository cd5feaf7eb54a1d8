//! What a disk is told apart from SQLite.

use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Read and written at a time.
const PIECE: usize = 256 * 1024;

/// Writes a file over itself and flushes it. One that is not there is left so.
type Rewrite = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

/// An SQLite file layer (VFS) in the system's place.
#[derive(Clone)]
pub struct Vfs {
    name: String,
    rewrite: Arc<Rewrite>,
}

impl Vfs {
    /// One that SQLite knows by `name`; `rewrite` does there what [`settle_wal`] needs.
    pub fn new(
        name: String,
        rewrite: impl Fn(&Path) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            rewrite: Arc::new(rewrite),
        }
    }

    /// The name that SQLite knows it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Vfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vfs").field(&self.name).finish()
    }
}

/// Brings to the disk what is seen of a database's write-ahead log, before anything of it is read; whoever calls this
/// is the only one who has the database.
///
/// After a flush that failed, Linux takes the pages for clean and never writes them again; readers see them all the
/// same. A process that ended then leaves commits in the log that no later flush brings to the disk, and that cut off
/// everything behind them when the power fails. Written once more, they are as good as any.
/// [source: wiki.postgresql.org/wiki/Fsync_Errors]
///
/// # Errors
/// When the log can't be read, written or flushed: then nothing of it may be relied on.
pub fn settle_wal(database: &Path, vfs: Option<&Vfs>) -> io::Result<()> {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    match vfs {
        Some(vfs) => (vfs.rewrite)(&log),
        None => rewrite(&log),
    }
}

fn rewrite(path: &Path) -> io::Result<()> {
    let file = match File::options().read(true).write(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        let read = match file.read_at(&mut piece, at) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            break;
        }
        file.write_all_at(&piece[..read], at)?;
        at += read as u64;
    }
    if at == 0 { Ok(()) } else { file.sync_all() }
}

/// Opens a file of which only the lock is of use, and makes it where it is missing. Reading is enough to hold it: one that
/// another user made, or that is on a disk that became read-only, keeps nobody out.
///
/// # Errors
/// When it can be neither read nor made.
pub fn open_lock(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path),
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_lock_that_is_there_need_not_be_writable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galley.lock");
        open_lock(&path).unwrap().try_lock().unwrap();
        let mut again = open_lock(&path).unwrap();
        assert!(again.write(b"x").is_err(), "it was opened for reading only");
        again.try_lock().unwrap();
        assert!(open_lock(&path).unwrap().try_lock_shared().is_err());
    }

    #[test]
    fn a_log_is_the_same_afterwards_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("galley.db");
        settle_wal(&database, None).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let bytes: Vec<u8> = (0..2 * PIECE + 77).map(|n| (n % 251) as u8).collect();
        let log = folder.path().join("galley.db-wal");
        std::fs::write(&log, &bytes).unwrap();
        let file = File::options().write(true).open(&log).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        let long_ago = written - std::time::Duration::from_secs(86_400);
        file.set_modified(long_ago).unwrap();
        settle_wal(&database, None).unwrap();
        assert_eq!(std::fs::read(&log).unwrap(), bytes);
        let modified = std::fs::metadata(&log).unwrap().modified().unwrap();
        assert!(modified > long_ago, "it was written anew");
    }
}
