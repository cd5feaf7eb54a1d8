//! How far long work is: a bar on standard error, and only on a terminal.

use super::output::{WIDTH, clean, shorten, width};
use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};
use tokio::time::Instant;

/// A terminal is not written to more often.
const EVERY: Duration = Duration::from_millis(100);
/// Columns of the bar itself.
const BAR: usize = 24;

/// A bar; on anything but a terminal it writes nothing.
#[derive(Debug)]
pub struct Progress {
    what: String,
    shown: bool,
    last: Option<Instant>,
}

impl Progress {
    /// Of this work.
    #[must_use]
    pub fn of(what: &str) -> Self {
        Self {
            what: clean(what),
            shown: io::stderr().is_terminal(),
            last: None,
        }
    }

    /// So much of so much is done; with no known end, only so much.
    pub fn at(&mut self, done: u64, of: Option<u64>) {
        let ended = of == Some(done);
        if !self.shown || (!ended && self.last.is_some_and(|l| l.elapsed() < EVERY)) {
            return;
        }
        self.last = Some(Instant::now());
        // Nobody minds when it can't be shown.
        let _ = write!(
            io::stderr().lock(),
            "\r\u{1b}[K{}",
            line(&self.what, done, of)
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && self.last.is_some() {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

fn line(what: &str, done: u64, of: Option<u64>) -> String {
    let Some(of) = of.filter(|of| *of > 0) else {
        return shorten(&format!("{what}  {done}"), WIDTH - 1);
    };
    let done = done.min(of);
    let per_cent = done.saturating_mul(100) / of;
    let full = usize::try_from(per_cent).unwrap_or(0) * BAR / 100;
    let bar = format!("[{}{}]", "#".repeat(full), ".".repeat(BAR - full));
    let room = WIDTH.saturating_sub(1 + width(&bar) + 6);
    format!("{} {bar} {per_cent:>3}%", shorten(what, room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_keeps_within_the_line_and_never_overflows() {
        assert_eq!(
            line("checking", 50, Some(100)),
            "checking [############............]  50%"
        );
        assert!(line("x", 200, Some(100)).ends_with("100%"));
        assert_eq!(line("events", 7, None), "events  7");
        assert!(width(&line(&"слово ".repeat(40), 1, Some(3))) < WIDTH);
    }
}
