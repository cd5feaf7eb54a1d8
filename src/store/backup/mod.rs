//! Backups: a consistent copy of the database, packed, sealed, and proven by opening it again.
//!
//! A file is: eight bytes of magic, the length of the header (four bytes, big end first), the header (JSON, readable
//! without the key and bound to what follows), 32 random bytes, and the sealed stream of the gzipped database.

mod restore;
#[cfg(test)]
mod tests;

pub use restore::{Handover, Missing, Restored, hand_over, missing, restore};

use super::{
    Options, Snapshot, Store, StoreError, check, copy, migrate, open_reader, size,
    vault::{Key, Opener, SALT, Sealer, VaultError},
};
use crate::domain::{chain::Hash, time::Timestamp};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// How a file begins.
const MAGIC: &[u8; 8] = b"GALLEYB1";
/// How its name ends.
const ENDING: &str = "backup";
/// Bytes that a header may have.
const MAX_HEADER: u32 = 64 * 1024;
/// Room that stays free on the disk whatever is copied: the store must go on selling.
const ROOM_LEFT: u64 = 256 * 1024 * 1024;
/// Drafts of one would be swept away by another.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
/// Only the daemon's user reads it.
const MODE: u32 = 0o600;

/// Why there is no backup, or none that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BackupError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error("{what}: {why}")]
    File {
        /// Which.
        what: String,
        /// What the system said.
        why: String,
    },
    /// The wrong key, or a file that was changed or cut short.
    #[error("{0}: {1}")]
    Sealed(String, VaultError),
    /// The disk would be too full for the store to go on.
    #[error(
        "{need_mb} MB of room are needed for a copy and {free_mb} MB are free: free some space"
    )]
    NoRoom {
        /// Needed.
        need_mb: u64,
        /// There.
        free_mb: u64,
    },
    /// It opens, and what is in it is not what its header says, or is damaged.
    #[error("{0}: {1}")]
    Wrong(String, String),
    /// There is no key to seal it with.
    #[error("this store has no key to seal backups with; see: galley backup -h")]
    NoKey,
}

impl BackupError {
    fn file(what: &Path, e: &io::Error) -> Self {
        match e
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<VaultError>())
        {
            Some(vault) => Self::Sealed(what.display().to_string(), vault.clone()),
            None => Self::File {
                what: what.display().to_string(),
                why: e.to_string(),
            },
        }
    }
}

/// What a backup holds; readable without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Whose it is.
    pub store_id: String,
    /// When it was made.
    pub at: Timestamp,
    /// Why: `schedule`, `by hand`, `before an update`.
    pub reason: String,
    /// The last event in it.
    pub seq: u64,
    /// That event's hash.
    #[serde(with = "hex")]
    pub head: Hash,
    /// The schema of the database in it.
    pub database_schema: u32,
    /// The Galley that made it.
    pub version: String,
    /// Bytes of the database.
    pub bytes: u64,
    /// By what its key is recognised.
    pub key: String,
}

/// A backup in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The file.
    pub file: PathBuf,
    /// Its bytes.
    pub file_bytes: u64,
    /// What it holds.
    #[serde(flatten)]
    pub header: Header,
}

/// How backups are made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where they are kept.
    pub folder: PathBuf,
    /// How many; older ones go.
    pub keep: usize,
    /// The keys of the box: the first seals, all of them open.
    pub keys: Vec<Key>,
    /// Whose they are.
    pub store_id: String,
}

/// What is known where a backup is asked for.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// Now.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// Random bytes.
    pub salt: [u8; SALT],
}

mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&super::hex_of(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(d)?;
        let mut hash = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(D::Error::custom("no SHA-256"));
        }
        for (i, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(D::Error::custom)?;
        }
        Ok(hash)
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl Store {
    /// Makes a backup, opens it again to be sure, and lets older ones go.
    ///
    /// # Errors
    /// When there is no room, no key, or it can't be written. The store goes on.
    pub async fn make_backup(&self, plan: Plan, occasion: Occasion) -> Result<Listed, BackupError> {
        self.aside(move |options| make(options, &plan, &occasion))
            .await
    }

    /// Opens a backup as far as it goes and says what is in it, or what is wrong with it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn verify_backup(&self, plan: Plan, file: PathBuf) -> Result<Listed, BackupError> {
        self.aside(move |_| verify(&file, &plan.keys, &plan.folder, &mut |_, _| {}))
            .await
    }
}

/// Whether this program would change the schema of the database, and of which schema it is. A store that does so is
/// backed up before.
///
/// # Errors
/// When it can't be read.
pub fn needs_migration(options: &Options) -> Result<Option<usize>, StoreError> {
    if !options.path.exists() {
        return Ok(None);
    }
    migrate::outdated(&open_reader(options)?)
}

/// Makes a backup of a database, running or not.
///
/// # Errors
/// As [`Store::make_backup`].
pub fn make(options: &Options, plan: &Plan, occasion: &Occasion) -> Result<Listed, BackupError> {
    let key = plan.keys.first().ok_or(BackupError::NoKey)?;
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    fs::create_dir_all(&plan.folder).map_err(|e| BackupError::file(&plan.folder, &e))?;
    sweep(&plan.folder);
    has_room(options, &plan.folder)?;
    let stamp = stamp(occasion.at);
    let plain = Draft(plan.folder.join(format!(".{stamp}.plain")));
    let sealed = Draft(plan.folder.join(format!(".{stamp}.sealed")));
    // SQLite takes a file that is there and empty; so nobody else can read it from its first byte on.
    drop(create(&plain.0)?);
    copy(options, &plain.0)?;
    let header = describe(&plain.0, plan, occasion, key)?;
    seal(&plain.0, &sealed.0, &header, key, &occasion.salt)?;
    // What can't be opened is no backup.
    drop(plain);
    verify_alone(&sealed.0, &plan.keys, &plan.folder, &mut |_, _| {})?;
    let file = plan
        .folder
        .join(format!("{}-{stamp}.{ENDING}", safe(&plan.store_id)));
    fs::rename(&sealed.0, &file).map_err(|e| BackupError::file(&file, &e))?;
    sync_folder(&plan.folder)?;
    let made = listed(&file)?;
    prune(plan)?;
    Ok(made)
}

/// All backups of a folder, the oldest first; files of another kind are passed over.
///
/// # Errors
/// When the folder can't be read; one that is not there has none.
pub fn list(folder: &Path) -> Result<Vec<Listed>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(BackupError::file(folder, &e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| BackupError::file(folder, &e))?.path();
        if path.extension().is_some_and(|e| e == ENDING)
            && let Ok(backup) = listed(&path)
        {
            found.push(backup);
        }
    }
    found.sort_by_key(|b| (b.header.at, b.file.clone()));
    Ok(found)
}

/// What a file holds, by its header alone.
///
/// # Errors
/// When it is no backup.
pub fn listed(file: &Path) -> Result<Listed, BackupError> {
    let mut opened = File::open(file).map_err(|e| BackupError::file(file, &e))?;
    let (header, _) = read_header(&mut opened, file)?;
    let meta = opened.metadata().map_err(|e| BackupError::file(file, &e))?;
    Ok(Listed {
        file: file.to_owned(),
        file_bytes: meta.len(),
        header,
    })
}

/// Opens a backup whole: the seal, the database, its log. `room` is a folder for the copy that is opened.
///
/// # Errors
/// What is wrong with it.
pub fn verify(
    file: &Path,
    keys: &[Key],
    room: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Listed, BackupError> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    verify_alone(file, keys, room, progress)
}

fn verify_alone(
    file: &Path,
    keys: &[Key],
    room: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Listed, BackupError> {
    let name = file
        .file_name()
        .and_then(|n| n.to_str())
        .unwrap_or("backup");
    let plain = Draft(room.join(format!(".{}.check", name.trim_start_matches('.'))));
    let _ = fs::remove_file(&plain.0);
    unseal(file, keys, &plain.0, progress)?;
    listed(file)
}

/// Opens a backup into `to`, which must not exist, and checks the database in it to the last event. When it is not
/// whole, `to` is removed.
///
/// # Errors
/// What is wrong with it.
pub fn unseal(
    file: &Path,
    keys: &[Key],
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Header, BackupError> {
    let unsealed = unseal_whole(file, keys, to, progress);
    if unsealed.is_err() {
        let _ = fs::remove_file(to);
    }
    unsealed
}

fn unseal_whole(
    file: &Path,
    keys: &[Key],
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Header, BackupError> {
    let whole = file.display().to_string();
    let mut opened = File::open(file).map_err(|e| BackupError::file(file, &e))?;
    let (header, about) = read_header(&mut opened, file)?;
    let mut salt = [0; SALT];
    opened
        .read_exact(&mut salt)
        .map_err(|_| BackupError::Sealed(whole.clone(), VaultError::Damaged))?;
    let key = keys
        .iter()
        .find(|k| hex_of(&k.id()) == header.key)
        .ok_or_else(|| BackupError::Sealed(whole.clone(), VaultError::OtherKey))?;
    let mut packed = GzDecoder::new(Opener::new(io::BufReader::new(opened), key, &salt, &about));
    let mut out = create(to)?;
    let mut buffer = vec![0; 256 * 1024];
    let mut done = 0;
    loop {
        let n = packed
            .read(&mut buffer)
            .map_err(|e| BackupError::file(file, &e))?;
        if n == 0 {
            break;
        }
        done += n as u64;
        // What is longer than it says is no database of ours; and it must not fill the disk.
        if done > header.bytes {
            return Err(BackupError::Wrong(
                whole,
                "it is longer than it says".to_owned(),
            ));
        }
        out.write_all(&buffer[..n])
            .map_err(|e| BackupError::file(to, &e))?;
        progress(done, header.bytes);
    }
    // The packed text ends before the seal does: its end is proven too.
    let rest = io::copy(&mut packed.into_inner(), &mut io::sink())
        .map_err(|e| BackupError::file(file, &e))?;
    if done != header.bytes || rest != 0 {
        return Err(BackupError::Wrong(
            whole,
            "its length is not what it says".to_owned(),
        ));
    }
    out.sync_all().map_err(|e| BackupError::file(to, &e))?;
    drop(out);
    let wrong = |why: String| BackupError::Wrong(whole.clone(), why);
    let options = Options::at(to);
    let db = open_reader(&options)?;
    check(&db, &options, "integrity_check").map_err(|e| wrong(e.to_string()))?;
    let snapshot = Snapshot(&db);
    snapshot.verify_log().map_err(|e| wrong(e.to_string()))?;
    let head = snapshot.head()?;
    if (head.seq, head.hash) != (header.seq, header.head) {
        return Err(wrong("its log ends elsewhere than it says".to_owned()));
    }
    Ok(header)
}

fn describe(
    plain: &Path,
    plan: &Plan,
    occasion: &Occasion,
    key: &Key,
) -> Result<Header, BackupError> {
    let db = open_reader(&Options::at(plain))?;
    let head = Snapshot(&db).head()?;
    let schema: u32 = db
        .pragma_query_value(None, "user_version", |r| r.get(0))
        .map_err(StoreError::from)?;
    Ok(Header {
        store_id: plan.store_id.clone(),
        at: occasion.at,
        reason: occasion.reason.clone(),
        seq: head.seq,
        head: head.hash,
        database_schema: schema,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        bytes: fs::metadata(plain)
            .map_err(|e| BackupError::file(plain, &e))?
            .len(),
        key: hex_of(&key.id()),
    })
}

fn seal(
    plain: &Path,
    sealed: &Path,
    header: &Header,
    key: &Key,
    salt: &[u8; SALT],
) -> Result<(), BackupError> {
    let about = serde_json::to_vec(header).map_err(StoreError::from)?;
    let written = || -> io::Result<()> {
        let mut out = io::BufWriter::new(
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(MODE)
                .open(sealed)?,
        );
        out.write_all(MAGIC)?;
        let length = u32::try_from(about.len()).map_err(io::Error::other)?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&about)?;
        out.write_all(salt)?;
        let mut packer = GzEncoder::new(Sealer::new(out, key, salt, &about), Compression::fast());
        io::copy(&mut File::open(plain)?, &mut packer)?;
        let out = packer.finish()?.finish()?;
        out.into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()
    };
    written().map_err(|e| BackupError::file(sealed, &e))
}

fn read_header(from: &mut File, file: &Path) -> Result<(Header, Vec<u8>), BackupError> {
    let none = |why: &str| BackupError::Wrong(file.display().to_string(), why.to_owned());
    let mut start = [0; 12];
    from.read_exact(&mut start)
        .map_err(|_| none("this is no backup of Galley"))?;
    let (magic, length) = start.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(none("this is no backup of Galley"));
    }
    let length = u32::from_be_bytes(length.try_into().unwrap_or_default());
    if length > MAX_HEADER {
        return Err(none("its header is damaged"));
    }
    let mut about = Vec::new();
    from.take(length.into())
        .read_to_end(&mut about)
        .map_err(|e| BackupError::file(file, &e))?;
    let header = serde_json::from_slice(&about).map_err(|_| none("its header is damaged"))?;
    Ok((header, about))
}

/// A plain copy and a sealed one stand beside the database for a while.
fn has_room(options: &Options, folder: &Path) -> Result<(), BackupError> {
    let bytes = u64::try_from(size(&open_reader(options)?)?).unwrap_or(u64::MAX);
    let disk = rustix::fs::statvfs(folder).map_err(|e| BackupError::file(folder, &e.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let need = bytes.saturating_mul(2).saturating_add(ROOM_LEFT);
    if free < need {
        return Err(BackupError::NoRoom {
            need_mb: need >> 20,
            free_mb: free >> 20,
        });
    }
    Ok(())
}

/// Takes drafts away that a crash has left: a plain copy must not lie about.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let draft = [".plain", ".sealed", ".check"]
            .iter()
            .any(|e| name.ends_with(e));
        if name.starts_with('.') && draft {
            // One that can't go is told by whoever needs its room.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Lets the oldest go, but never the last one that was made before an update.
fn prune(plan: &Plan) -> Result<(), BackupError> {
    let all = list(&plan.folder)?;
    let ours: Vec<&Listed> = all
        .iter()
        .filter(|b| b.header.store_id == plan.store_id)
        .collect();
    let before_update = ours.iter().rposition(|b| b.header.reason == BEFORE_UPDATE);
    let surplus = ours.len().saturating_sub(plan.keep.max(1));
    for (i, old) in ours.iter().enumerate().take(surplus) {
        if Some(i) != before_update {
            fs::remove_file(&old.file).map_err(|e| BackupError::file(&old.file, &e))?;
        }
    }
    Ok(())
}

/// The reason of a backup that is made before the schema changes.
pub const BEFORE_UPDATE: &str = "before an update";

fn create(path: &Path) -> Result<File, BackupError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path)
        .map_err(|e| BackupError::file(path, &e))
}

fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(|e| BackupError::file(folder, &e))
}

/// `20261122T140000Z`: sorts by time.
#[must_use]
pub fn stamp(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map(|t| t.strftime("%Y%m%dT%H%M%SZ").to_string())
        .unwrap_or_else(|_| at.as_millis().to_string())
}

fn safe(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-._".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// A file that goes when the work ends, however it ends.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // When it was renamed there is nothing left to remove.
        let _ = fs::remove_file(&self.0);
    }
}
