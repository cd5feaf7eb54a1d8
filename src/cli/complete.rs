//! Completion in the shell, with what is there just now: order numbers, devices, backups.

use super::{
    Cli,
    client::SOCKET,
    exit::{Exit, Misuse, help},
    output::{View, print},
};
use clap::{Args, CommandFactory as _};
use clap_complete::{CompleteEnv, CompletionCandidate, env::Shells};
use serde_json::Value;
use std::{
    ffi::OsStr,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    process::ExitCode,
    time::Duration,
};

/// Variable by which a shell asks.
const VARIABLE: &str = "COMPLETE";
/// Nobody waits longer for a Tab.
const PATIENCE: Duration = Duration::from_millis(700);
/// Bytes of an answer.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// Print what makes a shell complete galley's command lines.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "source <(galley completions bash)                  for this shell",
    "galley completions bash > /etc/bash_completion.d/galley",
    "galley completions zsh > /usr/share/zsh/site-functions/_galley",
    "galley completions fish > ~/.config/fish/completions/galley.fish"
))]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish", "elvish"])]
    shell: String,
}

/// Runs it.
///
/// # Errors
/// When it can't be written.
pub fn execute(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let shells = Shells::builtins();
    let shell = shells
        .completer(&args.shell)
        .ok_or_else(|| Misuse(format!("{} is not known", args.shell)))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "galley", "galley", "galley", &mut script)?;
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done.into())
}

/// Answers a shell that asks, and ends then; does nothing otherwise.
pub(super) fn answer() {
    CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .complete();
}

/// Numbers of the newest orders, with what they are.
pub(super) fn orders(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(answer) = ask("/api/v1/orders?limit=100") else {
        return Vec::new();
    };
    let found = View(&answer).each("orders").map(|o| {
        let about = format!("{} {}", o.text("state"), o.money("total_minor"));
        (o.text("number"), about)
    });
    candidates(found, typed)
}

/// Devices, with how they do.
pub(super) fn devices(typed: &OsStr) -> Vec<CompletionCandidate> {
    let answer = ask("/api/v1/devices").unwrap_or_default();
    let mut found: Vec<(String, String)> = View(&answer)
        .each("devices")
        .map(|d| (d.text("id"), d.text("state")))
        .collect();
    // These are there whoever answers.
    for known in ["printer", "robot", "bank"] {
        if !found.iter().any(|(id, _)| id == known) {
            found.push((known.to_owned(), String::new()));
        }
    }
    candidates(found.into_iter(), typed)
}

/// Ingredients by their ids.
pub(super) fn ingredients(typed: &OsStr) -> Vec<CompletionCandidate> {
    let answer = ask("/api/v1/stock").unwrap_or_default();
    let found = View(&answer)
        .each("ingredients")
        .map(|i| (i.text("id"), i.word("name")));
    candidates(found, typed)
}

/// Jobs of the robot.
pub(super) fn jobs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let answer = ask("/api/v1/robot/jobs").unwrap_or_default();
    let found = View(&answer).each("jobs").map(|j| {
        let about = format!("{} {}", j.text("order_ref"), j.text("state"));
        (j.text("job_id"), about)
    });
    candidates(found, typed)
}

/// Effects that wait for a person.
pub(super) fn effects(typed: &OsStr) -> Vec<CompletionCandidate> {
    let answer = ask("/api/v1/alerts").unwrap_or_default();
    let found = View(&answer)
        .each("alerts")
        .filter_map(|a| Some((a.number("effect_id")?.to_string(), a.word("title"))));
    candidates(found, typed)
}

/// Backups.
pub(super) fn backups(typed: &OsStr) -> Vec<CompletionCandidate> {
    let answer = ask("/api/v1/backups").unwrap_or_default();
    let found = View(&answer).each("backups").map(|b| {
        let file = b.text("file");
        let name = file.rsplit('/').next().unwrap_or(&file).to_owned();
        (name, b.text("reason"))
    });
    candidates(found, typed)
}

fn candidates(
    found: impl Iterator<Item = (String, String)>,
    typed: &OsStr,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy().to_lowercase();
    found
        .filter(|(word, _)| word.to_lowercase().starts_with(&typed))
        .map(|(word, about)| {
            let about = super::output::clean(&about);
            CompletionCandidate::new(word).help((!about.is_empty()).then(|| about.into()))
        })
        .collect()
}

/// One question to the daemon on this box, without a runtime; whatever goes wrong, there is just nothing to complete.
fn ask(path: &str) -> Option<Value> {
    let socket = std::env::var_os("GALLEY_SOCKET").unwrap_or_else(|| SOCKET.into());
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    // HTTP/1.0: the answer comes whole, and ends with the connection.
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: galley\r\nAccept: application/json\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).ok()?;
    body(&answer)
}

fn body(answer: &[u8]) -> Option<Value> {
    let split = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(split + 4);
    let fine = head.starts_with(b"HTTP/1.0 200") || head.starts_with(b"HTTP/1.1 200");
    fine.then(|| serde_json::from_slice(body).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_good_answer_is_completed_from() {
        assert_eq!(
            body(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n[1]"),
            Some(serde_json::json!([1]))
        );
        assert_eq!(body(b"HTTP/1.1 403 Forbidden\r\n\r\n{}"), None);
        assert_eq!(body(b"HTTP/1.1 200 OK\r\n\r\n{"), None);
        assert_eq!(body(b""), None);
    }

    #[test]
    fn what_was_typed_is_completed_in_either_case() {
        let found = [
            ("A17".to_owned(), "ready\u{1b}".to_owned()),
            ("B1".to_owned(), String::new()),
        ];
        let words = candidates(found.into_iter(), OsStr::new("a"));
        assert_eq!(words.len(), 1);
        assert_eq!(words[0].get_value(), "A17");
    }
}
