//! The documents that are asked for.

use galley_fiscal::{
    CashDocument, Correction, CorrectionBasis, CorrectionBy, Document, Line, LineDetails,
    MeasureUnit, Operator, Receipt, ReceiptDetails, ReceiptKind, SettlementMethod,
    SettlementSubject, ShiftDocument, TaxSystem, TenderForm, TenderSum, VatRate,
};

/// Who is named.
#[must_use]
pub fn operator() -> Operator {
    Operator {
        name: "Робот 1".into(),
        inn: Some("123456789047".into()),
    }
}

/// Opens the shift.
#[must_use]
pub fn shift_open() -> Document {
    Document::ShiftOpen(ShiftDocument {
        key: "shift-1".into(),
        operator: Some(operator()),
    })
}

/// Closes it.
#[must_use]
pub fn shift_close() -> Document {
    Document::ShiftClose(ShiftDocument {
        key: "shift-1-z".into(),
        operator: Some(operator()),
    })
}

/// Money in or out.
#[must_use]
pub fn cash(key: &str, sum_minor: i64) -> CashDocument {
    CashDocument {
        key: key.into(),
        operator: Some(operator()),
        sum_minor,
    }
}

/// A line; `quantity_milli` thousandths at `price_minor`.
#[must_use]
pub fn line(name: &str, price_minor: i64, quantity_milli: i64) -> Line {
    Line {
        name: name.into(),
        price_minor,
        quantity_milli,
        sum_minor: (price_minor * quantity_milli + 500) / 1000,
        vat: VatRate::Vat10,
        subject: SettlementSubject::Commodity,
        method: SettlementMethod::FullPayment,
        unit: MeasureUnit::Piece,
        details: LineDetails::default(),
    }
}

/// Two lines, paid by card and in cash: 729.85.
#[must_use]
pub fn receipt(kind: ReceiptKind, key: &str) -> Receipt {
    Receipt {
        key: key.into(),
        kind,
        operator: Some(operator()),
        tax_system: TaxSystem::General,
        lines: vec![
            line("Суп дня", 35_000, 2000),
            line("Хлеб «Бородинский»", 1_990, 1500),
        ],
        tenders: vec![
            TenderSum {
                form: TenderForm::Electronic,
                sum_minor: 70_000,
            },
            TenderSum {
                form: TenderForm::Cash,
                sum_minor: 2_985,
            },
        ],
        buyer_contact: Some("guest@example.org".into()),
        print: true,
        details: ReceiptDetails::default(),
    }
}

/// A sale.
#[must_use]
pub fn sale(key: &str) -> Document {
    Document::Receipt(receipt(ReceiptKind::Sale, key))
}

/// A sale that went without a receipt two days ago.
#[must_use]
pub fn correction(key: &str) -> Document {
    Document::Correction(Correction {
        basis: CorrectionBasis {
            by: CorrectionBy::Ourselves,
            date: "2026-11-20".into(),
            number: None,
            description: Some("чек не напечатан".into()),
        },
        receipt: receipt(ReceiptKind::Sale, key),
    })
}
