//! The one place where back ends of fiscal printers, and drivers of slip printers, are listed.

use crate::{
    config::{Config, PrinterKind, PrinterSection, SlipPrinterKind, SlipPrinterSection},
    devices::slip_printer::{SlipWiring, Station},
    gateway::client::GatewayPrinters,
    world::{Secret, World},
};
use anyhow::Context as _;
use galley_atol::{
    AtolPrinters,
    web::{AtolWebPrinters, Credentials},
};
use galley_escpos::EscPosPrinter;
use galley_fiscal::{PlainPrinter, PrinterFactory};
use galley_link::{Dialer, WireFile, WireLog};
use galley_shtrih_m::ShtrihPrinters;
use std::sync::Arc;

/// A file of the wire log; a day of a busy till is some of these.
const WIRE_LOG_BYTES: u64 = 16 * 1024 * 1024;
/// Older files that are kept.
const WIRE_LOG_FILES: u32 = 3;

/// The printer of a configuration. `secret` reads a credential by name.
///
/// # Errors
/// When a setting or a credential is missing or makes no sense.
pub(in crate::cli) fn open(
    section: &PrinterSection,
    world: &World,
    secret: &dyn Fn(&str) -> anyhow::Result<Secret>,
) -> anyhow::Result<Arc<dyn PrinterFactory>> {
    let address = || section.address.parse().context("address");
    let dialer: Arc<dyn Dialer> = match &section.wire_log {
        None => world.dialer.clone(),
        Some(path) => {
            let file = WireFile {
                path: path.clone(),
                max_bytes: WIRE_LOG_BYTES,
                keep: WIRE_LOG_FILES,
            };
            let log = WireLog::new(1, Some(file))
                .with_context(|| format!("wire_log: cannot write {}", path.display()))?;
            Arc::new(log.dialer(world.dialer.clone()))
        }
    };
    Ok(match section.kind {
        PrinterKind::AtolNative => {
            Arc::new(AtolPrinters::new(dialer, address()?, section.atol.clone()))
        }
        PrinterKind::AtolWeb => {
            let login = section
                .web_login
                .as_ref()
                .map(|login| -> anyhow::Result<_> {
                    Ok(Credentials {
                        user: login.user.clone(),
                        password: secret(&login.password_credential)?.reveal().to_owned(),
                    })
                });
            let ids = world.clone();
            let printers = AtolWebPrinters::new(
                dialer,
                address()?,
                section.atol_web.clone(),
                Arc::new(move || ids.new_id()),
            );
            Arc::new(printers.with_credentials(login.transpose()?))
        }
        PrinterKind::ShtrihM => Arc::new(ShtrihPrinters::new(
            dialer,
            address()?,
            section.shtrih_m.clone(),
        )),
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

/// The slip printers of a configuration; one that is both is one.
///
/// # Errors
/// When an address makes no sense.
pub(in crate::cli) fn open_slip_printers(
    config: &Config,
    world: &World,
) -> anyhow::Result<Vec<SlipWiring>> {
    let slips = &config.slip_printer;
    let mut wired = Vec::new();
    let mut wire = |stations: Vec<Station>, section: &SlipPrinterSection| -> anyhow::Result<()> {
        wired.push(SlipWiring {
            stations,
            printer: slip_printer(section, world)?,
            address: section.address.clone(),
        });
        Ok(())
    };
    match (&slips.kitchen, &slips.pre_bill) {
        (Some(one), Some(same)) if one == same => {
            wire(vec![Station::Kitchen, Station::PreBill], one)?;
        }
        (kitchen, pre_bill) => {
            if let Some(section) = kitchen {
                wire(vec![Station::Kitchen], section).context("[slip_printer.kitchen]")?;
            }
            if let Some(section) = pre_bill {
                wire(vec![Station::PreBill], section).context("[slip_printer.pre_bill]")?;
            }
        }
    }
    Ok(wired)
}

fn slip_printer(
    section: &SlipPrinterSection,
    world: &World,
) -> anyhow::Result<Box<dyn PlainPrinter>> {
    let address = section.address.parse().context("address")?;
    Ok(match section.kind {
        SlipPrinterKind::Escpos => Box::new(EscPosPrinter::new(
            world.dialer.clone(),
            address,
            section.escpos.clone(),
        )),
    })
}
