//! Text: Windows-1251 in commands, CP866 in TLV (2).

use encoding_rs::WINDOWS_1251;
use oem_cp::code_table::{DECODING_TABLE_CP866, ENCODING_TABLE_CP866};

/// Signs the printers' alphabets lack, as their nearest ones; control signs dropped.
fn near(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .map(|c| match c {
            '«' | '»' | '“' | '”' | '„' => '"',
            '’' | '‘' | 'ʼ' | 'ʻ' => '\'',
            '–' | '—' | '−' => '-',
            '×' => 'x',
            '\u{00A0}' | '\u{202F}' | '\t' | '\n' | '\r' => ' ',
            '₽' => 'р',
            other => other,
        })
        .filter(|c| !c.is_control())
}

/// `text` in CP866, for TLV, at most `limit` characters. What the alphabet lacks becomes its nearest sign, or `?`.
///
/// ```
/// assert_eq!(galley_shtrih_m::text::tlv("«Ёлка»", 64), [0x22, 0xF0, 0xAB, 0xAA, 0xA0, 0x22]);
/// ```
#[must_use]
pub fn tlv(text: &str, limit: usize) -> Vec<u8> {
    let near: String = near(text).take(limit).collect();
    oem_cp::encode_string_lossy(&near, &ENCODING_TABLE_CP866)
}

/// CP866 as text.
#[must_use]
pub fn from_tlv(bytes: &[u8]) -> String {
    oem_cp::decode_string_complete_table(bytes, &DECODING_TABLE_CP866)
}

/// `text` in Windows-1251, for commands, at most `limit` characters; NUL ends a text there, so it has none.
///
/// ```
/// assert_eq!(galley_shtrih_m::text::cp1251("Кофе", 128), [0xCA, 0xEE, 0xF4, 0xE5]);
/// ```
#[must_use]
pub fn cp1251(text: &str, limit: usize) -> Vec<u8> {
    near(text)
        .take(limit)
        .map(|c| {
            let mut buffer = [0; 4];
            let (bytes, _, unmapped) = WINDOWS_1251.encode(c.encode_utf8(&mut buffer));
            match (unmapped, bytes.as_ref()) {
                (false, [byte]) => *byte,
                _ => b'?',
            }
        })
        .collect()
}

/// Windows-1251 as text, up to the first NUL.
#[must_use]
pub fn from_cp1251(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (text, _, _) = WINDOWS_1251.decode(&bytes[..end]);
    text.trim_end().to_owned()
}

/// ASCII as text: blanks and zeros at the end dropped, other bytes shown as `?`.
#[must_use]
pub fn ascii(bytes: &[u8]) -> String {
    let text: String = bytes
        .iter()
        .map(|b| match b {
            0 => ' ',
            0x20..=0x7E => char::from(*b),
            _ => '?',
        })
        .collect();
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn russian_goes_both_ways_and_foreign_signs_become_question_marks() {
        assert_eq!(from_cp1251(&cp1251("ШТРИХ-М-01Ф", 64)), "ШТРИХ-М-01Ф");
        assert_eq!(from_tlv(&tlv("Иванов", 64)), "Иванов");
        assert_eq!(
            from_cp1251(&cp1251("Пицца 「四」 …", 64)),
            "Пицца ???  …".replace("  ", " ")
        );
        assert_eq!(from_cp1251(b"ab\0cd"), "ab");
    }

    proptest! {
        #[test]
        fn any_text_gives_one_byte_a_character(text: String, limit in 0usize..70) {
            prop_assert!(tlv(&text, limit).len() <= limit);
            let bytes = cp1251(&text, limit);
            prop_assert!(bytes.len() <= limit && !bytes.contains(&0));
        }
    }
}
