//! Canonical JSON (RFC 8785) and digests over it.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Largest integer that every JSON peer keeps exactly, 2⁵³ − 1.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// A value that has no canonical form here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an integer within ±(2^53 − 1)")]
pub struct NotCanonical(pub String);

/// The canonical bytes of a value: keys sorted by UTF-16 code units, no blanks, integers only (klink 3.3).
///
/// ```
/// use galley_robot::canonical_bytes;
/// let bytes = canonical_bytes(&serde_json::json!({"b": 1, "a": [true, null]})).unwrap();
/// assert_eq!(bytes, br#"{"a":[true,null],"b":1}"#);
/// ```
///
/// # Errors
/// When a number is no integer or too large.
pub fn canonical_bytes(value: &Value) -> Result<Vec<u8>, NotCanonical> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    Ok(out)
}

/// `sha256:` and 64 lower-case hex digits.
#[must_use]
pub fn digest_text(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(n) => {
            let size = n.as_i64().map(i64::unsigned_abs).or(n.as_u64());
            if size.is_none_or(|s| s > MAX_SAFE) {
                return Err(NotCanonical(n.to_string()));
            }
            out.extend_from_slice(n.to_string().as_bytes());
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_text(key, out);
                out.push(b':');
                write(&members[key], out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// The escapes of RFC 8785 3.2.2.2 are those that `serde_json` writes.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(Value::from(text).to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_digest_of_the_published_command_is_met() {
        let value = json!({"op":"job.submit","a":{"recipe":{"rev":7,"id":"borsch","hash":"sha256:aa"},
            "portions":1,"kind":"cook","job_id":"J-0001"}});
        assert_eq!(
            digest_text(&canonical_bytes(&value).unwrap()),
            "sha256:cc3d1a4d4f39fa7bd90f46241d0e7b58b0b990d7be738a9c62b07e279e01d93b"
        );
    }

    #[test]
    fn keys_are_sorted_by_utf_16_and_control_characters_escaped() {
        let value = json!({"\u{10000}": 1, "\u{ffff}": 2, "a": "\u{1}\n\"\u{7f}é"});
        let text = String::from_utf8(canonical_bytes(&value).unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"a\":\"\\u0001\\n\\\"\u{7f}é\",\"\u{10000}\":1,\"\u{ffff}\":2}"
        );
    }

    #[test]
    fn fractions_and_huge_numbers_have_no_canonical_form() {
        assert!(canonical_bytes(&json!(1.5)).is_err());
        assert!(canonical_bytes(&json!(9_007_199_254_740_992_i64)).is_err());
        assert!(canonical_bytes(&json!(-9_007_199_254_740_991_i64)).is_ok());
    }
}
