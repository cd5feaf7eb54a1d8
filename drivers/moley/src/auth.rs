//! The shared key of klink 3.4: it proves who opened a session, not each frame.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// A key and its name. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Name of the key, sent in the clear.
    pub id: String,
    secret: Vec<u8>,
}

impl Key {
    /// A key from its bytes.
    pub fn new(id: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self {
            id: id.into(),
            secret: secret.into(),
        }
    }

    /// The proof of one side, lower-case hex.
    #[must_use]
    pub fn proof(&self, side: Side, facts: &Facts<'_>) -> String {
        let side = match side {
            Side::Controller => 'c',
            Side::Cell => 'r',
        };
        let text = format!(
            "klink1|{side}|{}|{}|{}|{}|{}",
            facts.controller_id, facts.cell_id, facts.nonce_c, facts.nonce_r, facts.fence
        );
        hex(&hmac_sha256(&self.secret, text.as_bytes()))
    }

    /// Whether a proof is right, in time that does not depend on where it differs.
    #[must_use]
    pub fn verify(&self, side: Side, facts: &Facts<'_>, proof: &str) -> bool {
        let right = self.proof(side, facts);
        right.len() == proof.len()
            && right
                .bytes()
                .zip(proof.bytes())
                .fold(0, |differs, (a, b)| differs | (a ^ b))
                == 0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ***)", self.id)
    }
}

/// Whose proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The daemon's.
    Controller,
    /// The robot's.
    Cell,
}

/// What a proof covers.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// From `hello`.
    pub controller_id: &'a str,
    /// From `challenge`.
    pub cell_id: &'a str,
    /// From `hello`.
    pub nonce_c: &'a str,
    /// From `challenge`.
    pub nonce_r: &'a str,
    /// From `hello`.
    pub fence: u64,
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// RFC 2104 over SHA-256.
fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|b| b ^ 0x36))
        .chain_update(text)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|b| b ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_proofs_are_met() {
        let key = Key::new("k1", "correct horse battery staple");
        let facts = Facts {
            controller_id: "store-017",
            cell_id: "cell-1",
            nonce_c: "00112233445566778899aabbccddeeff",
            nonce_r: "ffeeddccbbaa99887766554433221100",
            fence: 42,
        };
        assert_eq!(
            key.proof(Side::Controller, &facts),
            "8f60c0918df7cec55b54a46f5427359c445655dc5906511cba46ab635305d6c0"
        );
        let cell = "2be7dd7f242131548ca5cd1d51b32ca7bfe480069f910878e430abee961fd301";
        assert!(key.verify(Side::Cell, &facts, cell));
        assert!(!key.verify(Side::Controller, &facts, cell));
        assert_eq!(format!("{key:?}"), "Key(k1, ***)");
    }

    #[test]
    fn a_long_key_is_hashed_first() {
        // RFC 4231, test case 6.
        let key = [0xaa; 131];
        assert_eq!(
            hex(&hmac_sha256(
                &key,
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            )),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
