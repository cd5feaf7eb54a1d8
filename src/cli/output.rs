//! What a person or a script sees: tables that fit an SSH line, or the daemon's answer as JSON.

use crate::world::{Clock as _, SystemClock};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::OnceLock,
};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Characters of a line.
pub const WIDTH: usize = 80;
/// What stands where there is nothing.
pub const NONE: &str = "-";
/// Version of the shape of every document.
const SCHEMA: u32 = 1;

/// What this invocation is about: `order`, `status` …
static NOUN: OnceLock<String> = OnceLock::new();

/// Says once what this invocation is about; every JSON document tells it.
pub(super) fn about(noun: &str) {
    let _ = NOUN.set(noun.to_owned());
}

/// `galley/order/1`: what kind of document it is, and the version of its shape. A field is only ever added within a
/// version.
#[must_use]
pub fn schema() -> String {
    let noun = NOUN.get().map_or("galley", String::as_str);
    format!("galley/{noun}/{SCHEMA}")
}

/// The document with its schema; what is no object becomes the `value` of one.
#[must_use]
pub fn with_schema(value: &Value) -> Value {
    let mut whole = match value {
        Value::Object(_) => value.clone(),
        other => json!({ "value": other }),
    };
    whole["schema"] = schema().into();
    whole
}

/// A colour; it is never the only sign of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Well.
    Green,
    /// Odd.
    Yellow,
    /// Wrong.
    Red,
    /// A heading.
    Bold,
    /// Beside the point.
    Dim,
}

/// Whether standard output takes colours: a terminal, no `NO_COLOR` (no-color.org), not `TERM=dumb`.
#[must_use]
pub fn colours() -> bool {
    static YES: OnceLock<bool> = OnceLock::new();
    *YES.get_or_init(|| {
        let unset = |name: &str| std::env::var_os(name).is_none_or(|v| v.is_empty());
        unset("NO_COLOR")
            && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
            && io::stdout().is_terminal()
    })
}

/// Text in a colour, where there are colours.
#[must_use]
pub fn paint(colour: Paint, text: &str) -> String {
    if !colours() || text.is_empty() {
        return text.to_owned();
    }
    let code = match colour {
        Paint::Green => "32",
        Paint::Yellow => "33",
        Paint::Red => "31",
        Paint::Bold => "1",
        Paint::Dim => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Columns that a text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Writes text to standard output. A reader that has gone away (`| head`) is no failure.
///
/// # Errors
/// When it can't be written for another reason.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| match text.ends_with('\n') {
            true => Ok(()),
            false => out.write_all(b"\n"),
        })
        .and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes one JSON document, with its schema.
///
/// # Errors
/// When it can't be written.
pub fn print_json(value: &Value) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(&with_schema(value))?)?;
    Ok(())
}

/// Writes one JSON document as one line, with its schema, for streams.
///
/// # Errors
/// When it can't be written.
pub fn print_json_line(value: &Value) -> anyhow::Result<()> {
    print(&with_schema(value).to_string())?;
    Ok(())
}

/// Which way a column leans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lean {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table that is never wider than [`WIDTH`]: its last column gives way.
#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<(&'static str, Lean)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(head: &[(&'static str, Lean)]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    /// One more row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|c| clean(c)).collect());
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text.
    #[must_use]
    pub fn render(&self) -> String {
        self.render_within(WIDTH)
    }

    /// The table as text with nothing cut, for what must be read to the last word.
    #[must_use]
    pub fn render_whole(&self) -> String {
        self.render_within(usize::MAX)
    }

    fn render_within(&self, most: usize) -> String {
        let width = |i: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(i));
            cells
                .map(|c| c.width())
                .chain([self.head.get(i).map_or(0, |h| h.0.len())])
                .max()
                .unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        if let Some((last, before)) = widths.split_last_mut() {
            let taken: usize = before.iter().map(|w| w + 2).sum();
            *last = (*last).min(most.saturating_sub(taken)).max(8);
        }
        let mut text = String::new();
        let heads: Vec<String> = self.head.iter().map(|h| h.0.to_owned()).collect();
        for row in [&heads].into_iter().chain(&self.rows) {
            let cells = row.iter().zip(&self.head).zip(&widths);
            let line: Vec<String> = cells
                .map(|((cell, (_, lean)), width)| pad(&shorten(cell, *width), *width, *lean))
                .collect();
            text.push_str(line.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

fn pad(text: &str, width: usize, lean: Lean) -> String {
    let fill = " ".repeat(width.saturating_sub(text.width()));
    match lean {
        Lean::Left => format!("{text}{fill}"),
        Lean::Right => format!("{fill}{text}"),
    }
}

/// At most `width` columns; what is cut shows as `…`.
#[must_use]
pub fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let kept: String = text
        .chars()
        .take_while(|c| match room.checked_sub(c.width().unwrap_or(0)) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        })
        .collect();
    format!("{}…", kept.trim_end())
}

/// Text from elsewhere, without characters that move a terminal's cursor.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Text in lines of at most [`WIDTH`] characters, each behind `indent` spaces.
#[must_use]
pub fn wrap(text: &str, indent: usize) -> String {
    let room = WIDTH.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = Vec::new();
    for word in clean(text).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let margin = " ".repeat(indent);
    lines.iter().map(|l| format!("{margin}{l}\n")).collect()
}

/// `name  value` lines; values may be long.
#[must_use]
pub fn facts(pairs: &[(String, String)]) -> String {
    let width = pairs
        .iter()
        .map(|(name, _)| name.width())
        .max()
        .unwrap_or(0);
    pairs
        .iter()
        .map(|(name, value)| format!("{}  {}\n", pad(name, width, Lean::Left), clean(value)))
        .collect()
}

/// Any answer as `name  value` lines: names say what a value is (`…_minor` money, `…_at` time, `…_ms` duration).
#[must_use]
pub fn facts_of(value: &Value) -> String {
    let mut pairs = Vec::new();
    collect(value, "", &mut pairs);
    facts(&pairs)
}

fn collect(value: &Value, name: &str, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let name = if name.is_empty() {
                    key.clone()
                } else {
                    format!("{name}.{key}")
                };
                collect(value, &name, pairs);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(item, &format!("{name}[{i}]"), pairs);
            }
        }
        _ => pairs.push((name.to_owned(), speak(name, value))),
    }
}

fn speak(name: &str, value: &Value) -> String {
    match (value, value.as_i64()) {
        (Value::Null, _) => NONE.to_owned(),
        (_, Some(n)) if name.ends_with("_minor") => money(n),
        (_, Some(n)) if name.ends_with("_at") => time(n),
        (_, Some(n)) if name.ends_with("_ms") => duration(n),
        (Value::Bool(yes), _) => if *yes { "yes" } else { "no" }.to_owned(),
        (Value::String(text), _) => text.clone(),
        (other, _) => other.to_string(),
    }
}

/// Minor units as people write money: `1234.50`.
#[must_use]
pub fn money(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

/// The zone that times are told in, where it is not that of whoever looks.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Has times told in this zone: who writes the store's time is answered in it.
pub(super) fn told_in(zone: TimeZone) {
    let _ = ZONE.set(zone);
}

/// A time in the zone of whoever looks, or in the store's once that was asked for.
#[must_use]
pub fn time(at_ms: i64) -> String {
    let zone = ZONE.get().cloned().unwrap_or_else(TimeZone::system);
    time_in(at_ms, zone)
}

/// A time in a zone.
#[must_use]
pub fn time_in(at_ms: i64, zone: TimeZone) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(
        |_| NONE.to_owned(),
        |at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// How long ago that was.
#[must_use]
pub fn ago(at_ms: i64) -> String {
    format!(
        "{} ago",
        duration(SystemClock.now().as_millis().saturating_sub(at_ms).max(0))
    )
}

/// Milliseconds, roughly.
#[must_use]
pub fn duration(ms: i64) -> String {
    match ms / 1000 {
        s if s < 1 => format!("{ms} ms"),
        s if s < 120 => format!("{s} s"),
        s if s < 2 * 3600 => format!("{} min", s / 60),
        s if s < 48 * 3600 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

/// A look into an answer. What is missing shows as `-`, so that an older or newer daemon can be talked to.
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(pub &'a Value);

impl<'a> View<'a> {
    /// What stands at a path such as `accepting.ok`.
    #[must_use]
    pub fn at(self, path: &str) -> View<'a> {
        const MISSING: &Value = &Value::Null;
        View(
            path.split('.')
                .fold(self.0, |v, key| v.get(key).unwrap_or(MISSING)),
        )
    }

    /// Text, or a number as text.
    #[must_use]
    pub fn text(self, path: &str) -> String {
        speak("", self.at(path).0)
    }

    /// A text in languages: English before Russian before whatever there is.
    #[must_use]
    pub fn word(self, path: &str) -> String {
        let at = self.at(path);
        for language in ["en", "ru", "uz"] {
            if let Some(text) = at.0.get(language).and_then(Value::as_str) {
                return text.to_owned();
            }
        }
        at.text_here()
    }

    fn text_here(self) -> String {
        speak("", self.0)
    }

    /// Whether it says exactly this.
    #[must_use]
    pub fn is(self, path: &str, word: &str) -> bool {
        self.at(path).0.as_str() == Some(word)
    }

    /// A number, where there is one.
    #[must_use]
    pub fn number(self, path: &str) -> Option<i64> {
        self.at(path).0.as_i64()
    }

    /// A yes.
    #[must_use]
    pub fn yes(self, path: &str) -> bool {
        self.at(path).0.as_bool() == Some(true)
    }

    /// Money.
    #[must_use]
    pub fn money(self, path: &str) -> String {
        self.number(path).map_or_else(|| NONE.to_owned(), money)
    }

    /// A time.
    #[must_use]
    pub fn time(self, path: &str) -> String {
        self.number(path).map_or_else(|| NONE.to_owned(), time)
    }

    /// The items of a list; none when it is missing.
    pub fn each(self, path: &str) -> impl Iterator<Item = View<'a>> + use<'a> {
        let items = self.at(path).0.as_array();
        items.into_iter().flatten().map(View)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_keeps_within_an_ssh_line_whatever_is_in_it() {
        let mut table = Table::new(&[
            ("ID", Lean::Left),
            ("SUM", Lean::Right),
            ("WHAT", Lean::Left),
        ]);
        table.row(["A17".into(), money(45_000), "é".repeat(200)]);
        table.row(["B".into(), money(5), "\u{1b}[2Jshort".into()]);
        let text = table.render();
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH), "{text}");
        assert!(text.contains("450.00") && text.contains('…'));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn columns_are_counted_as_a_terminal_draws_them() {
        let mut table = Table::new(&[("ID", Lean::Left), ("WHAT", Lean::Left)]);
        // Cyrillic takes a column each, Chinese two, a combining accent none.
        for id in ["Плов", "炒飯", "e\u{301}e\u{301}e\u{301}e\u{301}"] {
            table.row([id.into(), "x".into()]);
        }
        let text = table.render();
        let at: Vec<usize> = text
            .lines()
            .skip(1)
            .map(|l| l.split_once('x').unwrap().0.width())
            .collect();
        assert_eq!(at, [6, 6, 6], "{text}");
        assert_eq!(shorten("炒飯炒飯", 5), "炒飯…");
        assert_eq!(shorten("Плов с мясом", 6), "Плов…");
    }

    #[test]
    fn every_document_tells_its_schema() {
        assert_eq!(
            with_schema(&json!({"a": 1})),
            json!({"schema": schema(), "a": 1})
        );
        assert_eq!(with_schema(&json!([1]))["value"], json!([1]));
        assert!(schema().starts_with("galley/") && schema().ends_with("/1"));
    }

    #[test]
    fn money_is_written_as_people_do() {
        assert_eq!(money(45_050), "450.50");
        assert_eq!(money(-5), "-0.05");
        assert_eq!(money(i64::MIN), "-92233720368547758.08");
    }

    #[test]
    fn an_answer_of_any_shape_can_be_shown() {
        let text = facts_of(&json!({"paper": true, "sum_minor": 150, "a": {"b": [1, null]}}));
        assert!(text.contains("paper"), "{text}");
        assert!(text.contains("1.50") && text.contains("yes") && text.contains("a.b[1]"));
    }

    #[test]
    fn what_is_missing_is_a_dash_and_no_panic() {
        let value = json!({"name": {"ru": "Суп", "en": "Soup"}});
        let view = View(&value);
        assert_eq!(view.word("name"), "Soup");
        assert_eq!(view.text("x.y.z"), "-");
        assert_eq!(view.money("x"), "-");
        assert_eq!(view.each("name").count(), 0);
    }

    #[test]
    fn wrapped_lines_keep_every_word() {
        let long = "word ".repeat(60);
        let text = wrap(&long, 4);
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH));
        assert_eq!(text.split_whitespace().count(), 60);
    }
}
