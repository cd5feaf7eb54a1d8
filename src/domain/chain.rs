//! The hash chain of the log: each event carries the hash of its predecessor, so that a hole or a change anywhere
//! shows, in the store and at headquarters.

use super::{ids::OrderId, time::Timestamp};
use sha2::{Digest as _, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// What the first event follows.
pub const GENESIS: Hash = [0; 32];

/// The hash of an event: over its predecessor's hash and all its fields, each with its length.
#[must_use]
pub fn link(
    previous: &Hash,
    seq: u64,
    at: Timestamp,
    order_id: Option<OrderId>,
    actor: &str,
    body_json: &str,
) -> Hash {
    let mut h = Sha256::new();
    h.update(previous);
    h.update(seq.to_be_bytes());
    h.update(at.as_millis().to_be_bytes());
    match order_id {
        Some(id) => {
            h.update([16]);
            h.update(id.0.as_bytes());
        }
        None => h.update([0]),
    }
    for text in [actor, body_json] {
        h.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        h.update(text.as_bytes());
    }
    h.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_changes_the_hash() {
        let at = Timestamp::from_millis(5);
        let id = Some(OrderId(uuid::Uuid::nil()));
        let base = link(&GENESIS, 1, at, None, "a", "{}");
        for other in [
            link(&base, 1, at, None, "a", "{}"),
            link(&GENESIS, 2, at, None, "a", "{}"),
            link(&GENESIS, 1, Timestamp::from_millis(6), None, "a", "{}"),
            link(&GENESIS, 1, at, id, "a", "{}"),
            link(&GENESIS, 1, at, None, "a{", "}"),
        ] {
            assert_ne!(base, other);
        }
    }
}
