//! The vendor's step-by-step check of marked units: begun, looked at, accepted or declined, one at a time.
//!
//! The printer's whole check is done when it is begun; what the till then asks for is told from memory, and the
//! decision is handed on. A restart of the gateway forgets a check that is under way, and the till is told so (404):
//! it begins again, and nothing was registered. [source: atol.md 3.5; forms of the answers by the text of the vendor's
//! scripts, 10.10.8]

use super::codes;
use galley_atol::json::{
    ImcParams,
    answer::{
        ItemInfoCheckResult, MarkingAccepted, MarkingBegun, MarkingStatusAnswer, OfflineValidation,
        OnlineValidation,
    },
    marking_of_params,
};
use galley_fiscal::{FiscalError, FiscalPrinter, MarkingCheck};
use serde_json::{Value, json};

/// What is known of the check under way at one printer.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Marks {
    /// Its result; the inner one is none while only the printer itself knows it.
    begun: Option<Option<MarkingCheck>>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Begin(Box<ImcParams>),
    Status,
    Accept,
    Decline,
    Cancel,
    Clear,
    /// Several in a row: what is fine is accepted, the rest declined.
    Validate(Vec<ImcParams>),
    /// Whether all checks are over.
    Ready,
}

/// A unit that the printer's check speaks against, as the vendor's code.
pub(in crate::gateway) fn wrong() -> FiscalError {
    codes::own(codes::MARK_WRONG)
}

impl Marks {
    pub(super) async fn answer(
        &mut self,
        step: &Step,
        p: &mut dyn FiscalPrinter,
    ) -> Result<Value, FiscalError> {
        match step {
            Step::Begin(params) => {
                if self.begun.is_some() {
                    return Err(codes::own(codes::MARK_UNDER_WAY));
                }
                let told = self.begin(params, p).await?;
                Ok(json!(MarkingBegun {
                    offline_validation: offline(told),
                }))
            }
            Step::Status => match self.begun {
                None => Err(codes::own(codes::MARK_NOT_BEGUN)),
                Some(told) => Ok(status(told)),
            },
            Step::Accept => Ok(json!(MarkingAccepted {
                item_info_check_result: self.settle(true, p).await?.into(),
            })),
            Step::Decline => self.settle(false, p).await.map(|_| json!({})),
            Step::Cancel => {
                if self.begun.take().is_some() {
                    p.settle_marking(false).await?;
                }
                Ok(json!({}))
            }
            Step::Clear => {
                self.begun = None;
                match p.forget_markings().await {
                    // A printer that knows no marked goods has nothing to forget.
                    Ok(()) | Err(FiscalError::Unsupported(_)) => Ok(json!({})),
                    Err(e) => Err(e),
                }
            }
            Step::Validate(all) => {
                let mut answers = Vec::new();
                for params in all {
                    answers.push(self.validate(params, p).await?);
                }
                Ok(json!(answers))
            }
            Step::Ready => Ok(json!({"validationReady": true})),
        }
    }

    async fn begin(
        &mut self,
        params: &ImcParams,
        p: &mut dyn FiscalPrinter,
    ) -> Result<Option<MarkingCheck>, FiscalError> {
        let marking = marking_of_params(params).map_err(|_| codes::own(codes::BAD_TASK))?;
        let told = p.begin_marking(&marking).await?;
        self.begun = Some(told);
        Ok(told)
    }

    async fn settle(
        &mut self,
        accept: bool,
        p: &mut dyn FiscalPrinter,
    ) -> Result<MarkingCheck, FiscalError> {
        let told = self
            .begun
            .take()
            .ok_or_else(|| codes::own(codes::MARK_NOT_BEGUN))?;
        let settled = p.settle_marking(accept).await?;
        match settled.or(told) {
            Some(check) => Ok(check),
            None if accept => Err(codes::own(codes::MARK_UNCHECKED)),
            None => Ok(MarkingCheck::default()),
        }
    }

    /// One of several: a code that can't be checked does not keep the others from it.
    async fn validate(
        &mut self,
        params: &ImcParams,
        p: &mut dyn FiscalPrinter,
    ) -> Result<Value, FiscalError> {
        if self.begun.take().is_some() {
            p.settle_marking(false).await?;
        }
        let told = match self.begin(params, p).await {
            Ok(told) => told,
            Err(e @ (FiscalError::Unreachable { .. } | FiscalError::Unknown { .. })) => {
                return Err(e);
            }
            Err(e) => {
                let backend = p.info().backend.clone();
                let (code, text) = codes::of_error(&e, Some(&backend));
                return Ok(json!({"driverError": driver_error(code, text)}));
            }
        };
        let mut answer = status(told);
        answer["offlineValidation"] = json!(offline(told));
        let fine = told.is_some_and(|c| c.checked && c.right && c.status_known && c.status_right);
        let settled = self.settle(fine, p).await?;
        if fine {
            answer["itemInfoCheckResult"] = json!(ItemInfoCheckResult::from(settled));
        }
        Ok(answer)
    }
}

/// What the drive itself says. Our printers tell one result, in which its bits are.
fn offline(told: Option<MarkingCheck>) -> OfflineValidation {
    let check = told.unwrap_or_default();
    let reason = if check.checked { "checked" } else { "other" };
    OfflineValidation {
        fm_check: check.checked,
        fm_check_result: check.right,
        fm_check_error_reason: Some(reason.to_owned()),
    }
}

fn status(told: Option<MarkingCheck>) -> Value {
    // Without the state's server the vendor's driver has an error and no result of it.
    let online = told.filter(|check| check.status_known);
    let code = match online {
        Some(_) => codes::FINE,
        None => codes::MARK_SERVER,
    };
    let mut answer = json!(MarkingStatusAnswer {
        ready: true,
        driver_error: None,
        sent_imc_request: Some(online.is_some()),
        online_validation: online.map(|check| OnlineValidation {
            item_info_check_result: check.into(),
            imc_type: None,
        }),
    });
    answer["driverError"] = driver_error(code, codes::words(code));
    answer
}

fn driver_error(code: u16, description: String) -> Value {
    let mut error = json!({"code": code, "description": description});
    if let Some(word) = codes::error_word(code) {
        error["error"] = json!(word);
    }
    error
}
