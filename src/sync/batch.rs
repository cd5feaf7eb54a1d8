//! What travels between a store and headquarters: gzip of JSON. The words are frozen once shipped.

use super::summary::Summary;
use crate::{
    domain::{chain::Hash, ids::OrderId, time::Timestamp},
    store::LogEntry,
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use std::{
    fmt,
    io::{Read as _, Write as _},
    str::FromStr,
};

/// Bytes a message may have on the wire.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Bytes a message may have unpacked.
const MOST_UNPACKED: u64 = 16 * 1024 * 1024;
/// Events a message may have.
const MOST_ENTRIES: usize = 10_000;

/// A store's id, given by headquarters: 1 to 64 of `a–z A–Z 0–9 - _ .`, so that it fits a topic and a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct StoreId(String);

impl StoreId {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StoreId {
    type Err = WireError;

    fn from_str(text: &str) -> Result<Self, WireError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let dots = text.bytes().all(|b| b == b'.');
        if (1..=64).contains(&text.len()) && !dots && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(WireError::StoreId)
        }
    }
}

impl<'de> Deserialize<'de> for StoreId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// A hash as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HexHash(pub Hash);

impl fmt::Display for HexHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for HexHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for HexHash {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HexHash {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let mut hash = [0u8; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(de::Error::custom("a hash has 64 hexadecimal digits"));
        }
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = std::str::from_utf8(pair)
                .ok()
                .and_then(|p| u8::from_str_radix(p, 16).ok())
                .ok_or_else(|| de::Error::custom("a hash has 64 hexadecimal digits"))?;
        }
        Ok(Self(hash))
    }
}

/// One event, with the very text of its body, so that its hash can be checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the log.
    pub seq: u64,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The kind's word.
    pub kind: String,
    /// The order it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Who did it.
    pub actor: String,
    /// The body, unchanged.
    pub body: Box<RawValue>,
    /// The chain's hash at this event.
    pub hash: HexHash,
}

impl TryFrom<LogEntry> for Entry {
    type Error = WireError;

    fn try_from(e: LogEntry) -> Result<Self, WireError> {
        Ok(Self {
            seq: e.seq,
            at: e.at,
            kind: e.kind,
            order_id: e.order_id,
            actor: e.actor,
            body: RawValue::from_string(e.body).map_err(|_| WireError::Damaged(e.seq))?,
            hash: HexHash(e.hash),
        })
    }
}

/// One message up. Without entries it is a sign of life, and asks where headquarters stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// Whose.
    pub store_id: StoreId,
    /// Marks one run of batches without a break; headquarters repeats it, so that answers to an earlier run are
    /// told apart.
    pub stream: u64,
    /// Number of the batch in its stream.
    pub number: u64,
    /// Sequence number of the first entry, or of the one that would come next.
    pub first_seq: u64,
    /// Hash of the event before it; none when the store no longer has that event.
    pub previous: Option<HexHash>,
    /// Events, in order, without a hole.
    pub entries: Vec<Entry>,
    /// The newest state of the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

/// One message down: what is in headquarters' database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// To whom.
    pub store_id: StoreId,
    /// The batch's stream.
    pub stream: u64,
    /// The batch's number.
    pub number: u64,
    /// All events up to this one are committed.
    pub seq: u64,
    /// Hash of that event, by which the store knows that headquarters has the same.
    pub hash: HexHash,
    /// The store is to go on from `seq`, whatever it thought it had sent: events in between are missing here.
    pub rewind: bool,
    /// An event that headquarters did not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

/// An event that headquarters did not take, and why. Nothing after it is taken either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which.
    pub seq: u64,
    /// Why.
    pub reason: String,
}

/// A message that can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not an id.
    #[error("a store id has 1 to 64 letters, digits, '-', '_' or '.'")]
    StoreId,
    /// Not what it should be.
    #[error("not a valid message: {0}")]
    Malformed(String),
    /// Longer than allowed.
    #[error("the message is too long")]
    TooLong,
    /// The body of this event is no JSON: the store's own data is damaged.
    #[error("event {0} of the log is damaged")]
    Damaged(u64),
}

impl Batch {
    /// The message's bytes.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, WireError> {
        let wrong = |e: &dyn fmt::Display| WireError::Malformed(e.to_string());
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        let json = serde_json::to_vec(self).map_err(|e| wrong(&e))?;
        packer.write_all(&json).map_err(|e| wrong(&e))?;
        packer.finish().map_err(|e| wrong(&e))
    }

    /// Reads the message from its bytes, packed or not.
    ///
    /// # Errors
    /// When it is too long or not what it should be.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > MOST_BYTES {
            return Err(WireError::TooLong);
        }
        let mut json = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            GzDecoder::new(bytes)
                .take(MOST_UNPACKED + 1)
                .read_to_end(&mut json)
                .map_err(|e| WireError::Malformed(e.to_string()))?;
            if json.len() as u64 > MOST_UNPACKED {
                return Err(WireError::TooLong);
            }
        } else {
            json.extend_from_slice(bytes);
        }
        let batch: Self =
            serde_json::from_slice(&json).map_err(|e| WireError::Malformed(e.to_string()))?;
        batch.check()?;
        Ok(batch)
    }

    /// Sequence number of its last entry; of the event before it when it has none.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.entries
            .last()
            .map_or(self.first_seq.saturating_sub(1), |e| e.seq)
    }

    fn check(&self) -> Result<(), WireError> {
        if self.entries.len() > MOST_ENTRIES {
            return Err(WireError::TooLong);
        }
        let numbered = (self.first_seq..)
            .zip(&self.entries)
            .all(|(seq, e)| seq == e.seq);
        // SQLite counts to 2⁶³ only.
        if self.first_seq == 0 || self.last_seq() > i64::MAX.unsigned_abs() || !numbered {
            return Err(WireError::Malformed(
                "the events are not in order, without a hole, from first_seq".to_owned(),
            ));
        }
        Ok(())
    }
}

impl Ack {
    /// The message's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the message from its bytes.
    ///
    /// # Errors
    /// When it is not what it should be.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        serde_json::from_slice(bytes).map_err(|e| WireError::Malformed(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chain::GENESIS;

    fn batch(bodies: &[&str]) -> Batch {
        Batch {
            store_id: "spb-01".parse().unwrap(),
            stream: u64::MAX,
            number: 3,
            first_seq: 7,
            previous: Some(HexHash([0xab; 32])),
            entries: (7..)
                .zip(bodies)
                .map(|(seq, body)| Entry {
                    seq,
                    at: Timestamp::from_millis(5),
                    kind: "k".to_owned(),
                    order_id: None,
                    actor: "system".to_owned(),
                    body: RawValue::from_string((*body).to_owned()).unwrap(),
                    hash: HexHash(GENESIS),
                })
                .collect(),
            summary: None,
        }
    }

    #[test]
    fn the_text_of_a_body_arrives_unchanged() {
        // Other spacing, order and number forms would give another hash.
        let text = r#"{"b": 1.0,  "a":"é\u00e9", "n":1e2}"#;
        let there = Batch::decode(&batch(&[text]).encode().unwrap()).unwrap();
        assert_eq!(there.entries[0].body.get(), text);
        assert_eq!(there.stream, u64::MAX);
        assert_eq!(there.previous, Some(HexHash([0xab; 32])));
    }

    #[test]
    fn a_batch_with_a_hole_is_no_batch() {
        let mut holed = batch(&["{}", "{}"]);
        holed.entries[1].seq = 9;
        assert!(matches!(
            Batch::decode(&holed.encode().unwrap()),
            Err(WireError::Malformed(_))
        ));
    }

    #[test]
    fn a_message_that_unpacks_without_end_is_refused() {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..=16 {
            packer.write_all(&vec![b' '; 1024 * 1024]).unwrap();
        }
        let bomb = packer.finish().unwrap();
        assert!(bomb.len() < 100_000);
        assert_eq!(Batch::decode(&bomb).unwrap_err(), WireError::TooLong);
    }

    #[test]
    fn a_store_id_fits_a_topic_and_a_path() {
        for good in ["spb-01", "a", "Tash_2.1"] {
            assert!(good.parse::<StoreId>().is_ok(), "{good}");
        }
        for bad in ["", "a/b", "+", "#", "a b", "..", "ю", &"x".repeat(65)] {
            assert!(bad.parse::<StoreId>().is_err(), "{bad}");
        }
    }
}
