//! A disk that remembers every write and every flush in their order: one file, served through FUSE, under a loop
//! device with ext4 on it. Of such a tape every state can be made that a power cut may leave behind.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// The smallest piece that a disk writes whole.
pub const SECTOR: usize = 512;
/// Most bytes of one write.
const MOST: usize = 1 << 20;
/// The header of a request, and of an answer.
const ASKED: usize = 40;
const ANSWERED: usize = 16;
/// The header of a write's and a read's request.
const AT: usize = 40;

// The kernel's numbers. [source: linux/fuse.h, protocol 7.31]
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const SETATTR: u32 = 4;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
const FSYNC: u32 = 20;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const DESTROY: u32 = 38;
const BATCH_FORGET: u32 = 42;
/// Big writes, and as many pages as [`MOST`] takes.
const INIT_FLAGS: u32 = (1 << 5) | (1 << 22);
const DIRECT_IO: u32 = 1;
const ENOSYS: i32 = 38;

/// What happened to the disk.
#[derive(Clone, Debug)]
pub enum Entry {
    Write {
        at: usize,
        bytes: Vec<u8>,
    },
    /// What was written before is safe now.
    Flush,
    /// A guest was told that this order is taken.
    Told(String),
}

/// The disk as it was, and all that happened to it.
#[derive(Debug, Default)]
pub struct Tape {
    pub before: Vec<u8>,
    pub entries: Vec<Entry>,
}

struct Reel {
    now: Vec<u8>,
    tape: Tape,
    stopped: bool,
}

/// A mounted file system whose disk is recorded. Unmounts when dropped.
pub struct Recorded {
    reel: Arc<Mutex<Reel>>,
    file: PathBuf,
    at: PathBuf,
}

fn run(program: &str, words: &[&str], stdin: Stdio) -> Result<(), String> {
    let out = Command::new(program)
        .args(words)
        .stdin(stdin)
        .output()
        .map_err(|e| format!("{program}: {e}"))?;
    match out.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{program} {words:?}: {}",
            String::from_utf8_lossy(&out.stderr).trim()
        )),
    }
}

/// Mounts an ext4 image.
pub fn mount_image(image: &Path, at: &Path) -> Result<(), String> {
    let (image, at) = (image.display().to_string(), at.display().to_string());
    run(
        "mount",
        &["-t", "ext4", "-o", "loop,nodiscard", &image, &at],
        Stdio::null(),
    )
}

/// Takes a file system away, even from those who still use it.
pub fn unmount(at: &Path) {
    let _ = run("umount", &["-l", &at.display().to_string()], Stdio::null());
}

impl Recorded {
    /// Makes an ext4 of so many MiB and mounts it at `at`; `side` is a folder for what belongs to it.
    ///
    /// # Errors
    /// What this machine or user can't do.
    pub fn mount(at: &Path, side: &Path, mib: usize) -> Result<Self, String> {
        let image = side.join("image");
        let file = side.join("disk");
        let plain = |e: std::io::Error| e.to_string();
        std::fs::create_dir_all(at).map_err(plain)?;
        File::create(&file).map_err(plain)?;
        let sized = File::create(&image).map_err(plain)?;
        sized.set_len((mib as u64) << 20).map_err(plain)?;
        drop(sized);
        let name = image.display().to_string();
        let words = ["-q", "-F", "-b", "4096", "-J", "size=4", "-E"];
        let whole = ["lazy_itable_init=0,lazy_journal_init=0", name.as_str()];
        run(
            "mkfs.ext4",
            &[&words[..], &whole[..]].concat(),
            Stdio::null(),
        )?;
        let before = std::fs::read(&image).map_err(plain)?;
        let kernel = File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .map_err(|e| format!("/dev/fuse: {e}"))?;
        // The file system has one file and nothing else: its root. The kernel knows the server by the descriptor
        // of whoever mounts.
        let options = "fd=0,rootmode=100600,user_id=0,group_id=0";
        let shown = file.display().to_string();
        let words = ["-i", "-t", "fuse", "-o", options, "galley-tape", &shown];
        let reel = Arc::new(Mutex::new(Reel {
            now: before.clone(),
            tape: Tape {
                before,
                entries: Vec::new(),
            },
            stopped: false,
        }));
        let server = (kernel.try_clone().map_err(plain)?, reel.clone());
        run("mount", &words, Stdio::from(kernel))?;
        std::thread::spawn(move || serve(server.0, &server.1));
        let recorded = Self {
            reel,
            file,
            at: at.to_owned(),
        };
        mount_image(&recorded.file, at)?;
        Ok(recorded)
    }

    /// A guest is told of an order now.
    pub fn told(&self, order: String) {
        self.reel.lock().unwrap().note(Entry::Told(order));
    }

    /// The tape up to now; nothing more is recorded.
    pub fn stop(&self) -> Tape {
        let mut reel = self.reel.lock().unwrap();
        reel.stopped = true;
        std::mem::take(&mut reel.tape)
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        unmount(&self.at);
        unmount(&self.file);
    }
}

impl Reel {
    fn note(&mut self, entry: Entry) {
        if !self.stopped {
            self.tape.entries.push(entry);
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = (at + bytes.len()).min(self.now.len());
        let bytes = &bytes[..end.saturating_sub(at)];
        self.now[at..end].copy_from_slice(bytes);
        let bytes = bytes.to_vec();
        self.note(Entry::Write { at, bytes });
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Words of four bytes each, and doubles, as the kernel lays them out.
fn laid(doubles: &[u64], words: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = doubles.iter().flat_map(|n| n.to_ne_bytes()).collect();
    bytes.extend(words.iter().flat_map(|n| n.to_ne_bytes()));
    bytes
}

/// Answers the kernel until the file system is gone.
fn serve(mut kernel: File, reel: &Mutex<Reel>) {
    let mut request = vec![0; MOST + 2 * 4096];
    while let Ok(n) = kernel.read(&mut request) {
        let asked = &request[..n];
        let (kind, unique) = (u32_at(asked, 4), u64_at(asked, 8));
        let answer = match kind {
            FORGET | BATCH_FORGET | INTERRUPT => continue,
            other => answer(other, &asked[ASKED..], &mut reel.lock().unwrap()),
        };
        let (error, body) = match answer {
            Ok(body) => (0, body),
            Err(errno) => (-errno, Vec::new()),
        };
        let mut bytes = Vec::with_capacity(ANSWERED + body.len());
        let length = u32::try_from(ANSWERED + body.len()).unwrap();
        bytes.extend(length.to_ne_bytes());
        bytes.extend(error.to_ne_bytes());
        bytes.extend(unique.to_ne_bytes());
        bytes.extend(body);
        // A request that was given up has no answer.
        let _ = kernel.write(&bytes);
        if kind == DESTROY {
            return;
        }
    }
}

fn answer(kind: u32, asked: &[u8], reel: &mut Reel) -> Result<Vec<u8>, i32> {
    let size = reel.now.len();
    match kind {
        INIT => {
            let most = u32::try_from(MOST).unwrap();
            let pages = most / 4096;
            let words = [7, 31, most, INIT_FLAGS, 0, most, 1, pages];
            let mut body = laid(&[], &words);
            body.resize(64, 0);
            Ok(body)
        }
        GETATTR | SETATTR => {
            let size = size as u64;
            let mut body = laid(&[0], &[0, 0]);
            body.extend(laid(
                &[1, size, size / 512, 0, 0, 0],
                &[0, 0, 0, 0o100_600, 1, 0, 0, 0, 4096, 0],
            ));
            Ok(body)
        }
        OPEN => Ok(laid(&[0], &[DIRECT_IO, 0])),
        READ => {
            let at = usize::try_from(u64_at(asked, 8)).unwrap().min(size);
            let end = (at + u32_at(asked, 16) as usize).min(size);
            Ok(reel.now[at..end].to_vec())
        }
        WRITE => {
            let at = usize::try_from(u64_at(asked, 8)).unwrap().min(size);
            let length = u32_at(asked, 16);
            reel.write(at, &asked[AT..AT + length as usize]);
            Ok(laid(&[], &[length, 0]))
        }
        FSYNC => {
            reel.note(Entry::Flush);
            Ok(Vec::new())
        }
        STATFS => Ok(laid(&[0; 5], &[4096, 255, 4096, 0, 0, 0, 0, 0, 0, 0])),
        FLUSH | RELEASE | DESTROY => Ok(Vec::new()),
        _ => Err(ENOSYS),
    }
}
