//! The architecture, held by reading the sources. Each rule has a name, a reason, and tells its offenders by file
//! and line. Where a rule turns out wrong, change it here and in the design in the same breath.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

#[path = "tidy/source.rs"]
mod source;

use source::{Mention, Source};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// What a rule says of one file: the line, and what is there.
type Offence = (usize, String);

/// One rule of the architecture.
struct Rule {
    name: &'static str,
    reason: &'static str,
    check: fn(&Source) -> Vec<Offence>,
}

/// Longest file, in lines.
const LONGEST: usize = 700;

/// Which of our modules a module may name, besides itself. What is not listed here (the wiring: `run`, `config`,
/// `demo`, and the root) may name all but `cli`.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &[]),
    // What the simulator can switch off; it names nothing.
    ("protection", &[]),
    ("world", &["domain"]),
    ("store", &["domain", "protection"]),
    ("flow", &["store", "world", "domain", "protection"]),
    (
        "devices",
        &["flow", "store", "world", "domain", "protection"],
    ),
    ("connectors", &["flow", "store", "world", "domain"]),
    ("sync", &["flow", "store", "world", "domain", "protection"]),
    (
        "api",
        &[
            "config",
            "web",
            "flow",
            "devices",
            "connectors",
            "sync",
            "store",
            "world",
            "domain",
            "protection",
        ],
    ),
    (
        "hq",
        &[
            "config",
            "web",
            "flow",
            "devices",
            "connectors",
            "sync",
            "store",
            "world",
            "domain",
            "protection",
        ],
    ),
    // A service of its own: it knows the printers' vocabulary and the configuration of a printer, and nothing of a
    // store. `galley run` may use it from afar only, so no layer of the store names it.
    // (`domain` for its points in time, in which the clock speaks.)
    ("gateway", &["config", "world", "domain"]),
    ("web", &[]),
];

/// Which of our driver crates a driver crate may name.
const DRIVERS: &[(&str, &[&str])] = &[
    ("link", &[]),
    ("fiscal", &["galley_link"]),
    ("robot", &["galley_link"]),
    ("atol", &["galley_fiscal", "galley_link"]),
    ("shtrih-m", &["galley_fiscal", "galley_link"]),
    ("escpos", &["galley_fiscal", "galley_link"]),
    ("moley", &["galley_robot", "galley_link"]),
    ("rosbridge", &["galley_robot", "galley_link"]),
];

const DIRECTION: Rule = Rule {
    name: "direction",
    reason: "arrows run one way: main → cli → {api, hq, demo} → {flow, devices, connectors, sync} → store → domain; \
             what points the other way can't be understood, tested or replaced alone",
    check: |file| {
        let Some(own) = file.layer() else {
            return Vec::new();
        };
        let listed = MAY_NAME.iter().find(|(layer, _)| *layer == own);
        file.mentions()
            .filter_map(|m| {
                let named = m.ours()?;
                let fine = match listed {
                    _ if named == own || own == "cli" || own == "main" => true,
                    Some((_, allowed)) => allowed.contains(&named) || !is_layer(named),
                    None => named != "cli",
                };
                (!fine).then(|| (m.line, format!("{own} names {}", m.path.join("::"))))
            })
            .collect()
    },
};

/// Words at the root that are modules with rules, or the wiring; others are re-exports and macros.
fn is_layer(word: &str) -> bool {
    MAY_NAME.iter().any(|(layer, _)| *layer == word)
        || ["cli", "demo", "run", "config", "main"].contains(&word)
}

const PURE_DOMAIN: Rule = Rule {
    name: "pure-domain",
    reason: "the core does no I/O and asks nobody for time or chance: years of a store's life run in seconds from \
             one seed",
    check: |file| {
        if file.layer() != Some("domain") {
            return Vec::new();
        }
        const FOREIGN: &[&[&str]] = &[
            &["tokio"],
            &["rusqlite"],
            &["reqwest"],
            &["axum"],
            &["hyper"],
            &["rand"],
            &["galley_link"],
            &["galley_fiscal"],
            &["galley_robot"],
            &["std", "time", "Instant"],
            &["std", "time", "SystemTime"],
            &["std", "fs"],
            &["std", "net"],
            &["std", "thread"],
            &["std", "env"],
            &["std", "process"],
        ];
        file.offending(FOREIGN)
    },
};

const CONNECTORS_APART: Rule = Rule {
    name: "connectors-apart",
    reason: "a connector never names another: any one can be taken out, replaced or written anew",
    check: |file| {
        let [first, own, ..] = file.module.as_slice() else {
            return Vec::new();
        };
        if first != "connectors" {
            return Vec::new();
        }
        file.mentions()
            .filter(|m| {
                matches!(m.path.as_slice(), [a, b, c, ..] if a == "crate" && b == "connectors" && c != own)
            })
            .map(|m| (m.line, format!("{own} names {}", m.path.join("::"))))
            .collect()
    },
};

const SQL_AT_HOME: Rule = Rule {
    name: "sql-at-home",
    reason: "only src/store, src/hq and the gateway's journal know SQL: what is written, and in which transaction, is \
             seen in one place; the gateway's journal is a file of its own, so that it can run without a store (the \
             library's version number is no SQL)",
    check: |file| {
        let home = matches!(file.layer(), Some("store" | "hq"))
            || matches!(file.module.as_slice(), [a, b, ..] if a == "gateway" && b == "journal");
        if home {
            return Vec::new();
        }
        file.offending(&[&["rusqlite"], &["libsqlite3_sys"]])
            .into_iter()
            .filter(|(_, what)| !what.starts_with("rusqlite::version"))
            .collect()
    },
};

const DRIVERS_APART: Rule = Rule {
    name: "drivers-apart",
    reason: "a driver crate never imports the daemon or another vendor's driver: it can be used, tested and fuzzed \
             alone",
    check: |file| {
        let Some(own) = file.driver() else {
            return Vec::new();
        };
        let allowed = DRIVERS
            .iter()
            .find(|(name, _)| *name == own)
            .map_or(&[][..], |(_, allowed)| allowed);
        let own_crate = format!("galley_{}", own.replace('-', "_"));
        file.mentions()
            .filter(|m| {
                let first = m.path[0].as_str();
                (first == "galley" || first.starts_with("galley_"))
                    && first != own_crate
                    && !allowed.contains(&first)
            })
            .map(|m| (m.line, format!("drivers/{own} names {}", m.path.join("::"))))
            .collect()
    },
};

const BIASED: Rule = Rule {
    name: "biased-select",
    reason: "select! without `biased;` takes branches by chance: the same seed would give another run",
    check: |file| {
        file.windows(&["select", "!", "{"])
            .filter(|at| file.word(at + 3) != "biased")
            .map(|at| (file.line(at), "select! without biased;".to_owned()))
            .collect()
    },
};

const SAME_RUN: Rule = Rule {
    name: "same-run-from-same-seed",
    reason: "order, time and chance come from the world that is handed in, never from the system: the simulator \
             repeats any run",
    check: |file| {
        let mut found: Vec<Offence> = ["HashMap", "HashSet", "SystemTime"]
            .into_iter()
            .flat_map(|word| {
                file.windows(&[word])
                    .map(move |at| (at, word))
                    .collect::<Vec<_>>()
            })
            .map(|(at, word)| (file.line(at), word.to_owned()))
            .collect();
        found.extend(file.offending(&[
            &["std", "thread", "sleep"],
            &["thread", "sleep"],
            &["std", "time", "Instant"],
            &["std", "time", "SystemTime"],
        ]));
        // The one place that asks the system.
        if file.layer() != Some("world") {
            found.extend(file.offending(&[
                &["jiff", "Timestamp", "now"],
                &["jiff", "Zoned", "now"],
                &["Zoned", "now"],
                &["Uuid", "now_v7"],
                &["uuid", "Uuid", "now_v7"],
                &["Uuid", "new_v4"],
                &["rand", "rng"],
            ]));
        }
        found
    },
};

const SAFE: Rule = Rule {
    name: "safe",
    reason: "what the compiler can't check is read again at each change: it is in one file, what SQLite calls in \
             the simulator's disk",
    check: |file| {
        if file.name == "tests/vfs/src/raw.rs" {
            return Vec::new();
        }
        file.windows(&["unsafe"])
            .map(|at| (file.line(at), "unsafe".to_owned()))
            .collect()
    },
};

const SHORT_FILES: Rule = Rule {
    name: "short-files",
    reason: "a file owns one thing and can be read in one go; beyond 700 lines it owns two",
    check: |file| {
        if file.lines > LONGEST {
            vec![(file.lines, format!("{} lines", file.lines))]
        } else {
            Vec::new()
        }
    },
};

#[test]
fn arrows_run_one_way() {
    hold(&DIRECTION);
}

#[test]
fn the_domain_is_pure() {
    hold(&PURE_DOMAIN);
}

#[test]
fn a_connector_never_names_another() {
    hold(&CONNECTORS_APART);
}

#[test]
fn sql_stays_at_home() {
    hold(&SQL_AT_HOME);
}

#[test]
fn drivers_never_name_the_daemon() {
    hold(&DRIVERS_APART);
}

#[test]
fn every_select_is_biased() {
    hold(&BIASED);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    hold(&SAME_RUN);
    // The simulator's disk as well; it alone may name SQLite and use `unsafe`.
    hold_in(&SAME_RUN, &["tests/vfs/src"]);
}

#[test]
fn unsafe_is_in_the_simulators_disk_only() {
    hold(&SAFE);
    hold_in(&SAFE, &["tests", "benches"]);
}

#[test]
fn no_file_is_too_long() {
    let root = root();
    let mut text = String::new();
    for path in files(
        &root,
        &["src", "drivers", "tests/vfs"],
        &["rs", "ts", "tsx", "css", "mjs", "sql"],
    ) {
        let source = Source::read(&root, &path);
        for (_, what) in (SHORT_FILES.check)(&source) {
            writeln!(text, "  {}: {what}", source.name).unwrap();
        }
    }
    assert!(text.is_empty(), "{}", told(&SHORT_FILES, &text));
}

#[test]
fn every_connector_has_a_readme() {
    let connectors = root().join("src/connectors");
    let without: Vec<PathBuf> = fs::read_dir(connectors)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.join("README.md").is_file())
        .collect();
    assert!(
        without.is_empty(),
        "rule every-connector-has-a-readme\n  what the other side's wire is, where that is known from, and what is \
         in doubt must be found beside the code\n  {without:?}"
    );
}

#[test]
fn the_sources_are_found_at_all() {
    let found = files(&root(), &["src", "drivers"], &["rs"]);
    assert!(found.len() > 50, "only {} files", found.len());
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Holds one rule over all Rust sources.
fn hold(rule: &Rule) {
    hold_in(rule, &["src", "drivers"]);
}

fn hold_in(rule: &Rule, folders: &[&str]) {
    let root = root();
    let mut text = String::new();
    for path in files(&root, folders, &["rs"]) {
        let source = Source::read(&root, &path);
        let mut offences = (rule.check)(&source);
        offences.sort();
        offences.dedup();
        for (line, what) in offences {
            writeln!(text, "  {}:{line}: {what}", source.name).unwrap();
        }
    }
    assert!(text.is_empty(), "{}", told(rule, &text));
}

fn told(rule: &Rule, offenders: &str) -> String {
    format!("rule {}\n  {}\n{offenders}", rule.name, rule.reason)
}

/// All files with one of these endings, sorted, without what is built or fetched.
fn files(root: &Path, folders: &[&str], endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = folders.iter().map(|f| root.join(f)).collect();
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
            if path.is_dir() {
                if !["dist", "node_modules", "target"].contains(&name) {
                    todo.push(path);
                }
            } else if path
                .extension()
                .and_then(|e| e.to_str())
                .is_some_and(|e| endings.contains(&e))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

impl Source {
    /// The module right under the root: `domain`, `cli` …; none for the root itself and for drivers.
    fn layer(&self) -> Option<&str> {
        if self.driver().is_some() {
            return None;
        }
        self.module.first().map(String::as_str)
    }

    /// Mentions that begin with one of these paths.
    fn offending(&self, paths: &[&[&str]]) -> Vec<Offence> {
        self.mentions()
            .filter(|m| {
                paths
                    .iter()
                    .any(|p| m.path.len() >= p.len() && m.path.iter().zip(*p).all(|(a, b)| a == b))
            })
            .map(|m| (m.line, m.path.join("::")))
            .collect()
    }
}

impl Mention {
    /// Which of our modules is named.
    fn ours(&self) -> Option<&str> {
        match self.path.as_slice() {
            [first, second, ..] if first == "crate" || first == "galley" => Some(second),
            _ => None,
        }
    }
}

/// What a rule finds in a file of this name and text.
fn found(rule: &Rule, name: &str, text: &str) -> usize {
    (rule.check)(&Source::parse(name, text)).len()
}

#[test]
fn the_direction_is_seen_however_it_is_written() {
    let bad = |name, text| assert_eq!(found(&DIRECTION, name, text), 1, "{name}: {text}");
    bad("src/domain/order.rs", "use crate::store::Store;");
    bad(
        "src/domain/order.rs",
        "use crate::{domain::money, flow::{self}};",
    );
    bad(
        "src/domain/order/line.rs",
        "use super::super::super::world::Clock;",
    );
    bad(
        "src/flow/engine.rs",
        "fn f() { crate::devices::fiscal::go() }",
    );
    bad(
        "src/store/log.rs",
        "mod tests { use super::super::super::api::x; }",
    );
    bad("src/api/router.rs", "use crate::hq::Fleet;");
    bad("src/demo.rs", "use crate::cli::output;");
    bad("src/world/mod.rs", "use crate::flow::Site;");
    let good = |name, text| assert_eq!(found(&DIRECTION, name, text), 0, "{name}: {text}");
    good(
        "src/domain/order.rs",
        "use super::money; use crate::domain::text; use tokio::x;",
    );
    good(
        "src/flow/engine.rs",
        "// crate::devices\nlet x = \"crate::devices::y\";",
    );
    good(
        "src/flow/engine.rs",
        "/* use crate::api::x; /* nested */ crate::api::x */",
    );
    good("src/cli/demo.rs", "use crate::{demo::run, api::x, hq};");
    good(
        "src/run.rs",
        "use crate::{api, devices, connectors::alfa_bank};",
    );
    good(
        "src/store/log.rs",
        "mod tests { use super::super::super::domain::x; use super::*; }",
    );
    good(
        "src/connectors/sms_ru/mod.rs",
        "use crate::flow::executor::Executor;",
    );
}

#[test]
fn impurity_is_seen_inside_of_groups() {
    for text in [
        "use std::{collections::BTreeMap, fs};",
        "use std::{time::{Duration, Instant}};",
        "fn f() { std::thread::spawn(g); }",
        "async fn f() { tokio::time::sleep(x).await }",
        "use rand::Rng as _;",
    ] {
        assert_eq!(found(&PURE_DOMAIN, "src/domain/x.rs", text), 1, "{text}");
        assert_eq!(found(&PURE_DOMAIN, "src/store/x.rs", text), 0, "{text}");
    }
    assert_eq!(
        found(&PURE_DOMAIN, "src/domain/x.rs", "use std::time::Duration;"),
        0
    );
}

#[test]
fn a_connector_that_names_another_is_seen() {
    let rule = &CONNECTORS_APART;
    let name = "src/connectors/one_c/map.rs";
    assert_eq!(found(rule, name, "use crate::connectors::sms_ru::text;"), 1);
    assert_eq!(found(rule, name, "use super::super::sms_ru::text;"), 1);
    assert_eq!(
        found(
            rule,
            name,
            "use super::wire; use crate::connectors::one_c::key;"
        ),
        0
    );
    assert_eq!(
        found(
            rule,
            "src/connectors/mod.rs",
            "pub mod sms_ru; use sms_ru::x;"
        ),
        0
    );
}

#[test]
fn sql_away_from_home_is_seen() {
    for (name, text, offences) in [
        ("src/api/orders.rs", "use rusqlite::params;", 1),
        ("src/flow/engine.rs", "fn f(e: rusqlite::Error) {}", 1),
        ("src/store/log.rs", "use rusqlite::params;", 0),
        ("src/hq/db/sqlite.rs", "use rusqlite::params;", 0),
        ("src/gateway/journal/rows.rs", "use rusqlite::params;", 0),
        ("src/gateway/queue.rs", "use rusqlite::params;", 1),
        (
            "src/cli/doctor.rs",
            "rusqlite::version(); rusqlite::version_number();",
            0,
        ),
    ] {
        assert_eq!(found(&SQL_AT_HOME, name, text), offences, "{name}");
    }
}

#[test]
fn a_driver_that_names_the_daemon_or_a_rival_is_seen() {
    let rule = &DRIVERS_APART;
    assert_eq!(
        found(rule, "drivers/atol/src/lib.rs", "use galley::world::World;"),
        1
    );
    assert_eq!(
        found(rule, "drivers/atol/src/lib.rs", "use galley_moley::x;"),
        1
    );
    assert_eq!(
        found(rule, "drivers/fiscal/src/lib.rs", "use galley_atol::x;"),
        1
    );
    let fine = "use galley_link::Dialer; use galley_fiscal::X; use galley_atol::y;";
    assert_eq!(found(rule, "drivers/atol/tests/links.rs", fine), 0);
}

#[test]
fn a_select_that_leaves_it_to_chance_is_seen() {
    let rule = &BIASED;
    assert_eq!(
        found(rule, "src/x.rs", "tokio::select! {\n a = b => {} }"),
        1
    );
    assert_eq!(found(rule, "src/x.rs", "select! { _ = x => {} }"), 1);
    assert_eq!(
        found(
            rule,
            "src/x.rs",
            "tokio::select! {\n // why\n biased;\n a = b => {} }"
        ),
        0
    );
}

#[test]
fn what_differs_from_run_to_run_is_seen() {
    for text in [
        "use std::collections::{BTreeMap, HashMap};",
        "let s: HashSet<u8>;",
        "std::thread::sleep(d);",
        "use std::time::{Duration, Instant};",
        "let t = jiff::Timestamp::now();",
        "let id = Uuid::now_v7();",
    ] {
        assert_eq!(found(&SAME_RUN, "src/flow/x.rs", text), 1, "{text}");
    }
    for text in [
        "use tokio::time::Instant; let a = Instant::now();",
        "// HashMap\nlet x = \"HashMap\"; let c = 'H'; let r = r#\"SystemTime \"# ;",
        "fn f<'a>(x: &'a str) -> &'a str { x }",
    ] {
        assert_eq!(found(&SAME_RUN, "src/flow/x.rs", text), 0, "{text}");
    }
    assert_eq!(
        found(&SAME_RUN, "src/world/clock.rs", "jiff::Timestamp::now()"),
        0
    );
}

#[test]
fn unsafe_away_from_the_disk_is_seen() {
    let text = "fn f() { unsafe { g() } } // unsafe";
    assert_eq!(found(&SAFE, "src/x.rs", text), 1);
    assert_eq!(found(&SAFE, "tests/vfs/src/state.rs", text), 1);
    assert_eq!(found(&SAFE, "tests/vfs/src/raw.rs", text), 0);
}

#[test]
fn a_long_file_is_seen() {
    assert_eq!(found(&SHORT_FILES, "src/x.rs", &"\n".repeat(LONGEST)), 0);
    assert_eq!(
        found(&SHORT_FILES, "src/x.rs", &"\n".repeat(LONGEST + 1)),
        1
    );
}
