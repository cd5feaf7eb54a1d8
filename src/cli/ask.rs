//! Questions before what can't be taken back, and secrets typed in.

use super::{
    exit::{Exit, Misuse, Stop},
    output::{clean, wrap},
};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

/// Bytes of a secret that is read from a pipe.
const MAX_SECRET: u64 = 64 * 1024;

/// Says what will happen and asks. With `yes` it is taken as said; where nobody can be asked, it is refused.
///
/// # Errors
/// [`Misuse`] where there is no terminal to ask at; a [`Stop`] when the answer is no.
pub fn confirm(yes: bool, what: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    let what = wrap(what, 0);
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Misuse(format!(
            "{}\nThis asks before it does it, and there is no terminal to ask at: add --yes to say it beforehand",
            what.trim_end()
        ))
        .into());
    }
    let mut err = io::stderr().lock();
    write!(err, "{what}Go on? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !answer.ends_with('\n') {
        // Ctrl-D: the cursor stands behind the question.
        writeln!(err)?;
    }
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" | "д" | "да" | "ha" => Ok(()),
        _ => Err(Stop {
            exit: Exit::Failed,
            text: "nothing was done".to_owned(),
        }
        .into()),
    }
}

/// A secret: typed unseen at a terminal, or all of a pipe without its last line break.
///
/// # Errors
/// When there is nothing, or it can't be read.
pub fn secret(prompt: &str) -> anyhow::Result<String> {
    let stdin = io::stdin();
    let text = if stdin.is_terminal() {
        let before = tcgetattr(&stdin)?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        // First mute, then ask: who types at once would be seen, and the flush would swallow it.
        tcsetattr(&stdin, OptionalActions::Flush, &unseen)?;
        write!(io::stderr().lock(), "{}: ", clean(prompt))?;
        io::stderr().flush()?;
        let mut line = String::new();
        let read = stdin.lock().read_line(&mut line);
        // Whatever came of it: a terminal that stays mute is of no use to anybody.
        tcsetattr(&stdin, OptionalActions::Now, &before)?;
        writeln!(io::stderr())?;
        read?;
        line
    } else {
        let mut text = String::new();
        stdin.lock().take(MAX_SECRET).read_to_string(&mut text)?;
        text
    };
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Misuse(
            "there is nothing on standard input: type or pipe the secret in".into(),
        )
        .into());
    }
    Ok(text.to_owned())
}
