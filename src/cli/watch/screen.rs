//! A terminal that is drawn on: another screen than the one with the commands, keys without echo. Whatever happens, it
//! is left as it was found.

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use std::io::{self, IsTerminal as _, Stdin, Write as _};
use tokio::io::{Interest, unix::AsyncFd};

/// A line more would scroll the page.
const SPARE: u16 = 1;

/// What was pressed.
pub(super) enum Key {
    /// To end it.
    Quit,
    /// Anything else: look again at once.
    Other,
}

/// The terminal, as long as it is drawn on.
pub(super) struct Screen {
    before: Option<Termios>,
    keyboard: Option<AsyncFd<Stdin>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it can't be set.
    pub(super) fn open() -> io::Result<Self> {
        let stdin = io::stdin();
        let mut screen = Self {
            before: None,
            keyboard: None,
        };
        if stdin.is_terminal() {
            let before = tcgetattr(&stdin)?;
            let mut raw = before.clone();
            // Ctrl-C stays a signal; a read takes what is there and does not wait.
            raw.local_modes
                .remove(LocalModes::ECHO | LocalModes::ICANON);
            raw.special_codes[SpecialCodeIndex::VMIN] = 0;
            raw.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(&stdin, OptionalActions::Now, &raw)?;
            screen.before = Some(before);
            screen.keyboard = Some(watched(stdin)?);
        }
        // The other screen, without a cursor.
        write!(io::stdout(), "\u{1b}[?1049h\u{1b}[?25l")?;
        io::stdout().flush()?;
        Ok(screen)
    }

    /// Lines that fit.
    pub(super) fn rows(&self) -> usize {
        // Some lines tell no size, or none at all.
        let size = tcgetwinsize(io::stdout()).map_or(0, |s| s.ws_row);
        let rows = if size < 2 { 24 } else { size };
        usize::from(rows - SPARE)
    }

    /// Draws the page over the last one, without a flicker: each line is written, then cleared to its end.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn draw(&self, page: &str) -> io::Result<()> {
        let mut text = "\u{1b}[H".to_owned();
        for line in page.lines() {
            text += line;
            text += "\u{1b}[K\r\n";
        }
        text += "\u{1b}[J";
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Waits for a key; for ever where there is no keyboard.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) async fn key(&self) -> io::Result<Key> {
        let Some(keyboard) = &self.keyboard else {
            return std::future::pending().await;
        };
        loop {
            let mut ready = keyboard.readable().await?;
            let mut bytes = [0; 16];
            let read = rustix::io::read(keyboard.get_ref(), &mut bytes)?;
            match bytes.get(..read).unwrap_or_default() {
                [] => ready.clear_ready(),
                // q, its Russian key, Escape alone, Ctrl-D.
                b"q" | b"Q" | b"\xd0\xb9" | b"\x1b" | b"\x04" => return Ok(Key::Quit),
                _ => return Ok(Key::Other),
            }
        }
    }
}

#[allow(
    deprecated,
    reason = "its successor is unsafe, for handles that are closed meanwhile; standard input is not"
)]
fn watched(stdin: Stdin) -> io::Result<AsyncFd<Stdin>> {
    AsyncFd::with_interest(stdin, Interest::READABLE)
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write!(io::stdout(), "\u{1b}[?25h\u{1b}[?1049l");
        let _ = io::stdout().flush();
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
