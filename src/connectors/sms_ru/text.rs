//! How a text travels as SMS: its alphabet, and how many parts it takes.

use std::borrow::Cow;

/// The GSM 03.38 default alphabet, codes 0x00 to 0x7F in order (0x1B is the escape).
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                   ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension; each takes two septets.
const GSM_EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// What a text is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// GSM 03.38: 160 septets, or 153 a part.
    Gsm7,
    /// UTF-16: 70 units, or 67 a part.
    Ucs2,
}

/// A text's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// What it is sent in.
    pub encoding: Encoding,
    /// In how many parts.
    pub parts: usize,
}

/// Replaces typographic characters by those that keep a Latin text in the GSM alphabet; Uzbek has its
/// apostrophe, and everybody has quotes and dashes.
#[must_use]
pub fn normalise(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' | '\u{2bb}' | '\u{2bc}' => Cow::Borrowed("'"),
            '“' | '”' | '«' | '»' => Cow::Borrowed("\""),
            '–' | '—' => Cow::Borrowed("-"),
            '…' => Cow::Borrowed("..."),
            '\u{a0}' => Cow::Borrowed(" "),
            '№' => Cow::Borrowed("N"),
            other => Cow::Owned(other.to_string()),
        })
        .collect()
}

/// Counts the parts. Neither an escape pair nor a surrogate pair is cut in two.
#[must_use]
pub fn measure(text: &str) -> Size {
    let septets: Option<Vec<usize>> = text
        .chars()
        .map(|c| {
            if GSM_EXTENSION.contains(c) {
                Some(2)
            } else {
                (c != '\u{1b}' && GSM.contains(c)).then_some(1)
            }
        })
        .collect();
    match septets {
        Some(septets) => Size {
            encoding: Encoding::Gsm7,
            parts: parts(&septets, 160, 153),
        },
        None => Size {
            encoding: Encoding::Ucs2,
            parts: parts(
                &text.chars().map(char::len_utf16).collect::<Vec<_>>(),
                70,
                67,
            ),
        },
    }
}

fn parts(lengths: &[usize], alone: usize, each: usize) -> usize {
    if lengths.iter().sum::<usize>() <= alone {
        return 1;
    }
    let (parts, _) = lengths.iter().fold((1, 0), |(parts, filled), length| {
        if filled + length > each {
            (parts + 1, *length)
        } else {
            (parts, filled + length)
        }
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_alphabet_has_128_codes() {
        assert_eq!(GSM.chars().count(), 128);
        assert_eq!(GSM.chars().nth(0x1b), Some('\u{1b}'));
        assert_eq!(GSM.chars().nth(0x41), Some('A'));
        assert_eq!(GSM.chars().nth(0x7f), Some('à'));
        assert_eq!(GSM_EXTENSION.chars().count(), 10);
    }

    #[test]
    fn texts_are_counted_as_the_network_counts_them() {
        for (unit, times, encoding, parts) in [
            ("a", 160, Encoding::Gsm7, 1),
            ("a", 161, Encoding::Gsm7, 2),
            ("€", 80, Encoding::Gsm7, 1),
            ("€", 81, Encoding::Gsm7, 2),
            ("[", 80, Encoding::Gsm7, 1),
            ("€", 153, Encoding::Gsm7, 3),
            ("П", 70, Encoding::Ucs2, 1),
            ("П", 71, Encoding::Ucs2, 2),
            ("П", 134, Encoding::Ucs2, 2),
            ("П", 135, Encoding::Ucs2, 3),
            ("😀", 35, Encoding::Ucs2, 1),
            ("😀", 36, Encoding::Ucs2, 2),
            ("o\u{2018}zbek", 1, Encoding::Ucs2, 1),
            ("o\u{2bb}zbek", 1, Encoding::Ucs2, 1),
            ("№1", 1, Encoding::Ucs2, 1),
            ("\u{1b}", 1, Encoding::Ucs2, 1),
        ] {
            let size = measure(&unit.repeat(times));
            assert_eq!(size, Size { encoding, parts }, "{times} × {unit}");
        }
    }

    #[test]
    fn typography_does_not_cost_parts() {
        assert_eq!(
            normalise("o\u{2018}zbek \u{2bb}\u{2bc}\u{2019} “a” «b» – — …\u{a0}№1"),
            "o'zbek ''' \"a\" \"b\" - - ... N1"
        );
        assert_eq!(
            measure(&normalise("Buyurtma №42 – o‘zi")).encoding,
            Encoding::Gsm7
        );
        assert_eq!(normalise("Заказ готов"), "Заказ готов");
    }

    proptest! {
        #[test]
        fn a_normal_text_stays_as_it_is(text in any::<String>()) {
            let normal = normalise(&text);
            prop_assert_eq!(normalise(&normal), normal);
        }

        #[test]
        fn a_longer_text_never_takes_fewer_parts(text in any::<String>(), more in any::<char>()) {
            let longer = format!("{text}{more}");
            prop_assert!(measure(&longer).parts >= measure(&text).parts);
        }
    }
}
