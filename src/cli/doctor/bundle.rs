//! The support bundle: what somebody far away needs to see what is wrong, and nothing that must not leave the box.

use super::{DoctorArgs, Finding, tar::Tar};
use crate::{
    cli::{
        client::CallError,
        output::{print, shorten},
        redact::Redactor,
    },
    config::{Config, credential_folder},
    credentials::Credentials,
    world::{Clock as _, SystemClock},
};
use anyhow::Context as _;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{
    fmt::Write as _, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path,
    process::Stdio, time::Duration,
};

/// What the archive tells of itself.
const CONTENTS: &str = "CONTENTS.txt";
/// How long another program may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Events of the log.
const EVENTS: usize = 1000;
/// Bytes of one file.
const MAX_FILE: usize = 4 * 1024 * 1024;

/// What the daemon is asked, and the file it goes to.
const ASKED: &[(&str, &str)] = &[
    ("store", "/store"),
    ("box", "/box"),
    ("devices", "/devices"),
    ("shift", "/shift"),
    ("sync", "/sync"),
    ("alerts", "/alerts"),
    ("fiscal-status", "/fiscal/status"),
    ("fiscal-law", "/devices/printer/law"),
    ("robot", "/robot/status"),
    ("robot-jobs", "/robot/jobs"),
    ("stock", "/stock"),
    ("backups", "/backups"),
    ("reconcile", "/reconcile"),
];

/// What other programs of the box tell.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("uname", &["uname", "-srmv"]),
    ("disk", &["df", "-h"]),
    ("memory", &["free", "-m"]),
    ("clock", &["timedatectl", "show"]),
    ("addresses", &["ip", "-brief", "address"]),
    ("serial", &["ls", "-l", "/dev/serial/by-id", "/dev/galley"]),
    ("kernel", &["dmesg", "--level=err,warn"]),
    (
        "unit",
        &[
            "systemctl",
            "show",
            "galley",
            "--property=ActiveState,SubState,NRestarts,ExecMainStatus,MemoryCurrent",
        ],
    ),
    (
        "journal",
        &[
            "journalctl",
            "--unit=galley",
            "--lines=2000",
            "--no-pager",
            "--output=short-iso",
        ],
    ),
];

struct File {
    name: String,
    about: String,
    bytes: Vec<u8>,
}

/// Gathers, lists what there is, and writes it.
///
/// # Errors
/// When the file can't be written.
pub(super) async fn write(
    args: &DoctorArgs,
    file: &Path,
    findings: &[Finding],
) -> anyhow::Result<()> {
    let redactor = redactor(args);
    let mut files = Vec::new();
    let mut add = |name: &str, about: &str, text: String| {
        let text = redactor.text(&text);
        files.push(File {
            name: name.to_owned(),
            about: about.to_owned(),
            bytes: text.into_bytes().into_iter().take(MAX_FILE).collect(),
        });
    };
    let document =
        |value: &Value| serde_json::to_string_pretty(&redactor.json(value)).unwrap_or_default();
    add(
        "version.json",
        "this program",
        document(
            &json!({"galley": env!("CARGO_PKG_VERSION"), "sqlite": rusqlite::version(), "target": std::env::consts::ARCH}),
        ),
    );
    add(
        "doctor.json",
        "what the doctor found",
        document(&serde_json::to_value(findings)?),
    );
    if let Ok(text) = fs::read_to_string(&args.config) {
        add(
            "galley.toml",
            "the configuration, without passwords",
            settings(&text),
        );
    }
    let client = args.door.client()?;
    let log = format!("/log?limit={EVENTS}");
    for (name, path) in ASKED.iter().copied().chain([("log", log.as_str())]) {
        match client.get(path).await {
            Ok(answer) => add(
                &format!("{name}.json"),
                "what the daemon says",
                document(&answer),
            ),
            // Nobody answers: nor will anybody in a moment.
            Err(CallError::Unreachable { .. } | CallError::NotAllowed { .. }) => break,
            Err(error) => add(
                &format!("{name}.txt"),
                "what the daemon says",
                error.to_string(),
            ),
        }
    }
    for (name, command) in PROGRAMS {
        if let Some(text) = told(command).await {
            add(&format!("{name}.txt"), &command.join(" "), text);
        }
    }
    let mut contents = String::from(
        "What is in this bundle. Passwords, tokens, phones and addresses were taken out.\n\n",
    );
    for f in &files {
        let _ = writeln!(
            contents,
            "{:>9}  {:<20} {}",
            f.bytes.len(),
            f.name,
            shorten(&f.about, 48)
        );
    }
    if args.door.json {
        tracing::debug!("the contents are in the bundle");
    } else {
        print(&format!("\n{contents}"))?;
    }
    files.insert(
        0,
        File {
            name: CONTENTS.to_owned(),
            about: String::new(),
            bytes: contents.into_bytes(),
        },
    );
    pack(file, &files).with_context(|| format!("cannot write {}", file.display()))?;
    if !args.door.json {
        print(&format!(
            "\n{} is written; look into it before you send it\n",
            file.display()
        ))?;
    }
    Ok(())
}

fn pack(file: &Path, files: &[File]) -> std::io::Result<()> {
    let out = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    let mut tar = Tar::new(GzEncoder::new(out, Compression::default()));
    let at = SystemClock.now().as_millis() / 1000;
    for f in files {
        tar.file(&format!("galley/{}", f.name), &f.bytes, at)?;
    }
    tar.finish()?.finish()?.flush()
}

/// Every secret that this process can read is known, and so never passes.
fn redactor(args: &DoctorArgs) -> Redactor {
    let mut known: Vec<String> = args.door.token.iter().cloned().collect();
    let config = Config::load(&args.config).ok();
    if let Some(config) = &config
        && let Ok(credentials) = Credentials::of(config)
    {
        known.extend(credentials.revealed());
    }
    // A configuration that is refused names its folder all the same.
    let named = fs::read_to_string(&args.config)
        .ok()
        .and_then(|text| text.parse::<toml::Table>().ok())
        .and_then(|table| Some(table.get("store")?.get("credentials")?.as_str()?.to_owned()));
    let folder = credential_folder(named.as_ref().map(Path::new));
    for entry in folder
        .and_then(|f| fs::read_dir(f).ok())
        .into_iter()
        .flatten()
        .flatten()
    {
        known.extend(fs::read_to_string(entry.path()).ok());
    }
    Redactor::knowing(known)
}

/// The configuration line by line, so that it stays as it was written; a value whose key is a password's goes.
fn settings(text: &str) -> String {
    text.lines()
        .map(|line| {
            let key = line.split('=').next().unwrap_or_default().trim();
            if line.contains('=') && !key.starts_with('#') && crate::cli::redact::is_private(key) {
                format!("{key} = {:?}\n", crate::cli::redact::GONE)
            } else {
                format!("{line}\n")
            }
        })
        .collect()
}

/// What a program prints; none where there is no such program.
async fn told(command: &[&str]) -> Option<String> {
    let (program, args) = command.split_first()?;
    let run = tokio::process::Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, run).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (!text.trim().is_empty()).then_some(text)
}
