//! Questions to the printer, through the server's queue.

use super::{
    document,
    printer::WebPrinter,
    queue::{End, Known, Posted, QueueError, not_run, typed},
};
use crate::json::{
    FnDocumentTask, Task,
    answer::{
        DeviceStatus, DeviceStatusAnswer, DriverError, FiscalParams, FnDocumentAnswer, FnInfo,
        FnInfoAnswer, FnStatus, FnStatusAnswer, ShiftTotalsAnswer,
    },
    code::{self, Class},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley_fiscal::{
    Baseline, CashCounters, Document, FiscalError,
    recovery::{Evidence, Found, KeyEvidence},
};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Documents behind the baseline that are looked through; more need a person.
const MAX_SCAN: u32 = 500;
/// How far before the baseline is looked for a receipt, to learn whether keys come back.
const LOOK_BACK: u32 = 20;

/// A question without an answer.
#[derive(Debug)]
pub(super) enum AskError {
    /// The server or the printer did not answer.
    Lost(String),
    /// The printer refused.
    Device(DriverError),
    /// The server refuses us.
    Refuses(String),
}

impl AskError {
    pub(super) fn into_detail(self) -> String {
        match self {
            Self::Lost(detail) | Self::Refuses(detail) => detail,
            Self::Device(e) => format!("printer error {}: {}", e.code, code::entry(e.code).text),
        }
    }
}

impl From<QueueError> for AskError {
    fn from(error: QueueError) -> Self {
        Self::Lost(error.into_detail())
    }
}

/// For calls that register nothing: what was lost may be asked again.
impl From<AskError> for FiscalError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Lost(detail) => Self::Unreachable { detail },
            AskError::Device(e) if code::entry(e.code).class == Class::Unreachable => {
                Self::Unreachable {
                    detail: AskError::Device(e).into_detail(),
                }
            }
            AskError::Device(e) => code::refused(&e),
            AskError::Refuses(detail) => Self::Unsupported(detail),
        }
    }
}

/// What the drive says of itself, and the printer's clock.
pub(super) struct Head {
    pub(super) drive: FnInfo,
    pub(super) counters: FnStatus,
    pub(super) device: DeviceStatus,
    pub(super) cash: Option<CashCounters>,
}

impl WebPrinter {
    /// Runs tasks that may be run again, in one request; gives how each ended. A request that did not come in is sent
    /// once more.
    pub(super) async fn run(
        &mut self,
        tasks: &[Task],
        limit: Duration,
    ) -> Result<Vec<End>, AskError> {
        for last in [false, true] {
            let uuid = (self.ids)();
            match self.queue.post(uuid, tasks).await {
                Ok(Posted::Accepted) => {}
                Ok(Posted::Duplicate) => {
                    // Its result would be somebody else's, or of long ago.
                    return Err(AskError::Lost(
                        "the web server knows a uuid that was never used".to_owned(),
                    ));
                }
                Ok(Posted::Rejected(status, said)) => {
                    return Err(AskError::Refuses(rejection(status, &said)));
                }
                Err(QueueError::NotSent(detail)) => return Err(AskError::Lost(detail)),
                // It may have come in; the question below tells.
                Err(QueueError::Lost(_)) => {}
            }
            match self.queue.wait(uuid, self.pauses(), limit).await? {
                Known::Final(ends) => {
                    if self.config.forget_reads {
                        self.queue.forget(uuid).await;
                    }
                    return Ok(ends);
                }
                Known::Absent if !last => {}
                Known::Absent => break,
                Known::Pending { blocked: true } => {
                    return Err(AskError::Lost(BLOCKED.to_owned()));
                }
                Known::Pending { blocked: false } => {
                    return Err(AskError::Lost(
                        "the web server did not come to the request in time".to_owned(),
                    ));
                }
            }
        }
        Err(AskError::Lost(
            "the web server did not get the request".to_owned(),
        ))
    }

    /// Runs one such task, for its answer.
    pub(super) async fn ask<T: DeserializeOwned>(&mut self, task: Task) -> Result<T, AskError> {
        let limit = self.config.timeouts.read();
        let name = task.name();
        let ends = self.run(&[task], limit).await?;
        answer(&ends, 0, name)
    }

    /// Runs a task that prints, or sets something; its answer is empty.
    pub(super) async fn do_it(&mut self, task: Task) -> Result<(), AskError> {
        let limit = self.config.timeouts.act();
        let ends = self.run(&[task], limit).await?;
        end(&ends, 0).map(|_| ())
    }

    /// With the drawer's counters where they are evidence: the printer is asked some sixty registers for them.
    pub(super) async fn head(&mut self, with_cash: bool) -> Result<Head, AskError> {
        let mut tasks = vec![Task::GetFnInfo, Task::GetFnStatus, Task::GetDeviceStatus];
        if with_cash {
            // Last, because not every printer counts, and what fails ends the request.
            tasks.push(Task::GetShiftTotals);
        }
        let limit = self.config.timeouts.read();
        let ends = self.run(&tasks, limit).await?;
        let info: FnInfoAnswer = answer(&ends, 0, "getFnInfo")?;
        let counters: FnStatusAnswer = answer(&ends, 1, "getFnStatus")?;
        let device: DeviceStatusAnswer = answer(&ends, 2, "getDeviceStatus")?;
        let totals = answer::<ShiftTotalsAnswer>(&ends, 3, "getShiftTotals").ok();
        if info.fn_info.serial.is_empty() {
            return Err(AskError::Lost(
                "the drive does not say its number".to_owned(),
            ));
        }
        Ok(Head {
            drive: info.fn_info,
            counters: counters.fn_status,
            device: device.device_status,
            cash: totals.and_then(|t| document::cash(&t.shift_totals)),
        })
    }

    /// A document of the drive; `None` when it has none of that number.
    pub(super) async fn drive_document(
        &mut self,
        number: u32,
        drive_number: &str,
        wanted: Option<&Document>,
    ) -> Result<Option<Found>, AskError> {
        let task = Task::GetFnDocument(FnDocumentTask {
            fiscal_document_number: number,
            with_raw_data: None,
        });
        match self.ask::<FnDocumentAnswer>(task).await {
            Ok(answer) => Ok(document::found(&answer, number, drive_number, wanted)),
            Err(AskError::Device(e)) if is_absent(e.code) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A document's TLVs; `None` when the drive keeps none of that number.
    pub(super) async fn raw_document(&mut self, number: u32) -> Result<Option<Vec<u8>>, AskError> {
        let task = Task::GetFnDocument(FnDocumentTask {
            fiscal_document_number: number,
            with_raw_data: Some(true),
        });
        match self.ask::<FnDocumentAnswer>(task).await {
            Ok(answer) => Ok(answer.raw_data.and_then(|raw| STANDARD.decode(raw).ok())),
            Err(AskError::Device(e)) if is_absent(e.code) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The sign of the drive's last document, where it is that one.
    pub(super) async fn last_sign(&mut self, number: u32) -> Result<Option<u32>, AskError> {
        let last: FiscalParams = self.ask(Task::GetLastFiscalParams).await?;
        Ok((last.fiscal_document_number == number)
            .then(|| last.fiscal_document_sign.trim().parse().ok())
            .flatten())
    }

    /// Reads what [`galley_fiscal::recovery::decide`] needs.
    pub(super) async fn evidence(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Evidence, AskError> {
        let head = self
            .head(baseline.cash.is_some() && document::is_cash(document))
            .await?;
        let last = head.counters.fiscal_document_number;
        let mut evidence = Evidence {
            drive_number: head.drive.serial,
            last_document: last,
            receipt_open: false,
            local_time: document::to_minute(&head.device.current_date_time),
            documents: Vec::new(),
            unreadable: 0,
            cash: head.cash,
            keys_come_back: false,
        };
        let behind = last.saturating_sub(baseline.last_document);
        if evidence.drive_number != baseline.drive_number || behind == 0 {
            return Ok(evidence);
        }
        if document::is_cash(document) {
            return Ok(evidence);
        }
        if behind > MAX_SCAN {
            evidence.unreadable = behind;
            return Ok(evidence);
        }
        for number in baseline.last_document + 1..=last {
            match self
                .drive_document(number, &baseline.drive_number, Some(document))
                .await?
            {
                Some(found) => {
                    evidence.keys_come_back |= matches!(found.key, KeyEvidence::Present(_));
                    evidence.documents.push(found);
                }
                None => evidence.unreadable += 1,
            }
        }
        let kind = document::kind_of(document);
        let in_doubt = evidence
            .documents
            .iter()
            .any(|f| f.key == KeyEvidence::Absent && f.record.kind == kind);
        if in_doubt && !evidence.keys_come_back && document.receipt().is_some() {
            evidence.keys_come_back = self.keys_came_back(baseline).await?;
        }
        Ok(evidence)
    }

    /// Whether an earlier receipt of this drive gave a key back.
    async fn keys_came_back(&mut self, baseline: &Baseline) -> Result<bool, AskError> {
        let last = baseline.last_document;
        for number in (last.saturating_sub(LOOK_BACK) + 1..=last).rev() {
            let found = self
                .drive_document(number, &baseline.drive_number, None)
                .await?;
            if found.is_some_and(|f| matches!(f.key, KeyEvidence::Present(_))) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Why a blocked queue is no answer.
pub(super) const BLOCKED: &str = "the web server's queue is blocked: it does not know itself what became of a document; it goes on when the printer is back, or when a person unblocks it in the server's settings";

/// What a refused POST means to a person.
pub(super) fn rejection(status: http::StatusCode, said: &str) -> String {
    let advice = match status.as_u16() {
        401 | 403 => "check user and password, and that the web server allows them",
        404 => "nothing answers at this path: check the address and the interface (api)",
        _ => "check the device id and the version of the web server",
    };
    format!("the web server answers {status} ({said}): {advice}")
}

/// How a task of a request ended.
fn end(ends: &[End], index: usize) -> Result<&serde_json::Value, AskError> {
    match ends.get(index) {
        Some(End::Ready(value)) => Ok(value),
        Some(End::Failed(e)) => Err(AskError::Device(e.clone())),
        // The error that ended the request stands before it.
        Some(End::NotRun) => Err(AskError::Device(
            ends.iter()
                .find_map(|e| match e {
                    End::Failed(e) => Some(e.clone()),
                    _ => None,
                })
                .unwrap_or_else(not_run),
        )),
        None => Err(AskError::Lost(
            "the web server's answer has too few results".to_owned(),
        )),
    }
}

pub(super) fn answer<T: DeserializeOwned>(
    ends: &[End],
    index: usize,
    what: &str,
) -> Result<T, AskError> {
    Ok(typed(end(ends, index)?, what)?)
}

/// Whether an error's code says that the drive has no such document.
fn is_absent(code: u16) -> bool {
    matches!(
        code,
        code::NO_SUCH_DOCUMENT | code::DATA_ABSENT | code::NO_MORE_DATA
    )
}
