//! `galley fiscal wire`: what went over the printer's wire, readable.

use crate::cli::{
    exit::{Exit, Misuse},
    output::print,
};
use anyhow::Context as _;
use clap::Args;
use galley_link::{WireEvent, WireRecord};
use std::{
    fmt::Write as _,
    fs::File,
    io::{BufRead as _, BufReader, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// Where the packaged unit keeps it.
const DEFAULT_FILE: &str = "/var/lib/galley/printer.wire";
/// How often a followed file is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Records of the past that are shown before a followed file goes on.
const LEAD: usize = 20;
/// Bytes in a line.
const WIDTH: usize = 16;

#[derive(Args, Debug)]
pub(super) struct WireArgs {
    /// The log: what `wire_log` under [printer] names
    file: Option<PathBuf>,
    /// Show the last 20 records and go on as it grows, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
}

pub(super) async fn execute(args: WireArgs, socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let file = args.file.unwrap_or_else(|| usual(socket));
    let mut reader = Reader::open(&file)?;
    // Who follows wants what comes now, and enough of what was to see where it comes in.
    let mut lead = args.follow.then_some(LEAD);
    loop {
        let lines = reader.lines()?;
        let skipped = lead
            .take()
            .map_or(0, |lead| lines.len().saturating_sub(lead));
        for line in lines.into_iter().skip(skipped) {
            if json {
                print(&format!("{line}\n"))?;
                continue;
            }
            let record = serde_json::from_str(&line).map_err(|e| {
                Misuse(format!("{}: this is no log of a wire: {e}", file.display()))
            })?;
            print(&readable(&record))?;
        }
        if !args.follow {
            return Ok(Exit::Done.into());
        }
        tokio::time::sleep(LOOK).await;
        if reader.was_rotated()? {
            reader = Reader::open(&file)?;
        }
    }
}

/// Where the log usually is: a demonstration keeps it beside its socket.
fn usual(socket: &Path) -> PathBuf {
    let beside = socket.with_file_name("printer.wire");
    if beside.is_file() {
        beside
    } else {
        DEFAULT_FILE.into()
    }
}

/// Reads whole lines; one that is still being written waits.
struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
}

impl Reader {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| {
            format!(
                "cannot read {}; set wire_log under [printer] and restart the daemon, or name the file",
                path.display()
            )
        })?;
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            at: 0,
        })
    }

    fn lines(&mut self) -> std::io::Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.file.read_line(&mut line)?;
            if !line.ends_with('\n') {
                self.file.seek(SeekFrom::Start(self.at))?;
                return Ok(lines);
            }
            self.at += u64::try_from(read).unwrap_or(0);
            lines.push(line.trim_end().to_owned());
        }
    }

    /// Another file has taken the name.
    fn was_rotated(&self) -> std::io::Result<bool> {
        use std::os::unix::fs::MetadataExt as _;
        let ours = self.file.get_ref().metadata()?;
        Ok(std::fs::metadata(&self.path).is_ok_and(|now| now.ino() != ours.ino()))
    }
}

/// `    12.345 s  #1 → FE 01 00 00 C4 02` and, behind the bytes, what is text in them.
fn readable(record: &WireRecord) -> String {
    let head = format!(
        "{:>6}.{:03} s  #{}",
        record.ms / 1000,
        record.ms % 1000,
        record.connection
    );
    let (arrow, bytes) = match &record.event {
        WireEvent::Open(address) => return format!("{head} opened {address}\n"),
        WireEvent::Failed(why) => return format!("{head} not opened: {why}\n"),
        WireEvent::Close(()) => return format!("{head} closed\n"),
        WireEvent::Out(bytes) => ("→", bytes),
        WireEvent::In(bytes) => ("←", bytes),
    };
    let mut text = String::new();
    for (n, chunk) in bytes.chunks(WIDTH).enumerate() {
        let hex: Vec<String> = chunk.iter().map(|b| format!("{b:02X}")).collect();
        // Both makes write texts in code page 866 or 1251; what is ASCII is the same in either.
        let ascii: String = chunk
            .iter()
            .map(|b| match b {
                0x20..=0x7e => char::from(*b),
                _ => '.',
            })
            .collect();
        let lead = if n == 0 {
            format!("{head} {arrow}")
        } else {
            " ".repeat(head.chars().count() + 2)
        };
        let _ = writeln!(text, "{lead} {:<47}  {ascii}", hex.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_readable_thing() {
        let record = |event| WireRecord {
            connection: 2,
            ms: 12_345,
            event,
        };
        assert_eq!(
            readable(&record(WireEvent::Open("tcp://10.0.0.2:5555".into()))),
            "    12.345 s  #2 opened tcp://10.0.0.2:5555\n"
        );
        let out = readable(&record(WireEvent::Out((0x3f..0x3f + 18).collect())));
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("#2 → 3F 40 41"), "{out}");
        assert!(lines[0].ends_with("?@ABCDEFGHIJKLMN"), "{out}");
        assert!(lines[1].trim_start().starts_with("4F 50"), "{out}");
    }

    #[test]
    fn half_a_line_waits_for_its_other_half() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wire");
        let mut file = File::create(&path).unwrap();
        write!(file, "one\ntw").unwrap();
        let mut reader = Reader::open(&path).unwrap();
        assert_eq!(reader.lines().unwrap(), ["one"]);
        writeln!(file, "o").unwrap();
        assert_eq!(reader.lines().unwrap(), ["two"]);
        assert!(!reader.was_rotated().unwrap());
        std::fs::rename(&path, folder.path().join("wire.1")).unwrap();
        File::create(&path).unwrap();
        assert!(reader.was_rotated().unwrap());
    }
}
