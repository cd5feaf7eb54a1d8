//! The check of a receipt's marked units before it, where whoever asks for the receipt wants it.

use super::Worker;
use crate::gateway::{
    dropin,
    journal::{Door, Row, Trouble},
    task::{Asked, Task},
};
use galley_fiscal::{Document, FiscalError, Line, MarkingCheck};

/// Why a receipt was not begun. Nothing was registered.
pub(super) enum Unchecked {
    /// A unit may not be sold, or this printer can't check any.
    Wrong(Trouble),
    /// The printer is away; later.
    Away(FiscalError),
}

impl Worker {
    /// What is asked for, with what the printer says of its units in their lines (tag 2106), where that is asked for.
    pub(super) async fn units_checked(
        &mut self,
        row: &Row,
        asked: Asked,
    ) -> Result<Task, Unchecked> {
        let mut task = asked.task;
        let Task::Fiscal(document) = &mut task else {
            return Ok(task);
        };
        if !asked.options.check_marking {
            return Ok(task);
        }
        for line in lines(document) {
            let name = line.name.clone();
            let Some(marking) = line.details.marking.as_mut() else {
                continue;
            };
            let checked = match self.open().await {
                Ok(printer) => printer.check_marking(marking).await,
                Err(e) => Err(e),
            };
            match checked {
                Ok(check) if speaks_against(check) => {
                    return Err(Unchecked::Wrong(self.refused(row, &name).await));
                }
                Ok(check) => marking.checked = Some(check),
                Err(e @ (FiscalError::Refused { .. } | FiscalError::Unsupported(_))) => {
                    return Err(Unchecked::Wrong(Trouble::of(&e)));
                }
                Err(e) => return Err(Unchecked::Away(e)),
            }
        }
        Ok(task)
    }

    /// The printer forgets what it has accepted for the receipt that does not come.
    async fn refused(&mut self, row: &Row, name: &str) -> Trouble {
        let forgotten = match self.open().await {
            Ok(printer) => printer.forget_markings().await,
            Err(e) => Err(e),
        };
        if let Err(error) = forgotten {
            tracing::warn!(device = self.device.id(), %error, "the printer keeps checked units");
        }
        match row.door {
            Door::Vendor => Trouble::of(&dropin::wrong_unit()),
            Door::Native | Door::Own => Trouble::new(
                "unit_refused",
                format!("the printer's check speaks against the marked unit of {name:?}"),
                "Take another unit, and ask under a new key.",
            ),
        }
    }
}

/// Its code is forged, or the state forbids what is planned with it. That the state's server was not reached is neither.
fn speaks_against(check: MarkingCheck) -> bool {
    check.checked && !check.right || check.status_known && !check.status_right
}

fn lines(document: &mut Document) -> &mut [Line] {
    match document {
        Document::Receipt(receipt) => &mut receipt.lines,
        Document::Correction(correction) => &mut correction.receipt.lines,
        _ => &mut [],
    }
}
