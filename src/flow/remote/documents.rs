//! Documents of headquarters: kept as they came, and laid over what the store has of its own.

use super::super::{Context, FlowError, menu, record::record, site::own_catalog};
use crate::{
    domain::{
        catalog::Catalog,
        event::Body,
        ids::{DishId, IngredientId},
        policy::Policy,
        promotion::Promotion,
        remote::DocumentKind,
        settings::Settings,
        stops::Stopped,
        time::Timestamp,
    },
    store::{Snapshot, StoreError, Tx},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// Who takes something off sale from afar; the person's name follows.
const HQ: &str = "hq:";

/// A document as the store holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Its name at headquarters.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// What it says.
    pub content: Value,
}

/// Promotions from headquarters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Promotions {
    promotions: Vec<Promotion>,
}

/// The stop-list from headquarters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StopList {
    stops: Vec<Off>,
}

/// Something that is off sale.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Off {
    what: Stopped,
    #[serde(default)]
    until_at: Option<Timestamp>,
    why: String,
}

fn place(kind: DocumentKind) -> String {
    format!("hq:{}", kind.word())
}

/// The document of this kind that the store holds.
///
/// # Errors
/// When it can't be read.
pub fn held(s: &Snapshot<'_>, kind: DocumentKind) -> Result<Option<Held>, StoreError> {
    s.document(&place(kind))
}

/// Versions of the documents that the store holds.
pub(super) fn versions(s: &Snapshot<'_>) -> Result<BTreeMap<DocumentKind, u64>, StoreError> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let mut versions = BTreeMap::new();
    for kind in DocumentKind::ALL {
        if let Some(Version { version }) = s.document(&place(kind))? {
            versions.insert(kind, version);
        }
    }
    Ok(versions)
}

fn read<T: DeserializeOwned>(content: &Value) -> Result<T, FlowError> {
    serde_path_to_error::deserialize(content).map_err(|e| FlowError::Invalid(e.to_string()))
}

fn faultless(faults: &[String]) -> Result<(), FlowError> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(FlowError::Invalid(faults.join("; ")))
}

/// Whether a document can be at all, whatever store it goes to: all that is wrong with it, one sentence each.
#[must_use]
pub fn faults(kind: DocumentKind, content: &Value) -> Vec<String> {
    let said = |e: &FlowError| vec![e.to_string()];
    match kind {
        DocumentKind::Menu => match read::<Catalog>(content) {
            Ok(catalog) => catalog.faults(),
            Err(e) => said(&e),
        },
        DocumentKind::Promotions => {
            read::<Promotions>(content).map_or_else(|e| said(&e), |_| Vec::new())
        }
        DocumentKind::Settings => match read::<Settings>(content) {
            Ok(settings) => settings.faults(),
            Err(e) => said(&e),
        },
        DocumentKind::Stops => read::<StopList>(content).map_or_else(|e| said(&e), |_| Vec::new()),
    }
}

/// Puts a document in force; what of it means nothing here, in words.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    cx: &Context,
    kind: DocumentKind,
    name: &str,
    version: u64,
    content: Value,
) -> Result<Option<String>, FlowError> {
    faultless(&faults(kind, &content))?;
    let document = Held {
        name: name.to_owned(),
        version,
        content,
    };
    tx.put_document(&place(kind), &document)?;
    match kind {
        DocumentKind::Menu | DocumentKind::Promotions => {
            let catalog = catalog(&tx.snapshot())?.ok_or(FlowError::Unknown("catalog"))?;
            if catalog.currency != cx.catalog.currency {
                return Err(FlowError::Invalid(format!(
                    "its prices are in {:?}, and this store sells in {:?}",
                    catalog.currency, cx.catalog.currency
                )));
            }
            faultless(&catalog.faults())?;
            let version = catalog.version;
            record(tx, cx, None, Body::MenuApplied { version })?;
            Ok(None)
        }
        DocumentKind::Settings => Ok(None),
        DocumentKind::Stops => put_stops(tx, cx, read(&document.content)?),
    }
}

/// What staff stopped stays; of headquarters' own stops, those that the list does not have any more are lifted. One list is
/// for many stores: what this one does not have is told, and no reason to refuse the rest.
fn put_stops(tx: &mut Tx<'_>, cx: &Context, list: StopList) -> Result<Option<String>, FlowError> {
    let mut unknown = Vec::new();
    let there = tx.snapshot().stops()?.0;
    let why = "no longer on headquarters' stop-list";
    for (what, stop) in &there {
        if stop.who.starts_with(HQ) && !list.stops.iter().any(|off| off.what == *what) {
            menu::lift(tx, cx, what.clone(), why)?;
        }
    }
    for off in list.stops {
        let known = match &off.what {
            Stopped::Dish(id) => cx.catalog.dish(id).is_some(),
            Stopped::Ingredient(id) => cx.catalog.ingredient(id).is_some(),
        };
        if !known {
            let (Stopped::Dish(DishId(id)) | Stopped::Ingredient(IngredientId(id))) = off.what;
            unknown.push(id);
            continue;
        }
        let over = off.until_at.is_some_and(|until| until <= cx.now);
        let stands = there.get(&off.what).is_some_and(|stop| {
            stop.holds(cx.now)
                && (!stop.who.starts_with(HQ)
                    || (stop.until_at == off.until_at && stop.why == off.why))
        });
        if !over && !stands {
            menu::stop(tx, cx, off.what, off.until_at, &off.why)?;
        }
    }
    Ok((!unknown.is_empty()).then(|| format!("not known here: {}", unknown.join(", "))))
}

/// The catalog in force: headquarters' menu, or the store's own; with headquarters' promotions where there are some.
fn catalog(s: &Snapshot<'_>) -> Result<Option<Catalog>, FlowError> {
    let menu = held(s, DocumentKind::Menu)?;
    let promotions = held(s, DocumentKind::Promotions)?;
    let newest = [&menu, &promotions]
        .into_iter()
        .filter_map(|d| Some(d.as_ref()?.version))
        .max();
    let own = match menu {
        Some(menu) => Some(read::<Catalog>(&menu.content)?),
        None => own_catalog(s)?,
    };
    let Some(mut catalog) = own else {
        return Ok(None);
    };
    if let Some(promotions) = promotions {
        catalog.promotions = read::<Promotions>(&promotions.content)?.promotions;
    }
    if let Some(version) = newest {
        catalog.version = format!("{}/hq{version}", catalog.version);
    }
    Ok(Some(catalog))
}

/// Catalog and rules as they are in force: the store's own, and headquarters' over them.
///
/// # Errors
/// When they can't be read.
pub fn in_force(s: &Snapshot<'_>, own: &Policy) -> Result<(Option<Catalog>, Policy), FlowError> {
    let mut policy = match held(s, DocumentKind::Settings)? {
        Some(settings) => read::<Settings>(&settings.content)?.over(own),
        None => own.clone(),
    };
    policy.fenced_by = super::fenced_by(s)?;
    Ok((catalog(s)?, policy))
}

/// Whether headquarters has given a menu: then the store's own file waits.
pub(in crate::flow) fn has_menu(s: &Snapshot<'_>) -> Result<bool, StoreError> {
    Ok(held(s, DocumentKind::Menu)?.is_some())
}
