//! The trait a printer's driver keeps.

use crate::{
    CashCounters, Document, DriveInfo, FiscalError, FiscalRecord, Marking, MarkingCheck,
    PrinterInfo, PrinterStatus, Registration, ShiftTotals, SlipPrinter, TableCell,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Opens printers of one make. Apart from the device, so that a device always stands for a live session.
#[async_trait]
pub trait PrinterFactory: Send + Sync {
    /// Connects, finds out who answers, and refuses what this back end can't serve with
    /// [`FiscalError::Unsupported`]. Called at start and again after every lost link.
    async fn open(&self) -> Result<Box<dyn FiscalPrinter>, FiscalError>;
}

/// The counters before an attempt: what recovery compares with. Stored durably before the first byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Serial number of the fiscal drive, 16 digits.
    pub drive_number: String,
    /// Number of the last fiscal document.
    pub last_document: u32,
    /// Number of the current or last shift.
    pub shift_number: u32,
    /// Whether the shift was open.
    pub shift_open: bool,
    /// What the printer has counted of its drawer, where it says it: the evidence of money put in or taken out.
    #[serde(default)]
    pub cash: Option<CashCounters>,
}

/// What evidence says about an attempt in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "recovered", rename_all = "snake_case")]
pub enum Recovered {
    /// The document exists; here it is.
    Registered(FiscalRecord),
    /// It does not exist and can't come into being any more: it may be performed again.
    NotRegistered,
}

/// A printer with a live session. One call at a time (`&mut self`).
///
/// A driver never repeats a request that may have been carried out, never invents a key, and never waits
/// without a limit. After [`FiscalError::Unreachable`] or [`FiscalError::Unknown`] the caller drops the
/// device and opens a new one.
#[async_trait]
pub trait FiscalPrinter: SlipPrinter {
    /// Who answered when the session was opened.
    fn info(&self) -> &PrinterInfo;

    /// Paper, cover, shift, drive, clock. Reads only.
    async fn status(&mut self) -> Result<PrinterStatus, FiscalError>;

    /// Reads the counters. Called before every [`FiscalPrinter::register`]; the caller stores the answer first.
    async fn baseline(&mut self) -> Result<Baseline, FiscalError>;

    /// Registers a document. `Ok` means that the drive gave it a number; the paper may still be missing
    /// ([`FiscalRecord::printed`]).
    async fn register(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<FiscalRecord, FiscalError>;

    /// Finds out, by evidence, what became of an attempt that ended without an answer (section 7 of the
    /// vendor-independent rules: counters, then the documents behind them). Cancels a receipt that was left
    /// open. `Err(Unreachable)` and `Err(Unknown)` mean: ask again later.
    async fn recover(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Recovered, FiscalError>;

    /// The last document of the drive, if it has any.
    async fn last_document(&mut self) -> Result<Option<FiscalRecord>, FiscalError>;

    /// A document by its number; `None` when the drive has no such document.
    async fn document(&mut self, number: u32) -> Result<Option<FiscalRecord>, FiscalError>;

    /// All that the drive keeps of a document, as its TLVs; `None` when it keeps them no more, or never did.
    async fn document_tlvs(&mut self, number: u32) -> Result<Option<Vec<u8>>, FiscalError> {
        let _ = number;
        Err(FiscalError::Unsupported(
            "this printer does not give its documents away".to_owned(),
        ))
    }

    /// Prints the X report. Not a fiscal document; a repeat costs paper only.
    async fn x_report(&mut self) -> Result<(), FiscalError>;

    /// Goes on printing after paper was put in.
    async fn continue_print(&mut self) -> Result<(), FiscalError>;

    /// Prints a copy of the last document. Paper only.
    async fn copy_last(&mut self) -> Result<(), FiscalError>;

    /// What the printer has summed up in the open shift, or in the last one: what the Z report says.
    async fn totals(&mut self) -> Result<ShiftTotals, FiscalError>;

    /// How the printer is registered with the tax office.
    async fn registration(&mut self) -> Result<Registration, FiscalError>;

    /// The fiscal drive: how long it lasts, how full it is, what waits for the OFD.
    async fn drive(&mut self) -> Result<DriveInfo, FiscalError>;

    /// Sets the printer's clock; local time, `YYYY-MM-DDTHH:MM:SS`. Printers take it with a closed shift only.
    async fn set_clock(&mut self, local_time: &str) -> Result<(), FiscalError>;

    /// Reads a field of the printer's own tables, as its manual numbers them.
    async fn read_table(&mut self, cell: TableCell) -> Result<Vec<u8>, FiscalError>;

    /// Writes a field of the printer's own tables.
    async fn write_table(&mut self, cell: TableCell, value: &[u8]) -> Result<(), FiscalError>;

    /// Has the printer check a marked unit before it is sold, and keep the result for the receipt that follows.
    async fn check_marking(&mut self, marking: &Marking) -> Result<MarkingCheck, FiscalError>;

    /// The same in two steps, for tills that look at the result before they decide: has the unit checked, and leaves
    /// open whether it is sold. None: the printer tells its own result at the end only, because the state's server did
    /// not answer. A printer that checks again within the receipt needs no more than this default.
    async fn begin_marking(
        &mut self,
        marking: &Marking,
    ) -> Result<Option<MarkingCheck>, FiscalError> {
        self.check_marking(marking).await.map(Some)
    }

    /// Says whether the unit of [`FiscalPrinter::begin_marking`] is to be sold. None: what that call told stands.
    async fn settle_marking(&mut self, _accept: bool) -> Result<Option<MarkingCheck>, FiscalError> {
        Ok(None)
    }

    /// Forgets the checks whose receipt does not come.
    async fn forget_markings(&mut self) -> Result<(), FiscalError> {
        Ok(())
    }

    /// Prints a document of the drive, by its number. Paper only.
    async fn print_document(&mut self, _number: u32) -> Result<(), FiscalError> {
        Err(FiscalError::Unsupported(
            "this printer can't print a document by its number".to_owned(),
        ))
    }
}
