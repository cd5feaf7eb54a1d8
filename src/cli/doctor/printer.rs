//! Which back end the printer needs: asked of the daemon, which holds the line, or of the printer itself while the
//! daemon is down.

use super::Finding;
use crate::{
    cli::{
        client::{CallError, Door},
        output::View,
        printers,
    },
    config::{Config, PrinterKind, PrinterSection},
    devices::slip_printer::SlipPrinter,
    world::World,
};
use galley_fiscal::{FiscalError, PrinterInfo};
use serde_json::Value;
use std::{path::Path, time::Duration};

/// How long a printer may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// What can be said of the printer and its back end.
pub(super) async fn look(door: &Door, config: Option<&Path>) -> anyhow::Result<Vec<Finding>> {
    match door.client()?.get("/devices/printer/info").await {
        Ok(info) => Ok(told(&info)),
        Err(CallError::Unreachable { .. }) => Ok(match config.and_then(|c| Config::load(c).ok()) {
            Some(config) => {
                let mut findings: Vec<Finding> = probe(&config).await.into_iter().collect();
                findings.extend(probe_slips(&config).await);
                findings
            }
            None => Vec::new(),
        }),
        Err(CallError::Refused(problem)) if problem.slug == "device_away" => {
            Ok(vec![unserved(&problem.detail)])
        }
        // No printer, or no right to ask.
        Err(_) => Ok(Vec::new()),
    }
}

fn told(info: &Value) -> Vec<Finding> {
    let info = View(info);
    let ffd = info.text("capabilities.ffd");
    let mut findings = vec![Finding::ok(
        "till",
        format!(
            "{} {}: the back end {} serves it, FFD {ffd}",
            info.text("model"),
            info.text("serial"),
            info.text("backend"),
        ),
    )];
    let rates: Vec<&str> = info
        .each("capabilities.vat")
        .filter_map(|v| v.0.as_str())
        .collect();
    if !rates.is_empty() && !rates.contains(&"vat22") {
        findings.push(Finding::warning(
            "till",
            "it does not know the rate of 22 % VAT that is in force from 2026",
            "Dishes of the class standard are not sold. New firmware is needed; for ATOL of platform 5.0 the web back end with driver 10.10.8.",
        ));
    }
    findings
}

fn unserved(why: &str) -> Finding {
    Finding::error(
        "till",
        why.to_owned(),
        "See docs/fiscal.md and the runbook: printer.kind names the back end, printer.address where it is.",
    )
}

/// Asks the printer itself who it is. Reads only.
async fn probe(config: &Config) -> Option<Finding> {
    let printer = &PrinterSection {
        // The log is the daemon's.
        wire_log: None,
        ..config.printer.clone()?
    };
    let secret = |name: &str| config.credential(name).map_err(anyhow::Error::msg);
    let opened = World::system()
        .map_err(anyhow::Error::from)
        .and_then(|world| printers::open(printer, &world, &secret));
    let factory = match opened {
        Ok(factory) => factory,
        Err(e) => return Some(unserved(&format!("{e:#}"))),
    };
    let opened = tokio::time::timeout(PATIENCE, factory.open()).await;
    Some(match opened {
        Ok(Ok(live)) => answered(live.info()),
        Ok(Err(FiscalError::Unsupported(why))) if printer.kind == PrinterKind::AtolNative => {
            Finding::error(
                "till",
                why,
                "Set printer.kind to atol_web and printer.address to the vendor's web server.",
            )
        }
        Ok(Err(e)) => unserved(&e.to_string()),
        Err(_) => unserved("the printer does not say who it is"),
    })
}

/// Asks the slip printers whether they can print. While the daemon runs, its devices tell.
async fn probe_slips(config: &Config) -> Vec<Finding> {
    let wired = World::system()
        .map_err(anyhow::Error::from)
        .and_then(|world| printers::open_slip_printers(config, &world));
    let wired = match wired {
        Ok(wired) => wired,
        Err(e) => return vec![slips_away("", &format!("{e:#}"))],
    };
    let mut findings = Vec::new();
    for mut slip in wired {
        let id = SlipPrinter::id_of(&slip.stations);
        let asked = tokio::time::timeout(PATIENCE, slip.printer.ready()).await;
        findings.push(match asked {
            Ok(Ok(())) => Finding::ok("slips", format!("{id}: it can print")),
            Ok(Err(FiscalError::Refused { text, advice, .. })) => {
                Finding::warning("slips", format!("{id}: {text}"), advice)
            }
            Ok(Err(e)) => slips_away(id, &e.to_string()),
            Err(_) => slips_away(id, "it does not answer"),
        });
    }
    findings
}

fn slips_away(id: &str, why: &str) -> Finding {
    Finding::error(
        "slips",
        format!("{id}: {why}"),
        "Check that it is on and plugged in, and its address under [slip_printer].",
    )
}

fn answered(info: &PrinterInfo) -> Finding {
    Finding::ok(
        "till",
        format!(
            "{} {}: the back end {} serves it",
            info.model, info.serial, info.backend
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Level;
    use serde_json::json;

    #[test]
    fn a_printer_is_named_with_its_back_end_and_told_when_its_rates_are_old() {
        let info = |vat: Value| json!({"model": "ATOL 91F", "serial": "1", "backend": "atol_native", "capabilities": {"ffd": "1.05", "vat": vat}});
        let fine = told(&info(json!(["vat20", "vat22"])));
        assert_eq!(fine.len(), 1);
        assert!(
            fine[0].text.contains("atol_native serves it"),
            "{}",
            fine[0].text
        );
        // One that says nothing of its rates is not accused.
        assert_eq!(told(&info(json!([]))).len(), 1);
        let old = told(&info(json!(["vat20"])));
        assert_eq!(old[1].level, Level::Warning);
    }
}
