//! The printer behind the server, as the trait wants it.

use super::{
    TaskIds,
    config::AtolWebConfig,
    document::{self, to_date, to_minute, to_second},
    queue::Queue,
    reads::{AskError, answer},
};
use crate::json::{
    DateTimeTask, FnDocumentTask, MarkingTask, ShiftTask, Style, Task,
    answer::{
        DeviceInfo, DeviceStatusAnswer, FnInfoAnswer, FnStatusAnswer, MarkingAccepted,
        MarkingBegun, MarkingStatusAnswer, OfdAnswer, RegistrationAnswer, ShiftStatusAnswer,
        ShiftTotalsAnswer,
    },
    code, from_date_time, imc_params, slip_task, words,
};
use async_trait::async_trait;
use galley_fiscal::{
    Baseline, Capabilities, Document, DriveInfo, Ffd, FiscalError, FiscalPrinter, FiscalRecord,
    Marking, MarkingCheck, PrinterInfo, PrinterStatus, Recovered, Registration, ShiftState,
    ShiftTotals, Slip, SlipPrinter, TableCell, VatRate,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// Columns where the printer doesn't say them: font A of a 384 dot head. \[inferred, atol.md 5\]
const COLUMNS: usize = 32;

/// A printer behind a web server.
pub(super) struct WebPrinter {
    pub(super) queue: Queue,
    pub(super) config: Arc<AtolWebConfig>,
    pub(super) ids: TaskIds,
    pub(super) style: Style,
    info: PrinterInfo,
}

impl WebPrinter {
    pub(super) fn new(queue: Queue, config: Arc<AtolWebConfig>, ids: TaskIds) -> Self {
        Self {
            queue,
            style: Style {
                operator: config.operator.clone(),
                print_receipts: config.print_receipts,
                ffd: Ffd::V105,
            },
            config,
            ids,
            info: PrinterInfo {
                model: String::new(),
                serial: String::new(),
                firmware: String::new(),
                backend: "atol_web".to_owned(),
                capabilities: Capabilities::default(),
            },
        }
    }

    /// Takes down who answered.
    pub(super) fn meet(&mut self, device: DeviceInfo) {
        let ffd = match device.ffd_version.as_str() {
            "1.2" => Ffd::V12,
            "1.1" => Ffd::V11,
            _ => Ffd::V105,
        };
        self.style.ffd = ffd;
        self.info.model = if device.model_name.is_empty() {
            format!("ATOL model {}", device.model)
        } else {
            device.model_name
        };
        self.info.serial = device.serial;
        self.info.firmware = device.firmware_version;
        self.info.capabilities = Capabilities {
            ffd,
            // Which rates the firmware knows can't be asked; what it doesn't know it refuses (code 144).
            vat: VatRate::ALL.to_vec(),
            columns: match u8::try_from(device.receipt_line_length) {
                Ok(n) if n > 0 => n,
                _ => u8::try_from(COLUMNS).unwrap_or(u8::MAX),
            },
            cutter: true,
            drawer: true,
            marking: ffd == Ffd::V12,
        };
    }

    pub(super) fn pauses(&self) -> (Duration, Duration) {
        let t = &self.config.timeouts;
        (t.first_poll(), t.poll())
    }

    /// The manual flow of a check (3.5): begin, look until it is ready, accept.
    /// Begins a check and waits for its end; the result as far as the state's server told it.
    async fn begin_mark(&mut self, marking: &Marking) -> Result<Option<MarkingCheck>, AskError> {
        // Whatever an earlier check left behind; that there is nothing is fine.
        if let Err(e @ AskError::Lost(_)) = self.do_it(Task::CancelMarkingCodeValidation).await {
            return Err(e);
        }
        let mut params = imc_params(marking);
        params.item_info_check_result = None;
        let begin = Task::BeginMarkingCodeValidation(MarkingTask { params });
        let _: MarkingBegun = self.ask(begin).await?;
        let deadline = Instant::now() + self.config.timeouts.marking();
        loop {
            let status: MarkingStatusAnswer =
                self.ask(Task::GetMarkingCodeValidationStatus).await?;
            let trouble = status.driver_error.filter(|e| e.code != 0);
            if status.ready {
                if let Some(e) = &trouble {
                    // The server of the state was not reached: the drive's own word stands, and the bit
                    tracing::warn!(error.code = e.code, "the marking server did not answer");
                }
                let told = status.online_validation.filter(|_| trouble.is_none());
                return Ok(told.map(|online| online.item_info_check_result.into()));
            }
            if let Some(e) = trouble {
                return Err(AskError::Device(e));
            }
            if Instant::now() >= deadline {
                let given_up = self.do_it(Task::CancelMarkingCodeValidation).await;
                if let Err(e) = given_up {
                    tracing::debug!(error = e.into_detail(), "a check was not cancelled");
                }
                return Err(AskError::Device(crate::json::answer::DriverError {
                    // "The check took too long."
                    code: 421,
                    description: String::new(),
                }));
            }
            sleep(self.config.timeouts.marking_poll()).await;
        }
    }

    async fn accept_mark(&mut self) -> Result<MarkingCheck, AskError> {
        let accepted: MarkingAccepted = self.ask(Task::AcceptMarkingCode).await?;
        Ok(accepted.item_info_check_result.into())
    }

    fn knows_marks(&self) -> Result<(), FiscalError> {
        if self.style.ffd == Ffd::V12 {
            return Ok(());
        }
        Err(FiscalError::Unsupported(
            "marked goods are checked in the fiscal data format 1.2 only".to_owned(),
        ))
    }
}

#[async_trait]
impl SlipPrinter for WebPrinter {
    fn columns(&self) -> usize {
        usize::from(self.info.capabilities.columns).max(1)
    }

    async fn slip(&mut self, slip: &Slip) -> Result<(), FiscalError> {
        let task = slip_task(slip, self.columns());
        Ok(self.do_it(Task::NonFiscal(task)).await?)
    }

    async fn open_drawer(&mut self) -> Result<(), FiscalError> {
        Ok(self.do_it(Task::OpenCashDrawer).await?)
    }
}

#[async_trait]
impl FiscalPrinter for WebPrinter {
    fn info(&self) -> &PrinterInfo {
        &self.info
    }

    async fn status(&mut self) -> Result<PrinterStatus, FiscalError> {
        let tasks = [
            Task::GetDeviceStatus,
            Task::GetFnInfo,
            Task::GetFnStatus,
            Task::GetShiftStatus,
            // Last: a printer without an OFD refuses it.
            Task::OfdExchangeStatus,
        ];
        let ends = self.run(&tasks, self.config.timeouts.read()).await?;
        let device = answer::<DeviceStatusAnswer>(&ends, 0, "getDeviceStatus")?.device_status;
        let info = answer::<FnInfoAnswer>(&ends, 1, "getFnInfo")?.fn_info;
        let counters = answer::<FnStatusAnswer>(&ends, 2, "getFnStatus")?.fn_status;
        let shift = answer::<ShiftStatusAnswer>(&ends, 3, "getShiftStatus")?.shift_status;
        let ofd = answer::<OfdAnswer>(&ends, 4, "ofdExchangeStatus")
            .ok()
            .map(|a| a.status);
        Ok(PrinterStatus {
            drive_number: info.serial,
            last_document: counters.fiscal_document_number,
            shift: shift_state(&shift.state)?,
            shift_number: shift.number,
            paper: device.paper_present,
            cover_closed: !device.cover_opened,
            receipt_open: false,
            local_time: to_second(&device.current_date_time),
            unsent_documents: ofd.as_ref().map(|o| o.not_sent_count),
            oldest_unsent: ofd
                .filter(|o| o.not_sent_count > 0)
                .and_then(|o| to_date(&o.not_sent_first_doc_date_time)),
            drive_valid_until: to_date(&info.validity_date),
        })
    }

    async fn baseline(&mut self) -> Result<Baseline, FiscalError> {
        let mut tasks = vec![Task::GetShiftStatus, Task::GetFnInfo, Task::GetFnStatus];
        if self.config.count_cash {
            tasks.push(Task::GetShiftTotals);
        }
        let ends = self.run(&tasks, self.config.timeouts.read()).await?;
        let shift = answer::<ShiftStatusAnswer>(&ends, 0, "getShiftStatus")?.shift_status;
        let drive = answer::<FnInfoAnswer>(&ends, 1, "getFnInfo")?.fn_info;
        let counters = answer::<FnStatusAnswer>(&ends, 2, "getFnStatus")?.fn_status;
        let totals = answer::<ShiftTotalsAnswer>(&ends, 3, "getShiftTotals").ok();
        Ok(Baseline {
            drive_number: drive.serial,
            last_document: counters.fiscal_document_number,
            shift_number: shift.number,
            shift_open: shift_state(&shift.state)? != ShiftState::Closed,
            cash: totals.and_then(|t| document::cash(&t.shift_totals)),
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
        let head = self.head(false).await?;
        match head.counters.fiscal_document_number {
            0 => Ok(None),
            number => self.record(number, &head.drive.serial).await,
        }
    }

    async fn document(&mut self, number: u32) -> Result<Option<FiscalRecord>, FiscalError> {
        let drive = self.ask::<FnInfoAnswer>(Task::GetFnInfo).await?.fn_info;
        self.record(number, &drive.serial).await
    }

    async fn document_tlvs(&mut self, number: u32) -> Result<Option<Vec<u8>>, FiscalError> {
        Ok(self.raw_document(number).await?)
    }

    async fn x_report(&mut self) -> Result<(), FiscalError> {
        let operator = self.style.operator.as_ref().map(Into::into);
        let task = ShiftTask {
            operator,
            electronically: None,
        };
        Ok(self.do_it(Task::ReportX(task)).await?)
    }

    async fn continue_print(&mut self) -> Result<(), FiscalError> {
        Ok(self.do_it(Task::ContinuePrint).await?)
    }

    async fn copy_last(&mut self) -> Result<(), FiscalError> {
        let task = Task::PrintLastReceiptCopy(ShiftTask::default());
        Ok(self.do_it(task).await?)
    }

    async fn totals(&mut self) -> Result<ShiftTotals, FiscalError> {
        let tasks = [Task::GetShiftTotals, Task::GetShiftStatus];
        let ends = self.run(&tasks, self.config.timeouts.read()).await?;
        let totals = answer::<ShiftTotalsAnswer>(&ends, 0, "getShiftTotals")?.shift_totals;
        let shift = answer::<ShiftStatusAnswer>(&ends, 1, "getShiftStatus")?.shift_status;
        Ok(document::shift_totals(&totals, shift.number))
    }

    async fn registration(&mut self) -> Result<Registration, FiscalError> {
        let r: RegistrationAnswer = self.ask(Task::GetRegistrationInfo).await?;
        let said = |text: String| Some(text).filter(|t| !t.trim().is_empty());
        Ok(Registration {
            registration_number: r.device.registration_number.trim().to_owned(),
            inn: r.organization.vatin.trim().to_owned(),
            organisation: said(r.organization.name),
            address: said(r.organization.address),
            tax_systems: r
                .organization
                .taxation_types
                .iter()
                .filter_map(|word| words::tax_system_of(word))
                .collect(),
            ofd: said(r.ofd.name),
            automatic: r.device.auto_mode,
        })
    }

    async fn drive(&mut self) -> Result<DriveInfo, FiscalError> {
        let tasks = [Task::GetFnInfo, Task::OfdExchangeStatus];
        let ends = self.run(&tasks, self.config.timeouts.read()).await?;
        let info = answer::<FnInfoAnswer>(&ends, 0, "getFnInfo")?.fn_info;
        let ofd = answer::<OfdAnswer>(&ends, 1, "ofdExchangeStatus")?.status;
        let waits = ofd.not_sent_count > 0;
        Ok(DriveInfo {
            number: info.serial,
            valid_until: to_date(&info.validity_date),
            registrations_left: Some(info.registrations_remaining),
            replace_urgently: info.warnings.need_replacement,
            resource_ends: info.warnings.resource_exhausted,
            memory_nearly_full: info.warnings.memory_overflow,
            ofd_overdue: info.warnings.ofd_timeout,
            critical: info.warnings.critical_error,
            unsent_documents: ofd.not_sent_count,
            first_unsent: waits.then_some(ofd.not_sent_first_doc_number),
            first_unsent_at: waits.then(|| to_minute(&ofd.not_sent_first_doc_date_time)),
        })
    }

    async fn set_clock(&mut self, local_time: &str) -> Result<(), FiscalError> {
        let task = DateTimeTask {
            date_time: from_date_time(local_time)?,
        };
        Ok(self.do_it(Task::SetDateTime(task)).await?)
    }

    async fn read_table(&mut self, _cell: TableCell) -> Result<Vec<u8>, FiscalError> {
        Err(FiscalError::Unsupported(NO_TABLES.to_owned()))
    }

    async fn write_table(&mut self, _cell: TableCell, _value: &[u8]) -> Result<(), FiscalError> {
        Err(FiscalError::Unsupported(NO_TABLES.to_owned()))
    }

    async fn check_marking(&mut self, marking: &Marking) -> Result<MarkingCheck, FiscalError> {
        self.knows_marks()?;
        self.begin_mark(marking).await?;
        Ok(self.accept_mark().await?)
    }

    async fn begin_marking(
        &mut self,
        marking: &Marking,
    ) -> Result<Option<MarkingCheck>, FiscalError> {
        self.knows_marks()?;
        Ok(self.begin_mark(marking).await?)
    }

    async fn settle_marking(&mut self, accept: bool) -> Result<Option<MarkingCheck>, FiscalError> {
        if accept {
            return Ok(Some(self.accept_mark().await?));
        }
        self.do_it(Task::DeclineMarkingCode).await?;
        Ok(None)
    }

    async fn forget_markings(&mut self) -> Result<(), FiscalError> {
        self.knows_marks()?;
        Ok(self.do_it(Task::ClearMarkingCodeValidationResult).await?)
    }

    async fn print_document(&mut self, number: u32) -> Result<(), FiscalError> {
        let task = Task::PrintFnDocument(FnDocumentTask {
            fiscal_document_number: number,
            with_raw_data: None,
        });
        Ok(self.do_it(task).await?)
    }
}

const NO_TABLES: &str =
    "the vendor's web server gives no access to the printer's tables: use its settings page";

fn shift_state(word: &str) -> Result<ShiftState, FiscalError> {
    match word {
        "closed" => Ok(ShiftState::Closed),
        "opened" => Ok(ShiftState::Open),
        "expired" => Ok(ShiftState::Expired),
        other => Err(FiscalError::Unreachable {
            detail: format!("the shift's state can't be read: {other:?}"),
        }),
    }
}

impl WebPrinter {
    /// A document with everything that the drive tells of it.
    async fn record(
        &mut self,
        number: u32,
        drive_number: &str,
    ) -> Result<Option<FiscalRecord>, FiscalError> {
        let Some(found) = self.drive_document(number, drive_number, None).await? else {
            return Ok(None);
        };
        let mut record = found.record;
        if record.fiscal_sign == 0
            && let Some(sign) = self.last_sign(number).await?
        {
            record.fiscal_sign = sign;
        }
        Ok(Some(record))
    }
}

/// The codes after which a document may stand although its task failed are judged by the drive; this only tells
/// whether the paper was the trouble.
pub(super) fn paper_trouble(error_code: u16) -> bool {
    code::entry(error_code).class == code::Class::Paper
}
