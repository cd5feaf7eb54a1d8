//! The tasks, one variant a `type`.

use super::{Kopecks, ReceiptTask, Thousandths, answer::ItemInfoCheckResult};
use serde::{Deserialize, Serialize};

/// A task. [source: atol.md 3.2]
///
/// ```
/// use galley_atol::json::Task;
/// let task: Task = serde_json::from_str(r#"{"type":"cashIn","cashSum":1000.5}"#).unwrap();
/// assert_eq!(serde_json::to_string(&task).unwrap(), r#"{"type":"cashIn","cashSum":1000.5}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's own words")]
pub enum Task {
    OpenShift(ShiftTask),
    CloseShift(ShiftTask),
    ReportX(ShiftTask),
    Sell(Box<ReceiptTask>),
    SellReturn(Box<ReceiptTask>),
    Buy(Box<ReceiptTask>),
    BuyReturn(Box<ReceiptTask>),
    SellCorrection(Box<CorrectionTask>),
    SellReturnCorrection(Box<CorrectionTask>),
    BuyCorrection(Box<CorrectionTask>),
    BuyReturnCorrection(Box<CorrectionTask>),
    CashIn(CashTask),
    CashOut(CashTask),
    GetDeviceStatus,
    GetDeviceInfo,
    GetShiftStatus,
    GetShiftTotals,
    GetOverallTotals,
    GetCashDrawerStatus,
    GetRegistrationInfo,
    GetFnInfo,
    GetFnStatus,
    GetFnDocument(FnDocumentTask),
    GetLastFiscalParams,
    OfdExchangeStatus,
    NonFiscal(NonFiscalTask),
    PrintLastReceiptCopy(ShiftTask),
    ContinuePrint,
    PrintFnDocument(FnDocumentTask),
    OpenCashDrawer,
    SetDateTime(DateTimeTask),
    BeginMarkingCodeValidation(MarkingTask),
    GetMarkingCodeValidationStatus,
    AcceptMarkingCode,
    DeclineMarkingCode,
    CancelMarkingCodeValidation,
    ClearMarkingCodeValidationResult,
}

impl Task {
    /// The vendor's name of the task.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OpenShift(_) => "openShift",
            Self::CloseShift(_) => "closeShift",
            Self::ReportX(_) => "reportX",
            Self::Sell(_) => "sell",
            Self::SellReturn(_) => "sellReturn",
            Self::Buy(_) => "buy",
            Self::BuyReturn(_) => "buyReturn",
            Self::SellCorrection(_) => "sellCorrection",
            Self::SellReturnCorrection(_) => "sellReturnCorrection",
            Self::BuyCorrection(_) => "buyCorrection",
            Self::BuyReturnCorrection(_) => "buyReturnCorrection",
            Self::CashIn(_) => "cashIn",
            Self::CashOut(_) => "cashOut",
            Self::GetDeviceStatus => "getDeviceStatus",
            Self::GetDeviceInfo => "getDeviceInfo",
            Self::GetShiftStatus => "getShiftStatus",
            Self::GetShiftTotals => "getShiftTotals",
            Self::GetOverallTotals => "getOverallTotals",
            Self::GetCashDrawerStatus => "getCashDrawerStatus",
            Self::GetRegistrationInfo => "getRegistrationInfo",
            Self::GetFnInfo => "getFnInfo",
            Self::GetFnStatus => "getFnStatus",
            Self::GetFnDocument(_) => "getFnDocument",
            Self::GetLastFiscalParams => "getLastFiscalParams",
            Self::OfdExchangeStatus => "ofdExchangeStatus",
            Self::NonFiscal(_) => "nonFiscal",
            Self::PrintLastReceiptCopy(_) => "printLastReceiptCopy",
            Self::ContinuePrint => "continuePrint",
            Self::PrintFnDocument(_) => "printFnDocument",
            Self::OpenCashDrawer => "openCashDrawer",
            Self::SetDateTime(_) => "setDateTime",
            Self::BeginMarkingCodeValidation(_) => "beginMarkingCodeValidation",
            Self::GetMarkingCodeValidationStatus => "getMarkingCodeValidationStatus",
            Self::AcceptMarkingCode => "acceptMarkingCode",
            Self::DeclineMarkingCode => "declineMarkingCode",
            Self::CancelMarkingCodeValidation => "cancelMarkingCodeValidation",
            Self::ClearMarkingCodeValidationResult => "clearMarkingCodeValidationResult",
        }
    }

    /// Whether carrying it out twice would be a wrong: it registers a document or moves money.
    #[must_use]
    pub fn is_fiscal(&self) -> bool {
        matches!(
            self,
            Self::OpenShift(_)
                | Self::CloseShift(_)
                | Self::Sell(_)
                | Self::SellReturn(_)
                | Self::Buy(_)
                | Self::BuyReturn(_)
                | Self::SellCorrection(_)
                | Self::SellReturnCorrection(_)
                | Self::BuyCorrection(_)
                | Self::BuyReturnCorrection(_)
                | Self::CashIn(_)
                | Self::CashOut(_)
        )
    }
}

/// The person a document names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorInfo {
    /// Tag 1021.
    pub name: String,
    /// Tag 1203.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vatin: Option<String>,
}

/// A shift, a report, a copy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShiftTask {
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorInfo>,
    /// No paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electronically: Option<bool>,
}

/// Money in or out of the drawer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CashTask {
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorInfo>,
    /// How much.
    pub cash_sum: Kopecks,
}

/// A correction: a receipt and its ground.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CorrectionTask {
    /// Tag 1173: `self` or `instruction`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction_type: Option<String>,
    /// Tag 1178, `YYYY.MM.DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction_base_date: Option<String>,
    /// Tag 1179.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction_base_number: Option<String>,
    /// Tag 1177, FFD 1.05.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction_base_name: Option<String>,
    /// The receipt.
    #[serde(flatten)]
    pub receipt: ReceiptTask,
}

/// A document of the fiscal drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FnDocumentTask {
    /// Its number.
    pub fiscal_document_number: u32,
    /// Whether its TLV bytes are wanted too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_raw_data: Option<bool>,
}

/// The printer's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DateTimeTask {
    /// Local time, `YYYY.MM.DD HH:MM:SS`; ISO with a `T` is rejected.
    pub date_time: String,
}

/// A slip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NonFiscalTask {
    /// Its parts.
    pub items: Vec<PaperItem>,
    /// Whether the footer is printed and the paper cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print_footer: Option<bool>,
}

/// A part of a slip; also what may stand before and behind a receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum PaperItem {
    /// Text.
    Text(TextItem),
    /// A bar code, a QR code among them.
    Barcode(BarcodeItem),
    /// A picture of the printer's memory, pixels, or a word the vendor ignores.
    #[serde(other)]
    Other,
}

/// Text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TextItem {
    /// The text.
    pub text: String,
    /// `left`, `center`, `right`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alignment: Option<String>,
    /// `none`, `words`, `chars`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrap: Option<String>,
    /// The printer's font.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub font: Option<u8>,
    /// Twice as wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub double_width: Option<bool>,
    /// Twice as high.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub double_height: Option<bool>,
}

/// A bar code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BarcodeItem {
    /// What it says.
    pub barcode: String,
    /// `QR`, `EAN13`, …
    pub barcode_type: String,
    /// `left`, `center`, `right`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<String>,
    /// Dots of a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u8>,
}

/// The printer's check of a marked unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkingTask {
    /// The unit.
    pub params: ImcParams,
}

/// A marked unit, in a check and in a position. [source: atol.md 3.5]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImcParams {
    /// Base64 of the whole code with its group separators.
    pub imc: String,
    /// `auto`, or what kind of code it is: a word or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imc_type: Option<WordOrNumber>,
    /// Tag 2003 as a word or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_estimated_status: Option<WordOrNumber>,
    /// Tag 2102; 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imc_mode_processing: Option<u8>,
    /// Tag 1291 as `1/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_fractional_amount: Option<String>,
    /// How much, in a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_quantity: Option<Thousandths>,
    /// Tag 2108, in a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_units: Option<WordOrNumber>,
    /// Base64 of tag 2101.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imc_barcode: Option<String>,
    /// In a check: don't ask the state's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_send_to_server: Option<bool>,
    /// Tag 2106, in a position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_info_check_result: Option<ItemInfoCheckResult>,
}

/// Where the vendor takes a word or its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WordOrNumber {
    /// The word.
    Word(String),
    /// Its number.
    Number(u16),
}

impl From<&str> for WordOrNumber {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}
