//! The self-check of `$metadata`: does the infobase have every set and property that we use, of the kind
//! that we expect? Field sets change between releases of 1C, and a set is there only when an administrator
//! has ticked it. The page may have tens of megabytes: it is read as a stream and only our sets are kept.

use super::{
    config::Config,
    wire::{self, Edm, Names, TYPES},
};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use std::collections::{BTreeMap, BTreeSet};

/// Something that we use and the infobase lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Missing {
    /// The set is not exposed.
    #[error("the set {set} is not exposed")]
    Set {
        /// Its name there.
        set: String,
    },
    /// The set has no such property.
    #[error("{owner} has no property {property}")]
    Property {
        /// The set, or the set and its table part.
        owner: String,
        /// The property's name there.
        property: String,
    },
    /// The property is of another kind.
    #[error("{owner}.{property} is {found}, not {expected}")]
    Kind {
        /// The set, or the set and its table part.
        owner: String,
        /// The property's name there.
        property: String,
        /// What we send.
        expected: &'static str,
        /// What the infobase declares.
        found: String,
    },
}

/// The page can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("$metadata can't be read: {0}")]
pub struct Unreadable(String);

/// One property that we use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The set, our name.
    pub set: &'static str,
    /// The table part, our name.
    pub table: Option<&'static str>,
    /// The property, our name.
    pub property: &'static str,
    /// Its kind.
    pub kind: Edm,
}

/// Everything that we use under these settings.
#[must_use]
pub fn needs(config: &Config) -> Vec<Need> {
    let mut sets = vec![&wire::RETAIL_REPORT];
    if config.cash_book {
        sets.push(&wire::CASH_IN);
    }
    let mut needs = Vec::new();
    for set in sets {
        for (property, kind) in set.header {
            let unused = (*property == wire::DEPARTMENT && config.department.is_none())
                || (*property == wire::CASH_FLOW_ITEM && config.cash_flow_item.is_none());
            if !unused {
                needs.push(need(set.name, None, property, *kind));
            }
        }
        for (table, properties) in set.tables {
            for (property, kind) in *properties {
                needs.push(need(set.name, Some(table), property, *kind));
            }
        }
    }
    let catalogs: BTreeSet<_> = config.references().iter().map(|r| r.set).collect();
    for set in catalogs {
        needs.push(need(set, None, "Ref_Key", Edm::Guid));
        needs.push(need(set, None, "DeletionMark", Edm::Flag));
        if set == wire::ITEMS {
            needs.push(need(set, None, "IsFolder", Edm::Flag));
        }
    }
    needs
}

const fn need(
    set: &'static str,
    table: Option<&'static str>,
    property: &'static str,
    kind: Edm,
) -> Need {
    Need {
        set,
        table,
        property,
        kind,
    }
}

/// What of `needs` is not in the page; sorted, nothing twice.
///
/// # Errors
/// When the page is not what a `$metadata` page is.
pub fn check(page: &[u8], needs: &[Need], names: &Names) -> Result<BTreeSet<Missing>, Unreadable> {
    let wanted: BTreeSet<&str> = needs.iter().map(|need| names.of(need.set)).collect();
    let model = read(page, &wanted)?;
    Ok(needs
        .iter()
        .filter_map(|need| model.lacks(need, names))
        .collect())
}

/// What is kept of the page.
#[derive(Debug, Default)]
struct Model {
    /// Entity type by set.
    sets: BTreeMap<String, String>,
    /// Properties and their declared kinds by type, without the namespace.
    types: BTreeMap<String, BTreeMap<String, String>>,
}

impl Model {
    fn lacks(&self, need: &Need, names: &Names) -> Option<Missing> {
        let set = names.of(need.set);
        let property = names.of(need.property).to_owned();
        let no_set = || Missing::Set {
            set: set.to_owned(),
        };
        let Some(header) = self.sets.get(set).and_then(|t| self.types.get(t)) else {
            return Some(no_set());
        };
        let (owner, properties) = match need.table {
            None => (set.to_owned(), header),
            Some(table) => {
                let table = names.of(table);
                let rows = header
                    .get(table)
                    .and_then(|kind| kind.strip_prefix("Collection(")?.strip_suffix(')'))
                    .and_then(|kind| self.types.get(local(kind)));
                match rows {
                    Some(rows) => (format!("{set}.{table}"), rows),
                    None => {
                        return Some(Missing::Property {
                            owner: set.to_owned(),
                            property: table.to_owned(),
                        });
                    }
                }
            }
        };
        match properties.get(&property) {
            None => Some(Missing::Property { owner, property }),
            Some(found) if !need.kind.accepts(found) => Some(Missing::Kind {
                owner,
                property,
                expected: need.kind.name(),
                found: found.clone(),
            }),
            Some(_) => None,
        }
    }
}

/// A type's name without its namespace.
fn local(name: &str) -> &str {
    name.strip_prefix(TYPES)
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(name)
}

/// Types of our sets carry the set's name; those of their table parts begin with it [memory].
fn ours(wanted: &BTreeSet<&str>, name: &str) -> bool {
    wanted.contains(name)
        || wanted.iter().any(|set| {
            name.strip_prefix(set)
                .is_some_and(|rest| rest.starts_with('_'))
        })
}

fn read(page: &[u8], wanted: &BTreeSet<&str>) -> Result<Model, Unreadable> {
    let mut reader = Reader::from_reader(page);
    let mut model = Model::default();
    let mut current: Option<String> = None;
    let mut seen_schema = false;
    loop {
        let event = reader.read_event().map_err(|e| Unreadable(e.to_string()))?;
        let (element, closed) = match &event {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(element) => {
                if is_type(element.local_name().as_ref()) {
                    current = None;
                }
                continue;
            }
            Event::Eof if seen_schema && current.is_none() => return Ok(model),
            Event::Eof => return Err(Unreadable("it ends too early".to_owned())),
            _ => continue,
        };
        match element.local_name().as_ref() {
            "Schema" => seen_schema = true,
            name if is_type(name) => {
                let name = attribute(element, "Name")?.filter(|name| ours(wanted, name));
                if let Some(name) = &name {
                    model.types.entry(name.clone()).or_default();
                }
                current = if closed { None } else { name };
            }
            "Property" => {
                if let Some(properties) =
                    current.as_ref().and_then(|name| model.types.get_mut(name))
                    && let (Some(name), Some(kind)) =
                        (attribute(element, "Name")?, attribute(element, "Type")?)
                {
                    properties.insert(name, kind);
                }
            }
            "EntitySet" => {
                if let (Some(name), Some(kind)) = (
                    attribute(element, "Name")?,
                    attribute(element, "EntityType")?,
                ) && wanted.contains(name.as_str())
                {
                    model.sets.insert(name, local(&kind).to_owned());
                }
            }
            _ => {}
        }
    }
}

fn is_type(element: &str) -> bool {
    matches!(element, "EntityType" | "ComplexType")
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, Unreadable> {
    let found = element
        .try_get_attribute(name)
        .map_err(|e| Unreadable(e.to_string()))?;
    // Names and types have no entities; a page that writes them so would only fail the comparison.
    Ok(found.map(|attribute| attribute.value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"><edmx:DataServices>
<Schema Namespace="StandardODATA" xmlns="http://schemas.microsoft.com/ado/2009/11/edm">
 <EntityType Name="Catalog_Валюты"><Key><PropertyRef Name="Ref_Key"/></Key>
  <Property Name="Ref_Key" Type="Edm.Guid" Nullable="false"/><Property Name="DeletionMark" Type="Edm.Boolean"/>
  <Property Name="Ряды" Type="Collection(StandardODATA.Catalog_Валюты_Ряды_RowType)"/></EntityType>
 <ComplexType Name="Catalog_Валюты_Ряды_RowType"><Property Name="LineNumber" Type="Edm.Int64"/></ComplexType>
 <EntityType Name="Catalog_Чужое"><Property Name="Ref_Key" Type="Edm.Guid"/></EntityType>
 <EntityContainer Name="EnterpriseV8"><EntitySet Name="Catalog_Валюты" EntityType="StandardODATA.Catalog_Валюты"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

    fn missing(needs: &[Need]) -> Vec<String> {
        let found = check(PAGE.as_bytes(), needs, &Names::default()).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_there_is_not_missing() {
        let set = "Catalog_Валюты";
        assert_eq!(
            missing(&[
                need(set, None, "Ref_Key", Edm::Guid),
                need(set, Some("Ряды"), "LineNumber", Edm::Whole),
            ]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_miss_is_told_precisely_and_once() {
        let set = "Catalog_Валюты";
        let lacking = need("Catalog_Чужое", None, "Ref_Key", Edm::Guid);
        assert_eq!(
            missing(&[
                need(set, None, "Курс", Edm::Fraction),
                need(set, None, "DeletionMark", Edm::Guid),
                need(set, Some("Ряды"), "Сумма", Edm::Fraction),
                need(set, Some("Строки"), "Сумма", Edm::Fraction),
                lacking.clone(),
                lacking,
            ]),
            [
                "the set Catalog_Чужое is not exposed",
                "Catalog_Валюты has no property Курс",
                "Catalog_Валюты has no property Строки",
                "Catalog_Валюты.Ряды has no property Сумма",
                "Catalog_Валюты.DeletionMark is Edm.Boolean, not Edm.Guid",
            ]
        );
    }

    #[test]
    fn a_page_of_something_else_is_no_metadata() {
        for page in [
            "",
            "<html><body>It works!</body></html>",
            "<a><b></a>",
            &PAGE[..700],
        ] {
            assert!(
                check(page.as_bytes(), &[], &Names::default()).is_err(),
                "{page}"
            );
        }
    }
}
