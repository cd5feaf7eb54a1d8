//! A real PostgreSQL server for tests: Debian's package, in a folder of its own, on a Unix socket only.
//!
//! `GALLEY_TEST_POSTGRES` names the folder of the socket of a server that runs already (as `scripts/check` has it);
//! without it each test process starts one and ends it.

#![allow(
    dead_code,
    reason = "some tests share a server, some stop one of their own"
)]

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// The folder of the server's socket.
pub struct Server {
    socket: PathBuf,
    port: u16,
    // Removed when the process ends by way of the watcher that `start` leaves behind.
    _data: Option<tempfile::TempDir>,
}

/// PostgreSQL's own; it names the socket too.
const PORT: u16 = 5432;

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A fresh, empty database; its connection string.
///
/// # Panics
/// When there is no PostgreSQL: `apt-get install postgresql`.
#[must_use]
pub fn database() -> String {
    let server = SERVER.get_or_init(|| match std::env::var_os("GALLEY_TEST_POSTGRES") {
        Some(socket) => Server {
            socket: socket.into(),
            port: PORT,
            _data: None,
        },
        None => start(PORT, None),
    });
    server.database()
}

/// A server of one's own, which may be killed.
///
/// # Panics
/// As [`database`].
#[must_use]
pub fn own() -> Server {
    start(PORT, None)
}

/// A server of one's own that also listens at 127.0.0.1, with this certificate and key; its port.
///
/// # Panics
/// As [`database`].
#[must_use]
pub fn over_tls(certificate: &str, key: &str) -> (Server, u16) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("its number").port();
    drop(free);
    (start(port, Some((certificate, key))), port)
}

impl Server {
    /// A fresh, empty database in it; its connection string.
    ///
    /// # Panics
    /// When it can't be made.
    #[must_use]
    pub fn database(&self) -> String {
        let server = self;
        let name = format!(
            "galley_{}_{}",
            std::process::id(),
            DATABASES.fetch_add(1, Ordering::Relaxed)
        );
        let made = Command::new(program("psql"))
            .args(["-h"])
            .arg(&server.socket)
            .args(["-p", &server.port.to_string()])
            .args(["-U", "galley", "-d", "postgres", "-qXc"])
            .arg(format!("CREATE DATABASE {name}"))
            .output()
            .expect("psql runs");
        assert!(
            made.status.success(),
            "no database could be made: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        // A folder as host is given as a parameter.
        format!(
            "postgres://galley@/{name}?host={}&port={}",
            server.socket.display(),
            server.port
        )
    }

    /// Ends it as a power cut would, and starts it again.
    ///
    /// # Panics
    /// When it does not come back.
    pub fn crash(&self) {
        let mut command = as_person(&program("pg_ctl"));
        command
            .args(["-w", "-s", "-m", "immediate", "-D"])
            .arg(self.socket.join("data"))
            .arg("-l")
            .arg(self.socket.join("log"))
            .arg("restart");
        command.current_dir(&self.socket);
        let done = command.status().expect("pg_ctl runs");
        assert!(done.success(), "the server comes back");
    }
}

/// Debian keeps the server's programs by version, outside the path.
fn program(name: &str) -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    versions.sort();
    versions
        .pop()
        .unwrap_or_else(|| panic!("{name} is missing: install postgresql"))
}

/// PostgreSQL refuses to run as root.
fn as_person(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if id.stdout.trim_ascii() == b"0" {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn start(port: u16, tls: Option<(&str, &str)>) -> Server {
    let data = tempfile::tempdir().expect("a folder");
    let home = data.path().join("pg");
    std::fs::create_dir(&home).expect("a folder");
    let mut options = format!(
        "-c unix_socket_directories='{}' -c port={port} -c max_connections=200",
        home.display()
    );
    match tls {
        None => options.push_str(" -c listen_addresses=''"),
        Some((certificate, key)) => {
            for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
                let file = home.join(name);
                std::fs::write(&file, pem).expect("a file");
                std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
            }
            options.push_str(&format!(
                " -c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file='{0}/server.crt' -c ssl_key_file='{0}/server.key'",
                home.display()
            ));
        }
    }
    let root = Command::new("id").arg("-u").output().expect("id runs");
    if root.stdout.trim_ascii() == b"0" {
        let given = Command::new("chown")
            .arg("-R")
            .arg("postgres")
            .arg(data.path())
            .status()
            .expect("chown runs");
        assert!(given.success());
    }
    let run = |mut command: Command| {
        let out = command.output().expect("it runs");
        assert!(
            out.status.success(),
            "{command:?}: {}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
    };
    let mut init = as_person(&program("initdb"));
    init.args([
        "-U",
        "galley",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
        "-D",
    ])
    .arg(home.join("data"));
    init.current_dir(&home);
    run(init);
    let mut serve = as_person(&program("pg_ctl"));
    serve
        .args(["-w", "-s", "-D"])
        .arg(home.join("data"))
        .arg("-l")
        .arg(home.join("log"))
        .arg("-o")
        .arg(options)
        .arg("start");
    serve.current_dir(&home);
    run(serve);
    // Ends the server when this process has ended, however it does.
    let script = format!(
        "while kill -0 {pid} 2>/dev/null; do sleep 0.5; done; kill -QUIT $(head -1 '{data}/postmaster.pid'); sleep 0.5; rm -rf '{folder}'",
        pid = std::process::id(),
        data = home.join("data").display(),
        folder = data.path().display(),
    );
    // It outlives this process, which is what it is for.
    #[allow(clippy::zombie_processes)]
    Command::new("setsid")
        .args(["sh", "-c", &script])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("a watcher");
    Server {
        socket: home,
        port,
        _data: Some(data),
    }
}
