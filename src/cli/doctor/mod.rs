//! `galley doctor`: looks at the box from outside the daemon, so it works when the daemon is down. Each check says what
//! was measured, why that is odd, and the command that mends it.

mod accounting;
mod bundle;
mod daemon;
mod machine;
mod printer;
mod tar;

use super::{
    check_config,
    client::{Door, SOCKET},
    exit::{Exit, Misuse, help},
    output::{Paint, clean, paint, print, print_json, width, wrap},
    run::CONFIG,
};
use clap::{Args, builder::PossibleValuesParser};
use serde::Serialize;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Where the daemon keeps its data unless configured otherwise (systemd's `StateDirectory=galley`).
pub const DATA: &str = "/var/lib/galley";
/// The checks, in their order: what others rest on comes first.
const CHECKS: [&str; 14] = [
    "config",
    "data",
    "disk",
    "clock",
    "sqlite",
    "socket",
    "daemon",
    "orders",
    "backup",
    "device",
    "serial",
    "till",
    "accounting",
    "alert",
];

/// Look for what is wrong with this box, daemon running or not.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "sudo galley doctor",
    "galley doctor --only disk,clock",
    "galley doctor --config ./galley.toml    its store.data is looked at, too",
    "galley doctor --bundle support.tar.gz    what a supporter needs, redacted",
    "galley doctor --json | jq '.findings[] | select(.level!=\"ok\")'"
))]
pub struct DoctorArgs {
    #[command(flatten)]
    pub(super) door: Door,
    /// The daemon's configuration
    #[arg(long, value_name = "FILE", env = "GALLEY_CONFIG", default_value = CONFIG)]
    config: PathBuf,
    /// The daemon's data folder, instead of the one that the configuration names
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only these checks, with commas
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = PossibleValuesParser::new(CHECKS))]
    only: Vec<String>,
    /// Also write a support bundle; its contents are listed first
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    bundle: Option<PathBuf>,
}

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Ok,
    Warning,
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    /// What was looked at: `config`, `disk` …
    check: &'static str,
    level: Level,
    /// What was measured.
    text: String,
    /// Why that is odd; empty when it is fine, or when what was measured says it.
    cause: String,
    /// What to do about it; empty when it is fine.
    advice: String,
    /// The command that mends it, or shows more; empty where hands are needed.
    mend: String,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Ok,
            text: text.into(),
            cause: String::new(),
            advice: String::new(),
            mend: String::new(),
        }
    }

    /// Why that is odd.
    fn because(self, cause: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            ..self
        }
    }

    /// The command that mends it.
    fn mend(self, command: impl Into<String>) -> Self {
        Self {
            mend: command.into(),
            ..self
        }
    }

    fn warning(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            advice: advice.into(),
            ..Self::ok(check, text)
        }
    }

    fn error(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            ..Self::warning(check, text, advice)
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the command line makes no sense.
pub async fn execute(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    if args.only.is_empty()
        && let Some(file) = &args.bundle
        && file.exists()
    {
        return Err(Misuse(format!("--bundle {}: it is there already", file.display())).into());
    }
    let findings = look(&args).await?;
    if args.door.json {
        print_json(&json!({"findings": findings}))?;
    } else {
        print(&show(&findings))?;
    }
    if let Some(file) = &args.bundle {
        bundle::write(&args, file, &findings).await?;
    }
    let worst = findings.iter().any(|f| f.level == Level::Error);
    Ok(if worst { Exit::Unhealthy } else { Exit::Done }.into())
}

/// Looks, in the order of [`CHECKS`]; nothing is looked at that was not asked for.
async fn look(args: &DoctorArgs) -> anyhow::Result<Vec<Finding>> {
    let wanted = |check: &str| args.only.is_empty() || args.only.iter().any(|o| o == check);
    let any = |checks: &[&str]| checks.iter().any(|c| wanted(c));
    let mut findings = Vec::new();
    let elsewhere = elsewhere(args);
    if elsewhere {
        findings.push(Finding::ok(
            "config",
            format!(
                "the daemon at {} is not this box's installation (a demonstration, or run by hand); name --config to look at its own",
                args.door.socket.display()
            ),
        ));
    } else {
        if wanted("config") {
            findings.extend(config(args));
        }
        if any(&["data", "disk"]) {
            findings.extend(machine::data(&data(args)));
        }
    }
    if wanted("clock") {
        findings.push(machine::clock().await);
    }
    if wanted("sqlite") {
        findings.push(machine::sqlite());
    }
    if !elsewhere && wanted("serial") {
        findings.extend(machine::serial_ports());
    }
    if any(&["socket", "daemon", "orders", "backup", "device", "alert"]) {
        findings.extend(daemon::look(&args.door).await?);
    }
    if wanted("till") {
        let config = (!elsewhere).then_some(args.config.as_path());
        findings.extend(printer::look(&args.door, config).await?);
    }
    if wanted("accounting") {
        let config = (!elsewhere).then_some(args.config.as_path());
        findings.extend(accounting::look(config).await);
    }
    findings.retain(|f| wanted(f.check));
    let place = |check: &str| CHECKS.iter().position(|c| *c == check);
    findings.sort_by_key(|f| place(f.check));
    Ok(findings)
}

/// Whether a daemon answers at a socket of its own on a box where nothing is installed.
fn elsewhere(args: &DoctorArgs) -> bool {
    let door = &args.door;
    door.store.is_none()
        && door.socket != Path::new(SOCKET)
        && args.config == Path::new(CONFIG)
        && args.data.is_none()
        && !args.config.exists()
        && !Path::new(DATA).exists()
        && std::os::unix::net::UnixStream::connect(&door.socket).is_ok()
}

/// The data folder that was named, or else the configuration's, even when that is faulty elsewhere.
fn data(args: &DoctorArgs) -> PathBuf {
    args.data
        .clone()
        .or_else(|| data_of(&fs::read_to_string(&args.config).ok()?))
        .unwrap_or_else(|| PathBuf::from(DATA))
}

fn data_of(config: &str) -> Option<PathBuf> {
    let table: toml::Table = config.parse().ok()?;
    Some(table.get("store")?.get("data")?.as_str()?.into())
}

fn config(args: &DoctorArgs) -> Vec<Finding> {
    let path = args.config.display();
    match check_config::faults(&args.config) {
        Ok(faults) if faults.is_empty() => {
            let warnings = check_config::warnings(&args.config).into_iter();
            let warn =
                |text| Finding::warning("config", text, "Give the service https, and write it so.");
            [Finding::ok("config", format!("{path} can be used"))]
                .into_iter()
                .chain(warnings.map(warn))
                .collect()
        }
        Ok(faults) => faults
            .into_iter()
            .map(|fault| {
                Finding::error(
                    "config",
                    fault,
                    format!("Mend it in {path}; what a key means: galley config explain KEY"),
                )
                .because("the daemon does not start with it")
                .mend("galley config check && systemctl restart galley")
            })
            .collect(),
        Err(e) => vec![Finding::error(
            "config",
            format!("{path} can't be read: {e}"),
            "Name the file with --config, or run with sudo: it is readable by root and galley only.",
        )],
    }
}

fn show(findings: &[Finding]) -> String {
    /// Where the words begin: behind the mark and the check.
    const INDENT: usize = 14;
    let mut text = String::new();
    // What is wrong comes first, what is fine after it; each in the order of the checks.
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|f| f.level == Level::Ok);
    for f in sorted {
        let mark = match f.level {
            Level::Ok => paint(Paint::Green, "✓"),
            Level::Warning => paint(Paint::Yellow, "!"),
            Level::Error => paint(Paint::Red, "✗"),
        };
        let lines = wrap(&f.text, INDENT);
        let gap = " ".repeat((INDENT - 4).saturating_sub(width(f.check)) + 2);
        text += &format!("{mark} {}{gap}{}", clean(f.check), lines.trim_start());
        if !f.cause.is_empty() {
            text += &wrap(&f.cause, INDENT);
        }
        if !f.advice.is_empty() {
            text += &wrap(&format!("→ {}", f.advice), INDENT);
        }
        if !f.mend.is_empty() {
            // Never wrapped: it is to be copied.
            let command = format!("$ {}", clean(&f.mend));
            text += &format!("{}{}\n", " ".repeat(INDENT), paint(Paint::Bold, &command));
        }
    }
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    text += &format!(
        "\n{} looked at, {} warnings, {} errors\n",
        findings.len(),
        count(Level::Warning),
        count(Level::Error)
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_the_configurations_though_it_is_faulty_elsewhere() {
        let text = "[store]\nid = 7\ndata = \"/srv/galley\"\n";
        assert_eq!(data_of(text), Some(PathBuf::from("/srv/galley")));
        assert_eq!(data_of("[store]\nid = \"S1\"\n"), None);
        assert_eq!(data_of("a = = 1"), None);
    }

    #[test]
    fn every_finding_that_is_not_fine_says_what_to_do_in_eighty_columns() {
        let text = show(&[
            Finding::ok("clock", "2026-11-22 14:00"),
            Finding::error("disk", "no room ".repeat(20), "Free some space. ".repeat(9)),
        ]);
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(text.contains("→ Free some space."));
        assert!(
            text.starts_with("✗ disk") && text.contains("✓ clock"),
            "{text}"
        );
        assert!(text.ends_with("2 looked at, 0 warnings, 1 errors\n"));
    }
}
