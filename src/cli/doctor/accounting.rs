//! Whether 1C takes what the store will send: its address, its user's rights, and the names of its fields against the
//! base's own `$metadata`. Reads only.

use super::Finding;
use crate::{config::Config, connectors::one_c::OneC, credentials::Credentials, world::World};
use std::{path::Path, time::Duration};

/// How long 1C may take for all of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What can be said of accounting; nothing where there is none.
pub(super) async fn look(config: Option<&Path>) -> Vec<Finding> {
    let Some(config) = config.and_then(|c| Config::load(c).ok()) else {
        return Vec::new();
    };
    let Some(one_c) = config.connectors.one_c.clone() else {
        return Vec::new();
    };
    let password = Credentials::of(&config).and_then(|c| c.get(&one_c.password));
    let password = match password {
        Ok(password) => password,
        // Systemd hands credentials to the daemon alone.
        Err(why) => {
            return vec![
                Finding::ok(
                    "accounting",
                    "1C was not asked: its password is not to be read here",
                )
                .because(why),
            ];
        }
    };
    let world = match World::system() {
        Ok(world) => world,
        Err(e) => {
            return vec![Finding::warning(
                "accounting",
                format!("1C can't be asked: {e}"),
                "Install the system's certificates (ca-certificates).",
            )];
        }
    };
    let at = one_c.base_url.clone();
    let probe = OneC::new(one_c, &password, world.http.clone());
    let Ok(found) = tokio::time::timeout(PATIENCE, probe.probe()).await else {
        return vec![
            Finding::warning(
                "accounting",
                format!("1C at {at} does not answer"),
                "Reports wait meanwhile, and go out by themselves.",
            )
            .mend("galley logs --kind accounting."),
        ];
    };
    let mut findings: Vec<Finding> = found
        .findings
        .into_iter()
        .map(|f| match f.blocks {
            true => Finding::error("accounting", f.what, f.advice)
                .because("reports of shifts are not sent to 1C until then"),
            false => Finding::warning("accounting", f.what, f.advice),
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::ok(
            "accounting",
            format!("1C at {at} takes the reports: fields and references are there"),
        ));
    }
    findings
}
