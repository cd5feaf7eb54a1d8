//! The objects of the emulated infobase, and what 1C checks when they are written and posted.

use super::{
    super::money::{self, MONEY, QUANTITY},
    model::{self, Field, Kind, Model},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

const NO_DATE: &str = "0001-01-01T00:00:00";

/// A refusal in the platform's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub status: u16,
    pub code: i32,
    pub message: String,
}

impl Refused {
    pub fn new(status: u16, code: i32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub fn no_set(set: &str) -> Self {
        Self::new(404, 8, format!("Сущность \"{set}\" не найдена"))
    }

    fn no_instance(set: &str) -> Self {
        Self::new(404, 9, format!("Экземпляр сущности \"{set}\" не найден"))
    }

    fn bad_value(property: &str) -> Self {
        let message = format!("Неверное значение свойства \"{property}\"");
        Self::new(400, 4, message)
    }

    fn posting(message: impl Into<String>) -> Self {
        Self::new(500, -1, message)
    }
}

/// One object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stored {
    /// As it is answered.
    pub properties: Map<String, Value>,
    /// Whether it has records in the registers: only posting makes them, never the flag alone.
    pub in_books: bool,
    /// How often it was posted.
    pub postings: u32,
}

impl Stored {
    pub fn text(&self, property: &str) -> &str {
        self.properties
            .get(property)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub fn flag(&self, property: &str) -> bool {
        self.properties.get(property) == Some(&Value::Bool(true))
    }

    pub fn minor(&self, property: &str) -> i64 {
        self.properties.get(property).map_or(0, minor)
    }

    fn rows(&self, table: &str) -> &[Value] {
        self.properties
            .get(table)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn total(&self, table: &str, property: &str) -> i64 {
        self.rows(table)
            .iter()
            .filter_map(|row| row.get(property))
            .fold(0, |total, value| total.saturating_add(minor(value)))
    }
}

fn minor(value: &Value) -> i64 {
    money::parse(&value.to_string(), MONEY).unwrap_or(0)
}

/// A number as JSON, exactly as 1C prints it.
fn number(minor: i64, scale: u32) -> Value {
    serde_json::from_str(&money::decimal(minor, scale)).unwrap_or(Value::Null)
}

/// Everything that the infobase keeps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Books {
    pub objects: BTreeMap<String, BTreeMap<Uuid, Stored>>,
    /// Last number by set and year.
    numbers: BTreeMap<String, u32>,
    /// Writes so far; gives the versions.
    writes: u32,
    /// Last day that may not be changed any more, `YYYY-MM-DD`.
    pub closed_until: Option<String>,
}

impl Books {
    pub fn get(&self, set: &str, key: Uuid) -> Result<&Stored, Refused> {
        self.objects
            .get(set)
            .and_then(|objects| objects.get(&key))
            .ok_or_else(|| Refused::no_instance(set))
    }

    /// `spare_key` is taken when the body names none.
    pub fn create(
        &mut self,
        model: &Model,
        body: &Value,
        spare_key: Uuid,
    ) -> Result<Uuid, Refused> {
        let given = checked(model, body)?;
        if model.is_document() && !given.contains_key("Date") {
            return Err(Refused::new(400, 5, "Не указано свойство \"Date\""));
        }
        let key = match given.get("Ref_Key").and_then(Value::as_str) {
            Some(text) => text.parse().map_err(|_| Refused::bad_value("Ref_Key"))?,
            None => spare_key,
        };
        if self.get(model.name, key).is_ok() {
            let message = "Экземпляр сущности с указанным ключом уже существует";
            return Err(Refused::new(400, 15, message));
        }
        let mut properties = blank(model);
        properties.extend(given);
        properties.insert("Ref_Key".to_owned(), json!(key));
        if model.is_document() && properties.get("Number") == Some(&json!("")) {
            let number = self.next_number(model.name, &properties);
            properties.insert("Number".to_owned(), json!(number));
        }
        let stored = Stored {
            properties,
            ..Stored::default()
        };
        self.write(model, key, stored);
        Ok(key)
    }

    pub fn change(
        &mut self,
        model: &Model,
        key: Uuid,
        body: &Value,
        version: Option<&str>,
    ) -> Result<(), Refused> {
        let mut stored = self.get(model.name, key)?.clone();
        if version.is_some_and(|version| version != stored.text("DataVersion")) {
            return Err(Refused::new(412, 0, "Данные были изменены"));
        }
        let mut given = checked(model, body)?;
        given.remove("Ref_Key");
        stored.properties.extend(given);
        self.write(model, key, stored);
        Ok(())
    }

    pub fn remove(&mut self, set: &str, key: Uuid) -> Result<(), Refused> {
        self.get(set, key)?;
        if let Some(objects) = self.objects.get_mut(set) {
            objects.remove(&key);
        }
        Ok(())
    }

    pub fn post(&mut self, model: &Model, key: Uuid) -> Result<(), Refused> {
        let stored = self.get(model.name, key)?;
        self.check_posting(model, stored)?;
        let mut stored = stored.clone();
        stored.in_books = true;
        stored.postings = stored.postings.saturating_add(1);
        stored.properties.insert("Posted".to_owned(), json!(true));
        self.write(model, key, stored);
        Ok(())
    }

    pub fn unpost(&mut self, model: &Model, key: Uuid) -> Result<(), Refused> {
        let mut stored = self.get(model.name, key)?.clone();
        self.check_period(&stored)?;
        stored.in_books = false;
        stored.properties.insert("Posted".to_owned(), json!(false));
        self.write(model, key, stored);
        Ok(())
    }

    fn write(&mut self, model: &Model, key: Uuid, mut stored: Stored) {
        self.writes = self.writes.wrapping_add(1);
        let mut version = [0u8; 8];
        version[..4].copy_from_slice(&self.writes.to_be_bytes());
        let version = json!(STANDARD.encode(version));
        stored.properties.insert("DataVersion".to_owned(), version);
        if model.name == model::REPORT {
            let total = stored
                .total("Товары", "Сумма")
                .saturating_sub(stored.total("Возвраты", "Сумма"));
            stored
                .properties
                .insert("СуммаДокумента".to_owned(), number(total, MONEY));
        }
        self.objects
            .entry(model.name.to_owned())
            .or_default()
            .insert(key, stored);
    }

    fn next_number(&mut self, set: &str, properties: &Map<String, Value>) -> String {
        let date = properties.get("Date").and_then(Value::as_str);
        let year: String = date.unwrap_or_default().chars().take(4).collect();
        let last = self.numbers.entry(format!("{set}/{year}")).or_default();
        *last = last.saturating_add(1);
        format!("0000-{last:06}")
    }

    fn check_period(&self, stored: &Stored) -> Result<(), Refused> {
        let day = stored.text("Date").get(..10).unwrap_or_default();
        match &self.closed_until {
            Some(until) if day <= until.as_str() => Err(Refused::posting(format!(
                "Изменение данных запрещено: дата документа {day} не позже даты запрета изменений {until}"
            ))),
            _ => Ok(()),
        }
    }

    fn check_posting(&self, model: &Model, stored: &Stored) -> Result<(), Refused> {
        if !model.is_document() {
            return Err(Refused::new(404, 11, "Метод \"Post\" не найден"));
        }
        self.check_period(stored)?;
        if stored.flag("DeletionMark") {
            return Err(Refused::posting(
                "Помеченный на удаление документ не может быть проведен",
            ));
        }
        if stored.text("ВидОперации").is_empty() {
            return Err(Refused::posting("Поле \"Вид операции\" не заполнено"));
        }
        for (property, set) in model.references {
            self.check_reference(stored.text(property), property, set)?;
        }
        if model.name == model::REPORT {
            self.check_report(stored)
        } else {
            self.check_cash_in(stored)
        }
    }

    /// [inferred] Posting reads the objects that a document points to, so a dangling reference fails.
    fn check_reference(&self, key: &str, property: &str, set: &str) -> Result<(), Refused> {
        let found = key
            .parse()
            .ok()
            .and_then(|key: Uuid| self.get(set, key).ok());
        match found {
            Some(object) if !object.flag("IsFolder") => Ok(()),
            _ => Err(Refused::posting(format!(
                "Поле \"{property}\" не заполнено или ссылается на недопустимый объект"
            ))),
        }
    }

    fn check_report(&self, stored: &Stored) -> Result<(), Refused> {
        let key = stored.text("Склад_Key").parse().unwrap_or_default();
        let warehouse = self.get("Catalog_Склады", key)?;
        if stored.text("ВидОперации") == "ОтчетККМОПродажах"
            && warehouse.text("ТипСклада") == "НеавтоматизированнаяТорговаяТочка"
        {
            return Err(Refused::posting(
                "Тип склада не соответствует виду операции",
            ));
        }
        for table in ["Товары", "Возвраты"] {
            for row in stored.rows(table) {
                let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
                let item = text("Номенклатура_Key");
                self.check_reference(item, "Номенклатура", "Catalog_Номенклатура")?;
                let item = self.get("Catalog_Номенклатура", item.parse().unwrap_or_default())?;
                let quantity = row.get("Количество").map(Value::to_string);
                let quantity = quantity.and_then(|text| money::parse(&text, QUANTITY));
                if !item.flag("Услуга")
                    && (quantity.unwrap_or(0) == 0 || text("СтавкаНДС") == "НДС0")
                {
                    return Err(Refused::posting(format!(
                        "{table}: неверное количество или ставка НДС товара"
                    )));
                }
                if text("СтавкаНДС").is_empty() {
                    return Err(Refused::posting(format!(
                        "{table}: не заполнена ставка НДС"
                    )));
                }
                let day = stored.text("Date").get(..10).unwrap_or_default();
                if text("ДатаРеализации").get(..10).unwrap_or_default() > day {
                    return Err(Refused::posting("Дата реализации позже даты документа"));
                }
            }
        }
        for table in ["Оплата", "ВозвратОплаты"] {
            for row in stored.rows(table) {
                let kind = row.get("ВидОплаты_Key").and_then(Value::as_str);
                let kind = kind.unwrap_or_default();
                self.check_reference(kind, "ВидОплаты", "Catalog_ВидыОплатОрганизаций")?;
            }
        }
        if stored.total("Оплата", "СуммаОплаты") > stored.total("Товары", "Сумма")
        {
            return Err(Refused::posting(
                "Сумма безналичных оплат превышает выручку",
            ));
        }
        if stored.total("ВозвратОплаты", "СуммаОплаты") > stored.total("Возвраты", "Сумма")
        {
            return Err(Refused::posting(
                "Сумма возврата оплат превышает сумму возвратов",
            ));
        }
        Ok(())
    }

    fn check_cash_in(&self, stored: &Stored) -> Result<(), Refused> {
        if stored.minor("СуммаДокумента") == 0 {
            return Err(Refused::posting("Поле \"Сумма документа\" не заполнено"));
        }
        let set = stored.text("Контрагент_Type");
        let set = set.strip_prefix("StandardODATA.").unwrap_or(set).to_owned();
        match (stored.text("ВидОперации"), stored.text("Контрагент")) {
            ("РозничнаяВыручка", "") => Ok(()),
            (_, payer) => self.check_reference(payer, "Контрагент", &set),
        }
    }
}

/// An object with every property of its type, all empty.
fn blank(model: &Model) -> Map<String, Value> {
    let fields = model.common().iter().chain(model.fields);
    let mut all: Map<_, _> = fields
        .map(|(name, kind)| ((*name).to_owned(), empty(*kind)))
        .collect();
    for (table, _) in model.tables {
        all.insert((*table).to_owned(), json!([]));
    }
    all
}

fn empty(kind: Kind) -> Value {
    match kind {
        Kind::Guid => json!(Uuid::nil()),
        Kind::Text(_) | Kind::OneOf(_) => json!(""),
        Kind::Date => json!(NO_DATE),
        Kind::Flag => json!(false),
        Kind::Number(_) | Kind::Int32 => json!(0),
        Kind::Int64 => json!("0"),
    }
}

/// The body's properties in the form in which 1C keeps them.
fn checked(model: &Model, body: &Value) -> Result<Map<String, Value>, Refused> {
    let Some(body) = body.as_object() else {
        return Err(Refused::new(400, 2, "Неверный формат запроса"));
    };
    let mut given = Map::new();
    for (name, value) in body {
        let value = match (model.field(name), model.table(name)) {
            (Some(kind), _) => converted(name, kind, value)?,
            (None, Some(fields)) => rows(name, fields, value)?,
            (None, None) => return Err(no_property(name)),
        };
        given.insert(name.clone(), value);
    }
    Ok(given)
}

fn no_property(name: &str) -> Refused {
    Refused::new(400, 10, format!("Свойство \"{name}\" не найдено"))
}

fn rows(table: &str, fields: &[Field], value: &Value) -> Result<Value, Refused> {
    let rows = value.as_array().ok_or_else(|| Refused::bad_value(table))?;
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        let row = row.as_object().ok_or_else(|| Refused::bad_value(table))?;
        if !row.contains_key("LineNumber") {
            return Err(Refused::posting("Внутренняя ошибка: нет LineNumber"));
        }
        let mut whole: Map<_, _> = fields
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), empty(*kind)))
            .collect();
        for (name, value) in row {
            let kind = model::field(fields, name).ok_or_else(|| no_property(name))?;
            whole.insert(name.clone(), converted(name, kind, value)?);
        }
        kept.push(Value::Object(whole));
    }
    Ok(Value::Array(kept))
}

fn converted(name: &str, kind: Kind, value: &Value) -> Result<Value, Refused> {
    let converted = match (kind, value) {
        (Kind::Guid, Value::String(text)) => text.parse::<Uuid>().ok().map(|key| json!(key)),
        (Kind::Text(longest), Value::String(text)) => {
            (longest == 0 || text.chars().count() <= longest).then(|| json!(text))
        }
        (Kind::OneOf(words), Value::String(text)) => {
            words.contains(&text.as_str()).then(|| json!(text))
        }
        (Kind::Date, Value::String(text)) => (text.len() == NO_DATE.len()
            && text.parse::<jiff::civil::DateTime>().is_ok())
        .then(|| json!(text)),
        (Kind::Flag, Value::Bool(flag)) => Some(json!(flag)),
        (Kind::Number(scale), Value::Number(given)) => {
            money::parse(&given.to_string(), scale).map(|value| number(value, scale))
        }
        (Kind::Int32, Value::Number(given)) => given.as_i64().map(|value| json!(value)),
        (Kind::Int64, Value::Number(given)) => given.as_i64().map(|value| json!(value.to_string())),
        (Kind::Int64, Value::String(text)) => text
            .parse::<i64>()
            .ok()
            .map(|value| json!(value.to_string())),
        _ => None,
    };
    converted.ok_or_else(|| Refused::bad_value(name))
}
