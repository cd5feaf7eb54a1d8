//! One retail report a closed shift in the accounting system.

use serde::{Deserialize, Serialize};

/// The effect's kind.
pub const KIND: &str = "accounting.shift_report";

/// What is asked: everything that was sold, paid and returned in one shift of one till.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Our store id.
    pub store_id: String,
    /// Registration number of the till (tag 1037).
    pub registration_number: String,
    /// Number of the shift (tag 1038).
    pub shift_number: u32,
    /// Local date and time of the Z report, `YYYY-MM-DDTHH:MM:SS`.
    pub closed_local: String,
    /// What was sold.
    pub sales: Vec<ReportLine>,
    /// How it was paid, all tenders.
    pub payments: Vec<TenderTotal>,
    /// What was returned.
    pub returns: Vec<ReportLine>,
    /// How it was given back, all tenders.
    pub return_payments: Vec<TenderTotal>,
}

/// A dish at a price, summed up over the shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLine {
    /// Our id of the dish; mapped to the accounting system's item by configuration.
    pub dish_id: String,
    /// Name in the store's language, for people.
    pub name: String,
    /// Thousandths of the unit.
    pub quantity_milli: i64,
    /// Price of one unit, minor units.
    pub price_minor: i64,
    /// Minor units.
    pub sum_minor: i64,
    /// VAT rate: `none`, `vat0`, `vat5`, `vat7`, `vat10`, `vat20` or `vat22`.
    pub vat: String,
    /// Local date (`YYYY-MM-DD`) of the sale that is returned; only in returns, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_on: Option<String>,
    /// Fiscal receipt of the sale that is returned; only in returns, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_by_receipt: Option<String>,
}

/// A sum by tender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenderTotal {
    /// The tender's word: `cash`, `card_terminal`, `sbp_qr` …
    pub tender: String,
    /// Minor units.
    pub sum_minor: i64,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The document's key there (UUID v5 of our key).
    pub ref_key: String,
    /// The number it got there.
    pub number: String,
    /// Its total there, minor units.
    pub total_minor: i64,
}
