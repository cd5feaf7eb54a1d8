//! Registering a document, and finding out what became of it. The reasons are in the module above.

use super::{
    document::{cash, is_cash, kind_of, record_of_params, to_minute},
    printer::{WebPrinter, paper_trouble},
    queue::{End, Known, Posted, QueueError, typed},
    reads::{AskError, BLOCKED, rejection},
};
use crate::{
    error_table::{COUNTERS_MOVED, WRONG_PHASE},
    json::{
        Task,
        answer::{DeviceStatusAnswer, DriverError, Registered, ShiftTotalsAnswer},
        code, from_document,
    },
};
use galley_fiscal::{
    Baseline, Document, FiscalError, FiscalRecord, Receipt, RecordKind, Recovered,
    recovery::{self, Decision},
};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// Namespace of attempts' uuids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1f_1a5c_8a53_5d0f_9e0e_51b5_7d0c_2f36);
/// Most attempts with one baseline that are looked through.
const MOST_ATTEMPTS: u32 = 1 << 20;
/// The phase of the drive that registers documents.
const FISCAL_PHASE: &str = "fiscalMode";
/// "The shift is closed."
const SHIFT_CLOSED: u16 = 73;

/// What an ended attempt means.
enum Verdict {
    /// Done: the record, where the answer has it.
    Done(Option<FiscalRecord>),
    /// It was the fence, or never run.
    Dead,
    /// It failed.
    Failed(DriverError),
}

/// The attempts of one intent that the server knows.
struct Attempts {
    /// The first uuid that it does not know.
    next: Uuid,
    /// The last one that it knows.
    last: Option<(Uuid, Known)>,
}

impl WebPrinter {
    pub(super) async fn register_document(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<FiscalRecord, FiscalError> {
        let task = from_document(document, &self.style)?;
        self.check_ground(document, baseline).await?;
        let attempts = self
            .attempts(document, baseline)
            .await
            .map_err(unreachable)?;
        if let Some((_, known)) = &attempts.last
            && let Some(done) = self.check_last(document, baseline, known).await?
        {
            return Ok(done);
        }
        // A connection that has idled may be closed under the request, and its fate would be in doubt for nothing.
        self.queue.renew();
        let uuid = attempts.next;
        match self.queue.post(uuid, &[task]).await {
            Ok(Posted::Accepted | Posted::Duplicate) => {}
            Ok(Posted::Rejected(status, said)) => {
                return Err(FiscalError::Unsupported(rejection(status, &said)));
            }
            Err(QueueError::NotSent(detail)) => return Err(FiscalError::Unreachable { detail }),
            // Whether it came in is asked below; 404 leaves it open.
            Err(QueueError::Lost(detail)) => {
                tracing::warn!(error = detail, "the answer to a document is lost");
            }
        }
        let limit = self.limit(document);
        match self.queue.wait(uuid, self.pauses(), limit).await {
            Ok(Known::Final(ends)) => self.conclude(document, baseline, &ends).await,
            Ok(Known::Pending { blocked: true }) => Err(unknown(BLOCKED)),
            Ok(Known::Pending { blocked: false }) => Err(unknown(
                "the web server is not through with the document in time",
            )),
            Ok(Known::Absent) => Err(unknown("the web server does not know of the document")),
            Err(e) => Err(unknown(e.into_detail())),
        }
    }

    fn limit(&self, document: &Document) -> Duration {
        match document {
            Document::ShiftClose(_) => self.config.timeouts.z(),
            _ => self.config.timeouts.act(),
        }
    }

    /// Whether the drive is the one of the baseline, and stands where it stood.
    async fn check_ground(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<(), FiscalError> {
        let head = self.head(false).await?;
        if head.drive.serial != baseline.drive_number {
            return Err(other_drive(baseline, &head.drive.serial));
        }
        if head.counters.fiscal_document_number != baseline.last_document {
            return Err(FiscalError::Refused {
                code: COUNTERS_MOVED,
                text: "a document was registered since the baseline was read".to_owned(),
                advice: "Wait; it is tried again by itself.".to_owned(),
                retry: true,
            });
        }
        if head.drive.live_phase != FISCAL_PHASE {
            return Err(FiscalError::Refused {
                code: WRONG_PHASE,
                text: format!("the fiscal drive is in phase {:?}", head.drive.live_phase),
                advice: "Register the printer or replace its fiscal drive.".to_owned(),
                retry: false,
            });
        }
        // The vendor opens a shift by itself, which sets the drawer's counters to nought: the only evidence there is.
        if is_cash(document) && !baseline.shift_open {
            return Err(code::refused(&DriverError {
                code: SHIFT_CLOSED,
                description: String::new(),
            }));
        }
        Ok(())
    }

    /// Whether the last attempt with this baseline is dead, so that another may be made; the drive has not moved. Gives
    /// the record of money that was moved already, which moves no drive.
    async fn check_last(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        known: &Known,
    ) -> Result<Option<FiscalRecord>, FiscalError> {
        let Known::Final(ends) = known else {
            return Err(unknown(
                "an earlier attempt is still in the web server's queue",
            ));
        };
        match self.judge(document, baseline, ends)? {
            Verdict::Failed(_) | Verdict::Dead => Ok(None),
            Verdict::Done(_) if is_cash(document) => {
                Ok(Some(self.cash_record(document, baseline).await))
            }
            Verdict::Done(_) => Err(FiscalError::NeedsPerson(
                "the web server has carried this out already, and the fiscal drive stands where it stood"
                    .to_owned(),
            )),
        }
    }

    /// What an ended task means. The outer error is one that a person must see.
    #[allow(clippy::result_large_err, reason = "the crate's error")]
    fn judge(
        &self,
        document: &Document,
        baseline: &Baseline,
        ends: &[End],
    ) -> Result<Verdict, FiscalError> {
        let value = match ends.first() {
            Some(End::Ready(value)) => value,
            Some(End::Failed(e)) => return Ok(Verdict::Failed(e.clone())),
            Some(End::NotRun) | None => return Ok(Verdict::Dead),
        };
        if typed::<DeviceStatusAnswer>(value, "the fence").is_ok() {
            return Ok(Verdict::Dead);
        }
        let Ok(done) = typed::<Registered>(value, "a document") else {
            return Ok(Verdict::Done(None));
        };
        if done.warnings.non_fiscal {
            return Err(FiscalError::NeedsPerson(
                "the printer is not registered: what it printed is no fiscal document".to_owned(),
            ));
        }
        let printed = self.prints(document).then_some(!done.warnings.not_printed);
        let record = done
            .fiscal_params
            .as_ref()
            .and_then(|p| record_of_params(document, p, printed));
        match &record {
            Some(r) if r.drive_number != baseline.drive_number => {
                Err(other_drive(baseline, &r.drive_number))
            }
            Some(r) if r.document_number <= baseline.last_document => {
                Err(FiscalError::NeedsPerson(format!(
                    "the web server gives document {} for this one, and the drive had {} before",
                    r.document_number, baseline.last_document
                )))
            }
            // A server that recovered by itself may have taken another document for ours: the drive decides.
            Some(r) if r.total_minor != total_of(document) => Ok(Verdict::Done(None)),
            _ => Ok(Verdict::Done(record)),
        }
    }

    fn prints(&self, document: &Document) -> bool {
        document
            .receipt()
            .is_none_or(|r| r.print && self.style.print_receipts)
    }

    /// What an ended attempt of this very call means.
    async fn conclude(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        ends: &[End],
    ) -> Result<FiscalRecord, FiscalError> {
        match self.judge(document, baseline, ends)? {
            Verdict::Done(Some(record)) => {
                self.forget_marks(document).await;
                Ok(record)
            }
            Verdict::Done(None) => match document {
                Document::CashIn(_) | Document::CashOut(_) => {
                    Ok(self.cash_record(document, baseline).await)
                }
                _ => Err(unknown("the web server's success has no document in it")),
            },
            // Somebody else's fence stands under our uuid: ours was not carried out, and recovery says so.
            Verdict::Dead => Err(unknown(
                "the document was taken out of the web server's queue",
            )),
            Verdict::Failed(e) if code::entry(e.code).class.leaves_open() => {
                Err(unknown(AskError::Device(e).into_detail()))
            }
            Verdict::Failed(e) => self.refusal(document, baseline, &e).await,
        }
    }

    /// An error that a printer gave for certain: the drive tells whether the document stands all the same.
    async fn refusal(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        error: &DriverError,
    ) -> Result<FiscalRecord, FiscalError> {
        let uncounted = is_cash(document) && baseline.cash.is_none();
        if uncounted {
            return Err(code::refused(error));
        }
        let evidence = self
            .evidence(document, baseline)
            .await
            .map_err(|e| unknown(e.into_detail()))?;
        match recovery::decide(document, baseline, &evidence) {
            Decision::Registered(record) => {
                let mut record = self
                    .signed(record)
                    .await
                    .map_err(|e| unknown(e.into_detail()))??;
                if self.prints(document) && paper_trouble(error.code) {
                    record.printed = Some(false);
                }
                Ok(record)
            }
            Decision::NotRegistered => Err(code::refused(error)),
            Decision::CancelReceipt => Err(unknown("a receipt is open in the printer")),
            Decision::OtherDrive => Err(other_drive(baseline, &evidence.drive_number)),
            Decision::NeedsPerson(why) => Err(FiscalError::NeedsPerson(why)),
        }
    }

    pub(super) async fn recover_document(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Recovered, FiscalError> {
        let attempts = self
            .attempts(document, baseline)
            .await
            .map_err(unreachable)?;
        if let Some((uuid, known)) = attempts.last
            && let Some(done) = self.end_of(document, baseline, uuid, known).await?
        {
            return Ok(Recovered::Registered(done));
        }
        if let Some(done) = self.fence(document, baseline, attempts.next).await? {
            return Ok(Recovered::Registered(done));
        }
        let mut settled = false;
        loop {
            // Even a refusal says nothing of the document here: ask again later.
            let evidence =
                self.evidence(document, baseline)
                    .await
                    .map_err(|e| FiscalError::Unreachable {
                        detail: e.into_detail(),
                    })?;
            match recovery::decide(document, baseline, &evidence) {
                Decision::Registered(record) => {
                    let record =
                        self.signed(record)
                            .await
                            .map_err(|e| FiscalError::Unreachable {
                                detail: e.into_detail(),
                            })??;
                    return Ok(Recovered::Registered(record));
                }
                // What the driver sent before it lost the printer may still run: look twice, with a pause.
                Decision::NotRegistered if !settled => {
                    settled = true;
                    sleep(self.config.timeouts.settle()).await;
                }
                Decision::NotRegistered => return Ok(Recovered::NotRegistered),
                Decision::CancelReceipt => {
                    return Err(unknown("a receipt is open in the printer"));
                }
                Decision::OtherDrive => return Err(other_drive(baseline, &evidence.drive_number)),
                Decision::NeedsPerson(why) => return Err(FiscalError::NeedsPerson(why)),
            }
        }
    }

    /// Waits for the end of an attempt that the server knows; the record when it was done.
    async fn end_of(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        uuid: Uuid,
        known: Known,
    ) -> Result<Option<FiscalRecord>, FiscalError> {
        let known = match known {
            Known::Pending { .. } => {
                let limit = self.limit(document);
                self.queue
                    .wait(uuid, self.pauses(), limit)
                    .await
                    .map_err(unreachable)?
            }
            known => known,
        };
        match known {
            Known::Final(ends) => match self.judge(document, baseline, &ends)? {
                Verdict::Done(record) => {
                    if record.is_none() && is_cash(document) {
                        return Ok(Some(self.cash_record(document, baseline).await));
                    }
                    if record.is_some() {
                        self.forget_marks(document).await;
                    }
                    Ok(record)
                }
                Verdict::Dead | Verdict::Failed(_) => Ok(None),
            },
            Known::Pending { blocked: true } => Err(unknown(BLOCKED)),
            Known::Pending { blocked: false } => {
                Err(unknown("the web server is not through with the document"))
            }
            // Forgotten while we looked: the evidence decides.
            Known::Absent => Ok(None),
        }
    }

    /// Makes sure that a request under `uuid` can't come into being any more. Gives the record when it has.
    async fn fence(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        uuid: Uuid,
    ) -> Result<Option<FiscalRecord>, FiscalError> {
        let limit = match self.queue.post(uuid, &[Task::GetDeviceStatus]).await {
            Ok(Posted::Accepted) => self.config.timeouts.read(),
            // The real one has come in meanwhile.
            Ok(Posted::Duplicate) => self.limit(document),
            Ok(Posted::Rejected(status, said)) => {
                return Err(FiscalError::Unreachable {
                    detail: rejection(status, &said),
                });
            }
            Err(e) => return Err(unreachable(e)),
        };
        let known = self
            .queue
            .wait(uuid, self.pauses(), limit)
            .await
            .map_err(unreachable)?;
        match known {
            Known::Absent => Err(FiscalError::Unreachable {
                detail: "the web server forgets what it is given".to_owned(),
            }),
            known => self.end_of(document, baseline, uuid, known).await,
        }
    }

    /// The attempts that the server knows. Counts are used without gaps, so the first unknown one is searched by
    /// doubling and halving.
    async fn attempts(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Attempts, QueueError> {
        let uuid = |n: u32| attempt_uuid(document, baseline, n);
        let mut last = None;
        let (mut low, mut high) = (0, 1);
        // Everything below `low` is known, `high - 1` was not asked yet.
        loop {
            match self.queue.look(uuid(high - 1)).await? {
                Known::Absent => break,
                _ if high >= MOST_ATTEMPTS => {
                    return Err(QueueError::Lost(
                        "the web server knows every uuid".to_owned(),
                    ));
                }
                known => {
                    last = Some((uuid(high - 1), known));
                    low = high;
                    high *= 2;
                }
            }
        }
        let mut unknown = high - 1;
        while low < unknown {
            let middle = low + (unknown - low) / 2;
            match self.queue.look(uuid(middle)).await? {
                Known::Absent => unknown = middle,
                known => {
                    last = Some((uuid(middle), known));
                    low = middle + 1;
                }
            }
        }
        Ok(Attempts {
            next: uuid(unknown),
            last,
        })
    }

    /// Adds the sign to a record that the drive gave without one. The outer error: ask again.
    async fn signed(
        &mut self,
        mut record: FiscalRecord,
    ) -> Result<Result<FiscalRecord, FiscalError>, AskError> {
        let money = matches!(record.kind, RecordKind::CashIn | RecordKind::CashOut);
        if money || record.fiscal_sign != 0 {
            return Ok(Ok(record));
        }
        Ok(match self.last_sign(record.document_number).await? {
            Some(sign) => {
                record.fiscal_sign = sign;
                Ok(record)
            }
            None => Err(FiscalError::NeedsPerson(format!(
                "document {} is registered, and its fiscal sign can't be read",
                record.document_number
            ))),
        })
    }

    /// The record of money that was moved for certain; what the printer doesn't say of it is left out.
    async fn cash_record(&mut self, document: &Document, baseline: &Baseline) -> FiscalRecord {
        let totals = self.ask::<ShiftTotalsAnswer>(Task::GetShiftTotals).await;
        let counted = totals.ok().and_then(|t| cash(&t.shift_totals));
        let status = self.ask::<DeviceStatusAnswer>(Task::GetDeviceStatus).await;
        let (count, sum) = match document {
            Document::CashOut(d) => (counted.map(|c| c.outs), d.sum_minor),
            Document::CashIn(d) => (counted.map(|c| c.ins), d.sum_minor),
            _ => (None, 0),
        };
        FiscalRecord {
            kind: kind_of(document),
            document_number: count.unwrap_or(0),
            fiscal_sign: 0,
            drive_number: baseline.drive_number.clone(),
            registration_number: None,
            shift_number: Some(baseline.shift_number),
            receipt_number: None,
            local_time: status
                .map(|s| to_minute(&s.device_status.current_date_time))
                .unwrap_or_default(),
            total_minor: Some(sum),
            key: Some(document.key().to_owned()),
            printed: None,
        }
    }

    /// The printer keeps checked codes in a table; those of a closed receipt are cleared (3.5). The document is certain,
    /// so a failure in here costs nothing but a log line.
    async fn forget_marks(&mut self, document: &Document) {
        let marked = document
            .receipt()
            .is_some_and(|r| r.lines.iter().any(|l| l.details.marking.is_some()));
        if marked && let Err(e) = self.do_it(Task::ClearMarkingCodeValidationResult).await {
            tracing::warn!(
                error = e.into_detail(),
                "the table of marking codes was not cleared"
            );
        }
    }
}

/// The uuid of the `n`th attempt at a document with a baseline.
fn attempt_uuid(document: &Document, baseline: &Baseline, n: u32) -> Uuid {
    let kind = match document {
        Document::ShiftOpen(_) => "shift_open",
        Document::ShiftClose(_) => "shift_close",
        Document::Receipt(_) => "receipt",
        Document::Correction(_) => "correction",
        Document::CashIn(_) => "cash_in",
        Document::CashOut(_) => "cash_out",
    };
    let name = format!(
        "{}\n{}\n{kind}\n{}\n{n}",
        baseline.drive_number,
        baseline.last_document,
        document.key()
    );
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

fn total_of(document: &Document) -> Option<i64> {
    document.receipt().and_then(Receipt::total_minor)
}

fn other_drive(baseline: &Baseline, found: &str) -> FiscalError {
    FiscalError::OtherDrive {
        expected: baseline.drive_number.clone(),
        found: found.to_owned(),
    }
}

fn unknown(detail: impl Into<String>) -> FiscalError {
    FiscalError::Unknown {
        detail: detail.into(),
    }
}

fn unreachable(error: QueueError) -> FiscalError {
    FiscalError::Unreachable {
        detail: error.into_detail(),
    }
}
