//! The command line at a terminal: colours, questions, secrets that are not shown, the live page.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod stub;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    path::Path,
    process::Stdio,
};
use stub::*;
use tokio::sync::watch;

/// A terminal, and the program at it.
struct Terminal {
    keyboard: File,
    seen: watch::Sender<String>,
    child: tokio::process::Child,
}

impl Terminal {
    fn run(socket: &Path, args: &[&str], no_color: bool) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: 60,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = || {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(&name)
                .unwrap();
            Stdio::from(file)
        };
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_galley"));
        command
            .args(args)
            .env_clear()
            .env("GALLEY_SOCKET", socket)
            .env("TERM", "xterm")
            .env("TZ", "UTC")
            .stdin(slave())
            .stdout(slave())
            .stderr(slave())
            .kill_on_drop(true);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let child = command.spawn().unwrap();
        drop(command);
        let keyboard = File::from(master);
        let seen = watch::Sender::new(String::new());
        let (mut screen, text) = (keyboard.try_clone().unwrap(), seen.clone());
        // Ends when the last of the terminal's other side is closed.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut bytes) {
                let new = String::from_utf8_lossy(&bytes[..n]);
                text.send_modify(|seen| seen.push_str(&new));
            }
        });
        Self {
            keyboard,
            seen,
            child,
        }
    }

    fn seen(&self) -> String {
        self.seen.borrow().clone()
    }

    async fn until(&self, words: &str) {
        let mut seen = self.seen.subscribe();
        let shown = seen.wait_for(|seen| seen.contains(words));
        let shown = tokio::time::timeout(LIMIT, shown).await.map(|_| ());
        shown.unwrap_or_else(|_| panic!("waited for {words}: {}", self.seen()));
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    async fn ends(&mut self) -> i32 {
        let ended = tokio::time::timeout(LIMIT, self.child.wait()).await;
        ended.expect("the command ends").unwrap().code().unwrap()
    }
}

#[tokio::test]
async fn a_terminal_gets_colours_unless_it_wants_none() {
    let stub = Stub::start(well);
    let socket = stub.folder.path().join("s");
    let mut shown = Terminal::run(&socket, &["status"], false);
    shown.until("no alerts").await;
    assert!(
        shown.seen().contains("\u{1b}[32m✓\u{1b}[0m"),
        "{}",
        shown.seen()
    );
    assert_eq!(shown.ends().await, 0);
    let mut plain = Terminal::run(&socket, &["status"], true);
    plain.until("no alerts").await;
    assert!(!plain.seen().contains('\u{1b}'), "{}", plain.seen());
    assert!(plain.seen().contains('✓'));
    plain.ends().await;
    // Nor does what is no terminal.
    assert!(!stub.galley(&["status"]).await.out.contains('\u{1b}'));
}

#[tokio::test]
async fn a_person_is_told_what_will_happen_and_asked() {
    let stub = Stub::start(well);
    let socket = stub.folder.path().join("s");
    let args = [
        "order", "refund", "A17", "--reason", "cold", "--amount", "120.50",
    ];
    let posts = || {
        stub.lines()
            .iter()
            .filter(|l| l.starts_with("POST"))
            .count()
    };
    for (answer, code) in [("n\n", 1), ("\n", 1), ("\u{4}", 1), ("y\n", 0), ("да\n", 0)] {
        let before = posts();
        let mut asked = Terminal::run(&socket, &args, true);
        asked.until("[y/N]").await;
        for words in ["A17", "450.50", "120.50 goes back", "sbp_qr"] {
            assert!(asked.seen().contains(words), "{words}: {}", asked.seen());
        }
        assert_eq!(posts(), before, "nothing is done before the answer");
        asked.types(answer);
        assert_eq!(asked.ends().await, code, "{answer:?}: {}", asked.seen());
        assert_eq!(posts() - before, usize::from(code == 0), "{answer:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_typed_is_not_shown() {
    let stub = Stub::start(|line| match line {
        "POST /api/v1/secrets" => ok(json!({"name": "bank"})),
        other => well(other),
    });
    let socket = stub.folder.path().join("s");
    let mut typing = Terminal::run(&socket, &["secret", "set", "bank"], true);
    typing.until("secret for bank:").await;
    typing.types("hunter2\n");
    assert_eq!(typing.ends().await, 0, "{}", typing.seen());
    typing.until("is kept").await;
    assert!(!typing.seen().contains("hunter2"), "{}", typing.seen());
    assert_eq!(stub.asked().pop().unwrap().body["value"], "hunter2");
}

#[tokio::test]
async fn the_live_page_leaves_the_terminal_as_it_was() {
    let stub = Stub::start(well);
    let socket = stub.folder.path().join("s");
    let mut page = Terminal::run(&socket, &["watch"], false);
    page.until("receipt.registered").await;
    let seen = page.seen();
    assert!(
        seen.contains("\u{1b}[?1049h") && seen.contains("A17"),
        "{seen}"
    );
    page.types("q");
    assert_eq!(page.ends().await, 0);
    page.until("\u{1b}[?1049l").await;
    assert!(page.seen().contains("\u{1b}[?25h"), "{}", page.seen());
}
