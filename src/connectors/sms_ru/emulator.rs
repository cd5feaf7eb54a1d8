//! SMS.RU in the process: its wire, a list of what was sent, and faults on demand.
//!
//! Left out of the real service: stop lists by API, callbacks, call-in confirmation, and answers in plain text.

mod door;
mod shelf;
#[cfg(test)]
mod tests;

pub use shelf::SentSms;

use crate::world::{Clock, replace_file};
use axum::Router;
use shelf::Shelf;
use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What goes wrong with one `/sms/send`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmsFault {
    /// Trouble, and nothing was taken.
    Before(Trouble),
    /// The message was taken, then trouble: the answer is lost after the act.
    After(Trouble),
    /// The provider thinks that long before it acts and answers.
    Delay(Duration),
}

/// How a call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection is cut.
    Drop,
    /// Nothing ever comes.
    Hang,
    /// An HTTP status without a body.
    Status(u16),
    /// A page of something else.
    Garbage,
    /// The provider's own code: 201 no money, 200 bad key, 230 throttled, 220 out of service …
    Code(i64),
}

/// The provider. Clones share everything.
#[derive(Clone)]
pub struct SmsRuEmulator(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    api_id: String,
    file: Option<PathBuf>,
    shelf: Mutex<Shelf>,
    faults: Mutex<VecDeque<(SmsFault, u32)>>,
}

impl SmsRuEmulator {
    /// A provider with one account and a balance, in parts of messages.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, api_id: &str, balance: u64) -> Self {
        Self::with(clock, api_id, None, Shelf::new(balance))
    }

    /// A provider that keeps what it has taken in a file, and writes it before it answers. The balance is that
    /// of a new account.
    ///
    /// # Errors
    /// When the file can't be read, or is none of ours.
    pub fn open(
        clock: Arc<dyn Clock>,
        api_id: &str,
        balance: u64,
        file: &Path,
    ) -> io::Result<Self> {
        let shelf = match fs::read(file) {
            Ok(json) => serde_json::from_slice(&json)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Shelf::new(balance),
            Err(e) => return Err(e),
        };
        Ok(Self::with(clock, api_id, Some(file.to_owned()), shelf))
    }

    fn with(clock: Arc<dyn Clock>, api_id: &str, file: Option<PathBuf>, shelf: Shelf) -> Self {
        Self(Arc::new(Inner {
            clock,
            api_id: api_id.to_owned(),
            file,
            shelf: Mutex::new(shelf),
            faults: Mutex::new(VecDeque::new()),
        }))
    }

    /// The provider's paths, and a control door for people: `GET /_sent`, `POST /_ctl`.
    pub fn router(&self) -> Router {
        door::router(self.clone())
    }

    /// Lets a fault strike the next `count` sends. Several faults wait for one another.
    pub fn set_fault(&self, fault: SmsFault, count: u32) {
        if count > 0 {
            self.faults().push_back((fault, count));
        }
    }

    /// Forgets all faults.
    pub fn heal(&self) {
        self.faults().clear();
    }

    /// Refuses a number from now on (code 209).
    pub fn stop(&self, digits: &str) {
        self.shelf().stop(digits);
    }

    /// Every message that was taken, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<SentSms> {
        self.shelf().sent().to_vec()
    }

    /// Changes the shelf. With a file, the change counts only once it is written.
    fn change<T>(&self, act: impl FnOnce(&mut Shelf) -> T) -> io::Result<T> {
        let mut shelf = self.shelf();
        let mut changed = shelf.clone();
        let result = act(&mut changed);
        if let Some(file) = &self.0.file {
            replace_file(file, &serde_json::to_vec(&changed)?)?;
        }
        *shelf = changed;
        Ok(result)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, VecDeque<(SmsFault, u32)>> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strike(&self) -> Option<SmsFault> {
        let mut faults = self.faults();
        let (fault, left) = faults.front_mut()?;
        let fault = fault.clone();
        *left = left.saturating_sub(1);
        if *left == 0 {
            faults.pop_front();
        }
        Some(fault)
    }
}
