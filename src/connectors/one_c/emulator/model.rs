//! The sets that the emulated infobase has, with their properties as 1C:Accounting 3.0 declares them.
//! Written down apart from what the connector sends, so that a slip there is found here.

/// How a property is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Guid,
    /// A string of at most so many characters; 0 is any number.
    Text(usize),
    Date,
    Flag,
    /// A number of so many decimals.
    Number(u32),
    /// A short whole number, `Edm.Int32`.
    Int32,
    /// A long whole number, `Edm.Int64`, printed as a string.
    Int64,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

pub(super) type Field = (&'static str, Kind);

/// One entity set.
#[derive(Debug)]
pub(super) struct Model {
    pub name: &'static str,
    pub fields: &'static [Field],
    pub tables: &'static [(&'static str, &'static [Field])],
    /// References that posting wants filled, with the set they lead to.
    pub references: &'static [(&'static str, &'static str)],
}

impl Model {
    pub fn is_document(&self) -> bool {
        self.name.starts_with("Document_")
    }

    /// The properties that every object of its sort has.
    pub fn common(&self) -> &'static [Field] {
        if self.is_document() {
            DOCUMENT
        } else {
            CATALOG
        }
    }

    pub fn field(&self, name: &str) -> Option<Kind> {
        field(self.common(), name).or_else(|| field(self.fields, name))
    }

    pub fn table(&self, name: &str) -> Option<&'static [Field]> {
        let found = self.tables.iter().find(|(table, _)| *table == name)?;
        Some(found.1)
    }
}

pub(super) fn field(fields: &[Field], name: &str) -> Option<Kind> {
    fields.iter().find(|(n, _)| *n == name).map(|(_, k)| *k)
}

pub(super) fn model(set: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == set)
}

const DOCUMENT: &[Field] = &[
    ("Ref_Key", Kind::Guid),
    ("DataVersion", Kind::Text(0)),
    ("DeletionMark", Kind::Flag),
    ("Number", Kind::Text(11)),
    ("Date", Kind::Date),
    ("Posted", Kind::Flag),
];

const CATALOG: &[Field] = &[
    ("Ref_Key", Kind::Guid),
    ("DataVersion", Kind::Text(0)),
    ("DeletionMark", Kind::Flag),
    ("Code", Kind::Text(11)),
    ("Description", Kind::Text(100)),
];

const VAT: Kind = Kind::OneOf(&[
    "",
    "НДС22",
    "НДС22_122",
    "НДС20",
    "НДС20_120",
    "НДС18",
    "НДС18_118",
    "НДС10",
    "НДС10_110",
    "НДС7",
    "НДС7_107",
    "НДС5",
    "НДС5_105",
    "НДС0",
    "БезНДС",
]);

const SOLD: &[Field] = &[
    ("LineNumber", Kind::Int64),
    ("Номенклатура_Key", Kind::Guid),
    ("Количество", Kind::Number(3)),
    ("Цена", Kind::Number(2)),
    ("Сумма", Kind::Number(2)),
    ("СтавкаНДС", VAT),
    ("СуммаНДС", Kind::Number(2)),
    ("СчетУчета_Key", Kind::Guid),
    ("СчетДоходов_Key", Kind::Guid),
    ("СчетРасходов_Key", Kind::Guid),
    ("СчетУчетаНДСПоРеализации_Key", Kind::Guid),
    ("ИдентификаторСтроки", Kind::Text(36)),
];

const RETURNED: &[Field] = &[
    ("LineNumber", Kind::Int64),
    ("Номенклатура_Key", Kind::Guid),
    ("Количество", Kind::Number(3)),
    ("Цена", Kind::Number(2)),
    ("Сумма", Kind::Number(2)),
    ("СтавкаНДС", VAT),
    ("СуммаНДС", Kind::Number(2)),
    ("СчетУчета_Key", Kind::Guid),
    ("СчетДоходов_Key", Kind::Guid),
    ("СчетРасходов_Key", Kind::Guid),
    ("СчетУчетаНДСПоРеализации_Key", Kind::Guid),
    ("ИдентификаторСтроки", Kind::Text(36)),
    ("ДатаРеализации", Kind::Date),
    ("НомерФискальногоЧека", Kind::Text(10)),
];

const PAID: &[Field] = &[
    ("LineNumber", Kind::Int64),
    ("ВидОплаты_Key", Kind::Guid),
    ("СуммаОплаты", Kind::Number(2)),
];

pub(super) const REPORT: &str = "Document_ОтчетОРозничныхПродажах";
pub(super) const CASH_IN: &str = "Document_ПриходныйКассовыйОрдер";

const ORGANISATION: (&str, &str) = ("Организация_Key", "Catalog_Организации");
const CASH_ACCOUNT: (&str, &str) = ("СчетКасса_Key", "ChartOfAccounts_Хозрасчетный");
const CURRENCY: (&str, &str) = ("ВалютаДокумента_Key", "Catalog_Валюты");

pub(super) const MODELS: &[Model] = &[
    Model {
        name: REPORT,
        fields: &[
            (
                "ВидОперации",
                Kind::OneOf(&["", "ОтчетККМОПродажах", "ОтчетНТТОПродажах"]),
            ),
            ("Организация_Key", Kind::Guid),
            ("Склад_Key", Kind::Guid),
            ("ПодразделениеОрганизации_Key", Kind::Guid),
            ("СчетКасса_Key", Kind::Guid),
            ("СтатьяДвиженияДенежныхСредств_Key", Kind::Guid),
            ("ТипЦен_Key", Kind::Guid),
            ("ВалютаДокумента_Key", Kind::Guid),
            ("КурсДокумента", Kind::Number(4)),
            ("КратностьДокумента", Kind::Int64),
            ("СуммаВключаетНДС", Kind::Flag),
            ("ДокументБезНДС", Kind::Flag),
            ("СуммаДокумента", Kind::Number(2)),
            ("Комментарий", Kind::Text(0)),
            ("Ответственный_Key", Kind::Guid),
            ("ДеятельностьНаПатенте", Kind::Flag),
            ("Патент_Key", Kind::Guid),
            ("ЗагрузкаИзОФД", Kind::Flag),
            ("РучнаяКорректировка", Kind::Flag),
        ],
        tables: &[
            ("Товары", SOLD),
            ("Оплата", PAID),
            ("Возвраты", RETURNED),
            ("ВозвратОплаты", PAID),
        ],
        references: &[
            ORGANISATION,
            ("Склад_Key", "Catalog_Склады"),
            CASH_ACCOUNT,
            CURRENCY,
        ],
    },
    Model {
        name: CASH_IN,
        fields: &[
            (
                "ВидОперации",
                Kind::OneOf(&[
                    "",
                    "ОплатаПокупателя",
                    "РозничнаяВыручка",
                    "ВозвратОтПодотчетногоЛица",
                    "ПолучениеНаличныхВБанке",
                    "ПрочийПриход",
                ]),
            ),
            ("Организация_Key", Kind::Guid),
            ("СуммаДокумента", Kind::Number(2)),
            ("ВалютаДокумента_Key", Kind::Guid),
            ("СчетКасса_Key", Kind::Guid),
            ("ПодразделениеОрганизации_Key", Kind::Guid),
            ("СтатьяДвиженияДенежныхСредств_Key", Kind::Guid),
            ("Контрагент", Kind::Text(0)),
            ("Контрагент_Type", Kind::Text(0)),
            ("ВыручкаСНТТ", Kind::Flag),
            ("СчетУчетаРасчетовСКонтрагентом_Key", Kind::Guid),
            ("ПринятоОт", Kind::Text(250)),
            ("Основание", Kind::Text(250)),
            ("Приложение", Kind::Text(250)),
            ("НомерЧекаККМ", Kind::Int32),
            ("ДокументОснование", Kind::Text(0)),
            ("ДокументОснование_Type", Kind::Text(0)),
            ("Комментарий", Kind::Text(0)),
        ],
        tables: &[(
            "РасшифровкаПлатежа",
            &[
                ("LineNumber", Kind::Int64),
                ("СуммаПлатежа", Kind::Number(2)),
                ("СтавкаНДС", VAT),
                ("СуммаНДС", Kind::Number(2)),
            ],
        )],
        references: &[ORGANISATION, CASH_ACCOUNT, CURRENCY],
    },
    catalog(
        "Catalog_Организации",
        &[("ИНН", Kind::Text(12)), ("КПП", Kind::Text(9))],
    ),
    catalog(
        "Catalog_Склады",
        &[(
            "ТипСклада",
            Kind::OneOf(&[
                "",
                "ОптовыйСклад",
                "РозничныйМагазин",
                "НеавтоматизированнаяТорговаяТочка",
            ]),
        )],
    ),
    catalog("Catalog_ПодразделенияОрганизаций", &[]),
    catalog("Catalog_СтатьиДвиженияДенежныхСредств", &[]),
    catalog("Catalog_Валюты", &[]),
    catalog("Catalog_ВидыОплатОрганизаций", &[]),
    catalog(
        "Catalog_Номенклатура",
        &[
            ("IsFolder", Kind::Flag),
            ("Артикул", Kind::Text(50)),
            ("Услуга", Kind::Flag),
        ],
    ),
    catalog("ChartOfAccounts_Хозрасчетный", &[]),
];

const fn catalog(name: &'static str, fields: &'static [Field]) -> Model {
    Model {
        name,
        fields,
        tables: &[],
        references: &[],
    }
}

fn edm(kind: Kind) -> &'static str {
    match kind {
        Kind::Guid => "Edm.Guid",
        Kind::Text(_) | Kind::OneOf(_) => "Edm.String",
        Kind::Date => "Edm.DateTime",
        Kind::Flag => "Edm.Boolean",
        Kind::Number(_) => "Edm.Double",
        Kind::Int32 => "Edm.Int32",
        Kind::Int64 => "Edm.Int64",
    }
}

/// The `$metadata` page of those sets and properties that `shown` lets through (set, property).
pub(super) fn metadata(shown: impl Fn(&str, Option<&str>) -> bool) -> String {
    let mut types = String::new();
    let mut sets = String::new();
    for model in MODELS.iter().filter(|model| shown(model.name, None)) {
        let name = model.name;
        let mut rows = String::new();
        types += &format!(r#"<EntityType Name="{name}"><Key><PropertyRef Name="Ref_Key"/></Key>"#);
        for (property, kind) in model.common().iter().chain(model.fields) {
            if shown(name, Some(property)) {
                types += &format!(
                    r#"<Property Name="{property}" Type="{}" Nullable="true"/>"#,
                    edm(*kind)
                );
            }
        }
        for (table, fields) in model.tables {
            if !shown(name, Some(table)) {
                continue;
            }
            let row = format!("{name}_{table}_RowType");
            types += &format!(
                r#"<Property Name="{table}" Type="Collection(StandardODATA.{row})" Nullable="true"/>"#
            );
            rows += &format!(r#"<ComplexType Name="{row}">"#);
            for (property, kind) in *fields {
                if shown(name, Some(&format!("{table}.{property}"))) {
                    rows += &format!(
                        r#"<Property Name="{property}" Type="{}" Nullable="true"/>"#,
                        edm(*kind)
                    );
                }
            }
            rows += "</ComplexType>";
        }
        types += "</EntityType>";
        types += &rows;
        sets += &format!(r#"<EntitySet Name="{name}" EntityType="StandardODATA.{name}"/>"#);
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"><edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" m:DataServiceVersion="3.0"><Schema Namespace="StandardODATA" xmlns="http://schemas.microsoft.com/ado/2009/11/edm">{types}<EntityContainer Name="EnterpriseV8" m:IsDefaultEntityContainer="true">{sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"#
    )
}

/// The service document: what is exposed at all.
pub(super) fn service(shown: impl Fn(&str, Option<&str>) -> bool) -> String {
    let mut sets = String::new();
    for model in MODELS.iter().filter(|model| shown(model.name, None)) {
        let name = model.name;
        sets +=
            &format!(r#"<collection href="{name}"><atom:title>{name}</atom:title></collection>"#);
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><service xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"><workspace><atom:title>Default</atom:title>{sets}</workspace></service>"#
    )
}
