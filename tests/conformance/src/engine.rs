//! What a careful caller does with one intent: baseline, register, and after any doubt recover until decided.

use crate::Bench;
use galley_fiscal::{Baseline, Document, FiscalError, FiscalRecord, Recovered};
use std::time::Duration;

/// Attempts after which an intent counts as undecidable.
const ATTEMPTS: u32 = 60;

/// How an intent ended.
#[derive(Debug)]
pub struct Done {
    /// What was registered.
    pub record: FiscalRecord,
    /// Attempts that ended without an answer.
    pub doubts: u32,
}

/// Carries `document` out. With `die`, the daemon dies after every doubt. `patience` lies between two attempts.
pub async fn carry_out(
    bench: &mut Bench,
    document: &Document,
    die: bool,
    patience: Duration,
) -> Result<Done, FiscalError> {
    let mut doubts = 0;
    let mut baseline: Option<Baseline> = None;
    for _ in 0..ATTEMPTS {
        let mut printer = match bench.driver.open().await {
            Ok(printer) => printer,
            Err(FiscalError::Unreachable { .. }) => {
                bench.make.repair();
                tokio::time::sleep(patience).await;
                continue;
            }
            Err(e) => return Err(e),
        };
        if let Some(before) = &baseline {
            match printer.recover(document, before).await {
                Ok(Recovered::Registered(record)) => return Ok(Done { record, doubts }),
                Ok(Recovered::NotRegistered) => baseline = None,
                Err(FiscalError::Unreachable { .. } | FiscalError::Unknown { .. }) => {
                    bench.make.repair();
                    tokio::time::sleep(patience).await;
                    continue;
                }
                Err(e) => return Err(e),
            }
        }
        let before = match printer.baseline().await {
            Ok(before) => before,
            Err(
                FiscalError::Unreachable { .. }
                | FiscalError::Unknown { .. }
                | FiscalError::Refused { retry: true, .. },
            ) => {
                tokio::time::sleep(patience).await;
                continue;
            }
            Err(e) => return Err(e),
        };
        match printer.register(document, &before).await {
            Ok(record) => return Ok(Done { record, doubts }),
            Err(FiscalError::Unreachable { .. }) => {}
            Err(FiscalError::Unknown { .. }) => {
                doubts += 1;
                baseline = Some(before);
                if die {
                    drop(printer);
                    bench.die();
                }
            }
            Err(FiscalError::Refused { retry: true, .. }) => {
                bench.make.repair();
                tokio::time::sleep(patience).await;
            }
            Err(e) => return Err(e),
        }
    }
    panic!(
        "{} is not decided after {ATTEMPTS} attempts",
        document.key()
    );
}
