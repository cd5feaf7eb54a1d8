//! Registers of the printer (2.5), as the vendor's host decodes them.

use crate::{
    bcd,
    local_time::{BcdTime as _, LocalDateTime},
};

/// Sum of payments: P1 receipt type, P2 payment type 1 to 10.
pub const PAYMENTS: u8 = 3;
/// Money put in, in the shift.
pub const CASH_IN_SUM: u8 = 4;
/// Money taken out, in the shift.
pub const CASH_OUT_SUM: u8 = 5;
/// How often money was put in.
pub const CASH_IN_COUNT: u8 = 8;
/// How often money was taken out.
pub const CASH_OUT_COUNT: u8 = 9;
/// Cash in the drawer.
pub const DRAWER: u8 = 10;
/// Total of the shift: P1 is 0 sale, 1 purchase, 2 return of a sale, 3 return of a purchase; not the receipt type of
/// the others. (captured)
pub const SHIFT_TOTAL: u8 = 12;
/// How many receipts: P1 receipt type.
pub const RECEIPT_COUNT: u8 = 65;
/// Revenue: sign byte (01 is minus), BCD(6).
pub const REVENUE: u8 = 11;
/// The clock.
pub const CLOCK: u8 = 17;
/// State and end of the shift.
pub const SHIFT: u8 = 18;
/// The open receipt: type, numbers, sum.
pub const RECEIPT: u8 = 19;
/// The open receipt: total, unpaid, change.
pub const RECEIPT_SUMS: u8 = 20;
/// Number of the last closed shift.
pub const LAST_SHIFT: u8 = 21;
/// Serial number of the printer.
pub const SERIAL: u8 = 22;
/// Line width.
pub const LINE_WIDTH: u8 = 24;
/// Registrations and expiry of the fiscal drive.
pub const DRIVE_LIFE: u8 = 26;
/// The last receipt.
pub const LAST_RECEIPT: u8 = 51;
/// The last fiscal document.
pub const LAST_DOCUMENT: u8 = 52;
/// Receipt and shift numbers of the fiscal drive.
pub const DRIVE_SHIFT: u8 = 53;
/// Format versions.
pub const FORMATS: u8 = 54;
/// The error behind [`crate::error_table::SEE_REGISTER_55`].
pub const EXTENDED_ERROR: u8 = 55;
/// Print state of the last document.
pub const PRINT_STATE: u8 = 59;

/// Register 52.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastDocument {
    /// Number of the fiscal document.
    pub number: u32,
    /// To the minute.
    pub time: LocalDateTime,
    /// Fiscal sign.
    pub sign: u32,
}

/// Register 51.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReceipt {
    /// Number, time, sign.
    pub document: LastDocument,
    /// Type of the receipt.
    pub kind: u8,
    /// Sum in minor units.
    pub sum_minor: u64,
}

/// Register 20, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptSums {
    /// Sum of the receipt.
    pub total: u64,
    /// What is left to pay.
    pub unpaid: u64,
    /// Change.
    pub change: u64,
}

fn sum(value: &[u8], from: usize, len: usize) -> Option<u64> {
    bcd::decode(value.get(from..from + len)?)
}

fn small(value: &[u8], from: usize, len: usize) -> Option<u32> {
    u32::try_from(sum(value, from, len)?).ok()
}

/// Reads register 52: FD BCD(5), `DD MM YY HH MM`, sign BCD(5).
#[must_use]
pub fn last_document(value: &[u8]) -> Option<LastDocument> {
    Some(LastDocument {
        number: small(value, 0, 5)?,
        time: LocalDateTime::from_bcd_dmy(value.get(5..10)?)?,
        sign: small(value, 10, 5)?,
    })
}

/// Reads register 51: FD BCD(5), type, sum BCD(7), `DD MM YY HH MM`, sign BCD(5).
#[must_use]
pub fn last_receipt(value: &[u8]) -> Option<LastReceipt> {
    Some(LastReceipt {
        document: LastDocument {
            number: small(value, 0, 5)?,
            time: LocalDateTime::from_bcd_dmy(value.get(13..18)?)?,
            sign: small(value, 18, 5)?,
        },
        kind: *value.get(5)?,
        sum_minor: sum(value, 6, 7)?,
    })
}

/// Reads register 20: three BCD(5).
#[must_use]
pub fn receipt_sums(value: &[u8]) -> Option<ReceiptSums> {
    Some(ReceiptSums {
        total: sum(value, 0, 5)?,
        unpaid: sum(value, 5, 5)?,
        change: sum(value, 10, 5)?,
    })
}

/// Reads register 11, minor units.
#[must_use]
pub fn revenue(value: &[u8]) -> Option<i64> {
    let size = i64::try_from(sum(value, 1, 6)?).ok()?;
    Some(if *value.first()? == 1 { -size } else { size })
}

/// Reads register 18: whether the shift is open, and when it ends.
#[must_use]
pub fn shift(value: &[u8]) -> Option<(bool, Option<LocalDateTime>)> {
    let open = *value.first()? != 0;
    let end = value.get(1..7).and_then(LocalDateTime::from_bcd_dmy);
    Some((open, end))
}

/// Reads register 53: number of the receipt in the shift, number of the shift.
#[must_use]
pub fn drive_shift(value: &[u8]) -> Option<(u32, u32)> {
    Some((small(value, 0, 3)?, small(value, 3, 3)?))
}

/// Reads register 22: 14 digits, as text.
#[must_use]
pub fn serial(value: &[u8]) -> Option<String> {
    Some(format!("{:014}", sum(value, 0, 7)?))
}

/// Reads a register of one sum, minor units: 3, 4 and 5 have six bytes, 10 and 12 seven.
#[must_use]
pub fn amount(value: &[u8]) -> Option<i64> {
    let len = value.len().min(7);
    i64::try_from(sum(value, 0, len)?).ok().filter(|_| len >= 6)
}

/// Reads registers 8 and 9: how often, BCD(2).
#[must_use]
pub fn count(value: &[u8]) -> Option<u32> {
    small(value, 0, 2)
}

/// Reads register 65: how many receipts, BCD(5); the cancelled ones follow.
#[must_use]
pub fn receipt_count(value: &[u8]) -> Option<u32> {
    small(value, 0, 5)
}

/// Reads register 24: characters of a line.
#[must_use]
pub fn columns(value: &[u8]) -> Option<u8> {
    sum(value, 0, 1).map(|n| n as u8)
}

/// Reads register 54: the format that is configured (1 is 1.0, 2 is 1.05, 3 is 1.1, 4 is 1.2).
#[must_use]
pub fn format(value: &[u8]) -> Option<u8> {
    value.get(2).copied()
}

/// Reads register 26: how often the drive can be registered again.
#[must_use]
pub fn registrations_left(value: &[u8]) -> Option<u8> {
    sum(value, 1, 1).map(|n| n as u8)
}

/// Reads register 26: the day on which the fiscal drive expires.
#[must_use]
pub fn drive_expiry(value: &[u8]) -> Option<LocalDateTime> {
    LocalDateTime::from_bcd_dmy(value.get(2..5)?)
}

/// Reads register 59: whether the last document was printed to its end.
#[must_use]
pub fn printed(value: &[u8]) -> Option<bool> {
    Some(*value.first()? < 0x10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // The vectors of this module: 9.3, captured by feeding counting patterns to the vendor's host.

    #[test]
    fn register_52_gives_number_time_and_sign() {
        let value = [
            0x00, 0x00, 0x00, 0x01, 0x21, 0x22, 0x11, 0x26, 0x12, 0x00, 0x26, 0x35, 0x03, 0x63,
            0x95,
        ];
        let read = last_document(&value).unwrap();
        assert_eq!(read.number, 121);
        assert_eq!(read.time.to_minute(), "2026-11-22T12:00");
        assert_eq!(read.sign, 2_635_036_395);
    }

    #[test]
    fn register_20_gives_the_sums() {
        let value = [
            0x00, 0x00, 0x07, 0x99, 0x50, 0x00, 0x00, 0x02, 0x99, 0x50, 0x00, 0x00, 0x00, 0x00,
            0x00,
        ];
        let sums = ReceiptSums {
            total: 79_950,
            unpaid: 29_950,
            change: 0,
        };
        assert_eq!(receipt_sums(&value), Some(sums));
    }

    #[test]
    fn register_11_has_a_sign() {
        let value = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07];
        assert_eq!(revenue(&value), Some(-20_304_050_607));
    }

    #[test]
    fn register_51_is_read_by_its_layout() {
        let mut value = vec![0, 0, 0, 0x01, 0x22, 0x02];
        value.extend([0, 0, 0, 0, 0x07, 0x99, 0x50]);
        value.extend([0x22, 0x11, 0x26, 0x12, 0x00]);
        value.extend([0x16, 0x59, 0x76, 0x56, 0x45]);
        let read = last_receipt(&value).unwrap();
        assert_eq!((read.document.number, read.kind), (122, 2));
        assert_eq!(read.sum_minor, 79_950);
        assert_eq!(read.document.sign, 1_659_765_645);
    }

    proptest! {
        #[test]
        fn any_value_is_taken(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (last_document(&value), last_receipt(&value), receipt_sums(&value), revenue(&value));
            let _ = (amount(&value), count(&value), receipt_count(&value), columns(&value), registrations_left(&value));
            let _ = (shift(&value), drive_shift(&value), serial(&value), drive_expiry(&value), printed(&value));
        }
    }
}
