//! What the infobase does with a request.

use super::{
    Act, Fault,
    books::{Books, Refused, Stored},
    model::{self, Model},
    query::{self, Filter, QueryError},
    web::{ROOT, Wish, encode, failure, json_answer, target, text, xml},
};
use crate::world::replace_file;
use axum::response::Response;
use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    path::PathBuf,
};
use uuid::Uuid;

#[derive(Debug)]
pub(super) struct Infobase {
    pub authorization: String,
    pub books: Books,
    pub file: Option<PathBuf>,
    pub faults: VecDeque<(Act, Fault)>,
    /// Sets, and properties as `set/property` or `set/table.property`, that are not exposed.
    pub withdrawn: BTreeSet<String>,
    /// Creations asked for by key, refused ones too.
    pub creations: BTreeMap<Uuid, u32>,
    /// Keys given to objects whose creator names none.
    pub spare_keys: u128,
}

impl Infobase {
    /// The answer, and whether it ever comes.
    pub fn serve(&mut self, authorization: Option<&str>, wish: &Wish) -> (Response, bool) {
        if authorization != Some(&self.authorization) {
            return (text(StatusCode::UNAUTHORIZED, ""), true);
        }
        let struck = match self.faults.front() {
            Some((act, _)) if *act == wish.act() => self.faults.pop_front(),
            _ => None,
        };
        match struck.map(|(_, fault)| fault) {
            None => (self.act(wish), true),
            Some(Fault::AnswerLost) => (self.act(wish), false),
            Some(Fault::Hang) => (text(StatusCode::OK, ""), false),
            Some(Fault::Error) => {
                let refused = Refused::new(500, -1, "Внутренняя ошибка сервера");
                (failure(&refused), true)
            }
            Some(Fault::ErrorAfterAct) => {
                drop(self.act(wish));
                (text(StatusCode::INTERNAL_SERVER_ERROR, ""), true)
            }
            Some(Fault::Ignored) => {
                let before = self.books.clone();
                let answer = self.act(wish);
                self.books = before;
                self.keep();
                (answer, true)
            }
        }
    }

    fn act(&mut self, wish: &Wish) -> Response {
        if wish.method == Method::GET || self.file.is_none() {
            let done = self.dispatch(wish);
            return done.unwrap_or_else(|refused| failure(&refused));
        }
        // What the disk does not take has not happened.
        let before = self.books.clone();
        let done = self.dispatch(wish);
        if let Err(error) = self.save() {
            tracing::error!(%error, "the emulator of 1C can't keep its books");
            self.books = before;
            return failure(&Refused::new(500, -1, "Ошибка записи информационной базы"));
        }
        done.unwrap_or_else(|refused| failure(&refused))
    }

    fn dispatch(&mut self, wish: &Wish) -> Result<Response, Refused> {
        if wish.method == Method::GET && wish.path.is_empty() {
            return Ok(xml(model::service(|s, p| self.shows(s, p))));
        }
        if wish.method == Method::GET && wish.path == "$metadata" {
            return Ok(xml(model::metadata(|s, p| self.shows(s, p))));
        }
        let (set, key, method) = target(&wish.path)?;
        let model = model::model(set)
            .filter(|_| self.shows(set, None))
            .ok_or_else(|| Refused::no_set(set))?;
        match (&wish.method, key, method) {
            (&Method::GET, None, None) => self.list(model, &wish.query),
            (&Method::GET, Some(key), None) => {
                let stored = self.books.get(set, key)?;
                let object = self.selected(model, stored, &wish.query)?;
                Ok(json_answer(StatusCode::OK, &Value::Object(object)))
            }
            (&Method::POST, None, None) => self.create(model, &wish.body),
            (&Method::PATCH, Some(key), None) => {
                let body = self.body(model, &wish.body)?;
                self.books
                    .change(model, key, &body, wish.version.as_deref())?;
                let stored = self.books.get(set, key)?;
                let object = self.selected(model, stored, &BTreeMap::new())?;
                Ok(json_answer(StatusCode::OK, &Value::Object(object)))
            }
            (&Method::DELETE, Some(key), None) => {
                self.books.remove(set, key)?;
                Ok(text(StatusCode::NO_CONTENT, ""))
            }
            (&Method::POST, Some(key), Some("Post")) => {
                self.books.post(model, key)?;
                Ok(text(StatusCode::OK, ""))
            }
            (&Method::POST, Some(key), Some("Unpost")) => {
                self.books.unpost(model, key)?;
                Ok(text(StatusCode::OK, ""))
            }
            (_, _, Some(method)) => Err(Refused::new(
                404,
                11,
                format!("Метод \"{method}\" не найден"),
            )),
            _ => Err(Refused::new(405, 19, "Метод HTTP не разрешен")),
        }
    }

    fn create(&mut self, model: &'static Model, bytes: &[u8]) -> Result<Response, Refused> {
        let body = self.body(model, bytes)?;
        let key = body.get("Ref_Key").and_then(Value::as_str);
        if let Some(Ok(key)) = key.map(str::parse) {
            *self.creations.entry(key).or_default() += 1;
        }
        self.spare_keys += 1;
        let key = self
            .books
            .create(model, &body, Uuid::from_u128(self.spare_keys))?;
        let stored = self.books.get(model.name, key)?;
        let object = self.selected(model, stored, &BTreeMap::new())?;
        let mut answer = json_answer(StatusCode::CREATED, &Value::Object(object));
        let location = format!("{ROOT}{}(guid'{key}')", encode(model.name));
        if let Ok(location) = location.parse() {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        Ok(answer)
    }

    /// The body as JSON, without properties that are not exposed.
    fn body(&self, model: &Model, bytes: &[u8]) -> Result<Value, Refused> {
        let body: Value = serde_json::from_slice(bytes)
            .map_err(|_| Refused::new(400, 1, "Ошибка разбора запроса"))?;
        let names = body.as_object().into_iter().flatten();
        for (name, _) in names {
            if !self.shows(model.name, Some(name)) {
                return Err(Refused::new(
                    400,
                    10,
                    format!("Свойство \"{name}\" не найдено"),
                ));
            }
        }
        Ok(body)
    }

    fn list(&self, model: &Model, query: &BTreeMap<String, String>) -> Result<Response, Refused> {
        let option = |error: QueryError| match error {
            QueryError::Syntax(text) => Refused::new(400, 14, text),
            QueryError::NoProperty(name) => {
                Refused::new(400, 10, format!("Свойство \"{name}\" не найдено"))
            }
        };
        let count = |name: &str| {
            let text = query.get(name)?;
            Some(
                text.parse::<usize>()
                    .map_err(|_| Refused::new(400, 14, name)),
            )
        };
        let filter = query.get("$filter").map(|text| Filter::parse(text));
        let filter = filter.transpose().map_err(option)?;
        let mut found = Vec::new();
        for stored in self.books.objects.get(model.name).into_iter().flatten() {
            let properties = &stored.1.properties;
            let passes = filter.as_ref().map(|f| f.matches(properties));
            if passes.transpose().map_err(option)?.unwrap_or(true) {
                found.push(stored.1);
            }
        }
        if let Some(text) = query.get("$orderby") {
            let (property, direction) = text.split_once(' ').unwrap_or((text, "asc"));
            let null = Value::Null;
            let of = |stored: &Stored| stored.properties.get(property).unwrap_or(&null).clone();
            found.sort_by(|a, b| query::compare(&of(a), &of(b)));
            if direction == "desc" {
                found.reverse();
            }
        }
        let total = found.len();
        let skip = count("$skip").transpose()?.unwrap_or(0);
        let top = count("$top").transpose()?.unwrap_or(usize::MAX);
        let page: Result<Vec<_>, _> = found
            .into_iter()
            .skip(skip)
            .take(top)
            .map(|stored| self.selected(model, stored, query).map(Value::Object))
            .collect();
        let mut whole = json!({
            "odata.metadata": format!("{ROOT}$metadata#{}", model.name),
            "value": page?,
        });
        if query.get("$inlinecount").is_some_and(|v| v == "allpages") {
            whole["odata.count"] = json!(total.to_string());
        }
        Ok(json_answer(StatusCode::OK, &whole))
    }

    /// The properties that were asked for, or all that are exposed.
    fn selected(
        &self,
        model: &Model,
        stored: &Stored,
        query: &BTreeMap<String, String>,
    ) -> Result<Map<String, Value>, Refused> {
        let shown = |name: &str| self.shows(model.name, Some(name));
        let all = stored.properties.iter().filter(|(name, _)| shown(name));
        let Some(select) = query.get("$select").filter(|s| s.as_str() != "*") else {
            return Ok(all.map(|(n, v)| (n.clone(), v.clone())).collect());
        };
        select
            .split(',')
            .map(|name| {
                let value = stored.properties.get(name).filter(|_| shown(name));
                let value = value.ok_or_else(|| {
                    Refused::new(400, 10, format!("Свойство \"{name}\" не найдено"))
                })?;
                Ok((name.to_owned(), value.clone()))
            })
            .collect()
    }

    fn shows(&self, set: &str, property: Option<&str>) -> bool {
        !self.withdrawn.contains(set)
            && property.is_none_or(|p| !self.withdrawn.contains(&format!("{set}/{p}")))
    }

    pub fn keep(&self) {
        if let Err(error) = self.save() {
            tracing::warn!(%error, "the emulator of 1C can't keep its books");
        }
    }

    /// Whole and at once: a crash leaves the books before or after, never between.
    pub fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        replace_file(file, &serde_json::to_vec(&self.books)?)
    }
}
