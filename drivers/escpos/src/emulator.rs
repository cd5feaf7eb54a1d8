//! The other side: a printer whose paper is lines of text.

use crate::command;
use galley_link::Listener;
use oem_cp::{code_table::DECODING_TABLE_CP866, decode_string_complete_table};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
    cover_open: bool,
    silent: bool,
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

    /// How often the drawer was opened, and the paper cut.
    #[must_use]
    pub fn drawer_and_cuts(&self) -> (u32, u32) {
        let state = self.state();
        (state.drawer, state.cuts)
    }

    /// Takes the paper out, or puts it in.
    pub fn set_paper(&self, there: bool) {
        self.state().no_paper = !there;
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
            let mut bytes = Vec::new();
            let mut buffer = [0; 1024];
            while let Ok(n) = stream.read(&mut buffer).await
                && n > 0
            {
                bytes.extend_from_slice(&buffer[..n]);
                let mut answers = Vec::new();
                while let Some(used) = self.take(&bytes, &mut answers) {
                    bytes.drain(..used);
                }
                if !answers.is_empty() && stream.write_all(&answers).await.is_err() {
                    break;
                }
            }
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
            [0x1b, 0x40, ..] => Some(2),
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
