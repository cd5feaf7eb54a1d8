//! `galley doctor`: looks at the box from outside the daemon, so it works when the daemon is down, and says what
//! to do about each thing it finds.

mod daemon;
mod machine;
mod printer;

use super::{
    check_config,
    client::{Door, SOCKET},
    exit::{Exit, help},
    output::{clean, print, print_json, wrap},
    run::CONFIG,
};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Where the daemon keeps its data unless configured otherwise (systemd's `StateDirectory=galley`).
pub const DATA: &str = "/var/lib/galley";

/// Look for what is wrong with this box, daemon running or not.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "sudo galley doctor",
    "galley doctor --config ./galley.toml --data ./data",
    "galley doctor --json | jq '.findings[] | select(.level!=\"ok\")'"
))]
pub struct DoctorArgs {
    #[command(flatten)]
    pub(super) door: Door,
    /// The daemon's configuration
    #[arg(long, value_name = "FILE", env = "GALLEY_CONFIG", default_value = CONFIG)]
    config: PathBuf,
    /// The daemon's data folder
    #[arg(long, value_name = "DIR", default_value = DATA)]
    data: PathBuf,
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
    /// What was seen.
    text: String,
    /// What to do about it; empty when it is fine.
    advice: String,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Ok,
            text: text.into(),
            advice: String::new(),
        }
    }

    fn warning(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Warning,
            text: text.into(),
            advice: advice.into(),
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
    let mut findings = Vec::new();
    let elsewhere = elsewhere(&args);
    if elsewhere {
        findings.push(Finding::ok(
            "config",
            format!(
                "the daemon at {} is not this box's installation (a demonstration, or run by hand); name --config and --data to look at its own",
                args.door.socket.display()
            ),
        ));
    } else {
        findings.extend(config(&args));
        findings.extend(machine::data(&args.data));
    }
    findings.push(machine::clock().await);
    findings.push(machine::sqlite());
    if !elsewhere {
        findings.extend(machine::serial_ports());
    }
    findings.extend(daemon::look(&args.door).await?);
    let config = (!elsewhere).then_some(args.config.as_path());
    findings.extend(printer::look(&args.door, config).await?);
    if args.door.json {
        print_json(&json!({"findings": findings}))?;
    } else {
        print(&show(&findings))?;
    }
    let worst = findings.iter().any(|f| f.level == Level::Error);
    Ok(if worst { Exit::Unhealthy } else { Exit::Done }.into())
}

/// Whether a daemon answers at a socket of its own on a box where nothing is installed.
fn elsewhere(args: &DoctorArgs) -> bool {
    let door = &args.door;
    door.store.is_none()
        && door.socket != Path::new(SOCKET)
        && args.config == Path::new(CONFIG)
        && args.data == Path::new(DATA)
        && !args.config.exists()
        && !args.data.exists()
        && std::os::unix::net::UnixStream::connect(&door.socket).is_ok()
}

fn config(args: &DoctorArgs) -> Vec<Finding> {
    let path = args.config.display();
    match check_config::faults(&args.config) {
        Ok(faults) if faults.is_empty() => {
            vec![Finding::ok("config", format!("{path} can be used"))]
        }
        Ok(faults) => faults
            .into_iter()
            .map(|fault| {
                Finding::error(
                    "config",
                    fault,
                    format!(
                        "Mend it in {path}, then: galley check-config; systemctl restart galley"
                    ),
                )
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
    let mut text = String::new();
    for f in findings {
        let mark = match f.level {
            Level::Ok => "ok     ",
            Level::Warning => "WARNING",
            Level::Error => "ERROR  ",
        };
        let lines = wrap(&f.text, 17);
        text += &format!("{mark}  {:<6}  {}", clean(f.check), lines.trim_start());
        if !f.advice.is_empty() {
            text += &wrap(&format!("→ {}", f.advice), 17);
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
    fn every_finding_that_is_not_fine_says_what_to_do_in_eighty_columns() {
        let text = show(&[
            Finding::ok("clock", "2026-11-22 14:00"),
            Finding::error("disk", "no room ".repeat(20), "Free some space. ".repeat(9)),
        ]);
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(text.contains("→ Free some space."));
        assert!(text.ends_with("2 looked at, 0 warnings, 1 errors\n"));
    }
}
