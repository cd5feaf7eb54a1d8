//! Settings of one printer.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How to talk to one printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EscPosConfig {
    /// Characters in a line: 32 on 58 mm paper, 48 on 80 mm. \[memory\]
    pub columns: u8,
    /// The printer's number of code page 866 in `ESC t`: 17 in Epson's table; clones have others. \[memory\]
    pub code_page: u8,
    /// It can cut.
    pub cutter: bool,
    /// It answers to `DLE EOT`. Off for printers behind a one-way line: then nobody learns that the paper ended.
    pub status: bool,
    /// How long an answer may take, in milliseconds.
    pub answer_ms: u64,
}

impl Default for EscPosConfig {
    fn default() -> Self {
        Self {
            columns: 48,
            code_page: 17,
            cutter: true,
            status: true,
            answer_ms: 1500,
        }
    }
}

impl EscPosConfig {
    pub(crate) fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms)
    }
}
