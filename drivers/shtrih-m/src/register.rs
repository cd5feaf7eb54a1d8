//! Registers: what the printer has counted in the shift (4.7).
//!
//! Numbers and names from the vendor's Java driver (`CashRegister`, `OperationRegister`, `readDayPayments`); number 241
//! is \[memory\] in the protocol page and agrees with it.

use galley_fiscal::{ReceiptKind, TenderForm};

/// Money: cash in the drawer.
pub const DRAWER: u16 = 241;
/// Money: put in during the shift.
pub const CASH_IN_SUM: u16 = 242;
/// Money: taken out during the shift.
pub const CASH_OUT_SUM: u16 = 243;
/// Operations: how often money was put in during the shift.
pub const CASH_IN_COUNT: u8 = 153;
/// Operations: how often money was taken out during the shift.
pub const CASH_OUT_COUNT: u8 = 154;
/// Operations: receipts of the first kind in the shift.
const RECEIPTS: u8 = 144;
/// Money: payments of type 1 in the shift; four kinds a type, up to type 4.
const PAYMENTS: u16 = 193;
/// Money: payments of type 5 in the shift, up to type 16. Numbers above 255 are sent in two bytes.
const MORE_PAYMENTS: u16 = 4144;

/// Types of payment a receipt may have.
pub const PAYMENT_TYPES: u8 = 16;

/// A kind's place among the registers: sale, purchase, sale return, purchase return.
#[must_use]
pub fn place(kind: ReceiptKind) -> u8 {
    match kind {
        ReceiptKind::Sale => 0,
        ReceiptKind::Purchase => 1,
        ReceiptKind::SaleReturn => 2,
        ReceiptKind::PurchaseReturn => 3,
    }
}

/// Operation register: receipts of a kind in the shift.
#[must_use]
pub fn receipts(kind: ReceiptKind) -> u8 {
    RECEIPTS + place(kind)
}

/// Money register: payments of a type (1 to 16) by receipts of a kind in the shift.
#[must_use]
pub fn payments(kind: ReceiptKind, payment_type: u8) -> u16 {
    let place = u16::from(place(kind));
    match payment_type {
        0..=4 => PAYMENTS + place + 4 * u16::from(payment_type.max(1) - 1),
        _ => MORE_PAYMENTS + place + 4 * u16::from(payment_type - 5),
    }
}

/// The type of payment a tender is registered as (4.4).
#[must_use]
pub fn payment_type(form: TenderForm) -> u8 {
    match form {
        TenderForm::Cash => 1,
        TenderForm::Electronic => 2,
        TenderForm::Advance => 14,
        TenderForm::Credit => 15,
        TenderForm::Other => 16,
    }
}

/// The form a type of payment is summed up in: types 2 to 13 are all electronic (4.4).
#[must_use]
pub fn form(payment_type: u8) -> TenderForm {
    match payment_type {
        1 => TenderForm::Cash,
        14 => TenderForm::Advance,
        15 => TenderForm::Credit,
        16 => TenderForm::Other,
        _ => TenderForm::Electronic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_where_the_vendors_driver_reads_them() {
        assert_eq!(receipts(ReceiptKind::Sale), 144);
        assert_eq!(receipts(ReceiptKind::PurchaseReturn), 147);
        assert_eq!(payments(ReceiptKind::Sale, 1), 193);
        assert_eq!(payments(ReceiptKind::SaleReturn, 2), 199);
        assert_eq!(payments(ReceiptKind::PurchaseReturn, 4), 208);
        assert_eq!(payments(ReceiptKind::Sale, 5), 4144);
        assert_eq!(payments(ReceiptKind::PurchaseReturn, 16), 4191);
    }
}
