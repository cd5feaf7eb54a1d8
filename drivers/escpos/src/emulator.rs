//! The other side: a printer whose paper is lines of text.

use crate::command;
use galley_link::Listener;
use oem_cp::{code_table::DECODING_TABLE_CP866, decode_string_complete_table};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Lines of the longest roll that hangs from the printer.
const ROLL: usize = 20_000;

/// A plain receipt printer. Clones are the same printer.
#[derive(Clone, Debug, Default)]
pub struct EscPosEmulator {
    shared: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    line: String,
    drawer: u32,
    cuts: u32,
    no_paper: bool,
    /// Lines until the paper ends; endless when none.
    paper_left: Option<u32>,
    cover_open: bool,
    silent: bool,
    /// Bytes until the link breaks, once.
    break_after: Option<usize>,
    /// Lines that ever came out.
    printed: u64,
}

impl EscPosEmulator {
    /// A printer with paper.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came out; a QR code is its text in brackets.
    #[must_use]
    pub fn paper(&self) -> Vec<String> {
        self.state().lines.clone()
    }

    /// The last lines that came out.
    #[must_use]
    pub fn last_lines(&self, n: usize) -> Vec<String> {
        let state = self.state();
        let skip = state.lines.len().saturating_sub(n);
        state.lines.iter().skip(skip).cloned().collect()
    }

    /// How often the drawer was opened, and the paper cut.
    #[must_use]
    pub fn drawer_and_cuts(&self) -> (u32, u32) {
        let state = self.state();
        (state.drawer, state.cuts)
    }

    /// How many lines ever came out.
    #[must_use]
    pub fn printed_lines(&self) -> u64 {
        self.state().printed
    }

    /// Takes the paper out, or puts an endless roll in.
    pub fn set_paper(&self, there: bool) {
        let mut state = self.state();
        state.no_paper = !there;
        state.paper_left = None;
    }

    /// The roll ends after so many lines more.
    pub fn paper_ends_after(&self, lines: u32) {
        self.state().paper_left = Some(lines);
    }

    /// The link breaks after so many bytes more, once.
    pub fn break_link_after(&self, bytes: usize) {
        self.state().break_after = Some(bytes);
    }

    /// Opens the cover, or closes it.
    pub fn set_cover(&self, open: bool) {
        self.state().cover_open = open;
    }

    /// Answers nothing, or again.
    pub fn set_silent(&self, silent: bool) {
        self.state().silent = silent;
    }

    /// Serves one connection after the other, until the listener ends.
    pub async fn serve(self, mut listener: Listener) {
        while let Some(mut stream) = listener.accept().await {
            self.serve_stream(&mut stream).await;
        }
    }

    /// Serves one connection, until it ends.
    pub async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S) {
        let mut bytes = Vec::new();
        let mut buffer = [0; 1024];
        while let Ok(n) = stream.read(&mut buffer).await
            && n > 0
        {
            let (taken, broken) = self.through(n);
            bytes.extend_from_slice(&buffer[..taken]);
            let mut answers = Vec::new();
            while let Some(used) = self.take(&bytes, &mut answers) {
                bytes.drain(..used);
            }
            if broken || !answers.is_empty() && stream.write_all(&answers).await.is_err() {
                break;
            }
        }
    }

    /// How many of `n` bytes come through, and whether the link breaks behind them.
    fn through(&self, n: usize) -> (usize, bool) {
        let mut state = self.state();
        match state.break_after {
            Some(left) if left < n => {
                state.break_after = None;
                (left, true)
            }
            Some(left) => {
                state.break_after = Some(left - n);
                (n, false)
            }
            None => (n, false),
        }
    }

    /// Takes one command or character; how many bytes it was, `None` when more must come.
    fn take(&self, bytes: &[u8], answers: &mut Vec<u8>) -> Option<usize> {
        let mut state = self.state();
        match *bytes {
            [] => None,
            [0x10, 0x04, n, ..] => {
                let bits = match n {
                    2 if state.cover_open => command::COVER_OPEN,
                    4 if state.no_paper => command::PAPER_END,
                    _ => 0,
                };
                if !state.silent {
                    answers.push(command::ANSWER | bits);
                }
                Some(3)
            }
            [0x1b, 0x40, ..] => {
                // What an earlier link left in the buffer never comes out.
                state.line.clear();
                Some(2)
            }
            [0x1b, 0x74 | 0x61, _, ..] | [0x1d, 0x21, _, ..] => Some(3),
            [0x1b, 0x70, _, _, _, ..] => {
                state.drawer += 1;
                Some(5)
            }
            [0x1d, 0x56, _, _, ..] => {
                state.cuts += 1;
                Some(4)
            }
            [0x1d, 0x28, 0x6b, low, high, ..] => {
                let length = usize::from(u16::from_le_bytes([low, high]));
                let body = bytes.get(5..5 + length)?;
                if let [0x31, 0x50, 0x30, data @ ..] = body {
                    state.line = format!("[{}]", String::from_utf8_lossy(data));
                }
                Some(5 + length)
            }
            [0x10 | 0x1b | 0x1d, ..] if bytes.len() < 5 => None,
            [command::LINE_FEED, ..] => {
                let line = std::mem::take(&mut state.line);
                if !state.no_paper {
                    state.lines.push(line);
                    // The roll is torn off now and then: half of it, so that it costs little.
                    if state.lines.len() >= ROLL {
                        state.lines.drain(..ROLL / 2);
                    }
                    state.printed += 1;
                }
                if let Some(left) = &mut state.paper_left {
                    *left = left.saturating_sub(1);
                    state.no_paper |= *left == 0;
                }
                Some(1)
            }
            [byte, ..] => {
                let text = decode_string_complete_table(&[byte], &DECODING_TABLE_CP866);
                state.line.push_str(&text);
                Some(1)
            }
        }
    }
}
