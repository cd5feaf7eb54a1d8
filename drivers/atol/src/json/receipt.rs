//! Receipts. [source: atol.md 3.3]

use super::{ImcParams, Kopecks, OperatorInfo, PaperItem, Thousandths, WordOrNumber};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A receipt, of any of the four kinds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptTask {
    /// Tag 1055 as a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxation_type: Option<String>,
    /// No paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electronically: Option<bool>,
    /// Go on when a slip before or behind can't be printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_non_fiscal_print_errors: Option<bool>,
    /// The driver checks all marked units itself before the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_marking_codes: Option<bool>,
    /// Who is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorInfo>,
    /// The buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_info: Option<ClientInfo>,
    /// The sender of receipts, tag 1117.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_info: Option<CompanyInfo>,
    /// Tag 1187.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payments_place: Option<String>,
    /// Tag 1009.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payments_address: Option<String>,
    /// Tag 1036.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_number: Option<String>,
    /// Tag 1125.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internet: Option<bool>,
    /// Sums of VAT of the whole receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<Tax>,
    /// Tag 1261.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "there"
    )]
    pub industry_info: Vec<IndustryInfo>,
    /// Tag 1270.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_info: Option<OperationInfo>,
    /// Details of cashless payments, tags 1234 and on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payments_add_info: Option<Value>,
    /// Parameters of the printer's own scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_parameters: Option<Value>,
    /// Legacy: 18 % instead of 20 %.
    #[serde(default, rename = "useVAT18", skip_serializing_if = "Option::is_none")]
    pub use_vat18: Option<bool>,
    /// Slips before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre_items: Vec<PaperItem>,
    /// Its lines, and what stands between them.
    pub items: Vec<Item>,
    /// How it was paid.
    pub payments: Vec<Payment>,
    /// The declared total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Kopecks>,
    /// Slips behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_items: Vec<PaperItem>,
}

/// The buyer.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientInfo {
    /// Tag 1008.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_or_phone: Option<String>,
    /// Tag 1227.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tag 1228.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vatin: Option<String>,
    /// Tag 1243.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
    /// Tag 1244.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citizenship: Option<String>,
    /// Tag 1245.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_document_code: Option<String>,
    /// Tag 1246.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_document_data: Option<String>,
    /// Tag 1254.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl std::fmt::Debug for ClientInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A person's phone and name must not reach a log.
        f.write_str("ClientInfo(…)")
    }
}

/// The sender of receipts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyInfo {
    /// Tag 1117.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A rate of VAT and its sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// Tag 1199 as a word.
    #[serde(rename = "type")]
    pub kind: String,
    /// Tag 1200; the printer computes it when it isn't given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<Kopecks>,
}

/// A list with what is there in it: tills were seen to send a `null` where a good has no such attribute.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IndustryInfo>, D::Error> {
    let list: Option<Vec<Option<IndustryInfo>>> = Option::deserialize(deserializer)?;
    Ok(list.into_iter().flatten().flatten().collect())
}

/// An industry attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IndustryInfo {
    /// Tag 1262.
    pub fois: String,
    /// Tag 1263, `YYYY.MM.DD` here.
    pub date: String,
    /// Tag 1264.
    pub number: String,
    /// Tag 1265.
    pub industry_attribute: String,
}

/// The operation attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationInfo {
    /// Tag 1271.
    pub id: u8,
    /// Tag 1272.
    pub data: String,
    /// Tag 1273, `YYYY.MM.DD HH:MM:SS`.
    pub date_time: String,
}

/// Something in a receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Item {
    /// A line.
    Position(Box<PositionItem>),
    /// Tag 1084.
    UserAttribute(AttributeItem),
    /// Tag 1192.
    AdditionalAttribute(AttributeItem),
    /// Text, a bar code, a picture, or a word that the vendor ignores: paper only.
    #[serde(other)]
    Paper,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PositionItem {
    /// Tag 1030.
    #[serde(default)]
    pub name: String,
    /// Tag 1079.
    pub price: Kopecks,
    /// Tag 1023.
    pub quantity: Thousandths,
    /// Tag 1043.
    pub amount: Kopecks,
    /// Printed only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info_discount_amount: Option<Kopecks>,
    /// Department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<u8>,
    /// Tag 2108 as a number or a word (FFD 1.2), or tag 1197 as text (FFD 1.05).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurement_unit: Option<WordOrNumber>,
    /// Piece goods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<bool>,
    /// Tag 1214 as a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// Tag 1212 as a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_object: Option<String>,
    /// Tags 1199, 1200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Tax>,
    /// Tag 1229.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excise_sum: Option<Kopecks>,
    /// Tag 1230.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// Tag 1231.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customs_declaration: Option<String>,
    /// Tag 1191.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_attribute: Option<String>,
    /// Whether tag 1191 is printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_attribute_print: Option<bool>,
    /// Tags 1222, 1223.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_info: Option<AgentInfo>,
    /// Tags 1224, 1226.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_info: Option<SupplierInfo>,
    /// Tag 1260.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "there"
    )]
    pub industry_info: Vec<IndustryInfo>,
    /// The marked unit, FFD 1.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imc_params: Option<ImcParams>,
    /// Product codes by kind, or `codes`; tag 1163.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_codes: Option<Value>,
    /// The marked unit, FFD 1.05 and 1.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marking_code: Option<Value>,
    /// Tag 1162, FFD 1.05.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nomenclature_code: Option<Value>,
}

/// A named value; an additional attribute has no name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributeItem {
    /// Tag 1085.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tag 1086 or 1192.
    pub value: String,
    /// Whether it is printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub print: Option<bool>,
}

/// For whom a line is sold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentInfo {
    /// Tag 1222 as words.
    pub agents: Vec<String>,
    /// Tags 1044, 1073.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paying_agent: Option<PayingAgent>,
    /// Tag 1074.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_payments_operator: Option<Value>,
    /// Tags 1005, 1016, 1026, 1075.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money_transfer_operator: Option<Value>,
}

/// A paying agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PayingAgent {
    /// Tag 1044.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Tag 1073.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
}

/// Whose goods are sold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SupplierInfo {
    /// Tag 1171.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// Tag 1225.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tag 1226.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vatin: Option<String>,
}

/// A part of the payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// `cash`, `electronically`, `prepaid`, `credit`, `other`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much.
    pub sum: Kopecks,
}
