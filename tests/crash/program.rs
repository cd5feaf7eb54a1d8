//! A program of the rig: it may be killed at any moment, and comes back the same.

use std::{ffi::OsString, fs::File, path::PathBuf, process::Stdio};
use tokio::process::{Child, Command};

/// How to start it, and its process while it lives. Dropping it kills it.
pub struct Program {
    pub command: Vec<OsString>,
    pub env: Vec<(String, OsString)>,
    log: PathBuf,
    child: Option<Child>,
}

impl Program {
    /// Not started yet; `log` takes what it prints.
    pub fn new(command: impl IntoIterator<Item = impl Into<OsString>>, log: PathBuf) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            log,
            child: None,
        }
    }

    /// Starts it, unless it runs.
    pub fn start(&mut self) {
        if self.child.is_some() {
            return;
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let (program, args) = self.command.split_first().unwrap();
        let child = Command::new(program)
            .args(args)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| panic!("{program:?}: {e}"));
        self.child = Some(child);
    }

    /// Its number, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref()?.id()
    }

    /// `kill -9`: it is gone when this returns.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }

    /// `kill -9` for what a tracer runs; the tracer then ends by itself.
    pub async fn kill_below(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        if let Some(pid) = child.id() {
            let children = format!("/proc/{pid}/task/{pid}/children");
            let children = std::fs::read_to_string(children).unwrap_or_default();
            for pid in children.split_whitespace() {
                let _ = Command::new("kill").args(["-KILL", pid]).status().await;
            }
        }
        child.wait().await.unwrap();
    }

    /// Whether it has ended by itself, which no program of the rig should.
    pub fn has_ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.as_mut()?.try_wait().unwrap()
    }

    /// The last lines that it printed.
    pub fn last_words(&self, lines: usize) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}
