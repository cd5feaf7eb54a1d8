//! Reading what [`galley_fiscal::recovery::decide`] needs.

use super::{
    ShtrihPrinter,
    calls::CallError,
    reads::{Tags, record_of},
};
use crate::{
    command::{self, op},
    drive::{DriveStatus, kind},
    status::mode,
};
use galley_fiscal::{
    Baseline, Document, FiscalRecord, RecordKind,
    recovery::{Evidence, Found, KeyEvidence},
};

/// Documents behind the baseline that are looked through; more need a person.
const MAX_SCAN: u32 = 2000;
/// How far before the baseline is looked for a receipt, to learn whether keys come back.
const LOOK_BACK: u32 = 20;

impl ShtrihPrinter {
    /// Reads the evidence. With `keys` documents are read whole, which is needed where the printer has not answered.
    pub(super) async fn evidence(
        &mut self,
        document: &Document,
        baseline: &Baseline,
        keys: bool,
    ) -> Result<Evidence, CallError> {
        // The receipt's state first: were it read last, a close in between would look like "never begun".
        let receipt_open = self.short_status().await?.mode == mode::DOCUMENT;
        let cash = match document {
            Document::CashIn(_) | Document::CashOut(_) => self.cash().await?,
            _ => None,
        };
        let drive = self.drive_status().await?;
        // The drive's clock is in FF01, the minute of cash documents in the full status.
        let local_time = match document {
            Document::CashIn(_) | Document::CashOut(_) => {
                self.status_of_printer().await?.time.to_minute()
            }
            _ => String::new(),
        };
        let mut evidence = Evidence {
            drive_number: drive.number.clone(),
            last_document: drive.last_document,
            receipt_open,
            local_time,
            documents: Vec::new(),
            unreadable: 0,
            cash,
            keys_come_back: false,
        };
        let behind = drive.last_document.saturating_sub(baseline.last_document);
        if drive.number != baseline.drive_number || behind == 0 {
            return Ok(evidence);
        }
        if behind > MAX_SCAN {
            evidence.unreadable = behind;
            return Ok(evidence);
        }
        self.documents(&mut evidence, document, baseline, &drive, keys)
            .await?;
        Ok(evidence)
    }

    async fn documents(
        &mut self,
        evidence: &mut Evidence,
        document: &Document,
        baseline: &Baseline,
        drive: &DriveStatus,
        keys: bool,
    ) -> Result<(), CallError> {
        for number in baseline.last_document + 1..=drive.last_document {
            let Some(head) = self.head(number).await? else {
                evidence.unreadable += 1;
                continue;
            };
            let mut record = record_of(&head, &drive.number, Tags::default());
            let mut key = KeyEvidence::Unread;
            if keys
                && candidate(document, &record)
                && let Some(tags) = self.tags(number).await?
            {
                evidence.keys_come_back |= tags.key.is_some();
                key = tags.evidence();
                record = record_of(&head, &drive.number, tags);
            }
            evidence.documents.push(Found { record, key });
        }
        if !keys {
            return Ok(());
        }
        // The reply that came after all names our document, whatever the drive says of keys.
        if let Some(number) = self.kept_number()
            && let Some(receipt) = document.receipt()
        {
            for found in &mut evidence.documents {
                if found.record.document_number == number
                    && !matches!(found.key, KeyEvidence::Present(_))
                {
                    found.key = KeyEvidence::Present(receipt.key.clone());
                }
            }
        }
        let in_doubt = evidence
            .documents
            .iter()
            .any(|f| f.key == KeyEvidence::Absent);
        if in_doubt && !evidence.keys_come_back {
            evidence.keys_come_back = self.keys_came_back(baseline.last_document).await?;
        }
        Ok(())
    }

    /// Number of the document in the reply that nobody waited for any more.
    fn kept_number(&mut self) -> Option<u32> {
        let (code, body) = self.session.take_kept()?;
        let data = command::reply(&body, code).ok()?;
        let at = match code {
            op::FS_CLOSE_RECEIPT => 5,
            op::FS_CORRECTION => 2,
            _ => return None,
        };
        let bytes = data.get(at..at + 4)?;
        crate::tlv::number(bytes).and_then(|n| u32::try_from(n).ok())
    }

    /// Whether an earlier receipt of this drive gave a key back.
    async fn keys_came_back(&mut self, last: u32) -> Result<bool, CallError> {
        for number in (last.saturating_sub(LOOK_BACK) + 1..=last).rev() {
            let receipt = self
                .head(number)
                .await?
                .is_some_and(|d| d.kind == kind::RECEIPT);
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
}

/// Whether a document is worth the reading of its tags.
fn candidate(document: &Document, record: &FiscalRecord) -> bool {
    let kind = match document {
        Document::Receipt(r) => RecordKind::Receipt(r.kind),
        Document::Correction(c) => RecordKind::Correction(c.receipt.kind),
        _ => return false,
    };
    record.kind == kind
        && document
            .receipt()
            .is_some_and(|r| r.total_minor() == record.total_minor)
}
