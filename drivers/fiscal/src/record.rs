//! What the fiscal drive says was registered.

use crate::ReceiptKind;
use serde::{Deserialize, Serialize};

/// A document as the fiscal drive keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiscalRecord {
    /// What it is.
    pub kind: RecordKind,
    /// Fiscal document number (FD), tag 1040. Money put in or taken out is no fiscal document: there it is how many of
    /// its kind the printer has counted in the shift.
    pub document_number: u32,
    /// Fiscal sign (FPD), tag 1077; 0 for money put in or taken out.
    pub fiscal_sign: u32,
    /// Serial number of the fiscal drive (FN), tag 1041.
    pub drive_number: String,
    /// Tag 1037, where the printer says it.
    pub registration_number: Option<String>,
    /// Tag 1038.
    pub shift_number: Option<u32>,
    /// Number in the shift, tag 1042.
    pub receipt_number: Option<u32>,
    /// The printer's local time, `YYYY-MM-DDTHH:MM`, tag 1012.
    pub local_time: String,
    /// Tag 1020 in minor units; receipts only.
    pub total_minor: Option<i64>,
    /// Tag 1192, where the drive gave it back.
    pub key: Option<String>,
    /// Whether the paper came out; `None` when the printer can't say.
    pub printed: Option<bool>,
}

impl FiscalRecord {
    /// Text of the QR code on the receipt: `t=…&s=…&fn=…&i=…&fp=…&n=…`. [source: atol.md 6.4]
    #[must_use]
    pub fn qr_text(&self) -> Option<String> {
        let n = match self.kind {
            RecordKind::Receipt(kind) | RecordKind::Correction(kind) => kind.tag_1054(),
            _ => return None,
        };
        let total = self.total_minor?;
        let time: String = self
            .local_time
            .chars()
            .filter(|c| *c != '-' && *c != ':')
            .collect();
        Some(format!(
            "t={time}&s={}.{:02}&fn={}&i={}&fp={}&n={n}",
            total / 100,
            total % 100,
            self.drive_number,
            self.document_number,
            self.fiscal_sign
        ))
    }
}

/// What kind of document a [`FiscalRecord`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// Отчёт об открытии смены (2).
    ShiftOpen,
    /// Кассовый чек (3).
    Receipt(ReceiptKind),
    /// Отчёт о закрытии смены (5).
    ShiftClose,
    /// Кассовый чек коррекции (31).
    Correction(ReceiptKind),
    /// Money put into the drawer.
    CashIn,
    /// Money taken out of it.
    CashOut,
    /// Anything else, by the number of its form.
    Other(u8),
}
