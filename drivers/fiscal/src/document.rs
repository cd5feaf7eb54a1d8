//! What is asked of a printer. Data of FFD 1.2, in tag order where a tag exists; a printer with an older FFD drops
//! what its format doesn't know, and refuses what it can't drop.

use crate::{
    AgentKind, CorrectionBy, Marking, MeasureUnit, ReceiptKind, SettlementMethod,
    SettlementSubject, TaxSystem, TenderForm, VatRate,
};
use serde::{Deserialize, Serialize};

/// A document to register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "document", rename_all = "snake_case")]
pub enum Document {
    /// Opens the shift.
    ShiftOpen(ShiftDocument),
    /// Closes the shift and prints the Z report.
    ShiftClose(ShiftDocument),
    /// A receipt.
    Receipt(Receipt),
    /// A correction receipt.
    Correction(Correction),
    /// Money put into the drawer. The printer counts it; the fiscal drive keeps no document of it.
    CashIn(CashDocument),
    /// Money taken out of the drawer; likewise.
    CashOut(CashDocument),
}

impl Document {
    /// Our key of the intent; the same through any number of attempts.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::ShiftOpen(d) | Self::ShiftClose(d) => &d.key,
            Self::Receipt(r) => &r.key,
            Self::Correction(c) => &c.receipt.key,
            Self::CashIn(c) | Self::CashOut(c) => &c.key,
        }
    }

    /// The receipt, of a receipt or a correction.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Receipt(r) => Some(r),
            Self::Correction(c) => Some(&c.receipt),
            _ => None,
        }
    }
}

/// Opening or closing a shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftDocument {
    /// Our key of the intent.
    pub key: String,
    /// Who is named in the document (tags 1021 and 1203).
    #[serde(default)]
    pub operator: Option<Operator>,
}

/// Money in or out of the drawer that is no payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CashDocument {
    /// Our key of the intent.
    pub key: String,
    /// Who did it.
    #[serde(default)]
    pub operator: Option<Operator>,
    /// Minor units, above zero.
    pub sum_minor: i64,
}

/// The person a document names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Position and name, tag 1021; at most 64 characters.
    pub name: String,
    /// Tax number of the person, tag 1203.
    #[serde(default)]
    pub inn: Option<String>,
}

/// A receipt that puts right what was not registered, or registered wrongly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// On what ground, tag 1174.
    pub basis: CorrectionBasis,
    /// What it says. In FFD 1.05 only its total, tenders and taxes are registered, in 1.1 and 1.2 its lines too. Rates
    /// of VAT are those of the corrected date.
    pub receipt: Receipt,
}

/// The ground of a correction, tags 1173 and 1174.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrectionBasis {
    /// Tag 1173.
    pub by: CorrectionBy,
    /// Tag 1178: the day of the settlement that is corrected, `YYYY-MM-DD`.
    pub date: String,
    /// Tag 1179: number of the tax office's order; needed for [`CorrectionBy::Instruction`].
    #[serde(default)]
    pub number: Option<String>,
    /// Tag 1177 (FFD 1.05): what is corrected, in words.
    #[serde(default)]
    pub description: Option<String>,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Our key, stored in the fiscal drive as tag 1192 (additional requisite of the receipt; at most 16
    /// characters) and readable back.
    pub key: String,
    /// Tag 1054.
    pub kind: ReceiptKind,
    /// Tag 1021, 1203.
    #[serde(default)]
    pub operator: Option<Operator>,
    /// Tag 1055.
    pub tax_system: TaxSystem,
    /// Tag 1059; at least one.
    pub lines: Vec<Line>,
    /// How it was paid; sums up to the total, or to more where the rest is change in cash.
    pub tenders: Vec<TenderSum>,
    /// Tag 1008: e-mail or phone of the buyer, for the receipt by OFD.
    #[serde(default)]
    pub buyer_contact: Option<String>,
    /// Whether paper comes out. The document is registered either way.
    #[serde(default = "yes")]
    pub print: bool,
    /// What only some receipts have.
    #[serde(default, skip_serializing_if = "ReceiptDetails::is_empty")]
    pub details: ReceiptDetails,
}

fn yes() -> bool {
    true
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

/// What only some receipts have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptDetails {
    /// Tag 1227: name of the buyer.
    pub buyer_name: Option<String>,
    /// Tag 1228: tax number of the buyer.
    pub buyer_inn: Option<String>,
    /// Tag 1187: place of settlement, where it is not the registered one.
    pub place: Option<String>,
    /// Tag 1009: its address.
    pub address: Option<String>,
    /// Tag 1036: number of the automatic device.
    pub machine_number: Option<String>,
    /// Tag 1125: settled over the internet.
    pub internet: bool,
    /// Tag 1084: a named value of ours.
    pub user_attribute: Option<Attribute>,
    /// Tag 1261: industry attributes of the receipt.
    pub industry: Vec<Industry>,
    /// Tag 1270: operation attribute.
    pub operation: Option<Operation>,
}

impl ReceiptDetails {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A named value, tags 1085 and 1086.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// At most 64 characters.
    pub name: String,
    /// At most 256 characters.
    pub value: String,
}

/// Industry attribute, tags 1262 to 1265: the answer of the permissive check of marked goods goes here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Industry {
    /// Tag 1262: the body that asked for it, such as `030`.
    pub fois: String,
    /// Tag 1263: date of its act, `YYYY-MM-DD`.
    pub date: String,
    /// Tag 1264: number of its act.
    pub number: String,
    /// Tag 1265: the value.
    pub value: String,
}

/// Operation attribute, tags 1271 to 1273.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Tag 1271.
    pub id: u8,
    /// Tag 1272.
    pub data: String,
    /// Tag 1273: local time, `YYYY-MM-DDTHH:MM:SS`.
    pub at: String,
}

/// One line of a receipt, tag 1059.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// What only some lines have.
    #[serde(default, skip_serializing_if = "LineDetails::is_empty")]
    pub details: LineDetails,
}

/// What only some lines have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineDetails {
    /// Tag 1191: additional attribute of the line; at most 64 characters.
    pub attribute: Option<String>,
    /// Tags 1222 and on: sold for another.
    pub agent: Option<Agent>,
    /// Tags 1224 and 1226: whose goods these are.
    pub supplier: Option<Supplier>,
    /// Tag 1229: excise inside the sum, minor units.
    pub excise_minor: Option<i64>,
    /// Tag 1230: country of origin, three digits.
    pub country: Option<String>,
    /// Tag 1231: number of the customs declaration.
    pub customs_declaration: Option<String>,
    /// Tag 1260: industry attributes of the line.
    pub industry: Vec<Industry>,
    /// Tags 1163, 2000 and on: the marked unit.
    pub marking: Option<Marking>,
}

impl LineDetails {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Tag 1222 and the data that goes with it, tag 1223.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Tag 1222.
    pub kind: AgentKind,
    /// Tag 1044: what a paying agent does.
    #[serde(default)]
    pub operation: Option<String>,
    /// Tag 1073: phones of the paying agent.
    #[serde(default)]
    pub phones: Vec<String>,
}

/// Whose goods are sold, tags 1224 and 1226.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supplier {
    /// Tag 1226.
    pub inn: String,
    /// Tag 1225.
    #[serde(default)]
    pub name: Option<String>,
    /// Tag 1171.
    #[serde(default)]
    pub phones: Vec<String>,
}

/// A part of the payment, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenderSum {
    /// Which sum of the receipt it goes into.
    pub form: TenderForm,
    /// Minor units, above zero.
    pub sum_minor: i64,
}
