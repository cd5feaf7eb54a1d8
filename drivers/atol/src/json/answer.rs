//! What the vendor's driver and web server answer. [source: atol.md 3.7; names of totals, documents and marking also
//! seen in the vendor's own scripts] Fields that only some versions send are optional or have defaults.

use super::{Kopecks, WordOrNumber};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a registered document answers. Shift documents lack the receipt's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FiscalParams {
    /// ISO 8601 with a zone.
    pub fiscal_document_date_time: String,
    /// Tag 1040.
    pub fiscal_document_number: u32,
    /// Tag 1077: a decimal number as text.
    pub fiscal_document_sign: String,
    /// Tag 1042.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_receipt_number: Option<u32>,
    /// Tag 1041.
    pub fn_number: String,
    /// Tag 1060.
    pub fns_url: String,
    /// Tag 1037.
    pub registration_number: String,
    /// Tag 1038.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift_number: Option<u32>,
    /// Tag 1118.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts_count: Option<u32>,
    /// Tag 1020.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Kopecks>,
}

/// Answer of a registering task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Registered {
    /// The document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_params: Option<FiscalParams>,
    /// What went wrong beside.
    #[serde(deserialize_with = "lenient")]
    pub warnings: Warnings,
}

/// What went wrong beside a success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Warnings {
    /// The document is fiscal, its paper isn't finished.
    #[serde(skip_serializing_if = "is_false")]
    pub not_printed: bool,
    /// The printer isn't registered: this was no fiscal document.
    #[serde(skip_serializing_if = "is_false")]
    pub non_fiscal: bool,
    /// The driver found it by itself after a lost link.
    #[serde(skip_serializing_if = "is_false")]
    pub recovered: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(v: &bool) -> bool {
    !v
}

/// `null` and arrays are seen where an object is expected (3.7): that is no warning.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Warnings, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(match value {
        Value::Object(flags) => Warnings {
            not_printed: flags.get("notPrinted") == Some(&Value::Bool(true)),
            non_fiscal: flags.get("nonFiscal") == Some(&Value::Bool(true)),
            recovered: flags.get("recovered") == Some(&Value::Bool(true)),
        },
        Value::Array(items) => Warnings {
            not_printed: items.iter().any(|i| i == "notPrinted"),
            non_fiscal: items.iter().any(|i| i == "nonFiscal"),
            recovered: false,
        },
        _ => Warnings::default(),
    })
}

macro_rules! wrapped {
    ($($(#[$meta:meta])* $name:ident { $field:ident: $type:ty })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(rename_all = "camelCase")]
            pub struct $name {
                /// What was asked for.
                pub $field: $type,
            }
        )+
    };
}

wrapped! {
    /// Answer of `getShiftStatus`.
    ShiftStatusAnswer { shift_status: ShiftStatus }
    /// Answer of `getDeviceStatus`.
    DeviceStatusAnswer { device_status: DeviceStatus }
    /// Answer of `getDeviceInfo`.
    DeviceInfoAnswer { device_info: DeviceInfo }
    /// Answer of `getFnInfo`.
    FnInfoAnswer { fn_info: FnInfo }
    /// Answer of `getFnStatus`.
    FnStatusAnswer { fn_status: FnStatus }
    /// Answer of `getShiftTotals`.
    ShiftTotalsAnswer { shift_totals: Totals }
    /// Answer of `getOverallTotals`.
    OverallTotalsAnswer { overall_totals: Totals }
    /// Answer of `cashIn` and `cashOut`.
    CountersAnswer { counters: Counters }
}

/// The shift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ShiftStatus {
    /// When it ends.
    pub expired_time: String,
    /// Number of the open or last shift.
    pub number: u32,
    /// `closed`, `opened`, `expired`.
    pub state: String,
    /// How many documents it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents_count: Option<u32>,
}

/// The device's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct DeviceStatus {
    pub blocked: bool,
    pub cash_drawer_opened: bool,
    pub cover_opened: bool,
    pub current_date_time: String,
    pub fiscal: bool,
    pub fn_fiscal: bool,
    pub fn_present: bool,
    pub paper_present: bool,
    /// `closed`, `opened`, `expired`.
    pub shift: String,
}

/// Who the device is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct DeviceInfo {
    pub configuration_version: String,
    pub ffd_version: String,
    pub firmware_version: String,
    pub fn_ffd_version: String,
    pub model: u16,
    pub model_name: String,
    pub receipt_line_length: u16,
    pub receipt_line_length_pix: u16,
    pub serial: String,
}

/// The fiscal drive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct FnInfo {
    pub ffd_version: String,
    pub fn_ffd_version: String,
    /// `init`, `configured`, `fiscalMode`, `postFiscalMode`, `accessArchive`.
    pub live_phase: String,
    pub number_of_registrations: u8,
    pub registrations_remaining: u8,
    pub serial: String,
    pub validity_date: String,
    pub warnings: FnWarnings,
}

/// What ails the fiscal drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct FnWarnings {
    pub critical_error: bool,
    pub memory_overflow: bool,
    pub need_replacement: bool,
    pub ofd_timeout: bool,
    pub resource_exhausted: bool,
}

/// The drive's counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FnStatus {
    /// Number of the last document. No default: evidence hangs on it.
    pub fiscal_document_number: u32,
    /// Number of the last receipt in the shift.
    #[serde(default)]
    pub fiscal_receipt_number: u32,
    /// What ails it.
    #[serde(default)]
    pub warnings: FnWarnings,
}

/// Answer of `getFnDocument`: tags by number, `fiscalDocumentType`, `short`, `qr`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FnDocumentAnswer {
    /// The tags.
    #[serde(rename = "documentTLV")]
    pub document_tlv: Map<String, Value>,
    /// Base64 of its TLV bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_data: Option<String>,
}

/// Sums of a shift or of the printer's life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Totals {
    /// Number of the shift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift_number: Option<u32>,
    /// By kind of receipt, under the name of its task.
    pub receipts: BTreeMap<String, ReceiptTotals>,
    /// Money put in.
    pub income: Movement,
    /// Money taken out.
    pub outcome: Movement,
    /// Money in the drawer.
    pub cash_drawer: Movement,
}

/// Sums of one kind of receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceiptTotals {
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Their sum.
    pub sum: Kopecks,
    /// By form of payment.
    pub payments: BTreeMap<String, Kopecks>,
}

/// How often money was moved, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Movement {
    /// How often; absent of the drawer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How much; absent where the printer doesn't count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<Kopecks>,
}

/// The drawer's counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counters {
    /// Money in the drawer.
    pub cash_sum: Kopecks,
}

/// Answer of `getCashDrawerStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CashDrawerAnswer {
    /// Open or not.
    pub cash_drawer_status: CashDrawerStatus,
    /// Its counter.
    pub counters: Counters,
}

/// Open or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CashDrawerStatus {
    /// It is open.
    pub cash_drawer_opened: bool,
}

/// Answer of `ofdExchangeStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OfdAnswer {
    /// Last errors.
    pub errors: Value,
    /// What waits.
    pub status: OfdStatus,
}

/// What waits for the OFD.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OfdStatus {
    /// How many documents.
    pub not_sent_count: u32,
    /// Time of the first.
    pub not_sent_first_doc_date_time: String,
    /// Number of the first.
    pub not_sent_first_doc_number: u32,
}

/// Answer of `getRegistrationInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistrationAnswer {
    /// The device as registered.
    pub device: RegisteredDevice,
    /// The OFD.
    pub ofd: RegisteredOfd,
    /// The owner.
    pub organization: RegisteredOrganization,
}

/// The device as registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct RegisteredDevice {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_mode: Option<bool>,
    pub ffd_version: String,
    pub fns_url: String,
    pub machine_number: String,
    pub payments_address: String,
    pub registration_number: String,
    pub offline_mode: bool,
}

/// The OFD.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct RegisteredOfd {
    pub name: String,
    pub vatin: String,
}

/// The owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct RegisteredOrganization {
    pub address: String,
    pub email: String,
    pub name: String,
    pub taxation_types: Vec<String>,
    pub vatin: String,
}

/// The result of the check of a marked unit, bits of tag 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct ItemInfoCheckResult {
    pub imc_check_flag: bool,
    pub imc_check_result: bool,
    pub imc_status_info: bool,
    pub imc_estimated_status_correct: bool,
    pub ecr_stand_alone_flag: bool,
}

impl From<galley_fiscal::MarkingCheck> for ItemInfoCheckResult {
    fn from(c: galley_fiscal::MarkingCheck) -> Self {
        Self {
            imc_check_flag: c.checked,
            imc_check_result: c.right,
            imc_status_info: c.status_known,
            imc_estimated_status_correct: c.status_right,
            ecr_stand_alone_flag: c.stand_alone,
        }
    }
}

impl From<ItemInfoCheckResult> for galley_fiscal::MarkingCheck {
    fn from(r: ItemInfoCheckResult) -> Self {
        Self {
            checked: r.imc_check_flag,
            right: r.imc_check_result,
            status_known: r.imc_status_info,
            status_right: r.imc_estimated_status_correct,
            stand_alone: r.ecr_stand_alone_flag,
        }
    }
}

/// Answer of `beginMarkingCodeValidation`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MarkingBegun {
    /// What the drive itself says.
    pub offline_validation: OfflineValidation,
}

/// What the drive itself says of a marked unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the vendor's own words")]
pub struct OfflineValidation {
    pub fm_check: bool,
    pub fm_check_result: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fm_check_error_reason: Option<String>,
}

/// Answer of `getMarkingCodeValidationStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MarkingStatusAnswer {
    /// The check is over.
    pub ready: bool,
    /// What went wrong, code 0 when nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_error: Option<DriverError>,
    /// The state's server was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_imc_request: Option<bool>,
    /// What it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online_validation: Option<OnlineValidation>,
}

/// What the state's server said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OnlineValidation {
    /// Tag 2106.
    pub item_info_check_result: ItemInfoCheckResult,
    /// Tag 2100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imc_type: Option<WordOrNumber>,
}

/// Answer of `acceptMarkingCode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarkingAccepted {
    /// Tag 2106.
    pub item_info_check_result: ItemInfoCheckResult,
}

/// An error of the driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriverError {
    /// 0 is none; table in [`super::code`].
    pub code: u16,
    /// In Russian, as the driver says it.
    pub description: String,
}
