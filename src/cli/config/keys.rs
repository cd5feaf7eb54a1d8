//! What every key means: the doc comments of the typed configuration, drawn out of the sources by a test of this file.
//! `UPDATE_CONFIG_KEYS=1 cargo test -p galley --lib cli::config` rewrites `keys.tsv`.

/// Key, type, words of an enumeration, what it means; a line each.
const KEYS: &str = include_str!("keys.tsv");

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Such as `policy.pay_within`; `tokens[].name` for one of a list.
    pub(super) key: &'static str,
    /// In a word.
    pub(super) kind: &'static str,
    words: &'static str,
    /// What it means.
    pub(super) doc: &'static str,
}

impl Key {
    /// The words it can have, where they are few.
    pub(super) fn words(&self) -> Vec<&'static str> {
        self.words.split(' ').filter(|w| !w.is_empty()).collect()
    }
}

fn all() -> impl Iterator<Item = Key> {
    KEYS.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        Some(Key {
            key: parts.next()?,
            kind: parts.next()?,
            words: parts.next()?,
            doc: parts.next()?,
        })
    })
}

/// The keys that a person may mean: the very one, those below it, or those that contain the word.
pub(super) fn find(typed: &str) -> Vec<Key> {
    let typed = plain(typed.trim().trim_matches('.'));
    let exact: Vec<Key> = all().filter(|k| k.key == typed).collect();
    let below: Vec<Key> = all()
        .filter(|k| super::belongs(k.key, &typed) && k.key != typed)
        .collect();
    let known = [exact, below].concat();
    if !known.is_empty() {
        return known;
    }
    let containing: Vec<Key> = all().filter(|k| k.key.contains(&typed)).collect();
    if !containing.is_empty() {
        return containing;
    }
    // One of a table's own names, such as a tender's: the table says what it means.
    let above = |k: &Key| super::belongs(&typed, k.key) && k.kind == "table";
    all().filter(above).last().into_iter().collect()
}

/// A key without numbers: `tokens[3].name` is `tokens[].name`.
pub(super) fn plain(key: &str) -> String {
    let mut text = String::new();
    let mut within = false;
    for c in key.chars() {
        match c {
            '[' => {
                within = true;
                text.push_str("[]");
            }
            ']' => within = false,
            c if !within => text.push(c),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
