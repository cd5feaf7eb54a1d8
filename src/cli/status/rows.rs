//! The rows of the status: uplink, shift, printer, fiscal drive, robot, bank, outbox, disk, clock, backup.

use crate::cli::output::{Paint, View, ago, duration, paint, time};

/// With less room the daemon may refuse orders soon.
pub(in crate::cli) const DISK_LOW: u64 = 200 * 1024 * 1024;
/// With less it refuses them.
pub(in crate::cli) const DISK_OUT: u64 = 20 * 1024 * 1024;
/// A printer's clock may differ by so much, seconds.
const CLOCK_DRIFT_S: i64 = 300;
/// What waits longer to go out is odd.
const OUTBOX_OLD_MS: i64 = 10 * 60 * 1000;
/// A fiscal drive that ends sooner is to be replaced.
const DRIVE_SOON_MS: i64 = 60 * 24 * 3_600_000;
/// Documents that wait for the OFD longer are a warning of the law's too.
const OFD_OLD_MS: i64 = 3 * 24 * 3_600_000;
/// A backup that is older is no comfort.
const BACKUP_OLD_MS: i64 = 3 * 24 * 3_600_000;

/// How a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Level {
    /// Nothing is known, or it is not there and need not be.
    Blank,
    /// Well.
    Ok,
    /// Odd; the store sells.
    Warning,
    /// Wrong.
    Error,
}

impl Level {
    /// For programs.
    pub(in crate::cli) fn word(self) -> &'static str {
        match self {
            Self::Blank => "none",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// For people: a sign of its own, and a colour where there are colours.
    pub(in crate::cli) fn mark(self) -> String {
        match self {
            Self::Blank => " ".to_owned(),
            Self::Ok => paint(Paint::Green, "✓"),
            Self::Warning => paint(Paint::Yellow, "!"),
            Self::Error => paint(Paint::Red, "✗"),
        }
    }
}

/// One row.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Row {
    /// What.
    pub(in crate::cli) name: &'static str,
    /// How it is.
    pub(in crate::cli) level: Level,
    /// In words.
    pub(in crate::cli) text: String,
}

/// Times in an answer are compared with the daemon's own clock.
fn now(whole: View<'_>) -> Option<i64> {
    whole.number("box.now_at")
}

/// One row each, in the order in which a technician looks.
pub(in crate::cli) fn rows(whole: View<'_>) -> Vec<Row> {
    let row = |name, (level, text)| Row { name, level, text };
    vec![
        row("orders", orders(whole)),
        row("tenders", tenders(whole)),
        row("uplink", uplink(whole)),
        row("shift", shift(whole)),
        row("printer", device(whole, "printer")),
        row("fiscal drive", drive(whole)),
        row("robot", device(whole, "robot")),
        row("bank", bank(whole)),
        row("outbox", outbox(whole)),
        row("disk", disk(whole)),
        row("clock", clock(whole)),
        row("backup", backup(whole)),
    ]
}

fn orders(whole: View<'_>) -> (Level, String) {
    if whole.yes("store.accepting.ok") {
        (Level::Ok, "accepted".to_owned())
    } else {
        let why = whole.word("store.accepting.reason");
        (Level::Error, format!("REFUSED: {why}"))
    }
}

fn tenders(whole: View<'_>) -> (Level, String) {
    let tenders: Vec<String> = whole
        .each("store.tenders")
        .map(|t| {
            let off = if t.yes("available") { "" } else { " (off)" };
            format!("{}{off}", t.text("tender"))
        })
        .collect();
    (Level::Blank, tenders.join(", "))
}

fn uplink(whole: View<'_>) -> (Level, String) {
    let backlog: i64 = whole
        .each("sync.readers")
        .filter_map(|r| r.number("backlog"))
        .sum();
    let word = whole.text("store.uplink");
    let level = match word.as_str() {
        "online" => Level::Ok,
        "degraded" | "offline" => Level::Warning,
        _ => Level::Blank,
    };
    (level, format!("{word}, {backlog} events wait"))
}

fn shift(whole: View<'_>) -> (Level, String) {
    let state = whole.text("shift.state");
    let level = match state.as_str() {
        "open" | "closed" => Level::Ok,
        "-" => Level::Blank,
        _ => Level::Warning,
    };
    let text = match whole.text("shift.number").as_str() {
        "-" => state,
        number => format!(
            "{state} (number {number}, {} receipts, {})",
            whole.text("shift.receipts"),
            whole.money("shift.sales_minor")
        ),
    };
    (level, text)
}

fn device(whole: View<'_>, id: &str) -> (Level, String) {
    let Some(d) = whole.each("devices.devices").find(|d| d.is("id", id)) else {
        return (Level::Blank, "-".to_owned());
    };
    let level = if d.is("state", "up") {
        Level::Ok
    } else {
        Level::Error
    };
    let since = d.number("since_at").map(ago).unwrap_or_default();
    let detail = d.text("detail");
    (level, format!("{} {since}, {detail}", d.text("state")))
}

fn drive(whole: View<'_>) -> (Level, String) {
    let drive = whole.at("box.drive");
    if drive.0.is_null() || drive.text("number").is_empty() {
        return (Level::Blank, "-".to_owned());
    }
    let since = |at: Option<i64>| Some(now(whole)?.saturating_sub(at?));
    let unsent = drive.number("unsent").unwrap_or(0);
    let ends = drive.number("valid_until_at");
    let left = ends
        .zip(now(whole))
        .map(|(end, now)| end.saturating_sub(now));
    let level = if drive.yes("broken") || left.is_some_and(|l| l <= 0) {
        Level::Error
    } else if left.is_some_and(|l| l < DRIVE_SOON_MS)
        || since(drive.number("oldest_unsent_at")).is_some_and(|age| age > OFD_OLD_MS)
    {
        Level::Warning
    } else {
        Level::Ok
    };
    let mut text = drive.text("number");
    if drive.yes("broken") {
        text += ", BROKEN";
    }
    if let Some(left) = left {
        text += &match left {
            ..=0 => ", HAS ENDED".to_owned(),
            _ => format!(", ends in {}", duration(left)),
        };
    }
    text += &format!(", {unsent} documents wait for the OFD");
    (level, text)
}

fn bank(whole: View<'_>) -> (Level, String) {
    let bank = whole.at("box.bank");
    if bank.0.is_null() {
        return (Level::Blank, "-".to_owned());
    }
    if !bank.yes("configured") {
        return (Level::Blank, "not configured".to_owned());
    }
    if bank.yes("online") {
        (Level::Ok, "online".to_owned())
    } else {
        (
            Level::Warning,
            "OFFLINE: no QR codes, other tenders go on".to_owned(),
        )
    }
}

fn outbox(whole: View<'_>) -> (Level, String) {
    let outbox = whole.at("box.outbox");
    if outbox.0.is_null() {
        return (Level::Blank, "-".to_owned());
    }
    let number = |name| outbox.number(name).unwrap_or(0);
    let (waiting, doubt, person) = (number("waiting"), number("in_doubt"), number("person"));
    let age = outbox
        .number("oldest_at")
        .zip(now(whole))
        .map(|(at, now)| now.saturating_sub(at).max(0));
    let level = if person > 0 {
        Level::Error
    } else if doubt > 0 || age.is_some_and(|a| a > OUTBOX_OLD_MS) {
        Level::Warning
    } else {
        Level::Ok
    };
    if waiting + doubt + person == 0 {
        return (level, "empty".to_owned());
    }
    let oldest = age.map_or_else(String::new, |a| format!(", the oldest for {}", duration(a)));
    (
        level,
        format!("{waiting} wait, {doubt} in doubt, {person} for a person{oldest}"),
    )
}

fn disk(whole: View<'_>) -> (Level, String) {
    let disk = whole.at("box.disk");
    let Some(free) = disk.at("free_bytes").0.as_u64() else {
        return (Level::Blank, "-".to_owned());
    };
    let level = if free < DISK_OUT {
        Level::Error
    } else if free < DISK_LOW {
        Level::Warning
    } else {
        Level::Ok
    };
    let total = disk.at("total_bytes").0.as_u64().unwrap_or(0);
    (level, format!("{} of {} free", size(free), size(total)))
}

fn clock(whole: View<'_>) -> (Level, String) {
    let Some(now) = now(whole) else {
        return (Level::Blank, "-".to_owned());
    };
    let ahead = whole.number("box.printer_clock_ahead_s");
    let level = match ahead {
        Some(s) if s.abs() > CLOCK_DRIFT_S => Level::Warning,
        _ => Level::Ok,
    };
    let printer = ahead.map_or_else(String::new, |s| format!(", the printer's {s:+} s"));
    (level, format!("{}{printer}", time(now)))
}

fn backup(whole: View<'_>) -> (Level, String) {
    let backup = whole.at("box.backup");
    if backup.0.is_null() {
        return (Level::Blank, "-".to_owned());
    }
    if !backup.yes("enabled") {
        return (
            Level::Warning,
            "none: the box has no key (galley backup -h)".to_owned(),
        );
    }
    match backup.number("last_at").zip(now(whole)) {
        None => (Level::Warning, "none yet (galley backup now)".to_owned()),
        Some((at, now)) => {
            let age = now.saturating_sub(at).max(0);
            let level = if age > BACKUP_OLD_MS {
                Level::Warning
            } else {
                Level::Ok
            };
            (level, format!("{} ago", duration(age)))
        }
    }
}

/// Bytes, roughly.
pub(in crate::cli) fn size(bytes: u64) -> String {
    match bytes {
        b if b < 10 << 20 => format!("{} kB", b >> 10),
        b if b < 10 << 30 => format!("{} MB", b >> 20),
        b => format!("{} GB", b >> 30),
    }
}
