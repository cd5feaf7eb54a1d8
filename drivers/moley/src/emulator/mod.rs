//! A kitchen that is not there: the other end of klink, for the demo, trainers, tests and the simulator.
//!
//! It keeps a durable journal, remembers commands, cooks by the phases of real recipes on `tokio` time, books
//! what leaves its bins, and has bad days on demand. It is deterministic: its ids and its noise follow from
//! a seed, its time from the runtime.

mod commands;
mod config;
mod cooking;
mod disk;
mod faults;
mod kitchen;
mod machine;
mod panel;
mod peer;
mod state;
mod stores;

pub use config::{BinConfig, EmulatorConfig};
pub use faults::Fault;
pub use state::Cooked;

use crate::frame::{Decoder, Framing, encode};
use disk::Disk;
use faults::Fate;
use galley_link::{BoxStream, Listener};
use galley_robot::{BinView, Control, Cursor, JobView, Machine, Outcome};
use kitchen::Kitchen;
use peer::{Peer, Reaction};
use state::State;
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
    task::JoinSet,
};
use uuid::Uuid;

/// Half a year is far enough for a timer that waits for nothing.
const FAR_MS: u64 = 180 * 24 * 3600 * 1000;

/// The kitchen. Clones are the same kitchen.
#[derive(Clone)]
pub struct KitchenEmulator(Arc<Shared>);

struct Shared {
    kitchen: Mutex<Kitchen>,
    /// Goes up whenever something changed.
    changed: watch::Sender<u64>,
    /// Goes up whenever every link must break.
    breaks: watch::Sender<u64>,
    peers: AtomicU64,
}

impl Shared {
    /// Looks or acts, and wakes whoever must know.
    fn with<T>(&self, act: impl FnOnce(&mut Kitchen) -> T) -> T {
        let mut kitchen = self.kitchen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kitchen.version;
        let out = act(&mut kitchen);
        if kitchen.version != before {
            self.changed.send_replace(kitchen.version);
        }
        out
    }
}

impl KitchenEmulator {
    /// Powers a kitchen up. With a `path` its memory outlives the process; without, it outlives
    /// [`KitchenEmulator::power_cut`] only. Must be called on a runtime.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn open(path: Option<PathBuf>, config: EmulatorConfig) -> io::Result<Self> {
        let (disk, state) = match path {
            Some(path) => Disk::open(path)?,
            None => (Disk::none(), State::unborn()),
        };
        let kitchen = Kitchen::new(config, disk, state);
        let shared = Arc::new(Shared {
            kitchen: Mutex::new(kitchen),
            changed: watch::Sender::new(0),
            breaks: watch::Sender::new(0),
            peers: AtomicU64::new(1),
        });
        let changed = shared.changed.subscribe();
        tokio::spawn(keep_time(Arc::downgrade(&shared), changed));
        Ok(Self(shared))
    }

    /// Serves connections until the listener ends; dropping the future breaks them all.
    pub async fn listen(&self, mut listener: Listener, framing: Framing) {
        let mut served = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                stream = listener.accept() => match stream {
                    Some(stream) => {
                        let kitchen = self.clone();
                        served.spawn(async move { kitchen.serve(stream, framing).await });
                    }
                    None => break,
                },
                Some(_) = served.join_next() => {}
            }
        }
        while served.join_next().await.is_some() {}
    }

    /// Serves one stream until it ends. A connection (`len32`) ends with its session; a line (`cobs`) outlives
    /// sessions and power cuts.
    pub async fn serve(&self, stream: BoxStream, framing: Framing) {
        let id = self.0.peers.fetch_add(1, Ordering::Relaxed);
        let mut peer = Peer::new(id, framing);
        // A future that is dropped leaves no ghost of a controller behind.
        let guard = Leave {
            shared: Arc::clone(&self.0),
            id,
        };
        self.talk(stream, framing, &mut peer).await;
        self.0.with(|k| peer.forget(k));
        drop(guard);
    }

    async fn talk(&self, stream: BoxStream, framing: Framing, peer: &mut Peer) {
        let began = self.0.with(|k| k.began());
        let mut changed = self.0.changed.subscribe();
        let mut breaks = self.0.breaks.subscribe();
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut decoder = Decoder::new(framing, framing.max_frame());
        let mut late: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
        let mut outgoing: Vec<u8> = Vec::new();
        let mut buffer = vec![0u8; 4096];
        let line = framing.resynchronises();
        let mut ending = false;
        loop {
            changed.mark_unchanged();
            let broken = breaks.has_changed().unwrap_or(true);
            breaks.mark_unchanged();
            if broken {
                if !line {
                    return;
                }
                self.0.with(|k| peer.forget(k));
                late.clear();
            }
            let (on, deadline, cut) = self.0.with(|k| {
                k.advance();
                peer.on_time(k);
                let cut = collect(k, peer, framing, &mut late, &mut ending);
                (k.power, peer.deadline(k), cut)
            });
            if !on && !line {
                return;
            }
            let now = self.0.with(|k| k.now());
            while late.front().is_some_and(|(due, _)| *due <= now)
                && let Some((_, bytes)) = late.pop_front()
            {
                outgoing.extend(bytes);
            }
            if (ending || cut) && late.is_empty() && !line {
                let farewell = async {
                    writer.write_all(&outgoing).await?;
                    writer.shutdown().await
                };
                let _ = tokio::time::timeout(Duration::from_millis(200), farewell).await;
                return;
            }
            let due = late.front().map_or(u64::MAX, |(due, _)| *due);
            let wake = began + Duration::from_millis(deadline.min(due).min(now + FAR_MS));
            tokio::select! {
                biased;
                read = reader.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(n) => {
                        if !on {
                            continue;
                        }
                        decoder.push(&buffer[..n]);
                        if self.0.with(|k| take_in(k, peer, &mut decoder)) == Reaction::Cut {
                            if !line {
                                return;
                            }
                            self.0.with(|k| peer.forget(k));
                            late.clear();
                        }
                    }
                },
                written = writer.write(&outgoing), if !outgoing.is_empty() => match written {
                    Ok(0) | Err(_) => return,
                    Ok(n) => drop(outgoing.drain(..n)),
                },
                _ = breaks.changed() => breaks.mark_changed(),
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// Sets a fault.
    pub fn inject(&self, fault: Fault) {
        self.0.with(|k| {
            k.version += 1;
            k.faults.set(fault);
        });
    }

    /// Clears all faults that were set and not yet used up.
    pub fn clear_faults(&self) {
        self.0.with(|k| {
            k.version += 1;
            k.faults.clear();
        });
    }

    /// Breaks every link now; new ones are taken.
    pub fn drop_link(&self) {
        self.0.breaks.send_modify(|n| *n += 1);
    }

    /// The power fails: links break, dishes in work stop, what was not written is gone.
    pub fn power_cut(&self) {
        self.0.with(Kitchen::power_down);
        self.drop_link();
    }

    /// The power comes back (or, if it was on, fails and comes back).
    pub fn restart(&self) {
        self.power_cut();
        self.0.with(|k| k.power_up("power_on"));
    }

    /// Another, blank cell stands in the same place: new journal, no memory of commands or jobs.
    pub fn replace_cell(&self) {
        self.0.with(Kitchen::replace);
        self.drop_link();
    }

    /// The gripper jams (`true`), or is freed by hand.
    pub fn jam(&self, on: bool) {
        self.0.with(|k| {
            k.advance();
            k.set_jam(on);
        });
    }

    /// A person at the robot's own panel removes the cause, answers every question with "retry" and resumes.
    pub fn clear_attention(&self) {
        self.0.with(Kitchen::panel_resume);
    }

    /// The red button.
    pub fn estop(&self, pressed: bool) {
        self.0.with(|k| {
            k.advance();
            k.set_estop(pressed);
        });
    }

    /// The guard door.
    pub fn guard(&self, open: bool) {
        self.0.with(|k| {
            k.advance();
            k.set_guard(open);
        });
    }

    /// The key switch: local (`true`) or remote.
    pub fn control_local(&self, local: bool) {
        let control = if local {
            Control::Local
        } else {
            Control::Remote
        };
        self.0.with(|k| k.set_control(control));
    }

    /// A bin is found empty.
    pub fn drain(&self, bin: &str) {
        self.0.with(|k| {
            k.advance();
            k.drain(bin);
        });
    }

    /// Staff fill a bin at the panel with one more lot that keeps for a day.
    pub fn fill(&self, bin: &str, item: &str, qty: i64, lot: &str) {
        self.0.with(|k| {
            k.fill(bin, item, qty, lot, 24 * 3600 * 1000);
            k.commit();
        });
    }

    /// A guest takes a plated dish; the sensor sees it.
    pub fn collect(&self, job_id: &str) {
        self.0.with(|k| {
            k.advance();
            k.collect(job_id, Outcome::Collected, true);
            k.commit();
        });
    }

    /// Whether the power is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.with(|k| k.power)
    }

    /// State, mode, safety and open questions.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.0.with(|k| k.machine_view())
    }

    /// All jobs the cell remembers, oldest first within final and open ones.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobView> {
        self.0.with(|k| {
            k.advance();
            k.job_views(usize::MAX)
        })
    }

    /// The truth about dishes, by job: what the protocol says can be checked against it.
    #[must_use]
    pub fn dishes(&self) -> BTreeMap<String, Cooked> {
        self.0.with(|k| k.state.cooked.clone())
    }

    /// How often each command was executed since the process began.
    #[must_use]
    pub fn executions(&self) -> BTreeMap<Uuid, u32> {
        self.0.with(|k| k.executions.clone())
    }

    /// All bins.
    #[must_use]
    pub fn bins(&self) -> Vec<BinView> {
        self.0.with(|k| k.bin_views())
    }

    /// Events that no controller has acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.0.with(|k| k.state.events.len())
    }

    /// Events that a controller who stands here in the journal has not taken in.
    #[must_use]
    pub fn untold(&self, at: Option<Cursor>) -> u64 {
        self.0.with(|k| match at {
            Some(at) if at.epoch == k.state.epoch => {
                (k.state.next_seq - 1).saturating_sub(at.last_seq)
            }
            _ => k.state.events.len() as u64,
        })
    }

    /// Changes whenever something in the kitchen changed; for whoever waits for a state.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }
}

/// Tells the kitchen that a connection is gone, also when its future was dropped.
struct Leave {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.shared.with(|k| k.controller_left(self.id));
    }
}

/// Frames and faults: moves what the peer wants to say to the wire; true if the link must break.
fn collect(
    kitchen: &mut Kitchen,
    peer: &mut Peer,
    framing: Framing,
    late: &mut VecDeque<(u64, Vec<u8>)>,
    ending: &mut bool,
) -> bool {
    let mut broken = false;
    while let Some((due, payload)) = peer.out.pop_front() {
        let Some(payload) = payload else {
            *ending = true;
            late.push_back((due, Vec::new()));
            continue;
        };
        let Fate::Sent {
            copies,
            late_ms,
            flip,
            cut,
        } = kitchen.faults.outgoing()
        else {
            continue;
        };
        let mut bytes = encode(framing, &payload);
        if flip {
            let at = if framing.resynchronises() {
                bytes.len() / 2
            } else {
                4
            };
            bytes[at] ^= 0x80;
        }
        if cut {
            bytes.truncate(bytes.len() / 2);
            broken = true;
        }
        // In order: nothing overtakes what was said before.
        let after = late.back().map_or(0, |(t, _)| *t);
        let due = (due + late_ms).max(after);
        late.push_back((due, bytes.repeat(copies)));
    }
    broken
}

fn take_in(kitchen: &mut Kitchen, peer: &mut Peer, decoder: &mut Decoder) -> Reaction {
    kitchen.advance();
    loop {
        match decoder.next_payload() {
            Ok(Some(payload)) => {
                if kitchen.faults.loses_incoming() {
                    continue;
                }
                if peer.on_payload(kitchen, &payload) == Reaction::Cut {
                    return Reaction::Cut;
                }
            }
            Ok(None) => return Reaction::Go,
            // No klink peer.
            Err(_) => return Reaction::Cut,
        }
    }
}

/// Lets the kitchen's time pass.
async fn keep_time(shared: Weak<Shared>, mut changed: watch::Receiver<u64>) {
    loop {
        changed.mark_unchanged();
        let wake = match shared.upgrade() {
            Some(shared) => shared.with(|k| {
                k.advance();
                let due = k.next_due().unwrap_or(u64::MAX).min(k.now() + FAR_MS);
                k.began() + Duration::from_millis(due)
            }),
            None => return,
        };
        tokio::select! {
            biased;
            more = changed.changed() => {
                if more.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep_until(wake) => {}
        }
    }
}
