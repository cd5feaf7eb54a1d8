//! Bytes ↔ frames: the two framings of klink 3.2. No I/O, no JSON.

/// How payloads are put on a wire. Chosen by configuration, independent of the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Four bytes of length, big-endian, then the payload. Usual on TCP.
    Len32,
    /// COBS over payload and CRC-32, then a zero byte. Usual on serial lines.
    Cobs,
}

impl Framing {
    /// Largest payload this framing carries, bytes (klink 3.2).
    #[must_use]
    pub fn max_frame(self) -> usize {
        match self {
            Self::Len32 => 262_144,
            Self::Cobs => 4096,
        }
    }

    /// Whether a damaged frame is dropped and the line goes on (serial), or the connection must end.
    #[must_use]
    pub fn resynchronises(self) -> bool {
        self == Self::Cobs
    }
}

/// A stream that can't be followed any more; the connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is above the limit; an HTTP "GET " reads like that too.
    #[error("a frame of {0} bytes is too large")]
    TooLarge(u32),
    /// The length can't hold a JSON object.
    #[error("a frame of {0} bytes is too short")]
    TooShort(u32),
}

/// The bytes of one frame.
#[must_use]
pub fn encode(framing: Framing, payload: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Len32 => {
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            let mut out = Vec::with_capacity(payload.len() + 4);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(payload);
            out
        }
        Framing::Cobs => {
            let mut body = Vec::with_capacity(payload.len() + 4);
            body.extend_from_slice(payload);
            body.extend_from_slice(&crc32(payload).to_le_bytes());
            let mut out = cobs_encode(&body);
            out.push(0);
            out
        }
    }
}

/// Takes bytes in any pieces and gives payloads.
#[derive(Clone, Debug)]
pub struct Decoder {
    framing: Framing,
    max: usize,
    buffer: Vec<u8>,
    /// Inside a cobs frame that is longer than allowed: skip to the next zero byte.
    skipping: bool,
    bad: u64,
}

impl Decoder {
    /// An empty decoder that takes payloads up to `max` bytes.
    #[must_use]
    pub fn new(framing: Framing, max: usize) -> Self {
        Self {
            framing,
            max,
            buffer: Vec::new(),
            skipping: false,
            bad: 0,
        }
    }

    /// Frames dropped because they were damaged (`rx_bad`).
    #[must_use]
    pub fn bad(&self) -> u64 {
        self.bad
    }

    /// Takes some bytes. Memory grows with what came, never with what a length field says.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole payload, if there is one.
    ///
    /// # Errors
    /// On `len32`, when the stream can't be followed any more. On `cobs` damaged frames are counted and
    /// dropped instead.
    pub fn next_payload(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        match self.framing {
            Framing::Len32 => self.next_len32(),
            Framing::Cobs => Ok(self.next_cobs()),
        }
    }

    fn next_len32(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let Some((head, rest)) = self.buffer.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*head);
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        if wanted > self.max {
            return Err(FrameError::TooLarge(length));
        }
        if wanted < 2 {
            return Err(FrameError::TooShort(length));
        }
        if rest.len() < wanted {
            return Ok(None);
        }
        let payload = rest[..wanted].to_vec();
        self.buffer.drain(..4 + wanted);
        Ok(Some(payload))
    }

    fn next_cobs(&mut self) -> Option<Vec<u8>> {
        loop {
            let Some(end) = self.buffer.iter().position(|b| *b == 0) else {
                if self.buffer.len() > encoded_limit(self.max) {
                    self.buffer.clear();
                    self.skipping = true;
                }
                return None;
            };
            let frame: Vec<u8> = self.buffer.drain(..=end).take(end).collect();
            if std::mem::take(&mut self.skipping) {
                self.bad += 1;
                continue;
            }
            if frame.is_empty() {
                continue;
            }
            match open_cobs(&frame) {
                Some(payload) if payload.len() <= self.max => return Some(payload),
                _ => self.bad += 1,
            }
        }
    }
}

/// Largest encoded size of a payload of `max` bytes, without the closing zero.
fn encoded_limit(max: usize) -> usize {
    let n = max + 4;
    n + n.div_ceil(254) + 1
}

/// The payload of a cobs frame without its closing zero, if it is whole.
fn open_cobs(frame: &[u8]) -> Option<Vec<u8>> {
    let mut body = cobs_decode(frame)?;
    if body.len() < 6 {
        return None;
    }
    let (payload, sum) = body.split_last_chunk::<4>()?;
    if crc32(payload) != u32::from_le_bytes(*sum) {
        return None;
    }
    body.truncate(body.len() - 4);
    Some(body)
}

fn cobs_encode(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded_limit(data.len()));
    let mut code_at = 0;
    let mut code = 1u8;
    out.push(0);
    for (i, byte) in data.iter().enumerate() {
        if *byte != 0 {
            out.push(*byte);
            code += 1;
        }
        // A full block needs no successor at the very end.
        if *byte == 0 || (code == 0xff && i + 1 < data.len()) {
            out[code_at] = code;
            code_at = out.len();
            out.push(0);
            code = 1;
        }
    }
    out[code_at] = code;
    out
}

fn cobs_decode(frame: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(frame.len());
    let mut rest = frame;
    while let Some((code, tail)) = rest.split_first() {
        let run = usize::from(code.checked_sub(1)?);
        if tail.len() < run || tail[..run].contains(&0) {
            return None;
        }
        out.extend_from_slice(&tail[..run]);
        rest = &tail[run..];
        if *code != 0xff && !rest.is_empty() {
            out.push(0);
        }
    }
    Some(out)
}

/// CRC-32/ISO-HDLC: polynomial 0x04C11DB7 reflected, initial and final value 0xFFFFFFFF.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let mask = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xedb8_8320 & mask);
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use galley_robot::digest_text;
    use proptest::prelude::*;

    const PING: &str = r#"{"t":"ping","s":"9f3c2a1b7d4e5f60","k":1,"ts":1795309200000}"#;
    const EVACK: &str = r#"{"t":"evack","s":"9f3c2a1b7d4e5f60","seq":131}"#;
    const ZERO_IN_CRC: &str = r#"{"t":"ping","s":"9f3c2a1b7d4e5f60","k":10}"#;

    fn all(framing: Framing, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut decoder = Decoder::new(framing, framing.max_frame());
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next_payload().unwrap()).collect()
    }

    #[test]
    fn the_check_value_of_the_crc_is_met() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"{}"), 0xa3a6_bf43);
        assert_eq!(crc32(PING.as_bytes()), 0xdd43_3c42);
        assert_eq!(crc32(EVACK.as_bytes()), 0x1c42_a801);
        assert_eq!(crc32(ZERO_IN_CRC.as_bytes()), 0xf173_004d);
    }

    #[test]
    fn the_published_frames_are_met() {
        assert_eq!(encode(Framing::Len32, b"{}"), b"\x00\x00\x00\x02{}");
        assert_eq!(
            encode(Framing::Cobs, b"{}"),
            b"\x07\x7b\x7d\x43\xbf\xa6\xa3\x00"
        );
        assert_eq!(
            encode(Framing::Len32, PING.as_bytes())[..4],
            [0, 0, 0, 0x3c]
        );
        let cobs = encode(Framing::Cobs, PING.as_bytes());
        assert_eq!(cobs.len(), 66);
        assert_eq!(cobs[0], 0x41);
        assert_eq!(cobs[61..], [0x42, 0x3c, 0x43, 0xdd, 0]);
        assert_eq!(
            encode(Framing::Len32, EVACK.as_bytes())[..4],
            [0, 0, 0, 0x2e]
        );
        let cobs = encode(Framing::Cobs, EVACK.as_bytes());
        assert_eq!(cobs[0], 0x33);
        assert_eq!(cobs[47..], [0x01, 0xa8, 0x42, 0x1c, 0]);
        let cobs = encode(Framing::Cobs, ZERO_IN_CRC.as_bytes());
        assert_eq!(cobs[0], 0x2c);
        let tail = cobs.len() - 5;
        assert_eq!(cobs[tail..], [0x4d, 0x03, 0x73, 0xf1, 0]);
    }

    #[test]
    fn the_published_long_frame_is_met() {
        let payload = format!(
            r#"{{"t":"tele","s":"9f3c2a1b7d4e5f60","d":{{"pad":"{}"}}}}"#,
            "x".repeat(300)
        );
        assert_eq!(payload.len(), 350);
        assert_eq!(crc32(payload.as_bytes()), 0xe8c4_a942);
        let frame = encode(Framing::Cobs, payload.as_bytes());
        assert_eq!(frame.len(), 357);
        assert_eq!((frame[0], frame[255]), (0xff, 0x65));
        assert_eq!(
            digest_text(&frame),
            "sha256:cd7308f1ddef673360a27e5cb7e537bb7d69d03795ca6ef76f093dfd9d53e17a"
        );
    }

    #[test]
    fn a_web_browser_is_not_taken_for_a_robot() {
        let mut decoder = Decoder::new(Framing::Len32, 262_144);
        decoder.push(b"GET / HTTP/1.1\r\n");
        assert_eq!(
            decoder.next_payload(),
            Err(FrameError::TooLarge(1_195_725_856))
        );
    }

    #[test]
    fn a_damaged_cobs_frame_is_dropped_and_the_next_one_read() {
        let mut bytes = encode(Framing::Cobs, PING.as_bytes());
        bytes[10] ^= 0x20;
        bytes.extend([0, 0]);
        bytes.extend(vec![7; 9000]);
        bytes.push(0);
        bytes.extend(encode(Framing::Cobs, EVACK.as_bytes()));
        let mut decoder = Decoder::new(Framing::Cobs, 4096);
        for piece in bytes.chunks(100) {
            decoder.push(piece);
            if let Some(payload) = decoder.next_payload().unwrap() {
                assert_eq!(payload, EVACK.as_bytes());
                assert_eq!(decoder.bad(), 2);
                return;
            }
        }
        panic!("the whole frame was not found");
    }

    proptest! {
        #[test]
        fn what_is_framed_is_read_back_in_any_pieces(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 2..700), 1..5),
            piece in 1usize..300,
            cobs in any::<bool>(),
        ) {
            let framing = if cobs { Framing::Cobs } else { Framing::Len32 };
            let bytes: Vec<u8> = payloads.iter().flat_map(|p| encode(framing, p)).collect();
            prop_assert_eq!(all(framing, &bytes), payloads.clone());
            let mut decoder = Decoder::new(framing, framing.max_frame());
            let mut read = Vec::new();
            for part in bytes.chunks(piece) {
                decoder.push(part);
                while let Some(p) = decoder.next_payload().unwrap() {
                    read.push(p);
                }
            }
            prop_assert_eq!(read, payloads);
        }

        #[test]
        fn a_cobs_frame_has_no_zero_inside_and_keeps_its_bound(data in proptest::collection::vec(0u8..3, 0..1200)) {
            let frame = encode(Framing::Cobs, &data);
            prop_assert!(!frame[..frame.len() - 1].contains(&0));
            prop_assert!(frame.len() - 1 <= encoded_limit(data.len()));
        }

        #[test]
        fn the_decoder_never_panics_and_never_hoards(bytes in proptest::collection::vec(any::<u8>(), 0..5000), cobs in any::<bool>()) {
            let framing = if cobs { Framing::Cobs } else { Framing::Len32 };
            let mut decoder = Decoder::new(framing, 1024);
            for part in bytes.chunks(64) {
                decoder.push(part);
                while let Ok(Some(payload)) = decoder.next_payload() {
                    prop_assert!(payload.len() <= 1024);
                }
            }
        }
    }
}
