//! What systemd is for the daemon: it hears that it is ready and lives, and starts it anew when it falls silent.

use std::{path::Path, time::Duration};
use tokio::{
    net::UnixDatagram,
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

/// Hears a daemon.
pub struct Manager {
    heard: watch::Receiver<Heard>,
    forget: watch::Sender<()>,
    listener: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Heard {
    ready: u32,
    pings: u32,
    last: Option<Instant>,
    longest: Duration,
    /// What it says of itself, and since when.
    status: Option<(String, Instant)>,
}

impl Heard {
    fn take(&mut self, word: &str) {
        let now = Instant::now();
        match word {
            "READY=1" => self.ready += 1,
            "WATCHDOG=1" => self.pings += 1,
            _ => {
                if let Some(status) = word.strip_prefix("STATUS=") {
                    self.status = Some((status.to_owned(), now));
                }
                return;
            }
        }
        if let Some(last) = self.last.replace(now) {
            self.longest = self.longest.max(now - last);
        }
    }
}

impl Manager {
    /// Listens at `socket`; the daemon is told by `NOTIFY_SOCKET`, and by `WATCHDOG_USEC` how often to speak.
    pub fn listen(socket: &Path) -> Self {
        let socket = UnixDatagram::bind(socket).unwrap();
        let (hears, heard) = watch::channel(Heard::default());
        let (forget, mut forgets) = watch::channel(());
        let listener = tokio::spawn(async move {
            let mut words = [0; 4096];
            loop {
                tokio::select! {
                    biased;
                    gone = forgets.changed() => match gone {
                        Ok(()) => drop(hears.send_replace(Heard::default())),
                        Err(_) => return,
                    },
                    read = socket.recv(&mut words) => {
                        let Ok(n) = read else { return };
                        let words = String::from_utf8_lossy(&words[..n]).into_owned();
                        hears.send_modify(|heard| words.lines().for_each(|w| heard.take(w)));
                    }
                }
            }
        });
        Self {
            heard,
            forget,
            listener,
        }
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
        self.heard.borrow().pings
    }

    /// How often it said that it is ready.
    pub fn ready(&self) -> u32 {
        self.heard.borrow().ready
    }

    /// The longest time without a word, up to now.
    pub fn longest_silence(&self) -> Duration {
        let heard = self.heard.borrow();
        let now = heard.last.map_or(Duration::ZERO, |last| last.elapsed());
        heard.longest.max(now)
    }

    /// When it said this of itself, which it must within `limit`; it may have said so already.
    pub async fn says(&self, status: &str, limit: Duration) -> Instant {
        let mut heard = self.heard.clone();
        let said = |h: &Heard| {
            h.status
                .as_ref()
                .filter(|(s, _)| s.contains(status))
                .map(|s| s.1)
        };
        let seen = timeout(limit, heard.wait_for(|h| said(h).is_some()))
            .await
            .unwrap_or_else(|_| panic!("it never said {status:?}"))
            .unwrap();
        said(&seen).unwrap()
    }

    /// Ends when it has said that it is ready.
    pub async fn is_ready(&self, limit: Duration) {
        let mut heard = self.heard.clone();
        let ready = timeout(limit, heard.wait_for(|h| h.ready > 0)).await;
        ready.expect("it is never ready").unwrap();
    }

    /// Ends when it has said nothing for longer than `limit`, as systemd would end it.
    pub async fn falls_silent(&self, limit: Duration) {
        let mut heard = self.heard.clone();
        loop {
            let last = heard.borrow_and_update().last;
            let silent = async {
                match last {
                    Some(last) => sleep_until(last + limit).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = heard.changed() => changed.unwrap(),
                () = silent => return,
            }
        }
    }

    /// A new process speaks.
    pub async fn forget(&self) {
        let mut heard = self.heard.clone();
        self.forget.send_replace(());
        heard.wait_for(|h| h.last.is_none()).await.unwrap();
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
