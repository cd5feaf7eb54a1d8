//! What goes over the wire to the standard OData interface of 1C, and what comes back.
//!
//! Names are those of 1C:Accounting 3.0 (release 3.0.198.19), in NFC, and case-sensitive in URLs and JSON.
//! Another localisation renames them by configuration ([`Names`]).

use serde::{
    Deserialize, Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// Namespace of types in `<Field>_Type` and in `$metadata`.
pub const TYPES: &str = "StandardODATA";

/// The kind of a value, as `$metadata` declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edm {
    /// `Edm.Guid`.
    Guid,
    /// `Edm.String`; enumerations and composite references too.
    Text,
    /// `Edm.DateTime`.
    Date,
    /// `Edm.Boolean`.
    Flag,
    /// `Edm.Int16`, `Edm.Int32` or `Edm.Int64`, by declared length.
    Whole,
    /// `Edm.Double`, a decimal number.
    Fraction,
}

impl Edm {
    /// Whether `$metadata` may call it so.
    #[must_use]
    pub fn accepts(self, declared: &str) -> bool {
        match self {
            Self::Guid => declared == "Edm.Guid",
            Self::Text => declared == "Edm.String",
            Self::Date => declared == "Edm.DateTime",
            Self::Flag => declared == "Edm.Boolean",
            Self::Whole => matches!(declared, "Edm.Int16" | "Edm.Int32" | "Edm.Int64"),
            Self::Fraction => declared == "Edm.Double",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Guid => "Edm.Guid",
            Self::Text => "Edm.String",
            Self::Date => "Edm.DateTime",
            Self::Flag => "Edm.Boolean",
            Self::Whole => "Edm.Int16, Edm.Int32 or Edm.Int64",
            Self::Fraction => "Edm.Double",
        }
    }
}

/// A property and its kind.
pub type Property = (&'static str, Edm);

/// An entity set, with every property that we write or read.
#[derive(Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name in URLs.
    pub name: &'static str,
    /// Properties of the object itself.
    pub header: &'static [Property],
    /// Table parts and the properties of their rows.
    pub tables: &'static [(&'static str, &'static [Property])],
}

const GOODS: &[Property] = &[
    ("LineNumber", Edm::Whole),
    ("Номенклатура_Key", Edm::Guid),
    ("Количество", Edm::Fraction),
    ("Цена", Edm::Fraction),
    ("Сумма", Edm::Fraction),
    ("СтавкаНДС", Edm::Text),
    ("СуммаНДС", Edm::Fraction),
];

const RETURNED_GOODS: &[Property] = &[
    ("LineNumber", Edm::Whole),
    ("Номенклатура_Key", Edm::Guid),
    ("Количество", Edm::Fraction),
    ("Цена", Edm::Fraction),
    ("Сумма", Edm::Fraction),
    ("СтавкаНДС", Edm::Text),
    ("СуммаНДС", Edm::Fraction),
    ("ДатаРеализации", Edm::Date),
    ("НомерФискальногоЧека", Edm::Text),
];

const TENDERS: &[Property] = &[
    ("LineNumber", Edm::Whole),
    ("ВидОплаты_Key", Edm::Guid),
    ("СуммаОплаты", Edm::Fraction),
];

/// What was sold, paid and returned in one shift.
pub const RETAIL_REPORT: Set = Set {
    name: "Document_ОтчетОРозничныхПродажах",
    header: &[
        ("Ref_Key", Edm::Guid),
        ("DataVersion", Edm::Text),
        ("DeletionMark", Edm::Flag),
        ("Posted", Edm::Flag),
        ("Number", Edm::Text),
        ("Date", Edm::Date),
        ("ВидОперации", Edm::Text),
        ("Организация_Key", Edm::Guid),
        ("Склад_Key", Edm::Guid),
        (DEPARTMENT, Edm::Guid),
        ("СчетКасса_Key", Edm::Guid),
        (CASH_FLOW_ITEM, Edm::Guid),
        ("ВалютаДокумента_Key", Edm::Guid),
        ("КурсДокумента", Edm::Fraction),
        ("КратностьДокумента", Edm::Whole),
        ("СуммаВключаетНДС", Edm::Flag),
        ("ДокументБезНДС", Edm::Flag),
        ("СуммаДокумента", Edm::Fraction),
        ("Комментарий", Edm::Text),
    ],
    tables: &[
        ("Товары", GOODS),
        ("Оплата", TENDERS),
        ("Возвраты", RETURNED_GOODS),
        ("ВозвратОплаты", TENDERS),
    ],
};

/// The cash-book order for the cash of one shift.
pub const CASH_IN: Set = Set {
    name: "Document_ПриходныйКассовыйОрдер",
    header: &[
        ("Ref_Key", Edm::Guid),
        ("DataVersion", Edm::Text),
        ("DeletionMark", Edm::Flag),
        ("Posted", Edm::Flag),
        ("Number", Edm::Text),
        ("Date", Edm::Date),
        ("ВидОперации", Edm::Text),
        ("Организация_Key", Edm::Guid),
        ("СуммаДокумента", Edm::Fraction),
        ("ВалютаДокумента_Key", Edm::Guid),
        ("СчетКасса_Key", Edm::Guid),
        (DEPARTMENT, Edm::Guid),
        (CASH_FLOW_ITEM, Edm::Guid),
        ("Контрагент", Edm::Text),
        ("Контрагент_Type", Edm::Text),
        ("ВыручкаСНТТ", Edm::Flag),
        ("ПринятоОт", Edm::Text),
        ("Основание", Edm::Text),
        ("НомерЧекаККМ", Edm::Whole),
        ("ДокументОснование", Edm::Text),
        ("ДокументОснование_Type", Edm::Text),
        ("Комментарий", Edm::Text),
    ],
    tables: &[(
        "РасшифровкаПлатежа",
        &[
            ("LineNumber", Edm::Whole),
            ("СуммаПлатежа", Edm::Fraction),
            ("СтавкаНДС", Edm::Text),
        ],
    )],
};

/// Sent only when a department is configured.
pub const DEPARTMENT: &str = "ПодразделениеОрганизации_Key";
/// Sent only when a cash-flow item is configured.
pub const CASH_FLOW_ITEM: &str = "СтатьяДвиженияДенежныхСредств_Key";

/// Own organisations.
pub const ORGANISATIONS: &str = "Catalog_Организации";
/// Warehouses and outlets.
pub const WAREHOUSES: &str = "Catalog_Склады";
/// Departments of organisations.
pub const DEPARTMENTS: &str = "Catalog_ПодразделенияОрганизаций";
/// Cash-flow items.
pub const CASH_FLOW_ITEMS: &str = "Catalog_СтатьиДвиженияДенежныхСредств";
/// The chart of accounts.
pub const ACCOUNTS: &str = "ChartOfAccounts_Хозрасчетный";
/// Currencies.
pub const CURRENCIES: &str = "Catalog_Валюты";
/// Kinds of payment of an organisation.
pub const PAYMENT_KINDS: &str = "Catalog_ВидыОплатОрганизаций";
/// Items: dishes and goods.
pub const ITEMS: &str = "Catalog_Номенклатура";

/// Names that an installation uses instead of ours, for other localisations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// From our names to theirs; a name that is not in the table is the same at both ends.
    #[must_use]
    pub fn new(table: BTreeMap<String, String>) -> Self {
        Self(table)
    }

    /// Their name for ours.
    #[must_use]
    pub fn of<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

/// A JSON value in the order in which it is written, with numbers as exact text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A string.
    Text(Cow<'static, str>),
    /// A number, printed by [`super::money::decimal`].
    Number(String),
    /// A boolean.
    Flag(bool),
    /// An object.
    Object(Vec<(&'static str, Node)>),
    /// Rows of a table part.
    Rows(Vec<Node>),
}

impl Node {
    /// Text that is known when the program is written.
    #[must_use]
    pub const fn word(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Other text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// The JSON text, under the installation's names.
    #[must_use]
    pub fn json(&self, names: &Names) -> String {
        serde_json::to_string(&Named(self, names)).expect("text, numbers and flags are always JSON")
    }
}

struct Named<'a>(&'a Node, &'a Names);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Node::Text(text) => serializer.serialize_str(text),
            Node::Flag(flag) => serializer.serialize_bool(*flag),
            Node::Number(text) => RawValue::from_string(text.clone())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
            Node::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(self.1.of(name), &Named(value, self.1))?;
                }
                map.end()
            }
            Node::Rows(rows) => {
                let mut seq = serializer.serialize_seq(Some(rows.len()))?;
                for row in rows {
                    seq.serialize_element(&Named(row, self.1))?;
                }
                seq.end()
            }
        }
    }
}

/// An object as 1C answers it; numbers stay exact text.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Object(BTreeMap<String, Box<RawValue>>);

impl Object {
    /// A string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// A boolean.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// A number with so many decimals; 1C prints long integers as strings.
    #[must_use]
    pub fn number(&self, name: &str, scale: u32) -> Option<i64> {
        super::money::parse(self.0.get(name)?.get().trim_matches('"'), scale)
    }
}

/// A list of objects.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The objects.
    pub value: Vec<Object>,
}

/// An error in JSON form.
#[derive(Debug, Deserialize)]
pub struct ErrorPage {
    /// What is inside.
    #[serde(rename = "odata.error")]
    pub error: ErrorBody,
}

/// What an error says.
#[derive(Debug, Deserialize)]
pub struct ErrorBody {
    /// Internal code, a number as a string (a number in some versions).
    pub code: serde_json::Value,
    /// The words.
    #[serde(default)]
    pub message: ErrorMessage,
}

/// The words of an error.
#[derive(Debug, Default, Deserialize)]
pub struct ErrorMessage {
    /// In the language of the infobase.
    #[serde(default)]
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_and_names_as_configured() {
        let node = Node::Object(vec![
            ("Сумма", Node::Number("631.15".into())),
            (
                "Товары",
                Node::Rows(vec![Node::Object(vec![("LineNumber", Node::word("1"))])]),
            ),
            ("Кавычки", Node::text("\"да\"")),
        ]);
        assert_eq!(
            node.json(&Names::default()),
            r#"{"Сумма":631.15,"Товары":[{"LineNumber":"1"}],"Кавычки":"\"да\""}"#
        );
        let names = Names::new([("Сумма".to_owned(), "Summa".to_owned())].into());
        assert!(node.json(&names).starts_with(r#"{"Summa":631.15,"#));
    }

    #[test]
    fn numbers_are_read_exactly_also_from_strings() {
        let object: Object =
            serde_json::from_str(r#"{"a":90071992547409.93,"b":"7","c":null}"#).unwrap();
        assert_eq!(object.number("a", 2), Some(9_007_199_254_740_993));
        assert_eq!(object.number("b", 0), Some(7));
        assert_eq!(object.number("c", 0), None);
        assert_eq!(object.number("d", 0), None);
    }
}
