//! Registering a document, and finding out what became of it.

use super::{
    AtolPrinter, POLL,
    calls::CallError,
    plan::{self, Plan},
    reads::{Tags, record_of},
};
use crate::{
    command::{DeviceError, mode, op},
    drive::{self, kind},
    error_table::{self, COUNTERS_MOVED, RECEIPT_CLOSED, SHIFT_CLOSED, WRONG_PHASE},
    session::Nature,
    text,
    tlv::tag,
};
use galley_fiscal::{
    Baseline, Document, FiscalError, FiscalRecord, RecordKind, Recovered,
    recovery::{self, Decision, Evidence, Found, KeyEvidence},
};
use tokio::time::{Instant, sleep};

/// Documents behind the baseline that are looked through; more need a person.
const MAX_SCAN: u32 = 2000;
/// How far before the baseline is looked for a receipt, to learn whether keys come back.
const LOOK_BACK: u32 = 20;
/// How often a receipt is cancelled before the printer is believed to be beyond help.
const CANCEL_LIMIT: u32 = 3;

/// How deep the evidence is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Heads of documents: enough when the printer has answered the act itself.
    Heads,
    /// Keys too.
    Keys,
}

impl AtolPrinter {
    pub(super) async fn register_document(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<FiscalRecord, FiscalError> {
        let plan = plan::plan(document, &self.config, self.info.capabilities.ffd)?;
        self.prepare(document, &plan, baseline).await?;
        let refusal = self.perform(document, &plan).await?.err();
        self.conclude(document, baseline, &plan, refusal).await
    }

    /// Everything up to the act. Nothing of it can register a document.
    async fn prepare(
        &mut self,
        document: &Document,
        plan: &Plan,
        baseline: &Baseline,
    ) -> Result<(), FiscalError> {
        let drive = self.drive_status().await?;
        if drive.number != baseline.drive_number {
            return Err(other_drive(baseline, &drive.number));
        }
        if drive.last_document != baseline.last_document {
            return Err(moved("a document was registered"));
        }
        self.know_registration().await?;
        if is_cash(document) {
            self.prepare_cash(baseline, drive.shift_open).await?;
        }
        if drive.phase != drive::FISCAL_PHASE {
            return Err(FiscalError::Refused {
                code: WRONG_PHASE,
                text: format!("the fiscal drive is in phase {}", drive.phase),
                advice: "Register the printer or replace its fiscal drive.".to_owned(),
                retry: false,
            });
        }
        if self.full_status().await?.receipt_type != 0 {
            tracing::warn!("a receipt was left open in the printer; it is cancelled");
            self.cancel().await?;
        }
        if plan.prints {
            self.finish_printing().await?;
        }
        self.enter_mode(plan.mode).await?;
        let limit = self.config.timeouts.act();
        for step in &plan.before {
            self.command(step.command, &step.parameters, Nature::Act, limit)
                .await?;
        }
        Ok(())
    }

    /// The evidence of money put in or taken out are counters of the open shift: without them nothing is begun.
    async fn prepare_cash(
        &mut self,
        baseline: &Baseline,
        shift_open: bool,
    ) -> Result<(), FiscalError> {
        if !shift_open {
            let closed = DeviceError {
                err: SHIFT_CLOSED,
                ext: 0,
            };
            return Err(error_table::refused(closed));
        }
        match (self.cash().await?, baseline.cash) {
            (Some(now), Some(before)) if now == before => Ok(()),
            (Some(_), Some(_)) => Err(moved("money was put in or taken out")),
            _ => Err(FiscalError::Unsupported(
                "this printer doesn't tell its drawer's counters, so money put in or taken out could be \
                 registered twice"
                    .to_owned(),
            )),
        }
    }

    /// The act. The inner error is what the printer refused it with; the outer says that nobody knows.
    async fn perform(
        &mut self,
        document: &Document,
        plan: &Plan,
    ) -> Result<Result<(), DeviceError>, FiscalError> {
        let limit = match document {
            Document::ShiftClose(_) => self.config.timeouts.z(),
            _ => self.config.timeouts.act(),
        };
        for (i, step) in plan.acts.iter().enumerate() {
            let done = self
                .command(step.command, &step.parameters, Nature::Act, limit)
                .await;
            match done {
                Ok(_) => {}
                Err(CallError::Device(e)) => return Ok(Err(e)),
                Err(CallError::NotSent(detail)) if i == 0 => {
                    return Err(FiscalError::Unreachable { detail });
                }
                Err(e) => return Err(unknown(&e)),
            }
        }
        if matches!(document, Document::ShiftClose(_)) {
            self.wait_idle(limit).await.map_err(|e| unknown(&e))?;
        }
        Ok(Ok(()))
    }

    /// What the counters say after the printer has answered the act, either way.
    async fn conclude(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        plan: &Plan,
        refusal: Option<DeviceError>,
    ) -> Result<FiscalRecord, FiscalError> {
        let deadline = Instant::now() + self.config.timeouts.act();
        let mut cancels = 0;
        loop {
            let evidence = self
                .evidence(document, baseline, Depth::Heads)
                .await
                .map_err(|e| unknown(&e))?;
            match (recovery::decide(document, baseline, &evidence), refusal) {
                (Decision::Registered(mut record), _) => {
                    record.shift_number = recovery::shift_of(&record, baseline, &evidence);
                    return Ok(self.complete(document, record, plan.prints, true).await);
                }
                (Decision::NotRegistered, Some(e)) => return Err(error_table::refused(e)),
                (Decision::CancelReceipt, Some(_)) if cancels < CANCEL_LIMIT => {
                    cancels += 1;
                    self.cancel().await.map_err(|e| unknown(&e))?;
                }
                (Decision::CancelReceipt | Decision::NotRegistered, None)
                    if Instant::now() < deadline =>
                {
                    sleep(POLL).await;
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

    pub(super) async fn recover_document(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Recovered, FiscalError> {
        let (mut cancels, mut settled) = (0, false);
        self.know_registration().await.map_err(|e| again(&e))?;
        loop {
            let evidence = self
                .evidence(document, baseline, Depth::Keys)
                .await
                .map_err(|e| again(&e))?;
            match recovery::decide(document, baseline, &evidence) {
                Decision::Registered(mut record) => {
                    record.shift_number = recovery::shift_of(&record, baseline, &evidence);
                    let prints = document
                        .receipt()
                        .is_none_or(|r| r.print && self.config.print_receipts);
                    let last =
                        is_cash(document) || record.document_number == evidence.last_document;
                    let record = self.complete(document, record, prints, last).await;
                    return Ok(Recovered::Registered(record));
                }
                Decision::CancelReceipt if cancels < CANCEL_LIMIT => {
                    cancels += 1;
                    self.cancel().await.map_err(|e| again(&e))?;
                }
                Decision::CancelReceipt => {
                    return Err(FiscalError::Unknown {
                        detail: "the open receipt can't be cancelled".to_owned(),
                    });
                }
                // An act may still be on its way to the drive: look twice, with a pause that outlasts it.
                Decision::NotRegistered if !settled => {
                    settled = true;
                    sleep(self.config.timeouts.settle()).await;
                }
                Decision::NotRegistered => return Ok(Recovered::NotRegistered),
                Decision::OtherDrive => return Err(other_drive(baseline, &evidence.drive_number)),
                Decision::NeedsPerson(why) => return Err(FiscalError::NeedsPerson(why)),
            }
        }
    }

    /// Cancels the open receipt; that none is open is fine.
    async fn cancel(&mut self) -> Result<(), CallError> {
        self.enter_mode(mode::REGISTRATION).await?;
        let limit = self.config.timeouts.act();
        match self
            .command(op::CANCEL_RECEIPT, &[], Nature::Act, limit)
            .await
        {
            Err(CallError::Device(e)) if e.err == RECEIPT_CLOSED => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Reads what [`recovery::decide`] needs.
    async fn evidence(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        depth: Depth,
    ) -> Result<Evidence, CallError> {
        // The receipt's state first: were it read last, a close in between would look like "never begun".
        let full = self.full_status().await?;
        let receipt_open = full.receipt_type != 0;
        let local_time = full.time.to_minute();
        let drive = self.drive_status().await?;
        let mut evidence = Evidence {
            drive_number: drive.number,
            last_document: drive.last_document,
            receipt_open,
            local_time,
            cash: None,
            documents: Vec::new(),
            unreadable: 0,
            keys_come_back: false,
        };
        if is_cash(document) {
            evidence.cash = self.cash().await?;
        }
        let behind = drive.last_document.saturating_sub(baseline.last_document);
        if evidence.drive_number != baseline.drive_number || behind == 0 {
            return Ok(evidence);
        }
        if behind > MAX_SCAN {
            evidence.unreadable = behind;
            return Ok(evidence);
        }
        for number in baseline.last_document + 1..=drive.last_document {
            let Some(head) = self.drive_document(number).await? else {
                evidence.unreadable += 1;
                continue;
            };
            let mut record = record_of(&head, &evidence.drive_number, Tags::default());
            let mut key = KeyEvidence::Unread;
            if depth == Depth::Keys
                && candidate(document, &record)
                && let Some(tags) = self.tags(number).await?
            {
                evidence.keys_come_back |= tags.key.is_some();
                key = tags.evidence();
                record = record_of(&head, &evidence.drive_number, tags);
            }
            evidence.documents.push(Found { record, key });
        }
        let in_doubt = evidence
            .documents
            .iter()
            .any(|f| f.key == KeyEvidence::Absent);
        if in_doubt && !evidence.keys_come_back {
            evidence.keys_come_back = self
                .keys_came_back(document, baseline.last_document)
                .await?;
        }
        Ok(evidence)
    }

    /// Whether an earlier document of this kind gave a key back. Of this kind: a format may carry the key in receipts
    /// and not in corrections.
    async fn keys_came_back(&mut self, document: &Document, last: u32) -> Result<bool, CallError> {
        let wanted = match document {
            Document::Correction(_) => kind::CORRECTION,
            _ => kind::RECEIPT,
        };
        for number in (last.saturating_sub(LOOK_BACK) + 1..=last).rev() {
            let receipt = self
                .drive_document(number)
                .await?
                .is_some_and(|d| d.kind == wanted);
            if receipt
                && self
                    .tags(number)
                    .await?
                    .is_some_and(|tags| tags.key.is_some())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds what the printer knows of a document, of its `last` one also what its counters tell. The document is certain,
    /// so a failure in here costs details only.
    async fn complete(
        &mut self,
        document: &Document,
        mut record: FiscalRecord,
        prints: bool,
        last: bool,
    ) -> FiscalRecord {
        if let Some(receipt) = document.receipt() {
            record.key = Some(receipt.key.clone());
        }
        if self.registration.is_some() {
            record.registration_number.clone_from(&self.registration);
        }
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
        let (receipt, shift) = self.drive_shift().await?;
        record.shift_number = record.shift_number.or(Some(shift));
        if matches!(
            record.kind,
            RecordKind::Receipt(_) | RecordKind::Correction(_)
        ) {
            record.receipt_number = record.receipt_number.or(Some(receipt));
        }
        // What may fail without anybody's fault comes last.
        if prints {
            record.printed = Some(self.printed().await?);
        }
        Ok(())
    }

    /// Reads tag 1037 once a session, before a document: whatever becomes of the link afterwards, its record names it.
    async fn know_registration(&mut self) -> Result<(), CallError> {
        if self.registration.is_none() {
            self.registration = self.registration_number().await?;
        }
        Ok(())
    }

    async fn registration_number(&mut self) -> Result<Option<String>, CallError> {
        let value = self.registered(tag::REGISTRATION).await?;
        Ok(value.map(|number| text::ascii(&number)))
    }
}

/// Whether a document is worth the reading of its tags.
fn candidate(document: &Document, record: &FiscalRecord) -> bool {
    let (kind, total) = match document {
        Document::Receipt(r) => (RecordKind::Receipt(r.kind), r.total_minor()),
        Document::Correction(c) => (
            RecordKind::Correction(c.receipt.kind),
            c.receipt.total_minor(),
        ),
        _ => return false,
    };
    record.kind == kind && record.total_minor == total
}

fn is_cash(document: &Document) -> bool {
    matches!(document, Document::CashIn(_) | Document::CashOut(_))
}

fn moved(what: &str) -> FiscalError {
    FiscalError::Refused {
        code: COUNTERS_MOVED,
        text: format!("{what} since the baseline was read"),
        advice: "Wait; it is tried again by itself.".to_owned(),
        retry: true,
    }
}

fn other_drive(baseline: &Baseline, found: &str) -> FiscalError {
    FiscalError::OtherDrive {
        expected: baseline.drive_number.clone(),
        found: found.to_owned(),
    }
}

fn unknown(error: &CallError) -> FiscalError {
    FiscalError::Unknown {
        detail: error.detail(),
    }
}

/// In recovery even a refusal says nothing about the document: ask again later.
fn again(error: &CallError) -> FiscalError {
    match error {
        CallError::Device(_) => unknown(error),
        _ => FiscalError::Unreachable {
            detail: error.detail(),
        },
    }
}
