//! The power fails under the shipped store: of everything that its file system wrote to the disk, each state that a
//! cut may leave is mounted, and must have all that guests were told.

use super::{
    blocks::{Entry, Recorded, SECTOR, Tape, mount_image, unmount},
    books::acknowledged_are_there,
    guests::Told,
    rig::{Door, KIOSK, Part, Rig, STAFF},
    writes::{alone, under_strace},
};
use galley::{
    api::Role,
    domain::{policy::Policy, text::Text},
    run::{Daemon, Wiring},
    store::{Options, Store, StoreError, Synchronous, Threads},
    sync::Mqtt,
    world::{Entropy as _, Secret, SeededEntropy, World},
};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::json;
use std::{collections::BTreeMap, path::Path, sync::Arc};
use tokio::task::JoinSet;

/// Guests who order at the same time.
const GUESTS: usize = 4;
/// The disk's size: room for a write-ahead log that is copied back, and for what that leaves.
const MIB: usize = 64;

/// How the store writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// `galley run` as it is shipped.
    Shipped,
    /// `galley run`, with flushes that do nothing and claim to have: `synchronous=OFF`.
    Unflushed,
    /// The same daemon with `synchronous=NORMAL`.
    Normal,
}

/// What came of one tape.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    pub orders: usize,
    pub writes: usize,
    pub flushes: usize,
    /// States that were made and mounted.
    pub states: usize,
    /// Of them, those in which `galley run` was started.
    pub started: usize,
    /// States that miss something or are damaged.
    pub bad: usize,
    pub violations: Vec<String>,
}

/// A store that takes orders on a recorded disk: the tape, and by order the key that placed it; none, with a word,
/// where this machine can't.
#[allow(clippy::print_stderr, reason = "a test that is left out must be seen")]
pub async fn record(orders: usize, how: Writes) -> Option<(Tape, BTreeMap<String, String>)> {
    let mut rig = super::disk::rig();
    let side = rig.path("side");
    std::fs::create_dir(&side).unwrap();
    let disk = match Recorded::mount(&rig.path("data"), &side, MIB) {
        Ok(disk) => Arc::new(disk),
        Err(why) => {
            eprintln!("SKIPPED: no ext4 on a recorded disk here: {why}");
            return None;
        }
    };
    alone(&rig);
    let mut traced = None;
    let mut inside = None;
    match how {
        Writes::Shipped => rig.program(Part::Store).start(),
        Writes::Unflushed => traced = Some(under_strace(&rig, "fsync,fdatasync", "retval=0")),
        Writes::Normal => inside = Some(normal(&mut rig).await),
    }
    rig.ready().await.unwrap();
    let goods = json!({"ingredient_id": "berries", "quantity": 1_000_000_000});
    let door = rig.door();
    door.post("stock/receive", STAFF, "goods", &goods)
        .await
        .unwrap();
    let mut guests = JoinSet::new();
    for guest in 0..GUESTS {
        guests.spawn(order(door.clone(), disk.clone(), guest, orders / GUESTS));
    }
    let keys = guests.join_all().await.into_iter().flatten().collect();
    let tape = disk.stop();
    if let Some(mut traced) = traced {
        traced.kill_below().await;
    }
    if let Some((daemon, server)) = inside {
        server.abort();
        Daemon::kill(daemon).await;
    }
    rig.program(Part::Store).kill().await;
    Some((tape, keys))
}

/// Orders so many times; every answer is on the tape before the next request.
async fn order(
    door: Door,
    disk: Arc<Recorded>,
    guest: usize,
    orders: usize,
) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for n in 0..orders {
        let key = format!("guest-{guest}-{n}");
        let (status, order) = door.post("orders", KIOSK, &key, &wish()).await.unwrap();
        assert_eq!(status, 201, "{order}");
        let id = order["id"].as_str().unwrap().to_owned();
        disk.told(id.clone());
        keys.push((id, key));
    }
    keys
}

fn wish() -> serde_json::Value {
    json!({"language": "en", "service": "here", "lines": [{"dish_id": "mors", "quantity": 1}]})
}

/// The daemon's parts in this process, with the softer database: no setting of the product gives it.
async fn normal(rig: &mut Rig) -> (Daemon, tokio::task::JoinHandle<()>) {
    let options = Options {
        synchronous: Synchronous::Normal,
        ..Options::at(rig.path("data/galley.db"))
    };
    let daemon = Daemon::start(Wiring {
        world: World::system().unwrap(),
        database: options,
        policy: Policy {
            max_wait: std::time::Duration::from_hours(1000),
            ..Policy::default()
        },
        catalog: Some(rig.catalog.clone()),
        zone: jiff::tz::TimeZone::UTC,
        name: Text::new("Кафе", "Kafe", "Cafe"),
        pictures: None,
        printer: None,
        slip_printers: Vec::new(),
        robot: None,
        bank: None,
        one_c: None,
        sms: None,
        sync: None,
        down: None,
        brokers: Arc::new(Mqtt),
        points: galley::run::Points::House,
        tokens: vec![
            (Secret::new(KIOSK), Role::Kiosk, "kiosk".to_owned()),
            (Secret::new(STAFF), Role::Manager, "staff".to_owned()),
        ],
        keeping: galley::flow::keep::Keeping::default(),
        doors: galley::api::Doors::new(Secret::new("a secret of the test")),
    })
    .await
    .unwrap();
    let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    rig.origin = format!("http://{}", door.local_addr().unwrap());
    let router = daemon.api.router();
    let server = tokio::spawn(async move {
        let _ = axum::serve(door, router).await;
    });
    (daemon, server)
}

/// Mounts at most so many of the states that a cut may leave, and looks at each; in `starts` of them the shipped
/// daemon is started too.
pub async fn judge(
    tape: &Tape,
    keys: &BTreeMap<String, String>,
    most: usize,
    starts: usize,
    seed: u64,
) -> Verdict {
    let is = |f: fn(&Entry) -> bool| tape.entries.iter().filter(|e| f(e)).count();
    let mut verdict = Verdict {
        orders: keys.len(),
        writes: is(|e| matches!(e, Entry::Write { .. })),
        flushes: is(|e| matches!(e, Entry::Flush)),
        ..Verdict::default()
    };
    let chance = SeededEntropy::new(seed);
    let cuts: Vec<usize> = (0..=tape.entries.len())
        .filter(|n| !matches!(tape.entries.get(*n), Some(Entry::Write { .. })))
        .collect();
    // Each cut loses all that is not flushed, or nothing, or some of it.
    let ways = most.div_ceil(cuts.len()).max(3);
    let some = (most as u64).min((cuts.len() * ways) as u64);
    let mut safe = tape.before.clone();
    let (mut flushed, mut n) = (0, 0_u64);
    for (i, cut) in cuts.iter().enumerate() {
        let told: Vec<&String> = tape.entries[..*cut]
            .iter()
            .filter_map(|e| match e {
                Entry::Told(order) => Some(order),
                _ => None,
            })
            .collect();
        for way in 0..ways {
            // Spread evenly over the tape where there are more states than asked for.
            n += 1;
            let all = (cuts.len() * ways) as u64;
            if (n * some) / all == ((n - 1) * some) / all {
                continue;
            }
            let image = state(&safe, &tape.entries[flushed..*cut], way, &chance);
            let started = verdict.started < starts
                && !told.is_empty()
                && i * starts >= verdict.started * cuts.len();
            let found = match started {
                true => start(&image, &told, keys).await,
                false => look(&image, &told),
            };
            verdict.states += 1;
            verdict.started += usize::from(started);
            if !found.is_empty() {
                verdict.bad += 1;
                let at = format!("cut at {cut} of {}, way {way}", tape.entries.len());
                verdict
                    .violations
                    .extend(found.into_iter().map(|what| format!("{at}: {what}")));
            }
        }
        if matches!(tape.entries.get(*cut), Some(Entry::Flush)) {
            for entry in &tape.entries[flushed..*cut] {
                apply(&mut safe, entry, |_| true);
            }
            flushed = *cut;
        }
    }
    verdict
}

/// Writes those sectors of an entry that were not lost.
fn apply(image: &mut [u8], entry: &Entry, mut kept: impl FnMut(usize) -> bool) {
    let Entry::Write { at, bytes } = entry else {
        return;
    };
    for (n, sector) in bytes.chunks(SECTOR).enumerate() {
        let at = at + n * SECTOR;
        if kept(at) {
            image[at..at + sector.len()].copy_from_slice(sector);
        }
    }
}

/// The disk after a cut: what was safe, and of the rest nothing, everything, some blocks, or some sectors.
fn state(safe: &[u8], open: &[Entry], way: usize, chance: &SeededEntropy) -> Vec<u8> {
    let mut image = safe.to_vec();
    for entry in open {
        match way {
            0 => {}
            1 => apply(&mut image, entry, |_| true),
            // Whole writes are there or not.
            n if n % 2 == 0 => {
                let there = chance.below(2) == 0;
                apply(&mut image, entry, |_| there);
            }
            // Torn within a write.
            _ => apply(&mut image, entry, |_| chance.below(4) > 0),
        }
    }
    image
}

/// An image in memory, mounted; gone when dropped.
struct Mounted {
    folder: tempfile::TempDir,
    at: std::path::PathBuf,
}

impl Mounted {
    fn new(image: &[u8], at: Option<&Path>) -> Result<Self, String> {
        let shared = Path::new("/dev/shm");
        let within = match shared.is_dir() {
            true => shared.to_owned(),
            false => std::env::temp_dir(),
        };
        let folder = tempfile::Builder::new()
            .prefix("galley-cut-")
            .tempdir_in(within)
            .unwrap();
        let file = folder.path().join("image");
        write_sparse(&file, image).map_err(|e| e.to_string())?;
        let at = at.map_or_else(|| folder.path().join("at"), Path::to_owned);
        std::fs::create_dir_all(&at).map_err(|e| e.to_string())?;
        mount_image(&file, &at)?;
        Ok(Self { folder, at })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        unmount(&self.at);
        debug_assert!(self.folder.path().is_dir(), "it outlives the mount");
    }
}

fn write_sparse(file: &Path, image: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    const PIECE: usize = 1 << 14;
    const NOTHING: [u8; PIECE] = [0; PIECE];
    let out = std::fs::File::create(file)?;
    out.set_len(image.len() as u64)?;
    for (n, piece) in image.chunks(PIECE).enumerate() {
        if *piece != NOTHING[..piece.len()] {
            out.write_all_at(piece, (n * PIECE) as u64)?;
        }
    }
    Ok(())
}

/// Opens the store's database as the daemon does; every order that was told of is in it, once.
fn look(image: &[u8], told: &[&String]) -> Vec<String> {
    let disk = match Mounted::new(image, None) {
        Ok(disk) => disk,
        Err(why) => return vec![why],
    };
    let mut wrong = Vec::new();
    let file = disk.at.join("galley.db");
    let options = Options {
        threads: Threads::Inline,
        ..Options::at(&file)
    };
    let opened = Store::open(options)
        .and_then(|store| store.read_here(|s| -> Result<u64, StoreError> { s.verify_log() }));
    if let Err(e) = opened {
        wrong.push(e.to_string());
    }
    if told.is_empty() {
        return wrong;
    }
    let told = Told {
        acknowledged: told
            .iter()
            .map(|id| ((*id).clone(), (*id).clone()))
            .collect(),
        ..Told::default()
    };
    Connection::open(&file)
        .and_then(|db| acknowledged_are_there(&db, &told, &mut wrong))
        .unwrap_or_else(|e| wrong.push(e.to_string()));
    wrong
}

/// Starts the shipped daemon on it: whoever repeats a request that was answered gets the same order.
async fn start(image: &[u8], told: &[&String], keys: &BTreeMap<String, String>) -> Vec<String> {
    let mut rig = super::disk::rig();
    alone(&rig);
    let disk = match Mounted::new(image, Some(&rig.path("data"))) {
        Ok(disk) => disk,
        Err(why) => return vec![why],
    };
    rig.program(Part::Store).start();
    let mut wrong = Vec::new();
    let door = rig.door();
    match rig.ready().await {
        Err(why) => {
            wrong.push(why);
            wrong.push(rig.program(Part::Store).last_words(5));
        }
        Ok(_) => {
            for id in told {
                let answer = door.post("orders", KIOSK, &keys[*id], &wish()).await;
                if !answer.as_ref().is_ok_and(|(_, o)| o["id"] == id.as_str()) {
                    wrong.push(format!("order {id} was told of, and now: {answer:?}"));
                }
            }
        }
    }
    rig.program(Part::Store).kill().await;
    drop(disk);
    wrong
}
