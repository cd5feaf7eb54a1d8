//! What people ask of the printer directly, and wait for: reading it, its clock, paper that is no document.

use super::{
    super::slip_printer::{self, Wanted},
    CHECK, Printer,
};
use crate::{
    domain::shift_report::Counters,
    flow::executor::{Call, Outcome},
};
use futures_util::future::BoxFuture;
use galley_fiscal::{FiscalError, FiscalPrinter};

impl Printer {
    /// Asks the printer, when it is free. For what changes no fiscal document: an answer that is lost may be asked
    /// for again.
    ///
    /// # Errors
    /// What the printer says, or that it can't be reached.
    pub async fn ask<T>(
        &self,
        question: impl for<'a> FnOnce(
            &'a mut dyn FiscalPrinter,
        ) -> BoxFuture<'a, Result<T, FiscalError>>,
    ) -> Result<T, FiscalError> {
        let mut session = self.session.lock().await;
        let result = match self.open(&mut session).await {
            Ok(printer) => question(printer.as_mut()).await,
            Err(e) => Err(e),
        };
        self.settle(&mut session, result).await
    }

    /// Prints the slip of an order for the kitchen; nothing, when the order has nothing left to cook.
    pub(super) async fn kitchen_slip(&self, call: &Call) -> Outcome {
        let slip = match slip_printer::wanted(&self.site, call).await {
            Wanted::Slip(slip) => slip,
            Wanted::Instead(outcome) => return outcome,
        };
        let mut session = self.session.lock().await;
        let result = match self.open(&mut session).await {
            // Once it was spoken to, a link that breaks leaves open how much is on paper.
            Ok(printer) => printer.slip(&slip).await.map_err(|e| match e {
                FiscalError::Unreachable { detail } => FiscalError::Unknown { detail },
                e => e,
            }),
            Err(e) => Err(e),
        };
        // What is printed too late is of no use: a refusal ends it, so that nothing behind it waits.
        slip_printer::outcome(self.settle(&mut session, result).await, CHECK)
    }

    /// What the printer has counted in the shift; none when it does not say.
    ///
    /// # Errors
    /// When it can't be reached.
    pub async fn counters(&self) -> Result<Option<Counters>, FiscalError> {
        let mut session = self.session.lock().await;
        let counted = self.count(&mut session).await;
        let counted = self.settle(&mut session, counted).await?;
        Ok(counted.map(|c| *c))
    }

    /// The printer's clock less the box's, in seconds, for a local time it told; none when it is no time.
    #[must_use]
    pub fn ahead_s(&self, local_time: &str) -> Option<i64> {
        self.clock_ahead_s(local_time)
    }
}
