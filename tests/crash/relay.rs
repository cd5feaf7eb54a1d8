//! A line between the store and something outside that can fall silent, flap, lose, be slow and far.

use super::rig::Rig;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

/// Payload of one packet.
const PACKET: usize = 1400;
/// How long a lost packet is missing: until the sender's TCP repeats it.
const REPEATED_AFTER: Duration = Duration::from_millis(300);

/// How a line is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    /// Up for so long, then down for so long; always up when none. Down, nothing moves, new connections neither.
    pub flaps: Option<(Duration, Duration)>,
    /// When it goes down, its connections break.
    pub cuts: bool,
    /// One way.
    pub delay: Duration,
    /// Bytes a second, each way; any number when 0.
    pub rate: u64,
    /// Lost packets of a thousand.
    pub lost: u64,
}

/// The relay. Its task ends when it is dropped.
pub struct Relay {
    pub port: u16,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    line: watch::Sender<Line>,
    /// Connections that began before this one move nothing any more, and nobody is told.
    holes: watch::Sender<u64>,
    connections: AtomicU64,
    began: Instant,
    opened: Mutex<Vec<Instant>>,
    /// Bytes that came through, either way.
    through: AtomicU64,
}

impl Relay {
    /// A line to this port of this machine.
    pub async fn to(port: u16, line: Line) -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = door.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            line: watch::Sender::new(line),
            holes: watch::Sender::new(0),
            connections: AtomicU64::new(0),
            began: Instant::now(),
            opened: Mutex::default(),
            through: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(door, port, shared.clone()));
        Self {
            port: own,
            shared,
            task,
        }
    }

    /// Every connection that is open now falls silent for ever, without a word to either side.
    pub fn hole(&self) {
        let all = self.shared.connections.load(Ordering::Relaxed);
        self.shared.holes.send_replace(all);
    }

    /// When each connection was opened.
    pub fn opened(&self) -> Vec<Instant> {
        self.shared.opened.lock().unwrap().clone()
    }

    /// Bytes that came through, either way.
    pub fn through(&self) -> u64 {
        self.shared.through.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(door: TcpListener, port: u16, shared: Arc<Shared>) {
    loop {
        let Ok((near, _)) = door.accept().await else {
            return;
        };
        shared.opened.lock().unwrap().push(Instant::now());
        let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let shared = shared.clone();
        tokio::spawn(async move {
            if !shared.up().await && shared.line.borrow().cuts {
                return;
            }
            // There and back, as a handshake takes.
            let delay = shared.line.borrow().delay;
            sleep(delay * 2).await;
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                return;
            };
            let _ = near.set_nodelay(true);
            let _ = far.set_nodelay(true);
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            let there = carry(near_in, far_out, number, shared.clone());
            let back = carry(far_in, near_out, number, shared.clone());
            tokio::join!(there, back);
        });
    }
}

impl Shared {
    /// Waits until the line is up; false when it had to.
    async fn up(&self) -> bool {
        let line = *self.line.borrow();
        let Some((up, down)) = line.flaps else {
            return true;
        };
        let whole = (up + down).as_micros();
        let at = self.began.elapsed().as_micros() % whole;
        let is = at < up.as_micros();
        if !is {
            let rest = u64::try_from(whole - at).unwrap();
            sleep(Duration::from_micros(rest)).await;
        }
        is
    }

    /// Ends when the line goes down and its connections with it.
    async fn broken(&self) {
        let line = *self.line.borrow();
        let Some((up, down)) = line.flaps.filter(|_| line.cuts) else {
            return std::future::pending().await;
        };
        let at = self.began.elapsed().as_micros() % (up + down).as_micros();
        let rest = up.as_micros().saturating_sub(at);
        sleep(Duration::from_micros(u64::try_from(rest).unwrap())).await;
    }
}

/// Carries bytes one way: packets wait for their turn on the line, travel, and arrive in order.
async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    number: u64,
    shared: Arc<Shared>,
) {
    let mut holes = shared.holes.subscribe();
    let (line_in, mut line_out) = mpsc::channel::<(Instant, Vec<u8>)>(64);
    let silent = async {
        let _ = holes.wait_for(|n| *n >= number).await;
    };
    let send = async {
        let mut packet = vec![0; PACKET];
        let mut packets = 0_u64;
        while let Ok(n) = from.read(&mut packet).await {
            if n == 0 {
                break;
            }
            let line = *shared.line.borrow();
            if let Some(micros) = (n as u64 * 1_000_000).checked_div(line.rate) {
                sleep(Duration::from_micros(micros)).await;
            }
            packets += 1;
            // Spread evenly: every so many is lost once.
            let lost = line.lost > 0 && packets.is_multiple_of((1000 / line.lost).max(1));
            let repeat = if lost {
                line.delay * 2 + REPEATED_AFTER
            } else {
                Duration::ZERO
            };
            let arrives = Instant::now() + line.delay + repeat;
            if line_in.send((arrives, packet[..n].to_vec())).await.is_err() {
                break;
            }
        }
        drop(line_in);
    };
    let arrive = async {
        while let Some((at, bytes)) = line_out.recv().await {
            sleep_until(at).await;
            shared.up().await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
            let bytes = bytes.len() as u64;
            shared.through.fetch_add(bytes, Ordering::Relaxed);
        }
        let _ = to.shutdown().await;
    };
    tokio::select! {
        biased;
        () = silent => {}
        () = shared.broken() => return,
        _ = async { tokio::join!(send, arrive) } => return,
    }
    // The socket stays open, and nothing ever comes.
    std::future::pending::<()>().await;
}

/// Puts a line into one of the configuration's addresses; `keys` name it.
pub async fn between(rig: &Rig, keys: [&str; 2], line: Line) -> Relay {
    let file = rig.path("galley.toml");
    let mut config: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    let mut at = &mut config;
    let (last, path) = keys.split_last().unwrap();
    for key in path.iter().flat_map(|k| k.split('.')) {
        at = at[key].as_table_mut().unwrap();
    }
    let address = at[*last].as_str().unwrap().to_owned();
    let (before, rest) = address.split_once("127.0.0.1:").unwrap();
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    let (port, after) = rest.split_at(digits.unwrap_or(rest.len()));
    let relay = Relay::to(port.parse().unwrap(), line).await;
    at[*last] = format!("{before}127.0.0.1:{}{after}", relay.port).into();
    std::fs::write(&file, config.to_string()).unwrap();
    relay
}
