//! What people ask of the printer directly, and wait for: reading it, its clock, paper that is no document.

use super::{Printer, not_now, refusal, slips};
use crate::{
    domain::shift_report::Counters,
    flow::{
        effects::slip,
        executor::{Call, NotNow, Outcome},
    },
    store::StoreError,
};
use futures_util::future::BoxFuture;
use galley_fiscal::{FiscalError, FiscalPrinter};
use serde_json::Value;

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
        let slip::Request { order_id } = match call.request() {
            Ok(request) => request,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        let read = self.site.store.read(move |s| s.order(order_id)).await;
        let order = match read {
            Ok(Some(order)) if !order.all_pieces_settled() => order,
            Ok(_) => return Outcome::Done(Value::Null),
            Err(e) => {
                let e: StoreError = e;
                return Outcome::NotSent(NotNow::new(e.to_string(), "See the daemon's log."));
            }
        };
        let slip = slips::kitchen(&order);
        let printed = self
            .ask(|p| Box::pin(async move { p.slip(&slip).await }))
            .await;
        match printed {
            Ok(()) => Outcome::Done(Value::Null),
            // What is printed too late is of no use: nothing behind it may wait for it.
            Err(e @ (FiscalError::Refused { retry: false, .. } | FiscalError::Unsupported(_))) => {
                Outcome::Refused(refusal("printer", &e))
            }
            Err(e) => Outcome::NotSent(not_now(&e)),
        }
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
