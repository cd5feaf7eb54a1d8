//! What travels between a store and headquarters: JSON, packed with zstd (gzip and plain text are read too). The
//! words are frozen once shipped.

use super::{
    pack::{self, Header, Packer},
    summary::Summary,
};
use crate::{
    domain::{chain::Hash, ids::OrderId, time::Timestamp},
    store::{EventRef, LogEntry},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use std::{fmt, str::FromStr};

/// Bytes a message may have on the wire.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Bytes a message may have unpacked.
pub(super) const MOST_UNPACKED: u64 = 16 * 1024 * 1024;
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

impl HexHash {
    fn digits(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        text
    }

    fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != 64 {
            return None;
        }
        let digit = |b: u8| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            b'A'..=b'F' => Some(b - b'A' + 10),
            _ => None,
        };
        let mut hash = [0u8; 32];
        for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for HexHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.digits()))
    }
}

impl fmt::Debug for HexHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for HexHash {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let digits = self.digits();
        s.serialize_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for HexHash {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Digits;
        impl de::Visitor<'_> for Digits {
            type Value = HexHash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a hash of 64 hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HexHash, E> {
                HexHash::parse(text.as_bytes())
                    .ok_or_else(|| E::custom("a hash has 64 hexadecimal digits"))
            }
        }
        d.deserialize_str(Digits)
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
            body: RawValue::from_string(e.body)
                .map_err(|_| WireError::Malformed(format!("event {} is damaged", e.seq)))?,
            hash: HexHash(e.hash),
        })
    }
}

impl Entry {
    pub(super) fn as_event(&self) -> EventRef<'_> {
        EventRef {
            seq: self.seq,
            at: self.at,
            kind: self.kind.as_str().into(),
            order_id: self.order_id,
            actor: self.actor.as_str().into(),
            body: self.body.get().into(),
            hash: self.hash.0,
        }
    }
}

/// The end of a day in a store's log. Both sides walk the chain over what they have stored of the day, and tell each
/// other where they come out: the same hash proves that nothing of the day is missing or changed on either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRoot {
    /// `YYYY-MM-DD`, the store's.
    pub day: String,
    /// The last event of the day.
    pub seq: u64,
    /// The hash that a walk over the day comes out at; all zeros when it can't be walked.
    pub hash: HexHash,
}

pub(super) fn is_none(generation: &u64) -> bool {
    *generation == 0
}

/// One message up. Without entries it is a sign of life, and asks where headquarters stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// Whose.
    pub store_id: StoreId,
    /// The generation of the store's box; 0 of one that was not enrolled with a code.
    #[serde(default, skip_serializing_if = "is_none")]
    pub generation: u64,
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
    /// The root of the store's last full day, until headquarters has answered with its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<DayRoot>,
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
    /// How many batches of events headquarters wants under way from this store at most; as many as the route
    /// carries when it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u16>,
    /// Which of several headquarters answers: what the store sends next goes to it alone, so that its batches stay
    /// in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// What headquarters comes out at for the store's day. An answer with it says nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<DayRoot>,
}

/// An event that headquarters did not take, because it has another in its place, and why. Nothing after it is taken
/// either: this store's log is not the one that headquarters has.
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
}

impl Batch {
    /// The message's bytes.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, WireError> {
        let mut packer = Packer::default();
        for e in &self.entries {
            packer.push(&e.as_event())?;
        }
        Header {
            store_id: &self.store_id,
            generation: self.generation,
            stream: self.stream,
            number: self.number,
            first_seq: self.first_seq,
            previous: self.previous,
            summary: self.summary.as_ref(),
            root: self.root.as_ref(),
        }
        .message(packer.finish()?.as_ref())
    }

    /// Reads the message from its bytes, packed or not.
    ///
    /// # Errors
    /// When it is too long or not what it should be.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > MOST_BYTES {
            return Err(WireError::TooLong);
        }
        let json = pack::unpack(bytes)?;
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
    use std::io::Write as _;

    fn batch(bodies: &[&str]) -> Batch {
        Batch {
            store_id: "spb-01".parse().unwrap(),
            generation: 0,
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
            root: None,
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
        let spaces = vec![b' '; 17 * 1024 * 1024];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&spaces).unwrap();
        for bomb in [
            gzip.finish().unwrap(),
            zstd::bulk::compress(&spaces, 1).unwrap(),
        ] {
            assert!(bomb.len() < 100_000);
            assert_eq!(Batch::decode(&bomb).unwrap_err(), WireError::TooLong);
        }
    }

    #[test]
    fn a_message_is_read_however_it_is_packed() {
        let json = serde_json::to_vec(&batch(&["{}"])).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&json).unwrap();
        for packed in [
            gzip.finish().unwrap(),
            zstd::bulk::compress(&json, 1).unwrap(),
            json,
        ] {
            assert_eq!(Batch::decode(&packed).unwrap().entries.len(), 1);
        }
    }

    #[test]
    fn a_body_that_is_no_json_any_more_still_travels() {
        let mut packer = Packer::default();
        let damaged = batch(&["{}"]);
        let mut event = damaged.entries[0].as_event();
        event.body = "{\"kind\":\"k\" \u{0}".into();
        packer.push(&event).unwrap();
        let message = Header {
            store_id: &damaged.store_id,
            generation: 0,
            stream: 1,
            number: 1,
            first_seq: 7,
            previous: None,
            summary: None,
            root: None,
        }
        .message(packer.finish().unwrap().as_ref())
        .unwrap();
        let there = Batch::decode(&message).unwrap();
        assert_eq!(there.entries[0].body.get(), r#""{\"kind\":\"k\" \u0000""#);
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
