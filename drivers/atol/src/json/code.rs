//! Error codes of the vendor's driver and web server: what they say, what a person can do, and of which class they are.
//! [source: atol.md 2.9, 3.8; classes are ours]

use super::answer::DriverError;
use galley_fiscal::FiscalError;

/// No paper.
pub const NO_PAPER: u16 = 44;
/// The shift is longer than 24 hours.
pub const SHIFT_EXPIRED: u16 = 68;
/// The drive has no such document.
pub const NO_SUCH_DOCUMENT: u16 = 123;
/// The document's data are absent.
pub const DATA_ABSENT: u16 = 93;
/// No more data.
pub const NO_MORE_DATA: u16 = 30;
/// The task can't be read.
pub const BAD_TASK: u16 = 501;
/// An earlier subtask of the same request failed.
pub const INTERRUPTED: u16 = 502;

/// Of which class a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The driver has no link to the printer. Of a registering task: nobody knows.
    Unreachable,
    /// Of a registering task nobody knows, until the drive's counters were read.
    Unknown,
    /// Busy: later.
    Busy,
    /// Paper, cover, print head.
    Paper,
    /// The shift stands otherwise than the task needs it.
    Shift,
    /// The fiscal drive: selling stops.
    Drive,
    /// The request is wrong and stays wrong.
    Request,
    /// Marked goods.
    Marking,
    /// The printer needs a person.
    Service,
}

impl Class {
    /// Whether the same request can succeed later unchanged.
    #[must_use]
    pub fn retry(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Unknown | Self::Busy | Self::Paper | Self::Shift
        )
    }

    /// Whether, given to a registering task, it leaves open what became of the document.
    #[must_use]
    pub fn leaves_open(self) -> bool {
        matches!(self, Self::Unreachable | Self::Unknown)
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "Check that the printer is on and connected to the machine with the web server."
            }
            Self::Unknown => "Wait; what became of the document is being found out.",
            Self::Busy => "Wait; it is tried again by itself.",
            Self::Paper => "Put in paper and close the cover.",
            Self::Shift => "Close the shift (Z report) or open it, as needed.",
            Self::Drive => "The fiscal drive must be checked or replaced by the service engineer.",
            Self::Request => "Report it: the request does not suit this printer.",
            Self::Marking => {
                "Check the marking code and the printer's connection to the marking server."
            }
            Self::Service => "Call the service engineer.",
        }
    }
}

/// A code in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of which class.
    pub class: Class,
    /// What it says.
    pub text: &'static str,
    /// What a person can do.
    pub advice: &'static str,
}

/// The entry of a code. A code that isn't known is of the class that promises least.
#[must_use]
pub fn entry(code: u16) -> Entry {
    let (class, text, advice) = row(code);
    Entry {
        class,
        text,
        advice: advice.unwrap_or(class.advice()),
    }
}

/// The refusal that an error means. Only for errors of which it is certain that nothing was registered.
#[must_use]
pub fn refused(error: &DriverError) -> FiscalError {
    let known = entry(error.code);
    FiscalError::Refused {
        code: error.code,
        text: if known.text == UNLISTED {
            format!("{UNLISTED}: {}", error.description)
        } else {
            known.text.to_owned()
        },
        advice: known.advice.to_owned(),
        retry: known.class.retry() || passes(error.code),
    }
}

/// Troubles of other classes that a person or time mends without the request being changed: clock, link to the drive,
/// power, OFD, marking server.
fn passes(code: u16) -> bool {
    matches!(
        code,
        28 | 29 | 34..=36 | 77 | 104 | 107..=109 | 115 | 122 | 132 | 135 | 137 | 139 | 142 | 159
            | 198 | 218 | 401 | 402 | 407 | 417 | 421
    )
}

const UNLISTED: &str = "an error that is not in the list";

#[allow(clippy::too_many_lines, reason = "a table")]
fn row(code: u16) -> (Class, &'static str, Option<&'static str>) {
    use Class::{Busy, Drive, Marking, Paper, Request, Service, Shift, Unknown, Unreachable};
    const CLOCK: Option<&str> = Some("Check the printer's date and time.");
    const OFD: Option<&str> =
        Some("Restore the printer's connection to the OFD and wait until the documents are sent.");
    match code {
        0 => (Unknown, "no error", None),
        1 => (
            Unreachable,
            "the driver has no connection to the printer",
            None,
        ),
        2 => (Unreachable, "no link to the printer", None),
        3 => (
            Busy,
            "the printer's port is in use",
            Some("Stop the other program that uses the printer."),
        ),
        4 => (
            Unreachable,
            "the printer's port is not available",
            Some(
                "Check the cable, and that the web server's user may open the port (group dialout).",
            ),
        ),
        5 => (Unknown, "incorrect data came from the printer", None),
        6 => (Unknown, "internal error of the driver", None),
        7 => (Request, "wrong type of a parameter", None),
        8 => (Request, "a parameter is missing", None),
        9 | 10 => (
            Service,
            "the driver's settings are wrong or missing",
            Some("Check the settings of the web server."),
        ),
        11 => (
            Service,
            "not supported, or the vendor's monitoring service (UEMA) is not running",
            Some(
                "Start the vendor's monitoring service on the web server's machine; otherwise update the firmware.",
            ),
        ),
        12 => (Busy, "not available in this mode", None),
        13 => (Request, "wrong value of a parameter", None),
        14 => (
            Service,
            "the driver's library can't be loaded",
            Some("Install the vendor's driver again."),
        ),
        15 => (Unknown, "an error the driver does not know", None),
        16 => (Request, "wrong price or sum", None),
        17 => (Request, "wrong quantity", None),
        18 => (Shift, "cash counter overflow", None),
        19..=25 => (
            Request,
            "reversal, discount or commodity code is not possible",
            None,
        ),
        26 | 27 => (Request, "wrong format or length of a command", None),
        28 | 29 | 35 => (
            Service,
            "the printer waits for its date to be confirmed",
            CLOCK,
        ),
        30 => (Request, "no more data", None),
        31 => (Busy, "a sale is neither confirmed nor cancelled", None),
        32 => (Shift, "a closing report was interrupted", None),
        34 => (
            Service,
            "entry to the mode is blocked",
            Some(
                "Check the printer's password in the web server's settings, then restart the printer.",
            ),
        ),
        36 => (
            Service,
            "the clock is behind the last fiscal document",
            CLOCK,
        ),
        37 => (Service, "the archive can't be closed", None),
        38..=43 => (Request, "commodity or receipt buffer", None),
        NO_PAPER => (Paper, "no paper", None),
        45 => (Paper, "the cover is open", None),
        46 => (
            Paper,
            "the link to the print head is lost",
            Some("Restart the printer; then the service engineer."),
        ),
        47 => (
            Paper,
            "mechanical fault of the printer",
            Some("Open the cover, look for jammed paper, restart the printer."),
        ),
        48 => (Request, "wrong type of the receipt", None),
        49..=51 => (Request, "wrong unit or picture", None),
        52 => (Request, "cashless payments exceed the total", None),
        53 => (Request, "the counter is smaller than the return", None),
        54 | 61 | 63 => (Request, "sum overflow", None),
        55 | 72 => (Busy, "the previous operation is still running", None),
        56 => (Busy, "the printer's modem is busy", None),
        57..=60 => (Request, "wrong discount, department or payment type", None),
        62 => (
            Service,
            "forbidden by the printer's settings",
            Some("Check the printer's settings."),
        ),
        64 | 67 | 69 => (Busy, "another receipt is open", None),
        65 => (Shift, "the journal is full", None),
        66 => (Request, "the receipt is not paid in full", None),
        SHIFT_EXPIRED | 141 => (
            Shift,
            "the shift is longer than 24 hours",
            Some("Close the shift (Z report)."),
        ),
        70 => (Drive, "the fiscal memory is full", None),
        71 => (
            Service,
            "wrong password",
            Some("Check the printer's password in the web server's settings."),
        ),
        73 => (Shift, "the shift is closed", Some("Open the shift.")),
        74..=76 => (Request, "wrong table, row or field", None),
        77 => (Service, "wrong date or time", CLOCK),
        78 | 79 => (Request, "wrong reversal or change", None),
        // No cash-in can overtake it: waiting would hold every receipt behind it.
        80 => (
            Request,
            "not enough cash in the drawer",
            Some("Register a cash-in, then ask for it again."),
        ),
        81 => (Busy, "the receipt is closed", None),
        82 => (Busy, "a receipt is open", None),
        83 => (
            Shift,
            "the shift is open already",
            Some("Close the shift (Z report)."),
        ),
        84..=90 => (Service, "serial, registration or tax number", None),
        91 => (Request, "no reports", None),
        92 => (Service, "the mode is not activated", None),
        DATA_ABSENT => (Request, "the document's data are absent", None),
        94 | 96 => (Service, "the licence does not allow it", None),
        95 => (Service, "the printer needs a general reset", None),
        97 | 98 => (
            Request,
            "the receipt can't be closed with this payment",
            None,
        ),
        99..=103 => (Request, "route, zone or tariff", None),
        104 => (Drive, "exchange with the fiscal module failed", None),
        105 => (Service, "maintenance is needed", None),
        106 => (
            Service,
            "shift numbers of printer and fiscal drive differ",
            None,
        ),
        107..=112 => (Busy, "an external device", None),
        113 => (Drive, "the fiscal drive can't be activated here", None),
        114 => (
            Paper,
            "the print head is too hot",
            Some("Wait; it is tried again by itself."),
        ),
        115 | 135 | 159 => (Drive, "no exchange with the fiscal drive", None),
        116..=118 => (
            Drive,
            "format, state or fatal fault of the fiscal drive",
            None,
        ),
        119 | 136 => (Drive, "the cryptography of the fiscal drive ended", None),
        120 | 121 => (Drive, "the fiscal drive is used up", None),
        122 => (Service, "the fiscal drive refuses the date", CLOCK),
        NO_SUCH_DOCUMENT => (Request, "the fiscal drive has no such data", None),
        124 | 125 => (Drive, "overflow in the fiscal drive", None),
        126 | 127 => (Service, "second fiscal copy or journal", None),
        128 | 129 | 131 => (Request, "wrong tax", None),
        130 => (Drive, "wrong number of the fiscal drive", None),
        132 => (
            Service,
            "not enough power",
            Some("Plug in the charger; check the battery."),
        ),
        133 | 134 => (Request, "the fiscal drive refuses the parameters", None),
        137 => (Drive, "documents were not sent to the OFD for 30 days", OFD),
        138 => (Service, "the fiscal drive refused the OFD's message", None),
        139 => (Drive, "the fiscal drive has unsent documents", OFD),
        140 => (Drive, "the resource of OFD messages ended", None),
        142 => (
            Service,
            "wrong time between operations of the fiscal drive",
            CLOCK,
        ),
        143 => (
            Request,
            "the printer is not registered with this tax system",
            Some("Check the tax system in the configuration against the printer's registration."),
        ),
        144 | 154 | 219 => (
            Request,
            "the firmware does not know this VAT rate",
            Some("Update the printer's firmware and the vendor's driver."),
        ),
        145
        | 146
        | 148
        | 158
        | 161
        | 167
        | 192
        | 193
        | 195
        | 205
        | 215..=217
        | 227
        | 229
        | 231
        | 235
        | 243
        | 244
        | 265
        | 270
        | 271 => (
            Request,
            "the printer refuses a property of the document",
            None,
        ),
        147 => (Request, "excise goods are not allowed", None),
        149 => (Request, "wrong counter", None),
        150 => (
            Paper,
            "fault of the cutter",
            Some("Open the cover, look for jammed paper, restart the printer."),
        ),
        151 | 173..=178 => (Unknown, "a report or a receipt was interrupted", None),
        152 | 153 | 155..=157 | 220 | 222 | 251 | 266..=268 => {
            (Request, "what is to be printed is wrong", None)
        }
        160 => (Request, "the data are there already", None),
        162 => (
            Request,
            "the document can't be read from the fiscal drive",
            None,
        ),
        166 => (Drive, "there is no fiscal drive", None),
        165 | 179..=182 | 185 | 206..=210 | 242 => (Service, "internal fault of the printer", None),
        188 | 211 | 226 => (Busy, "the printer restarts or is being updated", None),
        189 | 202 | 245..=248 => (Service, "no licence in the printer", None),
        190 => (Request, "wrong version of the fiscal data format", None),
        198 | 218 => (Service, "the clock is not set", CLOCK),
        200 | 201 | 203 => (
            Busy,
            "not possible while a document is open, or closed",
            None,
        ),
        212 => (Service, "wrong firmware", None),
        213 | 214 => (Busy, "the printer's network", None),
        221 => (Busy, "the printer's port is in use by another", None),
        224 => (Drive, "the archive of the fiscal drive is closed", None),
        225 => (Service, "the printer is not registered", None),
        228 => (Marking, "contradicting marking codes", None),
        241 => (Unreachable, "the link to the printer was lost", None),
        249 => (Busy, "the document was cancelled", None),
        277 => (Paper, "no link to the print service", None),
        400..=426 => (Marking, marking(code), None),
        BAD_TASK => (Request, "the web server can't read the task", None),
        INTERRUPTED => (
            Busy,
            "not carried out because an earlier task of the request failed",
            None,
        ),
        503 | 505 => (Unknown, "internal error of the web server", None),
        504 => (Request, "the task has no validator", None),
        601 => (Busy, "the remote printer is busy", None),
        602 => (Service, "the remote server has another version", None),
        603 => (Unreachable, "no exchange with the remote printer", None),
        _ => (
            Unknown,
            UNLISTED,
            Some("Wait; if it stays, report the code."),
        ),
    }
}

fn marking(code: u16) -> &'static str {
    match code {
        401 => "a check of a marking code is still running",
        402 => "no link to the marking server",
        403 => "the check was cancelled",
        404 => "wrong status of a marked unit",
        405 => "the marking code is no GS1 code",
        407 => "work with marked goods is blocked for a while",
        408 => "too many marking codes",
        409 => "wrong marking code",
        412 => "wrong unit of a marked good",
        413 => "this version of the fiscal data format knows no such marking",
        417 => "there are unsent notices of marked goods",
        418 | 419 => "the keys of the fiscal drive must be updated",
        420 => "the marking code was not checked",
        421 => "the check took too long",
        422 => "the marking code is not in the printer's table",
        424 => "wrong address of the marking server",
        426 => "only marked positions have this property",
        _ => "an error with marked goods",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_and_an_advice() {
        for code in 0..1100 {
            let entry = entry(code);
            assert!(
                !entry.text.is_empty() && entry.advice.ends_with('.'),
                "{code}"
            );
        }
    }

    #[test]
    fn the_classes_of_the_protocol_page_are_kept() {
        // Source: atol.md 3.8, "failure classes".
        for code in [1, 2, 4, 241, 603] {
            assert_eq!(entry(code).class, Class::Unreachable, "{code}");
        }
        for code in [2, 5, 6, 15, 151, 175, 177, 241] {
            assert!(entry(code).class.leaves_open(), "{code}");
        }
        for code in [3, 55, 221, 601] {
            assert_eq!(entry(code).class, Class::Busy, "{code}");
        }
        for code in [44, 45, 46, 47, 114, 150] {
            assert_eq!(entry(code).class, Class::Paper, "{code}");
        }
        for code in [68, 141, 73, 83] {
            assert_eq!(entry(code).class, Class::Shift, "{code}");
        }
        for code in [113, 117, 118, 119, 120, 121, 130, 136, 137, 166] {
            assert_eq!(entry(code).class, Class::Drive, "{code}");
        }
        for code in [16, 17, 48, 143, 144, 145, 146, 161, 193, 217, 501] {
            assert_eq!(entry(code).class, Class::Request, "{code}");
            assert!(!entry(code).class.retry(), "{code}");
        }
        // What nobody has heard of promises nothing.
        assert!(entry(9999).class.leaves_open());
    }
}
