//! A printer with a live session.
//!
//! `calls` runs single commands, `reads` and `desk` put questions together from them, `plan` lays a document out,
//! `acts` registers and recovers, `slips` prints what is no document.

mod acts;
mod calls;
mod desk;
mod plan;
mod reads;
mod slips;

use crate::{
    bcd,
    command::{self, mode, op},
    config::AtolConfig,
    driver::Passwords,
    error_table, register,
    session::{Nature, Session},
};
use async_trait::async_trait;
use calls::CallError;
use galley_fiscal::{
    Baseline, Capabilities, Document, DriveInfo, FiscalError, FiscalPrinter, FiscalRecord, Marking,
    MarkingCheck, PrinterInfo, PrinterStatus, Recovered, Registration, ShiftState, ShiftTotals,
    Slip, SlipPrinter, TableCell,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// Pause between two looks at a state that must change.
const POLL: Duration = Duration::from_millis(500);

/// An ATOL printer.
pub(crate) struct AtolPrinter {
    session: Session,
    config: Arc<AtolConfig>,
    passwords: Passwords,
    info: PrinterInfo,
    /// Tag 1037, once it was read.
    registration: Option<String>,
}

impl AtolPrinter {
    /// Asks who is there.
    pub(crate) async fn greet(
        session: Session,
        config: Arc<AtolConfig>,
        passwords: Passwords,
    ) -> Result<Self, FiscalError> {
        let mut printer = Self {
            session,
            config,
            passwords,
            info: PrinterInfo {
                model: String::new(),
                serial: String::new(),
                firmware: String::new(),
                backend: "atol_native".to_owned(),
                capabilities: Capabilities::default(),
            },
            registration: None,
        };
        let answer = printer.ask(op::DEVICE_TYPE, &[]).await?;
        let device = command::device_type(&answer).map_err(CallError::from)?;
        let serial = printer.read_register(register::SERIAL, 0, 0).await?;
        printer.info.capabilities = printer.capabilities(device.model).await?;
        printer.info.model = if device.name.is_empty() {
            format!("ATOL model {}", device.model)
        } else {
            device.name
        };
        printer.info.firmware = device.version;
        printer.info.serial =
            register::serial(&serial).ok_or(CallError::Malformed("serial number"))?;
        Ok(printer)
    }

    /// Waits until the printer is done with a report; gives up silently, the next command will tell.
    async fn wait_idle(&mut self, limit: Duration) -> Result<(), CallError> {
        let deadline = Instant::now() + limit;
        while self.state().await?.submode != 0 && Instant::now() < deadline {
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Prints the rest of a document whose paper ended. Nothing to print is fine.
    async fn finish_printing(&mut self) -> Result<(), CallError> {
        if !self.printed().await? {
            let limit = self.config.timeouts.act();
            self.command(op::FINISH_PRINT, &[], Nature::Act, limit)
                .await?;
        }
        Ok(())
    }
}

#[async_trait]
impl FiscalPrinter for AtolPrinter {
    fn info(&self) -> &PrinterInfo {
        &self.info
    }

    async fn status(&mut self) -> Result<PrinterStatus, FiscalError> {
        let state = self.state().await?;
        let full = self.full_status().await?;
        let shift = self.read_register(register::SHIFT, 0, 0).await?;
        let (open, end) = register::shift(&shift).ok_or(CallError::Malformed("shift"))?;
        let (_, shift_number) = self.drive_shift().await?;
        let drive = self.drive_status().await?;
        let exchange = self.exchange().await?;
        let expiry = self.read_register(register::DRIVE_LIFE, 0, 0).await?;
        Ok(PrinterStatus {
            drive_number: drive.number,
            last_document: drive.last_document,
            // "Expired" is no state of the device: its clock is compared with the shift's end (2.5).
            shift: match (open, end) {
                (false, _) => ShiftState::Closed,
                (true, Some(end)) if full.time > end => ShiftState::Expired,
                (true, _) => ShiftState::Open,
            },
            shift_number,
            paper: full.paper && !state.no_paper,
            cover_closed: !full.cover_open,
            receipt_open: full.receipt_type != 0,
            local_time: full.time.to_string(),
            unsent_documents: Some(u32::from(exchange.unsent)),
            oldest_unsent: exchange.oldest_time.map(|t| t.date()),
            drive_valid_until: register::drive_expiry(&expiry).map(|t| t.date()),
        })
    }

    async fn baseline(&mut self) -> Result<Baseline, FiscalError> {
        let (_, shift_number) = self.drive_shift().await?;
        let drive = self.drive_status().await?;
        Ok(Baseline {
            drive_number: drive.number,
            last_document: drive.last_document,
            shift_number,
            shift_open: drive.shift_open,
            cash: self.cash().await?,
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
        let mut record = self.record(&drive.number, drive.last_document).await?;
        if let Some(record) = &mut record {
            record.printed = Some(self.printed().await?);
        }
        Ok(record)
    }

    async fn document(&mut self, number: u32) -> Result<Option<FiscalRecord>, FiscalError> {
        let drive = self.drive_status().await?;
        Ok(self.record(&drive.number, number).await?)
    }

    async fn document_tlvs(&mut self, number: u32) -> Result<Option<Vec<u8>>, FiscalError> {
        Ok(self.tlvs(number).await?)
    }

    async fn x_report(&mut self) -> Result<(), FiscalError> {
        self.enter_mode(mode::X_REPORTS).await?;
        let limit = self.config.timeouts.act();
        self.command(op::REPORT, &[0x01], Nature::Act, limit)
            .await?;
        Ok(self.wait_idle(self.config.timeouts.z()).await?)
    }

    async fn continue_print(&mut self) -> Result<(), FiscalError> {
        Ok(self.finish_printing().await?)
    }

    async fn copy_last(&mut self) -> Result<(), FiscalError> {
        let limit = self.config.timeouts.act();
        self.command(op::COPY, &[], Nature::Act, limit).await?;
        Ok(self.wait_idle(limit).await?)
    }

    async fn totals(&mut self) -> Result<ShiftTotals, FiscalError> {
        Ok(self.shift_totals().await?)
    }

    async fn registration(&mut self) -> Result<Registration, FiscalError> {
        Ok(self.registration_data().await?)
    }

    async fn drive(&mut self) -> Result<DriveInfo, FiscalError> {
        Ok(self.drive_info().await?)
    }

    async fn set_clock(&mut self, local_time: &str) -> Result<(), FiscalError> {
        self.write_clock(local_time).await
    }

    async fn read_table(&mut self, cell: TableCell) -> Result<Vec<u8>, FiscalError> {
        Ok(self.table(cell).await?)
    }

    async fn write_table(&mut self, cell: TableCell, value: &[u8]) -> Result<(), FiscalError> {
        Ok(self.set_table(cell, value).await?)
    }

    async fn check_marking(&mut self, _marking: &Marking) -> Result<MarkingCheck, FiscalError> {
        Err(FiscalError::Unsupported(
            "marked goods need FFD 1.2, which platform 2.5 lacks: configure the web server back end"
                .to_owned(),
        ))
    }

    async fn print_document(&mut self, number: u32) -> Result<(), FiscalError> {
        self.enter_mode(mode::DRIVE_REPORTS).await?;
        let limit = self.config.timeouts.act();
        let number: [u8; 5] = bcd::encode(u64::from(number)).unwrap_or_default();
        self.command(op::PRINT_DOCUMENT, &number, Nature::Act, limit)
            .await?;
        Ok(self.wait_idle(limit).await?)
    }
}

#[async_trait]
impl SlipPrinter for AtolPrinter {
    fn columns(&self) -> usize {
        usize::from(self.info.capabilities.columns)
    }

    async fn slip(&mut self, slip: &Slip) -> Result<(), FiscalError> {
        self.print_slip(slip).await
    }

    async fn open_drawer(&mut self) -> Result<(), FiscalError> {
        self.pulse_drawer().await
    }
}

/// For calls that register nothing: what was lost may be asked again.
impl From<CallError> for FiscalError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Device(e) => error_table::refused(e),
            other => Self::Unreachable {
                detail: other.detail(),
            },
        }
    }
}
