//! Text in CP866, the printer's alphabet (2.1).

use oem_cp::code_table::{DECODING_TABLE_CP866, ENCODING_TABLE_CP866};

/// `text` in CP866, at most `limit` characters. What the alphabet lacks becomes its nearest sign, or `?`.
///
/// ```
/// assert_eq!(galley_atol::text::encode("Иванов", 64), [0x88, 0xA2, 0xA0, 0xAD, 0xAE, 0xA2]);
/// assert_eq!(galley_atol::text::encode("«Ёлка»", 64), [0x22, 0xF0, 0xAB, 0xAA, 0xA0, 0x22]);
/// ```
#[must_use]
pub fn encode(text: &str, limit: usize) -> Vec<u8> {
    let near: String = galley_fiscal::plain(text).chars().take(limit).collect();
    oem_cp::encode_string_lossy(&near, &ENCODING_TABLE_CP866)
}

/// CP866 as text.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    oem_cp::decode_string_complete_table(bytes, &DECODING_TABLE_CP866)
}

/// ASCII as text: blanks and zeros at the end dropped, other bytes shown as `?`.
#[must_use]
pub fn ascii(bytes: &[u8]) -> String {
    let text: String = bytes
        .iter()
        .map(|b| {
            if (0x20..0x7F).contains(b) {
                char::from(*b)
            } else if *b == 0 {
                ' '
            } else {
                '?'
            }
        })
        .collect();
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_name_of_the_worked_session_is_read() {
        assert_eq!(
            decode(&[0x80, 0x92, 0x8E, 0x8B, 0x20, 0x39, 0x31, 0x94]),
            "АТОЛ 91Ф"
        );
    }

    proptest! {
        #[test]
        fn any_text_gives_one_byte_a_character(text: String, limit in 0usize..70) {
            let bytes = encode(&text, limit);
            prop_assert!(bytes.len() <= limit);
        }
    }
}
