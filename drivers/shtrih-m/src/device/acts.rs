//! Registering a document.

use super::{
    ShtrihPrinter,
    calls::CallError,
    is_missing,
    plan::{self, Plan, Target},
};
use crate::{
    command::op,
    drive,
    error_table::{
        self, COUNTERS_MOVED, OTHER_OPERATOR, RECEIPT_CLOSED, WRONG_MODE, WRONG_PHASE,
        WRONG_SUBMODE,
    },
    status::mode,
};
use galley_fiscal::{
    Baseline, Document, Ffd, FiscalError, FiscalRecord, RecordKind, TableCell,
    recovery::{self, Decision},
};
use tokio::time::{Instant, sleep};

/// How often a receipt is cancelled before the printer is believed to be beyond help.
pub(super) const CANCEL_LIMIT: u32 = 3;
/// Table with the settings that keep documents off the paper.
const REGIONAL: u8 = 17;
/// Table of operators: field 1 is the password, one row an operator (4.7).
const OPERATORS: u8 = 2;
const OPERATOR_ROWS: u16 = 30;

/// How a document's commands ended.
enum Performed {
    /// The last one, which registers, was carried out.
    Done,
    /// The printer refused one.
    Refused(u8),
    /// It stayed busy and took one not at all.
    Busy,
}

impl ShtrihPrinter {
    pub(super) fn target(&self) -> Target {
        Target {
            ffd: self.ffd(),
            tags_first: self.model.cash_core(),
            correction_as_receipt: self.ffd() >= Ffd::V11 || self.model.correction_as_receipt(),
        }
    }

    pub(super) async fn register_document(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<FiscalRecord, FiscalError> {
        let plan = plan::plan(document, &self.config, self.target())?;
        self.session.forget();
        self.prepare(document, &plan, baseline).await?;
        let performed = self.perform(&plan).await?;
        let record = self.conclude(document, baseline, &plan, performed).await;
        if !plan.prints {
            self.paper_on().await;
        }
        record
    }

    /// Everything up to the document's commands. Nothing of it can register a document.
    async fn prepare(
        &mut self,
        document: &Document,
        plan: &Plan,
        baseline: &Baseline,
    ) -> Result<(), FiscalError> {
        let now = self.settle(plan.prints).await?;
        self.know_registration().await?;
        if now.mode == mode::DOCUMENT {
            tracing::warn!("a receipt was left open in the printer; it is cancelled");
            self.cancel().await?;
        }
        let drive = self.drive_status().await?;
        if drive.number != baseline.drive_number {
            return Err(other_drive(baseline, &drive.number));
        }
        if drive.last_document != baseline.last_document {
            return Err(error_table::own(
                COUNTERS_MOVED,
                "a document was registered since the baseline was read",
                "Wait; it is tried again by itself.",
                true,
            ));
        }
        if let Document::CashIn(_) | Document::CashOut(_) = document
            && baseline.cash.is_none()
        {
            return Err(FiscalError::Unsupported(
                "this printer doesn't count money put in and taken out, so that it couldn't be told after a fault \
                 whether it was"
                    .to_owned(),
            ));
        }
        if drive.phase & 0x0F != drive::FISCAL_PHASE {
            return Err(error_table::own(
                WRONG_PHASE,
                format!("the fiscal drive is in phase {}", drive.phase),
                "Register the printer or replace its fiscal drive.",
                false,
            ));
        }
        if drive.current != 0 && now.mode != mode::DOCUMENT {
            tracing::warn!("a document was left open in the fiscal drive; it is cancelled");
            self.cancel_in_drive().await?;
        }
        if !plan.prints {
            self.paper_off = true;
            self.set_paper(1).await?;
        } else if self.paper_off {
            // A session before may have died with a receipt that wanted no paper.
            let kept_off = match self.table(self.paper_cell()).await {
                Ok(value) => value.first().is_some_and(|v| *v != 0),
                Err(CallError::Device(_)) => false,
                Err(e) => return Err(e.into()),
            };
            if kept_off {
                self.set_paper(0).await?;
            }
            self.paper_off = false;
        }
        Ok(())
    }

    fn paper_cell(&self) -> TableCell {
        TableCell {
            table: REGIONAL,
            row: 1,
            field: self.config.no_print_field,
        }
    }

    async fn set_paper(&mut self, value: u8) -> Result<(), CallError> {
        let cell = self.paper_cell();
        self.set_table(cell, &[value]).await
    }

    /// The next document comes out again. A failure is put right by the next document that prints.
    async fn paper_on(&mut self) {
        match self.set_paper(0).await {
            Ok(()) => self.paper_off = false,
            Err(e) => tracing::warn!(error = e.detail(), "documents may stay off the paper"),
        }
    }

    /// The document's commands. An error means that nobody knows, or that nothing was registered.
    async fn perform(&mut self, plan: &Plan) -> Result<Performed, FiscalError> {
        for (i, step) in plan.steps.iter().enumerate() {
            let last = i + 1 == plan.steps.len();
            match self.act(&step.command).await {
                Ok(_) => {}
                Err(CallError::Device(code)) if step.optional && is_missing(code) => {}
                Err(CallError::Device(code)) => return Ok(Performed::Refused(code)),
                Err(CallError::Busy) => return Ok(Performed::Busy),
                Err(e @ CallError::NotSent(_)) => return Err(e.into()),
                Err(e) if last => return Err(unknown(&e)),
                // What came before the last command registers nothing, whether it was carried out or not.
                Err(e) => {
                    return Err(FiscalError::Unreachable { detail: e.detail() });
                }
            }
        }
        Ok(Performed::Done)
    }

    /// What the counters say after the printer has answered, either way.
    async fn conclude(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        plan: &Plan,
        performed: Performed,
    ) -> Result<FiscalRecord, FiscalError> {
        let deadline = Instant::now() + self.config.timeouts.busy();
        let mut cancels = 0;
        loop {
            let evidence = self
                .evidence(document, baseline, false)
                .await
                .map_err(|e| unknown(&e))?;
            let decision = recovery::decide(document, baseline, &evidence);
            match (decision, &performed) {
                (Decision::Registered(mut record), _) => {
                    record.shift_number = recovery::shift_of(&record, baseline, &evidence);
                    return Ok(self.complete(document, record, plan.prints, true).await);
                }
                (Decision::NotRegistered, Performed::Refused(code)) => {
                    return Err(error_table::refused(*code));
                }
                (Decision::NotRegistered, Performed::Busy) => return Err(CallError::Busy.into()),
                (Decision::CancelReceipt, Performed::Refused(_) | Performed::Busy)
                    if cancels < CANCEL_LIMIT =>
                {
                    cancels += 1;
                    self.cancel().await.map_err(|e| unknown(&e))?;
                }
                (Decision::CancelReceipt | Decision::NotRegistered, Performed::Done)
                    if Instant::now() < deadline =>
                {
                    sleep(self.config.timeouts.poll()).await;
                }
                (Decision::CancelReceipt | Decision::NotRegistered, _) => {
                    return Err(FiscalError::Unknown {
                        detail: "the printer's answer and the counter of its drive disagree"
                            .to_owned(),
                    });
                }
                (Decision::OtherDrive, _) => {
                    return Err(other_drive(baseline, &evidence.drive_number));
                }
                (Decision::NeedsPerson(why), _) => return Err(FiscalError::NeedsPerson(why)),
            }
        }
    }

    /// Cancels the open receipt; that none is open is fine. One that another operator opened is cancelled with that
    /// operator's password, as the vendor's driver does it (4.4).
    pub(super) async fn cancel(&mut self) -> Result<(), CallError> {
        let command = self.operator(op::CANCEL_RECEIPT);
        let mut end = self.act(&command).await;
        if matches!(end, Err(CallError::Device(OTHER_OPERATOR))) {
            let command = self.admin(op::CANCEL_RECEIPT);
            end = self.act(&command).await;
        }
        let mut row = 0;
        while matches!(end, Err(CallError::Device(OTHER_OPERATOR))) && row < OPERATOR_ROWS {
            row += 1;
            let cell = TableCell {
                table: OPERATORS,
                row,
                field: 1,
            };
            let Ok(password) = self.table(cell).await else {
                continue;
            };
            let Some(password) = crate::tlv::number(&password).and_then(|p| u32::try_from(p).ok())
            else {
                continue;
            };
            end = self
                .act(&crate::command::Command::new(op::CANCEL_RECEIPT, password))
                .await;
        }
        match end {
            Ok(_) | Err(CallError::Device(RECEIPT_CLOSED | WRONG_MODE | WRONG_SUBMODE)) => {}
            Err(e) => return Err(e),
        }
        let drive = self.drive_status().await?;
        if drive.current != 0 && self.short_status().await?.mode != mode::DOCUMENT {
            self.cancel_in_drive().await?;
        }
        Ok(())
    }

    async fn cancel_in_drive(&mut self) -> Result<(), CallError> {
        let command = self.admin(op::FS_CANCEL);
        match self.act(&command).await {
            Ok(_) | Err(CallError::Device(error_table::DRIVE_STATE)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Adds what the printer knows of a document, of its `last` one also what its counters tell. The document is certain,
    /// so a failure in here costs details only.
    pub(super) async fn complete(
        &mut self,
        document: &Document,
        mut record: FiscalRecord,
        prints: bool,
        last: bool,
    ) -> FiscalRecord {
        if document.receipt().is_some() {
            record.key = Some(document.key().to_owned());
        }
        record.registration_number = record
            .registration_number
            .take()
            .or_else(|| self.registration.clone());
        if !last {
            return record;
        }
        if let Err(e) = self.details(&mut record, prints).await {
            tracing::warn!(
                document.number = record.document_number,
                error = e.detail(),
                "a registered document lacks details"
            );
        }
        record
    }

    async fn details(&mut self, record: &mut FiscalRecord, prints: bool) -> Result<(), CallError> {
        let shift = self.drive_shift().await?;
        record.shift_number = record.shift_number.or(Some(u32::from(shift.number)));
        if matches!(
            record.kind,
            RecordKind::Receipt(_) | RecordKind::Correction(_)
        ) {
            record.receipt_number = record.receipt_number.or(Some(u32::from(shift.receipt)));
        }
        // What may take the longest, and fail, comes last.
        if prints {
            record.printed = self.printed().await?;
        }
        Ok(())
    }

    /// Reads tag 1037 once a session, before a document: whatever becomes of the link afterwards, its record names it.
    pub(super) async fn know_registration(&mut self) -> Result<(), CallError> {
        if self.registration.is_none() {
            self.registration = self.registration_number().await?;
        }
        Ok(())
    }

    async fn registration_number(&mut self) -> Result<Option<String>, CallError> {
        let command = self.admin(op::FS_REGISTRATION);
        match self.ask(&command).await {
            Ok(data) => Ok(drive::registration(&data).map(|r| r.registration)),
            Err(CallError::Device(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

pub(super) fn other_drive(baseline: &Baseline, found: &str) -> FiscalError {
    FiscalError::OtherDrive {
        expected: baseline.drive_number.clone(),
        found: found.to_owned(),
    }
}

pub(super) fn unknown(error: &CallError) -> FiscalError {
    FiscalError::Unknown {
        detail: error.detail(),
    }
}
