//! Frames of protocol 3 (1.2): `FE | LEN0 LEN1 | ID | DATA… | CRC`.
//!
//! `FE` never occurs inside: `FE` is sent as `FD EE`, `FD` as `FD ED`, in DATA and in the CRC. LEN counts
//! DATA before that, seven bits a byte. The CRC runs over ID and DATA.

/// First byte of every frame.
pub const STX: u8 = 0xFE;
/// Makes one byte out of the two that follow.
const ESCAPE: u8 = 0xFD;
const ESCAPED_STX: u8 = 0xEE;
const ESCAPED_ESCAPE: u8 = 0xED;

/// Most data bytes that LEN can tell.
pub const MAX_DATA: usize = 0x3FFF;
/// Id of the frames that the device sends unasked.
pub const ASYNC_ID: u8 = 0xF0;
/// The highest packet id and task id that the host uses; the next is 0.
pub const LAST_ID: u8 = 0xDC;

/// How many bytes outside of frames a [`Decoder`] remembers.
const KEPT_STRAY: usize = 32;

/// A frame, unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The packet id; an answer carries that of its request.
    pub id: u8,
    /// What is inside. Empty: "repeat packet `id`".
    pub data: Vec<u8>,
}

/// Data that no frame can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes do not fit into a frame")]
pub struct TooLong(pub usize);

/// CRC-8 of `bytes`: polynomial 31, initial value FF, most significant bit first (1.2).
#[must_use]
pub fn crc8(bytes: impl IntoIterator<Item = u8>) -> u8 {
    bytes.into_iter().fold(0xFF, |crc, byte| {
        (0..8).fold(crc ^ byte, |c, _| {
            if c & 0x80 == 0 {
                c << 1
            } else {
                (c << 1) ^ 0x31
            }
        })
    })
}

/// The bytes of a frame.
///
/// ```
/// assert_eq!(galley_atol::frame::encode(0, &[0xC4]).unwrap(), [0xFE, 0x01, 0x00, 0x00, 0xC4, 0x02]);
/// ```
///
/// # Errors
/// When `data` is longer than [`MAX_DATA`].
pub fn encode(id: u8, data: &[u8]) -> Result<Vec<u8>, TooLong> {
    let len = data.len();
    if len > MAX_DATA {
        return Err(TooLong(len));
    }
    let mut out = Vec::with_capacity(len + 8);
    out.push(STX);
    out.push((len & 0x7F) as u8);
    out.push((len >> 7) as u8);
    escape(id, &mut out);
    for byte in data {
        escape(*byte, &mut out);
    }
    escape(
        crc8(std::iter::once(id).chain(data.iter().copied())),
        &mut out,
    );
    Ok(out)
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        STX => out.extend([ESCAPE, ESCAPED_STX]),
        ESCAPE => out.extend([ESCAPE, ESCAPED_ESCAPE]),
        other => out.push(other),
    }
}

/// What a [`Decoder`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A frame whose CRC is right.
    Frame(Frame),
    /// Something that began like a frame and isn't one: wrong CRC, wrong escape, or cut off by the next `FE`.
    Damaged,
}

#[derive(Debug)]
enum State {
    Idle,
    Len0,
    Len1 { len0: u8 },
    Body { len: usize },
}

/// Cuts a stream of bytes into frames. Takes any bytes whatever, in any pieces; holds no more memory than the
/// bytes of one frame that really came in.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    escaped: bool,
    /// ID, DATA and CRC of the frame that is coming in, unescaped.
    body: Vec<u8>,
    stray: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Idle,
            escaped: false,
            body: Vec::new(),
            stray: Vec::new(),
        }
    }
}

impl Decoder {
    /// The first bytes that came outside of any frame; a platform 5.0 printer is known by them.
    #[must_use]
    pub fn stray(&self) -> &[u8] {
        &self.stray
    }

    /// Takes the next byte; answers when it ends a frame, or the hope of one.
    pub fn push(&mut self, byte: u8) -> Option<Found> {
        if byte == STX {
            let cut = !matches!(self.state, State::Idle);
            self.begin();
            return cut.then_some(Found::Damaged);
        }
        match self.state {
            State::Idle => {
                if self.stray.len() < KEPT_STRAY {
                    self.stray.push(byte);
                }
                None
            }
            State::Len0 | State::Len1 { .. } if byte & 0x80 != 0 => self.damaged(),
            State::Len0 => {
                self.state = State::Len1 { len0: byte };
                None
            }
            State::Len1 { len0 } => {
                let len = usize::from(len0) | usize::from(byte) << 7;
                self.state = State::Body { len };
                None
            }
            State::Body { len } => {
                let plain = match (std::mem::take(&mut self.escaped), byte) {
                    (false, ESCAPE) => {
                        self.escaped = true;
                        return None;
                    }
                    (false, plain) => plain,
                    (true, ESCAPED_STX) => STX,
                    (true, ESCAPED_ESCAPE) => ESCAPE,
                    (true, _) => return self.damaged(),
                };
                self.body.push(plain);
                (self.body.len() == len + 2).then(|| self.finish())
            }
        }
    }

    /// Takes many bytes; the frames come out in order.
    pub fn push_all(&mut self, bytes: &[u8]) -> Vec<Found> {
        bytes.iter().filter_map(|b| self.push(*b)).collect()
    }

    fn begin(&mut self) {
        self.state = State::Len0;
        self.escaped = false;
        self.body.clear();
    }

    fn damaged(&mut self) -> Option<Found> {
        self.begin();
        self.state = State::Idle;
        Some(Found::Damaged)
    }

    fn finish(&mut self) -> Found {
        self.state = State::Idle;
        let mut body = std::mem::take(&mut self.body);
        let crc = body.pop();
        if crc != Some(crc8(body.iter().copied())) {
            return Found::Damaged;
        }
        let data = body.split_off(1);
        Found::Frame(Frame { id: body[0], data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(bytes: &[u8]) -> Vec<Found> {
        Decoder::default().push_all(bytes)
    }

    #[test]
    fn the_crc_has_its_published_check_values() {
        assert_eq!(crc8(*b"123456789"), 0xF7);
        assert_eq!(crc8([0]), 0xAC);
        assert_eq!(crc8([1]), 0x9D);
    }

    #[test]
    fn a_length_above_127_takes_seven_bits_a_byte() {
        let bytes = encode(0, &[0; 200]).unwrap();
        assert_eq!(bytes[..3], [0xFE, 0x48, 0x01]);
        assert_eq!(encode(0, &[0; MAX_DATA + 1]), Err(TooLong(MAX_DATA + 1)));
    }

    #[test]
    fn a_wrong_crc_is_damage_and_the_next_frame_is_read() {
        let mut bytes = encode(3, &[0xA3]).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        bytes.extend(encode(4, &[0xA3]).unwrap());
        let good = Frame {
            id: 4,
            data: vec![0xA3],
        };
        assert_eq!(frames(&bytes), [Found::Damaged, Found::Frame(good)]);
    }

    #[test]
    fn a_frame_that_is_cut_off_by_another_is_damage() {
        let whole = encode(9, &[0xC1, 0xFD, 0xFE, 1]).unwrap();
        for cut in 1..whole.len() {
            let mut bytes = whole[..cut].to_vec();
            bytes.extend(&whole);
            let found = frames(&bytes);
            assert_eq!(found.len(), 2, "cut at {cut}");
            assert_eq!(found[0], Found::Damaged);
            assert!(matches!(found[1], Found::Frame(_)));
        }
    }

    #[test]
    fn bytes_before_a_frame_are_skipped_and_remembered() {
        let mut decoder = Decoder::default();
        let mut bytes = vec![0x24, 0x40, 0x0D];
        bytes.extend(encode(0, &[0xA3]).unwrap());
        assert_eq!(decoder.push_all(&bytes).len(), 1);
        assert_eq!(decoder.stray(), [0x24, 0x40, 0x0D]);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(id: u8, data in proptest::collection::vec(any::<u8>(), 0..600)) {
            let bytes = encode(id, &data).unwrap();
            prop_assert!(bytes[1..].iter().all(|b| *b != STX));
            prop_assert_eq!(frames(&bytes), vec![Found::Frame(Frame { id, data })]);
        }

        #[test]
        fn escapes_survive(data in proptest::collection::vec(0xFCu8..=0xFF, 0..50)) {
            let bytes = encode(0xFE, &data).unwrap();
            prop_assert_eq!(frames(&bytes), vec![Found::Frame(Frame { id: 0xFE, data })]);
        }

        #[test]
        fn any_bytes_are_taken_and_a_frame_after_them_is_found(
            noise in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let mut decoder = Decoder::default();
            decoder.push_all(&noise);
            let found = decoder.push_all(&encode(7, b"x").unwrap());
            prop_assert_eq!(found.last(), Some(&Found::Frame(Frame { id: 7, data: b"x".to_vec() })));
            prop_assert!(decoder.stray.len() <= KEPT_STRAY);
        }
    }
}
