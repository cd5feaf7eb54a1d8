//! Every help page and every kind of JSON document, as snapshots. `UPDATE_SNAPSHOTS=1 cargo test -p galley --test
//! cli_words` rewrites them; look at the difference before it is committed.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]
#![cfg(all(feature = "emulators", feature = "hq"))]

mod stub;

use clap::{Command, CommandFactory as _};
use galley::cli::Cli;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use stub::*;

/// Compares with the snapshots of a folder, all of them: one that nobody makes any more is a fault too.
struct Snapshots {
    folder: PathBuf,
    update: bool,
    seen: BTreeSet<String>,
    faults: Vec<String>,
}

impl Snapshots {
    fn of(folder: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/snapshots")
            .join(folder);
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            update: std::env::var_os("UPDATE_SNAPSHOTS").is_some(),
            seen: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    fn check(&mut self, name: &str, text: &str) {
        let file = self.folder.join(name);
        self.seen.insert(name.to_owned());
        if self.update {
            fs::write(&file, text).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != text {
            self.faults.push(format!("{name} is now:\n{text}"));
        }
    }

    fn end(mut self) {
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if !self.seen.contains(&name) {
                if self.update {
                    fs::remove_file(path).unwrap();
                } else {
                    self.faults.push(format!("{name} is of nothing any more"));
                }
            }
        }
        assert!(
            self.faults.is_empty(),
            "{}\nUPDATE_SNAPSHOTS=1 cargo test -p galley --test cli_words",
            self.faults.join("\n")
        );
    }
}

/// A page, and those of its verbs behind it.
fn pages(command: &Command, path: &str, text: &mut String) {
    let mut command = command
        .clone()
        .term_width(80)
        .bin_name(path)
        .mut_args(|a| a.hide_env_values(true));
    text.push_str(&format!("$ {path} --help\n"));
    let page = command.render_long_help().to_string();
    for line in page.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for verb in command.get_subcommands() {
        if verb.get_name() != "help" {
            pages(verb, &format!("{path} {}", verb.get_name()), text);
        }
    }
}

#[test]
fn every_help_page_is_the_one_that_was_agreed_on() {
    let mut snapshots = Snapshots::of("help");
    let mut cli = Cli::command();
    cli.build();
    for noun in cli.get_subcommands().filter(|c| c.get_name() != "help") {
        let mut text = String::new();
        pages(noun, &format!("galley {}", noun.get_name()), &mut text);
        snapshots.check(&format!("{}.txt", noun.get_name()), &text);
    }
    snapshots.end();
}

/// Without what changes with the day on which the test runs.
fn steady(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(steady),
        Value::Array(items) => items.iter_mut().for_each(steady),
        Value::String(text) if text.contains(" ago") => *text = "(some time ago)".to_owned(),
        _ => {}
    }
}

#[tokio::test]
async fn every_document_keeps_its_shape_and_tells_its_schema() {
    let stub = Stub::start(|line| match line {
        "GET /api/v1/robot/status" => ok(json!({"state": "idle"})),
        "GET /api/v1/fiscal/status" => ok(json!({"paper": "ok", "unsent_documents": 2})),
        "GET /api/v1/devices/printer/law" => {
            ok(json!({"blocked": false, "findings": [], "facts": {}}))
        }
        other => well(other),
    });
    let mut snapshots = Snapshots::of("json");
    for (name, args) in [
        ("status", &["status"][..]),
        ("order-list", &["order", "list"]),
        ("order-show", &["order", "show", "A17"]),
        ("order-log", &["order", "log", ORDER]),
        (
            "order-refund",
            &["order", "refund", ORDER, "--reason", "cold", "--yes"],
        ),
        ("payment-list", &["payment", "list"]),
        ("fiscal-status", &["fiscal", "status"]),
        ("fiscal-law", &["fiscal", "law"]),
        ("shift-show", &["shift", "show"]),
        ("robot-status", &["robot", "status"]),
        ("robot-jobs", &["robot", "jobs"]),
        ("stock-list", &["stock", "list"]),
        ("sync-status", &["sync", "status"]),
        ("alert-list", &["alert", "list"]),
        ("reconcile", &["reconcile"]),
        ("logs", &["logs"]),
        ("backup-list", &["backup", "list"]),
        ("secret-list", &["secret", "list"]),
        ("key-list", &["key", "list"]),
        ("webhook-list", &["webhook", "list"]),
        (
            "config-explain",
            &["config", "explain", "backup", "--config", "/nowhere"],
        ),
    ] {
        let ended = stub.galley(&[args, &["--json"]].concat()).await;
        assert_eq!(ended.code, 0, "{name}: {}", ended.err);
        let mut value: Value = serde_json::from_str(&ended.out).unwrap();
        let schema = value["schema"].as_str().unwrap_or_default().to_owned();
        assert!(
            schema.starts_with("galley/") && schema.ends_with("/1"),
            "{name}: {schema}"
        );
        steady(&mut value);
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        snapshots.check(&format!("{name}.json"), &text);
    }
    snapshots.end();
}

#[tokio::test]
async fn manual_pages_and_completions_come_from_the_same_words() {
    let folder = tempfile::tempdir().unwrap();
    let none = PathBuf::from("/nowhere");
    let pages = folder.path().join("man1");
    let ended = galley(&none, &["man", pages.to_str().unwrap()]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let page = fs::read_to_string(pages.join("galley-order-refund.1")).unwrap();
    assert!(page.contains("Give money back"), "{page}");
    assert!(pages.join("galley.1").exists());
    for shell in ["bash", "zsh", "fish"] {
        let ended = galley(&none, &["completions", shell]).await;
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(
            ended.out.contains("galley") && ended.out.contains("COMPLETE"),
            "{}",
            ended.out
        );
    }
}

#[tokio::test]
async fn a_tab_knows_the_orders_and_devices_that_are_there() {
    let stub = Stub::start(well);
    let socket = stub.folder.path().join("s");
    let tab = async |words: &[&str]| {
        let out = tokio::process::Command::new(env!("CARGO_BIN_EXE_galley"))
            .arg("--")
            .args(words)
            .env_clear()
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "true")
            .env("_CLAP_IFS", "\n")
            .env("GALLEY_SOCKET", &socket)
            .output()
            .await
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert!(tab(&["galley", "order", "show", ""]).await.contains("A17"));
    assert!(
        tab(&["galley", "order", "refund", "a1"])
            .await
            .contains("A17")
    );
    assert!(
        tab(&["galley", "logs", "--device", "pr"])
            .await
            .contains("printer")
    );
    assert!(
        tab(&["galley", "stock", "count", ""])
            .await
            .contains("rice")
    );
    assert!(
        tab(&["galley", "robot", "job", "ready", ""])
            .await
            .contains("j-1")
    );
    // Without a daemon there is nothing to say, and no error either.
    drop(stub);
    assert!(!tab(&["galley", "order", "show", ""]).await.contains("A17"));
}
