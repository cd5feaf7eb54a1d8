//! Files of the emulators: what they have answered must outlive them.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

/// Replaces a file whole: after a crash it holds what it held before, or all of `bytes`.
///
/// # Errors
/// When the disk refuses; then the file is as it was.
pub(crate) fn replace_file(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = file.with_extension("new");
    let mut out = File::create(&draft)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&draft, file)
}
