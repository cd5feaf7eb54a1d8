//! An infobase of 1C:Accounting 3.0 behind its standard OData interface, as far as the connector and outside
//! clients of 1C need it: what is written is checked, numbered, versioned and posted as 1C does it.
//!
//! Faults on the wire are the network's business ([`crate::world::RouterHttp`]); those here are 1C's own,
//! and work over a real socket too. With [`Emulator::open`] the books outlive the process.

mod books;
mod infobase;
mod model;
mod query;
mod web;

use super::{config::Config, wire};
use axum::Router;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use books::{Books, Refused, Stored};
use infobase::Infobase;
use model::{MODELS, Model};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Read anything.
    Read,
    /// Create an object.
    Create,
    /// Change or delete one.
    Change,
    /// Post or unpost one.
    Post,
}

/// What 1C does wrong with the next request of an [`Act`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It acts, and its answer never comes.
    AnswerLost,
    /// It never answers, and does not act.
    Hang,
    /// It answers 500 with code -1, and does not act. For [`Act::Post`]: the document stays half done.
    Error,
    /// It acts and answers 500 without a word.
    ErrorAfterAct,
    /// It says that it has acted, and has not.
    Ignored,
}

/// A document, for whoever looks into the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentView {
    /// Its set.
    pub set: String,
    /// Its key.
    pub ref_key: Uuid,
    /// Its number.
    pub number: String,
    /// Its date.
    pub date: String,
    /// Its total, minor units.
    pub total_minor: i64,
    /// Whether it is posted, with its records in the registers.
    pub posted: bool,
    /// How often it was posted.
    pub postings: u32,
    /// Whether it is marked for deletion.
    pub deletion_mark: bool,
    /// Its comment.
    pub comment: String,
}

/// An infobase; clones share it.
#[derive(Clone, Debug)]
pub struct Emulator(Arc<Mutex<Infobase>>);

impl Emulator {
    /// An empty infobase in memory, with one user.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self(Arc::new(Mutex::new(Infobase {
            authorization: format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
            books: Books::default(),
            file: None,
            faults: VecDeque::new(),
            withdrawn: BTreeSet::new(),
            creations: BTreeMap::new(),
            spare_keys: 0,
        })))
    }

    /// An infobase that is kept in a file; it goes on with what the file holds.
    ///
    /// # Errors
    /// When the file can't be read or is of something else.
    pub fn open(user: &str, password: &str, file: PathBuf) -> io::Result<Self> {
        let emulator = Self::new(user, password);
        {
            let mut infobase = emulator.infobase();
            match std::fs::read(&file) {
                Ok(bytes) => infobase.books = serde_json::from_slice(&bytes)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            infobase.file = Some(file);
            infobase.save()?;
        }
        Ok(emulator)
    }

    /// Its HTTP side; serves any path with `/odata/standard.odata/` in it.
    pub fn router(&self) -> Router {
        Router::new().fallback(web::answer).with_state(self.clone())
    }

    /// Puts every object that the settings point to into the catalogs, so that reports can be posted.
    pub fn stock(&self, config: &Config) {
        for reference in config.references() {
            self.put(reference.set, reference.key, &reference.setting, json!({}));
        }
        let shop = json!({"ТипСклада": "РозничныйМагазин"});
        self.put(wire::WAREHOUSES, config.warehouse, "Ресторан", shop);
    }

    /// Puts an object into a catalog or chart, or replaces its `properties` there.
    pub fn put(&self, set: &str, key: Uuid, description: &str, properties: Value) {
        let Some(model) = model::model(set) else {
            return;
        };
        let mut infobase = self.infobase();
        let mut body = json!({"Ref_Key": key, "Description": description.chars().take(100).collect::<String>()});
        if let (Some(body), Some(properties)) = (body.as_object_mut(), properties.as_object()) {
            body.extend(properties.clone());
        }
        let books = &mut infobase.books;
        let done = if books.get(set, key).is_ok() {
            books.change(model, key, &body, None)
        } else {
            books.create(model, &body, key).map(|_| ())
        };
        if let Err(refused) = done {
            tracing::warn!(reason = %refused.message, "the emulator of 1C does not take an object");
        }
        infobase.keep();
    }

    /// Lets a fault strike the next request of that act. Several wait for one another.
    pub fn inject(&self, act: Act, fault: Fault) {
        self.infobase().faults.push_back((act, fault));
    }

    /// Forbids changes up to that day (`YYYY-MM-DD`), or allows them again.
    pub fn close_period(&self, until: Option<&str>) {
        let mut infobase = self.infobase();
        infobase.books.closed_until = until.map(str::to_owned);
        infobase.keep();
    }

    /// Hides a set from the interface, or one `property` (`table.property` for a table part) of it.
    pub fn withdraw(&self, set: &str, property: Option<&str>) {
        let name = property.map_or_else(|| set.to_owned(), |p| format!("{set}/{p}"));
        self.infobase().withdrawn.insert(name);
    }

    /// Exposes everything again.
    pub fn expose_all(&self) {
        self.infobase().withdrawn.clear();
    }

    /// What an accountant does by hand: sets properties of a document.
    ///
    /// # Errors
    /// 1C's words, when it does not let them.
    pub fn edit(&self, ref_key: Uuid, properties: &Value) -> Result<(), String> {
        self.by_hand(ref_key, |books, model| {
            books.change(model, ref_key, properties, None)
        })
    }

    /// What an accountant does by hand: takes a document out of the books.
    ///
    /// # Errors
    /// 1C's words, when it does not let them.
    pub fn unpost(&self, ref_key: Uuid) -> Result<(), String> {
        self.by_hand(ref_key, |books, model| books.unpost(model, ref_key))
    }

    /// All documents, by set and key.
    #[must_use]
    pub fn documents(&self) -> Vec<DocumentView> {
        let infobase = self.infobase();
        let all = infobase.books.objects.iter();
        all.filter(|(set, _)| model::model(set).is_some_and(Model::is_document))
            .flat_map(|(set, objects)| objects.iter().map(move |(key, o)| view(set, *key, o)))
            .collect()
    }

    /// How often the creation of that key was asked for, refused attempts too.
    #[must_use]
    pub fn creations(&self, ref_key: Uuid) -> u32 {
        let infobase = self.infobase();
        infobase.creations.get(&ref_key).copied().unwrap_or(0)
    }

    fn by_hand(
        &self,
        key: Uuid,
        act: impl FnOnce(&mut Books, &'static Model) -> Result<(), Refused>,
    ) -> Result<(), String> {
        let mut infobase = self.infobase();
        let model = MODELS
            .iter()
            .find(|model| infobase.books.get(model.name, key).is_ok())
            .ok_or_else(|| format!("no object {key}"))?;
        act(&mut infobase.books, model).map_err(|refused| refused.message)?;
        infobase.keep();
        Ok(())
    }

    fn infobase(&self) -> MutexGuard<'_, Infobase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn view(set: &str, ref_key: Uuid, stored: &Stored) -> DocumentView {
    DocumentView {
        set: set.to_owned(),
        ref_key,
        number: stored.text("Number").to_owned(),
        date: stored.text("Date").to_owned(),
        total_minor: stored.minor("СуммаДокумента"),
        posted: stored.flag("Posted") && stored.in_books,
        postings: stored.postings,
        deletion_mark: stored.flag("DeletionMark"),
        comment: stored.text("Комментарий").to_owned(),
    }
}
