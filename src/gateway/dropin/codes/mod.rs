//! Error codes of the vendor's driver for what our drivers say. [source: atol.md 2.9, 3.8]

mod shtrih;
mod vendor;

use crate::gateway::journal::Trouble;
use galley_fiscal::FiscalError;
use std::time::Duration;
pub(super) use vendor::error_word;

/// No link.
const NO_LINK: u16 = 2;
/// It can't be done here.
pub(super) const NOT_SUPPORTED: u16 = 11;
/// Not in this mode.
const WRONG_MODE: u16 = 12;
/// Nobody can say.
const UNKNOWN: u16 = 15;
/// No paper.
const NO_PAPER: u16 = 44;
/// Busy.
const BUSY: u16 = 55;
/// The drive is another one.
const WRONG_DRIVE: u16 = 130;
/// The link was lost in the middle.
const CONNECTION_LOST: u16 = 241;
/// Called off.
const CANCELLED: u16 = 249;
/// The task can't be read.
pub(super) const BAD_TASK: u16 = 501;
/// An earlier task of the same request failed.
const INTERRUPTED: u16 = 502;
/// The server itself.
pub(super) const WEB_FAIL: u16 = 505;

/// The drive has no such document.
pub(super) const NO_SUCH_DOCUMENT: u16 = 123;
/// A check of a marked unit is under way.
pub(super) const MARK_UNDER_WAY: u16 = 401;
/// The server of marked goods did not answer.
pub(super) const MARK_SERVER: u16 = 402;
/// No check of a marked unit was begun.
pub(super) const MARK_NOT_BEGUN: u16 = vendor::MARK_WRONG_STATE;
/// A marked unit was not checked.
pub(super) const MARK_UNCHECKED: u16 = vendor::MARK_UNCHECKED;
/// The check speaks against the unit.
pub(super) const MARK_WRONG: u16 = vendor::MARK_WRONG;
/// No error.
pub(super) const FINE: u16 = 0;

/// Codes of [`FiscalError::Refused`] from here on are the vendor's own, said by this face itself.
const OURS: u16 = 0xE000;
/// The last of them.
const OURS_END: u16 = 0xEFFF;

/// What this face refuses by itself, in the vendor's code.
pub(super) fn own(code: u16) -> FiscalError {
    FiscalError::Refused {
        code: OURS.saturating_add(code),
        text: words(code),
        advice: "Correct the order of the tasks and ask under a new uuid.".to_owned(),
        retry: false,
    }
}

/// What a code says, for the screen of a till.
pub(super) fn words(code: u16) -> String {
    vendor::words(code).unwrap_or("Ошибка кассы").to_owned()
}

/// Tries after which a task of this face ends with the error that its till waits for. About seven seconds.
const PATIENCE: u32 = 3;

/// How long a task of this face waits behind another document that has met a trouble: as long as one that meets it itself.
const BEHIND: Duration = Duration::from_secs(7);

/// How long a task may still wait behind a document in trouble; none when that is over. Milliseconds since 1970.
pub(in crate::gateway) fn patience_left(asked_at: i64, now: i64) -> Option<Duration> {
    let waited = Duration::from_millis(u64::try_from(now.saturating_sub(asked_at)).unwrap_or(0));
    BEHIND.checked_sub(waited).filter(|left| !left.is_zero())
}

/// Whether a task has been tried often enough.
pub(in crate::gateway) fn out_of_patience(tries: u32) -> bool {
    tries >= PATIENCE
}

/// Code and words of a driver's error. `backend` says whose codes it has.
pub(super) fn of_error(error: &FiscalError, backend: Option<&str>) -> (u16, String) {
    let code = match error {
        FiscalError::Unreachable { .. } => NO_LINK,
        FiscalError::Unknown { .. } | FiscalError::NeedsPerson(_) => CONNECTION_LOST,
        FiscalError::OtherDrive { .. } => WRONG_DRIVE,
        FiscalError::Unsupported(_) => NOT_SUPPORTED,
        FiscalError::Refused {
            code: code @ OURS..=OURS_END,
            ..
        } => return (code - OURS, words(code - OURS)),
        FiscalError::Refused { code, advice, .. } => match backend {
            // The web back end has the vendor's own codes already.
            Some("atol_web") => *code,
            Some("atol_native") => of_device(*code),
            Some("shtrih_m") => shtrih::code(*code),
            // Another make's codes mean nothing to the vendor's clients, paper does.
            _ if advice.to_lowercase().contains("paper") => NO_PAPER,
            _ => UNKNOWN,
        },
    };
    // A cashier reads the first words, a technician the rest.
    (code, format!("{} ({error})", words(code)))
}

/// Code and words of a trouble.
pub(super) fn of_trouble(trouble: &Trouble, backend: Option<&str>) -> (u16, String) {
    let error = trouble
        .error
        .clone()
        .and_then(|e| serde_json::from_value::<FiscalError>(*e).ok());
    if let Some(error) = error {
        return of_error(&error, backend);
    }
    let code = match trouble.code.as_str() {
        "bad_task" => BAD_TASK,
        "not_supported" | "unsupported" => NOT_SUPPORTED,
        "tax_system" => vendor::BAD_PARAMETER,
        "needs_person" => CONNECTION_LOST,
        "interrupted" => INTERRUPTED,
        "cancelled" | "expired" => CANCELLED,
        _ => UNKNOWN,
    };
    (code, format!("{} ({})", words(code), trouble.text))
}

/// The driver's code for an error byte of the native wire: table 2.9, captured.
fn of_device(err: u16) -> u16 {
    const OWN: u16 = galley_atol::error_table::OWN_CODES;
    match err {
        0x08 => 16,
        0x0A => 17,
        0x0B => 18,
        0x0C..=0x12 => err + 7,
        0x13 | 0xF2 | 0xF4 => 26,
        0x14 => 27,
        0x15 => 28,
        0x16 => 29,
        0x18 | 0x6B | 0xAD | 0xAF => 30,
        0x19..=0x1B => err + 6,
        0x1E..=0x21 => err + 4,
        0x3F => 40,
        0x66 => 12,
        0x67 => NO_PAPER,
        0x68 => 46,
        0x69 => 47,
        0x6A => 48,
        0x6C | 0x7A | 0xA3 => NOT_SUPPORTED,
        0x71 => 52,
        0x72 | 0x86 => 66,
        0x73 => 53,
        0x75 => 54,
        0x76 => BUSY,
        0x7D..=0x7F => err - 66,
        0x80 => 62,
        0x81 => 63,
        0x82 => 64,
        0x84 => 65,
        0x8E => 72,
        0x87 => 67,
        0x88 => 68,
        0x89 => 69,
        0x8A => 70,
        0x8C | 0xA4 => 71,
        0x8F => 73,
        0x91..=0x93 => err - 71,
        0x94 | 0x95 => 77,
        0x96..=0x98 => err - 72,
        0x9A..=0x9C => err - 73,
        0xAA..=0xAC => err - 79,
        0xBA => 104,
        0xBE => 105,
        0xBF => 106,
        0xC8 | 0xC9 => err - 93,
        0xD0..=0xD6 => err - 95,
        0xD7 => 120,
        0xD8 => 121,
        0xD9..=0xDE => err - 95,
        0xDF => 128,
        0xE1 => WRONG_DRIVE,
        0xE6..=0xED => match err {
            0xEA => 136,
            0xEB => 137,
            0xEC => 138,
            0xED => 139,
            other => other - 98,
        },
        0xEF..=0xF1 => err - 99,
        0xF5 => 147,
        _ if err == OWN + 1 => BUSY,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_devices_codes_are_the_drivers_of_table_2_9() {
        for (err, code) in [
            (0x08, 16),
            (0x0C, 19),
            (0x12, 25),
            (0x19, 31),
            (0x1B, 33),
            (0x1E, 34),
            (0x21, 37),
            (0x67, 44),
            (0x76, 55),
            (0x7D, 59),
            (0x7F, 61),
            (0x88, 68),
            (0x8F, 73),
            (0x91, 74),
            (0x96, 78),
            (0x98, 80),
            (0x9A, 81),
            (0x9B, 82),
            (0x9C, 83),
            (0xAA, 91),
            (0xAC, 93),
            (0xC8, 107),
            (0xD0, 113),
            (0xD5, 118),
            (0xD6, 119),
            (0xD7, 120),
            (0xD8, 121),
            (0xD9, 122),
            (0xDE, 127),
            (0xE6, 132),
            (0xE9, 135),
            (0xEA, 136),
            (0xEB, 137),
            (0xED, 139),
            (0xEF, 140),
            (0xF0, 141),
            (0xF1, 142),
            (0x42, 15),
        ] {
            assert_eq!(of_device(err), code, "{err:#04x}");
        }
    }
}
