//! Protocol 2: numbered frames, which a printer carries out once whatever the line does (3).
//!
//! `8F | LEN16 | NUM16 | data | CRC16`, all little-endian, stuffed behind the first byte.

/// Start of a frame.
pub const START: u8 = 0x8F;
const ESCAPE: u8 = 0x9F;
/// `8F` inside a frame is `9F 81`, `9F` is `9F 83`.
const ESCAPED_START: u8 = 0x81;
const ESCAPED_ESCAPE: u8 = 0x83;

/// A frame's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Without a number: "tell me your last number".
    Sync,
    /// With a number; without data it says only the number.
    Numbered(u16, Vec<u8>),
}

/// CRC-16/CCITT: polynomial 1021h, start FFFFh, not reflected (3).
///
/// ```
/// use galley_shtrih_m::frame2::crc;
/// assert_eq!(crc(&[0x00, 0x00]), 0x1D0F);
/// assert_eq!(crc(&[0x03, 0x00, 0x06, 0x00, 0xFC]), 0x63ED);
/// ```
#[must_use]
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |c, _| {
            if c & 0x8000 == 0 {
                c << 1
            } else {
                (c << 1) ^ 0x1021
            }
        })
    })
}

/// The bytes of a frame; `None` when the data is too long.
#[must_use]
pub fn encode(frame: &Frame) -> Option<Vec<u8>> {
    let mut plain = match frame {
        Frame::Sync => vec![0, 0],
        Frame::Numbered(number, data) => {
            let length = u16::try_from(data.len() + 2).ok()?;
            let mut plain = Vec::with_capacity(data.len() + 6);
            plain.extend(length.to_le_bytes());
            plain.extend(number.to_le_bytes());
            plain.extend(data);
            plain
        }
    };
    plain.extend(crc(&plain).to_le_bytes());
    let mut bytes = Vec::with_capacity(plain.len() + 4);
    bytes.push(START);
    for byte in plain {
        match byte {
            START => bytes.extend([ESCAPE, ESCAPED_START]),
            ESCAPE => bytes.extend([ESCAPE, ESCAPED_ESCAPE]),
            other => bytes.push(other),
        }
    }
    Some(bytes)
}

/// What a byte gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing yet.
    More,
    /// A whole, right frame.
    Whole(Frame),
    /// A frame that is damaged; its bytes are dropped.
    Damaged,
}

/// Longest frame that is collected: what a printer tells in one reply is far shorter.
const LONGEST: usize = 4096;

/// Finds frames in a stream of bytes.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    inside: bool,
    escaped: bool,
    plain: Vec<u8>,
}

impl Decoder {
    /// Takes the next byte. Bytes outside a frame are skipped.
    pub fn push(&mut self, byte: u8) -> Taken {
        if byte == START {
            // A bare start inside a frame damages it and begins the next one.
            let cut = self.inside && !self.plain.is_empty();
            self.reset();
            self.inside = true;
            return if cut { Taken::Damaged } else { Taken::More };
        }
        if !self.inside {
            return Taken::More;
        }
        let plain = match (self.escaped, byte) {
            (false, ESCAPE) => {
                self.escaped = true;
                return Taken::More;
            }
            (false, other) => other,
            (true, ESCAPED_START) => START,
            (true, ESCAPED_ESCAPE) => ESCAPE,
            (true, _) => return self.damaged(),
        };
        self.escaped = false;
        self.plain.push(plain);
        let Some(&[low, high]) = self.plain.first_chunk::<2>() else {
            return Taken::More;
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if length == 1 || length > LONGEST {
            return self.damaged();
        }
        if self.plain.len() < length + 4 {
            return Taken::More;
        }
        let (content, sum) = self.plain.split_at(length + 2);
        if crc(content).to_le_bytes() != *sum {
            return self.damaged();
        }
        let frame = match content {
            [_, _, n0, n1, data @ ..] => {
                Frame::Numbered(u16::from_le_bytes([*n0, *n1]), data.to_vec())
            }
            _ => Frame::Sync,
        };
        self.reset();
        Taken::Whole(frame)
    }

    /// Whether a frame has begun.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.inside
    }

    /// Forgets what was begun.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn damaged(&mut self) -> Taken {
        self.reset();
        Taken::Damaged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> Vec<Taken> {
        let mut decoder = Decoder::default();
        bytes
            .iter()
            .map(|b| decoder.push(*b))
            .filter(|t| *t != Taken::More)
            .collect()
    }

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace()
            .map(|b| u8::from_str_radix(b, 16).unwrap())
            .collect()
    }

    #[test]
    fn the_vectors_of_chapter_3_are_right_both_ways() {
        let vectors: [(&str, Frame); 6] = [
            ("8F 00 00 0F 1D", Frame::Sync),
            ("8F 03 00 06 00 FC ED 63", Frame::Numbered(6, vec![0xFC])),
            (
                "8F 07 00 18 00 11 1E 00 00 00 F9 1A",
                Frame::Numbered(24, hex("11 1E 00 00 00")),
            ),
            (
                "8F 03 00 9F 81 00 FC 26 C6",
                Frame::Numbered(0x8F, vec![0xFC]),
            ),
            (
                "8F 05 00 1C 00 1F 00 01 6B 78",
                Frame::Numbered(28, hex("1F 00 01")),
            ),
            ("8F 02 00 01 00 99 5A", Frame::Numbered(1, vec![])),
        ];
        for (text, frame) in vectors {
            assert_eq!(encode(&frame).unwrap(), hex(text), "{text}");
            assert_eq!(decode(&hex(text)), [Taken::Whole(frame)], "{text}");
        }
    }

    #[test]
    fn wrong_stuffing_and_the_illegal_length_damage_a_frame() {
        assert_eq!(decode(&hex("8F 03 00 9F 80 00 FC 26 C6")), [Taken::Damaged]);
        assert_eq!(decode(&hex("8F 01 00 00 00 00")), [Taken::Damaged]);
        let two = hex("8F 03 00 06 8F 03 00 06 00 FC ED 63");
        assert_eq!(
            decode(&two),
            [Taken::Damaged, Taken::Whole(Frame::Numbered(6, vec![0xFC]))]
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(number: u16, data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let frame = Frame::Numbered(number, data);
            prop_assert_eq!(decode(&encode(&frame).unwrap()), vec![Taken::Whole(frame)]);
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes);
        }
    }
}
