//! What leaves the box in a support bundle: without secrets, phones and addresses.
//!
//! Too much is taken out rather than too little. Numbers that technicians need (orders, documents, fiscal signs, times)
//! have other lengths than phones and stay.

use serde_json::Value;

/// What stands in the place of what was taken out.
pub(super) const GONE: &str = "[redacted]";
/// Fields whose value never leaves, whatever it is, by a part of their name.
const FIELDS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "api_id",
    "apikey",
    "api_key",
    "authorization",
    "phone",
    "email",
    "e_mail",
    "contact",
    "pin",
    "bearer",
    "cookie",
    "credentials_json",
    "pan",
];
/// Fields of such a name that are no secret.
const HARMLESS: &[&str] = &[
    "_credential",
    "tokens",
    "shopping",
    "mapping",
    "company",
    "span",
    "expand",
    "panel",
    "opinion",
    "ping",
];
/// Shorter secrets would take ordinary words out.
const SHORTEST: usize = 6;
/// A run of so many characters without a space, of mixed kinds, is taken for a key.
const KEY_LENGTH: usize = 24;
/// A key of that length changes between kinds of characters about twice as often.
const CHANGES: usize = 7;

/// Takes out what is known to be secret, and what looks so.
#[derive(Clone, Debug, Default)]
pub(super) struct Redactor {
    known: Vec<String>,
}

impl Redactor {
    /// These secrets never pass, wherever they stand.
    pub(super) fn knowing(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut known: Vec<String> = secrets
            .into_iter()
            .map(|s| s.trim().to_owned())
            .filter(|s| s.chars().count() >= SHORTEST)
            .collect();
        // The longest first: one may contain another.
        known.sort_by_key(|s| std::cmp::Reverse(s.len()));
        Self { known }
    }

    /// A text without them.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            text = text.replace(secret.as_str(), GONE);
        }
        text.split_inclusive('\n').map(line).collect()
    }

    /// A document without them.
    pub(super) fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|v| self.json(v)).collect()),
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| {
                        let value = match value {
                            Value::Null | Value::Bool(_) => value.clone(),
                            _ if is_private(name) => Value::String(GONE.to_owned()),
                            value => self.json(value),
                        };
                        (name.clone(), value)
                    })
                    .collect(),
            ),
            Value::Number(number) if looks_like_phone(&number.to_string(), false) => {
                Value::String(GONE.to_owned())
            }
            other => other.clone(),
        }
    }
}

/// Whether a field of this name holds what must not leave.
pub(super) fn is_private(name: &str) -> bool {
    let name = name.to_lowercase();
    if HARMLESS.iter().any(|h| name.contains(h)) {
        return false;
    }
    FIELDS.iter().any(|f| match f.len() {
        // Short words only as words of their own.
        ..=3 => name.split(['_', '-', '.']).any(|part| part == *f),
        _ => name.contains(f),
    })
}

/// Phones as people write them, in groups: `+7 (900) 123-45-67`, `8 900 123 45 67`.
fn without_grouped_phones(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let starts =
            matches!(c, '+' | '7' | '8' | '9') && !before.is_alphanumeric() && before != '+';
        if let Some(length) = starts.then(|| grouped_phone(rest)).flatten() {
            text += GONE;
            rest = &rest[length..];
            before = ']';
            continue;
        }
        text.push(c);
        before = c;
        rest = &rest[c.len_utf8()..];
    }
    text
}

/// How long the phone at the beginning is, in bytes; none when there is none.
fn grouped_phone(text: &str) -> Option<usize> {
    let plus = text.starts_with('+');
    let mut digits = String::new();
    let mut separated = false;
    let mut bytes = text.bytes().enumerate().skip(usize::from(plus)).peekable();
    while let Some((at, b)) = bytes.next() {
        match b {
            b'0'..=b'9' => digits.push(char::from(b)),
            b' ' | b'-' | b'(' | b')' | b'.' => separated = true,
            _ => return None,
        }
        let group_ends =
            b.is_ascii_digit() && !bytes.peek().is_some_and(|(_, n)| n.is_ascii_digit());
        let whole = match digits.len() {
            11..=15 if plus => true,
            11 => ["79", "89", "77"].iter().any(|s| digits.starts_with(s)),
            12 => digits.starts_with("998"),
            16.. => return None,
            _ => false,
        };
        // Without separators it is a word, and looked at as one.
        if group_ends && whole && separated {
            return Some(at + 1);
        }
    }
    None
}

/// One line: words that follow a name of a secret, keys, phones, addresses, names and passwords in URLs.
fn line(line: &str) -> String {
    let line = without_grouped_phones(line);
    let mut text = String::new();
    let mut rest = line.as_str();
    let mut after_name = false;
    while !rest.is_empty() {
        let end = rest.find(is_gap).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let gap_end = tail.find(|c| !is_gap(c)).unwrap_or(tail.len());
        let (gap, tail) = tail.split_at(gap_end);
        if !word.is_empty() {
            text += &if after_name {
                GONE.to_owned()
            } else {
                self::word(word)
            };
            let scheme = ["bearer", "basic"].contains(&word.to_lowercase().as_str());
            after_name = scheme || is_private(word) && gap.contains(['=', ':']);
        }
        text += gap;
        rest = tail;
    }
    text
}

/// What stands between words. Not what is part of numbers, addresses and keys.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || "\"'=,;()[]{}<>|&?".contains(c) || c == ':'
}

fn word(word: &str) -> String {
    // https has lost its colon to the gap: //user@host is left of a URL with a name in it.
    if let Some((before, host)) = word.rsplit_once('@') {
        return match before.strip_prefix("//") {
            Some(_) => format!("//{GONE}@{host}"),
            None => GONE.to_owned(),
        };
    }
    let bare = word.trim_end_matches(['.', '!', '…']);
    if looks_like_phone(bare, true) || looks_like_key(bare) {
        return word.replacen(bare, GONE, 1);
    }
    word.to_owned()
}

/// A number of Russia, Kazakhstan or Uzbekistan, or any with a plus; separators of any kind.
fn looks_like_phone(word: &str, separators: bool) -> bool {
    let plus = word.starts_with('+');
    let fine = word
        .chars()
        .all(|c| c.is_ascii_digit() || c == '+' || separators && "-.".contains(c));
    if !fine {
        return false;
    }
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        10..=15 if plus => true,
        11 => digits.starts_with("79") || digits.starts_with("89") || digits.starts_with("77"),
        12 => digits.starts_with("998"),
        _ => false,
    }
}

/// Long, of letters and digits, and no UUID, hash or path.
fn looks_like_key(word: &str) -> bool {
    let of = |c: char| c.is_ascii_alphanumeric() || "_-+/=~.".contains(c);
    if word.len() < KEY_LENGTH || !word.chars().all(of) || word.starts_with('/') {
        return false;
    }
    // Ids of orders are written with their hyphens; without them it may be a key.
    let uuid = word.len() == 36 && word.matches('-').count() == 4;
    if uuid || word.contains("//") {
        return false;
    }
    let hex = word.bytes().all(|b| b.is_ascii_hexdigit());
    if hex {
        // A hash of the log tells nothing, and technicians compare them; other lengths are keys.
        return word.len() != 64;
    }
    // What chance has made changes between digits, capitals and small letters all the time; names do not.
    let kinds: Vec<u8> = word
        .chars()
        .filter_map(|c| match c {
            '0'..='9' => Some(0),
            'A'..='Z' => Some(1),
            'a'..='z' => Some(2),
            _ => None,
        })
        .collect();
    kinds.windows(2).filter(|w| w[0] != w[1]).count() >= CHANGES
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_secret_or_personal_does_not_pass() {
        let redactor = Redactor::knowing(["hunter2-hunter2".to_owned(), "x".to_owned()]);
        for text in [
            "password=Kitchen1",
            "token: abc",
            "Authorization: Bearer s3cret",
            "the guest +7 (no) is +79001234567, really",
            "call 89001234567.",
            "call +998-90-123-45-67",
            "call +7 (900) 123-45-67 or",
            "8 900 123 45 67, the guest's",
            "to 998901234567",
            "mail to anna.petrova@example.com!",
            "mqtts://galley:pa55@broker.example",
            "it was hunter2-hunter2 all along",
            "key dGhpcyBpcyBhIHZlcnkgc2VjcmV0IGtleQ1A",
            "{\"api_id\":\"A1-B2\"}",
            "deadbeefdeadbeefdeadbeefdeadbeef",
        ] {
            let told = redactor.text(text);
            assert!(told.contains(GONE), "{text} → {told}");
            for secret in [
                "Kitchen1",
                "abc",
                "s3cret",
                "9001234567",
                "90-123",
                "901234567",
                "anna",
                "pa55",
                "hunter2",
                "dGhpcy",
                "A1-B2",
                "deadbeef",
            ] {
                assert!(!told.contains(secret), "{text} → {told}");
            }
        }
    }

    #[test]
    fn what_technicians_need_stays() {
        let redactor = Redactor::default();
        for text in [
            "order 0192f3c5-5d0e-7c1a-9d9e-3c1a0c5b7a10 at 1763800000000",
            "fiscal sign 1234567890, drive 9999078902004312, INN 7701234567",
            "serial:///dev/ttyACM0?baud=115200 opened",
            "http://192.168.1.20:7460/v1 answered 200 in 35 ms",
            "S001-20261122T040000Z.backup",
            "2026-11-22 14:00:00 7 8 9 events, 8 of 900 at 2026-11-22T14:00:00+00:00",
            "password_credential = \"alfa-bank\"",
            "/var/lib/galley/backups/S001-20261122T040000Z.backup",
            "2f6a1c0e9b2f6a1c0e9b2f6a1c0e9b2f6a1c0e9b2f6a1c0e9b2f6a1c0e9bffff",
        ] {
            assert_eq!(redactor.text(text), text);
        }
    }

    #[test]
    fn a_document_is_cleaned_by_the_names_of_its_fields() {
        let redactor = Redactor::default();
        let cleaned = redactor.json(&json!({
            "phone": 79_001_234_567_i64, "n": 79_001_234_567_i64, "seq": 41, "token": {"a": 1}, "password": null,
            "deep": [{"guest_email": "a@b.c", "note": "a@b.c"}], "password_credential": "bank", "pin": "1234",
        }));
        assert_eq!(
            cleaned,
            json!({
                "phone": GONE, "n": GONE, "seq": 41, "token": GONE, "password": null,
                "deep": [{"guest_email": GONE, "note": GONE}], "password_credential": "bank", "pin": GONE,
            })
        );
    }
}
