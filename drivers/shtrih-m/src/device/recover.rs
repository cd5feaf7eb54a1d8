//! Finding out what became of an act in doubt (9).

use super::{
    ShtrihPrinter,
    acts::{CANCEL_LIMIT, other_drive, unknown},
    calls::CallError,
};
use crate::{error_table::NO_PAPER, status::submode};
use galley_fiscal::{
    Baseline, Document, FiscalError, Recovered,
    recovery::{self, Decision},
};
use tokio::time::sleep;

impl ShtrihPrinter {
    pub(super) async fn recover_document(
        &mut self,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<Recovered, FiscalError> {
        let (mut cancels, mut settled) = (0, false);
        loop {
            // It must be quiet: what it still prints may become a document. Without paper it is as quiet as it gets.
            let now = self.settle(false).await.map_err(quiet)?;
            self.know_registration().await.map_err(|e| again(&e))?;
            let waits = matches!(now.submode, submode::PAPER_RAN_OUT | submode::WAITS);
            let evidence = self
                .evidence(document, baseline, true)
                .await
                .map_err(|e| again(&e))?;
            match recovery::decide(document, baseline, &evidence) {
                Decision::Registered(mut record) => {
                    record.shift_number = recovery::shift_of(&record, baseline, &evidence);
                    let prints = document
                        .receipt()
                        .is_none_or(|r| r.print && self.config.print_receipts);
                    let last = record.document_number == evidence.last_document
                        || baseline.last_document == evidence.last_document;
                    let record = self.complete(document, record, prints, last).await;
                    self.session.forget();
                    return Ok(Recovered::Registered(record));
                }
                // A document whose printing waits for paper may still be registered when it goes on.
                Decision::CancelReceipt | Decision::NotRegistered if waits => {
                    return Err(FiscalError::Unknown {
                        detail: "the printer waits for paper in the middle of a document"
                            .to_owned(),
                    });
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
                Decision::NotRegistered => {
                    self.session.forget();
                    return Ok(Recovered::NotRegistered);
                }
                Decision::OtherDrive => return Err(other_drive(baseline, &evidence.drive_number)),
                Decision::NeedsPerson(why) => return Err(FiscalError::NeedsPerson(why)),
            }
        }
    }
}

/// In recovery even a refusal says nothing about the document: ask again later.
fn again(error: &CallError) -> FiscalError {
    match error {
        CallError::Device(_) | CallError::Busy => unknown(error),
        _ => FiscalError::Unreachable {
            detail: error.detail(),
        },
    }
}

/// A printer that can't be brought to rest.
fn quiet(error: FiscalError) -> FiscalError {
    match error {
        FiscalError::Refused { code, text, .. } if code != u16::from(NO_PAPER) => {
            FiscalError::Unknown { detail: text }
        }
        FiscalError::Refused { text, .. } => FiscalError::Unknown { detail: text },
        other => other,
    }
}
