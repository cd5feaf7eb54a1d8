//! The one place where back ends of fiscal printers are listed.

use crate::{
    config::{PrinterKind, PrinterSection},
    gateway::client::GatewayPrinters,
    world::{Secret, World},
};
use anyhow::Context as _;
use galley_atol::AtolPrinters;
use galley_fiscal::PrinterFactory;
use std::sync::Arc;

/// The printer of a configuration. `secret` reads a credential by name.
///
/// # Errors
/// When a setting or a credential is missing or makes no sense.
pub(super) fn open(
    section: &PrinterSection,
    world: &World,
    secret: &dyn Fn(&str) -> anyhow::Result<Secret>,
) -> anyhow::Result<Arc<dyn PrinterFactory>> {
    Ok(match section.kind {
        PrinterKind::AtolNative => {
            let address = section.address.parse().context("address")?;
            Arc::new(AtolPrinters::new(
                world.dialer.clone(),
                address,
                section.atol.clone(),
            ))
        }
        PrinterKind::Gateway => {
            let at = section.gateway.as_ref().context("gateway")?;
            Arc::new(GatewayPrinters::new(
                world.http.clone(),
                &section.address,
                &at.device,
                secret(&at.token_credential)?,
            ))
        }
    })
}
