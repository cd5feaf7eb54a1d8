//! No statement may walk a table that grows with the years, unless it is meant to: SQLite's own plan of every statement
//! in this folder's code is looked at. (One that is put together of pieces names its index, and fails without it.)

use super::*;
use std::{collections::BTreeSet, fs};

/// Tables that have a row for every order, event or guest that there ever was.
const GROWING: [&str; 14] = [
    "attempts",
    "contacts",
    "effects",
    "events",
    "guests",
    "loyalty_members",
    "loyalty_moves",
    "marks",
    "order_parts",
    "orders",
    "promotion_uses",
    "receipts",
    "requests",
    "uses",
];

/// Indexes that hold only what is not over.
const OF_WHAT_IS_LIVE: [&str; 2] = ["effects_live", "orders_active"];

/// Walks that are meant, by what stands in the statement.
const MEANT: [(&str, &str); 15] = [
    (
        "SELECT id, doc, \"check\" FROM orders WHERE ?1 IS NULL",
        "every order is asked for",
    ),
    (
        "SELECT key, shift_number, doc, \"check\" FROM receipts",
        "the walk of every day",
    ),
    (
        "json_extract(doc, '$.registered.document_number')",
        "a person asks for a number on paper",
    ),
    (
        "json_extract(body, '$.answer.token_hash')",
        "a box is enrolled",
    ),
    ("SELECT turn FROM effects", "a migration's test"),
    ("SELECT count(*) FROM effects", "the simulator counts"),
    (
        "SELECT day, number FROM orders GROUP BY day, number",
        "the proof, and a replaced box",
    ),
    (
        "max(number) FROM orders GROUP BY day",
        "a backup is restored",
    ),
    ("A backup was restored", "a backup is restored"),
    (
        "SET state = 'unknown', next_at = 0 WHERE state = 'waiting'",
        "a backup is restored",
    ),
    ("FROM events ORDER BY seq DESC LIMIT 1", "the last one only"),
    (
        "DELETE FROM requests WHERE at <",
        "once an hour, and two days' requests",
    ),
    ("contacts WHERE at <", "once an hour"),
    ("DELETE FROM guests WHERE at <", "once an hour"),
    (
        "FROM loyalty_m",
        "the programme's proof, its report and its erasure",
    ),
];

/// The string literals of a source, without their escapes.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find('"') {
        let raw = rest[..at].ends_with("r#");
        rest = &rest[at + 1..];
        let end = match raw {
            true => rest.find("\"#"),
            false => rest
                .char_indices()
                .scan(false, |escaped, (i, c)| {
                    let ends = c == '"' && !*escaped;
                    *escaped = c == '\\' && !*escaped;
                    Some((i, ends))
                })
                .find_map(|(i, ends)| ends.then_some(i)),
        };
        let Some(end) = end else { break };
        found.push(rest[..end].replace("\\\n", " ").replace("\\\"", "\""));
        rest = &rest[end + 1..];
    }
    found
}

fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs")
            && !path.ends_with("plans.rs")
            && !path.ends_with("tests.rs")
        {
            into.push(fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn nothing_walks_a_table_that_grows_unless_it_is_meant_to() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::at(folder.path().join("store.db"));
    drop(Store::open(options.clone()).unwrap());
    let db = open_reader(&options).unwrap();
    let mut code = Vec::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    sources(&here, &mut code);
    let words = |s: String| s.split_whitespace().collect::<Vec<_>>().join(" ");
    let statements: BTreeSet<String> = code
        .iter()
        .flat_map(|source| literals(source))
        .map(words)
        .collect();
    let (mut looked_at, mut walks) = (0, Vec::new());
    for statement in &statements {
        let verb = statement.split(' ').next().unwrap_or_default();
        if !["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"].contains(&verb) {
            continue;
        }
        let Ok(mut plan) = db.prepare(&format!("EXPLAIN QUERY PLAN {statement}")) else {
            // Put together of pieces, or of a database before a migration.
            continue;
        };
        looked_at += 1;
        for n in 1..=plan.parameter_count() {
            plan.raw_bind_parameter(n, rusqlite::types::Null).unwrap();
        }
        let mut rows = plan.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            let mut words = step.split(' ');
            let walked = words.next() == Some("SCAN")
                && words.next().is_some_and(|table| GROWING.contains(&table));
            let live = OF_WHAT_IS_LIVE.iter().any(|index| step.ends_with(index));
            if walked && !live && !MEANT.iter().any(|(what, _)| statement.contains(what)) {
                walks.push(format!("{step}: {statement}"));
            }
        }
    }
    assert!(looked_at > 150, "only {looked_at} statements were found");
    assert_eq!(walks, Vec::<String>::new());
}
