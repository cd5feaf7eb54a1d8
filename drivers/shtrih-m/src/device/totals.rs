//! What the printer has summed up in the shift.

use super::ShtrihPrinter;
use crate::register::{self, PAYMENT_TYPES};
use galley_fiscal::{FiscalError, KindTotal, ReceiptKind, ShiftTotals, TenderForm};

impl ShtrihPrinter {
    /// The registers of the open shift. Closing it sets them to nought, so after that only its number is left.
    pub(super) async fn shift_totals(&mut self) -> Result<ShiftTotals, FiscalError> {
        let shift = self.drive_shift().await?;
        let mut receipts = Vec::new();
        for kind in ReceiptKind::ALL.iter().copied() {
            let count = self.count(register::receipts(kind)).await?;
            if count == 0 {
                continue;
            }
            let mut tenders: Vec<(TenderForm, i64)> =
                TenderForm::ALL.iter().map(|form| (*form, 0)).collect();
            for payment_type in 1..=PAYMENT_TYPES {
                let sum = self.money(register::payments(kind, payment_type)).await?;
                let form = register::form(payment_type);
                for tender in tenders.iter_mut().filter(|t| t.0 == form) {
                    tender.1 = tender.1.saturating_add(sum);
                }
            }
            tenders.retain(|(_, sum)| *sum != 0);
            receipts.push(KindTotal {
                kind,
                count,
                sum_minor: tenders.iter().map(|(_, sum)| sum).sum(),
                tenders,
            });
        }
        Ok(ShiftTotals {
            shift_number: u32::from(shift.number),
            receipts,
            with_corrections: true,
            cash: self.cash().await?.unwrap_or_default(),
        })
    }
}
