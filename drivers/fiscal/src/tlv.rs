//! Tag, length, value: how fiscal drives write what a document says, the same for every make. [source: atol.md 2.1,
//! shtrih-m.md 5]

/// One TLV; values longer than a length can tell are cut.
///
/// ```
/// assert_eq!(galley_fiscal::tlv::encode(1191, b"A1"), [0xA7, 0x04, 0x02, 0x00, 0x41, 0x31]);
/// ```
#[must_use]
pub fn encode(tag: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    [
        &tag.to_le_bytes()[..],
        &len.to_le_bytes()[..],
        &value[..usize::from(len)],
    ]
    .concat()
}

/// The first TLV and the rest; `None` at the end or where the rest is no TLV.
#[must_use]
pub fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let [t0, t1, l0, l1, rest @ ..] = bytes else {
        return None;
    };
    let len = usize::from(u16::from_le_bytes([*l0, *l1]));
    let (value, rest) = rest.split_at_checked(len)?;
    Some((u16::from_le_bytes([*t0, *t1]), value, rest))
}

/// The TLVs of a sequence, up to the first that is none.
pub fn walk(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let (tag, value, rest) = split(left)?;
        left = rest;
        Some((tag, value))
    })
}

/// The value of the first TLV with this tag.
#[must_use]
pub fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    walk(bytes).find(|(tag, _)| *tag == wanted).map(|(_, v)| v)
}

/// A VLN: little-endian, zero bytes at the end dropped.
///
/// ```
/// assert_eq!(galley_fiscal::tlv::vln(1_000_000), [0x40, 0x42, 0x0F]);
/// ```
#[must_use]
pub fn vln(value: u64) -> Vec<u8> {
    let bytes = value.to_le_bytes();
    let used = bytes.iter().rposition(|b| *b != 0).map_or(1, |i| i + 1);
    bytes[..used].to_vec()
}

/// An FVLN: how many decimals, then the number.
///
/// ```
/// assert_eq!(galley_fiscal::tlv::fvln(6, 123_456_789), [0x06, 0x15, 0xCD, 0x5B, 0x07]);
/// ```
#[must_use]
pub fn fvln(decimals: u8, value: u64) -> Vec<u8> {
    [&[decimals], vln(value).as_slice()].concat()
}

/// A little-endian number of at most eight bytes.
#[must_use]
pub fn number(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| {
        bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    })
}
