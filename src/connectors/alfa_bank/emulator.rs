//! A bank in the process: the gateway's wire, an account book, and faults on demand.
//!
//! Left out of the real gateway: QR templates, callbacks, bindings, and the direct SBP gateway.

mod book;
mod door;
mod fault;
#[cfg(test)]
mod tests;

pub use book::{BankOrder, PayError};
pub use fault::{BankFault, Trouble};

use crate::{
    domain::time::Timestamp,
    world::{Clock, replace_file},
};
use axum::Router;
use book::{Book, Payment};
use fault::Faults;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The bank. Clones share everything.
#[derive(Clone)]
pub struct BankEmulator(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    user_name: String,
    password: String,
    file: Option<PathBuf>,
    book: Mutex<Book>,
    faults: Mutex<Faults>,
}

impl BankEmulator {
    /// Strikes calls of every method, for [`BankEmulator::set_fault`].
    pub const ANY: &'static str = "*";

    /// A bank that keeps its book in memory, with one shop's login.
    #[must_use]
    pub fn in_memory(clock: Arc<dyn Clock>, user_name: &str, password: &str) -> Self {
        Self::with(clock, user_name, password, None, Book::default())
    }

    /// A bank that keeps its book in a file, and writes it before it answers.
    ///
    /// # Errors
    /// When the file can't be read, or is not a book.
    pub fn open(
        clock: Arc<dyn Clock>,
        user_name: &str,
        password: &str,
        file: &Path,
    ) -> io::Result<Self> {
        let book = match fs::read(file) {
            Ok(json) => serde_json::from_slice(&json)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Book::default(),
            Err(e) => return Err(e),
        };
        let file = Some(file.to_owned());
        Ok(Self::with(clock, user_name, password, file, book))
    }

    fn with(
        clock: Arc<dyn Clock>,
        user_name: &str,
        password: &str,
        file: Option<PathBuf>,
        book: Book,
    ) -> Self {
        Self(Arc::new(Inner {
            clock,
            user_name: user_name.to_owned(),
            password: password.to_owned(),
            file,
            book: Mutex::new(book),
            faults: Mutex::new(Faults::default()),
        }))
    }

    /// The gateway under `/payment/rest/`, and a control door for people under `/__emu/`.
    pub fn router(&self) -> Router {
        door::router(self.clone())
    }

    /// The payer pays an order's QR code in full.
    ///
    /// # Errors
    /// When there is no such order, it is not open any more, or its code was never asked for.
    pub fn pay(&self, order_number: &str) -> Result<(), PayError> {
        self.change(|book, now| book.pay(order_number, Payment::InFull, now))
    }

    /// The payer pays, but the bank takes another sum: what must never be taken for paid.
    ///
    /// # Errors
    /// As [`BankEmulator::pay`].
    pub fn pay_wrong_sum(&self, order_number: &str, minor: i64) -> Result<(), PayError> {
        self.change(|book, now| book.pay(order_number, Payment::Of(minor), now))
    }

    /// The payer pays the newest order that can be paid; answers with its number.
    ///
    /// # Errors
    /// When there is none.
    pub fn pay_newest(&self) -> Result<String, PayError> {
        self.change(|book, now| {
            let number = book.newest_payable(now).ok_or(PayError::NoOrder)?;
            book.pay(&number, Payment::InFull, now).map(|()| number)
        })
    }

    /// The payer's bank refuses; the code can't be paid any more.
    ///
    /// # Errors
    /// As [`BankEmulator::pay`].
    pub fn decline(&self, order_number: &str) -> Result<(), PayError> {
        self.change(|book, now| book.refuse_payer(order_number, now))
    }

    /// Lets a fault strike the next `count` calls of `method` (such as `refund.do`, or
    /// [`BankEmulator::ANY`]). Several faults of one method wait for one another.
    pub fn set_fault(&self, method: &str, fault: BankFault, count: u32) {
        self.faults().add(method, fault, count);
    }

    /// Forgets all faults.
    pub fn heal(&self) {
        *self.faults() = Faults::default();
    }

    /// Every order, by its number.
    #[must_use]
    pub fn orders(&self) -> Vec<BankOrder> {
        let now = self.0.clock.now();
        self.book().snapshot(now)
    }

    /// One order by its number.
    #[must_use]
    pub fn order(&self, order_number: &str) -> Option<BankOrder> {
        let now = self.0.clock.now();
        self.book().snapshot_of(order_number, now)
    }

    /// How many times somebody was charged.
    #[must_use]
    pub fn charges(&self) -> u32 {
        self.orders().iter().map(|order| order.charges).sum()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the book. With a file, the change counts only once it is written: an unwritten change is as if
    /// it had never been asked for.
    fn change<T, E: From<io::Error>>(
        &self,
        act: impl FnOnce(&mut Book, Timestamp) -> Result<T, E>,
    ) -> Result<T, E> {
        let now = self.0.clock.now();
        let mut book = self.book();
        let Some(file) = &self.0.file else {
            return act(&mut book, now);
        };
        let mut changed = book.clone();
        let result = act(&mut changed, now)?;
        let json = serde_json::to_vec(&changed).map_err(io::Error::from)?;
        replace_file(file, &json)?;
        *book = changed;
        Ok(result)
    }
}
