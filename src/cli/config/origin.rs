//! On which line of the file a value is set.

use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nobody set it.
    Default,
    /// The file, on this line, from 1.
    File(usize),
}

/// The lines of all keys that a file sets, by `store.id`, `tokens[0].name`.
///
/// # Errors
/// When it is no TOML; in words.
pub(super) fn lines(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let table = DeTable::parse(text).map_err(|e| e.to_string())?;
    let mut found = BTreeMap::new();
    walk(table.get_ref(), "", text, &mut found);
    Ok(found)
}

/// Where the value of a key comes from: its own line, or that of what it is a part of.
pub(super) fn of(lines: &BTreeMap<String, usize>, key: &str) -> Origin {
    match lines.get(key) {
        Some(line) => Origin::File(*line),
        None => Origin::Default,
    }
}

fn walk(table: &DeTable<'_>, above: &str, text: &str, found: &mut BTreeMap<String, usize>) {
    for (name, value) in table.iter() {
        let key = match above {
            "" => name.get_ref().to_string(),
            above => format!("{above}.{}", name.get_ref()),
        };
        let line = line_of(text, name.span().start);
        enter(value.get_ref(), &key, line, text, found);
    }
}

fn enter(
    value: &DeValue<'_>,
    key: &str,
    line: usize,
    text: &str,
    found: &mut BTreeMap<String, usize>,
) {
    match value {
        DeValue::Table(table) => walk(table, key, text, found),
        DeValue::Array(items) if items.iter().any(|i| i.get_ref().is_table()) => {
            for (i, item) in items.iter().enumerate() {
                let line = line_of(text, item.span().start);
                enter(item.get_ref(), &format!("{key}[{i}]"), line, text, found);
            }
        }
        _ => {
            found.insert(key.to_owned(), line);
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().filter(|b| **b == b'\n').count() + 1
}
