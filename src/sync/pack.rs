//! Messages as they are built and read: a header and events, each packed by itself, so that events can be packed
//! ahead of what is said around them. The text of a body goes from the database into the message once.

use super::batch::{DayRoot, HexHash, MOST_UNPACKED, StoreId, WireError};
use crate::{
    domain::{ids::OrderId, time::Timestamp},
    store::EventRef,
    sync::Summary,
};
use flate2::read::GzDecoder;
use serde::Serialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, cell::RefCell, fmt, io::Read};
use zstd::{bulk::Compressor, zstd_safe::DCtx};

/// How hard messages are packed. 1,000 events of 272 bytes are 428 KB of JSON; measured with `zstd -b1 -e4`: level 1
/// gives 41 KB, of which 32 KB are the hashes, level 3 gives 46 KB and takes several times as long, gzip -1 gives 57 KB.
const LEVEL: i32 = 1;
/// The longest window that an unpacked frame may ask for, as a power of two: 8 MiB.
const WINDOW_LOG: u32 = 23;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fn wrong(e: impl fmt::Display) -> WireError {
    WireError::Malformed(e.to_string())
}

thread_local! {
    // Setting one up takes longer than packing a small message, which most are: a thread keeps its own.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static UNPACKING: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// A frame with this text.
fn frame(text: &[u8]) -> Result<Vec<u8>, WireError> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(kept) => kept,
            None => kept.insert(Compressor::new(LEVEL).map_err(wrong)?),
        };
        compressor.compress(text).map_err(wrong)
    })
}

/// Events of a log, in order and without a hole, packed for sending.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Number of the first.
    pub first_seq: u64,
    /// Number of the last.
    pub last_seq: u64,
    /// The chain's hash at the last.
    pub last_hash: HexHash,
    /// How many.
    pub events: usize,
    /// The rest of the message, as a frame.
    frame: Vec<u8>,
}

/// Builds a [`Pack`].
#[derive(Debug, Default)]
pub struct Packer {
    json: Vec<u8>,
    first_seq: u64,
    last: Option<(u64, HexHash)>,
    events: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    at: Timestamp,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    actor: &'a str,
    body: Body<'a>,
    hash: HexHash,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    /// As it was written.
    Whole(&'a RawValue),
    /// Damaged in the store: no JSON any more, so it travels as text, and headquarters sets it aside.
    Damaged(Cow<'a, str>),
}

impl Packer {
    /// Adds the next event.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn push(&mut self, e: &EventRef<'_>) -> Result<(), WireError> {
        let hash = HexHash(e.hash);
        let body = match serde_json::from_str::<&RawValue>(&e.body) {
            Ok(raw) => Body::Whole(raw),
            Err(_) => Body::Damaged(Cow::Borrowed(&*e.body)),
        };
        let line = Line {
            seq: e.seq,
            at: e.at,
            kind: &e.kind,
            order_id: e.order_id,
            actor: &e.actor,
            body,
            hash,
        };
        self.json.push(if self.events == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut self.json, &line).map_err(wrong)?;
        if self.events == 0 {
            self.first_seq = e.seq;
        }
        self.last = Some((e.seq, hash));
        self.events += 1;
        Ok(())
    }

    /// Bytes so far, not packed.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.json.len()
    }

    /// Number of the event that would come next, when there was one.
    #[must_use]
    pub fn next_seq(&self) -> Option<u64> {
        Some(self.last?.0 + 1)
    }

    /// The events, packed; none when there were none.
    ///
    /// # Errors
    /// When they can't be packed.
    pub fn finish(mut self) -> Result<Option<Pack>, WireError> {
        let Some((last_seq, last_hash)) = self.last else {
            return Ok(None);
        };
        self.json.extend_from_slice(b"]}");
        Ok(Some(Pack {
            first_seq: self.first_seq,
            last_seq,
            last_hash,
            events: self.events,
            frame: frame(&self.json)?,
        }))
    }
}

/// What a message says beside its events.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Header<'a> {
    /// Whose.
    pub store_id: &'a StoreId,
    /// The generation of the store's box.
    #[serde(skip_serializing_if = "super::batch::is_none")]
    pub generation: u64,
    /// As in a batch.
    pub stream: u64,
    /// As in a batch.
    pub number: u64,
    /// As in a batch.
    pub first_seq: u64,
    /// As in a batch.
    pub previous: Option<HexHash>,
    /// The newest state of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<&'a Summary>,
    /// The root of its last full day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<&'a DayRoot>,
}

impl Header<'_> {
    /// The message's bytes: two frames, whose texts make one JSON.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn message(&self, pack: Option<&Pack>) -> Result<Vec<u8>, WireError> {
        let mut json = serde_json::to_vec(self).map_err(wrong)?;
        // The object is left open for the events.
        json.pop();
        json.extend_from_slice(b",\"entries\":");
        if pack.is_none() {
            json.extend_from_slice(b"[]}");
        }
        let mut message = frame(&json)?;
        if let Some(pack) = pack {
            message.extend_from_slice(&pack.frame);
        }
        Ok(message)
    }
}

/// The text of a message, packed or not.
pub(super) fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, WireError> {
    if bytes.starts_with(&ZSTD) {
        UNPACKING.with_borrow_mut(|kept| {
            let mut frames =
                zstd::Decoder::with_context(bytes, kept.get_or_insert_with(DCtx::create));
            frames.window_log_max(WINDOW_LOG).map_err(wrong)?;
            read(frames, bytes.len()).map(Cow::Owned)
        })
    } else if bytes.starts_with(&GZIP) {
        read(GzDecoder::new(bytes), bytes.len()).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(bytes))
    }
}

fn read(from: impl Read, packed: usize) -> Result<Vec<u8>, WireError> {
    let mut text = Vec::with_capacity(packed.saturating_mul(4));
    from.take(MOST_UNPACKED + 1)
        .read_to_end(&mut text)
        .map_err(wrong)?;
    if text.len() as u64 > MOST_UNPACKED {
        return Err(WireError::TooLong);
    }
    Ok(text)
}
