//! The vocabulary of fiscal printers (54-FZ), and the trait their drivers keep.
//!
//! No vendor's word is in here. A driver crate implements [`FiscalPrinter`] and a [`PrinterFactory`];
//! the daemon owns one printer at a time and hands it one document at a time.
//!
//! **How one intent gives one fiscal document.** A document exists if and only if the fiscal drive (FN)
//! gave it a number, and that number grows by exactly one a document. So the daemon reads a
//! [`Baseline`] *before* the first byte of an attempt and stores it durably; after any doubt it asks
//! [`FiscalPrinter::recover`], which compares the drive's counter with the baseline and reads the
//! documents behind it. Paper proves nothing. Money put into the drawer or taken out is no fiscal document: there the
//! printer's own counters of the drawer are the evidence.
//!
//! [`check`] looks a document through before the first byte leaves; [`spread`] takes a discount off its lines.

pub mod check;
mod document;
#[cfg(feature = "emulator")]
pub mod emulator;
mod error;
mod local_time;
mod marking;
mod printer;
mod record;
pub mod recovery;
mod slip;
mod spread;
mod status;
pub mod tlv;
mod words;

pub use document::*;
pub use error::{Advice, FiscalError};
pub use local_time::LocalDateTime;
pub use marking::*;
pub use printer::{Baseline, FiscalPrinter, PrinterFactory, Recovered};
pub use record::*;
pub use slip::*;
pub use spread::*;
pub use status::*;
pub use words::*;
