//! Reads a Rust source as far as the rules need it: words, and the paths that are named, whole and resolved.
//! Comments and literals are no mentions.

use std::{fs, path::Path};

/// One source.
pub struct Source {
    /// Its path from the root.
    pub name: String,
    /// Its module path within its crate.
    pub module: Vec<String>,
    /// How many lines it has.
    pub lines: usize,
    words: Vec<(String, usize)>,
}

/// A path that is named, such as `crate::domain::money`; groups are one mention an item.
pub struct Mention {
    /// Its segments; `super` and `self` are resolved to `crate`.
    pub path: Vec<String>,
    /// Where it is.
    pub line: usize,
}

impl Source {
    pub fn read(root: &Path, path: &Path) -> Self {
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        Self::parse(&name, &fs::read_to_string(path).unwrap())
    }

    pub fn parse(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            module: module_of(name),
            lines: text.lines().count(),
            words: words(text),
        }
    }

    /// The driver crate it belongs to.
    pub fn driver(&self) -> Option<&str> {
        self.name.strip_prefix("drivers/")?.split('/').next()
    }

    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |w| w.0.as_str())
    }

    pub fn line(&self, at: usize) -> usize {
        self.words.get(at).map_or(0, |w| w.1)
    }

    /// Where these words stand in a row.
    pub fn windows<'a>(&'a self, row: &'a [&'a str]) -> impl Iterator<Item = usize> + 'a {
        (0..self.words.len()).filter(move |at| {
            row.iter()
                .enumerate()
                .all(|(i, word)| self.word(at + i) == *word)
        })
    }

    /// Every path that is named.
    pub fn mentions(&self) -> impl Iterator<Item = Mention> {
        let mut found = Vec::new();
        // Modules written inline, with the depth of braces they began at.
        let mut inline: Vec<(String, usize)> = Vec::new();
        let mut depth = 0;
        let mut at = 0;
        while at < self.words.len() {
            match self.word(at) {
                "{" => {
                    if at >= 2 && self.word(at - 2) == "mod" {
                        inline.push((self.word(at - 1).to_owned(), depth));
                    }
                    depth += 1;
                }
                "}" => {
                    depth = usize::saturating_sub(depth, 1);
                    if inline.last().is_some_and(|(_, began)| *began == depth) {
                        inline.pop();
                    }
                }
                word if is_ident(word) && self.word(at + 1) == "::" => {
                    let mut module = self.module.clone();
                    module.extend(inline.iter().map(|(name, _)| name.clone()));
                    at = self.path(at, &[], &module, &mut found);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        found.into_iter()
    }

    /// Reads the path that begins at `at`, behind what it stands in; answers where it ends.
    fn path(
        &self,
        mut at: usize,
        before: &[String],
        module: &[String],
        found: &mut Vec<Mention>,
    ) -> usize {
        let line = self.line(at);
        let mut path = before.to_vec();
        loop {
            match self.word(at) {
                "{" => {
                    at += 1;
                    while !["}", ""].contains(&self.word(at)) {
                        let next = self.path(at, &path, module, found);
                        // A name that follows `as`, and commas.
                        at = next.max(at + 1);
                        while !["}", ",", ""].contains(&self.word(at)) {
                            at += 1;
                        }
                        if self.word(at) == "," {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                "*" => {
                    path.push("*".to_owned());
                    at += 1;
                    break;
                }
                word if is_ident(word) => {
                    path.push(word.to_owned());
                    at += 1;
                }
                _ => break,
            }
            if self.word(at) != "::" {
                break;
            }
            at += 1;
        }
        if !path.is_empty() {
            let path = resolve(path, module);
            found.push(Mention { path, line });
        }
        at
    }
}

/// `super::x` seen from `module`, from the crate's root.
fn resolve(path: Vec<String>, module: &[String]) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = path.as_slice();
    let mut relative = false;
    while let Some((first, more)) = rest.split_first() {
        match first.as_str() {
            "self" => {}
            "super" => drop(base.pop()),
            _ => break,
        }
        relative = true;
        rest = more;
    }
    if !relative || rest.len() == path.len() {
        return path;
    }
    ["crate".to_owned()]
        .into_iter()
        .chain(base)
        .chain(rest.iter().cloned())
        .collect()
}

fn module_of(name: &str) -> Vec<String> {
    let inner = name.split_once("src/").map_or(name, |(_, rest)| rest);
    let inner = inner.trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|p| p == "mod" || p == "lib") {
        parts.pop();
    }
    parts
}

fn is_ident(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Identifiers, `::`, and single signs, each with its line.
fn words(text: &str) -> Vec<(String, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut words = Vec::new();
    let mut line = 1;
    let mut i = 0;
    while i < chars.len() {
        let began = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            '"' => i = string_end(&chars, i),
            'r' | 'b' | 'c' if literal_end(&chars, i).is_some() => {
                i = literal_end(&chars, i).unwrap_or(i + 1);
            }
            '\'' => i = quote_end(&chars, i),
            c if c.is_alphabetic() || c == '_' => {
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                words.push((chars[began..i].iter().collect(), line));
            }
            c if c.is_ascii_digit() => {
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
            }
            ':' if at(i + 1) == ':' => {
                words.push(("::".to_owned(), line));
                i += 2;
            }
            c => {
                if !c.is_whitespace() {
                    words.push((c.to_string(), line));
                }
                i += 1;
            }
        }
        line += chars[began..i.min(chars.len())]
            .iter()
            .filter(|c| **c == '\n')
            .count();
    }
    words
}

/// Behind a string that begins with the quote at `i`.
fn string_end(chars: &[char], i: usize) -> usize {
    let mut i = i + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Behind a literal with a prefix: `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `b'…'`, `c"…"`.
fn literal_end(chars: &[char], start: usize) -> Option<usize> {
    let mut i = start;
    let mut raw = false;
    while let Some(c @ ('r' | 'b' | 'c')) = chars.get(i) {
        raw |= *c == 'r';
        i += 1;
    }
    if i - start > 2 {
        return None;
    }
    let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
    match chars.get(i + hashes) {
        Some('"') if raw => {
            let mut end = i + hashes + 1;
            while end < chars.len() {
                let closed = chars[end] == '"'
                    && chars[end + 1..]
                        .iter()
                        .take(hashes)
                        .filter(|c| **c == '#')
                        .count()
                        == hashes;
                end += 1;
                if closed {
                    return Some(end + hashes);
                }
            }
            Some(end)
        }
        Some('"') if hashes == 0 => Some(string_end(chars, i)),
        Some('\'') if hashes == 0 && chars[start] == 'b' && i == start + 1 => {
            Some(quote_end(chars, i))
        }
        _ => None,
    }
}

/// Behind a character literal, or behind the quote of a lifetime.
fn quote_end(chars: &[char], i: usize) -> usize {
    match (chars.get(i + 1), chars.get(i + 2)) {
        (Some('\\'), _) => {
            let mut end = i + 3;
            while end < chars.len() && chars[end] != '\'' {
                end += 1;
            }
            end + 1
        }
        (Some(_), Some('\'')) => i + 3,
        _ => i + 1,
    }
}
