//! The paper of an emulated printer: lines of text, and how they are set.

use std::collections::VecDeque;

/// The roll that was printed; the oldest lines are torn off.
#[derive(Clone, Debug)]
pub struct Roll {
    lines: VecDeque<String>,
    limit: usize,
    printed: u64,
}

impl Roll {
    /// An empty one, of which the last `limit` lines are kept.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            limit,
            printed: 0,
        }
    }

    /// Prints lines.
    pub fn print(&mut self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            self.lines.push_back(line);
            self.printed += 1;
            if self.lines.len() > self.limit {
                self.lines.pop_front();
            }
        }
    }

    /// The last lines.
    #[must_use]
    pub fn last(&self, n: usize) -> Vec<String> {
        let skip = self.lines.len().saturating_sub(n);
        self.lines.iter().skip(skip).cloned().collect()
    }

    /// Lines that ever came out.
    #[must_use]
    pub fn printed(&self) -> u64 {
        self.printed
    }
}

/// `12.34`.
#[must_use]
pub fn money(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// Thousandths as people write them: `1.5`.
#[must_use]
pub fn quantity(milli: u64) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// In the middle of a line.
#[must_use]
pub fn centre(text: &str, width: usize) -> String {
    let spare = width.saturating_sub(text.chars().count());
    format!("{}{text}", " ".repeat(spare / 2))
}

/// `left` and `right` at the two edges; on two lines when they don't fit into one.
#[must_use]
pub fn edges(left: &str, right: &str, width: usize) -> Vec<String> {
    let (l, r) = (left.chars().count(), right.chars().count());
    if l + r < width {
        vec![format!("{left}{}{right}", " ".repeat(width - l - r))]
    } else {
        let pad = " ".repeat(width.saturating_sub(r));
        let mut out = wrap(left, width);
        out.push(format!("{pad}{right}"));
        out
    }
}

/// On as many lines as it takes.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(width.max(1))
        .map(|part| part.iter().collect())
        .collect()
}
