//! What is asked of a printer, and what the fiscal drive says was registered. Data of FFD 1.2, in tag order
//! where a tag exists; a printer with an older FFD drops what its format doesn't know.

use serde::{Deserialize, Serialize};

/// A fiscal document to register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "document", rename_all = "snake_case")]
pub enum Document {
    /// Opens the shift.
    ShiftOpen(ShiftDocument),
    /// Closes the shift and prints the Z report.
    ShiftClose(ShiftDocument),
    /// A receipt.
    Receipt(Receipt),
}

impl Document {
    /// Our key of the intent; the same through any number of attempts.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::ShiftOpen(d) | Self::ShiftClose(d) => &d.key,
            Self::Receipt(r) => &r.key,
        }
    }
}

/// Opening or closing a shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftDocument {
    /// Our key of the intent.
    pub key: String,
    /// Who is named in the document (tags 1021 and 1203).
    pub operator: Option<Operator>,
}

/// The person a document names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Position and name, tag 1021; at most 64 characters.
    pub name: String,
    /// Tax number of the person, tag 1203.
    pub inn: Option<String>,
}

/// The settlement sign, tag 1054.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// Приход: money in for goods (1).
    Sale,
    /// Возврат прихода: money back (2).
    SaleReturn,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Our key, stored in the fiscal drive as tag 1192 (additional requisite of the receipt; at most 16
    /// characters) and readable back.
    pub key: String,
    /// Tag 1054.
    pub kind: ReceiptKind,
    /// Tag 1021, 1203.
    pub operator: Option<Operator>,
    /// Tag 1055.
    pub tax_system: TaxSystem,
    /// Tag 1059; at least one.
    pub lines: Vec<Line>,
    /// How it was paid; sums up to the total.
    pub tenders: Vec<TenderSum>,
    /// Tag 1008: e-mail or phone of the buyer, for the receipt by OFD.
    pub buyer_contact: Option<String>,
    /// Whether paper comes out. The document is registered either way.
    pub print: bool,
}

impl Receipt {
    /// Sum of the lines in minor units; `None` when it does not fit.
    #[must_use]
    pub fn total_minor(&self) -> Option<i64> {
        self.lines
            .iter()
            .try_fold(0i64, |sum, l| sum.checked_add(l.sum_minor))
    }
}

/// One line of a receipt, tag 1059.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Tag 1030; at most 128 characters.
    pub name: String,
    /// Tag 1079: price of one unit in minor units, after discounts.
    pub price_minor: i64,
    /// Tag 1023 in thousandths of the unit.
    pub quantity_milli: i64,
    /// Tag 1043: `price * quantity`, rounded half up.
    pub sum_minor: i64,
    /// Tag 1199.
    pub vat: VatRate,
    /// Tag 1212.
    pub subject: SettlementSubject,
    /// Tag 1214.
    pub method: SettlementMethod,
    /// Tag 2108.
    pub unit: MeasureUnit,
}

/// VAT rate, tag 1199. [source: atol.md 6.6]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VatRate {
    /// 20 %, in force until the end of 2025.
    Vat20,
    /// 10 %.
    Vat10,
    /// 20/120.
    Vat120,
    /// 10/110.
    Vat110,
    /// 0 %.
    Vat0,
    /// Without VAT.
    None,
    /// 5 %.
    Vat5,
    /// 7 %.
    Vat7,
    /// 5/105.
    Vat105,
    /// 7/107.
    Vat107,
    /// 22 %, in force from 2026.
    Vat22,
    /// 22/122.
    Vat122,
}

impl VatRate {
    /// The value of tag 1199.
    #[must_use]
    pub fn tag_1199(self) -> u8 {
        match self {
            Self::Vat20 => 1,
            Self::Vat10 => 2,
            Self::Vat120 => 3,
            Self::Vat110 => 4,
            Self::Vat0 => 5,
            Self::None => 6,
            Self::Vat5 => 7,
            Self::Vat7 => 8,
            Self::Vat105 => 9,
            Self::Vat107 => 10,
            Self::Vat22 => 11,
            Self::Vat122 => 12,
        }
    }

    /// The percentage inside the sum, where the rate has one.
    #[must_use]
    pub fn percent(self) -> Option<u8> {
        match self {
            Self::Vat20 | Self::Vat120 => Some(20),
            Self::Vat10 | Self::Vat110 => Some(10),
            Self::Vat0 => Some(0),
            Self::None => None,
            Self::Vat5 | Self::Vat105 => Some(5),
            Self::Vat7 | Self::Vat107 => Some(7),
            Self::Vat22 | Self::Vat122 => Some(22),
        }
    }
}

/// Tax system (СНО), tag 1055: a bit of the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxSystem {
    /// ОСН, bit 0.
    General,
    /// УСН доход, bit 1.
    SimplifiedIncome,
    /// УСН доход минус расход, bit 2.
    SimplifiedIncomeMinusExpense,
    /// ЕСХН, bit 4.
    Agricultural,
    /// Патент, bit 5.
    Patent,
}

impl TaxSystem {
    /// The value of tag 1055.
    #[must_use]
    pub fn tag_1055(self) -> u8 {
        match self {
            Self::General => 1,
            Self::SimplifiedIncome => 2,
            Self::SimplifiedIncomeMinusExpense => 4,
            Self::Agricultural => 16,
            Self::Patent => 32,
        }
    }
}

/// Settlement subject (признак предмета расчёта), tag 1212.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementSubject {
    /// Товар (1).
    Commodity,
    /// Услуга (4).
    Service,
}

impl SettlementSubject {
    /// The value of tag 1212.
    #[must_use]
    pub fn tag_1212(self) -> u8 {
        match self {
            Self::Commodity => 1,
            Self::Service => 4,
        }
    }
}

/// Settlement method (признак способа расчёта), tag 1214.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementMethod {
    /// Предоплата 100 % (1).
    FullPrepayment,
    /// Полный расчёт (4).
    FullPayment,
}

impl SettlementMethod {
    /// The value of tag 1214.
    #[must_use]
    pub fn tag_1214(self) -> u8 {
        match self {
            Self::FullPrepayment => 1,
            Self::FullPayment => 4,
        }
    }
}

/// Unit of the quantity, tag 2108.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureUnit {
    /// Piece (0).
    Piece,
    /// Gram (10).
    Gram,
    /// Kilogram (11).
    Kilogram,
    /// Litre (41).
    Litre,
}

impl MeasureUnit {
    /// The value of tag 2108.
    #[must_use]
    pub fn tag_2108(self) -> u8 {
        match self {
            Self::Piece => 0,
            Self::Gram => 10,
            Self::Kilogram => 11,
            Self::Litre => 41,
        }
    }
}

/// A part of the payment, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenderSum {
    /// Which sum of the receipt it goes into.
    pub form: TenderForm,
    /// Minor units, above zero.
    pub sum_minor: i64,
}

/// The receipt's own sums by form of payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenderForm {
    /// Tag 1031.
    Cash,
    /// Tag 1081: card, SBP, wallets.
    Electronic,
    /// Tag 1215.
    Advance,
    /// Tag 1216.
    Credit,
    /// Tag 1217.
    Other,
}

/// A document as the fiscal drive keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiscalRecord {
    /// What it is.
    pub kind: RecordKind,
    /// Fiscal document number (FD), tag 1040.
    pub document_number: u32,
    /// Fiscal sign (FPD), tag 1077.
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
            RecordKind::Receipt(ReceiptKind::Sale) => 1,
            RecordKind::Receipt(ReceiptKind::SaleReturn) => 2,
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
    /// Anything else, by the number of its form.
    Other(u8),
}
