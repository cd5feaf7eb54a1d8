//! What the body of a request says, and where it says nothing that can be understood. For every door that takes JSON.

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use std::fmt;

/// Bytes that are read and dropped of a body that is too large: a connection that is closed while the client
/// still sends is reset, and the client never sees the refusal.
const MAX_DRAINED: usize = 32 * 1024 * 1024;

/// Why a body is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWhole {
    /// The client went away in the middle.
    Cut,
    /// It is longer than it may be.
    TooLarge,
}

/// Reads a body of at most `most` bytes to its end.
///
/// # Errors
/// When it is cut, or longer.
pub async fn whole(mut body: Body, most: usize) -> Result<Vec<u8>, NotWhole> {
    let mut bytes = Vec::new();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| NotWhole::Cut)?.into_data() else {
            continue;
        };
        read += data.len();
        if read <= most {
            bytes.extend_from_slice(&data);
        } else if read > MAX_DRAINED {
            break;
        }
    }
    if read > most {
        return Err(NotWhole::TooLarge);
    }
    Ok(bytes)
}

/// Why a body can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The field: `lines[0].quantity`; none where it is no JSON at all, or not an object.
    pub path: Option<String>,
    said: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Unreadable {}

impl Unreadable {
    /// Of what a deserialiser said at a path; `.` is the whole.
    fn at(path: &str, said: String, syntax: bool) -> Self {
        let within = (path != "." && path != "?").then_some(path);
        let path = match (missing(&said), within) {
            _ if syntax => None,
            // A field that is not there is told at the thing that lacks it.
            (Some(field), Some(within)) => Some(format!("{within}.{field}")),
            (Some(field), None) => Some(field.to_owned()),
            (None, within) => within.map(str::to_owned),
        };
        Self { path, said }
    }

    fn whole(said: String) -> Self {
        Self { path: None, said }
    }
}

/// The name in "missing field `name`".
#[must_use]
pub fn missing(said: &str) -> Option<&str> {
    said.split_once("missing field `")?
        .1
        .split_once('`')
        .map(|(field, _)| field)
}

/// Reads a body; an empty one is an object without fields.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    // A list of values in the order of our fields would be taken too, and an empty one for no arguments.
    if text.trim_ascii_start().starts_with(b"[") {
        return Err(Unreadable::whole(
            "the body is a list; it must be an object".to_owned(),
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let body = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let syntax = !e.inner().is_data();
        Unreadable::at(&e.path().to_string(), e.to_string(), syntax)
    })?;
    json.end().map_err(|e| Unreadable::whole(e.to_string()))?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Line {
        #[expect(dead_code, reason = "only read")]
        quantity: u32,
    }

    #[derive(Debug, Deserialize)]
    struct Order {
        #[expect(dead_code, reason = "only read")]
        lines: Vec<Line>,
    }

    fn path(text: &str) -> Option<String> {
        read::<Order>(text.as_bytes()).unwrap_err().path
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert_eq!(
            path(r#"{"lines": [{"quantity": "two"}]}"#).as_deref(),
            Some("lines[0].quantity")
        );
        assert_eq!(
            path(r#"{"lines": [{"quantity": 1}, {}]}"#).as_deref(),
            Some("lines[1].quantity")
        );
        assert_eq!(path("").as_deref(), Some("lines"));
        for no_field in ["[]", "{", r#"{"lines": []} and more"#] {
            assert_eq!(path(no_field), None, "{no_field}");
        }
    }
}
