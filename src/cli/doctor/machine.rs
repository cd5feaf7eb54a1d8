//! What can be seen of the machine without the daemon.

use super::Finding;
use crate::cli::status::{DISK_LOW, DISK_OUT};
use crate::world::{Clock as _, SystemClock};
use serialport::SerialPortType;
use std::{fs, io, path::Path, time::Duration};

/// The oldest SQLite without the WAL-reset race. [source: sqlite.org/wal.html#walresetbug]
const OLDEST_SQLITE: i32 = 3_051_003;
/// A clock before the first release is a flat battery. 2026-01-01T00:00:00Z.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// USB vendor of ATOL's printers. [source: atol.md 1.1]
const ATOL_VID: u16 = 0x2912;
/// How long another program may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The data folder, the database in it, and the room on its disk.
pub(super) fn data(folder: &Path) -> Vec<Finding> {
    let shown = folder.display();
    match fs::metadata(folder) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => {
            return vec![Finding::error(
                "data",
                format!("{shown} is no folder"),
                "Name the data folder with --data.",
            )];
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return vec![
                Finding::error(
                    "data",
                    format!("{shown} does not exist"),
                    "systemd makes it when the service starts. Or name it with --data.",
                )
                .mend("systemctl start galley"),
            ];
        }
        Err(e) => {
            return vec![Finding::error(
                "data",
                format!("{shown} can't be opened: {e}"),
                "Run with sudo: it belongs to galley.",
            )];
        }
    }
    let mut findings = vec![
        match rustix::fs::access(folder, rustix::fs::Access::WRITE_OK) {
            Ok(()) => Finding::ok("data", format!("{shown} is there")),
            Err(rustix::io::Errno::ROFS) => Finding::error(
                "data",
                format!("{shown} is on a file system that is mounted read-only"),
                "The disk may be failing. The store takes no orders until it can write.",
            )
            .mend("dmesg --level=err,warn | tail -n 50"),
            Err(_) => Finding::warning(
                "data",
                format!("{shown} may not be written by you"),
                "That is as it should be for a plain user; run with sudo to be sure of the rest.",
            ),
        },
    ];
    findings.push(match rustix::fs::statvfs(folder) {
        Ok(disk) => room(disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_favail),
        Err(e) => Finding::warning(
            "disk",
            format!("the room on the disk of {shown} can't be told: {e}"),
            "See: df -h",
        ),
    });
    findings
}

fn room(bytes: u64, files: u64) -> Finding {
    let text = format!("{} MB free", bytes / (1024 * 1024));
    let advice = "Free some space; old backups, too. The store goes on by itself.";
    let mend = "journalctl --vacuum-size=100M";
    if bytes < DISK_OUT || files < 16 {
        Finding::error("disk", text, advice)
            .because("nothing is sold below 20 MB")
            .mend(mend)
    } else if bytes < DISK_LOW {
        Finding::warning("disk", text, advice)
            .because("below 200 MB it may soon be full")
            .mend(mend)
    } else {
        Finding::ok("disk", text)
    }
}

/// Whether the clock can be right.
pub(super) async fn clock() -> Finding {
    let now = SystemClock.now().as_millis();
    let text = super::super::output::time(now);
    if now < EARLIEST_MS {
        return Finding::error(
            "clock",
            format!("the clock says {text}"),
            "Set it and replace the clock's battery: fiscal documents carry the time.",
        )
        .because("that is before this program was made")
        .mend("timedatectl set-time 'YYYY-MM-DD HH:MM:SS'");
    }
    match synchronised().await {
        Some(false) => Finding::warning(
            "clock",
            format!("{text}, not synchronised with a time server"),
            "Let it be, once the box is online.",
        )
        .because("without a time server times drift; the order of events does not")
        .mend("timedatectl set-ntp true"),
        Some(true) => Finding::ok("clock", format!("{text}, synchronised")),
        None => Finding::ok("clock", text),
    }
}

/// What systemd says; none where there is no systemd to ask.
async fn synchronised() -> Option<bool> {
    let asked = tokio::process::Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .kill_on_drop(true)
        .output();
    let answer = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    match answer.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

/// The SQLite that is built in.
pub(super) fn sqlite() -> Finding {
    let text = format!("SQLite {}", rusqlite::version());
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Finding::error(
            "sqlite",
            format!("{text} can corrupt the database (WAL-reset race)"),
            "Install a newer Galley; 3.51.3 or newer is needed.",
        );
    }
    Finding::ok("sqlite", text)
}

/// Lines that a printer or a robot may be on.
pub(super) fn serial_ports() -> Vec<Finding> {
    let ports = match serialport::available_ports() {
        Ok(ports) => ports,
        Err(e) => {
            return vec![Finding::warning(
                "serial",
                format!("serial ports can't be listed: {e}"),
                "See: ls -l /dev/ttyACM* /dev/ttyUSB*",
            )];
        }
    };
    if ports.is_empty() {
        return vec![Finding::warning(
            "serial",
            "there is no serial port",
            "Fine when the printer is on the network. If it is on USB: check cable and power, see dmesg.",
        )];
    }
    ports
        .into_iter()
        .map(|port| {
            let text = match &port.port_type {
                SerialPortType::UsbPort(usb) => {
                    let whose = if usb.vid == ATOL_VID { " (ATOL)" } else { "" };
                    format!(
                        "{}: USB {:04x}:{:04x}{whose}",
                        port.port_name, usb.vid, usb.pid
                    )
                }
                _ => port.port_name.clone(),
            };
            let both = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
            match rustix::fs::access(port.port_name.as_str(), both) {
                Ok(()) => Finding::ok("serial", text),
                Err(_) => Finding::warning(
                    "serial",
                    format!("{text} may not be opened by you"),
                    "Fine for a plain user: the service is in the group dialout.",
                )
                .mend("sudo galley doctor --only serial"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Level;

    #[test]
    fn a_full_disk_is_an_error_before_it_is_full() {
        assert_eq!(room(10 << 30, 1000).level, Level::Ok);
        assert_eq!(room(100 << 20, 1000).level, Level::Warning);
        assert_eq!(room(1 << 20, 1000).level, Level::Error);
        assert_eq!(room(10 << 30, 3).level, Level::Error);
    }

    #[test]
    fn a_missing_data_folder_is_an_error_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        let missing = data(&folder.path().join("none"));
        assert_eq!(missing[0].level, Level::Error);
        assert!(!missing[0].advice.is_empty());
        let there = data(folder.path());
        assert!(there.iter().any(|f| f.check == "disk"));
    }
}
