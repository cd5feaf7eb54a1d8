//! One process a data folder: whoever opens a database beside its daemon writes events with numbers that the daemon gives
//! out too, and takes the devices from it.

use super::StoreError;
use crate::disk::open_lock;
use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
};

/// Name of the file that is held, in the data folder. Of no use to anybody when nobody runs.
const LOCK: &str = "galley.lock";

/// Holds a data folder, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _held: File,
}

impl FolderLock {
    /// Takes a folder, which must be there.
    ///
    /// # Errors
    /// When another process has it, or the file can't be made.
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(LOCK);
        let told = |e: io::Error| StoreError::Open(format!("cannot open {}: {e}", path.display()));
        let file = open_lock(&path).map_err(told)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _held: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Open(format!(
                "another galley works with {}; stop it first",
                folder.display()
            ))),
            Err(TryLockError::Error(e)) => Err(told(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_master_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = FolderLock::take(folder.path()).unwrap();
        let told = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(told.contains("another galley works with"), "{told}");
        drop(held);
        FolderLock::take(folder.path()).unwrap();
    }
}
