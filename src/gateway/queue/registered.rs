//! What a receipt says is compared with what the printer is registered for, before anything leaves the box.

use super::Worker;
use crate::gateway::journal::Trouble;
use galley_fiscal::{Document, FiscalError, Registration, TaxSystem};

impl Worker {
    /// Why this printer may not register the document. A printer that does not say how it is registered judges by itself.
    pub(super) async fn unregistered(
        &mut self,
        document: &Document,
    ) -> Result<Option<Trouble>, FiscalError> {
        let Some(wanted) = document.receipt().map(|r| r.tax_system) else {
            return Ok(None);
        };
        let fits = |known: Option<&Registration>| {
            known.is_none_or(|r| {
                // Bits that nobody here knows leave the list empty.
                r.tax_systems.is_empty() || r.tax_systems.contains(&wanted)
            })
        };
        // One that does not fit is read anew: the printer may have been registered again since.
        if self.registration.is_none() || !fits(self.registration.as_ref()) {
            self.read_registration().await?;
        }
        if fits(self.registration.as_ref()) {
            return Ok(None);
        }
        let may = self.registration.as_ref().map(|r| &r.tax_systems);
        let may: Vec<String> = may.into_iter().flatten().map(|s| word(*s)).collect();
        let wanted = word(wanted);
        Ok(Some(Trouble {
            field: Some("tax_system".to_owned()),
            ..Trouble::new(
                "tax_system",
                format!(
                    "the printer is not registered for the tax system {wanted} (tag 1055), only for {}",
                    may.join(", ")
                ),
                "Ask for it under a new key with a tax system of the registration, or have the printer registered for this one.",
            )
        }))
    }

    async fn read_registration(&mut self) -> Result<(), FiscalError> {
        let told = match self.open().await {
            Ok(printer) => printer.registration().await,
            Err(e) => Err(e),
        };
        self.registration = match told {
            Ok(registration) => Some(registration),
            Err(FiscalError::Refused { .. } | FiscalError::Unsupported(_)) => None,
            Err(e) => return Err(e),
        };
        Ok(())
    }
}

/// As the gateway's JSON says it.
fn word(system: TaxSystem) -> String {
    serde_json::to_value(system)
        .ok()
        .and_then(|v| Some(v.as_str()?.to_owned()))
        .unwrap_or_default()
}
