//! `galley logs`: what happened in the store, and what the daemon itself says, in one stream.

use super::{
    client::{CallError, Client, Door, query},
    complete,
    exit::{Exit, Misuse, help},
    order::find,
    output::{Paint, View, clean, paint, print, print_json_line, time},
    when,
};
use anyhow::Context as _;
use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use clap_complete::ArgValueCompleter;
use jiff::{Span, Zoned, civil};
use serde_json::{Value, json};
use std::{collections::BTreeMap, process::ExitCode, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    signal::unix::{SignalKind, signal},
};

/// How long the daemon may hold an empty answer back.
const WAIT: Duration = Duration::from_secs(20);
/// Between two attempts at a daemon that is away.
const AGAIN: Duration = Duration::from_secs(2);
/// Lines of one answer.
const PAGE: usize = 500;

/// What happened, and what happens.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley logs                          the last 50 events",
    "galley logs -f                       and go on, until Ctrl-C",
    "galley logs -f --device printer",
    "galley logs --since 2h --order A17",
    "galley logs --since '2026-11-22 14:00' --kind payment.",
    "galley logs --source all -f          the daemon's own words too",
    "galley logs -f --json | jq -c 'select(.kind==\"alert.raised\")'"
))]
pub struct LogsArgs {
    #[command(flatten)]
    pub(super) door: Door,
    /// Go on as it happens, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// From then on: 10m, 2h, 14:30, 2026-11-22, '2026-11-22 14:30'
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only of this order: number, such as A17, or id
    #[arg(long, add = ArgValueCompleter::new(complete::orders))]
    order: Option<String>,
    /// Only what this device has to do with
    #[arg(long, add = ArgValueCompleter::new(complete::devices),
        value_parser = PossibleValuesParser::new(["printer", "robot", "bank"]))]
    device: Option<String>,
    /// Only kinds that begin so, such as payment.
    #[arg(long)]
    kind: Option<String>,
    /// The last so many, without --since
    #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    lines: u16,
    /// The store's log, the daemon's own words (journald), or both
    #[arg(long, value_enum, default_value_t = Source::Events)]
    source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Source {
    /// What happened in the store
    Events,
    /// What the daemon wrote to the journal
    Journal,
    /// Both
    All,
}

/// Which events.
struct Wanted {
    since_ms: Option<i64>,
    order: Option<String>,
    device: Option<String>,
    kind: Option<String>,
    lines: u16,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: LogsArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let events = args.source != Source::Journal;
    let order = match &args.order {
        Some(order) if events => Some(find(&client, order).await?),
        other => other.clone(),
    };
    let wanted = Wanted {
        since_ms: match &args.since {
            Some(text) => Some(moment(text, &now(&client, text, events).await?)?),
            None => None,
        },
        order,
        device: args.device,
        kind: args.kind,
        lines: args.lines,
    };
    let journal = args.source != Source::Events;
    if journal && args.door.store.is_some() {
        return Err(Misuse(
            "the journal is on the store's own box: log in there, or take --source events".into(),
        )
        .into());
    }
    let mut stream = Stream {
        client,
        wanted,
        json: args.door.json,
        numbers: BTreeMap::new(),
    };
    let work = async {
        if !args.follow {
            let mut lines = Vec::new();
            if events {
                let (found, _) = stream.events().await?;
                for event in found {
                    lines.push((event["at"].as_i64().unwrap_or(0), event));
                }
            }
            if journal {
                lines.extend(journal_lines(&stream.wanted).await?);
            }
            lines.sort_by_key(|(at, _)| *at);
            let surplus = match stream.wanted.since_ms {
                None => lines.len().saturating_sub(usize::from(stream.wanted.lines)),
                Some(_) => 0,
            };
            for (_, line) in lines.drain(..).skip(surplus) {
                stream.tell(&line).await?;
            }
            return Ok(());
        }
        match args.source {
            Source::Events => stream.follow_events().await,
            Source::Journal => follow_journal(&stream.wanted, stream.json).await,
            Source::All => {
                let wanted = Wanted {
                    since_ms: stream.wanted.since_ms,
                    order: stream.wanted.order.clone(),
                    device: stream.wanted.device.clone(),
                    kind: stream.wanted.kind.clone(),
                    lines: stream.wanted.lines,
                };
                let json = stream.json;
                tokio::select! {
                    biased;
                    ended = follow_journal(&wanted, json) => ended,
                    ended = stream.follow_events() => ended,
                }
            }
        }
    };
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        biased;
        _ = term.recv() => {}
        _ = int.recv() => {}
        ended = work => ended?,
    }
    Ok(Exit::Done.into())
}

/// Now, in the store's zone; the journal can be read while the daemon is down, too.
async fn now(client: &Client, text: &str, events: bool) -> anyhow::Result<Zoned> {
    match when::now(client, text).await {
        Err(_) if !events => Ok(when::here()),
        other => other,
    }
}

struct Stream {
    client: Client,
    wanted: Wanted,
    json: bool,
    /// Orders' numbers by their ids, as far as they were needed.
    numbers: BTreeMap<String, String>,
}

impl Stream {
    fn path(&self, after: Option<u64>, wait: Option<Duration>) -> String {
        let w = &self.wanted;
        let limit = match (after, w.since_ms) {
            (None, None) => usize::from(w.lines),
            _ => PAGE,
        };
        let pairs = [
            ("after", after.map(|n| n.to_string())),
            (
                "since",
                w.since_ms
                    .filter(|_| after.is_none())
                    .map(|n| n.to_string()),
            ),
            ("order", w.order.clone()),
            ("device", w.device.clone()),
            ("kind", w.kind.clone()),
            ("limit", Some(limit.to_string())),
            ("wait_ms", wait.map(|w| w.as_millis().to_string())),
        ];
        format!("/log{}", query(&pairs))
    }

    /// All that is wanted and there, and where to go on.
    async fn events(&mut self) -> Result<(Vec<Value>, u64), CallError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let mut answer = self.client.get(&self.path(after, None)).await?;
            let next = answer["next"].as_u64().unwrap_or(0);
            let page = match answer["events"].take() {
                Value::Array(events) => events,
                _ => Vec::new(),
            };
            let ended = page.is_empty() || self.wanted.since_ms.is_none() || after == Some(next);
            all.extend(page);
            if ended {
                return Ok((all, next));
            }
            after = Some(next);
        }
    }

    async fn follow_events(&mut self) -> anyhow::Result<()> {
        let (first, mut next) = self.events().await?;
        for event in first {
            self.tell(&event).await?;
        }
        let mut away = false;
        loop {
            match self.client.get(&self.path(Some(next), Some(WAIT))).await {
                Ok(answer) => {
                    away = false;
                    next = answer["next"].as_u64().unwrap_or(next).max(next);
                    for event in answer["events"].as_array().into_iter().flatten() {
                        self.tell(event).await?;
                    }
                }
                // It restarts, or the line is bad: said once, and gone on with where it was.
                Err(error @ (CallError::Unreachable { .. } | CallError::AnswerLost { .. })) => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(%error, "the daemon is away; its log goes on when it is back");
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn tell(&mut self, line: &Value) -> anyhow::Result<()> {
        if self.json {
            return print_json_line(line);
        }
        let view = View(line);
        if !view.at("message").0.is_null() {
            print(&journal_line(view))?;
            return Ok(());
        }
        let order = match view.at("order_id").0.as_str() {
            Some(id) => self.number(id).await,
            None => String::new(),
        };
        print(&event_line(view, &order))?;
        Ok(())
    }

    /// The number of an order, for people; its id's end where it can't be told.
    async fn number(&mut self, id: &str) -> String {
        if let Some(number) = self.numbers.get(id) {
            return number.clone();
        }
        let path = format!("/orders/{}", super::client::segment(id));
        let number = match self.client.get(&path).await {
            Ok(order) => View(&order).text("number"),
            Err(_) => id
                .get(id.len().saturating_sub(6)..)
                .unwrap_or(id)
                .to_owned(),
        };
        self.numbers.insert(id.to_owned(), number.clone());
        number
    }
}

fn event_line(event: View<'_>, order: &str) -> String {
    let at = event.number("at").map(time).unwrap_or_default();
    let kind = event.text("kind");
    let colour = match kind.as_str() {
        k if k.starts_with("alert.raised") || k.ends_with(".failed") || k.ends_with(".refused") => {
            Paint::Red
        }
        k if k.starts_with("payment.") || k.starts_with("receipt.") => Paint::Green,
        _ => Paint::Bold,
    };
    let details = details(event.at("body").0);
    format!(
        "{at}  {} {:<5} {}  {}\n",
        paint(colour, &format!("{:<20}", clean(&kind))),
        clean(order),
        clean(&event.text("actor")),
        clean(&details)
    )
}

/// What a person wants of a body: its plain values, as `name=value`.
fn details(body: &Value) -> String {
    let mut parts = Vec::new();
    if let Value::Object(fields) = body {
        for (name, value) in fields {
            if name == "kind" || name.ends_with("_id") {
                continue;
            }
            match value {
                Value::String(text) => parts.push(format!("{name}={text}")),
                Value::Number(n) if name.ends_with("_minor") => {
                    let amount = n.as_i64().map(super::output::money).unwrap_or_default();
                    parts.push(format!("{}={amount}", name.trim_end_matches("_minor")));
                }
                Value::Number(n) => parts.push(format!("{name}={n}")),
                Value::Bool(true) => parts.push(name.clone()),
                Value::Object(inner) => {
                    for key in ["title", "number", "tender", "total_minor", "amount_minor"] {
                        match inner.get(key) {
                            Some(Value::String(text)) => parts.push(text.clone()),
                            Some(Value::Number(n)) if key.ends_with("_minor") => {
                                parts
                                    .push(n.as_i64().map(super::output::money).unwrap_or_default());
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }
    super::output::shorten(&parts.join(" "), 120)
}

fn journal_line(line: View<'_>) -> String {
    let at = line.number("at").map(time).unwrap_or_default();
    let word = line.text("level");
    let colour = match word.as_str() {
        "ERROR" => Paint::Red,
        "WARN" => Paint::Yellow,
        _ => Paint::Dim,
    };
    format!(
        "{at}  {} {}\n",
        paint(colour, &format!("{:<20}", clean(&word))),
        clean(&line.text("message"))
    )
}

fn journalctl(wanted: &Wanted, follow: bool) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("journalctl");
    command.args(["--unit=galley", "--output=json", "--no-pager"]);
    match wanted.since_ms {
        Some(ms) => command.arg(format!("--since=@{}", ms / 1000)),
        None => command.arg(format!("--lines={}", wanted.lines)),
    };
    if follow {
        command.arg("--follow");
    }
    command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn journal_lines(wanted: &Wanted) -> anyhow::Result<Vec<(i64, Value)>> {
    let output = journalctl(wanted, false)
        .output()
        .await
        .context("journalctl can't be run: is this the store's box?")?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|l| entry(l, wanted)).collect())
}

async fn follow_journal(wanted: &Wanted, json: bool) -> anyhow::Result<()> {
    let mut child = journalctl(wanted, true)
        .stdout(Stdio::piped())
        .spawn()
        .context("journalctl can't be run: is this the store's box?")?;
    let out = child.stdout.take().context("journalctl has no output")?;
    let mut lines = BufReader::new(out).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, line)) = entry(&line, wanted) {
            if json {
                print_json_line(&line)?;
            } else {
                print(&journal_line(View(&line)))?;
            }
        }
    }
    Ok(())
}

/// A line of journald's, as ours: when, how bad, what.
fn entry(line: &str, wanted: &Wanted) -> Option<(i64, Value)> {
    let raw: Value = serde_json::from_str(line).ok()?;
    let at = raw["__REALTIME_TIMESTAMP"].as_str()?.parse::<i64>().ok()? / 1000;
    let text = raw["MESSAGE"].as_str()?;
    // The daemon writes JSON where nobody looks; anything else is systemd's.
    let ours: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let message = ours["fields"]["message"].as_str().unwrap_or(text);
    let level = ours["level"].as_str().unwrap_or("systemd");
    let wants = |word: &Option<String>| word.as_ref().is_none_or(|w| text.contains(w.as_str()));
    if !wants(&wanted.order) || !wants(&wanted.device) {
        return None;
    }
    let mut told = json!({"at": at, "level": level, "message": message});
    if ours["fields"].is_object() {
        told["fields"] = ours["fields"].clone();
    }
    Some((at, told))
}

/// What a person writes for a moment: how long ago, a time of today, a day, or both.
pub(super) fn moment(text: &str, now: &Zoned) -> anyhow::Result<i64> {
    let text = text.trim();
    let zone = now.time_zone().clone();
    let at = if let Ok(span) = text.parse::<Span>() {
        let back = if span.is_negative() { span } else { -span };
        now.checked_add(back)?
    } else if let Ok(at) = text.parse::<civil::DateTime>() {
        at.to_zoned(zone)?
    } else if let Ok(day) = text.parse::<civil::Date>() {
        day.to_zoned(zone)?
    } else if let Ok(time) = text.parse::<civil::Time>() {
        let today = now.date().to_datetime(time).to_zoned(zone.clone())?;
        // A time that is still to come was yesterday's.
        match today > *now {
            true => now.date().yesterday()?.to_datetime(time).to_zoned(zone)?,
            false => today,
        }
    } else {
        return Err(Misuse(format!(
            "--since {text}: write 10m, 2h, 14:30, 2026-11-22 or '2026-11-22 14:30'"
        ))
        .into());
    };
    Ok(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_people_do() {
        let now: Zoned = "2026-11-22T14:00:00+00:00[UTC]".parse().unwrap();
        let at = |text: &str| {
            let ms = moment(text, &now).unwrap();
            jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
        };
        for (text, expected) in [
            ("10m", "2026-11-22T13:50:00Z"),
            ("2h 30m", "2026-11-22T11:30:00Z"),
            ("1d", "2026-11-21T14:00:00Z"),
            ("13:30", "2026-11-22T13:30:00Z"),
            ("23:00", "2026-11-21T23:00:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20 08:15", "2026-11-20T08:15:00Z"),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
        assert!(moment("soon", &now).is_err());
    }

    #[test]
    fn an_event_is_one_line_that_moves_no_cursor() {
        let event = json!({"at": 0, "kind": "payment.captured", "actor": "system\u{1b}[2J",
            "body": {"kind": "payment.captured", "payment_id": "x", "amount_minor": 45_000, "payment": {"tender": "cash"}}});
        let line = event_line(View(&event), "A17");
        assert!(
            line.contains("payment.captured") && line.contains("A17"),
            "{line}"
        );
        assert!(
            line.contains("amount=450.00") && line.contains("cash"),
            "{line}"
        );
        assert!(!line.contains('\u{1b}') && line.ends_with('\n'));
    }

    #[test]
    fn what_the_daemon_wrote_as_json_is_read_and_what_systemd_wrote_too() {
        let wanted = Wanted {
            since_ms: None,
            order: None,
            device: Some("printer".into()),
            kind: None,
            lines: 5,
        };
        let ours = r#"{"__REALTIME_TIMESTAMP":"1000000","MESSAGE":"{\"level\":\"WARN\",\"fields\":{\"message\":\"it is away\",\"device.id\":\"printer\"}}"}"#;
        let (at, line) = entry(ours, &wanted).unwrap();
        assert_eq!((at, line["message"].as_str()), (1000, Some("it is away")));
        let other = r#"{"__REALTIME_TIMESTAMP":"1000000","MESSAGE":"Started galley.service"}"#;
        assert!(entry(other, &wanted).is_none());
        let all = Wanted {
            device: None,
            ..wanted
        };
        assert_eq!(entry(other, &all).unwrap().1["level"], "systemd");
    }
}
