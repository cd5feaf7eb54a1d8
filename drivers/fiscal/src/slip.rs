//! Paper that is no fiscal document: a pre-bill with a QR code, a kitchen slip, a report.

use crate::FiscalError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What comes out, from top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slip {
    /// Its parts.
    pub items: Vec<SlipItem>,
    /// Whether the paper is cut behind it, where the printer can.
    #[serde(default)]
    pub cut: bool,
}

/// A part of a slip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "snake_case", deny_unknown_fields)]
pub enum SlipItem {
    /// Text; longer than a line, it is wrapped at words.
    Text {
        /// The text; characters that the printer's code page lacks come out as `?`.
        text: String,
        /// Where in the line.
        #[serde(default)]
        align: Align,
        /// Twice as wide.
        #[serde(default)]
        wide: bool,
    },
    /// Left and right in one line, dots in between: a dish and its price.
    Pair {
        /// At the left.
        left: String,
        /// At the right.
        right: String,
    },
    /// A QR code.
    Qr {
        /// What it says.
        data: String,
        /// Dots of one module; 4 by default.
        #[serde(default = "four")]
        scale: u8,
        /// Where in the line.
        #[serde(default)]
        align: Align,
    },
    /// A line of dashes.
    Rule,
    /// Empty lines.
    Feed {
        /// How many.
        lines: u8,
    },
}

fn four() -> u8 {
    4
}

/// Where in the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// At the left.
    #[default]
    Left,
    /// In the middle.
    Center,
    /// At the right.
    Right,
}

/// Prints slips. A fiscal printer does, and so does a plain receipt printer that knows nothing of the law.
///
/// Slips are no documents: a repeat costs paper only, so after an error the caller may simply ask again.
#[async_trait]
pub trait SlipPrinter: Send {
    /// Characters in a line.
    fn columns(&self) -> usize;

    /// Prints a slip.
    async fn slip(&mut self, slip: &Slip) -> Result<(), FiscalError>;

    /// Opens the cash drawer.
    async fn open_drawer(&mut self) -> Result<(), FiscalError>;
}

/// A printer of slips that is nothing else: no drive, no shift, only paper.
///
/// It tells what became of a slip: [`FiscalError::Unreachable`] and [`FiscalError::Refused`] mean that no byte of it
/// left the box, [`FiscalError::Unknown`] that some or all of it may be on paper. Whoever prints it again then says so
/// on it.
#[async_trait]
pub trait PlainPrinter: SlipPrinter {
    /// Asks whether it could print now. Prints nothing.
    async fn ready(&mut self) -> Result<(), FiscalError>;
}

impl Slip {
    /// The slip as plain lines of `columns` characters, for printers and tests that know text only. A QR code gives its
    /// text in brackets.
    #[must_use]
    pub fn text_lines(&self, columns: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for item in &self.items {
            match item {
                SlipItem::Text { text, align, wide } => {
                    let width = if *wide { columns / 2 } else { columns };
                    lines.extend(wrap(text, width).iter().map(|l| aligned(l, *align, width)));
                }
                SlipItem::Pair { left, right } => lines.extend(pair(left, right, columns)),
                SlipItem::Qr { data, .. } => lines.push(format!("[{data}]")),
                SlipItem::Rule => lines.push("-".repeat(columns)),
                SlipItem::Feed { lines: n } => {
                    lines.extend(std::iter::repeat_n(String::new(), usize::from(*n)));
                }
            }
        }
        lines
    }
}

/// `text` with the signs that a printer's old code page lacks replaced by their nearest, and without control characters:
/// what a dish is called never reaches a printer as a command.
///
/// ```
/// assert_eq!(galley_fiscal::plain("«Osh» — 2\u{a0}ta, toʻyga\u{1b}@"), "\"Osh\" - 2 ta, to'yga@");
/// ```
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '«' | '»' | '“' | '”' | '„' => '"',
            '’' | '‘' | 'ʼ' | 'ʻ' => '\'',
            '–' | '—' | '−' => '-',
            '×' => 'x',
            '\u{00A0}' | '\u{202F}' | '\t' | '\n' | '\r' => ' ',
            '₽' => 'р',
            other => other,
        })
        .filter(|c| !c.is_control())
        .collect()
}

/// Text in lines of at most `width` characters, broken at blanks where there are any.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            if used > 0 && used + 1 + length <= width {
                line.push(' ');
                line.push_str(word);
                used += 1 + length;
                continue;
            }
            if used > 0 {
                lines.push(std::mem::take(&mut line));
            }
            let mut rest: Vec<char> = word.chars().collect();
            while rest.len() > width {
                lines.push(rest.drain(..width).collect());
            }
            used = rest.len();
            line.extend(rest);
        }
        lines.push(line);
    }
    lines
}

/// A line set left, right or in the middle of `width` characters.
#[must_use]
pub fn aligned(line: &str, align: Align, width: usize) -> String {
    let free = width.saturating_sub(line.chars().count());
    let before = match align {
        Align::Left => 0,
        Align::Center => free / 2,
        Align::Right => free,
    };
    format!("{}{line}", " ".repeat(before))
}

/// `left` and `right` with dots in between; a left part that is too long is wrapped above.
fn pair(left: &str, right: &str, columns: usize) -> Vec<String> {
    let right_width = right.chars().count();
    let room = columns.saturating_sub(right_width + 1).max(1);
    let mut lines = wrap(left, room);
    if let Some(last) = lines.last_mut() {
        let dots = columns.saturating_sub(last.chars().count() + right_width + 2);
        *last = format!("{last} {} {right}", ".".repeat(dots));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_whatever_is_in_them() {
        let slip = Slip {
            items: vec![
                SlipItem::Text {
                    text: "Борщ с пампушками и сметаной, большой".into(),
                    align: Align::Center,
                    wide: true,
                },
                SlipItem::Pair {
                    left: "Котлета по-киевски с пюре и салатом из свежих овощей".into(),
                    right: "1 250.00".into(),
                },
                SlipItem::Rule,
            ],
            cut: false,
        };
        for columns in [24, 32, 48] {
            for line in slip.text_lines(columns) {
                assert!(line.chars().count() <= columns, "{columns}: {line:?}");
            }
        }
        let lines = slip.text_lines(32);
        assert!(lines.iter().any(|l| l.ends_with(" 1 250.00")), "{lines:?}");
    }

    #[test]
    fn a_word_longer_than_the_line_is_cut() {
        assert_eq!(wrap("абвгдежз", 3), ["абв", "где", "жз"]);
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(wrap("а бв\nг", 4), ["а бв", "г"]);
    }
}
