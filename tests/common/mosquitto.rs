//! A real Mosquitto, killed and started by tests.

#![allow(
    dead_code,
    clippy::print_stderr,
    reason = "each test file uses its own part; what is skipped is told"
)]

use galley::sync::Authority;
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

const MOSQUITTO: &str = "/usr/sbin/mosquitto";
/// No step takes longer, unless it hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// A Mosquitto of our own on a free loopback port, with the users and rights that the documentation gives. It
/// keeps nothing on the disk.
pub struct Mosquitto {
    dir: tempfile::TempDir,
    pub port: u16,
    pub tls: bool,
    child: Option<Child>,
}

/// `ca.pem` vouches for `broker.pem`; `other.pem` is somebody of the same name, and vouches for nobody.
async fn certificates(dir: &Path) {
    let openssl = async |args: &str| {
        let done = Command::new("openssl")
            .args(args.split_whitespace())
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        assert!(done.unwrap().success(), "openssl {args}");
    };
    let new = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    for ca in ["ca", "other"] {
        openssl(&format!(
            "{new} -x509 -subj /CN=Test -keyout {ca}.key -out {ca}.pem"
        ))
        .await;
    }
    openssl(&format!(
        "{new} -subj /CN=broker -keyout broker.key -out broker.csr"
    ))
    .await;
    std::fs::write(dir.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    openssl(
        "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -days 2 -extfile names -out broker.pem",
    )
    .await;
}

impl Mosquitto {
    /// For these users, with their passwords; for everybody when there are none. None, with a loud word, where Mosquitto is
    /// not installed.
    pub async fn start(users: &[(&str, &str)]) -> Option<Self> {
        Self::with_certificate(users, false).await
    }

    /// With TLS: its certificate is vouched for by `ca.pem`, and not by `other.pem`.
    pub async fn with_certificate(users: &[(&str, &str)], tls: bool) -> Option<Self> {
        if !Path::new(MOSQUITTO).exists() {
            eprintln!("SKIPPED: {MOSQUITTO} is missing; install Debian's package `mosquitto`");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        for (i, (user, password)) in users.iter().enumerate() {
            let mut passwd = Command::new("mosquitto_passwd");
            if i == 0 {
                passwd.arg("-c");
            }
            let done = passwd
                .args(["-b", &path("users"), user, password])
                .status()
                .await;
            assert!(done.unwrap().success());
        }
        let rights = "pattern write galley/%u/up/#\npattern read galley/%u/down/#\n\
                      user galley-hq\ntopic read galley/+/up/#\ntopic write galley/+/down\n\
                      topic write galley/+/down/message\ntopic readwrite galley/hq/+/gone\n";
        std::fs::write(path("rights"), rights).unwrap();
        let mut config = String::from(
            "persistence false\nmax_queued_messages 100000\nlog_dest stderr\nlog_type all\nuser root\n",
        );
        config.push_str(&match users {
            [] => "allow_anonymous true\n".to_owned(),
            _ => format!(
                "allow_anonymous false\npassword_file {}\nacl_file {}\n",
                path("users"),
                path("rights")
            ),
        });
        if tls {
            certificates(dir.path()).await;
            let (cert, key) = (path("broker.pem"), path("broker.key"));
            config.push_str(&format!("certfile {cert}\nkeyfile {key}\n"));
        }
        let mut broker = Self {
            dir,
            port: 0,
            tls,
            child: None,
        };
        // Somebody else may take a port that is free now before the broker does.
        for _ in 0..5 {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            broker.port = free.local_addr().unwrap().port();
            drop(free);
            let config = format!("listener {} 127.0.0.1\n{config}", broker.port);
            std::fs::write(broker.dir.path().join("mosquitto.conf"), config).unwrap();
            if broker.runs().await {
                return Some(broker);
            }
        }
        panic!("mosquitto does not start");
    }

    /// Starts it again, on the port that it had.
    pub async fn run(&mut self) {
        assert!(self.runs().await, "mosquitto ended");
    }

    /// Starts it and waits until it is ready; false when it ends instead.
    async fn runs(&mut self) -> bool {
        let mut child = Command::new(MOSQUITTO)
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = async {
            while let Some(line) = log.next_line().await.unwrap() {
                if line.contains(" running") {
                    return true;
                }
            }
            false
        };
        let is_ready = timeout(LIMIT, ready).await.expect("mosquitto starts");
        // It would stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        self.child = Some(child);
        is_ready
    }

    /// kill -9: all that it had is gone.
    pub async fn kill(&mut self) {
        self.child.take().unwrap().kill().await.unwrap();
    }

    pub fn url(&self) -> String {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> galley::sync::BrokerAddress {
        self.url().parse().unwrap()
    }

    /// Whom a store or headquarters that trusts this file trusts.
    pub fn authority(&self, ca: Option<&str>) -> Authority {
        let file = ca.map(|name| self.dir.path().join(name));
        Authority::load(file.as_deref()).unwrap()
    }
}
