//! What systemd is for the daemon: it hears that it is ready and lives, and starts it anew when it falls silent.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::UnixDatagram, time::Instant};

/// Hears a daemon.
pub struct Manager {
    heard: Arc<Mutex<Heard>>,
    listener: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Heard {
    ready: u32,
    pings: u32,
    last: Option<Instant>,
    longest: Duration,
}

impl Manager {
    /// Listens at `socket`; the daemon is told by `NOTIFY_SOCKET`, and by `WATCHDOG_USEC` how often to speak.
    pub fn listen(socket: &Path) -> Self {
        let socket = UnixDatagram::bind(socket).unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let shared = heard.clone();
        let listener = tokio::spawn(async move {
            let mut words = [0; 4096];
            while let Ok(n) = socket.recv(&mut words).await {
                let words = String::from_utf8_lossy(&words[..n]).into_owned();
                let mut heard = shared.lock().unwrap();
                for word in words.lines() {
                    match word {
                        "READY=1" => heard.ready += 1,
                        "WATCHDOG=1" => heard.pings += 1,
                        _ => continue,
                    }
                    let now = Instant::now();
                    if let Some(last) = heard.last.replace(now) {
                        heard.longest = heard.longest.max(now - last);
                    }
                }
            }
        });
        Self { heard, listener }
    }

    /// What to start the daemon with.
    pub fn env(socket: &Path, limit: Duration) -> [(String, std::ffi::OsString); 2] {
        let limit = limit.as_micros().to_string();
        [
            ("NOTIFY_SOCKET".to_owned(), socket.into()),
            ("WATCHDOG_USEC".to_owned(), limit.into()),
        ]
    }

    /// How often it said that it lives.
    pub fn pings(&self) -> u32 {
        self.heard.lock().unwrap().pings
    }

    /// How often it said that it is ready.
    pub fn ready(&self) -> u32 {
        self.heard.lock().unwrap().ready
    }

    /// The longest time without a word, up to now.
    pub fn longest_silence(&self) -> Duration {
        let heard = self.heard.lock().unwrap();
        let now = heard.last.map_or(Duration::ZERO, |last| last.elapsed());
        heard.longest.max(now)
    }

    /// Since its last word.
    pub fn silence(&self) -> Duration {
        let heard = self.heard.lock().unwrap();
        heard.last.map_or(Duration::ZERO, |last| last.elapsed())
    }

    /// A new process speaks.
    pub fn forget(&self) {
        *self.heard.lock().unwrap() = Heard::default();
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
