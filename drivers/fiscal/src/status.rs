//! Who a printer is and how it does.

use crate::{ReceiptKind, TaxSystem, TenderForm, VatRate};
use serde::{Deserialize, Serialize};

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrinterInfo {
    /// Name of the model, as the driver knows it.
    pub model: String,
    /// Serial number of the printer.
    pub serial: String,
    /// Firmware, as the device writes it.
    pub firmware: String,
    /// Which back end talks to it, such as `atol_native`.
    pub backend: String,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// What a printer can do. Asked for instead of its make or its country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Version of the fiscal data format it registers.
    pub ffd: Ffd,
    /// Rates of VAT it knows.
    pub vat: Vec<VatRate>,
    /// Characters in a line of its paper.
    pub columns: u8,
    /// It can cut.
    pub cutter: bool,
    /// A cash drawer can be opened through it.
    pub drawer: bool,
    /// It can check and register marked goods.
    pub marking: bool,
}

/// Version of the fiscal data format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ffd {
    /// 1.05.
    #[default]
    #[serde(rename = "1.05")]
    V105,
    /// 1.1.
    #[serde(rename = "1.1")]
    V11,
    /// 1.2.
    #[serde(rename = "1.2")]
    V12,
}

/// How it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrinterStatus {
    /// Serial number of the fiscal drive; empty when none is in.
    pub drive_number: String,
    /// Number of the last fiscal document.
    pub last_document: u32,
    /// The shift.
    pub shift: ShiftState,
    /// Number of the current or last shift.
    pub shift_number: u32,
    /// Paper is in.
    pub paper: bool,
    /// The cover is closed.
    pub cover_closed: bool,
    /// A receipt is open in the printer.
    pub receipt_open: bool,
    /// The printer's own clock, local time `YYYY-MM-DDTHH:MM:SS`.
    pub local_time: String,
    /// Documents that wait for the OFD, where the printer says it.
    pub unsent_documents: Option<u32>,
    /// Date of the oldest of them, `YYYY-MM-DD`.
    pub oldest_unsent: Option<String>,
    /// Last day of the fiscal drive, `YYYY-MM-DD`, where the printer says it.
    pub drive_valid_until: Option<String>,
}

/// The shift, as the printer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShiftState {
    /// Closed.
    Closed,
    /// Open.
    Open,
    /// Open for more than 24 hours: it can only be closed.
    Expired,
}

/// What the printer has counted of its drawer in the shift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashCounters {
    /// How often money was put in.
    pub ins: u32,
    /// Sum of it, minor units.
    pub in_minor: i64,
    /// How often money was taken out.
    pub outs: u32,
    /// Sum of it, minor units.
    pub out_minor: i64,
    /// Cash in the drawer, minor units.
    pub drawer_minor: i64,
}

/// What the printer has summed up in a shift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftTotals {
    /// Its number.
    pub shift_number: u32,
    /// Receipts by kind; those that are zero may be left out.
    pub receipts: Vec<KindTotal>,
    /// Whether correction receipts are counted among them: makes differ.
    #[serde(default)]
    pub with_corrections: bool,
    /// The drawer.
    pub cash: CashCounters,
}

impl ShiftTotals {
    /// The sums of one kind; zero when there were none.
    #[must_use]
    pub fn of(&self, kind: ReceiptKind) -> KindTotal {
        self.receipts
            .iter()
            .find(|r| r.kind == kind)
            .cloned()
            .unwrap_or(KindTotal {
                kind,
                count: 0,
                sum_minor: 0,
                tenders: Vec::new(),
            })
    }
}

/// Receipts of one kind in a shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTotal {
    /// Which.
    pub kind: ReceiptKind,
    /// How many.
    pub count: u32,
    /// Their sum, minor units.
    pub sum_minor: i64,
    /// By form of payment, minor units.
    pub tenders: Vec<(TenderForm, i64)>,
}

/// How the printer is registered with the tax office.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Tag 1037.
    pub registration_number: String,
    /// Tag 1018: tax number of the organisation.
    pub inn: String,
    /// Tag 1048: its name, where the printer says it.
    pub organisation: Option<String>,
    /// Tag 1009: address of settlement.
    pub address: Option<String>,
    /// Tag 1062: tax systems it may use.
    pub tax_systems: Vec<TaxSystem>,
    /// Tag 1046: name of the OFD.
    pub ofd: Option<String>,
    /// Tag 1001: an automatic device, so no cashier is named.
    pub automatic: Option<bool>,
}

/// The fiscal drive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveInfo {
    /// Its serial number.
    pub number: String,
    /// Its last day, `YYYY-MM-DD`.
    pub valid_until: Option<String>,
    /// How often it can be registered again.
    pub registrations_left: Option<u8>,
    /// It must be replaced within 3 days.
    pub replace_urgently: bool,
    /// Its resource ends within 30 days.
    pub resource_ends: bool,
    /// Its memory is nearly full.
    pub memory_nearly_full: bool,
    /// The OFD has not answered for too long.
    pub ofd_overdue: bool,
    /// It is broken.
    pub critical: bool,
    /// Documents that wait for the OFD.
    pub unsent_documents: u32,
    /// Number of the oldest of them.
    pub first_unsent: Option<u32>,
    /// Its local time, `YYYY-MM-DDTHH:MM`.
    pub first_unsent_at: Option<String>,
}

/// A field of a printer's own tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCell {
    /// Table.
    pub table: u8,
    /// Row.
    pub row: u16,
    /// Field.
    pub field: u8,
}
