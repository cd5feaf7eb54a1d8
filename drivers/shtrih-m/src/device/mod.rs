//! A printer with a live session.
//!
//! `calls` runs single commands, `reads` puts questions together from them, `plan` and `tags` lay a document out,
//! `acts` registers, `recover` finds out, `slips`, `totals` and `service` do the rest.

mod acts;
mod calls;
mod evidence;
mod plan;
mod reads;
mod recover;
mod service;
mod slips;
mod tags;
mod totals;

use crate::{
    command::{Command, op},
    config::ShtrihConfig,
    drive,
    error_table::{self, CONFIRM_DATE},
    local_time::LocalDateTime,
    session::Session,
    status::{self, ModelParameters, mode, submode},
};
use async_trait::async_trait;
use calls::CallError;
use galley_fiscal::{
    Baseline, Capabilities, Document, DriveInfo, Ffd, FiscalError, FiscalPrinter, FiscalRecord,
    Marking, MarkingCheck, PrinterInfo, PrinterStatus, Recovered, Registration, ShiftState,
    ShiftTotals, Slip, SlipPrinter, TableCell,
};
use std::sync::Arc;

/// Table with the regional settings; its field 17 is the FFD version (4.7).
const REGIONAL: u8 = 17;
const FFD_FIELD: u8 = 17;

/// A Shtrih-M printer.
pub(crate) struct ShtrihPrinter {
    session: Session,
    config: Arc<ShtrihConfig>,
    info: PrinterInfo,
    model: ModelParameters,
    columns: usize,
    /// Tag 1037, once it was read.
    registration: Option<String>,
    /// Whether the field that keeps documents off the paper may still be set.
    paper_off: bool,
}

impl ShtrihPrinter {
    /// Asks who is there.
    pub(crate) async fn greet(
        session: Session,
        config: Arc<ShtrihConfig>,
    ) -> Result<Self, FiscalError> {
        let mut printer = Self {
            session,
            config,
            info: PrinterInfo {
                model: String::new(),
                serial: String::new(),
                firmware: String::new(),
                backend: "shtrih_m".to_owned(),
                capabilities: Capabilities::default(),
            },
            model: ModelParameters::default(),
            columns: 0,
            registration: None,
            paper_off: true,
        };
        let device = printer.ask(&Command::bare(op::DEVICE_TYPE)).await?;
        let device = status::device_type(&device).ok_or(CallError::Malformed("device type"))?;
        if device.kind != 0 {
            return Err(FiscalError::Unsupported(format!(
                "{} is no fiscal printer (device type {})",
                device.name, device.kind
            )));
        }
        printer.model = printer.parameters().await?;
        if printer.model.wide_errors() {
            return Err(FiscalError::Unsupported(
                "this firmware has error codes of four bytes, which this driver does not speak"
                    .to_owned(),
            ));
        }
        let full = printer.status_of_printer().await?;
        let ffd = match printer.config.ffd {
            Some(ffd) => ffd,
            None => printer.read_ffd().await?,
        };
        let columns = printer
            .config
            .columns
            .or_else(|| status::columns(device.model))
            .unwrap_or(36);
        printer.columns = usize::from(columns);
        printer.info.model = if device.name.is_empty() {
            format!("SHTRIH-M model {}", device.model)
        } else {
            device.name
        };
        printer.info.firmware = full.firmware;
        printer.info.serial = full.serial.map_or_else(String::new, |n| format!("{n:08}"));
        printer.info.capabilities = Capabilities {
            ffd,
            vat: printer.config.vat_codes.keys().copied().collect(),
            columns,
            cutter: printer.model.cutter(),
            drawer: true,
            marking: ffd >= Ffd::V12,
        };
        Ok(printer)
    }

    /// Model parameters; firmware that doesn't know the question has none of the features they tell.
    async fn parameters(&mut self) -> Result<ModelParameters, CallError> {
        match self.ask(&Command::bare(op::EXTENDED).bytes(&[1])).await {
            Ok(data) => Ok(status::model_parameters(&data).unwrap_or_default()),
            Err(CallError::Device(_)) => Ok(ModelParameters::default()),
            Err(e) => Err(e),
        }
    }

    /// Version of the fiscal data format. 4 is FFD 1.2 (4.7); 2 and 3 are \[memory\]. A printer that doesn't say
    /// it is taken for FFD 1.2, which every drive sold now has. \[inferred\]
    async fn read_ffd(&mut self) -> Result<Ffd, CallError> {
        let (table, field) = self.model.ffd_field.unwrap_or((REGIONAL, FFD_FIELD));
        let cell = TableCell {
            table,
            row: 1,
            field,
        };
        match self.table(cell).await {
            Ok(value) => Ok(match value.first() {
                Some(0..=2) => Ffd::V105,
                Some(3) => Ffd::V11,
                _ => Ffd::V12,
            }),
            Err(CallError::Device(_)) => Ok(Ffd::V12),
            Err(e) => Err(e),
        }
    }

    pub(super) fn ffd(&self) -> Ffd {
        self.info.capabilities.ffd
    }

    async fn table(&mut self, cell: TableCell) -> Result<Vec<u8>, CallError> {
        let command = self.admin(op::READ_TABLE).bytes(&[cell.table]);
        let command = command.bytes(&cell.row.to_le_bytes()).bytes(&[cell.field]);
        self.ask(&command).await
    }

    async fn set_table(&mut self, cell: TableCell, value: &[u8]) -> Result<(), CallError> {
        let command = self.admin(op::WRITE_TABLE).bytes(&[cell.table]);
        let command = command.bytes(&cell.row.to_le_bytes()).bytes(&[cell.field]);
        self.ask(&command.bytes(value)).await.map(|_| ())
    }
}

#[async_trait]
impl SlipPrinter for ShtrihPrinter {
    fn columns(&self) -> usize {
        self.columns
    }

    async fn slip(&mut self, slip: &Slip) -> Result<(), FiscalError> {
        self.print_slip(slip).await
    }

    async fn open_drawer(&mut self) -> Result<(), FiscalError> {
        let command = self.operator(op::DRAWER).bytes(&[0]);
        self.ask(&command).await?;
        Ok(())
    }
}

#[async_trait]
impl FiscalPrinter for ShtrihPrinter {
    fn info(&self) -> &PrinterInfo {
        &self.info
    }

    async fn status(&mut self) -> Result<PrinterStatus, FiscalError> {
        let full = self.status_of_printer().await?;
        let drive = self.drive_status().await?;
        let shift = self.drive_shift().await?;
        let exchange = self.exchange().await?;
        let expiry = self.expiry().await?;
        let out = matches!(full.submode, submode::PAPER_OUT | submode::PAPER_RAN_OUT);
        Ok(PrinterStatus {
            drive_number: drive.number,
            last_document: drive.last_document,
            shift: match (drive.shift_open, full.mode) {
                (true, mode::SHIFT_EXPIRED) => ShiftState::Expired,
                (true, _) => ShiftState::Open,
                (false, _) => ShiftState::Closed,
            },
            shift_number: u32::from(shift.number),
            paper: full.flags.paper() && !out,
            cover_closed: !full.flags.cover_open(),
            receipt_open: full.mode == mode::DOCUMENT,
            local_time: full.time.to_string(),
            unsent_documents: exchange.as_ref().map(|e| u32::from(e.unsent)),
            oldest_unsent: exchange
                .filter(|e| e.unsent > 0)
                .and_then(|e| e.first_time)
                .map(|t| t.date()),
            drive_valid_until: expiry.map(|(day, _)| day.date()),
        })
    }

    async fn baseline(&mut self) -> Result<Baseline, FiscalError> {
        let shift = self.drive_shift().await?;
        let cash = self.cash().await?;
        // The drive last: a document that is made meanwhile is behind the counter, never before it.
        let drive = self.drive_status().await?;
        Ok(Baseline {
            drive_number: drive.number,
            last_document: drive.last_document,
            shift_number: u32::from(shift.number),
            shift_open: drive.shift_open,
            cash,
        })
    }

    async fn register(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<FiscalRecord, FiscalError> {
        self.register_document(document, baseline).await
    }

    async fn recover(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Recovered, FiscalError> {
        self.recover_document(document, baseline).await
    }

    async fn last_document(&mut self) -> Result<Option<FiscalRecord>, FiscalError> {
        let drive = self.drive_status().await?;
        if drive.last_document == 0 {
            return Ok(None);
        }
        let Some(mut record) = self.record(&drive.number, drive.last_document).await? else {
            return Ok(None);
        };
        record.printed = self.printed().await?;
        Ok(Some(record))
    }

    async fn document(&mut self, number: u32) -> Result<Option<FiscalRecord>, FiscalError> {
        let drive = self.drive_status().await?;
        Ok(self.record(&drive.number, number).await?)
    }

    async fn document_tlvs(&mut self, number: u32) -> Result<Option<Vec<u8>>, FiscalError> {
        Ok(self.tlvs(number).await?)
    }

    async fn x_report(&mut self) -> Result<(), FiscalError> {
        self.paper_ready().await?;
        let command = self.admin(op::X_REPORT);
        self.act(&command).await?;
        Ok(())
    }

    async fn continue_print(&mut self) -> Result<(), FiscalError> {
        self.finish_printing().await
    }

    async fn copy_last(&mut self) -> Result<(), FiscalError> {
        self.paper_ready().await?;
        let command = self.operator(op::REPEAT_DOCUMENT);
        self.act(&command).await?;
        Ok(())
    }

    async fn totals(&mut self) -> Result<ShiftTotals, FiscalError> {
        self.shift_totals().await
    }

    async fn registration(&mut self) -> Result<Registration, FiscalError> {
        self.read_registration().await
    }

    async fn drive(&mut self) -> Result<DriveInfo, FiscalError> {
        self.read_drive().await
    }

    async fn set_clock(&mut self, local_time: &str) -> Result<(), FiscalError> {
        let Some(time) = LocalDateTime::parse(local_time) else {
            return Err(FiscalError::Unsupported(
                "the time must be written YYYY-MM-DDTHH:MM:SS".to_owned(),
            ));
        };
        let set = self.admin(op::SET_TIME).bytes(&time.to_hms());
        self.ask(&set).await?;
        let set = self.admin(op::SET_DATE).bytes(&time.to_dmy());
        self.ask(&set).await?;
        let confirm = self.admin(op::CONFIRM_DATE).bytes(&time.to_dmy());
        match self.ask(&confirm).await {
            // The next command may still want its date confirmed; another second try never hurts.
            Err(CallError::Device(CONFIRM_DATE)) => {
                self.ask(&confirm).await?;
                Ok(())
            }
            other => Ok(other.map(|_| ())?),
        }
    }

    async fn read_table(&mut self, cell: TableCell) -> Result<Vec<u8>, FiscalError> {
        Ok(self.table(cell).await?)
    }

    async fn write_table(&mut self, cell: TableCell, value: &[u8]) -> Result<(), FiscalError> {
        Ok(self.set_table(cell, value).await?)
    }

    async fn check_marking(&mut self, marking: &Marking) -> Result<MarkingCheck, FiscalError> {
        self.check_mark(marking).await
    }
}

/// For calls that register nothing: what was lost may be asked again.
impl From<CallError> for FiscalError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Device(code) => error_table::refused(code),
            CallError::Busy => error_table::own(
                error_table::STAYS_BUSY,
                "the printer stays busy",
                "Look at the printer's paper and restart it.",
                true,
            ),
            other => Self::Unreachable {
                detail: other.detail(),
            },
        }
    }
}

/// Whether an error says that the printer has no such command.
fn is_missing(code: u8) -> bool {
    matches!(
        code,
        error_table::NOT_SUPPORTED | error_table::NOT_IN_MODEL | drive::NO_DATA | 0x01
    )
}
