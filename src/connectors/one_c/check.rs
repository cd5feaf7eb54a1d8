//! The self-check: can this store's reports be written to this infobase?

use super::{
    client::{CallError, Client},
    config::Config,
    metadata, wire,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// What the check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SelfCheck {
    /// Whether 1C answered to the end; when not, the list is not complete.
    pub complete: bool,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether reports can't be sent because of it.
    pub blocks: bool,
    /// What it is.
    pub what: String,
    /// What a person can do.
    pub advice: String,
}

impl SelfCheck {
    /// Whether reports can be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.complete && self.blocking().next().is_none()
    }

    /// What keeps reports from being sent.
    pub fn blocking(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.blocks)
    }

    fn add(&mut self, blocks: bool, what: impl Into<String>, advice: impl Into<String>) {
        self.findings.push(Finding {
            blocks,
            what: what.into(),
            advice: advice.into(),
        });
    }
}

const COMPOSITION: &str = "In 1C: Администрирование, Синхронизация данных, Настройка автоматического REST-сервиса (OData): add the documents and catalogs that the guide lists.";
const RELEASE: &str = "The configuration of 1C has other fields than 1C:Accounting 3.0. Name them in one_c.names, or update Galley or 1C.";

/// Asks 1C everything that a report will need, and changes nothing.
pub async fn run(client: &Client, config: &Config) -> SelfCheck {
    let mut check = SelfCheck::default();
    match gather(client, config, &mut check).await {
        Ok(()) => check.complete = true,
        Err(error) => check.add(true, error.to_string(), error.advice()),
    }
    check
}

async fn gather(client: &Client, config: &Config, check: &mut SelfCheck) -> Result<(), CallError> {
    for fault in config.faults() {
        check.add(true, format!("one_c.{fault}"), "Mend the configuration.");
    }
    if config.base_url.starts_with("http://") {
        check.add(
            false,
            "one_c.base_url: the password and the books go over the network in the clear",
            "Publish the infobase over HTTPS.",
        );
    }
    if !client.is_anything_exposed().await? {
        check.add(true, "the OData interface exposes nothing", COMPOSITION);
        return Ok(());
    }
    let page = client.metadata().await?;
    let missing = match metadata::check(&page, &metadata::needs(config), client.names()) {
        Ok(missing) => missing,
        Err(error) => {
            check.add(true, error.to_string(), COMPOSITION);
            return Ok(());
        }
    };
    let mut hidden = BTreeSet::new();
    for miss in missing {
        let advice = match &miss {
            metadata::Missing::Set { set } => {
                hidden.insert(set.clone());
                COMPOSITION
            }
            _ => RELEASE,
        };
        check.add(true, miss.to_string(), advice);
    }
    references(client, config, &hidden, check).await
}

async fn references(
    client: &Client,
    config: &Config,
    hidden: &BTreeSet<String>,
    check: &mut SelfCheck,
) -> Result<(), CallError> {
    for reference in config.references() {
        if hidden.contains(client.names().of(reference.set)) || reference.key.is_nil() {
            continue;
        }
        let item = reference.set == wire::ITEMS;
        let properties: &[&str] = if item {
            &["Ref_Key", "DeletionMark", "IsFolder"]
        } else {
            &["Ref_Key", "DeletionMark"]
        };
        let found = client.read(reference.set, reference.key, properties).await;
        let (setting, key, set) = (&reference.setting, reference.key, reference.set);
        let object = match found {
            Ok(Some(object)) => object,
            Ok(None) => {
                check.add(
                    true,
                    format!("one_c.{setting}: {set} has no {key}"),
                    "Set it to the GUID of the right object of 1C.",
                );
                continue;
            }
            // A property that is missing has been told above.
            Err(error) if error.is_final() => {
                check.add(true, format!("one_c.{setting}: {error}"), error.advice());
                continue;
            }
            Err(error) => return Err(error),
        };
        let flag = |name| object.flag(client.names().of(name)) == Some(true);
        if item && flag("IsFolder") {
            check.add(
                true,
                format!("one_c.{setting}: {key} is a folder of {set}"),
                "Set it to the GUID of an item.",
            );
        }
        if flag("DeletionMark") {
            check.add(
                false,
                format!("one_c.{setting}: {key} is marked for deletion in {set}"),
                "Ask the accountant which object takes its place.",
            );
        }
    }
    Ok(())
}
