//! Signatures: Ed25519 over the very text of the message.

use crate::domain::remote::Envelope;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    io::{Read as _, Write as _},
    str::FromStr,
};

/// What is signed begins with this, so that a signature for anything else is none here.
const DOMAIN: &[u8] = b"galley message to a store, 1\n";
/// Bytes a message may have unpacked: a menu of some thousand dishes.
const MOST_UNPACKED: u64 = 16 * 1024 * 1024;

/// Why a message is not headquarters'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key.
    #[error("a key has 64 hexadecimal digits")]
    NoKey,
    /// Not a message at all.
    #[error("it is no signed message: {0}")]
    Malformed(String),
    /// Signed with a key that this store does not know, or not any more.
    #[error("it is signed with the key {0}, which this store does not trust")]
    Unknown(String),
    /// Changed, or signed by somebody else.
    #[error("its signature does not fit it")]
    Forged,
}

/// The public half of a key of headquarters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// By what messages name it: the first eight bytes of its SHA-256, in hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&Sha256::digest(self.0)[..8])
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        unhex(text).map(Self).ok_or(KeyError::NoKey)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// Both halves of a key of headquarters. It does not show itself.
pub struct SigningKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key that grows from 32 random bytes.
    ///
    /// # Panics
    /// Never: any 32 bytes are a seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        Self { seed, pair }
    }

    /// The seed in hexadecimal digits, to be sealed and kept.
    #[must_use]
    pub fn reveal(&self) -> String {
        hex(&self.seed)
    }

    /// A key from its seed's digits.
    ///
    /// # Errors
    /// [`KeyError::NoKey`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        unhex(text).map(Self::from_seed).ok_or(KeyError::NoKey)
    }

    /// Its public half.
    ///
    /// # Panics
    /// Never: a public key has 32 bytes.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let bytes = self.pair.public_key().as_ref();
        PublicKey(bytes.try_into().expect("a public key has 32 bytes"))
    }

    /// Signs a message.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn sign(&self, envelope: &Envelope) -> Result<Signed, serde_json::Error> {
        let signed = serde_json::to_string(envelope)?;
        let signature = self.pair.sign(&[DOMAIN, signed.as_bytes()].concat());
        Ok(Signed {
            signature: STANDARD.encode(signature.as_ref()),
            key: self.public().id(),
            signed,
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

/// A message as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The message's very text.
    pub signed: String,
    /// Whose signature: the key's id.
    pub key: String,
    /// Base64.
    pub signature: String,
}

impl Signed {
    /// The message's bytes: gzip of JSON.
    ///
    /// # Errors
    /// When it can't be packed.
    pub fn encode(&self) -> Result<Vec<u8>, KeyError> {
        let wrong = |e: &dyn fmt::Display| KeyError::Malformed(e.to_string());
        let json = serde_json::to_vec(self).map_err(|e| wrong(&e))?;
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&json).map_err(|e| wrong(&e))?;
        packer.finish().map_err(|e| wrong(&e))
    }

    /// Reads a message from its bytes; its signature is not looked at yet.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut json = Vec::new();
        GzDecoder::new(bytes)
            .take(MOST_UNPACKED + 1)
            .read_to_end(&mut json)
            .map_err(|e| KeyError::Malformed(e.to_string()))?;
        if json.len() as u64 > MOST_UNPACKED {
            return Err(KeyError::Malformed("it is too long".to_owned()));
        }
        serde_json::from_slice(&json).map_err(|e| KeyError::Malformed(e.to_string()))
    }
}

/// The keys of headquarters that a store trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRing(BTreeMap<String, PublicKey>);

impl KeyRing {
    /// A ring of these keys.
    #[must_use]
    pub fn of(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().map(|k| (k.id(), k)).collect())
    }

    /// Whether a store trusts nobody: it was never enrolled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Trusts a key too.
    pub fn add(&mut self, key: PublicKey) {
        self.0.insert(key.id(), key);
    }

    /// Trusts a key no more, unless it is the last.
    pub fn retire(&mut self, id: &str) {
        if self.0.len() > 1 {
            self.0.remove(id);
        }
    }

    /// The message, if one of the keys signed this very text.
    ///
    /// # Errors
    /// Why it is not headquarters'.
    pub fn open(&self, message: &Signed) -> Result<Envelope, KeyError> {
        let key = self
            .0
            .get(&message.key)
            .ok_or_else(|| KeyError::Unknown(message.key.chars().take(32).collect()))?;
        let signature = STANDARD
            .decode(&message.signature)
            .map_err(|_| KeyError::Forged)?;
        UnparsedPublicKey::new(&ED25519, key.0)
            .verify(&[DOMAIN, message.signed.as_bytes()].concat(), &signature)
            .map_err(|_| KeyError::Forged)?;
        serde_json::from_str(&message.signed).map_err(|e| KeyError::Malformed(e.to_string()))
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use uuid::Uuid;

    fn envelope() -> Envelope {
        Envelope {
            id: Uuid::from_u128(7),
            store: "S1".into(),
            generation: 1,
            issued_at: Timestamp::from_millis(5),
            expires_at: None,
            by: "anna".into(),
            body: serde_json::json!({"kind": "fence"}),
        }
    }

    #[test]
    fn the_signature_is_ed25519() {
        // RFC 8032, 7.1, test 1: the public key of this seed.
        let key =
            SigningKey::parse("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
                .unwrap();
        assert_eq!(
            key.public().to_string(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
    }

    #[test]
    fn a_message_opens_with_the_key_that_signed_it_and_unchanged_only() {
        let (ours, other) = (
            SigningKey::from_seed([1; 32]),
            SigningKey::from_seed([2; 32]),
        );
        let message = ours.sign(&envelope()).unwrap();
        let message = Signed::decode(&message.encode().unwrap()).unwrap();
        let ring = KeyRing::of([ours.public()]);
        assert_eq!(ring.open(&message).unwrap(), envelope());
        assert!(matches!(
            KeyRing::of([other.public()]).open(&message),
            Err(KeyError::Unknown(_))
        ));
        // Under our name, but not by us.
        let forged = Signed {
            key: ours.public().id(),
            ..other.sign(&envelope()).unwrap()
        };
        assert_eq!(ring.open(&forged), Err(KeyError::Forged));
        for at in 0..message.signed.len() {
            let mut changed = message.clone();
            changed.signed.replace_range(at..=at, "~");
            assert_eq!(ring.open(&changed), Err(KeyError::Forged), "{at}");
        }
    }

    #[test]
    fn the_last_key_is_not_taken_off_the_ring() {
        let (one, two) = (
            SigningKey::from_seed([1; 32]),
            SigningKey::from_seed([2; 32]),
        );
        let mut ring = KeyRing::of([one.public()]);
        ring.retire(&one.public().id());
        assert!(ring.open(&one.sign(&envelope()).unwrap()).is_ok());
        ring.add(two.public());
        ring.retire(&one.public().id());
        assert!(ring.open(&one.sign(&envelope()).unwrap()).is_err());
        assert!(ring.open(&two.sign(&envelope()).unwrap()).is_ok());
    }

    #[test]
    fn a_key_does_not_show_itself() {
        let key = SigningKey::from_seed([1; 32]);
        assert!(!format!("{key:?}").contains("0101"));
        assert_eq!(
            SigningKey::parse(&key.reveal()).unwrap().public(),
            key.public()
        );
    }
}
