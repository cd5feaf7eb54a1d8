//! Protocol 1: `02 | N | code and parameters | LRC`, and the four control bytes (2).

/// "Are you ready, or do you owe me a reply?"
pub const ENQ: u8 = 0x05;
/// Start of a frame.
pub const STX: u8 = 0x02;
/// Yes.
pub const ACK: u8 = 0x06;
/// No.
pub const NAK: u8 = 0x15;
/// What printers behind RNDIS put in by themselves; skipped where a control byte is waited for (1).
pub const STRAY: u8 = 0xFF;

/// Most bytes of code and parameters in a frame.
pub const MAX_BODY: usize = 255;

/// XOR of the length byte and the body.
#[must_use]
pub fn lrc(body: &[u8]) -> u8 {
    body.iter().fold(body.len() as u8, |sum, byte| sum ^ byte)
}

/// The frame of a body of 1 to 255 bytes; `None` for other lengths.
///
/// ```
/// use galley_shtrih_m::frame1;
/// assert_eq!(frame1::encode(&[0xFC]).unwrap(), [0x02, 0x01, 0xFC, 0xFD]);
/// ```
#[must_use]
pub fn encode(body: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(body.len()).ok().filter(|n| *n > 0)?;
    let mut frame = Vec::with_capacity(body.len() + 3);
    frame.extend([STX, length]);
    frame.extend(body);
    frame.push(lrc(body));
    Some(frame)
}

/// What a frame's bytes gave so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// More bytes must come.
    More,
    /// The frame is whole and right.
    Whole(Vec<u8>),
    /// The frame is whole, and its checksum or its length is wrong.
    Damaged,
}

/// Collects one frame behind its STX.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    length: Option<usize>,
    body: Vec<u8>,
}

impl Collector {
    /// Takes the next byte behind STX.
    pub fn push(&mut self, byte: u8) -> Taken {
        match self.length {
            None if byte == 0 => Taken::Damaged,
            None => {
                self.length = Some(usize::from(byte));
                Taken::More
            }
            Some(length) if self.body.len() < length => {
                self.body.push(byte);
                Taken::More
            }
            Some(_) if lrc(&self.body) == byte => Taken::Whole(std::mem::take(&mut self.body)),
            Some(_) => Taken::Damaged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn collect(bytes: &[u8]) -> Taken {
        let mut collector = Collector::default();
        let mut last = Taken::More;
        for byte in bytes {
            last = collector.push(*byte);
            if last != Taken::More {
                break;
            }
        }
        last
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_collected(body in proptest::collection::vec(any::<u8>(), 1..=255)) {
            let frame = encode(&body).unwrap();
            prop_assert_eq!(collect(&frame[1..]), Taken::Whole(body));
        }

        #[test]
        fn a_changed_byte_is_found(body in proptest::collection::vec(any::<u8>(), 1..=60), at in 2usize..60, bit in 0u8..8) {
            let mut frame = encode(&body).unwrap();
            let at = at.min(frame.len() - 1);
            frame[at] ^= 1 << bit;
            prop_assert_eq!(collect(&frame[1..]), Taken::Damaged);
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = collect(&bytes);
        }
    }

    #[test]
    fn lengths_outside_a_byte_have_no_frame() {
        assert_eq!(encode(&[]), None);
        assert_eq!(encode(&[0; 256]), None);
        assert_eq!(collect(&[0]), Taken::Damaged);
    }
}
