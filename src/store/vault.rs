//! Encryption at rest: of single secrets, and of backups as a stream.
//!
//! ChaCha20-Poly1305 (fast without AES instructions, as small boxes are), a key of its own for every secret and every
//! file: HKDF-SHA256 of the box's key, 32 random bytes, and what the key is for. So nonces may simply count.
//!
//! A stream is cut into chunks of [`CHUNK`] bytes, each sealed with its number and whether it is the last (the STREAM
//! construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015, as in the format age): chunks can't be changed, left
//! out, reordered or cut off.

use aws_lc_rs::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use std::{
    fmt,
    io::{self, Read, Write},
};

/// Bytes of plain text in a chunk.
pub const CHUNK: usize = 64 * 1024;
/// Bytes of the tag behind each chunk.
const TAG: usize = 16;
/// Random bytes that make a key the only one of its kind.
pub const SALT: usize = 32;
/// Bytes by which a key is recognised.
pub const KEY_ID: usize = 8;
/// A key with fewer characters can be guessed; 32 of base64 have 192 bits.
const LEAST: usize = 32;
/// Form of a sealed secret.
const SECRET_V1: u8 = 1;

/// Why something stays closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Too short to be a key.
    #[error("the key has fewer than {LEAST} characters; make one with: galley backup key")]
    WeakKey,
    /// It was sealed with another key.
    #[error("it was sealed with another key than this box has")]
    OtherKey,
    /// Changed, or cut off.
    #[error("it was changed or cut short after it was written")]
    Damaged,
}

/// The box's key, from a credential. It never leaves the process.
#[derive(Clone)]
pub struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// HKDF wants to know how much is asked for.
struct Length(usize);

impl aws_lc_rs::hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Key {
    /// A key from a credential's text.
    ///
    /// # Errors
    /// [`VaultError::WeakKey`].
    pub fn new(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        if text.chars().count() < LEAST {
            return Err(VaultError::WeakKey);
        }
        Ok(Self(text.to_owned()))
    }

    /// By what the key is recognised; tells nothing of the key.
    #[must_use]
    pub fn id(&self) -> [u8; KEY_ID] {
        let mut id = [0; KEY_ID];
        let prk = Salt::new(HKDF_SHA256, b"galley key id").extract(self.0.as_bytes());
        prk.expand(&[b"1"], Length(KEY_ID))
            .and_then(|okm| okm.fill(&mut id))
            .expect("HKDF gives eight bytes");
        id
    }

    fn cipher(&self, salt: &[u8; SALT], purpose: &[&[u8]]) -> LessSafeKey {
        let prk = Salt::new(HKDF_SHA256, salt).extract(self.0.as_bytes());
        let okm = prk
            .expand(purpose, &CHACHA20_POLY1305)
            .expect("HKDF gives a key's length");
        LessSafeKey::new(UnboundKey::from(okm))
    }
}

/// Seals a secret under its name. `salt` must be random.
#[must_use]
pub fn seal(key: &Key, salt: [u8; SALT], name: &str, secret: &str) -> Vec<u8> {
    let cipher = key.cipher(&salt, &[b"galley secret 1"]);
    let mut text = secret.as_bytes().to_vec();
    cipher
        .seal_in_place_append_tag(nonce(0, true), Aad::from(name.as_bytes()), &mut text)
        .expect("a secret is shorter than a chunk of ChaCha20 may be");
    let mut sealed = vec![SECRET_V1];
    sealed.extend(key.id());
    sealed.extend(salt);
    sealed.extend(text);
    sealed
}

/// Opens a secret with whichever of the keys sealed it.
///
/// # Errors
/// When none of them did, or it is damaged.
pub fn open(keys: &[Key], name: &str, sealed: &[u8]) -> Result<String, VaultError> {
    let rest = sealed
        .strip_prefix(&[SECRET_V1])
        .ok_or(VaultError::Damaged)?;
    let (id, rest) = rest
        .split_first_chunk::<KEY_ID>()
        .ok_or(VaultError::Damaged)?;
    let (salt, text) = rest
        .split_first_chunk::<SALT>()
        .ok_or(VaultError::Damaged)?;
    let key = keys
        .iter()
        .find(|k| k.id() == *id)
        .ok_or(VaultError::OtherKey)?;
    let mut text = text.to_vec();
    let plain = key
        .cipher(salt, &[b"galley secret 1"])
        .open_in_place(nonce(0, true), Aad::from(name.as_bytes()), &mut text)
        .map_err(|_| VaultError::Damaged)?;
    String::from_utf8(plain.to_vec()).map_err(|_| VaultError::Damaged)
}

/// Whether it was sealed with this key.
#[must_use]
pub fn is_sealed_with(key: &Key, sealed: &[u8]) -> bool {
    sealed.get(1..=KEY_ID) == Some(&key.id())
}

fn nonce(chunk: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[3..11].copy_from_slice(&chunk.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// Seals a stream. [`Sealer::finish`] writes its end; without it the stream counts as cut short.
pub struct Sealer<W> {
    to: W,
    cipher: LessSafeKey,
    chunk: u64,
    buffer: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Seals into `to`; `about` is bound to it and must be the same when it is opened. `salt` must be random.
    pub fn new(to: W, key: &Key, salt: &[u8; SALT], about: &[u8]) -> Self {
        Self {
            to,
            cipher: key.cipher(salt, &[b"galley backup 1", about]),
            chunk: 0,
            buffer: Vec::with_capacity(CHUNK + TAG),
        }
    }

    fn flush_chunk(&mut self, last: bool) -> io::Result<()> {
        self.cipher
            .seal_in_place_append_tag(nonce(self.chunk, last), Aad::empty(), &mut self.buffer)
            .map_err(|_| io::Error::other("a chunk can't be sealed"))?;
        self.chunk += 1;
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the end.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush_chunk(true)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk stays until more comes: it may be the last one.
        if self.buffer.len() == CHUNK && !bytes.is_empty() {
            self.flush_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Opens a sealed stream. Nothing of a chunk comes out before the whole chunk is proven.
pub struct Opener<R> {
    from: R,
    cipher: LessSafeKey,
    chunk: u64,
    plain: Vec<u8>,
    at: usize,
    /// Read ahead, to see whether a chunk is the last.
    ahead: Vec<u8>,
    ended: bool,
}

impl<R: Read> Opener<R> {
    /// Opens `from` with the key, the salt and the `about` that it was sealed with.
    pub fn new(from: R, key: &Key, salt: &[u8; SALT], about: &[u8]) -> Self {
        Self {
            from,
            cipher: key.cipher(salt, &[b"galley backup 1", about]),
            chunk: 0,
            plain: Vec::new(),
            at: 0,
            ahead: Vec::new(),
            ended: false,
        }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        const SEALED: usize = CHUNK + TAG;
        let wanted = (SEALED + 1 - self.ahead.len()) as u64;
        (&mut self.from).take(wanted).read_to_end(&mut self.ahead)?;
        let last = self.ahead.len() <= SEALED;
        let rest = self.ahead.split_off(self.ahead.len().min(SEALED));
        let mut sealed = std::mem::replace(&mut self.ahead, rest);
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, VaultError::Damaged);
        let plain = self
            .cipher
            .open_in_place(nonce(self.chunk, last), Aad::empty(), &mut sealed)
            .map_err(|_| damaged())?
            .len();
        sealed.truncate(plain);
        self.plain = sealed;
        self.at = 0;
        self.chunk += 1;
        self.ended = last;
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let from = &self.plain[self.at..];
        let n = from.len().min(to.len());
        to[..n].copy_from_slice(&from[..n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(letter: char) -> Key {
        Key::new(&letter.to_string().repeat(LEAST)).unwrap()
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), &key('k'), &[7; SALT], b"about");
        sealer.write_all(plain).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(sealed: &[u8], with: &Key, about: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Opener::new(sealed, with, &[7; SALT], about).read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn a_secret_opens_with_its_key_and_under_its_name_only() {
        let sealed = seal(&key('k'), [1; SALT], "bank", "hunter2");
        assert!(!sealed.windows(7).any(|w| w == b"hunter2"));
        assert_eq!(
            open(&[key('x'), key('k')], "bank", &sealed).unwrap(),
            "hunter2"
        );
        assert_eq!(
            open(&[key('x')], "bank", &sealed),
            Err(VaultError::OtherKey)
        );
        // One that stands under another's name was put there by somebody.
        assert_eq!(open(&[key('k')], "1c", &sealed), Err(VaultError::Damaged));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&[key('k')], "bank", &changed).is_err(), "byte {at}");
        }
        assert!(open(&[key('k')], "bank", &sealed[..20]).is_err());
    }

    #[test]
    fn a_key_that_can_be_guessed_is_none() {
        assert_eq!(Key::new("hunter2").unwrap_err(), VaultError::WeakKey);
        assert_eq!(format!("{:?}", key('k')), "Key(…)");
    }

    #[test]
    fn a_stream_of_any_length_comes_back_and_a_changed_one_does_not() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let plain: Vec<u8> = (0..length).map(|i| i.to_le_bytes()[0]).collect();
            let sealed = sealed(&plain);
            assert_eq!(opened(&sealed, &key('k'), b"about").unwrap(), plain);
            assert!(opened(&sealed, &key('x'), b"about").is_err());
            assert!(opened(&sealed, &key('k'), b"other").is_err());
            // Cut anywhere, at the edge of a chunk too.
            for cut in [0, 1, TAG, CHUNK + TAG, sealed.len() - 1] {
                if cut < sealed.len() {
                    assert!(
                        opened(&sealed[..cut], &key('k'), b"about").is_err(),
                        "{length} {cut}"
                    );
                }
            }
            let longer = [&sealed[..], b"x"].concat();
            assert!(opened(&longer, &key('k'), b"about").is_err());
        }
        // Two chunks that changed places.
        let sealed = sealed(&vec![1; 2 * CHUNK + 9]);
        let (first, rest) = sealed.split_at(CHUNK + TAG);
        let (second, last) = rest.split_at(CHUNK + TAG);
        assert!(opened(&[second, first, last].concat(), &key('k'), b"about").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_flipped_bit_never_opens(plain in proptest::collection::vec(any::<u8>(), 0..300), at in any::<usize>(), bit in 0..8u8) {
            let mut sealed = sealed(&plain);
            let at = at % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert!(opened(&sealed, &key('k'), b"about").is_err());
        }
    }
}
