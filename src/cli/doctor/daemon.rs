//! What the daemon itself says, when it answers.

use super::Finding;
use crate::{
    cli::{
        alert,
        client::{CallError, Door},
        output::{View, duration},
    },
    devices::robot::TAKES_NONE,
};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

/// The socket, the daemon behind it, its devices and alerts.
pub(super) async fn look(door: &Door) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if door.store.is_none() {
        findings.extend(socket(&door.socket));
    }
    let client = door.client()?;
    match client.get_root("/ready").await {
        Ok(_) => findings.push(Finding::ok("daemon", "the daemon is ready")),
        Err(CallError::Unreachable { door, why, .. }) => {
            findings.push(
                Finding::error(
                    "daemon",
                    format!("no daemon answers at {door} ({why})"),
                    "Start it. When it does not stay: galley logs --source journal",
                )
                .because("it was stopped, did not start, or listens elsewhere (--socket)")
                .mend("systemctl start galley; systemctl status galley"),
            );
            return Ok(findings);
        }
        Err(CallError::NotAllowed { door }) => {
            findings.push(
                Finding::error(
                    "daemon",
                    format!("{door} may not be opened by you"),
                    "Run with sudo, or join the group and log in anew.",
                )
                .mend("sudo usermod -aG galley \"$USER\""),
            );
            return Ok(findings);
        }
        Err(error) => findings.push(
            Finding::error(
                "daemon",
                format!("the daemon is not ready: {error}"),
                "The daemon's own words tell why.",
            )
            .because("it can't write to its database")
            .mend("galley logs --source journal"),
        ),
    }
    if let Ok(answer) = client.get("/box").await {
        findings.extend(backup(View(&answer)));
    }
    if let Ok(answer) = client.get("/store").await {
        findings.push(orders(View(&answer)));
    }
    if let Ok(answer) = client.get("/devices").await {
        findings.extend(View(&answer).each("devices").map(device));
    }
    if let Ok(answer) = client.get("/alerts").await {
        for a in View(&answer).each("alerts") {
            if a.number("cleared_at").is_some() {
                continue;
            }
            let order = match a.0["order"].as_str() {
                Some(number) => format!("order {number}: "),
                None => String::new(),
            };
            let text = format!("{order}{}: {}", a.word("title"), a.word("detail"));
            let found = if a.is("severity", "error") {
                Finding::error("alert", text, a.word("advice"))
            } else {
                Finding::warning("alert", text, a.word("advice"))
            };
            let mend = a
                .number("effect_id")
                .and_then(|id| alert::settled_by(a, id));
            findings.push(match mend {
                Some(command) => found.mend(command),
                None => found,
            });
        }
    }
    Ok(findings)
}

/// How a device does. One that answers has power, and its cable is in.
fn device(d: View<'_>) -> Finding {
    let (id, detail) = (d.text("id"), d.text("detail"));
    let text = format!("{id}: {} {detail}", d.text("state"));
    let log = format!("galley logs -f --device {id}");
    match d.text("state").as_str() {
        "up" => Finding::ok("device", text),
        "refused" if refused_with(&detail) == Some("FENCED") => Finding::error(
            "device",
            text,
            "Power and cable are fine. Is the other box the right one? Switch this one off. Is it this one? Take the \
             other off the robot's network, then give this one a later name: docs/runbook.md, \"The robot says FENCED\".",
        )
        .because("another controller spoke to the robot in a later name (fence) than this box has: the robot obeys that one only")
        .mend("systemctl stop galley; galley sync adopt; systemctl start galley"),
        "refused" => {
            let advice = refused_with(&detail).map_or("", |code| galley_robot::lookup(code).2);
            Finding::error("device", text, advice)
                .because("it answers, and refuses this box: power and cable are fine")
                .mend(log)
        }
        _ if detail.contains(TAKES_NONE) => {
            Finding::error("device", text, "See what the robot waits for.")
                .because("it answers: power and cable are fine")
                .mend("galley robot status")
        }
        _ => Finding::error(
            "device",
            text,
            format!(
                "Check power and cable of the device at {}; the daemon reconnects by itself.",
                d.text("address")
            ),
        )
        .mend(log),
    }
}

/// The code in the robot's words of a refusal.
fn refused_with(detail: &str) -> Option<&str> {
    let rest = detail.strip_prefix("robot refused with ")?;
    rest.split([':', ' ']).next()
}

/// Whether guests can order.
fn orders(store: View<'_>) -> Finding {
    if store.yes("accepting.ok") {
        return Finding::ok("orders", "new orders are taken");
    }
    let text = format!(
        "no new orders are taken: {}",
        store.word("accepting.reason")
    );
    match store.text("accepting.slug").as_str() {
        "paused" | "cleaning" => {
            Finding::warning("orders", text, "Staff paused the sales.").mend("galley sales resume")
        }
        "hours" => Finding::ok("orders", text),
        "shift" => Finding::error(
            "orders",
            text,
            "Open the shift; what keeps it shut stands below.",
        )
        .mend("galley shift open"),
        "menu" => Finding::error(
            "orders",
            text,
            "See what is off sale, and what the stock lacks.",
        )
        .mend("galley menu stops"),
        "robot" => Finding::error("orders", text, "See what the robot waits for.")
            .mend("galley robot status"),
        "fiscal_drive" | "printer" => {
            Finding::error("orders", text, "See what the printer lacks.").mend("galley fiscal law")
        }
        _ => Finding::error("orders", text, "What keeps it from selling stands below."),
    }
}

/// Whether the store could be brought back.
fn backup(answer: View<'_>) -> Option<Finding> {
    /// An older one is no comfort.
    const OLD_MS: i64 = 3 * 24 * 3_600_000;
    let backup = answer.at("backup");
    if backup.0.is_null() {
        return None;
    }
    if !backup.yes("enabled") {
        return Some(
            Finding::warning(
                "backup",
                "no backups are made",
                "Give the box a key: it is named by store.key_credential.",
            )
            .because("the box has no key to seal them with; a lost disk is a lost log, but for what headquarters has")
            .mend("galley backup key -h"),
        );
    }
    let age = backup
        .number("last_at")
        .zip(answer.number("now_at"))
        .map(|(at, now)| now.saturating_sub(at).max(0));
    Some(match age {
        Some(age) if age <= OLD_MS => {
            Finding::ok("backup", format!("the last one is {} old", duration(age)))
        }
        Some(age) => Finding::warning(
            "backup",
            format!("the last one is {} old", duration(age)),
            "Make one, and see what keeps the schedule from it.",
        )
        .mend("galley backup now"),
        None => Finding::warning(
            "backup",
            "there is none yet",
            "The first is made soon after the start.",
        )
        .mend("galley backup now"),
    })
}

/// Others than root and galley must not come in: there is no token on this door.
fn socket(path: &std::path::Path) -> Option<Finding> {
    let meta = std::fs::metadata(path).ok()?;
    let shown = path.display();
    let mode = meta.permissions().mode();
    Some(if !meta.file_type().is_socket() {
        Finding::error(
            "socket",
            format!("{shown} is no socket"),
            "Remove it and restart the daemon.",
        )
    } else if mode & 0o007 != 0 {
        Finding::error(
            "socket",
            format!(
                "{shown} is open to every user of this box (mode {:o})",
                mode & 0o777
            ),
            "Close it now, then restart the daemon.",
        )
        .because("who can open it may do everything")
        .mend(format!("chmod o= {shown}"))
    } else {
        Finding::ok("socket", format!("{shown}, for root and its group only"))
    })
}

#[cfg(test)]
mod tests {
    use super::{device, socket};
    use crate::cli::{doctor::Level, output::View};
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_device_that_answers_is_not_told_to_be_plugged_in() {
        let fenced =
            galley_robot::RobotError::refused("FENCED", "a controller with fence 7 was here");
        let wrong_key = galley_robot::RobotError::refused("AUTH_FAILED", "wrong proof");
        for (state, detail, says) in [
            ("refused", fenced.to_string(), "galley sync adopt"),
            ("refused", wrong_key.to_string(), "the robot's key"),
            (
                "refused",
                "firmware of platform 5.0".to_owned(),
                "refuses this box",
            ),
            (
                "down",
                format!("Moley, aborted: {}. Free it.", super::TAKES_NONE),
                "galley robot status",
            ),
            (
                "down",
                "the robot is not connected".to_owned(),
                "Check power and cable",
            ),
        ] {
            let row =
                json!({"id": "robot", "state": state, "detail": detail, "address": "tcp://robot"});
            let found = device(View(&row));
            let told = format!("{} {} {}", found.advice, found.cause, found.mend);
            assert!(told.contains(says), "{detail}: {told}");
            assert_eq!(
                told.contains("Check power"),
                says.contains("Check power"),
                "{told}"
            );
            assert_eq!(found.level, Level::Error);
        }
    }

    #[test]
    fn a_socket_open_to_all_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        assert!(socket(&path).is_none());
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        for (mode, level) in [(0o660, Level::Ok), (0o666, Level::Error)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(socket(&path).unwrap().level, level);
        }
        let file = folder.path().join("f");
        std::fs::write(&file, b"").unwrap();
        assert_eq!(socket(&file).unwrap().level, Level::Error);
    }
}
