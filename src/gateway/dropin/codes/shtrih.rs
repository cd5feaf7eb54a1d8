//! Shtrikh-M's codes as the vendor's clients know them: the code whose meaning is the nearest.
//!
//! [inferred: from the meanings in shtrih-m.md 7 and atol.md 2.9, 3.8; the vendor's own driver knows no other make]

use super::{
    BUSY, NO_PAPER, NOT_SUPPORTED, UNKNOWN, WRONG_MODE,
    vendor::{
        BAD_PARAMETER, CLOCK, COUNTERS, DRIVE_ARCHIVE_FULL, DRIVE_CRYPTO, DRIVE_FAULT,
        DRIVE_INTERFACE, DRIVE_STATE, HARD_FAULT, MARK_BLOCKED, MARK_UNCHECKED, MARK_WRONG,
        MARK_WRONG_STATE, NOT_ENOUGH_CASH, NOT_PAID, NOT_REGISTERED, RECEIPT_CLOSED, RECEIPT_OPEN,
        SETTING_DENIED, SHIFT_CLOSED, SHIFT_EXPIRED, SHIFT_OPEN, TOTAL, TOTAL_OVERFLOW,
    },
};
use galley_shtrih_m::error_table as own;

/// The vendor's code for a code of this make.
pub(super) fn code(device: u16) -> u16 {
    match device {
        own::COUNTERS_MOVED | own::STAYS_BUSY => return BUSY,
        own::WRONG_PHASE => return DRIVE_STATE,
        own::SERVICE_MODE => return WRONG_MODE,
        _ => {}
    }
    let Ok(device) = u8::try_from(device) else {
        return UNKNOWN;
    };
    match device {
        // The fiscal drive's own.
        0x01 => 116,
        own::DRIVE_STATE => DRIVE_STATE,
        0x03 => DRIVE_FAULT,
        0x04 => DRIVE_CRYPTO,
        0x05 => 120,
        0x06 => DRIVE_ARCHIVE_FULL,
        0x07 => 122,
        0x08 => 123,
        0x09 => 133,
        0x10 => 134,
        0x11 => 135,
        0x12 => 136,
        0x14 => 137,
        0x15 => 140,
        0x16 => 141,
        0x17 => 142,
        0x20 => 138,
        0x2E | own::NO_CASH => NOT_ENOUGH_CASH,
        0x2F | 0x30 => DRIVE_INTERFACE,
        own::WRONG_PARAMETERS | 0x5E | 0x90..=0x93 => BAD_PARAMETER,
        0x34 => 30,
        0x35 | 0xA0 => 62,
        own::NOT_IN_MODEL | own::NOT_SUPPORTED => NOT_SUPPORTED,
        0x38 | 0x39 | 0x77 | 0x7B | 0xCE | 0xCF | 0xD1 | 0xD5 => HARD_FAULT,
        own::SHIFT_OPEN => SHIFT_OPEN,
        own::SHIFT_NOT_OPEN => SHIFT_CLOSED,
        own::UNDERPAID => NOT_PAID,
        own::WRONG_TYPE => 48,
        own::RECEIPT_OPEN | own::OTHER_OPERATOR => RECEIPT_OPEN,
        0x4B | 0x94 => 40,
        0x4D => 52,
        own::SHIFT_EXPIRED => SHIFT_EXPIRED,
        own::WRONG_PASSWORD => 71,
        own::PRINTING | own::WAITS => BUSY,
        own::RECEIPT_CLOSED => RECEIPT_CLOSED,
        0x56 => 93,
        0x5D => 74,
        0x5F => 194,
        0x60 => 61,
        0x61 => 16,
        0x62 => 17,
        0x63 => 59,
        own::NO_PAPER => NO_PAPER,
        0x71 => 150,
        own::WRONG_SUBMODE | own::WRONG_MODE => WRONG_MODE,
        0x74 => 180,
        0x75 | 0xC2 => 132,
        0x78 => 95,
        0x7A | 0xC7 => SETTING_DENIED,
        0x7C | 0x7D => CLOCK,
        own::WRONG_LENGTH => 27,
        0x7F | 0x84..=0x8D => TOTAL_OVERFLOW,
        0x8E | 0xCB => TOTAL,
        0x8F => NOT_REGISTERED,
        0x9B..=0x9E => 38,
        0xA1 => MARK_WRONG_STATE,
        0xA2 => MARK_BLOCKED,
        0xA3 => 408,
        0xA4 => 161,
        0xA5 | 0xAA | 0xAC => MARK_UNCHECKED,
        own::CONFIRM_DATE => 29,
        0xC4 => COUNTERS,
        0xC8 => 46,
        0xC9 => 114,
        0xD3 | 0xD4 => MARK_WRONG,
        0xE0..=0xE4 => 107,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_this_make_explains_has_a_code_of_the_vendors() {
        for device in 1..=255u8 {
            let explained = !own::text(device).starts_with("error ");
            let known = code(u16::from(device)) != UNKNOWN;
            assert_eq!(explained, known, "{device:02X}: {}", own::text(device));
        }
    }

    #[test]
    fn what_a_till_acts_upon_is_the_same_on_either_make() {
        for (device, vendor) in [
            (0x6B, 44),
            (0x4E, 68),
            (0x16, 141),
            (0x3D, 73),
            (0x3C, 83),
            (0x4A, 82),
            (0x55, 81),
            (0x50, 55),
            (0x46, 80),
            (0x45, 66),
            (0x4F, 71),
            (0x15, 140),
            (0xD4, 409),
            (0xFF02, 117),
            (0x0123, 15),
        ] {
            assert_eq!(code(device), vendor, "{device:#06x}");
        }
    }
}
