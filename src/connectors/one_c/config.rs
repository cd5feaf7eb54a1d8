//! Settings of the exchange with 1C.

use super::{key, wire::Names};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use uuid::Uuid;

/// How the exchange with 1C is set up in this store. Every reference is a GUID of 1C (`Ref_Key`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Root of the interface: `https://host/base/odata/standard.odata/`.
    pub base_url: String,
    /// User of the infobase, with the role for remote OData access.
    pub user: String,
    /// Name of the credential that holds the user's password.
    pub password: String,
    /// Seconds an answer may take. A report of a large shift is posted within a few seconds.
    #[serde(default = "default_timeout_s")]
    pub timeout_s: u16,
    /// Requests at a time; each takes a session and a licence of 1C.
    #[serde(default = "default_max_in_flight")]
    pub max_in_flight: u16,
    /// Read lists without the rows that the user may not see, instead of failing on them.
    #[serde(default = "yes")]
    pub allowed_only: bool,
    /// Post documents. When false they are stored and an accountant posts them.
    #[serde(default = "yes")]
    pub post_documents: bool,
    /// Also write the cash-book order for the cash of the shift.
    #[serde(default)]
    pub cash_book: bool,
    /// Replace our own document while it is not posted, if its contents have changed (a mending of the
    /// mapping after 1C refused to post it). When false, a person is asked.
    #[serde(default)]
    pub allow_rewrite: bool,
    /// What a mismatch between our fields and those of the infobase does.
    #[serde(default)]
    pub metadata_check: MetadataCheck,
    /// Namespace of the documents' keys. Never change it after the first document.
    #[serde(default = "default_namespace")]
    pub namespace_uuid: Uuid,
    /// Организация.
    pub organisation: Uuid,
    /// Склад; a shop or a wholesale warehouse, not a non-automated outlet.
    pub warehouse: Uuid,
    /// Подразделение.
    #[serde(default)]
    pub department: Option<Uuid>,
    /// СчетКасса: the account of cash (50.01 or 50.02).
    pub cash_account: Uuid,
    /// СтатьяДвиженияДенежныхСредств.
    #[serde(default)]
    pub cash_flow_item: Option<Uuid>,
    /// ВалютаДокумента: the currency of the store, which must be the currency of the books.
    pub currency: Uuid,
    /// Tenders that are banknotes and coins: they are no row of a report, 1C posts what remains as cash.
    #[serde(default = "default_cash_tenders")]
    pub cash_tenders: BTreeSet<String>,
    /// ВидОплаты of every other tender. Tenders of one ВидОплаты are summed up.
    #[serde(default)]
    pub tenders: BTreeMap<String, Uuid>,
    /// Номенклатура of every dish.
    #[serde(default)]
    pub dishes: BTreeMap<String, Uuid>,
    /// Words of VAT rates that differ from those of 1C:Accounting 3.0.
    #[serde(default)]
    pub vat: BTreeMap<String, String>,
    /// Names of sets and properties that differ from those of 1C:Accounting 3.0, ours = theirs.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// Words for "received from" in the cash-book order.
    #[serde(default = "default_payer")]
    pub cash_book_payer: String,
}

/// What a mismatch between our fields and those of the infobase does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataCheck {
    /// Nothing is sent until it is mended.
    #[default]
    Strict,
    /// It is logged.
    Warn,
}

fn default_timeout_s() -> u16 {
    30
}
fn default_max_in_flight() -> u16 {
    1
}
fn yes() -> bool {
    true
}
fn default_namespace() -> Uuid {
    key::NAMESPACE
}
fn default_cash_tenders() -> BTreeSet<String> {
    ["cash".to_owned()].into()
}
fn default_payer() -> String {
    "Касса".to_owned()
}

impl Config {
    /// Everything that is wrong with these settings by themselves; empty when they can be used.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match self.base_url.parse::<http::Uri>() {
            Ok(uri) if uri.authority().is_some() && uri.query().is_none() => {
                if !matches!(uri.scheme_str(), Some("http" | "https")) {
                    faults.push("base_url: must begin with https:// or http://".to_owned());
                }
            }
            _ => faults.push("base_url: is not an address such as https://host/base/odata/standard.odata/ (percent-encode other letters)".to_owned()),
        }
        for (name, text) in [("user", &self.user), ("password", &self.password)] {
            if text.is_empty() {
                faults.push(format!("{name}: is empty"));
            }
        }
        if self.user.contains(':') {
            faults.push("user: a colon can't be sent in Basic authentication".to_owned());
        }
        for (name, number) in [
            ("timeout_s", self.timeout_s),
            ("max_in_flight", self.max_in_flight),
        ] {
            if number == 0 {
                faults.push(format!("{name}: must be 1 or more"));
            }
        }
        for reference in self.references() {
            if reference.key.is_nil() {
                faults.push(format!("{}: is an empty reference", reference.setting));
            }
        }
        for tender in &self.cash_tenders {
            if self.tenders.contains_key(tender) {
                faults.push(format!(
                    "tenders.{tender}: is also one of cash_tenders; it can't be both"
                ));
            }
        }
        faults
    }

    /// Every reference to an object of 1C, with the set it must be in.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        use super::wire;
        let one = |setting: &str, set, key| Reference {
            setting: setting.to_owned(),
            set,
            key,
        };
        let mut all = vec![
            one("organisation", wire::ORGANISATIONS, self.organisation),
            one("warehouse", wire::WAREHOUSES, self.warehouse),
            one("cash_account", wire::ACCOUNTS, self.cash_account),
            one("currency", wire::CURRENCIES, self.currency),
        ];
        all.extend(
            self.department
                .map(|key| one("department", wire::DEPARTMENTS, key)),
        );
        all.extend(
            self.cash_flow_item
                .map(|key| one("cash_flow_item", wire::CASH_FLOW_ITEMS, key)),
        );
        for (tender, key) in &self.tenders {
            all.push(one(&format!("tenders.{tender}"), wire::PAYMENT_KINDS, *key));
        }
        for (dish, key) in &self.dishes {
            all.push(one(&format!("dishes.{dish}"), wire::ITEMS, *key));
        }
        all
    }

    /// The installation's names.
    #[must_use]
    pub fn names(&self) -> Names {
        Names::new(self.names.clone())
    }

    /// How long an answer may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s.into())
    }
}

/// A setting that points to an object of 1C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The setting, such as `dishes.soup`.
    pub setting: String,
    /// The set the object must be in.
    pub set: &'static str,
    /// Its `Ref_Key`.
    pub key: Uuid,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The installation of the protocol page's worked example.
    pub(in super::super) fn example() -> Config {
        toml::from_str(EXAMPLE).unwrap()
    }

    const EXAMPLE: &str = r#"
        base_url = "https://1c.example/bp/odata/standard.odata/"
        user = "edge"
        password = "one_c_password"
        organisation = "6f1b0a52-6d0e-11ee-9b3c-00155d0a0101"
        warehouse = "7a0c3f10-6d0e-11ee-9b3c-00155d0a0101"
        cash_account = "b1d4c7aa-6d0e-11ee-9b3c-00155d0a0101"
        currency = "c2f9e3d0-6d0e-11ee-9b3c-00155d0a0101"
        cash_book_payer = "Касса 1"
        [tenders]
        card_terminal = "22bb0001-6d0e-11ee-9b3c-00155d0a0101"
        sbp_qr = "22bb0002-6d0e-11ee-9b3c-00155d0a0101"
        [dishes]
        soup = "11aa0001-6d0e-11ee-9b3c-00155d0a0101"
        pasta = "11aa0002-6d0e-11ee-9b3c-00155d0a0101"
    "#;

    #[test]
    fn a_short_file_is_enough_and_has_the_agreed_defaults() {
        let config = example();
        assert_eq!(config.faults(), Vec::<String>::new());
        assert_eq!((config.timeout_s, config.max_in_flight), (30, 1));
        assert!(config.allowed_only && config.post_documents);
        assert!(!config.cash_book && !config.allow_rewrite);
        assert_eq!(config.metadata_check, MetadataCheck::Strict);
        assert_eq!(config.namespace_uuid, key::NAMESPACE);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = toml::from_str::<Config>(&format!("colour = 1\n{EXAMPLE}")).unwrap_err();
        assert!(error.to_string().contains("colour"), "{error}");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let mut config = example();
        config.base_url = "1c.example".into();
        config.password.clear();
        config.timeout_s = 0;
        config.warehouse = Uuid::nil();
        config.cash_tenders.insert("sbp_qr".into());
        let faults = config.faults();
        for name in [
            "base_url",
            "password",
            "timeout_s",
            "warehouse",
            "tenders.sbp_qr",
        ] {
            assert!(faults.iter().any(|f| f.starts_with(name)), "{name}");
        }
    }
}
